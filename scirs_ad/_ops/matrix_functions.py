"""Functions of square matrices: logarithm, roots, powers, sign, and functions given by the user.

``L(A, E)`` is the Frechet derivative of ``f`` at ``A`` in the direction ``E``. For all functions here
``f(conj z) = conj f(z)``, so the adjoint of ``L(A, .)`` is ``L(A^H, .)``. Of any order:
``f([[A, E], [0, A]]) = [[f(A), L(A, E)], [0, f(A)]]`` (R. Mathias, "A chain rule for matrix functions", SIAM J. Matrix
Anal. Appl. 17 (1996), theorem 2.1), so the derivative of `L` is again an `L`, of a block matrix.
"""

import functools
import warnings

import numpy as np

from scirs_ad._core.core import Dual, dtype_of, shape_of
from scirs_ad._core.define import primitive, raises, sample
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import arithmetic as ar
from scirs_ad._ops import choice as ch
from scirs_ad._ops import complex as cx
from scirs_ad._ops import exponential as ex
from scirs_ad._ops import extrema
from scirs_ad._ops import index as ix
from scirs_ad._ops import shape as sh
from scirs_ad._ops.linalg import fit, h_, kernels, matmul_core, positive_definite
from scirs_ad._ops.linalg_policy import IllConditionedWarning
from scirs_ad._ops.matrix_batch import looped
from scirs_ad._ops.matrix_equations import sylvester_core
from scirs_ad._ops.matrix_exponential import expm_frechet_core, frechet_pull
from scirs_ad._ops.matrix_schur import function_of, function_of_pair

sp = lazy("scipy.linalg")
lapack = lazy("scipy.linalg.lapack")
sparse = lazy("scipy.sparse.linalg")
special = lazy("scipy.special")


class NoRealResult(np.linalg.LinAlgError):
    """The function of a real matrix is complex."""


def _complex_result(name):
    return NoRealResult(f"the {name} of this real matrix is complex; give a complex matrix, as a.astype(complex)")


def _is_rounding(a, out):
    """Whether the imaginary part of the result for a real matrix is nothing but rounding of a normal matrix."""
    size = np.max(np.abs(out), initial=0.0)
    return np.max(np.abs(out.imag), initial=0.0) <= 1e3 * len(a) * np.finfo(out.dtype).eps * size


def _real_if_real(a, out, name):
    """What is truly complex does not fit a real result."""
    if a.dtype.kind == "c" or out.dtype.kind != "c":
        return out
    if not _is_rounding(a, out):
        raise _complex_result(name)
    return out.real


# Gauss-Legendre rule of 7 points: of log(1 + x) = integral of x / (1 + t x), exact in double precision up to _SMALL
# (N. J. Higham, "Functions of Matrices" (2008), section 11.4 and table 11.1).
_LOG_NODES, _LOG_WEIGHTS = np.polynomial.legendre.leggauss(7)
_LOG_NODES, _LOG_WEIGHTS = 0.5 * (_LOG_NODES + 1.0), 0.5 * _LOG_WEIGHTS
_SMALL = 0.25


def _triangular_root(t):
    """The square root of an upper triangular matrix, by halves and within small ones by columns (A. Bjorck, S. Hammarling,
    1983; E. Deadman, N. J. Higham, R. Ralha, 2013, section 3)."""
    n = len(t)
    r = np.zeros_like(t)
    trsyl, trtrs = lapack.get_lapack_funcs(("trsyl", "trtrs"), (t,))
    if n > 16:
        k = n // 2
        r[:k, :k], r[k:, k:] = _triangular_root(t[:k, :k]), _triangular_root(t[k:, k:])
        x, scale, _ = trsyl(r[:k, :k], r[k:, k:], t[:k, k:])
        r[:k, k:] = x / scale
        return r
    for j in range(n):
        r[j, j] = np.sqrt(t[j, j])
        if j:
            r[:j, j] = trtrs(r[:j, :j] + r[j, j] * np.eye(j), t[:j, j])[0]
    return r


def _schur(a, e):
    """The complex Schur form, its vectors, and `e` in its coordinates."""
    kind = np.result_type(a, np.complex128) if e is None else np.result_type(a, e, np.complex128)
    t, z = sp.schur(a.astype(kind, copy=False), output="complex", check_finite=False)
    return t, z, None if e is None else z.conj().T @ e @ z


def _near_identity(t, change):
    """The root of order ``2^count`` that is near the identity, `count`, and its derivative: a Sylvester equation each."""
    eye, root, count = np.eye(len(t)), t, 0
    (trsyl,) = lapack.get_lapack_funcs(("trsyl",), (t,))
    while np.linalg.norm(root - eye, 1) > _SMALL and count < 100:
        root, count = _triangular_root(root), count + 1
        if change is not None:
            x, scale, _ = trsyl(root, root, change)
            change = x / scale
    return root, count, change


def _as_real(a, e, t, out, name):
    """`out`, without the rounding of its imaginary part where the function of a real matrix is real.

    That is where no eigenvalue is real and negative; those of real matrices are real exactly, or not at all.
    """
    if a.dtype.kind == "c" or (e is not None and e.dtype.kind == "c"):
        return out
    w = np.diagonal(t)
    if np.any((w.real < 0) & (np.abs(w.imag) <= 1e-4 * np.max(np.abs(w), initial=0.0))):
        w = np.linalg.eigvals(a)
        if np.any((w.real < 0) & (w.imag == 0)):
            raise _complex_result(name)
    return out.real


def _log_of(a, e=None):
    """The logarithm, or its Frechet derivative in the direction `e`.

    Inverse scaling and squaring of the Schur form, and for the derivative the same steps, differentiated
    (A. H. Al-Mohy, N. J. Higham, S. D. Relton, SIAM J. Sci. Comput. 35 (2013), algorithm 5.1).
    """
    t, z, change = _schur(a, e)
    diagonal = np.diagonal(t)
    if np.any(diagonal == 0):
        raise np.linalg.LinAlgError("the matrix is singular, so it has no logarithm")
    root, count, change = _near_identity(t, change)
    eye, found = np.eye(len(t)), np.zeros_like(t)
    (trtri,) = lapack.get_lapack_funcs(("trtri",), (t,))
    for node, weight in zip(_LOG_NODES, _LOG_WEIGHTS, strict=True):
        inverse = trtri(eye + node * (root - eye))[0]
        found += weight * (inverse @ (root - eye if change is None else change @ inverse))
    found *= 2.0**count
    if change is None:
        np.fill_diagonal(found, np.log(diagonal))
    return _as_real(a, e, t, z @ found @ z.conj().T, "logarithm")


@functools.lru_cache(maxsize=64)
def _power_rule(q):
    """Of ``(1 + x)^-q``: the integral of ``t^(q-1) (1-t)^-q / (1 + t x)`` over that of the weight; 7 points, as above."""
    with np.errstate(invalid="ignore"):  # 0 / 0 in SciPy's recurrence, where it then takes the limit
        nodes, weights = special.roots_jacobi(7, -q, q - 1.0)
    return 0.5 * (nodes + 1.0), weights / np.sum(weights)


def _with_whole(f, df, t, change, whole):
    """``t^whole f`` and its derivative, for upper triangular matrices."""
    base, moving, left = t, change, abs(whole)
    if whole < 0:
        trtri, trtrs = lapack.get_lapack_funcs(("trtri", "trtrs"), (t,))
        if left <= 16:  # one after the other, where rows are graded these keep four digits more than the inverse
            for _ in range(left):
                f = trtrs(t, f)[0]
                if change is not None:
                    df = trtrs(t, df - change @ f)[0]
            return f, df
        base = trtri(t)[0]
        moving = None if change is None else -base @ change @ base
    while left:
        if left & 1:
            if change is not None:
                df = df @ base + f @ moving
            f = f @ base
        left >>= 1
        if left:
            if change is not None:
                moving = moving @ base + base @ moving
            base = base @ base
    return f, df


def _power_of(a, power, e=None):
    """A power, or its Frechet derivative in the direction `e`.

    That of the fraction by roots until they are near the identity, a rule of Gauss and Jacobi (the Pade approximant) and
    squaring (N. J. Higham, L. Lin, SIAM J. Matrix Anal. Appl. 34 (2013), algorithm 5.1); the whole part, which is rounded
    down, by products or solves. Each step is differentiated: a block matrix, whose norm is not that of the matrix, loses
    1e-5 of a derivative where the matrix is graded.
    """
    whole = int(np.floor(power))
    fraction = power - whole
    t, z, change = _schur(a, e)
    n, diagonal = len(t), np.diagonal(t)
    eye, none = np.eye(n, dtype=t.dtype), np.zeros_like(t)
    if np.any(diagonal == 0) and (fraction or whole < 0):
        if e is None and power > 0 and np.count_nonzero(diagonal) == np.linalg.matrix_rank(a):
            return _singular_power(a, power)
        raise np.linalg.LinAlgError(
            f"the matrix is singular, so it has no power {power:g}{'' if e is None else ' with a derivative'}"
        )
    f, df = eye, none
    (trtri,) = lapack.get_lapack_funcs(("trtri",), (t,))
    if fraction:
        root, count, moved = _near_identity(t, change)
        f, df = none.copy(), none.copy()
        for node, weight in zip(*_power_rule(1.0 - fraction), strict=True):
            inverse = trtri(eye + node * (root - eye))[0]
            f += weight * inverse
            if moved is not None:
                df -= weight * node * (inverse @ moved @ inverse)
        if moved is not None:
            df = moved @ f + root @ df
        f = root @ f
        for k in range(count - 1, -1, -1):
            if moved is not None:
                df = df @ f + f @ df
            f = f @ f
            np.fill_diagonal(f, diagonal ** (fraction / 2.0**k))
    f, df = _with_whole(f, df, t, change, whole)
    out = z @ (f if e is None else df) @ z.conj().T
    if not fraction:
        real = a.dtype.kind != "c" and (e is None or e.dtype.kind != "c")
        return out.real if real else out
    return _as_real(a, e, t, out, "power")


def _singular_power(a, power):
    out = np.asarray(sp.fractional_matrix_power(a.astype(np.result_type(a, np.float64), copy=False), power))
    return _real_if_real(a, out, "power")


def _logm(a, power):
    return _log_of(a)


def _power(a, power):
    return _power_of(a, power)


_FUNCTIONS = {"logm": _logm, "power": _power}


def _one(a, *, name, power):
    return _FUNCTIONS[name](a, power)


def _frechet_one(a, e, *, name, power):
    return _log_of(a, e) if name == "logm" else _power_of(a, power, e)


_DOORS = {"expm": "expm", "logm": "logm", "power": "fractional_matrix_power"}
_functions = {name: looped("(n,n)->(n,n)", _one, name=door) for name, door in _DOORS.items()}
_frechets = {name: looped("(n,n),(n,n)->(n,n)", _frechet_one, name=door) for name, door in _DOORS.items()}


def _function(a, *, name, power):
    return _functions[name](a, name=name, power=power)


def _frechet(a, e, *, name, power):
    return _frechets[name](a, e, name=name, power=power)


@primitive("(n,n),(n,n)->(n,n)", kernel=_frechet, internal=True)
def frechet_core(a, e, *, name, power):
    """``L(a, e)``, the Frechet derivative of the matrix function `name`.

    Derivative: `frechet_pull`. Cost: twice that of the function.
    """
    return _frechet(a, e, name=name, power=power)


@frechet_core.def_vjp
def _(ct, a, e, specs, name, power):
    return frechet_pull(lambda x, y: frechet_core(x, y, name=name, power=power), ct, a, e, specs)


@primitive("(n,n)->(n,n)", kernel=_function, internal=True)
def function_core(a, *, name, power):
    """The matrix function `name` (`power` for a power) of a square matrix.

    Derivative: ``L(a^H, ct)``. Cost: ``25 n^3`` to ``60 n^3`` operations, by scaling and squaring or by the Schur form.
    """
    return _function(a, name=name, power=power)


@function_core.def_vjp
def _(ct, a, name, power):
    return frechet_core(h_(a), ct, name=name, power=power)


@function_core.def_jvp
def _(t, a, name, power):
    return frechet_core(a, t, name=name, power=power)


def _points(rng):
    yield positive_definite(rng, 3, 3) / 3
    yield np.array([[1.0, 1.0], [0.0, 1.0]])  # defective
    yield positive_definite(rng, 2, 2, 2, complex_too=True) / 2


@function_core.def_samples
def _(rng):
    for a in _points(rng):
        yield sample(a, name="logm", power=None)
        yield sample(a, name="power", power=0.3, order=1)  # the same code, and slow: SciPy's power takes milliseconds


@frechet_core.def_samples
def _(rng):
    a, e = positive_definite(rng, 2, 2), rng.standard_normal((2, 2))
    yield sample(a, e, name="power", power=-0.5, order=1)
    yield sample(a + 0j, e + 1j * e.T, name="logm", power=None, order=1)


# ------------------------------------------------------------------------------------------------ square root
def _sqrtm(a):
    out = np.asarray(sp.sqrtm(a))
    if not np.all(np.isfinite(out)):
        raise np.linalg.LinAlgError("the matrix is singular, and has no square root")
    return _real_if_real(a, out, "square root")


_roots = looped("(n,n)->(n,n)", _sqrtm, name="sqrtm")


@primitive("(n,n)->(n,n)", kernel=_roots, internal=True)
def sqrtm_core(a):
    """The principal square root.

    Derivative: ``x s + s x = t``, a Sylvester equation of the root; never singular while no eigenvalue is zero
    (N. J. Higham, "Functions of Matrices" (2008), section 6.1). Cost: about ``28 n^3`` operations.
    """
    return _roots(a)


@sqrtm_core.def_vjp
def _(ct, out):
    adjoint = h_(out)
    return sylvester_core(adjoint, adjoint, ct, "sqrtm")


@sqrtm_core.def_jvp
def _(t, out):
    return sylvester_core(out, out, t, "sqrtm")


@sqrtm_core.def_samples
def _(rng):
    for a in _points(rng):
        yield sample(a)


# ------------------------------------------------------------------------------------------------ sign
def _sign_one(a):
    """By Newton's iteration ``(x + x^-1) / 2``, scaled by determinants until it is near (N. J. Higham, 2008, section 5.5)."""
    n, eps = len(a), np.finfo(a.dtype).eps
    x, scaled, before = a, True, np.inf
    for _ in range(100):
        try:
            inverse = np.linalg.inv(x)
        except np.linalg.LinAlgError:
            raise np.linalg.LinAlgError(_ON_THE_AXIS) from None
        factor = np.exp(-np.linalg.slogdet(x)[1] / n) if scaled else 1.0
        following = 0.5 * (factor * x + inverse / factor)
        change = np.linalg.norm(following - x, 1) / np.linalg.norm(following, 1)
        x = following
        if not scaled and (change <= n * eps or change > before / 2):  # as good as rounding lets it
            break
        scaled, before = scaled and change > 1e-2, np.inf if scaled else change
    if not np.linalg.norm(x @ x - np.eye(n), 1) <= eps**0.5 * np.linalg.norm(x, 1) ** 2:
        raise np.linalg.LinAlgError(_ON_THE_AXIS)
    return x


_ON_THE_AXIS = "an eigenvalue is imaginary, or nearly, where the sign is not defined"
_sign = looped("(n,n)->(n,n)", _sign_one, name="signm")


@primitive("(n,n)->(n,n)", kernel=_sign, internal=True)
def signm_core(a):
    """The matrix sign function.

    Derivative: with ``N = a out``, ``N x + x N = t - out t out``, a Sylvester equation that is never singular (N. J. Higham,
    "Functions of Matrices" (2008), theorem 5.3). Cost: about ten inversions.
    """
    return _sign(a)


@signm_core.def_vjp
def _(ct, a, out):
    adjoint, size = h_(out), h_(matmul_core(a, out))
    s = sylvester_core(size, size, ct, "signm")
    return ar.subtract(s, matmul_core(matmul_core(adjoint, s), adjoint))


@signm_core.def_jvp
def _(t, a, out):
    size = matmul_core(a, out)
    return sylvester_core(size, size, ar.subtract(t, matmul_core(matmul_core(out, t), out)), "signm")


@signm_core.def_samples
def _(rng):
    yield sample(np.diag([1.0, -2.0, 0.5]) + 0.2 * rng.standard_normal((3, 3)))
    yield sample(np.diag([1.0, -2.0]) + 0.2j * rng.standard_normal((2, 2, 2)))
    yield sample(np.zeros((0, 0)))
    yield raises(np.linalg.LinAlgError, np.zeros((2, 2)), match="signm: an eigenvalue is imaginary")


# ------------------------------------------------------------------------------------------------ the user's
# Gauss-Legendre rules of 4 and 6 points on [0, 1], one after the other.
_NODES, _WEIGHTS = (np.concatenate(x) for x in zip(*[np.polynomial.legendre.leggauss(m) for m in (4, 6)], strict=True))
_NODES, _WEIGHTS = 0.5 * (_NODES + 1.0), 0.5 * _WEIGHTS


def _with_slope(func, x):
    """``func(x)`` and its derivative."""
    dual = Dual()
    f, slope = dual.split(func(dual.variable(x, np.ones(shape_of(x), dtype_of(x)))))
    dual.closed = True
    return f, np.zeros(shape_of(x), dtype_of(x)) if slope is None else slope


def _divided(func, w):
    """``(f_i - f_j) / (w_i - w_j)``, or the mean of the slope between the two where that is more accurate.

    The quotient loses as many digits as the two values of the function have in common. The mean, by quadrature with 6
    points, has an error of about its difference from that with 4, in eigenvalues that are near to each other none.
    """
    f, _ = _with_slope(func, w)
    row, column = (*shape_of(w)[:-1], 1, shape_of(w)[-1]), (*shape_of(w), 1)
    gap = ar.subtract(sh.reshape(w, column), sh.reshape(w, row))
    rise = ar.subtract(sh.reshape(f, column), sh.reshape(f, row))
    size = ar.abs(w)
    largest = (
        sh.reshape(extrema.max(size, axis=-1, keepdims=True), (*shape_of(w)[:-1], 1, 1)) if shape_of(w)[-1] else 1.0
    )
    close = ch.less_equal(ar.abs(gap), ar.multiply(0.25, largest))
    step = sh.reshape(ch.where(close, gap, 0.0), (*shape_of(gap), 1))
    start = sh.reshape(sh.broadcast_to(sh.reshape(w, row), shape_of(gap)), (*shape_of(gap), 1))
    _, slopes = _with_slope(func, ar.add(start, ar.multiply(step, _NODES)))
    parts = ar.multiply(slopes, _WEIGHTS)
    coarse = sh.sum_axes(ix.getitem(parts, (Ellipsis, slice(0, 4))), axes=(-1,))
    mean = sh.sum_axes(ix.getitem(parts, (Ellipsis, slice(4, None))), axes=(-1,))
    height = ar.add(sh.reshape(ar.abs(f), column), sh.reshape(ar.abs(f), row))
    lost = ar.multiply(height, float(np.finfo(dtype_of(w)).eps))
    near = ch.logical_and(close, ch.less_equal(ar.multiply(ar.abs(ar.subtract(mean, coarse)), ar.abs(gap)), lost))
    return ch.where(near, mean, ar.divide(rise, ch.where(near, 1.0, gap)))


def _warn_of(error, a):
    if not error <= np.finfo(a.dtype).eps ** 0.5:
        warnings.warn(
            f"funm: eigenvalues are so near to each other, and to where the function is not analytic, that the result may "
            f"have an error of {error:.2g}; expm, logm, sqrtm, signm and powers are not concerned",
            IllConditionedWarning,
            stacklevel=2,
        )


def _settled(a, e, out, error, func):
    """The result, real if it is, with a warning if it is not accurate.

    Of a real matrix it is real where `func` keeps real numbers real and conjugate ones conjugate: that is asked at the
    eigenvalues, which are exactly one or the other. A large imaginary part is then the error.
    """
    if a.dtype.kind != "c" and e.dtype.kind != "c":
        if not _is_rounding(a, out):
            w = np.linalg.eigvals(a).astype(out.dtype)
            f, other = (np.asarray(func(x)) for x in (w, np.where(w.imag == 0, w, w.conj())))
            if np.any(np.abs(f - other.conj()) > 1e3 * np.finfo(out.dtype).eps * np.abs(f)):
                raise _complex_result("function")
            error = max(error, np.max(np.abs(out.imag)) / np.max(np.abs(out)))
        out = out.real
    _warn_of(error, a)
    return out


def _funm_one(a, *, func):
    if np.array_equal(a, a.conj().T):  # Parlett's recurrence would divide rounding by gaps
        w, v = np.linalg.eigh(a)
        kind = np.result_type(a, np.complex64)
        out = (v * np.asarray(func(w.astype(kind)))) @ v.conj().T
    else:
        out, error = function_of(a, func)
        return _settled(a, a, out, error, func)
    return _real_if_real(a, np.asarray(out), "function")


def _funm_frechet_one(a, e, *, func):
    if np.array_equal(a, a.conj().T):
        w, v = np.linalg.eigh(a)
        gains = _divided(func, w.astype(np.result_type(a, np.complex64)))
        out = v @ (np.asarray(gains) * (v.conj().T @ e @ v)) @ v.conj().T
    else:
        out, error = function_of_pair(a, e, func, lambda x: np.asarray(_with_slope(func, x)[1]))
        return _settled(a, e, out, error, func)
    return _real_if_real(a if e.dtype.kind != "c" else e, np.asarray(out), "function")


class _Reflected:
    """``conj(func(conj(z)))``: of the adjoint matrix it is the adjoint of ``func``."""

    def __init__(self, func):
        self.func = func

    def __call__(self, x):
        return cx.conj(self.func(cx.conj(x)))

    def __eq__(self, other):
        return type(other) is _Reflected and self.func == other.func

    def __hash__(self):
        return hash((_Reflected, self.func))


def _reflected(func):
    return func.func if type(func) is _Reflected else _Reflected(func)


_funm = looped("(n,n)->(n,n)", _funm_one, name="funm")
_funm_frechet = looped("(n,n),(n,n)->(n,n)", _funm_frechet_one, name="funm")


@primitive("(n,n),(n,n)->(n,n)", kernel=_funm_frechet, internal=True)
def funm_frechet_core(a, e, *, func):
    """``L(a, e)``, the Frechet derivative of ``func`` of a square matrix.

    Of a Hermitian matrix by divided differences between eigenvalues (Daleckii and Krein; N. J. Higham, "Functions of
    Matrices" (2008), section 3.2), else by the blocked Schur form of ``[[a, e], [0, a]]``: neither needs distinct
    eigenvalues nor a full set of eigenvectors. Derivative: `frechet_pull`. Cost: about ``100 n^3`` operations.
    """
    return _funm_frechet(a, e, func=func)


@funm_frechet_core.def_vjp
def _(ct, a, e, specs, func):
    mirrored = _reflected(func)
    return frechet_pull(lambda x, y: funm_frechet_core(x, y, func=mirrored), ct, a, e, specs)


@primitive("(n,n)->(n,n)", kernel=_funm, internal=True)
def funm_core(a, *, func):
    """``func``, a holomorphic function of numbers, of a square matrix.

    Derivative: ``L(a^H, ct)`` of the reflected function, `funm_frechet_core`. Cost: about ``30 n^3`` operations.
    """
    return _funm(a, func=func)


@funm_core.def_vjp
def _(ct, a, specs, func):
    return fit(funm_frechet_core(h_(a), ct, func=_reflected(func)), specs[0])


@funm_core.def_jvp
def _(t, a, func):
    return funm_frechet_core(a, t, func=func)


@funm_frechet_core.def_samples
def _(rng):
    a, e = positive_definite(rng, 2, 2), rng.standard_normal((2, 2))
    yield sample(a, e, func=ex.exp, order=1)
    yield sample(np.array([[1.0, 1.0], [0.0, 1.0]]), e, func=ar.sqrt, order=1)


@funm_core.def_samples
def _(rng):
    # From scirs_ad's own functions, as a user's function is differentiated for the slope.
    yield sample(positive_definite(rng, 3, 3), func=ex.log)
    yield sample(np.diag([1.0, 1.0, 2.0]), func=ex.exp, order=1)
    yield sample(positive_definite(rng, 2, 2, 2, complex_too=True), func=ar.sqrt)


# ------------------------------------------------------------------------------------------------ action
def _action_one(a, b):
    return sparse.expm_multiply(a, b, traceA=np.trace(a))


_action = looped("(n,n),(n,k)->(n,k)", _action_one, name="expm_multiply")


@primitive("(n,n),(n,k)->(n,k)", kernel=_action, internal=True)
def expm_multiply_core(a, b):
    """``expm(a) @ b`` without the exponential.

    Derivative: ``expm(a^H) ct`` for `b`, ``L(a^H, ct b^H)`` for `a`. Cost: some products with `a` (A. H. Al-Mohy,
    N. J. Higham, 2011).
    """
    return np.matmul(kernels.expm(a), b)


@expm_multiply_core.def_vjp
def _(ct, a, b, specs):
    to_a = expm_frechet_core(h_(a), matmul_core(ct, h_(b)))
    return fit(to_a, specs[0]), fit(expm_multiply_core(h_(a), ct), specs[1])


@expm_multiply_core.def_samples
def _(rng):
    yield sample(0.5 * rng.standard_normal((3, 3)), rng.standard_normal((3, 2)))
    yield sample(0.5 * rng.standard_normal((2, 2, 2)) + 0j, rng.standard_normal((2, 1)))
