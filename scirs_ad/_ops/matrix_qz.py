"""The generalised Schur form of a pair of matrices: ``a = Q S Z^H``, ``b = Q T Z^H``, Q and Z unitary, S and T triangular.

Inner product ``Re tr(X^H Y)``. The two rotations of a small change solve a pair of triangular equations by substitution,
as in the generalised equation of Sylvester (B. Kagstrom, L. Westin, IEEE Trans. Automat. Control 34 (1989), equation 3).
"""

import numpy as np

from scirs_ad._core.core import dtype_of, shape_of
from scirs_ad._core.define import primitive, sample
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.linalg import diagonal_of, fit, h_, matmul_core, well_conditioned
from scirs_ad._ops.linalg_policy import lost_rotation
from scirs_ad._ops.matrix_batch import looped
from scirs_ad._ops.matrix_factors import up

sp = lazy("scipy.linalg")


# ------------------------------------------------------------------------------------------------ rotations
def _turn_one(s, t, x, y, *, adjoint, form):
    """``low(L s - s R) = low(x)``, ``low(L t - t R) = low(y)`` for strictly lower L and R; or the adjoint equations.

    By columns from the left and rows from below, each pair of elements from two equations; the adjoint, in which L and R
    stand on the right-hand sides, the other way round.
    """
    n = len(s)
    if form and (np.any(np.diagonal(s, -1)) or np.any(np.diagonal(t, -1))):
        raise np.linalg.LinAlgError(
            "the real form of matrices with complex eigenvalues has 2 x 2 blocks, whose choice has no derivative; use "
            "output='complex'"
        )
    left, right = np.zeros((2, n, n), np.result_type(s, t, x, y))
    eps = np.finfo(left.dtype).eps
    scale = np.max(np.abs(s), initial=0.0) * np.max(np.abs(t), initial=0.0)
    columns = range(n - 2, -1, -1) if adjoint else range(n - 1)
    for j in columns:
        rows = range(j + 1, n) if adjoint else range(n - 1, j, -1)
        for i in rows:
            gap = s[i, i] * t[j, j] - s[j, j] * t[i, i]
            equal = abs(gap) <= 8.0 * eps * scale
            if equal and not adjoint:
                continue
            if adjoint:
                # low(left s^H + right t^H) = x, -low(s^H left + t^H right) = y
                f = x[i, j] - left[i, j + 1 :] @ s[j, j + 1 :].conj() - right[i, j + 1 :] @ t[j, j + 1 :].conj()
                g = (
                    -y[i, j]
                    - s[j + 1 : i, i].conj() @ left[j + 1 : i, j]
                    - t[j + 1 : i, i].conj() @ right[j + 1 : i, j]
                )
                if equal:  # that rotation is left out, as the pages of eigenvectors do; a cotangent depends on it
                    lost_rotation("qz", i, j, gap, max(abs(f), abs(g)), (x, y))
                    continue
                left[i, j] = (t[i, i].conj() * f - t[j, j].conj() * g) / -np.conj(gap)
                right[i, j] = (s[i, i].conj() * f - s[j, j].conj() * g) / np.conj(gap)
            else:
                f = x[i, j] - left[i, :j] @ s[:j, j] + s[i, i + 1 :] @ right[i + 1 :, j]
                g = y[i, j] - left[i, :j] @ t[:j, j] + t[i, i + 1 :] @ right[i + 1 :, j]
                left[i, j] = (s[i, i] * g - t[i, i] * f) / gap
                right[i, j] = (s[j, j] * g - t[j, j] * f) / gap
    return left, right


_turn = looped("(n,n),(n,n),(n,n),(n,n)->(n,n),(n,n)", _turn_one, name="qz")


@primitive("(n,n),(n,n),(n,n),(n,n)->(n,n),(n,n)", kernel=_turn, internal=True)
def qz_turn(s, t, x, y, *, adjoint, form):
    """The strictly lower L and R with ``low(L s - s R) = low(x)`` and ``low(L t - t R) = low(y)``, s and t triangular.

    `adjoint`: P and O with ``low(P s^H + O t^H) = low(x)`` and ``low(s^H P + t^H O) = -low(y)``. `form`: refused if the
    matrices have 2 x 2 blocks, else what is below their diagonals is not read. Derivative: the solution G, H of the
    adjoint equations for `x` and `y`, and products of it with L and R for `s` and `t`. Cost: ``4/3 n^3`` operations.
    """
    return _turn(s, t, x, y, adjoint=adjoint, form=form)


@qz_turn.def_vjp
def _(ct, out, s, t, specs, adjoint, form):
    zero = np.zeros((1, 1), dtype_of(s))
    full = [sh.broadcast_to(zero, shape_of(o)) if c is None else c for c, o in zip(ct, out, strict=True)]
    g, h = qz_turn(s, t, *full, adjoint=not adjoint, form=form)
    first, second = out
    if adjoint:
        # The equations are linear in (P, O): a change of s moves them by (P ds^H, -ds^H P), of t by (O dt^H, -dt^H O).
        to_s = ew.subtract(matmul_core(first, h_(h)), matmul_core(h_(g), first))
        to_t = ew.subtract(matmul_core(second, h_(h)), matmul_core(h_(g), second))
    else:
        to_s = ew.subtract(matmul_core(g, h_(second)), matmul_core(h_(first), g))
        to_t = ew.subtract(matmul_core(h, h_(second)), matmul_core(h_(first), h))
    return tuple(fit(x, spec) for x, spec in zip((up(to_s), up(to_t), g, h), specs, strict=True))


def _pair(rng, n, kind=0.0):
    s = np.triu(rng.standard_normal((n, n))) + np.diag(2.0 + 3.0 * np.arange(n)) + kind
    return s, np.triu(rng.standard_normal((n, n)) / 3) + 2 * np.eye(n)


@qz_turn.def_samples
def _(rng):
    x, y = rng.standard_normal((2, 3, 3))
    yield sample(*_pair(rng, 3), x, y, adjoint=False, form=False)
    yield sample(*_pair(rng, 3), x, y, adjoint=True, form=False)
    s, t = _pair(rng, 3)
    yield sample(s + 0.2j, t + 0j, x + 1j, y * 1j, adjoint=True, form=False)
    yield sample(np.stack([s, 2 * s]), t, x, y, adjoint=False, form=False, order=1)


# ------------------------------------------------------------------------------------------------ the form
def _qz_one(a, b, *, sort):
    output = "real" if np.result_type(a, b).kind == "f" else "complex"
    if sort is None:
        return sp.qz(a, b, output=output, check_finite=False)
    try:
        s, t, _, _, q, z = sp.ordqz(a, b, sort=sort, output=output, check_finite=False)
    except ValueError as error:
        if "ill-conditioned" in str(error):
            raise np.linalg.LinAlgError(str(error)) from None
        raise
    return s, t, q, z


_qz = looped("(n,n),(n,n)->(n,n),(n,n),(n,n),(n,n)", _qz_one, name="qz")


@primitive("(n,n),(n,n)->(n,n),(n,n),(n,n),(n,n)", kernel=_qz, internal=True)
def qz_core(a, b, *, sort):
    """``S, T, Q, Z`` with ``a = Q S Z^H``, ``b = Q T Z^H``: the generalised Schur form, ordered by `sort` if given.

    Derivative: with ``X = Q^H da Z``, ``Y = Q^H db Z``, ``dQ = Q V``, ``dZ = Z W``, ``V = L - L^H``, ``W = R - R^H``:
    ``dS = X - V S + S W`` and ``dT = Y - V T + T W``, where L and R make both upper triangular: `qz_turn`. Gauge: the
    diagonals of ``Q^H dQ`` and ``Z^H dZ`` are zero, so of complex forms right for what does not depend on phases. Real
    forms with 2 x 2 blocks are refused. At equal eigenvalues exact for what does not depend on their order. Cost: about
    ``66 n^3`` operations.
    """
    return _qz(a, b, sort=sort)


@qz_core.def_jvp
def _(t, out):
    s, t_, q, z = out
    zero = np.zeros((1, 1), dtype_of(s))
    x, y = (sh.broadcast_to(zero, shape_of(s)) if d is None else matmul_core(matmul_core(h_(q), d), z) for d in t)
    left, right = qz_turn(s, t_, x, y, adjoint=False, form=True)
    v, w = ew.subtract(left, h_(left)), ew.subtract(right, h_(right))
    moved = [up(ew.add(ew.subtract(d, matmul_core(v, f)), matmul_core(f, w))) for d, f in ((x, s), (y, t_))]
    return *moved, matmul_core(q, v), matmul_core(z, w)


@qz_core.def_samples
def _(rng):
    # Of real forms without blocks only signs are free, and they do not change nearby.
    a, b = np.diag([1.0, 3.0, 6.0]) + 0.2 * rng.standard_normal((3, 3)), well_conditioned(rng, 3, 3)
    yield sample(a, b, sort=None)
    yield sample(np.stack([a, a.T]), b, sort="rhp", order=1)
    # LAPACK chooses the phases of complex vectors; tests take what does not depend on them.
    yield sample(a + 0.1j, b + 0j, sort=None, order=0)
    yield sample(np.zeros((0, 0)), np.zeros((0, 0)), sort=None)


def _values_one(s, t):
    kind = np.result_type(s, t, np.complex64)
    alpha, beta = np.diagonal(s).astype(kind), np.diagonal(t).copy()
    for i in np.flatnonzero(np.diagonal(s, -1)) if s.dtype.kind == t.dtype.kind == "f" else ():
        block = slice(i, i + 2)
        alpha[block], pair = sp.eigvals(s[block, block], t[block, block], homogeneous_eigvals=True)
        beta[block] = pair.real
    return alpha, beta


def _value_dtypes(common):
    return [np.result_type(common, np.complex64), common]


_values = looped("(n,n),(n,n)->(n),(n)", _values_one, name="qz", dtypes=_value_dtypes)


@primitive("(n,n),(n,n)->(n),(n)", kernel=_values, internal=True)
def qz_values(s, t):
    """``alpha, beta``, whose ratios are the eigenvalues of a pair in generalised Schur form: the diagonals.

    Of 2 x 2 blocks in a real form the pair of complex ones. Derivative: the diagonals; forms with blocks have none.
    """
    return _values(s, t)


@qz_values.def_jvp
def _(t, out):
    zero = [np.zeros((), dtype_of(o)) for o in out]
    return tuple(None if d is None else ew.add(diagonal_of(d), z) for d, z in zip(t, zero, strict=True))


@qz_values.def_samples
def _(rng):
    yield sample(*_pair(rng, 3), order=0)  # a number below the diagonal would make a block
    yield sample(*(x + 0j for x in _pair(rng, 2)))
    yield sample(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.diag([1.0, 2.0]), order=0)
