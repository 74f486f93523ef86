"""NumPy's ufuncs on Variables: the call with its keywords, and the methods reduce, accumulate, reduceat, outer, at."""

import inspect
import math

import numpy as np

from scirs_ad._core.core import Variable, as_array, dtype_of, shape_of
from scirs_ad._core.errors import DerivativeLostError
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.convert import exploded, user_line
from scirs_ad._ops.gather import size_of
from scirs_ad._ops.index import getitem, index_add, known_values, setitem
from scirs_ad._ops.join import stack

__all__ = ["accumulate", "as_loop", "at", "call", "objects_only", "outer", "reduce", "reduceat", "write_out"]

REDUCTIONS = {}  # ufunc -> (reduce, accumulate): our functions, with NumPy's signatures
KEYWORDS = ("casting", "dtype", "order", "out", "sig", "signature", "subok", "where")


# ------------------------------------------------------------------------------------------------ out=
def write_out(name, out, result, casting="same_kind"):
    """Write a result (or a tuple of results) into ``out=``: Variables, to which it can be broadcast."""
    if isinstance(out, tuple) and len(out) == 1:
        (out,) = out
    if isinstance(out, tuple):
        if not isinstance(result, tuple) or len(out) != len(result):
            raise ValueError(f"{name}: out has {len(out)} arrays, the results are not as many")
        return tuple(r if o is None else write_out(name, o, r, casting) for o, r in zip(out, result, strict=True))
    if not isinstance(out, Variable):
        if not isinstance(out, np.ndarray):
            raise TypeError(f"{name}: out must be an array, not {type(out).__name__}")
        raise DerivativeLostError(
            f"{name}(..., out=ndarray) ({user_line()}) would drop the derivative: an ndarray cannot hold it. Leave "
            "out= away, or make the array by numpy.zeros_like(x), numpy.zeros(n, like=x) or scirs_ad.numpy.zeros"
        )
    have, want = shape_of(result), shape_of(out)
    if have != want and (len(have) > len(want) or np.broadcast_shapes(have, want) != want):
        raise ValueError(f"{name}: non-broadcastable output operand: out has shape {want}, the result {have}")
    if not np.can_cast(dtype_of(result), dtype_of(out), casting):
        raise TypeError(
            f"{name}: cannot cast the output from {dtype_of(result)} to {dtype_of(out)} by the rule {casting!r}"
        )
    out[...] = result
    return out


# ------------------------------------------------------------------------------------------------ the call
def call(p, ufunc, args, kwargs):
    """A ufunc with its keywords: ``out=``, ``where=``, ``dtype=``, ``casting=``, ``signature=``."""
    name = ufunc.__name__
    kwargs = dict(kwargs)
    out = kwargs.pop("out", None)
    where = kwargs.pop("where", True)
    dtype, casting = kwargs.pop("dtype", None), kwargs.pop("casting", None)
    signature = kwargs.pop("signature", None) or kwargs.pop("sig", None)
    for ignored in ("sig", "signature", "order", "subok"):
        kwargs.pop(ignored, None)
    if kwargs and ufunc.signature is None:
        raise TypeError(f"{name}() got an unexpected keyword argument {next(iter(kwargs))!r}")
    if isinstance(out, tuple) and all(o is None for o in out):
        out = None
    if dtype is not None and signature is not None:
        raise TypeError(f"{name}: cannot specify both 'signature' and 'dtype'")
    if dtype is not None or signature is not None or casting is not None:
        args = _converted(ufunc, args, dtype, signature, casting or "same_kind")
    if ufunc.signature is not None:
        result = _generalized(p, ufunc, args, kwargs)
    else:
        result = p(*args)
    if where is not True:
        result = _masked(name, result, where, out)
    return result if out is None else write_out(name, out, result, casting or "same_kind")


def _converted(ufunc, args, dtype, signature, casting):
    """The arguments in the dtypes of the loop that NumPy would choose; NumPy's error where there is none."""
    arrays = [a if type(a) in (int, float, complex) else as_array(a) for a in args]
    given = tuple(type(a) if type(a) in (int, float, complex) else dtype_of(a) for a in arrays)
    if signature is None:
        signature = (None,) * ufunc.nin + (np.dtype(dtype),) * ufunc.nout
    elif isinstance(signature, tuple):
        if len(signature) == 1:
            signature = (None,) * ufunc.nin + (np.dtype(signature[0]),) * ufunc.nout
        signature = tuple(None if s is None else np.dtype(s) for s in signature)
    elif isinstance(signature, str):
        ins, _, outs = signature.partition("->")
        signature = tuple(np.dtype(c) for c in ins + outs)
    else:
        signature = (None,) * ufunc.nin + (np.dtype(signature),) * ufunc.nout
    wanted = ufunc.resolve_dtypes(given + (None,) * ufunc.nout, signature=signature, casting=casting)
    return tuple(
        sh.cast(a, d) if type(a) not in (int, float, complex) else d.type(a)
        for a, d in zip(arrays, wanted, strict=False)
    )


def _masked(name, result, where, out):
    """The result where the mask holds, and what `out` had elsewhere."""
    if isinstance(result, tuple):
        out = out if isinstance(out, tuple) else (out,) * len(result)
        return tuple(_masked(name, r, where, o) for r, o in zip(result, out, strict=True))
    if isinstance(out, tuple):
        (out,) = out
    if out is None:
        raise ValueError(f"{name}: where= without out= leaves elements undefined; use numpy.where instead")
    if dtype_of(as_array(where)).kind != "b":
        raise TypeError(f"{name}: where must be a boolean array, not one of dtype {dtype_of(as_array(where))}")
    if not isinstance(out, Variable):
        return result  # write_out says what is wrong
    return ew.where(where, sh.cast(result, dtype_of(out)), out)


def _generalized(p, ufunc, args, kwargs):
    """A gufunc (matmul, vecdot, ...) with ``axes=``, ``axis=``, ``keepdims=``."""
    axes, axis, keepdims = kwargs.pop("axes", None), kwargs.pop("axis", None), kwargs.pop("keepdims", False)
    if kwargs:
        raise TypeError(f"{ufunc.__name__}() got an unexpected keyword argument {next(iter(kwargs))!r}")
    if axes is None and axis is None and not keepdims:
        return p(*args)
    ins, outs = (
        [tuple(filter(None, group.split(","))) for group in side[1:-1].split("),(")]
        for side in ufunc.signature.split("->")
    )
    if axis is not None:
        if axes is not None:
            raise TypeError(f"{ufunc.__name__}: cannot specify both axis and axes")
        axes = [(axis,)] * len(ins)
    if axes is None:
        axes = [tuple(range(-len(dims), 0)) for dims in ins]
    axes = [tuple(a) if isinstance(a, (tuple, list)) else (a,) for a in axes]
    moved = []
    for x, own, dims in zip(args, axes, ins, strict=False):
        x = as_array(x)
        if len(own) != len(dims):
            raise ValueError(f"{ufunc.__name__}: axes must name {len(dims)} axes of each operand, not {len(own)}")
        moved.append(_moved(x, own, tuple(range(-len(own), 0))))
    result = p(*moved)
    if outs[0]:
        own = axes[len(ins)] if len(axes) > len(ins) else tuple(range(-len(outs[0]), 0))
        return _moved(result, tuple(range(-len(own), 0)), own)
    if keepdims:
        own = axes[len(ins)] if len(axes) > len(ins) else axes[0]
        ndim = len(shape_of(result)) + len(own)
        shape = list(shape_of(result))
        for a in sorted(a % ndim for a in own):
            shape.insert(a, 1)
        return sh.reshape(result, tuple(shape))
    return result


def _moved(x, source, destination):
    ndim = len(shape_of(x))
    source, destination = [a % ndim for a in source], [a % ndim for a in destination]
    order = [n for n in range(ndim) if n not in source]
    for d, s in sorted(zip(destination, source, strict=True)):
        order.insert(d, s)
    return x if order == list(range(ndim)) else sh.permute_dims(x, tuple(order))


def objects_only(ufunc):
    """Whether a ufunc acts on Python objects: one made by ``numpy.frompyfunc``."""
    return bool(ufunc.types) and all(set(t) <= set("O->") for t in ufunc.types)


def of_objects(ufunc, method, inputs, kwargs):
    """A ufunc made by ``numpy.frompyfunc``: its function is called with one 0-d Variable for each element."""
    found = getattr(ufunc, method)(*(exploded(x) if type(x) is Variable else x for x in inputs), **kwargs)
    if isinstance(found, tuple):
        return tuple(as_array(y) if isinstance(y, np.ndarray) else y for y in found)
    return as_array(found) if isinstance(found, np.ndarray) else found


# ------------------------------------------------------------------------------------------------ methods
def _check_binary(ufunc, method):
    if ufunc.signature is not None:
        raise RuntimeError(f"Reduction not defined on ufunc with signature: numpy.{ufunc.__name__}.{method}")
    if ufunc.nin != 2:
        raise ValueError(f"{method} only supported for binary functions, not numpy.{ufunc.__name__}")
    if ufunc.nout != 1:
        raise ValueError(f"{method} only supported for functions returning a single value, not {ufunc.__name__}")


def as_loop(ufunc, x, dtype):
    """The array in the dtype in which NumPy would reduce it; NumPy's error where there is no loop."""
    asked = {} if dtype is None else {"signature": (np.dtype(dtype), None, np.dtype(dtype))}
    found = ufunc.resolve_dtypes((None, dtype_of(x), None), reduction=True, casting="unsafe", **asked)
    return sh.cast(x, found[1])


def _lined(x, axis, name):
    """The array with the axes of a reduction as one, in front; and these axes."""
    ndim = len(shape_of(x))
    axes = tuple(range(ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(_axis(a, ndim, name) for a in axes)
    if len(set(axes)) < len(axes):
        raise ValueError(f"{name}: duplicate value in 'axis': {axis}")
    rest = tuple(a for a in range(ndim) if a not in axes)
    shape = shape_of(x)
    lined = sh.permute_dims(x, axes + rest) if axes + rest != tuple(range(ndim)) else x
    if len(axes) != 1:
        lined = sh.reshape(lined, (math.prod(shape[a] for a in axes), *(shape[a] for a in rest)))
    return lined, axes


def _axis(a, ndim, name):
    a = a.__index__()
    if not -max(ndim, 1) <= a < max(ndim, 1):
        raise np.exceptions.AxisError(a, ndim, name)
    return a % ndim if ndim else a


REORDERABLE = {
    np.add, np.multiply, np.maximum, np.minimum, np.fmax, np.fmin, np.logical_and, np.logical_or, np.logical_xor,
    np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.logaddexp, np.logaddexp2, np.hypot, np.gcd, np.lcm,
}  # fmt: skip


def reduce(p, ufunc, array, axis=0, dtype=None, out=None, keepdims=False, initial=np._NoValue, where=True):
    """``ufunc.reduce``: by our own reduction, or by folding along the axis."""
    _check_binary(ufunc, "reduce")
    name = f"{ufunc.__name__}.reduce"
    x = as_array(array)
    if shape_of(x) == () and axis == 0:
        axis = None
    ours = REDUCTIONS.get(ufunc, (None, None))[0]
    given = {"dtype": dtype, "initial": None if initial is np._NoValue else initial,
             "where": None if where is True else where}  # fmt: skip
    given = {k: v for k, v in given.items() if v is not None}
    if ours is not None and given.keys() <= inspect.signature(ours).parameters.keys():
        result = ours(x, axis=axis, keepdims=keepdims, **given)
    else:
        result = _fold(p, ufunc, x, axis, dtype, keepdims, initial, where, name)
    return result if out is None else write_out(name, out, result)


def _fold(p, ufunc, x, axis, dtype, keepdims, initial, where, name):
    x = as_loop(ufunc, x, dtype)
    lined, axes = _lined(x, axis, name)
    if len(axes) != 1 and ufunc not in REORDERABLE and len(shape_of(x)) > 1:
        raise ValueError(f"reduction operation {ufunc.__name__!r} is not reorderable, so at most one axis may be given")
    n = shape_of(lined)[0]
    start = ufunc.identity if initial is np._NoValue else initial
    if where is not True:
        where = _lined(sh.broadcast_to(as_array(where), shape_of(x)), axis, name)[0]
        if start is None:
            raise ValueError(
                f"reduction operation {ufunc.__name__!r} does not have an identity, so to use a where mask one has to "
                "specify 'initial'"
            )
    if n == 0 and start is None:
        raise ValueError(f"zero-size array to reduction operation {ufunc.__name__} which has no identity")
    begin = (initial is not np._NoValue and initial is not None) or where is not True or n == 0
    if begin:
        shape = shape_of(lined)[1:]
        kept = np.result_type(dtype_of(x), dtype_of(as_array(start))) if initial is np._NoValue else dtype_of(x)
        total = sh.broadcast_to(sh.cast(as_array(start), kept), shape)
    else:
        total = lined[0]
    for k in range(0 if begin else 1, n):
        new = p(total, lined[k])
        total = new if where is True else ew.where(where[k], new, total)
    if keepdims:
        shape = tuple(1 if a in axes else m for a, m in enumerate(shape_of(x)))
        total = sh.reshape(total, shape)
    return total


def accumulate(p, ufunc, array, axis=0, dtype=None, out=None):
    """``ufunc.accumulate``: by our own cumulative function, or step by step along the axis."""
    _check_binary(ufunc, "accumulate")
    name = f"{ufunc.__name__}.accumulate"
    x = as_array(array)
    ndim = len(shape_of(x))
    if not ndim:
        raise TypeError("cannot accumulate on a scalar")
    axis = _axis(axis, ndim, name)
    ours = REDUCTIONS.get(ufunc, (None, None))[1]
    if ours is not None:
        result = ours(x, axis=axis) if dtype is None else ours(x, axis=axis, dtype=dtype)
    else:
        x = as_loop(ufunc, x, dtype)
        lined, _ = _lined(x, axis, name)
        parts = []
        for k in range(shape_of(lined)[0]):
            parts.append(p(parts[-1], lined[k]) if parts else lined[k])
        result = stack(parts, axis) if parts else x
    return result if out is None else write_out(name, out, result)


def reduceat(p, ufunc, array, indices, axis=0, dtype=None, out=None):
    """``ufunc.reduceat``: a reduction of each of the stretches that begin at `indices`."""
    _check_binary(ufunc, "reduceat")
    name = f"{ufunc.__name__}.reduceat"
    x = as_array(array)
    ndim = len(shape_of(x))
    if not ndim:
        raise TypeError("cannot reduceat on a scalar")
    axis = _axis(axis, ndim, name)
    x = as_loop(ufunc, x, dtype)
    lined, _ = _lined(x, axis, name)
    n = shape_of(lined)[0]
    starts = known_values(indices, name)
    if starts.ndim != 1:
        raise ValueError(f"{name}: indices must be 1-d, not of shape {starts.shape}")
    wrong = starts[(starts < 0) | (starts >= n)]
    if wrong.size:
        raise IndexError(f"{name}: index {wrong[0]} out-of-bounds in {name} [0, {n})")
    ends = [*starts[1:], n]
    parts = [
        reduce(p, ufunc, lined[int(i) : int(j)]) if i < j else lined[int(i)] for i, j in zip(starts, ends, strict=True)
    ]
    if parts:
        result = stack(parts, axis)
    else:
        result = np.zeros(tuple(0 if a == axis else m for a, m in enumerate(shape_of(x))), dtype_of(x))
    return result if out is None else write_out(name, out, result)


def outer(p, ufunc, a, b, kwargs):
    """``ufunc.outer``: all pairs of elements."""
    if ufunc.signature is not None:
        raise TypeError(f"method outer is not allowed in ufunc with non-trivial signature: numpy.{ufunc.__name__}")
    if ufunc.nin != 2:
        raise ValueError(f"outer product only supported for binary functions, not numpy.{ufunc.__name__}")
    a, b = as_array(a), as_array(b)
    pair = sh.reshape(a, shape_of(a) + (1,) * len(shape_of(b))), b
    return call(p, ufunc, pair, kwargs) if kwargs else p(*pair)


def at(p, ufunc, a, indices, b=None):
    """``ufunc.at``: in place; of a place that is named several times, one after the other."""
    name = f"{ufunc.__name__}.at"
    if ufunc.nout != 1 or ufunc.signature is not None:
        raise ValueError(f"{name}: only ufuncs with one output, and without core dimensions, are supported")
    if (ufunc.nin == 2) != (b is not None):
        raise ValueError(f"{name}: {ufunc.nin} operand(s) are needed")
    if not isinstance(a, Variable):
        if not isinstance(a, np.ndarray):
            raise TypeError(f"{name}: first operand must be array, not {type(a).__name__}")
        raise DerivativeLostError(
            f"numpy.{name} ({user_line()}) cannot write a derivative into an ndarray; make the array by "
            "numpy.zeros_like(x), numpy.zeros(n, like=x) or scirs_ad.numpy.zeros"
        )
    if ufunc is np.add or ufunc is np.subtract:
        a[...] = index_add(a, indices, b if ufunc is np.add else ew.negative(b))
        return
    shape, dtype = shape_of(a), dtype_of(a)
    places = np.arange(size_of(shape)).reshape(shape)
    places = getitem(places, indices)
    if not isinstance(places, np.ndarray):
        places = known_values(places, name)
    if b is not None:
        b = sh.reshape(sh.broadcast_to(as_array(b), places.shape), (places.size,))
    flat = sh.reshape(a, (size_of(shape),))
    places = places.ravel()
    for chosen in _rounds(places):
        now = places[chosen]
        new = p(flat[now]) if b is None else p(flat[now], b[chosen])
        if not np.can_cast(dtype_of(new), dtype, "same_kind"):
            raise TypeError(f"{name}: cannot cast the result of dtype {dtype_of(new)} to {dtype}")
        flat = setitem(flat, now, sh.cast(new, dtype))
    a[...] = sh.reshape(flat, shape)


def _rounds(places):
    """The positions in `places`, in rounds of which none names a place twice; the order is kept for each place."""
    order = np.argsort(places, kind="stable")
    ranked = places[order]
    fresh = np.ones(places.size, bool)
    fresh[1:] = ranked[1:] != ranked[:-1]
    begins = np.flatnonzero(fresh)
    nth = np.arange(places.size) - np.repeat(begins, np.diff([*begins, places.size]))
    for k in range(int(nth.max(initial=-1)) + 1):
        yield order[nth == k]
