"""The methods and attributes of ndarray, on Variables: each is a function of a page."""

import inspect

import numpy as np

from scirs_ad._core.core import Spec, dtype_of, install, install_methods, shape_of, value_of
from scirs_ad._core.errors import DerivativeLostError, TracingError
from scirs_ad._ops import (
    accumulate,
    arrange,
    bins,
    diagonals,
    extrema,
    moments,
    products,
    reduce,
    select,
    sorting,
    ufuncs,
    views,
    write,
)
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh


def _method(function, name):
    """`function` of the array, as a method."""
    parameters = list(inspect.signature(function).parameters)
    place = parameters.index("out") - 1 if "out" in parameters else None  # among the arguments after the array

    def method(self, *args, **kwargs):
        return function(self, *args, **kwargs)

    def method_with_out(self, *args, **kwargs):
        if len(args) > place:
            names = parameters[1:]
            kwargs |= dict(zip(names[place:], args[place:], strict=False))
            args = args[:place]
        out = kwargs.pop("out", None)
        result = function(self, *args, **kwargs)
        return result if out is None else ufuncs.write_out(name, out, result)

    if place is not None:
        method = method_with_out

    method.__name__ = name
    method.__qualname__ = f"Variable.{name}"
    method.__doc__ = f"``{name}`` of the array; see the function of that name in `scirs_ad.numpy`."
    return method


def _reshape(self, *shape, order="C", copy=None):
    """The array in another shape; see `scirs_ad.numpy.reshape`."""
    return views.reshape(self, shape[0] if len(shape) == 1 else shape, order, copy=copy)


def _transpose(self, *axes):
    """The array with its axes permuted; see `scirs_ad.numpy.permute_dims`."""
    if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], (tuple, list))):
        axes = axes[0]
    return views.permute_dims(self, axes or None)


def _matrix_transpose(self):
    """The array with its last two axes exchanged."""
    ndim = len(shape_of(self))
    if ndim < 2:
        raise ValueError(f"mT: an array of shape {shape_of(self)} has no matrices; at least 2 dimensions are needed")
    return views.matrix_transpose(self)


def _flatten(self, order="C"):
    """The elements as one axis: a copy."""
    return views.ravel(self, order).copy()


def _item(self, *args):
    """The element as a Python number; only without derivative."""
    if type(value_of(self)) is Spec:
        raise TracingError(
            f"item() of a traced Variable of shape {shape_of(self)}: its value is not known while tracing; use x[...]"
        )
    if self.level is not None:
        raise DerivativeLostError(
            f"item() would drop the derivative of an array of shape {shape_of(self)}; use x[...], or scirs_ad.value(x)"
        )
    return value_of(self).item(*args)


def _tolist(self):
    """Nested lists of Python numbers; of 0-d Variables, where there is a derivative."""
    if self.level is None:
        return value_of(self).tolist()
    return [row.tolist() if shape_of(row) else row for row in self] if shape_of(self) else self


def _fill(self, value):
    """Assign one value to all elements."""
    self[...] = value


def _itemsize(self):
    """Bytes of one element."""
    return dtype_of(self).itemsize


def _nbytes(self):
    """Bytes of all elements."""
    return self.size * dtype_of(self).itemsize


def _strides(self):
    """Bytes from one element to the next, along each axis, as of a C-contiguous array."""
    strides, step = [], dtype_of(self).itemsize
    for n in reversed(shape_of(self)):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


def _flat(self):
    """The elements as one axis, to be read, iterated over and written to."""
    return views.Flat(self)


def _set_flat(self, values):
    views.Flat(self)[:] = values


def _flags(self):
    """The flags of the array of values."""
    value = value_of(self)
    return np.empty(value.shape).flags if type(value) is Spec else value.flags


def _view(self, dtype=None, type=None):
    """The same array; reinterpretation of the bytes is refused."""
    if dtype is not None and np.dtype(dtype) != dtype_of(self):
        raise TypeError(f"view: the bytes of a {dtype_of(self)} Variable cannot be read as {np.dtype(dtype)}")
    return self[...]


def _set_real(self, value):
    self[...] = value + 1j * cx.imag(self) if dtype_of(self).kind == "c" else value


def _set_imag(self, value):
    if dtype_of(self).kind != "c":
        raise TypeError("imag: a real array has no imaginary part to set")
    self[...] = cx.real(self) + 1j * value


def _byteswap(self, inplace=False):
    """Refused: it has no meaning for derivatives."""
    del self, inplace
    raise TypeError("byteswap: a Variable has no byte order; use value(x)")


def _tobytes(self, order="C"):
    """The bytes of the values; only without derivative."""
    if self.level is not None:
        raise DerivativeLostError("tobytes() would drop the derivative; use scirs_ad.value(x).tobytes()")
    return value_of(self).tobytes(order)


def _device(self):
    """Where the array lies: the CPU."""
    del self
    return "cpu"


def _to_device(self, device, /, *, stream=None):
    """The array itself; the CPU is the only device."""
    if device != "cpu" or stream is not None:
        raise ValueError(f"to_device: there is no device {device!r}; the CPU is the only one")
    return self


def _sort(self, axis=-1, kind=None, order=None, *, stable=None):
    """Sort in place, along an axis."""
    self[...] = sorting.sort(self, axis, kind, order, stable=stable)


def _partition(self, kth, axis=-1, kind="introselect", order=None):
    """Partition in place, along an axis."""
    self[...] = sorting.partition(self, kth, axis, kind, order)


def _compress(self, condition, axis=None, out=None):
    """``compress`` of the array; see the function of that name in `scirs_ad.numpy`."""
    return select.compress(condition, self, axis, out)


def _resize(self, *new_shape, refcheck=True):
    """Refused: a Variable has the shape it has."""
    del self, new_shape, refcheck
    raise TypeError("resize: the shape of a Variable does not change in place; use x = numpy.resize(x, shape)")


def _setflags(self, write=None, align=None, uic=None):
    """Refused, but for what holds already: the flags of a Variable do not change."""
    del self, align, uic
    if write is not None and not write:
        raise TypeError("setflags: a Variable cannot be made read-only")


def _refused(name, remedy):
    def method(self, *args, **kwargs):
        del self, args, kwargs
        raise TypeError(f"{name}: a Variable does not show its bytes; use {remedy}")

    method.__name__ = name
    method.__qualname__ = f"Variable.{name}"
    method.__doc__ = f"Refused: use ``{remedy}``."
    return method


def _whole(name, function):
    """One of Python's functions that make an int of a number: as of NumPy's scalars, without derivative."""

    def method(self):
        if shape_of(self) != ():
            raise TypeError(f"{name}: only a 0-d array is one number; this has shape {shape_of(self)}")
        return int(function(self))

    method.__name__, method.__qualname__ = name, f"Variable.{name}"
    method.__doc__ = "The number as a Python int."
    return method


def _round(self, ndigits=None):
    """Python's ``round`` of a 0-d array: an int, or with `ndigits` an array of derivative 0."""
    return _whole("round", ew.rint)(self) if ndigits is None else reduce.round(self, ndigits)


METHODS = {
    "sum": sh.sum, "mean": moments.mean, "max": extrema.max, "min": extrema.min, "std": moments.std, "var": moments.var,
    "ptp": extrema.ptp, "all": reduce.all, "any": reduce.any, "argmax": extrema.argmax, "argmin": extrema.argmin,
    "clip": reduce.clip, "round": reduce.round, "prod": accumulate.prod, "cumsum": accumulate.cumsum,
    "cumprod": accumulate.cumprod, "dot": products.dot, "astype": sh.astype, "conj": cx.conj, "conjugate": cx.conj,
    "argsort": sorting.argsort, "argpartition": sorting.argpartition, "choose": select.choose,
    "diagonal": views.diagonal, "trace": diagonals.trace, "nonzero": select.nonzero, "put": write.put,
    "repeat": arrange.repeat, "searchsorted": bins.searchsorted, "squeeze": views.squeeze,
    "swapaxes": views.swapaxes, "take": select.take,
}  # fmt: skip

install_methods({name: _method(function, name) for name, function in METHODS.items()})
install_methods(
    {
        "reshape": _reshape, "transpose": _transpose, "ravel": views.ravel, "flatten": _flatten, "item": _item,
        "tolist": _tolist, "fill": _fill, "view": _view, "byteswap": _byteswap, "tobytes": _tobytes,
        "to_device": _to_device, "sort": _sort, "partition": _partition, "resize": _resize, "setflags": _setflags,
        "compress": _compress, "__round__": _round, "__floor__": _whole("floor", ew.floor),
        "__ceil__": _whole("ceil", ew.ceil), "__trunc__": _whole("trunc", ew.trunc),
        **{name: _refused(name, f"scirs_ad.value(x).{name}") for name in (
            ["ctypes", "data", "dump", "dumps", "getfield", "setfield", "tofile"])},
        "base": property(lambda self: None, doc="None: the array that a view belongs to is not shown."),
        "T": property(lambda self: views.permute_dims(self), doc="The array with its axes reversed."),
        "mT": property(_matrix_transpose, doc="The array with its last two axes exchanged."),
        "real": property(views.real, _set_real, doc="The real part."),
        "imag": property(views.imag, _set_imag, doc="The imaginary part."),
        "itemsize": property(_itemsize, doc=_itemsize.__doc__), "nbytes": property(_nbytes, doc=_nbytes.__doc__),
        "strides": property(_strides, doc=_strides.__doc__), "flat": property(_flat, _set_flat, doc=_flat.__doc__),
        "flags": property(_flags, doc=_flags.__doc__), "device": property(_device, doc=_device.__doc__),
    }
)  # fmt: skip
install(operators={"matmul": products.matmul})
ufuncs.REDUCTIONS.update(
    {
        np.add: (sh.sum, accumulate.cumsum), np.multiply: (accumulate.prod, accumulate.cumprod),
        np.maximum: (extrema.max, None), np.minimum: (extrema.min, None), np.logical_and: (reduce.all, None),
        np.logical_or: (reduce.any, None), np.logaddexp: (reduce.logsumexp, None),
    }
)  # fmt: skip
