"""Batches of small matrices, which kernels run several at once: against single matrices, which go to LAPACK."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.linalg import LinAlgError

import scirs_ad as ad
import scirs_ad.numpy as anp
from scirs_ad._kernels import linalg, ops, threads

SIZES = [1, 2, 3, 4, 5, 8, 13, 16]
COUNTS = [4, 7, 8, 16, 33]


def draw(rng, dtype, *shape):
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if dtype[0] == "c" else x).astype(dtype)


def spd(a):
    return a @ a.conj().swapaxes(-1, -2) + a.shape[-1] * np.eye(a.shape[-1], dtype=a.dtype)


def calls(rng, dtype, count, n, k):
    """Name -> (function of arrays, arrays)."""
    a = draw(rng, dtype, count, n, n)
    b, ct = draw(rng, dtype, 2, count, n, k)
    p = spd(a)
    factor = np.linalg.cholesky(p)
    lu, piv = linalg.lu_factor(a + 2 * n * np.eye(n, dtype=dtype))
    tall = draw(rng, dtype, count, min(n + 3, 16), n)
    found = {
        "cholesky": (linalg.cholesky, p),
        "upper": (lambda x: linalg.cholesky(x, lower=False), p),
        "symmetrized": (lambda x: linalg.cholesky(x, symmetrize=True), p + (a - a.conj().swapaxes(-1, -2)) / 10),
        "cholesky_pull": (linalg.cholesky_pull, factor, a),
        "solve": (linalg.solve, p, b),
        "solve_pull": (linalg.solve_pull, p, b, ct),
        "solve_pull of a^T": (lambda *x: linalg.solve_pull(*x, trans=True), a + n * np.eye(n, dtype=dtype), b, ct),
        "lu_factor": (linalg.lu_factor, a),
        "inv": (linalg.inv, p),
        "det": (linalg.det, a),
        "slogdet": (linalg.slogdet, a),
        "qr": (linalg.qr, a),
        "qr of tall": (linalg.qr, tall),
    }
    for trans in (0, 1, 2):
        found[f"lu_solve {trans}"] = (lambda *x, t=trans: linalg.lu_solve(*x, t), lu, piv, b)
        for lower in (False, True):
            for unit in (False, True):
                one = factor / n if unit else factor
                found[f"triangular {lower} {trans} {unit}"] = (
                    lambda *x, how=(lower, trans, unit): linalg.solve_triangular(*x, *how),
                    one if lower else one.swapaxes(-1, -2),
                    b,
                )
    for lower in (False, True):
        c = factor if lower else factor.conj().swapaxes(-1, -2)
        found[f"cho_solve {lower}"] = (lambda *x, low=lower: linalg.cho_solve(*x, low), c, b)
    return found


def tuple_of(found):
    return found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "c8"])
@pytest.mark.parametrize("n", SIZES)
def test_as_single_matrices(dtype, n):
    rng = np.random.default_rng(n)
    for count in COUNTS:
        for name, (f, *args) in calls(rng, dtype, count, n, 1 + count % 3).items():
            found = tuple_of(f(*args))
            for i in range(count):
                wanted = tuple_of(f(*[x[i] for x in args]))
                for y, z in zip(found, wanted, strict=True):
                    assert y.dtype == z.dtype
                    assert y.shape[1:] == z.shape
                    # Of random matrices the condition is at most some thousands.
                    size = 2e4 * (n + 1) * np.finfo(dtype).eps * (1 + np.abs(z).max(initial=0.0))
                    assert np.abs(y[i] - z).max(initial=0.0) <= size, (name, count, i)


@pytest.mark.parametrize("dtype", ["f8", "c16"])
@pytest.mark.parametrize("n", [2, 5, 16])
def test_same_bits_in_any_layout_place_and_thread(n, dtype):
    rng = np.random.default_rng(n)
    before = threads.get_num_threads()
    for name, (f, *args) in calls(rng, dtype, 41, n, 2).items():
        wanted = tuple_of(f(*args))
        layouts = [
            [x.swapaxes(-1, -2).copy().swapaxes(-1, -2) if x.ndim == 3 else x for x in args],
            [np.repeat(x, 2, -1)[..., ::2] for x in args],
            [x[::-1].copy()[::-1] for x in args],
            [np.broadcast_to(x, (2, *x.shape)) for x in args],
        ]
        for given in layouts:
            for x in given:
                x.flags.writeable = False
            for y, z in zip(tuple_of(f(*given)), wanted, strict=True):
                assert np.array_equal(y, np.broadcast_to(z, y.shape)), name
        for start in (0, 1, 5):  # other neighbours, other lanes
            for y, z in zip(tuple_of(f(*[x[start : start + 11] for x in args])), wanted, strict=True):
                assert np.array_equal(y, z[start : start + 11]), name
        try:
            for count in (1, 2, 5):
                threads.set_num_threads(count)
                many = [np.concatenate([x] * 60) for x in args]
                for y, z in zip(tuple_of(f(*many)), wanted, strict=True):
                    assert np.array_equal(y, np.concatenate([z] * 60)), name
        finally:
            threads.set_num_threads(before)


@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "c8"])
@pytest.mark.parametrize("place", [0, 6, 36])
def test_errors_name_the_matrix(dtype, place):
    rng = np.random.default_rng(place)
    a = draw(rng, dtype, 37, 3, 3) + 4 * np.eye(3, dtype=dtype)
    p, b = spd(a), draw(rng, dtype, 37, 3, 1)
    p[place, 1, 1] = -1
    with pytest.raises(LinAlgError, match=f"cholesky: matrix {place} of the batch .* leading minor of order 2"):
        linalg.cholesky(p)
    singular = a.copy()
    singular[place, 1] = 2 * singular[place, 0]
    singular[place, :, 0] = 0
    for name, call in {
        "solve": lambda: linalg.solve(singular, b),
        "inv": lambda: linalg.inv(singular),
        "solve ": lambda: linalg.solve_pull(singular, b, b),
    }.items():
        with pytest.raises(LinAlgError, match=f"{name.strip()}: matrix {place} of the batch is singular: pivot"):
            call()
    lower = np.tril(a)
    lower[place, 2, 2] = 0
    with pytest.raises(LinAlgError, match=rf"matrix {place} of the batch is singular: a\[2, 2\] is zero"):
        linalg.solve_triangular(lower, b, lower=True)
    with pytest.raises(LinAlgError, match=rf"matrix {place} of the batch is singular: c\[2, 2\] is zero"):
        linalg.cho_solve(lower, b)
    lu, piv = linalg.lu_factor(a)
    lu[place, 0, 0] = 0
    with pytest.raises(LinAlgError, match=rf"matrix {place} of the batch is singular: U\[0, 0\] is zero"):
        linalg.lu_solve(lu, piv, b)
    piv[place, 1] = 3
    with pytest.raises(ValueError, match=r"piv\[..., 1\] is not a row index \(0..2\)"):
        linalg.lu_solve(linalg.lu_factor(a)[0], piv, b)
    assert linalg.det(singular)[place] == 0
    sign, logs = linalg.slogdet(singular)
    assert (sign[place], logs[place]) == (0, -np.inf)
    # A singular matrix has factors.
    lu, piv = linalg.lu_factor(singular)
    assert np.array_equal(lu[place], linalg.lu_factor(singular[place])[0])


@pytest.mark.parametrize("dtype", ["f8", "c16"])
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_not_finite_stays_in_its_lane(wrong, dtype):
    rng = np.random.default_rng(3)
    a = draw(rng, dtype, 9, 4, 4) + 4 * np.eye(4)
    p, b = spd(a), draw(rng, dtype, 9, 4, 2)
    spoilt = p.copy()
    spoilt[5, 2, 2] = wrong
    with pytest.raises(LinAlgError, match="matrix 5 of the batch"):
        linalg.cholesky(spoilt)
    others = np.arange(9) != 5
    for f in (lambda x: linalg.solve(x, b), linalg.inv, lambda x: linalg.lu_factor(x)[0], lambda x: linalg.qr(x)[0]):
        found, clean = f(spoilt), f(p)
        assert np.array_equal(found[others], clean[others])
        if wrong != wrong:
            assert np.isnan(found[5]).any()


@pytest.mark.parametrize("dtype", ["f8", "c16"])
def test_extreme_sizes(dtype):
    rng = np.random.default_rng(4)
    a = draw(rng, dtype, 8, 4, 4) + 4 * np.eye(4)
    for scale in (1e-200, 1e200):
        q, r = linalg.qr(a * scale)
        assert np.allclose(q @ q.conj().swapaxes(-1, -2), np.eye(4), atol=1e-13)
        assert np.allclose((q @ r) / scale, a)
        assert np.allclose(linalg.solve(a * scale, a), np.eye(4) / scale, atol=1e-13 / scale)
        assert np.allclose(linalg.inv(a * scale) * scale, np.linalg.inv(a), rtol=1e-12)
    large = np.broadcast_to(np.diag([1e200, 1e200, 1e-200, 1e-200, -3.0]), (6, 5, 5)).astype(dtype)
    assert np.allclose(linalg.det(large), -3.0, rtol=1e-14)
    zero = np.zeros((5, 3, 2), dtype)
    for y, z in zip(linalg.qr(zero), np.linalg.qr(zero), strict=True):
        assert np.array_equal(y, z)


def test_every_instruction_set():
    """Lanes are as independent in the other builds: the same comparison there, in new processes."""
    for isa in ops.available_isas():
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k",
             "single_matrices and 5 or name_the_matrix and 6"],
            env={**os.environ, "SCIRS_AD_ISA": isa}, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-2000:]


# ------------------------------------------------------------------------------------------------ derivatives
def energy(a, b):
    x = anp.linalg.solve(a, b)
    factor = anp.linalg.cholesky(a)
    logs = anp.sum(anp.log(anp.real(anp.diagonal(factor, 0, -2, -1))), -1)
    return anp.sum(anp.real(x * anp.conj(x)), (-2, -1)) + logs


@pytest.mark.parametrize("dtype", ["f8", "c16"])
@pytest.mark.parametrize("n", [1, 3, 16])
@pytest.mark.parametrize("wrap", [lambda f: f, ad.compile])
def test_gradients_are_those_of_single_matrices(n, wrap, dtype):
    rng = np.random.default_rng(n)
    a, b = spd(draw(rng, dtype, 9, n, n)), draw(rng, dtype, 9, n, 2)
    found = wrap(ad.grad(lambda a, b: anp.sum(energy(a, b)), argnums=(0, 1)))(a, b)
    mapped = wrap(ad.vmap(ad.grad(energy, argnums=(0, 1))))(a, b)
    for i in range(9):
        wanted = ad.grad(energy, argnums=(0, 1))(a[i], b[i])
        for y, m, z in zip(found, mapped, wanted, strict=True):
            assert np.allclose(y[i], z, rtol=1e-10, atol=1e-12)
            assert np.allclose(m[i], z, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("wrap", [lambda f: f, ad.compile])
def test_second_derivatives(wrap):
    rng = np.random.default_rng(2)
    a, b = spd(rng.standard_normal((5, 3, 3))), rng.standard_normal((5, 3, 1))
    t = rng.standard_normal(a.shape)

    def whole(a):
        return anp.sum(energy(a, b))

    found = wrap(ad.hvp(whole))(a, t)
    step = 1e-5
    wanted = (ad.grad(whole)(a + step * t) - ad.grad(whole)(a - step * t)) / (2 * step)
    assert np.allclose(found, wanted, rtol=1e-6, atol=1e-7)
    forward = ad.jvp(ad.grad(whole), (a,), (t,))[1]
    assert np.allclose(forward, found, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("n", [16, 17, 60, 300])
def test_blocked_adjoint_of_cholesky(n):
    """The lower triangle of 2 G L is that of the cotangent."""
    rng = np.random.default_rng(n)
    for dtype in ("f8", "f4", "c16", "c8"):
        a = rng.standard_normal((n, n)) + (1j * rng.standard_normal((n, n)) if dtype[0] == "c" else 0)
        factor = np.linalg.cholesky(a @ a.conj().T / n + np.eye(n)).astype(dtype)
        ct = a.T.astype(dtype)
        found = linalg.cholesky_pull(factor, np.tril(ct) + np.triu(np.full_like(ct, np.nan), 1))
        assert np.array_equal(found, found.conj().T)
        left = np.tril(2 * found @ factor - ct)
        left[np.arange(n), np.arange(n)] = np.real(np.diag(left))  # the rest of the diagonal is a phase
        assert np.abs(left).max() <= 100 * n * np.finfo(dtype).eps * np.abs(ct).max()
        for other in (factor.T.copy().T, np.repeat(factor, 2, -1)[..., ::2]):
            assert np.array_equal(linalg.cholesky_pull(other, ct), found)


# ---------------------------------------------------------------------------------------------- products
def product_layouts(a):
    """`a` by rows, by columns, with gaps, reversed, in a place that is not aligned to a vector."""
    yield a
    yield np.ascontiguousarray(a.swapaxes(-1, -2)).swapaxes(-1, -2)
    gaps = np.zeros((*a.shape[:-2], a.shape[-2] + 1, 2 * a.shape[-1] + 1), a.dtype)[..., 1:, 1::2]
    gaps[...] = a
    yield gaps
    yield a[..., ::-1, ::-1].copy()[..., ::-1, ::-1]


@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "c8"])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 32, 33])
@pytest.mark.parametrize("m", [1, 2, 3, 4, 6, 9, 16, 32])
def test_small_products(m, n, dtype):
    """Against extended precision; nothing is written outside of the result; every layout gives the same bits."""
    rng = np.random.default_rng(100 * m + n)
    for k in (1, 2, 3, 4, 8, 17, 32):
        a, b = rng.standard_normal((2, 3, max(m, n, k), max(m, n, k)))
        if dtype[0] == "c":
            a, b = a + 1j * a.swapaxes(-1, -2), b - 1j * b.swapaxes(-1, -2)
        a, b = a[:, :m, :k].astype(dtype), b[:, :k, :n].astype(dtype)
        long = np.longdouble if dtype[0] == "f" else np.clongdouble
        exact = (a.astype(long)[..., None] * b.astype(long)[:, None]).sum(-2)
        found = linalg.matmul(a, b)
        assert found.dtype == a.dtype
        bound = (k + 2) * np.finfo(dtype).eps * (np.abs(a)[..., None] * np.abs(b)[:, None]).sum(-2)
        assert np.all(np.abs(found - exact) <= bound)
        for x in product_layouts(a):
            for y in product_layouts(b):
                again = linalg.matmul(x, y)
                assert np.all(np.abs(again - exact) <= bound)


@pytest.mark.parametrize("isa", ops.available_isas())
def test_small_products_with_every_instruction_set(isa):
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_kernels_tile as t
for dtype in ("f8", "f4", "c16", "c8"):
    for m, n in ((3, 3), (5, 31), (32, 17), (1, 7), (9, 1)):
        t.test_small_products(m, n, dtype)
"""
    subprocess.run(
        [sys.executable, "-c", script], check=True, env={**os.environ, "SCIRS_AD_ISA": isa}, cwd=Path(sys.prefix)
    )


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("n", [2, 3, 4, 7, 16, 32, 33])
def test_compiled_stacks_of_products(n, dtype):
    """Every combination of transposes, one matrix or many on each side."""
    rng = np.random.default_rng(n)
    many, one = rng.standard_normal((70, n, n)).astype(dtype), rng.standard_normal((n, n)).astype(dtype)
    t = np.swapaxes

    def f(a, b):
        return a @ b, t(a, -1, -2) @ b, a @ t(b, -1, -2), t(a, -1, -2) @ t(b, -1, -2)

    bound = 4 * n * np.finfo(dtype).eps * np.max(np.abs(many)) ** 2
    for a, b in ((many, many[::-1]), (many, one), (one, many), (one, one.T)):
        for found, expected in zip(ad.compile(f)(a, b), f(a, b), strict=True):
            np.testing.assert_allclose(found, expected, rtol=0, atol=n * bound)
        # The cotangent of a product is all ones: of `a` the row sums of `b`, over all that `a` was multiplied with.
        found = ad.compile(ad.grad(lambda a, b: anp.sum(a @ b)))(a, b)
        rows = np.broadcast_to(b.sum(-1, dtype=float), np.broadcast_shapes(a.shape, b.shape)[:-1])
        expected = np.broadcast_to((rows if a.ndim == rows.ndim + 1 else rows.sum(0))[..., None, :], a.shape)
        np.testing.assert_allclose(found, expected, rtol=0, atol=70 * n * bound)
