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
def lu_body(a):
    """LU with row interchanges in NumPy: the meaning of the kernel, for one matrix at a time."""
    n = a.shape[-1]
    lu = np.array(a, np.result_type(a, np.float32) if a.dtype.kind in "fc" else float)
    piv = np.empty(a.shape[:-1], np.int32)
    for place in np.ndindex(a.shape[:-2]):
        m = lu[place]
        for k in range(n):
            # LAPACK's measure of a complex number: the sum of the sizes of its parts
            p = k + int(np.argmax(np.abs(m[k:, k].real) + np.abs(m[k:, k].imag)))
            m[[k, p]] = m[[p, k]]
            piv[(*place, k)] = p
            if m[k, k] != 0:
                m[k + 1 :, k] /= m[k, k]
            m[k + 1 :, k + 1 :] -= np.outer(m[k + 1 :, k], m[k, k + 1 :])
    return lu, piv


@primitive("(n,n)->(n,n),(n)", kernel=lambda a: kernels.lu_factor(a), differentiable=False, internal=True)
def lu_of(a):
    """The LU factors of a matrix, packed, and its row interchanges, as a tool: derivatives flow through the matrix.

    `solve_with` takes both, so that value, derivative and further right-hand sides share one factorisation. Cost:
    ``2/3 n^3`` operations.
    """
    return lu_body(a)


lu_of.not_differentiable("the derivative of a solution flows through the matrix, not through its factors")


def _square_samples(rng):
    yield sample(well_conditioned(rng, 3, 3))
    yield sample(well_conditioned(rng, 2, 2, 2))
    yield sample(well_conditioned(rng, 3, 3, complex_too=True))
    yield sample(well_conditioned(rng, 3, 3).astype(np.float32))
    yield sample(well_conditioned(rng, 1, 1))
    yield sample(np.ones((0, 3, 3)))


lu_of.def_samples(_square_samples)


def _op(a, trans):
    return a if trans == 0 else t_(a) if trans == 1 else h_(a)


def _solve_with_kernel(a, lu, piv, b, *, trans):
    lead = a.shape[:-2]
    if lead != lu.shape[:-2]:  # one set of factors, as where only a tangent has a batch
        lead = np.broadcast_shapes(lead, lu.shape[:-2])
        lu = np.broadcast_to(lu, lead + lu.shape[-2:])
    try:
        return kernels.lu_solve(lu, piv, b, trans)
    except np.linalg.LinAlgError as error:
        raise np.linalg.LinAlgError(str(error).replace("lu_solve", "solve", 1)) from None


def _matrix_of(lu, piv):
    """``P^T L U``: what was factored."""
    n = lu.shape[-1]
    a = (np.tril(lu, -1) + np.eye(n, dtype=lu.dtype)) @ np.triu(lu)
    lead = np.broadcast_shapes(a.shape[:-2], piv.shape[:-1])
    a, piv = np.broadcast_to(a, (*lead, n, n)).copy(), np.broadcast_to(piv, (*lead, n))
    for place in np.ndindex(lead):
        for k in range(n - 1, -1, -1):
            p = piv[(*place, k)]
            a[place][[k, p]] = a[place][[p, k]]
    return a


@primitive("(n,n),(n,n),(n),(n,k)->(n,k)", kernel=_solve_with_kernel, name="solve_core", internal=True)
def solve_with(a, lu, piv, b, *, trans):
    """The solution of ``op(a) x = b`` by the LU factors of `a`; `trans` 0, 1, 2: `a`, its transpose, its adjoint.

    Derivative: with ``B = op(a)^-H ct``, ``B`` for `b` and ``-B x^H`` for ``op(a)`` (Giles 2008, section 2.2.3), by
    the same factors; they are a function of `a`, and all of the derivative is accounted to it. Cost: ``2 n^2 k``
    operations each.
    """
    same = _matrix_of(lu, piv)
    same = np.broadcast_to(same, np.broadcast_shapes(a.shape[:-2], same.shape[:-2]) + same.shape[-2:])
    same = same if trans == 0 else np.swapaxes(same, -1, -2) if trans == 1 else np.conj(np.swapaxes(same, -1, -2))
    return np.linalg.solve(same, b)


@solve_with.def_vjp
def _(ct, out, a, lu, piv, specs, trans):
    if trans == 1:  # the adjoint of a^T is conj(a): conjugate the sides instead
        g = cx.conj(solve_with(a, lu, piv, cx.conj(ct), trans=0))
    else:
        g = solve_with(a, lu, piv, ct, trans=2 - trans)

    def to_a():
        if trans == 1:
            return fit(ew.negative(matmul_core(cx.conj(out), t_(g))), specs[0])
        return fit(ew.negative(matmul_core(g, h_(out)) if trans == 0 else matmul_core(out, h_(g))), specs[0])

    return to_a, None, None, fit(g, specs[3])


@solve_with.def_jvp
def _(t, out, a, lu, piv, trans):
    right = t[3]
    if t[0] is not None:
        moved = matmul_core(_op(t[0], trans), out)
        right = ew.negative(moved) if right is None else ew.subtract(right, moved)
    return None if right is None else solve_with(a, lu, piv, right, trans=trans)


@solve_with.def_samples
def _(rng):
    def system(a, b, trans=0):
        # The factors stay as they are where the matrix is moved: only right-hand sides can be tested by differences.
        return sample(a, *lu_body(a), b, trans=trans, wrt=(3,))

    for trans in (0, 1, 2):
        yield system(well_conditioned(rng, 3, 3), rng.standard_normal((3, 2)), trans)
        yield system(well_conditioned(rng, 3, 3, complex_too=True), rng.standard_normal((3, 1)) + 0j, trans)
    yield system(well_conditioned(rng, 2, 3, 3), rng.standard_normal((3, 1)))
    yield system(np.ones((0, 0)), np.ones((0, 2)))
    yield raises(
        np.linalg.LinAlgError,
        np.zeros((2, 2)),
        np.zeros((2, 2)),
        np.array([0, 1], np.int32),
        np.ones((2, 1)),
        trans=0,
        match="solve",
    )


def solve_core(a, b):
    """The solution of ``a x = b`` for a matrix of right-hand sides."""
    if type(a) is np.ndarray and type(b) is np.ndarray:
        return kernels.solve(a, b)
    return solve_with(a, *lu_of(a), b, trans=0)


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
    >>> anp.linalg.inv([[2.0, 1.0], [1.0, 1.0]])
    array([[ 1., -1.],
           [-1.,  2.]])
    """
    return inv_core(square_matrices("inv", a))


# ------------------------------------------------------------------------------------------------ determinants
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


def _cofactor_svd(a):
    """``U diag(products of the other s) V^H``, times the determinants of U and V^H: no division by a small number."""
    u, s, vh = np.linalg.svd(a)
    return _phase(u, vh) * (u * _leave_out(s)[..., None, :]) @ vh


def _cofactor_kernel(a):
    """By the inverse where that is harmless: seven times cheaper than singular values."""
    try:
        inverse = kernels.inv(a)
    except np.linalg.LinAlgError:
        return _cofactor_svd(a).astype(a.dtype, copy=False)
    size = np.abs(a).sum(-1).max(-1, initial=0.0) * np.abs(inverse).sum(-1).max(-1, initial=0.0)
    if np.all(size < np.finfo(a.dtype).eps ** -0.25):  # beyond, the inverse loses digits that cofactors have
        return np.conj(kernels.det(a)[..., None, None] * np.swapaxes(inverse, -1, -2))
    return _cofactor_svd(a).astype(a.dtype, copy=False)


@primitive("(n,n)->(n,n)", kernel=_cofactor_kernel, internal=True)
def cofactor_core(a):
    """The conjugate cofactors of a matrix, its gradient of det: ``conj(det(a)) inv(a)^H``, also where `a` is singular.

    Derivative: `cofactor_tangent`, which is its own adjoint, because det is smooth. Cost: ``8/3 n^3`` operations; a
    singular value decomposition where the inverse is not safe.
    """
    return _cofactor_svd(a)


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
    for found in _square_samples(rng):
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
    yield from _square_samples(rng)
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
    mask = np.tril(np.ones((n, n))) - 0.5 * np.eye(n)
    return ew.multiply(x, mask.astype(np.finfo(dtype_of(x)).dtype))  # of the precision of x


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
    yield sample(positive_definite(rng, 3, 3).astype(np.float32))
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
