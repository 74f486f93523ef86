"""Joining arrays and taking them apart; nested lists and object arrays of Variables become one Variable."""

import itertools

import numpy as np

from scirs_ad._core.core import Spec, Variable, as_array, dtype_of, install, shape_of
from scirs_ad._core.define import primitive, raises, sample
from scirs_ad._ops import shape as sh
from scirs_ad._ops.gather import FULL, Key, index

__all__ = [
    "append",
    "array_split",
    "block",
    "column_stack",
    "concat",
    "concatenate",
    "dsplit",
    "dstack",
    "hsplit",
    "hstack",
    "split",
    "stack",
    "unstack",
    "vsplit",
    "vstack",
]


# ------------------------------------------------------------------------------------------------ primitives
def _zeros_for(t, s):
    return np.zeros(s.shape, s.dtype) if t is None else t


@primitive(core=lambda *arrays, axis: (-axis,) * len(arrays), loops="equal", internal=True)
def concatenate_core(*arrays, axis):
    """Join arrays along the existing axis `axis` (negative).

    Derivative: slices of the cotangent. Cost: one pass.
    """
    return np.concatenate(arrays, axis)


@concatenate_core.def_shape
def _(*arrays, axis):
    shape = list(arrays[0].shape)
    shape[axis] = sum(a.shape[axis] for a in arrays)
    return Spec(shape, np.result_type(*[a.dtype for a in arrays]))


@concatenate_core.def_vjp
def _(ct, specs, axis):
    tail = (FULL,) * (-axis - 1)
    cts, start = [], 0
    for s in specs:
        stop = start + s.shape[axis]
        cts.append(sh.cast(index(ct, key=Key((slice(start, stop), *tail))), s.dtype))
        start = stop
    return tuple(cts)


@concatenate_core.def_jvp
def _(t, specs, axis, out):  # stated: the transpose of the vjp would record a slice for each array
    joined = concatenate_core(*map(_zeros_for, t, specs), axis=axis)
    return sh.cast(joined, dtype_of(out))


@concatenate_core.def_samples
def _(rng):
    x = rng.standard_normal
    yield sample(x((2, 3)), x((2, 1)), x((2, 0)), axis=-1)
    yield sample(x((2, 3)), x((1, 3)), axis=-2)
    yield sample(x(2), x(3) + 1j, axis=-1)
    yield sample(x(2).astype(np.float32), x(3), axis=-1)
    yield sample(x(4), axis=-1)
    yield raises(ValueError, x((2, 3)), x((2, 4)), axis=-2)


@primitive(core=lambda *arrays, axis: (-axis - 1,) * len(arrays), loops="equal", internal=True)
def stack_core(*arrays, axis):
    """Join arrays of one shape along a new axis `axis` (negative, of the result).

    Derivative: the parts of the cotangent. Cost: one pass.
    """
    return np.stack(arrays, axis)


@stack_core.def_shape
def _(*arrays, axis):
    shape = arrays[0].shape
    at = len(shape) + 1 + axis
    return Spec((*shape[:at], len(arrays), *shape[at:]), np.result_type(*[a.dtype for a in arrays]))


@stack_core.def_vjp
def _(ct, specs, axis):
    tail = (FULL,) * (-axis - 1)
    return tuple(sh.cast(index(ct, key=Key((k, *tail))), s.dtype) for k, s in enumerate(specs))


@stack_core.def_jvp
def _(t, specs, axis, out):  # stated: the transpose of the vjp would record a slice for each array
    return sh.cast(stack_core(*map(_zeros_for, t, specs), axis=axis), dtype_of(out))


@stack_core.def_samples
def _(rng):
    x = rng.standard_normal
    yield sample(x(()), x(()), axis=-1)
    yield sample(x((2, 3)), x((2, 3)), x((2, 3)), axis=-2)
    yield sample(x((2, 3)), x((2, 3)) * 1j, axis=-3)
    yield sample(x((0, 3)), x((0, 3)), axis=-1)
    yield raises(ValueError, x(2), x(3), axis=-1)


# ------------------------------------------------------------------------------------------------ repacking
def _holds_variable(x):
    """Whether a Variable is somewhere in a nested list or an object array."""
    if type(x) is Variable:
        return True
    if isinstance(x, np.ndarray):
        return x.dtype.kind == "O" and any(_holds_variable(e) for e in x.flat)
    return isinstance(x, (list, tuple)) and any(_holds_variable(e) for e in x)


def repack(x):
    """One Variable from an object array or nested list that holds Variables; None if there is none in it."""
    return _packed(x) if _holds_variable(x) else None


def _packed(x):
    if isinstance(x, np.ndarray) and x.dtype.kind == "O":
        if x.ndim == 0:
            return _packed(x[()])
        if x.size == 0:
            return np.zeros(x.shape)
        flat = stack([_packed(e) for e in x.reshape(-1)])
        return sh.reshape(flat, x.shape + shape_of(flat)[1:])
    if isinstance(x, (list, tuple)) and x:
        parts = [_packed(e) for e in x]
        if len({shape_of(p) for p in parts}) > 1:
            raise ValueError(
                "a list of Variables of different shapes "
                f"({', '.join(str(shape_of(p)) for p in parts[:4])}{', ...' if len(parts) > 4 else ''}) is not an array"
            )
        return stack(parts)
    return as_array(x)


install(repack=repack)


# ------------------------------------------------------------------------------------------------ joining
def _sequence(arrays, name):
    """The arrays to join, each an array or a Variable."""
    if type(arrays) is Variable or (isinstance(arrays, np.ndarray) and arrays.dtype.kind != "O"):
        if not shape_of(arrays):
            raise TypeError(f"{name}: iteration over a 0-d array")
        return list(unstack(arrays))
    found = [as_array(a) for a in arrays]
    if not found:
        raise ValueError(f"{name}: need at least one array")
    return found


def _cast_all(arrays, dtype, casting, name):
    if dtype is None:
        return arrays
    for a in arrays:
        if not np.can_cast(dtype_of(a), dtype, casting):
            raise TypeError(f"{name}: cannot cast from {dtype_of(a)} to {np.dtype(dtype)} by the rule {casting!r}")
    return [sh.astype(a, dtype) for a in arrays]


def _refuse_out(out, name):
    if out is not None:
        raise TypeError(f"{name}: out= is not supported")


def concatenate(arrays, axis=0, out=None, *, dtype=None, casting="same_kind"):
    """Join arrays along an existing axis.

    Parameters
    ----------
    arrays : sequence of array_like
        Of the same shape, except along `axis`.
    axis : int or None
        None: flatten the arrays first.
    out : None
        Must not be given.
    dtype : dtype, optional
    casting : str
        The rule that a conversion to `dtype` must obey.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If the shapes do not fit, or there are no arrays.
    numpy.exceptions.AxisError
        If the axis does not exist.

    Notes
    -----
    Derivative: slices of the cotangent. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.concatenate([[1.0, 2.0], [3.0]])
    array([1., 2., 3.])
    """
    _refuse_out(out, "concatenate")
    arrays = _cast_all(_sequence(arrays, "concatenate"), dtype, casting, "concatenate")
    if axis is None:
        arrays, axis = [sh.reshape(a, (-1,)) for a in arrays], 0
    shape = shape_of(arrays[0])
    if not shape:
        raise ValueError("concatenate: zero-dimensional arrays cannot be concatenated")
    (axis,) = sh.normalize_axes(axis, len(shape), "concatenate")
    for k, a in enumerate(arrays):
        have = shape_of(a)
        if len(have) != len(shape) or any(
            n != m for i, (n, m) in enumerate(zip(have, shape, strict=True)) if i != axis + len(shape)
        ):
            raise ValueError(
                f"concatenate: array 0 has shape {shape}, array {k} {have}; all axes but {axis} must agree"
            )
    return concatenate_core(*arrays, axis=axis)


concat = concatenate


def stack(arrays, axis=0, out=None, *, dtype=None, casting="same_kind"):
    """Join arrays of one shape along a new axis.

    Parameters
    ----------
    arrays : sequence of array_like, all of one shape
    axis : int
        Of the result.
    out : None
        Must not be given.
    dtype : dtype, optional
    casting : str
        The rule that a conversion to `dtype` must obey.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If the shapes differ, or there are no arrays.

    Notes
    -----
    Derivative: the parts of the cotangent. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.stack([[1.0, 2.0], [3.0, 4.0]], axis=1)
    array([[1., 3.],
           [2., 4.]])
    """
    _refuse_out(out, "stack")
    arrays = _cast_all(_sequence(arrays, "stack"), dtype, casting, "stack")
    shape = shape_of(arrays[0])
    for k, a in enumerate(arrays):
        if shape_of(a) != shape:
            raise ValueError(f"stack: array 0 has shape {shape}, array {k} {shape_of(a)}; all must have one shape")
    (axis,) = sh.normalize_axes(axis, len(shape) + 1, "stack")
    return stack_core(*arrays, axis=axis)


def _at_least(arrays, ndim, name):
    """Each array with at least `ndim` (1 to 3) axes, as numpy.atleast_1d, 2d, 3d add them."""
    found = []
    for a in _sequence(arrays, name):
        shape = shape_of(a)
        while len(shape) < ndim:
            shape = (*shape, 1) if len(shape) == 2 else (1, *shape)
        found.append(a if shape == shape_of(a) else sh.reshape(a, shape))
    return found


def vstack(tup, *, dtype=None, casting="same_kind"):
    """Join arrays row by row: along axis 0, one-dimensional arrays as rows.

    Parameters
    ----------
    tup : sequence of array_like
    dtype, casting
        As of `concatenate`.

    Returns
    -------
    Variable or ndarray, at least 2-D

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Derivative: slices of the cotangent. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.vstack(([1.0, 2.0], [3.0, 4.0]))
    array([[1., 2.],
           [3., 4.]])
    """
    return concatenate(_at_least(tup, 2, "vstack"), 0, dtype=dtype, casting=casting)


def hstack(tup, *, dtype=None, casting="same_kind"):
    """Join arrays column by column: along axis 1, one-dimensional arrays along axis 0.

    Parameters
    ----------
    tup : sequence of array_like
    dtype, casting
        As of `concatenate`.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Derivative: slices of the cotangent. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.hstack(([1.0, 2.0], 3.0))
    array([1., 2., 3.])
    """
    arrays = _at_least(tup, 1, "hstack")
    axis = 0 if len(shape_of(arrays[0])) == 1 else 1
    return concatenate(arrays, axis, dtype=dtype, casting=casting)


def dstack(tup):
    """Join arrays along the third axis.

    Parameters
    ----------
    tup : sequence of array_like

    Returns
    -------
    Variable or ndarray, at least 3-D

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Derivative: slices of the cotangent. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.dstack(([1.0, 2.0], [3.0, 4.0]))
    array([[[1., 3.],
            [2., 4.]]])
    """
    return concatenate(_at_least(tup, 3, "dstack"), 2)


def column_stack(tup):
    """Join one-dimensional arrays as the columns of a matrix; two-dimensional ones side by side.

    Parameters
    ----------
    tup : sequence of array_like

    Returns
    -------
    Variable or ndarray, 2-D

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Derivative: slices of the cotangent. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.column_stack(([1.0, 2.0], [3.0, 4.0]))
    array([[1., 3.],
           [2., 4.]])
    """
    columns = [sh.reshape(a, (-1, 1)) if len(shape_of(a)) < 2 else a for a in _sequence(tup, "column_stack")]
    return concatenate(columns, 1)


def block(arrays):
    """Assemble an array from nested lists of blocks.

    Parameters
    ----------
    arrays : nested list of array_like
        The innermost lists are joined along the last axis, the next ones along the last but one, and so on.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If the depths of the lists, or the shapes, do not fit.

    Notes
    -----
    Derivative: slices of the cotangent. Cost: one pass for each depth.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.block([[1.0, 2.0], [3.0, 4.0]])
    array([[1., 2.],
           [3., 4.]])
    """
    depth = _depth(arrays)
    leaves = []

    def visit(x):
        if isinstance(x, list):
            for e in x:
                visit(e)
        else:
            leaves.append(len(shape_of(as_array(x))))

    visit(arrays)
    ndim = max(depth, *leaves)

    def build(x, level):
        if not isinstance(x, list):
            x = as_array(x)
            shape = shape_of(x)
            return x if len(shape) == ndim else sh.reshape(x, (1,) * (ndim - len(shape)) + shape)
        return concatenate([build(e, level + 1) for e in x], level - depth)

    return build(arrays, 0)


def _depth(x, where="arrays"):
    if isinstance(x, tuple):
        raise TypeError(f"block: {where} is a tuple; only lists are nested")
    if not isinstance(x, list):
        return 0
    if not x:
        raise ValueError(f"block: {where} is an empty list")
    depths = {_depth(e, f"{where}[{k}]") for k, e in enumerate(x)}
    if len(depths) > 1:
        raise ValueError(f"block: the lists in {where} are nested to different depths")
    return 1 + depths.pop()


def append(arr, values, axis=None):
    """An array with values appended at its end.

    Parameters
    ----------
    arr, values : array_like
    axis : int, optional
        None: flatten both first.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Derivative: slices of the cotangent. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.append([1.0, 2.0], 3.0)
    array([1., 2., 3.])
    """
    return concatenate((arr, values), axis)


# ------------------------------------------------------------------------------------------------ taking apart
def unstack(x, /, *, axis=0):
    """The parts of an array along an axis.

    Parameters
    ----------
    x : array_like
    axis : int

    Returns
    -------
    tuple of Variable or ndarray

    Raises
    ------
    ValueError
        If `x` has no axes.

    Notes
    -----
    Derivative: each cotangent in its place. Cost: none; the results are views.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.unstack([1.0, 2.0])
    (array(1.), array(2.))
    """
    x = as_array(x)
    shape = shape_of(x)
    if not shape:
        raise ValueError("unstack: the array has no axes")
    (axis,) = sh.normalize_axes(axis, len(shape), "unstack")
    tail = (FULL,) * (-axis - 1)
    return tuple(index(x, key=Key((k, *tail))) for k in range(shape[axis]))


def array_split(ary, indices_or_sections, axis=0):
    """Split an array along an axis, into parts that may differ in length by one.

    Parameters
    ----------
    ary : array_like
    indices_or_sections : int or sequence of int
        Number of parts, or where to cut.
    axis : int

    Returns
    -------
    list of Variable or ndarray

    Raises
    ------
    ValueError
        If the number of parts is not positive.

    Notes
    -----
    Derivative: each cotangent in its place. Cost: none; the results are views.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.array_split([1.0, 2.0, 3.0], 2)
    [array([1., 2.]), array([3.])]
    """
    x = as_array(ary)
    shape = shape_of(x)
    (axis,) = sh.normalize_axes(axis, len(shape), "array_split")
    n = shape[axis]
    try:
        cuts = [k.__index__() for k in indices_or_sections]
    except TypeError:
        sections = int(indices_or_sections)
        if sections <= 0:
            raise ValueError(f"array_split: the number of parts must be positive, not {sections}") from None
        each, more = divmod(n, sections)
        cuts = [k * each + min(k, more) for k in range(1, sections)]
    tail = (FULL,) * (-axis - 1)
    bounds = itertools.pairwise([0, *cuts, None])
    return [index(x, key=Key((slice(a, b), *tail))) for a, b in bounds]


def split(ary, indices_or_sections, axis=0):
    """Split an array along an axis, into equal parts or at given places.

    Parameters
    ----------
    ary : array_like
    indices_or_sections : int or sequence of int
        Number of parts, or where to cut.
    axis : int

    Returns
    -------
    list of Variable or ndarray

    Raises
    ------
    ValueError
        If the axis cannot be split into that many equal parts.

    Notes
    -----
    Derivative: each cotangent in its place. Cost: none; the results are views.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.split([1.0, 2.0, 3.0, 4.0], 2)
    [array([1., 2.]), array([3., 4.])]
    """
    if not hasattr(indices_or_sections, "__len__"):
        shape = shape_of(as_array(ary))
        (place,) = sh.normalize_axes(axis, len(shape), "split")
        if shape[place] % int(indices_or_sections):
            raise ValueError(f"split: {shape[place]} elements cannot be divided into {indices_or_sections} equal parts")
    return array_split(ary, indices_or_sections, axis)


def _split_along(name, axis, least):
    def door(ary, indices_or_sections):
        shape = shape_of(as_array(ary))
        if len(shape) < least:
            raise ValueError(f"{name}: the array has {len(shape)} dimension(s), needs {least}")
        return split(ary, indices_or_sections, 0 if axis == 1 and len(shape) == 1 else axis)

    door.__name__ = door.__qualname__ = name
    door.__doc__ = f"""Split an array along axis {axis}{"; along axis 0 if it is 1-D" if axis == 1 else ""}.

    Parameters
    ----------
    ary : array_like
    indices_or_sections : int or sequence of int
        Number of equal parts, or where to cut.

    Returns
    -------
    list of Variable or ndarray

    Raises
    ------
    ValueError
        If the array has too few axes, or cannot be split into that many equal parts.

    Notes
    -----
    Derivative: each cotangent in its place. Cost: none; the results are views.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.numpy as anp
    >>> len(anp.{name}(np.ones((2, 2, 2)), 2))
    2
    """
    return door


hsplit = _split_along("hsplit", 1, 1)
vsplit = _split_along("vsplit", 0, 2)
dsplit = _split_along("dsplit", 2, 3)
