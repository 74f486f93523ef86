"""Sums and moves: the primitives that are one another's adjoints, and the functions built on them.

Primitives act on trailing axes, counted from the end, so that vmap has nothing to know; the public functions
translate NumPy's `axis` once.
"""

import numpy as np

from scirs_ad._core.core import Spec, Variable, dtype_of, shape_of, value_of
from scirs_ad._core.define import primitive, raises, sample
from scirs_ad._kernels.vm import expand, sum_all
from scirs_ad._ops.dtypes import check_device


def normalize_axes(axis, ndim, name):
    """`axis` (None: all, an int, a tuple) as a sorted tuple of negative ints.

    Raises numpy.exceptions.AxisError, or ValueError for a repeated axis, naming the operation.
    """
    if axis is None:
        return _ALL_AXES[ndim]
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    found = []
    for a in axes:
        try:
            a = a.__index__()
        except (AttributeError, TypeError):
            raise TypeError(f"{name}: axis must be an int, a tuple of ints or None, not {axis!r}") from None
        if not -ndim <= a < ndim:
            raise np.exceptions.AxisError(f"{name}: axis {a} is out of bounds for an array of dimension {ndim}")
        found.append(a - ndim if a >= 0 else a)
    if len(set(found)) != len(found):
        raise ValueError(f"{name}: an axis appears twice in axis={axis!r}")
    return tuple(sorted(found))


_ALL_AXES = [tuple(range(-n, 0)) for n in range(65)]


# ------------------------------------------------------------------------------------------------ sum
def _sum_kernel(x, *, axes):
    if len(axes) == np.ndim(x):
        total = sum_all(x)
        if total is not None:
            return total
    return np.sum(x, axis=axes)


@primitive(core=lambda x, *, axes: (-min(axes, default=0),), kernel=_sum_kernel, linear=True, internal=True)
def sum_axes(x, *, axes):
    """Sum over the trailing axes `axes` (negative ints).

    Derivative: the cotangent, broadcast. Cost: one pass.
    """
    return np.sum(x, axis=axes)


@sum_axes.def_shape
def _(x, *, axes):
    dtype = np.sum(np.ones(1, x.dtype)).dtype
    return Spec([n for i, n in zip(range(-x.ndim, 0), x.shape, strict=True) if i not in axes], dtype)


@sum_axes.def_vjp
def _(ct, specs, axes):
    shape = specs[0].shape
    if len(axes) == len(shape):  # the common case, without three further operations
        whole = expand(ct, shape)
        if whole is not None:
            return whole
    keep = tuple(1 if i in axes else n for i, n in zip(range(-len(shape), 0), shape, strict=True))
    return broadcast_to(reshape(ct, keep), shape)


@sum_axes.def_samples
def _(rng):
    yield sample(rng.standard_normal((2, 3, 4)), axes=(-3, -2, -1))
    yield sample(rng.standard_normal((2, 3, 4)), axes=(-2,))
    yield sample(rng.standard_normal((2, 3, 4)), axes=(-3, -1))
    yield sample(rng.standard_normal((2, 0, 4)), axes=(-2,))
    yield sample(rng.standard_normal(600), axes=(-1,))
    yield sample(rng.standard_normal((2, 3)) + 1j, axes=(-1,))
    yield sample(np.array(2.0), axes=())


# ------------------------------------------------------------------------------------------------ reshape
@primitive(core=lambda x, *, core, to: (core,), linear=True, internal=True)
def reshape_core(x, *, core, to):
    """The trailing `core` axes in the shape `to`.

    Derivative: reshaped back. Cost: none, or a copy where the layout asks for one.
    """
    if type(x) is np.ndarray:
        return x.reshape(x.shape[: x.ndim - core] + to)
    return np.reshape(x, np.shape(x)[: np.ndim(x) - core] + to)


@reshape_core.def_shape
def _(x, *, core, to):
    return Spec(x.shape[: x.ndim - core] + to, x.dtype)


@reshape_core.def_vjp
def _(ct, specs, core, to):
    shape = specs[0].shape
    return reshape_core(ct, core=len(to), to=shape[len(shape) - core :])


@reshape_core.def_samples
def _(rng):
    yield sample(rng.standard_normal((2, 3, 4)), core=3, to=(6, 4))
    yield sample(rng.standard_normal((2, 3, 4)), core=2, to=(12,))
    yield sample(rng.standard_normal((2, 1)) + 1j, core=2, to=(2,))
    yield sample(rng.standard_normal(1), core=1, to=())
    yield sample(rng.standard_normal((0, 3)), core=2, to=(3, 0))


def reshape(a, shape, order="C", *, copy=None):
    """Give an array another shape.

    Parameters
    ----------
    a : array_like, shape (...)
    shape : int or tuple of int
        One entry may be -1: what is left.
    order : {"C", "F", "A"}
        The order in which elements are read and placed.
    copy : bool, optional
        True: the result shares no memory with `a`. False: an error if the layout asks for a copy.

    Returns
    -------
    Variable or ndarray, of shape `shape`

    Raises
    ------
    ValueError
        If the number of elements does not fit.

    Notes
    -----
    Derivative: the cotangent reshaped back. Cost: none, or one copy.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.reshape([1.0, 2.0], (2, 1))
    array([[1.],
           [2.]])
    """
    have = shape_of(a)
    if type(shape) is not tuple:
        shape = tuple(shape) if isinstance(shape, (list, np.ndarray)) else (shape,)
    shape = tuple(n.__index__() for n in shape)
    if -1 in shape or any(n < 0 for n in shape):
        known = 1
        for n in shape:
            known *= n if n >= 0 else 1
        size = 1
        for n in have:
            size *= n
        if shape.count(-1) != 1 or any(n < -1 for n in shape) or known == 0 or size % known:
            raise ValueError(f"reshape: cannot reshape an array of shape {have} into {shape}")
        shape = tuple(size // known if n == -1 else n for n in shape)
    size, want = 1, 1
    for n in have:
        size *= n
    for n in shape:
        want *= n
    if size != want:
        raise ValueError(f"reshape: cannot reshape an array of shape {have} into {shape}")
    if order == "F":
        return permute_dims(reshape(permute_dims(a, None), shape[::-1]), None)
    if order not in ("C", "A", "K"):
        raise ValueError(f"reshape: order must be 'C', 'F' or 'A', not {order!r}")
    if copy is not None:
        value = value_of(a)
        if copy and type(value) is not Spec:
            a = a.copy() if isinstance(a, Variable) else np.array(a)
        elif type(value) is not Spec and not np.shares_memory(value, np.reshape(value, shape)) and value.size:
            raise ValueError(f"reshape: an array of shape {have} cannot become {shape} without a copy")
    return reshape_core(a, core=len(have), to=shape)


# ------------------------------------------------------------------------------------------------ broadcast
@primitive(core=lambda x, *, to: (len(to),), linear=True, internal=True)
def broadcast_core(x, *, to):
    """Broadcast the trailing axes to `to`.

    Derivative: the cotangent, summed back. Cost: none; the result is a view.
    """
    return np.broadcast_to(x, np.shape(x)[: max(np.ndim(x) - len(to), 0)] + to)


@broadcast_core.def_shape
def _(x, *, to):
    np.broadcast_shapes(x.shape, to)
    return Spec(x.shape[: max(x.ndim - len(to), 0)] + to, x.dtype)


@broadcast_core.def_vjp
def _(ct, specs):
    return unbroadcast(ct, specs[0].shape)


@broadcast_core.def_samples
def _(rng):
    yield sample(rng.standard_normal(3), to=(2, 3))
    yield sample(rng.standard_normal((2, 1)), to=(4, 2, 3))
    yield sample(np.array(1.5), to=(2, 2))
    yield sample(rng.standard_normal((1, 2)), to=(0, 2))
    yield raises(ValueError, rng.standard_normal(3), to=(2,))


def broadcast_to(array, shape, subok=False):
    """Broadcast an array to a shape, as a read-only view.

    Parameters
    ----------
    array : array_like
    shape : int or tuple of int
    subok : bool
        Accepted for NumPy's sake.

    Returns
    -------
    Variable or ndarray, of shape `shape`

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
    >>> anp.broadcast_to([1.0, 2.0], (2, 2))
    array([[1., 2.],
           [1., 2.]])
    """
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    have = shape_of(array)
    if have == shape:
        return array
    fits = len(have) <= len(shape) and all(n == m or n == 1 for n, m in zip(have[::-1], shape[::-1], strict=False))
    if not fits:
        raise ValueError(f"broadcast_to: an array of shape {have} cannot be broadcast to {shape}")
    return broadcast_core(array, to=shape)


def unbroadcast(ct, shape):
    """Sum `ct` back to `shape`, from which it was broadcast."""
    have = shape_of(ct)
    if have == shape:
        return ct
    lead = len(have) - len(shape)
    axes = tuple(range(-len(have), -len(shape))) if lead > 0 else ()
    keep = tuple(i for i in range(-len(shape), 0) if shape[i] == 1 and have[i] != 1)
    total = sum_axes(ct, axes=axes + keep)
    return reshape_core(total, core=len(shape_of(total)), to=shape) if keep else total


# ------------------------------------------------------------------------------------------------ permute
@primitive(core=lambda x, *, axes: (len(axes),), linear=True, internal=True)
def permute_core(x, *, axes):
    """The trailing axes in another order; `axes` are negative ints.

    Derivative: permuted back. Cost: none; the result is a view.
    """
    n = np.ndim(x)
    order = (*range(n - len(axes)), *[n + a for a in axes])
    return x.transpose(order) if type(x) is np.ndarray else np.transpose(x, order)


@permute_core.def_shape
def _(x, *, axes):
    return Spec(x.shape[: x.ndim - len(axes)] + tuple(x.shape[a] for a in axes), x.dtype)


@permute_core.def_vjp
def _(ct, axes):
    n = len(axes)
    back = [0] * n
    for i, a in enumerate(axes):
        back[a + n] = i - n
    return permute_core(ct, axes=tuple(back))


@permute_core.def_samples
def _(rng):
    yield sample(rng.standard_normal((2, 3, 4)), axes=(-1, -3, -2))
    yield sample(rng.standard_normal((2, 3)), axes=(-1, -2))
    yield sample(rng.standard_normal((2, 0)), axes=(-1, -2))


def permute_dims(a, axes=None):
    """Permute the axes of an array; reverse them unless `axes` are given.

    Parameters
    ----------
    a : array_like
    axes : tuple of int, optional
        A permutation of the axes.

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
    >>> anp.permute_dims([[1.0, 2.0]])
    array([[1.],
           [2.]])
    """
    ndim = len(shape_of(a))
    if axes is None:
        return permute_core(a, axes=_ALL_AXES[ndim][::-1])
    axes = tuple(x.__index__() for x in axes)
    if sorted(x % ndim if -ndim <= x < ndim else -1 for x in axes) != list(range(ndim)):
        raise ValueError(f"permute_dims: axes {axes} are not a permutation of the {ndim} axes of shape {shape_of(a)}")
    return permute_core(a, axes=tuple(x - ndim if x >= 0 else x for x in axes))


# ------------------------------------------------------------------------------------------------ the public sum
def sum(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=None):
    """Sum of the elements over axes.

    Parameters
    ----------
    a : array_like
    axis : None, int or tuple of int
        All axes by default.
    dtype : dtype, optional
        Of the result and of the additions.
    out : None
        Must not be given: a Variable cannot be written into an ndarray.
    keepdims : bool
        Keep summed axes with length one.
    initial : scalar, optional
        Added to the sum.
    where : array_like of bool, optional
        Elements to include.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    numpy.exceptions.AxisError
        If an axis does not exist.

    Notes
    -----
    Derivative: the cotangent, broadcast. Cost: one pass. float64 and float32 are added pairwise.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.sum([[1.0, 2.0], [3.0, 4.0]], axis=0)
    array([4., 6.])
    """
    if axis is dtype is out is initial is where is None and not keepdims:
        return sum_axes(a, axes=_ALL_AXES[len(shape_of(a))])
    if out is not None:
        raise TypeError("sum: out= is not supported")
    shape = shape_of(a)
    if dtype is not None and np.dtype(dtype) != dtype_of(a):
        from_dtype = dtype_of(a)
        if from_dtype.kind in "fc" and np.dtype(dtype).kind not in "fc":
            raise TypeError(f"sum: dtype {np.dtype(dtype)} cannot hold the sum of {from_dtype} numbers")
        a = astype(a, dtype)
    if where is not None and where is not True:
        a = _masked(a, where)
        shape = shape_of(a)
    axes = normalize_axes(axis, len(shape), "sum")
    total = sum_axes(a, axes=axes)
    if keepdims:
        kept = tuple(1 if i in axes else n for i, n in zip(range(-len(shape), 0), shape, strict=True))
        total = reshape_core(total, core=len(shape_of(total)), to=kept)
    if dtype is not None:  # the sum of small integers has a larger dtype, unless another one is asked for
        total = astype(total, dtype, copy=False)
    return total if initial is None else total + initial


def _masked(a, mask):
    """`a` where the mask holds, else zero."""
    from_mask = np.where if not hasattr(a, "level") and not hasattr(mask, "level") else None
    if from_mask is not None:
        return from_mask(mask, a, np.zeros((), dtype_of(a)))
    return MASKED(mask, a)


MASKED = None  # where(mask, a, 0): given by the reductions, which come above


# ------------------------------------------------------------------------------------------------ dtype
@primitive("()->()", internal=True)
def cast_to(x, *, dtype):
    """`x` in another dtype.

    Derivative: the cotangent, cast back (its real part, if `x` is real and the result complex). Cost: one pass.
    """
    return np.asarray(x).astype(dtype, copy=False)


@cast_to.def_vjp
def _(ct, specs):
    return cast(ct, specs[0].dtype)


@cast_to.def_jvp
def _(t, dtype):
    return cast(t, dtype)


@cast_to.def_samples
def _(rng):
    yield sample(rng.standard_normal((2, 3)), dtype=np.dtype(np.complex128))
    yield sample(rng.standard_normal(3).astype(np.float32), dtype=np.dtype(np.float64))


def astype(x, dtype, order="K", casting="unsafe", subok=True, copy=True, device=None):
    """An array in another dtype.

    Parameters
    ----------
    x : array_like
    dtype : dtype
    order, subok
        As in NumPy; without effect.
    casting : str
        NumPy's casting rule that must hold.
    copy : bool
        False: `x` itself where it has the dtype already.
    device : {None, "cpu"}

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    TypeError
        If the rule `casting` does not allow it.

    Notes
    -----
    Derivative: the cotangent, cast back; none if the new dtype is not floating point. Cost: one pass.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.numpy as anp
    >>> anp.astype(np.array([1, 2]), float)
    array([1., 2.])
    """
    del order, subok
    check_device(device, "astype")
    dtype = np.dtype(dtype)
    have = dtype_of(x)
    if not np.can_cast(have, dtype, casting):
        raise TypeError(f"astype: cannot cast from {have} to {dtype} by the rule {casting!r}")
    if have != dtype:
        return cast(x, dtype)
    return x.copy() if copy and isinstance(x, (Variable, np.ndarray)) else x


@primitive("()->()", name="real_part", internal=True)
def real(x):
    """The real part of a complex array.

    Derivative: the cotangent, as a complex number. Cost: none; the result is a view.
    """
    return np.real(x)


@real.def_vjp
def _(ct, specs):
    return cast(ct, specs[0].dtype)


@real.def_jvp
def _(t):
    return real(t)


def complex_only(rng):
    """Samples for the parts of complex numbers."""
    for shape in [(), (3,), (2, 2)]:
        yield sample(np.asarray(rng.standard_normal(shape) + 1j * rng.standard_normal(shape)))


real.def_samples(complex_only)


def cast(x, dtype):
    """`x` in another dtype; the real part, where `x` is complex and the dtype is not."""
    have = dtype_of(x)
    dtype = np.dtype(dtype)
    if have == dtype:
        return x
    if have.kind == "c" and dtype.kind == "f":
        x = real(x)
        if dtype_of(x) == dtype:
            return x
    return cast_to(x, dtype=dtype)
