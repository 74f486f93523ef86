"""Transforms: each one, all their compositions, the argument orders, containers, graphs and tapes by hand."""

import dataclasses
import itertools
import pickle
import typing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scirs_ad as ad
from scirs_ad.testing import check_grads

X = np.array([0.3, -0.7, 1.9])


# ------------------------------------------------------------------------------------------------ functions
# One function in several clothes: sum of sin(x) * x**2 elementwise, whose derivatives are known.
def plain(x):
    return np.sin(x) * x**2


@ad.custom_vjp
def with_vjp(x):
    return np.sin(x) * x**2


@with_vjp.def_vjp
def _(ct, x):
    return ct * slope(x)


@ad.custom_jvp
def with_jvp(x):
    return np.sin(x) * x**2


@with_jvp.def_jvp
def _(t, x):
    return t * slope(x)


@ad.primitive("()->()")
def user_vjp(x):
    return np.sin(x) * x**2


@user_vjp.def_vjp
def _(ct, x):
    return ct * slope(x)


@ad.primitive("()->()")
def user_jvp(x):
    return np.sin(x) * x**2


@user_jvp.def_jvp
def _(t, x):
    return t * slope(x)


@ad.elementwise
def user_elementwise(x):
    return ad.numpy.sin(x) * x**2


def slope(x):
    return np.cos(x) * x**2 + np.sin(x) * 2 * x


def curvature(x):
    return -np.sin(x) * x**2 + 4 * np.cos(x) * x + 2 * np.sin(x)


def third(x):
    return -np.cos(x) * x**2 - 6 * np.sin(x) * x + 6 * np.cos(x)


CLOTHES = {
    "plain": plain,
    "checkpoint": ad.checkpoint(plain),
    "nested checkpoint": ad.checkpoint(lambda x: ad.checkpoint(plain)(x) * 1.0),
    "custom_vjp": with_vjp,
    "custom_jvp": with_jvp,
    "checkpoint of custom_vjp": ad.checkpoint(with_vjp),
    "checkpoint of custom_jvp": ad.checkpoint(with_jvp),
    "custom_vjp of checkpoint": None,
    "primitive, vjp": user_vjp,
    "primitive, jvp": user_jvp,
    "elementwise": user_elementwise,
    "graph": lambda x: ad.trace(plain)(ad.Spec(ad.Variable(x).shape))(x),
    "vmap inside": lambda x: ad.vmap(plain)(x) if rank(x) else plain(x),
}
_wrapped = ad.custom_vjp(CLOTHES["checkpoint"])
_wrapped.def_vjp(lambda ct, x: ct * ad.checkpoint(slope)(x))
CLOTHES["custom_vjp of checkpoint"] = _wrapped

clothed = pytest.mark.parametrize("f", CLOTHES.values(), ids=CLOTHES)


def total(f):
    return lambda x: np.sum(f(x))


def rank(x):
    return len(ad.Variable(x).shape)


def along(f):
    """The derivative by forward mode, in the direction of ones."""
    return lambda x: ad.jvp(f, (x,), (np.ones(ad.Variable(x).shape),))[1]


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)


# ------------------------------------------------------------------------------------------------ compositions
# A transform that turns an elementwise function into its derivative, elementwise; any of them under any other.
def by_grad(f):
    return ad.grad(total(f))


def by_value_and_grad(f):
    return lambda x: ad.value_and_grad(total(f))(x)[1]


def by_vjp(f):
    return lambda x: ad.vjp(f, x)[1](np.ones(ad.Variable(x).shape))[0]


def by_linearize(f):
    return lambda x: ad.linearize(f, x)[1](np.ones(ad.Variable(x).shape))


def by_jacfwd(f):
    return lambda x: np.diagonal(ad.jacfwd(f)(x)) if rank(x) else ad.jacfwd(f)(x)


def by_jacrev(f):
    return lambda x: np.diagonal(ad.jacrev(f)(x)) if rank(x) else ad.jacrev(f)(x)


def batched(f):
    """vmap, where there is something to map over."""
    return lambda x: ad.vmap(f)(x) if rank(x) else f(x)


def by_vmap_of_grad(f):
    return batched(ad.grad(f))


def by_grad_of_vmap(f):
    return ad.grad(total(batched(f)))


def by_vmap_of_jvp(f):
    return batched(along(f))


def by_jvp_of_vmap(f):
    return along(batched(f))


def by_checkpoint(f):
    return ad.grad(ad.checkpoint(total(f)))


DERIVATIVES = [
    by_grad, by_value_and_grad, by_vjp, along, by_linearize, by_jacfwd, by_jacrev, by_vmap_of_grad, by_grad_of_vmap,
    by_vmap_of_jvp, by_jvp_of_vmap, by_checkpoint,
]  # fmt: skip


@pytest.mark.parametrize("derivative", DERIVATIVES)
@clothed
def test_first(f, derivative):
    close(derivative(f)(X), slope(X))


@pytest.mark.parametrize(("outer", "inner"), list(itertools.product(DERIVATIVES, repeat=2)))
@clothed
def test_each_of_each(f, outer, inner):
    close(outer(inner(f))(X), curvature(X))


THIRD = [by_grad, along, by_vmap_of_grad, by_linearize]


@pytest.mark.parametrize("three", list(itertools.product(THIRD, repeat=3)))
@clothed
def test_third(f, three):
    a, b, c = three
    close(a(b(c(f)))(X), third(X))


@clothed
def test_vmap_of_vmap(f):
    x = np.outer([1.0, 2.0], X)
    close(ad.vmap(ad.vmap(f))(x), plain(x))
    close(ad.vmap(ad.vmap(ad.grad(f)))(x), slope(x))
    close(ad.vmap(ad.vmap(ad.grad(ad.grad(f))))(x), curvature(x))
    close(ad.grad(total(ad.vmap(ad.vmap(f))))(x), slope(x))
    close(ad.vmap(by_grad(by_vmap_of_grad(f)))(x), curvature(x))
    close(ad.vmap(f, in_axes=1, out_axes=1)(x), plain(x))


@clothed
def test_matrices(f):
    close(ad.hessian(total(f))(X), np.diag(curvature(X)))
    close(ad.hvp(total(f))(X, np.array([1.0, 2.0, 3.0])), curvature(X) * [1.0, 2.0, 3.0])
    close(ad.weighted_hessian(f)(X, np.array([1.0, 2.0, 3.0])), np.diag(curvature(X) * [1.0, 2.0, 3.0]))
    expected = np.zeros((3, 3, 3))
    expected[range(3), range(3), range(3)] = third(X)
    close(ad.jacobian(ad.hessian(total(f)))(X), expected)


@clothed
def test_traced(f):
    graph = ad.trace(by_grad(f))(X)
    close(graph(X), slope(X))
    close(by_grad(graph)(X), curvature(X))
    close(ad.vmap(graph, in_axes=1)(np.stack([X, 2 * X], 1)), [slope(X), slope(2 * X)])
    assert "return" in str(graph)


@given(st.lists(st.sampled_from(DERIVATIVES), min_size=1, max_size=3), st.sampled_from(list(CLOTHES.values())))
def test_any_of_any(path, f):
    expected = [slope, curvature, third][len(path) - 1]
    for derivative in path:
        f = derivative(f)
    close(f(X), expected(X))


# ------------------------------------------------------------------------------------------------ closures
WRAPPERS = {"plain": lambda f: f, "checkpoint": ad.checkpoint, "custom_vjp": None, "custom_jvp": None}


def closing(kind, y):
    """x -> x**2 * y, where `y` comes by closure, and where the custom rules count the derivative in x threefold."""

    def f(x):
        return x**2 * y

    if kind == "checkpoint":
        return ad.checkpoint(f), 1.0
    if kind == "custom_vjp":
        made = ad.custom_vjp(f)
        made.def_vjp(lambda ct, x: ct * 6.0 * x * ad.stop_gradient(y))
        return made, 3.0
    if kind == "custom_jvp":
        made = ad.custom_jvp(f)
        made.def_jvp(lambda t, x: t * 6.0 * x * ad.stop_gradient(y))
        return made, 3.0
    return f, 1.0


@pytest.mark.parametrize("kind", WRAPPERS)
def test_closures(kind):
    """The gradient flows to what a function closes over, whatever differentiates it."""
    factor = closing(kind, 1.0)[1]

    def f(x, y):
        return np.sum(closing(kind, y)[0](x))

    y = np.array([2.0, 3.0, 5.0])
    for both in (
        lambda f: ad.grad(f, argnums=(0, 1))(X, y),
        lambda f: ad.jacfwd(f, argnums=(0, 1))(X, y),
        lambda f: tuple(ad.vmap(ad.grad(f, argnums=(0, 1)))(X, y)),
        lambda f: ad.grad(lambda x, y: ad.checkpoint(f)(x, y), argnums=(0, 1))(X, y),
        lambda f: ad.grad(lambda x, y: np.sum(ad.vmap(f)(x, y)), argnums=(0, 1))(X, y),
    ):
        by_x, by_y = both(f)
        close(by_x, factor * 2 * X * y)
        close(by_y, X**2)
    _, t = ad.jvp(f, (X, y), (np.ones(3), np.ones(3)))
    close(t, np.sum(factor * 2 * X * y + X**2))
    close(ad.grad(f, argnums=1)(X, y), X**2)  # only the closure moves
    close(ad.jvp(lambda y: f(X, y), (y,), (np.ones(3),))[1], np.sum(X**2))


@pytest.mark.parametrize("outer", [by_grad, along, by_vmap_of_grad])
@pytest.mark.parametrize("inner", [by_grad, along, by_linearize])
@pytest.mark.parametrize("wrap", [ad.checkpoint, lambda f: f])
def test_closures_over_an_outer_variable(outer, inner, wrap):
    """d/dy of d/dx (x**2 y**3) at x = y: the inner function closes over the Variable of the outer one."""

    def f(y):
        return inner(wrap(lambda x: x**2 * y**3))(y + 0.0)

    close(outer(f)(X), 8 * X**3)


@pytest.mark.parametrize("kind", WRAPPERS)
@pytest.mark.parametrize("inner", [by_grad, along, by_linearize])
@pytest.mark.parametrize("outer", [by_grad, along, by_vmap_of_grad, lambda f: lambda x: ad.trace(by_grad(f))(x)(x)])
def test_closures_over_an_inner_variable(outer, inner, kind):
    """d/dx of d/dy (x**2 y) with `x` an argument and `y` closed over: a level that no argument belongs to."""

    def f(x):
        return inner(lambda y: closing(kind, y)[0](x))(x * 0.0 + 2.0)

    close(ad.vmap(f)(X), X**2)
    close(outer(f)(X), 2 * X)  # a rule speaks of the argument: the derivative in `y` is the function's own


@pytest.mark.parametrize("kind", WRAPPERS)
@pytest.mark.parametrize("outer", [by_grad, along, by_vmap_of_grad, lambda f: lambda x: ad.trace(by_grad(f))(x)(x)])
def test_value_and_derivative_of_a_closure(outer, kind):
    """The value of the inner call is used, too: its node outlives the level that it closes over."""
    factor = closing(kind, 1.0)[1]

    def by_gradient(x):
        value, g = ad.value_and_grad(lambda y: np.sum(closing(kind, y)[0](x)))(x * 0.0 + 2.0)
        return value * 1.0 + 0.0 * g

    def by_jvp(x):
        return ad.jvp(lambda y: closing(kind, y)[0](x), (x * 0.0 + 2.0,), (x * 0.0 + 1.0,))[0]

    close(outer(by_jvp)(X), factor * 4 * X)
    close(ad.grad(lambda x: by_gradient(x)[0])(X), factor * 4 * X)


def test_a_closure_that_is_handed_through():
    def f(y):
        a, b = ad.checkpoint(lambda x: (y, x * y))(2.0)
        return a * 10.0 + b

    assert ad.grad(f)(3.0) == 12.0
    assert ad.jvp(f, (3.0,), (1.0,)) == (36.0, 12.0)
    assert ad.grad(ad.grad(lambda y: f(y) * y))(3.0) == 24.0


def test_checkpoint_runs_again_and_keeps_little():
    runs = []

    def f(x):
        runs.append(1)
        for _ in range(20):
            x = np.sin(x)
        return x

    x = np.linspace(0.0, 1.0, 10_000)
    kept = []
    for g in (f, ad.checkpoint(f)):
        with ad.Tape() as tape:
            v = tape.variable(x)
            y = np.sum(g(v))
        kept.append(tape.nbytes)
        (found,) = tape.gradients(y, [v])
        kept.append(found)
    assert kept[2] < kept[0] / 5
    close(kept[3], kept[1])
    assert len(runs) == 3


# ------------------------------------------------------------------------------------------------ custom rules
def test_rules_are_used():
    """A rule that is not the derivative tells that it is the rule that runs."""
    v = ad.custom_vjp(lambda x: x**2)
    v.def_vjp(lambda ct, x: ct * 100.0 * x)
    j = ad.custom_jvp(lambda x: x**2)
    j.def_jvp(lambda t, x: t * 100.0 * x)
    for f in (v, j):
        assert ad.grad(f)(3.0) == 300.0
        assert ad.jvp(f, (3.0,), (1.0,)) == (9.0, 300.0)
        assert ad.linearize(f, 3.0)[1](1.0) == 300.0
        assert ad.grad(ad.grad(f))(3.0) == 100.0
        assert ad.jvp(ad.grad(f), (3.0,), (1.0,))[1] == 100.0
        assert ad.grad(lambda x, f=f: ad.jvp(f, (x,), (1.0,))[1])(3.0) == 100.0
        close(ad.vmap(ad.grad(f))(X), 100 * X)
        close(ad.grad(lambda x, f=f: np.sum(ad.vmap(f)(x)))(X), 100 * X)
        close(ad.jacobian(f)(X), np.diag(100 * X))
        assert ad.grad(ad.checkpoint(f))(3.0) == 300.0


def test_rules_of_several_arguments_and_outputs():
    @ad.custom_vjp
    def f(a, b, k, *, power=1):
        assert k == 3
        return {"s": a["u"] + b, "p": a["u"] * b**power}

    @f.def_vjp
    def _(ct, a, b, power, out):
        del out
        return {"u": ct["s"] + ct["p"] * b**power}, 7.0 * ct["p"], None

    b = np.full(3, 2.0)
    out, pull = ad.vjp(lambda a, b: f(a, b, 3, power=2), {"u": X}, b)
    close(out["p"], 4 * X)
    by_a, by_b = pull({"s": np.ones(3), "p": 2 * np.ones(3)})
    close(by_a["u"], 1 + 8 * np.ones(3))
    close(by_b, np.full(3, 14.0))
    _, t = ad.jvp(lambda a, b: f(a, b, 3, power=2), ({"u": X}, b), ({"u": np.ones(3)}, np.ones(3)))
    close(t["s"], np.ones(3))
    close(t["p"], 4 + 7 * np.ones(3))

    @ad.custom_jvp
    def g(a, n, b):
        assert isinstance(n, int)
        return a * b, a - b

    @g.def_jvp
    def _(t, a, b):
        return t[0] * b + 7.0 * t[2] * a, t[0] - t[2]

    out, t = ad.jvp(lambda a, b: g(a, 5, b), (2.0, 3.0), (1.0, 10.0))
    assert out == (6.0, -1.0)
    assert t == (143.0, -9.0)
    assert ad.vjp(lambda a, b: g(a, 5, b), 2.0, 3.0)[1]((1.0, 0.0)) == (3.0, 14.0)
    found = ad.vmap(ad.grad(lambda a, b: g(a, 5, b)[0], argnums=(0, 1)), in_axes=(0, None))(X, 3.0)
    close(found[0], np.full(3, 3.0))
    close(found[1], 7 * X)


def test_a_rule_returns_none_for_zero():
    f = ad.custom_vjp(lambda a, b: a * b)
    f.def_vjp(lambda ct, b: (ct * b, None))
    assert ad.grad(f, argnums=(0, 1))(2.0, 3.0) == (3.0, 0.0)
    assert ad.jvp(f, (2.0, 3.0), (1.0, 1.0))[1] == 3.0


def test_shared_arguments_of_a_batch():
    """What the whole batch shares gets the sum over the batch."""
    for f in (with_vjp, with_jvp, CLOTHES["checkpoint"], user_vjp):
        found = ad.grad(lambda w, f=f: np.sum(ad.vmap(lambda x: f(w) * x)(X)))(0.3)
        close(found, slope(0.3) * np.sum(X))
        found = ad.grad(lambda w, f=f: np.sum(ad.vmap(lambda x: f(w * x))(X)))(0.3)
        close(found, np.sum(slope(0.3 * X) * X))


def test_one_argument_of_a_batch_is_shared():
    v = ad.custom_vjp(lambda w, x: np.sin(w) * x)
    v.def_vjp(lambda ct, w, x: (ct * np.cos(w) * x, np.sum(ct * np.sin(w))))
    j = ad.custom_jvp(lambda w, x: np.sin(w) * x)
    j.def_jvp(lambda t, w, x: t[0] * np.cos(w) * x + t[1] * np.sin(w))
    w, x = np.array([0.3, 0.7, -0.2, 1.0]), X
    for f in (v, j, ad.checkpoint(lambda w, x: np.sin(w) * x)):

        def outer(w, x, f=f):
            return ad.vmap(f, in_axes=(None, 0))(w, x)

        close(outer(w, x), np.outer(x, np.sin(w)))
        (by_w, by_x) = ad.vjp(outer, w, x)[1](np.ones((3, 4)))
        close(by_w, np.cos(w) * np.sum(x))
        close(by_x, np.full(3, np.sum(np.sin(w))))
        _, t = ad.jvp(outer, (w, x), (np.ones(4), np.zeros(3)))
        close(t, np.outer(x, np.cos(w)))
        _, t = ad.jvp(lambda w, outer=outer: outer(w, x), (w,), (np.ones(4),))
        close(t, np.outer(x, np.cos(w)))
        close(ad.hessian(lambda w, outer=outer: np.sum(outer(w, x)))(w), np.diag(-np.sin(w) * np.sum(x)))


# ------------------------------------------------------------------------------------------------ arguments
class Pair(typing.NamedTuple):
    first: typing.Any
    second: typing.Any


@dataclasses.dataclass
class Point:
    x: typing.Any
    rest: typing.Any


TREES = [
    (X, 2.0),
    [X, [2.0, None]],
    {"b": X, "a": {"c": 2.0}},
    Pair(X, (2.0,)),
    Point(X, Pair(2.0, None)),
    {3: Point(X, [2.0]), 1: ()},
]


def squares(tree):
    """Sum of squares of what is in a container."""
    if tree is None:
        return 0.0
    if isinstance(tree, dict):
        return sum(squares(v) for v in tree.values())
    if isinstance(tree, (tuple, list)):
        return sum(squares(v) for v in tree)
    if dataclasses.is_dataclass(tree):
        return sum(squares(getattr(tree, field.name)) for field in dataclasses.fields(tree))
    return np.sum(tree**2)


def doubled(tree):
    if tree is None:
        return None
    if isinstance(tree, dict):
        return {k: doubled(v) for k, v in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*map(doubled, tree))
    if isinstance(tree, (tuple, list)):
        return type(tree)(map(doubled, tree))
    if dataclasses.is_dataclass(tree):
        return type(tree)(**{f.name: doubled(getattr(tree, f.name)) for f in dataclasses.fields(tree)})
    return 2 * tree


def equal(a, b):
    assert type(a) is type(b) or (np.ndim(b) == 0 and not isinstance(b, (tuple, list, dict)))
    if isinstance(a, dict):
        assert list(a) == sorted(b)
        for k in a:
            equal(a[k], b[k])
    elif isinstance(a, (tuple, list)):
        for x, y in zip(a, b, strict=True):
            equal(x, y)
    elif dataclasses.is_dataclass(a):
        for field in dataclasses.fields(a):
            equal(getattr(a, field.name), getattr(b, field.name))
    elif a is not None:
        close(a, b)


@pytest.mark.parametrize("tree", TREES, ids=repr)
def test_containers(tree):
    equal(ad.grad(squares)(tree), doubled(tree))
    value, g = ad.value_and_grad(squares)(tree)
    close(value, squares(tree))
    equal(g, doubled(tree))
    equal(ad.vjp(squares, tree)[1](1.0)[0], doubled(tree))
    equal(ad.vjp(doubled, tree)[1](tree)[0], doubled(tree))
    out, t = ad.jvp(doubled, (tree,), (tree,))
    equal(out, doubled(tree))
    equal(t, doubled(tree))
    equal(ad.linearize(doubled, tree)[1](tree), doubled(tree))
    equal(ad.hvp(squares)(tree, tree), doubled(tree))
    equal(ad.grad(ad.checkpoint(squares))(tree), doubled(tree))
    equal(ad.trace(doubled)(tree)(tree), doubled(tree))
    equal(ad.grad(lambda s: squares(ad.grad(squares)(s)))(tree), doubled(doubled(doubled(tree))))


def test_containers_under_vmap():
    tree = Point(np.ones((4, 3)), Pair(np.arange(4.0), None))
    equal(ad.vmap(ad.grad(squares))(tree), doubled(tree))
    found = ad.vmap(lambda a, b: {"s": a["x"] + b}, in_axes=({"x": 1}, None), out_axes={"s": -1})(
        {"x": np.ones((2, 4))}, np.arange(2.0)
    )
    close(found["s"], np.array([[1.0] * 4, [2.0] * 4]))


def test_jacobians_of_containers():
    def f(p):
        return {"y": p.first[:2] * p.second, "z": np.sum(p.first)}

    for mode in ("forward", "reverse", "auto"):
        j = ad.jacobian(f, mode=mode)(Pair(X, 2.0))
        close(j["y"].first, 2.0 * np.eye(2, 3))
        close(j["y"].second, X[:2])
        close(j["z"].first, np.ones(3))
        assert j["z"].second == 0.0
    h = ad.hessian(lambda p: p["a"] ** 2 * p["b"])({"a": 2.0, "b": 3.0})
    assert h == {"a": {"a": 6.0, "b": 4.0}, "b": {"a": 4.0, "b": 0.0}}


def test_registered_containers():
    class Box:
        def __init__(self, inside, label):
            self.inside, self.label = inside, label

    ad.register_tree(Box, lambda b: ((b.inside,), b.label), lambda label, c: Box(c[0], label))
    g = ad.grad(lambda b: np.sum(b.inside**2))(Box(X, "name"))
    assert g.label == "name"
    close(g.inside, 2 * X)


def f3(a, b, c=1.0, *, scale=1.0):
    return scale * np.sum(a * b**2 * c)


def test_argnums():
    a, b = X, np.array([1.0, 2.0, 3.0])
    by_a, by_b = b**2, 2 * a * b
    close(ad.grad(f3)(a, b), by_a)
    close(ad.grad(f3, argnums=1)(a, b), by_b)
    close(ad.grad(f3, argnums=-1)(a, b), by_b)
    close(ad.grad(f3, argnums=np.int64(1))(a, b), by_b)
    for found in (ad.grad(f3, argnums=(1, 0))(a, b), ad.grad(f3, argnums=[1, 0])(a, b)):
        assert type(found) is tuple
        close(found[0], by_b)
        close(found[1], by_a)
    (only,) = ad.grad(f3, argnums=(1,))(a, b)
    close(only, by_b)
    close(ad.grad(f3)(a, b, 2.0, scale=3.0), 6 * by_a)
    close(ad.grad(f3, argnums=2)(a, b, 2.0), np.sum(a * b**2))
    value, (gb, ga) = ad.value_and_grad(f3, argnums=(-1, 0))(a, b)
    close(value, np.sum(a * b**2))
    close(gb, by_b)
    close(ga, by_a)
    h = ad.hessian(f3, argnums=(0, 1))(a, b)
    close(h[0][1], np.diag(2 * b))
    close(h[1][1], np.diag(2 * a))
    j = ad.jacobian(lambda a, b: a * b, argnums=(0, 1))(a, b)
    close(j[0], np.diag(b))
    close(j[1], np.diag(a))
    # The same argument twice, and arguments that are held.
    close(sum(ad.grad(f3, argnums=(0, 1))(a, a)), 3 * a**2)


def test_has_aux():
    def f(x, k):
        return np.sum(x**2) * k, {"twice": 2 * x, "text": "as it is", "shape": x.shape}

    g, aux = ad.grad(f, has_aux=True)(X, 3)
    close(g, 6 * X)
    assert type(aux["twice"]) is np.ndarray
    close(aux["twice"], 2 * X)
    assert aux["text"] == "as it is"
    assert aux["shape"] == (3,)
    (value, aux), g = ad.value_and_grad(f, has_aux=True)(X, 3)
    close(value, 3 * np.sum(X**2))
    close(g, 6 * X)
    out, pull, aux = ad.vjp(lambda x: (x**2, x + 1), X, has_aux=True)
    close(out, X**2)
    close(pull(np.ones(3))[0], 2 * X)
    close(aux, X + 1)
    out, t, aux = ad.jvp(lambda x: (x**2, x + 1), (X,), (np.ones(3),), has_aux=True)
    close(t, 2 * X)
    assert type(aux) is np.ndarray
    # The auxiliary values of an inner gradient still depend on the outer variable.
    close(ad.grad(lambda x: np.sum(ad.grad(f, has_aux=True)(x, 3)[1]["twice"]))(X), np.full(3, 2.0))


def test_scipys_argument_orders():
    def rosen(x, a, *, b=100.0):
        return np.sum(b * (x[1:] - x[:-1] ** 2) ** 2 + (a - x[:-1]) ** 2)

    h = ad.hessian(rosen)(X, 1.0, b=10.0)
    p = np.array([1.0, -2.0, 0.5])
    close(ad.hvp(rosen)(X, p, 1.0, b=10.0), h @ p)

    def constraints(x, a):
        return np.stack([np.sum(x**2), x[0] * x[1] * a])

    v = np.array([2.0, 3.0])
    expected = np.diag([4.0, 4.0, 4.0])
    expected[0, 1] = expected[1, 0] = 15.0
    close(ad.weighted_hessian(constraints)(X, v, 5.0), expected)
    close(ad.weighted_hessian(constraints)(X, [2.0, 3.0], 5.0), expected)
    # Scalar constraints: SciPy hands over weights of shape (1,).
    close(ad.weighted_hessian(lambda x: np.sum(x**2))(X, np.array([3.0])), 6 * np.eye(3))


def test_results_are_plain():
    """ndarrays and NumPy scalars out; float32 stays."""
    for g in (ad.grad(total(plain)), ad.jacobian(plain), along(plain), ad.vmap(plain), ad.hessian(total(plain))):
        assert type(g(X)) is np.ndarray
        assert g(X.astype(np.float32)).dtype == np.float32
    assert type(ad.grad(plain)(1.0)) is np.float64
    assert type(ad.jvp(plain, (1.0,), (1.0,))[1]) is np.float64
    assert ad.grad(lambda x: x["a"] * 2.0)({"a": np.float32(3.0)})["a"].dtype == np.float32


def test_functions_that_ignore_their_argument():
    close(ad.grad(lambda x: 3.0)(X), np.zeros(3))
    close(ad.jvp(lambda x: 3.0, (X,), (X,))[1], 0.0)
    close(ad.jacobian(lambda x: np.ones(2))(X), np.zeros((2, 3)))
    close(ad.vjp(lambda x: np.ones(2), X)[1](np.ones(2))[0], np.zeros(3))
    close(ad.vmap(lambda x: 3.0)(X), np.full(3, 3.0))
    close(ad.hessian(lambda x: np.sum(x))(X), np.zeros((3, 3)))
    close(ad.linearize(lambda x: np.ones(2), X)[1](X), np.zeros(2))


def test_transforms_of_methods_and_pickles():
    class Model:
        scale = 3.0

        @ad.checkpoint
        def unused(self):
            raise AssertionError

        def loss(self, x):
            return self.scale * np.sum(x**2)

        @ad.grad
        def first(self):
            return self * 2.0

    m = Model()
    close(ad.grad(m.loss)(X), 6 * X)
    assert ad.grad(Model.first)(1.0) == 0.0  # d/dx of a constant gradient
    for transform in (ad.grad, ad.value_and_grad, ad.jacobian, ad.hessian, ad.hvp, ad.vmap):
        made = pickle.loads(pickle.dumps(transform(_sum_of_cubes)))
        assert repr(made).startswith("<")
        assert made.__name__.endswith("(_sum_of_cubes)")
    close(pickle.loads(pickle.dumps(ad.grad(_sum_of_cubes)))(X), 3 * X**2)


def _sum_of_cubes(x):
    """The sum."""
    return np.sum(x**3)


def test_pullback_and_push_can_be_called_again():
    out, pull = ad.vjp(plain, X)
    for k in (1.0, 2.0):
        close(pull(np.full(3, k))[0], k * slope(X))
    _, push = ad.linearize(plain, X)
    for k in (1.0, 2.0):
        close(push(np.full(3, k)), k * slope(X))
    # They are functions: linear ones, which can be differentiated and batched.
    close(ad.jacobian(lambda ct: pull(ct)[0])(X), np.diag(slope(X)))
    close(ad.jacobian(push)(X), np.diag(slope(X)))
    close(ad.vmap(pull)(np.eye(3))[0], np.diag(slope(X)))
    close(ad.vmap(push)(np.eye(3)), np.diag(slope(X)))


def test_jacobian_in_both_modes():
    def f(x):
        return np.outer(x[:2], np.sin(x))

    forward, reverse = ad.jacfwd(f)(X), ad.jacrev(f)(X)
    assert forward.shape == (2, 3, 3)
    close(forward, reverse)
    close(ad.jacobian(f)(X), forward)
    z = X + 0.5j
    close(ad.jacobian(np.sin)(z), np.diag(np.cos(z)))
    check_grads(f, (X,))


# ------------------------------------------------------------------------------------------------ graphs
def test_graph_by_hand():
    g = ad.Graph()
    x = g.placeholder("x", shape=(), dtype=float)
    y = 2 * x * x + 3 * x + 1
    derivatives, expected = y, [lambda x: 2 * x * x + 3 * x + 1, lambda x: 4 * x + 3, lambda x: 4.0, lambda x: 0.0]
    for order in range(4):
        for at in (0.0, 2.0, -1.5):
            assert g.run(derivatives, {"x": at}) == expected[order](at)
            assert g.run([derivatives, y], {x: at}) == [expected[order](at), expected[0](at)]
        (derivatives,) = g.gradients([derivatives], [x])


def test_graph_to_any_order():
    g = ad.Graph()
    x = g.placeholder("x", (2,))
    y = np.exp(x * np.array([1.0, -0.5]))
    for order in range(6):
        close(g.run(y, {"x": [0.3, 0.7]}), np.array([1.0, -0.5]) ** order * np.exp([0.3, -0.35]))
        (y,) = g.gradients(y, x)


def test_graph_gradients_of_several():
    g = ad.Graph()
    a, b = g.placeholder("a", (3,)), g.placeholder("b")
    s = np.sin(a) * b
    p = np.sum(s**2)
    da, db, ds = g.gradients([p], [a, b, s])
    feeds = {"a": X, "b": 2.0}
    close(g.run(da, feeds), 2 * np.sin(X) * np.cos(X) * 4)
    close(g.run(db, feeds), np.sum(4 * np.sin(X) ** 2))
    close(g.run(ds, feeds), 4 * np.sin(X))
    (weighted,) = g.gradients([s], [a], [np.array([1.0, 0.0, -1.0])])
    close(g.run(weighted, feeds), np.cos(X) * 2 * [1.0, 0.0, -1.0])
    (by_variable,) = g.gradients([s], [a], [a])  # a cotangent that is part of the graph
    close(g.run(by_variable, feeds), np.cos(X) * 2 * X)
    zero, both = g.gradients([a, s], [b, a])
    close(g.run([zero, both], feeds)[1], 1 + 2 * np.cos(X))
    (none,) = g.gradients(a, b)
    assert g.run(none) == 0.0
    # An inner result is fed instead of computed.
    assert "placeholder" not in str(g)
    assert len(g) == len([n for n in g.nodes if n.primitive is not None])


def test_graph_placeholders():
    g = ad.Graph()
    x, again = g.placeholder("x", (2,)), g.placeholder("x", (2,))
    close(g.run(x * again, {"x": [2.0, 3.0]}), [4.0, 9.0])
    with pytest.raises(ValueError, match=r"'x' exists with shape \(2,\) and dtype float64; asked for \(3,\)"):
        g.placeholder("x", (3,))
    y = g.placeholder("y", (), np.float32)
    constant = g.placeholder("z") * 0.0
    assert g.run([x[0] * 1.0, y], {"x": [1.0, 2.0], "y": 3.0})[1].dtype == np.float32
    del constant  # needs no value where it is not asked for
    with pytest.raises(ValueError, match="the placeholder 'y' has no value"):
        g.run(y + 1)
    with pytest.raises(ValueError, match=r"no placeholder 'w'; there are 'x', 'y', 'z'"):
        g.run(y, {"w": 1.0})
    with pytest.raises(ValueError, match=r"'x' has shape \(2,\), its value \(3,\)"):
        g.run(x, {"x": X})
    with pytest.raises(TypeError, match="'x' has dtype float64, its value complex128"):
        g.run(x, {"x": [1j, 2.0]})
    with pytest.raises(ValueError, match="not a placeholder"):
        g.run(y, {x * 1.0: X})
    other = ad.Graph()
    z = other.placeholder("x", (2,))
    with pytest.raises(ValueError, match="not a Variable of this graph"):
        g.run(z, {"x": [1.0, 2.0]})
    with pytest.raises(ValueError, match="not a Variable of this graph"):
        g.gradients(x, z)
    for mixed in (lambda: x * z, lambda: z + x, lambda: np.dot(x, z), lambda: ad.trace(lambda a: a * x)(1.0)):
        with pytest.raises(ValueError, match="two graphs do not mix"):
            mixed()
    with pytest.raises(ValueError, match=r"1 cotangent\(s\) for 2"):
        g.gradients([x, x], [x], [np.ones(2)])
    with pytest.raises(TypeError, match="made by hand"):
        g(1.0)
    assert g.run(np.float64(3.0)) == 3.0


def test_graph_of_numpy_functions():
    g = ad.Graph()
    a = g.placeholder("a", (3, 3))
    b = g.placeholder("b", (3,))
    x = np.linalg.solve(a, b)
    q, r = np.linalg.qr(a)
    loss = np.sum(x**2) + np.sum(np.abs(r)) + q[0, 0]
    rng = np.random.default_rng(0)
    m = rng.standard_normal((3, 3)) + 3 * np.eye(3)

    def f(a):
        return np.sum(np.linalg.solve(a, X) ** 2) + np.sum(np.abs(np.linalg.qr(a)[1])) + np.linalg.qr(a)[0][0, 0]

    (da,) = g.gradients(loss, [a])
    np.testing.assert_allclose(g.run(loss, {"a": m, "b": X}), f(m), rtol=1e-13)
    np.testing.assert_allclose(g.run(da, {"a": m, "b": X}), ad.grad(f)(m), rtol=1e-12, atol=1e-13)


def test_trace_prints_and_runs():
    def f(x, p):
        q, r = np.linalg.qr(x)
        return {"y": np.sum(q * p["w"], axis=0), "s": 2.0 * r[0, 0]}

    x, p = np.arange(6.0).reshape(3, 2) ** 2 + 1, {"w": np.float32(2.0)}
    graph = ad.trace(f)(x, p)
    text = str(graph)
    assert text.startswith("f(x0: f64[3,2], x1: f32[]):\n")
    assert "f64[3,2], f64[2,2]" in text  # a node with two outputs
    assert text.splitlines()[-1].startswith("  return ")
    assert len(text.splitlines()) == len(graph) + 2
    found = graph(x, p)
    close(found["y"], f(x, p)["y"])
    close(found["s"], f(x, p)["s"])
    assert repr(graph) == f"<Graph f: 2 input(s), {len(graph)} node(s), 2 output(s)>"
    assert all(node.primitive is None or node.out is not None for node in graph.nodes)
    with pytest.raises(ValueError, match=r"shape \(2, 2\) and dtype float64, traced with \(3, 2\)"):
        graph(x[:2], p)
    with pytest.raises(ValueError, match="traced with"):
        graph(x)
    # Specs instead of numbers; constants and inputs handed through.
    graph = ad.trace(lambda x: (x, 1.0, np.ones(2)))(ad.Spec((2,)))
    assert str(graph) == "<lambda>(x0: f64[2]):\n  return x0, 1.0, f64[2]"
    close(graph(np.zeros(2))[2], np.ones(2))


def test_trace_of_calls_with_closures():
    """Checkpoint and custom rules inside a trace, closing over traced Variables."""

    def f(x, y):
        a, b = ad.checkpoint(lambda x: (x**2 * y, y))(x)
        return np.sum(a * b) + np.sum(closing("custom_vjp", y)[0](x))

    y = np.array([2.0, 3.0, 5.0])
    graph = ad.trace(f)(X, y)
    close(graph(X, y), f(X, y))
    for k in range(2):
        close(ad.grad(graph, argnums=k)(X, y), ad.grad(f, argnums=k)(X, y))
        close(ad.trace(ad.grad(f, argnums=k))(X, y)(X, y), ad.grad(f, argnums=k)(X, y))
        two = ad.vmap(ad.grad(graph, argnums=k))(np.stack([X, X]), np.stack([2 * y, y]))
        close(two[1], ad.grad(f, argnums=k)(X, y))
        close(ad.jvp(ad.grad(graph, argnums=k), (X, y), (X, y))[1], ad.jvp(ad.grad(f, argnums=k), (X, y), (X, y))[1])


def test_trace_of_a_closure():
    """Tracing under a gradient: what the function closes over is computed with."""

    def f(y):
        return np.sum(ad.trace(lambda x: x * y)(X)(X + y))

    close(ad.grad(f)(2.0), np.sum(X) + 4.0 * 3)
    close(ad.jvp(f, (2.0,), (1.0,))[1], np.sum(X) + 4.0 * 3)


# ------------------------------------------------------------------------------------------------ tapes
def test_tape_by_hand():
    with ad.Tape() as tape:
        x = tape.variable(3.0)
        y = tape.variable(X)
        z = np.sum(x * y**2)
        w = x * 2.0
    assert [float(g) for g in tape.gradients(w, [x])] == [2.0]
    gx, gy = tape.gradients(z, [x, y])
    close(gx, np.sum(X**2))
    close(gy, 6 * X)
    gx, gy = tape.gradients([z, w], [x, y], [1.0, 10.0])
    close(gx, np.sum(X**2) + 20.0)
    (gw,) = tape.gradients(z, [w])
    assert gw == 0.0
    assert len(tape) == len(tape.nodes)
    assert tape.nbytes >= X.nbytes
    assert tape.nodes[0].primitive is None
    assert [n.primitive.name for n in tape.nodes if n.primitive][-1] == "multiply"


def test_tape_inside_a_transform():
    def f(x):
        with ad.Tape() as tape:
            v = tape.variable(x)
            y = np.sum(v**3)
        (g,) = tape.gradients(y, [v])
        return g

    close(ad.jacobian(f)(X), np.diag(6 * X))
    close(ad.vmap(lambda x: f(x) * 1.0)(X), 3 * X**2)
    with ad.Tape() as tape:
        v = tape.variable(X)
        y = np.sum(ad.grad(lambda x: np.sum(x**3))(v))
    close(tape.gradients(y, [v])[0], 6 * X)


def test_derivatives_of_intermediate_results():
    with ad.Tape() as tape:
        x = tape.variable(2.0)
        y = x**2
        z = y**3
        a, b = np.linalg.qr(np.array([[1.0, 2.0], [3.0, 4.0]]) * x)
        s = np.sum(b) + np.sum(a)
    assert [float(g) for g in tape.gradients(z, [y, x, z])] == [48.0, 192.0, 1.0]
    close(tape.gradients(s, [b])[0], np.ones((2, 2)))


# ------------------------------------------------------------------------------------------------ stopping
def test_stop_gradient_and_value():
    for stop in (ad.stop_gradient, ad.value):
        assert ad.grad(lambda x, stop=stop: x * stop(x))(3.0) == 3.0
        assert ad.jvp(lambda x, stop=stop: x * stop(x), (3.0,), (1.0,)) == (9.0, 3.0)
        assert ad.grad(ad.grad(lambda x, stop=stop: x**2 * stop(x)))(3.0) == 6.0
        close(ad.vmap(ad.grad(lambda x, stop=stop: x * stop(x)))(X), X)
        close(ad.grad(lambda x, stop=stop: np.sum(ad.vmap(lambda x: x * stop(x))(x)))(X), X)
        assert ad.trace(lambda x, stop=stop: x * stop(x))(3.0)(2.0) == 4.0
        found = stop({"a": X, "b": [1.0]})
        close(found["a"], X)
    seen = []
    ad.grad(lambda x: seen.append(ad.value(x)) or x)(3.0)
    assert type(seen[0]) is np.float64


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("size", [1, 3, 100, 100_000])
@pytest.mark.parametrize(("function", "slope"), [(np.arcsin, np.inf), (np.arccos, -np.inf)])
def test_infinite_derivatives_have_their_sign(function, slope, size):
    """By every path: few numbers, one pass, blocks."""
    ends = np.resize([1.0, -1.0], size)
    expected = np.full(size, slope)
    np.testing.assert_array_equal(ad.grad(lambda x: np.sum(function(x)))(ends), expected)
    np.testing.assert_array_equal(ad.jvp(function, (ends,), (np.ones(size),))[1], expected)


@pytest.mark.parametrize("loops", [(), (1,), (4,), (2, 3)])
def test_elements_of_batched_vectors(loops):
    """`x[0]` of a batch of vectors is a batch: its cotangents add as whole arrays, not as single numbers."""
    x = np.random.default_rng(0).standard_normal((*loops, 3))
    f = lambda x: x[..., 0] * x[..., 1] + x[..., 0] ** 2 * x[..., -1]  # noqa: E731
    g = lambda x: x[0] * x[1] + x[0] ** 2 * x[-1]  # noqa: E731
    for _ in loops:
        g = ad.vmap(g)
    a, b, c = np.moveaxis(x, -1, 0)
    expected = np.stack([b + 2 * a * c, a, a**2], -1)
    for h in f, g:
        np.testing.assert_allclose(ad.grad(lambda x, h=h: np.sum(h(x)))(x), expected, rtol=1e-14)
    # The adjoint of stack along the last axis takes such elements, too.
    y = x[..., 0]

    def total(y):
        return np.sum(np.stack([y, np.sin(y)], -1) ** 2)

    twice = ad.grad(lambda y: np.sum(ad.grad(total)(y)))(y)
    np.testing.assert_allclose(twice, 2 + 2 * np.cos(2 * y), rtol=1e-12)


@pytest.mark.parametrize("shape", [(3,), (1, 3)])
@pytest.mark.parametrize("kind", [float, complex])
def test_cotangents_fitted_to_an_operand_are_not_written_to(kind, shape):
    """The real part, or the one row, of a cotangent is a view of it, to which a second cotangent must not be added."""
    rng = np.random.default_rng(0)
    a, b, c = rng.standard_normal((3, 3)).astype(kind), rng.standard_normal(shape), rng.standard_normal(shape)
    x, b, c = rng.standard_normal(3), b.astype(kind), (c * (1 + 1j)).astype(kind) if kind is complex else c
    kept = c.copy()

    def f(x, b):
        return x + (b - x @ a) @ a

    to_x, to_b = ad.vjp(f, x, b)[1](c)
    assert np.array_equal(c, kept)
    np.testing.assert_allclose(to_b, c @ np.conj(a.T), rtol=1e-12)
    expected = np.reshape(np.real(c - c @ np.conj((a @ a).T)), 3)
    np.testing.assert_allclose(to_x, expected, rtol=1e-12)


NARROW = [np.float32(2.5), np.array(2.5, np.float32), np.full(3, 2.5, np.float32), np.float16(2.5)]
WITH_NARROW = (
    lambda x, b: x / b, lambda x, b: b / x, lambda x, b: x**b, lambda x, b: b**x, np.hypot, np.arctan2, np.logaddexp,
    np.copysign, np.multiply, np.float_power,
)  # fmt: skip


@pytest.mark.parametrize("f", WITH_NARROW)
@pytest.mark.parametrize("narrow", NARROW)
def test_narrow_operands_beside_wide_ones(narrow, f):
    """Partial derivatives are computed in the precision of the result, also where the narrow operand has a function alone."""
    x, t = np.array([1.0, 2.0, 3.0]), np.array([0.5, -1.0, 0.25])
    wide = np.asarray(narrow, np.float64)

    def total(x, b):
        return np.sum(f(x, b))

    def pushed(x, b):
        return ad.jvp(lambda x: total(x, b), (x,), (t,))[1]

    def product(x, b):
        return ad.jvp(lambda x: ad.grad(total)(x, b), (x,), (t,))[1]

    for g in (ad.grad(total), pushed, product, ad.grad(ad.compile(total))):
        expected = g(x, wide)
        np.testing.assert_allclose(g(x, narrow), expected, rtol=1e-13, atol=1e-14)
        np.testing.assert_allclose(ad.compile(g)(x, narrow), expected, rtol=1e-13, atol=1e-14)
    # Of the narrow operand itself: its dtype, rounded once.
    slope = ad.grad(total, argnums=1)(x, wide)
    for found in (ad.grad(total, argnums=1)(x, narrow), ad.compile(ad.grad(total, argnums=1))(x, narrow)):
        assert found.dtype == narrow.dtype
        np.testing.assert_allclose(found, slope, rtol=np.finfo(narrow.dtype).eps, atol=1e-300)


@pytest.mark.parametrize(
    "f", [lambda x: x**2.5, lambda x: 2.0**x, lambda x: x**-0.5, lambda x: (x + 2) ** 3, lambda x: 1 / x**2]
)
def test_python_numbers_do_not_widen_float32(f):
    x = np.array([0.5, 1.0, 2.0], np.float32)
    for g in (ad.grad(lambda x: np.sum(f(x))), lambda x: ad.jvp(ad.grad(lambda x: np.sum(f(x))), (x,), (x,))[1]):
        assert "f64" not in str(ad.compile(g).lower(x).rebuilt)
        for found in (g(x), ad.compile(g)(x)):
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, g(x.astype(float)), rtol=1e-5)
