"""scipy.fft by name, on Variables and arrays alike.

Arguments that only save a copy (``overwrite_x``) or set threads (``workers``) are accepted and have no effect.
"""

import math
import warnings

import numpy as np
import scipy.fft as spfft

from scirs_ad._core.core import as_array, shape_of, value_of
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import fft as pages
from scirs_ad._ops.arrange import flip
from scirs_ad._ops.cosines import dct, dctn, dst, dstn, idct, idctn, idst, idstn, no_plan
from scirs_ad._ops.fft import fftfreq, fftshift, ifftshift, rfftfreq
from scirs_ad._ops.index import setitem
from scirs_ad.scipy.special import loggamma, poch

__all__ = [
    "dct", "dctn", "dst", "dstn", "fft", "fft2", "fftfreq", "fftn", "fftshift", "fht", "fhtoffset", "hfft", "hfft2",
    "hfftn", "idct", "idctn", "idst", "idstn", "ifft", "ifft2", "ifftn", "ifftshift", "ifht", "ihfft", "ihfft2", "ihfftn",
    "irfft", "irfft2", "irfftn", "next_fast_len", "prev_fast_len", "rfft", "rfft2", "rfftfreq", "rfftn",
]  # fmt: skip

fhtoffset, next_fast_len, prev_fast_len = spfft.fhtoffset, spfft.next_fast_len, spfft.prev_fast_len


def _along_an_axis(page):
    def transform(x, n=None, axis=-1, norm=None, overwrite_x=False, workers=None, *, plan=None):
        no_plan(page.__name__, plan)
        return page(x, n, axis, norm)

    return _named(transform, page.__name__)


def _over_axes(name, page, axes):
    def transform(x, s=None, axes=axes, norm=None, overwrite_x=False, workers=None, *, plan=None):
        no_plan(name, plan)
        s = (s,) if isinstance(s, int) else s
        axes = (axes,) if isinstance(axes, int) else axes
        return page(x, s, axes, norm)

    return _named(transform, name)


def _named(transform, name):
    transform.__name__ = transform.__qualname__ = name
    transform.__doc__ = f"""`scipy.fft.{name}`, on Variables and arrays alike: SciPy's arguments and result.

    Notes
    -----
    Derivative: linear; the adjoint is the transform the other way. Cost: ``O(n log n)``.
    """
    return transform


def _hfftn(x, s, axes, norm):
    return pages.irfftn(cx.conj(as_array(x)), s, axes, pages.DUAL[pages.norm_of(norm, "hfftn")])


def _ihfftn(x, s, axes, norm):
    return cx.conj(pages.rfftn(x, s, axes, pages.DUAL[pages.norm_of(norm, "ihfftn")]))


fft, ifft, rfft, irfft, hfft, ihfft = map(
    _along_an_axis, (pages.fft, pages.ifft, pages.rfft, pages.irfft, pages.hfft, pages.ihfft)
)
_PAGES = {
    "fft": pages.fftn, "ifft": pages.ifftn, "rfft": pages.rfftn, "irfft": pages.irfftn, "hfft": _hfftn, "ihfft": _ihfftn,
}  # fmt: skip
fftn, ifftn, rfftn, irfftn, hfftn, ihfftn = [_over_axes(f"{name}n", page, None) for name, page in _PAGES.items()]
fft2, ifft2, rfft2, irfft2, hfft2, ihfft2 = [_over_axes(f"{name}2", page, (-2, -1)) for name, page in _PAGES.items()]


# ------------------------------------------------------------------------------------------------ Hankel
def _coefficients(n, dln, mu, offset, bias, inverse, name):
    """What the frequencies of a logarithmically spaced sequence are multiplied with."""
    above, below = (mu + 1 + bias) / 2, (mu + 1 - bias) / 2
    y = np.linspace(0.0, math.pi * (n // 2) / n, n // 2 + 1) / dln
    log2 = math.log(2.0)
    u = ew.exp(loggamma(above + 1j * y) - cx.conj(loggamma(below + 1j * y)) + log2 * bias + 2j * (log2 - offset) * y)
    if n % 2 == 0:
        u = setitem(u, -1, cx.real(u[-1]))
    first = value_of(u)[0]
    if not np.isfinite(first):
        u = setitem(u, 0, as_array(2.0**bias * poch(below, above - below)))
        first = value_of(u)[0]
    if np.isinf(first) and not inverse:
        warnings.warn("singular transform; consider changing the bias", stacklevel=3)
        u = setitem(u, 0, 0.0)
    elif first == 0 and inverse:
        warnings.warn("singular inverse transform; consider changing the bias", stacklevel=3)
        u = setitem(u, 0, np.inf)
    return u


def fht(a, dln, mu, offset=0.0, bias=0.0):
    """Fast Hankel transform of a sequence with logarithmic spacing.

    Parameters
    ----------
    a : array_like, shape (..., n), real
    dln : scalar
        Spacing of the logarithm.
    mu : scalar
        Order of the Bessel function.
    offset : scalar
        Of the logarithm of the output.
    bias : scalar
        Exponent of a power law.

    Returns
    -------
    Variable or ndarray, shape (..., n)

    Warns
    -----
    UserWarning
        If the transform is singular.

    Notes
    -----
    Derivative: in all arguments; linear in `a`. Cost: ``O(n log n)``.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> ad.scipy.fft.fht(np.ones(4), 0.1, 0.5).round(3)
    array([1., 1., 1., 1.])
    """
    return _hankel(a, dln, mu, offset, bias, False, "fht")


def ifht(A, dln, mu, offset=0.0, bias=0.0):
    """Inverse of the fast Hankel transform `fht`.

    Parameters
    ----------
    A : array_like, shape (..., n), real
    dln, mu, offset, bias : scalar
        As in `fht`.

    Returns
    -------
    Variable or ndarray, shape (..., n)

    Warns
    -----
    UserWarning
        If the transform is singular.

    Notes
    -----
    Derivative: in all arguments; linear in `A`. Cost: ``O(n log n)``.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> ad.scipy.fft.ifht(np.ones(4), 0.1, 0.5).round(3)
    array([1., 1., 1., 1.])
    """
    return _hankel(A, dln, mu, offset, bias, True, "ifht")


def _hankel(a, dln, mu, offset, bias, inverse, name):
    a = pages.number(a, name)
    n = shape_of(a)[-1]
    biased = shape_of(bias) != () or value_of(bias) != 0 or hasattr(bias, "level")
    steps = (np.arange(n) - (n - 1) / 2) * dln
    if biased:
        a = a * ew.exp(bias * (steps + offset) if inverse else -bias * steps)
    u = _coefficients(n, dln, mu, offset, bias, inverse, name)
    found = pages.rfft(a)
    found = found / cx.conj(u) if inverse else found * u
    found = flip(pages.irfft(found, n), -1)
    if biased:
        found = found * ew.exp(bias * steps if inverse else -bias * (steps + offset))
    return found
