"""Assignment, in-place operators and views: NumPy's results, with derivatives, and nothing of the caller's changed."""

import numpy as np
import pytest
from derivatives import check

import scirs_ad as ad
import scirs_ad.numpy as anp
from scirs_ad import Variable

X = (np.arange(1.0, 13.0).reshape(3, 4) + 0.13) / 7
Z = X + 1j * X[::-1]

# Each changes `y`, an array of shape (3, 4), through a view of it or beside one, and returns what a view shows.
PROGRAMS = {}


def program(f):
    PROGRAMS[f.__name__] = f
    return f


@program
def slice_changes_base(y):
    w = y[1:]
    w *= 2
    return w


@program
def base_changes_slice(y):
    w = y[1:]
    y[2] = y[0] * y[1]
    return w


@program
def view_of_a_view(y):
    a = y[1:]
    b = a[:, 2:]
    y[2] = y[0] * 2
    b[0] = b[1] ** 2
    return a * 1.0, b * 1.0


@program
def reshaped(y):
    w = y.reshape(-1)
    w[2:7] = w[:5] ** 2
    y[0, 0] = 3 * y[1, 1]
    return w


@program
def reshaped_by_function(y):
    w = np.reshape(y, (2, 6))
    w[1] *= w[0]
    return w


@program
def ravel(y):
    y.ravel()[::2] = 0.5 * y[1, 1]
    np.ravel(y)[1] += 7
    return y


@program
def ravel_of_a_transpose_is_a_copy(y):
    w = y.T.ravel()
    w[:] = 0.0
    return y


@program
def flatten_is_a_copy(y):
    y.flatten()[:] = 0.0
    y.copy()[:] = 1.0
    np.array(y, copy=True, like=y)[:] = 2.0
    y.reshape(-1, copy=True)[:] = 3.0
    np.reshape(y, (4, 3), copy=True)[:] = 4.0
    return y


@program
def transposed(y):
    y.T[1] = y[:, 0] * y[:, 3]
    w = np.transpose(y)
    w[2, 1:] *= 3
    y[0] += 1
    return w


@program
def moved_axes(y):
    z = y.reshape(3, 2, 2)
    z.swapaxes(0, 2)[1] *= 2
    np.moveaxis(z, 0, -1)[..., 0] = z[1]
    np.rollaxis(z, 2)[0, 1] = 4 * z[0, 0, 0]
    z.transpose(2, 0, 1)[0, 0] += 1
    return z


@program
def squeezed_and_widened(y):
    y[:1].squeeze()[1:] = y[1, :3] ** 2
    np.expand_dims(y, 1)[2, 0, 0] = y[0, 1] * y[0, 2]
    y[:, None][1, 0] += y[0]
    np.atleast_3d(y)[0, 3, 0] = 2 * y[1, 1]
    return y


@program
def flipped(y):
    np.flip(y)[0] *= 2
    np.flipud(y)[0, 0] = y[1, 1] * y[1, 2]
    np.fliplr(y)[1] += y[0]
    np.rot90(y)[0, 0] = 5 * y[0, 0]
    y[::-1, ::-1][0, 1:3] = y[0, 1:3] ** 2
    return y


@program
def split(y):
    a, b = np.split(y, 2, axis=1)
    a *= b
    y[1] = 2 * y[0]
    for part in np.vsplit(y, 3):
        part[0, 0] *= 3
    np.array_split(y, 2)[1][0, 0] = y[2, 2] ** 3
    return a, b


@program
def rows(y):
    for row in y:
        row[1:] *= row[0]
    for k, row in enumerate(reversed(y)):
        row += k
    return y


@program
def ellipsis(y):
    w = y[..., 1]
    w[...] = y[..., 0] ** 2
    v = y[0, 0, ...]
    v *= 3
    y[...] = y * 2
    return w * 1.0, v * 1.0


@program
def diagonal_follows(y):
    d = y.diagonal()
    e = np.diag(y)
    y[1, 1] = y[0, 0] * y[2, 2]
    return d * 1.0, e * 1.0


@program
def broadcast_follows(y):
    w = np.broadcast_to(y[0], (2, 4))
    y[0, 1] = y[1, 1] ** 2
    return w * 1.0


@program
def flat(y):
    y.flat[3] = y[0, 0] * y[1, 0]
    y.flat[5:8] = y.flat[0]
    y.flat[[0, 2]] = [y[2, 2], 1.0]
    return y * sum(e for e in y.flat)


@program
def flat_all(y):
    y.flat = [y[0, 0] ** 2, 2.0]
    return y


@program
def scalars_are_immutable(y):
    s = y[0, 1]
    t = s
    s += 1
    u = np.sum(y)
    v = u
    u *= 2
    y[0, 1] += 5
    return s * t + u * v


@program
def zero_dimensional_arrays_are_not(y):
    s = np.zeros((), like=y)
    t = s
    s += y[0, 1]
    return t * 1.0


@program
def methods(y):
    y[0].fill(3 * y[1, 1])
    y[1].sort()
    y[:, 2].put([0, 2], [y[0, 0], 7.0])
    y[2, ::-1].partition(1)
    return y


@program
def in_place_functions(y):
    np.copyto(y[0], y[1] * y[2])
    np.put(y[1], [3, 0], y[2, :2])
    np.place(y, y > 1.0, [y[0, 0], y[0, 1] * 2])
    np.putmask(y[2], y[2] < 0.9, y[0])
    np.fill_diagonal(y, y[0, 3] ** 2)
    np.put_along_axis(y, np.array([[1], [0], [2]]), y[:, :1] * 5, 1)
    np.add.at(y, ([0, 0, 1], [1, 1, 2]), y[2, :3])
    np.multiply.at(y[1], [0, 0, 3], y[0, 1])
    np.negative.at(y[2], [1, 1, 2])
    return y


@program
def keywords_out(y):
    np.multiply(y[0], y[1], out=y[2])
    np.add(y[:, 1:], y[:, :-1], out=y[:, :-1])
    np.sin(y[0], out=y[0], where=y[0] > 0.5)
    np.sum(y, axis=1, out=y[:, 3])
    np.cumsum(y[1], 0, None, y[1])
    np.add.accumulate(y[2], out=y[2])
    return y


@program
def overlapping(y):
    y[1:] = y[:-1]
    y[:, 1:] += y[:, :-1]
    y.ravel()[3:9] = y.ravel()[:6]
    return y


@program
def every_kind_of_index(y):
    y[np.int64(1)] = y[0]
    y[-1, 1:3] = [y[0, 0], 2.0]
    y[None, 0, 1] = y[2, 2]
    y[[0, 2], [1, 1]] = y[0, 0] * np.array([1.0, 3.0])
    y[y > 1.2] = y[1, 0]
    y[:, [True, False, False, True]] *= 2
    y[np.array([[0], [1]]), [2, 3]] = np.ones((2, 1)) * y[0, :2]
    y[np.argmax(y[:, 0])] = 7 * y[1]
    y[np.array(True)] += 1
    y[np.argsort(y[0])[0] % 3, ...] = y[0, 1:2]
    y[()] = y * 1.5
    return y


def by_numpy(f, x):
    y = np.array(x)
    shown = f(y)
    return (y, *shown) if isinstance(shown, tuple) else (y, shown)


def by_us(f):
    def run(x):
        y = 1.0 * x if isinstance(x, Variable) else np.array(x)
        shown = f(y)
        parts = (y, *shown) if isinstance(shown, tuple) else (y, shown)
        return tuple(p * 1.0 for p in parts)

    return run


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name):
    f = PROGRAMS[name]
    wanted = by_numpy(f, X)
    before = X.copy()
    found = check(by_us(f), X, order=2 if name != "methods" else 1)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_of_the_argument_itself(name):
    """The argument of the function is changed, not the caller's array."""
    f = PROGRAMS[name]
    x = X.copy()
    (wanted, *_) = by_numpy(f, x)

    def run(y):
        f(y)
        return y

    found, _ = ad.vjp(run, x)
    np.testing.assert_allclose(found, wanted, rtol=1e-14)
    np.testing.assert_array_equal(x, X)
    found, _ = ad.jvp(run, (x,), (np.ones_like(x),))
    np.testing.assert_allclose(found, wanted, rtol=1e-14)
    np.testing.assert_array_equal(x, X)


VALUES_DECIDE = {"in_place_functions", "every_kind_of_index"}


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name not in VALUES_DECIDE])
def test_program_in_a_batch_and_traced(name):
    f = by_us(PROGRAMS[name])
    xs = np.stack([X, X[::-1] * 1.0625])
    found = ad.vmap(f)(xs)
    for k in range(2):
        for a, b in zip(found, f(xs[k]), strict=True):
            np.testing.assert_allclose(a[k], b, rtol=1e-13)
    graph = ad.trace(f)(X)
    for a, b in zip(graph(X), f(X), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)


def test_parts_of_complex_numbers():
    def f(y):
        y = y * 1.0
        r, i = y.real, np.imag(y)
        y[0] = y[1] * 1j
        r[1] *= 2
        i[2] = r[0]
        y.real[2, 2] = 5.0
        y.imag += 1
        y.real = y.imag**2
        return y, r * 1.0, i * 1.0

    wanted = f(Z)
    found = check(f, Z)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)


def test_real_arrays_are_their_own_real_part():
    def f(y):
        y = y * 1.0
        y.real[0] *= 2
        np.real(y)[1] = 7 * y[0]
        return y

    np.testing.assert_allclose(check(f, X), f(X))


# ------------------------------------------------------------------------------------------------ operators
OPERATORS = {
    "iadd": lambda y, w: y.__iadd__(w),
    "isub": lambda y, w: y.__isub__(w),
    "imul": lambda y, w: y.__imul__(w),
    "itruediv": lambda y, w: y.__itruediv__(w),
    "ipow": lambda y, w: y.__ipow__(w),
    "imod": lambda y, w: y.__imod__(w),
    "imatmul": lambda y, w: y.__imatmul__(w.T @ w),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_in_place_operator(name):
    def f(x, w):
        y = x * 1.0
        z, view = y, y[1:]
        y = OPERATORS[name](y, w)
        assert y is z
        return y * 1.0, view * 1.0

    w = X[::-1] * 1.0625
    for a, b in zip(check(f, X, w, order=1), f(X, w), strict=True):
        np.testing.assert_allclose(a, b)


def test_in_place_operators_of_whole_numbers():
    for symbol in ("&=", "|=", "^=", "<<=", ">>=", "//=", "+=", "%="):
        v, a = Variable(np.arange(6)), np.arange(6)
        w = v[1:]
        exec(f"v {symbol} 2\na {symbol} 2", {"v": v, "a": a})
        np.testing.assert_array_equal(v.value, a)
        np.testing.assert_array_equal(w.value, a[1:])
    v = Variable(np.arange(3))
    with pytest.raises(TypeError, match="cannot cast"):
        v += 0.5
    with pytest.raises(ValueError, match="does not fit"):
        v += np.ones((2, 3), int)
    assert v.value.tolist() == [0, 1, 2]


# ------------------------------------------------------------------------------------------------ ndarray += Variable
def test_ndarray_plus_variable():
    def f(x):
        total = np.zeros(4)
        for row in x:
            total += row * row
        total -= x[0]
        total *= x[1]
        total /= x[2]
        total **= 2
        matrix = np.ones((2, 2))
        matrix[...] = 2.0
        matrix = matrix + 0.0
        matrix @= x[:2, :2]
        return total, matrix

    for a, b in zip(check(f, X), f(X), strict=True):
        np.testing.assert_allclose(a, b)


class Holder:
    pass


def test_by_every_kind_of_name():
    def f(x):
        holder = Holder()
        holder.total = np.zeros(3)
        holder.total += x
        listed = [np.zeros(3)]
        listed[0] += x * x
        keyed = {"a": np.zeros(3)}
        keyed["a"] += x**3
        cell = np.zeros(3)

        def inner():
            nonlocal cell
            cell += x**4

        inner()
        shaped = np.zeros(6).reshape(2, 3)
        shaped += x
        scope = {"x": x, "z": np.zeros(3)}
        exec("z += 5 * x", scope)
        return holder.total + listed[0] + keyed["a"] + cell + shaped[0] + scope["z"]

    x = np.array([0.5, 1.5, 2.5])
    np.testing.assert_allclose(ad.grad(lambda x: f(x).sum())(x), 1 + 2 * x + 3 * x**2 + 4 * x**3 + 1 + 5, rtol=1e-14)


def refused(body):
    """That a function raises DerivativeLostError which says how to go on."""
    with pytest.raises(ad.DerivativeLostError, match="zeros_like") as caught:
        ad.grad(body)(np.array([1.0, 2.0]))
    assert "test_assignment.py" in str(caught.value)


def test_what_others_can_see_is_not_promoted():
    """NumPy would change the array under its other names, too: silence would be a wrong number."""
    kept = np.zeros(2)

    def alias(x):
        z = np.zeros(2)
        w = z
        z += x
        return np.sum(w)

    def view(x):
        z = np.zeros(2)
        w = z[:1]
        z += x
        return np.sum(w)

    def of_base(x):
        z = np.zeros((2, 2))
        row = z[0]
        row += x
        return np.sum(z)

    def element(x):
        z = np.zeros((2, 2))
        z[0] += x
        return np.sum(z)

    def callers(x):
        nonlocal kept
        data = kept
        data += x
        return np.sum(data)

    def explicit(x):
        z = np.zeros(2)
        np.add(z, x, out=z)
        return np.sum(z)

    def method(x):
        z = np.zeros(2)
        return np.sum(z.__iadd__(x))

    for body in (alias, view, of_base, element, callers, explicit, method):
        refused(body)
    np.testing.assert_array_equal(kept, 0.0)


def test_read_only_arrays():
    z = np.zeros(2)
    z.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        ad.grad(lambda x: _added(z, x))(np.ones(2))
    with pytest.raises(ValueError, match="read-only"):
        ad.grad(lambda x: _added(np.broadcast_to(1.0, 2), x))(np.ones(2))

    def f(x):
        np.broadcast_to(x, (2, 2))[0] = 1.0

    def g(x):
        x.reshape(1, 2).diagonal()[0] = 1.0

    def h(x):
        w = np.broadcast_to(x, (2, 2))
        w += 1

    def k(x):
        np.broadcast_to(x, (2, 2))[0][1:] *= 2

    for body in (f, g, h, k):
        with pytest.raises(ValueError, match="read-only"):
            ad.grad(body)(np.ones(2))


def _added(z, x):
    z += x
    return np.sum(z)


def test_nothing_changes_when_it_fails():
    v = Variable(X.copy())
    w = v.T
    for error, key, value in [
        (ValueError, (0, slice(None)), [1.0, 2.0]),
        (IndexError, 7, 1.0),
        (IndexError, (0, 0, 0), 1.0),
        (IndexError, ([0, 9],), 1.0),
        (IndexError, 0.5, 1.0),
        (TypeError, 0, 1j),
        (ValueError, 0, "a"),
        (ValueError, 0, [[1.0], [1.0, 2.0]]),
        (ValueError, 0, np.array(["a"] * 4, object)),
    ]:
        with pytest.raises(error):
            v[key] = value
        np.testing.assert_array_equal(v.value, X)
    with pytest.raises(ValueError, match="does not fit"):
        w += np.ones((2, 4, 3))
    np.testing.assert_array_equal(v.value, X)


def test_index_by_variables():
    def f(x):
        i = anp.array([2, 0])
        y = x * 1.0
        y[i] = x[:2]
        y[anp.array(1)] = x[0, 0]
        y[x[:, 0] > 1] *= 2
        return y[i] * y[anp.array(1)]

    np.testing.assert_allclose(check(f, X), f(X))


def test_the_callers_array_under_every_transform():
    def f(x):
        y = x.reshape(-1)
        y *= 2
        x[0] += 1
        return np.sum(x**2)

    x = X.copy()
    for transformed in (ad.grad(f), ad.value_and_grad(f), ad.hessian(f), ad.jacobian(f), ad.vmap(f)):
        transformed(x)
        np.testing.assert_array_equal(x, X)
