"""Eigenvalues and vectors of real symmetric matrices: backward errors on the matrices that divide and conquer finds hard."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scirs_ad._kernels import linalg
from scirs_ad._kernels.ops import available_isas

ORDERS = (1, 2, 3, 25, 26, 33, 64, 101, 200, 257)


def turned(rng, values):
    q = np.linalg.qr(rng.standard_normal((len(values), len(values))))[0]
    a = (q * values) @ q.T
    return (a + a.T) / 2


def tridiagonal(diagonal, beside):
    return np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)


KINDS = {
    "random": lambda rng, n: turned(rng, rng.standard_normal(n)),
    "clustered": lambda rng, n: turned(rng, np.round(rng.uniform(0, 3, n))),
    "graded": lambda rng, n: turned(rng, np.logspace(0, -18, n)),
    "of rank three": lambda rng, n: turned(rng, (np.arange(n) < 3) * 1.0),
    "unit": lambda rng, n: np.eye(n),
    "zero": lambda rng, n: np.zeros((n, n)),
    "ones": lambda rng, n: np.ones((n, n)),
    "diagonal": lambda rng, n: np.diag(rng.standard_normal(n)),
    "Wilkinson's": lambda rng, n: tridiagonal(np.abs(np.arange(n) - n // 2) * 1.0, np.ones(n - 1)),
    "Laplace's": lambda rng, n: tridiagonal(np.full(n, 2.0), np.full(n - 1, -1.0)),
    "huge": lambda rng, n: 1e300 * turned(rng, rng.uniform(-1, 1, n)),
    "tiny": lambda rng, n: 1e-300 * turned(rng, rng.uniform(-1, 1, n)),
}


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", ORDERS)
def test_backward_errors(n, kind, dtype):
    a = KINDS[kind](np.random.default_rng(n), n)
    if dtype == "f4" and kind in ("huge", "tiny"):
        a = a * (1e-264 if kind == "huge" else 1e264)
    a = a.astype(dtype)
    w, v = linalg.eigh(a)
    a, w, v = (x.astype(np.longdouble) for x in (a, w, v))
    scale = max(np.max(np.abs(a)), np.finfo(dtype).tiny)
    scale = scale * max(1.0, np.linalg.norm((a / scale).astype(float), 2))
    unit = 4 * n * np.finfo(dtype).eps
    assert np.all(np.diff(w) >= 0)
    assert np.max(np.abs((a / scale) @ v - v * (w / scale))) <= unit
    assert np.max(np.abs(v.T @ v - np.eye(n))) <= unit


@pytest.mark.parametrize("isa", available_isas())
def test_backward_errors_with_every_instruction_set(isa):
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_kernels_eigen as t
for kind in t.KINDS:
    for n in (26, 101):
        for dtype in ("f8", "f4"):
            t.test_backward_errors(n, kind, dtype)
"""
    subprocess.run(
        [sys.executable, "-c", script], check=True, env={**os.environ, "SCIRS_AD_ISA": isa}, cwd=Path(sys.prefix)
    )
