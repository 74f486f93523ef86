"""The fast paths of eager sweeps give what the general ones give: few numbers, large arrays, batches."""

import gc
import weakref

import numpy as np
import pytest

import scirs_ad as ad
import scirs_ad.numpy as anp
from scirs_ad._core.core import Tape

LARGE = 40_000  # elements: pulled block by block
PIECE = 50  # divides LARGE: the general path


def transcendental(x):
    return np.tanh(x) * np.exp(-(x**2)) + np.sin(x) / (1.0 + x**2)


def shared(x):
    """Cotangents that several nodes have in common, and sums of them."""
    a = x + 1
    b = a + 2
    c = a * b
    d = c - a
    e = d + c + a
    return e + b - x


def products_of_one(x):
    a = x * x
    b = a + a
    c = b * a
    return c * c + 2


def long_chain(x):
    """More nodes than are pulled at a time."""
    y = x
    for _ in range(100):
        y = y * 1.001 + 0.001 * np.sin(y)
    return y


def limited(x):
    return np.where(x > 0, np.maximum(x, 0.3) * x, np.minimum(x, -0.3)) + np.clip(x, -0.5, 0.5)


def with_integers(x):
    return 2 * x - 3 / (x * x + 1)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


ELEMENTWISE = [transcendental, shared, products_of_one, long_chain, limited, with_integers]


@pytest.mark.parametrize("f", ELEMENTWISE)
def test_large_arrays_as_small_ones(f, rng):
    x, ct = rng.standard_normal(LARGE), rng.standard_normal(LARGE)
    value, pullback = ad.vjp(f, x)
    np.testing.assert_allclose(value, f(x), rtol=1e-13, atol=1e-14)
    (g,) = pullback(ct)
    pieces = [ad.vjp(f, p)[1](c)[0] for p, c in zip(x.reshape(-1, PIECE), ct.reshape(-1, PIECE), strict=True)]
    # Sums of the same numbers, perhaps in another order.
    scale = np.max(np.abs(g)) + np.abs(g)
    assert np.all(np.abs(g - np.concatenate(pieces)) <= 16 * np.finfo(float).eps * scale)
    np.testing.assert_array_equal(pullback(ct)[0], g)  # the tape can be walked again
    assert g.flags.writeable
    assert g.flags.owndata or g.base is not None


@pytest.mark.parametrize("f", ELEMENTWISE)
def test_large_arrays_in_two_dimensions_and_other_orders(f, rng):
    x = rng.standard_normal((200, 200))
    expected = ad.grad(lambda x: np.sum(f(x)))(x.ravel()).reshape(200, 200)
    for y in (x, np.asfortranarray(x), np.repeat(x, 2, 1)[:, ::2]):
        np.testing.assert_allclose(ad.grad(lambda x: np.sum(f(x)))(y), expected, rtol=1e-14, atol=1e-14)


def test_a_large_sweep_meets_other_operations(rng):
    x, h = rng.standard_normal(LARGE), 1e-6

    def f(x):
        y = x.reshape(200, 200)
        z = np.maximum(y, 0.1) * y
        w = z - z.T
        return np.sum(w * w + z) + np.sum(y[3] * np.exp(y[:, 5])) + np.sum(np.cumsum(z[0]) * z[1])

    g = ad.grad(f)(x)
    for k in rng.integers(0, LARGE, 5):
        e = np.zeros(LARGE)
        e[k] = h
        assert abs(g[k] - (f(x + e) - f(x - e)) / (2 * h)) <= 1e-4 * (1 + abs(g[k]))


def test_intermediate_results_of_a_large_sweep(rng):
    x = rng.standard_normal(LARGE)
    with Tape() as tape:
        v = tape.variable(x)
        a = np.sin(v)
        b = a * v
        c = np.exp(b) + a
    ct = np.ones(LARGE)
    to_v, to_a, to_b = tape.gradients(c, [v, a, b], ct)
    s = np.sin(x)
    np.testing.assert_allclose(to_b, np.exp(s * x), rtol=1e-14)
    np.testing.assert_allclose(to_a, 1 + np.exp(s * x) * x, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(to_v, np.exp(s * x) * s + to_a * np.cos(x), rtol=1e-12, atol=1e-12)
    assert np.array_equal(ct, np.ones(LARGE))


def test_large_sweeps_do_not_depend_on_threads(rng):
    x, before = rng.standard_normal(300_000), ad.get_num_threads()
    found = []
    for n in (1, 2, 3):
        ad.set_num_threads(n)
        found.append(ad.grad(lambda x: np.sum(transcendental(x) * x))(x))
    ad.set_num_threads(before)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


# ------------------------------------------------------------------------------------------------ few numbers
@pytest.mark.parametrize("shape", [(), (1,), (3,), (64,), (65,), (0,), (2, 3)])
@pytest.mark.parametrize("f", ELEMENTWISE)
def test_few_numbers_of_any_shape(f, shape, rng):
    x = rng.standard_normal(shape)
    value, pullback = ad.vjp(f, x)
    ct = rng.standard_normal(shape)
    (g,) = pullback(ct)
    large = np.resize(x, LARGE) if x.size else np.zeros(LARGE)
    expected = ad.vjp(f, large)[1](np.resize(ct, LARGE) if x.size else large)[0][: x.size].reshape(shape)
    np.testing.assert_allclose(g, expected, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(value, f(x), rtol=1e-13, atol=1e-14)
    assert np.shape(g) == shape


def test_results_are_never_used_again(rng):
    """Arrays are given out again only after all who saw them are gone."""
    x = rng.standard_normal(10)
    seen = []

    def f(x):
        y = x
        for _ in range(10):
            y = y * x + 1
            seen.append((ad.value(y), ad.value(y).copy()))
        return y.sum()

    gradients = [ad.grad(f)(x) for _ in range(20)]
    kept = [ad.vjp(lambda x: x * x, x)[0] for _ in range(20)]
    view = kept[3][2:5]
    expected = kept[3][2:5].copy()
    del kept
    for _ in range(200):
        ad.grad(f)(rng.standard_normal(10))
    np.testing.assert_array_equal(view, expected)
    assert all(np.array_equal(a, b) for a, b in seen)
    assert all(np.array_equal(g, gradients[0]) for g in gradients)
    assert len({g.ctypes.data for g in gradients}) == len(gradients)


def test_arrays_with_weak_references_die(rng):
    x = rng.standard_normal(7)
    found = []

    def f(x):
        y = x * x
        found.append(weakref.ref(ad.value(y)))
        return np.sum(y * y)

    ad.grad(f)(x)
    gc.collect()
    assert found[0]() is None


def test_an_array_that_was_locked_or_reshaped_is_not_given_out(rng):
    x = rng.standard_normal(6)

    def lock(x):
        y = x * 2.0
        ad.value(y).flags.writeable = False
        return np.sum(y * x)

    for _ in range(50):
        ad.grad(lock)(x)
    for _ in range(50):
        assert ad.vjp(lambda x: x * 3.0, x)[0].flags.writeable


def test_one_number_and_a_vector(rng):
    x = rng.standard_normal(4)
    g = ad.grad(lambda x: np.sum(x[0] * x + x[1] - x / x[2]))(x)
    expected = np.array([x.sum() + x[0], x[0] + 4, x[0], x[0]]) - 1 / x[2]
    expected[2] += x.sum() / x[2] ** 2
    np.testing.assert_allclose(g, expected, rtol=1e-13)


# ------------------------------------------------------------------------------------------------ batches
def residuals(p, t):
    return p[0] * np.exp(-p[1] * t) + p[2] / (1 + p[3] * t) + p[4]


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_jacobian_in_one_batch(mode, rng):
    t, p = np.linspace(0, 5, 50), rng.uniform(0.5, 1.5, 5)
    j = ad.jacobian(residuals, mode=mode)(p, t)
    columns = [ad.jvp(lambda p: residuals(p, t), (p,), (e,))[1] for e in np.eye(5)]
    np.testing.assert_allclose(j, np.stack(columns, 1), rtol=1e-13, atol=1e-14)
    assert j.flags.writeable
    assert j.flags.c_contiguous


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x + np.zeros((3, 4)),
        lambda x: np.where(np.arange(12).reshape(3, 4) > 5, x, x * x),
        lambda x: x[:2, None] * np.ones((2, 3)) @ np.ones((3, 4)) + x,
        lambda x: np.outer(x, x)[:, 1:] / (1 + x[0] ** 2),
        lambda x: x[2],
        lambda x: np.sum(x),
        lambda x: np.hypot(x, x[0]) * 1j,
        lambda x: x.astype(np.float32) * np.float32(2),
        lambda x: anp.stack([x[0], 2.0 * x[1]]),
    ],
)
def test_batched_tangents_broadcast(f, rng):
    x = rng.uniform(0.5, 1.5, 4)
    forward, reverse = (ad.jacobian(lambda x: np.real(f(x)) + np.imag(f(x)), mode=m)(x) for m in ("forward", "reverse"))
    columns = [ad.jvp(lambda x: np.real(f(x)) + np.imag(f(x)), (x,), (e,))[1] for e in np.eye(4)]
    eps = 1e-5 if forward.dtype == np.float32 else 1e-13
    np.testing.assert_allclose(forward, np.stack(columns, -1), rtol=eps, atol=eps)
    np.testing.assert_allclose(reverse, forward, rtol=eps, atol=eps)
    assert not isinstance(forward, np.ndarray) or forward.flags.writeable


def test_a_batch_in_a_batch(rng):
    x = rng.standard_normal((3, 4))
    h = ad.vmap(ad.hessian(lambda x: np.sum(transcendental(x) * x[0])))(x)
    one = np.stack([ad.hessian(lambda x: np.sum(transcendental(x) * x[0]))(row) for row in x])
    np.testing.assert_allclose(h, one, rtol=1e-12, atol=1e-12)


def test_cotangents_that_nobody_wants_are_not_computed():
    called = []

    @ad.primitive("(),()->()")
    def times(x, y):
        return x * y

    @times.def_vjp
    def _(ct, x, y):
        def to_y():
            called.append("y")
            return ct * x

        return lambda: ct * y, to_y

    assert ad.grad(lambda x: times(x, 3.0))(2.0) == 3.0
    assert not called
    assert ad.grad(lambda y: times(2.0, y))(3.0) == 2.0
    assert called == ["y"]
    np.testing.assert_allclose(ad.hessian(lambda x: times(x[0], x[1]))(np.array([1.0, 2.0])), [[0, 1], [1, 0]])
    assert ad.jvp(times, (2.0, 3.0), (1.0, 1.0))[1] == 5.0
