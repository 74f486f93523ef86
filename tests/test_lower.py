"""Operations that compiled programs run without Python: products, joins, indices, loops."""

import _thread
import threading
import time

import numpy as np
import pytest

import scirs_ad as ad
import scirs_ad.numpy as anp
from scirs_ad._core.tree import flatten


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def kinds(f, *args):
    """The kinds of the instructions of a compiled function."""
    return [d[0] for d in f.lower(*args).program.instructions]


def check(f, *args, ulps=16, python=False):
    """Compiled is eager, twice (the short way, too), and whether there is a call of Python in the program."""
    compiled = ad.compile(f)
    expected = f(*args)
    several = isinstance(expected, tuple)
    for _ in range(2):
        found = compiled(*args)
        for y, z in zip(*((found, expected) if several else ((found,), (expected,))), strict=True):
            y, z = np.asarray(y), np.asarray(z)
            assert y.dtype == z.dtype
            assert y.shape == z.shape
            if z.dtype.kind in "fc":
                scale = np.max(np.abs(z), initial=0, where=np.isfinite(z))
                np.testing.assert_allclose(y, z, rtol=0, atol=ulps * np.finfo(z.dtype).eps * scale)
            else:
                np.testing.assert_array_equal(y, z)
    assert python is None or ("python" in kinds(compiled, *args)) is python
    return compiled


# ------------------------------------------------------------------------------------------------ products
@pytest.mark.parametrize("dtype", ["d", "f"])
@pytest.mark.parametrize(
    ("left", "right"),
    [((2, 3, 4), (4, 5)), ((3, 4), (6, 4, 5)), ((5, 1, 3, 4), (2, 4, 3)), ((7, 3, 1), (7, 1, 2)), ((1, 1, 1), (1, 1))],
)
def test_stacks_of_matrices(left, right, dtype, rng):
    a, b = rng.standard_normal(left).astype(dtype), rng.standard_normal(right).astype(dtype)
    check(lambda a, b: a @ b, a, b)
    check(lambda a, b: np.swapaxes(np.swapaxes(b, -1, -2) @ np.swapaxes(a, -1, -2), -1, -2), a, b)
    check(lambda a, b: np.flip(a, -1) @ b, a, b)
    check(lambda a, b: a[..., ::2, :] @ b[..., ::-1], a, b)


@pytest.mark.parametrize("dtype", ["d", "f"])
def test_long_products_are_done_in_parts(dtype, rng, monkeypatch):
    monkeypatch.setattr("scirs_ad._compiler.lower.MOST_FLOPS", 1e5)
    monkeypatch.setattr("scirs_ad._compiler.lower.ROWS_OF_A_PART", 16)
    a, b = rng.standard_normal((50, 30)).astype(dtype), rng.standard_normal((30, 40)).astype(dtype)
    f = check(lambda a, b: (a @ b, b.T @ a.T, a[:, :7] @ b[:7]), a, b)
    assert kinds(f, a, b) == ["native"] * 5  # of 2, 2 and 1 parts
    check(ad.grad(lambda a, b: np.sum(np.sin(a @ b)), argnums=(0, 1)), a, b, ulps=64)


@pytest.mark.parametrize("dtype", ["d", "f"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 5), (10, 10), (6, 17), (1, 9)])
def test_short_products_with_vectors(shape, dtype, rng):
    a, x, y = (rng.standard_normal(s).astype(dtype) for s in (shape, shape[1], shape[0]))
    check(lambda a, x, y: (a @ x, y @ a, a[:, ::-1] @ x[::-1], a.T @ y, x @ a.T), a, x, y)
    check(lambda a, x, y: (a[::2] @ x, y[::2] @ a[::2]), a, np.repeat(x, 2)[::2], y)


def test_gradients_of_stacks(rng):
    a, b = rng.standard_normal((4, 3, 5)), rng.standard_normal((4, 5, 2))
    check(ad.grad(lambda a, b: np.sum(np.sin(a @ b)), argnums=(0, 1)), a, b)
    check(ad.grad(lambda a, b: np.sum(np.sin(a @ b)), argnums=(0, 1)), a, b[0])


@pytest.mark.parametrize("dtype", ["d", "f"])
@pytest.mark.parametrize(
    "subscripts",
    [
        "ij,jk->ik", "ij,jk->ki", "ij,ij->", "ij,ij->i", "ij,ji->j", "ij,k->kij", "ij,ij->ij", "bij,bjk->bik",
        "bij,bjk->kib", "bijc,bcjd->bid", "ij,j->i", "i,ij->j", "bi,bij->bj", "i,j->ji", "abc,cbd->da",
        "...i,...ij->...j", "...ij,...j->...i", "ij,jk,kl->il",
    ],
)  # fmt: skip
def test_einstein_sums(subscripts, dtype, rng):
    length = dict(zip("abcdijkl", (2, 3, 4, 5, 6, 7, 3, 2), strict=True))
    terms = subscripts.replace("...", "ab").partition("->")[0].split(",")
    arrays = [rng.standard_normal([length[k] for k in term]).astype(dtype) for term in terms]
    f = lambda *xs: np.einsum(subscripts, *xs)  # noqa: E731
    check(f, *arrays, ulps=64)
    check(ad.grad(lambda *xs: np.sum(np.sin(f(*xs))), argnums=tuple(range(len(arrays)))), *arrays, ulps=256)


def test_einstein_sums_that_broadcast(rng):
    x, y = rng.standard_normal((1, 3, 4)), rng.standard_normal((5, 4, 1))
    check(lambda x, y: np.einsum("...ij,...jk->...ik", x, y), x, y, python=True)
    check(lambda x, y: np.einsum("aij,ajk->ik", x, y), x, y, python=True)
    check(lambda x, y: np.einsum("ij,jk", x, y), x[0], y[0].astype("f"), python=True)


# ------------------------------------------------------------------------------------------------ passes
def test_cheap_results_are_made_again(rng, monkeypatch):
    """``a * w`` follows in one operation from `a`, which is stored for the product: the second pass makes it itself."""
    monkeypatch.setenv("SCIRS_AD_CHECK", "1")
    x, w, m = rng.standard_normal((700, 64)), rng.standard_normal(64), rng.standard_normal((64, 64))

    def f(x, w, m):
        a = np.sin(x)
        b = a * w
        c = a @ m
        return np.sum(b + c, 0), np.sum(b * c)

    compiled = check(f, x, w, m, ulps=700)
    first, second = (d[1] for d in compiled.lower(x, w, m).program.instructions if d[0] == "region")
    assert [text.split()[0] for text in first.listing] == ["sin"]
    assert "multiply" in "".join(second.listing)
    check(ad.grad(lambda *v: f(*v)[1], argnums=(0, 1, 2)), x, w, m, ulps=700)


# ------------------------------------------------------------------------------------------------ joins
@pytest.mark.parametrize("dtype", ["d", "f", "q", "?", "D"])
def test_joins(dtype, rng):
    a, b = (rng.integers(0, 2, (3, 4)).astype(dtype) for _ in range(2))
    for axis in (0, 1, -1):
        check(lambda a, b, axis=axis: np.concatenate((a, b[:2] if axis == 0 else b[:, :2], a), axis), a, b)
        check(lambda a, b, axis=axis: np.stack((a, b, a), axis), a, b)
    check(lambda a, b: np.concatenate((a.T, b.T[:, ::-1]), 1), a, b)
    check(lambda a, b: np.concatenate((a[:0], b)), a, b)


def test_a_join_of_several_dtypes(rng):
    a, b = rng.standard_normal(3), rng.standard_normal(4).astype("f")
    check(lambda a, b: np.concatenate((a, b)), a, b, python=True)


def test_reversed_parts(rng):
    """Scatters whose places do not rise."""
    a = rng.standard_normal((4, 3))
    check(ad.grad(lambda a: np.sum(a[::-1] ** 3)), a)
    check(ad.grad(lambda a: np.sum(a[::-1] ** 3 * a) + np.sum(a[2::-2, :2] ** 2) + np.sum(a[1:, ::-1] ** 2)), a)


def test_a_constant_that_cannot_be_computed():
    """Folding leaves the error to the run, where eager mode raises it."""
    f = lambda x: x + np.sum(np.linalg.inv(np.zeros((2, 2)))[0] * x)  # noqa: E731
    for g in (f, ad.compile(f)):
        with pytest.raises(np.linalg.LinAlgError):
            g(np.ones(2))


def test_gradients_of_joins(rng):
    a, b = rng.standard_normal((3, 2)), rng.standard_normal((3, 4))
    check(ad.grad(lambda a, b: np.sum(np.concatenate((a * a, b, a), 1) ** 3), argnums=(0, 1)), a, b)
    check(ad.grad(lambda a: np.sum(np.stack((a, np.sin(a), a[::-1]), 1) ** 3)), a)


# ------------------------------------------------------------------------------------------------ indices
@pytest.mark.parametrize("dtype", ["d", "f", "q", "?", "D", "F"])
def test_index_arrays(dtype, rng):
    x = rng.integers(0, 2, (5, 4, 3)).astype(dtype)
    i, m = np.array([[3, 0, -1], [1, 1, 2]]), np.arange(12).reshape(4, 3) % 3 == 1
    check(lambda x: x[i], x)
    check(lambda x: x[:, i], x)
    check(lambda x: x[..., np.array([2, 2, 0, -3])], x)
    check(lambda x: x[1:4][:, np.array([0, 3]), np.array([2, -1])], x)
    check(lambda x: x[:, m], x)
    check(lambda x: np.take(x, i, axis=1), x)


def test_index_arrays_that_are_arguments(rng):
    x, i = rng.standard_normal((3, 6)), rng.integers(-6, 6, (3, 4))
    check(lambda x, i: np.take_along_axis(x, i, -1), x, i)
    check(lambda x, i: x[:, i], x, i[0])
    for f in (lambda x, i: np.sum(np.take_along_axis(x, i, -1) ** 2), lambda x, i: np.sum(x[:, i] ** 3)):
        check(ad.grad(f), x, i)
    check(ad.grad(lambda x: np.sum(x[:, np.array([5, 5, -1, 0])] ** 2)), x)
    check(ad.grad(lambda x: np.sum(x[np.array([2, 0, 2])] ** 2)), x)


def test_an_index_out_of_bounds_in_a_program(rng):
    f = ad.compile(lambda x, i: np.take_along_axis(x, i, -1) * 2.0)
    x, i = rng.standard_normal((3, 6)), np.zeros((3, 4), int)
    f(x, i)
    for bad in (6, -7):
        i[1, 2] = bad
        with pytest.raises(IndexError, match="out of bounds"):
            f(x, i)
    i[1, 2] = -6
    np.testing.assert_array_equal(f(x, i), np.take_along_axis(x, i, -1) * 2.0)


# ------------------------------------------------------------------------------------------------ loops
def test_a_loop_is_one_instruction(rng):
    def f(w, start, xs):
        def step(carry, x):
            h, k = carry
            h = np.tanh(w @ h + x)
            return (h, k + 1), (np.sum(h), h[::-1])

        (h, k), (sums, rows) = ad.scan(step, (start, 0), xs)
        return h, k, sums, rows

    args = rng.standard_normal((3, 3)), rng.standard_normal(3), rng.standard_normal((40, 3))
    compiled = check(f, *args)
    assert "held" in kinds(compiled, *args)
    assert "loop of 40 steps" in str(compiled.lower(*args).program)
    loss = lambda w, start, xs: np.sum(f(w, start, xs)[2] ** 2)  # noqa: E731
    check(ad.grad(loss, argnums=(0, 1, 2)), *args, ulps=64)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [1, 2, 3, 17])
def test_what_goes_round(length, reverse, rng):
    """Scalars, whole numbers, truth values, what is handed through, exchanged, transposed, constant."""

    def f(x, n, xs):
        def step(carry, row):
            a, b, i, t, m = carry
            ys = a + row, i, m.T, t, np.zeros(2)
            return (b, a * 0.5 + row, i + 2, ~t, (m + row).T), ys

        carry, ys = ad.scan(step, (x, x + 1, n, n > 3, np.outer(xs[:3], np.arange(3.0))), xs, reverse=reverse)
        return (*carry, *ys)

    xs = rng.standard_normal(17)[:length]
    if length < 3:
        xs = np.resize(xs, 3)[: max(length, 3)]
    check(f, np.float64(0.3), np.int64(4), xs)
    check(lambda x, xs: f(x, 4, xs)[1], np.float64(0.3), xs)


def test_rows_that_are_views(rng):
    x = rng.standard_normal((20, 3, 4))

    def f(x):
        _, ys = ad.scan(lambda c, r: (c + r, c * r), np.zeros(4), x[::2, 1])
        _, zs = ad.scan(lambda c, r: (c + r, c * r), np.zeros(20), x[:, 0].T)
        _, one = ad.scan(lambda c, r: (c + r, c * r), np.zeros(3), np.broadcast_to(x[0, :, 0], (18, 3)))
        return ys, zs, one

    check(f, x)


def test_loops_in_loops(rng):
    def f(x, xs):
        def outer(c, rows):
            c, ys = ad.scan(lambda d, r: (np.sin(d) + r, d * d), c, rows)
            return c, np.sum(ys, 0)

        return ad.scan(outer, x, xs)

    x, xs = rng.standard_normal(3), rng.standard_normal((5, 20, 3))
    check(f, x, xs)
    check(ad.grad(lambda x, xs: np.sum(f(x, xs)[1]), argnums=(0, 1)), x, xs, ulps=64)
    loss = lambda x: np.sum(ad.scan(lambda c, r: (np.sin(c) + r, c), x, xs[0], checkpoint="every-k")[0])  # noqa: E731
    check(ad.grad(loss), x, ulps=64)


@pytest.fixture
def threads():
    before = ad.get_num_threads()
    yield ad.set_num_threads
    ad.set_num_threads(before)


def test_large_loops_run_side_by_side(rng, threads, monkeypatch):
    """Two directions over one sequence, then one that needs both."""
    monkeypatch.setenv("SCIRS_AD_CHECK", "1")

    def f(x, xs):
        step = lambda c, r: (np.tanh(c + r), c * r)  # noqa: E731
        a, forth = ad.scan(step, x, xs)
        b, back = ad.scan(step, x * 0.5, xs[:, ::-1], reverse=True)
        _, ends = ad.scan(lambda c, r: (c * 0.5 + r[0] - r[1], c), x, (forth, back))
        return a, b, np.sum(ends, 0)

    x, xs = rng.standard_normal(40), rng.standard_normal((1500, 40))
    compiled = check(f, x, xs, ulps=64)
    text = str(compiled.lower(x, xs).program)
    assert text.count("side by side") == 1
    assert text.count("loop of 1500 steps") == 3
    results = []
    for n in (1, 2, 4):
        threads(n)
        results.append(compiled(x, xs))
    for other in results[1:]:
        for y, z in zip(other, results[0], strict=True):
            np.testing.assert_array_equal(y, z)
    check(ad.grad(lambda x, xs: np.sum(f(x, xs)[2]), argnums=(0, 1)), x, xs, ulps=4000)


def test_stacks_of_products_do_not_depend_on_threads(rng, threads):
    a, b = rng.standard_normal((60, 4, 50, 40)), rng.standard_normal((60, 1, 40, 30))
    f = ad.compile(lambda a, b: a @ b)
    f(a, b)
    assert kinds(f, a, b) == ["held"]
    results = []
    for n in (1, 2, 5):
        threads(n)
        results.append(f(a, b))
    np.testing.assert_allclose(results[0], a @ b, rtol=1e-13, atol=1e-13)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_python_inside_a_loop(rng):
    """A body with an operation that has no instruction of its own."""
    a = rng.standard_normal((3, 3)) + 4 * np.eye(3)

    def f(x, a):
        return ad.scan(lambda c, r: (np.linalg.solve(a, c) + r, np.sort(c)), x, np.ones((30, 3)))

    check(f, rng.standard_normal(3), a, python=True)


def test_one_loop_in_several_threads(rng):
    f = ad.compile(lambda x, xs: ad.scan(lambda c, r: (np.sin(c) + r, c), x, xs))
    args = [(rng.standard_normal(5), rng.standard_normal((3000, 5))) for _ in range(4)]
    expected = [f(*a) for a in args]
    found = [None] * 4

    def work(k):
        for _ in range(5):
            found[k] = f(*args[k])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for got, want in zip(found, expected, strict=True):
        np.testing.assert_array_equal(got[0], want[0])
        np.testing.assert_array_equal(got[1], want[1])


def test_a_loop_without_rows(rng):
    check(lambda x: ad.scan(lambda c, _: (np.sin(c), c * c), x, None, length=21), rng.standard_normal(3))


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 50])
def test_loops_that_end_by_a_condition(limit, rng):
    def f(x, n, w):
        def go(s):
            y, k, t, m = s
            return (np.sum(y * w) < 1e6) & (k < limit) & ~t

        def step(s):
            y, k, t, m = s
            return y * 1.5 + np.tanh(w), k + 1, t, m.T

        y, k, t, m = ad.while_loop(go, step, (x, n, n > 5, np.outer(x, w)))
        return y, k, t, m

    x, w = rng.standard_normal(3), rng.standard_normal(3)
    compiled = check(f, x, np.int64(0), w)
    assert "while" in str(compiled.lower(x, np.int64(0), w).program)
    check(lambda x: ad.jvp(lambda x: f(x, np.int64(0), w)[0], (x,), (w,))[1], x)
    stuck = lambda x: ad.while_loop(lambda s: s[1], lambda s: (s[0] * 0.5, s[0] > 1e-3), (x, True))[0]  # noqa: E731
    check(stuck, np.float64(1.0))


def test_python_inside_a_loop_that_ends_by_a_condition(rng):
    a = rng.standard_normal((3, 3)) + 4 * np.eye(3)

    def f(x):
        test = lambda y: np.max(np.sort(np.abs(y))[:2]) > 1e-6  # noqa: E731
        return ad.while_loop(test, lambda y: np.linalg.solve(a, np.sort(y)), x)

    check(f, rng.standard_normal(3))


def test_branches(rng):
    def f(p, x, w):
        y, z = ad.cond(p, lambda x, w: (np.sin(x) @ w, x[::-1]), lambda x, w: (w @ x, x * 2.0), x, w)
        return y, z

    x, w = rng.standard_normal(3), rng.standard_normal((3, 3))
    for p in (np.array(True), np.array(False)):
        compiled = check(f, p, x, w)
        check(ad.grad(lambda p, x, w: np.sum(np.sin(f(p, x, w)[0])), argnums=(1, 2)), p, x, w)
    assert "if p" in str(compiled.lower(p, x, w).program)

    def steps(x):
        return ad.scan(lambda c, r: (ad.cond(c[0] > 0, lambda c: c - 1.0, lambda c: c * c, c) + r, c), x, x[:, None])

    check(steps, rng.standard_normal(30))


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("compiled", [False, True])
def test_an_endless_loop_can_be_interrupted(compiled):
    f = lambda x: ad.while_loop(lambda y: y[0] < 2.0, lambda y: np.sin(y), x)  # noqa: E731
    f = ad.compile(f) if compiled else f
    x = np.linspace(0.0, 1.0, 100)
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        f(x)
    timer.cancel()
    np.testing.assert_array_equal(f(x + 2.0), x + 2.0)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("compiled", [False, True])
def test_a_long_loop_can_be_interrupted(compiled):
    def loop(n):
        def f(x):
            return ad.scan(lambda c, _: (np.sin(c) + 1.0, None), x, length=n)[0]

        return ad.compile(f) if compiled else f

    x = np.linspace(0.0, 1.0, 100)
    short, long = loop(1000), loop(50_000_000)  # minutes
    expected = short(x)
    timer = threading.Timer(0.3, _thread.interrupt_main)
    begun = time.perf_counter()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        long(x)
    timer.cancel()
    assert time.perf_counter() - begun < 20  # a second on an idle machine
    np.testing.assert_array_equal(short(x), expected)
    np.testing.assert_array_equal(x, np.linspace(0.0, 1.0, 100))


def test_scatters_of_transposes_stay_in_the_program():
    """What is added at index arrays is packed first where it does not lie in order."""
    places, x = np.array([[0, 2, 2], [3, 1, 0]]), np.random.default_rng(0).standard_normal((4, 3, 5))

    def f(x):
        return np.sum(np.sin(np.swapaxes(x, 1, 2)[:, places.T] ** 2))

    g = ad.grad(lambda y: np.sum(np.sin(np.swapaxes(y[:, places], -1, -2)) * x[:, :, :2]))
    y = x[:, 0]
    np.testing.assert_allclose(ad.compile(g)(y), g(y), rtol=1e-13)
    assert "python" not in str(ad.compile(g).lower(y).program)
    np.testing.assert_allclose(ad.compile(ad.grad(f))(x), ad.grad(f)(x), rtol=1e-13)


@pytest.mark.parametrize("dtype", ["d", "f"])
@pytest.mark.parametrize(
    "shape",
    [(3, 5), (10, 10), (6, 70), (66, 66), (67, 130), (40, 7, 259), (300, 513), (5, 1027), (2, 64, 65), (700, 71)],
)
def test_whole_sums_of_shifted_slices(shape, dtype, rng, threads):
    """Rows that are not contiguous are read in place; what they are folded to has the bits of eager mode all the same."""
    u = rng.standard_normal(shape).astype(dtype)

    def stencil(u):
        inner = u[..., 1:-1, 1:-1]
        return 4 * inner - u[..., 2:, 1:-1] - u[..., :-2, 1:-1] - u[..., 1:-1, 2:] - u[..., 1:-1, :-2]

    folds = np.sum, np.max, np.min
    expected = [fold(np.abs(stencil(u))) for fold in folds], ad.grad(lambda u: np.sum(stencil(u) ** 2))(u)
    found = []
    for number in (1, 2, 5):
        threads(number)
        some = [ad.compile(lambda u, fold=fold: fold(np.abs(stencil(u))))(u) for fold in folds]
        value, slope = ad.compile(ad.value_and_grad(lambda u: np.sum(stencil(u) ** 2)))(u)
        found.append([*some, value, slope])
    for again in found[1:]:
        for x, y in zip(found[0], again, strict=True):
            np.testing.assert_array_equal(x, y)
    np.testing.assert_array_equal(found[0][1:3], expected[0][1:])
    np.testing.assert_allclose(
        found[0][0], np.sum(np.abs(stencil(u.astype(np.longdouble)))), rtol=8 * np.finfo(dtype).eps
    )
    np.testing.assert_allclose(
        found[0][4], expected[1], rtol=0, atol=64 * np.finfo(dtype).eps * np.max(np.abs(expected[1]))
    )
    flat = ad.compile(lambda x: np.sum(np.abs(x)))(stencil(u))
    np.testing.assert_array_equal(found[0][0], flat)


def test_layer_normalisation(rng, monkeypatch):
    """Variances are passes that are fused; rows of 300 KiB, where cheap results are made again by later passes."""
    monkeypatch.setenv("SCIRS_AD_CHECK", "1")
    x = rng.standard_normal((300, 300))

    def f(a):
        y = (a - a.mean(1, keepdims=True)) / np.sqrt(a.var(1, keepdims=True) + 1e-5)
        return np.sum(y**3)

    compiled = ad.compile(ad.value_and_grad(f))
    value, slope = compiled(x)
    expected = ad.value_and_grad(f)(x)
    np.testing.assert_allclose(value, expected[0], rtol=1e-11)
    np.testing.assert_allclose(slope, expected[1], rtol=0, atol=1e-11 * np.max(np.abs(expected[1])))
    assert "python" not in kinds(compiled, x)
    same = ad.compile(lambda a: (np.var(a, axis=(0, 2), ddof=1), np.std(a), np.var(a, axis=1)))
    a = np.broadcast_to(rng.standard_normal((2, 1, 3)), (2, 5, 3)) * 0.1 + 7.3
    for found, known in zip(same(a), (np.var(a, axis=(0, 2), ddof=1), np.std(a), np.zeros((2, 3))), strict=True):
        np.testing.assert_allclose(found, known, rtol=1e-14)


def test_vectors_of_a_batch(rng):
    """Matrices times vectors over leading axes, and the gradients of one matrix for all of them, without Python."""
    w, v = rng.standard_normal((5, 4)), rng.standard_normal(5)
    x, many = rng.standard_normal((7, 4)), rng.standard_normal((7, 5, 4))
    y = rng.standard_normal((7, 5))
    check(anp.matvec, w, x)
    check(anp.matvec, many, x)
    check(anp.matvec, many, x[0])
    check(anp.vecmat, y, w)
    check(anp.vecmat, y, many)
    check(anp.vecmat, v, many)
    check(np.vecdot, y, v)
    check(lambda w, x: anp.matvec(w[::-1, ::-1], x[:, ::-1]), w, x)

    def loss(w):
        return np.sum(ad.vmap(lambda r: np.tanh(w @ r) @ w @ r)(x))

    compiled = check(ad.grad(loss), w)
    assert "python" not in kinds(compiled, w)
    np.testing.assert_allclose(
        compiled(w), sum(ad.grad(lambda w, r=r: np.tanh(w @ r) @ w @ r)(w) for r in x), rtol=1e-12
    )


@pytest.mark.parametrize("seed", range(60))
def test_gradients_of_sums_of_windows(seed, threads):
    """Windows of one array at random shifts, some with equal factors, so that their cotangents are one value."""
    rng = np.random.default_rng(seed)
    ndim = rng.integers(1, 4)
    inner = rng.choice([[3, 7], [40, 70], [200, 300]][rng.integers(3)], size=1)[0]
    window = (*rng.integers(1, 12, ndim - 1), inner)
    reach = rng.integers(0, 4, ndim)
    u = rng.standard_normal([n + r for n, r in zip(window, reach, strict=True)])
    shifts = {tuple(int(rng.integers(0, r + 1)) for r in reach) for _ in range(rng.integers(2, 7))}
    terms = [(shift, float(rng.choice([-1.0, 1.0, 2.0]))) for shift in rng.permutation(sorted(shifts)).tolist()]

    def f(u):
        total = 0.0
        for shift, factor in terms:
            total = total + factor * u[tuple(slice(s, s + n) for s, n in zip(shift, window, strict=True))]
        return np.sum(total**2) + np.sum(np.abs(total))

    expected = np.zeros_like(u)
    views = [tuple(slice(s, s + n) for s, n in zip(shift, window, strict=True)) for shift, _ in terms]
    total = sum(factor * u[view] for view, (_, factor) in zip(views, terms, strict=True))
    for view, (_, factor) in zip(views, terms, strict=True):
        expected[view] += factor * (2 * total + np.sign(total))
    for number in (1, 2):
        threads(number)
        for slope in (ad.compile(ad.grad(f))(u), ad.compile(ad.value_and_grad(f))(u)[1], ad.grad(f)(u)):
            np.testing.assert_allclose(slope, expected, rtol=0, atol=1e-13 * np.max(np.abs(expected)))


@pytest.mark.parametrize("shape", [(5, 69), (3, 5, 69), (40, 40)])
def test_both_operands_of_a_product_are_copied(shape, rng, monkeypatch):
    """Views of one intermediate result that BLAS cannot read: it lives until the second copy is made."""
    monkeypatch.setenv("SCIRS_AD_CHECK", "1")
    x = rng.standard_normal(shape)

    def f(x):
        y = np.minimum(np.sin(x), 0.8)
        turned = y[..., ::-1, :]
        return turned @ np.swapaxes(turned, -1, -2), np.sum(y * x)

    check(f, x)
    check(lambda x: anp.matvec(np.sin(x)[..., ::-1, ::-1], np.sin(x)[..., 0, ::-1]), x)


# ------------------------------------------------------------------------------------------------ assignments
@pytest.fixture
def checked(monkeypatch):
    """Plans are checked: nothing is written over while it is needed."""
    monkeypatch.setenv("SCIRS_AD_CHECK", "1")


def borders(x):
    y = anp.zeros(x.shape) + x
    y[1:-1, 1:-1] = 2 * x[2:, 1:-1]
    y[0] = y[-1]
    y[:, 0] = 3
    y[::2, 5] = x[0, 0]
    return y


def shifted(x):
    y = np.cos(x)
    for _ in range(5):
        y[1:] = 0.5 * y[:-1]
    return y


def overlapping(x):
    y = x + 0.0
    y[1:] = y[:-1]
    return y, y.T


def kept(x):
    y = np.sin(x)
    before = y[2:4] * 1.0
    whole = y.copy()
    y[2:4] = before[::-1]
    return y, whole, before


def of_batches(x):
    z = anp.zeros((4, *x.shape[1:]))
    z[...] = x[:1]
    z[:, ::-1, None, 3] = x[1, :, 4:5]
    return z


@pytest.mark.parametrize("f", [borders, shifted, overlapping, kept])
@pytest.mark.parametrize("dtype", ["d", "f", "D"])
def test_values_put_into_an_array(f, dtype, checked, rng):
    x = rng.standard_normal((50, 70)).astype(dtype)
    python = None if dtype == "D" else False  # complex cosines are NumPy's
    check(f, x, python=python)
    check(f, np.asfortranarray(x), python=python)
    loss = ad.grad(lambda x: sum(np.sum(abs(y * y)) for y in (f(x) if f in (overlapping, kept) else (f(x),))))
    check(loss, x, ulps=64, python=python)
    found, expected = ad.compile(f, donate_argnums=0)(x.copy()), f(x)
    for y, z in zip(found, expected, strict=True):  # tuples, or rows
        np.testing.assert_allclose(y, z, rtol=1e-5 if dtype == "f" else 1e-13)


def test_values_put_into_batches(checked, rng):
    x = rng.standard_normal((2, 40, 60))
    check(of_batches, x)
    check(ad.vmap(of_batches), np.stack([x, 2 * x]))
    check(ad.grad(lambda x: np.sum(np.sin(of_batches(x)))), x)


def test_an_array_is_written_to_in_place(rng):
    """One copy of the argument, then only what changes: 99 of 100 assignments copy a row."""

    def f(x):
        y = x + 0.0
        for k in range(100):
            y[k] = np.sum(x[k]) * 1.0
        return y

    copies = [d for d in ad.compile(f).lower(rng.standard_normal((100, 50))).program.instructions if d[0] == "copy"]
    assert sum(d[4] == (5000,) for d in copies) <= 1


# ------------------------------------------------------------------------------------------------ kernels side by side
def spectra(a, b):
    """Of a Kronecker product: two decompositions that do not need each other, and one that needs both."""
    (w, v), (u, q) = anp.linalg.eigh(a + a.T), anp.linalg.eigh(b + b.T)
    return np.sum(np.log1p(np.outer(w, u) ** 2)) + np.sum(anp.linalg.svdvals(v * w + q * u))


@pytest.fixture
def threads():
    before = ad.get_num_threads()
    yield ad.set_num_threads
    ad.set_num_threads(before)


@pytest.mark.parametrize("n", [64, 100])
def test_decompositions_that_do_not_need_each_other(n, threads, rng):
    a, b = rng.standard_normal((2, n, n))
    for f in (spectra, ad.value_and_grad(spectra, argnums=(0, 1))):
        compiled = ad.compile(f)
        together = [d[6] for d in compiled.lower(a, b).program.instructions if d[0] == "python" and d[6] > 1]
        assert together[:1] == [2]
        assert str(compiled.lower(a, b).program).count("with the next 1") == len(together)
        found = []
        for count in (1, 2, 3):
            threads(count)
            found.append(flatten(compiled(a, b))[0])
        expected = flatten(f(a, b))[0]
        for one, two, three, z in zip(*found, expected, strict=True):
            np.testing.assert_array_equal(one, two)
            np.testing.assert_array_equal(one, three)
            np.testing.assert_allclose(one, z, rtol=1e-9, atol=1e-11 * np.max(np.abs(z)))


def test_small_decompositions_and_chains_of_them_go_one_after_another(rng):
    def chain(a):
        return anp.linalg.eigh(anp.linalg.eigh(a)[1] @ a)[0]

    for f, n in ((spectra, 20), (lambda a, b: chain(a) + 0 * b[0], 80)):
        a, b = rng.standard_normal((2, n, n))
        assert all(d[6] == 1 for d in ad.compile(f).lower(a, b).program.instructions if d[0] == "python")


@pytest.mark.parametrize("count", [1, 2])
def test_errors_of_decompositions_side_by_side(count, threads, rng):
    threads(count)
    good = np.eye(80)
    refused = ad.compile(lambda a, b, c: [anp.linalg.cholesky(x)[0, 0] for x in (a, b, c)])
    assert next(d[6] for d in refused.lower(good, good, good).program.instructions if d[0] == "python") == 3
    assert refused(good, 4 * good, 9 * good) == [1, 2, 3]
    second, third = good.copy(), good.copy()
    second[4, 4], third[7, 7] = -1, -1
    for _ in range(20):
        with pytest.raises(np.linalg.LinAlgError, match="order 5"):  # of the first in order
            refused(good, second, third)
        with pytest.raises(np.linalg.LinAlgError, match="order 8"):
            refused(third, good, second)
