"""The identities of matrices that `rebuild` knows, one a line of `TABLE`, and the sharing of factorisations.

A rule gets the builder, the parameters, the inputs and the Spec of an operation, and gives the number of the value to use
instead, or None. What changes rounding is asked for by name (level "aggressive"); domains stay as they are.
"""

import math

import numpy as np

from scirs_ad._compiler.graph import NUMBERS, FlatGraph, Op
from scirs_ad._core.core import PRIMITIVES, Elementwise, Spec
from scirs_ad._core.define import primitive, raises, sample
from scirs_ad._ops.determinants import SMALL, cofactors_by_factors, cofactors_by_svd
from scirs_ad._ops.linalg import kernels, lu_body, lu_of

__all__ = ["TABLE", "share_factors"]

STANDARD, AGGRESSIVE = 2, 3


def _matrix(b, v, ndim=2):
    """Whether a value is an array of floats of so many dimensions, none of them empty."""
    spec = b.specs[v]
    return len(spec.shape) == ndim and 0 not in spec.shape and spec.dtype.kind in "fc" and v not in b.uniform


# ------------------------------------------------------------------------------------------------ chains of products
CHAIN = {"matmul_core": (2, 2), "matvec_core": (2, 1), "vecmat_core": (1, 2)}
LEAST_SUM = 8  # terms of a sum of products
LEAST_GAIN = 1.2  # operations saved are worth it from here on: other orders may copy less


def _factors(b, v, found, dims):
    """The factors of a product of matrices whose inner products nothing else reads, in order.

    `dims`: numbers of dimensions of the operands that a product in this place has; a vector is a row before a matrix and a
    column after it.
    """
    op = b.maker[v]
    inner = op is not None and CHAIN.get(op.primitive.name) == dims and b.uses.get(v, 0) <= 1
    if inner and _is_product(b, op.inputs):
        _inner(b, dims, op.inputs, found)
    else:
        found.append(v)


def _inner(b, dims, ins, found):
    left = (2, 2) if dims[0] == 2 else (1, 2)
    right = (2, 2) if dims[1] == 2 else (2, 1)
    _factors(b, ins[0], found, left)
    _factors(b, ins[1], found, right)
    return found


def _is_product(b, ins):
    return all(_matrix(b, v, len(b.specs[v].shape)) and len(b.specs[v].shape) <= 2 for v in ins)


def _cost(b, v, inside):
    """Multiplications of a product as it is written."""
    op = b.maker[v]
    if v in inside or op is None or op.primitive.name not in CHAIN:
        return 0
    (m, k), n = _two(b, op.inputs[0], True), _two(b, op.inputs[1], False)[1]
    return m * k * n + sum(_cost(b, u, inside) for u in op.inputs)


def _two(b, v, left):
    """The shape of a factor as a matrix: a vector is a row on the left, a column on the right."""
    shape = b.specs[v].shape
    return shape if len(shape) == 2 else (1, *shape) if left else (*shape, 1)


def _reassociated(b, params, ins, spec):
    if not _is_product(b, ins) or len({b.specs[v].dtype for v in ins}) > 1:
        return None
    dims = tuple(len(b.specs[v].shape) for v in ins)
    factors = _inner(b, dims, ins, [])
    if len(factors) < 3:
        return None
    p = [_two(b, v, k == 0)[0] for k, v in enumerate(factors)]
    p.append(_two(b, factors[-1], False)[1])
    n = len(factors)
    best = {(i, i): (0, i) for i in range(n)}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            best[i, j] = min((best[i, k][0] + best[k + 1, j][0] + p[i] * p[k + 1] * p[j + 1], k) for k in range(i, j))
    (m, k), last = _two(b, ins[0], True), _two(b, ins[1], False)[1]
    inside = set(factors)
    now = m * k * last + sum(_cost(b, v, inside) for v in ins)
    if best[0, n - 1][0] * LEAST_GAIN > now:
        return None

    def product(i, j):
        if i == j:
            return factors[i]
        k = best[i, j][1]
        left, right = product(i, k), product(k + 1, j)
        dims = len(b.specs[left].shape), len(b.specs[right].shape)
        name = "inner_last" if dims == (1, 1) else next(name for name, found in CHAIN.items() if found == dims)
        return b.apply(PRIMITIVES[name], left, right)

    return product(0, n - 1)


# ------------------------------------------------------------------------------------------------ sums of products
def _sum_of_products(b, params, ins, spec):
    """Of two factors broadcast against each other: matrix times matrix, matrix times vector, or inner product.

    The axes are those that only the left factor has, those that only the right one has, and those that are summed.
    """
    op = b.maker[ins[0]]
    if op is None or op.primitive.name != "multiply" or b.uses.get(ins[0], 0) > 1:
        return None
    x, y = op.inputs
    whole = b.specs[ins[0]]
    if whole.dtype.char not in "df" or any(b.specs[v].dtype != whole.dtype or v in b.uniform for v in (x, y)):
        return None
    if any(isinstance(b.constants.get(v), NUMBERS) for v in (x, y)) or 0 in whole.shape:
        return None
    ndim = len(whole.shape)
    summed = sorted(ndim + a for a in params["axes"])
    shapes = [(1,) * (ndim - len(b.specs[v].shape)) + b.specs[v].shape for v in (x, y)]
    kinds = []  # per axis: which of the factors have it
    for d in range(ndim):
        has = tuple(s[d] == whole.shape[d] for s in shapes)
        if whole.shape[d] == 1:
            has = (True, True) if d in summed else (False, False)
        if d in summed and has != (True, True) and whole.shape[d] != 1:
            return None
        if d not in summed and has == (True, True):
            return None  # a batch: left to the fused pass
        kinds.append(has)
    left = [d for d in range(ndim) if d not in summed and kinds[d] == (True, False)]
    right = [d for d in range(ndim) if d not in summed and kinds[d] == (False, True)]
    k = math.prod(whole.shape[d] for d in summed)
    sizes = [math.prod(whole.shape[d] for d in side) for side in (left, right)]
    if k < LEAST_SUM or (left and right and max(left) > min(right)):
        return None
    if not (left and right) and any(
        b.maker[v] is not None and isinstance(b.maker[v].primitive, Elementwise) for v in (x, y)
    ):
        return None  # each element is read once: the pass that makes it sums it too
    rows = _arranged(b, x, shapes[0], left, summed, sizes[0], k, False)
    columns = _arranged(b, y, shapes[1], right, summed, sizes[1], k, True)
    if rows is None or columns is None:
        return None
    name = {(2, 2): "matmul_core", (2, 1): "matvec_core", (1, 2): "vecmat_core", (1, 1): "inner_last"}[
        len(b.specs[rows].shape), len(b.specs[columns].shape)
    ]
    found = b.apply(PRIMITIVES[name], rows, columns)
    from_shape = b.specs[found].shape
    if from_shape == spec.shape:
        return found
    return b.emit(PRIMITIVES["reshape_core"], {"core": len(from_shape), "to": spec.shape}, (found,), (spec,))[0]


def _arranged(b, v, shape, kept, summed, size, k, columns):
    """A factor as a matrix or vector: kept axes by summed ones, for the right factor the other way round."""
    used = [d for d in range(len(shape)) if d in kept or d in summed]
    plain = kept + summed if used == kept + summed else summed + kept if used == summed + kept else None
    if plain is None:
        return None
    dtype = b.specs[v].dtype
    if not kept:
        to = (k,)
    else:
        to = (size, k) if plain == kept + summed else (k, size)
    if b.specs[v].shape != to:
        spec = Spec(to, dtype)
        v = b.emit(PRIMITIVES["reshape_core"], {"core": len(b.specs[v].shape), "to": to}, (v,), (spec,))[0]
    if kept and (plain == kept + summed) == columns:
        v = b.apply(PRIMITIVES["permute_core"], v, params={"axes": (-1, -2)})
    return v


# ------------------------------------------------------------------------------------------------ sums of two products
def _common_factor(b, params, ins, spec):
    """A @ C + B @ C and C @ A + C @ B, where nothing else reads the products."""
    ops = [b.maker[v] for v in ins]
    if any(
        op is None or op.primitive.name != "matmul_core" or b.uses.get(v, 0) > 1 for op, v in zip(ops, ins, strict=True)
    ):
        return None
    for side in (1, 0):
        common, others = ops[0].inputs[side], [op.inputs[1 - side] for op in ops]
        if common == ops[1].inputs[side] and b.specs[others[0]] == b.specs[others[1]] and _matrix(b, common):
            total = b.apply(PRIMITIVES["add"], *others)
            return b.apply(ops[0].primitive, *((total, common) if side else (common, total)))
    return None


TABLE = {}
for _line, _heads, _level, _rule in (
    ("(A @ B) @ C -> A @ (B @ C), the cheapest order", CHAIN, AGGRESSIVE, _reassociated),
    ("sum(x * y) -> x @ y, over axes that both have", ("sum_axes",), AGGRESSIVE, _sum_of_products),
    ("A @ C + B @ C -> (A + B) @ C", ("add",), AGGRESSIVE, _common_factor),
):
    for _head in _heads:
        TABLE.setdefault(_head, []).append((_rule, _line, _level))


# ------------------------------------------------------------------------------------------------ factorisations
@primitive(
    "(n,n),(n)->(),()", kernel=lambda lu, piv: kernels.slogdet_of_lu(lu, piv), differentiable=False, internal=True
)
def slogdet_of_lu(lu, piv):
    """Sign and logarithm of the absolute value of a determinant, by the factors of `lu_of`. Made by the compiler alone.

    Cost: ``n`` logarithms.
    """
    diagonal = np.diagonal(lu, axis1=-2, axis2=-1)
    diagonal, piv = np.broadcast_arrays(diagonal, piv)
    size = np.abs(diagonal)
    swaps = np.count_nonzero(piv != np.arange(piv.shape[-1]), axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        sign = np.prod(np.where(size == 0, 0, diagonal / size), axis=-1) * (1 - 2 * (swaps % 2))
        return sign.astype(lu.dtype), np.sum(np.log(size), axis=-1)


@primitive("(n,n),(n)->(n,n)", kernel=lambda lu, piv: kernels.inv_of_lu(lu, piv), differentiable=False, internal=True)
def inv_of_lu(lu, piv):
    """The inverse of a matrix by the factors of `lu_of`, with LAPACK's getri. Made by the compiler alone.

    Cost: ``4/3 n^3`` operations; with the factorisation it would be ``2 n^3``.
    """
    n = lu.shape[-1]
    if not np.all(np.diagonal(lu, axis1=-2, axis2=-1)):
        raise np.linalg.LinAlgError("inv (inv_of_lu): a pivot is exactly zero")
    a = (np.tril(lu, -1) + np.eye(n, dtype=lu.dtype)) @ np.triu(lu)
    a = np.array(np.broadcast_to(a, np.broadcast_shapes(a.shape, (*piv.shape, n))))
    piv = np.broadcast_to(piv, a.shape[:-1])
    for place in np.ndindex(a.shape[:-2]):
        for k in range(n - 1, -1, -1):
            a[place][[k, piv[place][k]]] = a[place][[piv[place][k], k]]
    return np.linalg.inv(a)


@primitive("(n,n),(n)->()", kernel=lambda lu, piv: kernels.det_of_lu(lu, piv), differentiable=False, internal=True)
def det_of_lu(lu, piv):
    """The determinant by the factors of `lu_of`. Made by the compiler alone.

    Cost: ``n`` products.
    """
    diagonal = np.diagonal(lu, axis1=-2, axis2=-1)
    diagonal, piv = np.broadcast_arrays(diagonal, piv)
    swaps = np.count_nonzero(piv != np.arange(piv.shape[-1]), axis=-1)
    return (np.prod(diagonal, axis=-1) * (1 - 2 * (swaps % 2))).astype(lu.dtype)


@primitive(
    "(n,n),(n,n),(n)->(n,n)",
    kernel=lambda a, lu, piv: cofactors_by_factors(a, lu, piv),
    differentiable=False,
    internal=True,
)
def cofactor_of_lu(a, lu, piv):
    """The conjugate cofactors of a matrix by the factors of `lu_of`. Made by the compiler alone.

    Cost: ``4/3 n^3`` operations; a singular value decomposition where the inverse is not safe, as in `cofactor_core`.
    """
    lead = np.broadcast_shapes(a.shape[:-2], lu.shape[:-2], piv.shape[:-1])
    return cofactors_by_svd(np.broadcast_to(a, lead + a.shape[-2:]))


for _p in (slogdet_of_lu, inv_of_lu, det_of_lu, cofactor_of_lu):
    _p.not_differentiable("it is made when derivatives have been taken")


@slogdet_of_lu.def_samples
def _(rng):
    for a in (rng.standard_normal((3, 3)), rng.standard_normal((2, 4, 4)), np.zeros((2, 2)), np.ones((0, 0))):
        yield sample(*lu_body(a))
    yield sample(*lu_body(rng.standard_normal((3, 3)) + 1j))


@det_of_lu.def_samples
def _(rng):
    for a in (rng.standard_normal((3, 3)), rng.standard_normal((2, 4, 4)).astype(np.float32), np.zeros((2, 2))):
        yield sample(*lu_body(a))
    yield sample(*lu_body(rng.standard_normal((3, 3)) + 1j))


@cofactor_of_lu.def_samples
def _(rng):
    for a in (rng.standard_normal((3, 3)) + 3 * np.eye(3), rng.standard_normal((2, 3, 3)), np.diag([1.0, 2.0, 0.0])):
        yield sample(a, *lu_body(a))


@inv_of_lu.def_samples
def _(rng):
    for a in (rng.standard_normal((3, 3)), rng.standard_normal((2, 4, 4)).astype(np.float32), np.ones((0, 0))):
        yield sample(*lu_body(a))
    yield sample(*lu_body(rng.standard_normal((3, 3)) + 1j))
    yield raises(np.linalg.LinAlgError, np.zeros((2, 2)), np.array([0, 1], np.int32), match="inv")


# What is computed of a matrix -> what computes it by the factors, and whether that needs the matrix itself, too.
SHARED = {
    "slogdet_core": (slogdet_of_lu, False),
    "inv_core": (inv_of_lu, False),
    "det_core": (det_of_lu, False),
    "cofactor_core": (cofactor_of_lu, True),
}
SHARE_LINE = "solve(A, b), slogdet(A), det(A), inv(A) -> one factorisation of A"


def share_factors(graph, report):
    """One LU factorisation for all that need one of the same matrix: solutions, determinants, inverses."""
    wanted = {}  # not of small ones, whose factors take longer to read from memory than to compute
    for op in graph.ops:
        if op.primitive is lu_of or op.primitive.name in SHARED:
            wanted.setdefault(op.inputs[0], []).append(op)
    shared = {
        a: ops
        for a, ops in wanted.items()
        if len(ops) > 1 and graph.specs[a].shape[-1] > SMALL and graph.specs[a].dtype.kind in "fc"
    }
    if not shared:
        return graph
    specs, found, factors = list(graph.specs), [], {}
    for op in graph.ops:
        a = op.inputs[0] if op.inputs else None
        ours = a in shared and op in shared[a]
        if ours and a not in factors:
            known = next((o for o in shared[a] if o.primitive is lu_of), None)
            if known is None:
                specs += [Spec(specs[a].shape, specs[a].dtype), Spec(specs[a].shape[:-1], np.int32)]
                known = Op(lu_of, None, (a,), (len(specs) - 2, len(specs) - 1))
            factors[a] = known.outputs
            found.append(known)
        if ours and op.primitive is lu_of:
            continue
        if ours:
            report[SHARE_LINE] += 1
            by_factors, whole = SHARED[op.primitive.name]
            op = Op(by_factors, None, (a, *factors[a]) if whole else factors[a], op.outputs)
        found.append(op)
    return FlatGraph(graph.name, specs, graph.constants, found, graph.inputs, graph.outputs, graph.uniform)
