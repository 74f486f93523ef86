"""Random programs: hypothesis builds them from the product's own table, and differences judge their derivatives.

Each operation maps arrays of one shape to arrays of that shape: elementwise functions at points that the samples of
their own pages show to be inside their domain, and others of the table whose samples keep a shape.
"""

import functools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from laws import rng_of

import scirs_ad as ad
from scirs_ad._core.core import PRIMITIVES, Elementwise
from scirs_ad.testing.differences import directional

N = 4
SAFETY = 64
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@functools.cache
def operations():
    """name -> (primitive, number of arguments, low, high) of the base functions, with the interval of its samples."""
    found = {}
    for name, p in PRIMITIVES.items():
        if not isinstance(p, Elementwise) or not p.differentiable or p.__module__.endswith("special"):
            continue
        real = [
            s for s in p.samples(rng_of(name))
            if not hasattr(s, "error") and s.wrt is None and s.order >= 2
            and all(np.asarray(a).dtype == np.float64 and np.asarray(a).size for a in s.args)
        ]  # fmt: skip
        if not real or not 1 <= len(p.argnames) <= 2:
            continue
        columns = [np.concatenate([np.ravel(s.args[k]) for s in real[:4]]) for k in range(len(p.argnames))]
        found[name] = p, [(float(c.min()), float(c.max())) for c in columns]
    return found


def into(x, interval):
    """`x`, smoothly into an interval: so that each function is used where it is defined and smooth."""
    low, high = interval
    return (low + high) / 2 + (high - low) / 2 * np.tanh(x)


@st.composite
def programs(draw):
    """Instructions (name, places of the arguments), each adding a value to those of the inputs."""
    names = sorted(operations())
    steps = []
    for k in range(draw(st.integers(1, 6))):
        name = draw(st.sampled_from(names))
        places = st.integers(0, 1 + k)
        steps.append((name, tuple(draw(places) for _ in operations()[name][1])))
    mix = draw(st.sampled_from(["none", "write", "reduce", "loop", "checkpoint", "view", "matmul"]))
    return tuple(steps), mix


def run(program, x, y):
    """Both inputs through a program; a vector of length N."""
    steps, mix = program
    values = [x, y]
    for name, places in steps:
        p, intervals = operations()[name]

        def apply(*args, p=p, intervals=intervals):
            return p(*[into(a, i) for a, i in zip(args, intervals, strict=True)])

        call = ad.checkpoint(apply) if mix == "checkpoint" else apply
        values.append(call(*[values[k] for k in places]))
    out = values[-1] + 0.1 * values[0] * values[1]
    if mix == "write":
        z = ad.numpy.zeros(N)
        z[1:] = out[:-1]
        z[0] = values[0][1] * values[1][2]
        z *= 0.5
        out = z
    elif mix == "view":
        z = out * 1.0
        z[::2][...] = values[1][::2]
        out = z + out
    elif mix == "reduce":
        out = out - np.mean(out) + values[0] / (1.0 + np.sum(values[1] ** 2))
    elif mix == "matmul":
        out = (np.outer(values[0], values[1]) + np.eye(N)) @ out
    elif mix == "loop":
        for _ in range(3):
            out = np.sin(out + values[0])
    return out


def agree(found, expected, error, size):
    # Intermediate values are rounded, too, and some are 60 times the result (rad2deg): over a step of 2**-13 that makes
    # 1e-10, which the estimated error, a difference of two extrapolations, may miss by chance.
    allowed = SAFETY * (error + np.finfo(float).eps * size) + 1e-10 * size
    usable = error <= 1e-4 * size
    assert np.all((np.abs(found - expected) <= allowed) | ~usable), (found, expected, allowed)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(programs(), st.integers(0, 2**32 - 1))
def test_random_program(program, seed):
    rng = np.random.default_rng(seed)
    x, y, tx, ty, ct = rng.uniform(-1, 1, (5, N))
    f = lambda x, y: run(program, x, y)  # noqa: E731

    # First order: forward is the difference; reverse is its adjoint; linearize and jacobian are the same numbers.
    (expected,), (error,) = directional(lambda v: [np.asarray(ad.value(f(*map(ad.Variable, v))))], [x, y], [tx, ty])
    out, moved = ad.jvp(f, (x, y), (tx, ty))
    size = np.max(np.abs(moved)) + np.max(np.abs(out)) + 1.0
    agree(moved, expected, error, size)
    gx, gy = ad.vjp(f, x, y)[1](ct)
    np.testing.assert_allclose(gx @ tx + gy @ ty, ct @ moved, rtol=1e-9, atol=1e-11 * size)
    np.testing.assert_allclose(ad.linearize(f, x, y)[1](tx, ty), moved, rtol=1e-9, atol=1e-11 * size)
    jx, jy = ad.jacobian(f, argnums=(0, 1))(x, y)
    np.testing.assert_allclose(jx @ tx + jy @ ty, moved, rtol=1e-9, atol=1e-11 * size)

    # Second order: forward over reverse is the difference of gradients; reverse over reverse is symmetric to it.
    def gradient(x, y):
        return ad.grad(lambda x, y: np.sum(ct * f(x, y)), argnums=(0, 1))(x, y)

    found = ad.jvp(gradient, (x, y), (tx, ty))[1]
    expected, errors = directional(lambda v: list(gradient(*v)), [x, y], [tx, ty])
    scale = max(float(np.max(np.abs(g))) for g in found) + size
    for g, e, error in zip(found, expected, errors, strict=True):
        agree(g, e, error, scale)
    twice = ad.grad(
        lambda x, y: sum(np.sum(g * t) for g, t in zip(gradient(x, y), (tx, ty), strict=True)), argnums=(0, 1)
    )(x, y)
    for g, e in zip(twice, found, strict=True):
        np.testing.assert_allclose(g, e, rtol=1e-8, atol=1e-10 * scale)

    # Batches and traces are the same functions.
    two = ad.vmap(gradient)(np.stack([x, y]), np.stack([y, x]))
    for row, alone in zip(np.stack(two, 1), (gradient(x, y), gradient(y, x)), strict=True):
        np.testing.assert_allclose(row, np.stack(alone), rtol=1e-9, atol=1e-10 * scale)
    traced = ad.trace(gradient)(x, y)
    np.testing.assert_allclose(np.stack(traced(x, y)), np.stack(gradient(x, y)), rtol=1e-9, atol=1e-10 * scale)


def test_the_table_is_used():
    """Most base functions of one and two arguments take part."""
    assert len(operations()) > 30
