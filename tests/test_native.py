"""`native`: what does not dispatch keeps derivatives, in everything that a function reaches; nothing of the user's changes."""

import functools
import math
import pickle
import threading
import types

import native_helpers
import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
import scipy.signal
import scipy.stats
from native_helpers import Model, Squared, by_cholesky, called_elsewhere

import scirs_ad as ad
from scirs_ad._ops import stand_ins
from scirs_ad.testing.differences import finite_difference

X = np.array([0.4, 1.3, 0.9])
PRIOR = scipy.stats.norm(0.5, 2.0)
MODEL = Squared(1.5, child=Model(0.5))
COUNTER = 0


def agrees(f, x=X, rtol=1e-6):
    wanted = finite_difference(f, x)
    found = ad.jacobian(f, native=True)(x)
    np.testing.assert_allclose(found, wanted, rtol=rtol, atol=1e-8 * (1 + np.max(np.abs(wanted))))
    np.testing.assert_allclose(ad.native(f)(x), f(x), rtol=1e-14)
    assert not isinstance(ad.native(f)(x), ad.Variable)


# ------------------------------------------------------------------------------------------------ what it reaches
def test_functions_of_other_modules():
    agrees(called_elsewhere)
    agrees(lambda x: native_helpers.filled(x) * native_helpers.SCALE)
    agrees(lambda x: by_cholesky([[2 + x[0], 0.5], [0.5, x[1] + 1]], [x[2], 1.0]))
    agrees(lambda x: native_helpers.TABLE["square"](x[0]) + native_helpers.TABLE["sine"](x[1]))


def test_modules_are_left_alone():
    before = dict(vars(native_helpers))
    codes = {name: f.__globals__ for name, f in before.items() if isinstance(f, types.FunctionType)}
    ad.grad(lambda x: called_elsewhere(x).sum(), native=True)(X)
    assert vars(native_helpers) == before
    assert all(getattr(native_helpers, name).__globals__ is g for name, g in codes.items())
    assert type(native_helpers.filled([0.0])) is np.ndarray
    with pytest.raises(ad.DerivativeLostError):
        ad.grad(lambda x: called_elsewhere(x).sum())(X)


def test_classes_and_objects():
    agrees(lambda x: MODEL(x))
    agrees(lambda x: Squared(x[0], child=Model(2.0))(x))
    agrees(lambda x: Model.made(x[0]).predict(x) * Model.root(x[1]) + Model(x[2]).double)
    agrees(MODEL.predict)
    agrees(MODEL)
    agrees(lambda x, model=MODEL: model.child.predict(x))

    def checks(x):
        new = Squared(x[0])
        assert isinstance(new, Squared) and isinstance(new, Model) and isinstance(MODEL, Model)
        assert issubclass(Squared, Model) and new.__class__ == Squared and MODEL is MODEL
        MODEL.seen = "written"
        return new

    made = ad.native(checks)(X)
    assert type(made) is Squared
    assert MODEL.__dict__.pop("seen") == "written"


def test_closures():
    def outer(a):
        count = 0

        def step(x):
            nonlocal count
            count += 1
            z = np.zeros(2)
            z[0], z[1] = math.cos(x) * a, count
            return z

        def f(x):
            return step(x[0]) + step(x[1]) * count

        return f

    first, second = ad.jacobian(outer(2.0), native=True)(X), finite_difference(lambda x: outer(2.0)(x), X)
    np.testing.assert_allclose(first, second, rtol=1e-7)

    def factorial(x):
        return math.gamma(x + 1) if x < 1 else x * factorial(x - 1)

    agrees(lambda x: factorial(3.3 + x[0]))


def test_partial_default_keyword_and_lambda():
    def f(x, g=native_helpers.filled, *, h=lambda t: math.log(t)):
        return g(x) * h(x[0])

    agrees(f)
    agrees(functools.partial(f, h=lambda t: math.log10(t)))
    agrees(functools.partial(lambda a, x: np.array([a * x[0], math.tan(x[1])]), 2.0))
    np.testing.assert_allclose(
        ad.grad(lambda x, g: g(x).sum(), native=True)(X, native_helpers.filled),
        finite_difference(lambda x: native_helpers.filled(x).sum(), X), rtol=1e-7,
    )  # fmt: skip


def test_imports_inside():
    def f(x):
        import math as m

        import numpy.linalg as la
        from native_helpers import filled
        from numpy import zeros as z

        out = z(2)
        out[0], out[1] = m.sin(x[0]), la.norm([x[0], x[1]])
        return out * filled(x)[:2]

    agrees(f)


def test_method_decorated():
    class Fit:
        def __init__(self, data):
            self.data = data

        @ad.native
        def loss(self, x):
            z = np.zeros(3)
            z[1:] = x[:2]
            return math.fsum((z - self.data) ** 2)

    fit = Fit(np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(ad.grad(fit.loss)(X), [2 * (X[0] - 2), 2 * (X[1] - 3), 0])


def test_names_are_looked_up_anew(monkeypatch):
    def f(x):
        return native_helpers.filled(x).sum()

    g = ad.grad(f, native=True)
    first = g(X)
    monkeypatch.setattr(native_helpers, "SCALE", 4.0)
    np.testing.assert_allclose(g(X), 2 * first)
    monkeypatch.setattr(native_helpers, "filled", lambda x: np.array([math.sin(x[0])]))
    np.testing.assert_allclose(g(X), [math.cos(X[0]), 0, 0])
    cell = native_helpers.filled

    def h(x):
        return cell(x).sum()

    g = ad.grad(h, native=True)
    g(X)
    cell = called_elsewhere
    np.testing.assert_allclose(g(X), finite_difference(h, X), rtol=1e-7)


# ------------------------------------------------------------------------------------------------ refused
def sets_a_global(x):
    global COUNTER
    COUNTER += 1
    return x.sum()


def uses_it(x):
    return sets_a_global(x)


def test_refused():
    with pytest.raises(TypeError, match="sets_a_global assigns to the global 'COUNTER'"):
        ad.native(sets_a_global)
    before = COUNTER
    np.testing.assert_allclose(ad.grad(uses_it, native=True)(X), 1.0)  # as it is: nothing is lost in it
    assert before + 1 == COUNTER
    with pytest.raises(TypeError, match="is not written in Python"):
        ad.native(sorted)
    with pytest.raises(TypeError, match="must be a function"):
        ad.native(3)
    with pytest.raises(ad.DerivativeLostError, match="nditer"):
        ad.grad(lambda x: sum(float(t) for t in np.nditer(x)), native=True)(X)
    with pytest.raises(ad.DerivativeLostError, match="item"):
        ad.grad(lambda x: x[0].item(), native=True)(X)
    with pytest.raises((TypeError, ValueError)):
        ad.grad(lambda x: scipy.integrate.quad(lambda t: t * x[0], 0, 1)[0], native=True)(X)


# ------------------------------------------------------------------------------------------------ math
@pytest.mark.parametrize("name", [n for n in stand_ins.MATH if n not in ("fma", "sumprod", "dist", "isclose")])
def test_math(name):
    function = getattr(math, name)

    def f(x):
        import math

        g = getattr(math, name)
        if name in ("fsum", "prod"):
            return g([t * 2 for t in x])
        if name in ("atan2", "pow", "copysign", "fmod", "remainder", "hypot"):
            return g(x[0], x[1])
        if name == "ldexp":
            return g(x[0], 3)
        if name in ("modf", "frexp"):
            return g(3 * x[1])[0] * (1 + g(3 * x[1])[1])
        if name == "log":
            return g(x[0]) + g(x[1], 3) + g(x[1], x[2] + 1)
        if name == "acosh":
            return g(x[1])
        return g(x[0]) * (1.0 + x[2])

    assert function.__name__ == name
    agrees(f)


def test_math_of_lists():
    agrees(lambda x: math.dist([x[0], x[1]], (0.1, x[2])) + math.hypot(*x) + math.prod(t for t in x))
    agrees(
        lambda x: (
            x[0] if math.isclose(x[0], 0.4, rel_tol=0.1) and not math.isnan(x[1]) and math.floor(x[1]) == 1 else x[1]
        )
    )
    agrees(lambda x: math.exp(math.radians(x[0])) + math.degrees(math.asin(x[0])))


def test_errors_of_math():
    for f, error in [
        (lambda x: math.log(-x[0]), ValueError), (lambda x: math.sqrt(-x[0]), ValueError),
        (lambda x: math.exp(1000 + x[0]), OverflowError), (lambda x: math.sin(x), TypeError),
        (lambda x: math.log(x[0], 0.0), ValueError), (lambda x: float(x), TypeError),
    ]:  # fmt: skip
        with pytest.raises(error):
            f(X)
        with pytest.raises(error):
            ad.grad(f, native=True)(X)


def test_cmath():
    import cmath

    def f(x):
        z = complex(x[0]) + 1j * x[1]
        r, phi = cmath.polar(cmath.exp(z) + cmath.sqrt(z) * cmath.log(z))
        return abs(cmath.rect(r, phi) + cmath.sin(z)) + cmath.phase(z)

    agrees(f)


# ------------------------------------------------------------------------------------------------ types
def test_types():
    import numbers

    def f(x):
        assert isinstance(x, np.ndarray) and isinstance(x[0], float) and isinstance(x[0], (int, np.floating))
        assert isinstance(x[0], np.float64) and isinstance(x[0], numbers.Real) and not isinstance(x, float)
        assert not isinstance([1.0], np.ndarray) and isinstance(np.zeros(2), np.ndarray)
        assert type(x) is np.ndarray and type(x[0]) is np.float64 and float is float and float == float  # noqa: E721
        assert issubclass(np.float64, np.floating) and np.issubdtype(x.dtype, np.floating) and np.isscalar(x[0])
        assert np.zeros(2, dtype=float).dtype == np.float64 and np.ones(2, np.float32).dtype == np.float32
        assert np.finfo(float).eps == np.finfo(x.dtype).eps and np.dtype(np.float64) == float
        assert float("inf") == np.inf and list(map(float, ["1", 2])) == [1.0, 2.0] and float.fromhex("0x1p0") == 1.0

        class Own(float):
            pass

        assert type(Own(1.5)) is Own and isinstance(Own(1.5), float)
        return (
            np.float64(x[0]) * float(x[1]) + complex(x[2]).real * x.astype(float)[1] + np.array(x, dtype=np.float64)[0]
        )

    agrees(f)


def test_integers_stay_plain():
    def f(x):
        k = np.arange(3)
        assert {0: 1, 1: 2, 2: 3}[k[1]] == 2 and type(np.zeros(2, int)) is not ad.Variable
        z = np.array([x[0], 1, 2])
        z[k[0]] += int(x[1])
        return z[np.array([2, 0])]

    agrees(f)


# ------------------------------------------------------------------------------------------------ numpy
def test_creation():
    def f(x):
        a = np.full((2, 2), 0.5)
        a[0] = x[:2]
        b = np.eye(2)
        b[1, 0] = x[2]
        c = np.linspace(0, 1, 2)
        c[1] *= x[0]
        d = np.asarray([[x[0], 1], [2, x[1]]], dtype=float)
        e = np.ascontiguousarray(x[:2]) + np.asanyarray(x)[1:] + np.require(x, float)[:2] + np.asfortranarray(x)[:2]
        g = np.fromiter((t**2 for t in x[:2]), float) + np.fromfunction(lambda i: i * x[0], (2,))
        return (a @ b @ d) @ (c + e + g + np.asarray_chkfinite(x)[:2])

    agrees(f)
    with pytest.raises(ValueError, match="infs or NaNs"):
        ad.grad(lambda x: np.asarray_chkfinite(x / 0.0)[0], native=True)(X * 0 + np.inf)
    # Numbers that are not known yet go through.
    np.testing.assert_array_equal(ad.compile(ad.native(lambda x: np.asarray_chkfinite(x) * 2))(X), 2 * X)


def test_lists_of_scalars():
    agrees(lambda x: np.sum([x[0], x[1]]) + np.mean([[x[0], 1.0], [x[2], 2.0]]) + np.max([x[0], x[1] * x[2]]))
    agrees(lambda x: np.dot([x[0], x[1]], [1.0, x[2]]) + np.sin([x[0], x[1]]) * np.exp([x[2], 0.0]))
    agrees(lambda x: np.linalg.solve([[x[0], 1.0], [0.3, x[1]]], [1.0, x[2]]) + np.cumsum([x[0], x[1]]))
    agrees(lambda x: np.linalg.det([[x[0], 0.2], [x[1], x[2]]]) + np.add.reduce([x[0], x[1]]))


def test_r_and_c():
    agrees(lambda x: np.r_[x, 1.0, [x[0], 2], 0:2, x[1]] ** 2)
    agrees(lambda x: np.c_[x, x**2, [1.0, 2, 3]] @ np.ones(3))
    agrees(lambda x: np.c_[0:3, x].sum(axis=0) + np.r_["0,2", x, x][:, 1])


def test_vectorize():
    def clipped(t, limit=1.0):
        return math.sqrt(t) if t < limit else t * limit

    agrees(lambda x: np.vectorize(clipped)(x) + np.vectorize(clipped, otypes=[float])(x, limit=0.5))
    agrees(lambda x: np.vectorize(clipped, excluded=["limit"])(np.outer(x, x), limit=x[0]).sum(axis=0))
    agrees(lambda x: np.vectorize(lambda a, b: (a * b, a + x[0]))(x[:, None], x)[0].sum(axis=1))
    agrees(lambda x: np.vectorize(np.dot, signature="(n),(n)->()")(np.outer(x, x), x))
    agrees(lambda x: np.frompyfunc(lambda a, b: a * b, 2, 1)(x, 2.0).astype(float) ** 2)
    assert ad.native(lambda n: np.vectorize(lambda k: k + 1)(np.arange(n)))(3).dtype.kind == "i"

    @np.vectorize
    def outside(t):
        return math.exp(t) if t > 0.5 else 0.0

    agrees(lambda x: outside(x))


def test_ndenumerate_and_polynomials():
    agrees(lambda x: sum(i[0] * t for i, t in np.ndenumerate(x)))
    agrees(lambda x: np.polynomial.polynomial.polyval(x[0], [1.0, x[1], x[2]]))
    agrees(lambda x: np.polynomial.Polynomial(x).deriv()(0.3) + np.polynomial.chebyshev.chebval(x[0], x))
    agrees(lambda x: np.cumsum(x, out=np.zeros(3)) + np.poly1d(x)(x[0]))


def test_the_users_arrays_are_not_written():
    data = np.ones(3)

    def f(x):
        y = np.copy(data)
        y[1] = x[1]
        z = np.array(data)
        z[0] = x[0]
        return z.sum() * y.sum()

    np.testing.assert_allclose(ad.grad(f, native=True)(X), [X[1] + 2, X[0] + 2, 0])
    np.testing.assert_array_equal(data, 1.0)


@pytest.mark.parametrize(
    "view", [np.asarray, np.ravel, np.transpose, np.atleast_2d, lambda a: np.split(a, 3)[0], np.real]
)
def test_views_of_the_users_arrays_are_views(view):
    """What shares memory with an array from outside is written as NumPy does it, or not at all."""

    def f(x, buffer, value):
        view(buffer)[..., 0] = value if value is not None else x[0]
        return buffer.sum() * x[0]

    np.testing.assert_allclose(ad.grad(f, native=True)(X, np.ones(3), 5.0), [7.0, 0.0, 0.0])
    buffer = np.ones(3)
    with pytest.raises((TypeError, ValueError)):
        ad.grad(f, native=True)(X, buffer, None)
    np.testing.assert_array_equal(buffer, 1.0)


# ------------------------------------------------------------------------------------------------ scipy
def test_scipy_linalg():
    import scipy.linalg as sl

    def f(x):
        a = np.array([[2.0, x[0]], [x[0], 3.0]])
        low = sl.cholesky(a, lower=True)
        return sl.solve_triangular(low, [x[1], x[2]], lower=True) + sl.det(a) + sl.eigvalsh(a) + sl.inv(a)[0]

    agrees(f)


def test_scipy_stats():
    def f(x):
        total = scipy.stats.norm.logpdf(x, loc=0.3, scale=x[0]).sum() + PRIOR.logpdf(x[0])
        total = total + scipy.stats.gamma.logpdf(x[1], a=x[2]) + scipy.stats.t(df=x[0] + 2).cdf(x[1])
        total = total + scipy.stats.poisson.logpmf([0, 3], x[1]).sum() + scipy.stats.binom.pmf(2, 5, 0.5 * x[0])
        return total + scipy.stats.multivariate_normal.logpdf(x, [0, 0, 0], np.diag(x))

    agrees(f)


def test_types_equal_dtypes():
    """Code that chooses by dtype takes the branch it takes without `native`, however it compares."""
    seen = []

    def f(x):
        single = np.float32
        seen.append([
            x.dtype == np.float64, np.float64 == x.dtype, x.dtype in [np.float32, np.float64], x.dtype in (float, complex),
            x.dtype in (single, np.complex128), x.dtype != np.float64, np.float64 != x.dtype, [np.float64] == [x.dtype],
            x.dtype.type in {np.float64}, float == x.dtype,
        ])  # fmt: skip
        return np.sum(x * x)

    f(np.ones(3))
    ad.grad(f, native=True)(np.ones(3))
    assert seen[0] == seen[1] == [True, True, True, True, False, False, False, True, True, True]


def test_scipys_own_python():
    agrees(lambda x: scipy.integrate.trapezoid(x**2, dx=0.5) + scipy.integrate.simpson(x, x=[0.0, 1.0, 3.0]))
    agrees(lambda x: scipy.integrate.cumulative_trapezoid(x, [0.0, 1.0, 3.0]))
    agrees(lambda x: scipy.optimize.rosen(x))
    agrees(lambda x: scipy.signal.convolve(x, [1.0, -0.5], mode="full"))
    agrees(lambda x: scipy.special.logsumexp(x) + scipy.special.softmax(x)[0])


# ------------------------------------------------------------------------------------------------ the rest
def test_transforms():
    def f(x):
        z = np.zeros(3)
        for i in range(3):
            z[i] = math.sin(x[i]) * x[0]
        return z

    def g(x):
        return f(x).sum()

    t = np.array([1.0, 0.5, -0.2])
    jacobian = finite_difference(f, X)
    np.testing.assert_allclose(ad.jacfwd(f, native=True)(X), jacobian, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(ad.jacrev(f, native=True)(X), jacobian, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(ad.jvp(f, (X,), (t,), native=True)[1], jacobian @ t, rtol=1e-7)
    np.testing.assert_allclose(ad.vjp(f, X, native=True)[1](t)[0], t @ jacobian, rtol=1e-7)
    np.testing.assert_allclose(ad.linearize(f, X, native=True)[1](t), jacobian @ t, rtol=1e-7)
    hessian = finite_difference(ad.grad(g, native=True), X)
    np.testing.assert_allclose(ad.hessian(g, native=True)(X), hessian, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ad.hvp(g, native=True)(X, t), hessian @ t, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ad.weighted_hessian(f, native=True)(X, np.ones(3)), hessian, rtol=1e-6, atol=1e-8)
    value, gradient = ad.value_and_grad(g, native=True)(X)
    np.testing.assert_allclose(value, g(X))
    np.testing.assert_allclose(gradient, jacobian.sum(axis=0), rtol=1e-7)
    rows = np.stack([X, 2 * X])
    np.testing.assert_allclose(ad.vmap(f, native=True)(rows), [f(X), f(2 * X)])
    np.testing.assert_allclose(ad.native(ad.grad(g))(X), gradient)


def module_level(x):
    return np.array([math.sin(x[0]), x[1]])


def test_pickle_and_names():
    n = ad.native(module_level)
    assert n.__wrapped__ is module_level and "module_level" in repr(n)
    g = ad.jacobian(module_level, native=True)
    np.testing.assert_allclose(pickle.loads(pickle.dumps(g))(X), g(X))
    np.testing.assert_allclose(pickle.loads(pickle.dumps(n))(X), n(X))
    assert ad.native(n).function is module_level


def test_remembered():
    n = ad.native(called_elsewhere)
    n(X)
    made = n.swapper.functions[native_helpers.filled][1]
    n(X)
    ad.native(called_elsewhere)(X)
    assert n.swapper.functions[native_helpers.filled][1] is made


def test_threads():
    wanted = ad.jacobian(called_elsewhere, native=True)(X)
    failed = []

    def work():
        for _ in range(20):
            if not np.array_equal(ad.jacobian(called_elsewhere, native=True)(X), wanted):
                failed.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed


def test_lost_derivatives_suggest_it():
    with pytest.raises(ad.DerivativeLostError, match="native"):
        ad.grad(lambda x: math.sin(x[0]))(X)
    with pytest.raises(ad.DerivativeLostError, match="native"):
        ad.grad(lambda x: np.asarray(x).sum())(X)
    with pytest.raises(TypeError) as caught:
        ad.grad(lambda x: np.linalg.det(np.array([[x[0], 1.0], [1.0, x[1]]])))(X)
    assert "native" in caught.value.__notes__[0]
