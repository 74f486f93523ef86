"""Distribution functions and their inverses.

A continuous distribution function has its density as derivative; parameters go back to `gammainc` and `betainc`. The
inverse of F in one argument has the derivatives 1 / F_k and -F_j / F_k at the solution (implicit function theorem).
"""

import math

import numpy as np

from scirs_ad._ops import elementwise as ew
from scirs_ad._ops.fused import partials_of
from scirs_ad._ops.special_base import INTEGER, PAGES, at, numeric, of_all, page, slope
from scirs_ad._ops.special_gamma import beta_pdf, gamma_pdf, log_power

COUNT = "it is a whole number, and the function is a step in it"


def _partial(name, k, args):
    """The partial derivative of the function `name` with respect to its argument `k`."""
    p = PAGES[name]
    return partials_of(p, p(*args), args, 1 << k)[k]


def _inverse(name, arguments, forward, solved, summary, samples, refused=None):
    """The inverse of `forward` in its argument `solved`, in whose place the inverse takes the function's value.

    `forward`: the name of a page, or ``f(k, args)``, the partial derivative with respect to argument `k`.
    """
    partial = forward if callable(forward) else lambda k, args: _partial(forward, k, args)

    def by(j):
        def derivative(out, args):
            at_solution = tuple(out if i == solved else a for i, a in enumerate(args))
            by_solved = partial(solved, at_solution)
            return 1.0 / by_solved if j == solved else -(partial(j, at_solution) / by_solved)

        return of_all(derivative)

    derivatives = [(refused or {}).get(n) or by(j) for j, n in enumerate(arguments.split())]
    return page(name, arguments, summary, derivatives, samples)


# ------------------------------------------------------------------------------------------------ gamma family
chdtr = page(
    "chdtr",
    "v x",
    "Distribution function of the chi-square distribution.",
    [lambda v, x: 0.5 * slope("gammainc", 0, 0.5 * v, 0.5 * x), lambda v, x: 0.5 * gamma_pdf(0.5 * v, 0.5 * x)],
    at((1, 8), (0.5, 8)),
)
chdtrc = page(
    "chdtrc",
    "v x",
    "Survival function of the chi-square distribution.",
    [lambda v, x: 0.5 * slope("gammaincc", 0, 0.5 * v, 0.5 * x), lambda v, x: -0.5 * gamma_pdf(0.5 * v, 0.5 * x)],
    at((1, 8), (0.5, 8)),
)
chdtri = _inverse("chdtri", "v p", "chdtrc", 1, "Inverse of chdtrc in x.", at((1, 8), (0.1, 0.9)))
chdtriv = _inverse("chdtriv", "p x", "chdtr", 0, "Inverse of chdtr in v.", at((0.1, 0.9), (1, 8)))
gdtr = page(
    "gdtr",
    "a b x",
    "Distribution function of the gamma distribution, gammainc(b, a x).",
    [
        lambda a, b, x: x * gamma_pdf(b, a * x),
        lambda a, b, x: slope("gammainc", 0, b, a * x),
        lambda a, b, x: a * gamma_pdf(b, a * x),
    ],
    at((0.5, 2), (0.5, 4), (0.5, 4)),
)
gdtrc = page(
    "gdtrc",
    "a b x",
    "Survival function of the gamma distribution.",
    [
        lambda a, b, x: -x * gamma_pdf(b, a * x),
        lambda a, b, x: slope("gammaincc", 0, b, a * x),
        lambda a, b, x: -a * gamma_pdf(b, a * x),
    ],
    at((0.5, 2), (0.5, 4), (0.5, 4)),
)
gdtria = _inverse("gdtria", "p b x", "gdtr", 0, "Inverse of gdtr in a.", at((0.1, 0.9), (0.5, 4), (0.5, 4)))
gdtrib = _inverse("gdtrib", "a p x", "gdtr", 1, "Inverse of gdtr in b.", at((0.5, 2), (0.1, 0.9), (0.5, 4)))
gdtrix = _inverse("gdtrix", "a b p", "gdtr", 2, "Inverse of gdtr in x.", at((0.5, 2), (0.5, 4), (0.1, 0.9)))


def _poisson(k, m):
    """exp(-m) m**k / k! for whole numbers floor(k)."""
    return ew.exp(log_power(ew.floor(k) * 1.0, m))


pdtr = page(
    "pdtr",
    "k m",
    "Distribution function of the Poisson distribution.",
    [COUNT, lambda k, m: -_poisson(k, m)],
    at([0, 1, 4], (0.5, 5)),
)
pdtrc = page(
    "pdtrc",
    "k m",
    "Survival function of the Poisson distribution.",
    [COUNT, lambda k, m: _poisson(k, m)],
    at([0, 1, 4], (0.5, 5)),
)
pdtri = page(
    "pdtri", "k y", "Inverse of pdtr in m.", [COUNT, lambda out, k: -1.0 / _poisson(k, out)], at([0, 1, 4], (0.1, 0.9))
)


def _poisson_continuous(j, args):
    """Partial derivatives of gammaincc(k + 1, m)."""
    k, m = args
    return slope("gammaincc", 0, k + 1.0, m) if j == 0 else -gamma_pdf(k + 1.0, m)


pdtrik = _inverse(
    "pdtrik", "p m", _poisson_continuous, 0, "Inverse of pdtr in k, which is not rounded.", at((0.5, 0.9), (1.5, 5))
)


# ------------------------------------------------------------------------------------------------ beta family
def _binomial(j, args):
    """Partial derivatives of betaincc(k + 1, n - k, p), the binomial distribution function of real k and n."""
    k, n, p = args
    a, b = k + 1.0, n - k
    if j == 0:
        return slope("betaincc", 0, a, b, p) - slope("betaincc", 1, a, b, p)
    return slope("betaincc", 1, a, b, p) if j == 1 else -beta_pdf(a, b, p)


def _binomial_p(k, n, p):
    """As above, of whole numbers."""
    k = ew.floor(k) * 1.0
    sure = ew.greater_equal(k, n)  # the distribution function is 1
    return ew.where(sure, 0.0, -beta_pdf(k + 1.0, ew.where(sure, 1.0, n - k), p))


_KNP = at([0, 1, 2], [3, 5, 8], (0.2, 0.8))
bdtr = page("bdtr", "k n p", "Distribution function of the binomial distribution.", [COUNT, INTEGER, _binomial_p], _KNP)
bdtrc = page(
    "bdtrc",
    "k n p",
    "Survival function of the binomial distribution.",
    [COUNT, INTEGER, lambda k, n, p: -_binomial_p(k, n, p)],
    _KNP,
)
bdtri = page(
    "bdtri",
    "k n y",
    "Inverse of bdtr in p.",
    [COUNT, INTEGER, lambda out, k, n: 1.0 / _binomial_p(k, n, out)],
    at([0, 1, 2], [3, 5, 8], (0.2, 0.8)),
)
bdtrik = _inverse(
    "bdtrik", "y n p", _binomial, 0, "Inverse of bdtr in k, which is not rounded.", at((0.5, 0.9), (5, 9), (0.3, 0.7))
)
bdtrin = _inverse(
    "bdtrin", "k y p", _binomial, 1, "Inverse of bdtr in n, which is not rounded.", at((1.5, 4), (0.3, 0.8), (0.3, 0.7))
)


def _negative_binomial(j, args):
    """Partial derivatives of betainc(n, k + 1, p)."""
    k, n, p = args
    if j == 2:
        return beta_pdf(n, k + 1.0, p)
    return slope("betainc", 1, n, k + 1.0, p) if j == 0 else slope("betainc", 0, n, k + 1.0, p)


def _negative_binomial_p(k, n, p):
    return beta_pdf(n * 1.0, ew.floor(k) + 1.0, p)


nbdtr = page(
    "nbdtr",
    "k n p",
    "Distribution function of the negative binomial distribution.",
    [COUNT, INTEGER, _negative_binomial_p],
    _KNP,
)
nbdtrc = page(
    "nbdtrc",
    "k n p",
    "Survival function of the negative binomial distribution.",
    [COUNT, INTEGER, lambda k, n, p: -_negative_binomial_p(k, n, p)],
    _KNP,
)
nbdtri = page(
    "nbdtri",
    "k n y",
    "Inverse of nbdtr in p.",
    [COUNT, INTEGER, lambda out, k, n: 1.0 / _negative_binomial_p(k, n, out)],
    _KNP,
)
nbdtrik = _inverse(
    "nbdtrik",
    "y n p",
    _negative_binomial,
    0,
    "Inverse of nbdtr in k, which is not rounded.",
    at((0.5, 0.9), (2, 6), (0.3, 0.6)),
)
nbdtrin = _inverse(
    "nbdtrin",
    "k y p",
    _negative_binomial,
    1,
    "Inverse of nbdtr in n, which is not rounded.",
    at((1.5, 4), (0.3, 0.8), (0.3, 0.6)),
)
btdtria = _inverse("btdtria", "p b x", "betainc", 0, "Inverse of betainc in a.", at((0.1, 0.9), (0.6, 4), (0.2, 0.8)))
btdtrib = _inverse("btdtrib", "a p x", "betainc", 1, "Inverse of betainc in b.", at((0.6, 4), (0.1, 0.9), (0.2, 0.8)))


def _f_terms(dfn, dfd, x):
    """a, b and the argument of the incomplete beta function, its complement, and half its density."""
    whole = dfn * x + dfd
    w, v = dfn * x / whole, dfd / whole
    a, b = 0.5 * dfn, 0.5 * dfd
    return a, b, w, v, whole, beta_pdf(a, b, w, v)


def _f_dfn(tail, sign):
    def derivative(dfn, dfd, x):
        a, b, w, v, whole, density = _f_terms(dfn, dfd, x)
        return 0.5 * slope(tail, 0, a, b, w) + sign * density * x * v / whole

    return derivative


def _f_dfd(tail, sign):
    def derivative(dfn, dfd, x):
        a, b, w, v, whole, density = _f_terms(dfn, dfd, x)
        return 0.5 * slope(tail, 1, a, b, w) - sign * density * w / whole

    return derivative


def _f_x(sign):
    def derivative(dfn, dfd, x):
        a, b, w, v, whole, density = _f_terms(dfn, dfd, x)
        return sign * density * dfn * v / whole

    return derivative


_F = at((1, 8), (1, 8), (0.3, 3))
fdtr = page(
    "fdtr",
    "dfn dfd x",
    "Distribution function of the F distribution.",
    [_f_dfn("betainc", 1.0), _f_dfd("betainc", 1.0), _f_x(1.0)],
    _F,
)
fdtrc = page(
    "fdtrc",
    "dfn dfd x",
    "Survival function of the F distribution.",
    [_f_dfn("betaincc", -1.0), _f_dfd("betaincc", -1.0), _f_x(-1.0)],
    _F,
)
fdtri = _inverse("fdtri", "dfn dfd p", "fdtr", 2, "Inverse of fdtr in x.", at((1, 8), (1, 8), (0.1, 0.9)))
fdtridfd = _inverse("fdtridfd", "dfn p x", "fdtr", 1, "Inverse of fdtr in dfd.", at((1, 4), (0.52, 0.6), (1.2, 1.5)))


def _student_pdf(df, t):
    """(1 + t**2 / df)**(-(df + 1) / 2) / (sqrt(df) B(1/2, df / 2))."""
    log_pdf = -0.5 * (df + 1.0) * ew.log1p(ew.square(t) / df) - 0.5 * ew.log(df) - PAGES["betaln"](0.5 * df, 0.5)
    return ew.exp(log_pdf)


def _student_radius(df, t):
    with np.errstate(all="ignore"):
        change = 0.5 * np.log1p(t * t / df)
    return np.minimum(0.45 * df, 2.0 / change)


stdtr = page(
    "stdtr",
    "df t",
    "Distribution function of Student's t distribution.",
    [numeric(_student_radius), _student_pdf],
    at((1, 8), (-3, 3), also=[(30.0, 2.0), (0.5, -40.0)]),
)
stdtrit = _inverse("stdtrit", "df p", "stdtr", 1, "Inverse of stdtr in t.", at((1, 8), (0.1, 0.9)))
stdtridf = _inverse("stdtridf", "p t", "stdtr", 0, "Inverse of stdtr in df.", at((0.83, 0.9), (1.5, 2.2)))

# ------------------------------------------------------------------------------------------------ normal
_SQRT_2PI = math.sqrt(2.0 * math.pi)


def _ndtri_slope(z):
    return _SQRT_2PI * ew.exp(0.5 * ew.square(z))


nrdtrimn = page(
    "nrdtrimn",
    "p std x",
    "Mean of the normal distribution with distribution function p at x.",
    [lambda out, std, x: -std * _ndtri_slope((x - out) / std), lambda out, std, x: (out - x) / std, lambda: 1.0],
    at((0.1, 0.9), (0.5, 2), (-2, 2)),
)
nrdtrisd = page(
    "nrdtrisd",
    "mn p x",
    "Standard deviation of the normal distribution with distribution function p at x.",
    [
        lambda out, mn, x: -out / (x - mn),
        lambda out, mn, x: -ew.square(out) / (x - mn) * _ndtri_slope((x - mn) / out),
        lambda out, mn, x: out / (x - mn),
    ],
    at((-1, 0), (0.6, 0.9), (1, 2)),
)


# ------------------------------------------------------------------------------------------------ noncentral
def _share(k, most=0.5):
    """An interval in argument `k`, which is positive, with a smooth function."""
    return numeric(lambda *args: np.minimum(most, 0.45 * np.abs(args[k])))


chndtr = page(
    "chndtr",
    "x df nc",
    "Distribution function of the noncentral chi-square distribution.",
    [_share(0, 1.0), _share(1), lambda out, x, df, nc: 0.5 * (chndtr(x, df + 2.0, nc) - out)],
    at((1, 6), (1, 5), (0.5, 3)),
)
chndtrix = _inverse("chndtrix", "p df nc", "chndtr", 0, "Inverse of chndtr in x.", at((0.1, 0.9), (1, 5), (0.5, 3)))
chndtridf = _inverse("chndtridf", "x p nc", "chndtr", 1, "Inverse of chndtr in df.", at((4, 6), (0.3, 0.6), (0.5, 1.5)))
chndtrinc = _inverse("chndtrinc", "x df p", "chndtr", 2, "Inverse of chndtr in nc.", at((4, 6), (1, 2), (0.3, 0.6)))
ncfdtr = page(
    "ncfdtr",
    "dfn dfd nc f",
    "Distribution function of the noncentral F distribution.",
    [_share(0), _share(1), _share(2), _share(3)],
    at((2, 6), (2, 6), (0.5, 2), (0.5, 3)),
)
ncfdtri = _inverse(
    "ncfdtri", "dfn dfd nc p", "ncfdtr", 3, "Inverse of ncfdtr in f.", at((2, 6), (2, 6), (0.5, 2), (0.2, 0.8))
)
ncfdtridfd = _inverse(
    "ncfdtridfd", "dfn p nc f", "ncfdtr", 1, "Inverse of ncfdtr in dfd.", at((2, 3), (0.5, 0.55), (0.5, 1), (1.5, 2))
)
_SEARCHED = "SciPy's search for it ends at a bound for many arguments"
ncfdtridfn = _inverse(
    "ncfdtridfn",
    "p dfd nc f",
    "ncfdtr",
    0,
    "Inverse of ncfdtr in dfn.",
    at((0.35, 0.4), (2, 6), (0.5, 1), (1.5, 2), wrt=()),
    dict.fromkeys(("p", "dfd", "nc", "f"), _SEARCHED),
)
ncfdtrinc = _inverse(
    "ncfdtrinc", "dfn dfd p f", "ncfdtr", 2, "Inverse of ncfdtr in nc.", at((2, 3), (3, 6), (0.2, 0.4), (2, 3))
)
nctdtr = page(
    "nctdtr",
    "df nc t",
    "Distribution function of the noncentral t distribution.",
    [_share(0), numeric(0.5), numeric(0.25)],
    at((2, 6), (0.3, 1), (0.5, 2)),
)
nctdtrit = _inverse("nctdtrit", "df nc p", "nctdtr", 2, "Inverse of nctdtr in t.", at((2, 6), (0.3, 1), (0.5, 0.9)))
nctdtridf = _inverse(
    "nctdtridf", "p nc t", "nctdtr", 0, "Inverse of nctdtr in df.", at((0.72, 0.75), (0.3, 0.4), (1.1, 1.2))
)
nctdtrinc = _inverse("nctdtrinc", "df p t", "nctdtr", 1, "Inverse of nctdtr in nc.", at((2, 6), (0.3, 0.8), (0.5, 2)))

# ------------------------------------------------------------------------------------------------ Kolmogorov-Smirnov
kolmogorov = page(
    "kolmogorov",
    "y",
    "Survival function of the Kolmogorov distribution.",
    [numeric(lambda y: np.minimum(0.4, 0.3 * y))],
    at((0.4, 2)),
)
kolmogi = _inverse("kolmogi", "p", "kolmogorov", 0, "Inverse of kolmogorov.", at((0.1, 0.9)))


def _smirnov_density(n, d):
    """The derivative of smirnov in d: that of d sum_j binom(n, j) (d + j/n)**(j-1) (1 - d - j/n)**(n-j), j <= n (1 - d).

    Z. W. Birnbaum, F. H. Tingey, Ann. Math. Statist. 22 (1951), equation 3.0, differentiated term by term.
    """
    n, d = np.broadcast_arrays(np.asarray(n, float), np.asarray(d, float))
    total = np.zeros(n.shape)
    for place in np.ndindex(n.shape):
        k, x = int(n[place]), float(d[place])
        for j in range(math.floor(k * (1.0 - x)) + 1):
            up, down = x + j / k, 1.0 - x - j / k
            term = math.comb(k, j) * up ** (j - 1) * down ** (k - j)
            slope_of_term = math.comb(k, j) * (j - 1) * up ** (j - 2) * down ** (k - j)
            if j < k:
                slope_of_term -= math.comb(k, j) * up ** (j - 1) * (k - j) * down ** (k - j - 1)
            total[place] += term + x * slope_of_term
    return total


smirnov_density = page(
    "smirnov_density",
    "n d",
    "Derivative of smirnov in d.",
    [INTEGER, "only first derivatives of smirnov are provided"],
    at([2, 5, 10], (0.15, 0.6), wrt=(), single=False),
    body=_smirnov_density,
    internal=True,
)
smirnov = page(
    "smirnov",
    "n d",
    "Survival function of the one-sided Kolmogorov-Smirnov statistic.",
    [INTEGER, lambda n, d: smirnov_density(n, d)],
    at([2, 5, 10], (0.15, 0.6), order=1, single=False),
)
smirnovi = _inverse(
    "smirnovi",
    "n p",
    "smirnov",
    1,
    "Inverse of smirnov in d.",
    at([2, 5, 10], (0.15, 0.6), order=1, single=False),
    {"n": INTEGER},
)
