"""Gradients against 80 digits: to 100 rounding units times the condition of the derivative, on every sample.

The condition is measured: how much the derivative changes, computed with 80 digits, if the inputs change by a rounding
unit of their largest element. Samples are well conditioned, ill-conditioned (Hilbert), graded, nearly singular, nearly
defective, with clusters and with equal eigenvalues.
"""

import mpmath
import numpy as np
import pytest
import scipy.sparse
from extended import (
    cholesky,
    conj,
    dagger,
    det,
    discrete_lyapunov,
    eig,
    eigh,
    expm,
    eye,
    function,
    hermitian,
    hermitian_function,
    hessenberg,
    inv,
    kron,
    lifted,
    lu,
    norm,
    pinv,
    qr,
    real,
    reference,
    solve,
    svd,
    sylvester,
)
from linalg_cases import ENTRIES

import scirs_ad as ad
import scirs_ad.numpy as anp
import scirs_ad.scipy.linalg as sla
import scirs_ad.scipy.sparse.linalg as ssl

UNITS = 100


def draw(rng, like):
    x = rng.standard_normal(np.shape(like))
    return x + 1j * rng.standard_normal(np.shape(like)) if np.iscomplexobj(like) else x


# ------------------------------------------------------------------------------------------------ matrices
RNG = np.random.default_rng(2)
ANY = RNG.standard_normal((4, 4))
COMPLEX = ANY[:3, :3] + 1j * RNG.standard_normal((3, 3))
ORTHOGONAL = np.linalg.qr(ANY)[0]
UNITARY = np.linalg.qr(COMPLEX)[0]
HILBERT = 1 / (np.arange(5)[:, None] + np.arange(5) + 1.0)
GRADED = np.diag([1e4, 1.0, 1e-4, 1e-8]) @ (np.eye(4) + 0.1 * ANY)
NEARLY_SINGULAR = ORTHOGONAL @ np.diag([1.0, 0.5, 0.3, 1e-10]) @ ANY


def spectrum(*w):
    """A Hermitian matrix with these eigenvalues."""
    q = UNITARY if len(w) == 3 else ORTHOGONAL
    a = q @ np.diag(w) @ q.conj().T
    return (a + a.conj().T) / 2


GENERAL = {"random": ANY, "complex": COMPLEX, "Hilbert": HILBERT, "graded": GRADED, "nearly singular": NEARLY_SINGULAR}
DEFINITE = {
    "random": spectrum(1.0, 2.0, 3.0, 4.0), "complex": spectrum(0.5, 1.0, 2.0), "Hilbert": HILBERT,
    "graded": np.diag([1e3, 1.0, 1e-3, 1e-6]) @ spectrum(1.0, 2.0, 3.0, 4.0) @ np.diag([1e3, 1.0, 1e-3, 1e-6]),
    "nearly singular": spectrum(1.0, 1.0, 0.1, 1e-9),
}  # fmt: skip
SPECTRA = {
    "random": spectrum(-1.0, 0.5, 2.0, 4.0), "complex": spectrum(-1.0, 1.0, 2.0), "Hilbert": HILBERT,
    "cluster": spectrum(1.0, 1.0 + 1e-6, 2.0, 3.0), "equal": np.diag([1.0, 1.0, 2.0, 5.0]), "tight": spectrum(1.0, 1.0 + 1e-12, 2.0, 3.0),
    "graded": np.diag([1.0, 1e-3, 1e-6, 1e-9]) @ spectrum(1.0, 2.0, 3.0, 4.0) @ np.diag([1.0, 1e-3, 1e-6, 1e-9]),
}  # fmt: skip
TALL = {
    "random": ANY[:, :3], "complex": UNITARY[:, :2] * [1.0, 3.0], "Hilbert": HILBERT[:, :3], "graded": GRADED[:, :3],
    "nearly singular": NEARLY_SINGULAR[:, :3] @ np.diag([1.0, 1e-4, 1e-8]),
}  # fmt: skip
NONNORMAL = {
    "random": np.diag([1.0, 2.0, 4.0]) + 0.3 * ANY[:3, :3], "complex": np.diag([1.0, 2.0, 4.0]) + 0.3 * COMPLEX,
    "nearly defective": np.array([[1.0, 1.0, 0.0], [1e-6, 1.0, 0.5], [0.0, 0.0, 3.0]]),
    "large": np.array([[1.0, 40.0, 9.0], [0.0, 1.5, 50.0], [0.0, 0.0, 3.0]]),
}  # fmt: skip
POSITIVE = {  # no eigenvalue near the negative axis
    "random": DEFINITE["random"], "complex": NONNORMAL["complex"], "equal": np.diag([2.0, 2.0, 3.0]),
    "cluster": spectrum(1.0, 1.0 + 1e-9, 2.0, 3.0), "nearly singular": spectrum(1.0, 0.5, 0.1, 1e-6),
    "defective": np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]),
    "nearly defective": np.array([[1.0, 1.0, 0.0], [1e-6, 1.0, 0.5], [0.0, 0.0, 3.0]]),
}  # fmt: skip


INDEFINITE = {
    "random": np.diag([1.0, -2.0, 3.0]) + 0.3 * ANY[:3, :3], "complex": np.diag([1.0, -2.0, 3.0]) + 0.3 * COMPLEX,
    "equal": np.diag([1.0, -2.0, 1.0]), "near the imaginary axis": np.array([[1e-3, 1.0, 0.0], [0.0, -1e-3, 0.5], [0.0, 0.0, 3.0]]),
}  # fmt: skip
WAVES = NONNORMAL | GENERAL | {
    "tiny": 1e-6 * ANY, "complex graded": np.diag([100.0, 1.0, 1e-3]) @ (np.eye(3) + 0.1 * COMPLEX), "zero": np.zeros((3, 3)),
    "norm 100": spectrum(-100.0, 1.0, 40.0, 90.0), "rotation": 5.0 * (ANY - ANY.T), "between poles": spectrum(np.pi, 1.0, -np.pi, 2 * np.pi),
}  # fmt: skip
MODERATE = {k: a for k, a in WAVES.items() if k != "graded"}  # without overflow
CLUSTERS = {
    "cluster of 1e-3": spectrum(1.0, 1.001, 2.0, 3.0), "cluster of 1e-5": spectrum(1.0, 1.00001, 2.0, 3.0),
    "cluster of 1e-9": spectrum(1.0, 1.0 + 1e-9, 2.0, 3.0), "rotated equal": spectrum(1.0, 1.0, 2.0, 3.0),
    "zeros": spectrum(1e-3, 1e-9, 1.0, 2.0),
}  # fmt: skip
TRIDIAGONAL = {  # definite
    "random": np.diag(4.0 + np.arange(4)) + np.diag([1.0, -0.5, 1.5], 1) + np.diag([1.0, -0.5, 1.5], -1),
    "nearly singular": np.diag([2.0, 2.0, 2.0, 0.75 + 1e-9]) - np.eye(4, k=1) - np.eye(4, k=-1),
    "complex": np.diag([4.0, 5.0, 6.0]) + np.diag([1j, 1 + 1j], 1) - np.diag([1j, 1j - 1], -1),
    "graded": np.diag([1e3, 1.0, 1e-3]) @ (4 * np.eye(3) + np.eye(3, k=1) + np.eye(3, k=-1)) @ np.diag([1e3, 1.0, 1e-3]),
}  # fmt: skip


# ------------------------------------------------------------------------------------------------ gauge-free functions
def projector(v, k):
    return v[:, :k] @ np.conj(v[:, :k].T)


def exact_projector(v, k):
    return v[:, :k] @ dagger(v[:, :k])


def _sorted_as(w, found):
    """The order of exact eigenvalues that is that of the ones found."""
    free, order = list(range(len(w))), []
    for x in found:
        k = min(free, key=lambda i: abs(w[i] - mpmath.mpmathify(complex(x))))
        free.remove(k)
        order.append(k)
    return order


def exact_eigvals(a, found):
    w, v = eig(a)
    order = _sorted_as(w, found)
    return w[order], v[:, order]


def b_of(a, columns=2):
    return np.linspace(-1.0, 2.0, a.shape[0] * columns).reshape(a.shape[0], columns) + 0 * a[:1, :1]


def one(a):
    return (a,)


def right_side(a):
    return a, b_of(a)


def schur_reference(a):
    found = np.diagonal(sla.schur(VALUE[0], "complex")[0])
    w, v = exact_eigvals(a, found)
    return w, exact_projector(qr(v[:, :2])[0], 2)


VALUE = [None]  # the matrix of the case, in double precision, by which references choose an order


def exact_qr(a):
    q, r = qr(a)
    found = sla.qr(VALUE[0], mode="economic")[1]
    turn = np.array([mpmath.mpf(float(np.sign(d.real))) for d in np.diagonal(found)])
    return q * turn, turn[:, None] * r


def exact_lu(a):
    p = sla.lu(VALUE[0], p_indices=True)[0]
    return lu(a[np.argsort(p)])


def exact_ldl(a):
    """Of a definite matrix in the order that LAPACK chose, with blocks of one row."""
    order = sla.ldl(VALUE[0])[2]
    c = cholesky(hermitian(a)[np.ix_(order, order)])
    d = np.diagonal(c)
    return (c / d)[np.argsort(order)], d * conj(d)


def polar(a):
    root = hermitian_function(dagger(a) @ a, mpmath.sqrt)
    return a @ inv(root), root


def ldl_parts(a):
    factor, d, _ = sla.ldl(a)
    return factor, np.diagonal(d)


def banded(a):
    """The three lower bands of a definite matrix."""
    n = len(a)
    return np.array([[a[j + k, j] if j + k < n else 0 * a[0, 0] for j in range(n)] for k in range(3)])


def dense(ab):
    n = ab.shape[1]
    a = np.array([[ab[i - j, j] if 0 <= i - j < len(ab) else 0 * ab[0, 0] for j in range(n)] for i in range(n)])
    return a + dagger(a) - np.diag(real(np.diagonal(a)))


def toeplitz(c, r):
    n = len(c)
    return np.array([[c[i - j] if i >= j else r[j - i] for j in range(n)] for i in range(n)])


def signm(a):
    return function(a, lambda x: mpmath.sign(mpmath.re(x)))


def riccati(a, b, q, r):
    """By Newton's method (Kleinman, 1968), from the solution in double precision."""
    x = np.frompyfunc(mpmath.mpf, 1, 1)(VALUE[0])
    for _ in range(6):
        k = solve(r, b.T @ x)
        closed = a - b @ k
        x = sylvester(closed.T, closed, -(q + k.T @ r @ k))
    return x


def discrete_riccati(a, b, q, r):
    x = np.frompyfunc(mpmath.mpf, 1, 1)(VALUE[0])
    for _ in range(6):
        k = solve(r + b.T @ x @ b, b.T @ x @ a)
        closed = a - b @ k
        x = discrete_lyapunov(closed.T, q + k.T @ r @ k)
    return x


def turned(v, found):
    """For each column of `v` the phase that makes its product with that of `found` real and positive."""
    inner = [
        sum(mpmath.conj(x) * y for x, y in zip(v[:, k], lifted(found[:, k]), strict=True)) for k in range(v.shape[1])
    ]
    return np.array([x / abs(x) for x in inner])


def aligned_eigh(a):
    w, v = eigh(a)
    return w, v * turned(v, np.linalg.eigh(VALUE[0])[1])


def aligned_svd(a):
    u, s, vh = svd(a)
    turn = turned(u, np.linalg.svd(VALUE[0], full_matrices=False)[0])
    return u * turn, s, conj(turn)[:, None] * vh


PARTNER = DEFINITE["random"][:3, :3]


def qz_parts(a, b):
    s, t, q, z = sla.qz(a, b, "complex")
    return anp.diagonal(s) / anp.diagonal(t), projector(q, 1), projector(z, 1)


def exact_qz(a, b):
    s, t, _, _ = sla.qz(VALUE[0], PARTNER, "complex")
    w, v = exact_eigvals(solve(b, a), np.diagonal(s) / np.diagonal(t))
    return w, exact_projector(qr((b @ v)[:, :1])[0], 1), exact_projector(qr(v[:, :1])[0], 1)


def exact_angles(a, b):
    inner = dagger(qr(a)[0]) @ qr(b)[0]
    return np.array([mpmath.acos(x) for x in svd(inner)[1][::-1]])


def general_bands(a):
    """The three bands of a matrix."""
    zero = 0 * a[0, :1]
    return np.stack(
        [np.concatenate([zero, np.diagonal(a, 1)]), np.diagonal(a), np.concatenate([np.diagonal(a, -1), zero])]
    )


def from_bands(ab):
    return np.diag(ab[0, 1:], 1) + np.diag(ab[1]) + np.diag(ab[2, :-1], -1)


def symmetric_tridiagonal(d, e):
    return np.diag(d) + np.diag(e, 1) + np.diag(e, -1)


def exact_rq(a):
    """``q`` without the first row, as a projector, and ``r r^H``: free of signs."""
    q = dagger(qr(dagger(a)[:, ::-1])[0])[: len(a) - 1]
    return dagger(q) @ q, a @ dagger(a)


def ordered(a, b):
    return sla.ordqz(a, b, lambda x, y: np.abs(x) > 2 * np.abs(y), "complex")


def exact_ordqz(a, b):
    _, _, alpha, beta, _, _ = ordered(VALUE[0], PARTNER)
    _, v = exact_eigvals(solve(b, a), alpha / beta)
    return exact_projector(qr(v[:, :1])[0], 1)


def tight(name):
    """An iterative solver, of the Hermitian part, as far as rounding lets it."""
    return lambda a, b: getattr(ssl, name)(sla.symmetrize(a), b[:, 0], rtol=4 * np.finfo(b.dtype).eps)[0]


def least(name, damp=0.0):
    return lambda a, b: getattr(ssl, name)(a, b[:, 0], damp, atol=0, btol=0, conlim=0)[0]


def elements(a):
    """The elements of a dense matrix as those of a sparse one."""
    return ssl.SparseMatrix(anp.reshape(np.transpose(a), (-1,)), scipy.sparse.csc_array(np.ones(a.shape)))


def low(a):
    """The elements of the lower triangle."""
    rows, columns = np.nonzero(np.tri(len(a)).T)[::-1]
    return ssl.SparseMatrix(a[rows, columns], scipy.sparse.csc_array(np.tri(len(a))))


POWERS = POSITIVE | {
    "graded": GRADED, "Hilbert": HILBERT, "nearly singular, again": spectrum(1.0, 2.0, 3.0, 1e-10), "definite graded": DEFINITE["graded"],
}  # fmt: skip
KRYLOV = {"random": DEFINITE["random"], "complex": DEFINITE["complex"], "indefinite": spectrum(-2.0, 1.0, 3.0, 4.0)}
METHODS = ("bicg", "bicgstab", "cg", "cgs", "gcrotmk", "gmres", "lgmres", "minres", "qmr", "tfqmr")


# name: (samples, arguments from a sample, ours, exact); `exact` sees the same arguments with 80 digits.
CASES = {
    "solve": (GENERAL, right_side, np.linalg.solve, solve),
    "solve refined": ({"Hilbert": HILBERT}, right_side, lambda a, b: sla.solve(a, b, refine=2), solve),
    "solve pos": (DEFINITE, right_side, lambda a, b: sla.solve(sla.symmetrize(a), b, assume_a="pos"),
                  lambda a, b: solve(hermitian(a), b)),
    "solve sym": (DEFINITE, right_side, lambda a, b: sla.solve((a + a.T) / 2, b, assume_a="sym"),
                  lambda a, b: solve((a + a.T) / 2, b)),
    "solve_triangular": (GENERAL, right_side, lambda a, b: sla.solve_triangular(a, b),
                         lambda a, b: solve(np.triu(a), b)),
    "inv": (GENERAL, one, np.linalg.inv, inv),
    "det": (GENERAL | {"rank 3": ANY[:, :3] @ ANY[:3], "rank 2": np.diag([1.0, 2.0, 0.0, 0.0])}, one, np.linalg.det, det),
    "slogdet": (GENERAL, one, lambda a: np.linalg.slogdet(a)[1], lambda a: mpmath.log(abs(det(a)))),
    "logdet": (DEFINITE, one, sla.logdet, lambda a: mpmath.log(mpmath.re(det(hermitian(a))))),
    "cho_solve": (DEFINITE, right_side, lambda a, b: sla.cho_solve(sla.cho_factor(a), b), lambda a, b: solve(hermitian(a), b)),
    "lu_solve": (GENERAL, right_side, lambda a, b: sla.lu_solve(sla.lu_factor(a), b), solve),
    "cholesky": (DEFINITE, one, np.linalg.cholesky, lambda a: cholesky(hermitian(a))),
    "lu": (GENERAL, one, lambda a: sla.lu(a)[1:], exact_lu),
    "ldl": (DEFINITE, one, lambda a: ldl_parts(sla.symmetrize(a)), exact_ldl),
    "qr": (TALL | GENERAL, one, lambda a: sla.qr(a, mode="economic"), exact_qr),
    "lstsq": (TALL, right_side, lambda a, b: np.linalg.lstsq(a, b)[0], lambda a, b: pinv(a) @ b),
    "lstsq wide": ({k: a.T for k, a in TALL.items()}, right_side, lambda a, b: np.linalg.lstsq(a, b)[0], lambda a, b: pinv(a) @ b),
    "pinv": (TALL, one, np.linalg.pinv, pinv),
    "ridge_inverse": (TALL, one, lambda a: sla.ridge_inverse(a, 0.25), lambda a: solve(dagger(a) @ a + eye(a.shape[1]) / 4, dagger(a))),
    "eigvalsh": (SPECTRA, one, lambda a: anp.sum(np.linalg.eigvalsh(a) ** 3), lambda a: np.trace(real(hermitian(a) @ hermitian(a) @ hermitian(a)))),
    "eigh": ({k: a for k, a in SPECTRA.items() if k != "equal"}, one, lambda a: tuple(np.linalg.eigh(a)), aligned_eigh),
    "eigh projector": ({k: SPECTRA[k] for k in ("random", "equal", "Hilbert")}, one,
                       lambda a: projector(np.linalg.eigh(a)[1], 2), lambda a: exact_projector(eigh(a)[1], 2)),
    "exponential of a Hermitian matrix": (SPECTRA | CLUSTERS, one, lambda a: sla.funm(sla.symmetrize(a), np.exp),
                                          lambda a: hermitian_function(hermitian(a), mpmath.exp)),
    "eigh generalised": ({"random": SPECTRA["random"], "cluster": SPECTRA["cluster"]}, lambda a: (a, DEFINITE["random"]),
                         lambda a, b: sla.eigvalsh(sla.symmetrize(a), sla.symmetrize(b))[-2:],
                         lambda a, b: eigh(inv(cholesky(hermitian(b))) @ hermitian(a) @ dagger(inv(cholesky(hermitian(b)))))[0][-2:]),
    "eigvals": (NONNORMAL, one, lambda a: anp.real(np.linalg.eigvals(a)), lambda a: real(exact_eigvals(a, np.linalg.eigvals(VALUE[0]))[0])),
    "eig projector": (NONNORMAL, one, lambda a: projector(np.linalg.eig(a)[1], 1),
                      lambda a: exact_projector(qr(exact_eigvals(a, np.linalg.eigvals(VALUE[0]))[1][:, :1])[0], 1)),
    "schur": (NONNORMAL, one, lambda a: (lambda t, z: (anp.diagonal(t), projector(z, 2)))(*sla.schur(a, "complex")), schur_reference),
    "svdvals": (TALL, one, np.linalg.svdvals, lambda a: svd(a)[1]),
    "svd": ({k: a for k, a in TALL.items() if k != "complex"}, one, lambda a: tuple(np.linalg.svd(a, full_matrices=False)), aligned_svd),
    "svd projector": (TALL, one, lambda a: projector(np.linalg.svd(a, full_matrices=False)[0], 1), lambda a: exact_projector(svd(a)[0], 1)),
    "polar by svd": (TALL | {"equal": ORTHOGONAL[:, :3]}, one, lambda a: (lambda u, s, vh: u @ vh)(*np.linalg.svd(a, full_matrices=False)),
                     lambda a: polar(a)[0]),
    "polar": (TALL | {"equal": ORTHOGONAL[:, :3]}, one, sla.polar, polar),
    "hessenberg": ({"random": ANY, "complex": COMPLEX, "Hilbert": HILBERT}, one, lambda a: sla.hessenberg(a, True), hessenberg),
    "norm": (TALL, one, lambda a: (np.linalg.norm(a), np.linalg.norm(a, "nuc"), np.linalg.norm(a, 2)),
             lambda a: (norm(a), sum(svd(a)[1]), svd(a)[1][0])),
    "cond": (TALL, one, np.linalg.cond, lambda a: svd(a)[1][0] / svd(a)[1][-1]),
    "expm": (NONNORMAL | {"equal": np.eye(3)}, one, sla.expm, expm),
    "logm": (POSITIVE, one, sla.logm, lambda a: function(a, mpmath.log)),
    "sqrtm": (POSITIVE, one, sla.sqrtm, lambda a: function(a, mpmath.sqrt)),
    "fractional_matrix_power": (POSITIVE, one, lambda a: sla.fractional_matrix_power(a, 0.3), lambda a: function(a, lambda x: x ** mpmath.mpf(0.3))),
    "signm": (INDEFINITE, one, sla.signm, signm),
    "funm": (CLUSTERS | POSITIVE, one, lambda a: sla.funm(a, np.sqrt), lambda a: function(a, mpmath.sqrt)),
    "cosm": (WAVES, one, sla.cosm, lambda a: function(a, mpmath.cos)),
    "sinm": (WAVES, one, sla.sinm, lambda a: function(a, mpmath.sin)),
    "tanm": (WAVES, one, sla.tanm, lambda a: function(a, mpmath.tan)),
    "coshm": (MODERATE, one, sla.coshm, lambda a: function(a, mpmath.cosh)),
    "sinhm": (MODERATE, one, sla.sinhm, lambda a: function(a, mpmath.sinh)),
    "tanhm": (WAVES, one, sla.tanhm, lambda a: function(a, mpmath.tanh)),
    "expm_multiply": (NONNORMAL, right_side, ssl.expm_multiply, lambda a, b: expm(a) @ b),
    "solve_sylvester": ({"random": ANY, "nearly singular": spectrum(1.0, 2.0, 3.0, -5.0 + 1e-8), "complex": COMPLEX},
                        lambda a: (a, NONNORMAL["random"] + 1.0, b_of(a, 3)), sla.solve_sylvester, sylvester),
    "solve_continuous_lyapunov": (NONNORMAL, lambda a: (a, b_of(a, 3)), sla.solve_continuous_lyapunov, lambda a, q: sylvester(a, dagger(a), q)),
    "solve_discrete_lyapunov": ({"random": ANY / 4, "complex": COMPLEX / 4, "nearly singular": spectrum(0.1, 0.2, 0.3, 1 - 1e-6)},
                                lambda a: (a, b_of(a, len(a))), sla.solve_discrete_lyapunov, discrete_lyapunov),
    "solve_discrete_lyapunov bilinear": ({"random": ANY / 4, "complex": COMPLEX / 4}, lambda a: (a, b_of(a, len(a))),
                                         lambda a, q: sla.solve_discrete_lyapunov(a, q, "bilinear"), discrete_lyapunov),
    "solveh_banded": (TRIDIAGONAL, lambda a: (banded(a), b_of(a)), lambda ab, b: sla.solveh_banded(ab, b, lower=True), lambda ab, b: solve(dense(ab), b)),
    "cholesky_banded": (TRIDIAGONAL, lambda a: (banded(a),), lambda ab: sla.cholesky_banded(ab, lower=True),
                        lambda ab: banded(cholesky(dense(ab)))),
    "eigvals_banded": (SPECTRA, lambda a: (banded(a),), lambda ab: anp.sum(sla.eigvals_banded(ab, lower=True) ** 3),
                       lambda ab: np.trace(real(dense(ab) @ dense(ab) @ dense(ab)))),
    "solve_toeplitz": ({"random": np.array([5.0, 1.0, 0.5, 2.0]), "Hilbert": HILBERT[0, :4] + [0.05, 0, 0, 0]},
                       lambda c: (c, c[::-1].copy(), b_of(c[:, None])), lambda c, r, b: sla.solve_toeplitz((c, r), b), lambda c, r, b: solve(toeplitz(c, r), b)),
    "solve_woodbury": ({"random": ANY, "nearly singular": 1e5 * ANY}, lambda a: (np.arange(1.0, 5.0), a[:, :2], a[:, 2:], b_of(a)),
                       sla.solve_woodbury, lambda d, u, v, b: solve(np.diag(d) + u @ dagger(v), b)),
    "solve_kron": (GENERAL, lambda a: (a, NONNORMAL["random"], b_of(a, 3).reshape(-1)), sla.solve_kron, lambda a, b, y: solve(kron(a, b), y)),
    "qz": (NONNORMAL, lambda a: (a, PARTNER), qz_parts, exact_qz),
    "orth": (TALL, one, lambda a: (lambda q: q @ np.conj(q.T))(sla.orth(a)), lambda a: a @ pinv(a)),
    "null_space": (TALL, one, lambda a: (lambda q: q @ np.conj(q.T))(sla.null_space(np.conj(a.T))), lambda a: eye(len(a)) - a @ pinv(a)),
    "subspace_angles": ({"random": ANY, "small": ANY[:, [0, 1, 0, 1]] + 1e-6 * ANY, "complex": UNITARY @ np.diag([1.0, 2.0, 3.0])},
                        lambda a: (a[:, :2], a[:, 2:]) if len(a) > 3 else (a[:, :1], a[:, 1:2] + a[:, :1]), sla.subspace_angles, exact_angles),
    "orthogonal_procrustes": (TALL, lambda a: (a, b_of(a, a.shape[1]) + np.eye(*a.shape)), lambda a, b: sla.orthogonal_procrustes(a, b)[0],
                              lambda a, b: polar(dagger(a) @ b)[0]),
    "expm_frechet": (NONNORMAL, lambda a: (a, b_of(a, 3)), lambda a, e: sla.expm_frechet(a, e, compute_expm=False),
                     lambda a, e: expm(np.block([[a, e], [0 * a, a]]))[:3, 3:]),
    "matrix_power": (GENERAL, one, lambda a: np.linalg.matrix_power(a, -3), lambda a: inv(a @ a @ a)),
    "lstsq residuals": (TALL, right_side, lambda a, b: np.linalg.lstsq(a, b)[1], lambda a, b: (lambda r: np.sum(real(r * conj(r)), 0))(b - a @ (pinv(a) @ b))),
    "eig left": (NONNORMAL, one, lambda a: projector(sla.eig(a, left=True)[1], 1),
                 lambda a: exact_projector(qr(dagger(inv(exact_eigvals(a, np.linalg.eigvals(VALUE[0]))[1]))[:, :1])[0], 1)),
    "solve_circulant": ({"random": np.array([5.0, 1.0, 0.5, 2.0]), "nearly singular": np.array([1.0, 1.0 - 1e-6, 0.5, 0.5])},
                        lambda c: (c, b_of(c[:, None])[:, 0]), sla.solve_circulant, lambda c, b: solve(np.array([np.roll(c, k) for k in range(4)]).T, b)),
    "matmul_toeplitz": ({"random": ANY[0], "graded": GRADED[:, 0]}, lambda c: (c, c[::-1].copy(), b_of(c[:, None])),
                        lambda c, r, x: sla.matmul_toeplitz((c, r), x), lambda c, r, x: toeplitz(c, r) @ x),
    "spsolve": ({k: a for k, a in GENERAL.items() if k != "complex"}, right_side,
                lambda a, b: ssl.spsolve(elements(a), b), solve),
    "splu": ({k: a for k, a in GENERAL.items() if k != "complex"}, right_side, lambda a, b: ssl.splu(elements(a)).solve(b), solve),
    "factorized": ({k: a for k, a in GENERAL.items() if k != "complex"}, right_side, lambda a, b: ssl.factorized(elements(a))(b), solve),
    "spsolve_triangular": (GENERAL, right_side, lambda a, b: ssl.spsolve_triangular(low(a), b), lambda a, b: solve(np.tril(a), b)),
    "pinvh": (DEFINITE, one, lambda a: sla.pinvh(sla.symmetrize(a)), lambda a: inv(hermitian(a))),
    "solve_banded": (TRIDIAGONAL, lambda a: (general_bands(a), b_of(a)), lambda ab, b: sla.solve_banded((1, 1), ab, b), lambda ab, b: solve(from_bands(ab), b)),
    "cho_solve_banded": (TRIDIAGONAL, lambda a: (banded(a), b_of(a)), lambda ab, b: sla.cho_solve_banded((sla.cholesky_banded(ab, lower=True), True), b),
                         lambda ab, b: solve(dense(ab), b)),
    "eig_banded": (TRIDIAGONAL, lambda a: (banded(a),), lambda ab: (lambda w, v: (w, projector(v, 1)))(*sla.eig_banded(ab, lower=True)),
                   lambda ab: (lambda w, v: (w, exact_projector(v, 1)))(*eigh(dense(ab)))),
    "eigh_tridiagonal": ({k: a for k, a in TRIDIAGONAL.items() if k != "complex"}, lambda a: (np.diagonal(a), np.diagonal(a, 1)),
                         lambda d, e: (lambda w, v: (w, projector(v, 1)))(*sla.eigh_tridiagonal(d, e)),
                         lambda d, e: (lambda w, v: (w, exact_projector(v, 1)))(*eigh(symmetric_tridiagonal(d, e)))),
    "eigvalsh_tridiagonal": ({k: a for k, a in TRIDIAGONAL.items() if k != "complex"}, lambda a: (np.diagonal(a), np.diagonal(a, 1)),
                             sla.eigvalsh_tridiagonal, lambda d, e: eigh(symmetric_tridiagonal(d, e))[0]),
    "cho_factor": (DEFINITE, one, lambda a: anp.tril(sla.cho_factor(a, True)[0]), lambda a: cholesky(hermitian(a))),
    "lu_factor": (GENERAL, one, lambda a: sla.lu_factor(a)[0], lambda a: (lambda x, u: np.tril(x, -1) + np.triu(u))(*exact_lu(a))),
    "qr_multiply": (TALL, lambda a: (a, b_of(a).T), lambda a, c: sla.qr_multiply(a, c)[0], lambda a, c: c @ exact_qr(a)[0]),
    "rq": ({k: a.T for k, a in TALL.items()}, one, lambda a: (lambda r, q: (np.conj(q[1:].T) @ q[1:], r @ np.conj(r.T)))(*sla.rq(a, mode="economic")), exact_rq),
    "rsf2csf": ({k: a for k, a in NONNORMAL.items() if k != "complex"}, one,
                lambda a: (lambda t, z: (anp.diagonal(t), projector(z, 2)))(*sla.rsf2csf(*sla.schur(a))), schur_reference),
    "ordqz": (NONNORMAL, lambda a: (a, PARTNER), lambda a, b: projector(ordered(a, b)[-1], 1), exact_ordqz),
    "solve_lyapunov": (NONNORMAL, lambda a: (a, b_of(a, 3)), sla.solve_lyapunov, lambda a, q: sylvester(a, dagger(a), q)),
    "tensorsolve": ({"random": ANY, "nearly singular": NEARLY_SINGULAR}, lambda a: (a.reshape(2, 2, 4), b_of(a, 1).reshape(2, 2)), np.linalg.tensorsolve,
                    lambda a, b: solve(a.reshape(4, 4), b.reshape(4))),
    "tensorinv": ({"random": ANY, "nearly singular": NEARLY_SINGULAR}, lambda a: (a.reshape(4, 2, 2),), lambda a: np.linalg.tensorinv(a, 1),
                  lambda a: inv(a.reshape(4, 4)).reshape(2, 2, 4)),
    "matrix_norm": (TALL, one, lambda a: anp.linalg.matrix_norm(a, ord=2), lambda a: svd(a)[1][0]),
    "vector_norm": (TALL, one, lambda a: anp.linalg.vector_norm(a, axis=None), norm),
    "fractional_matrix_power -1.7": (POWERS, one, lambda a: sla.fractional_matrix_power(a, -1.7), lambda a: function(a, lambda x: x ** mpmath.mpf(-1.7))),
    "fractional_matrix_power 2.5": (POWERS, one, lambda a: sla.fractional_matrix_power(a, 2.5), lambda a: function(a, lambda x: x ** mpmath.mpf(2.5))),
    "fractional_matrix_power -20.5": ({"random": POSITIVE["random"], "defective": POSITIVE["defective"]}, one,
                                      lambda a: sla.fractional_matrix_power(a, -20.5), lambda a: function(a, lambda x: x ** mpmath.mpf(-20.5))),
    "lsqr": ({k: TALL[k] for k in ("random", "complex", "Hilbert")}, right_side, least("lsqr"), lambda a, b: pinv(a) @ b[:, 0]),
    "lsmr": ({k: TALL[k] for k in ("random", "complex", "Hilbert")}, right_side, least("lsmr"), lambda a, b: pinv(a) @ b[:, 0]),
    "lsqr wide": ({k: TALL[k].T for k in ("random", "complex", "Hilbert")}, right_side, least("lsqr"), lambda a, b: pinv(a) @ b[:, 0]),
    "lsmr damped": (TALL, right_side, least("lsmr", 0.5), lambda a, b: solve(dagger(a) @ a + eye(a.shape[1]) / 4, dagger(a) @ b[:, 0])),
    "eigsh": ({k: a for k, a in SPECTRA.items() if k not in ("equal", "tight", "cluster")}, one,
              lambda a: (lambda w, v: (w, projector(v, 1)))(*ssl.eigsh(a, 2, which="LA")),
              lambda a: (lambda w, v: (w[-2:], exact_projector(v[:, -2:], 1)))(*eigh(a))),
    "lobpcg": ({k: a for k, a in SPECTRA.items() if k not in ("equal", "tight", "cluster")}, one,
               lambda a: (lambda w, v: (w, projector(v, 1)))(*ssl.lobpcg(a, np.eye(a.shape[0], 2) + 0.1, maxiter=200)),
               lambda a: (lambda w, v: (w[:-3:-1], exact_projector(v[:, ::-1], 1)))(*eigh(a))),
    "svds": ({k: TALL[k] for k in ("random", "Hilbert")}, one, lambda a: (lambda u, s, vh: (s, projector(u[:, ::-1], 1)))(*ssl.svds(a, 2)),
             lambda a: (lambda u, s, vh: (s[1::-1], exact_projector(u, 1)))(*svd(a))),
} | {name: (KRYLOV if name in ("minres", "gmres", "lgmres", "gcrotmk") else {k: a for k, a in KRYLOV.items() if k != "indefinite"}, right_side,
            tight(name), lambda a, b: solve(hermitian(a), b[:, 0])) for name in METHODS}  # fmt: skip

# What has no case: sums of products of its arguments, or its arguments at other places, so that the laws, which are to
# rounding, say all; and one function of random numbers.
PRODUCTS = {
    "aslinearoperator", "band_part", "block_diag", "cdf2rdf", "circulant", "clarkson_woodruff_transform", "companion",
    "convolution_matrix", "cross", "diagonal", "diagsvd", "fiedler", "fiedler_companion", "hankel", "khatri_rao", "kron",
    "leslie", "matmul", "matrix_balance", "matrix_transpose", "multi_dot", "outer", "randomized_svd", "symmetrize",
    "tensordot", "toeplitz", "trace", "tril", "triu", "vander", "vecdot",
}  # fmt: skip


ARE = {
    "solve_continuous_are": (sla.solve_continuous_are, riccati),
    "solve_discrete_are": (sla.solve_discrete_are, discrete_riccati),
}


def test_every_operation_has_a_case():
    have = {name.split()[0] for name in (*CASES, *ARE)}
    missing = {name.split()[0] for name in ENTRIES} - have - PRODUCTS
    assert not missing, f"neither compared with 80 digits nor a product: {sorted(missing)}"
    assert not have & PRODUCTS


def outputs(y):
    return list(y) if isinstance(y, tuple) else [y]


def agree(name, ours, exact, args, sizes=None):
    """Forward and reverse mode along one direction against the reference; `sizes`: see there."""
    rng = np.random.default_rng(3)
    args = [np.asarray(a) for a in args]
    ts = [(draw(rng, a) * np.max(np.abs(a), initial=0.0)).astype(a.dtype) for a in args]
    out, moved = ad.jvp(ours, tuple(args), tuple(ts))
    cts = [np.asarray(draw(rng, y)).astype(np.asarray(y).dtype) for y in outputs(out)]
    pulled = ad.vjp(ours, *args)[1](tuple(cts) if isinstance(out, tuple) else cts[0])
    forward = [np.real(np.conj(c) * y) for c, y in zip(cts, outputs(moved), strict=True)]
    backward = [np.real(np.conj(g) * t) for g, t in zip(pulled, ts, strict=True)]
    value, change = reference(lambda *xs: outputs(exact(*xs)), args, ts, cts, rng, sizes=sizes)
    eps = max(np.finfo(a.dtype).eps for a in args)
    for mode, terms in (("forward", forward), ("reverse", backward)):
        total, size = sum(np.sum(t) for t in terms), sum(np.sum(np.abs(t)) for t in terms)
        allowed = UNITS * (change + eps * size)
        off = abs(total - value)
        assert off <= allowed, (
            f"{name}, {mode}: {total:.17g} instead of {value:.17g}, off by {off:.3g}, allowed {allowed:.3g}; the condition "
            f"of the derivative is {change / eps / max(abs(value), 1e-300):.3g}"
        )


@pytest.mark.parametrize(("name", "which"), [(n, w) for n, case in CASES.items() for w in case[0]], ids=str)
def test_gradient(name, which):
    samples, arguments, ours, exact = CASES[name]
    VALUE[0] = samples[which]
    agree(f"{name} of {which}", ours, exact, arguments(samples[which]))


@pytest.mark.parametrize("name", CASES)
def test_gradient_in_single_precision(name):
    samples, arguments, ours, exact = CASES[name]
    args = [np.asarray(a) for a in arguments(next(iter(samples.values())))]
    args = [a.astype(np.complex64 if a.dtype.kind == "c" else np.float32) for a in args]
    VALUE[0] = args[0]
    agree(f"{name} in single precision", ours, exact, args)


@pytest.mark.parametrize("name", ARE)
@pytest.mark.parametrize("which", ["random", "weakly damped"])
def test_riccati(name, which):
    ours, exact = ARE[name]
    a = ANY[:3, :3] / 3 if which == "random" else np.diag([1.0, 0.99, -0.2]) + 0.01 * ANY[:3, :3]
    args = (a, ANY[:3, 3:], np.eye(3) * (1.0 if which == "random" else 1e-4), np.eye(1))
    VALUE[0] = ours(*args)
    # The derivative is taken at the solution in double precision: rounding that, here 4e7 times as large as `q`, is a
    # change of `q` by the rounding unit of the terms beside it. That the solution itself is no worse is asserted below.
    sizes = [np.max(np.abs(v)) for v in args]
    sizes[2] = max(sizes[2], np.max(np.abs(a.T @ VALUE[0])))
    with mpmath.workdps(80):
        exactly = np.array(exact(*map(lifted, args)), dtype=object).astype(float)
    np.testing.assert_allclose(VALUE[0], exactly, rtol=0, atol=4 * np.finfo(float).eps * np.max(np.abs(exactly)))
    agree(f"{name}, {which}", lambda a, b, q, r: ours(a, b, sla.symmetrize(q), sla.symmetrize(r)),
          lambda a, b, q, r: exact(a, b, hermitian(q), hermitian(r)), args, sizes)  # fmt: skip
