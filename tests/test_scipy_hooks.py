"""SciPy's own solvers with our transforms as they are: each finds what it finds without derivatives."""

import numpy as np
import pytest
from releases import SCIPY
from scipy import optimize as so
from scipy.integrate import solve_bvp, solve_ivp

import scirs_ad as ad
from scirs_ad.testing import finite_difference

TARGET = np.array([1.0, -0.5, 2.0])


def valley(x, scale=4.0):
    """A narrow curved valley; convex around its minimum at `TARGET`, where it is 0."""
    d = x - TARGET
    return np.sum(d**2) + scale * (d[1] - d[0] ** 2) ** 2 + np.sum(d**4) / 4


# What a search must reach: its gradient is small where the value is within rounding of the minimum.
NEAR = 1e-4
START = np.array([0.8, -0.4, 1.7])

FIRST = ["CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP", "trust-constr"]
SECOND = ["Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"]
DENSE = ["Newton-CG", "dogleg", "trust-ncg", "trust-krylov", "trust-exact", "trust-constr"]


@pytest.fixture(scope="module")
def without():
    """The minimum by a method that uses no derivatives."""
    found = so.minimize(valley, START, args=(3.0,), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-14})
    assert found.success
    return found.x


@pytest.mark.parametrize("method", FIRST)
def test_value_and_grad(method, without):
    found = so.minimize(ad.value_and_grad(valley), START, args=(3.0,), method=method, jac=True)
    np.testing.assert_allclose(found.x, without, atol=NEAR)


@pytest.mark.parametrize("method", FIRST)
def test_grad(method, without):
    found = so.minimize(valley, START, args=(3.0,), method=method, jac=ad.grad(valley))
    np.testing.assert_allclose(found.x, without, atol=NEAR)


@pytest.mark.parametrize("method", DENSE)
def test_hessian(method, without):
    found = so.minimize(
        ad.value_and_grad(valley), START, args=(3.0,), method=method, jac=True, hess=ad.hessian(valley)
    )  # fmt: skip
    np.testing.assert_allclose(found.x, without, atol=NEAR)


@pytest.mark.parametrize("method", SECOND)
def test_hvp(method, without):
    found = so.minimize(ad.value_and_grad(valley), START, args=(3.0,), method=method, jac=True, hessp=ad.hvp(valley))
    np.testing.assert_allclose(found.x, without, atol=NEAR)


@pytest.mark.parametrize("method", ["Nelder-Mead", "Powell", "COBYLA", "COBYQA"])
def test_no_derivative(method, without):
    """Plain functions stay plain functions."""
    found = so.minimize(valley, START, args=(3.0,), method=method, tol=1e-9)
    np.testing.assert_allclose(found.x, without, atol=NEAR)


def test_all_methods_of_scipy_are_here():
    from_signature = so.show_options  # it knows the methods: an unknown one raises
    for method in {*FIRST, *SECOND, *DENSE, "Nelder-Mead", "Powell", "COBYLA", "COBYQA"}:
        assert from_signature("minimize", method, disp=False)


# ------------------------------------------------------------------------------------------------ constraints
def limits(x):
    return [x[0] ** 2 + x[1], x[0] * x[2]]  # a list, as in SciPy's documentation


@pytest.mark.filterwarnings("ignore:delta_grad == 0.0:UserWarning")  # SciPy's updates, where they see no change
@pytest.mark.parametrize("hess", [ad.weighted_hessian(limits), so.BFGS()], ids=["exact", "BFGS"])
def test_nonlinear_constraint(hess):
    plain = so.NonlinearConstraint(limits, [-np.inf, 0.5], [0.2, 1.0])
    exact = so.NonlinearConstraint(limits, [-np.inf, 0.5], [0.2, 1.0], jac=ad.jacobian(limits), hess=hess)
    expected = so.minimize(valley, START, method="COBYQA", constraints=plain, tol=1e-8)
    found = so.minimize(
        ad.value_and_grad(valley), START, jac=True, hess=ad.hessian(valley), method="trust-constr", constraints=exact,
        options={"gtol": 1e-8, "xtol": 1e-9},
    )  # fmt: skip
    np.testing.assert_allclose(found.x, expected.x, atol=NEAR)
    slsqp = so.NonlinearConstraint(limits, [-np.inf, 0.5], [0.2, 1.0], jac=ad.jacobian(limits))
    found = so.minimize(ad.value_and_grad(valley), START, jac=True, method="SLSQP", constraints=slsqp, tol=1e-12)
    np.testing.assert_allclose(found.x, expected.x, atol=NEAR)


def test_constraint_as_a_dictionary():
    given = {"type": "ineq", "fun": lambda x: 0.2 - x[0] ** 2 - x[1]}
    exact = given | {"jac": ad.jacobian(given["fun"])}
    expected = so.minimize(valley, START, method="SLSQP", constraints=given)
    found = so.minimize(ad.value_and_grad(valley), START, jac=True, method="SLSQP", constraints=exact)
    np.testing.assert_allclose(found.x, expected.x, atol=NEAR)


def test_weighted_hessian_of_arrays_lists_and_numbers():
    x, v = np.array([0.3, -0.2, 1.1]), np.array([2.0, -3.0])
    expected = ad.weighted_hessian(limits)(x, v)
    np.testing.assert_allclose(ad.weighted_hessian(lambda x: np.array(limits(x)))(x, v), expected)
    np.testing.assert_allclose(ad.weighted_hessian(lambda x: np.stack(limits(x)))(x, v), expected)
    np.testing.assert_allclose(
        ad.weighted_hessian(lambda x: limits(x)[0])(x, v[:1]) + ad.weighted_hessian(lambda x: limits(x)[1:])(x, v[1:]),
        expected,
    )
    difference = finite_difference(lambda y: v @ ad.jacobian(lambda x: np.array(limits(x)))(y), x)
    np.testing.assert_allclose(expected, difference, atol=1e-8)


# ------------------------------------------------------------------------------------------------ least squares, roots
TIMES = np.linspace(0, 3, 25)
DATA = 2.0 * np.exp(-0.8 * TIMES) + 0.3 + 0.01 * np.cos(17 * TIMES)


def model(t, a, b, c):
    return a * np.exp(-b * t) + c


def residuals(p, weight=1.0):
    return weight * (model(TIMES, *p) - DATA)


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_least_squares(method):
    points = "2-point" if method == "lm" and SCIPY < (1, 16) else "3-point"
    expected = so.least_squares(residuals, np.ones(3), points, method=method, args=(2.0,), xtol=1e-14, ftol=1e-14)
    found = so.least_squares(
        residuals, np.ones(3), ad.jacobian(residuals), method=method, args=(2.0,), xtol=1e-14, ftol=1e-14
    )  # fmt: skip
    np.testing.assert_allclose(found.x, expected.x, rtol=1e-6)
    np.testing.assert_allclose(found.cost, expected.cost, rtol=1e-12)
    assert found.nfev <= expected.nfev + 1


@pytest.mark.parametrize("loss", ["soft_l1", "cauchy"])
def test_least_squares_with_a_loss_and_bounds(loss):
    options = {"loss": loss, "f_scale": 0.01, "bounds": ([0, 0, 0], [5, 0.7, 1]), "xtol": 1e-12, "ftol": 1e-12}
    expected = so.least_squares(residuals, np.full(3, 0.5), "3-point", **options)
    found = so.least_squares(residuals, np.full(3, 0.5), ad.jacobian(residuals), **options)
    np.testing.assert_allclose(found.x, expected.x, rtol=1e-5)


@pytest.mark.parametrize("method", [None, "trf", "dogbox"])
@pytest.mark.parametrize("sigma", [None, 0.01 * (1 + TIMES)], ids=["", "sigma"])
def test_curve_fit(method, sigma):
    expected, wide = so.curve_fit(model, TIMES, DATA, sigma=sigma, method=method, ftol=1e-13, xtol=1e-13)
    jac = ad.optimize.curve_fit_jac(model)
    found, covariance = so.curve_fit(model, TIMES, DATA, sigma=sigma, method=method, jac=jac, ftol=1e-13, xtol=1e-13)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_allclose(covariance, wide, rtol=1e-3)  # the other is of finite differences
    j = jac(TIMES, *found)
    assert j.shape == (TIMES.size, 3)
    np.testing.assert_allclose(j, finite_difference(lambda p: model(TIMES, *p), found), atol=1e-8)


def equations(x, shift=0.0):
    return [x[0] ** 2 + x[1] - 3.0 - shift, x[0] - x[1] * x[2] + 1.0, np.exp(x[2] - 1.0) - x[0]]


NEARBY = np.array([1.1, 1.9, 1.1])


@pytest.mark.parametrize("method", ["hybr", "lm"])
def test_root(method):
    expected = so.root(equations, NEARBY, args=(0.1,), method="krylov", tol=1e-12).x
    found = so.root(equations, NEARBY, args=(0.1,), method=method, jac=ad.jacobian(equations))
    assert found.success
    np.testing.assert_allclose(found.x, expected, atol=1e-8)
    both = so.root(ad.value_and_jacobian(equations), NEARBY, args=(0.1,), method=method, jac=True)
    np.testing.assert_allclose(both.x, found.x, rtol=1e-13)  # the values differ by NumPy's exp and ours


def test_fsolve():
    found = so.fsolve(equations, NEARBY, fprime=ad.jacobian(equations))
    np.testing.assert_allclose(equations(found), 0, atol=1e-10)


def cubic(x, c=2.0):
    return x**3 - c


def test_root_scalar():
    expected = so.root_scalar(cubic, bracket=[0, 3], args=(5.0,)).root
    newton = so.root_scalar(ad.value_and_grad(cubic), x0=1.0, fprime=True, args=(5.0,))
    assert newton.method == "newton"
    first = so.root_scalar(ad.derivatives(cubic), x0=1.0, fprime=True, args=(5.0,))
    second = so.root_scalar(ad.derivatives(cubic, 2), x0=1, fprime=True, fprime2=True, args=(5.0,))
    assert second.method == "halley"
    assert second.iterations < newton.iterations == first.iterations
    for found in (newton, first, second):
        assert found.converged
        assert abs(found.root - expected) < 1e-10
    given = so.root_scalar(cubic, x0=1.0, fprime=ad.grad(cubic), fprime2=ad.grad(ad.grad(cubic)), args=(5.0,))
    assert abs(given.root - expected) < 1e-10


def test_newton_of_many():
    c = np.array([1.0, 2.0, 27.0])
    found = so.newton(cubic, np.ones(3), fprime=lambda x, c: ad.derivatives(cubic)(x, c)[1], args=(c,))
    np.testing.assert_allclose(found, np.cbrt(c))


def test_derivatives():
    x = np.array([0.3, 1.2, -2.0])
    f, *rest = ad.derivatives(lambda x: np.sin(2 * x), order=4)(x)
    np.testing.assert_allclose(f, np.sin(2 * x))
    for k, (found, expected) in enumerate(zip(rest, [np.cos, np.sin, np.cos, np.sin], strict=True), 1):
        sign = (1, -1, -1, 1)[k - 1]
        np.testing.assert_allclose(found, sign * 2**k * expected(2 * x))
    assert isinstance(ad.derivatives(np.sin, 1)(0.5)[1], float)
    np.testing.assert_allclose(ad.derivatives(np.exp, 1)(1j), np.exp(1j))
    assert len(ad.derivatives(np.sin, 0)(0.5)) == 1
    np.testing.assert_allclose(ad.grad(lambda x: ad.derivatives(np.sin, 2)(x)[2])(0.5), -np.cos(0.5))


def test_derivatives_bad_input():
    with pytest.raises(TypeError, match=r"order must be an int, not 1\.5"):
        ad.derivatives(np.sin, 1.5)
    with pytest.raises(ValueError, match="must not be negative, but is -1"):
        ad.derivatives(np.sin, -1)
    with pytest.raises(ValueError, match=r"derivatives of sum: it makes shape \(\) of shape \(3,\)"):
        ad.derivatives(np.sum)(np.ones(3))
    with pytest.raises(TypeError, match="int64"):
        ad.derivatives(np.sin)(3)


def test_value_and_jacobian():
    x = np.array([0.3, 1.2])
    value, j = ad.value_and_jacobian(lambda x, c: c * x**2)(x, 3.0)
    np.testing.assert_array_equal(value, 3 * x**2)
    np.testing.assert_array_equal(j, np.diag(6 * x))
    value, j = ad.value_and_jacobian(lambda p: {"s": np.sum(p["x"] * p["y"]), "t": p["y"]})({"x": x, "y": 2.0})
    assert value["s"] == 3.0
    np.testing.assert_array_equal(j["s"]["x"], [2.0, 2.0])
    assert j["t"]["y"] == 1.0
    calls = []
    ad.value_and_jacobian(lambda x: calls.append(0) or x**2)(x)
    assert len(calls) == 1
    # Of higher order, like any transform.
    np.testing.assert_allclose(ad.jacobian(lambda x: ad.value_and_jacobian(np.sin)(x)[1])(x)[0, 0, 0], -np.sin(x[0]))


# ------------------------------------------------------------------------------------------------ integrate
def oscillator(t, y, mu=5.0):
    return [y[1], mu * (1 - y[0] ** 2) * y[1] - y[0] + 0.1 * np.sin(t)]


@pytest.mark.parametrize("method", ["Radau", "BDF", "LSODA"])
def test_solve_ivp(method):
    options = {"method": method, "rtol": 1e-6, "atol": 1e-8, "args": (8.0,)}
    plain = solve_ivp(oscillator, (0, 4), [2.0, 0.0], **options)
    exact = solve_ivp(oscillator, (0, 4), [2.0, 0.0], jac=ad.jacobian(oscillator, argnums=1), **options)
    assert exact.success
    np.testing.assert_allclose(exact.y[:, -1], plain.y[:, -1], rtol=1e-4)
    assert exact.nfev <= plain.nfev


def bratu(x, y):
    return np.vstack((y[1], -np.exp(y[0])))


def ends(ya, yb):
    return np.array([ya[0], yb[0]])


def test_solve_bvp():
    x, guess = np.linspace(0, 1, 5), np.zeros((2, 5))
    plain = solve_bvp(bratu, ends, x, guess)
    exact = solve_bvp(
        bratu, ends, x, guess, fun_jac=ad.optimize.bvp_fun_jac(bratu), bc_jac=ad.optimize.bvp_bc_jac(ends)
    )  # fmt: skip
    assert exact.success
    np.testing.assert_allclose(exact.sol(0.5), plain.sol(0.5), rtol=1e-6, atol=1e-6)


def test_solve_bvp_with_unknown_parameters():
    """Sturm-Liouville: y'' = -k**2 y with y(0) = y(1) = 0 and y'(0) = k."""

    def fun(x, y, p):
        return np.vstack((y[1], -(p[0] ** 2) * y[0]))

    def bc(ya, yb, p):
        return [ya[0], yb[0], ya[1] - p[0]]

    x = np.linspace(0, 1, 5)
    guess = np.zeros((2, 5))
    guess[0, 1], guess[0, 3] = 1, -1
    exact = solve_bvp(
        fun, lambda *a: np.array(bc(*a)), x, guess, p=[6.0],
        fun_jac=ad.optimize.bvp_fun_jac(fun), bc_jac=ad.optimize.bvp_bc_jac(bc),
    )  # fmt: skip
    assert exact.success
    np.testing.assert_allclose(exact.p, [2 * np.pi], rtol=1e-4)
    y, p = np.linspace(0.1, 1, 8).reshape(2, 4), np.array([1.5])
    by_y, by_p = ad.optimize.bvp_fun_jac(fun)(x[:4], y, p)
    assert by_y.shape == (2, 2, 4)
    assert by_p.shape == (2, 1, 4)
    for node in range(4):
        at = finite_difference(lambda v: fun(x[:1], v[:, None], p)[:, 0], y[:, node])
        np.testing.assert_allclose(by_y[:, :, node], at, atol=1e-8)
        np.testing.assert_allclose(by_p[:, 0, node], [0, -2 * p[0] * y[0, node]], atol=1e-12)
    conditions = ad.optimize.bvp_bc_jac(bc)(y[:, 0], y[:, 1], p)
    assert [j.shape for j in conditions] == [(3, 2), (3, 2), (3, 1)]


def test_bvp_bad_shape():
    def wrong(x, y):
        return y[0]

    with pytest.raises(ValueError, match=r"bvp_fun_jac of wrong: it returned shape \(4,\), expected .* \(2, 4\)"):
        ad.optimize.bvp_fun_jac(wrong)(np.zeros(4), np.ones((2, 4)))


def test_curve_fit_jac_without_parameters():
    with pytest.raises(TypeError, match="no parameters"):
        ad.optimize.curve_fit_jac(model)(TIMES)


# ------------------------------------------------------------------------------------------------ global searches
def waves(x):
    return np.sum(x**2) + 3 * np.sum(1 - np.cos(2.5 * x)) + 0.3 * x[0]


BOX = [(-3.0, 2.5)] * 2


@pytest.fixture(scope="module")
def lowest():
    grid = np.stack(np.meshgrid(*[np.linspace(-3, 2.5, 56)] * 2, indexing="ij"), -1).reshape(-1, 2)
    start = grid[np.argmin([waves(x) for x in grid])]
    return so.minimize(waves, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-14}).x


def test_basinhopping(lowest):
    both, gradient = {"jac": True, "method": "L-BFGS-B"}, {"jac": ad.grad(waves)}
    found = so.basinhopping(ad.value_and_grad(waves), [2.0, 2.0], minimizer_kwargs=both, niter=20, stepsize=2.0, rng=1)
    np.testing.assert_allclose(found.x, lowest, atol=NEAR)
    found = so.basinhopping(waves, [2.0, 2.0], minimizer_kwargs=gradient, niter=20, stepsize=2.0, rng=1)
    np.testing.assert_allclose(found.x, lowest, atol=NEAR)


def test_shgo(lowest):
    found = so.shgo(waves, BOX, minimizer_kwargs={"method": "L-BFGS-B", "jac": ad.grad(waves)})
    np.testing.assert_allclose(found.x, lowest, atol=NEAR)
    if SCIPY >= (1, 17):  # asks `options` for a function with its gradient
        found = so.shgo(ad.value_and_grad(waves), BOX, options={"jac": True}, minimizer_kwargs={"method": "SLSQP"})
        np.testing.assert_allclose(found.x, lowest, atol=NEAR)


def test_dual_annealing(lowest):
    options = {"method": "L-BFGS-B", "jac": ad.grad(waves), "bounds": BOX}
    found = so.dual_annealing(waves, BOX, minimizer_kwargs=options, maxiter=40, rng=1)
    np.testing.assert_allclose(found.x, lowest, atol=NEAR)


def test_differential_evolution(lowest):
    def polish(f, x0, bounds=None, constraints=()):
        return so.minimize(ad.value_and_grad(waves), x0, jac=True, bounds=bounds)

    found = so.differential_evolution(waves, BOX, maxiter=20, polish=polish, rng=1)
    np.testing.assert_allclose(found.x, lowest, atol=NEAR)
