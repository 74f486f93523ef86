"""A traced function with its program, as one operation: what derivatives and batches make of it."""

import threading
from collections import Counter

import numpy as np

from scirs_ad._compiler.diagonals import diagonals
from scirs_ad._compiler.fuse import fuse
from scirs_ad._compiler.graph import OPENED, Trace, opened, record, replay, without_holds
from scirs_ad._compiler.plan import plan
from scirs_ad._compiler.profile import measured
from scirs_ad._compiler.rebuild import LEVELS, rebuild
from scirs_ad._compiler.scalars import scalarise
from scirs_ad._compiler.split import part, saved, together
from scirs_ad._core.core import Batch, Dual, Spec, Tape, Variable, bind, inexact
from scirs_ad._core.define import primitive, sample
from scirs_ad._transforms.check import checking
from scirs_ad._transforms.cost import size_of
from scirs_ad._transforms.custom import WATCHERS
from scirs_ad._transforms.hold import hold

__all__ = ["Body", "compiled_call"]


# ------------------------------------------------------------------------------------------------ a compiled body
class Body:
    """A traced function over leaves: its graph, its program, and the bodies derived from it, all made once."""

    def __init__(self, f, specs, name, level="standard", weak=(), donated=(), memory_limit=None, graph=None):
        self.name, self.level, self.donated, self.memory_limit = name, level, donated, memory_limit
        self.trace = record(f, specs, name, weak) if graph is None else Trace(graph, None, ())
        self._is_rebuilt = graph is not None
        self.joint = (
            None  # of a pullback: (the Body of both, its inputs that are not cotangents, outputs of the function)
        )
        self.specs = [self.trace.graph.specs[v] for v in self.trace.graph.inputs]
        self.out_specs = tuple(self.trace.graph.specs[v] for v in self.trace.graph.outputs)
        self.structure, self.lifted = self.trace.structure, self.trace.lifted
        self._steps = self._program = None
        self._derived, self._lock = {}, threading.RLock()
        self._savings, self._opened = {}, None

    @classmethod
    def of(cls, graph, level):
        """The body of a graph that is rebuilt already."""
        return cls(None, (), graph.name, level, graph=graph)

    def opened(self):
        """The graph of operations alone, as it is compiled; `trace` has calls whose derivative is one of their own."""
        with self._lock:
            if self._opened is None:
                self._opened = opened(self.trace.graph)
            return self._opened

    def rebuilt(self):
        """(graph, report): the graph in its simplest form."""
        if self._is_rebuilt:
            return self.trace.graph, Counter()
        found, report = rebuild(self.opened(), self.level)
        return diagonals(found, self.level, report), report

    def steps(self):
        """(rebuilt, report, Plan), made at the first run."""
        with self._lock:
            if self._steps is None:
                rebuilt, report = self.rebuilt()
                fused = fuse(
                    scalarise(rebuilt, self.level == "aggressive") if LEVELS.index(self.level) >= 2 else rebuilt
                )
                if checking():
                    for graph in dict.fromkeys((self.trace.graph, self.opened(), rebuilt, fused)):
                        graph.check()
                found = plan(fused, self.donated, self.memory_limit)
                if checking() and found.fused is not fused:
                    found.fused.check()
                self._program = found.program
                self._steps = rebuilt, report, found
            return self._steps

    @property
    def program(self):
        return self._program if self._program is not None else self.steps()[2].program

    def profile(self, leaves, repeat):
        """The Profile of runs on arrays."""
        values = self._ready(leaves)
        self.program(*[x.copy() for x in values])
        found = self.steps()[2]
        again, saved = self.checkpoints()
        if found.repeated:
            again += len(found.repeated)
            saved += plan(fuse(self.steps()[0]), self.donated).program.arena_bytes - found.program.arena_bytes
        return measured(
            found, [x.copy() if k in self.donated else x for k, x in enumerate(values)], repeat, again, saved
        )

    def _ready(self, leaves):
        """Arrays as a program takes them."""
        return [
            x if _plain(x, s) else np.asarray(x, s.dtype, order="C") for x, s in zip(leaves, self.specs, strict=True)
        ]

    def run(self, leaves, given=None):
        """The results on arrays; `given`: arrays to write results to, or None."""
        values = self._ready(leaves)
        program = self.program
        for profile in WATCHERS:
            profile.ran(*self.checkpoints())
        if program.overwrites:
            values = [x.copy() if k in self.donated and not x.flags.writeable else x for k, x in enumerate(values)]
        if given is None:
            return program(*values)
        straight = [
            y if y is not None and _plain(y, s) and not any(np.may_share_memory(x, y) for x in values) else None
            for y, s in zip(given, self.out_specs, strict=True)
        ]
        outs = list(program(*values, given=straight))
        for k, y in enumerate(given):
            if y is not None and outs[k] is not y:
                y[...] = outs[k]
                outs[k] = y
        return tuple(outs)

    def checkpoints(self):
        """(functions that a call runs again, bytes by which that makes the arena smaller)."""

        def make():
            graph, _, found = self.steps()
            again = sum(op.primitive is hold for op in graph.ops)
            if not again:
                return 0, 0
            if self.joint is not None:
                joint, n, shown = self.joint
                more = [_saved_bytes(g, n, shown) for g in (without_holds(joint.opened()), joint.opened())]
                return again, more[0] - more[1]
            shared = rebuild(without_holds(self.opened()), self.level)[0]
            return again, plan(fuse(shared), self.donated).program.arena_bytes - found.program.arena_bytes

        return self.derived("checkpoints", make)

    def derived(self, key, make):
        """A body made from this one, by key."""
        with self._lock:
            found = self._derived.get(key)
            if found is None:
                found = self._derived[key] = make()
            return found

    # -------------------------------------------------------------------------------- derivatives
    def vjp(self, wanted, given, shown=()):
        """Cotangents of the inputs `wanted` from those of the outputs `given`: (Body, positions of its results).

        Its results are the outputs `shown`, then the cotangents that are not zero.
        """

        def make():
            places = []
            n = len(self.specs)

            def pulled(*values):
                outs, cts = self._pull(
                    wanted, values[:n], lambda outs: [(k, c) for k, c in zip(given, values[n:], strict=True)]
                )
                places.extend(k for k, c in zip(wanted, cts, strict=True) if c is not None)
                return [*[outs[k] for k in shown], *[c for c in cts if c is not None]]

            specs = self.specs + [self.out_specs[k] for k in given]
            body = Body(pulled, specs, f"vjp({self.name})", self.level)
            return body, tuple(places)

        return self.derived(("vjp", wanted, given, shown), make)

    def value_and_grad(self, wanted, k):
        """All outputs and the gradient of output `k`, which is one number: (Body, inputs of which it is the gradient)."""

        def make():
            places = []
            seed = np.ones(self.out_specs[k].shape, self.out_specs[k].dtype)

            def both(*values):
                outs, cts = self._pull(wanted, values, lambda outs: [(k, seed)])
                places.extend(k for k, c in zip(wanted, cts, strict=True) if c is not None)
                return [*outs, *[c for c in cts if c is not None]]

            return Body(both, self.specs, f"value_and_grad({self.name})", self.level), tuple(places)

        return self.derived(("value_and_grad", wanted, k), make)

    def _pull(self, wanted, values, seeds):
        """While tracing: all outputs, and cotangents of the inputs `wanted`."""
        tape, leaves = Tape(), list(values)
        for k in wanted:
            leaves[k] = tape.variable(leaves[k])
        refs = [tape.ref_of(leaves[k]) for k in wanted]
        outs = replay(self.trace.graph, leaves)
        tape.closed = True
        pairs = seeds(outs)
        cts = tape.pull([outs[k] for k, _ in pairs], [c for _, c in pairs], refs, True)
        return [tape.lower(y) for y in outs], cts

    def saving(self, wanted, forward=False):
        """How a tape runs this function: a Saving or a Seeded; None where its derivative is to run it again."""
        found = self._savings.get((wanted, forward), self)
        if found is self:
            found = self._savings[wanted, forward] = self._saving(wanted, forward)
        return found

    def _saving(self, wanted, forward):
        places = tuple([k for k, s in enumerate(self.out_specs) if s.dtype.kind in "fc"])
        if not places or not wanted or self.memory_limit is not None or self.donated:
            return None
        spec = self.out_specs[places[0]]
        scalar = len(places) == 1 and spec.size == 1 and spec.dtype.kind == "f"
        with self._lock:
            if forward:
                return Pushed(self, wanted)
            return Seeded(self, wanted, places[0]) if scalar else Pulled(self, wanted, places)

    def jvp(self, moving):
        """The outputs, and their tangents from those of the inputs `moving`: (Body, which outputs have tangents)."""

        def make():
            places = []
            n = len(self.specs)

            def pushed(*values):
                dual = Dual()
                leaves = list(values[:n])
                for k, t in zip(moving, values[n:], strict=True):
                    leaves[k] = dual.variable(leaves[k], t)
                outs = replay(self.trace.graph, leaves)
                dual.closed = True
                pairs = [dual.split(y) for y in outs]
                places.extend(k for k, (_, t) in enumerate(pairs) if t is not None)
                return [y for y, _ in pairs] + [t for _, t in pairs if t is not None]

            specs = self.specs + [self.specs[k] for k in moving]
            body = Body(pushed, specs, f"jvp({self.name})", self.level)
            return body, tuple(places)

        return self.derived(("jvp", moving), make)

    def batched(self, mapped, size):
        """The function with a leading axis at the inputs `mapped`: (Body, whether each result has it)."""

        def make():
            found = []

            def rows(*values):
                batch = Batch(size)
                leaves = [batch.variable(x) if m else x for x, m in zip(values, mapped, strict=True)]
                outs = replay(self.trace.graph, leaves)
                batch.closed = True
                lowered = [batch.lower(y) for y in outs]
                found.extend(m for _, m in lowered)
                return [y for y, _ in lowered]

            specs = [Spec((size, *s.shape), s.dtype) if m else s for s, m in zip(self.specs, mapped, strict=True)]
            body = Body(rows, specs, f"vmap({self.name})", self.level)
            return body, tuple(found)

        return self.derived(("vmap", mapped, size), make)


def _saved_bytes(graph, n, shown):
    """Bytes that the first part of a graph saves for the second."""
    return sum([size_of(graph.specs[v]) for v in saved(graph, n, shown)])


def _plain(x, spec):
    """Whether a program can take an array as it is."""
    return type(x) is np.ndarray and x.dtype == spec.dtype and x.flags.c_contiguous and x.flags.aligned


# ------------------------------------------------------------------------------------------------ what tapes run
class Saving:
    """A function as two programs: one that also returns what its derivative needs, and the derivative.

    Attributes
    ----------
    first : Body
        Its results are those of the function, then what is saved.
    second : Body
        Of the leaves, cotangents or tangents, and what was saved.
    kept : tuple of int
        What was saved, as places among the results of `first`.
    found : tuple of int
        What the results of `second` are derivatives of.
    """

    def __init__(self, body, joint, found):
        self.body, self.found = body, found
        graph = joint.rebuilt()[0]
        n, shown = len(body.specs), len(body.out_specs)
        kept = saved(graph, n, shown)
        outputs = [*graph.outputs[:shown], *[v for v in kept if v not in graph.outputs[:shown]]]
        self.kept = tuple([outputs.index(v) for v in kept])
        self.first = Body.of(part(graph, body.name, graph.inputs[:n], outputs), body.level)
        self.second = Body.of(part(graph, joint.name, (*graph.inputs, *kept), graph.outputs[shown:]), body.level)
        self.second.joint = joint, n, shown

    def run(self, leaves, moving, out):
        """(derivatives, of what) from cotangents or tangents; None where the function has to be run again."""
        return _run(self.second, leaves, moving, out, self.kept, self.found)


def _run(second, leaves, moving, out, kept, found):
    if any(type(x) is Variable for x in (*moving, *out, *leaves)):
        return None
    if not found:
        return (), ()
    return bind(compiled_call, (*leaves, *moving, *[out[k] for k in kept]), {"body": second}), found


class Pulled(Saving):
    """For reverse mode."""

    def __init__(self, body, wanted, places):
        self.wanted, self.places = wanted, places
        super().__init__(body, *body.vjp(wanted, places, tuple(range(len(body.out_specs)))))

    def pull(self, ct, out, leaves):
        """(cotangents, of which leaves); None where the function has to be run again."""
        given = tuple([k for k, c in enumerate(ct) if c is not None])
        cts = [ct[k] for k in given]
        if given == self.places:
            return self.run(leaves, cts, out)
        second, found, kept = self._of(given)
        return _run(second, leaves, cts, out, kept, found)

    def _of(self, given):
        """`second` for cotangents of some outputs alone, with the same things saved."""

        def make():
            pulled, found = self.body.vjp(self.wanted, given)
            first = self.first.trace.graph
            whole = rebuild(together(first, [first.outputs[k] for k in self.kept], pulled.opened()), self.body.level)[0]
            values, inputs = whole.outputs[: len(self.kept)], set(whole.inputs).union(whole.constants)
            places = [k for k, v in enumerate(values) if v not in inputs and v not in values[:k]]
            ends = part(
                whole, pulled.name, (*whole.inputs, *[values[k] for k in places]), whole.outputs[len(self.kept) :]
            )
            return Body.of(ends, self.body.level), found, tuple([self.kept[k] for k in places])

        return self.body.derived(("pullback", self.wanted, given), make)


class Pushed(Saving):
    """For tapes that are walked forward (`linearize`)."""

    def __init__(self, body, wanted):
        self.wanted = wanted
        super().__init__(body, *body.jvp(wanted))

    def push(self, t, out, leaves):
        """(tangents, of which outputs); None where the function has to be run again."""
        moving = tuple([k for k, s in enumerate(t) if s is not None])
        return self.run(leaves, [t[k] for k in moving], out) if moving == self.wanted else None


# Factors by which a saved gradient is multiplied. What overflows is found, and computed again; entries that are within
# such a factor of the smallest normal number may lose digits.
_RANGE = {"d": 2.0**64, "f": 2.0**8}


class Seeded:
    """A function whose one output is a number: its gradient is computed with it, in one program, and saved."""

    def __init__(self, body, wanted, place):
        self.body, self.place = body, place
        self.first, self.found = body.value_and_grad(wanted, place)

    def pull(self, ct, out, leaves):
        """Cotangents of the leaves, and of which; None if that cannot be told from what was saved."""
        c, saved = ct[self.place], out[len(self.body.out_specs) :]
        if type(c) is Variable:
            return None
        c = c.item()
        if c == 1:
            return saved, self.found
        most = _RANGE[self.body.out_specs[self.place].dtype.char]
        if not 1 / most <= abs(c) <= most:
            return None
        found = [g * g.dtype.type(c) for g in saved]
        if not all(np.isfinite(g).all() for g in found):
            return None
        return found, self.found


# ------------------------------------------------------------------------------------------------ the primitive
@primitive(
    core=None,
    n_out=-1,
    kernel=lambda *leaves, body, wanted=(), saving=None: body.run(leaves),
    internal=True,
)
def compiled_call(*leaves, body, wanted=(), saving=None):
    """A compiled function as one operation.

    Derivative: that of the function, as another compiled function. Cost: that of the function.
    """
    return replay(body.trace.graph, leaves)


OPENED.add(compiled_call)
compiled_call.def_shape(lambda *specs, body, wanted=(), saving=None: body.out_specs)


@compiled_call.def_vjp
def _(ct, out, leaves, body, wanted, saving):
    found = [None] * len(leaves)
    if saving is not None:
        known = None if isinstance(saving, Pushed) else saving.pull(ct, out, leaves)
        if known is not None:
            for g, k in zip(*known, strict=True):
                found[k] = g
            return tuple(found)
        ct = ct[: len(body.out_specs)]
    given = tuple(k for k, c in enumerate(ct) if c is not None)
    pulled, places = body.vjp(wanted, given)
    if places:
        cts = tuple(ct[k] for k in given)
        for k, g in zip(places, bind(compiled_call, (*leaves, *cts), {"body": pulled}), strict=True):
            found[k] = g
    return tuple(found)


@compiled_call.def_jvp
def _(t, out, leaves, body, saving):
    known = saving.push(t, out, leaves) if isinstance(saving, Pushed) else None
    if known is None:
        found = _pushed(body, leaves, t)[1]
        return found + (None,) * (len(out) - len(found))
    found = [None] * len(out)
    for s, k in zip(*known, strict=True):
        found[k] = s
    return tuple(found)


def _pushed(body, leaves, t):
    """The results, and their tangents; None is zero."""
    moving = tuple(k for k, s in enumerate(t) if s is not None)
    pushed, places = body.jvp(moving)
    outs = bind(compiled_call, (*leaves, *(t[k] for k in moving)), {"body": pushed})
    found = [None] * len(body.out_specs)
    for k, s in zip(places, outs[len(found) :], strict=True):
        found[k] = s
    return outs[: len(found)], tuple(found)


def _on_dual(dual, p, args, params):
    """The function and its tangents as one program."""
    pairs = [dual.split(a) for a in args]
    outs, ts = _pushed(params["body"], [x for x, _ in pairs], [t for _, t in pairs])
    return tuple(y if t is None else dual.variable(y, t) for y, t in zip(outs, ts, strict=True))


def _on_tape(tape, p, args, params):
    """One node, which knows of which inputs a derivative can be wanted."""
    body, shown = params["body"], len(params["body"].out_specs)
    values = tuple([tape.lower(a) for a in args])
    wanted = tuple([k for k, a in enumerate(args) if tape.ref_of(a) >= 0 and inexact(values[k])])
    # Above another level the results are those of its operations: what is saved would have to be differentiated too.
    plain = not tape.tracing and not any(type(x) is Variable or type(x) is Spec for x in values)
    saving = body.saving(wanted, tape.forward) if plain else None
    outs = bind(p, values, params if saving is None else {"body": saving.first})
    if not inexact(outs):
        return outs[:shown]
    return tape.record_here(p, args, {"body": body, "wanted": wanted, "saving": saving}, values, outs)[:shown]


def _on_batch(batch, args, params):
    lowered = [batch.lower(a) for a in args]
    body, rows = params["body"].batched(tuple(m for _, m in lowered), batch.size)
    outs = bind(compiled_call, tuple(y for y, _ in lowered), {"body": body})
    return tuple(batch.variable(y) if m else y for y, m in zip(outs, rows, strict=True))


compiled_call.tape_rule = _on_tape
compiled_call.dual_rule = _on_dual
compiled_call.batch_rule = _on_batch


@compiled_call.def_samples
def _(rng):
    body = Body(lambda x: [np.sin(x) * x, np.sum(x * x)], [Spec((3,))], "sample")
    yield sample(rng.standard_normal(3), body=body)
