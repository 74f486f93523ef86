"""Solving, inverting and determinants: gufuncs over trailing matrices, with LAPACK kernels.

Inner product ``Re tr(X^H Y)``; `ct` is the cotangent of the result. Formulas: M. B. Giles, "Collected matrix
derivative results for forward and reverse mode algorithmic differentiation" (2008), sections 2.2 and 2.3.
"""

import numpy as np

from scirs_ad._core.core import as_array, dtype_of, shape_of
from scirs_ad._core.define import primitive, raises, sample
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.products import matmul_core

kernels = lazy("scirs_ad._kernels.linalg")


def t_(x):
    """The last two axes exchanged."""
    return sh.permute_core(x, axes=(-1, -2))


def h_(x):
    """The adjoint of each matrix."""
    return cx.conj(t_(x))


def fit(g, spec):
    """A cotangent in the shape and dtype of what it belongs to."""
    return sh.cast(sh.unbroadcast(g, spec.shape), spec.dtype)


def square_matrices(name, a):
    """`a` as an array; LinAlgError unless its last two axes are equal, as NumPy."""
    a = as_array(a)
    shape = shape_of(a)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise np.linalg.LinAlgError(f"{name}: square matrices are needed in the last two axes; the shape is {shape}")
    return a if dtype_of(a).kind in "fc" else sh.astype(a, float)


def column(x):
    """A vector as a matrix of one column."""
    return sh.reshape(x, (*shape_of(x), 1))


def vector(x):
    """Back from `column`."""
    return sh.reshape(x, shape_of(x)[:-1])


def eye_like(x):
    """The identity of the size of the matrices of `x`."""
    return np.eye(shape_of(x)[-1], dtype=dtype_of(x))


def diag_matrix(x):
    """Diagonal matrices of vectors."""
    n = shape_of(x)[-1]
    return ew.where(np.eye(n, dtype=bool), sh.reshape(x, (*shape_of(x), 1)), 0.0)


def diagonal_of(x):
    """The diagonals of square matrices."""
    n = shape_of(x)[-1]
    return sh.sum_axes(ew.where(np.eye(n, dtype=bool), x, 0.0), axes=(-1,))


def well_conditioned(rng, *shape, complex_too=False):
    """Random square matrices far from singular."""
    a = rng.standard_normal(shape)
    if complex_too:
        a = a + 1j * rng.standard_normal(shape)
    return a + 2.0 * shape[-1] * np.eye(shape[-1])


# ------------------------------------------------------------------------------------------------ solve, inv
@primitive("(n,n),(n,k)->(n,k)", kernel=lambda a, b: kernels.solve(a, b), internal=True)
def solve_core(a, b):
    """The solution of ``a x = b`` for a matrix of right-hand sides.

    Derivative: with ``B = solve(a^H, ct)``, ``B`` for `b` and ``-B x^H`` for `a`. Cost: ``2/3 n^3`` operations each.
    """
    return np.linalg.solve(a, b)


@solve_core.def_vjp
def _(ct, out, a, specs):
    b = solve_core(h_(a), ct)
    return fit(ew.negative(matmul_core(b, h_(out))), specs[0]), fit(b, specs[1])


@solve_core.def_jvp
def _(t, out, a):
    ta, tb = t
    right = tb
    if ta is not None:
        moved = matmul_core(ta, out)
        right = ew.negative(moved) if tb is None else ew.subtract(tb, moved)
    return solve_core(a, right)


@solve_core.def_samples
def _(rng):
    yield sample(well_conditioned(rng, 3, 3), rng.standard_normal((3, 2)))
    yield sample(well_conditioned(rng, 2, 3, 3), rng.standard_normal((3, 1)))
    yield sample(well_conditioned(rng, 3, 3), rng.standard_normal((2, 3, 1)))
    yield sample(well_conditioned(rng, 3, 3, complex_too=True), rng.standard_normal((3, 1)) + 0j)
    yield sample(np.ones((0, 0)), np.ones((0, 2)))
    yield raises(np.linalg.LinAlgError, np.zeros((2, 2)), np.ones((2, 1)), match="solve")


def solve(a, b):
    """Solve linear equations ``a x = b``.

    Parameters
    ----------
    a : array_like, shape (..., n, n)
    b : array_like, shape (n,) or (..., n, k)

    Returns
    -------
    Variable or ndarray, of the shape of `b`, broadcast

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is singular or not square.

    Notes
    -----
    Derivative: one solve with the adjoint matrix. Cost: ``2/3 n^3`` operations for each matrix.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 4.0])
    array([1., 1.])
    """
    a, b = square_matrices("solve", a), as_array(b)
    if len(shape_of(b)) == 1:
        return vector(solve_core(a, column(b)))
    return solve_core(a, b)


@primitive("(n,n)->(n,n)", kernel=lambda a: kernels.inv(a), internal=True)
def inv_core(a):
    """The inverse.

    Derivative: ``-out^H ct out^H``. Cost: ``2 n^3`` operations.
    """
    return np.linalg.inv(a)


@inv_core.def_vjp
def _(ct, out):
    adjoint = h_(out)
    return ew.negative(matmul_core(matmul_core(adjoint, ct), adjoint))


@inv_core.def_jvp
def _(t, out):
    return ew.negative(matmul_core(matmul_core(out, t), out))


def _square_samples(rng):
    yield sample(well_conditioned(rng, 3, 3))
    yield sample(well_conditioned(rng, 2, 2, 2))
    yield sample(well_conditioned(rng, 3, 3, complex_too=True))
    yield sample(well_conditioned(rng, 1, 1))
    yield sample(np.ones((0, 3, 3)))


@inv_core.def_samples
def _(rng):
    yield from _square_samples(rng)
    yield raises(np.linalg.LinAlgError, np.zeros((2, 2)), match="inv")


def inv(a):
    """Inverse of square matrices.

    Parameters
    ----------
    a : array_like, shape (..., n, n)

    Returns
    -------
    Variable or ndarray, shape (..., n, n)

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is singular or not square.

    Notes
    -----
    Derivative: ``-inv(a)^H ct inv(a)^H``. Cost: ``2 n^3`` operations for each matrix.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.inv([[2.0, 0.0], [0.0, 4.0]])
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    return inv_core(square_matrices("inv", a))


# ------------------------------------------------------------------------------------------------ determinants
def _cofactor(a):
    """The gradient of det without a division: ``U diag(prod of the other s) V^H`` times the determinants of U and V^H.

    Exact for singular matrices too, where ``det(a) inv(a)`` is nan.
    """
    u, s, vh = np.linalg.svd(a)
    n = s.shape[-1]
    others = np.stack([np.prod(np.delete(s, i, -1), -1) for i in range(n)], -1) if n else s
    phase = np.conj(np.linalg.det(u) * np.linalg.det(vh))
    return phase[..., None, None] * (u * others[..., None, :]) @ vh


@primitive("(n,n)->(n,n)", internal=True)
def cofactor_core(a):
    """The conjugate cofactors of a matrix: ``conj(det(a)) inv(a)^H``, also where `a` is singular.

    Derivative: by the inverse, so only where `a` is not singular. Cost: a singular value decomposition.
    """
    return _cofactor(a)


@cofactor_core.def_jvp
def _(t, a, out):
    # d(conj(det) A^-H) = conj(tr(A^-1 dA)) out - A^-H dA^H out
    inverse = inv_core(a)
    trace = sh.sum_axes(ew.multiply(t_(inverse), t), axes=(-2, -1))
    scaled = ew.multiply(sh.reshape(cx.conj(trace), (*shape_of(trace), 1, 1)), out)
    return ew.subtract(scaled, matmul_core(matmul_core(h_(inverse), h_(t)), out))


@cofactor_core.def_samples
def _(rng):
    yield sample(well_conditioned(rng, 3, 3), order=1)
    yield sample(well_conditioned(rng, 2, 2, 2), order=1)
    yield sample(well_conditioned(rng, 2, 2, complex_too=True), order=1)


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
    yield from _square_samples(rng)
    yield sample(np.array([[1.0, 2.0], [2.0, 4.0]]), order=1)
    yield sample(np.diag([1.0, 2.0, 0.0]), order=1)


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
    Derivative: the adjugate, also for a singular matrix; of second order where it is not singular. Cost:
    ``2/3 n^3`` operations for each matrix.

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

    Derivative: ``ct inv(a)^H`` for the logarithm; the phase of a complex determinant turns. Cost: ``2/3 n^3`` operations.
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
    yield from _square_samples(rng)


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


# ------------------------------------------------------------------------------------------------ triangular
def _half(x, lower):
    n, m = shape_of(x)[-2:]
    mask = np.tri(n, m, 0, bool) if lower else ~np.tri(n, m, -1, bool)
    return ew.where(mask, x, 0.0)


def _triangular_body(a, b, *, lower, trans, unit):
    a = np.tril(a, -1 if unit else 0) if lower else np.triu(a, 1 if unit else 0)
    if unit:
        a = a + np.eye(a.shape[-1])
    a = a if trans == 0 else np.swapaxes(a, -1, -2) if trans == 1 else np.conj(np.swapaxes(a, -1, -2))
    return np.linalg.solve(a, b)


@primitive(
    "(n,n),(n,k)->(n,k)",
    kernel=lambda a, b, *, lower, trans, unit: kernels.solve_triangular(a, b, lower, trans, unit),
    internal=True,
)
def solve_triangular_core(a, b, *, lower, trans, unit):
    """The solution of a triangular system; `trans` 0, 1, 2: with `a`, its transpose, its adjoint.

    Derivative: as of solve, in the triangle alone. Cost: ``n^2 k`` operations.
    """
    return _triangular_body(a, b, lower=lower, trans=trans, unit=unit)


@solve_triangular_core.def_vjp
def _(ct, out, a, specs, lower, trans, unit):
    if trans == 1:
        g = cx.conj(solve_triangular_core(a, cx.conj(ct), lower=lower, trans=0, unit=unit))
    else:
        g = solve_triangular_core(a, ct, lower=lower, trans=2 - trans, unit=unit)
    # the system is op(a) x = b: -g x^H belongs to op(a)
    to_a = (
        matmul_core(g, h_(out))
        if trans == 0
        else (t_(matmul_core(g, h_(out))) if trans == 1 else matmul_core(out, h_(g)))
    )
    to_a = ew.negative(_half(to_a, lower))
    if unit:
        to_a = ew.where(np.eye(shape_of(to_a)[-1], dtype=bool), 0.0, to_a)
    return fit(to_a, specs[0]), fit(g, specs[1])


@solve_triangular_core.def_samples
def _(rng):
    for lower in (True, False):
        for trans in (0, 1, 2):
            yield sample(well_conditioned(rng, 3, 3), rng.standard_normal((3, 2)), lower=lower, trans=trans, unit=False)
    yield sample(
        well_conditioned(rng, 2, 2, complex_too=True), rng.standard_normal((2, 1)) + 1j, lower=True, trans=2, unit=False
    )
    yield sample(rng.standard_normal((2, 3, 3)), rng.standard_normal((3, 1)), lower=True, trans=0, unit=True)


# ------------------------------------------------------------------------------------------------ cholesky
def symmetrized(a):
    """``(a + a^H) / 2`` of ndarrays."""
    return 0.5 * (a + np.conj(np.swapaxes(a, -1, -2)))


@primitive("(n,n)->(n,n)", kernel=lambda a: kernels.cholesky(symmetrized(np.asarray(a)), True), internal=True)
def cholesky_core(a):
    """The lower factor of ``(a + a^H) / 2``.

    Derivative: ``L^-H (P + P^H) L^-1 / 2`` with ``P = Phi(L^H ct)``, Phi: the lower triangle, its diagonal halved
    (I. Murray, "Differentiation of the Cholesky decomposition", arXiv:1602.07527, equation 10). Cost: ``2 n^3``.
    """
    return np.linalg.cholesky(symmetrized(a))


def _phi(x):
    n = shape_of(x)[-1]
    return ew.multiply(x, np.tril(np.ones((n, n))) - 0.5 * np.eye(n))


def _solve_lower(factor, b, trans=0):
    return solve_triangular_core(factor, b, lower=True, trans=trans, unit=False)


@cholesky_core.def_vjp
def _(ct, out):
    p = _phi(matmul_core(h_(out), ct))
    p = ew.multiply(0.5, ew.add(p, h_(p)))
    return h_(_solve_lower(out, h_(_solve_lower(out, p, 2)), 2))


@cholesky_core.def_jvp
def _(t, out):
    t = ew.multiply(0.5, ew.add(t, h_(t)))
    return matmul_core(out, _phi(h_(_solve_lower(out, h_(_solve_lower(out, t))))))


def positive_definite(rng, *shape, complex_too=False):
    """Random Hermitian positive definite matrices."""
    a = rng.standard_normal(shape)
    if complex_too:
        a = a + 1j * rng.standard_normal(shape)
    return a @ np.conj(np.swapaxes(a, -1, -2)) + shape[-1] * np.eye(shape[-1])


@cholesky_core.def_samples
def _(rng):
    yield sample(positive_definite(rng, 3, 3))
    yield sample(positive_definite(rng, 2, 2, 2))
    yield sample(positive_definite(rng, 3, 3, complex_too=True))
    yield sample(np.ones((0, 0)))
    yield raises(np.linalg.LinAlgError, -np.eye(3), match="cholesky")


def cholesky(a, /, *, upper=False):
    """Cholesky factor of a Hermitian positive definite matrix.

    Parameters
    ----------
    a : array_like, shape (..., n, n)
        ``(a + a^H) / 2`` is factored.
    upper : bool
        Return the upper factor ``L^H`` instead of the lower ``L``.

    Returns
    -------
    Variable or ndarray, shape (..., n, n)

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is not positive definite, or not square.

    Notes
    -----
    Derivative: symmetric; Murray (2016), arXiv:1602.07527, equation 10. Cost: ``n^3 / 3`` operations.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.cholesky([[4.0, 0.0], [0.0, 9.0]])
    array([[2., 0.],
           [0., 3.]])
    """
    factor = cholesky_core(square_matrices("cholesky", a))
    return h_(factor) if upper else factor
