"""Functions that write into an array: into Variables with their derivative, into ndarrays as NumPy does."""

import numpy as np

from scirs_ad._core.core import Variable, as_array, dtype_of, shape_of
from scirs_ad._core.errors import DerivativeLostError
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.arrange import ravel
from scirs_ad._ops.gather import Key, put_along, size_of
from scirs_ad._ops.gather import put as put_at
from scirs_ad._ops.index import known, known_values, setitem
from scirs_ad._ops.select import from_last, rows_along, to_last

__all__ = ["copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask"]


def _wide(places, rows, axis):
    """The shape of what is written, with the axis in its place."""
    lead = np.broadcast_shapes(shape_of(places)[:-1], shape_of(rows)[:-1])
    shape = list(lead)
    shape.insert(axis + len(lead) + 1, shape_of(places)[-1])
    return tuple(shape)


def _plain(x):
    return known(x) if isinstance(x, Variable) else x


def _written_into(target, values, name):
    if type(target) is not Variable and type(as_array(values)) is Variable and as_array(values).level is not None:
        raise DerivativeLostError(
            f"{name}: an ndarray cannot hold the derivative of the values; make the array by scirs_ad.numpy.zeros, or "
            "by numpy.zeros_like of a Variable"
        )


def _own(target, values, name):
    """Whether the target is a Variable; an ndarray is left to NumPy, but never takes a derivative."""
    _written_into(target, values, name)
    if type(target) is not Variable and not isinstance(target, np.ndarray):
        raise TypeError(f"{name}: the target must be an array, not {type(target).__name__}")
    return type(target) is Variable


def put_along_axis(arr, indices, values, axis):
    """Write values at places along an axis, which may differ from row to row; in place.

    Parameters
    ----------
    arr : Variable or ndarray
    indices : array_like of int
        Of as many dimensions as `arr`; broadcast against it along the other axes.
    values : array_like
        Broadcast to the indices.
    axis : int or None
        None: of the flattened array.

    Returns
    -------
    None

    Raises
    ------
    DerivativeLostError
        If tracked values are written into an ndarray.

    Notes
    -----
    Derivative: the parts of the cotangent. Cost: one pass over the array.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> import scirs_ad.numpy as anp
    >>> x = ad.Variable(np.zeros((2, 2)))
    >>> anp.put_along_axis(x, np.array([[1], [0]]), 5.0, axis=1)
    >>> x
    Variable([[0., 5.],
              [5., 0.]])
    """
    _written_into(arr, values, "put_along_axis")
    if type(arr) is not Variable:
        np.put_along_axis(arr, _plain(indices), _plain(values), axis)
        return
    target, along = (ravel(arr), 0) if axis is None else (arr, axis)
    x, rows, places, along = rows_along("put_along_axis", target, indices, along)
    values = sh.cast(as_array(values), dtype_of(x))
    values = sh.broadcast_to(values, shape_of(from_last(places, along)) if axis is None else _wide(places, rows, along))
    arr[...] = sh.reshape(from_last(put_along(rows, places, to_last(values, along)), along), shape_of(arr))


def put(a, ind, v, mode="raise"):
    """Write values at places of the flattened array; in place.

    Parameters
    ----------
    a : Variable or ndarray
    ind : array_like of int
    v : array_like
        Repeated if it is shorter than the places.
    mode : {"raise", "wrap", "clip"}
        What happens to places that do not exist.

    Returns
    -------
    None

    Raises
    ------
    IndexError
        If a place does not exist, with mode "raise".
    DerivativeLostError
        If tracked values are written into an ndarray.

    Notes
    -----
    Derivative: the parts of the cotangent. Cost: one pass over the array.

    Examples
    --------
    >>> import scirs_ad as ad
    >>> import scirs_ad.numpy as anp
    >>> x = ad.Variable([0.0, 0.0, 0.0])
    >>> anp.put(x, [0, 2], [1.0, 2.0])
    >>> x
    Variable([1., 0., 2.])
    """
    if not _own(a, v, "put"):
        np.put(a, _plain(ind), _plain(v), mode)
        return
    places = known_values(ind, "put").ravel()
    shape = shape_of(a)
    n = size_of(shape)
    if mode == "wrap":
        places = places % n
    elif mode == "clip":
        places = np.clip(places, 0, n - 1)
    elif mode != "raise":
        raise ValueError(f"put: mode must be 'raise', 'wrap' or 'clip', not {mode!r}")
    a[...] = sh.reshape(setitem(ravel(a), places, _cycled(v, places.size)), shape)


def _cycled(values, n):
    """The flattened values, again and again, to a length."""
    flat = ravel(as_array(values))
    have = shape_of(flat)[0]
    return flat if have in (1, n) else flat[np.arange(n) % max(have, 1)]


def place(arr, mask, vals):
    """Write values, one after the other, where a mask holds; in place.

    Parameters
    ----------
    arr : Variable or ndarray
    mask : array_like of bool, of the same size
    vals : array_like
        Repeated if there are fewer than places.

    Returns
    -------
    None

    Raises
    ------
    ValueError
        If the sizes do not fit.
    DerivativeLostError
        If tracked values are written into an ndarray.

    Notes
    -----
    Derivative: the parts of the cotangent. Cost: one pass over the array.

    Examples
    --------
    >>> import scirs_ad as ad
    >>> import scirs_ad.numpy as anp
    >>> x = ad.Variable([0.0, 0.0, 0.0])
    >>> anp.place(x, [True, False, True], [1.0, 2.0])
    >>> x
    Variable([1., 0., 2.])
    """
    if not _own(arr, vals, "place"):
        np.place(arr, _plain(mask), _plain(vals))
        return
    holds = known_values(mask, "place").astype(bool).ravel()
    shape = shape_of(arr)
    if holds.size != size_of(shape):
        raise ValueError(f"place: a mask of {holds.size} elements for an array of shape {shape}")
    places = np.flatnonzero(holds)
    count = size_of(shape_of(as_array(vals)))
    if places.size and not count:
        raise ValueError("place: there are no values to write")
    if places.size:
        values = ravel(as_array(vals))[np.arange(places.size) % count]
        arr[...] = sh.reshape(setitem(ravel(arr), places, values), shape)


def putmask(a, mask, values):
    """Write values where a mask holds, each at its own place; in place.

    Parameters
    ----------
    a : Variable or ndarray
    mask : array_like of bool, of the shape of `a`
    values : array_like
        Of the size of `a`, else repeated.

    Returns
    -------
    None

    Raises
    ------
    ValueError
        If the shapes do not fit.
    DerivativeLostError
        If tracked values are written into an ndarray.

    Notes
    -----
    Derivative: the parts of the cotangent. Cost: one pass over the array.

    Examples
    --------
    >>> import scirs_ad as ad
    >>> import scirs_ad.numpy as anp
    >>> x = ad.Variable([0.0, 0.0, 0.0])
    >>> anp.putmask(x, [True, False, True], [1.0, 2.0, 3.0])
    >>> x
    Variable([1., 0., 3.])
    """
    if not _own(a, values, "putmask"):
        np.putmask(a, _plain(mask), _plain(values))
        return
    shape = shape_of(a)
    mask = as_array(mask)
    if size_of(shape_of(mask)) != size_of(shape):
        raise ValueError(f"putmask: a mask of shape {shape_of(mask)} for an array of shape {shape}")
    whole = sh.broadcast_to(_cycled(values, size_of(shape)), (size_of(shape),))
    a[...] = ew.where(sh.reshape(mask, shape), sh.cast(sh.reshape(whole, shape), dtype_of(a)), a)


def copyto(dst, src, casting="same_kind", where=True):
    """Write one array into another; in place.

    Parameters
    ----------
    dst : Variable or ndarray
    src : array_like
        Broadcast to `dst`.
    casting : str
        The rule that the conversion must obey.
    where : array_like of bool
        What is written.

    Returns
    -------
    None

    Raises
    ------
    TypeError
        If the rule does not allow the conversion.
    DerivativeLostError
        If tracked values are written into an ndarray.

    Notes
    -----
    Derivative: the cotangent where it is written, for `src`. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad as ad
    >>> import scirs_ad.numpy as anp
    >>> x = ad.Variable([0.0, 0.0])
    >>> anp.copyto(x, [1.0, 2.0])
    >>> x
    Variable([1., 2.])
    """
    if not _own(dst, src, "copyto"):
        np.copyto(dst, _plain(src), casting, _plain(where))
        return
    source = as_array(src)
    if type(src) not in (int, float, complex) and not np.can_cast(dtype_of(source), dtype_of(dst), casting):
        raise TypeError(f"copyto: cannot cast from {dtype_of(source)} to {dtype_of(dst)} by the rule {casting!r}")
    if where is True:
        dst[...] = source
    else:
        dst[...] = ew.where(where, sh.cast(source, dtype_of(dst)), dst)


def fill_diagonal(a, val, wrap=False):
    """Write values on the main diagonal; in place.

    Parameters
    ----------
    a : Variable or ndarray, at least 2-D
        With more than two axes all must have the same length.
    val : array_like
        Repeated along the diagonal.
    wrap : bool
        Begin again after the end of the diagonal of a tall matrix.

    Returns
    -------
    None

    Raises
    ------
    ValueError
        If the shape has no diagonal.
    DerivativeLostError
        If tracked values are written into an ndarray.

    Notes
    -----
    Derivative: the diagonal of the cotangent for `val`, the rest for `a`. Cost: one pass over the array.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> import scirs_ad.numpy as anp
    >>> x = ad.Variable(np.zeros((2, 2)))
    >>> anp.fill_diagonal(x, 1.0)
    >>> x
    Variable([[1., 0.],
              [0., 1.]])
    """
    if not _own(a, val, "fill_diagonal"):
        np.fill_diagonal(a, _plain(val), wrap)
        return
    shape = shape_of(a)
    if len(shape) < 2:
        raise ValueError("fill_diagonal: the array must be at least 2-d")
    if len(shape) == 2:
        step, end = shape[1] + 1, None if wrap else shape[1] * shape[1]
    else:
        if len(set(shape)) > 1:
            raise ValueError(f"fill_diagonal: all lengths of the shape {shape} must be equal")
        step, end = 1 + sum(shape[0] ** k for k in range(1, len(shape))), None
    places = slice(0, end, step)
    count = len(range(*places.indices(size_of(shape))))
    values = sh.cast(_cycled(val, count), dtype_of(a))
    a[...] = sh.reshape(put_at(ravel(a), values, key=Key((places,))), shape)
