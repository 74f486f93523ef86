"""Factorisations of general matrices: Schur, Hessenberg, L D L^H, polar, bases.

Inner product ``Re tr(X^H Y)``. ``low`` is the strictly lower triangle. Each derivative fixes a gauge, stated on its
page; what depends on the choice of signs or phases beyond it has no derivative.
"""

import numpy as np

from scirs_ad._core.core import dtype_of, shape_of
from scirs_ad._core.define import primitive, sample
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import index as ix
from scirs_ad._ops import join
from scirs_ad._ops import shape as sh
from scirs_ad._ops.decompositions import pinv_core
from scirs_ad._ops.linalg import (
    column,
    diagonal_of,
    fit,
    h_,
    matmul_core,
    positive_definite,
    solve_core,
    symmetrized,
    t_,
    well_conditioned,
)
from scirs_ad._ops.linalg_policy import lost_rotation
from scirs_ad._ops.matrix_batch import looped
from scirs_ad._ops.matrix_equations import sylvester_core

sp = lazy("scipy.linalg")


def low(x):
    """The strictly lower triangle."""
    m, n = shape_of(x)[-2:]
    return ew.where(np.tri(m, n, -1, bool), x, 0.0)


def up(x):
    """The upper triangle with the diagonal."""
    m, n = shape_of(x)[-2:]
    return ew.where(~np.tri(m, n, -1, bool), x, 0.0)


def right_solve(x, a):
    """``x a^-1``."""
    return h_(solve_core(h_(a), h_(x)))


# ------------------------------------------------------------------------------------------------ Schur
def _turn_one(t, x, *, adjoint, form):
    """``low(L t - t L) = low(x)`` for strictly lower L, column by column; or the adjoint equation."""
    n = len(t)
    if form and t.dtype.kind == "f" and np.any(np.diagonal(t, -1)):
        return _turn_blocks(t, x, adjoint)
    found = np.zeros((n, n), np.result_type(t, x))
    limit = 8.0 * np.finfo(found.dtype).eps * np.max(np.abs(t), initial=0.0)
    columns = range(n - 2, -1, -1) if adjoint else range(n - 1)
    for j in columns:
        rest = slice(j + 1, None)
        system = -t[rest, rest]
        places = np.arange(n - j - 1)
        gap = t[j, j] + np.diagonal(system)
        # Equal eigenvalues: an infinite gap leaves that rotation out, as the pages of eigenvectors do.
        equal = np.abs(gap) <= limit
        system[places, places] = np.where(equal, np.inf, gap)
        if adjoint:
            right = x[rest, j] - found[rest, rest] @ t[j, rest].conj()
            found[rest, j] = sp.solve_triangular(system, right, trans=2, check_finite=False)
            for i in np.flatnonzero(equal):  # in a cotangent what is left out is what the result depends on
                numerator = right[i] - np.vdot(system[:i, i], found[j + 1 : j + 1 + i, j])
                lost_rotation("schur", j + 1 + i, j, gap[i], numerator, x)
        else:
            right = x[rest, j] - found[rest, :j] @ t[:j, j]
            found[rest, j] = sp.solve_triangular(system, right, check_finite=False)
    return found


def _turn_blocks(t, x, adjoint):
    """The same for a real form with 2 x 2 blocks: L is zero in the blocks, each of the others from four equations or less."""
    n = len(t)
    starts = [k for k in range(n) if k == 0 or t[k, k - 1] == 0]
    blocks = [slice(k, end) for k, end in zip(starts, [*starts[1:], n], strict=True)]
    found = np.zeros((n, n), np.result_type(t, x))
    eps, size = np.finfo(found.dtype).eps, np.max(np.abs(t))
    for b in blocks:
        if b.stop - b.start == 2:
            above, below = t[b.start, b.stop - 1], t[b.stop - 1, b.start]
            if abs(above + below) <= 8.0 * eps * (abs(above) + abs(below)):
                raise np.linalg.LinAlgError(
                    f"rows {b.start} and {b.start + 1} of the real form are a rotation, whose Schur vectors are a free choice "
                    "without derivative; use output='complex'"
                )
    count = len(blocks)
    for q in range(count - 2, -1, -1) if adjoint else range(count - 1):
        j = blocks[q]
        for p in range(q + 1, count) if adjoint else range(count - 1, q, -1):
            i = blocks[p]
            between, before, after = slice(j.stop, i.start), slice(0, j.start), slice(i.stop, n)
            if adjoint:
                right = x[i, j] - found[i, between] @ t[j, between].T + t[between, i].T @ found[between, j]
                one, other = t[j, j].T, t[i, i].T
            else:
                right = x[i, j] - found[i, before] @ t[before, j] + t[i, after] @ found[after, j]
                one, other = t[j, j], t[i, i]
            system = np.kron(np.eye(len(other)), one.T) - np.kron(other, np.eye(len(one)))
            u, s, vh = np.linalg.svd(system)
            parts, equal = u.T @ right.ravel(), s <= 8.0 * eps * size
            if adjoint and np.any(equal):
                lost_rotation("schur", i.start, j.start, s[-1], np.max(np.abs(parts[equal])), x)
            found[i, j] = (vh.T @ np.where(equal, 0.0, parts / np.where(equal, 1.0, s))).reshape(right.shape)
    return found


_turn = looped("(n,n),(n,n)->(n,n)", _turn_one, name="schur")


@primitive("(n,n),(n,n)->(n,n)", kernel=_turn, internal=True)
def schur_turn(t, x, *, adjoint, form):
    """The strictly lower L with ``low(L t - t L) = low(x)``, `t` upper triangular; `adjoint`: with ``t^H``.

    `form`: `t` is a Schur form, which may have 2 x 2 blocks if it is real; then lower is what lies below the blocks. Else what
    is below its diagonal is not read. By substitution, as in the equation of Sylvester. Derivative: with ``g`` the solution
    of the adjoint equation: ``low(g)`` for `x` and ``g L^H - L^H g`` for `t`. Cost: ``n^3 / 3`` operations, slower with blocks.
    """
    return _turn(t, x, adjoint=adjoint, form=form)


@schur_turn.def_vjp
def _(ct, out, t, specs, adjoint, form):
    g = schur_turn(t, ct, adjoint=not adjoint, form=form)
    first, second = (out, h_(g)) if adjoint else (g, h_(out))
    to_t = ew.subtract(matmul_core(first, second), matmul_core(second, first))
    to_t = quasi_up(to_t, t) if form else up(to_t)
    return fit(to_t, specs[0]), fit(g, specs[1])


@schur_turn.def_samples
def _(rng):
    def triangular(n, **more):
        return np.triu(rng.standard_normal((n, n))) + np.diag(3.0 * np.arange(n))

    yield sample(triangular(3), rng.standard_normal((3, 3)), adjoint=False, form=False)
    yield sample(triangular(3) + 0j, rng.standard_normal((3, 3)) + 1j, adjoint=True, form=False)


def _schur_one(a, *, sort):
    """The form and vectors, and how many eigenvalues come first, if they are sorted."""
    found = sp.schur(a, output="real" if a.dtype.kind == "f" else "complex", sort=sort, check_finite=False)
    return found if sort is not None else (*found, 0)


schur_counted = looped("(n,n)->(n,n),(n,n),()", _schur_one, name="schur",
                       dtypes=lambda common: [common, common, np.dtype(np.intp)])  # fmt: skip


def _schur(a, *, sort=None):
    return schur_counted(a, sort=sort)[:2]


@primitive("(n,n)->()", kernel=lambda a, *, sort: schur_counted(a, sort=sort)[2], differentiable=False, internal=True)
def schur_count(a, *, sort):
    """How many eigenvalues `sort` puts first. Cost: that of the Schur form."""
    return schur_counted(a, sort=sort)[2]


schur_count.not_differentiable("it is a whole number")


@schur_count.def_samples
def _(rng):
    yield sample(rng.standard_normal((3, 3)), sort="lhp")
    yield sample(rng.standard_normal((2, 2, 2)) + 0j, sort="ouc")


@primitive("(n,n)->(n,n),(n,n)", kernel=_schur, internal=True)
def schur_core(a, *, sort):
    """``T, Z`` with ``a = Z T Z^H``, Z unitary and T upper triangular (real `a`: quasi triangular), ordered by `sort`.

    Derivative: with ``X = Z^H da Z``, ``dZ = Z W``, ``W = L - L^H`` and ``dT = X - W T + T W``, where L makes ``dT``
    upper triangular: `schur_turn`. Gauge: the diagonal of ``Z^H dZ`` is zero. Within the 2 x 2 blocks of a real form W is
    the rotation that keeps their diagonals constant, as LAPACK has them; a block that is itself a rotation has none. At equal eigenvalues exact for what does not depend on the order of them. Cost: about ``25 n^3`` operations.
    """
    return _schur(a, sort=sort)


def _below(form):
    """The elements just below the diagonal: not zero within the 2 x 2 blocks of a real form."""
    n = shape_of(form)[-1]
    return ix.getitem(form, (Ellipsis, np.arange(1, n), np.arange(n - 1)))


def quasi_up(x, form):
    """The upper triangle, with the blocks of a real form."""
    if dtype_of(form).kind == "c" or shape_of(form)[-1] < 2:
        return up(x)
    n = shape_of(form)[-1]
    return ew.add(up(x), ew.where(np.eye(n, k=-1, dtype=bool), ew.where(ew.equal(form, 0.0), 0.0, x), 0.0))


def _turned(x, form):
    """The rotation and the upper triangle of ``X - W T + T W``."""
    lower = schur_turn(form, x, adjoint=False, form=True)
    w = ew.subtract(lower, h_(lower))
    moved = ew.add(ew.subtract(x, matmul_core(w, form)), matmul_core(form, w))
    n = shape_of(form)[-1]
    if dtype_of(form).kind == "f" and n > 1:
        # LAPACK turns a 2 x 2 block so that its diagonal is constant: so it stays.
        below = _below(form)
        above = ix.getitem(form, (Ellipsis, np.arange(n - 1), np.arange(1, n)))
        diagonal = diagonal_of(moved)
        apart = ew.subtract(
            ix.getitem(diagonal, (Ellipsis, slice(None, -1))), ix.getitem(diagonal, (Ellipsis, slice(1, None)))
        )
        single = ew.equal(below, 0.0)
        angle = ew.divide(ew.where(single, 0.0, apart), ew.where(single, 1.0, ew.multiply(2.0, ew.add(above, below))))
        zero = np.zeros((*shape_of(angle)[:-1], 1), dtype_of(angle))
        first = ew.where(np.eye(n, k=1, dtype=bool), column(join.concatenate([angle, zero], axis=-1)), 0.0)
        turn = ew.subtract(first, t_(first))
        w = ew.add(w, turn)
        moved = ew.add(ew.subtract(moved, matmul_core(turn, form)), matmul_core(form, turn))
    return w, quasi_up(moved, form)


@schur_core.def_jvp
def _(t, out):
    form, z = out
    w, moved = _turned(matmul_core(matmul_core(h_(z), t), z), form)
    return moved, matmul_core(z, w)


@schur_core.def_samples
def _(rng):
    yield sample(np.diag([1.0, 3.0, 6.0]) + 0.3 * rng.standard_normal((3, 3)), sort=None)
    yield sample(np.diag([-1.0, 3.0]) + 0.1 * rng.standard_normal((2, 2, 2)), sort="rhp", order=1)
    pairs = np.diag([1.0, 1.0, 4.0, 9.0, 9.0]) + np.diag([2.0, 0, 0, 3.0], 1) - np.diag([1.0, 0, 0, 1.0], -1)
    yield sample(pairs + 0.1 * rng.standard_normal((5, 5)), sort=None)
    single = np.diag([1.0, 3.0, 6.0])
    yield sample(np.stack([pairs[:3, :3], single]) + 0.1 * rng.standard_normal((2, 3, 3)), sort=None, order=1)
    # LAPACK chooses the phases of complex vectors; tests take what does not depend on them.
    yield sample(well_conditioned(rng, 3, 3, complex_too=True), sort=None, order=0)
    yield sample(np.zeros((0, 0)), sort=None)


def _to_complex(t, z):
    return sp.rsf2csf(t, z, check_finite=False)


_complex_form = looped("(n,n),(n,n)->(n,n),(n,n)", _to_complex, name="rsf2csf",
                       dtypes=lambda common: [np.result_type(common, np.complex64)] * 2)  # fmt: skip


@primitive("(n,n),(n,n)->(n,n),(n,n)", kernel=_complex_form, internal=True)
def rsf2csf_core(t, z):
    """The complex Schur form of a real one: ``z t z^H`` stays.

    Derivative: with ``U = z^H Z``, ``X = U^H dt U`` is the moved form, as in `schur_core`; ``dZ = dz U + Z W``. Below
    its subdiagonal `t` is not read. Gauge: as of `schur_core`. Cost: ``6 n`` operations for each 2 x 2 block.
    """
    return _complex_form(t, z)


@rsf2csf_core.def_jvp
def _(t, out, z):
    form, vectors = out
    u = matmul_core(h_(z), vectors)
    moved, to_z = None, None
    if t[0] is not None:
        n = shape_of(t[0])[-1]
        read = ew.where(np.tri(n, n, -2, bool), 0.0, t[0])
        w, moved = _turned(matmul_core(matmul_core(h_(u), read), u), form)
        to_z = matmul_core(vectors, w)
    if t[1] is not None:
        more = matmul_core(t[1], u)
        to_z = more if to_z is None else ew.add(to_z, more)
    return moved, to_z


@rsf2csf_core.def_samples
def _(rng):
    yield sample(*_schur(np.array([[1.0, 2.0, 0.5], [-2.0, 1.0, 0.3], [0.1, 0.2, 4.0]])), order=0)
    yield sample(np.zeros((0, 0)), np.zeros((0, 0)), order=0)


# ------------------------------------------------------------------------------------------------ Hessenberg
_hessenberg = looped(
    "(n,n)->(n,n),(n,n)", lambda a: sp.hessenberg(a, calc_q=True, check_finite=False), name="hessenberg"
)


def hessenberg_pair(a):
    """``H, Q`` with ``a = Q H Q^H``; on Variables by the reflections of LAPACK's xGEHD2 as a program of ``n - 2`` steps.

    There the derivatives are those of the steps, and of any order. Gauge: the first column of Q is fixed, and the
    subdiagonal is real, so nothing else is free.
    """
    if type(a) is np.ndarray:
        return _hessenberg(a)
    n = shape_of(a)[-1]
    q = np.eye(n, dtype=dtype_of(a))
    complex_too = dtype_of(a).kind == "c"
    for k in range(n - 1 if complex_too else n - 2):  # the last one makes a number real
        x = a[..., k + 1 :, k : k + 1]
        alpha, rest = x[..., :1, :], x[..., 1:, :]
        below = sh.sum_axes((ew.abs(rest) if complex_too else rest) ** 2, axes=(-2, -1))
        below = sh.reshape(below, (*shape_of(below), 1, 1))
        nothing = ew.equal(below, 0.0)  # a column that is zero already is left alone, as xLARFG does
        if complex_too:
            nothing = ew.logical_and(nothing, ew.equal(cx.imag(alpha), 0.0))
        size = ew.abs(alpha) if complex_too else alpha
        whole = ew.sqrt(ew.where(nothing, 1.0, below + size**2))
        beta = -ew.copysign(whole, cx.real(alpha) if complex_too else alpha)
        gap = ew.where(nothing, 1.0, alpha - beta)
        w = join.concatenate([np.ones(shape_of(alpha), dtype_of(a)), rest / gap], axis=-2)
        tau = ew.where(nothing, 0.0, (beta - alpha) / beta)
        adjoint = h_(w)
        a = _below_rows(a, k, w, h_(tau) * matmul_core(adjoint, a[..., k + 1 :, :]))
        a = h_(_below_rows(h_(a), k, w, h_(tau) * h_(matmul_core(a[..., :, k + 1 :], w))))
        right = tau * matmul_core(q[..., :, k + 1 :], w)
        lead = np.broadcast_shapes(shape_of(q)[:-2], shape_of(right)[:-2])
        q = sh.broadcast_to(q, (*lead, n, n))
        q = join.concatenate([q[..., :, : k + 1], q[..., :, k + 1 :] - matmul_core(right, adjoint)], axis=-1)
    lead = shape_of(a)[:-2]
    return ew.where(np.tri(n, n, -2, bool), 0.0, a), sh.broadcast_to(q, (*lead, n, n))


def _below_rows(a, k, w, row):
    """``a`` with ``w row`` taken from its rows below `k`."""
    return join.concatenate([a[..., : k + 1, :], a[..., k + 1 :, :] - matmul_core(w, row)], axis=-2)


def permutation_matrix(p, dtype):
    """The matrix P with ones at ``(i, p[i])``."""
    m = shape_of(p)[-1]
    return sh.cast(ew.equal(sh.reshape(p, (*shape_of(p), 1)), np.arange(m)), dtype)


# ------------------------------------------------------------------------------------------------ L D L^H
def _symmetric(a, hermitian):
    return symmetrized(a) if hermitian else 0.5 * (a + np.swapaxes(a, -1, -2))


def _ldl_one(a, *, lower, hermitian):
    return sp.ldl(_symmetric(a, hermitian), lower=lower, hermitian=hermitian, check_finite=False)[:2]


_ldl = looped("(n,n)->(n,n),(n,n)", _ldl_one, name="ldl")
_ldl_order = looped(
    "(n,n)->(n)",
    lambda a, *, lower, hermitian: sp.ldl(_symmetric(a, hermitian), lower=lower, hermitian=hermitian)[2],
    name="ldl", dtypes=lambda common: [np.dtype(np.int64)],
)  # fmt: skip


@primitive("(n,n)->(n)", kernel=_ldl_order, differentiable=False, internal=True)
def ldl_order(a, *, lower, hermitian):
    """The order of rows in which the factor of `ldl_core` is triangular. Cost: ``n^3 / 3`` operations."""
    return _ldl_order(a, lower=lower, hermitian=hermitian)


ldl_order.not_differentiable("an order of rows is integers")


@primitive("(n,n)->(n,n),(n,n)", kernel=_ldl, internal=True)
def ldl_core(a, *, lower, hermitian):
    """``L, D`` with ``(a + a^H) / 2 = L D L^H`` (not `hermitian`: transposes), D of 1 x 1 and 2 x 2 blocks.

    L is triangular up to the order of its rows, with identities where D has blocks. Derivative: with ``X = L^-1 da
    L^-H``: ``dD`` is X within the blocks, ``dL = L low(X) D^-1`` with the part of X outside of them (as for Cholesky,
    Murray 2016; the blocks are of J. R. Bunch, L. Kaufman, 1977). At a constant order, for D without zeros. Cost:
    ``n^3 / 3`` operations.
    """
    return _ldl(a, lower=lower, hermitian=hermitian)


@ldl_core.def_jvp
def _(t, out, lower, hermitian):
    factor, d = out
    turn = h_ if hermitian else t_
    n = shape_of(d)[-1]
    t = ew.multiply(0.5, ew.add(t, turn(t)))
    x = turn(solve_core(factor, turn(solve_core(factor, t))))
    apart = ew.equal(ew.where(np.eye(n, dtype=bool), 1.0, d), 0.0)
    side = np.tri(n, n, -1, bool) if lower else np.tri(n, n, -1, bool).T
    moved = ew.where(ew.logical_and(apart, side), x, 0.0)
    return matmul_core(factor, t_(solve_core(t_(d), t_(moved)))), ew.where(apart, 0.0, x)


def _ldl_samples(rng):
    a = rng.standard_normal((3, 3))
    a = a + a.T
    yield sample(a, lower=True, hermitian=True)
    yield sample(np.array([[0.0, 1.0, 0.2], [1.0, 0.1, 0.5], [0.2, 0.5, 3.0]]), lower=False, hermitian=True, order=1)
    b = positive_definite(rng, 2, 2, complex_too=True)
    yield sample(b, lower=True, hermitian=True, order=1)
    yield sample(np.stack([b + b.T, b + b.T + 1j]), lower=True, hermitian=False, order=1)


ldl_core.def_samples(_ldl_samples)
ldl_order.def_samples(_ldl_samples)


# ------------------------------------------------------------------------------------------------ polar
def _polar(a):
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return np.matmul(u, vh), np.matmul(np.conj(np.swapaxes(vh, -1, -2)) * s[..., None, :], vh)


@primitive("(m,n)->(m,n),(n,n)", kernel=_polar, internal=True)
def polar_core(a):
    """``U, P`` with ``a = U P``, ``U^H U = I``, P Hermitian and not negative; at least as many rows as columns.

    Derivative: ``dU = U W + (I - U U^H) da P^-1``, ``dP = U^H da - W P`` with ``W P + P W = U^H da - da^H U`` (N. J.
    Higham, "Functions of Matrices" (2008), chapter 8, from ``da = dU P + U dP``): smooth at equal singular values, for
    full column rank. Cost: a singular value decomposition.
    """
    return _polar(a)


@polar_core.def_jvp
def _(t, out):
    u, p = out
    inner = matmul_core(h_(u), t)
    w = sylvester_core(p, p, ew.subtract(inner, h_(inner)), "polar")
    # W is skew; what rounding puts into its Hermitian part is divided by the least singular value alone.
    w = ew.multiply(0.5, ew.subtract(w, h_(w)))
    to_u = matmul_core(u, w)
    if shape_of(u)[-2] != shape_of(u)[-1]:
        to_u = ew.add(to_u, right_solve(ew.subtract(t, matmul_core(u, inner)), p))
    to_p = ew.subtract(inner, matmul_core(w, p))
    return to_u, ew.multiply(0.5, ew.add(to_p, h_(to_p)))


@polar_core.def_samples
def _(rng):
    yield sample(well_conditioned(rng, 3, 3)[:, :2].copy())
    yield sample(np.eye(2))  # equal singular values
    yield sample(well_conditioned(rng, 2, 2, 2, complex_too=True), order=1)


# ------------------------------------------------------------------------------------------------ bases
def _null(a, *, rank, rcond):
    del rcond
    if 0 in a.shape[-2:]:
        n = a.shape[-1]
        return np.broadcast_to(np.eye(n, dtype=a.dtype), (*a.shape[:-2], n, n)).copy()
    vh = np.linalg.svd(a, full_matrices=True)[2]
    return np.conj(np.swapaxes(vh[..., rank:, :], -1, -2))


@primitive(core=lambda a, **_: (2,), kernel=_null, internal=True)
def null_core(a, *, rank, rcond):
    """An orthonormal basis N of the null space of a matrix of known rank.

    Derivative: ``-A^+ dA N``, from ``A N = 0``, at constant rank. Gauge: ``N^H dN = 0``, right for all that does not
    depend on the choice of the basis. Cost: a singular value decomposition.
    """
    return _null(a, rank=rank, rcond=rcond)


@null_core.def_shape
def _(a, *, rank, rcond):
    del rcond
    return type(a)((*a.shape[:-2], a.shape[-1], a.shape[-1] - rank), a.dtype)


@null_core.def_jvp
def _(t, out, a, rank, rcond):
    return ew.negative(matmul_core(pinv_core(a, rcond=rcond), matmul_core(t, out)))


@null_core.def_samples
def _(rng):
    yield sample(rng.standard_normal((2, 3)), rank=2, rcond=1e-15)
    yield sample(rng.standard_normal((2, 1, 2)), rank=1, rcond=1e-15)


def _orth(a, *, rank, rcond):
    del rcond
    return np.linalg.svd(a, full_matrices=False)[0][..., :rank]


@primitive(core=lambda a, **_: (2,), kernel=_orth, internal=True)
def orth_core(a, *, rank, rcond):
    """An orthonormal basis U of the range of a matrix of known rank.

    Derivative: ``(I - U U^H) dA A^+ U``, that of the projector ``U U^H``, at constant rank. Gauge: ``U^H dU = 0``, right
    for all that does not depend on the choice of the basis; never singular. Cost: a singular value decomposition.
    """
    return _orth(a, rank=rank, rcond=rcond)


@orth_core.def_shape
def _(a, *, rank, rcond):
    del rcond
    return type(a)((*a.shape[:-1], rank), a.dtype)


@orth_core.def_jvp
def _(t, out, a, rank, rcond):
    moved = matmul_core(t, matmul_core(pinv_core(a, rcond=rcond), out))
    return ew.subtract(moved, matmul_core(out, matmul_core(h_(out), moved)))


@orth_core.def_samples
def _(rng):
    # Of one vector only the sign is free.
    yield sample(rng.standard_normal((3, 1)), rank=1, rcond=1e-15)
    yield sample(rng.standard_normal((2, 2, 1)), rank=1, rcond=1e-15, order=1)
    yield sample(rng.standard_normal((3, 2)) + 1j * rng.standard_normal((3, 2)), rank=2, rcond=1e-15, order=0)


# ------------------------------------------------------------------------------------------------ orders, sketches
def _balance_one(a, *, permute, scale):
    return sp.matrix_balance(a, permute=permute, scale=scale, separate=True)[1]


_balance = looped("(n,n)->(n),(n)", _balance_one, name="matrix_balance",
                  dtypes=lambda common: [np.empty(0, common).real.dtype, np.dtype(np.int64)])  # fmt: skip


def _balance_all(a, *, permute, scale):
    scaling, order = _balance(a, permute=permute, scale=scale)
    return (scaling, order) if order.size else (np.ones_like(scaling), order)


@primitive("(n,n)->(n),(n)", kernel=_balance_all, differentiable=False, internal=True)
def balance_of(a, *, permute, scale):
    """Powers of 2 that scale a matrix so that rows and columns have like sizes, and an order of them, by xGEBAL."""
    return _balance_all(a, permute=permute, scale=scale)


balance_of.not_differentiable("an order is integers, and powers of 2 are piecewise constant")


@balance_of.def_samples
def _(rng):
    yield sample(rng.standard_normal((3, 3)) * [1.0, 1e3, 1e-3], permute=True, scale=True)
    yield sample(np.triu(rng.standard_normal((2, 2, 2))) + 0j, permute=True, scale=False)
    yield sample(np.zeros((0, 0)), permute=True, scale=True)


_qr_order = looped("(m,n)->(n)", lambda a: sp.qr(a, mode="r", pivoting=True, check_finite=False)[1], name="qr",
                   dtypes=lambda common: [np.dtype(np.int32)])  # fmt: skip


def _order(a):
    if 0 in a.shape[-2:]:
        return np.broadcast_to(np.arange(a.shape[-1], dtype=np.int32), (*a.shape[:-2], a.shape[-1])).copy()
    return _qr_order(a)


@primitive("(m,n)->(n)", kernel=_order, differentiable=False, internal=True)
def qr_order(a):
    """The order of columns in which QR has a descending diagonal of R. Cost: a QR decomposition."""
    return _order(a)


qr_order.not_differentiable("an order of columns is integers")


@qr_order.def_samples
def _(rng):
    yield sample(rng.standard_normal((2, 3)))
    yield sample(rng.standard_normal((2, 2, 2)) + 1j)
    yield sample(np.ones((0, 2)))


def _sketch(a, w, *, n_iter):
    adjoint = np.conj(np.swapaxes(a, -1, -2))
    z = np.linalg.qr(np.matmul(adjoint, np.matmul(a, w)))[0]
    for _ in range(n_iter):
        z = np.linalg.qr(np.matmul(adjoint, np.linalg.qr(np.matmul(a, z))[0]))[0]
    return z


@primitive("(m,n),(n,w)->(n,w)", kernel=_sketch, differentiable=False, internal=True)
def sketch_of(a, w, *, n_iter):
    """An orthonormal basis near the leading right singular vectors, from random directions `w` by subspace iteration.

    N. Halko, P. G. Martinsson, J. A. Tropp, SIAM Review 53 (2011), algorithm 4.4. Cost: ``4 m n w`` operations a step.
    """
    return _sketch(a, w, n_iter=n_iter)


sketch_of.not_differentiable("it only says where to look; the decomposition that follows is differentiated")


@sketch_of.def_samples
def _(rng):
    yield sample(rng.standard_normal((4, 3)), rng.standard_normal((3, 2)), n_iter=1)
    yield sample(rng.standard_normal((2, 3, 3)) + 0j, rng.standard_normal((3, 1)) + 0j, n_iter=0)
