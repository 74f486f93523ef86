"""The arrays that a function holds on to: what it closes over. A function that runs again must find them unchanged."""

import functools
import types

import numpy as np

from scirs_ad._core.core import Variable, fingerprint, value_of

__all__ = ["Held"]

MOST = 1000  # objects that are looked at
OTHERS = frozenset({"numpy", "scipy", "scirs_ad", "builtins"})  # packages whose functions hold nothing of the user's


class Held:
    """Arrays of a function, and what was in them.

    Parameters
    ----------
    name : str
        Of the function, for messages.
    roots : tuple
        Functions, and containers of arrays.
    who, remedy : str
        The operation, and how to hand arrays over to it, for messages.
    """

    def __init__(self, name, *roots, who="checkpoint", remedy="give it to the function as an argument"):
        self.name, self.roots, self.found = name, roots, None
        self.who, self.remedy = who, remedy

    def note(self):
        """Remember what is in the arrays, unless that has been done."""
        if self.found is None:
            self.found = [(label, x, fingerprint(x)) for label, x in _arrays(self.roots)]

    def check(self):
        """Raise if one of them has been written to since."""
        for label, x, was in self.found or ():
            if fingerprint(x) != was:
                raise RuntimeError(
                    f"{self.who}: {self.name} runs again for its derivative, and {label}, a {x.dtype} array of shape "
                    f"{x.shape} that it closes over, has been written to since; write into another array, or "
                    f"{self.remedy}"
                )


def _arrays(roots):
    """The arrays that can be reached from these, each with what it is called."""
    seen, found, queue = set(), [], [("", root) for root in roots]
    while queue and len(seen) < MOST:
        label, x = queue.pop()
        if id(x) in seen or x is None or isinstance(x, (str, bytes, int, float, complex, type, types.ModuleType)):
            continue
        seen.add(id(x))
        if isinstance(x, Variable):
            x = value_of(x)
        if isinstance(x, np.ndarray):
            if x.dtype.kind in "biufc":
                found.append((label, x))
        elif isinstance(x, dict):
            queue.extend((f"{label}[{k!r}]" if label else str(k), y) for k, y in x.items())
        elif isinstance(x, (list, tuple)):
            queue.extend((f"{label}[{k}]" if label else f"argument {k}", y) for k, y in enumerate(x))
        elif isinstance(x, types.FunctionType):
            if (x.__module__ or "").partition(".")[0] not in OTHERS:
                queue.extend(_of_function(x))
        elif isinstance(x, functools.partial):
            queue.append((label, (x.func, x.args, x.keywords)))
        elif isinstance(x, types.MethodType):
            queue.extend([("self", x.__self__), (label, x.__func__)])
        elif hasattr(x, "__dict__"):
            queue.extend((f"{label}.{k}" if label else k, y) for k, y in vars(x).items())
    return found


def _of_function(f):
    """What a function names outside: cells, defaults, and global arrays, containers and functions of its module."""
    for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not yet filled
            continue
    yield f.__name__, f.__defaults__
    yield f.__name__, f.__kwdefaults__
    codes = [f.__code__]
    while codes:
        code = codes.pop()
        codes.extend(c for c in code.co_consts if isinstance(c, types.CodeType))
        for name in code.co_names:
            x = f.__globals__.get(name)
            if isinstance(x, (np.ndarray, list, tuple, dict)) or getattr(x, "__globals__", None) is f.__globals__:
                yield name, x
