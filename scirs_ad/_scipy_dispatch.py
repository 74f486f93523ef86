"""How SciPy's own functions come to take Variables.

`scipy_dispatch` opens SciPy's array-API paths while a context lasts: no environment variable, nothing touched at
import. `FourierBackend` answers scipy.fft, which asks its backends first.
"""

import contextlib
import contextvars
import importlib
import sys
import threading

import numpy as np

import scirs_ad.numpy
from scirs_ad._core.core import Variable
from scirs_ad._core.imports import after_import
from scirs_ad._core.lazy import lazy

fourier = lazy("scirs_ad.scipy.fft")

__all__ = ["scipy_dispatch"]

_depth = contextvars.ContextVar("scirs_ad.scipy_dispatch", default=0)
_lock = threading.Lock()
_active = 0  # contexts that are open, in all threads
_undo = []  # (mapping or module, name, what was there)

# These modules look at the flag once, at import, and choose for good between ufuncs and wrappers of them. Ufuncs serve
# us better (they take Variables and arrays together), and what is chosen must not depend on where the import happened.
_AT_IMPORT = ("_support_alternative_backends",)


class _Flag:
    """SciPy's flag: set in the contexts, threads and tasks that have opened the paths, as it was in all others."""

    def __init__(self, before):
        self.before = before

    def __bool__(self):
        if _depth.get() and not sys._getframe(1).f_globals.get("__name__", "").endswith(_AT_IMPORT):
            return True
        return bool(self.before)

    def __repr__(self):
        return f"<SCIPY_ARRAY_API={self.before}, and inside scirs_ad.scipy_dispatch() True>"


def _replace(holder, name, value):
    """Set an entry of a dictionary, and remember what was there."""
    _undo.append((holder, name, holder[name]))
    holder[name] = value


def _install():
    """Put the flag and the choice of the namespace into SciPy; raise if this SciPy does not have them."""
    theirs = importlib.import_module("scipy._lib._array_api")
    compat = None
    for place in ("scipy._external", "scipy._lib"):  # since 1.18, and before
        compat = compat or sys.modules.get(f"{place}.array_api_compat")
    found = False
    for name in ("scipy._lib._array_api_override", "scipy._lib._array_api"):
        module = sys.modules.get(name)
        if module is not None and "SCIPY_ARRAY_API" in vars(module):
            _replace(vars(module), "SCIPY_ARRAY_API", _Flag(module.SCIPY_ARRAY_API))
            found = True
    settings = getattr(theirs, "_GLOBAL_CONFIG", None)  # where releases before 1.17 keep it
    if isinstance(settings, dict) and "SCIPY_ARRAY_API" in settings:
        _replace(settings, "SCIPY_ARRAY_API", _Flag(settings["SCIPY_ARRAY_API"]))
        found = True
    original = getattr(compat, "array_namespace", None)
    if original is not None:

        def array_namespace(*arrays, **options):
            if any(type(x) is Variable for x in arrays):  # with ndarrays among them SciPy's own would refuse
                return scirs_ad.numpy
            return original(*arrays, **options)

        _replace(vars(compat), "array_namespace", array_namespace)
    token = _depth.set(1)
    try:
        works = found and theirs.array_namespace(Variable(np.ones(1)), np.ones(1)) is scirs_ad.numpy
    finally:
        _depth.reset(token)
    if not works:
        _uninstall()
        version = importlib.import_module("scipy").__version__
        raise RuntimeError(
            f"scipy_dispatch: SciPy {version} chooses array namespaces in a way that is not known here; use "
            "scirs_ad.scipy, or set SCIPY_ARRAY_API=1 before SciPy is imported and make all arguments Variables"
        )


def _uninstall():
    while _undo:
        holder, name, value = _undo.pop()
        holder[name] = value


class scipy_dispatch(contextlib.ContextDecorator):
    """Let SciPy's functions that follow the array API take Variables, and so carry derivatives.

    Many functions of ``scipy.stats``, ``signal``, ``integrate``, ``differentiate``, ``optimize.elementwise``,
    ``special``, ``spatial.transform`` and ``cluster`` compute with whatever arrays they are given, if the environment
    variable ``SCIPY_ARRAY_API`` is set before SciPy is imported. Inside this context they do so without it, and
    Variables and ndarrays may be mixed in a call. Functions that convert their arguments raise `DerivativeLostError`
    there as elsewhere.

    Returns
    -------
    context manager
        Also a decorator: the paths are open while the function runs.

    Raises
    ------
    RuntimeError
        On entering, if the installed SciPy does not have what is needed.

    Notes
    -----
    Derivative: that of the operations which SciPy's function performs. Of an iteration (``find_minimum``, ``tanhsinh``)
    it is that of its last steps: it has converged only about as far as the square root of the tolerance allows. Cost:
    what SciPy's code costs on arrays, and one recorded operation for each of its steps.

    Only the thread (or task) that enters is concerned: others find SciPy as it was, and so do threads that are started
    inside. Contexts nest; at the end of the last one everything in SciPy is as before.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.stats
    >>> import scirs_ad as ad
    >>> with ad.scipy_dispatch():
    ...     g = ad.grad(lambda x: scipy.stats.zscore(x)[0])(np.array([1.0, 2.0, 4.0]))
    >>> np.round(g, 6)
    array([ 0.229081, -0.343622,  0.114541])
    """

    def __enter__(self):
        global _active
        with _lock:
            if not _active:
                _install()
            _active += 1
        _depth.set(_depth.get() + 1)
        return self

    def __exit__(self, *error):
        global _active
        _depth.set(_depth.get() - 1)
        with _lock:
            _active -= 1
            if not _active:
                _uninstall()
        return False


class FourierBackend:
    """What scipy.fft asks for each transform, by its protocol for backends; we answer where Variables are given.

    Backends that the user sets (``scipy.fft.set_backend``) are asked before.
    """

    __ua_domain__ = "numpy.scipy.fft"

    @staticmethod
    def __ua_function__(method, args, kwargs):
        if not any(type(x) is Variable for x in args) and not any(type(x) is Variable for x in kwargs.values()):
            return NotImplemented
        ours = getattr(fourier, method.__name__, None)
        return NotImplemented if ours is None else ours(*args, **kwargs)


after_import("scipy.fft", lambda module: module.register_backend(FourierBackend))
