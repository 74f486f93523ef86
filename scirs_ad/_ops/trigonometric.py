"""Trigonometric and hyperbolic functions and their inverses, and units of angle, with their partial derivatives."""

import math

import numpy as np

from scirs_ad._core.core import dtype_of
from scirs_ad._core.define import elementwise
from scirs_ad._ops.arithmetic import add, divide, hypot, multiply, negative, reciprocal, sqrt, square, subtract
from scirs_ad._ops.choice import equal, where
from scirs_ad._ops.elementwise_samples import binary_samples, complex_samples, real_samples


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
    if dtype_of(x).kind != "c":  # -(x - 1) would be -0.0 at 1, and the derivative -inf
        return multiply(subtract(1.0, x), add(1.0, x))
    # 1 - z would lose the sign of a zero imaginary part, which says on which side of a branch cut the root is
    return multiply(negative(subtract(x, 1.0)), add(1.0, x))


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
