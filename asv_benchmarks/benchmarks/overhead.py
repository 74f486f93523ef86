"""What an operation costs beyond its arithmetic: few numbers, many calls."""

import subprocess
import sys
import time

import numpy as np

import scirs_ad as ad


def chain(x):
    """100 multiplications, each of the one before, and a sum."""
    y = x
    for _ in range(100):
        y = y * x
    return y.sum()


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


class Small:
    """Ten numbers."""

    def setup(self):
        self.x = 1 + 0.01 * np.arange(10.0)
        self.variable = ad.Variable(self.x)
        self.ones = np.ones(10)

    def time_untracked_multiply(self):
        """A Variable that belongs to no level."""
        for _ in range(100):
            self.variable * self.variable

    def time_numpy_multiply(self):
        """The same on arrays, for comparison."""
        for _ in range(100):
            self.x * self.x

    def time_recorded_multiply(self):
        """100 multiplications on a tape, without a backward sweep."""

        def f(x):
            for _ in range(100):
                y = x * x
            return y

        ad.vjp(f, self.x)

    def time_gradient_of_chain(self):
        ad.grad(chain)(self.x)

    def time_tangent_of_chain(self):
        ad.jvp(chain, (self.x,), (self.ones,))

    def time_batch_of_chain(self):
        ad.vmap(chain)(self.x[:, None])

    def time_gradient_of_identity(self):
        """The cost of a transform itself."""
        ad.grad(np.sum)(self.x)


class Protocol:
    """NumPy's functions on ten tracked numbers, beside our own operators and NumPy's on an array."""

    params = ["operator", "sin", "sum", "method sum", "slice", "matmul", "dot", "where", "concatenate"]
    param_names = ["function"]

    def setup(self, name):
        self.x = 1 + 0.01 * np.arange(10.0)
        w, mask = np.ones((10, 3)), self.x > 1.05
        self.f = {
            "operator": lambda v: -v,
            "sin": np.sin,
            "sum": np.sum,
            "method sum": lambda v: v.sum(),
            "slice": lambda v: v[1:],
            "matmul": lambda v: v @ w,
            "dot": lambda v: np.dot(v, v),
            "where": lambda v: np.where(mask, v, 0.0),
            "concatenate": lambda v: np.concatenate([v, v]),
        }[name]

    def time_tracked(self, name):
        with ad.Tape() as tape:
            v = tape.variable(self.x)
            for _ in range(100):
                self.f(v)

    def time_array(self, name):
        for _ in range(100):
            self.f(self.x)


class Rosenbrock:
    params = [2, 10, 100, 1000]
    param_names = ["n"]

    def setup(self, n):
        self.x = np.linspace(0.5, 1.5, n)

    def time_value(self, n):
        rosenbrock(self.x)

    def time_value_and_gradient(self, n):
        ad.value_and_grad(rosenbrock)(self.x)

    def time_hessian_vector_product(self, n):
        ad.hvp(rosenbrock)(self.x, self.x)


def track_import_over_numpy():
    """Time of `import scirs_ad` over that of `import numpy`, the least of five."""

    def least(module):
        seconds = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-P", "-c", f"import {module}"], check=True)  # -P: not the sources
            seconds.append(time.perf_counter() - start)
        return min(seconds)

    python = least("sys")
    return (least("scirs_ad") - python) / (least("numpy") - python)


track_import_over_numpy.unit = "ratio"
