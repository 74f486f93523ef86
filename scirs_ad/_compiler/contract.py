"""Contract: Einstein sums of two operands as products of matrices, or as elementwise products that are fused."""

import numpy as np

from scirs_ad._core.core import PRIMITIVES, Spec

__all__ = ["contracted"]

LEADING = -1000  # labels of leading axes, the last one LEADING - 1


def _labels(labels, shape):
    """A label for each axis: leading axes have theirs counted from their end, so that they broadcast."""
    lead = len(shape) - len(labels)
    return (*range(LEADING - lead, LEADING), *labels)


def contracted(b, params, ins, spec):
    """einsum_two as a matrix product of stacks, a product with a vector, or a sum of elementwise products.

    None where axes of length one broadcast against longer ones, and for operands of other dtypes than the result.
    """
    shapes = [b.specs[v].shape for v in ins]
    if any(b.specs[v].dtype != spec.dtype for v in ins) or 0 in spec.shape or any(0 in s for s in shapes):
        return None
    left, right = (_labels(params[side], shape) for side, shape in zip(("left", "right"), shapes, strict=True))
    out = _labels(params["to"], spec.shape)
    length = dict(zip(left, shapes[0], strict=True))
    for k, n in zip(right, shapes[1], strict=True):
        if length.setdefault(k, n) != n:
            return None
    summed = [k for k in left if k not in out]
    if any(k not in right for k in summed) or any(k not in left and k not in out for k in right):
        return None
    both = [k for k in out if k in left and k in right]
    rows = [k for k in out if k in left and k not in right]
    columns = [k for k in out if k in right and k not in left]

    def size(group):
        return int(np.prod([length[k] for k in group], dtype=int))

    def laid(v, labels, order, shape):
        """An operand with its axes in an order and a shape."""
        v = _permuted(b, v, labels, order)
        return _reshaped(b, v, shape)

    batch = tuple([length[k] for k in both])
    if not summed or not (rows or columns):  # elementwise, summed over the last axes
        order = out if not summed else [*both, *summed]
        parts = []
        for v, labels in zip(ins, (left, right), strict=True):
            kept = [k for k in order if k in labels]
            parts.append(laid(v, labels, kept, tuple([length[k] if k in labels else 1 for k in order])))
        whole = Spec([length[k] for k in order], spec.dtype)
        product = b.emit(PRIMITIVES["multiply"], None, tuple(parts), (whole,))[0]
        if not summed:
            return product
        return b.emit(PRIMITIVES["sum_axes"], {"axes": tuple(range(-len(summed), 0))}, (product,), (spec,))[0]
    m, n, k = size(rows), size(columns), size(summed)
    first, second = (*batch, m, k), (*batch, k, n)
    name, made = "matmul_core", (*batch, m, n)
    if not batch and not columns:
        name, second, made = "matvec_core", (k,), (m,)
    elif not batch and not rows:
        name, first, made = "vecmat_core", (k,), (n,)
    one = laid(ins[0], left, [*both, *rows, *summed], first)
    two = laid(ins[1], right, [*both, *summed, *columns], second)
    product = b.emit(PRIMITIVES[name], None, (one, two), (Spec(made, spec.dtype),))[0]
    have = [*both, *rows, *columns]
    return _permuted(b, _reshaped(b, product, tuple([length[k] for k in have])), have, out)


def _permuted(b, v, labels, order):
    """An array with axes `labels` in another order."""
    labels, order = list(labels), list(order)
    if labels == order:
        return v
    axes = tuple([labels.index(k) - len(labels) for k in order])
    shape = [b.specs[v].shape[a] for a in axes]
    return b.emit(PRIMITIVES["permute_core"], {"axes": axes}, (v,), (Spec(shape, b.specs[v].dtype),))[0]


def _reshaped(b, v, shape):
    if b.specs[v].shape == shape:
        return v
    return b.emit(
        PRIMITIVES["reshape_core"], {"core": len(b.specs[v].shape), "to": shape}, (v,), (Spec(shape, b.specs[v].dtype),)
    )[0]
