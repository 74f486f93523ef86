"""Arithmetic, roots and absolute values, element by element, with their partial derivatives.

The derivative at a kink is 0 (`abs`, `hypot`, and roots at 0).
"""

import numpy as np

from scirs_ad._core.define import elementwise, sample
from scirs_ad._ops.choice import equal, floor, trunc, where
from scirs_ad._ops.elementwise_samples import binary_samples, complex_samples, real_samples


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


divide.def_partials(lambda out, y: (lambda: reciprocal(y), lambda: negative(multiply(out, reciprocal(y)))))
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


def _real(z):
    return z.real


def _imag(z):
    return z.imag
