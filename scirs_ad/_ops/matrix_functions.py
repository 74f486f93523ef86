"""Functions of square matrices: exponential, logarithm, roots, powers, sign, and functions given by the user.

``L(A, E)`` is the Frechet derivative of ``f`` at ``A`` in the direction ``E``. For all functions here
``f(conj z) = conj f(z)``, so the adjoint of ``L(A, .)`` is ``L(A^H, .)``. Of any order:
``f([[A, E], [0, A]]) = [[f(A), L(A, E)], [0, f(A)]]`` (R. Mathias, "A chain rule for matrix functions", SIAM J. Matrix
Anal. Appl. 17 (1996), theorem 2.1), so the derivative of `L` is again an `L`, of a block matrix.
"""

import numpy as np

from scirs_ad._core.core import Dual, dtype_of, shape_of, value_of
from scirs_ad._core.define import primitive, sample
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import arithmetic as ar
from scirs_ad._ops import choice as ch
from scirs_ad._ops import complex as cx
from scirs_ad._ops import decompositions as dc
from scirs_ad._ops import exponential as ex
from scirs_ad._ops import index as ix
from scirs_ad._ops import join
from scirs_ad._ops import shape as sh
from scirs_ad._ops.linalg import fit, h_, inv_core, matmul_core, positive_definite
from scirs_ad._ops.matrix_batch import looped
from scirs_ad._ops.matrix_equations import sylvester_core

sp = lazy("scipy.linalg")
sparse = lazy("scipy.sparse.linalg")


class NoRealResult(np.linalg.LinAlgError):
    """The function of a real matrix is complex."""


def _real_if_real(a, out, name):
    """Rounding leaves an imaginary part of nothing; what is truly complex does not fit a real result."""
    if a.dtype.kind == "c" or out.dtype.kind != "c":
        return out
    size = np.max(np.abs(out), initial=0.0)
    if np.max(np.abs(out.imag), initial=0.0) > 1e3 * len(a) * np.finfo(out.dtype).eps * size:
        raise NoRealResult(f"the {name} of this real matrix is complex; give a complex matrix, as a.astype(complex)")
    return out.real


def _wide(a):
    """In double precision: SciPy's logarithm has too few digits in single, and says so each time."""
    return a.astype(np.result_type(a, np.float64), copy=False)


def _logm(a, power):
    return _real_if_real(a, np.asarray(sp.logm(_wide(a))), "logarithm")


def _power(a, power):
    return _real_if_real(a, np.asarray(sp.fractional_matrix_power(_wide(a), power)), "power")


def _signm(a, power):
    return np.asarray(sp.signm(a))


_FUNCTIONS = {"expm": lambda a, power: sp.expm(a), "logm": _logm, "power": _power, "signm": _signm}


def _one(a, *, name, power):
    return _FUNCTIONS[name](a, power)


def _frechet_one(a, e, *, name, power):
    a, e = (x.astype(np.result_type(a, e), copy=False) for x in (a, e))
    if name == "expm":
        return sp.expm_frechet(a, e, compute_expm=False, check_finite=False)
    n = len(a)
    block = np.zeros((2 * n, 2 * n), a.dtype)
    block[:n, :n] = block[n:, n:] = a
    # L is linear: a direction of the size of the matrix keeps the block matrix well scaled.
    size, own = np.max(np.abs(e), initial=0.0), np.max(np.abs(a), initial=0.0)
    scale = own / size if size > 0 and own > 0 else 1.0
    block[:n, n:] = scale * e
    return _FUNCTIONS[name](block, power)[:n, n:] / scale


_function = looped("(n,n)->(n,n)", _one, name="matrix function")
_frechet = looped("(n,n),(n,n)->(n,n)", _frechet_one, name="matrix function")


def _block(a, b, c, d):
    """``[[a, b], [c, d]]`` of matrices with equal leading axes."""
    return join.concatenate_core(join.concatenate_core(a, b, axis=-1), join.concatenate_core(c, d, axis=-1), axis=-2)


def _same_lead(*matrices):
    lead = np.broadcast_shapes(*[shape_of(x)[:-2] for x in matrices])
    return [sh.broadcast_to(x, lead + shape_of(x)[-2:]) if shape_of(x)[:-2] != lead else x for x in matrices]


@primitive("(n,n),(n,n)->(n,n)", kernel=_frechet, internal=True)
def frechet_core(a, e, *, name, power):
    """``L(a, e)``, the Frechet derivative of the matrix function `name`.

    Derivative: with ``G = L([[a, e], [0, a]]^H, [[0, ct], [0, 0]])``: ``G_11 + G_22`` for `a`, ``G_12`` for `e`. Cost:
    three times that of the function (Al-Mohy and Higham, 2009) for the exponential, else eight times.
    """
    return _frechet(a, e, name=name, power=power)


@frechet_core.def_vjp
def _(ct, a, e, specs, name, power):
    n = specs[0].shape[-1]
    a, e, ct = _same_lead(a, e, ct)
    zero = np.zeros(shape_of(a), dtype_of(a))
    g = frechet_core(h_(_block(a, e, zero, a)), _block(zero, ct, zero, zero), name=name, power=power)
    top, low = (Ellipsis, slice(0, n), slice(0, n)), (Ellipsis, slice(n, 2 * n), slice(n, 2 * n))
    corner = (Ellipsis, slice(0, n), slice(n, 2 * n))
    return fit(ar.add(ix.getitem(g, top), ix.getitem(g, low)), specs[0]), fit(ix.getitem(g, corner), specs[1])


@primitive("(n,n)->(n,n)", kernel=_function, internal=True)
def function_core(a, *, name, power):
    """The matrix function `name` (`power` for a power) of a square matrix.

    Derivative: ``L(a^H, ct)``. Cost: about ``25 n^3`` operations, by scaling and squaring or by the Schur form.
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
    for a in [*_points(rng), np.zeros((2, 2)), np.zeros((0, 0)), rng.standard_normal((3, 3)), np.array([[-2.0]])]:
        yield sample(a, name="expm", power=None)
    # Of higher order the others are the same code, and their tests are slow: SciPy's logarithm takes milliseconds.
    for name, power in (("logm", None), ("power", 0.3)):
        for a in _points(rng):
            yield sample(a, name=name, power=power, order=1)
    yield sample(np.diag([1.0, -2.0, 0.5]) + 0.2 * rng.standard_normal((3, 3)), name="signm", power=None)


@frechet_core.def_samples
def _(rng):
    a, e = positive_definite(rng, 2, 2), rng.standard_normal((2, 2))
    for name, power in (("expm", None), ("power", -0.5)):
        yield sample(a, e, name=name, power=power, order=1 + (name == "expm"))
    yield sample(a + 0j, e + 1j * e.T, name="logm", power=None, order=1)


# ------------------------------------------------------------------------------------------------ square root
def _sqrtm(a):
    return _real_if_real(a, np.asarray(sp.sqrtm(a)), "square root")


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
    return sylvester_core(adjoint, adjoint, ct)


@sqrtm_core.def_jvp
def _(t, out):
    return sylvester_core(out, out, t)


@sqrtm_core.def_samples
def _(rng):
    for a in _points(rng):
        yield sample(a)


# ------------------------------------------------------------------------------------------------ the user's
def _divided(func, w):
    """``(f_i - f_j) / (w_i - w_j)``, and ``f'`` where the two are equal up to rounding."""
    dual = Dual()
    moved = func(dual.variable(w, np.ones(shape_of(w), dtype_of(w))))
    f, slope = dual.split(moved)
    dual.closed = True
    slope = np.zeros(shape_of(w), dtype_of(w)) if slope is None else slope
    row, column = (*shape_of(w)[:-1], 1, shape_of(w)[-1]), (*shape_of(w), 1)
    gap = ar.subtract(sh.reshape(w, column), sh.reshape(w, row))
    rise = ar.subtract(sh.reshape(f, column), sh.reshape(f, row))
    mean = ar.multiply(0.5, ar.add(sh.reshape(slope, column), sh.reshape(slope, row)))
    size = np.max(np.abs(value_of(w)), initial=1.0) if type(value_of(w)) is np.ndarray else 1.0
    # Below this gap the quotient has lost half of its digits and the mean of the slopes is the better half.
    near = ch.less(ar.abs(gap), float(np.finfo(dtype_of(w)).eps ** 0.5 * size))
    return ch.where(near, mean, ar.divide(rise, ch.where(near, 1.0, gap)))


def _funm_one(a, *, func):
    out = np.asarray(sp.funm(a, func, disp=False)[0])
    return _real_if_real(a, out, "function")


_funm = looped("(n,n)->(n,n)", _funm_one, name="funm")


@primitive("(n,n)->(n,n)", kernel=_funm, internal=True)
def funm_core(a, *, func):
    """``func``, a holomorphic function of numbers, of a square matrix.

    Derivative: ``V (G * (V^-1 t V)) V^-1`` with eigenvectors V and divided differences G (Daleckii and Krein; N. J.
    Higham, "Functions of Matrices" (2008), section 3.2), exact at equal eigenvalues of a matrix that has all its
    eigenvectors. Cost: about ``30 n^3`` operations.
    """
    return _funm(a, func=func)


def _eigen(a):
    w, v = dc.eig_core(a, degenerate=None)
    return w, v, inv_core(v)


@funm_core.def_vjp
def _(ct, a, specs, func):
    w, v, inverse = _eigen(a)
    inner = matmul_core(matmul_core(h_(v), ct), h_(inverse))
    inner = ar.multiply(cx.conj(_divided(func, w)), inner)
    return fit(matmul_core(matmul_core(h_(inverse), inner), h_(v)), specs[0])


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
    return np.matmul(looped("(n,n)->(n,n)", lambda m: sp.expm(m))(a), b)


@expm_multiply_core.def_vjp
def _(ct, a, b, specs):
    to_a = frechet_core(h_(a), matmul_core(ct, h_(b)), name="expm", power=None)
    return fit(to_a, specs[0]), fit(expm_multiply_core(h_(a), ct), specs[1])


@expm_multiply_core.def_samples
def _(rng):
    yield sample(0.5 * rng.standard_normal((3, 3)), rng.standard_normal((3, 2)))
    yield sample(0.5 * rng.standard_normal((2, 2, 2)) + 0j, rng.standard_normal((2, 1)))
