"""Powers, exponentials, logarithms and sigmoids, element by element, with their partial derivatives."""

import math

import numpy as np

from scirs_ad._core.define import elementwise, sample
from scirs_ad._ops.arithmetic import add, divide, multiply, negative, reciprocal, subtract
from scirs_ad._ops.choice import equal, where
from scirs_ad._ops.elementwise_samples import binary_samples, complex_samples, real_samples

LN2, LN10 = math.log(2.0), math.log(10.0)


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
    # Of Python's numbers by Python's arithmetic, which does not widen a float32 array beside them.
    def to_x():
        if type(y) is float:
            return 0.0 if y == 0.0 else multiply(y, power(x, y - 1.0))
        return where(equal(y, 0.0), 0.0, multiply(y, power(x, subtract(y, 1.0))))

    def to_y():
        if type(x) is float:
            return 0.0 if x == 0.0 else multiply(float(np.log(x)), out)
        return where(equal(x, 0.0), 0.0, multiply(log(where(equal(x, 0.0), 1.0, x)), out))

    return to_x, to_y


@power.def_samples
def _(rng):
    yield from binary_samples(0.5, 2)(rng)
    yield sample(np.array([-1.5, 0.7]), 3.0, wrt=(0,))  # no logarithm of a negative number
    yield sample(np.array([-1.5, 0.7]), np.array([2.0, 3.0]), wrt=(0,))


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
