"""The doors through which primitives are defined: ours and the user's are the same."""

import numpy as np

from scirs_ad._core.core import PRIMITIVES, Elementwise, Primitive

__all__ = ["elementwise", "primitive", "raises", "sample", "seal"]


def primitive(
    signature=None,
    *,
    kernel=None,
    core=None,
    n_out=None,
    linear=False,
    loops="broadcast",
    differentiable=True,
    name=None,
    internal=False,
):
    """Define an operation: the decorated function is its meaning.

    Parameters
    ----------
    signature : str, optional
        Which trailing axes it acts on, as in ``"(m,k),(k,n)->(m,n)"``; leading axes are looped over (the function has
        to do that, as NumPy's gufuncs do). It is the shape rule, the error text and the batching rule.
    kernel : callable, optional
        What runs on arrays; the function itself unless given.
    core : callable, optional
        Instead of a signature: ``core(*args, **params)`` returns the number of trailing axes of each argument. Then
        state the shape rule by `def_shape`.
    n_out : int, optional
        Number of outputs, if they are a tuple and there is no signature that says so.
    linear : bool
        Linear in its one argument: the tangent is the operation applied to the tangent.
    loops : {"broadcast", "equal"}
        "equal": the function does not broadcast leading axes (concatenate); vmap then makes them equal.
    differentiable : bool
        False for what has no derivative.
    name : str, optional
    internal : bool
        Not a public name: the door that users meet is another function.

    Returns
    -------
    callable
        Decorator that makes a `Primitive`, with `def_vjp`, `def_jvp`, `def_shape`, `def_samples`.

    Raises
    ------
    ValueError
        If the signature cannot be read or does not fit the function.

    Notes
    -----
    State one derivative; the other is derived from it. A rule names what it needs (`ct` or `t`, `out`, `specs`,
    arguments, parameters), and only that is kept on the tape.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> @ad.primitive("(n)->()")
    ... def energy(x):
    ...     return 0.5 * np.sum(x * x, -1)
    >>> @energy.def_vjp
    ... def _(ct, x):
    ...     return ct[..., None] * x
    >>> ad.grad(energy)(np.array([1.0, 2.0]))
    array([1., 2.])
    """
    if callable(signature):
        raise TypeError('primitive: give the signature first, as in @primitive("(n)->()")')

    def decorate(function):
        made = Primitive(
            function, signature, kernel, core, n_out, differentiable, linear, loops == "equal", name, internal
        )
        return _register(made, function)

    return decorate


def elementwise(function=None, *, opcode=None, differentiable=True, name=None, internal=False):
    """Define an operation that acts element by element.

    With `def_partials` it is a base function; without (and without `opcode`) the function is a composite of other
    elementwise functions, needs no rule, and runs, like its derivative, as one fused pass.

    Parameters
    ----------
    function : callable, optional
        The meaning, in NumPy (base function) or in elementwise functions of scirs_ad (composite).
    opcode : str, optional
        Name of the kernel of a base function.
    differentiable : bool
        False for what has no derivative.
    name : str, optional
    internal : bool
        Not a public name.

    Returns
    -------
    Elementwise
        With `def_partials`, `def_samples`.

    Examples
    --------
    >>> import scirs_ad as ad
    >>> import scirs_ad.numpy as anp
    >>> @ad.elementwise
    ... def bump(x):
    ...     return anp.exp(-x * x)
    >>> ad.grad(bump)(0.0)
    np.float64(-0.0)
    """

    def decorate(function):
        return _register(Elementwise(function, opcode, differentiable, name, internal), function)

    return decorate if function is None else decorate(function)


def _register(made, function):
    """Enter a page of ours in the table."""
    if function.__module__.startswith("scirs_ad."):
        if made.name in PRIMITIVES:
            raise ValueError(f"primitive {made.name!r} is defined twice")
        PRIMITIVES[made.name] = made
    return made


class sample:
    """Arguments of a primitive for the laws that its tests check.

    Parameters
    ----------
    *args
        Positional arguments.
    order : int
        To which order derivatives exist there.
    wrt : tuple of int, optional
        Positions that are differentiated; all floating-point ones unless given.
    **params
        Parameters.

    Returns
    -------
    sample

    Examples
    --------
    >>> import scirs_ad as ad
    >>> ad.sample(2.0, axis=-1)
    2.0, axis=-1
    """

    def __init__(self, *args, order=2, wrt=None, **params):
        self.args, self.params, self.order, self.wrt = args, params, order, wrt

    def __repr__(self):
        shown = [f"{a.dtype}{list(a.shape)}" if isinstance(a, np.ndarray) else repr(a) for a in self.args]
        return ", ".join(shown + [f"{k}={v!r}" for k, v in self.params.items()])


class raises(sample):
    """Arguments with which a primitive raises an error.

    Parameters
    ----------
    error : type
        The class of the exception.
    *args
        Positional arguments.
    match : str
        What is in the message.
    **params
        Parameters.

    Returns
    -------
    raises

    Examples
    --------
    >>> import scirs_ad as ad
    >>> ad.raises(ValueError, 2.0, match="shapes").match
    'shapes'
    """

    def __init__(self, error, *args, match="", **params):
        super().__init__(*args, **params)
        self.error, self.match = error, match


def seal():
    """Check the table: every page has a docstring, samples, and a derivative or a reason for having none.

    Called when the pages are there; pages that are loaded at first use call it again.

    Raises
    ------
    TypeError
        Naming the pages that lack something.
    """
    faults = []
    for name, p in PRIMITIVES.items():
        if not p.__doc__:
            faults.append(f"{name}: no docstring")
        if p.samples is None:
            faults.append(f"{name}: no samples")
        stated = p.vjp_rule is not None or p.jvp_rule is not None or p.linear
        if isinstance(p, Elementwise):
            stated = stated or p.partials is not None or p.opcode is None
        if p.differentiable and not stated:
            faults.append(f"{name}: no derivative; state def_vjp or def_jvp, or differentiable=False")
    if faults:
        raise TypeError("the table of primitives is not complete:\n  " + "\n  ".join(faults))
