"""Automatic differentiation for NumPy and SciPy code: write NumPy, get derivatives."""

from scirs_ad import _ops  # noqa: F401 - the pages give the core its operations
from scirs_ad._core.core import Spec, Tape, Variable
from scirs_ad._core.define import elementwise, primitive
from scirs_ad._core.errors import DerivativeLostError, EscapedVariableError, NotDifferentiableError, TracingError
from scirs_ad._core.tree import register as register_tree
from scirs_ad._transforms.batch import vmap
from scirs_ad._transforms.custom import checkpoint, custom_jvp, custom_vjp, stop_gradient, value
from scirs_ad._transforms.derived import hessian, hvp, jacfwd, jacobian, jacrev, weighted_hessian
from scirs_ad._transforms.forward import jvp, linearize
from scirs_ad._transforms.graph import Graph, trace
from scirs_ad._transforms.reverse import grad, value_and_grad, vjp
