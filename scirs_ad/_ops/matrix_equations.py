"""Linear and quadratic matrix equations: Sylvester, Lyapunov, Riccati.

The derivative of a solution is implicit: one more linear equation of the same kind, by the same Schur factors.
Inner product ``Re tr(X^H Y)``.
"""

import numpy as np

from scirs_ad._core.core import Dual, dtype_of, shape_of
from scirs_ad._core.define import primitive, sample
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import arithmetic as ar
from scirs_ad._ops import shape as sh
from scirs_ad._ops.linalg import fit, h_, inv_core, matmul_core, well_conditioned
from scirs_ad._ops.matrix_batch import looped

sp = lazy("scipy.linalg")
lapack = lazy("scipy.linalg.lapack")


# ------------------------------------------------------------------------------------------------ Sylvester
def _schur(a):
    t, z = sp.schur(a, output="real" if a.dtype.kind == "f" else "complex", check_finite=False)
    return t, z


@primitive("(n,n)->(n,n),(n,n)", kernel=looped("(n,n)->(n,n),(n,n)", _schur, name="schur"), differentiable=False,
           internal=True)  # fmt: skip
def schur_of(a):
    """The Schur form and vectors of a matrix (real ones of a real matrix), as a tool: derivatives flow through `a`.

    `sylvester_with` takes them, so that value and derivatives share one factorisation. Cost: about ``25 n^3``
    operations.
    """
    return looped("(n,n)->(n,n),(n,n)", _schur, name="schur")(a)


schur_of.not_differentiable("the derivative of a solution flows through the matrix, not through its Schur form")


@schur_of.def_samples
def _(rng):
    yield sample(rng.standard_normal((3, 3)))
    yield sample(rng.standard_normal((2, 2, 2)) + 0j)
    yield sample(np.ones((0, 3, 3)))
    yield sample(np.ones((0, 0)))


_SINGULAR = "a and -b have common or very close eigenvalues, so the equation is singular"


def _sylvester_one(ra, ua, rb, ub, c, *, trans):
    """``op(A) X + X op(B) = C`` for one triple, by Schur factors and xTRSYL (Bartels and Stewart, 1972)."""
    right = ua.conj().T @ c @ ub
    (trsyl,) = lapack.get_lapack_funcs(("trsyl",), (ra, rb, right))
    code = ("T" if ra.dtype.kind == "f" else "C") if trans else "N"
    x, scale, info = trsyl(ra, rb, right, trana=code, tranb=code)
    if info > 0:
        raise np.linalg.LinAlgError(_SINGULAR)
    return ua @ (x / scale) @ ub.conj().T


_sylvester = looped("(m,m),(m,m),(n,n),(n,n),(m,n)->(m,n)", _sylvester_one, name="solve_sylvester")


def _sylvester_kernel(a, ra, ua, b, rb, ub, c, *, trans, name):
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2], c.shape[:-2])
    try:
        return _sylvester(ra, ua, rb, ub, np.broadcast_to(c, lead + c.shape[-2:]), trans=trans)
    except np.linalg.LinAlgError as error:
        if name is None:
            raise
        place = str(error).removeprefix("solve_sylvester: ").removesuffix(_SINGULAR)
        raise np.linalg.LinAlgError(
            f"{name}: {place}singular to working precision, so there is no derivative"
        ) from None


@primitive("(m,m),(m,m),(m,m),(n,n),(n,n),(n,n),(m,n)->(m,n)", kernel=_sylvester_kernel, name="sylvester_core",
           internal=True)  # fmt: skip
def sylvester_with(a, ra, ua, b, rb, ub, c, *, trans, name):
    """The solution of ``op(a) x + x op(b) = c`` by the Schur factors of `a` and `b`; `trans` 0 or 2: adjoints.

    `name`: of the operation whose derivative this is, for messages.

    Derivative: with ``S`` the solution of the adjoint equation for ``ct``: ``S`` for `c`, ``-S x^H`` for ``op(a)`` and
    ``-x^H S`` for ``op(b)``; all of it is accounted to the matrices, none to their factors. Cost: ``5/2 (m^2 n + m n^2)``
    operations.
    """
    del a, b
    m, n = ra.shape[-1], rb.shape[-1]

    def one(ra, ua, rb, ub, c):
        a, b = ua @ ra @ ua.conj().T, ub @ rb @ ub.conj().T
        a, b = (a.conj().T, b.conj().T) if trans else (a, b)
        return np.linalg.solve(np.kron(a, np.eye(n)) + np.kron(np.eye(m), b.T), c.reshape(-1)).reshape(m, n)

    return looped("(m,m),(m,m),(n,n),(n,n),(m,n)->(m,n)", one)(ra, ua, rb, ub, c)


@sylvester_with.def_vjp
def _(ct, out, a, ra, ua, b, rb, ub, specs, trans, name):
    s = sylvester_with(a, ra, ua, b, rb, ub, ct, trans=2 - trans, name=name)
    if trans:
        to_a, to_b = matmul_core(out, h_(s)), matmul_core(h_(s), out)
    else:
        to_a, to_b = matmul_core(s, h_(out)), matmul_core(h_(out), s)
    to_a, to_b = fit(ar.negative(to_a), specs[0]), fit(ar.negative(to_b), specs[3])
    return to_a, None, None, to_b, None, None, fit(s, specs[6])


@sylvester_with.def_jvp
def _(t, out, a, ra, ua, b, rb, ub, trans, name):
    right = t[6]
    op = h_ if trans else lambda x: x
    for moved in (
        None if t[0] is None else matmul_core(op(t[0]), out),
        None if t[3] is None else matmul_core(out, op(t[3])),
    ):
        if moved is not None:
            right = ar.negative(moved) if right is None else ar.subtract(right, moved)
    return None if right is None else sylvester_with(a, ra, ua, b, rb, ub, right, trans=trans, name=name)


@sylvester_with.def_samples
def _(rng):
    def system(a, b, c, trans=0):
        # The factors stay as they are where a matrix is moved: only right-hand sides can be tested by differences.
        return sample(a, *schur_of(a), b, *schur_of(b), c, trans=trans, name=None, wrt=(6,))

    for trans in (0, 2):
        yield system(well_conditioned(rng, 3, 3), well_conditioned(rng, 2, 2), rng.standard_normal((3, 2)), trans)
        yield system(
            well_conditioned(rng, 2, 2, complex_too=True),
            well_conditioned(rng, 3, 3, complex_too=True),
            rng.standard_normal((2, 3)) + 0j,
            trans,
        )
    yield system(well_conditioned(rng, 2, 2, 2), well_conditioned(rng, 2, 2), rng.standard_normal((2, 2)))


def sylvester_core(a, b, c, name=None):
    """The solution of ``a x + x b = c``, all of one dtype; `name`: of the operation whose derivative it is."""
    dtype = np.result_type(*[np.float32] + [dtype_of(x) for x in (a, b, c)])
    a, b, c = (sh.cast(x, dtype) if dtype_of(x) != dtype else x for x in (a, b, c))
    return sylvester_with(a, *schur_of(a), b, *schur_of(b), c, trans=0, name=name)


def lyapunov_core(a, q):
    """The solution of ``a x + x a^H = q``."""
    return sylvester_core(a, h_(a), q)


def discrete_lyapunov_core(a, q):
    """The solution of ``a x a^H - x + q = 0``, by the bilinear transformation to a continuous equation.

    With ``B = (a^H - I) (a^H + I)^-1``: ``B^H x + x B = -2 (a + I)^-1 q (a^H + I)^-1`` (Gajic and Qureshi, 1995,
    section 2.2); where ``a + I`` is singular the caller takes the Kronecker form.
    """
    eye = np.eye(shape_of(a)[-1], dtype=dtype_of(a))
    inverse = inv_core(ar.add(a, eye))
    b = matmul_core(ar.subtract(h_(a), eye), h_(inverse))
    right = ar.multiply(-2.0, matmul_core(matmul_core(inverse, q), h_(inverse)))
    return sylvester_core(h_(b), b, right)


# ------------------------------------------------------------------------------------------------ Riccati
def _hermitian(x):
    return ar.multiply(0.5, ar.add(x, h_(x)))


def _residual_and_closed(which, x, a, b, q, r):
    """The residual at `x`, evaluated in extended precision, and the closed loop.

    With any gain ``k`` near ``s^-1 g``, ``g^H s^-1 g = k^H g + g^H k - k^H s k`` but for the square of its error, so the
    inverse may be that of double precision.
    """
    wide = np.result_type(x, np.longdouble)
    x, a, b, q, r = (v.astype(wide) for v in (x, a, b, q, r))
    bx = b.conj().T @ x
    s, g = (r, bx) if which == "solve_continuous_are" else (r + bx @ b, bx @ a)
    narrow = np.complex128 if wide.kind == "c" else np.float64
    k = np.linalg.solve(s.astype(narrow), g.astype(narrow)).astype(wide)
    first = a.conj().T @ x
    linear = first + first.conj().T if which == "solve_continuous_are" else first @ a - x
    cross = k.conj().T @ g
    residual = linear + q - (cross + cross.conj().T - k.conj().T @ s @ k)
    return residual.astype(narrow), (a - b @ k).astype(narrow)


def _refined(which, x, a, b, q, r):
    """Newton's method (Kleinman, 1968) for the corrections, which are Lyapunov equations of the closed loop.

    The ordered Schur form loses digits where the closed loop is weakly damped (1e-10 of the solution on a sample of the
    tests), and derivatives multiply what is lost.
    """
    before = 0.1 * np.max(np.abs(x), initial=0.0)
    for turn in range(4):
        residual, closed = _residual_and_closed(which, x, a, b, q, r)
        if not turn and len(closed):
            w = np.linalg.eigvals(closed)
            room = len(closed) * np.finfo(w.dtype).eps * np.linalg.norm(closed)
            if np.max(w.real) >= -room if which == "solve_continuous_are" else np.max(np.abs(w)) >= 1 - room:
                raise np.linalg.LinAlgError(
                    "there is no stabilising solution: the closed loop has an eigenvalue on the "
                    f"{'imaginary axis' if which == 'solve_continuous_are' else 'unit circle'}, or beyond"
                )
        if which == "solve_continuous_are":
            step = sp.solve_continuous_lyapunov(closed.conj().T, -residual)
        else:
            step = sp.solve_discrete_lyapunov(closed.conj().T, residual)
        size = np.max(np.abs(step), initial=0.0)
        if not size < before:
            break
        x, before = x + (step + step.conj().T) / 2, size / 2
    return x


def _are(which):
    def one(a, b, q, r):
        q, r = (q + q.conj().T) / 2, (r + r.conj().T) / 2
        return _refined(which, getattr(sp, which)(a, b, q, r), a, b, q, r)

    return looped("(n,n),(n,m),(n,n),(m,m)->(n,n)", one, name=which)


def _residual_continuous(x, a, b, q, r):
    """``a^H x + x a - x b r^-1 b^H x + q``, zero at the solution."""
    xb = matmul_core(x, b)
    first = matmul_core(h_(a), x)
    square = matmul_core(matmul_core(xb, inv_core(r)), h_(xb))
    return ar.add(ar.subtract(ar.add(first, h_(first)), square), q)


def _closed_continuous(x, a, b, r):
    """``a - b k``, the closed loop, with the gain ``k = r^-1 b^H x``."""
    return ar.subtract(a, matmul_core(b, matmul_core(inv_core(r), h_(matmul_core(x, b)))))


def _residual_discrete(x, a, b, q, r):
    """``a^H x a - x - a^H x b (r + b^H x b)^-1 b^H x a + q``, zero at the solution."""
    xb = matmul_core(x, b)
    cross = matmul_core(h_(xb), a)
    inner = inv_core(ar.add(r, matmul_core(h_(b), xb)))
    square = matmul_core(matmul_core(h_(cross), inner), cross)
    return ar.add(ar.subtract(ar.subtract(matmul_core(h_(a), matmul_core(x, a)), x), square), q)


def _closed_discrete(x, a, b, r):
    """``a - b k`` with the gain ``k = (r + b^H x b)^-1 b^H x a``."""
    xb = matmul_core(x, b)
    gain = matmul_core(inv_core(ar.add(r, matmul_core(h_(b), xb))), matmul_core(h_(xb), a))
    return ar.subtract(a, matmul_core(b, gain))


def _explicit(residual, x, args, ts):
    """The derivative of the residual in its other arguments, at a fixed solution `x`."""
    dual = Dual()
    moved = [a if t is None else dual.variable(a, t) for a, t in zip(args, ts, strict=True)]
    tangent = dual.split(residual(x, *moved))[1]
    dual.closed = True
    return tangent


def _move_continuous(x, ts, a, b, q, r):
    closed = _closed_continuous(x, a, b, r)
    return lyapunov_core(h_(closed), ar.negative(_explicit(_residual_continuous, x, (a, b, q, r), ts)))


def _move_discrete(x, ts, a, b, q, r):
    closed = _closed_discrete(x, a, b, r)
    return discrete_lyapunov_core(h_(closed), _explicit(_residual_discrete, x, (a, b, q, r), ts))


def _riccati_samples(rng):
    def system(n, m, *lead, kind=0.0):
        a = 0.4 * rng.standard_normal((*lead, n, n)) + kind
        b = rng.standard_normal((*lead, n, m)) + kind
        return sample(a, b, np.eye(n) + 0.1 * np.ones((n, n)), np.eye(m) + 0.1 * np.ones((m, m)))

    yield system(2, 1)
    yield system(2, 2, 2, kind=0.1j)


@primitive("(n,n),(n,m),(n,n),(m,m)->(n,n)", internal=True)
def continuous_are_core(a, b, q, r):
    """The stabilising solution of ``a^H x + x a - x b r^-1 b^H x + q = 0``; the Hermitian parts of `q` and `r` count.

    Derivative: a Lyapunov equation of the closed loop ``a - b r^-1 b^H x`` (implicit function theorem). Cost: the
    ordered Schur form of a matrix of order ``2 n + m``.
    """
    return _are("solve_continuous_are")(a, b, q, r)


@continuous_are_core.def_jvp
def _(t, out, a, b, q, r):
    return _hermitian(_move_continuous(out, t, a, b, q, r))


@primitive("(n,n),(n,m),(n,n),(m,m)->(n,n)", internal=True)
def discrete_are_core(a, b, q, r):
    """The stabilising solution of ``a^H x a - x - a^H x b (r + b^H x b)^-1 b^H x a + q = 0``, with Hermitian parts.

    Derivative: a discrete Lyapunov equation of the closed loop (implicit function theorem). Cost: the ordered Schur
    form of a pencil of order ``2 n + m``.
    """
    return _are("solve_discrete_are")(a, b, q, r)


@discrete_are_core.def_jvp
def _(t, out, a, b, q, r):
    return _hermitian(_move_discrete(out, t, a, b, q, r))


continuous_are_core.def_samples(_riccati_samples)
discrete_are_core.def_samples(_riccati_samples)
