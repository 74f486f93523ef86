"""What linear algebra does where a result is doubtful: nearly singular systems, derivatives of equal eigenvalues."""

import contextvars
import warnings

import numpy as np

from scirs_ad._ops import index as ix

__all__ = ["DegenerateWarning", "IllConditionedWarning", "policy", "set_policy"]


class IllConditionedWarning(RuntimeWarning):
    """A matrix is so nearly singular that the result has few digits, or none."""


class DegenerateWarning(RuntimeWarning):
    """A derivative was asked for that does not exist, because eigenvalues or singular values are equal."""


CHOICES = {"check": (False, True), "degenerate": ("warn", "ignore", "raise")}
_DEFAULT = {"check": False, "degenerate": "warn"}
_inner = contextvars.ContextVar("linear-algebra policy", default=None)


def chosen(name):
    """What is in force for `name`."""
    found = _inner.get()
    return _DEFAULT[name] if found is None else found[name]


def _checked(given):
    for name, value in given.items():
        if value is not None and value not in CHOICES[name]:
            raise ValueError(f"policy: {name} must be one of {CHOICES[name]}, not {value!r}")
    return {name: value for name, value in given.items() if value is not None}


def set_policy(check=None, degenerate=None):
    """Set what linear algebra does, for the whole process, where a result is doubtful.

    Parameters
    ----------
    check : bool, optional
        Whether `solve` and `inv` estimate the condition and warn if it is beyond the rounding unit: about ``2 n^2``
        operations more, so off unless asked for.
    degenerate : {"warn", "ignore", "raise"}, optional
        What to do where the derivative of eigenvectors or singular vectors does not exist: where values are equal and
        what is differentiated depends on the choice of vectors among them. What does not depend on it is exact and
        silent. The share of the undefined is left out: the result is finite.

    Returns
    -------
    dict
        What was in force.

    Raises
    ------
    ValueError
        For other values.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> before = sla.set_policy(degenerate="raise")
    >>> sla.set_policy(**before)["degenerate"]
    'raise'
    """
    before = dict(_DEFAULT)
    _DEFAULT.update(_checked({"check": check, "degenerate": degenerate}))
    return before


class policy:
    """Within ``with policy(...)``: what linear algebra does where a result is doubtful; see `set_policy`.

    Parameters
    ----------
    check : bool, optional
    degenerate : {"warn", "ignore", "raise"}, optional
        In force where derivatives are computed: put the gradient inside.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> with sla.policy(check=True):
    ...     sla.solve([[2.0]], [4.0])
    array([2.])
    """

    def __init__(self, check=None, degenerate=None):
        self.given = _checked({"check": check, "degenerate": degenerate})

    def __enter__(self):
        self.token = _inner.set({name: chosen(name) for name in _DEFAULT} | self.given)
        return self

    def __exit__(self, *_):
        _inner.reset(self.token)


def _matrix(place):
    return f"matrix {place[0] if len(place) == 1 else place} of the batch: " if place else ""


def watch_gaps(name, numerator, reference, gap, scale):
    """Warn or raise where a gap is nothing but rounding and what would be divided by it is not.

    `reference` is what the numerator is the difference of, so that its rounding can be told from a value. Under vmap and
    while tracing values are not known, and nothing is said.
    """
    what = chosen("degenerate")
    if what == "ignore":
        return
    gap, scale, x, reference = (ix.known(y) for y in (gap, scale, numerator, reference))
    if not all(type(y) is np.ndarray for y in (gap, scale, x, reference)) or gap.size == 0:
        return
    eps = np.finfo(gap.dtype).eps
    tiny = np.abs(gap) <= 8.0 * eps * scale
    diagonal = np.arange(gap.shape[-1])
    tiny[..., diagonal, diagonal] = False
    if not np.any(tiny):
        return
    size = np.max(np.abs(reference), axis=(-2, -1), keepdims=True)
    bad = tiny & (np.abs(x) > eps**0.5 * size)
    if not np.any(bad):
        return
    *place, i, j = (int(k) for k in np.argwhere(bad)[0])
    message = (
        f"{name}: {_matrix(tuple(place))}the derivative of single vectors does not exist: values {min(i, j)} and "
        f"{max(i, j)} differ by {float(np.abs(np.broadcast_to(gap, bad.shape)[(*place, i, j)])):.3g}, and what is "
        "differentiated depends on the choice of vectors among them. Take functions of the values, or of the projector "
        "on all vectors of equal values"
    )
    if what == "raise":
        raise np.linalg.LinAlgError(message)
    warnings.warn(f"{message}; that share is left out", DegenerateWarning, stacklevel=2)


def watch_condition(name, reciprocal):
    """Warn where an estimated reciprocal condition number is below the rounding unit."""
    bad = np.argwhere(~(reciprocal >= np.finfo(reciprocal.dtype).eps))
    if len(bad):
        place = tuple(int(k) for k in bad[0])
        warnings.warn(
            f"{name}: {_matrix(place)}ill-conditioned (rcond = {float(reciprocal[place]):.6g}): the result may not be "
            "accurate; see check_matrix_health",
            IllConditionedWarning,
            stacklevel=2,
        )
