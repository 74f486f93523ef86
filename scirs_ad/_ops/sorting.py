"""Sorting and what follows from it: order statistics, piecewise linear interpolation.

An order is a permutation found from the values; what is differentiated is the gather by it. At ties the derivative is
that of the order that was found (the sort is stable, so the first of equal elements comes first).
"""

import numpy as np

from scirs_ad._core.core import Spec, Variable, as_array, dtype_of, shape_of
from scirs_ad._core.define import primitive, raises, sample
from scirs_ad._core.errors import TracingError
from scirs_ad._ops import accumulate
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.arrange import moveaxis, one_axis, ravel
from scirs_ad._ops.bins import searchsorted_rows
from scirs_ad._ops.gather import Key, gather, index, size_of
from scirs_ad._ops.index import known, known_values
from scirs_ad._ops.join import concatenate
from scirs_ad._ops.select import from_last, is_known, to_last

__all__ = [
    "argpartition",
    "argsort",
    "interp",
    "lexsort",
    "median",
    "nanmedian",
    "nanpercentile",
    "nanquantile",
    "partition",
    "percentile",
    "quantile",
    "sort",
    "sort_complex",
]


# ------------------------------------------------------------------------------------------------ orders
@primitive("(n)->(n)", differentiable=False, internal=True)
def order_of(x, *, kth):
    """The order that sorts each row, stably; with `kth` the order that partitions it there.

    Derivative: none. Cost: a sort of each row.
    """
    return np.argsort(x, -1, kind="stable") if kth is None else np.argpartition(x, kth, -1)


order_of.not_differentiable("places are whole numbers")


@order_of.def_shape
def _(x, *, kth):
    return Spec(x.shape, np.intp)


@order_of.def_samples
def _(rng):
    yield sample(rng.standard_normal((2, 5)), kth=None)
    yield sample(np.array([2.0, 1.0, np.nan, 1.0]), kth=None)
    yield sample(np.zeros((2, 0)), kth=None)
    yield sample(rng.standard_normal(5), kth=(1, 3))
    yield raises(ValueError, rng.standard_normal(3), kth=(3,), match="out of bounds")


def _flat_or_last(a, axis, name):
    """The array with the axis last, and the axis."""
    x = as_array(a)
    if axis is None:
        return ravel(x), -1
    axis = one_axis(axis, len(shape_of(x)), name)
    return to_last(x, axis), axis


def _no_order(order, name):
    if order is not None:
        raise ValueError(f"{name}: order= is for arrays with fields")


def sort(a, axis=-1, kind=None, order=None, *, stable=None, descending=False):
    """The elements along an axis in ascending order.

    Parameters
    ----------
    a : array_like
    axis : int or None
        None: of the flattened array.
    kind : str, optional
        Accepted for NumPy's sake; the sort is stable.
    order : None
        Must not be given.
    stable : bool, optional
        Accepted; the sort is stable.
    descending : bool
        The other way (of the array API standard).

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    numpy.exceptions.AxisError
        If the axis does not exist.

    Notes
    -----
    Derivative: the cotangent, put back in order. Cost: one sort and one gather.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.sort([3.0, 1.0, 2.0])
    array([1., 2., 3.])
    """
    del kind, stable
    _no_order(order, "sort")
    x, axis = _flat_or_last(a, axis, "sort")
    places = _descending(x) if descending else order_of(x, kth=None)
    return from_last(gather(x, places), axis)


def _descending(x):
    """The stable order from the largest to the smallest: equal elements keep their order."""
    flipped = index(x, key=Key((slice(None, None, -1),)))
    places = index(order_of(flipped, kth=None), key=Key((slice(None, None, -1),)))
    return ew.subtract(shape_of(x)[-1] - 1, places)


def sort_complex(a):
    """The elements along the last axis in ascending order, as complex numbers: by real, then by imaginary part.

    Parameters
    ----------
    a : array_like

    Returns
    -------
    Variable or ndarray, complex

    Notes
    -----
    Derivative: the cotangent, put back in order. Cost: one sort and one gather.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.sort_complex([2.0, 1.0])
    array([1.+0.j, 2.+0.j])
    """
    x = sort(a)
    return x if dtype_of(x).kind == "c" else sh.astype(x, np.result_type(dtype_of(x), np.complex64))


def argsort(a, axis=-1, kind=None, order=None, *, stable=None, descending=False):
    """The places of the elements along an axis in ascending order.

    Parameters
    ----------
    a : array_like
    axis : int or None
        None: of the flattened array.
    kind : str, optional
        Accepted for NumPy's sake; the sort is stable.
    order : None
        Must not be given.
    stable : bool, optional
        Accepted; the sort is stable.
    descending : bool
        The other way (of the array API standard).

    Returns
    -------
    ndarray of int (a Variable where values are not known)

    Raises
    ------
    numpy.exceptions.AxisError
        If the axis does not exist.

    Notes
    -----
    Derivative: none, places are whole numbers. Cost: one sort.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.argsort([3.0, 1.0, 2.0])
    array([1, 2, 0])
    """
    del kind, stable
    _no_order(order, "argsort")
    x, axis = _flat_or_last(a, axis, "argsort")
    return from_last(_descending(x) if descending else order_of(x, kth=None), axis)


def _kth(kth, n, name):
    """Places of a partition as a tuple of ints that are not negative."""
    found = []
    for k in np.atleast_1d(known_values(kth, name)).tolist():
        if not isinstance(k, int):
            raise TypeError(f"{name}: kth must be whole, not {k!r}")
        if not -n <= k < n:
            raise ValueError(f"{name}: kth {k} is out of bounds for {n} elements")
        found.append(k % n)
    return tuple(sorted(set(found)))


def partition(a, kth, axis=-1, kind="introselect", order=None):
    """The elements along an axis, with those at some places as if sorted, smaller ones before, larger ones after.

    Parameters
    ----------
    a : array_like
    kth : int or sequence of int
    axis : int or None
        None: of the flattened array.
    kind : str
        Accepted for NumPy's sake.
    order : None
        Must not be given.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If a place does not exist.

    Notes
    -----
    Derivative: the cotangent, put back in order. Cost: one selection and one gather.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.partition([3.0, 1.0, 2.0], 0)[0]
    np.float64(1.0)
    """
    del kind
    _no_order(order, "partition")
    x, axis = _flat_or_last(a, axis, "partition")
    return from_last(gather(x, order_of(x, kth=_kth(kth, shape_of(x)[-1], "partition"))), axis)


def argpartition(a, kth, axis=-1, kind="introselect", order=None):
    """The places of the elements in the order of `partition`.

    Parameters
    ----------
    a : array_like
    kth : int or sequence of int
    axis : int or None
        None: of the flattened array.
    kind : str
        Accepted for NumPy's sake.
    order : None
        Must not be given.

    Returns
    -------
    ndarray of int (a Variable where values are not known)

    Raises
    ------
    ValueError
        If a place does not exist.

    Notes
    -----
    Derivative: none, places are whole numbers. Cost: one selection.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.argpartition([3.0, 1.0, 2.0], 0)[0]
    np.int64(1)
    """
    del kind
    _no_order(order, "argpartition")
    x, axis = _flat_or_last(a, axis, "argpartition")
    return from_last(order_of(x, kth=_kth(kth, shape_of(x)[-1], "argpartition")), axis)


def lexsort(keys, axis=-1):
    """The order that sorts by several keys, the last key first.

    Parameters
    ----------
    keys : sequence of array_like
    axis : int

    Returns
    -------
    ndarray of int

    Raises
    ------
    TracingError
        If values are not known (vmap, tracing).

    Notes
    -----
    Derivative: none, places are whole numbers. Cost: one sort for each key.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.lexsort(([2.0, 1.0, 1.0], [0.0, 1.0, 0.0]))
    array([2, 0, 1])
    """
    if type(keys) is Variable:
        return np.lexsort(known_values(keys, "lexsort"), axis)
    return np.lexsort([known_values(k, "lexsort") for k in keys], axis)


# ------------------------------------------------------------------------------------------------ order statistics
# The constants of the continuous methods: the place of quantile q among n sorted elements, counted from 0, is
# n q + alpha + q (1 - alpha - beta) - 1. Hyndman and Fan, The American Statistician 50 (1996) 361.
_CONTINUOUS = {
    "interpolated_inverted_cdf": (0.0, 1.0), "hazen": (0.5, 0.5), "weibull": (0.0, 0.0), "linear": (1.0, 1.0),
    "median_unbiased": (1 / 3, 1 / 3), "normal_unbiased": (3 / 8, 3 / 8),
}  # fmt: skip
_METHODS = {
    *_CONTINUOUS, "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "lower", "higher", "midpoint",
    "nearest",
}  # fmt: skip


def _place_of(q, n, method):
    """The place, perhaps between two elements, of quantiles among `n` sorted elements; `q` or `n` may be Variables."""
    if type(q) is not Variable and type(n) is not Variable:
        # What NumPy gives for the places themselves is the place, by every method.
        return np.quantile(np.arange(n, dtype=float), q, method=method)
    if method not in _CONTINUOUS:
        raise TracingError(
            f"quantile: method {method!r} is not continuous, so it has no derivative for q and needs known numbers; "
            f"use one of {', '.join(_CONTINUOUS)}"
        )
    alpha, beta = _CONTINUOUS[method]
    if method == "linear":
        place = ew.multiply(ew.subtract(n, 1), q)
    else:
        place = ew.add(ew.multiply(n, q), ew.add(ew.multiply(q, 1 - alpha - beta), alpha - 1))
    return ew.minimum(ew.maximum(place, 0.0), ew.subtract(n, 1.0))


def _between(x, place, last=None):
    """Elements of the sorted last axis at places that may lie between two; the last place is `last`."""
    if type(place) is np.ndarray or isinstance(place, (float, np.floating)):
        place = np.asarray(place, float)
        low = np.floor(place).astype(np.intp)
        high = np.ceil(place).astype(np.intp)
        share = (place - low).astype(np.dtype(dtype_of(x).char.lower()) if dtype_of(x).kind == "c" else dtype_of(x))
        first = gather(x, low)
        return first if np.array_equal(low, high) else _lerp(first, gather(x, high), share)
    low = ew.floor(place)
    low_at = sh.astype(low, np.intp)
    last = shape_of(x)[-1] - 1 if last is None else sh.astype(last, np.intp)
    high_at = ew.maximum(ew.minimum(ew.add(low_at, 1), last), 0)
    return _lerp(gather(x, low_at), gather(x, high_at), sh.cast(ew.subtract(place, low), dtype_of(x)))


def _lerp(first, second, share):
    """From `first` to `second`; exact at both ends, and from the nearer one, so that it is monotonic."""
    step = ew.subtract(second, first)
    from_first = ew.add(first, ew.multiply(step, share))
    from_second = ew.subtract(second, ew.multiply(step, ew.subtract(1.0, share)))
    found = ew.where(ew.less(share, 0.5), from_first, from_second)
    return ew.where(ew.equal(first, second), first, found)  # also two equal infinities


def _quantiles(name, a, q, axis, out, method, keepdims, weights, interpolation, nan):
    if out is not None:
        raise TypeError(f"{name}: out= is not supported")
    method = method if interpolation is None else interpolation
    if method not in _METHODS:
        raise ValueError(f"{name}: method {method!r} is not one of {', '.join(sorted(_METHODS))}")
    x, q = as_array(a), as_array(q)
    if dtype_of(x).kind == "c":
        raise TypeError(f"{name}: complex numbers have no order")
    if dtype_of(x).kind in "biu":
        x = sh.astype(x, float)
    shape = shape_of(x)
    axes = sh.normalize_axes(axis, len(shape), name)
    kept = tuple(1 if k in axes else n for k, n in zip(range(-len(shape), 0), shape, strict=True))
    rest = tuple(n for k, n in zip(range(-len(shape), 0), shape, strict=True) if k not in axes)
    length = size_of(tuple(shape[k] for k in axes))
    if len(axes) != 1 or axes[0] != -1:
        x = moveaxis(x, axes, tuple(range(-len(axes), 0)))
        x = sh.reshape(x, (*rest, length))
    if is_known(q):
        numbers = known(q)
        if numbers.size and not 0 <= numbers.min() <= numbers.max() <= 1:
            raise ValueError(f"{name}: quantiles must be in the range [0, 1], percentiles in [0, 100]")
    q_shape = shape_of(q)
    level = getattr(q, "level", None) if type(q) is Variable else None
    flat = sh.reshape(q, (size_of(q_shape),)) if level is not None else known(q).reshape(-1)
    if length == 0:
        found = np.full((*rest, size_of(q_shape)), np.nan, dtype_of(x))
    else:
        places = order_of(x, kth=None)
        x = gather(x, places)
        if weights is not None:
            found = _weighted(name, x, places, flat, weights, method, shape, axes, nan)
        elif nan:
            found = _without_nan(x, flat, method, rest)
        else:
            found = _between(x, _place_of(flat, length, method))
            # nan is sorted to the end: one among the elements makes all their quantiles nan
            last = index(x, key=Key((slice(-1, None),)))
            found = ew.where(ew.isnan(last), last, found)
    found = moveaxis(found, -1, 0)
    return sh.reshape(found, q_shape + (kept if keepdims else rest))


def _without_nan(x, q, method, rest):
    """Quantiles of rows in which the nan, which are sorted to the end, are left out."""
    count = sh.sum(sh.astype(ew.logical_not(ew.isnan(x)), float), axis=-1, keepdims=True)
    last = shape_of(x)[-1] - 1
    if is_known(count) and type(q) is not Variable:
        counts = known(count).astype(int)
        place = np.zeros(counts.shape[:-1] + q.shape)
        for n in np.unique(counts):
            place[counts[..., 0] == n] = _place_of(q, int(n), method) if n else last
        return _between(x, place)
    place = _place_of(q, count, method)
    found = _between(x, ew.maximum(place, 0.0), ew.subtract(count, 1.0))
    return ew.where(ew.equal(count, 0.0), np.nan, found)


def _weighted(name, x, places, q, weights, method, shape, axes, nan):
    """Quantiles of the distribution with weights, by the inverse of its cumulative distribution."""
    if method != "inverted_cdf":
        raise ValueError(f"{name}: only method 'inverted_cdf' supports weights")
    if type(q) is Variable:
        raise TypeError(f"{name}: with weights there is no derivative for the quantile; use scirs_ad.value(q)")
    w = known_values(weights, name).astype(float)
    if np.any(w < 0):
        raise ValueError(f"{name}: weights must not be negative")
    if w.shape != shape:
        if len(axes) != 1 or w.shape != (shape[axes[0]],):
            raise TypeError(f"{name}: weights of shape {w.shape} fit neither the array of shape {shape} nor the axis")
        w = np.broadcast_to(w.reshape((-1,) + (1,) * (-axes[0] - 1)), shape)
    w = np.moveaxis(w, axes, tuple(range(-len(axes), 0))).reshape(shape_of(x))
    w = gather(w, places)
    if nan:
        w = ew.where(ew.isnan(x), 0.0, w)
    total = accumulate.cumsum(w, axis=-1)
    share = ew.divide(total, index(total, key=Key((slice(-1, None),))))
    # the first element at which the share of the weight reaches q; elements without weight are passed over
    place = searchsorted_rows(share, np.maximum(q, np.finfo(float).tiny), side="left")
    found = gather(x, ew.minimum(place, shape_of(x)[-1] - 1))
    if nan:
        return found
    last = index(x, key=Key((slice(-1, None),)))
    return ew.where(ew.isnan(last), last, found)


_QUANTILE = """{summary}

    Parameters
    ----------
    a : array_like
    q : array_like
        {range}
    axis : int, tuple of int or None
        All axes by default.
    out : None
        Must not be given.
    overwrite_input : bool
        Accepted for NumPy's sake.
    method : str
        How to estimate between elements, as in `numpy.quantile`.
    keepdims : bool
        Keep reduced axes with length one.
    weights : array_like, optional
        Only with method "inverted_cdf".
    interpolation : str, optional
        Older name of `method`.

    Returns
    -------
    Variable or ndarray
        The first axes are those of `q`.

    Raises
    ------
    ValueError
        If `q` is out of range or the method is not known.

    Notes
    -----
    Derivative: the shares of the two elements around the quantile; for `q` the slope between them (continuous
    methods). Cost: one sort.

    References
    ----------
    R. J. Hyndman, Y. Fan, "Sample quantiles in statistical packages", The American Statistician 50 (1996) 361.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.{name}([1.0, 2.0, 4.0], {at})
    array(1.5)
    """


def _quantile_door(name, scale, nan):
    def door(
        a,
        q,
        axis=None,
        out=None,
        overwrite_input=False,
        method="linear",
        keepdims=False,
        *,
        weights=None,
        interpolation=None,
    ):
        del overwrite_input
        q = as_array(q)
        if dtype_of(q).kind == "c":
            raise TypeError(f"{name}: q must be real")
        q = ew.divide(q, 100.0) if scale else q
        return _quantiles(name, a, q, axis, out, method, keepdims, weights, interpolation, nan)

    door.__name__ = door.__qualname__ = name
    what = "Percentiles" if scale else "Quantiles"
    door.__doc__ = _QUANTILE.format(
        summary=f"{what} of the elements over axes{', without nan' if nan else ''}.",
        name=name,
        range="In percent, from 0 to 100." if scale else "From 0 to 1.",
        at="25.0" if scale else "0.25",
    )
    return door


quantile, nanquantile = _quantile_door("quantile", False, False), _quantile_door("nanquantile", False, True)
percentile, nanpercentile = _quantile_door("percentile", True, False), _quantile_door("nanpercentile", True, True)


def _median_door(name, nan):
    def door(a, axis=None, out=None, overwrite_input=False, keepdims=False):
        del overwrite_input
        return _quantiles(name, a, 0.5, axis, out, "linear", keepdims, None, None, nan)

    door.__name__ = door.__qualname__ = name
    door.__doc__ = f"""Median of the elements over axes{", without nan" if nan else ""}.

    Parameters
    ----------
    a : array_like
    axis : int, tuple of int or None
        All axes by default.
    out : None
        Must not be given.
    overwrite_input : bool
        Accepted for NumPy's sake.
    keepdims : bool
        Keep reduced axes with length one.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    numpy.exceptions.AxisError
        If an axis does not exist.

    Notes
    -----
    Derivative: the cotangent at the middle element, or half of it at each of the two. Cost: one sort.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.{name}([3.0, 1.0, 2.0])
    array(2.)
    """
    return door


median, nanmedian = _median_door("median", False), _median_door("nanmedian", True)


# ------------------------------------------------------------------------------------------------ interpolation
def interp(x, xp, fp, left=None, right=None, period=None):
    """Piecewise linear interpolation.

    Parameters
    ----------
    x : array_like
        Where.
    xp : array_like, 1-D
        Ascending coordinates of the points (in any order with `period`).
    fp : array_like, 1-D
        Values there; real or complex.
    left, right : scalar, optional
        Values before the first and after the last point; those of these points by default.
    period : float, optional
        Of the coordinates.

    Returns
    -------
    Variable or ndarray, of the shape of `x`

    Raises
    ------
    ValueError
        If the points do not fit, or the period is 0.

    Notes
    -----
    Derivative: for `x` the slope of the segment (the one to the right, at a point), for `fp` the shares, for `xp` what
    follows from them; 0 beyond the ends. Cost: a binary search and a few passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.interp(1.5, [1.0, 2.0], [10.0, 20.0])
    array(15.)
    """
    x, xp, fp = as_array(x), as_array(xp), as_array(fp)
    if len(shape_of(xp)) != 1 or shape_of(xp) != shape_of(fp):
        raise ValueError(f"interp: points of shape {shape_of(xp)} and values of shape {shape_of(fp)}; both must be 1-D")
    if dtype_of(x).kind == "c" or dtype_of(xp).kind == "c":
        raise TypeError("interp: coordinates must be real")
    x, xp = (sh.astype(a, float) if dtype_of(a).kind in "biu" else a for a in (x, xp))
    fp = sh.astype(fp, float) if dtype_of(fp).kind in "biu" else fp
    n = shape_of(xp)[0]
    if n == 0:
        raise ValueError("interp: there are no points")
    if period is not None:
        if period == 0:
            raise ValueError("interp: the period must not be 0")
        period = abs(period)
        x, xp = ew.remainder(x, period), ew.remainder(xp, period)
        order = order_of(xp, kth=None)
        xp, fp = gather(xp, order), gather(fp, order)
        first, last = Key((slice(0, 1),)), Key((slice(-1, None),))
        xp = concatenate([ew.subtract(index(xp, key=last), period), xp, ew.add(index(xp, key=first), period)])
        fp = concatenate([index(fp, key=last), fp, index(fp, key=first)])
        n += 2
        left = right = None
    shape = shape_of(x)
    flat = sh.reshape(x, (size_of(shape),))
    low = index(fp, key=Key((0,))) if left is None else left
    high = index(fp, key=Key((n - 1,))) if right is None else right
    start, end = index(xp, key=Key((0,))), index(xp, key=Key((n - 1,)))
    if n == 1:
        found = sh.broadcast_to(index(fp, key=Key((slice(0, 1),))), shape_of(flat))
    else:
        place = searchsorted_rows(xp, flat, side="right")
        place = ew.minimum(ew.maximum(ew.subtract(place, 1), 0), n - 2)
        x0, f0 = gather(xp, place), gather(fp, place)
        after = ew.add(place, 1)
        x1, f1 = gather(xp, after), gather(fp, after)
        width = ew.subtract(x1, x0)
        none = ew.equal(width, 0.0)
        slope = ew.divide(ew.subtract(f1, f0), ew.where(none, 1.0, width))
        found = ew.add(f0, ew.multiply(ew.where(none, 0.0, slope), ew.subtract(flat, x0)))
        found = ew.where(ew.equal(flat, x1), f1, found) if not _tracked(flat, xp, fp) else found
    found = ew.where(ew.less(flat, start), low, ew.where(ew.greater(flat, end), high, found))
    found = ew.where(ew.isnan(flat), flat, found)
    return sh.reshape(found, shape)


def _tracked(*arrays):
    return any(type(a) is Variable and a.level is not None for a in arrays)
