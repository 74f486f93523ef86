"""Sparse matrices and linear operators of SciPy times dense arrays: linear in the array, constant in the matrix.

SciPy's own operators ask an unknown operand for an array, and leave the product to it if what they get is a 0-d object
array. That is how ``S @ v`` arrives here; see `leave_it`.
"""

import functools
import weakref

import numpy as np

from scirs_ad._core.core import Spec, Variable, as_array, dtype_of, fingerprint, install, shape_of, value_of
from scirs_ad._core.define import primitive, raises, sample
from scirs_ad._core.errors import DerivativeLostError, NotDifferentiableError
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh

sp = lazy("scipy.sparse")
splinalg = lazy("scipy.sparse.linalg")

# Methods of SciPy's sparse classes that let the other operand compute if it is not an array.
LEAVING = frozenset(
    {"_matmul_dispatch", "_rmatmul_dispatch", "multiply", "_multiply_2d_with_broadcasting", "_divide", "_comparison"}
)


def foreign(x):
    """Whether `x` is a sparse matrix (or array) or a linear operator of SciPy."""
    return any(base.__module__.startswith("scipy.sparse") for base in type(x).__mro__)


def has_product(x):
    """`foreign`, quick for arrays."""
    return type(x) is not np.ndarray and type(x) is not Variable and foreign(x)


def is_operator(x):
    """Whether `x` has no entries, only products."""
    return isinstance(x, splinalg.LinearOperator)


_copies = {}  # id of a sparse matrix -> a reference to it, its fingerprints, and the copy that graphs have of it


def _arrays(value):
    """The arrays of a sparse matrix."""
    found = [getattr(value, name, None) for name in ("data", "indices", "indptr", "offsets")]
    return [x for x in found if x is not None]


class Matrix:
    """A constant matrix as a parameter of nodes: equal if it is the same object.

    Parameters
    ----------
    value : sparse matrix, sparse array or LinearOperator
    """

    def __init__(self, value):
        self.value = value
        self.parts = ()  # its arrays, if the user can write to them, each with a fingerprint
        self.answer = None  # the operator that this comes from, a vector, and the product with it

    @classmethod
    def of(cls, value):
        """A matrix of the user's, who may write to it later."""
        made = cls(value)
        if not is_operator(value) and made.quick is value:
            made.parts = [(x, fingerprint(x)) for x in _arrays(value)]
        return made

    def watched(self):
        """This one; an operator is asked for a product by which a later change of what it closes over shows."""
        if is_operator(self.value) and self.answer is None:
            x = np.random.default_rng(0).standard_normal(self.shape[1]).astype(np.result_type(self.dtype, np.float32))
            self.answer = self.value, x, np.array(self.value.matvec(x))
        return self

    def on(self, x):
        """What multiplies `x`: in a graph, which may run when the user has written to this matrix, a copy."""
        if type(x) is not Variable:
            return self
        if type(value_of(x)) is not Spec or not self.parts:
            return self.watched()
        key, now = id(self.value), [before for _, before in self.parts]
        found = _copies.get(key)
        if found is None or found[0]() is not self.value or found[1] != now:
            found = _copies[key] = (
                weakref.ref(self.value, lambda _: _copies.pop(key, None)),
                now,
                Matrix(self.value.copy()),
            )
        return found[2]

    def at_pull(self, ct):
        """This one, if nobody has written to it: asked with a cotangent or tangent, before that is multiplied."""
        if self.parts and type(value_of(ct)) is not Spec:
            for x, before in self.parts:
                if fingerprint(x) != before:
                    raise RuntimeError(
                        f"matmul: the {self.value.format} matrix of shape {self.shape} has been written to since, and "
                        "the derivative needs the elements that it had; give the operation a copy, A.copy()"
                    )
        if self.answer is not None and type(value_of(ct)) is not Spec:
            operator, x, before = self.answer
            now = np.asarray(operator.matvec(x))
            if not (np.array_equal(now, before, equal_nan=True)
                    or np.linalg.norm(now - before) <= 1e-10 * np.linalg.norm(before)):  # fmt: skip
                raise RuntimeError(
                    f"matmul: the LinearOperator of shape {self.shape} gives other products than it did, and the "
                    "derivative needs those; what it closes over must not be written to"
                )
        return self

    @functools.cached_property
    def quick(self):
        """In a format that multiplies quickly."""
        value = self.value
        return value if is_operator(value) or value.format in ("csr", "csc", "bsr", "dia") else value.tocsr()

    @functools.cached_property
    def transposed(self):
        found = Matrix(self.quick.T)
        found.transposed, found.parts, found.answer = self, self.parts, self.answer
        return found

    @functools.cached_property
    def adjoint(self):
        quick = self.quick
        found = Matrix(quick.H if is_operator(quick) else quick.T.conj() if quick.dtype.kind == "c" else quick.T)
        found.adjoint, found.parts, found.answer = self, self.parts, self.answer
        return found

    @property
    def shape(self):
        return self.value.shape

    @property
    def dtype(self):
        return self.value.dtype

    def __eq__(self, other):
        return type(other) is Matrix and self.value is other.value

    def __hash__(self):
        return id(self.value)

    def __repr__(self):
        return f"{type(self.value).__name__}{list(self.shape)}"

    def __matmul__(self, columns):
        """The product with a 2-D ndarray."""
        if not is_operator(self.value):
            return self.quick @ columns
        try:
            if columns.shape[1] == 1:
                return np.asarray(self.value.matvec(columns[:, 0]))[:, None]
            return np.asarray(self.value.matmat(columns))
        except (NotImplementedError, TypeError):
            if self._without_adjoint():
                raise NotDifferentiableError(
                    f"matmul: the derivative needs products with the adjoint, and the LinearOperator of shape "
                    f"{self.shape[::-1]} has none; give it rmatvec="
                ) from None
            raise

    def _without_adjoint(self):
        """Whether this is the adjoint of an operator that does not have one (SciPy's then fails when it is used)."""
        original = self.__dict__.get("adjoint")
        if original is None:
            return False
        try:
            original.value.rmatvec(np.zeros(original.shape[0]))
        except NotImplementedError:
            return True
        return False


@primitive(core=lambda x, *, matrix: (1,), linear=True, internal=True)
def sparse_product(x, *, matrix):
    """The matrix times the vectors that lie along the last axis.

    Derivative: the adjoint matrix times the cotangent. Cost: one product with the matrix each.
    """
    n = matrix.shape[1]
    columns = (matrix @ np.reshape(x, (-1, n)).T).T
    return np.reshape(columns, (*np.shape(x)[:-1], matrix.shape[0]))


@sparse_product.def_shape
def _(x, *, matrix):
    return Spec((*x.shape[:-1], matrix.shape[0]), np.result_type(matrix.dtype, x.dtype))


@sparse_product.def_vjp
def _(ct, specs, matrix):
    return sh.cast(sparse_product(ct, matrix=matrix.at_pull(ct).adjoint), specs[0].dtype)


@sparse_product.def_jvp
def _(t, matrix):
    return sparse_product(t, matrix=matrix.at_pull(t))


@sparse_product.def_samples
def _(rng):
    entries = rng.standard_normal((3, 4)) * (rng.uniform(size=(3, 4)) < 0.5)
    for form in (sp.csr_array, sp.csc_matrix, sp.coo_array, sp.dia_array, sp.lil_matrix):
        yield sample(rng.standard_normal(4), matrix=Matrix(form(entries)))
    yield sample(rng.standard_normal((2, 5, 4)), matrix=Matrix(sp.bsr_array(entries)))
    yield sample(rng.standard_normal((2, 4)), matrix=Matrix(sp.csr_array(entries * 1j)))
    yield sample(rng.standard_normal(4) + 1j, matrix=Matrix(sp.dok_array(entries)))
    yield sample(rng.standard_normal((2, 4)), matrix=Matrix(splinalg.aslinearoperator(entries)))
    yield sample(rng.standard_normal((0, 4)), matrix=Matrix(sp.csr_array(entries)))
    yield raises(ValueError, np.ones(3), matrix=Matrix(sp.csr_array(entries)))


def product(a, b, name="matmul"):
    """``a @ b``, where one of both is sparse or a linear operator and the other a dense array.

    Parameters
    ----------
    a, b : array_like, sparse matrix or LinearOperator
    name : str
        What is called, for messages.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If the shapes do not fit, or the array is a scalar.

    Notes
    -----
    Derivative: the adjoint matrix times the cotangent; none with respect to the matrix. Cost: one sparse product each.
    """
    if foreign(a) and foreign(b):
        return a @ b
    left = foreign(a)
    matrix, x = (a, as_array(b)) if left else (b, as_array(a))
    shape = shape_of(x)
    if len(matrix.shape) != 2:
        raise ValueError(f"{name}: a sparse array of shape {matrix.shape} is no matrix; use .reshape to make it one")
    if not shape:
        raise ValueError(f"{name}: a scalar was given; use multiply")
    inner, meets = (matrix.shape[1], -2 if len(shape) > 1 else -1) if left else (matrix.shape[0], -1)
    if shape[meets] != inner:
        raise ValueError(
            f"{name}: dimension k is {shape[meets]}, expected {inner}, in (m,k),(k,n)->(m,n); the shapes are "
            f"{matrix.shape if left else shape} and {shape if left else matrix.shape}"
        )
    wrapped = Matrix.of(matrix).on(x)
    if not left:
        return sparse_product(x, matrix=wrapped.transposed)
    if len(shape) == 1:
        return sparse_product(x, matrix=wrapped)
    return _swapped(sparse_product(_swapped(x), matrix=wrapped))


def _swapped(x):
    return sh.permute_core(x, axes=(-1, -2))


def _is_matrix(x):
    """Whether ``*`` means the product of matrices, as in SciPy's older classes."""
    return isinstance(x, sp.spmatrix) or is_operator(x)


def multiply(a, b):
    """``a * b`` where one of both is sparse: a product of matrices if it is a `spmatrix`, else of elements (dense)."""
    scalar = any(shape_of(x) == () for x in (a, b) if not foreign(x))
    if not scalar and any(foreign(x) and _is_matrix(x) for x in (a, b)):
        return product(a, b, "multiply")
    return ew.multiply(dense(a), dense(b))


def dense(x):
    """A sparse operand with all its zeros."""
    if not foreign(x):
        return x
    if is_operator(x):
        raise TypeError("a LinearOperator has no entries; only products with it are known")
    return x.toarray()


def _by_elements(function):
    def operator(a, b):
        return function(dense(a), dense(b))

    return operator


def _in_operator(frame):
    """Whether one of SciPy's operators is running: called by name, a method would hand out its NotImplemented."""
    while frame is not None and frame.f_globals.get("__name__", "").startswith("scipy.sparse"):
        if frame.f_code.co_name.startswith("__"):
            return True
        frame = frame.f_back
    return False


def leave_it(v, frame):
    """What SciPy's sparse classes get that ask for an array: a 0-d object array, where they then leave it to us.

    None where they would not.
    """
    caller = frame.f_code.co_name
    if frame.f_globals.get("__name__", "").startswith("scipy.sparse.linalg"):
        if v.level is not None and isinstance(frame.f_locals.get("self"), splinalg.LinearOperator):
            raise DerivativeLostError(
                f"a LinearOperator times a Variable: SciPy's operator converts its operand, and the derivative of a "
                f"{dtype_of(v)} array of shape {shape_of(v)} would be lost; write numpy.dot(operator, x), or x @ operator"
            )
        return None
    if caller in LEAVING and _in_operator(frame):
        out = np.empty((), object)
        out[()] = v
        return out
    if caller == "dot" and len(frame.f_locals["self"].shape) < 3:
        out = np.empty(1, object)  # only looked at: a 0-d one would be refused; then `@` is called
        out[0] = v
        return out
    return None


install(
    foreign=foreign,
    foreign_operators={
        "matmul": product, "add": _by_elements(ew.add), "subtract": _by_elements(ew.subtract), "multiply": multiply,
        "divide": _by_elements(ew.divide), "lt": _by_elements(ew.less), "le": _by_elements(ew.less_equal),
        "eq": _by_elements(ew.equal), "ne": _by_elements(ew.not_equal), "gt": _by_elements(ew.greater),
        "ge": _by_elements(ew.greater_equal),
    },
)  # fmt: skip
