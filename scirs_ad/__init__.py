"""Automatic differentiation for NumPy and SciPy code: write NumPy, get derivatives."""

# First, before any other import of ours: what to do where only the sources lie.
try:
    import scirs_ad._core.core
except ModuleNotFoundError as error:
    if error.name is None or not error.name.startswith("scirs_ad."):
        raise
    raise ImportError(
        f"scirs_ad was imported from {__path__[0]}, a source folder without its compiled modules. If scirs_ad is "
        "installed, start Python in another folder (pytest does work here); if not, run `pip install .` first."
    ) from None

import importlib

from scirs_ad import numpy
from scirs_ad._config import get_num_threads, set_num_threads, show_config
from scirs_ad._core.core import Spec, Tape, Variable
from scirs_ad._core.define import elementwise, primitive, raises, sample, seal
from scirs_ad._core.errors import (
    DerivativeLostError,
    EscapedVariableError,
    GraphError,
    NotDifferentiableError,
    TracingError,
)
from scirs_ad._core.tree import register as register_tree
from scirs_ad._scipy_dispatch import scipy_dispatch
from scirs_ad._transforms.batch import vmap
from scirs_ad._transforms.chart import Chart
from scirs_ad._transforms.checkpoints import checkpoint, checkpoint_chain, checkpoint_profile, name
from scirs_ad._transforms.control import cond, fori_loop, scan, while_loop
from scirs_ad._transforms.custom import custom_jvp, custom_vjp, stop_gradient, value
from scirs_ad._transforms.derived import (
    derivatives,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    value_and_jacobian,
    weighted_hessian,
)
from scirs_ad._transforms.forward import jvp, linearize
from scirs_ad._transforms.functions import install_compiler
from scirs_ad._transforms.graph import Graph, trace
from scirs_ad._transforms.native import native
from scirs_ad._transforms.reverse import grad, value_and_grad, vjp

__version__ = "0.1.0"

__all__ = [
    "Chart", "DerivativeLostError", "EscapedVariableError", "Graph", "GraphError", "NotDifferentiableError", "Spec", "Tape", "TracingError",
    "Variable", "checkpoint", "checkpoint_chain", "checkpoint_profile", "compile", "cond", "custom_jvp", "custom_vjp",
    "derivatives", "elementwise", "fori_loop", "get_num_threads", "grad", "hessian", "hvp", "jacfwd", "jacobian",
    "jacrev", "jvp", "linearize", "name", "native", "nn", "numpy", "optimize", "primitive", "raises", "register_tree",
    "sample", "scan", "scipy", "scipy_dispatch", "set_num_threads", "show_config", "stop_gradient", "testing", "trace",
    "value", "value_and_grad", "value_and_jacobian", "vjp", "vmap", "weighted_hessian", "while_loop",
]  # fmt: skip

_LAZY = ("nn", "optimize", "scipy", "testing")
_LAZY_NAMES = {"compile": "scirs_ad._compiler.compile"}  # eager mode does without the compiler

seal()
install_compiler(lambda function: importlib.import_module("scirs_ad._compiler.bodies").Step(function))


def __getattr__(name):
    if name in _LAZY:
        return importlib.import_module(f"scirs_ad.{name}")
    if name in _LAZY_NAMES:
        found = globals()[name] = getattr(importlib.import_module(_LAZY_NAMES[name]), name)
        return found
    raise AttributeError(f"module 'scirs_ad' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
