"""Systems whose matrix is stored by its bands or by its first column and row; so are their cotangents.

Band storage as in LAPACK: ``ab[u + i - j, j] = a[i, j]``. What of `ab` lies outside of the matrix is not read, and its
cotangent is zero.
"""

import numpy as np

from scirs_ad._core.core import dtype_of, shape_of
from scirs_ad._core.define import primitive, raises, sample
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import index as ix
from scirs_ad._ops import join
from scirs_ad._ops import shape as sh
from scirs_ad._ops.linalg import fit
from scirs_ad._ops.matrix_batch import looped

sp = lazy("scipy.linalg")


def taken(x, places, inside, tail=()):
    """``x[..., places]`` (before the axes of `tail`), zero where not `inside`."""
    n = shape_of(x)[-1 - len(tail)]
    if not n:  # nothing to index
        shape = shape_of(x)
        lead, rest = shape[: len(shape) - 1 - len(tail)], shape[len(shape) - len(tail) :]
        return np.zeros((*lead, *inside.shape, *rest), dtype_of(x))
    found = ix.getitem(x, (Ellipsis, np.where(inside, places, 0), *tail))
    for _ in tail:
        inside = inside[..., None]
    return ew.where(inside, found, 0.0)


def _flat(ab):
    k, n = shape_of(ab)[-2:]
    return sh.reshape(ab, (*shape_of(ab)[:-2], k * n))


def dense_of(ab, upper):
    """The square matrix with the bands `ab`, of which `upper` lie above the diagonal."""
    k, n = shape_of(ab)[-2:]
    i, j = np.arange(n)[:, None], np.arange(n)
    row = upper + i - j
    return taken(_flat(ab), row * n + j, (row >= 0) & (row < k))


def bands_of(a, lower, upper):
    """The bands of square matrices, `lower` of them below the diagonal and `upper` above."""
    n = shape_of(a)[-1]
    j = np.arange(n)
    i = j + np.arange(lower + upper + 1)[:, None] - upper
    return taken(_flat(a), i * n + j, (i >= 0) & (i < n))


def adjoint_bands(ab, lower, upper):
    """The bands of the adjoint, with `upper` below the diagonal and `lower` above."""
    n = shape_of(ab)[-1]
    k, j = np.arange(lower + upper + 1)[:, None], np.arange(n)
    column = j + k - lower
    return cx.conj(taken(_flat(ab), (lower + upper - k) * n + column, (column >= 0) & (column < n)))


def hermitian_bands(ab, lower):
    """All bands of a Hermitian matrix of which `ab` holds those on one side of the diagonal."""
    count, n = shape_of(ab)[-2] - 1, shape_of(ab)[-1]
    diagonal = (Ellipsis, slice(0, 1) if lower else slice(count, None), slice(None))
    rest = (Ellipsis, slice(1, None) if lower else slice(0, count), slice(None))
    side = ix.getitem(ab, rest)
    k, j = np.arange(count)[:, None], np.arange(n)
    # The other side: a[i, j] is the conjugate of a[j, i], which lies in the mirrored band.
    column = j - (count - k) if lower else j + k + 1
    other = cx.conj(taken(_flat(side), (count - 1 - k) * n + column, (column >= 0) & (column < n)))
    middle = sh.cast(cx.real(ix.getitem(ab, diagonal)), dtype_of(ab))
    return join.concatenate([other, middle, side] if lower else [side, middle, other], axis=-2)


def products_at(offsets, x, y):
    """``sum_c x[i, c] conj(y[j, c])`` at ``i = j + offset``, for each offset: a row of band storage."""
    n = shape_of(x)[-2]
    i = np.arange(n) + np.asarray(offsets)[:, None]
    rows = taken(x, i, (i >= 0) & (i < n), (slice(None),))
    y = sh.reshape(y, (*shape_of(y)[:-2], 1, *shape_of(y)[-2:]))
    return sh.sum_axes(ew.multiply(rows, cx.conj(y)), axes=(-1,))


# ------------------------------------------------------------------------------------------------ banded
def _banded_one(ab, b, *, lower, upper):
    if len(b) == 1:  # there SciPy reads the second band, whichever that is
        upper = min(upper, len(ab) - 1)  # shapes of results are found with the least array
        if ab[upper, 0] == 0:
            raise np.linalg.LinAlgError("singular matrix")
        return b / ab[upper, 0]
    return sp.solve_banded((lower, upper), ab, b, check_finite=False)


_banded = looped("(k,n),(n,c)->(n,c)", _banded_one, name="solve_banded")


@primitive("(k,n),(n,c)->(n,c)", kernel=_banded, internal=True)
def solve_banded_core(ab, b, *, lower, upper):
    """The solution of ``a x = b`` for a banded matrix in band storage.

    Derivative: with ``g = a^-H ct``, by the adjoint bands: g for `b`, the bands of ``-g x^H`` for `ab`. Cost: ``2 n
    lower (lower + upper)`` operations, and for the derivative as much.
    """
    return _banded(ab, b, lower=lower, upper=upper)


@solve_banded_core.def_vjp
def _(ct, out, ab, specs, lower, upper):
    g = solve_banded_core(adjoint_bands(ab, lower, upper), ct, lower=upper, upper=lower)
    offsets = np.arange(lower + upper + 1) - upper
    return lambda: fit(ew.negative(products_at(offsets, g, out)), specs[0]), fit(g, specs[1])


@solve_banded_core.def_samples
def _(rng):
    ab = rng.standard_normal((3, 4)) + 5 * np.array([[0.0], [1], [0]])
    yield sample(ab, rng.standard_normal((4, 2)), lower=1, upper=1)
    yield sample(ab[1:] + 1j, rng.standard_normal((2, 4, 1)) + 0j, lower=1, upper=0, order=1)
    yield raises(np.linalg.LinAlgError, np.zeros((1, 2)), np.ones((2, 1)), lower=0, upper=0, match="singular")


def _definite_one(ab, b, *, lower):
    if len(b) == 1:  # there SciPy asks for more than there is
        first = ab[0 if lower else -1, 0].real
        if first <= 0:
            raise np.linalg.LinAlgError("1th leading minor not positive definite")
        return b / first
    return sp.solveh_banded(ab, b, lower=lower, check_finite=False)


_definite = looped("(k,n),(n,c)->(n,c)", _definite_one, name="solveh_banded")


@primitive("(k,n),(n,c)->(n,c)", kernel=_definite, internal=True)
def solveh_banded_core(ab, b, *, lower):
    """The solution of ``a x = b`` for a Hermitian positive definite matrix, one side of its bands in `ab`.

    Derivative: with ``g = a^-1 ct``: g for `b`, the bands of ``-(g x^H + x g^H)`` for `ab`, on the diagonal the real
    part of ``-g x^H``. Cost: ``n k^2`` operations.
    """
    return _definite(ab, b, lower=lower)


@solveh_banded_core.def_vjp
def _(ct, out, ab, specs, lower):
    g = solveh_banded_core(ab, ct, lower=lower)
    k = specs[0].shape[-2]
    offsets = np.arange(k) if lower else np.arange(k) - k + 1

    def to_ab():
        half = products_at(offsets, g, out)
        whole = ew.add(half, products_at(offsets, out, g))
        return fit(ew.negative(ew.where((offsets == 0)[:, None], cx.real(half), whole)), specs[0])

    return to_ab, fit(g, specs[1])


@solveh_banded_core.def_samples
def _(rng):
    ab = rng.standard_normal((2, 4)) + 6 * np.array([[1.0], [0]])
    yield sample(ab, rng.standard_normal((4, 2)), lower=True)
    # The imaginary part of the diagonal is not read.
    turned = rng.standard_normal((2, 3, 3)) + 8 * np.array([[0.0], [0], [1]])
    yield sample(turned + 1j * np.array([[1.0], [1], [0]]), rng.standard_normal((3, 1)) + 0j, lower=False, order=1)
    yield raises(np.linalg.LinAlgError, -np.ones((1, 2)), np.ones((2, 1)), lower=True, match="positive definite")


# ------------------------------------------------------------------------------------------------ Toeplitz
def _toeplitz_one(c, r, b):
    return sp.solve_toeplitz((c, r), b, check_finite=False)


_toeplitz = looped("(n),(n),(n,k)->(n,k)", _toeplitz_one, name="solve_toeplitz")


@primitive("(n),(n),(n,k)->(n,k)", kernel=_toeplitz, internal=True)
def solve_toeplitz_core(c, r, b):
    """The solution of ``T x = b``, T with the first column `c` and the first row `r`, whose first element is not read.

    Derivative: with ``g = T^-H ct``, again a Toeplitz system: g for `b`, the sums of the diagonals of ``-g x^H`` for
    `c` and `r`. Cost: ``4 n^2 + 4 n^2 k`` operations (Levinson's recursion: stable for definite matrices).
    """
    return _toeplitz(c, r, b)


@solve_toeplitz_core.def_vjp
def _(ct, out, c, r, specs):
    n = specs[0].shape[-1]
    first, rest = (Ellipsis, slice(0, 1)), (Ellipsis, slice(1, None))
    lead = np.broadcast_shapes(shape_of(c)[:-1], shape_of(r)[:-1])
    heads, tails = (sh.broadcast_to(ix.getitem(x, key), (*lead, size)) for x, key, size in ((c, first, min(1, n)),
                                                                                        (r, rest, max(n - 1, 0))))  # fmt: skip
    column = join.concatenate([heads, tails], axis=-1)
    g = solve_toeplitz_core(cx.conj(column), cx.conj(c), ct)
    k = np.arange(n)

    def diagonals(x, y):
        return ew.negative(sh.sum_axes(products_at(k, x, y), axes=(-1,)))

    def to_r():
        return fit(ew.where(k == 0, 0.0, cx.conj(diagonals(out, g))), specs[1])

    return lambda: fit(diagonals(g, out), specs[0]), to_r, fit(g, specs[2])


@solve_toeplitz_core.def_samples
def _(rng):
    def row(n, kind=0.0):
        return rng.standard_normal(n) + kind + 4.0 * n * (np.arange(n) == 0)

    yield sample(row(3), row(3), rng.standard_normal((3, 2)))
    yield sample(row(2, 1j), row(2, 0.5j), rng.standard_normal((2, 2, 1)) + 0j, order=1)
