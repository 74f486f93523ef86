"""One gauge-free function of every operation of linear algebra, and inputs for it: what the audit runs.

Vectors are free up to signs, phases and rotations among equal values: functions here take what does not depend on them.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse

import scirs_ad.numpy as anp
import scirs_ad.scipy.linalg as sla
import scirs_ad.scipy.sparse.linalg as ssl


class Maker:
    """Random inputs of a dtype, over leading axes; with `size` all lengths are that one."""

    def __init__(self, dtype=float, lead=(), seed=0, size=None):
        self.dtype, self.lead, self.rng, self.size = np.dtype(dtype), lead, np.random.default_rng(seed), size

    def long(self, n):
        return n if self.size is None else self.size

    def any(self, *shape):
        shape = tuple(self.long(n) for n in shape)
        x = self.rng.standard_normal((*self.lead, *shape))
        if self.dtype.kind == "c":
            x = x + 1j * self.rng.standard_normal(x.shape)
        return x.astype(self.dtype)

    def real(self, *shape):
        shape = tuple(self.long(n) for n in shape)
        return self.rng.standard_normal((*self.lead, *shape)).astype(np.empty(0, self.dtype).real.dtype)

    def square(self, n):
        """Far from singular, with eigenvalues far from each other and from the negative axis."""
        return (self.any(n, n) / 4 + np.diag(2.0 + np.arange(self.long(n)))).astype(self.dtype)

    def definite(self, n):
        a = self.any(n, n) / 4
        return (a + dagger(a) + np.diag(3.0 + 2 * np.arange(self.long(n)))).astype(self.dtype)

    def indefinite(self, n):
        return (self.definite(n) - 4.2 * np.eye(self.long(n))).astype(self.dtype)

    def bands(self, k, n, diagonal):
        ab = self.rng.standard_normal((*self.lead, k, self.long(n))).astype(self.dtype)
        if self.dtype.kind == "c":
            ab = ab + 1j * self.rng.standard_normal(ab.shape)
        ab[..., diagonal, :] = 4 + np.arange(self.long(n))
        return ab.astype(self.dtype)

    def first(self, n):
        """The first column of a Toeplitz or circulant matrix that is far from singular."""
        c = self.any(n)
        c[..., :1] = 6.0
        return c


def dagger(x):
    return np.conj(np.swapaxes(x, -1, -2))


def projector(v, k):
    """On the first `k` columns."""
    v = v[..., :k]
    return v @ dagger(v)


def _eigen(function):
    """Of pairs ``w, v``: values, and the projector on some vectors."""

    def run(*args):
        w, v = function(*args)[:2]
        return w, projector(v, 2)

    return run


def _turned(function):
    """Of pairs ``q, r`` with a free phase for each column of q."""

    def run(*args):
        q, r = function(*args)[:2]
        return projector(q, 2), dagger(r) @ r

    return run


def _left_and_right(a):
    w, left, right = sla.eig(a, left=True)
    return w, np.abs(left), np.abs(right)


def _schur_parts(function):
    def run(*args):
        t, z = function(*args)[:2]
        return np.diagonal(t, axis1=-2, axis2=-1), projector(z, 2)

    return run


def _qz_parts(*args, **keywords):
    s, t, q, z = sla.qz(*args, output="complex", **keywords)
    ratio = np.diagonal(s, axis1=-2, axis2=-1) / np.diagonal(t, axis1=-2, axis2=-1)
    return ratio, projector(q, 2), projector(z, 2)


def _svd_parts(a):
    u, s, vh = sla.svd(a, full_matrices=False)
    return projector(u, 1), s, projector(dagger(vh), 1)


@dataclass
class Entry:
    """`function` of the arrays that `make` makes.

    `complex`: whether of complex matrices, too; `known`: whether the values decide a shape, so neither vmap nor compile;
    `double`: single precision loses too much to compare; `lead`: over leading axes.
    """

    function: object
    make: object
    complex: bool = True
    known: bool = False
    lead: bool = True


def two(m):
    return m.square(3), m.any(3, 2)


PAIRS = np.diag([1.0, 1.0, 5.0, 9.0]) + np.diag([2.0, 0.0, 0.0], 1) - np.diag([1.0, 0.0, 0.0], -1)
ENTRIES = {
    # solving
    "solve": Entry(sla.solve, two),
    "solve pos": Entry(lambda a, b: sla.solve(a, b, assume_a="pos"), lambda m: (m.definite(3), m.any(3, 2))),
    "solve her": Entry(lambda a, b: sla.solve(a, b, assume_a="her"), lambda m: (m.indefinite(3), m.any(3, 2))),
    "solve sym": Entry(lambda a, b: sla.solve(a, b, assume_a="sym", lower=True), two),
    "solve diagonal": Entry(lambda a, b: sla.solve(a, b, assume_a="diagonal"), two),
    "solve tridiagonal": Entry(lambda a, b: sla.solve(a, b, assume_a="tridiagonal"), two),
    "solve transposed": Entry(lambda a, b: sla.solve(a, b, transposed=True), two),
    "solve refined": Entry(lambda a, b: sla.solve(a, b, refine=1), two),
    "solve_triangular": Entry(lambda a, b: sla.solve_triangular(a, b, "C", True), two),
    "inv": Entry(sla.inv, lambda m: (m.square(3),)),
    "det": Entry(sla.det, lambda m: (m.square(3),)),
    "logdet": Entry(sla.logdet, lambda m: (m.definite(3),)),
    "cho_solve": Entry(lambda a, b: sla.cho_solve(sla.cho_factor(a), b), lambda m: (m.definite(3), m.any(3, 2))),
    "lu_solve": Entry(lambda a, b: sla.lu_solve(sla.lu_factor(a), b, 2), two),
    "lstsq": Entry(lambda a, b: sla.lstsq(a, b)[:2], lambda m: (m.any(4, 2), m.any(4, 2)), lead=False),
    "pinv": Entry(sla.pinv, lambda m: (m.any(4, 2),)),
    "pinvh": Entry(sla.pinvh, lambda m: (m.indefinite(3),)),
    "ridge_inverse": Entry(lambda a, t: sla.ridge_inverse(a, t**2), lambda m: (m.any(3, 2), m.real())),
    # banded, structured
    "solve_banded": Entry(lambda ab, b: sla.solve_banded((1, 1), ab, b), lambda m: (m.bands(3, 4, 1), m.any(4, 2))),
    "solveh_banded": Entry(sla.solveh_banded, lambda m: (m.bands(2, 4, 1), m.any(4, 2))),
    "cholesky_banded": Entry(sla.cholesky_banded, lambda m: (m.bands(2, 4, 1),)),
    "cho_solve_banded": Entry(lambda ab, b: sla.cho_solve_banded((sla.cholesky_banded(ab, lower=True), True), b),
                              lambda m: (m.bands(2, 4, 0), m.any(4, 2))),
    "eig_banded": Entry(_eigen(sla.eig_banded), lambda m: (m.bands(2, 4, 1),)),
    "eigvals_banded": Entry(sla.eigvals_banded, lambda m: (m.bands(2, 4, 1),)),
    "eigh_tridiagonal": Entry(_eigen(sla.eigh_tridiagonal), lambda m: (m.bands(1, 4, 0)[..., 0, :], m.any(3)), complex=False),
    "eigvalsh_tridiagonal": Entry(sla.eigvalsh_tridiagonal, lambda m: (m.bands(1, 4, 0)[..., 0, :], m.any(3)), complex=False),
    "solve_toeplitz": Entry(lambda c, r, b: sla.solve_toeplitz((c, r), b), lambda m: (m.first(3), m.first(3), m.any(3, 2))),
    "matmul_toeplitz": Entry(lambda c, r, b: sla.matmul_toeplitz((c, r), b), lambda m: (m.any(3), m.any(4), m.any(4, 2))),
    "solve_circulant": Entry(lambda c, b: sla.solve_circulant(c, b, baxis=-1, outaxis=-1), lambda m: (m.first(3), m.any(3))),
    "solve_woodbury": Entry(sla.solve_woodbury, lambda m: (m.first(3) + 9, m.any(3, 1), m.any(3, 1), m.any(3, 2))),
    "solve_kron": Entry(sla.solve_kron, lambda m: (m.square(2), m.square(3), m.any(6))),
    # factors
    "cholesky": Entry(sla.cholesky, lambda m: (m.definite(3),)),
    "cho_factor": Entry(lambda a: sla.cho_factor(a, True)[0], lambda m: (m.definite(3),)),
    "lu": Entry(lambda a: sla.lu(a, permute_l=True), lambda m: (m.any(4, 3),)),
    "lu_factor": Entry(lambda a: sla.lu_factor(a)[0], lambda m: (m.square(3),)),
    "lu_factor tall": Entry(lambda a: sla.lu_factor(a)[0], lambda m: (m.any(4, 2),)),
    "lu_factor wide": Entry(lambda a: sla.lu_factor(a)[0], lambda m: (m.any(2, 4),)),
    "lu wide": Entry(lambda a: sla.lu(a)[1:], lambda m: (m.any(3, 5),)),
    "ldl": Entry(lambda a: sla.ldl(a)[:2], lambda m: (m.indefinite(3),)),
    "qr": Entry(lambda a: sla.qr(a, mode="economic"), lambda m: (m.any(4, 3),)),
    "qr pivoted": Entry(lambda a: sla.qr(a, mode="economic", pivoting=True)[:2], lambda m: (m.any(4, 3),)),
    "qr_multiply": Entry(lambda a, c: sla.qr_multiply(a, c)[0], lambda m: (m.any(4, 3), m.any(2, 4))),
    "rq": Entry(lambda a: sla.rq(a, mode="economic"), lambda m: (m.any(3, 4),)),
    "schur": Entry(_schur_parts(lambda a: sla.schur(a, "complex")), lambda m: (m.square(3),)),
    "schur sorted": Entry(_schur_parts(lambda a: sla.schur(a, "complex", sort=lambda x: x.real > 2.5)), lambda m: (m.square(3),)),
    "schur real": Entry(
        lambda a: (lambda t, z: (np.abs(t), projector(z, 2)))(*sla.schur(a)), lambda m: (m.any(4, 4) / 9 + PAIRS,), complex=False
    ),
    "rsf2csf": Entry(_schur_parts(lambda t, z: sla.rsf2csf(np.triu(t), np.linalg.qr(z)[0])), lambda m: (np.triu(m.square(3)), m.square(3))),
    "qz": Entry(_qz_parts, lambda m: (m.square(3), m.definite(3))),
    "qz real": Entry(
        lambda a, b: (lambda s, t, q, z: (np.abs(s), np.abs(t), projector(q, 2), projector(z, 2)))(*sla.qz(a, b)),
        lambda m: (m.any(4, 4) / 9 + PAIRS, m.any(4, 4) / 50 + np.diag([1.0, 2.0, 3.0, 4.0])), complex=False,
    ),
    "ordqz": Entry(lambda a, b: projector(sla.ordqz(a, b, lambda x, y: np.abs(x) > np.abs(y), "complex")[-1], 1),
                   lambda m: (m.square(3), m.definite(3))),
    "hessenberg": Entry(lambda a: sla.hessenberg(a, True), lambda m: (m.any(3, 3),)),
    "matrix_balance": Entry(lambda a: sla.matrix_balance(a)[0], lambda m: (m.any(3, 3),)),
    "polar": Entry(sla.polar, lambda m: (m.any(4, 3),)),
    "svd": Entry(_svd_parts, lambda m: (m.any(4, 3),)),
    "svdvals": Entry(sla.svdvals, lambda m: (m.any(4, 3),)),
    "randomized_svd": Entry(lambda a: sla.randomized_svd(a, 2, rng=0)[1], lambda m: (m.any(4, 3),)),
    "eigh": Entry(_eigen(sla.eigh), lambda m: (m.definite(3),)),
    "eigh generalised": Entry(_eigen(sla.eigh), lambda m: (m.indefinite(3), m.definite(3))),
    "eigvalsh": Entry(sla.eigvalsh, lambda m: (m.definite(3),)),
    "eig": Entry(_left_and_right, lambda m: (m.square(3),)),
    "eig generalised": Entry(lambda a, b: sla.eig(a, b)[0], lambda m: (m.square(3), m.definite(3))),
    "eigvals": Entry(sla.eigvals, lambda m: (m.square(3),)),
    "orth": Entry(lambda a: projector(sla.orth(a), 2), lambda m: (m.any(3, 2),), known=True),
    "null_space": Entry(lambda a: projector(sla.null_space(a), 2), lambda m: (m.any(1, 3),), known=True),
    "subspace_angles": Entry(sla.subspace_angles, lambda m: (m.any(4, 2), m.any(4, 2)), known=True),
    "orthogonal_procrustes": Entry(sla.orthogonal_procrustes, lambda m: (m.square(3), m.definite(3))),
    "cdf2rdf": Entry(lambda w, v: sla.cdf2rdf(w, v), lambda m: (m.real(3), m.any(3, 3)), known=True),
    # functions
    "expm": Entry(sla.expm, lambda m: (m.any(3, 3),)),
    "expm_frechet": Entry(sla.expm_frechet, lambda m: (m.any(3, 3), m.any(3, 3))),
    "logm": Entry(sla.logm, lambda m: (m.square(2),)),
    "sqrtm": Entry(sla.sqrtm, lambda m: (m.square(3),)),
    "fractional_matrix_power": Entry(lambda a: sla.fractional_matrix_power(a, 0.4), lambda m: (m.square(2),)),
    "signm": Entry(sla.signm, lambda m: (m.square(3),)),
    "funm": Entry(lambda a: sla.funm(a, np.sin), lambda m: (m.square(3),)),
    "cosm": Entry(sla.cosm, lambda m: (m.any(2, 2),)),
    "sinm": Entry(sla.sinm, lambda m: (m.any(2, 2),)),
    "tanm": Entry(sla.tanm, lambda m: (m.any(2, 2) / 4,)),
    "coshm": Entry(sla.coshm, lambda m: (m.any(2, 2),)),
    "sinhm": Entry(sla.sinhm, lambda m: (m.any(2, 2),)),
    "tanhm": Entry(sla.tanhm, lambda m: (m.any(2, 2) / 4,)),
    # equations
    "solve_sylvester": Entry(sla.solve_sylvester, lambda m: (m.square(3), m.square(2), m.any(3, 2))),
    "solve_continuous_lyapunov": Entry(sla.solve_continuous_lyapunov, lambda m: (m.square(3), m.any(3, 3))),
    "solve_lyapunov": Entry(sla.solve_lyapunov, lambda m: (m.square(2), m.any(2, 2))),
    "solve_discrete_lyapunov": Entry(lambda a, q: sla.solve_discrete_lyapunov(a / 9, q), lambda m: (m.square(3), m.any(3, 3))),
    "solve_continuous_are": Entry(lambda a, b, q, r: sla.solve_continuous_are(a, b, sla.symmetrize(q), sla.symmetrize(r)), lambda m: (m.any(2, 2) / 4, m.any(2, 1), np.eye(2), np.eye(1))),
    "solve_discrete_are": Entry(lambda a, b, q, r: sla.solve_discrete_are(a, b, sla.symmetrize(q), sla.symmetrize(r)), lambda m: (m.any(2, 2) / 4, m.any(2, 1), np.eye(2), np.eye(1))),
    # matrices
    "norm": Entry(lambda a: sla.norm(a, "nuc", axis=(-2, -1)), lambda m: (m.any(3, 2),)),
    "kron": Entry(sla.kron, lambda m: (m.any(2, 2), m.any(2, 3)), lead=False),
    "khatri_rao": Entry(sla.khatri_rao, lambda m: (m.any(2, 2), m.any(3, 2))),
    "block_diag": Entry(sla.block_diag, lambda m: (m.any(2, 2), m.any(1, 3))),
    "toeplitz": Entry(sla.toeplitz, lambda m: (m.any(3), m.any(2))),
    "circulant": Entry(sla.circulant, lambda m: (m.any(3),)),
    "hankel": Entry(sla.hankel, lambda m: (m.any(3), m.any(2))),
    "companion": Entry(sla.companion, lambda m: (m.first(3),)),
    "fiedler_companion": Entry(sla.fiedler_companion, lambda m: (m.first(5),)),
    "leslie": Entry(sla.leslie, lambda m: (m.any(3), m.any(2))),
    "fiedler": Entry(sla.fiedler, lambda m: (m.any(3),)),
    "convolution_matrix": Entry(lambda a: sla.convolution_matrix(a, 3), lambda m: (m.any(3),)),
    "diagsvd": Entry(lambda s: sla.diagsvd(s, 2, 3), lambda m: (m.any(2),)),
    "vander": Entry(sla.vander, lambda m: (m.any(3),), lead=False),
    "tril": Entry(lambda a: sla.tril(a, -1), lambda m: (m.any(3, 3),)),
    "triu": Entry(sla.triu, lambda m: (m.any(3, 3),)),
    "band_part": Entry(lambda a: sla.band_part(a, 1, 0), lambda m: (m.any(3, 3),)),
    "symmetrize": Entry(sla.symmetrize, lambda m: (m.any(3, 3),)),
    "multi_dot": Entry(lambda a, b, c: sla.multi_dot([a, b, c]), lambda m: (m.any(2, 3), m.any(3, 2), m.any(2)), lead=False),
    "clarkson_woodruff_transform": Entry(lambda a: sla.clarkson_woodruff_transform(a, 2, rng=0), lambda m: (m.any(4, 2),)),
    # numpy.linalg
    "slogdet": Entry(lambda a: anp.linalg.slogdet(a)[1], lambda m: (m.square(3),)),
    "tensorsolve": Entry(anp.linalg.tensorsolve, lambda m: (m.square(4).reshape(2, 2, 4), m.any(2, 2)), lead=False),
    "tensorinv": Entry(lambda a: anp.linalg.tensorinv(a, 1), lambda m: (m.square(4).reshape(4, 2, 2),), lead=False),
    "matrix_power": Entry(lambda a: anp.linalg.matrix_power(a, -3), lambda m: (m.square(3),)),
    "cond": Entry(anp.linalg.cond, lambda m: (m.square(3),)),
    "matrix_norm": Entry(lambda a: anp.linalg.matrix_norm(a, ord=2), lambda m: (m.any(3, 2),)),
    "vector_norm": Entry(lambda a: anp.linalg.vector_norm(a, axis=-1), lambda m: (m.any(3),)),
    "cross": Entry(anp.linalg.cross, lambda m: (m.any(3), m.any(3))),
    "diagonal": Entry(anp.linalg.diagonal, lambda m: (m.any(3, 2),)),
    "matmul": Entry(anp.linalg.matmul, lambda m: (m.any(3, 2), m.any(2, 2))),
    "matrix_transpose": Entry(anp.linalg.matrix_transpose, lambda m: (m.any(3, 2),)),
    "outer": Entry(anp.linalg.outer, lambda m: (m.any(3), m.any(2)), lead=False),
    "tensordot": Entry(lambda a, b: anp.linalg.tensordot(a, b, 1), lambda m: (m.any(3, 2), m.any(2, 3)), lead=False),
    "vecdot": Entry(anp.linalg.vecdot, lambda m: (m.any(3), m.any(3))),
    "trace": Entry(anp.linalg.trace, lambda m: (m.any(3, 3),)),
    # scipy.sparse.linalg
    "expm_multiply": Entry(ssl.expm_multiply, lambda m: (m.any(3, 3), m.any(3, 2))),
    "expm_multiply times": Entry(lambda a, b: ssl.expm_multiply(a, b, 0.5, 1.0, 3), lambda m: (m.any(3, 3), m.any(3, 2))),
}  # fmt: skip


def _iterated(name):
    def run(a, b):
        limit = 30 * np.finfo(b.dtype if b.dtype.kind in "fc" else float).eps
        return getattr(ssl, name)(sla.symmetrize(a), b, rtol=limit)[0]

    return run


for _name in ("bicg", "bicgstab", "cg", "cgs", "gcrotmk", "gmres", "lgmres", "minres", "qmr", "tfqmr"):
    ENTRIES[_name] = Entry(_iterated(_name), lambda m: (m.definite(3), m.any(3)), lead=False)  # fmt: skip


def _sparse(function):
    """Of a dense tridiagonal matrix, by the data of a sparse one."""

    def run(data, b):
        return function(ssl.SparseMatrix(data, PATTERN), b)

    return run


def _least(name, damp=0.0):
    def run(a, b):
        limit = 8 * np.finfo(b.dtype if b.dtype.kind in "fc" else float).eps
        return getattr(ssl, name)(a, b, damp, atol=limit, btol=limit, conlim=0)[0]

    return run


ENTRIES |= {
    "lsqr": Entry(_least("lsqr"), lambda m: (m.any(4, 3), m.any(4)), lead=False),
    "lsqr wide": Entry(_least("lsqr"), lambda m: (m.any(2, 4), m.any(2)), lead=False),
    "lsqr damped": Entry(_least("lsqr", 0.5), lambda m: (m.any(3, 4), m.any(3)), lead=False),
    "lsmr": Entry(_least("lsmr"), lambda m: (m.any(4, 3), m.any(4)), lead=False),
    "lsmr damped": Entry(_least("lsmr", 0.5), lambda m: (m.any(4, 3), m.any(4)), lead=False),
    "eigsh": Entry(_eigen(lambda a: ssl.eigsh(a, 2, which="SA")), lambda m: (m.definite(5),)),
    "eigsh generalised": Entry(_eigen(lambda a, b: ssl.eigsh(a, 2, b, which="SA")), lambda m: (m.indefinite(5), m.definite(5))),
    "lobpcg": Entry(_eigen(lambda a: ssl.lobpcg(a, np.eye(5, 2), largest=False)), lambda m: (m.definite(5),)),
    "svds": Entry(lambda a: (lambda u, s, vh: (projector(u, 1), s, projector(dagger(vh), 1)))(*ssl.svds(a, 2)), lambda m: (m.any(5, 4) + 3 * np.eye(5, 4) * np.arange(4),)),
}  # fmt: skip
PATTERN = scipy.sparse.diags_array([np.ones(2), np.ones(3), np.ones(2)], offsets=[-1, 0, 1])
for _name, _function in (
    ("spsolve", ssl.spsolve), ("splu", lambda a, b: ssl.splu(a).solve(b)), ("factorized", lambda a, b: ssl.factorized(a)(b))
):  # fmt: skip
    ENTRIES[_name] = Entry(_sparse(_function), lambda m: (m.any(7) + 9 * np.isin(np.arange(7), (0, 3, 6)), m.any(3, 2)))


def _triangular(data, b):
    return ssl.spsolve_triangular(ssl.SparseMatrix(data, TRIANGLE), b)


TRIANGLE = scipy.sparse.diags_array([np.ones(2), np.ones(3)], offsets=[-1, 0])
ENTRIES["spsolve_triangular"] = Entry(
    _triangular, lambda m: (m.any(5) + 4 * np.isin(np.arange(5), (0, 2, 4)), m.any(3, 2))
)
ENTRIES["aslinearoperator"] = Entry(
    lambda a, x: ssl.aslinearoperator(a).matvec(x), lambda m: (m.any(3, 2), m.any(2)), lead=False
)
