"""Structured matrices and systems: SciPy's values, cotangents that keep the structure, batches, bad input."""

import doctest

import numpy as np
import pytest
import scipy.linalg

import scirs_ad as ad
import scirs_ad.numpy as anp
import scirs_ad.scipy.linalg as sla
from scirs_ad.scipy import _structure
from scirs_ad.testing import check_grads

RNG = np.random.default_rng(8)
V, W = RNG.standard_normal(4), RNG.standard_normal(3)
Z = V + 1j * RNG.standard_normal(4)


def test_examples():
    for name in _structure.__all__:
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
        for found in doctest.DocTestFinder().find(getattr(sla, name), name, globs={}):
            assert found.examples
            runner.run(found)
        assert runner.failures == 0


BUILD = {
    "toeplitz": (V, W), "toeplitz ": (Z,), "circulant": (Z,), "hankel": (V,), "hankel ": (V, W), "companion": (Z,),
    "leslie": (V, W), "fiedler": (V,), "block_diag": (V, W[:, None], np.outer(V, W)),
    "khatri_rao": (np.outer(V, W), np.outer(W, W)),
}  # fmt: skip


@pytest.mark.parametrize("name", BUILD)
def test_constructors(name):
    ours, theirs = getattr(sla, name.strip()), getattr(scipy.linalg, name.strip())
    expected = theirs(*BUILD[name])
    found = ours(*BUILD[name])
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    check_grads(ours, BUILD[name])
    if name != "block_diag":
        stacked = ours(*[np.stack([x, 2 * x]) for x in BUILD[name]])
        np.testing.assert_allclose(stacked[0], expected, rtol=1e-14)
    if name not in ("companion", "khatri_rao"):
        whole = [np.rint(3 * x.real).astype(int) for x in BUILD[name]]
        assert np.array_equal(ours(*whole), theirs(*whole)) and ours(*whole).dtype == theirs(*whole).dtype


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("n", [1, 3, 4, 6])
def test_convolution(mode, n):
    np.testing.assert_array_equal(sla.convolution_matrix(V, n, mode), scipy.linalg.convolution_matrix(V, n, mode))
    check_grads(lambda a: sla.convolution_matrix(a, n, mode), (V,), order=1)


def test_parts():
    a = RNG.standard_normal((3, 5))
    np.testing.assert_array_equal(sla.band_part(a, 1, 2), np.triu(np.tril(a, 2), -1))
    np.testing.assert_array_equal(sla.band_part(a, -1, 0), np.tril(a))
    np.testing.assert_array_equal(sla.dft(3, "sqrtn"), scipy.linalg.dft(3, "sqrtn"))
    square = np.outer(Z, V)
    np.testing.assert_allclose(sla.symmetrize(square), (square + square.conj().T) / 2)
    check_grads(sla.symmetrize, (square,))


# ------------------------------------------------------------------------------------------------ systems
@pytest.mark.parametrize("kind", [float, complex, np.float32])
@pytest.mark.parametrize(("lower", "upper", "n"), [(1, 1, 5), (2, 0, 4), (0, 2, 4), (1, 2, 3), (0, 0, 3), (2, 1, 1)])
def test_banded(lower, upper, n, kind):
    ab = RNG.standard_normal((lower + upper + 1, n)).astype(kind)
    if kind is complex:
        ab = ab + 1j * RNG.standard_normal(ab.shape)
    ab[upper] += 4
    b = RNG.standard_normal((n, 2)).astype(kind)
    dense = np.zeros((n, n), kind)
    for i in range(n):
        for j in range(n):
            if 0 <= upper + i - j < len(ab):
                dense[i, j] = ab[upper + i - j, j]
    found = sla.solve_banded((lower, upper), ab, b)
    assert found.dtype == b.dtype
    np.testing.assert_allclose(found, np.linalg.solve(dense, b), rtol=1e-4 if kind is np.float32 else 1e-11)
    np.testing.assert_allclose(sla.solve_banded((lower, upper), ab, b[:, 0]), found[:, 0], rtol=1e-5)
    gradient = ad.grad(lambda ab: np.sum(np.abs(sla.solve_banded((lower, upper), ab, b)) ** 2))(ab)
    full = ad.grad(lambda a: np.sum(np.abs(np.linalg.solve(a, b)) ** 2))(dense)
    for k in range(lower + upper + 1):
        for j in range(n):
            i = j + k - upper
            expected = full[i, j] if 0 <= i < n else 0
            np.testing.assert_allclose(gradient[k, j], expected, rtol=1e-3 if kind is np.float32 else 1e-9, atol=1e-6
                                       if kind is np.float32 else 1e-13)  # fmt: skip


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("kind", [float, complex])
def test_definite_banded(lower, kind):
    ab = RNG.standard_normal((3, 5)).astype(kind)
    if kind is complex:
        ab = ab + 1j * RNG.standard_normal((3, 5))
    ab[0 if lower else -1] = 8 + RNG.random(5)
    b = RNG.standard_normal((5, 2)) + (1j if kind is complex else 0)
    np.testing.assert_allclose(sla.solveh_banded(ab, b, lower=lower), scipy.linalg.solveh_banded(ab, b, lower=lower))
    check_grads(lambda ab, b: sla.solveh_banded(ab, b, lower=lower), (ab, b), order=1 if kind is complex else 2)
    factor, expected = sla.cholesky_banded(ab, lower=lower), scipy.linalg.cholesky_banded(ab, lower=lower)
    for k in range(3):
        inside = slice(0, 5 - k) if lower else slice(2 - k, 5)
        np.testing.assert_allclose(factor[k, inside], expected[k, inside], rtol=1e-12)
    check_grads(lambda ab: sla.cholesky_banded(ab, lower=lower), (ab,), order=1)
    solved = sla.cho_solve_banded((factor, lower), b)
    np.testing.assert_allclose(solved, sla.solveh_banded(ab, b, lower=lower), rtol=1e-11)
    check_grads(lambda ab, b: sla.cho_solve_banded((sla.cholesky_banded(ab, lower=lower), lower), b), (ab, b), order=1)
    np.testing.assert_allclose(sla.eigvals_banded(ab, lower=lower), scipy.linalg.eigvals_banded(ab, lower=lower))
    w, v = sla.eig_banded(ab, lower=lower, select="i", select_range=(1, 3))
    theirs, vectors = scipy.linalg.eig_banded(ab, lower=lower, select="i", select_range=(1, 3))
    np.testing.assert_allclose(w, theirs)
    np.testing.assert_allclose(np.abs(np.sum(v.conj() * vectors, 0)), 1, rtol=1e-9)
    check_grads(lambda ab: sla.eigvals_banded(ab, lower=lower), (ab,), order=1)


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("lower", [True, False])
def test_banded_factors_have_banded_cotangents(lower, kind):
    """Against the derivatives of the dense matrix; what lies outside of the matrix has none; of second order."""
    n, k = 6, 3
    ab = (RNG.standard_normal((k, n)) + (1j * RNG.standard_normal((k, n)) if kind is complex else 0)).astype(kind)
    ab[0 if lower else -1] = 9 + np.arange(n)
    rows = np.arange(k)[:, None] + np.arange(n) - (0 if lower else k - 1)
    outside = (rows < 0) | (rows >= n)

    def dense(ab):
        side = band_matrix(ab, 0 if lower else k - 1)
        return side + dagger(side) - np.diag(np.real(np.diag(side)))

    def factor(ab):
        out = sla.cholesky_banded(ab, lower=lower)
        return np.sum(np.abs(out * np.arange(1, n + 1)) ** 4)

    def factor_dense(ab):
        out = np.linalg.cholesky(dense(ab))
        return np.sum(
            np.abs(out if lower else np.conj(out)) ** 4 * np.arange(1, n + 1)[:, None if not lower else ...] ** 4
        )

    values, values_dense = (
        (lambda f: lambda ab: np.sum(f(ab) ** 3))(lambda ab: sla.eigvals_banded(ab, lower=lower)),
        (lambda ab: np.sum(np.linalg.eigvalsh(dense(ab)) ** 3)),
    )

    def vectors(ab):
        v = sla.eig_banded(ab, lower=lower)[1]
        return np.sum(np.abs(v[:, :2] @ dagger(v[:, :2])) ** 2 * np.arange(n))

    def vectors_dense(ab):
        v = np.linalg.eigh(dense(ab))[1]
        return np.sum(np.abs(v[:, :2] @ dagger(v[:, :2])) ** 2 * np.arange(n))

    for ours, theirs in ((factor, factor_dense), (values, values_dense), (vectors, vectors_dense)):
        found, expected = ad.grad(ours)(ab), ad.grad(theirs)(ab)
        assert not np.any(found[outside])
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10 * np.max(np.abs(expected)))
        found, expected = ad.hvp(ours)(ab, np.ones_like(ab)), ad.hvp(theirs)(ab, np.ones_like(ab))
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9 * np.max(np.abs(expected)))


def band_matrix(ab, upper):
    """The square matrix of bands, of which `upper` lie above the diagonal."""
    k, n = ab.shape
    return np.sum(np.stack([shifted(ab[row], upper - row, n) for row in range(k)]), axis=0)


def shifted(band, offset, n):
    """A band as a matrix: its element j stands in column j."""
    places = np.arange(n)
    return np.where(places - places[:, None] == offset, band, 0.0)


def dagger(x):
    return np.conj(np.swapaxes(x, -1, -2))


def test_banded_cholesky_of_a_large_matrix():
    """Linear in n: 200,000 equations of bandwidth 3 would be 320 GB as a matrix."""
    n = 200_000
    ab = np.stack([np.full(n, 4.0), np.full(n, 1.0), np.full(n, 0.5)])
    gradient = ad.grad(lambda ab: 2 * np.sum(np.log(sla.cholesky_banded(ab, lower=True)[0])))(ab)
    # The logarithm of the determinant has the inverse as gradient; far from the ends that of a Toeplitz operator.
    t = np.exp(2j * np.pi * np.arange(4096) / 4096)
    symbol = 4 + 2 * np.real(t) + np.real(t**2)
    expected = [np.mean(1 / symbol), 2 * np.mean(np.real(t) / symbol), 2 * np.mean(np.real(t**2) / symbol)]
    np.testing.assert_allclose(gradient[:, n // 2], expected, rtol=1e-12)


def test_tridiagonal_spectrum():
    d, e = V, W
    w = sla.eigvalsh_tridiagonal(d, e)
    np.testing.assert_allclose(sla.eigvalsh_tridiagonal(d, e), scipy.linalg.eigvalsh_tridiagonal(d, e))
    np.testing.assert_allclose(sla.eigh_tridiagonal(d, e, select="i", select_range=(0, 1))[0],
                               scipy.linalg.eigvalsh_tridiagonal(d, e)[:2])  # fmt: skip
    check_grads(lambda d, e: sla.eigh_tridiagonal(d, e)[0], (d, e))
    interval = (w[0] + 1e-6, w[2] + 1e-6)
    np.testing.assert_allclose(sla.eigvalsh_tridiagonal(d, e, select="v", select_range=interval),
                               scipy.linalg.eigvalsh_tridiagonal(d, e, select="v", select_range=interval))  # fmt: skip
    for wrong in ({"select": "x"}, {"select": "v"}, {"select": "i", "select_range": (0, 9)}):
        with pytest.raises(ValueError, match="select"):
            sla.eigvalsh_tridiagonal(d, e, **wrong)
    with pytest.raises(TypeError, match="real"):
        sla.eigvalsh_tridiagonal(Z, e)
    a = np.diag(V + 5) + np.diag(W, 1) + np.diag(W[::-1], -1)
    np.testing.assert_allclose(sla.solve(a, V, assume_a="tridiagonal"), np.linalg.solve(a, V), rtol=1e-12)
    gradient = ad.grad(lambda a: np.sum(sla.solve(a, V, assume_a="tridiagonal")))(a)
    assert not np.any(np.triu(gradient, 2)) and not np.any(np.tril(gradient, -2)) and np.all(np.diag(gradient, 1))
    check_grads(lambda a: sla.solve(a, V, assume_a="tridiagonal", transposed=True), (a,), order=1)


@pytest.mark.parametrize("kind", ["real", "complex", "symmetric"])
def test_toeplitz_systems(kind):
    c = (V if kind != "complex" else Z) + 8 * (np.arange(4) == 0)
    pair = c if kind == "symmetric" else (c, c[::-1] * 0.5)
    b = RNG.standard_normal((4, 2)) + (1j if kind == "complex" else 0)
    np.testing.assert_allclose(sla.solve_toeplitz(pair, b), scipy.linalg.solve_toeplitz(pair, b), rtol=1e-11)
    np.testing.assert_allclose(
        sla.matmul_toeplitz(pair, b[:, 0]), scipy.linalg.matmul_toeplitz(pair, b[:, 0]), rtol=1e-11
    )
    if kind == "symmetric":
        check_grads(sla.solve_toeplitz, (c, b))
        check_grads(sla.matmul_toeplitz, (c, b))
    else:
        check_grads(lambda c, r, b: sla.solve_toeplitz((c, r), b), (*pair, b))
        check_grads(lambda c, r, b: sla.matmul_toeplitz((c, r), b), (c, c[:2], b[:2]), order=1)
    np.testing.assert_allclose(sla.solve_circulant(c, b), scipy.linalg.solve_circulant(c, b), rtol=1e-11)
    check_grads(sla.solve_circulant, (c, b))


def test_singular_circulant():
    c = np.ones(4)
    with pytest.raises(np.linalg.LinAlgError, match="near singular"):
        sla.solve_circulant(c, V)
    np.testing.assert_allclose(
        sla.solve_circulant(c, V, "lstsq"), scipy.linalg.solve_circulant(c, V, "lstsq"), atol=1e-15
    )


def test_low_rank_and_products():
    d, u, v, b = V**2 + 1, RNG.standard_normal((4, 2)), RNG.standard_normal((4, 2)), RNG.standard_normal((4, 3))
    np.testing.assert_allclose(sla.solve_woodbury(d, u, v, b), np.linalg.solve(np.diag(d) + u @ v.T, b), rtol=1e-10)
    check_grads(sla.solve_woodbury, (d, u, v, b))
    a, c, y = RNG.standard_normal((2, 2)) + 3j, RNG.standard_normal((3, 3)) + 4 * np.eye(3), RNG.standard_normal(6)
    np.testing.assert_allclose(sla.solve_kron(a, c, y), np.linalg.solve(np.kron(a, c), y), rtol=1e-10)
    check_grads(sla.solve_kron, (a.real, c, y))


def test_batches():
    ab = RNG.standard_normal((2, 3, 4)) + 5 * np.array([[0.0], [1], [0]])
    b = RNG.standard_normal((4, 1))
    found = sla.solve_banded((1, 1), ab, b)
    np.testing.assert_allclose(found[1], sla.solve_banded((1, 1), ab[1], b), rtol=1e-13)
    np.testing.assert_allclose(ad.vmap(lambda ab: sla.solve_banded((1, 1), ab, b))(ab), found, rtol=1e-13)
    with pytest.raises(np.linalg.LinAlgError, match="matrix 1 of the batch"):
        sla.solve_banded((0, 0), np.array([[[1.0, 1.0]], [[1.0, 0.0]]]), np.ones((2, 1)))
    assert sla.solve_banded((0, 0), np.zeros((1, 0)), np.zeros((0, 2))).shape == (0, 2)
    c = RNG.standard_normal((2, 4)) + 9 * (np.arange(4) == 0)
    np.testing.assert_allclose(sla.solve_toeplitz(c, b)[1], scipy.linalg.solve_toeplitz(c[1], b), rtol=1e-11)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: sla.solve_banded((1, 1), np.ones((2, 3)), np.ones(3)), "l\\+u\\+1"),
        (lambda: sla.solve_banded((0, 0), np.ones((1, 3)), np.ones(2)), "compatible"),
        (lambda: sla.solve_banded((0, 0), np.array([[np.inf]]), np.ones(1)), "infs or NaNs"),
        (lambda: sla.companion([0.0, 1.0]), "zero"),
        (lambda: sla.companion([1.0]), "at least 2"),
        (lambda: sla.leslie([1.0, 2.0], [1.0, 2.0]), "one less"),
        (lambda: sla.khatri_rao(np.ones((2, 3)), np.ones((2, 2))), "columns"),
        (lambda: sla.convolution_matrix([1.0], 0), "positive"),
        (lambda: sla.convolution_matrix([1.0], 1, "none"), "mode"),
        (lambda: sla.solve_circulant([1.0, 2.0], [1.0], "other"), "singular"),
        (lambda: sla.solve_circulant([1.0, 2.0], [1.0]), "incompatible"),
        (lambda: sla.solve_toeplitz(([1.0, 2.0], [1.0]), [1.0, 2.0]), "equal lengths"),
        (lambda: sla.solve_kron(np.eye(2), np.eye(2), np.ones(3)), "elements"),
        (lambda: sla.solve_woodbury(np.ones(2), np.ones((2, 1)), np.ones((3, 1)), np.ones(2)), "needed"),
        (lambda: sla.band_part(np.ones(3), 0, 0), "matrices"),
    ],
)  # fmt: skip
def test_bad_input(call, match):
    with pytest.raises(ValueError, match=match):
        call()


# ------------------------------------------------------------------------------------------------ health
HILBERT = 1 / (np.arange(12)[:, None] + np.arange(12) + 1.0)


def test_health():
    assert sla.check_matrix_health(np.eye(3)) == (1.0, 3, True, True, ())
    found = sla.check_matrix_health(HILBERT)
    assert found.condition > 1e15 and found.symmetric and found.rank < 12 and "singular" in found.warnings[0]
    found = sla.check_matrix_health(HILBERT[:9, :9])
    assert found.rank == 9 and "ill-conditioned" in found.warnings[0]
    assert "positive definite" in sla.check_matrix_health([[1.0, 2.0], [2.0, 1.0]]).warnings[0]
    assert "nearly" in sla.check_matrix_health([[2.0, 1.0], [1.0 + 1e-9, 2.0]]).warnings[0]
    assert "rows" in " ".join(sla.check_matrix_health(np.diag([1.0, 1e10])).warnings)
    assert sla.check_matrix_health([[np.nan]]).warnings and sla.check_matrix_health(np.ones((0, 2))).warnings
    assert sla.check_matrix_health(np.zeros((2, 2))).condition == np.inf
    with pytest.raises(ValueError, match="one matrix"):
        sla.check_matrix_health(np.ones(3))


def test_warning_of_ill_condition():
    b = np.ones(12)
    sla.solve(HILBERT, b)
    for call in (lambda: sla.solve(HILBERT, b, check=True), lambda: ad.grad(lambda a: np.sum(sla.inv(a)))(HILBERT)):
        with sla.policy(check=True), pytest.warns(sla.IllConditionedWarning, match="rcond"):
            call()
    with pytest.warns(sla.IllConditionedWarning, match="matrix 1 of"):
        sla.solve(np.stack([np.eye(12), HILBERT]), np.ones((12, 1)), check=True)
    with pytest.raises(ValueError, match="check"):
        sla.policy(check="yes")


STRUCTURES = ["gen", "sym", "her", "pos", "diagonal", "tridiagonal", "upper triangular", "lower triangular", "banded"]


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("kind", STRUCTURES)
def test_refinement(kind, transposed):
    """Of single precision by residuals in double, for every structure; the derivative is that of the solution."""
    a = HILBERT[:5, :5] + 1e-3 * np.eye(5)
    if kind == "tridiagonal":
        a = np.triu(np.tril(a, 1), -1) + np.eye(5)
    a, b = a.astype(np.float32), np.ones(5, np.float32)
    meant = {"diagonal": np.diag(np.diag(a)), "upper triangular": np.triu(a), "lower triangular": np.tril(a)}.get(
        kind, a
    )
    meant = (meant.T if transposed else meant).astype(float)
    exact = np.linalg.solve(meant, b)
    how = {"assume_a": kind, "transposed": transposed}
    plain, refined = (np.max(np.abs(sla.solve(a, b, refine=k, **how) - exact)) for k in (0, 3))
    assert refined <= np.finfo(np.float32).eps * np.max(np.abs(exact)) and refined <= plain
    with pytest.warns(sla.IllConditionedWarning, match="solve: ill-conditioned"):
        sla.solve(np.diag(np.float32([1, 1, 1, 1, 1e-12])), b, check=True, **how)
    point = (np.outer(V, V) + np.diag(V**2 + 1), V)
    check_grads(lambda a, b: sla.solve((a + a.T) / 2, b, refine=1, **how), point, order=1)
    for k in range(2):
        found = ad.grad(lambda a, b: np.sum(sla.solve(a, b, refine=1, **how) ** 2), k)(*point)
        expected = ad.grad(lambda a, b: np.sum(sla.solve(a, b, **how) ** 2), k)(*point)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


EQUAL = np.diag([1.0, 1.0, 2.0])


def test_degenerate_vectors():
    """Silent and exact where the choice of vectors does not matter; else a warning, an error, or silence, by choice."""
    weight = RNG.standard_normal((3, 3))

    def projector(a):
        v = np.linalg.eigh((a + a.T) / 2)[1][:, :2]
        return np.sum(v @ v.T * weight)

    def single(a):
        return np.sum(np.linalg.eigh(a)[1][:, 0] * weight[0])

    check_grads(projector, (EQUAL,), order=1, modes=("rev",))
    with pytest.warns(sla.DegenerateWarning, match="eigh: .*values 0 and 1"):
        assert np.all(np.isfinite(ad.grad(single)(EQUAL)))
    with pytest.warns(sla.DegenerateWarning, match="eig: "):
        ad.grad(lambda a: np.sum(np.abs(np.linalg.eig(a)[1] + 1) ** 2))(EQUAL)
    with pytest.warns(sla.DegenerateWarning, match="svd: .*values 1 and 2"):
        ad.grad(lambda a: np.sum(np.linalg.svd(a)[0] * weight))(EQUAL)
    with pytest.warns(sla.DegenerateWarning, match="eig_banded: .*values 0 and 1"):
        ad.grad(lambda d: np.sum(sla.eigh_tridiagonal(d, np.zeros(2))[1] * weight))(np.diag(EQUAL).copy())
    with sla.policy(degenerate="ignore"):
        ad.grad(single)(EQUAL)
    with sla.policy(degenerate="raise"), pytest.raises(np.linalg.LinAlgError, match="does not exist"):
        ad.grad(single)(EQUAL)
    with pytest.warns(sla.DegenerateWarning, match="matrix 1 of the batch"):
        ad.grad(lambda a: np.sum(np.linalg.eigh(a)[1][..., 0] * weight[0]))(np.stack([np.diag([1.0, 2, 3]), EQUAL]))


def test_functions_by_vectors_of_equal_values():
    """Values and vectors together do not tell the derivative of f(A): a warning; the matrix function is exact."""
    weight = RNG.standard_normal((3, 3))
    x = np.linalg.qr(weight)[0]

    def by_eigh(a):
        w, v = np.linalg.eigh((a + a.T) / 2)
        return np.sum((v * np.exp(w)) @ v.T * weight)

    def by_eig(a):
        w, v = np.linalg.eig(a)
        return np.sum(np.real((v * np.exp(w)) @ np.linalg.inv(v)) * weight)

    def by_svd(a):
        u, s, vh = np.linalg.svd(a)
        return np.sum((u * s**3) @ vh * weight)

    for name, function, a in (("eigh", by_eigh, EQUAL), ("eig", by_eig, EQUAL), ("svd", by_svd, x)):
        with pytest.warns(sla.DegenerateWarning, match=f"{name}: .*both they and their vectors.*funm"):
            ad.grad(function)(a)
    check_grads(lambda a: np.sum(sla.funm((a + a.T) / 2, np.exp) * weight), (EQUAL,), order=1)
    # The unitary factor sees no gap between singular values, only their sums.
    found = ad.grad(lambda a: np.sum((lambda u, s, vh: u @ vh)(*np.linalg.svd(a)) * weight))(x)
    np.testing.assert_allclose(found, ad.grad(lambda a: np.sum(sla.polar(a)[0] * weight))(x), atol=1e-14)
    # The eigenvalues alone are a symmetric function, and silent.
    np.testing.assert_allclose(ad.grad(lambda a: np.sum(np.linalg.eigh(a)[0] ** 3))(EQUAL), 3 * EQUAL**2, atol=1e-14)


def test_vectors_of_zero():
    """Of a matrix without full rank, the vectors outside of its range are a choice."""
    a = np.outer(np.arange(1.0, 5.0), [1.0, 2.0])
    for m in (a, a.T):
        with pytest.warns(sla.DegenerateWarning, match="svd: .*value 1 is"):
            ad.grad(lambda a: np.sum((lambda u, s, vh: np.sum(u**4) + np.sum(vh**4))(*np.linalg.svd(a, False))))(m)
    ad.grad(lambda a: np.sum(np.linalg.svd(a, full_matrices=False)[1] ** 2))(a)


def test_degenerate_vectors_under_transforms():
    """The same warning under vmap, in compiled programs and in second derivatives; forward mode cannot know."""
    weight = RNG.standard_normal(3)

    def single(a):
        return np.sum(np.linalg.eigh(a)[1][:, 0] * weight)

    for call in (
        lambda: ad.vmap(ad.grad(single))(np.stack([np.diag([1.0, 2.0, 3.0]), EQUAL])),
        lambda: ad.grad(lambda a: np.sum(ad.vmap(single)(a)))(np.stack([np.diag([1.0, 2.0, 3.0]), EQUAL])),
    ):
        with pytest.warns(sla.DegenerateWarning, match="matrix 1 of the batch"):
            call()
    compiled = ad.compile(ad.grad(single))
    for _ in range(2):
        with pytest.warns(sla.DegenerateWarning, match="values 0 and 1"):
            compiled(EQUAL)
    compiled(np.diag([1.0, 2.0, 3.0]))
    assert np.all(np.isfinite(ad.jvp(single, (EQUAL,), (np.ones((3, 3)),))[1]))


def test_choice_for_one_call():
    """By keyword, or by a policy around the call; it holds when the derivative is computed, elsewhere."""

    def loss(**how):
        return lambda a: np.sum(sla.eigh(a, **how)[1][:, 0])

    with pytest.raises(np.linalg.LinAlgError, match="does not exist"):
        ad.grad(loss(degenerate="raise"))(EQUAL)
    ad.grad(loss(degenerate="ignore"))(EQUAL)

    def quiet(a):
        with sla.policy(degenerate="ignore"):
            return np.sum(np.linalg.eigh(a)[1][:, 0])

    ad.grad(quiet)(EQUAL)
    ad.compile(ad.grad(quiet))(EQUAL)
    for function in (
        lambda a: sla.svd(a, degenerate="raise")[0][0, 1],
        lambda a: np.sum(np.abs(sla.eig(a, degenerate="raise")[1] + 1)),
        lambda a: sla.eigh_tridiagonal(np.diagonal(a), np.zeros(2), degenerate="raise")[1][0, 1],
    ):
        with pytest.raises(np.linalg.LinAlgError, match="does not exist"):
            ad.grad(function)(EQUAL)
    with pytest.raises(ValueError, match="degenerate must be one of"):
        sla.eigh(EQUAL, degenerate="never")


def test_condition_under_transforms():
    b = np.ones(12)

    def solved(a):
        return sla.solve(a, b, check=True)

    with pytest.warns(sla.IllConditionedWarning, match="solve: matrix 1 of the batch: .*rcond"):
        ad.vmap(solved)(np.stack([np.eye(12), HILBERT]))
    compiled = ad.compile(solved)
    with pytest.warns(sla.IllConditionedWarning, match="rcond"):
        compiled(HILBERT)
    with pytest.warns(sla.IllConditionedWarning, match="rcond"):
        ad.jvp(solved, (HILBERT,), (HILBERT,))
    compiled(np.eye(12))


# ------------------------------------------------------------------------------------------------ structured adjoints
def upper(a):
    return anp.triu(a) + np.conj(anp.triu(a, 1)).T


BANDS = np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
ASSUMED = {  # what is read of a matrix, and what it stands for
    "upper triangular": (np.triu(np.ones((5, 5))), anp.triu), "lower triangular": (np.tri(5), anp.tril),
    "diagonal": (np.eye(5), lambda a: anp.diag(anp.diagonal(a))), "tridiagonal": (BANDS < 2, lambda a: a * (BANDS < 2)),
    "pos": (np.triu(np.ones((5, 5))), upper), "her": (np.triu(np.ones((5, 5))), upper),
    "sym": (np.triu(np.ones((5, 5))), lambda a: anp.triu(a) + anp.triu(a, 1).T),
}  # fmt: skip


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("assume_a", ASSUMED)
def test_the_cotangent_of_a_structured_matrix_is_structured(assume_a, kind):
    """Zero where the matrix is not read, and there that of the dense matrix that it stands for."""
    rng = np.random.default_rng(3)
    a, b, ct = rng.standard_normal((5, 5)) / 4, rng.standard_normal((5, 2)), rng.standard_normal((5, 2))
    if kind is complex:
        a, b, ct = a + 0.1j * rng.standard_normal((5, 5)), b + 1j, ct - 1j
    a = a + 3 * np.eye(5)
    if assume_a in ("pos", "her"):
        np.fill_diagonal(a, np.diagonal(a).real)
    read, whole = ASSUMED[assume_a]
    x, pull = ad.vjp(lambda a, b: sla.solve(a, b, assume_a=assume_a), a, b)
    y, plain = ad.vjp(lambda a, b: np.linalg.solve(whole(a), b), a, b)
    np.testing.assert_allclose(x, y, rtol=1e-11, atol=1e-12)
    to_a, to_b = pull(ct)
    assert not np.any(to_a[~np.asarray(read, bool)])
    expected = plain(ct)[0] * read
    if assume_a in ("pos", "her"):  # the diagonal is real, whatever stands there
        expected = expected - 1j * np.diag(np.diagonal(expected).imag) if kind is complex else expected
        to_a = to_a - 1j * np.diag(np.diagonal(to_a).imag) if kind is complex else to_a
    np.testing.assert_allclose(to_a, expected, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(to_b, plain(ct)[1], rtol=1e-11, atol=1e-12)


def from_bands(ab, lower, n):
    rows = [anp.diag(ab[k, max(lower_k, 0) : n + min(lower_k, 0)], lower_k) for k, lower_k in enumerate(lower)]
    return sum(rows[1:], rows[0])


def as_toeplitz(c, r):
    return sla.toeplitz(c, anp.concatenate([c[:1], r[1:]]))


CLOSED = {  # ours, and the same of the dense matrix
    "banded": (lambda ab, b: sla.solve_banded((1, 2), ab, b), lambda ab, b: np.linalg.solve(from_bands(ab, [2, 1, 0, -1], 5), b),
               lambda rng: (rng.standard_normal((4, 5)) + 5 * (np.arange(4) == 2)[:, None], rng.standard_normal(5))),
    "definite banded": (lambda ab, b: sla.solveh_banded(ab, b, lower=True),
                        lambda ab, b: np.linalg.solve((lambda low: low + anp.tril(low, -1).T)(from_bands(ab, [0, -1], 5)), b),
                        lambda rng: (rng.uniform(size=(2, 5)) + np.array([[4.0], [0.0]]), rng.standard_normal(5))),
    "Toeplitz": (lambda c, r, b: sla.solve_toeplitz((c, r), b), lambda c, r, b: np.linalg.solve(as_toeplitz(c, r), b),
                 lambda rng: (rng.uniform(size=5) + 5 * np.eye(5)[0], rng.uniform(size=5), rng.standard_normal(5))),
    "circulant": (sla.solve_circulant, lambda c, b: np.linalg.solve(sla.circulant(c), b),
                  lambda rng: (rng.uniform(size=5) + 5 * np.eye(5)[0], rng.standard_normal(5))),
    "Kronecker": (sla.solve_kron, lambda a, b, y: np.linalg.solve(np.kron(a, b), y),
                  lambda rng: (rng.standard_normal((2, 2)) + 3 * np.eye(2), rng.standard_normal((3, 3)) + 4 * np.eye(3), rng.standard_normal(6))),
    "Woodbury": (sla.solve_woodbury, lambda d, u, v, b: np.linalg.solve(anp.diag(d) + u @ v.T, b),
                 lambda rng: (3 + rng.uniform(size=5), *rng.standard_normal((2, 5, 2)), rng.standard_normal(5))),
    "block-diagonal": (lambda a, b: anp.reshape(np.linalg.solve(a, anp.reshape(b, (3, 2, 1))), (6,)), lambda a, b: np.linalg.solve(sla.block_diag(*a), b),
                       lambda rng: (rng.standard_normal((3, 2, 2)) + 3 * np.eye(2), rng.standard_normal(6))),
}  # fmt: skip


@pytest.mark.parametrize("name", CLOSED)
def test_structured_solvers_are_those_of_the_dense_matrix(name):
    """Values, and cotangents of the few numbers that make the matrix."""
    ours, dense, make = CLOSED[name]
    args = make(np.random.default_rng(6))
    x, pull = ad.vjp(ours, *args)
    y, plain = ad.vjp(dense, *args)
    np.testing.assert_allclose(x, y, rtol=1e-11, atol=1e-12)
    for f, g in zip(pull(np.ones_like(x)), plain(np.ones_like(x)), strict=True):
        np.testing.assert_allclose(f, g, rtol=1e-10, atol=1e-12)
