"""Fused regions of elementwise programs, against the same operations of NumPy, one by one."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided

from scirs_ad._kernels import ops
from scirs_ad._kernels.region import Region, has_kernel, kernels
from scirs_ad._kernels.scalar import LANES, ScalarProgram
from scirs_ad._kernels.vm import sum_all

F8, F4 = np.dtype(np.float64), np.dtype(np.float32)
REDUCE = {"sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min}
# Exact operations: a region must give NumPy's bits.
UNARY = {"negative": np.negative, "abs": np.abs, "square": np.square, "copy": np.positive, "sqrt": np.sqrt}
BINARY = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "maximum": np.maximum,
    "mulz": lambda a, b: np.where(a == 0, np.zeros_like(a), a * b),
}
EXACT = UNARY | BINARY
ULPS = settings(max_examples=150, deadline=None)


def view(array, shape, strides, offset):
    return as_strided(array[offset // array.itemsize :], shape, strides)


def reference(shape, inputs, consts, code, arrays):
    """Every value, at the full shape of the space."""
    values = []
    for k, (_, strides, *rest) in enumerate(inputs):
        arg, offset = rest if rest else (k, 0)
        values.append(view(arrays[arg], shape, strides, offset))
    values += [np.full(shape, value, dtype) for dtype, value in consts]
    with np.errstate(all="ignore"):
        for name, dtype, operands in code:
            values.append(EXACT[name](*(values[i] for i in operands)).astype(dtype))
    return values


def same(a, b):
    return a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)


def strides_of(shape, itemsize, order="C"):
    return np.empty(shape, f"V{itemsize}", order=order).strides


@st.composite
def programs(draw, most=12):
    """A region over a random space: operands of every layout, a random program, outputs of every kind."""
    ndim = draw(st.integers(0, 4))
    shape = tuple(draw(st.sampled_from([0, 1, 2, 3, 5, 17, 70, 300])) for _ in range(ndim))
    while math.prod(shape) > 20000:
        shape = shape[1:]
    dtype = draw(st.sampled_from([F8, F4]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    arrays, inputs = [], []
    for _ in range(draw(st.integers(1, 3))):
        layout = draw(st.sampled_from(["C", "F", "gaps", "broadcast", "scalar", "backward"]))
        if layout in "CF":
            strides = list(strides_of(shape, dtype.itemsize, layout))
        elif layout == "gaps":
            strides = [s * 2 for s in strides_of(shape, dtype.itemsize)]
        elif layout == "scalar":
            strides = [0] * len(shape)
        else:
            strides = list(strides_of(shape, dtype.itemsize))
            for d in range(len(shape)):
                if draw(st.booleans()):
                    strides[d] = 0 if layout == "broadcast" else -strides[d]
        offset = sum(-s * max(n - 1, 0) for s, n in zip(strides, shape, strict=True) if s < 0)
        span = sum(abs(s) * max(n - 1, 0) for s, n in zip(strides, shape, strict=True)) // dtype.itemsize + 1
        shift = draw(st.integers(0, 2))
        if arrays and draw(st.booleans()) and len(arrays[-1]) >= span + shift:
            inputs.append((dtype, tuple(strides), len(arrays) - 1, offset + shift * dtype.itemsize))
        else:
            arrays.append(rng.standard_normal(span + 3).astype(dtype))
            inputs.append((dtype, tuple(strides), len(arrays) - 1, offset))
    consts = [(dtype, float(c)) for c in rng.standard_normal(draw(st.integers(0, 2)))]
    first = len(inputs) + len(consts)
    code = []
    for _ in range(draw(st.integers(0, most))):
        name = draw(st.sampled_from(sorted(EXACT)))
        top = first + len(code) - 1
        code.append((name, dtype, tuple(draw(st.integers(0, top)) for _ in range(1 if name in UNARY else 2))))
    outputs = []
    for _ in range(draw(st.integers(1, 4))):
        mode = draw(st.sampled_from(["store", "store", "add", "sum", "prod", "max", "min"]))
        value = draw(st.integers(0, first + len(code) - 1))
        if mode in ("store", "add"):
            strides = strides_of(shape, dtype.itemsize, draw(st.sampled_from("CF")))
            outputs.append((mode, value, strides))
        else:
            axes = tuple(d for d in range(len(shape)) if draw(st.booleans()))
            if mode in ("max", "min") and any(shape[d] == 0 for d in axes):
                mode = "sum"
            outputs.append((mode, value, draw(st.sampled_from([None, axes])) if mode == "sum" else axes))
    return shape, dtype, inputs, consts, code, outputs, arrays


def check(shape, dtype, inputs, consts, code, outputs, arrays):
    region = Region(shape, inputs, consts, code, outputs)
    values = reference(shape, inputs, consts, code, arrays)
    results = []
    for threads in (1, 4):
        outs = []
        for mode, _, where in outputs:
            if mode in ("store", "add"):
                out = as_strided(np.ones(math.prod(shape) + 1, dtype), shape, where)
            else:
                axes = range(len(shape)) if where is None else where
                out = np.full([n for d, n in enumerate(shape) if d not in axes], np.nan, dtype)
            outs.append(out)
        region.run(arrays, outs, threads)
        results.append(outs)
    for one, four, (mode, value, where) in zip(*results, outputs, strict=True):
        x = values[value]
        assert same(one, four)
        with np.errstate(all="ignore"):
            if mode == "store":
                assert same(one, x)
            elif mode == "add":
                assert same(one, np.ones_like(x) + x)
            elif mode in ("max", "min"):
                assert same(one, np.asarray(REDUCE[mode](x, axis=where)))
            else:
                axis = where if where is not None else tuple(range(len(shape)))
                expected = REDUCE[mode](x, axis=axis, dtype=np.longdouble)
                n = x.size // max(one.size, 1)
                if mode == "sum":
                    size = np.sum(np.abs(x), axis=axis, dtype=np.longdouble)
                else:
                    size = np.abs(expected)
                    if not np.all((size == 0) | (size > 1e3 * np.finfo(dtype).tiny)):
                        continue  # products that leave the range are as good as their order
                bound = (n + 2) * np.finfo(dtype).eps * size
                wrong = ~(np.abs(one - expected) <= bound) & np.isfinite(expected) & np.isfinite(bound)
                assert not np.any(wrong & (np.abs(expected) < np.finfo(dtype).max / 4))


@ULPS
@given(programs())
def test_region_is_numpy(case):
    check(*case)


def test_region_pickles():
    region = Region((3,), [(F8, (8,))], [(F8, 2.0)], [("multiply", F8, (0, 1))], [("store", 2, (8,))])
    out = np.empty(3)
    pickle.loads(pickle.dumps(region)).run([np.arange(3.0)], [out])
    assert out.tolist() == [0, 2, 4]


def test_result_over_its_input():
    """x is read after the first result has been computed: neither order may disturb the other."""
    n = 1500
    x = np.random.default_rng(0).standard_normal(n)
    y, z = x.copy(), np.empty(n)
    region = Region(
        (n,),
        [(F8, (8,))],
        [],
        [("square", F8, (0,)), ("multiply", F8, (1, 0))],
        [("store", 1, (8,), 0, 0, 0), ("store", 2, (8,), 1)],
    )
    region.run([y], [y, z])
    assert np.array_equal(y, x * x) and np.array_equal(z, x * x * x)


def test_a_result_may_not_lie_over_what_is_reduced():
    """What is folded as it came in is read when a block has been computed, and written over."""
    inputs, code = [(F8, (8,)), (F8, (8,))], [("square", F8, (0,)), ("copy", F8, (0,))]
    over = ("store", 2, (8,), 0, 0, 0)
    for others, text in [
        ([("sum", 0, None, 1)], "output 1 takes as it came in"),
        ([("store", 0, (8,), 1)], "output 1 takes as it came in"),
    ]:
        with pytest.raises(ValueError, match=text):
            Region((1500,), inputs, [], code, [over, *others])
    with pytest.raises(ValueError, match="has other places"):
        Region((1500,), inputs, [], code, [("store", 2, (16,), 0, 0, 0)])
    with pytest.raises(ValueError, match="input 1 reads, too"):
        Region((1500,), [inputs[0], (F8, (8,), 0, 8)], [], code, [over])
    with pytest.raises(ValueError, match="there are 2"):
        Region((1500,), inputs, [], code, [("store", 2, (8,), 0, 0, 2)])
    x = np.random.default_rng(0).standard_normal(1500)
    y, total = x.copy(), np.empty(())
    Region((1500,), inputs[:1], [], [("square", F8, (0,)), ("copy", F8, (0,))],
           [("store", 1, (8,), 0, 0, 0), ("sum", 2, None, 1)]).run([y], [y, total])  # fmt: skip
    assert np.array_equal(y, x * x) and np.isclose(total, x.sum(), rtol=1e-13)


@pytest.mark.parametrize("shape", [(1_000_000,), (700, 1500), (100_000, 7), (5, 300, 700)])
def test_large_regions_do_not_depend_on_threads(shape):
    rng = np.random.default_rng(1)
    x, w = rng.standard_normal(shape), rng.standard_normal(shape[-1:])
    inputs = [(F8, x.strides), (F8, (0,) * (len(shape) - 1) + w.strides)]
    code = [("multiply", F8, (0, 1)), ("square", F8, (2,))]
    outputs = [
        ("sum", 3, (0,)),
        ("sum", 3, (len(shape) - 1,)),
        ("sum", 3, None),
        ("max", 2, None),
        ("store", 3, x.strides),
    ]
    values = np.square(x * w)
    results = []
    for threads in (1, 2, 5):
        outs = [np.empty(shape[1:]), np.empty(shape[:-1]), np.empty(()), np.empty(()), np.empty(shape)]
        Region(shape, inputs, [], code, outputs).run([x, w], outs, threads)
        results.append(outs)
    for outs in zip(*results, strict=True):
        assert same(outs[0], outs[1]) and same(outs[0], outs[2])
    assert same(results[0][4], values)
    assert results[0][3] == np.max(x * w)
    for out, axis in zip(results[0], [0, -1, None], strict=False):
        assert np.allclose(out, values.sum(axis), rtol=1e-12)


@pytest.mark.parametrize("dtype", [F8, F4])
@pytest.mark.parametrize(("shape", "shifts"), [
    ((100_000,), [(1,), (0,)]), ((30_011,), [(5,), (700,), (0,), (1,)]), ((9_000,), [(8_000,), (0,), (8_001,)]),
    ((40_000,), [(40_000,), (0,), (39_990,)]), ((300, 500), [(1, 1), (1, 0), (0, 1), (0, 0)]),
    ((20_000, 7), [(1, 1), (0, 2), (3, 0)]), ((5, 30_000), [(0, 1), (0, 0), (2, 3)]),
    ((1,), [(2,), (0,)]), ((60, 50, 40), [(1, 1, 1), (1, 0, 1), (0, 1, 2), (0, 0, 0)]), ((9, 4_000, 3), [(1, 0, 0), (0, 0, 1)]),
])  # fmt: skip
def test_shifted_results_in_one_array(shape, shifts, dtype):
    """Each is added to what the others have written; what is stored is read again later."""
    rng = np.random.default_rng(6)
    arrays = [rng.integers(-3, 4, shape).astype(dtype) for _ in range(3)]  # sums of small integers are exact
    x, y, z = arrays
    full = tuple(n + max(s[d] for s in shifts) for d, n in enumerate(shape))
    strides = strides_of(full, dtype.itemsize)
    code = [("subtract", dtype, (0, 1)), ("multiply", dtype, (3, 2)), ("square", dtype, (3,)),
            ("multiply", dtype, (3, 0)), ("negative", dtype, (5,))]  # fmt: skip
    values = [*arrays, x - y, (x - y) * z, (x - y) ** 2, (x - y) * x, -((x - y) ** 2)]
    shifts = sorted(shifts, reverse=True)
    offsets = [sum(a * b for a, b in zip(shift, strides, strict=True)) for shift in shifts]
    numbers = [3, 4, 7, 6][: len(shifts)]
    outputs = [
        ("add" if k else "store", v, strides, 0, at) for k, (v, at) in enumerate(zip(numbers, offsets, strict=True))
    ]
    outputs += [("sum", 3, None, 1), ("max", 6, None, 2)]
    expected = np.zeros(full, dtype)
    for k, (shift, v) in enumerate(zip(shifts, numbers, strict=True)):
        part = expected[tuple(slice(a, a + n) for a, n in zip(shift, shape, strict=True))]
        part[...] = values[v] if k == 0 else part + values[v]
    region = Region(shape, [(dtype, a.strides) for a in arrays], [], code, outputs)
    for threads in (1, 2, 5):
        out, total, most = np.zeros(full, dtype), np.empty((), dtype), np.empty((), dtype)
        region.run(arrays, [out, total, most], threads)
        assert same(out, expected) and total == values[3].sum() and most == values[6].max()


@pytest.mark.parametrize("dtype", [F8, F4])
@pytest.mark.parametrize("shape", [(7, 500, 10), (3, 4, 60, 5), (2000, 3), (2, 90, 63), (300, 16)])
def test_sheets_of_short_rows(shape, dtype):
    """Operands that repeat along any axes, results by rows, columns and sheets, for any number of threads."""
    rng = np.random.default_rng(2)
    ndim = len(shape)
    arrays, inputs = [], []
    for kept in [range(ndim), [ndim - 1], [ndim - 2], [0], range(ndim - 1), [0, ndim - 1]]:
        x = rng.standard_normal([n if d in kept else 1 for d, n in enumerate(shape)]).astype(dtype)
        arrays.append(x)
        inputs.append((dtype, tuple(s if d in kept else 0 for d, s in enumerate(x.strides))))
    x, *others = [np.broadcast_to(a, shape) for a in arrays]
    value = x
    code = []
    for k, other in enumerate(others):
        code.append(("multiply" if k % 2 else "add", dtype, (len(arrays) + k - 1 if k else 0, k + 1)))
        value = value * other if k % 2 else value + other
    last = len(arrays) + len(code) - 1
    axes = [(d,) for d in range(ndim)] + [(0, ndim - 1), (ndim - 2, ndim - 1), (0, ndim - 2)]
    axes = [a for a in dict.fromkeys(axes) if len(set(a)) == len(a)]
    outputs = [(mode, last, a) for a in axes for mode in ("sum", "max", "min")]
    outputs += [("store", last, value.strides), ("store", last, strides_of(shape, dtype.itemsize, "F"))]
    check(shape, dtype, inputs, [], code, outputs, [a.reshape(-1) for a in arrays])


@pytest.mark.parametrize("dtype", [F8, F4])
@pytest.mark.parametrize("shape", [(3, 700), (200, 10), (40, 30, 10)])
def test_nan_wins_in_max_and_min(shape, dtype):
    x = np.random.default_rng(3).standard_normal(shape).astype(dtype)
    x[np.random.default_rng(4).random(shape) < 0.01] = np.nan
    for mode in ("max", "min"):
        for axis in range(len(shape)):
            out = np.empty([n for d, n in enumerate(shape) if d != axis], dtype)
            Region(shape, [(dtype, x.strides)], [], [], [(mode, 0, (axis,))]).run([x], [out])
            assert np.array_equal(out, REDUCE[mode](x, axis=axis), equal_nan=True)
            assert np.isnan(out).any()


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (((3,), [(F8, (8, 8))], [], [], []), ValueError, "2 strides for a space of 1"),
        (((3,), [(F8, (8,))], [], [("add", F8, (0, 1))], []), ValueError, "not computed before"),
        (((3,), [(F8, (8,))], [], [("sinc", F8, (0,))], [("store", 1, (8,))]), KeyError, "no kernel for sinc"),
        (((3,), [(np.dtype("i2"), (2,))], [], [], [("store", 0, (2,))]), KeyError, "dtype int16"),
        (((3, 0), [(F8, (8, 8))], [], [], [("max", 0, (1,))]), ValueError, "no identity"),
        (((3,), [(F8, (8,))], [], [], [("mean", 0, None)]), ValueError, "mode 'mean'"),
        (((3,), [(F8, (8,))], [], [], [("store", 1, (8,))]), ValueError, "is value 1"),
    ],
)
def test_errors(arguments, error, text):
    with pytest.raises(error, match=text):
        Region(*arguments)


@pytest.mark.parametrize("dtype", [F8, F4])
@pytest.mark.parametrize("n", [1, 15, 16, 255, 256, 257, 511, 513, 1024, 5000, 70_001])
def test_full_sums_agree_with_eager_ones(dtype, n):
    """One order of additions, whoever adds: the plain sum, a fused sum of eager mode, a region of any walk."""
    x = np.random.default_rng(n).standard_normal(n).astype(dtype)
    plain = sum_all(x)
    for description in (((n,), [(dtype, x.strides)]), ((1, n, 1), [(dtype, (0, dtype.itemsize, 8))])):
        out = np.empty((), dtype)
        Region(*description, [], [], [("sum", 0, None)]).run([x], [out])
        assert out == plain
    bound = (np.log2(n) + 12) * np.finfo(dtype).eps * np.abs(x).sum(dtype=np.longdouble)
    assert abs(plain - x.sum(dtype=np.longdouble)) <= bound


# ------------------------------------------------------------------------------------------ superinstructions
def run_flat(n, dtype, inputs, code, consts=()):
    """The last value of `code`, stored, and the names of the steps."""
    described = [(x.dtype, (0,) if x.ndim == 0 else x.strides) for x in inputs]
    value = len(described) + len(consts) + len(code) - 1
    out = np.empty(n, dtype)
    region = Region((n,), described, consts, code, [("store", value, (out.itemsize,))])
    region.run([np.ascontiguousarray(x) for x in inputs], [out])
    return out, [step.split()[0] for step in region.listing]


def apply(name, *operands):
    return ops.apply(name, *[np.ascontiguousarray(x) for x in np.broadcast_arrays(*operands)])


@pytest.mark.parametrize("dtype", [F8, F4])
@pytest.mark.parametrize("n", [1, 7, 64, 1027])
def test_superinstructions_round_twice(dtype, n):
    """Every superinstruction gives the bits of its operations, one by one."""
    rng = np.random.default_rng(n)
    v = [np.where(rng.random(n) < 0.2, 0, rng.standard_normal(n)).astype(dtype) for _ in range(5)]
    s = [np.array(rng.standard_normal(), dtype) for _ in range(5)]
    seen = 0
    for name in kernels()[0]:
        if name in ("sincos", "quotient"):
            continue  # see below
        inner, kinds, *rest = name.split("_")
        if inner not in EXACT or rest == ["equal"]:
            continue  # comparisons have a scalar variant only; the next test has them
        operands = [(v if kind == "v" else s)[i] for i, kind in enumerate(kinds)]
        code = [(inner, dtype, tuple(range(len(kinds))))]
        expected = apply(inner, *operands) if "v" in kinds else None
        if len(rest) == 3:  # a b outer c d
            operands += [(v if kind == "v" else s)[2 + i] for i, kind in enumerate(rest[2])]
            code = [(inner, dtype, (0, 1)), (rest[1], dtype, (2, 3)), (rest[0], dtype, (4, 5))]
            expected = apply(rest[0], expected, apply(rest[1], *operands[2:]))
        elif len(rest) == 5:  # a b outer c d third e
            operands += [v[2], v[3], (v if rest[4] == "v" else s)[4]]
            code = [(inner, dtype, (0, 1)), (rest[1], dtype, (2, 3)), (rest[0], dtype, (5, 6))]
            expected = apply(rest[0], expected, apply(rest[1], *operands[2:4]))
            outer = rest[3].removeprefix("r")
            code.append((outer, dtype, (7, 4) if outer == rest[3] else (4, 7)))
            expected = apply(outer, *((expected, operands[4]) if outer == rest[3] else (operands[4], expected)))
        elif len(rest) in (2, 4, 6):  # outer c, third d, and fourth e
            inputs = len(kinds) + len(rest) // 2
            code = [(inner, dtype, tuple(range(len(kinds))))]
            for k in range(0, len(rest), 2):
                at, outer = len(operands), rest[k].removeprefix("r")
                operands.append((v if rest[k + 1] == "v" else s)[2 + k // 2])
                before = inputs + k // 2
                pair = (before, at) if outer == rest[k] else (at, before)
                code.append((outer, dtype, pair))
                expected = apply(outer, *[expected if i == before else operands[i] for i in pair])
        elif rest:
            code.append((rest[0], dtype, (len(operands),)))
            expected = apply(rest[0], expected)
        got, steps = run_flat(n, dtype, operands, code)
        assert same(got, expected), name
        if n > 1:
            assert steps == [name]
        seen += 1
    assert seen > 150


@pytest.mark.parametrize("dtype", [F8, F4])
@pytest.mark.parametrize("n", [1, 7, 511, 513, 3000])
def test_quotients_and_reciprocals_together_are_rounded(dtype, n):
    """One division for both, or none: the bits of two. Mantissas near 1, near 2, of few bits, quotients near 1."""
    rng = np.random.default_rng(n)
    bits, item = np.finfo(dtype).nmant, np.dtype(dtype).itemsize
    code = [("divide", dtype, (0, 1)), ("negative", dtype, (2,)), ("reciprocal", dtype, (1,))]
    region = Region((n,), [(dtype, (item,))] * 2, [], code, [("store", v, (item,)) for v in (3, 4)])
    assert n == 1 or "quotient" in " ".join(region.listing)
    last = 2**bits - 1
    mantissas = (
        rng.integers(0, last, n), rng.integers(0, 64, n), last - rng.integers(0, 64, n), np.full(n, last),
        2 ** rng.integers(0, bits, n),
    )  # fmt: skip
    wide = 30 if dtype == F4 else 250
    for mantissa in mantissas:
        y = np.ldexp(1 + mantissa / 2.0**bits, rng.integers(-wide, wide, n)).astype(dtype)
        y *= rng.choice([-1, 1], n).astype(dtype)
        x = rng.standard_normal(n).astype(dtype)
        near, other = np.nextafter(y, np.inf, dtype=dtype), np.roll(y, 1)
        odd = x.copy()  # what leaves the range of normal numbers, or is none
        odd[rng.integers(0, n, 4)] = [0.0, -0.0, np.inf, np.nan]
        divisor = y.copy()
        divisor[rng.integers(0, n, 6)] = [0.0, -0.0, np.inf, np.nan, np.finfo(dtype).tiny / 8, np.finfo(dtype).max]
        for a, b in ((x, y), (near, y), (other, y), (x, x), (odd, y), (x, divisor), (odd, divisor)):
            quotient, reciprocal = np.empty(n, dtype), np.empty(n, dtype)
            region.run([a, b], [quotient, reciprocal])
            with np.errstate(all="ignore"):
                assert same(quotient, -(a / b))
                assert same(reciprocal, 1 / b)
    a, b = x.copy(), y.copy()
    region.run([a, b], [a, b])  # over the operands
    assert same(a, -(x / y))
    assert same(b, 1 / y)
    # The other way round the numerator may not be known yet.
    region = Region((n,), [(dtype, (item,))] * 2, [], [("reciprocal", dtype, (1,)), ("divide", dtype, (0, 1))],
                    [("store", v, (item,)) for v in (2, 3)])  # fmt: skip
    assert "quotient" not in " ".join(region.listing)


@pytest.mark.parametrize("dtype", [F8, F4])
@pytest.mark.parametrize("n", [1, 7, 511, 513, 3000])
@pytest.mark.parametrize("names", [("sin", "cos"), ("cos", "sin")])
def test_sine_and_cosine_together_are_those_apart(dtype, n, names):
    rng = np.random.default_rng(n)
    usual = (rng.standard_normal(n) * 10).astype(dtype)
    rare = usual.copy()
    rare[n // 2] = np.inf
    rare[-1], rare[0] = 1e30, -0.0
    for x in (usual, rare):
        item = x.itemsize
        code = [(names[0], dtype, (0,)), ("negative", dtype, (0,)), (names[1], dtype, (0,)), ("multiply", dtype, (1, 3)),
                ("add", dtype, (4, 2))]  # fmt: skip
        alone = [ops.apply(name, x) for name in names]
        for stored in ([1], [3], [1, 3]):  # computed where they are stored, the later one before its turn
            region = Region((n,), [(dtype, (item,))], [], code,
                            [("store", 5, (item,)), *[("store", v, (item,)) for v in stored]])  # fmt: skip
            assert n == 1 or "sincos" in " ".join(region.listing)
            outs = [np.empty(n, dtype) for _ in range(1 + len(stored))]
            region.run([x], outs)
            for v, out in zip(stored, outs[1:], strict=True):
                assert same(out, alone[v // 2])
        region = Region((n,), [(dtype, (item,))], [], code, [("store", 3, (item,), 0, 0, 0), ("sum", 1, None)])
        out = x.copy()  # over what the negative still reads
        region.run([out], [out, np.empty((), dtype)])
        assert same(out, alone[1])
        assert "sincos" not in " ".join(region.listing)
        code[4] = ("add", dtype, (4, 0))
        region = Region((n,), [(dtype, (item,))], [], code, [("store", 5, (item,)), ("sum", 3, None)])
        if n > 1:
            assert "sincos" in " ".join(region.listing)
        out, total = np.empty(n, dtype), np.empty((), dtype)
        region.run([x], [out, total])
        first, second = ops.apply(names[0], x), ops.apply(names[1], x)
        assert same(out, ops.apply("add", ops.apply("multiply", first, second), x))
        expected = np.empty((), dtype)
        Region((n,), [(dtype, (item,))], [], [], [("sum", 0, None)]).run([second], [expected])
        assert same(total, expected)


# ------------------------------------------------------------------------------------------ other types
NUMPY_NAME = {"cast": None, "copy": np.array, "mulz": BINARY["mulz"], "complex": lambda a, b: np.stack([a, b], -1).view(np.result_type(a, 1j))[..., 0], "where": np.where,
              "real": np.real, "imag": np.imag}  # fmt: skip


def numbers(rng, dtype, n):
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(n) < 0.5
    if dtype.kind == "i":
        return rng.integers(-9, 10, n).astype(dtype)
    x = np.round(rng.standard_normal(n) * 4) / 2
    if dtype.kind == "c":
        return (x + 1j * np.round(rng.standard_normal(n) * 4) / 2).astype(dtype)
    x[rng.random(n) < 0.05] = np.nan
    x[rng.random(n) < 0.05] = np.inf
    return x.astype(dtype)


@pytest.mark.parametrize("n", [1, 9, 1000])
def test_kernels_of_other_types(n):
    rng = np.random.default_rng(n)
    for name, signature in kernels()[1]:
        types, dtype = [np.dtype(letter) for letter in signature[:-1]], np.dtype(signature[-1])
        operands = [numbers(rng, t, n) for t in types]
        if name == "cast" and dtype.kind == "i":
            operands = [np.nan_to_num(x, posinf=3, neginf=-3) for x in operands]
        code = [(name, dtype, tuple(range(len(types))))]
        got, _ = run_flat(n, dtype, operands, code)
        assert has_kernel(name, types, dtype)
        with np.errstate(all="ignore"):
            if name == "cast":
                expected = operands[0].astype(dtype)
            else:
                expected = NUMPY_NAME.get(name, getattr(np, name, None))(*operands).astype(dtype)
        if dtype.kind in "fc" and name in (
            "exp",
            "log",
            "sqrt",
            "abs",
            "multiply",
            "divide",
            "square",
            "reciprocal",
            "mulz",
        ):
            finite = np.isfinite(expected) & np.isfinite(got)
            assert np.array_equal(np.isnan(expected), np.isnan(got)), name
            error = np.abs(got[finite] - expected[finite])
            assert np.all(error <= 8 * np.finfo(dtype).eps * np.abs(expected[finite])), name
        else:
            assert same(got, expected), (name, signature)


@pytest.mark.parametrize("dtype", [np.complex128, np.complex64])
@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "abs"])
def test_complex_functions(name, dtype):
    """Every quadrant and magnitude, special values as NumPy has them."""
    rng = np.random.default_rng(3)
    info = np.finfo(dtype)
    special = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        np.inf,
        -np.inf,
        np.nan,
        info.max,
        info.tiny,
        info.smallest_subnormal,
        700.0,
        -750.0,
    ]
    z = np.array([complex(a, b) for a in special for b in special], dtype)
    scale = np.exp(rng.uniform(-80, 80, 2000))
    z = np.concatenate([z, scale * np.exp(2j * np.pi * rng.random(2000)), np.exp(2j * np.pi * rng.random(200))]).astype(
        dtype
    )
    real = np.dtype(dtype).type(0).real.dtype
    got, _ = run_flat(
        len(z), real if name == "abs" else np.dtype(dtype), [z], [(name, real if name == "abs" else dtype, (0,))]
    )
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(z)
        for part in (np.real, np.imag):
            g, e = part(got), part(expected)
            known = np.isfinite(z) & np.isfinite(e)
            bound = 8 * info.eps * np.abs(e[known]) + 8 * info.smallest_subnormal
            assert np.all(np.abs(g[known] - e[known]) <= bound)
            assert np.array_equal(np.isnan(g), np.isnan(e))
            assert np.array_equal(np.isinf(g), np.isinf(e))


@pytest.mark.parametrize("letter", "dfli?DF")
@pytest.mark.parametrize("shape", [(1000,), (40, 90), (200, 3)])
def test_reductions_of_every_type(letter, shape):
    dtype = np.dtype(letter)
    x = numbers(np.random.default_rng(0), dtype, math.prod(shape)).reshape(shape)
    x = np.nan_to_num(x, posinf=1, neginf=2) if dtype.kind == "f" else x
    modes = {"?": ("max", "min"), "D": ("sum",), "F": ("sum",)}.get(letter, ("sum", "max", "min"))
    for mode in modes:
        for axes in (None, *[(d,) for d in range(len(shape))]):
            out = np.empty([] if axes is None else [n for d, n in enumerate(shape) if d not in axes], dtype)
            Region(shape, [(dtype, x.strides)], [], [], [(mode, 0, axes)]).run([x], [out])
            expected = REDUCE[mode](x, axis=axes).astype(dtype)
            assert same(out, expected)  # sums of small halves are exact in any order


def test_mask_selects_in_one_pass():
    """where(x > 0, exp(x), -x) on float32 rows with a broadcast mask row, then counted as integers."""
    x = np.random.default_rng(5).standard_normal((30, 200)).astype(F4)
    mask = np.arange(200) % 3 == 0
    code = [
        ("greater", np.bool_, (0, 2)),
        ("logical_and", np.bool_, (3, 1)),
        ("negative", F4, (0,)),
        ("where", F4, (4, 0, 5)),
        ("cast", np.int64, (4,)),
    ]
    out, count = np.empty_like(x), np.empty(30, np.int64)
    inputs = [(F4, x.strides), (np.bool_, (0, 1))]
    outputs = [("store", 6, x.strides), ("sum", 7, (1,))]
    Region(x.shape, inputs, [(F4, 0.0)], code, outputs).run([x, mask], [out, count])
    chosen = (x > 0) & mask
    assert same(out, np.where(chosen, x, -x)) and same(count, chosen.sum(1))


# ------------------------------------------------------------------------------------------ scalar programs
SCALAR = EXACT | {"exp": None, "sin": None, "where": None, "less": None, "power": None, "reciprocal": np.reciprocal}


@st.composite
def scalar_programs(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sizes = draw(st.lists(st.integers(0, 4), min_size=1, max_size=3))
    consts = rng.standard_normal(draw(st.integers(1, 3))).tolist()
    first, code = sum(sizes) + len(consts), []
    names = sorted(SCALAR)
    for _ in range(draw(st.integers(0, 60))):
        name = names[rng.integers(len(names))]
        code.append((name, tuple(rng.integers(first + len(code), size=ops.ARITY[name]).tolist())))
    outputs = [rng.integers(first + len(code), size=rng.integers(0, 5)).tolist() for _ in range(rng.integers(1, 4))]
    return sizes, consts, code, outputs, rng


@settings(max_examples=150, deadline=None)
@given(scalar_programs())
def test_scalar_programs_are_the_kernels(case):
    """Bit by bit what the kernels give, one run or many side by side, on any number of threads."""
    sizes, consts, code, outputs, rng = case
    program = pickle.loads(pickle.dumps(ScalarProgram(sizes, consts, code, outputs)))
    count = int(rng.integers(1, 3 * LANES))
    inputs = [rng.standard_normal((count, n) if rng.random() < 0.8 else n) for n in sizes]
    values = [np.broadcast_to(x[..., i], count) for x, n in zip(inputs, sizes, strict=True) for i in range(n)]
    values += [np.full(count, c) for c in consts]
    for name, operands in code:
        values.append(apply(name, *[values[i] for i in operands]))
    expected = [np.stack([values[i] for i in out], -1) if out else np.empty((count, 0)) for out in outputs]
    for got in (program.map(count, *inputs, threads=1), program.map(count, *inputs, threads=4)):
        assert all(same(a, b) for a, b in zip(got, expected, strict=True))
    once = program(*[x if x.ndim == 1 else x[0] for x in inputs])
    assert all(same(a, b[0]) for a, b in zip(once, expected, strict=True))


def test_long_scalar_programs():
    """More registers than a stack frame holds, many runs, shared and separate inputs."""
    n = 6000
    code = [("multiply", (i, n + i)) for i in range(n)]
    code += [("add", (2 * n + i if i == 0 else 3 * n + i - 1, 2 * n + i + 1)) for i in range(n - 1)]
    program = ScalarProgram([n, n], [], code, [[4 * n - 2], list(range(2 * n, 3 * n))])
    x, y = np.random.default_rng(0).standard_normal((2, 300, n))
    total, products = program.map(300, x, y[0])
    assert same(products, x * y[0])
    assert same(total[:, 0], np.cumsum(x * y[0], axis=1)[:, -1])


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (([1], [], [("sinc", (0,))], []), KeyError, "no kernel for sinc"),
        (([1], [], [("add", (0,))], []), ValueError, "add takes 2 operands, not 1"),
        (([1], [], [("add", (0, 1))], []), ValueError, "not computed before"),
        (([1], [], [], [[1]]), ValueError, "there are 1"),
    ],
)
def test_scalar_errors(arguments, error, text):
    with pytest.raises(error, match=text):
        ScalarProgram(*arguments)


def test_scalar_inputs_are_checked():
    program = ScalarProgram([2], [], [], [[0]])
    with pytest.raises(TypeError, match="2 inputs, expected 1"):
        program([1.0, 2.0], [3.0])
    with pytest.raises(ValueError, match=r"shape \(3,\), expected \(5, 2\) or \(2,\)"):
        program.map(5, np.ones(3))


# ------------------------------------------------------------------------------------------ gathers and scatters
@pytest.mark.parametrize("shape", [(5000,), (60, 300), (500, 4), (3, 0)])
@pytest.mark.parametrize("letter", "dfliD")
def test_gathers_and_scatters(shape, letter):
    """Rows picked by an index, elements picked by an index each, and the same added back in order."""
    rng = np.random.default_rng(7)
    dtype = np.dtype(letter)
    x = numbers(rng, dtype, 40 * math.prod(shape[1:])).reshape(40, *shape[1:])
    x = np.nan_to_num(x, posinf=1, neginf=2) if dtype.kind == "f" else x
    rows = rng.integers(-40, 40, shape[0])
    flat = rng.integers(-x.size, x.size, shape) if x.size else np.zeros(shape, np.int64)
    item = dtype.itemsize
    rest = x.strides[1:]
    inputs = [
        (np.int64, (8, *(0,) * len(rest)), 0, 0),
        (np.int64, flat.strides, 1, 0),
        (dtype, (0, *rest), 2, 0, (0, x.strides[0], 40)),
        (dtype, (0,) * len(shape), 2, 0, (1, item, x.size)),
    ]
    strides = strides_of(shape, item)
    outputs = [
        ("store", 2, strides),
        ("store", 3, strides),
        ("scatter", 2, (0, *rest), 2, 0, None, (0, x.strides[0], 40)),
        ("scatter", 3, (0,) * len(shape), 3, 0, None, (1, item, x.size)),
    ]
    region = Region(shape, inputs, [], [], outputs)
    results = []
    for threads in (1, 3):
        outs = [np.empty(shape, dtype), np.empty(shape, dtype), np.ones_like(x), np.ones_like(x)]
        region.run([rows, flat, x], outs, threads)
        results.append(outs)
    by_row, by_element = x[rows], x.reshape(-1)[flat]
    added, added_flat = np.ones_like(x), np.ones_like(x).reshape(-1)
    np.add.at(added, rows, by_row)
    np.add.at(added_flat, flat, by_element)
    for outs in results:
        assert same(outs[0], by_row) and same(outs[1], by_element)
        assert same(outs[2], added) and same(outs[3], added_flat.reshape(x.shape))


@pytest.mark.parametrize("bad", [4, -5])
def test_indices_out_of_bounds(bad):
    index, x, out = np.array([0, bad, 1]), np.arange(4.0), np.zeros(3)
    inputs = [(np.int64, (8,)), (F8, (0,), 1, 0, (0, 8, 4))]
    region = Region((3,), inputs, [], [], [("store", 1, (8,))])
    with pytest.raises(IndexError, match="out of bounds"):
        region.run([index, x], [out])
    with pytest.raises(ValueError, match="indices must be int64"):
        Region((3,), [(F8, (8,)), inputs[1]], [], [], [])
