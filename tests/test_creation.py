"""Creation: untracked Variables, that can be written to; tracked ones from tracked arguments."""

import numpy as np
import pytest
from derivatives import check

import scirs_ad as ad
import scirs_ad.numpy as anp
from scirs_ad import Variable

MADE = [
    ("zeros", (3,), {}),
    ("zeros", ((2, 3),), {"dtype": np.float32}),
    ("ones", ((2,),), {}),
    ("ones", (2, int), {}),
    ("full", ((2, 3), 1.5), {}),
    ("full", (2, 3), {}),
    ("full", (2, [1.0, 2.0]), {}),
    ("eye", (3,), {}),
    ("eye", (2, 3), {"k": 1}),
    ("identity", (2,), {}),
    ("tri", (3, 2, -1), {}),
    ("arange", (5,), {}),
    ("arange", (1.0, 2.0, 0.25), {}),
    ("arange", (5,), {"dtype": float}),
    ("linspace", (0.0, 1.0, 5), {}),
    ("linspace", (0, 1, 4), {"endpoint": False}),
    ("linspace", ([0.0, 1.0], 2.0, 3), {"axis": -1}),
    ("logspace", (0.0, 2.0, 4), {"base": 2.0}),
    ("geomspace", (1.0, 100.0, 4), {}),
    ("geomspace", (-1.0, -8.0, 4), {}),
    ("zeros_like", ([1.0, 2.0],), {}),
    ("ones_like", ([1, 2],), {}),
    ("full_like", ([1.0, 2.0], 3), {}),
    ("zeros_like", ([1.0, 2.0],), {"shape": (2, 2), "dtype": int}),
    ("array", ([[1, 2], [3, 4]],), {}),
    ("array", ([1.0],), {"ndmin": 2}),
    ("asarray", ([1, 2],), {"dtype": float}),
    ("fromfunction", (np.add, (2, 3)), {}),
]


@pytest.mark.parametrize(("name", "args", "more"), MADE)
def test_made(name, args, more):
    found, wanted = getattr(anp, name)(*args, **more), getattr(np, name)(*args, **more)
    assert type(found) is Variable and found.level is None
    assert found.shape == wanted.shape and found.dtype == wanted.dtype
    np.testing.assert_allclose(found.value, wanted, rtol=1e-15)


def test_empty_is_zero():
    assert np.all(anp.empty((2, 3)).value == 0)
    assert anp.empty_like(np.ones(2, np.float32)).dtype == np.float32


def test_filled_by_assignment():
    def f(x):
        z = anp.zeros(3)
        z[0] = x[0] * x[1]
        z[1:] = x**2
        return z

    check(f, np.array([2.0, 3.0]))


def test_like_of_a_tracked_array_can_be_filled():
    def f(x):
        z = np.zeros_like(x)
        for i in range(len(z)):
            z[i] = np.sin(x[i])
        return z

    check(f, np.array([0.3, 1.0, 2.0]))


def test_the_data_are_copied():
    data = np.zeros(2)
    v = anp.asarray(data)
    v[0] = 1.0
    assert data[0] == 0.0
    data[1] = 5.0
    assert v.value[1] == 0.0
    w = anp.array(v)
    w[0] = 7.0
    assert v.value[0] == 1.0
    assert anp.asarray(v) is v


def test_of_tracked_values():
    check(lambda x: anp.array(x), np.array([1.0, 2.0]))
    check(lambda x: anp.array([x[0], 2.0 * x[1], 3.0]), np.array([1.0, 2.0]))
    check(lambda x: anp.array([[x[0], 1.0], [0.0, x[0] * x[1]]]), np.array([1.0, 2.0]))
    check(lambda x: anp.asarray([x[0], x[1]], dtype=float), np.array([1.0, 2.0]))
    check(lambda x: anp.full((2, 3), x), np.array(1.5))
    check(lambda x: np.full_like(np.ones(3) * x, x), np.array(1.5))
    check(lambda x: np.full_like(x, x[0] * x[1]), np.array([1.5, 2.0]))


@pytest.mark.parametrize("endpoint", [True, False])
@pytest.mark.parametrize("num", [0, 1, 2, 5])
def test_spaces(num, endpoint):
    a, b = np.array([0.5, 1.0]), np.array(2.0)
    for name in ("linspace", "logspace", "geomspace"):
        ours, theirs = getattr(anp, name), getattr(np, name)
        for axis in (0, -1):
            found = check(lambda x, y, ours=ours, axis=axis: ours(x, y, num, endpoint, axis=axis) * 1.0, a, b)
            np.testing.assert_allclose(np.asarray(found), theirs(a, b, num, endpoint, axis=axis), rtol=1e-13)
            tracked, _ = ad.vjp(lambda x, y, ours=ours, axis=axis: ours(x, y, num, endpoint, axis=axis), a, b)
            np.testing.assert_allclose(tracked, theirs(a, b, num, endpoint, axis=axis), rtol=1e-13)


def test_step_and_base():
    a, b = np.array(0.5), np.array(2.0)
    _, step = anp.linspace(a, b, 4, retstep=True)
    assert step == 0.5
    check(lambda x, y: anp.linspace(x, y, 4, retstep=True)[1] * 1.0, a, b)
    check(lambda x, y, z: anp.logspace(x, y, 3, base=z) * 1.0, a, b, np.array(3.0))
    check(lambda x, y: anp.arange(x, 4.0, y) * 1.0, np.array(0.5), np.array(0.75))
    with pytest.raises(ValueError, match="zero"):
        ad.grad(lambda x: anp.geomspace(x, 1.0, 3).sum())(0.0)
    with pytest.raises(ValueError):
        ad.grad(lambda x: anp.linspace(x, 1.0, -1).sum())(0.0)


def test_the_last_one_is_the_end():
    y, _ = ad.vjp(lambda a, b: anp.linspace(a, b, 7), 0.1, 0.7)
    assert y[-1] == 0.7
    assert y[0] == 0.1


def test_numbers_only():
    with pytest.raises(TypeError):
        anp.array(["a"])
