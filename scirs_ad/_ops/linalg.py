"""Solving, inverting, Cholesky factors: gufuncs over trailing matrices, with LAPACK kernels.

Inner product ``Re tr(X^H Y)``; `ct` is the cotangent of the result. Formulas: M. B. Giles, "Collected matrix
derivative results for forward and reverse mode algorithmic differentiation" (2008), sections 2.2 and 2.3.
"""

import math

import numpy as np

from scirs_ad._core.core import as_array, dtype_of, shape_of
from scirs_ad._core.define import primitive, raises, sample
from scirs_ad._core.lazy import lazy
from scirs_ad._kernels import routines
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.products import matmul_core

kernels = lazy("scirs_ad._kernels.linalg", routines.alone)


def t_(x):
    """The last two axes exchanged."""
    return sh.permute_core(x, axes=(-1, -2))


def h_(x):
    """The adjoint of each matrix."""
    return cx.conj(t_(x))


def fit(g, spec):
    """A cotangent in the shape and dtype of what it belongs to."""
    return sh.cast(sh.unbroadcast(g, spec.shape), spec.dtype)


def numbers(name, x):
    """`x`; TypeError if it is an array of other things than numbers."""
    if dtype_of(x).kind not in "biufc":
        raise TypeError(f"{name}: an array of {dtype_of(x)} is not an array of numbers; convert it with astype(float)")
    return x


def square_matrices(name, a):
    """`a` as an array; LinAlgError unless its last two axes are equal, as NumPy."""
    a = as_array(a)
    shape = shape_of(a)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise np.linalg.LinAlgError(f"{name}: square matrices are needed in the last two axes; the shape is {shape}")
    return a if dtype_of(a).kind in "fc" else sh.astype(numbers(name, a), float)


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


def square_samples(rng):
    yield sample(well_conditioned(rng, 3, 3))
    yield sample(well_conditioned(rng, 2, 2, 2))
    yield sample(well_conditioned(rng, 3, 3, complex_too=True))
    yield sample(well_conditioned(rng, 3, 3).astype(np.float32))
    yield sample(well_conditioned(rng, 1, 1))
    yield sample(np.ones((0, 3, 3)))


lu_of.def_samples(square_samples)


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


def _solve_small_body(a, b, *, trans):
    return np.linalg.solve(np.swapaxes(a, -1, -2) if trans else a, b)


@primitive(
    "(n,n),(n,k)->(n,k)",
    kernel=lambda a, b, *, trans: kernels.solve(np.swapaxes(a, -1, -2) if trans else a, b),
    name="solve",
    internal=True,
)
def solve_small(a, b, *, trans):
    """The solution of ``a x = b``, or of ``a^T x = b`` (`trans`), for many small real matrices.

    Derivative: `solve_pull`, which factors again: of a small matrix that takes less time than to store its factors and to
    read them. Cost: ``2/3 n^3 + 2 n^2 k`` operations.
    """
    return _solve_small_body(a, b, trans=trans)


def _a_or_at(a, trans):
    return t_(a) if trans else a


@solve_small.def_vjp
def _(ct, out, a, specs, trans):
    found = []

    def to_a():
        found.append(solve_pull(a, out, ct, trans=trans))
        return fit(found[0][1], specs[0])

    def to_b():
        return fit(found[0][0] if found else solve_small(a, ct, trans=not trans), specs[1])

    return to_a, to_b


@solve_small.def_jvp
def _(t, out, a, trans):
    right = t[1]
    if t[0] is not None:
        moved = matmul_core(_a_or_at(t[0], trans), out)
        right = ew.negative(moved) if right is None else ew.subtract(right, moved)
    return solve_small(a, right, trans=trans)


@solve_small.def_samples
def _(rng):
    for trans in (False, True):
        yield sample(well_conditioned(rng, 3, 3), rng.standard_normal((3, 2)), trans=trans)
        yield sample(well_conditioned(rng, 5, 2, 2), rng.standard_normal((2, 1)), trans=trans)
    yield sample(well_conditioned(rng, 4, 3, 3).astype(np.float32), rng.standard_normal((3, 1)).astype(np.float32),
                 trans=False)  # fmt: skip
    yield sample(np.ones((0, 2, 2)), np.ones((0, 2, 1)), trans=False)
    yield raises(
        np.linalg.LinAlgError, np.zeros((4, 2, 2)), np.ones((2, 1)), trans=False, match="matrix 0 of the batch"
    )


@primitive(
    "(n,n),(n,k),(n,k)->(n,k),(n,n)",
    kernel=lambda a, x, ct, *, trans: kernels.solve_pull(a, x, ct, trans),
    internal=True,
)
def solve_pull(a, x, ct, *, trans):
    """Of real ``a x = b`` (or ``a^T x = b``): ``g = a^-T ct``, the cotangent of `b`, and ``-g x^T``, that of `a`.

    M. B. Giles (2008), section 2.2.3. Derivative: that of both formulas. Cost: as of `solve_small`.
    """
    g = _solve_small_body(a, ct, trans=not trans)
    to_a = -g @ np.swapaxes(x, -1, -2)
    return g, np.swapaxes(to_a, -1, -2) if trans else to_a


@solve_pull.def_jvp
def _(t, out, a, x, trans):
    g, right, moved = out[0], t[2], None
    if t[0] is not None:
        product = matmul_core(_a_or_at(t[0], not trans), g)
        right = ew.negative(product) if right is None else ew.subtract(right, product)
    turned = None
    if right is not None:
        turned = solve_small(a, right, trans=not trans)
        moved = matmul_core(turned, t_(x))
    if t[1] is not None:
        other = matmul_core(g, t_(t[1]))
        moved = other if moved is None else ew.add(moved, other)
    return turned, _a_or_at(ew.negative(moved), trans)


@solve_pull.def_samples
def _(rng):
    for trans in (False, True):
        yield sample(well_conditioned(rng, 3, 3), *rng.standard_normal((2, 3, 2)), trans=trans)
        yield sample(well_conditioned(rng, 5, 2, 2), *rng.standard_normal((2, 5, 2, 1)), trans=trans)
    yield sample(np.ones((0, 2, 2)), np.ones((0, 2, 1)), np.ones((0, 2, 1)), trans=False)


SMALL = 16  # rows, and right-hand sides, up to which kernels run several matrices at once


def _many_small(a, b):
    n, k = shape_of(b)[-2:]
    count = math.prod(shape_of(a)[:-2])
    return count >= 4 and n <= SMALL and k <= SMALL and dtype_of(a).kind == dtype_of(b).kind == "f"


def solve_core(a, b):
    """The solution of ``a x = b`` for a matrix of right-hand sides."""
    if type(a) is np.ndarray and type(b) is np.ndarray:
        return kernels.solve(a, b)
    if _many_small(a, b):
        return solve_small(a, b, trans=False)
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
    yield from square_samples(rng)
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


# ------------------------------------------------------------------------------------------------ triangular
def _half(x, lower):
    n, m = shape_of(x)[-2:]
    mask = np.tri(n, m, 0, bool) if lower else ~np.tri(n, m, -1, bool)
    return ew.where(mask, x, 0.0)


def _triangular_body(a, b, *, lower, trans, unit):
    a = np.tril(a, -1 if unit else 0) if lower else np.triu(a, 1 if unit else 0)
    if unit:
        a = a + np.eye(a.shape[-1], dtype=a.dtype)
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


@primitive("(n,n)->(n,n)", kernel=lambda a: kernels.cholesky(a, True, True), internal=True)
def cholesky_core(a):
    """The lower factor L of ``(a + a^H) / 2``.

    Derivative: `cholesky_pull`; forward ``L Phi(L^-1 t L^-H)``, Phi: the lower triangle, its diagonal halved
    (I. Murray, "Differentiation of the Cholesky decomposition", arXiv:1602.07527, equation 8). Cost: ``n^3 / 3``
    operations, ``2/3 n^3`` backward, ``3 n^3`` forward.
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
    return cholesky_pull(out, ct)


@cholesky_core.def_jvp
def _(t, out):
    return matmul_core(out, _phi(_between(out, t)))


def _between(factor, x):
    """``L^-1 (x + x^H) L^-H / 2``."""
    x = ew.multiply(0.5, ew.add(x, h_(x)))
    return h_(_solve_lower(factor, h_(_solve_lower(factor, x))))


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
    yield sample(positive_definite(rng, 5, 2, 2))
    yield sample(np.ones((0, 0)))
    yield raises(np.linalg.LinAlgError, -np.eye(3), match="cholesky")


def _pull_body(factor, seed):
    factor = np.tril(factor)
    adjoint = np.conj(np.swapaxes(factor, -1, -2))
    p = np.tril(adjoint @ np.tril(seed))
    p = p - 0.5 * p * np.eye(p.shape[-1], dtype=p.dtype)
    half = np.linalg.solve(adjoint, symmetrized(p))
    return np.conj(np.swapaxes(np.linalg.solve(adjoint, np.conj(np.swapaxes(half, -1, -2))), -1, -2))


@primitive("(n,n),(n,n)->(n,n)", kernel=lambda factor, seed: kernels.cholesky_pull(factor, seed), internal=True)
def cholesky_pull(factor, seed):
    """The cotangent G of a Hermitian matrix from `seed`, that of its factor L; only lower triangles are read.

    ``G = L^-H (P + P^H) L^-1 / 2`` with ``P = Phi(L^H seed)`` (Murray, arXiv:1602.07527, equation 10), computed as the
    Hermitian ``2 G`` for which ``2 G L`` and `seed` have the same lower triangle, panel by panel from the right, in
    products of matrices (section 4). Derivative: in `seed` the adjoint of the forward mode of `cholesky_core`; in L by
    ``d(L^-1) = -L^-1 dL L^-1``. Cost: ``2/3 n^3`` operations.
    """
    return _pull_body(factor, seed)


@cholesky_pull.def_vjp
def _(ct, out, factor, seed, specs):
    inner = _phi(_between(factor, ct))
    right = h_(_solve_lower(factor, ew.multiply(0.5, ew.add(ct, h_(ct)))))
    moved = ew.multiply(2.0, matmul_core(out, right))
    to_factor = ew.subtract(matmul_core(_half(seed, True), h_(inner)), moved)
    return fit(_half(to_factor, True), specs[0]), fit(matmul_core(_half(factor, True), inner), specs[1])


@cholesky_pull.def_samples
def _(rng):
    for a in (positive_definite(rng, 3, 3), positive_definite(rng, 4, 2, 2), positive_definite(rng, 18, 18)):
        yield sample(np.linalg.cholesky(a), rng.standard_normal(a.shape), order=2 if len(a) < 18 else 1)
    a = positive_definite(rng, 3, 3, complex_too=True)
    yield sample(np.linalg.cholesky(a), a + 1j * rng.standard_normal(a.shape))
    yield sample(np.linalg.cholesky(a.real).astype(np.float32), a.real.astype(np.float32))
    yield sample(np.ones((0, 0)), np.ones((0, 0)))


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
