"""Sparse and iterative solvers: SciPy's values, implicit derivatives, matrix-free operators, failure."""

import doctest

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
import test_laws as laws_of
from laws import Case, rng_of

import scirs_ad as ad
import scirs_ad.scipy.sparse.linalg as ssl
from scirs_ad._core.core import PRIMITIVES
from scirs_ad.testing import check_grads

RNG = np.random.default_rng(5)
N = 6
GENERAL = RNG.standard_normal((N, N)) + 4 * np.eye(N)
DEFINITE = GENERAL @ GENERAL.T
B = RNG.standard_normal(N)
METHODS = {"cg": DEFINITE, "minres": DEFINITE - 3 * np.eye(N)} | dict.fromkeys(
    ["gmres", "bicg", "bicgstab", "cgs", "qmr", "tfqmr", "lgmres", "gcrotmk"], GENERAL
)
TIGHT = {"rtol": 1e-13}


def test_examples():
    for name in ssl.__all__:
        if name in ("NotConverged", "NotConvergedWarning", "SuperLU"):
            continue
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
        found = doctest.DocTestFinder().find(getattr(ssl, name), name, globs={})
        for each in found:
            runner.run(each)
        assert any(each.examples for each in found) and runner.failures == 0


LAWS = ["kernel_is_body", "shape_is_rule", "jvp_is_difference", "vjp_is_adjoint", "second_order", "vmap_is_loop",
        "vmap_of_vjp_is_loop", "vjp_of_vmap_is_loop", "layouts"]  # fmt: skip


@pytest.mark.parametrize("name", ["krylov_core", "least_core", "partial_core", "spsolve_core"])
def test_page_obeys(name):
    """These pages are loaded at first use, so `test_laws` does not see them."""
    for number, found in enumerate(PRIMITIVES[name].samples(rng_of(name))):
        for law in LAWS:
            getattr(laws_of, f"test_{law}")(Case(PRIMITIVES[name], number, found))


def tied(name, a):
    """What keeps a matrix Hermitian where the method wants that, while it is moved."""
    return (a + a.T) / 2 if name in ("cg", "minres") else a


@pytest.mark.parametrize("name", METHODS)
def test_dense(name):
    a, solver = METHODS[name], getattr(ssl, name)
    x, info = solver(a, B)
    theirs, _ = getattr(scipy.sparse.linalg, name)(a, B)
    assert info == 0
    np.testing.assert_allclose(x, theirs, rtol=1e-12, atol=1e-12)
    check_grads(lambda a, b: solver(tied(name, a), b, **TIGHT)[0], (a, B), rtol=1e-5, atol=1e-6)
    assert solver(a, B[:, None])[0].shape == (N, 1)
    assert np.array_equal(solver(np.eye(N), B)[0].round(12), B.round(12))


@pytest.mark.parametrize("name", METHODS)
def test_constant_matrices(name):
    a, solver = METHODS[name], getattr(ssl, name)
    exact = np.linalg.solve(a.T, 2 * np.linalg.solve(a, B))
    for matrix in (scipy.sparse.csr_array(a), scipy.sparse.linalg.aslinearoperator(a)):
        found = ad.grad(lambda b, m=matrix: np.sum(solver(m, b, **TIGHT)[0] ** 2))(B)
        np.testing.assert_allclose(found, exact, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", METHODS)
def test_matrix_free(name):
    """A tridiagonal operator of two parameters, against the dense matrix."""

    def dense(d, e):
        return d * np.eye(N) + e * (np.eye(N, k=1) + np.eye(N, k=-1))

    def product(v, d, e):
        zero = np.zeros(1)
        return d * v + e * (np.concatenate([v[1:], zero]) + np.concatenate([zero, v[:-1]]))

    def loss(d, e, b):
        return np.sum(getattr(ssl, name)(ssl.LinearOperator((N, N), product, args=(d, e)), b, **TIGHT)[0] ** 2)

    def plain(d, e, b):
        return np.sum(np.linalg.solve(dense(d, e), b) ** 2)

    args = (np.asarray(3.0), np.asarray(0.5), B)
    for x, y in zip(ad.grad(loss, (0, 1, 2))(*args), ad.grad(plain, (0, 1, 2))(*args), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-10)
    if name == "gmres":  # of second order, the same code for all
        check_grads(loss, args, rtol=1e-5, atol=1e-6)
    operator = ssl.LinearOperator((N, N), lambda v, a: a @ v, args=(GENERAL,))
    np.testing.assert_allclose(operator.rmatvec(B), GENERAL.T @ B)
    np.testing.assert_allclose(operator.matvec(B), GENERAL @ B)


def test_complex_systems():
    a = GENERAL + 1j * RNG.standard_normal((N, N))
    check_grads(lambda a, b: ssl.gmres(a, b, **TIGHT)[0], (a, B + 1j), order=1, rtol=1e-5, atol=1e-6)
    hermitian = a @ a.conj().T + np.eye(N)
    found = ad.grad(lambda b: np.sum(np.abs(ssl.cg(hermitian, b, **TIGHT)[0]) ** 2))(B + 1j)
    np.testing.assert_allclose(found, 2 * np.linalg.solve(hermitian, np.linalg.solve(hermitian, B + 1j)), rtol=1e-8)


def test_preconditioner_and_callback():
    calls = []
    m = np.diag(1 / np.diag(GENERAL))
    x, _ = ssl.gmres(GENERAL, B, M=m, callback=lambda r: calls.append(r), **TIGHT)
    assert calls
    np.testing.assert_allclose(x, np.linalg.solve(GENERAL, B), rtol=1e-10)
    triangular = np.linalg.inv(np.tril(GENERAL))  # not Hermitian: derivatives take its adjoint
    before = len(calls)
    found = ad.grad(lambda b: np.sum(ssl.bicgstab(GENERAL, b, M=triangular, **TIGHT)[0]))(B)
    np.testing.assert_allclose(found, np.linalg.solve(GENERAL.T, np.ones(N)), rtol=1e-8)
    assert len(calls) == before
    x, _ = ssl.minres(DEFINITE, B, shift=2.0, rtol=1e-12)
    np.testing.assert_allclose(x, np.linalg.solve(DEFINITE - 2 * np.eye(N), B), rtol=1e-7)


@pytest.mark.parametrize("name", METHODS)
def test_no_convergence(name):
    big = np.diag(np.logspace(0, 8, 40)) + (0 if name in ("cg", "minres") else np.eye(40, k=1))
    few = {"gcrotmk": {"m": 2, "k": 1}, "lgmres": {"inner_m": 2}}.get(name, {})
    with pytest.warns(ssl.NotConvergedWarning, match=f"{name}: no convergence") as seen:
        _, info = getattr(ssl, name)(big, np.ones(40), maxiter=3, **few)
    assert info != 0 and len(seen[0].message.history) >= 2
    with pytest.raises(ssl.NotConverged, match="history") as error:
        getattr(ssl, name)(big, np.ones(40), maxiter=3, **few, on_failure="raise")
    assert all(h > 0 for h in error.value.history)


def test_operators_over_leading_axes():
    """Under vmap the derivatives flow to the arguments of each system; in both modes, and of second order."""
    d = np.stack([np.arange(3.0, 3 + N), np.arange(7.0, 7 + N)])

    def f(d):
        return np.sum(ssl.cg(ssl.LinearOperator((N, N), lambda v, d: d * v, args=(d,)), B, **TIGHT)[0] ** 2)

    np.testing.assert_allclose(ad.vmap(ad.grad(f))(d), -2 * B**2 / d**3, rtol=1e-10)
    np.testing.assert_allclose(ad.grad(lambda d: np.sum(ad.vmap(f)(d)))(d), -2 * B**2 / d**3, rtol=1e-10)
    moved = ad.vmap(lambda d, t: ad.jvp(f, (d,), (t,))[1])(d, d)
    np.testing.assert_allclose(moved, np.sum(-2 * B**2 / d**2, 1), rtol=1e-10)
    np.testing.assert_allclose(ad.vmap(ad.hessian(f))(d)[1], np.diag(6 * B**2 / d[1] ** 4), rtol=1e-9, atol=1e-12)


def test_batch_and_trace():
    found = ad.vmap(lambda b: ssl.gmres(GENERAL, b, **TIGHT)[0])(np.stack([B, 2 * B]))
    np.testing.assert_allclose(found[1], 2 * np.linalg.solve(GENERAL, B), rtol=1e-10)
    graph = ad.trace(lambda a, b: ssl.gmres(a, b, **TIGHT)[0])(GENERAL, B)
    np.testing.assert_allclose(graph(GENERAL, B), np.linalg.solve(GENERAL, B), rtol=1e-10)


# ------------------------------------------------------------------------------------------------ direct
PATTERN = scipy.sparse.csr_array(
    np.where(RNG.uniform(size=(N, N)) < 0.3, RNG.uniform(size=(N, N)), 0)
) + scipy.sparse.diags_array(np.arange(4.0, 4 + N))


def test_direct():
    b = RNG.standard_normal((N, 2))
    dense = PATTERN.toarray()
    np.testing.assert_allclose(ssl.spsolve(PATTERN, b), np.linalg.solve(dense, b), rtol=1e-12)
    np.testing.assert_allclose(ssl.spsolve(PATTERN.tocsr(), B), np.linalg.solve(dense, B), rtol=1e-12)
    factors = ssl.splu(PATTERN)
    for trans, a in (("N", dense), ("T", dense.T), ("H", dense.T)):
        np.testing.assert_allclose(factors.solve(B, trans), np.linalg.solve(a, B), rtol=1e-12)
    data = PATTERN.tocsc().data
    check_grads(lambda d, b: ssl.spsolve(ssl.SparseMatrix(d, PATTERN), b), (data, b))
    check_grads(lambda d, b: ssl.splu(ssl.SparseMatrix(d, PATTERN)).solve(b, "T"), (data + 0.5j, b + 1j), order=1)
    full = ad.grad(lambda a: np.sum(np.linalg.solve(a, b) ** 2))(dense)
    found = ad.grad(lambda d: np.sum(ssl.spsolve(ssl.SparseMatrix(d, PATTERN), b) ** 2))(data)
    csc = PATTERN.tocsc()
    np.testing.assert_allclose(found, full[csc.indices, np.repeat(np.arange(N), np.diff(csc.indptr))], rtol=1e-9)
    batch = ad.vmap(lambda d: ssl.spsolve(ssl.SparseMatrix(d, PATTERN), B))(np.stack([data, 2 * data]))
    np.testing.assert_allclose(2 * batch[1], batch[0], rtol=1e-12)


def test_action_of_the_exponential():
    a = 0.3 * GENERAL
    np.testing.assert_allclose(ssl.expm_multiply(a, B), scipy.linalg.expm(a) @ B, rtol=1e-11)
    np.testing.assert_allclose(ssl.expm_multiply(scipy.sparse.csr_array(a), B), scipy.linalg.expm(a) @ B, rtol=1e-11)
    check_grads(ssl.expm_multiply, (a, B), order=1)
    times = {"start": 0.5, "stop": 2.0, "num": 4}
    for more in ({}, {"endpoint": False}):
        for b in (B, np.stack([B, B[::-1]], 1)):
            theirs = scipy.sparse.linalg.expm_multiply(a, b, **times, **more)
            np.testing.assert_allclose(ssl.expm_multiply(a, b, **times, **more), theirs, rtol=1e-10)
    assert ssl.expm_multiply(a, B, 0.0, 1.0).shape == (50, N)
    assert ssl.expm_multiply(np.stack([a, a]), B[:, None], 0.0, 1.0, 3).shape == (2, 3, N, 1)
    check_grads(lambda a, b: ssl.expm_multiply(a, b, **times), (a, B), order=1)
    with pytest.raises(ValueError, match="start and stop"):
        ssl.expm_multiply(a, B, 0.0)
    with pytest.raises(ValueError, match="num is 0"):
        ssl.expm_multiply(a, B, 0.0, 1.0, 0)


@pytest.mark.parametrize(
    ("error", "match", "call"),
    [
        (ValueError, "incompatible", lambda: ssl.cg(DEFINITE, np.ones(2))),
        (ValueError, "square", lambda: ssl.gmres(np.ones((2, 3)), np.ones(2))),
        (ValueError, "infs or NaNs", lambda: ssl.gmres(GENERAL, np.full(N, np.nan))),
        (ValueError, "on_failure", lambda: ssl.cg(DEFINITE, B, on_failure="hope")),
        (ValueError, "shape must be", lambda: ssl.LinearOperator((2,), np.sin)),
        (ValueError, "matrix \\(m, n\\)", lambda: ssl.aslinearoperator(np.ones(3))),
        (TypeError, "sparse", lambda: ssl.spsolve(DEFINITE, B)),
        (ValueError, "square", lambda: ssl.spsolve(scipy.sparse.csc_array((2, 3)), B)),
        (ValueError, "incompatible", lambda: ssl.spsolve(PATTERN, np.ones(2))),
        (ValueError, "elements are needed", lambda: ssl.SparseMatrix(np.ones(3), PATTERN)),
        (ValueError, "trans", lambda: ssl.splu(PATTERN).solve(B, "X")),
        (np.linalg.LinAlgError, "singular", lambda: ssl.spsolve(scipy.sparse.csc_array(np.diag([1.0, 0.0])), [1.0, 1.0])),
        (TypeError, "args", lambda: ad.grad(lambda d: np.sum(ssl.cg(ssl.LinearOperator((N, N), lambda v: d * v), B)[0]))(2.0)),
    ],
)  # fmt: skip
def test_bad_input(error, match, call):
    with pytest.raises(error, match=match):
        call()
