"""Sums of exponentials and their shares: those functions of scipy.special that networks use, without its other pages."""

import numpy as np

from scirs_ad._core.core import as_array, dtype_of
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.reduce import logsumexp

__all__ = ["log_softmax", "logsumexp", "softmax", "softplus"]


def floating(x):
    """As an array or Variable of floating-point or complex numbers."""
    x = as_array(x)
    return x if dtype_of(x).kind in "fc" else sh.astype(x, np.result_type(dtype_of(x), float))


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
    x = floating(x)
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
    x = floating(x)
    return ew.subtract(x, logsumexp(x, axis=axis, keepdims=True))


def softplus(x):
    """``log(1 + exp(x))``, without overflow.

    Parameters
    ----------
    x : array_like

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: ``expit(x)``.
    """
    return ew.softplus(x)
