"""LU factors of matrices of any shape, packed, and the order of their rows.

With ``P a = L U``, ``X = L^-1 P da U^-1`` of the leading square block is the sum of ``L^-1 dL``, strictly lower, and ``dU
U^-1``, upper (S. F. Walter, L. Lehmann, 2010, section on LU). Rows of L and columns of U beyond that block follow from ``P da
= dL U + L dU``. Interchanges are constant.
"""

import numpy as np

from scirs_ad._core.core import dtype_of, shape_of
from scirs_ad._core.define import primitive, sample
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import index as ix
from scirs_ad._ops import join
from scirs_ad._ops import shape as sh
from scirs_ad._ops.decompositions import pulled
from scirs_ad._ops.linalg import fit, h_, kernels, lu_body, lu_of, matmul_core, solve_triangular_core, well_conditioned
from scirs_ad._ops.linalg_policy import matrix_of_batch
from scirs_ad._ops.matrix_factors import low, up

_select = lazy("scirs_ad._ops.select")


# ------------------------------------------------------------------------------------------------ orders of rows
def _row_order(piv, *, rows):
    out = np.empty((*piv.shape[:-1], rows), np.int32)
    for place in np.ndindex(piv.shape[:-1]):
        order = list(range(rows))
        for i, j in enumerate(piv[place].tolist()):
            order[i], order[j] = order[j], order[i]
        out[place] = order
    return out


@primitive(core=lambda piv, *, rows: (1,), kernel=_row_order, differentiable=False, internal=True)
def row_order(piv, *, rows):
    """The order of rows that interchanges make: ``P a`` is ``a[order]``. Cost: one pass."""
    return _row_order(piv, rows=rows)


@row_order.def_shape
def _(piv, *, rows):
    return type(piv)((*piv.shape[:-1], rows), np.dtype(np.int32))


row_order.not_differentiable("row interchanges are integers")


@row_order.def_samples
def _(rng):
    yield sample(np.array([2, 2, 2], np.int32), rows=4)
    yield sample(rng.integers(1, 2, (2, 2)).astype(np.int32), rows=2)
    yield sample(np.ones((0, 1), np.int32), rows=3)


@primitive("(n)->(n)", differentiable=False, internal=True)
def inverse_order(order):
    """The order that undoes another one. Cost: a sort."""
    return np.argsort(order, axis=-1).astype(np.int32)


inverse_order.not_differentiable("an order of rows is integers")


@inverse_order.def_samples
def _(rng):
    yield sample(np.array([2, 0, 1], np.int32))
    yield sample(np.array([[1, 0], [0, 1]], np.int32))


def reordered(x, order):
    """The rows of matrices in another order."""
    if len(shape_of(order)) == 1:
        return ix.getitem(x, (Ellipsis, order, slice(None)))
    lead = np.broadcast_shapes(shape_of(x)[:-2], shape_of(order)[:-1])
    order = sh.broadcast_to(sh.reshape(order, (*shape_of(order), 1)), (*lead, shape_of(order)[-1], 1))
    return _select.take_along_axis(sh.broadcast_to(x, (*lead, *shape_of(x)[-2:])), order, -2)


# ------------------------------------------------------------------------------------------------ factors
@primitive(core=lambda a: (2,), n_out=2, kernel=lambda a: kernels.lu_factor(a), differentiable=False, internal=True)
def lu_of_any(a):
    """The LU factors of matrices of any shape, packed, and their row interchanges, as a tool. Cost: ``m n k`` operations."""
    return kernels.lu_factor(a)


@lu_of_any.def_shape
def _(a):
    kind = np.result_type(a.dtype, np.float32) if a.dtype.kind in "fc" else np.dtype(float)
    return type(a)(a.shape, kind), type(a)((*a.shape[:-2], min(a.shape[-2:])), np.dtype(np.int32))


lu_of_any.not_differentiable("the derivative of the factors flows through the matrix: lu_packed")


@lu_of_any.def_samples
def _(rng):
    yield sample(rng.standard_normal((4, 2)))
    yield sample(rng.standard_normal((2, 2, 3)))
    yield sample(np.ones((2, 0)))


def factors(a):
    """``lu, piv``: the first with the derivative in `a`."""
    m, n = shape_of(a)[-2:]
    lu, piv = lu_of(a) if m == n else lu_of_any(a)
    return lu_packed(a, lu, piv), piv


def _given(a, lu, piv):
    lead = np.broadcast_shapes(a.shape[:-2], lu.shape[:-2], piv.shape[:-1])
    return np.broadcast_to(lu, lead + lu.shape[-2:])


@primitive("(m,n),(m,n),(k)->(m,n)", kernel=_given, internal=True)
def lu_packed(a, lu, piv):
    """The LU factors of `a`, packed, which are `lu`: L below the diagonal, U above and on it.

    Derivative: all of it accounted to `a`, of which the factors are a function; in reverse `lu_pull`. Cost: none.
    """
    return kernels.lu_factor(a)[0]


def _low(lu, b, trans):
    return solve_triangular_core(lu, b, lower=True, trans=trans, unit=True)


def _over(lu, b, trans):
    """``b U^-1`` (`trans` 2) or ``b U^-H`` (0)."""
    return h_(solve_triangular_core(lu, h_(b), lower=False, trans=trans, unit=False))


def _unit(lu):
    return ew.add(low(lu), np.eye(*shape_of(lu)[-2:], dtype=dtype_of(lu)))


def _split(x, k):
    """The leading square block, and what lies below it or beside it."""
    m, n = shape_of(x)[-2:]
    lead, first, rest = Ellipsis, slice(0, k), slice(k, None)
    beyond = (lead, rest, slice(None)) if m > n else (lead, first, rest)
    return ix.getitem(x, (lead, first, first)), ix.getitem(x, beyond)


@lu_packed.def_vjp
def _(ct, out, a, lu, piv, specs):
    m, n = shape_of(out)[-2:]
    order = inverse_order(row_order(piv, rows=m))
    if m == n:
        return fit(reordered(lu_pull(out, ct), order), specs[0]), None, None
    square, beyond = _split(out, min(m, n))
    seed, more = _split(ct, min(m, n))
    if m > n:
        more = _over(square, more, 0)
        seed = ew.subtract(seed, up(matmul_core(h_(beyond), more)))
    else:
        more = _low(square, more, 2)
        seed = ew.subtract(seed, low(matmul_core(more, h_(beyond))))
    found = join.concatenate([lu_pull(square, seed), more], axis=-2 if m > n else -1)
    return fit(reordered(found, order), specs[0]), None, None


@lu_packed.def_jvp
def _(t, out, a, lu, piv):
    if t[0] is None:
        return None
    m, n = shape_of(out)[-2:]
    x = reordered(t[0], row_order(piv, rows=m))
    square, beyond, rest = out, None, None
    if m != n:
        square, beyond = _split(out, min(m, n))
        x, rest = _split(x, min(m, n))
    inner = _over(square, _low(square, x, 0), 2)
    to_l, to_u = matmul_core(_unit(square), low(inner)), matmul_core(up(inner), up(square))
    found = ew.add(to_l, to_u)
    if m > n:
        rest = _over(square, ew.subtract(rest, matmul_core(beyond, to_u)), 2)
    elif n > m:
        rest = _low(square, ew.subtract(rest, matmul_core(to_l, beyond)), 0)
    return found if m == n else join.concatenate([found, rest], axis=-2 if m > n else -1)


def _samples(rng):
    def case(a):
        # The factors stay as they are where the matrix is moved: tests of `lu` and `lu_factor` compare with differences.
        return sample(a, *kernels.lu_factor(a), order=0)

    yield case(well_conditioned(rng, 3, 3)[::-1].copy())
    yield case(rng.standard_normal((4, 2)))
    yield case(rng.standard_normal((2, 2, 3)))
    yield case(well_conditioned(rng, 3, 3, complex_too=True))
    yield case(np.ones((0, 0)))


lu_packed.def_samples(_samples)


def _pull_rule(lu, seed):
    """``L^-H (low(L^H ct_L) + up(ct_U U^H)) U^-H``."""
    inner = ew.add(low(matmul_core(h_(_unit(lu)), low(seed))), up(matmul_core(up(seed), h_(up(lu)))))
    return _over(lu, _low(lu, inner, 2), 0)


def _pull_kernel(lu, seed):
    pivots = np.diagonal(lu, 0, -2, -1)
    if not pivots.all():
        *place, j = (int(k) for k in np.argwhere(pivots == 0)[0])
        raise np.linalg.LinAlgError(
            f"lu: {matrix_of_batch(tuple(place))}the matrix is singular (U[{j}, {j}] is zero), so the factors have no derivative"
        )
    return kernels.lu_pull(lu, seed)


@primitive("(n,n),(n,n)->(n,n)", kernel=_pull_kernel, internal=True)
def lu_pull(lu, seed):
    """The cotangent of ``P a`` from that of its packed factors; see the top of this page.

    Derivative: that of the formula, whose steps are operations. Cost: ``8/3 n^3`` operations.
    """
    return _pull_rule(lu, seed)


@lu_pull.def_vjp
def _(ct, lu, seed):
    return pulled(_pull_rule, (lu, seed), ct)


@lu_pull.def_samples
def _(rng):
    for n, lead in ((3, ()), (2, (5,)), (1, ()), (18, ())):
        lu = lu_body(well_conditioned(rng, *lead, n, n))[0]
        yield sample(lu, rng.standard_normal(lu.shape), order=2 if n < 9 else 0)
    lu = lu_body(well_conditioned(rng, 3, 3, complex_too=True))[0]
    yield sample(lu, rng.standard_normal((3, 3)) + 1j, order=1)
    yield sample(np.ones((0, 2, 2)), np.ones((0, 2, 2)))
    yield sample(np.ones((0, 0)), np.ones((0, 0)))
