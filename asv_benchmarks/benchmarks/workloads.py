"""Whole problems in plain NumPy: value and gradient, beside the value alone; and the memory they take."""

import numpy as np
from scipy.optimize import approx_fprime, least_squares, minimize
from scipy.optimize._numdiff import approx_derivative

import scirs_ad as ad
from scirs_ad._data import nist


def polynomial(x, y):
    """Nine arithmetic operations."""
    return np.sum((x * y + x) * (x - y) + 0.5 * x * x - 3.0 * y)


def transcendental(x):
    return np.sum(np.tanh(x) * np.exp(-(x**2)) + np.sin(x) / (1.0 + x**2))


def logistic(w, features, signs):
    return np.mean(np.logaddexp(0, -signs * (features @ w))) + 0.005 * np.sum(w * w)


def perceptron(w1, w2, images, one_hot):
    hidden = np.maximum(images @ w1, 0)
    logits = hidden @ w2
    shifted = logits - np.max(logits, 1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(shifted), 1)) - np.sum(shifted * one_hot, 1))


def gaussian_process(theta, points, y):
    """Negative log marginal likelihood; `theta`: logs of length scale, signal and noise."""
    z = points / np.exp(theta[0])
    squares = np.sum(z * z, 1)
    distances = squares[:, None] + squares - 2 * (z @ z.T)
    covariance = np.exp(2 * theta[1] - 0.5 * distances) + np.exp(2 * theta[2]) * np.eye(len(y))
    fit = y @ np.linalg.solve(covariance, y)
    return 0.5 * (fit + np.linalg.slogdet(covariance)[1])


def leapfrog(state, steps=200):
    """A pendulum in a Python loop."""
    angle, momentum = state[0], state[1]
    for _ in range(steps):
        momentum = momentum - 0.01 * np.sin(angle)
        angle = angle + 0.01 * momentum
    return angle**2 + momentum**2


def small_systems(a, b):
    """Many small systems, run side by side."""
    x = np.linalg.solve(a, b)
    return np.sum(x * x)


def small_factors(a):
    return np.sum(np.linalg.cholesky(a)[..., 0])


def large_factors(a):
    """What every factorisation of one matrix costs with its adjoint."""
    q, r = np.linalg.qr(a)
    low = np.linalg.cholesky(a @ a.T + np.eye(len(a)))
    return np.sum(q * a) + np.sum(r * a) + np.sum(low * a) + np.sum(np.linalg.svd(a, compute_uv=False))


def stencil(u):
    """Shifted windows of a field."""
    return np.sum((4 * u[1:-1, 1:-1] - u[2:, 1:-1] - u[:-2, 1:-1] - u[1:-1, 2:] - u[1:-1, :-2]) ** 2)


def normalised(a):
    """A layer's normalisation."""
    return np.sum(((a - a.mean(1, keepdims=True)) / np.sqrt(a.var(1, keepdims=True) + 1e-5)) ** 3)


def rotated(r, x):
    """Small matrices times vectors, and cross products of those."""
    return np.sum(np.cross(np.einsum("bij,bj->bi", r, x), x) ** 2)


def examples(w, points):
    """A network for one example, mapped."""
    return np.sum(ad.vmap(lambda row: np.tanh(row @ w) @ w.T @ row)(points))


def inputs(rng):
    def normal(*shape):
        return rng.standard_normal(shape)

    signs = np.sign(normal(1000))
    one_hot = np.eye(10)[rng.integers(10, size=64)]
    points, small, large = normal(100, 4), normal(1000, 16, 16), normal(150, 150)
    positive = small @ small.swapaxes(-1, -2) + 16 * np.eye(16)
    return {
        "polynomial 1e6": (polynomial, (normal(10**6), normal(10**6)), (0, 1)),
        "transcendental 1e6": (transcendental, (normal(10**6),), 0),
        "transcendental 1e3": (transcendental, (normal(10**3),), 0),
        "logistic 1000 x 50": (logistic, (0.1 * normal(50), normal(1000, 50), signs), 0),
        "stencil 512 x 512": (stencil, (normal(512, 512),), 0),
        "normalised 300 x 300": (normalised, (normal(300, 300),), 0),
        "rotated 20000": (rotated, (normal(20000, 3, 3), normal(20000, 3)), 0),
        "examples 500": (examples, (normal(20, 20), normal(500, 20)), 0),
        "perceptron": (perceptron, (normal(196, 64) / 14, normal(64, 10) / 8, normal(64, 196), one_hot), (0, 1)),
        "gaussian process 100": (gaussian_process, (np.array([0.3, 0.1, -1.0]), points, np.sin(points.sum(1))), 0),
        "leapfrog": (leapfrog, (np.array([1.0, 0.0]),), 0),
        "solve 1000 x 16 x 16": (small_systems, (positive, normal(1000, 16, 1)), (0, 1)),
        "cholesky 1000 x 16 x 16": (small_factors, (positive,), 0),
        "factors 150 x 150": (large_factors, (large,), 0),
    }


class Workloads:
    params = list(inputs(np.random.default_rng(0)))
    param_names = ["workload"]

    def setup(self, name):
        self.f, self.args, self.argnums = inputs(np.random.default_rng(0))[name]
        self.gradient = ad.value_and_grad(self.f, argnums=self.argnums)

    def time_value(self, name):
        self.f(*self.args)

    def time_value_and_gradient(self, name):
        self.gradient(*self.args)

    def peakmem_value_and_gradient(self, name):
        self.gradient(*self.args)


class Products:
    """Compiled products of few rows, in a process that has done no larger one."""

    params = ["float32", "float64"]
    param_names = ["dtype"]
    rounds = 4

    def setup(self, dtype):
        rng = np.random.default_rng(0)
        self.images = rng.standard_normal((128, 256)).astype(dtype)
        self.weights = rng.standard_normal((256, 256)).astype(dtype)
        self.f = ad.compile(lambda images, weights: images @ weights + 1)
        self.f(self.images, self.weights)

    def time_product(self, dtype):
        self.f(self.images, self.weights)


class Second:
    """A Hessian of 200 inputs."""

    def setup(self):
        self.x = np.linspace(-1, 1, 200)
        self.a = np.random.default_rng(0).standard_normal((200, 200)) / 15

    def time_hessian_200(self):
        ad.hessian(lambda x: np.sum(np.tanh(self.a @ x) ** 2))(self.x)


class Differences:
    """The gradient beside finite differences: it must not be slower from four inputs on."""

    params = [4, 10, 100]
    param_names = ["n"]

    def setup(self, n):
        self.x = np.linspace(-1, 1, n)

    def time_gradient(self, n):
        ad.grad(transcendental)(self.x)

    def time_finite_differences(self, n):
        approx_fprime(self.x, transcendental)


def decays(p, t):
    """Five parameters."""
    return p[0] * np.exp(-p[1] * t) + p[2] * np.exp(-p[3] * t) + p[4]


class JacobianDifferences:
    """The Jacobian of residuals beside finite differences: it must not be slower."""

    params = ["decays", *(problem.name for problem in nist.PROBLEMS)]
    param_names = ["problem"]

    def setup(self, name):
        if name == "decays":
            t = np.linspace(0, 5, 50)
            self.residuals, self.start = lambda p: decays(p, t), np.array([1.0, 0.5, 2.0, 1.5, 0.1])
            return
        problem = next(problem for problem in nist.PROBLEMS if problem.name == name)
        self.residuals = lambda b: problem.model(problem.x, *b) - problem.y
        self.start = np.asarray(problem.starts[1], float)

    def time_jacobian(self, name):
        ad.jacobian(self.residuals)(self.start)

    def time_finite_differences(self, name):
        approx_derivative(self.residuals, self.start, method="2-point")


class Solvers:
    """Inside SciPy's optimisers."""

    params = [problem.name for problem in nist.PROBLEMS]
    param_names = ["problem"]

    def setup(self, name):
        self.problem = next(problem for problem in nist.PROBLEMS if problem.name == name)

    def residuals(self, b):
        return self.problem.model(self.problem.x, *b) - self.problem.y

    def time_least_squares(self, name):
        least_squares(self.residuals, self.problem.starts[1], jac=ad.jacobian(self.residuals), x_scale="jac")


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


class ShiftedSlices:
    """Derivatives of Rosenbrock's function, compiled: one pass over neighbours, added to two overlapping slices."""

    params = [["value_and_grad", "hvp"], [1000, 100_000, 1_000_000], [1, 2]]
    param_names = ["derivative", "n", "threads"]

    def setup(self, derivative, n, threads):
        x, v = np.random.default_rng(0).standard_normal((2, n))
        both, product = ad.compile(ad.value_and_grad(rosenbrock)), ad.compile(ad.hvp(rosenbrock))
        self.run = {"value_and_grad": lambda: both(x), "hvp": lambda: product(x, v)}[derivative]
        self.before = ad.get_num_threads()
        ad.set_num_threads(threads)
        self.run()

    def teardown(self, derivative, n, threads):
        ad.set_num_threads(self.before)

    def time_shifted(self, derivative, n, threads):
        self.run()


class Minimize:
    """Rosenbrock's function of 100 parameters by L-BFGS-B: the derivatives of each kind in the same search."""

    params = ["value_and_grad", "optimize.minimize", "finite differences"]
    param_names = ["derivatives"]

    def setup(self, derivatives):
        self.x = np.zeros(100)
        both = ad.value_and_grad(rosenbrock)
        self.search = {
            "value_and_grad": lambda: minimize(both, self.x, jac=True, method="L-BFGS-B"),
            "optimize.minimize": lambda: ad.optimize.minimize(rosenbrock, self.x, method="L-BFGS-B"),
            "finite differences": lambda: minimize(rosenbrock, self.x, method="L-BFGS-B", options={"maxfun": 10**6}),
        }[derivatives]

    def time_minimize(self, derivatives):
        self.search()


class SecondOrder:
    """Searches that use products with the Hessian, by size; trust-constr takes a Hessian up to 60 parameters."""

    params = [["Newton-CG", "trust-krylov", "trust-constr"], [5, 30, 100]]
    param_names = ["method", "n"]

    def setup(self, method, n):
        self.x = np.full(n, 0.9)

    def time_minimize(self, method, n):
        ad.optimize.minimize(rosenbrock, self.x, method=method)
