"""NumPy's own Python code, run on Variables: for functions that need no rule of their own.

Most functions of NumPy that can be overridden are written in Python, in terms of others. `body` makes the same function
again with globals in which the few that never dispatch (`asarray`, `zeros`, ...) are ours; all others dispatch on the
Variables that reach them. Private helpers of NumPy are made again in the same way, when they are looked up first.
"""

import functools
import types

import numpy as np

from scirs_ad._core.core import Variable, as_array, dtype_of, shape_of
from scirs_ad._ops import creation
from scirs_ad._ops import shape as sh

__all__ = ["body", "has_body"]


def _asarray(a, dtype=None, order=None, *, copy=None, like=None, device=None):
    """An array of numbers: an ndarray or a Variable, as what it is made of."""
    if copy:
        return creation.array(a, dtype)
    del order, like, device
    found = as_array(a)
    if dtype is None or dtype_of(found) == np.dtype(dtype):
        return found
    return sh.astype(found, dtype)


def _array(object, dtype=None, *, copy=True, order="K", subok=False, ndmin=0, like=None):
    """As `numpy.array`; a copy can be written to."""
    del order, subok, like
    found = creation.array(object, dtype) if copy else _asarray(object, dtype)
    have = shape_of(found)
    return found if len(have) >= ndmin else sh.reshape(found, (1,) * (ndmin - len(have)) + have)


# What never dispatches, and what stands for it; found by what it is, not by the name under which a module knows it.
STAND_INS = {
    np.array: _array,
    **{getattr(np, name): _asarray for name in ["asarray", "asanyarray", "ascontiguousarray", "asfortranarray"]},
    **{getattr(np, name): getattr(creation, name) for name in ["zeros", "ones", "empty", "full"]},
}


class _AnyArray(type):
    def __instancecheck__(cls, x):
        return isinstance(x, (np.ndarray, Variable))


class ndarray(metaclass=_AnyArray):
    """What ``isinstance(x, ndarray)`` asks: Variables are arrays as well."""


def _broadcast(*arrays):
    """As `numpy.broadcast`, of which NumPy's code asks the shape."""
    return np.broadcast(*(np.broadcast_to(np.False_, shape_of(as_array(x))) for x in arrays))


STAND_INS.update({np.ndarray: ndarray, np.broadcast: _broadcast})


class _Module:
    """A module of NumPy, as its code sees it."""

    def __init__(self, module):
        self.__dict__["_module"] = module

    def __getattr__(self, name):
        found = _stand_in(getattr(self._module, name))
        self.__dict__[name] = found
        return found


def _stand_in(value):
    """What NumPy's code finds under a name, in the place of `value`."""
    if isinstance(value, types.ModuleType):
        return _module(value) if value.__name__.partition(".")[0] == "numpy" else value
    try:
        found = STAND_INS.get(value)
    except TypeError:  # not hashable, so no function
        return value
    if found is not None:
        return found
    if type(value) is types.FunctionType and value.__module__.startswith("numpy."):
        return _again(value)
    return value


_module = functools.cache(_Module)


class _Globals(dict):
    """The globals of a module, each replaced by its stand-in when it is looked up first."""

    def __init__(self, base):
        super().__init__()
        self.base = base

    def __missing__(self, name):
        self[name] = found = _stand_in(self.base[name])
        return found


_globals = {}  # module name -> its _Globals


@functools.cache
def _again(function):
    """A Python function of NumPy, made again with stand-ins for its globals."""
    module = function.__module__
    if module not in _globals:
        _globals[module] = _Globals(function.__globals__)
    made = types.FunctionType(
        function.__code__, _globals[module], function.__name__, function.__defaults__, function.__closure__
    )
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def has_body(func):
    """Whether an overridable function of NumPy is written in Python."""
    return type(getattr(func, "_implementation", None)) is types.FunctionType


@functools.cache
def body(func):
    """The Python body of an overridable function of NumPy, for Variables.

    Parameters
    ----------
    func : function
        One with ``_implementation``, as NumPy's functions that dispatch have.

    Returns
    -------
    callable
        Its results are Variables where they carry a derivative; whole numbers and truth values are plain arrays.
    """
    run = _again(func._implementation)

    @functools.wraps(run)
    def call(*args, **kwargs):
        return _finish(run(*args, **kwargs))

    return call


def _finish(y):
    """An untracked Variable of truth values or whole numbers as the array it holds."""
    if type(y) is Variable and y.level is None and dtype_of(y).kind in "biu":
        return y.value[()]
    return y
