"""SciPy's functions by name, on Variables and arrays alike. Subpackages are loaded at first use."""

import importlib

__all__ = ["linalg", "sparse", "special", "stats"]


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f"scirs_ad.scipy.{name}")
    raise AttributeError(f"module 'scirs_ad.scipy' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
