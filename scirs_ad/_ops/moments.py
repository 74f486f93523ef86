"""Means, variances and sums, weighted, masked or without nan."""

import numpy as np

from scirs_ad._core.core import Spec, as_array, dtype_of, shape_of
from scirs_ad._core.define import primitive, sample
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.accumulate import given, in_dtype, keep, no_out, without_nan
from scirs_ad._ops.reduce import count_of, kept_if, leading, mask_of, remaining, selects
from scirs_ad._ops.shape import sum

__all__ = ["average", "mean", "nanmean", "nanstd", "nansum", "nanvar", "std", "var"]


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
    if selects(where):
        where = mask_of(a, where)
        n = _counted(a, where, axis, keepdims)
        return ew.divide(sum(ew.where(where, a, 0), axis, keepdims=keepdims), sh.cast(n, dtype_of(a)))
    shape = shape_of(a)
    axes = sh.normalize_axes(axis, len(shape), "mean")
    total = ew.divide(sh.sum_axes(a, axes=axes), float(count_of(shape, axes)))
    return kept_if(total, shape, axes, keepdims)


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


@primitive(core=leading, linear=True, internal=True)
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
    n = count_of(x.shape, axes)
    real = x.real.dtype
    if x.size == 0:
        return np.full(remaining(x, axes), np.nan, real)
    d = _deviations(x, axes)
    if real != x.dtype:
        square = d.real**2 + d.imag**2
    else:
        square = np.multiply(d, d, out=d if d.ndim else None)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sum(square, axis=axes) / real.type(n - ddof if n > ddof else 0)


@primitive(core=leading, internal=True)
def var_axes(x, *, axes, ddof):
    """Variance over the trailing axes `axes`, with ``n - ddof`` in the denominator; real also for complex `x`.

    Derivative: ``2 (x - mean) / (n - ddof)``. Cost: six passes.
    """
    return _variance(np.asarray(x), axes=axes, ddof=ddof)


@var_axes.def_shape
def _(x, *, axes, ddof):
    return Spec(remaining(x, axes), np.zeros((), x.dtype).real.dtype)


@var_axes.def_vjp
def _(ct, x, axes, ddof):
    shape = shape_of(x)
    n = count_of(shape, axes) - ddof
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


@primitive(core=lambda x, mask, *, axes: (-min(axes, default=0),) * 2, loops="equal", internal=True)
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
    if selects(where) or given(mean):
        return _var_general(a, axis, ddof, keepdims, where, mean)
    shape = shape_of(a)
    axes = sh.normalize_axes(axis, len(shape), name)
    return kept_if(var_axes(a, axes=axes, ddof=ddof), shape, axes, keepdims)


def _var_general(a, axis, ddof, keepdims, where, mean):
    """The variance of selected elements, or about a given mean."""
    where = mask_of(a, where) if selects(where) else np.ones((), bool)
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
    return ew.logical_and(there, where) if selects(where) else there


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
    where = where if selects(where) else None
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
        n = float(count_of(shape, sh.normalize_axes(axis, len(shape), "average")))
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
