"""Tests of derivatives, for users' own functions and primitives."""

from scirs_ad.testing.check import check_grads, gradient_check
from scirs_ad.testing.coverage import numpy_table
from scirs_ad.testing.differences import finite_difference

__all__ = ["check_grads", "finite_difference", "gradient_check", "numpy_table"]
