"""Shape functions, joins, selections and sorts: values as NumPy's, derivatives by differences, vmap as a loop."""

import numpy as np
import pytest
from releases import NUMPY

import scirs_ad as ad
import scirs_ad.numpy as anp
from scirs_ad.testing.differences import finite_difference

RNG = np.random.default_rng(5)
V, M, T = RNG.standard_normal(6), RNG.standard_normal((3, 4)), RNG.standard_normal((2, 3, 4))
MASK = np.array([True, False, True])
NAN = np.where(RNG.random((3, 4)) < 0.3, np.nan, M)
DUPLICATES = np.array([2.0, 1.0, 2.0, 0.5, 1.0])

# One expression each, evaluated with numpy on arrays and with scirs_ad.numpy on tracked and plain arrays.
CASES = [
    ("ravel(x, 'F')", M), ("ravel(x)", T), ("transpose(x)", T), ("transpose(x, (1, 2, 0))", T),
    ("matrix_transpose(x)", T), ("moveaxis(x, 0, -1)", T), ("moveaxis(x, (0, 1), (-1, 0))", T),
    ("swapaxes(x, 0, -1)", T),
    ("rollaxis(x, 2)", T), ("rollaxis(x, 0, 3)", T), ("rollaxis(x, -1, 1)", T), ("squeeze(x)", M[:, None, :1]),
    ("squeeze(x, axis=1)", M[:, None, :]), ("expand_dims(x, (0, -1))", M), ("expand_dims(x, 1)", M),
    ("broadcast_arrays(x, T)[0]", M), ("atleast_1d(x)", V[0]), ("atleast_2d(x)", V), ("atleast_3d(x)", V),
    ("atleast_3d(x)", M), ("tile(x, 2)", M), ("tile(x, (2, 1, 3))", M), ("tile(x, (2,))", T), ("tile(x, 0)", V),
    ("repeat(x, 2)", M), ("repeat(x, 3, axis=0)", M), ("repeat(x, [0, 2, 1], axis=0)", M), ("resize(x, (5, 4))", M),
    ("resize(x, 7)", M), ("resize(x, (2, 2))", M), ("flip(x)", M), ("flip(x, (0, 2))", T), ("flip(x, 1)", T),
    ("fliplr(x)", M), ("flipud(x)", M), ("rot90(x)", M), ("rot90(x, 2)", M), ("rot90(x, -1, (1, 2))", T),
    ("roll(x, 2)", M), ("roll(x, -1, axis=0)", M), ("roll(x, (1, 2), axis=(0, 1))", M), ("roll(x, 7, axis=1)", M),
    ("meshgrid(x, x[:2])[0]", V), ("meshgrid(x, x[:2])[1]", V), ("meshgrid(x, x[:2], indexing='ij')[1]", V),
    ("meshgrid(x, x[:2], x, sparse=True)[0]", V), ("trim_zeros(x)", np.array([0.0, 0.0, 1.0, 0.0, 2.0, 0.0])),
    ("trim_zeros(x, 'b')", np.array([0.0, 1.0, 0.0, 2.0, 0.0])), ("trim_zeros(x)", np.zeros(3)),
    # joins and parts
    ("concatenate([x, x[:1]])", M), ("concatenate((x, M), axis=1)", M), ("concatenate((x, V), axis=None)", M),
    ("concatenate(x)", T), ("stack([x, 2 * x], axis=-1)", M), ("stack([x, M], axis=1)", M), ("vstack([x, x])", V),
    ("hstack([x, x])", M), ("hstack([x, 1.0])", V), ("dstack([x, x])", M), ("column_stack([x, x])", V),
    ("column_stack([x, M])", M), ("block([[x, M], [M, x]])", M), ("block([x, 1.0])", V), ("append(x, 3.0)", M),
    ("append(x, M, axis=0)", M), ("split(x, 2)[1]", V), ("split(x, [1, 4])[1]", V), ("array_split(x, 4)[0]", V),
    ("array_split(x, 4, axis=1)[3]", M), ("hsplit(x, 2)[1]", M), ("vsplit(x, 3)[1]", M), ("dsplit(x, 2)[0]", T),
    ("unstack(x)[1]", M), ("unstack(x, axis=1)[2]", M), ("delete(x, 1)", V), ("delete(x, [0, 2], axis=0)", M),
    ("delete(x, slice(0, 6, 2))", V), ("delete(x, MASK, axis=0)", M), ("insert(x, 1, 5.0)", V),
    ("insert(x, [0, 2, 2], [1.0, 2.0, 3.0])", V), ("insert(x, 1, V[:4], axis=0)", M),
    ("insert(x, [1, 2], M[:, :2], axis=1)", M), ("insert(M, 1, x, axis=1)", V[:3]), ("insert(x, slice(0, 2), 7.0)", V),
    ("insert(M, [1], x, axis=1)", M), ("insert(x, -1, 5.0)", V),
    # borders
    *[(f"pad(x, ((2, 1), (1, 3)), '{mode}')", M) for mode in ("edge", "reflect", "symmetric", "wrap", "linear_ramp",
                                                              "mean", "maximum", "minimum", "constant")],
    ("pad(x, 2, constant_values=((1.0, 2.0), (3.0, 4.0)))", M), ("pad(x, (7, 9), 'reflect')", V),
    ("pad(x, (7, 9), 'symmetric')", V), ("pad(x, (7, 9), 'wrap')", V), ("pad(x, 2, 'reflect', reflect_type='odd')", M),
    ("pad(x, 2, 'symmetric', reflect_type='odd')", M), ("pad(x, 2, 'mean', stat_length=2)", M),
    ("pad(x, 2, 'maximum', stat_length=(1, 2))", M), ("pad(x, (2, 3), 'linear_ramp', end_values=(5.0, -1.0))", V),
    *([("pad(x, {-1: (1, 2)})", T)] if NUMPY >= (2, 3) else []),
    ("pad(V, 2, 'constant', constant_values=x)", np.array(2.0)),
    # selections
    ("take(x, [0, 2, 2])", M), ("take(x, [[0, 1], [2, 2]], axis=0)", M), ("take(x, 1, axis=1)", M),
    ("take(x, [5, -7], mode='wrap', axis=1)", M), ("take(x, [5, -7], mode='clip', axis=1)", M),
    ("take_along_axis(x, argsort(M, axis=0), axis=0)", M), ("take_along_axis(x, argsort(T[:1], axis=-1), axis=-1)", T),
    ("take_along_axis(x, array_split(argsort(V), 2)[0], axis=None)", V), ("compress(MASK, x, axis=0)", M),
    ("compress([False, True], x)", M), ("extract(M > 0, x)", M), ("choose(argsort(V) % 2, [x, 2 * x])", V),
    ("choose([0, 3, -1], [x, 2 * x], mode='wrap')", V[:3]), ("choose([0, 3, -1], [x, 2 * x], mode='clip')", V[:3]),
    ("select([M > 1, M > 0], [x, x * x], 3 * x)", M), ("select([M > 1], [x])", M),
    ("piecewise(x, [x < 0, x >= 0], [lambda t: t * t, lambda t: 2 * t])", M),
    ("piecewise(x, [x < 0], [lambda t, s: t * s, 1.0], 3.0)", V), ("piecewise(x, x < 0, [lambda t: -t])", V),
    ("where(M > 0, x, M * x)", M), ("bincount([0, 2, 2, 1, 0, 5], x)", V), ("bincount([0, 2, 2, 1, 0, 5], x, 9)", V),
    ("histogram(V, bins=3, weights=x)[0]", V), ("histogram(V, bins=3, weights=x, density=True)[0]", np.abs(V)),
    ("histogram(V, bins=[-1.0, 0.0, 0.5], weights=x)[0]", V),
    *[(f"{name}(x, {k})", M) for name in ("diag", "tril", "triu", "diagonal", "trace") for k in (-4, -1, 0, 1, 3, 9)
      if not (name == "diagonal" and k == 9)],
    ("diag(x)", V), ("diag(x, 2)", V), ("diag(x, -1)", V), ("diagflat(x, 1)", M), ("diagonal(x, 1, 0, 2)", T),
    ("diagonal(x, 0, -1, 0)", T), ("tril(x)", V), ("triu(x, 1)", T), ("trace(x, 1, 1, 2)", T),
    # sorts
    ("sort(x)", M), ("sort(x, axis=0)", M), ("sort(x, axis=None)", M), ("sort(x)", DUPLICATES), ("sort(x)", np.zeros(0)),
    ("sort(partition(x, 2)[:2])", V), ("partition(x, (1, 3), axis=None)[[1, 3]]", M), ("median(x)", V), ("median(x)", M),
    ("median(x, axis=0)", M), ("median(x, axis=(0, 2), keepdims=True)", T), ("median(x)", V[:5]),
    *[(f"quantile(x, [0.0, 0.3, 0.55, 1.0], method='{m}')", V) for m in (
        "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull",
        "linear", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest")],
    ("quantile(x, [[0.2, 0.9]], axis=1)", M), ("percentile(x, 35.0, axis=0, keepdims=True)", M),
    ("nanmedian(x, axis=1)", NAN), ("nanquantile(x, [0.2, 0.7], axis=0)", NAN), ("nanpercentile(x, 60.0)", NAN),
    ("nanquantile(x, 0.3, axis=1, method='lower')", NAN), ("quantile(x, 0.3, axis=1)", NAN), ("median(x)", NAN),
    ("quantile(x, [0.1, 0.6], weights=[1.0, 0.0, 2.0, 3.0, 1.0, 1.0], method='inverted_cdf')", V),
    ("quantile(M, x)", np.array([0.21, 0.77])), ("quantile(M, x, axis=0, method='hazen')", np.array(0.4)),
    ("interp(x, linspace(-3, 3, 6), V)", M), ("interp([0.3, -9.0, 9.0, 1.0], linspace(-3, 3, 6), x)", V),
    ("interp(x, [-1.0, 0.0, 1.0], [1.0, 5.0, 2.0], left=-7.0, right=9.0)", M),
    ("interp([0.3, 0.77], x, [1.0, 5.0, 2.0])", np.array([-0.1, 0.5, 1.1])),
    ("interp(x, [0.5, 0.1, 0.9], [1.0, 5.0, 2.0], period=1.0)", M), ("interp(x, [0.5], [1.0])", V),
    ("interp(x, [0.0, 1.0], [1 + 2j, 3 - 1j])", np.array([0.2, 0.7])),
    ("unique(x)", DUPLICATES), ("unique(x, axis=0)", M[[0, 1, 0]]), ("unique(x, return_counts=True)[0]", DUPLICATES),
    ("unique_values(x)", DUPLICATES), ("unique_inverse(x).values", DUPLICATES), ("union1d(x, [1.0, 7.0])", DUPLICATES),
    ("setdiff1d(x, [1.0, 7.0])", DUPLICATES), ("setxor1d(x, [1.0, 7.0])", DUPLICATES),
    ("intersect1d(x, [1.0, 7.0, 2.0])", DUPLICATES),
]  # fmt: skip
VALUES_DECIDE = ("unique", "union1d", "setdiff1d", "setxor1d", "intersect1d", "trim_zeros")
CONSTANTS = {"V": V, "M": M, "T": T, "MASK": MASK}


def function(text, module):
    scope = {name: getattr(module, name) for name in dir(module) if not name.startswith("_")} | CONSTANTS
    for name in ("linspace",):
        scope[name] = getattr(np, name)
    return lambda x: eval(text, scope | {"x": x})


def ids(case):
    return case if isinstance(case, str) else f"{case.shape}" if isinstance(case, np.ndarray) else None


@pytest.mark.parametrize(("text", "x"), CASES, ids=ids)
def test_value(text, x):
    expected = np.asarray(function(text, np)(x))
    plain = function(text, anp)(x)
    np.testing.assert_allclose(np.asarray(plain), expected, rtol=1e-14, atol=1e-15)
    out, _ = ad.jvp(function(text, anp), (x,), (np.ones_like(x),))
    assert np.shape(out) == expected.shape
    np.testing.assert_allclose(out, expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(("text", "x"), CASES, ids=ids)
def test_plain_numpy_dispatches(text, x):
    """`import numpy as np` on a tracked array calls the same functions."""
    if "constant_values=x" in text:  # NumPy asks only the first argument of pad
        with pytest.raises(ad.DerivativeLostError):
            ad.jvp(function(text, np), (x,), (np.ones_like(x),))
        return
    expected = np.asarray(function(text, np)(x))
    out, _ = ad.jvp(function(text, np), (x,), (np.ones_like(x),))
    np.testing.assert_allclose(out, expected, rtol=1e-14, atol=1e-15)


def steps_keep(text, x):
    """Whether a small step leaves the selection as it is; `test_selection` covers the others."""
    return x is not DUPLICATES and not any(name in text for name in ("unique", "trim_zeros"))


@pytest.mark.parametrize(("text", "x"), [case for case in CASES if steps_keep(*case)], ids=ids)
def test_derivative(text, x):
    f = function(text, anp)
    rng = np.random.default_rng(11)
    t = rng.standard_normal(x.shape)
    h = 1e-6
    expected = (np.asarray(f(x + h * t)) - np.asarray(f(x - h * t))) / (2 * h)
    finite = np.where(np.isfinite(expected), expected, 0)
    _, tangent = ad.jvp(f, (x,), (t,))
    np.testing.assert_allclose(np.where(np.isfinite(expected), tangent, 0), finite, rtol=1e-7, atol=1e-7)
    value, pullback = ad.vjp(f, x)
    ct = rng.standard_normal(np.shape(value)).astype(np.asarray(value).dtype)
    ct = np.where(np.isfinite(expected), ct, 0)
    (g,) = pullback(ct)
    assert g.shape == x.shape
    clean = np.where(np.isfinite(tangent), tangent, 0)
    np.testing.assert_allclose(np.sum(np.where(np.isfinite(x), g, 0) * np.where(np.isfinite(x), t, 0)),
                               np.sum((ct * np.conj(clean)).real), rtol=1e-10, atol=1e-12)  # fmt: skip


@pytest.mark.parametrize(("text", "x"), CASES, ids=ids)
def test_vmap(text, x):
    f = function(text, anp)
    rng = np.random.default_rng(3)
    batch = np.stack([x, x[::-1] if x.ndim else x + 0.1, x + 0.01 * rng.standard_normal(x.shape)])
    if any(name in text for name in VALUES_DECIDE):
        with pytest.raises(ad.TracingError):
            ad.vmap(f)(batch)
        return
    expected = np.stack([np.asarray(f(row)) for row in batch])
    if "method='lower'" in text and "nan" in text:
        with pytest.raises(ad.TracingError):
            ad.vmap(f)(batch)
        return
    np.testing.assert_allclose(ad.vmap(f)(batch), expected, rtol=1e-13, atol=1e-14)


def test_selection():
    """Of equal elements the first is taken."""
    for name in ("unique", "unique_values"):
        (g,) = ad.vjp(getattr(anp, name), DUPLICATES)[1](np.array([1.0, 2.0, 3.0]))
        np.testing.assert_array_equal(g, [3.0, 2.0, 0.0, 1.0, 0.0])
    (g,) = ad.vjp(lambda x: anp.trim_zeros(x), np.array([0.0, 2.0, 0.0]))[1](np.array([5.0]))
    np.testing.assert_array_equal(g, [0.0, 5.0, 0.0])


def test_places():
    """What gives places or truth gives plain arrays."""

    def f(x):
        assert type(np.nonzero(x)[0]) is np.ndarray
        assert type(np.where(x > 0)[0]) is np.ndarray
        np.testing.assert_array_equal(np.argsort(x), np.argsort(V))
        np.testing.assert_array_equal(anp.argsort(x, descending=True), np.argsort(-V))
        np.testing.assert_array_equal(np.lexsort((x, x > 0)), np.lexsort((V, V > 0)))
        np.testing.assert_array_equal(np.searchsorted(np.sort(x), 0.1), np.searchsorted(np.sort(V), 0.1))
        np.testing.assert_array_equal(np.digitize(x, [1.0, 0.0, -1.0]), np.digitize(V, [1.0, 0.0, -1.0]))
        np.testing.assert_array_equal(np.digitize(x, [-1.0, 0.0], right=True), np.digitize(V, [-1.0, 0.0], right=True))
        np.testing.assert_array_equal(np.isin(x, [V[1]]), np.isin(V, [V[1]]))
        np.testing.assert_array_equal(np.argwhere(x > 0), np.argwhere(V > 0))
        np.testing.assert_array_equal(np.flatnonzero(x > 0), np.flatnonzero(V > 0))
        np.testing.assert_array_equal(np.histogram(x, 3)[0], np.histogram(V, 3)[0])
        assert np.argpartition(x, 2)[2] == np.argsort(V)[2]
        return np.sum(x)

    np.testing.assert_array_equal(ad.grad(f)(V), np.ones(6))


def test_boxes():
    """Histograms of several dimensions sum weights, and pass their cotangents."""
    x, y = RNG.uniform(0, 1, (2, 20))
    w = RNG.uniform(0, 1, 20)
    for density in (False, True):
        expected = np.histogram2d(x, y, (3, 4), weights=w, density=density)[0]
        found, _ = ad.jvp(lambda w, d=density: np.histogram2d(x, y, (3, 4), weights=w, density=d)[0], (w,), (w,))
        np.testing.assert_allclose(found, expected, rtol=1e-13)
    edges = [np.linspace(0.1, 0.9, 4)] * 3
    points = RNG.uniform(0, 1, (20, 3))
    expected = np.histogramdd(points, edges, weights=w)[0]
    ct = RNG.standard_normal(expected.shape)
    value, pullback = ad.vjp(lambda w: np.histogramdd(points, edges, weights=w)[0], w)
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    np.testing.assert_allclose(np.sum(pullback(ct)[0] * w), np.sum(ct * expected), rtol=1e-12)


def test_methods():
    """The methods of ndarray that pick, sort and arrange."""

    def f(x):
        z = 1.0 * x
        z.sort()
        z.put([0], x[1] ** 2)
        y = z.take([0, 3]).repeat(2) * x.reshape(2, 3).swapaxes(0, 1).diagonal().sum()
        return y.sum() + x[x.argsort()[0]] + x.compress(V > 0).sum() + x.reshape(2, 3).trace() + z.squeeze()[2]

    ad.testing.check_grads(f, (V,), order=2)


def test_writing():
    """The functions that write into an array, with their derivative."""

    def f(x):
        z = ad.Variable(np.zeros((3, 3)))
        np.fill_diagonal(z, x[:3])
        np.put(z, [1, -1], x[3:5])
        np.place(z, np.arange(9).reshape(3, 3) == 5, x[5:])
        np.copyto(z, 2 * z, where=np.arange(3) < 2)
        np.putmask(z, np.eye(3, dtype=bool)[::-1], z * z)
        np.put_along_axis(z, np.array([[2], [0], [0]]), x[:3, None], axis=1)
        return np.sum(z * np.arange(9.0).reshape(3, 3))

    def plain(x):
        z = np.zeros((3, 3))
        np.fill_diagonal(z, x[:3])
        np.put(z, [1, -1], x[3:5])
        np.place(z, np.arange(9).reshape(3, 3) == 5, x[5:])
        np.copyto(z, 2 * z, where=np.arange(3) < 2)
        np.putmask(z, np.eye(3, dtype=bool)[::-1], z * z)
        np.put_along_axis(z, np.array([[2], [0], [0]]), x[:3, None], axis=1)
        return np.sum(z * np.arange(9.0).reshape(3, 3))

    value, gradient = ad.value_and_grad(f)(V)
    assert value == pytest.approx(plain(V))
    steps = 1e-6 * np.eye(6)
    np.testing.assert_allclose(gradient, [(plain(V + s) - plain(V - s)) / 2e-6 for s in steps], atol=1e-8)


@pytest.mark.parametrize("call", [
    lambda z, x: np.fill_diagonal(z, x[0]), lambda z, x: np.put(z, [0], x[0]), lambda z, x: np.copyto(z, x[0]),
    lambda z, x: np.place(z, z == 0, x[:1]), lambda z, x: np.putmask(z, z == 0, x[:1]),
    lambda z, x: np.put_along_axis(z, np.array([[0], [1]]), x[:2, None], 1),
])  # fmt: skip
def test_no_derivative_into_arrays(call):
    with pytest.raises(ad.DerivativeLostError, match="derivative"):
        ad.grad(lambda x: call(np.zeros((2, 2)), x))(V)


@pytest.mark.parametrize(("call", "error", "match"), [
    (lambda: anp.concatenate([M, V]), ValueError, "concatenate"),
    (lambda: anp.concatenate([]), ValueError, "at least one"),
    (lambda: anp.stack([M, V]), ValueError, "one shape"),
    (lambda: anp.concatenate([V], axis=1), np.exceptions.AxisError, "concatenate"),
    (lambda: anp.split(V, 4), ValueError, "equal parts"),
    (lambda: anp.squeeze(M, 0), ValueError, "squeeze"),
    (lambda: anp.moveaxis(M, 0, 5), np.exceptions.AxisError, "moveaxis"),
    (lambda: anp.take(V, 9), IndexError, "out of bounds"),
    (lambda: anp.take_along_axis(M, np.array([0]), 0), ValueError, "dimension"),
    (lambda: anp.choose([5], [V, V]), ValueError, "choose"),
    (lambda: anp.select([V], [V]), TypeError, "boolean"),
    (lambda: anp.quantile(V, 1.5), ValueError, "range"),
    (lambda: anp.quantile(V, 0.5, method="new"), ValueError, "method"),
    (lambda: anp.interp(0.5, [1.0, 2.0], [1.0]), ValueError, "interp"),
    (lambda: anp.pad(ad.Variable(V), 1, "median"), ValueError, "median"),
    (lambda: anp.pad(ad.Variable(V), -1), ValueError, "negative"),
    (lambda: anp.bincount([0, -1], ad.Variable(V[:2])), ValueError, "negative"),
    (lambda: anp.searchsorted(M, 0.0), ValueError, "1-D"),
    (lambda: anp.diag(T), ValueError, "diag"),
    (lambda: anp.block([[V], V]), ValueError, "depths"),
    (lambda: anp.where(M > 0, 1.0), ValueError, "both"),
    (lambda: anp.partition(V, 9), ValueError, "out of bounds"),
])  # fmt: skip
def test_errors(call, error, match):
    with pytest.raises(error, match=match):
        call()


@pytest.mark.parametrize(
    "f",
    [
        lambda v: np.histogram(v, 3)[1],
        lambda v: np.histogram(v, 3, density=True)[0],
        lambda v: np.histogram(v, 3, weights=np.arange(4.0), density=True)[0],
        lambda v: np.histogram_bin_edges(v, "auto"),
        lambda v: np.histogram(DUPLICATES, np.array([-2.0, 0.1, 3.0]) * v[1], density=True)[0],
        lambda v: np.histogram2d(v, V[:4], (2, 3), density=True)[0],
        lambda v: np.histogramdd(np.stack([v, v**2], axis=1), 2, weights=np.arange(4.0), density=True)[0],
        lambda v: np.histogramdd([v, V[:4]], [3, np.array([-2.0, 0.0, 3.0])])[1][0],
    ],
)
def test_edges_of_histograms_move(f):
    """Edges that span the elements depend on the outermost."""
    x = np.array([0.3, 1.2, -0.7, 2.1])
    np.testing.assert_allclose(ad.jacobian(f)(x), finite_difference(f, x), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(f(ad.Variable(x)), f(x))
