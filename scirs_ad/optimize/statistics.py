"""Covariance and standard errors of what was found, from exact derivatives; the results that carry them."""

import numpy as np
import scipy.linalg
from scipy.optimize import OptimizeResult

from scirs_ad._transforms.common import name_of
from scirs_ad.optimize.evaluate import Objective
from scirs_ad.optimize.parameters import Parameters

__all__ = ["Result", "SingularError", "covariance", "inverse_of_square", "residual_deviation", "scaled_columns"]

FREE = 0.1  # a parameter with more than this of a direction that the data leave open is named as undetermined


class SingularError(np.linalg.LinAlgError):
    """The data do not determine the parameters: `parameters` are the positions of those that are free."""

    def __init__(self, message, parameters):
        super().__init__(message)
        self.parameters = parameters

    def __reduce__(self):
        return SingularError, (*self.args, self.parameters)


def scaled_columns(j):
    """`j` with columns of length 1, and the lengths (1 for a column of zeros)."""
    lengths = np.linalg.norm(j, axis=0)
    lengths[lengths == 0] = 1
    return j / lengths, lengths


def inverse_of_square(j):
    """The inverse of ``j.T @ j``, by the singular values of `j` with scaled columns.

    Raises
    ------
    SingularError
        If the rank of `j` is less than its number of columns.
    """
    j, lengths = scaled_columns(np.asarray(j, float))
    _, s, vt = scipy.linalg.svd(j, full_matrices=True)
    n = j.shape[1]
    rank = int(np.sum(s > max(j.shape) * np.finfo(float).eps * s[:1]))
    if rank < n:
        free = np.flatnonzero(np.max(np.abs(vt[rank:]), axis=0) > FREE)
        raise SingularError(f"the Jacobian at the solution has rank {rank}, not {n}", free)
    half = vt.T / s / lengths[:, None]
    return half @ half.T


def residual_deviation(sum_of_squares, freedom):
    """The standard deviation of residuals; NaN without degrees of freedom."""
    return float(np.sqrt(sum_of_squares / freedom)) if freedom > 0 else float("nan")


def inverse_of_positive(h):
    """The inverse of a positive definite Hessian, scaled to a diagonal of ones; SingularError for any other."""
    scale = np.sqrt(np.maximum(np.diagonal(h), 0))
    scale[scale == 0] = 1
    w, v = scipy.linalg.eigh(h / np.outer(scale, scale))
    lowest = len(w) * np.finfo(float).eps * np.abs(w).max()
    if not w[0] > lowest:
        bad = w <= lowest
        free = np.flatnonzero(np.max(np.abs(v[:, bad]), axis=1) > FREE)
        raise SingularError(
            f"the Hessian at the solution is not positive definite: {int(bad.sum())} of {len(w)} directions have a "
            "curvature that is not positive",
            free,
        )
    half = v / np.sqrt(w) / scale[:, None]
    return half @ half.T


class Result(OptimizeResult):
    """SciPy's `OptimizeResult`, with parameters in their container, and their covariance.

    Attributes
    ----------
    evaluations : Evaluations
        How often the function and its derivatives were computed.
    covariance : ndarray
        Of the parameters, in the order of their vector; see `scirs_ad.optimize.covariance`. Computed when asked for.
    standard_errors
        The square roots of its diagonal, in the container of the parameters.
    """

    @classmethod
    def of(cls, found, parameters, source=None):
        """What SciPy found, of the vector, as a result of the container."""
        result = cls(found)
        object.__setattr__(result, "_parameters", parameters)
        object.__setattr__(result, "_source", source)
        if not parameters.plain:
            for key in ("x", "jac", "grad", "active_mask"):
                entry = result.get(key)
                if isinstance(entry, np.ndarray) and entry.shape == (parameters.size,):
                    result[key] = parameters.unravel(entry)
        return result

    def __reduce__(self):
        # Without the function, which often cannot be pickled.
        return _restore, (dict(self), self.__dict__.get("_parameters"))

    def copy(self):
        """A shallow copy."""
        copied = type(self)(self)
        copied.__dict__.update(self.__dict__)
        return copied

    __copy__ = copy

    def __dir__(self):
        return sorted({*super().__dir__(), "covariance", "standard_errors"})

    @property
    def covariance(self):
        known = self.__dict__.get("_covariance")
        if known is None:
            known = covariance(self)
            object.__setattr__(self, "_covariance", known)
        return known

    @property
    def standard_errors(self):
        deviations = np.sqrt(np.diagonal(self.covariance))
        parameters = self.__dict__.get("_parameters")
        return deviations if parameters is None else parameters.unravel(deviations)


def _restore(entries, parameters):
    result = Result(entries)
    object.__setattr__(result, "_parameters", parameters)
    return result


def covariance(result, fun=None, args=()):
    """Covariance of parameters that were found by a search.

    Parameters
    ----------
    result : OptimizeResult
        Of `least_squares` or `minimize`, of this module or of `scipy.optimize`.
    fun : callable, optional
        The function that was minimised: needed for a result of SciPy's own `minimize`, and for one that was pickled.
    args : tuple
        Its further arguments.

    Returns
    -------
    ndarray, shape (n, n)
        In the order of the vector of parameters: the leaves of a container in order (of dictionaries by sorted key),
        each in C order. For least squares ``s**2 * inv(J.T @ J)``, where ``s**2`` is the sum of squares by the degrees
        of freedom (NaN if there are none). For `minimize` the inverse of the Hessian, which is the covariance if `fun`
        is a negative log-likelihood (or half a sum of squares of normalised residuals).

    Raises
    ------
    SingularError
        A `LinAlgError`: if the data do not determine the parameters; it names which.
    TypeError
        If the function is not known.

    Notes
    -----
    Bounds and constraints are not considered. Cost: a singular value decomposition of the Jacobian at the solution;
    or a Hessian and its eigenvalues.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> found = ad.optimize.minimize(lambda x: 0.5 * (x[0] - 1) ** 2 / 0.01 + 2 * x[1] ** 2, np.zeros(2))
    >>> ad.optimize.covariance(found)
    array([[0.01, 0.  ],
           [0.  , 0.25]])
    """
    if not isinstance(result, OptimizeResult):
        raise TypeError(f"covariance: result must be an OptimizeResult, not {type(result).__name__}")
    parameters = result.__dict__.get("_parameters")
    if fun is None and np.ndim(result.get("fun")) == 1 and np.ndim(result.get("jac")) == 2:
        j = result["jac"]
        freedom = j.shape[0] - j.shape[1]
        try:
            return residual_deviation(2 * result["cost"], freedom) ** 2 * inverse_of_square(j)
        except SingularError as error:
            raise _named(error, parameters, "covariance") from None
    source = result.__dict__.get("_source")
    if fun is not None:
        source = Objective(fun, args if isinstance(args, tuple) else (args,), Parameters(result.x, "covariance"))
    if source is None:
        raise TypeError(
            "covariance: the result does not hold the function that was minimised; give it: covariance(result, fun)"
        )
    try:
        return inverse_of_positive(source.hessian(source.parameters.ravel(result.x, "result.x")))
    except SingularError as error:
        raise _named(error, source.parameters, f"covariance of {name_of(source.f)}") from None


def _named(error, parameters, what):
    names = [f"x[{k}]" if parameters is None else parameters.name(k) for k in error.parameters]
    return SingularError(f"{what}: {error}; not determined: {', '.join(names)}", error.parameters)
