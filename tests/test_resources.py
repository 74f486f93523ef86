"""Memory, threads, processes: nothing leaks, values are freed on the way, and the number of threads changes nothing."""

import gc
import os
import subprocess
import sys
import threading
import time
import tracemalloc
import weakref

import numpy as np
import pytest

import scirs_ad as ad

X = np.linspace(0.1, 1.0, 50)


def loss(x):
    y = np.sin(x) * x**2
    y = np.linalg.solve(np.outer(x, x) + np.eye(x.size), y)
    z = np.zeros_like(y)
    z[1:] = y[:-1] * x[1:]
    return np.sum(np.exp(-(z**2))) + np.max(y) + ad.checkpoint(np.sum)(y)


def resident():
    """Bytes of memory that the process holds, or None where the system does not say."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


STEPS = {
    "grad": lambda: ad.grad(lambda x: np.sum(np.sin(x) * x))(X),
    "grad of many operations": lambda: ad.grad(loss)(X[:5]),
    "jvp": lambda: ad.jvp(np.sin, (X,), (X,)),
    "vjp": lambda: ad.vjp(lambda x: np.sin(x) * x, X)[1](X),
    "vmap": lambda: ad.vmap(np.sin)(X),
    "hvp": lambda: ad.hvp(lambda x: np.sum(x**3))(X, X),
    "an error": lambda: pytest.raises(ValueError, ad.grad(lambda x: np.sum(x + np.ones(3))), X),
}


@pytest.mark.parametrize("name", STEPS)
def test_python_memory_is_flat(name):
    """What a thousand calls leave behind is less than one array, let alone a tape."""
    step = STEPS[name]
    n = 1000 if name in ("grad", "jvp") else 150
    for _ in range(50):
        step()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(n):
            step()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 20_000, f"{grown} bytes after {n} calls"


def test_resident_memory_is_flat_over_10000_gradients():
    g = ad.grad(lambda x: np.sum(np.sin(x) * x))
    x = np.linspace(0.0, 1.0, 2000)
    for _ in range(500):
        g(x)
    before = resident()
    if before is None:
        return
    for _ in range(10_000):
        g(x)
    grown = resident() - before
    assert grown < 4e6, f"{grown / 1e6:.1f} MB"  # leaking one array per gradient would be 160 MB


def test_freed_without_the_garbage_collector():
    """Tapes and what they keep go by reference counts alone."""
    gc.collect()
    gc.disable()
    try:
        with ad.Tape() as tape:
            v = tape.variable(X.copy())
            y = np.sum(np.sin(v) ** 2)
        tape.gradients(y, [v])
        watch = weakref.ref(v.value)
        del v, y, tape
        assert watch() is None
        x = X.copy()
        watch = weakref.ref(x)
        for transform in (ad.grad, ad.hessian, ad.jacobian, ad.vmap):
            transform(lambda x: np.sum(np.sin(x) * x))(x)
        ad.vjp(np.sin, x)[1](x)
        ad.linearize(np.sin, x)[1](x)
        ad.grad(ad.checkpoint(np.sum))(x)
        del x
        assert watch() is None
    finally:
        gc.enable()


def test_values_are_freed_while_the_sweep_goes():
    """Going backward, the tape gives up each node, and what it kept, when it has passed it."""
    steps, outputs, alive = 30, [], []

    @ad.primitive("()->()")
    def probe(x):
        out = np.sin(x)
        outputs.append(weakref.ref(out))
        return out

    @probe.def_vjp
    def _(ct, x):
        alive.append(sum(ref() is not None for ref in outputs))
        return ct * np.cos(x)

    def f(x):
        for _ in range(steps):
            x = probe(x)
        return np.sum(x)

    ad.grad(f)(X)
    assert alive[0] >= steps - 1
    assert all(n <= steps - k for k, n in enumerate(alive))


def test_a_chain_of_100000_nodes():
    """No recursion: neither in differentiating nor in freeing."""

    def f(x):
        for _ in range(100_000):
            x = x * 1.00001
        return x

    factor = 1.00001**100_000
    assert ad.grad(f)(1.0) == pytest.approx(factor, rel=1e-9)
    assert ad.jvp(f, (1.0,), (1.0,))[1] == pytest.approx(factor, rel=1e-9)
    out, push = ad.linearize(f, 1.0)
    assert push(1.0) == pytest.approx(factor, rel=1e-9)
    del push, out
    with ad.Tape() as tape:
        x = tape.variable(1.0)
        y = f(x)
    assert tape.gradients(y, [x])[0] == pytest.approx(factor, rel=1e-9)
    del tape, x, y


def test_a_long_traced_chain():
    def f(x):
        for _ in range(20_000):
            x = np.sin(x)
        return x

    graph = ad.trace(f)(1.0)
    assert len(graph) == 20_000
    assert graph(1.0) == f(ad.Variable(1.0)).value
    assert ad.grad(graph)(1.0) == ad.grad(f)(1.0)
    assert len(str(graph).splitlines()) == 20_002


# ------------------------------------------------------------------------------------------------ threads
def test_eight_threads_at_once():
    """All transforms in eight Python threads: each finds what it finds alone."""

    def work(x):
        return [
            ad.grad(loss)(x),
            ad.hvp(loss)(x, x),
            ad.jvp(loss, (x,), (x,))[1],
            ad.vmap(ad.grad(lambda y: np.sin(y) * y))(x),
            ad.jacobian(lambda x: np.sin(x) * x)(x),
            ad.trace(lambda x: np.sin(x) * 2.0)(x)(x),
            ad.grad(ad.elementwise(lambda x: np.sin(x) * x))(0.3),
        ]

    inputs = [np.linspace(0.1, 1.0 + k / 10, 4 + k) for k in range(8)]
    expected = [work(x) for x in inputs]
    start = threading.Barrier(8)
    failures = []

    def run(k):
        try:
            start.wait()
            for _ in range(12):
                for a, b in zip(work(inputs[k]), expected[k], strict=True):
                    np.testing.assert_array_equal(a, b)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures, failures[0]


def test_large_arrays_in_threads():
    """Our own threads under Python's threads."""
    x = np.linspace(0.0, 1.0, 200_000)
    g = ad.grad(lambda x: np.sum(np.sin(x) * np.exp(x)))
    expected = g(x)
    wrong = []

    def run():
        for _ in range(5):
            if not np.array_equal(g(x), expected):
                wrong.append(1)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_the_number_of_threads_changes_no_bit():
    rng = np.random.default_rng(0)

    def shifted(x):
        return np.sum((x[1:] - x[:-1] ** 2) ** 2) + np.sum(x[9:] * x[4:-5] * x[:-9])

    x, a = rng.standard_normal(300_000), rng.standard_normal((64, 30, 30)) + 10 * np.eye(30)

    def results():
        return [
            *ad.value_and_grad(lambda x: np.sum(np.tanh(x) * np.exp(-(x**2))) / np.linalg.norm(x))(x),
            ad.grad(lambda x: np.var(x) + np.max(x) + np.sum(np.cumsum(x)))(x),
            ad.compile(ad.grad(shifted))(x),
            ad.compile(ad.hvp(shifted))(x, x[::-1].copy()),
            ad.grad(lambda a: np.sum(np.linalg.inv(a)) + np.sum(np.linalg.slogdet(a)[1]))(a),
            ad.grad(lambda a: np.sum(np.sin(a @ a)))(a),
            ad.vmap(ad.grad(lambda a: np.sum(np.linalg.solve(a, a[0]))))(a),
        ]

    before = ad.get_num_threads()
    try:
        found = []
        for n in (1, 4):
            ad.set_num_threads(n)
            found.append(results())
    finally:
        ad.set_num_threads(before)
    for one, four in zip(*found, strict=True):
        np.testing.assert_array_equal(one, four)


# ------------------------------------------------------------------------------------------------ processes
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_fork_after_use(tmp_path):
    """A child that is forked after our threads have run computes, and does not hang."""
    script = """
import os, numpy as np, scirs_ad as ad
ad.set_num_threads(4)
x = np.linspace(0.0, 1.0, 300_000)
a = np.eye(40) + np.outer(x[:40], x[:40])
f = lambda x: np.sum(np.sin(x) * np.exp(x)) + np.sum(np.linalg.inv(a * x[0] + a))
expected = ad.grad(f)(x)
for _ in range(3):
    child = os.fork()
    if child == 0:
        os._exit(0 if np.allclose(ad.grad(f)(x), expected, rtol=1e-12, atol=0) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert np.array_equal(ad.grad(f)(x), expected)
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, timeout=60, cwd=tmp_path)


def _wave(c):
    return np.sin(c) * 0.5


WITHOUT_THE_GIL = {
    "region": (lambda x: np.sum(np.tanh(np.sin(x)) * np.exp(-(x**2)) + np.arctan(x)), np.linspace(0.0, 1.0, 6_000_000)),
    "product": (lambda m: m @ m, np.ones((1500, 1500))),
    "many products": (lambda m: m @ m @ m, np.ones((400_000, 4, 4))),
    "factorisation": (lambda m: np.linalg.cholesky(m), 1e4 * np.eye(1500) + 1.0),
    "loop": (lambda x: ad.fori_loop(0, 400_000, lambda i, c: _wave(c) + x, x), np.ones(3)),
    "scalar loop": (lambda x: ad.while_loop(lambda c: c < 4e6, lambda c: c + 1.0, x), np.float64(0.1)),
}


@pytest.mark.parametrize("name", WITHOUT_THE_GIL)
def test_other_threads_go_on_while_a_program_runs(name):
    """The longest pause of this thread is a small part of the time that the program takes."""
    f, x = WITHOUT_THE_GIL[name]
    program = ad.compile(f)
    program(x)
    began, done = threading.Event(), threading.Event()

    def run():
        began.set()
        program(x)
        done.set()

    def pause():
        """The longest pause as a part of the time; of few shares, since the system stops threads, too."""
        began.clear()
        done.clear()
        thread = threading.Thread(target=run)
        thread.start()
        began.wait()
        first = last = time.perf_counter()
        longest = 0.0
        while not done.is_set():
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        thread.join()
        return longest / (time.perf_counter() - first)

    assert min(pause() for _ in range(5)) < 0.5
