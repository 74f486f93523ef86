"""Norms, conditions and powers of matrices, least squares, and tensor equations: compositions of the pages below."""

import functools
import warnings

import numpy as np

from scirs_ad._core.core import as_array, dtype_of, shape_of
from scirs_ad._core.define import primitive, sample
from scirs_ad._ops import decompositions as dc
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import extrema, products, reduce
from scirs_ad._ops import linalg as la
from scirs_ad._ops import shape as sh
from scirs_ad._ops.index import known
from scirs_ad._ops.linalg_policy import DegenerateWarning, chosen, matrix_of_batch


def _kept(x, axes, ndim, keepdims):
    """`x`, reduced over `axes`, with axes of length one in their places if asked for."""
    if not keepdims:
        return x
    shape = list(shape_of(x))
    for a in sorted(a % ndim for a in axes):
        shape.insert(a, 1)
    return sh.reshape(x, tuple(shape))


def _root(x, p):
    """``x ** (1 / p)`` with derivative 0 at 0."""
    zero = ew.equal(x, 0.0)
    return ew.where(zero, 0.0, ew.power(ew.where(zero, 1.0, x), 1.0 / p))


def vector_norm(x, /, *, axis=None, keepdims=False, ord=2):
    """Norm of vectors.

    Parameters
    ----------
    x : array_like
    axis : None, int or tuple of int
        All axes by default.
    keepdims : bool
    ord : float
        2 by default; any number, inf, -inf, or 0 (count of nonzeros).

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: of the 2-norm ``x / |x|``; 0 at the zero vector. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.vector_norm([3.0, 4.0])
    array(5.)
    """
    x = as_array(x)
    if dtype_of(x).kind not in "fc":
        x = sh.astype(x, float)
    ndim = len(shape_of(x))
    axes = sh.normalize_axes(axis, ndim, "vector_norm")
    size = ew.abs(x)
    if ord in (2, None):
        total = ew.sqrt(sh.sum(ew.square(size), axis=axes))
    elif ord == 1:
        total = sh.sum(size, axis=axes)
    elif ord == np.inf:
        total = extrema.max(size, axis=axes)
    elif ord == -np.inf:
        total = extrema.min(size, axis=axes)
    elif ord == 0:
        total = sh.astype(reduce.count_nonzero(x, axis=axes), size.dtype)
    else:
        total = _root(sh.sum(ew.power(size, float(ord)), axis=axes), float(ord))
    return _kept(total, axes, ndim, keepdims)


def matrix_norm(x, /, *, keepdims=False, ord="fro"):
    """Norm of matrices in the last two axes.

    Parameters
    ----------
    x : array_like, shape (..., m, n)
    keepdims : bool
    ord : {"fro", "nuc", 1, -1, 2, -2, inf, -inf}

    Returns
    -------
    Variable or ndarray, shape (...)

    Raises
    ------
    ValueError
        For another `ord`.

    Notes
    -----
    Derivative: a subgradient, 0 at the zero matrix; for "nuc" ``U V^H`` without singular values of zero. Cost: one pass,
    or the singular values.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.matrix_norm([[3.0, 0.0], [0.0, 4.0]], ord="nuc")
    array(7.)
    """
    x = as_array(x)
    ndim = len(shape_of(x))
    if ndim < 2:
        raise ValueError(f"matrix_norm: matrices are needed; the shape is {shape_of(x)}")
    if ord in ("fro", None):
        return vector_norm(x, axis=(-2, -1), keepdims=keepdims)
    if ord in (1, -1, np.inf, -np.inf):
        sums = sh.sum(ew.abs(x), axis=-2 if ord in (1, -1) else -1)
        total = (extrema.max if ord > 0 else extrema.min)(sums, axis=-1)
    elif ord in (2, -2, "nuc"):
        s = ew.abs(dc.svdvals(x))  # the derivative of abs is 0 at 0
        total = sh.sum(s, axis=-1) if ord == "nuc" else (extrema.max if ord == 2 else extrema.min)(s, axis=-1)
    else:
        raise ValueError(f"matrix_norm: ord must be 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, not {ord!r}")
    return _kept(total, (-2, -1), ndim, keepdims)


def norm(x, ord=None, axis=None, keepdims=False):
    """Norm of a vector or matrix.

    Parameters
    ----------
    x : array_like
    ord : None, float, "fro" or "nuc"
        None: the 2-norm of all elements.
    axis : None, int or tuple of two ints
        An int: vectors along it; two: matrices. None: vector or matrix by the dimension of `x`.
    keepdims : bool

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If `ord` does not fit, or `x` has more than two dimensions with `ord` but without `axis`.

    Notes
    -----
    Derivative: of the 2-norm ``x / |x|``; 0 at zero. Cost: one pass, or the singular values.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.norm([3.0, 4.0])
    array(5.)
    """
    x = as_array(x)
    ndim = len(shape_of(x))
    if axis is None and (ord is None or (ndim == 2 and ord == "fro") or (ndim == 1 and ord == 2)):
        return vector_norm(x, keepdims=keepdims)
    axes = (
        sh.normalize_axes(axis, ndim, "norm") if not isinstance(axis, tuple) else tuple(a % ndim - ndim for a in axis)
    )
    if len(axes) == 1:
        if isinstance(ord, str):
            raise ValueError(f"norm: {ord!r} is a norm of matrices; x is a vector")
        return vector_norm(x, axis=axes, keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axes) != 2:
        raise ValueError(f"norm: axis must name one or two axes; x has the shape {shape_of(x)}")
    order = [k for k in range(ndim) if k - ndim not in axes] + [a + ndim for a in axes]
    total = matrix_norm(sh.permute_dims(x, order), ord="fro" if ord is None else ord)
    return _kept(total, axes, ndim, keepdims)


def cond(x, p=None):
    """Condition number of matrices.

    Parameters
    ----------
    x : array_like, shape (..., m, n)
    p : None, "fro", "nuc", 1, -1, 2, -2, inf, -inf
        Of which norm; None and 2: the ratio of the extreme singular values.

    Returns
    -------
    Variable or ndarray, shape (...)

    Notes
    -----
    Derivative: by that of the singular values, or of norm and inverse. Cost: those.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.cond([[2.0, 0.0], [0.0, 1.0]])
    array(2.)
    """
    if p in (None, 2, -2):
        s = dc.svdvals(x)
        largest, least = extrema.max(s, axis=-1), extrema.min(s, axis=-1)
        return ew.divide(least, largest) if p == -2 else condition(largest, least)
    return ew.multiply(matrix_norm(x, ord=p), matrix_norm(la.inv(x), ord=p))


def _known_reciprocal(x):
    zero = x == 0
    if np.any(zero) and (what := chosen("degenerate")) != "ignore":
        place = tuple(int(k) for k in np.argwhere(zero)[0])
        message = f"cond: {matrix_of_batch(place)}singular: its condition is infinite, which has no derivative"
        if what == "raise":
            raise np.linalg.LinAlgError(message)
        warnings.warn(f"{message}; 0 is given", DegenerateWarning, stacklevel=2)
    return np.divide(1.0, x, out=np.zeros_like(x), where=~zero)


@primitive("()->()", kernel=_known_reciprocal, internal=True)
def known_reciprocal(x):
    """``1 / x``, 0 and a warning where `x` is zero: an operation, so that it speaks where numbers are.

    Derivative: ``-ct out^2``. Cost: one pass.
    """
    return np.where(x == 0, 0.0, 1.0 / np.where(x == 0, 1.0, x)).astype(x.dtype)


@known_reciprocal.def_vjp
def _(ct, out):
    return ew.negative(ew.multiply(ct, ew.multiply(out, out)))


@known_reciprocal.def_samples
def _(rng):
    yield sample(rng.uniform(0.5, 2.0, 3))


def _condition(largest, least):
    out = np.full(np.broadcast_shapes(largest.shape, least.shape), np.inf, least.dtype)
    return np.divide(largest, least, out=out, where=least != 0)


@primitive("(),()->()", kernel=_condition, internal=True)
def condition(largest, least):
    """The quotient of two singular values, infinite for singular matrices.

    Derivative: that of the quotient; at singular matrices none, which a `DegenerateWarning` says. Cost: one pass.
    """
    return _condition(largest, least)


@condition.def_vjp
def _(ct, largest, least, specs):
    inverse = known_reciprocal(least)
    share = ew.multiply(ct, inverse)
    to_least = ew.negative(ew.multiply(share, ew.multiply(largest, inverse)))
    return la.fit(share, specs[0]), la.fit(to_least, specs[1])


@condition.def_samples
def _(rng):
    yield sample(rng.uniform(1.0, 2.0, 3), rng.uniform(0.5, 1.0, 3))
    yield sample(np.asarray(2.0), np.asarray(0.5))


def _rank(s, cut):
    """How many singular values are above `cut` times the largest, over leading axes and on Variables of any level."""
    if not shape_of(s)[-1]:
        return np.zeros(shape_of(s)[:-1], int)
    return reduce.count_nonzero(ew.greater(s, ew.multiply(extrema.max(s, axis=-1, keepdims=True), cut)), axis=-1)


def matrix_rank(A, tol=None, hermitian=False, *, rtol=None):
    """Rank of matrices, by singular values.

    Parameters
    ----------
    A : array_like, shape (..., m, n)
    tol, rtol : float, optional
    hermitian : bool

    Returns
    -------
    ndarray of int, shape (...)
        Under `vmap` and while tracing, where the values are not known, a Variable.

    Notes
    -----
    Derivative: none; it is piecewise constant. Cost: the singular values.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.matrix_rank([[1.0, 1.0], [1.0, 1.0]])
    np.int64(1)
    """
    values = known(as_array(A))
    if type(values) is np.ndarray:
        return np.linalg.matrix_rank(values, tol, hermitian, rtol=rtol)
    s = dc.svdvals(A)
    if tol is not None:
        if rtol is not None:
            raise ValueError("matrix_rank: tol and rtol can't be both set")
        return reduce.count_nonzero(ew.greater(s, tol), axis=-1)
    return _rank(s, max(shape_of(A)[-2:]) * np.finfo(dtype_of(s)).eps if rtol is None else rtol)


def matrix_power(a, n):
    """A square matrix to a whole power.

    Parameters
    ----------
    a : array_like, shape (..., m, m)
    n : int
        May be negative or 0.

    Returns
    -------
    Variable or ndarray, shape (..., m, m)

    Raises
    ------
    TypeError
        If `n` is not an integer.
    numpy.linalg.LinAlgError
        If a matrix is not square, or singular with negative `n`.

    Notes
    -----
    Derivative: through the products. Cost: about ``2 log2(n)`` products.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.matrix_power([[1.0, 1.0], [0.0, 1.0]], 3)
    array([[1., 3.],
           [0., 1.]])
    """
    a = la.square_matrices("matrix_power", a)
    try:
        n = n.__index__()
    except AttributeError:
        raise TypeError(f"matrix_power: n must be an integer, not {n!r}") from None
    if n == 0:
        return ew.add(ew.multiply(a, 0.0), la.eye_like(a))
    if n < 0:
        a, n = la.inv(a), -n
    result = None
    while n:
        if n & 1:
            result = a if result is None else products.matmul(result, a)
        n >>= 1
        if n:
            a = products.matmul(a, a)
    return result


def multi_dot(arrays, *, out=None):
    """Product of several matrices, in the cheapest order.

    Parameters
    ----------
    arrays : sequence of array_like
        Matrices; the first and the last may be vectors.
    out : None

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        For fewer than two arrays.

    Notes
    -----
    Derivative: through the products. Cost: the least number of operations that an order can have.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.multi_dot([[[1.0, 2.0]], [[3.0], [4.0]]])
    array([[11.]])
    """
    if out is not None:
        raise TypeError("multi_dot: out= is not supported")
    arrays = [as_array(a) for a in arrays]
    n = len(arrays)
    if n < 2:
        raise ValueError(f"multi_dot: at least two arrays are needed, not {n}")
    first, last = len(shape_of(arrays[0])) == 1, len(shape_of(arrays[-1])) == 1
    if first:
        arrays[0] = sh.reshape(arrays[0], (1, -1))
    if last:
        arrays[-1] = sh.reshape(arrays[-1], (-1, 1))
    p = [shape_of(a)[0] for a in arrays] + [shape_of(arrays[-1])[1]]

    @functools.cache
    def best(i, j):
        if i == j:
            return 0, i
        return min((best(i, k)[0] + best(k + 1, j)[0] + p[i] * p[k + 1] * p[j + 1], k) for k in range(i, j))

    def product(i, j):
        if i == j:
            return arrays[i]
        k = best(i, j)[1]
        return products.matmul(product(i, k), product(k + 1, j))

    result = product(0, n - 1)
    shape = shape_of(result)
    return sh.reshape(result, shape[first : 2 - last])


def lstsq(a, b, rcond=None):
    """Least-squares solution of linear equations, of least norm.

    Parameters
    ----------
    a : array_like, shape (m, n)
    b : array_like, shape (m,) or (m, k)
    rcond : float, optional
        Singular values up to this times the largest count as zero.

    Returns
    -------
    x : Variable or ndarray, shape (n,) or (n, k)
    residuals : Variable or ndarray
        Sums of squares for each column; empty if the rank is not n or there are no more equations than unknowns. Under
        `vmap` and while tracing the rank is not known, and taken for n here.
    rank : int
    s : Variable or ndarray
        Singular values.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the number of equations differs.

    Notes
    -----
    Derivative: that of the pseudo-inverse, at constant rank. Cost: a singular value decomposition.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.lstsq([[2.0], [0.0]], [4.0, 1.0])[0]
    array([2.])
    """
    a, b = as_array(a), as_array(b)
    if len(shape_of(a)) != 2 or shape_of(a)[0] != shape_of(b)[0]:
        raise np.linalg.LinAlgError(f"lstsq: shapes {shape_of(a)} and {shape_of(b)} do not fit")
    m, n = shape_of(a)
    a = a if dtype_of(a).kind in "fc" else sh.astype(a, float)
    cut = max(m, n) * np.finfo(dtype_of(a)).eps if rcond is None or rcond == -1 else float(rcond)
    x = products.matmul(dc.pinv_core(a, rcond=cut), b)
    s = dc.svdvals(a)
    values = known(s)
    # Under vmap and while tracing the rank is not known, and a shape cannot depend on it: full rank is taken for granted.
    full = type(values) is not np.ndarray
    rank = _rank(s, cut) if full else int(np.sum(values > cut * values.max(initial=0.0)))
    if (full or rank == n) and m > n:
        rest = ew.subtract(b, products.matmul(a, x))
        residuals = sh.sum(ew.square(ew.abs(rest)), axis=0)
        residuals = sh.reshape(residuals, (-1,))
    else:
        residuals = np.empty(0, dtype_of(x))
    return x, residuals, rank, s


def tensorsolve(a, b, axes=None):
    """Solve ``a x = b`` for a tensor `x`, summing over the trailing axes of `a`.

    Parameters
    ----------
    a : array_like
    b : array_like
    axes : tuple of int, optional
        Axes of `a` to move to the end first.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    numpy.linalg.LinAlgError
        If `a`, as a matrix, is not square or is singular.

    Notes
    -----
    Derivative: as of `solve`. Cost: that of `solve`.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.tensorsolve(np.eye(4).reshape(2, 2, 2, 2), np.ones((2, 2)))
    array([[1., 1.],
           [1., 1.]])
    """
    a, b = as_array(a), as_array(b)
    ndim = len(shape_of(a))
    if axes is not None:
        moved = [k % ndim for k in axes]
        a = sh.permute_dims(a, [k for k in range(ndim) if k not in moved] + moved)
    rest = shape_of(a)[len(shape_of(b)) :]
    size = int(np.prod(rest))
    if int(np.prod(shape_of(a))) != size * size:
        raise np.linalg.LinAlgError(f"tensorsolve: a of shape {shape_of(a)} is not square for b of shape {shape_of(b)}")
    return sh.reshape(la.solve(sh.reshape(a, (size, size)), sh.reshape(b, (size,))), rest)


def tensorinv(a, ind=2):
    """Inverse of a tensor as a map from its trailing to its first `ind` axes.

    Parameters
    ----------
    a : array_like
    ind : int

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If `ind` is not positive.

    Notes
    -----
    Derivative: as of `inv`. Cost: that of `inv`.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.numpy as anp
    >>> anp.linalg.tensorinv(np.eye(4).reshape(4, 2, 2), ind=1).shape
    (2, 2, 4)
    """
    if ind <= 0:
        raise ValueError(f"tensorinv: ind must be positive, not {ind}")
    shape = shape_of(a)
    rest = shape[ind:] + shape[:ind]
    size = int(np.prod(shape[ind:]))
    return sh.reshape(la.inv(sh.reshape(a, (-1, size))), rest)
