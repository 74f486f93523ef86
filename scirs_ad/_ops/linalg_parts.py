"""Parts of matrices under the names of numpy.linalg: diagonals, traces, transposes; and the product of 3-vectors."""

from scirs_ad._core.core import as_array, dtype_of, shape_of
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import index as ix
from scirs_ad._ops import join
from scirs_ad._ops import shape as sh
from scirs_ad._ops.linalg import t_


def _at_least_matrix(name, x):
    x = as_array(x)
    if len(shape_of(x)) < 2:
        raise ValueError(f"{name}: matrices (..., m, n) are needed; the shape is {shape_of(x)}")
    return x


def matrix_transpose(x, /):
    """Exchange the last two axes.

    Parameters
    ----------
    x : array_like, shape (..., m, n)

    Returns
    -------
    Variable or ndarray, shape (..., n, m)

    Raises
    ------
    ValueError
        If `x` has fewer than two axes.

    Notes
    -----
    Derivative: the cotangent transposed. Cost: none; the result is a view.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.matrix_transpose([[1.0, 2.0]])
    array([[1.],
           [2.]])
    """
    return t_(_at_least_matrix("matrix_transpose", x))


def diagonal(x, /, *, offset=0):
    """Diagonals of matrices.

    Parameters
    ----------
    x : array_like, shape (..., m, n)
    offset : int
        Above (positive) or below the main diagonal.

    Returns
    -------
    Variable or ndarray, shape (..., k)

    Raises
    ------
    ValueError
        If `x` has fewer than two axes.

    Notes
    -----
    Derivative: the cotangent on the diagonal of zeros. Cost: one pass over the diagonal.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.diagonal([[1.0, 2.0], [3.0, 4.0]])
    array([1., 4.])
    """
    x = _at_least_matrix("diagonal", x)
    m, n = shape_of(x)[-2:]
    offset = offset.__index__()
    row, column = max(-offset, 0), max(offset, 0)
    count = max(min(m - row, n - column), 0)
    # A diagonal is a slice, with step n + 1, of the rows one after another.
    flat = sh.reshape(x, (*shape_of(x)[:-2], m * n))
    first = row * n + column
    return ix.getitem(flat, (..., slice(first, first + count * (n + 1) - n if count else first, n + 1)))


def trace(x, /, *, offset=0, dtype=None):
    """Sums of the diagonals of matrices.

    Parameters
    ----------
    x : array_like, shape (..., m, n)
    offset : int
        Above (positive) or below the main diagonal.
    dtype : dtype, optional
        Of the sum.

    Returns
    -------
    Variable or ndarray, shape (...)

    Raises
    ------
    ValueError
        If `x` has fewer than two axes.

    Notes
    -----
    Derivative: the cotangent on the diagonal of zeros. Cost: one pass over the diagonal.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.trace([[1.0, 2.0], [3.0, 4.0]])
    array(5.)
    """
    return sh.sum(diagonal(x, offset=offset), axis=-1, dtype=dtype)


def cross(x1, x2, /, *, axis=-1):
    """Vector products of vectors of three elements.

    Parameters
    ----------
    x1, x2 : array_like, shape (..., 3)
        Broadcast together.
    axis : int
        Where the vectors lie.

    Returns
    -------
    Variable or ndarray, shape (..., 3)

    Raises
    ------
    ValueError
        If the vectors do not have three elements.

    Notes
    -----
    Derivative: vector products with the other factor. Cost: nine operations each.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    array([0., 0., 1.])
    """
    x1, x2 = as_array(x1), as_array(x2)
    parts = []
    for x in (x1, x2):
        ndim = len(shape_of(x))
        (k,) = sh.normalize_axes(axis, ndim, "cross")
        if shape_of(x)[k] != 3:
            raise ValueError(
                f"cross: vectors of 3 elements are needed along axis {axis}; the shapes are "
                f"{shape_of(x1)} and {shape_of(x2)}, the dtypes {dtype_of(x1)} and {dtype_of(x2)}"
            )
        parts.append([ix.getitem(x, (slice(None),) * (ndim + k) + (i,)) for i in range(3)])
    a, b = parts

    def minor(i, j):
        return ew.subtract(ew.multiply(a[i], b[j]), ew.multiply(a[j], b[i]))

    found = [minor(1, 2), minor(2, 0), minor(0, 1)]
    ndim = len(shape_of(found[0])) + 1
    return join.stack(found, axis=axis if axis < 0 else axis - max(len(shape_of(x1)), len(shape_of(x2))) + ndim)
