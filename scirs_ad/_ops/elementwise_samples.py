"""Samples of functions that act element by element."""

import numpy as np

from scirs_ad._core.define import raises, sample


def real_samples(low, high, *, also=()):
    """Samples of a function of one real variable: several shapes, values in [low, high], and the given ones."""

    def samples(rng):
        for shape in [(), (5,), (2, 3), (0,)]:
            yield sample(rng.uniform(low, high, shape))
        yield sample(rng.uniform(low, high, 4).astype(np.float32))
        for x in also:
            yield sample(np.asarray(x, float))
        yield raises(TypeError, np.array(["a"]), match="number")

    return samples


def complex_samples(low, high, *, also=()):
    """As `real_samples`, with complex ones."""

    def samples(rng):
        yield from real_samples(low, high, also=also)(rng)
        yield sample(rng.uniform(low, high, 3) + 1j * rng.uniform(low, high, 3))

    return samples


def binary_samples(low, high, *, low2=None, high2=None, complex_too=True):
    """Samples of a function of two arguments: broadcasting, scalars, dtypes."""
    low2, high2 = low if low2 is None else low2, high if high2 is None else high2

    def samples(rng):
        def x(*shape):
            return rng.uniform(low, high, shape)

        def y(*shape):
            return rng.uniform(low2, high2, shape)

        yield sample(x(), y())
        yield sample(x(4), y(4))
        yield sample(x(2, 3), y(3))
        yield sample(x(3, 1), y(1, 2))
        yield sample(x(3), float(y()))
        yield sample(float(x()), y(3))
        yield sample(x(0), y(1))
        yield sample(x(4).astype(np.float32), y(4).astype(np.float32))
        if complex_too:
            yield sample(x(3) + 1j * x(3), y(3) + 1j * y(3))
        yield raises(ValueError, x(3), y(4), match="shapes")

    return samples
