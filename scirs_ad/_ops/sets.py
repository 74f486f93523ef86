"""Unique values and sets. What decides is the values; what is differentiated is the selection."""

import numpy as np

from scirs_ad._core.core import as_array, shape_of
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import reduce
from scirs_ad._ops import shape as sh
from scirs_ad._ops.arrange import along, one_axis, ravel
from scirs_ad._ops.gather import index
from scirs_ad._ops.index import known, known_values
from scirs_ad._ops.join import concatenate
from scirs_ad._ops.select import is_known, take
from scirs_ad._ops.sorting import sort

__all__ = [
    "intersect1d", "isin", "setdiff1d", "setxor1d", "union1d", "unique", "unique_all", "unique_counts",
    "unique_inverse", "unique_values",
]  # fmt: skip


# ------------------------------------------------------------------------------------------------ sets
def unique(
    ar, return_index=False, return_inverse=False, return_counts=False, axis=None, *, equal_nan=True, sorted=True,
):  # fmt: skip
    """The different elements (or slices along an axis), in order.

    Parameters
    ----------
    ar : array_like
    return_index, return_inverse, return_counts : bool
        Also their first places, the places of the elements among them, and how often they occur.
    axis : int, optional
        None: of the flattened array.
    equal_nan : bool
        Whether nan are equal.
    sorted : bool
        Accepted; the result is sorted.

    Returns
    -------
    Variable or ndarray, or a tuple with the arrays asked for

    Raises
    ------
    TracingError
        If the values are not known (vmap, tracing): they decide about the shape.

    Notes
    -----
    Derivative: the cotangent at the first of equal elements. Cost: one sort.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.unique([2.0, 1.0, 2.0])
    array([1., 2.])
    """
    del sorted
    x = as_array(ar)
    found, first, *more = np.unique(
        known_values(x, "unique"), True, return_inverse, return_counts, axis, equal_nan=equal_nan
    )
    del found
    if axis is None:
        values = take(ravel(x), first)
    else:
        values = index(x, key=along(one_axis(axis, len(shape_of(x)), "unique"), first))
    result = (values, *((first,) if return_index else ()), *more)
    return result[0] if len(result) == 1 else result


def _unique_door(name, text, fields):
    kind = type(getattr(np, name)(np.zeros(1))) if len(fields) > 1 else None
    options = {f"return_{ {'indices': 'index', 'inverse_indices': 'inverse', 'counts': 'counts'}[f] }": True
               for f in fields[1:]}  # fmt: skip

    def door(x, /):
        found = unique(x, equal_nan=False, **options)
        return found if kind is None else kind(*found)

    door.__name__ = door.__qualname__ = name
    door.__doc__ = f"""{text}

    Parameters
    ----------
    x : array_like

    Returns
    -------
    {"Variable or ndarray" if kind is None else "namedtuple of " + ", ".join(fields)}

    Raises
    ------
    TracingError
        If the values are not known (vmap, tracing): they decide about the shape.

    Notes
    -----
    Derivative: the cotangent at the first of equal elements. Cost: one sort.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.{name}([2.0, 1.0, 2.0]){"" if kind is None else ".values"}
    array([1., 2.])
    """
    return door


unique_values = _unique_door("unique_values", "The different elements.", ("values",))
unique_counts = _unique_door("unique_counts", "The different elements, and how often they occur.", ("values", "counts"))
unique_inverse = _unique_door(
    "unique_inverse", "The different elements, and where each element is among them.", ("values", "inverse_indices")
)
unique_all = _unique_door(
    "unique_all",
    "The different elements, their first places, where each element is among them, and how often they occur.",
    ("values", "indices", "inverse_indices", "counts"),
)  # fmt: skip


def isin(element, test_elements, assume_unique=False, invert=False, *, kind=None):
    """Whether each element is among others.

    Parameters
    ----------
    element, test_elements : array_like
    assume_unique : bool
        Accepted for NumPy's sake.
    invert : bool
        Whether it is not.
    kind : str, optional
        Accepted for NumPy's sake.

    Returns
    -------
    ndarray of bool (a Variable where values are not known), of the shape of `element`

    Notes
    -----
    Derivative: none, truth has none. Cost: a sort; all pairs where values are not known.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.isin([1.0, 2.0], [2.0, 3.0])
    array([False,  True])
    """
    x, among = as_array(element), as_array(test_elements)
    if is_known(x) and is_known(among):
        return np.isin(known(x), known(among), assume_unique, invert, kind=kind)
    pairs = ew.equal(sh.reshape(x, (*shape_of(x), 1)), ravel(among))
    found = reduce.any(pairs, axis=-1)
    return ew.logical_not(found) if invert else found


def _first_places(x, name):
    values = known_values(ravel(x), name)
    return values, np.unique(values, return_index=True)[1]


def union1d(ar1, ar2):
    """The different elements of two arrays, in order.

    Parameters
    ----------
    ar1, ar2 : array_like

    Returns
    -------
    Variable or ndarray, 1-D

    Raises
    ------
    TracingError
        If the values are not known (vmap, tracing).

    Notes
    -----
    Derivative: the cotangent at the first of equal elements. Cost: one sort.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.union1d([2.0, 1.0], [2.0, 3.0])
    array([1., 2., 3.])
    """
    return unique(concatenate([ar1, ar2], None))


def setdiff1d(ar1, ar2, assume_unique=False):
    """The different elements of one array that are not in another, in order.

    Parameters
    ----------
    ar1, ar2 : array_like
    assume_unique : bool
        Whether `ar1` and `ar2` have no repetitions; the order of `ar1` is then kept.

    Returns
    -------
    Variable or ndarray, 1-D

    Raises
    ------
    TracingError
        If the values are not known (vmap, tracing).

    Notes
    -----
    Derivative: the cotangent at the first of equal elements. Cost: two sorts.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.setdiff1d([3.0, 2.0, 1.0], [2.0])
    array([1., 3.])
    """
    values, first = _first_places(ar1, "setdiff1d")
    places = np.arange(values.size) if assume_unique else first
    return take(ravel(ar1), places[~np.isin(values[places], known_values(ravel(ar2), "setdiff1d"))])


def setxor1d(ar1, ar2, assume_unique=False):
    """The different elements that are in one of two arrays only, in order.

    Parameters
    ----------
    ar1, ar2 : array_like
    assume_unique : bool
        Accepted for NumPy's sake.

    Returns
    -------
    Variable or ndarray, 1-D

    Raises
    ------
    TracingError
        If the values are not known (vmap, tracing).

    Notes
    -----
    Derivative: the cotangent at the first of equal elements. Cost: two sorts.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.setxor1d([2.0, 1.0], [2.0, 3.0])
    array([1., 3.])
    """
    del assume_unique
    return sort(concatenate([setdiff1d(ar1, ar2), setdiff1d(ar2, ar1)]))


def intersect1d(ar1, ar2, assume_unique=False, return_indices=False):
    """The different elements that are in both of two arrays, in order.

    Parameters
    ----------
    ar1, ar2 : array_like
    assume_unique : bool
        Accepted for NumPy's sake.
    return_indices : bool
        Also their first places in both arrays.

    Returns
    -------
    Variable or ndarray, 1-D; or a tuple with the places

    Raises
    ------
    TracingError
        If the values are not known (vmap, tracing).

    Notes
    -----
    Derivative: the cotangent at the first place in `ar1`. Cost: two sorts.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.intersect1d([2.0, 1.0], [2.0, 3.0])
    array([2.])
    """
    del assume_unique
    mine, others = (known_values(ravel(a), "intersect1d") for a in (ar1, ar2))
    _, first, second = np.intersect1d(mine, others, return_indices=True)
    values = take(ravel(ar1), first)
    return (values, first, second) if return_indices else values
