"""Derivatives of compiled functions: the forward pass saves what the pullback needs, and rules of one's own are kept."""

import numpy as np
import pytest

import scirs_ad as ad

RNG = np.random.default_rng(11)
X = RNG.standard_normal(20)
A = RNG.standard_normal((20, 20)) + 8 * np.eye(20)


def close(found, wanted, rtol=1e-11):
    found, wanted = (v if isinstance(v, tuple) else (v,) for v in (found, wanted))
    for y, z in zip(found, wanted, strict=True):
        np.testing.assert_allclose(y, z, rtol=rtol, atol=rtol * np.max(np.abs(z), initial=1e-300))


def body_of(compiled):
    (body,) = compiled._bodies.values()
    return body


def names(body):
    return [op.primitive.name for op in body.rebuilt()[0].ops]


# ------------------------------------------------------------------------------------------------ what is saved
def layers(w, x):
    for _ in range(3):
        x = np.tanh(w @ x)
    return x


def test_the_pullback_computes_no_product_again():
    c = ad.compile(layers)
    y, pull = ad.vjp(c, A, X)
    close(y, layers(A, X))
    close(pull(X), ad.vjp(layers, A, X)[1](X))
    close(pull(y), ad.vjp(layers, A, X)[1](y))  # as often as one likes
    saving = body_of(c).saving((0, 1))
    assert names(saving.first).count("matvec_core") == 3
    assert names(saving.second).count("matvec_core") + names(saving.second).count("vecmat_core") == 3
    assert "tanh" not in names(saving.second)


def test_linearize_computes_no_product_again():
    c = ad.compile(layers)
    y, push = ad.linearize(c, A, X)
    close(y, layers(A, X))
    for t in ((A, X), (X * A, X)):
        close(push(*t), ad.jvp(layers, (A, X), t)[1])
    saving = body_of(c).saving((0, 1), True)
    assert names(saving.first).count("matvec_core") == 3
    assert "tanh" not in names(saving.second)
    rows = RNG.standard_normal((3, *A.shape))
    wanted = [ad.jvp(layers, (A, X), (t, X))[1] for t in rows]
    close(ad.vmap(lambda t: push(t, X))(rows), np.stack(wanted))
    close(ad.linearize(lambda x: c(A, x), X)[1](X), ad.jvp(lambda x: layers(A, x), (X,), (X,))[1])
    push = ad.linearize(lambda a, x: several_of(ad.compile(several), a, x), A, X)[1]
    close(push(A, X), ad.jvp(lambda a, x: several_of(several, a, x), (A, X), (A, X))[1])


def several_of(f, a, x):
    found = f(a, x)
    return np.sum(found[0]) * found[1] + found[2]


def test_a_scalar_function_computes_its_gradient_in_the_same_pass():
    def f(w, x):
        return np.sum(layers(w, x) ** 2)

    c = ad.compile(f)
    close(ad.grad(c, (0, 1))(A, X), ad.grad(f, (0, 1))(A, X))
    first = body_of(c).saving((0, 1)).first
    assert names(first) == names(body_of(c).value_and_grad((0, 1), 0)[0])
    for factor in (1.0, -0.5, 1e-300, 1e300, 0.0, np.nan):
        with np.errstate(all="ignore"):
            close(ad.vjp(c, A, X)[1](factor), ad.vjp(f, A, X)[1](factor))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_gradient_that_overflows_is_not_scaled(dtype):
    def f(x):
        return np.sum(np.exp(x))

    x = np.array([0.0, 1.0, np.log(np.finfo(dtype).max) - 1], dtype)
    for factor in (1e-30, 3.0, 0.25, 1e30):
        with np.errstate(all="ignore"):
            wanted = ad.vjp(f, x)[1](dtype(factor))
            close(ad.vjp(ad.compile(f), x)[1](dtype(factor)), wanted, 4 * np.finfo(dtype).eps)


def several(a, b):
    return np.linalg.solve(a, b), np.linalg.slogdet(a)[1], np.sin(b), np.argmax(b)


@pytest.mark.parametrize("given", [(1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1)])
@pytest.mark.parametrize("argnums", [0, 1, (0, 1)])
def test_cotangents_of_some_outputs(given, argnums):
    def loss(f, a, b):
        return sum([np.sum(y**2) for y, wanted in zip(f(a, b), given, strict=False) if wanted], np.sum(a * 0.0 + b))

    c = ad.compile(several)
    close(ad.grad(lambda a, b: loss(c, a, b), argnums)(A, X), ad.grad(lambda a, b: loss(several, a, b), argnums)(A, X))


def test_one_factorisation_for_value_and_pullback():
    c = ad.compile(several)
    ad.vjp(c, A, X)
    saving = body_of(c).saving((0, 1))
    assert names(saving.first).count("lu_of") == 1
    assert "lu_of" not in names(saving.second)
    assert "inv_of_lu" not in names(saving.first)  # which only the pullback needs


def test_scalar_code_saves_nothing():
    def f(x):
        s = 0.0
        for k in range(19):
            s = s + np.sin(x[k]) * x[k + 1]
        return np.array([s, s * x[0]])

    c = ad.compile(f)
    close(ad.vjp(c, X)[1](np.ones(2)), ad.vjp(f, X)[1](np.ones(2)))
    assert not body_of(c).saving((0,)).kept


def test_what_is_donated_and_a_memory_limit():
    def f(x):
        return np.sin(x) * x

    x = X.copy()
    close(ad.vjp(ad.compile(f, donate_argnums=0), x)[1](X), ad.vjp(f, X)[1](X))
    limited = ad.compile(f, memory_limit=10_000)
    close(ad.vjp(limited, x)[1](X), ad.vjp(f, X)[1](X))
    assert body_of(limited).saving((0,)) is None


# ------------------------------------------------------------------------------------------------ with other transforms
def shifted(x):
    return np.sin(x[1:]) * x[:-1] ** 2


def total(x):
    return np.sum(shifted(x))


def test_every_transform_of_a_compiled_function():
    c, s = ad.compile(shifted), ad.compile(total)
    for transform in (ad.jacobian, ad.jacfwd, ad.jacrev):
        close(transform(c)(X), transform(shifted)(X))
    close(ad.hessian(s)(X), ad.hessian(total)(X))
    close(ad.compile(ad.hessian(s))(X), ad.hessian(total)(X))
    close(ad.hvp(s)(X, X), ad.hvp(total)(X, X))
    close(ad.jvp(c, (X,), (X,)), ad.jvp(shifted, (X,), (X,)))
    close(ad.linearize(c, X)[1](X), ad.linearize(shifted, X)[1](X))
    rows = np.stack([X, 2 * X])
    close(ad.vmap(ad.grad(s))(rows), ad.vmap(ad.grad(total))(rows))
    close(ad.compile(ad.vmap(ad.grad(s)))(rows), ad.vmap(ad.grad(total))(rows))
    close(ad.grad(lambda x: np.sum(ad.grad(s)(x) ** 2))(X), ad.grad(lambda x: np.sum(ad.grad(total)(x) ** 2))(X))


def test_transforms_of_a_pullback():
    pull, eager = ad.vjp(ad.compile(shifted), X)[1], ad.vjp(shifted, X)[1]
    rows = RNG.standard_normal((3, 19))
    close(ad.vmap(lambda ct: pull(ct)[0])(rows), ad.vmap(lambda ct: eager(ct)[0])(rows))
    close(ad.grad(lambda ct: np.sum(pull(ct)[0] ** 2))(rows[0]), ad.grad(lambda ct: np.sum(eager(ct)[0] ** 2))(rows[0]))
    close(ad.compile(lambda ct: pull(ct)[0])(rows[0]), eager(rows[0])[0])


def test_complex_and_single_precision():
    z = X + 1j * X[::-1]

    def f(z):
        return np.exp(z) * z.conj()

    close(ad.vjp(ad.compile(f), z)[1](z), ad.vjp(f, z)[1](z))
    x = X.astype(np.float32)
    (g,) = ad.vjp(ad.compile(shifted), x)[1](x[1:])
    assert g.dtype == np.float32
    close(g, ad.vjp(shifted, x)[1](x[1:])[0], 1e-6)


def test_a_gradient_belongs_to_the_caller():
    c = ad.compile(lambda x: np.sum(x**2))
    _, pull = ad.vjp(c, X)
    (g,) = pull(1.0)
    g[...] = 0
    close(pull(1.0)[0], 2 * X)
    both = ad.grad(lambda x, y: c(x) + c(y), (0, 1))(X, X)
    both[0][...] = 0
    close(both[1], 2 * X)


# ------------------------------------------------------------------------------------------------ rules of one's own
def ruled(make):
    """A function of two arguments with a derivative that is not its own; `make`: custom_vjp or custom_jvp."""

    def f(a, b):
        times = make(lambda x: x * b)
        (times.def_vjp if make is ad.custom_vjp else times.def_jvp)(RULES[make])
        return np.sum(times(a) * a)

    return f


RULES = {ad.custom_vjp: lambda ct: 7.0 * ct, ad.custom_jvp: lambda t: 7.0 * t}
B = RNG.standard_normal(20)


@pytest.mark.parametrize("make", [ad.custom_vjp, ad.custom_jvp])
def test_a_rule_is_the_derivative_of_a_compiled_function_too(make):
    f = ruled(make)
    for argnums in (0, 1, (0, 1)):
        wanted = ad.grad(f, argnums)(X, B)
        close(ad.grad(ad.compile(f), argnums)(X, B), wanted)
        close(ad.compile(ad.grad(f, argnums))(X, B), wanted)
        close(ad.compile(ad.grad(ad.compile(f), argnums))(X, B), wanted)
    close(ad.grad(lambda a: ad.compile(lambda b: f(a, b))(B))(X), ad.grad(f)(X, B))
    close(ad.grad(lambda b: ad.compile(lambda a: f(a, b))(X))(B), ad.grad(f, 1)(X, B))
    rows = np.stack([X, B])
    close(ad.vmap(ad.grad(ad.compile(f)), (0, None))(rows, B), ad.vmap(ad.grad(f), (0, None))(rows, B))
    close(
        ad.grad(ad.compile(lambda a: np.sum(ad.vmap(f, (0, None))(a, B))))(rows),
        ad.vmap(ad.grad(f), (0, None))(rows, B),
    )


def test_a_rule_in_forward_mode():
    f = ruled(ad.custom_jvp)
    wanted = ad.jvp(f, (X, B), (B, X))
    close(ad.jvp(ad.compile(f), (X, B), (B, X)), wanted)
    close(ad.compile(lambda x, t: ad.jvp(f, (x, B), (t, X)))(X, B), wanted)


def test_a_checkpoint_runs_again_in_the_pullback():
    def net(w, x):
        for _ in range(4):
            x = ad.checkpoint(lambda x: np.tanh(w @ np.tanh(w @ x)))(x)
        return x

    c = ad.compile(net)
    _, pull = ad.vjp(c, A, X)
    close(pull(X), ad.vjp(net, A, X)[1](X))
    saving = body_of(c).saving((0, 1))
    assert names(saving.first).count("matvec_core") == 8
    assert len(saving.kept) <= 5
    assert names(saving.second).count("matvec_core") >= 8
    with ad.checkpoint_profile() as profile:
        pull(X)
    assert profile.recomputations == 4
    assert profile.bytes_saved > 0
    scalar = ad.compile(lambda w: np.sum(net(w, X)))
    with ad.checkpoint_profile() as profile:
        close(ad.grad(scalar)(A), ad.grad(lambda w: np.sum(net(w, X)))(A))
    assert profile.recomputations >= 3


def test_python_numbers_in_a_checkpoint_do_not_widen():
    def f(x, a):
        return ad.checkpoint(lambda y: np.sin(y) * a)(x)

    x = X.astype(np.float32)
    assert f(x, 2.0).dtype == ad.compile(f)(x, 2.0).dtype == np.float32
