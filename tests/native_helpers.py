"""A module of a user's, as `test_native` sees one: nothing here knows of derivatives."""

import math

import numpy as np
from numpy import array, zeros
from numpy.linalg import norm as length
from scipy.linalg import cho_factor, cho_solve

SCALE = 2.0
TABLE = {"square": lambda x: np.array([float(x) ** 2])[0], "sine": lambda x: math.sin(x)}


def filled(x):
    z = zeros(len(x))
    for i in range(len(x)):
        z[i] = SCALE * math.exp(x[i])
    return z


def called_elsewhere(x):
    return filled(array([x[0], x[1]])) + length([x[0], x[1]])


def by_cholesky(a, b):
    return cho_solve(cho_factor(np.asarray(a)), b)


class Model:
    factor = 3.0

    def __init__(self, weight, child=None):
        self.weight, self.child = weight, child

    def __call__(self, x):
        return self.predict(x) + (self.child.predict(x) if self.child is not None else 0.0)

    def predict(self, x):
        out = np.empty(len(x))
        out[:] = self.weight * np.asarray(x) * self.factor
        return out

    @property
    def double(self):
        return np.array([2 * self.weight])[0]

    @staticmethod
    def root(x):
        return math.sqrt(x)

    @classmethod
    def made(cls, weight):
        return cls(float(weight))


class Squared(Model):
    def predict(self, x):
        return super().predict(x) ** 2
