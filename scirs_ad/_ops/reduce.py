"""Reductions: extrema, means, variances, logical reductions and counts.

Primitives reduce trailing axes given as negative ints; the public functions translate NumPy's `axis` once.
"""

import numpy as np

from scirs_ad._core.core import Spec, as_array, dtype_of, shape_of
from scirs_ad._core.define import elementwise, primitive, raises, sample
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.accumulate import given, in_dtype, keep, no_out, without_nan
from scirs_ad._ops.shape import sum

__all__ = [
    "all",
    "amax",
    "amin",
    "any",
    "argmax",
    "argmin",
    "around",
    "average",
    "clip",
    "count_nonzero",
    "logsumexp",
    "max",
    "mean",
    "min",
    "nanargmax",
    "nanargmin",
    "nanmax",
    "nanmean",
    "nanmin",
    "nanstd",
    "nansum",
    "nanvar",
    "ptp",
    "round",
    "std",
    "sum",
    "var",
]

_min = min  # the builtin; the module defines NumPy's functions of these names


def _reduced(x, *, axes, **_):
    return (-_min(axes, default=0),)


def _left(x, axes):
    return tuple([n for i, n in zip(range(-len(x.shape), 0), x.shape, strict=True) if i not in axes])


def _count(shape, axes):
    n = 1
    for i in axes:
        n *= shape[i]
    return n


def _mask(a, where):
    """The mask as an array of the shape of `a` (broadcast together)."""
    where = as_array(where)
    if dtype_of(where).kind != "b":
        raise TypeError(f"where= must be boolean, not {dtype_of(where)}")
    return where


def _masked(where):
    return given(where) and where is not True


def _kept(total, shape, axes, keepdims):
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
        return Spec(_left(x, axes), x.dtype)

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


@primitive(core=_reduced, internal=True)
def max_axes(x, *, axes):
    """Largest element over the trailing axes `axes`.

    Derivative: the cotangent, shared equally among ties. Cost: one pass, two backward.
    """
    return np.max(x, axis=axes)


@primitive(core=_reduced, internal=True)
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
    if _masked(where):
        if not given(initial):
            raise ValueError(f"{name}: where= needs initial=, there being no value for an empty selection")
        a = ew.where(_mask(a, where), a, _lowest(dtype_of(a), sign))
    shape = shape_of(a)
    axes = sh.normalize_axes(axis, len(shape), name)
    if any_zero(shape, axes) and given(initial):
        total = np.full(_left(a, axes), initial, np.result_type(dtype_of(a), initial))
        return _kept(total, shape, axes, keepdims)
    total = _kept(reduce(a, axes=axes), shape, axes, keepdims)
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
    nothing = _kept(all_axes(missing, axes=axes), shape, axes, keepdims)
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


# ------------------------------------------------------------------------------------------------ mean
def mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=None):
    """Arithmetic mean over axes.

    Parameters
    ----------
    a : array_like, shape (...)
    axis : None, int or tuple of int
        All axes by default.
    dtype : dtype, optional
        Of the result and of the additions; float64 for integers.
    out : None
        Must not be given.
    keepdims : bool
        Keep reduced axes with length one.
    where : array_like of bool, optional
        Elements to include.

    Returns
    -------
    Variable or ndarray
        nan where there is no element.

    Raises
    ------
    numpy.exceptions.AxisError
        If an axis does not exist.

    Notes
    -----
    Derivative: the cotangent divided by the number of elements, broadcast. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.mean([[1.0, 2.0], [3.0, 4.0]], axis=0)
    array([2., 3.])
    """
    no_out(out, "mean")
    a = as_array(a)
    if given(dtype) or dtype_of(a).kind not in "fc":
        a = in_dtype(a, dtype if given(dtype) else np.float64, "mean")
    if _masked(where):
        where = _mask(a, where)
        n = _counted(a, where, axis, keepdims)
        return ew.divide(sum(ew.where(where, a, 0), axis, keepdims=keepdims), sh.cast(n, dtype_of(a)))
    shape = shape_of(a)
    axes = sh.normalize_axes(axis, len(shape), "mean")
    total = ew.divide(sh.sum_axes(a, axes=axes), float(_count(shape, axes)))
    return _kept(total, shape, axes, keepdims)


def _counted(a, where, axis, keepdims):
    """How many elements of `a` the mask includes."""
    shape = np.broadcast_shapes(shape_of(a), shape_of(where))
    return sum(sh.broadcast_to(where, shape), axis, keepdims=keepdims)


# ------------------------------------------------------------------------------------------------ variance
def _deviations(x, axes):
    # Differences to one element first: a constant then has deviations that are exactly zero, which the difference to
    # a rounded mean has not, and the standard deviation would have a gradient of order one there.
    first = tuple([slice(0, 1) if i in axes else slice(None) for i in range(-x.ndim, 0)])
    d = x - x[first]
    if d.ndim == 0:
        return d[None][0:1].reshape(())
    d -= np.mean(d, axis=axes, keepdims=True)
    return d


@primitive(core=_reduced, linear=True, internal=True)
def centered(x, *, axes):
    """`x` minus its mean over the trailing axes `axes`; exactly zero for a constant.

    Derivative: the cotangent, centered. Cost: four passes.
    """
    return _deviations(np.asarray(x), axes) if x.size else np.array(x)


@centered.def_shape
def _(x, *, axes):
    return x


@centered.def_vjp
def _(ct, axes):
    return centered(ct, axes=axes)


def _variance(x, *, axes, ddof):
    n = _count(x.shape, axes)
    real = x.real.dtype
    if x.size == 0:
        return np.full(_left(x, axes), np.nan, real)
    d = _deviations(x, axes)
    if real != x.dtype:
        square = d.real**2 + d.imag**2
    else:
        square = np.multiply(d, d, out=d if d.ndim else None)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sum(square, axis=axes) / real.type(n - ddof if n > ddof else 0)


@primitive(core=_reduced, internal=True)
def var_axes(x, *, axes, ddof):
    """Variance over the trailing axes `axes`, with ``n - ddof`` in the denominator; real also for complex `x`.

    Derivative: ``2 (x - mean) / (n - ddof)``. Cost: six passes.
    """
    return _variance(np.asarray(x), axes=axes, ddof=ddof)


@var_axes.def_shape
def _(x, *, axes, ddof):
    return Spec(_left(x, axes), np.zeros((), x.dtype).real.dtype)


@var_axes.def_vjp
def _(ct, x, axes, ddof):
    shape = shape_of(x)
    n = _count(shape, axes) - ddof
    if n <= 0:
        return ew.multiply(x, np.nan)
    return ew.multiply(centered(x, axes=axes), keep(ew.multiply(ct, 2.0 / n), shape, axes))


def _variance_samples(rng):
    for more in ({"ddof": 0}, {"ddof": 1}):
        yield sample(rng.standard_normal((2, 3, 4)), axes=(-3, -2, -1), **more)
        yield sample(rng.standard_normal((2, 3)), axes=(-2,), **more)
    yield sample(np.full(3, 0.1), axes=(-1,), ddof=0)
    yield sample(rng.standard_normal((2, 3)) + 1j * rng.standard_normal((2, 3)), axes=(-1,), ddof=0)
    yield sample(rng.standard_normal((0, 2)), axes=(-1,), ddof=0)


var_axes.def_samples(_variance_samples)


@centered.def_samples
def _(rng):
    for s in _variance_samples(rng):
        if s.params["ddof"] == 0:
            yield sample(*s.args, axes=s.params["axes"])


@primitive(core=lambda x, mask, *, axes: (-_min(axes, default=0),) * 2, loops="equal", internal=True)
def centered_where(x, mask, *, axes):
    """`x` minus its mean over the selected elements of the trailing axes `axes`; zero where not selected.

    Derivative: the cotangent, centered in the same way. Cost: six passes.
    """
    # As in `centered`: first the difference to one element that is included, so that a constant gives zeros.
    x, mask = np.broadcast_arrays(x, mask)
    start = np.max(np.where(mask, x.real, -np.inf), axis=axes, keepdims=True, initial=-np.inf)
    start = np.where(np.isfinite(start), start, 0).astype(x.real.dtype)
    d = np.where(mask, x - start, 0).astype(x.dtype, copy=False)
    n = np.maximum(np.sum(mask, axis=axes, keepdims=True), 1).astype(x.real.dtype)
    return np.where(mask, d - np.sum(d, axis=axes, keepdims=True) / n, 0).astype(x.dtype, copy=False)


@centered_where.def_shape
def _(x, mask, *, axes):
    return Spec(np.broadcast_shapes(x.shape, mask.shape), x.dtype)


@centered_where.def_vjp
def _(ct, mask, specs, axes):
    return sh.unbroadcast(centered_where(ct, mask, axes=axes), specs[0].shape), None


@centered_where.def_jvp
def _(t, mask, axes):
    return None if t[0] is None else centered_where(t[0], mask, axes=axes)


@centered_where.def_samples
def _(rng):
    yield sample(rng.standard_normal((2, 3)), rng.random((2, 3)) < 0.6, axes=(-1,))
    yield sample(rng.standard_normal((2, 3)), rng.random((2, 3)) < 0.6, axes=(-2, -1))
    yield sample(np.full((2, 3), 0.1), rng.random((2, 3)) < 0.6, axes=(-2, -1))


def _abs2(x):
    if dtype_of(x).kind != "c":
        return ew.square(x)
    return ew.add(ew.square(cx.real(x)), ew.square(cx.imag(x)))


def _var(name, a, axis, dtype, out, ddof, keepdims, where, mean, correction):
    no_out(out, name)
    if given(correction):
        if ddof != 0:
            raise ValueError(f"{name}: ddof and correction are the same; give one")
        ddof = correction
    a = as_array(a)
    if given(dtype) or dtype_of(a).kind not in "fc":
        a = in_dtype(a, dtype if given(dtype) else np.float64, name)
    if _masked(where) or given(mean):
        return _var_general(a, axis, ddof, keepdims, where, mean)
    shape = shape_of(a)
    axes = sh.normalize_axes(axis, len(shape), name)
    return _kept(var_axes(a, axes=axes, ddof=ddof), shape, axes, keepdims)


def _var_general(a, axis, ddof, keepdims, where, mean):
    """The variance of selected elements, or about a given mean."""
    where = _mask(a, where) if _masked(where) else np.ones((), bool)
    shape = np.broadcast_shapes(shape_of(a), shape_of(where))
    a, where = sh.broadcast_to(a, shape), sh.broadcast_to(where, shape)
    axes = sh.normalize_axes(axis, len(shape), "var")
    if given(mean):
        d = ew.where(where, ew.subtract(a, mean), 0)
    else:
        d = centered_where(a, where, axes=axes)
    total = sum(_abs2(d), axis, keepdims=keepdims)
    n = sh.cast(sum(where, axis, keepdims=keepdims), dtype_of(total))
    return ew.divide(total, ew.maximum(ew.subtract(n, ddof), 0.0))


def var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=None, mean=None, correction=None):
    """Variance over axes.

    Parameters
    ----------
    a : array_like, shape (...)
    axis : None, int or tuple of int
        All axes by default.
    dtype : dtype, optional
        In which to compute; float64 for integers.
    out : None
        Must not be given.
    ddof, correction : float
        The denominator is ``n - ddof``; two names for one thing.
    keepdims : bool
        Keep reduced axes with length one.
    where : array_like of bool, optional
        Elements to include.
    mean : array_like, optional
        The mean, computed with ``keepdims=True``, if it is known.

    Returns
    -------
    Variable or ndarray
        Real also for complex `a`.

    Raises
    ------
    numpy.exceptions.AxisError
        If an axis does not exist.

    Notes
    -----
    Derivative: ``2 (a - mean) / (n - ddof)``. Cost: six passes. The variance of a constant is exactly 0.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.var([1.0, 2.0, 3.0, 4.0])
    array(1.25)
    """
    return _var("var", a, axis, dtype, out, ddof, keepdims, where, mean, correction)


def std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=None, mean=None, correction=None):
    """Standard deviation over axes.

    Parameters
    ----------
    a : array_like, shape (...)
    axis, dtype, out, ddof, keepdims, where, mean, correction
        As in `var`.

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: ``(a - mean) / ((n - ddof) std)``; 0 for a constant. Cost: six passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.std([1.0, 3.0])
    array(1.)
    """
    return ew.sqrt(_var("std", a, axis, dtype, out, ddof, keepdims, where, mean, correction))


# ------------------------------------------------------------------------------------------------ without nan
def _present(a, where):
    """The mask of what is not nan, together with `where`."""
    there = ew.logical_not(ew.isnan(a)) if dtype_of(a).kind in "fc" else np.ones(shape_of(a), bool)
    return ew.logical_and(there, where) if _masked(where) else there


def nansum(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=None):
    """Sum over axes, nan counting as zero.

    Parameters
    ----------
    a : array_like, shape (...)
    axis, dtype, out, keepdims, initial, where
        As in `sum`.

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: the cotangent, broadcast; 0 for nan. Cost: two passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.nansum([1.0, float("nan"), 3.0])
    array(4.)
    """
    where = where if _masked(where) else None
    return sum(
        without_nan(as_array(a), 0),
        axis,
        dtype if given(dtype) else None,
        out,
        given(keepdims) and keepdims,
        initial if given(initial) else None,
        where,
    )


def nanmean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=None):
    """Mean over axes, nan left out.

    Parameters
    ----------
    a : array_like, shape (...)
    axis, dtype, out, keepdims, where
        As in `mean`.

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: the cotangent over the number of elements that are not nan; 0 for nan. Cost: three passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.nanmean([1.0, float("nan"), 3.0])
    array(2.)
    """
    a = as_array(a)
    return mean(a, axis, dtype, out, keepdims, where=_present(a, where))


def nanvar(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=None, mean=None, correction=None):
    """Variance over axes, nan left out.

    Parameters
    ----------
    a : array_like, shape (...)
    axis, dtype, out, ddof, keepdims, where, mean, correction
        As in `var`.

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: that of `var`; 0 for nan. Cost: eight passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.nanvar([1.0, float("nan"), 3.0])
    array(1.)
    """
    a = as_array(a)
    return _nan_degrees(
        a, _var("nanvar", without_nan(a, 0), axis, dtype, out, ddof, keepdims, _present(a, where), mean, correction)
    )


def _nan_degrees(a, found):
    """NumPy gives nan, not inf, where no degrees of freedom are left."""
    return ew.where(ew.isinf(found), np.nan, found)


def nanstd(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=None, mean=None, correction=None):
    """Standard deviation over axes, nan left out.

    Parameters
    ----------
    a : array_like, shape (...)
    axis, dtype, out, ddof, keepdims, where, mean, correction
        As in `var`.

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: that of `std`; 0 for nan. Cost: eight passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.nanstd([1.0, float("nan"), 3.0])
    array(1.)
    """
    return ew.sqrt(nanvar(a, axis, dtype, out, ddof, keepdims, where=where, mean=mean, correction=correction))


def average(a, axis=None, weights=None, returned=False, *, keepdims=False):
    """Weighted mean over axes.

    Parameters
    ----------
    a : array_like, shape (...)
    axis : None, int or tuple of int
        All axes by default.
    weights : array_like, optional
        Of the shape of `a`, or of its lengths along `axis`.
    returned : bool
        Also return the sum of the weights.
    keepdims : bool
        Keep reduced axes with length one.

    Returns
    -------
    average : Variable or ndarray
    sum_of_weights : Variable or ndarray
        Only with `returned`.

    Raises
    ------
    ZeroDivisionError
        If the weights add up to zero (where values are known).
    ValueError
        If the weights do not fit.

    Notes
    -----
    Derivative: in `a` and in the weights. Cost: three passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.average([1.0, 4.0], weights=[2.0, 1.0])
    array(2.)
    """
    a = as_array(a)
    shape = shape_of(a)
    if weights is None:
        found = mean(a, axis, keepdims=keepdims)
        n = float(_count(shape, sh.normalize_axes(axis, len(shape), "average")))
        return (found, np.full(shape_of(found), n)) if returned else found
    weights = as_array(weights)
    axes = sh.normalize_axes(axis, len(shape), "average")
    if shape_of(weights) != shape:
        if axis is None:
            raise TypeError(f"average: without axis the weights need the shape of a, {shape}, not {shape_of(weights)}")
        order = [i + len(shape) if i < 0 else i for i in (axis if isinstance(axis, (tuple, list)) else (axis,))]
        if shape_of(weights) != tuple(shape[i] for i in order):
            raise ValueError(f"average: weights of shape {shape_of(weights)} do not fit axis {axis} of shape {shape}")
        if order != sorted(order):
            weights = sh.permute_dims(weights, tuple(int(i) for i in np.argsort(order)))
        weights = sh.reshape(
            weights, tuple(n if i in axes else 1 for i, n in zip(range(-len(shape), 0), shape, strict=True))
        )
    if dtype_of(a).kind in "biu":
        a = sh.cast(a, np.result_type(dtype_of(a), dtype_of(weights), np.float64))
    weights = sh.broadcast_to(weights, shape)
    scale = sum(weights, axis, keepdims=keepdims)
    if type(scale) is np.ndarray and np.any(scale == 0):
        raise ZeroDivisionError("average: the weights add up to zero")
    found = ew.divide(sum(ew.multiply(a, weights), axis, keepdims=keepdims), scale)
    return (found, sh.broadcast_to(scale, shape_of(found))) if returned else found


# ------------------------------------------------------------------------------------------------ logsumexp
@primitive(core=_reduced, internal=True)
def logsumexp_axes(x, *, axes):
    """Logarithm of the sum of exponentials over the trailing axes `axes`, without overflow.

    Derivative: ``exp(x - out)``, which adds up to 1. Cost: three passes.
    """
    if any_zero(x.shape, axes):
        return np.log(np.sum(np.exp(x), axis=axes))
    high = np.max(x.real, axis=axes, keepdims=True)
    high = np.where(np.isfinite(high), high, 0).astype(high.dtype, copy=False)
    with np.errstate(divide="ignore"):
        return np.log(np.sum(np.exp(x - high), axis=axes)) + high.reshape(_left(x, axes))


@logsumexp_axes.def_shape
def _(x, *, axes):
    return Spec(_left(x, axes), np.exp(np.zeros(1, x.dtype)).dtype)


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
        return _kept(logsumexp_axes(a, axes=axes), shape, axes, keepdims)
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
    made = primitive(core=_reduced, differentiable=False, internal=True, name=name)(body)
    made.not_differentiable("its values are truth values, counts or places")
    result = np.dtype(bool) if name in ("all_axes", "any_axes") else np.dtype(np.intp)
    made.def_shape(lambda x, *, axes: Spec(_left(x, axes), result))

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
    if _masked(where):
        a = ew.where(_mask(a, where), ew.not_equal(a, 0), neutral)
    shape = shape_of(a)
    axes = sh.normalize_axes(axis, len(shape), name)
    return _kept(reduce(a, axes=axes), shape, axes, keepdims)


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
    return _kept(count_axes(a, axes=axes), shape, axes, keepdims)


def _place(name, reduce, a, axis, out, keepdims):
    no_out(out, name)
    a = as_array(a)
    shape = shape_of(a)
    if axis is None:
        found = reduce(sh.reshape(a, (-1,) if 0 not in shape else (0,)), axes=(-1,))
        return sh.reshape(found, (1,) * len(shape)) if given(keepdims) and keepdims else found
    axes = sh.normalize_axes(axis, len(shape), name)
    return _kept(reduce(a, axes=axes), shape, axes, keepdims)


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
    return ew.where(_mask(a, mask), a, 0)


sh.MASKED = _sum_where
