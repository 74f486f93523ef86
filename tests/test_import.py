"""What importing the package does, and does not do."""

import subprocess
import sys

import scirs_ad as ad


def run(code, folder):
    command = [sys.executable, "-P", "-W", "error", "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_scipy_loads_at_first_use(tmp_path):
    """SciPy's subpackages take longer to import than NumPy (SPEC 1)."""
    code = "import sys, scirs_ad; print(*(m for m in sys.modules if m.startswith('scipy.') and m.count('.') == 1))"
    loaded = {name.removeprefix("scipy.") for name in run(code, tmp_path).split()}
    assert not loaded & {"optimize", "special", "stats", "integrate", "interpolate", "signal", "ndimage", "sparse"}


def test_special_functions_of_ours_do_not_load_those_of_scipy(tmp_path):
    code = """
import sys, numpy as np, scirs_ad as ad
from scirs_ad.scipy.special import logsumexp, softmax, gammaln
x = np.linspace(0.5, 1, 5)
ad.compile(ad.value_and_grad(lambda x: logsumexp(x) + np.sum(softmax(x) * x)))(x)
assert "scipy.special" not in sys.modules
assert np.asarray(ad.value(gammaln(x, dtype=float))).dtype == float
import scipy.special
assert np.array_equal(ad.grad(lambda x: np.sum(scipy.special.gammaln(x)))(x), ad.grad(lambda x: np.sum(gammaln(x)))(x))
assert {"gammaln", "softmax", "jv"} <= set(dir(ad.scipy.special))
"""
    assert run(code, tmp_path) == ""


def test_products_and_factorisations_do_not_load_scipy_linalg(tmp_path):
    """The package around BLAS and LAPACK takes longer to import than a program to compile; it can be imported later."""
    code = """
import sys, numpy as np, scirs_ad as ad
a = np.eye(40) + 0.01
f = lambda a: np.sum(a @ a) + np.linalg.slogdet(a)[1] + np.sum(np.linalg.cholesky(a)) + np.sum(np.linalg.qr(a)[1])
found = [ad.compile(ad.value_and_grad(f))(a), ad.value_and_grad(f)(a)]
np.testing.assert_allclose(found[0][1], found[1][1])
assert not [m for m in sys.modules if m.startswith("scipy.linalg")]
import scipy.linalg.cython_blas, scipy.linalg.cython_lapack
assert scipy.linalg.cython_blas.__pyx_capi__ and sys.modules["scipy.linalg.cython_lapack"] is scipy.linalg.cython_lapack
np.testing.assert_allclose(scipy.linalg.solve(a, a), np.eye(40), atol=1e-12)
from scirs_ad.scipy.linalg import solve_banded
np.testing.assert_allclose(ad.grad(lambda b: np.sum(solve_banded((0, 0), np.ones((1, 3)), b)))(np.ones(3)), 1)
"""
    assert run(code, tmp_path) == ""


def test_scipy_linalg_first(tmp_path):
    code = """
import scipy.linalg, numpy as np, scirs_ad as ad
assert ad.compile(lambda a: np.sum(a @ a))(np.ones((30, 30))) == 27000
assert scipy.linalg.solve(np.eye(2), np.ones(2)).sum() == 2
"""
    assert run(code, tmp_path) == ""


def test_quiet(tmp_path):
    assert run("import scirs_ad", tmp_path) == ""


def test_public_names():
    assert len(set(ad.__all__)) == len(ad.__all__)
    for name in ad.__all__:
        assert hasattr(ad, name), name
    assert set(ad.__all__) <= set(dir(ad))
