"""Functions applied as one primitive: custom_vjp, custom_jvp, what checkpoint applies; and stop_gradient, value.

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
    shown,
    spec_of,
    transpose_vjp,
    value_of,
)
from scirs_ad._core.define import primitive, sample
from scirs_ad._core.tree import flatten, unflatten
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._transforms.common import finish, name_of, pack_leaf
from scirs_ad._transforms.held import Held
from scirs_ad._transforms.hold import hold

__all__ = ["WATCHERS", "Call", "custom_jvp", "custom_vjp", "split_static", "stop_gradient", "value"]

WATCHERS = []  # profiles of checkpoints (checkpoints.py) that want to know of functions that are run again


# ------------------------------------------------------------------------------------------------ the body of a call
class Body:
    """A function over leaves, and how what it closes over is replaced.

    `function` is another Body, if there is a `context`: ``context(call, leaves, others)`` returns ``call(explicit)``,
    where Variables that `explicit` leaves do not hold are replaced. `rule`: the user's rule, or None.
    """

    def __init__(self, function, rule=None, owner=None, context=None):
        self.function, self.rule, self.owner, self.context = function, rule, owner, context
        self.count = None  # of the leaves that the rule is about, the first ones; None: all
        self.newest = None  # level among the outputs of the last abstract run
        self.held = function.held if isinstance(function, Body) else None  # what must not change until it runs again

    def __call__(self, *leaves):
        return self.inside(lambda function, given: function(*given), leaves)

    def inside(self, action, leaves):
        """`action(function, explicit leaves)`, while what the function closes over is replaced."""
        if self.context is None:
            return action(self.function, leaves)
        return self.context(lambda given: self.function.inside(action, given), leaves, ())

    def apply_rule(self, moving, outs, leaves):
        """The user's rule, while what it closes over is replaced."""
        if self.context is None:
            return self.rule(moving, outs, leaves)
        return self.context(lambda given: self.function.apply_rule(moving, outs, given), leaves, (moving, outs))

    def ruled(self, leaves):
        """How many of the leaves, the first ones, the user's rule is about."""
        return len(leaves) if self.count is None else self.count

    def rule_closes(self):
        """Whether the user's rule may use Variables that are not its arguments."""
        return self.owner is not None and getattr(self.owner.rule, "__closure__", None) is not None

    def lifted(self, tape, refs, explicit):
        """The same function with what it captured from `tape` as further leaves."""

        def context(call, leaves, others):
            replace = dict(zip(refs, leaves[explicit:], strict=True))

            def found(a):
                ref = tape.ref_of(a)
                # What only a rule closes over is no input of the node: there its value, one level down, is used.
                return a if ref < 0 else replace[ref] if ref in replace else tape.lower(a)

            return _substituted(tape, found, call, leaves[:explicit], (leaves, others))

        made = Body(self, self.rule, self.owner, context)
        made.count = explicit if self.count is None else self.count
        return made

    def lowered(self, level, lower):
        """The same function for the levels below: they see only lower values of what it closes over, also later."""

        def context(call, leaves, others):
            return _substituted(level, lower, call, leaves, (leaves, others))

        made = Body(self, self.rule, self.owner, context)
        made.count = self.count
        return made

    def around(self, function, rule):
        """A body of the same leaves: `function` and `rule`, both of all of them, call those of this one."""
        made = Body(function, None if self.rule is None else rule, self.owner)
        made.count = self.count
        return made

    def pull(self, ct, leaves, only=None):
        """Cotangents of the leaves, by running the function again on a tape (`only`: of those at these places)."""
        if self.held is not None:
            self.held.check()
        tape = Tape()
        places = [k for k, x in enumerate(leaves) if inexact(x) and (only is None or k in only)]
        inner = list(leaves)
        for k in places:
            inner[k] = tape.variable(leaves[k], own=True)
        refs = [tape.ref_of(inner[k]) for k in places]

        def backward(function, given):
            outs = _through(function(*given), tape)
            tape.closed = True
            for profile in WATCHERS:
                profile.again(lambda: (tape, outs), leaves, ())
            return tape.pull(outs, list(ct), refs, True)

        found = [None] * len(leaves)
        for k, g in zip(places, self.inside(backward, inner), strict=True):
            found[k] = g
        return tuple(found)


def _through(outs, tape):
    """Outputs; what is handed through from outside passes an operation, which its level may capture."""
    outside = [isinstance(y, Variable) and y.level is not None and y.level is not tape for y in outs]
    return [ew.positive(y) if o else y for y, o in zip(outs, outside, strict=True)]


def _substituted(level, found, call, given, all_given):
    """`call(given)`, where `found(a)` takes the place of `a` in every operation.

    The level of what is replaced is open again meanwhile. Whatever newer level of an argument interprets an
    operation, the replacement comes first.
    """
    older = {}
    for v in flatten(all_given)[0]:
        other = v.level if isinstance(v, Variable) else None
        if other is not None and other.number > level.number:
            older[other] = other.capture

    def first(other, p, args, params):
        args = tuple(map(found, args))
        if any(isinstance(a, Variable) and _is_newer(a.level, other) for a in args):
            return bind(p, args, params)  # the replacement is interpreted first
        before = older[other]
        return _apply_here(other, p, args, params) if before is None else before(other, p, args, params)

    closed, capture = level.closed, level.capture
    level.closed, level.capture = False, lambda level, p, args, params: bind(p, tuple(map(found, args)), params)
    for other in older:
        other.capture = first
    try:
        return tuple(None if y is None else found(y) for y in call(given))
    finally:
        level.closed, level.capture = closed, capture
        for other, before in older.items():
            other.capture = before


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


def _apply(p, args, params):
    """`bind`; at the level that the body closes over, if that is newer than those of all arguments."""
    try:
        return bind(p, args, params)
    except _Newer as found:
        level = found.level
    while True:
        try:
            if level.capture is not None:
                return level.capture(level, p, args, params)
            if isinstance(level, Batch):
                return _on_batch(level, args, params, p)
            return (_on_dual if isinstance(level, Dual) else _on_tape)(level, p, args, params)
        except _Newer as found:
            if not _is_newer(found.level, level):
                raise
            level = found.level


def _on_tape(tape, p, args, params):
    """How a tape applies a call: one node, whose further inputs are the Variables of the tape that the body used."""
    body = params["body"]
    captured = {}

    def lower(a):
        ref = tape.ref_of(a)
        if ref < 0:
            return a
        captured.setdefault(ref, Variable(a))
        return tape.lower(a)

    values = tuple(tape.lower(a) for a in args)
    below = body.lowered(tape, lower)
    outs = bind(p, values, {"body": below})
    newest = below.newest if tape.tracing else _newest(outs)
    if _is_newer(newest, tape):
        raise _Newer(newest)
    lifted = tuple(captured.values())
    if lifted or body.rule_closes():
        body = body.lifted(tape, tuple(captured), len(args))
    if not tape.tracing:
        if not inexact(outs):
            return outs
        outs = tuple([tape.keep(y) if type(y) is np.ndarray else y for y in outs])  # perhaps a buffer of the function's
        if body.held is not None:
            body.held.note()
    return tape.record_here(p, args + lifted, {"body": body}, values + tuple(tape.lower(v) for v in lifted), outs)


def _on_batch(batch, args, params, p):
    """How a batch applies a call: the body, batched."""
    body = params["body"]
    mapped = [isinstance(a, Variable) and a.level is batch for a in args]

    def afresh(call):
        """`call(fresh)`, with a level newer than all that are there now; it takes over what is of `batch`."""
        fresh = Batch(batch.size)

        def found(a):
            x, is_mapped = batch.lower(a)
            return fresh.variable(x) if is_mapped else a

        return fresh, _substituted(batch, found, call, fresh, fresh.variable(np.zeros(batch.size)))

    def batched(*leaves):
        fresh, outs = afresh(lambda fresh: body(*_mapped(fresh, leaves, mapped)))
        lowered = [fresh.lower(y) for y in outs]
        newest, given = _newest([y for y, _ in lowered]), _newest(leaves)
        # Leaves may be of newer levels: of those that took over an older batch, or run the body again.
        if not applied and _is_newer(newest, batch) and (given is None or _is_newer(newest, given)):
            raise _Newer(newest)
        return tuple(y if m else sh.broadcast_to(y, (batch.size, *shape_of(y))) for y, m in lowered)

    def rule(moving, outs, leaves):
        moves = mapped[: len(moving)] if p is custom_jvp_call else [True] * len(moving)
        fresh, found = afresh(
            lambda fresh: body.apply_rule(
                _mapped(fresh, moving, moves), tuple(map(fresh.variable, outs)), _mapped(fresh, leaves, mapped)
            )
        )
        return _lower_rule(fresh, found, mapped, p)

    applied = False
    outs = bind(p, tuple(batch.lower(a)[0] for a in args), {"body": body.around(batched, rule)})
    applied = True
    return tuple(batch.variable(y) for y in outs)


def _mapped(batch, values, mapped):
    return tuple(batch.variable(x) if m else x for x, m in zip(values, mapped, strict=True))


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
    outs = [tape.lower(y) for y in _through(outs, tape)]
    body.newest = _newest(outs)
    return tuple(map(spec_of, outs))


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


@checkpoint_call.def_vjp
def _(ct, leaves, body):
    if any(isinstance(x, Variable) for x in leaves):
        # While tracing: what runs again must not be shared with what ran before, nor run before it is needed.
        leaves = hold(*leaves, *(c for c in ct if c is not None), n=len(leaves))
    return body.pull(ct, leaves)


@checkpoint_call.def_jvp
def _(t, out, leaves, body):
    dual = Dual()
    outs = body(*[x if s is None else dual.variable(x, s) for x, s in zip(leaves, t, strict=True)])
    dual.closed = True
    return tuple(dual.split(y)[1] for y in outs)


def _copied(c):
    """A cotangent that is given to a user's rule, or comes from one, which may write to it, or to its buffer, again."""
    return np.array(c) if type(c) is np.ndarray else c


@primitive(core=None, n_out=-1, internal=True)
def custom_vjp_call(*leaves, body):
    """A function with a vjp of its own.

    Derivative: the given one for its arguments; for what it closes over that of the function. Cost: the rule's.
    """
    return body(*leaves)


@custom_vjp_call.def_vjp
def _(ct, out, leaves, body):
    explicit = body.ruled(leaves)
    filled = tuple(
        np.zeros(shape_of(y), dtype_of(y)) if c is None else _copied(c) for c, y in zip(ct, out, strict=True)
    )
    cts = tuple(map(_copied, body.apply_rule(filled, out, leaves)))
    if explicit < len(leaves):
        cts = cts + body.pull(ct, leaves, only=range(explicit, len(leaves)))[explicit:]
    return cts


@primitive(core=None, n_out=-1, internal=True)
def custom_jvp_call(*leaves, body):
    """A function with a jvp of its own.

    Derivative: the given one for its arguments; for what it closes over that of the function. Cost: the rule's.
    """
    return body(*leaves)


def _by_rule(t, out, leaves, body):
    """Tangents of the outputs: the given rule for the arguments, that of the function for what it closes over."""
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


custom_jvp_call.def_jvp(_by_rule)


def _on_dual(dual, p, args, params):
    """How forward mode applies a call: checkpoint has nothing to do there, custom rules do."""
    body = params["body"]
    if p is checkpoint_call:
        return body(*args)
    captured = {}

    def lower(a):
        if not isinstance(a, Variable) or a.level is not dual:
            return a
        captured[id(a)] = a
        return dual.split(a)[0]

    values = tuple(dual.split(a)[0] for a in args)
    ts = tuple(dual.split(a)[1] for a in args)
    below = body.lowered(dual, lower)
    outs = bind(p, values, {"body": below})
    newest = _newest(outs)
    if _is_newer(newest, dual):
        raise _Newer(newest)
    moved = _moved(p, below, ts, outs, values)
    if captured:
        more = [dual.split(y)[1] for y in body(*values)]
        moved = tuple(a if b is None else b if a is None else a + b for a, b in zip(moved, more, strict=True))
    return tuple(y if s is None else dual.variable(y, s) for y, s in zip(outs, moved, strict=True))


def _moved(p, body, ts, outs, values):
    """The tangents of the outputs by a user's rule; None is zero."""
    if all(s is None for s in ts):
        return (None,) * len(outs)
    if p is custom_jvp_call:
        return _by_rule(ts, outs, values, body)
    return transpose_vjp(p, ts, outs, values, tuple(spec_of(x) for x in values), {"body": body})


for _p in (checkpoint_call, custom_vjp_call, custom_jvp_call):
    _define(_p)
    _p.dual_rule = _on_dual


# ------------------------------------------------------------------------------------------------ public
def split_static(args):
    """The arrays among the leaves of `args`, and how to put them back among the others."""
    leaves, structure = flatten(args)
    dynamic = [
        k
        for k, x in enumerate(leaves)
        if isinstance(x, (Variable, np.ndarray, np.floating, np.complexfloating, float, complex))
        and not isinstance(x, bool)
    ]
    return leaves, structure, dynamic


class Call:
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
        leaves, structure, dynamic = split_static(args)
        seen = {}

        def function(*moving):
            filled = list(leaves)
            for k, x in zip(dynamic, moving, strict=True):
                filled[k] = x
            outs, seen["structure"] = flatten(self.function(*unflatten(structure, filled), **kwargs))
            return tuple(as_array(pack_leaf(y)) for y in outs)

        body = Body(function, self._leaf_rule(leaves, structure, dynamic, kwargs, seen), self)
        body.held = Held(self.__name__, self.function, kwargs)
        outs = _apply(self.primitive, tuple(as_array(leaves[k]) for k in dynamic), {"body": body})
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


class custom_vjp(Call):
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


class custom_jvp(Call):
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
    return unflatten(structure, [_stopped(y) for y in leaves])


def _stopped(y):
    out = stop(y)
    return shown(y, out) if type(y) is Variable and type(out) is np.ndarray else out


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
    Derivative: dropped, on purpose. Cost: a copy, of large arrays one look at them.

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
    return stop(y) if isinstance(v, Spec) else finish(shown(y))


def _lower(v):
    level = v.level
    if level is None:
        return value_of(v)
    return level.split(v)[0] if isinstance(level, Dual) else level.lower(v)
