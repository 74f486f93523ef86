"""`compile`: compiled is eager, at every sample of the table; composition, signatures, errors."""

import _thread
import re
import threading
import time

import numpy as np
import pytest
from laws import cases, same

import scirs_ad as ad
from scirs_ad._compiler.body import compiled_call
from scirs_ad.testing.differences import sensitivity

CASES = [case for case in cases() if case.arrays and case.p is not compiled_call]
SMOOTH = [case for case in CASES if case.order >= 1 and case.moving]
warnings_meant = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # samples at poles and at inf are meant


def function_of(case, places):
    def f(*xs):
        full = list(case.args)
        for k, x in zip(places, xs, strict=True):
            full[k] = x
        return case.call(*full)

    return f


# ------------------------------------------------------------------------------------------------ the laws
@warnings_meant
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_compiled_is_eager(case):
    f = function_of(case, case.arrays)
    arrays = [np.asarray(case.args[k]) for k in case.arrays]
    compiled = ad.compile(f)
    for _ in range(2):  # traced, then by the short way
        for y, z in zip(compiled(*arrays), f(*arrays), strict=True):
            same(np.asarray(y), z, case, case.elementwise, ulps=4)


@warnings_meant
@pytest.mark.parametrize("case", SMOOTH, ids=repr)
def test_compile_of_vjp_is_vjp(case):
    xs = case.point()
    cts = case.cotangents(case.moved(*xs))
    n = len(xs)

    def pulled(*values):
        return list(ad.vjp(case.moved, *values[:n])[1](list(values[n:])))

    refusal = getattr(case.p, "no_reverse_when_traced", None)
    if refusal is not None:  # says the page itself
        for refused in (lambda: ad.compile(pulled)(*xs, *cts), lambda: ad.vjp(ad.compile(case.moved), *xs)[1](cts)):
            with pytest.raises(ad.NotDifferentiableError, match=re.escape(refusal)):
                refused()
        return
    extra = sensitivity(lambda *v: pulled(*v, *cts), xs, case.rng)
    expected = pulled(*xs, *cts)
    for y, z, e in zip(ad.compile(pulled)(*xs, *cts), expected, extra, strict=True):
        same(np.asarray(y), z, case, case.elementwise, e)
    again = ad.vjp(ad.compile(case.moved), *xs)[1](cts)
    for y, z, e in zip(again, expected, extra, strict=True):
        same(np.asarray(y), z, f"vjp of compile: {case}", case.elementwise, e)


# ------------------------------------------------------------------------------------------------ composition
def f(x):
    return np.sum(np.sin(x) * np.exp(-x[1:].sum() * 0.1) + np.where(x > 0, x**3, 2.0 * x))


X = np.array([0.3, -0.7, 1.1, 0.2])
V = np.array([1.0, 0.5, -0.25, 2.0])
close = np.testing.assert_allclose


def test_compositions():
    c = ad.compile(f)
    close(c(X), f(X), rtol=1e-14)
    g = ad.grad(f)(X)
    close(ad.compile(ad.grad(f))(X), g, rtol=1e-13)
    close(ad.grad(c)(X), g, rtol=1e-13)
    close(ad.compile(ad.grad(c))(X), g, rtol=1e-13)
    close(ad.grad(ad.compile(lambda x: 2.0 * c(x)))(X), 2 * g, rtol=1e-13)
    h = ad.hessian(f)(X)
    for made in (ad.hessian(c), ad.compile(ad.hessian(f)), ad.compile(ad.hessian(c)), ad.jacfwd(ad.grad(c))):
        close(made(X), h, rtol=1e-12, atol=1e-13)
    close(ad.hvp(c)(X, V), h @ V, rtol=1e-12)
    close(ad.grad(lambda x: ad.grad(c)(x) @ V)(X), h @ V, rtol=1e-12)
    close(ad.jvp(c, (X,), (V,))[1], g @ V, rtol=1e-13)
    rows = np.stack([X, V, X * V])
    expected = np.stack([f(x) for x in rows])
    close(ad.vmap(c)(rows), expected, rtol=1e-13)
    close(ad.compile(ad.vmap(c))(rows), expected, rtol=1e-13)
    grads = np.stack([ad.grad(f)(x) for x in rows])
    close(ad.vmap(ad.grad(c))(rows), grads, rtol=1e-12)
    close(ad.grad(lambda r: np.sum(ad.vmap(c)(r)))(rows), grads, rtol=1e-12)
    close(ad.vmap(ad.vmap(c))(np.stack([rows, rows])), np.stack([expected, expected]), rtol=1e-13)


def test_only_what_is_differentiated_is_pulled():
    c = ad.compile(lambda x, a: np.sum(a @ x))
    a = np.arange(12.0).reshape(3, 4)
    tape = ad.Tape()
    y = c(tape.variable(X), a)
    (node,) = [n for n in tape.nodes if n.primitive is compiled_call]
    assert node.params["wanted"] == (0,)
    close(tape.gradients(y, [ad.Tape.variable(tape, X)]), [np.zeros(4)])
    close(ad.grad(c, argnums=1)(X, a), np.tile(X, (3, 1)))


def test_captured_variables_are_lifted():
    def outer(w):
        return ad.compile(lambda x: np.sum(x * w) + np.sum(w**2))(X)

    close(ad.grad(outer)(V), X + 2 * V)
    close(ad.compile(ad.grad(outer))(V), X + 2 * V)
    close(ad.jvp(outer, (V,), (X,))[1], X @ X + 2 * V @ X)
    close(ad.vmap(outer)(np.stack([V, X])), [outer(V), outer(X)])
    close(
        ad.grad(lambda w: ad.grad(lambda x: ad.compile(lambda z: np.sum(z * w * x))(x))(X)[0])(V), 2 * X * [1, 0, 0, 0]
    )
    handed = ad.compile(lambda x: x)
    close(ad.grad(lambda w: np.sum(ad.compile(lambda x: (x, w))(X)[1] ** 2))(V), 2 * V)
    assert handed(X) is not X


def test_custom_rules_and_checkpoint_inside():
    @ad.custom_vjp
    def tripled(x):
        return 1.0 * x

    @tripled.def_vjp
    def _(ct):
        return 3.0 * ct

    close(ad.compile(ad.grad(lambda x: np.sum(tripled(x) ** 2)))(X), 6 * X)
    close(ad.compile(ad.grad(ad.checkpoint(f)))(X), ad.grad(f)(X), rtol=1e-13)
    close(ad.grad(ad.compile(ad.checkpoint(f)))(X), ad.grad(f)(X), rtol=1e-13)
    close(ad.grad(ad.checkpoint(ad.compile(f)))(X), ad.grad(f)(X), rtol=1e-13)
    close(ad.grad(lambda w: ad.compile(lambda x: ad.checkpoint(lambda z: np.sum(z * w))(x))(X))(V), X)


# ------------------------------------------------------------------------------------------------ signatures
def test_containers_and_keywords():
    @ad.compile
    def step(params, batch, *, rate=0.1):
        """Doc."""
        w, b = params["w"], params["b"]
        return {"w": w - rate * batch[0], "b": [b[0] + batch[1], None]}, (rate, w.sum())

    params = {"w": X, "b": [V, None]}
    for rate in (0.1, 0.5):
        new, (r, total) = step(params, (V, X), rate=rate)
        close(new["w"], X - rate * V)
        close(new["b"][0], V + X)
        assert new["b"][1] is None
        assert r == rate
        close(total, X.sum())
    assert step.__doc__ == "Doc."
    assert step.__name__ == "step"


def test_static_arguments():
    calls = []

    def power(x, n, mode="sum"):
        calls.append(n)
        y = x
        for _ in range(n - 1):
            y = y * x
        return np.sum(y) if mode == "sum" else y

    c = ad.compile(power, static_argnums=1)
    close(c(X, 3), np.sum(X**3))
    close(c(X, 2), np.sum(X**2))
    close(c(X, 3), np.sum(X**3))
    close(c(X, 3, mode="all"), X**3)
    assert calls == [3, 2, 3]
    named = ad.compile(power, static_argnames="n")
    close(named(X, n=2), np.sum(X**2))
    close(ad.compile(power, static_argnums=-1)(X, 2), np.sum(X**2))
    with pytest.raises(TypeError, match="cannot be hashed"):
        c(X, [3])
    # A bool and its number are two signatures.
    kept = ad.compile(lambda x, flag: x + 1 if flag is True else x, static_argnums=1)
    assert kept(1.0, True) == 2.0
    assert kept(1.0, 1) == 1.0


def test_numbers_adapt_to_arrays():
    c = ad.compile(lambda x, a, n: a * x + n)
    x = X.astype(np.float32)
    for a, n in ((0.5, 2), (np.float32(0.5), 2), (2, 0.25), (np.float64(2.0), 1)):
        expected = a * x + n
        assert c(x, a, n).dtype == expected.dtype
        close(c(x, a, n), expected, rtol=1e-6)
    assert c(1.0, 2.0, 3) == 5.0
    assert isinstance(c(1.0, 2.0, 3), np.float64)
    assert c(2, 3, 4) == 10
    close(ad.grad(c, argnums=1)(2.0, 3.0, 1.0), 2.0)


def test_every_signature_has_its_own_program():
    c = ad.compile(lambda x: x.sum() * 2)
    for x in (X, X[:2], X.astype(np.float32), np.stack([X, X]), np.array([1, 2]), 3.0, np.float32(2), X[::2], X):
        expected = np.asarray(x).sum() * 2
        close(c(x), expected, rtol=1e-6)
        assert c(x).dtype == expected.dtype


def test_layouts_of_inputs():
    a = np.arange(12.0).reshape(3, 4)
    c = ad.compile(lambda x: np.sin(x) + x[:, ::-1])
    frozen = a.copy()
    frozen.flags.writeable = False
    for x in (a, np.asfortranarray(a), np.ascontiguousarray(a.T).T, a[:, ::2], a[::-1], frozen, a.astype(">f8")):
        close(c(x), np.sin(x) + x[:, ::-1], rtol=1e-15)


def test_results_belong_to_the_caller():
    c = ad.compile(lambda x: (x, x, x[::-1], np.zeros(3), x * 2, (x * 2).reshape(2, 2), x.sum(), 1.5))
    first = c(X)
    kept = [np.copy(y) for y in first]
    for y in first[:-2]:
        y[...] = 7.0
    second = c(X)
    for y, z in zip(second, kept, strict=True):
        assert np.array_equal(y, z)
    assert X[0] == 0.3
    arrays = [y for y in [*first, *second] if isinstance(y, np.ndarray)]
    assert not any(np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i])


def test_results_are_written_where_the_caller_wants():
    c = ad.compile(lambda x, y: (np.sin(x) * y, {"s": np.sum(x)}, x[::-1]))
    x, y = np.linspace(0, 1, 2000), np.linspace(1, 2, 2000)
    expected = c(x, y)
    a, b = np.empty(2000), np.empty(4000)[::2]
    found = c(x, y, out=(a, {"s": None}, b))
    assert found[0] is a
    assert found[2] is b
    close(a, expected[0])
    close(b, expected[2])
    assert found[1]["s"] == expected[1]["s"]
    step = ad.compile(lambda x: x[::-1] * 2.0)
    z = x.copy()
    assert step(z, out=z) is z  # also over an argument
    close(z, 2 * x[::-1])
    with pytest.raises(ValueError, match="shape"):
        step(x, out=np.empty(3))
    with pytest.raises(TypeError, match="dtype"):
        step(x, out=np.empty(2000, int))
    with pytest.raises(ValueError, match="out is"):
        step(x, out=(a,))
    assert ad.compile(lambda x, out: x + out)(1.0, out=2.0) == 3.0


def test_donated_arguments_are_written_over():
    step = ad.compile(lambda x, g: x - 0.1 * g, donate_argnums=0)
    x, g = np.ones(3000), np.full(3000, 2.0)
    for k in range(3):
        address = x.ctypes.data
        x = step(x, g)
        assert x.ctypes.data == address
        close(x, np.full(3000, 1 - 0.2 * (k + 1)))
    assert g[0] == 2.0
    frozen = np.ones(3000)
    frozen.flags.writeable = False
    close(step(frozen, g), np.full(3000, 0.8))
    assert frozen[0] == 1.0
    shifted = ad.compile(lambda x: (x[::-1] + x, x.sum()), donate_argnums=0)
    close(shifted(np.arange(3000.0))[0], np.full(3000, 2999.0))


def test_memory_limit():
    c = ad.compile(lambda x: np.sort(np.exp(x)) + np.exp(np.sort(x)), memory_limit=10_000)
    assert c(np.ones(3)).shape == (3,)
    with pytest.raises(MemoryError, match="memory_limit"):
        c(np.ones(3000))
    assert c(np.ones(3)).shape == (3,)


def test_constants_are_those_of_the_trace():
    buffer = np.ones(4)

    def with_buffer(x):
        y = x * buffer
        buffer[...] += 1.0
        return y + buffer

    c = ad.compile(with_buffer)
    close(c(X), X + 2)
    close(c(X), X + 2)


def test_assignment_inside():
    def filled(x):
        z = np.zeros(4)
        z = ad.Variable(z)
        z[1:] = x[1:] * 2
        z[0] += x[0]
        return z

    close(ad.compile(filled)(X), [X[0], *(2 * X[1:])])
    close(ad.compile(ad.jacobian(filled))(X), np.diag([1.0, 2, 2, 2]))


def test_methods():
    class Model:
        def __init__(self, w):
            self.w = w

        @ad.compile
        def loss(self, x):
            return np.sum(self.w * x)

    close(Model(V).loss(X), V @ X)
    close(Model(X).loss(X), X @ X)


def test_bounded_cache():
    c = ad.compile(lambda x, n: x * n, static_argnums=1)
    for n in range(300):
        c(1.0, n)
    assert len(c._bodies) <= 256


def test_threads_share_one_program():
    c = ad.compile(ad.value_and_grad(lambda x: np.sum(np.sin(x) * np.cumsum(x))))
    xs = [np.linspace(0, k + 1, 500) for k in range(4)]
    expected = [ad.value_and_grad(lambda x: np.sum(np.sin(x) * np.cumsum(x)))(x) for x in xs]
    wrong = []

    def work(k):
        for _ in range(50):
            value, gradient = c(xs[k])
            if abs(value - expected[k][0]) > 1e-12 * abs(value) or not np.allclose(gradient, expected[k][1]):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


@pytest.mark.parametrize("n", [40, 600, 5000])
def test_gradients_of_shifted_slices_are_gathered(n):
    """Written once, by the pass that makes them, in every direction and with gaps."""
    x = np.random.default_rng(0).standard_normal((6, n))

    def rows(x):
        return np.sum((x[1:] - x[:-1] ** 2) ** 2) + np.sum(x[2:] * x[1:-1] * x[:-2])

    def columns(x):
        return np.sum(np.sin(x[:, 3:] * x[:, :-3]) + x[:, 1:-2] ** 2 * x[:, 2:-1])

    def gaps(x):
        return np.sum(x[:, ::2][:, 1:] * x[:, ::2][:, :-1]) + np.sum(x[::-1][1:] * x[:-1]) + np.sum(x[1:3] ** 2)

    def inputs_alone(x):
        return np.sum(x[:, 1:]) + np.sum(x[:, :-1] * x[:, 1:])

    for f in (rows, columns, gaps, inputs_alone, lambda x: rows(x) * columns(x) + inputs_alone(x.T[:5])):
        g = ad.grad(f)
        close(ad.compile(g)(x), g(x), rtol=1e-11, atol=1e-11)
        close(
            ad.compile(ad.grad(lambda x, f=f: f(x[:, 0:1] * np.ones(9))))(x),
            ad.grad(lambda x, f=f: f(x[:, 0:1] * np.ones(9)))(x),
            rtol=1e-11,
            atol=1e-11,
        )
    z = x[0]
    g = ad.grad(lambda z: np.sum((z[2:] - 2 * z[1:-1] * z[:-2]) ** 2))  # what is stored first is read again later
    close(ad.compile(g)(z), g(z), rtol=1e-12, atol=1e-12)
    g = ad.grad(lambda z: np.sum((z[1:] - z[:-1] ** 2) ** 2))
    close(ad.compile(g)(z), g(z), rtol=1e-12, atol=1e-12)
    close(ad.compile(ad.vmap(g))(x), ad.vmap(g)(x), rtol=1e-12, atol=1e-12)
    text = str(ad.compile(g).lower(z).fused)
    assert text.count("region") == 1
    assert "scatter_sum" in text
    rosenbrock = ad.compile(ad.hvp(lambda z: np.sum(100.0 * (z[1:] - z[:-1] ** 2) ** 2 + (1.0 - z[:-1]) ** 2)))
    text = str(rosenbrock.lower(np.ones(5000), np.ones(5000)).program)
    assert text.count("<-") == 4  # four passes over a block: powers of two go outwards


def test_memory_is_not_used_again_too_early():
    """Masks and copies that are made for a region lie between its first inputs and itself."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 90, 80))

    def several(a, b):
        c = np.sort(np.exp(a), axis=0)
        d = np.where(c > 1, np.sort(c * b, axis=1), c)
        for k in range(4):
            d = np.sort(np.where(np.isfinite(d), np.where(d > k / 4, d * c, b), a), axis=k % 2) * 0.5 + d
        return d, np.sum(d, 0), np.max(d, 1), np.min(d)

    for y, z in zip(ad.compile(several)(a, b), several(a, b), strict=True):
        close(y, z, rtol=1e-12)


def test_a_result_does_not_overwrite_what_is_reduced_later():
    x = np.random.default_rng(0).standard_normal((3, 31, 15))

    def f(x):
        a = np.max(np.sort(x, axis=-1), axis=0)
        b = 1.0 - np.tanh(-a) ** 2
        return np.sum(a, axis=-1), np.sum(np.tanh(-a)), np.cumsum(b)

    for y, z in zip(ad.compile(f)(x), f(x), strict=True):
        close(y, z, rtol=1e-12)


def test_regions_of_several_dtypes():
    """Integers, truth values, complex numbers and both floats in one pass, blocks long."""
    rng = np.random.default_rng(0)
    x, k = rng.standard_normal((70, 40)), rng.integers(-9, 9, (70, 40))
    z = x + 1j * x[::-1]

    def f(x, k, z):
        odd = (k % 2 == 1) & (x > 0)
        narrow = x.astype(np.float32)
        return (
            np.where(odd, k, -k) * k + 1, odd | (k < 3), ~odd, k // 3, (k * x).astype(np.float32) + narrow,
            z * np.conj(z) + x, np.real(z * 1j) - np.imag(z), np.exp(z) / (2 + z), np.abs(z), narrow * 2 > 0.5,
            np.sum(np.where(odd, z, 0)), k.astype(bool), np.isnan(x) | np.isinf(z), x * odd, np.sum(odd),
        )  # fmt: skip

    found = ad.compile(f)(x, k, z)
    for y, expected in zip(found, f(x, k, z), strict=True):
        assert y.dtype == expected.dtype
        close(y, expected, rtol=1e-6 if y.dtype == np.float32 else 1e-12, atol=1e-12)
    text = str(ad.compile(f).lower(x, k, z).fused)
    assert text.count("region over (70, 40)") <= 2


# ------------------------------------------------------------------------------------------------ what is made
def test_rebuilding_is_exact_and_reported():
    def g(x):
        y = np.sin(x) * 1.0 + 0.0
        return np.negative(-y) + np.sin(x) * 2.0 + (x - x * 0), np.cos(-x), np.exp(np.zeros(4)) * x

    x = np.array([1.0, np.inf, np.nan, -0.0])
    with np.errstate(all="ignore"):
        expected = g(x)
    sizes = []
    for level in ("none", "basic", "standard", "aggressive"):
        c = ad.compile(g, level=level)
        for y, z in zip(c(x), expected, strict=True):
            close(y, z, rtol=1e-15)
        lowered = c.lower(x)
        sizes.append(len(lowered.rebuilt))
    assert sizes[0] > sizes[1] > sizes[2] >= sizes[3]
    assert lowered.report["x * 1 -> x"] == 1
    assert lowered.report["shared"] >= 1
    assert "x*0" not in str(lowered.report)  # inf * 0 is nan and stays so
    assert np.isnan(ad.compile(lambda x: x * 0)(x)[1])


def test_lowering_prints_and_counts():
    lowered = ad.compile(ad.grad(lambda x, a: np.sum(np.sin(a @ x) ** 2))).lower(X, ad.Spec((300, 4)))
    for step in (lowered.traced, lowered.rebuilt, lowered.fused):
        assert "sin(" in str(step)
    assert "gemv" in str(lowered.program)
    assert lowered.flops > 2 * 2 * 300 * 4
    assert lowered.bytes >= 2 * 300 * 4 * 8
    assert lowered.peak_memory >= 300 * 8


def test_whole_numbers_divide_as_numbers():
    """The reciprocal of an integer would be an integer."""
    for c in (2, 4, 100, -3):
        for level in ("standard", "aggressive"):
            close(ad.compile(lambda x, c=c: np.sin(x / c) + x * c * 3, level=level)(X), np.sin(X / c) + X * c * 3)


def test_one_pass_and_little_memory():
    """Value and gradient of a sum of elementwise functions need no memory but their results."""
    lowered = ad.compile(ad.value_and_grad(lambda x: np.sum(np.tanh(x) * np.exp(-(x**2))))).lower(ad.Spec((10**6,)))
    assert len(lowered.fused) == 1
    assert lowered.program.arena_bytes < 1000


def test_checkpoint_saves_memory():
    """What is run again is not shared with what ran before."""
    w = np.random.default_rng(0).standard_normal((64, 64)) / 8

    def layers(x, wrap):
        def four(x):
            for _ in range(4):
                x = np.tanh(x @ w)
            return x

        for _ in range(8):
            x = wrap(four)(x)
        return np.sum(x)

    x = np.random.default_rng(1).standard_normal((500, 64))
    plain = ad.compile(ad.grad(lambda x: layers(x, lambda f: f)))
    saving = ad.compile(ad.grad(lambda x: layers(x, ad.checkpoint)))
    close(saving(x), plain(x), rtol=1e-10, atol=1e-12)
    assert saving.lower(x).program.arena_bytes < 0.5 * plain.lower(x).program.arena_bytes
    close(ad.vmap(ad.grad(ad.compile(lambda x: layers(x, ad.checkpoint))))(x[None, :5])[0], plain(x[:5]), rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_products_are_those_of_blas(dtype):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((7, 5)).astype(dtype), rng.standard_normal((5, 6)).astype(dtype)
    x, y = rng.standard_normal(5).astype(dtype), rng.standard_normal(7).astype(dtype)

    def products(a, b, x, y):
        z = np.exp(a)
        return (
            a @ b, z.T @ y, a @ x, y @ z, b.T @ z.T, z[::2] @ b[:, ::-1], z[:, 1:3] @ b[1:3], x @ x, x[::-1] @ b,
            np.outer(x, y), z @ z.T, z.T[1:] @ y[:, None], z[1:2] @ x, z[:, :1] @ b[:1], a[:, 0] @ y, b[2] @ b[3],
            (z + 1) @ np.ones((5, 1), dtype), np.dot(x[::2], x[::2]),
        )  # fmt: skip

    for found, expected in zip(ad.compile(products)(a, b, x, y), products(a, b, x, y), strict=True):
        assert found.dtype == expected.dtype
        close(found, expected, rtol=1e3 * np.finfo(dtype).eps)
    loss = lambda *args: sum(np.sum(np.sin(p)) for p in products(*args))  # noqa: E731
    for found, expected in zip(
        ad.compile(ad.grad(loss, argnums=(0, 1, 2, 3)))(a, b, x, y), ad.grad(loss, argnums=(0, 1, 2, 3))(a, b, x, y),
        strict=True,
    ):  # fmt: skip
        close(found, expected, rtol=1e4 * np.finfo(dtype).eps, atol=1e3 * np.finfo(dtype).eps)


def test_compile_time_is_linear():
    def chain(n):
        def f(x):
            y = x
            for _ in range(n):
                y = np.sin(y) * 0.5 + x
            return y

        best = 1e9
        for _ in range(3):
            start = time.process_time()
            ad.compile(f).lower(ad.Spec((10,)))
            best = min(best, time.process_time() - start)
        return best

    assert chain(1600) < 10 * chain(400)  # quadratic would be 16


def test_profile_names_every_instruction():
    program = ad.compile(ad.grad(lambda x: np.sum(np.sin(x) * np.cumsum(x)))).lower(np.ones(2000)).program
    times = program.profile(np.ones(2000))
    assert sorted(k for k, _ in times) == list(range(len(program)))
    assert all(seconds > 0 for _, seconds in times)


@pytest.mark.usefixtures("interruptible")
def test_a_long_program_can_be_interrupted():
    a = np.eye(900)

    def powers(a):
        for _ in range(400):
            a = a @ a
        return a

    c = ad.compile(powers)
    c.lower(a)
    timer = threading.Timer(0.2, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        c(a)
    timer.join()
    assert c(np.eye(2))[1, 1] == 1.0


# ------------------------------------------------------------------------------------------------ bad input
def test_control_flow_on_values():
    def branches(x):
        if x[0] > 0:  # the line of the user
            return x
        return -x

    with pytest.raises(ad.TracingError, match="static_argnums") as caught:
        ad.compile(branches)(X)
    assert "if x[0] > 0:  # the line of the user" in str(caught.value)
    with pytest.raises(ad.TracingError, match="fori_loop"):
        ad.compile(lambda x, n: sum(x for _ in range(n)))(X, 3)
    with pytest.raises(ad.TracingError):
        ad.compile(ad.grad(branches))(X)


def test_a_traced_value_that_leaks():
    leak = []

    def f(x):
        leak.append(x * 2)
        return x

    ad.compile(f)(X)
    with pytest.raises(ad.EscapedVariableError):
        leak[0] + 1.0


def test_recursion():
    @ad.compile
    def forever(x):
        return forever(x) + 1.0

    with pytest.raises(RecursionError, match="while_loop"):
        forever(X)

    @ad.compile
    def halves(x):
        return x.sum() if x.size == 1 else halves(x[: x.size // 2]) + halves(x[x.size // 2 :])

    close(halves(X), X.sum())


def test_arguments_that_do_not_fit():
    with pytest.raises(TypeError, match="must be a function"):
        ad.compile(3)
    with pytest.raises(ValueError, match="level"):
        ad.compile(f, level="fast")
    with pytest.raises(TypeError, match="dtype"):
        ad.compile(f)(np.array(["a"]))
    with pytest.raises(ValueError, match="broadcast"):
        ad.compile(lambda x, y: x + y)(np.ones(3), np.ones(4))
    with pytest.raises(np.linalg.LinAlgError):
        ad.compile(np.linalg.cholesky)(-np.eye(3))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_nan_and_inf_are_those_of_eager():
    x = np.array([0.0, -1.0, np.inf, -np.inf, np.nan, 1e300, -0.0])
    for g in (lambda x: np.log(x) * 0, lambda x: x / x + x * 0.0, lambda x: np.where(x > 0, np.sqrt(x), 0 - x)):
        assert np.array_equal(ad.compile(g)(x), g(x), equal_nan=True)
        total = ad.grad(lambda x, g=g: np.sum(g(x)))
        assert np.array_equal(ad.compile(total)(x), total(x), equal_nan=True)


def test_huge_constants(monkeypatch):
    """Arrays that are not arguments are copied: of many bytes there is a warning, which names the remedies."""
    monkeypatch.setattr("scirs_ad._compiler.graph.MANY_BYTES", 1 << 16)
    large, small = np.ones(20_000), np.ones(100)
    with pytest.warns(UserWarning, match="compile of .*: 0 MiB of arrays .*shape \\(20000,\\); pass them as arguments"):
        assert ad.compile(lambda x: np.sum(large * x))(2.0) == 40_000
    large.flags.writeable = False
    assert ad.compile(lambda x: np.sum(large * x))(2.0) == 40_000  # no warning: they are errors here
    assert ad.compile(lambda x: np.sum(small * x))(2.0) == 200


@pytest.mark.parametrize("n", [3, 300])
def test_differences_of_equal_numbers_keep_their_sign(n):
    """Of a scalar program, and of a vector: arctan2 is half a turn, or minus that."""
    x = np.linspace(1.0, 2.0, n)
    for f in (lambda a, b: np.arctan2(-(a - b), -b), lambda a, b: np.arctan2(0.0 - (a - b), -b)):
        for g in (f, ad.vmap(f), lambda a, b, f=f: np.stack([f(a[i], b[i]) for i in range(3)])):
            np.testing.assert_array_equal(ad.compile(g)(x, x), g(x, x))


def test_views_of_arrays_in_fortran_order():
    """What a function closes over is copied, and views of it are views of the copy."""
    rng = np.random.default_rng(0)
    whole = np.asfortranarray(rng.standard_normal((12, 16, 9)))
    for view in (whole, whole.T, whole[::-1], whole[:, ::-1], whole.T[1:, ::-1], whole.transpose(1, 0, 2)[::-1]):
        x = rng.standard_normal(view.shape)
        np.testing.assert_array_equal(ad.compile(lambda x, view=view: x * view)(x), x * view)

    def f(x):
        return np.sum(np.transpose(np.cumsum(np.sin(x), axis=1)) * whole)

    x = rng.standard_normal((9, 16, 12))
    np.testing.assert_allclose(ad.compile(ad.grad(f))(x), ad.grad(f)(x), rtol=1e-12)
