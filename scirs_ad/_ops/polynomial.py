"""Polynomials by their coefficients, the highest power first."""

import numpy as np

from scirs_ad._core.core import Spec, as_array, dtype_of, shape_of
from scirs_ad._core.define import primitive, sample
from scirs_ad._ops import calculus, join, norms, products
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import linalg as la
from scirs_ad._ops import shape as sh
from scirs_ad._ops.accumulate import pad_zeros, trim

__all__ = ["polyadd", "polyder", "polyfit", "polyint", "polymul", "polysub", "polyval", "vander"]


# ------------------------------------------------------------------------------------------------ primitives
@primitive("(n),()->()", internal=True)
def polyval_core(p, x):
    """Value at `x` of the polynomial with coefficients along the last axis of `p`, by Horner's rule.

    Derivative: the powers of `x`, and the derived polynomial. Cost: ``2 n`` operations each.
    """
    p, x = np.asarray(p), np.asarray(x)
    n = p.shape[-1]
    out = np.zeros(np.broadcast_shapes(p.shape[:-1], x.shape), np.result_type(p, x))
    for k in range(n):
        out = out * x + p[..., k]
    return out


def _exponents(n, dtype):
    return np.arange(n - 1, 0, -1).astype(np.zeros((), dtype).real.dtype)


def _derived(p):
    """Coefficients of the derivative, along the last axis."""
    n = shape_of(p)[-1]
    if n <= 1:
        return ew.multiply(p, 0.0)
    return ew.multiply(trim(p, widths=((0, 1),)), _exponents(n, dtype_of(p)))


@polyval_core.def_vjp
def _(ct, p, x, specs):
    n = specs[0].shape[-1]
    to_x = ew.multiply(ct, cx.conj(polyval_core(_derived(p), x)))
    rows = ew.multiply(sh.reshape(ct, (*shape_of(ct), 1)), cx.conj(powers(x, n=n)))
    return tuple([sh.cast(sh.unbroadcast(g, s.shape), s.dtype) for g, s in zip((rows, to_x), specs, strict=True)])


@primitive(core=lambda x, *, n: (0,), internal=True)
def powers(x, *, n):
    """The powers of `x` from ``n - 1`` down to 0, along a new last axis.

    Derivative: the derived polynomial with the cotangent as coefficients. Cost: `n` multiplications each.
    """
    x = np.asarray(x)
    out = np.empty((*x.shape, n), x.dtype)
    if n:
        out[..., n - 1] = 1
    for k in range(n - 2, -1, -1):
        out[..., k] = out[..., k + 1] * x
    return out


@powers.def_shape
def _(x, *, n):
    return Spec((*x.shape, n), x.dtype)


@powers.def_vjp
def _(ct, x, specs, n):
    if n == 0:
        return None
    return sh.cast(polyval_core(_derived(ct), cx.conj(x)), specs[0].dtype)


@polyval_core.def_samples
def _(rng):
    x = rng.standard_normal
    yield sample(x(4), x(3))
    yield sample(x(1), x((2, 3)))
    yield sample(x((2, 3)), x(2))
    yield sample(x(3), x(()))
    yield sample(x(3) + 1j * x(3), x(2) + 1j * x(2))
    yield sample(x(3), np.zeros(2))


@powers.def_samples
def _(rng):
    x = rng.standard_normal
    yield sample(x(3), n=4)
    yield sample(x((2, 3)), n=1)
    yield sample(np.zeros(2), n=3)
    yield sample(x(2) + 1j * x(2), n=3)
    yield sample(x(2), n=0, order=0)


# ------------------------------------------------------------------------------------------------ doors
def _numbers(x):
    x = as_array(x)
    return sh.cast(x, np.float64) if dtype_of(x).kind == "b" else x


def polyval(p, x):
    """Value of a polynomial.

    Parameters
    ----------
    p : array_like, shape (n,)
        Coefficients, the highest power first.
    x : array_like

    Returns
    -------
    Variable or ndarray, of the shape of `x`

    Notes
    -----
    Derivative: in the coefficients and in `x`. Cost: ``2 n`` operations each.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.polyval([1.0, 0.0, 2.0], 3.0)
    array(11.)
    """
    p = _numbers(p)
    return polyval_core(p if shape_of(p) else sh.reshape(p, (1,)), _numbers(x))


def vander(x, N=None, increasing=False):
    """Vandermonde matrix: the powers of each element.

    Parameters
    ----------
    x : array_like, shape (m,)
    N : int, optional
        Number of columns; square by default.
    increasing : bool
        The lowest power first.

    Returns
    -------
    Variable or ndarray, shape (m, N)

    Raises
    ------
    ValueError
        If `x` is not 1-D.

    Notes
    -----
    Derivative: the derived powers. Cost: one multiplication for each entry.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.vander([2.0, 3.0], 3)
    array([[4., 2., 1.],
           [9., 3., 1.]])
    """
    x = _numbers(x)
    if len(shape_of(x)) != 1:
        raise ValueError(f"vander: an array of shape {shape_of(x)}; one dimension is needed")
    found = powers(x, n=shape_of(x)[0] if N is None else N.__index__())
    return calculus.flip_last(found) if increasing else found


def _two(a1, a2):
    """Two lists of coefficients, the shorter one with zeros in front."""
    a1, a2 = (sh.reshape(x, (1,)) if not shape_of(x) else x for x in (_numbers(a1), _numbers(a2)))
    n, m = shape_of(a1)[0], shape_of(a2)[0]
    if n < m:
        a1 = pad_zeros(a1, widths=((m - n, 0),))
    elif m < n:
        a2 = pad_zeros(a2, widths=((n - m, 0),))
    return a1, a2


def polyadd(a1, a2):
    """Sum of two polynomials.

    Parameters
    ----------
    a1, a2 : array_like, 1-D
        Coefficients, the highest power first.

    Returns
    -------
    Variable or ndarray, 1-D

    Notes
    -----
    Derivative: 1. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.polyadd([1.0, 2.0], [3.0])
    array([1., 5.])
    """
    return ew.add(*_two(a1, a2))


def polysub(a1, a2):
    """Difference of two polynomials.

    Parameters
    ----------
    a1, a2 : array_like, 1-D
        Coefficients, the highest power first.

    Returns
    -------
    Variable or ndarray, 1-D

    Notes
    -----
    Derivative: 1 and -1. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.polysub([1.0, 2.0], [3.0])
    array([ 1., -1.])
    """
    return ew.subtract(*_two(a1, a2))


def polymul(a1, a2):
    """Product of two polynomials.

    Parameters
    ----------
    a1, a2 : array_like, 1-D
        Coefficients, the highest power first. Leading zeros are kept: the shape does not depend on values.

    Returns
    -------
    Variable or ndarray, 1-D

    Notes
    -----
    Derivative: products with the other one. Cost: ``n m`` multiplications.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.polymul([1.0, 2.0], [1.0, 3.0])
    array([1., 5., 6.])
    """
    return calculus.convolve(a1, a2)


def polyder(p, m=1):
    """Derivative of a polynomial.

    Parameters
    ----------
    p : array_like, shape (n,)
        Coefficients, the highest power first.
    m : int
        How often.

    Returns
    -------
    Variable or ndarray, shape (n - m,)

    Raises
    ------
    ValueError
        If `m` is negative.

    Notes
    -----
    Derivative: linear. Cost: `m` passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.polyder([1.0, 2.0, 3.0])
    array([2., 2.])
    """
    if m < 0:
        raise ValueError(f"polyder: m must not be negative, got {m}")
    p = _numbers(p)
    for _ in range(m):
        p = _derived(p) if shape_of(p)[0] > 1 else trim(p, widths=((0, shape_of(p)[0]),))
    return p


def polyint(p, m=1, k=None):
    """Integral of a polynomial.

    Parameters
    ----------
    p : array_like, shape (n,)
        Coefficients, the highest power first.
    m : int
        How often.
    k : array_like, optional
        The constants, the first one that of the first integration; zeros by default.

    Returns
    -------
    Variable or ndarray, shape (n + m,)

    Raises
    ------
    ValueError
        If `m` is negative, or there are not `m` constants.

    Notes
    -----
    Derivative: linear. Cost: `m` passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.polyint([2.0, 2.0])
    array([1., 2., 0.])
    """
    if m < 0:
        raise ValueError(f"polyint: m must not be negative, got {m}")
    p = _numbers(p)
    p = p if dtype_of(p).kind in "fc" else sh.cast(p, np.float64)
    constants = as_array(0.0 if k is None else k)
    if not shape_of(constants) or shape_of(constants) == (1,):
        constants = sh.broadcast_to(constants, (m,))
    if shape_of(constants) != (m,):
        raise ValueError(f"polyint: {shape_of(constants)[0]} constant(s) for {m} integrations")
    for j in range(m):
        n = shape_of(p)[0]
        p = ew.divide(p, np.arange(n, 0, -1).astype(np.zeros((), dtype_of(p)).real.dtype))
        p = join.concatenate([p, sh.cast(constants[j : j + 1], dtype_of(p))])
    return p


def polyfit(x, y, deg, rcond=None, full=False, w=None, cov=False):
    """Least-squares fit of a polynomial.

    Parameters
    ----------
    x : array_like, shape (m,)
    y : array_like, shape (m,) or (m, k)
    deg : int
        Degree.
    rcond : float, optional
        Singular values below this fraction of the largest one count as zero; ``m`` times eps by default.
    full : bool
        Also return residuals, rank, singular values and `rcond`.
    w : array_like, shape (m,), optional
        Weights of the residuals, not squared.
    cov : bool or "unscaled"
        Also return the covariance of the coefficients.

    Returns
    -------
    p : Variable or ndarray, shape (deg + 1,) or (deg + 1, k)
        Coefficients, the highest power first.
    residuals, rank, singular_values, rcond
        Only with `full`.
    V : Variable or ndarray
        Only with `cov`.

    Raises
    ------
    ValueError
        If `deg` is negative, or there are too few points for the covariance.
    TypeError
        If the shapes do not fit.

    Notes
    -----
    Derivative: in `x`, `y` and `w`, that of the least-squares solution. Cost: one least-squares solution.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.round(anp.polyfit([0.0, 1.0, 2.0], [1.0, 3.0, 5.0], 1), 6)
    array([2., 1.])
    """
    deg = deg.__index__()
    if deg < 0:
        raise ValueError(f"polyfit: the degree must not be negative, got {deg}")
    x, y = _floating(x), _floating(y)
    if len(shape_of(x)) != 1 or not 1 <= len(shape_of(y)) <= 2 or shape_of(x)[0] != shape_of(y)[0]:
        raise TypeError(f"polyfit: x has shape {shape_of(x)}, y {shape_of(y)}; (m,) and (m,) or (m, k) are needed")
    if rcond is None:
        rcond = shape_of(x)[0] * np.finfo(dtype_of(x)).eps
    matrix = powers(x, n=deg + 1)
    if w is not None:
        w = _floating(w)
        if shape_of(w) != shape_of(x):
            raise TypeError(f"polyfit: w has shape {shape_of(w)}, x {shape_of(x)}")
        column = sh.reshape(w, (-1, 1))
        matrix = ew.multiply(matrix, column)
        y = ew.multiply(y, w if len(shape_of(y)) == 1 else column)
    # Columns of length one: a better condition; the length is a constant choice that the solution does not depend on.
    scale = ew.sqrt(sh.sum(ew.square(matrix), axis=0))
    found, residuals, rank, s = norms.lstsq(ew.divide(matrix, scale), y, rcond)
    p = ew.divide(found, scale if len(shape_of(y)) == 1 else sh.reshape(scale, (-1, 1)))
    if full:
        return p, residuals, rank, s, rcond
    if not cov:
        return p
    scaled = ew.divide(matrix, scale)
    base = la.inv(products.matmul(sh.permute_dims(scaled), scaled))
    base = ew.divide(base, products.outer(scale, scale))
    factor = 1.0
    if cov != "unscaled":
        free = shape_of(x)[0] - (deg + 1)
        if free <= 0:
            raise ValueError(f"polyfit: {shape_of(x)[0]} points are too few for the covariance at degree {deg}")
        misfit = ew.subtract(y, products.matmul(matrix, p))
        factor = ew.divide(sh.sum(ew.square(misfit), axis=0), float(free))
    if len(shape_of(y)) == 1:
        return p, ew.multiply(base, factor)
    return p, ew.multiply(sh.reshape(base, (*shape_of(base), 1)), factor)


def _floating(x):
    x = as_array(x)
    return x if dtype_of(x).kind in "fc" else sh.cast(x, np.float64)
