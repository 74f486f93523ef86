"""Solving, inverting, triangular, Cholesky, LU and QR factors under the names and signatures of scipy.linalg."""

import numpy as np

from scirs_ad._core.core import as_array, dtype_of, shape_of
from scirs_ad._ops import decompositions as dc
from scirs_ad._ops import diagonals, norms
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import linalg as la
from scirs_ad._ops import shape as sh
from scirs_ad._ops.determinants import det_core
from scirs_ad._ops.index import known_values
from scirs_ad._ops.linalg_policy import chosen, conditioned
from scirs_ad._ops.lu import factors, inverse_order, reordered, row_order
from scirs_ad._ops.matrix_bands import bands_of, dense_of, solve_banded_core
from scirs_ad._ops.matrix_factors import permutation_matrix, qr_order
from scirs_ad._ops.matrix_health import residual_core
from scirs_ad._ops.products import matmul
from scirs_ad.scipy._spectra import checked, one_triangle

__all__ = [
    "cho_factor", "cho_solve", "cholesky", "det", "inv", "lstsq", "lu_factor", "lu_solve", "pinv", "qr", "solve",
    "solve_triangular",
]  # fmt: skip


def _with_columns(name, a, b, solver):
    """`solver(b)` for a vector or a matrix `b`."""
    n, shape = shape_of(a)[-1], shape_of(b)
    if len(shape) == 1:
        if shape[0] != n:
            raise ValueError(f"{name}: incompatible dimensions: a has shape {shape_of(a)}, b {shape}")
        return la.vector(solver(la.column(b)))
    if not shape or shape[-2] != n:
        raise ValueError(f"{name}: incompatible dimensions: a has shape {shape_of(a)}, b {shape}")
    return solver(b)


def _trans(name, trans):
    codes = {0: 0, 1: 1, 2: 2, "N": 0, "T": 1, "C": 2}
    if trans not in codes:
        raise ValueError(f"{name}: trans must be 0, 1, 2, 'N', 'T' or 'C', not {trans!r}")
    return codes[trans]


# ------------------------------------------------------------------------------------------------ solving
def solve(
    a, b, lower=False, overwrite_a=False, overwrite_b=False, check_finite=True, assume_a=None, transposed=False, *,
    check=None, refine=0,
):  # fmt: skip
    """Solve linear equations ``a x = b``.

    Parameters
    ----------
    a : array_like, shape (..., n, n)
    b : array_like, shape (n,) or (..., n, k)
    lower : bool
        Which triangle is read, for a symmetric, Hermitian or positive definite matrix.
    overwrite_a, overwrite_b : bool
        Without effect.
    check_finite : bool
    assume_a : {None, "gen", "general", "diagonal", "sym", "her", "pos", "upper triangular", "lower triangular", ...}
        The structure of `a`, under SciPy's names; a banded one is solved as a general matrix (`solve_banded` takes bands).
    transposed : bool
        Solve ``a^T x = b``.
    check : bool, optional
        Estimate the condition (xGECON) and warn if it is beyond the rounding unit; as `set_policy` says by default,
        which is off.
    refine : int
        Steps of iterative refinement, with residuals in higher precision and the same factors.

    Returns
    -------
    Variable or ndarray, of the shape of `b`, broadcast

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is singular, or not positive definite where that is assumed.
    ValueError
        If the shapes do not fit, or `assume_a` is not known.

    Notes
    -----
    Derivative: one solve with the same factors; within what is read. Cost: ``2/3 n^3`` operations, half of it if positive
    definite, ``n^2`` if triangular, ``n`` if diagonal or tridiagonal.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 4.0], assume_a="pos")
    array([1., 1.])
    """
    del overwrite_a, overwrite_b
    a, b = checked("solve", a, check_finite, square=True), checked("solve", b, check_finite)

    def watched(matrix):
        return conditioned(matrix, name="solve") if (chosen("check") if check is None else check) else matrix

    matrix, once = _structure(a, assume_a, lower, transposed, watched, refine)

    def solver(x):
        found = once(x)
        for _ in range(refine):
            found = ew.add(found, once(residual_core(matrix, found, x)))
        return found

    return _with_columns("solve", a, b, solver)


def _structure(a, assume_a, lower, transposed, watched, refine):
    """The matrix that is meant, watched, and a solver of systems with it."""
    turn = la.t_ if transposed else lambda x: x
    if assume_a in ("upper triangular", "lower triangular", "diagonal"):
        parts = {"u": diagonals.triu, "l": diagonals.tril, "d": lambda x: la.diag_matrix(la.diagonal_of(x))}
        part, below = watched(parts[assume_a[0]](a)), assume_a[0] == "l"
        return turn(part), lambda x: la.solve_triangular_core(part, x, lower=below, trans=int(transposed), unit=False)
    if assume_a == "tridiagonal":
        full = watched(turn(a))
        bands = bands_of(full, 1, 1)
        full = dense_of(bands, 1) if refine else full
        return full, lambda x: solve_banded_core(bands, x, lower=1, upper=1)
    if assume_a in ("pos", "positive definite"):
        full = watched(turn(one_triangle(a, lower)))
        factor = la.cholesky_core(full)

        def both(x):
            half = la.solve_triangular_core(factor, x, lower=True, trans=0, unit=False)
            return la.solve_triangular_core(factor, half, lower=True, trans=2, unit=False)

        return full, both
    if assume_a in ("sym", "symmetric"):
        half = (diagonals.tril if lower else diagonals.triu)(a)
        a = ew.subtract(ew.add(half, la.t_(half)), la.diag_matrix(la.diagonal_of(half)))
    elif assume_a in ("her", "hermitian"):
        a = one_triangle(a, lower)
    elif assume_a not in (None, "gen", "general", "banded"):
        raise ValueError(f"solve: {assume_a!r} is not a recognized matrix structure for assume_a")
    full = watched(turn(a))
    if not refine:
        return full, lambda x: la.solve_core(full, x)
    lu, piv = la.lu_of(full)
    return full, lambda x: la.solve_with(full, lu, piv, x, trans=0)


def solve_triangular(a, b, trans=0, lower=False, unit_diagonal=False, overwrite_b=False, check_finite=True):
    """Solve a triangular system.

    Parameters
    ----------
    a : array_like, shape (..., n, n)
        The other triangle is not read.
    b : array_like, shape (n,) or (..., n, k)
    trans : {0, 1, 2, "N", "T", "C"}
        With `a`, its transpose or its adjoint.
    lower, unit_diagonal : bool
    overwrite_b, check_finite : bool

    Returns
    -------
    Variable or ndarray, of the shape of `b`, broadcast

    Raises
    ------
    numpy.linalg.LinAlgError
        If an element of the diagonal is zero.
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Derivative: zero in the triangle that is not read. Cost: ``n^2 k`` operations.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.solve_triangular([[2.0, 0.0], [1.0, 1.0]], [2.0, 2.0], lower=True)
    array([1., 1.])
    """
    del overwrite_b
    a = checked("solve_triangular", a, check_finite, square=True)
    b = checked("solve_triangular", b, check_finite)
    code = _trans("solve_triangular", trans)
    return _with_columns(
        "solve_triangular", a, b,
        lambda x: la.solve_triangular_core(a, x, lower=bool(lower), trans=code, unit=bool(unit_diagonal)),
    )  # fmt: skip


def inv(a, overwrite_a=False, check_finite=True, *, assume_a=None, lower=False):
    """Inverse of square matrices.

    Parameters
    ----------
    a : array_like, shape (..., n, n)
    overwrite_a, check_finite : bool
    assume_a : str, optional
        The structure, as for `solve`.
    lower : bool
        Which triangle is read, for a symmetric structure.

    Returns
    -------
    Variable or ndarray, shape (..., n, n)

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is singular.

    Notes
    -----
    Derivative: ``-inv(a)^H ct inv(a)^H``. Cost: ``2 n^3`` operations for each matrix.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.inv([[2.0, 1.0], [1.0, 1.0]])
    array([[ 1., -1.],
           [-1.,  2.]])
    """
    del overwrite_a
    a = checked("inv", a, check_finite, square=True)
    if assume_a in (None, "gen", "general"):
        return la.inv_core(conditioned(a, name="inv") if chosen("check") else a)
    return solve(a, la.eye_like(a), lower=lower, check_finite=False, assume_a=assume_a)


def det(a, overwrite_a=False, check_finite=True):
    """Determinant of square matrices.

    Parameters
    ----------
    a : array_like, shape (..., n, n)
    overwrite_a, check_finite : bool

    Returns
    -------
    Variable or ndarray, shape (...)

    Raises
    ------
    ValueError
        If a matrix is not square.

    Notes
    -----
    Derivative: the adjugate; first and second derivatives also of singular matrices. Cost: ``2/3 n^3`` operations.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.det([[2.0, 0.0], [0.0, 4.0]])
    array(8.)
    """
    del overwrite_a
    return det_core(checked("det", a, check_finite, square=True))


def lstsq(a, b, cond=None, overwrite_a=False, overwrite_b=False, check_finite=True, lapack_driver=None):
    """Least-squares solution of linear equations, of least norm.

    Parameters
    ----------
    a : array_like, shape (m, n)
    b : array_like, shape (m,) or (m, k)
    cond : float, optional
        Singular values up to this times the largest count as zero; by default the rounding unit.
    overwrite_a, overwrite_b, check_finite : bool
    lapack_driver : str, optional
        Without effect.

    Returns
    -------
    x, residues, rank, s
        As of `numpy.linalg.lstsq`.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Derivative: that of the pseudo-inverse, at constant rank. Cost: a singular value decomposition.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.lstsq([[2.0], [0.0]], [4.0, 1.0])[0]
    array([2.])
    """
    del overwrite_a, overwrite_b, lapack_driver
    a, b = checked("lstsq", a, check_finite), checked("lstsq", b, check_finite)
    if len(shape_of(a)) != 2 or not shape_of(b) or shape_of(a)[0] != shape_of(b)[0]:
        raise ValueError(f"lstsq: incompatible dimensions: a has shape {shape_of(a)}, b {shape_of(b)}")
    x, residues, rank, s = norms.lstsq(a, b, np.finfo(dtype_of(a)).eps if cond is None else cond)
    if len(shape_of(b)) == 1 and shape_of(residues) == (1,):
        residues = sh.reshape(residues, ())
    return x, residues, rank, s


def pinv(a, *, atol=None, rtol=None, return_rank=False, check_finite=True):
    """Moore-Penrose pseudo-inverse.

    Parameters
    ----------
    a : array_like, shape (..., m, n)
    atol, rtol : float, optional
        Singular values up to ``atol + rtol * max(s)`` count as zero; by default `rtol` is ``max(m, n)`` rounding units
        (0 if `atol` is given).
    return_rank : bool
        For this, and for `atol`, the values must be known (not in `trace`, `compile` or `vmap`).
    check_finite : bool

    Returns
    -------
    B : Variable or ndarray, shape (..., n, m)
    rank : int or ndarray of int
        With `return_rank`.

    Raises
    ------
    ValueError
        If `atol` or `rtol` is negative, or `atol` is given for more than one matrix.

    Notes
    -----
    Derivative: at constant rank; Golub and Pereyra (1973), equation 4.12. Cost: a singular value decomposition.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.pinv([[2.0], [0.0]])
    array([[0.5, 0. ]])
    """
    a = checked("pinv", a, check_finite)
    relative = rtol if rtol is not None else 0.0 if atol else max(shape_of(a)[-2:]) * np.finfo(dtype_of(a)).eps
    if (atol or 0.0) < 0 or relative < 0:
        raise ValueError("pinv: atol and rtol values must be positive")
    s = None
    if atol or return_rank:
        s = np.linalg.svd(known_values(a, "pinv"), compute_uv=False)
    if atol:
        if s.ndim > 1:
            raise ValueError(f"pinv: atol is for one matrix; the shape is {shape_of(a)}; use rtol")
        relative = relative + atol / s.max(initial=np.finfo(s.dtype).tiny)
    out = dc.pinv_core(a, rcond=float(relative))
    if not return_rank:
        return out
    rank = np.sum(s > relative * s.max(-1, keepdims=True, initial=0.0), -1)
    return out, int(rank) if rank.ndim == 0 else rank


# ------------------------------------------------------------------------------------------------ factors
def cholesky(a, lower=False, overwrite_a=False, check_finite=True):
    """Cholesky factor of a Hermitian positive definite matrix; the upper one by default.

    Parameters
    ----------
    a : array_like, shape (..., n, n)
        ``(a + a^H) / 2`` is factored.
    lower : bool
        Return L with ``a = L L^H`` instead of U with ``a = U^H U``.
    overwrite_a, check_finite : bool

    Returns
    -------
    Variable or ndarray, shape (..., n, n)

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is not positive definite.

    Notes
    -----
    Derivative: symmetric; Murray (2016), arXiv:1602.07527, equation 10. Cost: ``n^3 / 3`` operations.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.cholesky([[4.0, 0.0], [0.0, 9.0]])
    array([[2., 0.],
           [0., 3.]])
    """
    del overwrite_a
    return _cholesky("cholesky", a, lower, check_finite)


def _cholesky(name, a, lower, check_finite):
    factor = la.cholesky_core(checked(name, a, check_finite, square=True))
    return factor if lower else la.h_(factor)


def cho_factor(a, lower=False, overwrite_a=False, check_finite=True):
    """Cholesky factor for `cho_solve`.

    Parameters
    ----------
    a : array_like, shape (..., n, n)
        ``(a + a^H) / 2`` is factored.
    lower, overwrite_a, check_finite : bool

    Returns
    -------
    c : Variable or ndarray, shape (..., n, n)
        The other triangle is zero (SciPy leaves it undefined).
    lower : bool

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is not positive definite.

    Notes
    -----
    Derivative: as of `cholesky`. Cost: ``n^3 / 3`` operations.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.cho_solve(sla.cho_factor([[4.0, 0.0], [0.0, 2.0]]), [4.0, 2.0])
    array([1., 1.])
    """
    del overwrite_a
    return _cholesky("cho_factor", a, lower, check_finite), lower


def cho_solve(c_and_lower, b, overwrite_b=False, check_finite=True):
    """Solve ``a x = b`` with the Cholesky factor of `a`.

    Parameters
    ----------
    c_and_lower : (array_like, bool)
        As from `cho_factor`.
    b : array_like, shape (n,) or (..., n, k)
    overwrite_b, check_finite : bool

    Returns
    -------
    Variable or ndarray, of the shape of `b`, broadcast

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Derivative: through two triangular solves. Cost: ``2 n^2 k`` operations.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.cho_solve(([[2.0, 0.0], [0.0, 1.0]], True), [4.0, 2.0])
    array([1., 2.])
    """
    del overwrite_b
    c, lower = c_and_lower
    c, b = checked("cho_solve", c, check_finite, square=True), checked("cho_solve", b, check_finite)
    first, second = (0, 2) if lower else (2, 0)

    def solver(x):
        half = la.solve_triangular_core(c, x, lower=bool(lower), trans=first, unit=False)
        return la.solve_triangular_core(c, half, lower=bool(lower), trans=second, unit=False)

    return _with_columns("cho_solve", c, b, solver)


def lu_factor(a, overwrite_a=False, check_finite=True):
    """LU factors, with row interchanges; those of square matrices are for `lu_solve`.

    Parameters
    ----------
    a : array_like, shape (..., m, n)
    overwrite_a, check_finite : bool

    Returns
    -------
    lu : Variable or ndarray, shape (..., m, n)
        U, and below it L without its unit diagonal.
    piv : ndarray of int, shape (..., min(m, n))
        Row i was interchanged with row ``piv[i]``.

    Raises
    ------
    ValueError
        If `a` has fewer than two axes.
    numpy.linalg.LinAlgError
        In the derivative of a matrix without full rank.

    Notes
    -----
    Derivative: of the factors, at constant interchanges. Cost: ``m n k`` operations; ``8/3 n^3`` for the derivative.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.lu_solve(sla.lu_factor([[0.0, 2.0], [1.0, 0.0]]), [2.0, 3.0])
    array([3., 1.])
    """
    del overwrite_a
    a = checked("lu_factor", a, check_finite)
    if len(shape_of(a)) < 2:
        raise ValueError(f"lu_factor: matrices (..., m, n) are needed; the shape is {shape_of(a)}")
    if type(a) is np.ndarray:
        return la.kernels.lu_factor(a)
    return factors(a)


def lu_solve(lu_and_piv, b, trans=0, overwrite_b=False, check_finite=True):
    """Solve ``op(a) x = b`` with the LU factors of `a`.

    Parameters
    ----------
    lu_and_piv : (array_like, array_like of int)
        As from `lu_factor`.
    b : array_like, shape (n,) or (..., n, k)
    trans : {0, 1, 2}
        With `a`, its transpose or its adjoint.
    overwrite_b, check_finite : bool

    Returns
    -------
    Variable or ndarray, of the shape of `b`, broadcast

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Derivative: through two triangular solves. Cost: ``2 n^2 k`` operations.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.lu_solve(sla.lu_factor([[2.0, 0.0], [0.0, 4.0]]), [2.0, 4.0])
    array([1., 1.])
    """
    del overwrite_b
    lu, piv = lu_and_piv
    lu, b, piv = checked("lu_solve", lu, check_finite, square=True), checked("lu_solve", b, check_finite), as_array(piv)
    code = _trans("lu_solve", trans)

    def solver(x):
        if type(lu) is np.ndarray and type(x) is np.ndarray and type(piv) is np.ndarray:
            return la.kernels.lu_solve(lu, piv, x, code)
        order = row_order(piv, rows=shape_of(lu)[-1])
        steps = [(True, True), (False, False)]  # L has a unit diagonal
        if code == 0:
            x = reordered(x, order)
        for lower, unit in steps if code == 0 else steps[::-1]:
            x = la.solve_triangular_core(lu, x, lower=lower, trans=code, unit=unit)
        return x if code == 0 else reordered(x, inverse_order(order))

    return _with_columns("lu_solve", lu, b, solver)


def qr(a, overwrite_a=False, lwork=None, mode="full", pivoting=False, check_finite=True):
    """QR decomposition.

    Parameters
    ----------
    a : array_like, shape (..., m, n)
    overwrite_a, lwork
        Without effect.
    mode : {"full", "r", "economic"}
    pivoting : bool
        Exchange columns so that the diagonal of R descends: ``a[:, p] = Q R``.
    check_finite : bool

    Returns
    -------
    Q, R : Variable or ndarray
        For ``mode="r"`` a tuple of R alone.
    p : ndarray of int, shape (..., n)
        With `pivoting`.

    Raises
    ------
    ValueError
        For another `mode`.

    Notes
    -----
    Derivative: for full column rank; at a constant order of columns. Cost: ``4 m n^2`` operations, twice with
    `pivoting`.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.scipy.linalg as sla
    >>> np.abs(sla.qr([[3.0], [4.0]], mode="economic")[1])
    array([[5.]])
    """
    del overwrite_a, lwork
    names = {"full": "complete", "economic": "reduced", "r": "complete"}
    if mode not in names:
        raise ValueError(f"qr: mode must be 'full', 'r' or 'economic', not {mode!r}")
    a = checked("qr", a, check_finite)
    order = ()
    if pivoting:
        order = (qr_order(a),)
        a = matmul(a, la.t_(permutation_matrix(order[0], dtype_of(a))))
    q, r = dc.qr(a, names[mode])
    return (r, *order) if mode == "r" else (q, r, *order)
