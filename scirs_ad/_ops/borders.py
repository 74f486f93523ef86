"""What is put to an array or taken off: borders by pad and trim_zeros, parts by insert and delete."""

import numpy as np

from scirs_ad._core.core import Variable, as_array, dtype_of, shape_of
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import extrema, products
from scirs_ad._ops import shape as sh
from scirs_ad._ops.arrange import along, moveaxis, one_axis, ravel
from scirs_ad._ops.gather import Key, index, size_of
from scirs_ad._ops.index import known_values
from scirs_ad._ops.join import concatenate

__all__ = ["delete", "insert", "pad", "trim_zeros"]


# ------------------------------------------------------------------------------------------------ borders
def pad(array, pad_width, mode="constant", **kwargs):
    """Extend an array at its borders.

    Parameters
    ----------
    array : array_like
    pad_width : int, pair, sequence of pairs, or dict of these by axis
        Number of elements before and after, for each axis.
    mode : str
        "constant", "edge", "linear_ramp", "maximum", "mean", "minimum", "reflect", "symmetric", "wrap" or "empty"
        (zeros, on Variables). "median" and functions only for ndarrays.
    **kwargs
        ``constant_values``, ``end_values``, ``stat_length``, ``reflect_type``, as in NumPy.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If the widths or the mode are not possible.

    Notes
    -----
    Derivative: what was copied adds to where it was copied from. Cost: one pass for each axis.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.numpy as anp
    >>> anp.pad(np.array([1.0, 2.0]), 1, mode="edge")
    array([1., 1., 2., 2.])
    """
    x = as_array(array)
    shape = shape_of(x)
    pad_width = known_values(pad_width, "pad") if type(pad_width) is Variable else pad_width
    if type(x) is not Variable and not any(type(v) is Variable for v in kwargs.values()):
        pad_width = (
            _by_axis(pad_width, len(shape)) if isinstance(pad_width, dict) else pad_width
        )  # NumPy 2.2 has lists only
        return np.pad(x, pad_width, mode, **kwargs)
    allowed = {
        "constant": {"constant_values"}, "linear_ramp": {"end_values"}, "maximum": {"stat_length"},
        "minimum": {"stat_length"}, "mean": {"stat_length"}, "reflect": {"reflect_type"}, "symmetric": {"reflect_type"},
        "edge": set(), "wrap": set(), "empty": set(),
    }  # fmt: skip
    if mode not in allowed:
        raise ValueError(f"pad: mode {mode!r} has no derivative; use one of {', '.join(allowed)}")
    if set(kwargs) - allowed[mode]:
        raise ValueError(f"pad: unsupported keyword arguments for mode {mode!r}: {set(kwargs) - allowed[mode]}")
    widths = _widths(pad_width, len(shape))
    ends = _pairs(kwargs.get("constant_values", kwargs.get("end_values", 0)), len(shape))
    for k, (before, after) in enumerate(widths):
        if not before and not after:
            continue
        axis = k - len(shape)
        if shape[k] == 0 and mode not in ("constant", "empty"):
            raise ValueError(f"pad: cannot extend empty axis {k} using mode {mode!r}")
        if mode in ("maximum", "minimum"):
            left, right = _extremes(x, axis, mode, before, after, kwargs.get("stat_length"), k)
        elif mode in ("constant", "empty"):
            left, right = (_constant(x, axis, n, value) for n, value in zip((before, after), ends[k], strict=True))
        else:
            left, right = _linear_border(x, axis, mode, before, after, kwargs, ends[k], k)
        x = concatenate([left, x, right], axis)
    return x


def _widths(pad_width, ndim):
    if isinstance(pad_width, dict):
        pad_width = _by_axis(pad_width, ndim)
    try:
        widths = np.broadcast_to(np.asarray(pad_width), (ndim, 2))
    except ValueError:
        raise ValueError(f"pad: pad_width {pad_width!r} does not fit {ndim} axes") from None
    if widths.dtype.kind not in "iu":
        raise TypeError("pad: pad_width must be of integral type")
    if widths.min(initial=0) < 0:
        raise ValueError("pad: pad_width must not be negative")
    return widths.tolist()


def _by_axis(widths, ndim):
    found = [(0, 0)] * ndim
    for axis, width in widths.items():
        found[axis] = (width, width) if np.ndim(width) == 0 else tuple(width)
    return found


def _pairs(values, ndim):
    """One (before, after) pair for each axis, of numbers or 0-d Variables."""
    whole = sh.broadcast_to(as_array(values), (ndim, 2))
    return [[index(whole, key=Key((k, side))) for side in (0, 1)] for k in range(ndim)]


def _constant(x, axis, n, value):
    shape = list(shape_of(x))
    shape[axis] = n
    return sh.broadcast_to(sh.cast(value, dtype_of(x)), tuple(shape))


def _stat_lengths(stat_length, ndim, k, n):
    if stat_length is None:
        return n, n
    before, after = np.broadcast_to(np.asarray(stat_length), (ndim, 2))[k].tolist()
    if before <= 0 or after <= 0:
        raise ValueError("pad: stat_length must be positive")
    return min(before, n), min(after, n)


def _extremes(x, axis, mode, before, after, stat_length, k):
    shape = shape_of(x)
    n = shape[axis]
    first, last = _stat_lengths(stat_length, len(shape), k, n)
    function = extrema.max if mode == "maximum" else extrema.min
    found = []
    for width, part in ((before, slice(0, first)), (after, slice(n - last, None))):
        one = function(index(x, key=along(axis, part)), axis=axis, keepdims=True)
        whole = list(shape)
        whole[axis] = width
        found.append(sh.broadcast_to(one, tuple(whole)))
    return found


def _linear_border(x, axis, mode, before, after, kwargs, ends, k):
    """Borders that are linear in the array: copies by index, or a small matrix that NumPy's own `pad` gives."""
    shape = shape_of(x)
    n = shape[axis]
    copies = mode in ("edge", "wrap", "reflect", "symmetric") and kwargs.get("reflect_type", "even") == "even"
    if copies:
        places = np.pad(np.arange(n), (before, after), mode)
        return (index(x, key=along(axis, part)) for part in (places[:before], places[before + n :]))
    options = dict(kwargs)
    options.pop("end_values", None)
    if mode == "mean":
        options["stat_length"] = (_stat_lengths(kwargs.get("stat_length"), len(shape), k, n),)
    weights = np.pad(np.eye(n), ((before, after), (0, 0)), mode, **options).astype(dtype_of(x))
    found = []
    for side, part in enumerate((weights[:before], weights[before + n :])):
        border = moveaxis(products.matmul(part, _columns(x, axis)), 0, -1)
        rest = [m for i, m in zip(range(-len(shape), 0), shape, strict=True) if i != axis]
        border = sh.reshape(border, (*rest, part.shape[0]))
        border = moveaxis(border, -1, axis)
        if mode == "linear_ramp":
            # the ramp from x to the end value: what is not weight of x is weight of the end
            missing = (1 - part.sum(1)).reshape((-1,) + (1,) * (-axis - 1)).astype(dtype_of(x))
            border = ew.add(border, ew.multiply(missing, sh.cast(ends[side], dtype_of(x))))
        found.append(border)
    return found


def _columns(x, axis):
    """The axis first, all others as one."""
    moved = moveaxis(x, axis, 0)
    n = shape_of(moved)[0]
    return sh.reshape(moved, (n, size_of(shape_of(moved)[1:])))


def trim_zeros(filt, trim="fb", axis=None):
    """Cut zeros off at the ends.

    Parameters
    ----------
    filt : array_like
    trim : {"fb", "f", "b"}
        At the front, at the back, or both.
    axis : int or tuple of int, optional
        Which axes; all by default.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If `trim` is not known.
    TracingError
        If the values are not known (vmap, tracing): they decide about the shape.

    Notes
    -----
    Derivative: the cotangent, in its place. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.trim_zeros([0.0, 1.0, 0.0])
    array([1.])
    """
    x = as_array(filt)
    side = trim.lower()
    if side not in ("fb", "bf", "f", "b"):
        raise ValueError(f"trim_zeros: trim must be 'f', 'b' or 'fb', not {trim!r}")
    values = known_values(x, "trim_zeros")
    ndim = values.ndim
    axes = sh.normalize_axes(axis, ndim, "trim_zeros")
    places = np.argwhere(values)
    entries = []
    for k in range(ndim):
        start, stop = 0, values.shape[k]
        if k - ndim in axes:
            low, high = (places[:, k].min(), places[:, k].max() + 1) if len(places) else (stop, stop)
            start = int(low) if "f" in side else start
            stop = int(high) if "b" in side and (len(places) or "f" in side) else 0 if not len(places) else stop
        entries.append(slice(start, stop))
    return index(x, key=Key(entries))


# ------------------------------------------------------------------------------------------------ parts in and out
def delete(arr, obj, axis=None):
    """An array without the elements at some places.

    Parameters
    ----------
    arr : array_like
    obj : int, slice, array_like of int or bool
        The places along the axis.
    axis : int, optional
        None: flatten first.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    IndexError
        If a place does not exist.

    Notes
    -----
    Derivative: the cotangent, in its place. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.delete([1.0, 2.0, 3.0], 1)
    array([1., 3.])
    """
    x = as_array(arr)
    if axis is None:
        x, axis = ravel(x), 0
    axis = one_axis(axis, len(shape_of(x)), "delete")
    left = np.delete(np.arange(shape_of(x)[axis]), known_values(obj, "delete") if type(obj) is Variable else obj)
    return index(x, key=along(axis, left))


def insert(arr, obj, values, axis=None):
    """An array with values inserted before some places.

    Parameters
    ----------
    arr : array_like
    obj : int, slice or array_like of int
        The places along the axis.
    values : array_like
        Broadcast to what is inserted, and converted to the dtype of `arr`.
    axis : int, optional
        None: flatten first.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    IndexError
        If a place does not exist.

    Notes
    -----
    Derivative: the parts of the cotangent. Cost: two passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.insert([1.0, 3.0], 1, 2.0)
    array([1., 2., 3.])
    """
    x, values = as_array(arr), as_array(values)
    if axis is None:
        x, axis = ravel(x), 0
    shape = shape_of(x)
    ndim = len(shape)
    axis = one_axis(axis, ndim, "insert")
    n = shape[axis]
    obj = known_values(obj, "insert") if type(obj) is Variable else obj
    places = np.arange(*obj.indices(n)) if isinstance(obj, slice) else np.asarray(obj)
    if places.dtype.kind == "b":
        places = np.flatnonzero(places)
    if len(shape_of(values)) < ndim:
        values = sh.reshape(values, (1,) * (ndim - len(shape_of(values))) + shape_of(values))
    if places.ndim == 0:
        # as NumPy: one place takes all of the values' first axis
        values = moveaxis(values, 0, axis)
        count = shape_of(values)[axis]
    else:
        count = places.size if places.size != 1 else shape_of(values)[axis]
    whole = list(shape)
    whole[axis] = count
    values = sh.broadcast_to(sh.cast(values, dtype_of(x)), tuple(whole))
    if places.size == 1:
        places = np.full(count, int(places.reshape(())))
    order = np.insert(np.arange(n), places, np.arange(n, n + count))
    return index(concatenate([x, values], axis), key=along(axis, order))
