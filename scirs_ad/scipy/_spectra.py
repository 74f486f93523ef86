"""Eigenvalues, singular values and norms under the names and signatures of scipy.linalg."""

import numpy as np

from scirs_ad._core.core import as_array, dtype_of, shape_of, value_of
from scirs_ad._ops import decompositions as dc
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import join, norms
from scirs_ad._ops import linalg as la
from scirs_ad._ops import shape as sh
from scirs_ad._ops.index import known_values
from scirs_ad._ops.matrix_qz import qz_core, qz_values


def checked(name, x, check_finite, square=False):
    """`x` as an array of floats; ValueError if known values are not finite."""
    x = as_array(x)
    if dtype_of(x).kind not in "fc":
        x = sh.astype(la.numbers(name, x), float)
    if square and (len(shape_of(x)) < 2 or shape_of(x)[-1] != shape_of(x)[-2]):
        raise ValueError(f"{name}: expected square matrices (..., n, n); the shape is {shape_of(x)}")
    if check_finite:
        values = value_of(x)
        if type(values) is np.ndarray and not np.all(np.isfinite(values)):
            raise ValueError(f"{name}: array must not contain infs or NaNs")
    return x


def one_triangle(a, lower):
    """The Hermitian matrix of which `a` holds one triangle."""
    n = shape_of(a)[-1]
    kept = np.tri(n, n, 0, bool) if lower else np.tri(n, n, 0, bool).T
    half = ew.where(kept, a, 0.0)
    return ew.subtract(ew.add(half, la.h_(half)), la.diag_matrix(la.diagonal_of(half)))


# ------------------------------------------------------------------------------------------------ spectra
def svd(
    a,
    full_matrices=True,
    compute_uv=True,
    overwrite_a=False,
    check_finite=True,
    lapack_driver="gesdd",
    *,
    degenerate=None,
):
    """Singular value decomposition.

    Parameters
    ----------
    a : array_like, shape (..., m, n)
    full_matrices, compute_uv : bool
    overwrite_a, check_finite : bool
    lapack_driver : str
        Without effect.
    degenerate : {"warn", "ignore", "raise"}, optional
        What to do where the derivative of vectors does not exist; see `set_policy`.

    Returns
    -------
    U, s, Vh : Variable or ndarray
        With ``compute_uv=False`` only s.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the iteration does not converge.

    Notes
    -----
    Derivative: as of `numpy.linalg.svd`. Cost: about ``14 m n^2`` operations.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.svd([[2.0, 0.0], [0.0, 1.0]], compute_uv=False)
    array([2., 1.])
    """
    del overwrite_a, lapack_driver
    found = dc.svd(checked("svd", a, check_finite), full_matrices, compute_uv, degenerate=degenerate)
    return tuple(found) if compute_uv else found


def svdvals(a, overwrite_a=False, check_finite=True):
    """Singular values, descending.

    Parameters
    ----------
    a : array_like, shape (..., m, n)
    overwrite_a, check_finite : bool

    Returns
    -------
    Variable or ndarray, shape (..., min(m, n))

    Raises
    ------
    numpy.linalg.LinAlgError
        If the iteration does not converge.

    Notes
    -----
    Derivative: ``U diag(ct) V^H``. Cost: about ``3 m n^2`` operations.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.svdvals([[2.0, 0.0], [0.0, 1.0]])
    array([2., 1.])
    """
    del overwrite_a
    return dc.svdvals(checked("svdvals", a, check_finite))


def _reduced(name, a, b, lower, type, check_finite):
    """The generalised problem as an ordinary one, ``b = L L^H``, and how its vectors are turned back.

    Type 1, ``a v = w b v``: ``L^-1 a L^-H``, ``v = L^-H y``; 2, ``a b v = w v``: ``L^H a L``, ``v = L^-H y``; 3, ``b a v
    = w v``: ``L^H a L``, ``v = L y`` (as xSYGST).
    """
    if type not in (1, 2, 3):
        raise ValueError(f"{name}: type must be 1, 2 or 3, not {type!r}")
    b = one_triangle(checked(name, b, check_finite, square=True), lower)
    if shape_of(a)[-1] != shape_of(b)[-1]:
        raise ValueError(f"{name}: wrong b dims {shape_of(b)}; should be those of a, {shape_of(a)}")
    factor = la.cholesky_core(b)
    if type == 1:
        left = la.solve_triangular_core(factor, a, lower=True, trans=0, unit=False)
        a = la.h_(la.solve_triangular_core(factor, la.h_(left), lower=True, trans=0, unit=False))
    else:
        a = la.matmul_core(la.matmul_core(la.h_(factor), a), factor)

    def back(v):
        if type == 3:
            return la.matmul_core(factor, v)
        return la.solve_triangular_core(factor, v, lower=True, trans=2, unit=False)

    return a, back


def _reduction(name, a, b, lower, type, check_finite):
    """The Hermitian matrix whose eigenvalues are wanted, and how vectors are turned back, if they have to be."""
    a = one_triangle(checked(name, a, check_finite, square=True), lower)
    return (a, None) if b is None else _reduced(name, a, b, lower, type, check_finite)


def selection(name, w, by_index, by_value, words=("subset_by_index", "subset_by_value")):
    """Which of the eigenvalues `w`, ascending along the last axis: a slice."""
    n = shape_of(w)[-1]
    if by_index is not None and by_value is not None:
        raise ValueError(f"{name}: either {words[0]} or {words[1]} can be given, not both")
    if by_value is not None:
        lowest, highest = (float(x) for x in by_value)
        if not lowest < highest:
            raise ValueError(f"{name}: {words[1]} must be (low, high) with low < high, not {by_value!r}")
        values = known_values(w, name)
        first = np.sum(values <= lowest, -1)
        count = np.sum(values <= highest, -1) - first
        if np.any(first != first.flat[:1]) or np.any(count != count.flat[:1]):
            raise ValueError(f"{name}: the matrices of the batch have different numbers of eigenvalues in {by_value!r}, so "
                             "the result is no array; call it for each")  # fmt: skip
        start = int(first.flat[0]) if first.size else 0
        return slice(start, start + (int(count.flat[0]) if count.size else 0))
    if by_index is None:
        return slice(None)
    first, last = (k.__index__() for k in by_index)
    if not 0 <= first <= last < n:
        raise ValueError(f"{name}: {words[0]} {by_index} is not within the {n} eigenvalues")
    return slice(first, last + 1)


def eigh(
    a, b=None, *, lower=True, eigvals_only=False, overwrite_a=False, overwrite_b=False, type=1,
    check_finite=True, subset_by_index=None, subset_by_value=None, driver=None, degenerate=None,
):  # fmt: skip
    """Eigenvalues and eigenvectors of a Hermitian matrix, also of generalised problems with `b`.

    Parameters
    ----------
    a : array_like, shape (..., n, n)
        One triangle is read.
    b : array_like, shape (..., n, n), optional
        Positive definite.
    lower, eigvals_only : bool
    overwrite_a, overwrite_b, check_finite : bool
    type : {1, 2, 3}
        ``a v = w b v``, ``a b v = w v`` or ``b a v = w v``.
    subset_by_index : (int, int), optional
        The first and the last eigenvalue that are wanted.
    subset_by_value : (float, float), optional
        Those above the first and not above the second number, which may be infinite. They decide the shape of the result,
        so the values must be known (not in `trace`, `compile` or `vmap`).
    driver : str, optional
        Without effect.
    degenerate : {"warn", "ignore", "raise"}, optional
        What to do where the derivative of vectors does not exist; see `set_policy`.

    Returns
    -------
    w : Variable or ndarray, shape (..., n)
    v : Variable or ndarray, shape (..., n, n)
        Unless `eigvals_only`; ``v^H b v`` is the identity, for type 3 ``v^H b^-1 v``.

    Raises
    ------
    numpy.linalg.LinAlgError
        If `b` is not positive definite.
    ValueError
        If the shapes do not fit, or a subset is none, or differs in number within a batch.

    Notes
    -----
    Derivative: symmetric within the triangle read; at equal eigenvalues exact for what does not depend on the choice
    of vectors. The generalised problem is reduced by the Cholesky factor of `b`. Cost: about ``9 n^3`` operations.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.eigh([[2.0, 0.0], [0.0, 1.0]], eigvals_only=True)
    array([1., 2.])
    """
    del overwrite_a, overwrite_b, driver
    a, back = _reduction("eigh", a, b, lower, type, check_finite)
    if eigvals_only:
        w = dc.eigvalsh_core(a)
        return w[..., selection("eigh", w, subset_by_index, subset_by_value)]
    w, v = dc.eigh_pair(a, degenerate)
    chosen = selection("eigh", w, subset_by_index, subset_by_value)
    if back is not None:
        v = back(v)
    return w[..., chosen], v[..., chosen]


def eigvalsh(
    a, b=None, *, lower=True, overwrite_a=False, overwrite_b=False, type=1, check_finite=True,
    subset_by_index=None, subset_by_value=None, driver=None,
):  # fmt: skip
    """Eigenvalues of a Hermitian matrix, also of ``a v = w b v``; as `eigh` without the vectors.

    Parameters
    ----------
    a, b : array_like, shape (..., n, n)
    lower, overwrite_a, overwrite_b, type, check_finite, subset_by_index, subset_by_value, driver
        As for `eigh`.

    Returns
    -------
    Variable or ndarray, shape (..., n)

    Raises
    ------
    numpy.linalg.LinAlgError
        If `b` is not positive definite.

    Notes
    -----
    Derivative: ``V diag(ct) V^H``, also at equal eigenvalues. Cost: about ``4/3 n^3`` operations.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.eigvalsh([[2.0, 0.0], [0.0, 1.0]])
    array([1., 2.])
    """
    del overwrite_a, overwrite_b, driver
    w = dc.eigvalsh_core(_reduction("eigvalsh", a, b, lower, type, check_finite)[0])
    return w[..., selection("eigvalsh", w, subset_by_index, subset_by_value)]


def _general(name, a, b, check_finite):
    a = checked(name, a, check_finite, square=True)
    if b is None:
        return a, None
    b = checked(name, b, check_finite, square=True)
    if shape_of(a)[-1] != shape_of(b)[-1]:
        raise ValueError(f"{name}: a and b must have the same shape; they are {shape_of(a)} and {shape_of(b)}")
    return a, b


def _over(name, b, a):
    """``b^-1 a``, with a word about what to do if `b` is singular."""
    try:
        return la.solve_core(b, a)
    except np.linalg.LinAlgError as error:
        if not isinstance(value_of(b), np.ndarray):
            raise
        raise np.linalg.LinAlgError(
            f"{name}: b is singular, so some eigenvalues are infinite; eigvals(a, b, homogeneous_eigvals=True) has them "
            f"({error})"
        ) from None


def _homogeneous(w, a, b):
    """``alpha, beta`` along an axis before the last; of ordinary problems the eigenvalues and ones."""
    if b is None:
        return join.stack([w, ew.add(ew.multiply(0.0, w), 1.0)], axis=-2)
    kind = np.result_type(dtype_of(a), dtype_of(b), np.complex64)
    s, t, _, _ = qz_core(sh.cast(a, kind), sh.cast(b, kind), sort=None)
    return join.stack(qz_values(s, t), axis=-2)


def _unit(v):
    """Columns of length one."""
    size = norms.vector_norm(v, axis=-2, keepdims=True)
    return ew.divide(v, size)


def eig(
    a, b=None, left=False, right=True, overwrite_a=False, overwrite_b=False, check_finite=True,
    homogeneous_eigvals=False, *, degenerate=None,
):  # fmt: skip
    """Eigenvalues and eigenvectors of ``a v = w v``, or of ``a v = w b v``, complex always.

    Parameters
    ----------
    a : array_like, shape (..., n, n)
    b : array_like, shape (..., n, n), optional
        Not singular.
    left : bool
        Return left eigenvectors, ``vl^H a = w vl^H`` (``w vl^H b``).
    right : bool
        Return right eigenvectors.
    overwrite_a, overwrite_b, check_finite : bool
    homogeneous_eigvals : bool
        Return pairs alpha, beta of which the eigenvalues are the ratios; without vectors also for singular `b`.
    degenerate : {"warn", "ignore", "raise"}, optional
        What to do where the derivative of vectors does not exist; see `set_policy`.

    Returns
    -------
    w : Variable or ndarray, shape (..., n)
        With `homogeneous_eigvals` (..., 2, n).
    vl, vr : Variable or ndarray, shape (..., n, n)
        With `left`, with `right`; columns of length one.

    Raises
    ------
    numpy.linalg.LinAlgError
        If `b` is singular, or the matrix has no full set of eigenvectors and left ones are wanted.
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Derivative: of functions that do not depend on the phases of the vectors. Cost: about ``25 n^3`` operations. With
    `b` the matrix ``b^-1 a`` is decomposed, which is as accurate as `b` is well conditioned; left vectors are the columns
    of ``vr^-H``. Homogeneous eigenvalues are the diagonals of `qz`.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.eig([[2.0, 0.0], [0.0, 1.0]], right=False)
    array([2.+0.j, 1.+0.j])
    """
    del overwrite_a, overwrite_b
    a, b = _general("eig", a, b, check_finite)
    if not left and not right:
        return eigvals(a, b, False, False, homogeneous_eigvals)
    w, v = dc.eig_pair(a if b is None else _over("eig", b, a), degenerate)
    found = []
    if left:
        other = la.h_(la.inv_core(v))
        found.append(_unit(other if b is None else la.solve_core(la.h_(sh.cast(b, dtype_of(v))), other)))
    if right:
        found.append(v)
    if homogeneous_eigvals:
        # The vectors come in the order of w.
        w = join.stack([w, ew.add(ew.multiply(0.0, w), 1.0)], axis=-2)
    return (w, *found)


def eigvals(a, b=None, overwrite_a=False, check_finite=True, homogeneous_eigvals=False):
    """Eigenvalues of square matrices, complex always.

    Parameters
    ----------
    a : array_like, shape (..., n, n)
    b : array_like, shape (..., n, n), optional
        Of ``a v = w b v``; not singular unless `homogeneous_eigvals`.
    overwrite_a, check_finite : bool
    homogeneous_eigvals : bool
        Return pairs alpha, beta of which the eigenvalues are the ratios; infinite where beta is zero.

    Returns
    -------
    Variable or ndarray, shape (..., n)
        With `homogeneous_eigvals` (..., 2, n).

    Raises
    ------
    numpy.linalg.LinAlgError
        If `b` is singular.
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Derivative: ``V^-H diag(ct) V^H``. Cost: about ``10 n^3`` operations.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.eigvals([[2.0, 0.0], [0.0, 1.0]])
    array([2.+0.j, 1.+0.j])
    """
    del overwrite_a
    a, b = _general("eigvals", a, b, check_finite)
    if homogeneous_eigvals and b is not None:
        return _homogeneous(None, a, b)
    w = dc.eigvals_core(a if b is None else _over("eigvals", b, a))
    return _homogeneous(w, a, None) if homogeneous_eigvals else w


def norm(a, ord=None, axis=None, keepdims=False, check_finite=True):
    """Norm of a vector or matrix.

    Parameters
    ----------
    a : array_like
    ord : None, float, "fro" or "nuc"
    axis : None, int or tuple of two ints
    keepdims, check_finite : bool

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If `ord` does not fit.

    Notes
    -----
    Derivative: of the 2-norm ``x / |x|``; 0 at zero. Cost: one pass, or the singular values.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.norm([3.0, 4.0])
    array(5.)
    """
    return norms.norm(checked("norm", a, check_finite), ord, axis, keepdims)
