"""Discrete Fourier transforms: linear, each the adjoint of another up to scale and the weights of half spectra."""

import numpy as np

from scirs_ad._core.core import Spec, Variable, as_array, dtype_of, shape_of
from scirs_ad._core.define import primitive, sample
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.accumulate import no_out, pad_zeros, trim
from scirs_ad._ops.dtypes import check_device

__all__ = [
    "fft",
    "fft2",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftfreq",
    "rfftn",
]

# The adjoint runs the other way; where the one divides by n, so does the other.
DUAL = {"backward": "forward", "ortho": "ortho", "forward": "backward"}


def _complex_of(dtype):
    return np.result_type(dtype, np.complex64)


def _real_of(dtype):
    return np.zeros((), dtype).real.dtype


# ------------------------------------------------------------------------------------------------ primitives
@primitive(core=lambda x, *, axes, inverse, norm: (-min(axes),), linear=True, internal=True)
def fft_axes(x, *, axes, inverse, norm):
    """Fourier transform over the axes `axes` (negative ints), or its inverse.

    Derivative: the transform the other way. Cost: ``O(n log n)``.
    """
    return (np.fft.ifftn if inverse else np.fft.fftn)(x, axes=axes, norm=norm)


@fft_axes.def_shape
def _(x, *, axes, inverse, norm):
    return Spec(x.shape, _complex_of(x.dtype))


@fft_axes.def_vjp
def _(ct, specs, axes, inverse, norm):
    return sh.cast(fft_axes(ct, axes=axes, inverse=not inverse, norm=DUAL[norm]), specs[0].dtype)


def _weights(n, axis, inner, dtype):
    """1 for the frequencies that stand for themselves, `inner` for those that stand for two."""
    half = np.full(n // 2 + 1, inner, dtype)
    half[0] = 1
    if n % 2 == 0:
        half[-1] = 1
    return half.reshape((-1,) + (1,) * (-axis - 1))


@primitive(core=lambda x, *, axis, norm: (-axis,), linear=True, internal=True)
def rfft_axis(x, *, axis, norm):
    """Fourier transform of real numbers along `axis`: the non-negative frequencies.

    Derivative: the real inverse, inner frequencies halved. Cost: ``O(n log n)``.
    """
    return np.fft.rfft(x, axis=axis, norm=norm)


@rfft_axis.def_shape
def _(x, *, axis, norm):
    n = x.shape[axis] // 2 + 1
    return Spec((*x.shape[: x.ndim + axis], n, *x.shape[x.ndim + axis + 1 :]), _complex_of(x.dtype))


@rfft_axis.def_vjp
def _(ct, specs, axis, norm):
    n = specs[0].shape[axis]
    ct = ew.multiply(ct, _weights(n, axis, 0.5, _real_of(dtype_of(ct))))
    return sh.cast(irfft_axis(ct, axis=axis, n=n, norm=DUAL[norm]), specs[0].dtype)


@primitive(core=lambda x, *, axis, n, norm: (-axis,), linear=True, internal=True)
def irfft_axis(x, *, axis, n, norm):
    """Inverse of `rfft_axis`: `n` real numbers from ``n // 2 + 1`` frequencies.

    Derivative: the real transform, inner frequencies doubled. Cost: ``O(n log n)``.
    """
    return np.fft.irfft(x, n, axis=axis, norm=norm)


@irfft_axis.def_shape
def _(x, *, axis, n, norm):
    return Spec((*x.shape[: x.ndim + axis], n, *x.shape[x.ndim + axis + 1 :]), _real_of(_complex_of(x.dtype)))


@irfft_axis.def_vjp
def _(ct, specs, axis, n, norm):
    found = rfft_axis(ct, axis=axis, norm=DUAL[norm])
    return sh.cast(ew.multiply(found, _weights(n, axis, 2.0, dtype_of(ct))), specs[0].dtype)


@primitive(core=lambda x, *, axes, shifts: (-min(axes),), linear=True, internal=True)
def roll_axes(x, *, axes, shifts):
    """The trailing axes `axes` rolled by `shifts`.

    Derivative: rolled back. Cost: one copy.
    """
    return np.roll(x, shifts, axes)


@roll_axes.def_shape
def _(x, *, axes, shifts):
    return x


@roll_axes.def_vjp
def _(ct, axes, shifts):
    return roll_axes(ct, axes=axes, shifts=tuple([-s for s in shifts]))


@fft_axes.def_samples
def _(rng):
    x = rng.standard_normal
    yield sample(x(5) + 1j * x(5), axes=(-1,), inverse=False, norm="backward")
    yield sample(x((2, 3, 4)) + 1j * x((2, 3, 4)), axes=(-3, -1), inverse=True, norm="backward")
    yield sample(x((3, 4)), axes=(-2,), inverse=False, norm="ortho")
    yield sample(x(4).astype(np.float32), axes=(-1,), inverse=False, norm="forward")


@rfft_axis.def_samples
def _(rng):
    for n, norm in [(4, "backward"), (5, "ortho"), (1, "forward"), (2, "backward")]:
        yield sample(rng.standard_normal((2, n)), axis=-1, norm=norm)
    yield sample(rng.standard_normal((4, 3)), axis=-2, norm="backward")
    yield sample(rng.standard_normal(4).astype(np.float32), axis=-1, norm="backward")


@irfft_axis.def_samples
def _(rng):
    for n, norm in [(4, "backward"), (5, "ortho"), (1, "forward"), (2, "backward")]:
        half = rng.standard_normal((2, n // 2 + 1)) + 1j * rng.standard_normal((2, n // 2 + 1))
        yield sample(half, axis=-1, n=n, norm=norm)
    yield sample(rng.standard_normal((3, 2)) + 1j * rng.standard_normal((3, 2)), axis=-2, n=5, norm="backward")


@roll_axes.def_samples
def _(rng):
    yield sample(rng.standard_normal((2, 5)), axes=(-1,), shifts=(2,))
    yield sample(rng.standard_normal((2, 5)), axes=(-2, -1), shifts=(1, -2))


# ------------------------------------------------------------------------------------------------ doors
def norm_of(norm, name):
    norm = "backward" if norm is None else norm
    if norm not in DUAL:
        raise ValueError(f"{name}: norm must be 'backward', 'ortho' or 'forward', not {norm!r}")
    return norm


def number(a, name):
    a = as_array(a)
    return sh.cast(a, np.float64) if dtype_of(a).kind in "biu" else a


def length_to(a, axis, n, name):
    """Zeros added to, or the end cut off, the axis, so that its length is `n`."""
    have = shape_of(a)[axis]
    if n < 1:
        raise ValueError(f"{name}: the number of points is {n}; at least 1 is needed")
    if n == have:
        return a
    rest = ((0, 0),) * (-axis - 1)
    return pad_zeros(a, widths=((0, n - have), *rest)) if n > have else trim(a, widths=((0, have - n), *rest))


def axis_of(a, axis, name):
    (axis,) = sh.normalize_axes(axis, len(shape_of(a)), name)
    return axis


def _one(name, a, n, axis, norm, out, inverse):
    no_out(out, name)
    a = number(a, name)
    axis = axis_of(a, axis, name)
    a = length_to(a, axis, shape_of(a)[axis] if n is None else n.__index__(), name)
    return fft_axes(a, axes=(axis,), inverse=inverse, norm=norm_of(norm, name))


def shape_axes(name, a, s, axes):
    """Lengths and negative axes of an n-dimensional transform."""
    ndim = len(shape_of(a))
    # scipy.fft takes single numbers.
    axes, s = ((x,) if isinstance(x, (int, np.integer)) else x for x in (axes, s))
    if axes is None:
        axes = tuple(range(-ndim, 0)) if s is None else tuple(range(-len(s), 0))
    axes = tuple([x - ndim if x >= 0 else x for x in axes])
    for x in axes:
        sh.normalize_axes(x, ndim, name)
    lengths = [shape_of(a)[x] for x in axes] if s is None else [n.__index__() for n in s]
    if len(lengths) != len(axes):
        raise ValueError(f"{name}: {len(lengths)} lengths for {len(axes)} axes")
    return [shape_of(a)[x] if n == -1 else n for n, x in zip(lengths, axes, strict=True)], axes


def _many(name, a, s, axes, norm, out, inverse):
    no_out(out, name)
    a = number(a, name)
    lengths, axes = shape_axes(name, a, s, axes)
    for n, x in zip(lengths, axes, strict=True):
        a = length_to(a, x, n, name)
    if not axes:
        return sh.cast(a, _complex_of(dtype_of(a)))
    return fft_axes(a, axes=axes, inverse=inverse, norm=norm_of(norm, name))


def fft(a, n=None, axis=-1, norm=None, out=None):
    """Discrete Fourier transform along an axis.

    Parameters
    ----------
    a : array_like, shape (...)
    n : int, optional
        Number of points: zeros are added, or the end is cut off.
    axis : int
    norm : {"backward", "ortho", "forward"}, optional
        Where to divide: by n in the inverse (default), by its root in both, by n here.
    out : None
        Must not be given.

    Returns
    -------
    Variable or ndarray, complex

    Raises
    ------
    ValueError
        If `n` is less than 1 or `norm` unknown.

    Notes
    -----
    Derivative: linear; the adjoint is the unscaled inverse. Cost: ``O(n log n)``.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.fft.fft([1.0, 2.0])
    array([ 3.+0.j, -1.+0.j])
    """
    return _one("fft", a, n, axis, norm, out, False)


def ifft(a, n=None, axis=-1, norm=None, out=None):
    """Inverse discrete Fourier transform along an axis.

    Parameters
    ----------
    a : array_like, shape (...)
    n, axis, norm, out
        As in `fft`.

    Returns
    -------
    Variable or ndarray, complex

    Notes
    -----
    Derivative: linear. Cost: ``O(n log n)``.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.fft.ifft([3.0, -1.0])
    array([1.+0.j, 2.+0.j])
    """
    return _one("ifft", a, n, axis, norm, out, True)


def fftn(a, s=None, axes=None, norm=None, out=None):
    """Discrete Fourier transform over several axes.

    Parameters
    ----------
    a : array_like, shape (...)
    s : sequence of int, optional
        Lengths along `axes`.
    axes : sequence of int, optional
        All axes by default, or the last ones if `s` is given.
    norm, out
        As in `fft`.

    Returns
    -------
    Variable or ndarray, complex

    Notes
    -----
    Derivative: linear. Cost: ``O(n log n)``.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.fft.fftn([[1.0, 2.0]])
    array([[ 3.+0.j, -1.+0.j]])
    """
    return _many("fftn", a, s, axes, norm, out, False)


def ifftn(a, s=None, axes=None, norm=None, out=None):
    """Inverse discrete Fourier transform over several axes.

    Parameters
    ----------
    a : array_like, shape (...)
    s, axes, norm, out
        As in `fftn`.

    Returns
    -------
    Variable or ndarray, complex

    Notes
    -----
    Derivative: linear. Cost: ``O(n log n)``.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.fft.ifftn([[3.0, -1.0]])
    array([[1.+0.j, 2.+0.j]])
    """
    return _many("ifftn", a, s, axes, norm, out, True)


def fft2(a, s=None, axes=(-2, -1), norm=None, out=None):
    """Discrete Fourier transform over two axes.

    Parameters
    ----------
    a : array_like, shape (..., m, n)
    s, axes, norm, out
        As in `fftn`.

    Returns
    -------
    Variable or ndarray, complex

    Notes
    -----
    Derivative: linear. Cost: ``O(n log n)``.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.fft.fft2([[1.0, 2.0]])
    array([[ 3.+0.j, -1.+0.j]])
    """
    return _many("fft2", a, s, axes, norm, out, False)


def ifft2(a, s=None, axes=(-2, -1), norm=None, out=None):
    """Inverse discrete Fourier transform over two axes.

    Parameters
    ----------
    a : array_like, shape (..., m, n)
    s, axes, norm, out
        As in `fftn`.

    Returns
    -------
    Variable or ndarray, complex

    Notes
    -----
    Derivative: linear. Cost: ``O(n log n)``.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.fft.ifft2([[3.0, -1.0]])
    array([[1.+0.j, 2.+0.j]])
    """
    return _many("ifft2", a, s, axes, norm, out, True)


def _real_input(a, name):
    a = number(a, name)
    if dtype_of(a).kind == "c":
        raise TypeError(f"{name}: a real array is needed, not {dtype_of(a)}; use fft")
    return a


def rfft(a, n=None, axis=-1, norm=None, out=None):
    """Discrete Fourier transform of real numbers: the non-negative frequencies.

    Parameters
    ----------
    a : array_like, shape (..., n), real
    n, axis, norm, out
        As in `fft`.

    Returns
    -------
    Variable or ndarray, shape (..., n // 2 + 1), complex

    Raises
    ------
    TypeError
        If `a` is complex.

    Notes
    -----
    Derivative: linear. Cost: ``O(n log n)``.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.fft.rfft([1.0, 2.0])
    array([ 3.+0.j, -1.+0.j])
    """
    no_out(out, "rfft")
    a = _real_input(a, "rfft")
    axis = axis_of(a, axis, "rfft")
    a = length_to(a, axis, shape_of(a)[axis] if n is None else n.__index__(), "rfft")
    return rfft_axis(a, axis=axis, norm=norm_of(norm, "rfft"))


def irfft(a, n=None, axis=-1, norm=None, out=None):
    """Inverse of `rfft`: real numbers from the non-negative frequencies.

    Parameters
    ----------
    a : array_like, shape (..., m)
    n : int, optional
        Length of the result, ``2 (m - 1)`` by default.
    axis, norm, out
        As in `fft`.

    Returns
    -------
    Variable or ndarray, shape (..., n), real

    Notes
    -----
    Derivative: linear; imaginary parts that do not count have none. Cost: ``O(n log n)``.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.fft.irfft([3.0, -1.0])
    array([1., 2.])
    """
    no_out(out, "irfft")
    a = number(a, "irfft")
    axis = axis_of(a, axis, "irfft")
    n = 2 * (shape_of(a)[axis] - 1) if n is None else n.__index__()
    if n < 1:
        raise ValueError(f"irfft: the number of points is {n}; at least 1 is needed")
    return irfft_axis(length_to(a, axis, n // 2 + 1, "irfft"), axis=axis, n=n, norm=norm_of(norm, "irfft"))


def rfftn(a, s=None, axes=None, norm=None, out=None):
    """Discrete Fourier transform of real numbers over several axes; half of the last one.

    Parameters
    ----------
    a : array_like, shape (...), real
    s, axes, norm, out
        As in `fftn`.

    Returns
    -------
    Variable or ndarray, complex

    Raises
    ------
    TypeError
        If `a` is complex.

    Notes
    -----
    Derivative: linear. Cost: ``O(n log n)``.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.fft.rfftn([[1.0, 2.0]])
    array([[ 3.+0.j, -1.+0.j]])
    """
    no_out(out, "rfftn")
    a = _real_input(a, "rfftn")
    lengths, axes = shape_axes("rfftn", a, s, axes)
    for n, x in zip(lengths, axes, strict=True):
        a = length_to(a, x, n, "rfftn")
    found = rfft_axis(a, axis=axes[-1], norm=norm_of(norm, "rfftn"))
    return fft_axes(found, axes=axes[:-1], inverse=False, norm=norm_of(norm, "rfftn")) if axes[:-1] else found


def irfftn(a, s=None, axes=None, norm=None, out=None):
    """Inverse of `rfftn`.

    Parameters
    ----------
    a : array_like, shape (...)
    s : sequence of int, optional
        Lengths of the result along `axes`.
    axes, norm, out
        As in `fftn`.

    Returns
    -------
    Variable or ndarray, real

    Notes
    -----
    Derivative: linear. Cost: ``O(n log n)``.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.fft.irfftn([[3.0, -1.0]])
    array([[1., 2.]])
    """
    no_out(out, "irfftn")
    a = number(a, "irfftn")
    lengths, axes = shape_axes("irfftn", a, s, axes)
    if s is None or list(s)[-1] == -1:
        lengths[-1] = 2 * (shape_of(a)[axes[-1]] - 1)
    for n, x in zip(lengths[:-1], axes[:-1], strict=True):
        a = length_to(a, x, n, "irfftn")
    if axes[:-1]:
        a = fft_axes(a, axes=axes[:-1], inverse=True, norm=norm_of(norm, "irfftn"))
    return irfft(a, lengths[-1], axes[-1], norm)


def rfft2(a, s=None, axes=(-2, -1), norm=None, out=None):
    """Discrete Fourier transform of real numbers over two axes.

    Parameters
    ----------
    a : array_like, shape (..., m, n), real
    s, axes, norm, out
        As in `rfftn`.

    Returns
    -------
    Variable or ndarray, complex

    Notes
    -----
    Derivative: linear. Cost: ``O(n log n)``.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.fft.rfft2([[1.0, 2.0]])
    array([[ 3.+0.j, -1.+0.j]])
    """
    return rfftn(a, s, axes, norm, out)


def irfft2(a, s=None, axes=(-2, -1), norm=None, out=None):
    """Inverse of `rfft2`.

    Parameters
    ----------
    a : array_like, shape (..., m, n)
    s, axes, norm, out
        As in `irfftn`.

    Returns
    -------
    Variable or ndarray, real

    Notes
    -----
    Derivative: linear. Cost: ``O(n log n)``.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.fft.irfft2([[3.0, -1.0]])
    array([[1., 2.]])
    """
    return irfftn(a, s, axes, norm, out)


def hfft(a, n=None, axis=-1, norm=None, out=None):
    """Fourier transform of a signal with Hermitian symmetry, given by its first half; the result is real.

    Parameters
    ----------
    a : array_like, shape (..., m)
    n, axis, norm, out
        As in `irfft`.

    Returns
    -------
    Variable or ndarray, shape (..., n), real

    Notes
    -----
    Derivative: linear. Cost: ``O(n log n)``.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.fft.hfft([1.0, 2.0])
    array([ 3., -1.])
    """
    return irfft(cx.conj(number(a, "hfft")), n, axis, DUAL[norm_of(norm, "hfft")], out)


def ihfft(a, n=None, axis=-1, norm=None, out=None):
    """Inverse of `hfft`.

    Parameters
    ----------
    a : array_like, shape (..., n), real
    n, axis, norm, out
        As in `rfft`.

    Returns
    -------
    Variable or ndarray, shape (..., n // 2 + 1), complex

    Notes
    -----
    Derivative: linear. Cost: ``O(n log n)``.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.fft.ihfft([3.0, -1.0])
    array([1.-0.j, 2.-0.j])
    """
    return cx.conj(rfft(a, n, axis, DUAL[norm_of(norm, "ihfft")], out))


def _shifted(x, axes, half, name):
    x = as_array(x)
    shape = shape_of(x)
    axes = sh.normalize_axes(None if axes is None else axes, len(shape), name)
    return roll_axes(x, axes=axes, shifts=tuple([half(shape[a]) for a in axes])) if axes else x


def fftshift(x, axes=None):
    """The zero frequency moved to the middle.

    Parameters
    ----------
    x : array_like
    axes : None, int or tuple of int
        All axes by default.

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: moved back. Cost: one copy.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.fft.fftshift([0.0, 1.0, -1.0])
    array([-1.,  0.,  1.])
    """
    return _shifted(x, axes, lambda n: n // 2, "fftshift")


def ifftshift(x, axes=None):
    """Inverse of `fftshift`.

    Parameters
    ----------
    x : array_like
    axes : None, int or tuple of int
        All axes by default.

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: moved back. Cost: one copy.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.fft.ifftshift([-1.0, 0.0, 1.0])
    array([ 0.,  1., -1.])
    """
    return _shifted(x, axes, lambda n: -(n // 2), "ifftshift")


def _frequencies(numbers, n, d, dtype, device):
    check_device(device, "fftfreq")
    if dtype is not None and np.dtype(dtype).kind != "f":
        raise ValueError(f"fftfreq: frequencies are real floating-point numbers, not {np.dtype(dtype)}")
    if isinstance(d, Variable):
        return sh.astype(ew.divide(numbers, ew.multiply(d, float(n))), dtype or float)
    return Variable((numbers / (n * d)).astype(dtype or float))


def fftfreq(n, d=1.0, *, dtype=None, device=None):
    """Frequencies of `fft`.

    Parameters
    ----------
    n : int
        Number of points.
    d : scalar
        Spacing of the samples.
    dtype : dtype, optional
        A real floating-point one; float64 by default.
    device : {None, "cpu"}

    Returns
    -------
    Variable, shape (n,)

    Notes
    -----
    Derivative: in `d`. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.fft.fftfreq(4)
    Variable([ 0.  ,  0.25, -0.5 , -0.25])
    """
    return _frequencies(np.fft.fftfreq(n, 1.0 / n), n, d, dtype, device)


def rfftfreq(n, d=1.0, *, dtype=None, device=None):
    """Frequencies of `rfft`.

    Parameters
    ----------
    n : int
        Number of points.
    d : scalar
        Spacing of the samples.
    dtype : dtype, optional
        A real floating-point one; float64 by default.
    device : {None, "cpu"}

    Returns
    -------
    Variable, shape (n // 2 + 1,)

    Notes
    -----
    Derivative: in `d`. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.fft.rfftfreq(4)
    Variable([0.  , 0.25, 0.5 ])
    """
    return _frequencies(np.arange(n // 2 + 1, dtype=float), n, d, dtype, device)
