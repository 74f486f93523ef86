"""Bessel, Airy, Kelvin and Struve functions. Formulas: DLMF chapters 9 to 11.

With respect to the argument the derivatives are recurrences; with respect to the order, in which the functions are
entire, they are those of an interpolant.
"""

import math

import numpy as np

from scirs_ad._core.core import dtype_of
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops.special_base import INTEGER, PAGES, RADII, at, numeric, outputs, page, slope, terms

SQRT_PI = math.sqrt(math.pi)


def order_radius(v, z, *rest):
    """The functions change with the order like exp(log(|z| / 2 (|v| + 1)) delta)."""
    with np.errstate(all="ignore"):
        change = np.abs(np.log(np.abs(z) / (2.0 * (np.abs(v) + 1.0))))
    return 2.0 / (2.0 + np.where(np.isfinite(change), change, 0.0))


def _neighbours(name, v, z):
    return PAGES[name](v - 1, z), PAGES[name](v + 1, z)


def _difference(name):
    def derivative(v, z):
        below, above = _neighbours(name, v, z)
        return 0.5 * (below - above)

    return derivative


def _sum(name, sign):
    def derivative(v, z):
        below, above = _neighbours(name, v, z)
        return (0.5 * sign) * (below + above)

    return derivative


_real = at((-0.4, 3.3), (0.5, 6), z=True, also=[(2.0, 3.0), (0.0, 30.0)])
ORDER = numeric(order_radius)
jv = page("jv", "v z", "Bessel function of the first kind, of real order.", [ORDER, _difference("jv")], _real)
yv = page("yv", "v z", "Bessel function of the second kind, of real order.", [ORDER, _difference("yv")], _real)
iv = page("iv", "v z", "Modified Bessel function of the first kind, of real order.", [ORDER, _sum("iv", 1.0)], _real)
kv = page("kv", "v z", "Modified Bessel function of the second kind, of real order.", [ORDER, _sum("kv", -1.0)], _real)
yn = page(
    "yn",
    "n x",
    "Bessel function of the second kind, of integer order.",
    [INTEGER, lambda n, x: _difference("yv")(n, x)],
    at([0, 1, 3], (0.5, 6)),
)
kn = page(
    "kn",
    "n x",
    "Modified Bessel function of the second kind, of integer order.",
    [INTEGER, lambda n, x: _sum("kv", -1.0)(n, x)],
    at([0, 1, 3], (0.5, 6)),
)
PAGES["jn"] = jv  # scipy.special.jn is jv

_hankel = at((-0.4, 3.3), (0.5, 6), z=True)
hankel1 = page("hankel1", "v z", "Hankel function of the first kind.", [ORDER, _difference("hankel1")], _hankel)
hankel2 = page("hankel2", "v z", "Hankel function of the second kind.", [ORDER, _difference("hankel2")], _hankel)
hankel1e = page(
    "hankel1e",
    "v z",
    "Hankel function of the first kind, times exp(-i z).",
    [ORDER, lambda out, v, z: _difference("hankel1e")(v, z) - 1j * out],
    _hankel,
)
hankel2e = page(
    "hankel2e",
    "v z",
    "Hankel function of the second kind, times exp(i z).",
    [ORDER, lambda out, v, z: _difference("hankel2e")(v, z) + 1j * out],
    _hankel,
)
kve = page(
    "kve",
    "v z",
    "Modified Bessel function of the second kind, times exp(z).",
    [ORDER, lambda out, v, z: out + _sum("kve", -1.0)(v, z)],
    _real,
)


def _scaled(name, summary, recurrence, part):
    """A function scaled by exp(-|part of z|), which is not holomorphic: `part` takes z to a real number, or is None."""

    def tangent(ts, out, v, z):
        moving_v, moving = ts
        total = terms((moving_v, lambda: slope(name, 0, v, z)), (moving, lambda: recurrence(v, z)))
        if moving is not None and (part is cx.real or dtype_of(z).kind == "c"):
            total = total - ew.mulz(ew.multiply(ew.sign(part(z)), part(moving)), out)
        return total

    RADII[name, 0] = order_radius
    return outputs(name, "v z", 1, summary, tangent, _real)


jve = _scaled("jve", "Bessel function of the first kind, times exp(-|Im z|).", _difference("jve"), cx.imag)
yve = _scaled("yve", "Bessel function of the second kind, times exp(-|Im z|).", _difference("yve"), cx.imag)
ive = _scaled("ive", "Modified Bessel function of the first kind, times exp(-|Re z|).", _sum("ive", 1.0), cx.real)

# ------------------------------------------------------------------------------------------------ orders 0 and 1
_x = at((0.4, 6), also=[(40.0,)])


def _at_zero(x, value, otherwise):
    """`value` at x = 0, else otherwise(x)."""
    zero = ew.equal(x, 0.0)
    return ew.where(zero, value, otherwise(ew.where(zero, 1.0, x)))


j0 = page("j0", "x", "Bessel function of the first kind of order 0.", [lambda x: -j1(x)], _x)
j1 = page("j1", "x", "Bessel function of the first kind of order 1.", [lambda x: 0.5 * (j0(x) - jv(2.0, x))], _x)
y0 = page("y0", "x", "Bessel function of the second kind of order 0.", [lambda x: -y1(x)], _x)
y1 = page("y1", "x", "Bessel function of the second kind of order 1.", [lambda out, x: y0(x) - out / x], _x)
i0 = page("i0", "x", "Modified Bessel function of the first kind of order 0.", [lambda x: i1(x)], _x)
i1 = page(
    "i1",
    "x",
    "Modified Bessel function of the first kind of order 1.",
    [lambda x: 0.5 * (i0(x) + iv(2.0, x))],
    at((0.4, 6), also=[(0.0,)]),
)
i0e = page("i0e", "x", "i0(x) exp(-|x|).", [lambda out, x: i1e(x) - ew.sign(x) * out], at((0.4, 6), also=[(-2.0,)]))
i1e = page(
    "i1e",
    "x",
    "i1(x) exp(-|x|).",
    [lambda out, x: 0.5 * (i0e(x) + ive(2.0, x)) - ew.sign(x) * out],
    at((0.4, 6), also=[(-2.0,)]),
)
k0 = page("k0", "x", "Modified Bessel function of the second kind of order 0.", [lambda x: -k1(x)], _x)
k1 = page("k1", "x", "Modified Bessel function of the second kind of order 1.", [lambda out, x: -k0(x) - out / x], _x)
k0e = page("k0e", "x", "k0(x) exp(x).", [lambda out, x: out - k1e(x)], _x)
k1e = page("k1e", "x", "k1(x) exp(x).", [lambda out, x: out - k0e(x) - out / x], _x)


# ------------------------------------------------------------------------------------------------ integrals
def _integrals(first, second):
    return lambda t, out, x: (terms((t[0], lambda: first(x))), terms((t[0], lambda: second(x))))


itj0y0 = outputs("itj0y0", "x", 2, "Integrals of j0 and y0 from 0 on.", _integrals(j0, y0), at((0.4, 6)))
iti0k0 = outputs("iti0k0", "x", 2, "Integrals of i0 and k0 from 0 on.", _integrals(i0, k0), at((0.4, 6)))
it2j0y0 = outputs(
    "it2j0y0",
    "x",
    2,
    "Integrals of (1 - j0(t)) / t from 0 to x and of y0(t) / t from x on.",
    _integrals(lambda x: (1.0 - j0(x)) / x, lambda x: -(y0(x) / x)),
    at((0.4, 6)),
)
it2i0k0 = outputs(
    "it2i0k0",
    "x",
    2,
    "Integrals of (i0(t) - 1) / t from 0 to x and of k0(t) / t from x on.",
    _integrals(lambda x: (i0(x) - 1.0) / x, lambda x: -(k0(x) / x)),
    at((0.4, 6)),
)


def _besselpoly_a(out, a, lmb, nu):
    """a**(-lmb - 1) times an integral from 0 to a, so (jv(nu, 2 a) - (lmb + 1) out) / a."""
    return (jv(nu, 2.0 * a) - (lmb + 1.0) * out) / a


besselpoly = page(
    "besselpoly",
    "a lmb nu",
    "Integral of x**lmb jv(nu, 2 a x) over x from 0 to 1.",
    [
        _besselpoly_a,
        numeric(lambda a, lmb, nu: 0.4 * np.minimum(1.0, lmb + nu + 1.0)),
        numeric(lambda a, lmb, nu: 0.4 * np.minimum(1.0, lmb + nu + 1.0)),
    ],
    at((0.5, 2), (0.6, 2), (0.6, 2)),
)


# ------------------------------------------------------------------------------------------------ spherical
def _spherical(name, summary, below, above):
    """A spherical Bessel function f_n: (2 n + 1) f_n' = below n f_(n-1) + above (n + 1) f_(n+1), regular at 0."""

    def derivative(n, z):
        p = PAGES[name]
        return (below * n * p(ew.maximum(n - 1, 0), z) + above * (n + 1) * p(n + 1, z)) / (2 * n + 1)

    return page(name, "n z", summary, [INTEGER, derivative], at([0, 1, 3], (0.5, 4), z=True))


spherical_jn = _spherical("spherical_jn", "Spherical Bessel function of the first kind.", 1.0, -1.0)
spherical_yn = _spherical("spherical_yn", "Spherical Bessel function of the second kind.", 1.0, -1.0)
spherical_in = _spherical("spherical_in", "Modified spherical Bessel function of the first kind.", 1.0, 1.0)
spherical_kn = _spherical("spherical_kn", "Modified spherical Bessel function of the second kind.", -1.0, -1.0)


# ------------------------------------------------------------------------------------------------ Airy
def _airy(t, out, z):
    ai, aip, bi, bip = out
    return (terms((t[0], aip)), terms((t[0], lambda: z * ai)), terms((t[0], bip)), terms((t[0], lambda: z * bi)))


def _airye(t, out, z):
    """Ai exp(zeta) and Bi exp(-|Re zeta|) with zeta = 2/3 z**1.5: the latter is not holomorphic."""
    (moving,) = t
    ai, aip, bi, bip = out
    if dtype_of(z).kind != "c":
        root = ew.sqrt(ew.maximum(z, 0.0))
        return (
            terms((moving, lambda: aip + root * ai)),
            terms((moving, lambda: z * ai + root * aip)),
            terms((moving, lambda: bip - root * bi)),
            terms((moving, lambda: z * bi - root * bip)),
        )
    root = ew.sqrt(z)
    shrink = ew.multiply(ew.sign(cx.real(z * root)), cx.real(root * moving))
    return (
        terms((moving, lambda: aip + root * ai)),
        terms((moving, lambda: z * ai + root * aip)),
        terms((moving, bip)) - ew.mulz(shrink, bi),
        terms((moving, lambda: z * bi)) - ew.mulz(shrink, bip),
    )


airy = outputs("airy", "z", 4, "Airy functions Ai, Ai', Bi, Bi'.", _airy, at((-2, 2), z=True))
airye = outputs("airye", "z", 4, "Exponentially scaled Airy functions.", _airye, at((0.2, 2), z=True))


def _itairy(t, out, x):
    ai, _, bi, _ = airy(x)
    return terms((t[0], ai)), terms((t[0], bi)), terms((t[0], lambda: airy(-x)[0])), terms((t[0], lambda: airy(-x)[2]))


itairy = outputs("itairy", "x", 4, "Integrals of the Airy functions, of x and of -x, from 0 on.", _itairy, at((0.2, 2)))


# ------------------------------------------------------------------------------------------------ Kelvin
def _over_x(f, x):
    """f / x, 0 at x = 0 (where the derivatives of ber and bei vanish)."""
    return _at_zero(x, 0.0, lambda y: f / y)


ber = page("ber", "x", "Kelvin function ber.", [lambda x: berp(x)], at((0.4, 6)))
bei = page("bei", "x", "Kelvin function bei.", [lambda x: beip(x)], at((0.4, 6)))
ker = page("ker", "x", "Kelvin function ker.", [lambda x: kerp(x)], at((0.4, 6)))
kei = page("kei", "x", "Kelvin function kei.", [lambda x: keip(x)], at((0.4, 6)))
# w = ber + i bei and ker + i kei satisfy w'' + w' / x = i w.
berp = page("berp", "x", "Derivative of ber.", [lambda out, x: -bei(x) - out / x], at((0.4, 6)))
beip = page(
    "beip",
    "x",
    "Derivative of bei.",
    [lambda out, x: ew.where(ew.equal(x, 0.0), 0.5, ber(x) - out / ew.where(ew.equal(x, 0.0), 1.0, x))],
    at((0.4, 6), also=[]),
)
kerp = page("kerp", "x", "Derivative of ker.", [lambda out, x: -kei(x) - out / x], at((0.4, 6)))
keip = page("keip", "x", "Derivative of kei.", [lambda out, x: ker(x) - out / x], at((0.4, 6)))


def _kelvin(t, out, x):
    be, ke, bep, kep = out
    return (
        terms((t[0], bep)),
        terms((t[0], kep)),
        terms((t[0], lambda: 1j * be - bep / x)),
        terms((t[0], lambda: 1j * ke - kep / x)),
    )


kelvin = outputs("kelvin", "x", 4, "Kelvin functions as complex numbers, and their derivatives.", _kelvin, at((0.4, 6)))


# ------------------------------------------------------------------------------------------------ Struve
def _struve_term(v, x):
    """(x / 2)**v / (sqrt(pi) Gamma(v + 3/2))."""
    return ew.power(0.5 * x, v) * PAGES["rgamma"](v + 1.5) / SQRT_PI


struve = page(
    "struve",
    "v x",
    "Struve function of real order.",
    [ORDER, lambda v, x: 0.5 * (struve(v - 1, x) - struve(v + 1, x) + _struve_term(v, x))],
    at((0.1, 2), (0.5, 5)),
)
modstruve = page(
    "modstruve",
    "v x",
    "Modified Struve function of real order.",
    [ORDER, lambda v, x: 0.5 * (modstruve(v - 1, x) + modstruve(v + 1, x) + _struve_term(v, x))],
    at((0.1, 2), (0.5, 5)),
)
itstruve0 = page(
    "itstruve0", "x", "Integral of the Struve function of order 0 from 0 on.", [lambda x: struve(0.0, x)], at((0.4, 6))
)
it2struve0 = page(
    "it2struve0", "x", "Integral of struve(0, t) / t from x on.", [lambda x: -struve(0.0, x) / x], at((0.4, 6))
)
itmodstruve0 = page(
    "itmodstruve0",
    "x",
    "Integral of the modified Struve function of order 0 from 0 on.",
    [lambda x: modstruve(0.0, x)],
    at((0.4, 6)),
)
