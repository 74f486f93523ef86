"""The batched linear-algebra kernels, against NumPy and against what they claim to compute."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.linalg import LinAlgError

from scirs_ad._kernels import blas, linalg, threads

DTYPES = ["float32", "float64", "complex64", "complex128"]
BATCHES = [(), (2, 3), (2, 0, 1)]
SIZES = [0, 1, 2, 5, 40]
SHAPES = [(1, 1), (4, 4), (2, 6), (6, 2), (1, 5), (5, 1), (33, 40), (40, 33), (0, 3), (3, 0), (0, 0)]


@pytest.fixture
def rng():
    return np.random.default_rng(20240607)


def draw(rng, dtype, *shape):
    x = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    return x.astype(dtype)


def adjoint(x):
    return x.conj().swapaxes(-1, -2)


def well_conditioned(rng, dtype, *shape):
    """Square matrices with singular values between about 1 and 4."""
    n = shape[-1]
    return draw(rng, dtype, *shape) * np.dtype(dtype).type(1 / max(n, 1) ** 0.5) + 3 * np.eye(n, dtype=dtype)


def positive_definite(rng, dtype, *shape):
    a = well_conditioned(rng, dtype, *shape)
    return a @ adjoint(a)


def layouts(x):
    """The same values: C, transposed in memory, strided, reversed, read-only, unaligned, byte-swapped."""
    yield x
    yield x.swapaxes(-1, -2).copy().swapaxes(-1, -2)
    yield np.repeat(np.repeat(x, 2, -1), 3, -2)[..., ::3, ::2]
    yield x[..., ::-1, ::-1].copy()[..., ::-1, ::-1]
    y = x.copy()
    y.flags.writeable = False
    yield y
    z = np.zeros(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
    z[...] = x
    yield z
    yield x.astype(x.dtype.newbyteorder())


def close(got, wanted, scale=1.0):
    """Agreement to 200 eps per unit of size and `scale`, and the same dtype and shape."""
    assert got.dtype == wanted.dtype
    assert got.shape == wanted.shape
    assert got.flags.c_contiguous
    if got.size:
        size = 1 + max(got.shape[-2:] if got.ndim > 1 else got.shape or (1,))
        tol = 200 * np.finfo(got.dtype).eps * size * scale
        assert np.abs(got - wanted).max() <= tol * (1 + np.abs(wanted).max())


# ---------------------------------------------------------------------------------------------- matmul


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape",
    [
        (2, 3, 4),
        (4, 4, 4),
        (1, 7, 1),
        (1, 7, 6),
        (6, 7, 1),
        (9, 1, 8),
        (17, 33, 5),
        (0, 3, 2),
        (3, 0, 2),
        (3, 2, 0),
    ],
)
def test_matmul_layouts(rng, dtype, shape):
    m, k, n = shape
    a, b = draw(rng, dtype, 2, m, k), draw(rng, dtype, 2, k, n)
    for x in layouts(a):
        for y in layouts(b):
            close(linalg.matmul(x, y), np.matmul(a, b))
            close(linalg.matmul(x[0], y[1]), np.matmul(a[0], b[1]))


@pytest.mark.parametrize(
    ("sa", "sb"),
    [
        ((5, 3, 4), (4, 6)),
        ((3, 4), (5, 4, 6)),
        ((5, 1, 3, 4), (2, 4, 6)),
        ((5, 2, 3, 4), (1, 1, 4, 6)),
        ((3, 4), (5, 4, 1)),
        ((3, 4), (2, 5, 4, 1)),
        ((5, 1, 4), (4, 6)),
        ((0, 3, 4), (4, 6)),
        ((1, 3, 4), (0, 4, 6)),
    ],
)
def test_matmul_broadcasts(rng, sa, sb):
    a, b = draw(rng, float, *sa), draw(rng, float, *sb)
    close(linalg.matmul(a, b), np.matmul(a, b))
    # Batch axes that are not in memory order, and that are repeated without memory.
    x, y = a.copy(order="F"), b.copy(order="F")
    close(linalg.matmul(x, y), np.matmul(a, b))
    x = np.broadcast_to(a, (2, 5, *a.shape[-2:])) if 0 not in sa + sb and len(sa) == 2 else a
    close(linalg.matmul(x, b), np.matmul(x, b))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_matmul_views(data):
    """Any strided, reversed, transposed view of any batch."""
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    m, k, n = (data.draw(st.integers(0, 6)) for _ in range(3))
    batch = tuple(data.draw(st.lists(st.integers(0, 3), max_size=2)))

    def operand(rows, cols):
        steps = [data.draw(st.sampled_from([1, -1, 2, 3])) for _ in range(2 + len(batch))]
        shape = [d * abs(s) for d, s in zip((*batch, rows, cols), steps, strict=True)]
        order = data.draw(st.permutations(range(len(shape))))
        base = draw(rng, float, *(shape[i] for i in order)).transpose(np.argsort(order))
        view = base[tuple(slice(None, None, s) for s in steps)]
        keep = tuple(data.draw(st.sampled_from([slice(None), slice(0, 1)])) for _ in batch)
        return view[keep]

    a, b = operand(m, k), operand(k, n)
    try:
        wanted = np.matmul(a, b)
    except ValueError:
        with pytest.raises(ValueError, match="matmul: the leading axes"):
            linalg.matmul(a, b)
        return
    close(linalg.matmul(a, b), wanted)


def test_matmul_dtypes(rng):
    a, b = rng.integers(-5, 5, (3, 4)), rng.integers(-5, 5, (4, 2))
    for x, y in [
        (a, b),
        (a, b.astype("f4")),
        (a.astype("f4"), b.astype("c8")),
        (a.astype("f8"), b.astype("c8")),
        (a.astype("i1"), b.astype("f4")),
        (a.astype(bool), b.astype(bool)),
        (a.astype("f2"), b.astype("f2")),
        (a.astype("g"), b.astype("f8")),
        (a.astype(object), b),
    ]:
        got, wanted = linalg.matmul(x, y), np.matmul(x, y)
        assert got.dtype == wanted.dtype
        assert np.array_equal(got, wanted)
    assert linalg.matmul([[1.0, 2.0]], [[3], [4]]) == 11


def test_matmul_errors(rng):
    with pytest.raises(ValueError, match=r"matmul: dimension k is 5, expected 4, in \(m,k\),\(k,n\)->\(m,n\)"):
        linalg.matmul(np.ones((3, 4)), np.ones((5, 2)))
    with pytest.raises(ValueError, match=r"leading axes \(2,\) and \(3,\) do not broadcast"):
        linalg.matmul(np.ones((2, 3, 4)), np.ones((3, 4, 2)))
    with pytest.raises(ValueError, match=r"matmul: b has shape \(4,\)"):
        linalg.matmul(np.ones((3, 4)), np.ones(4))


# ---------------------------------------------------------------------------------------------- factorisations


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("n", SIZES)
def test_cholesky(rng, dtype, batch, n):
    a = positive_definite(rng, dtype, *batch, n, n)
    low, up = linalg.cholesky(a), linalg.cholesky(a, lower=False)
    close(low @ adjoint(low), a)
    close(adjoint(up) @ up, a)
    assert np.array_equal(low, np.tril(low))
    assert np.array_equal(up, np.triu(up))


def test_cholesky_reads_one_triangle(rng):
    a = positive_definite(rng, "c16", 2, 6, 6)
    wrong = np.tril(a) + np.triu(np.full_like(a, np.nan), 1)
    # The imaginary part of the diagonal does not count.
    wrong += 0.5j * np.eye(6)
    assert np.array_equal(linalg.cholesky(wrong), linalg.cholesky(a))
    wrong = np.triu(a) + np.tril(np.full_like(a, np.nan), -1)
    assert np.array_equal(linalg.cholesky(wrong, lower=False), linalg.cholesky(a, lower=False))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("shape", SHAPES)
def test_lu_factor(rng, dtype, batch, shape):
    m, n = shape
    a = draw(rng, dtype, *batch, m, n)
    lu, piv = linalg.lu_factor(a)
    k = min(m, n)
    assert piv.dtype == np.int32
    assert piv.shape == (*batch, k)
    low = np.tril(lu[..., :k], -1) + np.eye(m, k, dtype=dtype)
    product = low @ np.triu(lu[..., :k, :])
    for index in np.ndindex(*batch):
        rows = a[index].copy()
        for i, j in enumerate(piv[index]):
            rows[[i, j]] = rows[[j, i]]
        close(product[index], rows)
    if lu.size:
        assert np.abs(low).max() <= 1 + 1e-6 if np.dtype(dtype).kind == "f" else True


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("shape", SHAPES)
def test_qr(rng, dtype, batch, shape):
    a = draw(rng, dtype, *batch, *shape)
    for mode in ("reduced", "complete"):
        q, r = linalg.qr(a, mode)
        wanted = np.linalg.qr(a, mode)
        close(q @ r, a)
        close(adjoint(q) @ q, np.broadcast_to(np.eye(q.shape[-1], dtype=dtype), (*batch, *q.shape[-1:] * 2)))
        assert np.array_equal(r, np.triu(r))
        close(q, wanted.Q, scale=100)
        close(r, wanted.R, scale=100)
    close(linalg.qr(a, "r"), linalg.qr(a)[1])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("n", SIZES)
def test_inv_det_slogdet(rng, dtype, batch, n):
    a = well_conditioned(rng, dtype, *batch, n, n)
    close(linalg.inv(a), np.linalg.inv(a))
    sign, logabs = linalg.slogdet(a)
    wanted = np.linalg.slogdet(a)
    close(sign, np.asarray(wanted.sign))
    close(logabs, np.asarray(wanted.logabsdet))
    # In float64 no determinant here overflows.
    exact = np.asarray(np.linalg.det(a.astype(np.result_type(dtype, "f8"))))
    with np.errstate(over="ignore", invalid="ignore"):
        finite = np.isfinite(exact.astype(dtype))
    det = linalg.det(a)
    assert det.dtype == dtype
    assert det.shape == batch
    assert np.allclose(det[finite], exact[finite], rtol=2000 * np.finfo(dtype).eps)


def test_det_does_not_overflow_on_the_way():
    a = np.diag([1e200, 1e200, 1e-200, 1e-200, -3.0])
    assert np.isclose(linalg.det(a), -3, rtol=1e-14)
    assert np.isclose(linalg.det(a * 1j), -3j, rtol=1e-14)
    assert linalg.det(np.diag([1e200, 1e200])) == np.inf
    assert linalg.det(np.diag([1e-200, 1e-200])) == 0


def test_det_of_singular_is_zero():
    a = np.arange(9.0).reshape(3, 3) * 0
    assert linalg.det(a) == 0
    sign, logabs = linalg.slogdet(a)
    assert sign == 0
    assert logabs == -np.inf


# ---------------------------------------------------------------------------------------------- solves


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("k", [0, 1, 3])
def test_solves(rng, dtype, batch, n, k):
    a, b = well_conditioned(rng, dtype, *batch, n, n), draw(rng, dtype, *batch, n, k)
    close(a @ linalg.solve(a, b), b)
    for lower in (False, True):
        factor = np.tril(a) if lower else np.triu(a)
        square = factor @ adjoint(factor) if lower else adjoint(factor) @ factor
        close(square @ linalg.cho_solve(a, b, lower), b, scale=30)
        for trans, op in enumerate((factor, factor.swapaxes(-1, -2), adjoint(factor))):
            close(op @ linalg.solve_triangular(a, b, lower, trans), b)
    lu, piv = linalg.lu_factor(a)
    for trans, op in enumerate((a, a.swapaxes(-1, -2), adjoint(a))):
        close(op @ linalg.lu_solve(lu, piv, b, trans), b)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("k", [1, 3])
def test_solve_layouts(rng, dtype, k):
    a, b = well_conditioned(rng, dtype, 2, 5, 5), draw(rng, dtype, 2, 5, k)
    lu, piv = linalg.lu_factor(a)
    for x in layouts(a):
        for y in layouts(b):
            assert np.array_equal(linalg.solve(x, y), linalg.solve(a, b))
            for lower in (False, True):
                for trans in range(3):
                    close(linalg.solve_triangular(x, y, lower, trans), linalg.solve_triangular(a, b, lower, trans))
                close(linalg.cho_solve(x, y, lower), linalg.cho_solve(a, b, lower))
    for x in layouts(lu):
        for trans in range(3):
            for p in (piv, piv.astype("i8"), piv.astype(">i2"), np.repeat(piv, 2, -1)[..., ::2]):
                close(linalg.lu_solve(x, p, b, trans), linalg.lu_solve(lu, piv, b, trans))


@pytest.mark.parametrize("dtype", DTYPES)
def test_symmetrized(rng, dtype):
    a = draw(rng, dtype, 3, 7, 7)
    half = (0.5 * (a + adjoint(a))).astype(dtype)
    w, v = linalg.eigh(a, symmetrize=True)
    close((v * w[:, None]).astype(dtype) @ adjoint(v), half, scale=10)
    close(linalg.eigvalsh(a, symmetrize=True), np.linalg.eigvalsh(half))
    p = positive_definite(rng, dtype, 3, 7, 7)
    for lower in (False, True):
        found = linalg.cholesky(p + a - adjoint(a), lower, symmetrize=True)
        close(found, linalg.cholesky(p, lower), scale=10)
        close(linalg.cholesky((p + a - adjoint(a))[0], lower, symmetrize=True), found[0])


def test_solve_triangular_reads_one_triangle(rng):
    a, b = well_conditioned(rng, float, 5, 5), draw(rng, float, 5, 2)
    wrong = np.tril(a) + np.triu(np.full_like(a, np.nan), 1)
    assert np.array_equal(linalg.solve_triangular(wrong, b, lower=True), linalg.solve_triangular(a, b, lower=True))
    assert np.array_equal(linalg.cho_solve(wrong, b), linalg.cho_solve(a, b))
    unit = np.tril(a, -1) + np.diag(np.full(5, np.nan))
    x = linalg.solve_triangular(unit, b, lower=True, unit_diagonal=True)
    close((np.tril(a, -1) + np.eye(5)) @ x, b, scale=100)


def test_solve_broadcasts(rng):
    a, b = well_conditioned(rng, float, 4, 4), draw(rng, float, 3, 4, 2)
    close(linalg.solve(a, b), np.linalg.solve(a, b))
    close(linalg.solve(a[None, None], b), np.linalg.solve(a[None, None], b))
    a, b = well_conditioned(rng, float, 2, 1, 4, 4), draw(rng, float, 3, 4, 2)
    close(linalg.solve(a, b), np.linalg.solve(a, b))
    lu, piv = linalg.lu_factor(a)
    close(linalg.lu_solve(lu, piv, b), np.linalg.solve(a, b))
    close(linalg.lu_solve(lu[0, 0], piv[0, 0], b), np.linalg.solve(a[0, 0], b))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("shape", SHAPES)
def test_lstsq(rng, dtype, batch, shape):
    k = sum(shape) % 3
    a, b = draw(rng, dtype, *batch, *shape), draw(rng, dtype, *batch, shape[0], k)
    x, rank, s = linalg.lstsq(a, b)
    assert x.shape == (*batch, shape[1], k)
    assert np.all(rank == min(shape))
    close(s, linalg.svdvals(a))
    if 0 not in shape and a.size:
        # Residual orthogonal to the columns, solution in the row space.
        close(adjoint(a) @ (b - a @ x), np.zeros_like(x), scale=100 * np.linalg.cond(a).max())
        close(np.linalg.pinv(a) @ (a @ x), x, scale=100 * np.linalg.cond(a).max())


def test_lstsq_rank(rng):
    a = draw(rng, float, 6, 2) @ draw(rng, float, 2, 4)
    b = draw(rng, float, 3, 6, 1)
    x, rank, _ = linalg.lstsq(a, b)
    assert rank.dtype == np.intp
    assert rank.tolist() == [2, 2, 2]
    close(x, np.linalg.pinv(a) @ b, scale=100)
    assert linalg.lstsq(a, b, rcond=0.999)[1].tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="lstsq: rcond is -1"):
        linalg.lstsq(a, b, rcond=-1)


# ---------------------------------------------------------------------------------------------- spectra


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("n", SIZES)
def test_eigh_eig(rng, dtype, batch, n):
    a = draw(rng, dtype, *batch, n, n)
    h = a + adjoint(a)
    # Only the lower triangle is read.
    w, v = linalg.eigh(np.tril(h) + np.triu(np.full_like(h, np.nan), 1))
    assert np.all(np.diff(w) >= 0)
    close((v * w[..., None, :]) @ adjoint(v), h)
    close(adjoint(v) @ v, np.broadcast_to(np.eye(n, dtype=dtype), h.shape))
    close(linalg.eigvalsh(h), w)
    close(w, np.linalg.eigvalsh(h))
    w, v = linalg.eig(a)
    assert w.dtype == v.dtype == np.result_type(dtype, "c8")
    close(a.astype(v.dtype) @ v, v * w[..., None, :])
    close(np.linalg.norm(v, axis=-2), np.ones(w.shape, w.real.dtype))
    values = linalg.eigvals(a)
    assert values.dtype == w.dtype
    if n:
        close(values.sum(-1), np.trace(a, axis1=-2, axis2=-1).astype(values.dtype)[()] + 0 * values.sum(-1), scale=n)


def test_eig_of_real_matrix_is_complex():
    w, v = linalg.eig(np.diag([1.0, 2.0]))
    assert w.dtype == v.dtype == np.complex128
    assert w.tolist() == [1, 2]
    w, v = linalg.eig(np.array([[0.0, -1.0], [1.0, 0.0]]))
    assert sorted(w.imag.tolist()) == [-1, 1]


def test_vectors_have_numpys_signs(rng):
    for dtype in ("f8", "c16"):
        a = draw(rng, dtype, 3, 6, 6)
        h = a + adjoint(a)
        close(linalg.eigh(h)[1], np.linalg.eigh(h)[1], scale=1e3)
        for got, wanted in zip(linalg.svd(a), np.linalg.svd(a), strict=True):
            close(got, wanted, scale=1e3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("shape", SHAPES)
def test_svd(rng, dtype, batch, shape):
    a = draw(rng, dtype, *batch, *shape)
    k = min(shape)
    for full in (False, True):
        u, s, vh = linalg.svd(a, full_matrices=full)
        wanted = np.linalg.svd(a, full_matrices=full)
        assert u.shape == wanted.U.shape
        assert vh.shape == wanted.Vh.shape
        close((u[..., :k] * s[..., None, :]) @ vh[..., :k, :], a)
        close(adjoint(u) @ u, np.broadcast_to(np.eye(u.shape[-1], dtype=dtype), (*batch, *u.shape[-1:] * 2)))
        close(vh @ adjoint(vh), np.broadcast_to(np.eye(vh.shape[-2], dtype=dtype), (*batch, *vh.shape[-2:-1] * 2)))
        close(s, wanted.S)
    close(linalg.svdvals(a), s)


# ---------------------------------------------------------------------------------------------- at the door

UNARY = ["cholesky", "lu_factor", "qr", "inv", "det", "slogdet", "eigh", "eigvalsh", "eig", "eigvals", "svd", "svdvals"]
SQUARE = [name for name in UNARY if name not in ("lu_factor", "qr", "svd", "svdvals")]
BINARY = ["solve", "solve_triangular", "cho_solve", "lstsq"]


def parts(result):
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("dtype", DTYPES)
def test_layouts_give_the_same_bits(rng, name, dtype):
    f = getattr(linalg, name)
    a = positive_definite(rng, dtype, 2, 6, 6)
    wanted = parts(f(a))
    before = a.copy()
    for x in layouts(a):
        for got, want in zip(parts(f(x)), wanted, strict=True):
            assert np.array_equal(got, want)
            assert got.flags.c_contiguous and got.flags.owndata and got.flags.writeable
    assert np.array_equal(a, before)
    if dtype in ("float64", "complex128"):
        for got, want in zip(parts(f(a.tolist())), wanted, strict=True):
            assert np.array_equal(got, want)


@pytest.mark.parametrize("name", UNARY)
def test_integers_are_float64(name):
    f = getattr(linalg, name)
    a = np.array([[4, 1], [1, 3]])
    for x in (a, a.astype("u1"), a.astype(">i2"), a.tolist()):
        for got, want in zip(parts(f(x)), parts(f(a.astype(float))), strict=True):
            assert got.dtype == want.dtype
            assert np.array_equal(got, want)
    for got, want in zip(parts(f(np.eye(2, dtype=bool))), parts(f(np.eye(2))), strict=True):
        assert np.array_equal(got, want)


def test_two_dtypes_promote(rng):
    a, b = well_conditioned(rng, "f4", 3, 3), draw(rng, "f8", 3, 1)
    assert linalg.solve(a, b).dtype == np.float64
    assert linalg.solve(a, b.astype("c8")).dtype == np.complex64
    assert linalg.solve(a.astype("f8"), b.astype("c8")).dtype == np.complex128
    assert linalg.solve(a, np.ones((3, 1), int)).dtype == np.float64


@pytest.mark.parametrize("name", UNARY + BINARY)
@pytest.mark.parametrize("dtype", ["float16", "longdouble", "object", "U3", "M8[s]", "V4"])
def test_other_dtypes_are_refused(name, dtype):
    a = np.zeros((2, 2), dtype)
    args = (a, np.ones((2, 1))) if name in BINARY else (a,)
    with pytest.raises(TypeError, match=rf"{name}: dtype .* is not supported"):
        getattr(linalg, name)(*args)


@pytest.mark.parametrize("name", SQUARE + ["solve", "solve_triangular", "cho_solve"])
def test_square_is_asked_for(name):
    a = np.ones((2, 3, 4))
    args = (a, np.ones((2, 4, 1))) if name in BINARY else (a,)
    with pytest.raises(ValueError, match=rf"{name}: . has shape \(2, 3, 4\), wanted square matrices"):
        getattr(linalg, name)(*args)


@pytest.mark.parametrize("name", UNARY + BINARY)
def test_vectors_are_refused(name):
    args = (np.ones(3), np.ones((3, 1))) if name in BINARY else (np.ones(3),)
    with pytest.raises(ValueError, match=rf"{name}: . has shape \(3,\), wanted matrices"):
        getattr(linalg, name)(*args)


@pytest.mark.parametrize("name", BINARY)
def test_right_hand_sides_are_checked(name):
    f = getattr(linalg, name)
    with pytest.raises(ValueError, match=rf"{name}: b has shape \(4, 1\), wanted \(\.\.\., 3, k\)"):
        f(np.eye(3), np.ones((4, 1)))
    with pytest.raises(ValueError, match=rf"{name}: b has shape \(3,\)"):
        f(np.eye(3), np.ones(3))
    with pytest.raises(ValueError, match=rf"{name}: the leading axes \(2,\) and \(4,\) do not broadcast"):
        f(np.ones((2, 3, 3)), np.ones((4, 3, 1)))


def test_other_arguments_are_checked():
    with pytest.raises(ValueError, match="qr: mode is 'raw'"):
        linalg.qr(np.eye(2), "raw")
    with pytest.raises(ValueError, match="solve_triangular: trans is 3"):
        linalg.solve_triangular(np.eye(2), np.eye(2), trans=3)
    with pytest.raises(ValueError, match="lu_solve: trans is -1"):
        linalg.lu_solve(np.eye(2), [0, 1], np.eye(2), trans=-1)
    for piv in ([0, 2], [-1, 1]):
        with pytest.raises(ValueError, match=r"lu_solve: piv\[\.\.\., \d\] is not a row index"):
            linalg.lu_solve(np.eye(2), piv, np.eye(2))
    with pytest.raises(ValueError, match=r"lu_solve: piv has shape \(3,\), wanted \(\.\.\., 2\)"):
        linalg.lu_solve(np.eye(2), [0, 1, 2], np.eye(2))
    with pytest.raises(TypeError, match="lu_solve: piv has dtype float64"):
        linalg.lu_solve(np.eye(2), [0.0, 1.0], np.eye(2))


# ---------------------------------------------------------------------------------------------- failures


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_failing_matrix_is_named(dtype):
    good = np.eye(3, dtype=dtype)
    batch = np.broadcast_to(good, (4, 2, 3, 3)).copy()
    indefinite = good.copy()
    indefinite[1, 1] = -1
    batch[3, 1] = indefinite
    with pytest.raises(
        LinAlgError,
        match=r"^cholesky: matrix \(3, 1\) of the batch is not positive definite: "
        r"leading minor of order 2$",
    ):
        linalg.cholesky(batch)
    with pytest.raises(LinAlgError, match=r"^cholesky: the matrix is not positive definite: leading minor of order 2$"):
        linalg.cholesky(indefinite)
    with pytest.raises(LinAlgError, match=r"^cholesky: matrix 1 of the batch is not"):
        linalg.cholesky(batch[3])
    batch[2, 0] = np.diag([1, 1, 0])
    batch[3, 1] = 0
    b = np.ones((3, 1), dtype)
    with pytest.raises(LinAlgError, match=r"^inv: matrix \(2, 0\) of the batch is singular: pivot 3 of 3 is zero"):
        linalg.inv(batch)
    with pytest.raises(LinAlgError, match=r"^solve: matrix \(2, 0\) of the batch is singular: pivot 3 of 3 is zero"):
        linalg.solve(batch, b)
    with pytest.raises(LinAlgError, match=r"^solve_triangular: matrix \(2, 0\) of the batch .* a\[2, 2\] is zero"):
        linalg.solve_triangular(batch, b)
    with pytest.raises(LinAlgError, match=r"^cho_solve: matrix \(2, 0\) of the batch .* c\[2, 2\] is zero"):
        linalg.cho_solve(batch, b)
    with pytest.raises(LinAlgError, match=r"^lu_solve: matrix \(2, 0\) of the batch .* U\[2, 2\] is zero"):
        linalg.lu_solve(*linalg.lu_factor(batch), b)
    batch[1, 1, 2, 0] = np.nan
    for name in ("eigh", "eigvalsh", "eig", "eigvals", "svd", "svdvals"):
        with pytest.raises(LinAlgError, match=rf"^{name}: matrix \(1, 1\) of the batch has nan or inf"):
            getattr(linalg, name)(batch)
    with pytest.raises(LinAlgError, match=r"^lstsq: matrix \(1, 1\) of the batch has nan or inf"):
        linalg.lstsq(batch, b)


def test_the_first_failing_matrix_is_named_by_any_number_of_threads():
    batch = np.broadcast_to(np.eye(40), (400, 40, 40)).copy()
    batch[[151, 290, 399]] = -1
    for n in (1, 2, 5):
        with_threads(n, lambda: pytest.raises(LinAlgError, linalg.cholesky, batch).match("matrix 151 of"))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 2, 9, 40])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite(dtype, n, bad):
    for where in [(0, 0), (n - 1, n - 1), (n - 1, 0), (n // 2, n // 3)]:
        a = (4 * np.eye(n) + 0.1).astype(dtype)
        a[where] = bad
        b = np.ones((n, 2), dtype)
        for name in ("cholesky", "eigh", "eigvalsh", "eig", "eigvals", "svd", "svdvals"):
            with pytest.raises(LinAlgError):
                getattr(linalg, name)(a)
        with pytest.raises(LinAlgError):
            linalg.lstsq(a, b)
        # Direct methods end whatever the numbers; nan goes through.
        for name in ("lu_factor", "qr", "inv", "det", "slogdet"):
            result = parts(getattr(linalg, name)(a))
            if np.isnan(bad):
                assert any(np.isnan(r).any() for r in result)
        for name in ("solve", "solve_triangular", "cho_solve", "matmul"):
            getattr(linalg, name)(a, b)
        if np.isnan(bad):
            assert np.isnan(linalg.solve(a, b)).any()


# ---------------------------------------------------------------------------------------------- threads


def with_threads(n, f):
    before = threads.get_num_threads()
    threads.set_num_threads(n)
    try:
        return f()
    finally:
        threads.set_num_threads(before)


@pytest.mark.parametrize("name", UNARY + BINARY + ["matmul", "lu_solve"])
def test_threads_give_the_same_bits(rng, name):
    a = positive_definite(rng, float, 60, 20, 20)
    b = draw(rng, float, 60, 20, 3)
    args = {"lu_solve": (*linalg.lu_factor(a), b)}.get(name, (a,) if name in UNARY else (a, b))
    f = getattr(linalg, name)
    # Every other matrix, so the batch stride is not the matrix.
    args = tuple(x[::2] for x in args)
    one = parts(with_threads(1, lambda: f(*args)))
    for n in (2, 3, 8):
        for got, want in zip(parts(with_threads(n, lambda: f(*args))), one, strict=True):
            assert np.array_equal(got, want)
    for i in (0, 17, 29):
        for got, want in zip(parts(f(*(x[i] for x in args))), one, strict=True):
            assert np.allclose(got, want[i], rtol=1e-10, atol=1e-10)


def test_blas_threads_are_given_back(rng):
    before = blas.blas_num_threads()
    a = positive_definite(rng, float, 50, 40, 40)
    linalg.cholesky(a)
    assert blas.blas_num_threads() == before
    with pytest.raises(LinAlgError):
        linalg.cholesky(-a)
    assert blas.blas_num_threads() == before
    workers = [threading.Thread(target=lambda: [linalg.solve(a, a) for _ in range(20)]) for _ in range(8)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert blas.blas_num_threads() == before


def test_set_num_threads():
    before = threads.get_num_threads()
    with pytest.raises(ValueError, match="at least 1, got 0"):
        threads.set_num_threads(0)
    for wrong in (1.5, "2", None, True):
        with pytest.raises(TypeError, match="must be an integer"):
            threads.set_num_threads(wrong)
    assert threads.get_num_threads() == before
    assert with_threads(np.int64(3), threads.get_num_threads) == 3


def fresh(code, **env):
    """Run code in a new interpreter; its output."""
    clean = {k: v for k, v in os.environ.items() if k not in ("SCIRS_AD_NUM_THREADS", "OMP_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**clean, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr


def test_environment():
    code = "from scirs_ad._kernels import threads; print(threads.get_num_threads())"
    assert fresh(code, SCIRS_AD_NUM_THREADS="3", OMP_NUM_THREADS="2")[0] == "3"
    assert fresh(code, OMP_NUM_THREADS="2,1")[0] == "2"
    cores = str(len(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else str(os.cpu_count())
    assert fresh(code)[0] == cores
    out, err = fresh(code, SCIRS_AD_NUM_THREADS="many")
    assert out == cores
    assert "SCIRS_AD_NUM_THREADS='many' is not a positive integer" in err


def test_many_python_threads_at_once(rng):
    """One loop at a time has the pool; the others run in their callers, and none mixes with another."""
    a = positive_definite(rng, float, 60, 30, 30)
    wanted = linalg.cholesky(a)
    wrong = []

    def loop(n):
        for _ in range(30):
            if not np.array_equal(linalg.cholesky(a[:n]), wanted[:n]):
                wrong.append(n)

    def run():
        workers = [threading.Thread(target=loop, args=(40 + n,)) for n in range(8)]
        for w in workers:
            w.start()
        for w in workers:
            w.join()

    with_threads(5, run)
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_fork_after_use_does_not_hang():
    code = """
import os, sys
import numpy as np
from scirs_ad._kernels import linalg, threads
threads.set_num_threads(4)
a = np.eye(60) + np.zeros((200, 60, 60))
want = linalg.cholesky(a)
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        same = np.array_equal(linalg.cholesky(a), want)
        threads.set_num_threads(7)
        same = same and np.array_equal(linalg.cholesky(a), want)
        os._exit(0 if same else 3)
    assert os.waitpid(pid, 0)[1] == 0
assert np.array_equal(linalg.cholesky(a), want)
print("done")
"""
    assert fresh(code)[0] == "done"


FAULTS = """
import ctypes, os, resource, threading
import numpy as np
from scipy.linalg import cython_blas
import scirs_ad as ad
from scirs_ad._kernels import blas, linalg, threads

def pool(module):
    return ctypes.CDLL(module.__file__)

library = pool(cython_blas)
known = hasattr(library, "blas_memory_alloc") and os.uname().machine == "x86_64"

def faults(buffers, library=library):
    # Page faults of reading what lies from 0.25 to 1.25 MiB in free buffers of the BLAS.
    if not hasattr(library, "blas_memory_alloc") or os.uname().machine != "x86_64":
        return 0
    library.blas_memory_alloc.restype = ctypes.c_void_p
    library.blas_memory_free.argtypes = [ctypes.c_void_p]
    held = [library.blas_memory_alloc(0) for _ in range(buffers)]
    into = (ctypes.c_char * (1 << 20))()
    ctypes.memset(into, 0, 1 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for p in held:
        ctypes.memmove(into, p + (1 << 18), 1 << 20)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for p in held:
        library.blas_memory_free(p)
    return after - before
"""
BUFFER_USES = {
    "eager": "linalg.matmul(a, a)",
    "compiled": "ad.compile(lambda x, y: x @ y + 1)(a, a)",
    "through NumPy": """
library = pool(np._core._multiarray_umath)
ad.compile(lambda x: x @ x)(a)
""",
    "factor": "linalg.cholesky(a + 300 * np.eye(130, dtype=a.dtype))",
    "threads": """
workers = [threading.Thread(target=linalg.matmul, args=(a, a)) for _ in range(8)]
for w in workers:
    w.start()
for w in workers:
    w.join()
""",
    "batch": """
threads.set_num_threads(5)
buffers = 5
linalg.matmul(np.stack(30 * [a]), a.T)
linalg.matmul(np.stack(30 * [a]), np.stack(30 * [a]))
""",
    "compiled batch": """
threads.set_num_threads(5)
buffers = 5
ad.compile(lambda x: x @ x)(np.stack(30 * [a]))
""",
}


@pytest.mark.skipif(sys.platform != "linux", reason="counts page faults as Linux does")
@pytest.mark.parametrize("use", BUFFER_USES)
def test_buffers_of_blas_are_present_after_the_first_large_product(use):
    """Or the prefetches of OpenBLAS walk the page table in vain, and sgemm runs at a third of its speed."""
    code = f"""{FAULTS}
buffers = 2
a = np.ones((130, 130), np.float32)
linalg.matmul(a[:20, :20], a[:20, :20])
assert blas.blas_warm_buffers() == 0
{BUFFER_USES[use]}
assert not known or blas.blas_warm_buffers() >= buffers
assert faults(buffers, library) < 50
again = ad.compile(lambda x, y: x @ y + 1)
again(a, a)
pid = os.fork()
assert blas.blas_warm_buffers() == 0
again(a, a)
good = faults(2, library) < 50
if pid == 0:
    os._exit(0 if good else 3)
assert os.waitpid(pid, 0)[1] == 0 and good
print("done")
"""
    assert fresh(code)[0] == "done"


def test_threads_loads_neither_numpy_nor_scipy():
    code = """
import sys
import scirs_ad._kernels
before = set(sys.modules)
import scirs_ad._kernels.threads
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(new & {"numpy", "scipy"}))
"""
    assert fresh(code)[0] == "[]"
