"""Extrema over axes, and their places."""

import numpy as np

from scirs_ad._core.core import Spec, as_array, dtype_of, shape_of
from scirs_ad._core.define import elementwise, primitive, raises, sample
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.accumulate import given, keep, no_out, without_nan
from scirs_ad._ops.reduce import all, all_axes, any_zero, kept_if, leading, mask_of, remaining, selecting, selects

__all__ = [
    "amax",
    "amin",
    "argmax",
    "argmin",
    "max",
    "min",
    "nanargmax",
    "nanargmin",
    "nanmax",
    "nanmin",
    "ptp",
]


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


# ------------------------------------------------------------------------------------------------ places
argmax_axis = selecting(
    "argmax_axis",
    lambda x, axes: np.argmax(x, axis=axes[0]),
    "The place of the largest element along the one axis in `axes`.",
    empty=False,
)
argmin_axis = selecting(
    "argmin_axis",
    lambda x, axes: np.argmin(x, axis=axes[0]),
    "The place of the smallest element along the one axis in `axes`.",
    empty=False,
)


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
