"""The scalar-function kernels, on every instruction set that this machine runs, against mpmath, NumPy and SciPy."""

import functools
import os
import subprocess
import sys

import mpmath as mp
import numpy as np
import pytest
import scipy.special as sp

from scirs_ad._kernels import ops

ISAS = ops.available_isas()
DTYPES = (np.float64, np.float32)
DIGITS = 60

# Correctly rounded (or a selection): must equal NumPy's result to the bit. NumPy's function, where the name differs.
EXACT = {
    "copy": np.positive, "negative": None, "abs": None, "sign": None, "square": None, "sqrt": None, "reciprocal": None,
    "floor": None, "ceil": None, "rint": None, "trunc": None, "isnan": None, "isfinite": None, "logical_not": None,
    "add": None, "subtract": None, "multiply": None, "divide": None, "maximum": None, "minimum": None, "fmax": None,
    "fmin": None, "fmod": None, "remainder": None, "floor_divide": None, "copysign": None, "greater": None,
    "greater_equal": None, "less": None, "less_equal": None, "equal": None, "not_equal": None, "clip": np.clip,
    "mulz": lambda a, b: np.where(a == 0, 0, a * b), "where": lambda a, b, c: np.where(a != 0, b, c),
}  # fmt: skip

# Meaning (mpmath), reference for special values (NumPy or SciPy), where to sample.
FUNCTIONS = {
    "cbrt": (lambda x: mp.sign(x) * mp.cbrt(abs(x)), np.cbrt, [(-10, 10)]),
    "exp": (mp.exp, np.exp, [(-2, 2), (-110, 95), (-750, 715)]),
    "exp2": (lambda x: mp.mpf(2) ** x, np.exp2, [(-2, 2), (-151, 130), (-1080, 1030)]),
    "expm1": (mp.expm1, np.expm1, [(-2, 2), (-60, 95), (600, 715)]),
    "log": (mp.log, np.log, [(0, 3), (0.99, 1.01)]),
    "log2": (lambda x: mp.log(x, 2), np.log2, [(0, 3), (0.99, 1.01)]),
    "log10": (mp.log10, np.log10, [(0, 3), (0.99, 1.01)]),
    "log1p": (mp.log1p, np.log1p, [(-1, 3), (-0.01, 0.01)]),
    "sin": (mp.sin, np.sin, [(-10, 10), (-1e6, 1e6)]),
    "cos": (mp.cos, np.cos, [(-10, 10), (-1e6, 1e6)]),
    "tan": (mp.tan, np.tan, [(-10, 10), (-1e6, 1e6)]),
    "arcsin": (mp.asin, np.arcsin, [(-1, 1), (0.49, 0.51)]),
    "arccos": (mp.acos, np.arccos, [(-1, 1), (0.49, 0.51)]),
    "arctan": (mp.atan, np.arctan, [(-3, 3), (0.98, 1.02)]),
    "sinh": (mp.sinh, np.sinh, [(-3, 3), (-92, 92), (-712, 712)]),
    "cosh": (mp.cosh, np.cosh, [(-3, 3), (-92, 92), (-712, 712)]),
    "tanh": (mp.tanh, np.tanh, [(-3, 3), (-25, 25)]),
    "arcsinh": (mp.asinh, np.arcsinh, [(-3, 3), (-100, 100)]),
    "arccosh": (mp.acosh, np.arccosh, [(1, 3), (1, 100)]),
    "arctanh": (mp.atanh, np.arctanh, [(-1, 1), (-0.1, 0.1)]),
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)), sp.expit, [(-5, 5), (-110, 40), (-750, 40)]),
    "softplus": (lambda x: mp.log1p(mp.exp(x)), lambda x: np.logaddexp(0, x), [(-5, 5), (-110, 40), (-750, 40)]),
    "erf": (mp.erf, sp.erf, [(-1.5, 1.5), (-6.5, 6.5)]),
    "erfc": (mp.erfc, sp.erfc, [(-1.5, 1.5), (-7, 10.2), (10, 27.5)]),
    "gammaln": (lambda x: mp.log(abs(mp.gamma(x))) if x < 0 else mp.loggamma(x), sp.gammaln,
                [(0, 3), (0.999, 1.001), (1.999, 2.001), (2, 20), (-20, 0)]),
    "digamma": (mp.digamma, sp.digamma, [(0, 3), (1.461, 1.463), (2, 20), (-20, 0)]),
    "trigamma": (lambda x: mp.psi(1, x) if x > 0 else (mp.pi / mp.sinpi(x)) ** 2 - mp.psi(1, 1 - x), lambda x: sp.polygamma(1, x), [(0, 3), (2, 20), (-20, 0)]),
    "power": (mp.power, np.power, [((0, 5), (-20, 20)), ((0.999, 1.001), (-5e5, 5e5)), ((0, 1e-3), (-40, 100))]),
    "arctan2": (mp.atan2, np.arctan2, [((-3, 3), (-3, 3)), ((-1e9, 1e9), (-1, 1))]),
    "hypot": (mp.hypot, np.hypot, [((-3, 3), (-3, 3)), ((-1e-30, 1e-30), (-1e-30, 1e-30))]),
    "logaddexp": (lambda a, b: max(a, b) + mp.log1p(mp.exp(-abs(a - b))), np.logaddexp,
                  [((-1, 3), (-1, 3)), ((-300, 300), (-300, 300))]),
    "fma": (lambda a, b, c: a * b + c, lambda a, b, c: a * b + c, [((-3, 3), (-3, 3), (-3, 3))]),
}  # fmt: skip
ULPS = {"power": 4, "tan": 4, "gammaln": 4, "digamma": 4, "trigamma": 4}

# Where a result crosses zero between much larger terms, its error is counted in ulps of the larger one.
TERMS = {
    "gammaln": lambda ref, x: 1 if x < 0 else 0,
    "digamma": lambda ref, x: max(1, abs(mp.pi * mp.cot(mp.pi * x))) if x < 0 else 0,
    "logaddexp": lambda ref, a, b: abs(max(a, b)),
    "fma": lambda ref, a, b, c: max(abs(a * b), abs(c)),  # not fused on every instruction set
}


def everywhere(rng, dtype, n):
    """Numbers of every exponent and both signs, subnormal ones too."""
    info = np.finfo(dtype)
    unsigned = np.uint64 if dtype == np.float64 else np.uint32
    top = int(np.array(info.max).view(unsigned))
    x = rng.integers(0, top, n, endpoint=True, dtype=unsigned).view(dtype)
    x[: n // 8] = (rng.random(n // 8) * info.tiny).astype(dtype)
    return x * rng.choice(np.array([-1, 1], dtype), n)


def edges(dtype):
    """Zeros, the smallest and largest numbers, neighbours of 1, integers, halves, huge angles."""
    info = np.finfo(dtype)
    one = np.ones((), dtype)
    positive = [info.smallest_subnormal, info.tiny, np.nextafter(info.tiny, dtype(0)), info.eps, 0.4, 0.5,
                np.nextafter(one, dtype(0)), 1, np.nextafter(one, dtype(2)), 1.5, 2, 3, 4, 5, 10, 100, 1e22, info.max]  # fmt: skip
    x = np.array(positive, dtype)
    return np.concatenate([x, -x])


@functools.cache
def samples(name, dtype):
    """Operands (finite), and the exact results: None where there is no real one."""
    rng = np.random.default_rng([ops.OPCODES[name], np.dtype(dtype).itemsize])
    meaning, _, ranges = FUNCTIONS[name]
    arity = ops.ARITY[name]
    columns = [[] for _ in range(arity)]
    for bounds in ranges:
        for column, (lo, hi) in zip(columns, [bounds] if arity == 1 else bounds, strict=True):
            column.append(rng.uniform(lo, hi, 60).astype(dtype))
    for column in columns:
        column.append(everywhere(rng, dtype, 80))
        column.append(edges(dtype) if arity == 1 else rng.choice(edges(dtype), 60))
    args = [np.concatenate(column) for column in columns]
    return args, [exact(meaning, *(mp.mpf(float(x)) for x in row)) for row in zip(*args, strict=True)]


def exact(meaning, *args):
    """The value, or None where it is a pole or not real."""
    with mp.workdps(DIGITS):
        try:
            value = meaning(*args)
        except (ValueError, ZeroDivisionError, OverflowError):
            return None
        if isinstance(value, mp.mpc):
            value = value.real if value.imag == 0 else None
        return None if value is None or not mp.isfinite(value) else +value


def ulp(value, dtype):
    """Distance between the numbers of dtype around value, as an mpf; beyond the largest, that of the largest."""
    info = np.finfo(dtype)
    exponent = mp.frexp(value)[1] if value else info.minexp
    return mp.ldexp(1, int(min(max(exponent - 1, info.minexp), info.maxexp - 1)) - info.nmant)


def error(got, ref, dtype, term):
    """Error in ulps; an infinity stands for the first number that is too large."""
    beyond = mp.ldexp(1, int(np.finfo(dtype).maxexp))
    got = mp.sign(float(got)) * beyond if np.isinf(got) else mp.mpf(float(got))
    ref = mp.sign(ref) * min(abs(ref), beyond)
    return abs(got - ref) / ulp(max(abs(ref), term), dtype)


def test_every_operation_is_tested():
    assert set(EXACT) | set(FUNCTIONS) == set(ops.OPCODES)
    assert not set(EXACT) & set(FUNCTIONS)
    assert sorted(ops.OPCODES.values()) == list(range(len(ops.OPCODES)))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_accuracy(name, dtype, isa):
    args, refs = samples(name, dtype)
    got = ops.apply(name, *args, isa=isa)
    term = TERMS.get(name, lambda ref, *args: 0)
    worst = (0, None)
    for value, ref, *row in zip(got, refs, *args, strict=True):
        if ref is not None:
            assert not np.isnan(value), row
            with mp.workdps(DIGITS):
                scale = term(ref, *(mp.mpf(float(x)) for x in row))
                worst = max(worst, (float(error(value, ref, dtype, scale)), (row, value)), key=lambda w: w[0])
    assert worst[0] <= ULPS.get(name, 2), worst


SPECIAL = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, -3.0, 2.5, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*FUNCTIONS, *EXACT])
def test_special_values(name, dtype, isa):
    reference = FUNCTIONS[name][1] if name in FUNCTIONS else EXACT[name] or getattr(np, name)
    grids = np.meshgrid(*[np.array(SPECIAL, dtype)] * ops.ARITY[name], indexing="ij")
    args = [np.ascontiguousarray(g).ravel() for g in grids]
    with np.errstate(all="ignore"):
        want = np.asarray(reference(*args)).astype(dtype)
    got = ops.apply(name, *args, isa=isa)
    if name in EXACT:
        np.testing.assert_array_equal(got, want)
    else:
        np.testing.assert_allclose(got, want, rtol=16 * np.finfo(dtype).eps, atol=2 * np.finfo(dtype).eps)
        np.testing.assert_array_equal(got[want == 0], 0)
    # NumPy leaves open which zero maximum(-0.0, 0.0) and its like give.
    if name not in ("maximum", "minimum", "fmax", "fmin", "clip"):
        zero = (want == 0) & (got == 0)
        np.testing.assert_array_equal(
            np.signbit(got[zero]), np.signbit(want[zero]), err_msg=str([a[zero] for a in args])
        )


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", EXACT)
def test_exact_operations_equal_numpy(name, dtype, isa):
    rng = np.random.default_rng(1)
    reference = EXACT[name] or getattr(np, name)
    for args in (
        [everywhere(rng, dtype, 500) for _ in range(ops.ARITY[name])],
        [rng.uniform(-9, 9, 500).astype(dtype) for _ in range(ops.ARITY[name])],
        [rng.integers(-4, 5, 500).astype(dtype) for _ in range(ops.ARITY[name])],
    ):
        with np.errstate(all="ignore"):
            want = np.asarray(reference(*args)).astype(dtype)
        np.testing.assert_array_equal(ops.apply(name, *args, isa=isa), want)


def same_bits(a, b):
    """Equal to the bit, but that any NaN equals any NaN."""
    unsigned = np.uint64 if a.dtype == np.float64 else np.uint32
    return bool(np.all((a.view(unsigned) == b.view(unsigned)) | (np.isnan(a) & np.isnan(b))))


def mixed(name, dtype, n):
    """Operands with ordinary and rare elements side by side."""
    rng = np.random.default_rng(2)
    args = []
    for _ in range(ops.ARITY[name]):
        x = rng.uniform(-4, 4, n).astype(dtype)
        rare = rng.random(n) < 0.1
        x[rare] = rng.choice(np.array([*SPECIAL, 1e30, -1e30, 1e-40], dtype), rare.sum())
        args.append(x)
    return args


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ops.OPCODES)
def test_result_does_not_depend_on_position(name, dtype, isa):
    args = mixed(name, dtype, 1200)
    whole = ops.apply(name, *args, isa=isa)
    for n in (*range(41), 511, 512, 513, 1199):
        for start in (0, 1, 700):
            part = ops.apply(name, *(a[start : start + n].copy() for a in args), isa=isa)
            assert same_bits(part, whole[start : start + n]), (n, start)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ops.OPCODES)
def test_output_may_be_an_operand(name, dtype, isa):
    for n in (3, 16, 600):
        args = mixed(name, dtype, n)
        want = ops.apply(name, *args, isa=isa)
        for k in range(len(args)):
            again = [a.copy() for a in args]
            assert ops.apply(name, *again, isa=isa, out=again[k]) is again[k]
            assert same_bits(again[k], want), (n, k)


@pytest.mark.parametrize("isa", ISAS)
def test_power_and_logarithms_are_exact_where_the_result_is_a_number(isa):
    base, exponent = (g.ravel().astype(float) for g in np.meshgrid(np.arange(-12, 13), np.arange(1, 14)))
    np.testing.assert_array_equal(ops.apply("power", base, exponent, isa=isa), np.array([int(b) ** int(e) for b, e in zip(base, exponent, strict=True)], float))  # fmt: skip
    assert ops.apply("power", np.array([10.0]), np.array([-1.0]), isa=isa)[0] == 0.1
    k = np.arange(-300, 301.0)
    np.testing.assert_array_equal(ops.apply("log2", 2.0**k, isa=isa), k)
    np.testing.assert_array_equal(ops.apply("exp2", k, isa=isa), 2.0**k)
    k = np.arange(0, 23.0)
    np.testing.assert_array_equal(ops.apply("log10", 10.0**k, isa=isa), k)
    np.testing.assert_array_equal(ops.apply("cbrt", k**3, isa=isa), k)


@pytest.mark.parametrize("isa", ISAS)
def test_odd_and_even_functions(isa):
    x = np.linspace(0, 9, 501)
    for name in ("sin", "tan", "arctan", "sinh", "tanh", "arcsinh", "erf", "cbrt"):
        np.testing.assert_array_equal(ops.apply(name, -x, isa=isa), -ops.apply(name, x, isa=isa))
    for name in ("cos", "cosh"):
        np.testing.assert_array_equal(ops.apply(name, -x, isa=isa), ops.apply(name, x, isa=isa))


def test_apply_refuses_bad_operands():
    x = np.ones(4)
    with pytest.raises(ValueError, match="unknown operation 'sine'"):
        ops.apply("sine", x)
    with pytest.raises(ValueError, match="add takes 2 arrays, got 1"):
        ops.apply("add", x)
    with pytest.raises(ValueError, match="this machine supports"):
        ops.apply("sin", x, isa="v9")
    with pytest.raises(ValueError, match="contiguous and of one shape"):
        ops.apply("sin", x[::2])
    with pytest.raises(ValueError, match="contiguous and of one shape"):
        ops.apply("add", x, np.ones(5))
    for bad in (np.ones(4, np.float16), np.ones(4, int), [1.0, 2.0], np.ones(4, np.float32)):
        with pytest.raises(TypeError, match="one dtype, float64 or float32"):
            ops.apply("add", x, bad)


def run_with_isa(value):
    env = {**os.environ, "SCIRS_AD_ISA": value}
    code = "from scirs_ad._kernels import ops; print(ops.ISA)"
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)


def test_environment_variable_chooses_the_instruction_set():
    assert run_with_isa(ISAS[0]).stdout.strip() == ISAS[0]
    failed = run_with_isa("mmx")
    assert failed.returncode != 0
    assert "ImportError: SCIRS_AD_ISA" in failed.stderr
    assert "'mmx'" in failed.stderr
    assert ISAS[0] in failed.stderr
