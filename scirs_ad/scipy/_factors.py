"""Factorisations beyond those of numpy.linalg under the names and signatures of scipy.linalg, over leading axes."""

import numpy as np

from scirs_ad._core.core import dtype_of, shape_of
from scirs_ad._ops import complex as cx
from scirs_ad._ops import decompositions as dc
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import index as ix
from scirs_ad._ops import linalg as la
from scirs_ad._ops import lu as lu_pages
from scirs_ad._ops import matrix_factors as mx
from scirs_ad._ops import matrix_qz as qy
from scirs_ad._ops import shape as sh
from scirs_ad._ops.products import matmul
from scirs_ad.scipy._spectra import checked, one_triangle

__all__ = [
    "hessenberg", "ldl", "lu", "null_space", "ordqz", "orth", "orthogonal_procrustes", "polar", "qz", "randomized_svd",
    "ridge_inverse", "rq", "rsf2csf", "schur", "subspace_angles",
]  # fmt: skip


def _matrices(name, x, check_finite):
    x = checked(name, x, check_finite)
    if len(shape_of(x)) < 2:
        raise ValueError(f"{name}: matrices (..., m, n) are needed; the shape is {shape_of(x)}")
    return x


def _complex(x):
    kind = np.result_type(dtype_of(x), np.complex64)
    return x if dtype_of(x) == kind else sh.astype(x, kind)


def _output(name, output):
    if output not in ("real", "complex", "r", "c"):
        raise ValueError(f"{name}: output must be 'real' or 'complex', not {output!r}")
    return output[0] == "c"


# ------------------------------------------------------------------------------------------------ Schur
def _order(name, sort):
    if not (callable(sort) or sort in ("lhp", "rhp", "iuc", "ouc")):
        raise ValueError(f"{name}: sort must be a callable or one of 'lhp', 'rhp', 'iuc', 'ouc', not {sort!r}")
    return sort


def schur(a, output="real", lwork=None, overwrite_a=False, sort=None, check_finite=True):
    """Schur form: ``a = Z T Z^H`` with unitary Z.

    Parameters
    ----------
    a : array_like, shape (..., n, n)
    output : {"real", "complex"}
        Of a real matrix: T with 2 x 2 blocks for pairs of complex eigenvalues, or a complex triangular T.
    lwork, overwrite_a
        Without effect.
    sort : {None, "lhp", "rhp", "iuc", "ouc"} or callable, optional
        Which eigenvalues come first: of the left or right half plane, inside or outside of the unit circle, or those for
        which a function of the eigenvalue (in a real form, of its real and imaginary part) is true.
    check_finite : bool

    Returns
    -------
    T, Z : Variable or ndarray, shape (..., n, n)
    sdim : int or ndarray of int, shape (...)
        With `sort`: how many come first.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the derivative of a real form is asked for, in which a 2 x 2 block is a multiple of a rotation: its vectors are a
        free choice; take ``output="complex"``.
    ValueError
        If a matrix is not square or not finite, or for another `output` or `sort`.

    Notes
    -----
    Derivative: by substitution in the triangle, in the gauge ``diag(Z^H dZ) = 0``; 2 x 2 blocks of a real form keep their
    constant diagonal; at equal eigenvalues exact for what
    does not depend on their vectors. Cost: about ``25 n^3`` operations.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.schur([[2.0, 1.0], [0.0, 1.0]])[0]
    array([[2., 1.],
           [0., 1.]])
    """
    del lwork, overwrite_a
    wants_complex = _output("schur", output)
    a = checked("schur", a, check_finite, square=True)
    a = _complex(a) if wants_complex else a
    if sort is None:
        return tuple(mx.schur_core(a, sort=None))
    sort = _order("schur", sort)
    if type(a) is np.ndarray:
        t, z, count = mx.schur_counted(a, sort=sort)
    else:
        (t, z), count = mx.schur_core(a, sort=sort), mx.schur_count(a, sort=sort)
    return t, z, int(count) if type(count) is np.ndarray and count.ndim == 0 else count


def rsf2csf(T, Z, check_finite=True):
    """Complex Schur form of a real one.

    Parameters
    ----------
    T, Z : array_like, shape (..., n, n)
        As from `schur`; below its subdiagonal T is not read.
    check_finite : bool

    Returns
    -------
    T, Z : Variable or ndarray, shape (..., n, n)
        Complex; T upper triangular.

    Raises
    ------
    ValueError
        If the shapes differ.

    Notes
    -----
    Derivative: as of `schur`, for what does not depend on the phases of vectors. Cost: ``6 n`` operations a block.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.scipy.linalg as sla
    >>> np.sort(np.diag(sla.rsf2csf([[0.0, 1.0], [-1.0, 0.0]], np.eye(2))[0]).imag)
    array([-1.,  1.])
    """
    T, Z = checked("rsf2csf", T, check_finite, square=True), checked("rsf2csf", Z, check_finite, square=True)
    if shape_of(T)[-1] != shape_of(Z)[-1]:
        raise ValueError(f"rsf2csf: input array shapes must match: Z: {shape_of(Z)} vs. T: {shape_of(T)}")
    if dtype_of(T).kind == "c":  # a complex form is one already
        return T, _complex(Z)
    return tuple(mx.rsf2csf_core(T, Z))


def _pencil(name, A, B, output, check_finite):
    wants_complex = _output(name, output)
    A, B = checked(name, A, check_finite, square=True), checked(name, B, check_finite, square=True)
    if shape_of(A)[-1] != shape_of(B)[-1]:
        raise ValueError(f"{name}: array dimensions must match: A has shape {shape_of(A)}, B {shape_of(B)}")
    kind = np.result_type(dtype_of(A), dtype_of(B), np.complex64 if wants_complex else np.float32)
    return sh.cast(A, kind), sh.cast(B, kind)


def qz(A, B, output="real", lwork=None, sort=None, overwrite_a=False, overwrite_b=False, check_finite=True):
    """Generalised Schur form: ``A = Q S Z^H``, ``B = Q T Z^H`` with unitary Q and Z.

    Parameters
    ----------
    A, B : array_like, shape (..., n, n)
    output : {"real", "complex"}
    lwork, overwrite_a, overwrite_b
        Without effect.
    sort : None
        As in SciPy: `ordqz` sorts.
    check_finite : bool

    Returns
    -------
    S, T, Q, Z : Variable or ndarray, shape (..., n, n)

    Raises
    ------
    numpy.linalg.LinAlgError
        If the derivative of a real form is asked for, in which a 2 x 2 block is a multiple of the identity in T: its vectors
        are a free choice; take ``output="complex"``.
    ValueError
        If the shapes differ, for another `output`, or with `sort`.

    Notes
    -----
    Derivative: by substitution in the two triangles; of complex forms right for what does not depend on the phases of
    columns of Q and Z; 2 x 2 blocks of real forms stay diagonal in T; at equal eigenvalues for what does not depend on their vectors. Cost: about ``66 n^3`` operations.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.qz(np.diag([2.0, 3.0]), np.eye(2))[0]
    array([[2., 0.],
           [0., 3.]])
    """
    del lwork, overwrite_a, overwrite_b
    if sort is not None:
        raise ValueError("qz: the 'sort' input of qz() has to be None; use ordqz instead")
    return tuple(qy.qz_core(*_pencil("qz", A, B, output, check_finite), sort=None))


def ordqz(A, B, sort="lhp", output="real", overwrite_a=False, overwrite_b=False, check_finite=True):
    """Generalised Schur form with chosen eigenvalues first.

    Parameters
    ----------
    A, B : array_like, shape (..., n, n)
    sort : {"lhp", "rhp", "iuc", "ouc"} or callable
        Which eigenvalues come first: of the left or right half plane, inside or outside of the unit circle, or those for
        which ``sort(alpha, beta)``, of arrays, is true.
    output : {"real", "complex"}
    overwrite_a, overwrite_b, check_finite : bool

    Returns
    -------
    AA, BB : Variable or ndarray, shape (..., n, n)
    alpha, beta : Variable or ndarray, shape (..., n)
        Their ratios are the eigenvalues; where `beta` is zero they are infinite. For a pair of complex ones of a real form
        only the ratios are those of SciPy.
    Q, Z : Variable or ndarray, shape (..., n, n)
        ``A = Q AA Z^H``, ``B = Q BB Z^H``.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the eigenvalues are too near to each other to be exchanged; in the derivative as for `qz`.
    ValueError
        If the shapes differ, or for another `output` or `sort`.

    Notes
    -----
    Derivative: as of `qz`. Cost: about ``66 n^3`` operations.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.scipy.linalg as sla
    >>> AA, BB, alpha, beta, Q, Z = sla.ordqz(np.diag([2.0, -3.0]), np.eye(2))
    >>> (alpha / beta).real
    array([-3.,  2.])
    """
    del overwrite_a, overwrite_b
    s, t, q, z = qy.qz_core(*_pencil("ordqz", A, B, output, check_finite), sort=_order("ordqz", sort))
    return s, t, *qy.qz_values(s, t), q, z


def hessenberg(a, calc_q=False, overwrite_a=False, check_finite=True):
    """Hessenberg form: ``a = Q H Q^H`` with unitary Q, H zero below its subdiagonal.

    Parameters
    ----------
    a : array_like, shape (..., n, n)
    calc_q : bool
        Return Q too.
    overwrite_a, check_finite : bool

    Returns
    -------
    H : Variable or ndarray, shape (..., n, n)
    Q : Variable or ndarray, shape (..., n, n)
        With `calc_q`.

    Raises
    ------
    ValueError
        If a matrix is not square or not finite.

    Notes
    -----
    Derivative: through the ``n - 2`` reflections, each an operation on the tape, of any order. Cost: ``10/3 n^3``
    operations.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.hessenberg([[2.0, 1.0], [1.0, 1.0]])
    array([[2., 1.],
           [1., 1.]])
    """
    del overwrite_a
    h, q = mx.hessenberg_pair(checked("hessenberg", a, check_finite, square=True))
    return (h, q) if calc_q else h


# ------------------------------------------------------------------------------------------------ LU, LDL, RQ
def lu(a, permute_l=False, overwrite_a=False, check_finite=True, p_indices=False):
    """LU decomposition with row interchanges: ``a = P L U``.

    Parameters
    ----------
    a : array_like, shape (..., m, n)
    permute_l : bool
        Return ``P L`` instead of the two.
    overwrite_a, check_finite : bool
    p_indices : bool
        P as an array p of row numbers: ``a = (L U)[p]``.

    Returns
    -------
    p : ndarray, shape (..., m, m) or (..., m)
        Unless `permute_l`.
    l : Variable or ndarray, shape (..., m, k)
        ``k = min(m, n)``.
    u : Variable or ndarray, shape (..., k, n)

    Raises
    ------
    ValueError
        If `a` has fewer than two axes or is not finite.
    numpy.linalg.LinAlgError
        In the derivative of a matrix without full rank.

    Notes
    -----
    Derivative: at constant interchanges. Cost: ``m n k`` operations; ``8/3 n^3`` for the derivative.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.lu([[0.0, 2.0], [1.0, 3.0]], p_indices=True)[0]
    array([1, 0], dtype=int32)
    """
    del overwrite_a
    a = _matrices("lu", a, check_finite)
    m, n = shape_of(a)[-2:]
    k = min(m, n)
    packed, piv = la.kernels.lu_factor(a) if type(a) is np.ndarray else lu_pages.factors(a)
    lower = ew.add(mx.low(packed[..., :k]), np.eye(m, k, dtype=dtype_of(packed)))
    upper = mx.up(packed[..., :k, :])
    p = lu_pages.inverse_order(lu_pages.row_order(piv, rows=m))
    if permute_l:
        return lu_pages.reordered(lower, p), upper
    return (p if p_indices else mx.permutation_matrix(p, np.empty(0, dtype_of(lower)).real.dtype)), lower, upper


def ldl(A, lower=True, hermitian=True, overwrite_a=False, check_finite=True):
    """Bunch-Kaufman decomposition ``A = L D L^H`` of a Hermitian (or complex symmetric) matrix.

    Parameters
    ----------
    A : array_like, shape (..., n, n)
        One triangle is read.
    lower : bool
        Which one; the factor is triangular on that side.
    hermitian : bool
        False: ``A = L D L^T`` of a symmetric matrix.
    overwrite_a, check_finite : bool

    Returns
    -------
    lu : Variable or ndarray, shape (..., n, n)
        Triangular after ``lu[perm]``.
    d : Variable or ndarray, shape (..., n, n)
        Blocks of one and two rows.
    perm : ndarray of int, shape (..., n)

    Raises
    ------
    ValueError
        If a matrix is not square or not finite.
    numpy.linalg.LinAlgError
        In the derivative of a singular matrix.

    Notes
    -----
    Derivative: at a constant order, symmetric within the triangle read. Cost: ``n^3 / 3`` operations.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.ldl([[4.0, 0.0], [2.0, 3.0]])[1]
    array([[4., 0.],
           [0., 2.]])
    """
    del overwrite_a
    A = checked("ldl", A, check_finite, square=True)
    hermitian = bool(hermitian) or dtype_of(A).kind != "c"
    if hermitian:
        A = one_triangle(A, lower)
    else:
        n = shape_of(A)[-1]
        half = ew.where(np.tri(n, n, 0, bool) if lower else np.tri(n, n, 0, bool).T, A, 0.0)
        A = ew.subtract(ew.add(half, la.t_(half)), la.diag_matrix(la.diagonal_of(half)))
    factor, d = mx.ldl_core(A, lower=bool(lower), hermitian=hermitian)
    return factor, d, mx.ldl_order(A, lower=bool(lower), hermitian=hermitian)


def rq(a, overwrite_a=False, lwork=None, mode="full", check_finite=True):
    """RQ decomposition: ``a = R Q`` with orthonormal rows of Q.

    Parameters
    ----------
    a : array_like, shape (..., m, n)
    overwrite_a, lwork
        Without effect.
    mode : {"full", "r", "economic"}
    check_finite : bool

    Returns
    -------
    R, Q : Variable or ndarray
        For ``mode="r"`` R alone.

    Raises
    ------
    ValueError
        For another `mode`, or if `a` has fewer than two axes.

    Notes
    -----
    Derivative: as of `qr`, of which this is the transposed and reversed form; for full row rank. Cost: ``4 m^2 n``
    operations.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.scipy.linalg as sla
    >>> np.abs(sla.rq([[3.0, 4.0]], mode="economic")[0])
    array([[5.]])
    """
    del overwrite_a, lwork
    names = {"full": "complete", "economic": "reduced", "r": "complete"}
    if mode not in names:
        raise ValueError(f"rq: mode must be 'full', 'r' or 'economic', not {mode!r}")
    a = _matrices("rq", a, check_finite)
    turned = (Ellipsis, slice(None, None, -1), slice(None, None, -1))
    q, r = dc.qr(la.h_(ix.getitem(a, turned)), names[mode])
    r = ix.getitem(la.h_(r), turned)
    return r if mode == "r" else (r, ix.getitem(la.h_(q), turned))


def polar(a, side="right"):
    """Polar decomposition: ``a = u p`` or ``a = p u``.

    Parameters
    ----------
    a : array_like, shape (..., m, n)
    side : {"right", "left"}
        Where p stands.

    Returns
    -------
    u : Variable or ndarray, shape (..., m, n)
        With orthonormal columns, or rows if there are fewer of these.
    p : Variable or ndarray
        Hermitian, without negative eigenvalues; (..., n, n), on the left (..., m, m).

    Raises
    ------
    ValueError
        For another `side`, or if `a` has fewer than two axes.
    numpy.linalg.LinAlgError
        In the derivative of a matrix without full rank.

    Notes
    -----
    Derivative: one Sylvester equation; smooth at equal singular values. Cost: a singular value decomposition.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> u, p = sla.polar([[0.0, 2.0], [2.0, 0.0]])
    >>> p.round(12)
    array([[2., 0.],
           [0., 2.]])
    """
    if side not in ("right", "left"):
        raise ValueError(f"polar: side must be 'right' or 'left', not {side!r}")
    a = _matrices("polar", a, True)
    m, n = shape_of(a)[-2:]
    if m >= n:
        u, p = mx.polar_core(a)
        return (u, p) if side == "right" else (u, _hermitian(matmul(a, la.h_(u))))
    u, p = mx.polar_core(la.h_(a))
    return la.h_(u), p if side == "left" else _hermitian(matmul(u, a))


def _hermitian(x):
    return ew.multiply(0.5, ew.add(x, la.h_(x)))


# ------------------------------------------------------------------------------------------------ subspaces
def _rank(name, a, rcond):
    """The rank of all matrices of `a`, and the relative tolerance: it decides a shape, so the values must be known."""
    values = ix.known_values(a, name)
    if rcond is None:
        rcond = max(shape_of(a)[-2:]) * np.finfo(dtype_of(a)).eps
    s = np.linalg.svd(values, compute_uv=False)
    ranks = np.sum(s > rcond * np.max(s, -1, keepdims=True, initial=0.0), -1)
    if ranks.size and np.any(ranks != ranks.flat[0]):
        raise ValueError(f"{name}: the matrices of the batch have different ranks ({np.unique(ranks)}), so the result "
                         "is no array; call it for each")  # fmt: skip
    return int(ranks.flat[0]) if ranks.size else 0, float(rcond)


def null_space(A, rcond=None, *, overwrite_a=False, check_finite=True, lapack_driver="gesdd"):
    """Orthonormal basis of the null space.

    Parameters
    ----------
    A : array_like, shape (..., m, n)
        The values decide the shape of the result, so they must be known (not in `trace`, `compile` or `vmap`).
    rcond : float, optional
        Singular values up to this times the largest count as zero; ``max(m, n)`` rounding units by default.
    overwrite_a, check_finite : bool
    lapack_driver : str
        Without effect.

    Returns
    -------
    Variable or ndarray, shape (..., n, k)

    Raises
    ------
    ValueError
        If `A` has fewer than two axes, or the matrices of a batch differ in rank.

    Notes
    -----
    Derivative: ``-A^+ dA N`` at constant rank, right for what does not depend on the choice of the basis. Cost: a
    singular value decomposition.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.scipy.linalg as sla
    >>> np.abs(sla.null_space([[2.0, 0.0]]))
    array([[0.],
           [1.]])
    """
    del overwrite_a, lapack_driver
    A = _matrices("null_space", A, check_finite)
    rank, rcond = _rank("null_space", A, rcond)
    return mx.null_core(A, rank=rank, rcond=rcond)


def orth(A, rcond=None):
    """Orthonormal basis of the range.

    Parameters
    ----------
    A : array_like, shape (..., m, n)
        The values decide the shape of the result, so they must be known (not in `trace`, `compile` or `vmap`).
    rcond : float, optional
        Singular values up to this times the largest count as zero; ``max(m, n)`` rounding units by default.

    Returns
    -------
    Variable or ndarray, shape (..., m, rank)

    Raises
    ------
    ValueError
        If `A` has fewer than two axes, or the matrices of a batch differ in rank.

    Notes
    -----
    Derivative: ``(I - U U^H) dA A^+ U`` at constant rank, right for what does not depend on the choice of the basis,
    and never singular. Cost: a singular value decomposition.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.scipy.linalg as sla
    >>> np.abs(sla.orth([[2.0, 2.0], [0.0, 0.0]]))
    array([[1.],
           [0.]])
    """
    A = _matrices("orth", A, True)
    rank, rcond = _rank("orth", A, rcond)
    return mx.orth_core(A, rank=rank, rcond=rcond)


def subspace_angles(A, B):
    """Angles between the ranges of two matrices, descending.

    Parameters
    ----------
    A : array_like, shape (..., m, n)
    B : array_like, shape (..., m, k)
        The values decide the ranks, so they must be known (not in `trace`, `compile` or `vmap`).

    Returns
    -------
    Variable or ndarray, shape (..., min(rank A, rank B))

    Raises
    ------
    ValueError
        If the numbers of rows differ.

    Notes
    -----
    Derivative: of the sine for small angles, of the cosine for large ones, as the value (A. V. Knyazev, M. E. Argentati,
    2002); an angle of exactly zero is a kink, with derivative 0. Cost: four singular value decompositions.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.subspace_angles([[1.0], [0.0]], [[1.0], [1.0]]).round(12)
    array([0.78539816])
    """
    A, B = _matrices("subspace_angles", A, True), _matrices("subspace_angles", B, True)
    if shape_of(A)[-2] != shape_of(B)[-2]:
        raise ValueError(f"subspace_angles: A and B must have the same number of rows, got {shape_of(A)[-2]} and "
                         f"{shape_of(B)[-2]}")  # fmt: skip
    qa, qb = orth(A), orth(B)
    if shape_of(qa)[-1] < shape_of(qb)[-1]:
        qa, qb = qb, qa
    inner = matmul(la.h_(qa), qb)
    cosines = dc.svdvals_core(inner)[..., ::-1]
    sines = dc.svdvals_core(ew.subtract(qb, matmul(qa, inner)))
    # SciPy pairs sines, descending, with cosines, ascending: the same angle stands at the same place.
    large = ew.greater(cosines, 0.5**0.5)
    sines = sines[..., : shape_of(cosines)[-1]]
    return ew.where(large, ew.asin(ew.where(large, ew.minimum(sines, 1.0), 0.0)),
                    ew.acos(ew.where(large, 0.0, cosines)))  # fmt: skip


def orthogonal_procrustes(A, B, check_finite=True):
    """Unitary matrix R that makes ``A R`` nearest to `B`.

    Parameters
    ----------
    A, B : array_like, shape (..., m, n)
    check_finite : bool

    Returns
    -------
    R : Variable or ndarray, shape (..., n, n)
    scale : Variable or ndarray, shape (...)
        Sum of the singular values of ``A^H B``.

    Raises
    ------
    ValueError
        If the shapes differ.
    numpy.linalg.LinAlgError
        In the derivative, if ``A^H B`` is singular.

    Notes
    -----
    Derivative: that of the polar factor of ``A^H B``, smooth at equal singular values. Cost: a singular value
    decomposition.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> R, scale = sla.orthogonal_procrustes([[2.0, 0.0], [0.0, 1.0]], [[0.0, 2.0], [1.0, 0.0]])
    >>> R.round(12), scale.round(12)
    (array([[0., 1.],
           [1., 0.]]), np.float64(5.0))
    """
    A, B = _matrices("orthogonal_procrustes", A, check_finite), _matrices("orthogonal_procrustes", B, check_finite)
    if shape_of(A)[-2:] != shape_of(B)[-2:]:
        raise ValueError(f"orthogonal_procrustes: the shapes of A and B differ ({shape_of(A)} vs {shape_of(B)})")
    r, p = mx.polar_core(matmul(la.h_(A), B))
    return r, cx.real(sh.sum_axes(la.diagonal_of(p), axes=(-1,)))


# ------------------------------------------------------------------------------------------------ approximate, ridge
def randomized_svd(A, k, rng=None, oversample=10, n_iter=4):
    """The largest `k` singular values and vectors, by random projection.

    Parameters
    ----------
    A : array_like, shape (..., m, n)
    k : int
        At most ``min(m, n)``, and at most the rank where a derivative is wanted.
    rng : numpy.random.Generator or int, optional
        Of the random directions.
    oversample : int
        Directions beyond `k`.
    n_iter : int
        Power iterations, each with its own orthogonalisation; more for spectra that fall slowly.

    Returns
    -------
    U : Variable or ndarray, shape (..., m, k)
    s : Variable or ndarray, shape (..., k)
    Vh : Variable or ndarray, shape (..., k, n)

    Raises
    ------
    ValueError
        If `k` is not between 1 and ``min(m, n)``.

    Notes
    -----
    N. Halko, P. G. Martinsson, J. A. Tropp, SIAM Review 53 (2011), algorithms 4.4 and 5.1. Derivative: of
    ``A z`` and of the decomposition within its range, at constant directions z that the iterations found: exact where
    they hold the row space (rank at most ``k + oversample``), else good to the size of what is left out. Cost: ``(2 n_iter + 2) m n (k + oversample)`` operations.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.randomized_svd(np.diag([3.0, 2.0, 1.0]), 2, rng=0)[1].round(12)
    array([3., 2.])
    """
    A = _matrices("randomized_svd", A, True)
    m, n = shape_of(A)[-2:]
    k = k.__index__()
    if not 1 <= k <= min(m, n):
        raise ValueError(f"randomized_svd: k must be between 1 and {min(m, n)}, for shape {shape_of(A)}; it is {k}")
    rng = np.random.default_rng(rng)
    width = min(k + oversample, m, n)
    w = sh.cast(rng.standard_normal((n, width)), dtype_of(A))
    right = mx.sketch_of(A, w, n_iter=n_iter.__index__())
    rcond = float(max(m, n) * np.finfo(dtype_of(A)).eps)
    q = mx.orth_core(matmul(A, right), rank=width, rcond=rcond)
    u, s, vh = dc.svd_triple(matmul(la.h_(q), A))
    return matmul(q, u)[..., :k], s[..., :k], vh[..., :k, :]


def ridge_inverse(A, lam):
    """Regularised pseudo-inverse ``(A^H A + lam I)^-1 A^H``.

    Parameters
    ----------
    A : array_like, shape (..., m, n)
    lam : float or array_like, shape (...)
        Positive, or zero where `A` has full rank.

    Returns
    -------
    Variable or ndarray, shape (..., n, m)

    Raises
    ------
    numpy.linalg.LinAlgError
        If ``A^H A + lam I`` is singular.

    Notes
    -----
    Derivative: in `A` and `lam`, by the same factors. Cost: ``2 m n k + k^3``, ``k = min(m, n)``: the smaller of ``A^H
    A`` and ``A A^H`` is inverted.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.ridge_inverse([[1.0], [0.0]], 1.0)
    array([[0.5, 0. ]])
    """
    A = _matrices("ridge_inverse", A, True)
    lam = checked("ridge_inverse", lam, True)
    m, n = shape_of(A)[-2:]
    adjoint = la.h_(A)
    shift = ew.multiply(sh.reshape(lam, (*shape_of(lam), 1, 1)), np.eye(min(m, n), dtype=dtype_of(A)))
    if m >= n:
        return la.solve_core(ew.add(matmul(adjoint, A), shift), adjoint)
    return la.h_(la.solve_core(la.h_(ew.add(matmul(A, adjoint), shift)), A))
