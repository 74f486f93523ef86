"""BLAS and LAPACK without the package around them: `scipy.linalg` loads 40 modules, for 60 to 100 ms.

Cython modules import ``scipy.linalg.cython_blas`` by its full name, and a module of that name that is there counts, with or
without its package.
"""

import contextlib
import importlib.util
import os
import sys
from importlib.machinery import PathFinder

__all__ = ["alone"]

PACKAGE = "scipy.linalg"
NAMES = ("cython_blas", "cython_lapack")


def _load(name):
    """The extension module from SciPy's folder; None where SciPy is laid out in another way."""
    scipy = importlib.import_module("scipy")  # which on Windows says where its libraries are
    spec = PathFinder.find_spec(f"{PACKAGE}.{name}", [os.path.join(path, "linalg") for path in scipy.__path__])
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]
        raise
    return module


@contextlib.contextmanager
def alone():
    """Within it the Cython modules of `scipy.linalg` can be imported without the package; afterwards all is as it was.

    What imports the package later gets the same modules.
    """
    loaded = {}
    if PACKAGE not in sys.modules:
        for name in NAMES:
            if f"{PACKAGE}.{name}" not in sys.modules:
                loaded[name] = _load(name)
    try:
        yield
    finally:
        for name, module in loaded.items():
            if module is None:
                continue
            if PACKAGE in sys.modules:
                setattr(sys.modules[PACKAGE], name, module)
            else:
                sys.modules.pop(module.__name__, None)
