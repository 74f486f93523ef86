"""Functions applied as one primitive: checkpoint, custom_vjp, custom_jvp; and stop_gradient, value.

What such a function closes over is lifted: a tracked Variable that it uses without having it as an argument becomes
a further input of the node, found while the function runs for the first time, and its gradient flows.
"""

import inspect

import numpy as np

from scirs_ad._core.core import (
    Batch,
    Dual,
    Spec,
    Tape,
    Variable,
    as_array,
    bind,
    dtype_of,
    inexact,
    shape_of,
    spec_of,
    transpose_vjp,
    value_of,
)
from scirs_ad._core.define import primitive, sample
from scirs_ad._core.tree import flatten, unflatten
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._transforms.common import finish, name_of, pack_leaf

__all__ = ["checkpoint", "custom_jvp", "custom_vjp", "stop_gradient", "value"]


# ------------------------------------------------------------------------------------------------ the body of a call
class Body:
    """A function over leaves, with what it has captured.

    `run(*leaves)`: the explicit leaves, then those lifted from `tape`. `rule`: the user's rule, or None.
    """

    def __init__(self, function, rule=None, owner=None):
        self.function, self.rule, self.owner = function, rule, owner
        self.tape, self.refs, self.explicit = None, (), None
        self.newest = None  # level among the outputs of the last abstract run

    def __call__(self, *leaves):
        if self.tape is None:
            return self.function(*leaves)
        return self._lifted(self.function, leaves[: self.explicit], leaves[self.explicit :])

    def lift(self, tape, refs, explicit):
        """The same function with what it captured from `tape` as further leaves."""
        lifted = Body(self.function if self.tape is None else self, self.rule, self.owner)
        lifted.tape, lifted.refs, lifted.explicit = tape, refs, explicit
        return lifted

    def ruled(self, leaves):
        """How many of the leaves, the first ones, the user's rule is about."""
        if self.tape is None:
            return len(leaves)
        return self.function.ruled(leaves[: self.explicit]) if isinstance(self.function, Body) else self.explicit

    def rule_closes(self):
        """Whether the user's rule may use Variables that are not its arguments."""
        return self.rule is not None and getattr(self.owner.rule, "__closure__", None) is not None

    def apply_rule(self, moving, outs, leaves):
        """The user's rule; what it closes over is replaced as what the function closes over."""
        if self.tape is None:
            return self.rule(moving, outs, leaves)
        inner = self.function.apply_rule if isinstance(self.function, Body) else self.rule
        return self._lifted(inner, (moving, outs, leaves[: self.explicit]), leaves[self.explicit :])

    def _lifted(self, function, arguments, captured):
        """Run a function with the values `captured` in the place of the captured Variables."""
        tape = self.tape
        replace = dict(zip(self.refs, captured, strict=True))

        def found(a):
            ref = tape.ref_of(a)
            # What only a rule closes over is no input of the node: there its value, one level down, is used.
            return a if ref < 0 else replace[ref] if ref in replace else tape.lower(a)

        def substitute(level, p, args, params):
            return bind(p, tuple(map(found, args)), params)

        # Whatever level interprets an operation of the body, the substitution has to come first.
        inner = {}
        for level in [v.level for v in captured if isinstance(v, Variable) and v.level is not None]:
            if level is tape or level in inner:
                continue
            inner[level] = level.capture

            def first(level, p, args, params, older=inner[level]):
                args = tuple(map(found, args))
                if older is not None:
                    return older(level, p, args, params)
                return _apply_here(level, p, args, params)

            level.capture = first
        closed, capture = tape.closed, tape.capture
        tape.closed, tape.capture = False, substitute
        try:
            outs = function(*arguments)
            return tuple(None if y is None else found(y) for y in outs)
        finally:
            tape.closed, tape.capture = closed, capture
            for level, older in inner.items():
                level.capture = older

    def pull(self, ct, leaves, only=None):
        """Cotangents of the leaves, by running the function again on a tape (`only`: of those at these places)."""
        tape = Tape()
        places = [k for k, x in enumerate(leaves) if inexact(x) and (only is None or k in only)]
        inner = list(leaves)
        for k in places:
            inner[k] = tape.variable(leaves[k])
        refs = [tape.ref_of(inner[k]) for k in places]
        outs = self(*inner)
        tape.closed = True
        pulled = tape.pull(list(outs), list(ct), refs, True)
        found = [None] * len(leaves)
        for k, g in zip(places, pulled, strict=True):
            found[k] = g
        return tuple(found)


def _apply_here(level, p, args, params):
    """`level.apply`, without its capture; or a level below, if the arguments do not need this one."""
    if not any(isinstance(a, Variable) and a.level is level for a in args):
        return bind(p, args, params)
    capture, level.capture = level.capture, None
    try:
        return bind(p, args, params)
    finally:
        level.capture = capture


class _Newer(Exception):
    """A body closes over a level that is newer than the one that applies the call."""

    def __init__(self, level):
        super().__init__()
        self.level = level


def _newest(values):
    """The newest level among values; None without one."""
    levels = [v.level for v in values if isinstance(v, Variable) and v.level is not None]
    return max(levels, key=lambda level: level.number, default=None)


def _is_newer(level, other):
    return level is not None and level.number > other.number


def _apply_at(level, p, args, params):
    """Apply a call at the level that its body closes over, though no argument belongs to it."""
    if isinstance(level, Batch):
        return _on_batch(level, args, params, p)
    return (_on_dual if isinstance(level, Dual) else _on_tape)(level, p, args, params)


def _on_tape(tape, p, args, params):
    """How a tape applies a call: one node, whose further inputs are the Variables of the tape that the body used."""
    body = params["body"]
    captured = {}

    def lower(level, q, inner, q_params):
        for a in inner:
            if tape.ref_of(a) >= 0:
                captured.setdefault(tape.ref_of(a), Variable(a))
        return bind(q, tuple(tape.lower(a) for a in inner), q_params)

    values = tuple(tape.lower(a) for a in args)
    tape.capture = lower
    try:
        outs = bind(p, values, params)
    finally:
        tape.capture = None
    newest = body.newest if tape.tracing else _newest(outs)
    if _is_newer(newest, tape):
        return _apply_at(newest, p, args, params)
    found = []
    for y in outs:
        if tape.ref_of(y) >= 0:  # handed through from outside
            captured.setdefault(tape.ref_of(y), Variable(y))
            y = tape.lower(y)
        found.append(y)
    lifted = tuple(captured.values())
    if lifted or body.rule_closes():
        body = body.lift(tape, tuple(captured), len(args))
    outs = tuple(found)
    if not tape.tracing and not inexact(outs):
        return outs
    return tape.record_here(p, args + lifted, {"body": body}, values + tuple(tape.lower(v) for v in lifted), outs)


def _on_batch(batch, args, params, p):
    """How a batch applies a call: the body, batched."""
    body = params["body"]
    mapped = [isinstance(a, Variable) and a.level is batch for a in args]

    def batched(*leaves):
        closed, batch.closed = batch.closed, False
        try:
            outs = body(*[batch.variable(x) if m else x for x, m in zip(leaves, mapped, strict=True)])
        finally:
            batch.closed = closed
        if _is_newer(_newest(outs), batch):
            raise _Newer(_newest(outs))
        lowered = [batch.lower(y) for y in outs]
        return tuple(y if m else sh.broadcast_to(y, (batch.size, *shape_of(y))) for y, m in lowered)

    rule = None
    if body.rule is not None:

        def rule(moving, outs, leaves):
            closed, batch.closed = batch.closed, False
            try:
                found = body.rule(
                    tuple(None if c is None else batch.variable(c) for c in moving),
                    tuple(batch.variable(y) for y in outs),
                    tuple(
                        batch.variable(x) if m else x for x, m in zip(leaves, _pad(mapped, moving, leaves), strict=True)
                    ),
                )
            finally:
                batch.closed = closed
            return _lower_rule(batch, found, mapped, p)

    try:
        outs = bind(p, tuple(batch.lower(a)[0] for a in args), {"body": Body(batched, rule, body.owner)})
    except _Newer as found:
        if not _is_newer(found.level, batch):
            raise
        newer = found.level
    else:
        newer = None
    if newer is not None:
        return _apply_at(newer, p, args, params)
    return tuple(batch.variable(y) for y in outs)


def _pad(mapped, moving, leaves):
    del moving
    return list(mapped) + [False] * (len(leaves) - len(mapped))


def _lower_rule(batch, found, mapped, p):
    """What a user's rule returned under a batch, one level down: summed for what the whole batch shares."""
    lowered = []
    for k, g in enumerate(found):
        if g is None:
            lowered.append(None)
            continue
        y, is_mapped = batch.lower(g)
        if not is_mapped:
            y = sh.broadcast_to(as_array(y), (batch.size, *shape_of(y)))
        if p is not custom_jvp_call and not mapped[k]:
            y = sh.sum(y, axis=0)
        lowered.append(y)
    return tuple(lowered)


def _abstract(*specs, body):
    tape = Tape(tracing=True)
    outs = body(*[tape.variable(s) if isinstance(s, Spec) else s for s in specs])
    tape.closed = True
    body.newest = _newest([tape.lower(y) for y in outs])
    # What is handed through from outside passes an operation, by which the level that it belongs to captures it.
    outside = [isinstance(y, Variable) and y.level is not None and y.level is not tape for y in outs]
    return tuple(spec_of(ew.positive(y) if o else y) for y, o in zip(outs, outside, strict=True))


def _define(p):
    p.def_shape(_abstract)
    p.tape_rule = _on_tape
    p.batch_rule = lambda batch, args, params: _on_batch(batch, args, params, p)
    p.def_samples(lambda rng: iter([sample(rng.standard_normal(3), body=_sample_body(p))]))


def _sample_body(p):
    def function(x):
        return (x * x,)

    if p is custom_vjp_call:
        return Body(function, lambda ct, out, leaves: (ct[0] * 2.0 * leaves[0],))
    if p is custom_jvp_call:
        return Body(function, lambda t, out, leaves: (t[0] * 2.0 * leaves[0],))
    return Body(function)


@primitive(core=None, n_out=-1, internal=True)
def checkpoint_call(*leaves, body):
    """A function whose backward pass runs it again.

    Derivative: that of the function. Cost: the function once more.
    """
    return body(*leaves)


checkpoint_call.def_vjp(lambda ct, out, leaves, body: body.pull(_seeds(ct, out), leaves))


@checkpoint_call.def_jvp
def _(t, out, leaves, body):
    dual = Dual()
    outs = body(*[x if s is None else dual.variable(x, s) for x, s in zip(leaves, t, strict=True)])
    dual.closed = True
    return tuple(dual.split(y)[1] for y in outs)


def _seeds(ct, out):
    del out
    return ct


@primitive(core=None, n_out=-1, internal=True)
def custom_vjp_call(*leaves, body):
    """A function with a vjp of its own.

    Derivative: the given one for its arguments; for what it closes over that of the function. Cost: the rule's.
    """
    return body(*leaves)


@custom_vjp_call.def_vjp
def _(ct, out, leaves, body):
    explicit = body.ruled(leaves)
    filled = tuple(np.zeros(shape_of(y), dtype_of(y)) if c is None else c for c, y in zip(ct, out, strict=True))
    cts = body.apply_rule(filled, out, leaves)
    if explicit < len(leaves):
        cts = cts + body.pull(ct, leaves, only=range(explicit, len(leaves)))[explicit:]
    return cts


@primitive(core=None, n_out=-1, internal=True)
def custom_jvp_call(*leaves, body):
    """A function with a jvp of its own.

    Derivative: the given one for its arguments; for what it closes over that of the function. Cost: the rule's.
    """
    return body(*leaves)


@custom_jvp_call.def_jvp
def _(t, out, leaves, body):
    explicit = body.ruled(leaves)
    filled = tuple(
        np.zeros(shape_of(x), dtype_of(x)) if s is None else s
        for s, x in zip(t[:explicit], leaves[:explicit], strict=True)
    )
    ts = body.apply_rule(filled, out, leaves)
    if explicit < len(leaves) and any(s is not None for s in t[explicit:]):
        dual = Dual()
        outs = body(
            *leaves[:explicit],
            *[x if s is None else dual.variable(x, s) for x, s in zip(leaves[explicit:], t[explicit:], strict=True)],
        )
        dual.closed = True
        more = [dual.split(y)[1] for y in outs]
        ts = tuple(a if b is None else b if a is None else a + b for a, b in zip(ts, more, strict=True))
    return ts


def _on_dual(dual, p, args, params):
    """How forward mode applies a call: checkpoint has nothing to do there, custom rules do."""
    body = params["body"]
    if p is checkpoint_call:
        return body(*args)
    captured = {}

    def lower(level, q, inner, q_params):
        for a in inner:
            if isinstance(a, Variable) and a.level is dual:
                captured[id(a)] = a
        return bind(
            q, tuple(dual.split(a)[0] if isinstance(a, Variable) and a.level is dual else a for a in inner), q_params
        )

    values = tuple(dual.split(a)[0] for a in args)
    ts = tuple(dual.split(a)[1] for a in args)
    dual.capture = lower
    try:
        outs = tuple(dual.split(y)[0] for y in bind(p, values, params))
        newest = _newest(outs)
        moved = None if _is_newer(newest, dual) else _moved(p, body, ts, outs, values, params)
    finally:
        dual.capture = None
    if moved is None:
        return _apply_at(newest, p, args, params)
    if captured:
        more = [dual.split(y)[1] for y in body(*values)]
        moved = tuple(a if b is None else b if a is None else a + b for a, b in zip(moved, more, strict=True))
    return tuple(y if s is None else dual.variable(y, s) for y, s in zip(outs, moved, strict=True))


def _moved(p, body, ts, outs, values, params):
    """The tangents of the outputs by a user's rule; None is zero."""
    if all(s is None for s in ts):
        return (None,) * len(outs)
    if p is custom_jvp_call:
        filled = tuple(np.zeros(shape_of(x), dtype_of(x)) if s is None else s for s, x in zip(ts, values, strict=True))
        return body.apply_rule(filled, outs, values)
    return transpose_vjp(p, ts, outs, values, tuple(spec_of(x) for x in values), params)


for _p in (checkpoint_call, custom_vjp_call, custom_jvp_call):
    _define(_p)
    _p.dual_rule = _on_dual


# ------------------------------------------------------------------------------------------------ public
def _split_static(args):
    """The arrays among the leaves of `args`, and how to put them back among the others."""
    leaves, structure = flatten(args)
    dynamic = [
        k
        for k, x in enumerate(leaves)
        if isinstance(x, (Variable, np.ndarray, np.floating, np.complexfloating, float, complex))
        and not isinstance(x, bool)
    ]
    return leaves, structure, dynamic


class _Call:
    """A function that is applied as one primitive."""

    primitive = None

    def __init__(self, f):
        if not callable(f):
            raise TypeError(f"{type(self).__name__}: the first argument must be a function, not {f!r}")
        self.function = f
        self.rule = None
        self.__wrapped__ = f
        self.__name__ = name_of(f)
        self.__qualname__ = getattr(f, "__qualname__", self.__name__)
        self.__doc__ = getattr(f, "__doc__", None)
        self.__module__ = getattr(f, "__module__", None)

    def __reduce__(self):
        return _restore, (type(self), self.function, self.rule)

    def __repr__(self):
        return f"<{type(self).__name__}({self.__name__})>"

    def __call__(self, *args, **kwargs):
        leaves, structure, dynamic = _split_static(args)
        seen = {}

        def function(*moving):
            filled = list(leaves)
            for k, x in zip(dynamic, moving, strict=True):
                filled[k] = x
            outs, seen["structure"] = flatten(self.function(*unflatten(structure, filled), **kwargs))
            return tuple(as_array(pack_leaf(y)) for y in outs)

        body = Body(function, self._leaf_rule(leaves, structure, dynamic, kwargs, seen), self)
        outs = bind(self.primitive, tuple(as_array(leaves[k]) for k in dynamic), {"body": body})
        return unflatten(seen["structure"], [finish(y) for y in outs])

    def _leaf_rule(self, leaves, structure, dynamic, kwargs, seen):
        return None

    def _need_rule(self, what):
        if self.rule is None:
            raise TypeError(
                f"{type(self).__name__}: {self.__name__} has no rule; state it with @{self.__name__}.{what}"
            )


def _restore(cls, function, rule):
    made = cls(function)
    made.rule = rule
    return made


class checkpoint(_Call):
    """Keep only the inputs of a function on the tape, and run it again in the backward pass.

    Parameters
    ----------
    f : callable
        Of arrays or containers of arrays. What it closes over is an input too.

    Returns
    -------
    callable
        The same function.

    Raises
    ------
    TypeError
        If `f` is not callable.

    Notes
    -----
    Derivative: that of `f`, of any order. Cost: `f` is evaluated once more for each backward pass, and nothing inside
    it is kept in between.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> ad.grad(ad.checkpoint(lambda x: np.sum(np.sin(x))))(np.array([0.0]))
    array([1.])
    """

    primitive = staticmethod(checkpoint_call)


def _named(rule, owner, moving, known):
    """Call a user's rule with what it names."""
    code = rule.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    for name in names:
        if name not in known:
            raise TypeError(f"{owner}: the rule names {name!r}; it can name {', '.join(map(repr, known))}")
    return rule(**{name: known[name] for name in names})


def _argument_names(f, count):
    code = getattr(inspect.unwrap(f), "__code__", None)
    names = () if code is None else code.co_varnames[: code.co_argcount]
    return names + tuple(f"arg{k}" for k in range(len(names), count))


class custom_vjp(_Call):
    """A function whose vjp you state.

    Parameters
    ----------
    f : callable
        Of arrays or containers of arrays.

    Returns
    -------
    custom_vjp
        The function; state the rule by ``@f.def_vjp``: a function of ``ct`` (of the structure of the output), ``out``
        and the arguments by name, as far as it names them, that returns the cotangent, or a tuple with one for each
        argument (None: zero).

    Raises
    ------
    TypeError
        If the rule names what is not there; when differentiated, if there is no rule.
    ValueError
        When differentiated, if a cotangent does not have the shape of its argument.

    Notes
    -----
    Derivative: by the rule, which is differentiated again for higher orders and transposed for forward mode. Cost:
    that of the rule.

    Examples
    --------
    >>> import scirs_ad as ad
    >>> @ad.custom_vjp
    ... def clipped(x):
    ...     return x
    >>> @clipped.def_vjp
    ... def _(ct):
    ...     return ct * 10.0
    >>> ad.grad(clipped)(1.0)
    np.float64(10.0)
    """

    primitive = staticmethod(custom_vjp_call)

    def def_vjp(self, rule):
        """State the rule; returns it."""
        self.rule = rule
        return rule

    def _leaf_rule(self, leaves, structure, dynamic, kwargs, seen):
        def rule(ct, outs, moving):
            self._need_rule("def_vjp")
            filled = list(leaves)
            for k, x in zip(dynamic, moving, strict=True):
                filled[k] = x
            args = unflatten(structure, filled)
            known = {"ct": unflatten(seen["structure"], ct), "out": unflatten(seen["structure"], outs)}
            known.update(zip(_argument_names(self.function, len(args)), args, strict=False), **kwargs)
            cts = _named(self.rule, self.__name__, "ct", known)
            cts = (
                cts
                if (isinstance(cts, tuple) and len(args) > 1) or (isinstance(cts, tuple) and len(cts) == 1)
                else (cts,)
            )
            if len(cts) != len(args):
                raise TypeError(
                    f"{self.__name__}: the vjp rule returned {len(cts)} cotangent(s) for {len(args)} argument(s)"
                )
            return _match(self.__name__, args, cts, dynamic, moving)

        return rule

    def __call__(self, *args, **kwargs):
        return super().__call__(*args, **kwargs)


def _match(name, args, cts, dynamic, moving):
    """The cotangents of the dynamic leaves, checked."""
    found = []
    for a, c in zip(args, cts, strict=True):
        leaves, structure = flatten(a)
        if c is None:
            found.extend([None] * len(leaves))
            continue
        more, other = flatten(c)
        if other != structure:
            raise ValueError(f"{name}: the vjp rule returned a cotangent {other} for an argument {structure}")
        found.extend(more)
    result = []
    for k, x in zip(dynamic, moving, strict=True):
        g = found[k]
        if g is not None:
            g = as_array(g)
            if shape_of(g) != shape_of(x):
                raise ValueError(
                    f"{name}: the vjp rule returned a cotangent of shape {shape_of(g)} for an argument of "
                    f"shape {shape_of(x)}"
                )
            g = sh.cast(g, dtype_of(x))
        result.append(g)
    return tuple(result)


class custom_jvp(_Call):
    """A function whose jvp you state.

    Parameters
    ----------
    f : callable
        Of arrays or containers of arrays.

    Returns
    -------
    custom_jvp
        The function; state the rule by ``@f.def_jvp``: a function of ``t`` (the tangent; a tuple for several
        arguments), ``out`` and the arguments by name, as far as it names them, that returns the tangent of the output.

    Raises
    ------
    TypeError
        If the rule names what is not there; when differentiated, if there is no rule.
    ValueError
        When differentiated, if the tangent does not have the shape of the output.

    Notes
    -----
    Derivative: by the rule, which is differentiated again for higher orders and transposed for reverse mode (so it
    has to be linear in `t`). Cost: that of the rule.

    Examples
    --------
    >>> import scirs_ad as ad
    >>> @ad.custom_jvp
    ... def steep(x):
    ...     return x
    >>> @steep.def_jvp
    ... def _(t):
    ...     return t * 10.0
    >>> ad.grad(steep)(1.0)
    np.float64(10.0)
    """

    primitive = staticmethod(custom_jvp_call)

    def def_jvp(self, rule):
        """State the rule; returns it."""
        self.rule = rule
        return rule

    def _leaf_rule(self, leaves, structure, dynamic, kwargs, seen):
        def rule(t, outs, moving):
            self._need_rule("def_jvp")
            filled, tangents = list(leaves), [None] * len(leaves)
            for k, x, s in zip(dynamic, moving, t, strict=True):
                filled[k], tangents[k] = x, s
            tangents = [np.zeros(shape_of(x)) if s is None else s for x, s in zip(filled, tangents, strict=True)]
            args, ts = unflatten(structure, filled), unflatten(structure, tangents)
            known = {"t": ts[0] if len(ts) == 1 else ts, "out": unflatten(seen["structure"], outs)}
            known.update(zip(_argument_names(self.function, len(args)), args, strict=False), **kwargs)
            found, other = flatten(_named(self.rule, self.__name__, "t", known))
            if other != seen["structure"]:
                raise ValueError(f"{self.__name__}: the jvp rule returned {other}, the function {seen['structure']}")
            for g, y in zip(found, outs, strict=True):
                if shape_of(g) != shape_of(y):
                    raise ValueError(
                        f"{self.__name__}: the jvp rule returned a tangent of shape {shape_of(g)} for an "
                        f"output of shape {shape_of(y)}"
                    )
            return tuple(sh.cast(as_array(g), dtype_of(y)) for g, y in zip(found, outs, strict=True))

        return rule


@primitive("()->()", differentiable=False, internal=True)
def stop(x):
    """`x`, without its derivative.

    Derivative: none, on purpose. Cost: none.
    """
    return x


stop.not_differentiable("it was stopped by stop_gradient")
stop.def_samples(lambda rng: iter([sample(rng.standard_normal(3))]))


def stop_gradient(x):
    """The same arrays, without derivative.

    Parameters
    ----------
    x : array_like or container of arrays

    Returns
    -------
    Variable or ndarray, or a container of such

    Notes
    -----
    Derivative: zero, in all modes and orders. Cost: none. Under vmap and tracing the result stays a Variable.

    Examples
    --------
    >>> import scirs_ad as ad
    >>> ad.grad(lambda x: x * ad.stop_gradient(x))(3.0)
    np.float64(3.0)
    """
    leaves, structure = flatten(x)
    return unflatten(structure, [stop(y) for y in leaves])


def value(x):
    """The numbers of an array, without derivative.

    Parameters
    ----------
    x : array_like or container of arrays

    Returns
    -------
    ndarray or NumPy scalar, or a container of such
        Under vmap and while tracing, where there is no one number, a Variable without derivative.

    Notes
    -----
    Derivative: dropped, on purpose. Cost: none; do not write into the result.

    Examples
    --------
    >>> import scirs_ad as ad
    >>> ad.grad(lambda x: x * ad.value(x))(3.0)
    np.float64(3.0)
    """
    leaves, structure = flatten(x)
    return unflatten(structure, [_value(y) for y in leaves])


def _value(y):
    if not isinstance(y, Variable):
        return y
    v = y
    while isinstance(v, Variable):
        if isinstance(v.level, Batch):
            return stop(y)
        v = _lower(v)
    return stop(y) if isinstance(v, Spec) else finish(value_of(y))


def _lower(v):
    level = v.level
    if level is None:
        return value_of(v)
    return level.split(v)[0] if isinstance(level, Dual) else level.lower(v)
