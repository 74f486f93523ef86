"""vmap: a function of one, run on many."""

from scirs_ad._core.core import Batch, as_array, shape_of
from scirs_ad._core.tree import LEAF, flatten, unflatten
from scirs_ad._ops import shape as sh
from scirs_ad._transforms.common import finish, name_of, pack_leaf
from scirs_ad._transforms.native import swapped

__all__ = ["vmap"]


def axes_of(axes, tree, what):
    """`axes`, a prefix of the structure of `tree`, as one entry per leaf."""
    if axes is None or isinstance(axes, int):
        leaves, _ = flatten(tree)
        return [axes] * len(leaves)
    if type(axes) is not type(tree) or len(axes) != len(tree):
        raise ValueError(f"{what} {axes!r} does not fit the structure {flatten(tree)[1]}")
    keys = axes if isinstance(axes, dict) else range(len(axes))
    if isinstance(axes, dict):
        keys = sorted(axes)
        if set(axes) != set(tree):
            raise ValueError(f"{what} {axes!r} does not fit the structure {flatten(tree)[1]}")
    return [a for k in keys for a in axes_of(axes[k], tree[k], what)]


def move_axis(x, source, target):
    """`x` with one axis moved."""
    ndim = len(shape_of(x))
    order = [k for k in range(ndim) if k != source % ndim]
    order.insert(target % ndim, source % ndim)
    return x if order == list(range(ndim)) else sh.permute_dims(x, tuple(order))


class vmap:
    """Run a function of single examples on a batch of them.

    Parameters
    ----------
    f : callable
    in_axes : int, None, or a tuple (list, dict) of such
        For each positional argument the axis to map over; None: the same for the whole batch. May follow the
        structure of an argument.
    out_axes : int or a container of int
        Where the batch axis goes in the outputs.
    native : bool
        Swap what does not dispatch in `f`: ``native=True`` maps ``scirs_ad.native(f)``.

    Returns
    -------
    callable
        Keyword arguments are passed through, unmapped.

    Raises
    ------
    ValueError
        If axes do not exist, sizes differ, or nothing is mapped.

    Notes
    -----
    Derivative: of any order, and of batches in batches. Every operation acts on trailing axes, so the batch runs as
    one array operation. Cost: that of the operations on the whole batch, once through Python. Control flow that
    depends on a mapped value raises TracingError.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> ad.vmap(ad.grad(np.sin))(np.array([0.0, np.pi]))
    array([ 1., -1.])
    """

    def __init__(self, f, in_axes=0, out_axes=0, native=False):
        if not callable(f):
            raise TypeError(f"vmap: the first argument must be a function, not {f!r}")
        f = swapped(f, native)
        if isinstance(in_axes, list):
            in_axes = tuple(in_axes)
        self.function, self.in_axes, self.out_axes = f, in_axes, out_axes
        self.__wrapped__ = f
        self.__name__ = f"vmap({name_of(f)})"
        self.__doc__ = getattr(f, "__doc__", None)

    def __reduce__(self):
        return vmap, (self.function, self.in_axes, self.out_axes)

    def __repr__(self):
        return f"<{self.__name__}>"

    def __call__(self, *args, **kwargs):
        what = self.__name__
        if isinstance(self.in_axes, tuple) and len(self.in_axes) != len(args):
            raise ValueError(f"{what}: in_axes {self.in_axes!r} for {len(args)} positional argument(s)")
        axes = axes_of(self.in_axes, args, f"{what}: in_axes")
        leaves, structure = flatten(args)
        size = None
        moved = []
        for x, axis in zip(leaves, axes, strict=True):
            if axis is None:
                moved.append((x, False))
                continue
            x = as_array(x)
            shape = shape_of(x)
            if not -len(shape) <= axis < len(shape):
                raise ValueError(f"{what}: cannot map over axis {axis} of an argument of shape {shape}")
            if size is None:
                size = shape[axis]
            elif shape[axis] != size:
                raise ValueError(f"{what}: mapped axes have the sizes {size} and {shape[axis]}")
            moved.append((move_axis(x, axis, 0), True))
        if size is None:
            raise ValueError(f"{what}: nothing to map over; in_axes is {self.in_axes!r}")
        batch = Batch(size)
        out = self.function(
            *unflatten(structure, [batch.variable(x) if mapped else x for x, mapped in moved]), **kwargs
        )
        batch.closed = True
        outs, out_structure = flatten(out)
        out_axes = [self.out_axes] if out_structure is LEAF else axes_of(self.out_axes, out, f"{what}: out_axes")
        results = []
        for y, axis in zip(outs, out_axes, strict=True):
            y, mapped = batch.lower(pack_leaf(y))
            if axis is None:
                if mapped:
                    raise ValueError(f"{what}: out_axes is None for an output that depends on the batch")
                results.append(finish(y))
                continue
            if not mapped:
                y = sh.broadcast_to(y, (size, *shape_of(y)))
            results.append(finish(move_axis(y, 0, axis)))
        return unflatten(out_structure, results)
