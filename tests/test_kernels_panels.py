"""Large single matrices: what the kernels share among threads in panels, by the defining equations and to the bit."""

import ctypes
import mmap
import sys

import numpy as np
import pytest
import scipy.linalg
from numpy.linalg import LinAlgError

import scirs_ad as ad
from scirs_ad._kernels import blas, linalg

DTYPES = ["float32", "float64", "complex64", "complex128"]
ORDERS = [96, 257, 300, 530]  # about where panels, and blocks of factorisations, begin and change


@pytest.fixture(autouse=True)
def _threads():
    before = ad.get_num_threads()
    yield
    ad.set_num_threads(before)


def draw(dtype, *shape):
    rng = np.random.default_rng(sum(shape))
    x = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    return x.astype(dtype)


def definite(dtype, n):
    a = draw(dtype, n, n)
    return (a @ a.conj().T / n + np.eye(n)).astype(dtype)


def small(error, of, dtype, n):
    assert np.linalg.norm(error) <= 20 * np.sqrt(n) * np.finfo(dtype).eps * np.linalg.norm(of)


def in_threads(f, *args):
    """The result, which three threads, and BLAS with more of its own, must not change."""
    found = []
    for n in (1, 3):
        ad.set_num_threads(n)
        out = f(*args)
        found.append(out if isinstance(out, tuple) else (out,))
    for x, y in zip(*found, strict=True):
        np.testing.assert_array_equal(x, y)
    return out


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("m", "k", "n"), [(100, 100, 100), (37, 400, 301), (1000, 40, 33), (3, 700, 900), (520, 511, 509)]
)
def test_product(m, k, n, dtype):
    a, b = draw(dtype, m, k), draw(dtype, k, n)
    wide = np.result_type(dtype, np.float64)
    want = a.astype(wide) @ b.astype(wide)
    for x, y in [
        (a, b),
        (np.asfortranarray(a), b),
        (a, np.asfortranarray(b)),
        (np.asfortranarray(a), np.asfortranarray(b)),
    ]:
        small(in_threads(linalg.matmul, x, y) - want, want, dtype, k)


EDGES = [1, 2, 5, 7, 8, 9, 16, 23, 24, 25, 47, 48, 49, 97]  # about the vectors and tiles of src/tile_gemm.h


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("k", [1, 3, 8, 31, 32, 33, 256, 257, 600])
def test_products_of_whole_numbers_are_exact(k, dtype):
    rng = np.random.default_rng(k)
    for m in EDGES:
        for n in EDGES:
            a, b = (rng.integers(-9, 10, shape) for shape in ((m, k), (k, n)))
            want = a @ b
            x, y = a.astype(dtype), b.astype(dtype)
            for left in (x, np.asfortranarray(x)):
                for right in (y, np.asfortranarray(y)):
                    np.testing.assert_array_equal(linalg.matmul(left, right), want)


@pytest.mark.skipif(sys.platform == "win32", reason="asks the system for pages that cannot be read")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_read_nothing_beyond_their_operands(dtype):
    """Operands that end where memory ends."""
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    size, page = np.dtype(dtype).itemsize, mmap.PAGESIZE

    def at_the_end(x, order):
        pages = -(-x.size * size // page) + 1
        memory = mmap.mmap(-1, pages * page)
        flat = np.frombuffer(memory, dtype)
        assert protect(flat.ctypes.data + (pages - 1) * page, page, 0) == 0
        last = (pages - 1) * page // size
        y = flat[last - x.size : last].reshape(x.shape, order=order)
        y[...] = x
        return y

    for m, k, n in [(5, 7, 6), (25, 40, 49), (33, 300, 10), (97, 257, 51), (200, 33, 100)]:
        a, b = draw(dtype, m, k), draw(dtype, k, n)
        want = a @ b
        for left in "CF":
            for right in "CF":
                small(linalg.matmul(at_the_end(a, left), at_the_end(b, right)) - want, want, dtype, k)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("m", "n"), [(300, 300), (400, 130), (130, 400), (97, 96)])
def test_solve_triangular(m, n, dtype):
    """In halves, with products between them: each triangle, side and transposition."""
    a = draw(dtype, m, m) / m + np.eye(m, dtype=dtype)
    b = draw(dtype, m, n)
    for lower in (True, False):
        t = (np.tril if lower else np.triu)(a)
        for trans, op in ((0, t), (1, t.T), (2, t.conj().T)):
            for right in (b, np.asfortranarray(b)):
                x = in_threads(
                    lambda t=t, right=right, lower=lower, trans=trans: linalg.solve_triangular(t, right, lower, trans)
                )
                small(op @ x - b, b, dtype, m)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", ORDERS)
def test_cholesky(n, dtype):
    a = definite(dtype, n)
    for lower in (True, False):
        c = in_threads(lambda a, lower=lower: linalg.cholesky(a, lower), a)
        small((c @ c.conj().T if lower else c.conj().T @ c) - a, a, dtype, n)
        assert not np.any(np.triu(c, 1) if lower else np.tril(c, -1))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [33, 95, *ORDERS])
def test_inv(n, dtype):
    a = draw(dtype, n, n) + 2 * np.sqrt(n) * np.eye(n, dtype=dtype)[::-1]  # each row is interchanged
    x = in_threads(linalg.inv, a)
    small(x @ a - np.eye(n), np.eye(n), dtype, n)
    lu, piv = linalg.lu_factor(a)
    small(linalg.inv_of_lu(lu, piv) - x, x, dtype, n)
    a[:, n // 2] = a[:, 0]
    a[:, 0] = 0
    with pytest.raises(LinAlgError, match="singular"):
        linalg.inv(a)


@pytest.mark.parametrize("at", [3, 70, 299])
def test_cholesky_names_what_is_not_definite(at):
    a = definite("float64", 300)
    a[at, at] = -1.0
    for lower in (True, False):
        with pytest.raises(LinAlgError, match=f"{at + 1}"):
            linalg.cholesky(a, lower)
    a[at, at] = np.nan
    with pytest.raises(LinAlgError):
        linalg.cholesky(a)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", ORDERS)
def test_lu(n, dtype):
    a = draw(dtype, n, n)
    lu, piv = in_threads(linalg.lu_factor, a)
    p = a.copy()
    for i, j in enumerate(piv):
        p[[i, j]] = p[[j, i]]
    lower = np.tril(lu, -1) + np.eye(n, dtype=dtype)
    assert np.max(np.abs(lower)) <= 1.5  # partial pivoting: LAPACK measures |re| + |im|
    small(lower @ np.triu(lu) - p, 10 * np.linalg.norm(p), dtype, n)
    b = draw(dtype, n, 200)
    x = in_threads(linalg.solve, a, b)
    small(a @ x - b, np.linalg.norm(a) * np.linalg.norm(x), dtype, n)
    want = np.log(np.abs(np.diagonal(lu)).astype(float)).sum()
    np.testing.assert_allclose(in_threads(linalg.slogdet, a)[1], want, rtol=1e3 * np.finfo(dtype).eps)


def test_lu_of_a_singular_matrix():
    a = draw("float64", 300, 300)
    a[:, 100] = a[:, 200] = 0
    lu, piv = linalg.lu_factor(a)
    want, where = scipy.linalg.lapack.dgetrf(a)[:2]
    np.testing.assert_array_equal(piv, where)
    np.testing.assert_allclose(lu, want, rtol=1e-9, atol=1e-11)
    assert linalg.det(a) == 0.0
    with pytest.raises(LinAlgError, match="singular"):
        linalg.solve(a, a)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("m", "n"), [(96, 96), (300, 300), (400, 150), (150, 400), (2000, 40)])
def test_qr(m, n, dtype):
    a = draw(dtype, m, n)
    q, r = in_threads(linalg.qr, a)
    small(q @ r - a, a, dtype, m)
    small(q.conj().T @ q - np.eye(min(m, n)), np.eye(min(m, n)), dtype, m)
    assert not np.any(np.tril(r, -1))
    whole, _ = in_threads(lambda a: linalg.qr(a, "complete"), a[:500])
    small(whole.conj().T @ whole - np.eye(len(whole)), np.eye(len(whole)), dtype, m)


@pytest.mark.parametrize("scale", [1.0, 1e-170, 1e170, 1e-310])
def test_reflections_are_those_of_lapack(scale):
    """Signs, columns of zeros, sizes whose squares leave the range of numbers, one row, an odd number of columns."""
    for m, n in [(1, 1), (2, 2), (3, 2), (33, 31), (40, 33), (5, 5), (64, 7)]:
        a = draw("float64", m, n)
        a[:, n // 2] = 0
        a[1:, n // 3] = 0
        a[0, n - 1] = -abs(a[0, n - 1])
        a *= scale
        q, r = linalg.qr(a)
        r_of, tau, _, _ = scipy.linalg.lapack.dgeqrf(a)
        q_of = scipy.linalg.lapack.dorgqr(r_of[:, : min(m, n)], tau)[0]
        exact = 1e-13 if scale > 1e-300 else 1e-10  # of what has 11 digits
        np.testing.assert_allclose(r, np.triu(r_of)[: min(m, n)], rtol=0, atol=exact * scale * m)
        np.testing.assert_allclose(q.T @ q, np.eye(min(m, n)), rtol=0, atol=exact)
        np.testing.assert_allclose(q, q_of, rtol=0, atol=1e3 * exact)


def test_qr_passes_on_what_is_not_finite():
    for bad in (np.nan, np.inf):
        for at in [(0, 0), (5, 0), (5, 3), (39, 32)]:
            a = draw("float64", 40, 33)
            a[at] = bad
            assert not np.isfinite(linalg.qr(a)[1][:, at[1]]).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", ORDERS)
def test_triangular_solves(n, dtype):
    c = np.linalg.cholesky(definite(dtype, n))
    b = draw(dtype, n, 260)
    for trans, op in ((0, c), (1, c.T), (2, c.conj().T)):
        x = in_threads(lambda c, b, trans=trans: linalg.solve_triangular(c, b, True, trans), c, b)
        small(op @ x - b, np.linalg.norm(op) * np.linalg.norm(x), dtype, n)


@pytest.mark.parametrize("dtype", DTYPES)
def test_pulls(dtype):
    n = 300
    c, ct = np.linalg.cholesky(definite(dtype, n)), draw(dtype, n, n)
    s = 2 * in_threads(linalg.cholesky_pull, c, ct)
    error = np.tril(s @ c) - np.tril(ct)
    np.fill_diagonal(error, error.diagonal().real)  # the factor's diagonal is real, so the rest says nothing
    small(error, np.linalg.norm(s) * np.linalg.norm(c), dtype, n)
    in_threads(lambda a: linalg.eigh(a), definite(dtype, 200))
    in_threads(lambda a: linalg.expm(a)[0], draw(dtype, 120, 120) / 10)
    lu, seed = linalg.lu_factor(draw(dtype, n, n) + 5 * np.eye(n, dtype=dtype))[0], draw(dtype, n, n)
    lower, upper = np.tril(lu, -1) + np.eye(n, dtype=dtype), np.triu(lu)
    want = np.tril(lower.conj().T @ np.tril(seed, -1), -1) + np.triu(np.triu(seed) @ upper.conj().T)
    got = in_threads(linalg.lu_pull, lu, seed)
    got = lower.conj().T @ got @ upper.conj().T
    small(got - want, 100 * np.linalg.norm(want), dtype, n)
    q, r = linalg.qr(ct)
    in_threads(linalg.qr_pull, q, r, ct, ct)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(64, 64), (101, 101), (200, 200), (150, 90), (90, 150), (181, 100), (183, 100)])
@pytest.mark.parametrize("size", [1.0, 1e-15, 1e15, 0.0])
def test_svd(shape, size, dtype):
    """Alone, its last steps side by side, and in a batch: the same bits."""
    a, k = draw(dtype, *shape) * np.asarray(size, dtype), min(shape)
    for full in (True, False):
        u, s, vh = in_threads(lambda a, full=full: linalg.svd(a, full), a)
        for one, many in zip((u, s, vh), linalg.svd(np.stack([a, a]), full), strict=True):
            np.testing.assert_array_equal(one, many[1])
        small(u[:, :k] * s @ vh[:k] - a, a, dtype, k)
        small(u.conj().T @ u - np.eye(len(u.T)), np.eye(k), dtype, k)
        small(vh @ vh.conj().T - np.eye(len(vh)), np.eye(k), dtype, k)
    small(linalg.svdvals(a) - s, a, dtype, k)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("off", [1e-20, 1e-30, 1e-120, 1e-150, 1e-310])
@pytest.mark.parametrize("shape", [(30, 30), (40, 30), (30, 40)])
def test_svd_of_matrices_whose_products_lose_digits(dtype, off, shape):
    """Nearly diagonal ones, and of low rank: what the reduction multiplies by is tiny or zero."""
    i = np.arange(30)
    a = off * draw("float64", *shape)
    a[i, i] += 1 + i % 3
    low = draw("float64", shape[0], 3) @ draw("float64", 3, shape[1])
    low[:, 5] = 0
    low[7] = 0
    one_row = np.zeros(shape)
    one_row[2] = draw("float64", shape[1])
    for x in (a, low, low * 1e-15, one_row, np.triu(a, 3) / off):
        x = x.astype(dtype)
        u, s, vh = linalg.svd(x, False)
        small(u * s @ vh - x, x, dtype, 30)
        small(u.T @ u - np.eye(30), np.eye(30), dtype, 30)
        small(vh @ vh.T - np.eye(30), np.eye(30), dtype, 30)
        small(linalg.svdvals(x) - np.linalg.svd(x.astype("float64"), compute_uv=False), x, dtype, 30)


def test_svd_of_sizes_that_lapack_scales():
    for size in (1e-200, 1e-140, 1e140, 1e200):
        a = draw("float64", 80, 80) * size
        u, s, vh = linalg.svd(a)
        np.testing.assert_allclose(u * s @ vh, a, rtol=0, atol=1e-12 * size)


def test_one_matrix_after_another():
    """Batches of matrices of more than 20 ms, and BLAS's setting afterwards."""
    before = blas.blas_num_threads()
    a, b = draw("float64", 2, 640, 640), draw("float64", 640, 640)
    got = in_threads(linalg.matmul, a, b)
    np.testing.assert_array_equal(got[1], linalg.matmul(a[1], b))
    assert blas.blas_num_threads() == before


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_compiled_products(dtype):
    a, b = draw(dtype, 3, 200, 300), draw(dtype, 300, 310)
    in_threads(ad.compile(lambda a, b: a[0] @ b), a, b)
    in_threads(ad.compile(lambda a, b: (a[:, None] @ b, a[1] @ a[1].T)), a, b)
    program = ad.compile(lambda a: a @ a.T)
    got = in_threads(program, a[0])
    np.testing.assert_array_equal(got, got.T)
    small(got - a[0] @ a[0].T, got, dtype, 300)
