"""NumPy's protocols on Variables: ufuncs, functions, conversions; and the operators."""

import opcode
import sys

import numpy as np

from scirs_ad._core.core import Spec, Variable, as_array, dtype_of, install, shape_of, value_of
from scirs_ad._core.errors import DerivativeLostError, TracingError
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh

_special = lazy("scirs_ad._ops.special")

UFUNCS = {}  # NumPy or SciPy ufunc -> our function of the same arguments
REDUCTIONS = {}  # ufunc -> (reduce, accumulate): our functions, with NumPy's signatures
FUNCTIONS = {}  # NumPy function -> ours

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


def user_line():
    """`file:line` of the nearest caller outside of scirs_ad, NumPy and SciPy, and the library function it called."""
    frame, through = sys._getframe(1), None
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        top = module.split(".")[0]
        if top not in ("scirs_ad", "numpy", "scipy"):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}", through
        if top in ("numpy", "scipy"):
            through = f"{module}.{frame.f_code.co_name}"
        frame = frame.f_back
    return "an unknown line", through


def array(v, dtype, copy):
    """What ``np.asarray(v)`` gives: never an array that has silently lost a derivative."""
    del copy
    module = sys._getframe(1).f_globals.get("__name__", "")
    if module.startswith("numpy.testing"):
        return np.asarray(value_of(v), dtype)
    if v.level is None:
        return np.array(value_of(v), dtype)
    scalar = shape_of(v) == ()
    if (scalar and (dtype is None or np.dtype(dtype).kind == "O")) or module.startswith("scipy.sparse"):
        out = np.empty((), object)
        out[()] = v
        return out
    line, through = user_line()
    called = f"called by {through}, " if through else ""
    if type(value_of(v)) is Spec:
        raise TracingError(
            f"np.asarray ({called}{line}) needs the values of a traced array of shape {shape_of(v)}; use the functions "
            "of numpy and scirs_ad on it, or static arguments"
        )
    raise DerivativeLostError(
        f"np.asarray ({called}{line}) would drop the derivative of a {dtype_of(v)} array of shape {shape_of(v)}. Use a "
        "function of numpy that dispatches, or its namesake in scirs_ad.numpy or scirs_ad.scipy; or "
        "scirs_ad.stop_gradient(x) or scirs_ad.value(x) if no derivative is wanted"
    )


def ufunc_call(p, args, kwargs):
    """A ufunc with keywords: ``dtype=``, ``where=``; ``out=`` only into a Variable."""
    out = kwargs.pop("out", None)
    where = kwargs.pop("where", True)
    dtype = kwargs.pop("dtype", None)
    kwargs.pop("casting", None)
    kwargs.pop("order", None)
    kwargs.pop("subok", None)
    if kwargs:
        raise TypeError(f"{p.__name__}: got an unexpected keyword argument {next(iter(kwargs))!r}")
    if isinstance(out, tuple):
        (out,) = out
    if dtype is not None:
        args = tuple(sh.astype(as_array(a), dtype) if dtype_of(as_array(a)).kind in "biufc" else a for a in args)
    result = p(*args)
    if where is not True:
        if out is None:
            raise ValueError(f"{p.__name__}: where= without out= leaves elements undefined; use numpy.where instead")
        result = ew.where(where, result, out)
    if out is None:
        return result
    return write_out(p.__name__, out, result)


def write_out(name, out, result):
    """Write a result into ``out=``: a Variable of the right shape."""
    if isinstance(out, tuple):
        (out,) = out
    if not isinstance(out, Variable):
        line, _ = user_line()
        raise DerivativeLostError(
            f"{name}(..., out=ndarray) ({line}) would drop the derivative: an ndarray cannot hold it. Leave out= away, or "
            "make the array by scirs_ad.numpy.zeros or numpy.zeros_like of a Variable"
        )
    if shape_of(out) != shape_of(result):
        raise ValueError(f"{name}: out has shape {shape_of(out)}, the result {shape_of(result)}")
    out[...] = result
    return out


def _in_place_operator(inputs, out):
    """Whether an ndarray operator like ``z += v`` has called us (and not a call with ``out=z``)."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__", "").startswith("scirs_ad"):
        frame = frame.f_back
    name = opcode.opname[frame.f_code.co_code[frame.f_lasti]]
    return len(inputs) == 2 and inputs[0] is out[0] and name.startswith(("BINARY_OP", "INPLACE"))


def array_ufunc(ufunc, method, inputs, kwargs):
    """``__array_ufunc__``, but for the plain call, which the core handles."""
    out = kwargs.get("out")
    if method == "__call__":
        p = UFUNCS.get(ufunc)
        if p is None:
            p = _PRIMITIVE_UFUNCS.get(ufunc)
        if p is None and "scipy.special" in sys.modules:  # one of its ufuncs: the pages are loaded at first use
            p = _special.PAGES and UFUNCS.get(ufunc)
        if p is None:
            _reject(f"numpy.{ufunc.__name__}" if hasattr(np, ufunc.__name__) else ufunc.__name__)
        if out is not None and type(out[0]) is np.ndarray and _in_place_operator(inputs, out):
            # z += v: the name z is bound to what we return, so the derivative survives.
            z = out[0]
            result = p(*inputs)
            if shape_of(result) != z.shape:
                raise ValueError(
                    f"{ufunc.__name__}: the in-place result has shape {shape_of(result)}, the array {z.shape}"
                )
            if not np.can_cast(dtype_of(result), z.dtype, "same_kind"):
                raise TypeError(
                    f"{ufunc.__name__}: cannot cast the in-place result of dtype {dtype_of(result)} to {z.dtype}"
                )
            return sh.cast(result, z.dtype)
        if not kwargs:
            return p(*inputs)
        return ufunc_call(p, inputs, dict(kwargs))
    if method in ("reduce", "accumulate") and ufunc in REDUCTIONS:
        function = REDUCTIONS[ufunc][method == "accumulate"]
        if function is not None:
            kwargs = {k: x for k, x in kwargs.items() if x is not None and k != "out" and x is not np._NoValue}
            args = list(inputs)
            if "axis" not in kwargs and len(args) == 1:
                kwargs["axis"] = 0
            result = function(*args, **kwargs)
            return result if out is None else write_out(f"{ufunc.__name__}.{method}", out, result)
    if method == "outer" and len(inputs) == 2:
        a, b = as_array(inputs[0]), as_array(inputs[1])
        p = UFUNCS.get(ufunc) or _PRIMITIVE_UFUNCS.get(ufunc)
        if p is not None:
            return p(sh.reshape(a, shape_of(a) + (1,) * len(shape_of(b))), b)
    if method == "at":
        return _at(ufunc, *inputs)
    _reject(f"numpy.{ufunc.__name__}.{method}")


def _at(ufunc, a, indices, b=None):
    """``ufunc.at``: in place, repeated indices one after the other."""
    if not isinstance(a, Variable):
        line, _ = user_line()
        raise DerivativeLostError(
            f"numpy.{ufunc.__name__}.at ({line}) cannot write a derivative into an ndarray; make the array by "
            "scirs_ad.numpy.zeros, or by numpy.zeros_like of a Variable"
        )
    if ufunc in (np.add, np.subtract) and "index_add" in AT:
        a[...] = AT["index_add"](a, indices, b if ufunc is np.add else ew.negative(b))
        return None
    _reject(f"numpy.{ufunc.__name__}.at")


AT = {}  # functional updates, given by the index page


def _reject(name):
    line, _ = user_line()
    raise TypeError(
        f"{name} ({line}) has no derivative rule in scirs_ad. Define one by scirs_ad.custom_vjp, or use "
        "scirs_ad.value(x) if no derivative is wanted"
    )


def array_function(func, types, args, kwargs):
    """``__array_function__``."""
    ours = FUNCTIONS.get(func)
    if ours is None:
        _reject(f"{func.__module__}.{func.__name__}")
    if "like" in kwargs:
        kwargs = {k: x for k, x in kwargs.items() if k != "like"}
    out = kwargs.get("out")
    if out is not None:
        kwargs = {k: x for k, x in kwargs.items() if k != "out"}
        return write_out(func.__name__, out, ours(*args, **kwargs))
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


UFUNCS[np.power] = pow
UFUNCS[np.float_power] = float_power
install(
    array_ufunc=array_ufunc, array_function=array_function, array=array, functions=FUNCTIONS, ufuncs=_PRIMITIVE_UFUNCS, square=ew.square,
    operators={
        "pos": ew.positive, "abs": ew.abs, "pow": pow, "mod": ew.remainder, "floordiv": ew.floor_divide,
        "and": ew.bitwise_and, "or": ew.bitwise_or, "xor": ew.bitwise_xor, "lshift": ew.bitwise_left_shift,
        "rshift": ew.bitwise_right_shift, "invert": ew.bitwise_invert, "lt": ew.less, "le": ew.less_equal,
        "eq": ew.equal, "ne": ew.not_equal, "gt": ew.greater, "ge": ew.greater_equal, "ufunc_call": ufunc_call,
    },
)  # fmt: skip
