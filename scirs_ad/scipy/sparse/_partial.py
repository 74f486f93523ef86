"""A few eigenvalues or singular values of large matrices; what is not known of the spectrum is solved for, deflated."""

import copy
import warnings

import numpy as np

from scirs_ad._core.core import Spec, dtype_of, shape_of
from scirs_ad._core.define import primitive, sample
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import decompositions as dc
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import join
from scirs_ad._ops import linalg as la
from scirs_ad._ops import shape as sh
from scirs_ad._ops.linalg_policy import announce, bound, chosen
from scirs_ad._transforms.reverse import vjp
from scirs_ad.scipy.sparse._direct import SparseMatrix
from scirs_ad.scipy.sparse._krylov import (
    How,
    LinearOperator,
    NotConverged,
    NotConvergedWarning,
    krylov_core,
    operator_of,
    over_systems,
    taken,
)

sparse, slinalg, dense = lazy("scipy.sparse"), lazy("scipy.sparse.linalg"), lazy("scipy.linalg")


class Deflated(How):
    """The system for what lies outside of the vectors found; it is singular where one of their values has others there."""

    hint = "this is the part of a derivative that lies outside of the vectors found; give maxiter, or a larger k or tol"

    def __init__(self, owner, operator, shapes, options):
        super().__init__("minres", operator, shapes, options, {}, None, owner.on_failure)
        self.owner = owner

    def run(self, theta, b):
        x = super().run(theta, b)
        length = float(np.linalg.norm(x))
        if not length:
            return x
        operator = self.at(theta, b.dtype)
        y = _draw(np.random.default_rng(0), len(b), b.dtype)
        scale = float(np.linalg.norm(operator @ y) / np.linalg.norm(y))
        # If a vector of almost no gap is there, it is nearly all of x. Below this gap the residual that `run` takes for
        # none may hide all of what is along that vector.
        gap = abs(np.vdot(x, b)) / length**2
        if gap > 1e2 * len(b) * np.finfo(b.dtype).eps * scale:
            return x
        what = chosen("degenerate") if self.owner.degenerate is None else self.owner.degenerate
        if what != "ignore":
            announce(f"{self.owner.name}: ", f"a value that was found and one that was not differ by {gap:.3g}",
                     "the choice of k cuts through them; a larger k has both", what)  # fmt: skip
        e = x / length
        x = super().run(theta, b - e * np.vdot(e, b))
        return x - e * np.vdot(e, x)


def _columns(function, *matrices):
    """`function` of the columns of matrices, as a matrix."""
    split = [[x[..., j] for j in range(shape_of(x)[-1])] for x in matrices]
    return join.stack([function(*each) for each in zip(*split, strict=True)], axis=-1)


class Operand:
    """A matrix that a decomposition is of: what it depends on, products, and the form that SciPy takes quickest."""

    def __init__(self, name, A, on_failure, hermitian):
        given = A
        A, self.theta, self.shapes = taken(name, A, hermitian)
        self.halved = self.shapes is None and hermitian
        if self.shapes is not None and hermitian and A._rmatvec is None:
            A = copy.copy(A)
            A._rmatvec = A._matvec
        if isinstance(given, SparseMatrix):
            self.quick = given.pattern.matrix
        elif sparse.issparse(given):
            self.quick = lambda _: given
        elif self.shapes is None:
            self.quick = lambda theta: theta
        else:
            self.quick = None
        self.shape, self.dtype = tuple(A.shape[-2:]), np.result_type(dtype_of(self.theta), A.dtype, np.float32)
        self.how = How(name, operator_of(A, self.shapes), self.shapes, {}, {}, None, on_failure)
        self.core = 2 if self.shapes is None else 1

    def whole(self, theta):
        """`theta`, made Hermitian if it is a dense matrix that has to be."""
        return la.symmetrized(theta) if self.halved else theta

    def known(self, theta, kind):
        """For SciPy."""
        return self.how.at(theta, kind) if self.quick is None else self.quick(theta)

    def times(self, theta, x, adjoint=False):
        """Products with the columns of `x`."""
        if self.shapes is None:
            return la.matmul_core(la.h_(theta) if adjoint else theta, x)
        return _columns(lambda v: over_systems(lambda th, u: self.how.apply(th, u, adjoint), theta, v), x)

    def pull(self, theta, x, ct, adjoint=False):
        """The cotangent of `theta` from those of the products with the columns of `x`."""
        if self.shapes is None:
            return la.matmul_core(x, la.h_(ct)) if adjoint else la.matmul_core(ct, la.h_(x))

        def one(th, u, g):
            return vjp(lambda moved: self.how.apply(moved, u, adjoint), th)[1](g)[0]

        shares = [over_systems(one, theta, x[..., j], ct[..., j]) for j in range(shape_of(x)[-1])]
        total = shares[0]
        for share in shares[1:]:
            total = ew.add(total, share)
        return total


class Partial:
    """What is constant about some values and vectors of ``A v = w M v``, A and M Hermitian."""

    def __init__(self, name, a, mass, k, tol, options, on_failure, degenerate):
        self.name, self.a, self.mass, self.k, self.tol, self.options = name, a, mass, k, tol, options
        self.on_failure, self.degenerate = on_failure, degenerate

    @property
    def size(self):
        return self.a.shape[0]

    def times(self, theta, x):
        return self.a.times(theta, x)

    def weigh(self, mass, x):
        return x if self.mass is None else self.mass.times(mass, x)

    def pull(self, theta, x, ct):
        if self.a.shapes is None:
            return la.symmetrized(self.a.pull(theta, x, ct))
        # The matrix is Hermitian wherever it is: half of the cotangent for each of its sides.
        half = ew.multiply(ct, 0.5)
        return ew.add(self.a.pull(theta, x, half), self.a.pull(theta, half, x))

    def prepared(self, theta, mass, kind):
        """Known matrices for SciPy, a vector, and whether A is seen to be zero; ValueError or LinAlgError if not Hermitian."""
        a = self.a.known(theta, kind)
        m = None if self.mass is None else self.mass.known(mass, kind)
        rng = np.random.default_rng(0)
        x, y = (_draw(rng, self.size, kind) for _ in range(2))
        for what, op in (("A", a), ("M", m)):
            if op is not None:
                ax, ay = op @ x, op @ y
                size = np.linalg.norm(ax) * np.linalg.norm(y) + np.linalg.norm(ay) * np.linalg.norm(x)
                if not np.isfinite(size):
                    raise ValueError(
                        f"{self.name}: {what} has a product that is not finite: array must not contain infs or NaNs"
                    )
                if abs(np.vdot(y, ax) - np.vdot(ay, x)) > np.finfo(kind).eps ** 0.5 * size:
                    raise np.linalg.LinAlgError(
                        f"{self.name}: {what} is not Hermitian; eig and svds take other matrices"
                    )
        return a, m, x, not np.any(a @ x) and not np.any(a @ y)

    def run(self, theta, mass, kind):
        """Values, ascending, and vectors, of known matrices."""
        a, m, x, zero = self.prepared(theta, mass, kind)
        options = dict(self.options)
        if options.get("rng") is None:  # SciPy 1.15 has no such parameter of eigsh
            options.pop("rng", None)
        if options.get("v0") is None:
            options["v0"] = x  # the same at each call
        if zero:  # ARPACK has no start for a matrix of zeros, of which all vectors will do
            return self.polished(a, m, np.eye(self.size, self.k), kind)
        if kind.kind == "c" and self.k >= self.size - 1:  # ARPACK's method for complex matrices has one pair fewer
            return self.densely(a, m, kind)
        try:
            _, v = slinalg.eigsh(a, self.k, M=m, tol=self.tol, **options)
        except slinalg.ArpackNoConvergence as error:
            return self.failed(a, m, error.eigenvalues, error.eigenvectors, kind)
        except slinalg.ArpackError as error:
            say(self, str(error), (), "nothing")
            return np.full(self.k, np.nan), np.full((self.size, self.k), np.nan, kind)
        return self.polished(a, m, v, kind)

    def densely(self, a, m, kind):
        """All but a few of them: all, and then those that are wanted."""
        eye = np.eye(self.size, dtype=kind)
        full, weight = a @ eye, None if m is None else m @ eye
        w, v = dense.eigh((full + full.conj().T) / 2, None if m is None else (weight + weight.conj().T) / 2)
        sigma, which = self.options.get("sigma"), self.options.get("which", "LM")
        with np.errstate(divide="ignore"):
            x = w if sigma is None else 1 / (w - sigma)
        key = {"LM": -np.abs(x), "SM": np.abs(x), "LA": -x, "SA": x}.get(which)
        if key is None:
            raise ValueError(f"{self.name}: which must be one of LM, SM, LA, SA, not {which!r}")
        some = np.sort(np.argsort(key, kind="stable")[: self.k])
        return w[some], v[:, some]

    def polished(self, a, m, v, kind):
        """By the projected problem: ARPACK's vectors are not quite orthogonal where values are equal."""
        v = np.asarray(v, kind)
        t, s = v.conj().T @ (a @ v), v.conj().T @ (v if m is None else m @ v)
        w, y = dense.eigh((t + t.conj().T) / 2, (s + s.conj().T) / 2)
        d = np.diagonal(y)
        turn = np.where(
            np.abs(d) > 0, np.conj(d) / np.where(np.abs(d) > 0, np.abs(d), 1), 1
        )  # as ARPACK's, not LAPACK's
        return w, v @ (y * turn)

    def failed(self, a, m, w, v, kind):
        found = len(w)
        r = a @ v - (v if m is None else m @ v) * w if found else np.zeros((0, 0))
        say(self, f"{found} of {self.k} values converged", tuple(np.linalg.norm(r, axis=0)) if found else (),
            "the residuals of these")  # fmt: skip
        values, vectors = np.full(self.k, np.nan), np.full((self.size, self.k), np.nan, kind)
        order = np.argsort(w)
        values[:found], vectors[:, :found] = w[order], v[:, order]
        return values, vectors


class Preconditioned(Partial):
    """The largest or the smallest values, by LOBPCG from given vectors."""

    def run(self, theta, mass, kind):
        a, m, _, _ = self.prepared(theta, mass, kind)
        options = dict(self.options)
        start, limit = np.array(options.pop("X"), kind), options.pop("limit")
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            # Of small matrices all values are computed, and what has not converged is told below.
            warnings.simplefilter("ignore", UserWarning)
            w, v = slinalg.lobpcg(a, start, m, tol=self.options["tol"], maxiter=limit,
                                  **{key: x for key, x in options.items() if key != "tol"})  # fmt: skip
        w, v = self.polished(a, m, v, kind)
        residuals = np.linalg.norm(a @ v - (v if m is None else m @ v) * w, axis=0)
        tol = options["tol"]
        most = float(np.finfo(kind).eps ** 0.5 * self.size if tol is None else tol)
        size = np.finfo(kind).eps * self.size * np.max(np.abs(w), initial=0.0)
        missed = np.count_nonzero(~(residuals <= 10 * max(most, size)))
        if missed:
            say(self, f"{self.k - missed} of {self.k} values converged", tuple(residuals), "their residuals",
                "give maxiter, a preconditioner M, or a larger tol", "")  # fmt: skip
        return w, v


class Dilated(Partial):
    """Singular values of A and halves of vectors: eigenvalues and vectors of ``[[0, A], [A^H, 0]]``."""

    @property
    def size(self):
        return sum(self.a.shape)

    def times(self, theta, x):
        m = self.a.shape[0]
        upper, lower = x[..., :m, :], x[..., m:, :]
        return join.concatenate([self.a.times(theta, lower), self.a.times(theta, upper, True)], axis=-2)

    def pull(self, theta, x, ct):
        m = self.a.shape[0]
        one = self.a.pull(theta, x[..., m:, :], ct[..., :m, :])
        return ew.add(one, self.a.pull(theta, x[..., :m, :], ct[..., m:, :], True))

    def run(self, theta, mass, kind):
        a = self.a.known(theta, kind)
        options = dict(self.options)
        rng = options.pop("rng", None)
        if options.get("v0") is None and rng is None:
            rng = np.random.default_rng(0)  # the same at each call
        options["rng"] = rng
        product = a @ _draw(np.random.default_rng(0), self.a.shape[1], kind)
        if not np.any(product):  # as in eigsh
            halves = [np.eye(n, self.k, dtype=kind) for n in self.a.shape]
            return np.zeros(self.k), np.concatenate(halves) * np.asarray(0.5**0.5, product.real.dtype)
        if not np.all(np.isfinite(product)):
            raise ValueError(f"{self.name}: A has a product that is not finite: array must not contain infs or NaNs")
        if kind.kind == "c" and self.k >= min(self.a.shape) - 1:  # as in eigsh
            u, s, vh = dense.svd(a @ np.eye(self.a.shape[1], dtype=kind), full_matrices=False)
            some = slice(self.k - 1, None, -1) if options.get("which") != "SM" else slice(None, -self.k - 1, -1)
            return s[some], np.concatenate([u[:, some], vh[some].conj().T]) * np.asarray(0.5**0.5, s.dtype)
        try:
            u, s, vh = slinalg.svds(a, self.k, tol=self.tol, **options)
        except slinalg.ArpackNoConvergence as error:
            say(self, f"{len(error.eigenvalues)} of {self.k} values converged", (), "nothing")
            return np.full(self.k, np.nan), np.full((self.size, self.k), np.nan, kind)
        except slinalg.ArpackError as error:
            say(self, str(error), (), "nothing")
            return np.full(self.k, np.nan), np.full((self.size, self.k), np.nan, kind)
        order = np.argsort(s)
        x = np.concatenate([u, vh.conj().T])[:, order] * np.asarray(0.5**0.5, s.dtype)
        return s[order], x


REMEDY = "give maxiter, ncv, or tol, or sigma near the values that are wanted"


def say(how, what, history, of, remedy=REMEDY, others="; the others are nan"):
    """The error or the warning about an iteration that did not converge."""
    message = f"{how.name}: no convergence: {what}; {remedy}; .history has {of}"
    if how.on_failure == "raise":
        error = NotConverged(message)
        error.history = history
        raise error
    warning = NotConvergedWarning(f"{message}{others}")
    warning.history = history
    warnings.warn(warning, stacklevel=2)


def _draw(rng, n, kind):
    x = rng.uniform(-1, 1, n)
    return (x + 1j * rng.uniform(-1, 1, n) if kind.kind == "c" else x).astype(kind)


def _cores(theta, mass, *, how):
    return how.a.core, 1 if how.mass is None else how.mass.core


def _lead(theta, mass, how):
    return np.broadcast_shapes(*[s[: len(s) - c] for s, c in zip((theta, mass), _cores(0, 0, how=how), strict=True)])


def _kinds(theta, mass, how):
    kind = np.result_type(theta, mass, np.float32) if how.mass is not None else np.result_type(theta, np.float32)
    return kind, np.empty(0, kind).real.dtype


def _kernel(theta, mass, *, how):
    kind, part = _kinds(theta, mass, how)
    lead = _lead(theta.shape, mass.shape, how)
    w, v = np.zeros((*lead, how.k), part), np.zeros((*lead, how.size, how.k), kind)
    if how.a.core == 2 and theta.shape[-2:] != how.a.shape:  # while shapes are found, from the least arrays
        return w, v
    theta, mass = how.a.whole(theta), mass if how.mass is None else how.mass.whole(mass)
    args = [
        np.broadcast_to(x, lead + x.shape[x.ndim - c :])
        for x, c in zip((theta, mass), _cores(0, 0, how=how), strict=True)
    ]
    for place in np.ndindex(lead):
        w[place], v[place] = how.run(*[x[place].astype(kind if x.size else x.dtype) for x in args], kind)
    return w, v


@primitive(core=_cores, kernel=_kernel, n_out=2, internal=True)
def partial_core(theta, mass, *, how):
    """Some values w, ascending, and vectors V of ``A(theta) v = w M(mass) v``, ``V^H M V = I``.

    Derivative: among the vectors found as of `eigh`; outside of them, with ``P = I - V V^H M``, u of
    ``P^H (A - w_j M) P u = -P^H ct_j``, by minimal residuals: with ``Y = V middle + U`` the cotangent of A is ``Y V^H``
    (M. B. Giles 2008, section 3.1, without the vectors that are not known), that of M is
    ``-(Y diag(w) + V (V^H ct_V)^H / 2) V^H``. Cost: an iterative solution for each vector that has a cotangent.
    """
    return _kernel(theta, mass, how=how)


@partial_core.def_shape
def _(theta, mass, *, how):
    kind, part = _kinds(theta.dtype, mass.dtype, how)
    lead = _lead(theta.shape, mass.shape, how)
    return Spec((*lead, how.k), part), Spec((*lead, how.size, how.k), kind)


def _outside(how, theta, mass, w, v, ct):
    """The share of vectors that are not known: for each column one deflated system."""
    n, k = how.size, how.k
    theta, mass = how.a.whole(theta), mass if how.mass is None else how.mass.whole(mass)
    weighed = how.weigh(mass, v)
    matmul = la.matmul_core

    def project(x, adjoint):
        left, right = (weighed, v) if adjoint else (v, weighed)
        return ew.subtract(x, matmul(left, matmul(la.h_(right), x)))

    parts = [theta, mass, v, weighed, w]
    kind = dtype_of(v)
    cores = (*_cores(theta, mass, how=how), 2, 2, 1)
    lead = np.broadcast_shapes(*[shape_of(x)[: len(shape_of(x)) - c] for x, c in zip(parts, cores, strict=True)])
    shapes = [shape_of(x)[len(shape_of(x)) - c :] for x, c in zip(parts, cores, strict=True)]

    def flat(x, shape):
        x = sh.reshape(x, (*shape_of(x)[: len(shape_of(x)) - len(shape)], int(np.prod(shape))))
        return sh.cast(sh.broadcast_to(x, lead + shape_of(x)[-1:]), kind)

    right = ew.negative(project(ct, True))
    found = []
    for j in range(k):

        def product(x, th, ms, v, mv, w, j=j):
            x = la.column(x)
            inner = matmul(la.h_(mv), x)
            y = ew.subtract(x, matmul(v, inner))
            y = ew.subtract(how.times(th, y), ew.multiply(w[j], how.weigh(ms, y)))
            y = ew.subtract(y, matmul(mv, matmul(la.h_(v), y)))
            return la.vector(ew.add(y, matmul(mv, inner)))

        operator = LinearOperator((n, n), product, product, dtype=kind)
        rtol = max(float(how.tol), 4 * np.finfo(kind).eps)
        options = {
            "x0": None,
            "rtol": rtol,
            "maxiter": how.options.get("maxiter"),
            "shift": 0.0,
            "show": False,
            "check": False,
        }
        system = Deflated(how, operator, [(s, dtype_of(x)) for s, x in zip(shapes, parts, strict=True)], options)
        all_parts = join.concatenate([flat(x, s) for x, s in zip(parts, shapes, strict=True)], axis=-1)
        found.append(krylov_core(all_parts, right[..., j], how=system))
    return project(join.stack(found, axis=-1), False)


@partial_core.def_vjp
def _(ct, out, theta, mass, specs, how):
    w, v = out
    ct_w, ct_v = ct
    y = la.matmul_core(v, dc.hermitian_middle(how.name, out, ct, how.degenerate))
    if ct_v is not None:
        y = ew.add(y, _outside(how, theta, mass, w, v, ct_v))

    def to_theta():
        return la.fit(how.pull(theta, v, y), specs[0])

    def to_mass():
        if how.mass is None:
            return None
        z = ew.multiply(y, dc.columns(w))
        if ct_v is not None:
            inner = la.matmul_core(la.h_(v), ct_v)
            z = ew.add(z, ew.multiply(0.5, la.matmul_core(v, la.h_(inner))))
        z = ew.negative(z)
        if how.mass.shapes is None:
            return la.fit(la.symmetrized(how.mass.pull(mass, v, z)), specs[1])
        half = ew.multiply(z, 0.5)
        return la.fit(ew.add(how.mass.pull(mass, v, half), how.mass.pull(mass, half, v)), specs[1])

    return to_theta, to_mass


@partial_core.def_samples
def _(rng):
    a = la.positive_definite(rng, 5, 5)
    how = Partial("eigsh", Operand("eigsh", a, "raise", True), None, 2, 0, {"which": "LA"}, "raise", "raise")
    yield sample(a, np.zeros(0), how=how)


def _checked_k(name, k, most, instead):
    try:
        k = k.__index__()
    except AttributeError:
        raise TypeError(f"{name}: k must be an integer, not {k!r}") from None
    if not 1 <= k < most:
        raise ValueError(f"{name}: k must be at least 1 and less than {most}, not {k}; {instead} gives all of them")
    return k


def eigsh(
    A, k=6, M=None, sigma=None, which="LM", v0=None, ncv=None, maxiter=None, tol=0, return_eigenvectors=True, Minv=None,
    OPinv=None, mode="normal", rng=None, *, degenerate=None, on_failure="warn",
):  # fmt: skip
    """Some eigenvalues and eigenvectors of a Hermitian matrix, or of ``A v = w M v``.

    Parameters
    ----------
    A : array_like, SparseMatrix, scipy.sparse matrix or LinearOperator, shape (n, n)
        Of a dense one ``(A + A^H) / 2`` is decomposed; others have to be Hermitian. Derivatives flow to dense ones, to a
        `SparseMatrix` and to the `args` of a LinearOperator.
    k : int
        How many; less than n.
    M : as `A`, optional
        Positive definite.
    sigma : float, optional
        Near which; then `which` is of ``1 / (w - sigma)``.
    which : {"LM", "SM", "LA", "SA", "BE"}
        The largest or smallest in size, the largest or smallest, or both ends.
    v0 : array_like, shape (n,), optional
        Where to begin; the same each time unless given.
    ncv, maxiter : int, optional
    tol : float
        Relative accuracy of the values, and of the solves for derivatives; 0: that of rounding.
    return_eigenvectors : bool
    Minv, OPinv : array_like or LinearOperator, optional
        As SciPy's; constants.
    mode : {"normal"}
    rng : optional
        As SciPy's.
    degenerate : {"warn", "ignore", "raise"}, optional
        What to do where the derivative of vectors does not exist; see `scirs_ad.scipy.linalg.set_policy`.
    on_failure : {"warn", "raise"}
        What to do if an iteration does not converge, also of those for derivatives: a `NotConvergedWarning`, and nan for
        what is not known, or a `NotConverged`; with the residuals as ``.history``.

    Returns
    -------
    w : Variable or ndarray, shape (k,)
        Ascending.
    v : Variable or ndarray, shape (n, k)
        With `return_eigenvectors`; ``v^H M v`` is the identity.

    Raises
    ------
    ValueError
        If the shapes do not fit, `k` is none, or something is not finite.
    numpy.linalg.LinAlgError
        If a matrix is not Hermitian.
    NotConverged
        If an iteration does not converge, with ``on_failure="raise"``.

    Notes
    -----
    R. B. Lehoucq, D. C. Sorensen, C. Yang (1998): ARPACK. Derivative: of values as of `eigh`. Of vectors, what lies
    outside of the k found solves a deflated system, by minimal residuals. At equal values among the k exact for what does
    not depend on the choice of vectors; none where the k cut through equal values, which is told as `degenerate` says. Cost: some hundred products with `A`,
    and as many for the derivative of each vector.

    Examples
    --------
    >>> import numpy as np
    >>> from scirs_ad.scipy.sparse.linalg import eigsh
    >>> eigsh(np.diag([1.0, 2.0, 3.0, 4.0]), 2, return_eigenvectors=False).round(6)
    array([3., 4.])
    """
    _choice("eigsh", on_failure)
    if mode != "normal":
        raise NotImplementedError(
            f"eigsh: mode={mode!r} has no derivative here; take mode='normal', with sigma or without"
        )
    a = Operand("eigsh", A, on_failure, True)
    if a.shape[0] != a.shape[1]:
        raise ValueError(f"eigsh: expected square matrix, but got shape={a.shape}")
    mass = None if M is None else Operand("eigsh", M, on_failure, True)
    if mass is not None and mass.shape != a.shape:
        raise ValueError(f"eigsh: wrong M dimensions {mass.shape}; should be those of A, {a.shape}")
    options = {"sigma": sigma, "which": which, "v0": v0, "ncv": ncv, "maxiter": maxiter, "Minv": Minv, "OPinv": OPinv,
               "rng": rng}  # fmt: skip
    k = _checked_k("eigsh", k, a.shape[0], "scipy.linalg.eigh")
    how = Partial("eigsh", a, mass, k, tol, options, on_failure, bound("degenerate", degenerate))
    w, v = partial_core(a.theta, np.zeros(0, np.float32) if mass is None else mass.theta, how=how)
    return (w, v) if return_eigenvectors else w


def lobpcg(
    A, X, B=None, M=None, Y=None, tol=None, maxiter=None, largest=True, verbosityLevel=0, retLambdaHistory=False,
    retResidualNormsHistory=False, restartControl=20, *, degenerate=None, on_failure="warn",
):  # fmt: skip
    """The largest or the smallest eigenvalues and vectors of a Hermitian matrix, from approximate vectors.

    Parameters
    ----------
    A : array_like, SparseMatrix, scipy.sparse matrix or LinearOperator, shape (n, n)
        Derivatives flow to dense ones, to a `SparseMatrix` and to the `args` of a LinearOperator.
    X : array_like, shape (n, k)
        Where to begin, and so how many are wanted; a constant.
    B : as `A`, optional
        The matrix of the generalised problem ``A v = w B v``, positive definite.
    M : array_like, scipy.sparse matrix or LinearOperator, optional
        Preconditioner, an approximation of the inverse of `A`; a constant.
    Y : None
        Constraints have no derivative here.
    tol : float, optional
        Of the norms of residuals; ``sqrt(eps) n`` unless given.
    maxiter : int, optional
        20 unless given.
    largest : bool
        Whether the largest or the smallest values.
    verbosityLevel, restartControl : int
        As SciPy's.
    retLambdaHistory, retResidualNormsHistory : False
        ``.history`` of the warning or the error has the residuals.
    degenerate : {"warn", "ignore", "raise"}, optional
        What to do where the derivative of vectors does not exist; see `scirs_ad.scipy.linalg.set_policy`.
    on_failure : {"warn", "raise"}
        What to do if an iteration does not converge, also of those for derivatives.

    Returns
    -------
    w, v : Variable or ndarray, shapes (k,) and (n, k)
        The values, the largest or the smallest first.

    Raises
    ------
    ValueError
        If the shapes do not fit, or something is not finite.
    NotImplementedError
        For `Y` and histories.
    numpy.linalg.LinAlgError
        If `A` or `B` is not Hermitian.
    NotConverged
        If an iteration does not converge, with ``on_failure="raise"``.

    Notes
    -----
    Derivative: that of `eigsh`. It takes the vectors for exact: give a small `tol`. Cost: some products with `A`, `B` and
    `M` for each iteration, and a deflated solution for the derivative of each vector.

    Examples
    --------
    >>> import numpy as np
    >>> from scirs_ad.scipy.sparse.linalg import lobpcg
    >>> a = np.diag(np.arange(1.0, 21.0))
    >>> lobpcg(a, np.eye(20, 2) + 0.1, largest=False, tol=1e-9, maxiter=200)[0].round(6)
    array([1., 2.])
    """
    _choice("lobpcg", on_failure)
    if Y is not None:
        raise NotImplementedError("lobpcg: constraints Y have no derivative here; deflate A by them")
    if retLambdaHistory or retResidualNormsHistory:
        raise NotImplementedError("lobpcg: histories are not returned; .history of the warning has the residuals")
    a = Operand("lobpcg", A, on_failure, True)
    n = a.shape[0]
    if n != a.shape[1]:
        raise ValueError(f"lobpcg: expected square matrix, but got shape={a.shape}")
    X = np.asarray(X)
    if X.ndim != 2 or X.shape[0] != n or not 1 <= X.shape[1] < n:
        raise ValueError(
            f"lobpcg: X must have shape ({n}, k) with k from 1 to {n - 1}, for A of shape {a.shape}; it has {X.shape}"
        )
    mass = None if B is None else Operand("lobpcg", B, on_failure, True)
    if mass is not None and mass.shape != a.shape:
        raise ValueError(f"lobpcg: B has shape {mass.shape}; it should be that of A, {a.shape}")
    options = {"X": X, "M": M, "tol": tol, "limit": maxiter, "largest": largest, "verbosityLevel": verbosityLevel,
               "restartControl": restartControl}  # fmt: skip
    how = Preconditioned("lobpcg", a, mass, X.shape[1], 0, options, on_failure, bound("degenerate", degenerate))
    w, v = partial_core(a.theta, np.zeros(0, np.float32) if mass is None else mass.theta, how=how)
    return (w[..., ::-1], v[..., ::-1]) if largest else (w, v)


def svds(
    A, k=6, ncv=None, tol=0, which="LM", v0=None, maxiter=None, return_singular_vectors=True, solver="arpack", rng=None,
    options=None, *, random_state=None, degenerate=None, on_failure="warn",
):  # fmt: skip
    """Some singular values and vectors.

    Parameters
    ----------
    A : array_like, SparseMatrix, scipy.sparse matrix or LinearOperator, shape (m, n)
        Derivatives flow to dense ones, to a `SparseMatrix` and to the `args` of a LinearOperator.
    k : int
        How many; less than m and n.
    ncv, maxiter : int, optional
    tol : float
        Relative accuracy of the values, and of the solves for derivatives; 0: that of rounding.
    which : {"LM", "SM"}
        The largest or the smallest.
    v0 : array_like, optional
        Where to begin; the same each time unless this or `rng` is given.
    return_singular_vectors : bool, "u" or "vh"
    solver : {"arpack", "propack", "lobpcg"}
    rng, options, random_state
        As SciPy's.
    degenerate : {"warn", "ignore", "raise"}, optional
        What to do where the derivative of vectors does not exist; see `scirs_ad.scipy.linalg.set_policy`.
    on_failure : {"warn", "raise"}
        What to do if an iteration does not converge, also of those for derivatives.

    Returns
    -------
    u, s, vh : Variable or ndarray, shapes (m, k), (k,) and (k, n)
        The values ascending; None for vectors that are not asked for, s alone for none.

    Raises
    ------
    ValueError
        If the shapes do not fit, `k` is none, or something is not finite.
    NotConverged
        If an iteration does not converge, with ``on_failure="raise"``.

    Notes
    -----
    Derivative: that of `eigsh` of ``[[0, A], [A^H, 0]]``. Cost: some hundred products with `A` and its adjoint, and as
    many for the derivative of each pair of vectors.

    Examples
    --------
    >>> import numpy as np
    >>> from scirs_ad.scipy.sparse.linalg import svds
    >>> svds(np.diag([1.0, 2.0, 3.0, 4.0]), 2, return_singular_vectors=False).round(6)
    array([3., 4.])
    """
    _choice("svds", on_failure)
    if return_singular_vectors not in (True, False, "u", "vh"):
        raise ValueError(
            f"svds: return_singular_vectors must be True, False, 'u' or 'vh', not {return_singular_vectors!r}"
        )
    a = Operand("svds", A, on_failure, False)
    k = _checked_k("svds", k, min(a.shape), "scipy.linalg.svd")
    kept = {"ncv": ncv, "which": which, "v0": v0, "maxiter": maxiter, "solver": solver,
            "rng": rng if random_state is None else random_state, "options": options}  # fmt: skip
    how = Dilated("svds", a, None, k, tol, kept, on_failure, bound("degenerate", degenerate))
    s, x = partial_core(a.theta, np.zeros(0, np.float32), how=how)
    if not return_singular_vectors:
        return s
    x = ew.multiply(x, np.asarray(2.0**0.5, np.empty(0, dtype_of(x)).real.dtype))
    m = a.shape[0]
    u = None if return_singular_vectors == "vh" else x[..., :m, :]
    vh = None if return_singular_vectors == "u" else la.h_(x[..., m:, :])
    return u, s, vh


def _choice(name, on_failure):
    if on_failure not in ("warn", "raise"):
        raise ValueError(f"{name}: on_failure must be 'warn' or 'raise', not {on_failure!r}")
