"""Functions of scipy.special that are no ufuncs: compositions, and doors to pages of other arguments."""

import math

import numpy as np

from scirs_ad._core.core import Variable, as_array
from scirs_ad._core.errors import NotDifferentiableError
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops.softmax import floating
from scirs_ad._ops.special import PAGES
from scirs_ad._ops.special_base import sp
from scirs_ad._ops.statistics import sinc  # SciPy's is NumPy's, too

__all__ = [
    "assoc_legendre_p",
    "diric",
    "h1vp",
    "h2vp",
    "ivp",
    "jvp",
    "kvp",
    "lambertw",
    "legendre_p",
    "multigammaln",
    "polygamma",
    "sinc",
    "sph_harm_y",
    "sph_legendre_p",
    "spherical_in",
    "spherical_jn",
    "spherical_kn",
    "spherical_yn",
    "yvp",
    "zeta",
]


def passed(name):
    """A function of scipy.special that has no derivative here: SciPy's own, for arguments without one."""
    function = getattr(sp, name)
    if not callable(function) or isinstance(function, type):
        return function

    def call(*args, **kwargs):
        if any(isinstance(a, Variable) and a.level is not None for a in (*args, *kwargs.values())):
            raise NotDifferentiableError(
                f"scipy.special.{name} has no derivative here; give scirs_ad.value(x) if none is wanted"
            )
        plain = [a.value if isinstance(a, Variable) else a for a in args]
        return function(*plain, **{k: a.value if isinstance(a, Variable) else a for k, a in kwargs.items()})

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"SciPy's function, for arguments that carry no derivative.\n\n{function.__doc__ or ''}"
    return call


# ------------------------------------------------------------------------------------------------ gamma


def multigammaln(a, d):
    """Logarithm of the multivariate gamma function of dimension `d`.

    Parameters
    ----------
    a : array_like
        Greater than ``(d - 1) / 2``.
    d : int

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If `d` is not a positive integer, or `a` is too small.

    Notes
    -----
    Derivative: sum of digammas. Cost: `d` passes.

    Examples
    --------
    >>> from scirs_ad.scipy.special import multigammaln
    >>> multigammaln(1.0, 1)
    array(0.)
    """
    if not np.isscalar(d) or int(d) != d or d < 1:
        raise ValueError(f"multigammaln: d must be a positive integer, not {d!r}")
    a = floating(a)
    value = a.value if isinstance(a, Variable) else a
    if isinstance(value, np.ndarray) and np.any(value <= 0.5 * (d - 1)):
        raise ValueError(f"multigammaln: a must be greater than (d - 1) / 2 = {0.5 * (d - 1):g}")
    total = 0.25 * d * (d - 1) * math.log(math.pi)
    for j in range(int(d)):
        total = ew.add(total, PAGES["gammaln"](ew.subtract(a, 0.5 * j)))
    return total


def polygamma(n, x):
    """Derivative of order `n` of the digamma function.

    Parameters
    ----------
    n : array_like of int
    x : array_like

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: ``polygamma(n + 1, x)``; none with respect to `n`.
    """
    return PAGES["polygamma"](n, x)


def zeta(x, q=None, out=None):
    """Riemann or Hurwitz zeta function.

    Parameters
    ----------
    x : array_like
    q : array_like, optional
        1 unless given.
    out : None
        Must not be given.

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: ``-x zeta(x + 1, q)`` with respect to `q`; numerical, to about 12 digits, with respect to `x`.
    """
    if out is not None:
        raise TypeError("zeta: out= is not supported")
    return PAGES["riemann_zeta"](x) if q is None else PAGES["zeta"](x, q)


def lambertw(z, k=0, tol=1e-8):
    """Lambert W function: the solution w of ``w exp(w) = z``, complex.

    Parameters
    ----------
    z : array_like
    k : int
        Branch.
    tol : float
        Tolerance of the iteration.

    Returns
    -------
    Variable or ndarray, complex

    Notes
    -----
    Derivative: ``1 / (exp(w) (1 + w))``, infinite at the branch point -1/e.
    """
    return PAGES["lambertw"](z, k, tol)


# ------------------------------------------------------------------------------------------------ Bessel family
def _spherical_door(name):
    page = PAGES[name]

    def function(n, z, derivative=False):
        if not derivative:
            return page(n, z)
        lower = page(ew.maximum(n - 1, 0), z)
        upper = page(as_array(n) + 1, z)
        below, above = _SPHERICAL[name]
        n = as_array(n)
        return ew.divide(ew.add(ew.multiply(below * n, lower), ew.multiply(above * (n + 1), upper)), 2 * n + 1)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = (
        page.__doc__.split("\n")[0]
        + """

    Parameters
    ----------
    n : array_like of int
    z : array_like
    derivative : bool
        Return the derivative with respect to `z`.

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: by the recurrence between neighbouring orders; none with respect to `n`.
    """
    )
    return function


_SPHERICAL = {
    "spherical_jn": (1.0, -1.0),
    "spherical_yn": (1.0, -1.0),
    "spherical_in": (1.0, 1.0),
    "spherical_kn": (-1.0, -1.0),
}
spherical_jn = _spherical_door("spherical_jn")
spherical_yn = _spherical_door("spherical_yn")
spherical_in = _spherical_door("spherical_in")
spherical_kn = _spherical_door("spherical_kn")


def _derivative_of_order(name, base, alternate, sign):
    """The n-th derivative in z by 2**-n sum of binom(n, k) (+-1)**k f(v - n + 2 k, z)."""
    page = PAGES[base]

    def function(v, z, n=1):
        if not isinstance(n, (int, np.integer)) or n < 0:
            raise ValueError(f"{name}: n must be a whole number and not negative, not {n!r}")
        total = page(v, z) if n == 0 else None
        for k in range(n + 1 if n else 0):
            factor = math.comb(n, k) * (alternate**k) * (sign**n) / 2.0**n
            term = ew.multiply(factor, page(ew.subtract(v, n - 2 * k), z))
            total = term if total is None else ew.add(total, term)
        return total

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""Derivative of order `n` of {base}(v, z) with respect to `z`.

    Parameters
    ----------
    v : array_like
    z : array_like
    n : int

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: as of {base}, a sum of functions of neighbouring orders.
    """
    return function


jvp = _derivative_of_order("jvp", "jv", -1, 1)
yvp = _derivative_of_order("yvp", "yv", -1, 1)
ivp = _derivative_of_order("ivp", "iv", 1, 1)
kvp = _derivative_of_order("kvp", "kv", 1, -1)
h1vp = _derivative_of_order("h1vp", "hankel1", -1, 1)
h2vp = _derivative_of_order("h2vp", "hankel2", -1, 1)


# ------------------------------------------------------------------------------------------------ elementary
def diric(x, n):
    """Periodic sinc function, ``sin(n x / 2) / (n sin(x / 2))``.

    Parameters
    ----------
    x : array_like
    n : int
        The period is 2 pi for odd, 4 pi for even `n`.

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: of its closed form as a Chebyshev polynomial, ``U_(n-1)(cos(x / 2)) / n``: exact also at multiples
    of 2 pi.
    """
    if not isinstance(n, (int, np.integer)):
        raise TypeError(f"diric: n must be an int, not {n!r}")
    if n <= 0:
        return ew.multiply(x, np.nan)
    return ew.divide(PAGES["eval_chebyu"](int(n) - 1, ew.cos(ew.multiply(0.5, x))), float(n))


# ------------------------------------------------------------------------------------------------ Legendre
def sph_harm_y(n, m, theta, phi, *, diff_n=0):
    """Spherical harmonic of degree `n` and order `m`, complex.

    Parameters
    ----------
    n, m : array_like of int
    theta, phi : array_like
        Polar and azimuthal angle [rad].
    diff_n : int
        Only 0: use a transform for derivatives.

    Returns
    -------
    Variable or ndarray, complex

    Notes
    -----
    Derivative: half the difference of the neighbours in `m` for `theta`, which is regular at the poles; ``i m out`` for
    `phi`.
    """
    if diff_n:
        raise ValueError("sph_harm_y: diff_n is not supported; differentiate with jvp or grad")
    return PAGES["sph_harm_y"](n, m, theta, phi)


def legendre_p(n, z, *, diff_n=0):
    """Legendre polynomial of degree `n`.

    Parameters
    ----------
    n : array_like of int
    z : array_like
    diff_n : int
        Only 0: use a transform for derivatives.

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: a Gegenbauer polynomial; exact at -1 and 1.
    """
    if diff_n:
        raise ValueError("legendre_p: diff_n is not supported; differentiate with jvp or grad")
    return PAGES["eval_legendre"](n, z)


def sph_legendre_p(n, m, theta, *, diff_n=0):
    """Spherical Legendre polynomial: the spherical harmonic at phi = 0, real.

    Parameters
    ----------
    n, m : array_like of int
    theta : array_like
        Polar angle [rad].
    diff_n : int
        Only 0: use a transform for derivatives.

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: as of `sph_harm_y`.
    """
    if diff_n:
        raise ValueError("sph_legendre_p: diff_n is not supported; differentiate with jvp or grad")
    return cx.real(PAGES["sph_harm_y"](n, m, theta, 0.0))


def assoc_legendre_p(n, m, z, *, branch_cut=2, norm=False, diff_n=0):
    """Associated Legendre polynomial of degree `n` and order `m`, for -1 <= z <= 1.

    Parameters
    ----------
    n, m : array_like of int
    z : array_like, real
    branch_cut : int
        Only 2, the cut outside of [-1, 1].
    norm : bool
        Normalized.
    diff_n : int
        Only 0: use a transform for derivatives.

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: by the recurrence between degrees; none with respect to `n` and `m`.
    """
    if diff_n or branch_cut != 2:
        raise ValueError("assoc_legendre_p: diff_n and branch_cut are not supported; differentiate with jvp or grad")
    out = PAGES["lpmv"](m, ew.multiply(n, 1.0), z)
    if norm:
        n, m = np.asarray(n), np.asarray(m)
        log_factor = 0.5 * (np.log(n + 0.5) + sp.gammaln(n - m + 1.0) - sp.gammaln(n + m + 1.0))
        out = ew.multiply(out, np.exp(log_factor))
    return out
