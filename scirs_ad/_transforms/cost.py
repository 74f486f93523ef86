"""What an operation costs, from shapes alone: operations on numbers, bytes; and what kind of operation it is."""

import math

from scirs_ad._core.core import Elementwise

__all__ = ["family_of", "flops_of", "is_view", "size_of"]

# Their result lies in the memory of their argument.
_VIEWS = frozenset(["reshape_core", "broadcast_core", "permute_core", "index", "flip_last", "hold", "named", "stop"])
FAMILIES = "elementwise", "reduction", "linear algebra", "movement", "view", "function", "other"
_BY_PAGE = {
    "reduce": "reduction",
    "extrema": "reduction",
    "moments": "reduction",
    "products": "linear algebra",
    "einsum": "linear algebra",
    "sparse": "linear algebra",
    "linalg": "linear algebra",
    "linalg_scipy": "linear algebra",
    "decompositions": "linear algebra",
    "matrix_bands": "linear algebra",
    "matrix_equations": "linear algebra",
    "matrix_factors": "linear algebra",
    "matrix_functions": "linear algebra",
    "matrix_trigonometric": "linear algebra",
    "matrix_health": "linear algebra",
    "gather": "movement",
    "join": "movement",
    "accumulate": "other",
    "custom": "function",
    "checkpoints": "function",
    "loops": "function",
    "compile": "function",
}


def is_view(primitive, params):
    """Whether an operation makes a view of its argument, which takes neither time nor memory."""
    key = (params or {}).get("key")
    return primitive.name in _VIEWS and not getattr(key, "advanced", False)


def size_of(spec):
    """Bytes of an array."""
    return spec.dtype.itemsize * math.prod(spec.shape)


def family_of(primitive, params):
    """The kind of operation, one of `FAMILIES`."""
    if is_view(primitive, params):
        return "view"
    dims = primitive.in_dims
    if isinstance(primitive, Elementwise) or (dims is not None and not any(dims)):
        return "elementwise"
    if primitive.name == "sum_axes":
        return "reduction"
    return _BY_PAGE.get(getattr(primitive.body, "__module__", "").rpartition(".")[2], "other")


def flops_of(primitive, params, ins, outs):
    """Operations on numbers: by the signature for products and decompositions, else one per element.

    Parameters
    ----------
    primitive : Primitive
    params : dict or None
    ins, outs : sequence of Spec
    """
    if is_view(primitive, params):
        return 0
    bodies = [body for body in (params or {}).values() if hasattr(body, "probe")]
    if bodies:
        return params.get("length", 1) * max(map(_of_body, bodies))
    dims = primitive.in_dims
    if isinstance(primitive, Elementwise) or dims is None or primitive.variadic:
        return max([math.prod(s.shape) for s in (*ins, *outs)], default=0)
    lengths, loops = {}, 1
    for names, spec in zip(dims, ins, strict=True):
        lead = len(spec.shape) - len(names)
        loops = max(loops, math.prod(spec.shape[:lead]))
        lengths.update(zip(names, spec.shape[lead:], strict=True))
    if len(lengths) == sum(map(len, dims)):  # no axis is shared: nothing is multiplied with anything
        return max(math.prod(s.shape) for s in (*ins, *outs))
    if list(lengths) == ["n"] and any(len(names) == 2 for names in dims):  # a square matrix is decomposed
        return 2 * loops * lengths["n"] ** 3 // 3
    return 2 * loops * math.prod(lengths.values())


def _of_body(body):
    """Operations on numbers of a Function: one step of a loop, one branch of a choice."""

    def count():
        specs = {}
        body.probe(specs)
        return sum([flops_of(p, params, [specs[i] for i in a], [specs[i] for i in b]) for p, params, a, b in body.ops])

    return body.derived("flops", count)
