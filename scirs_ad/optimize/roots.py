"""`scipy.optimize.root` and `root_scalar` with the derivatives filled in."""

import inspect

import numpy as np
import scipy.optimize
from scipy.sparse.linalg import LinearOperator, bicgstab, cgs, gmres, lgmres, minres, tfqmr

from scirs_ad._core.core import as_array, dtype_of, shape_of
from scirs_ad._transforms.common import name_of, pack
from scirs_ad._transforms.derived import derivatives
from scirs_ad.optimize.evaluate import VectorFunction
from scirs_ad.optimize.minimize import check, method_key
from scirs_ad.optimize.parameters import Parameters
from scirs_ad.optimize.statistics import Result
from scirs_ad.testing import check_grads

__all__ = ["root", "root_scalar"]

USE_JACOBIAN = {"hybr", "lm"}
USE_PRODUCTS = {"krylov"}
METHODS = USE_JACOBIAN | USE_PRODUCTS | {
    "broyden1", "broyden2", "anderson", "linearmixing", "diagbroyden", "excitingmixing", "df-sane",
}  # fmt: skip
SOLVERS = {"lgmres": lgmres, "gmres": gmres, "bicgstab": bicgstab, "cgs": cgs, "minres": minres, "tfqmr": tfqmr}
SCALAR_METHODS = {"bisect", "ridder", "brentq", "brenth", "toms748", "newton", "secant", "halley"}


def root(fun, x0, args=(), method="hybr", jac=None, tol=None, callback=None, options=None, *, verify=False):
    """Solve a system of equations: `scipy.optimize.root` with exact derivatives.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)`` returns as many numbers as there are parameters: an array, or a list of numbers.
    x0 : array_like or container of arrays
        Where to start; see `minimize`.
    args : tuple
        Further arguments of `fun`.
    method : str
        As in SciPy. "hybr" and "lm" use the Jacobian. "krylov" uses products with it, exact ones and not the
        finite differences that SciPy would take; it needs no matrix and suits large systems.
    jac : callable or bool, optional
        As in SciPy, for a Jacobian of one's own.
    tol, callback, options
        As in SciPy; the callback gets `x` in the structure of `x0`.
    verify : bool
        Compare the Jacobian with finite differences first, at `x0`.

    Returns
    -------
    Result
        SciPy's `OptimizeResult`, `x` in the structure of `x0`, and `evaluations`.

    Raises
    ------
    FloatingPointError
        If a value is not finite; it names the evaluation and the parameters.
    ValueError
        For an unknown method, or if the number of equations is not that of the parameters.

    Notes
    -----
    Derivative: none of the result; the search uses those of `fun`. Cost: one run of `fun` gives values and Jacobian.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> found = ad.optimize.root(lambda x: [x[0] ** 2 + x[1] - 3.0, x[0] - x[1] + 1.0], [1.0, 1.0])
    >>> np.round(found.x, 8)
    array([1., 2.])
    """
    args = args if isinstance(args, tuple) else (args,)
    parameters = Parameters(x0, "root")
    key = method_key(method, METHODS, "root", "hybr")
    options = dict(options or {})
    if jac is True or callable(jac):
        both = fun
        function = VectorFunction(
            (lambda *a: both(*a)[0]) if jac is True else fun, args, {}, parameters, "function", differentiate=False
        )
        own = (lambda *a: both(*a)[1]) if jac is True else jac
        jac = lambda x: own(parameters.unravel(x), *args)  # noqa: E731 - a closure over what was asked
    else:
        exact = jac is None
        function = VectorFunction(fun, args, {}, parameters, "function", differentiate=exact and key in USE_JACOBIAN)
        jac = function.jacobian if exact and key in USE_JACOBIAN else None
        if exact and key in USE_PRODUCTS:
            options["jac_options"] = _exact_products(function, options.get("jac_options"))
    start = parameters.start.copy()
    found = function.value(start)
    if found.size != parameters.size:
        raise ValueError(f"{function.label} returned {found.size} values for {parameters.size} parameters")
    if verify:
        check(function, [], parameters, 1)
    if callback is not None:
        of_container = callback
        callback = lambda x, f: of_container(parameters.unravel(x), f)  # noqa: E731
    found = scipy.optimize.root(
        function.value, start, method=method, jac=jac, tol=tol, callback=callback, options=options
    )
    result = Result.of(found, parameters)
    result["evaluations"] = function.count
    return result


class _Krylov:
    """Exact products with the Jacobian, in the place of SciPy's differences.

    SciPy's Newton-Krylov tells its preconditioner where it is, and lets the inner solver be any function: this object is
    both, and hands the user's own on.
    """

    def __init__(self, function, solver, preconditioner, outer_k):
        self.function, self.solver, self.preconditioner, self.outer_k = function, solver, preconditioner, outer_k
        self.__signature__ = inspect.signature(solver)  # by which SciPy checks the names of options
        self.x = None
        self.kept = []  # directions of earlier steps, which LGMRES augments its space by

    def setup(self, x, f, func):
        self.x = np.array(x)
        if hasattr(self.preconditioner, "setup"):
            self.preconditioner.setup(x, f, func)

    def update(self, x, f):
        self.x = np.array(x)
        if hasattr(self.preconditioner, "update"):
            self.preconditioner.update(x, f)

    def __call__(self, op, rhs, **options):
        n, x = rhs.size, self.x
        exact = LinearOperator((n, n), matvec=lambda v: self.function.product(x, v.reshape(n)), dtype=float)
        options["M"] = self.preconditioner
        if self.solver is lgmres:  # as SciPy does: Newton's steps are the outer iterations
            options |= {"maxiter": 1, "outer_k": self.outer_k, "outer_v": self.kept, "prepend_outer_v": True,
                        "store_outer_Av": False}  # fmt: skip
        elif self.solver is gmres:
            options |= {"restart": options["maxiter"], "maxiter": 1}
        return self.solver(exact, rhs, **options)


def _exact_products(function, given):
    """SciPy's options for its Newton-Krylov, with exact products."""
    given = dict(given or {})
    given.pop("rdiff", None)
    solver = given.pop("method", "lgmres")
    if isinstance(solver, str):
        if solver not in SOLVERS:
            raise ValueError(f"root: the inner method must be one of {', '.join(SOLVERS)}, not {solver!r}")
        solver = SOLVERS[solver]
    krylov = _Krylov(function, solver, given.pop("inner_M", None), given.pop("outer_k", 10))
    return given | {"method": krylov, "inner_M": krylov}


def root_scalar(
    f,
    args=(),
    method=None,
    bracket=None,
    fprime=None,
    fprime2=None,
    x0=None,
    x1=None,
    xtol=None,
    rtol=None,
    maxiter=None,
    options=None,
    *,
    verify=False,
):
    """Find a root of a function of one number: `scipy.optimize.root_scalar` with exact derivatives.

    Parameters
    ----------
    f : callable
        ``f(x, *args)`` returns a number.
    args : tuple
        Further arguments of `f`.
    method : str, optional
        As in SciPy; "newton" uses the first derivative, "halley" also the second. From `x0` alone it is "newton".
    bracket, x0, x1, xtol, rtol, maxiter, options
        As in SciPy.
    fprime, fprime2 : bool or callable, optional
        As in SciPy, for derivatives of one's own.
    verify : bool
        Compare the derivatives that will be used with finite differences first, at `x0`.

    Returns
    -------
    RootResults
        As in SciPy.

    Raises
    ------
    FloatingPointError
        If a value or a derivative that is used is NaN; it names the evaluation and the argument.
    ValueError
        For an unknown method, or without a starting point.

    Notes
    -----
    Derivative: none of the result; the search uses those of `f`. Value and derivatives come from one run of `f`.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> found = ad.optimize.root_scalar(lambda x: x**3 - 2.0, x0=1.0, method="halley")
    >>> bool(abs(found.root - 2 ** (1 / 3)) < 1e-15), found.iterations < 6
    (True, True)
    """
    args = args if isinstance(args, tuple) else (args,)
    if method is None:
        if bracket is None and x0 is None:
            raise ValueError("root_scalar: give a bracket or x0")
        key = "brentq" if bracket is not None else "secant" if x1 is not None and not fprime else "newton"
        if key == "newton" and fprime2:
            key = "halley"
    else:
        key = method_key(method, SCALAR_METHODS, "root_scalar", "newton")
    given = bool(fprime) or bool(fprime2)
    order = 0 if given else {"newton": 1, "halley": 2}.get(key, 0)
    if order:
        fprime, fprime2 = True, order > 1
    x0 = None if x0 is None else _number(x0)
    if verify and x0 is not None:
        check_grads(lambda x: f(x, *args), (x0,), order=max(order, 1))
    with_derivatives = given and (fprime is True or fprime2 is True)  # f itself returns them
    return scipy.optimize.root_scalar(
        f if with_derivatives else _Scalar(f, order), args=args, method=key, bracket=bracket, fprime=fprime,
        fprime2=fprime2, x0=x0, x1=x1, xtol=xtol, rtol=rtol, maxiter=maxiter, options=options,
    )  # fmt: skip


def _number(x0):
    x = as_array(x0)
    if shape_of(x) not in ((), (1,)) or dtype_of(x).kind not in "iufc":
        raise TypeError(
            f"root_scalar: x0 must be a number, not an array of shape {shape_of(x)} and dtype {dtype_of(x)}"
        )
    x = np.asarray(x).reshape(())[()]
    return complex(x) if dtype_of(as_array(x)).kind == "c" else float(x)


class _Scalar:
    """A function of a number, with as many derivatives as the solver takes; the count, and messages."""

    def __init__(self, f, order):
        self.f, self.order, self.calls = f, order, 0
        self.raised = derivatives(f, order)

    def __call__(self, x, *args):
        self.calls += 1
        try:
            found = self.raised(x, *args) if self.order else (self.f(x, *args),)
            found = tuple(pack(y) if not isinstance(y, (float, complex, np.inexact)) else y for y in found)
        except Exception as error:
            error.add_note(f"root_scalar of {name_of(self.f)}, evaluation {self.calls}, at {x}")
            raise
        for k, y in enumerate(found):
            if np.size(y) != 1:
                raise TypeError(
                    f"root_scalar of {name_of(self.f)}: it returned an array of shape {np.shape(y)} at evaluation "
                    f"{self.calls}; a number is needed"
                )
            if np.isnan(y).any():
                what = ("value", "first derivative", "second derivative")[k]
                raise FloatingPointError(
                    f"root_scalar of {name_of(self.f)}: the {what} is nan at evaluation {self.calls}, for x = {x}"
                )
        found = tuple(np.reshape(y, ())[()] for y in found)
        return found if self.order else found[0]
