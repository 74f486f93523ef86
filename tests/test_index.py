"""Indexing and assignment: every NumPy key, derivatives, aliasing, batches, errors."""

import pickle
import time

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scirs_ad as ad
import scirs_ad.numpy as anp
from scirs_ad._core.core import Key
from scirs_ad._ops.index import getitem, index_add, setitem

RNG = np.random.default_rng(7)


@st.composite
def keyed(draw):
    """A shape and a key for it: basic, advanced and mixed entries, ellipsis, new axes, masks."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=3))
    if draw(st.booleans()):
        return shape, draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    common = draw(st.sampled_from([(2,), (2, 1), (3,), (1, 3), ()]))
    key, axis, ellipsis = [], 0, False
    while axis < len(shape) and draw(st.integers(0, 5)):
        n = shape[axis]
        kind = draw(st.integers(0, 6))
        if kind == 0:
            key.append(draw(st.integers(-n, n - 1)))
        elif kind == 1:
            key.append(draw(st.slices(n)))
        elif kind == 2:
            key.append(None)
            continue
        elif kind == 3 and not ellipsis:
            key.append(Ellipsis)
            ellipsis = True
            axis += draw(st.integers(0, len(shape) - axis))
            continue
        elif kind == 4:
            wide = draw(st.integers(1, min(2, len(shape) - axis)))
            key.append(draw(hnp.arrays(bool, shape[axis : axis + wide])))
            axis += wide
            continue
        else:
            key.append(draw(hnp.arrays(int, common, elements=st.integers(-n, n - 1))))
        axis += 1
    return shape, tuple(key)


def values_like(shape, key, seed=0):
    x = np.random.default_rng(seed).standard_normal(shape)
    try:
        return x, x[key]
    except IndexError:  # masks of different counts do not broadcast
        return x, None


@settings(max_examples=400, deadline=None)
@given(keyed())
def test_get(case):
    shape, key = case
    x, expected = values_like(shape, key)
    if expected is None:
        with pytest.raises(IndexError):
            getitem(x, key)
        return
    np.testing.assert_array_equal(getitem(x, key), expected)
    ct = np.random.default_rng(1).standard_normal(np.shape(expected))
    g = ad.grad(lambda v: np.sum(v[key] * ct) + np.sum(v[key] * ct))(x)
    by_hand = np.zeros(shape)
    np.add.at(by_hand, key, 2 * ct)
    np.testing.assert_allclose(g, by_hand, rtol=1e-14, atol=1e-15)


@settings(max_examples=400, deadline=None)
@given(keyed(), st.booleans())
def test_set(case, broadcast):
    shape, key = case
    x, selected = values_like(shape, key)
    if selected is None:
        return
    v = np.random.default_rng(2).standard_normal(np.shape(selected))
    v = v[:1] if broadcast and v.ndim else v
    w = np.random.default_rng(3).standard_normal(shape)
    expected = x.copy()
    expected[key] = v

    def f(x, v):
        z = 1.0 * x
        z[key] = v
        return np.sum(z * w)

    value, (gx, gv) = ad.value_and_grad(f, argnums=(0, 1))(x, v)
    np.testing.assert_allclose(value, np.sum(expected * w), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(setitem(x, key, v), expected)
    # the assignment is linear in (x, v): its adjoint is checked against the assignment itself
    t, u = np.random.default_rng(4).standard_normal(shape), np.random.default_rng(5).standard_normal(v.shape)
    moved = t.copy()
    moved[key] = u
    np.testing.assert_allclose(np.sum(moved * w), np.sum(gx * t) + np.sum(gv * u), rtol=1e-11, atol=1e-11)


@settings(max_examples=150, deadline=None)
@given(keyed())
def test_index_add(case):
    shape, key = case
    x, selected = values_like(shape, key)
    if selected is None:
        return
    expected = x.copy()
    np.add.at(expected, key, selected * 2)
    np.testing.assert_allclose(index_add(x, key, np.asarray(selected) * 2), expected, rtol=1e-14)


@settings(max_examples=150, deadline=None)
@given(keyed())
def test_vmap(case):
    shape, key = case
    x, selected = values_like(shape, key)
    if selected is None:
        return
    xs = np.stack([x, 2 * x, x[..., ::-1]])
    np.testing.assert_array_equal(ad.vmap(lambda v: v[key])(xs), np.stack([row[key] for row in xs]))

    def assigned(v, w):
        z = 1.0 * v
        z[key] = w
        return z

    expected = xs.copy()
    for row, value in zip(expected, (1.0, 2.0, 3.0), strict=True):
        row[key] = value
    np.testing.assert_array_equal(ad.vmap(assigned)(xs, np.array([1.0, 2.0, 3.0])), expected)


def test_index_differs_in_batch():
    x, i = RNG.standard_normal((3, 5)), np.array([4, 0, -2])
    np.testing.assert_array_equal(ad.vmap(lambda v, k: v[k])(x, i), x[np.arange(3), i])
    np.testing.assert_array_equal(ad.vmap(lambda k: ad.Variable(x[0])[k])(i), x[0][i])
    y, j = RNG.standard_normal((3, 4, 5)), np.array([[0, 1], [3, 3], [-1, 2]])
    np.testing.assert_array_equal(ad.vmap(lambda v, k: v[:, k])(y, j), np.stack([y[b][:, j[b]] for b in range(3)]))
    np.testing.assert_array_equal(ad.vmap(lambda v, k: v[k, 1:])(y, j), np.stack([y[b][j[b], 1:] for b in range(3)]))
    np.testing.assert_array_equal(
        ad.vmap(lambda v, k: v[k, [0, 4]])(y, j), np.stack([y[b][j[b], [0, 4]] for b in range(3)])
    )

    def assigned(v, k):
        z = 1.0 * v
        z[k, 1:] = 7.0
        return z

    expected = y.copy()
    for b in range(3):
        expected[b][j[b], 1:] = 7.0
    np.testing.assert_array_equal(ad.vmap(assigned)(y, j), expected)
    g = ad.vmap(ad.grad(lambda v, k: np.sum(v[k] ** 2)))(y, j)
    by_hand = np.zeros_like(y)
    for b in range(3):
        np.add.at(by_hand[b], j[b], 2 * y[b][j[b]])
    np.testing.assert_allclose(g, by_hand, rtol=1e-14)


def test_masks_in_batch():
    x = RNG.standard_normal((3, 5))

    def clipped(v):
        z = 1.0 * v
        z[z < 0] = 0.0
        return z

    np.testing.assert_array_equal(ad.vmap(clipped)(x), np.maximum(x, 0))
    with pytest.raises(ad.TracingError, match="where"):
        ad.vmap(lambda v: v[v < 0])(x)


@pytest.mark.parametrize("order", [1, 2])
def test_loops_that_fill(order):
    """An array is filled element by element, from what it holds already."""

    def recurrence(x):
        z = anp.zeros(6) if hasattr(anp, "zeros") else ad.Variable(np.zeros(6))
        z[0] = x[0]
        for k in range(1, 6):
            z[k] = np.sin(z[k - 1]) * x[k] + z[k - 1] ** 2
        return np.sum(z * z)

    x = RNG.uniform(0.3, 0.6, 6)
    ad.testing.check_grads(recurrence, (x,), order=order)


def test_filling_is_linear_in_time():
    """In place where nobody else looks: the tape holds no copy of the array for each assignment."""

    def f(x):
        z = ad.Variable(np.zeros(200_000))
        for k in range(2000):
            z[k] = x[k] * 2.0
        return np.sum(z)

    start = time.perf_counter()
    np.testing.assert_array_equal(ad.grad(f)(np.ones(2000)), np.full(2000, 2.0))
    # copies would move 2 * 2000 * 1.6 MB; a generous limit, far below that
    assert time.perf_counter() - start < 2.0


def test_inputs_are_not_written():
    x = np.arange(4.0)
    y = np.zeros(4)

    def f(v):
        v[0] = 10.0
        v[1:] += 1.0
        z = ad.Variable(y)
        z[2] = v[1]
        return np.sum(v * v) + np.sum(z)

    g = ad.grad(f)(x)
    np.testing.assert_array_equal(x, np.arange(4.0))
    np.testing.assert_array_equal(y, np.zeros(4))
    np.testing.assert_array_equal(g, [0.0, 5.0, 6.0, 8.0])


def test_views_alias():
    """Basic indexing gives views, as in NumPy: writes go both ways."""

    def f(x, module):
        z = 2.0 * x
        row, column = z[1], z[:, 0]
        row[:] = 3.0 * x[0]
        z[0, 0] = x[1, 1]
        column[2] = 5.0 * x[2, 2]
        row += x[2]
        for part in z:
            part[1] *= 2.0
        return module.sum(z * z) + module.sum(column) + module.sum(row)

    x = RNG.standard_normal((3, 3))
    value, g = ad.value_and_grad(lambda v: f(v, np))(x)
    assert value == pytest.approx(f(x.copy(), np))
    h = 1e-6
    expected = np.array([(f(x + s, np) - f(x - s, np)) / (2 * h) for s in h * np.eye(9).reshape(9, 3, 3)]).reshape(3, 3)
    np.testing.assert_allclose(g, expected, rtol=1e-7, atol=1e-7)


def test_snapshots():
    """What was read from an array before it is written keeps its value, and its derivative."""

    def f(x):
        z = ad.Variable(np.zeros(3))
        z[0] = x[0]
        before = np.exp(z)
        first = z[0] * 1.0
        z[0] = x[1]
        return np.sum(before) + first * z[0]

    x = np.array([0.3, 0.7])
    np.testing.assert_allclose(ad.grad(f)(x), [np.exp(0.3) + 0.7, 0.3])
    tape = ad.Tape()
    v = tape.variable(x)
    kept = v.value
    v[0] = 9.0
    np.testing.assert_array_equal(kept, x)


def test_add_at():
    x = RNG.standard_normal(4)

    def f(v):
        z = ad.Variable(np.zeros(3))
        np.add.at(z, [0, 0, 2, 1], v)
        np.subtract.at(z, 1, v[0] ** 2)
        return np.sum(z * np.arange(1.0, 4.0))

    np.testing.assert_allclose(ad.grad(f)(x), [1 - 4 * x[0], 1.0, 3.0, 2.0])


def test_higher_orders():
    i = np.array([0, 2, 2, 1])

    def f(x):
        z = x[i] ** 3
        z[1:3] = z[:2] * x[0]
        z[[3, 0]] = z[[0, 3]] * x[1]
        return np.sum(z)

    ad.testing.check_grads(f, (np.array([0.7, -0.4, 1.1]),), order=2)


def test_complex():
    z = np.array([1.0 + 2j, 3.0 - 1j])

    def f(z):
        y = ad.Variable(np.zeros(3, complex))
        y[[0, 2]] = z
        y[1] = np.real(z[0])
        return np.sum(np.abs(y) ** 2)

    np.testing.assert_allclose(ad.grad(f)(z), 2 * z + [2.0, 0.0])


def test_packing():
    def f(x):
        return np.sum(np.array([x[0], 2 * x[1], 3.0]) * np.array([x[1], x[0], x[0]]))

    np.testing.assert_allclose(ad.grad(f)(np.array([2.0, 5.0])), [5 + 10 + 3, 2 + 4])
    g = ad.grad(lambda x: np.sum(anp.sin([[x[0], 1.0], [x[1], x[0]]])))(np.array([2.0, 5.0]))
    np.testing.assert_allclose(g, [2 * np.cos(2.0), np.cos(5.0)])


@pytest.mark.parametrize(("act", "error", "match"), [
    (lambda x: x[9], IndexError, r"\(2, 3\)"),
    (lambda x: x[0, 0, 0], IndexError, "too many"),
    (lambda x: x[..., ...], IndexError, "ellipsis"),
    (lambda x: x[1.5], IndexError, "integers"),
    (lambda x: x["a"], IndexError, "integers"),
    (lambda x: x[x], IndexError, "integer"),
    (lambda x: x[[True, False, True]], IndexError, "boolean"),
    (lambda x: x[[0, 5]], IndexError, "out of bounds"),
    (lambda x: x[[0, 1], [0, 1, 2]], IndexError, "broadcast"),
    (lambda x: x.__setitem__(0, np.ones(4)), ValueError, "broadcast"),
    (lambda x: x.__setitem__((9, 9), 1.0), IndexError, "out of bounds"),
    (lambda x: x.__setitem__(0, 1j), TypeError, "complex"),
    (lambda x: ad.Variable(np.zeros(3, int)).__setitem__(0, x[0, 0]), ad.DerivativeLostError, "dtype"),
    (lambda x: x.__setitem__(slice(0, "a"), 1.0), TypeError, "integers"),
])  # fmt: skip
def test_errors(act, error, match):
    with pytest.raises(error, match=match):
        ad.grad(lambda x: act(x) if act(x) is not None else x)(np.ones((2, 3)))


def test_keys():
    """Keys are values: equal, hashable, picklable, readable."""
    key = Key((slice(1, None), np.array([0, 1]), None, 2))
    same = Key((slice(1, None), np.array([0, 1]), None, 2))
    assert key == same and hash(key) == hash(same) and pickle.loads(pickle.dumps(key)) == key
    assert key != Key((slice(1, None), np.array([0, 2]), None, 2))
    assert repr(key) == "[1:, int64[2], None, 2]"
