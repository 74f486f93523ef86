"""How every function of NumPy that can be overridden is answered, as far as no page of ours does it.

Questions about shape and dtype, texts and files, creation with ``like=``, and what is refused. What is not mentioned
here or on a page runs NumPy's own Python code (`bodies`).
"""

import numpy as np

from scirs_ad._core.core import Batch, Spec, Variable, as_array, dtype_of, install_methods, shape_of, value_of
from scirs_ad._core.errors import TracingError
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import creation, gather, reduce
from scirs_ad._ops import protocol as pr
from scirs_ad._ops import shape as sh
from scirs_ad._ops.arrange import ravel

__all__ = ["ABOUT_TYPES", "CREATION", "PLAIN", "sliding_window_view"]

_special = lazy("scirs_ad._ops.special")

# Functions whose results carry no derivative, and why. Those of NumPy's bodies are here for the table only.
PLAIN = {
    **dict.fromkeys(
        ["allclose", "array_equal", "array_equiv", "isclose", "iscomplex", "isneginf", "isposinf", "isreal"],
        "truth values",
    ),
    **dict.fromkeys(["array2string", "array_repr", "array_str"], "a text"),
    **dict.fromkeys(["save", "savetxt", "savez", "savez_compressed"], "the numbers are written to a file"),
    **dict.fromkeys(["packbits", "unpackbits"], "bits"),
    **dict.fromkeys(["may_share_memory", "shares_memory"], "about memory"),
}  # fmt: skip
ABOUT_TYPES = [
    "can_cast", "common_type", "iscomplexobj", "isrealobj", "min_scalar_type", "ndim", "result_type", "shape", "size",
]  # fmt: skip
CREATION = [
    "arange", "array", "asanyarray", "asarray", "ascontiguousarray", "asfortranarray", "empty", "empty_like", "eye",
    "frombuffer", "fromfile", "fromfunction", "fromiter", "fromstring", "full", "full_like", "genfromtxt", "identity",
    "loadtxt", "ones", "ones_like", "require", "tri", "zeros", "zeros_like",
]  # fmt: skip


def _dummy(x):
    """An array of the shape and dtype of a Variable, without memory."""
    return np.broadcast_to(np.zeros((), dtype_of(x)), shape_of(x)) if isinstance(x, Variable) else x


def _numbers(x):
    """The numbers of a Variable, for texts and files."""
    if not isinstance(x, Variable):
        return x
    value, y = value_of(x), x
    while isinstance(y, Variable):
        level = y.level
        if type(value) is Spec or type(level) is Batch:
            raise TracingError(
                f"the numbers of an array of shape {shape_of(x)} are not known under vmap and while tracing"
            )
        y = None if level is None else level.split(y)[0] if hasattr(level, "split") else level.lower(y)
    return value


def _applied(change, x):
    """`change` of the Variables in the arguments of a function."""
    if isinstance(x, (list, tuple)):
        return type(x)(_applied(change, e) for e in x)
    return change(x)


def _asked(func, change):
    """NumPy's own function, of arguments without Variables."""

    def ask(*args, **kwargs):
        return func(*(_applied(change, x) for x in args), **{k: _applied(change, x) for k, x in kwargs.items()})

    ask.__name__ = func.__name__
    return ask


def _text(func):
    """A function that shows an array: of what is not known, what `repr` shows."""

    def show(a, *args, **kwargs):
        value = value_of(a)
        return repr(a) if type(value) is Spec else func(value, *args, **kwargs)

    return show


def _made(func):
    """A creation function without one of ours: what NumPy makes, as an array that can be written to."""

    def make(*args, **kwargs):
        return Variable(np.array(func(*args, **kwargs)))

    return make


def _contiguous(a, dtype=None, requirements=None, *, order=None):
    del requirements, order
    return creation.asarray(a, dtype)


def _copy(a, order="K", subok=False):
    del order, subok
    return as_array(a).copy()


def _shares(a, b, max_work=None):
    """Whether two arrays share memory: Variables of tracked values never show theirs."""
    del max_work
    return a is b


def sliding_window_view(x, window_shape, axis=None, *, subok=False, writeable=False):
    """All windows of a shape that slide over an array: a copy, not a view.

    Parameters
    ----------
    x : array_like
    window_shape : int or tuple of int
    axis : int or tuple of int, optional
        The axes over which windows slide; all axes unless given.
    subok : bool
        As in NumPy; without effect.
    writeable : bool
        Without effect: writing to the result does not change `x`.

    Returns
    -------
    Variable or ndarray
        The axes of the windows are the last ones.

    Raises
    ------
    ValueError
        If a window is larger than the array.

    Notes
    -----
    Derivative: each element collects the cotangents of the windows in which it is. Cost: one pass over the result.

    Examples
    --------
    >>> import numpy as np
    >>> from scirs_ad._ops.overrides import sliding_window_view
    >>> sliding_window_view(np.array([1.0, 2.0, 3.0]), 2)
    array([[1., 2.],
           [2., 3.]])
    """
    del subok, writeable
    x = as_array(x)
    shape = shape_of(x)
    places = np.arange(gather.size_of(shape)).reshape(shape)
    places = np.lib.stride_tricks.sliding_window_view(places, window_shape, axis)
    return ravel(x)[np.ascontiguousarray(places)]


def _i0(x):
    x = as_array(x)
    if dtype_of(x).kind == "c":
        raise TypeError("i0 not supported for complex values")
    return _special.PAGES["i0"](x if dtype_of(x).kind == "f" else sh.astype(x, float))


for _name in ABOUT_TYPES:
    pr.FUNCTIONS[getattr(np, _name)] = _asked(getattr(np, _name), _dummy)
for _name in ("array2string", "array_repr", "array_str"):
    pr.FUNCTIONS[getattr(np, _name)] = _text(getattr(np, _name))
for _name in ("save", "savetxt", "savez", "savez_compressed", "packbits", "unpackbits"):
    pr.FUNCTIONS[getattr(np, _name)] = _asked(getattr(np, _name), _numbers)
pr.FUNCTIONS.update({
    np.copy: _copy, np.i0: _i0, np.may_share_memory: _shares, np.shares_memory: _shares,
    np.lib.stride_tricks.sliding_window_view: sliding_window_view,
})  # fmt: skip
# With like=, NumPy asks for private twins of its creation functions, which have only the name in common.
for _name in CREATION:
    _ours = getattr(creation, _name, None)
    if _name in ("asanyarray", "ascontiguousarray", "asfortranarray"):
        _ours = creation.asarray
    elif _name == "require":
        _ours = _contiguous
    pr.LIKE[_name] = _ours or _made(getattr(np, _name))

pr.PRIVATE_UFUNCS.update({"clip": reduce.clip, "_ones_like": creation.ones_like})

_TEXTS = "is for texts, which have no derivative"
_DATES = "is for dates, which have no derivative"
_FIELDS = "is for structured arrays, whose fields have no derivative"
pr.REJECTED.update({
    "numpy.strings": _TEXTS, "numpy.char": _TEXTS, "numpy.lib.recfunctions": _FIELDS,
    **{getattr(np, name): _DATES for name in (
        ["busday_count", "busday_offset", "datetime_as_string", "is_busday"])},
})  # fmt: skip
pr.REJECTED_UFUNCS["isnat"] = _DATES
pr.REJECTED_UFUNCS.update(dict.fromkeys([
    "_center", "_expandtabs", "_expandtabs_length", "_ljust", "_lstrip_chars", "_lstrip_whitespace", "_partition",
    "_partition_index", "_replace", "_rjust", "_rpartition", "_rpartition_index", "_rstrip_chars",
    "_rstrip_whitespace", "_slice", "_strip_chars", "_strip_whitespace", "_zfill", "count", "endswith", "find",
    "index", "isalnum", "isalpha", "isdecimal", "isdigit", "islower", "isnumeric", "isspace", "istitle", "isupper",
    "rfind", "rindex", "startswith", "str_len",
], _TEXTS))  # fmt: skip

# NumPy's loops over objects call methods of the elements: np.sin(np.array([v[0], v[1]])) asks for v[0].sin().
_BY_METHOD = [
    "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "exp",
    "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "cbrt", "fabs", "degrees", "radians", "rint",
    "arctan2", "hypot", "logaddexp", "logaddexp2", "fmod",
]  # fmt: skip


def _element_method(name):
    rule = pr.rule_of(getattr(np, name))

    def method(self, *others):
        return rule(self, *others)

    method.__name__ = name
    method.__qualname__ = f"Variable.{name}"
    method.__doc__ = f"``numpy.{name}`` of the array: what NumPy calls for the elements of an object array."
    return method


install_methods({name: _element_method(name) for name in _BY_METHOD})
