"""Error functions, exponential integrals, logarithms, losses and other elementary functions. Formulas: DLMF 5 to 7."""

import math

import numpy as np

from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops.special_base import INTEGER, PAGES, RADII, at, outputs, page, slope, sp, terms
from scirs_ad._ops.special_gamma import is_complex

SQRT_PI = math.sqrt(math.pi)
SQRT_2PI = math.sqrt(2.0 * math.pi)
DEGREE = math.pi / 180.0


def normal_pdf(x):
    """Density of the standard normal distribution."""
    return ew.exp(-0.5 * ew.square(x)) / SQRT_2PI


# ------------------------------------------------------------------------------------------------ error functions
erf = page(
    "erf",
    "z",
    "Error function.",
    [lambda z: (2.0 / SQRT_PI) * ew.exp(-ew.square(z))],
    at((-2, 2), z=True, also=[(0.0,)]),
    opcode="erf",
)
erfc = page(
    "erfc",
    "z",
    "Complementary error function, 1 - erf(z).",
    [lambda z: (-2.0 / SQRT_PI) * ew.exp(-ew.square(z))],
    at((-2, 2), z=True, also=[(5.0,)]),
    opcode="erfc",
)
erfi = page(
    "erfi",
    "z",
    "Imaginary error function, -i erf(i z).",
    [lambda z: (2.0 / SQRT_PI) * ew.exp(ew.square(z))],
    at((-2, 2), z=True),
)
erfinv = page(
    "erfinv",
    "y",
    "Inverse of the error function.",
    [lambda out: (0.5 * SQRT_PI) * ew.exp(ew.square(out))],
    at((-0.9, 0.9), also=[(0.0,)]),
)
erfcinv = page(
    "erfcinv",
    "y",
    "Inverse of the complementary error function.",
    [lambda out: (-0.5 * SQRT_PI) * ew.exp(ew.square(out))],
    at((0.1, 1.9)),
)


def _far(name, formula, beyond):
    """A derivative by its formula, and by interpolation for real arguments beyond, where the formula cancels."""

    def derivative(out, z):
        if is_complex(z):
            return formula(out, z)
        far = beyond(z)
        return ew.where(far, slope(name, 0, ew.where(far, z, 5.0)), formula(out, ew.where(far, 0.0, z)))

    return derivative


erfcx = page(
    "erfcx",
    "z",
    "Scaled complementary error function, exp(z**2) erfc(z).",
    [_far("erfcx", lambda out, z: 2.0 * z * out - 2.0 / SQRT_PI, lambda z: ew.greater(z, 2.0))],
    at((-2, 4), z=True, also=[(50.0,)]),
)
dawsn = page(
    "dawsn",
    "z",
    "Dawson's integral.",
    [_far("dawsn", lambda out, z: 1.0 - 2.0 * z * out, lambda z: ew.greater(ew.abs(z), 3.0))],
    at((-2, 4), z=True, also=[(50.0,), (-50.0,)]),
)
RADII["erfcx", 0] = RADII["dawsn", 0] = lambda z: np.abs(z) / 3.0
wofz = page(
    "wofz",
    "z",
    "Faddeeva function, exp(-z**2) erfc(-i z); complex.",
    [lambda out, z: 2j / SQRT_PI - 2.0 * z * out],
    at((-2, 2), z=True),
)
ndtr = page(
    "ndtr",
    "x",
    "Distribution function of the standard normal distribution.",
    [lambda x: normal_pdf(x)],
    at((-2, 2), z=True),
)
ndtri = page("ndtri", "p", "Inverse of ndtr.", [lambda out: SQRT_2PI * ew.exp(0.5 * ew.square(out))], at((0.1, 0.9)))
log_ndtr = page(
    "log_ndtr",
    "x",
    "Logarithm of ndtr.",
    [lambda x: math.sqrt(2.0 / math.pi) / erfcx(x * -math.sqrt(0.5))],
    at((-2, 2), z=True, also=[(-50.0,), (10.0,)]),
)
ndtri_exp = page(
    "ndtri_exp",
    "y",
    "Inverse of log_ndtr.",
    [lambda out: math.sqrt(math.pi / 2.0) * erfcx(out * -math.sqrt(0.5))],
    at((-4, -0.2), also=[(-100.0,)]),
)
owens_t = page(
    "owens_t",
    "h a",
    "Owen's T function.",
    [
        lambda h, a: -0.5 * normal_pdf(h) * erf(a * h * math.sqrt(0.5)),
        lambda h, a: ew.exp(-0.5 * ew.square(h) * (1.0 + ew.square(a))) / (2.0 * math.pi * (1.0 + ew.square(a))),
    ],
    at((-2, 2), (-2, 2)),
)


def _voigt(x, sigma, gamma):
    """Half of what the derivatives of the Voigt profile are made of: zeta and w'(zeta)."""
    zeta = (x + 1j * gamma) / (sigma * math.sqrt(2.0))
    return zeta, 2j / SQRT_PI - 2.0 * zeta * wofz(zeta)


def _voigt_scale(sigma):
    return 2.0 * SQRT_PI * ew.square(sigma)


voigt_profile = page(
    "voigt_profile",
    "x sigma gamma",
    "Voigt profile: convolution of a normal and a Cauchy density.",
    [
        lambda x, sigma, gamma: cx.real(_voigt(x, sigma, gamma)[1]) / _voigt_scale(sigma),
        lambda out, x, sigma, gamma: (
            -out / sigma
            - cx.real(ew.multiply(*_voigt(x, sigma, gamma))) * math.sqrt(2.0) * sigma / (_voigt_scale(sigma) * sigma)
        ),
        lambda x, sigma, gamma: -cx.imag(_voigt(x, sigma, gamma)[1]) / _voigt_scale(sigma),
    ],
    at((-2, 2), (0.5, 2), (0.2, 2)),
)

# ------------------------------------------------------------------------------------------------ exponential integrals
expi = page("expi", "x", "Exponential integral Ei.", [lambda x: ew.exp(x) / x], at((0.3, 3), z=True, also=[(-1.5,)]))
exp1 = page("exp1", "z", "Exponential integral E1.", [lambda z: -ew.exp(-z) / z], at((0.3, 3), z=True))


def _expn_x(n, x):
    first = ew.less(n, 1)
    return ew.where(first, -ew.exp(-x) * (1.0 + 1.0 / x) / x, -expn(ew.maximum(n - 1, 0), x))


expn = page("expn", "n x", "Generalized exponential integral E_n.", [INTEGER, _expn_x], at([0, 1, 2, 5], (0.3, 3)))


def _exp_moment(k, x):
    """Integral over s from 0 to 1 of s**k exp(s x): 1F1(k + 1; k + 2; x) / (k + 1), below -1 by gammainc."""
    left = x < -1.0
    y = np.where(left, -x, 1.0)
    by_gamma = sp.gammainc(k + 1.0, y) * sp.gamma(k + 1.0) * y ** (-(k + 1.0))
    return np.where(left, by_gamma, sp.hyp1f1(k + 1.0, k + 2.0, np.where(left, 0.0, x)) / (k + 1.0))


exp_moment = page(
    "exp_moment",
    "k x",
    "Integral over s from 0 to 1 of s**k exp(s x).",
    [INTEGER, lambda k, x: exp_moment(k + 1, x)],
    at([1, 2, 3], (-3, 3), single=False),
    body=_exp_moment,
    internal=True,
)
exprel = page(
    "exprel", "x", "(exp(x) - 1) / x.", [lambda x: exp_moment(1, x)], at((-3, 3), also=[(0.0,), (1e-9,), (-800.0,)])
)


def _derived_pair(first, second):
    return lambda t, out, z: (terms((t[0], lambda: first(z))), terms((t[0], lambda: second(z))))


def bessel_ratio(name, z):
    """sin(z) / z or sinh(z) / z, with derivatives that hold at zero."""
    return PAGES[name](0, z)


sici = outputs(
    "sici",
    "z",
    2,
    "Sine and cosine integrals.",
    _derived_pair(lambda z: bessel_ratio("spherical_jn", z), lambda z: ew.cos(z) / z),
    at((0.3, 3), z=True),
)
shichi = outputs(
    "shichi",
    "z",
    2,
    "Hyperbolic sine and cosine integrals.",
    _derived_pair(lambda z: bessel_ratio("spherical_in", z), lambda z: ew.cosh(z) / z),
    at((0.3, 3), z=True),
)
fresnel = outputs(
    "fresnel",
    "z",
    2,
    "Fresnel integrals S and C.",
    _derived_pair(lambda z: ew.sin((0.5 * math.pi) * ew.square(z)), lambda z: ew.cos((0.5 * math.pi) * ew.square(z))),
    at((-2, 2), z=True),
)


def _modfresnel(sign):
    """F = integral of exp(sign i t**2) from x on; K = exp(-sign i (x**2 + pi / 4)) F / sqrt(pi).

    For negative x the values of SciPy 1.17 are not these integrals (their differences disagree with the integrand).
    """

    def tangent(t, out, x):
        from_edge = complex(math.cos(math.pi / 4), -sign * math.sin(math.pi / 4)) / SQRT_PI
        return (
            terms((t[0], lambda: -ew.exp(sign * 1j * ew.square(x)))),
            terms((t[0], lambda: -2j * sign * x * out[1] - from_edge)),
        )

    return tangent


modfresnelp = outputs("modfresnelp", "x", 2, "Modified Fresnel integrals F+ and K+.", _modfresnel(1), at((0.1, 2)))
modfresnelm = outputs("modfresnelm", "x", 2, "Modified Fresnel integrals F- and K-.", _modfresnel(-1), at((0.1, 2)))

# ------------------------------------------------------------------------------------------------ logarithms, entropy


def _over(x, y):
    """x / y, 0 where x is."""
    zero = ew.equal(x, 0.0)
    return ew.where(zero, 0.0, x / ew.where(zero, 1.0, y))


xlogy = page(
    "xlogy",
    "x y",
    "x log(y), 0 where x = 0.",
    [lambda y: ew.log(y), lambda x, y: _over(x, y)],
    at((0.5, 3), (0.5, 3), z=True, also=[(0.0, 2.0)]),
)
xlog1py = page(
    "xlog1py",
    "x y",
    "x log(1 + y), 0 where x = 0.",
    [lambda y: ew.log1p(y), lambda x, y: _over(x, 1.0 + y)],
    at((0.5, 3), (-0.5, 3), z=True, also=[(0.0, 2.0)]),
)
entr = page("entr", "x", "Elementwise entropy, -x log(x).", [lambda x: -ew.log(x) - 1.0], at((0.2, 3)))
rel_entr = page(
    "rel_entr",
    "x y",
    "Elementwise relative entropy, x log(x / y).",
    [lambda x, y: ew.log(x / y) + 1.0, lambda x, y: -(x / y)],
    at((0.2, 3), (0.2, 3)),
)
kl_div = page(
    "kl_div",
    "x y",
    "Elementwise Kullback-Leibler divergence, x log(x / y) - x + y.",
    [lambda x, y: ew.log(x / y), lambda x, y: 1.0 - x / y],
    at((0.2, 3), (0.2, 3)),
)
logit = page("logit", "x", "log(x / (1 - x)).", [lambda x: 1.0 / (x * (1.0 - x))], at((0.1, 0.9)))
log_expit = page(
    "log_expit",
    "x",
    "Logarithm of the logistic sigmoid.",
    [lambda x: ew.sigmoid(-x)],
    at((-3, 3), also=[(-800.0,), (800.0,)]),
)


def log1p_ratio(u):
    """log(1 + u) / u with derivatives that hold at u = 0."""
    near = ew.less(ew.abs(u), 0.3)
    v, w = ew.where(near, u, 0.0), ew.where(near, 1.0, u)
    return ew.where(near, PAGES["hyp2f1"](1.0, 1.0, 2.0, -v), ew.log1p(w) / w)


spence = page(
    "spence",
    "z",
    "Spence's function: integral of log(t) / (1 - t) from 1 to z.",
    [lambda z: -log1p_ratio(z - 1.0)],
    at((0.3, 3), z=True, also=[(1.0,)]),
)
wrightomega = page(
    "wrightomega",
    "z",
    "Wright omega function: the solution w of w + log(w) = z.",
    [lambda out: out / (1.0 + out)],
    at((-2, 3), z=True),
)


def _lambertw_z(z, out):
    return 1.0 / (ew.exp(out) * (1.0 + out))


lambertw_zk = page(
    "lambertw",
    "z k tol",
    "Lambert W function: the solution w of w exp(w) = z; complex.",
    [_lambertw_z, INTEGER, "it is the tolerance of the iteration"],
    at((0.2, 3), [0, 1, -1], (1e-8, 1e-8), wrt=(0,), single=False),
)


# ------------------------------------------------------------------------------------------------ Box-Cox
def _power(x, lmbda):
    """x**(lmbda - 1)."""
    return ew.power(x, lmbda - 1.0)


def _boxcox_lmbda(log_x, lmbda):
    """boxcox = L exprel(lmbda L) with L = log(x); so its derivative is L**2 exprel'(lmbda L)."""
    return ew.square(log_x) * exp_moment(1, lmbda * log_x)


boxcox = page(
    "boxcox",
    "x lmbda",
    "Box-Cox transformation, (x**lmbda - 1) / lmbda.",
    [lambda x, lmbda: _power(x, lmbda), lambda x, lmbda: _boxcox_lmbda(ew.log(x), lmbda)],
    at((0.3, 3), (-2, 2), also=[(2.0, 0.0)]),
)
boxcox1p = page(
    "boxcox1p",
    "x lmbda",
    "Box-Cox transformation of 1 + x.",
    [lambda x, lmbda: ew.exp((lmbda - 1.0) * ew.log1p(x)), lambda x, lmbda: _boxcox_lmbda(ew.log1p(x), lmbda)],
    at((-0.5, 3), (-2, 2), also=[(2.0, 0.0)]),
)


def _inverse_boxcox_y(y, lmbda):
    """(1 + lmbda y)**(1 / lmbda - 1), with log(1 + u) / u for its limit at lmbda = 0."""
    u = lmbda * y
    return ew.exp((1.0 - lmbda) * y * log1p_ratio(u))


def _inverse_boxcox_lmbda(x, y, lmbda):
    """x y**2 h(lmbda y), h(u) = (u / (1 + u) - log(1 + u)) / u**2 = -2F1(2, 2; 3; -u) / 2."""
    u = lmbda * y
    near = ew.less(ew.abs(u), 0.3)
    v, w = ew.where(near, u, 0.0), ew.where(near, 1.0, u)
    h = ew.where(near, -0.5 * PAGES["hyp2f1"](2.0, 2.0, 3.0, -v), (w / (1.0 + w) - ew.log1p(w)) / ew.square(w))
    return x * ew.square(y) * h


inv_boxcox = page(
    "inv_boxcox",
    "y lmbda",
    "Inverse of the Box-Cox transformation.",
    [lambda y, lmbda: _inverse_boxcox_y(y, lmbda), lambda out, y, lmbda: _inverse_boxcox_lmbda(out, y, lmbda)],
    at((0.2, 2), (0.1, 2), also=[(1.5, 0.0)]),
)
inv_boxcox1p = page(
    "inv_boxcox1p",
    "y lmbda",
    "Inverse of the Box-Cox transformation of 1 + x.",
    [lambda y, lmbda: _inverse_boxcox_y(y, lmbda), lambda out, y, lmbda: _inverse_boxcox_lmbda(1.0 + out, y, lmbda)],
    at((0.2, 2), (0.1, 2), also=[(1.5, 0.0)]),
)

# ------------------------------------------------------------------------------------------------ losses
huber = page(
    "huber",
    "delta r",
    "Huber loss: r**2 / 2, linear beyond delta.",
    [lambda delta, r: ew.maximum(ew.abs(r) - delta, 0.0), lambda delta, r: ew.clip_to(r, -delta, delta)],
    at((0.5, 1), (1.2, 3), also=[(1.0, 0.3), (1.0, -2.0)]),
)


def _pseudo_huber_delta(delta, r):
    """delta u**4 / (s (1 + s)**2) with u = r / delta, s = sqrt(1 + u**2): 2 delta (s - 1) - r u / s, not cancelling."""
    u2 = ew.square(r / delta)
    s = ew.sqrt(1.0 + u2)
    return delta * ew.square(u2 / (1.0 + s)) / s


pseudo_huber = page(
    "pseudo_huber",
    "delta r",
    "Pseudo-Huber loss, delta**2 (sqrt(1 + (r / delta)**2) - 1).",
    [lambda delta, r: _pseudo_huber_delta(delta, r), lambda delta, r: r / ew.hypot(1.0, r / delta)],
    at((0.5, 2), (-3, 3)),
)

# ------------------------------------------------------------------------------------------------ elementary
exp10 = page("exp10", "x", "10**x.", [lambda out: math.log(10.0) * out], at((-2, 2)))
cosm1 = page("cosm1", "x", "cos(x) - 1, precise near 0.", [lambda x: -ew.sin(x)], at((-2, 2)))
powm1 = page(
    "powm1",
    "x y",
    "x**y - 1, precise near 0.",
    [lambda x, y: y * ew.power(x, y - 1.0), lambda x, y: ew.power(x, y) * ew.log(x)],
    at((0.3, 3), (-2, 2)),
)
sindg = page("sindg", "x", "Sine of an angle in degrees.", [lambda x: DEGREE * cosdg(x)], at((-200, 200)))
cosdg = page("cosdg", "x", "Cosine of an angle in degrees.", [lambda x: -DEGREE * sindg(x)], at((-200, 200)))
tandg = page(
    "tandg", "x", "Tangent of an angle in degrees.", [lambda out: DEGREE * (1.0 + ew.square(out))], at((-60, 60))
)
cotdg = page(
    "cotdg", "x", "Cotangent of an angle in degrees.", [lambda out: -DEGREE * (1.0 + ew.square(out))], at((20, 150))
)
radian = page(
    "radian",
    "d m s",
    "Radians from degrees, minutes and seconds.",
    [lambda: DEGREE, lambda: DEGREE / 60.0, lambda: DEGREE / 3600.0],
    at((-90, 90), (0, 60), (0, 60)),
)


def _tukey_slope(q, lmbda):
    """Derivative of the quantile function (q**l - (1 - q)**l) / l."""
    return ew.power(q, lmbda - 1.0) + ew.power(1.0 - q, lmbda - 1.0)


def _tukey_lmbda(q, lmbda):
    """The quantile function is boxcox(q, l) - boxcox(1 - q, l)."""
    return _boxcox_lmbda(ew.log(q), lmbda) - _boxcox_lmbda(ew.log1p(-q), lmbda)


tklmbda = page(
    "tklmbda",
    "x lmbda",
    "Distribution function of Tukey's lambda distribution.",
    [
        lambda out, lmbda: 1.0 / _tukey_slope(out, lmbda),
        lambda out, lmbda: -_tukey_lmbda(out, lmbda) / _tukey_slope(out, lmbda),
    ],
    at((-0.6, 0.6), (0.3, 1.2)),
)
