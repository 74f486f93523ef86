"""Forward mode: jvp and linearize."""

import numpy as np

from scirs_ad._core.core import Dual, Variable, as_array, dtype_of, shape_of
from scirs_ad._core.tree import flatten, unflatten
from scirs_ad._transforms.common import advise, finish, name_of, pack_leaf
from scirs_ad._transforms.native import swapped
from scirs_ad._transforms.reverse import record

__all__ = ["jvp", "linearize"]


def match_tangents(f, primals, tangents, what):
    """The leaves of primals and tangents, checked against each other."""
    primals, tangents = tuple(primals), tuple(tangents)
    leaves, structure = flatten(primals)
    moving, found = flatten(tangents)
    if found != structure:
        raise ValueError(f"{what} of {name_of(f)}: the tangents are {found}, the primals {structure}")
    checked = []
    for x, t in zip(leaves, moving, strict=True):
        x, t = as_array(x), as_array(t)
        if dtype_of(x).kind not in "fc":
            raise TypeError(
                f"{what} of {name_of(f)}: a primal of dtype {dtype_of(x)} and shape {shape_of(x)} carries no "
                "derivative; convert it with astype(float)"
            )
        if shape_of(t) != shape_of(x):
            raise ValueError(f"{what} of {name_of(f)}: a tangent has shape {shape_of(t)}, its primal {shape_of(x)}")
        if dtype_of(t) != dtype_of(x):
            if dtype_of(t).kind == "c" and dtype_of(x).kind == "f":
                raise TypeError(f"{what} of {name_of(f)}: a complex tangent for a real primal")
            t = t.astype(dtype_of(x))
        checked.append(t)
    return leaves, checked, structure


def _zeros(x):
    return np.zeros(shape_of(x), dtype_of(x))


def jvp(f, primals, tangents, has_aux=False, native=False):
    """Value of a function, and its derivative along a direction.

    Parameters
    ----------
    f : callable
        Returns an array or a container of arrays, or ``(output, aux)`` with `has_aux`.
    primals : tuple
        The arguments: arrays or containers of arrays.
    tangents : tuple
        The direction: of the same structure, shapes and dtypes.
    has_aux : bool
        Whether `f` returns something beside the output.
    native : bool
        Swap what does not dispatch in `f`: ``native=True`` differentiates ``scirs_ad.native(f)``.

    Returns
    -------
    out, tangent
        Both of the structure that `f` returns; with `has_aux` also `aux`.

    Raises
    ------
    ValueError
        If structures or shapes of primals and tangents differ.
    TypeError
        If a primal is not floating point.

    Notes
    -----
    Derivative: of any order. Forward mode: no tape, the memory of `f` times two. Cost: two to three times that of `f`.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> ad.jvp(np.sin, (0.0,), (1.0,))
    (np.float64(0.0), np.float64(1.0))
    """
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise TypeError(f"jvp of {name_of(f)}: primals and tangents must be tuples, one entry per argument")
    f = swapped(f, native)
    leaves, moving, structure = match_tangents(f, primals, tangents, "jvp")
    dual = Dual()
    try:
        out = f(*unflatten(structure, [dual.variable(x, t) for x, t in zip(leaves, moving, strict=True)]))
    except (TypeError, ValueError) as error:
        advise(f, error)
        raise
    aux = None
    if has_aux:
        out, aux = out
    dual.closed = True
    outs, out_structure = flatten(out)
    pairs = [dual.split(pack_leaf(y)) for y in outs]
    value = unflatten(out_structure, [finish(y) for y, _ in pairs])
    tangent = unflatten(out_structure, [finish(_zeros(y) if t is None else t) for y, t in pairs])
    if has_aux:
        found, s = flatten(aux)
        return value, tangent, unflatten(s, [finish(dual.split(x)[0]) if isinstance(x, Variable) else x for x in found])
    return value, tangent


class Push:
    """What `linearize` returns beside the value: tangents of the primals in, tangent of the output out."""

    def __init__(self, f, tape, inputs, refs, structure, outs, out_structure):
        self._f, self._tape, self._inputs, self._refs = f, tape, inputs, refs
        self._structure, self._outs, self._out_structure = structure, outs, out_structure

    def __call__(self, *tangents):
        primals = unflatten(self._structure, self._inputs)
        _, moving, _ = match_tangents(self._f, primals, tangents, "linearize")
        pushed = self._tape.push(self._refs, moving, self._outs)
        found = [finish(_zeros(y) if t is None else t) for y, t in zip(self._outs, pushed, strict=True)]
        return unflatten(self._out_structure, found)


def linearize(f, *primals, native=False):
    """Value of a function, and its derivative as a linear function of the direction.

    Parameters
    ----------
    f : callable
        Returns an array or a container of arrays.
    *primals
        Arrays or containers of arrays: the arguments of `f`.
    native : bool
        Swap what does not dispatch in `f`: ``native=True`` differentiates ``scirs_ad.native(f)``.

    Returns
    -------
    out
        The value.
    push : callable
        ``push(*tangents)`` returns the tangent of the output. Can be called many times; `f` is not run again.

    Raises
    ------
    TypeError
        If a primal is not floating point.

    Notes
    -----
    Derivative: of any order. Cost of a push: that of `f`, without its nonlinear parts.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> y, push = ad.linearize(np.sin, np.array([0.0, 1.0]))
    >>> push(np.array([1.0, 0.0]))
    array([1., 0.])
    """
    f = swapped(f, native)
    leaves, structure = flatten(primals)
    tape, variables, refs = record(f, leaves, "linearize")
    tape.forward = True
    inputs = [tape.lower(v) for v in variables]
    try:
        out = f(*unflatten(structure, variables))
    except (TypeError, ValueError) as error:
        advise(f, error)
        raise
    outs, out_structure = flatten(out)
    outs = [Variable(y) if isinstance(y, Variable) else as_array(y) for y in map(pack_leaf, outs)]
    tape.closed = True
    value = unflatten(out_structure, [finish(tape.keep(tape.lower(y))) for y in outs])
    return value, Push(f, tape, inputs, refs, structure, outs, out_structure)
