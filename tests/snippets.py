"""Ordinary NumPy and SciPy code that dispatches: the corpus of `test_snippets`. Nothing here knows of derivatives.

`@snippet(at)` differentiates as it stands, `@native_snippet(at)` under ``native=True`` (as it stands it has to be refused),
`@refused(error, match, at)` is refused in both, by a message that names what is wrong.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
import scipy.fft
import scipy.sparse
import scipy.special
from scipy.special import erf, expit, gammaln, logsumexp

CORPUS = {}


class Snippet(NamedTuple):
    """A function, where to differentiate it, and what to expect."""

    f: object
    at: object
    native: bool = False
    error: object = None
    match: str = ""


def _register(f, at, **expected):
    assert f.__name__ not in CORPUS, f.__name__
    CORPUS[f.__name__] = Snippet(f, at, **expected)
    return f


def snippet(at):
    return lambda f: _register(f, at)


def native_snippet(at):
    return lambda f: _register(f, at, native=True)


def refused(error, match, at):
    return lambda f: _register(f, at, error=error, match=match)


V = np.array([0.3, 1.2, -0.7, 2.1])
P = np.array([0.6, 1.7, 0.9, 2.4])
W = np.array([0.2, -0.4, 1.1, 0.5, -0.9, 0.8])
M = np.array([[2.0, 0.3, -0.5], [0.7, 1.5, 0.4], [-0.2, 0.6, 3.0]])
S = 0.8
T = np.linspace(0.0, 1.0, 4)
DATA = np.array([1.3, 0.4, -0.2, 2.2, 0.9, 1.1])
X = np.array([[1.0, 0.5, -0.3], [1.0, -1.2, 0.8], [1.0, 0.1, 1.9], [1.0, 2.0, -0.6], [1.0, -0.4, 0.2]])
Y = np.array([0.0, 1.0, 1.0, 0.0, 1.0])
COUNTS = np.array([0, 2, 1, 5, 3])


# ------------------------------------------------------------------------------------------------ statistics
@snippet(V)
def z_scores(v):
    return (v - v.mean()) / v.std(ddof=1)


@snippet(P)
def coefficient_of_variation(v):
    return np.std(v) / np.mean(v)


@snippet(V)
def weighted_mean(v):
    return np.average(v, weights=[1, 2, 3, 4])


@snippet(M)
def covariance_trace(m):
    return np.trace(np.cov(m, rowvar=False))


@snippet(M)
def correlation(m):
    return np.corrcoef(m)[0, 1]


@snippet(V)
def skewness(v):
    d = v - np.mean(v)
    return np.mean(d**3) / np.mean(d**2) ** 1.5


@snippet(V)
def middle(v):
    return np.median(v) + np.percentile(v, 30) + np.quantile(v, [0.1, 0.9]).sum()


@snippet(P)
def geometric_and_harmonic_mean(v):
    return np.exp(np.mean(np.log(v))) + len(v) / np.sum(1.0 / v)


@snippet(np.array([0.4, 1.3]))
def normal_log_likelihood(theta):
    mu, sigma = theta
    return -0.5 * np.sum(((DATA - mu) / sigma) ** 2) - DATA.size * np.log(sigma)


@snippet(np.array([0.2, -0.3, 0.5]))
def logistic_regression(beta):
    z = X @ beta
    return -np.sum(Y * np.log(expit(z)) + (1 - Y) * np.log1p(-expit(z)))


@snippet(np.array([0.2, -0.3, 0.5]))
def poisson_regression(beta):
    eta = np.dot(X, beta)
    return np.sum(np.exp(eta) - COUNTS * eta + gammaln(COUNTS + 1))


@snippet(np.array([0.5, 2.0]))
def beta_log_density(p):
    a, b = p[0] + 1, p[1]
    x = np.array([0.2, 0.7])
    return np.sum((a - 1) * np.log(x) + (b - 1) * np.log(1 - x) - scipy.special.betaln(a, b))


@native_snippet({"weights": np.array([0.3, -0.2]), "mu": np.array([0.0, 1.0]), "log_sigma": np.array([-0.1, 0.4])})
def gaussian_mixture(p):
    log_w = p["weights"] - logsumexp(p["weights"])
    z = (DATA[:, None] - p["mu"]) / np.exp(p["log_sigma"])
    return np.sum(logsumexp(log_w - 0.5 * z**2 - p["log_sigma"], axis=1))


@snippet(V)
def kernel_density(v):
    d = v[:, np.newaxis] - DATA[np.newaxis, :]
    return np.log(np.exp(-0.5 * d**2).mean(axis=1)).sum()


@snippet(V)
def autocorrelation(v):
    c = v - v.mean()
    return np.correlate(c, c, mode="full") / np.dot(c, c)


@snippet(V)
def running_mean(v):
    return np.cumsum(v) / np.arange(1, v.size + 1)


@snippet(P)
def entropy(p):
    q = p / p.sum()
    return -np.sum(q * np.log(q))


@snippet((P, P[::-1].copy()))
def kl_divergence(pq):
    p, q = (x / x.sum() for x in pq)
    return np.sum(p * np.log(p / q))


@snippet(V)
def trimmed_mean(v):
    return np.sort(v)[1:-1].mean()


@snippet(W)
def welch_t(v):
    a, b = v[:3], v[3:]
    return (a.mean() - b.mean()) / np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))


@snippet(V)
def histogram_then_sum(v):
    counts, edges = np.histogram(v, bins=3)
    return np.sum(counts * (edges[1:] - edges[:-1])) + v.sum()


# ------------------------------------------------------------------------------------------------ physics
@snippet(S)
def pendulum_energy(theta):
    g, length, m = 9.81, 1.3, 0.4
    return m * g * length * (1 - np.cos(theta)) + 0.5 * m * theta**2


@snippet(np.array([[0.0, 0.1, 0.2], [1.1, 0.0, 0.0], [0.3, 1.4, 0.2]]))
def lennard_jones(r):
    total = 0.0
    for i in range(len(r)):
        for j in range(i + 1, len(r)):
            d2 = np.sum((r[i] - r[j]) ** 2)
            total += 4 * (d2**-6 - d2**-3)
    return total


@snippet(np.array([[0.0, 0.1], [1.1, 0.0], [0.3, 1.4]]))
def coulomb_pairs(r):
    i, j = np.triu_indices(len(r), k=1)
    return np.sum(1.0 / np.linalg.norm(r[i] - r[j], axis=1))


@snippet(np.array([2.0, 0.5]))
def damped_oscillation(p):
    omega, gamma = p
    t = np.linspace(0, 2, 9)
    return np.exp(-gamma * t) * np.cos(np.sqrt(omega**2 - gamma**2) * t)


@snippet(300.0)
def planck(temperature):
    nu = np.array([1e13, 3e13])
    h, k, c = 6.626e-34, 1.381e-23, 2.998e8
    return np.sum(2 * h * nu**3 / c**2 / np.expm1(h * nu / (k * temperature))) * 1e12


@snippet(np.array([1.0, 0.4, 0.2]))
def relativistic_momentum(v):
    return v / np.sqrt(1 - np.sum(v**2) / 4.0)


@snippet(np.array([0.2, 0.1]))
def ising_partition(p):
    states = np.array([[1, 1, 1], [1, 1, -1], [1, -1, 1], [1, -1, -1]])
    energy = -p[0] * (states[:, 0] * states[:, 1] + states[:, 1] * states[:, 2]) - p[1] * states.sum(axis=1)
    return np.log(np.sum(np.exp(-energy)))


@snippet(np.array([0.3, 1.2]))
def rotation_matrix(angles):
    a, b = angles
    r = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    return r @ np.array([1.0, 2.0]) * b


@snippet(V)
def heat_step(u):
    return u + 0.1 * (np.roll(u, 1) - 2 * u + np.roll(u, -1))


@snippet(V)
def upwind(u):
    return np.concatenate([[u[0]], u[1:] - 0.3 * np.diff(u)])


@snippet(M)
def laplacian(u):
    p = np.pad(u, 1, mode="edge")
    return p[2:, 1:-1] + p[:-2, 1:-1] + p[1:-1, 2:] + p[1:-1, :-2] - 4 * u


@snippet(V)
def potential_slope(v):
    return np.gradient(v**2, 0.1)


@snippet(np.array([1.0, 0.1, 0.05]))
def thin_film(p):
    n, d, k = p
    phase = np.exp(2j * np.pi * (n + 1j * k) * d)
    return np.abs(phase + 0.2) ** 2


# ------------------------------------------------------------------------------------------------ finance
def normal_cdf(x):
    return 0.5 * (1 + erf(x / np.sqrt(2)))


@snippet(np.array([100.0, 95.0, 0.2, 0.03, 0.7]))
def black_scholes(p):
    s, k, sigma, r, t = p
    d1 = (np.log(s / k) + (r + sigma**2 / 2) * t) / (sigma * np.sqrt(t))
    d2 = d1 - sigma * np.sqrt(t)
    return s * normal_cdf(d1) - k * np.exp(-r * t) * normal_cdf(d2)


@snippet(0.05)
def net_present_value(rate):
    flows = [-100, 30, 40, 50, 20]
    return sum(c / (1 + rate) ** i for i, c in enumerate(flows))


@snippet(np.array([0.3, 0.5, 0.2]))
def sharpe_ratio(w):
    mu, sigma = np.array([0.05, 0.08, 0.03]), M @ M.T
    return w @ mu / np.sqrt(w @ sigma @ w)


@snippet(np.array([0.02, 0.03, 0.025]))
def discount_factors(rates):
    return np.cumprod(1 / (1 + rates))


@snippet(np.array([1.1, 0.9, 1.2, 0.8]))
def maximum_drawdown(returns):
    wealth = np.cumprod(returns)
    peak = np.maximum.accumulate(wealth)
    return np.max((peak - wealth) / peak)


@snippet(np.array([100.0, 0.25]))
def binomial_tree(p):
    s, sigma = p
    n, dt, r = 4, 0.25, 0.02
    u = np.exp(sigma * np.sqrt(dt))
    q = (np.exp(r * dt) - 1 / u) / (u - 1 / u)
    values = np.maximum(s * u ** (2 * np.arange(n + 1) - n) - 98.0, 0)
    for _ in range(n):
        values = np.exp(-r * dt) * (q * values[1:] + (1 - q) * values[:-1])
    return values[0]


@snippet(np.array([0.1, 0.5]))
def monte_carlo_payoff(p):
    z = np.random.default_rng(0).normal(size=50)
    path = np.exp((p[0] - 0.5 * p[1] ** 2) + p[1] * z)
    return np.mean(np.where(path > 1.0, path - 1.0, 0.0))


# ------------------------------------------------------------------------------------------------ geometry
@snippet(np.array([[0.0, 0.0], [2.0, 0.3], [2.3, 1.9], [0.4, 1.5]]))
def polygon_area(p):
    x, y = p.T
    return 0.5 * np.abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))


@snippet(np.array([[0.0, 0.0], [2.0, 0.3], [2.3, 1.9]]))
def path_length(p):
    return np.sum(np.hypot(*np.diff(p, axis=0).T))


@snippet((np.array([1.0, 2.0, 0.5]), np.array([-0.3, 0.4, 1.0])))
def angle_between(ab):
    a, b = ab
    return np.arccos(np.clip(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), -1, 1))


@snippet((np.array([1.0, 2.0, 0.5]), np.array([-0.3, 0.4, 1.0])))
def triangle_normal(ab):
    n = np.cross(*ab)
    return n / np.sqrt((n**2).sum())


@snippet(np.array([48.1, 11.6, 52.5, 13.4]))
def haversine(q):
    a, b, c, d = np.radians(q)
    h = np.sin((c - a) / 2) ** 2 + np.cos(a) * np.cos(c) * np.sin((d - b) / 2) ** 2
    return 2 * 6371 * np.arcsin(np.sqrt(h))


@snippet(np.array([0.5, 0.5, 0.5, 0.4]))
def quaternion_rotation(q):
    w, x, y, z = q / np.linalg.norm(q)
    r = np.array([
        [1 - 2 * (y**2 + z**2), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x**2 + z**2), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x**2 + y**2)],
    ])  # fmt: skip
    return r @ [1.0, 0.0, 2.0]


@snippet(np.array([[0.0, 0.0], [2.0, 0.3], [2.3, 1.9], [0.4, 1.5]]))
def pairwise_distances(p):
    d = p[:, None, :] - p[None, :, :]
    return np.sqrt((d**2).sum(-1) + np.eye(len(p))).sum()


@snippet(np.array([1.0, 2.0, 0.7]))
def spherical(v):
    r = np.linalg.norm(v)
    return np.stack([r, np.arccos(v[2] / r), np.arctan2(v[1], v[0])])


@snippet(np.array([[0.0, 0.0], [1.0, 2.0], [3.0, -1.0], [4.0, 0.5]]))
def bezier(points):
    t = np.linspace(0, 1, 5)[:, None]
    while len(points) > 1:
        points = [(1 - t) * a + t * b for a, b in zip(points[:-1], points[1:], strict=True)]
    return points[0]


# ------------------------------------------------------------------------------------------------ signal
@snippet(W)
def power_spectrum(v):
    return np.abs(np.fft.rfft(v)) ** 2


@snippet(W)
def low_pass(v):
    f = np.fft.fft(v)
    f[2:-1] = 0
    return np.fft.ifft(f).real


@snippet(W)
def moving_average(v):
    return np.convolve(v, np.ones(3) / 3, mode="valid")


@snippet(W)
def windowed_energy(v):
    return np.sum((v * np.hanning(v.size)) ** 2)


@snippet(W)
def exponential_smoothing(v):
    out = [v[0]]
    for x in v[1:]:
        out.append(0.3 * x + 0.7 * out[-1])
    return np.array(out)


@snippet(M)
def two_dimensional_spectrum(m):
    return np.sum(np.abs(np.fft.fftshift(np.fft.fft2(m))) * np.arange(9).reshape(3, 3))


@snippet(W)
def frames(v):
    windows = np.lib.stride_tricks.sliding_window_view(v, 3)
    return (windows * np.array([1.0, 0.0, -1.0])).sum(axis=1)


@snippet(W)
def zero_crossings_and_rms(v):
    crossings = np.sum(np.diff(np.sign(v)) != 0)
    return np.sqrt(np.mean(v**2)) * crossings


@snippet(W)
def analytic_signal(v):
    f = np.fft.fft(v)
    h = np.array([1, 2, 2, 1, 0, 0])
    return np.abs(np.fft.ifft(f * h))


# ------------------------------------------------------------------------------------------------ differential equations
@snippet(np.array([1.0, 0.5, 0.8]))
def euler_steps(p):
    y, k, c = p
    for _ in range(10):
        y = y + 0.1 * (-k * y + c * np.sin(y))
    return y


@snippet(np.array([1.5, 1.0, 1.0, 0.7]))
def runge_kutta(p):
    def rhs(y):
        return np.array([p[2] * y[0] - y[0] * y[1], y[0] * y[1] - p[3] * y[1]])

    y, h = p[:2], 0.1
    for _ in range(5):
        k1 = rhs(y)
        k2 = rhs(y + h / 2 * k1)
        k3 = rhs(y + h / 2 * k2)
        k4 = rhs(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y


@snippet(np.array([0.5, 0.1]))
def leapfrog(state):
    q, p = state
    for _ in range(8):
        p = p - 0.05 * np.sin(q)
        q = q + 0.1 * p
        p = p - 0.05 * np.sin(q)
    return 0.5 * p**2 - np.cos(q)


@snippet(V)
def implicit_step(u):
    n = u.size
    a = np.eye(n) * 1.4 - 0.2 * np.eye(n, k=1) - 0.2 * np.eye(n, k=-1)
    return np.linalg.solve(a, u)


@snippet(np.array([10.0, 2.6]))
def lorenz(p):
    s = np.array([1.0, 1.0, 1.0])
    for _ in range(6):
        x, y, z = s
        s = s + 0.02 * np.stack([p[0] * (y - x), x * (28.0 - z) - y, x * y - p[1] * z])
    return s


@snippet(0.7)
def newton_iteration(a):
    x = 1.0
    while abs(x * x - a) > 1e-15:
        x = 0.5 * (x + a / x)
    return x


@snippet(0.7)
def fixed_point(a):
    x = 0.5
    for _ in range(60):
        x = np.cos(a * x)
    return x


# ------------------------------------------------------------------------------------------------ regression and learning
@snippet(np.array([0.2, -0.3, 0.5]))
def ridge(beta):
    r = X @ beta - Y
    return 0.5 * r @ r + 0.1 * np.sum(beta**2)


@snippet(0.3)
def ridge_path(alpha):
    return np.linalg.solve(X.T @ X + alpha * np.eye(3), X.T @ Y)


@snippet(np.array([0.2, -0.3, 0.5]))
def huber(beta):
    r = X @ beta - Y
    a = np.abs(r)
    return np.sum(np.where(a < 0.5, 0.5 * r**2, 0.5 * (a - 0.25)))


@snippet(np.array([0.2, -0.3, 0.5]))
def hinge(beta):
    return np.mean(np.maximum(0, 1 - (2 * Y - 1) * (X @ beta))) + np.abs(beta).sum()


@snippet({"w1": M, "b1": np.array([0.1, 0.0, -0.2]), "w2": np.array([0.5, -1.0, 0.3]), "b2": 0.1})
def small_network(p):
    hidden = np.tanh(X @ p["w1"] + p["b1"])
    out = hidden @ p["w2"] + p["b2"]
    return np.mean((out - Y) ** 2)


@snippet(M)
def softmax_cross_entropy(w):
    logits = X @ w
    logits = logits - logits.max(axis=1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -log_p[np.arange(5), [0, 1, 2, 1, 0]].mean()


@native_snippet(M)
def scipy_softmax(w):
    return -np.sum(scipy.special.log_softmax(X @ w, axis=1)[:, 0] * Y)


@snippet([M, np.array([0.1, 0.2, 0.3])])
def list_of_layers(layers):
    h = X
    for w in layers:
        h = np.maximum(h @ w, 0.1 * (h @ w))
    return h.sum()


@snippet(M)
def attention(q):
    scores = q @ q.T / np.sqrt(q.shape[-1])
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return weights @ q


@snippet(M)
def layer_norm(x):
    mu, var = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return (x - mu) / np.sqrt(var + 1e-5)


@snippet(np.array([1.3, 0.6, 0.2]))
def gaussian_process(theta):
    amplitude, length, noise = np.exp(theta)
    d = T[:, None] - T[None, :]
    k = amplitude * np.exp(-0.5 * (d / length) ** 2) + noise * np.eye(4)
    chol = np.linalg.cholesky(k)
    z = np.linalg.solve(chol, np.sin(T))
    return 0.5 * z @ z + np.log(np.diag(chol)).sum()


@snippet(np.array([0.5, 1.1]))
def polynomial_features(v):
    features = np.vander(v, 4)
    return np.linalg.lstsq(features.T, np.ones(4), rcond=None)[0]


@snippet(V)
def polynomial_fit(y):
    slope, intercept = np.polyfit(T, y, 1)
    return slope**2 + intercept


@snippet(np.array([0.4, -0.6]))
def gelu_and_swish(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) + x * expit(x)


@snippet(M)
def convolution_layer(k):
    image = np.arange(25.0).reshape(5, 5) / 10
    out = sum(k[i, j] * image[i : i + 3, j : j + 3] for i in range(3) for j in range(3))
    return np.maximum(out, 0).max()


@snippet(np.array([1.0, 2.0]))
def dropout(w):
    mask = np.random.default_rng(1).random(2) > 0.3
    return np.sum(w * mask / 0.7)


# ------------------------------------------------------------------------------------------------ matrices
@snippet(M)
def log_determinant(m):
    sign, logdet = np.linalg.slogdet(m @ m.T + np.eye(3))
    return sign * logdet


@snippet(M)
def inverse_trace(m):
    return np.trace(np.linalg.inv(m))


@snippet(M)
def eigenvalues(m):
    return np.linalg.eigvalsh(m + m.T)


@snippet(M)
def eigenvector_projection(m):
    w, v = np.linalg.eigh(m + m.T)
    return (v * np.exp(-w)) @ v.T


@snippet(M)
def nuclear_norm(m):
    return np.linalg.svd(m, compute_uv=False).sum()


@snippet(M)
def matrix_norms(m):
    return np.linalg.norm(m) + np.linalg.norm(m, 2) + np.linalg.norm(m, 1) + np.linalg.norm(m, axis=0).max()


@snippet(M)
def power_iteration(m):
    x = np.ones(3)
    for _ in range(30):
        x = m @ x
        x = x / np.linalg.norm(x)
    return x @ m @ x


@native_snippet(M)
def gram_schmidt(m):
    basis = []
    for column in m.T:
        for b in basis:
            column = column - (b @ column) * b
        basis.append(column / np.linalg.norm(column))
    return np.array(basis)


@snippet(M)
def qr_diagonal(m):
    q, r = np.linalg.qr(m)
    return np.abs(np.diag(r)) + q[0] ** 2


@snippet(M)
def quadratic_forms(m):
    return np.einsum("ki,ij,kj->k", X, m, X)


@snippet(M)
def einsum_trace(m):
    return np.einsum("ii", m @ m) + np.einsum("ij->", m) + np.einsum("ij,ij", m, m)


@snippet(M)
def kronecker(m):
    return np.kron(m, np.eye(2)).sum(axis=0)


@snippet(M)
def tensor_products(m):
    return np.tensordot(m, X, axes=([0], [1])).sum() + np.outer(m[0], m[1]).max() + np.vdot(m, m) + np.inner(m, m)[0, 1]


@snippet(M)
def matrix_power_series(m):
    return np.linalg.matrix_power(m, 3)[0] + np.linalg.multi_dot([m, m, m[0]])


@snippet(M)
def pseudo_inverse(m):
    return np.linalg.pinv(m[:, :2]).sum()


@snippet(M)
def triangles(m):
    return np.tril(m, -1).sum() - 2 * np.triu(m).sum() + np.fliplr(m).trace()


@snippet(M)
def condition_of_blocks(m):
    return np.block([[m, np.zeros((3, 1))], [np.ones((1, 3)), np.eye(1)]]).sum(axis=1) * np.arange(4)


@snippet(M)
def determinant_by_hand(m):
    (a, b, c), (d, e, f), (g, h, i) = m
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


@snippet(M)
def stacked_solves(m):
    a = np.stack([m, m.T + np.eye(3)])
    return np.linalg.solve(a, np.ones((2, 3, 1)))[..., 0]


# ------------------------------------------------------------------------------------------------ masks and branches
@snippet(V)
def mask_selection(v):
    return v[v > 0].sum() - 2 * v[~(v > 0)].prod()


@snippet(V)
def mask_assignment(v):
    w = v.copy()
    w[w < 0] = 0.0
    return w**2


@snippet(V)
def leaky(v):
    return np.where(v > 0, v, 0.1 * v)


@snippet(V)
def choose_and_select(v):
    return np.select([v < 0, v < 1], [v**2, v**3], default=np.log(np.abs(v)))


@snippet(V)
def piecewise(v):
    return np.piecewise(v, [v < 0, v >= 0], [lambda x: -(x**2), lambda x: np.sqrt(x)])


@snippet(S)
def if_and_else(x):
    if x > 1:
        return x**2
    elif 0 < x <= 1:
        return np.sin(x)
    return -x


@snippet(V)
def loop_with_break(v):
    total = 0
    for x in v:
        if x < 0:
            continue
        total = total + x**2
        if total > 3:
            break
    return total


@snippet(V)
def extremes(v):
    return v[np.argmax(v)] - v.min() + np.ptp(v) + np.amax(v)


@snippet(V)
def any_and_all(v):
    return v.sum() if np.any(v < 0) and not np.all(v < 0) else v.prod()


@snippet(V)
def builtin_max_and_sum(v):
    return max(v) - min(v) + sum(v) + abs(v[2]) + sum(x * x for x in v)


@snippet(V)
def clipping(v):
    return np.clip(v, -0.5, 1.0).sum() + v.clip(0).sum() + np.minimum(v, 1.5).sum()


@snippet(V)
def nan_handling(v):
    w = np.where(v < 0, np.nan, v)
    return np.nansum(w) + np.nanmean(w) + np.nanmax(w)


@snippet(V)
def safe_division(v):
    return np.divide(1.0, v, out=np.zeros_like(v), where=v > 0.5)


@snippet(V)
def is_close_branch(v):
    return v.sum() if np.allclose(v, v) and np.isfinite(v).all() and not np.isnan(v).any() else np.inf


@snippet(V)
def count_and_nonzero(v):
    (places,) = np.nonzero(v > 0)
    return v[places].sum() * np.count_nonzero(v < 0) + v[np.flatnonzero(v < 1)].sum()


# ------------------------------------------------------------------------------------------------ indices
@snippet(V)
def fancy_index(v):
    return v[[0, 2, 2, -1]] * np.arange(4)


@snippet(M)
def fancy_pairs(m):
    return m[[0, 1, 2], [2, 0, 1]].prod() + m[np.ix_([0, 2], [1, 2])].sum()


@snippet(M)
def slices(m):
    return m[::-1, ::2].sum(axis=1) - m[..., -1][:2].sum()


@snippet(V)
def take_and_put(v):
    w = v.copy()
    np.put(w, [0, 2], [5.0, 6.0])
    return np.take(w, [1, 2, 3]) * v[1]


@snippet(V)
def scatter_add(v):
    out = np.zeros_like(v)
    np.add.at(out, [0, 1, 1, 3], v)
    return out**2


@snippet(V)
def bin_count(v):
    return np.bincount([0, 1, 1, 2], weights=v) ** 2


@snippet(V)
def view_aliasing(v):
    y = v * 1.0
    tail = y[1:]
    tail *= 2
    return y.sum() * y[1]


@snippet(M)
def diagonal_fill(m):
    w = m.copy()
    np.fill_diagonal(w, 1.0)
    return w @ w


@snippet(M)
def in_place_rows(m):
    a = m.copy()
    for i in range(1, 3):
        a[i] -= a[0] * (a[i, 0] / a[0, 0])
    return a[1:, 1:]


@snippet(M)
def transposes(m):
    return np.transpose(m).reshape(-1)[::2] + m.T.ravel()[:5] + np.moveaxis(m[None], 0, -1).squeeze().flatten()[:5]


@snippet(V)
def split_and_join(v):
    a, b = np.split(v, 2)
    return np.hstack([b, a]) + np.concatenate((a * b, a)) + np.append(a, b) + np.r_[a[0], b, a[1]]


@snippet(V)
def repeat_and_tile(v):
    return np.repeat(v, 2).sum() + np.tile(v, (2, 1)).prod() + np.broadcast_to(v, (3, 4)).mean()


@snippet(V)
def meshgrids(v):
    a, b = np.meshgrid(v, v, indexing="ij")
    return np.sum(np.sin(a * b))


@snippet(V)
def vstack_dstack(v):
    return np.vstack([v, v**2]).sum(axis=1).prod() + np.column_stack([v, np.ones(4)]).sum() + np.dstack([v, v]).sum()


@snippet(V)
def delete_insert(v):
    return np.delete(v, 1).prod() + np.insert(v, 1, 3.0).prod() + np.flip(v)[0]


@snippet(V)
def enumerate_zip(v):
    return sum(i * x * y for i, (x, y) in enumerate(zip(v, v[::-1], strict=True)))


@snippet(V)
def unpack_star(v):
    first, *rest = v
    return first * np.sum(rest)


# ------------------------------------------------------------------------------------------------ order
@snippet(V)
def sort_weights(v):
    return np.sort(v) @ np.arange(4)


@snippet(V)
def argsort_gather(v):
    order = np.argsort(-v)
    return v[order][:2].sum() + np.partition(v, 2)[0]


@snippet(M)
def sort_rows(m):
    return (np.sort(m, axis=1) * np.arange(3)).sum() + m[m[:, 1].argsort()][0].sum()


@snippet(V)
def unique_values(v):
    return np.unique(v)[0] * 2 + np.unique(np.round(v * 0 + 1.0)).size


@snippet(V)
def lexicographic_min(v):
    return min(v, key=lambda x: abs(x - 1)) + sorted(v)[1]


@snippet(V)
def top_k(v):
    return np.mean(v[np.argpartition(v, -2)[-2:]])


# ------------------------------------------------------------------------------------------------ interpolation, integrals, polynomials
@snippet(V)
def linear_interpolation(y):
    return np.interp([0.1, 0.5, 0.8], T, y)


@snippet(0.4)
def interpolation_point(x):
    return np.interp(x, T, np.sin(T)) * x


@snippet(V)
def table_lookup(v):
    k = np.searchsorted(T, 0.4)
    return v[k - 1] + (v[k] - v[k - 1]) * (0.4 - T[k - 1]) / (T[k] - T[k - 1])


@snippet(V)
def trapezoid(y):
    return np.trapezoid(y**2, T) + np.trapezoid(y, dx=0.1)


@snippet(V)
def polynomial_value(c):
    return np.polyval(c, 0.7) + np.polyval(np.polyder(c), 0.2) + np.polyval([1, 2, 3], c[0])


@snippet(V)
def horner(c):
    out = 0
    for a in c:
        out = out * 1.3 + a
    return out


@snippet(V)
def polynomial_product(c):
    return np.polymul(c, [1, -1]) + np.convolve(c, [1, 1])


@snippet(0.4)
def chebyshev(x):
    a, b = 1.0, x
    for _ in range(5):
        a, b = b, 2 * x * b - a
    return b


# ------------------------------------------------------------------------------------------------ special functions
@snippet(P)
def gamma_functions(v):
    return scipy.special.gamma(v).sum() + scipy.special.digamma(v).sum() + gammaln(v).prod()


@snippet(P)
def bessel_functions(v):
    return scipy.special.j0(v) + scipy.special.jv(1.5, v) + scipy.special.i0e(v)


@snippet(P)
def error_functions(v):
    return erf(v) + scipy.special.erfc(v) * scipy.special.ndtr(v) + np.log(scipy.special.erfcx(v))


@snippet(P)
def incomplete_gamma(v):
    return scipy.special.gammainc(2.0, v) + scipy.special.xlogy(v, v) + scipy.special.rel_entr(v, 1.0)


@snippet(np.array([0.2, 0.7]))
def logits(p):
    return scipy.special.logit(p) + scipy.special.ndtri(p) + scipy.special.entr(p)


@snippet(P)
def numpy_special(v):
    return np.sinc(v) + np.i0(v) + np.logaddexp(v, 1.0) + np.cbrt(v) + np.arcsinh(v)


@native_snippet(V)
def log_sum_exp(v):
    return logsumexp(v) + np.log(np.sum(np.exp(v - v.max()))) + np.logaddexp.reduce(v)


# ------------------------------------------------------------------------------------------------ complex numbers
@snippet(np.array([0.3, 1.2]))
def complex_modulus(v):
    z = v[0] + 1j * v[1]
    return np.abs(z**2 + 1) + np.angle(z) + (z * np.conj(z)).real + z.imag


@snippet(np.array([0.3, 1.2]))
def mandelbrot(v):
    c = v[0] * 0.3 + 0.2j * v[1]
    z = 0
    for _ in range(4):
        z = z * z + c
    return z.real**2 + z.imag**2


@snippet(V)
def complex_exponentials(v):
    return np.real(np.exp(1j * v).prod() * np.exp(-1j * v[0]))


@snippet(np.array([2.0, 0.5]))
def impedance(p):
    omega = np.logspace(0, 2, 5)
    z = p[0] + 1 / (1j * omega * p[1])
    return 20 * np.log10(np.absolute(z)) + np.unwrap(np.angle(z))


@snippet(np.array([1.0, 2.0, 5.0]))
def complex_roots(p):
    a, b, c = p
    root = np.emath.sqrt(b * b - 4 * a * c)
    return abs((-b + root) / (2 * a))


# ------------------------------------------------------------------------------------------------ Python around it
@snippet(V)
def printing(v):
    print(v, v[0], f"{v[1]:.3f}", repr(v), str(v.shape))
    return v.sum()


@snippet(V)
def string_formatting(v):
    label = f"{v.mean():8.2e}|" + "{:.2f}".format(v[0])  # noqa: UP032
    return v.sum() * len(label)


@snippet(V)
def comprehension(v):
    return np.array([np.sin(x) * i for i, x in enumerate(v)])


@snippet(V)
def dictionary(v):
    terms = {name: x**2 for name, x in zip("abcd", v, strict=True)}
    terms["a"] = terms["a"] + terms.pop("d")
    return sum(terms.values())


@snippet(V)
def nested_functions(v):
    scale = v[0]

    def inner(x):
        def innermost(y):
            return y * scale

        return innermost(x) + innermost(x**2)

    return inner(v[1:]).sum()


@snippet(V)
def reduce_and_map(v):
    return functools.reduce(lambda a, b: a * b + 1, v) + sum(map(np.cos, v))


@snippet(5.0)
def recursion(x):
    return x if x < 1 else x * recursion(x / 2)


@snippet(V)
def generator(v):
    def partial_sums():
        total = 0
        for x in v:
            total = total + x
            yield total

    return sum(s**2 for s in partial_sums())


@snippet({"a": S, "b": V, "c": (M, [P])})
def nested_containers(p):
    return p["a"] * p["b"].sum() + np.sum(p["c"][0] @ p["c"][0]) * np.prod(p["c"][1][0])


@snippet((1.7, 0.6))
def scalar_arguments(ab):
    a, b = ab
    return a**b + b**a + a // 1 + a % 1 + divmod(a, b)[1]


@snippet(V)
def accumulate_into_zeros(v):
    total = np.zeros(4)
    for k in range(3):
        total += v * k
    return total


@snippet(V)
def walrus_and_ternary(v):
    return (m := v.mean()) * 2 if (n := v.size) > 3 and n else m


@snippet(V)
def outer_and_reduce(v):
    return (
        np.multiply.reduce(v)
        + np.add.outer(v, v).sum()
        + np.subtract.outer(v, T).prod(axis=0)[0]
        + np.add.accumulate(v)[2]
    )


@snippet(V)
def asserts_inside(v):
    np.testing.assert_allclose(v, v)
    assert v.shape == (4,) and v.ndim == 1 and v.dtype == float and len(v) == 4
    return np.sum(v**2)


@snippet(V)
def apply_along(v):
    return np.apply_along_axis(lambda row: row * row.sum(), 0, v)


@native_snippet(V)
def matrix_of_scalars(v):
    return np.linalg.det(np.array([[v[0], v[1]], [v[2], 2 * v[3]]]))


@snippet(V)
def constants_and_types(v):
    return np.float64(2.0) * v + np.pi * np.e - np.array(3, dtype=np.int64) * v + np.ones(4, dtype=np.float32) * v


@snippet(V)
def zeros_like_fill(v):
    z = np.zeros_like(v)
    for i in range(v.size):
        z[i] = v[i] ** 2 + (z[i - 1] if i else 0)
    return z


@snippet(V)
def empty_like_slices(v):
    z = np.empty_like(v)
    z[0], z[-1] = v[0], v[-1]
    z[1:-1] = 0.5 * (v[2:] + v[:-2])
    return z


@snippet(V)
def swapped_elements(v):
    w = v.copy()
    w[[0, 1]] = w[[1, 0]]
    w[2], w[3] = w[3], w[2]
    return w * np.arange(4)


@snippet(V)
def cumulative_product_and_diff(v):
    return np.cumprod(v)[-1] + np.diff(v, n=2) + np.ediff1d(v)[:2]


@snippet(M)
def reductions_with_axes(m):
    return m.sum(axis=(0, 1)) + m.mean(0) + m.prod(axis=1) + m.max(axis=-1) + np.std(m, axis=0, keepdims=True)[0]


@snippet(S)
def scalar_methods(x):
    return np.float64(3.0) * x + x.real + abs(-x) + x**0.5 + 2**x - (x - 1) ** 3 + x / 2 + 1 / x


@snippet(V)
def logical_combinations(v):
    inside = np.logical_and(v > -1, v < 2)
    return np.where(inside | (v == 5), v, 0).sum() + v[np.logical_not(inside)].sum() + (v * (v > 0)).sum()


@snippet(V)
def rounding_and_signs(v):
    return (
        np.round(v) * v
        + np.sign(v) * v
        + np.floor(v)
        + np.abs(v)
        + np.copysign(v, -1)
        + np.fmod(v, 1)
        + np.heaviside(v, 0.5)
    )


@snippet(np.array([0.3, 1.2]))
def trigonometric_identities(v):
    return np.sin(v) ** 2 + np.cos(v) ** 2 + np.tan(v) * np.arctan(v) + np.sinh(v) - np.arctanh(v / 2) + np.deg2rad(v)


@snippet(P)
def powers(v):
    return v**v + v**-1.5 + 2.0**v + np.power(v, [1, 2, 3, 0]) + np.float_power(v, 2) + np.sqrt(v) + np.square(v)


@snippet(M)
def iterate_rows(m):
    return sum(row[k] * row.sum() for k, row in enumerate(m)) + sum(x for row in m.tolist() for x in row)


@snippet(V)
def flat_iteration(v):
    return sum(x**2 for x in v.reshape(2, 2).flat) + np.trim_zeros(v).sum() + v.reshape(2, -1).T.trace()


@snippet({"x": P, "n": np.array(2.0)})
def broadcasting(d):
    return d["x"][:, None] ** d["n"] + d["x"] * np.ones((3, 4, 4)).mean(axis=0)


@snippet(V)
def lu_by_hand(v):
    a = np.diag(v + 3.0) + 0.1
    n = len(a)
    for k in range(n - 1):
        factor = a[k + 1 :, k] / a[k, k]
        a = np.concatenate([a[: k + 1], a[k + 1 :] - factor[:, None] * a[k]])
    return np.prod(np.diag(a))


@snippet(V)
def tridiagonal_algorithm(d):
    a, b, c = 0.5, d + 4.0, 0.3
    cp, dp = [c / b[0]], [d[0] / b[0]]
    for i in range(1, 4):
        m = b[i] - a * cp[-1]
        cp.append(c / m)
        dp.append((d[i] - a * dp[-1]) / m)
    x = dp[-1]
    out = [x]
    for i in range(2, -1, -1):
        x = dp[i] - cp[i] * x
        out.insert(0, x)
    return np.stack(out)


@snippet(np.array([0.3, -0.5, 0.8]))
def kalman_filter(p):
    mean, variance, loss = p[0], 1.0, 0.0
    for y in DATA:
        variance = variance + np.exp(p[1])
        gain = variance / (variance + np.exp(p[2]))
        loss = loss + (y - mean) ** 2 / (variance + np.exp(p[2])) + np.log(variance + np.exp(p[2]))
        mean, variance = mean + gain * (y - mean), (1 - gain) * variance
    return loss


@snippet(M)
def hidden_markov_forward(logits):
    a = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    alpha = np.full(3, 1 / 3)
    for y in [0, 1, 1, 2]:
        alpha = (alpha @ a) * np.array([[0.7, 0.2, 0.1], [0.1, 0.5, 0.4], [0.3, 0.3, 0.4]])[:, y]
    return np.log(alpha.sum())


@native_snippet(V)
def soft_dtw(v):
    cost, inf = (v[:, None] - T[None, :]) ** 2, 1e3
    previous = [0.0] + [inf] * 4
    for i in range(4):
        row = [inf]
        for j in range(4):
            z = np.array([previous[j], previous[j + 1], row[j]])
            row.append(cost[i, j] - 0.5 * np.log(np.sum(np.exp(-(z - 1.0) / 0.5))) + 1.0)
        previous = row
    return previous[-1]


@snippet(V)
def dataclass_like_state(v):
    state = {"x": v, "history": []}
    for _ in range(3):
        state["x"] = state["x"] * 0.9 + 0.1 * state["x"].mean()
        state["history"].append(state["x"].sum())
    return np.stack(state["history"])


@snippet(V)
def try_and_except(v):
    try:
        return np.linalg.cholesky(np.array([[1.0, 2.0], [2.0, 1.0]])) @ v[:2]
    except np.linalg.LinAlgError:
        with np.errstate(divide="ignore"):
            return np.where(v > 0, v, np.log(np.abs(v)))


# ------------------------------------------------------------------------------------------------ assignment and aliases
@snippet(M)
def rows_in_place(m):
    z = m * 1.0
    for row in z:
        row *= 2
    return z * m


@snippet(V)
def two_views(v):
    z = v * 1.0
    a, b = z[:2], z[2:]
    a += b
    b *= a
    return z


@snippet(V)
def sort_in_place(v):
    z = v.copy()
    z.sort()
    return z * np.arange(4) + np.flip(z)[np.searchsorted(z, 0.5)]


@snippet(V)
def repeated_index_in_place(v):
    z = np.zeros_like(v)
    z[[0, 0, 1]] += v[:3]
    z[v > 0] += v[v > 0]
    z[None, :][0, 3] -= v[1]
    return z


@snippet(V)
def out_arguments(v):
    z = np.zeros_like(v)
    np.multiply(v, 2, out=z)
    np.add(z, v, out=z, where=v > 0)
    np.cumsum(z, out=z)
    return z


@snippet(V)
def two_names(v):
    x = y = v * 1.0
    x += v
    rows = [v * 1.0] * 2
    rows[0] += 1 * v
    return y * x * rows[1]


@snippet(V)
def argument_in_place(v):
    v[0] = v[1] * v[2]
    v *= 2
    return v**2


@snippet(V)
def ufunc_methods(v):
    z = np.full_like(v, 1.0)
    np.minimum.at(z, [0, 1, 1], v[:3])
    np.multiply.at(z, [2, 2], v[0])
    return np.add.reduceat(v, [0, 2])[0] * np.maximum.reduce(v) * z


@snippet(V)
def copies_and_places(v):
    z = np.zeros_like(v)
    np.copyto(z, v, where=v > 0)
    np.put_along_axis(z, np.array([2]), v[1], 0)
    np.place(z, z == 0, [v[3]])
    np.putmask(z, z > 2, v[0])
    return z


@snippet(M)
def diagonal_and_triangle_write(m):
    z = m * 1.0
    i = np.arange(3)
    z[i, i] = m[:, 0]
    z[np.tril_indices(3, -1)] = 0
    z[m > 1] = m[0, 1]
    return z @ m


@snippet(V)
def element_in_place(v):
    z = v * 1.0
    e = z[0]
    e += 5 * v[1]
    z[1] += z[0]
    return z * e


@snippet(M)
def row_maxima(m):
    k = m.argmax(axis=1)
    return m[np.arange(3), k] + np.take_along_axis(m, k[:, None], 1)[:, 0] + m.max(1)


@snippet(V)
def group_means(v):
    _, group, counts = np.unique([1, 0, 1, 2], return_inverse=True, return_counts=True)
    return np.bincount(group, weights=v) / counts


@snippet(V)
def digits_and_parts(v):
    whole = np.rint(v) * v + np.trunc(v) + v // 0.5 + divmod(v, 0.37)[1]
    return whole + np.modf(v)[0] + np.ldexp(v, 2) + np.frexp(v)[0] + np.nan_to_num(v) + v * np.digitize(v, [0, 1, 2])


@snippet(P)
def polynomial_roots(v):
    return np.sort(np.abs(np.roots(v)))


@snippet(V)
def polynomial_class(v):
    p = np.poly1d(v)
    return p(0.5) + p.deriv()(0.2) + (p * p)(0.1)


@snippet(V)
def object_array(v):
    a = np.empty(2, dtype=object)
    a[0] = v[0]
    a[1] = v[1:]
    return a[0] * a[1]


@snippet(V)
def maxima_of_scalars(v):
    return max(v[0], v[1]) * max(0, v[2]) + np.max([v[0], v[1]]) * min(v[3], 5.0)


@snippet(M)
def covariances(m):
    return np.cov(m[0], m[1])[0, 1] + np.corrcoef(m[0], m[1])[0, 1] + np.cov(m, ddof=0, aweights=[1, 2, 3])[0, 0]


@snippet(V)
def missing_values(v):
    w = np.where(v < 0, np.nan, v)
    return np.nanstd(w) + np.nanmedian(w) + np.nanpercentile(w, 40) + np.nancumsum(w)[2] + np.nanvar(w)


@snippet(V)
def newer_names(v):
    return (
        np.cumulative_sum(v)[2]
        + np.vecdot(v, v)
        + np.linalg.vector_norm(v)
        + np.linalg.outer(v, v).sum()
        + np.pow(v, 2).mean()
    )


@snippet(np.array([0.5, 1.5]))
def quadrature(ab):
    nodes, weights = np.polynomial.legendre.leggauss(5)
    a, b = ab
    x = 0.5 * (b - a) * nodes + 0.5 * (a + b)
    return 0.5 * (b - a) * np.sum(weights * np.exp(-(x**2)))


@snippet(M)
def written_through_reshape(m):
    z = np.zeros_like(m)
    z.reshape(-1)[::4] = m[0]
    z.T[0] += m[1]
    z.ravel()[1] = m[2, 2]
    return z @ z


@snippet(V)
def flat_assignment(v):
    z = v.reshape(2, 2) * 1.0
    z.flat[3] = v[0]
    z.flat[:2] = v[2]
    return z * 2


@snippet(V)
def real_and_imaginary_parts(v):
    z = v + 0j
    z.real[0] = 5 * v[1]
    z.imag[:] = v**2
    return np.abs(z)


@snippet(M)
def written_through_transposes(m):
    z = m.copy()
    np.swapaxes(z, 0, 1)[0] = m[0] * 2
    np.transpose(z)[1, 2] = m[2, 2]
    z.T[2, 0] += m[1, 1]
    return z @ z


@snippet(V)
def written_through_parts(v):
    z = v * 1.0
    np.split(z, 2)[0][:] = v[3]
    np.ravel(z)[2] = v[0]
    np.atleast_2d(z)[0, 3] = 7.0
    np.squeeze(z)[1] *= 2
    np.reshape(z, (2, 2))[1, 1] = v[1]
    return z**2


# ------------------------------------------------------------------------------------------------ scipy.sparse
MATRIX = scipy.sparse.csr_array(
    [[2.0, -1.0, 0.0, 0.5], [0.0, 1.5, 0.0, 0.0], [-1.0, 0.0, 3.0, 0.2], [0.0, 0.0, 0.0, 1.0]]
)


@snippet(V)
def sparse_products(v):
    return MATRIX @ v + v @ MATRIX + MATRIX.dot(v**2) + scipy.sparse.coo_matrix(MATRIX) * v


@snippet(V)
def sparse_quadratic_form(v):
    return 0.5 * v @ (MATRIX.T @ v) - np.sum(v)


@snippet(V)
def laplacian_energy(v):
    laplacian = scipy.sparse.diags([[-1.0] * 3, [2.0] * 4, [-1.0] * 3], offsets=[-1, 0, 1], format="csr")
    return 0.5 * v.dot(laplacian @ v) + np.sum(np.cos(v))


@snippet(V)
def page_rank(v):
    links = abs(MATRIX).T
    p = v / v.sum()
    for _ in range(4):
        p = 0.85 * (links @ p) + 0.15 / 4
        p = p / p.sum()
    return p


@snippet(M)
def sparse_times_matrix(m):
    return scipy.sparse.kron(scipy.sparse.eye(2), scipy.sparse.csc_matrix(np.triu(np.ones((3, 3))))) @ np.vstack([m, m])


# ------------------------------------------------------------------------------------------------ scipy.fft
@snippet(V)
def cosine_series(v):
    return scipy.fft.idct(scipy.fft.dct(v, norm="ortho") * np.array([0.0, 1.0, 2.0, 3.0]), norm="ortho")


@snippet(V)
def periodic_poisson(v):
    k = 2 * np.pi * scipy.fft.fftfreq(4, 0.25)
    s = scipy.fft.fft(v - np.mean(v))
    return np.real(scipy.fft.ifft(np.where(k == 0, 0.0, s / np.where(k == 0, 1.0, k**2))))


@snippet(V)
def python_round(v):
    return round(v[0], 1) * v + round(v[3]) * v + int(v[3]) * v + math.floor(v[1]) * v - math.trunc(v[0])
