"""Reading and writing parts of arrays: the primitives below every index.

Two groups. With a key that is known (`Key`: static, hashable): `index` and its adjoint `scatter`, and the functional
assignment `put`. With an index array that is itself an argument (because it differs over a batch, or is not known
while tracing): `gather`, `scatter_along` and `put_along`, along the last axis.
"""

import numpy as np

from scirs_ad._core.core import Key, Spec, dtype_of, install, shape_of
from scirs_ad._core.define import primitive, raises, sample
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh

FULL = slice(None)


def size_of(shape):
    n = 1
    for m in shape:
        n *= m
    return n


def _add_into(total, key, values):
    """``total[key] += values``, where repeated elements accumulate; in place."""
    if key.unique:
        total[key.index] += values
        return
    core = key.core
    shape = total.shape[total.ndim - core :]
    lead = total.shape[: total.ndim - core]
    flat = key.positions(shape)
    values = np.broadcast_to(values, lead + flat.shape)
    total += _counted(flat.reshape(-1), values.reshape(size_of(lead), -1), size_of(shape)).reshape(total.shape)


def _counted(flat, values, size):
    """Sums of the entries of each row of `values` that have the same position; positions per row, or one for all.

    bincount adds in float64 and takes 1 to 2 ns an element, np.add.at 5 to 10 (NumPy 2.3).
    """
    rows = values.shape[0]
    if rows != 1 or flat.ndim == 2:
        flat = (flat + (np.arange(rows) * size)[:, None]).reshape(-1)
    values = values.reshape(-1)
    if values.dtype.kind == "c":
        out = np.empty(rows * size, values.dtype)
        out.real = np.bincount(flat, values.real, rows * size)
        out.imag = np.bincount(flat, values.imag, rows * size)
    elif values.dtype.char in "fd":
        out = np.bincount(flat, values, rows * size).astype(values.dtype, copy=False)
    else:  # integers and long doubles: exactly
        out = np.zeros(rows * size, values.dtype)
        np.add.at(out, flat, values)
    return out


# ------------------------------------------------------------------------------------------------ static keys
@primitive(core=lambda x, *, key: (key.core,), linear=True, internal=True)
def index(x, *, key):
    """``x[key]``, for a key that is known.

    Derivative: the cotangent, scattered into zeros. Cost: none for slices (a view), one pass for arrays.
    """
    return np.asarray(x)[key.index]


@index.def_shape
def _(x, *, key):
    return Spec(key.shape(x.shape), x.dtype)


@index.def_vjp
def _(ct, specs, key):
    shape = specs[0].shape
    return scatter(ct, key=key, to=shape[len(shape) - key.core :])


@index.def_accumulate
def _(total, ct, spec, params):
    if total is None:
        total = np.zeros(spec.shape, ct.dtype)
        key = params["key"]
        if key.unique:
            total[key.index] = ct
            return total
    _add_into(total, params["key"], ct)
    return total


@primitive(core=lambda x, *, key, to: (key.taken,), linear=True, internal=True)
def scatter(x, *, key, to):
    """Zeros of shape `to` into which `x` is added at `key`.

    Derivative: the cotangent at `key`. Cost: one pass over the result, one over `x`.
    """
    x = np.asarray(x)
    out = np.zeros(x.shape[: x.ndim - key.taken] + to, x.dtype)
    if key.unique:
        out[key.index] = x
    else:
        _add_into(out, key, x)
    return out


@scatter.def_shape
def _(x, *, key, to):
    return Spec(x.shape[: x.ndim - key.taken] + to, x.dtype)


@scatter.def_vjp
def _(ct, key):
    return index(ct, key=key)


@primitive(core=lambda x, values, *, key: (key.core, key.taken), internal=True)
def put(x, values, *, key):
    """`x` with ``x[key] = values``; of repeated elements the last stays.

    Derivative: the cotangent without the part at `key`, and that part. Cost: one copy of `x`.
    """
    x, values = np.asarray(x), np.asarray(values)
    lead = x.shape[: x.ndim - key.core]
    if values.ndim > key.taken:
        lead = np.broadcast_shapes(lead, values.shape[: values.ndim - key.taken])
    out = np.empty(lead + x.shape[x.ndim - key.core :], x.dtype)
    out[...] = x
    out[key.index] = values
    return out


@put.def_shape
def _(x, values, *, key):
    values = values if isinstance(values, Spec) else Spec(np.shape(values))
    lead = x.shape[: x.ndim - key.core]
    if values.ndim > key.taken:
        lead = np.broadcast_shapes(lead, values.shape[: values.ndim - key.taken])
    whole = lead + x.shape[x.ndim - key.core :]
    np.broadcast_shapes(key.shape(whole), values.shape)
    return Spec(whole, x.dtype)


@put.def_vjp
def _(ct, specs, key):
    by_x = sh.unbroadcast(put(ct, np.zeros((), dtype_of(ct)), key=key), specs[0].shape)
    return by_x, _of_values(ct, specs[1], key)


def _of_values(ct, spec, key):
    """The cotangent of what was written at `key`."""
    if spec.dtype.kind not in "fc":
        return None
    g = index(ct, key=key)
    if not key.unique:
        shape = shape_of(ct)
        g = ew.multiply(g, key.last(shape[len(shape) - key.core :]).astype(dtype_of(g)))
    g = sh.unbroadcast(g, _padded(spec.shape, len(shape_of(g))))
    return sh.cast(sh.reshape(g, spec.shape), spec.dtype)


def _padded(shape, ndim):
    return (1,) * (ndim - len(shape)) + shape


def _keys():
    """Keys of all kinds for an array of shape (3, 4), with the shape they select."""
    i = np.array
    yield Key((slice(1, None), FULL)), (2, 4)
    yield Key((slice(None, None, -2), 1)), (2,)
    yield Key((None, 2, slice(1, 1))), (1, 0)
    yield Key((-1, -4)), ()
    yield Key((i([2, 0, 2]), FULL)), (3, 4)
    yield Key((FULL, i([[0, 3], [3, 3]]))), (3, 2, 2)
    yield Key((i([0, 1, 0]), i([1, 1, 1]))), (3,)
    yield Key((i([True, False, True]), FULL)), (2, 4)
    yield Key((np.arange(12).reshape(3, 4) % 3 == 0,)), (4,)
    yield Key((FULL, i([], int))), (3, 0)


@index.def_samples
def _(rng):
    for key, _ in _keys():
        yield sample(rng.standard_normal((3, 4)), key=key)
    yield sample(rng.standard_normal((2, 3, 4)), key=Key((slice(1, None), 2)))
    yield sample(rng.standard_normal((3, 4)) + 1j, key=Key((FULL, np.array([1, 1]))))
    yield sample(rng.standard_normal((3, 4)).astype(np.float32), key=Key((FULL, np.array([1, 1]))))
    yield sample(np.array(2.0), key=Key((None,)))
    yield raises(IndexError, rng.standard_normal((3, 4)), key=Key((5, FULL)), match="out of bounds")


@scatter.def_samples
def _(rng):
    for key, shape in _keys():
        yield sample(rng.standard_normal(shape), key=key, to=(3, 4))
    yield sample(rng.standard_normal((2, 3, 2)) - 1j, key=Key((FULL, np.array([1, 1]))), to=(3, 4))


@put.def_samples
def _(rng):
    for key, shape in _keys():
        yield sample(rng.standard_normal((3, 4)), rng.standard_normal(shape), key=key)
        yield sample(rng.standard_normal((3, 4)), rng.standard_normal(), key=key)
    yield sample(rng.standard_normal((3, 4)) * 1j, rng.standard_normal(4), key=Key((slice(1, None), FULL)))
    yield sample(rng.standard_normal((3, 4)), rng.standard_normal((2, 3, 1)), key=Key((FULL, np.array([1, 1]))))
    yield raises(ValueError, rng.standard_normal((3, 4)), rng.standard_normal(5), key=Key((1, FULL)), match="broadcast")


# ------------------------------------------------------------------------------------------------ dynamic indices
def _rows(x, i):
    """`x` and the indices `i` with the same leading axes."""
    x, i = np.asarray(x), np.asarray(i)
    lead = np.broadcast_shapes(x.shape[:-1], i.shape[:-1])
    return np.broadcast_to(x, lead + x.shape[-1:]), np.broadcast_to(i, lead + i.shape[-1:])


@primitive("(n),(k)->(k)", internal=True)
def gather(x, indices):
    """The entries of the last axis at `indices`, row by row.

    Derivative: the cotangent, added into zeros at `indices`; none for `indices`. Cost: one pass.
    """
    x, indices = _rows(x, indices)
    return np.take_along_axis(x, indices, -1)


@gather.def_vjp
def _(ct, indices, specs):
    n = specs[0].shape[-1]
    return sh.unbroadcast(scatter_along(ct, indices, n=n), specs[0].shape), None


@gather.def_jvp
def _(t, indices, out):
    return None if t[0] is None else _like(gather(t[0], indices), shape_of(out))


def _like(t, shape):
    return t if shape_of(t) == shape else sh.broadcast_to(t, shape)


@primitive(core=lambda x, indices, *, n: (1, 1), internal=True)
def scatter_along(x, indices, *, n):
    """Rows of `n` zeros, into which the entries of `x` are added at `indices`.

    Derivative: the cotangent at `indices`; none for `indices`. Cost: one pass.
    """
    x, indices = _rows(x, indices)
    flat = np.where(indices < 0, indices + n, indices).reshape(size_of(indices.shape[:-1]), indices.shape[-1])
    if flat.size and not 0 <= flat.min() <= flat.max() < n:
        raise IndexError(f"index out of bounds for an axis of length {n}")
    return _counted(flat, x.reshape(flat.shape), n).reshape((*x.shape[:-1], n))


@scatter_along.def_shape
def _(x, indices, *, n):
    return Spec((*np.broadcast_shapes(x.shape, indices.shape)[:-1], n), x.dtype)


@scatter_along.def_vjp
def _(ct, indices, specs):
    return sh.unbroadcast(gather(ct, indices), specs[0].shape), None


@scatter_along.def_jvp
def _(t, indices, out, n):
    return None if t[0] is None else _like(scatter_along(t[0], indices, n=n), shape_of(out))


@primitive("(n),(k),(k)->(n)", internal=True)
def put_along(x, indices, values):
    """`x` with ``x[indices] = values`` in each row; of repeated elements the last stays.

    Derivative: the cotangent without the part at `indices`, and that part; none for `indices`. Cost: one copy.
    """
    x, indices = _rows(x, indices)
    lead = np.broadcast_shapes(x.shape[:-1], np.shape(values)[:-1])
    out = np.array(np.broadcast_to(x, lead + x.shape[-1:]))
    k = indices.shape[-1:]
    np.put_along_axis(out, np.broadcast_to(indices, lead + k), np.broadcast_to(values, lead + k), -1)
    return out


@put_along.def_vjp
def _(ct, indices, specs):
    zeros = np.zeros((1,) * (len(shape_of(indices)) - 1) + shape_of(indices)[-1:], dtype_of(ct))
    by_x = sh.unbroadcast(put_along(ct, indices, zeros), specs[0].shape)
    if specs[2].dtype.kind not in "fc":
        return by_x, None, None
    kept = last_along(indices, n=specs[0].shape[-1])
    by_values = ew.where(kept, gather(ct, indices), np.zeros((), dtype_of(ct)))
    return by_x, None, sh.cast(sh.unbroadcast(by_values, specs[2].shape), specs[2].dtype)


@primitive(core=lambda indices, *, n: (1,), differentiable=False, internal=True)
def last_along(indices, *, n):
    """Whether each entry of the rows of `indices` is the last of its value.

    Derivative: none. Cost: one pass.
    """
    indices = np.asarray(indices)
    flat = np.where(indices < 0, indices + n, indices).reshape(size_of(indices.shape[:-1]), indices.shape[-1])
    order = np.broadcast_to(np.arange(flat.shape[1]), flat.shape)
    seen = np.zeros((flat.shape[0], n), int)
    np.put_along_axis(seen, flat, order, -1)
    return (np.take_along_axis(seen, flat, -1) == order).reshape(indices.shape)


last_along.not_differentiable("it is a property of whole numbers")


@last_along.def_shape
def _(indices, *, n):
    return Spec(indices.shape, bool)


@last_along.def_samples
def _(rng):
    yield sample(rng.integers(-4, 4, (2, 5)), n=4)
    yield sample(np.zeros((2, 0), int), n=4)


@gather.def_samples
def _(rng):
    i = np.array
    yield sample(rng.standard_normal(4), i([3, 0, -1, 3]))
    yield sample(rng.standard_normal((2, 4)), i([1, 1]))
    yield sample(rng.standard_normal((2, 4)), i([[1, 1], [0, 2]]))
    yield sample(rng.standard_normal(4) + 1j, i([[1, 1], [0, 2]]))
    yield sample(rng.standard_normal(4), i([], int))
    yield raises(IndexError, rng.standard_normal(4), i([4]), match="out of bounds")


@scatter_along.def_samples
def _(rng):
    i = np.array
    yield sample(rng.standard_normal(4), i([3, 0, -1, 3]), n=5)
    yield sample(rng.standard_normal((2, 2)), i([[1, 1], [0, 2]]), n=3)
    yield sample(rng.standard_normal(2) + 1j, i([[1, 1], [0, 2]]), n=3)
    yield raises(IndexError, rng.standard_normal(1), i([4]), n=4, match="out of bounds")


@put_along.def_samples
def _(rng):
    i = np.array
    yield sample(rng.standard_normal(4), i([3, 0, -1]), rng.standard_normal(3))
    yield sample(rng.standard_normal((2, 4)), i([1, 2]), rng.standard_normal((2, 2)))
    yield sample(rng.standard_normal(4), i([[1, 1], [0, 2]]), rng.standard_normal(2))
    yield raises(IndexError, rng.standard_normal(4), i([4]), rng.standard_normal(1), match="out of bounds")


install(index=index, put=put)
