"""Random programs on arrays of mixed shapes: NumPy, eager and compiled agree, and so do all ways to a derivative.

A program is drawn once, as a list of numbers, and read again for every kind of input. Each operation keeps values near
one, so that differences between ways of computing are rounding.
"""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import scirs_ad as ad

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

UNARY = (
    np.sin, np.cos, np.tanh, np.arctan, np.negative, np.abs, np.sign, np.floor, np.cbrt,
    lambda a: np.exp(0.3 * np.tanh(a)),
    lambda a: np.sqrt(1 + np.abs(a) ** 2),
    lambda a: np.log(1 + a * a),
    lambda a: 1 / (1.5 + np.sin(a)),
    lambda a: np.square(a) / (1 + np.abs(a)),
    lambda a: np.where(np.isfinite(a), a, 0),
    lambda a: np.clip(a, -0.7, 0.9),
)  # fmt: skip
BINARY = (
    np.add, np.subtract, np.multiply, np.maximum, np.minimum, np.fmax, np.logaddexp, np.arctan2,
    lambda a, b: a / (2 + np.abs(b)),
    lambda a, b: np.hypot(a + 0.1, b),
    lambda a, b: (1.1 + np.abs(a) / (1 + np.abs(a))) ** (b / (1 + np.abs(b))),
    lambda a, b: np.where(a > b, a, b * 1.5),
    lambda a, b: np.mod(a, 1.5 + np.abs(b)),
    lambda a, b: a - np.floor_divide(a, 1.0 + np.abs(b)),
)  # fmt: skip
NUMBERS = (0.5, 2, -1.25, 3, True, np.float64(3), np.int64(4), np.int32(-2), np.uint8(2), np.float32(0.5), np.array(8), np.array([2]))  # fmt: skip


def written(a, key, value):
    v = a * 1.0
    v[key] = value(v)
    return v


def added(a):
    v = a * 1.0
    v += 0.5 * a
    v[-1] *= 2
    return v


def divided(a):
    left, right = np.split(a, 2)
    return left * right


def windows(a, k):
    """A sum of windows at shifts of up to two along each axis, as `k` tells, most of them with the same factor."""
    size = [max(n - 2, 1) for n in np.shape(a)]
    total = 0.0
    for i in range(2 + k % 4):
        shifts = [((k >> (3 * i + j)) % 3) * (n > 2) for j, n in enumerate(np.shape(a))]
        window = a[tuple(slice(s, s + n) for s, n in zip(shifts, size, strict=True))]
        total = total + (window if (k >> i) % 3 else -0.5 * window)
    return total


# (the least and the most number of axes, function of the array, an axis and a number)
MOVES = (
    (0, 2, lambda a, axis, k: a[None] if k % 2 else a[..., None]),
    (0, 2, lambda a, axis, k: np.broadcast_to(a, (3, *np.shape(a))) * 1.0),
    (0, 2, lambda a, axis, k: np.stack([a, np.sin(a)], axis=k % (np.ndim(a) + 1))),
    (0, 3, lambda a, axis, k: np.transpose(a)),
    (0, 3, lambda a, axis, k: np.ravel(a, order="CF"[k % 2])),
    (1, 3, lambda a, axis, k: a[1:] if len(a) > 1 else a[...]),
    (1, 3, lambda a, axis, k: a[..., ::2]),
    (1, 3, lambda a, axis, k: a[::-1]),
    (1, 3, lambda a, axis, k: windows(a, k)),
    (1, 3, lambda a, axis, k: windows(a, k // 7)),
    (1, 3, lambda a, axis, k: np.take(a, [0, -1, 0, k % np.shape(a)[axis]], axis=axis)),
    (1, 3, lambda a, axis, k: np.concatenate([a, 2 * a, a], axis=axis)),
    (1, 3, lambda a, axis, k: np.roll(a, k % 5 - 2, axis=axis)),
    (1, 3, lambda a, axis, k: np.pad(a, [(1, 2)] + [(0, 1)] * (np.ndim(a) - 1), mode=("constant", "edge", "wrap")[k % 3])),
    (1, 3, lambda a, axis, k: np.repeat(a, 2, axis=axis)),
    (1, 3, lambda a, axis, k: np.sort(a, axis=axis)),
    (1, 3, lambda a, axis, k: np.cumsum(a, axis=axis) / (1 + np.shape(a)[axis])),
    (1, 3, lambda a, axis, k: np.cumprod(a / (1 + np.abs(a)), axis=axis)),
    (1, 3, lambda a, axis, k: np.diff(a, axis=axis) if np.shape(a)[axis] > 1 else a),
    (1, 3, lambda a, axis, k: written(a, 0, lambda v: v[-1] * 0.5)),
    (1, 3, lambda a, axis, k: written(a, (..., slice(None, None, 2)), lambda v: 0.25 * v[..., ::2])),
    (1, 3, lambda a, axis, k: added(a)),
    (1, 3, lambda a, axis, k: divided(a) if len(a) % 2 == 0 else a),
    (1, 1, lambda a, axis, k: np.dot(a, a) / (1 + len(a))),
    (1, 1, lambda a, axis, k: np.gradient(a) if len(a) > 2 else a),
    (1, 1, lambda a, axis, k: np.outer(a, a / (1 + np.abs(a)))),
    (2, 2, lambda a, axis, k: np.diagonal(a)),
    (2, 2, lambda a, axis, k: np.einsum("ij,kj->ik", a, a) / (1 + np.shape(a)[1])),
    (2, 2, lambda a, axis, k: a[[0, -1, 0], [0, 0, -1]]),
    (2, 2, lambda a, axis, k: written(a, (slice(None), 0), lambda v: np.sum(v, axis=1) / (1 + np.shape(v)[1]))),
    (2, 3, lambda a, axis, k: np.tril(a, k % 3 - 1)),
    (2, 3, lambda a, axis, k: (a @ np.swapaxes(a, -1, -2)) / (1 + np.shape(a)[-1])),
)  # fmt: skip
REDUCTIONS = (
    np.sum, np.mean, np.max, np.min, np.var, np.median, np.ptp,
    lambda a, axis: np.prod(a / (1 + np.abs(a)), axis=axis),
    lambda a, axis: np.sqrt(np.sum(np.abs(a) ** 2, axis=axis) + 0.3),
    lambda a, axis: np.log(np.sum(np.exp(a - np.max(a, axis=axis, keepdims=True)), axis=axis)),
    lambda a, axis: a - np.mean(a, axis=axis, keepdims=True),
    lambda a, axis: a - np.max(a, axis=axis, keepdims=True),
)  # fmt: skip


def controlled(a, k):
    """`a` through a transform or a loop that keeps its shape."""
    match k % 6:
        case 0:
            return ad.fori_loop(0, 3 + k % 20, lambda i, c: 0.9 * np.sin(c) + 0.1 * a, a)
        case 1:
            return ad.cond(np.sum(a) > 0, lambda z: 2 * z, lambda z: z * z / (1 + np.abs(z)), a)
        case 2:
            return ad.checkpoint(lambda z: z * np.cos(z))(a)
        case 3:
            return ad.compile(lambda z: z * np.cos(z) + z)(a)
        case 4 if np.ndim(a):
            return ad.vmap(lambda z: np.sum(z * z) / (1 + np.abs(np.sum(z))) + z)(a)
        case _ if np.ndim(a):
            return ad.scan(lambda c, x: (0.5 * c + x, c * x / (1 + np.abs(c))), a[0] * 1.0, a)[1]
    return a


def run(tape, args):
    """A program on arrays; a number."""
    numbers = iter(tape)
    draw = lambda n: next(numbers) % n  # noqa: E731
    values = list(args)
    for _ in range(2 + draw(8)):
        a = values[-1] if draw(3) else values[draw(len(values))]
        kind, k, axis = draw(20), draw(1 << 20), draw(max(np.ndim(a), 1))
        if kind < 5:
            v = UNARY[k % len(UNARY)](a)
        elif kind < 10:
            b = values[draw(len(values))]
            if k % 3 == 0:
                b = NUMBERS[draw(len(NUMBERS))]
            else:
                try:
                    np.broadcast_shapes(np.shape(a), np.shape(b))
                except ValueError:
                    b = np.mean(b)
            v = BINARY[k % len(BINARY)](a, b)
        elif kind < 16:
            least, most, f = MOVES[k % len(MOVES)]
            v = f(a, axis, k) if least <= np.ndim(a) <= most and np.size(a) < 5000 else a
        elif kind < 18 and np.size(a):
            v = REDUCTIONS[k % len(REDUCTIONS)](a, axis=axis if np.ndim(a) and draw(2) else None)
        else:
            v = controlled(a, k) if np.size(a) and np.size(a) < 2000 else a
        values.append(v)
    weigh = lambda v: np.sum(v * np.cos(np.arange(np.size(v))).reshape(np.shape(v)))  # noqa: E731
    return 0.3 * weigh(values[-2]) + weigh(values[-1]) + 0.7 * weigh(values[len(values) // 2])


def same(found, expected, rtol):
    found, expected = np.asarray(found), np.asarray(expected)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    np.testing.assert_allclose(found, expected, rtol, rtol * max(1.0, np.max(np.abs(expected), initial=0)))


def steady(f, args):
    """Whether rounding of the arguments moves a function by no more than rounding: it is not at a jump."""
    rng = np.random.default_rng(0)
    expected = [np.asarray(y) for y in f(*args)]
    for _ in range(3):
        moved = f(*[a * (1 + 1e-14 * rng.standard_normal(a.shape)) for a in args])
        for x, y in zip(moved, expected, strict=True):
            if not np.allclose(x, y, 1e-10, 1e-10 * max(1.0, np.max(np.abs(y), initial=0)), equal_nan=True):
                return False
    return True


def laid(rng, a):
    """The same numbers in another order in memory: axes exchanged, from the end, with gaps."""
    if not a.ndim:
        return a
    order = rng.permutation(a.ndim)
    a = np.ascontiguousarray(a.transpose(order)).transpose(np.argsort(order))
    for axis in range(a.ndim):
        if rng.integers(3) == 0:
            a = np.flip(np.flip(a, axis).copy("K"), axis)
    if rng.integers(2):
        gaps = np.empty((*a.shape[:-1], 2 * a.shape[-1] + 1))[..., 1::2]
        gaps[...] = a
        a = gaps
    return a


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example])
@given(st.integers(0, 2**32 - 1))
def test_random_arrays(seed):
    rng = np.random.default_rng(seed)
    sizes = (1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33)
    shapes = [tuple(rng.choice(sizes, rng.integers(0, 4)).tolist()) for _ in range(3)]
    if seed % 4 == 0:  # rows that passes walk one by one, and of more than a block
        shapes[0] = (*shapes[0][:1], int(rng.choice((64, 70, 257, 600))))
    tape = rng.integers(0, 2**31, 100).tolist()
    args, tangents, others = ([rng.standard_normal(s) for s in shapes] for _ in range(3))
    args, tangents, others = ([np.asarray(a) for a in group] for group in (args, tangents, others))
    f = lambda *a: run(tape, a)  # noqa: E731
    nums = (0, 1, 2)
    gradient = ad.grad(f, argnums=nums)

    expected = f(*args)
    if not all(steady(lambda *a: (f(*a), *gradient(*a)), group) for group in (args, others)):
        return  # one in some thousand programs
    same(ad.value(f(*map(ad.Variable, args))), expected, 1e-10)
    same(ad.compile(f)(*args), expected, 1e-10)
    gradients = gradient(*args)
    for g in ad.compile(gradient), ad.grad(ad.compile(f), argnums=nums):
        for x, y in zip(g(*args), gradients, strict=True):
            same(x, y, 1e-9)

    odd = [laid(rng, a) for a in args]  # as arguments, and closed over
    for x, y in zip(ad.compile(gradient)(*odd), gradients, strict=True):
        same(x, y, 1e-9)
    same(ad.compile(ad.grad(lambda a: f(a, odd[1], odd[2])))(odd[0]), gradients[0], 1e-9)
    same(ad.grad(lambda b: f(odd[0], b, odd[2]))(odd[1]), gradients[1], 1e-9)

    push = lambda *a: ad.jvp(f, a[:3], a[3:])[1]  # noqa: E731
    moved = push(*args, *tangents)
    same(moved, sum(np.sum(g * t) for g, t in zip(gradients, tangents, strict=True)), 1e-8)
    same(ad.compile(push)(*args, *tangents), moved, 1e-8)

    both = [np.stack(pair) for pair in zip(args, others, strict=True)]
    mapped = ad.vmap(gradient)
    for g in mapped, ad.compile(mapped):
        for x, y, z in zip(g(*both), gradients, gradient(*others), strict=True):
            same(x, np.stack([y, z]), 1e-9)
    total = lambda *a: sum(np.sum(v) for v in mapped(*a))  # noqa: E731
    for x, *ys in zip(
        ad.grad(total, argnums=nums)(*both),
        *[ad.grad(lambda *a: sum(np.sum(v) for v in gradient(*a)), argnums=nums)(*a) for a in (args, others)],
        strict=True,
    ):
        same(x, np.stack(ys), 1e-7)

    product = lambda *a: ad.jvp(gradient, a[:3], a[3:])[1]  # noqa: E731
    products = product(*args, *tangents)
    reverse = ad.grad(lambda *a: sum(np.sum(g * t) for g, t in zip(gradient(*a), tangents, strict=True)), argnums=nums)
    for found in ad.compile(product)(*args, *tangents), reverse(*args):
        for x, y in zip(found, products, strict=True):
            same(x, y, 1e-7)
