"""Matrices of few diagonals in compiled Jacobians and Hessians: equal to eager ones, and computed on the diagonals."""

import numpy as np
import pytest

import scirs_ad as ad
from scirs_ad._compiler.diagonals import LINE

X = np.random.default_rng(0).standard_normal(40)
W = np.random.default_rng(1).standard_normal((40, 40))


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


SCALAR = {
    "rosenbrock": rosenbrock,
    "separable": lambda x: np.sum(np.sin(x) * np.exp(x) / 2),
    "second neighbours": lambda x: np.sum(x[2:] * x[:-2] * np.cos(x[1:-1])),
    "all neighbours": lambda x: np.sum((x[:, None] - x[None, :]) ** 4),
    "choice": lambda x: np.sum(np.where(x > 0, x**3, -x) + np.abs(x) ** 3),
    "reversed": lambda x: np.sum(x * x[::-1] ** 2),
    "gaps": lambda x: np.sum(x[::2] ** 3 * x[1::2]),
    "rank one": lambda x: np.sum(x) ** 3 + np.prod(x[:3]),
    "product": lambda x: np.sum(np.tanh(W @ x)) + np.sum(x**4),
    "reshaped": lambda x: np.sum(x.reshape(5, 8) ** 3),
    "rolled": lambda x: np.sum(np.roll(x, 1) * x**2),
    "scan of sums": lambda x: np.sum(np.cumsum(x) ** 2 * x),
}
VECTOR = {
    "elementwise": lambda x: np.sin(x) * x,
    "neighbours": lambda x: x[1:] * x[:-1],
    "padded": lambda x: np.concatenate([x[1:] ** 2, x[:5], np.zeros(3)]),
    "sums": lambda x: np.sum(x[:, None] * np.arange(3.0), axis=1) + x,
    "matrix": lambda x: W @ (x * x),
    "of the matrix": lambda x: (x * x) @ W.T + 3 * x,
    "narrow": lambda x: x.astype(np.float32) * 2,
    "two": lambda x: (x[:-1] / 3, -x),
}


def same(found, expected):
    found, expected = (y if isinstance(y, tuple) else (y,) for y in (found, expected))
    for y, z in zip(found, expected, strict=True):
        assert y.dtype == z.dtype
        np.testing.assert_allclose(y, z, rtol=1e-11 if y.dtype == np.float64 else 1e-4, atol=1e-9)


@pytest.mark.parametrize("name", SCALAR)
def test_hessians(name):
    f = SCALAR[name]
    same(ad.compile(ad.hessian(f))(X), ad.hessian(f)(X))
    same(ad.compile(ad.jacrev(ad.grad(f)))(X), ad.jacrev(ad.grad(f))(X))
    x = X.astype(np.float32)
    same(ad.compile(ad.hessian(f))(x), ad.hessian(f)(x))


@pytest.mark.parametrize("name", VECTOR)
def test_jacobians(name):
    f = VECTOR[name]
    for transform in (ad.jacfwd, ad.jacrev):
        same(ad.compile(transform(f))(X), transform(f)(X))
        same(ad.compile(ad.jacfwd(lambda x, t=transform: np.sum(t(f)(x)[0], axis=-1)))(X),
             ad.jacfwd(lambda x, t=transform: np.sum(t(f)(x)[0], axis=-1))(X))  # fmt: skip


@pytest.mark.parametrize("name", ["rosenbrock", "separable", "second neighbours", "choice"])
def test_cost_is_that_of_the_diagonals(name):
    lowered = ad.compile(ad.hessian(SCALAR[name])).lower(ad.Spec((400,)))
    assert lowered.report[LINE] >= 1
    plain = ad.compile(ad.hessian(SCALAR[name]), level="basic").lower(ad.Spec((400,)))
    assert lowered.flops < 0.05 * plain.flops + 4 * 400 * 400  # the matrix itself is written, and no more
    assert lowered.program.arena_bytes < 400 * 8 * 60


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_zeros_stay_zeros_beside_nan():
    x = X.copy()
    x[3], x[7], x[9] = np.nan, np.inf, -np.inf
    for f in (rosenbrock, SCALAR["separable"], SCALAR["choice"]):
        found, expected = ad.compile(ad.hessian(f))(x), ad.hessian(f)(x)
        assert np.array_equal(np.isnan(found), np.isnan(expected))
        assert np.array_equal(found[0], expected[0])


def test_an_unknown_factor_is_not_taken_for_finite():
    """A product of zeros with what may be inf is not zeros."""
    eye = np.eye(40)
    x = np.full(40, np.inf)
    with np.errstate(invalid="ignore"):
        expected = x * eye
        assert np.array_equal(ad.compile(lambda x: x * eye)(x), expected, equal_nan=True)
        assert np.array_equal(ad.compile(lambda x: eye - x * eye)(x), eye - expected, equal_nan=True)


def test_constants_that_are_no_bands():
    rng = np.random.default_rng(2)
    scattered = np.zeros((40, 40))
    scattered[rng.integers(0, 40, 30), rng.integers(0, 40, 30)] = 1.0
    corner = np.zeros((40, 40))
    corner[0, 0] = corner[39, 39] = 1.0
    for a in (scattered, corner, np.zeros((40, 40)), np.eye(40)[:, ::-1], np.eye(40) * np.arange(40.0), np.eye(40, k=-2),
              np.eye(40, 60, k=5), np.eye(60, 40)):  # fmt: skip

        def f(x, a=a):
            return (a * 2.0 - a / 4) @ np.ones(a.shape[1]) * x[0] + np.sum(-a.T, axis=0), (3 * a)[1:, 2:], a.T + a.T

        for y, z in zip(ad.compile(f)(X), f(X), strict=True):
            np.testing.assert_allclose(y, z, rtol=1e-13, atol=1e-13)


def test_blocks_of_the_result_belong_to_the_caller():
    c = ad.compile(ad.hessian(rosenbrock))
    first = c(X)
    kept = first.copy()
    first[...] = 7.0
    assert np.array_equal(c(X), kept)
    assert first.flags.c_contiguous
