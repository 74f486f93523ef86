"""NumPy's views: what is written to one array is seen in the other, as with ``w = y.reshape(-1); w[0] = 1``.

The functions here are those of the pages, for users: their results remember which array they are views of, where NumPy
would return a view. (The pages themselves call each other without that.) A view follows its array when it is read
next, and writes through to it: both are recorded like any other operation, so the derivative is that of NumPy's values.
Where memory decides, it decides here too: reshaping a transposed array gives a copy.
"""

import functools

import numpy as np

from scirs_ad._core.core import Variable, View, as_array, attach, dtype_of, shape_of
from scirs_ad._ops import arrange, diagonals, join, linalg_parts
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.gather import size_of
from scirs_ad._ops.index import setitem

__all__ = [
    "array_split", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_arrays", "broadcast_to", "diag", "diagonal",
    "dsplit", "expand_dims", "flip", "fliplr", "flipud", "hsplit", "imag", "matrix_transpose", "moveaxis",
    "permute_dims", "ravel", "real", "reshape", "rollaxis", "rot90", "split", "squeeze", "swapaxes", "transpose",
    "unstack", "vsplit",
]  # fmt: skip


def _put(places_of):
    """How to write a view back, of a function that only moves elements: it says itself where they come from."""

    def put(base, view):
        shape = shape_of(base)
        n = size_of(shape)
        places = places_of(np.arange(n).reshape(shape))
        if places.size == n and np.array_equal(places.ravel(), np.arange(n)):
            return sh.reshape(view, shape)
        return sh.reshape(setitem(sh.reshape(base, (n,)), places, view), shape)

    return put


def _viewing(function, *, writable=True):
    """`function`, whose result is a view of its first argument, or a sequence of views."""

    @functools.wraps(function)
    def call(x, *args, **kwargs):
        out = function(x, *args, **kwargs)
        if type(x) is not Variable:
            return out
        if type(out) is Variable:
            return _attached(out, x, lambda base: function(base, *args, **kwargs))
        if isinstance(out, (list, tuple)):
            for k, part in enumerate(out):
                _attached(part, x, lambda base, k=k: function(base, *args, **kwargs)[k])
        return out

    def _attached(out, x, get):
        return attach(out, x, View(get, _put(get) if writable else None), forced=not writable)

    return call


def _each_viewing(function, *, writable=True):
    """As `_viewing`, for a function of several arrays that treats each for itself, or all to one shape."""

    @functools.wraps(function)
    def call(*arrays, **kwargs):
        out = function(*arrays, **kwargs)
        parts = out if isinstance(out, (list, tuple)) else [out]
        for part, x in zip(parts, arrays, strict=True):
            if type(x) is Variable:
                shape = shape_of(part)
                get = functools.partial(sh.broadcast_to, shape=shape) if not writable else function
                attach(part, x, View(get, _put(get) if writable else None), forced=not writable)
        return out

    return call


_reshaped = _viewing(sh.reshape)


@functools.wraps(sh.reshape)
def reshape(a, shape, order="C", *, copy=None):
    return sh.reshape(a, shape, order, copy=copy) if copy else _reshaped(a, shape, order, copy=copy)


permute_dims = _viewing(sh.permute_dims)
broadcast_to = _viewing(sh.broadcast_to, writable=False)
ravel = _viewing(arrange.ravel)
transpose = _viewing(arrange.transpose)
matrix_transpose = _viewing(arrange.matrix_transpose)
moveaxis = _viewing(arrange.moveaxis)
swapaxes = _viewing(arrange.swapaxes)
rollaxis = _viewing(arrange.rollaxis)
squeeze = _viewing(arrange.squeeze)
expand_dims = _viewing(arrange.expand_dims)
flip = _viewing(arrange.flip)
fliplr = _viewing(arrange.fliplr)
flipud = _viewing(arrange.flipud)
rot90 = _viewing(arrange.rot90)
atleast_1d = _each_viewing(arrange.atleast_1d)
atleast_2d = _each_viewing(arrange.atleast_2d)
atleast_3d = _each_viewing(arrange.atleast_3d)
broadcast_arrays = _each_viewing(arrange.broadcast_arrays, writable=False)
split = _viewing(join.split)
array_split = _viewing(join.array_split)
hsplit = _viewing(join.hsplit)
vsplit = _viewing(join.vsplit)
dsplit = _viewing(join.dsplit)
unstack = _viewing(join.unstack)
diagonal = _viewing(diagonals.diagonal, writable=False)
linalg_diagonal = _viewing(linalg_parts.diagonal, writable=False)
_diagonal_part = _viewing(diagonals.diag, writable=False)


@functools.wraps(diagonals.diag)
def diag(v, k=0):
    v = as_array(v)
    return _diagonal_part(v, k) if len(shape_of(v)) == 2 else diagonals.diag(v, k)


_REAL = View(cx.real, lambda base, view: ew.add(view, ew.multiply(1j, cx.imag(base))))
_IMAG = View(cx.imag, lambda base, view: ew.add(cx.real(base), ew.multiply(1j, view)))


@functools.wraps(cx.real)
def real(x):
    if type(x) is not Variable:
        return cx.real(x)
    if dtype_of(x).kind != "c":
        return x[...] if shape_of(x) else x
    return attach(cx.real(x), x, _REAL, forced=bool(shape_of(x)))


@functools.wraps(cx.imag)
def imag(x):
    out = cx.imag(x)
    if type(x) is Variable and dtype_of(x).kind == "c" and shape_of(x):
        attach(out, x, _IMAG, forced=True)
    return out


class Flat:
    """What ``x.flat`` is: the elements as one axis, to be read, iterated over and written to."""

    def __init__(self, base):
        self.base = base
        self.index = 0

    def _all(self):
        return sh.reshape(self.base, (size_of(shape_of(self.base)),))

    def __len__(self):
        return size_of(shape_of(self.base))

    def __iter__(self):
        return iter(self._all())

    def __next__(self):
        if self.index >= len(self):
            raise StopIteration
        self.index += 1
        return self[self.index - 1]

    def __getitem__(self, key):
        return self._all()[key]

    def __setitem__(self, key, values):
        values = ravel(as_array(values))
        places = np.atleast_1d(np.arange(len(self))[key])
        n = shape_of(values)[0]
        if places.size and not n:
            raise ValueError("flat: cannot assign an empty sequence")
        if n != places.size and n != 1:  # NumPy repeats what is too short, and takes the first of what is too long
            values = values[np.arange(places.size) % n]
        self.base[...] = sh.reshape(setitem(self._all(), places, values), shape_of(self.base))

    def __array__(self, dtype=None, copy=None):
        return self._all().__array__(dtype, copy)

    def copy(self):
        """The elements as an array of their own."""
        return self._all().copy()
