"""Iterative solvers with implicit derivatives: one more solve with the adjoint, never through the iterations."""

import copy
import warnings

import numpy as np

from scirs_ad._core.core import Spec, Variable, as_array, dtype_of, shape_of, value_of
from scirs_ad._core.define import primitive, sample
from scirs_ad._core.errors import NotDifferentiableError
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import join
from scirs_ad._ops import linalg as la
from scirs_ad._ops import shape as sh
from scirs_ad._ops.sparse import Matrix, sparse_product
from scirs_ad._transforms.batch import vmap
from scirs_ad._transforms.forward import jvp
from scirs_ad._transforms.held import Held
from scirs_ad._transforms.reverse import vjp
from scirs_ad.scipy._spectra import checked
from scirs_ad.scipy.sparse._direct import SparseMatrix

sparse, slinalg = lazy("scipy.sparse"), lazy("scipy.sparse.linalg")

HERMITIAN = frozenset({"cg", "minres"})  # methods that never ask for the adjoint


class NotConverged(np.linalg.LinAlgError):
    """An iteration ended without a solution; `history` has the norms of its residuals."""

    history = ()


class NotConvergedWarning(RuntimeWarning):
    """An iteration ended without a solution; `history` has the norms of its residuals."""

    history = ()


def aslinearoperator(A):
    """A matrix as a `LinearOperator`, to which derivatives flow if it is dense or a `SparseMatrix`.

    Parameters
    ----------
    A : array_like, SparseMatrix, scipy.sparse matrix, SciPy LinearOperator or LinearOperator, shape (m, n)
        Those of SciPy are constants.

    Returns
    -------
    LinearOperator

    Raises
    ------
    ValueError
        If `A` is not a matrix.

    Examples
    --------
    >>> from scirs_ad.scipy.sparse.linalg import aslinearoperator
    >>> aslinearoperator([[2.0, 0.0], [0.0, 3.0]]).matvec([1.0, 1.0])
    array([2., 3.])
    """
    if isinstance(A, LinearOperator):
        return A
    if isinstance(A, SparseMatrix):

        def transposed(v, data):
            return A.pattern.product(v, data, True)

        return LinearOperator(A.shape, A.pattern.product, transposed, args=(A.data,), dtype=dtype_of(A.data))
    if sparse.issparse(A) or isinstance(A, slinalg.LinearOperator):
        matrix = Matrix.of(A)  # derivatives flow through the vectors alone
        made = LinearOperator(A.shape, lambda v: sparse_product(v, matrix=matrix.on(v)),
                              lambda v: sparse_product(v, matrix=matrix.at_pull(v).on(v).adjoint), dtype=A.dtype)  # fmt: skip
        made.constant, made.matrix = A, matrix
        return made
    A = checked("aslinearoperator", A, False)
    if len(shape_of(A)) != 2:
        raise ValueError(f"aslinearoperator: a matrix (m, n) is needed; the shape is {shape_of(A)}")

    def product(v, a):
        return la.vector(la.matmul_core(a, la.column(v)))

    def adjoint(v, a):
        return product(v, la.h_(a))

    return LinearOperator(shape_of(A), product, adjoint, args=(A,), dtype=dtype_of(A))


class LinearOperator:
    """A matrix that is known by its products with vectors.

    Parameters
    ----------
    shape : (int, int)
    matvec : callable
        ``matvec(v, *args)`` returns the product with a vector; written for scirs_ad, as anything that is
        differentiated.
    rmatvec : callable, optional
        ``rmatvec(v, *args)``, the product with the adjoint; found by differentiating `matvec` unless given.
    args : tuple of array_like
        What the matrix depends on: derivatives flow to these, not to what `matvec` closes over.
    dtype : dtype
        float64 unless given.

    Raises
    ------
    ValueError
        If `shape` is not that of a matrix.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> from scirs_ad.scipy.sparse.linalg import LinearOperator, cg
    >>> def f(d):
    ...     return np.sum(cg(LinearOperator((2, 2), lambda v, d: d * v, args=(d,)), np.ones(2))[0])
    >>> ad.grad(f)(np.array([1.0, 2.0])).round(6)
    array([-1.  , -0.25])
    """

    constant = matrix = held = None  # SciPy's matrix or operator; the same for products; what `matvec` closes over

    def __init__(self, shape, matvec, rmatvec=None, *, args=(), dtype=None):
        if len(shape) != 2:
            raise ValueError(f"LinearOperator: shape must be (m, n), not {shape!r}")
        self.shape = tuple(k.__index__() for k in shape)
        self._matvec, self._rmatvec = matvec, rmatvec
        self.args, self.dtype = tuple(as_array(a) for a in args), np.dtype(float if dtype is None else dtype)

    def matvec(self, x):
        """The product with a vector.

        Parameters
        ----------
        x : array_like, shape (n,)

        Returns
        -------
        Variable or ndarray, shape (m,)
        """
        return self._matvec(as_array(x), *self.args)

    def rmatvec(self, x):
        """The product of the adjoint with a vector.

        Parameters
        ----------
        x : array_like, shape (m,)

        Returns
        -------
        Variable or ndarray, shape (n,)
        """
        return self.product(self.args, as_array(x), True)

    def watched(self, name, *arrays):
        """An operator for the solver `name` that fails if it has changed when a derivative is taken of these arrays."""
        moving = [a for a in (*self.args, *arrays) if type(a) is Variable]
        if not moving:
            return self
        made = copy.copy(self)
        if self.constant is not None:
            made.matrix = self.matrix.on(moving[0])
            made.constant = made.matrix.value
        elif self.matrix is None and self.held is None and type(value_of(moving[0])) is not Spec:
            made.held = Held("matvec", self._matvec, self._rmatvec, who=name, remedy="hand it over in args=")
            made.held.note()
        return made

    def check(self, theta):
        """Raise if what the operator closes over has been written to since."""
        if self.matrix is not None:
            self.matrix.at_pull(theta)
        elif self.held is not None:
            self.held.check()

    def product(self, args, v, adjoint):
        """The product with `v`, or that of the adjoint, at other `args`."""
        if not adjoint:
            return self._matvec(v, *args)
        if self._rmatvec is not None:
            return self._rmatvec(v, *args)
        zero = np.zeros(self.shape[1], np.result_type(self.dtype, dtype_of(v)))
        return vjp(lambda u: self._matvec(u, *args), zero)[1](sh.cast(v, np.result_type(zero, dtype_of(v))))[0]


def _in_parts(operator, kind):
    """A complex operator as one of real vectors twice as long: each number by its parts, so products are the same."""
    part = np.empty(0, kind).real.dtype

    def matvec(v):
        return np.ascontiguousarray(operator @ np.ascontiguousarray(v, part).reshape(-1).view(kind), kind).view(part)

    n = operator.shape[0]
    return slinalg.LinearOperator((2 * n, 2 * n), matvec=matvec, rmatvec=matvec, dtype=part)


class How:
    """What is constant about a system: the operator, the method, and what to do if it fails."""

    hint = "give maxiter, a preconditioner M, or a larger rtol"

    def __init__(self, name, operator, shapes, options, precondition, callback, on_failure, adjoint=False):
        self.name, self.operator, self.shapes, self.options = name, operator, shapes, options
        self.precondition, self.callback, self.on_failure = precondition, callback, on_failure
        self.adjoint, self.info, self._other = adjoint, 0, None

    def other(self):
        """The adjoint system; the iterations of derivatives are not the user's to watch."""
        if self._other is None:
            self._other = copy.copy(self)
            self._other.callback, self._other.adjoint, self._other._other = None, not self.adjoint, self
        return self._other

    def apply(self, theta, v, adjoint=False):
        """The product of the matrix, or of its adjoint, with `v`; `theta` holds what it depends on, one after another."""
        adjoint = adjoint != self.adjoint
        if self.shapes is None:
            return la.vector(la.matmul_core(la.h_(theta) if adjoint else theta, la.column(v)))
        args, before = [], 0
        for shape, dtype in self.shapes:
            size = int(np.prod(shape))
            args.append(sh.cast(sh.reshape(theta[before : before + size], shape), dtype))
            before += size
        return self.operator.product(args, v, adjoint)

    def at(self, theta, kind):
        """SciPy's operator with known values."""
        plain = theta
        if self.shapes is not None:
            if self.adjoint:
                self.operator.check(theta)
            plain = self.operator.constant
        if plain is not None:  # by way of our operations lsqr (3000 x 400, 1 % of elements) took 9.6 ms, so 4.3
            plain = slinalg.aslinearoperator(plain)
            return self.turned(plain)

        def product(v, adjoint=False):
            out = self.apply(theta, np.asarray(v).reshape(-1), adjoint)
            if type(out) is Variable:
                raise TypeError(f"{self.name}: matvec closes over a Variable; hand it over in args=, so that its "
                                "derivative is known")  # fmt: skip
            return out

        shape = self.operator.shape[::-1] if self.adjoint else self.operator.shape
        return slinalg.LinearOperator(shape, matvec=product, rmatvec=lambda v: product(v, True), dtype=kind)

    def turned(self, operator):
        """SciPy's operator, or its adjoint; those of methods for Hermitian matrices are their own."""
        if not self.adjoint or self.name in HERMITIAN:
            return operator
        try:
            operator.rmatvec(np.zeros(operator.shape[0], operator.dtype))
        except NotImplementedError:
            raise NotDifferentiableError(
                f"{self.name}: the derivative needs products with the adjoint, and the LinearOperator of shape "
                f"{operator.shape} has none; give it rmatvec="
            ) from None
        return operator.adjoint()

    def run(self, theta, b):
        n, kind = len(b), b.dtype
        operator = self.at(theta, kind)
        options = dict(self.options)
        for name, m in self.precondition.items():
            m = slinalg.aslinearoperator(m)
            # The adjoint of M1^-1 A M2^-1 has the adjoints, exchanged.
            other = {"M1": "M2", "M2": "M1"}.get(name, name) if self.adjoint else name
            options[other] = self.turned(m)
        if self.adjoint:  # subspaces that are carried over belong to the system itself
            options |= {kept: None for kept in ("outer_v", "CU") if kept in options}
        start = options.pop("x0", None)
        if self.adjoint or start is None:
            start = np.zeros(n, kind)
        start = np.asarray(start, kind).reshape(-1)
        callback = self.callback
        parts = self.name == "minres" and kind.kind == "c"  # SciPy's is for real matrices
        if parts:
            if callback is not None:

                def callback(v):
                    self.callback(np.ascontiguousarray(v, b.dtype).view(kind))

            options |= {m: _in_parts(options[m], kind) for m in self.precondition}
            operator, b, start = _in_parts(operator, kind), b.copy().view(b.real.dtype), start.copy().view(b.real.dtype)
        call = getattr(slinalg, self.name)
        x, info = call(operator, b, start, callback=callback, **options)
        self.info = info
        size = np.linalg.norm(b)
        limit = max(float(options["rtol"]) * size, float(options.get("atol", 0.0)))
        left = self.residual(operator, b, x)
        # minres stops by its own estimates: what counts is the residual, with room for their rounding.
        room = 1e2 * n * np.finfo(kind).eps
        close = left <= 1e2 * limit + room * (size + np.linalg.norm(x))
        if info == 0 and not close and size:  # the norm of the matrix is at least |A b| / |b|
            close = left <= 1e2 * limit + room * (size + np.linalg.norm(x) * np.linalg.norm(operator @ b) / size)
        if info or not close:
            x = self.failed(operator, b, start, options, x, info, call)
        return np.ascontiguousarray(x, b.dtype).view(kind) if parts else x

    def residual(self, operator, b, x):
        return float(np.linalg.norm(b - operator @ x + self.options.get("shift", 0.0) * x))

    def failed(self, operator, b, start, options, x, info, call):
        history = []  # by a second run, so that a run that succeeds pays for no residuals
        if self.name == "gmres":
            size = np.linalg.norm(b) or 1.0
            call(operator, b, start, callback=lambda r: history.append(float(r * size)), **options)
        else:
            call(operator, b, start, callback=lambda y: history.append(self.residual(operator, b, y)), **options)
        final = self.residual(operator, b, x)
        message = (
            f"{self.name}{' (adjoint, for a derivative)' if self.adjoint else ''}: no convergence after {len(history)} "
            f"iterations: the residual is {final:.3g}, of a right-hand side of {np.linalg.norm(b):.3g} (info = {info}); "
            f"{self.hint}; .history has the residuals"
        )
        if self.on_failure == "raise":
            error = NotConverged(message)
            error.history = tuple(history)
            raise error
        warning = NotConvergedWarning(message)
        warning.history = tuple(history)
        warnings.warn(warning, stacklevel=2)
        return x


def _kernel(theta, b, *, how):
    core = 2 if how.shapes is None else 1
    kind = np.result_type(theta, b, np.float32)
    lead = np.broadcast_shapes(theta.shape[: theta.ndim - core], b.shape[:-1])
    out = np.zeros((*lead, b.shape[-1]), kind)
    if (
        b.shape[-1] != how.operator.shape[0] or not b.shape[-1]
    ):  # while shapes are found, from the least arrays; no unknowns
        return out
    theta = np.broadcast_to(theta, lead + theta.shape[theta.ndim - core :])
    b = np.broadcast_to(b, lead + b.shape[-1:]).astype(kind)
    with np.errstate(all="ignore"):  # a breakdown is seen in the residual
        for place in np.ndindex(lead):
            out[place] = how.run(theta[place], b[place])
    return out


@primitive(core=lambda theta, b, *, how: (2 if how.shapes is None else 1, 1), kernel=_kernel, internal=True)
def krylov_core(theta, b, *, how):
    """The solution of ``A(theta) x = b`` by an iteration.

    Derivative: implicit: ``A^-1 (db - dA x)``; with ``g = A^-H ct``, by the same method for the adjoint: g for `b`, and
    ``-g`` pulled back through the product ``A(theta) x`` for `theta`. Good to the tolerance of the two iterations. Cost:
    one solve for each.
    """
    return _kernel(theta, b, how=how)


def over_systems(function, *vectors):
    """`function` of vectors, which is written for single ones, over their leading axes."""
    lead = np.broadcast_shapes(*[shape_of(v)[:-1] for v in vectors])
    for _ in lead:
        function = vmap(function)
    return function(*[sh.broadcast_to(v, lead + shape_of(v)[-1:]) for v in vectors])


@krylov_core.def_shape
def _(theta, b, *, how):
    core = 2 if how.shapes is None else 1
    lead = np.broadcast_shapes(theta.shape[: len(theta.shape) - core], b.shape[:-1])
    return type(b)((*lead, b.shape[-1]), np.result_type(theta.dtype, b.dtype, np.float32))


@krylov_core.def_vjp
def _(ct, out, theta, specs, how):
    g = krylov_core(theta, ct, how=how.other())

    def to_theta():
        if how.shapes is None:
            left, right = (out, g) if how.adjoint else (g, out)
            return la.fit(ew.negative(la.matmul_core(la.column(left), la.h_(la.column(right)))), specs[0])

        def one(th, x, y):
            return vjp(lambda moved: how.apply(moved, x), th)[1](ew.negative(y))[0]

        return la.fit(over_systems(one, theta, out, g), specs[0])

    return to_theta, la.fit(g, specs[1])


@krylov_core.def_jvp
def _(t, out, theta, how):
    right = t[1]
    if t[0] is not None:
        if how.shapes is None:
            moved = la.vector(la.matmul_core(la.h_(t[0]) if how.adjoint else t[0], la.column(out)))
        else:
            moved = over_systems(lambda th, d, x: jvp(lambda p: how.apply(p, x), (th,), (d,))[1], theta, t[0], out)
        right = ew.negative(moved) if right is None else ew.subtract(right, moved)
    if how.shapes is not None:
        how.operator.check(theta)
    return None if right is None else krylov_core(theta, right, how=how)


@krylov_core.def_samples
def _(rng):
    a = la.positive_definite(rng, 3, 3)
    options = {"rtol": 1e-14, "atol": 0.0, "maxiter": None, "x0": None}
    # The other methods want Hermitian matrices, which differences do not keep so.
    how = How("gmres", a, None, options | {"callback_type": "legacy"}, {}, None, "raise")
    yield sample(a, rng.standard_normal(3), how=how)


def taken(name, A, square=False, against=()):
    """`A` as a LinearOperator or a dense matrix; the vector of all it depends on, or itself; their shapes.

    A LinearOperator is watched if one of the arrays `against` which it is solved is differentiated.
    """
    if isinstance(A, SparseMatrix) or sparse.issparse(A) or isinstance(A, slinalg.LinearOperator):
        A = aslinearoperator(A)
    if not isinstance(A, LinearOperator):
        A = checked(name, A, True, square=square)
        if len(shape_of(A)) < 2:
            raise ValueError(f"{name}: a matrix (m, n) is needed; the shape is {shape_of(A)}")
        return A, A, None
    A = A.watched(name, *against)
    shapes = [(shape_of(a), dtype_of(a)) for a in A.args]
    kind = np.result_type(A.dtype, *[d for _, d in shapes], np.float32)
    if A.dtype.kind == "f" and kind.kind == "c":
        A.dtype = kind
    pieces = [sh.cast(sh.reshape(a, (int(np.prod(shape_of(a))),)), kind) for a in A.args]
    return A, join.concatenate(pieces) if pieces else np.zeros(0, kind), shapes


def operator_of(A, shapes):
    """What knows the shape, and the products unless `A` is dense (`shapes` is None)."""
    return A if shapes is not None else type("Shape", (), {"shape": tuple(A.shape[-2:])})


def solved(name, A, b, options, M, callback, on_failure, hermitian):
    """The solution and SciPy's info, whatever kind of matrix `A` is; `M` holds preconditioners by SciPy's names."""
    M = {key: m for key, m in (M if isinstance(M, dict) else {"M": M}).items() if m is not None}
    if on_failure not in ("warn", "raise"):
        raise ValueError(f"{name}: on_failure must be 'warn' or 'raise', not {on_failure!r}")
    b = checked(name, b, True)
    shape = shape_of(b)
    column = len(shape) == 2 and shape[1] == 1
    b = la.vector(b) if column else b
    A, theta, shapes = taken(name, A, True, [b])
    if A.shape[-1] != A.shape[-2]:
        raise ValueError(f"{name}: expected square matrix, but got shape={tuple(A.shape)}")
    if not shape_of(b) or shape_of(b)[-1] != A.shape[-1]:
        raise ValueError(f"{name}: A has shape {tuple(A.shape)} and b has shape {shape}, which are incompatible")
    for key, m in M.items():
        if isinstance(m, LinearOperator):
            M[key] = slinalg.LinearOperator(m.shape, matvec=m.matvec, rmatvec=m.rmatvec, dtype=m.dtype)
    if shapes is not None and hermitian and A._rmatvec is None:
        A = copy.copy(A)
        A._rmatvec = A._matvec
    how = How(name, operator_of(A, shapes), shapes, options, M, callback, on_failure)
    x = krylov_core(theta, b, how=how)
    return (la.column(x) if column else x), how.info
