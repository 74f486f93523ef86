"""scipy.special: every ufunc of the installed SciPy, its derivatives, and the known traps."""

import importlib
import inspect

import mpmath
import numpy as np
import pytest
import scipy.special as sp
from releases import SCIPY

import scirs_ad.scipy.special as asp
from scirs_ad._core.core import Dual, Variable
from scirs_ad._core.errors import NotDifferentiableError
from scirs_ad._ops.protocol import UFUNCS
from scirs_ad._ops.special import PAGES
from scirs_ad._ops.special_base import special_slope
from scirs_ad._transforms.forward import jvp
from scirs_ad._transforms.reverse import grad, vjp

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # samples at poles and at inf are meant

ALL_UFUNCS = sorted(n for n in dir(sp) if isinstance(getattr(sp, n), np.ufunc) and n != "sph_harm")  # gone in 1.17
OWN = sorted(n for n, p in PAGES.items() if p.differentiable and p.__module__ == "scirs_ad._ops.special")
# SciPy finds these inverses, and these values, by iterations and quadratures of 4 to 8 digits only: differences of them
# say nothing. The inverses are compared with differences of the function that they invert, at the value returned.
INVERSES = {  # name: (function, argument that is solved for)
    "ncfdtridfd": ("ncfdtr", 1),
    "ncfdtridfn": ("ncfdtr", 0),
    "ncfdtrinc": ("ncfdtr", 2),
    "ncfdtri": ("ncfdtr", 3),
    "nctdtridf": ("nctdtr", 0),
    "nctdtrinc": ("nctdtr", 1),
    "nctdtrit": ("nctdtr", 2),
    "chndtridf": ("chndtr", 1),
    "chndtrinc": ("chndtr", 2),
    "chndtrix": ("chndtr", 0),
}
FEW_DIGITS = {"itairy": 1e-5}


def stencil(f, args, k, h):
    """Central differences of eighth order, in argument `k`, of all outputs of `f`."""
    total = 0.0
    for i, c in enumerate((4 / 5, -1 / 5, 4 / 105, -1 / 280), 1):
        up, down = list(args), list(args)
        up[k], down[k] = args[k] + i * h, args[k] - i * h
        total = total + (np.asarray(f(*up)) - np.asarray(f(*down))) * (c / h)
    return total


def best_difference(f, args, k, expected, floor):
    """The smallest relative distance of `expected` from differences with several steps."""
    best = np.inf
    a = args[k]
    for step in (1e-2, 3e-3, 1e-3, 1e-4, 1e-5):
        for h in (step, step * np.minimum(np.abs(a), 1.0)):
            if np.all(np.abs(h) > 0):
                d = stencil(f, args, k, h)
                error = np.max(np.abs(expected - d) / (np.abs(d) + floor), initial=0.0)
                best = min(best, error if np.isfinite(error) else np.inf)
    return best


def tangents(p, args, k):
    """Derivatives of all outputs with respect to argument `k`."""
    dual = Dual()
    x = dual.variable(args[k], np.ones(args[k].shape, args[k].dtype))
    y = p(*args[:k], x, *args[k + 1 :])
    ys = y if isinstance(y, tuple) else (y,)
    return [np.zeros(1) if t is None else np.asarray(t) for t in (dual.split(v)[1] for v in ys)]


def output(p, i):
    """The `i`-th result of a page's meaning, as a function."""
    return (lambda *x: p.body(*x)[i]) if p.n_out else p.body


def double_samples(p):
    for s in p.samples(np.random.default_rng(5)):
        args = [np.asarray(a) for a in s.args]
        if not hasattr(s, "error") and all(a.dtype in (np.int64, np.float64, np.complex128) for a in args):
            yield s, args


# ------------------------------------------------------------------------------------------------ the whole table
@pytest.mark.parametrize("name", ALL_UFUNCS)
def test_every_ufunc_is_there(name):
    importlib.import_module("scirs_ad._ops.special_ufuncs")  # the product does so when it meets the first one
    assert name in asp.__all__
    page = getattr(asp, name)
    assert UFUNCS[getattr(sp, name)] is PAGES[name]
    assert page.__doc__


@pytest.mark.parametrize("name", OWN)
def test_value_is_scipys(name):
    f = getattr(sp, name, None)
    if f is None:
        assert PAGES[name].internal
        return
    for s in PAGES[name].samples(np.random.default_rng(3)):
        found, expected = PAGES[name](*s.args), f(*s.args)
        if not isinstance(found, tuple):
            found, expected = (found,), (expected,)
        for y, z in zip(found, expected, strict=True):
            z = np.asarray(z)
            assert y.dtype == z.dtype
            assert y.shape == z.shape
            np.testing.assert_allclose(y, z, rtol=4 * np.finfo(z.real.dtype).eps, atol=0)


@pytest.mark.parametrize("name", OWN)
def test_derivative_is_difference_or_refused(name):
    """Each argument has a derivative that differences confirm, or is refused by name, as the documentation says."""
    p = PAGES[name]
    names = inspect.signature(p.body).parameters
    argnames = list(names) if "args" not in names else None
    compared = 0
    for s, args in double_samples(p):
        for k, a in enumerate(args):
            if a.dtype.kind not in "fc" or a.size == 0:
                continue
            refusal = None
            try:
                found = tangents(p, args, k)
            except NotDifferentiableError as error:
                refusal = str(error)
            if refusal is not None:
                assert name in refusal
                assert argnames is None or argnames[k] in refusal
                assert "none" in p.__doc__
                continue
            if s.wrt is not None and k not in s.wrt:
                continue
            out = p(*args)
            for i, t in enumerate(found):
                value = out[i] if isinstance(out, tuple) else out
                if name in INVERSES:
                    error = _against_forward(name, args, k, value, t)
                else:
                    error = best_difference(output(p, i), args, k, t, 1e-3 * np.abs(value) + 1e-9)
                assert error < FEW_DIGITS.get(name, 1e-7), (name, k, i, args)
                compared += 1
    assert compared or "with respect to" not in p.__doc__.replace("none", "") or p.internal


def _against_forward(name, args, k, value, found):
    """Relative error of an inverse's derivative, from differences of the function that it inverts."""
    forward, solved = INVERSES[name]
    at = list(args)
    at[solved] = np.asarray(value)
    f = getattr(sp, forward)
    at = [np.asarray(a, float) for a in np.broadcast_arrays(*at)]
    by_solved = _difference(f, at, solved)
    expected = 1 / by_solved if k == solved else -_difference(f, at, k) / by_solved
    return np.max(np.abs(found - expected) / (np.abs(expected) + 1e-3), initial=0.0)


def _difference(f, args, k):
    return stencil(f, args, k, 1e-2 * np.abs(args[k]))


def test_refusals_in_reverse_mode():
    x = np.array([1.0, 2.0])
    with pytest.raises(NotDifferentiableError, match=r"eval_legendre .* n: it is the degree"):
        grad(lambda n: np.sum(asp.eval_legendre(n, x)))(np.array([2.0, 3.0]))
    with pytest.raises(NotDifferentiableError, match="eval_jacobi"):
        grad(lambda n: np.sum(asp.eval_jacobi(n, 1.0, 1.0, x)))(np.array([2.0, 3.0]))
    g = grad(lambda b: np.sum(asp.eval_jacobi(2, 1.0, b, x)))(np.array([2.0, 3.0]))  # four arguments, one tracked
    expected = stencil(sp.eval_jacobi, [2, 1.0, np.array([2.0, 3.0]), x], 2, 1e-2)
    np.testing.assert_allclose(g, expected, rtol=1e-10, atol=1e-13)


def test_scipys_own_functions():
    x = np.array([0.3, 1.2, 4.0])
    for f, ours in [(sp.gammaln, asp.gammaln), (sp.j0, asp.j0), (sp.erfcx, asp.erfcx)]:
        np.testing.assert_array_equal(grad(lambda x, f=f: np.sum(f(x)))(x), grad(lambda x, f=ours: np.sum(f(x)))(x))
    a = np.array([2.0, 3.0, 0.7])
    np.testing.assert_array_equal(
        grad(lambda a: np.sum(sp.gammainc(a, x)))(a), grad(lambda a: np.sum(asp.gammainc(a, x)))(a)
    )
    sn, cn, _, _ = vjp(lambda u: sp.ellipj(u, 0.5), x)[0]
    np.testing.assert_allclose(sn**2 + cn**2, 1)


def test_passed_through():
    np.testing.assert_array_equal(asp.jn_zeros(0, 3), sp.jn_zeros(0, 3))
    assert asp.comb(5, 2) == 10
    with pytest.raises(NotDifferentiableError, match="lqn"):
        grad(lambda x: asp.lqn(2, x)[0][0])(0.3)
    with pytest.raises(AttributeError):
        asp.no_such_function  # noqa: B018


COUNTS = {
    "comb": (asp.comb, (np.array([5.0, 3.5, 2.0, -1.0, 6.0]), np.array([2.0, 1.25, 3.0, 1.0, 0.5]))),
    "comb with repetition": (
        lambda n, k: asp.comb(n, k, repetition=True),
        # Before 1.17 SciPy has 0 where fewer things than one are chosen from.
        (
            np.array([5.0, 3.5, 2.0, 0.5])[: 4 if SCIPY >= (1, 17) else 3],
            np.array([2.0, 1.25, 3.0, 1.0])[: 4 if SCIPY >= (1, 17) else 3],
        ),
    ),
    "perm": (asp.perm, (np.array([5.0, 3.5, 2.0, -1.0, 6.0]), np.array([2.0, 1.25, 3.0, 1.0, 0.5]))),
    "factorial": (asp.factorial, (np.array([0.5, 2.5, -1.5, 4.0]),)),
    "assoc_laguerre": (lambda x, k: asp.assoc_laguerre(x, 3, k), (np.array([0.5, 2.0]), np.array([0.25, 1.5]))),
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name):
    """SciPy's values, on plain arrays and Variables, and derivatives in each argument."""
    f, args = COUNTS[name]
    plain = f(*args)
    for k in range(len(args)):

        def moved(x, k=k):
            return f(*args[:k], x, *args[k + 1 :])

        value, slope = jvp(moved, (args[k],), (np.ones_like(args[k]),))
        np.testing.assert_allclose(value, plain, rtol=1e-14)
        np.testing.assert_allclose(slope, stencil(moved, [args[k]], 0, 1e-2), rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(grad(lambda x, moved=moved: np.sum(moved(x)))(args[k]), slope, rtol=1e-13)


def test_counts_in_whole_numbers():
    assert asp.comb(Variable(50), Variable(25), exact=True) == sp.comb(50, 25, exact=True)
    assert asp.perm(60, 30, exact=True) == sp.perm(60, 30, exact=True)
    assert asp.factorial(Variable(30), exact=True) == sp.factorial(30, exact=True)
    assert asp.comb(Variable(0.0), 0, repetition=True) == 1
    for f in (asp.comb, asp.perm):
        with pytest.raises(NotDifferentiableError, match=f"{f.__name__}.*exact"):
            grad(lambda n, f=f: f(n, 2, exact=True))(5.0)
    with pytest.raises(ValueError, match="extend"):
        grad(lambda n: asp.factorial(n, extend="neither"))(5.0)


# ------------------------------------------------------------------------------------------------ parameters, by mpmath
@pytest.fixture(autouse=True)
def _precise():
    with mpmath.workdps(40):
        yield


def mp_slope(f, args, k):
    """Central difference in 40 digits."""
    h = mpmath.mpf("1e-12") * (abs(mpmath.mpf(args[k])) or 1)
    up, down = list(map(mpmath.mpf, args)), list(map(mpmath.mpf, args))
    up[k] += h
    down[k] -= h
    return float((f(*up) - f(*down)) / (2 * h))


def lower(a, x):
    return mpmath.gammainc(a, 0, x, regularized=True)


def upper(a, x):
    return mpmath.gammainc(a, x, mpmath.inf, regularized=True)


def ibeta(a, b, x):
    return mpmath.betainc(a, b, 0, x, regularized=True)


@pytest.mark.parametrize(
    ("a", "x"),
    [
        (0.01, 1e-8),
        (0.1, 0.02),
        (0.5, 3.0),
        (1.0, 1.0),
        (2.0, 30.0),
        (5.0, 0.1),
        (50.0, 55.0),
        (50.0, 20.0),
        (300.0, 310.0),
    ],
)
def test_gammainc_in_the_shape(a, x):
    for ours, theirs in [(asp.gammainc, lower), (asp.gammaincc, upper)]:
        assert grad(ours)(a, x) == pytest.approx(mp_slope(theirs, (a, x), 0), rel=1e-9)
        assert grad(ours, argnums=1)(a, x) == pytest.approx(mp_slope(theirs, (a, x), 1), rel=1e-11)


@pytest.mark.parametrize(
    ("a", "b", "x"),
    [
        (0.1, 0.1, 0.5),
        (0.3, 2.0, 0.02),
        (2.0, 0.3, 0.98),
        (2.0, 3.0, 0.4),
        (30.0, 20.0, 0.55),
        (1.0, 1.0, 0.1),
        (5.0, 5.0, 0.01),
    ],
)
def test_betainc_in_the_parameters(a, b, x):
    for k in range(3):
        assert grad(asp.betainc, argnums=k)(a, b, x) == pytest.approx(mp_slope(ibeta, (a, b, x), k), rel=1e-9)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("jv", mpmath.besselj),
        ("yv", mpmath.bessely),
        ("iv", mpmath.besseli),
        ("kv", mpmath.besselk),
        ("struve", mpmath.struveh),
    ],
)
@pytest.mark.parametrize(("v", "z"), [(0.3, 0.5), (1.0, 2.0), (2.5, 7.0), (6.5, 3.0), (0.0, 25.0)])
def test_bessel_in_the_order(name, theirs, v, z):
    expected = mp_slope(theirs, (v, z), 0)
    scale = abs(float(theirs(v, z)))
    assert grad(getattr(asp, name))(v, z) == pytest.approx(expected, rel=1e-9, abs=1e-11 * scale)


@pytest.mark.parametrize(
    ("name", "theirs", "args"),
    [
        ("hyp0f1", mpmath.hyp0f1, (1.3, 0.7)),
        ("hyp1f1", mpmath.hyp1f1, (0.7, 1.9, -1.5)),
        ("hyp1f1", mpmath.hyp1f1, (2.0, 3.0, 4.0)),
        ("hyp2f1", mpmath.hyp2f1, (0.6, 1.2, 2.2, 0.4)),
        ("hyp2f1", mpmath.hyp2f1, (1.0, 2.0, 2.5, -0.7)),
        ("hyperu", mpmath.hyperu, (0.7, 1.4, 2.0)),
        ("zeta", mpmath.zeta, (2.5, 1.7)),
        ("zeta", mpmath.zeta, (1.2, 0.6)),
        ("ellipkinc", mpmath.ellipf, (0.7, 1e-9)),
        ("ellipeinc", mpmath.ellipe, (0.7, 0.0)),
        ("poch", mpmath.rf, (1.5, 2.2)),
        ("binom", mpmath.binomial, (5.5, 2.5)),
        ("elliprd", mpmath.elliprd, (1.0, 0.3, 2.0)),
        ("elliprg", mpmath.elliprg, (1.0, 0.3, 2.0)),
        ("elliprj", mpmath.elliprj, (1.0, 0.3, 2.0, 0.5)),
    ],
)
def test_parameters(name, theirs, args):
    for k in range(len(args)):
        assert grad(getattr(asp, name), argnums=k)(*args) == pytest.approx(mp_slope(theirs, args, k), rel=1e-9)


def test_higher_orders_of_a_numerical_derivative():
    f = grad(asp.gammainc)
    for order, tolerance in [(2, 1e-9), (3, 1e-8), (4, 1e-6)]:
        f = grad(f)
        expected = float(mpmath.diff(lambda a: lower(a, mpmath.mpf(2)), 1.5, order))
        assert f(1.5, 2.0) == pytest.approx(expected, rel=tolerance)
    with pytest.raises(NotDifferentiableError, match="order 4"):
        grad(f)(1.5, 2.0)
    mixed = grad(grad(asp.gammainc), argnums=1)(1.5, 2.0)
    assert mixed == pytest.approx(float(mpmath.diff(lower, (1.5, 2.0), (1, 1))), rel=1e-9)
    assert special_slope(np.float32(1.5), np.float32(2.0), name="gammainc", orders=(1, 0)).dtype == np.float32


def test_wrong_values_of_scipy_give_nan():
    """SciPy's radial functions of the second kind are wrong for small x; the Wronskian tells where."""
    (value, _), (first, second) = jvp(lambda x: asp.obl_rad2(1, 2, 2.5, x), (np.array([0.5, 3.0]),), (np.ones(2),))
    assert np.isfinite(value).all()
    assert np.isnan(second[0])
    assert np.isfinite([first[1], second[1]]).all()


# ------------------------------------------------------------------------------------------------ traps
def test_xlogy_at_zero():
    x, y = np.array([0.0, 0.0, 2.0]), np.array([0.0, 3.0, 3.0])
    gx, gy = grad(lambda x, y: np.sum(asp.xlogy(x, y)), argnums=(0, 1))(x, y)
    np.testing.assert_allclose(gx, [-np.inf, np.log(3.0), np.log(3.0)])
    np.testing.assert_allclose(gy, [0.0, 0.0, 2 / 3])
    assert grad(lambda x: asp.xlog1py(x, -1.0))(0.0) == -np.inf


def test_ends_of_domains():
    assert grad(asp.logit)(0.0) == np.inf
    assert grad(asp.logit)(1.0) == np.inf
    assert grad(asp.entr)(0.0) == np.inf
    assert grad(asp.erfinv)(0.0) == pytest.approx(np.sqrt(np.pi) / 2, rel=1e-15)
    assert grad(asp.erfinv)(1.0) == np.inf
    assert grad(asp.kl_div, argnums=1)(0.0, 2.0) == 1.0
    assert grad(asp.rel_entr, argnums=1)(0.0, 2.0) == 0.0
    assert grad(asp.log_expit)(-1000.0) == 1.0
    assert grad(asp.log_ndtr)(-1e6) == pytest.approx(1e6, rel=1e-10)
    assert grad(asp.ndtr)(-50.0) == 0.0
    assert grad(asp.expit)(1000.0) == 0.0


def test_gamma_family_at_poles():
    assert np.isnan(grad(asp.gammaln)(-1.0)) or np.isinf(grad(asp.gammaln)(-1.0))
    assert grad(asp.gammaln)(-1.5) == pytest.approx(float(mpmath.digamma(-1.5)), rel=1e-13)
    assert not np.isfinite(asp.digamma(np.array([-1.0, -2.0, 0.0]))).any()
    for n in range(4):  # 1 / Gamma is entire: its slope at -n is (-1)**n n!
        assert grad(asp.rgamma)(-float(n)) == pytest.approx((-1) ** n * sp.factorial(n), rel=1e-14)
    assert grad(asp.binom, argnums=1)(3.0, 5.0) == pytest.approx(mp_slope(mpmath.binomial, (3, 5), 1), rel=1e-12)


def test_removable_singularities():
    for f, theirs, x in [
        (asp.exprel, lambda x: mpmath.hyp1f1(1, 2, x), 0.0),
        (asp.spence, None, 1.0),
        (asp.sinc, None, 0.0),
        (asp.boxcox, None, 0.0),
    ]:
        if f is asp.boxcox:
            assert grad(lambda lam: asp.boxcox(2.0, lam))(0.0) == pytest.approx(np.log(2.0) ** 2 / 2, rel=1e-14)
            assert grad(lambda lam: asp.inv_boxcox(1.5, lam))(0.0) == pytest.approx(-np.exp(1.5) * 1.125, rel=1e-14)
        elif theirs is not None:
            assert grad(f)(x) == pytest.approx(0.5, rel=1e-15)
            assert grad(grad(f))(x) == pytest.approx(1 / 3, rel=1e-14)
    assert grad(asp.spence)(1.0) == -1.0
    assert grad(grad(asp.spence))(1.0) == pytest.approx(0.5, rel=1e-14)
    assert grad(asp.sinc)(0.0) == 0.0
    assert grad(grad(asp.sinc))(0.0) == pytest.approx(-(np.pi**2) / 3, rel=1e-14)
    assert grad(asp.diric)(0.0, 4) == 0.0
    assert grad(lambda x: asp.sici(x)[0])(0.0) == 1.0


def test_cancelling_tails():
    scaled = lambda x: mpmath.exp(x * x) * mpmath.erfc(x)  # noqa: E731
    assert grad(asp.erfcx)(1e4) == pytest.approx(mp_slope(scaled, (1e4,), 0), rel=1e-11)
    dawson = lambda x: mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(-x * x) * mpmath.erfi(x)  # noqa: E731
    assert grad(asp.dawsn)(50.0) == pytest.approx(mp_slope(dawson, (50.0,), 0), rel=1e-11)
    assert grad(asp.stdtr)(3.0, -50.0) == pytest.approx(
        mp_slope(lambda v, t: ibeta(v / 2, mpmath.mpf(1) / 2, v / (v + t * t)) / 2, (3.0, -50.0), 0), rel=1e-9
    )


def test_not_holomorphic():
    z = np.array([1.5 + 0.7j, 2.0 - 0.4j])
    for f in (asp.jve, asp.yve, asp.ive):
        for direction in (1.0, 1j, 0.6 - 0.8j):
            t = np.full(2, direction)
            h = 1e-4
            expected = sum(
                c * (f(1.3, z + i * h * t) - f(1.3, z - i * h * t)) / h
                for i, c in enumerate((4 / 5, -1 / 5, 4 / 105, -1 / 280), 1)
            )
            _, found = jvp(lambda z, f=f: f(1.3, z), (z,), (t,))
            np.testing.assert_allclose(found, expected, rtol=1e-9)


# ------------------------------------------------------------------------------------------------ logsumexp, softmax
def test_logsumexp_traps():
    inf = np.inf
    for a in ([0.0, -inf], [-inf, -inf], [inf, 0.0], [1000.0, 1000.0], [-1000.0, -1001.0]):
        np.testing.assert_allclose(asp.logsumexp(a), sp.logsumexp(a), rtol=1e-15)
    np.testing.assert_allclose(grad(asp.logsumexp)(np.array([0.0, -inf])), [1.0, 0.0])
    np.testing.assert_allclose(grad(asp.logsumexp)(np.array([-inf, -inf])), [0.0, 0.0])
    np.testing.assert_allclose(grad(asp.logsumexp)(np.array([1000.0, 1000.0])), [0.5, 0.5])
    assert asp.logsumexp(np.zeros((0,))) == -inf
    assert asp.logsumexp(np.zeros((3, 0)), axis=1).shape == (3,)


def test_logsumexp_with_factors():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((3, 4)), rng.standard_normal(4)
    for keepdims in (False, True):
        found, sign = asp.logsumexp(a, axis=1, b=b, return_sign=True, keepdims=keepdims)
        expected, signs = sp.logsumexp(a, axis=1, b=b, return_sign=True, keepdims=keepdims)
        np.testing.assert_allclose(found, expected, rtol=1e-13)
        np.testing.assert_array_equal(sign, signs)
    f = lambda a, b: np.sum(asp.logsumexp(a, axis=1, b=b, return_sign=True)[0])  # noqa: E731
    ga, gb = grad(f, argnums=(0, 1))(a, b)
    total = np.sum(b * np.exp(a), axis=1, keepdims=True)
    np.testing.assert_allclose(ga, b * np.exp(a) / total, rtol=1e-12)
    np.testing.assert_allclose(gb, np.sum(np.exp(a) / total, axis=0), rtol=1e-12)
    assert asp.logsumexp([1.0, 5.0], b=[1.0, 0.0]) == 1.0


def test_softmax():
    x = np.array([[1000.0, 1000.0, -1000.0], [0.0, 1.0, 2.0]])
    np.testing.assert_allclose(asp.softmax(x, axis=1), sp.softmax(x, axis=1), rtol=1e-13)
    np.testing.assert_allclose(asp.log_softmax(x, axis=1), sp.log_softmax(x, axis=1), rtol=1e-13)
    s = sp.softmax(x[1])
    weights = np.array([1.0, -2.0, 0.5])
    g = grad(lambda x: np.sum(weights * asp.softmax(x)))(x[1])
    np.testing.assert_allclose(g, s * (weights - s @ weights), rtol=1e-13)
    g = grad(lambda x: np.sum(weights * asp.log_softmax(x)))(x[1])
    np.testing.assert_allclose(g, weights - s * weights.sum(), rtol=1e-13)
    assert np.isfinite(grad(lambda x: asp.softmax(x)[0])(x[0])).all()


# ------------------------------------------------------------------------------------------------ other functions
@pytest.mark.parametrize(
    ("name", "args", "k"),
    [
        ("multigammaln", (4.5, 3), 0),
        ("polygamma", (1, 2.5), 1),
        ("zeta", (2.5,), 0),
        ("zeta", (2.5, 1.5), 1),
        ("diric", (0.7, 5), 0),
        ("diric", (0.7, 4), 0),
        ("softplus", (0.3,), 0),
        ("sinc", (0.4,), 0),
        ("jvp", (1.5, 2.0, 2), 1),
        ("yvp", (1.5, 2.0, 1), 1),
        ("ivp", (1.5, 2.0, 3), 1),
        ("kvp", (1.5, 2.0, 2), 1),
        ("jvp", (1.5, 2.0, 0), 1),
        ("spherical_jn", (2, 1.5), 1),
        ("spherical_jn", (2, 1.5, True), 1),
        ("spherical_kn", (0, 1.5, True), 1),
        ("spherical_yn", (0, 1.5, True), 1),
        ("spherical_in", (3, 1.5, True), 1),
    ],
)
def test_function_and_its_derivative(name, args, k):
    ours, theirs = getattr(asp, name), getattr(sp, name)
    np.testing.assert_allclose(ours(*args), theirs(*args), rtol=1e-13)
    expected = stencil(theirs, list(args), k, 1e-2)
    found = grad(lambda x: ours(*args[:k], x, *args[k + 1 :]))(args[k])
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_lambertw():
    for k, z in [(0, 1.5), (-1, -0.2), (0, 0.0), (1, 1.0)]:
        w, t = jvp(lambda z, k=k: asp.lambertw(z, k), (z,), (1.0,))
        np.testing.assert_allclose(w, sp.lambertw(z, k))
        np.testing.assert_allclose(t, complex(1 / (mpmath.exp(w) * (1 + w))), rtol=1e-12)
    assert grad(lambda z: np.real(sp.lambertw(z)))(0.0) == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["sph_harm_y", "sph_legendre_p", "legendre_p", "assoc_legendre_p"])
def test_legendre(name):
    if not hasattr(sp, name):  # new in SciPy 1.15
        assert name in asp.__all__
        return
    ours, theirs = getattr(asp, name), getattr(sp, name)
    args = {
        "sph_harm_y": (3, -2, 0.7, 1.2),
        "sph_legendre_p": (3, 2, 0.7),
        "legendre_p": (4, 0.3),
        "assoc_legendre_p": (3, 1, 0.3),
    }[name]
    np.testing.assert_allclose(ours(*args), np.squeeze(theirs(*args)), rtol=1e-13)
    for k in range(len(args)):
        if isinstance(args[k], float):
            _, found = jvp(lambda x, k=k: ours(*args[:k], x, *args[k + 1 :]), (args[k],), (1.0,))
            np.testing.assert_allclose(found, np.squeeze(stencil(theirs, list(args), k, 1e-2)), rtol=1e-9)


def test_harmonics_at_the_poles_of_the_sphere():
    _, found = jvp(lambda theta: asp.sph_harm_y(3, 1, theta, 0.0), (0.0,), (1.0,))
    np.testing.assert_allclose(found, -np.sqrt(21 / np.pi) / 2, rtol=1e-14)


def test_arguments():
    with pytest.raises(ValueError, match="multigammaln"):
        asp.multigammaln(4.5, 2.5)
    with pytest.raises(ValueError, match=r"\(d - 1\) / 2"):
        asp.multigammaln(0.5, 3)
    with pytest.raises(TypeError, match="out="):
        asp.zeta(2.0, out=np.zeros(1))
    with pytest.raises(ValueError, match="gammainc"):
        asp.gammainc(np.ones(2), np.ones(3))
    assert isinstance(asp.gammainc(Variable(np.ones(2)), 1.0), Variable)
    np.testing.assert_allclose(asp.gammaln([3, 4]), np.log([2.0, 6.0]))


def test_second_derivatives_where_not_holomorphic():
    """Mixed in the order and a complex argument, along several directions."""
    v, z, h = 1.3, 1.5 + 0.7j, 1e-3
    for f in (asp.jve, asp.yve, asp.ive):
        slope = lambda z, f=f: jvp(lambda v: f(v, z), (v,), (1.0,))[1]  # noqa: E731
        for t in (1.0, 1j, 0.6 - 0.8j):
            _, found = jvp(slope, (np.asarray(z),), (np.asarray(complex(t)),))
            weights = enumerate((4 / 5, -1 / 5, 4 / 105, -1 / 280), 1)
            expected = sum(c * (slope(z + i * h * t) - slope(z - i * h * t)) / h for i, c in weights)
            np.testing.assert_allclose(found, expected, rtol=1e-8)
