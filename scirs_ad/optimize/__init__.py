"""SciPy's optimisers with derivatives filled in, and derivatives in the shapes that SciPy's solvers take.

Each function has SciPy's signature and returns SciPy's result; parameters may be arrays of any shape or containers of
arrays.
"""

from scirs_ad.optimize.constraints import constraint
from scirs_ad.optimize.evaluate import Evaluations
from scirs_ad.optimize.fitting import curve_fit, least_squares
from scirs_ad.optimize.hooks import bvp_bc_jac, bvp_fun_jac, curve_fit_jac
from scirs_ad.optimize.minimize import minimize
from scirs_ad.optimize.problem import problem
from scirs_ad.optimize.progress import progress
from scirs_ad.optimize.roots import root, root_scalar
from scirs_ad.optimize.statistics import Result, SingularError, covariance

__all__ = [
    "Evaluations", "Result", "SingularError", "bvp_bc_jac", "bvp_fun_jac", "constraint", "covariance", "curve_fit",
    "curve_fit_jac", "least_squares", "minimize", "problem", "progress", "root", "root_scalar",
]  # fmt: skip
