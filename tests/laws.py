"""The product's own table of primitives and their samples, and how two results are compared.

Nothing here names an operation, and no tolerance is typed per operation: what is allowed follows from the machine
epsilon, from the magnitudes, from how strongly the result reacts to a small change of the inputs (measured), and from
the estimated error of the finite differences.
"""

import zlib

import numpy as np

import scirs_ad as ad
from scirs_ad._core.core import PRIMITIVES, Elementwise
from scirs_ad.testing.differences import random_direction

ROUNDING = 64  # units in the last place, of what a result is made of, that an algorithm may lose


def rng_of(name):
    """A generator that depends on a name alone."""
    return np.random.default_rng(zlib.crc32(name.encode()))


class Case:
    """One sample of one primitive."""

    def __init__(self, primitive, number, found):
        self.p, self.number = primitive, number
        self.error = getattr(found, "error", None)
        self.match = getattr(found, "match", "")
        self.args, self.params = found.args, found.params
        self.order = found.order if primitive.differentiable else 0
        self.rng = rng_of(f"{primitive.name} {number}")
        arrays = [k for k, a in enumerate(self.args) if isinstance(a, np.ndarray) and a.dtype.kind in "fc"]
        numbers = [
            k for k, a in enumerate(self.args) if isinstance(a, float | complex) and not isinstance(a, np.generic)
        ]
        self.arrays = [k for k, a in enumerate(self.args) if isinstance(a, np.ndarray)]
        self.moving = [k for k in sorted(arrays + numbers) if found.wrt is None or k in found.wrt]

    @property
    def elementwise(self):
        return isinstance(self.p, Elementwise)

    def __repr__(self):
        return f"{self.p.name}-{self.number}"

    # -------------------------------------------------------------------------------- the primitive as a function
    def call(self, *args):
        """All outputs, as a list."""
        out = self.p(*args, **self.params)
        return list(out) if isinstance(out, tuple) else [out]

    def moved(self, *xs):
        """The outputs that can carry a derivative, as a function of the arguments that are differentiated."""
        full = list(self.args)
        for k, x in zip(self.moving, xs, strict=True):
            full[k] = x
        return [y for y in self.call(*full) if ad.Variable(y).dtype.kind in "fc"]

    def point(self, double=False):
        """The arguments that are differentiated (`double`: in double precision)."""
        xs = [np.asarray(self.args[k]) for k in self.moving]
        return [x.astype(np.result_type(x, np.float64)) for x in xs] if double else xs

    def tangents(self, xs):
        return [random_direction(x, self.rng) for x in xs]

    def cotangents(self, outs):
        return [np.asarray(random_direction(np.ones_like(y), self.rng)) for y in outs]

    def results(self):
        return [np.asarray(y) for y in self.call(*self.args)]


def cases():
    """All samples that are not errors, in the order of the table."""
    return [case for case in _all_cases() if case.error is None]


def error_cases():
    return [case for case in _all_cases() if case.error is not None]


def _all_cases():
    for name, p in PRIMITIVES.items():
        for number, found in enumerate(p.samples(rng_of(name))):
            yield Case(p, number, found)


# ------------------------------------------------------------------------------------------------ comparing
def same(found, expected, context, elementwise=False, extra=0.0, ulps=ROUNDING):
    """Assert that two arrays agree up to rounding: element by element, or relative to the largest."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, f"{context}: shape {found.shape} instead of {expected.shape}"
    assert found.dtype == expected.dtype, f"{context}: dtype {found.dtype} instead of {expected.dtype}"
    if found.dtype.kind not in "fc":
        assert np.array_equal(found, expected), f"{context}: {found} instead of {expected}"
        return
    finite = np.isfinite(expected)
    assert np.array_equal(np.isnan(found), np.isnan(expected)), f"{context}: {found} instead of {expected}"
    rest = ~finite & ~np.isnan(expected)
    assert np.array_equal(found[rest], expected[rest]), f"{context}: {found} instead of {expected}"
    size = np.abs(expected)
    if not elementwise:
        size = np.max(size, initial=0.0, where=finite)
    allowed = ulps * (np.finfo(expected.dtype).eps * size + extra) + np.finfo(expected.dtype).tiny
    with np.errstate(invalid="ignore"):
        off = np.abs(found - expected)
    bad = finite & ~(off <= allowed)
    if np.any(bad):
        worst = np.unravel_index(np.argmax(np.where(bad, off, 0)), off.shape)
        raise AssertionError(
            f"{context}: {found[worst]!r} instead of {expected[worst]!r} at {worst}: off by {off[worst]:.3g}, allowed "
            f"{np.broadcast_to(allowed, off.shape)[worst]:.3g}"
        )


def inner(xs, ys):
    """``Re <x, y>`` over lists of arrays, and the sum of magnitudes that it is made of."""
    total, size = 0.0, 0.0
    for x, y in zip(xs, ys, strict=True):
        terms = np.real(np.conj(np.asarray(x)) * np.asarray(y)).astype(float)
        total += float(np.sum(terms))
        size += float(np.sum(np.abs(terms)))
    return total, size
