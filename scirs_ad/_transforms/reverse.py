"""Reverse mode: vjp, grad, value_and_grad."""

import numpy as np

from scirs_ad._core.core import Tape, Variable, as_array, dtype_of, shape_of
from scirs_ad._core.tree import LEAF, flatten, unflatten
from scirs_ad._transforms.common import Transform, advise, differentiated, finish, name_of, pack_leaf
from scirs_ad._transforms.native import swapped

__all__ = ["grad", "value_and_grad", "vjp"]

_ONE = np.ones(())
_ONE.flags.writeable = False


def record(f, leaves, what):
    """Make the inputs of a tape: `(tape, variables, refs)`."""
    tape = Tape()
    variables = []
    for x in leaves:
        x = as_array(x)
        kind = dtype_of(x).kind
        if kind not in "fc":
            remedy = "convert it with astype(float)" if kind in "biu" else "give an array of numbers"
            raise TypeError(
                f"{what} of {name_of(f)}: an input of dtype {dtype_of(x)} and shape {shape_of(x)} carries no "
                f"derivative; {remedy}"
            )
        variables.append(tape.variable(x))
    return tape, variables, [tape.ref_of(v) for v in variables]


def _zeros(x):
    return np.zeros(shape_of(x), dtype_of(x))


class value_and_grad(Transform):
    """Value and gradient of a scalar function.

    Parameters
    ----------
    f : callable
        Returns a real scalar (shape ``()``, or one element), or ``(scalar, aux)`` with `has_aux`.
    argnums : int or tuple of int
        Which positional arguments to differentiate; arrays or containers of arrays.
    has_aux : bool
        Whether `f` returns something beside the scalar.
    native : bool
        Swap what does not dispatch in `f`: ``native=True`` differentiates ``scirs_ad.native(f)``.

    Returns
    -------
    callable
        ``g(*args, **kwargs) -> (value, gradient)``, with `has_aux` ``((value, aux), gradient)``. The gradient has the
        structure, shapes and dtypes of the argument (a tuple of such for a tuple of argnums).

    Raises
    ------
    TypeError
        If the value is not a real scalar, or an input is not floating point.

    Notes
    -----
    Derivative: of any order; the gradient is a function again. Complex inputs: ``df/dx + i df/dy``, the direction of
    steepest ascent. Cost: a small multiple of that of `f`, whatever the number of inputs.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> ad.value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    """

    def __init__(self, f, argnums=0, has_aux=False, native=False):
        f = swapped(f, native)
        super().__init__(f, argnums=argnums, has_aux=has_aux)

    def __call__(self, *args, **kwargs):
        f = self.function
        argnums = self.options["argnums"]
        has_aux = self.options["has_aux"]
        what = type(self).__name__
        if type(argnums) is int and 0 <= argnums < len(args) and type(args[argnums]) in (np.ndarray, float, Variable):
            leaves, structure = [args[argnums]], LEAF  # one array: nothing to take apart
        else:
            leaves, structure = flatten(differentiated(f, args, argnums, what))
        tape, variables, refs = record(f, leaves, what)
        inputs = [tape.lower(v) for v in variables]  # the function may assign to its arguments
        inner = unflatten(structure, variables) if structure is not LEAF else variables[0]
        if type(argnums) is int:
            called = list(args)
            called[argnums] = inner
        else:
            called = list(args)
            for k, v in zip(argnums, inner, strict=True):
                called[k] = v
        try:
            out = f(*called, **kwargs)
        except (TypeError, ValueError) as error:
            advise(f, error)
            raise
        aux = None
        if has_aux:
            if not isinstance(out, tuple) or len(out) != 2:
                raise TypeError(f"{what} of {name_of(f)}: with has_aux=True it must return (value, aux), not {out!r}")
            out, aux = out
        out = pack_leaf(out)
        shape = _check_scalar(f, out, what)
        tape.closed = True
        seed = _ONE if not shape and dtype_of(out) is _ONE.dtype else np.ones(shape, dtype_of(out))
        cts = tape.pull([out], [seed], refs, True)
        value = tape.lower(out)
        if shape:
            value = value.reshape(())
        gradients = [_zeros(x) if g is None else finish(g) for g, x in zip(cts, inputs, strict=True)]
        gradient = gradients[0] if structure is LEAF else unflatten(structure, gradients)
        if has_aux:
            leaves, structure = flatten(aux)
            aux = unflatten(structure, [finish(tape.lower(x)) if isinstance(x, Variable) else x for x in leaves])
            return (finish(value), aux), gradient
        return finish(value), gradient


def _check_scalar(f, out, what):
    """The shape of a real scalar; TypeError for anything else."""
    if type(out) is not Variable and not isinstance(out, (np.ndarray, np.generic, int, float)):
        raise TypeError(f"{what} of {name_of(f)}: it returned {_describe(out)}; a real scalar is needed")
    shape, kind = shape_of(out), dtype_of(out).kind
    if shape and any(n != 1 for n in shape):
        raise TypeError(
            f"{what} of {name_of(f)}: it returned an array of shape {shape}; a scalar is needed. "
            "Sum it, or use jacobian or vjp"
        )
    if kind == "c":
        raise TypeError(
            f"{what} of {name_of(f)}: it returned a complex number; a real one is needed. "
            "Take its real part or absolute value, or use vjp"
        )
    if kind not in "fbiu":
        raise TypeError(
            f"{what} of {name_of(f)}: it returned an object of dtype {dtype_of(out)}; a real scalar is needed"
        )
    return shape


def _describe(x):
    return f"a {type(x).__name__}" if x is not None else "None"


class grad(Transform):
    """Gradient of a scalar function.

    Parameters
    ----------
    f : callable
        Returns a real scalar (shape ``()``, or one element), or ``(scalar, aux)`` with `has_aux`.
    argnums : int or tuple of int
        Which positional arguments to differentiate; arrays or containers of arrays.
    has_aux : bool
        Whether `f` returns something beside the scalar.
    native : bool
        Swap what does not dispatch in `f`: ``native=True`` differentiates ``scirs_ad.native(f)``.

    Returns
    -------
    callable
        ``g(*args, **kwargs) -> gradient``, with `has_aux` ``(gradient, aux)``. The gradient has the structure, shapes
        and dtypes of the argument (a tuple of such for a tuple of argnums).

    Raises
    ------
    TypeError
        If the value is not a real scalar, or an input is not floating point.

    Notes
    -----
    Derivative: of any order; the gradient is a function again. Complex inputs: ``df/dx + i df/dy``, the direction of
    steepest ascent. Cost: a small multiple of that of `f`, whatever the number of inputs.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> ad.grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    """

    def __init__(self, f, argnums=0, has_aux=False, native=False):
        f = swapped(f, native)
        super().__init__(f, argnums=argnums, has_aux=has_aux)
        self.both = value_and_grad(f, argnums, has_aux)

    def __call__(self, *args, **kwargs):
        value, gradient = self.both(*args, **kwargs)
        return (gradient, value[1]) if self.options["has_aux"] else gradient


class Pullback:
    """What `vjp` returns beside the value: cotangent of the output in, tuple of cotangents of the primals out."""

    def __init__(self, tape, inputs, refs, structures, out_leaves, out_structure, name):
        self._tape, self._inputs, self._refs, self._structures = tape, inputs, refs, structures
        self._out_leaves, self._out_structure, self._name = out_leaves, out_structure, name

    def __call__(self, ct):
        leaves, structure = ([ct], LEAF) if self._out_structure is LEAF else flatten(ct)
        if structure != self._out_structure:
            raise ValueError(
                f"pullback of {self._name}: the cotangent is {structure}, the output {self._out_structure}"
            )
        cts = []
        for c, y in zip(leaves, self._out_leaves, strict=True):
            c = as_array(c)
            if shape_of(c) != shape_of(y):
                raise ValueError(
                    f"pullback of {self._name}: the cotangent has shape {shape_of(c)}, the output {shape_of(y)}"
                )
            if dtype_of(c) != dtype_of(y) and dtype_of(y).kind in "fc":
                if dtype_of(c).kind == "c" and dtype_of(y).kind == "f":
                    raise TypeError(f"pullback of {self._name}: a complex cotangent for a real output")
                c = c.astype(dtype_of(y))
            cts.append(c)
        pulled = self._tape.pull(list(self._out_leaves), cts, self._refs, False)
        pulled = iter([_zeros(x) if g is None else finish(g) for g, x in zip(pulled, self._inputs, strict=True)])
        return tuple(unflatten(s, [next(pulled) for _ in range(n)]) for s, n in self._structures)


def vjp(f, *primals, has_aux=False, native=False):
    """Value of a function, and the map from cotangents of its output to cotangents of its inputs.

    Parameters
    ----------
    f : callable
        Returns an array or a container of arrays, or ``(output, aux)`` with `has_aux`.
    *primals
        Arrays or containers of arrays: the arguments of `f`.
    has_aux : bool
        Whether `f` returns something beside the output.
    native : bool
        Swap what does not dispatch in `f`: ``native=True`` differentiates ``scirs_ad.native(f)``.

    Returns
    -------
    out
        The value (of the structure that `f` returns).
    pullback : callable
        ``pullback(ct)`` returns a tuple, one entry per primal. Can be called many times.
    aux
        Only with `has_aux`.

    Raises
    ------
    TypeError
        If a primal is not floating point.

    Notes
    -----
    Derivative: of any order. Complex: the adjoint under ``Re <x, y>``. Cost of the pullback: a small multiple of that
    of `f`; it keeps the values that the rules need.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> y, pullback = ad.vjp(np.sin, np.array([0.0, 1.0]))
    >>> pullback(np.array([1.0, 0.0]))
    (array([1., 0.]),)
    """
    f = swapped(f, native)
    leaves, structures = [], []
    for p in primals:
        found, s = flatten(p)
        leaves.extend(found)
        structures.append((s, len(found)))
    tape, variables, refs = record(f, leaves, "vjp")
    inputs = [tape.lower(v) for v in variables]
    places = iter(variables)
    try:
        out = f(*[unflatten(s, [next(places) for _ in range(n)]) for s, n in structures])
    except (TypeError, ValueError) as error:
        advise(f, error)
        raise
    aux = None
    if has_aux:
        out, aux = out
    out_leaves, out_structure = flatten(out)
    out_leaves = [pack_leaf(y) for y in out_leaves]
    frozen = [Variable(y) if isinstance(y, Variable) else y for y in out_leaves]  # later writes do not reach us
    tape.closed = True
    value = unflatten(out_structure, [finish(tape.keep(tape.lower(y))) for y in frozen])
    pullback = Pullback(tape, inputs, refs, structures, frozen, out_structure, name_of(f))
    if has_aux:
        found, s = flatten(aux)
        return value, pullback, unflatten(s, [finish(tape.lower(x)) if isinstance(x, Variable) else x for x in found])
    return value, pullback
