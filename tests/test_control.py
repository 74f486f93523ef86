"""cond, while_loop, fori_loop, scan: as Python's if and loops, under every transform, and traced as one node."""

import collections
import itertools

import numpy as np
import pytest

import scirs_ad as ad
from scirs_ad._transforms.loops import ahead_of, reversal

EPS = np.finfo(float).eps
N = 7
POLICIES = [
    {},
    {"checkpoint": "every-k", "every": 2},
    {"checkpoint": "every-k", "every": 3},
    {"checkpoint": "every-k"},
    {"checkpoint": "binomial", "snapshots": 1},
    {"checkpoint": "binomial", "snapshots": 3},
    {"checkpoint": "binomial"},
]


def close(found, expected, size=None):
    """Agreement up to the rounding of sums of a few dozen terms."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    scale = np.max(np.abs(expected), initial=1.0) if size is None else size
    assert np.max(np.abs(found - expected), initial=0.0) <= 256 * EPS * scale


@pytest.fixture
def rng():
    return np.random.default_rng(4)


def python_scan(f, init, xs, reverse=False):
    """What scan means."""
    order = range(len(xs))
    carry, ys = init, {}
    for i in reversed(order) if reverse else order:
        carry, ys[i] = f(carry, xs[i])
    return carry, np.stack([ys[i] for i in order])


def objective(scan, **options):
    def f(w, c, xs):
        def step(c, x):
            return np.sin(c) * w + x * np.sum(c), c * x

        c, ys = scan(step, c, xs, **options)
        return np.sum(c**2) + np.sum(ys * np.arange(N)[:, None])

    return f


@pytest.fixture
def inputs(rng):
    return rng.standard_normal(3), rng.standard_normal(3), rng.standard_normal((N, 3))


# ------------------------------------------------------------------------------------------------ scan
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_scan_is_the_loop(inputs, policy, reverse):
    f = objective(ad.scan, reverse=reverse, **policy)
    g = objective(python_scan, reverse=reverse)
    close(f(*inputs), g(*inputs))
    for a, b in zip(ad.grad(f, (0, 1, 2))(*inputs), ad.grad(g, (0, 1, 2))(*inputs), strict=True):
        close(a, b)
    close(ad.hessian(f)(*inputs), ad.hessian(g)(*inputs))
    close(ad.jacfwd(f, 1)(*inputs), ad.jacfwd(g, 1)(*inputs))
    close(ad.jacfwd(ad.grad(f, 2), 0)(*inputs), ad.jacfwd(ad.grad(g, 2), 0)(*inputs))
    close(ad.grad(lambda w: np.sum(ad.grad(f)(w, *inputs[1:]) ** 2))(inputs[0]),
          ad.grad(lambda w: np.sum(ad.grad(g)(w, *inputs[1:]) ** 2))(inputs[0]))  # fmt: skip


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_scan_of_batches(inputs, policy, rng):
    f = objective(ad.scan, **policy)
    batch = [rng.standard_normal((4, *x.shape)) for x in inputs]
    for mapped in itertools.product([False, True], repeat=3):
        if not any(mapped):
            continue
        axes = tuple(0 if m else None for m in mapped)
        given = [b if m else x for b, x, m in zip(batch, inputs, mapped, strict=True)]
        for g in (f, ad.grad(f), ad.grad(f, 2)):
            found = ad.vmap(g, axes)(*given)
            rows = [g(*[b[i] if m else x for b, x, m in zip(batch, inputs, mapped, strict=True)]) for i in range(4)]
            close(found, np.stack(rows))
    total = ad.grad(lambda w: np.sum(ad.vmap(f, (None, 0, 0))(w, *batch[1:])))(inputs[0])
    close(total, sum(ad.grad(f)(inputs[0], c, x) for c, x in zip(*batch[1:], strict=True)))


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_scan_while_tracing(inputs, policy):
    f = objective(ad.scan, **policy)
    graph = ad.trace(f)(*inputs)
    assert "scan_call" in str(graph)
    assert len(graph) < 16  # and not one of each step
    close(graph(*inputs), f(*inputs))
    close(ad.grad(graph)(*inputs), ad.grad(f)(*inputs))
    traced = ad.trace(ad.grad(f))(*inputs)
    close(traced(*inputs), ad.grad(f)(*inputs))
    close(ad.jacfwd(traced, 1)(*inputs), ad.jacfwd(ad.grad(f), 1)(*inputs))


def test_the_body_is_run_once(inputs):
    calls = []

    def step(c, x):
        calls.append(1)
        return c * 0.5 + x, None

    carry, none = ad.scan(step, inputs[1], inputs[2])
    assert none is None
    assert len(calls) == 1
    ad.grad(lambda c: np.sum(ad.scan(step, c, inputs[2])[0]))(inputs[1])
    assert len(calls) == 2
    close(carry, python_scan(lambda c, x: (c * 0.5 + x, x), inputs[1], inputs[2])[0])


@pytest.mark.parametrize("policy", POLICIES[:4], ids=str)
def test_a_body_that_looks_at_values(inputs, policy):
    def step(c, x):
        if np.sum(c) > 0:
            c = np.sin(c)
        return c * x, c

    def f(scan, **options):
        return lambda c, xs: np.sum(np.square(scan(step, c, xs, **options)[1]))

    for k in (0, 1):
        close(ad.grad(f(ad.scan, **policy), k)(*inputs[1:]), ad.grad(f(python_scan), k)(*inputs[1:]))
    with pytest.raises(ad.TracingError):
        ad.scan(step, inputs[1], inputs[2], checkpoint="binomial")
    with pytest.raises(ad.TracingError):
        ad.trace(f(ad.scan))(*inputs[1:])


def test_containers(rng):
    State = collections.namedtuple("State", "position velocity")

    def step(state, force):
        v = state.velocity + 0.1 * force["f"]
        return State(state.position + 0.1 * v, v), {"energy": 0.5 * v**2, "v": (v,)}

    end, seen = ad.scan(step, State(1.0, 0.0), {"f": rng.standard_normal(5)})
    assert isinstance(end, State)
    assert seen["energy"].shape == (5,)
    close(seen["energy"], 0.5 * seen["v"][0] ** 2)
    assert ad.grad(lambda s: ad.scan(step, s, {"f": np.ones(5)})[0].position)(State(1.0, 0.0)).velocity > 0


def test_integers_and_bools_go_along():
    def step(state, x):
        count, flag, total = state
        return (count + 1, ~flag, total + x * count), flag

    (count, flag, total), flags = ad.scan(step, (np.array(0), np.array(True), 0.0), np.ones(5))
    assert (count, flag, total) == (5, False, 10.0)
    assert flags.tolist() == [True, False, True, False, True]
    got = ad.grad(lambda x: ad.scan(step, (np.array(0), np.array(True), 0.0), x)[0][2])(np.ones(5))
    close(got, np.arange(5.0))


def test_complex_carry(rng):
    xs = rng.standard_normal(N) + 1j * rng.standard_normal(N)

    def f(scan):
        return lambda z: np.abs(scan(lambda c, x: (c * z + x, c), z, xs)[0]) ** 2

    close(ad.grad(f(ad.scan))(0.3 + 0.2j), ad.grad(f(python_scan))(0.3 + 0.2j))


def test_empty_loops():
    carry, ys = ad.scan(lambda c, x: (c * x, c), np.ones(2), np.zeros((0, 2)))
    close(carry, np.ones(2))
    assert ys.shape == (0, 2)
    close(ad.grad(lambda c: np.sum(ad.scan(lambda c, x: (c * x, c), c, np.zeros((0, 2)))[0]))(np.ones(2)), np.ones(2))
    assert ad.fori_loop(3, 1, lambda i, c: c * 2, 1.0) == 1.0


def test_nested_loops():
    def f(a):
        return ad.fori_loop(0, 3, lambda i, y: ad.fori_loop(0, 4, lambda j, z: z * a + i * j, y), 1.0)

    def g(a):
        y = 1.0
        for i in range(3):
            for j in range(4):
                y = y * a + i * j
        return y

    close(f(0.7), np.float64(g(0.7)))
    close(ad.grad(f)(0.7), ad.grad(g)(0.7))
    close(ad.grad(ad.grad(f))(0.7), ad.grad(ad.grad(g))(0.7))
    close(ad.grad(ad.trace(f)(0.7))(0.7), ad.grad(g)(0.7))


def test_what_bodies_close_over(inputs):
    """Tracked Variables of several levels, and arrays that are changed between two calls."""
    w, c, xs = inputs
    data = np.array(2.0)

    def f(a, b):
        return np.sum(ad.scan(lambda c, x: (c * a + b * x * data, None), c, xs)[0])

    for value in (2.0, 3.0):
        data[...] = value
        expected = ad.grad(
            lambda a, value=value: np.sum(python_scan(lambda c, x: (c * a + w * x * value, x), c, xs)[0])
        )(w)
        close(ad.grad(f)(w, w), expected)
    mixed = ad.jacfwd(ad.grad(f), 1)(w, w)
    close(mixed, ad.jacfwd(ad.grad(f, 1), 0)(w, w).T)


@pytest.mark.parametrize(("steps", "snapshots"), list(itertools.product([1, 2, 5, 10, 33, 60], [1, 2, 3, 7])))
def test_binomial_schedule(steps, snapshots):
    """Every step is reversed once, in order, from a state that is there; never more are kept; the work is least."""
    kept, at, back, work, most = {0}, 0, [], 0, 1
    for action, *where in reversal(steps, snapshots):
        if action == "restore":
            assert where[0] in kept
            at = where[0]
        elif action == "advance":
            assert where[0] == at
            at, work = where[1], work + where[1] - where[0]
        elif action == "keep":
            assert where[0] == at
            kept.add(at)
            most = max(most, len(kept))
        elif action == "drop":
            kept.remove(where[0])
        else:
            assert where[0] == at
            back.append(at)
    assert back == list(range(steps - 1, -1, -1))
    assert most <= snapshots
    assert work == least_work(steps, snapshots)


def least_work(steps, snapshots, known=None):
    """Forward steps of the best schedule, by dynamic programming over where the next snapshot is."""
    known = {} if known is None else known
    if steps <= 1:
        return 0
    if snapshots == 1:
        return steps * (steps - 1) // 2
    key = steps, snapshots
    if key not in known:
        known[key] = min(
            k + least_work(steps - k, snapshots - 1, known) + least_work(k, snapshots, known) for k in range(1, steps)
        )
    return known[key]


def test_ahead_is_inside():
    assert all(1 <= ahead_of(n, s) < n for n in range(2, 200) for s in range(1, 9))


# ------------------------------------------------------------------------------------------------ cond
def branches(w):
    def f(x):
        return ad.cond(np.sum(x) > 0, lambda x: (x * w, np.sum(w)), lambda x: (np.sin(x), np.sum(x)), x)

    def g(x):
        return (x * w, np.sum(w)) if np.sum(x) > 0 else (np.sin(x), np.sum(x))

    return f, g


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_cond_is_if(inputs, sign):
    x, w = sign * np.abs(inputs[0]), inputs[1]

    def total(k):
        return lambda x, w: sum(np.sum(y**2) for y in branches(w)[k](x))

    for k in (0, 1):
        close(ad.grad(total(0), k)(x, w), ad.grad(total(1), k)(x, w))
        close(ad.hessian(total(0), k)(x, w), ad.hessian(total(1), k)(x, w))
        graph = ad.trace(ad.grad(total(0), k))(x, w)
        assert "cond_call" in str(graph)
        close(graph(x, w), ad.grad(total(1), k)(x, w))
        close(ad.grad(ad.trace(total(0))(x, w), k)(x, w), ad.grad(total(1), k)(x, w))
        close(ad.jacfwd(ad.trace(total(0))(x, w), k)(x, w), ad.grad(total(1), k)(x, w))


def test_cond_of_a_batch(inputs, rng):
    w, xs = inputs[1], rng.standard_normal((6, 3))
    f, g = branches(w)
    expected = [np.stack(y) for y in zip(*[g(x) for x in xs], strict=True)]
    for h in (ad.vmap(f), ad.trace(ad.vmap(f))(xs), ad.vmap(ad.trace(f)(xs[0]))):
        for a, b in zip(h(xs), expected, strict=True):
            close(a, b)

    def total(f):
        return lambda x: sum(np.sum(y**2) for y in f(x))

    rows = np.stack([ad.grad(total(g))(x) for x in xs])
    close(ad.vmap(ad.grad(total(f)))(xs), rows)
    close(ad.trace(ad.vmap(ad.grad(total(f))))(xs)(xs), rows)
    close(ad.grad(lambda xs: np.sum(ad.vmap(total(f))(xs)))(xs), rows)
    # A choice that is the same for the whole batch runs one branch.
    same = ad.vmap(lambda p, x: ad.cond(p, np.sin, np.cos, x), (None, 0))
    close(same(np.True_, xs), np.sin(xs))
    close(ad.trace(same)(np.True_, xs)(np.False_, xs), np.cos(xs))


def test_cond_inside_scan(inputs):
    _, c, xs = inputs

    def step(c, x):
        return ad.cond(np.sum(c) > 0, lambda c: np.sin(c) + x, lambda c: c * x, c), c

    def plain(c, x):
        return (np.sin(c) + x if np.sum(c) > 0 else c * x), c

    def f(scan, step):
        return lambda c, xs: np.sum(scan(step, c, xs)[1] ** 2)

    for k in (0, 1):
        close(ad.grad(f(ad.scan, step), k)(c, xs), ad.grad(f(python_scan, plain), k)(c, xs))
    batch = np.stack([c, -c])
    close(ad.vmap(ad.grad(f(ad.scan, step)), (0, None))(batch, xs),
          np.stack([ad.grad(f(python_scan, plain))(c, xs) for c in batch]))  # fmt: skip


# ------------------------------------------------------------------------------------------------ while_loop
def power_until(x, w):
    return ad.while_loop(lambda s: np.sum(s[0]) < 100.0, lambda s: (s[0] * 1.5 + w * s[0], s[1] + 1), (x, 0))


def power_plain(x, w):
    n = 0
    while np.sum(x) < 100.0:
        x, n = x * 1.5 + w * x, n + 1
    return x, n


def test_while_is_while(inputs):
    x, w = np.abs(inputs[0]), np.abs(inputs[1])
    y, n = power_until(x, w)
    z, m = power_plain(x, w)
    assert n == m
    close(y, z)
    for k in (0, 1):
        expected = ad.jacobian(lambda x, w: power_plain(x, w)[0], k)(x, w)
        for mode in (ad.jacrev, ad.jacfwd):
            close(mode(lambda x, w: power_until(x, w)[0], k)(x, w), expected)
        graph = ad.trace(power_until)(x, w)
        assert "while_call" in str(graph)
        close(graph(x, w)[0], z)
        assert graph(x, w)[1] == m
        for mode in (ad.jacrev, ad.jacfwd):
            close(mode(lambda x, w, graph=graph: graph(x, w)[0], k)(x, w), expected)
        close(ad.trace(ad.jacfwd(lambda x, w: power_until(x, w)[0], k))(x, w)(x, w), expected)


def test_while_of_a_batch(inputs):
    x, w = np.abs(inputs[0]), np.abs(inputs[1])
    xs = np.stack([x, 10 * x, 1000 * x])
    expected = np.stack([power_plain(x, w)[0] for x in xs])
    counts = [power_plain(x, w)[1] for x in xs]
    maps = ad.vmap(power_until, (0, None))
    graph = ad.trace(power_until)(x, w)
    for f in (maps, ad.trace(maps)(xs, w), ad.vmap(graph, (0, None))):
        found, numbers = f(xs, w)
        close(found, expected)
        assert numbers.tolist() == counts
    rows = np.stack([ad.grad(lambda x: np.sum(power_plain(x, w)[0] ** 2))(x) for x in xs])
    for f in (power_until, graph):
        close(ad.vmap(ad.grad(lambda x, w, f=f: np.sum(f(x, w)[0] ** 2)), (0, None))(xs, w), rows)
        close(ad.grad(lambda xs, f=f: np.sum(ad.vmap(f, (0, None))(xs, w)[0] ** 2))(xs), rows)


def test_what_is_done_stays_out_of_trouble():
    """Under a batch, steps that some examples no longer take must not spoil their derivatives."""

    def f(x):
        return ad.while_loop(lambda x: x > 0.5, lambda x: np.sqrt(x - 0.5), x)

    found = ad.vmap(ad.grad(f))(np.array([0.9, 1.8, 2.9]))
    close(found, np.array([ad.grad(f)(x) for x in (0.9, 1.8, 2.9)]))
    assert np.all(np.isfinite(found))


def test_reverse_of_a_traced_while(inputs):
    x, w = np.abs(inputs[0]), np.abs(inputs[1])
    with pytest.raises(ad.NotDifferentiableError, match="fori_loop"):
        ad.trace(ad.grad(lambda x: np.sum(power_until(x, w)[0])))(x)


# ------------------------------------------------------------------------------------------------ fori_loop
@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_fori_is_for(policy):
    def f(a):
        return ad.fori_loop(2, 11, lambda i, y: np.sin(y * a) + 0.1 * i, a, **policy)

    def g(a):
        y = a
        for i in range(2, 11):
            y = np.sin(y * a) + 0.1 * i
        return y

    close(f(0.9), g(0.9))
    close(ad.grad(f)(0.9), ad.grad(g)(0.9))
    close(ad.grad(ad.grad(f))(0.9), ad.grad(ad.grad(g))(0.9))
    xs = np.linspace(0.1, 1.0, 4)
    close(ad.vmap(ad.grad(f))(xs), np.array([ad.grad(g)(x) for x in xs]))


def test_fori_with_a_range_that_is_not_known():
    def f(n, a):
        return ad.fori_loop(0, n, lambda i, y: y * a + i, 1.0)

    expected = np.array([f(n, 0.5) for n in range(4)])
    close(ad.vmap(f, (0, None))(np.arange(4), 0.5), expected)
    graph = ad.trace(f)(3, 0.5)
    assert "while_call" in str(graph)
    close(np.array([graph(n, 0.5) for n in range(4)]), expected)
    assert ad.fori_loop(np.int64(0), np.array(3), lambda i, y: y + i, 0) == 3


def test_python_numbers_take_the_dtype_of_the_body():
    assert ad.fori_loop(0, 3, lambda i, y: y + 0.5, 0) == 1.5
    carry, _ = ad.scan(lambda c, x: (c + x, None), 0.0, np.ones(3, np.complex128))
    assert carry.dtype == complex
    found = ad.while_loop(lambda x: x < 3, lambda x: x + 0.5, 0)
    assert found == 3.0


def test_float32_stays(rng):
    xs = rng.standard_normal((N, 3)).astype(np.float32)
    carry, ys = ad.scan(lambda c, x: (c * 0.5 + x, c), xs[0], xs)
    assert carry.dtype == ys.dtype == np.float32
    assert ad.grad(lambda c: np.sum(ad.scan(lambda c, x: (c * 0.5 + x, c), c, xs)[1]))(xs[0]).dtype == np.float32


# ------------------------------------------------------------------------------------------------ errors
X = np.ones(3)
ERRORS = [
    (lambda: ad.scan(lambda c, x: (c[:-1], None), X, X), TypeError, r"f8?\S*\[2\].*f64\[3\].*cannot change shapes"),
    (lambda: ad.scan(lambda c, x: (c.astype(np.float32), None), X, X), TypeError, r"f32\[3\].*f64\[3\].*astype"),
    (lambda: ad.scan(lambda c, x: ((c, c), None), X, X), TypeError, r"returned \(\*, \*\); the carry is \*"),
    (lambda: ad.scan(lambda c, x: c, X, X), TypeError, "must return a pair"),
    (lambda: ad.scan(lambda c, x: (c, x), X), ValueError, "length="),
    (lambda: ad.scan(lambda c, x: (c, x), X, X, length=4), ValueError, "3, 4"),
    (lambda: ad.scan(lambda c, x: (c, x), X, (X, np.ones(2))), ValueError, "2, 3"),
    (lambda: ad.scan(lambda c, x: (c, x), X, 1.0), ValueError, "no rows"),
    (lambda: ad.scan(lambda c, x: (c, x), X, length=-1), ValueError, "negative"),
    (lambda: ad.scan(lambda c, x: (c, x), X, length=1.5), TypeError, "int"),
    (lambda: ad.scan(lambda c, x: (c, x), "abc", X), TypeError, "init.*abc"),
    (lambda: ad.scan(3, X, X), TypeError, "function"),
    (lambda: ad.scan(lambda c, x: (c, x), X, X, checkpoint="some"), ValueError, "'all', 'every-k', 'binomial'"),
    (lambda: ad.scan(lambda c, x: (c, x), X, X, every=2), ValueError, "every-k"),
    (lambda: ad.scan(lambda c, x: (c, x), X, X, checkpoint="binomial", snapshots=0), ValueError, "snapshots.*0"),
    (lambda: ad.cond(X > 0, np.sin, np.cos, X), TypeError, r"shape \(3,\).*numpy.any"),
    (lambda: ad.cond(1.0, np.sin, np.cos, X), TypeError, "float"),
    (lambda: ad.cond(np.float64(1.0), np.sin, np.cos, X), TypeError, "float64"),
    (lambda: ad.cond("yes", np.sin, np.cos, X), TypeError, "str"),
    (lambda: ad.cond(True, 1.0, np.cos, X), TypeError, "true_f"),
    (lambda: ad.trace(lambda x: ad.cond(x[0] > 0, np.sin, lambda x: x[:2], x))(X), TypeError, r"f64\[3\].*f64\[2\]"),
    (lambda: ad.trace(lambda x: ad.cond(x[0] > 0, np.sin, lambda x: (x,), x))(X), TypeError, "same structure"),
    (lambda: ad.vmap(lambda x: ad.cond(x[0] > 0, np.sin, lambda x: (x,), x))(X[None]), TypeError, "same structure"),
    (lambda: ad.while_loop(lambda x: x < 5, lambda x: x + 1, X), TypeError, "numpy.any"),
    (lambda: ad.while_loop(lambda x: 1.0, lambda x: x + 1, X), TypeError, "bool"),
    (lambda: ad.while_loop(lambda x: x[0] < 5, lambda x: x[:2] + 1, X), TypeError, r"f64\[2\]"),
    (lambda: ad.trace(lambda x: ad.while_loop(lambda x: x[0] < 5, lambda x: x[:2], x))(X), TypeError, r"f64\[2\]"),
    (lambda: ad.trace(lambda x: ad.while_loop(lambda x: x < 5, lambda x: x, x))(X), TypeError, "numpy.any"),
    (lambda: ad.fori_loop(0.0, 3, lambda i, x: x, X), TypeError, "start.*integer"),
    (lambda: ad.fori_loop(0, 3, lambda i, x: x[:2], X), TypeError, r"f64\[2\]"),
    (lambda: ad.trace(lambda n: ad.fori_loop(0, n, lambda i, x: x, X))(3.0), TypeError, "stop.*integer"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "match"), ERRORS)
def test_errors(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_an_error_in_the_body_is_the_users():
    def step(c, x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        ad.scan(step, X, X)


# ------------------------------------------------------------------------------------------------ programs
@pytest.mark.parametrize("dtype", ["f8", "f4", "c16"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_long_loops_run_as_programs(rng, policy, reverse, dtype):
    """The same values and gradients, for carries and rows with and without dimensions, in any layout."""
    xs = rng.standard_normal((2, 40)).astype(dtype).T
    w, c = rng.standard_normal((2, 2)).astype(dtype)

    def f(scan, **options):
        def run(w, c, xs):
            def step(state, x):
                v, total = state
                v = np.sin(v) * w + 0.1 * x * total
                return (v, 0.5 * total + v[0]), (v * x, total)

            (v, total), ys = scan(step, (c, w[0]), xs, reverse=reverse, **options)
            return np.sum(np.abs(v) ** 2) + np.abs(total) ** 2 + sum(np.sum(np.abs(y) ** 2) for y in ys)

        return run

    def plain(step, init, xs, reverse):
        order = range(39, -1, -1) if reverse else range(40)
        ys = {}
        for i in order:
            init, ys[i] = step(init, xs[i])
        return init, [np.stack([ys[i][k] for i in range(40)]) for k in range(2)]

    tolerance = 4096 * np.finfo(dtype).eps
    found, expected = f(ad.scan, **policy)(w, c, xs), f(plain)(w, c, xs)
    assert abs(found - expected) <= tolerance * abs(expected)
    for a, b in zip(ad.grad(f(ad.scan, **policy), (0, 1, 2))(w, c, xs), ad.grad(f(plain), (0, 1, 2))(w, c, xs),
                    strict=True):  # fmt: skip
        assert a.dtype == b.dtype == np.dtype(dtype)
        assert np.max(np.abs(a - b)) <= tolerance * np.max(np.abs(b))


def test_loops_inside_compile(inputs):
    for policy in POLICIES:
        f = objective(ad.scan, **policy)
        close(ad.compile(f)(*inputs), f(*inputs))
        close(ad.compile(ad.grad(f))(*inputs), ad.grad(f)(*inputs))
        close(ad.grad(ad.compile(f))(*inputs), ad.grad(f)(*inputs))
    x, w = np.abs(inputs[0]), np.abs(inputs[1])
    close(ad.compile(power_until)(x, w)[0], power_plain(x, w)[0])
    for sign in (1.0, -1.0):
        for a, b in zip(ad.compile(branches(w)[0])(sign * x), branches(w)[1](sign * x), strict=True):
            close(a, b)
