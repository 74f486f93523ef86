"""Sparse systems by their LU factors; the cotangent of a sparse matrix is sparse, of the same pattern."""

import functools

import numpy as np

from scirs_ad._core.core import as_array, dtype_of, shape_of
from scirs_ad._core.define import primitive, sample
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import index as ix
from scirs_ad._ops import linalg as la
from scirs_ad._ops import shape as sh
from scirs_ad._ops.sparse import Matrix, sparse_product
from scirs_ad.scipy._spectra import checked

sparse, slinalg = lazy("scipy.sparse"), lazy("scipy.sparse.linalg")


class Pattern:
    """Where the elements of a sparse matrix stand, in the order of columns; keeps the last factors."""

    def __init__(self, matrix):
        csc = matrix.tocsc()
        csc.sum_duplicates()
        self.shape, self.indices, self.indptr = csc.shape, csc.indices, csc.indptr
        self.columns = np.repeat(np.arange(csc.shape[1]), np.diff(csc.indptr))
        self.last = None

    def product(self, v, data, adjoint=False):
        """The matrix with the elements `data`, or its adjoint, times a vector."""
        spread, gather = self._ones
        if adjoint:
            return sparse_product(
                ew.multiply(cx.conj(data), sparse_product(v, matrix=spread.transposed)), matrix=gather
            )
        return sparse_product(ew.multiply(data, sparse_product(v, matrix=gather.transposed)), matrix=spread)

    @functools.cached_property
    def _ones(self):
        """Matrices of ones that add elements up by their row and by their column."""
        places, ones = np.arange(len(self.indices)), np.ones(len(self.indices), np.float32)
        return [Matrix(sparse.csr_array((ones, (k, places)), shape=(n, len(places))))
                for k, n in zip((self.indices, self.columns), self.shape, strict=True)]  # fmt: skip

    def matrix(self, data):
        return sparse.csc_array((data, self.indices, self.indptr), shape=self.shape)

    fixed = None  # where elements are not read

    def factor(self, data):
        if self.last is None or not np.array_equal(self.last[0], data) or self.last[0].dtype != data.dtype:
            try:
                self.last = data.copy(), slinalg.splu(self.matrix(data))
            except RuntimeError as error:  # "Factor is exactly singular"
                raise np.linalg.LinAlgError(f"spsolve: {error}") from None
        return self.last[1]


class Triangle(Pattern):
    """The places of a triangular matrix, perhaps with ones on the diagonal whatever stands there."""

    def __init__(self, matrix, lower, unit):
        super().__init__(matrix)
        self.lower, self.unit = lower, unit
        if np.any(self.indices < self.columns if lower else self.indices > self.columns):
            raise np.linalg.LinAlgError(
                f"spsolve_triangular: A has elements {'above' if lower else 'below'} the diagonal, so it is not "
                f"{'lower' if lower else 'upper'} triangular; spsolve takes any"
            )
        if unit:
            self.fixed = self.indices == self.columns

    def factor(self, data):
        matrix = self.matrix(data)
        if not self.unit and np.any(matrix.diagonal() == 0):
            raise np.linalg.LinAlgError("spsolve_triangular: A is singular: zero entry on diagonal")
        return Substitution(matrix, self.lower, self.unit)


class Substitution:
    """Solves as SciPy's SuperLU does."""

    def __init__(self, matrix, lower, unit):
        self.matrix, self.lower, self.unit = matrix, lower, unit

    def solve(self, b, trans):
        plain = trans == "N"
        matrix = self.matrix if plain else self.matrix.conj().T
        return slinalg.spsolve_triangular(matrix, b, lower=self.lower == plain, unit_diagonal=self.unit)


def _spsolve(data, b, *, pattern, trans):
    kind = np.result_type(data, b, np.float32)
    lead = np.broadcast_shapes(data.shape[:-1], b.shape[:-2])
    data, b = (x.astype(kind, copy=False) for x in (data, b))
    data, b = np.broadcast_to(data, lead + data.shape[-1:]), np.broadcast_to(b, lead + b.shape[-2:])
    out = np.empty(b.shape, kind)
    if data.shape[-1] != len(pattern.indices) or not out.size:  # while shapes are found, from the least arrays
        out[...] = 0
        return out
    for place in np.ndindex(lead):
        try:
            factors = pattern.factor(data[place])
        except np.linalg.LinAlgError as error:
            if not place:
                raise
            name, why = str(error).split(": ", 1)
            which = place[0] if len(place) == 1 else place
            raise np.linalg.LinAlgError(f"{name}: matrix {which} of the batch: {why}") from None
        out[place] = factors.solve(np.ascontiguousarray(b[place]), "NTH"[trans])
    return out


@primitive("(p),(n,k)->(n,k)", kernel=_spsolve, internal=True)
def spsolve_core(data, b, *, pattern, trans):
    """The solution of ``op(A) x = b``, A with the elements `data` at the places of `pattern`; `trans` 0 or 2.

    Derivative: with ``g = op(A)^-H ct`` by the same factors: g for `b`, ``-g[i] conj(x[j])`` summed over right-hand
    sides, at the places of the pattern alone, for `data`. Cost: that of SuperLU.
    """
    return _spsolve(data, b, pattern=pattern, trans=trans)


@spsolve_core.def_vjp
def _(ct, out, data, specs, pattern, trans):
    g = spsolve_core(data, ct, pattern=pattern, trans=2 - trans)
    left, right = (g, out) if trans == 0 else (out, g)

    def to_data():
        rows = ix.getitem(left, (Ellipsis, pattern.indices, slice(None)))
        columns = ix.getitem(right, (Ellipsis, pattern.columns, slice(None)))
        total = sh.sum_axes(ew.multiply(rows, cx.conj(columns)), axes=(-1,))
        if pattern.fixed is not None:
            total = ew.where(pattern.fixed, 0.0, total)
        return la.fit(ew.negative(total), specs[0])

    return to_data, la.fit(g, specs[1])


@spsolve_core.def_samples
def _(rng):
    pattern = Pattern(sparse.csc_array(np.array([[4.0, 1.0, 0.0], [0.0, 5.0, 2.0], [1.0, 0.0, 6.0]])))
    data = np.array([4.0, 1.0, 1.0, 5.0, 2.0, 6.0]) + 0.1 * rng.standard_normal(6)
    yield sample(data, rng.standard_normal((3, 2)), pattern=pattern, trans=0)
    yield sample(data + 0j, rng.standard_normal((3, 1)) + 1j, pattern=pattern, trans=2)


def split(name, A):
    """The data, on whatever tape, and the pattern of a square sparse matrix."""
    if not isinstance(A, SparseMatrix) and not sparse.issparse(A):
        raise TypeError(f"{name}: a scipy.sparse matrix or SparseMatrix is needed, not {type(A).__name__}; "
                        "numpy.linalg.solve is for dense ones")  # fmt: skip
    if A.shape[0] != A.shape[1]:
        raise ValueError(f"{name}: matrix must be square ({A.shape} given)")
    if isinstance(A, SparseMatrix):
        return checked(name, A.data, True), A.pattern
    pattern = Pattern(A)
    csc = A.tocsc()
    csc.sum_duplicates()
    return checked(name, csc.data, True), pattern


class SparseMatrix:
    """A sparse matrix whose elements may be Variables.

    Parameters
    ----------
    data : array_like, shape (nnz,)
        The elements, in the order of `pattern` in compressed columns: ``pattern.tocsc().data``.
    pattern : scipy.sparse matrix
        Where they stand.

    Raises
    ------
    ValueError
        If there are not as many elements as places, or `pattern` is no matrix.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.sparse
    >>> import scirs_ad as ad
    >>> from scirs_ad.scipy.sparse.linalg import SparseMatrix, spsolve
    >>> pattern = scipy.sparse.eye_array(2)
    >>> ad.grad(lambda d: np.sum(spsolve(SparseMatrix(d, pattern), np.ones(2))))(np.array([1.0, 2.0]))
    array([-1.  , -0.25])
    """

    def __init__(self, data, pattern):
        if len(pattern.shape) != 2:
            raise ValueError(f"SparseMatrix: pattern must be a matrix (m, n); its shape is {pattern.shape}")
        self.pattern = Pattern(pattern)
        self.data, self.shape = as_array(data), pattern.shape
        if shape_of(self.data)[-1:] != (len(self.pattern.indices),):
            raise ValueError(f"SparseMatrix: {len(self.pattern.indices)} elements are needed; the shape of data is "
                             f"{shape_of(self.data)}")  # fmt: skip


def spsolve(A, b, permc_spec=None, use_umfpack=True):
    """Solve ``A x = b`` for a sparse matrix.

    Parameters
    ----------
    A : scipy.sparse matrix or SparseMatrix, shape (n, n)
        A `SparseMatrix` may hold Variables.
    b : array_like, shape (n,) or (n, k)
        Dense.
    permc_spec, use_umfpack
        Without effect.

    Returns
    -------
    Variable or ndarray, of the shape of `b`

    Raises
    ------
    TypeError
        If `A` is not sparse.
    ValueError
        If the shapes do not fit.
    numpy.linalg.LinAlgError
        If `A` is singular.

    Notes
    -----
    Derivative: one adjoint solve by the same factors; the cotangent of `A` has its pattern. Cost: that of SuperLU.

    Examples
    --------
    >>> import scipy.sparse
    >>> from scirs_ad.scipy.sparse.linalg import spsolve
    >>> spsolve(2.0 * scipy.sparse.eye_array(2), [2.0, 4.0])
    array([1., 2.])
    """
    del permc_spec, use_umfpack
    return _solve("spsolve", *split("spsolve", A), b, 0)


def _solve(name, data, pattern, b, trans):
    b = checked(name, b, True)
    shape, n = shape_of(b), pattern.shape[0]
    if not shape or shape[0 if len(shape) == 1 else -2] != n:
        raise ValueError(f"{name}: incompatible dimensions: the matrix has shape {pattern.shape}, b {shape}")
    x = spsolve_core(data, la.column(b) if len(shape) == 1 else b, pattern=pattern, trans=trans)
    return la.vector(x) if len(shape) == 1 else x


def spsolve_triangular(A, b, lower=True, overwrite_A=False, overwrite_b=False, unit_diagonal=False):
    """Solve ``A x = b`` for a sparse triangular matrix.

    Parameters
    ----------
    A : scipy.sparse matrix or SparseMatrix, shape (n, n)
        Without elements in the other triangle. A `SparseMatrix` may hold Variables.
    b : array_like, shape (n,) or (n, k)
        Dense.
    lower : bool
    overwrite_A, overwrite_b : bool
        Without effect.
    unit_diagonal : bool
        Take the diagonal for ones, whatever stands there.

    Returns
    -------
    Variable or ndarray, of the shape of `b`

    Raises
    ------
    TypeError
        If `A` is not sparse.
    ValueError
        If the shapes do not fit.
    numpy.linalg.LinAlgError
        If `A` is not triangular, or singular.

    Notes
    -----
    Derivative: one substitution with the adjoint; the cotangent of `A` has its pattern, so it is triangular, and zero on a
    diagonal that is not read. Cost: one pass over the elements of `A` for each right-hand side.

    Examples
    --------
    >>> import scipy.sparse
    >>> from scirs_ad.scipy.sparse.linalg import spsolve_triangular
    >>> spsolve_triangular(scipy.sparse.csr_array([[2.0, 0.0], [1.0, 1.0]]), [2.0, 4.0])
    array([1., 3.])
    """
    del overwrite_A, overwrite_b
    data, pattern = split("spsolve_triangular", A)
    triangle = Triangle(pattern.matrix(np.ones(len(pattern.indices))), bool(lower), bool(unit_diagonal))
    return _solve("spsolve_triangular", data, triangle, b, 0)


class SuperLU:
    """The factors of a sparse matrix, made by `splu`.

    Parameters
    ----------
    A : scipy.sparse matrix or SparseMatrix, shape (n, n)
    """

    def __init__(self, A):
        self.data, self.pattern = split("splu", A)
        self.shape = self.pattern.shape
        values = ix.known(self.data)
        if type(values) is np.ndarray and values.ndim == 1:
            self.pattern.factor(values)

    def solve(self, rhs, trans="N"):
        """Solve with the matrix ("N"), its transpose ("T") or its adjoint ("H").

        Parameters
        ----------
        rhs : array_like, shape (n,) or (n, k)
        trans : {"N", "T", "H"}

        Returns
        -------
        Variable or ndarray
        """
        if trans not in ("N", "T", "H"):
            raise ValueError(f"splu: trans must be 'N', 'T' or 'H', not {trans!r}")
        if trans == "T":
            return cx.conj(_solve("splu", self.data, self.pattern, cx.conj(as_array(rhs)), 2))
        return _solve("splu", self.data, self.pattern, rhs, 2 * (trans == "H"))


def splu(A, permc_spec=None, diag_pivot_thresh=None, relax=None, panel_size=None, options=None):
    """LU factors of a sparse matrix, for several right-hand sides.

    Parameters
    ----------
    A : scipy.sparse matrix or SparseMatrix, shape (n, n)
    permc_spec, diag_pivot_thresh, relax, panel_size, options
        Without effect.

    Returns
    -------
    SuperLU
        With ``solve(rhs, trans="N")``.

    Raises
    ------
    TypeError
        If `A` is not sparse.
    numpy.linalg.LinAlgError
        If `A` is singular.

    Notes
    -----
    Derivative: as of `spsolve`, with the same factors. Cost: that of SuperLU.

    Examples
    --------
    >>> import scipy.sparse
    >>> from scirs_ad.scipy.sparse.linalg import splu
    >>> splu(2.0 * scipy.sparse.eye_array(2)).solve([2.0, 4.0])
    array([1., 2.])
    """
    del permc_spec, diag_pivot_thresh, relax, panel_size, options
    return SuperLU(A)


def factorized(A):
    """A function that solves ``A x = b`` for a sparse matrix, which is factored once.

    Parameters
    ----------
    A : scipy.sparse matrix or SparseMatrix, shape (n, n)

    Returns
    -------
    callable
        ``solve(b)``.

    Raises
    ------
    TypeError
        If `A` is not sparse.
    numpy.linalg.LinAlgError
        If `A` is singular.

    Notes
    -----
    Derivative: as of `spsolve`, with the same factors. Cost: that of SuperLU.

    Examples
    --------
    >>> import scipy.sparse
    >>> from scirs_ad.scipy.sparse.linalg import factorized
    >>> factorized(2.0 * scipy.sparse.eye_array(2))([2.0, 4.0])
    array([1., 2.])
    """
    return SuperLU(A).solve


def dense_dtype(x):
    """The dtype of the elements of a matrix of any kind."""
    return np.dtype(x.dtype) if sparse.issparse(x) else dtype_of(x)
