"""`scipy.optimize.minimize` with the derivatives filled in."""

import difflib
import inspect

import numpy as np
import scipy.optimize
from scipy.optimize import HessianUpdateStrategy, OptimizeResult

from scirs_ad._transforms.common import name_of
from scirs_ad.optimize.constraints import flat_constraints
from scirs_ad.optimize.evaluate import Objective
from scirs_ad.optimize.parameters import Parameters, flat_bounds
from scirs_ad.optimize.progress import progress as progress_bar
from scirs_ad.optimize.statistics import Result
from scirs_ad.testing import check_grads

__all__ = ["minimize"]

# The derivatives that each method of SciPy uses; "products" are those with the Hessian.
USES = {
    "nelder-mead": (), "powell": (), "cobyla": (), "cobyqa": (),
    "cg": ("gradient",), "bfgs": ("gradient",), "l-bfgs-b": ("gradient",), "tnc": ("gradient",), "slsqp": ("gradient",),
    "newton-cg": ("gradient", "products"), "trust-ncg": ("gradient", "products"), "trust-krylov": ("gradient", "products"),
    "trust-constr": ("gradient", "products"), "dogleg": ("gradient", "hessian"), "trust-exact": ("gradient", "hessian"),
    "_custom": ("gradient", "products"),
}  # fmt: skip

# Products with the Hessian, from a gradient that is linearised once a point, are faster than a Hessian at any size
# (measured from 5 to 200 parameters), but for trust-constr, which takes about ten a step: there up to this size
# (asv_benchmarks, workloads.SecondOrder).
DENSE = 60


def minimize(
    fun,
    x0,
    args=(),
    method=None,
    jac=None,
    hess=None,
    hessp=None,
    bounds=None,
    constraints=(),
    tol=None,
    callback=None,
    options=None,
    *,
    verify=False,
    progress=False,
    on_nan="raise",
):
    """Minimise a scalar function: `scipy.optimize.minimize` with exact derivatives, of whatever holds the parameters.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)`` returns a real scalar, written in plain NumPy; `x` has the structure of `x0`.
    x0 : array_like or container of arrays
        Where to start: an array of any number of dimensions, or a dictionary, tuple, list, dataclass, ... of arrays.
        A list or tuple of numbers is an array, as in SciPy. Integers in an array become floats.
    args : tuple
        Further arguments of `fun` and its derivatives.
    method : str or callable, optional
        As in SciPy; SciPy also chooses it.
    jac, hess, hessp : callable, str, bool or HessianUpdateStrategy, optional
        As in SciPy, for derivatives of one's own; those that are not given and that the method uses are exact ones. With
        parameters in a container, `jac` returns such a container and `hess` the matrix of the vector.
    bounds : optional
        As in SciPy for a one-dimensional array. Else in the structure of `x0`: for each array a pair
        ``(lower, upper)`` of numbers or arrays, a `Bounds`, or None; a dictionary may leave out keys.
    constraints : optional
        As in SciPy: `NonlinearConstraint`, dictionaries (their functions take what `fun` takes), `LinearConstraint`
        (of the vector of parameters), or `scirs_ad.optimize.constraint`. Where SciPy would take finite differences and
        BFGS updates because nothing was given, derivatives are exact.
    tol, callback, options
        As in SciPy; what the callback gets has the structure of `x0`.
    verify : bool
        Compare the derivatives that will be used with finite differences first, at `x0`.
    progress : bool
        Show a tqdm progress bar.
    on_nan : {"raise", "inf"}
        What a value that is not a number does: end the search with an error that names the parameters, or count as
        infinite, for methods that then step back (trust regions, Nelder-Mead, SLSQP).

    Returns
    -------
    Result
        SciPy's `OptimizeResult`; `x` and `jac` have the structure of `x0`. Also `evaluations` (how often what was
        computed), `covariance` and `standard_errors` (see `covariance`), computed when asked for.

    Raises
    ------
    FloatingPointError
        If the value is NaN, or a derivative at a finite value is not finite; it names the evaluation and the
        parameters.
    TypeError
        If the value is not a real scalar, or a parameter cannot vary (an integer in a container, a string).
    ValueError
        For an unknown method, and for bounds that do not fit the structure.
    AssertionError
        With `verify`, if a derivative is wrong.

    Notes
    -----
    Derivative: none of the result by the data; the search uses those of `fun`. Value and gradient come from one run
    of `fun`, and what is known of the last points is not computed again. Everything is searched in float64; float32
    start values become float64, since searches stall in float32. Complex parameters are searched as their real and
    imaginary parts.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> def f(p):
    ...     return (p["a"] - 1.0) ** 2 + np.sum((p["w"] - p["a"]) ** 2)
    >>> found = ad.optimize.minimize(f, {"a": 0.0, "w": np.zeros(2)}, bounds={"a": (None, 0.5)})
    >>> np.round(found.x["w"], 6)
    array([0.5, 0.5])
    """
    args = args if isinstance(args, tuple) else (args,)
    parameters = Parameters(x0, "minimize")
    bounds = flat_bounds(bounds, parameters)
    key = method_key(
        method, USES, "minimize", "SLSQP" if _any(constraints) else "BFGS" if bounds is None else "L-BFGS-B"
    )
    flat, functions = flat_constraints(constraints, parameters, key)
    objective, derivatives = _derivatives(fun, args, parameters, key, jac, hess, hessp, on_nan)
    if verify:
        check(objective, functions, parameters, 2 if "hess" in derivatives or "hessp" in derivatives else 1)
    bar = progress_bar(desc=f"minimize {name_of(fun)}") if progress else None
    try:
        found = scipy.optimize.minimize(
            objective.value, parameters.start.copy(), method=method, bounds=bounds, constraints=flat, tol=tol,
            callback=_callback(callback, bar, parameters, objective, key), options=options, **derivatives
        )  # fmt: skip
    finally:
        if bar is not None:
            bar.close()
    result = Result.of(found, parameters, objective)
    result["evaluations"] = objective.count
    if functions:
        result["constraint_evaluations"] = [function.count for function in functions]
    return result


def method_key(method, known, what, default):
    """The name of a method as SciPy compares it; ValueError for an unknown one."""
    if callable(method):
        if "_custom" in known:
            return "_custom"
        raise TypeError(f"{what}: method must be a str, not {method!r}")
    if method is None:
        return default.lower()
    if not isinstance(method, str):
        raise TypeError(f"{what}: method must be a str{' or a function' if '_custom' in known else ''}, not {method!r}")
    if method.lower() in known and method != "_custom":
        return method.lower()
    names = sorted(name for name in known if name != "_custom")
    close = difflib.get_close_matches(method.lower(), names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"{what}: unknown method {method!r}{hint} Known are {', '.join(names)}")


def _any(constraints):
    return bool(constraints) if isinstance(constraints, (list, tuple, dict)) else constraints is not None


def _derivatives(fun, args, parameters, key, jac, hess, hessp, on_nan):
    """The objective, and the keywords with derivatives for SciPy: the user's own, else exact ones that are used."""
    uses = USES[key]
    if jac is True:  # fun returns value and gradient
        both = fun
        fun = _First(both)
        jac = _Second(both)
    own = jac if callable(jac) else None
    exact = jac is None and "gradient" in uses
    objective = Objective(fun, args, parameters, differentiate=exact, gradient=own, on_nan=on_nan)
    found = {}
    if exact or own is not None:
        found["jac"] = objective.gradient
    elif jac is not None:
        found["jac"] = jac
    if hess is not None:
        own_hess = callable(hess) and not isinstance(hess, HessianUpdateStrategy)
        found["hess"] = (lambda x: hess(parameters.unravel(x), *args)) if own_hess else hess
    if hessp is not None:
        found["hessp"] = lambda x, p: parameters.ravel(
            hessp(parameters.unravel(x), parameters.unravel(p), *args), "the product of the Hessian"
        )
    if hess is None and hessp is None:
        if "hessian" in uses or (key == "trust-constr" and parameters.size <= DENSE):
            found["hess"] = objective.hessian
        elif "products" in uses:
            found["hessp"] = objective.hessp
    return objective, found


class _First:
    """The value of a function that returns value and gradient."""

    def __init__(self, both):
        self.both, self.__name__ = both, name_of(both)

    def __call__(self, *args):
        return self.both(*args)[0]


class _Second(_First):
    """The gradient of a function that returns value and gradient."""

    def __call__(self, *args):
        return self.both(*args)[1]


def check(objective, functions, parameters, order):
    """`verify`: the derivatives at the start, beside finite differences."""
    start = parameters.start.copy()
    check_grads(_named(objective.flat, objective), (start,), order=order)
    for function in functions:
        if function.differentiate:
            check_grads(_named(function.packed, function), (start,), order=order)


def _named(flat, function):
    def checked(v):
        return flat(v)

    checked.__name__ = f"the {function.role} {name_of(function.f)}"
    return checked


def _callback(callback, bar, parameters, objective, key):
    """SciPy's callback of the vector, from one of the container and a progress bar."""
    if callback is None and bar is None:
        return None
    if callback is not None and not callable(callback):
        raise TypeError(f"minimize: callback must be a function, not {callback!r}")
    whole = isinstance(callback, progress_bar) or (callback is not None and _wants_result(callback))

    def called(intermediate_result):
        if isinstance(intermediate_result, OptimizeResult):
            state = OptimizeResult(intermediate_result)
        else:  # TNC, COBYLA and COBYQA hand over the vector
            state = OptimizeResult(x=np.array(intermediate_result), fun=objective.last)
        if bar is not None:
            bar.step(state.get("fun", objective.last))
        if callback is None:
            return None
        state["x"] = parameters.unravel(state["x"].copy())
        if whole:
            return callback(intermediate_result=state)
        return callback(state["x"], state) if key == "trust-constr" else callback(state["x"])

    return called


def _wants_result(callback):
    """SciPy's rule: a callback with the one argument `intermediate_result` gets an OptimizeResult."""
    try:
        return set(inspect.signature(callback).parameters) == {"intermediate_result"}
    except (TypeError, ValueError):  # of a C function nothing is known
        return False
