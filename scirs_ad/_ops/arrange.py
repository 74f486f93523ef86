"""Arrangements of the elements of an array: new axes, other orders, repetitions.

No primitives of their own: they are views (slices, permutations, reshapes), gathers and joins.
"""

import numpy as np

from scirs_ad._core.core import Variable, as_array, dtype_of, shape_of
from scirs_ad._ops import shape as sh
from scirs_ad._ops.gather import FULL, Key, index, size_of
from scirs_ad._ops.index import known_values
from scirs_ad._ops.join import concatenate

__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_arrays", "expand_dims", "flip", "fliplr", "flipud",
    "matrix_transpose", "meshgrid", "moveaxis", "ravel", "repeat", "resize", "roll", "rollaxis", "rot90",
    "squeeze", "swapaxes", "tile", "transpose",
]  # fmt: skip


def along(axis, entry):
    """The key that is `entry` at the negative axis `axis`, and everything elsewhere."""
    return Key((entry, *(FULL,) * (-axis - 1)))


def one_axis(axis, ndim, name):
    """One axis as a negative int."""
    if not hasattr(axis, "__index__"):
        raise TypeError(f"{name}: axis must be an int, not {axis!r}")
    return sh.normalize_axes(axis, ndim, name)[0]


# ------------------------------------------------------------------------------------------------ axes
def ravel(a, order="C"):
    """All elements as one axis.

    Parameters
    ----------
    a : array_like
    order : {"C", "F", "A", "K"}
        The order in which elements are read; "A" and "K" as "C".

    Returns
    -------
    Variable or ndarray, 1-D

    Raises
    ------
    ValueError
        If the order is not known.

    Notes
    -----
    Derivative: the cotangent reshaped back. Cost: none, or one copy.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.ravel([[1.0, 2.0], [3.0, 4.0]], order="F")
    array([1., 3., 2., 4.])
    """
    return sh.reshape(as_array(a), (-1,) if size_of(shape_of(as_array(a))) else (0,), order)


def transpose(a, axes=None):
    """Permute the axes; reverse them unless `axes` are given.

    Parameters
    ----------
    a : array_like
    axes : tuple of int, optional

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If `axes` is not a permutation.

    Notes
    -----
    Derivative: the cotangent permuted back. Cost: none; the result is a view.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.transpose([[1.0, 2.0]])
    array([[1.],
           [2.]])
    """
    return sh.permute_dims(as_array(a), axes)


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
        If there are fewer than two axes.

    Notes
    -----
    Derivative: the cotangent, transposed. Cost: none; the result is a view.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.matrix_transpose([[1.0, 2.0]])
    array([[1.],
           [2.]])
    """
    x = as_array(x)
    if len(shape_of(x)) < 2:
        raise ValueError(f"matrix_transpose: an array of shape {shape_of(x)} has no matrices")
    return sh.permute_core(x, axes=(-1, -2))


def moveaxis(a, source, destination):
    """Move axes to other places; the others keep their order.

    Parameters
    ----------
    a : array_like
    source, destination : int or sequence of int

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If the numbers of axes differ, or an axis appears twice.

    Notes
    -----
    Derivative: the cotangent with its axes moved back. Cost: none; the result is a view.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.numpy as anp
    >>> anp.moveaxis(np.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    a = as_array(a)
    ndim = len(shape_of(a))
    source = list(source) if hasattr(source, "__len__") else [source]
    destination = list(destination) if hasattr(destination, "__len__") else [destination]
    if len(source) != len(destination):
        raise ValueError(f"moveaxis: source {source} and destination {destination} differ in length")
    sh.normalize_axes(tuple(source), ndim, "moveaxis")  # refuses what is repeated or out of bounds
    sh.normalize_axes(tuple(destination), ndim, "moveaxis")
    pairs = sorted((d % ndim, s % ndim) for s, d in zip(source, destination, strict=True))
    order = [n for n in range(ndim) if n not in {s for _, s in pairs}]
    for d, s in pairs:
        order.insert(d, s)
    return sh.permute_dims(a, tuple(order))


def swapaxes(a, axis1, axis2):
    """Exchange two axes.

    Parameters
    ----------
    a : array_like
    axis1, axis2 : int

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    numpy.exceptions.AxisError
        If an axis does not exist.

    Notes
    -----
    Derivative: the cotangent with the axes exchanged. Cost: none; the result is a view.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.numpy as anp
    >>> anp.swapaxes(np.zeros((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    a = as_array(a)
    ndim = len(shape_of(a))
    i, j = one_axis(axis1, ndim, "swapaxes"), one_axis(axis2, ndim, "swapaxes")
    order = list(range(ndim))
    order[i], order[j] = order[j], order[i]
    return sh.permute_dims(a, tuple(order))


def rollaxis(a, axis, start=0):
    """Move an axis backward, before the place `start`.

    Parameters
    ----------
    a : array_like
    axis : int
    start : int

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    numpy.exceptions.AxisError
        If an axis does not exist.

    Notes
    -----
    Derivative: the cotangent with the axis moved back. Cost: none; the result is a view.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.numpy as anp
    >>> anp.rollaxis(np.zeros((2, 3, 4)), 2).shape
    (4, 2, 3)
    """
    a = as_array(a)
    ndim = len(shape_of(a))
    axis = one_axis(axis, ndim, "rollaxis") + ndim
    if not -ndim <= start <= ndim:
        raise np.exceptions.AxisError(f"rollaxis: start {start} is out of bounds for an array of dimension {ndim}")
    start = start + ndim if start < 0 else start
    order = [n for n in range(ndim) if n != axis]
    order.insert(start - (axis < start), axis)
    return sh.permute_dims(a, tuple(order))


def squeeze(a, axis=None):
    """Remove axes of length one.

    Parameters
    ----------
    a : array_like
    axis : int or tuple of int, optional
        Which; all of them by default.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If a given axis has another length.

    Notes
    -----
    Derivative: the cotangent reshaped back. Cost: none; the result is a view.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.squeeze([[1.0, 2.0]])
    array([1., 2.])
    """
    a = as_array(a)
    shape = shape_of(a)
    ndim = len(shape)
    if axis is None:
        gone = {k for k, n in enumerate(shape) if n == 1}
    else:
        gone = {k + ndim for k in sh.normalize_axes(axis, ndim, "squeeze")}
        for k in gone:
            if shape[k] != 1:
                raise ValueError(f"squeeze: axis {k} has length {shape[k]}, not one, in shape {shape}")
    return sh.reshape(a, tuple(n for k, n in enumerate(shape) if k not in gone))


def expand_dims(a, axis):
    """Insert axes of length one.

    Parameters
    ----------
    a : array_like
    axis : int or tuple of int
        Their places in the result.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    numpy.exceptions.AxisError
        If a place does not exist.

    Notes
    -----
    Derivative: the cotangent reshaped back. Cost: none; the result is a view.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.expand_dims([1.0, 2.0], 0)
    array([[1., 2.]])
    """
    a = as_array(a)
    shape = list(shape_of(a))
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    ndim = len(shape) + len(axes)
    new = {k + ndim for k in sh.normalize_axes(axes, ndim, "expand_dims")}
    rest = iter(shape)
    return sh.reshape(a, tuple(1 if k in new else next(rest) for k in range(ndim)))


def _at_least(ndim):
    def door(*arys):
        found = []
        for a in arys:
            x = as_array(a)
            shape = shape_of(x)
            while len(shape) < ndim:
                shape = (*shape, 1) if len(shape) == 2 else (1, *shape)
            found.append(x if shape == shape_of(x) else sh.reshape(x, shape))
        return found[0] if len(found) == 1 else tuple(found)

    door.__name__ = door.__qualname__ = f"atleast_{ndim}d"
    door.__doc__ = f"""Give arrays at least {ndim} ax{"i" if ndim == 1 else "e"}s.

    Parameters
    ----------
    *arys : array_like

    Returns
    -------
    Variable or ndarray, or a tuple of such for several arguments

    Notes
    -----
    Derivative: the cotangent reshaped back. Cost: none; the result is a view.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.atleast_{ndim}d(1.0).shape
    {(1,) * ndim}
    """
    return door


atleast_1d, atleast_2d, atleast_3d = _at_least(1), _at_least(2), _at_least(3)


# ------------------------------------------------------------------------------------------------ repetitions
def broadcast_arrays(*args, subok=False):
    """Broadcast arrays against each other.

    Parameters
    ----------
    *args : array_like
    subok : bool
        Accepted for NumPy's sake.

    Returns
    -------
    tuple of Variable or ndarray, all of one shape

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Derivative: the cotangent summed over what was repeated. Cost: none.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.broadcast_arrays([1.0, 2.0], 3.0)[1]
    array([3., 3.])
    """
    del subok
    arrays = [as_array(a) for a in args]
    shape = np.broadcast_shapes(*[shape_of(a) for a in arrays])
    return tuple(sh.broadcast_to(a, shape) for a in arrays)


def tile(A, reps):
    """Repeat an array as a whole, along each axis.

    Parameters
    ----------
    A : array_like
    reps : int or sequence of int
        Repetitions along each axis; of the last axes, if they are fewer.

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: the sum over the repetitions. Cost: one pass over the result.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.tile([1.0, 2.0], 2)
    array([1., 2., 1., 2.])
    """
    x = as_array(A)
    reps = known_values(reps, "tile") if type(reps) is Variable else reps
    reps = tuple(int(r) for r in reps) if hasattr(reps, "__len__") else (int(reps),)
    shape = shape_of(x)
    ndim = max(len(shape), len(reps))
    shape = (1,) * (ndim - len(shape)) + shape
    reps = (1,) * (ndim - len(reps)) + reps
    apart = sh.reshape(x, tuple(m for n in shape for m in (1, n)))
    whole = sh.broadcast_to(apart, tuple(m for n, r in zip(shape, reps, strict=True) for m in (r, n)))
    return sh.reshape(whole, tuple(n * r for n, r in zip(shape, reps, strict=True)))


def repeat(a, repeats, axis=None):
    """Repeat each element.

    Parameters
    ----------
    a : array_like
    repeats : int or array_like of int
        How often; one number, or one for each element along the axis.
    axis : int, optional
        None: flatten first.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If there are not as many repeats as elements.

    Notes
    -----
    Derivative: the sum over the repetitions. Cost: one pass over the result.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.repeat([1.0, 2.0], 2)
    array([1., 1., 2., 2.])
    """
    x = as_array(a)
    if axis is None:
        x, axis = ravel(x), 0
    shape = shape_of(x)
    axis = one_axis(axis, len(shape), "repeat")
    counts = known_values(repeats, "repeat")
    at = axis + len(shape)
    if counts.size == 1:
        r = int(counts.reshape(()))
        if r < 0:
            raise ValueError(f"repeat: repeats must not be negative, not {r}")
        apart = sh.reshape(x, (*shape[: at + 1], 1, *shape[at + 1 :]))
        whole = sh.broadcast_to(apart, (*shape[: at + 1], r, *shape[at + 1 :]))
        return sh.reshape(whole, (*shape[:at], shape[at] * r, *shape[at + 1 :]))
    if counts.shape != (shape[at],):
        raise ValueError(f"repeat: {counts.size} repeats for {shape[at]} elements along axis {at}")
    return index(x, key=along(axis, np.repeat(np.arange(shape[at]), counts)))


def resize(a, new_shape):
    """An array of another size: its elements, in C order, again and again.

    Parameters
    ----------
    a : array_like
    new_shape : int or tuple of int

    Returns
    -------
    Variable or ndarray, of shape `new_shape`

    Raises
    ------
    ValueError
        If a length is negative.

    Notes
    -----
    Derivative: the sum over the repetitions. Cost: one pass over the result.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.resize([1.0, 2.0], 3)
    array([1., 2., 1.])
    """
    x = ravel(a)
    shape = tuple(new_shape) if hasattr(new_shape, "__len__") else (new_shape,)
    if any(n < 0 for n in shape):
        raise ValueError(f"resize: the lengths in {shape} must not be negative")
    size, want = shape_of(x)[0], size_of(shape)
    if size == 0 or want == 0:
        return np.zeros(shape, dtype_of(x))
    whole = tile(x, -(-want // size)) if want > size else x
    return sh.reshape(index(whole, key=Key((slice(0, want),))), shape)


def meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    """Coordinate arrays from coordinate vectors.

    Parameters
    ----------
    *xi : array_like, 1-D
    copy : bool
        Accepted for NumPy's sake; results are views.
    sparse : bool
        Give arrays of shape (1, ..., n, ..., 1), to be broadcast.
    indexing : {"xy", "ij"}
        "xy": the first two axes are exchanged.

    Returns
    -------
    tuple of Variable or ndarray

    Raises
    ------
    ValueError
        If `indexing` is not known.

    Notes
    -----
    Derivative: the cotangent summed over what was repeated. Cost: none.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.meshgrid([1.0, 2.0], [3.0, 4.0])[0]
    array([[1., 2.],
           [1., 2.]])
    """
    del copy
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing must be 'xy' or 'ij', not {indexing!r}")
    n = len(xi)
    places = list(range(n))
    if indexing == "xy" and n > 1:
        places[0], places[1] = 1, 0
    grids = []
    for place, x in zip(places, xi, strict=True):
        grids.append(sh.reshape(as_array(x), tuple(-1 if k == place else 1 for k in range(n)) or (-1,)))
    return tuple(grids) if sparse else broadcast_arrays(*grids)


# ------------------------------------------------------------------------------------------------ orders
def flip(m, axis=None):
    """Reverse the order of elements along axes.

    Parameters
    ----------
    m : array_like
    axis : int or tuple of int, optional
        All axes by default.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    numpy.exceptions.AxisError
        If an axis does not exist.

    Notes
    -----
    Derivative: the cotangent, reversed. Cost: none; the result is a view.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.flip([1.0, 2.0])
    array([2., 1.])
    """
    x = as_array(m)
    ndim = len(shape_of(x))
    axes = sh.normalize_axes(axis, ndim, "flip")
    if not axes:
        return x
    return index(x, key=Key([slice(None, None, -1) if k in axes else FULL for k in range(min(axes), 0)]))


def fliplr(m):
    """Reverse the order along axis 1.

    Parameters
    ----------
    m : array_like, at least 2-D

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If there are fewer than two axes.

    Notes
    -----
    Derivative: the cotangent, reversed. Cost: none; the result is a view.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.fliplr([[1.0, 2.0]])
    array([[2., 1.]])
    """
    if len(shape_of(as_array(m))) < 2:
        raise ValueError("fliplr: the array must have at least 2 dimensions")
    return flip(m, 1)


def flipud(m):
    """Reverse the order along axis 0.

    Parameters
    ----------
    m : array_like, at least 1-D

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If there are no axes.

    Notes
    -----
    Derivative: the cotangent, reversed. Cost: none; the result is a view.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.flipud([1.0, 2.0])
    array([2., 1.])
    """
    if not shape_of(as_array(m)):
        raise ValueError("flipud: the array must have at least 1 dimension")
    return flip(m, 0)


def rot90(m, k=1, axes=(0, 1)):
    """Rotate by quarter turns in the plane of two axes.

    Parameters
    ----------
    m : array_like, at least 2-D
    k : int
        Number of turns.
    axes : tuple of two int
        From the first towards the second.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If `axes` are not two different axes.

    Notes
    -----
    Derivative: the cotangent turned back. Cost: none; the result is a view.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.rot90([[1.0, 2.0], [3.0, 4.0]])
    array([[2., 4.],
           [1., 3.]])
    """
    x = as_array(m)
    axes = tuple(axes)
    if len(axes) != 2:
        raise ValueError(f"rot90: axes must be two, not {axes}")
    sh.normalize_axes(axes, len(shape_of(x)), "rot90")
    k %= 4
    if k == 0:
        return x
    if k == 2:
        return flip(x, axes)
    return swapaxes(flip(x, axes[1]), *axes) if k == 1 else flip(swapaxes(x, *axes), axes[1])


def roll(a, shift, axis=None):
    """Shift elements along axes; what leaves at one end enters at the other.

    Parameters
    ----------
    a : array_like
    shift : int or tuple of int
    axis : int or tuple of int, optional
        None: of the flattened array, which is then given its shape again.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If `shift` and `axis` do not fit.

    Notes
    -----
    Derivative: the cotangent shifted back. Cost: one pass for each axis.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.roll([1.0, 2.0, 3.0], 1)
    array([3., 1., 2.])
    """
    x = as_array(a)
    shape = shape_of(x)
    if axis is None:
        return sh.reshape(roll(ravel(x), shift, 0), shape)
    shifts, axes = np.broadcast_arrays(shift, axis)
    if shifts.ndim > 1:
        raise ValueError("roll: shift and axis must be ints or 1-D sequences")
    for by, k in zip(shifts.ravel().tolist(), axes.ravel().tolist(), strict=True):
        k = one_axis(k, len(shape), "roll")
        n = shape[k]
        if n and by % n:
            cut = n - by % n
            parts = [index(x, key=along(k, slice(cut, None))), index(x, key=along(k, slice(0, cut)))]
            x = concatenate(parts, k)
    return x
