"""Each transform, and transforms of transforms, on one function of moderate size."""

import numpy as np

import scirs_ad as ad

N = 50


def f(x):
    return np.sum(np.tanh(x) * np.exp(-(x**2)) + np.sin(x) / (1 + x**2))


def g(x):
    """From N numbers to N numbers, each of which depends on all."""
    return np.sin(x) * np.sum(x**2)


def few(p, t):
    return p[0] * np.exp(-p[1] * t) + p[2]


class Transforms:
    def setup(self):
        self.x = np.linspace(-1, 1, N)
        self.v = np.cos(self.x)
        self.batch = np.stack([self.x] * 20)
        self.p = np.array([3.0, 1.5, 0.1])
        self.t = np.linspace(0, 2, 1000)

    def time_grad(self):
        ad.grad(f)(self.x)

    def time_value_and_grad(self):
        ad.value_and_grad(f)(self.x)

    def time_vjp(self):
        _, pullback = ad.vjp(g, self.x)
        pullback(self.v)

    def time_jvp(self):
        ad.jvp(g, (self.x,), (self.v,))

    def time_linearize(self):
        _, push = ad.linearize(g, self.x)
        push(self.v)

    def time_jacobian_square(self):
        ad.jacobian(g)(self.x)

    def time_jacobian_forward_of_three(self):
        """1000 outputs, three inputs: forward."""
        ad.jacobian(few)(self.p, self.t)

    def time_jacobian_reverse(self):
        ad.jacobian(g, mode="reverse")(self.x)

    def time_hessian(self):
        ad.hessian(f)(self.x)

    def time_hvp(self):
        ad.hvp(f)(self.x, self.v)

    def time_weighted_hessian(self):
        ad.weighted_hessian(g)(self.x, self.v)

    def time_vmap(self):
        ad.vmap(f)(self.batch)

    def time_vmap_of_grad(self):
        ad.vmap(ad.grad(f))(self.batch)

    def time_grad_of_vmap(self):
        ad.grad(lambda batch: np.sum(ad.vmap(f)(batch)))(self.batch)

    def time_grad_of_grad(self):
        ad.grad(lambda x: np.sum(ad.grad(f)(x) * self.v))(self.x)

    def time_jvp_of_grad(self):
        ad.jvp(ad.grad(f), (self.x,), (self.v,))

    def time_checkpoint(self):
        ad.grad(ad.checkpoint(f))(self.x)

    def time_trace(self):
        ad.trace(f)(self.x)
