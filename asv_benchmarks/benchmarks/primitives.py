"""Every operation of the table, on the first of its samples: value, vjp and jvp. There is no list of names here."""

import numpy as np

import scirs_ad as ad
from scirs_ad._core.core import PRIMITIVES
from scirs_ad._core.define import raises, sample


def first_sample(primitive, order=0):
    """The first sample that is not an error and has derivatives to `order`, as a `sample`; None if there is none."""
    for given in primitive.samples(np.random.default_rng(0)):
        if not isinstance(given, raises):
            given = given if isinstance(given, sample) else sample(*given)
            if given.order >= order:
                return given
    return None


def inexact(x):
    return isinstance(x, float | complex) or (isinstance(x, np.ndarray) and x.dtype.kind in "fc")


class Table:
    """The operations as their samples have them."""

    params = list(PRIMITIVES)
    param_names = ["operation"]

    def setup(self, name):
        self.primitive = PRIMITIVES[name]
        given = first_sample(self.primitive)
        self.args, self.params_given = given.args, given.params

    def time_value(self, name):
        self.primitive(*self.args, **self.params_given)


class Derivatives:
    """Those that have a derivative, with respect to all inexact arguments."""

    params = [name for name, p in PRIMITIVES.items() if p.differentiable and first_sample(p, 1) is not None]
    param_names = ["operation"]

    def setup(self, name):
        primitive = PRIMITIVES[name]
        given = first_sample(primitive, 1)
        places = [k for k, x in enumerate(given.args) if inexact(x)] if given.wrt is None else list(given.wrt)

        def f(*moving):
            args = list(given.args)
            for place, x in zip(places, moving, strict=True):
                args[place] = x
            return primitive(*args, **given.params)

        self.f = f
        self.primals = tuple(np.asarray(given.args[k]) for k in places)
        self.tangents = tuple(np.ones_like(x) for x in self.primals)
        out = f(*self.primals)
        self.cotangent = tuple(map(np.ones_like, out)) if isinstance(out, tuple) else np.ones_like(out)

    def time_vjp(self, name):
        _, pullback = ad.vjp(self.f, *self.primals)
        pullback(self.cotangent)

    def time_jvp(self, name):
        ad.jvp(self.f, self.primals, self.tangents)
