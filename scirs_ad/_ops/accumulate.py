"""Running sums and products, and products over axes, exact through zeros.

One linear recurrence ``s[i] = a[i] s[i-1] + b[i]`` carries all derivatives of products: its adjoint is the same
recurrence run the other way, so every order is exact, costs O(n), and never divides.
"""

import numpy as np

from scirs_ad._core.core import Spec, as_array, dtype_of, shape_of
from scirs_ad._core.define import primitive, raises, sample
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh

__all__ = ["cumprod", "cumsum", "cumulative_prod", "cumulative_sum", "nancumprod", "nancumsum", "nanprod", "prod"]

_kernels = lazy("scirs_ad._kernels.others")


def _summed_dtype(function, dtype):
    """The dtype of a sum or product: NumPy widens small integers."""
    return function(np.ones(1, dtype)).dtype


# ------------------------------------------------------------------------------------------------ cumsum
def _cumsum(x, *, axis, reverse):
    if reverse:
        return np.flip(np.cumsum(np.flip(x, axis), axis), axis)
    return np.cumsum(x, axis)


@primitive(core=lambda x, *, axis, reverse: (-axis,), linear=True, internal=True)
def cumsum_along(x, *, axis, reverse):
    """Running sum along `axis` (a negative int), from the end with `reverse`.

    Derivative: the running sum of the cotangent from the other end. Cost: one pass.
    """
    return _cumsum(x, axis=axis, reverse=reverse)


@cumsum_along.def_shape
def _(x, *, axis, reverse):
    return Spec(x.shape, _summed_dtype(np.cumsum, x.dtype))


@cumsum_along.def_vjp
def _(ct, axis, reverse):
    return cumsum_along(ct, axis=axis, reverse=not reverse)


@cumsum_along.def_samples
def _(rng):
    yield sample(rng.standard_normal(5), axis=-1, reverse=False)
    yield sample(rng.standard_normal((2, 3)), axis=-2, reverse=True)
    yield sample(rng.standard_normal((2, 0)), axis=-1, reverse=False)
    yield sample(rng.standard_normal(3) + 1j * rng.standard_normal(3), axis=-1, reverse=False)


# ------------------------------------------------------------------------------------------------ shift
@primitive(core=lambda x, *, by: (1,), linear=True, internal=True)
def shift_last(x, *, by):
    """The last axis moved by `by` places, zeros coming in.

    Derivative: moved back. Cost: one copy.
    """
    out = np.zeros_like(x)
    if by > 0:
        out[..., by:] = x[..., :-by]
    else:
        out[..., :by] = x[..., -by:]
    return out


@shift_last.def_shape
def _(x, *, by):
    return x


@shift_last.def_vjp
def _(ct, by):
    return shift_last(ct, by=-by)


@shift_last.def_samples
def _(rng):
    yield sample(rng.standard_normal((2, 4)), by=1)
    yield sample(rng.standard_normal(4), by=-1)
    yield sample(rng.standard_normal(1), by=1)
    yield sample(rng.standard_normal(0), by=1)


# ------------------------------------------------------------------------------------------------ recurrence
def _recurrence(a, b, *, reverse):
    a, b = np.broadcast_arrays(a, b)
    n = a.shape[-1]
    if n < _LONG or n < 4 * a[..., 0].size:
        return _recurrence_loop(a, b, reverse=reverse)
    with np.errstate(over="ignore", invalid="ignore"):
        out = _recurrence_pairs(a[..., ::-1], b[..., ::-1])[..., ::-1] if reverse else _recurrence_pairs(a, b)
    # A product of two coefficients may overflow where the recurrence does not.
    return out if np.all(np.isfinite(out)) else _recurrence_loop(a, b, reverse=reverse)


_LONG = 64  # from here on the passes over pairs are quicker than a step for each place


def _recurrence_pairs(a, b):
    """The recurrence of every second place, with the steps between taken together; then the places between."""
    n = a.shape[-1]
    if n < 16:
        return _recurrence_loop(a, b, reverse=False)
    out = np.empty(a.shape, np.result_type(a, b))
    later = a[..., 1::2]
    m = later.shape[-1]
    odd = _recurrence_pairs(later * a[..., 0 : 2 * m : 2], b[..., 1::2] + later * b[..., 0 : 2 * m : 2])
    out[..., 1::2] = odd
    out[..., 0] = b[..., 0]
    out[..., 2::2] = a[..., 2::2] * odd[..., : (n - 1) // 2] + b[..., 2::2]
    return out


def _recurrence_loop(a, b, *, reverse):
    a, b = np.broadcast_arrays(a, b)
    out = np.empty(a.shape, np.result_type(a, b))
    n = a.shape[-1]
    s = np.zeros(a.shape[:-1], out.dtype)
    for i in range(n - 1, -1, -1) if reverse else range(n):
        s = a[..., i] * s + b[..., i]
        out[..., i] = s
    return out


@primitive("(n),(n)->(n)", kernel=_recurrence, internal=True)
def recurrence(a, b, *, reverse):
    """The linear recurrence ``s[i] = a[i] s[i-1] + b[i]`` along the last axis; ``s[i+1]`` with `reverse`.

    Derivative: the cotangent of `b` is the recurrence run the other way with the coefficients one place on; that of
    `a` is the same times the neighbouring ``s``. Cost: one pass.
    """
    return _recurrence_loop(a, b, reverse=reverse)


@recurrence.def_vjp
def _(ct, out, a, specs, reverse):
    step = -1 if reverse else 1
    back = recurrence(shift_last(cx.conj(a), by=-step), ct, reverse=not reverse)
    to_a = ew.multiply(back, cx.conj(shift_last(out, by=step)))
    return _fit(to_a, specs[0]), _fit(back, specs[1])


def _fit(g, spec):
    return sh.cast(sh.unbroadcast(g, spec.shape), spec.dtype)


@recurrence.def_samples
def _(rng):
    def x(*shape):
        return rng.uniform(-1, 1, shape)

    yield sample(x(5), x(5), reverse=False)
    yield sample(x(2, 4), x(4), reverse=True)
    yield sample(np.array([0.5, 0.0, 0.0, 2.0]), x(3, 4), reverse=False)
    yield sample(x(3) + 1j * x(3), x(3) + 1j * x(3), reverse=True)
    yield sample(x(0), x(0), reverse=False)
    yield sample(x(99), x(99), reverse=False, order=1)
    yield sample(x(2, 100), x(100), reverse=True, order=1)
    yield raises(ValueError, x(3), x(4), reverse=False)


# ------------------------------------------------------------------------------------------------ cumprod
def _first(n, dtype):
    """1 in the first place of the last axis."""
    one = np.zeros(n, dtype)
    one[:1] = 1
    return one


def _before(y):
    """Products of what lies before each place, from the running products `y`."""
    return ew.add(shift_last(y, by=1), _first(shape_of(y)[-1], dtype_of(y)))


@primitive("(n)->(n)", internal=True)
def cumprod_last(x):
    """Running product along the last axis.

    Derivative: a linear recurrence from the end, times the products before each place: exact through zeros.
    Cost: one pass, three backward.
    """
    return np.cumprod(x, -1)


def _cumprod_back(ct, out, x):
    back = recurrence(shift_last(cx.conj(x), by=-1), ct, reverse=True)
    return ew.multiply(back, cx.conj(_before(out)))


cumprod_last.def_vjp(_cumprod_back)


@cumprod_last.def_samples
def _(rng):
    yield sample(rng.standard_normal(4))
    yield sample(rng.standard_normal((2, 3)))
    yield sample(np.array([1.5, 0.0, -2.0, 0.5]))
    yield sample(np.array([0.0, 1.5, 0.0, -2.0]))
    yield sample(rng.standard_normal(3) + 1j * rng.standard_normal(3))
    yield sample(np.zeros(0))


# ------------------------------------------------------------------------------------------------ prod
def _others(x):
    return _kernels.others(x) if x.dtype.char in "fd" else product_of_others.body(x)


@primitive("(n)->(n)", kernel=_others, internal=True)
def product_of_others(x):
    """For each place of the last axis, the product of all others: the gradient of the product, without a division.

    Derivative: by recurrences, exact through any number of zeros. Cost: five passes.
    """
    left, right = np.ones_like(x), np.ones_like(x)
    np.cumprod(x[..., :-1], -1, out=left[..., 1:])
    right[..., :-1] = np.cumprod(x[..., :0:-1], -1)[..., ::-1]
    return left * right


@primitive("(n)->(n)", linear=True, internal=True)
def flip_last(x):
    """The last axis in reverse order.

    Derivative: reversed back. Cost: none; the result is a view.
    """
    return x[..., ::-1]


@flip_last.def_vjp
def _(ct):
    return flip_last(ct)


@flip_last.def_samples
def _(rng):
    yield sample(rng.standard_normal((2, 3)))
    yield sample(np.zeros(0))


@product_of_others.def_vjp
def _(ct, x):
    mirrored = flip_last(x)
    up, down = cumprod_last(x), cumprod_last(mirrored)
    left, right = _before(up), flip_last(_before(down))
    from_left = _cumprod_back(shift_last(ew.multiply(ct, cx.conj(right)), by=-1), up, x)
    to_right = flip_last(ew.multiply(ct, cx.conj(left)))
    return ew.add(from_left, flip_last(_cumprod_back(shift_last(to_right, by=-1), down, mirrored)))


@product_of_others.def_samples
def _(rng):
    yield sample(rng.standard_normal(4))
    yield sample(rng.standard_normal((2, 3)))
    yield sample(np.array([1.5, 0.0, -2.0, 0.5]))
    yield sample(np.array([0.0, 1.5, 0.0, -2.0]))
    yield sample(np.array([2.0]))
    yield sample(rng.standard_normal(3) + 1j * rng.standard_normal(3))
    yield sample(np.zeros(0))


@primitive("(n)->()", internal=True)
def prod_last(x):
    """Product along the last axis.

    Derivative: the product of all others: exact with zeros, to any order. Cost: one pass, five backward.
    """
    return np.prod(x, -1)


@prod_last.def_vjp
def _(ct, x):
    shape = shape_of(ct)
    return ew.multiply(sh.reshape(ct, (*shape, 1)), cx.conj(product_of_others(x)))


@prod_last.def_samples
def _(rng):
    yield sample(rng.standard_normal(4))
    yield sample(rng.standard_normal((2, 3)))
    yield sample(np.array([1.5, 0.0, -2.0]))
    yield sample(np.array([0.0, 1.5, 0.0]))
    yield sample(rng.standard_normal(3) + 1j * rng.standard_normal(3))
    yield sample(np.zeros(0))


# ------------------------------------------------------------------------------------------------ doors
def keep(total, shape, axes):
    """A reduced array with the axes that were reduced kept, of length one."""
    kept = tuple([1 if i in axes else n for i, n in zip(range(-len(shape), 0), shape, strict=True)])
    return sh.reshape_core(total, core=len(shape_of(total)), to=kept)


def no_out(out, name):
    """Refuse ``out=``: a Variable cannot be written into an ndarray."""
    if out is not None:
        raise TypeError(f"{name}: out= is not supported")


def given(x):
    """Whether an optional argument was given (NumPy passes its own marker for what was not)."""
    return x is not None and x is not np._NoValue


def in_dtype(a, dtype, name):
    """`a` in the dtype in which it is to be reduced."""
    if not given(dtype) or np.dtype(dtype) == dtype_of(a):
        return a
    dtype, have = np.dtype(dtype), dtype_of(a)
    if have.kind in "fc" and dtype.kind not in "fc":
        raise TypeError(f"{name}: dtype {dtype} cannot hold the result for {have} numbers")
    return sh.astype(a, dtype)


def to_last(a, axes):
    """The axes `axes` (negative, sorted) as one axis, the last."""
    shape = shape_of(a)
    ndim = len(shape)
    others = tuple(i for i in range(-ndim, 0) if i not in axes)
    if axes != tuple(range(-len(axes), 0)):
        a = sh.permute_core(a, axes=others + axes)
    if len(axes) == 1:
        return a
    return sh.reshape(a, (*[shape[i] for i in others], _size(shape, axes)))


def _size(shape, axes):
    n = 1
    for i in axes:
        n *= shape[i]
    return n


def prod(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=None):
    """Product of the elements over axes.

    Parameters
    ----------
    a : array_like, shape (...)
    axis : None, int or tuple of int
        All axes by default.
    dtype : dtype, optional
        Of the result and of the multiplications.
    out : None
        Must not be given: a Variable cannot be written into an ndarray.
    keepdims : bool
        Keep reduced axes with length one.
    initial : scalar, optional
        A further factor.
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
    Derivative: the products of all other elements, formed without a division: exact with zeros, to any order.
    Cost: one pass, five backward.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.prod([[1.0, 2.0], [3.0, 4.0]], axis=0)
    array([3., 8.])
    """
    no_out(out, "prod")
    a = in_dtype(as_array(a), dtype, "prod")
    if given(where) and where is not True:
        a = ew.where(where, a, 1)
    shape = shape_of(a)
    axes = sh.normalize_axes(axis, len(shape), "prod")
    total = prod_last(to_last(a, axes)) if axes else _widened(a, np.prod)
    if given(keepdims) and keepdims:
        total = keep(total, shape, axes)
    return ew.multiply(total, initial) if given(initial) else total


def _widened(a, function):
    return sh.cast(a, _summed_dtype(function, dtype_of(a)))


def _one_axis(a, axis, name):
    """The array and the negative axis along which to accumulate; without an axis the flattened array."""
    shape = shape_of(a)
    if axis is None:
        if len(shape) != 1:
            a = sh.reshape(a, (_size(shape, range(len(shape))),))
        return a, -1
    (axis,) = sh.normalize_axes(axis, len(shape), name)
    return a, axis


def _of_dtype(x, dtype):
    """Small integers are added as long ones; the dtype that was asked for keeps their last bits, as additions in it."""
    return x if dtype is None else sh.cast(x, dtype)


def cumsum(a, axis=None, dtype=None, out=None):
    """Running sum along an axis.

    Parameters
    ----------
    a : array_like, shape (...)
    axis : int, optional
        The flattened array by default.
    dtype : dtype, optional
        Of the result and of the additions.
    out : None
        Must not be given.

    Returns
    -------
    Variable or ndarray, of the shape of `a`, or 1-D without `axis`

    Raises
    ------
    numpy.exceptions.AxisError
        If the axis does not exist.

    Notes
    -----
    Derivative: the running sum of the cotangent from the end. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.cumsum([1.0, 2.0, 3.0])
    array([1., 3., 6.])
    """
    no_out(out, "cumsum")
    a, axis = _one_axis(in_dtype(as_array(a), dtype, "cumsum"), axis, "cumsum")
    return _of_dtype(cumsum_along(a, axis=axis, reverse=False), dtype)


def cumprod(a, axis=None, dtype=None, out=None):
    """Running product along an axis.

    Parameters
    ----------
    a : array_like, shape (...)
    axis : int, optional
        The flattened array by default.
    dtype : dtype, optional
        Of the result and of the multiplications.
    out : None
        Must not be given.

    Returns
    -------
    Variable or ndarray, of the shape of `a`, or 1-D without `axis`

    Raises
    ------
    numpy.exceptions.AxisError
        If the axis does not exist.

    Notes
    -----
    Derivative: by a linear recurrence, exact through zeros, to any order. Cost: one pass, three backward.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.cumprod([1.0, 2.0, 3.0])
    array([1., 2., 6.])
    """
    no_out(out, "cumprod")
    a, axis = _one_axis(in_dtype(as_array(a), dtype, "cumprod"), axis, "cumprod")
    if axis == -1:
        return _of_dtype(cumprod_last(a), dtype)
    swapped = (*range(-len(shape_of(a)), axis), *range(axis + 1, 0), axis)
    back = (*range(-len(shape_of(a)), axis), -1, *range(axis, -1))
    return _of_dtype(sh.permute_core(cumprod_last(sh.permute_core(a, axes=swapped)), axes=back), dtype)


def _cumulative(function, name, x, axis, dtype, out, include_initial, initial):
    no_out(out, name)
    x = as_array(x)
    ndim = len(shape_of(x))
    if axis is None:
        if ndim != 1:
            raise ValueError(f"{name}: give axis for an array of {ndim} dimensions")
        axis = 0
    if include_initial:
        (axis,) = sh.normalize_axes(axis, ndim, name)
        x = _with_initial(in_dtype(x, dtype, name), axis, initial)
    return function(x, axis, dtype)


def _with_initial(x, axis, initial):
    """One more place before the first, along `axis`, holding `initial`."""
    shape = shape_of(x)
    to = [(0, 0)] * len(shape)
    to[axis] = (1, 0)
    grown = pad_zeros(x, widths=tuple(to))
    if initial == 0:
        return grown
    first = np.zeros(shape_of(grown), dtype_of(x))
    first[(slice(None),) * (axis + len(shape)) + (0,)] = initial
    return ew.add(grown, first)


@primitive(core=lambda x, *, widths: (len(widths),), linear=True, internal=True)
def pad_zeros(x, *, widths):
    """The trailing axes with zeros added: `widths` before and after, one pair per axis.

    Derivative: the cotangent without the border. Cost: one copy.
    """
    lead = x.ndim - len(widths)
    out = np.zeros(x.shape[:lead] + tuple(n + b + e for n, (b, e) in zip(x.shape[lead:], widths, strict=True)), x.dtype)
    out[(..., *(slice(b, b + n) for n, (b, _) in zip(x.shape[lead:], widths, strict=True)))] = x
    return out


@pad_zeros.def_shape
def _(x, *, widths):
    lead = x.ndim - len(widths)
    return Spec(x.shape[:lead] + tuple(n + b + e for n, (b, e) in zip(x.shape[lead:], widths, strict=True)), x.dtype)


@pad_zeros.def_vjp
def _(ct, widths):
    return trim(ct, widths=widths)


@primitive(core=lambda x, *, widths: (len(widths),), linear=True, internal=True)
def trim(x, *, widths):
    """The trailing axes without `widths` entries before and after, one pair per axis.

    Derivative: the cotangent with a border of zeros. Cost: none; the result is a view.
    """
    return x[_inner(x.shape, widths)]


def _inner(shape, widths):
    lead = len(shape) - len(widths)
    return (..., *(slice(b, n - e) for n, (b, e) in zip(shape[lead:], widths, strict=True)))


@trim.def_shape
def _(x, *, widths):
    lead = x.ndim - len(widths)
    return Spec(x.shape[:lead] + tuple(n - b - e for n, (b, e) in zip(x.shape[lead:], widths, strict=True)), x.dtype)


@trim.def_vjp
def _(ct, widths):
    return pad_zeros(ct, widths=widths)


def _bordered(rng):
    yield sample(rng.standard_normal((3, 4)), widths=((1, 0), (1, 2)))
    yield sample(rng.standard_normal((2, 3)), widths=((1, 1),))
    yield sample(rng.standard_normal(2) + 1j, widths=((0, 2),))


pad_zeros.def_samples(_bordered)
trim.def_samples(_bordered)


def cumulative_sum(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
    """Running sum along an axis, as in the array API standard.

    Parameters
    ----------
    x : array_like, shape (...)
    axis : int, optional
        May be left out for one dimension.
    dtype : dtype, optional
    out : None
        Must not be given.
    include_initial : bool
        Start with 0, one place more.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        Without `axis`, if `x` is not 1-D.

    Notes
    -----
    Derivative: the running sum of the cotangent from the end. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.cumulative_sum([1.0, 2.0], include_initial=True)
    array([0., 1., 3.])
    """
    return _cumulative(cumsum, "cumulative_sum", x, axis, dtype, out, include_initial, 0)


def cumulative_prod(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
    """Running product along an axis, as in the array API standard.

    Parameters
    ----------
    x : array_like, shape (...)
    axis : int, optional
        May be left out for one dimension.
    dtype : dtype, optional
    out : None
        Must not be given.
    include_initial : bool
        Start with 1, one place more.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        Without `axis`, if `x` is not 1-D.

    Notes
    -----
    Derivative: by a linear recurrence, exact through zeros. Cost: one pass, three backward.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.cumulative_prod([2.0, 3.0], include_initial=True)
    array([1., 2., 6.])
    """
    return _cumulative(cumprod, "cumulative_prod", x, axis, dtype, out, include_initial, 1)


def without_nan(a, value):
    """`a` with `value` in place of nan."""
    if dtype_of(a).kind not in "fc":
        return a
    return ew.where(ew.isnan(a), value, a)


def nancumsum(a, axis=None, dtype=None, out=None):
    """Running sum along an axis, nan counting as zero.

    Parameters
    ----------
    a : array_like, shape (...)
    axis, dtype, out
        As in `cumsum`.

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: that of `cumsum`, 0 for nan. Cost: two passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.nancumsum([1.0, float("nan"), 3.0])
    array([1., 1., 4.])
    """
    return cumsum(without_nan(as_array(a), 0), axis, dtype, out)


def nancumprod(a, axis=None, dtype=None, out=None):
    """Running product along an axis, nan counting as one.

    Parameters
    ----------
    a : array_like, shape (...)
    axis, dtype, out
        As in `cumprod`.

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: that of `cumprod`, 0 for nan. Cost: two passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.nancumprod([2.0, float("nan"), 3.0])
    array([2., 2., 6.])
    """
    return cumprod(without_nan(as_array(a), 1), axis, dtype, out)


def nanprod(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=None):
    """Product over axes, nan counting as one.

    Parameters
    ----------
    a : array_like, shape (...)
    axis, dtype, out, keepdims, initial, where
        As in `prod`.

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: that of `prod`, 0 for nan. Cost: two passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.nanprod([2.0, float("nan"), 3.0])
    array(6.)
    """
    return prod(without_nan(as_array(a), 1), axis, dtype, out, keepdims, initial, where)
