"""The parts of complex numbers. They are not holomorphic, so their rules are stated, not derived from partials.

The gradient of a real function of z is ``df/dx + i df/dy``; the inner product is ``Re <x, y>``.
"""

import numpy as np

from scirs_ad._core.core import as_array, dtype_of
from scirs_ad._core.define import primitive
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops.shape import cast, complex_only
from scirs_ad._ops.shape import real as real_part


def _is_complex(x):
    return dtype_of(x).kind == "c"


@primitive("()->()", name="imag_part", internal=True)
def imag_part(x):
    """The imaginary part of a complex array.

    Derivative: ``i`` times the cotangent. Cost: none; the result is a view.
    """
    return np.imag(x)


@imag_part.def_vjp
def _(ct, specs):
    return cast(ew.multiply(1j, ct), specs[0].dtype)


@imag_part.def_jvp
def _(t):
    return imag_part(t)


imag_part.def_samples(complex_only)


@primitive("()->()", linear=True, name="conj_complex", internal=True)
def conj_complex(x):
    """The conjugate of a complex array.

    Derivative: the conjugate of the cotangent. Cost: one pass.
    """
    return np.conjugate(x)


@conj_complex.def_vjp
def _(ct):
    return conj(ct)


conj_complex.def_samples(complex_only)


@primitive("()->()", name="angle_complex", internal=True)
def angle_complex(x):
    """The angle of a complex number [rad], in [-pi, pi].

    Derivative: ``i ct z / |z|**2``, 0 at 0. Cost: one pass.
    """
    return np.angle(x)


def _turn(x):
    r = ew.abs(x)
    r = ew.where(ew.equal(r, 0.0), 1.0, r)
    return ew.divide(ew.divide(ew.multiply(1j, x), r), r)


@angle_complex.def_vjp
def _(ct, x):
    return ew.multiply(ct, _turn(x))


@angle_complex.def_jvp
def _(t, x):
    return real_part(ew.multiply(conj(_turn(x)), t))


angle_complex.def_samples(complex_only)


def real(x):
    """Real part.

    Parameters
    ----------
    x : array_like

    Returns
    -------
    Variable or ndarray
        `x` itself if it is real.

    Notes
    -----
    Derivative: 1 along the real axis. Cost: none.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.real(1 + 2j)
    array(1.)
    """
    if _is_complex(x):
        return real_part(x)
    return as_array(x) if dtype_of(x).kind == "b" else ew.positive(x)  # `positive` refuses bool, as NumPy's does


def imag(x):
    """Imaginary part.

    Parameters
    ----------
    x : array_like

    Returns
    -------
    Variable or ndarray
        Zeros if `x` is real.

    Notes
    -----
    Derivative: 1 along the imaginary axis. Cost: none.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.imag(1 + 2j)
    array(2.)
    """
    return imag_part(x) if _is_complex(x) else ew.multiply(x, 0)


def conj(x):
    """Complex conjugate.

    Parameters
    ----------
    x : array_like

    Returns
    -------
    Variable or ndarray
        `x` itself if it is real.

    Notes
    -----
    Derivative: the conjugate of the cotangent. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.conj(1 + 2j)
    array(1.-2.j)
    """
    return conj_complex(x) if _is_complex(x) else x


def angle(z, deg=False):
    """Angle of a complex number.

    Parameters
    ----------
    z : array_like
    deg : bool
        In degrees instead of radians.

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: ``i z / |z|**2``, 0 at 0. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.angle(1j)
    array(1.57079633)
    """
    found = angle_complex(z) if _is_complex(z) else ew.where(ew.less(z, 0), np.pi, 0.0)
    return ew.multiply(found, 180.0 / np.pi) if deg else found
