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


def test_quiet(tmp_path):
    assert run("import scirs_ad", tmp_path) == ""


def test_public_names():
    assert len(set(ad.__all__)) == len(ad.__all__)
    for name in ad.__all__:
        assert hasattr(ad, name), name
    assert set(ad.__all__) <= set(dir(ad))
