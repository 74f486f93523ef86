"""Bad input, for every operation of the audit: an error that names the operation, never a silent finite answer."""

import warnings

import numpy as np
import pytest
import scipy.sparse
from linalg_cases import ENTRIES, Maker

import scirs_ad as ad
import scirs_ad.numpy as anp
import scirs_ad.scipy.linalg as sla
import scirs_ad.scipy.sparse.linalg as ssl
from scirs_ad._core.tree import flatten

# Plain arithmetic and indexing are NumPy's: what is not finite passes through, and objects are refused further down.
NAMES = {*sla.__all__, *ssl.__all__, *anp.linalg.__all__, *dir(anp)}
RNG = np.random.default_rng(4)


def leaves(y):
    return [np.asarray(leaf) for leaf in flatten(y)[0]]


def arguments(name):
    return [np.asarray(a) for a in ENTRIES[name].make(Maker(float))]


PLACES = [(name, k) for name in ENTRIES for k in range(len(arguments(name)))]


def replaced(name, k, value):
    args = arguments(name)
    args[k] = value
    return args


@pytest.mark.parametrize(("name", "k"), PLACES, ids=str)
def test_not_finite(name, k):
    with np.errstate(all="ignore"):
        try:
            found = leaves(ENTRIES[name].function(*replaced(name, k, np.full_like(arguments(name)[k], np.nan))))
        except (ValueError, np.linalg.LinAlgError) as error:
            assert str(error).split(":")[0] in NAMES, f"{name}: {error}"
            assert "infs or NaNs" in str(error) or "nan or inf" in str(error), f"{name}: {error}"
        else:
            assert any(not np.all(np.isfinite(x)) for x in found), f"{name}: a finite answer to nan"


@pytest.mark.parametrize(("name", "k"), PLACES, ids=str)
def test_objects(name, k):
    with pytest.raises((TypeError, ValueError)):
        ENTRIES[name].function(*replaced(name, k, np.full(arguments(name)[k].shape, None)))
    # Numbers in an object array: refused, or computed as numbers.
    try:
        found = leaves(ENTRIES[name].function(*replaced(name, k, arguments(name)[k].astype(object))))
    except TypeError as error:
        assert "array of numbers" in str(error), error
    else:
        for x, y in zip(found, leaves(ENTRIES[name].function(*arguments(name))), strict=True):
            np.testing.assert_allclose(x.astype(y.dtype), y, rtol=1e-12)


SQUARE = [(name, k) for name, k in PLACES if arguments(name)[k].ndim == 2 and len(set(arguments(name)[k].shape)) == 1]
ANY_SHAPE = {"lu_factor", "kron", "block_diag", "tril", "triu", "band_part", "cond", "matmul", "trace"}


@pytest.mark.parametrize(("name", "k"), [p for p in SQUARE if p[0] not in ANY_SHAPE], ids=str)
def test_not_square(name, k):
    with pytest.raises((ValueError, np.linalg.LinAlgError)) as error:
        ENTRIES[name].function(*replaced(name, k, arguments(name)[k][:, :-1]))
    assert str(error.value).split(":")[0] in NAMES, error.value
    assert "shape" in str(error.value) or "dim" in str(error.value), error.value


@pytest.mark.parametrize(
    "name",
    [name for name in ENTRIES if name not in ("solve_discrete_lyapunov", "solve_continuous_are", "solve_discrete_are")],
)
def test_integers(name):
    """Integer matrices are computed in double precision."""
    whole = [np.rint(3 * a).astype(int) for a in arguments(name)]
    expected = leaves(ENTRIES[name].function(*[a.astype(float) for a in whole]))
    for x, y in zip(leaves(ENTRIES[name].function(*whole)), expected, strict=True):
        assert x.dtype == y.dtype or x.dtype.kind == "i", f"{name}: {x.dtype}"
        np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12)
    with pytest.raises(TypeError):
        ad.grad(lambda a: np.sum(np.abs(leaves(ENTRIES[name].function(a, *whole[1:]))[0])))(whole[0])


# ------------------------------------------------------------------------------------------------ singular, indefinite
def pair(bad, good):
    return np.stack([good, bad])


I3, ONES = np.eye(3), np.ones((3, 1))
SINGULAR = np.diag([1.0, 2.0, 0.0])
BAD = {
    "solve": (lambda a: sla.solve(a, ONES), SINGULAR), "solve sym": (lambda a: sla.solve(a, ONES, assume_a="sym"), SINGULAR),
    "solve pos": (lambda a: sla.solve(a, ONES, assume_a="pos"), -I3), "inv": (sla.inv, SINGULAR),
    "numpy solve": (lambda a: np.linalg.solve(ad.Variable(a), ONES), SINGULAR),
    "solve_triangular": (lambda a: sla.solve_triangular(a, ONES), SINGULAR),
    "lu_solve": (lambda a: sla.lu_solve(sla.lu_factor(a), ONES), SINGULAR),
    "cholesky": (sla.cholesky, -I3), "cho_factor": (sla.cho_factor, -I3), "logdet": (sla.logdet, -I3),
    "eigh": (lambda b: sla.eigh(I3, b), -I3), "eigvalsh": (lambda b: sla.eigvalsh(I3, b), -I3),
    "solve_banded": (lambda a: sla.solve_banded((1, 1), a, ONES), np.zeros((3, 3))),
    "solveh_banded": (lambda a: sla.solveh_banded(a, ONES), -np.ones((3, 3))),
    "cholesky_banded": (sla.cholesky_banded, -np.ones((3, 3))),
    "solve_sylvester": (lambda a: sla.solve_sylvester(a, -I3 + 0 * a, I3 + 0 * a), I3),
    "logm": (sla.logm, SINGULAR), "signm": (sla.signm, SINGULAR),
    "polar": (ad.grad(lambda a: np.sum(sla.polar(a)[0])), SINGULAR * [1, 0, 0]),
    "sqrtm": (ad.grad(lambda a: np.sum(np.real(sla.sqrtm(a)))), 0 * I3),
}  # fmt: skip
BAD |= {
    "solve_toeplitz": (lambda a: sla.solve_toeplitz(a[..., 0], ONES[:, 0]), 0 * I3),
    "solve_circulant": (lambda a: sla.solve_circulant(a[..., 0], ONES[:, 0], baxis=-1, outaxis=-1), 0 * I3),
    "solve_woodbury": (lambda a: sla.solve_woodbury(np.diagonal(a, 0, -2, -1), ONES, ONES, ONES), SINGULAR),
    "solve_woodbury small": (lambda a: sla.solve_woodbury(ONES[:, 0], a[..., :1], ONES, ONES), np.diag([-1.0, 1.0, 1.0])),
    "solve_kron": (lambda a: sla.solve_kron(a, I3, np.ones(9)), SINGULAR),
    "solve_continuous_lyapunov": (lambda a: sla.solve_continuous_lyapunov(a, I3), 0 * I3),
    "solve_discrete_lyapunov": (lambda a: sla.solve_discrete_lyapunov(a / 3, I3), 3 * I3),
    "solve_continuous_are": (lambda a: sla.solve_continuous_are(-a, 0 * ONES, I3, np.eye(1)), -I3),
    "solve_discrete_are": (lambda a: sla.solve_discrete_are(a / 9, 0 * ONES, I3, np.eye(1)), 18 * I3),
    "matrix_power": (lambda a: anp.linalg.matrix_power(a, -2), SINGULAR),
    "fractional_matrix_power": (lambda a: sla.fractional_matrix_power(a, -0.5), SINGULAR),
    "eig of a pair": (lambda b: sla.eig(I3, b), SINGULAR), "eigvals of a pair": (lambda b: sla.eigvals(I3, b), SINGULAR),
    "ridge_inverse": (lambda a: sla.ridge_inverse(a, 0.0), SINGULAR),
    "cho_solve": (lambda a: sla.cho_solve((a, True), ONES), SINGULAR),
    "cho_solve_banded": (lambda a: sla.cho_solve_banded((a, True), ONES), 0 * I3),
    "orthogonal_procrustes": (ad.grad(lambda a: np.sum(sla.orthogonal_procrustes(a, I3)[0])), 0 * I3),
    "slogdet": (ad.grad(lambda a: np.sum(anp.linalg.slogdet(a)[1])), SINGULAR),
    "qr": (ad.grad(lambda a: np.sum(sla.qr(a)[1])), 0 * I3), "lu": (ad.grad(lambda a: np.sum(sla.lu(a)[2])), 0 * I3),
    "qr pulled at once": (ad.grad(lambda a: (lambda q, r: np.sum(q) + np.sum(r))(*sla.qr(a, mode="economic"))), 0 * I3),
    "ldl": (ad.grad(lambda a: np.sum(sla.ldl(a)[1])), 0 * I3),
}  # fmt: skip
GOOD = {"solve_circulant": np.diag([2.0, 1.0, 1.0]), "solve_woodbury small": I3, "solve_discrete_lyapunov": I3,
        "cho_solve_banded": np.outer([1.0, 0.0, 0.0], ONES), "solve_sylvester": 2 * I3, "cholesky_banded": np.array([[0.0, 0, 0], [0, 0, 0], [1, 1, 1]]),
        "solveh_banded": np.array([[0.0, 0, 0], [0, 0, 0], [1, 1, 1]]),
        "solve_banded": np.array([[0.0, 0, 0], [1, 1, 1], [0, 0, 0]])}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Matrix is singular")  # SciPy's word about the value, which has no derivative
@pytest.mark.parametrize("name", BAD)
def test_singular_and_indefinite(name):
    """LinAlgError, with the operation, and in a batch which matrix."""
    function, bad = BAD[name]
    with pytest.raises(np.linalg.LinAlgError) as error:
        function(bad)
    assert str(error.value).split(":")[0] in NAMES | {"inv"}, error.value
    with pytest.raises(np.linalg.LinAlgError, match="matrix 1 of the batch"):
        function(pair(bad, GOOD.get(name, I3 * [1.0, 2.0, 3.0])))


# Of these the part without D^-1 is asked for, which is all that a program computes.
DEFINED = {"ldl"}


@pytest.mark.filterwarnings("ignore:Matrix is singular")
@pytest.mark.parametrize("name", [name for name in BAD if name not in DEFINED])
def test_singular_and_indefinite_when_compiled(name):
    function, bad = BAD[name]
    with pytest.raises(np.linalg.LinAlgError) as error:
        ad.compile(function)(bad)
    assert str(error.value).split(":")[0] in NAMES | {"inv"}, error.value
    with pytest.raises(np.linalg.LinAlgError, match="matrix 1 of the batch"):
        ad.compile(function)(pair(bad, GOOD.get(name, I3 * [1.0, 2.0, 3.0])))


@pytest.mark.parametrize(
    ("function", "bad", "match"),
    [
        (sla.companion, np.array([0.0, 1.0, 2.0]), "^companion: .*the first coefficient"),
        (
            lambda q: sla.solve_continuous_are(-I3, I3, q, I3),
            np.triu(np.ones((3, 3))),
            "^solve_continuous_are: .*q must be symmetric",
        ),
        (
            lambda r: sla.solve_discrete_are(I3 / 9, I3, I3, r),
            np.triu(np.ones((3, 3))),
            "^solve_discrete_are: .*r must be symmetric",
        ),
    ],
)
def test_wrong_values_when_compiled(function, bad, match):
    for f, x in ((function, bad), (ad.compile(function), bad), (ad.vmap(function), bad[None])):
        with pytest.raises(ValueError, match=match):
            f(x)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: sla.solve(I3, np.ones(2)), "solve: incompatible"), (lambda: sla.solve(I3, np.ones((2, 3))), "solve: incompatible"),
        (lambda: sla.solve_triangular(I3, np.ones(2)), "solve_triangular: incompatible"),
        (lambda: sla.cho_solve((I3, True), np.ones(2)), "cho_solve: incompatible"),
        (lambda: sla.lu_solve(sla.lu_factor(I3), np.ones(2)), "lu_solve: incompatible"),
        (lambda: sla.lstsq(I3, np.ones(2)), "lstsq: incompatible"), (lambda: np.linalg.solve(ad.Variable(I3), np.ones((2, 1))), "solve"),
        (lambda: sla.solve_sylvester(I3, I3, np.ones((2, 3))), "right-hand side"),
        (lambda: sla.solve_toeplitz(np.ones(3), np.ones(2)), "compatible"),
        (lambda: sla.solve(I3, np.ones(3), assume_a="round"), "assume_a"),
        (lambda: sla.solve_triangular(I3, np.ones(3), trans="X"), "trans"),
        (lambda: ssl.spsolve(scipy.sparse.eye_array(3), np.full(3, np.nan)), "spsolve: .*infs or NaNs"),
        (lambda: ssl.splu(scipy.sparse.csc_array(np.nan * I3)), "splu: .*infs or NaNs"),
    ],
)  # fmt: skip
def test_wrong_right_sides_and_structures(call, match):
    with pytest.raises((ValueError, np.linalg.LinAlgError), match=match):
        call()


SPECIAL = {
    "repeated": np.eye(9), "zero": np.zeros((9, 9)), "defective": np.eye(9) + np.eye(9, k=1), "rank 1": np.ones((9, 9)),
    "nilpotent": np.eye(9, k=1),
}  # fmt: skip
FIRST_IS_A_MATRIX = [name for name in ENTRIES if arguments(name)[0].ndim == 2]
TOLD = (sla.DegenerateWarning, sla.IllConditionedWarning, ssl.NotConvergedWarning)


@pytest.mark.filterwarnings("ignore:Matrix is singular")  # SciPy's word about a square root
@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("which", SPECIAL)
@pytest.mark.parametrize("name", FIRST_IS_A_MATRIX)
def test_special_matrices(name, which, kind):
    """Value and gradient are finite, or an error or a warning of ours says why not."""
    first, *others = arguments(name)
    if kind is complex and not ENTRIES[name].complex:
        kind = float
    args = [SPECIAL[which][: first.shape[0], : first.shape[1]].astype(kind), *others]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("error")
        for category in TOLD:
            warnings.simplefilter("always", category)
        warnings.filterwarnings("ignore", "Matrix is singular")
        try:
            out, pull = ad.vjp(ENTRIES[name].function, *args)
            ones = tuple(np.ones_like(y) for y in leaves(out))
            found = [*leaves(out), *pull(ones if isinstance(out, tuple) else ones[0])]
        except np.linalg.LinAlgError as error:
            assert len(str(error)) > 20
        else:
            finite = all(np.all(np.isfinite(x)) for x in found)
            assert finite or seen, f"{name} of a matrix that is {which}: not finite, and not told"


def test_condition_of_singular_matrices():
    assert np.linalg.cond(ad.Variable(SINGULAR)) == np.inf == anp.linalg.cond(np.zeros((2, 2)))
    with pytest.warns(sla.DegenerateWarning, match="cond: matrix 1 of the batch: singular"):
        g = ad.grad(lambda a: np.sum(np.linalg.cond(a)))(np.stack([I3, SINGULAR]))
    assert np.all(np.isfinite(g))
    with sla.policy(degenerate="raise"), pytest.raises(np.linalg.LinAlgError, match="infinite"):
        ad.grad(np.linalg.cond)(SINGULAR)


def test_triangles_of_cholesky():
    """Under all names the Hermitian part, whatever triangle is returned: the gradient is Hermitian."""
    a = RNG.standard_normal((3, 3)) + 9 * I3
    whole = (a + a.T) / 2
    np.testing.assert_allclose(sla.cholesky(a), np.linalg.cholesky(whole).T)
    np.testing.assert_allclose(sla.cholesky(a, lower=True), np.linalg.cholesky(whole))
    np.testing.assert_allclose(np.tril(sla.cho_factor(a, True)[0]), np.linalg.cholesky(whole))
    np.testing.assert_allclose(anp.linalg.cholesky(a, upper=True), np.linalg.cholesky(whole).T)
    np.testing.assert_allclose(sla.logdet(a), np.linalg.slogdet(whole)[1])
    weight = RNG.standard_normal((3, 3))
    for function in (sla.cholesky, anp.linalg.cholesky, lambda a: sla.cho_solve(sla.cho_factor(a), I3)):
        g = ad.grad(lambda a, f=function: np.sum(weight * f(a)))(a)
        np.testing.assert_allclose(g, g.T, atol=1e-15)


def test_a_structure_that_does_not_hold():
    """What is assumed is taken from the part of the matrix that is read; what can be seen is refused."""
    a = RNG.standard_normal((3, 3)) + 5 * I3
    b = RNG.standard_normal(3)
    for lower in (False, True):
        side = np.tril(a) if lower else np.triu(a)
        whole = side + side.T - np.diag(np.diag(a))
        for kind in ("sym", "her", "pos"):
            np.testing.assert_allclose(
                sla.solve(a, b, assume_a=kind, lower=lower), np.linalg.solve(whole, b), rtol=1e-10
            )
    np.testing.assert_allclose(sla.solve(a, b, assume_a="upper triangular"), np.linalg.solve(np.triu(a), b), rtol=1e-10)
    np.testing.assert_allclose(sla.solve(a, b, assume_a="diagonal"), b / np.diag(a), rtol=1e-12)
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        sla.solve(-a, b, assume_a="pos")


def test_triangles_of_a_matrix_that_is_not_hermitian():
    """scipy.linalg reads one triangle, whose cotangent is in it; numpy.linalg takes the Hermitian part."""
    a = RNG.standard_normal((3, 3))
    for lower in (True, False):
        side = np.tril(a) if lower else np.triu(a)
        np.testing.assert_allclose(sla.eigvalsh(a, lower=lower), np.linalg.eigvalsh(side, UPLO="L" if lower else "U"))
        g = ad.grad(lambda a, low=lower: np.sum(sla.eigh(a, lower=low)[0] ** 3))(a)
        assert not np.any(np.triu(g, 1) if lower else np.tril(g, -1)) and np.all(
            np.tril(g) if lower else np.triu(g), where=side != 0
        )
    np.testing.assert_allclose(anp.linalg.eigvalsh(a), np.linalg.eigvalsh((a + a.T) / 2))
    g = ad.grad(lambda a: np.sum(np.linalg.eigh(a)[0] ** 3))(a)
    np.testing.assert_allclose(g, g.T)
