"""scipy.special by name: every ufunc, and what is built on them.

Each function takes arrays and Variables; its documentation says with respect to which arguments it has a derivative.
A derivative that does not exist raises NotDifferentiableError when it is asked for.
"""

import math

import scipy.special as sp

from scirs_ad._core.core import as_array
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import reduce
from scirs_ad._ops.reduce import logsumexp
from scirs_ad._ops.special import PAGES

__all__ = sorted(n for n in PAGES if hasattr(sp, n)) + ["log_softmax", "logsumexp", "multigammaln", "softmax"]

globals().update({name: PAGES[name] for name in __all__ if name in PAGES})


def softmax(x, axis=None):
    """Exponentials, divided by their sum.

    Parameters
    ----------
    x : array_like
    axis : None, int or tuple of int

    Returns
    -------
    Variable or ndarray, of the shape of `x`

    Notes
    -----
    Derivative: ``s * (t - sum(s * t))``. Cost: two passes.

    Examples
    --------
    >>> from scirs_ad.scipy.special import softmax
    >>> softmax([1000.0, 1000.0])
    array([0.5, 0.5])
    """
    x = as_array(x)
    return ew.exp(log_softmax(x, axis))


def log_softmax(x, axis=None):
    """Logarithm of `softmax`, without overflow.

    Parameters
    ----------
    x : array_like
    axis : None, int or tuple of int

    Returns
    -------
    Variable or ndarray, of the shape of `x`

    Notes
    -----
    Derivative: ``t - sum(s * t)``. Cost: two passes.

    Examples
    --------
    >>> from scirs_ad.scipy.special import log_softmax
    >>> log_softmax([1000.0, 1000.0])
    array([-0.69314718, -0.69314718])
    """
    x = as_array(x)
    return ew.subtract(x, reduce.logsumexp(x, axis=axis, keepdims=True))


def multigammaln(a, d):
    """Logarithm of the multivariate gamma function of dimension `d`.

    Parameters
    ----------
    a : array_like
        Greater than ``(d - 1) / 2``.
    d : int

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If `d` is not a positive integer.

    Notes
    -----
    Derivative: sum of digammas. Cost: `d` passes.

    Examples
    --------
    >>> from scirs_ad.scipy.special import multigammaln
    >>> multigammaln(1.0, 1)
    array(0.)
    """
    if int(d) != d or d < 1:
        raise ValueError(f"multigammaln: d must be a positive integer, not {d!r}")
    a = as_array(a)
    total = 0.25 * d * (d - 1) * math.log(math.pi)
    for j in range(int(d)):
        total = ew.add(total, PAGES["gammaln"](ew.subtract(a, 0.5 * j)))
    return total
