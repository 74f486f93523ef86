"""What linear algebra does where a result is doubtful: nearly singular systems, derivatives of equal eigenvalues."""

import contextvars
import warnings

import numpy as np

from scirs_ad._core.define import primitive, raises, sample
from scirs_ad._core.lazy import lazy
from scirs_ad._ops.linalg import fit, well_conditioned
from scirs_ad._ops.matrix_batch import looped

lapack = lazy("scipy.linalg.lapack")

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


def bound(name, given):
    """The choice that a call keeps for its derivative: its own, or that of an enclosing `policy`; None: as in force then."""
    if given is not None:
        return _checked({name: given})[name]
    found = _inner.get()
    return None if found is None else found[name]


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
        For the decompositions that are called inside, whenever their derivatives are computed, and for derivatives that
        are computed inside of decompositions that were called without a choice. The keyword `degenerate` of `eigh`, `eig`,
        `svd` and their like says it for one call.

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


def matrix_of_batch(place):
    """For messages: which matrix, if there are several."""
    return f"matrix {place[0] if len(place) == 1 else place} of the batch: " if place else ""


def _look(x, reference, evidence, ct_values, gap, scale, name, what, zeros):
    eps = np.finfo(gap.dtype).eps
    tiny = np.abs(gap) <= 8.0 * eps * scale
    if not np.any(tiny):
        return

    def large(y, than):
        return np.abs(y) > eps**0.5 * np.max(np.abs(than), axis=(-2, -1), keepdims=True)

    bad = tiny & large(x, reference)
    why = "what is differentiated depends on the choice of vectors among them"
    if not np.any(bad) and not zeros:
        # A function of values and vectors: f(A) = V f(w) V^H has a derivative, which its share in f(w) and in V do not
        # tell; a sum of a symmetric function of the values and one of the projector looks the same.
        ct = ct_values[..., None, :]
        bad = tiny & large(ct, ct) & large(evidence, reference)
        bad = bad | tiny & large(ct - np.swapaxes(ct, -1, -2), ct) & large(reference, reference).any(
            (-2, -1), keepdims=True
        )
        why = "both they and their vectors are used, which together do not tell the derivative"
    if not np.any(bad):
        return
    *place, i, j = (int(k) for k in np.argwhere(bad)[0])
    size = float(np.abs(np.broadcast_to(gap, bad.shape)[(*place, i, j)]))
    found = f"value {i} is {size:.3g}" if zeros else f"values {min(i, j)} and {max(i, j)} differ by {size:.3g}"
    announce(f"{name}: {matrix_of_batch(tuple(place))}", found, why, what)


def announce(start, found, why, what):
    """The warning, or the error, about a derivative that does not exist."""
    message = (
        f"{start}the derivative does not exist by way of single vectors: {found}, and {why}. Take functions of the values "
        "alone, or of the projector on all vectors of equal values, or a matrix function as funm(A, f), sqrtm, logm, polar"
    )
    if what == "raise":
        raise np.linalg.LinAlgError(message)
    warnings.warn(f"{message}; that share is left out", DegenerateWarning, stacklevel=2)


def lost_rotation(name, i, j, gap, numerator, reference):
    """Say so if a rotation between equal eigenvalues of a triangular form is left out of a cotangent that depends on it."""
    what = chosen("degenerate")
    if what != "ignore" and abs(numerator) > np.finfo(np.asarray(numerator).dtype).eps ** 0.5 * np.max(
        np.abs(reference)
    ):
        why = "what is differentiated depends on the choice of vectors among them"
        announce(f"{name}: ", f"values {j} and {i} differ by {float(abs(gap)):.3g}", why, what)


def _watched(x, reference, evidence, ct_values, gap, scale, *, name, degenerate, zeros):
    what = chosen("degenerate") if degenerate is None else degenerate
    if what != "ignore" and gap.size and x.size:
        _look(x, reference, evidence, ct_values, gap, scale, name, what, zeros)
    return _broadcast(x, reference, evidence, ct_values[..., None], gap, scale)


def _broadcast(x, *others):
    lead = np.broadcast_shapes(x.shape[:-2], *[y.shape[:-2] for y in others])
    return np.broadcast_to(x, lead + x.shape[-2:]).copy()


@primitive("(m,n),(p,q),(r,s),(v),(k,l),(i,j)->(m,n)", kernel=_watched, internal=True)
def watched(x, reference, evidence, ct_values, gap, scale, *, name, degenerate, zeros):
    """`x`, which is about to be divided by `gap`; a warning or an error where the gap is rounding and `x` is not.

    `reference` is what `x` is the difference of, so that its rounding can be told from a value; `evidence`, of the same
    size, is large where vectors of equal values are used in a way that only functions of the values as well may need;
    `ct_values` is the cotangent of the values. `zeros`: the gap is that of a value to zero. An operation of its own, so that it runs where numbers are: also under
    vmap and in compiled programs. Derivative: the identity. In forward mode it sees nothing: whether what follows depends
    on the choice of vectors is not known there. Cost: some passes.
    """
    return _broadcast(x, reference, evidence, ct_values[..., None], gap, scale)


@watched.def_vjp
def _(ct, specs):
    return fit(ct, specs[0]), None, None, None, None, None


@watched.def_samples
def _(rng):
    def near(gap, degenerate="ignore", ct=0.0):
        x = rng.standard_normal((2, 2)) if not ct else np.zeros((2, 2))
        args = (x, np.ones((2, 2)), np.ones((2, 2)), np.array([ct, ct]), gap, np.ones((1, 1)))
        return args, {"name": "watched", "degenerate": degenerate, "zeros": False}

    apart = np.array([[np.inf, 1.0], [-1.0, np.inf]])
    args, how = near(apart, "raise")
    yield sample(*args, **how, wrt=(0,))
    args, how = near(np.zeros((2, 2)))
    yield sample(*args, **how, wrt=(0,))
    for ct in (0.0, 1.0):
        args, how = near(np.where(apart == np.inf, apart, 0.0), "raise", ct)
        yield raises(np.linalg.LinAlgError, *args, **how, match="watched: .*values 0 and 1")


# ------------------------------------------------------------------------------------------------ refusal
def _refused(x, bad, *, name, why, error=np.linalg.LinAlgError):
    if np.any(bad):
        *place, i, _ = (int(k) for k in np.argwhere(bad)[0])
        raise error(f"{name}: {matrix_of_batch(tuple(place))}{why.format(i=i)}")
    return _broadcast(x, bad)


@primitive("(m,n),(k,l)->(m,n)", kernel=_refused, internal=True)
def refused(x, bad, *, name, why, error=np.linalg.LinAlgError):
    """`x`; an `error` that says `why`, with the matrix of the batch and the row ``{i}``, where something of it is `bad`.

    An operation of its own, so that it runs where numbers are: also under vmap and in compiled programs. Derivative: the
    identity. Cost: a pass.
    """
    return _broadcast(x, bad)


@refused.def_vjp
def _(ct, specs):
    return fit(ct, specs[0]), None


@refused.def_samples
def _(rng):
    def against(bad):
        return (rng.standard_normal((3, 1)), np.asarray(bad)[:, None]), {"name": "refused", "why": "row {i} is bad"}

    args, how = against([False, False, False])
    yield sample(*args, **how, wrt=(0,))
    args, how = against([False, True, True])
    yield raises(np.linalg.LinAlgError, *args, **how, match="refused: row 1 is bad")


# ------------------------------------------------------------------------------------------------ condition
def _reciprocal_one(a):
    getrf, gecon = lapack.get_lapack_funcs(("getrf", "gecon"), (a,))
    lu, _, info = getrf(a)
    if info > 0:
        return 0.0
    return gecon(lu, np.linalg.norm(a, 1), norm="1")[0]


_reciprocal = looped("(n,n)->()", _reciprocal_one, name="rcond",
                     dtypes=lambda common: [np.empty(0, common).real.dtype])  # fmt: skip


def _conditioned(a, *, name):
    if a.size:
        watch_condition(name, _reciprocal(a))
    return a.copy()


@primitive("(n,n)->(n,n)", kernel=_conditioned, internal=True)
def conditioned(a, *, name):
    """`a`, with a warning if an estimate of its condition in the 1-norm, by xGECON, is beyond the rounding unit.

    An operation of its own, so that it runs where numbers are: also under vmap and in compiled programs. Derivative: the
    identity. Cost: ``2/3 n^3`` operations.
    """
    return a.copy()


@conditioned.def_vjp
def _(ct):
    return ct


@conditioned.def_samples
def _(rng):
    yield sample(well_conditioned(rng, 3, 3), name="solve")
    yield sample(well_conditioned(rng, 2, 2, 2, complex_too=True), name="solve")
    yield sample(np.zeros((0, 0)), name="solve")


def watch_condition(name, reciprocal):
    """Warn where an estimated reciprocal condition number is below the rounding unit."""
    bad = np.argwhere(~(reciprocal >= np.finfo(reciprocal.dtype).eps))
    if len(bad):
        place = tuple(int(k) for k in bad[0])
        warnings.warn(
            f"{name}: {matrix_of_batch(place)}ill-conditioned (rcond = {float(reciprocal[place]):.6g}): the result may not be "
            "accurate; see check_matrix_health",
            IllConditionedWarning,
            stacklevel=2,
        )
