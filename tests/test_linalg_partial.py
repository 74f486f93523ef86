"""Least squares and partial spectra by iterations, and sparse triangles: against dense operations, which have all."""

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from derivatives import check

import scirs_ad as ad
import scirs_ad.numpy as anp
import scirs_ad.scipy.linalg as sla
import scirs_ad.scipy.sparse.linalg as ssl

RNG = np.random.default_rng(11)
TIGHT = {"atol": 0.0, "btol": 0.0, "conlim": 0.0}
B = RNG.standard_normal(6)


def matrix(m, n, kind=float):
    a = RNG.standard_normal((m, n))
    return a + 1j * RNG.standard_normal((m, n)) if kind is complex else a


def near(x, y, tol=1e-9):
    size = np.max(np.abs(y), initial=1.0)
    np.testing.assert_allclose(np.asarray(x), np.asarray(y), rtol=0, atol=tol * size)


def same_gradients(ours, theirs, *args, tol=1e-9):
    """Value, and cotangents in reverse mode."""
    x, pull = ad.vjp(ours, *args)
    y, plain = ad.vjp(theirs, *args)
    near(x, y, tol)
    ct = np.random.default_rng(0).standard_normal(np.shape(y)).astype(np.asarray(y).dtype)
    for f, g in zip(pull(ct), plain(ct), strict=True):
        near(f, g, tol)


# ------------------------------------------------------------------------------------------------ least squares
LEAST = ["lsqr", "lsmr"]


@pytest.mark.parametrize("name", LEAST)
@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("shape", [(6, 3), (6, 9), (6, 6), (6, 1)], ids=str)
def test_least_squares(name, kind, shape):
    """Against the pseudoinverse, and damped against the rows that are then below; nearest to `x0`, in all arguments."""
    a, b, x0 = matrix(*shape, kind), matrix(6, 1, kind)[:, 0], matrix(shape[1], 1, kind)[:, 0]
    solver = getattr(ssl, name)

    def damped(a, b, d, x0):
        whole = anp.concatenate([a, d * np.eye(shape[1])])
        return x0 + np.linalg.pinv(whole) @ anp.concatenate([b - a @ x0, np.zeros(shape[1])])

    same_gradients(lambda a, b: solver(a, b, **TIGHT)[0], lambda a, b: np.linalg.pinv(a) @ b, a, b)
    args = (a, b, np.asarray(0.3), x0)
    same_gradients(lambda a, b, d, x0: solver(a, b, d, x0=x0, **TIGHT)[0], damped, *args)
    theirs = getattr(scipy.sparse.linalg, name)(a, b, 0.3, **TIGHT)
    found = solver(a, b, 0.3, **TIGHT)
    assert len(found) == len(theirs)
    near(found[0], theirs[0])
    assert solver(a, b[:, None], **TIGHT)[0].shape == (shape[1],)


@pytest.mark.parametrize("name", LEAST)
def test_least_squares_of_low_rank(name):
    """Of constant rank, along which the matrix moves."""
    factors = matrix(6, 2), matrix(2, 4)
    solver = getattr(ssl, name)
    same_gradients(lambda u, v, b: solver(u @ v, b, **TIGHT)[0],
                   lambda u, v, b: np.linalg.pinv(v) @ (np.linalg.pinv(u) @ b), *factors, B, tol=1e-8)  # fmt: skip


@pytest.mark.parametrize("name", LEAST)
def test_norms_of_residuals(name):
    a = matrix(6, 3)
    places = {"lsqr": {"r1": 3, "r2": 4, "slope": 7, "size": 8}, "lsmr": {"r2": 3, "slope": 4, "size": 7}}[name]

    def x_of(a, b, d):
        return np.linalg.solve(a.T @ a + d**2 * np.eye(3), a.T @ b)

    expected = {
        "r1": lambda a, b, d: np.linalg.norm(b - a @ x_of(a, b, d)),
        "r2": lambda a, b, d: anp.sqrt(np.sum((b - a @ x_of(a, b, d)) ** 2) + d**2 * np.sum(x_of(a, b, d) ** 2)),
        "size": lambda a, b, d: np.linalg.norm(x_of(a, b, d)),
    }
    for key, f in expected.items():
        if key in places:
            same_gradients(
                lambda a, b, d, k=key: getattr(ssl, name)(a, b, d, **TIGHT)[places[k]], f, a, B, np.asarray(0.4)
            )
    assert getattr(ssl, name)(a, B, 0.4, **TIGHT)[places["slope"]] < 1e-13


@pytest.mark.parametrize("name", LEAST)
def test_least_squares_without_a_matrix(name):
    """Operators, with and without an adjoint, of parameters; sparse ones, of their elements, and constants."""
    solver, t = getattr(ssl, name), RNG.uniform(size=6)

    def product(v, c):
        return c[1] * t * v[1] + v[0] * np.exp(-t * c[1])

    def dense(c):
        return anp.stack([np.exp(-t * c[1]), c[1] * t], axis=1)

    def adjoint(u, c):
        return anp.stack([np.sum(np.exp(-t * c[1]) * u), np.sum(c[1] * t * u)])

    c = np.array([0.5, 1.5])
    for more in ((), (adjoint,)):
        same_gradients(lambda c, b, more=more: solver(ssl.LinearOperator((6, 2), product, *more, args=(c,)), b, 0.1, **TIGHT)[0],
                       lambda c, b: solver(dense(c), b, 0.1, **TIGHT)[0], c, B)  # fmt: skip
    check(lambda c, b: solver(ssl.LinearOperator((6, 2), product, args=(c,)), b, **TIGHT)[0], c, B, tol=1e-6)
    pattern = scipy.sparse.csc_array(matrix(6, 3) * (RNG.uniform(size=(6, 3)) < 0.7) + np.eye(6, 3))
    places = pattern.indices, np.repeat(np.arange(3), np.diff(pattern.indptr))

    same_gradients(lambda d, b: solver(ssl.SparseMatrix(d, pattern), b, **TIGHT)[0],
                   lambda d, b: solver(_filled(d, places), b, **TIGHT)[0], pattern.data, B)  # fmt: skip
    for constant in (pattern, scipy.sparse.linalg.aslinearoperator(pattern)):
        same_gradients(
            lambda b, a=constant: solver(a, b, **TIGHT)[0], lambda b: np.linalg.pinv(pattern.toarray()) @ b, B
        )
        check(lambda b, a=constant: solver(a, b, **TIGHT)[0], B)


def _filled(data, places):
    a = anp.zeros((6, 3))
    a[places] = data
    return a


@pytest.mark.parametrize("name", LEAST)
def test_least_squares_that_do_not_converge(name):
    """By the limit of iterations, by `conlim`, and in the adjoint solve of a derivative."""
    hard = np.vander(np.linspace(0, 1, 12), 10)
    solver, limit = getattr(ssl, name), {"lsqr": "iter_lim", "lsmr": "maxiter"}[name]
    with pytest.warns(ssl.NotConvergedWarning, match=f"{name}: no convergence after 3") as seen:
        _, istop, itn, *_ = solver(hard, np.ones(12), **TIGHT, **{limit: 3})
    assert istop == 7 and itn == 3 and len(seen[0].message.history) == 3
    with pytest.raises(ssl.NotConverged, match=r"the limit of iterations.*history") as error:
        solver(hard, np.ones(12), **TIGHT, **{limit: 3}, on_failure="raise")
    assert all(h > 0 for h in error.value.history)
    with pytest.raises(ssl.NotConverged, match="conlim is exceeded"):
        solver(hard, np.ones(12), atol=0, btol=0, conlim=10.0, on_failure="raise")
    few = {"atol": 1e-14, "btol": 1e-14, "conlim": 0, limit: 2}
    b = np.zeros(12)
    with pytest.raises(ssl.NotConverged, match="adjoint, for a derivative"):
        ad.grad(lambda b: np.sum(solver(hard, b, **few, on_failure="raise")[0]))(b)


def test_a_matrix_written_to_before_the_derivative():
    for solver in (ssl.lsqr, ssl.gmres):
        a = scipy.sparse.csr_array(4 * np.eye(6) + np.eye(6, k=1))
        _, pull = ad.vjp(lambda b, a=a, solver=solver: solver(a, b)[0], B)
        a.data[:] = 2.0
        with pytest.raises(RuntimeError, match="has been written to since"):
            pull(B)


def test_nothing_to_solve():
    for solver in (ssl.lsqr, ssl.lsmr):
        assert solver(np.zeros((0, 2)), np.zeros(0))[0].shape == (2,)
        assert solver(np.zeros((2, 0)), np.zeros(2))[0].shape == (0,)
        near(solver(np.zeros((3, 2)), np.ones(3))[0], np.zeros(2))


# ------------------------------------------------------------------------------------------------ partial spectra
def hermitian(n, kind=float):
    a = matrix(n, n, kind) / 4
    return a + a.conj().T + np.diag(3.0 * np.arange(n) - n)


def projector(v):
    return v @ np.conj(v.T)


CHOICES = {"LA": slice(-3, None), "SA": slice(0, 3), "BE": [0, -2, -1]}


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("which", CHOICES)
def test_eigsh(which, kind):
    """Values and vectors, as of the whole spectrum; of second order; also of generalised problems."""
    if kind is complex and which == "BE":
        with pytest.raises(ValueError, match="which"):
            ssl.eigsh(hermitian(8, kind), 3, which=which)
        return
    a, m = hermitian(8, kind), hermitian(8, kind) / 20 + 3 * np.eye(8)
    some = CHOICES[which]
    for args in ((a,), (a, m)):

        def ours(*args):
            w, v = ssl.eigsh(args[0], 3, *args[1:], which=which)
            return anp.concatenate([anp.ravel(v[:, :2] @ np.conj(v[:, :2].T)), 1.0 * w])

        def theirs(*args):
            w, v = sla.eigh(*[(x + np.conj(x.T)) / 2 for x in args])
            w, v = w[some], v[:, some]
            return anp.concatenate([anp.ravel(v[:, :2] @ np.conj(v[:, :2].T)), 1.0 * w])

        same_gradients(ours, theirs, *args)
        check(ours, *args, order=2, tol=1e-6)
    w = ssl.eigsh(a, 3, which=which, return_eigenvectors=False)
    near(w, np.linalg.eigvalsh(a)[some])


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("largest", [True, False])
def test_lobpcg(largest, kind):
    """Values in SciPy's order and vectors, as of the whole spectrum; generalised problems; a preconditioner."""
    n = 20
    a, m = hermitian(n, kind), hermitian(n, kind) / 40 + 3 * np.eye(n)
    start = RNG.standard_normal((n, 3))
    some = [-1, -2, -3] if largest else [0, 1, 2]
    inverse = np.diag(1 / (np.abs(np.diag(a).real) + 1))
    for args in ((a,), (a, m)):

        def ours(*args, M=None):
            w, v = ssl.lobpcg(args[0], start, *args[1:], M=M, largest=largest, tol=1e-12, maxiter=400)
            return anp.concatenate([anp.ravel(v[:, :2] @ np.conj(v[:, :2].T)), 1.0 * w])

        def theirs(*args):
            w, v = sla.eigh(*[(x + np.conj(x.T)) / 2 for x in args])
            w, v = w[some], v[:, some]
            return anp.concatenate([anp.ravel(v[:, :2] @ np.conj(v[:, :2].T)), 1.0 * w])

        same_gradients(ours, theirs, *args, tol=1e-7)
        same_gradients(lambda *args, ours=ours: ours(*args, M=inverse), theirs, *args, tol=1e-7)
    d, sparse = np.arange(1.0, n + 1) ** 1.5, scipy.sparse.csr_array(a)
    np.testing.assert_allclose(ssl.lobpcg(sparse, start, largest=largest, tol=1e-10, maxiter=400)[0],
                               np.linalg.eigvalsh(a)[some], rtol=1e-8)  # fmt: skip
    free = lambda d: ssl.lobpcg(ssl.LinearOperator((n, n), lambda v, d: v.T.__mul__(d).T if v.ndim > 1 else d * v, args=(d,)),  # noqa: E731
                                start, largest=largest, tol=1e-11, maxiter=400)[0][0]  # fmt: skip
    near(ad.grad(free)(d), np.eye(n)[-1 if largest else 0], 1e-7)


def test_bad_input_of_lobpcg():
    a, x = np.diag(np.arange(1.0, 31.0)), RNG.standard_normal((30, 2))
    for call, error, match in [
        (lambda: ssl.lobpcg(a, x, Y=x), NotImplementedError, "constraints Y"),
        (lambda: ssl.lobpcg(a, x, retLambdaHistory=True), NotImplementedError, "histories"),
        (lambda: ssl.lobpcg(a, x[:9]), ValueError, r"X must have shape \(30, k\)"),
        (lambda: ssl.lobpcg(a[:, :9], x), ValueError, "expected square matri"),
        (lambda: ssl.lobpcg(a, x, np.eye(3)), ValueError, "lobpcg: B has shape"),
        (lambda: ssl.lobpcg(scipy.sparse.csr_array(a + np.eye(30, k=1)), x), np.linalg.LinAlgError, "not Hermitian"),
        (lambda: ssl.lobpcg(a * np.nan, x), ValueError, "infs or NaNs"),
        (lambda: ssl.lobpcg(a, x, tol=1e-10, maxiter=2, on_failure="raise"), ssl.NotConverged, "0 of 2 values"),
        (lambda: ssl.lobpcg(a, x, on_failure="no"), ValueError, "on_failure"),
    ]:
        with pytest.raises(error, match=match):
            call()
    with pytest.warns(ssl.NotConvergedWarning, match="lobpcg: no convergence"):
        ssl.lobpcg(a, x, tol=1e-10, maxiter=2)


def test_eigsh_near_a_value():
    a = hermitian(9)
    for form in (lambda x: x, lambda x: ssl.LinearOperator((9, 9), lambda v, x: x @ v, args=((x + x.T) / 2,))):

        def ours(a, form=form):
            w, v = ssl.eigsh(form(a), 3, sigma=0.1)
            return anp.concatenate([w, anp.ravel(projector(v[:, :1]))])

        order = np.sort(np.argsort(np.abs(np.linalg.eigvalsh(a) - 0.1))[:3])

        def theirs(a, order=order):
            w, v = np.linalg.eigh(a)
            return anp.concatenate([w[order], anp.ravel(projector(v[:, order[:1]]))])

        same_gradients(ours, theirs, a, tol=1e-8)


def test_eigsh_without_a_matrix():
    """A tridiagonal matrix of its diagonals, as an operator, and as a sparse matrix of its elements; a sparse mass."""
    d, e = np.arange(1.0, 9.0) ** 1.5, 0.3 + RNG.uniform(size=7)

    def product(v, d, e):
        zero = np.zeros(1)
        return d * v + anp.concatenate([e * v[1:], zero]) + anp.concatenate([zero, e * v[:-1]])

    def free(d, e):
        w, v = ssl.eigsh(ssl.LinearOperator((8, 8), product, args=(d, e)), 2, which="SA")
        return anp.concatenate([w, v[:, 0] ** 2])

    def dense(d, e):
        w, v = np.linalg.eigh(anp.diag(d) + anp.diag(e, 1) + anp.diag(e, -1))
        return anp.concatenate([w[:2], v[:, 0] ** 2])

    same_gradients(free, dense, d, e)
    check(free, d, e, tol=1e-6)
    pattern = scipy.sparse.diags_array([np.ones(7), np.ones(8), np.ones(7)], offsets=[-1, 0, 1]).tocsc()
    mass = scipy.sparse.diags_array(np.arange(2.0, 10.0)).tocsc()

    def data(d, e):
        """In the order of columns: e[j - 1], d[j], e[j]."""
        rows = anp.stack([anp.concatenate([np.zeros(1), e]), d, anp.concatenate([e, np.zeros(1)])], axis=1)
        return anp.ravel(rows)[1:-1]

    for m, whole in ((None, np.eye(8)), (mass, mass.toarray())):

        def sparse(d, e, m=m):
            w, v = ssl.eigsh(ssl.SparseMatrix(data(d, e), pattern), 2, m, which="SA")
            return anp.concatenate([w, v[:, 0] ** 2])

        def weighed(d, e, whole=whole):
            w, v = sla.eigh(anp.diag(d) + anp.diag(e, 1) + anp.diag(e, -1), whole)
            return anp.concatenate([w[:2], v[:, 0] ** 2])

        same_gradients(sparse, weighed, d, e)
    found = ad.grad(lambda x: ssl.eigsh(ssl.SparseMatrix(x, pattern), 1, which="SA")[0][0])(np.asarray(data(d, e)))
    v = np.linalg.eigh(pattern.toarray() * 0 + np.diag(d) + np.diag(e, 1) + np.diag(e, -1))[1][:, 0]
    near(found, np.outer(v, v)[pattern.indices, np.repeat(np.arange(8), np.diff(pattern.indptr))])
    w, v = ssl.eigsh(scipy.sparse.csr_array(np.diag(d)), 2)  # a constant
    near(w, np.sort(d)[-2:])
    masses = np.arange(2.0, 10.0)
    same_gradients(lambda m: ssl.eigsh(np.diag(d), 2, ssl.LinearOperator((8, 8), lambda v, m: m * v, args=(m,)), which="LA",
                                       Minv=np.diag(1 / masses))[0],
                   lambda m: np.sort(d / m)[-2:], masses)  # fmt: skip


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("shape", [(7, 5), (5, 7), (6, 6)], ids=str)
def test_svds(shape, kind):
    a = matrix(*shape, kind) + 3 * np.eye(*shape) * np.arange(shape[1])
    less = slice(-2, None)

    def parts(u, s, vh):
        return anp.concatenate(
            [anp.ravel((u * s**2) @ vh), 1.0 * s, anp.ravel(projector(u[:, :1])), anp.ravel(np.conj(vh[:1].T) @ vh[:1])]
        )

    def theirs(a):
        u, s, vh = np.linalg.svd(a, full_matrices=False)
        order = np.array([1, 0])
        return parts(u[:, order], s[order], vh[order])

    for solver in ("arpack", "propack"):
        same_gradients(lambda a, solver=solver: parts(*ssl.svds(a, 2, solver=solver)), theirs, a, tol=1e-8)
    check(lambda a: parts(*ssl.svds(a, 2)), a, tol=1e-6)
    near(ssl.svds(a, 2, return_singular_vectors=False), np.linalg.svdvals(a)[::-1][less])
    u, s, none = ssl.svds(a, 2, return_singular_vectors="u")
    assert none is None and u.shape == (shape[0], 2)
    assert ssl.svds(a, 2, return_singular_vectors="vh")[0] is None
    smallest = ssl.svds(a, 2, which="SM", return_singular_vectors=False)
    near(smallest, np.linalg.svdvals(a)[::-1][:2], 1e-7)


@pytest.mark.parametrize("kind", [float, complex])
def test_all_but_one(kind):
    """More than ARPACK can find of complex matrices."""
    a = hermitian(4, kind)
    w = np.linalg.eigvalsh(a)
    size = np.argsort(np.abs(w))
    expected = {"LM": np.sort(size[1:]), "SM": np.sort(size[:3]), "LA": [1, 2, 3], "SA": [0, 1, 2]}
    for which, some in expected.items():
        near(ssl.eigsh(a, 3, which=which)[0], w[some])
        near(ssl.eigsh(a, 3, np.eye(4), which=which, return_eigenvectors=False), w[some])
    near(ssl.eigsh(a, 3, sigma=w[1] + 0.01)[0], np.sort(w[np.argsort(np.abs(w - w[1] - 0.01))[:3]]))
    near(ssl.eigsh(np.eye(2, dtype=kind) * [1, 2], 1)[0], [2.0])
    b = matrix(5, 4, kind)
    s = np.linalg.svdvals(b)[::-1]
    near(ssl.svds(b, 3)[1], s[1:])
    near(ssl.svds(b, 3, which="SM", return_singular_vectors=False), s[:3], 1e-7)

    def ours(b):
        u, s, vh = ssl.svds(b, 3)
        return anp.ravel((u * s**2) @ vh)

    def theirs(b):
        u, s, vh = np.linalg.svd(b, full_matrices=False)
        return anp.ravel((u[:, :3] * s[:3] ** 2) @ vh[:3])

    same_gradients(ours, theirs, b)


def test_svds_without_a_matrix():
    c, t = np.array([1.0, 0.5]), RNG.uniform(size=(6, 4))

    def ours(c):
        operator = ssl.LinearOperator((6, 4), lambda v, c: c[0] * (t @ v) + c[1] * (t**2 @ v), args=(c,))
        u, s, _ = ssl.svds(operator, 2)
        return anp.concatenate([s, u[:, 1] ** 2])

    def theirs(c):
        u, s, _ = np.linalg.svd(c[0] * t + c[1] * t**2, full_matrices=False)
        return anp.concatenate([s[1::-1], u[:, 0] ** 2])

    same_gradients(ours, theirs, c)
    check(ours, c, tol=1e-6)


def test_equal_values():
    """Among those found exact for what does not depend on the choice of vectors, else a word; where they are cut, too."""
    q = np.linalg.qr(matrix(7, 7))[0]
    a = q @ np.diag([9.0, 9.0, 5.0, 5.0, 3.0, 2.0, 1.0]) @ q.T
    weight = matrix(7, 7)

    def both(a, k=2):
        return np.sum(weight * projector(ssl.eigsh(a, k)[1]))

    w, v = np.linalg.eigh(a)
    first, other = v[:, 5:], v[:, :5]
    c = weight + weight.T
    share = first @ ((first.T @ c @ other) / (9.0 - w[:5])) @ other.T
    near(ad.grad(both)(a), (share + share.T) / 2, 1e-8)
    near(ad.grad(lambda a: np.sum(ssl.eigsh(a, 2)[0]))(a), projector(first), 1e-8)
    with pytest.warns(sla.DegenerateWarning, match=r"eigsh: .*values 0 and 1"):
        ad.grad(lambda a: np.sum(weight * projector(ssl.eigsh(a, 2)[1][:, :1])))(a)
    with pytest.raises(np.linalg.LinAlgError, match=r"eigsh: .*values 0 and 1"):
        ad.grad(lambda a: np.sum(weight * projector(ssl.eigsh(a, 2, degenerate="raise")[1][:, :1])))(a)
    with pytest.raises(np.linalg.LinAlgError, match=r"svds: .*values 0 and 1"):
        ad.grad(lambda a: np.sum(weight * projector(ssl.svds(a, 2, degenerate="raise")[0][:, :1])))(a)
    with pytest.warns(
        sla.DegenerateWarning, match="eigsh: .*that was found and one that was not differ by .*a larger k"
    ):
        g = ad.grad(lambda a: both(a, 3))(a)
    assert np.max(np.abs(g)) < 1e2
    for solver in (lambda a, **how: ssl.eigsh(a, 3, **how)[1], lambda a, **how: ssl.svds(a, 3, **how)[0]):
        with pytest.raises(np.linalg.LinAlgError, match="a larger k has both"):
            ad.grad(lambda a, solver=solver: np.sum(weight * projector(solver(a, degenerate="raise"))))(a)
    near(ad.grad(lambda a: np.sum(ssl.eigsh(a, 4)[1] ** 2))(a), 0 * a, 1e-7)


def test_partial_spectra_that_do_not_converge():
    a = np.diag(np.linspace(1.0, 1.001, 60)) + 1e-4 * hermitian(60)
    with pytest.raises(ssl.NotConverged, match=r"eigsh: no convergence: . of 6 values"):
        ssl.eigsh(a, maxiter=1, ncv=7, on_failure="raise")
    with pytest.warns(ssl.NotConvergedWarning, match="the others are nan"):
        w, _ = ssl.eigsh(a, maxiter=1, ncv=7)
    assert np.any(np.isnan(w))
    with pytest.raises(ssl.NotConverged, match="svds: no convergence"):
        ssl.svds(a, maxiter=1, ncv=7, on_failure="raise")
    with pytest.warns(ssl.NotConvergedWarning, match="svds: no convergence"):
        assert np.all(np.isnan(ssl.svds(a, maxiter=1, ncv=7, return_singular_vectors=False)))


def test_partial_spectra_mapped_and_compiled():
    a = np.stack([hermitian(6), hermitian(6)])

    def f(a):
        w, v = ssl.eigsh(a, 2, which="SA")
        return np.sum(w * v[0] ** 2) + np.sum(ssl.svds(a, 2)[1] ** 2)

    g = ad.vmap(ad.grad(f))(a)
    for k in range(2):
        near(g[k], ad.grad(f)(a[k]))
    near(ad.compile(ad.grad(f))(a[0]), g[0])
    near(ad.grad(lambda a: np.sum(ad.vmap(f)(a)))(a), g)


# ------------------------------------------------------------------------------------------------ sparse triangles
@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("unit", [True, False])
@pytest.mark.parametrize("kind", [float, complex])
def test_spsolve_triangular(lower, unit, kind):
    a = matrix(6, 6, kind) * (RNG.uniform(size=(6, 6)) < 0.6) + 4 * np.eye(6)
    a = np.tril(a) if lower else np.triu(a)
    pattern, b = scipy.sparse.csc_array(a), matrix(6, 2, kind)
    places = pattern.indices, np.repeat(np.arange(6), np.diff(pattern.indptr))
    for right in (b, b[:, 0]):
        x, pull = ad.vjp(
            lambda d, b: ssl.spsolve_triangular(ssl.SparseMatrix(d, pattern), b, lower, unit_diagonal=unit),
            pattern.data,
            right,
        )
        y, plain = ad.vjp(lambda a, b: sla.solve_triangular(a, b, lower=lower, unit_diagonal=unit), a, right)
        near(x, y)
        to_data, to_b = pull(right)
        near(to_data, plain(right)[0][places])
        near(to_b, plain(right)[1])
    found = ssl.spsolve_triangular(scipy.sparse.csr_array(a), b, lower, unit_diagonal=unit)
    near(found, sla.solve_triangular(a, b, lower=lower, unit_diagonal=unit))
    check(
        lambda d, b: ssl.spsolve_triangular(ssl.SparseMatrix(d, pattern), b, lower, unit_diagonal=unit), pattern.data, b
    )


LOW = scipy.sparse.csc_array(np.tril(np.ones((3, 3))))


@pytest.mark.parametrize(
    ("error", "match", "call"),
    [
        (np.linalg.LinAlgError, "not upper triangular", lambda: ssl.spsolve_triangular(LOW, np.ones(3), lower=False)),
        (np.linalg.LinAlgError, "not lower triangular", lambda: ssl.spsolve_triangular(LOW.T, np.ones(3))),
        (np.linalg.LinAlgError, "spsolve_triangular: A is singular",
         lambda: ssl.spsolve_triangular(scipy.sparse.csc_array(np.diag([1.0, 0.0])), np.ones(2))),
        (np.linalg.LinAlgError, "spsolve_triangular: matrix 1 of the batch",
         lambda: ad.vmap(lambda d: ssl.spsolve_triangular(ssl.SparseMatrix(d, scipy.sparse.eye_array(2)), np.ones(2)))(np.eye(2) + [[0, 1], [0, 0]])),
        (np.linalg.LinAlgError, "spsolve: matrix 1 of the batch",
         lambda: ad.vmap(lambda d: ssl.spsolve(ssl.SparseMatrix(d, scipy.sparse.eye_array(2)), np.ones(2)))(np.eye(2) + [[0, 1], [0, 0]])),
        (TypeError, "sparse", lambda: ssl.spsolve_triangular(np.eye(3), np.ones(3))),
        (ValueError, "square", lambda: ssl.spsolve_triangular(scipy.sparse.csc_array((2, 3)), np.ones(2))),
        (ValueError, "incompatible", lambda: ssl.spsolve_triangular(LOW, np.ones(2))),
        (ValueError, "square", lambda: ssl.spsolve(ssl.SparseMatrix(np.ones(2), scipy.sparse.eye_array(2, 3)), np.ones(2))),
        (ValueError, "a matrix", lambda: ssl.SparseMatrix(np.ones(2), scipy.sparse.coo_array(np.ones(2)))),
        (ValueError, "incompatible", lambda: ssl.lsqr(np.ones((3, 2)), np.ones(2))),
        (ValueError, "incompatible", lambda: ssl.lsmr(np.ones((3, 2)), np.ones(3), x0=np.ones(3))),
        (ValueError, "damp must be a number", lambda: ssl.lsqr(np.ones((3, 2)), np.ones(3), damp=np.ones(2))),
        (ValueError, "infs or NaNs", lambda: ssl.lsqr(np.ones((3, 2)), np.full(3, np.inf))),
        (ValueError, "a matrix", lambda: ssl.lsqr(np.ones(3), np.ones(3))),
        (ValueError, "on_failure", lambda: ssl.lsmr(np.ones((3, 2)), np.ones(3), on_failure="hope")),
        (ValueError, "on_failure", lambda: ssl.eigsh(np.eye(3), 1, on_failure="hope")),
        (ValueError, "square", lambda: ssl.eigsh(np.ones((3, 2)), 1)),
        (ValueError, "square", lambda: ssl.eigsh(scipy.sparse.csr_array((3, 2)), 1)),
        (ValueError, "infs or NaNs", lambda: ssl.eigsh(np.full((3, 3), np.nan), 1)),
        (ValueError, "infs or NaNs", lambda: ssl.eigsh(scipy.sparse.csr_array(np.full((3, 3), np.nan)), 1)),
        (ValueError, "infs or NaNs", lambda: ssl.svds(scipy.sparse.csr_array(np.full((3, 3), np.nan)), 1)),
        (np.linalg.LinAlgError, "A is not Hermitian", lambda: ssl.eigsh(scipy.sparse.csr_array(np.tri(4)), 1)),
        (np.linalg.LinAlgError, "M is not Hermitian", lambda: ssl.eigsh(np.eye(4), 1, scipy.sparse.csr_array(np.tri(4)))),
        (ValueError, "wrong M dimensions", lambda: ssl.eigsh(np.eye(4), 1, np.eye(3))),
        (ValueError, "less than 4, not 4", lambda: ssl.eigsh(np.eye(4), 4)),
        (ValueError, "less than 3, not 0", lambda: ssl.svds(np.ones((3, 4)), 0)),
        (TypeError, "k must be an integer", lambda: ssl.svds(np.ones((3, 4)), 1.5)),
        (ValueError, "return_singular_vectors", lambda: ssl.svds(np.ones((3, 4)), 1, return_singular_vectors="v")),
        (NotImplementedError, "mode='buckling'", lambda: ssl.eigsh(np.eye(4), 1, sigma=2.0, mode="buckling")),
    ],
)  # fmt: skip
def test_bad_input(error, match, call):
    with pytest.raises(error, match=match):
        call()
