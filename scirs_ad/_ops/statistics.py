"""Covariances, functions applied along axes, phases, and the functions of one variable that need care at a point."""

import math

import numpy as np

from scirs_ad._core.core import as_array, dtype_of, shape_of
from scirs_ad._core.define import primitive, sample
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import join, moments, products
from scirs_ad._ops import shape as sh
from scirs_ad._ops.accumulate import cumsum_along
from scirs_ad._ops.calculus import diff_along
from scirs_ad._ops.index import getitem

__all__ = ["apply_along_axis", "apply_over_axes", "corrcoef", "cov", "fix", "nan_to_num", "sinc", "unwrap", "vectorize"]

fix = ew.trunc


# ------------------------------------------------------------------------------------------------ covariance
def cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, *, dtype=None):
    """Covariance matrix.

    Parameters
    ----------
    m : array_like, shape (p, n) or (n,)
        A row for each variable (a column, unless `rowvar`), an entry for each observation.
    y : array_like, optional
        More variables.
    rowvar : bool
    bias : bool
        Divide by n instead of n - 1.
    ddof : int, optional
        Divide by n - ddof.
    fweights, aweights : array_like, shape (n,), optional
        How often each observation counts, and how much.
    dtype : dtype, optional

    Returns
    -------
    Variable or ndarray, shape (p, p), or () for one variable

    Raises
    ------
    ValueError
        If there are more than two dimensions, or the weights do not fit.

    Notes
    -----
    Derivative: in the observations and in `aweights`. Cost: one product of matrices.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.cov([1.0, 2.0, 3.0])
    array(1.)
    """
    if ddof is not None and ddof != int(ddof):
        raise ValueError("cov: ddof must be a whole number")
    x = _rows(m, rowvar, dtype, "cov")
    if y is not None:
        x = join.concatenate([x, _rows(y, rowvar, dtype, "cov")], 0)
    if ddof is None:
        ddof = 0 if bias else 1
    n = shape_of(x)[1]
    weights, scale = _weights(n, fweights, aweights, ddof)
    if weights is None:
        mean = moments.mean(x, 1, keepdims=True)
        centred = ew.subtract(x, mean)
        weighted = centred
    else:
        total = sh.sum(weights)
        mean = ew.divide(products.matvec_core(x, sh.cast(weights, dtype_of(x))), total)
        centred = ew.subtract(x, sh.reshape(mean, (-1, 1)))
        weighted = ew.multiply(centred, weights)
    found = ew.divide(products.matmul_core(weighted, _adjoint(centred)), scale)
    return sh.reshape(found, ()) if shape_of(found) == (1, 1) else found


def _adjoint(x):
    return cx.conj(sh.permute_core(x, axes=(-1, -2)))


def _rows(m, rowvar, dtype, name):
    m = as_array(m)
    if len(shape_of(m)) > 2:
        raise ValueError(f"{name}: an array of shape {shape_of(m)}; at most two dimensions are allowed")
    if dtype is not None:
        m = sh.astype(m, dtype)
    elif dtype_of(m).kind not in "fc":
        m = sh.cast(m, np.float64)
    if len(shape_of(m)) < 2:
        return sh.reshape(m, (1, -1))
    return m if rowvar or shape_of(m)[0] == 1 else sh.permute_core(m, axes=(-1, -2))


def _weights(n, fweights, aweights, ddof):
    """The weights of the observations (None: equal), and what the sum of products is divided by."""
    if fweights is None and aweights is None:
        return None, float(n - ddof) if n > ddof else np.float64(0.0)
    weights = None
    for given, name in ((fweights, "fweights"), (aweights, "aweights")):
        if given is None:
            continue
        given = as_array(given)
        if shape_of(given) != (n,):
            raise ValueError(f"cov: {name} has shape {shape_of(given)}, the observations are {n}")
        given = given if dtype_of(given).kind == "f" else sh.cast(given, np.float64)
        weights = given if weights is None else ew.multiply(weights, given)
    total = sh.sum(weights)
    if ddof == 0 or aweights is None:
        return weights, ew.subtract(total, float(ddof))
    squares = sh.sum(ew.multiply(weights, aweights))
    return weights, ew.subtract(total, ew.divide(ew.multiply(float(ddof), squares), total))


def corrcoef(x, y=None, rowvar=True, *, dtype=None):
    """Matrix of the correlation coefficients.

    Parameters
    ----------
    x : array_like, shape (p, n) or (n,)
    y : array_like, optional
        More variables.
    rowvar : bool
        Whether rows are the variables.
    dtype : dtype, optional

    Returns
    -------
    Variable or ndarray, shape (p, p), or () for one variable

    Notes
    -----
    Derivative: in the observations. Cost: one product of matrices.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.corrcoef([1.0, 2.0, 4.0], [2.0, 4.0, 8.0])
    array([[1., 1.],
           [1., 1.]])
    """
    c = cov(x, y, rowvar, dtype=dtype)
    if not shape_of(c):
        return ew.divide(c, c)
    p = shape_of(c)[0]
    deviation = ew.sqrt(cx.real(getitem(c, (np.arange(p), np.arange(p)))))
    c = ew.divide(ew.divide(c, sh.reshape(deviation, (p, 1))), deviation)
    # Rounding may exceed 1 by an ulp; the limit takes no derivative away.
    if dtype_of(c).kind == "c":
        return c
    return ew.clip_to(c, -1.0, 1.0)


# ------------------------------------------------------------------------------------------------ loops
def apply_along_axis(func1d, axis, arr, *args, **kwargs):
    """A function of vectors, applied along an axis.

    Parameters
    ----------
    func1d : callable
        Takes a 1-D array first.
    axis : int
    arr : array_like, shape (..., n, ...)
    *args, **kwargs
        Passed to `func1d`.

    Returns
    -------
    Variable or ndarray
        The axis replaced by the shape of what `func1d` returns.

    Raises
    ------
    ValueError
        If there is nothing to apply the function to.

    Notes
    -----
    Derivative: that of `func1d`. Cost: one call for each vector; `scirs_ad.vmap` is faster.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.apply_along_axis(lambda v: v.max(), 1, [[1.0, 2.0], [4.0, 3.0]])
    array([2., 4.])
    """
    arr = as_array(arr)
    shape = shape_of(arr)
    (axis,) = sh.normalize_axes(axis, len(shape), "apply_along_axis")
    before, after = shape[: len(shape) + axis], shape[len(shape) + axis + 1 :]
    places = list(np.ndindex(*before, *after))
    if not places:
        raise ValueError(f"apply_along_axis: no vectors along axis {axis} of shape {shape}")
    found = []
    for place in places:
        key = (*place[: len(before)], slice(None), *place[len(before) :])
        found.append(as_array(func1d(getitem(arr, key), *args, **kwargs)))
    inner = shape_of(found[0])
    out = sh.reshape(join.stack(found), (*before, *after, *inner))
    n, m, k = len(before), len(after), len(inner)
    return sh.permute_dims(out, (*range(n), *range(n + m, n + m + k), *range(n, n + m))) if m and k else out


def apply_over_axes(func, a, axes):
    """A function ``func(a, axis)``, applied for several axes one after the other, which are kept.

    Parameters
    ----------
    func : callable
    a : array_like
    axes : int or sequence of int

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If `func` returns something of the wrong number of dimensions.

    Notes
    -----
    Derivative: that of `func`. Cost: that of `func`.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.apply_over_axes(anp.sum, [[1.0, 2.0], [3.0, 4.0]], [0, 1])
    array([[10.]])
    """
    a = as_array(a)
    ndim = len(shape_of(a))
    for axis in np.atleast_1d(axes):
        axis = int(axis) % ndim
        found = as_array(func(a, axis))
        shape = shape_of(found)
        if len(shape) == ndim - 1:
            found = sh.reshape(found, (*shape[:axis], 1, *shape[axis:]))
        elif len(shape) != ndim:
            raise ValueError(f"apply_over_axes: the function returned shape {shape} for an array of {ndim} dimensions")
        a = found
    return a


class vectorize:
    """A function of scalars, applied to every element of its broadcast arguments.

    Parameters
    ----------
    pyfunc : callable
        May return a tuple of scalars.
    otypes, cache
        As in NumPy; without effect.
    doc : str, optional
    excluded : set of int or str, optional
        Arguments that are passed as they are.
    signature : str, optional
        As in ``"(n),(n)->()"``: the trailing axes that one call takes.

    Returns
    -------
    callable

    Notes
    -----
    Derivative: that of the function. Cost: one call for each element; `scirs_ad.vmap` is faster.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.vectorize(lambda x: x if x > 0 else 0.0)([-1.0, 2.0])
    array([0., 2.])
    """

    def __init__(self, pyfunc, otypes=None, doc=None, excluded=None, cache=False, signature=None):
        del otypes, cache
        self.pyfunc = pyfunc
        self.excluded = set(excluded or ())
        self.signature = signature
        self.__name__ = getattr(pyfunc, "__name__", "vectorized")
        self.__doc__ = doc or pyfunc.__doc__
        inputs = signature.replace(" ", "").split("->")[0] if signature else ""
        groups = inputs[1:-1].split("),(") if signature else []
        self.core = [len([d for d in group.split(",") if d]) for group in groups]

    def __call__(self, *args, **kwargs):
        names = [k for k in range(len(args)) if k not in self.excluded]
        keywords = [k for k in kwargs if k not in self.excluded]
        arrays = [as_array(args[k]) for k in names] + [as_array(kwargs[k]) for k in keywords]
        core = self.core or [0] * len(arrays)
        if len(core) != len(arrays):
            raise TypeError(f"vectorize: {len(arrays)} argument(s) for the signature {self.signature!r}")
        shapes = [shape_of(a) for a in arrays]
        loop = np.broadcast_shapes(*[s[: len(s) - c] for s, c in zip(shapes, core, strict=True)])
        wide = [sh.broadcast_to(a, loop + s[len(s) - c :]) for a, s, c in zip(arrays, shapes, core, strict=True)]
        found = []
        for place in np.ndindex(*loop):
            values = [getitem(a, place) if loop else a for a in wide]
            called = list(args)
            for k, v in zip(names, values, strict=False):
                called[k] = _scalar(v)
            found.append(
                self.pyfunc(
                    *called, **{**kwargs, **dict(zip(keywords, map(_scalar, values[len(names) :]), strict=True))}
                )
            )
        if not found:
            raise ValueError("vectorize: no element to call the function with")
        if isinstance(found[0], tuple):
            return tuple(self._stacked(column, loop) for column in zip(*found, strict=True))
        return self._stacked(found, loop)

    def _stacked(self, values, loop):
        values = [as_array(v) for v in values]
        return sh.reshape(join.stack(values), loop + shape_of(values[0]))


def _scalar(x):
    return x[()] if type(x) is np.ndarray and x.ndim == 0 else x


# ------------------------------------------------------------------------------------------------ one variable
@primitive("()->()", internal=True)
def sinc_derivative(x, *, times):
    """The derivative of order `times` of ``sin(pi x) / (pi x)``.

    Derivative: the next order. Cost: about 30 operations each. Near 0 the power series, beyond the recurrence
    ``x f_k + k f_(k-1) = pi**(k-1) sin(pi x + k pi / 2)``.
    """
    x = np.asarray(x)
    if times == 0:
        return np.sinc(x)
    wide = x.astype(np.result_type(x, np.float64))
    z = np.pi * wide
    near = np.abs(z) < times + 1.5
    far = np.where(near, 1.0, wide)
    f = np.sinc(far)
    for k in range(1, times + 1):
        f = (np.pi ** (k - 1) * np.sin(np.pi * far + k * np.pi / 2) - k * f) / far
    z = np.where(near, z, 0.0)
    total = np.zeros_like(z)
    for m in range(20 + 2 * times, (times + 1) // 2 - 1, -1):
        term = (-1) ** m * math.factorial(2 * m) / (math.factorial(2 * m - times) * math.factorial(2 * m + 1))
        total = total + term * z ** (2 * m - times)
    return np.where(near, np.pi**times * total, f).astype(np.sinc(np.ones(1, x.dtype)).dtype)


@sinc_derivative.def_vjp
def _(ct, x, specs, times):
    return sh.cast(ew.multiply(ct, cx.conj(sinc_derivative(x, times=times + 1))), specs[0].dtype)


@sinc_derivative.def_samples
def _(rng):
    for times in range(3):
        yield sample(rng.uniform(-3, 3, (2, 3)), times=times)
        yield sample(np.array([0.0, 1.0, -2.0]), times=times)
    yield sample(rng.uniform(-1, 1, 3) + 1j * rng.uniform(-1, 1, 3), times=0)


def sinc(x):
    """``sin(pi x) / (pi x)``, 1 at 0.

    Parameters
    ----------
    x : array_like

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: of every order exact, also at 0. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.sinc([0.0, 0.5])
    array([1.        , 0.63661977])
    """
    x = as_array(x)
    return sinc_derivative(x if dtype_of(x).kind in "fc" else sh.cast(x, np.float64), times=0)


def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    """Numbers in place of nan and infinities.

    Parameters
    ----------
    x : array_like
    copy : bool
        Without effect: `x` is never written to.
    nan, posinf, neginf : scalar
        The numbers; for infinities the largest ones of the dtype by default.

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: 1 where `x` is finite, else 0. Cost: three passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.nan_to_num([1.0, float("nan")])
    array([1., 0.])
    """
    del copy
    x = as_array(x)
    kind = dtype_of(x).kind
    if kind not in "fc":
        return x
    if kind == "c":
        parts = [nan_to_num(part, True, nan, posinf, neginf) for part in (cx.real(x), cx.imag(x))]
        return sh.cast(ew.add(parts[0], ew.multiply(1j, parts[1])), dtype_of(x))
    limits = np.finfo(dtype_of(x))
    high = float(limits.max) if posinf is None else posinf
    low = float(limits.min) if neginf is None else neginf
    x = ew.where(ew.isnan(x), nan, x)
    x = ew.where(ew.equal(x, np.inf), high, x)
    return ew.where(ew.equal(x, -np.inf), low, x)


def unwrap(p, discont=None, axis=-1, *, period=2 * np.pi):
    """Phases without jumps: multiples of the period are added.

    Parameters
    ----------
    p : array_like, shape (...)
    discont : float, optional
        The smallest jump that is one; half a period by default and at least.
    axis : int
    period : float

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: 1; what is added is piecewise constant. Cost: six passes.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.unwrap([0.0, 6.0])
    array([ 0.        , -0.28318531])
    """
    p = as_array(p)
    if dtype_of(p).kind != "f":
        p = sh.cast(p, np.float64)
    (axis,) = sh.normalize_axes(axis, len(shape_of(p)), "unwrap")
    half = period / 2
    discont = half if discont is None else discont
    steps = diff_along(p, axis=axis)
    turns = ew.floor(ew.divide(ew.add(steps, half), float(period)))
    # A step of exactly half a period up stays up.
    rest = ew.subtract(steps, ew.multiply(turns, float(period)))
    at_edge = ew.logical_and(ew.equal(rest, -half), ew.greater(steps, 0))
    turns = ew.where(at_edge, ew.subtract(turns, 1.0), turns)
    added = ew.where(ew.less(ew.abs(steps), discont), 0.0, ew.multiply(turns, -float(period)))
    rest = (slice(None),) * (-axis - 1)
    first = getitem(p, (Ellipsis, slice(0, 1), *rest))
    moved = ew.add(getitem(p, (Ellipsis, slice(1, None), *rest)), cumsum_along(added, axis=axis, reverse=False))
    return sh.cast(join.concatenate([first, moved], axis), dtype_of(p))
