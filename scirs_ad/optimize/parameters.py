"""Containers of arrays as one vector, which is what SciPy's solvers search; bounds alike."""

import numpy as np
from scipy.optimize import Bounds

from scirs_ad._core.core import Variable, as_array, value_of
from scirs_ad._core.tree import LEAF, flatten, unflatten

__all__ = ["Parameters", "flat_bounds"]


class Parameters:
    """How a container of arrays lies in one vector of float64: real parts, then imaginary parts of each leaf.

    Attributes
    ----------
    start : ndarray
        The vector of the container that it was made of; the solver's own copy.
    plain : bool
        Whether the container is a one-dimensional real array, and so the vector itself.
    """

    def __init__(self, x0, what):
        self.what = what
        if _is_array_like(x0):
            leaves, self.structure = [_start_array(x0, what)], LEAF
        else:
            leaves, self.structure = flatten(x0)
            leaves = [_leaf(x, name, what) for x, name in zip(leaves, leaf_names(self.structure), strict=True)]
        self.names = leaf_names(self.structure)
        self.shapes = [x.shape for x in leaves]
        self.complex = [x.dtype.kind == "c" for x in leaves]
        ends = np.cumsum([0, *[x.size * (2 if x.dtype.kind == "c" else 1) for x in leaves]])
        self.places = [slice(int(a), int(b)) for a, b in zip(ends[:-1], ends[1:], strict=True)]
        self.size = int(ends[-1])
        if not self.size:
            raise ValueError(f"{what}: x0 holds no numbers, so there is nothing to search")
        self.plain = self.structure is LEAF and len(self.shapes[0]) == 1 and not self.complex[0]
        self.start = self._join(leaves)

    def _join(self, leaves):
        parts = []
        for x, is_complex in zip(leaves, self.complex, strict=True):
            x = np.asarray(x)
            parts += [x.real.ravel(), x.imag.ravel()] if is_complex else [x.ravel()]
        # A copy, also of a single leaf: neither the caller's array nor one that SciPy keeps may change later.
        return np.array(parts[0], float) if len(parts) == 1 else np.concatenate(parts).astype(float, copy=False)

    def ravel(self, tree, what):
        """A container of the same structure and shapes (a gradient, say) as a vector."""
        if self.plain and type(tree) is np.ndarray and tree.shape == self.shapes[0]:
            return tree if tree.dtype == np.float64 else tree.astype(float)
        leaves, structure = ([tree], LEAF) if self.structure is LEAF else flatten(tree)
        if structure != self.structure:
            raise ValueError(f"{self.what}: {what} is {structure}, the parameters are {self.structure}")
        checked = []
        for x, shape, is_complex, name in zip(leaves, self.shapes, self.complex, self.names, strict=True):
            x = value_of(as_array(x))
            if x.shape != shape:
                raise ValueError(f"{self.what}: {what}{name} has shape {x.shape}, the parameters {shape}")
            if x.dtype.kind not in ("biufc" if is_complex else "biuf"):
                raise TypeError(f"{self.what}: {what}{name} has dtype {x.dtype}, real numbers are expected")
            checked.append(x)
        return self._join(checked)

    def unravel(self, vector):
        """The container of a vector; differentiable."""
        if self.plain:
            return vector
        leaves = []
        for place, shape, is_complex in zip(self.places, self.shapes, self.complex, strict=True):
            x = vector[place]
            if is_complex:
                half = (place.stop - place.start) // 2
                x = x[:half] + 1j * x[half:]
            x = x.reshape(shape)
            leaves.append(x[()] if not shape and type(x) is not Variable else x)
        return leaves[0] if self.structure is LEAF else unflatten(self.structure, leaves)

    def name(self, k):
        """Which parameter an element of the vector is."""
        for place, shape, leaf in zip(self.places, self.shapes, self.names, strict=True):
            if place.start <= k < place.stop:
                size = int(np.prod(shape))
                index = np.unravel_index((k - place.start) % size, shape) if shape else ()
                return (leaf or "x") + (f"[{', '.join(str(int(i)) for i in index)}]" if index else "")
        raise IndexError(f"element {k} of {self.size} parameters")

    def describe(self, vector):
        """The parameters, for a message."""
        shown = self.unravel(np.asarray(vector))
        with np.printoptions(threshold=20, edgeitems=4, precision=8):
            return str(shown) if isinstance(shown, np.ndarray) else repr(shown)


def _is_array_like(x0):
    """Whether `x0` is what SciPy makes an array of: an array, a number, or a list or tuple of numbers (or of such)."""
    if type(x0) in (list, tuple):
        return bool(x0) and all(_is_array_like(x) and not _has_shape(x) for x in x0)
    return not isinstance(x0, (dict, str, bytes)) and (
        isinstance(x0, (int, float, complex, np.generic)) or hasattr(x0, "__array__")
    )


def _has_shape(x):
    return not isinstance(x, np.generic) and getattr(x, "shape", ()) != ()


def _start_array(x0, what):
    """`x0` as SciPy takes it: integers become floats, and a number becomes an array of one."""
    try:
        x = np.asarray(value_of(x0) if type(x0) is Variable else x0)
    except ValueError as error:
        raise ValueError(f"{what}: x0 cannot be made an array: {error}") from None
    if x.dtype.kind == "b" or x.dtype.kind not in "iufc":
        raise TypeError(f"{what}: x0 has dtype {x.dtype}, real or complex numbers are expected")
    x = x.astype(complex if x.dtype.kind == "c" else float)
    return x.reshape(1) if x.ndim == 0 else x


def _leaf(x, name, what):
    """One array of a container: floating point, for nothing says that an integer in it is meant to vary."""
    found = value_of(x) if type(x) is Variable else np.asarray(x)
    if found.dtype.kind not in "fc":
        remedy = (
            "write it as a float if it is to be searched, or hand it to the function by args"
            if found.dtype.kind in "biu"
            else "give an array of numbers"
        )
        raise TypeError(f"{what}: the parameter x0{name} has dtype {found.dtype}; {remedy}")
    return found.astype(complex if found.dtype.kind == "c" else float)


def leaf_names(structure, before=""):
    """How each leaf is reached, as `['k']` or `[0]`; "" for a single array."""
    if structure is LEAF or not hasattr(structure, "children"):
        return [before]
    names, position = [], 0
    for key, child in zip(structure.keys, structure.children, strict=True):
        if structure.kind is dict:
            place = f"[{key!r}]"
        else:
            place = f".{key}" if type(key) is str else f"[{position}]"
        position += type(key) is not tuple  # the entry of a registered class that holds no arrays
        names += leaf_names(child, before + place)
    return names


# ------------------------------------------------------------------------------------------------ bounds
def flat_bounds(bounds, parameters):
    """Bounds of a container, as SciPy's `Bounds` of the vector; None if there are none.

    For a one-dimensional array whatever SciPy takes. Else for each leaf a pair `(lower, upper)` of numbers or arrays
    that broadcast to the leaf (None: unbounded), a `Bounds`, or None, in a container of the structure of the
    parameters; dictionaries need not name all keys.
    """
    if bounds is None or parameters.plain:
        return bounds
    what = parameters.what
    lower, upper = np.full(parameters.size, -np.inf), np.full(parameters.size, np.inf)
    keep = np.zeros(parameters.size, bool)
    if isinstance(bounds, Bounds) and parameters.structure is not LEAF:
        raise ValueError(
            f"{what}: bounds is one Bounds for parameters of the structure {parameters.structure}; give a container "
            "of the same structure, with (lower, upper) or a Bounds for each array"
        )
    limits = _limits(bounds, parameters.structure, what, "bounds")
    for limit, place, shape, is_complex, name in zip(
        limits, parameters.places, parameters.shapes, parameters.complex, parameters.names, strict=True
    ):
        if limit is None:
            continue
        if is_complex:
            raise TypeError(
                f"{what}: x0{name} is complex, and complex numbers have no order; bounds{name} must be None"
            )
        low, high, feasible = _pair(limit, what, f"bounds{name}")
        for side, values, target in (("lower", low, lower), ("upper", high, upper)):
            try:
                target[place] = np.broadcast_to(values, shape).ravel()
            except ValueError:
                raise ValueError(
                    f"{what}: the {side} bounds{name} have shape {np.shape(values)}, which does not fit the "
                    f"parameters of shape {shape}"
                ) from None
        keep[place] = feasible
    crossed = np.flatnonzero(lower > upper)
    if crossed.size:
        k = crossed[0]
        raise ValueError(
            f"{what}: the lower bound {lower[k]} of {parameters.name(k)} exceeds the upper one, {upper[k]}"
        )
    return Bounds(lower, upper, keep_feasible=keep)


def _limits(bounds, structure, what, name):
    """One entry per leaf."""
    if structure is LEAF or not hasattr(structure, "children"):
        return [bounds]
    if bounds is None:
        return [limit for child in structure.children for limit in _limits(None, child, what, name)]
    limits = []
    if structure.kind is dict:
        if type(bounds) is not dict:
            raise ValueError(f"{what}: {name} is a {type(bounds).__name__}, the parameters are {structure}")
        unknown = [key for key in bounds if key not in structure.keys]
        if unknown:
            raise ValueError(
                f"{what}: {name} has the key {unknown[0]!r}; the parameters are {', '.join(map(repr, structure.keys))}"
            )
        for key, child in zip(structure.keys, structure.children, strict=True):
            limits += _limits(bounds.get(key), child, what, f"{name}[{key!r}]")
        return limits
    opened = flatten_once(bounds, structure.kind)
    if opened is None or len(opened) != len(structure.children):
        size = "" if opened is None else f" of {len(opened)} entries"
        raise ValueError(f"{what}: {name} is a {type(bounds).__name__}{size}, the parameters are {structure}")
    for k, (entry, child) in enumerate(zip(opened, structure.children, strict=True)):
        limits += _limits(entry, child, what, f"{name}[{k}]")
    return limits


def flatten_once(x, kind):
    """The entries of a container of a class; None for another class."""
    if type(x) is not kind:
        return None
    if isinstance(x, (list, tuple)):
        return list(x)
    names = getattr(kind, "__dataclass_fields__", None)
    return [getattr(x, n) for n, field in names.items() if field.init] if names is not None else None


def _pair(limit, what, name):
    """Lower and upper bound of one leaf, and whether to stay between them."""
    if isinstance(limit, Bounds):
        return limit.lb, limit.ub, limit.keep_feasible
    try:
        low, high = limit
    except (TypeError, ValueError):
        raise ValueError(f"{what}: {name} must be a pair (lower, upper), a Bounds or None, not {limit!r}") from None
    return (
        -np.inf if low is None else np.asarray(low, float),
        np.inf if high is None else np.asarray(high, float),
        False,
    )
