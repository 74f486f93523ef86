"""Reductions, running sums and products, differences, statistics: values of NumPy, derivatives of differences."""

import warnings

import numpy as np
import pytest
from derivatives import check
from hypothesis import given, settings
from hypothesis import strategies as st

import scirs_ad as ad
import scirs_ad.numpy as anp

X = np.random.default_rng(0).standard_normal((2, 3, 4))
AXES = [None, 0, -1, (0, 2), (-1, 0), (), (0, 1, 2)]
SMOOTH = [
    "sum",
    "prod",
    "mean",
    "var",
    "std",
    "max",
    "min",
    "ptp",
    "nansum",
    "nanmean",
    "nanvar",
    "nanstd",
    "nanprod",
    "nanmax",
    "nanmin",
]
FLAT = ["all", "any", "count_nonzero"]


def same(found, wanted, **more):
    assert np.shape(found) == np.shape(wanted)
    assert np.asarray(found).dtype == np.asarray(wanted).dtype
    np.testing.assert_allclose(np.asarray(found), wanted, rtol=more.get("rtol", 1e-13), atol=1e-14)


@pytest.mark.parametrize("name", SMOOTH + FLAT)
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("keepdims", [False, True])
def test_values(name, axis, keepdims):
    same(getattr(anp, name)(X, axis=axis, keepdims=keepdims), getattr(np, name)(X, axis=axis, keepdims=keepdims))


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_derivatives(name, axis, keepdims):
    if name in ("std", "nanstd", "var", "nanvar") and axis == 0:
        x = np.random.default_rng(1).standard_normal((4, 2, 3))  # two observations: |a - b|, a kink nearby
    else:
        x = X
    check(lambda a: getattr(np, name)(a, axis=axis, keepdims=keepdims), x)


@pytest.mark.parametrize("name", SMOOTH)
def test_float32_stays(name):
    x = X.astype(np.float32)
    y, g = ad.value_and_grad(lambda a: getattr(np, name)(a))(x)
    assert y.dtype == g.dtype == np.float32
    assert g.shape == x.shape


@given(data=st.data(), name=st.sampled_from(["sum", "prod", "mean", "var", "max", "min"]))
@settings(max_examples=60, deadline=None)
def test_any_shape_and_axes(data, name):
    shape = tuple(data.draw(st.lists(st.integers(1, 3), max_size=4)))
    axes = data.draw(st.none() | st.sets(st.integers(0, max(len(shape) - 1, 0)), max_size=len(shape)))
    if axes is not None:
        axes = tuple(a - len(shape) if data.draw(st.booleans()) else a for a in axes) if shape else ()
    keepdims = data.draw(st.booleans())
    x = np.random.default_rng(len(shape)).standard_normal(shape)
    same(getattr(anp, name)(x, axis=axes, keepdims=keepdims), getattr(np, name)(x, axis=axes, keepdims=keepdims))
    check(lambda a: getattr(np, name)(a, axis=axes, keepdims=keepdims), x, order=1)


# ------------------------------------------------------------------------------------------------ traps
@pytest.mark.parametrize("x", [[1.5, 0.0, 2.0], [0.0, 1.5, 0.0], [0.0, 0.0, 0.0], [2.0], []])
def test_product_through_zeros(x):
    x = np.array(x)
    check(np.prod, x)
    others = [np.prod(np.delete(x, i)) for i in range(len(x))]
    np.testing.assert_array_equal(ad.grad(np.prod)(x), others)
    twice = np.array([[0.0 if i == j else np.prod(np.delete(x, [i, j])) for j in range(len(x))] for i in range(len(x))])
    np.testing.assert_allclose(ad.hessian(np.prod)(x), twice.reshape(len(x), len(x)), atol=1e-15)


def test_cumprod_through_zeros():
    for x in ([1.5, 0.0, -2.0, 0.5], [0.0, 0.0, 1.0], [3.0]):
        check(np.cumprod, np.array(x))
    check(lambda a: np.cumprod(a, axis=1), X)
    check(lambda a: np.cumprod(a, axis=-2), X)


def test_third_derivative_of_a_product_with_zeros():
    x = np.array([0.0, 0.0, 0.0, 2.0])
    third = ad.jacobian(ad.hessian(np.prod))(x)
    assert third[0, 1, 2] == 2.0
    assert third[0, 0, 1] == 0.0


@pytest.mark.parametrize("value", [0.0, 0.1, 1e8 / 3])
@pytest.mark.parametrize("n", [1, 3, 7])
def test_std_of_a_constant(value, n):
    x = np.full(n, value)
    y, g = ad.value_and_grad(np.std)(x)
    assert y == 0.0
    np.testing.assert_array_equal(g, np.zeros(n))
    np.testing.assert_array_equal(ad.grad(lambda a: np.nanstd(a))(x), np.zeros(n))


def test_ties_share():
    x = np.array([1.0, 3.0, 3.0, 3.0])
    np.testing.assert_allclose(ad.grad(np.max)(x), [0, 1 / 3, 1 / 3, 1 / 3], rtol=1e-15)
    np.testing.assert_array_equal(ad.grad(np.min)(-x), ad.grad(np.max)(x))
    np.testing.assert_array_equal(
        ad.grad(lambda a: np.max(a, axis=0).sum())(np.array([[1.0, 2.0], [1.0, 3.0]])), [[0.5, 0.0], [0.5, 1.0]]
    )


def test_maximum_with_nan_points_at_it():
    g = ad.grad(np.max)(np.array([1.0, np.nan, 2.0]))
    np.testing.assert_array_equal(g, [0.0, 1.0, 0.0])


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin", "ptp"])
def test_extremum_of_nothing(name):
    with pytest.raises(ValueError):
        getattr(anp, name)(np.zeros((2, 0)), axis=1)
    with pytest.raises(ValueError):
        ad.grad(lambda a: getattr(anp, name)(a, axis=1).sum() + a.sum())(np.zeros((2, 0)))


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "var"])
def test_empty(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        same(getattr(anp, name)(np.zeros((2, 0)), axis=1), getattr(np, name)(np.zeros((2, 0)), axis=1))
        same(getattr(anp, name)(np.zeros((0, 2)), axis=1), getattr(np, name)(np.zeros((0, 2)), axis=1))
    assert ad.grad(lambda a: getattr(np, name)(a, axis=1).sum())(np.zeros((0, 2))).shape == (0, 2)


def test_where_and_initial():
    mask = X > -0.5
    for name, more in [
        ("sum", {}),
        ("prod", {}),
        ("mean", {}),
        ("var", {}),
        ("std", {"ddof": 1}),
        ("max", {"initial": 0.1}),
        ("min", {"initial": -0.1}),
    ]:
        for axis in (None, -1, (0, 1)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                wanted = getattr(np, name)(X, axis=axis, where=mask, **more)
            found = getattr(anp, name)(X, axis=axis, where=mask, **more)
            np.testing.assert_allclose(found, wanted, rtol=1e-13)
        check(lambda a, name=name, more=more: getattr(np, name)(a, where=mask, **more), X)
    assert anp.max(np.zeros(0), initial=2.0) == 2.0
    with pytest.raises(ValueError, match="initial"):
        anp.max(X, where=mask)


def test_integers_and_dtype():
    i = np.arange(6).reshape(2, 3)
    for name in ("sum", "prod", "mean", "var", "std", "max", "cumsum", "cumprod", "argmax"):
        same(getattr(anp, name)(i), getattr(np, name)(i))
    assert anp.mean(X, dtype=np.float32).dtype == np.float32
    with pytest.raises(np.exceptions.AxisError):
        anp.mean(X, axis=3)
    with pytest.raises(TypeError, match="out="):
        anp.mean(X, out=np.zeros(()))


def test_given_mean():
    m = X.mean(-1, keepdims=True)
    same(anp.var(X, axis=-1, mean=m), np.var(X, axis=-1, mean=m))
    check(lambda a, b: np.var(a, axis=-1, mean=b), X, m)


def test_nan_is_left_out():
    x = np.array([[1.0, np.nan, 3.0], [4.0, 5.0, 2.5]])
    for name in [n for n in SMOOTH if n.startswith("nan")] + ["nancumsum", "nancumprod", "nanargmax", "nanargmin"]:
        same(getattr(anp, name)(x, axis=1), getattr(np, name)(x, axis=1))
    np.testing.assert_array_equal(ad.grad(np.nansum)(x), [[1, 0, 1], [1, 1, 1]])
    np.testing.assert_allclose(ad.grad(np.nanmean)(x), np.array([[1, 0, 1], [1, 1, 1]]) / 5)
    with pytest.raises(ValueError, match="nan"):
        anp.nanargmax(np.array([np.nan]))


def test_complex_variance():
    z = X[0] + 1j * X[1]
    same(anp.var(z, axis=0), np.var(z, axis=0))
    check(lambda a: np.var(a, axis=1), z)
    check(lambda a: np.prod(a, axis=1), z)


# ------------------------------------------------------------------------------------------------ weighted, clipped
def test_average():
    w = np.array([0.5, 1.0, 2.0])
    same(anp.average(X, axis=1, weights=w), np.average(X, axis=1, weights=w))
    found = anp.average(X, axis=1, weights=w, returned=True)
    wanted = np.average(X, axis=1, weights=w, returned=True)
    same(found[1], wanted[1])
    check(lambda a, b: np.average(a, axis=1, weights=b), X, w)
    check(lambda a, b: np.average(a, weights=b), X, np.abs(X) + 1)
    with pytest.raises(ZeroDivisionError):
        anp.average([1.0, 2.0], weights=[0.0, 0.0])
    with pytest.raises((TypeError, ValueError)):
        anp.average(X, weights=w)


def test_clip():
    for low, high in [(-0.5, 0.7), (None, 0.2), (0.1, None), (None, None)]:
        same(anp.clip(X, low, high), np.clip(X, low, high))
        same(anp.clip(X, min=low, max=high), np.clip(X, min=low, max=high))
        check(lambda a, low=low, high=high: np.clip(a, low, high), X)
    check(np.clip, X, np.full(4, -0.4), np.array(0.6))
    same(anp.clip(np.arange(5), None, 3), np.clip(np.arange(5), None, 3))
    assert type(ad.grad(lambda a: np.round(a).sum() + a.sum())(X)) is np.ndarray
    same(anp.round(X, 1), np.round(X, 1))


# ------------------------------------------------------------------------------------------------ running, differences
def test_running():
    for axis in (None, 0, 1, -1):
        for name in ("cumsum", "cumprod"):
            same(getattr(anp, name)(X, axis=axis), getattr(np, name)(X, axis=axis))
            check(lambda a, name=name, axis=axis: getattr(np, name)(a, axis=axis), X)
    for name in ("cumulative_sum", "cumulative_prod"):
        same(getattr(anp, name)(X, axis=1, include_initial=True), getattr(np, name)(X, axis=1, include_initial=True))
        check(lambda a, name=name: getattr(np, name)(a, axis=-1, include_initial=True), X)
    with pytest.raises(ValueError, match="axis"):
        anp.cumulative_sum(X)


def test_differences():
    for n, axis in [(1, -1), (2, 1), (0, 0), (5, -1)]:
        same(anp.diff(X, n, axis), np.diff(X, n, axis))
    same(anp.diff(X, prepend=0.0, append=X[..., :2]), np.diff(X, prepend=0.0, append=X[..., :2]))
    check(lambda a, b: np.diff(a, axis=1, prepend=b), X, X[:, :1])
    same(anp.ediff1d(X, to_begin=[1.0, 2.0], to_end=3.0), np.ediff1d(X, to_begin=[1.0, 2.0], to_end=3.0))
    check(lambda a, b: np.ediff1d(a, to_begin=b), X, np.array([1.0, 2.0]))


@pytest.mark.parametrize("edge_order", [1, 2])
def test_difference_quotients(edge_order):
    x = np.array([0.0, 0.5, 2.0, 2.25])
    f = X[0]
    for wanted, found in zip(
        np.gradient(f, edge_order=edge_order), anp.gradient(f, edge_order=edge_order), strict=True
    ):
        same(found, wanted)
    same(anp.gradient(f, 0.5, axis=1, edge_order=edge_order), np.gradient(f, 0.5, axis=1, edge_order=edge_order))
    same(
        anp.gradient(f, x, axis=1, edge_order=edge_order), np.gradient(f, x, axis=1, edge_order=edge_order), rtol=1e-12
    )
    check(lambda a, b: np.gradient(a, b, axis=1, edge_order=edge_order), f, x)
    check(lambda a, b: tuple(np.gradient(a, 2.0, b, edge_order=edge_order)), f, np.array(0.5))
    with pytest.raises(ValueError):
        anp.gradient(np.ones(edge_order), edge_order=edge_order)


def test_trapezoid():
    x = np.array([0.0, 0.5, 2.0, 2.25])
    same(anp.trapezoid(X, x), np.trapezoid(X, x))
    same(anp.trapezoid(X, dx=0.3, axis=1), np.trapezoid(X, dx=0.3, axis=1))
    check(np.trapezoid, X, x)
    check(lambda a, b: np.trapezoid(a, a * b, axis=0), X, X)


# ------------------------------------------------------------------------------------------------ statistics
def test_covariance():
    m = X[0]
    f, a = np.array([1, 2, 1, 3]), np.array([0.5, 1.0, 0.25, 2.0])
    for more in [
        {},
        {"bias": True},
        {"ddof": 2},
        {"rowvar": False},
        {"fweights": f},
        {"aweights": a},
        {"fweights": f, "aweights": a, "ddof": 0},
        {"fweights": f, "aweights": a},
    ]:
        same(anp.cov(m, **more), np.cov(m, **more), rtol=1e-12)
    same(anp.cov(m, X[1]), np.cov(m, X[1]), rtol=1e-12)
    same(anp.corrcoef(m), np.corrcoef(m), rtol=1e-12)
    check(np.cov, m)
    check(lambda x, w: np.cov(x, aweights=w), m, a)
    check(lambda x: np.corrcoef(x)[0, 1], m)
    z = m + 1j * X[1]
    same(anp.cov(z), np.cov(z), rtol=1e-12)
    check(np.cov, z)


def test_loops():
    check(lambda a: np.apply_along_axis(lambda v: v * v.sum(), 1, a), X)
    same(anp.apply_along_axis(np.cumsum, 1, X), np.apply_along_axis(np.cumsum, 1, X))
    same(anp.apply_over_axes(anp.sum, X, [0, 2]), np.apply_over_axes(np.sum, X, [0, 2]))
    softplus = anp.vectorize(lambda a, b: np.log1p(np.exp(a)) if a < b else a * b)
    check(softplus, X[0], X[1, 0])
    norm = anp.vectorize(lambda v: np.sqrt(np.sum(v * v)), signature="(n)->()")
    check(norm, X)


def test_functions_with_care_at_a_point():
    x = np.array([0.0, 1e-9, 0.3, 1.0, -2.5])
    same(anp.sinc(x), np.sinc(x))
    check(np.sinc, np.array([0.0, 0.3, 1.0, -2.5]))
    derivative = lambda x: ad.grad(np.sinc)(x)  # noqa: E731
    second = ad.grad(derivative)
    fourth = ad.grad(ad.grad(second))
    assert second(0.0) == pytest.approx(-(np.pi**2) / 3, rel=1e-14)
    assert fourth(0.0) == pytest.approx(np.pi**4 / 5, rel=1e-13)
    p = np.array([0.0, 3.0, 6.5, 6.0, -1.0, np.pi - 1])
    same(anp.unwrap(p), np.unwrap(p))
    same(anp.unwrap(p, period=4), np.unwrap(p, period=4))
    check(np.unwrap, p[:-1])  # the last step is half a period: a jump
    bad = np.array([1.0, np.nan, np.inf, -np.inf])
    same(anp.nan_to_num(bad), np.nan_to_num(bad))
    np.testing.assert_array_equal(ad.grad(lambda a: np.nan_to_num(a, posinf=3.0).sum())(bad), [1, 0, 0, 0])


def test_polynomials():
    p, q, x = np.array([1.0, -2.0, 0.5]), np.array([3.0, 1.0]), np.array([[0.0, 1.0], [-1.5, 2.0]])
    same(anp.polyval(p, x), np.polyval(p, x))
    check(np.polyval, p, x)
    for name in ("polyadd", "polysub", "polymul"):
        same(getattr(anp, name)(p, q), getattr(np, name)(p, q))
        check(getattr(np, name), p, q)
    same(anp.polyder(p, 1), np.polyder(p, 1))
    same(anp.polyint(p, 2, [1.0, 2.0]), np.polyint(p, 2, [1.0, 2.0]))
    check(lambda a: np.polyint(np.polyder(a)), p)
    same(anp.vander(x[1], 3, increasing=True), np.vander(x[1], 3, increasing=True))
    check(lambda a: np.vander(a, 4), x[1])


def test_polynomial_fit():
    rng = np.random.default_rng(3)
    x, y, w = np.linspace(-1, 2, 9), rng.standard_normal(9), rng.uniform(0.5, 2, 9)
    np.testing.assert_allclose(anp.polyfit(x, y, 3), np.polyfit(x, y, 3), rtol=1e-10)
    np.testing.assert_allclose(
        anp.polyfit(x, y, 2, w=w, cov=True)[1], np.polyfit(x, y, 2, w=w, cov=True)[1], rtol=1e-10
    )
    check(lambda a, b, c: np.polyfit(a, b, 2, w=c), x, y, w, tol=1e-6, order=1)
    check(lambda b: np.polyfit(x, b, 2), np.stack([y, w], 1))
    with pytest.raises(ValueError, match="degree"):
        anp.polyfit(x, y, -1)


def test_vmap_and_forward():
    np.testing.assert_allclose(ad.vmap(lambda a: np.prod(a, axis=0))(X), X.prod(1), rtol=1e-13)
    np.testing.assert_allclose(ad.vmap(lambda a: np.std(a))(X), X.std((1, 2)), rtol=1e-13)
    np.testing.assert_allclose(ad.vmap(ad.grad(np.max))(X).sum((1, 2)), [1.0, 1.0])


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_running_in_a_small_dtype(name, dtype):
    """The dtype that is asked for, with overflow as in it."""
    x = np.array([200, 100, 3], np.uint8)
    found, expected = getattr(anp, name)(x, dtype=dtype), getattr(np, name)(x, dtype=dtype)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    assert anp.cumulative_prod(x[:0], dtype=dtype, include_initial=True).dtype == dtype


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(7, 5), (4, 300), (3, 2, 9), (1, 1), (5, 0), (0, 3), (11,), (1000, 3)])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # inf * 0
def test_products_of_others(shape, dtype):
    """The gradient of a product, for rows by fours and those that are left, with zeros, inf and views."""
    rng = np.random.default_rng(0)
    x = np.asarray(rng.standard_normal(shape), dtype)
    if x.size > 3:
        x.flat[1], x.flat[3] = 0.0, np.inf
    for a in (x, x[..., ::-1], np.asfortranarray(x), x[::2]):
        left = np.cumprod(np.concatenate([np.ones_like(a[..., :1]), a[..., :-1]], -1), -1) if a.size else a
        right = (
            np.cumprod(np.concatenate([np.ones_like(a[..., :1]), a[..., :0:-1]], -1), -1)[..., ::-1] if a.size else a
        )
        found = ad.grad(lambda a: np.sum(np.prod(a, axis=-1)))(a)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, left * right)
        np.testing.assert_array_equal(ad.compile(ad.grad(lambda a: np.sum(np.prod(a, axis=-1))))(a), left * right)
