"""Factorisations of scipy.linalg beyond the laws: SciPy's values, reconstruction, invariant losses, bad input."""

import doctest

import numpy as np
import pytest
import scipy.linalg

import scirs_ad as ad
import scirs_ad.scipy.linalg as sla
from scirs_ad.scipy import _factors
from scirs_ad.testing import check_grads

RNG = np.random.default_rng(3)
REAL = RNG.standard_normal((4, 4))
COMPLEX = REAL + 1j * RNG.standard_normal((4, 4))
SPREAD = np.diag([1.0, 3.0, 6.0, 10.0]) + 0.4 * REAL  # real eigenvalues
POSITIVE = REAL @ REAL.T + np.eye(4)
WEIGHT = RNG.standard_normal((4, 4))


def dagger(x):
    return np.conj(np.swapaxes(x, -1, -2))


def close(found, expected, tol=1e-12):
    found = found if isinstance(found, tuple) else (found,)
    expected = expected if isinstance(expected, tuple) else (expected,)
    assert len(found) == len(expected)
    for y, z in zip(found, expected, strict=True):
        assert np.shape(y) == np.shape(z) and np.asarray(y).dtype == np.asarray(z).dtype
        np.testing.assert_allclose(y, z, rtol=tol, atol=tol)


def test_examples():
    for name in _factors.__all__:
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
        for found in doctest.DocTestFinder().find(getattr(sla, name), name, globs={}):
            assert found.examples
            runner.run(found)
        assert runner.failures == 0


CALLS = {
    "schur": (sla.schur, scipy.linalg.schur, {}),
    "schur complex": (sla.schur, scipy.linalg.schur, {"output": "complex"}),
    "hessenberg": (sla.hessenberg, scipy.linalg.hessenberg, {"calc_q": True}),
    "lu": (sla.lu, scipy.linalg.lu, {}),
    "lu permuted": (sla.lu, scipy.linalg.lu, {"permute_l": True}),
    "lu indices": (sla.lu, scipy.linalg.lu, {"p_indices": True}),
    "ldl": (sla.ldl, scipy.linalg.ldl, {}),
    "ldl upper": (sla.ldl, scipy.linalg.ldl, {"lower": False}),
    "ldl symmetric": (sla.ldl, scipy.linalg.ldl, {"hermitian": False}),
    "polar": (sla.polar, scipy.linalg.polar, {}),
    "polar left": (sla.polar, scipy.linalg.polar, {"side": "left"}),
    "rq": (sla.rq, scipy.linalg.rq, {}),
    "qr pivoted": (sla.qr, scipy.linalg.qr, {"pivoting": True}),
}


@pytest.mark.parametrize("a", [REAL, COMPLEX], ids=["real", "complex"])
@pytest.mark.parametrize("name", CALLS)
def test_values_are_scipys(name, a):
    ours, theirs, keywords = CALLS[name]
    if name.startswith("ldl"):
        a = a + (a.T if "symmetric" in name else dagger(a))
    close(ours(a, **keywords), theirs(a, **keywords))
    for y, z in zip(ours(a[:1, :1], **keywords), theirs(a[:1, :1], **keywords), strict=True):
        np.testing.assert_allclose(y, z, atol=1e-13)  # SciPy gives other dtypes there: 1 for P or Q, int64 for p
    narrow = ours(a.astype(np.complex64 if a.dtype.kind == "c" else np.float32), **keywords)
    assert all(y.dtype.char in "fFil" for y in narrow)
    for k, y in enumerate(ours(np.stack([a, 2 * a]), **keywords)):
        np.testing.assert_allclose(y[0], ours(a, **keywords)[k], atol=1e-13)
    recorded = [ad.Variable(y) for y in ours(ad.Variable(a), **keywords)]
    for y, z in zip(recorded, ours(a, **keywords), strict=True):
        np.testing.assert_allclose(y, z, rtol=1e-12, atol=1e-12)
    assert all(y.shape[-1] == 0 or y.shape[-2:] for y in ours(np.zeros((0, 0)), **keywords))


@pytest.mark.parametrize("shape", [(3, 4), (4, 2), (1, 4)], ids=str)
@pytest.mark.parametrize("name", ["lu", "lu permuted", "lu indices", "polar", "polar left", "rq", "qr pivoted"])
def test_other_shapes(name, shape):
    ours, theirs, keywords = CALLS[name]
    a = COMPLEX[: shape[0], : shape[1]]
    close(ours(a, **keywords), theirs(a, **keywords))
    if name == "rq":
        for mode in ("r", "economic"):
            close(ours(a, mode=mode), theirs(a, mode=mode))


def test_pair_of_matrices():
    for output in ("real", "complex"):
        close(sla.qz(REAL, POSITIVE, output), scipy.linalg.qz(REAL, POSITIVE, output))
    close(sla.rsf2csf(*sla.schur(REAL)), scipy.linalg.rsf2csf(*scipy.linalg.schur(REAL)))
    with pytest.raises(np.linalg.LinAlgError, match="output='complex'"):
        ad.grad(lambda a: np.sum(sla.qz(a, np.eye(2))[0]))(np.array([[0.0, 1.0], [-1.0, 0.0]]))
    with pytest.raises(ValueError, match="must match"):
        sla.qz(np.eye(2), np.eye(3))
    with pytest.raises(ValueError, match="ordqz"):
        sla.qz(np.eye(2), np.eye(2), sort="lhp")
    close(sla.orthogonal_procrustes(REAL, POSITIVE), scipy.linalg.orthogonal_procrustes(REAL, POSITIVE))
    close(sla.subspace_angles(REAL[:, :2], REAL[:, 1:]), scipy.linalg.subspace_angles(REAL[:, :2], REAL[:, 1:]), 1e-7)


@pytest.mark.parametrize(
    "sort",
    ["lhp", "rhp", "iuc", "ouc", lambda x, y=None: np.abs(x) > 1],
    ids=lambda sort: sort if isinstance(sort, str) else "function",
)
@pytest.mark.parametrize("output", ["real", "complex"])
def test_sorted_forms(sort, output):
    found = sla.schur(REAL, output, sort=sort)
    expected = scipy.linalg.schur(REAL, output, sort=sort)
    close(found[:2], expected[:2])
    assert type(found[2]) is int and found[2] == expected[2]
    stacked = sla.schur(np.stack([REAL, POSITIVE]), output, sort=sort)
    np.testing.assert_array_equal(stacked[2], [found[2], sla.schur(POSITIVE, output, sort=sort)[2]])
    pair = (lambda x, y: np.abs(x) > np.abs(y)) if callable(sort) else sort
    found, expected = sla.ordqz(REAL, POSITIVE, pair, output), scipy.linalg.ordqz(REAL, POSITIVE, pair, output)
    close(found[:2] + found[4:], expected[:2] + expected[4:])
    np.testing.assert_allclose(found[2] / found[3], expected[2] / expected[3], rtol=1e-9)
    with pytest.raises(ValueError, match="sort"):
        sla.schur(REAL, sort="other")
    with pytest.raises(ValueError, match="sort"):
        sla.ordqz(REAL, POSITIVE, None)


# ------------------------------------------------------------------------------------------------ derivatives
def test_pencils():
    """Of second order by differences; real forms without blocks; the eigenvalues of a singular second matrix."""
    a, b = np.diag([1.0, 4.0, 9.0, 16.0]) + 0.2 * REAL, np.eye(4) + 0.1 * REAL.T
    check_grads(lambda a, b: sla.qz(a, b), (a, b))
    check_grads(lambda a: sla.ordqz(a, b, lambda x, y: np.abs(x) > 6 * np.abs(y))[2], (a,), order=1)
    pairs = np.diag([1.0, 1.0, 5.0, 5.0]) + np.diag([2.0, 0.0, 3.0], 1) - np.diag([1.0, 0.0, 2.0], -1) + 0.1 * REAL
    assert np.count_nonzero(np.diagonal(sla.qz(pairs, b)[0], -1)) == 2
    check_grads(lambda a, b: sla.qz(a, b), (pairs, b))
    check_grads(lambda a, b: (lambda x, y: x / y)(*sla.ordqz(a, b, "rhp")[2:4]), (pairs, b), order=1)
    found = sla.ordqz(pairs, b)
    np.testing.assert_allclose(found[2] / found[3], np.divide(*scipy.linalg.ordqz(pairs, b)[2:4]), rtol=1e-10)
    singular = np.diag([1.0, 2.0, 3.0, 0.0])

    def chordal(a):
        alpha, beta = sla.eigvals(a, singular, homogeneous_eigvals=True)
        return np.sum(np.abs(alpha) ** 2 / (np.abs(alpha) ** 2 + np.abs(beta) ** 2))

    check_grads(chordal, (SPREAD,))
    with pytest.raises(np.linalg.LinAlgError, match="homogeneous_eigvals"):
        sla.eigvals(SPREAD, singular)


def test_left_eigenvectors():
    for b in (None, POSITIVE):
        w, left, right = sla.eig(REAL, b, left=True)
        expected = scipy.linalg.eig(REAL, b, left=True)
        np.testing.assert_allclose(w, expected[0], rtol=1e-10)
        for x, y in ((left, expected[1]), (right, expected[2])):
            x, y = (v / np.linalg.norm(v, axis=0) for v in (x, y))
            np.testing.assert_allclose(np.abs(np.sum(x.conj() * y, 0)), 1, rtol=1e-10)
    close(sla.eig(REAL, left=True, right=False)[1], sla.eig(REAL, left=True)[1])
    assert sla.eig(REAL, homogeneous_eigvals=True)[0].shape == (2, 4)

    def conditions(a):
        w, left, right = sla.eig(a, left=True)
        return np.abs(np.sum(np.conj(left) * right, axis=0))  # of the eigenvalues

    check_grads(conditions, (REAL,), order=1)


def test_subsets_by_value():
    a = REAL + REAL.T
    w = np.linalg.eigvalsh(a)
    for low, high in (
        (-np.inf, w[1] + 1e-3),
        (w[0] + 1e-3, w[2] + 1e-3),
        (w[3] - 1e-3, np.inf),
        (w[0] + 1e-3, w[1] - 1e-3),
    ):
        expected = scipy.linalg.eigh(a, subset_by_value=(low, high), driver="evr")[0]
        close(sla.eigh(a, subset_by_value=(low, high))[0], expected, 1e-10)
        assert sla.eigh(a, subset_by_value=(low, high))[1].shape == (4, len(expected))
    check_grads(lambda a: sla.eigvalsh(a, subset_by_value=(0.5 * (w[0] + w[1]), np.inf)), (a,))
    with pytest.raises(ValueError, match="not both"):
        sla.eigh(a, subset_by_value=(0, 1), subset_by_index=(0, 1))
    with pytest.raises(ValueError, match="low < high"):
        sla.eigh(a, subset_by_value=(1, 0))
    with pytest.raises(ValueError, match="different numbers"):
        sla.eigvalsh(np.stack([a, 100 * a]), subset_by_value=(w[0] - 1, w[3] + 1))
    with pytest.raises(ad.TracingError, match="eigh"):
        ad.compile(lambda a: sla.eigh(a, subset_by_value=(0, 1)))(a)


def test_real_schur():
    check_grads(lambda a: sla.schur(a), (SPREAD,))
    with pytest.raises(np.linalg.LinAlgError, match="output='complex'"):
        ad.grad(lambda a: np.sum(sla.schur(a)[0]))(np.array([[0.0, 1.0], [-1.0, 0.0]]))


def test_real_schur_with_blocks():
    """Pairs of complex eigenvalues: LAPACK's choice within a 2 x 2 block, a constant diagonal, is smooth."""
    pairs = np.diag([1.0, 1.0, 5.0, 5.0]) + np.diag([2.0, 0.0, 3.0], 1) - np.diag([1.0, 0.0, 2.0], -1) + 0.1 * REAL
    assert np.count_nonzero(np.diagonal(sla.schur(pairs)[0], -1)) == 2
    check_grads(lambda a: sla.schur(a), (pairs,))
    check_grads(lambda a: sla.schur(a, sort="ouc")[:2], (np.stack([pairs, SPREAD]),), order=1)
    compiled = ad.compile(lambda a: sla.schur(a)[0] @ sla.schur(a)[1])
    np.testing.assert_allclose(compiled(pairs), sla.schur(pairs)[0] @ sla.schur(pairs)[1], atol=1e-12)
    t, z = ad.jvp(sla.schur, (pairs,), (REAL,))[1]
    form, vectors = sla.schur(pairs)
    np.testing.assert_allclose(z @ form @ vectors.T + vectors @ t @ vectors.T + vectors @ form @ z.T, REAL, atol=1e-11)
    twice = np.kron(np.eye(2), [[1.0, 2.0], [-1.0, 1.0]])
    with pytest.warns(sla.DegenerateWarning, match="schur: .*values 0 and 2"):
        ad.grad(lambda a: np.sum(sla.schur(a)[1] * WEIGHT))(twice)


@pytest.mark.parametrize("a", [REAL, COMPLEX], ids=["real", "complex"])
def test_complex_schur_by_what_no_phase_changes(a):
    def loss(a):
        t, z = sla.schur(a, output="complex")
        # Projectors on the leading invariant subspaces, and sizes of the elements of T.
        first, both = z[:, :1], z[:, :2]
        sizes = np.sum(np.abs(t) ** 2 * WEIGHT)
        return sizes + np.sum(np.real((first @ dagger(first) + both @ dagger(both)) * WEIGHT)) + np.imag(t[0, 0])

    check_grads(loss, (a,))

    def rebuilt(a):
        t, z = sla.schur(a, output="complex")
        return np.real(z @ t @ dagger(z))

    np.testing.assert_allclose(ad.vjp(rebuilt, a)[1](WEIGHT)[0], WEIGHT, atol=1e-12)


def test_complex_form_of_a_real_form():
    def loss(a):
        t, z = sla.rsf2csf(*sla.schur(a))
        return np.sum(np.abs(t) ** 2 * WEIGHT) + np.sum(np.real(z[:, :2] @ dagger(z[:, :2])) * WEIGHT)

    check_grads(loss, (SPREAD,))


def test_schur_with_equal_eigenvalues():
    """The gradient of a trace of a function, which sees no vectors."""
    a = np.diag([2.0, 2.0, 1.0])
    found = ad.grad(lambda a: np.sum(np.diagonal(sla.schur(a)[0]) ** 3))(a)
    np.testing.assert_allclose(found, 3 * a @ a, atol=1e-12)
    for name, vector in (("schur", lambda a: sla.schur(a)[1][1, 0]), ("qz", lambda a: sla.qz(a, np.eye(3))[3][1, 0])):
        with pytest.warns(sla.DegenerateWarning, match=f"{name}: .*values 0 and 1"):
            ad.grad(vector)(a)
        with sla.policy(degenerate="raise"), pytest.raises(np.linalg.LinAlgError, match="does not exist"):
            ad.grad(vector)(a)


@pytest.mark.parametrize("a", [REAL, COMPLEX], ids=["real", "complex"])
def test_hessenberg(a):
    check_grads(lambda a: sla.hessenberg(a, calc_q=True), (a,))
    check_grads(sla.hessenberg, (np.stack([a, a.T]),), order=1)
    already = np.triu(a, -1)
    close(sla.hessenberg(already), scipy.linalg.hessenberg(already))
    if a.dtype.kind == "f":
        assert np.all(np.isfinite(ad.grad(lambda a: np.sum(sla.hessenberg(a)))(already)))


@pytest.mark.parametrize("keywords", [{}, {"permute_l": True}], ids=str)
@pytest.mark.parametrize("shape", [(4, 4), (4, 2), (2, 4)], ids=str)
def test_lu(shape, keywords):
    check_grads(lambda a: sla.lu(a, **keywords)[-2:], (COMPLEX[: shape[0], : shape[1]],))


@pytest.mark.parametrize("lower", [True, False])
def test_ldl(lower):
    indefinite = REAL + REAL.T
    check_grads(lambda a: sla.ldl(a, lower)[:2], (indefinite,))
    found = ad.grad(lambda a: np.sum(sla.ldl(a, lower)[1]))(indefinite)
    assert not np.any(np.triu(found, 1) if lower else np.tril(found, -1))
    check_grads(lambda a: sla.ldl(a, lower)[:2], (COMPLEX + dagger(COMPLEX),), order=1)
    check_grads(lambda a: sla.ldl(a, lower, hermitian=False)[:2], (COMPLEX + COMPLEX.T,), order=1)


@pytest.mark.parametrize("shape", [(4, 4), (4, 2), (2, 4)], ids=str)
@pytest.mark.parametrize("side", ["right", "left"])
def test_polar(shape, side):
    check_grads(lambda a: sla.polar(a, side), (REAL[: shape[0], : shape[1]],))
    check_grads(lambda a: sla.polar(a, side), (COMPLEX[: shape[0], : shape[1]],), order=1)


def test_polar_of_equal_singular_values():
    check_grads(sla.polar, (2 * np.eye(3),))
    with pytest.raises(np.linalg.LinAlgError):
        ad.grad(lambda a: np.sum(sla.polar(a)[0]))(np.zeros((2, 2)))


@pytest.mark.parametrize("shape", [(3, 3), (2, 3)], ids=str)
def test_rq_and_pivoted_qr(shape):
    a = COMPLEX[: shape[0], : shape[1]]
    check_grads(lambda a: sla.rq(a, mode="economic"), (a,), order=1)
    check_grads(lambda a: sla.qr(dagger(a), mode="economic", pivoting=True)[:2], (a,), order=1)


@pytest.mark.parametrize("type", [1, 2, 3])
@pytest.mark.parametrize("a", [POSITIVE - 3 * np.eye(4), COMPLEX + dagger(COMPLEX)], ids=["real", "complex"])
def test_generalised_eigh(type, a):
    b = POSITIVE if a.dtype.kind == "f" else COMPLEX @ dagger(COMPLEX) + np.eye(4)
    w, v = sla.eigh(a, b, type=type)
    expected, vectors = scipy.linalg.eigh(a, b, type=type)
    np.testing.assert_allclose(w, expected, atol=1e-11)
    np.testing.assert_allclose(np.abs(np.diag(dagger(np.linalg.inv(v)) @ dagger(vectors))), 1, rtol=1e-9)
    close(sla.eigvalsh(a, b, type=type), w)

    def loss(a, b):
        w, v = sla.eigh(a, b, type=type)
        return np.sum(w**3) + np.sum(np.real(v[:, :2] @ dagger(v[:, :2])) * WEIGHT)

    check_grads(loss, (a, b))
    with pytest.raises(ValueError, match="type"):
        sla.eigh(a, b, type=4)


def test_generalised_eig():
    w, v = sla.eig(REAL, POSITIVE)
    np.testing.assert_allclose(np.sort_complex(w), np.sort_complex(scipy.linalg.eigvals(REAL, POSITIVE)), rtol=1e-10)
    np.testing.assert_allclose(REAL @ v, (POSITIVE @ v) * w, atol=1e-11)
    check_grads(lambda a, b: np.sum(np.abs(sla.eigvals(a, b)) ** 2), (REAL, POSITIVE))
    with pytest.raises(np.linalg.LinAlgError, match="ingular"):
        sla.eig(REAL, np.zeros((4, 4)))
    with pytest.raises(ValueError, match="same shape"):
        sla.eig(REAL, np.eye(3))


# ------------------------------------------------------------------------------------------------ subspaces
def test_bases():
    deficient = COMPLEX[:, :2] @ COMPLEX[:2]
    for function in (sla.null_space, sla.orth):
        theirs = getattr(scipy.linalg, function.__name__)
        for a in (deficient, REAL[:2], REAL[:, :3], np.zeros((2, 3)), deficient.astype(np.complex64)):
            ours, expected = function(a), theirs(a)
            assert ours.shape == expected.shape and ours.dtype == expected.dtype
            tol = 1e-5 if a.dtype.char == "F" else 1e-12
            np.testing.assert_allclose(ours @ dagger(ours), expected @ dagger(expected), atol=tol)

        def projector(x, y, function=function):
            basis = function(x @ y)
            return basis @ dagger(basis)

        check_grads(projector, (COMPLEX[:, :2], COMPLEX[:2]))
        with pytest.raises(ValueError, match="ranks"):
            function(np.stack([np.eye(2), np.zeros((2, 2))]))


def test_angles():
    check_grads(sla.subspace_angles, (REAL[:, :2], REAL[:, 2:] + REAL[:, :2]), order=1)
    check_grads(sla.subspace_angles, (REAL[:, :1], REAL[:, :1] + 1e-3 * REAL[:, 1:2]), order=1)
    assert np.all(np.isfinite(ad.grad(lambda a: np.sum(sla.subspace_angles(a, REAL[:, :2])))(REAL[:, :2])))
    with pytest.raises(ValueError, match="rows"):
        sla.subspace_angles(np.eye(2), np.eye(3))


def test_procrustes():
    check_grads(sla.orthogonal_procrustes, (REAL, POSITIVE))
    check_grads(sla.orthogonal_procrustes, (COMPLEX[:, :2], REAL[:, 2:]), order=1)
    with pytest.raises(ValueError, match="differ"):
        sla.orthogonal_procrustes(np.eye(2), np.eye(3))


def test_randomized_svd():
    left, right = RNG.standard_normal((30, 3)), RNG.standard_normal((3, 20))
    u, s, vh = sla.randomized_svd(left @ right, 3, rng=1)
    np.testing.assert_allclose((u * s) @ vh, left @ right, atol=1e-12)

    def loss(x, y):
        u, s, vh = sla.randomized_svd(x @ y, 2, rng=1)
        return np.sum(s**2) + np.sum(np.sin((u * s) @ vh))

    def full(x, y):
        u, s, vh = np.linalg.svd(x @ y, full_matrices=False)
        return np.sum(s[:2] ** 2) + np.sum(np.sin((u[:, :2] * s[:2]) @ vh[:2]))

    for found, expected in zip(ad.grad(loss, (0, 1))(left, right), ad.grad(full, (0, 1))(left, right), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8)
    with pytest.raises(ValueError, match="between 1 and 2"):
        sla.randomized_svd(np.eye(2), 3)


@pytest.mark.parametrize("shape", [(4, 2), (2, 4)], ids=str)
def test_ridge_inverse(shape):
    a = COMPLEX[: shape[0], : shape[1]]
    expected = np.linalg.solve(dagger(a) @ a + 0.3 * np.eye(shape[1]), dagger(a))
    np.testing.assert_allclose(sla.ridge_inverse(a, 0.3), expected, rtol=1e-12)
    np.testing.assert_allclose(sla.ridge_inverse(a, 0.0), np.linalg.pinv(a), rtol=1e-10)
    check_grads(sla.ridge_inverse, (a.real, 0.3))
    stacked = sla.ridge_inverse(np.stack([a, a]), np.array([0.3, 0.5]))
    np.testing.assert_allclose(stacked[0], expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["schur", "hessenberg", "ldl"])
def test_bad_squares(name):
    function = getattr(sla, name)
    with pytest.raises(ValueError, match="square"):
        function(np.ones((2, 3)))
    with pytest.raises(ValueError, match="infs or NaNs"):
        function(np.array([[np.nan, 0.0], [0.0, 1.0]]))
    with pytest.raises((TypeError, ValueError)):
        function(np.array([["a", "b"], ["c", "d"]]))


def test_bad_choices():
    for call, match in (
        (lambda: sla.schur(np.eye(2), "other"), "output"),
        (lambda: sla.polar(np.eye(2), "middle"), "side"),
        (lambda: sla.rq(np.eye(2), mode="none"), "mode"),
        (lambda: sla.lu(np.ones(3)), "matrices"),
    ):
        with pytest.raises(ValueError, match=match):
            call()


@pytest.mark.parametrize("shape", [(4, 4), (6, 4), (4, 6)])
@pytest.mark.parametrize("batch", [False, True])
def test_lu_without_full_rank(shape, batch):
    """The factors exist, and their derivative says which pivot is zero."""
    a = np.random.default_rng(3).standard_normal(shape)
    a[:, 2] = 0
    where = ""
    if batch:
        a, where = np.stack([np.eye(*shape), a]), "matrix 1 of the batch"
    _, lower, upper = sla.lu(a)
    np.testing.assert_allclose(sla.lu(a, permute_l=True)[0] @ upper, a, atol=1e-14)
    assert lower.shape[-1] == upper.shape[-2] == 4
    for f in (lambda a: np.sum(sla.lu_factor(a)[0]), lambda a: np.sum(sla.lu(a)[1])):
        for g in (ad.grad(f), ad.compile(ad.grad(f))):
            with pytest.raises(np.linalg.LinAlgError, match=f"{where}.*singular"):
                g(a)
