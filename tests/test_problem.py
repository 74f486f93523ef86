"""`scirs_ad.optimize.problem` in cyipopt, nlopt and optimagic; where they are missing, in what calls as they call."""

import numpy as np
import pytest
from scipy import optimize as so

import scirs_ad as ad
from scirs_ad import optimize as ao
from scirs_ad.testing import finite_difference


# Hock and Schittkowski 71, the example of IPOPT and its interfaces, with its published solution.
def objective(x):
    return x[0] * x[3] * np.sum(x[:3]) + x[2]


CONSTRAINTS = [ao.constraint(np.prod, 25.0), ao.constraint(lambda x: np.sum(x**2), 40.0, 40.0)]
START = np.array([1.0, 5.0, 5.0, 1.0])
BOUNDS = [(1.0, 5.0)] * 4
SOLUTION = np.array([1.0, 4.74299963, 3.82114998, 1.37940829])


@pytest.fixture
def hs71():
    return ao.problem(objective, START, bounds=BOUNDS, constraints=CONSTRAINTS)


def dense(values, structure, shape):
    out = np.zeros(shape)
    out[structure] = values
    return out


def test_members(hs71):
    p, x = hs71, START + 0.1
    assert (p.n, p.m) == (4, 2)
    np.testing.assert_array_equal([p.cl, p.cu], [[25, 40], [np.inf, 40]])
    np.testing.assert_array_equal([p.lb, p.ub], [[1] * 4, [5] * 4])
    assert p.objective(x) == objective(x)
    np.testing.assert_allclose(p.gradient(x), finite_difference(objective, x), rtol=1e-7)
    np.testing.assert_allclose(p.constraints(x), [np.prod(x), np.sum(x**2)])
    j = dense(p.jacobian(x), p.jacobianstructure(), (2, 4))
    np.testing.assert_allclose(j, finite_difference(p.constraints, x), rtol=1e-7)
    lagrange = np.array([0.3, -2.0])

    def gradient(y):
        return 0.5 * p.gradient(y) + lagrange @ p.jacobian(y).reshape(2, 4)

    h = dense(p.hessian(x, lagrange, 0.5), p.hessianstructure(), (4, 4))
    np.testing.assert_allclose(h, np.tril(finite_difference(gradient, x)), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(p.hess(x) @ x, p.hessp(x, x))
    assert p.evaluations.values < 40


def newton_lagrange(n, m, problem_obj, lb, ub, cl, cu):
    """What IPOPT would do with the members of a problem: Newton's method for the conditions of optimality.

    All equations, no bounds; called as cyipopt calls: the structures once, then values for them.
    """
    rows, columns = problem_obj.jacobianstructure()
    lower = problem_obj.hessianstructure()
    x, multipliers = problem_obj.x0.copy(), np.zeros(m)
    for _ in range(50):
        j = dense(problem_obj.jacobian(x), (rows, columns), (m, n))
        h = dense(problem_obj.hessian(x, multipliers, 1.0), lower, (n, n))
        h = h + np.tril(h, -1).T
        kkt = np.block([[h, j.T], [j, np.zeros((m, m))]])
        rest = np.concatenate([problem_obj.gradient(x) + multipliers @ j, problem_obj.constraints(x) - cl])
        step = np.linalg.solve(kkt, -rest)
        x, multipliers = x + step[:n], multipliers + step[n:]
        if np.max(np.abs(step)) < 1e-12:
            return x
    raise AssertionError("no convergence")


def test_as_ipopt_calls():
    p = ao.problem(objective, SOLUTION + 0.1, constraints=[
        ao.constraint(np.prod, 25.0, 25.0), CONSTRAINTS[1], so.LinearConstraint([[1.0, 0, 0, 0]], 1.0, 1.0),
    ])  # fmt: skip
    np.testing.assert_allclose(newton_lagrange(p.n, p.m, p, p.lb, p.ub, p.cl, p.cu), SOLUTION, atol=1e-7)


def test_cyipopt(hs71):
    try:
        import cyipopt
    except ImportError:
        return  # `test_as_ipopt_calls` stands in for it
    nlp = cyipopt.Problem(hs71.n, hs71.m, hs71, hs71.lb, hs71.ub, hs71.cl, hs71.cu)
    nlp.add_option("print_level", 0)
    nlp.add_option("sb", "yes")
    nlp.add_option("tol", 1e-10)
    x, info = nlp.solve(hs71.x0)
    assert info["status"] == 0
    np.testing.assert_allclose(x, SOLUTION, atol=1e-6)
    assert hs71.evaluations.hessians > 0


def test_as_nlopt_calls(hs71):
    """SLSQP of SciPy, by functions of nlopt's arguments."""
    p = hs71
    assert (p.n_equality, p.n_inequality) == (1, 1)

    def both(call, length):
        def run(x):
            result, grad = np.empty(length), np.empty((length, p.n))
            call(result, x, grad)
            return result, grad

        return run

    equal, below = both(p.nlopt_equality, 1), both(p.nlopt_inequality, 1)
    grad = np.empty(p.n)
    found = so.minimize(
        lambda x: (p.nlopt(x, grad), grad.copy()), p.x0, jac=True, method="SLSQP", bounds=BOUNDS, constraints=[
            {"type": "eq", "fun": lambda x: equal(x)[0], "jac": lambda x: equal(x)[1]},
            {"type": "ineq", "fun": lambda x: -below(x)[0], "jac": lambda x: -below(x)[1]},
        ], tol=1e-12,
    )  # fmt: skip
    np.testing.assert_allclose(found.x, SOLUTION, atol=1e-6)
    assert p.nlopt(START, np.empty(0)) == objective(START)
    p.nlopt_equality(result := np.empty(1), START, np.empty(0))
    np.testing.assert_allclose(result, 12.0)


def test_two_sided_limits():
    p = ao.problem(np.sum, np.ones(2), constraints=ao.constraint(lambda x: x**2, [0.0, -np.inf], [2.0, 3.0]))
    assert (p.n_equality, p.n_inequality) == (0, 3)
    p.nlopt_inequality(result := np.empty(3), np.ones(2), grad := np.empty((3, 2)))
    np.testing.assert_array_equal(result, [-1, -2, -1])
    np.testing.assert_array_equal(grad, [[2, 0], [0, 2], [-2, 0]])


def test_nlopt(hs71):
    try:
        import nlopt
    except ImportError:
        return  # `test_as_nlopt_calls` stands in for it
    opt = nlopt.opt(nlopt.LD_SLSQP, hs71.n)
    opt.set_min_objective(hs71.nlopt)
    opt.set_lower_bounds(hs71.lb)
    opt.set_upper_bounds(hs71.ub)
    opt.add_equality_mconstraint(hs71.nlopt_equality, np.full(hs71.n_equality, 1e-9))
    opt.add_inequality_mconstraint(hs71.nlopt_inequality, np.full(hs71.n_inequality, 1e-9))
    opt.set_xtol_rel(1e-10)
    np.testing.assert_allclose(opt.optimize(hs71.x0), SOLUTION, atol=1e-5)


def tree_objective(p):
    return np.sum((p["w"] - np.arange(3.0)) ** 2) + (p["a"] - p["w"][0]) ** 2


TREE = {"a": 2.0, "w": np.ones(3)}


def test_as_optimagic_calls():
    """Functions of the container; the derivative has its structure."""
    p = ao.problem(tree_objective, TREE)
    value, gradient = p.fun_and_jac(TREE)
    assert value == p.fun(TREE) == tree_objective(TREE)
    expected = ad.grad(tree_objective)(TREE)
    for found in (gradient, p.jac(TREE)):
        assert found["a"] == expected["a"]
        np.testing.assert_array_equal(found["w"], expected["w"])
    assert p.evaluations.values == 1
    found = so.minimize(p.objective, p.x0, jac=p.gradient, hess=p.hess, method="trust-exact")
    np.testing.assert_allclose(p.unravel(found.x)["w"], np.arange(3.0), atol=1e-6)
    with pytest.raises(ValueError, match=r"params is \{'a': \*\}, the parameters are \{'a': \*, 'w': \*\}"):
        p.fun({"a": 1.0})


def test_optimagic():
    try:
        import optimagic
    except ImportError:
        return  # `test_as_optimagic_calls` stands in for it
    p = ao.problem(tree_objective, TREE)
    found = optimagic.minimize(
        fun=p.fun, params=TREE, algorithm="scipy_lbfgsb", jac=p.jac, fun_and_jac=p.fun_and_jac
    )  # fmt: skip
    np.testing.assert_allclose(found.params["w"], np.arange(3.0), atol=1e-5)


def test_bad_problems():
    with pytest.raises(ValueError, match=r"bounds must be a Bounds or 4 pairs"):
        ao.problem(objective, START, bounds=[(0, 1)])
    with pytest.raises(TypeError, match=r"not \w+; scirs_ad\.optimize\.constraint\(c, lb, ub\) makes one"):
        ao.problem(objective, START, constraints=[np.sum])
    with pytest.raises(ValueError, match=r"limits of the shapes \(3,\) and \(\) for 4 constraints"):
        ao.problem(objective, START, constraints=ao.constraint(lambda x: x, np.zeros(3)))
    with pytest.raises(ValueError, match="LinearConstraint has 3 columns for 4 parameters"):
        ao.problem(objective, START, constraints=so.LinearConstraint(np.eye(3)))
    p = ao.problem(lambda x: np.sum(np.log(x)), np.ones(2))
    with np.errstate(invalid="ignore"), pytest.raises(FloatingPointError, match="evaluation 1, for the parameters"):
        p.objective(np.array([1.0, -1.0]))
