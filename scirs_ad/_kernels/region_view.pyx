"""What a region reads and writes, while it is being described: operands, results, and the dimensions they share."""

import numpy as np

REDUCTIONS = frozenset(["sum", "prod", "max", "min"])


def identity(str mode, dtype):
    """What a reduction starts with."""
    if mode == "sum":
        return dtype.type(0)
    if mode == "prod":
        return dtype.type(1)
    if dtype.kind == "b":
        return dtype.type(mode == "min")
    if dtype.kind == "f":
        return dtype.type(-np.inf if mode == "max" else np.inf)
    info = np.iinfo(dtype)
    return dtype.type(info.min if mode == "max" else info.max)


cdef class View:
    """An operand or a result, as it is being described."""
    cdef public object dtype
    cdef public list strides
    cdef public int arg, how, value, cls
    cdef public Py_ssize_t offset, size
    cdef public str mode
    cdef public tuple axes
    cdef public object alias
    cdef public bint spread             # a row that repeats within a sheet
    cdef public tuple index             # gathers and scatters: (input with the indices, bytes per index, length)


def describe(ndim, inputs, outputs):
    """The views of a description, inputs first: see `Region`."""
    cdef list views = []
    cdef View v
    for k, item in enumerate(inputs):
        v = View()
        v.dtype, v.strides = np.dtype(item[0]), list(item[1])
        v.arg = item[2] if len(item) > 2 else k
        v.offset = item[3] if len(item) > 3 else 0
        v.index = item[4] if len(item) > 4 else None
        views.append(v)
    for k, item in enumerate(outputs):
        v = View()
        v.mode, v.value = item[0], item[1]
        v.arg = item[3] if len(item) > 3 else k
        v.offset = item[4] if len(item) > 4 else 0
        v.alias = item[5] if len(item) > 5 else None
        v.index = item[6] if len(item) > 6 else None
        if v.mode in ("store", "add", "scatter"):
            v.strides = list(item[2])
        elif v.mode in REDUCTIONS:
            v.axes = tuple(range(ndim)) if item[2] is None else tuple(item[2])
        else:
            raise ValueError(f"Region: output {k} has mode {v.mode!r}; "
                             f"there are store, add, scatter, sum, prod, max and min")
        views.append(v)
    return views


cdef enum:
    LEAST_SHEET = 128       # elements; in smaller sheets tiles would be too short


def merge(tuple shape, list views, bint free):
    """Shape and strides with as few dimensions as possible. `free`: the order of the dimensions does not matter."""
    cdef list order = [d for d in range(len(shape)) if shape[d] != 1]
    if free and len(order) > 1:
        order.sort(key=lambda d: [-abs(v.strides[d]) for v in reversed(views)])
    strides = [[v.strides[d] for d in order] for v in views]
    dims = []
    columns = [[s[i] for s in strides] for i in range(len(order))]
    for n, column in zip([shape[d] for d in order], columns):
        if dims and all(p == q * n for p, q in zip(dims[len(dims) - 1][1], column)):
            dims[len(dims) - 1] = (dims[len(dims) - 1][0] * n, column)
        else:
            dims.append((n, column))
    if not dims:
        dims = [(1, [0] * len(views))]
    for k, v in enumerate(views):
        v.strides = [column[k] for _, column in dims]
    return tuple([n for n, _ in dims])


def is_flat(list strides, tuple shape, Py_ssize_t itemsize):
    """Contiguous over the whole space."""
    cdef Py_ssize_t expected = itemsize
    cdef int d
    for d in range(len(shape) - 1, -1, -1):
        if strides[d] != expected and shape[d] != 1:
            return False
        expected *= <Py_ssize_t> shape[d]
    return True


def shared(tuple shape, list views):
    """Outputs that are added to places which elements before them write, too: {view: bytes between the two}.

    Shifted results of one array: among those that meet in one place, the one of the largest offset gets there first,
    and only the others are late. None if it is not as simple as that.
    """
    cdef Py_ssize_t span
    cdef int d, k
    cdef dict groups = {}, found = {}
    for k, v in enumerate(views):
        if v.mode in ("store", "add") and v.index is None:
            groups.setdefault(v.arg, []).append(k)
    for group in groups.values():
        if all([views[k].mode == "store" for k in group]):
            continue
        group.sort(key=lambda k: -views[k].offset)
        top = before = views[group[0]]
        span = top.dtype.itemsize
        for d in range(len(shape) - 1, -1, -1):     # does each element lie behind the one before?
            if shape[d] > 1 and top.strides[d] < span:
                return None
            span += top.strides[d] * (<Py_ssize_t> shape[d] - 1)
        for k in group[1:]:
            v = views[k]
            if v.strides != top.strides or v.dtype != top.dtype:
                return None
            if before.offset - v.offset >= span:
                top = v                             # meets none of the others
            elif v.offset < top.offset:
                if v.mode != "add" or v.dtype.kind != "f":
                    return None
                found[k] = top.offset - v.offset
            before = v
    return found


def rows_pay(list views, tuple shape, Py_ssize_t steps):
    """Whether views that are not flat are better read row by row, where they need no copies, than in flat blocks.

    Nanoseconds for a row, measured: 0.4 an element copied, 5 a call, and for a sum 0.15 an element and 20.
    """
    cdef Py_ssize_t inner = shape[len(shape) - 1]
    folds = sum([v.axes is not None for v in views])
    copied = sum([v.axes is None and v.index is None and any(v.strides)
                  and not is_flat(v.strides, shape, v.dtype.itemsize) for v in views])
    return copied * 0.4 * inner > 5 * (steps + folds) + folds * (0.15 * inner + 20)


def disturbed(v, list outputs, Py_ssize_t row):
    """Whether one addition to a result changes, within a row, the stored value `v` that another one adds."""
    added = [w for w in outputs if w.mode == "add" and w.arg == v.arg]
    if len(added) < 2 or not any([w.value == v.value for w in added]):
        return False
    return any([abs(w.offset - v.offset) < row * v.dtype.itemsize for w in added])


def lone(list outputs, int k):
    """Whether the memory of a result is nobody else's, so that it may be written as soon as its value is known."""
    v = outputs[k]
    return v.alias is None and sum([w.arg == v.arg for w in outputs]) == 1


def apart(list views, tuple shape, Py_ssize_t short_row, bint tiles):
    """Whether tiles are to stay within sheets: rows are short and an operand or a result is not simply contiguous."""
    cdef int ndim = len(shape)
    if ndim < 2 or shape[ndim - 1] >= short_row or shape[ndim - 2] * shape[ndim - 1] < LEAST_SHEET:
        return False
    for v in views:
        # What is folded to one number is folded in the order of eager mode.
        if v.index is not None or (v.axes is not None and not tiles):
            return False
        if v.axes is None and any(v.strides) and not is_flat(v.strides, shape, v.dtype.itemsize):
            tiles = True
    return tiles
