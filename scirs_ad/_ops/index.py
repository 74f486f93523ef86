"""Indexing by any NumPy key: what ``Variable.__getitem__`` and ``__setitem__`` do."""

import numpy as np

from scirs_ad._core.core import Batch, Key, Spec, Variable, as_array, dtype_of, install, shape_of, value_of
from scirs_ad._core.errors import DerivativeLostError, TracingError
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.gather import FULL, gather, index, put, put_along, scatter, size_of

__all__ = ["getitem", "index_add", "known", "setitem"]


def known(x):
    """The numbers of an index that is known, as an ndarray; the Variable itself where it is not (batch, tracing)."""
    while type(x) is Variable:
        level = x.level
        if level is None:
            x = value_of(x)
        elif type(level) is Batch:
            return x
        else:
            lower = level.split(x)[0] if hasattr(level, "split") else level.lower(x)
            x = lower
    return x


def known_values(x, name):
    """The values of `x`, which decide about a shape, as an ndarray; TracingError where they are not known."""
    found = known(as_array(x))
    if type(found) is np.ndarray:
        return found
    raise TracingError(
        f"{name}: the shape of the result depends on the values of an array of shape {shape_of(x)}, which are not "
        "known under vmap and while tracing; use where, static arguments, or eager code"
    )


def _entries(key):
    """The entries of a key: ints, slices, None, Ellipsis, own arrays of int or bool, Variables that are not known."""
    found = []
    for e in key if type(key) is tuple else (key,):
        if type(e) is int or e is None or e is Ellipsis:
            found.append(e)
        elif type(e) is slice:
            found.append(_slice(e))
        elif type(e) is Variable:
            value = known(e)
            if type(value) is Variable or type(value) is Spec:
                if dtype_of(e).kind not in "biu":
                    raise IndexError(f"arrays used as indices must be of integer (or boolean) type, not {dtype_of(e)}")
                found.append(e)
            else:
                found.append(_array_entry(value))
        else:
            found.append(_array_entry(e))
    return found


def _slice(s):
    """A slice of ints and None."""
    parts = (s.start, s.stop, s.step)
    if all(n is None or type(n) is int for n in parts):
        return s
    try:
        return slice(*(None if n is None else n.__index__() for n in parts))
    except AttributeError:
        raise TypeError("slice indices must be integers or None or have an __index__ method") from None


def _array_entry(e):
    """An int, or an own array of int or bool, from an entry that is neither slice nor None."""
    a = as_array(e)
    if type(a) is Variable:
        return _entries((a,))[0]
    if a.dtype.kind == "b":
        return np.array(a)
    if a.dtype.kind in "iu":
        return int(a) if a.ndim == 0 else np.array(a, np.intp)
    if a.size == 0 and a.ndim == 1 and not isinstance(e, np.ndarray):  # an empty list
        return np.zeros(0, np.intp)
    raise IndexError(
        "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or boolean arrays are valid "
        "indices"
    )


def _width(e):
    """How many axes an entry consumes."""
    if e is None:
        return 0
    if type(e) is int or type(e) is slice:
        return 1
    return len(shape_of(e)) if dtype_of(e).kind == "b" else 1


def _advanced(e):
    return e is not None and e is not Ellipsis and type(e) is not slice


class Plan:
    """How a key acts on an array of a shape.

    Add axes of length one (`expand`), permute the axes (`perm`, `back`), then use `key`; where an index is not known,
    `key` is the basic part, `dynamic` the indices of the last axes, which are then one axis, and `place` the position
    of their result.
    """

    __slots__ = ("back", "dynamic", "expand", "key", "perm", "place")

    def __init__(self, shape, key):
        self.perm = self.back = self.expand = self.dynamic = self.place = None
        entries = _entries(key)
        ellipsis = [k for k, e in enumerate(entries) if e is Ellipsis]
        if len(ellipsis) > 1:
            raise IndexError("an index can only have a single ellipsis ('...')")
        consumed = sum(_width(e) for e in entries if e is not Ellipsis)
        if consumed > len(shape):
            raise IndexError(f"too many indices: {consumed} for an array of {len(shape)} dimension(s)")
        apart = self._apart(entries)
        k = ellipsis[0] if ellipsis else len(entries)
        entries[k : k + 1] = [FULL] * (len(shape) - consumed)
        if all(type(e) is int or not _advanced(e) for e in entries):
            self.key = Key(entries)
            return
        self._check(shape, entries)
        entries = self._masks(entries)
        if any(type(e) is Variable for e in entries):
            self._dynamic(shape, entries, apart)
            return
        if apart:
            rest = [e for e in entries if not _advanced(e)]
            entries = self._order(entries, [e for e in entries if _advanced(e)], rest)
        self.key = Key(entries)

    @staticmethod
    def _apart(entries):
        """Whether something stands between the advanced entries: NumPy then puts their axes first."""
        at = [k for k, e in enumerate(entries) if _advanced(e)]
        return bool(at) and at[-1] - at[0] + 1 != len(at)

    def _check(self, shape, entries):
        """The errors of NumPy, before axes are moved."""
        axis = 0
        for e in entries:
            if type(e) is Variable:
                axis += _width(e)
            elif type(e) is np.ndarray and e.dtype.kind == "b":
                have = shape[axis : axis + e.ndim]
                if have != e.shape:
                    raise IndexError(f"boolean index of shape {e.shape} does not match the axes of shape {have}")
                axis += e.ndim
            elif e is not None:
                if type(e) is int and not -shape[axis] <= e < shape[axis]:
                    raise IndexError(f"index {e} is out of bounds for axis {axis} with size {shape[axis]}")
                if type(e) is np.ndarray and e.size and not -shape[axis] <= e.min() <= e.max() < shape[axis]:
                    wrong = e.min() if e.min() < -shape[axis] else e.max()
                    raise IndexError(f"index {wrong} is out of bounds for axis {axis} with size {shape[axis]}")
                axis += 1

    def _masks(self, entries):
        """Masks as integer arrays, except a mask that is alone; 0-d masks as an index of an axis of length one."""
        advanced = [e for e in entries if _advanced(e)]
        if len(advanced) == 1 and type(advanced[0]) is np.ndarray and advanced[0].ndim > 0:
            return entries
        found, axis = [], 0
        for e in entries:
            if type(e) is Variable and dtype_of(e).kind == "b":
                raise TracingError(
                    "a boolean mask whose values are not known (vmap, tracing) selects an unknown number of elements; "
                    "use where, or keep the mask out of what is traced"
                )
            if type(e) is np.ndarray and e.dtype.kind == "b":
                if e.ndim == 0:
                    self.expand = (*(self.expand or ()), axis)
                    found.append(np.arange(int(e)))
                    axis += 1
                else:
                    found.extend(np.nonzero(e))
                    axis += e.ndim
            else:
                found.append(e)
                axis += _width(e)
        return found

    def _order(self, entries, *groups):
        """Permute the axes of the array into the order of the entries in `groups`; return these."""
        axis, axes = 0, {}
        for e in entries:
            n = _width(e)
            axes.setdefault(id(e), []).append(tuple(range(axis, axis + n)))
            axis += n
        ordered = [e for g in groups for e in g]
        perm = tuple(a for e in ordered for a in axes[id(e)].pop(0))
        if perm != tuple(range(len(perm))):
            self.perm = perm
            self.back = tuple(int(k) for k in np.argsort(perm))
        return ordered

    def _dynamic(self, shape, entries, apart):
        rest = [e for e in entries if not _advanced(e)]
        self.dynamic = [e for e in entries if _advanced(e)]
        first = next(k for k, e in enumerate(entries) if _advanced(e))
        self.place = 0 if apart else first
        self._order(entries, rest, self.dynamic)
        self.key = Key(rest + [FULL] * len(self.dynamic))

    # -------------------------------------------------------------------------------- use
    def enter(self, x):
        """The array as `key` needs it."""
        if self.expand is not None:
            shape = list(shape_of(x))
            for axis in self.expand:
                shape.insert(axis, 1)
            x = sh.reshape(x, tuple(shape))
        return x if self.perm is None else sh.permute_dims(x, self.perm)

    def leave(self, x, shape):
        """Back from `enter`."""
        if self.back is not None:
            x = sh.permute_dims(x, self.back)
        return x if self.expand is None else sh.reshape(x, shape)

    def flat_index(self, sizes):
        """The dynamic indices as positions in one axis, and their common shape."""
        total = None
        for i, n in zip(self.dynamic, sizes, strict=True):
            i = i if type(i) is Variable else np.asarray(i)
            i = ew.where(ew.less(i, 0), ew.add(i, n), i) if len(sizes) > 1 else i
            total = i if total is None else ew.add(ew.multiply(total, n), i)
        if dtype_of(total).kind not in "iu":
            total = sh.astype(total, np.intp)
        return total, shape_of(total)


# The commonest keys, made once: x[i], x[1:] of one axis. Building a Key takes a third of the time of an x[1:].
_INTS, _SLICES = {}, {}


def _remember(keys, token, key):
    if len(keys) < 4096:
        keys[token] = key
    return key


def getitem(x, key):
    """``x[key]`` by all rules of NumPy, differentiated: what ``Variable.__getitem__`` does.

    Parameters
    ----------
    x : array_like
    key : int, slice, None, Ellipsis, array_like of int or bool, or a tuple of such

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    IndexError
        If the key does not fit the shape.

    Notes
    -----
    Derivative: the cotangent, scattered into zeros; repeated elements accumulate. Cost: none for slices (a view), one
    pass for arrays.

    Examples
    --------
    >>> import numpy as np
    >>> from scirs_ad._ops.index import getitem
    >>> getitem(np.array([1.0, 2.0, 3.0]), [0, 0, 2])
    array([1., 1., 3.])
    """
    if type(x) is not Variable:
        x = as_array(x)
    shape = shape_of(x)
    try:
        if type(key) is int and len(shape) == 1:
            plain = _INTS.get(key)
            if plain is None:
                plain = _remember(_INTS, key, Key((key,)))
        elif type(key) is slice and len(shape) == 1:
            token = key.start, key.stop, key.step
            plain = _SLICES.get(token)
            if plain is None:
                plain = Key((_slice(key),))
                if all(type(n) is int or n is None for n in token):
                    _remember(_SLICES, token, plain)
        elif type(key) is np.ndarray and key.dtype == np.intp and key.ndim and shape:
            # one array of places: most of what a Plan asks is known
            plain = Key((np.array(key), *(FULL,) * (len(shape) - 1)))
        else:
            plan = Plan(shape, key)
            if plan.dynamic is not None:
                return _get_dynamic(plan.enter(x), plan)
            plain = plan.key
            x = plan.enter(x)
        return index(x, key=plain)
    except IndexError as error:
        raise IndexError(f"{error}; the array has shape {shape}") from None


def _get_dynamic(x, plan):
    m = len(plan.dynamic)
    x = index(x, key=plan.key)
    shape = shape_of(x)
    lead, sizes = shape[: len(shape) - m], shape[len(shape) - m :]
    positions, common = plan.flat_index(sizes)
    x = gather(sh.reshape(x, (*lead, size_of(sizes))), sh.reshape(positions, (size_of(common),)))
    x = sh.reshape(x, lead + common)
    order = list(range(len(lead)))
    order[plan.place : plan.place] = range(len(lead), len(lead) + len(common))
    return sh.permute_dims(x, tuple(order))


def setitem(x, key, values):
    """`x` after ``x[key] = values``, as a new array: what ``Variable.__setitem__`` does.

    Parameters
    ----------
    x : array_like
    key : int, slice, None, Ellipsis, array_like of int or bool, or a tuple of such
    values : array_like
        Broadcast to the selection.

    Returns
    -------
    Variable or ndarray, of the shape and dtype of `x`

    Raises
    ------
    IndexError
        If the key does not fit the shape.
    ValueError
        If the values do not fit the selection.
    TypeError
        If the dtype of `x` cannot hold the values, or their derivative.

    Notes
    -----
    Derivative: the cotangent without the part at `key` for `x`, that part for `values`; of repeated elements the last
    assignment counts. Cost: one copy of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from scirs_ad._ops.index import setitem
    >>> setitem(np.zeros(3), slice(1, None), 5.0)
    array([0., 5., 5.])
    """
    if type(x) is not Variable:
        x = as_array(x)
    values = as_array(values)
    shape = shape_of(x)
    dtype = dtype_of(x)
    if type(values) is np.ndarray and values.dtype.kind not in "biufc":
        values = values.astype(dtype)  # texts, objects: NumPy says what cannot be a number
    if dtype_of(values) != dtype:
        values = _fitting(values, dtype)
    mask = _unknown_mask(key)
    if mask is not None:
        return _put_where(x, mask, values)
    try:
        plan = Plan(shape, key)
    except IndexError as error:
        raise IndexError(f"{error}; the array has shape {shape}") from None
    entered = plan.enter(x)
    if plan.dynamic is not None:
        return plan.leave(_put_dynamic(entered, plan, values), shape)
    want = plan.key.shape(shape_of(entered))
    have = shape_of(values)
    extra = len(have) - len(want)
    if extra > 0 and have[:extra] == (1,) * extra:
        values = sh.reshape(values, have[extra:])
    if not _fits(shape_of(values), want):
        raise ValueError(f"could not broadcast values of shape {have} into the selection of shape {want}")
    return plan.leave(put(entered, values, key=plan.key), shape)


def _fits(have, want):
    return len(have) <= len(want) and all(n in (1, m) for n, m in zip(have[::-1], want[::-1], strict=False))


def _fitting(values, dtype):
    """The values in the dtype of the array that they are written to; an error where a derivative would be lost."""
    have = dtype_of(values)
    if dtype.kind in "fc" and have.kind in "biufc" and (dtype.kind == "c" or have.kind != "c"):
        return sh.cast(values, dtype)
    if type(values) is Variable and have.kind in "fc" and values.level is not None:
        error = DerivativeLostError if dtype.kind not in "fc" else TypeError
        raise error(
            f"an array of dtype {dtype} cannot hold the derivative of the {have} values assigned to it; make the array "
            f"with dtype={have}"
        )
    if have.kind == "c" and dtype.kind != "c":
        raise TypeError(f"complex values cannot be assigned to an array of dtype {dtype}")
    return sh.cast(values, dtype)


def _unknown_mask(key):
    """The mask, if the key is one boolean Variable whose values are not known."""
    if type(key) is tuple and len(key) == 1:
        key = key[0]
    if type(key) is Variable and dtype_of(key).kind == "b":
        value = known(key)
        if type(value) is Variable or type(value) is Spec:
            return key
    return None


def _put_where(x, mask, values):
    have, shape = shape_of(mask), shape_of(x)
    if have != shape[: len(have)]:
        raise IndexError(f"boolean index of shape {have} does not match the array of shape {shape}")
    rest = shape[len(have) :]
    if len(shape_of(values)) > len(rest):
        raise TracingError(
            "x[mask] = values, where the mask is not known (vmap, tracing), needs one value for all; use where"
        )
    return ew.where(sh.reshape(mask, have + (1,) * len(rest)), values, x)


def _put_dynamic(x, plan, values):
    m = len(plan.dynamic)
    part = index(x, key=plan.key)
    shape = shape_of(part)
    lead, sizes = shape[: len(shape) - m], shape[len(shape) - m :]
    positions, common = plan.flat_index(sizes)
    want = lead[: plan.place] + common + lead[plan.place :]
    values = sh.broadcast_to(values, want)
    order = list(range(len(want)))
    moved = order[: plan.place] + order[plan.place + len(common) :] + order[plan.place : plan.place + len(common)]
    values = sh.reshape(sh.permute_dims(values, tuple(moved)), (*lead, size_of(common)))
    flat = put_along(sh.reshape(part, (*lead, size_of(sizes))), sh.reshape(positions, (size_of(common),)), values)
    return put(x, sh.reshape(flat, shape), key=plan.key)


def index_add(x, key, values):
    """`x` after ``numpy.add.at(x, key, values)``, as a new array: repeated elements accumulate.

    Parameters
    ----------
    x : array_like
    key : as of `getitem`
    values : array_like
        Broadcast to the selection.

    Returns
    -------
    Variable or ndarray, of the shape and dtype of `x`

    Raises
    ------
    IndexError
        If the key does not fit the shape.

    Notes
    -----
    Derivative: the cotangent for `x`, the cotangent at `key` for `values`. Cost: one pass over `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from scirs_ad._ops.index import index_add
    >>> index_add(np.zeros(3), [0, 0, 2], 1.0)
    array([2., 0., 1.])
    """
    x, values = as_array(x), as_array(values)
    shape = shape_of(x)
    if dtype_of(values) != dtype_of(x):
        values = _fitting(values, dtype_of(x))
    try:
        plan = Plan(shape, key)
    except IndexError as error:
        raise IndexError(f"{error}; the array has shape {shape}") from None
    entered = plan.enter(x)
    whole = shape_of(entered)
    if plan.dynamic is not None:
        raise TracingError("index_add: the index is not known (vmap, tracing)")
    values = sh.broadcast_to(values, plan.key.shape(whole))
    return plan.leave(ew.add(entered, scatter(values, key=plan.key, to=whole)), shape)


install(getitem=getitem, setitem=setitem)
