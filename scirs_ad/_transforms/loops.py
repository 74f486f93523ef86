"""The primitives of structured control flow: `scan_call`, `while_call`, `cond_call`, `revolve_call`.

Each is one node whose bodies are Functions. Their inputs are ordered: carry, rows of xs, then what the body closes
over.
"""

import math

import numpy as np

from scirs_ad._core.core import (
    Batch,
    Dual,
    Spec,
    Tape,
    Variable,
    as_array,
    bind,
    inexact,
    shape_of,
    spec_of,
    value_of,
)
from scirs_ad._core.define import primitive, sample
from scirs_ad._core.errors import NotDifferentiableError
from scirs_ad._ops import shape as sh
from scirs_ad._ops.choice import where
from scirs_ad._transforms.functions import filled, inexact_places, trace_body, zeros

__all__ = ["cond_call", "revolve_call", "scan_call", "while_call"]


# ------------------------------------------------------------------------------------------------ scan
def _rows(length, reverse):
    return range(length - 1, -1, -1) if reverse else range(length)


def _parts(leaves, body, carries, count):
    """`(carry, xs, consts)`."""
    return leaves[:carries], leaves[carries : carries + count], leaves[carries + count :]


def _run_scan(*leaves, body, carries, count, length, reverse=False, kept=False, wanted=(), snapshots=0):
    """`scan_call` on arrays."""
    carry, xs, consts = _parts(leaves, body, carries, count)
    ys = [np.empty((length, *s.shape), s.dtype) for s in body.out_specs[carries:]]
    program = body.runner(length)
    scan = getattr(program, "scan", None)
    if scan is not None:
        return (*scan(carry, xs, consts, ys, length, reverse), *ys)
    for i in _rows(length, reverse):
        outs = program(*carry, *[x[i] for x in xs], *consts)
        carry = outs[:carries]
        for y, row in zip(ys, outs[carries:], strict=True):
            y[i] = row
    return (*carry, *ys)


@primitive(core=None, n_out=-1, kernel=_run_scan, internal=True)
def scan_call(*leaves, body, carries, count, length, reverse=False, kept=False, wanted=(), snapshots=0):
    """A loop of `length` steps of `body`: carry and rows of xs in, carry and rows of ys out.

    Derivative: tangents are a loop along with this one; cotangents a loop backwards over the kept carries, which runs
    each step again. Cost: `length` times that of the body.
    """
    carry, xs, consts = _parts(leaves, body, carries, count)
    ys = [np.empty((length, *s.shape), s.dtype) for s in body.out_specs[carries:]]
    for i in _rows(length, reverse):
        outs = body(*carry, *[x[i] for x in xs], *consts)
        carry = outs[:carries]
        for y, row in zip(ys, outs[carries:], strict=True):
            y[i] = row
    return (*carry, *ys)


@scan_call.def_shape
def _(*leaves, body, carries, count, length, reverse=False, kept=False, wanted=(), snapshots=0):
    outs = body.out_specs
    return outs[:carries] + tuple(Spec((length, *s.shape), s.dtype) for s in outs[carries:])


def _keeping(body, carries):
    """The body that hands out also the carry that it was given, as rows."""

    def make():
        return body.traced(lambda *leaves: [*body(*leaves), *leaves[:carries]], body.specs, "keep")

    return body.derived(("keep", carries), make)


def _scan_on_tape(tape, p, args, params):
    """One node, whose outputs include the carries before each step: what the loop backwards starts from."""
    values = tuple([tape.lower(a) for a in args])
    carries = params["carries"]
    if tape.tracing or params.get("kept") or params.get("snapshots"):
        outs = bind(p, values, params)
        made, shown = dict(params), len(outs)
    else:
        made = {**params, "body": _keeping(params["body"], carries), "kept": True}
        outs = bind(p, values, made)
        shown = len(outs) - carries
    if not tape.tracing and not inexact(outs):
        return outs[:shown]
    made["wanted"] = tuple([k for k, a in enumerate(args) if tape.ref_of(a) >= 0 and inexact(values[k])])
    return tape.record_here(p, args, made, values, outs)[:shown]


scan_call.tape_rule = _scan_on_tape


def _backward(body, carries, count, moving, given, wanted):
    """The step backwards, and the places of the xs that it gives rows for.

    Its carry: sums for the wanted consts, then cotangents of the carry at `moving`. Its rows: the carry before the
    step, xs, cotangents of the outputs `given`.
    """

    def make():
        n = len(body.specs)
        places = tuple(sorted({*moving, *wanted}))
        outputs = (*moving, *given)
        step, present = body.vjp(places, outputs)
        consts = tuple(k for k in wanted if k >= carries + count)
        rows = tuple(k for k in wanted if carries <= k < carries + count and k in present)
        order = [k for k in places if k in present]

        def backward(*leaves):
            sums, rest = leaves[: len(consts)], leaves[len(consts) :]
            cts, rest = rest[: len(moving)], rest[len(moving) :]
            inner, rest = rest[: carries + count], rest[carries + count :]
            row_cts, rest = rest[: len(given)], rest[len(given) :]
            found = dict(zip(order, step(*inner, *rest, *cts, *row_cts), strict=True))
            sums = [s + found[k] if k in present else s for k, s in zip(consts, sums, strict=True)]
            cts = [found[k] if k in present else zeros(body.specs[k]) for k in moving]
            return [*sums, *cts, *[found[k] for k in rows]]

        specs = [body.specs[k] for k in consts] + [body.specs[k] for k in moving]
        specs += list(body.specs[: carries + count]) + [body.out_specs[k] for k in given]
        specs += list(body.specs[carries + count : n])
        return body.traced(backward, specs, "backward"), consts, rows

    return body.derived(("backward", carries, count, moving, given, wanted), make)


@scan_call.def_vjp
def _(ct, out, leaves, body, carries, count, length, reverse, kept, wanted, snapshots):
    if snapshots:
        return _pull_sparsely(ct, leaves, body, carries, count, length, reverse, wanted, snapshots)
    if not kept:  # recorded by a tape that traces: now the carries are needed
        body = _keeping(body, carries)
        params = {"body": body, "carries": carries, "count": count, "length": length, "reverse": bool(reverse)}
        out = bind(scan_call, leaves, {**params, "kept": True})
        ct = (*ct, *[None] * carries)
    wanted = wanted or inexact_places(body.specs)
    return _pull_scan(ct, out[len(out) - carries :], leaves, body, carries, count, length, reverse, wanted)


def _pull_scan(ct, before, leaves, body, carries, count, length, reverse, wanted):
    """Cotangents of the leaves, by a loop backwards over the carries before each step."""
    moving = inexact_places(body.specs[:carries])
    given = tuple([k for k, c in enumerate(ct) if k >= carries and c is not None])
    step, consts, rows = _backward(body, carries, count, moving, given, wanted)
    carry = [zeros(body.specs[k]) for k in consts]
    carry += [filled(ct[k], body.specs[k]) for k in moving]
    inner = [*before, *leaves[carries : carries + count], *[ct[k] for k in given]]
    outs = bind(
        scan_call,
        (*carry, *inner, *leaves[carries + count :]),
        {"body": step, "carries": len(carry), "count": len(inner), "length": length, "reverse": not reverse},
    )
    found = [None] * len(leaves)
    for k, g in zip((*consts, *moving, *rows), outs, strict=True):
        found[k] = g
    return tuple(found)


def _forward(body, carries, count, flags):
    """The step with tangents along, the carries that have one, and the outputs beyond the carry that have one.

    `flags`: which leaves have a tangent. Which carries get one is found by going round until no more do.
    """

    def make():
        moves = list(flags)
        while True:
            step, places = body.jvp(tuple([k for k, m in enumerate(moves) if m]))
            more = [k for k in places if k < carries and not moves[k]]
            if not more:
                break
            for k in more:
                moves[k] = True
        moving = [k for k in range(carries) if moves[k]]
        rows = [k for k in range(carries, carries + count) if moves[k]]
        consts = [k for k in range(carries + count, len(moves)) if moves[k]]
        n_out = len(body.out_specs)
        ys = tuple(k for k in places if k >= carries)

        def pushed(*leaves):
            carry, rest = leaves[:carries], leaves[carries:]
            carry_ts, rest = rest[: len(moving)], rest[len(moving) :]
            xs, rest = rest[:count], rest[count:]
            row_ts, rest = rest[: len(rows)], rest[len(rows) :]
            outs = step(
                *carry, *xs, *rest[: len(rest) - len(consts)], *carry_ts, *row_ts, *rest[len(rest) - len(consts) :]
            )
            ts = dict(zip(places, outs[n_out:], strict=True))
            carry_ts = [ts[k] if k in ts else zeros(body.specs[k]) for k in moving]
            return [*outs[:carries], *carry_ts, *outs[carries:n_out], *[ts[k] for k in ys]]

        s = body.specs
        specs = [*s[:carries], *[s[k] for k in moving], *s[carries : carries + count], *[s[k] for k in rows]]
        specs += [*s[carries + count :], *[s[k] for k in consts]]
        return body.traced(pushed, specs, "forward"), tuple(moving), tuple(rows), tuple(consts), ys

    return body.derived(("forward", carries, count, flags), make)


def _push_scan(t, leaves, body, carries, count, length, reverse):
    """`(outputs, tangents)` of a loop."""
    flags = tuple([s is not None for s in t])
    step, moving, rows, consts, ys = _forward(body, carries, count, flags)
    carry = [*leaves[:carries], *[filled(t[k], leaves[k]) for k in moving]]
    xs = [*leaves[carries : carries + count], *[t[k] for k in rows]]
    outs = bind(
        scan_call,
        (*carry, *xs, *leaves[carries + count :], *[t[k] for k in consts]),
        {"body": step, "carries": len(carry), "count": len(xs), "length": length, "reverse": bool(reverse)},
    )
    n_ys = len(body.out_specs) - carries
    found = [None] * len(body.out_specs)
    for k, s in zip(moving, outs[carries : len(carry)], strict=True):
        found[k] = s
    for k, s in zip(ys, outs[len(carry) + n_ys :], strict=True):
        found[k] = s
    return outs[:carries] + outs[len(carry) : len(carry) + n_ys], tuple(found)


@scan_call.def_jvp
def _(t, leaves, body, carries, count, length, reverse):
    return _push_scan(t, leaves, body, carries, count, length, reverse)[1]


def _on_dual(push):
    """The rule of a Dual for a primitive whose outputs and tangents are one loop."""

    def rule(dual, p, args, params):
        pairs = [dual.split(a) for a in args]
        values, ts = tuple([x for x, _ in pairs]), tuple([t if inexact(x) else None for x, t in pairs])
        if all(t is None for t in ts):
            return bind(p, values, params)
        outs, moved = push(ts, values, params)
        return tuple([y if s is None else dual.variable(y, s) for y, s in zip(outs, moved, strict=True)])

    return rule


scan_call.dual_rule = _on_dual(
    lambda t, values, q: _push_scan(t, values, q["body"], q["carries"], q["count"], q["length"], q.get("reverse"))
)


def _spread(outs, rows, wanted, size):
    """Results of a batched body: those in `wanted` get the leading axis if they lack it."""
    return [
        sh.broadcast_to(y, (size, *shape_of(y))) if w and not m else y
        for y, m, w in zip(outs, rows, wanted, strict=True)
    ]


def _batched_step(body, carries, mapped, size):
    """The body with a leading axis, and which carries and outputs have it: carries once they have it, keep it."""

    def make():
        flags = list(mapped)
        while True:
            step, rows = body.batched(tuple(flags), size)
            more = [k for k in range(carries) if rows[k] and not flags[k]]
            if not more:
                break
            for k in more:
                flags[k] = True
        wanted = (*flags[:carries], *rows[carries:])
        if tuple(wanted) != tuple(rows):
            inner = step
            step = body.traced(lambda *leaves: _spread(inner(*leaves), rows, wanted, size), inner.specs, "vmap")
        return step, tuple(flags), tuple(wanted)

    return body.derived(("step", carries, mapped, size), make)


def _scan_on_batch(batch, args, params):
    carries, count = params["carries"], params["count"]
    lowered = [batch.lower(a) for a in args]
    step, flags, rows = _batched_step(params["body"], carries, tuple([m for _, m in lowered]), batch.size)
    leaves = []
    for k, (x, m) in enumerate(lowered):
        if k < carries and flags[k] and not m:
            x = sh.broadcast_to(as_array(x), (batch.size, *shape_of(x)))
        elif carries <= k < carries + count and m:
            x = _swapped(x)
        leaves.append(x)
    outs = bind(scan_call, tuple(leaves), {**params, "body": step, "wanted": ()})
    return tuple(
        [
            y if not m else batch.variable(y if k < carries else _swapped(y))
            for k, (y, m) in enumerate(zip(outs, rows, strict=True))
        ]
    )


def _swapped(x):
    """The first two axes of an array, changed over."""
    return sh.permute_dims(x, (1, 0, *range(2, len(shape_of(x)))))


scan_call.batch_rule = _scan_on_batch


@scan_call.def_samples
def _(rng):
    body = trace_body(lambda c, x, w: [np.sin(c) * w + x, c * x], [Spec((3,)), Spec((3,)), Spec((3,))], "step")[0]
    leaves = rng.standard_normal(3), rng.standard_normal((4, 3)), rng.standard_normal(3)
    yield sample(*leaves, body=body, carries=1, count=1, length=4)
    yield sample(*leaves, body=body, carries=1, count=1, length=4, reverse=True)


# ------------------------------------------------------------------------------------------------ binomial checkpoints
def ahead_of(steps, snapshots):
    """How far to advance before the next snapshot, to reverse `steps` steps with `snapshots`, the first one included.

    Griewank & Walther (2000), ACM Trans. Math. Softw. 26, 19-45 (Algorithm 799): with ``b(s, r) = binomial(s + r, s)``
    and the least r for which ``b(snapshots, r) >= steps``, the total number of steps is least wherever both parts
    have between b(., r - 2) or b(., r - 1), and b(., r - 1) or b(., r) steps.
    """
    r = 1
    while math.comb(snapshots + r, r) < steps:
        r += 1
    furthest = math.comb(snapshots + r - 1, r - 1)
    return max(1, min(furthest, steps - math.comb(snapshots + r - 2, r - 1), steps - 1))


def reversal(steps, snapshots):
    """What to do, one thing after another, to go back through `steps` steps: what `revolve_call` follows.

    Yields ``("advance", start, stop)``, ``("keep", at)``, ``("restore", at)``, ``("back", at)``, ``("drop", at)``.
    The state before step 0 is kept from the start.
    """
    kept, end = [0], steps
    while end:
        at = kept[-1]
        yield "restore", at
        while end - at > 1:
            free = snapshots - len(kept)
            ahead = ahead_of(end - at, free + 1) if free else end - 1 - at
            yield "advance", at, at + ahead
            at += ahead
            if free and end - at > 1:
                kept.append(at)
                yield "keep", at
        end -= 1
        yield "back", end
        while len(kept) > 1 and kept[-1] >= end:
            yield "drop", kept.pop()


def _run_revolve(*leaves, body, carries, count, length, snapshots, reverse=False, given=(), wanted=()):
    """`revolve_call` on arrays."""
    moving = inexact_places(body.specs[:carries])
    n = len(leaves) - len(moving) - len(given)
    inner, cts, row_cts = leaves[:n], leaves[n : n + len(moving)], leaves[n + len(moving) :]
    carry, xs, consts = _parts(inner, body, carries, count)
    step, summed, rows = _backward(body, carries, count, moving, given, wanted)
    index = list(_rows(length, reverse))
    back = [zeros(body.specs[k]) for k in summed] + list(cts)
    found = [np.empty(inner[k].shape, inner[k].dtype) for k in rows]
    program, pulled = body.runner(length), step.runner(length)
    kept, state = {0: carry}, carry
    for action, at, *more in reversal(length, snapshots):
        if action == "advance":
            for i in index[at : more[0]]:
                state = program(*state, *[x[i] for x in xs], *consts)[:carries]
        elif action == "keep":
            kept[at] = state
        elif action == "restore":
            state = kept[at]
        elif action == "drop":
            del kept[at]
        else:
            i = index[at]
            outs = pulled(*back, *state, *[x[i] for x in xs], *[c[i] for c in row_cts], *consts)
            back = outs[: len(back)]
            for y, row in zip(found, outs[len(back) :], strict=True):
                y[i] = row
    return (*back, *found)


@primitive(core=None, n_out=-1, kernel=_run_revolve, internal=True)
def revolve_call(*leaves, body, carries, count, length, snapshots, reverse=False, given=(), wanted=()):
    """The cotangents of a scan, with at most `snapshots` carries kept at a time.

    Derivative: that of the loop backwards that keeps all. Cost: the steps of the binomial schedule.
    """
    moving = inexact_places(body.specs[:carries])
    n = len(leaves) - len(moving) - len(given)
    ct = [None] * len(body.out_specs)
    for k, c in zip((*moving, *given), leaves[n:], strict=True):
        ct[k] = c
    keeping = _keeping(body, carries)
    params = {"body": keeping, "carries": carries, "count": count, "length": length, "reverse": reverse}
    out = bind(scan_call, leaves[:n], {**params, "kept": True})
    before = out[len(out) - carries :]
    pulled = _pull_scan((*ct, *[None] * carries), before, leaves[:n], keeping, carries, count, length, reverse, wanted)
    return tuple([pulled[k] for k in _revolved(body, carries, count, moving, given, wanted)])


def _revolved(body, carries, count, moving, given, wanted):
    """Of which leaves `revolve_call` returns the cotangents."""
    _, summed, rows = _backward(body, carries, count, moving, given, wanted)
    return (*summed, *moving, *rows)


@revolve_call.def_shape
def _(*leaves, body, carries, count, length, snapshots, reverse=False, given=(), wanted=()):
    moving = inexact_places(body.specs[:carries])
    return tuple([spec_of(leaves[k]) for k in _revolved(body, carries, count, moving, given, wanted)])


def _pull_sparsely(ct, leaves, body, carries, count, length, reverse, wanted, snapshots):
    """Cotangents of the leaves of a scan by `revolve_call`."""
    if not wanted:
        wanted = inexact_places(body.specs)
    moving = inexact_places(body.specs[:carries])
    given = tuple([k for k, c in enumerate(ct) if k >= carries and c is not None])
    cts = [filled(ct[k], body.specs[k]) for k in moving] + [ct[k] for k in given]
    params = {"body": body, "carries": carries, "count": count, "length": length, "snapshots": snapshots}
    outs = bind(
        revolve_call, (*leaves, *cts), {**params, "reverse": bool(reverse), "given": given, "wanted": tuple(wanted)}
    )
    found = [None] * len(leaves)
    for k, g in zip(_revolved(body, carries, count, moving, given, tuple(wanted)), outs, strict=True):
        if k in wanted:
            found[k] = g
    return tuple(found)


def _by_definition(level, p, args, params):
    """How a level applies `revolve_call`: what it means, recorded."""
    if level.tracing if isinstance(level, Tape) else False:
        values = tuple([level.lower(a) for a in args])
        return level.record_here(p, args, params, values, bind(p, values, params))
    return p.body(*args, **params)


revolve_call.tape_rule = _by_definition
revolve_call.dual_rule = _by_definition
revolve_call.batch_rule = lambda batch, args, params: revolve_call.body(*args, **params)


@revolve_call.def_vjp
def _(ct, leaves, body, carries, count, length, snapshots, reverse, given, wanted):
    tape, inner = Tape(), list(leaves)
    places = [k for k, x in enumerate(leaves) if inexact(x)]
    for k in places:
        inner[k] = tape.variable(leaves[k], own=True)
    outs = revolve_call.body(
        *inner, body=body, carries=carries, count=count, length=length, snapshots=snapshots,
        reverse=bool(reverse), given=given, wanted=wanted,
    )  # fmt: skip
    tape.closed = True
    found = [None] * len(leaves)
    pairs = [(y, c) for y, c in zip(outs, ct, strict=True) if c is not None and tape.ref_of(y) >= 0]
    cts = tape.pull([y for y, _ in pairs], [c for _, c in pairs], [tape.ref_of(inner[k]) for k in places], True)
    for k, g in zip(places, cts, strict=True):
        found[k] = g
    return tuple(found)


@revolve_call.def_samples
def _(rng):
    body = trace_body(lambda c, x, w: [np.sin(c) * w + x, c * x], [Spec((3,))] * 3, "step")[0]
    leaves = rng.standard_normal(3), rng.standard_normal((4, 3)), rng.standard_normal(3)
    cts = rng.standard_normal(3), rng.standard_normal((4, 3))
    yield sample(*leaves, *cts, body=body, carries=1, count=1, length=4, snapshots=2, given=(1,), wanted=(0, 1, 2))


# ------------------------------------------------------------------------------------------------ cond
def _run_cond(pred, *leaves, on_true, on_false, wanted=()):
    """`cond_call` on arrays."""
    return (on_true if pred else on_false).program(*leaves)


@primitive(core=None, n_out=-1, kernel=_run_cond, internal=True)
def cond_call(pred, *leaves, on_true, on_false, wanted=()):
    """One of two functions of the same inputs.

    Derivative: that of the one that is taken. Cost: that of the one that is taken; both under vmap of `pred`.
    """
    return (on_true if pred else on_false)(*leaves)


cond_call.def_shape(lambda pred, *leaves, on_true, on_false, wanted=(): on_true.out_specs)


def _cond_on_tape(tape, p, args, params):
    values = tuple([tape.lower(a) for a in args])
    outs = bind(p, values, params)
    if not tape.tracing and not inexact(outs):
        return outs
    wanted = tuple([k - 1 for k, a in enumerate(args) if k and tape.ref_of(a) >= 0 and inexact(values[k])])
    return tape.record_here(p, args, {**params, "wanted": wanted}, values, outs)


cond_call.tape_rule = _cond_on_tape


def _pulled_branch(body, wanted, given):
    """The cotangents of the leaves `wanted`, zero or not."""

    def make():
        step, present = body.vjp(wanted, given)
        order = [k for k in wanted if k in present]

        def pulled(*leaves):
            found = dict(zip(order, step(*leaves), strict=True))
            return [found[k] if k in present else zeros(body.specs[k]) for k in wanted]

        return body.traced(pulled, step.specs, "all")

    return body.derived(("pulled", wanted, given), make)


@cond_call.def_vjp
def _(ct, leaves, on_true, on_false, wanted):
    pred, *rest = leaves
    given = tuple([k for k, c in enumerate(ct) if c is not None])
    wanted = wanted or inexact_places(on_true.specs)
    branches = {"on_true": _pulled_branch(on_true, wanted, given), "on_false": _pulled_branch(on_false, wanted, given)}
    outs = bind(cond_call, (pred, *rest, *[ct[k] for k in given]), branches)
    found = [None] * len(leaves)
    for k, g in zip(wanted, outs, strict=True):
        found[k + 1] = g
    return tuple(found)


def _pushed_branch(body, moving, places):
    """The outputs, and the tangents of those at `places`."""

    def make():
        step, own = body.jvp(moving)
        n = len(body.out_specs)

        def pushed(*leaves):
            outs = step(*leaves)
            ts = dict(zip(own, outs[n:], strict=True))
            return [*outs[:n], *[ts[k] if k in ts else zeros(body.out_specs[k]) for k in places]]

        return body.traced(pushed, step.specs, "all")

    return body.derived(("pushed", moving, places), make)


def _push_cond(t, leaves, on_true, on_false):
    (_, *t), (pred, *leaves) = t, leaves
    moving = tuple([k for k, s in enumerate(t) if s is not None])
    places = tuple(sorted({*on_true.jvp(moving)[1], *on_false.jvp(moving)[1]}))
    branches = {f"on_{k}": _pushed_branch(f, moving, places) for k, f in (("true", on_true), ("false", on_false))}
    outs = bind(cond_call, (pred, *leaves, *[t[k] for k in moving]), branches)
    n, found = len(on_true.out_specs), [None] * len(on_true.out_specs)
    for k, s in zip(places, outs[n:], strict=True):
        found[k] = s
    return outs[:n], tuple(found)


@cond_call.def_jvp
def _(t, leaves, on_true, on_false):
    return _push_cond(t, leaves, on_true, on_false)[1]


cond_call.dual_rule = _on_dual(lambda t, values, q: _push_cond(t, values, q["on_true"], q["on_false"]))


def _cond_on_batch(batch, args, params):
    """Of one choice for the whole batch one branch; of a choice for each both, and what is chosen of each."""
    (pred, each), *lowered = [batch.lower(a) for a in args]
    mapped = tuple([m for _, m in lowered])
    leaves = tuple([x for x, _ in lowered])
    yes, yes_rows = params["on_true"].batched(mapped, batch.size)
    no, no_rows = params["on_false"].batched(mapped, batch.size)
    if each:
        outs = [where_rows(pred, a, b, batch.size) for a, b in zip(
            _spread(yes(*leaves), yes_rows, [True] * len(yes_rows), batch.size),
            _spread(no(*leaves), no_rows, [True] * len(no_rows), batch.size), strict=True,
        )]  # fmt: skip
        return tuple(map(batch.variable, outs))
    rows = tuple(a or b for a, b in zip(yes_rows, no_rows, strict=True))

    def spread(made, own):
        return made.derived(
            ("spread", rows),
            lambda: made.traced(lambda *given: _spread(made(*given), own, rows, batch.size), made.specs, "all"),
        )

    outs = bind(cond_call, (pred, *leaves), {"on_true": spread(yes, yes_rows), "on_false": spread(no, no_rows)})
    return tuple([batch.variable(y) if m else y for y, m in zip(outs, rows, strict=True)])


def where_rows(pred, a, b, size):
    """Row by row `a` where `pred`, else `b`."""
    return where(sh.reshape(pred, (size,) + (1,) * (len(shape_of(a)) - 1)), a, b)


cond_call.batch_rule = _cond_on_batch


@cond_call.def_samples
def _(rng):
    yes = trace_body(lambda x, w: [np.sin(x) * w], [Spec((3,))] * 2, "yes")[0]
    no = trace_body(lambda x, w: [x * x], [Spec((3,))] * 2, "no")[0].widened(())
    for pred in (True, False):
        yield sample(np.array(pred), *rng.standard_normal((2, 3)), on_true=yes, on_false=no)


# ------------------------------------------------------------------------------------------------ while
def _run_while(*leaves, cond, body, carries):
    """`while_call` on arrays."""
    carry, consts = leaves[:carries], leaves[carries:]
    test, step = cond.program, body.program
    repeat = getattr(step, "repeat", None)
    found = repeat(test, carry, consts) if repeat is not None else None
    if found is not None:
        return found
    while test(*carry, *consts)[0]:
        carry = step(*carry, *consts)
    return tuple(carry)


@primitive(core=None, n_out=-1, kernel=_run_while, internal=True)
def while_call(*leaves, cond, body, carries):
    """Steps of `body` for as long as `cond` holds.

    Derivative: tangents go along; there is no loop backwards, because its length is not known. Cost: that of the
    steps.
    """
    carry, consts = leaves[:carries], leaves[carries:]
    while cond(*carry, *consts)[0]:
        carry = body(*carry, *consts)
    return tuple(carry)


def bottom_of(x):
    """What is below all levels: an array (with the axes of all batches) or a Spec; and whether a batch is among them."""
    batched = False
    while isinstance(x, Variable):
        level = x.level
        if level is None:
            x = value_of(x)
        elif isinstance(level, Batch):
            batched, x = True, level.lower(x)[0]
        else:
            x = level.split(x)[0] if isinstance(level, Dual) else level.lower(x)
    return x, batched


def steps_while(test, step, carry):
    """The steps of a loop whose values are known, each recorded by the levels of the carry.

    Under a batch the examples that are done stay as they are; meanwhile they are given what they had before their
    last step, where the body surely has a value and a derivative.
    """
    going, before = test(carry), carry
    bottom, batched = bottom_of(going)
    while np.any(bottom):
        given = [where(going, a, b) for a, b in zip(carry, before, strict=True)] if batched else carry
        new = step(given)
        if batched:
            new = [where(going, a, b) for a, b in zip(new, carry, strict=True)]
        before, carry = given, new
        again = test(carry)
        going = np.logical_and(going, again) if batched else again
        bottom, more = bottom_of(going)
        batched = batched or more
    return carry


def _while_on_tape(tape, p, args, params):
    """One node while tracing; where values are known, its steps, one after another."""
    if tape.tracing or any(isinstance(bottom_of(a)[0], Spec) for a in args):
        values = tuple([tape.lower(a) for a in args])
        return tape.record_here(p, args, params, values, bind(p, values, params))
    carry, consts = list(args[: params["carries"]]), args[params["carries"] :]
    cond, body = params["cond"], params["body"]
    return tuple(steps_while(lambda c: cond(*c, *consts)[0], lambda c: list(body(*c, *consts)), carry))


while_call.tape_rule = _while_on_tape
while_call.def_shape(lambda *leaves, cond, body, carries: body.out_specs)


# Read by the laws of compiled functions: what this page cannot satisfy, and why.
while_call.no_reverse_when_traced = (
    "while_loop: a loop that was traced has no reverse mode, because the number of its steps is not known. Use "
    "scan, or fori_loop with a fixed number of steps; forward mode (jvp, jacfwd); or do not compile this part"
)


@while_call.def_vjp
def _(ct):
    raise NotDifferentiableError(while_call.no_reverse_when_traced)


def _push_while(t, leaves, cond, body, carries):
    step, moving, _, consts, _ = _forward(body, carries, 0, tuple([s is not None for s in t]))
    test = cond.derived(
        ("beside", step.specs, carries, len(moving)),
        lambda: cond.traced(
            lambda *given: cond(*given[:carries], *given[carries + len(moving) : len(given) - len(consts)]),
            step.specs,
            "beside",
        ),
    )
    given = (*leaves[:carries], *[filled(t[k], leaves[k]) for k in moving], *leaves[carries:], *[t[k] for k in consts])
    outs = bind(while_call, given, {"cond": test, "body": step, "carries": carries + len(moving)})
    found = [None] * carries
    for k, s in zip(moving, outs[carries:], strict=True):
        found[k] = s
    return outs[:carries], tuple(found)


@while_call.def_jvp
def _(t, leaves, cond, body, carries):
    return _push_while(t, leaves, cond, body, carries)[1]


while_call.dual_rule = _on_dual(lambda t, values, q: _push_while(t, values, q["cond"], q["body"], q["carries"]))


def _while_on_batch(batch, args, params):
    """Steps for as long as any of the batch goes on; those that are done stay as they are."""
    cond, body, carries, size = params["cond"], params["body"], params["carries"], batch.size
    lowered = [batch.lower(a) for a in args]
    flags = tuple([m for _, m in lowered])
    step, flags, _ = _batched_step(body, carries, flags, size)
    test, (each,) = cond.batched(flags, size)
    if each and not all(flags[:carries]):
        flags = (*[True] * carries, *flags[carries:])
        step, flags, _ = _batched_step(body, carries, flags, size)
        test, _ = cond.batched(flags, size)
    leaves = [
        sh.broadcast_to(as_array(x), (size, *shape_of(x))) if k < carries and flags[k] and not m else x
        for k, (x, m) in enumerate(lowered)
    ]
    if each:
        inner, going = step, test
        step = body.derived(
            ("masked", flags, size, cond),
            lambda: body.traced(
                lambda *given: [
                    where_rows(go, new, old, size)
                    for go in going(*given)
                    for new, old in zip(inner(*given), given[:carries], strict=True)
                ],
                inner.specs,
                "masked",
            ),
        )
        test = going.derived("any", lambda: going.traced(lambda *given: [np.any(going(*given)[0])], going.specs, "any"))
    outs = bind(while_call, tuple(leaves), {"cond": test, "body": step, "carries": carries})
    return tuple([batch.variable(y) if m else y for y, m in zip(outs, flags[:carries], strict=True)])


while_call.batch_rule = _while_on_batch


@while_call.def_samples
def _(rng):
    test = trace_body(lambda x, w: [np.sum(x * x) < 50.0], [Spec((3,))] * 2, "test")[0]
    body = trace_body(lambda x, w: [x * 1.5 + w], [Spec((3,))] * 2, "step")[0]
    yield sample(*rng.uniform(0.5, 1.0, (2, 3)), cond=test, body=body, carries=1)
