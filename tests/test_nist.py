"""NIST's certified nonlinear regressions, with exact Jacobians of plain NumPy models."""

from pathlib import Path

import numpy as np
import pytest
from nist_models import MODELS, read

from scirs_ad._cli import demo, regression
from scirs_ad._data import nist

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "nist_strd"
FILES = sorted(FOLDER.glob("*.dat"))
PROBLEMS = [*nist.PROBLEMS, *map(read, FILES)]
NAMES = [f"packaged-{problem.name}" for problem in nist.PROBLEMS] + [file.stem for file in FILES]


@pytest.mark.parametrize("start", [0, 1], ids=["harder", "better"])
@pytest.mark.parametrize("problem", PROBLEMS, ids=NAMES)
def test_certified_digits(problem, start):
    fit = regression.fit(demo.residuals_of(problem), problem.starts[start])
    # The search alone reaches 6; the refinement by exact gradients is what brings 10.
    assert demo.digits(fit.parameters, problem.certified) >= 9
    assert fit.degrees_of_freedom == len(problem.y) - len(problem.certified)
    if problem.name != "Lanczos1":  # exact data: its residuals, 1e-13 of the response, are rounding
        assert demo.digits(fit.standard_errors, problem.deviations) >= 9
        assert demo.digits(fit.residual_sum_of_squares, problem.residual_sum_of_squares) >= 9


def test_packaged_numbers_are_those_of_the_files():
    for problem in nist.PROBLEMS:
        for file in FILES:
            if file.stem == problem.name:
                other = read(file)
                for name in ("x", "y", "starts", "certified", "deviations", "residual_sum_of_squares"):
                    np.testing.assert_array_equal(getattr(problem, name), getattr(other, name))


def test_every_file_has_a_model():
    assert {file.stem for file in FILES} <= set(MODELS)
    assert len(MODELS) == 27
