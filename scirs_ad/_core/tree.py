"""Nested containers of arrays: tuples, lists, dicts, namedtuples, dataclasses, and registered classes.

`None` is an empty container. The structure is a value that compares equal to an equal one and prints readably.
"""

import dataclasses

import numpy as np

from scirs_ad._core.core import Spec, Variable

__all__ = ["flatten", "map_leaves", "register", "unflatten"]

_registered = {}
_LEAVES = frozenset({np.ndarray, Variable, Spec, float, int, complex, bool, np.float64})


class Leaf:
    """The structure of one array."""

    def __repr__(self):
        return "*"

    def __eq__(self, other):
        return type(other) is Leaf

    def __hash__(self):
        return 1

    def __reduce__(self):
        return "LEAF"  # one object also after pickling: it is recognised by identity


LEAF = Leaf()


@dataclasses.dataclass(frozen=True)
class Structure:
    """A container: its class, what tells its entries apart (keys, field names), and the structures inside."""

    kind: type
    keys: tuple
    children: tuple

    def __repr__(self):
        inner = [f"{k!r}: {c!r}" if k is not None else repr(c) for k, c in zip(self.keys, self.children, strict=True)]
        if self.kind is tuple:
            return "(" + ", ".join(inner) + ("," if len(inner) == 1 else "") + ")"
        if self.kind is list:
            return "[" + ", ".join(inner) + "]"
        if self.kind is dict:
            return "{" + ", ".join(inner) + "}"
        return "None" if self.kind is type(None) else f"{self.kind.__name__}({', '.join(inner)})"


def register(cls, to_children, from_children):
    """Make a class a container.

    Parameters
    ----------
    cls : type
    to_children : callable
        ``to_children(x) -> (children, extra)`` with a hashable `extra`.
    from_children : callable
        ``from_children(extra, children) -> x``.

    Returns
    -------
    type
        `cls`, so that it can be used as a decorator's last step.

    Examples
    --------
    >>> import scirs_ad as ad
    >>> class Point:
    ...     def __init__(self, x, y):
    ...         self.x, self.y = x, y
    >>> _ = ad.register_tree(Point, lambda p: ((p.x, p.y), None), lambda _, c: Point(*c))
    >>> ad.grad(lambda p: p.x * p.y)(Point(2.0, 3.0)).x
    np.float64(3.0)
    """
    _registered[cls] = (to_children, from_children)
    return cls


def _open(x):
    """Keys and children of a container; None for a leaf."""
    kind = type(x)
    if kind is tuple or kind is list:
        return (None,) * len(x), x
    if kind is dict:
        try:
            keys = tuple(sorted(x))
        except TypeError:
            keys = tuple(x)
        return keys, [x[k] for k in keys]
    if x is None:
        return (), ()
    if kind in _registered:
        children, extra = _registered[kind][0](x)
        return (("extra", extra),) + (None,) * len(children), [None, *children]
    if isinstance(x, tuple) and hasattr(kind, "_fields"):
        return kind._fields, x
    if dataclasses.is_dataclass(x):
        names = tuple(f.name for f in dataclasses.fields(x) if f.init)
        return names, [getattr(x, n) for n in names]
    return None


def flatten(x):
    """`(leaves, structure)` of a container; a leaf is one leaf."""
    leaves = []
    return leaves, _flatten(x, leaves)


def _flatten(x, leaves):
    opened = None if type(x) in _LEAVES else _open(x)
    if opened is None:
        leaves.append(x)
        return LEAF
    keys, children = opened
    return Structure(type(x), keys, tuple([_flatten(c, leaves) for c in children]))


def unflatten(structure, leaves):
    """The container of `structure` with other leaves."""
    if structure is LEAF:
        (leaf,) = leaves
        return leaf
    rest = iter(leaves)
    out = _unflatten(structure, rest)
    if next(rest, rest) is not rest:
        raise ValueError(f"more leaves than {structure} has")
    return out


def _unflatten(structure, leaves):
    if type(structure) is Leaf:
        return next(leaves)
    children = [_unflatten(c, leaves) for c in structure.children]
    kind = structure.kind
    if kind is list:
        return children
    if kind is tuple:
        return tuple(children)
    if kind is dict:
        return dict(zip(structure.keys, children, strict=True))
    if kind is type(None):
        return None
    if kind in _registered:
        return _registered[kind][1](structure.keys[0][1], children[1:])
    if issubclass(kind, tuple):
        return kind(*children)
    return kind(**dict(zip(structure.keys, children, strict=True)))


def map_leaves(f, x, *others):
    """`f` of every leaf of `x` (and of the leaves at the same places of `others`), in the same container.

    Raises
    ------
    ValueError
        If the structures differ; the message shows both.
    """
    leaves, structure = flatten(x)
    columns = [leaves]
    for other in others:
        more, found = flatten(other)
        if found != structure:
            raise ValueError(f"the structures differ: {structure} and {found}")
        columns.append(more)
    return unflatten(structure, [f(*row) for row in zip(*columns, strict=True)])
