"""Making arrays: untracked Variables, which can be assigned to and then carry derivatives.

Where an argument is tracked, the result is too: its derivative is that of the formula.
"""

import math

import numpy as np

from scirs_ad._core.core import Variable, as_array, dtype_of, shape_of, value_of
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.index import known_values

__all__ = [
    "arange",
    "array",
    "asarray",
    "empty",
    "empty_like",
    "eye",
    "fromfunction",
    "full",
    "full_like",
    "geomspace",
    "identity",
    "linspace",
    "logspace",
    "ones",
    "ones_like",
    "tri",
    "zeros",
    "zeros_like",
]


def _plain(x):
    """`x` without the Variable around an untracked array."""
    return value_of(x) if isinstance(x, Variable) and x.level is None else x


def _tracked(*values):
    return any(isinstance(x, Variable) and x.level is not None for x in values)


def _made(x, dtype):
    """A tracked result in the dtype that was asked for."""
    return x if dtype is None else sh.astype(x, dtype)


# ------------------------------------------------------------------------------------------------ from data
def array(object, dtype=None, *, copy=True, order="K", subok=False, ndmin=0, like=None):
    """An array of given numbers: a copy.

    Parameters
    ----------
    object : array_like
        Numbers, nested sequences of numbers and Variables, an array, a Variable.
    dtype : dtype, optional
    copy : bool
        Without effect: the result never shares memory that can be written to.
    order, subok, like
        As in NumPy; without effect.
    ndmin : int
        Axes of length one are added in front, up to this number.

    Returns
    -------
    Variable
        Tracked if what it is made of is.

    Raises
    ------
    TypeError
        If the entries are not numbers.

    Notes
    -----
    Derivative: 1 for each entry. Cost: one copy.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.array([1.0, 2.0])
    Variable([1., 2.])
    """
    del copy, order, subok, like
    found = as_array(object)
    if type(found) is np.ndarray:
        found = np.array(found, dtype)
    elif dtype is not None:
        found = sh.astype(found, dtype)
    have = shape_of(found)
    if len(have) < ndmin:
        found = sh.reshape(found, (1,) * (ndmin - len(have)) + have)
    return Variable(found)


def asarray(a, dtype=None, order=None, *, device=None, copy=None, like=None):
    """An array of given numbers; a Variable of the right dtype stays what it is.

    Parameters
    ----------
    a : array_like
        Numbers, nested sequences of numbers and Variables, an array, a Variable.
    dtype : dtype, optional
    order, device, like
        As in NumPy; without effect.
    copy : bool, optional
        True: a copy in any case.

    Returns
    -------
    Variable

    Raises
    ------
    TypeError
        If the entries are not numbers.

    Notes
    -----
    Derivative: 1 for each entry. Cost: none for a Variable, else one copy.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.asarray([1, 2], dtype=float)
    Variable([1., 2.])
    """
    del order, device, like
    if isinstance(a, Variable) and not copy:
        return a if dtype is None else sh.astype(a, dtype)
    return array(a, dtype)


# ------------------------------------------------------------------------------------------------ constant
def zeros(shape, dtype=float, order="C", *, device=None, like=None):
    """An array of zeros, to be filled.

    Parameters
    ----------
    shape : int or tuple of int
    dtype : dtype
    order, device, like
        As in NumPy; without effect.

    Returns
    -------
    Variable

    Notes
    -----
    Derivative: none, until tracked values are assigned to entries. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> z = anp.zeros(2)
    >>> z[0] = 3.0
    >>> z
    Variable([3., 0.])
    """
    del order, device, like
    return Variable(np.zeros(shape, dtype or float))


def ones(shape, dtype=None, order="C", *, device=None, like=None):
    """An array of ones.

    Parameters
    ----------
    shape : int or tuple of int
    dtype : dtype, optional
    order, device, like
        As in NumPy; without effect.

    Returns
    -------
    Variable

    Notes
    -----
    Derivative: none, until tracked values are assigned to entries. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.ones(2)
    Variable([1., 1.])
    """
    del order, device, like
    return Variable(np.ones(shape, dtype))


def empty(shape, dtype=float, order="C", *, device=None, like=None):
    """An array to be filled; it holds zeros, so that no result depends on what memory held.

    Parameters
    ----------
    shape : int or tuple of int
    dtype : dtype
    order, device, like
        As in NumPy; without effect.

    Returns
    -------
    Variable

    Notes
    -----
    Derivative: none, until tracked values are assigned to entries. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.empty(2).shape
    (2,)
    """
    return zeros(shape, dtype, order, device=device, like=like)


def full(shape, fill_value, dtype=None, order="C", *, device=None, like=None):
    """An array of one value.

    Parameters
    ----------
    shape : int or tuple of int
    fill_value : array_like
        Broadcast to the shape.
    dtype : dtype, optional
    order, device, like
        As in NumPy; without effect.

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If the value cannot be broadcast to the shape.

    Notes
    -----
    Derivative: the cotangent summed, for the value. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.full(2, 5.0)
    Variable([5., 5.])
    """
    del order, device, like
    fill_value = _plain(fill_value if isinstance(fill_value, Variable) else as_array(fill_value))
    if _tracked(fill_value):
        shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape.__index__(),)
        return sh.broadcast_to(_made(fill_value, dtype), shape)
    return Variable(np.full(shape, fill_value, dtype))


def _like(a, dtype, shape):
    a = as_array(a)
    found = shape_of(a) if shape is None else shape
    return found, dtype_of(a) if dtype is None else dtype


def zeros_like(a, dtype=None, order="K", subok=True, shape=None, *, device=None):
    """Zeros in the shape and dtype of an array.

    Parameters
    ----------
    a : array_like
    dtype : dtype, optional
    order, subok, device
        As in NumPy; without effect.
    shape : int or tuple of int, optional

    Returns
    -------
    Variable

    Notes
    -----
    Derivative: none, until tracked values are assigned to entries. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.zeros_like([1.0, 2.0])
    Variable([0., 0.])
    """
    del order, subok, device
    shape, dtype = _like(a, dtype, shape)
    return Variable(np.zeros(shape, dtype))


def ones_like(a, dtype=None, order="K", subok=True, shape=None, *, device=None):
    """Ones in the shape and dtype of an array.

    Parameters
    ----------
    a : array_like
    dtype : dtype, optional
    order, subok, device
        As in NumPy; without effect.
    shape : int or tuple of int, optional

    Returns
    -------
    Variable

    Notes
    -----
    Derivative: none, until tracked values are assigned to entries. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.ones_like([1.0, 2.0])
    Variable([1., 1.])
    """
    del order, subok, device
    shape, dtype = _like(a, dtype, shape)
    return Variable(np.ones(shape, dtype))


def empty_like(prototype, dtype=None, order="K", subok=True, shape=None, *, device=None):
    """An array to be filled, in the shape and dtype of another; it holds zeros.

    Parameters
    ----------
    prototype : array_like
    dtype : dtype, optional
    order, subok, device
        As in NumPy; without effect.
    shape : int or tuple of int, optional

    Returns
    -------
    Variable

    Notes
    -----
    Derivative: none, until tracked values are assigned to entries. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.empty_like([1.0, 2.0]).shape
    (2,)
    """
    return zeros_like(prototype, dtype, order, subok, shape, device=device)


def full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, *, device=None):
    """One value in the shape and dtype of an array.

    Parameters
    ----------
    a : array_like
    fill_value : array_like
    dtype : dtype, optional
    order, subok, device
        As in NumPy; without effect.
    shape : int or tuple of int, optional

    Returns
    -------
    Variable

    Notes
    -----
    Derivative: the cotangent summed, for the value. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.full_like([1.0, 2.0], 5.0)
    Variable([5., 5.])
    """
    del order, subok, device
    shape, dtype = _like(a, dtype, shape)
    return full(shape, fill_value, dtype)


def eye(N, M=None, k=0, dtype=float, order="C", *, device=None, like=None):
    """Ones on a diagonal.

    Parameters
    ----------
    N, M : int
        Rows and columns; square by default.
    k : int
        Which diagonal: 0 the main one, above it positive.
    dtype : dtype
    order, device, like
        As in NumPy; without effect.

    Returns
    -------
    Variable, shape (N, M)

    Notes
    -----
    Derivative: none, until tracked values are assigned to entries. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.eye(2)
    Variable([[1., 0.],
              [0., 1.]])
    """
    del order, device, like
    return Variable(np.eye(N, M, k, dtype or float))


def identity(n, dtype=None, *, like=None):
    """The identity matrix.

    Parameters
    ----------
    n : int
    dtype : dtype, optional
    like : object, optional
        As in NumPy; without effect.

    Returns
    -------
    Variable, shape (n, n)

    Notes
    -----
    Derivative: none, until tracked values are assigned to entries. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.identity(1)
    Variable([[1.]])
    """
    return eye(n, dtype=dtype, like=like)


def tri(N, M=None, k=0, dtype=float, *, like=None):
    """Ones on and below a diagonal.

    Parameters
    ----------
    N, M : int
        Rows and columns; square by default.
    k : int
        Which diagonal: 0 the main one, above it positive.
    dtype : dtype
    like : object, optional
        As in NumPy; without effect.

    Returns
    -------
    Variable, shape (N, M)

    Notes
    -----
    Derivative: none. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.tri(2)
    Variable([[1., 0.],
              [1., 1.]])
    """
    del like
    return Variable(np.tri(N, M, k, dtype))


def fromfunction(function, shape, *, dtype=float, like=None, **kwargs):
    """A function of the indices of every entry.

    Parameters
    ----------
    function : callable
        Takes one array of indices for each axis.
    shape : tuple of int
    dtype : dtype
        Of the indices.
    like : object, optional
        As in NumPy; without effect.
    **kwargs
        Passed to `function`.

    Returns
    -------
    Variable
        What `function` returns; tracked if that is.

    Notes
    -----
    Derivative: that of `function`. Cost: that of `function`.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.fromfunction(lambda i: 2.0 * i, (3,))
    Variable([0., 2., 4.])
    """
    del like
    found = function(*np.indices(shape, dtype=dtype), **kwargs)
    return found if isinstance(found, Variable) else array(found)


# ------------------------------------------------------------------------------------------------ ranges
def arange(start, stop=None, step=1, dtype=None, *, device=None, like=None):
    """Evenly spaced numbers in a half-open interval.

    Parameters
    ----------
    start, stop, step : scalar
        With one argument it is `stop`, from 0 on.
    dtype : dtype, optional
    device, like
        As in NumPy; without effect.

    Returns
    -------
    Variable, 1-D

    Raises
    ------
    TracingError
        If the number of entries depends on traced values.

    Notes
    -----
    Derivative: in `start` and `step`; the number of entries has none. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.arange(3.0)
    Variable([0., 1., 2.])
    """
    del device, like
    if stop is None:
        start, stop = 0, start
    start, stop, step = _plain(start), _plain(stop), _plain(step)
    if not _tracked(start, step):
        stop = known_values(stop, "arange")[()] if isinstance(stop, Variable) else stop
        return Variable(np.arange(start, stop, step, dtype))
    ends = [float(known_values(x, "arange")) if isinstance(x, Variable) else x for x in (start, stop, step)]
    n = max(math.ceil((ends[1] - ends[0]) / ends[2]), 0)
    return _made(ew.add(start, ew.multiply(step, np.arange(n, dtype=float))), dtype)


def _grid(start, stop, num, endpoint, name):
    """Both ends as arrays, the fractions between them along a new first axis, and which place is the end."""
    num = num.__index__()
    if num < 0:
        raise ValueError(f"{name}: the number of points must not be negative, got {num}")
    start, stop = as_array(start), as_array(stop)
    start, stop = (sh.cast(x, np.float64) if dtype_of(x).kind in "biu" else x for x in (start, stop))
    ndim = len(np.broadcast_shapes(shape_of(start), shape_of(stop)))
    parts = num - 1 if endpoint else num
    kind = np.result_type(dtype_of(start), dtype_of(stop))
    fractions = (np.arange(num) / max(parts, 1)).astype(np.zeros((), kind).real.dtype)
    fractions = fractions.reshape((num,) + (1,) * ndim)
    at_end = np.zeros(fractions.shape, bool)
    if endpoint and num > 1:
        at_end[-1] = True
    return start, stop, fractions, at_end, parts


def _first_axis_to(x, axis, name):
    if axis == 0:
        return x
    ndim = len(shape_of(x))
    (axis,) = sh.normalize_axes(axis, ndim, name)
    order = list(range(1, ndim))
    order.insert(axis + ndim, 0)
    return sh.permute_dims(x, tuple(order))


def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, *, device=None):
    """Evenly spaced numbers between two ends.

    Parameters
    ----------
    start, stop : array_like
        Broadcast together.
    num : int
        How many.
    endpoint : bool
        Whether `stop` is the last one.
    retstep : bool
        Also return the spacing.
    dtype : dtype, optional
    axis : int
        Where the numbers lie in the result.
    device : None
        As in the array API standard.

    Returns
    -------
    samples : Variable
    step : Variable or float
        Only with `retstep`.

    Raises
    ------
    ValueError
        If `num` is negative.

    Notes
    -----
    Derivative: in both ends. Cost: two passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linspace(0.0, 1.0, 3)
    Variable([0. , 0.5, 1. ])
    """
    del device
    start, stop = _plain(start), _plain(stop)
    if not _tracked(start, stop):
        found = np.linspace(start, stop, num, endpoint, retstep, dtype, axis)
        return (Variable(found[0]), found[1]) if retstep else Variable(found)
    start, stop, fractions, at_end, parts = _grid(start, stop, num, endpoint, "linspace")
    delta = ew.subtract(stop, start)
    found = ew.where(at_end, stop, ew.add(start, ew.multiply(delta, fractions)))
    found = _made(_first_axis_to(found, axis, "linspace"), dtype)
    if retstep:
        return found, ew.divide(delta, float(parts)) if parts else ew.multiply(delta, np.nan)
    return found


def logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0):
    """Powers of a base with evenly spaced exponents.

    Parameters
    ----------
    start, stop : array_like
        The first and last exponent, broadcast together.
    num : int
        How many.
    endpoint : bool
        Whether `stop` is the last exponent.
    base : array_like
    dtype : dtype, optional
    axis : int
        Where the numbers lie in the result.

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If `num` is negative.

    Notes
    -----
    Derivative: in both exponents and the base. Cost: three passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.logspace(0.0, 2.0, 3)
    Variable([  1.,  10., 100.])
    """
    start, stop, base = _plain(start), _plain(stop), _plain(base)
    if not _tracked(start, stop, base):
        return Variable(np.logspace(start, stop, num, endpoint, base, dtype, axis))
    base = as_array(base)
    if shape_of(base):  # NumPy broadcasts the base with the exponents
        shape = np.broadcast_shapes(shape_of(as_array(start)), shape_of(as_array(stop)), shape_of(base))
        start, stop, base = (sh.broadcast_to(as_array(x), shape) for x in (start, stop, base))
    exponents = linspace(start, stop, num, endpoint)
    if dtype_of(base).kind in "biu":
        base = sh.cast(base, np.float64)
    return _made(_first_axis_to(ew.power(base, exponents), axis, "logspace"), dtype)


def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """Numbers between two ends, each the same multiple of the one before.

    Parameters
    ----------
    start, stop : array_like
        Not zero; real ones of the same sign. Broadcast together.
    num : int
        How many.
    endpoint : bool
        Whether `stop` is the last one.
    dtype : dtype, optional
    axis : int
        Where the numbers lie in the result.

    Returns
    -------
    Variable

    Raises
    ------
    ValueError
        If an end is zero, or `num` negative.

    Notes
    -----
    Derivative: in both ends. Cost: four passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.geomspace(1.0, 4.0, 3)
    Variable([1., 2., 4.])
    """
    start, stop = _plain(start), _plain(stop)
    if not _tracked(start, stop):
        return Variable(np.geomspace(start, stop, num, endpoint, dtype, axis))
    start, stop, fractions, at_end, _ = _grid(start, stop, num, endpoint, "geomspace")
    for x in (start, stop):
        if type(value_of(x)) is np.ndarray and np.any(value_of(x) == 0):
            raise ValueError("geomspace: an end is zero")
    ratio = ew.divide(stop, start)
    found = ew.where(at_end, stop, ew.multiply(start, ew.power(ratio, fractions)))
    return _made(_first_axis_to(found, axis, "geomspace"), dtype)
