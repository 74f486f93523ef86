"""Reductions: extrema, logarithms of sums of exponentials, logical reductions, counts and places.

Primitives reduce trailing axes given as negative ints; the public functions translate NumPy's `axis` once.
"""

import numpy as np

from scirs_ad._core.core import Spec, as_array, dtype_of, shape_of
from scirs_ad._core.define import elementwise, primitive, raises, sample
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.accumulate import given, keep, no_out, without_nan
from scirs_ad._ops.shape import sum

__all__ = [
    "all",
    "amax",
    "amin",
    "any",
    "argmax",
    "argmin",
    "around",
    "clip",
    "count_nonzero",
    "max",
    "min",
    "nanargmax",
    "nanargmin",
    "nanmax",
    "nanmin",
    "ptp",
    "round",
    "sum",
]

_min = min  # the builtin; the module defines NumPy's functions of these names


def leading(x, *, axes, **_):
    """`core` of a reduction: how far the reduced axes reach."""
    return (-_min(axes, default=0),)


def remaining(x, axes):
    """The shape of what a reduction leaves."""
    return tuple([n for i, n in zip(range(-len(x.shape), 0), x.shape, strict=True) if i not in axes])


def count_of(shape, axes):
    """The number of elements that are reduced to one."""
    n = 1
    for i in axes:
        n *= shape[i]
    return n


def mask_of(a, where):
    """The mask as an array of the shape of `a` (broadcast together)."""
    where = as_array(where)
    if dtype_of(where).kind != "b":
        raise TypeError(f"where= must be boolean, not {dtype_of(where)}")
    return where


def selects(where):
    """Whether ``where=`` was given."""
    return given(where) and where is not True


def kept_if(total, shape, axes, keepdims):
    """A reduced array, with its axes kept if `keepdims`."""
    return keep(total, shape, axes) if given(keepdims) and keepdims else total


# ------------------------------------------------------------------------------------------------ extrema
@elementwise(internal=True)
def tie_share(x, extreme, share):
    """`share` where `x` is the extreme value (or nan), else 0.

    Derivative: 1 with respect to the share where it is taken.

    >>> tie_share(1.0, 1.0, 0.5)
    array(0.5)
    """
    return ew.where(ew.equal(x, extreme), share, ew.where(ew.equal(x, x), 0.0, share))


@tie_share.def_samples
def _(rng):
    yield sample(rng.standard_normal((2, 3)), rng.standard_normal((2, 1)), rng.standard_normal((2, 1)), wrt=(2,))
    yield sample(np.array([1.0, 2.0, 2.0]), np.array(2.0), np.array(0.5), wrt=(2,))


def _extreme_vjp(ct, out, x, axes):
    shape = shape_of(x)
    out = keep(out, shape, axes)
    dtype = dtype_of(ct)
    n = sh.sum_axes(tie_share(x, out, np.ones((), dtype)), axes=axes)
    return tie_share(x, out, keep(ew.divide(ct, n), shape, axes))


def _extreme_shape(name):
    def rule(x, *, axes):
        if any_zero(x.shape, axes):
            raise ValueError(f"{name}: no elements along the reduced axes of shape {x.shape}, and no initial value")
        return Spec(remaining(x, axes), x.dtype)

    return rule


def any_zero(shape, axes):
    """Whether one of the axes has length zero."""
    return 0 in [shape[i] for i in axes]


def _extreme_samples(rng):
    yield sample(rng.standard_normal((2, 3, 4)), axes=(-3, -2, -1))
    yield sample(rng.standard_normal((2, 3, 4)), axes=(-2,))
    yield sample(rng.standard_normal((2, 3, 4)), axes=(-3, -1))
    yield sample(rng.standard_normal((0, 3)), axes=(-1,))
    yield sample(np.array(2.0), axes=())
    yield sample(rng.standard_normal(4).astype(np.float32), axes=(-1,))
    yield raises(ValueError, np.zeros((2, 0)), axes=(-1,))


@primitive(core=leading, internal=True)
def max_axes(x, *, axes):
    """Largest element over the trailing axes `axes`.

    Derivative: the cotangent, shared equally among ties. Cost: one pass, two backward.
    """
    return np.max(x, axis=axes)


@primitive(core=leading, internal=True)
def min_axes(x, *, axes):
    """Smallest element over the trailing axes `axes`.

    Derivative: the cotangent, shared equally among ties. Cost: one pass, two backward.
    """
    return np.min(x, axis=axes)


max_axes.def_shape(_extreme_shape("max"))
min_axes.def_shape(_extreme_shape("min"))
for _p in (max_axes, min_axes):
    _p.def_vjp(_extreme_vjp)
    _p.def_samples(_extreme_samples)


def _lowest(dtype, sign):
    """The neutral element of a maximum (sign -1) or minimum (sign 1) in a dtype."""
    if dtype.kind in "fc":
        return sign * np.inf
    if dtype.kind == "b":
        return sign > 0
    info = np.iinfo(dtype)
    return info.min if sign < 0 else info.max


def _extreme(name, reduce, pair, sign, a, axis, out, keepdims, initial, where):
    no_out(out, name)
    a = as_array(a)
    if selects(where):
        if not given(initial):
            raise ValueError(f"{name}: where= needs initial=, there being no value for an empty selection")
        a = ew.where(mask_of(a, where), a, _lowest(dtype_of(a), sign))
    shape = shape_of(a)
    axes = sh.normalize_axes(axis, len(shape), name)
    if any_zero(shape, axes) and given(initial):
        total = np.full(remaining(a, axes), initial, np.result_type(dtype_of(a), initial))
        return kept_if(total, shape, axes, keepdims)
    total = kept_if(reduce(a, axes=axes), shape, axes, keepdims)
    return pair(total, initial) if given(initial) else total


def max(a, axis=None, out=None, keepdims=False, initial=None, where=None):
    """Largest element over axes.

    Parameters
    ----------
    a : array_like, shape (...)
    axis : None, int or tuple of int
        All axes by default.
    out : None
        Must not be given.
    keepdims : bool
        Keep reduced axes with length one.
    initial : scalar, optional
        A further candidate.
    where : array_like of bool, optional
        Elements to include; asks for `initial`.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If there is no element and no `initial`.

    Notes
    -----
    Derivative: the cotangent, shared equally among ties. Cost: one pass, two backward.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.max([[1.0, 2.0], [3.0, 0.0]], axis=0)
    array([3., 2.])
    """
    return _extreme("max", max_axes, ew.maximum, -1, a, axis, out, keepdims, initial, where)


def min(a, axis=None, out=None, keepdims=False, initial=None, where=None):
    """Smallest element over axes.

    Parameters
    ----------
    a : array_like, shape (...)
    axis, out, keepdims, initial, where
        As in `max`.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If there is no element and no `initial`.

    Notes
    -----
    Derivative: the cotangent, shared equally among ties. Cost: one pass, two backward.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.min([[1.0, 2.0], [3.0, 0.0]], axis=0)
    array([1., 0.])
    """
    return _extreme("min", min_axes, ew.minimum, 1, a, axis, out, keepdims, initial, where)


amax, amin = max, min


def ptp(a, axis=None, out=None, keepdims=False):
    """Range of the elements over axes: largest minus smallest.

    Parameters
    ----------
    a : array_like, shape (...)
    axis, out, keepdims
        As in `max`.

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: those of `max` and `min`. Cost: two passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.ptp([1.0, 4.0, 2.0])
    array(3.)
    """
    return ew.subtract(max(a, axis, out, keepdims), min(a, axis, out, keepdims))


def _nan_extreme(name, function, sign, a, axis, out, keepdims, initial, where):
    a = as_array(a)
    dtype = dtype_of(a)
    if dtype.kind not in "fc":
        return function(a, axis, out, keepdims, initial, where)
    shape = shape_of(a)
    axes = sh.normalize_axes(axis, len(shape), name)
    missing = ew.isnan(a)
    found = function(ew.where(missing, sign * np.inf, a), axis, out, keepdims, initial, where)
    nothing = kept_if(all_axes(missing, axes=axes), shape, axes, keepdims)
    return ew.where(nothing, np.nan, found)


def nanmax(a, axis=None, out=None, keepdims=False, initial=None, where=None):
    """Largest element over axes, nan left out.

    Parameters
    ----------
    a : array_like, shape (...)
    axis, out, keepdims, initial, where
        As in `max`.

    Returns
    -------
    Variable or ndarray
        nan where all elements are nan.

    Notes
    -----
    Derivative: the cotangent, shared equally among ties. Cost: three passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.nanmax([1.0, float("nan"), 3.0])
    array(3.)
    """
    return _nan_extreme("nanmax", max, -1, a, axis, out, keepdims, initial, where)


def nanmin(a, axis=None, out=None, keepdims=False, initial=None, where=None):
    """Smallest element over axes, nan left out.

    Parameters
    ----------
    a : array_like, shape (...)
    axis, out, keepdims, initial, where
        As in `max`.

    Returns
    -------
    Variable or ndarray
        nan where all elements are nan.

    Notes
    -----
    Derivative: the cotangent, shared equally among ties. Cost: three passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.nanmin([1.0, float("nan"), 3.0])
    array(1.)
    """
    return _nan_extreme("nanmin", min, 1, a, axis, out, keepdims, initial, where)


# ------------------------------------------------------------------------------------------------ logsumexp
@primitive(core=leading, internal=True)
def logsumexp_axes(x, *, axes):
    """Logarithm of the sum of exponentials over the trailing axes `axes`, without overflow.

    Derivative: ``exp(x - out)``, which adds up to 1. Cost: three passes.
    """
    if any_zero(x.shape, axes):
        return np.log(np.sum(np.exp(x), axis=axes))
    high = np.max(x.real, axis=axes, keepdims=True)
    high = np.where(np.isfinite(high), high, 0).astype(high.dtype, copy=False)
    with np.errstate(divide="ignore"):
        return np.log(np.sum(np.exp(x - high), axis=axes)) + high.reshape(remaining(x, axes))


@logsumexp_axes.def_shape
def _(x, *, axes):
    return Spec(remaining(x, axes), np.exp(np.zeros(1, x.dtype)).dtype)


@logsumexp_axes.def_vjp
def _(ct, out, x, axes):
    shape = shape_of(x)
    out = keep(out, shape, axes)
    if dtype_of(out).kind != "c":  # all -inf: no weight anywhere, instead of exp(-inf + inf)
        out = ew.where(ew.isfinite(out), out, 0.0)
    share = ew.exp(ew.subtract(x, out))
    return ew.multiply(keep(ct, shape, axes), cx.conj(share))


@logsumexp_axes.def_samples
def _(rng):
    yield sample(rng.standard_normal((2, 3)), axes=(-1,))
    yield sample(rng.standard_normal((2, 3)), axes=(-2, -1))
    yield sample(np.array([1000.0, 999.0, -1000.0]), axes=(-1,))
    yield sample(rng.standard_normal((2, 3)) + 1j * rng.standard_normal((2, 3)), axes=(-1,))
    yield sample(np.array(2.0), axes=())


def logsumexp(a, axis=None, b=None, keepdims=False, return_sign=False):
    """Logarithm of the sum of exponentials over axes, without overflow.

    Parameters
    ----------
    a : array_like, shape (...)
    axis : None, int or tuple of int
        All axes by default.
    b : array_like, optional
        Factors of the exponentials, broadcast with `a`.
    keepdims : bool
        Keep reduced axes with length one.
    return_sign : bool
        Also return the sign of the sum; the logarithm is then that of the absolute value.

    Returns
    -------
    result : Variable or ndarray
    sign : Variable or ndarray
        Only with `return_sign`.

    Notes
    -----
    Derivative: ``b exp(a - result)`` (softmax) and ``exp(a - result)``. Cost: three passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> from scirs_ad._ops.reduce import logsumexp
    >>> logsumexp([1000.0, 1000.0])
    array(1000.69314718)
    """
    a = as_array(a)
    if dtype_of(a).kind not in "fc":
        a = sh.cast(a, np.float64)
    if b is None and not return_sign:
        shape = shape_of(a)
        axes = sh.normalize_axes(axis, len(shape), "logsumexp")
        return kept_if(logsumexp_axes(a, axes=axes), shape, axes, keepdims)
    b = as_array(1.0 if b is None else b)
    shape = np.broadcast_shapes(shape_of(a), shape_of(b))
    a, b = sh.broadcast_to(a, shape), sh.broadcast_to(b, shape)
    a = ew.where(ew.equal(b, 0), -np.inf, a)
    axes = sh.normalize_axes(axis, len(shape), "logsumexp")
    high = keep(logsumexp_axes(a, axes=axes), shape, axes)
    high = ew.where(ew.isfinite(cx.real(high)), high, 0.0)
    total = sum(ew.multiply(b, ew.exp(ew.subtract(a, high))), axis, keepdims=True)
    if return_sign:
        signs = ew.sign(total)
        total = ew.abs(total)
    found = ew.add(ew.log(total), high)
    if not keepdims:
        left = tuple(n for i, n in zip(range(-len(shape), 0), shape, strict=True) if i not in axes)
        found = sh.reshape(found, left)
        if return_sign:
            signs = sh.reshape(signs, left)
    return (found, signs) if return_sign else found


# ------------------------------------------------------------------------------------------------ no derivative
def _selecting(name, function, text, empty=True):
    """A primitive that reduces to truth values or places."""

    def body(x, *, axes):
        return function(x, axes)

    body.__name__ = body.__qualname__ = name
    body.__doc__ = f"{text}\n\n    Derivative: none. Cost: one pass.\n    "
    body.__module__ = __name__
    made = primitive(core=leading, differentiable=False, internal=True, name=name)(body)
    made.not_differentiable("its values are truth values, counts or places")
    result = np.dtype(bool) if name in ("all_axes", "any_axes") else np.dtype(np.intp)
    made.def_shape(lambda x, *, axes: Spec(remaining(x, axes), result))

    def samples(rng):
        yield sample(rng.standard_normal((2, 3)) > 0, axes=(-1,))
        yield sample(rng.integers(-1, 2, (2, 3, 2)), axes=(-3, -2) if empty else (-2,))
        yield sample(rng.standard_normal(4), axes=(-1,))

    made.def_samples(samples)
    return made


all_axes = _selecting("all_axes", lambda x, axes: np.all(x, axis=axes), "Whether all elements over `axes` are nonzero.")
any_axes = _selecting("any_axes", lambda x, axes: np.any(x, axis=axes), "Whether an element over `axes` is nonzero.")
count_axes = _selecting(
    "count_axes", lambda x, axes: np.count_nonzero(x, axis=axes), "The number of nonzero elements over `axes`."
)
argmax_axis = _selecting(
    "argmax_axis",
    lambda x, axes: np.argmax(x, axis=axes[0]),
    "The place of the largest element along the one axis in `axes`.",
    empty=False,
)
argmin_axis = _selecting(
    "argmin_axis",
    lambda x, axes: np.argmin(x, axis=axes[0]),
    "The place of the smallest element along the one axis in `axes`.",
    empty=False,
)


def _logical(name, reduce, neutral, a, axis, out, keepdims, where):
    no_out(out, name)
    a = as_array(a)
    if selects(where):
        a = ew.where(mask_of(a, where), ew.not_equal(a, 0), neutral)
    shape = shape_of(a)
    axes = sh.normalize_axes(axis, len(shape), name)
    return kept_if(reduce(a, axes=axes), shape, axes, keepdims)


def all(a, axis=None, out=None, keepdims=False, *, where=None):
    """Whether all elements over axes are nonzero.

    Parameters
    ----------
    a : array_like, shape (...)
    axis, out, keepdims, where
        As in `max`.

    Returns
    -------
    ndarray of bool, or Variable under vmap and tracing

    Notes
    -----
    Derivative: none. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.all([[1.0, 0.0], [3.0, 4.0]], axis=1)
    array([False,  True])
    """
    return _logical("all", all_axes, True, a, axis, out, keepdims, where)


def any(a, axis=None, out=None, keepdims=False, *, where=None):
    """Whether any element over axes is nonzero.

    Parameters
    ----------
    a : array_like, shape (...)
    axis, out, keepdims, where
        As in `max`.

    Returns
    -------
    ndarray of bool, or Variable under vmap and tracing

    Notes
    -----
    Derivative: none. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.any([[1.0, 0.0], [0.0, 0.0]], axis=1)
    array([ True, False])
    """
    return _logical("any", any_axes, False, a, axis, out, keepdims, where)


def count_nonzero(a, axis=None, *, keepdims=False):
    """The number of nonzero elements over axes.

    Parameters
    ----------
    a : array_like, shape (...)
    axis, keepdims
        As in `max`.

    Returns
    -------
    ndarray of int, or Variable under vmap and tracing

    Notes
    -----
    Derivative: none. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.count_nonzero([1.0, 0.0, 3.0])
    array(2)
    """
    a = as_array(a)
    shape = shape_of(a)
    axes = sh.normalize_axes(axis, len(shape), "count_nonzero")
    return kept_if(count_axes(a, axes=axes), shape, axes, keepdims)


def _place(name, reduce, a, axis, out, keepdims):
    no_out(out, name)
    a = as_array(a)
    shape = shape_of(a)
    if axis is None:
        found = reduce(sh.reshape(a, (-1,) if 0 not in shape else (0,)), axes=(-1,))
        return sh.reshape(found, (1,) * len(shape)) if given(keepdims) and keepdims else found
    axes = sh.normalize_axes(axis, len(shape), name)
    return kept_if(reduce(a, axes=axes), shape, axes, keepdims)


def argmax(a, axis=None, out=None, *, keepdims=False):
    """The place of the largest element, the first one at a tie.

    Parameters
    ----------
    a : array_like, shape (...)
    axis : int, optional
        The flattened array by default.
    out : None
        Must not be given.
    keepdims : bool
        Keep the reduced axis with length one.

    Returns
    -------
    ndarray of int, or Variable under vmap and tracing

    Raises
    ------
    ValueError
        If there is no element.

    Notes
    -----
    Derivative: none. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.argmax([1.0, 4.0, 2.0])
    array(1)
    """
    return _place("argmax", argmax_axis, a, axis, out, keepdims)


def argmin(a, axis=None, out=None, *, keepdims=False):
    """The place of the smallest element, the first one at a tie.

    Parameters
    ----------
    a : array_like, shape (...)
    axis, out, keepdims
        As in `argmax`.

    Returns
    -------
    ndarray of int, or Variable under vmap and tracing

    Raises
    ------
    ValueError
        If there is no element.

    Notes
    -----
    Derivative: none. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.argmin([1.0, -4.0, 2.0])
    array(1)
    """
    return _place("argmin", argmin_axis, a, axis, out, keepdims)


def _nan_place(name, function, value, a, axis, out, keepdims):
    a = as_array(a)
    if dtype_of(a).kind in "fc":
        missing = all(ew.isnan(a), axis)
        if type(missing) is np.ndarray and np.any(missing):
            raise ValueError(f"{name}: only nan along the axis")
    return function(without_nan(a, value), axis, out, keepdims=keepdims)


def nanargmax(a, axis=None, out=None, *, keepdims=False):
    """The place of the largest element, nan left out.

    Parameters
    ----------
    a : array_like, shape (...)
    axis, out, keepdims
        As in `argmax`.

    Returns
    -------
    ndarray of int, or Variable under vmap and tracing

    Raises
    ------
    ValueError
        If all elements along the axis are nan.

    Notes
    -----
    Derivative: none. Cost: two passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.nanargmax([1.0, float("nan"), 2.0])
    array(2)
    """
    return _nan_place("nanargmax", argmax, -np.inf, a, axis, out, keepdims)


def nanargmin(a, axis=None, out=None, *, keepdims=False):
    """The place of the smallest element, nan left out.

    Parameters
    ----------
    a : array_like, shape (...)
    axis, out, keepdims
        As in `argmax`.

    Returns
    -------
    ndarray of int, or Variable under vmap and tracing

    Raises
    ------
    ValueError
        If all elements along the axis are nan.

    Notes
    -----
    Derivative: none. Cost: two passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.nanargmin([1.0, float("nan"), 2.0])
    array(0)
    """
    return _nan_place("nanargmin", argmin, np.inf, a, axis, out, keepdims)


@primitive("()->()", differentiable=False, internal=True)
def round_to(x, *, decimals):
    """`x` rounded to `decimals` places after the point, the even one at a tie.

    Derivative: none; it is piecewise constant. Cost: three passes.
    """
    return np.round(x, decimals)


round_to.not_differentiable("it is piecewise constant")


@round_to.def_samples
def _(rng):
    yield sample(rng.uniform(-5, 5, (2, 3)), decimals=1)
    yield sample(rng.integers(0, 1000, 3), decimals=-1)
    yield sample(np.array(2.5), decimals=0)


def round(a, decimals=0, out=None):
    """Round to a number of places after the point, to the even one at a tie.

    Parameters
    ----------
    a : array_like, shape (...)
    decimals : int
    out : None
        Must not be given.

    Returns
    -------
    ndarray, or Variable under vmap and tracing

    Notes
    -----
    Derivative: none; it is piecewise constant. Cost: three passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.round([1.26, 2.5], 1)
    array([1.3, 2.5])
    """
    no_out(out, "round")
    return round_to(as_array(a), decimals=int(decimals))


around = round


def clip(a, a_min=np._NoValue, a_max=np._NoValue, out=None, *, min=np._NoValue, max=np._NoValue):
    """Limit the elements to an interval.

    Parameters
    ----------
    a : array_like, shape (...)
    a_min, a_max, min, max : array_like or None
        The limits (either pair of names), broadcast with `a`; None is no limit.
    out : None
        Must not be given.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If both pairs of names are given.

    Notes
    -----
    Derivative: 1 inside and at the limits, 0 outside, where it goes to the limit. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.clip([-1.0, 0.5, 2.0], 0.0, 1.0)
    array([0. , 0.5, 1. ])
    """
    no_out(out, "clip")
    if min is not np._NoValue or max is not np._NoValue:
        if a_min is not np._NoValue or a_max is not np._NoValue:
            raise ValueError("clip: give a_min and a_max, or min and max, not both")
        a_min, a_max = min, max
    low = as_array(a_min) if given(a_min) and not isinstance(a_min, (int, float)) else a_min
    high = as_array(a_max) if given(a_max) and not isinstance(a_max, (int, float)) else a_max
    a = as_array(a)
    if not given(low) and not given(high):
        return ew.positive(a) if dtype_of(a).kind != "b" else a
    if dtype_of(a).kind not in "f" and not (given(low) and given(high)):
        return ew.maximum(a, low) if given(low) else ew.minimum(a, high)
    return ew.clip_to(a, low if given(low) else -np.inf, high if given(high) else np.inf)


def _sum_where(mask, a):
    return ew.where(mask_of(a, mask), a, 0)


sh.MASKED = _sum_where
