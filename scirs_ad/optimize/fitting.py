"""`scipy.optimize.least_squares` and `curve_fit` with exact Jacobians."""

import inspect

import numpy as np
import scipy.optimize
from scipy.optimize import OptimizeResult

from scirs_ad._core.core import shape_of, value_of
from scirs_ad._core.tree import LEAF
from scirs_ad._ops import shape as sh
from scirs_ad._transforms.common import name_of, pack
from scirs_ad._transforms.derived import jacobian
from scirs_ad.optimize.evaluate import VectorFunction
from scirs_ad.optimize.minimize import check, method_key
from scirs_ad.optimize.parameters import Parameters, flat_bounds
from scirs_ad.optimize.progress import progress as progress_bar
from scirs_ad.optimize.statistics import Result
from scirs_ad.testing import check_grads

__all__ = ["curve_fit", "least_squares"]

METHODS = {"trf", "dogbox", "lm"}
STEP_BACK = {"trf", "dogbox"}  # they shorten a step to where a residual is not finite


def least_squares(
    fun,
    x0,
    jac=None,
    bounds=(-np.inf, np.inf),
    method="trf",
    ftol=1e-8,
    xtol=1e-8,
    gtol=1e-8,
    x_scale=None,
    loss="linear",
    f_scale=1.0,
    diff_step=None,
    tr_solver=None,
    tr_options=None,
    jac_sparsity=None,
    max_nfev=None,
    verbose=0,
    args=(),
    kwargs=None,
    callback=None,
    workers=None,
    *,
    verify=False,
    progress=False,
):
    """Nonlinear least squares: `scipy.optimize.least_squares` with the exact Jacobian.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args, **kwargs)`` returns the residuals, written in plain NumPy.
    x0 : array_like or container of arrays
        Where to start; see `minimize`.
    jac : callable or str, optional
        As in SciPy, for a Jacobian of one's own (of the vector of parameters). Not given: the exact one.
    bounds : optional
        As in SciPy for a one-dimensional array; else in the structure of `x0`, see `minimize`.
    method, ftol, xtol, gtol, x_scale, loss, f_scale, diff_step, tr_solver, tr_options, jac_sparsity, max_nfev, verbose
        As in SciPy.
    args, kwargs
        Further arguments of `fun`.
    callback, workers
        As in SciPy 1.16 and later; what the callback gets has the structure of `x0`.
    verify : bool
        Compare the Jacobian with finite differences first, at `x0`.
    progress : bool
        Show a tqdm progress bar (SciPy 1.16 and later).

    Returns
    -------
    Result
        SciPy's `OptimizeResult`; `x` and `grad` have the structure of `x0`. Also `covariance`
        (``s**2 * inv(J.T @ J)``), `standard_errors` in the structure of `x0`, and `evaluations`.

    Raises
    ------
    FloatingPointError
        If residuals at the start, or a Jacobian, are not finite; with method "lm" at any point. It names the
        evaluation and the parameters. "trf" and "dogbox" step back from residuals that are not finite.
    ValueError
        If the number of residuals changes, a method is unknown or bounds do not fit the structure.

    Notes
    -----
    Derivative: none of the result; the search uses those of `fun`. One run of `fun` gives residuals and Jacobian.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> t = np.linspace(0, 2, 9)
    >>> y = 2 * np.exp(-0.7 * t) + 0.01 * np.cos(40 * t)
    >>> found = ad.optimize.least_squares(lambda p: p["a"] * np.exp(-p["b"] * t) - y, {"a": 1.0, "b": 0.1})
    >>> bool(abs(found.x["a"] - 2) < 3 * found.standard_errors["a"])
    True
    """
    parameters = Parameters(x0, "least_squares")
    key = method_key(method, METHODS, "least_squares", "trf")
    args = args if isinstance(args, tuple) else (args,)
    options = {
        "ftol": ftol, "xtol": xtol, "gtol": gtol, "x_scale": x_scale, "loss": loss, "f_scale": f_scale,
        "diff_step": diff_step, "tr_solver": tr_solver, "tr_options": tr_options, "jac_sparsity": jac_sparsity,
        "max_nfev": max_nfev, "verbose": verbose, "callback": callback, "workers": workers,
    }  # fmt: skip
    options = {name: value for name, value in options.items() if value is not None or name in ("ftol", "xtol", "gtol")}
    if not _no_bounds(bounds):
        options["bounds"] = bounds if parameters.plain else flat_bounds(bounds, parameters)
    function = VectorFunction(
        fun, args, kwargs or {}, parameters, "residual function", differentiate=jac is None, steps_back=key in STEP_BACK
    )
    if jac is None:
        slope = function.jacobian
    elif callable(jac):
        slope = lambda x: jac(parameters.unravel(x), *args, **(kwargs or {}))  # noqa: E731 - a closure over what was given
    else:
        slope = jac
    if verify:
        check(function, [], parameters, 1)
    bar = progress_bar(desc=f"least_squares {name_of(fun)}") if progress else None
    if callback is not None or bar is not None:
        options["callback"] = _callback(callback, bar, parameters)
    try:
        found = scipy.optimize.least_squares(
            function.value, parameters.start.copy(), jac=slope, method=method, **options
        )
    finally:
        if bar is not None:
            bar.close()
    result = Result.of(found, parameters)
    result["evaluations"] = function.count
    return result


def _no_bounds(bounds):
    """Whether bounds are absent, or SciPy's default for least squares."""
    return bounds is None or (
        type(bounds) is tuple and len(bounds) == 2 and all(type(b) in (int, float) and abs(b) == np.inf for b in bounds)
    )


def _callback(callback, bar, parameters):
    whole = callback is not None and set(inspect.signature(callback).parameters) == {"intermediate_result"}

    def called(intermediate_result):
        state = OptimizeResult(intermediate_result)
        if bar is not None:
            bar.step(state.get("cost"))
        if callback is None:
            return None
        state["x"] = parameters.unravel(np.array(state["x"]))
        return callback(intermediate_result=state) if whole else callback(state["x"])

    return called


def curve_fit(
    f,
    xdata,
    ydata,
    p0=None,
    sigma=None,
    absolute_sigma=False,
    check_finite=None,
    bounds=(-np.inf, np.inf),
    method=None,
    jac=None,
    *,
    full_output=False,
    nan_policy=None,
    verify=False,
    **kwargs,
):
    """Fit a model to data: `scipy.optimize.curve_fit` with the exact Jacobian.

    Parameters
    ----------
    f : callable
        The model, ``f(xdata, a, b, ...)``, written in plain NumPy.
    xdata, ydata : array_like
        Data. As in SciPy, `xdata` may be anything that the model takes, a DataFrame say.
    p0 : array_like or container of arrays, optional
        Where to start. A tuple that holds arrays: ``f(xdata, *p0)``. A dictionary: ``f(xdata, **p0)``. Not given: ones.
    sigma, absolute_sigma, check_finite, method, full_output, nan_policy
        As in SciPy.
    bounds : optional
        As in SciPy; in the structure of `p0` if that is a container, see `minimize`.
    jac : callable or str, optional
        As in SciPy, for a Jacobian of one's own. Not given: the exact one.
    verify : bool
        Compare the Jacobian with finite differences first, at `p0`.
    **kwargs
        Handed to `scipy.optimize.leastsq` or `least_squares`, as in SciPy.

    Returns
    -------
    popt, pcov
        The parameters, in the structure of `p0`, and their covariance, from the exact Jacobian, in the order of the
        vector of parameters. With `full_output` also `infodict`, `mesg` and `ier`.

    Raises
    ------
    RuntimeError
        If the search does not converge.
    FloatingPointError
        If the model is not finite, as in `least_squares`.
    ValueError
        If the model does not return a value for each data point.

    Notes
    -----
    Derivative: none of the result; the search uses those of `f`.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> t = np.linspace(0, 2, 9)
    >>> found, covariance = ad.optimize.curve_fit(
    ...     lambda t, a, b: a * np.exp(-b * t), t, 2 * np.exp(-0.7 * t), p0={"b": 0.1, "a": 1.0})
    >>> round(float(found["a"]), 6), round(float(found["b"]), 6)
    (2.0, 0.7)
    """
    parameters = None if p0 is None else Parameters(p0, "curve_fit")
    if parameters is not None and parameters.structure is LEAF:
        parameters = None
    if parameters is not None:
        p0 = parameters.start.copy()
        bounds = (-np.inf, np.inf) if _no_bounds(bounds) else flat_bounds(bounds, parameters)
    model = _Model(f, parameters, None if nan_policy == "omit" else np.shape(ydata), method in STEP_BACK)
    if verify:
        start = (
            np.ones(len(inspect.signature(f).parameters) - 1) if p0 is None else np.atleast_1d(np.asarray(p0, float))
        )
        check_grads(lambda v: model.of_vector(xdata, v), (start,), order=1)
    found = scipy.optimize.curve_fit(
        model, xdata, ydata, p0=p0, sigma=sigma, absolute_sigma=absolute_sigma, check_finite=check_finite,
        bounds=bounds, method=method, jac=model.jacobian if jac is None else jac, full_output=full_output,
        nan_policy=nan_policy, **kwargs,
    )  # fmt: skip
    return found if parameters is None else (parameters.unravel(found[0]), *found[1:])


class _Model:
    """A model as SciPy calls it, with numbers as parameters: checked, counted, and with a Jacobian."""

    def __init__(self, f, parameters, shape, steps_back):
        if not callable(f):
            raise TypeError(f"curve_fit: the model must be a function, not {f!r}")
        self.f, self.parameters, self.shape, self.steps_back = f, parameters, shape, steps_back
        self.calls = 0
        if parameters is None:
            self.__signature__ = inspect.signature(f)  # SciPy counts the parameters

    def of_vector(self, x, v):
        """The values for a vector of parameters; differentiable."""
        if self.parameters is None:
            found = self.f(x, *[v[k] for k in range(v.shape[0])])
        else:
            p = self.parameters.unravel(v)
            found = (
                self.f(x, **p) if type(p) is dict else self.f(x, *p) if isinstance(p, (tuple, list)) else self.f(x, p)
            )
        y = pack(found)
        shape = shape_of(y)
        if self.shape is not None and shape != self.shape:
            if _size(shape) != 1:
                raise ValueError(
                    f"curve_fit: the model {name_of(self.f)} returned shape {shape} at evaluation {self.calls}, the "
                    f"data have shape {self.shape}"
                )
            y = sh.broadcast_to(sh.reshape(y, ()), self.shape)
        return y

    def __call__(self, x, *p):
        self.calls += 1
        v = np.array(p, float)
        try:
            y = value_of(self.of_vector(x, v))
        except Exception as error:
            error.add_note(f"curve_fit: the model {name_of(self.f)}, evaluation {self.calls}, at {self.describe(v)}")
            raise
        if not np.isfinite(y).all() and (not self.steps_back or self.calls == 1):
            k = int(np.flatnonzero(~np.isfinite(y))[0])
            raise FloatingPointError(
                f"curve_fit: the model {name_of(self.f)} is {y.flat[k]} for data point {k}, at evaluation {self.calls}, "
                f"for the parameters {self.describe(v)}"
            )
        return y

    def describe(self, v):
        return str(v) if self.parameters is None else self.parameters.describe(v)

    def jacobian(self, x, *p):
        return jacobian(lambda v: sh.reshape(self.of_vector(x, v), (-1,)), mode="forward")(np.array(p, float))


def _size(shape):
    return int(np.prod(shape))
