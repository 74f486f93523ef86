"""Products of matrices and vectors: every one is bilinear, and their adjoints are one another.

`matmul`, `matvec`, `vecmat`, `inner_last` and `outer_last` are separate primitives, so that a vector never becomes a
matrix with one column: the derivative of a matrix-vector product is an outer product and a vector-matrix product.
"""

import numpy as np

from scirs_ad._core.core import as_array, dtype_of, install, shape_of
from scirs_ad._core.define import primitive, raises, sample
from scirs_ad._core.lazy import lazy
from scirs_ad._kernels import routines
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.accumulate import no_out
from scirs_ad._ops.sparse import has_product, product

__all__ = [
    "dot",
    "inner",
    "kron",
    "matmul",
    "matvec",
    "outer",
    "tensordot",
    "vdot",
    "vecdot",
    "vecmat",
]

_linalg = lazy("scirs_ad._kernels.linalg", routines.alone)


def _fit(g, spec):
    """A cotangent in the shape and dtype of what it belongs to."""
    if shape_of(g) != spec.shape:
        g = sh.unbroadcast(g, spec.shape)
    return g if dtype_of(g) == spec.dtype else sh.cast(g, spec.dtype)


def _t(x):
    """The last two axes exchanged."""
    return sh.permute_core(x, axes=(-1, -2))


def _adjoint(x):
    return cx.conj(sh.permute_core(x, axes=(-1, -2)))


def _product_samples(*shapes):
    """Samples of a bilinear function: pairs of shapes, and the first pair in other dtypes."""

    def samples(rng):
        for a, b in shapes:
            yield sample(rng.standard_normal(a), rng.standard_normal(b))
        a, b = (rng.standard_normal(s) for s in shapes[0])
        yield sample(a.astype(np.float32), b.astype(np.float32))
        yield sample(a + 1j * rng.standard_normal(a.shape), b + 1j * rng.standard_normal(b.shape))
        yield sample(a, b + 1j * rng.standard_normal(b.shape))

    return samples


# ------------------------------------------------------------------------------------------------ matrices
def _matmul(a, b):
    return _linalg.matmul(a, b)


@primitive("(m,k),(k,n)->(m,n)", kernel=_matmul, name="matmul_core", internal=True)
def matmul_core(a, b):
    """Matrix product over leading axes.

    Derivative: ``ct b^H`` and ``a^H ct``. Cost: ``2 m k n`` operations each.
    """
    return np.matmul(a, b)


def _summed_outer(a, b):
    """``a^H b`` over all axes but the last: the cotangent of one matrix for a whole batch is one product, not a sum of many."""
    rows, columns = (sh.reshape(x, (-1, shape_of(x)[-1])) for x in (a, b))
    return matmul_core(_adjoint(rows), columns)


@matmul_core.def_vjp
def _(ct, a, b, specs):
    left, right = specs

    def to_b():
        if len(right.shape) == 2 and len(left.shape) > 2:
            return _fit(_summed_outer(a, ct), right)
        return _fit(matmul_core(_adjoint(a), ct), right)

    return lambda: _fit(matmul_core(ct, _adjoint(b)), left), to_b


@matmul_core.def_jvp
def _(t, a, b):
    return _bilinear(matmul_core, t, a, b)


def _bilinear(p, t, a, b, **params):
    """The tangent of a product."""
    ta, tb = t
    first = None if ta is None else p(ta, b, **params)
    second = None if tb is None else p(a, tb, **params)
    if first is None or second is None:
        return second if first is None else first
    return ew.add(first, second)


@matmul_core.def_samples
def _(rng):
    yield from _product_samples(
        ((2, 3), (3, 4)),
        ((2, 2, 3), (3, 4)),
        ((2, 3), (5, 3, 1)),
        ((2, 1, 2, 3), (4, 3, 2)),
        ((0, 3), (3, 2)),
        ((2, 0), (0, 3)),
        ((0, 2, 3), (3, 2)),
    )(rng)
    yield raises(ValueError, np.ones((2, 3)), np.ones((2, 3)))


def _matvec(a, x):
    # Not np.matvec or np.matmul: two thirds of their time for few numbers, and they look at the flags of the processor,
    # which gemv of OpenBLAS sets now and then where it reads more than the vector: "invalid value", of numbers all finite.
    return _linalg.matmul(a, x[..., None])[..., 0]


@primitive("(m,k),(k)->(m)", name="matvec_core", internal=True)
def matvec_core(a, x):
    """Matrix times vector over leading axes.

    Derivative: an outer product, and ``a^H ct``. Cost: ``2 m k`` operations each.
    """
    if x.ndim > 1 and a.ndim == 2:  # one matrix for a whole batch: one product of matrices, 40 times faster
        return _linalg.matmul(x, a.T)
    return _matvec(a, x)


@matvec_core.def_vjp
def _(ct, a, x, specs):
    def to_a():
        if len(specs[0].shape) == 2 and len(specs[1].shape) > 1:
            return _fit(_summed_outer(cx.conj(ct), cx.conj(x)), specs[0])
        return _fit(outer_last(ct, cx.conj(x)), specs[0])

    return to_a, lambda: _fit(matvec_core(_adjoint(a), ct), specs[1])


@matvec_core.def_jvp
def _(t, a, x):
    return _bilinear(matvec_core, t, a, x)


matvec_core.def_samples(
    _product_samples(
        ((2, 3), (3,)), ((4, 2, 3), (3,)), ((2, 3), (4, 3)), ((4, 2, 3), (4, 3)), ((0, 3), (3,)), ((2, 0), (0,))
    )
)


@primitive("(k),(k,n)->(n)", name="vecmat_core", internal=True)
def vecmat_core(x, b):
    """Vector times matrix over leading axes; `x` is not conjugated.

    Derivative: ``conj(b) ct``, and an outer product. Cost: ``2 k n`` operations each.
    """
    if x.ndim > 1 and b.ndim > 2:
        return _matvec(np.swapaxes(b, -1, -2), x)
    return _linalg.matmul(x, b) if x.ndim > 1 else _linalg.matmul(x[None], b)[..., 0, :]


@vecmat_core.def_vjp
def _(ct, x, b, specs):
    def to_b():
        if len(specs[1].shape) == 2 and len(specs[0].shape) > 1:
            return _fit(_summed_outer(x, ct), specs[1])
        return _fit(outer_last(cx.conj(x), ct), specs[1])

    return lambda: _fit(matvec_core(cx.conj(b), ct), specs[0]), to_b


@vecmat_core.def_jvp
def _(t, x, b):
    return _bilinear(vecmat_core, t, x, b)


vecmat_core.def_samples(_product_samples(((3,), (3, 2)), ((3,), (4, 3, 2)), ((4, 3), (3, 2)), ((0,), (0, 2))))


@primitive("(n),(n)->()", internal=True)
def inner_last(a, b):
    """Sum of products over the last axis; nothing is conjugated.

    Derivative: the other factor. Cost: ``2 n`` operations each.
    """
    if a.ndim == 1 and b.ndim == 1:
        return np.dot(a, b) if a.dtype.kind != "b" else np.matmul(a, b)
    if a.dtype.kind == "c":
        a = np.conjugate(a)  # vecdot conjugates its first argument
    return np.vecdot(a, b)


@inner_last.def_vjp
def _(ct, a, b, specs):
    ct = sh.reshape(ct, (*shape_of(ct), 1)) if shape_of(ct) else ct
    return lambda: _fit(ew.multiply(ct, cx.conj(b)), specs[0]), lambda: _fit(ew.multiply(ct, cx.conj(a)), specs[1])


@inner_last.def_jvp
def _(t, a, b):
    return _bilinear(inner_last, t, a, b)


inner_last.def_samples(_product_samples(((3,), (3,)), ((2, 3), (3,)), ((2, 3), (2, 3)), ((0,), (0,))))


@primitive("(m),(n)->(m,n)", internal=True)
def outer_last(a, b):
    """All products of the elements of two last axes.

    Derivative: matrix times vector, with the other factor. Cost: ``m n`` operations, twice that backward.
    """
    return np.multiply(a[..., :, None], b[..., None, :])


@outer_last.def_vjp
def _(ct, a, b, specs):
    return lambda: _fit(matvec_core(ct, cx.conj(b)), specs[0]), lambda: _fit(vecmat_core(cx.conj(a), ct), specs[1])


@outer_last.def_jvp
def _(t, a, b):
    return _bilinear(outer_last, t, a, b)


outer_last.def_samples(_product_samples(((3,), (2,)), ((2, 3), (4,)), ((2, 3), (2, 4)), ((0,), (2,))))


# ------------------------------------------------------------------------------------------------ doors
def _need_axes(name, a, b, shape_a, shape_b, least):
    for n, shape in ((least[0], shape_a), (least[1], shape_b)):
        if len(shape) < n:
            raise ValueError(f"{name}: an argument of shape {shape}; at least {n} dimension(s) are needed")


def matmul(x1, x2, /):
    """Matrix product, as the operator ``@``.

    Parameters
    ----------
    x1 : array_like, shape (..., m, k) or (k,)
    x2 : array_like, shape (..., k, n) or (k,)
        Leading axes broadcast. A vector is a row on the left, a column on the right.

    Returns
    -------
    Variable or ndarray, shape (..., m, n)
        Without the axes that a vector lacks: a scalar for two vectors.

    Raises
    ------
    ValueError
        If the shapes do not fit, or an argument is a scalar.

    Notes
    -----
    Derivative: ``ct x2^H`` and ``x1^H ct``, summed over broadcast axes. Cost: ``2 m k n`` operations each.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.matmul([[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0])
    array([3., 7.])
    """
    if has_product(x1) or has_product(x2):
        return product(x1, x2)
    x1, x2 = as_array(x1), as_array(x2)
    left, right = shape_of(x1), shape_of(x2)
    if not left or not right:
        raise ValueError("matmul: a scalar was given; use multiply")
    inner = right[-2] if len(right) > 1 else right[0]
    if left[-1] != inner:
        raise ValueError(
            f"matmul: dimension k is {inner}, expected {left[-1]}, in (m,k),(k,n)->(m,n); the shapes are "
            f"{left} and {right}"
        )
    if len(left) > 1:
        return matmul_core(x1, x2) if len(right) > 1 else matvec_core(x1, x2)
    return vecmat_core(x1, x2) if len(right) > 1 else inner_last(x1, x2)


def _last_equal(name, a, b):
    left, right = shape_of(a), shape_of(b)
    if left[-1] != right[-1]:
        raise ValueError(
            f"{name}: the last axes have lengths {left[-1]} and {right[-1]}; the shapes are {left}, {right}"
        )


def dot(a, b, out=None):
    """Dot product: over the last axis of `a` and the last but one of `b`.

    Parameters
    ----------
    a : array_like, shape (..., k)
    b : array_like, shape (..., k, n) or (k,)
    out : None
        Must not be given.

    Returns
    -------
    Variable or ndarray
        Of the axes of `a` without its last and those of `b` without its last but one; with a scalar the product.

    Raises
    ------
    ValueError
        If the lengths differ.

    Notes
    -----
    Derivative: dot products with the other factor. Cost: two operations per product.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.dot([1.0, 2.0], [3.0, 4.0])
    array(11.)
    """
    no_out(out, "dot")
    if has_product(a) or has_product(b):
        return product(a, b, "dot")
    a, b = as_array(a), as_array(b)
    left, right = shape_of(a), shape_of(b)
    if not left or not right:
        return ew.multiply(a, b)
    if len(right) == 1 or (len(right) == 2 and len(left) <= 2):
        return matmul(a, b)
    return tensordot(a, b, axes=((-1,), (-2,)))


def vdot(a, b, /):
    """Dot product of two flattened arrays, the first conjugated.

    Parameters
    ----------
    a, b : array_like, shape (...)
        With the same number of elements.

    Returns
    -------
    Variable or ndarray, shape ()

    Raises
    ------
    ValueError
        If the sizes differ.

    Notes
    -----
    Derivative: the other factor. Cost: two operations per element.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.vdot([1.0 + 1j], [1.0 + 1j])
    array(2.+0.j)
    """
    a, b = _flat(as_array(a)), _flat(as_array(b))
    _last_equal("vdot", a, b)
    return inner_last(cx.conj(a), b)


def _flat(a):
    shape = shape_of(a)
    if len(shape) == 1:
        return a
    n = 1
    for k in shape:
        n *= k
    return sh.reshape_core(a, core=len(shape), to=(n,))


def inner(a, b, /):
    """Sum of products over the last axes of both arrays; nothing is conjugated.

    Parameters
    ----------
    a : array_like, shape (..., k)
    b : array_like, shape (..., k)

    Returns
    -------
    Variable or ndarray
        Of the other axes of `a`, then those of `b`.

    Raises
    ------
    ValueError
        If the last axes differ.

    Notes
    -----
    Derivative: products with the other factor. Cost: two operations per product.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.inner([1.0, 2.0], [3.0, 4.0])
    array(11.)
    """
    a, b = as_array(a), as_array(b)
    left, right = shape_of(a), shape_of(b)
    if not left or not right:
        return ew.multiply(a, b)
    _last_equal("inner", a, b)
    if len(right) == 1:
        return matmul(a, b)
    return tensordot(a, b, axes=((-1,), (-1,)))


def outer(a, b, out=None):
    """All products of the elements of two flattened arrays.

    Parameters
    ----------
    a : array_like, size m
    b : array_like, size n
    out : None
        Must not be given.

    Returns
    -------
    Variable or ndarray, shape (m, n)

    Notes
    -----
    Derivative: matrix times vector, with the other factor. Cost: ``m n`` operations.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.outer([1.0, 2.0], [3.0, 4.0])
    array([[3., 4.],
           [6., 8.]])
    """
    no_out(out, "outer")
    return outer_last(_flat(as_array(a)), _flat(as_array(b)))


def _pair_axes(axes, left, right):
    """The axes of `tensordot` as two lists of non-negative ints."""
    try:
        first, second = axes
    except TypeError:
        n = axes.__index__()
        if n < 0 or n > len(left) or n > len(right):
            raise ValueError(f"tensordot: axes={n} does not fit shapes {left} and {right}") from None
        return list(range(len(left) - n, len(left))), list(range(n))
    found = []
    for which, shape in ((first, left), (second, right)):
        which = list(which) if isinstance(which, (tuple, list, np.ndarray)) else [which]
        sh.normalize_axes(tuple(which), len(shape), "tensordot")
        found.append([int(i) % len(shape) for i in which])
    if len(found[0]) != len(found[1]) or [left[i] for i in found[0]] != [right[j] for j in found[1]]:
        raise ValueError(f"tensordot: axes {axes} of shapes {left} and {right} do not have the same lengths")
    return found


def tensordot(a, b, axes=2):
    """Sum of products over several axes.

    Parameters
    ----------
    a, b : array_like, shape (...)
    axes : int or (int or list of int, int or list of int)
        The number of last axes of `a` and first axes of `b`, or the axes of each.

    Returns
    -------
    Variable or ndarray
        Of the remaining axes of `a`, then those of `b`.

    Raises
    ------
    ValueError
        If the lengths differ.

    Notes
    -----
    Derivative: one matrix product for each factor. Cost: one matrix product, and copies for unordered axes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.tensordot([[1.0, 2.0], [3.0, 4.0]], [[1.0, 1.0], [1.0, 1.0]])
    array(10.)
    """
    a, b = as_array(a), as_array(b)
    left, right = shape_of(a), shape_of(b)
    of_a, of_b = _pair_axes(axes, left, right)
    rows = [i for i in range(len(left)) if i not in of_a]
    columns = [j for j in range(len(right)) if j not in of_b]
    k = 1
    for i in of_a:
        k *= left[i]
    m, n = [left[i] for i in rows], [right[j] for j in columns]
    a = _as_matrix(a, rows + of_a, (_product(m), k) if m else (k,))
    b = _as_matrix(b, of_b + columns, (k, _product(n)) if n else (k,))
    return sh.reshape(matmul(a, b), (*m, *n))


def _product(lengths):
    n = 1
    for k in lengths:
        n *= k
    return n


def _as_matrix(x, order, shape):
    """Axes permuted and merged; without work where they are in order already."""
    if order != list(range(len(order))):
        x = sh.permute_core(x, axes=tuple([i - len(order) for i in order]))
    return x if shape_of(x) == shape else sh.reshape(x, shape)


def kron(a, b):
    """Kronecker product: a block `b` for each element of `a`.

    Parameters
    ----------
    a, b : array_like, shape (...)

    Returns
    -------
    Variable or ndarray
        The lengths of each axis multiply.

    Notes
    -----
    Derivative: sums of products with the other factor. Cost: one operation per element of the result.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.kron([1.0, 10.0], [1.0, 2.0])
    array([ 1.,  2., 10., 20.])
    """
    a, b = as_array(a), as_array(b)
    left, right = shape_of(a), shape_of(b)
    if not left or not right:
        return ew.multiply(a, b)
    n = len(left) if len(left) > len(right) else len(right)
    left, right = (1,) * (n - len(left)) + left, (1,) * (n - len(right)) + right
    wide = sh.reshape(a, [m for k in left for m in (k, 1)])
    inner_shape = [m for k in right for m in (1, k)]
    return sh.reshape(ew.multiply(wide, sh.reshape(b, inner_shape)), [p * q for p, q in zip(left, right, strict=True)])


def vecdot(x1, x2, /, *, axis=-1):
    """Dot products of vectors along an axis, the first one conjugated.

    Parameters
    ----------
    x1, x2 : array_like, shape (..., n)
        Broadcast together.
    axis : int
        Where the vectors lie.

    Returns
    -------
    Variable or ndarray, shape (...)

    Raises
    ------
    ValueError
        If the lengths differ.

    Notes
    -----
    Derivative: the other factor. Cost: two operations per element.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.vecdot([[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0])
    array([3., 7.])
    """
    x1, x2 = as_array(x1), as_array(x2)
    if not shape_of(x1) or not shape_of(x2):
        raise ValueError("vecdot: a scalar was given; at least one dimension is needed")
    x1, x2 = _axis_last(x1, axis, "vecdot"), _axis_last(x2, axis, "vecdot")
    _last_equal("vecdot", x1, x2)
    return inner_last(cx.conj(x1), x2)


def _axis_last(x, axis, name):
    ndim = len(shape_of(x))
    (axis,) = sh.normalize_axes(axis, ndim, name)
    if axis == -1:
        return x
    return sh.permute_core(x, axes=(*range(-ndim, axis), *range(axis + 1, 0), axis))


def matvec(x1, x2, /):
    """Matrices times vectors.

    Parameters
    ----------
    x1 : array_like, shape (..., m, n)
    x2 : array_like, shape (..., n)

    Returns
    -------
    Variable or ndarray, shape (..., m)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Derivative: an outer product, and ``x1^H ct``. Cost: ``2 m n`` operations each.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.matvec([[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0], [0.0, 1.0]])
    array([[1., 3.],
           [2., 4.]])
    """
    x1, x2 = as_array(x1), as_array(x2)
    _need_axes("matvec", x1, x2, shape_of(x1), shape_of(x2), (2, 1))
    _last_equal("matvec", x1, x2)
    return matvec_core(x1, x2)


def vecmat(x1, x2, /):
    """Conjugated vectors times matrices.

    Parameters
    ----------
    x1 : array_like, shape (..., n)
    x2 : array_like, shape (..., n, m)

    Returns
    -------
    Variable or ndarray, shape (..., m)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Derivative: ``x2 ct``, and an outer product. Cost: ``2 m n`` operations each.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.vecmat([1.0, 1.0], [[1.0, 2.0], [3.0, 4.0]])
    array([4., 6.])
    """
    x1, x2 = as_array(x1), as_array(x2)
    _need_axes("vecmat", x1, x2, shape_of(x1), shape_of(x2), (1, 2))
    if shape_of(x1)[-1] != shape_of(x2)[-2]:
        raise ValueError(f"vecmat: dimension n is {shape_of(x2)[-2]}, expected {shape_of(x1)[-1]}, in (n),(n,m)->(m)")
    return vecmat_core(cx.conj(x1), x2)


install(operators={"matmul": matmul})
