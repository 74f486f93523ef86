"""Fused regions of elementwise programs, against the same operations of NumPy, one by one."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided

from scirs_ad._kernels.region import Region
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
