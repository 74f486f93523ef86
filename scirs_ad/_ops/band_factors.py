"""Factors and spectra of Hermitian banded matrices in band storage; their cotangents are banded, too.

All matrices are given by the bands of their lower triangle, ``ab[i - j, j] = a[i, j]``; each stands for itself and for
its mirror image, so its cotangent is the sum of both. The imaginary part of the diagonal is not read.
"""

import numpy as np

from scirs_ad._core.core import dtype_of, shape_of
from scirs_ad._core.define import primitive, raises, sample
from scirs_ad._core.lazy import lazy
from scirs_ad._kernels import routines
from scirs_ad._ops import complex as cx
from scirs_ad._ops import decompositions as dc
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import index as ix
from scirs_ad._ops import shape as sh
from scirs_ad._ops.linalg import matmul_core
from scirs_ad._ops.matrix_bands import products_at, taken
from scirs_ad._ops.matrix_batch import looped

sp = lazy("scipy.linalg")
kernels = lazy("scirs_ad._kernels.linalg_bands", routines.alone)


def _samples(rng):
    yield np.r_[[6 + rng.random(4)], rng.standard_normal((2, 4))]
    yield np.stack([np.r_[[4 + rng.random(3)], rng.standard_normal((1, 3))] for _ in range(2)])
    yield np.r_[[6 + rng.random(3)], rng.standard_normal((1, 3)) + 1j * rng.standard_normal((1, 3))]
    yield np.ones((1, 2), np.float32)


# ------------------------------------------------------------------------------------------------ the turn
def _dense(ab):
    n = ab.shape[-1]
    a = np.zeros((*ab.shape[:-2], n, n), ab.dtype)
    for k in range(min(ab.shape[-2], n)):
        places = np.arange(n - k)
        a[..., places + k, places] = ab[..., k, : n - k]
    return a


def _bands(a, count):
    n = a.shape[-1]
    ab = np.zeros((*a.shape[:-2], count, n), a.dtype)
    for k in range(min(count, n)):
        places = np.arange(n - k)
        ab[..., k, : n - k] = a[..., places + k, places]
    ab[..., 0, :] = ab[..., 0, :].real
    return ab


def _turn_body(factor, x, *, adjoint):
    """By the matrix of the linear equations, real and imaginary parts apart."""
    kind = np.result_type(factor, x)
    shape = np.broadcast_shapes(factor.shape, x.shape)
    factor, x, out = np.broadcast_to(factor, shape), np.broadcast_to(x, shape), np.zeros(shape, kind)
    count, n = shape[-2:]
    free = np.tri(n, count, 0)[::-1].T.astype(bool)  # what lies inside of the matrix
    for place in np.ndindex(shape[:-2]):
        lower = _dense(factor[place])
        columns = []
        for unit in (1.0, 1j) if kind.kind == "c" else (1.0,):
            for spot in np.argwhere(free if unit == 1.0 else free & (np.arange(count)[:, None] > 0)):
                d = np.zeros((count, n), complex)
                d[tuple(spot)] = unit
                full = _dense(d) @ lower.conj().T
                columns.append((d, _bands(full + full.conj().T, count)))
        system = np.array([[np.sum(np.real(np.conj(d) * y)) for _, y in columns] for d, _ in columns])
        right = np.array([np.sum(np.real(np.conj(d) * x[place])) for d, _ in columns])
        found = np.linalg.solve(system.T if adjoint else system, right)
        total = sum((c * d for c, (d, _) in zip(found, columns, strict=True)), np.zeros((count, n), complex))
        out[place] = total if kind.kind == "c" else total.real
    return out


@primitive("(k,n),(k,n)->(k,n)", kernel=lambda f, x, *, adjoint: kernels.cholesky_turn(f, x, adjoint), internal=True)
def cholesky_turn(factor, x, *, adjoint):
    """The banded D with ``D L^H + L D^H = x`` within the bands, L the lower factor: the change of L for a change `x`.

    `adjoint`: the solution Y of the adjoint equation, ``(Y + Y^H) L = x`` within the bands (on the diagonal real parts).
    By the steps of the factorisation, differentiated (S. P. Smith, J. Comput. Graph. Statist. 4 (1995), for sparse
    factors), so nothing outside of the bands appears. Derivative: the other of the two for `x`; the equations are linear
    in L, too: the bands of ``-(Y + Y^H) D`` for it. Cost: ``2 n k^2`` operations.
    """
    return _turn_body(factor, x, adjoint=adjoint)


def _mirror_product(y, d):
    """The lower bands of ``(Y + Y^H) D``, for banded lower Y and D."""
    k, n = shape_of(y)[-2:]
    rows, columns = np.arange(k)[:, None], np.arange(n)
    flat = sh.reshape(y, (*shape_of(y)[:-2], k * n))
    conjugate, total = cx.conj(flat), None
    for q in range(k):
        # The element at row j + p, column j + q of the Hermitian matrix, times that of D at row j + q, column j.
        p, at = rows - q, columns + q
        inside = (columns + rows < n) & (at < n)
        below = taken(flat, np.where(p >= 0, p, 0) * n + at, inside & (p >= 0))
        above = taken(conjugate, np.where(p <= 0, -p, 0) * n + columns + rows, inside & (p <= 0))
        term = ew.multiply(ew.add(below, above), ix.getitem(d, (Ellipsis, slice(q, q + 1), slice(None))))
        total = term if total is None else ew.add(total, term)
    first = ew.where(rows == 0, cx.real(total), total) if dtype_of(total).kind == "c" else total
    return ew.negative(first)


@cholesky_turn.def_vjp
def _(ct, out, factor, specs, adjoint):
    other = cholesky_turn(factor, ct, adjoint=not adjoint)
    y, d = (out, other) if adjoint else (other, out)
    return sh.unbroadcast(_mirror_product(y, d), specs[0].shape), sh.unbroadcast(other, specs[1].shape)


@cholesky_turn.def_samples
def _(rng):
    for ab in _samples(rng):
        x = (rng.standard_normal(ab.shape[-2:]) * (np.tri(*ab.shape[-2:][::-1])[::-1].T)).astype(ab.dtype)
        for adjoint in (False, True):
            # Where nothing is read a difference finds 0, as the derivative does.
            yield sample(ab, x, adjoint=adjoint)


# ------------------------------------------------------------------------------------------------ Cholesky
def _cholesky_one(ab):
    n = ab.shape[-1]
    factor = sp.cholesky_banded(ab, lower=True, check_finite=False)
    return np.where(np.arange(n) + np.arange(len(ab))[:, None] < n, factor, 0.0)


_cholesky = looped("(k,n)->(k,n)", _cholesky_one, name="cholesky_banded")


@primitive("(k,n)->(k,n)", kernel=_cholesky, internal=True)
def cholesky_banded_core(ab):
    """The bands of the lower Cholesky factor; zero outside of the matrix.

    Derivative: `cholesky_turn`, banded. Cost: ``n k^2`` operations, for the derivative twice that.
    """
    return _cholesky(ab)


@cholesky_banded_core.def_vjp
def _(ct, out):
    return cholesky_turn(out, ct, adjoint=True)


@cholesky_banded_core.def_jvp
def _(t, out):
    return cholesky_turn(out, t, adjoint=False)


@cholesky_banded_core.def_samples
def _(rng):
    for ab in _samples(rng):
        yield sample(ab)
    yield raises(np.linalg.LinAlgError, -np.ones((1, 2)), match="cholesky_banded")


# ------------------------------------------------------------------------------------------------ spectra
_values = looped("(k,n)->(n)", lambda ab: sp.eig_banded(ab, lower=True, eigvals_only=True, check_finite=False),
                 name="eigvals_banded", dtypes=lambda common: [np.empty(0, common).real.dtype])  # fmt: skip
_pairs = looped("(k,n)->(n),(n,n)", lambda ab: sp.eig_banded(ab, lower=True, check_finite=False), name="eig_banded",
                dtypes=lambda common: [np.empty(0, common).real.dtype, common])  # fmt: skip


def _within(left, v, k):
    """The bands of the cotangent ``left v^H``, which is Hermitian, with both triangles added up."""
    found = products_at(np.arange(k), left, v)
    rows = np.arange(k)[:, None]
    return ew.where(rows == 0, cx.real(found), ew.multiply(2.0, found))


@primitive("(k,n)->(n)", kernel=_values, internal=True)
def eigvals_banded_core(ab):
    """Eigenvalues, ascending, of a Hermitian banded matrix.

    Derivative: the bands of ``V diag(ct) V^H``, ``2 n^2 k`` operations and the eigenvectors. Cost: ``6 n^2 k``
    operations.
    """
    return _values(ab)


@eigvals_banded_core.def_vjp
def _(ct, ab, specs):
    _, v = eig_banded_core(ab, degenerate=None)
    return _within(ew.multiply(v, dc.columns(ct)), v, specs[0].shape[-2])


@eigvals_banded_core.def_samples
def _(rng):
    for ab in _samples(rng):
        ab[..., 0, :] += 3 * np.arange(ab.shape[-1])
        yield sample(ab)


@primitive("(k,n)->(n),(n,n)", kernel=lambda ab, *, degenerate: _pairs(ab), internal=True)
def eig_banded_core(ab, *, degenerate):
    """Eigenvalues, ascending, and eigenvectors of a Hermitian banded matrix.

    Derivative: that of `eigh_core`, of which only the bands are formed. Cost: ``6 n^2 k + 3 n^3`` operations.
    """
    return _pairs(ab)


@eig_banded_core.def_vjp
def _(ct, out, specs, degenerate):
    v = out[1]
    middle = dc.hermitian_middle("eig_banded", out, ct, degenerate)
    return _within(matmul_core(v, middle), v, specs[0].shape[-2])


@eig_banded_core.def_samples
def _(rng):
    for ab in _samples(rng):
        # Complex vectors are free up to phases that LAPACK chooses.
        ab[..., 0, :] += 3 * np.arange(ab.shape[-1])
        yield sample(ab, degenerate=None, order=0 if ab.dtype.kind == "c" else 2)
