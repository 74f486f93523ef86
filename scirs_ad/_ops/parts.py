"""Parts of numbers: fractions, mantissas and exponents, neighbours, common divisors."""

import numpy as np

from scirs_ad._core.core import as_array
from scirs_ad._core.define import elementwise, raises, sample
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops.elementwise_samples import real_samples

__all__ = ["bitwise_count", "divmod", "frexp", "gcd", "lcm", "ldexp", "modf", "spacing"]


@elementwise(internal=True)
def fraction(x):
    """The fractional part of `x`, with the sign of `x`.

    Derivative: 1.

    >>> fraction(-1.5)
    array(-0.5)
    """
    return np.modf(x)[0]


fraction.def_partials(lambda: (1.0,))
fraction.def_samples(real_samples(0.1, 0.9))


@elementwise(internal=True)
def mantissa(x):
    """What `x` is a power of two times of, between 0.5 and 1.

    Derivative: two to minus the exponent.

    >>> mantissa(6.0)
    array(0.75)
    """
    return np.frexp(x)[0]


mantissa.def_partials(lambda x: (lambda: ew.exp2(ew.negative(exponent(x))),))
mantissa.def_samples(real_samples(4.5, 7.5))


@elementwise(differentiable=False, internal=True)
def exponent(x):
    """The exponent of the power of two in `x`.

    Derivative: none; the function is piecewise constant.

    >>> exponent(6.0)
    array(3, dtype=int32)
    """
    return np.frexp(x)[1]


exponent.not_differentiable("it is piecewise constant")
exponent.def_samples(real_samples(4.5, 7.5))


@elementwise
def ldexp(x1, x2):
    """`x1` times two to the power `x2`, a whole number.

    Derivative: two to the power `x2`.

    >>> ldexp(1.5, 2)
    array(6.)
    """
    return np.ldexp(x1, x2)


ldexp.def_partials(lambda x1, x2: (lambda: ew.exp2(x2), None))


@ldexp.def_samples
def _(rng):
    yield sample(rng.uniform(0.5, 1, (2, 3)), np.array([1, -2, 0]))
    yield raises(TypeError, np.ones(2), np.ones(2), match="ldexp")


@elementwise(differentiable=False)
def spacing(x):
    """The distance from `x` to the next floating-point number.

    Derivative: none; the function is piecewise constant.

    >>> spacing(1.0) == np.finfo(float).eps
    np.True_
    """
    return np.spacing(x)


spacing.not_differentiable("it is piecewise constant")
spacing.def_samples(real_samples(0.5, 0.9))


def _of_whole_numbers(name, function, text, example):
    arity = len(example)
    if arity == 1:

        def body(x):
            return function(x)

    else:

        def body(x1, x2):
            return function(x1, x2)

    body.__name__ = body.__qualname__ = name
    shown = f"{name}({', '.join(map(repr, example))})\n    {np.asarray(function(*example))!r}"
    body.__doc__ = f"{text}\n\n    Derivative: none; it is a function of whole numbers.\n\n    >>> {shown}\n    "
    made = elementwise(body, differentiable=False, name=name)
    made.not_differentiable("it is a function of whole numbers")

    @made.def_samples
    def _(rng):
        yield sample(*(rng.integers(1, 50, (2, 3)) for _ in range(arity)))
        yield raises(TypeError, *(rng.standard_normal(2) for _ in range(arity)), match=name)

    return made


gcd = _of_whole_numbers("gcd", np.gcd, "The greatest common divisor of `x1` and `x2`.", (12, 18))
lcm = _of_whole_numbers("lcm", np.lcm, "The lowest common multiple of `x1` and `x2`.", (4, 6))
bitwise_count = _of_whole_numbers("bitwise_count", np.bitwise_count, "The number of bits of `x` that are set.", (7,))


def modf(x):
    """Fractional and integral part of `x`, both with its sign.

    Parameters
    ----------
    x : array_like

    Returns
    -------
    fraction, whole : Variable or ndarray

    Notes
    -----
    Derivative: 1 for the fraction; none for the whole part, which is piecewise constant. Cost: two passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.modf(-1.5)
    (array(-0.5), array(-1.))
    """
    x = as_array(x)
    return fraction(x), ew.trunc(x)


def frexp(x):
    """Mantissa and exponent: ``x == mantissa * 2**exponent``.

    Parameters
    ----------
    x : array_like

    Returns
    -------
    mantissa, exponent : Variable or ndarray

    Notes
    -----
    Derivative: ``2**-exponent`` for the mantissa; none for the exponent. Cost: two passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.frexp(6.0)
    (array(0.75), array(3, dtype=int32))
    """
    x = as_array(x)
    return mantissa(x), exponent(x)


def divmod(x1, x2):
    """Quotient, rounded down, and remainder.

    Parameters
    ----------
    x1, x2 : array_like

    Returns
    -------
    quotient, remainder : Variable or ndarray

    Notes
    -----
    Derivative: that of `remainder`; none for the quotient, which is piecewise constant. Cost: two passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.divmod(7.5, 2.0)
    (array(3.), array(1.5))
    """
    return ew.floor_divide(x1, x2), ew.remainder(x1, x2)
