"""Differences, difference quotients, integrals by the trapezoidal rule, convolutions, cross products."""

import numpy as np

from scirs_ad._core.core import Spec, as_array, dtype_of, shape_of
from scirs_ad._core.define import primitive, raises, sample
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import join
from scirs_ad._ops import shape as sh
from scirs_ad._ops.accumulate import flip_last, given, pad_zeros
from scirs_ad._ops.index import getitem

__all__ = ["convolve", "correlate", "cross", "diff", "ediff1d", "gradient", "trapezoid"]

_kernels = lazy("scirs_ad._kernels.cross")


# ------------------------------------------------------------------------------------------------ differences
@primitive(core=lambda x, *, axis: (-axis,), linear=True, internal=True)
def diff_along(x, *, axis):
    """Differences of neighbours along `axis` (a negative int).

    Derivative: the negative differences of the cotangent between zeros. Cost: one pass.
    """
    return np.diff(x, axis=axis)


@diff_along.def_shape
def _(x, *, axis):
    n = x.shape[axis] - 1 if x.shape[axis] else 0
    return Spec((*x.shape[: x.ndim + axis], n, *x.shape[x.ndim + axis + 1 :]), x.dtype)


@diff_along.def_vjp
def _(ct, specs, axis):
    if specs[0].shape[axis] == 0:
        return ct
    return diff_adjoint(ct, axis=axis)


@primitive(core=lambda x, *, axis: (-axis,), linear=True, internal=True)
def diff_adjoint(x, *, axis):
    """Negative differences of neighbours along `axis`, with zeros before and after: one place more.

    Derivative: the differences of the cotangent. Cost: two passes.
    """
    lead = (slice(None),) * (x.ndim + axis)
    out = np.zeros((*x.shape[: x.ndim + axis], x.shape[axis] + 1, *x.shape[x.ndim + axis + 1 :]), x.dtype)
    out[(*lead, slice(1, None))] = x
    out[(*lead, slice(None, -1))] -= x
    return out


@diff_adjoint.def_shape
def _(x, *, axis):
    return Spec((*x.shape[: x.ndim + axis], x.shape[axis] + 1, *x.shape[x.ndim + axis + 1 :]), x.dtype)


@diff_adjoint.def_vjp
def _(ct, axis):
    return diff_along(ct, axis=axis)


def _difference_samples(rng):
    yield sample(rng.standard_normal(5), axis=-1)
    yield sample(rng.standard_normal((3, 2)), axis=-2)
    yield sample(rng.standard_normal(1), axis=-1)
    yield sample(rng.standard_normal(3) + 1j * rng.standard_normal(3), axis=-1)


diff_along.def_samples(_difference_samples)
diff_adjoint.def_samples(_difference_samples)


def diff(a, n=1, axis=-1, prepend=np._NoValue, append=np._NoValue):
    """Differences of neighbours along an axis, `n` times.

    Parameters
    ----------
    a : array_like, shape (...)
    n : int
        How often.
    axis : int
    prepend, append : array_like, optional
        Values before and after `a`, along `axis`.

    Returns
    -------
    Variable or ndarray
        Shorter by `n` along `axis`.

    Raises
    ------
    ValueError
        If `n` is negative or `a` a scalar.

    Notes
    -----
    Derivative: linear. Cost: `n` passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.diff([1.0, 4.0, 9.0])
    array([3., 5.])
    """
    if n < 0:
        raise ValueError(f"diff: n must not be negative, got {n}")
    a = as_array(a)
    if n == 0:
        return a
    if not shape_of(a):
        raise ValueError("diff: a scalar was given; at least one dimension is needed")
    (axis,) = sh.normalize_axes(axis, len(shape_of(a)), "diff")
    pieces = [_piece(prepend, a, axis), a, _piece(append, a, axis)]
    pieces = [p for p in pieces if p is not None]
    if len(pieces) > 1:
        a = join.concatenate(pieces, axis)
    for _ in range(n):
        a = diff_along(a, axis=axis)
    return a


def _piece(x, a, axis):
    """What to put before or after `a`: a scalar as one place along `axis`."""
    if not given(x):
        return None
    x = as_array(x)
    if shape_of(x):
        return x
    shape = list(shape_of(a))
    shape[axis] = 1
    return sh.broadcast_to(x, tuple(shape))


def ediff1d(ary, to_end=None, to_begin=None):
    """Differences of neighbours of the flattened array, with values before and after.

    Parameters
    ----------
    ary : array_like
    to_end, to_begin : array_like, optional

    Returns
    -------
    Variable or ndarray, 1-D

    Notes
    -----
    Derivative: linear. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.ediff1d([1.0, 4.0, 9.0], to_begin=0.0)
    array([0., 3., 5.])
    """
    found = diff(_flat(as_array(ary)))
    pieces = [
        None if to_begin is None else _flat(as_array(to_begin)),
        found,
        None if to_end is None else _flat(as_array(to_end)),
    ]
    pieces = [sh.cast(p, dtype_of(found)) for p in pieces if p is not None]
    return found if len(pieces) == 1 else join.concatenate(pieces)


def _flat(a):
    n = 1
    for k in shape_of(a):
        n *= k
    return sh.reshape(a, (n,))


def _cut(a, axis, start, stop):
    """The entries from `start` to `stop` along a negative axis."""
    return getitem(a, (Ellipsis, slice(start, stop), *(slice(None),) * (-axis - 1)))


def gradient(f, *varargs, axis=None, edge_order=1):
    """Difference quotients: central inside, one-sided at the edges.

    Parameters
    ----------
    f : array_like, shape (...)
    *varargs : scalar or array_like
        Spacing, for all axes or for each: a number, or the coordinates.
    axis : None, int or tuple of int
    edge_order : {1, 2}
        Accuracy at the edges.

    Returns
    -------
    Variable or ndarray, or a tuple of them
        One for each axis.

    Raises
    ------
    ValueError
        If an axis is too short, or the coordinates do not fit.
    TypeError
        If the number of spacings does not fit.

    Notes
    -----
    Derivative: in `f` and in the spacings. Second order where neighbouring distances differ. Cost: five passes an axis.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.gradient([1.0, 4.0, 9.0])
    array([3., 4., 5.])
    """
    f = as_array(f)
    if dtype_of(f).kind not in "fc":
        f = sh.cast(f, np.float64)
    ndim = len(shape_of(f))
    if axis is None:
        axes = tuple(range(-ndim, 0))
    else:
        sh.normalize_axes(axis, ndim, "gradient")
        axes = tuple([a - ndim if a >= 0 else a for a in (axis if isinstance(axis, (tuple, list)) else (axis,))])
    spacings = [as_array(v) for v in varargs] or [as_array(1.0)]
    if len(spacings) == 1 and (not shape_of(spacings[0]) or len(axes) == 1):
        spacings = spacings * len(axes)
    if len(spacings) != len(axes):
        raise TypeError(f"gradient: {len(varargs)} spacing(s) for {len(axes)} axes")
    if edge_order not in (1, 2):
        raise ValueError(f"gradient: edge_order must be 1 or 2, not {edge_order!r}")
    along = [_gradient_along(f, a, h, edge_order) for a, h in zip(axes, spacings, strict=True)]
    found = tuple([sh.cast(g, dtype_of(f)) for g in along])  # as NumPy: the spacings do not widen
    return found[0] if len(axes) == 1 else found


def _gradient_along(f, axis, h, edge_order):
    n = shape_of(f)[axis]
    if n < edge_order + 1:
        raise ValueError(f"gradient: at least {edge_order + 1} places are needed along an axis of length {n}")
    if shape_of(h):
        if shape_of(h) != (n,):
            raise ValueError(f"gradient: coordinates of shape {shape_of(h)} do not fit an axis of length {n}")
        steps = sh.reshape(diff_along(h, axis=-1), (n - 1,) + (1,) * (-axis - 1))
    else:
        steps = sh.broadcast_to(h, (n - 1,) + (1,) * (-axis - 1))

    def step(start, stop):
        return _cut(steps, axis, start, stop)

    slopes = ew.divide(diff_along(f, axis=axis), steps)
    before, after = step(None, -1), step(1, None)
    total = ew.add(before, after)
    # Weights of the two slopes: the exact derivative of the parabola through three points.
    inner = ew.add(
        ew.multiply(_cut(slopes, axis, None, -1), ew.divide(after, total)),
        ew.multiply(_cut(slopes, axis, 1, None), ew.divide(before, total)),
    )
    first, last = _cut(slopes, axis, 0, 1), _cut(slopes, axis, n - 2, n - 1)
    if edge_order == 2:
        bend = ew.divide(ew.subtract(_cut(slopes, axis, 1, 2), first), ew.add(step(0, 1), step(1, 2)))
        start = ew.subtract(first, ew.multiply(bend, step(0, 1)))
        bend = ew.divide(
            ew.subtract(last, _cut(slopes, axis, n - 3, n - 2)), ew.add(step(n - 3, n - 2), step(n - 2, n - 1))
        )
        last = ew.add(last, ew.multiply(bend, step(n - 2, n - 1)))
        first = start
    return join.concatenate([first, inner, last], axis)


def trapezoid(y, x=None, dx=1.0, axis=-1):
    """Integral by the trapezoidal rule.

    Parameters
    ----------
    y : array_like, shape (...)
    x : array_like, optional
        Coordinates: 1-D along `axis`, or of the shape of `y`.
    dx : scalar
        Spacing, without `x`.
    axis : int

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If the coordinates do not fit.

    Notes
    -----
    Derivative: in `y`, `x` and `dx`. Cost: three passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.trapezoid([1.0, 2.0, 3.0])
    array(4.)
    """
    y = as_array(y)
    if dtype_of(y).kind not in "fc":
        y = sh.cast(y, np.float64)
    (axis,) = sh.normalize_axes(axis, len(shape_of(y)), "trapezoid")
    if x is None:
        step = dx
        if not isinstance(dx, (int, float)):
            step = as_array(dx)
    else:
        x = as_array(x)
        if len(shape_of(x)) == 1:
            step = sh.reshape(diff(x), (-1,) + (1,) * (-axis - 1)) if shape_of(x)[0] > 1 else diff(x)
        else:
            step = diff(x, axis=axis)
    pairs = ew.add(_cut(y, axis, 1, None), _cut(y, axis, None, -1))
    return sh.sum(ew.multiply(ew.multiply(pairs, 0.5), step), axis=axis)


# ------------------------------------------------------------------------------------------------ convolution
def _window(a, v, start, size):
    full = np.convolve(a, v)
    stop = start + size
    if start >= 0 and stop <= len(full):
        return full[start:stop]
    out = np.zeros(size, full.dtype)
    low, high = max(start, 0), min(stop, len(full))
    if low < high:
        out[low - start : high - start] = full[low:high]
    return out


@primitive(core=lambda a, v, *, start, size: (1, 1), internal=True)
def convolve_window(a, v, *, start, size):
    """The entries from `start` on, `size` of them, of the full convolution of the last axes; zeros beyond its ends.

    Derivative: the convolution of the cotangent with the other factor reversed, again a window. Cost: one
    multiplication for each pair.
    """
    if a.ndim == 1 and v.ndim == 1:
        return _window(a, v, start, size)
    loop = np.broadcast_shapes(a.shape[:-1], v.shape[:-1])
    a, v = np.broadcast_to(a, loop + a.shape[-1:]), np.broadcast_to(v, loop + v.shape[-1:])
    out = np.empty((*loop, size), np.result_type(a, v))
    for i in np.ndindex(*loop):
        out[i] = _window(a[i], v[i], start, size)
    return out


@convolve_window.def_shape
def _(a, v, *, start, size):
    return Spec((*np.broadcast_shapes(a.shape[:-1], v.shape[:-1]), size), np.result_type(a.dtype, v.dtype))


@convolve_window.def_vjp
def _(ct, a, v, specs, start):
    n, m = specs[0].shape[-1], specs[1].shape[-1]
    to_a = convolve_window(ct, flip_last(cx.conj(v)), start=m - 1 - start, size=n)
    to_v = convolve_window(ct, flip_last(cx.conj(a)), start=n - 1 - start, size=m)
    return tuple([sh.cast(sh.unbroadcast(g, s.shape), s.dtype) for g, s in zip((to_a, to_v), specs, strict=True)])


@convolve_window.def_samples
def _(rng):
    x = rng.standard_normal
    yield sample(x(5), x(3), start=0, size=7)
    yield sample(x(5), x(3), start=2, size=3)
    yield sample(x(3), x(4), start=-1, size=8)
    yield sample(x((2, 4)), x(2), start=1, size=3)
    yield sample(x(3) + 1j * x(3), x(2) + 1j * x(2), start=0, size=4)
    yield raises(ValueError, x(0), x(2), start=0, size=1)


def _mode(mode, n, m, name):
    """Start and size of the window of a full convolution."""
    if name == "correlate" and n < m:  # NumPy exchanges the factors and reverses the result
        start, size = _mode(mode, m, n, name)
        return n + m - 1 - start - size, size
    short, long = (n, m) if n < m else (m, n)
    if mode == "full":
        return 0, n + m - 1
    if mode == "same":
        return (short - 1) // 2, long
    if mode == "valid":
        return short - 1, long - short + 1
    raise ValueError(f"{name}: mode must be 'full', 'same' or 'valid', not {mode!r}")


def _vectors(name, a, v):
    a, v = as_array(a), as_array(v)
    a, v = (sh.reshape(x, (1,)) if not shape_of(x) else x for x in (a, v))
    for x in (a, v):
        if len(shape_of(x)) != 1:
            raise ValueError(f"{name}: an argument of shape {shape_of(x)}; one dimension is needed")
        if shape_of(x)[0] == 0:
            raise ValueError(f"{name}: an argument is empty")
    return a, v


def convolve(a, v, mode="full"):
    """Convolution of two sequences.

    Parameters
    ----------
    a : array_like, shape (n,)
    v : array_like, shape (m,)
    mode : {"full", "same", "valid"}
        All places, as many as the longer has, or where the sequences overlap completely.

    Returns
    -------
    Variable or ndarray, 1-D

    Raises
    ------
    ValueError
        If an argument is empty or not 1-D.

    Notes
    -----
    Derivative: correlations of the cotangent. Cost: ``n m`` multiplications each.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.convolve([1.0, 2.0], [1.0, 3.0])
    array([1., 5., 6.])
    """
    a, v = _vectors("convolve", a, v)
    start, size = _mode(mode, shape_of(a)[0], shape_of(v)[0], "convolve")
    return convolve_window(a, v, start=start, size=size)


def correlate(a, v, mode="valid"):
    """Cross-correlation of two sequences, the second one conjugated.

    Parameters
    ----------
    a : array_like, shape (n,)
    v : array_like, shape (m,)
    mode : {"valid", "same", "full"}
        As in `convolve`.

    Returns
    -------
    Variable or ndarray, 1-D

    Raises
    ------
    ValueError
        If an argument is empty or not 1-D.

    Notes
    -----
    Derivative: convolutions of the cotangent. Cost: ``n m`` multiplications each.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.correlate([1.0, 2.0, 3.0], [0.0, 1.0])
    array([2., 3.])
    """
    a, v = _vectors("correlate", a, v)
    start, size = _mode(mode, shape_of(a)[0], shape_of(v)[0], "correlate")
    return convolve_window(a, flip_last(cx.conj(v)), start=start, size=size)


# ------------------------------------------------------------------------------------------------ cross product
def _cross(a, b):
    kind = np.result_type(a, b).char
    if kind in "fdFD" and a.shape[-1] == b.shape[-1] == 3:
        return _kernels.cross(a, b)
    return cross_core.body(a, b)


@primitive("(3),(3)->(3)", kernel=_cross, internal=True)
def cross_core(a, b):
    """Cross product of vectors in space along the last axis.

    Derivative: cross products of the cotangent with the other factor. Cost: nine operations each.
    """
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise ValueError(f"cross: vectors of 3 components are needed; the shapes are {a.shape} and {b.shape}")
    ahead, behind = [1, 2, 0], [2, 0, 1]
    return a[..., ahead] * b[..., behind] - a[..., behind] * b[..., ahead]


@cross_core.def_vjp
def _(ct, a, b, specs):
    found = cross_core(cx.conj(b), ct), cross_core(ct, cx.conj(a))
    return tuple([sh.cast(sh.unbroadcast(g, s.shape), s.dtype) for g, s in zip(found, specs, strict=True)])


@cross_core.def_samples
def _(rng):
    x = rng.standard_normal
    yield sample(x(3), x(3))
    yield sample(x((2, 3)), x(3))
    yield sample(x((2, 1, 3)), x((4, 3)))
    yield sample(x(3) + 1j * x(3), x(3) + 1j * x(3))
    yield raises(ValueError, x(4), x(4))


def cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """Cross product of vectors of 3 components (2 are completed by a zero).

    Parameters
    ----------
    a, b : array_like, shape (..., 3)
        Broadcast together.
    axisa, axisb, axisc : int
        Where the vectors lie in `a`, in `b` and in the result.
    axis : int, optional
        All three.

    Returns
    -------
    Variable or ndarray, shape (..., 3)
        For two vectors of 2 components the third one only.

    Raises
    ------
    ValueError
        If there are neither 2 nor 3 components.

    Notes
    -----
    Derivative: cross products of the cotangent with the other factor. Cost: nine operations each.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    array([0., 0., 1.])
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = _last(as_array(a), axisa), _last(as_array(b), axisb)
    n, m = shape_of(a)[-1], shape_of(b)[-1]
    if n not in (2, 3) or m not in (2, 3):
        raise ValueError(f"cross: vectors of 2 or 3 components are needed; the shapes are {shape_of(a)}, {shape_of(b)}")
    a, b = (pad_zeros(x, widths=((0, 1),)) if shape_of(x)[-1] == 2 else x for x in (a, b))
    found = cross_core(a, b)
    if n == m == 2:
        return getitem(found, (Ellipsis, 2))
    ndim = len(shape_of(found))
    (axisc,) = sh.normalize_axes(axisc, ndim, "cross")
    if axisc == -1:
        return found
    return sh.permute_core(found, axes=(*range(-ndim, axisc), -1, *range(axisc, -1)))


def _last(x, axis):
    ndim = len(shape_of(x))
    (axis,) = sh.normalize_axes(axis, ndim, "cross")
    return x if axis == -1 else sh.permute_core(x, axes=(*range(-ndim, axis), *range(axis + 1, 0), axis))
