"""scipy.stats by name: distributions whose densities and distribution functions have derivatives.

Each is made of differentiable functions, so a derivative exists with respect to the variate and to every parameter, of
any order. Methods without a derivative (`rvs` with tracked shapes, `fit`, `moment` ...) are SciPy's own, for arguments
that carry none; so are all other names of scipy.stats.
"""

import math

import numpy as np
import scipy.stats as original

from scirs_ad._core.core import Variable, as_array, dtype_of, shape_of, value_of
from scirs_ad._core.errors import DerivativeLostError
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import linalg as la
from scirs_ad._ops import shape as sh
from scirs_ad._ops.diagonals import diag
from scirs_ad._ops.linalg_parts import diagonal, matrix_transpose
from scirs_ad.scipy import linalg as sl
from scirs_ad.scipy import special as sp

__all__ = [
    "bernoulli", "beta", "binom", "cauchy", "chi2", "expon", "gamma", "geom", "gumbel_r", "halfnorm", "invgamma", "laplace",
    "logistic", "lognorm", "multivariate_normal", "nbinom", "norm", "pareto", "poisson", "rayleigh", "t", "uniform",
    "weibull_min",
]  # fmt: skip

_LOG_2, _LOG_PI, _LOG_2PI = math.log(2), math.log(math.pi), math.log(2 * math.pi)


def _finish(x):
    return x[()] if type(x) is np.ndarray else x


def _tracked(items):
    return any(isinstance(x, Variable) and x.level is not None for x in items)


def _plain(x):
    return value_of(x) if isinstance(x, Variable) else x


def _number(x):
    """`x` in floating point."""
    x = as_array(x)
    return sh.astype(x, float) if dtype_of(x).kind in "biu" else x


def _log(p, rest):
    """Logarithm of a probability; near 1 by the rest, which is small and exact there."""
    return _finish(ew.where(ew.less(p, 0.5), ew.log(p), ew.log1p(ew.negative(rest))))


def _both(a, b):
    return ew.logical_and(a, b)


class Frozen:
    """A distribution with its parameters fixed: its methods take only the variate."""

    def __init__(self, dist, args, kwargs):
        self.dist, self.args, self.kwds = dist, args, kwargs
        dist._parameters(args, dict(kwargs))  # an error is raised here, not at first use

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        method = getattr(self.dist, name)
        if name in _OF_PARAMETERS:
            return lambda *args, **kwargs: method(*self.args, *args, **self.kwds, **kwargs)
        return lambda x, *args, **kwargs: method(x, *self.args, *args, **self.kwds, **kwargs)

    def __repr__(self):
        return f"<frozen {self.dist!r}>"


_OF_PARAMETERS = ("rvs", "mean", "var", "std", "median", "entropy", "stats", "support")


class Distribution:
    """What continuous and discrete distributions share: parameters, and methods that are SciPy's own."""

    def __init__(self, name, shapes="", support=lambda *shapes: (-math.inf, math.inf), valid=None, **functions):
        self.name = name
        self.shapes = shapes.split()
        self._support, self._valid, self._functions = support, valid or self._positive, functions
        self._original = getattr(original, name)

    def __repr__(self):
        return f"<scirs_ad.scipy.stats.{self.name}>"

    def __reduce__(self):
        return self.name  # the instance of this module

    def __call__(self, *args, **kwargs):
        return Frozen(self, args, kwargs)

    def freeze(self, *args, **kwargs):
        """The distribution with fixed parameters."""
        return Frozen(self, args, kwargs)

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        theirs = getattr(self._original, name)
        if not callable(theirs):
            return theirs

        def method(*args, **kwargs):
            if _tracked(args) or _tracked(kwargs.values()):
                raise DerivativeLostError(
                    f"scipy.stats.{self.name}.{name} has no derivative; use scirs_ad.value(x) if none is wanted"
                )
            return theirs(*[_plain(a) for a in args], **{k: _plain(x) for k, x in kwargs.items()})

        method.__name__, method.__doc__ = name, theirs.__doc__
        return method

    @staticmethod
    def _positive(*shapes):
        ok = True
        for s in shapes:
            ok = _both(ok, ew.greater(s, 0))
        return ok

    def _parameters(self, args, kwargs, names=("loc", "scale")):
        """The shapes, and those of `names`, of positional and keyword arguments."""
        order = [*self.shapes, *names]
        if len(args) > len(order):
            raise TypeError(f"{self.name}: {len(args)} parameters were given; they are {', '.join(order)}")
        found = dict(zip(order, args, strict=False))
        for key, value in kwargs.items():
            if key not in order:
                raise TypeError(f"{self.name}: there is no parameter {key!r}; they are {', '.join(order)}")
            if key in found:
                raise TypeError(f"{self.name}: got multiple values for the parameter {key!r}")
            found[key] = value
        missing = [s for s in self.shapes if s not in found]
        if missing:
            raise TypeError(f"{self.name}: missing the parameter {missing[0]!r}")
        return [_number(found[s]) for s in self.shapes], [
            _number(found.get(n, 1.0 if n == "scale" else 0.0)) for n in names
        ]


class Continuous(Distribution):
    """A continuous distribution: SciPy's methods, with derivatives.

    Parameters
    ----------
    name : str
        SciPy's.
    shapes : str
        Names of the shape parameters.
    support : callable
        Of the shapes: the interval.
    logpdf, cdf, ppf, sf, logcdf, logsf, isf : callable
        In standard form: of the variate (or the probability) and the shapes. The first three are needed.
    """

    def _evaluated(self, kind, x, args, kwargs, below, above):
        """A function of the variate; constants outside of the support, nan for parameters that do not exist."""
        shapes, (loc, scale) = self._parameters(args, kwargs)
        y = ew.divide(ew.subtract(_number(x), loc), scale)
        low, high = self._support(*shapes)
        value = self._functions[kind](y, *shapes)
        if kind == "logpdf":
            value = ew.subtract(value, ew.log(scale))
        if not _is_constant(low, -math.inf):
            value = ew.where(ew.less(y, low), below, value)
        if not _is_constant(high, math.inf):
            value = ew.where(ew.greater(y, high), above, value)
        valid = _both(self._valid(*shapes), ew.greater(scale, 0))
        return _finish(value if valid is True or _always(valid) else ew.where(valid, value, math.nan))

    def logpdf(self, x, *args, **kwargs):
        """Logarithm of the density at `x`."""
        return self._evaluated("logpdf", x, args, kwargs, -math.inf, -math.inf)

    def pdf(self, x, *args, **kwargs):
        """Density at `x`."""
        return _finish(ew.exp(self.logpdf(x, *args, **kwargs)))

    def cdf(self, x, *args, **kwargs):
        """Probability of at most `x`."""
        return self._evaluated("cdf", x, args, kwargs, 0.0, 1.0)

    def sf(self, x, *args, **kwargs):
        """Probability of more than `x`."""
        if "sf" not in self._functions:
            return _finish(ew.subtract(1.0, self.cdf(x, *args, **kwargs)))
        return self._evaluated("sf", x, args, kwargs, 1.0, 0.0)

    def logcdf(self, x, *args, **kwargs):
        """Logarithm of `cdf`."""
        if "logcdf" not in self._functions:
            return _log(self.cdf(x, *args, **kwargs), self.sf(x, *args, **kwargs))
        return self._evaluated("logcdf", x, args, kwargs, -math.inf, 0.0)

    def logsf(self, x, *args, **kwargs):
        """Logarithm of `sf`."""
        if "logsf" not in self._functions:
            return _log(self.sf(x, *args, **kwargs), self.cdf(x, *args, **kwargs))
        return self._evaluated("logsf", x, args, kwargs, 0.0, -math.inf)

    def _quantile(self, kind, q, args, kwargs):
        shapes, (loc, scale) = self._parameters(args, kwargs)
        q = _number(q)
        value = ew.add(ew.multiply(self._functions[kind](q, *shapes), scale), loc)
        valid = _both(self._valid(*shapes), ew.greater(scale, 0))
        valid = _both(valid, _both(ew.greater_equal(q, 0), ew.less_equal(q, 1)))
        return _finish(value if _always(valid) else ew.where(valid, value, math.nan))

    def ppf(self, q, *args, **kwargs):
        """Inverse of `cdf`."""
        return self._quantile("ppf", q, args, kwargs)

    def isf(self, q, *args, **kwargs):
        """Inverse of `sf`."""
        if "isf" not in self._functions:
            return self.ppf(ew.subtract(1.0, _number(q)), *args, **kwargs)
        return self._quantile("isf", q, args, kwargs)

    def median(self, *args, **kwargs):
        """The point of probability one half."""
        return self.ppf(0.5, *args, **kwargs)

    def nnlf(self, theta, x):
        """Negative log-likelihood of `x`; `theta` is the shapes, loc and scale."""
        return _finish(ew.negative(sh.sum(self.logpdf(x, *theta))))

    def rvs(self, *args, size=None, random_state=None, **kwargs):
        """Random variates; differentiable in `loc` and `scale` (a standard variate is shifted and stretched)."""
        shapes, (loc, scale) = self._parameters(args, kwargs)
        if _tracked(shapes):
            raise DerivativeLostError(
                f"{self.name}.rvs has no derivative with respect to {', '.join(self.shapes)}; use scirs_ad.value(x)"
            )
        if not _tracked([loc, scale]):
            return self._original.rvs(*map(_plain, [*shapes, loc, scale]), size=size, random_state=random_state)
        if size is None:
            size = np.broadcast_shapes(*map(shape_of, [*shapes, loc, scale]))
        drawn = self._original.rvs(*map(_plain, shapes), size=size, random_state=random_state)
        return ew.add(loc, ew.multiply(scale, drawn))

    def _moment(self, kind, args, kwargs):
        if kind not in self._functions:
            return self.__getattr__(kind)(*args, **kwargs)
        shapes, (loc, scale) = self._parameters(args, kwargs)
        found = self._functions[kind](*shapes)
        return _finish(
            ew.add(loc, ew.multiply(scale, found)) if kind == "mean" else ew.multiply(ew.square(scale), found)
        )

    def mean(self, *args, **kwargs):
        """Expected value."""
        return self._moment("mean", args, kwargs)

    def var(self, *args, **kwargs):
        """Variance."""
        return self._moment("var", args, kwargs)

    def std(self, *args, **kwargs):
        """Standard deviation."""
        return _finish(ew.sqrt(self.var(*args, **kwargs)))


def _is_constant(x, value):
    return isinstance(x, float) and x == value


def _always(valid):
    """Whether a condition is known to hold everywhere."""
    return isinstance(valid, (np.ndarray, np.bool_, bool)) and bool(np.all(valid))


class Discrete(Distribution):
    """A distribution on whole numbers: SciPy's methods, with derivatives with respect to the parameters.

    Parameters
    ----------
    name, shapes, support
        As in `Continuous`.
    logpmf, cdf, sf : callable
        Of the number, without `loc`, and the shapes.
    """

    def _evaluated(self, kind, k, args, kwargs, below, above):
        shapes, (loc,) = self._parameters(args, kwargs, ("loc",))
        y = ew.subtract(_number(k), loc)
        low, high = self._support(*shapes)
        whole = ew.floor(y)
        inside = _both(ew.greater_equal(whole, low), ew.less_equal(whole, high))
        middle = ew.where(inside, whole, low)  # a number of the support, so that nothing is undefined there
        value = self._functions[kind](middle, *shapes)
        if kind == "logpmf":
            value = ew.where(_both(inside, ew.equal(y, whole)), value, below)
        else:
            value = ew.where(ew.less(y, low), below, ew.where(ew.greater_equal(y, high), above, value))
        valid = _both(self._valid(*shapes), ew.equal(y, y))
        return _finish(value if _always(valid) else ew.where(valid, value, math.nan))

    def logpmf(self, k, *args, **kwargs):
        """Logarithm of the probability of `k`."""
        return self._evaluated("logpmf", k, args, kwargs, -math.inf, -math.inf)

    def pmf(self, k, *args, **kwargs):
        """Probability of `k`."""
        return _finish(ew.exp(self.logpmf(k, *args, **kwargs)))

    def cdf(self, k, *args, **kwargs):
        """Probability of at most `k`."""
        return self._evaluated("cdf", k, args, kwargs, 0.0, 1.0)

    def sf(self, k, *args, **kwargs):
        """Probability of more than `k`."""
        return self._evaluated("sf", k, args, kwargs, 1.0, 0.0)

    def logcdf(self, k, *args, **kwargs):
        """Logarithm of `cdf`."""
        return _log(self.cdf(k, *args, **kwargs), self.sf(k, *args, **kwargs))

    def logsf(self, k, *args, **kwargs):
        """Logarithm of `sf`."""
        return _log(self.sf(k, *args, **kwargs), self.cdf(k, *args, **kwargs))

    def ppf(self, q, *args, **kwargs):
        """Quantiles: whole numbers, without derivative."""
        return self._original.ppf(*map(_plain, [q, *args]), **{k: _plain(x) for k, x in kwargs.items()})

    def isf(self, q, *args, **kwargs):
        """Inverse of `sf`: whole numbers, without derivative."""
        return self._original.isf(*map(_plain, [q, *args]), **{k: _plain(x) for k, x in kwargs.items()})

    def mean(self, *args, **kwargs):
        """Expected value."""
        shapes, (loc,) = self._parameters(args, kwargs, ("loc",))
        return _finish(ew.add(loc, self._functions["mean"](*shapes)))

    def var(self, *args, **kwargs):
        """Variance."""
        shapes, _ = self._parameters(args, kwargs, ("loc",))
        return _finish(self._functions["var"](*shapes))

    def std(self, *args, **kwargs):
        """Standard deviation."""
        return _finish(ew.sqrt(self.var(*args, **kwargs)))


def _on_positive(*shapes):
    return 0.0, math.inf


def _on_unit(*shapes):
    return 0.0, 1.0


# ------------------------------------------------------------------------------------------------ continuous
norm = Continuous(
    "norm",
    logpdf=lambda y: -0.5 * y * y - 0.5 * _LOG_2PI, cdf=sp.ndtr, sf=lambda y: sp.ndtr(-y), logcdf=sp.log_ndtr,
    logsf=lambda y: sp.log_ndtr(-y), ppf=sp.ndtri, isf=lambda q: -sp.ndtri(q), mean=lambda: 0.0, var=lambda: 1.0,
)  # fmt: skip
halfnorm = Continuous(
    "halfnorm", support=_on_positive,
    logpdf=lambda y: -0.5 * y * y + 0.5 * (_LOG_2 - _LOG_PI), cdf=lambda y: sp.erf(y / math.sqrt(2)),
    sf=lambda y: sp.erfc(y / math.sqrt(2)), ppf=lambda q: math.sqrt(2) * sp.erfinv(q),
    isf=lambda q: math.sqrt(2) * sp.erfcinv(q), mean=lambda: math.sqrt(2 / math.pi), var=lambda: 1 - 2 / math.pi,
)  # fmt: skip
lognorm = Continuous(
    "lognorm", "s", _on_positive,
    logpdf=lambda y, s: -0.5 * ew.square(ew.log(y) / s) - ew.log(s * y) - 0.5 * _LOG_2PI,
    cdf=lambda y, s: sp.ndtr(ew.log(y) / s), sf=lambda y, s: sp.ndtr(-ew.log(y) / s),
    logcdf=lambda y, s: sp.log_ndtr(ew.log(y) / s), logsf=lambda y, s: sp.log_ndtr(-ew.log(y) / s),
    ppf=lambda q, s: ew.exp(s * sp.ndtri(q)), isf=lambda q, s: ew.exp(-s * sp.ndtri(q)),
    mean=lambda s: ew.exp(0.5 * s * s), var=lambda s: ew.expm1(s * s) * ew.exp(s * s),
)  # fmt: skip
t = Continuous(
    "t", "df",
    logpdf=lambda y, df: -sp.betaln(0.5, 0.5 * df) - 0.5 * ew.log(df) - 0.5 * (df + 1) * ew.log1p(y * y / df),
    cdf=lambda y, df: sp.stdtr(df, y), sf=lambda y, df: sp.stdtr(df, -y), ppf=lambda q, df: sp.stdtrit(df, q),
    isf=lambda q, df: -sp.stdtrit(df, q),
)  # fmt: skip
cauchy = Continuous(
    "cauchy",
    logpdf=lambda y: -_LOG_PI - ew.log1p(y * y), cdf=lambda y: ew.atan2(1.0, -y) / math.pi,
    sf=lambda y: ew.atan2(1.0, y) / math.pi, ppf=lambda q: ew.tan(math.pi * (q - 0.5)),
    isf=lambda q: ew.tan(math.pi * (0.5 - q)),
)  # fmt: skip
laplace = Continuous(
    "laplace",
    logpdf=lambda y: -ew.abs(y) - _LOG_2,
    cdf=lambda y: ew.where(ew.less(y, 0), 0.5 * ew.exp(y), 1 - 0.5 * ew.exp(-y)),
    sf=lambda y: ew.where(ew.less(y, 0), 1 - 0.5 * ew.exp(y), 0.5 * ew.exp(-y)),
    logcdf=lambda y: ew.where(ew.less(y, 0), y - _LOG_2, ew.log1p(-0.5 * ew.exp(-y))),
    logsf=lambda y: ew.where(ew.less(y, 0), ew.log1p(-0.5 * ew.exp(y)), -y - _LOG_2),
    ppf=lambda q: ew.where(ew.less(q, 0.5), ew.log(2 * q), -ew.log(2 - 2 * q)),
    isf=lambda q: ew.where(ew.less(q, 0.5), -ew.log(2 * q), ew.log(2 - 2 * q)), mean=lambda: 0.0, var=lambda: 2.0,
)  # fmt: skip
logistic = Continuous(
    "logistic",
    logpdf=lambda y: sp.log_expit(y) + sp.log_expit(-y), cdf=sp.expit, sf=lambda y: sp.expit(-y), logcdf=sp.log_expit,
    logsf=lambda y: sp.log_expit(-y), ppf=sp.logit, isf=lambda q: -sp.logit(q), mean=lambda: 0.0,
    var=lambda: math.pi**2 / 3,
)  # fmt: skip
gumbel_r = Continuous(
    "gumbel_r",
    logpdf=lambda y: -y - ew.exp(-y), cdf=lambda y: ew.exp(-ew.exp(-y)), sf=lambda y: -ew.expm1(-ew.exp(-y)),
    logcdf=lambda y: -ew.exp(-y), ppf=lambda q: -ew.log(-ew.log(q)), isf=lambda q: -ew.log(-ew.log1p(-q)),
    mean=lambda: float(np.euler_gamma), var=lambda: math.pi**2 / 6,
)  # fmt: skip
uniform = Continuous(
    "uniform", support=_on_unit,
    logpdf=lambda y: 0.0 * y, cdf=lambda y: 1.0 * y, sf=lambda y: 1.0 - y, ppf=lambda q: 1.0 * q, isf=lambda q: 1.0 - q,
    mean=lambda: 0.5, var=lambda: 1 / 12,
)  # fmt: skip
expon = Continuous(
    "expon", support=_on_positive,
    logpdf=lambda y: -y, cdf=lambda y: -ew.expm1(-y), sf=lambda y: ew.exp(-y), logsf=lambda y: -y,
    ppf=lambda q: -ew.log1p(-q), isf=lambda q: -ew.log(q), mean=lambda: 1.0, var=lambda: 1.0,
)  # fmt: skip
gamma = Continuous(
    "gamma", "a", _on_positive,
    logpdf=lambda y, a: sp.xlogy(a - 1, y) - y - sp.gammaln(a), cdf=lambda y, a: sp.gammainc(a, y),
    sf=lambda y, a: sp.gammaincc(a, y), ppf=lambda q, a: sp.gammaincinv(a, q), isf=lambda q, a: sp.gammainccinv(a, q),
    mean=lambda a: a, var=lambda a: a,
)  # fmt: skip
chi2 = Continuous(
    "chi2", "df", _on_positive,
    logpdf=lambda y, df: sp.xlogy(0.5 * df - 1, y) - 0.5 * y - sp.gammaln(0.5 * df) - 0.5 * _LOG_2 * df,
    cdf=lambda y, df: sp.gammainc(0.5 * df, 0.5 * y), sf=lambda y, df: sp.gammaincc(0.5 * df, 0.5 * y),
    ppf=lambda q, df: 2 * sp.gammaincinv(0.5 * df, q), isf=lambda q, df: 2 * sp.gammainccinv(0.5 * df, q),
    mean=lambda df: df, var=lambda df: 2 * df,
)  # fmt: skip
invgamma = Continuous(
    "invgamma", "a", _on_positive,
    logpdf=lambda y, a: -(a + 1) * ew.log(y) - sp.gammaln(a) - 1 / y, cdf=lambda y, a: sp.gammaincc(a, 1 / y),
    sf=lambda y, a: sp.gammainc(a, 1 / y), ppf=lambda q, a: 1 / sp.gammainccinv(a, q),
    isf=lambda q, a: 1 / sp.gammaincinv(a, q),
)  # fmt: skip
beta = Continuous(
    "beta", "a b", _on_unit,
    logpdf=lambda y, a, b: sp.xlogy(a - 1, y) + sp.xlog1py(b - 1, -y) - sp.betaln(a, b),
    cdf=lambda y, a, b: sp.betainc(a, b, y), sf=lambda y, a, b: sp.betaincc(a, b, y),
    ppf=lambda q, a, b: sp.betaincinv(a, b, q), isf=lambda q, a, b: sp.betainccinv(a, b, q),
    mean=lambda a, b: a / (a + b), var=lambda a, b: a * b / (ew.square(a + b) * (a + b + 1)),
)  # fmt: skip
rayleigh = Continuous(
    "rayleigh", support=_on_positive,
    logpdf=lambda y: ew.log(y) - 0.5 * y * y, cdf=lambda y: -ew.expm1(-0.5 * y * y), sf=lambda y: ew.exp(-0.5 * y * y),
    logsf=lambda y: -0.5 * y * y, ppf=lambda q: ew.sqrt(-2 * ew.log1p(-q)), isf=lambda q: ew.sqrt(-2 * ew.log(q)),
    mean=lambda: math.sqrt(math.pi / 2), var=lambda: 2 - math.pi / 2,
)  # fmt: skip
weibull_min = Continuous(
    "weibull_min", "c", _on_positive,
    logpdf=lambda y, c: ew.log(c) + sp.xlogy(c - 1, y) - ew.power(y, c), cdf=lambda y, c: -ew.expm1(-ew.power(y, c)),
    sf=lambda y, c: ew.exp(-ew.power(y, c)), logsf=lambda y, c: -ew.power(y, c),
    ppf=lambda q, c: ew.power(-ew.log1p(-q), 1 / c), isf=lambda q, c: ew.power(-ew.log(q), 1 / c),
    mean=lambda c: sp.gamma(1 + 1 / c), var=lambda c: sp.gamma(1 + 2 / c) - ew.square(sp.gamma(1 + 1 / c)),
)  # fmt: skip
pareto = Continuous(
    "pareto", "b", lambda b: (1.0, math.inf),
    logpdf=lambda y, b: ew.log(b) - (b + 1) * ew.log(y), cdf=lambda y, b: -ew.expm1(-b * ew.log(y)),
    sf=lambda y, b: ew.exp(-b * ew.log(y)), logsf=lambda y, b: -b * ew.log(y),
    ppf=lambda q, b: ew.exp(-ew.log1p(-q) / b), isf=lambda q, b: ew.exp(-ew.log(q) / b),
)  # fmt: skip


# ------------------------------------------------------------------------------------------------ discrete
def _probability(p):
    return _both(ew.greater_equal(p, 0), ew.less_equal(p, 1))


poisson = Discrete(
    "poisson", "mu", _on_positive, lambda mu: ew.greater_equal(mu, 0),
    logpmf=lambda k, mu: sp.xlogy(k, mu) - sp.gammaln(k + 1) - mu, cdf=lambda k, mu: sp.gammaincc(k + 1, mu),
    sf=lambda k, mu: sp.gammainc(k + 1, mu), mean=lambda mu: mu, var=lambda mu: mu,
)  # fmt: skip
binom = Discrete(
    "binom", "n p", lambda n, p: (0.0, n), lambda n, p: _both(ew.greater_equal(n, 0), _probability(p)),
    logpmf=lambda k, n, p: sp.gammaln(n + 1) - sp.gammaln(k + 1) - sp.gammaln(n - k + 1) + sp.xlogy(k, p)
    + sp.xlog1py(n - k, -p),
    cdf=lambda k, n, p: sp.betainc(ew.maximum(n - k, 1), k + 1, 1 - p),
    sf=lambda k, n, p: sp.betainc(k + 1, ew.maximum(n - k, 1), p), mean=lambda n, p: n * p,
    var=lambda n, p: n * p * (1 - p),
)  # fmt: skip
bernoulli = Discrete(
    "bernoulli", "p", _on_unit, _probability,
    logpmf=lambda k, p: sp.xlogy(k, p) + sp.xlog1py(1 - k, -p), cdf=lambda k, p: 1 - p + 0 * k, sf=lambda k, p: p + 0 * k,
    mean=lambda p: p, var=lambda p: p * (1 - p),
)  # fmt: skip
geom = Discrete(
    "geom", "p", lambda p: (1.0, math.inf), lambda p: _both(ew.greater(p, 0), ew.less_equal(p, 1)),
    logpmf=lambda k, p: sp.xlog1py(k - 1, -p) + ew.log(p), cdf=lambda k, p: -ew.expm1(k * ew.log1p(-p)),
    sf=lambda k, p: ew.exp(k * ew.log1p(-p)), mean=lambda p: 1 / p, var=lambda p: (1 - p) / ew.square(p),
)  # fmt: skip
nbinom = Discrete(
    "nbinom", "n p", _on_positive, lambda n, p: _both(ew.greater(n, 0), _both(ew.greater(p, 0), ew.less_equal(p, 1))),
    logpmf=lambda k, n, p: sp.gammaln(n + k) - sp.gammaln(k + 1) - sp.gammaln(n) + n * ew.log(p) + sp.xlog1py(k, -p),
    cdf=lambda k, n, p: sp.betainc(n, k + 1, p), sf=lambda k, n, p: sp.betaincc(n, k + 1, p),
    mean=lambda n, p: n * (1 - p) / p, var=lambda n, p: n * (1 - p) / ew.square(p),
)  # fmt: skip


# ------------------------------------------------------------------------------------------------ multivariate
class MultivariateNormal:
    """The multivariate normal distribution: SciPy's methods; densities have derivatives in all arguments."""

    name = "multivariate_normal"

    def __reduce__(self):
        return self.name

    def __repr__(self):
        return "<scirs_ad.scipy.stats.multivariate_normal>"

    def __call__(self, mean=None, cov=1, allow_singular=False, seed=None):
        return _FrozenNormal(mean, cov, allow_singular, seed)

    def logpdf(self, x, mean=None, cov=1, allow_singular=False):
        """Logarithm of the density.

        Parameters
        ----------
        x : array_like, shape (..., d)
        mean : array_like, shape (d,)
        cov : array_like
            A matrix, the diagonal of one, or a number.
        allow_singular : bool
            Whether `cov` may be singular; only without derivatives.

        Returns
        -------
        Variable or ndarray

        Raises
        ------
        numpy.linalg.LinAlgError
            If `cov` is not positive definite.

        Notes
        -----
        Derivative: in `x`, `mean` and `cov` (of the symmetric part). Cost: one Cholesky factor, one solve.
        """
        if allow_singular:
            if _tracked([x, mean, cov]):
                raise DerivativeLostError(
                    "multivariate_normal with allow_singular=True has no derivative: the pseudo-inverse of a singular "
                    "matrix jumps. Add a small multiple of the identity to cov"
                )
            return original.multivariate_normal.logpdf(*map(_plain, [x, mean, cov]), allow_singular=True)
        x, cov = _number(x), _number(cov)
        d = self._dimension(mean, cov)
        mean = _number(np.zeros(d) if mean is None else mean)
        if shape_of(mean) == ():
            mean = sh.reshape(mean, (1,))
        if shape_of(cov) == ():
            cov = ew.multiply(cov, np.eye(d))
        elif len(shape_of(cov)) == 1:
            cov = diag(cov)
        if shape_of(cov) != (d, d) or shape_of(mean) != (d,):
            raise ValueError(
                f"multivariate_normal: mean has shape {shape_of(mean)} and cov {shape_of(cov)}; wanted are ({d},) and "
                f"({d}, {d})"
            )
        if shape_of(x) == ():
            x = sh.reshape(x, (1, 1))[0]
        elif len(shape_of(x)) == 1 and d == 1:
            x = sh.reshape(x, (-1, 1))
        if shape_of(x)[-1] != d:
            raise ValueError(f"multivariate_normal: the last axis of x has length {shape_of(x)[-1]}, wanted {d}")
        factor = la.cholesky(cov)
        lead = shape_of(x)[:-1]
        deviation = sh.reshape(ew.subtract(x, mean), (-1, d))
        scaled = sl.solve_triangular(factor, matrix_transpose(deviation), lower=True)
        square = sh.reshape(sh.sum(ew.square(scaled), axis=0), lead)
        return _finish(-0.5 * square - sh.sum(ew.log(diagonal(factor))) - 0.5 * d * _LOG_2PI)

    def pdf(self, x, mean=None, cov=1, allow_singular=False):
        """Density; the parameters are those of `logpdf`."""
        return _finish(ew.exp(self.logpdf(x, mean, cov, allow_singular)))

    def entropy(self, mean=None, cov=1):
        """Differential entropy."""
        cov = _number(cov)
        d = self._dimension(mean, cov)
        if len(shape_of(cov)) < 2:
            cov = ew.multiply(cov, np.eye(d)) if shape_of(cov) == () else diag(cov)
        return _finish(sh.sum(ew.log(diagonal(la.cholesky(cov)))) + 0.5 * d * (1 + _LOG_2PI))

    @staticmethod
    def _dimension(mean, cov):
        if mean is not None and shape_of(as_array(mean)) != ():
            return shape_of(as_array(mean))[-1]
        return shape_of(cov)[-1] if shape_of(cov) else 1

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        theirs = getattr(original.multivariate_normal, name)

        def method(*args, **kwargs):
            if _tracked(args) or _tracked(kwargs.values()):
                raise DerivativeLostError(
                    f"scipy.stats.multivariate_normal.{name} has no derivative; use scirs_ad.value(x) if none is wanted"
                )
            return theirs(*map(_plain, args), **{k: _plain(x) for k, x in kwargs.items()})

        method.__name__, method.__doc__ = name, theirs.__doc__
        return method


class _FrozenNormal:
    """A multivariate normal distribution with its parameters fixed."""

    def __init__(self, mean, cov, allow_singular, seed):
        self.mean, self.cov, self.allow_singular, self._seed = mean, cov, allow_singular, seed

    def logpdf(self, x):
        """Logarithm of the density."""
        return multivariate_normal.logpdf(x, self.mean, self.cov, self.allow_singular)

    def pdf(self, x):
        """Density."""
        return multivariate_normal.pdf(x, self.mean, self.cov, self.allow_singular)

    def entropy(self):
        """Differential entropy."""
        return multivariate_normal.entropy(self.mean, self.cov)

    def cdf(self, x, **kwargs):
        """Probability of at most `x`; without derivative."""
        return multivariate_normal.cdf(x, self.mean, self.cov, self.allow_singular, **kwargs)

    def rvs(self, size=1, random_state=None):
        """Random variates; without derivative."""
        return multivariate_normal.rvs(self.mean, self.cov, size, random_state)


multivariate_normal = MultivariateNormal()


def __getattr__(name):
    if name.startswith("_") or name not in original.__all__:
        raise AttributeError(f"module 'scirs_ad.scipy.stats' has no attribute {name!r}")
    return getattr(original, name)


def __dir__():
    return sorted({*__all__, *original.__all__})
