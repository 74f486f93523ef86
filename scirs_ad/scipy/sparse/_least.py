"""Iterative least squares with implicit derivatives: by the same iteration for the matrix and for its adjoint."""

import warnings

import numpy as np

from scirs_ad._core.core import dtype_of, shape_of, value_of
from scirs_ad._core.define import primitive, sample
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import join, norms
from scirs_ad._ops import linalg as la
from scirs_ad._ops import shape as sh
from scirs_ad._transforms.reverse import vjp
from scirs_ad.scipy._spectra import checked
from scirs_ad.scipy.sparse._krylov import (
    How,
    LinearOperator,
    NotConverged,
    NotConvergedWarning,
    operator_of,
    over_systems,
    taken,
)

slinalg = lazy("scipy.sparse.linalg")

LIMIT = {"lsqr": "iter_lim", "lsmr": "maxiter"}


class HowLeast(How):
    """What is constant about a problem of least squares."""

    def run(self, theta, b):
        operator = self.at(theta, b.dtype)
        options = dict(self.options)
        limit = options.pop("limit")
        if limit is None:
            # SciPy's are 2 n and min(m, n): by rounding, lsmr may need some more.
            limit = 2 * max(operator.shape)
        call = getattr(slinalg, self.name)

        def after(count):
            with np.errstate(all="ignore"):  # a breakdown is seen in the solution
                return call(operator, b, **options, **{LIMIT[self.name]: count})

        found = after(limit)
        x = np.asarray(found[0], b.dtype)
        self.info = found[1:]
        residual, slope, size = self.quality(operator, b, x)
        eps = np.finfo(b.dtype).eps
        room = 1e2 * len(b) * eps
        btol, atol = options["btol"], options["atol"]
        solved = residual <= (1e2 * btol + room) * np.linalg.norm(b) + (1e2 * atol + room) * size * np.linalg.norm(x)
        # The residual, if computed, has an error of rounding units of both of its terms.
        error = room * (np.linalg.norm(b) + size * np.linalg.norm(x))
        if solved or slope <= size * ((1e2 * atol + room) * residual + error):
            return x
        return self.failed(operator, b, found, after, slope)

    def quality(self, operator, b, x):
        """The norms of the residual and of its product with the adjoint, and an estimate of that of the matrix."""
        r = b - operator @ x
        slope = operator.adjoint() @ r
        size, start = 0.0, operator.adjoint() @ b
        if np.any(start):
            size = np.linalg.norm(operator @ start) / np.linalg.norm(start)
        return tuple(float(k) for k in (np.linalg.norm(r), np.linalg.norm(slope), size))

    def failed(self, operator, b, found, after, slope):
        last, history = int(found[2]), []
        count = 1
        while count < last:  # by further runs, so that one that succeeds pays nothing
            history.append(self.quality(operator, b, after(count)[0])[1])
            count *= 2
        history.append(slope)
        message = (
            f"{self.name}{' (adjoint, for a derivative)' if self.adjoint else ''}: no convergence after {last} "
            f"iterations: the norm of A^H (b - A x) is {slope:.3g} (istop = {found[1]}: "
            f"{'conlim is exceeded' if found[1] in (3, 6) else 'the limit of iterations' if found[1] == 7 else 'by its own estimates it is done'}"
            f"); give {LIMIT[self.name]}, conlim, damp, or larger tolerances; .history has these norms after 1, 2, 4, ... "
            "iterations"
        )
        if self.on_failure == "raise":
            error = NotConverged(message)
            error.history = tuple(history)
            raise error
        warning = NotConvergedWarning(message)
        warning.history = tuple(history)
        warnings.warn(warning, stacklevel=2)
        return np.asarray(found[0], b.dtype)


def _core(theta, b, *, how):
    return 2 if how.shapes is None else 1, 1


def _shapes(theta, b, how):
    m, n = how.operator.shape[::-1] if how.adjoint else how.operator.shape
    lead = np.broadcast_shapes(theta[: len(theta) - (2 if how.shapes is None else 1)], b[:-1])
    return m, n, lead


def _kernel(theta, b, *, how):
    m, n, lead = _shapes(theta.shape, b.shape, how)
    kind = np.result_type(theta, b, np.float32)
    out = np.zeros((*lead, n), kind)
    if b.shape[-1] != m or not m or not n:  # while shapes are found, from the least arrays; nothing to do
        return out
    theta = np.broadcast_to(theta, lead + theta.shape[len(theta.shape) - (2 if how.shapes is None else 1) :])
    b = np.broadcast_to(b, lead + b.shape[-1:]).astype(kind)
    for place in np.ndindex(lead):
        out[place] = how.run(theta[place], b[place])
    return out


@primitive(core=_core, kernel=_kernel, internal=True)
def least_core(theta, b, *, how):
    """The shortest x for which ``|A(theta) x - b|`` is least, by an iteration.

    Derivative: implicit (G. H. Golub, V. Pereyra 1973, equation 4.12, of the pseudoinverse ``P``, applied to `b`): with
    ``y = P^H ct``, the solution for the adjoint, ``z = P y``, ``w = P^H x`` and the residual ``r = b - A x``: y for `b`,
    ``-y x^H + r z^H + w (ct - A^H y)^H`` for A, pulled back to `theta` through products. Where the rank changes there is
    none. Good to the tolerances of the iterations. Cost: three more solutions.
    """
    return _kernel(theta, b, how=how)


@least_core.def_shape
def _(theta, b, *, how):
    _, n, lead = _shapes(theta.shape, b.shape, how)
    return type(b)((*lead, n), np.result_type(theta.dtype, b.dtype, np.float32))


def _times(how, theta, v, adjoint=False):
    if how.shapes is None:
        return how.apply(theta, v, adjoint)
    return over_systems(lambda th, x: how.apply(th, x, adjoint), theta, v)


@least_core.def_vjp
def _(ct, out, theta, b, specs, how):
    y = least_core(theta, ct, how=how.other())

    def to_theta():
        z = least_core(theta, y, how=how)
        w = least_core(theta, out, how=how.other())
        r = ew.subtract(b, _times(how, theta, out))
        rest = ew.subtract(ct, _times(how, theta, y, True))
        pairs = ((ew.negative(y), out), (r, z), (w, rest))
        if how.shapes is None:
            left = join.stack([x for x, _ in pairs], axis=-1)
            right = join.stack([x for _, x in pairs], axis=-1)
            if how.adjoint:
                left, right = right, left
            return la.fit(la.matmul_core(left, la.h_(right)), specs[0])
        total = None
        for left, right in pairs:

            def one(th, x, g):
                return vjp(lambda moved: how.apply(moved, x), th)[1](g)[0]

            share = over_systems(one, theta, right, left)
            total = share if total is None else ew.add(total, share)
        return la.fit(total, specs[0])

    return to_theta, la.fit(y, specs[1])


@least_core.def_samples
def _(rng):
    options = {"damp": 0.0, "atol": 1e-14, "btol": 1e-14, "conlim": 1e12, "limit": None, "show": False}
    for shape in ((4, 2), (2, 4)):
        a = rng.standard_normal(shape)
        how = HowLeast("lsqr", type("Shape", (), {"shape": shape}), None, options, {}, None, "raise")
        yield sample(a, rng.standard_normal(shape[0]), how=how)


def _damped(A, shapes, damp):
    """The matrix with ``damp I`` below."""
    m, n = A.shape[-2:]
    if shapes is None:
        below = ew.multiply(damp, np.eye(n, dtype=dtype_of(A)))
        return join.concatenate([A, sh.broadcast_to(below, (*shape_of(A)[:-2], n, n))], axis=-2)

    def product(v, d, *args):
        return join.concatenate([A.product(args, v, False), ew.multiply(d, v)])

    def adjoint(u, d, *args):
        return ew.add(A.product(args, u[:m], True), ew.multiply(d, u[m:]))

    made = LinearOperator((m + n, n), product, adjoint, args=(damp, *A.args), dtype=A.dtype)
    made.matrix, made.held = A.matrix, A.held
    return made


def least(name, A, b, damp, x0, options, on_failure):
    """The solution, SciPy's diagnostics, and the norms of the residuals and of the solution, which have derivatives."""
    if on_failure not in ("warn", "raise"):
        raise ValueError(f"{name}: on_failure must be 'warn' or 'raise', not {on_failure!r}")
    for key in ("atol", "btol", "conlim"):
        options[key] = float(options[key] or 0.0)
    b = checked(name, b, True)
    A, theta, shapes = taken(name, A, against=[b, damp])
    m, n = A.shape[-2:]
    given = shape_of(b)
    if len(given) > 1 and given[-1] == 1 and given[-2] == m:
        b = la.vector(b)
    if not shape_of(b) or shape_of(b)[-1] != m:
        raise ValueError(f"{name}: A has shape {tuple(A.shape)} and b has shape {given}, which are incompatible")
    kind = np.result_type(dtype_of(theta), dtype_of(b))
    start = None
    if x0 is not None:
        start = checked(name, x0, True)
        if shape_of(start)[-1:] != (n,):
            raise ValueError(f"{name}: A has shape {tuple(A.shape)} and x0 has shape {shape_of(start)}, which are "
                             "incompatible")  # fmt: skip
    damp = checked(name, damp, True)
    if shape_of(damp) != ():
        raise ValueError(f"{name}: damp must be a number; its shape is {shape_of(damp)}")

    def residual(x):
        how = HowLeast(name, operator_of(A, shapes), shapes, options, {}, None, on_failure)
        return ew.subtract(b, _times(how, theta, x))

    right = b if start is None else residual(start)
    matrix, known = A, value_of(damp)
    if not (isinstance(known, np.ndarray) and known is damp and known == 0):
        damp = sh.cast(damp, np.empty(0, kind).real.dtype)
        matrix = _damped(A, shapes, damp)
        right = join.concatenate([right, np.zeros((*shape_of(right)[:-1], n), kind)], axis=-1)
        known = None
    full, theta_full, shapes_full = (A, theta, shapes) if known is not None else taken(name, matrix, against=[right])
    how = HowLeast(name, operator_of(full, shapes_full), shapes_full, options | {"damp": 0.0}, {}, None, on_failure)
    how.info = ()
    moved = least_core(theta_full, right, how=how)
    x = moved if start is None else ew.add(start, moved)
    r = residual(x)
    below = ew.multiply(damp, moved)
    how_plain = HowLeast(name, operator_of(A, shapes), shapes, options, {}, None, on_failure)
    slope = ew.subtract(_times(how_plain, theta, r, True), ew.multiply(damp, below))
    length = norms.vector_norm
    return x, how.info, (length(r, axis=-1), norms.vector_norm(join.concatenate([r, below], axis=-1), axis=-1),
                         length(slope, axis=-1), length(x, axis=-1))  # fmt: skip


def lsqr(
    A, b, damp=0.0, atol=1e-6, btol=1e-6, conlim=1e8, iter_lim=None, show=False, calc_var=False, x0=None, *,
    on_failure="warn",
):  # fmt: skip
    options = {"atol": atol, "btol": btol, "conlim": conlim, "limit": iter_lim, "show": show, "calc_var": calc_var}
    x, info, (r1, r2, slope, size) = least("lsqr", A, b, damp, x0, options, on_failure)
    istop, itn, _, _, anorm, acond, _, _, var = info or (0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, np.zeros(shape_of(x)[-1:]))
    return x, istop, itn, r1, r2, anorm, acond, slope, size, var


def lsmr(
    A, b, damp=0.0, atol=1e-6, btol=1e-6, conlim=1e8, maxiter=None, show=False, x0=None, *, on_failure="warn"
):  # fmt: skip
    options = {"atol": atol, "btol": btol, "conlim": conlim, "limit": maxiter, "show": show}
    x, info, (_, r2, slope, size) = least("lsmr", A, b, damp, x0, options, on_failure)
    istop, itn, _, _, norma, conda, _ = info or (0, 0, 0.0, 0.0, 0.0, 0.0, 0.0)
    return x, istop, itn, r2, slope, norma, conda, size


_DOC = """{summary}

    Parameters
    ----------
    A : array_like, SparseMatrix, scipy.sparse matrix or LinearOperator, shape (m, n)
        Wide, tall or square, of any rank.
    b : array_like, shape (m,) or (m, 1)
    damp : float
        Least is ``|A x - b|^2 + damp^2 |x - x0|^2``; derivatives flow to it.
    atol, btol : float
        The iteration ends when ``A^H (b - A x)`` is small beside ``|A| |b - A x|`` by `atol`, or ``b - A x`` beside
        ``|A| |x|`` and ``|b|`` by `atol` and `btol`. The same holds of the solves for derivatives, so these are no better.
    conlim : float
        It ends, without a solution, when the condition is beyond this; 0: never.
    {limit} : int, optional
        Twice the larger of m and n unless given.
    show{var} : bool
        As SciPy's.
    x0 : array_like, shape (n,), optional
        Of many solutions the nearest to this one; zero unless given. Derivatives flow to it.
    on_failure : {{"warn", "raise"}}
        What to do if there is no solution at the end: a `NotConvergedWarning` or a `NotConverged`, with the norms of
        ``A^H (b - A x)`` after 1, 2, 4, ... iterations as ``.history``.

    Returns
    -------
    x : Variable or ndarray, shape (n,)
    istop, itn : int
        As SciPy's: why and when the iteration ended (0 where it has not run yet, as while tracing).
{returns}

    Raises
    ------
    ValueError
        If the shapes do not fit, or something is not finite.
    NotConverged
        If there is no solution at the end, with ``on_failure="raise"``.

    Notes
    -----
    {source} Derivative: implicit, three more solves, one of them with the adjoint of the adjoint; never through the
    iterations; where the rank of `A` changes there is none. `damp` is a part of the matrix, as rows of its own, so it may
    be a Variable. Cost: a product with `A` and one with its adjoint for each iteration.

    Examples
    --------
    >>> from scirs_ad.scipy.sparse.linalg import {name}
    >>> {name}([[1.0, 0.0], [1.0, 0.0], [0.0, 2.0]], [1.0, 3.0, 4.0])[0].round(6)
    array([2., 2.])
    """
lsqr.__doc__ = _DOC.format(
    summary="Least squares by the bidiagonalisation of Golub and Kahan, as conjugate gradients of the normal equations.",
    name="lsqr", limit="iter_lim", var=", calc_var", source="C. C. Paige, M. A. Saunders (1982).",
    returns="""    r1norm, r2norm : Variable or ndarray
        Norms of ``b - A x``, and of that with ``damp (x - x0)`` below it.
    anorm, acond : float
        SciPy's estimates of the norm and the condition of the matrix; without derivatives.
    arnorm, xnorm : Variable or ndarray
        Norms of ``A^H (b - A x) - damp^2 (x - x0)`` and of the solution.
    var : ndarray, shape (n,)
        With `calc_var` SciPy's estimate of the diagonal of the inverse of ``A^H A + damp^2``; without derivative.""",
)  # fmt: skip
lsmr.__doc__ = _DOC.format(
    summary="Least squares by the bidiagonalisation of Golub and Kahan, as minimal residuals of the normal equations.",
    name="lsmr", limit="maxiter", var="", source="D. C.-L. Fong, M. A. Saunders (2011).",
    returns="""    normr, normar : Variable or ndarray
        Norms of ``b - A x`` with ``damp (x - x0)`` below it, and of ``A^H (b - A x) - damp^2 (x - x0)``.
    norma, conda : float
        SciPy's estimates of the norm and the condition of the matrix; without derivatives.
    normx : Variable or ndarray
        Norm of the solution.""",
)  # fmt: skip
