"""Where the elements of a view lie: strides, for reshapes, slices, broadcasts, and sums of scattered arrays."""

__all__ = [
    "VIEWS",
    "box_of",
    "broadcast_strides",
    "contiguous",
    "is_contiguous",
    "keys_of",
    "layout_of_terms",
    "merged",
    "view_index",
]


def contiguous(shape, itemsize):
    """Strides of a C-contiguous array."""
    strides, step = [], itemsize
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


def is_contiguous(shape, strides, itemsize):
    """Whether strides are those of a C-contiguous array; strides of axes of length one do not count."""
    step = itemsize
    for n, s in zip(reversed(shape), reversed(strides), strict=True):
        if n != 1 and s != step:
            return False
        step *= n
    return True


def merged(shape, strides):
    """The fewest dimensions that walk through the same places."""
    found = []
    for n, s in zip(shape, strides, strict=True):
        if n == 1:
            continue
        if found and found[-1][1] == s * n:
            found[-1] = (found[-1][0] * n, s)
        else:
            found.append((n, s))
    return tuple(n for n, _ in found), tuple(s for _, s in found)


def broadcast_strides(shape, strides, to):
    """The strides that read an array as if it were broadcast to a shape."""
    lead = len(to) - len(shape)
    return (0,) * lead + tuple(0 if n == 1 else s for n, s in zip(shape, strides, strict=True))


# ------------------------------------------------------------------------------------------------ views
def _view_broadcast(shape, strides, params, to):
    return 0, broadcast_strides(shape, strides, to)


def _view_permute(shape, strides, params, to):
    axes = params["axes"]
    order = tuple(range(len(shape) - len(axes))) + tuple(len(shape) + a for a in axes)
    return 0, tuple(strides[k] for k in order)


def view_index(shape, strides, params, to):
    key = params["key"]
    if key.advanced:
        return None
    found, offset, at = list(strides[: len(shape) - key.core]), 0, len(shape) - key.core
    for e in key.index[1:]:
        if e is None:
            found.append(0)
            continue
        if type(e) is slice:
            start, _, step = e.indices(shape[at])
            found.append(strides[at] * step)
            offset += start * strides[at] if shape[at] else 0
        elif type(e) is int:
            offset += (e + shape[at] if e < 0 else e) * strides[at]
        else:
            return None
        at += 1
    return offset, tuple(found)


def _view_flip(shape, strides, params, to):
    return (shape[-1] - 1) * strides[-1], (*strides[:-1], -strides[-1])


VIEWS = {
    "broadcast_core": _view_broadcast,
    "permute_core": _view_permute,
    "index": view_index,
    "flip_last": _view_flip,
}


# ------------------------------------------------------------------------------------------------ scattered arrays
def keys_of(op):
    """The keys of a scatter, or of a sum of scatters."""
    return op.params["keys"] if "keys" in op.params else (op.params["key"],)


def layout_of_terms(op, specs):
    """For a sum of scatters (offset, value) of each term, by falling offset, and the strides that all have.

    None unless a pass over the values, in order, meets the places of all terms in rising order: then an element is
    first written by the term of the largest offset, and only later added to by the others.
    """
    out = specs[op.outputs[0]]
    to, itemsize = out.shape, out.dtype.itemsize
    if out.dtype.char not in "df" or 0 in to:
        return None
    terms, common = [], None
    for key, v in zip(keys_of(op), op.inputs, strict=True):
        if key.advanced or not key.unique:
            return None
        found = view_index(to, contiguous(to, itemsize), {"key": key}, None)
        if found is None:
            return None
        offset, strides = found
        if common is None:
            common = strides
        if strides != common or any(s < 0 for s in strides):
            return None
        terms.append((offset, v))
    terms.sort(key=lambda term: -term[0])
    return terms, common


def box_of(key, shape):
    """The ranges (start, stop) that a key selects along each axis; None if it leaves gaps."""
    found = [(0, n) for n in shape[: len(shape) - key.core]]
    for e in key.index[1:]:
        if e is None:
            continue
        n = shape[len(found)]
        if type(e) is slice:
            start, stop, step = e.indices(n)
            if step != 1:
                return None
            found.append((start, max(stop, start)))
        else:
            e = e + n if e < 0 else e
            found.append((e, e + 1))
    return found
