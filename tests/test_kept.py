"""Arrays that are written to between their use and the derivative: the right numbers, or an error that names them."""

import functools

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as splinalg

import scirs_ad as ad
import scirs_ad.scipy.sparse.linalg as sl
from scirs_ad._kernels.digest import digest
from scirs_ad.scipy.sparse.linalg import LinearOperator, aslinearoperator

# Copied alone; copied once for all uses; looked at again.
SIZES = (10, 20_000, 200_000)
LARGE = SIZES[-1]


def points(n):
    return np.linspace(0.5, 1.5, n)


def pulled(f, x, *written, ct=None):
    """The gradient of `f`, where arrays are overwritten before the derivative is taken."""
    out, pullback = ad.vjp(f, x)
    for a in written:
        a[...] = 0
    return pullback(np.ones(np.shape(out)) if ct is None else ct)[0]


def right_or_refused(n, wanted, name, action):
    """Small arrays: the right numbers; large ones: an error with the name of the operation and the remedy."""
    if n < LARGE:
        np.testing.assert_allclose(action(), wanted, rtol=1e-14)
    else:
        with pytest.raises(RuntimeError, match=rf"{name}: the .*array of shape .*written to since.*copy"):
            action()


@pytest.mark.parametrize("n", SIZES)
def test_operands(n):
    x, a = points(n), np.full(n, 3.0)
    right_or_refused(n, 3.0, "multiply", lambda: pulled(lambda x: x * a, x, a))
    a[:] = 3.0
    right_or_refused(n, 3.0, "multiply", lambda: pulled(lambda x: a * x, x, a))
    a[:] = 3.0
    right_or_refused(n, a / x, "multiply", lambda: pulled(lambda x: np.log(x) * a, x, a))
    m = np.ones((n, 2))
    right_or_refused(n, 2.0, "vecmat", lambda: pulled(lambda x: x @ m, x, m))
    i = np.ones(n, int)
    wanted = np.where(np.arange(n) == 1, 1.0 * n, 0.0)
    np.testing.assert_allclose(pulled(lambda x: x[i], x, i), wanted)


@pytest.mark.parametrize("n", SIZES)
def test_what_is_not_needed_may_change(n):
    x, a, b = points(n), np.full(n, 3.0), np.full(n, 5.0)
    np.testing.assert_array_equal(pulled(lambda x: x + a, x, a), 1.0)
    x = points(n)
    np.testing.assert_array_equal(pulled(lambda x: 2.0 * x, x, x), 2.0)

    with ad.Tape() as tape:
        v = tape.variable(points(n))
        z = (v * a, v * b)[1]
    a[:] = 0.0
    np.testing.assert_array_equal(tape.gradients(z, [v])[0], 5.0)


@pytest.mark.parametrize("n", SIZES)
def test_inputs_and_outputs(n):
    x = points(n)
    right_or_refused(n, 2 * points(n), "multiply|square", lambda: pulled(lambda x: x * x, x, x))
    x = points(n)
    y, pullback = ad.vjp(np.exp, x)
    y[:] = 0.0
    right_or_refused(n, np.exp(x), "exp", lambda: pullback(np.ones(n))[0])
    y, push = ad.linearize(np.exp, x)
    y *= 2.0
    right_or_refused(n, np.exp(x), "exp", lambda: push(np.ones(n)))
    a = np.full(n, 3.0)
    _, push = ad.linearize(lambda x: x * a, x)
    a[:] = 0.0
    right_or_refused(n, 3.0, "multiply", lambda: push(np.ones(n)))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(
    "values", [ad.value, ad.stop_gradient, lambda y: y.value, lambda y: np.asarray(ad.stop_gradient(y))]
)
def test_numbers_that_are_looked_at(n, values):
    def f(x):
        y = np.exp(x)
        shown = values(y)
        shown -= shown.max()
        return np.sum(y)

    right_or_refused(n, np.exp(points(n)), "exp", lambda: ad.grad(f)(points(n)))
    assert not ad.grad(lambda x: np.sum(values(x) * 2.0 + 0.0 * x))(points(n)).any()


@pytest.mark.parametrize("n", SIZES)
def test_buffers_in_a_loop(n):
    buffer = np.empty(n)

    def f(x):
        y = 0.0
        for k in range(3):
            np.multiply(np.ones(n), k + 1.0, out=buffer)
            y = y + x * buffer
        return np.sum(y)

    right_or_refused(n, 6.0, "multiply", lambda: ad.grad(f)(points(n)))

    def remedied(x):
        y = 0.0
        for k in range(3):
            np.multiply(np.ones(n), k + 1.0, out=buffer)
            y = y + x * buffer.copy()
        return np.sum(y)

    np.testing.assert_array_equal(ad.grad(remedied)(points(n)), 6.0)


def test_one_copy_for_all_uses():
    n = 20_000
    a = np.ones(n)
    with ad.Tape() as tape:
        x = tape.variable(points(n))
        y = x
        for _ in range(50):
            y = y + x * a
    assert tape.nbytes < 12 * x.value.nbytes
    (g,) = tape.gradients(y, [x])
    np.testing.assert_array_equal(g, 51.0)


VIEWS = {
    "strided": lambda a, n: np.repeat(a, 2)[::2],
    "reversed": lambda a, n: a[::-1],
    "broadcast": lambda a, n: np.broadcast_to(a[:1], (n,)),
    "read-only view": lambda a, n: _frozen(a[:]),
    "transposed": lambda a, n: a.reshape(2, -1).T.reshape(-1, order="F"),
    "memory view": lambda a, n: np.frombuffer(memoryview(a), a.dtype),
    "dlpack": lambda a, n: np.from_dlpack(a),
}


def _frozen(a):
    a.flags.writeable = False
    return a


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", VIEWS)
def test_views(name, n):
    a = np.full(n, 3.0)
    view = VIEWS[name](a, n)
    owner = view
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    owner = a if name in ("memory view", "dlpack", "read-only view", "broadcast") else owner
    try:
        found = pulled(lambda x: x * view, points(n), owner)
    except RuntimeError as error:
        assert n == LARGE
        assert "written to since" in str(error)
    else:
        np.testing.assert_array_equal(found, 3.0)


def test_memory_of_others(tmp_path):
    n = LARGE
    disk = np.memmap(tmp_path / "a", float, "w+", shape=(n,))
    disk[:] = 3.0
    with pytest.raises(RuntimeError, match="written to since"):
        pulled(lambda x: x * np.asarray(disk), points(n), disk)
    memory = bytearray(np.full(n, 3.0).tobytes())
    a = np.frombuffer(memory)
    with pytest.raises(RuntimeError, match="written to since"):
        pulled(lambda x: x * a, points(n), a)


def test_read_only_arrays_are_taken_at_their_word():
    a = np.full(LARGE, 3.0)
    a.flags.writeable = False
    _, pullback = ad.vjp(lambda x: x * a, points(LARGE))
    np.testing.assert_array_equal(pullback(np.ones(LARGE))[0], 3.0)


@pytest.mark.parametrize("form", ["csr", "csc", "bsr", "dia", "coo", "lil"])
def test_sparse_matrices(form):
    entries = np.diag([1.0, 2.0, 3.0])

    def changed(A):
        B = A.tocoo() if form == "lil" else A
        if form == "lil":
            A[0, 0] = 7.0
        else:
            B.data[...] = 0.0

    for f in (lambda A, x: A @ x, lambda A, x: x @ A):
        A = sp.csr_array(entries).asformat(form)
        _, pullback = ad.vjp(functools.partial(f, A), np.ones(3))
        np.testing.assert_array_equal(pullback(np.ones(3))[0], [1.0, 2.0, 3.0])
        _, push = ad.linearize(functools.partial(f, A), np.ones(3))
        changed(A)
        for derivative in (pullback, push):
            try:
                found = derivative(np.ones(3))
            except RuntimeError as error:
                assert form not in ("coo", "lil")
                assert "A.copy()" in str(error)
            else:
                assert form in ("coo", "lil")
                np.testing.assert_array_equal(np.ravel(found), [1.0, 2.0, 3.0])


def diagonal():
    return sp.csr_array(np.diag([1.0, 2.0, 3.0]))


@pytest.mark.parametrize(
    "made",
    [
        lambda A: lambda x: ad.scan(lambda c, _: (A @ c, None), x, None, length=1)[0],
        lambda A: lambda x: ad.fori_loop(0, 1, lambda i, c: c @ A, x),
        lambda A: ad.compile(lambda x: A @ x),
        lambda A: ad.compile(lambda x: ad.fori_loop(0, 1, lambda i, c: A @ c, x)),
        lambda A: ad.compile(lambda x: sl.spsolve(A, x) * np.array([1.0, 4.0, 9.0])),
        lambda A: ad.compile(lambda x: sl.cg(A, x, rtol=1e-14)[0] * np.array([1.0, 4.0, 9.0])),
        lambda A: ad.compile(lambda x: aslinearoperator(A).matvec(x)),
    ],
)
def test_sparse_matrices_in_graphs(made):
    """Graphs have copies: what is written to the matrix later is not seen, forward or backward."""
    A = diagonal()
    f, x = made(A), np.ones(3)
    out, pullback = ad.vjp(f, x)
    A.data[...] = 7.0
    np.testing.assert_allclose(pullback(np.ones(3))[0], [1.0, 2.0, 3.0], rtol=1e-12)
    np.testing.assert_allclose(out, [1.0, 2.0, 3.0], rtol=1e-12)


def test_one_copy_of_a_sparse_matrix_for_all_uses():
    A = diagonal()

    def f(x):
        for _ in range(5):
            x = A @ x
        return x

    graph = ad.trace(f)(np.ones(3))
    assert (
        len({id(node.params["matrix"].value) for node in graph.nodes if node.params and "matrix" in node.params}) == 1
    )
    A.data[...] = 2.0
    np.testing.assert_array_equal(graph(np.ones(3)), [1.0, 32.0, 243.0])
    np.testing.assert_array_equal(ad.trace(f)(np.ones(3))(np.ones(3)), [32.0] * 3)


@pytest.mark.parametrize("solver", ["cg", "minres", "gmres", "bicgstab", "lsqr", "lsmr"])
@pytest.mark.parametrize("ours", [False, True])
@pytest.mark.parametrize("in_program", [False, True])
def test_operators_are_asked_again(solver, ours, in_program):
    """A LinearOperator that closes over what has been written to has other products: an error, not another derivative."""
    a = np.array([1.0, 2.0, 3.0])
    made = LinearOperator if ours else splinalg.LinearOperator
    operator = made((3, 3), lambda v: a * v, *([] if solver in ("cg", "minres") else [lambda v: a * v]), dtype=float)
    solve = getattr(sl, solver)
    f = lambda x: solve(operator, x)[0]  # noqa: E731
    _, pullback = ad.vjp(ad.compile(f) if in_program and not ours else f, np.ones(3))
    np.testing.assert_allclose(pullback(np.ones(3))[0], 1 / a, rtol=1e-4)
    _, push = ad.linearize(f, np.ones(3))
    np.testing.assert_allclose(push(np.ones(3)), 1 / a, rtol=1e-4)
    a[1] = 5.0
    for derivative in (pullback, push):
        with pytest.raises(
            RuntimeError, match=rf"{solver}: matvec runs again|LinearOperator of shape \(3, 3\) gives other"
        ):
            derivative(np.ones(3))
    _, pullback = ad.vjp(f, np.ones(3))
    np.testing.assert_allclose(pullback(np.ones(3))[0], 1 / a, rtol=1e-4)


def test_products_of_operators():
    a = np.array([1.0, 2.0, 3.0])
    operator = splinalg.LinearOperator((3, 3), lambda v: a * v, lambda v: a * v, dtype=float)
    for f in (lambda x: np.dot(operator, x), lambda x: x @ operator):
        _, pullback = ad.vjp(f, np.ones(3))
        np.testing.assert_array_equal(pullback(np.ones(3))[0], a)
        a[0] += 1.0
        with pytest.raises(RuntimeError, match="gives other products"):
            pullback(np.ones(3))


def test_methods_for_hermitian_matrices_need_no_adjoint():
    a = np.array([1.0, 2.0, 3.0])
    operator, half = [splinalg.LinearOperator((3, 3), lambda v, d=d: v * d, dtype=float) for d in (a, 1 / a)]
    for solve in (sl.cg, sl.minres):
        np.testing.assert_allclose(ad.grad(lambda x, solve=solve: np.sum(solve(operator, x, M=half)[0]))(a), 1 / a)
    with pytest.raises(ad.NotDifferentiableError, match=r"gmres: .* needs products with the adjoint.*rmatvec="):
        ad.grad(lambda x: np.sum(sl.gmres(operator, x)[0]))(a)


class Layer:
    def __init__(self, n):
        self.weights = {"a": [np.full(n, 3.0)]}
        self.calls = 0

    def __call__(self, x):
        self.calls += 1
        return x * self.weights["a"][0]


A_GLOBAL = np.full(3, 3.0)


def scaled(x):
    return x * A_GLOBAL


@pytest.mark.parametrize("n", SIZES)
def test_checkpoint(n):
    x = points(n)
    a, layer = np.full(n, 3.0), Layer(n)

    def with_default(x, a=a):
        return x * a

    for f, array in [
        (lambda x: x * a, a),
        (with_default, a),
        (layer, layer.weights["a"][0]),
        (lambda x: layer(x), layer.weights["a"][0]),
    ]:
        array[:] = 3.0
        out, pullback = ad.vjp(ad.checkpoint(f), x)
        np.testing.assert_array_equal(pullback(np.ones(n))[0], 3.0)
        array[0] = 1.0
        with pytest.raises(RuntimeError, match=r"checkpoint: .* runs again .*written to since.*argument"):
            pullback(np.ones(n))
    a[:] = 3.0
    right_or_refused(n, 3.0, "checkpoint", lambda: pulled(lambda x: ad.checkpoint(lambda x, a: x * a)(x, a), x, a))
    a[:] = 3.0
    kept = ad.checkpoint(lambda x: x * a, policy=ad.checkpoint.smaller(0))
    right_or_refused(n, 3.0, "saving", lambda: pulled(kept, x, a))
    assert layer.calls == 4


def test_checkpoint_of_a_global():
    _, pullback = ad.vjp(ad.checkpoint(scaled), points(3))
    A_GLOBAL[0] = 1.0
    try:
        with pytest.raises(RuntimeError, match="A_GLOBAL"):
            pullback(np.ones(3))
    finally:
        A_GLOBAL[0] = 3.0


@pytest.mark.parametrize("n", SIZES)
def test_control_flow(n):
    a = np.full(n, 3.0)
    for name, f, wanted in [
        ("scan", lambda x: ad.scan(lambda c, _: (c * a, None), x, None, length=2)[0], 9.0),
        ("", lambda x: ad.fori_loop(0, 2, lambda i, c: c * a, x), 9.0),
        ("multiply", lambda x: ad.cond(True, lambda c: c * a, lambda c: c, x), 3.0),
        ("", lambda x: ad.compile(lambda x, a: x * a)(x, a), 3.0),
    ]:
        a[:] = 3.0
        right_or_refused(n, wanted, name, lambda f=f: pulled(f, points(n), a))


@pytest.mark.parametrize("n", SIZES)
def test_custom_rules(n):
    buffer, more = np.empty(n), np.empty(n)

    @ad.custom_vjp
    def f(x):
        return np.exp(x, out=buffer) if isinstance(x, np.ndarray) else np.exp(x)

    @f.def_vjp
    def _(ct, out):
        ct *= out
        more[:] = ct
        return more

    x = points(n)
    out, pullback = ad.vjp(f, x)
    buffer[:] = 0.0
    ct = np.ones(n)
    right_or_refused(n, np.exp(x), "custom_vjp", lambda: pullback(ct)[0])
    np.testing.assert_array_equal(ct, 1.0)

    @ad.custom_vjp
    def g(x):
        return 3.0 * x

    @g.def_vjp
    def _(ct):
        np.multiply(ct, 3.0, out=more)
        return more

    np.testing.assert_allclose(ad.grad(lambda x: np.sum(g(x) + g(2.0 * x)))(x), 9.0)


@pytest.mark.parametrize("n", SIZES)
def test_primitives_that_return_a_buffer(n):
    """What a user's function returns and overwrites when it is called again."""
    buffer, more = np.empty(n), np.empty((2, n))

    @ad.primitive("(n)->(n)")
    def exp(x):
        return np.exp(x, out=buffer)

    @exp.def_vjp
    def _(ct, out):
        return ct * out

    @ad.primitive("(n)->(n),(n)")
    def both(x):
        np.sin(x, out=more[0])
        np.cos(x, out=more[1])
        return more[0], more[1]

    @both.def_vjp
    def _(ct, out):
        return ct[0] * out[1] - ct[1] * out[0]

    @ad.elementwise
    def double(x):
        return np.multiply(x, 2.0, out=buffer)

    double.def_partials(lambda x: (lambda: 2.0,))
    x = points(n)
    f = lambda x: np.sum(exp(x)) + np.sum(exp(2 * x))  # noqa: E731
    g = lambda x: sum(np.sum(k * y) for z in (x, 2 * x) for k, y in zip((1, 3), both(z), strict=True))  # noqa: E731
    h = lambda x: np.sum(double(x) * double(3.0 * x))  # noqa: E731
    for transform in (ad.grad, lambda f: ad.compile(ad.grad(f)), lambda f: ad.grad(ad.compile(f))):
        np.testing.assert_allclose(transform(f)(x), np.exp(x) + 2 * np.exp(2 * x), rtol=1e-13)
        wanted = sum(k * (np.cos(k * x) - 3 * np.sin(k * x)) for k in (1, 2))
        np.testing.assert_allclose(transform(g)(x), wanted, rtol=1e-12)
        np.testing.assert_allclose(transform(h)(x), 24 * x, rtol=1e-13)


def test_graphs_hold_their_own_arrays():
    a = np.full(LARGE, 3.0)
    graph = ad.trace(lambda x: x * a)(points(LARGE))
    a[:] = 0.0
    np.testing.assert_array_equal(graph(points(LARGE)), 3.0 * points(LARGE))


def test_higher_orders():
    a = np.full(LARGE, 3.0)

    def slope(x):
        return pulled(lambda x: x**3 * a, x)

    x = points(LARGE)
    np.testing.assert_allclose(ad.grad(lambda x: np.sum(slope(x)))(x), 18 * x)
    _, pullback = ad.vjp(slope, x)
    a[:] = 0.0
    np.testing.assert_allclose(pullback(np.ones(LARGE))[0], 18 * x)  # of ct * a, an array of the tape's own


def test_digest_sees_every_write():
    rng = np.random.default_rng(0)
    for n in (0, 1, 7, 8, 9, 64, 1000, 4099):
        a = rng.integers(0, 255, n).astype(np.uint8)
        seen = {digest(a)}
        for k in range(n):
            a[k] ^= 1 << (k % 8)
            assert digest(a) not in seen
            a[k] ^= 1 << (k % 8)
        assert digest(a) in seen
    a = np.zeros(4096)
    seen = {digest(a)}
    for k in range(4096):  # one 1.0 that wanders: labels, permuted
        a[k], a[k - 1] = 1.0, 0.0
        found = digest(a)
        assert found not in seen
        seen.add(found)
    assert digest(np.zeros(8)) != digest(np.zeros(16))
    with pytest.raises(ValueError, match="contiguous"):
        digest(np.zeros(8)[::2])
