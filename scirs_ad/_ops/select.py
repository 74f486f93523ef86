"""Functions that pick elements by index or mask: take, where, select, choose."""

import numpy as np

from scirs_ad._core.core import Variable, as_array, dtype_of, shape_of
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.arrange import moveaxis, one_axis, ravel
from scirs_ad._ops.gather import gather, size_of
from scirs_ad._ops.index import getitem, known, known_values, setitem

__all__ = [
    "argwhere",
    "choose",
    "compress",
    "diag_indices_from",
    "extract",
    "flatnonzero",
    "ix_",
    "nonzero",
    "piecewise",
    "ravel_multi_index",
    "select",
    "take",
    "take_along_axis",
    "tril_indices_from",
    "triu_indices_from",
    "unravel_index",
    "where",
]


def is_known(x):
    return type(known(x)) is np.ndarray or not isinstance(x, Variable)


# ------------------------------------------------------------------------------------------------ by index
def take(a, indices, axis=None, out=None, mode="raise"):
    """The elements at places along an axis.

    Parameters
    ----------
    a : array_like
    indices : array_like of int
    axis : int, optional
        None: of the flattened array.
    out : None
        Must not be given.
    mode : {"raise", "wrap", "clip"}
        What happens to places that do not exist.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    IndexError
        If a place does not exist, with mode "raise".

    Notes
    -----
    Derivative: the cotangent, added at the places. Cost: one pass over the result.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.take([1.0, 2.0, 3.0], [0, 2])
    array([1., 3.])
    """
    if out is not None:
        raise TypeError("take: out= is not supported")
    if mode not in ("raise", "wrap", "clip"):
        raise ValueError(f"take: mode must be 'raise', 'wrap' or 'clip', not {mode!r}")
    x, places = as_array(a), as_array(indices)
    if axis is None:
        x, axis = ravel(x), 0
    shape = shape_of(x)
    axis = one_axis(axis, len(shape), "take") + len(shape)
    if dtype_of(places).kind not in "iu" and size_of(shape_of(places)):
        raise TypeError(f"take: indices must be integers, not {dtype_of(places)}")
    places = known(places) if is_known(places) else places
    if mode != "raise":
        n = shape[axis]
        limit = (lambda i: i % n) if mode == "wrap" else (lambda i: ew.minimum(ew.maximum(i, 0), n - 1))
        places = limit(places)
    return getitem(x, (slice(None),) * axis + (places,))


def to_last(x, axis):
    ndim = len(shape_of(x))
    return x if axis == -1 else moveaxis(x, axis + ndim, ndim - 1)


def from_last(x, axis):
    ndim = len(shape_of(x))
    return x if axis == -1 else moveaxis(x, ndim - 1, axis + ndim)


def rows_along(name, arr, indices, axis):
    x, places = as_array(arr), as_array(indices)
    if dtype_of(places).kind not in "iu":
        raise IndexError(f"{name}: indices must be integers, not {dtype_of(places)}")
    if len(shape_of(x)) != len(shape_of(places)):
        raise ValueError(f"{name}: indices have {len(shape_of(places))} dimension(s), the array {len(shape_of(x))}")
    axis = one_axis(axis, len(shape_of(x)), name)
    places = known(places) if is_known(places) else places
    return x, to_last(x, axis), to_last(places, axis), axis


def take_along_axis(arr, indices, axis=-1):
    """The elements at places along an axis, which may differ from row to row.

    Parameters
    ----------
    arr : array_like
    indices : array_like of int
        Of as many dimensions as `arr`; broadcast against it along the other axes.
    axis : int or None
        None: flatten the array first (the indices are 1-D).

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    IndexError
        If a place does not exist.

    Notes
    -----
    Derivative: the cotangent, added at the places. Cost: one pass over the result.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.take_along_axis([[1.0, 2.0], [3.0, 4.0]], [[1], [0]], axis=1)
    array([[2.],
           [3.]])
    """
    if axis is None:
        arr, axis = ravel(arr), 0
    _, x, places, axis = rows_along("take_along_axis", arr, indices, axis)
    return from_last(gather(x, places), axis)


# ------------------------------------------------------------------------------------------------ by mask
def where(condition, x=None, y=None):
    """`x` where the condition holds, else `y`; with the condition alone, its nonzero places.

    Parameters
    ----------
    condition : array_like of bool
    x, y : array_like, optional
        Both or neither.

    Returns
    -------
    Variable or ndarray, or a tuple of ndarray

    Raises
    ------
    ValueError
        If only one of `x` and `y` is given, or the shapes do not fit.

    Notes
    -----
    Derivative: for `x` and `y` the cotangent where they are taken, exactly 0 where they are not. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.where([True, False], 1.0, 2.0)
    array([1., 2.])
    """
    if x is None and y is None:
        return nonzero(condition)
    if x is None or y is None:
        raise ValueError("where: either both or neither of x and y should be given")
    return ew.where(condition, x, y)


def _places_page(name, text, example):
    """A function of known values that gives places: no derivative."""
    theirs = getattr(np, name)

    def door(a):
        return theirs(known_values(a, name))

    door.__name__ = door.__qualname__ = name
    door.__doc__ = f"""{text}

    Parameters
    ----------
    a : array_like

    Returns
    -------
    ndarray{" or tuple of ndarray" if name == "nonzero" else ""} of int

    Raises
    ------
    TracingError
        If the values are not known (vmap, tracing): they decide about the shape.

    Notes
    -----
    Derivative: none, places are whole numbers. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    {example}
    """
    return door


nonzero = _places_page(
    "nonzero", "The places of the elements that are not zero, one array for each axis.",
    ">>> anp.nonzero([0.0, 3.0])\n    (array([1]),)",
)  # fmt: skip
argwhere = _places_page(
    "argwhere", "The places of the elements that are not zero, one row for each.",
    ">>> anp.argwhere([0.0, 3.0])\n    array([[1]])",
)  # fmt: skip
flatnonzero = _places_page(
    "flatnonzero", "The places, in the flattened array, of the elements that are not zero.",
    ">>> anp.flatnonzero([0.0, 3.0])\n    array([1])",
)  # fmt: skip


def compress(condition, a, axis=None, out=None):
    """The slices of an array along an axis for which a condition holds.

    Parameters
    ----------
    condition : array_like of bool, 1-D
    a : array_like
    axis : int, optional
        None: of the flattened array.
    out : None
        Must not be given.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    IndexError
        If the condition holds beyond the end of the axis.

    Notes
    -----
    Derivative: the cotangent, in its place. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.compress([True, False, True], [1.0, 2.0, 3.0])
    array([1., 3.])
    """
    mask = known_values(condition, "compress")
    if mask.ndim != 1:
        raise ValueError(f"compress: the condition must be 1-D, not of shape {mask.shape}")
    return take(a, np.flatnonzero(mask), axis, out)


def extract(condition, arr):
    """The elements for which a condition holds, as one axis.

    Parameters
    ----------
    condition : array_like of bool
    arr : array_like, of the same size

    Returns
    -------
    Variable or ndarray, 1-D

    Raises
    ------
    IndexError
        If the sizes differ.

    Notes
    -----
    Derivative: the cotangent, in its place. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.extract([True, False], [1.0, 2.0])
    array([1.])
    """
    return take(ravel(arr), np.flatnonzero(known_values(condition, "extract")))


def choose(a, choices, out=None, mode="raise"):
    """Of several arrays, element by element the one that an index names.

    Parameters
    ----------
    a : array_like of int
    choices : sequence of array_like
        Broadcast against each other and `a`.
    out : None
        Must not be given.
    mode : {"raise", "wrap", "clip"}
        What happens to an index that does not exist.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If an index does not exist, with mode "raise".

    Notes
    -----
    Derivative: the cotangent where an array is chosen, else 0. Cost: one pass over all choices.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.choose([1, 0], [[1.0, 2.0], [3.0, 4.0]])
    array([3., 2.])
    """
    if out is not None:
        raise TypeError("choose: out= is not supported")
    places = as_array(a)
    places = known(places) if is_known(places) else places
    if dtype_of(places).kind not in "biu":
        raise TypeError(f"choose: the index must be of integers, not {dtype_of(places)}")
    options = [as_array(c) for c in choices]
    n = len(options)
    if mode == "wrap":
        places = ew.remainder(places, n)
    elif mode == "clip":
        places = ew.minimum(ew.maximum(places, 0), n - 1)
    elif mode != "raise":
        raise ValueError(f"choose: mode must be 'raise', 'wrap' or 'clip', not {mode!r}")
    elif type(places) is np.ndarray and places.size and not 0 <= places.min() <= places.max() < n:
        raise ValueError(f"choose: an index is not in 0 to {n - 1}")
    result = options[n - 1]
    for k in range(n - 2, -1, -1):
        result = ew.where(ew.equal(places, k), options[k], result)
    shape = np.broadcast_shapes(shape_of(places), *[shape_of(c) for c in options])
    return sh.broadcast_to(sh.cast(result, np.result_type(*[dtype_of(c) for c in options])), shape)


def select(condlist, choicelist, default=0):
    """Of several arrays, element by element the first whose condition holds.

    Parameters
    ----------
    condlist : sequence of array_like of bool
    choicelist : sequence of array_like, as many
    default : array_like
        Where no condition holds.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If there are not as many conditions as choices.
    TypeError
        If a condition is not boolean.

    Notes
    -----
    Derivative: the cotangent where an array is chosen, exactly 0 elsewhere. Cost: one pass for each condition.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.select([[True, False], [True, True]], [1.0, 2.0])
    array([1., 2.])
    """
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ValueError(f"select: {len(condlist)} condition(s) for {len(choicelist)} choice(s)")
    conditions = [as_array(c) for c in condlist]
    choices = [c if type(c) in (int, float, complex) else as_array(c) for c in (*choicelist, default)]
    for k, c in enumerate(conditions):
        if dtype_of(c).kind != "b":
            raise TypeError(f"select: condition {k} must be boolean, not {dtype_of(c)}")
    dtype = np.result_type(*[c if type(c) in (int, float, complex) else dtype_of(c) for c in choices])
    choices = [sh.cast(as_array(c), dtype) for c in choices]
    shape = np.broadcast_shapes(*[shape_of(c) for c in (*conditions, *choices)])
    result = choices[-1]
    for c, x in zip(conditions[::-1], choices[-2::-1], strict=True):
        result = ew.where(c, x, result)
    return sh.broadcast_to(result, shape)


def piecewise(x, condlist, funclist, *args, **kw):
    """A function that is defined by pieces.

    Parameters
    ----------
    x : array_like
    condlist : array_like of bool, or list of such
        Where the pieces hold; of overlapping ones the last.
    funclist : list of callable or scalar
        One for each condition, and perhaps one for the rest (else 0).
    *args, **kw
        Further arguments of the functions.

    Returns
    -------
    Variable or ndarray, of the shape and dtype of `x`

    Raises
    ------
    ValueError
        If there are not as many functions as conditions.

    Notes
    -----
    Derivative: that of the piece that holds. Each function is called only with the elements of its piece (with all
    elements where the conditions are not known, under vmap). Cost: that of the functions and one pass each.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.numpy as anp
    >>> x = np.array([-1.0, 2.0])
    >>> anp.piecewise(x, [x < 0, x >= 0], [lambda t: -t, lambda t: t])
    array([1., 2.])
    """
    x = as_array(x)
    shape = shape_of(x)
    if not isinstance(condlist, (list, tuple)) or (
        len(condlist) and type(condlist[0]) is not Variable and np.ndim(condlist[0]) == 0 and len(shape) > 0
    ):
        condlist = [condlist] if len(shape_of(as_array(condlist))) == len(shape) else list(condlist)
    conditions = [as_array(c) for c in condlist]
    if len(funclist) not in (len(conditions), len(conditions) + 1):
        raise ValueError(f"piecewise: {len(funclist)} function(s) for {len(conditions)} condition(s)")
    conditions = [sh.astype(c, bool) for c in conditions]
    if len(funclist) == len(conditions) + 1:
        rest = conditions[0]
        for c in conditions[1:]:
            rest = ew.logical_or(rest, c)
        conditions.append(ew.logical_not(rest))
    y = np.zeros(shape, dtype_of(x))
    for c, f in zip(conditions, funclist, strict=True):
        if not is_known(c):
            y = ew.where(c, sh.cast(as_array(f(x, *args, **kw) if callable(f) else f), dtype_of(x)), y)
            continue
        mask = np.broadcast_to(known(c), shape)
        if not callable(f):
            y = setitem(y, mask, f)
        elif mask.any():
            y = setitem(y, mask, f(getitem(x, mask), *args, **kw))
    return y


# ------------------------------------------------------------------------------------------------ places as integers
def _integer_door(name, text, parameters, returns, example):
    """A function of whole numbers or of a shape alone, computed by NumPy on the known values."""
    theirs = getattr(np, name)

    def door(*args, **kwargs):
        args = [known_values(a, name) if isinstance(a, Variable) else a for a in args]
        return theirs(*args, **kwargs)

    door.__name__ = door.__qualname__ = name
    door.__doc__ = f"""{text}

    Parameters
    ----------
    {parameters}

    Returns
    -------
    {returns}

    Raises
    ------
    TracingError
        If the values are not known (vmap, tracing).

    Notes
    -----
    Derivative: none, places are whole numbers. Cost: one pass.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.numpy as anp
    {example}
    """
    return door


ix_ = _integer_door(
    "ix_",
    "Arrays that index the product of sequences of places.",
    "*args : array_like of int or bool, 1-D",
    "tuple of ndarray",
    ">>> anp.ix_([0, 1], [2])[0].shape\n    (2, 1)",
)
unravel_index = _integer_door(
    "unravel_index",
    "Places of an array, from places in the flattened array.",
    "*args, **kwargs\n        As of `numpy.unravel_index`: indices, shape, order.",
    "tuple of ndarray",
    ">>> [int(k) for k in anp.unravel_index(5, (2, 3))]\n    [1, 2]",
)
ravel_multi_index = _integer_door(
    "ravel_multi_index",
    "Places in the flattened array, from places of an array.",
    "*args, **kwargs\n        As of `numpy.ravel_multi_index`: multi_index, dims, mode, order.",
    "ndarray of int",
    ">>> int(anp.ravel_multi_index((1, 2), (2, 3)))\n    5",
)


def _indices_of_shape(name, text):
    theirs = getattr(np, name)

    def door(arr, *args, **kwargs):
        return theirs(np.empty(shape_of(as_array(arr)), bool), *args, **kwargs)

    door.__name__ = door.__qualname__ = name
    door.__doc__ = f"""{text}

    Parameters
    ----------
    arr : array_like
    *args, **kwargs
        As of `numpy.{name}`: k, the diagonal.

    Returns
    -------
    tuple of ndarray

    Raises
    ------
    ValueError
        If the shape does not fit.

    Notes
    -----
    Derivative: none, places are whole numbers. Cost: one pass.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.numpy as anp
    >>> len(anp.{name}(np.zeros((2, 2))))
    2
    """
    return door


diag_indices_from = _indices_of_shape("diag_indices_from", "The places of the main diagonal of an array.")
tril_indices_from = _indices_of_shape("tril_indices_from", "The places of the lower triangle of a matrix.")
triu_indices_from = _indices_of_shape("triu_indices_from", "The places of the upper triangle of a matrix.")
