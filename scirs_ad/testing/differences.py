"""Finite differences with an error estimate: what derivatives are compared with.

The step is relative to each element, so that tiny, huge and ordinary numbers in one array are all moved sensibly, and
none changes its sign. Central differences at a falling sequence of steps are extrapolated (Ridders, Advances in
Engineering Software 4 (1982) 75): each element takes the entry of its table with the smallest estimated error.
"""

import numpy as np

from scirs_ad._core.core import as_array, dtype_of
from scirs_ad._core.tree import flatten

__all__ = ["directional", "eps_of", "finite_difference", "random_direction", "sensitivity"]

FIRST_STEP = 2.0**-5
LEVELS = 9  # steps down to 2**-13: below, rounding outgrows what extrapolation gains


def eps_of(*arrays):
    """The largest machine epsilon among the floating-point arrays; float64's if there is none."""
    found = [np.finfo(a.dtype).eps for a in arrays if a.dtype.kind in "fc"]
    return float(max(found, default=np.finfo(float).eps))


def random_direction(x, rng):
    """A direction for `x`: of the magnitude of each element (1 for zero), at least half of it; complex if `x` is."""
    x = np.asarray(x)
    size = np.where(np.abs(x) > 0, np.abs(x), 1.0)

    def signed():
        return rng.uniform(0.5, 1.0, x.shape) * rng.choice([-1.0, 1.0], x.shape)

    d = signed() if x.dtype.kind == "f" else (signed() + 1j * signed()) / np.sqrt(2)
    return np.asarray(d * size, x.dtype)


def sensitivity(function, xs, rng):
    """By how much each output changes when every input changes by one unit in the last place (an estimate)."""
    base = [np.asarray(y) for y in function(*xs)]
    base = [y.astype(int) if y.dtype.kind == "b" else y for y in base]
    eps = eps_of(*xs, *base)
    step = eps**0.5
    change = [np.zeros(y.shape) for y in base]
    for _ in range(2):
        nudged = [np.asarray(x + (step * random_direction(x, rng)).astype(x.dtype)) for x in xs]
        with np.errstate(all="ignore"):
            for c, y, z in zip(change, function(*nudged), base, strict=True):
                found = np.abs(np.asarray(y) - z) / step * eps
                np.maximum(c, np.where(np.isfinite(found), found, 0.0), out=c)
    return change


def directional(function, leaves, direction, elementwise=False):
    """Derivative of a function along a direction, by extrapolated central differences.

    Parameters
    ----------
    function : callable
        From a list of arrays to a list of arrays.
    leaves, direction : list of ndarray
    elementwise : bool
        Each output element depends on its own input elements, so its rounding error is relative to itself and not to
        the largest one.

    Returns
    -------
    estimates, errors : list of ndarray
        The error is that of the estimate: truncation and rounding; inf where no difference is finite.
    """

    def at(h):
        # Exact steps: what was really added is what is divided by.
        return [np.asarray(y) for y in function([x + h * d for x, d in zip(leaves, direction, strict=True)])]

    # A moved input is rounded, too: by how much that changes the outputs, where all inputs cancel (x - mean(x)), say.
    with np.errstate(all="ignore"):
        there, nudged = at(0.0), function([_nudged(x) for x in leaves])
        rounding = [
            np.abs(np.asarray(y) - z) if z.dtype.kind in "fc" else np.zeros(z.shape)
            for y, z in zip(nudged, there, strict=True)
        ]
        rounding = [np.where(np.isfinite(r), r, 0.0) for r in rounding]
    table, noise = None, None
    for level in range(LEVELS):
        h = FIRST_STEP / 2**level
        with np.errstate(all="ignore"):
            ahead, behind = at(h), at(-h)
            if table is None:
                table = [Table(y) for y in ahead]
                eps = eps_of(*ahead, *leaves)
            for column, y, z, extra in zip(table, ahead, behind, rounding, strict=True):
                noise = np.maximum(np.abs(y), np.abs(z))
                if not elementwise and noise.size:
                    noise = np.max(noise, initial=0.0, where=np.isfinite(noise))
                column.add(
                    (y - z) / (2 * h), (eps * noise + (extra if elementwise or not extra.size else np.max(extra))) / h
                )
    return [c.best for c in table], [c.error for c in table]


def _nudged(x):
    """`x`, every second element one unit in the last place up, the others down."""
    x = np.asarray(x)
    if x.dtype.kind == "c":
        return _nudged(x.real) + 1j * _nudged(x.imag)
    if x.dtype.kind != "f":
        return x
    signs = np.where(np.arange(x.size).reshape(x.shape) % 2, -1.0, 1.0)
    return np.nextafter(x, (signs * np.inf).astype(x.dtype))


class Table:
    """The extrapolation of one output, element by element."""

    def __init__(self, like):
        kind = np.complex128 if like.dtype.kind == "c" else np.float64
        self.best = np.full(like.shape, np.nan, kind)
        self.error = np.full(like.shape, np.inf)
        self.row = []

    def add(self, difference, noise):
        """One more step, half as long as the one before; `noise` is its rounding error."""
        row, factor = [np.asarray(difference, self.best.dtype)], 4.0
        for j, older in enumerate(self.row):
            row.append(row[j] + (row[j] - older) / (factor - 1.0))
            error = np.maximum(np.abs(row[j + 1] - row[j]), np.abs(row[j + 1] - older)) + noise
            better = error < self.error
            self.best = np.where(better, row[j + 1], self.best)
            self.error = np.where(better, error, self.error)
            factor *= 4.0
        self.row = row


def finite_difference(f, x, scheme="central"):
    """Jacobian of a function of one array by finite differences, one column per element.

    Parameters
    ----------
    f : callable
        From an array to an array or a number.
    x : array_like
        Real, floating point.
    scheme : {"central", "forward", "complex", "extrapolated"}
        "forward": one further evaluation per element, about half the digits. "central": two, two thirds of the digits.
        "complex": one, of an `f` that takes complex numbers and is analytic; all digits. "extrapolated": eighteen, and
        nearly all digits.

    Returns
    -------
    ndarray, of shape ``f(x).shape + x.shape``
        The gradient if `f` is scalar.

    Raises
    ------
    ValueError
        For an unknown scheme.
    TypeError
        If `x` is not real floating point.

    Notes
    -----
    Derivative: none; it is what derivatives are compared with. The step is relative to each element. Cost: as stated
    for the schemes, times the number of elements.

    Examples
    --------
    >>> import numpy as np
    >>> from scirs_ad.testing import finite_difference
    >>> bool(abs(finite_difference(np.sin, 1.0) - np.cos(1.0)) < 1e-9)
    True
    """
    x = as_array(x)
    if dtype_of(x).kind != "f" or type(x) is not np.ndarray:
        raise TypeError(
            f"finite_difference: x must be a real floating-point array, not {dtype_of(x)}; use astype(float)"
        )
    eps = np.finfo(x.dtype).eps
    steps = {"forward": eps**0.5, "central": eps ** (1 / 3), "complex": 1e-100 if x.dtype.itemsize > 4 else 1e-25}
    if scheme not in (*steps, "extrapolated"):
        raise ValueError(
            f"finite_difference: scheme must be 'central', 'forward', 'complex' or 'extrapolated', not {scheme!r}"
        )
    at_x = np.asarray(f(x)) if scheme == "forward" else None
    columns = []
    for k in range(x.size):
        size = abs(x.flat[k]) or 1.0
        if scheme == "extrapolated":
            columns.append(directional(lambda leaves: [f(leaves[0])], [x], [_unit(x, k, size)])[0][0] / size)
            continue
        h = steps[scheme] * (1.0 if scheme == "complex" else size)
        if scheme == "complex":
            columns.append(np.imag(f(x + _unit(x, k, 1j * h))) / h)
            continue
        ahead = x + _unit(x, k, h)
        behind = x - _unit(x, k, h) if scheme == "central" else x
        low = f(behind) if scheme == "central" else at_x
        # What was really added, after rounding, is what is divided by.
        columns.append((np.asarray(f(ahead)) - low) / (ahead.flat[k] - behind.flat[k]))
    if not columns:
        return np.zeros(np.shape(f(x)) + x.shape)
    stacked = np.stack(columns, axis=-1)
    return stacked.reshape(stacked.shape[:-1] + x.shape)[()]


def _unit(x, k, size):
    d = np.zeros(x.shape, np.result_type(x, type(size)))
    d.flat[k] = size
    return d


def numbers(tree):
    """The leaves of a container as ndarrays."""
    return [np.asarray(y) for y in flatten(tree)[0]]
