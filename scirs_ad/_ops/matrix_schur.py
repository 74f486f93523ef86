"""Functions of general matrices by a blocked Schur form, and their Frechet derivatives.

P. I. Davies, N. J. Higham, "A Schur-Parlett algorithm for computing matrix functions", SIAM J. Matrix Anal. Appl. 25
(2003): eigenvalues that are near to each other come into one block, whose function is a Taylor series; between blocks
Parlett's recurrence is a Sylvester equation. The coefficients of the series are means over circles, as far as the function
is analytic there (F. Bornemann, "Accuracy and stability of computing high-order derivatives of analytic functions by
Cauchy integrals", Found. Comput. Math. 11 (2011)): of its slope, where the function can be differentiated.
"""

import numpy as np

from scirs_ad._core.lazy import lazy

__all__ = ["function_of", "function_of_pair"]

sp = lazy("scipy.linalg")
lapack = lazy("scipy.linalg.lapack")

_NODES = 64  # on a circle
_TURNS = np.exp(2j * np.pi * np.arange(_NODES) / _NODES)
_SHRINK = 0.5 ** np.arange(40)  # radii, from the largest: down to 1e-11 of it, for functions with singularities at hand
_REFERENCE = 6  # the circle, of 1/64 of the largest radius, with which growth is compared
_NEAR = 0.5  # first joined: steps of at most this; wider than in Davies and Higham (0.1), where gaps of 0.1 cost four digits
_GROWTH = 1e3  # of the function on the circle, that is, of rounding


def _taylor(func, center, spread, count):
    """Coefficients of the series at `center`, and the ratio of `spread` to the largest radius at which it converges.

    Where a branch or a pole is within the circle, the coefficients do not decrease: the last ones are for the check.
    """
    size = max(abs(center), spread)
    radii = 4.0 * max(size, 1.0) * _SHRINK
    if 0 < size < radii[12]:  # the singularity may be as near as the eigenvalue is to zero
        radii = np.sort(np.concatenate([radii, 4.0 * size * _SHRINK[:12]]))[::-1]
    with np.errstate(all="ignore"):
        values = np.asarray(func((center + radii[:, None] * _TURNS).ravel())).reshape(len(radii), _NODES)
        size = np.max(np.abs(values), -1)
        parts = np.fft.fft(values, axis=-1) / _NODES
        tail = np.max(np.abs(parts[:, -_NODES // 8 :]), -1)
        good = np.isfinite(size) & (tail <= 32 * np.finfo(float).eps * size)
        good &= size <= _GROWTH * np.fmax(size[_REFERENCE], size[-1])
    if not np.any(good):
        return None, np.inf
    order = np.arange(count)
    radii, size, parts = radii[good], size[good], parts[good, :count]
    powers = radii[:, None] ** order
    with np.errstate(divide="ignore", over="ignore"):  # radii of which the power is nothing are not the best
        best = np.argmin(np.maximum(size, np.finfo(float).tiny)[:, None] / powers, 0)
    return parts[best, order] / powers[best, order], spread / radii[0]


def _groups(w, near):
    """Numbers of groups, within which there is a chain of steps shorter than `near`."""
    group = np.arange(len(w))
    for i, j in zip(*np.nonzero(np.abs(w[:, None] - w) <= near), strict=True):
        if group[i] != group[j]:
            group[group == group[j]] = group[i]
    return group


def _planned(func, w, near, sizes, least):
    """Blocks: index arrays with the coefficients of their series (None: of a single eigenvalue)."""
    for number in np.unique(group := _groups(w, near)):
        members = np.nonzero(group == number)[0]
        if len(members) == 1 and sizes[members[0]] == 1:
            yield members, None
            continue
        center = np.mean(w[members])
        spread = np.max(np.abs(w[members] - center))
        found, ratio = _taylor(func, center, spread, _NODES // 2)
        if (found is None or ratio > 0.3) and len(members) > 1 and near > least:
            for inner, series in _planned(func, w[members], near / 4, sizes[members], least):
                yield members[inner], series
        else:
            yield members, (center, found)


def _series(t, center, c):
    """The series of a triangular block, by Horner's rule, and its last term relative to it."""
    if c is None:
        return np.full_like(t, np.nan), np.inf
    shifted, eye = t - center * np.eye(len(t)), np.eye(len(t))
    out = c[-1] * eye + 0j
    for x in c[-2::-1]:
        out = out @ shifted + x * eye
    last = abs(c[-1]) * np.linalg.norm(np.linalg.matrix_power(shifted, len(c) - 1), 1)
    return out, last / max(np.linalg.norm(out, 1), np.finfo(float).tiny)


def _joined(t, starts, blocks, trsyl):
    """The function of a triangular matrix from those of its diagonal blocks, by halves."""
    if len(blocks) == 1:
        return blocks[0]
    half = len(blocks) // 2
    k = starts[half] - starts[0]
    first = _joined(t[:k, :k], starts[:half], blocks[:half], trsyl)
    second = _joined(t[k:, k:], starts[half:], blocks[half:], trsyl)
    x, scale, _ = trsyl(t[:k, :k], t[k:, k:], first @ t[:k, k:] - t[:k, k:] @ second, isgn=-1)
    out = np.zeros_like(t)
    out[:k, :k], out[k:, k:], out[:k, k:] = first, second, x / scale
    return out


def _of_triangular(t, z, func, slope, w, copies):
    """``func`` of ``z t z^H``, whose diagonal is `w` once, or for a derivative twice; and an estimate of the error."""
    trsyl, trsen = lapack.get_lapack_funcs(("trsyl", "trsen"), (t,))
    eps = np.finfo(t.dtype).eps
    size = max(np.max(np.abs(w)), np.finfo(float).tiny)
    series_of = func if slope is None else slope
    plan = list(_planned(series_of, w, _NEAR * max(1.0, size), np.full(len(w), copies), 4 * eps * size))
    label = np.empty(len(w), int)
    for k, (members, _) in enumerate(plan):
        label[members] = k
    label = np.tile(label, copies)
    for k in range(len(plan) - 1):
        if np.any(np.diff(label) < 0):
            t, z = trsen((label <= k).astype(np.int32), t, z, job=b"N")[:2]
            label = np.concatenate([label[label <= k], label[label > k]])
    starts = [int(np.argmax(label == k)) for k in range(len(plan))]
    ends = [*starts[1:], len(t)]
    blocks, cut = [], 0.0
    for (_, found), i, j in zip(plan, starts, ends, strict=True):
        if found is None:
            blocks.append(np.asarray(func(np.diagonal(t)[i:j])).reshape(1, 1).astype(t.dtype))
            continue
        center, c = found
        if c is not None and slope is not None:
            c = np.concatenate([np.asarray(func(np.array([center]))), c / np.arange(1, len(c) + 1)])
        found, last = _series(t[i:j, i:j], center, c)
        blocks.append(found.astype(t.dtype))
        cut = max(cut, last)
    gaps = np.abs(np.diagonal(t)[:, None] - np.diagonal(t))[label[:, None] != label[None, :]]
    error = max(cut, eps * np.linalg.norm(np.triu(t, 1), 1) / np.min(gaps, initial=np.inf))
    return z @ _joined(t, starts, blocks, trsyl) @ z.conj().T, error


def function_of(a, func):
    """``func`` of a square matrix, complex, and an estimate of the relative error."""
    t, z = sp.schur(a.astype(np.result_type(a, np.complex128), copy=False), output="complex", check_finite=False)
    return _of_triangular(t, z, func, None, np.diagonal(t).copy(), 1)


def function_of_pair(a, e, func, slope):
    """``L(a, e)``: the corner of the function of ``[[a, e], [0, a]]`` (Mathias, 1996); and an estimate of the error."""
    n = len(a)
    t, z = sp.schur(a.astype(np.result_type(a, np.complex128), copy=False), output="complex", check_finite=False)
    turned = z.conj().T @ e @ z
    size = np.max(np.abs(e), initial=0.0)
    scale = np.max(np.abs(a), initial=0.0) / size if size > 0 and np.any(a) else 1.0
    zero = np.zeros_like(t)
    pair = np.block([[t, scale * turned], [zero, t]])
    full, error = _of_triangular(pair, np.eye(2 * n, dtype=t.dtype), func, slope, np.diagonal(t).copy(), 2)
    return z @ full[:n, n:] @ z.conj().T / scale, error
