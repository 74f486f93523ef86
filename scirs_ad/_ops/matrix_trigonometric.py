"""Sine, cosine and tangent of square matrices, circular and hyperbolic, and their Frechet derivatives.

``cosh A = g(A^2)`` and ``sinh A = A h(A^2)`` with entire `g` and `h`; with ``-A^2`` they are cosine and sine, so that a real
matrix needs no complex numbers. Their Taylor series are taken of ``A / 2^s`` and doubled `s` times, both together:
``sinh 2A = 2 sinh A cosh A`` and ``cosh 2A = cosh^2 A + sinh^2 A``, which enlarges errors only as squaring an exponential
does, while ``2 cosh^2 A - 1`` by itself enlarges them by 4 a step (A. H. Al-Mohy, N. J. Higham, S. D. Relton, "New algorithms
for computing the matrix sine and cosine separately or simultaneously", SIAM J. Sci. Comput. 37 (2015), section 1). A small
matrix loses no digits, which differences of exponentials do.

``tanh A`` is the quotient of ``A / 2^s``, where it is well conditioned, and then ``tanh 2A = 2 (1 + tanh^2 A)^-1 tanh A``: the
quotient of the full ``sinh A`` and ``cosh A`` has no digit left where the real parts of eigenvalues differ by 37.

The Frechet derivative ``L(A, E)`` is each step's, differentiated. ``f(conj z) = conj f(z)``, so the adjoint of ``L(A, .)`` is
``L(A^H, .)``; of any order by `frechet_pull`.
"""

import math
import warnings

import numpy as np

from scirs_ad._core.define import primitive, sample
from scirs_ad._ops.linalg import h_, positive_definite
from scirs_ad._ops.matrix_exponential import frechet_pull

# Degree 9 in A^2: the first term left out, 1 / 20!, is below a rounding unit of the sum up to a norm of 1.
_EVEN = [1 / math.factorial(2 * k) for k in range(10)]
_ODD = [1 / math.factorial(2 * k + 1) for k in range(10)]
_STEEP = 10.0  # of a tangent that is doubled: errors grow by about its square
_SIGNS = {"cosm": -1.0, "sinm": -1.0, "tanm": -1.0, "coshm": 1.0, "sinhm": 1.0, "tanhm": 1.0}


# A pair is a matrix and its change, which is None where no derivative is wanted.
def _product(x, y):
    return x[0] @ y[0], None if x[1] is None else x[1] @ y[0] + x[0] @ y[1]


def _sum(x, y, factor=1.0):
    return x[0] + factor * y[0], None if x[1] is None else x[1] + factor * y[1]


def _scaled(x, factor):
    return x[0] * factor, None if x[1] is None else x[1] * factor


def _at(x, where):
    return x[0][where], None if x[1] is None else x[1][where]


def _put(x, where, y, factor):
    x[0][where] = factor * y[0]
    if x[1] is not None:
        x[1][where] = factor * y[1]


def _norm(x):
    return np.max(np.sum(np.abs(x), -2), -1, initial=0.0)


def _series(terms, sign, one, x, x2, x3):
    """``sum_k terms[k] (sign x)^k`` of ten terms (M. S. Paterson, L. J. Stockmeyer, 1973)."""
    signed = [c * sign**k for k, c in enumerate(terms)]

    def part(k):
        value = signed[k] * one + signed[k + 1] * x[0] + signed[k + 2] * x2[0]
        return value, None if x[1] is None else signed[k + 1] * x[1] + signed[k + 2] * x2[1]

    out = _sum(part(6), x3, signed[9])
    for k in (3, 0):
        out = _sum(part(k), _product(x3, out))
    return out


def _reduced(a, e, sign):
    """Cosine, sine and `s` of ``a / 2^s``, where it has a norm of at most 1; with their changes."""
    # Squares must not overflow: powers of 2 that are taken off first change nothing else.
    first = np.maximum(np.frexp(_norm(a))[1] - 100, 0)
    scale = np.ldexp(1.0, -first)[..., None, None]
    a, e = a * scale, None if e is None else e * scale
    x = _product((a, e), (a, e))
    x2 = _product(x, x)
    x3 = _product(x2, x)
    # It bounds all powers from the second on (A. H. Al-Mohy, N. J. Higham, 2009, theorem 4.2), and is much less than the norm
    # of a matrix that is far from normal.
    size = np.sqrt(np.maximum(_norm(x2[0]) ** 0.5, _norm(x3[0]) ** (1 / 3)))
    s = np.maximum(np.frexp(size)[1], 0)
    factor = np.ldexp(1.0, -s)[..., None, None]
    x, x2, x3 = _scaled(x, factor**2), _scaled(x2, factor**4), _scaled(x3, factor**6)
    one = np.eye(a.shape[-1], dtype=a.dtype)
    cosine = _series(_EVEN, sign, one, x, x2, x3)
    sine = _product(_scaled((a, e), factor), _series(_ODD, sign, one, x, x2, x3))
    return cosine, sine, s + first


def _cosine_and_sine(a, e, sign):
    cosine, sine, steps = _reduced(a, e, sign)
    for k in range(int(np.max(steps, initial=0))):
        more = steps > k
        c, s = _at(cosine, more), _at(sine, more)
        _put(cosine, more, _sum(_product(c, c), _product(s, s), sign), 1.0)
        _put(sine, more, _product(s, c), 2.0)
    return cosine, sine


def _solved(a, b):
    """``a^-1 b``, and NaN where `a` is singular."""
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        return np.full_like(b, np.nan) if a.ndim == 2 else np.stack([_solved(x, y) for x, y in zip(a, b, strict=True)])


def _quotient(x, y):
    """``y^-1 x``."""
    value = _solved(y[0], x[0])
    return value, None if x[1] is None else _solved(y[0], x[1] - y[1] @ value)


def _tangent(a, e, sign):
    cosine, sine, steps = _reduced(a, e, sign)
    out = _quotient(sine, cosine)
    one = np.eye(a.shape[-1], dtype=a.dtype)
    steepest = np.zeros(steps.shape)
    for k in range(int(np.max(steps, initial=0))):
        more = steps > k
        t = _at(out, more)
        steepest[more] = np.fmax(steepest[more], np.nan_to_num(_norm(t[0]), nan=np.inf))
        square = _scaled(_product(t, t), sign)
        _put(out, more, _quotient(t, (one + square[0], square[1])), 2.0)
    # On the way a multiple may come near a pole that the result is far from. The quotient of sine and cosine does not pass
    # it; it is as good as the cosine is conditioned, which is bad only far from the axis without poles.
    for place in zip(*np.nonzero(~(steepest < _STEEP)), strict=True):
        c, s = _cosine_and_sine(*_at((a, e), place), sign)
        inverse = _solved(c[0], one)
        if _norm(c[0]) * _norm(inverse) < steepest[place] ** 2:
            _put(out, place, _quotient(s, c), 1.0)
    if np.any(np.isnan(out[0]) & np.all(np.isfinite(a), (-2, -1), keepdims=True)):
        raise np.linalg.LinAlgError(f"{'tanm' if sign < 0 else 'tanhm'}: an eigenvalue is a pole of the function")
    return out


def _pair(name, *given):
    """The function of a matrix or, of a matrix and a direction, of both its pair."""
    kind = np.result_type(*given)
    full = np.broadcast_arrays(*[x.astype(np.result_type(kind, np.float64), copy=False) for x in given])
    *lead, n, _ = full[0].shape
    a, e = [x.reshape(math.prod(lead), n, n) for x in full] + [None] * (2 - len(full))
    sign = _SIGNS[name]
    with np.errstate(over="ignore", invalid="ignore"):
        found = _tangent(a, e, sign) if name.startswith("tan") else _cosine_and_sine(a, e, sign)[name.startswith("sin")]
    if not np.all(np.isfinite(found[0])) and np.all(np.isfinite(a)):
        warnings.warn(f"overflow encountered in {name}", RuntimeWarning, stacklevel=2)
    return [x.astype(kind, copy=False).reshape(*lead, n, n) for x in found if x is not None]


def _function(a, *, name):
    return _pair(name, a)[0]


def _frechet(a, e, *, name):
    return _pair(name, a, e)[1]


@primitive("(n,n),(n,n)->(n,n)", kernel=_frechet, internal=True)
def trigonometric_frechet_core(a, e, *, name):
    """``L(a, e)``, the Frechet derivative of the function `name`.

    Derivative: `frechet_pull`. Cost: three times that of the function.
    """
    return _frechet(a, e, name=name)


@trigonometric_frechet_core.def_vjp
def _(ct, a, e, specs, name):
    return frechet_pull(lambda x, y: trigonometric_frechet_core(x, y, name=name), ct, a, e, specs)


@primitive("(n,n)->(n,n)", kernel=_function, internal=True)
def trigonometric_core(a, *, name):
    """The function `name` of a square matrix: one of cosm, sinm, tanm, coshm, sinhm, tanhm.

    Derivative: ``L(a^H, ct)``. Cost: ``16 n^3`` operations and ``6 n^3`` for each doubling, of tangents about the same.
    """
    return _function(a, name=name)


@trigonometric_core.def_vjp
def _(ct, a, name):
    return trigonometric_frechet_core(h_(a), ct, name=name)


@trigonometric_core.def_jvp
def _(t, a, name):
    return trigonometric_frechet_core(a, t, name=name)


@trigonometric_core.def_samples
def _(rng):
    for name in _SIGNS:
        yield sample(rng.standard_normal((3, 3)) / 2, name=name)
        yield sample(np.array([[1.0, 1.0], [0.0, 1.0]]), name=name, order=1)  # defective
        yield sample(np.array([[5.0, 1.0], [0.5, -3.0]]), name=name, order=1)
        yield sample(positive_definite(rng, 2, 2, 2, complex_too=True) / 4, name=name, order=1)
        yield sample(np.zeros((2, 2)), name=name, order=1)
        yield sample(np.zeros((0, 0)), name=name)


@trigonometric_frechet_core.def_samples
def _(rng):
    for name in _SIGNS:
        yield sample(*rng.standard_normal((2, 2, 2)), name=name, order=1)
    yield sample(rng.standard_normal((2, 2)) + 0j, 1j * rng.standard_normal((3, 2, 2)), name="sinm", order=1)
