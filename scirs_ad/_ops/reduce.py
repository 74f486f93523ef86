"""Reductions: logarithms of sums of exponentials, logical reductions and counts; rounding and limiting.

Primitives reduce trailing axes given as negative ints; the public functions translate NumPy's `axis` once.
"""

import numpy as np

from scirs_ad._core.core import Spec, as_array, dtype_of, shape_of
from scirs_ad._core.define import primitive, sample
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.accumulate import given, keep, no_out
from scirs_ad._ops.shape import sum

__all__ = [
    "all",
    "any",
    "around",
    "clip",
    "count_nonzero",
    "round",
    "sum",
]


def leading(x, *, axes, **_):
    """`core` of a reduction: how far the reduced axes reach."""
    return (-min(axes, default=0),)


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


def any_zero(shape, axes):
    """Whether one of the axes has length zero."""
    return 0 in [shape[i] for i in axes]


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
def selecting(name, function, text, empty=True):
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


all_axes = selecting("all_axes", lambda x, axes: np.all(x, axis=axes), "Whether all elements over `axes` are nonzero.")
any_axes = selecting("any_axes", lambda x, axes: np.any(x, axis=axes), "Whether an element over `axes` is nonzero.")
count_axes = selecting(
    "count_axes", lambda x, axes: np.count_nonzero(x, axis=axes), "The number of nonzero elements over `axes`."
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
