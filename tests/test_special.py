"""scipy.special: every ufunc is there, and every derivative agrees with differences of SciPy's own function."""

import numpy as np
import pytest
import scipy.special as sp

import scirs_ad as ad
from scirs_ad._core.core import PRIMITIVES
from scirs_ad._core.define import raises
from scirs_ad._core.errors import NotDifferentiableError
from scirs_ad.scipy import special

UFUNCS = sorted(n for n in dir(sp) if isinstance(getattr(sp, n), np.ufunc))
PAGES = sorted(n for n, p in PRIMITIVES.items() if p.body.__module__.startswith("scirs_ad._ops.special"))
# Found by a search in SciPy, to 1e-6 or so: differences of them are no sharper.
SEARCHED = {"ncfdtridfd", "ncfdtrinc", "ncfdtri"}


@pytest.mark.parametrize("name", UFUNCS)
def test_is_there(name):
    assert callable(getattr(special, name))


def arrays(p):
    """The first real sample of four elements."""
    for s in p.samples(np.random.default_rng(1)):
        args = [np.asarray(a) for a in s.args]
        if isinstance(s, raises) or any(a.dtype.kind == "c" or a.dtype == np.float32 for a in args):
            continue
        if max(a.size for a in args) in (3, 4):
            # whole numbers stay what the page gave: some functions of SciPy take nothing else
            return s, [a if isinstance(a, int) else np.asarray(a) for a in s.args]
    return None, None


def summed(outputs):
    """One real number that depends on all outputs."""
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return sum(np.sum(np.real(o) * 0.7 + np.imag(o) * 0.3) for o in outputs)


@pytest.mark.parametrize("name", PAGES)
def test_derivative_is_difference(name):
    p = PRIMITIVES[name]
    s, args = arrays(p)
    if s is None or not p.differentiable:
        return
    moving = [k for k, a in enumerate(args) if getattr(a, "dtype", None) == np.float64]
    for k in moving if s.wrt is None else [k for k in moving if k in s.wrt]:

        def f(x, k=k):
            full = list(args)
            full[k] = x
            return summed(p(*full, **s.params))

        try:
            g = ad.grad(f)(args[k])
        except NotDifferentiableError as error:
            assert name.split("_")[0] in str(error)
            continue
        v = np.where(np.arange(args[k].size).reshape(args[k].shape) % 2, 1.0, 0.7)
        step = 2e-5 * np.maximum(np.abs(args[k]), 1e-2) * v
        expected = 0.0  # central differences at h and 2 h, extrapolated
        for h, weight in ((1.0, 4 / 3), (2.0, -1 / 3)):
            expected = expected + weight * (f(args[k] + h * step) - f(args[k] - h * step)) / (2 * h)
        found = np.sum(g * step)
        size = abs(expected) + np.max(np.abs(step)) * 1e-3 * (1 + abs(f(args[k])))
        assert abs(found - expected) <= (1e-2 if name in SEARCHED else 1e-6) * size, (name, k, found, expected)


def test_numpy_dispatches_to_the_pages():
    x = np.array([0.5, 1.5])
    np.testing.assert_allclose(ad.grad(lambda x: np.sum(sp.gammainc(2.0, x)))(x), x * np.exp(-x), rtol=1e-14)
    np.testing.assert_allclose(ad.grad(lambda x: np.sum(sp.xlogy(x, 2.0)))(x), np.log(2.0), rtol=1e-14)


def test_no_silent_zero():
    with pytest.raises(NotDifferentiableError, match="yn"):
        ad.grad(lambda n: special.yn(n, 2.0))(1.0)


def test_softmax_and_logsumexp():
    x = np.array([1000.0, 1000.0, -np.inf])
    np.testing.assert_allclose(ad.grad(lambda x: special.logsumexp(x))(x), [0.5, 0.5, 0.0], rtol=1e-12)
    np.testing.assert_allclose(special.softmax(x), sp.softmax(x))
    np.testing.assert_allclose(special.log_softmax(x[:2]), sp.log_softmax(x[:2]))
    np.testing.assert_allclose(special.multigammaln(3.0, 2), sp.multigammaln(3.0, 2), rtol=1e-15)
