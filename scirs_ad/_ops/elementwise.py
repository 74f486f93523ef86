"""Base functions of one and two real arguments that act element by element, with their partial derivatives.

Conventions at kinks and ties: the derivative of `abs`, `sign`-like functions at a kink is 0; `maximum` and `minimum`
share a tie equally. A cotangent that is exactly zero gives a zero cotangent, also where a partial is not finite.
Complex arguments: all functions here but the order-based ones are holomorphic, and `ct * conj(f'(z))` is the rule.
"""

import math

import numpy as np

from scirs_ad._core.define import elementwise, raises, sample

LN2, LN10 = math.log(2.0), math.log(10.0)


def real_samples(low, high, *, also=()):
    """Samples of a function of one real variable: several shapes, values in [low, high], and the given ones."""

    def samples(rng):
        for shape in [(), (5,), (2, 3), (0,)]:
            yield sample(rng.uniform(low, high, shape))
        yield sample(rng.uniform(low, high, 4).astype(np.float32))
        for x in also:
            yield sample(np.asarray(x, float))
        yield raises(TypeError, np.array(["a"]), match="number")

    return samples


def complex_samples(low, high, *, also=()):
    """As `real_samples`, with complex ones."""

    def samples(rng):
        yield from real_samples(low, high, also=also)(rng)
        yield sample(rng.uniform(low, high, 3) + 1j * rng.uniform(low, high, 3))

    return samples


def binary_samples(low, high, *, low2=None, high2=None, complex_too=True):
    """Samples of a function of two arguments: broadcasting, scalars, dtypes."""
    low2, high2 = low if low2 is None else low2, high if high2 is None else high2

    def samples(rng):
        def x(*shape):
            return rng.uniform(low, high, shape)

        def y(*shape):
            return rng.uniform(low2, high2, shape)

        yield sample(x(), y())
        yield sample(x(4), y(4))
        yield sample(x(2, 3), y(3))
        yield sample(x(3, 1), y(1, 2))
        yield sample(x(3), float(y()))
        yield sample(float(x()), y(3))
        yield sample(x(0), y(1))
        yield sample(x(4).astype(np.float32), y(4).astype(np.float32))
        if complex_too:
            yield sample(x(3) + 1j * x(3), y(3) + 1j * y(3))
        yield raises(ValueError, x(3), y(4), match="shapes")

    return samples


# ------------------------------------------------------------------------------------------------ arithmetic
@elementwise(opcode="add")
def add(x, y):
    """Sum of `x` and `y`.

    Derivative: 1 and 1.

    >>> add(1.0, 2.0)
    array(3.)
    """
    return np.add(x, y)


add.def_partials(lambda: (1.0, 1.0))
add.def_samples(binary_samples(-2, 2))


@elementwise(opcode="subtract")
def subtract(x, y):
    """Difference of `x` and `y`.

    Derivative: 1 and -1.

    >>> subtract(1.0, 3.0)
    array(-2.)
    """
    return np.subtract(x, y)


subtract.def_partials(lambda: (1.0, -1.0))
subtract.def_samples(binary_samples(-2, 2))


@elementwise(opcode="multiply")
def multiply(x, y):
    """Product of `x` and `y`.

    Derivative: `y` and `x`.

    >>> multiply(3.0, 2.0)
    array(6.)
    """
    return np.multiply(x, y)


multiply.def_partials(lambda x, y: (y, x))
multiply.def_samples(binary_samples(-2, 2))


@elementwise(opcode="mulz", internal=True)
def mulz(x, y):
    """Product of `x` and `y` that is exactly zero where `x` is, even if `y` is infinite or nan.

    The product of a cotangent with a partial derivative: no dependence times an infinite slope is no dependence.

    Derivative: `y` and `x`.

    >>> mulz(0.0, float("inf"))
    array(0.)
    """
    with np.errstate(invalid="ignore"):
        return np.where(np.equal(x, 0), np.zeros((), np.result_type(x, y)), np.multiply(x, y))


mulz.def_partials(lambda x, y: (y, x))
mulz.def_samples(binary_samples(0.5, 2))


@elementwise(opcode="divide")
def divide(x, y):
    """Quotient of `x` and `y`.

    Derivative: ``1 / y`` and ``-x / y**2``.

    >>> divide(1.0, 4.0)
    array(0.25)
    """
    return np.divide(x, y)


divide.def_partials(lambda out, y: (lambda: reciprocal(y), lambda: negative(divide(out, y))))
divide.def_samples(binary_samples(-2, 2, low2=0.5, high2=2))


@elementwise(opcode="negative")
def negative(x):
    """Negative of `x`.

    Derivative: -1.

    >>> negative(2.0)
    array(-2.)
    """
    return np.negative(x)


negative.def_partials(lambda: -1.0)
negative.def_samples(complex_samples(-2, 2))


@elementwise(opcode="copy")
def positive(x):
    """`x` itself, as a new array.

    Derivative: 1.

    >>> positive(2.0)
    array(2.)
    """
    return np.positive(x)


positive.def_partials(lambda: 1.0)
positive.def_samples(complex_samples(-2, 2))


@elementwise(opcode="reciprocal")
def reciprocal(x):
    """Reciprocal of `x`.

    Derivative: ``-1 / x**2``.

    >>> reciprocal(4.0)
    array(0.25)
    """
    return np.reciprocal(x)


reciprocal.def_partials(lambda out: negative(square(out)))
reciprocal.def_samples(complex_samples(0.5, 2))


@elementwise(opcode="square")
def square(x):
    """Square of `x`.

    Derivative: ``2 x``.

    >>> square(3.0)
    array(9.)
    """
    return np.square(x)


square.def_partials(lambda x: multiply(2.0, x))
square.def_samples(complex_samples(-2, 2, also=[0.0]))


@elementwise(opcode="sqrt")
def sqrt(x):
    """Square root of `x`.

    Domain: `x` >= 0; nan below.
    Derivative: ``1 / (2 sqrt(x))``; 0 at 0, the subgradient that keeps norms of zero vectors finite.

    >>> sqrt(4.0)
    array(2.)
    """
    return np.sqrt(x)


@sqrt.def_partials
def _(out):
    return where(equal(out, 0.0), 0.0, divide(0.5, out))


sqrt.def_samples(complex_samples(0.5, 2))


@elementwise(opcode="cbrt")
def cbrt(x):
    """Cube root of `x`.

    Derivative: ``1 / (3 cbrt(x)**2)``; 0 at 0.

    >>> cbrt(8.0)
    array(2.)
    """
    return np.cbrt(x)


@cbrt.def_partials
def _(out):
    return where(equal(out, 0.0), 0.0, divide(1.0 / 3.0, square(out)))


cbrt.def_samples(real_samples(0.5, 2, also=[-1.5]))


@elementwise(opcode="power")
def power(x, y):
    """`x` to the power `y`.

    Domain: `x` >= 0, or `y` a whole number.
    Derivative: ``y * x**(y - 1)`` and ``log(x) * x**y``, the latter 0 at `x` = 0.

    >>> power(2.0, 3.0)
    array(8.)
    """
    return np.power(x, y)


@power.def_partials
def _(out, x, y):
    return (
        lambda: where(equal(y, 0.0), 0.0, multiply(y, power(x, subtract(y, 1.0)))),
        lambda: where(equal(x, 0.0), 0.0, multiply(log(where(equal(x, 0.0), 1.0, x)), out)),
    )


@power.def_samples
def _(rng):
    yield from binary_samples(0.5, 2)(rng)
    yield sample(np.array([-1.5, 0.7]), 3.0, wrt=(0,))  # no logarithm of a negative number
    yield sample(np.array([-1.5, 0.7]), np.array([2.0, 3.0]), wrt=(0,))


@elementwise(opcode="abs")
def abs(x):
    """Absolute value of `x`; real also for complex `x`.

    Derivative: ``sign(x)``, 0 at 0.

    >>> abs(-2.0)
    array(2.)
    """
    return np.abs(x)


abs.def_partials(lambda x: sign(x))
abs.def_vjp(lambda ct, x, out: multiply(ct, _direction(x, out)))


@abs.def_jvp
def _(t, x, out):
    from_real = multiply(_real(t), _real(_direction(x, out)))
    return add(from_real, multiply(_imag(t), _imag(_direction(x, out))))


def _direction(x, out):
    """x / |x|, 0 at 0."""
    return divide(x, where(equal(out, 0.0), 1.0, out))


@abs.def_samples
def _(rng):
    yield from complex_samples(0.5, 2)(rng)
    yield sample(np.array([-1.5, 0.7]))


@elementwise(opcode="sign")
def sign(x):
    """Sign of `x`: -1, 0 or 1; ``x / |x|`` for complex `x`.

    Derivative: 0 for real `x`.

    >>> sign(-2.0)
    array(-1.)
    """
    return np.sign(x)


sign.def_partials(lambda: None)
sign.def_samples(real_samples(0.5, 2))


@elementwise(opcode="hypot")
def hypot(x, y):
    """Length of the hypotenuse ``sqrt(x**2 + y**2)``, without overflow.

    Derivative: ``x / hypot`` and ``y / hypot``; 0 where both are 0.

    >>> hypot(3.0, 4.0)
    array(5.)
    """
    return np.hypot(x, y)


@hypot.def_partials
def _(out, x, y):
    def by(z):
        return divide(z, where(equal(out, 0.0), 1.0, out))

    return lambda: by(x), lambda: by(y)


hypot.def_samples(binary_samples(-2, 2, complex_too=False))


@elementwise(opcode="remainder")
def remainder(x, y):
    """Remainder of `x` / `y` with the sign of `y`.

    Derivative: 1 and ``-floor(x / y)``, between the jumps.

    >>> remainder(7.0, 3.0)
    array(1.)
    """
    return np.remainder(x, y)


remainder.def_partials(lambda x, y: (1.0, lambda: negative(floor(divide(x, y)))))
remainder.def_samples(binary_samples(3.1, 3.9, low2=1.1, high2=1.5, complex_too=False))


@elementwise(opcode="fmod")
def fmod(x, y):
    """Remainder of `x` / `y` with the sign of `x`.

    Derivative: 1 and ``-trunc(x / y)``, between the jumps.

    >>> fmod(-7.0, 3.0)
    array(-1.)
    """
    return np.fmod(x, y)


fmod.def_partials(lambda x, y: (1.0, lambda: negative(trunc(divide(x, y)))))
fmod.def_samples(binary_samples(3.1, 3.9, low2=1.1, high2=1.5, complex_too=False))


@elementwise(opcode="copysign")
def copysign(x, y):
    """`x` with the sign of `y`.

    Derivative: ``sign(x) * copysign(1, y)`` and 0.

    >>> copysign(2.0, -0.0)
    array(-2.)
    """
    return np.copysign(x, y)


copysign.def_partials(lambda x, y: (lambda: multiply(sign(x), copysign(1.0, y)), None))
copysign.def_samples(binary_samples(0.5, 2, complex_too=False))


# ------------------------------------------------------------------------------------------------ exponential
@elementwise(opcode="exp")
def exp(x):
    """Exponential of `x`.

    Derivative: ``exp(x)``.

    >>> exp(0.0)
    array(1.)
    """
    return np.exp(x)


exp.def_partials(lambda out: out)
exp.def_samples(complex_samples(-2, 2))


@elementwise(opcode="exp2")
def exp2(x):
    """2 to the power `x`.

    Derivative: ``log(2) * 2**x``.

    >>> exp2(3.0)
    array(8.)
    """
    return np.exp2(x)


exp2.def_partials(lambda out: multiply(LN2, out))
exp2.def_samples(complex_samples(-2, 2))


@elementwise(opcode="expm1")
def expm1(x):
    """``exp(x) - 1``, accurate near 0.

    Derivative: ``exp(x)``.

    >>> expm1(0.0)
    array(0.)
    """
    return np.expm1(x)


expm1.def_partials(lambda out: add(out, 1.0))
expm1.def_samples(complex_samples(-2, 2))


@elementwise(opcode="log")
def log(x):
    """Natural logarithm of `x`.

    Domain: `x` > 0; -inf at 0, nan below.
    Derivative: ``1 / x``.

    >>> log(1.0)
    array(0.)
    """
    return np.log(x)


log.def_partials(lambda x: reciprocal(x))
log.def_samples(complex_samples(0.5, 2))


@elementwise(opcode="log2")
def log2(x):
    """Logarithm of `x` to the base 2.

    Domain: `x` > 0.
    Derivative: ``1 / (x log(2))``.

    >>> log2(8.0)
    array(3.)
    """
    return np.log2(x)


log2.def_partials(lambda x: divide(1.0 / LN2, x))
log2.def_samples(complex_samples(0.5, 2))


@elementwise(opcode="log10")
def log10(x):
    """Logarithm of `x` to the base 10.

    Domain: `x` > 0.
    Derivative: ``1 / (x log(10))``.

    >>> log10(100.0)
    array(2.)
    """
    return np.log10(x)


log10.def_partials(lambda x: divide(1.0 / LN10, x))
log10.def_samples(complex_samples(0.5, 2))


@elementwise(opcode="log1p")
def log1p(x):
    """``log(1 + x)``, accurate near 0.

    Domain: `x` > -1.
    Derivative: ``1 / (1 + x)``.

    >>> log1p(0.0)
    array(0.)
    """
    return np.log1p(x)


log1p.def_partials(lambda x: reciprocal(add(x, 1.0)))
log1p.def_samples(complex_samples(-0.5, 2))


@elementwise(opcode="logaddexp")
def logaddexp(x, y):
    """``log(exp(x) + exp(y))``, without overflow.

    Derivative: ``sigmoid(x - y)`` and ``sigmoid(y - x)``.

    >>> logaddexp(0.0, 0.0)
    array(0.69314718)
    """
    return np.logaddexp(x, y)


@logaddexp.def_partials
def _(x, y):
    def share(a, b):
        # equal infinities share equally; inf - inf would be nan
        return sigmoid(where(equal(a, b), 0.0, subtract(a, b)))

    return lambda: share(x, y), lambda: share(y, x)


logaddexp.def_samples(binary_samples(-2, 2, complex_too=False))


@elementwise
def logaddexp2(x, y):
    """``log2(2**x + 2**y)``, without overflow.

    Derivative: ``1 / (1 + 2**(y - x))`` and ``1 / (1 + 2**(x - y))``.

    >>> logaddexp2(1.0, 1.0)
    array(2.)
    """
    return multiply(1.0 / LN2, logaddexp(multiply(LN2, x), multiply(LN2, y)))


logaddexp2.def_samples(binary_samples(-2, 2, complex_too=False))


@elementwise(opcode="sigmoid")
def sigmoid(x):
    """Logistic sigmoid ``1 / (1 + exp(-x))``.

    Derivative: ``sigmoid(x) * sigmoid(-x)``.

    >>> sigmoid(0.0)
    array(0.5)
    """
    x = np.asarray(x)
    x = x if x.dtype.kind in "fc" else x.astype(float)
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


sigmoid.def_partials(lambda x, out: multiply(out, sigmoid(negative(x))))
sigmoid.def_samples(real_samples(-2, 2, also=[40.0, -40.0]))


@elementwise(opcode="softplus")
def softplus(x):
    """``log(1 + exp(x))``, without overflow.

    Derivative: ``sigmoid(x)``.

    >>> softplus(0.0)
    array(0.69314718)
    """
    return np.logaddexp(x, 0)


softplus.def_partials(lambda x: sigmoid(x))
softplus.def_samples(real_samples(-2, 2, also=[700.0, -700.0]))


# ------------------------------------------------------------------------------------------------ trigonometric
@elementwise(opcode="sin")
def sin(x):
    """Sine of `x` [rad].

    Derivative: ``cos(x)``.

    >>> sin(0.0)
    array(0.)
    """
    return np.sin(x)


sin.def_partials(lambda x: cos(x))
sin.def_samples(complex_samples(-2, 2))


@elementwise(opcode="cos")
def cos(x):
    """Cosine of `x` [rad].

    Derivative: ``-sin(x)``.

    >>> cos(0.0)
    array(1.)
    """
    return np.cos(x)


cos.def_partials(lambda x: negative(sin(x)))
cos.def_samples(complex_samples(-2, 2))


@elementwise(opcode="tan")
def tan(x):
    """Tangent of `x` [rad].

    Derivative: ``1 + tan(x)**2``.

    >>> tan(0.0)
    array(0.)
    """
    return np.tan(x)


tan.def_partials(lambda out: add(1.0, square(out)))
tan.def_samples(complex_samples(-1, 1))


@elementwise(opcode="arcsin")
def asin(x):
    """Inverse sine of `x`, in [-pi/2, pi/2].

    Domain: -1 <= `x` <= 1.
    Derivative: ``1 / sqrt((1 - x) (1 + x))``; infinite at the ends.

    >>> asin(0.0)
    array(0.)
    """
    return np.arcsin(x)


def _one_minus_square(x):
    return multiply(subtract(1.0, x), add(1.0, x))


asin.def_partials(lambda x: reciprocal(sqrt(_one_minus_square(x))))
asin.def_samples(complex_samples(-0.8, 0.8))


@elementwise(opcode="arccos")
def acos(x):
    """Inverse cosine of `x`, in [0, pi].

    Domain: -1 <= `x` <= 1.
    Derivative: ``-1 / sqrt((1 - x) (1 + x))``; infinite at the ends.

    >>> acos(1.0)
    array(0.)
    """
    return np.arccos(x)


acos.def_partials(lambda x: divide(-1.0, sqrt(_one_minus_square(x))))
acos.def_samples(complex_samples(-0.8, 0.8))


@elementwise(opcode="arctan")
def atan(x):
    """Inverse tangent of `x`, in [-pi/2, pi/2].

    Derivative: ``1 / (1 + x**2)``.

    >>> atan(0.0)
    array(0.)
    """
    return np.arctan(x)


atan.def_partials(lambda x: reciprocal(add(1.0, square(x))))
atan.def_samples(complex_samples(-0.8, 0.8))


@elementwise(opcode="arctan2")
def atan2(y, x):
    """Angle of the point (`x`, `y`), in [-pi, pi].

    Derivative: ``x / (x**2 + y**2)`` and ``-y / (x**2 + y**2)``; 0 at the origin.

    >>> atan2(0.0, 1.0)
    array(0.)
    """
    return np.arctan2(y, x)


@atan2.def_partials
def _(y, x):
    def over(z):
        r = hypot(x, y)
        r = where(equal(r, 0.0), 1.0, r)
        return divide(divide(z, r), r)

    return lambda: over(x), lambda: negative(over(y))


atan2.def_samples(binary_samples(0.5, 2, low2=-2, high2=2, complex_too=False))


@elementwise(opcode="sinh")
def sinh(x):
    """Hyperbolic sine of `x`.

    Derivative: ``cosh(x)``.

    >>> sinh(0.0)
    array(0.)
    """
    return np.sinh(x)


sinh.def_partials(lambda x: cosh(x))
sinh.def_samples(complex_samples(-2, 2))


@elementwise(opcode="cosh")
def cosh(x):
    """Hyperbolic cosine of `x`.

    Derivative: ``sinh(x)``.

    >>> cosh(0.0)
    array(1.)
    """
    return np.cosh(x)


cosh.def_partials(lambda x: sinh(x))
cosh.def_samples(complex_samples(-2, 2))


@elementwise(opcode="tanh")
def tanh(x):
    """Hyperbolic tangent of `x`.

    Derivative: ``1 - tanh(x)**2``.

    >>> tanh(0.0)
    array(0.)
    """
    return np.tanh(x)


tanh.def_partials(lambda out: _one_minus_square(out))
tanh.def_samples(complex_samples(-2, 2))


@elementwise(opcode="arcsinh")
def asinh(x):
    """Inverse hyperbolic sine of `x`.

    Derivative: ``1 / sqrt(1 + x**2)``.

    >>> asinh(0.0)
    array(0.)
    """
    return np.arcsinh(x)


@asinh.def_partials
def _(x):
    return reciprocal(sqrt(add(1.0, square(x))))


asinh.def_samples(complex_samples(-0.8, 0.8))


@elementwise(opcode="arccosh")
def acosh(x):
    """Inverse hyperbolic cosine of `x`, in [0, inf].

    Domain: `x` >= 1.
    Derivative: ``1 / sqrt((x - 1) (x + 1))``; infinite at 1.

    >>> acosh(1.0)
    array(0.)
    """
    return np.arccosh(x)


acosh.def_partials(lambda x: reciprocal(multiply(sqrt(subtract(x, 1.0)), sqrt(add(x, 1.0)))))
acosh.def_samples(complex_samples(1.5, 3))


@elementwise(opcode="arctanh")
def atanh(x):
    """Inverse hyperbolic tangent of `x`.

    Domain: -1 <= `x` <= 1.
    Derivative: ``1 / ((1 - x) (1 + x))``.

    >>> atanh(0.0)
    array(0.)
    """
    return np.arctanh(x)


atanh.def_partials(lambda x: reciprocal(_one_minus_square(x)))
atanh.def_samples(complex_samples(-0.8, 0.8))


# ------------------------------------------------------------------------------------------------ choice
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


@elementwise
def deg2rad(x):
    """Degrees to radians.

    Derivative: ``pi / 180``.

    >>> deg2rad(180.0)
    array(3.14159265)
    """
    return multiply(x, math.pi / 180.0)


deg2rad.def_samples(real_samples(-200, 200))


@elementwise
def rad2deg(x):
    """Radians to degrees.

    Derivative: ``180 / pi``.

    >>> rad2deg(np.pi)
    array(180.)
    """
    return multiply(x, 180.0 / math.pi)


rad2deg.def_samples(real_samples(-2, 2))


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


def _real(z):
    return z.real


def _imag(z):
    return z.imag
