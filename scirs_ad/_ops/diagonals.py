"""Diagonals and triangles of matrices."""

import operator

import numpy as np

from scirs_ad._core.core import as_array, dtype_of, shape_of
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.arrange import moveaxis, one_axis, ravel
from scirs_ad._ops.gather import Key, index, scatter

__all__ = ["diag", "diagflat", "diagonal", "trace", "tril", "triu"]


# ------------------------------------------------------------------------------------------------ diagonals
def _diagonal_slice(n, m, offset):
    """The diagonal as a slice of the flattened matrix, and its length."""
    length = max(0, min(n, m - offset) if offset >= 0 else min(n + offset, m))
    start = offset if offset >= 0 else -offset * m
    return slice(start, start + max(length - 1, 0) * (m + 1) + (length > 0), m + 1), length


def diagonal(a, offset=0, axis1=0, axis2=1):
    """Diagonals of the matrices that two axes make.

    Parameters
    ----------
    a : array_like, at least 2-D
    offset : int
        Above (positive) or below the main diagonal.
    axis1, axis2 : int

    Returns
    -------
    Variable or ndarray
        The diagonal is the last axis.

    Raises
    ------
    ValueError
        If there are fewer than two axes, or they are the same.

    Notes
    -----
    Derivative: the cotangent on the diagonal, else 0. Cost: none for C-contiguous matrices, else one copy.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.diagonal([[1.0, 2.0], [3.0, 4.0]])
    array([1., 4.])
    """
    x = as_array(a)
    ndim = len(shape_of(x))
    if ndim < 2:
        raise ValueError(f"diagonal: an array of shape {shape_of(x)} has no diagonal; at least 2 dimensions are needed")
    i, j = one_axis(axis1, ndim, "diagonal"), one_axis(axis2, ndim, "diagonal")
    if i == j:
        raise ValueError("diagonal: axis1 and axis2 are the same")
    offset = operator.index(offset)
    if i > j:
        i, j, offset = j, i, -offset  # of the transpose: matrices whose rows lie together need no copy then
    x = moveaxis(x, (i, j), (-2, -1))
    shape = shape_of(x)
    n, m = shape[-2:]
    place, _ = _diagonal_slice(n, m, offset)
    return index(sh.reshape_core(x, core=2, to=(n * m,)), key=Key((place,)))


def diag(v, k=0):
    """The diagonal of a matrix, or the matrix with a diagonal.

    Parameters
    ----------
    v : array_like, 1-D or 2-D
    k : int
        Above (positive) or below the main diagonal.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If `v` is neither 1-D nor 2-D.

    Notes
    -----
    Derivative: a matrix with the cotangent on its diagonal, or the diagonal of the cotangent. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.diag([1.0, 2.0])
    array([[1., 0.],
           [0., 2.]])
    """
    x = as_array(v)
    ndim = len(shape_of(x))
    if ndim == 2:
        return diagonal(x, k)
    if ndim != 1:
        raise ValueError(f"diag: an array of shape {shape_of(x)} is neither a vector nor a matrix")
    n = shape_of(x)[0] + abs(operator.index(k))
    place, _ = _diagonal_slice(n, n, operator.index(k))
    return sh.reshape_core(scatter(x, key=Key((place,)), to=(n * n,)), core=1, to=(n, n))


def diagflat(v, k=0):
    """The matrix with the elements of an array on a diagonal.

    Parameters
    ----------
    v : array_like
    k : int
        Above (positive) or below the main diagonal.

    Returns
    -------
    Variable or ndarray, 2-D

    Notes
    -----
    Derivative: the diagonal of the cotangent. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.diagflat([[1.0, 2.0]])
    array([[1., 0.],
           [0., 2.]])
    """
    return diag(ravel(v), k)


def trace(a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    """Sum over diagonals.

    Parameters
    ----------
    a : array_like, at least 2-D
    offset, axis1, axis2 : int
        As of `diagonal`.
    dtype : dtype, optional
    out : None
        Must not be given.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If there are fewer than two axes, or they are the same.

    Notes
    -----
    Derivative: the cotangent on the diagonal, else 0. Cost: that of the diagonal.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.trace([[1.0, 2.0], [3.0, 4.0]])
    array(5.)
    """
    return sh.sum(diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype, out=out)


def _triangle(name, x, k, lower):
    x = as_array(x)
    shape = shape_of(x)
    if not shape:
        raise ValueError(f"{name}: the array must have at least 1 dimension")
    if len(shape) == 1:  # as NumPy: a vector is every row
        x = sh.broadcast_to(x, shape * 2)
        shape = shape * 2
    mask = np.tri(*shape[-2:], k=k if lower else k - 1, dtype=bool)
    return ew.where(mask if lower else ~mask, x, np.zeros((), dtype_of(x)))


def tril(m, k=0):
    """The lower triangle; zeros above a diagonal.

    Parameters
    ----------
    m : array_like, shape (..., M, N)
    k : int
        The diagonal.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If there are no axes.

    Notes
    -----
    Derivative: the lower triangle of the cotangent. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.tril([[1.0, 2.0], [3.0, 4.0]])
    array([[1., 0.],
           [3., 4.]])
    """
    return _triangle("tril", m, k, True)


def triu(m, k=0):
    """The upper triangle; zeros below a diagonal.

    Parameters
    ----------
    m : array_like, shape (..., M, N)
    k : int
        The diagonal.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If there are no axes.

    Notes
    -----
    Derivative: the upper triangle of the cotangent. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.triu([[1.0, 2.0], [3.0, 4.0]])
    array([[1., 2.],
           [0., 4.]])
    """
    return _triangle("triu", m, k, False)
