"""What code sees under `native` in place of what would convert: `math`, types, and NumPy's functions that do not dispatch.

A stand-in gives what the original gives, but keeps derivatives, and makes arrays that can be assigned to. Without a
Variable among its arguments it calls the original.
"""

import cmath
import math
import numbers

import numpy as np

from scirs_ad._core.core import Variable, dtype_of, shape_of, value_of
from scirs_ad._core.errors import DerivativeLostError
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.accumulate import prod
from scirs_ad._ops.complex import angle
from scirs_ad._ops.creation import array, asarray
from scirs_ad._ops.join import concatenate, stack
from scirs_ad._ops.protocol import pow
from scirs_ad._ops.ufuncs import write_out

__all__ = ["BUILTINS", "BY_TYPE", "CMATH", "MATH", "NUMBERS", "NUMPY", "Function", "holds", "made", "tracked"]

_special = lazy("scirs_ad._ops.special")


def tracked(x):
    """Whether `x` is a Variable that carries a derivative."""
    return type(x) is Variable and x.level is not None


def holds(items):
    """Whether a Variable is among `items`, or in lists and tuples among them."""
    for x in items:
        kind = type(x)
        if kind is Variable:
            return True
        if kind is list or kind is tuple:
            if holds(x):
                return True
        elif kind is np.ndarray and x.dtype.kind == "O" and any(type(e) is Variable for e in x.flat):
            return True
    return False


def made(result, *given):
    """A result of NumPy's as code under `native` gets it: what can hold a derivative is a Variable.

    What shares memory with an array that was given stays an ndarray: to assign to it is to assign to that array.
    """
    kind = type(result)
    if kind is np.ndarray:
        if result.dtype.kind not in "fc" or _shares(result, given):
            return result
        return Variable(result)
    if kind is tuple or kind is list:
        return kind([made(x, *given) for x in result])
    if isinstance(result, tuple) and hasattr(kind, "_fields"):
        return kind(*[made(x, *given) for x in result])
    return result


def _shares(result, given):
    for x in given:
        kind = type(x)
        if kind is np.ndarray:
            if x is result or (result.base is not None and np.may_share_memory(x, result)):
                return True
        elif (kind is list or kind is tuple) and len(x) < 100 and _shares(result, x):
            return True
        elif kind is not list and kind is not tuple and hasattr(kind, "__array_interface__"):
            return True  # another library's array
    return False


class Function:
    """A function of NumPy or SciPy: ours where there are Variables, the original elsewhere."""

    def __init__(self, original, ours):
        self.original, self.ours = original, ours

    def __call__(self, *args, **kwargs):
        if holds(args) or (kwargs and holds(kwargs.values())):
            if kwargs.get("out") is not None and not isinstance(self.original, np.ufunc):
                out = kwargs.pop("out")
                return write_out(self.original.__name__, out, self.ours(*args, **kwargs))
            return self.ours(*args, **kwargs)
        return made(self.original(*args, **kwargs), *args, *kwargs.values())

    def __getattr__(self, name):
        return getattr(self.original, name)

    def __eq__(self, other):
        return other is self.original or (type(other) is Function and other.original is self.original)

    def __hash__(self):
        return hash(self.original)

    def __repr__(self):
        return repr(self.original)


# ------------------------------------------------------------------------------------------------ math
def _known(x):
    """The number in a 0-d Variable as `math` would get it; None while tracing and under vmap."""
    value = value_of(x)
    if isinstance(value, np.ndarray) and value.shape == shape_of(x):
        return value[()]
    return None


def _of_scalars(original, ours):
    """A function of the module `math`: its errors (domain, overflow) and its values, with a derivative."""

    def function(*args):
        if not any(type(a) is Variable for a in args):
            return original(*args)
        numbers = [_known(a) if type(a) is Variable else a for a in args]
        if all(n is not None for n in numbers):
            plain = original(*numbers)  # raises what math raises
            if not any(tracked(a) for a in args):
                return plain
        elif any(shape_of(a) != () for a in args if type(a) is Variable):
            raise TypeError(f"{original.__name__}: only 0-d arrays can be converted to Python scalars")
        return ours(*args)

    function.__name__ = function.__qualname__ = original.__name__
    function.__doc__ = original.__doc__
    return function


def _log(x, base=None):
    return ew.log(x) if base is None else ew.divide(ew.log(x), ew.log(base))


def _hypot(*coordinates):
    return ew.sqrt(sh.sum(ew.square(asarray(list(coordinates), dtype=float))))


def _modf(x):
    whole = ew.trunc(x)
    return ew.subtract(x, whole), whole


def _frexp(x):
    _, exponent = math.frexp(float(value_of(x)))
    return ew.multiply(x, math.ldexp(1.0, -exponent)), exponent


def _remainder(x, y):
    return ew.subtract(x, ew.multiply(y, ew.rint(ew.divide(x, y))))


def _sum(items):
    return sh.sum(asarray(list(items), dtype=float))


def _prod(items, *, start=1):
    return ew.multiply(prod(asarray(list(items))), start)


def _dist(p, q):
    return ew.sqrt(sh.sum(ew.square(ew.subtract(asarray(p, dtype=float), asarray(q, dtype=float)))))


def _sumprod(p, q):
    return sh.sum(ew.multiply(asarray(p), asarray(q)))


def _special_function(name):
    return lambda x: _special.PAGES[name](x)


def _of_lists(original, ours):
    """A function of the module `math` that takes iterables."""

    def function(*args, **kwargs):
        args = [list(a) if not isinstance(a, (list, tuple, Variable)) else a for a in args]
        if not holds(args) and not holds(kwargs.values()):
            return original(*args, **kwargs)
        return ours(*args, **kwargs)

    function.__name__ = function.__qualname__ = original.__name__
    function.__doc__ = original.__doc__
    return function


_SCALAR = {
    **{name: getattr(ew, name) for name in [
        "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "exp",
        "exp2", "expm1", "log2", "log10", "log1p", "sqrt", "cbrt", "fmod", "copysign"]},
    "log": _log, "pow": pow, "fabs": ew.abs, "degrees": ew.rad2deg, "radians": ew.deg2rad, "hypot": _hypot,
    "erf": _special_function("erf"), "erfc": _special_function("erfc"), "gamma": _special_function("gamma"),
    "lgamma": _special_function("gammaln"), "modf": _modf, "frexp": _frexp, "remainder": _remainder,
    "ldexp": lambda x, i: ew.multiply(x, math.ldexp(1.0, i)), "fma": lambda x, y, z: ew.add(ew.multiply(x, y), z),
    "floor": lambda x: int(ew.floor(x)), "ceil": lambda x: int(ew.ceil(x)), "trunc": lambda x: int(ew.trunc(x)),
    "isnan": lambda x: bool(ew.isnan(x)), "isinf": lambda x: bool(ew.isinf(x)),
    "isfinite": lambda x: bool(ew.isfinite(x)),
}  # fmt: skip
_LISTS = {"fsum": _sum, "prod": _prod, "dist": _dist, "sumprod": _sumprod}

MATH = {name: _of_scalars(getattr(math, name), ours) for name, ours in _SCALAR.items() if hasattr(math, name)}
MATH |= {name: _of_lists(getattr(math, name), ours) for name, ours in _LISTS.items() if hasattr(math, name)}
MATH["isclose"] = lambda a, b, *, rel_tol=1e-09, abs_tol=0.0: math.isclose(
    *[float(value_of(x)) if type(x) is Variable else x for x in (a, b)], rel_tol=rel_tol, abs_tol=abs_tol
)


def _complex(function):
    return lambda z: function(sh.astype(z, np.complex128))


def _phase(z):
    return angle(sh.astype(z, np.complex128))


CMATH = {
    name: _of_scalars(getattr(cmath, name), _complex(getattr(ew, name)))
    for name in ["sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "exp", "log10", "sqrt"]
}  # fmt: skip
CMATH["log"] = _of_scalars(cmath.log, lambda z, base=None: _log(sh.astype(z, np.complex128), base))
CMATH["phase"] = _of_scalars(cmath.phase, _phase)
CMATH["polar"] = _of_scalars(cmath.polar, lambda z: (ew.abs(z), _phase(z)))
CMATH["rect"] = _of_scalars(
    cmath.rect, lambda r, phi: ew.multiply(r, ew.exp(ew.multiply(1j, sh.astype(phi, np.complex128))))
)


# ------------------------------------------------------------------------------------------------ types
class Kind(type):
    """The class of the stand-ins for types: a Variable is an instance of what its values would be."""

    def __new__(cls, name, bases, namespace, *, of=None, includes=None, call=None):
        if of is None:  # class C(float): a subclass of the original
            bases = tuple(b.of if isinstance(b, Kind) else b for b in bases)
            return type(bases[0])(name, bases, namespace)
        return super().__new__(cls, name, bases, namespace)

    def __init__(cls, name, bases, namespace, *, of, includes, call):
        super().__init__(name, bases, namespace)
        cls.of, cls.includes, cls.call = of, staticmethod(includes), staticmethod(call)

    def __call__(cls, *args, **kwargs):
        return cls.call(*args, **kwargs)

    def __instancecheck__(cls, x):
        return isinstance(x, cls.of) or (type(x) is Variable and cls.includes(x))

    def __subclasscheck__(cls, sub):
        return issubclass(sub.of if isinstance(sub, Kind) else sub, cls.of)

    def __getattr__(cls, name):
        return getattr(cls.of, name)

    def __getitem__(cls, key):
        return cls.of[key]

    def __eq__(cls, other):
        return cls.of == (other.of if isinstance(other, Kind) else other)  # dtypes, too, equal types

    def __hash__(cls):
        return hash(cls.of)

    def __repr__(cls):
        return repr(cls.of)


def _stand(of, includes, call=None, **namespace):
    return Kind(of.__name__, (), {"__module__": of.__module__, **namespace}, of=of, includes=includes, call=call or of)


def _is_scalar(x):
    return shape_of(x) == ()


def _number(of, dtype):
    """`float` or `complex`: of a Variable a 0-d Variable."""

    def call(*args, **kwargs):
        if of is complex and len(args) == 2 and not kwargs and (tracked(args[0]) or tracked(args[1])):
            return ew.add(call(args[0]), ew.multiply(1j, call(args[1])))
        if len(args) == 1 and not kwargs and tracked(args[0]):
            x = args[0]
            if shape_of(x) != ():
                raise TypeError("only 0-dimensional arrays can be converted to Python scalars")
            if of is float and dtype_of(x).kind == "c":
                raise TypeError("float() argument must be a string or a real number, not 'complex'")
            return sh.astype(x, dtype)
        return of(*args, **kwargs)

    return _stand(of, lambda x: _is_scalar(x) and dtype_of(x) == dtype, call, dtype=np.dtype(dtype))


def _scalar_type(of):
    """A concrete scalar type of NumPy: of a Variable, or of a list with one, an array of this dtype."""

    def call(*args, **kwargs):
        if holds(args):
            return asarray(args[0], dtype=of)
        return made(of(*args, **kwargs))

    return _stand(of, lambda x: _is_scalar(x) and dtype_of(x) == of, call, dtype=np.dtype(of))


def _abstract(of):
    return _stand(of, lambda x: _is_scalar(x) and issubclass(dtype_of(x).type, of))


def _new_ndarray(*args, **kwargs):
    return made(np.ndarray(*args, **kwargs))


NDARRAY = _stand(np.ndarray, lambda x: True, _new_ndarray)
FLOAT, COMPLEX = _number(float, np.float64), _number(complex, np.complex128)
_SCALARS = {
    **{t.__name__: _scalar_type(t) for t in [np.float32, np.float64, np.complex64, np.complex128]},
    **{t.__name__: _abstract(t) for t in [np.generic, np.number, np.inexact, np.floating, np.complexfloating]},
}  # fmt: skip


def _type(*args, **kwargs):
    """`type`: of a Variable that of its values."""
    if len(args) != 1 or kwargs:
        return type(*args, **kwargs)
    found = type(args[0])
    if found is Variable:
        found = np.ndarray if shape_of(args[0]) else dtype_of(args[0]).type
    return BY_TYPE.get(found, found)


BY_TYPE = {kind.of: kind for kind in [NDARRAY, FLOAT, COMPLEX, *_SCALARS.values()]}
BUILTINS = {"float": FLOAT, "complex": COMPLEX, "type": _stand(type, lambda x: False, _type)}
NUMBERS = {
    t.__name__: _stand(t, lambda x, t=t: _is_scalar(x) and issubclass(dtype_of(x).type, t))
    for t in [numbers.Number, numbers.Complex, numbers.Real]
}


# ------------------------------------------------------------------------------------------------ numpy
def _plain_types(original):
    """A function of types and dtypes, for stand-ins of types."""

    def function(*args, **kwargs):
        return original(*[a.of if isinstance(a, Kind) else a for a in args], **kwargs)

    function.__name__ = function.__qualname__ = original.__name__
    function.__doc__ = original.__doc__
    return function


def _as(a, dtype=None, order=None, **kwargs):
    """asanyarray, ascontiguousarray, asfortranarray, require: the layout has no meaning for a Variable."""
    del order, kwargs
    return asarray(a, dtype)


def _require(a, dtype=None, requirements=None, *, like=None):
    del requirements, like
    return asarray(a, dtype)


def _asarray_chkfinite(a, dtype=None, order=None):
    del order
    out = asarray(a, dtype)
    known = value_of(out)
    if isinstance(known, np.ndarray) and dtype_of(out).kind in "fc" and not np.all(np.isfinite(known)):
        raise ValueError("array must not contain infs or NaNs")
    return out


class _Iterates(Function):
    """`fromiter`: the iterable is used up to see whether there are Variables in it."""

    def __call__(self, iter, dtype, count=-1, *, like=None):
        items = list(iter) if count < 0 else [x for _, x in zip(range(count), iter, strict=False)]
        if holds(items):
            return asarray(items, dtype)
        return made(np.fromiter(items, dtype, count))


def _ndenumerate(arr):
    return ((place, arr[place]) for place in np.ndindex(shape_of(arr)))


def _nditer(op, *args, **kwargs):
    if any(tracked(x) for x in (op if isinstance(op, (list, tuple)) else [op])):
        raise DerivativeLostError(
            "numpy.nditer would drop the derivative: it walks over memory. Iterate over numpy.ndindex(x.shape) or "
            "numpy.ndenumerate(x), or over scirs_ad.value(x) if no derivative is wanted"
        )
    return np.nditer([value_of(x) if type(x) is Variable else x for x in op] if isinstance(op, (list, tuple)) else
                     value_of(op), *args, **kwargs)  # fmt: skip


def _isscalar(element):
    return _is_scalar(element) if type(element) is Variable else np.isscalar(element)


class _Concatenator:
    """`r_` and `c_`: NumPy's own arranges the places of the items, which are then taken."""

    def __init__(self, original):
        self._original = original

    def __getitem__(self, key):
        items = key if type(key) is tuple else (key,)
        if not holds(items):
            return made(self._original[key])
        directive = [k for k in items[:1] if isinstance(k, str)]
        items = [np.r_[k] if isinstance(k, slice) else asarray(k) for k in items[len(directive) :]]
        places, start = [], 0
        for x in items:
            shape = shape_of(x)
            size = math.prod(shape)
            places.append(np.arange(start, start + size).reshape(shape) if shape else start)
            start += size
        flat = concatenate([sh.reshape(x, (-1,)) for x in items])
        return flat[np.asarray(self._original[(*directive, *places)])]

    def __len__(self):
        return 0


class _Vectorized:
    """`numpy.vectorize`: a loop over the elements."""

    def __init__(self, pyfunc=None, otypes=None, doc=None, excluded=None, cache=False, signature=None):
        if pyfunc is not None and not callable(pyfunc):
            raise TypeError(f"vectorize: a function is needed, not {pyfunc!r}")
        self.pyfunc, self.otypes, self.signature = pyfunc, otypes, signature
        self.excluded = set() if excluded is None else set(excluded)
        self.__doc__ = doc or getattr(pyfunc, "__doc__", None)
        self.__name__ = getattr(pyfunc, "__name__", "vectorize")
        self._core = None
        if signature is not None:
            self._core = _cores(signature)

    def __call__(self, *args, **kwargs):
        if self.pyfunc is None:  # used as @np.vectorize(otypes=...)
            (self.pyfunc,) = args
            self.__name__ = getattr(self.pyfunc, "__name__", "vectorize")
            return self
        loop = [k for k in range(len(args)) if k not in self.excluded]
        names = [name for name in kwargs if name not in self.excluded]
        if self._core is not None and names:
            raise TypeError(f"vectorize of {self.__name__}: with a signature the arguments are positional")
        given = [asarray(args[k]) for k in loop] + [asarray(kwargs[name]) for name in names]
        cores = self._core or [0] * len(given)
        if len(cores) != len(given):
            raise TypeError(f"vectorize of {self.__name__}: {len(given)} arguments for the signature {self.signature}")
        batch = np.broadcast_shapes(*[shape_of(x)[: len(shape_of(x)) - c] for x, c in zip(given, cores, strict=True)])
        columns = []
        for x, c in zip(given, cores, strict=True):
            shape = shape_of(x)
            inner = shape[len(shape) - c :]
            columns.append(sh.reshape(sh.broadcast_to(x, (*batch, *inner)), (-1, *inner)))
        size = math.prod(batch)
        if size == 0 and self.otypes is None:
            raise ValueError("cannot call `vectorize` on size 0 inputs unless `otypes` is set")
        results = []
        for i in range(size):
            called, named = list(args), dict(kwargs)
            for k, column in zip([*loop, *names], columns, strict=True):
                element = column[i]
                if not tracked(element):
                    element = value_of(element)[()]
                if isinstance(k, str):
                    named[k] = element
                else:
                    called[k] = element
            results.append(self.pyfunc(*called, **named))
        several = bool(results) and isinstance(results[0], tuple)
        columns = list(zip(*results, strict=True)) if several else [results]
        outs = []
        for k, column in enumerate(columns):
            out = stack([asarray(x) for x in column]) if column else array(np.zeros(0))
            if self.otypes is not None:
                out = sh.astype(out, self.otypes[k])
            outs.append(made(_bare(sh.reshape(out, (*batch, *shape_of(out)[1:])))))
        return tuple(outs) if several else outs[0]


def _bare(x):
    """`x` without the Variable around an untracked array."""
    return value_of(x) if type(x) is Variable and x.level is None else x


def _cores(signature):
    """The number of core dimensions of each input of a signature."""
    inputs = signature.replace(" ", "").split("->")[0]
    return [len([n for n in part.split(",") if n]) for part in inputs.strip("()").split("),(")]


class _FromPython(Function):
    """What `numpy.frompyfunc` returns."""

    def __init__(self, func, nin, nout, **kwargs):
        super().__init__(np.frompyfunc(func, nin, nout, **kwargs), _Vectorized(func))


NUMPY = {
    "ndarray": NDARRAY, **_SCALARS, "double": _SCALARS["float64"], "single": _SCALARS["float32"],
    "cdouble": _SCALARS["complex128"], "csingle": _SCALARS["complex64"],
    **{name: _plain_types(getattr(np, name)) for name in ["issubdtype", "finfo", "can_cast", "result_type"]},
    **{name: Function(getattr(np, name), _as) for name in ["asanyarray", "ascontiguousarray", "asfortranarray"]},
    "require": Function(np.require, _require), "asarray_chkfinite": Function(np.asarray_chkfinite, _asarray_chkfinite),
    "fromiter": _Iterates(np.fromiter, None), "ndenumerate": Function(np.ndenumerate, _ndenumerate),
    "nditer": _nditer, "isscalar": _isscalar, "r_": _Concatenator(np.r_), "c_": _Concatenator(np.c_),
    "vectorize": _Vectorized, "frompyfunc": _FromPython,
}  # fmt: skip
