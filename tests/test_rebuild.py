"""The identities of matrices and the sharing of factorisations: equal results, and what they cost."""

import time

import numpy as np
import pytest

import scirs_ad as ad
import scirs_ad.numpy as anp
from scirs_ad._compiler import matrices
from scirs_ad._compiler.matrices import SHARE_LINE

RNG = np.random.default_rng(0)
A, B, C = RNG.standard_normal((40, 30)), RNG.standard_normal((30, 50)), RNG.standard_normal((50, 20))
U, V = RNG.standard_normal(40), RNG.standard_normal(20)
S = RNG.standard_normal((40, 40)) + 12 * np.eye(40)
LINES = {rule: line for rules in matrices.TABLE.values() for rule, line, _ in rules}

# line of the table -> functions, arguments, and how many products the graph has then
IDENTITIES = {
    matrices._reassociated: [
        (lambda a, b, c, v: a @ b @ c @ v, (A, B, C, V)),
        (lambda u, a, b: u @ (a @ b), (U, A, B)),
        (lambda u, a, b, c, v: (u @ a) @ ((b @ c) @ v), (U, A, B, C, V)),
        (lambda c, w, x: (c @ w) @ x, (RNG.standard_normal((90, 80)), RNG.standard_normal((80, 70)), np.ones((70, 2)))),
        (lambda x, c, w: x @ (c @ w) * 2.0, (np.ones((2, 90)), RNG.standard_normal((90, 80)), np.ones((80, 70)))),
    ],
    matrices._sum_of_products: [
        (lambda x, y: np.sum(x * y), (U, U[::-1].copy())),
        (lambda x, y: np.sum(x * y), (A, A + 1)),
        (lambda x, y: np.sum(x * y, axis=1), (A, B[:, 0].copy())),
        (lambda x, y: np.sum(x * y[:, None], axis=0), (A, U)),
        (lambda x, y: np.sum(x[:, :, None] * y[None], axis=1), (A, B)),
        (lambda x, y: np.sum(np.exp(x)[:, :, None] * np.sin(y)[None], axis=1), (A, B)),
        (lambda x, y: np.sum(x[:, None, :] * y.T[None], axis=-1, keepdims=True), (A, B)),
        (lambda x, y: np.mean(x * y, axis=-1), (A, B[:, 0].copy())),
        (lambda x, y: np.sum(y * x, axis=-1), (A, B[:, 0].astype(float))),
    ],
    matrices._common_factor: [
        (lambda a, b, c: a @ c + b @ c, (A, A + 1, B)),
        (lambda a, b, c: c @ a + c @ b, (B, B + 1, A)),
        (lambda a, b, c: np.exp(a) @ np.exp(c) + b @ np.exp(c), (A, A + 1, B)),
    ],
}
CASES = [(rule, f, args) for rule, found in IDENTITIES.items() for f, args in found]


def close(found, expected, rtol=1e-11):
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * np.abs(expected).max())


def test_every_identity_has_a_test():
    assert set(IDENTITIES) == set(LINES)
    assert all(level == matrices.AGGRESSIVE for rules in matrices.TABLE.values() for _, _, level in rules)


@pytest.mark.parametrize(("rule", "f", "args"), CASES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_identities_of_matrices(rule, f, args, dtype):
    args = [x.astype(dtype) for x in args]
    c = ad.compile(f, level="aggressive")
    found, expected = c(*args), f(*args)
    assert found.dtype == expected.dtype
    close(found, expected, 1e-11 if dtype == np.float64 else 1e-4)
    assert c.lower(*args).report[LINES[rule]] >= 1
    assert ad.compile(f).lower(*args).report[LINES[rule]] == 0  # rounding changes: only if asked for
    rest = tuple(range(len(args)))
    g = ad.grad(lambda *args: np.sum(np.sin(f(*args) / 100)), argnums=rest)
    for y, z in zip(ad.compile(g, level="aggressive")(*args), g(*args), strict=True):
        close(y, z, 1e-10 if dtype == np.float64 else 1e-3)


def test_what_is_read_twice_or_batched_is_left_alone():
    def f(a, b, c):
        ab = a @ b
        return ab @ c, ab, np.sum(a * a * b[:, 0], axis=1)

    lowered = ad.compile(f, level="aggressive").lower(A, B, C[:, :1])
    assert lowered.report[LINES[matrices._reassociated]] == 0
    batched = RNG.standard_normal((3, 40, 30))
    for g, args in (
        (lambda a, b: np.sum(a * b, axis=-1), (A, A)),
        (lambda a, b, c: a @ b @ c, (batched, B, C)),
        (lambda a, b: np.sum(a[:, None] * b, axis=-1), (batched[:, 0], batched)),
        (lambda x, y: np.sum(np.exp(x) * y), (A, A)),
    ):
        c = ad.compile(g, level="aggressive")
        close(c(*args), g(*args))
        assert not set(LINES.values()) & set(c.lower(*args).report)


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (lambda a, b, v: (a @ b) @ v, (np.ones((60, 60)), np.ones((60, 60)), np.ones(60))),
        (lambda a, b: np.sum(a[:, :, None] * b, axis=1), (np.ones((60, 60)), np.ones((60, 60)))),
        (lambda a, b, c: a @ c + b @ c, (np.ones((60, 60)), np.ones((60, 60)), np.ones((60, 60)))),
    ],
)
def test_identities_cost_less(f, args):
    """At sizes for which BLAS takes one thread."""
    best = {}
    for level in ("standard", "aggressive"):
        c = ad.compile(f, level=level)
        c(*args)
        for _ in range(15):
            start = time.perf_counter()
            for _ in range(20):
                c(*args)
            best[level] = min(best.get(level, 1e9), time.perf_counter() - start)
    assert best["aggressive"] < 0.8 * best["standard"]


# ------------------------------------------------------------------------------------------------ factorisations
def names(lowered):
    return [op.primitive.name for op in lowered.rebuilt.ops]


def marginal(a, b):
    return b @ anp.linalg.solve(a, b) + anp.linalg.slogdet(a)[1]


def everything(a, b):
    return marginal(a, b) + np.sum(np.linalg.inv(a) ** 2) + np.linalg.slogdet(a)[0] * np.sum(np.linalg.solve(a, a.T))


@pytest.mark.parametrize("f", [marginal, everything, lambda a, b: np.linalg.slogdet(a)[1] + b @ np.linalg.inv(a) @ b])
def test_one_factorisation_for_all(f):
    g = ad.value_and_grad(f, argnums=(0, 1))
    c = ad.compile(g)
    (value, grads), (expected, others) = c(S, U), g(S, U)
    close(value, expected)
    for y, z in zip(grads, others, strict=True):
        close(y, z, 1e-9)
    lowered = c.lower(S, U)
    assert names(lowered).count("lu_of") == 1
    assert not {"slogdet_core", "inv_core"} & set(names(lowered))
    assert lowered.report[SHARE_LINE] >= 1
    h = ad.compile(ad.hvp(lambda a: f(a, U)))
    close(h(S, np.ones((40, 40))), ad.hvp(lambda a: f(a, U))(S, np.ones((40, 40))), 1e-8)


def test_one_cholesky_factor_for_solution_and_determinant():
    p = S @ S.T

    def f(a, b):
        factor = np.linalg.cholesky(a)
        return b @ ad.scipy.linalg.cho_solve((factor, True), b) + 2 * np.sum(np.log(np.diag(factor)))

    def again(a, b):
        return f(a, b) + np.sum(np.linalg.cholesky(a)[3])

    for g in (f, again):
        c = ad.compile(ad.value_and_grad(g))
        assert names(c.lower(p, U)).count("cholesky_core") == 1
        close(c(p, U)[1], ad.grad(g)(p, U), 1e-8)


def test_factors_of_other_matrices_are_their_own():
    def f(a, b):
        return np.linalg.slogdet(a)[1] + np.linalg.slogdet(a + 1.0)[1] + np.sum(np.linalg.inv(2.0 * a)) + np.sum(b)

    lowered = ad.compile(f).lower(S, U)
    assert lowered.report[SHARE_LINE] == 0
    few = ad.compile(lambda a: np.linalg.slogdet(a)[1] + np.sum(np.linalg.inv(a))).lower(S[:5, :5])
    assert few.report[SHARE_LINE] == 0  # small: factored in less time than factors are read


def test_singular_matrices_are_those_of_eager():
    def f(a):
        return np.linalg.slogdet(a)[1], np.sum(np.linalg.inv(a))

    a = np.ones((20, 20))
    with pytest.raises(np.linalg.LinAlgError, match=r"[Ss]ingular"):
        f(a)
    with pytest.raises(np.linalg.LinAlgError, match=r"inv.*the matrix is singular"):
        ad.compile(f)(a)
    for sign in (1, -1):
        turned = S[::sign]
        for y, z in zip(ad.compile(f)(turned), f(turned), strict=True):
            close(y, z)
        z = ad.compile(lambda a: (*np.linalg.slogdet(a), np.linalg.inv(a)))(turned + 1j * S.T)
        for y, e in zip(z, (*np.linalg.slogdet(turned + 1j * S.T), np.linalg.inv(turned + 1j * S.T)), strict=True):
            close(y, e)


def test_products_with_the_own_transpose_compute_one_half():
    """syrk, as NumPy does it: symmetric to the bit."""
    for f in (lambda a: a @ a.T, lambda a: a.T @ a, lambda a: np.exp(a) @ np.exp(a).T, lambda a: a[:, 3:] @ a[:, 3:].T):
        for a in (A, A.astype(np.float32), A[:3], A[:, :1]):
            found = ad.compile(f)(a)
            assert np.array_equal(found, found.T)
            close(found, f(a), 1e-12 if a.dtype == np.float64 else 1e-5)


def test_determinants_share_the_factorisation_too():
    def f(a, b):
        return np.linalg.det(a) + np.sum(np.linalg.solve(a, b)) + np.linalg.slogdet(a)[1]

    a = np.eye(20) + RNG.standard_normal((20, 20)) / 10
    b = RNG.standard_normal(20)
    for g in (f, ad.grad(f), ad.value_and_grad(lambda a, b: np.linalg.det(a))):
        c = ad.compile(g)
        for y, z in zip(_as_tuple(c(a, b)), _as_tuple(g(a, b)), strict=True):
            np.testing.assert_allclose(y, z, rtol=1e-11)
        made = [op.primitive.name for op in c.lower(a, b).rebuilt.ops]
        assert made.count("lu_of") == 1
        assert not {"det_core", "cofactor_core", "slogdet_core", "inv_core"}.intersection(made)
    singular = np.diag([*range(1, 20), 0.0])
    both = ad.compile(ad.value_and_grad(lambda a: np.linalg.det(a)))
    np.testing.assert_allclose(both(singular)[1], ad.grad(np.linalg.det)(singular), rtol=1e-12)


def _as_tuple(x):
    return x if isinstance(x, tuple) else (x,)


NARROW = [np.float32(0.5), np.float32(0.1), np.float16(0.1), np.array(0.25, "f4"), np.array([0.5], "f4")]
WITH_NUMBERS = (
    lambda x, h: 0.7 * (h * x), lambda x, h: (x * h) * 0.7, lambda x, h: (x / h) / 0.3, lambda x, h: 0.7 / (h * x),
    lambda x, h: -(h * x) * 1.1, lambda x, h: (x + h) + 0.7, lambda x, h: 1.3 - (h - x), lambda x, h: (x * h) / 0.7,
)  # fmt: skip


@pytest.mark.parametrize("level", ["basic", "standard", "aggressive"])
@pytest.mark.parametrize("f", WITH_NUMBERS)
@pytest.mark.parametrize("narrow", NARROW)
def test_numbers_of_float32_are_joined_in_the_precision_of_the_result(narrow, f, level):
    x = np.random.default_rng(0).standard_normal(50)
    for g in (lambda x: f(x, narrow), ad.grad(lambda x: np.sum(f(x, narrow)))):
        expected = g(x)
        np.testing.assert_allclose(
            ad.compile(g, level=level)(x), expected, rtol=0, atol=1e-15 * np.max(np.abs(expected))
        )
