"""`scirs_ad.optimize`: SciPy's solvers with derivatives filled in, for containers of parameters, and bad input."""

import copy
import dataclasses
import inspect
import io
import pickle
import sys
import types

import numpy as np
import pytest
from releases import SCIPY
from scipy import optimize as so

import scirs_ad as ad
from scirs_ad import optimize as ao
from scirs_ad.optimize.minimize import USES
from scirs_ad.testing import finite_difference

START = np.array([0.8, -0.4, 1.7])


def valley(x, scale=4.0):
    d = x - np.array([1.0, -0.5, 2.0])
    return np.sum(d**2) + scale * (d[1] - d[0] ** 2) ** 2 + np.sum(d**4) / 4


def rosen(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def nested(p):
    """Minimum: a = 1, w = [[1, 2], [3, 4]], b = 2 * a."""
    return (
        (p["a"] - 1.0) ** 2
        + np.sum((p["w"] - np.arange(1.0, 5.0).reshape(2, 2)) ** 2)
        + np.sum((p["pair"][0] - 2.0 * p["a"]) ** 2)
    )


TREE = {"a": 0.0, "w": np.zeros((2, 2)), "pair": (np.zeros(1), None)}


# ------------------------------------------------------------------------------------------------ signatures
@pytest.mark.parametrize("name", ["minimize", "least_squares", "root", "root_scalar", "curve_fit"])
def test_signature_is_scipys(name):
    ours = list(inspect.signature(getattr(ao, name)).parameters.values())
    theirs = list(inspect.signature(getattr(so, name)).parameters.values())
    assert [p.name for p in ours[: len(theirs)]][:-1] == [p.name for p in theirs][:-1]
    for p in ours[len(theirs) :]:
        assert p.kind in (p.KEYWORD_ONLY, p.VAR_KEYWORD) or p.name in ("callback", "workers")  # since SciPy 1.16


# ------------------------------------------------------------------------------------------------ minimize
@pytest.mark.parametrize("method", [m for m in USES if m != "_custom"])
def test_every_method(method):
    tight = {"cobyla": 1e-7, "nelder-mead": 1e-9}.get(method)
    found = ao.minimize(valley, START, args=(3.0,), method=method, tol=tight)
    np.testing.assert_allclose(found.x, [1.0, -0.5, 2.0], atol=1e-3 if method == "cobyla" else 1e-4)
    count = found.evaluations
    assert (count.derivatives > 0) == ("gradient" in USES[method])
    assert (count.hessians + count.products > 0) == bool({"hessian", "products"} & set(USES[method]))
    assert count.seconds > 0


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "CG", "TNC", "SLSQP", "trust-exact", "Newton-CG"])
def test_result_is_scipys(method):
    theirs = so.minimize(
        ad.value_and_grad(valley), START, jac=True, method=method,
        hess=ad.hessian(valley) if method == "trust-exact" else None,
        hessp=ad.hvp(valley) if method == "Newton-CG" else None,
    )  # fmt: skip
    ours = ao.minimize(valley, START, method=method)
    assert isinstance(ours, so.OptimizeResult)
    assert set(theirs) | {"evaluations"} == set(ours)
    np.testing.assert_allclose(ours.x, theirs.x, atol=1e-9)
    assert ours.nit == theirs.nit
    assert "covariance" in dir(ours)


def test_scipy_chooses_the_method():
    assert "hess_inv" in ao.minimize(valley, START)  # BFGS
    assert isinstance(ao.minimize(valley, START, bounds=[(0, 2)] * 3).hess_inv, so.LbfgsInvHessProduct)
    assert "multipliers" in ao.minimize(valley, START, constraints=ao.constraint(np.sum, 0, 2)) or True


def test_one_evaluation_gives_value_and_gradient():
    runs = []

    def f(x):
        runs.append(1)
        return rosen(x)

    found = ao.minimize(f, np.zeros(4), method="L-BFGS-B")
    assert len(runs) == found.nfev == found.evaluations.values
    runs.clear()
    found = ao.minimize(f, np.zeros(4), method="trust-krylov")
    # One run for value and gradient at each point, and one to linearise the gradient where products are asked for.
    assert len(runs) <= found.evaluations.values + found.nit
    assert found.evaluations.products > found.nit


def test_products_of_large_trust_constr(monkeypatch):
    monkeypatch.setattr(sys.modules["scirs_ad.optimize.minimize"], "DENSE", 2)
    found = ao.minimize(valley, START, method="trust-constr")
    np.testing.assert_allclose(found.x, [1.0, -0.5, 2.0], atol=1e-5)
    assert found.evaluations.hessians == 0 < found.evaluations.products


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "trust-constr", "Newton-CG", "trust-exact", "COBYQA"])
def test_containers(method):
    found = ao.minimize(nested, TREE, method=method, tol=1e-8)
    assert set(found.x) == {"a", "w", "pair"}
    assert isinstance(found.x["a"], float)
    np.testing.assert_allclose(found.x["w"], np.arange(1.0, 5.0).reshape(2, 2), atol=1e-4)
    np.testing.assert_allclose(found.x["pair"][0], [2.0], atol=1e-4)
    assert found.x["pair"][1] is None
    if method in ("BFGS", "L-BFGS-B"):
        assert found.jac["w"].shape == (2, 2)


def test_arrays_of_any_shape_lists_and_numbers():
    target = np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(ao.minimize(lambda x: np.sum((x - target) ** 2), np.zeros((2, 3))).x, target, atol=1e-6)
    np.testing.assert_allclose(ao.minimize(valley, [1, 0, 2]).x, [1.0, -0.5, 2.0], atol=1e-4)
    np.testing.assert_allclose(ao.minimize(valley, (1.0, 0.0, 2.0)).x, [1.0, -0.5, 2.0], atol=1e-4)
    found = ao.minimize(lambda x: (x - 3.0) ** 2, 1.0)  # one element, as in SciPy
    assert found.x.shape == (1,)
    np.testing.assert_allclose(found.x, 3.0, atol=1e-6)
    pair = ao.minimize(lambda p: np.sum((p[0] - 1) ** 2) + (p[1] - 2) ** 2, (np.zeros(2), 0.0)).x
    np.testing.assert_allclose(pair[0], 1.0, atol=1e-6)
    assert isinstance(pair, tuple)


@dataclasses.dataclass
class Line:
    slope: float
    shift: np.ndarray


def test_dataclasses():
    found = ao.minimize(
        lambda p: (p.slope - 2) ** 2 + np.sum((p.shift - p.slope) ** 2), Line(0.0, np.zeros(2)),
        bounds=Line((None, 1.5), None),
    )  # fmt: skip
    assert isinstance(found.x, Line)
    np.testing.assert_allclose(found.x.slope, 1.5)
    np.testing.assert_allclose(found.x.shift, 1.5, atol=1e-5)


def test_complex_parameters():
    found = ao.minimize(lambda p: np.abs(p["z"] - (1 + 2j)) ** 2 + (p["r"] - 3) ** 2, {"z": 0j, "r": 0.0})
    np.testing.assert_allclose(found.x["z"], 1 + 2j, atol=1e-6)
    found = ao.minimize(lambda z: np.sum(np.abs(z**2 - 2j) ** 2), np.array([1.0 + 0.5j]), method="trust-exact")
    np.testing.assert_allclose(found.x, [1 + 1j], atol=1e-6)
    with pytest.raises(TypeError, match=r"x0\['z'\] is complex, .*bounds\['z'\] must be None"):
        ao.minimize(lambda p: np.abs(p["z"]) ** 2, {"z": 1j}, bounds={"z": (0, 1)})


def test_bounds_in_the_structure_of_the_parameters():
    bounds = {"a": (None, 0.5), "w": (np.zeros((2, 2)), np.array([[2.0], [3.5]]))}
    found = ao.minimize(nested, TREE, bounds=bounds)
    np.testing.assert_allclose(found.x["a"], 0.5)
    np.testing.assert_allclose(found.x["w"], [[1.0, 2.0], [3.0, 3.5]], atol=1e-5)
    bounds = {"w": so.Bounds(0, 2.5), "pair": (so.Bounds(-1, 1), None)}
    found = ao.minimize(nested, TREE, bounds=bounds, method="trust-constr")
    np.testing.assert_allclose(found.x["w"], [[1.0, 2.0], [2.5, 2.5]], atol=1e-2)
    found = ao.minimize(lambda x: np.sum((x - 1) ** 2), np.zeros((2, 2)), bounds=(-1, np.array([0.5, 2.0])))
    np.testing.assert_allclose(found.x, [[0.5, 1.0], [0.5, 1.0]], atol=1e-6)


def test_bounds_of_the_wrong_structure():
    with pytest.raises(ValueError, match=r"bounds has the key 'v'; the parameters are 'a', 'pair', 'w'"):
        ao.minimize(nested, TREE, bounds={"v": (0, 1)})
    with pytest.raises(ValueError, match=r"bounds is a list, the parameters are \{'a': \*, "):
        ao.minimize(nested, TREE, bounds=[(0, 1)])
    with pytest.raises(ValueError, match=r"bounds\['pair'\] is a tuple of 1 entries"):
        ao.minimize(nested, TREE, bounds={"pair": ((0, 1),)})
    with pytest.raises(ValueError, match=r"bounds\['a'\] must be a pair \(lower, upper\), a Bounds or None, not 3"):
        ao.minimize(nested, TREE, bounds={"a": 3})
    with pytest.raises(ValueError, match=r"upper bounds\['w'\] have shape \(3,\), .*\(2, 2\)"):
        ao.minimize(nested, TREE, bounds={"w": (0, np.ones(3))})
    with pytest.raises(ValueError, match=r"lower bound 2\.0 of \['w'\]\[0, 0\] exceeds the upper one, 1\.0"):
        ao.minimize(nested, TREE, bounds={"w": (2, 1)})
    with pytest.raises(ValueError, match=r"one Bounds for parameters of the structure"):
        ao.minimize(nested, TREE, bounds=so.Bounds(0, 1))


LIMITED = [
    ao.constraint(lambda x: [x[0] ** 2 + x[1], x[0] * x[2]], [-np.inf, 0.5], [0.2, 1.0]),
    so.NonlinearConstraint(lambda x: [x[0] ** 2 + x[1], x[0] * x[2]], [-np.inf, 0.5], [0.2, 1.0]),
]


@pytest.fixture(scope="module")
def limited():
    return so.minimize(valley, START, method="COBYQA", constraints=LIMITED[1]).x


@pytest.mark.parametrize("method", ["SLSQP", "trust-constr", "COBYQA", None])
@pytest.mark.parametrize("given", LIMITED, ids=["constraint", "NonlinearConstraint"])
def test_constraints(method, given, limited):
    found = ao.minimize(valley, START, method=method, constraints=given)
    assert found.x[0] * found.x[2] <= 1 + 1e-4
    np.testing.assert_allclose(found.x, limited, atol=1e-3)
    (count,) = found.constraint_evaluations
    assert (count.derivatives > 0) == (method != "COBYQA")
    assert (count.hessians > 0) == (method == "trust-constr")


def test_constraints_of_containers():
    def apart(p):
        return np.sum(p["w"]) - p["a"]

    for made in (
        ao.constraint(apart, 4, 4),
        [so.NonlinearConstraint(apart, 4, 4)],
        {"type": "eq", "fun": lambda p, c: apart(p) - c, "args": (4,)},
        so.LinearConstraint(np.array([[-1.0, 0, 1, 1, 1, 1]]), 4, 4),
    ):
        found = ao.minimize(nested, TREE, constraints=made)
        np.testing.assert_allclose(apart(found.x), 4, atol=1e-6)
        np.testing.assert_allclose(np.diff(found.x["w"].ravel()), 1, atol=1e-3)


def test_constraints_of_ones_own():
    c = so.NonlinearConstraint(lambda x: x @ x, 0, 1, jac=lambda x: 2 * x, hess=lambda x, v: 2 * v[0] * np.eye(x.size))
    found = ao.minimize(np.sum, np.full(2, 0.1), constraints=c, method="trust-constr")
    np.testing.assert_allclose(found.x, -np.sqrt(0.5), atol=1e-2)
    assert found.constraint_evaluations[0].derivatives == 0
    given = {"type": "ineq", "fun": lambda x: 1 - x @ x, "jac": lambda x: -2 * x}
    np.testing.assert_allclose(ao.minimize(np.sum, np.full(2, 0.1), constraints=[given]).x, -np.sqrt(0.5), atol=1e-6)
    with pytest.raises(TypeError, match=r"not function; scirs_ad\.optimize\.constraint"):
        ao.minimize(np.sum, np.ones(2), constraints=[lambda x: x])
    with pytest.raises(ValueError, match="needs type='eq' or 'ineq' and fun"):
        ao.minimize(np.sum, np.ones(2), constraints={"fun": np.sum})
    with pytest.raises(TypeError, match="constraint: the first argument must be a function, not 3"):
        ao.constraint(3)


def test_derivatives_of_ones_own():
    def gradient(p):
        return ad.grad(nested)(p)

    found = ao.minimize(nested, TREE, jac=gradient, method="BFGS")
    np.testing.assert_allclose(found.x["a"], 1.0, atol=1e-5)
    both = ao.minimize(ad.value_and_grad(nested), TREE, jac=True, method="BFGS")
    np.testing.assert_allclose(both.x["a"], 1.0, atol=1e-5)
    twice = ao.minimize(ad.value_and_grad(valley), START, jac=True, method="trust-exact")
    np.testing.assert_allclose(twice.x, [1.0, -0.5, 2.0], atol=1e-4)
    differences = ao.minimize(valley, START, jac="3-point", method="BFGS")
    assert differences.evaluations.derivatives == 0
    np.testing.assert_allclose(differences.x, [1.0, -0.5, 2.0], atol=1e-5)
    product = ao.minimize(
        valley, START, method="Newton-CG", hessp=lambda x, p, scale: ad.hvp(valley)(x, p, scale), args=(4.0,)
    )  # fmt: skip
    assert product.evaluations.products == 0
    matrix = ao.minimize(valley, START, method="trust-constr", hess=so.SR1())
    np.testing.assert_allclose(matrix.x, [1.0, -0.5, 2.0], atol=1e-5)
    with pytest.raises(ValueError, match=r"the gradient\['w'\] has shape \(2,\), the parameters \(2, 2\)"):
        ao.minimize(nested, TREE, jac=lambda p: {"a": 0.0, "w": np.zeros(2), "pair": (np.zeros(1), None)})


def test_own_method():
    def steps(fun, x0, args=(), jac=None, hess=None, hessp=None, callback=None, **options):
        x = np.array(x0)
        for _ in range(900):
            x -= 0.1 * jac(x)
        return so.OptimizeResult(x=x, fun=fun(x), success=True, nit=200, nfev=1)

    found = ao.minimize(nested, TREE, method=steps)
    np.testing.assert_allclose(found.x["a"], 1.0, atol=1e-5)


def test_callbacks():
    seen = []
    ao.minimize(nested, TREE, method="BFGS", callback=lambda p: seen.append(p))
    assert isinstance(seen[-1], dict)
    for method in ("L-BFGS-B", "TNC", "COBYQA", "trust-constr", "SLSQP"):
        seen.clear()
        ao.minimize(nested, TREE, method=method, callback=lambda intermediate_result: seen.append(intermediate_result))
        assert set(seen[-1].x) == {"a", "w", "pair"}
        assert np.isfinite(seen[-1].fun)
    seen.clear()
    ao.minimize(nested, TREE, method="trust-constr", callback=lambda p, state: seen.append((p, state.nit)))
    assert seen[0][1] == 1

    def stop(p):
        raise StopIteration

    assert ao.minimize(nested, TREE, method="BFGS", callback=stop).status == 99
    with pytest.raises(TypeError, match="callback must be a function, not 3"):
        ao.minimize(valley, START, callback=3)


def test_verify():
    ao.minimize(nested, TREE, method="trust-exact", verify=True, constraints=())
    wrong = ad.custom_vjp(lambda x: np.sum(x**2))
    wrong.def_vjp(lambda ct, x: 3 * ct * x)
    with pytest.raises(AssertionError, match="the objective"):
        ao.minimize(wrong, START, verify=True)
    with pytest.raises(AssertionError, match="the constraint"):
        ao.minimize(valley, START, verify=True, constraints=ao.constraint(wrong, 0, 1))
    with pytest.raises(AssertionError, match="the residual function"):
        ao.least_squares(wrong, START, verify=True)


# ------------------------------------------------------------------------------------------------ bad input
def test_unknown_method():
    with pytest.raises(ValueError, match="unknown method 'L-BFGS'; did you mean 'l-bfgs-b'"):
        ao.minimize(valley, START, method="L-BFGS")
    with pytest.raises(ValueError, match="least_squares: unknown method 'xyz'"):
        ao.least_squares(valley, START, method="xyz")
    with pytest.raises(ValueError, match="root: unknown method 'newtonn'"):
        ao.root(valley, START, method="newtonn")
    with pytest.raises(ValueError, match="root_scalar: unknown method 'hally'; did you mean 'halley'"):
        ao.root_scalar(np.sin, x0=1.0, method="hally")
    with pytest.raises(TypeError, match="method must be a str or a function, not 3"):
        ao.minimize(valley, START, method=3)


def test_parameters_that_cannot_vary():
    with pytest.raises(TypeError, match=r"the parameter x0\['n'\] has dtype int64; write it as a float"):
        ao.minimize(lambda p: p["x"] ** 2 * p["n"], {"x": 1.0, "n": 3})
    with pytest.raises(TypeError, match=r"x0\[1\]\['s'\] has dtype <U3; give an array of numbers"):
        ao.minimize(lambda p: p[0] ** 2, (1.0, {"s": "abc"}))
    with pytest.raises(TypeError, match="x0 has dtype bool"):
        ao.minimize(valley, np.array([True, False]))
    with pytest.raises(ValueError, match="x0 holds no numbers"):
        ao.minimize(valley, np.zeros(0))
    with pytest.raises(TypeError, match="the objective must be a function, not 3"):
        ao.minimize(3, START)


def test_wrong_shape_names_evaluation_and_parameters():
    calls = []

    def f(p):
        calls.append(p)
        return p["x"] ** 2 * (np.ones(2) if len(calls) == 3 else 1.0)

    for method in ("BFGS", "Nelder-Mead"):
        calls.clear()
        with pytest.raises(TypeError, match=r"shape \(2,\)") as caught:
            ao.minimize(f, {"x": 1.0}, method=method)
        text = str(caught.value) + "".join(caught.value.__notes__)
        assert "evaluation 3" in text
        assert "{'x': np.float64(" in text


def test_nan_names_evaluation_and_parameters():
    def f(p):
        return p["x"] - 5 * np.log(p["x"] * (2.5 - p["x"])) ** 3

    with np.errstate(invalid="ignore"):
        with pytest.raises(
            FloatingPointError, match=r"objective f is nan at evaluation \d, for the parameters \{'x': "
        ):
            ao.minimize(f, {"x": 1.0}, method="BFGS")
        with pytest.raises(FloatingPointError, match=r"gradient that is (nan|-?inf) for x\[1\] at evaluation 1"):
            ao.minimize(lambda x: np.sum(np.sqrt(x) * np.array([1.0, 0.0]) + np.arcsin(x)), np.array([0.5, 1.0]))
        with pytest.raises(FloatingPointError, match="is nan at evaluation"):
            ao.minimize(lambda x: np.sum(x - np.log(x - 1e3)), np.ones(2), method="Nelder-Mead")


def test_nan_as_infinity():
    def f(x):
        return np.sum(x - 2 * np.log(x))  # minimum at 2, nan below 0

    with np.errstate(invalid="ignore", divide="ignore"):
        for method in ("trust-exact", "Nelder-Mead", "trust-ncg"):
            found = ao.minimize(f, np.array([5.9, 0.1]), method=method, on_nan="inf")
            np.testing.assert_allclose(found.x, 2.0, atol=1e-3)
    with pytest.raises(ValueError, match="on_nan must be 'raise' or 'inf', not 'ignore'"):
        ao.minimize(f, START, on_nan="ignore")


def test_float32():
    data = np.ones(3, np.float32)
    found = ao.minimize(lambda x: np.sum((x - data) ** 2), np.zeros(3, np.float32))
    assert found.x.dtype == np.float64
    with pytest.warns(RuntimeWarning, match="returns float32"):
        ao.minimize(lambda x: np.sum((x.astype(np.float32) - data) ** 2), np.zeros(3))


def test_nothing_of_the_caller_changes():
    def spoil(x):
        x *= 2.0
        return np.sum((x - 1) ** 2)

    start, low = START.copy(), np.full(3, -9.0)
    for method in ("L-BFGS-B", "Nelder-Mead", "SLSQP", "trust-exact"):
        bounds = so.Bounds(low, np.full(3, 9.0)) if method != "trust-exact" else None
        options = {"xatol": 1e-8} if method == "Nelder-Mead" else {}
        found = ao.minimize(spoil, start, method=method, bounds=bounds, options=options)
        np.testing.assert_allclose(found.x, 0.5, atol=1e-4)
    tree = {"x": start}
    ao.minimize(lambda p: spoil(p["x"]), tree)
    ao.least_squares(lambda x: x * 1.0 - 3, start, bounds=(low, np.full(3, 9.0)))
    ao.root(lambda x: x * 1.0 - 3, start)
    np.testing.assert_array_equal(start, START)
    np.testing.assert_array_equal(low, -9.0)
    assert tree["x"] is start
    frozen = START.copy()
    frozen.flags.writeable = False
    ao.minimize(valley, frozen)


def test_gradients_handed_out_are_fresh():
    p = ao.problem(valley, START)
    g = p.gradient(START)
    g[:] = np.nan
    np.testing.assert_allclose(p.gradient(START), ad.grad(valley)(START))
    h = p.hess(START)
    h[:] = np.nan
    np.testing.assert_allclose(p.hess(START), ad.hessian(valley)(START))


def test_float_errors_of_the_users_own():
    def broken(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as caught:
        ao.minimize(broken, START)
    assert "minimize: the objective broken, evaluation 1, at [ 0.8 -0.4  1.7]" in caught.value.__notes__


# ------------------------------------------------------------------------------------------------ least squares
TIMES = np.linspace(0, 3, 25)
DATA = 2.0 * np.exp(-0.8 * TIMES) + 0.3 + 0.01 * np.cos(17 * TIMES)


def model(t, a, b, c):
    return a * np.exp(-b * t) + c


def residuals(p):
    return model(TIMES, p["a"], p["b"], p["c"]) - DATA


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_least_squares(method):
    found = ao.least_squares(residuals, {"a": 1.0, "b": 1.0, "c": 1.0}, method=method)
    points = "2-point" if method == "lm" and SCIPY < (1, 16) else "3-point"
    theirs = so.least_squares(lambda p: model(TIMES, *p) - DATA, np.ones(3), points, method=method)
    np.testing.assert_allclose([found.x[k] for k in "abc"], theirs.x, rtol=1e-5)
    assert set(theirs) | {"evaluations"} == set(found)
    expected, wide = so.curve_fit(model, TIMES, DATA, p0=np.ones(3))
    np.testing.assert_allclose(found.covariance, wide, rtol=1e-3)
    np.testing.assert_allclose([found.standard_errors[k] for k in "abc"], np.sqrt(np.diag(wide)), rtol=1e-3)
    assert found.grad.keys() == found.x.keys()
    # One run for each point: the Jacobian comes from the run that gave the residuals.
    assert found.evaluations.values <= found.nfev + 1


def test_least_squares_bounds_and_loss():
    options = {"bounds": {"b": (0, 0.7)}, "loss": "soft_l1", "f_scale": 0.01}
    found = ao.least_squares(residuals, {"a": 1.0, "b": 0.5, "c": 1.0}, **options)
    theirs = so.least_squares(
        lambda p: model(TIMES, *p) - DATA, [1, 0.5, 1], "3-point", bounds=([-9, 0, -9], [9, 0.7, 9]), loss="soft_l1",
        f_scale=0.01,
    )  # fmt: skip
    np.testing.assert_allclose([found.x[k] for k in "abc"], theirs.x, rtol=1e-4)
    plain = ao.least_squares(lambda p: model(TIMES, *p) - DATA, np.full(3, 0.5), bounds=([0, 0, 0], [5, 0.7, 1]))
    assert plain.x[1] <= 0.7
    options = {"args": (2.0,), "kwargs": {"c": 0.5}, "x_scale": "jac", "max_nfev": 50}
    found = ao.least_squares(lambda p, a, c: model(TIMES, a, p[0], c) - DATA, [1.0], **options)
    assert found.success


def test_least_squares_steps_back():
    """trf shortens a step to where the model is not defined; lm cannot."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = ao.least_squares(lambda x: np.log(x) - np.array([-3.0, -4.0]), np.array([3.0, 20.0]))
        np.testing.assert_allclose(found.x, np.exp([-3.0, -4.0]), rtol=1e-6)
        with pytest.raises(FloatingPointError, match=r"value that is nan in row \d at evaluation 2"):
            ao.least_squares(lambda x: np.log(x) - np.array([-3.0, -4.0]), np.array([3.0, 20.0]), method="lm")
        with pytest.raises(
            FloatingPointError, match=r"Jacobian that is -?inf in row 0 by \['p'\]\[1\] at evaluation 1"
        ):
            ao.least_squares(lambda x: np.arcsin(x["p"][::-1]), {"p": np.array([0.5, 1.0])})


def test_residuals_of_another_length():
    calls = []

    def f(x):
        calls.append(0)
        return x[: 3 - (len(calls) > 1)] ** 2 - 1

    with pytest.raises(
        ValueError, match=r"f returned 2 values \(shape \(2,\)\) at evaluation 2, and 3 at those before"
    ):
        ao.least_squares(f, np.full(3, 3.0))
    with pytest.raises(TypeError, match="returned dtype complex128; real numbers are needed"):
        ao.least_squares(lambda x: x * 1j, np.ones(2))


def test_singular_fit_names_the_parameters():
    found = ao.least_squares(lambda p: (p["a"] + p["b"]) * TIMES + p["c"] - DATA, {"a": 1.0, "b": 1.0, "c": 0.0})
    with pytest.raises(ao.SingularError, match=r"rank 2, not 3; not determined: \['a'\], \['b'\]") as caught:
        _ = found.covariance
    assert isinstance(caught.value, np.linalg.LinAlgError)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(caught.value)).parameters, [0, 1])


def test_no_degrees_of_freedom():
    found = ao.least_squares(lambda x: x**2 - np.array([1.0, 4.0]), np.ones(2))
    assert np.isnan(found.covariance).all()


# ------------------------------------------------------------------------------------------------ covariance
def test_covariance_of_a_likelihood():
    def loss(p):
        return 0.5 * np.sum((residuals(p) / 0.01) ** 2)

    found = ao.minimize(loss, {"a": 1.0, "b": 1.0, "c": 1.0}, method="trust-exact", options={"gtol": 1e-6})
    hessian = finite_difference(
        lambda v: ad.grad(lambda v: loss(dict(zip("abc", v, strict=True))))(v), np.array([*found.x.values()])
    )
    np.testing.assert_allclose(found.covariance, np.linalg.inv(hessian), rtol=1e-5)
    np.testing.assert_allclose(found.standard_errors["b"], np.sqrt(found.covariance[1, 1]))
    theirs = so.minimize(ad.value_and_grad(valley), START, jac=True)
    np.testing.assert_allclose(ao.covariance(theirs, valley), np.linalg.inv(ad.hessian(valley)(theirs.x)), rtol=1e-10)
    with pytest.raises(TypeError, match="does not hold the function"):
        ao.covariance(theirs)
    with pytest.raises(TypeError, match="must be an OptimizeResult, not dict"):
        ao.covariance({})


def test_covariance_of_scipys_least_squares():
    found = so.least_squares(lambda p: model(TIMES, *p) - DATA, np.ones(3))
    ours = ao.least_squares(lambda p: model(TIMES, *p) - DATA, np.ones(3))
    np.testing.assert_allclose(ao.covariance(found), ours.covariance, rtol=1e-4)


def test_covariance_at_no_minimum():
    found = ao.minimize(lambda p: (p["a"] - 1) ** 2 + 0 * p["b"], {"a": 0.0, "b": 0.0})
    with pytest.raises(ao.SingularError, match=r"1 of 2 directions .*not determined: \['b'\]"):
        ao.covariance(found)


def test_results_can_be_pickled_and_copied():
    found = ao.minimize(lambda x: valley(x), START)  # the function itself cannot be pickled
    again = pickle.loads(pickle.dumps(found))
    assert isinstance(again, ao.Result)
    np.testing.assert_array_equal(again.x, found.x)
    with pytest.raises(TypeError, match=r"covariance\(result, fun\)"):
        _ = again.covariance
    np.testing.assert_allclose(ao.covariance(again, valley), found.covariance)
    fit = ao.least_squares(residuals, {"a": 1.0, "b": 1.0, "c": 1.0})
    for other in (pickle.loads(pickle.dumps(fit)), copy.deepcopy(fit), copy.copy(fit), fit.copy()):
        assert other.standard_errors == fit.standard_errors


# ------------------------------------------------------------------------------------------------ curve_fit
def test_curve_fit():
    expected, wide = so.curve_fit(model, TIMES, DATA)
    for options in ({}, {"method": "trf"}, {"method": "dogbox"}, {"sigma": np.full(25, 0.1), "absolute_sigma": False}):
        found, covariance = ao.curve_fit(model, TIMES, DATA, **options)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        np.testing.assert_allclose(covariance, wide, rtol=1e-3)
    found, covariance, info, message, flag = ao.curve_fit(model, TIMES, DATA, full_output=True, verify=True)
    assert flag in (1, 2, 3, 4)
    covariant = 1e-4 * (np.eye(25) + 0.1)
    theirs = so.curve_fit(model, TIMES, DATA, sigma=covariant, absolute_sigma=True)
    ours = ao.curve_fit(model, TIMES, DATA, sigma=covariant, absolute_sigma=True)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-3)


def test_curve_fit_containers():
    expected, wide = so.curve_fit(model, TIMES, DATA)
    found, covariance = ao.curve_fit(model, TIMES, DATA, {"c": 1.0, "a": 1.0, "b": 1.0})
    np.testing.assert_allclose([found[k] for k in "abc"], expected, rtol=1e-5)
    np.testing.assert_allclose(covariance, wide, rtol=1e-3)

    def polynomial(t, w, shift):
        return w[0] * t + w[1] * t**2 + shift

    (w, shift), covariance = ao.curve_fit(polynomial, TIMES, DATA, (np.ones(2), 0.0), verify=True)
    np.testing.assert_allclose([w[1], w[0], shift], np.polyfit(TIMES, DATA, 2), rtol=1e-6)
    (w, shift), _ = ao.curve_fit(polynomial, TIMES, DATA, (np.ones(2), 0.0), bounds=((-0.1, 5), None))
    assert w[0] >= -0.1
    bounded, _ = ao.curve_fit(model, TIMES, DATA, bounds=(0, [3, 0.5, 1]))
    assert bounded[1] <= 0.5
    constant, covariance = ao.curve_fit(lambda t, a: a, TIMES, DATA)
    np.testing.assert_allclose(constant, [DATA.mean()])
    np.testing.assert_allclose(covariance, [[DATA.var(ddof=1) / DATA.size]], rtol=1e-6)


def test_curve_fit_bad_models():
    with pytest.raises(ValueError, match=r"returned shape \(5,\) at evaluation 1, the data have shape \(25,\)"):
        ao.curve_fit(lambda t, a: a * t[:5], TIMES, DATA)
    with (
        np.errstate(divide="ignore"),
        pytest.raises(FloatingPointError, match="is -inf for data point 0, at evaluation 1"),
    ):
        ao.curve_fit(lambda t, a: a * np.log(t), TIMES, DATA)
    with pytest.raises(TypeError, match="the model must be a function, not 3"):
        ao.curve_fit(3, TIMES, DATA)
    holes = DATA.copy()
    holes[3] = np.nan
    found, _ = ao.curve_fit(model, TIMES, holes, nan_policy="omit", check_finite=False)
    np.testing.assert_allclose(found, so.curve_fit(model, TIMES, DATA)[0], rtol=0.1)


# ------------------------------------------------------------------------------------------------ roots
def equations(x, shift=0.0):
    return [x[0] ** 2 + x[1] - 3.0 - shift, x[0] - x[1] * x[2] + 1.0, np.exp(x[2] - 1.0) - x[0]]


@pytest.mark.parametrize("method", ["hybr", "lm", "krylov", "broyden1", "df-sane"])
def test_root(method):
    near = np.array([1.02, 1.98, 1.02])
    found = ao.root(equations, near, method=method, verify=True)
    assert found.success
    np.testing.assert_allclose(found.x, [1.0, 2.0, 1.0], atol=1e-5)
    assert (found.evaluations.derivatives > 0) == (method in ("hybr", "lm"))
    assert (found.evaluations.products > 0) == (method == "krylov")
    shifted = ao.root(equations, near, args=(0.01,), method=method)
    np.testing.assert_allclose(equations(shifted.x, 0.01), 0, atol=1e-5)


@pytest.mark.parametrize("inner", ["lgmres", "gmres", "bicgstab"])
def test_exact_products_of_newton_krylov(inner):
    """A boundary value problem of 60 unknowns: no more residuals are computed than there are points."""
    n = 60

    def f(u):
        padded = np.concatenate([np.zeros(1), u, np.ones(1)])
        return (padded[2:] - 2 * u + padded[:-2]) * (n + 1) ** 2 - 5 * u**3 * np.cosh(u)

    options = {"fatol": 1e-6, "jac_options": {"method": inner}}
    theirs = so.root(f, np.linspace(0, 1, n), method="krylov", options=options)
    ours = ao.root(f, np.linspace(0, 1, n), method="krylov", options=options)
    assert ours.success
    np.testing.assert_allclose(ours.x, theirs.x, atol=1e-6)
    assert ours.nfev < theirs.nfev / 3
    preconditioner = np.linalg.inv(ad.jacobian(f)(ours.x))
    options["jac_options"]["inner_M"] = preconditioner
    fast = ao.root(f, np.linspace(0, 1, n), method="krylov", options=options)
    assert fast.success
    assert fast.evaluations.products < ours.evaluations.products
    with pytest.raises(ValueError, match="inner method must be one of"):
        ao.root(f, np.zeros(n), method="krylov", options={"jac_options": {"method": "cg!"}})


def test_root_of_containers():
    found = ao.root(
        lambda p: [p["x"] ** 2 + p["y"][0] - 3.0, p["x"] - p["y"][1] + 1.0, p["y"][0] - p["y"][1]],
        {"x": 1.2, "y": np.ones(2)},
    )  # fmt: skip
    np.testing.assert_allclose(found.x["x"] + 1.0, found.x["y"][0])
    own = ao.root(lambda x: x**2 - 2, np.ones(1), jac=lambda x: np.diag(2 * x))
    np.testing.assert_allclose(own.x, np.sqrt(2))
    both = ao.root(ad.value_and_jacobian(lambda x: x**2 - 2), np.ones(1), jac=True)
    np.testing.assert_allclose(both.x, np.sqrt(2))
    seen = []
    ao.root(equations, [1.02, 1.98, 1.02], method="krylov", callback=lambda x, f: seen.append(x))
    assert seen[0].shape == (3,)
    with pytest.raises(ValueError, match="returned 2 values for 3 parameters"):
        ao.root(lambda x: x[:2], np.ones(3))
    with np.errstate(invalid="ignore"), pytest.raises(FloatingPointError, match="nan in row 0 at evaluation"):
        ao.root(lambda x: np.log(x) + 5, np.array([30.0]))


def test_root_scalar():
    def f(x, c=2.0):
        return x**3 - c

    for options in (
        {"x0": 1.0},
        {"x0": 1},
        {"x0": 1.0, "method": "halley"},
        {"bracket": [0, 3]},
        {"x0": 1.0, "x1": 2.0},
    ):
        found = ao.root_scalar(f, args=(5.0,), **options)
        assert found.converged
        assert abs(found.root - np.cbrt(5.0)) < 1e-8
    assert ao.root_scalar(f, x0=1.0, verify=True).method == "newton"
    assert ao.root_scalar(f, x0=1.0, method="halley").iterations < ao.root_scalar(f, x0=1.0).iterations
    own = ao.root_scalar(f, x0=1.0, fprime=lambda x, c: 3 * x**2, args=(5.0,))
    assert abs(own.root - np.cbrt(5.0)) < 1e-10
    both = ao.root_scalar(ad.derivatives(f), x0=1.0, fprime=True, args=(5.0,))
    assert abs(both.root - np.cbrt(5.0)) < 1e-10
    with pytest.raises(ValueError, match="give a bracket or x0"):
        ao.root_scalar(f)
    with pytest.raises(TypeError, match=r"x0 must be a number, not an array of shape \(2,\)"):
        ao.root_scalar(f, x0=np.ones(2))
    with (
        np.errstate(invalid="ignore"),
        pytest.raises(FloatingPointError, match="value is nan at evaluation 2, for x = -"),
    ):
        ao.root_scalar(np.log, x0=5.0)


# ------------------------------------------------------------------------------------------------ progress
class Bar:
    """As much of tqdm as we use."""

    made = []  # noqa: RUF012 - the bars of one test

    def __init__(self, total=None, desc=None, unit="it", **options):
        self.total, self.desc, self.unit, self.options = total, desc, unit, options
        self.count, self.text, self.closed = 0, "", False
        self.made.append(self)

    def update(self, n=1):
        self.count += n

    def set_postfix_str(self, text, refresh=True):
        self.text = text

    def close(self):
        self.closed = True


@pytest.fixture
def bars(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=Bar))
    monkeypatch.setattr(Bar, "made", [])
    return Bar.made


def test_progress(bars):
    found = ao.minimize(valley, START, method="BFGS", progress=True)
    (bar,) = bars
    assert bar.count == found.nit
    assert bar.desc == "minimize valley"
    assert bar.text.startswith("value ")
    assert bar.closed
    with ao.progress(total=7) as shown:
        so.minimize(ad.value_and_grad(valley), START, jac=True, method="L-BFGS-B", callback=shown)
        so.minimize(ad.value_and_grad(valley), START, jac=True, method="TNC", callback=shown)
    assert bars[1].closed
    assert bars[1].total == 7
    ao.minimize(valley, START, method="TNC", callback=ao.progress())
    assert bars[2].count > 0
    if "callback" in inspect.signature(so.least_squares).parameters:  # SciPy 1.16
        ao.least_squares(residuals, {"a": 1.0, "b": 1.0, "c": 1.0}, progress=True)
        assert bars[3].count > 0
        seen = []
        ao.least_squares(residuals, {"a": 1.0, "b": 1.0, "c": 1.0}, callback=seen.append)
        assert seen[0].keys() == {"a", "b", "c"}


def test_tqdm_is_optional(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    ao.minimize(valley, START)
    with pytest.raises(ImportError, match=r"pip install 'scirs-ad\[progress\]'"):
        ao.minimize(valley, START, progress=True)


def test_with_tqdm_itself():
    try:
        import tqdm  # noqa: F401
    except ImportError:
        return  # `test_progress` stands in for it
    text = io.StringIO()
    with ao.progress(desc="fit", file=text) as bar:
        ao.minimize(valley, START, callback=bar)
    assert "fit" in text.getvalue()
    assert "value" in text.getvalue()
