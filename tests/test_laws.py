"""The laws: what holds for every primitive of the table, at the samples of its own page."""

import inspect

import numpy as np
import pytest
from laws import Case, cases, error_cases, inner, rng_of, same

import scirs_ad as ad
from scirs_ad._core.core import PRIMITIVES, Variable
from scirs_ad.testing.differences import directional, eps_of, sensitivity

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # samples at poles and at inf are meant

CASES = cases()
SMOOTH = [case for case in CASES if case.order >= 1 and case.moving]
TWICE = [case for case in SMOOTH if case.order >= 2]
SAFETY = 64  # between an estimated error and what is refused


def fresh(case):
    """The same sample with its own generator, so that no test depends on another."""
    found = list(case.p.samples(rng_of(case.p.name)))[case.number]
    return Case(case.p, case.number, found)


def law(which):
    return pytest.mark.parametrize("case", which, ids=repr)


# ------------------------------------------------------------------------------------------------ meaning
@law(CASES)
def test_kernel_is_body(case):
    body = case.p.body(*case.args, **case.params)
    expected = [np.asarray(y) for y in (body if isinstance(body, tuple) else (body,))]
    found = case.results()
    assert len(found) == len(expected)

    def run(*xs):
        full = list(case.args)
        for k, x in zip(case.moving, xs, strict=True):
            full[k] = x
        return case.call(*full)

    extra = sensitivity(run, case.point(), fresh(case).rng) if case.moving else [0.0] * len(found)
    for y, z, e in zip(found, expected, extra, strict=True):
        same(y, z, case, case.elementwise, e)


@law(CASES)
def test_shape_is_rule(case):
    """Tracing foretells shape and dtype, and replaying the trace gives the same numbers."""
    places = case.arrays

    def f(*xs):
        full = list(case.args)
        for k, x in zip(places, xs, strict=True):
            full[k] = x
        return case.call(*full)

    arrays = [case.args[k] for k in places]
    graph = ad.trace(f)(*arrays)
    specs = [ad.Variable(y) if isinstance(y, Variable) else y for y in graph._outputs]
    eager = case.results()
    assert [s.shape for s in specs] == [y.shape for y in eager]
    assert [s.dtype for s in specs] == [y.dtype for y in eager]
    for y, z in zip(graph(*arrays), eager, strict=True):
        same(y, z, case, case.elementwise, ulps=0)
    assert case.p.name in str(graph) or not places


# ------------------------------------------------------------------------------------------------ derivatives
def compare_with_differences(function, xs, ts, found, case, exact):
    """`found`, tangents, against differences of `function` at `xs` (in double precision) along `ts`."""
    expected, errors = directional(lambda values: function(*values), xs, ts, case.elementwise)
    eps = eps_of(*exact)
    n = len(xs)  # a tangent is as uncertain as an input: x - mean(x) of nearly equal tangents cancels
    noise = sensitivity(lambda *both: ad.jvp(function, both[:n], both[n:])[1], [*xs, *ts], case.rng)
    noise = [s * (eps / eps_of(*xs)) for s in noise]
    for y, z, error, uncertain in zip(found, expected, errors, noise, strict=True):
        y = np.asarray(y)
        assert y.shape == z.shape
        size = np.maximum(np.abs(y), np.abs(z))
        if not case.elementwise:
            size = np.max(size, initial=0.0)
        assert np.all(error <= 1e-3 * np.maximum(size, 1.0)), f"{case}: the differences do not settle: {error}"
        # An input, and each intermediate result, is itself uncertain by eps.
        allowed = SAFETY * (error + eps * size + uncertain)
        off = np.abs(y - z)
        assert np.all(off <= allowed), f"{case}: {y} instead of {z}, off by {off}, allowed {allowed}"


@law(SMOOTH)
def test_jvp_is_difference(case):
    case = fresh(case)
    xs = case.point()
    ts = case.tangents(xs)
    found = ad.jvp(case.moved, tuple(xs), tuple(ts))[1]
    compare_with_differences(case.moved, case.point(True), [t.astype(np.result_type(t, float)) for t in ts], found,
                             case, xs + found)  # fmt: skip


@law(SMOOTH)
def test_vjp_is_adjoint(case):
    case = fresh(case)
    xs = case.point()
    ts = case.tangents(xs)
    adjoint(case.moved, xs, ts, case)
    for k in range(len(xs)):  # each argument alone: what the others keep must not matter
        adjoint(lambda x, k=k: case.moved(*xs[:k], x, *xs[k + 1 :]), xs[k : k + 1], ts[k : k + 1], case)


def adjoint(function, xs, ts, case):
    outs, pushed = ad.jvp(function, tuple(xs), tuple(ts))
    cts = case.cotangents(outs)
    pulled = ad.vjp(function, *xs)[1](cts)
    for x, g in zip(xs, pulled, strict=True):
        assert np.shape(g) == np.shape(x)
        assert np.asarray(g).dtype == np.asarray(x).dtype
    left, size = inner(cts, pushed)
    right, more = inner(pulled, ts)
    terms = max(sum(np.size(y) for y in [*outs, *xs]), 1)
    noise = sum(np.sum(s) for s in sensitivity(lambda *p: ad.jvp(function, p, tuple(ts))[1], xs, case.rng))
    allowed = SAFETY * (eps_of(*xs, *map(np.asarray, outs)) * (size + more) * terms**0.5 + noise)
    assert abs(left - right) <= allowed, f"{case}: <ct, J t> is {left}, <J* ct, t> is {right}, allowed {allowed}"


@law(TWICE)
def test_second_order(case):
    """Forward over reverse is the difference of gradients; the other three orders are adjoint to it."""
    case = fresh(case)
    xs = case.point()
    cts = case.cotangents(case.moved(*xs))
    ts = case.tangents(xs)

    def pulled(*values):
        wide = [c.astype(np.result_type(c, y.dtype)) if hasattr(y, "dtype") else c
                for c, y in zip(cts, case.moved(*values), strict=True)]  # fmt: skip
        return list(ad.vjp(case.moved, *values)[1](wide))

    found = ad.jvp(pulled, tuple(xs), tuple(ts))[1]
    compare_with_differences(pulled, case.point(True), [t.astype(np.result_type(t, float)) for t in ts], found, case,
                             xs + found)  # fmt: skip
    adjoint(pulled, xs, ts, case)
    adjoint(lambda *values: ad.jvp(case.moved, values, tuple(ts))[1], xs, ts, case)


@law([case for case in CASES if not case.p.differentiable])
def test_no_derivative(case):
    """On a gradient tape such operations give plain arrays; their tangents are zero."""
    case = fresh(case)
    if not case.moving:
        return
    xs = case.point()
    seen = []

    def f(*values):
        full = list(case.args)
        for k, x in zip(case.moving, values, strict=True):
            full[k] = x
        seen.extend(case.call(*full))
        return sum(np.sum(np.real(x)) for x in values)

    ad.grad(f, argnums=tuple(range(len(xs))))(*xs)
    assert not any(isinstance(y, Variable) and y.level is not None for y in seen)


# ------------------------------------------------------------------------------------------------ batches
def variants(x, n, rng):
    """`n` inputs near `x`, stacked; integers stay."""
    x = np.asarray(x)
    if x.dtype.kind not in "fc":
        return np.stack([x] * n)
    near = x * (1 + 1e-3 * rng.uniform(-1, 1, (n, *x.shape)))
    return near.astype(x.dtype)


def loop(f, columns, n):
    """`f` of each row; the outputs stacked."""
    rows = [f(*[c[i] if mapped else c for c, mapped in columns]) for i in range(n)]
    return [np.stack([np.asarray(row[k]) for row in rows]) for k in range(len(rows[0]))]


def batch_tests(case, function, places, context):
    """`vmap(function)` of the arrays at `places`, all together and each alone, against a loop."""
    n = 3
    xs = [np.asarray(case.args[k]) for k in places]
    choices = [[True] * len(xs)]
    if len(xs) > 1:
        choices += [[j == k for j in range(len(xs))] for k in range(len(xs))]
    for mapped in choices:
        given = [variants(x, n, case.rng) if m else x for x, m in zip(xs, mapped, strict=True)]
        found = ad.vmap(function, in_axes=tuple(0 if m else None for m in mapped))(*given)
        expected = loop(function, list(zip(given, mapped, strict=True)), n)
        moving = [x for x in xs if x.dtype.kind in "fc"]
        extra = batch_noise(function, xs, case) if moving else [0.0] * len(expected)
        for y, z, e in zip(found, expected, extra, strict=True):
            same(y, z, f"{context} {mapped}", case.elementwise, e)


def batch_noise(function, xs, case):
    """What rounding may do to `function` at the inputs of a batch: near `xs`, where its derivative may vanish."""
    xs = [variants(x, 1, case.rng)[0] for x in xs]
    floats = [k for k, x in enumerate(xs) if x.dtype.kind in "fc"]

    def f(*values):
        full = list(xs)
        for k, v in zip(floats, values, strict=True):
            full[k] = v
        return function(*full)

    return sensitivity(f, [xs[k] for k in floats], case.rng)


def function_of(case, places):
    def f(*xs):
        full = list(case.args)
        for k, x in zip(places, xs, strict=True):
            full[k] = x
        return case.call(*full)

    return f


@law([case for case in CASES if case.arrays])
def test_vmap_is_loop(case):
    case = fresh(case)
    f = function_of(case, case.arrays)
    batch_tests(case, f, case.arrays, case)


@law([case for case in CASES if case.arrays])
def test_vmap_twice_is_loop(case):
    """Two deep; with several arguments also the first in the inner and the last in the outer batch."""
    case = fresh(case)
    f = function_of(case, case.arrays)
    xs = [np.asarray(case.args[k]) for k in case.arrays]
    inner_axes = [0] * len(xs)
    outer_axes = [0] * len(xs)
    choices = [(inner_axes, outer_axes)]
    if len(xs) > 1:
        choices.append(([0] + [None] * (len(xs) - 1), [None] * (len(xs) - 1) + [0]))
    for inside, outside in choices:
        given = []
        for x, i, o in zip(xs, inside, outside, strict=True):
            y = variants(x, 2, case.rng) if i is not None else x
            given.append(np.stack([variants(y, 1, case.rng)[0] for _ in range(3)]) if o is not None else y)
        deep = ad.vmap(ad.vmap(f, in_axes=tuple(inside)), in_axes=tuple(outside))(*given)
        floats = any(x.dtype.kind in "fc" for x in xs)
        extra = batch_noise(f, xs, case) if floats else [0.0] * len(deep)
        for b in range(3):
            rows = [g[b] if o is not None else g for g, o in zip(given, outside, strict=True)]
            expected = loop(f, [(r, i is not None) for r, i in zip(rows, inside, strict=True)], 2)
            for y, z, e in zip(deep, expected, extra, strict=True):
                same(np.asarray(y)[b], z, case, case.elementwise, e)


@law(SMOOTH)
def test_vmap_of_vjp_is_loop(case):
    case = fresh(case)
    xs = case.point()
    cts = case.cotangents(case.moved(*xs))

    def pulled(*values):
        return list(ad.vjp(case.moved, *values)[1](cts))

    given = [variants(x, 3, case.rng) for x in xs]
    found = ad.vmap(pulled)(*given)
    extra = sensitivity(pulled, xs, case.rng)
    for y, z, e in zip(found, loop(pulled, [(g, True) for g in given], 3), extra, strict=True):
        same(y, z, case, case.elementwise, e)


@law(SMOOTH)
def test_vjp_of_vmap_is_loop(case):
    case = fresh(case)
    xs = case.point()
    cts = case.cotangents(case.moved(*xs))
    given = [variants(x, 3, case.rng) for x in xs]
    stacked = [np.stack([c] * 3) for c in cts]
    found = ad.vjp(ad.vmap(case.moved), *given)[1](stacked)

    def pulled(*values):
        return list(ad.vjp(case.moved, *values)[1](cts))

    extra = sensitivity(pulled, xs, case.rng)
    for y, z, e in zip(found, loop(pulled, [(g, True) for g in given], 3), extra, strict=True):
        same(y, z, case, case.elementwise, e)


# ------------------------------------------------------------------------------------------------ layouts, threads
def layouts(x):
    """The same numbers in other places of memory."""
    yield "F order", np.array(x, order="F")
    if x.ndim:
        wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
        wide[..., ::2] = x
        yield "strided", wide[..., ::2]
        back = np.ascontiguousarray(x[::-1])[::-1]
        yield "reversed", back
    shifted = np.zeros(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
    shifted[...] = x
    yield "unaligned", shifted
    frozen = x.copy()
    frozen.flags.writeable = False
    yield "read-only", frozen


@law([case for case in CASES if case.arrays])
def test_layouts(case):
    case = fresh(case)
    expected = case.results()
    kept = [np.copy(a) if isinstance(a, np.ndarray) else a for a in case.args]
    floats = [k for k in case.arrays if case.args[k].dtype.kind in "fc"]
    extra = sensitivity(function_of(case, floats), [case.args[k] for k in floats], case.rng) if floats else None
    for k in case.arrays:
        for what, x in layouts(case.args[k]):
            full = list(case.args)
            full[k] = x
            for i, (y, z) in enumerate(zip(case.call(*full), expected, strict=True)):
                context = f"{case}: {what} in argument {k}"
                if case.elementwise:
                    # The vector loop and the tail of our kernels are the same function; complex numbers are NumPy's.
                    same(y, z, context, ulps=1 if any(case.args[j].dtype.kind == "c" for j in case.arrays) else 0)
                else:
                    same(y, z, context, extra=extra[i] if extra else 0.0)
    for a, b in zip(case.args, kept, strict=True):
        assert not isinstance(a, np.ndarray) or np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"), "an input changed"


@law([case for case in SMOOTH if case.arrays])
def test_layouts_of_derivatives(case):
    case = fresh(case)
    xs = case.point()
    outs = case.moved(*xs)
    cts = case.cotangents(outs)
    expected = ad.vjp(case.moved, *xs)[1](cts)
    extra = sensitivity(lambda *v: list(ad.vjp(case.moved, *v)[1](cts)), xs, case.rng)
    for k in range(len(xs)):
        for what, x in layouts(xs[k]):
            pulled = ad.vjp(case.moved, *xs[:k], x, *xs[k + 1 :])[1](cts)
            for y, z, e in zip(pulled, expected, extra, strict=True):
                same(y, z, f"{case}: {what} in argument {k}", extra=e)
    for j in range(len(cts)):
        for what, c in layouts(cts[j]):
            pulled = ad.vjp(case.moved, *xs)[1]([*cts[:j], c, *cts[j + 1 :]])
            for y, z, e in zip(pulled, expected, extra, strict=True):
                same(y, z, f"{case}: {what} in the cotangent {j}", extra=e)


@pytest.mark.parametrize("name", [n for n, p in PRIMITIVES.items() if not p.internal])
def test_threads(name):
    """The number of threads changes no bit: a large batch of each sample, and its gradient."""
    before = ad.get_num_threads()
    big = 40_000
    try:
        for case in [c for c in CASES if c.p.name == name and c.arrays]:
            sizes = [case.args[k].size for k in case.arrays]
            if not max(sizes):
                continue
            n = max(2, big // max(sizes))
            f = function_of(case, case.arrays)
            given = [np.broadcast_to(case.args[k], (n, *case.args[k].shape)).copy() for k in case.arrays]
            found = []
            for threads in (1, 2):
                ad.set_num_threads(threads)
                found.append(ad.vmap(f)(*given))
            for y, z in zip(*found, strict=True):
                same(z, y, f"{case}: two threads", ulps=0)
    finally:
        ad.set_num_threads(before)


# ------------------------------------------------------------------------------------------------ errors, pages
@law(error_cases())
def test_errors(case):
    """The right class, a message that names the operation, and the same while tracing."""
    with pytest.raises(case.error, match=case.match or None) as caught:
        case.p(*case.args, **case.params)
    said = str(caught.value)
    assert case.p.name.removesuffix("_core") in said, f"{case}: the message does not name the operation: {said}"


@pytest.mark.parametrize("name", PRIMITIVES)
def test_page(name):
    p = PRIMITIVES[name]
    doc = inspect.cleandoc(p.__doc__)
    assert doc.splitlines()[0].endswith("."), "the summary is one sentence in one line"
    if p.differentiable:
        assert "Derivative:" in doc
        assert any(case.moving for case in CASES if case.p is p), "no sample that can be differentiated"
    assert any(case.p is p for case in CASES), "no sample"
