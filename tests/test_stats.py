"""The distributions of scirs_ad.scipy.stats: SciPy's values, and derivatives in the variate and every parameter."""

import math
import pickle

import numpy as np
import pytest
import scipy.stats

import scirs_ad as ad
from scirs_ad.scipy import stats
from scirs_ad.scipy.stats import Continuous, Discrete
from scirs_ad.testing.differences import finite_difference

SHAPES = {"s": 0.7, "df": 4.3, "a": 2.6, "b": 1.9, "c": 1.7, "mu": 2.4, "n": 7.0, "p": 0.37}
DISTRIBUTIONS = {name: getattr(stats, name) for name in stats.__all__ if name != "multivariate_normal"}
CONTINUOUS = {name: d for name, d in DISTRIBUTIONS.items() if isinstance(d, Continuous)}
DISCRETE = {name: d for name, d in DISTRIBUTIONS.items() if isinstance(d, Discrete)}
LOC, SCALE = 0.3, 1.6
OF_VARIATE = ["pdf", "logpdf", "cdf", "logcdf", "sf", "logsf"]


def shapes_of(d):
    return [SHAPES[s] for s in d.shapes]


def points(d):
    """Inside of the support, and beyond both ends."""
    inside = getattr(scipy.stats, d.name).ppf([0.07, 0.4, 0.83], *shapes_of(d), LOC, SCALE)
    return np.concatenate([inside, [LOC - 9.0, LOC + 40.0]])


@pytest.mark.parametrize("name", CONTINUOUS)
@pytest.mark.parametrize("method", [*OF_VARIATE, "ppf", "isf"])
def test_continuous(name, method):
    d, theirs = CONTINUOUS[name], getattr(scipy.stats, name)
    x = np.array([0.03, 0.4, 0.88]) if method in ("ppf", "isf") else points(d)
    parameters = [*shapes_of(d), LOC, SCALE]
    with np.errstate(all="ignore"):  # logarithms outside of the support
        ours = getattr(d, method)(x, *parameters)
        wanted = getattr(theirs, method)(x, *parameters)
        np.testing.assert_allclose(ours, wanted, rtol=1e-12, atol=1e-300)
        inner = x[:3]
        weights = np.array([0.5, -1.3, 0.8])
        for k in range(len(parameters) + 1):

            def along(v, k=k):
                args = [inner, *parameters]
                args[k] = v
                return np.sum(weights * getattr(d, method)(*args))

            at = inner if k == 0 else parameters[k - 1]
            found = ad.grad(along)(at)
            scale = np.max(np.abs(found)) + np.max(np.abs(ours[:3]))
            np.testing.assert_allclose(found, finite_difference(along, at), rtol=2e-6, atol=2e-7 * scale)


@pytest.mark.parametrize("name", DISCRETE)
@pytest.mark.parametrize("method", ["pmf", "logpmf", "cdf", "logcdf", "sf", "logsf"])
def test_discrete(name, method):
    d, theirs = DISCRETE[name], getattr(scipy.stats, name)
    shapes = shapes_of(d)
    k = np.array([-1, 0, 1, 2, 3, 7, 9, 1.5])
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(
            getattr(d, method)(k, *shapes, 0), getattr(theirs, method)(k, *shapes, 0), rtol=1e-12, atol=1e-14
        )
        p = len(shapes) - 1  # the last shape is the real one

        def along(v):
            return np.sum(np.exp(getattr(d, method)(np.array([1, 2, 4]), *shapes[:p], v)))

        np.testing.assert_allclose(ad.grad(along)(shapes[p]), finite_difference(along, shapes[p]), rtol=1e-6)


def test_moments():
    for name, d in DISTRIBUTIONS.items():
        theirs, parameters = (
            getattr(scipy.stats, name),
            [*shapes_of(d), LOC, SCALE][: None if name in CONTINUOUS else -1],
        )
        for method in ("mean", "var", "std"):
            np.testing.assert_allclose(
                getattr(d, method)(*parameters), getattr(theirs, method)(*parameters), rtol=1e-12, err_msg=name
            )


def test_parameters():
    assert stats.norm.pdf(0.0).shape == ()
    assert np.isnan(stats.norm.pdf(0.0, scale=-1.0))
    assert np.isnan(stats.gamma.logpdf(1.0, -2.0))
    assert np.isnan(stats.norm.logpdf(np.nan))
    assert np.isnan(stats.norm.ppf(1.5))
    with pytest.raises(TypeError, match="missing the parameter 'a'"):
        stats.gamma.pdf(1.0)
    with pytest.raises(TypeError, match="no parameter 'sigma'"):
        stats.norm.pdf(1.0, sigma=2.0)
    with pytest.raises(TypeError, match="multiple values"):
        stats.norm.pdf(1.0, 0.0, loc=1.0)
    with pytest.raises(TypeError, match="4 parameters"):
        stats.gamma(1, 2, 3, 4)
    np.testing.assert_allclose(stats.norm(1.0, scale=2.0).logcdf([0.5]), scipy.stats.norm(1.0, 2.0).logcdf([0.5]))
    assert pickle.loads(pickle.dumps(stats.norm)) is stats.norm
    assert pickle.loads(pickle.dumps(stats.multivariate_normal)) is stats.multivariate_normal


def test_frozen_and_random():
    def f(v):
        d = stats.gamma(v[0], scale=v[1])
        return d.logpdf(1.3) + d.mean() + d.median()

    v = np.array([2.0, 0.5])
    np.testing.assert_allclose(ad.grad(f)(v), finite_difference(f, v), rtol=1e-7)

    def draws(v):
        return np.sum(stats.norm.rvs(v[0], v[1], size=5, random_state=3) ** 2)

    np.testing.assert_allclose(ad.grad(draws)(v), finite_difference(draws, v), rtol=1e-7)
    with pytest.raises(ad.DerivativeLostError, match="with respect to a"):
        ad.grad(lambda a: np.sum(stats.gamma.rvs(a, size=3)))(2.0)
    with pytest.raises(ad.DerivativeLostError, match=r"norm\.fit has no derivative"):
        ad.grad(lambda a: stats.norm.fit(a)[0])(np.ones(3))
    assert stats.norm.fit(np.arange(3.0))[0] == 1.0
    assert stats.spearmanr is scipy.stats.spearmanr


def test_second_order():
    assert math.isclose(ad.grad(ad.grad(stats.logistic.logpdf))(0.0), -0.5)
    np.testing.assert_allclose(
        ad.hessian(lambda v: stats.norm.logpdf(0.3, v[0], v[1]))(np.array([0.1, 2.0]))[0, 0], -0.25
    )


@pytest.mark.parametrize("x", [np.array([0.3, -0.4]), np.array([[0.3, -0.4], [1.0, 2.0], [0.0, 0.1]])])
def test_multivariate_normal(x):
    mean, root = np.array([0.1, 0.2]), np.array([[1.0, 0.0], [0.4, 0.8]])
    theirs = scipy.stats.multivariate_normal
    for cov in (root @ root.T, np.array([0.5, 2.0]), 1.7):
        np.testing.assert_allclose(
            stats.multivariate_normal.logpdf(x, mean, cov), theirs.logpdf(x, mean, cov), rtol=1e-13
        )
        np.testing.assert_allclose(stats.multivariate_normal(mean, cov).pdf(x), theirs.pdf(x, mean, cov), rtol=1e-13)
        np.testing.assert_allclose(stats.multivariate_normal(mean, cov).entropy(), theirs(mean, cov).entropy())

    def f(root, mean, x):
        return np.sum(stats.multivariate_normal.logpdf(x, mean, root @ root.T))

    for k, at in enumerate((root, mean, x)):

        def along(v, k=k):
            args = [root, mean, x]
            args[k] = v
            return f(*args)

        np.testing.assert_allclose(ad.grad(along)(at), finite_difference(along, at), rtol=1e-6, atol=1e-7)
    with pytest.raises(np.linalg.LinAlgError):
        stats.multivariate_normal.logpdf(x, mean, np.ones((2, 2)))
    with pytest.raises(ad.DerivativeLostError, match="allow_singular"):
        ad.grad(lambda m: stats.multivariate_normal.logpdf(x, m, np.ones((2, 2)), True).sum())(mean)
    with pytest.raises(ValueError, match="wanted 2"):
        stats.multivariate_normal.logpdf(np.ones(3), mean)
