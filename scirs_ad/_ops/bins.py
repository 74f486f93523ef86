"""Sorted places and bins: searchsorted, digitize, bincount, histogram."""

import operator

import numpy as np

from scirs_ad._core.core import Spec, Variable, as_array, dtype_of, shape_of
from scirs_ad._core.define import primitive, raises, sample
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import extrema
from scirs_ad._ops import shape as sh
from scirs_ad._ops.arrange import ravel
from scirs_ad._ops.calculus import diff
from scirs_ad._ops.gather import Key, scatter, size_of
from scirs_ad._ops.index import known_values
from scirs_ad._ops.select import take

__all__ = [
    "bincount",
    "digitize",
    "histogram",
    "histogram2d",
    "histogram_bin_edges",
    "histogramdd",
    "searchsorted",
]


# ------------------------------------------------------------------------------------------------ sorted places
@primitive(core=lambda a, v, *, side: (1, 1), differentiable=False, internal=True)
def searchsorted_rows(a, v, *, side):
    """Where the entries of each row of `v` would enter the sorted row of `a`.

    Derivative: none. Cost: a binary search for each entry.
    """
    a, v = np.asarray(a), np.asarray(v)
    if a.ndim == 1:
        return np.searchsorted(a, v, side)
    lead = np.broadcast_shapes(a.shape[:-1], v.shape[:-1])
    rows = np.broadcast_to(a, lead + a.shape[-1:]).reshape(size_of(lead), a.shape[-1])
    each = np.broadcast_to(v, lead + v.shape[-1:]).reshape(size_of(lead), v.shape[-1])
    found = np.empty(each.shape, np.intp)
    for k in range(len(rows)):
        found[k] = np.searchsorted(rows[k], each[k], side)
    return found.reshape(lead + v.shape[-1:])


searchsorted_rows.not_differentiable("places are whole numbers")


@searchsorted_rows.def_shape
def _(a, v, *, side):
    return Spec(np.broadcast_shapes(a.shape[:-1], v.shape[:-1]) + v.shape[-1:], np.intp)


@searchsorted_rows.def_samples
def _(rng):
    a = np.sort(rng.standard_normal((2, 5)))
    yield sample(a[0], rng.standard_normal(3), side="left")
    yield sample(a, rng.standard_normal((2, 3)), side="right")
    yield sample(a, a[0], side="left")
    yield sample(a[0], np.zeros(0), side="left")
    yield raises(ValueError, a[0], np.zeros(2), side="middle", match="left")


def searchsorted(a, v, side="left", sorter=None):
    """Where elements would enter a sorted array.

    Parameters
    ----------
    a : array_like, 1-D
        Sorted ascending, unless `sorter` is given.
    v : array_like
    side : {"left", "right"}
        Before or after equal elements.
    sorter : array_like of int, optional
        The order that sorts `a`.

    Returns
    -------
    ndarray of int (a Variable where values are not known)

    Raises
    ------
    ValueError
        If `side` is not known, or `a` is not 1-D.

    Notes
    -----
    Derivative: none, places are whole numbers. Cost: a binary search for each element.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.searchsorted([1.0, 2.0, 3.0], 2.5)
    array(2)
    """
    a, v = as_array(a), as_array(v)
    if side not in ("left", "right"):
        raise ValueError(f"searchsorted: side must be 'left' or 'right', not {side!r}")
    if len(shape_of(a)) != 1:
        raise ValueError(f"searchsorted: a must be 1-D, not of shape {shape_of(a)}")
    if sorter is not None:
        a = take(a, sorter)
    shape = shape_of(v)
    return sh.reshape(searchsorted_rows(a, sh.reshape(v, (size_of(shape),)), side=side), shape)


def digitize(x, bins, right=False):
    """The number of the bin of each element.

    Parameters
    ----------
    x : array_like
    bins : array_like, 1-D
        The edges, increasing or decreasing.
    right : bool
        Whether a bin includes its right edge (instead of its left).

    Returns
    -------
    ndarray of int (a Variable where values are not known)

    Raises
    ------
    ValueError
        If the edges are not monotonic.

    Notes
    -----
    Derivative: none, numbers of bins are whole. Cost: a binary search for each element.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.digitize([0.5, 2.5], [1.0, 2.0])
    array([0, 2])
    """
    edges = known_values(bins, "digitize")
    if edges.ndim != 1:
        raise ValueError(f"digitize: bins must be 1-D, not of shape {edges.shape}")
    side = "left" if right else "right"
    if np.all(edges[1:] >= edges[:-1]):
        return searchsorted(edges, x, side)
    if not np.all(edges[1:] <= edges[:-1]):
        raise ValueError("digitize: bins must be monotonically increasing or decreasing")
    return ew.subtract(len(edges), searchsorted(edges[::-1], x, "right" if right else "left"))


def bincount(x, /, weights=None, minlength=0):
    """How often each whole number occurs, or the sum of its weights.

    Parameters
    ----------
    x : array_like of int, 1-D, not negative
    weights : array_like, optional
    minlength : int
        The least length of the result.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If a number is negative, or the weights do not fit.

    Notes
    -----
    Derivative: for the weights, the cotangent at their numbers. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.bincount([0, 2, 2], [1.0, 2.0, 3.0])
    array([1., 0., 5.])
    """
    numbers = known_values(x, "bincount")
    minlength = operator.index(minlength)
    if weights is None or type(as_array(weights)) is not Variable:
        return np.bincount(numbers, weights, minlength)
    weights = as_array(weights)
    if numbers.ndim != 1 or shape_of(weights) != numbers.shape:
        raise ValueError(f"bincount: weights of shape {shape_of(weights)} do not fit numbers of shape {numbers.shape}")
    if numbers.dtype.kind not in "iu" and numbers.size:
        raise TypeError(f"bincount: whole numbers are needed, not {numbers.dtype}")
    if numbers.min(initial=0) < 0:
        raise ValueError("bincount: the numbers must not be negative")
    size = int(np.maximum(numbers.max(initial=-1) + 1, minlength))
    weights = sh.astype(weights, np.float64, casting="safe")
    return scatter(weights, key=Key((numbers.astype(np.intp),)), to=(size,))


def _moving(a, values, edges, bins, range):
    """The edges; where they span the elements, they move with the least and the greatest of them."""
    if isinstance(bins, Variable) and np.ndim(edges):
        return bins
    if type(a) is not Variable or a.level is None or range is not None or not isinstance(bins, (int, np.integer, str)):
        return edges
    if values.size == 0 or dtype_of(a).kind != "f":
        return edges
    low, high = extrema.min(a), extrema.max(a)
    if edges[0] != values.min():  # all elements are equal
        return ew.add(low, edges - values.min())
    return ew.add(low, ew.multiply(ew.subtract(high, low), (edges - edges[0]) / (edges[-1] - edges[0])))


def histogram(a, bins=10, range=None, density=None, weights=None):
    """Count elements, or sum their weights, by bins.

    Parameters
    ----------
    a : array_like
    bins : int, str or array_like
        Number, rule, or edges.
    range : (float, float), optional
    density : bool, optional
        Divide by the total and by the widths.
    weights : array_like, optional

    Returns
    -------
    hist, edges : Variable or ndarray

    Raises
    ------
    ValueError
        If the bins or weights do not fit.

    Notes
    -----
    Derivative: for the weights; none for the elements: counts are piecewise constant. Edges that span the elements move
    with the least and the greatest of them. Cost: a binary search for each element.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.histogram([0.5, 1.5, 1.6], bins=[0.0, 1.0, 2.0], weights=[1.0, 2.0, 3.0])[0]
    array([1., 5.])
    """
    values = known_values(a, "histogram")
    known = known_values(bins, "histogram") if isinstance(bins, Variable) else bins
    if weights is None or type(as_array(weights)) is not Variable:
        hist, plain = np.histogram(values, known, range, density, weights)
        edges = _moving(as_array(a), values, plain, bins, range)
        if density and type(edges) is Variable:
            hist = ew.divide(hist * np.diff(plain), diff(edges))
        return hist, edges
    weights = as_array(weights)
    if shape_of(weights) != values.shape:
        raise ValueError(f"histogram: weights of shape {shape_of(weights)} do not fit values of shape {values.shape}")
    flat, each = values.ravel(), ravel(weights)
    edges = np.histogram_bin_edges(flat, known, range)
    inside = np.flatnonzero((flat >= edges[0]) & (flat <= edges[-1]))
    number = np.clip(np.searchsorted(edges, flat[inside], "right") - 1, 0, len(edges) - 2)
    hist = scatter(take(each, inside), key=Key((number,)), to=(len(edges) - 1,))
    edges = _moving(as_array(a), values, edges, bins, range)
    if density:
        hist = ew.divide(ew.divide(hist, diff(edges)), sh.sum(hist))
    return hist, edges


def histogram_bin_edges(a, bins=10, range=None, weights=None):
    """The edges that `histogram` uses.

    Parameters
    ----------
    a : array_like
    bins : int, str or array_like
    range : (float, float), optional
    weights : array_like, optional

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If the bins do not fit.

    Notes
    -----
    Derivative: where they span the elements, those of the least and the greatest. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.histogram_bin_edges([0.0, 1.0], bins=2)
    array([0. , 0.5, 1. ])
    """
    del weights  # they have no influence
    values = known_values(a, "histogram_bin_edges")
    known = known_values(bins, "histogram_bin_edges") if isinstance(bins, Variable) else bins
    return _moving(as_array(a), values, np.histogram_bin_edges(values, known, range), bins, range)


def _along(x, k, ndim):
    """A vector along axis `k` of `ndim`."""
    return sh.reshape(as_array(x), (-1,) + (1,) * (ndim - 1 - k))


def _moving_sides(sample, points, edges, bins, range):
    """`_moving` of each coordinate."""
    if isinstance(sample, (Variable, np.ndarray)):
        columns = [sample[:, k] for k in np.arange(points.shape[1])] if sample.ndim == 2 else [sample]
    else:
        columns = list(sample)
    bins = [bins] * len(edges) if isinstance(bins, (int, np.integer)) else bins
    return tuple(
        _moving(as_array(x), points[:, k], edges[k], bins[k], None if range is None else range[k])
        for k, x in enumerate(columns)
    )


def histogramdd(sample, bins=10, range=None, density=None, weights=None):
    """Count points, or sum their weights, by boxes.

    Parameters
    ----------
    sample : array_like, shape (N, D), or sequence of D arrays of shape (N,)
    bins : int, or sequence of int or array_like
        Numbers or edges, for each dimension.
    range : sequence of (float, float), optional
    density : bool, optional
        Divide by the total and by the volumes.
    weights : array_like, shape (N,), optional

    Returns
    -------
    hist : Variable or ndarray, D-dimensional
    edges : tuple of Variable or ndarray

    Raises
    ------
    ValueError
        If the bins or weights do not fit.

    Notes
    -----
    Derivative: for the weights; none for the points: counts are piecewise constant. Edges that span the points move
    with the outermost. Cost: a binary search for each coordinate.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.histogramdd([[0.5, 1.5], [0.5, 0.5]], bins=[[0, 1, 2], [0, 1]], weights=[2.0, 3.0])[0]
    array([[2.],
           [3.]])
    """
    if isinstance(sample, (Variable, np.ndarray)):
        points = known_values(sample, "histogramdd")
        points = points if points.ndim == 2 else np.atleast_2d(points).T
    else:
        points = np.atleast_2d([known_values(x, "histogramdd") for x in sample]).T
    if weights is None or type(as_array(weights)) is not Variable:
        hist, plain = np.histogramdd(points, bins, range, density, weights)
        edges = _moving_sides(sample, points, plain, bins, range)
        if density and any(type(e) is Variable for e in edges):
            for k, (e, p) in enumerate(zip(edges, plain, strict=True)):
                hist = ew.multiply(hist, _along(ew.divide(np.diff(p), diff(e)), k, len(edges)))
        return hist, edges
    weights = as_array(weights)
    if shape_of(weights) != points.shape[:1]:
        raise ValueError(f"histogramdd: weights of shape {shape_of(weights)} do not fit {points.shape[0]} points")
    _, edges = np.histogramdd(points, bins, range)
    inside = np.ones(len(points), bool)
    numbers = []
    for x, e in zip(points.T, edges, strict=True):
        inside &= (x >= e[0]) & (x <= e[-1])
        numbers.append(np.clip(np.searchsorted(e, x, "right") - 1, 0, len(e) - 2))
    places = np.flatnonzero(inside)
    shape = tuple(len(e) - 1 for e in edges)
    hist = scatter(take(weights, places), key=Key(tuple(n[places] for n in numbers)), to=shape)
    edges = _moving_sides(sample, points, edges, bins, range)
    if density:
        for k, e in enumerate(edges):
            hist = ew.divide(hist, _along(diff(e), k, len(edges)))
        hist = ew.divide(hist, sh.sum(take(weights, places)))
    return hist, edges


def histogram2d(x, y, bins=10, range=None, density=None, weights=None):
    """Count points of the plane, or sum their weights, by rectangles.

    Parameters
    ----------
    x, y : array_like, shape (N,)
    bins : int, array_like, or a pair of such
        Numbers or edges.
    range : pair of (float, float), optional
    density : bool, optional
        Divide by the total and by the areas.
    weights : array_like, shape (N,), optional

    Returns
    -------
    hist : Variable or ndarray, 2-D
    edges_x, edges_y : Variable or ndarray

    Raises
    ------
    ValueError
        If the bins or weights do not fit.

    Notes
    -----
    Derivative: for the weights; none for the points: counts are piecewise constant. Edges that span the points move
    with the outermost. Cost: a binary search for each coordinate.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.histogram2d([0.5, 1.5], [0.5, 0.5], bins=[[0, 1, 2], [0, 1]])[0]
    array([[1.],
           [1.]])
    """
    if hasattr(bins, "__len__") and not isinstance(bins, str) and len(bins) not in (1, 2):
        bins = [bins, bins]
    hist, edges = histogramdd([x, y], bins, range, density, weights)
    return hist, edges[0], edges[1]
