"""Gamma, beta and zeta functions and their relatives. Formulas: DLMF chapters 5, 8 and 25."""

import math

import numpy as np

from scirs_ad._core.core import dtype_of
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops.special_base import INTEGER, RADII, at, numeric, page, slope, sp


def is_complex(*values):
    """Whether one of the values is complex."""
    return any(dtype_of(x).kind == "c" for x in values)


def to_pole(x):
    """Distance to the nearest of 0, -1, -2 ..."""
    return np.abs(x - np.minimum(np.round(np.real(x)), 0.0))


def is_pole(x):
    """Whether a real number is one of 0, -1, -2 ..."""
    return ew.logical_and(ew.less_equal(x, 0.0), ew.equal(x, ew.floor(x)))


# ------------------------------------------------------------------------------------------------ gamma
gamma = page(
    "gamma", "z", "Gamma function.", [lambda out, z: out * digamma(z)], at((0.5, 4), z=True, also=[(-1.5,), (20.0,)])
)
gammaln = page(
    "gammaln",
    "x",
    "Logarithm of the absolute value of the gamma function.",
    [lambda x: digamma(x)],
    at((0.5, 4), also=[(-1.5,), (1e-3,), (300.0,)]),
    opcode="gammaln",
)
loggamma = page(
    "loggamma",
    "z",
    "Principal branch of the logarithm of the gamma function.",
    [lambda z: digamma(z)],
    at((0.5, 4), z=True),
)
gammasgn = page("gammasgn", "x", "Sign of the gamma function.", [None], at((0.5, 4), also=[(-1.5,)]))


def _rgamma_slope(out, z):
    """-psi(z) / Gamma(z); for Re z < 1/2 by the reflection formula, which is regular at the poles of psi."""
    left = ew.less(z.real if is_complex(z) else z, 0.5)
    w = 1.0 - ew.where(left, z, 0.25)
    reflected = gamma(w) * (ew.cos(math.pi * (1.0 - w)) - digamma(w) * (ew.sin(math.pi * (1.0 - w)) / math.pi))
    right = ew.where(left, 1.5, z)
    return ew.where(left, reflected, -rgamma(right) * digamma(right))


rgamma = page(
    "rgamma",
    "z",
    "Reciprocal of the gamma function.",
    [_rgamma_slope],
    at((0.6, 4), z=True, also=[(-1.5,), (-2.0,), (0.0,)]),
)
digamma = page(
    "digamma",
    "z",
    "Digamma function: the derivative of the logarithm of the gamma function.",
    [lambda z: slope("digamma", 0, z) if is_complex(z) else trigamma(z)],
    at((0.5, 4), z=True, also=[(-1.5,), (1e-3,), (300.0,)]),
    opcode="digamma",
)
trigamma = page(
    "trigamma",
    "x",
    "Second derivative of the logarithm of the gamma function.",
    [lambda x: polygamma_nx(2, x)],
    at((0.5, 4), also=[(-1.5,), (300.0,)]),
    opcode="trigamma",
    body=lambda x: sp.polygamma(1, x),
    internal=True,
)
polygamma_nx = page(
    "polygamma",
    "n x",
    "Derivative of order `n` of the digamma function.",
    [INTEGER, lambda n, x: polygamma_nx(n + 1, x)],
    at([0, 1, 2], (0.5, 4)),
)
RADII["digamma", 0] = lambda z: 0.45 * to_pole(z)  # for complex arguments


# ------------------------------------------------------------------------------------------------ incomplete gamma
def log_power(a, x):
    """log(x**a exp(-x) / Gamma(a + 1)), for large `a` without cancellation (Stirling's series, 1e-16 beyond 16)."""
    large = ew.greater(a, 16.0)
    b = ew.where(large, a, 17.0)
    mu = (x - b) / b
    r = 1.0 / b
    r2 = r * r
    series = r * (1.0 / 12 - r2 * (1.0 / 360 - r2 * (1.0 / 1260 - r2 * (1.0 / 1680 - r2 * (1.0 / 1188)))))
    far = b * (ew.log1p(mu) - mu) - 0.5 * ew.log(2.0 * math.pi * b) - series
    small = ew.where(large, 1.0, a)
    return ew.where(large, far, _xlogy(small, x) - x - gammaln(small + 1.0))


def _xlogy(x, y):
    zero = ew.equal(x, 0.0)
    return ew.where(zero, 0.0, x * ew.log(ew.where(zero, 1.0, y)))


def gamma_pdf(a, x):
    """x**(a - 1) exp(-x) / Gamma(a): the derivative of gammainc(a, x) with respect to x."""
    positive = ew.greater(x, 0.0)
    inside = ew.exp(log_power(a, ew.where(positive, x, 1.0))) * a / ew.where(positive, x, 1.0)
    at_zero = ew.where(ew.less(a, 1.0), math.inf, ew.where(ew.equal(a, 1.0), 1.0, 0.0))
    return ew.where(positive, inside, at_zero)


def _gamma_radius(a, x):
    with np.errstate(all="ignore"):
        change = np.abs(np.log(x / (a + 0.5)))
    return np.where(
        x > 0, 0.45 * np.maximum(np.sqrt(a), 1.0) / (1.0 + 0.25 * np.maximum(np.sqrt(a), 1.0) * change), 0.5
    )


def _lower(center, a, x):
    """gammainc near (a, x): continued to `a` > -1 by the recurrence, and as minus its complement where that is small.

    P(a, x) - P(a + 1, x) = x**a exp(-x) / Gamma(a + 1).
    """
    positive = np.where(x > 0, x, 1.0)
    power = np.exp(a * np.log(positive) - positive)
    low = a < 0.0
    term = np.where(low, power * sp.rgamma(a + 1.0), 0.0)
    up = np.where(low, a + 1.0, a)
    upper = center[1] > center[0]
    found = np.where(upper, -(sp.gammaincc(up, positive) - term), sp.gammainc(up, positive) + term)
    return np.where(x > 0, found, 0.0)


def _upper(center, a, x):
    """gammaincc near (a, x)."""
    return -_lower(center, a, x)


gammainc = page(
    "gammainc",
    "a x",
    "Regularized lower incomplete gamma function P(a, x).",
    [numeric(_gamma_radius), lambda a, x: gamma_pdf(a, x)],
    at((0.5, 4), (0.3, 6), also=[(50.0, 55.0), (0.1, 0.02), (2.0, 30.0)]),
    value=_lower,
)
gammaincc = page(
    "gammaincc",
    "a x",
    "Regularized upper incomplete gamma function Q(a, x).",
    [numeric(_gamma_radius), lambda a, x: -gamma_pdf(a, x)],
    at((0.5, 4), (0.3, 6), also=[(50.0, 55.0), (0.1, 0.02), (2.0, 30.0)]),
    value=_upper,
)
gammaincinv = page(
    "gammaincinv",
    "a y",
    "Inverse of gammainc with respect to its second argument.",
    [lambda out, a: -slope("gammainc", 0, a, out) / gamma_pdf(a, out), lambda out, a: 1.0 / gamma_pdf(a, out)],
    at((0.5, 4), (0.1, 0.9)),
)
gammainccinv = page(
    "gammainccinv",
    "a y",
    "Inverse of gammaincc with respect to its second argument.",
    [lambda out, a: slope("gammaincc", 0, a, out) / gamma_pdf(a, out), lambda out, a: -1.0 / gamma_pdf(a, out)],
    at((0.5, 4), (0.1, 0.9)),
)

# ------------------------------------------------------------------------------------------------ beta
beta = page(
    "beta",
    "a b",
    "Beta function.",
    [lambda out, a, b: out * (digamma(a) - digamma(a + b)), lambda out, a, b: out * (digamma(b) - digamma(a + b))],
    at((0.5, 4), (0.5, 4)),
)
betaln = page(
    "betaln",
    "a b",
    "Logarithm of the absolute value of the beta function.",
    [lambda a, b: digamma(a) - digamma(a + b), lambda a, b: digamma(b) - digamma(a + b)],
    at((0.5, 4), (0.5, 4)),
)


def beta_pdf(a, b, x, y=None):
    """x**(a - 1) y**(b - 1) / B(a, b) with y = 1 - x: the derivative of betainc(a, b, x) with respect to x."""
    log_y = ew.log1p(-x) if y is None else ew.log(y)
    exponent = b - 1.0
    zero = ew.equal(exponent, 0.0)
    return ew.exp(_xlogy(a - 1.0, x) + ew.where(zero, 0.0, exponent * ew.where(zero, 0.0, log_y)) - betaln(a, b))


def _beta_radius(k):
    """The interval in `a` or `b`: the function changes by exp(|log x - (psi(a) - psi(a + b))| delta)."""

    def radius(a, b, x):
        p, q, y = (a, b, x) if k == 0 else (b, a, 1.0 - x)
        with np.errstate(all="ignore"):
            change = np.abs(np.log(y * (p + q) / p))
        scale = np.maximum(np.sqrt(p * np.minimum(1.0, (p + q) / q)), 1.0)
        return 0.45 * scale / (1.0 + 0.25 * scale * np.where(np.isfinite(change), change, 1.0))

    return radius


def _betainc_near(center, a, b, x):
    """betainc near a point: continued to a, b > -1 by recurrences, and as minus its complement where that is small.

    I(a, b) - I(a + 1, b) = x**a (1 - x)**b / (a B(a, b)) = I(a, b + 1) - I(a, b) with b in place of a.
    """
    inside = (x > 0) & (x < 1)
    z = np.where(inside, x, 0.5)
    log_x, log_y = np.log(z), np.log1p(-z)
    total = 0.0
    low = a < 0
    total = total + np.where(
        low, np.exp(a * log_x + b * log_y) * sp.gamma(a + b) * sp.rgamma(a + 1.0) * sp.rgamma(b), 0.0
    )
    a = np.where(low, a + 1.0, a)
    low = b < 0
    total = total - np.where(
        low, np.exp(a * log_x + b * log_y) * sp.gamma(a + b) * sp.rgamma(b + 1.0) * sp.rgamma(a), 0.0
    )
    b = np.where(low, b + 1.0, b)
    upper = center[2] * (center[0] + center[1]) > center[0]
    return np.where(inside, np.where(upper, -sp.betaincc(a, b, z), sp.betainc(a, b, z)) + total, 0.0)


_beta_samples = at((0.6, 4), (0.6, 4), (0.1, 0.9), also=[(30.0, 20.0, 0.55), (0.3, 2.0, 0.02), (2.0, 0.3, 0.98)])
betainc = page(
    "betainc",
    "a b x",
    "Regularized incomplete beta function I_x(a, b).",
    [numeric(_beta_radius(0)), numeric(_beta_radius(1)), lambda a, b, x: beta_pdf(a, b, x)],
    _beta_samples,
    value=_betainc_near,
)
betaincc = page(
    "betaincc",
    "a b x",
    "Complement of the regularized incomplete beta function.",
    [numeric(_beta_radius(0)), numeric(_beta_radius(1)), lambda a, b, x: -beta_pdf(a, b, x)],
    _beta_samples,
    value=lambda *args: -_betainc_near(*args),
)
betaincinv = page(
    "betaincinv",
    "a b y",
    "Inverse of betainc with respect to its last argument.",
    [
        lambda out, a, b: -slope("betainc", 0, a, b, out) / beta_pdf(a, b, out),
        lambda out, a, b: -slope("betainc", 1, a, b, out) / beta_pdf(a, b, out),
        lambda out, a, b: 1.0 / beta_pdf(a, b, out),
    ],
    at((0.6, 4), (0.6, 4), (0.1, 0.9)),
)
betainccinv = page(
    "betainccinv",
    "a b y",
    "Inverse of betaincc with respect to its last argument.",
    [
        lambda out, a, b: slope("betaincc", 0, a, b, out) / beta_pdf(a, b, out),
        lambda out, a, b: slope("betaincc", 1, a, b, out) / beta_pdf(a, b, out),
        lambda out, a, b: -1.0 / beta_pdf(a, b, out),
    ],
    at((0.6, 4), (0.6, 4), (0.1, 0.9)),
)


# ------------------------------------------------------------------------------------------------ factorials
def _psi_over_gamma(x):
    """psi(x) / Gamma(x), regular at the poles."""
    return -_rgamma_slope(None, x)


def _binom_k(out, n, k):
    """out (psi(n - k + 1) - psi(k + 1)); where one of the gamma functions has a pole by its reciprocal."""
    up, down = n - k + 1.0, k + 1.0
    pole = ew.logical_or(is_pole(up), is_pole(down))
    a, b = ew.where(pole, 1.0, up), ew.where(pole, 1.0, down)
    n_pole, up_pole, down_pole = (ew.where(pole, x, 1.0) for x in (n, up, down))
    at_pole = gamma(n_pole + 1.0) * (
        _psi_over_gamma(up_pole) * rgamma(down_pole) - rgamma(up_pole) * _psi_over_gamma(down_pole)
    )
    return ew.where(pole, at_pole, out * (digamma(a) - digamma(b)))


def _binom_n(out, n, k):
    up = n - k + 1.0
    pole = is_pole(up)
    n_pole, up_pole, k_pole = (ew.where(pole, x, 1.0) for x in (n, up, k))
    at_pole = gamma(n_pole + 1.0) * rgamma(k_pole + 1.0) * -_psi_over_gamma(up_pole)
    return ew.where(pole, at_pole, out * (digamma(n + 1.0) - digamma(ew.where(pole, 1.0, up))))


binom = page(
    "binom",
    "x y",
    "Binomial coefficient of real arguments.",
    [lambda out, x, y: _binom_n(out, x, y), lambda out, x, y: _binom_k(out, x, y)],
    at((4, 7), (0.5, 3), also=[(3.0, 5.0), (6.0, 2.0)]),
)
poch = page(
    "poch",
    "z m",
    "Rising factorial Gamma(z + m) / Gamma(z).",
    [lambda out, z, m: out * (digamma(z + m) - digamma(z)), lambda out, z, m: out * digamma(z + m)],
    at((0.5, 4), (0.5, 3)),
)

# ------------------------------------------------------------------------------------------------ zeta


def _hurwitz_radius(x, q):
    with np.errstate(all="ignore"):
        return np.minimum(0.45 * (x - 1.0), 2.0 / (1.0 + np.abs(np.log(q))))


zeta_xq = page(
    "zeta",
    "x q",
    "Hurwitz zeta function, sum over k >= 0 of (k + q)**-x.",
    [numeric(_hurwitz_radius), lambda x, q: -x * zeta_xq(x + 1.0, q)],
    at((1.5, 5), (0.5, 4)),
)
zetac = page(
    "zetac",
    "x",
    "Riemann zeta function minus 1.",
    [numeric(lambda x: np.minimum(0.45 * np.abs(x - 1.0), 1.0 / (1.0 + np.log1p(np.maximum(-x, 0.0)))))],
    at((1.5, 5), also=[(-1.5,), (0.5,), (20.0,)]),
)
zeta_x = page(
    "riemann_zeta",
    "z",
    "Riemann zeta function.",
    [numeric(lambda z: np.minimum(0.45 * np.abs(z - 1.0), 1.0 / (1.0 + np.log1p(np.maximum(-np.real(z), 0.0)))))],
    at((1.5, 5), also=[(-1.5,), (0.5,)]),
    body=lambda z: sp.zeta(z),
    internal=True,
)
