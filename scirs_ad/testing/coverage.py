"""What scirs_ad does with each function and ufunc of NumPy that can be overridden: a table, made from the product."""

import importlib
import inspect
import re
from typing import NamedTuple

import numpy as np

import scirs_ad.numpy  # noqa: F401 (its functions are entered in the tables of the protocol)
from scirs_ad._core.core import Primitive
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import bodies, overrides, protocol

__all__ = ["KINDS", "METHODS", "Row", "numpy_table"]

numpy_overrides = lazy("numpy.testing.overrides")  # it loads unittest

KINDS = {
    "rule": "differentiated by a rule of ours",
    "body": "differentiated: NumPy's own Python code, run on Variables",
    "creation": "makes an array that can be written to, and then carries derivatives",
    "not differentiable": "returns plain arrays, for the result has no derivative",
    "rejected": "raises TypeError",
}
METHODS = ("reduce", "accumulate", "reduceat", "outer", "at")
_LAZY = ["numpy.char", "numpy.lib.recfunctions", "numpy.polynomial", "numpy.rec", "numpy.strings"]


class Row(NamedTuple):
    """One line of the table.

    Parameters
    ----------
    name : str
        As ``numpy.linalg.solve``; of a ufunc's method ``numpy.add.reduce``.
    function : callable
        What NumPy dispatches.
    method : str or None
        None for functions; the method of a ufunc, ``"__call__"`` for the call.
    kind : str
        One of `KINDS`.
    note : str
        Why, where there is no derivative.
    """

    name: str
    function: object
    method: str | None
    kind: str
    note: str


def _stated(ours):
    """What the docstring of a function of ours says about the derivative."""
    found = re.search(r"Derivative: (.*?)(?:\.\s|\.$|\n\s*\n)", inspect.getdoc(ours) or "", re.DOTALL)
    return " ".join(found.group(1).split()) if found else ""


def _kind_of(ours):
    if isinstance(ours, Primitive):
        return ("rule", "") if ours.differentiable else ("not differentiable", ours.reason or "")
    stated = _stated(ours)
    if stated.startswith("none"):
        return "not differentiable", stated.removeprefix("none").lstrip(",; ")
    return "rule", ""


def _function_row(func):
    module, name = func.__module__, func.__name__
    full = f"{module}.{name}"
    why = protocol.why_rejected(func)
    ours = protocol.answer_to(func)
    if why or ours is None:
        return Row(full, func, None, "rejected", why or "has no derivative rule")
    if module == "numpy" and name in overrides.CREATION:
        return Row(full, func, None, "creation", "")
    if module == "numpy" and name in overrides.PLAIN:
        return Row(full, func, None, "not differentiable", overrides.PLAIN[name])
    if module == "numpy" and name in overrides.ABOUT_TYPES:
        return Row(full, func, None, "not differentiable", "about shapes and types")
    if bodies.has_body(func) and ours is bodies.body(func):
        return Row(full, func, None, "body", "")
    return Row(full, func, None, *_kind_of(ours))


def _keeps_elements(ufunc, method):
    """Whether elements of the array are in the result as they are: they have a derivative, whatever the ufunc."""
    if method == "at":
        return any("d" in t.partition("->")[0] for t in ufunc.types)
    try:
        found = ufunc.resolve_dtypes((None, np.dtype(float), None), reduction=True)
    except TypeError:  # no loop for floats
        return False
    return method in ("accumulate", "reduceat") and found[-1].kind == "f"


def _ufunc_rows(ufunc):
    name = f"numpy.{ufunc.__name__}"
    p = protocol.rule_of(ufunc)
    if p is None:
        why = protocol.REJECTED_UFUNCS.get(ufunc.__name__, "has no derivative rule")
        return [Row(name, ufunc, "__call__", "rejected", why)]
    kind, note = _kind_of(p)
    rows = [Row(name, ufunc, "__call__", kind, note)]
    if ufunc.signature is not None:
        return rows
    for method in METHODS:
        if ufunc.nout == 1 and (ufunc.nin == 2 or (method == "at" and ufunc.nin == 1)):
            own = ("rule", "") if _keeps_elements(ufunc, method) else (kind, note)
            rows.append(Row(f"{name}.{method}", ufunc, method, *own))
    return rows


def numpy_table():
    """What happens to each function, ufunc and method of a ufunc of NumPy that can be overridden.

    Returns
    -------
    list of Row
        Sorted by name. Methods that NumPy itself refuses (``numpy.sin.reduce``) are left out.

    Notes
    -----
    Cost: some ten milliseconds; NumPy's submodules are imported.

    Examples
    --------
    >>> from scirs_ad.testing import numpy_table
    >>> [row.kind for row in numpy_table() if row.name == "numpy.roots"]
    ['body']
    """
    for module in _LAZY:
        importlib.import_module(module)
    rows = [_function_row(f) for f in numpy_overrides.get_overridable_numpy_array_functions()]
    # NumPy 2.5 lists ufuncs without any loop: internal ones, which cannot be called.
    rows += [row for u in numpy_overrides.get_overridable_numpy_ufuncs() if u.types for row in _ufunc_rows(u)]
    return sorted(rows, key=lambda row: (row.name, row.method or "", isinstance(row.function, np.ufunc)))
