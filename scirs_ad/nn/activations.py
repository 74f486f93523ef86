"""Activation functions, element by element."""

from scirs_ad._core.core import as_array
from scirs_ad._ops import elementwise as ew

__all__ = ["relu", "softplus"]


def relu(x):
    """The larger of `x` and 0, element by element.

    Parameters
    ----------
    x : array_like of real numbers
        NaN stays NaN.

    Returns
    -------
    Variable or ndarray
        Of the shape and dtype of `x`.

    Raises
    ------
    TypeError
        If `x` is complex.

    Notes
    -----
    Derivative: 1 where `x` is positive, else 0, also at 0 (where `numpy.maximum` has one half).
    Formula: Nair & Hinton (2010), "Rectified linear units improve restricted Boltzmann machines", ICML.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> ad.nn.relu(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 2.])
    >>> ad.grad(lambda x: np.sum(ad.nn.relu(x)))(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 1.])
    """
    x = as_array(x)
    if x.dtype.kind == "c":
        raise TypeError(f"relu: x has dtype {x.dtype}; complex numbers have no order, take the real part first")
    return ew.where(ew.less_equal(x, 0), 0, x)


def softplus(x):
    """``log(1 + exp(x))``, without overflow, element by element.

    Parameters
    ----------
    x : array_like of real numbers

    Returns
    -------
    Variable or ndarray
        Of the shape of `x`.

    Raises
    ------
    TypeError
        If `x` is complex.

    Notes
    -----
    Derivative: the logistic function. Formula: ``max(x, 0) + log1p(exp(-abs(x)))``.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> ad.nn.softplus(np.array([-800.0, 0.0, 800.0])).round(6)
    array([  0.      ,   0.693147, 800.      ])
    """
    return ew.softplus(x)
