"""Determinants of square matrices, with derivatives also where they are singular."""

import numpy as np

from scirs_ad._core.core import dtype_of, shape_of
from scirs_ad._core.define import primitive, sample
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.linalg import (
    diagonal_of,
    fit,
    h_,
    inv_core,
    kernels,
    matmul_core,
    square_matrices,
    square_samples,
    t_,
    well_conditioned,
)

SMALL = 16  # up to this many rows kernels take several matrices at once


def _leave_out(s):
    """Products of all other elements of the last axis, and of all but two: by products, never by division."""
    n = s.shape[-1]
    # before[i] * after[i]: products of what stands before i and after it
    ones = np.ones((*s.shape[:-1], 1), s.dtype)
    before = np.cumprod(np.concatenate([ones, s[..., :-1]], -1), -1)
    after = np.cumprod(np.concatenate([ones, s[..., :0:-1]], -1), -1)[..., ::-1]
    return before * after if n else s


def _leave_two_out(s):
    n = s.shape[-1]
    rows = np.broadcast_to(s[..., None, :], (*s.shape[:-1], n, n)).copy()
    rows[..., range(n), range(n)] = 1.0
    two = _leave_out(rows) if n else rows
    two[..., range(n), range(n)] = 0.0
    return two


def _phase(u, vh):
    return np.conj(np.linalg.det(u) * np.linalg.det(vh))[..., None, None]


def cofactors_by_svd(a):
    """``U diag(products of the other s) V^H``, times the determinants of U and V^H: no division by a small number."""
    u, s, vh = np.linalg.svd(a)
    return (_phase(u, vh) * (u * _leave_out(s)[..., None, :]) @ vh).astype(a.dtype, copy=False)


def _safe(dtype):
    """From this condition number on the inverse loses digits that cofactors have."""
    return np.finfo(dtype).eps ** -0.25


def cofactors_by_factors(a, lu, piv):
    """By the inverse, where that is harmless: seven times cheaper than singular values."""
    found = kernels.cofactor_of_lu(a, lu, piv, _safe(a.dtype))
    if found is not None:
        return found
    lead = np.broadcast_shapes(a.shape[:-2], lu.shape[:-2], piv.shape[:-1])
    return cofactors_by_svd(np.broadcast_to(a, lead + a.shape[-2:]))


def _cofactor_kernel(a):
    if a.shape[-1] > SMALL:
        return cofactors_by_factors(a, *kernels.lu_factor(a))
    try:
        inverse = kernels.inv(a)
    except np.linalg.LinAlgError:
        return cofactors_by_svd(a)
    size = np.abs(a).sum(-1).max(-1, initial=0.0) * np.abs(inverse).sum(-1).max(-1, initial=0.0)
    if np.all(size < _safe(a.dtype)):
        return np.conj(kernels.det(a)[..., None, None] * np.swapaxes(inverse, -1, -2))
    return cofactors_by_svd(a)


@primitive("(n,n)->(n,n)", kernel=_cofactor_kernel, internal=True)
def cofactor_core(a):
    """The conjugate cofactors of a matrix, its gradient of det: ``conj(det(a)) inv(a)^H``, also where `a` is singular.

    Derivative: `cofactor_tangent`, which is its own adjoint, because det is smooth. Cost: ``8/3 n^3`` operations; a
    singular value decomposition where the inverse is not safe.
    """
    return cofactors_by_svd(a)


@cofactor_core.def_vjp
def _(ct, a):
    return cofactor_tangent(a, ct)


@cofactor_core.def_jvp
def _(t, a):
    return cofactor_tangent(a, t)


def _singular_samples(rng):
    """Singular matrices, of rank n - 1, n - 2 and 0."""
    yield np.array([[1.0, 2.0], [2.0, 4.0]])
    yield np.diag([1.0, 2.0, 0.0])
    yield np.outer(rng.standard_normal(3), rng.standard_normal(3))
    yield np.zeros((2, 2))
    b = rng.standard_normal((3, 2)) + 1j * rng.standard_normal((3, 2))
    yield b @ (rng.standard_normal((2, 3)) + 1j * rng.standard_normal((2, 3)))


@cofactor_core.def_samples
def _(rng):
    for found in square_samples(rng):
        # Those of a 2 x 2 matrix are linear: their second derivative is zero, and rounding.
        found.order = 1 if found.args[0].shape[-1] == 2 else 2
        yield found
    for a in _singular_samples(rng):
        yield sample(a, order=1)


@primitive("(n,n),(n,n)->(n,n)", internal=True)
def cofactor_tangent(a, t):
    """The derivative of `cofactor_core` at `a` in the direction `t`, also where `a` is singular.

    With ``a = U S V^H`` and ``B = U^H t V``: ``U (diag(P diag(B)) - P * B^T) V^H``, conjugated, times the determinants
    of U and V^H; ``P_ij`` is the product of all singular values but i and j. Follows from the cofactors of a diagonal
    matrix. Derivative: in `t` itself, with `t` and the cotangent exchanged; in `a` by the inverse, so third derivatives
    of det only where `a` is not singular. Cost: a singular value decomposition, and ``n^3`` products.
    """
    u, s, vh = np.linalg.svd(a)
    p = _leave_two_out(s)
    b = np.conj(np.swapaxes(u, -1, -2)) @ t @ np.conj(np.swapaxes(vh, -1, -2))
    diagonal = np.diagonal(b, axis1=-2, axis2=-1)
    middle = -p * np.swapaxes(b, -1, -2)
    n = s.shape[-1]
    middle[..., range(n), range(n)] = (p @ diagonal[..., None])[..., 0]
    return _phase(u, vh) * (u @ np.conj(middle) @ vh)


def _third(a, t, s):
    """The second derivative of the cofactors in the directions `t` and `s`; by the inverse."""
    x = inv_core(a)
    c, cs = cofactor_core(a), cofactor_tangent(a, s)
    xt, xs = matmul_core(x, t), matmul_core(x, s)

    def trace(m):
        total = cx.conj(sh.sum_axes(diagonal_of(m), axes=(-1,)))
        return sh.reshape(total, (*shape_of(total), 1, 1))

    first = ew.subtract(ew.multiply(trace(xt), cs), ew.multiply(trace(matmul_core(xs, xt)), c))
    xh, th = h_(x), h_(t)
    moved = matmul_core(matmul_core(xh, h_(s)), matmul_core(xh, matmul_core(th, c)))
    return ew.add(first, ew.subtract(moved, matmul_core(xh, matmul_core(th, cs))))


@cofactor_tangent.def_vjp
def _(ct, a, t, specs):
    return fit(_third(a, t, ct), specs[0]), fit(cofactor_tangent(a, ct), specs[1])


@cofactor_tangent.def_samples
def _(rng):
    yield sample(well_conditioned(rng, 3, 3), rng.standard_normal((3, 3)))
    yield sample(well_conditioned(rng, 2, 3, 3), rng.standard_normal((2, 3, 3)))
    yield sample(well_conditioned(rng, 3, 3, complex_too=True), rng.standard_normal((3, 3)) + 1j)
    for a in _singular_samples(rng):
        yield sample(a, rng.standard_normal(a.shape).astype(a.dtype), order=0)


@primitive("(n,n)->()", kernel=lambda a: kernels.det(a), internal=True)
def det_core(a):
    """The determinant.

    Derivative: ``ct`` times the conjugate cofactors, finite for singular matrices. Cost: ``2/3 n^3`` operations.
    """
    return np.linalg.det(a)


@det_core.def_vjp
def _(ct, a):
    return ew.multiply(sh.reshape(ct, (*shape_of(ct), 1, 1)), cofactor_core(a))


@det_core.def_jvp
def _(t, a):
    return sh.sum_axes(ew.multiply(cx.conj(cofactor_core(a)), t), axes=(-2, -1))


@det_core.def_samples
def _(rng):
    yield from square_samples(rng)
    for a in _singular_samples(rng):
        yield sample(a)


def det(a):
    """Determinant of square matrices.

    Parameters
    ----------
    a : array_like, shape (..., n, n)

    Returns
    -------
    Variable or ndarray, shape (...)

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is not square.

    Notes
    -----
    Derivative: the adjugate; first and second derivatives also of singular matrices. Cost: ``2/3 n^3`` operations
    for each matrix.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.det([[2.0, 0.0], [0.0, 4.0]])
    array(8.)
    """
    return det_core(square_matrices("det", a))


@primitive("(n,n)->(),()", kernel=lambda a: kernels.slogdet(a), internal=True)
def slogdet_core(a):
    """Sign and logarithm of the absolute value of the determinant.

    Derivative: ``ct inv(a)^H`` for the logarithm; a complex sign turns. Cost: ``2/3 n^3`` operations.
    """
    return tuple(np.linalg.slogdet(a))


@slogdet_core.def_vjp
def _(ct, out, a, specs):
    ct_sign, ct_log = ct
    weight = ct_log
    if specs[0].dtype.kind == "c" and ct_sign is not None:
        turn = ew.multiply(1j, cx.real(ew.multiply(cx.conj(ct_sign), ew.multiply(1j, out[0]))))
        weight = turn if weight is None else ew.add(weight, turn)
    if weight is None:
        return None
    return sh.cast(ew.multiply(sh.reshape(weight, (*shape_of(weight), 1, 1)), h_(inv_core(a))), specs[0].dtype)


@slogdet_core.def_jvp
def _(t, out, a):
    trace = sh.sum_axes(ew.multiply(t_(inv_core(a)), t), axes=(-2, -1))
    if dtype_of(a).kind == "c":
        return ew.multiply(out[0], ew.multiply(1j, cx.imag(trace))), cx.real(trace)
    return np.zeros(shape_of(trace), dtype_of(trace)), trace


@slogdet_core.def_samples
def _(rng):
    yield from square_samples(rng)


def slogdet(a):
    """Sign and natural logarithm of the absolute determinant.

    Parameters
    ----------
    a : array_like, shape (..., n, n)

    Returns
    -------
    sign, logabsdet : Variable or ndarray, shape (...)
        A named tuple.

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is not square.

    Notes
    -----
    Derivative: ``inv(a)^H`` for the logarithm. Cost: ``2/3 n^3`` operations for each matrix.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.slogdet([[2.0, 0.0], [0.0, 0.5]]).logabsdet
    array(0.)
    """
    return SlogdetResult(*slogdet_core(square_matrices("slogdet", a)))


SlogdetResult = type(np.linalg.slogdet(np.eye(1)))
