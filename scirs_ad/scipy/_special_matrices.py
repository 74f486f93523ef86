"""Constant matrices, tests of structure and small compositions under the names of scipy.linalg, over leading axes."""

import numpy as np

from scirs_ad._core.core import dtype_of, shape_of
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import index as ix
from scirs_ad._ops import linalg as la
from scirs_ad._ops import matrix_factors as mx
from scirs_ad._ops import shape as sh
from scirs_ad._ops.products import matmul
from scirs_ad.scipy._solving import pinv, qr
from scirs_ad.scipy._spectra import checked, one_triangle
from scirs_ad.scipy._structure import _vector, documented

sp = lazy("scipy.linalg")

__all__ = [
    "bandwidth", "cdf2rdf", "clarkson_woodruff_transform", "diagsvd", "expm_cond", "fiedler_companion", "hadamard",
    "helmert", "hilbert", "invhilbert", "invpascal", "ishermitian", "issymmetric", "logdet", "matrix_balance", "pascal",
    "pinvh", "qr_multiply",
]  # fmt: skip

_CONSTANT = "Derivative: none; it is constant. Cost: ``n^2``."
_KNOWN = "Its values must be known (not in `trace`, `compile` or `vmap`)."
_BAD_SIZE = "ValueError\n        If `n` is not a size."


# ------------------------------------------------------------------------------------------------ constants
@documented(
    "Hilbert matrix: ``1 / (i + j + 1)``.", "n : int", "ndarray, shape (n, n)", _CONSTANT,
    ">>> sla.hilbert(2)[0]\n    array([1. , 0.5])", _BAD_SIZE,
)  # fmt: skip
def hilbert(n):
    return sp.hilbert(n)


@documented(
    "Inverse of the Hilbert matrix.", "n : int\n    exact : bool\n        Integers, without rounding.",
    "ndarray, shape (n, n)", _CONSTANT, ">>> sla.invhilbert(2)[0]\n    array([ 4., -6.])", _BAD_SIZE,
)  # fmt: skip
def invhilbert(n, exact=False):
    return sp.invhilbert(n, exact)


@documented(
    "Pascal matrix, of binomial coefficients.",
    "n : int\n    kind : {\"symmetric\", \"lower\", \"upper\"}\n    exact : bool\n        Integers, else floats.",
    "ndarray, shape (n, n)", _CONSTANT, ">>> sla.pascal(2).tolist()\n    [[1, 1], [1, 2]]",
    "ValueError\n        For another `kind`.",
)  # fmt: skip
def pascal(n, kind="symmetric", exact=True):
    return sp.pascal(n, kind, exact)


@documented(
    "Inverse of the Pascal matrix.",
    "n : int\n    kind : {\"symmetric\", \"lower\", \"upper\"}\n    exact : bool\n        Integers, else floats.",
    "ndarray, shape (n, n)", _CONSTANT, ">>> sla.invpascal(2).tolist()\n    [[2, -1], [-1, 1]]",
    "ValueError\n        For another `kind`.",
)  # fmt: skip
def invpascal(n, kind="symmetric", exact=True):
    return sp.invpascal(n, kind, exact)


@documented(
    "Hadamard matrix: orthogonal rows of 1 and -1.", "n : int\n        A power of 2.\n    dtype : dtype",
    "ndarray, shape (n, n)", _CONSTANT, ">>> sla.hadamard(2).tolist()\n    [[1, 1], [1, -1]]",
    "ValueError\n        If `n` is not a power of 2.",
)  # fmt: skip
def hadamard(n, dtype=int):
    return sp.hadamard(n, dtype)


@documented(
    "Helmert matrix: an orthonormal basis of contrasts.", "n : int\n    full : bool\n        With the row of the mean.",
    "ndarray, shape (n - 1, n) or (n, n)", _CONSTANT, ">>> sla.helmert(2).round(3)\n    array([[ 0.707, -0.707]])",
    _BAD_SIZE,
)  # fmt: skip
def helmert(n, full=False):
    return sp.helmert(n, full)


# ------------------------------------------------------------------------------------------------ what a matrix is like
@documented(
    "Numbers of bands below and above the diagonal that are not zero.", f"a : array_like, shape (m, n)\n        {_KNOWN}",
    "lower, upper : int", "Derivative: none; they are whole numbers. Cost: one pass.",
    ">>> sla.bandwidth([[1.0, 2.0], [0.0, 1.0]])\n    (0, 1)", "ValueError\n        If `a` is not a matrix.",
)  # fmt: skip
def bandwidth(a):
    return sp.bandwidth(ix.known_values(a, "bandwidth"))


def _structure(name):
    def same(a, atol=None, rtol=None):
        return getattr(sp, name)(ix.known_values(a, name), atol=atol, rtol=rtol)

    return same


_TOLERANCES = (
    f"a : array_like, shape (n, n)\n        {_KNOWN}\n    atol, rtol : float, optional\n        Exactly, unless given."
)
issymmetric = documented(
    "Whether a matrix is equal to its transpose.", _TOLERANCES, "bool", "Derivative: none. Cost: one pass.",
    ">>> sla.issymmetric([[1.0, 2.0], [2.0, 1.0]])\n    True", "ValueError\n        If `a` is not square.",
)(_structure("issymmetric"))  # fmt: skip
ishermitian = documented(
    "Whether a matrix is equal to its adjoint.", _TOLERANCES, "bool", "Derivative: none. Cost: one pass.",
    ">>> sla.ishermitian([[1.0, 2.0j], [-2.0j, 1.0]])\n    True", "ValueError\n        If `a` is not square.",
)(_structure("ishermitian"))  # fmt: skip
issymmetric.__name__, ishermitian.__name__ = "issymmetric", "ishermitian"


@documented(
    "Condition of the matrix exponential: how much it magnifies a relative change of the matrix.",
    f"A : array_like, shape (n, n)\n        {_KNOWN}\n    check_finite : bool", "float",
    "Derivative: none; it is a diagnosis. Cost: ``n^2`` Frechet derivatives.",
    ">>> sla.expm_cond([[0.5]]).round(12)\n    np.float64(0.5)", "ValueError\n        If `A` is not square.",
)  # fmt: skip
def expm_cond(A, check_finite=True):
    A = checked("expm_cond", A, check_finite, square=True)
    return sp.expm_cond(ix.known_values(A, "expm_cond"), check_finite=False)


# ------------------------------------------------------------------------------------------------ builders
@documented(
    "Matrix with singular values on its diagonal: the middle factor of `svd`.",
    "s : array_like, shape (..., k)\n    M, N : int\n        ``k = min(M, N)``.",
    "Variable or ndarray, shape (..., M, N)", "Derivative: the diagonal of the cotangent. Cost: one pass.",
    ">>> sla.diagsvd([1.0, 2.0], 2, 3)\n    array([[1., 0., 0.],\n           [0., 2., 0.]])",
    "ValueError\n        If the length of `s` is not ``min(M, N)``.",
)  # fmt: skip
def diagsvd(s, M, N):
    s, M, N = _vector("diagsvd", s), M.__index__(), N.__index__()
    if shape_of(s)[-1] != min(M, N):
        raise ValueError(f"diagsvd: length of s must be M or N: the shape of s is {shape_of(s)}, expected (..., "
                         f"{min(M, N)})")  # fmt: skip
    zero = np.zeros((), dtype_of(s))
    if M <= N:
        return ew.where(np.eye(M, N, dtype=bool), la.column(s), zero)
    return ew.where(np.eye(M, N, dtype=bool), sh.reshape(s, (*shape_of(s)[:-1], 1, N)), zero)


@documented(
    "Fiedler companion matrix of a polynomial: pentadiagonal.",
    "a : array_like, shape (..., n)\n        Coefficients, the highest power first, which is not zero.",
    "Variable or ndarray, shape (..., n - 1, n - 1)", "Derivative: of ``-a[1:] / a[0]``. Cost: one pass.",
    ">>> sla.fiedler_companion([2.0, 4.0, 6.0])\n    array([[-2., -3.],\n           [ 1.,  0.]])",
    "ValueError\n        If the first coefficient is zero.",
)  # fmt: skip
def fiedler_companion(a):
    a = _vector("fiedler_companion", a)
    n = shape_of(a)[-1] - 1
    if n <= 0:
        return np.zeros((*shape_of(a)[:-1], 0), dtype_of(a))
    first = ix.known(a)
    if type(first) is np.ndarray and np.any(first[..., 0] == 0):
        raise ValueError("fiedler_companion: the leading coefficient must not be zero")
    # Where each coefficient stands, and the ones, read off SciPy's own matrix of numbers that do not occur otherwise.
    marks = sp.fiedler_companion(np.r_[1.0, -np.arange(2.0, n + 2)]) if n > 1 else np.array([[2.0]])
    row = ew.negative(ew.divide(a[..., 1:], a[..., :1]))
    place = np.where(marks > 1, marks - 2, 0).astype(int)
    return ew.where(marks > 1, ix.getitem(row, (Ellipsis, place)), (marks == 1).astype(dtype_of(row)))


@documented(
    "Real block-diagonal form, and its vectors, of complex eigenvalues in conjugate pairs.",
    f"w : array_like, shape (..., n)\n        Pairs one after another. {_KNOWN}\n    v : array_like, shape (..., n, n)",
    "wr, vr : Variable or ndarray, shape (..., n, n)\n        Real, with ``vr @ wr == v @ diag(w) @ v^-1 @ vr``.",
    "Derivative: linear in `w` and `v`, at constant pairs. Cost: a product of matrices.",
    ">>> sla.cdf2rdf([1j, -1j], [[1.0, 1.0], [1j, -1j]])[0]\n    array([[ 0.,  1.],\n           [-1.,  0.]])",
    "ValueError\n        If the shapes do not fit, or complex numbers do not come in pairs.",
)  # fmt: skip
def cdf2rdf(w, v):
    w, v = checked("cdf2rdf", _vector("cdf2rdf", w), True), checked("cdf2rdf", v, True, square=True)
    if shape_of(v)[:-1] != shape_of(w):
        raise ValueError(
            f"cdf2rdf: w (..., n) and v (..., n, n) are needed; the shapes are {shape_of(w)}, {shape_of(v)}"
        )
    values = ix.known_values(w, "cdf2rdf")
    paired = np.imag(values) != 0
    if np.any(paired.sum(-1) % 2):
        raise ValueError("cdf2rdf: expected complex-conjugate pairs of eigenvalues")
    first = paired & (np.cumsum(paired, -1) % 2 == 1)
    n = shape_of(w)[-1]
    turn = np.zeros((*values.shape, n), complex)
    above = np.zeros((*values.shape, n), bool)
    for place in np.ndindex(values.shape[:-1]):
        turn[place] = np.eye(n)
        starts, ends = np.flatnonzero(first[place]), np.flatnonzero(paired[place] & ~first[place])
        above[(*place, starts, ends)] = True
        turn[(*place, starts, starts)], turn[(*place, starts, ends)] = 0.5j, 0.5
        turn[(*place, ends, starts)], turn[(*place, ends, ends)] = -0.5j, 0.5
    beside = ew.where(above | np.swapaxes(above, -1, -2), la.column(cx.imag(w)), 0.0)
    turn = turn.astype(np.result_type(dtype_of(v), np.complex64))
    return ew.add(la.diag_matrix(cx.real(w)), beside), cx.real(matmul(v, turn))


# ------------------------------------------------------------------------------------------------ compositions
@documented(
    "Logarithm of the determinant of a Hermitian positive definite matrix.",
    "A : array_like, shape (..., n, n)\n        ``(A + A^H) / 2`` is factored.\n    check_finite : bool",
    "Variable or ndarray, shape (...)\n        Real.",
    "By the Cholesky factor; of other matrices `numpy.linalg.slogdet` gives the sign, too. Derivative: ``A^-1``. Cost:\n"
    "    ``n^3 / 3`` operations.",
    ">>> sla.logdet([[4.0, 0.0], [0.0, 0.25]])\n    array(0.)",
    "numpy.linalg.LinAlgError\n        If a matrix is not positive definite.",
)  # fmt: skip
def logdet(A, check_finite=True):
    A = checked("logdet", A, check_finite, square=True)
    diagonal = cx.real(la.diagonal_of(la.cholesky_core(A)))
    return ew.multiply(2.0, sh.sum_axes(ew.log(diagonal), axes=(-1,)))


@documented(
    "Pseudo-inverse of a Hermitian matrix.",
    "a : array_like, shape (..., n, n)\n        One triangle is read.\n    atol, rtol : float, optional\n"
    "        Eigenvalues of a size up to ``atol + rtol * max(abs(w))`` count as zero; as for `pinv`.\n    lower : bool\n"
    "        Which triangle.\n    return_rank, check_finite : bool",
    "B : Variable or ndarray, shape (..., n, n)\n    rank : int or ndarray of int\n        With `return_rank`.",
    "Derivative: as of `pinv`, within the triangle read. Cost: a singular value decomposition.",
    ">>> sla.pinvh([[2.0, 0.0], [0.0, 0.0]])\n    array([[0.5, 0. ],\n           [0. , 0. ]])",
)  # fmt: skip
def pinvh(a, atol=None, rtol=None, lower=True, return_rank=False, check_finite=True):
    a = one_triangle(checked("pinvh", a, check_finite, square=True), lower)
    return pinv(a, atol=atol, rtol=rtol, return_rank=return_rank, check_finite=False)


@documented(
    "Product with the factor Q of a QR decomposition.",
    "a : array_like, shape (..., m, n)\n    c : array_like\n        On the left (..., k, p), on the right (..., p, m); or a"
    " vector. ``k = min(m, n)``.\n    mode : {\"right\", \"left\"}\n        ``c Q``, or ``Q c``.\n    pivoting : bool\n"
    "        Exchange columns of `a`, as in `qr`.\n    conjugate : bool\n        Take the conjugate of Q.\n"
    "    overwrite_a, overwrite_c : bool",
    "CQ : Variable or ndarray\n    R : Variable or ndarray, shape (..., k, n)\n    p : ndarray of int, shape (..., n)\n"
    "        With `pivoting`.",
    "Derivative: as of `qr`. Cost: that of `qr`, and a product.",
    ">>> abs(sla.qr_multiply([[3.0], [4.0]], [3.0, 4.0])[0])\n    array([5.])",
    "ValueError\n        If the shapes do not fit, or for another `mode`.",
)  # fmt: skip
def qr_multiply(a, c, mode="right", pivoting=False, conjugate=False, overwrite_a=False, overwrite_c=False):
    del overwrite_a, overwrite_c
    if mode not in ("left", "right"):
        raise ValueError(f"qr_multiply: mode must be 'left' or 'right', not {mode!r}")
    a, c = checked("qr_multiply", a, True), checked("qr_multiply", c, True)
    q, *rest = qr(a, mode="economic", pivoting=pivoting, check_finite=False)
    q = cx.conj(q) if conjugate else q
    place = (-1 if len(shape_of(c)) < 2 else -2) if mode == "left" else -1
    wanted = shape_of(q)[-1 if mode == "left" else -2]
    if not shape_of(c) or shape_of(c)[place] != wanted:
        raise ValueError(f"qr_multiply: array shapes are not compatible for {'Q @ c' if mode == 'left' else 'c @ Q'}: "
                         f"{shape_of(a)} and {shape_of(c)}")  # fmt: skip
    return (matmul(q, c) if mode == "left" else matmul(c, q), *rest)


@documented(
    "Balanced matrix, whose rows and columns are of like size: ``B = T^-1 A T``.",
    "A : array_like, shape (..., n, n)\n    permute, scale : bool\n        Exchange rows and columns; scale by powers of 2.\n"
    "    separate : bool\n        Return scaling and order instead of T.\n    overwrite_a : bool",
    "B : Variable or ndarray, shape (..., n, n)\n    T : ndarray, shape (..., n, n)\n"
    "        With `separate` the pair of ``scale``, shape (..., n), and ``perm``, shape (..., n).",
    "Derivative: ``T^-1 dA T``: T is piecewise constant. Cost: some passes.",
    ">>> sla.matrix_balance([[1.0, 64.0], [0.25, 1.0]])[0]\n    array([[1., 4.],\n           [4., 1.]])",
)  # fmt: skip
def matrix_balance(A, permute=True, scale=True, separate=False, overwrite_a=False):
    del overwrite_a
    A = checked("matrix_balance", A, True, square=True)
    scaling, order = mx.balance_of(A, permute=bool(permute), scale=bool(scale))
    p = mx.permutation_matrix(order, dtype_of(scaling))
    moved = matmul(matmul(p, A), la.t_(p))
    B = ew.divide(ew.multiply(moved, sh.reshape(scaling, (*shape_of(scaling)[:-1], 1, shape_of(A)[-1]))),
                  la.column(scaling))  # fmt: skip
    if separate:
        return B, (scaling, order)
    return B, matmul(la.t_(p), la.diag_matrix(scaling))


@documented(
    "A matrix of fewer rows with about the same lengths of columns, by random sums of rows.",
    "input_matrix : array_like, shape (..., m, n)\n    sketch_size : int\n"
    "    rng : numpy.random.Generator or int, optional\n    seed : int, optional\n        The older name of `rng`.",
    "Variable or ndarray, shape (..., sketch_size, n)",
    "K. L. Clarkson, D. P. Woodruff (2013). Derivative: the adjoint of the random sums. Cost: one product.",
    ">>> sla.clarkson_woodruff_transform([[1.0, 2.0]], 1, rng=0).shape\n    (1, 2)",
)  # fmt: skip
def clarkson_woodruff_transform(input_matrix, sketch_size, rng=None, *, seed=None):
    A = checked("clarkson_woodruff_transform", input_matrix, False)
    if len(shape_of(A)) < 2:
        raise ValueError(f"clarkson_woodruff_transform: matrices (..., m, n) are needed; the shape is {shape_of(A)}")
    rng = np.random.default_rng(seed if rng is None else rng)
    sums = sp.clarkson_woodruff_transform(np.eye(shape_of(A)[-2]), sketch_size, rng=rng)
    return matmul(sums.astype(np.empty(0, dtype_of(A)).real.dtype), A)
