"""Scalar code: what indexes and loops over small vectors is one scalar program, and gives what eager mode gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scirs_ad as ad
import scirs_ad.numpy as anp
from scirs_ad._core.tree import flatten
from scirs_ad._kernels.scalar import ScalarBuilder

# No function has a pole: the sign of a zero, which identities may change, is not to become that of an inf.
UNARY = [np.negative, np.sin, np.cos, np.exp, np.tanh, np.abs, np.square, np.arctan, np.sign]
UNARY += [lambda x: np.sqrt(np.abs(x) + 0.25), lambda x: np.log1p(x * x)]
BINARY = [np.add, np.subtract, np.multiply, np.maximum, np.minimum]
BINARY += [lambda x, y: x / (y * y + 0.5), lambda x, y: np.arctan2(x, np.abs(y) + 1), lambda x, y: np.hypot(x, y + 9)]


def text_of(f, *args):
    return str(ad.compile(f).lower(*args).fused)


def eager(f, *args):
    """`f` with the functions of the product: of plain arrays NumPy's own are called."""
    out = f(*[ad.Variable(x) for x in args])
    leaves, structure = flatten(out)
    return leaves


def equal(found, expected, context=""):
    """The same bits, but for the sign of a zero and the payload of a nan."""
    found, expected = flatten(found)[0], flatten(expected)[0]
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert a.shape == b.shape and a.dtype == b.dtype, context
        assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f"), f"{context}: {a} instead of {b}"


def rotate(w, x):
    """Rodrigues' rotation of `x` by the vector `w`."""
    angle = np.sqrt(w[0] * w[0] + w[1] * w[1] + w[2] * w[2])
    c, s = np.cos(angle), np.sin(angle)
    a, b, d = w[0] / angle, w[1] / angle, w[2] / angle
    dot = (a * x[0] + b * x[1] + d * x[2]) * (1 - c)
    return np.stack(
        [
            x[0] * c + (b * x[2] - d * x[1]) * s + a * dot,
            x[1] * c + (d * x[0] - a * x[2]) * s + b * dot,
            x[2] * c + (a * x[1] - b * x[0]) * s + d * dot,
        ]
    )


def project(camera, point, seen):
    """Residual of a point in the picture of a camera: rotation, translation, focal length, two radial terms."""
    p = rotate(camera[:3], point) + camera[3:6]
    u, v = -p[0] / p[2], -p[1] / p[2]
    r = u * u + v * v
    scale = camera[6] * (1 + camera[7] * r + camera[8] * r * r)
    return np.stack([scale * u - seen[0], scale * v - seen[1]])


def determinant(a):
    """By minors of the first row."""

    def minor(row, columns):
        if len(columns) == 1:
            return a[row, columns[0]]
        total = 0.0
        for k, c in enumerate(columns):
            term = a[row, c] * minor(row + 1, columns[:k] + columns[k + 1 :])
            total = total + term if k % 2 == 0 else total - term
        return total

    return minor(0, tuple(range(a.shape[0])))


def bodies(y):
    """Right-hand side of three bodies in space, written to elements."""
    out = anp.zeros(18)
    for i in range(3):
        total = [0.0] * 3
        for j in range(3):
            if i != j:
                d = [y[3 * j + k] - y[3 * i + k] for k in range(3)]
                r = d[0] ** 2 + d[1] ** 2 + d[2] ** 2
                total = [t + (j + 1.0) * x / (r * np.sqrt(r)) for t, x in zip(total, d, strict=True)]
        for k in range(3):
            out[3 * i + k] = y[9 + 3 * i + k]
            out[9 + 3 * i + k] = total[k]
    return out


# ------------------------------------------------------------------------------------------ random programs
@st.composite
def programs(draw):
    """A function of a vector and a matrix that indexes, computes, chooses, stacks and writes to elements."""
    seed = draw(st.integers(0, 2**32 - 1))
    size = draw(st.integers(1, 40))

    def f(x, a):
        rng = np.random.default_rng(seed)
        pool = [x[int(rng.integers(-5, 5))], a[int(rng.integers(-2, 2)), int(rng.integers(-3, 3))], x[0] * 0.5]
        vectors = [x, a[1], a[:, 2], x[1:4], a.T[0]]

        def one():
            return pool[rng.integers(len(pool))]

        for _ in range(size):
            kind = rng.integers(10)
            if kind < 3:
                pool.append(BINARY[rng.integers(len(BINARY))](one(), one()))
            elif kind < 5:
                pool.append(UNARY[rng.integers(len(UNARY))](one()))
            elif kind == 5:
                pool.append(one() * float(rng.integers(-2, 3)) + float(rng.integers(-1, 2)))
            elif kind == 6:
                pool.append(np.where((one() > one()) | ~(one() <= 0.25), one(), one()))
            elif kind == 7:
                v = np.stack([one() for _ in range(rng.integers(2, 5))])
                vectors.append(np.concatenate([v, v[::-1]]) * one())
                pool.append(vectors[-1][-1])
            elif kind == 8:
                v = anp.zeros(3, dtype=x.dtype)
                v[int(rng.integers(-3, 3))] = one()
                v[-2] = v[1] * one()
                vectors.append(v)
                pool.append(v[2])
            else:
                v = vectors[rng.integers(len(vectors))]
                pool.append(np.sum(v) if rng.random() < 0.5 else v[0] - v[-1])
        return np.stack(pool[-4:]), pool[-1] > 0

    return f, np.random.default_rng(seed)


@settings(max_examples=120, deadline=None)
@given(programs(), st.sampled_from([np.float64, np.float32]))
def test_random_programs_are_eager(case, dtype):
    f, rng = case
    x, a = rng.standard_normal(5).astype(dtype), rng.standard_normal((2, 3)).astype(dtype)
    with np.errstate(all="ignore"):
        equal(ad.compile(f)(x, a), eager(f, x, a))


@settings(max_examples=60, deadline=None)
@given(programs())
def test_derivatives_of_random_programs_are_eager(case):
    f, rng = case
    x, a = rng.standard_normal(5), rng.standard_normal((2, 3))

    def total(x, a):
        out = f(x, a)[0]
        return out[0] * 0.3 + out[1] - out[2] * out[3]

    def pushed(x, a):
        return ad.jvp(f, (x, a), (np.ones(5), np.ones((2, 3))))[1][0]

    with np.errstate(all="ignore"):
        for g in (
            ad.value_and_grad(total, argnums=(0, 1)),
            ad.jacobian(lambda x, a: f(x, a)[0], argnums=(0, 1)),
            pushed,
            ad.hessian(total),
        ):
            equal(ad.compile(g)(x, a), ad.compile(g, level="basic")(x, a))
            close(ad.compile(g)(x, a), g(x, a))


def close(found, expected):
    """Equal up to rounding; where eager mode is not finite, so is the program."""
    for a, b in zip(flatten(found)[0], flatten(expected)[0], strict=True):
        finite = np.isfinite(b)
        assert np.array_equal(finite, np.isfinite(a))
        a, b = np.where(finite, a, 0), np.where(finite, b, 0)
        assert np.all(np.abs(a - b) <= 1e-9 * np.max(np.abs(b), initial=1e-300))


@settings(max_examples=60, deadline=None)
@given(programs(), st.integers(1, 150), st.sampled_from([np.float64, np.float32]))
def test_mapped_programs_are_single_ones(case, count, dtype):
    f, rng = case
    xs, a = rng.standard_normal((count, 5)).astype(dtype), rng.standard_normal((2, 3)).astype(dtype)
    with np.errstate(all="ignore"):
        mapped = ad.compile(ad.vmap(f, in_axes=(0, None)))
        single = ad.compile(f)
        found = [np.asarray(y) for y in mapped(xs, a)]
        # Outside of a program a sum along an axis is added in another order.
        if "sum_axes" not in str(mapped.lower(xs, a).fused):
            for k in range(count):
                equal([y[k] for y in found], single(xs[k], a))
        if dtype is np.float64:
            close(found[:1], ad.vmap(f, in_axes=(0, None))(xs, a)[:1])


# ------------------------------------------------------------------------------------------ known functions
def arguments(rng, *lead):
    camera = rng.standard_normal((*lead, 9))
    point = rng.standard_normal((*lead, 3)) + [0, 0, 9]
    return camera, point, rng.standard_normal((*lead, 2))


@pytest.mark.parametrize(
    "transform",
    [
        lambda f: f,
        lambda f: ad.jacobian(f, argnums=(0, 1)),
        lambda f: ad.value_and_grad(lambda *args: np.sum(f(*args) ** 2), argnums=(0, 1)),
        lambda f: ad.hessian(lambda *args: f(*args)[0]),
    ],
)
def test_a_residual_is_one_program(transform):
    """One instruction, the same bits as without; mapped, one too, with the same bits for any number of threads."""
    rng = np.random.default_rng(0)
    f = transform(project)
    args = arguments(rng)
    compiled = ad.compile(f)
    equal(compiled(*args), ad.compile(f, level="basic")(*args))
    assert len(compiled.lower(*args).program.instructions) == 1
    many = arguments(rng, 777)
    mapped = ad.compile(ad.vmap(f))
    assert len(mapped.lower(*many).program.instructions) == 1
    threads = ad.get_num_threads()
    try:
        ad.set_num_threads(1)
        one = mapped(*many)
        ad.set_num_threads(4)
        equal(mapped(*many), one)
    finally:
        ad.set_num_threads(threads)
    for k in (0, 5, 776):
        equal([y[k] for y in flatten(one)[0]], compiled(*[x[k] for x in many]))


def test_determinants():
    rng = np.random.default_rng(1)
    a = rng.standard_normal((5, 5))
    for f in (determinant, ad.grad(determinant), ad.hessian(determinant)):
        equal(ad.compile(f)(a), f(a))
    assert np.allclose(ad.compile(ad.grad(determinant))(a), np.linalg.det(a) * np.linalg.inv(a).T)
    # Equal minors are computed once: without that there were 5 * 4 * 3 * 2 products of two.
    program = ad.compile(determinant).lower(a).fused.steps[0].params["code"].program
    assert program.n_steps < 80
    stack = rng.standard_normal((300, 5, 5))
    equal(ad.compile(ad.vmap(ad.grad(determinant)))(stack), np.stack([ad.grad(determinant)(x) for x in stack]))


def test_writing_to_elements():
    y = np.random.default_rng(2).standard_normal(18)
    jacobian = ad.jacobian(bodies)
    equal(ad.compile(bodies)(y), bodies(y))
    equal(ad.compile(jacobian)(y), jacobian(y))
    assert len(ad.compile(jacobian).lower(y).program.instructions) == 1
    ys = np.random.default_rng(3).standard_normal((40, 18))
    equal(ad.compile(ad.vmap(jacobian))(ys), np.stack([jacobian(y) for y in ys]))


def test_columns_of_a_batch_are_lanes():
    """Code that was vectorised by hand over a leading axis is mapped like that of vmap."""

    def f(x):
        r = x[:, 0] * x[:, 1] - x[:, 2]
        return np.stack([r * x[:, 0], np.sin(r), r + x[:, 2] * x[:, 1]], axis=1)

    x = np.random.default_rng(4).standard_normal((500, 3))
    assert "500 runs" in text_of(f, x)
    equal(ad.compile(f)(x), eager(f, x))
    g = ad.grad(lambda x: np.sum(f(x)))
    close([ad.compile(g)(x)], [g(x)])


def test_loops_run_scalar_programs():
    """The body of a loop is compiled too: a step of an integrator."""

    def step(y, _):
        return y + 0.01 * bodies(y), y[0]

    y = np.random.default_rng(5).standard_normal(18)
    end, path = ad.compile(lambda y: ad.scan(step, y, None, length=50))(y)
    for k in range(50):
        assert path[k] == y[0]
        y = y + 0.01 * bodies(y)
    equal(end, y)


# ------------------------------------------------------------------------------------------ values
def test_values_that_are_not_finite():
    def f(x):
        a, b = x[0] / x[1], x[0] * x[1]
        return np.stack([a, b, np.where(a > b, a, b), np.maximum(a, b), np.sqrt(a) - b, np.log(x[0]) * x[1]])

    values = [0.0, -0.0, 1.0, -2.0, np.inf, -np.inf, np.nan, 5e-324, 1e308]
    g = ad.jacobian(f)
    with np.errstate(all="ignore"):
        for x in values:
            for y in values:
                z = np.array([x, y])
                equal(ad.compile(f)(z), f(z), z)
                equal(ad.compile(g)(z), ad.compile(g, level="basic")(z), z)
        grid = np.array([[x, y] for x in values for y in values])
        equal(ad.compile(ad.vmap(f))(grid), np.stack([f(z) for z in grid]))


def test_the_branch_not_taken_is_zero():
    f = ad.compile(ad.grad(lambda x: np.where(x[0] > 0, np.sqrt(x[0]), x[1] * x[0])))
    equal(f(np.array([0.0, 3.0])), np.array([3.0, 0.0]))


def test_bools_and_integers():
    def f(x, keep, n):
        a = np.where(keep[0] & ~keep[1], x[0] * x[1], x[1] - x[0])
        b = np.where(keep[0] ^ (a > x[0]), a, a * a)
        both = np.logical_or(keep[1], b == a)
        return a + b, both, (a > b) & keep[0], n[0] + n[1], x[2] * n[1], np.isnan(a)

    x = np.array([0.5, 2.0, -1.0])
    for keep in np.array([[0, 0], [0, 1], [1, 0], [1, 1]], bool):
        args = x, keep, np.array([2, 3])
        assert "scalar_call" in text_of(f, *args)
        equal(ad.compile(f)(*args), f(*args))
    xs, keeps = np.random.default_rng(6).standard_normal((90, 3)), np.arange(180).reshape(90, 2) % 3 == 0
    mapped = ad.compile(ad.vmap(f, in_axes=(0, 0, None)))(xs, keeps, np.array([2, 3]))
    equal(
        [np.asarray(y) for y in mapped],
        [np.asarray(y) for y in ad.vmap(f, in_axes=(0, 0, None))(xs, keeps, np.array([2, 3]))],
    )


def test_complex_numbers_go_the_other_way():
    def f(x):
        z = x[0] * x[1] + 1j * x[2]
        return z * z + x[0], x[0] * x[1] + x[2] * x[0] - x[1] / x[2]

    x = np.array([0.5, 2.0, -1.0])
    equal(ad.compile(f)(x), f(x))
    z = x + 1j
    equal(ad.compile(f)(z), f(z))


# ------------------------------------------------------------------------------------------ memory
def test_results_share_no_memory():
    def f(x, y):
        a = x[0] * y[1] - x[1] * y[0] + x[2] * x[2] - y[2]
        return x[::-1], np.stack([a, x[0], a]), x

    x = np.arange(3.0)
    compiled = ad.compile(f)
    one = compiled(x, x)
    two = compiled(x + 1, x)
    equal(one, f(x, x))
    equal(two, f(x + 1, x))
    assert not any(np.may_share_memory(u, v) for u in one for v in (*two, x))


def test_layouts_of_arguments():
    a = np.arange(50.0).reshape(5, 10)[::-1, ::2]
    assert not a.flags.c_contiguous
    equal(ad.compile(determinant)(a), determinant(a))
    equal(ad.compile(ad.vmap(rotate))(a[:, :3], a.T[2:5].T), np.stack([rotate(u[:3], u[2:5]) for u in a]))
    transposed = ad.compile(lambda a: determinant(a.T[1:4, ::2]))
    equal(transposed(a), determinant(a.T[1:4, ::2]))


def test_given_and_donated_memory():
    f = ad.compile(ad.value_and_grad(lambda x: x[0] * x[1] + x[2] * x[2] * x[0] - x[1]), donate_argnums=0)
    x = np.array([1.0, 2.0, 3.0])
    value, gradient = f(x.copy())
    out = np.zeros(3)
    again = f(x.copy(), out=(None, out))
    assert again[1] is out and again[0] == value and np.array_equal(out, gradient)


# ------------------------------------------------------------------------------------------ errors and limits
def test_index_errors_are_those_of_numpy():
    with pytest.raises(IndexError, match="out of bounds"):
        ad.compile(lambda x: x[0] * x[3])(np.ones(3))
    with pytest.raises(IndexError, match="out of bounds"):
        ad.compile(ad.vmap(lambda x: x[0] * x[-4]))(np.ones((20, 3)))


def test_thousands_of_nodes():
    """A long chain of elements, with a gradient; it compiles in time that grows with the number of nodes."""

    def f(x):
        total = x[0]
        for i in range(1, x.shape[0]):
            total = total * 0.9 + x[i] * x[i - 1] - 0.1 * x[-i]
        return total

    x = np.random.default_rng(7).standard_normal(1500)
    g = ad.value_and_grad(f)
    close(ad.compile(g)(x), g(x))
    assert len(ad.compile(g).lower(x).program.instructions) == 1


def test_large_vectors_stay_with_the_regions():
    x = np.ones(5000)
    assert "scalar_call" not in text_of(lambda x: np.sum(x[1:] * x[:-1] - 2 * x[1:] + np.sin(x[1:])), x)
    assert "scalar_call" not in text_of(lambda x: np.sin(x) * x + x, np.ones((500, 40)))


def test_other_levels_have_none():
    x = np.ones(3)
    for level in ("none", "basic"):
        assert "scalar_call" not in str(ad.compile(lambda x: rotate(x, x), level=level).lower(x).fused)


# ------------------------------------------------------------------------------------------ the builder
def test_identities_of_the_builder():
    b = ScalarBuilder("d", True)
    x, y = b.load(0, 0), b.load(0, 1)
    zero, one, two = b.constant(0.0), b.constant(1.0), b.constant(2.0)
    minus = b.emit("negative", x)
    assert b.emit("add", x, zero) == x == b.emit("subtract", x, zero) == b.emit("multiply", one, x)
    assert b.emit("mulz", zero, x) == zero and b.emit("mulz", x, zero) != zero and b.emit("multiply", zero, x) != zero
    assert b.emit("negative", minus) == x and b.emit("add", y, minus) == b.emit("subtract", y, x)
    assert b.emit("add", x, y) == b.emit("add", y, x)
    assert b.emit("mulz", two, x) == b.emit("multiply", x, two)
    assert b.emit("multiply", minus, y) == b.emit("negative", b.emit("multiply", x, y))
    assert b.emit("where", one, x, y) == x and b.emit("where", x, y, y) == y
    assert b.emit("subtract", x, x) != zero and b.emit("divide", x, x) != one
    assert b.emit("add", one, one) == two
    plain = ScalarBuilder("d", False)
    x = plain.load(0, 0)
    assert plain.emit("add", x, plain.constant(0.0)) != x


def test_errors_of_the_builder():
    b = ScalarBuilder("f", True)
    with pytest.raises(ValueError, match="does not exist"):
        b.emit("sin", 5)
    with pytest.raises(ValueError, match="there are 1"):
        b.program([[3]])
    with pytest.raises(TypeError, match="float64 or float32"):
        ScalarBuilder("D", True)


def test_more_registers_than_the_machine_has():
    b = ScalarBuilder("d", True)
    for i in range(70_000):
        b.load(0, i)
    with pytest.raises(ValueError, match="registers; the machine takes"):
        b.program([list(range(70_001))])


# ------------------------------------------------------------------------------------------ matrix products
def turned(w, points):
    """Points turned by the rotation matrix of three angles."""
    (a, b, c), (s, t, u) = np.cos(w), np.sin(w)
    one, zero = a * 0 + 1, a * 0
    about = [
        np.stack([np.stack([one, zero, zero]), np.stack([zero, a, -s]), np.stack([zero, s, a])]),
        np.stack([np.stack([b, zero, t]), np.stack([zero, one, zero]), np.stack([-t, zero, b])]),
        np.stack([np.stack([c, -u, zero]), np.stack([u, c, zero]), np.stack([zero, zero, one])]),
    ]
    r = about[0] @ about[1] @ about[2]
    return r @ points[0] + points[1] @ r * np.dot(points[0], points[1])


def test_small_products_are_part_of_it_when_rounding_may_change():
    rng = np.random.default_rng(8)
    w, points = rng.standard_normal(3), rng.standard_normal((2, 3))
    for f in (turned, ad.jacobian(turned)):
        free = ad.compile(f, level="aggressive")
        close(flatten(free(w, points))[0], flatten(f(w, points))[0])
        assert len(free.lower(w, points).program.instructions) == 1
        assert len(ad.compile(f).lower(w, points).program.instructions) > 1
        ws, many = rng.standard_normal((200, 3)), rng.standard_normal((200, 2, 3))
        mapped = ad.compile(ad.vmap(f), level="aggressive")
        close([mapped(ws, many)], [ad.vmap(f)(ws, many)])
        assert "200 runs" in str(mapped.lower(ws, many).fused)
        shared = ad.compile(ad.vmap(f, in_axes=(0, None)), level="aggressive")
        close([shared(ws, points)], [ad.vmap(f, in_axes=(0, None))(ws, points)])


def test_a_constant_of_one_number_gives_its_axes():
    """The shape of `x + np.array([1.0])` comes from the constant alone; single elements are read and written later."""

    def f(x):
        v = np.floor_divide(x, np.array([1.0])) + np.sin(x)
        v = ad.numpy.multiply(v, 1.0)
        v[-1] = 2 * v[0] * x
        w = np.maximum(v, np.full((2, 1), 0.25))
        return np.sum(w[1, 0] * np.concatenate([v, 2 * v]) * w[0])

    one, two = np.array(0.7), np.array([0.7, 1.3])
    for g, x in (f, one), (ad.grad(f), one), (ad.vmap(f), two), (ad.vmap(ad.grad(f)), two):
        np.testing.assert_allclose(ad.compile(g)(x), g(x), rtol=1e-14)
