"""Constraints with exact derivatives, for SciPy's solvers and for ours."""

import numpy as np
from scipy.optimize import BFGS, LinearConstraint, NonlinearConstraint

from scirs_ad._transforms.derived import jacobian, weighted_hessian
from scirs_ad.optimize.evaluate import VectorFunction

__all__ = ["constraint", "flat_constraints"]

USE_HESSIAN = {"trust-constr", "_custom"}
USE_JACOBIAN = {"slsqp", "trust-constr", "_custom"}


class constraint(NonlinearConstraint):
    """A constraint ``lb <= c(x) <= ub`` with its exact Jacobian and Hessian.

    Parameters
    ----------
    c : callable
        ``c(x)`` returns a number, an array, or a list of numbers.
    lb, ub : array_like
        The limits; equal ones for equations, infinite ones for one-sided constraints.
    keep_feasible : bool or array_like of bool
        Whether all iterates have to satisfy it.

    Returns
    -------
    NonlinearConstraint
        For `scipy.optimize.minimize` as well as for `scirs_ad.optimize.minimize`, which also fills in the derivatives
        of a plain `NonlinearConstraint`.

    Raises
    ------
    TypeError
        If `c` is not a function.

    Notes
    -----
    Of the methods of SciPy, trust-constr uses the Hessian and SLSQP the Jacobian; to the latter a constraint can be
    given in this form only through `scirs_ad.optimize.minimize`, since SciPy warns of a Hessian that is not used.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> disc = ad.optimize.constraint(lambda x: x[0] ** 2 + x[1] ** 2, -np.inf, 1.0)
    >>> found = ad.optimize.minimize(lambda x: x[0] + x[1], np.zeros(2), constraints=disc, method="trust-constr")
    >>> np.round(found.x, 2)
    array([-0.71, -0.71])
    """

    def __init__(self, c, lb=-np.inf, ub=np.inf, keep_feasible=False):
        if not callable(c):
            raise TypeError(f"constraint: the first argument must be a function, not {c!r}")
        super().__init__(c, lb, ub, jac=jacobian(c), hess=weighted_hessian(c), keep_feasible=keep_feasible)


def flat_constraints(constraints, parameters, method):
    """Constraints of the container as constraints of the vector, with the derivatives that a method uses.

    Returns
    -------
    list, list of VectorFunction
        SciPy's constraints, and what computes them.
    """
    if constraints is None:
        return [], []
    if isinstance(constraints, (NonlinearConstraint, LinearConstraint, dict)):
        constraints = [constraints]
    try:
        constraints = list(constraints)
    except TypeError:
        raise TypeError(f"{parameters.what}: constraints must be one or a list of them, not {constraints!r}") from None
    flat, functions = [], []
    for c in constraints:
        if isinstance(c, LinearConstraint):
            flat.append(c)
            continue
        if isinstance(c, dict):
            made, function = _of_dict(c, parameters, method)
        elif isinstance(c, NonlinearConstraint):
            made, function = _nonlinear(c, parameters, method)
        else:
            raise TypeError(
                f"{parameters.what}: a constraint must be a NonlinearConstraint, a LinearConstraint or a dictionary, "
                f"not {type(c).__name__}; scirs_ad.optimize.constraint(c, lb, ub) makes one of a function"
            )
        flat.append(made)
        functions.append(function)
    return flat, functions


def _of_dict(c, parameters, method):
    if c.get("type") not in ("eq", "ineq") or "fun" not in c:
        raise ValueError(
            f"{parameters.what}: a constraint as a dictionary needs type='eq' or 'ineq' and fun; it is {c}"
        )
    args = c.get("args", ())
    args = args if isinstance(args, tuple) else (args,)
    given = c.get("jac")
    function = VectorFunction(
        c["fun"], args, {}, parameters, "constraint", differentiate=given is None and method in USE_JACOBIAN
    )
    made = {"type": c["type"], "fun": function.value}
    if given is None and method in USE_JACOBIAN:
        made["jac"] = function.jacobian
    elif callable(given):
        made["jac"] = lambda x: given(parameters.unravel(x), *args)
    elif given is not None:
        made["jac"] = given
    return made, function


def _nonlinear(c, parameters, method):
    exact = isinstance(c, constraint)
    given = None if exact or c.jac == "2-point" else c.jac  # SciPy's default, which means that none was given
    function = VectorFunction(
        c.fun, (), {}, parameters, "constraint", differentiate=given is None and method in USE_JACOBIAN
    )
    options = {"keep_feasible": c.keep_feasible}
    if given is not None:
        options["jac"] = (lambda x: given(parameters.unravel(x))) if callable(given) else given
        options["finite_diff_rel_step"] = c.finite_diff_rel_step
        options["finite_diff_jac_sparsity"] = c.finite_diff_jac_sparsity
    elif method in USE_JACOBIAN:
        options["jac"] = function.jacobian
    if method in USE_HESSIAN:
        if exact or type(c.hess) is BFGS:  # SciPy's default
            options["hess"] = function.hessian
        else:
            hess = c.hess
            options["hess"] = (lambda x, v: hess(parameters.unravel(x), v)) if callable(hess) else hess
    return NonlinearConstraint(function.value, c.lb, c.ub, **options), function
