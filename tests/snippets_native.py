"""Ordinary NumPy and SciPy code that converts: it differentiates under ``native=True``, or not at all.

Nothing here knows of derivatives.
"""

import cmath
import json
import math
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.optimize
import scipy.signal
import scipy.sparse.linalg
import scipy.spatial.distance
import scipy.special
import scipy.stats
from releases import SCIPY
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.stats import norm
from snippets import DATA, M, P, S, T, V, X, native_snippet, refused, snippet


# ------------------------------------------------------------------------------------------------ filling arrays
@native_snippet(V)
def zeros_and_loop(v):
    z = np.zeros(len(v))
    for i in range(len(v)):
        z[i] = v[i] ** 2 + (z[i - 1] if i else 0.0)
    return z


@native_snippet(V)
def empty_matrix(v):
    a = np.empty((2, 2))
    a[0, 0], a[0, 1], a[1, 0], a[1, 1] = v
    return np.linalg.inv(a)


@native_snippet(V)
def ones_and_rows(v):
    a = np.ones((3, 4))
    a[1, :] = v
    a[2, ::2] *= v[:2]
    return a.prod(axis=0)


@native_snippet(np.array([0.5, 0.1]))
def euler_table(p):
    y = np.zeros((6, 2))
    y[0] = p
    for n in range(5):
        y[n + 1] = y[n] + 0.1 * np.array([y[n, 1], -y[n, 0]])
    return y[-1]


@native_snippet(V)
def finite_volume(u):
    flux = np.full(u.size + 1, 0.0)
    for i in range(1, u.size):
        flux[i] = 0.5 * (u[i - 1] ** 2 + u[i] ** 2)
    return u - 0.1 * (flux[1:] - flux[:-1])


@native_snippet(M)
def cholesky_by_hand(m):
    a = m @ m.T
    n = len(a)
    low = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            s = a[i, j] - sum(low[i, k] * low[j, k] for k in range(j))
            low[i, j] = math.sqrt(s) if i == j else s / low[j, j]
    return low


@native_snippet(np.array([1.3, 0.6]))
def kernel_matrix_loops(theta):
    k = np.zeros((4, 4))
    for i in range(4):
        for j in range(4):
            k[i, j] = theta[0] * math.exp(-((T[i] - T[j]) ** 2) / theta[1])
    k[np.diag_indices(4)] += 0.1
    return np.linalg.slogdet(k)[1]


@native_snippet(V)
def scatter_into_zeros(v):
    out = np.zeros(3)
    np.add.at(out, [0, 1, 1, 2], v)
    out[out < 0] = 0
    return out**2


@native_snippet(V)
def identity_with_corner(v):
    a = np.identity(3)
    a[0, 2] = v[0]
    a[2] = np.arange(3) * v[1]
    return np.linalg.matrix_power(a, 2).sum()


@native_snippet(V)
def complex_buffer(v):
    z = np.zeros(4, dtype=complex)
    z.real = v
    z[1] += 1j * v[0]
    return np.abs(np.fft.fft(z))


# ------------------------------------------------------------------------------------------------ lists and conversions
@native_snippet(V)
def nested_lists_with_arrays(v):
    return np.linalg.det(np.array([v[:2], v[2:]])) + np.array([v, list(v)]).sum()


@native_snippet(V)
def as_array_of_input(v):
    v = np.asarray(v, dtype=float)
    return np.atleast_2d(np.ascontiguousarray(v)) @ np.asanyarray(v)


@native_snippet(V)
def list_of_rows(v):
    rows = []
    for x in v[:3]:
        rows.append(x * np.arange(3))
    return np.array(rows).T @ [1.0, 2.0, 3.0]


@native_snippet(V)
def float_of_elements(v):
    a, b = float(v[0]), float(v[1])
    return a * b + float(np.sum(v))


@native_snippet(V)
def list_arguments(v):
    return np.sum([v[0], v[1]]) * np.mean([[v[2], 1.0], [v[3], 2.0]]) + np.max([v[0], 0.1]) + np.prod([v[0], v[3]])


@snippet(V)
def joined_by_r_and_c(v):
    return np.c_[v, v**2].sum(axis=0) @ np.r_[1.0, 2.0] + np.r_[v, 0, v[:2]].prod()


@native_snippet(V)
def vectorized(v):
    @np.vectorize
    def f(x):
        return math.sin(x) if x > 0 else x / 2

    return f(v)


@snippet(V)
def ufunc_from_python(v):
    f = np.vectorize(lambda x, limit: min(x, limit) * x)
    return f(v, 1.0)


@native_snippet(V)
def from_iterator(v):
    return np.fromiter((x * i for i, x in enumerate(v)), dtype=float)


@snippet(np.array([0.3, 1.2]))
def from_function(v):
    return np.fromfunction(lambda i, j: v[0] * i + v[1] ** j, (2, 3)) * np.ones(3)


@native_snippet(V)
def checks_types(v):
    if not isinstance(v, np.ndarray):
        raise TypeError(type(v))
    out = np.array([x if isinstance(x, float) else 0.0 for x in v])
    return out * 2


# ------------------------------------------------------------------------------------------------ math
@native_snippet(S)
def math_functions(x):
    return math.sin(x) * math.exp(-x) + math.log1p(x) + math.atan2(x, 2) + math.hypot(x, 1) + math.pow(x, 2.5)


@native_snippet(S)
def math_special(x):
    return math.erf(x) + math.gamma(x) + math.lgamma(x + 1) + math.tanh(x) + math.degrees(x) + math.fabs(-x)


@native_snippet(np.array([48.1, 11.6, 52.5, 13.4]))
def math_haversine(q):
    a, b, c, d = map(math.radians, q)
    h = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
    return 2 * 6371 * math.asin(math.sqrt(h))


@native_snippet(np.array([100.0, 0.2, 0.7]))
def option_by_math(p):
    s, sigma, t = p
    d = (math.log(s / 95) + sigma**2 / 2 * t) / (sigma * math.sqrt(t))
    return s * norm.cdf(d) - 95 * norm.cdf(d - sigma * math.sqrt(t))


@native_snippet(V)
def math_sums(v):
    return math.fsum(v) + math.prod([v[0], v[3]]) + math.dist(v[:2], [0.0, 1.0])


@native_snippet(np.array([0.3, 1.2]))
def complex_math(v):
    z = complex(v[0], 0) + 1j * v[1]
    return abs(cmath.exp(z)) + cmath.phase(cmath.sqrt(z))


@native_snippet(S)
def math_domain_guard(x):
    try:
        return math.log(x - 5) * x
    except ValueError:
        return math.log(x + 5) * x


# ------------------------------------------------------------------------------------------------ scipy.linalg
@native_snippet(M)
def scipy_solve(m):
    return scipy.linalg.solve(m, [1.0, 2.0, 3.0]) + scipy.linalg.inv(m)[0]


@native_snippet(M)
def cholesky_solves(m):
    return cho_solve(cho_factor(m @ m.T), np.ones(3))


@native_snippet(np.array([1.3, 0.6, 0.2]))
def gaussian_process_scipy(theta):
    k = np.exp(theta[0]) * np.exp(-0.5 * ((T[:, None] - T) / theta[1]) ** 2) + theta[2] * np.eye(4)
    low = scipy.linalg.cholesky(k, lower=True)
    z = solve_triangular(low, np.sin(T), lower=True)
    return 0.5 * z @ z + np.log(np.diag(low)).sum()


@native_snippet(M)
def scipy_decompositions(m):
    q, r = scipy.linalg.qr(m)
    w = scipy.linalg.eigvalsh(m + m.T)
    return np.abs(r[0, 0]) + w + scipy.linalg.svdvals(m) + scipy.linalg.det(m) + scipy.linalg.norm(m)


@native_snippet(M)
def lu_solves(m):
    return scipy.linalg.lu_solve(scipy.linalg.lu_factor(m), np.arange(3.0))


# ------------------------------------------------------------------------------------------------ scipy.stats and special
@native_snippet(np.array([0.4, 1.3]))
def normal_fit(theta):
    return -np.sum(norm.logpdf(DATA, loc=theta[0], scale=theta[1]))


@native_snippet(np.array([0.4, 1.3, 2.5]))
def posterior(theta):
    prior = norm(0, 10).logpdf(theta[0]) + scipy.stats.gamma.logpdf(theta[1], a=2, scale=0.5)
    return prior + scipy.stats.t.logpdf(DATA, df=theta[2], loc=theta[0], scale=theta[1]).sum()


@native_snippet(np.array([0.2, -0.3, 0.5]))
def poisson_glm(beta):
    return -scipy.stats.poisson.logpmf([0, 2, 1, 5, 3], np.exp(X @ beta)).sum()


@native_snippet(np.array([0.3, 0.8]))
def censored_likelihood(p):
    return norm.logsf(1.0, p[0], p[1]) + norm.logcdf(0.2, *p) + scipy.stats.weibull_min.logpdf(2.0, p[1])


@native_snippet(np.array([0.5, 0.7, 1.4]))
def multivariate_density(p):
    cov = np.array([[p[1], 0.2], [0.2, p[2]]])
    return scipy.stats.multivariate_normal(mean=[p[0], 0.0], cov=cov).logpdf([0.3, -0.1])


@native_snippet(np.array([0.3, 0.6]))
def binomial_and_beta(p):
    return scipy.stats.binom.logpmf(3, 7, p[0]) + scipy.stats.beta(2, 3).pdf(p[1]) + scipy.stats.bernoulli.pmf(1, p[0])


@native_snippet(np.array([0.3, 0.6]))
def quantiles(p):
    return norm.ppf(p) + scipy.stats.expon.ppf(p, scale=2.0) + scipy.stats.lognorm.cdf(p, 0.5)


@native_snippet(V)
def softmax_of_scipy(v):
    return scipy.special.softmax(v) + scipy.special.logsumexp(v, b=np.arange(4))


# ------------------------------------------------------------------------------------------------ SciPy's own Python code
@native_snippet(V)
def integrals_of_samples(y):
    return (
        scipy.integrate.trapezoid(y, T) + scipy.integrate.simpson(y, x=T) + scipy.integrate.cumulative_trapezoid(y, T)
    )


@native_snippet(P)
def rosenbrock(v):
    return scipy.optimize.rosen(v)


@native_snippet(V)
def signal_convolution(v):
    return scipy.signal.convolve(v, [1.0, 0.5, 0.25], mode="same")


@snippet(V)
def fixed_quadrature(v):
    value, _ = scipy.integrate.fixed_quad(lambda t: np.exp(-v[0] * t) + v[1], 0, 1, n=4)
    return value


# ------------------------------------------------------------------------------------------------ the user's own code
@dataclass
class Spring:
    stiffness: float
    damping: float = 0.1

    def force(self, x, v):
        out = np.zeros(1)
        out[0] = -self.stiffness * x - self.damping * v
        return out


class Sphere:
    def __init__(self, radius):
        self.radius = radius

    @property
    def volume(self):
        return 4 / 3 * math.pi * math.pow(self.radius, 3)

    def __call__(self, x):
        return np.asarray(x) * self.volume


class Pair(NamedTuple):
    a: float
    b: float


UNIT = Sphere(1.0)
ACTIVATIONS = {"tanh": math.tanh, "square": lambda x: float(x) ** 2}


def helper(x, power=2):
    return np.array([math.pow(t, power) for t in x])


@native_snippet(np.array([0.5, 0.1]))
def classes(p):
    spring = Spring(p[0], damping=p[1])
    x, v = 1.0, 0.0
    for _ in range(4):
        v = v + 0.1 * spring.force(x, v)[0]
        x = x + 0.1 * v
    return x * Sphere(p[0]).volume + UNIT(p).sum()


@native_snippet(P)
def helpers_and_partial(v):
    cube = partial(helper, power=3)
    return helper(v) + cube(v) + np.array(list(map(ACTIVATIONS["square"], v)))


@native_snippet(P)
def named_tuple_of_results(v):
    pair = Pair(math.sin(v[0]), b=float(v[1]))
    return pair.a * pair.b + sum(pair)


@native_snippet(P)
def imports_inside(v):
    import math as m

    from numpy import zeros

    out = zeros(2)
    out[0] = m.cos(v[0])
    out[1] = v[1:].sum()
    return out


@native_snippet(P)
def closure_over_array(v):
    table = np.zeros((2, 4))
    table[0] = v

    def row(i):
        return table[i] * math.sqrt(v[0])

    table[1] = row(0)
    return row(1).sum()


@native_snippet(V)
def accumulator_with_two_names(v):
    total = np.zeros(4)
    also, tail = total, total[1:]
    for k in range(3):
        total += v**k
    return also * tail.sum()


@native_snippet(V)
def array_of_arrays(v):
    return np.array([v, 2 * v, v**2]).sum(axis=0) * np.array([[v[0], 1.0], [0.0, v[1]]]).trace()


@native_snippet(V)
def polynomial_object(v):
    p = np.polynomial.Polynomial(v)
    return p(0.5) + p.deriv()(0.2) + np.polynomial.chebyshev.chebval(v[0], v)


# ------------------------------------------------------------------------------------------------ refused
@refused(TypeError, "item|scirs_ad", V)
def item_of_element(v):
    return v[0].item() * 2


@refused(TypeError, "scirs_ad", V)
def percent_formatting(v):
    return float("%.8f" % v[0]) * 2  # noqa: UP031


@refused(TypeError, "scirs_ad", 0.5)
def adaptive_quadrature(a):
    return scipy.integrate.quad(lambda t: math.exp(-a * t), 0, 1)[0]


@refused(TypeError, "scirs_ad", V)
def cubic_spline(y):
    return scipy.interpolate.CubicSpline(T, y)(0.4)


@refused(TypeError, "scirs_ad", np.array([[0.0, 0.1], [1.1, 0.0], [0.3, 1.4]]))
def compiled_distances(p):
    return scipy.spatial.distance.pdist(p)


@refused(TypeError, "scirs_ad", V)
def bytes_round_trip(v):
    return np.frombuffer(v.tobytes()) * 2


@refused(TypeError, "cannot be read as int64", V)
def byte_views(v):
    return v.view(np.int64) * 1.0


@refused(TypeError, "scirs_ad|masked", V)
def masked_array(v):
    return np.ma.masked_less(v, 0).sum()


@refused(TypeError, "nditer|Iterator operand", V)
def memory_iteration(v):
    return sum(float(x) for x in np.nditer(v))


@refused((TypeError, ValueError), "scirs_ad|to a common type", V)
def c_filter(v):
    return scipy.signal.lfilter([1.0], [1.0, -0.5], v)


@refused(TypeError, "scirs_ad|argument", np.array([0.4, 1.3]))
def simulated_normal(p):
    return np.random.default_rng(0).normal(p[0], p[1], size=3)


@refused(TypeError, "scirs_ad", V)
def structured_array(v):
    z = np.zeros(2, dtype=[("a", float)])
    z["a"][0] = v[0]
    return z["a"] * v[:2]


@refused(TypeError, "scirs_ad", V)
def strided_memory(v):
    return np.lib.stride_tricks.as_strided(v, (3, 2), (8, 8)).sum(axis=1)


@refused(TypeError, "JSON serializable", V)
def through_json(v):
    return json.loads(json.dumps(v.tolist()))[0] * v


# ------------------------------------------------------------------------------------------------ scipy.sparse
SPD = scipy.sparse.diags([[-1.0] * 3, [3.0, 4.0, 5.0, 6.0], [-1.0] * 3], offsets=[-1, 0, 1], format="csc")


@native_snippet(V)
def sparse_solve(v):
    return scipy.sparse.linalg.spsolve(SPD, v**2)


@native_snippet(V)
def conjugate_gradients(v):
    x, info = scipy.sparse.linalg.cg(SPD, v, rtol=1e-13)
    assert info == 0
    return x @ v


if SCIPY >= (1, 17):  # converts its arguments until then

    @native_snippet(V)
    def spectral_convolution(v):
        return scipy.signal.fftconvolve(v, np.array([1.0, 2.0, 1.0]), mode="same")


@refused(TypeError, "scirs_ad", V)
def sparse_matrix_of_variables(v):
    return scipy.sparse.csr_array((v, [0, 1, 2, 3], [0, 1, 2, 3, 4])) @ np.ones(4)


@refused(TypeError, "scirs_ad", V)
def distances_in_c(v):
    return scipy.spatial.distance.pdist(v.reshape(2, 2))
