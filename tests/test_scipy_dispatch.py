"""SciPy's own functions on Variables: what `scipy_dispatch` opens, and scipy.fft, which needs no opening."""

import importlib
import importlib.util
import subprocess
import sys
import threading

import numpy as np
import pytest
import scipy.fft
import scipy.integrate
import scipy.linalg
import scipy.signal
import scipy.spatial.transform
import scipy.special
import scipy.stats
from releases import SCIPY

import scirs_ad as ad
import scirs_ad.numpy as anp

stats, signal, integrate, special = scipy.stats, scipy.signal, scipy.integrate, scipy.special
Rotation = scipy.spatial.transform.Rotation
RNG = np.random.default_rng(5)
X, W, Y = RNG.uniform(0.5, 2.0, 8), RNG.uniform(0.5, 1.0, 8), RNG.uniform(0.5, 2.0, 8)

# Plain SciPy: scalar functions of eight positive numbers; W and Y are ndarrays, which mix with the Variable.
CALLS = {
    "zscore": lambda v: np.sum(stats.zscore(v) * W),
    "skew": stats.skew,
    "kurtosis": stats.kurtosis,
    "gmean, weights": lambda v: stats.gmean(v, weights=W),
    "hmean": stats.hmean,
    "pmean": lambda v: stats.pmean(v, 2.5),
    "moment": lambda v: stats.moment(v, 3),
    "kstat": lambda v: stats.kstat(v, 3),
    "boxcox_llf": lambda v: stats.boxcox_llf(0.4, v),
    "yeojohnson_llf": lambda v: stats.yeojohnson_llf(0.4, v),
    "circmean": stats.circmean,
    "circvar": stats.circvar,
    "quantile": lambda v: stats.quantile(v, 0.3),
    "variation": stats.variation,
    "sem": stats.sem,
    "gstd": stats.gstd,
    "differential_entropy": stats.differential_entropy,
    "entropy, of two": lambda v: stats.entropy(v, Y),
    "pearsonr": lambda v: stats.pearsonr(v, Y).statistic,
    "pearsonr, p-value": lambda v: stats.pearsonr(v, Y).pvalue,
    "ttest_1samp": lambda v: stats.ttest_1samp(v, 1.0).pvalue,
    "ttest_ind": lambda v: stats.ttest_ind(v, Y + 0.1).statistic,
    "ttest_rel": lambda v: stats.ttest_rel(v, Y).pvalue,
    "f_oneway": lambda v: stats.f_oneway(v, Y).statistic,
    "bartlett": lambda v: stats.bartlett(v, Y).statistic,
    "levene": lambda v: stats.levene(v, Y).statistic,
    "lmoment": lambda v: stats.lmoment(v, order=2),
    "tmean": lambda v: stats.tmean(v, (0.6, 1.9)),
    "power_divergence": lambda v: stats.power_divergence(v, np.mean(v) * np.ones(8), lambda_=0.5).statistic,
    "combine_pvalues": lambda v: stats.combine_pvalues(v / 3).statistic,
    "trim_mean": lambda v: stats.trim_mean(v, 0.2),
    "iqr": stats.iqr,
    "median_abs_deviation": stats.median_abs_deviation,
    "describe": lambda v: stats.describe(v).variance,
    "jarque_bera": lambda v: stats.jarque_bera(v).statistic,
    "normaltest": lambda v: stats.normaltest(v).pvalue,
    "logsumexp": lambda v: special.logsumexp(v, b=W),
    "softmax": lambda v: np.sum(special.softmax(v) * W),
    "log_softmax": lambda v: np.sum(special.log_softmax(v) * W),
    "trapezoid": lambda v: integrate.trapezoid(v, np.arange(8.0)),
    "cumulative_trapezoid": lambda v: np.sum(integrate.cumulative_trapezoid(v, initial=0) * W),
    "cumulative_simpson": lambda v: np.sum(integrate.cumulative_simpson(v, dx=0.1) * W[1:]),
    "romb": lambda v: integrate.romb(np.concatenate([v, Y[:1]])),
    "fixed_quad": lambda v: integrate.fixed_quad(lambda t: np.exp(-t * v[0]) * v[1], 0, 1, n=5)[0],
    "cubature": lambda v: np.sum(
        integrate.cubature(lambda t: np.exp(-v[0] * t) * v[1], np.zeros(1), np.ones(1)).estimate
    ),
    "fftconvolve": lambda v: np.sum(signal.fftconvolve(v, W) ** 2),
    "oaconvolve": lambda v: np.sum(signal.oaconvolve(v, W[:3]) ** 2),
    "hilbert": lambda v: np.sum(np.abs(signal.hilbert(v)) * W),
    "freqz": lambda v: np.sum(np.abs(signal.freqz(v, 1.0, 8)[1])),
    "resample": lambda v: np.sum(signal.resample(v, 12) ** 2),
    "fht": lambda v: np.sum(scipy.fft.fht(v, 0.1, 0.5) * W),
    "Rotation": lambda v: np.sum(Rotation.from_rotvec(v[:3]).apply(W[:3]) * W[3:6]),
    "Rotation, mean": lambda v: np.sum(Rotation.from_rotvec(np.reshape(v[:6], (2, 3))).mean().as_rotvec() * W[:3]),
    "orthogonal_procrustes": lambda v: scipy.linalg.orthogonal_procrustes(np.reshape(v, (4, 2)), Y.reshape(4, 2))[1],
    "block_diag": lambda v: np.sum(scipy.linalg.block_diag(np.reshape(v[:4], (2, 2)), v[4:]) ** 2),
}  # fmt: skip
if importlib.util.find_spec("scipy.differentiate"):  # since 1.15, as the functions of scipy.optimize.elementwise
    elementwise = importlib.import_module("scipy.optimize.elementwise")
    differentiate = importlib.import_module("scipy.differentiate")
    CALLS |= {
        "find_root": lambda v: np.sum(
            elementwise.find_root(lambda t, a: t**3 - a * t - 1, (v * 0 + 0.5, v * 0 + 4), args=(v,)).x
        ),
        "derivative": lambda v: np.sum(differentiate.derivative(np.sin, v).df),
    }
# What converts its arguments is refused inside as outside.
CONVERTING = {
    "solve": lambda v: scipy.linalg.solve(np.diag(W), v),
    "logpdf": lambda v: stats.norm.logpdf(v),
    "lfilter": lambda v: signal.lfilter([1.0], [1.0, 0.5], v),
    "wasserstein_distance": lambda v: stats.wasserstein_distance(v, Y),
}
# From 1.18 on, it follows the array API.
later = CALLS if SCIPY >= (1, 18) else CONVERTING
later["simpson"] = lambda v: integrate.simpson(v, dx=0.1)
# Until 1.17 these convert their arguments, or do not exist.
if SCIPY < (1, 17):
    for name in ["yeojohnson_llf", "quantile", "gstd", "ttest_ind", "levene", "lmoment", "trim_mean", "iqr",
                 "median_abs_deviation", "softmax", "log_softmax", "cumulative_trapezoid", "cumulative_simpson", "romb",
                 "fftconvolve", "oaconvolve", "hilbert", "resample", "Rotation", "Rotation, mean", "orthogonal_procrustes",
                 "block_diag"]:  # fmt: skip
        del CALLS[name]
# Central differences of step h are wrong by about h**2 times the third derivative, and by eps * |f| / h.
STEP = 1e-5


def differences(f, x):
    steps = STEP * np.eye(x.size)
    return np.array([(f(x + e) - f(x - e)) / (2 * STEP) for e in steps])


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.filterwarnings("ignore:.*p-value.*:UserWarning")
def test_gradient(name):
    f = CALLS[name]
    want = differences(f, X)
    with ad.scipy_dispatch():
        got = ad.grad(f)(X)
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6 * max(1.0, np.abs(want).max()))


@pytest.mark.parametrize("name", CONVERTING)
def test_refused(name):
    def f(v):
        with pytest.raises(ad.DerivativeLostError, match="scirs_ad"):
            CONVERTING[name](v)
        return np.sum(v)

    with ad.scipy_dispatch():
        ad.grad(f)(X)


def test_forward_and_second_order():
    f = CALLS["pearsonr"]
    with ad.scipy_dispatch():
        np.testing.assert_allclose(ad.jvp(f, (X,), (W,))[1], ad.grad(f)(X) @ W, rtol=1e-12)
        hessian = ad.hessian(f)(X)
        np.testing.assert_allclose(hessian, hessian.T, atol=1e-12)
        step = 1e-5 * W
        slope = (ad.grad(f)(X + step) - ad.grad(f)(X - step)) / 2e-5
        np.testing.assert_allclose(hessian @ W, slope, atol=1e-7)


# ------------------------------------------------------------------------------------------------ the context
def state():
    """What of SciPy the context replaces."""
    theirs = importlib.import_module("scipy._lib._array_api")
    override = importlib.import_module("scipy._lib._array_api_override") if SCIPY >= (1, 17) else theirs
    compat = sys.modules.get("scipy._external.array_api_compat") or sys.modules["scipy._lib.array_api_compat"]
    return override.SCIPY_ARRAY_API, theirs.SCIPY_ARRAY_API, compat.array_namespace


def opened():
    """Whether SciPy computes with a Variable here."""
    try:
        return type(stats.zscore(ad.Variable(X))) is ad.Variable
    except ad.DerivativeLostError:
        return False


def test_restored():
    before = state()
    assert not opened()
    with ad.scipy_dispatch():
        assert opened()
        with ad.scipy_dispatch():
            assert opened()
        assert opened()
    assert not opened()
    assert state() == before
    with pytest.raises(ZeroDivisionError), ad.scipy_dispatch():
        raise ZeroDivisionError
    assert state() == before


def test_decorator():
    before = state()

    @ad.scipy_dispatch()
    def f(v, depth=2):
        assert opened()
        return f(v, depth - 1) if depth else stats.skew(v)

    np.testing.assert_allclose(ad.grad(f)(X), differences(stats.skew, X), atol=1e-8)
    assert state() == before


def test_arrays_alone_are_scipys():
    with ad.scipy_dispatch():
        assert type(stats.zscore(X)) is np.ndarray
        np.testing.assert_array_equal(stats.zscore(X), (X - X.mean()) / X.std())


def test_threads():
    """Others do not see what one thread has opened, and the last to leave restores."""
    before = state()
    seen, inside, leave = {}, threading.Event(), threading.Event()

    def enters():
        with ad.scipy_dispatch():
            seen["entered"] = opened()
            inside.set()
            assert leave.wait(60)
            seen["later"] = opened()

    def looks():
        seen["other"] = opened()
        seen["masked"] = stats.zscore(np.ma.masked_array(X)).shape  # refused where the paths are open

    first, second = threading.Thread(target=enters), threading.Thread(target=looks)
    first.start()
    assert inside.wait(60)
    second.start()
    second.join()
    assert not opened()
    with ad.scipy_dispatch():
        leave.set()
        first.join()
        assert opened()
    assert seen == {"entered": True, "other": False, "masked": (8,), "later": True}
    assert state() == before


def test_import_inside_changes_nothing(tmp_path):
    """scipy.special chooses at import between ufuncs and wrappers; inside the context it chooses as outside."""
    code = (
        "import numpy as np, scirs_ad as ad\n"
        "with ad.scipy_dispatch():\n"
        "    import scipy.special, scipy.signal, scipy.ndimage\n"
        "assert type(scipy.special.gammaln) is np.ufunc\n"
        "import scipy._lib._array_api as api\n"
        "assert api.SCIPY_ARRAY_API is False\n"
    )
    subprocess.run([sys.executable, "-P", "-W", "error", "-c", code], check=True, cwd=tmp_path)


def test_scipy_without_the_flag(monkeypatch):
    """A release that chooses in another way: a clear error, and nothing left behind."""
    before = state()
    theirs = importlib.import_module("scipy._lib._array_api")
    monkeypatch.setattr(theirs, "array_namespace", lambda *arrays: np)
    with pytest.raises(RuntimeError, match=r"SciPy \d+\.\d+.*not known here"), ad.scipy_dispatch():
        pass
    monkeypatch.undo()
    assert state() == before
    assert not opened()


# ------------------------------------------------------------------------------------------------ scipy.fft
TRANSFORMS = [
    name for name in scipy.fft.__all__ if hasattr(getattr(scipy.fft, name), "_ufuncs") or name.rstrip("n2").endswith(("ft", "ct", "st", "ht"))
]  # fmt: skip


@pytest.mark.parametrize("name", TRANSFORMS)
def test_fourier(name):
    f = getattr(scipy.fft, name)
    x = X.reshape(2, 4) if name.endswith("2") else X
    more = (0.1, 0.5) if "ht" in name.lstrip("i") and "sh" not in name else ()
    made = f(ad.Variable(x), *more)
    assert type(made) is ad.Variable
    want = f(x, *more)
    np.testing.assert_allclose(made, want, rtol=1e-13, atol=1e-13)
    assert made.dtype == want.dtype
    energy = lambda v: np.sum(np.abs(f(v, *more)) ** 2)  # noqa: E731
    got = ad.grad(energy)(x)
    t = np.cos(np.arange(x.size)).reshape(x.shape)
    slope = (energy(x + STEP * t) - energy(x - STEP * t)) / (2 * STEP)
    np.testing.assert_allclose(np.sum(got * t), slope, rtol=1e-7)


@pytest.mark.parametrize("name", ["dct", "dst", "idct", "idst", "dctn", "idstn"])
@pytest.mark.parametrize("type", [1, 2, 3, 4])
def test_cosines(name, type):
    """Every norm, with and without an orthogonal matrix, another length, another axis: SciPy's numbers."""
    f = getattr(scipy.fft, name)
    x = X.reshape(4, 2)
    lengths = {"s": (3,), "axes": (0,)} if name.endswith("n") else {"n": 3, "axis": 0}
    for norm in (None, "ortho", "forward"):
        for ortho in (None, True, False):
            arguments = {"type": type, "norm": norm, "orthogonalize": ortho, **lengths}
            np.testing.assert_allclose(f(ad.Variable(x), **arguments), f(x, **arguments), rtol=0, atol=1e-14)
    for wrong in ({"type": 5}, {"norm": "half"}):
        with pytest.raises(ValueError, match="must be"):
            f(ad.Variable(x), **wrong)


@pytest.mark.parametrize("bias", [0.0, 0.3])
def test_hankel_parameters(bias):
    """The spacing, the order, the offset and the exponent."""

    def f(p):
        return np.sum(scipy.fft.fht(X, *p) * W)

    p = np.array([0.4, 0.5, 0.2, bias])
    want = differences(lambda q: f(q.tolist()), p)
    np.testing.assert_allclose(ad.grad(lambda q: f([q[0], q[1], q[2], q[3]]))(p), want, rtol=2e-6)


def test_backends_of_the_user_come_first():
    class Other:
        __ua_domain__ = "numpy.scipy.fft"

        @staticmethod
        def __ua_function__(method, args, kwargs):
            return "other"

    with scipy.fft.set_backend(Other):
        assert scipy.fft.fft(ad.Variable(X)) == "other"
    assert type(scipy.fft.fft(ad.Variable(X))) is ad.Variable
    assert type(scipy.fft.fft(X)) is np.ndarray


@pytest.mark.parametrize("first", ["scirs_ad", "scipy.fft"])
def test_order_of_imports(first, tmp_path):
    code = (
        f"import {first}\nimport scirs_ad as ad, numpy as np, scipy, sys\n"
        "finders = [f for f in sys.meta_path if getattr(f, '__module__', '').startswith('scirs_ad')]\n"
        "from scipy.fft import dct\n"
        "assert ad.grad(lambda v: dct(v)[0])(np.ones(2)).tolist() == [2.0, 2.0]\n"
        "assert not [f for f in sys.meta_path if getattr(f, '__module__', '').startswith('scirs_ad')]\n"
        "assert type(scipy.fft.__loader__).__module__.startswith('_frozen_importlib')\n"
        f"assert len(finders) == {int(first == 'scirs_ad')}\n"
    )
    subprocess.run([sys.executable, "-P", "-W", "error", "-c", code], check=True, cwd=tmp_path)


def test_namespace_of_scipy():
    assert ad.scipy.fft.fft(X).dtype == complex
    assert {name for name in scipy.fft.__all__ if "backend" not in name and "workers" not in name} <= set(
        ad.scipy.fft.__all__
    )
    with pytest.raises(NotImplementedError, match="plan"):
        ad.scipy.fft.fft(X, plan=1)
    assert type(anp.fft.fft(ad.Variable(X))) is ad.Variable


def test_output_of_ndimage():
    """It is converted, and what is written would be lost."""
    filters = importlib.import_module("scipy.ndimage")
    with pytest.raises(TypeError, match="output= has to be an ndarray"):
        filters.gaussian_filter(X, 1.0, output=ad.Variable(X))
