"""Levels: no perturbation confusion, escaped Variables, nesting, aliasing of views, assignment in place."""

import itertools

import numpy as np
import pytest

import scirs_ad as ad

X = np.array([0.3, -0.7, 1.9])


def d(f):
    """The derivative of a function of one number, by reverse mode."""
    return ad.grad(f)


def forward(f):
    return lambda x: ad.jvp(f, (x,), (1.0,))[1]


def linearized(f):
    return lambda x: ad.linearize(f, x)[1](1.0)


def taped(f):
    def derivative(x):
        with ad.Tape() as tape:
            v = tape.variable(x)
            y = f(v)
        return tape.gradients(y, [v])[0]

    return derivative


MODES = [d, forward, linearized, taped]
pairs = pytest.mark.parametrize(("outer", "inner"), list(itertools.product(MODES, repeat=2)))


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)


# ------------------------------------------------------------------------------------------------ perturbations
@pairs
def test_perturbation_confusion(outer, inner):
    """The examples of Siskind and Pearlmutter (2008)."""
    close(outer(lambda x: x * inner(lambda y: x + y)(1.0))(1.0), 1.0)
    close(outer(lambda x: x * inner(lambda y: x * y)(2.0))(3.0), 6.0)
    close(outer(lambda x: inner(lambda y: y)(x))(5.0), 0.0)
    close(outer(lambda x: inner(lambda y: x)(x) + x)(5.0), 1.0)


@pairs
def test_both_levels_in_one_expression(outer, inner):
    close(outer(lambda x: inner(lambda y: np.sin(x * y) * x)(x))(0.7), d(lambda x: x**2 * np.cos(x * x))(0.7))
    close(outer(lambda x: x * inner(lambda y: x * np.exp(x * y))(0.5))(0.7), d(lambda x: x**3 * np.exp(0.5 * x))(0.7))


@pytest.mark.parametrize("three", list(itertools.product(MODES, repeat=3)))
def test_three_levels(three):
    a, b, c = three
    # d/dx d/dy d/dz of x**2 y**3 z**4 at (x, x, y + x)
    found = a(lambda x: b(lambda y: c(lambda z: x**2 * y**3 * z**4)(y + x))(x))(1.1)

    def expected(x):
        return x**2 * (3 * x**2 * 4 * (2 * x) ** 3 + x**3 * 12 * (2 * x) ** 2)

    np.testing.assert_allclose(found, d(expected)(1.1), rtol=1e-12)


def test_higher_order_functions():
    """A derivative operator handed out of a derivative (Manzyuk and others, 2019) sees its own perturbation only."""

    def shift(offset):
        return lambda f: lambda x: f(x + offset)

    made = ad.jvp(lambda u: np.stack([shift(u)(forward(np.exp))(1.0)]), (0.5,), (1.0,))[1]
    close(made, [np.exp(1.5)])
    close(forward(lambda u: forward(shift(u)(np.exp))(1.0))(0.5), np.exp(1.5))


def test_batches_in_between():
    def f(x):
        return np.sum(ad.vmap(lambda a: a * ad.grad(lambda y: np.sin(y * a) * x[0])(x[1]))(x))

    expected = ad.grad(lambda x: np.sum(x**2 * np.cos(x[1] * x) * x[0]))(X)
    close(ad.grad(f)(X), expected)
    close(ad.jacfwd(f)(X), expected)
    two = ad.vmap(ad.grad(f))(np.stack([X, 2 * X]))
    close(two[0], expected)


def test_a_constant_of_an_outer_level():
    close(ad.grad(lambda x: ad.grad(lambda y: x * 3.0)(2.0) + x)(1.0), 1.0)
    close(ad.jvp(lambda x: ad.jvp(lambda y: x * 3.0, (2.0,), (1.0,))[0], (1.0,), (1.0,))[1], 3.0)
    close(ad.vmap(lambda x: ad.vmap(lambda y: x)(X))(X), np.outer(X, np.ones(3)))
    close(ad.vmap(lambda x: ad.vmap(lambda y: y)(X))(X), np.outer(np.ones(3), X))


def test_levels_across_a_function_that_catches():
    """An exception inside a transform leaves nothing behind."""

    def failing(x):
        raise KeyError("inside")

    for transform in (ad.grad, ad.vmap, ad.jacobian, ad.checkpoint, lambda f: lambda x: ad.jvp(f, (x,), (x,))):
        with pytest.raises(KeyError, match="inside"):
            transform(failing)(X)

    @ad.checkpoint
    def sometimes(x):
        if np.any(ad.value(x) > 5):
            raise KeyError("too large")
        return x**2

    def f(x):
        try:
            return sometimes(x * 10.0)
        except KeyError:
            return sometimes(x)

    close(ad.grad(f)(3.0), 6.0)
    close(ad.jvp(f, (3.0,), (1.0,))[1], 6.0)


# ------------------------------------------------------------------------------------------------ escaped
def leak(transform, *args):
    kept = []

    def f(x):
        kept.append(x * 1.0)
        return np.sum(x**2)

    transform(f)(*args)
    return kept[0]


LEAKS = {
    "grad": lambda: leak(ad.grad, X),
    "jvp": lambda: leak(lambda f: lambda x: ad.jvp(f, (x,), (x,)), X),
    "vmap": lambda: leak(ad.vmap, X),
    "vjp": lambda: leak(lambda f: lambda x: ad.vjp(f, x), X),
    "linearize": lambda: leak(lambda f: lambda x: ad.linearize(f, x), X),
    "jacobian": lambda: leak(ad.jacobian, X),
    "hessian": lambda: leak(ad.hessian, X),
}


@pytest.mark.parametrize("name", LEAKS)
def test_escaped_variables(name):
    v = LEAKS[name]()
    for use in (
        lambda: v + 1.0,
        lambda: 2.0 * v,
        lambda: np.sin(v),
        lambda: np.sum(v),
        lambda: v * v,
        lambda: np.exp(-v),
    ):
        with pytest.raises(ad.EscapedVariableError, match="after its transform had ended"):
            use()
    with pytest.raises(ad.EscapedVariableError):
        ad.grad(lambda x: np.sum(x * v))(np.ones(v.shape))
    assert "level=" in repr(v)
    assert isinstance(ad.EscapedVariableError(), RuntimeError)


def test_a_tape_that_is_closed():
    with ad.Tape() as tape:
        x = tape.variable(2.0)
    with pytest.raises(ad.EscapedVariableError, match="inside the with block"):
        tape.variable(1.0)
    with pytest.raises(ad.EscapedVariableError, match="multiply"):
        x * 2.0


def test_untracked_variables_live_on():
    z = ad.Variable(np.zeros(2))

    def f(x):
        z[0] = x
        return z[0] * x

    close(ad.grad(f)(3.0), 6.0)
    with pytest.raises(ad.EscapedVariableError):
        z + 1.0  # it has become part of the tape that is gone


# ------------------------------------------------------------------------------------------------ views
VIEWS = [
    np.s_[1], np.s_[1:], np.s_[::-1], np.s_[:, 1], np.s_[..., 0], np.s_[None], np.s_[1, 2], np.s_[[1, 0]], np.s_[:, [2, 0]],
    np.s_[0, ::2],
]  # fmt: skip


@pytest.mark.parametrize("first", VIEWS, ids=str)
@pytest.mark.parametrize("order", ["through the view", "through the base"])
def test_views_are_numpys(first, order):
    """Writes through a view reach its base, and the other way round, exactly as in NumPy."""
    start = np.arange(6.0).reshape(2, 3)

    def f(x, make):
        z = make(start) * 1.0
        view = z[first]
        other = z[...]
        if np.ndim(start[first]) == 0:
            z[first] = x[0]
        elif order == "through the view":
            view[...] = x[0]
            view *= 2.0
        else:
            z[0] = x[1]
            z[:, 1] += x[2]
        return z * 1.0 + other * 1.0, view * 1.0

    expected = f(X, np.array)
    for make in (ad.Variable, ad.numpy.asarray):
        found = f(X, make)
        for a, b in zip(found, expected, strict=True):
            close(a, b)
    # The same under a gradient: linear in x, so the derivative along x is the part that depends on it.
    zero = f(np.zeros(3), np.array)
    found = ad.jvp(lambda x: f(x, ad.Variable), (X,), (X,))[1]
    for a, b, c in zip(found, expected, zero, strict=True):
        close(a, b - c)
    pulled = ad.vjp(lambda x: f(x, ad.Variable), X)[1](tuple(map(np.ones_like, expected)))
    close(np.dot(pulled[0], X), sum(np.sum(b - c) for b, c in zip(expected, zero, strict=True)))


def test_views_of_views():
    def f(x):
        z = ad.numpy.zeros((3, 4))
        a = z[1:]
        b = a[:, ::2]
        c = b[0]
        c[:] = x[:2]
        b[1] = 2.0 * x[0]
        z[1, 0] *= x[2]
        return z

    def plain(x):
        z = np.zeros((3, 4))
        a = z[1:]
        b = a[:, ::2]
        b[0][:] = x[:2]
        b[1] = 2.0 * x[0]
        z[1, 0] *= x[2]
        return z

    close(f(X), plain(X))
    j = np.zeros((3, 4, 3))
    j[1, 0] = [X[2], 0.0, X[0]]
    j[1, 2] = [0.0, 1.0, 0.0]
    j[2, 0] = j[2, 2] = [2.0, 0.0, 0.0]
    close(ad.jacfwd(f)(X), j)
    close(ad.jacrev(f)(X), j)
    close(ad.vmap(f)(np.stack([X, X]))[1], plain(X))


def test_swaps_and_self_assignment():
    def f(x):
        z = x * 1.0
        z[0], z[1] = z[1], z[0]
        z[1:] = z[:-1]
        z += z[::-1]
        return z

    def plain(x):
        z = x.copy()
        z[0], z[1] = z[1], z[0]
        z[1:] = z[:-1].copy()
        z += z[::-1].copy()
        return z

    close(f(ad.Variable(X)), plain(X))
    j = np.stack([plain(e) for e in np.eye(3)], axis=1)  # it is linear
    close(ad.jacrev(f)(X), j)
    close(ad.jacfwd(f)(X), j)


# ------------------------------------------------------------------------------------------------ in place
def test_inputs_are_never_written():
    x = X.copy()
    y = X.copy()

    def f(x, y):
        x[0] = 5.0
        x += y
        x *= 2.0
        y -= 1.0
        y[...] = 0.0
        return np.sum(x)

    for call in (
        lambda: ad.grad(f, argnums=(0, 1))(x, y),
        lambda: ad.jvp(f, (x, y), (x, y)),
        lambda: ad.vmap(lambda a, b: f(np.stack([a]), np.stack([b])))(x, y),
        lambda: ad.jacobian(f, argnums=(0, 1))(x, y),
        lambda: ad.linearize(f, x, y),
    ):
        call()
        np.testing.assert_array_equal(x, X)
        np.testing.assert_array_equal(y, X)
    gx, gy = ad.grad(f, argnums=(0, 1))(x, y)
    close(gx, [0.0, 2.0, 2.0])
    close(gy, [2.0, 2.0, 2.0])


def test_in_place_operators():
    def f(x):
        z = x * 1.0
        z += x
        z -= 0.5
        z *= x
        z /= 2.0
        z **= 2
        return np.sum(z)

    close(ad.grad(f)(X), ad.grad(lambda x: np.sum((((x + x) - 0.5) * x / 2.0) ** 2))(X))
    z = ad.Variable(np.zeros(2))
    same = z
    same += 1.0
    close(z.value, [1.0, 1.0])
    with pytest.raises(ValueError, match=r"in-place result of shape \(3, 2\)"):
        z += np.ones((3, 2))
    with pytest.raises(TypeError, match="cannot cast"):
        z += 1j


def test_ndarray_accumulates_variables():
    """``total += v`` of an ndarray keeps the derivative."""

    def f(x):
        total = np.zeros(3)
        for _ in range(3):
            total += x**2
        return np.sum(total)

    close(ad.grad(f)(X), 6 * X)


def test_later_writes_do_not_change_what_was_computed():
    def f(x):
        z = x * 2.0
        y = z**2
        z[:] = 0.0
        return np.sum(y) + np.sum(z)

    close(ad.grad(f)(X), 8 * X)
    close(ad.jvp(f, (X,), (X,))[1], np.sum(8 * X * X))


def test_results_do_not_alias():
    _, pull = ad.vjp(lambda x: x, X)
    a, b = pull(np.ones(3))[0], pull(np.ones(3))[0]
    a[0] = 50.0
    close(b, np.ones(3))
    ct = np.ones(3)
    (g,) = ad.vjp(lambda x: x, X)[1](ct)
    g[0] = 7.0
    close(ct, np.ones(3))
    ga, gb = ad.grad(lambda a, b: np.sum(a + b), argnums=(0, 1))(X, X)
    ga[0] = 9.0
    close(gb, np.ones(3))


# ------------------------------------------------------------------------------------------------ assignment afterwards
P, A = np.array([1.0, 2.0]), np.array([3.0, 4.0])


def assigned(x, a):
    z = a * 1.0
    y = x * z
    z[0] = 100.0
    return np.sum(y)


def assigned_through_a_view(x, a):
    z = a * 1.0
    w = z[:1]
    y = x[:1] * w
    z[0] = 100.0
    return np.sum(y)


def argument_assigned(x, a):
    z = x * a

    def inner(y):
        out = y * y
        z[:] = 0.0
        return np.sum(out)

    return np.sum(ad.grad(inner)(z))


@pytest.mark.parametrize("f", [assigned, assigned_through_a_view, argument_assigned])
def test_what_is_assigned_later_does_not_change_what_was_recorded(f):
    """A tape keeps the value that a Variable of an older level had when it was used."""
    expected = {assigned: A, assigned_through_a_view: A * [1, 0], argument_assigned: 2 * A}[f]
    slope = {assigned: [1, 1], assigned_through_a_view: [1, 0], argument_assigned: [2, 2]}[f]
    np.testing.assert_array_equal(ad.grad(f)(P, A), expected)
    value, moved = ad.jvp(lambda a: ad.grad(f)(P, a), (A,), (np.ones(2),))
    np.testing.assert_array_equal(value, expected)
    np.testing.assert_array_equal(moved, slope)
    mixed = ad.grad(lambda a: np.sum(ad.grad(f)(P, a) * a))(A)
    np.testing.assert_array_equal(mixed, expected + slope * A)
    np.testing.assert_array_equal(ad.vmap(lambda a: ad.grad(f)(P, a))(np.stack([A, A])), [expected, expected])
    np.testing.assert_array_equal(ad.compile(ad.grad(f))(P, A), expected)


def test_hessian_of_assignments_while_tracing():
    def f(x, a):
        v = ad.numpy.zeros(3)
        v[-1] = a[0]
        v[1:] += x[1]
        w = v[2]
        return w * w * x[0]

    expected = [[0.0, 10.0], [10.0, 2.0]]
    np.testing.assert_allclose(ad.hessian(f)(P, A), expected)
    np.testing.assert_allclose(ad.compile(ad.hessian(f))(P, A), expected)


def test_arrays_that_are_written_to_later():
    """Of small arrays a tape keeps the numbers with which it computed."""

    def buffers(x):
        c = np.empty(2)
        total = 0.0
        for k in range(3):
            c[:] = k + 1.0
            total = total + np.sum(x * c) + c @ x + np.hypot(c, x)[0] * 0.0
        return total

    np.testing.assert_allclose(ad.grad(buffers)(P), [12.0, 12.0])
    np.testing.assert_allclose(ad.compile(ad.grad(buffers))(P), [12.0, 12.0])
    np.testing.assert_allclose(ad.jacobian(lambda x: np.atleast_1d(buffers(x)), mode="reverse")(P), [[12.0, 12.0]])
    x = np.array([1.0, 2.0])
    _, pull = ad.vjp(lambda x: x * x, x)
    x[:] = 0.0
    np.testing.assert_array_equal(pull(np.ones(2))[0], [2.0, 4.0])
