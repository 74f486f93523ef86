"""Eigenvalues, singular values, QR, and what is built on them.

Where eigenvalues or singular values are equal, the derivative of single vectors is not defined; the gap is then left
out, which is exact for functions that do not depend on the choice of vectors in the degenerate subspace; where a
function does depend on it, `linalg_policy` says so.
"""

import numpy as np

from scirs_ad._core.core import Tape, as_array, dtype_of, shape_of
from scirs_ad._core.define import primitive, sample
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import extrema, join
from scirs_ad._ops import index as ix
from scirs_ad._ops import shape as sh
from scirs_ad._ops.linalg import (
    diag_matrix,
    diagonal_of,
    h_,
    inv_core,
    kernels,
    matmul_core,
    numbers,
    positive_definite,
    solve_core,
    solve_triangular_core,
    square_matrices,
    symmetrized,
    well_conditioned,
)
from scirs_ad._ops.linalg_policy import bound, matrix_of_batch, watched


def columns(x):
    """A vector along the columns of a matrix: `x_j` at (i, j)."""
    return sh.reshape(x, (*shape_of(x)[:-1], 1, shape_of(x)[-1]))


def _rows(x):
    return sh.reshape(x, (*shape_of(x), 1))


def _inverse_gap(gap, scale):
    """``1 / gap``, 0 where the gap is nothing but rounding."""
    eps = np.finfo(dtype_of(gap)).eps
    tiny = ew.less_equal(ew.abs(gap), ew.multiply(scale, 8.0 * eps))
    return ew.where(tiny, 0.0, ew.reciprocal(ew.where(tiny, 1.0, gap)))


def _largest(w):
    """The largest size of the elements of the last axis, to be compared with their differences."""
    size = ew.abs(w)
    if shape_of(w)[-1]:
        size = extrema.max(size, axis=-1, keepdims=True)
    return sh.reshape(size, (*shape_of(size), 1))


def _seen(x, reference, evidence, ct_values, gap, scale, name, degenerate, zeros=False):
    """`x`, which is to be divided by `gap`, watched unless that is switched off."""
    if degenerate == "ignore":
        return x
    n = shape_of(gap)[-1]
    if ct_values is None:
        ct_values = np.zeros(n, np.finfo(dtype_of(gap)).dtype)
    if not zeros:  # no value is compared with itself
        gap = ew.where(np.eye(n, dtype=bool), np.asarray(np.inf, np.finfo(dtype_of(gap)).dtype), gap)
    return watched(x, reference, evidence, ct_values, gap, scale, name=name, degenerate=degenerate, zeros=zeros)


def pulled(function, args, ct):
    """The cotangents of `args` from `ct`, that of ``function(*args)``: for rules that are functions of operations."""
    tape = Tape()
    xs = [tape.variable(x, own=True) for x in args]
    out = function(*xs)
    tape.closed = True
    return tuple(tape.pull([out], [ct], [tape.ref_of(x) for x in xs], False))


# ------------------------------------------------------------------------------------------------ Hermitian
def hermitian_middle(name, out, ct, degenerate):
    """``V^H G V`` for the cotangent G of a Hermitian matrix with eigenvalues and eigenvectors `out`, from theirs."""
    w, v = out
    ct_w, ct_v = ct
    middle = None if ct_w is None else diag_matrix(ct_w)
    if ct_v is not None:
        gap = ew.subtract(columns(w), _rows(w))
        inner = matmul_core(h_(v), ct_v)
        skew = ew.multiply(0.5, ew.subtract(inner, h_(inner)))
        skew = _seen(skew, inner, ew.add(inner, h_(inner)), ct_w, gap, _largest(w), name, degenerate)
        turn = ew.multiply(_inverse_gap(gap, _largest(w)), skew)
        middle = turn if middle is None else ew.add(middle, turn)
    return middle


@primitive("(n,n)->(n),(n,n)", kernel=lambda a, *, degenerate: kernels.eigh(a, True), internal=True)
def eigh_core(a, *, degenerate):
    """Eigenvalues, ascending, and eigenvectors of ``(a + a^H) / 2``.

    Derivative: ``V (diag(ct_w) + F * (V^H ct_V - ct_V^H V) / 2) V^H`` with ``F_ij = 1 / (w_j - w_i)``: M. B. Giles
    (2008), section 3.1, made Hermitian. Cost: ``6 n^3`` operations.
    """
    return tuple(np.linalg.eigh(symmetrized(a)))


@eigh_core.def_vjp
def _(ct, out, degenerate):
    v = out[1]
    return matmul_core(matmul_core(v, hermitian_middle("eigh", out, ct, degenerate)), h_(v))


@eigh_core.def_samples
def _(rng):
    # Only eigenvalues are free of a choice; eigenvectors change sign, but continuously.
    yield sample(positive_definite(rng, 3, 3), degenerate=None)
    yield sample(np.array([[2.0]]), degenerate=None)
    yield sample(positive_definite(rng, 2, 2, 2), degenerate=None)
    yield sample(np.diag([1.0, 2.0, 4.0]), degenerate=None)


def eigh_pair(a, degenerate=None):
    """`eigh_core` with the choice that is in force where it is called."""
    return eigh_core(a, degenerate=bound("degenerate", degenerate))


def eigh(a, UPLO="L"):
    """Eigenvalues and eigenvectors of Hermitian matrices.

    Parameters
    ----------
    a : array_like, shape (..., n, n)
        ``(a + a^H) / 2`` is decomposed, so `UPLO` makes no difference.
    UPLO : {"L", "U"}

    Returns
    -------
    eigenvalues : Variable or ndarray, shape (..., n)
    eigenvectors : Variable or ndarray, shape (..., n, n)
        A named tuple.

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is not square or the iteration does not converge.

    Notes
    -----
    Derivative: see Giles (2008), section 3.1; at equal eigenvalues exact for what does not depend on the choice of
    vectors. Cost: about ``9 n^3`` operations.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.eigh([[2.0, 0.0], [0.0, 1.0]]).eigenvalues
    array([1., 2.])
    """
    if UPLO not in ("L", "U", "l", "u"):
        raise ValueError(f"eigh: UPLO must be 'L' or 'U', not {UPLO!r}")
    return EighResult(*eigh_pair(square_matrices("eigh", a)))


@primitive("(n,n)->(n)", kernel=lambda a: kernels.eigvalsh(a, True), internal=True)
def eigvalsh_core(a):
    """Eigenvalues, ascending, of ``(a + a^H) / 2``.

    Derivative: ``V diag(ct) V^H``. Cost: about ``4/3 n^3`` operations; with vectors for the derivative.
    """
    return np.linalg.eigvalsh(symmetrized(a))


@eigvalsh_core.def_vjp
def _(ct, a):
    _, v = eigh_core(a, degenerate=None)
    return matmul_core(ew.multiply(v, columns(ct)), h_(v))


@eigvalsh_core.def_samples
def _(rng):
    yield sample(positive_definite(rng, 3, 3))
    yield sample(positive_definite(rng, 2, 2, 2))
    yield sample(positive_definite(rng, 3, 3).astype(np.float32))
    yield sample(np.eye(3), order=0)  # equal eigenvalues, in order: a kink; tests use symmetric functions of them
    yield sample(positive_definite(rng, 3, 3, complex_too=True), order=1)


def eigvalsh(a, UPLO="L"):
    """Eigenvalues of Hermitian matrices, ascending.

    Parameters
    ----------
    a : array_like, shape (..., n, n)
    UPLO : {"L", "U"}

    Returns
    -------
    Variable or ndarray, shape (..., n)

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is not square or the iteration does not converge.

    Notes
    -----
    Derivative: ``V diag(ct) V^H``, also at equal eigenvalues. Cost: about ``4/3 n^3`` operations.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.eigvalsh([[2.0, 0.0], [0.0, 1.0]])
    array([1., 2.])
    """
    if UPLO not in ("L", "U", "l", "u"):
        raise ValueError(f"eigvalsh: UPLO must be 'L' or 'U', not {UPLO!r}")
    return eigvalsh_core(square_matrices("eigvalsh", a))


# ------------------------------------------------------------------------------------------------ general
@primitive("(n,n)->(n),(n,n)", kernel=lambda a, *, degenerate: kernels.eig(a), internal=True)
def eig_core(a, *, degenerate):
    """Eigenvalues and unit eigenvectors, complex always.

    Derivative: ``V^-H (diag(ct_w) + (V^H ct_V - V^H V diag(Re V^H ct_V)) / conj(E)) V^H`` with ``E_ij = w_j - w_i``:
    the second term keeps the columns at unit length. Cost: ``25 n^3`` operations.
    """
    w, v = np.linalg.eig(a)
    kind = np.complex64 if w.dtype.char in "fF" else np.complex128
    return w.astype(kind), v.astype(kind)


@eig_core.def_vjp
def _(ct, out, specs, degenerate):
    w, v = out
    ct_w, ct_v = ct
    middle = None if ct_w is None else diag_matrix(ct_w)
    if ct_v is not None:
        inner = matmul_core(h_(v), ct_v)
        length = columns(cx.real(diagonal_of(inner)))
        inner = ew.subtract(inner, ew.multiply(matmul_core(h_(v), v), length))
        gap = cx.conj(ew.subtract(columns(w), _rows(w)))
        n = shape_of(w)[-1]
        evidence = np.full((n, n), np.inf, np.finfo(dtype_of(w)).dtype)
        inner = _seen(inner, inner, evidence, ct_w, gap, _largest(w), "eig", degenerate)
        turn = ew.multiply(_inverse_gap(gap, _largest(w)), inner)
        middle = turn if middle is None else ew.add(middle, turn)
    return sh.cast(solve_core(h_(v), matmul_core(middle, h_(v))), specs[0].dtype)


@eig_core.def_samples
def _(rng):
    # LAPACK also turns each vector so that its largest entry is real: that choice is not differentiated.
    yield sample(np.diag([1.0, 2.0, 4.0]) + 0.1 * rng.standard_normal((3, 3)), degenerate=None, order=1)


def eig_pair(a, degenerate=None):
    """`eig_core` with the choice that is in force where it is called."""
    return eig_core(a, degenerate=bound("degenerate", degenerate))


def eig(a):
    """Eigenvalues and eigenvectors of square matrices, complex always.

    Parameters
    ----------
    a : array_like, shape (..., n, n)

    Returns
    -------
    eigenvalues : Variable or ndarray, shape (..., n)
    eigenvectors : Variable or ndarray, shape (..., n, n)
        A named tuple; columns of length one.

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is not square or the iteration does not converge.

    Notes
    -----
    Derivative: of functions that do not depend on the phases of the vectors. Cost: about ``25 n^3`` operations.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.eig([[2.0, 0.0], [0.0, 1.0]]).eigenvalues
    array([2.+0.j, 1.+0.j])
    """
    return EigResult(*eig_pair(square_matrices("eig", a)))


@primitive("(n,n)->(n)", kernel=lambda a: kernels.eigvals(a), internal=True)
def eigvals_core(a):
    """Eigenvalues, complex always.

    Derivative: ``V^-H diag(ct) V^H``. Cost: ``10 n^3`` operations; with vectors for the derivative.
    """
    w = np.linalg.eigvals(a)
    return w.astype(np.complex64 if w.dtype.char in "fF" else np.complex128)


@eigvals_core.def_vjp
def _(ct, a, specs):
    _, v = eig_core(a, degenerate=None)
    return sh.cast(solve_core(h_(v), ew.multiply(_rows(ct), h_(v))), specs[0].dtype)


@eigvals_core.def_samples
def _(rng):
    yield sample(np.diag([1.0, 2.0, 4.0]) + 0.1 * rng.standard_normal((3, 3)), order=1)
    yield sample(np.diag([1.0, 2.0]) + 0.1j * rng.standard_normal((2, 2)), order=1)


def eigvals(a):
    """Eigenvalues of square matrices, complex always.

    Parameters
    ----------
    a : array_like, shape (..., n, n)

    Returns
    -------
    Variable or ndarray, shape (..., n)

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is not square or the iteration does not converge.

    Notes
    -----
    Derivative: ``V^-H diag(ct) V^H``. Cost: about ``10 n^3`` operations.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.eigvals([[2.0, 0.0], [0.0, 1.0]])
    array([2.+0.j, 1.+0.j])
    """
    return eigvals_core(square_matrices("eigvals", a))


# ------------------------------------------------------------------------------------------------ singular values
@primitive(core=lambda a, **_: (2,), n_out=3, kernel=lambda a, *, degenerate: kernels.svd(a, False), internal=True)
def svd_core(a, *, degenerate):
    """The thin singular value decomposition.

    Derivative: with ``a = skew(U^H ct_U)``, ``b = skew(V^H ct_V)``, ``skew(X) = X - X^H``: ``U ((a + b) / (2 (s_j - s_i)) +
    (a - b) / (2 (s_j + s_i)) + diag(ct_s)) V^H`` and the parts outside of the ranges of U and V. These are the partial
    fractions of Z.-Q. Wan, S.-X. Zhang, arXiv:1909.02659, equation 9: only ``a + b`` meets the gap, so that what does
    not see it, as ``U V^H``, is exact at equal singular values. Cost: about ``14 m n^2`` operations.
    """
    return tuple(np.linalg.svd(a, full_matrices=False))


@svd_core.def_shape
def _(a, *, degenerate):
    del degenerate
    m, n = a.shape[-2:]
    k = min(m, n)
    lead = a.shape[:-2]
    real = np.empty(0, a.dtype).real.dtype
    return type(a)((*lead, m, k), a.dtype), type(a)((*lead, k), real), type(a)((*lead, k, n), a.dtype)


@svd_core.def_vjp
def _(ct, out, specs, degenerate):
    u, s, vh = out
    ct_u, ct_s, ct_vh = ct
    middle = None if ct_s is None else diag_matrix(ct_s)
    outside = plus = minus = inner = None
    largest = ix.getitem(s, (..., slice(0, 1)))
    scale = sh.reshape(largest, (*shape_of(largest), 1))
    safe = _inverse_gap(s, largest)  # 1 / s, 0 where s is zero

    def beyond(rest, whole):
        """Divided by the values, row by row, what lies outside of the range."""
        rest = _seen(rest, whole, whole, None, _rows(s), scale, "svd", degenerate, zeros=True)
        return ew.multiply(_rows(safe), rest)

    if ct_u is not None:
        inner = matmul_core(h_(u), ct_u)
        plus = minus = ew.subtract(inner, h_(inner))
        if shape_of(u)[-2] > shape_of(u)[-1]:
            rest = beyond(h_(ew.subtract(ct_u, matmul_core(u, inner))), h_(ct_u))
            outside = matmul_core(h_(rest), vh)
    if ct_vh is not None:
        other = matmul_core(vh, h_(ct_vh))
        skew = ew.subtract(other, h_(other))
        if shape_of(vh)[-1] > shape_of(vh)[-2]:  # at most one of the two: a square matrix has nothing outside
            outside = matmul_core(u, beyond(ew.subtract(ct_vh, matmul_core(h_(other), vh)), ct_vh))
        plus, minus = (skew, ew.negative(skew)) if plus is None else (ew.add(plus, skew), ew.subtract(minus, skew))
        inner = other if inner is None else inner
    if plus is not None:
        gap, total = ew.subtract(columns(s), _rows(s)), ew.add(columns(s), _rows(s))
        plus = _seen(plus, inner, ew.add(inner, h_(inner)), ct_s, gap, scale, "svd", degenerate)
        minus = _seen(minus, inner, inner, None, total, scale, "svd", degenerate)
        turn = ew.add(ew.multiply(_inverse_gap(gap, scale), plus), ew.multiply(_inverse_gap(total, scale), minus))
        turn = ew.multiply(0.5, turn)
        middle = turn if middle is None else ew.add(middle, turn)
    total = matmul_core(matmul_core(u, middle), vh)
    return total if outside is None else ew.add(total, outside)


@svd_core.def_samples
def _(rng):
    yield sample(np.diag([4.0, 2.0, 1.0]) + 0.1 * rng.standard_normal((3, 3)), degenerate=None)
    yield sample(np.eye(4, 2) * [3.0, 1.0] + 0.1 * rng.standard_normal((4, 2)), degenerate=None)
    yield sample(np.eye(2, 4) * [[3.0], [1.0]] + 0.1 * rng.standard_normal((2, 2, 4)), degenerate=None, order=1)


def svd_triple(a, degenerate=None):
    """`svd_core` with the choice that is in force where it is called."""
    return svd_core(a, degenerate=bound("degenerate", degenerate))


@primitive(core=lambda a: (2,), kernel=lambda a: kernels.svdvals(a), internal=True)
def svdvals_core(a):
    """Singular values, descending.

    Derivative: ``U diag(ct) V^H``, also where singular values are equal. Cost: about ``3 m n^2`` operations.
    """
    return np.linalg.svd(a, compute_uv=False)


@svdvals_core.def_shape
def _(a):
    return type(a)((*a.shape[:-2], min(a.shape[-2:])), np.empty(0, a.dtype).real.dtype)


@svdvals_core.def_vjp
def _(ct, a):
    u, _, vh = svd_core(a, degenerate=None)
    return matmul_core(ew.multiply(u, columns(ct)), vh)


@svdvals_core.def_samples
def _(rng):
    yield sample(np.diag([4.0, 2.0, 1.0]) + 0.1 * rng.standard_normal((3, 3)))
    yield sample(np.eye(2, 4) * [[3.0], [1.0]] + 0.1j * rng.standard_normal((2, 4)), order=1)


def _matrices(name, a):
    a = as_array(a)
    if len(shape_of(a)) < 2:
        raise np.linalg.LinAlgError(f"{name}: matrices are needed; the shape is {shape_of(a)}")
    return a if dtype_of(a).kind in "fc" else sh.astype(numbers(name, a), float)


def svd(a, full_matrices=True, compute_uv=True, hermitian=False, *, degenerate=None):
    """Singular value decomposition.

    Parameters
    ----------
    a : array_like, shape (..., m, n)
    full_matrices : bool
        Square U and V^H; their further columns and rows are any orthonormal basis of what is left.
    compute_uv : bool
        Return U and V^H too.
    hermitian : bool
        Accepted for NumPy's sake.
    degenerate : {"warn", "ignore", "raise"}, optional
        What to do where the derivative of vectors does not exist; see `scirs_ad.scipy.linalg.set_policy`.

    Returns
    -------
    U, S, Vh : Variable or ndarray
        A named tuple; with ``compute_uv=False`` only S, shape (..., min(m, n)).

    Raises
    ------
    numpy.linalg.LinAlgError
        If the iteration does not converge.

    Notes
    -----
    Derivative: see arXiv:1909.02659; at equal singular values exact for what does not depend on the choice of
    vectors. Cost: about ``14 m n^2`` operations.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.svd([[2.0, 0.0], [0.0, 1.0]], compute_uv=False)
    array([2., 1.])
    """
    del hermitian
    a = _matrices("svd", a)
    if not compute_uv:
        return svdvals_core(a)
    m, n = shape_of(a)[-2:]
    if not full_matrices or m == n:
        return SVDResult(*svd_triple(a, degenerate))
    if type(a) is np.ndarray:
        return SVDResult(*kernels.svd(a, True))
    u, s, vh = svd_triple(a, degenerate)
    if m > n:
        u = join.concatenate([u, complement_core(u)], axis=-1)
    else:
        vh = join.concatenate([vh, h_(complement_core(h_(vh)))], axis=-2)
    return SVDResult(u, s, vh)


def _complement_body(q):
    return np.linalg.qr(q, mode="complete")[0][..., q.shape[-1] :]


@primitive(core=lambda q: (2,), kernel=lambda q: kernels.qr(q, "complete")[0][..., q.shape[-1] :], internal=True)
def complement_core(q):
    """An orthonormal basis of the complement of the range of `q`, which has full column rank.

    Derivative: ``-q (q^H q)^-1 dq^H out``, from ``q^H out = 0``, in the gauge ``out^H dout = 0``: right for all that
    does not depend on the choice of the basis, such as ``out out^H``. Cost: a complete QR decomposition.
    """
    return _complement_body(q)


@complement_core.def_shape
def _(q):
    m, k = q.shape[-2:]
    if k > m:
        raise ValueError(f"complement: {k} columns of length {m} have no complement")
    return type(q)((*q.shape[:-2], m, m - k), q.dtype)


def _dual_basis(q):
    return matmul_core(q, inv_core(matmul_core(h_(q), q)))


@complement_core.def_jvp
def _(t, out, q):
    return ew.negative(matmul_core(_dual_basis(q), matmul_core(h_(t), out)))


@complement_core.def_vjp
def _(ct, out, q):
    return ew.negative(matmul_core(out, matmul_core(h_(ct), _dual_basis(q))))


@complement_core.def_samples
def _(rng):
    # One missing direction: its sign is all that can be chosen, and it does not change nearby.
    yield sample(well_conditioned(rng, 3, 3)[:, :2])
    yield sample(well_conditioned(rng, 2, 2, 2)[..., :1])
    yield sample(well_conditioned(rng, 3, 3).astype(np.float32)[:, :2])
    # Without columns there is nothing to depend on.
    yield sample(np.ones((2, 0)))


def svdvals(x):
    """Singular values, descending.

    Parameters
    ----------
    x : array_like, shape (..., m, n)

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
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.svdvals([[2.0, 0.0], [0.0, 1.0]])
    array([2., 1.])
    """
    return svdvals_core(_matrices("svdvals", x))


# ------------------------------------------------------------------------------------------------ QR
@primitive("(m,n)->(m,n),(n,n)", kernel=lambda a: kernels.qr(a, "reduced"), internal=True)
def qr_core(a):
    """The thin QR decomposition of a matrix with at least as many rows as columns.

    Derivative: ``(ct_Q + Q copyltu(M)) R^-H`` with ``M = R ct_R^H - ct_Q^H Q``; copyltu: the lower triangle, made
    Hermitian (H.-J. Liao et al., PRX 9, 031041 (2019), equation 6). In the basis Q, where what cancels in the upper
    triangle is left out: then a nearly singular square matrix loses no digits. Cost: ``4 m n^2`` operations.
    """
    return tuple(np.linalg.qr(a))


@qr_core.def_vjp
def _(ct, out):
    rule = _qr_rule if ct[0] is None or ct[1] is None else qr_pull
    return rule(*out, *ct)


def _qr_rule(q, r, ct_q, ct_r):
    """The cotangent of ``a = q r``; None is zero."""
    m, n = shape_of(q)[-2:]
    below = np.tri(n, n, -1, bool)
    inside = outside = None
    if ct_r is not None:
        moved = matmul_core(r, h_(ew.where(~below, ct_r, 0.0)))
        low = ew.where(below, moved, 0.0)
        inside = ew.add(ew.add(low, h_(low)), diag_matrix(cx.real(diagonal_of(moved))))
    if ct_q is not None:
        inner = matmul_core(h_(q), ct_q)
        # Without a strictly upper triangle, whose last column would meet the inverse of the smallest pivot.
        turn = ew.where(below, ew.subtract(inner, h_(inner)), 0.0)
        if dtype_of(q).kind == "c":
            turn = ew.add(turn, ew.multiply(1j, diag_matrix(cx.imag(diagonal_of(inner)))))
        inside = turn if inside is None else ew.add(inside, turn)
        if m > n:
            outside = ew.subtract(ct_q, matmul_core(q, inner))

    def over(x):  # x R^-H = (R^-1 x^H)^H
        return h_(solve_triangular_core(r, h_(x), lower=False, trans=0, unit=False))

    total = matmul_core(q, over(inside))
    return total if outside is None else ew.add(total, over(outside))


@qr_core.def_samples
def _(rng):
    yield sample(well_conditioned(rng, 3, 3))
    yield sample(np.concatenate([well_conditioned(rng, 2, 2), rng.standard_normal((2, 2))]))
    yield sample(well_conditioned(rng, 2, 2, 2))
    yield sample(well_conditioned(rng, 3, 3, complex_too=True), order=1)


def _qr_pull_kernel(q, r, seed_q, seed_r):
    pivots = np.diagonal(r, 0, -2, -1)
    if not pivots.all():
        *place, j = (int(k) for k in np.argwhere(pivots == 0)[0])
        raise np.linalg.LinAlgError(
            f"qr: {matrix_of_batch(tuple(place))}column {j} depends on those before it (R[{j}, {j}] is zero), so the factors "
            "have no derivative"
        )
    return kernels.qr_pull(q, r, seed_q, seed_r)


@primitive("(m,n),(n,n),(m,n),(n,n)->(m,n)", kernel=_qr_pull_kernel, internal=True)
def qr_pull(q, r, seed_q, seed_r):
    """The cotangent of a matrix from those of its factors, both given; see `qr_core`.

    Derivative: that of the formula, whose steps are operations. Cost: ``13/3 m n^2`` operations.
    """
    return _qr_rule(q, r, seed_q, seed_r)


@qr_pull.def_vjp
def _(ct, q, r, seed_q, seed_r):
    return pulled(_qr_rule, (q, r, seed_q, seed_r), ct)


@qr_pull.def_samples
def _(rng):
    for m, n, lead in ((3, 3, ()), (4, 2, ()), (3, 2, (5,)), (18, 18, ())):
        q, r = np.linalg.qr(well_conditioned(rng, *lead, m, m)[..., :n])
        yield sample(q, r, rng.standard_normal(q.shape), rng.standard_normal(r.shape), order=2 if m < 9 else 0)
    q, r = np.linalg.qr(well_conditioned(rng, 3, 3, complex_too=True))
    yield sample(q, r, rng.standard_normal((3, 3)) + 1j, rng.standard_normal((3, 3)) - 1j, order=1)


def qr(a, mode="reduced"):
    """QR decomposition.

    Parameters
    ----------
    a : array_like, shape (..., m, n)
    mode : {"reduced", "complete", "r"}

    Returns
    -------
    Q, R : Variable or ndarray
        A named tuple; for ``mode="r"`` only R.

    Raises
    ------
    ValueError
        For another `mode`.

    Notes
    -----
    Derivative: for full column rank (of the leading square block, if there are more columns than rows); of the further
    columns of a complete Q, for what does not depend on their choice. Cost: ``4 m n^2`` operations.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.numpy as anp
    >>> np.abs(anp.linalg.qr([[3.0, 1.0], [4.0, 1.0]], mode="r"))
    array([[5. , 1.4],
           [0. , 0.2]])
    """
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"qr: mode must be 'reduced', 'complete' or 'r', not {mode!r}")
    a = _matrices("qr", a)
    m, n = shape_of(a)[-2:]
    if m >= n:
        if mode == "complete" and m > n and type(a) is np.ndarray:
            return QRResult(*kernels.qr(a, "complete"))
        q, r = qr_core(a)
        if mode == "complete" and m > n:
            q = join.concatenate([q, complement_core(q)], axis=-1)
            r = join.concatenate([r, np.zeros((*shape_of(r)[:-2], m - n, n), dtype_of(r))], axis=-2)
    else:
        q, left = qr_core(ix.getitem(a, (..., slice(None, m))))
        right = matmul_core(h_(q), ix.getitem(a, (..., slice(m, None))))
        r = join.concatenate([left, right], axis=-1)
    return r if mode == "r" else QRResult(q, r)


# ------------------------------------------------------------------------------------------------ pseudo-inverse
@primitive(core=lambda a, *, rcond: (2,), internal=True)
def pinv_core(a, *, rcond):
    """The pseudo-inverse; singular values up to ``rcond`` times the largest count as zero.

    Derivative: ``-P dA P + P P^H dA^H (I - A P) + (I - P A) dA^H P^H P``, at constant rank (G. Golub, V. Pereyra,
    SIAM J. Numer. Anal. 10 (1973), equation 4.12). Cost: a singular value decomposition.
    """
    return np.linalg.pinv(a, rcond=rcond)


@pinv_core.def_shape
def _(a, *, rcond):
    del rcond
    return type(a)((*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype)


@pinv_core.def_jvp
def _(t, a, out):
    p, ph, th = out, h_(out), h_(t)
    total = ew.negative(matmul_core(matmul_core(p, t), p))
    left = matmul_core(matmul_core(p, ph), th)
    total = ew.add(total, ew.subtract(left, matmul_core(matmul_core(left, a), p)))
    right = matmul_core(th, matmul_core(ph, p))
    return ew.add(total, ew.subtract(right, matmul_core(matmul_core(p, a), right)))


@pinv_core.def_samples
def _(rng):
    yield sample(rng.standard_normal((4, 2)), rcond=1e-15)
    yield sample(rng.standard_normal((2, 3)), rcond=1e-15)
    yield sample(rng.standard_normal((2, 3, 2)) + 1j * rng.standard_normal((2, 3, 2)), rcond=1e-15)


def pinv(a, rcond=None, hermitian=False, *, rtol=None):
    """Moore-Penrose pseudo-inverse.

    Parameters
    ----------
    a : array_like, shape (..., m, n)
    rcond, rtol : float, optional
        Singular values up to this times the largest count as zero; by default ``max(m, n)`` times the rounding unit.
    hermitian : bool
        Accepted for NumPy's sake.

    Returns
    -------
    Variable or ndarray, shape (..., n, m)

    Raises
    ------
    numpy.linalg.LinAlgError
        If the singular value decomposition does not converge.

    Notes
    -----
    Derivative: at constant rank; Golub and Pereyra (1973), equation 4.12. Cost: a singular value decomposition.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.pinv([[2.0], [0.0]])
    array([[0.5, 0. ]])
    """
    del hermitian
    a = _matrices("pinv", a)
    cut = rcond if rcond is not None else rtol
    if cut is None:
        cut = max(shape_of(a)[-2:]) * np.finfo(dtype_of(a)).eps
    return pinv_core(a, rcond=float(cut))


EighResult = type(np.linalg.eigh(np.eye(1)))
EigResult = type(np.linalg.eig(np.eye(1)))
SVDResult = type(np.linalg.svd(np.eye(1)))
QRResult = type(np.linalg.qr(np.eye(1)))
