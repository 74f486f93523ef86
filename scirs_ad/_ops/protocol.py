"""NumPy's protocols on Variables: ufuncs, functions, conversions; and the operators."""

import functools
import inspect
import opcode
import sys
import threading

import numpy as np

from scirs_ad._core.core import Variable, as_array, dtype_of, install, shape_of
from scirs_ad._core.errors import DerivativeLostError
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import bodies, dtypes, parts, ufuncs
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.convert import operation, user_line

_special = lazy("scirs_ad._ops.special_ufuncs")

UFUNCS = {}  # NumPy or SciPy ufunc -> our function of the same arguments
FUNCTIONS = {}  # NumPy function -> ours
PRIVATE_UFUNCS = {}  # name of a ufunc that NumPy does not show -> our function
LIKE = {}  # name of a creation function -> what it makes with like=

_PRIMITIVE_UFUNCS = {
    getattr(np, name): getattr(ew, ours)
    for name, ours in [
        *((n, n) for n in ["add", "subtract", "multiply", "divide", "negative", "positive", "reciprocal", "square", "sqrt", "cbrt", "abs", "sign", "hypot", "remainder", "fmod", "copysign", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "logaddexp", "logaddexp2", "sin", "cos", "tan", "sinh", "cosh", "tanh", "maximum", "minimum", "fmax", "fmin", "heaviside", "deg2rad", "rad2deg", "floor", "ceil", "trunc", "rint", "floor_divide", "greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "isnan", "isfinite", "logical_not", "isinf", "signbit", "logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor"]),
        ("arcsin", "asin"), ("arccos", "acos"), ("arctan", "atan"), ("arctan2", "atan2"), ("arcsinh", "asinh"),
        ("arccosh", "acosh"), ("arctanh", "atanh"), ("invert", "bitwise_invert"), ("left_shift", "bitwise_left_shift"),
        ("right_shift", "bitwise_right_shift"), ("fabs", "abs"), ("degrees", "rad2deg"), ("radians", "deg2rad"),
    ]
}  # fmt: skip


def pow(x, y):
    """`x` to the power `y`; small constant powers by multiplication.

    Parameters
    ----------
    x, y : array_like

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: ``y * x**(y - 1)`` and ``log(x) * x**y``. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.pow(3.0, 2)
    array(9.)
    """
    if type(y) in (int, float):
        if y == 2:
            return ew.square(x)
        if dtype_of(x).kind in "fc":
            if y == 1:
                return ew.positive(x)
            if y == 0.5:
                return ew.sqrt(x)
            if y == -1:
                return ew.reciprocal(x)
            if y == 3:
                return ew.multiply(ew.square(x), x)
    return ew.power(x, y)


def float_power(x, y):
    """`x` to the power `y`, in double precision.

    Parameters
    ----------
    x, y : array_like

    Returns
    -------
    Variable or ndarray of float64 or complex128

    Notes
    -----
    Derivative: as `power`. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.float_power(2, -1)
    array(0.5)
    """

    def double(a):
        a = as_array(a)
        return a.astype(np.complex128 if dtype_of(a).kind == "c" else np.float64)

    return pow(double(x), y if type(y) in (int, float) else double(y))


def ufunc_call(p, args, kwargs):
    """A function of ours that has been called as NumPy's ufuncs can be: with ``out=``, ``where=``, ``dtype=``."""
    ufunc = _ufunc_of(p)
    if ufunc is None and p in _special.PAGES.values():  # now those of scipy.special are among them
        ufunc = _ufunc_of(p)
    if ufunc is None:
        raise TypeError(f"{p.name}() got an unexpected keyword argument {next(iter(kwargs))!r}")
    return ufuncs.call(p, ufunc, args, kwargs)


def _ufunc_of(p):
    return next((u for table in (_PRIMITIVE_UFUNCS, UFUNCS) for u, ours in table.items() if ours is p), None)


# ------------------------------------------------------------------------------------------------ ufuncs
def rule_of(ufunc):
    """Our function for a ufunc; None if there is none."""
    p = _PRIMITIVE_UFUNCS.get(ufunc)
    if p is None:
        p = UFUNCS.get(ufunc)
    if p is None and "scipy.special" in sys.modules:  # one of its ufuncs: the pages are loaded at first use
        p = _special.PAGES and UFUNCS.get(ufunc)
    return p or PRIVATE_UFUNCS.get(ufunc.__name__)


def _foreign(x):
    """Whether `x` is of another class that handles ufuncs itself: NumPy then asks that class."""
    kind = type(x)
    if kind is Variable or kind is np.ndarray or isinstance(x, (np.ndarray, np.generic, int, float, complex)):
        return False
    # pandas leaves its operators to ours (interchange), and so its ufuncs: it has been asked before.
    return getattr(kind, "__array_ufunc__", None) is not None and not hasattr(kind, "__pandas_priority__")


def array_ufunc(ufunc, method, inputs, kwargs):
    """``__array_ufunc__``, but for the plain call, which the core handles."""
    out = kwargs.get("out")
    if any(_foreign(x) for x in inputs) or (out is not None and any(_foreign(x) for x in out)):
        return NotImplemented
    p = rule_of(ufunc)
    if p is None:
        if ufuncs.objects_only(ufunc):
            return ufuncs.of_objects(ufunc, method, inputs, kwargs)
        _reject(_name(ufunc), REJECTED_UFUNCS.get(ufunc.__name__))
    if method == "__call__":
        if not kwargs:
            return p(*inputs)
        if out is not None and type(out[0]) is np.ndarray and _in_place_operator(inputs, out):
            return _promoted(p, ufunc, inputs, out[0])
        return ufuncs.call(p, ufunc, inputs, kwargs)
    if out is not None and method in ("reduce", "accumulate", "reduceat"):
        kwargs = {**kwargs, "out": out[0]}
    if method == "outer":
        return ufuncs.outer(p, ufunc, *inputs, kwargs)
    if method in METHODS:
        return METHODS[method](p, ufunc, *inputs, **kwargs)
    return _reject(f"{_name(ufunc)}.{method}")


METHODS = {
    "reduce": ufuncs.reduce, "accumulate": ufuncs.accumulate, "reduceat": ufuncs.reduceat, "at": ufuncs.at,
}  # fmt: skip


def _name(function):
    module = getattr(function, "__module__", None) or "numpy"
    name = function.__name__
    return f"numpy.{name}" if hasattr(np, name) else f"{module}.{name}"


# ------------------------------------------------------------------------------------------------ z += v
def _in_place_operator(inputs, out):
    """Whether an ndarray operator like ``z += v`` has called us (and not a call with ``out=z``)."""
    return len(inputs) == 2 and inputs[0] is out[0] and operation(_caller()).startswith(("BINARY_OP", "INPLACE"))


def _caller():
    frame = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__", "").startswith("scirs_ad"):
        frame = frame.f_back
    return frame


def _promoted(p, ufunc, inputs, z):
    """``z += v``: the name `z` is bound to what we return, so the derivative survives.

    Refused where another name or array can see the old `z`, which NumPy would have changed as well.
    """
    references = sys.getrefcount(z)  # first of all: the lines below hold references of their own
    if _counting is not None and _caller().f_globals.get("__name__") == _CALIBRATION:
        _counting.append(references)
        return z
    result = p(*inputs)
    name = ufunc.__name__
    if not z.flags.writeable:
        raise ValueError(f"{name}: output array is read-only")
    if shape_of(result) != z.shape:
        raise ValueError(
            f"{name}: non-broadcastable output operand with shape {z.shape} for an in-place result of shape "
            f"{shape_of(result)}"
        )
    if not np.can_cast(dtype_of(result), z.dtype, "same_kind"):
        raise TypeError(f"{name}: cannot cast the in-place result of dtype {dtype_of(result)} to {z.dtype}")
    tracked = isinstance(result, Variable) and result.level is not None
    if tracked and (references > _references(_store(_caller()), ufunc is np.matmul) or _base_is_seen(z)):
        raise DerivativeLostError(
            f"{name} in place ({user_line()}): the ndarray has other names, views or owners, which would keep the old "
            "values, for an ndarray cannot hold a derivative. Make the array by numpy.zeros_like(x), "
            "numpy.zeros(n, like=x) or scirs_ad.numpy.zeros, or write z = z + v"
        )
    return sh.cast(result, z.dtype)


def _base_is_seen(z):
    """Whether somebody else than `z` can see the memory that `z` is a view of."""
    base = z.base
    return base is not None and (not isinstance(base, np.ndarray) or sys.getrefcount(base) > 3)  # z, base, the call


def _store(frame):
    """What kind of name the result of the operator is given that a frame is executing: the next store instruction."""
    code, k = frame.f_code.co_code, frame.f_lasti + 2
    while k < len(code):
        name = opcode.opname[code[k]]
        if name not in ("CACHE", "COPY", "EXTENDED_ARG", "NOP", "SWAP"):
            return "STORE_FAST" if name.startswith("STORE_FAST") else name
        k += 2
    return ""


# How many references `_promoted` sees of an array that has one name, by the kind of name and operator: interpreters and
# NumPy differ in it, so it is counted once. The code runs as if it were the user's.
_CALIBRATION = "kinds of names"
_KINDS_OF_NAMES = """
def local(v):
    z = zeros(n)
    z += v

def enclosed(v):
    z = zeros(n)
    def inner():
        nonlocal z
        z += v
    inner()

class Owner:
    pass

def attribute(v):
    o = Owner()
    o.z = zeros(n)
    o.z += v

def element(v):
    o = [zeros(n)]
    o[0] += v

def module(v):
    global z
    z = zeros(n)
    z += v

z = zeros(n)
z += v
local(v), enclosed(v), attribute(v), element(v), module(v)
"""
_counting = None  # a list, while references are counted
_counts = {}
_lock = threading.Lock()


def _references(store, matmul):
    """How many references an array has in ``z += v`` or ``z @= v`` if that is its only name."""
    if not _counts:
        with _lock:
            _count()
    return _counts.get((store, matmul), _counts["STORE_FAST", matmul])


def _count():
    global _counting
    found = {}
    kinds = ("STORE_NAME", "STORE_FAST", "STORE_DEREF", "STORE_ATTR", "STORE_SUBSCR", "STORE_GLOBAL")
    for operator, shape in (("+=", (1,)), ("@=", (1, 1))):
        _counting = []
        try:
            scope = {"__name__": _CALIBRATION, "zeros": np.zeros, "v": Variable(np.zeros(shape)), "n": shape}
            exec(compile(_KINDS_OF_NAMES.replace("+=", operator), "<kinds of names>", "exec"), scope)
        finally:
            counted, _counting = _counting, None
        found.update({(kind, operator == "@="): n for kind, n in zip(kinds, counted, strict=True)})
    _counts.update(found)


# ------------------------------------------------------------------------------------------------ functions
REJECTED_UFUNCS = {}  # name -> why
REJECTED = {}  # NumPy function, or name of a module -> why


def _reject(name, why=None):
    raise TypeError(
        f"{name} ({user_line()}) {why or 'has no derivative rule in scirs_ad'}. Define one by scirs_ad.custom_vjp, or "
        "use scirs_ad.value(x) if no derivative is wanted"
    )


@functools.cache
def _place_of_out(func):
    """At which position `out` can be given to a function; a large number if it cannot."""
    try:
        parameters = inspect.signature(func).parameters.values()
    except ValueError:  # no signature is known: of functions written in C
        return 1000
    return next((k for k, p in enumerate(parameters) if p.name == "out" and p.kind is p.POSITIONAL_OR_KEYWORD), 1000)


def answer_to(func):
    """What runs for a NumPy function: ours, or NumPy's own Python code; None if it is rejected."""
    ours = FUNCTIONS.get(func)
    if ours is None and func.__module__ == "numpy":
        ours = LIKE.get(func.__name__)
    if ours is None and why_rejected(func) is None and func.__module__.startswith("numpy") and bodies.has_body(func):
        ours = bodies.body(func)
    return ours


def why_rejected(func):
    """Why a function is rejected; None if it is not known to be."""
    return REJECTED.get(func) or REJECTED.get(func.__module__)


def array_function(func, types, args, kwargs):
    """``__array_function__``."""
    ours = FUNCTIONS.get(func)
    if ours is None:
        ours = answer_to(func)
        if ours is None:
            _reject(f"{func.__module__}.{func.__name__}", why_rejected(func))
        FUNCTIONS[func] = ours
    for kind in types:
        if kind is not Variable and not issubclass(kind, np.ndarray):
            return NotImplemented
    if "like" in kwargs:
        kwargs = {k: x for k, x in kwargs.items() if k != "like"}
    if len(args) > 1:
        k = _place_of_out(func)
        if len(args) > k:
            kwargs = {**kwargs, "out": args[k]}
            if len(args) > k + 1:
                names = list(inspect.signature(func).parameters)
                kwargs |= dict(zip(names[k + 1 :], args[k + 1 :], strict=False))
            args = args[:k]
    if "out" in kwargs:
        out = kwargs["out"]
        kwargs = {k: x for k, x in kwargs.items() if k != "out"}
        result = ours(*args, **kwargs)
        return result if out is None else ufuncs.write_out(func.__name__, out, result)
    return ours(*args, **kwargs)


def register_namespace(module, ours):
    """Let the functions of a NumPy module that dispatch be answered by their namesakes in `ours`."""
    for name, mine in list(vars(ours).items()):
        theirs = vars(module).get(name)  # not getattr: that would load NumPy's lazy submodules
        if theirs is None or theirs is mine or not callable(theirs) or isinstance(theirs, type):
            continue
        if isinstance(theirs, np.ufunc):
            if theirs not in _PRIMITIVE_UFUNCS:
                UFUNCS.setdefault(theirs, mine)
        else:
            FUNCTIONS.setdefault(theirs, mine)


for _ufunc in (np.spacing, np.ldexp, np.gcd, np.lcm, np.bitwise_count):
    _PRIMITIVE_UFUNCS[_ufunc] = getattr(parts, _ufunc.__name__)
_PRIMITIVE_UFUNCS[np.nextafter] = dtypes.nextafter
UFUNCS.update({np.modf: parts.modf, np.frexp: parts.frexp, np.divmod: parts.divmod})
UFUNCS[np.power] = pow
UFUNCS[np.float_power] = float_power
install(
    array_ufunc=array_ufunc, array_function=array_function, functions=FUNCTIONS, ufuncs=_PRIMITIVE_UFUNCS,
    square=ew.square,
    operators={
        "pos": ew.positive, "abs": ew.abs, "pow": pow, "mod": ew.remainder, "floordiv": ew.floor_divide,
        "and": ew.bitwise_and, "or": ew.bitwise_or, "xor": ew.bitwise_xor, "lshift": ew.bitwise_left_shift,
        "rshift": ew.bitwise_right_shift, "invert": ew.bitwise_invert, "lt": ew.less, "le": ew.less_equal,
        "eq": ew.equal, "ne": ew.not_equal, "gt": ew.greater, "ge": ew.greater_equal, "ufunc_call": ufunc_call,
    },
)  # fmt: skip
