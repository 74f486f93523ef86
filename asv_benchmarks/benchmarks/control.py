"""Loops whose bodies are small: a Runge-Kutta step of a pendulum, a recurrence; and what checkpoints cost."""

import numpy as np

import scirs_ad as ad


def pendulum(y):
    return np.stack([y[1], -np.sin(y[0])])


def runge_kutta(y, _):
    h = 0.01
    a = pendulum(y)
    b = pendulum(y + h / 2 * a)
    c = pendulum(y + h / 2 * b)
    d = pendulum(y + h * c)
    return y + h / 6 * (a + 2 * b + 2 * c + d), None


class Pendulum:
    """1,000 steps."""

    params = ("all", "every-k", "binomial")

    def setup(self, policy):
        self.y = np.array([1.0, 0.0])
        self.f = lambda y: np.sum(ad.scan(runge_kutta, y, length=1000, checkpoint=policy)[0] ** 2)
        self.g = ad.grad(self.f)
        self.g(self.y)

    def time_value(self, policy):
        self.f(self.y)

    def time_gradient(self, policy):
        self.g(self.y)


class Recurrence:
    """A cell of 32 numbers along 500 rows."""

    def setup(self):
        rng = np.random.default_rng(0)
        self.w, self.xs = rng.standard_normal((32, 32)) / 6, rng.standard_normal((500, 32))
        self.f = lambda w: np.sum(ad.scan(lambda c, x: (np.tanh(w @ c + x), None), np.zeros(32), self.xs)[0])
        self.g = ad.grad(self.f)
        self.g(self.w)

    def time_value(self):
        self.f(self.w)

    def time_gradient(self):
        self.g(self.w)


class Chain:
    """50 layers, with and without checkpoints."""

    params = (1, 7, 50)

    def setup(self, every):
        rng = np.random.default_rng(0)
        weights = rng.standard_normal((50, 64, 64)) / 8
        chain = ad.checkpoint_chain([lambda x, w=w: np.tanh(x @ w) for w in weights], every=every)
        self.g, self.x = ad.grad(lambda x: np.sum(chain(x))), np.ones((256, 64))

    def time_gradient(self, every):
        self.g(self.x)

    def peakmem_gradient(self, every):
        self.g(self.x)
