"""SciPy's functions of single matrices, made to loop over leading axes."""

import functools

import numpy as np

from scirs_ad._core.core import parse_signature
from scirs_ad._core.lazy import lazy

__all__ = ["looped"]

scipy = lazy("scipy")


@functools.cache
def _writeable():
    """Whether arguments must be writeable: before 1.16 some functions of SciPy (logm, solve_toeplitz) ask for it."""
    return tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 16)


def looped(signature, function, dtypes=None, name=None, sizes=None):
    """A function of single matrices as one that loops over leading axes.

    Parameters
    ----------
    signature : str
        As ``"(m,n),(n)->(m)"``; the shapes of results for an empty batch follow from it.
    function : callable
        ``function(*matrices, **params)``.
    dtypes : callable, optional
        ``dtypes(common)`` returns the dtypes of the results, from the common dtype of the arguments; the common dtype
        for all unless given. Results are cast to it, so that a dtype never depends on values.
    name : str, optional
        For messages.
    sizes : callable, optional
        ``sizes(found, **params)`` gives, from the lengths of the arguments by name, those of names that only results
        have.

    Returns
    -------
    callable
    """
    ins, outs = parse_signature(signature, name or signature)

    def run(*args, **params):
        # SciPy 1.18 refuses what is not aligned in some functions (lu, det).
        args = [a if a.flags.aligned else a.copy() for a in map(np.asarray, args)]
        common = np.result_type(np.float32, *[a.dtype for a in args if a.dtype.kind in "fc"])
        kinds = [common] * len(outs) if dtypes is None else dtypes(common)
        lead = np.broadcast_shapes(*[a.shape[: a.ndim - len(d)] for a, d in zip(args, ins, strict=True)])
        lengths = {d: n for a, dims in zip(args, ins, strict=True)
                   for d, n in zip(dims, a.shape[a.ndim - len(dims) :], strict=True)}  # fmt: skip
        given = all(lengths.values())
        if sizes is not None:
            lengths |= sizes(lengths, **params)
        results = [np.empty(lead + tuple(lengths[d] for d in dims), t) for dims, t in zip(outs, kinds, strict=True)]
        if given:
            full = [np.broadcast_to(a, lead + a.shape[a.ndim - len(d) :]) for a, d in zip(args, ins, strict=True)]
            for place in np.ndindex(lead):
                try:
                    found = function(*[a[place].copy() if _writeable() else a[place] for a in full], **params)
                except np.linalg.LinAlgError as error:
                    where = f"matrix {place[0] if len(place) == 1 else place} of the batch: " if place else ""
                    raise type(error)(f"{name}: {where}{error}") from None
                for r, x in zip(results, found if isinstance(found, tuple) else (found,), strict=True):
                    r[place] = x
        else:
            for r in results:
                r[...] = 0
        return tuple(results) if len(results) > 1 else results[0]

    return run
