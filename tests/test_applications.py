"""Functions as they stand in applications, at sizes where passes have rows, blocks and several threads.

Each is compiled in every way, and compared with eager mode, which is compared with differences.
"""

import importlib

import numpy as np
import pytest
import scipy.special

import scirs_ad as ad

RNG = np.random.default_rng(7)


def draw(*shape):
    return RNG.standard_normal(shape)


IMAGE, TABLE, VOLUME, POINTS = draw(70, 80), draw(90, 110), draw(8, 9, 70), draw(50, 6)
VECTORS, OTHERS, KERNEL = draw(300, 3), draw(300, 3), draw(5, 5)
PLACES, AT, WEIGHTS = RNG.integers(0, 90, 200), RNG.random(500), draw(6)
OUT = draw(3, 2)


# ------------------------------------------------------------------------------------------------ fields
def laplacian(u):
    return 4 * u[1:-1, 1:-1] - u[2:, 1:-1] - u[:-2, 1:-1] - u[1:-1, 2:] - u[1:-1, :-2]


def filtered(u, k):
    (m, n), (rows, columns) = np.shape(k), np.shape(u)
    return sum(k[i, j] * u[i : rows - m + 1 + i, j : columns - n + 1 + j] for i in range(m) for j in range(n))


def heat(u):
    for _ in range(4):
        u = u + 0.1 * (np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1) - 4 * u)
    return np.sum(u**2)


def heat_with_walls(u):
    for _ in range(3):
        u = np.pad(u[1:-1, 1:-1] - 0.1 * laplacian(u), 1)
    return np.sum(np.sin(u))


def wave(u):
    c = u[1:-1, 1:-1, 1:-1]
    around = u[2:, 1:-1, 1:-1] + u[:-2, 1:-1, 1:-1] + u[1:-1, 2:, 1:-1] + u[1:-1, :-2, 1:-1] + u[1:-1, 1:-1, 2:]
    return np.sum((around + u[1:-1, 1:-1, :-2] - 6 * c) ** 2 * np.exp(-(c**2)))


def advection(u):
    c = u[1:-1, 1:-1]
    return np.sum((c * (u[1:-1, 2:] - u[1:-1, :-2]) + np.sin(c) * (u[2:, 1:-1] - u[:-2, 1:-1])) ** 2)


def upwind(u):
    back, forth = u[1:-1] - u[:-2], u[2:] - u[1:-1]
    return np.sum(np.where(u[1:-1] > 0, u[1:-1] * back, u[1:-1] * forth) ** 2)


def total_variation(u):
    return np.sum(np.sqrt(np.diff(u, axis=0)[:, :-1] ** 2 + np.diff(u, axis=1)[:-1] ** 2 + 1e-3))


def similarity(u):
    box = np.ones((3, 3)) / 9
    a, b = filtered(u, box), filtered(IMAGE, box)
    return np.sum((2 * a * b + 0.1) / (a**2 + b**2 + 0.1))


# ------------------------------------------------------------------------------------------------ learning
def normalised(a):
    return np.sum(((a - a.mean(1, keepdims=True)) / np.sqrt(a.var(1, keepdims=True) + 1e-5)) ** 3)


def normalised_by_column(a):
    return np.sum(((a - a.mean(0)) / np.sqrt(a.var(0) + 1e-3)) ** 3)


def attention(x):
    s = x @ x.T / np.sqrt(6)
    p = np.exp(s - s.max(1, keepdims=True))
    return np.sum((p / p.sum(1, keepdims=True) @ x) ** 2)


def summed_logarithms(a):
    special = importlib.import_module("scirs_ad.scipy.special")  # not with the tests: its pages have tests of their own
    return np.sum(special.logsumexp(a, axis=1) * np.arange(90))


def network(w):
    return np.sum(ad.vmap(lambda r: np.tanh(r @ w) @ w.T @ WEIGHTS)(POINTS))


def pooled(u):
    return np.sum(u[:70, :80].reshape(35, 2, 40, 2).max(axis=(1, 3)) ** 2)


def enlarged(u):
    return np.sum(np.repeat(np.repeat(u, 2, 0), 2, 1)[1:-1, 1:-1] ** 3)


# ------------------------------------------------------------------------------------------------ physics, statistics
def lennard_jones(x):
    d = x[:, None] - x[None]
    inverse = 1 / (np.sum(d**2, -1) + np.eye(len(x)) + 0.5) ** 3
    return np.sum(np.triu(4 * (inverse**2 - inverse), 1))


def kalman(q):
    step, seen = np.array([[1, 0.1, 0], [0, 1, 0.1], [0, 0, 0.9]]), np.array([[1.0, 0, 0]])
    p, m, total = np.eye(3), np.zeros(3), 0.0
    for z in (0.1, 0.5, -0.2, 0.7):
        m, p = step @ m, step @ p @ step.T + np.diag(np.exp(q))
        s = seen @ p @ seen.T + 0.1
        gain, rest = p @ seen.T / s, z - (seen @ m)[0]
        m, p = m + gain[:, 0] * rest, (np.eye(3) - gain @ seen) @ p
        total = total + np.log(s[0, 0]) + rest**2 / s[0, 0]
    return total


def gaussian_process(t):
    x, y = POINTS[:, 0], POINTS[:, 1]
    k = np.exp(-((x[:, None] - x) ** 2) * np.exp(t[0])) + np.eye(50) * np.exp(t[1])
    return 0.5 * y @ np.linalg.solve(k, y) + 0.5 * np.linalg.slogdet(k)[1]


CASES = {
    "laplacian": (lambda u: np.sum(laplacian(u) ** 2), IMAGE), "laplacian of few columns": (lambda u: np.sum(laplacian(u) ** 2), IMAGE[:30, :20]),
    "twice filtered": (lambda u: np.sum(filtered(filtered(u, KERNEL[:3, :3]), KERNEL[:3, 1:4]) ** 2), IMAGE),
    "filtered": (lambda u: np.sum(np.tanh(filtered(u, KERNEL))), IMAGE), "filter": (lambda k: np.sum(np.tanh(filtered(IMAGE, k))), KERNEL),
    "heat": (heat, IMAGE), "heat with walls": (heat_with_walls, IMAGE), "wave": (wave, VOLUME), "advection": (advection, IMAGE),
    "upwind": (upwind, draw(500)), "total variation": (total_variation, IMAGE), "similarity": (similarity, draw(70, 80)),
    "second differences": (lambda u: np.sum(np.diff(u, 2, axis=0) ** 2) + np.sum(np.diff(u, 2, axis=1) ** 2), IMAGE),
    "gradient": (lambda u: sum(np.sum(g**2) for g in np.gradient(u)), IMAGE), "triples": (lambda u: np.sum((u[2:] * u[1:-1] * u[:-2]) ** 2), draw(5000)),
    "plaquettes": (lambda u: np.sum((u[::2, ::2] * u[1::2, 1::2] - u[::2, 1::2] * u[1::2, ::2]) ** 2), IMAGE),
    "halves": (lambda u: np.sum((u[:, :40] + u[:, 40:]) ** 2) + np.mean(u[35:, ::3]) ** 2 + np.sum(u[::2, ::-2] ** 3), IMAGE),
    "edges": (lambda u: np.sum(np.pad(u, ((1, 2), (3, 0)), mode="edge") ** 3) + np.sum(np.pad(u, 2, mode="reflect") ** 3), IMAGE),
    "shifted around": (lambda a: np.sum((np.roll(a, (1, -2), (0, 1)) - a) ** 2), TABLE), "spectrum": (lambda a: np.sum(np.abs(np.fft.fft2(a)) ** 2), IMAGE),
    "layers": (normalised, TABLE), "batches": (normalised_by_column, TABLE), "deviations": (lambda a: np.sum(np.std(a, axis=0) * np.arange(110)), TABLE),
    "attention": (attention, POINTS), "network": (network, draw(6, 6)), "pooled": (pooled, IMAGE), "enlarged": (enlarged, draw(20, 40)),
    "softmax": (lambda t: np.sum(t * np.exp(t - t.max(-1, keepdims=True)) / np.exp(t).sum(-1, keepdims=True)), VOLUME),
    "logsumexp": (summed_logarithms, TABLE),
    "largest": (lambda a: np.sum(np.max(a, axis=1) * np.arange(90)) + np.sum(np.min(a, axis=0) ** 2), TABLE),
    "rotations": (lambda r: np.sum(np.einsum("bij,bj->bi", r, VECTORS) ** 2), draw(300, 3, 3)), "frames": (lambda r: np.sum((r @ VECTORS[:, :, None]) ** 2), draw(300, 3, 3)),
    "chains of rotations": (lambda r: np.sum((r @ np.swapaxes(r, -1, -2) @ r) ** 2), draw(300, 3, 3) / 3),
    "moments": (lambda x: np.sum(np.cross(np.cross(x, OTHERS), x) * OTHERS), VECTORS), "lengths": (lambda x: np.sum(np.linalg.norm(x, axis=-1)), VECTORS),
    "stacked": (lambda q: np.sum((np.stack([q[..., 0] * 2 - q[..., 1], q[..., 2] * q[..., 3], q[..., 1]], -1) @ OUT) ** 2), draw(300, 4)),
    "pairs": (lambda x: np.sum(np.exp(-np.sum((x[:, None] - x[None]) ** 2, -1))), POINTS), "lennard-jones": (lennard_jones, POINTS), "kalman": (kalman, draw(3)),
    "gaussian process": (gaussian_process, draw(2)), "covariance": (lambda x: np.sum(np.cov(x.T) ** 2) + np.sum(np.corrcoef(x.T) ** 3), POINTS),
    "cumulative": (lambda a: np.sum(np.cumsum(a, axis=1) ** 2) + np.sum(np.cumprod(1 + 0.01 * a, axis=1) ** 2), TABLE), "products": (lambda a: np.sum(np.prod(1 + 0.01 * a, axis=1)), TABLE),
    "gathered": (lambda a: np.sum(a[PLACES] ** 2) + np.sum(a[PLACES, PLACES[::-1]] ** 3), TABLE), "interpolated": (lambda a: np.sum(np.interp(AT, np.linspace(0, 1, 30), a) ** 2), draw(30)),
    "convolved": (lambda a: np.sum(np.convolve(a, WEIGHTS, "same") ** 2), draw(300)), "outer": (lambda a: np.sum(np.outer(a, np.sin(a)) ** 2), draw(50)),
    "polynomial": (lambda c: np.sum(np.polyval(c, AT) ** 2), draw(6)), "triangles": (lambda a: np.sum(np.tril(a, -3) ** 2 + np.triu(a)), TABLE), "kronecker": (lambda a: np.sum(np.kron(a, a) ** 2), draw(6, 7)),
    "joined": (lambda a: np.sum(np.concatenate([a, a[::-1] * 2]) ** 2) + np.sum(np.stack([a, np.sin(a), a * 2], -1)[..., 1:] ** 3), TABLE),
    "special": (lambda a: np.sum(scipy.special.gammaln(np.abs(a) + 1)) + np.sum(scipy.special.erf(a) * scipy.special.erfc(a)), TABLE),
    "moved axes": (lambda t: np.sum(np.swapaxes(t, 0, 2) * np.arange(8.0)[:, None, None] * np.moveaxis(t, 0, -1).transpose(1, 0, 2)), VOLUME[:8, :9, :8]),
    "inverse": (lambda a: np.linalg.slogdet(a @ a.T + np.eye(20))[1] + np.sum(np.linalg.inv(a @ a.T + np.eye(20))), draw(20, 20)),
    "nuclear": (lambda a: np.linalg.norm(a, "nuc"), draw(10, 7)), "eigenvalues": (lambda a: np.sum(np.linalg.eigvalsh(a + a.T) ** 3), draw(9, 9)),
}  # fmt: skip


@pytest.fixture
def threads():
    before = ad.get_num_threads()
    yield ad.set_num_threads
    ad.set_num_threads(before)


@pytest.mark.parametrize("name", CASES)
def test_compiled_is_eager(name, threads):
    f, a = CASES[name]
    value, slope = ad.value_and_grad(f)(a)
    t = np.random.default_rng(1).standard_normal(a.shape)
    h = 1e-6
    moved = (f(a + h * t) - f(a - h * t)) / (2 * h)
    assert abs(moved - np.sum(slope * t)) <= 2e-5 * (0.1 * np.sum(np.abs(slope * t)) + abs(moved) + 1e-3)
    curved = ad.jvp(ad.grad(f), (a,), (t,))[1]

    def close(found, expected, digits):
        np.testing.assert_allclose(found, expected, rtol=0, atol=10.0**-digits * (np.max(np.abs(expected)) + 1e-300))

    for number in (1, 2):
        threads(number)
        close(ad.compile(f)(a), value, 10)
        close(ad.compile(ad.grad(f))(a), slope, 10)
        for level in ("standard", "aggressive"):
            found = ad.compile(ad.value_and_grad(f), level=level)(a)
            close(found[0], value, 10)
            close(found[1], slope, 10)
        close(ad.value_and_grad(ad.compile(f))(a)[1], slope, 10)
        close(ad.jvp(ad.compile(f), (a,), (t,))[1], np.sum(slope * t), 8)
        close(ad.compile(lambda x: ad.jvp(ad.grad(f), (x,), (t,))[1])(a), curved, 9)
    # Of second derivatives, kinks apart, differences of the gradient are an oracle, too.
    if name not in ("largest", "pooled", "upwind"):
        differences = (ad.grad(f)(a + h * t) - ad.grad(f)(a - h * t)) / (2 * h)
        bound = 1e-4 * (np.max(np.abs(curved)) + np.max(np.abs(slope)) + 1e-6)
        np.testing.assert_allclose(curved, differences, rtol=0, atol=bound)
