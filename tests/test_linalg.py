"""Linear algebra beyond the laws: gauges, degenerate and singular matrices, empty ones, NumPy's and SciPy's names."""

import numpy as np
import pytest
import scipy.linalg
from derivatives import check

import scirs_ad as ad
import scirs_ad.numpy as anp
import scirs_ad.scipy.linalg as sla
from scirs_ad.testing import check_grads

RNG = np.random.default_rng(7)


def real(*shape):
    return RNG.standard_normal(shape)


def complexes(*shape):
    return real(*shape) + 1j * real(*shape)


def positive(n, *lead):
    a = real(*lead, n, n)
    return a @ np.swapaxes(a, -1, -2) + n * np.eye(n)


def close(a, b, tol=1e-10):
    np.testing.assert_allclose(a, b, rtol=tol, atol=tol)


# ------------------------------------------------------------------------------------------------ values are NumPy's
SAME = {
    "solve": (real(2, 3, 3), real(3, 2)), "solve vector": (real(3, 3), real(3)), "inv": (real(2, 3, 3),),
    "det": (real(2, 3, 3),), "slogdet": (complexes(3, 3),), "cholesky": (positive(3, 2),), "eigh": (positive(3),),
    "eigvalsh": (positive(3, 2),), "eigvals": (real(3, 3),), "svdvals": (real(2, 4, 3),), "pinv": (real(4, 2),),
    "cond": (real(3, 3),), "norm": (real(2, 3),), "matrix_norm": (real(2, 3, 4),), "vector_norm": (real(2, 3),),
    "trace": (real(2, 3, 4),), "diagonal": (real(2, 3, 4),), "matrix_transpose": (real(2, 3, 4),),
    "cross": (real(2, 3), real(3)), "outer": (real(3), real(2)), "multi_dot": ([real(2, 5), real(5, 3), real(3)],),
    "tensorinv": (real(4, 2, 2), 1), "tensorsolve": (real(2, 2, 4), real(2, 2)), "vecdot": (real(2, 3), real(3)),
    "matrix_power": (real(3, 3), -2), "matrix_rank": (np.ones((3, 3)),),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_numpy_names(name):
    """The door, and NumPy's own function given a Variable, have NumPy's values."""
    function = name.split()[0]
    args = SAME[name]
    expected = getattr(np.linalg, function)(*args)

    def wrap(a):
        if isinstance(a, list):
            return [wrap(x) for x in a]
        return ad.Variable(a) if isinstance(a, np.ndarray) else a

    wrapped = [wrap(a) for a in args]
    for found in (getattr(anp.linalg, function)(*args), getattr(np.linalg, function)(*wrapped)):
        pairs = zip(found, expected, strict=True) if isinstance(expected, tuple) else [(found, expected)]
        for y, z in pairs:
            close(np.asarray(ad.value(y)), z)


@pytest.mark.parametrize("offset", [-3, -2, 0, 1, 3, 5])
def test_diagonal_offsets(offset):
    a = real(2, 3, 4)
    close(anp.linalg.diagonal(a, offset=offset), np.linalg.diagonal(a, offset=offset))
    if -3 < offset < 4:
        check_grads(lambda x: anp.linalg.trace(x, offset=offset), (a,))


@pytest.mark.parametrize("order", [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
def test_norms(order):
    a = real(3, 2)
    close(anp.linalg.norm(a, order), np.linalg.norm(a, order))
    check_grads(lambda x: anp.linalg.norm(x, order), (a,), order=1)
    for axis in [(0, 1), (-1, 0)]:
        close(anp.linalg.norm(a, order, axis, True), np.linalg.norm(a, order, axis, True))


@pytest.mark.parametrize("order", [None, 1, 2, 3.5, 0.5, np.inf, -np.inf])
def test_vector_norms(order):
    a = real(3, 2)
    close(anp.linalg.norm(a, order, 0), np.linalg.norm(a, order, 0))
    check_grads(lambda x: anp.linalg.norm(x, order, 1), (a,), order=1)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("order", [None, 2, -2, 1, -1, 3, np.inf, -np.inf, "fro", "nuc"])
def test_norm_at_zero(order, compiled):
    gradient = ad.grad(lambda v: anp.linalg.norm(v, order))
    gradient = ad.compile(gradient) if compiled else gradient
    for shape in [(3,)] * (type(order) is not str) + [(2, 2), (2, 3)] * (order != 3):
        close(gradient(np.zeros(shape)), 0)


def test_nuclear_norm_of_a_singular_matrix():
    close(ad.grad(lambda a: anp.linalg.norm(a, "nuc"))(np.diag([2.0, 1.0, 0.0])), np.diag([1.0, 1.0, 0.0]))


# ------------------------------------------------------------------------------------------------ derivatives
FUNCTIONS = {
    "solve": (anp.linalg.solve, (real(3, 3), real(3))),
    "solve batch": (anp.linalg.solve, (real(2, 3, 3), real(3, 2))),
    "solve complex": (anp.linalg.solve, (complexes(3, 3), complexes(3, 1))),
    "inv": (anp.linalg.inv, (complexes(3, 3),)),
    "slogdet": (lambda a: anp.linalg.slogdet(a)[1], (complexes(3, 3),)),
    "cholesky": (anp.linalg.cholesky, (positive(3, 2),)),
    "cholesky upper": (lambda a: anp.linalg.cholesky(a, upper=True), (positive(3),)),
    "lstsq tall": (lambda a, b: anp.linalg.lstsq(a, b)[0], (real(5, 3), real(5))),
    "lstsq residuals": (lambda a, b: anp.linalg.lstsq(a, b)[1], (real(5, 3), real(5, 2))),
    "lstsq wide": (lambda a, b: anp.linalg.lstsq(a, b)[0], (real(2, 4), real(2, 2))),
    "qr": (lambda a: anp.linalg.qr(a), (real(4, 3),)),
    "qr wide": (lambda a: anp.linalg.qr(a), (real(2, 4),)),
    "qr r": (lambda a: anp.linalg.qr(a, "r"), (real(3, 3),)),
    "eigvals": (lambda a: anp.sum(anp.linalg.eigvals(a) ** 3), (real(3, 3),)),
    "matrix_power": (lambda a: anp.linalg.matrix_power(a, 5), (0.5 * real(3, 3),)),
    "matrix_power negative": (lambda a: anp.linalg.matrix_power(a, -3), (real(3, 3) + 3 * np.eye(3),)),
    "cond": (anp.linalg.cond, (real(3, 3),)), "cond fro": (lambda a: anp.linalg.cond(a, "fro"), (real(3, 3),)),
    "multi_dot": (lambda a, b, c: anp.linalg.multi_dot([a, b, c]), (real(2, 3), real(3, 4), real(4))),
    "tensorsolve": (anp.linalg.tensorsolve, (real(2, 2, 4), real(2, 2))),
    "cross": (anp.linalg.cross, (real(2, 3), real(3))),
    "solve_triangular": (lambda a, b: sla.solve_triangular(a, b, trans="T", lower=True), (positive(3), real(3))),
    "cho_solve": (lambda a, b: sla.cho_solve(sla.cho_factor(a), b), (positive(3), real(3))),
    "lu": (lambda a, b: sla.lu_solve(sla.lu_factor(a), b, 1), (real(3, 3), real(3))),
    "solve pos": (lambda a, b: sla.solve(a, b, assume_a="pos", lower=True), (positive(3), real(3))),
    "solve sym": (lambda a, b: sla.solve(a, b, assume_a="sym"), (positive(3) - 5 * np.eye(3), real(3, 2))),
    "generalised eigh": (lambda a, b: sla.eigh(a, b, eigvals_only=True), (positive(3), positive(3))),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives(name):
    function, args = FUNCTIONS[name]
    check_grads(function, args)


@pytest.mark.parametrize("make", [real, complexes], ids=["real", "complex"])
@pytest.mark.parametrize("shape", [(3, 3), (5, 3), (3, 5), (1, 1)], ids=str)
def test_svd_without_gauge(make, shape):
    """What does not depend on signs, phases and the choice of the further vectors."""
    a, w, z = make(*shape), make(shape[0], shape[0]), make(shape[1], shape[1])

    def f(x):
        u, s, vh = anp.linalg.svd(x)
        k = s.shape[-1]
        kernel = u[:, k - 1 :] @ anp.conj(u[:, k - 1 :].T)
        rows = anp.conj(vh[: k - 1].T) @ vh[: k - 1]
        total = anp.sum(anp.real(w * kernel)) + anp.sum(anp.real(z * rows)) + anp.sum(s**3)
        return total + anp.sum(anp.real(anp.abs(u[:, :k] * s) ** 2 @ anp.abs(vh[:k]) ** 2))

    check_grads(f, (a,))


@pytest.mark.parametrize("make", [real, complexes], ids=["real", "complex"])
def test_eigh_without_gauge(make):
    a, w = make(4, 4), make(4, 4)

    def f(x):
        values, v = anp.linalg.eigh(x)
        return anp.sum(anp.real(w * (v[:, :2] @ anp.conj(v[:, :2].T)))) + anp.sum(values[1:3] ** 3)

    check_grads(f, (a,))


@pytest.mark.parametrize("make", [real, complexes], ids=["real", "complex"])
def test_eig_without_gauge(make):
    a, w = make(3, 3) + np.diag([1.0, 3.0, 6.0]), complexes(3, 3)

    def f(x):
        values, v = anp.linalg.eig(x)
        back = (v * values**3) @ anp.linalg.inv(v)  # x cubed
        return anp.sum(anp.real(w * back)) + anp.sum(anp.abs(v) ** 4)

    check_grads(f, (a,), order=1)


def test_complete_qr():
    a, w = real(5, 2), real(5, 5)

    def f(x):
        q, r = anp.linalg.qr(x, "complete")
        assert q.shape == (5, 5)
        assert r.shape == (5, 2)
        return anp.sum(w * (q[:, 2:] @ q[:, 2:].T)) + anp.sum((q @ r) ** 3) + anp.sum(anp.abs(r))

    check_grads(f, (a,))


# ------------------------------------------------------------------------------------------------ degenerate, singular
def test_equal_eigenvalues():
    """Symmetric functions of equal eigenvalues are smooth: tr(a^3) and the projector on a degenerate subspace."""
    q, _ = np.linalg.qr(real(4, 4))
    a = (q * [1.0, 1.0, 1.0, 3.0]) @ q.T

    def cube(x):
        w, v = anp.linalg.eigh(x)
        return anp.sum(real_weight * ((v * w**3) @ v.T))

    real_weight = np.eye(4)
    close(ad.grad(cube)(a), 3 * a @ a, 1e-8)
    close(ad.grad(lambda x: anp.sum(anp.linalg.eigvalsh(x) ** 3))(a), 3 * a @ a, 1e-8)
    w = positive(4)

    def projector(x):
        v = anp.linalg.eigh(x)[1][:, :3]
        return anp.sum(w * (v @ v.T))

    u = q[:, 3:]  # the complement of the subspace: d(I - u u^T), du = (3 - 1)^-1 (I - u u^T) dx u
    rest = np.eye(4) - u @ u.T
    expected = -rest @ w @ u @ u.T / 2.0
    close(ad.grad(projector)(a), expected + expected.T, 1e-8)


def test_equal_singular_values():
    a = np.diag([2.0, 2.0, 1.0])
    close(ad.grad(lambda x: anp.sum(anp.linalg.svd(x, compute_uv=False) ** 4))(a), 4 * a**3, 1e-9)

    def f(x):
        u, s, vh = anp.linalg.svd(x)
        return anp.trace((u * s**3) @ vh) if hasattr(anp, "trace") else anp.linalg.trace((u * s**3) @ vh)

    assert np.all(np.isfinite(ad.grad(f)(a)))
    assert np.all(np.isfinite(ad.grad(lambda x: anp.sum(anp.abs(anp.linalg.eig(x)[1]) ** 2))(np.eye(3))))


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
@pytest.mark.parametrize("make", [real, complexes], ids=["real", "complex"])
def test_singular_det(rank, make):
    """The adjugate, and its derivative, at every rank."""
    a = make(4, rank) @ make(rank, 4)

    def gradient(x):
        return ad.grad(lambda y: anp.real(anp.linalg.det(y)))(x)

    if rank == 3:
        check_grads(anp.linalg.det, (a,), order=2)
        return
    # All minors of order 3 vanish, so does the first derivative; with those of order 2 the second does, too.
    close(gradient(a), 0)
    if rank == 2:
        check(gradient, a, order=1)
        return
    close(ad.hvp(lambda x: anp.real(anp.linalg.det(x)))(a, np.ones_like(a)), 0)


def test_hessian_of_det_of_zero():
    h = ad.hessian(anp.linalg.det)(np.zeros((2, 2))).reshape(4, 4)
    close(h, np.fliplr(np.diag([1.0, -1.0, -1.0, 1.0])))


def test_third_derivative_of_det():
    a, t = real(3, 3), real(3, 3)
    third = ad.grad(lambda x: anp.sum(t * ad.grad(lambda y: anp.sum(t * ad.grad(anp.linalg.det)(y)))(x)))(a)
    # det(a + s t) has the cofactors of t at s^2: differentiated twice along t, the gradient of det at t, twice
    close(third, 2 * np.linalg.det(t) * np.linalg.inv(t).T, 1e-9)


def rank_two(x, y):
    """A matrix of rank 2 for every x (4, 2) and y (2, 3)."""
    return x @ y


def test_rank_deficient():
    x, y, b = real(4, 2), real(2, 3), real(4)
    check_grads(lambda x, y: anp.linalg.pinv(rank_two(x, y)), (x, y))
    check_grads(lambda x, y, b: anp.linalg.lstsq(rank_two(x, y), b, rcond=1e-10)[0], (x, y, b))
    assert anp.linalg.lstsq(x @ y, b, rcond=1e-10)[2] == 2


# ------------------------------------------------------------------------------------------------ shapes and errors
EMPTY = {
    "inv": (0, 0), "det": (0, 0), "slogdet": (0, 3, 3), "cholesky": (0, 0), "eigh": (0, 2, 2), "eigvalsh": (0, 0),
    "eigvals": (0, 2, 2), "svdvals": (0, 3), "qr": (3, 0), "pinv": (2, 0), "norm": (0,), "trace": (0, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", EMPTY)
def test_empty(name):
    x = np.zeros(EMPTY[name])
    function, theirs = getattr(anp.linalg, name), getattr(np.linalg, name)

    def total(v):
        found = function(v)
        found = found if isinstance(found, tuple) else (found,)
        return sum(anp.sum(anp.real(y)) for y in found)

    expected = theirs(x)
    found = function(x)
    pairs = zip(found, expected, strict=True) if isinstance(expected, tuple) else [(found, expected)]
    for y, z in pairs:
        assert np.shape(y) == np.shape(z)
    assert ad.grad(total)(x).shape == x.shape


@pytest.mark.parametrize("name", ["inv", "det", "cholesky", "eigvalsh", "svdvals", "norm", "pinv", "cond"])
def test_single_precision(name):
    a = positive(3).astype(np.float32)
    function = getattr(anp.linalg, name)
    assert function(a).dtype == np.float32
    assert ad.grad(lambda x: anp.sum(function(x)))(a).dtype == np.float32


def test_symmetric_gradient():
    a = positive(3)
    for f in (anp.linalg.cholesky, anp.linalg.eigvalsh, lambda x: anp.linalg.eigh(x)[0]):
        g = ad.grad(lambda x, f=f: anp.sum(f(x) ** 2))(a)
        close(g, g.T, 1e-13)


def test_errors():
    for f in (anp.linalg.inv, anp.linalg.det, anp.linalg.cholesky, anp.linalg.eigh):
        with pytest.raises(np.linalg.LinAlgError, match=r"square.*\(2, 3\)"):
            f(np.ones((2, 3)))
    singular = np.stack([np.eye(2), np.zeros((2, 2))])
    for x in (singular, ad.Variable(singular)):
        with pytest.raises(np.linalg.LinAlgError, match="matrix 1 of the batch"):
            np.asarray(anp.linalg.solve(x, np.ones((2, 1))))
        with pytest.raises(np.linalg.LinAlgError, match="matrix 1 of the batch"):
            anp.linalg.cholesky(x)
    with pytest.raises(ValueError, match="solve"):
        sla.solve(np.eye(2), np.ones(3))
    with pytest.raises(ValueError, match="infs or NaNs"):
        sla.solve(np.eye(2) * np.nan, np.ones(2))
    with pytest.raises(ValueError, match="assume_a"):
        sla.solve(np.eye(2), np.ones(2), assume_a="round")


# ------------------------------------------------------------------------------------------------ SciPy's names
def test_scipy_values():
    a, s, b = real(4, 4), positive(4), real(4, 2)
    for assume, m in [("gen", a), ("sym", s), ("her", s), ("pos", s), ("upper triangular", a), ("diagonal", a)]:
        close(
            sla.solve(m, b, assume_a=assume),
            scipy.linalg.solve(
                np.diag(np.diag(m)) if assume == "diagonal" else np.triu(m) if "upper" in assume else m, b
            ),
        )
    close(sla.solve(a, b[:, 0], transposed=True), np.linalg.solve(a.T, b[:, 0]))
    for trans in (0, 1, 2):
        c = a + 1j * real(4, 4)
        close(sla.lu_solve(sla.lu_factor(c), b, trans), scipy.linalg.lu_solve(scipy.linalg.lu_factor(c), b, trans))
        tracked = sla.lu_solve(sla.lu_factor(ad.Variable(c)), b, trans)
        close(ad.value(tracked), scipy.linalg.lu_solve(scipy.linalg.lu_factor(c), b, trans))
        close(sla.solve_triangular(a, b, trans), scipy.linalg.solve_triangular(a, b, trans))
    close(sla.cholesky(s), scipy.linalg.cholesky(s))
    close(sla.cho_solve(sla.cho_factor(s, True), b), np.linalg.solve(s, b))
    close(sla.eigvalsh(a, s, subset_by_index=(1, 2)), scipy.linalg.eigvalsh(a, s, subset_by_index=(1, 2)))
    w, v = sla.eigh(a, s)
    close(v.T @ s @ v, np.eye(4))
    close(w, scipy.linalg.eigh(a, s)[0])
    close(sla.pinv(a[:, :2], return_rank=True)[0], scipy.linalg.pinv(a[:, :2]))
    close(sla.lstsq(a[:, :2], b[:, 0])[1], scipy.linalg.lstsq(a[:, :2], b[:, 0])[1])
    assert [x.shape for x in sla.qr(a[:, :2])] == [(4, 4), (4, 2)]


def test_one_triangle_counts():
    """SciPy reads one triangle; the gradient stays in it."""
    s, b = positive(3), real(3)
    g = ad.grad(lambda m: anp.sum(sla.solve(m, b, assume_a="pos") ** 2))(s)
    close(np.tril(g, -1), 0)
    g = ad.grad(lambda m: anp.sum(sla.solve_triangular(m, b, lower=True) ** 2))(s)
    close(np.triu(g, 1), 0)


# ------------------------------------------------------------------------------------------------ levels
def test_vmap():
    a, b = real(3, 2, 2), real(3, 2)
    close(ad.vmap(anp.linalg.solve)(a, b), np.linalg.solve(a, b[..., None])[..., 0])
    close(ad.vmap(anp.linalg.solve, in_axes=(0, None))(a, b[0]), np.linalg.solve(a, b[0][:, None])[..., 0])
    close(ad.vmap(anp.linalg.solve, in_axes=(None, 0))(a[0], b), np.linalg.solve(a[0], b.T).T)
    found = ad.vmap(ad.hessian(lambda m: anp.linalg.slogdet(m)[1]))(a)
    close(found[1], ad.hessian(lambda m: anp.linalg.slogdet(m)[1])(a[1]))
    found = ad.vmap(ad.grad(lambda m: anp.linalg.svd(m)[1][0]))(real(3, 4, 2))
    assert found.shape == (3, 4, 2)


def test_solution_factors_once(monkeypatch):
    """The derivative of a solution takes the factors of its value."""
    count = []
    kernels = ad._ops.linalg.kernels
    factor = kernels.lu_factor
    monkeypatch.setitem(kernels.__dict__, "lu_factor", lambda a: count.append(1) or factor(a))
    a, b = real(3, 3), real(3)
    ad.grad(lambda m: anp.sum(anp.linalg.solve(m, b)))(a)
    assert len(count) <= 1


@pytest.mark.parametrize(
    ("values", "whole"), [("svdvals", "svd_core"), ("eigvalsh", "eigh_core"), ("eigvals", "eig_core")]
)
def test_one_decomposition_for_values_and_vectors(values, whole):
    """A compiled gradient of values takes them from the decomposition that it needs for the vectors."""
    a = positive(4)

    def f(x):
        return np.sum(np.abs(getattr(anp.linalg, values)(x)) ** 1.5)

    text = str(ad.compile(ad.value_and_grad(f)).lower(a).program)
    assert f"{values}_core" not in text
    assert text.count(whole) == 1
    for y, z in zip(ad.compile(ad.value_and_grad(f))(a), ad.value_and_grad(f)(a), strict=True):
        close(y, z)
    # Without a derivative there are no vectors.
    assert whole not in str(ad.compile(f).lower(a).program)
