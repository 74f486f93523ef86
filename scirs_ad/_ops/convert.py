"""Conversions of Variables to what NumPy and Python know: none of them drops a derivative without a word."""

import importlib
import linecache
import opcode
import sys

import numpy as np

from scirs_ad._core.core import Spec, dtype_of, install, shape_of, value_of
from scirs_ad._core.errors import DerivativeLostError, TracingError
from scirs_ad._ops.sparse import leave_it

__all__ = ["array", "exploded", "lost", "operation", "user_line"]

LIBRARIES = ("scirs_ad", "numpy", "scipy")


def user_line():
    """`file:line` of the nearest caller outside of scirs_ad, NumPy and SciPy."""
    frame, _ = _callers()
    return _line(frame)


def _line(frame):
    return "an unknown line" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _callers():
    """The user's frame, and the public name of the NumPy or SciPy function that was called there (or None)."""
    frame, through = sys._getframe(1), None
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        top = module.partition(".")[0]
        if top not in LIBRARIES:
            break
        if top != "scirs_ad":
            through = _public_name(module, frame.f_code) or through
        frame = frame.f_back
    return frame, through


def _public_name(module, code):
    """``scipy.linalg.solve`` for the code of ``solve`` in ``scipy.linalg._basic``; None for what is private."""
    parts = module.split(".")
    private = next((k for k, part in enumerate(parts) if part.startswith("_")), len(parts))
    name = code.co_name
    for k in range(1, private + 1):
        found = vars(sys.modules.get(".".join(parts[:k]), object)).get(name)
        if callable(found):
            return ".".join([*parts[:k], name])
    if "." in code.co_qualname and "<locals>" not in code.co_qualname:
        return ".".join([*parts[:private], *code.co_qualname.split(".")])  # a method
    return None


def operation(frame):
    """The name of the instruction that a frame is executing."""
    return opcode.opname[frame.f_code.co_code[frame.f_lasti]]


def _expression(frame):
    """The text of the expression that a frame is evaluating, if it stands on one line and the source is there."""
    if frame is None:
        return None
    positions = list(frame.f_code.co_positions())[frame.f_lasti // 2]
    first, last, start, end = positions
    if first is None or first != last or start is None or end is None:
        return None
    text = linecache.getline(frame.f_code.co_filename, first).encode()[start:end].decode(errors="replace").strip()
    return text if 0 < len(text) <= 80 else None


def _namesake(name):
    """Our function of the same name and place, if there is one."""
    if name is None:
        return None
    module, _, attribute = name.rpartition(".")
    try:
        found = importlib.import_module(f"scirs_ad.{module}")
    except ModuleNotFoundError:
        return None
    return f"scirs_ad.{name}" if hasattr(found, attribute) else None


def lost(v, what):
    """Raise DerivativeLostError: what converted the Variable `v`, where, and what to do."""
    frame, through = _callers()
    expression = _expression(frame)
    culprit = through or (f"`{expression}`" if expression else what)
    inside = "" if culprit == what else f", which calls {what} of it,"
    remedies = []
    ours = _namesake(through)
    if frame is not None and through is None and operation(frame) in ("STORE_SUBSCR", "STORE_SLICE"):
        culprit, inside = f"assigning to `{expression or 'an element'}` of an ndarray", ""
        remedies.append("an array made by numpy.zeros_like(x), numpy.zeros(n, like=x) or scirs_ad.numpy.zeros(n)")
    elif ours:
        remedies.append(f"{ours}, which differentiates")
    else:
        remedies.append("functions of numpy that take Variables, or those of scirs_ad.numpy and scirs_ad.scipy")
    if hasattr(sys.modules.get("scirs_ad"), "native"):
        remedies.append("scirs_ad.native, which makes Python code take Variables")
    remedies.append("scirs_ad.stop_gradient(x) or scirs_ad.value(x) if no derivative is wanted")
    raise DerivativeLostError(
        f"{culprit} ({_line(frame)}){inside} would drop the derivative of a {dtype_of(v)} array of shape "
        f"{shape_of(v)}. Use {'; or '.join(remedies)}"
    )


def exploded(v):
    """An object array with a 0-d Variable for each element: it keeps the derivatives."""
    shape = shape_of(v)
    out = np.empty(shape, object)
    if shape == ():
        out[()] = v
    else:
        for place in np.ndindex(shape):
            out[place] = v[place]
    return out


def array(v, dtype, copy):
    """What ``np.asarray(v)`` gives: never an array that has silently lost a derivative."""
    frame = sys._getframe(1)
    module = frame.f_globals.get("__name__", "")
    if copy is False and v.level is None and dtype is None:
        raise ValueError("np.asarray(copy=False): the numbers of a Variable are always copied; they could change")
    if module.startswith("numpy.testing"):
        return np.array(value_of(v), dtype)
    if module == "scipy.ndimage._ni_support" and frame.f_locals.get("output") is v:
        raise TypeError("scipy.ndimage: output= has to be an ndarray; what is written for a Variable would be lost")
    objects = dtype is not None and np.dtype(dtype).kind == "O"
    if module.startswith("scipy.sparse"):
        left = leave_it(v, frame)
        if left is not None:
            return left
    if v.level is None and not objects:
        return np.array(value_of(v), dtype)
    if objects or (dtype is None and (shape_of(v) == () or _only_arranges(module, frame.f_code))):
        return exploded(v)
    if type(value_of(v)) is Spec:
        user, through = _callers()
        raise TracingError(
            f"{through or 'np.asarray'} ({_line(user)}) needs the values of a traced array of shape {shape_of(v)}; use "
            "the functions of numpy and scirs_ad on it, or static arguments"
        )
    return lost(v, "np.asarray")


def _only_arranges(module, code):
    """Whether the caller is ``np.r_``, ``np.c_`` or ``np.vectorize``: to them elements may as well be objects."""
    if module == "numpy.lib._index_tricks_impl":
        return code.co_name == "__getitem__"
    return module == "numpy.lib._function_base_impl" and code.co_qualname.startswith("vectorize.")


install(array=array, lost=lost)
