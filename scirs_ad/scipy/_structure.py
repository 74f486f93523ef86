"""Structured matrices and systems under the names and signatures of scipy.linalg, over leading axes.

Also what SciPy does not have: `band_part`, `symmetrize`, `solve_woodbury`, `solve_kron`.
"""

import numpy as np

from scirs_ad._core.core import as_array, dtype_of, shape_of
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import arrange, extrema, fft, join
from scirs_ad._ops import band_factors as bf
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import index as ix
from scirs_ad._ops import linalg as la
from scirs_ad._ops import matrix_bands as mb
from scirs_ad._ops import shape as sh
from scirs_ad._ops.linalg_policy import bound, refused
from scirs_ad._ops.products import matmul
from scirs_ad.scipy._spectra import checked, selection

sp = lazy("scipy.linalg")

__all__ = [
    "band_part", "block_diag", "cho_solve_banded", "cholesky_banded", "circulant", "companion", "convolution_matrix",
    "dft", "eig_banded", "eigh_tridiagonal", "eigvals_banded", "eigvalsh_tridiagonal", "fiedler", "hankel", "khatri_rao",
    "leslie", "matmul_toeplitz", "solve_banded", "solve_circulant", "solve_kron", "solve_toeplitz", "solve_woodbury",
    "solveh_banded", "symmetrize", "toeplitz",
]  # fmt: skip


def _doc(summary, parameters, returns, derivative, example, raises="ValueError\n        If the shapes do not fit."):
    return f"""{summary}

    Parameters
    ----------
    {parameters}

    Returns
    -------
    {returns}

    Raises
    ------
    {raises}

    Notes
    -----
    {derivative}

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    {example}
    """


def documented(*sections):
    """Give a function the docstring that `_doc` makes of these sections."""

    def decorate(function):
        function.__doc__ = _doc(*sections)
        return function

    return decorate


def _vector(name, x):
    """An array of at least one axis, the last of which is a vector."""
    x = as_array(x)
    return sh.reshape(x, (1,)) if not shape_of(x) else x


def _against(name, n, b, solver):
    """`solver` of a vector or a matrix of right-hand sides with `n` rows."""
    shape = shape_of(b)
    if not shape or shape[0 if len(shape) == 1 else -2] != n:
        raise ValueError(f"{name}: shapes of the matrix, of order {n}, and of b, {shape}, are not compatible")
    return la.vector(solver(la.column(b))) if len(shape) == 1 else solver(b)


def _pair(name, c_or_cr, check_finite):
    c, r = c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, None)
    c = checked(name, _vector(name, c), check_finite)
    r = cx.conj(c) if r is None else checked(name, _vector(name, r), check_finite)
    return c, r


# ------------------------------------------------------------------------------------------------ matrices
def _one_of(c, r, choose):
    lead = np.broadcast_shapes(shape_of(c)[:-1], shape_of(r)[:-1])
    m, n = shape_of(c)[-1], shape_of(r)[-1]
    both = join.concatenate([sh.broadcast_to(c, (*lead, m)), sh.broadcast_to(r, (*lead, n))], axis=-1)
    i, j = np.arange(m)[:, None], np.arange(n)
    return ix.getitem(both, (Ellipsis, choose(i, j, m)))


@documented(
    "Toeplitz matrix: constant along its diagonals.",
    "c : array_like, shape (..., m)\n        First column.\n    r : array_like, shape (..., n), optional\n"
    "        First row, its first element not read; the conjugate of `c` by default.",
    "Variable or ndarray, shape (..., m, n)",
    "Derivative: the sums of the diagonals of the cotangent. Cost: one pass.",
    ">>> sla.toeplitz([1, 2], [1, 5])\n    array([[1, 5],\n           [2, 1]])",
)
def toeplitz(c, r=None):
    c = _vector("toeplitz", c)
    r = cx.conj(c) if r is None else _vector("toeplitz", r)
    return _one_of(c, r, lambda i, j, m: np.where(i >= j, i - j, m + j - i))


@documented(
    "Circulant matrix of a first column.",
    "c : array_like, shape (..., n)",
    "Variable or ndarray, shape (..., n, n)",
    "Derivative: the sums of the wrapped diagonals of the cotangent. Cost: one pass.",
    ">>> sla.circulant([1, 2])\n    array([[1, 2],\n           [2, 1]])",
)
def circulant(c):
    c = _vector("circulant", c)
    k = np.arange(shape_of(c)[-1])
    return ix.getitem(c, (Ellipsis, (k[:, None] - k) % max(len(k), 1)))


@documented(
    "Hankel matrix: constant along its antidiagonals.",
    "c : array_like, shape (..., m)\n        First column.\n    r : array_like, shape (..., n), optional\n"
    "        Last row, its first element not read; zeros by default.",
    "Variable or ndarray, shape (..., m, n)",
    "Derivative: the sums of the antidiagonals of the cotangent. Cost: one pass.",
    ">>> sla.hankel([1, 2], [9, 3])\n    array([[1, 2],\n           [2, 3]])",
)
def hankel(c, r=None):
    c = _vector("hankel", c)
    r = np.zeros(shape_of(c), dtype_of(c)) if r is None else _vector("hankel", r)
    return _one_of(c, r, lambda i, j, m: np.where(i + j < m, i + j, i + j + 1))


@documented(
    "Companion matrix of a polynomial.",
    "a : array_like, shape (..., n)\n        Coefficients, the highest power first; at least two, the first not zero.",
    "Variable or ndarray, shape (..., n - 1, n - 1)",
    "Derivative: of ``-a[1:] / a[0]``. Cost: one pass.",
    ">>> sla.companion([2.0, 4.0, 6.0])\n    array([[-2., -3.],\n           [ 1.,  0.]])",
    "ValueError\n        If there are fewer than two coefficients, or the first is zero.",
)
def companion(a):
    a = _vector("companion", a)
    n = shape_of(a)[-1]
    if n < 2:
        raise ValueError(
            f"companion: the length of `a` along the last axis must be at least 2; its shape is {shape_of(a)}"
        )
    first = ew.equal(a[..., :1], 0)
    why = "the first coefficient in `a` must not be zero"
    a = la.vector(refused(la.column(a), la.column(first), name="companion", why=why, error=ValueError))
    row = ew.negative(ew.divide(a[..., 1:], a[..., :1]))
    top = sh.reshape(row, (*shape_of(row)[:-1], 1, n - 1))
    ones = np.broadcast_to(np.eye(n - 2, n - 1, dtype=dtype_of(row)), (*shape_of(row)[:-1], n - 2, n - 1))
    return join.concatenate([top, ones], axis=-2)


@documented(
    "Leslie matrix of a population: fecundities in the first row, survival below the diagonal.",
    "f : array_like, shape (..., n)\n    s : array_like, shape (..., n - 1)",
    "Variable or ndarray, shape (..., n, n)",
    "Derivative: the first row and the subdiagonal of the cotangent. Cost: one pass.",
    ">>> sla.leslie([0.1, 2.0], [0.5])\n    array([[0.1, 2. ],\n           [0.5, 0. ]])",
)
def leslie(f, s):
    f, s = _vector("leslie", f), _vector("leslie", s)
    n = shape_of(f)[-1]
    if n < 2 or shape_of(s)[-1] != n - 1:
        raise ValueError(f"leslie: the length of s must be one less than that of f, which is at least 2; the shapes are "
                         f"{shape_of(s)} and {shape_of(f)}")  # fmt: skip
    top = sh.reshape(f, (*shape_of(f)[:-1], 1, n))
    below = ew.where(np.eye(n - 1, n, dtype=bool), sh.reshape(s, (*shape_of(s), 1)), 0)
    lead = np.broadcast_shapes(shape_of(top)[:-2], shape_of(below)[:-2])
    return join.concatenate([sh.broadcast_to(top, (*lead, 1, n)), sh.broadcast_to(below, (*lead, n - 1, n))], axis=-2)


@documented(
    "Fiedler matrix: the distances between all elements.",
    "a : array_like, shape (..., n)",
    "Variable or ndarray, shape (..., n, n)",
    "Derivative: that of ``abs``, zero at equal elements. Cost: ``n^2``.",
    ">>> sla.fiedler([1, 4])\n    array([[0, 3],\n           [3, 0]])",
)
def fiedler(a):
    a = _vector("fiedler", a)
    shape = shape_of(a)
    return ew.abs(ew.subtract(sh.reshape(a, (*shape, 1)), sh.reshape(a, (*shape[:-1], 1, shape[-1]))))


@documented(
    "Matrix of the discrete Fourier transform.",
    "n : int\n    scale : {None, \"sqrtn\", \"n\"}\n        What it is divided by.",
    "ndarray, shape (n, n)",
    "Derivative: none; it is constant. Cost: ``n^2``.",
    ">>> sla.dft(1)\n    array([[1.+0.j]])",
    "ValueError\n        For another `scale`.",
)  # fmt: skip
def dft(n, scale=None):
    return sp.dft(n, scale)


@documented(
    "Matrix that convolves with a vector: ``convolution_matrix(a, len(v)) @ v == convolve(a, v)``.",
    "a : array_like, shape (..., m)\n    n : int\n        Number of columns.\n    mode : {\"full\", \"same\", \"valid\"}",
    "Variable or ndarray, shape (..., k, n)",
    "Derivative: the sums of the diagonals of the cotangent. Cost: one pass.",
    ">>> sla.convolution_matrix([1, 2], 2)\n    array([[1, 0],\n           [2, 1],\n           [0, 2]])",
    "ValueError\n        If `n` is not positive, `a` is empty, or for another `mode`.",
)  # fmt: skip
def convolution_matrix(a, n, mode="full"):
    a, n = _vector("convolution_matrix", a), n.__index__()
    m = shape_of(a)[-1]
    if n <= 0 or m == 0:
        raise ValueError(f"convolution_matrix: n must be positive and a not empty; they are {n} and {shape_of(a)}")
    short = min(m, n)
    first, last = {
        "full": (0, m + n - 1),
        "same": ((short - 1) // 2, (short - 1) // 2 + max(m, n)),
        "valid": (short - 1, max(m, n)),
    }.get(mode, (None, None))
    if first is None:
        raise ValueError(f"convolution_matrix: mode must be 'full', 'same' or 'valid', not {mode!r}")
    place = np.arange(first, last)[:, None] - np.arange(n)
    inside = (place >= 0) & (place < m)
    return ew.where(inside, ix.getitem(a, (Ellipsis, np.where(inside, place, 0))), np.zeros((), dtype_of(a)))


@documented(
    "Block-diagonal matrix.",
    "*arrs : array_like, shape (..., m, n)\n        A number is a 1 x 1 block, a vector a row.",
    "Variable or ndarray, shape (..., sum of m, sum of n)",
    "Derivative: the blocks of the cotangent. Cost: one pass.",
    ">>> sla.block_diag([[1]], [[2, 3]])\n    array([[1, 0, 0],\n           [0, 2, 3]])",
)
def block_diag(*arrs):
    blocks = [as_array(x) for x in arrs] or [np.zeros((1, 0))]
    blocks = [sh.reshape(x, (1,) * (2 - len(shape_of(x))) + shape_of(x)) if len(shape_of(x)) < 2 else x for x in blocks]
    lead = np.broadcast_shapes(*[shape_of(x)[:-2] for x in blocks])
    width, before, rows = sum(shape_of(x)[-1] for x in blocks), 0, []
    kind = np.result_type(*[dtype_of(x) for x in blocks])
    for x in blocks:
        m, n = shape_of(x)[-2:]
        pieces = [np.zeros((*lead, m, before), kind), sh.cast(sh.broadcast_to(x, (*lead, m, n)), kind),
                  np.zeros((*lead, m, width - before - n), kind)]  # fmt: skip
        rows.append(join.concatenate(pieces, axis=-1))
        before += n
    return join.concatenate(rows, axis=-2)


@documented(
    "Khatri-Rao product: the Kronecker products of columns.",
    "a : array_like, shape (..., m, n)\n    b : array_like, shape (..., k, n)",
    "Variable or ndarray, shape (..., m * k, n)",
    "Derivative: sums of products with the other factor. Cost: ``m k n``.",
    ">>> sla.khatri_rao([[1, 2]], [[3, 4], [5, 6]])\n    array([[ 3,  8],\n           [ 5, 12]])",
)
def khatri_rao(a, b):
    a, b = as_array(a), as_array(b)
    sa, sb = shape_of(a), shape_of(b)
    if len(sa) < 2 or len(sb) < 2 or sa[-1] != sb[-1]:
        raise ValueError(f"khatri_rao: matrices with equal numbers of columns are needed; the shapes are {sa} and {sb}")
    found = ew.multiply(sh.reshape(a, (*sa[:-1], 1, sa[-1])), sh.reshape(b, (*sb[:-2], 1, *sb[-2:])))
    return sh.reshape(found, (*shape_of(found)[:-3], sa[-2] * sb[-2], sa[-1]))


@documented(
    "Central bands of matrices, zero elsewhere.",
    "A : array_like, shape (..., m, n)\n    lower, upper : int\n"
    "        How many bands below and above the diagonal stay; negative: all.",
    "Variable or ndarray, shape (..., m, n)",
    "Derivative: the same bands of the cotangent. Cost: one pass.",
    ">>> sla.band_part([[1, 2], [3, 4]], 0, -1)\n    array([[1, 2],\n           [0, 4]])",
)
def band_part(A, lower, upper):
    A = as_array(A)
    if len(shape_of(A)) < 2:
        raise ValueError(f"band_part: matrices (..., m, n) are needed; the shape is {shape_of(A)}")
    m, n = shape_of(A)[-2:]
    below = np.arange(m)[:, None] - np.arange(n)
    kept = ((below <= lower) if lower >= 0 else True) & ((-below <= upper) if upper >= 0 else True)
    return ew.where(np.broadcast_to(kept, (m, n)), A, np.zeros((), dtype_of(A)))


@documented(
    "Hermitian part of square matrices: ``(A + A^H) / 2``.",
    "A : array_like, shape (..., n, n)",
    "Variable or ndarray, shape (..., n, n)",
    "Derivative: the Hermitian part of the cotangent. Cost: one pass.",
    ">>> sla.symmetrize([[1.0, 2.0], [4.0, 5.0]])\n    array([[1., 3.],\n           [3., 5.]])",
)
def symmetrize(A):
    A = checked("symmetrize", A, False, square=True)
    return ew.multiply(0.5, ew.add(A, la.h_(A)))


# ------------------------------------------------------------------------------------------------ banded systems
def _bands(name, ab, check_finite):
    ab = checked(name, ab, check_finite)
    if len(shape_of(ab)) < 2:
        raise ValueError(f"{name}: bands (..., k, n) are needed; the shape is {shape_of(ab)}")
    return ab


def _lower_bands(ab, lower):
    """The bands of the lower triangle of a Hermitian matrix, from those of one triangle."""
    return ab if lower else mb.adjoint_bands(ab, 0, shape_of(ab)[-2] - 1)


@documented(
    "Solve ``a x = b`` for banded matrices in band storage, ``ab[u + i - j, j] = a[i, j]``.",
    "l_and_u : (int, int)\n        Numbers of bands below and above the diagonal.\n"
    "    ab : array_like, shape (..., l + u + 1, n)\n    b : array_like, shape (n,) or (..., n, k)\n"
    "    overwrite_ab, overwrite_b, check_finite : bool",
    "Variable or ndarray, of the shape of `b`, broadcast",
    "Derivative: one solve with the adjoint bands; the cotangent of `ab` is banded too, zero where `ab` is not read.\n"
    "    Cost: ``2 n l (l + u)`` operations.",
    ">>> sla.solve_banded((0, 1), [[0.0, 1.0], [2.0, 4.0]], [3.0, 4.0])\n    array([1., 1.])",
    "ValueError\n        If the shapes do not fit.\n    numpy.linalg.LinAlgError\n        If a matrix is singular.",
)
def solve_banded(l_and_u, ab, b, overwrite_ab=False, overwrite_b=False, check_finite=True):
    del overwrite_ab, overwrite_b
    ab, b = _bands("solve_banded", ab, check_finite), checked("solve_banded", b, check_finite)
    lower, upper = (k.__index__() for k in l_and_u)
    rows, n = shape_of(ab)[-2:]
    if lower < 0 or upper < 0 or lower + upper + 1 != rows:
        raise ValueError(f"solve_banded: invalid values for the number of lower and upper diagonals: l+u+1 "
                         f"({lower + upper + 1}) does not equal ab.shape[-2] ({rows})")  # fmt: skip
    return _against("solve_banded", n, b, lambda x: mb.solve_banded_core(ab, x, lower=lower, upper=upper))


@documented(
    "Solve ``a x = b`` for Hermitian positive definite banded matrices.",
    "ab : array_like, shape (..., u + 1, n)\n        The bands of one triangle.\n"
    "    b : array_like, shape (n,) or (..., n, k)\n    overwrite_ab, overwrite_b : bool\n    lower : bool\n"
    "        Which triangle: ``ab[i - j, j] = a[i, j]``, or ``ab[u + i - j, j] = a[i, j]``.\n    check_finite : bool",
    "Variable or ndarray, of the shape of `b`, broadcast",
    "Derivative: one solve with the same matrix; the cotangent of `ab` is banded too. Cost: ``n u^2`` operations.",
    ">>> sla.solveh_banded([[2.0, 4.0], [0.0, 0.0]], [2.0, 4.0], lower=True)\n    array([1., 1.])",
    "ValueError\n        If the shapes do not fit.\n    numpy.linalg.LinAlgError\n        If a matrix is not positive definite.",
)
def solveh_banded(ab, b, overwrite_ab=False, overwrite_b=False, lower=False, check_finite=True):
    del overwrite_ab, overwrite_b
    ab, b = _bands("solveh_banded", ab, check_finite), checked("solveh_banded", b, check_finite)
    n = shape_of(ab)[-1]
    return _against("solveh_banded", n, b, lambda x: mb.solveh_banded_core(ab, x, lower=bool(lower)))


@documented(
    "Cholesky factor of a Hermitian positive definite banded matrix, in band storage.",
    "ab : array_like, shape (..., u + 1, n)\n        The bands of one triangle.\n    overwrite_ab, lower : bool\n"
    "        `lower`: ``ab[i - j, j] = a[i, j]``, else ``ab[u + i - j, j] = a[i, j]``.\n    check_finite : bool",
    "Variable or ndarray, shape (..., u + 1, n)\n        The bands of the factor on the same side; zero outside of it.",
    "Derivative: the steps of the factorisation, differentiated: banded, too. Cost: ``n u^2`` operations, for the\n"
    "    derivative twice that.",
    ">>> sla.cholesky_banded([[4.0, 9.0]])\n    array([[2., 3.]])",
    "numpy.linalg.LinAlgError\n        If a matrix is not positive definite.",
)
def cholesky_banded(ab, overwrite_ab=False, lower=False, check_finite=True):
    del overwrite_ab
    ab = _bands("cholesky_banded", ab, check_finite)
    factor = bf.cholesky_banded_core(_lower_bands(ab, lower))
    return factor if lower else mb.adjoint_bands(factor, shape_of(ab)[-2] - 1, 0)


@documented(
    "Solve ``a x = b`` with the banded Cholesky factor of `a`.",
    "cb_and_lower : (array_like, bool)\n        As from `cholesky_banded`.\n"
    "    b : array_like, shape (n,) or (..., n, k)\n    overwrite_b, check_finite : bool",
    "Variable or ndarray, of the shape of `b`, broadcast",
    "Derivative: through two banded solves. Cost: ``4 n u k`` operations.",
    ">>> sla.cho_solve_banded(([[2.0, 3.0]], True), [4.0, 9.0])\n    array([1., 1.])",
)
def cho_solve_banded(cb_and_lower, b, overwrite_b=False, check_finite=True):
    del overwrite_b
    cb, lower = cb_and_lower
    cb, b = _bands("cho_solve_banded", cb, check_finite), checked("cho_solve_banded", b, check_finite)
    count, n = shape_of(cb)[-2] - 1, shape_of(cb)[-1]
    below, above = (count, 0) if lower else (0, count)
    adjoint = mb.adjoint_bands(cb, below, above)
    steps = [(cb, below, above), (adjoint, above, below)]

    def solver(x):
        for bands, one, other in steps if lower else steps[::-1]:
            x = mb.solve_banded_core(bands, x, lower=one, upper=other)
        return x

    return _against("cho_solve_banded", n, b, solver)


# ------------------------------------------------------------------------------------------------ Toeplitz, circulant
@documented(
    "Solve ``T x = b`` for Toeplitz matrices.",
    "c_or_cr : array_like or (array_like, array_like)\n        First column, or that and the first row.\n"
    "    b : array_like, shape (n,) or (..., n, k)\n    check_finite : bool",
    "Variable or ndarray, of the shape of `b`, broadcast",
    "Derivative: one Toeplitz solve with the adjoint. Cost: ``8 n^2`` operations, by Levinson's recursion.",
    ">>> sla.solve_toeplitz([2.0, 0.0], [2.0, 4.0])\n    array([1., 2.])",
    "ValueError\n        If the shapes do not fit.\n    numpy.linalg.LinAlgError\n"
    "        If a leading minor is singular: the recursion does not pivot.",
)
def solve_toeplitz(c_or_cr, b, check_finite=True):
    c, r = _pair("solve_toeplitz", c_or_cr, check_finite)
    b = checked("solve_toeplitz", b, check_finite)
    n = shape_of(c)[-1]
    if shape_of(r)[-1] != n:
        raise ValueError(
            f"solve_toeplitz: c and r must have equal lengths; their shapes are {shape_of(c)}, {shape_of(r)}"
        )
    return _against("solve_toeplitz", n, b, lambda x: mb.solve_toeplitz_core(c, r, x))


def _transform(x, n, real):
    return fft.rfft(x, n, axis=-2) if real else fft.fft(x, n, axis=-2)


def _back(x, n, real):
    return fft.irfft(x, n, axis=-2) if real else fft.ifft(x, n, axis=-2)


@documented(
    "Product of a Toeplitz matrix and a vector or matrix, by Fourier transforms.",
    "c_or_cr : array_like or (array_like, array_like)\n        First column, or that and the first row.\n"
    "    x : array_like, shape (n,) or (..., n, k)\n    check_finite : bool\n    workers : int, optional\n"
    "        Without effect.",
    "Variable or ndarray, shape (m,) or (..., m, k)",
    "Derivative: through the transforms. Cost: ``O((m + n) log(m + n))`` for each column.",
    ">>> sla.matmul_toeplitz(([1.0, 2.0], [1.0, 5.0]), [1.0, 1.0]).round(12)\n    array([6., 3.])",
)
def matmul_toeplitz(c_or_cr, x, check_finite=False, workers=None):
    del workers
    c, r = _pair("matmul_toeplitz", c_or_cr, check_finite)
    x = checked("matmul_toeplitz", x, check_finite)
    m, n = shape_of(c)[-1], shape_of(r)[-1]
    real = all(dtype_of(y).kind == "f" for y in (c, r, x))
    lead = np.broadcast_shapes(shape_of(c)[:-1], shape_of(r)[:-1])
    tail = sh.broadcast_to(r[..., :0:-1], (*lead, max(n - 1, 0)))
    ring = la.column(join.concatenate([sh.broadcast_to(c, (*lead, m)), tail], axis=-1))
    size = m + n - 1

    def product(x):
        if not m or not n:  # of nothing, a sum of nothing
            shape = shape_of(x)
            return np.zeros(
                (*np.broadcast_shapes(lead, shape[:-2]), m, shape[-1]), np.result_type(dtype_of(ring), dtype_of(x))
            )
        return _back(ew.multiply(_transform(ring, size, real), _transform(x, size, real)), size, real)[..., :m, :]

    return _against("matmul_toeplitz", n, x, product)


@documented(
    "Solve ``C x = b`` for circulant matrices, by Fourier transforms.",
    "c : array_like, shape (..., n)\n        First column.\n    b : array_like, shape (n,) or (n, ...)\n"
    "    singular : {\"raise\", \"lstsq\"}\n        What to do with transforms of `c` that are nearly zero: an error, or the\n"
    "        least-squares solution.\n    tol : float, optional\n"
    "        What counts as zero; ``max |fft(c)|`` times `n` rounding units by default.\n"
    "    caxis, baxis, outaxis : int\n        Where the vectors lie in `c`, in `b` and in the result.",
    "Variable or ndarray",
    "Derivative: through the transforms, at constant zeros. Cost: ``O(n log n)``.",
    ">>> sla.solve_circulant([2.0, 0.0], [2.0, 4.0]).round(12)\n    array([1., 2.])",
    "ValueError\n        If the shapes do not fit.\n    numpy.linalg.LinAlgError\n"
    "        If a matrix is nearly singular, unless ``singular=\"lstsq\"``.",
)  # fmt: skip
def solve_circulant(c, b, singular="raise", tol=None, caxis=-1, baxis=0, outaxis=0):
    if singular not in ("raise", "lstsq"):
        raise ValueError(f"solve_circulant: singular must be 'raise' or 'lstsq', not {singular!r}")
    c, b = checked("solve_circulant", _vector("", c), False), checked("solve_circulant", _vector("", b), False)
    c, b = arrange.moveaxis(c, caxis, -1), arrange.moveaxis(b, baxis, -1)
    n = shape_of(c)[-1]
    if shape_of(b)[-1] != n:
        raise ValueError(f"solve_circulant: shapes of c axis ({n}) and b axis ({shape_of(b)[-1]}) are incompatible")
    if not n:
        shape = (*np.broadcast_shapes(shape_of(c)[:-1], shape_of(b)[:-1]), 0)
        return arrange.moveaxis(np.zeros(shape, np.result_type(dtype_of(c), dtype_of(b))), -1, outaxis)
    f = fft.fft(c, axis=-1)
    size = ew.abs(f)
    limit = tol
    if tol is None:
        limit = ew.multiply(extrema.max(size, axis=-1, keepdims=True), n * np.finfo(dtype_of(size)).eps)
    near = ew.less_equal(size, limit)
    if singular == "raise":
        why = "near singular circulant matrix; singular='lstsq' solves it"
        f = la.vector(refused(la.column(f), la.column(near), name="solve_circulant", why=why))
    q = ew.where(near, 0.0, ew.divide(fft.fft(b, axis=-1), ew.where(near, 1.0, f)))
    x = fft.ifft(q, axis=-1)
    if dtype_of(c).kind == "f" and dtype_of(b).kind == "f":
        x = cx.real(x)
    return arrange.moveaxis(x, -1, outaxis)


# ------------------------------------------------------------------------------------------------ low rank, Kronecker
@documented(
    "Solve ``(diag(d) + u v^H) x = b``: a diagonal matrix changed by one of low rank.",
    "d : array_like, shape (..., n)\n        Without zeros.\n    u, v : array_like, shape (..., n, k)\n"
    "    b : array_like, shape (n,) or (..., n, m)\n    check_finite : bool",
    "Variable or ndarray, of the shape of `b`, broadcast",
    "The formula of Sherman, Morrison and Woodbury. Derivative: through it, in the same structure. Cost: ``2 n k^2``\n"
    "    operations.",
    ">>> sla.solve_woodbury([1.0, 1.0], [[1.0], [0.0]], [[1.0], [0.0]], [2.0, 1.0])\n    array([1., 1.])",
    "ValueError\n        If the shapes do not fit.\n    numpy.linalg.LinAlgError\n        If `d` has a zero, or ``I + v^H diag(d)^-1 u`` is singular.",
)
def solve_woodbury(d, u, v, b, check_finite=True):
    d, u, v, b = (checked("solve_woodbury", x, check_finite) for x in (d, u, v, b))
    if (
        len(shape_of(u)) < 2
        or shape_of(u)[-2:] != shape_of(v)[-2:]
        or not shape_of(d)
        or shape_of(d)[-1] != shape_of(u)[-2]
    ):
        raise ValueError(f"solve_woodbury: d (..., n) and u, v (..., n, k) are needed; the shapes are {shape_of(d)}, "
                         f"{shape_of(u)} and {shape_of(v)}")  # fmt: skip
    d = la.column(d)
    why = "element {i} of d is zero; the formula needs a diagonal that is not singular"
    inverse = ew.reciprocal(refused(d, ew.equal(d, 0), name="solve_woodbury", why=why))
    adjoint = la.h_(v)
    scaled = ew.multiply(inverse, u)
    small = ew.add(matmul(adjoint, scaled), np.eye(shape_of(u)[-1], dtype=dtype_of(u)))

    def solver(x):
        x = ew.multiply(inverse, x)
        return ew.subtract(x, matmul(scaled, la.solve_core(small, matmul(adjoint, x))))

    return _against("solve_woodbury", shape_of(u)[-2], b, solver)


@documented(
    "Solve ``kron(a, b) x = y`` without the product.",
    "a : array_like, shape (..., m, m)\n    b : array_like, shape (..., n, n)\n    y : array_like, shape (..., m * n)\n"
    "    check_finite : bool",
    "Variable or ndarray, shape (..., m * n)",
    "Derivative: by the same two factors. Cost: ``2/3 (m^3 + n^3) + 2 m n (m + n)`` operations.",
    ">>> sla.solve_kron([[2.0]], [[1.0, 0.0], [0.0, 4.0]], [2.0, 8.0])\n    array([1., 1.])",
    "ValueError\n        If the shapes do not fit.\n    numpy.linalg.LinAlgError\n        If a matrix is singular.",
)
def solve_kron(a, b, y, check_finite=True):
    a, b = (checked("solve_kron", x, check_finite, square=True) for x in (a, b))
    y = checked("solve_kron", y, check_finite)
    m, n = shape_of(a)[-1], shape_of(b)[-1]
    if not shape_of(y) or shape_of(y)[-1] != m * n:
        raise ValueError(f"solve_kron: y must have {m} * {n} elements in its last axis; its shape is {shape_of(y)}")
    # With rows first: kron(a, b) vec(X) = vec(a X b^T).
    x = la.solve_core(a, sh.reshape(y, (*shape_of(y)[:-1], m, n)))
    x = la.t_(la.solve_core(b, la.t_(x)))
    return sh.reshape(x, (*shape_of(x)[:-2], m * n))


# ------------------------------------------------------------------------------------------------ banded spectra
_SELECT = (
    "select : {\"a\", \"i\", \"v\"}\n        All, those by index, or those by value.\n    select_range : (int, int) or "
    "(float, float), optional\n        First and last index; or the ends of an interval, the first not in it: then the "
    "values\n        must be known (not in `trace`, `compile` or `vmap`)."
)  # fmt: skip
_DEGENERATE = (
    "\n    degenerate : {\"warn\", \"ignore\", \"raise\"}, optional\n        What to do where the derivative of vectors "
    "does not exist; see `set_policy`."
)  # fmt: skip
_SPECTRUM = "w : Variable or ndarray, shape (..., k)\n    v : Variable or ndarray, shape (..., n, k)\n        Unless `eigvals_only`."
_VALUES = "Variable or ndarray, shape (..., k)"
_UNKNOWN = "ValueError\n        If the shapes do not fit, or the range is empty, or differs in number within a batch."
_COST = (
    "Derivative: as of `eigh`, of which only the bands are formed. Cost: ``6 n^2 u`` operations, for vectors about\n"
    "    ``3 n^3`` more."
)  # fmt: skip


def _spectrum(name, ab, eigvals_only, select, select_range, degenerate=None):
    """Of a Hermitian matrix by the bands of its lower triangle."""
    kinds = {0: "a", 1: "v", 2: "i", "a": "a", "v": "v", "i": "i", "all": "a", "value": "v", "index": "i"}
    if select not in kinds:
        raise ValueError(f"{name}: select must be 'a', 'v' or 'i', not {select!r}")
    kind = kinds[select]
    if kind != "a" and (select_range is None or len(select_range) != 2):
        raise ValueError(f"{name}: select_range must have two elements, not {select_range!r}")
    by = (select_range if kind == "i" else None, select_range if kind == "v" else None, ("select_range",) * 2)
    if eigvals_only:
        w = bf.eigvals_banded_core(ab)
        return w[..., selection(name, w, *by)]
    w, v = bf.eig_banded_core(ab, degenerate=bound("degenerate", degenerate))
    chosen = selection(name, w, *by)
    return w[..., chosen], v[..., chosen]


def _tridiagonal(name, d, e, check_finite):
    """The two lower bands."""
    d, e = checked(name, d, check_finite), checked(name, e, check_finite)
    if not shape_of(d) or not shape_of(e) or shape_of(e)[-1] != max(shape_of(d)[-1] - 1, 0):
        raise ValueError(
            f"{name}: d (..., n) and e (..., n - 1) are needed; the shapes are {shape_of(d)}, {shape_of(e)}"
        )
    if dtype_of(d).kind == "c" or dtype_of(e).kind == "c":
        raise TypeError(f"{name}: only real d and e are supported; their dtypes are {dtype_of(d)} and {dtype_of(e)}")
    n = shape_of(d)[-1]
    lead = np.broadcast_shapes(shape_of(d)[:-1], shape_of(e)[:-1])
    kind = np.result_type(dtype_of(d), dtype_of(e))
    d, e = (sh.cast(sh.broadcast_to(x, lead + shape_of(x)[-1:]), kind) for x in (d, e))
    return join.stack([d, join.concatenate([e, np.zeros((*lead, n - shape_of(e)[-1]), kind)], axis=-1)], axis=-2)


@documented(
    "Eigenvalues and eigenvectors of a real symmetric tridiagonal matrix.",
    "d : array_like, shape (..., n)\n    e : array_like, shape (..., n - 1)\n    eigvals_only : bool\n    " + _SELECT
    + "\n    check_finite : bool\n    tol : float\n    lapack_driver : str\n        Both without effect." + _DEGENERATE,
    _SPECTRUM, _COST, ">>> sla.eigh_tridiagonal([1.0, 2.0], [0.0], True)\n    array([1., 2.])", _UNKNOWN,
)  # fmt: skip
def eigh_tridiagonal(
    d, e, eigvals_only=False, select="a", select_range=None, check_finite=True, tol=0.0, lapack_driver="auto", *,
    degenerate=None,
):  # fmt: skip
    del tol, lapack_driver
    ab = _tridiagonal("eigh_tridiagonal", d, e, check_finite)
    return _spectrum("eigh_tridiagonal", ab, eigvals_only, select, select_range, degenerate)


@documented(
    "Eigenvalues of a real symmetric tridiagonal matrix.",
    "d : array_like, shape (..., n)\n    e : array_like, shape (..., n - 1)\n    " + _SELECT
    + "\n    check_finite : bool\n    tol : float\n    lapack_driver : str\n        Both without effect.",
    _VALUES, _COST, ">>> sla.eigvalsh_tridiagonal([1.0, 2.0], [0.0])\n    array([1., 2.])", _UNKNOWN,
)  # fmt: skip
def eigvalsh_tridiagonal(d, e, select="a", select_range=None, check_finite=True, tol=0.0, lapack_driver="auto"):
    del tol, lapack_driver
    ab = _tridiagonal("eigvalsh_tridiagonal", d, e, check_finite)
    return _spectrum("eigvalsh_tridiagonal", ab, True, select, select_range)


@documented(
    "Eigenvalues and eigenvectors of a Hermitian banded matrix.",
    "a_band : array_like, shape (..., u + 1, n)\n        The bands of one triangle.\n    lower : bool\n        Which one.\n"
    "    eigvals_only, overwrite_a_band : bool\n    " + _SELECT
    + "\n    max_ev : int\n        Without effect.\n    check_finite : bool" + _DEGENERATE,
    _SPECTRUM, _COST, ">>> sla.eig_banded([[1.0, 2.0]], eigvals_only=True)\n    array([1., 2.])", _UNKNOWN,
)  # fmt: skip
def eig_banded(
    a_band, lower=False, eigvals_only=False, overwrite_a_band=False, select="a", select_range=None, max_ev=0,
    check_finite=True, *, degenerate=None,
):  # fmt: skip
    del overwrite_a_band, max_ev
    ab = _lower_bands(_bands("eig_banded", a_band, check_finite), lower)
    return _spectrum("eig_banded", ab, bool(eigvals_only), select, select_range, degenerate)


@documented(
    "Eigenvalues of a Hermitian banded matrix.",
    "a_band : array_like, shape (..., u + 1, n)\n        The bands of one triangle.\n    lower : bool\n        Which one.\n"
    "    overwrite_a_band : bool\n    " + _SELECT + "\n    check_finite : bool",
    _VALUES, _COST, ">>> sla.eigvals_banded([[1.0, 2.0]])\n    array([1., 2.])", _UNKNOWN,
)  # fmt: skip
def eigvals_banded(a_band, lower=False, overwrite_a_band=False, select="a", select_range=None, check_finite=True):
    del overwrite_a_band
    ab = _lower_bands(_bands("eigvals_banded", a_band, check_finite), lower)
    return _spectrum("eigvals_banded", ab, True, select, select_range)
