"""Functions that choose between values, compare them, round them or test them, element by element.

Ties: `maximum` and `minimum` share a tie equally. `where` gives the branch not taken exactly zero.
"""

import numpy as np

from scirs_ad._core.define import elementwise, raises, sample
from scirs_ad._ops.elementwise_samples import binary_samples, real_samples


def _shares(first, tie):
    """Partials of a selection between two: 1 where the first is taken, one half at a tie."""
    return lambda: where(tie, 0.5, where(first, 1.0, 0.0)), lambda: where(tie, 0.5, where(first, 0.0, 1.0))


@elementwise(opcode="maximum")
def maximum(x, y):
    """The larger of `x` and `y`; nan if one is nan.

    Derivative: 1 for the larger, one half each at a tie.

    >>> maximum(1.0, 2.0)
    array(2.)
    """
    return np.maximum(x, y)


maximum.def_partials(lambda x, y: _shares(greater(x, y), equal(x, y)))
maximum.def_samples(binary_samples(-2, 2, complex_too=False))


@elementwise(opcode="minimum")
def minimum(x, y):
    """The smaller of `x` and `y`; nan if one is nan.

    Derivative: 1 for the smaller, one half each at a tie.

    >>> minimum(1.0, 2.0)
    array(1.)
    """
    return np.minimum(x, y)


minimum.def_partials(lambda x, y: _shares(less(x, y), equal(x, y)))
minimum.def_samples(binary_samples(-2, 2, complex_too=False))


@elementwise(opcode="fmax")
def fmax(x, y):
    """The larger of `x` and `y`; the other if one is nan.

    Derivative: 1 for the larger, one half each at a tie.

    >>> fmax(1.0, float("nan"))
    array(1.)
    """
    return np.fmax(x, y)


fmax.def_partials(lambda x, y: _shares(where(not_equal(y, y), 1.0, greater(x, y)), equal(x, y)))
fmax.def_samples(binary_samples(-2, 2, complex_too=False))


@elementwise(opcode="fmin")
def fmin(x, y):
    """The smaller of `x` and `y`; the other if one is nan.

    Derivative: 1 for the smaller, one half each at a tie.

    >>> fmin(1.0, float("nan"))
    array(1.)
    """
    return np.fmin(x, y)


fmin.def_partials(lambda x, y: _shares(where(not_equal(y, y), 1.0, less(x, y)), equal(x, y)))
fmin.def_samples(binary_samples(-2, 2, complex_too=False))


@elementwise(opcode="where")
def where(condition, x, y):
    """`x` where `condition` holds, else `y`.

    Derivative: 0 for the condition; for `x` and `y` 1 where they are taken and exactly 0 where they are not.

    >>> where(True, 1.0, 2.0)
    array(1.)
    """
    return np.where(condition, x, y)


where.def_partials(lambda condition: (None, lambda: where(condition, 1.0, 0.0), lambda: where(condition, 0.0, 1.0)))


@where.def_samples
def _(rng):
    c = rng.random((2, 3)) < 0.5
    yield sample(c, rng.standard_normal((2, 3)), rng.standard_normal(3))
    yield sample(c, rng.standard_normal((2, 3)), 2.0)
    yield sample(True, rng.standard_normal(2), rng.standard_normal((3, 1)))
    yield sample(c[0], rng.standard_normal(3) + 1j, rng.standard_normal(3))
    yield raises(ValueError, c, np.ones(2), 1.0, match="shapes")


@elementwise(opcode="clip", internal=True)
def clip_to(x, low, high):
    """`x` limited to [`low`, `high`].

    Derivative: 1 for `x` inside and at the limits, 0 outside; 1 for a limit where `x` is beyond it.

    >>> clip_to(3.0, 0.0, 1.0)
    array(1.)
    """
    return np.clip(x, low, high)


@clip_to.def_partials
def _(x, low, high):
    def inside():
        return where(less(x, low), 0.0, where(greater(x, high), 0.0, 1.0))

    return inside, lambda: where(greater(x, high), 0.0, less(x, low)), lambda: where(greater(x, high), 1.0, 0.0)


@clip_to.def_samples
def _(rng):
    yield sample(rng.uniform(-2, 2, (2, 3)), -0.5, 0.7)
    yield sample(rng.uniform(-2, 2, (2, 3)), np.array([-0.5, 0.1, 0.0]), np.array(1.0))


@elementwise
def heaviside(x, y):
    """0 for negative `x`, 1 for positive, `y` at 0.

    Derivative: 0 for `x`; for `y` 1 where `x` is 0.

    >>> heaviside(0.0, 0.5)
    array(0.5)
    """
    return where(less(x, 0.0), 0.0, where(greater(x, 0.0), 1.0, where(equal(x, 0.0), y, x)))


heaviside.def_samples(binary_samples(0.5, 2, complex_too=False))


# ------------------------------------------------------------------------------------------------ no derivative
def _piecewise_constant(name, opcode, function, text, arity=1, example=None):
    """A function of one or two arguments without derivative."""
    if arity == 1:

        def body(x):
            return function(x)

    else:

        def body(x, y):
            return function(x, y)

    body.__name__ = body.__qualname__ = name
    args = example if example is not None else (1.5,) if arity == 1 else (7.5, 2.0)
    shown = f"{name}({', '.join(map(repr, args))})\n    {np.asarray(function(*args))!r}"
    body.__doc__ = f"{text}\n\n    Derivative: none; the function is piecewise constant.\n\n    >>> {shown}\n    "
    made = (
        elementwise(body, opcode=None, differentiable=False, name=name)
        if opcode is None
        else elementwise(opcode=opcode, differentiable=False, name=name)(body)
    )
    made.not_differentiable("it is piecewise constant")
    made.def_samples(real_samples(-2, 2) if arity == 1 else binary_samples(-2, 2, complex_too=False))
    return made


floor = _piecewise_constant("floor", "floor", np.floor, "The largest whole number not above `x`.")
ceil = _piecewise_constant("ceil", "ceil", np.ceil, "The smallest whole number not below `x`.")
trunc = _piecewise_constant("trunc", "trunc", np.trunc, "`x` without its fraction.")
rint = _piecewise_constant("rint", "rint", np.rint, "The nearest whole number, the even one at a tie.")
floor_divide = _piecewise_constant(
    "floor_divide", "floor_divide", np.floor_divide, "The largest whole number not above `x` / `y`.", 2
)


def _predicate(name, opcode, function, text, arity=2):
    """A comparison or test. Inside a fused program it is a mask of 1.0 and 0.0; its own result is boolean."""
    made = _piecewise_constant(name, opcode, function, text, arity)
    made.built = True  # no program for the value: the result is boolean
    made.ufunc = function
    return made


greater = _predicate("greater", "greater", np.greater, "Whether `x` > `y`.")
greater_equal = _predicate("greater_equal", "greater_equal", np.greater_equal, "Whether `x` >= `y`.")
less = _predicate("less", "less", np.less, "Whether `x` < `y`.")
less_equal = _predicate("less_equal", "less_equal", np.less_equal, "Whether `x` <= `y`.")
equal = _predicate("equal", "equal", np.equal, "Whether `x` == `y`.")
not_equal = _predicate("not_equal", "not_equal", np.not_equal, "Whether `x` != `y`.")
isnan = _predicate("isnan", "isnan", np.isnan, "Whether `x` is nan.", 1)
isfinite = _predicate("isfinite", "isfinite", np.isfinite, "Whether `x` is neither infinite nor nan.", 1)
logical_not = _predicate("logical_not", "logical_not", np.logical_not, "Whether `x` is zero.", 1)
isinf = _predicate("isinf", None, np.isinf, "Whether `x` is infinite.", 1)
signbit = _predicate("signbit", None, np.signbit, "Whether the sign bit of `x` is set.", 1)
logical_and = _predicate("logical_and", None, np.logical_and, "Whether `x` and `y` are both nonzero.")
logical_or = _predicate("logical_or", None, np.logical_or, "Whether `x` or `y` is nonzero.")
logical_xor = _predicate("logical_xor", None, np.logical_xor, "Whether exactly one of `x` and `y` is nonzero.")


def _integer(name, function, text, arity=2):
    """A function of integers."""
    made = _piecewise_constant(name, None, function, text, arity, (6, 3)[:arity])
    made.built = True
    made.ufunc = function

    def samples(rng):
        yield sample(*(rng.integers(0, 5, 4) for _ in range(arity)))
        yield sample(*(rng.integers(0, 5, (2, 3)) for _ in range(arity)))

    made.def_samples(samples)
    return made


bitwise_and = _integer("bitwise_and", np.bitwise_and, "Bits set in `x` and in `y`.")
bitwise_or = _integer("bitwise_or", np.bitwise_or, "Bits set in `x` or in `y`.")
bitwise_xor = _integer("bitwise_xor", np.bitwise_xor, "Bits set in one of `x` and `y`.")
bitwise_left_shift = _integer("bitwise_left_shift", np.left_shift, "`x` shifted left by `y` bits.")
bitwise_right_shift = _integer("bitwise_right_shift", np.right_shift, "`x` shifted right by `y` bits.")
bitwise_invert = _integer("bitwise_invert", np.invert, "The bits of `x`, inverted.", 1)
