"""Derivatives of a function against central differences: for functions, as the laws are for primitives."""

import numpy as np

import scirs_ad as ad
from scirs_ad._core.tree import flatten


def _like(rng, x):
    t = rng.standard_normal(x.shape)
    return np.asarray(t + 1j * rng.standard_normal(x.shape) if x.dtype.kind == "c" else t).astype(x.dtype)


def _leaves(y):
    return [np.asarray(leaf) for leaf in flatten(y)[0]]


def _inner(ys, zs):
    return sum(float(np.real(np.vdot(y, z))) for y, z in zip(ys, zs, strict=True))


def check(f, *xs, order=2, step=1e-5, tol=1e-7):
    """`f` at the arrays `xs`: forward against differences, reverse against forward, and the same for the gradient.

    Returns the value, for further checks. The tolerance is for float64: a central difference of step 1e-5 is good to
    about 1e-10 times the third derivative, and to eps over step times the value.
    """
    rng = np.random.default_rng(7)
    xs = [np.asarray(x) for x in xs]
    ts = [_like(rng, x) for x in xs]

    def moved(s):
        return [np.asarray(x + s * step * t) for x, t in zip(xs, ts, strict=True)]

    y, t = ad.jvp(f, tuple(xs), tuple(ts))
    plain = f(*xs)
    for a, b in zip(_leaves(y), _leaves(plain), strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype, (a.shape, a.dtype, b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-13)
    scale = 1.0 + max([float(np.abs(leaf).max(initial=0)) for leaf in _leaves(y)], default=0.0)
    for moving, up, down in zip(_leaves(t), _leaves(f(*moved(1))), _leaves(f(*moved(-1))), strict=True):
        np.testing.assert_allclose(moving, (up - down) / (2 * step), rtol=tol, atol=tol * scale)
    _, pullback = ad.vjp(f, *xs)
    cts = [_like(rng, leaf) for leaf in _leaves(y)]
    ct = tuple(cts) if isinstance(y, tuple) else cts[0]
    pulled = pullback(ct)
    for g, x in zip(pulled, xs, strict=True):
        assert np.shape(g) == x.shape and g.dtype == x.dtype
    forward, backward = _inner(cts, _leaves(t)), _inner([np.asarray(g) for g in pulled], ts)
    size = sum(float(np.abs(g * t).sum()) for g, t in zip(pulled, ts, strict=True))
    assert abs(forward - backward) <= 1e-12 * (1 + size)
    if order > 1:
        check(lambda *zs: ad.vjp(f, *zs)[1](ct), *xs, order=order - 1, step=step, tol=10 * tol)
    return plain
