"""The generalised Schur form of a pair of matrices: ``a = Q S Z^H``, ``b = Q T Z^H``, Q and Z unitary, S and T triangular.

Inner product ``Re tr(X^H Y)``. The two rotations of a small change solve a pair of triangular equations by substitution,
as in the generalised equation of Sylvester (B. Kagstrom, L. Westin, IEEE Trans. Automat. Control 34 (1989), equation 3).
"""

import numpy as np

from scirs_ad._core.core import dtype_of, shape_of
from scirs_ad._core.define import primitive, sample
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import index as ix
from scirs_ad._ops import join
from scirs_ad._ops import shape as sh
from scirs_ad._ops.linalg import column, diagonal_of, fit, h_, matmul_core, well_conditioned
from scirs_ad._ops.linalg import t_ as t_of
from scirs_ad._ops.linalg_policy import lost_rotation
from scirs_ad._ops.matrix_batch import looped
from scirs_ad._ops.matrix_factors import quasi_up, up

sp = lazy("scipy.linalg")


# ------------------------------------------------------------------------------------------------ rotations
def _turn_one(s, t, x, y, *, adjoint, form):
    """``low(L s - s R) = low(x)``, ``low(L t - t R) = low(y)`` for strictly lower L and R; or the adjoint equations.

    By columns from the left and rows from below, each pair of elements from two equations; the adjoint, in which L and R
    stand on the right-hand sides, the other way round.
    """
    n = len(s)
    if form and s.dtype.kind == t.dtype.kind == "f" and np.any(np.diagonal(s, -1)):
        return _turn_blocks(s, t, x, y, adjoint)
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


def _turn_blocks(s, t, x, y, adjoint):
    """The same for a real form with 2 x 2 blocks: L and R are zero in the blocks, the others from eight equations or less."""
    n = len(s)
    starts = [k for k in range(n) if k == 0 or s[k, k - 1] == 0]
    blocks = [slice(k, end) for k, end in zip(starts, [*starts[1:], n], strict=True)]
    left, right = np.zeros((2, n, n), np.result_type(s, t, x, y))
    eps, size = np.finfo(left.dtype).eps, max(np.max(np.abs(s)), np.max(np.abs(t)))
    for b in blocks:
        one, other = t[b.start, b.start], t[b.stop - 1, b.stop - 1]
        if b.stop - b.start == 2 and abs(one - other) <= 8.0 * eps * size:
            raise np.linalg.LinAlgError(
                f"rows {b.start} and {b.start + 1} of the real form are a multiple of the identity in T, so their vectors are "
                "a free choice without derivative; use output='complex'"
            )
    count = len(blocks)
    for q in range(count - 2, -1, -1) if adjoint else range(count - 1):
        j = blocks[q]
        for p in range(q + 1, count) if adjoint else range(count - 1, q, -1):
            i = blocks[p]
            rows, columns = i.stop - i.start, j.stop - j.start
            # vec(a X b) is kron(a, b^T) vec(X), with rows first.
            from_right = [np.kron(np.eye(rows), m[j, j].T) for m in (s, t)]
            from_left = [np.kron(m[i, i], np.eye(columns)) for m in (s, t)]
            system = np.block([[from_right[0], -from_left[0]], [from_right[1], -from_left[1]]])
            between, before, after = slice(j.stop, i.start), slice(0, j.start), slice(i.stop, n)
            if adjoint:
                f = x[i, j] - left[i, between] @ s[j, between].T - right[i, between] @ t[j, between].T
                g = y[i, j] + s[between, i].T @ left[between, j] + t[between, i].T @ right[between, j]
                system = system.T
            else:
                f = x[i, j] - left[i, before] @ s[before, j] + s[i, after] @ right[after, j]
                g = y[i, j] - left[i, before] @ t[before, j] + t[i, after] @ right[after, j]
            u, values, vh = np.linalg.svd(system)
            parts, equal = u.T @ np.concatenate([f.ravel(), g.ravel()]), values <= 8.0 * eps * size
            if adjoint and np.any(equal):
                lost_rotation("qz", i.start, j.start, values[-1], np.max(np.abs(parts[equal])), (x, y))
            found = vh.T @ np.where(equal, 0.0, parts / np.where(equal, 1.0, values))
            left[i, j], right[i, j] = found.reshape(2, rows, columns)
    return left, right


_turn = looped("(n,n),(n,n),(n,n),(n,n)->(n,n),(n,n)", _turn_one, name="qz")


@primitive("(n,n),(n,n),(n,n),(n,n)->(n,n),(n,n)", kernel=_turn, internal=True)
def qz_turn(s, t, x, y, *, adjoint, form):
    """The strictly lower L and R with ``low(L s - s R) = low(x)`` and ``low(L t - t R) = low(y)``, s and t triangular.

    `adjoint`: P and O with ``low(P s^H + O t^H) = low(x)`` and ``low(s^H P + t^H O) = -low(y)``. `form`: `s` may have 2 x 2
    blocks if it is real, and lower is what lies below them; else what is below the diagonals is not read. Derivative: the solution G, H of the
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
    to_s = quasi_up(to_s, s) if form else up(to_s)
    to_t = quasi_up(to_t, s) if form else up(to_t)
    return tuple(fit(x, spec) for x, spec in zip((to_s, to_t, g, h), specs, strict=True))


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
    diagonals of ``Q^H dQ`` and ``Z^H dZ`` are zero, so of complex forms right for what does not depend on phases. In the 2 x 2
    blocks of real forms V and W are the rotations that keep T diagonal, as LAPACK has it. At equal eigenvalues exact for what does not depend on their order. Cost: about
    ``66 n^3`` operations.
    """
    return _qz(a, b, sort=sort)


def _beside(m, offset, first=0):
    """The elements ``m[k, k + offset]`` for each pair of rows k, k + 1; on the diagonal the `first` or the second of a pair."""
    k = np.arange(shape_of(m)[-1] - 1)
    if offset == 0:
        return ix.getitem(m, (Ellipsis, k + first, k + first))
    return ix.getitem(m, (Ellipsis, k + (offset < 0), k + (offset > 0)))


def _rotation(angle, n):
    """The skew matrix with `angle` above the diagonal."""
    zero = np.zeros((*shape_of(angle)[:-1], 1), dtype_of(angle))
    first = ew.where(np.eye(n, k=1, dtype=bool), column(join.concatenate([angle, zero], axis=-1)), 0.0)
    return ew.subtract(first, t_of(first))


@qz_core.def_jvp
def _(t, out):
    s, t_, q, z = out
    zero = np.zeros((1, 1), dtype_of(s))
    x, y = (sh.broadcast_to(zero, shape_of(s)) if d is None else matmul_core(matmul_core(h_(q), d), z) for d in t)
    left, right = qz_turn(s, t_, x, y, adjoint=False, form=True)
    v, w = ew.subtract(left, h_(left)), ew.subtract(right, h_(right))

    def turned(d, form, v, w):
        return ew.add(ew.subtract(d, matmul_core(v, form)), matmul_core(form, w))

    x, y = turned(x, s, v, w), turned(y, t_, v, w)
    n = shape_of(s)[-1]
    if dtype_of(s).kind == "f" and n > 1:
        # LAPACK turns a 2 x 2 block from both sides so that it is diagonal in T: so it stays.
        single = ew.equal(_beside(s, -1), 0.0)
        first, second = _beside(t_, 0), _beside(t_, 0, 1)
        above, below = _beside(y, 1), _beside(y, -1)
        gap = ew.where(single, 1.0, ew.multiply(ew.subtract(second, first), ew.add(second, first)))
        angles = [
            ew.where(single, 0.0, ew.divide(ew.add(ew.multiply(second, a), ew.multiply(first, b)), gap))
            for a, b in ((above, below), (below, above))
        ]
        more = [_rotation(angle, n) for angle in angles]
        x, y = turned(x, s, *more), turned(y, t_, *more)
        v, w = ew.add(v, more[0]), ew.add(w, more[1])
    return quasi_up(x, s), up(y), matmul_core(q, v), matmul_core(z, w)


@qz_core.def_samples
def _(rng):
    # Of real forms without blocks only signs are free, and they do not change nearby.
    a, b = np.diag([1.0, 3.0, 6.0]) + 0.2 * rng.standard_normal((3, 3)), well_conditioned(rng, 3, 3)
    yield sample(a, b, sort=None)
    yield sample(np.stack([a, a.T]), b, sort="rhp", order=1)
    pairs = np.diag([1.0, 1.0, 4.0, 9.0, 9.0]) + np.diag([2.0, 0, 0, 3.0], 1) - np.diag([1.0, 0, 0, 1.0], -1)
    small = 0.1 * rng.standard_normal((2, 5, 5))
    yield sample(pairs + small[0], np.diag([1.0, 2.0, 1.0, 1.0, 2.0]) + small[1], sort=None)
    # LAPACK chooses the phases of complex vectors; tests take what does not depend on them.
    yield sample(a + 0.1j, b + 0j, sort=None, order=0)
    yield sample(np.zeros((0, 0)), np.zeros((0, 0)), sort=None)


def qz_values(s, t):
    """``alpha, beta``, whose ratios are the eigenvalues of a pair in generalised Schur form: the diagonals.

    Of the 2 x 2 blocks of a real form, which are diagonal in T: beta is, and alpha makes the ratios the two roots of the
    characteristic polynomial, that with the positive imaginary part first. A composition, with the derivative of these.
    """
    kind = np.result_type(dtype_of(s), dtype_of(t), np.complex64)
    alpha, beta = diagonal_of(s), diagonal_of(t)
    n = shape_of(s)[-1]
    if kind == dtype_of(s) or n < 2:
        return sh.cast(alpha, kind), beta
    above, below = _beside(s, 1), _beside(s, -1)
    single = ew.equal(below, 0.0)
    ends = [(Ellipsis, slice(None, -1)), (Ellipsis, slice(1, None))]
    first, second = (ix.getitem(beta, end) for end in ends)
    product = ew.where(single, 1.0, ew.multiply(first, second))
    ratios = [
        ew.divide(ix.getitem(alpha, end), ew.where(single, 1.0, b))
        for end, b in zip(ends, (first, second), strict=True)
    ]
    mean, half = (ew.multiply(0.5, f(*ratios)) for f in (ew.add, ew.subtract))
    square = ew.subtract(ew.divide(ew.negative(ew.multiply(above, below)), product), ew.square(half))
    height = ew.sqrt(ew.where(single, 1.0, square))
    zero = np.zeros((*shape_of(height)[:-1], 1), dtype_of(height))
    no, yes = np.zeros(zero.shape, bool), ew.logical_not(single)

    def spread(x, zero):
        """At the first and at the second place of its pair."""
        return [join.concatenate(pair, axis=-1) for pair in ([x, zero], [zero, x])]

    starts, follows = spread(yes, no)
    means, heights = (spread(ew.where(single, 0.0, x), zero) for x in (mean, height))
    real = ew.where(ew.logical_or(starts, follows), ew.multiply(ew.add(*means), beta), alpha)
    imaginary = ew.multiply(ew.subtract(*heights), beta)
    return ew.add(sh.cast(real, kind), ew.multiply(sh.cast(imaginary, kind), 1j)), beta
