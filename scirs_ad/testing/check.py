"""Derivatives compared with finite differences, to any order."""

import numpy as np

from scirs_ad._core.core import as_array, dtype_of
from scirs_ad._core.tree import flatten, unflatten
from scirs_ad._transforms.common import name_of
from scirs_ad._transforms.forward import jvp
from scirs_ad._transforms.reverse import grad, vjp
from scirs_ad.testing.differences import directional, eps_of, finite_difference, numbers, random_direction

__all__ = ["check_grads", "gradient_check"]

SAFETY = 64  # between an estimated error and what is refused
TRUSTED = 1e-3  # a difference that is less certain than this says nothing


def check_grads(f, args, order=2, modes=("fwd", "rev"), rtol=None, atol=None, rng=0):
    """Compare the derivatives of a function with finite differences, in forward and in reverse mode.

    Parameters
    ----------
    f : callable
        Returns an array or a container of arrays.
    args : tuple
        The arguments: arrays or containers of arrays, real or complex. Leaves that are not floating point are held.
    order : int
        To which order: 2 checks the derivatives of the derivatives too, in all combinations of the modes.
    modes : tuple of {"fwd", "rev"}
        `jvp`, `vjp`, or both.
    rtol, atol : float, optional
        The deviation allowed, relative to the largest entry and absolute. Unless given: what rounding and the error
        of the differences, which is estimated, explain.
    rng : int or numpy.random.Generator
        Chooses the directions.

    Returns
    -------
    None

    Raises
    ------
    AssertionError
        Naming the mode, the order, the argument and the largest deviation.
    ValueError
        For unknown modes.

    Notes
    -----
    Derivative: this is the test of them. Complex numbers are vectors of two reals: the inner product is ``Re <x, y>``.
    At a kink a difference is the mean of both sides. Cost: about ``40 * (2 * len(args))**order`` evaluations of `f`.

    Examples
    --------
    >>> import numpy as np
    >>> from scirs_ad.testing import check_grads
    >>> check_grads(lambda x, y: np.sin(x) * y, (np.array([1.0, 2.0]), 3.0))
    """
    modes = (modes,) if isinstance(modes, str) else tuple(modes)
    if not modes or any(m not in ("fwd", "rev") for m in modes):
        raise ValueError(f"check_grads: modes are 'fwd' and 'rev', not {modes!r}")
    if not isinstance(args, (tuple, list)):
        raise TypeError("check_grads: args must be a tuple, one entry per argument of f")
    leaves, structure = flatten(tuple(args))
    leaves = [as_array(x) for x in leaves]
    moving = [k for k, x in enumerate(leaves) if dtype_of(x).kind in "fc"]
    if not moving:
        raise TypeError(f"check_grads of {name_of(f)}: no argument is floating point")
    names = [_leaf_names(a, f"argument {k}") for k, a in enumerate(args)]
    names = [n for group in names for n in group]

    def function(*xs):
        full = list(leaves)
        for k, x in zip(moving, xs, strict=True):
            full[k] = x
        return flatten(f(*unflatten(structure, full)))[0]

    check = _Check(name_of(f), [names[k] for k in moving], rtol, atol, np.random.default_rng(rng))
    check.order(function, [leaves[k] for k in moving], 1, order, modes, "")


def _leaf_names(arg, name):
    leaves, structure = flatten(arg)
    return [name] if len(leaves) == 1 else [f"{name}, leaf {k} of {structure}" for k in range(len(leaves))]


class _Check:
    """One call of `check_grads`."""

    def __init__(self, name, arguments, rtol, atol, rng):
        self.name, self.arguments, self.rtol, self.atol, self.rng = name, arguments, rtol, atol, rng

    def order(self, function, xs, n, last, modes, path):
        """All checks of order `n`, and from there on; `function` is from arrays to a list of arrays."""
        if n > last:
            return
        outs = numbers(function(*xs))
        smooth = [i for i, y in enumerate(outs) if y.dtype.kind in "fc"]
        if not smooth:
            raise TypeError(f"check_grads of {self.name}: no output is floating point")

        def kept(*values):
            found = function(*values)
            return [found[i] for i in smooth]

        cts = tuple(np.asarray(random_direction(np.ones_like(outs[i]), self.rng)) for i in smooth)
        ts = tuple(random_direction(x, self.rng) for x in xs)
        for mode in modes:
            for k in range(len(xs)):
                self.argument(kept, xs, k, ts[k], cts, mode, n, path)
            if n < last:
                self.order(self.derivative(kept, ts, cts, mode), xs, n + 1, last, modes, f"{path}{mode} of ")

    def derivative(self, function, ts, cts, mode):
        """The derivative as a function of its own: what the next order differentiates."""
        if mode == "fwd":
            return lambda *xs: jvp(function, tuple(xs), ts)[1]
        return lambda *xs: list(vjp(function, *xs)[1](list(cts)))

    def argument(self, function, xs, k, t, cts, mode, n, path):
        """One argument, one direction, one mode."""
        moved, errors = directional(
            lambda values: numbers(function(*xs[:k], *values, *xs[k + 1 :])), [xs[k]], [t]
        )  # fmt: skip
        f_k = lambda x: function(*xs[:k], x, *xs[k + 1 :])  # noqa: E731 - one argument free
        if mode == "fwd":
            found = numbers(jvp(f_k, (xs[k],), (t,))[1])
        else:
            (pulled,) = vjp(f_k, xs[k])[1](list(cts))
            if np.shape(pulled) != np.shape(xs[k]):
                raise AssertionError(
                    self.where(mode, n, path, k) + f": shape {np.shape(pulled)} instead of {np.shape(xs[k])}"
                )
            found = [_inner(pulled, t)]
            errors = [np.asarray(sum(np.sum(np.abs(c) * e) for c, e in zip(cts, errors, strict=True)))]
            moved = [sum(_inner(c, m) for c, m in zip(cts, moved, strict=True))]
        for i, (a, b, error) in enumerate(zip(found, moved, errors, strict=True)):
            self.compare(np.asarray(a), np.asarray(b), error, xs, self.where(mode, n, path, k), i)

    def where(self, mode, n, path, k):
        return f"check_grads of {self.name}: mode {path}{mode}, order {n}, {self.arguments[k]}"

    def compare(self, found, expected, error, xs, where, output):
        """AssertionError unless two arrays agree."""
        if not expected.size:
            return
        size = max(np.max(np.abs(expected)), np.max(np.abs(found)))
        if self.rtol is None and self.atol is None:
            with np.errstate(invalid="ignore"):
                allowed = SAFETY * (error + eps_of(found, *xs) * size)
            if not np.all(error <= TRUSTED * max(size, 1.0)):
                raise AssertionError(
                    f"{where}, output {output}: the finite differences do not settle (estimated error "
                    f"{np.max(error):.2g}); is the function smooth there?"
                )
        else:
            allowed = (self.rtol or 0.0) * size + (self.atol or 0.0)
        deviation = np.abs(found - expected)
        if not np.all(deviation <= allowed):
            worst = np.unravel_index(np.argmax(np.where(np.isnan(deviation), np.inf, deviation)), deviation.shape)
            raise AssertionError(
                f"{where}, output {output}: the derivative is {found[worst]:.10g}, the finite difference "
                f"{expected[worst]:.10g}; the largest deviation is {deviation[worst]:.3g}, allowed "
                f"{np.broadcast_to(allowed, deviation.shape)[worst]:.3g}"
            )


def _inner(x, y):
    return np.sum(np.real(np.conj(x) * y))


def gradient_check(f, x, *args, scheme="central"):
    """Largest deviation of the gradient from finite differences, relative to the largest entry of the gradient.

    Parameters
    ----------
    f : callable
        ``f(x, *args)`` returns a real scalar.
    x : array_like
        Where; real floating point.
    *args
        Further arguments, held.
    scheme : str
        As in `finite_difference`.

    Returns
    -------
    float
        About 1e-10 for a correct gradient in float64 and the central scheme; 1 and more for a wrong one.

    Raises
    ------
    TypeError
        If `f` is not a real scalar, or `x` not floating point.

    Notes
    -----
    Derivative: this is a test of one. `check_grads` goes to any order and judges by itself. Cost: as
    `finite_difference`.

    Examples
    --------
    >>> import numpy as np
    >>> from scirs_ad.testing import gradient_check
    >>> gradient_check(lambda x: np.sum(np.sin(x)), np.array([0.1, 0.2])) < 1e-8
    True
    """
    x = as_array(x)
    found = np.asarray(grad(f)(x, *args))
    expected = np.asarray(finite_difference(lambda y: f(y, *args), x, scheme))
    size = max(np.max(np.abs(found), initial=0.0), np.max(np.abs(expected), initial=0.0))
    if not found.size or size == 0:
        return 0.0
    return float(np.max(np.abs(found - expected)) / size)
