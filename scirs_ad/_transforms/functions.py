"""Functions as data: the bodies of loops and branches, run once on Specs and then applied, derived and compiled.

A `Function` is a flat list of operations over numbered slots. What it closes over are inputs of it, so nothing of the
run that made it lives on in it, two equal bodies are one `Function`, and what is derived from it (the step of a
gradient, of a tangent, of a batch) and its compiled program are made once.
"""

import collections
import threading

import numpy as np

from scirs_ad._core.core import Batch, Dual, Spec, Tape, Variable, as_array, bind, dtype_of, inexact, shape_of, spec_of
from scirs_ad._ops import shape as sh
from scirs_ad._transforms.common import pack_leaf
from scirs_ad._transforms.notation import letters, type_text

__all__ = ["Function", "Lifting", "install_compiler", "trace_body"]

COMPILED_STEPS = 16  # of a loop; making a program takes about as long as so many steps without one
MOST_KNOWN = 512  # bodies that are remembered; the least recently used goes

_known = collections.OrderedDict()
_lock = threading.RLock()
_compiler = None  # compiler(function) -> program(*arrays) -> tuple of arrays, or None


def install_compiler(compiler):
    """Let ``compiler(function)`` make what runs the body of a loop on arrays (None: one operation after another)."""
    global _compiler
    _compiler = compiler


class Function:
    """Operations over numbered slots: inputs, constants, results.

    Attributes
    ----------
    name : str
    specs : tuple of Spec
        Of the inputs.
    out_specs : tuple of Spec
    ops : tuple
        Of ``(primitive, params, slots of the arguments, slots of the results)``.
    constants : dict
        Slot -> number or array.
    outputs : tuple of int
        Slots.
    """

    def __init__(self, name, specs, constants, ops, outputs, out_specs, slots):
        self.name, self.specs, self.constants, self.ops = name, tuple(specs), constants, tuple(ops)
        self.outputs, self.out_specs, self.slots = tuple(outputs), tuple(out_specs), slots
        self._derived, self._program, self._lock = {}, None, threading.RLock()

    def __call__(self, *leaves):
        """The results on arrays, Variables or Specs: one operation after another."""
        env = [None] * self.slots
        env[: len(leaves)] = leaves
        for slot, value in self.constants.items():
            env[slot] = value
        for p, params, ins, outs in self.ops:
            found = bind(p, tuple([env[i] for i in ins]), params)
            if type(found) is tuple:
                for i, y in zip(outs, found, strict=True):
                    env[i] = y
            else:
                env[outs[0]] = found
        return tuple([env[i] for i in self.outputs])

    def resumed(self, leaves, known, tape):
        """The results on Variables of a tape, where the results of the operations in `known` are not computed."""
        env = [None] * self.slots
        env[: len(leaves)] = leaves
        for slot, value in self.constants.items():
            env[slot] = value
        for k, (p, params, ins, outs) in enumerate(self.ops):
            args = tuple([env[i] for i in ins])
            if k in known:
                moves = any(tape.ref_of(a) >= 0 for a in args)
                lowered = tuple([tape.lower(a) for a in args])
                env[outs[0]] = tape.record_here(p, args, params, lowered, known[k]) if moves else known[k]
                continue
            found = bind(p, args, params)
            for i, y in zip(outs, found if type(found) is tuple else (found,), strict=True):
                env[i] = y
        return tuple([env[i] for i in self.outputs])

    def probe(self, specs):
        """Fill in the Specs of all slots."""
        specs.update(enumerate(self.specs))
        specs.update((i, spec_of(x)) for i, x in self.constants.items())
        for p, params, ins, outs in self.ops:
            args = tuple([self.constants.get(i, specs[i]) for i in ins])
            found = bind(p, args, params)
            for i, y in zip(outs, found if type(found) is tuple else (found,), strict=True):
                specs[i] = spec_of(y)

    @property
    def program(self):
        """What runs it on arrays: compiled, where there is a compiler."""
        if self._program is None:
            with self._lock:
                if self._program is None:
                    made = None if _compiler is None else _compiler(self)
                    self._program = self if made is None else made
        return self._program

    def runner(self, steps):
        """What runs it on arrays `steps` times: a program, if that pays for making one."""
        return self.program if steps >= COMPILED_STEPS else self

    def derived(self, key, make):
        """A Function made from this one, by key."""
        with self._lock:
            found = self._derived.get(key)
            if found is None:
                found = self._derived[key] = make()
            return found

    def traced(self, f, specs, name):
        """A Function of `f`, which calls this one on Variables."""
        return trace_body(f, specs, f"{name}({self.name})", constants=True)[0]

    def widened(self, specs):
        """The same function with further inputs, which it does not use."""
        if not specs:
            return self
        n, more = len(self.specs), len(specs)

        def moved(i):
            return i if i < n else i + more

        return Function(
            self.name,
            self.specs + tuple(specs),
            {moved(i): x for i, x in self.constants.items()},
            [(p, params, tuple(map(moved, ins)), tuple(map(moved, outs))) for p, params, ins, outs in self.ops],
            map(moved, self.outputs),
            self.out_specs,
            self.slots + more,
        )

    # ------------------------------------------------------------------------------------------------ derivatives
    def vjp(self, wanted, given):
        """Of the inputs and cotangents of the outputs `given`: cotangents of the inputs `wanted`; and which are zero.

        Returns `(Function, present)`: the Function returns a cotangent for each entry of `wanted` that is in
        `present`.
        """

        def make():
            present, n = [], len(self.specs)

            def pulled(*values):
                tape, leaves = Tape(), list(values[:n])
                for k in wanted:
                    leaves[k] = tape.variable(leaves[k])
                refs = [tape.ref_of(leaves[k]) for k in wanted]
                outs = self(*leaves)
                tape.closed = True
                moving = [(outs[k], ct) for k, ct in zip(given, values[n:], strict=True) if tape.ref_of(outs[k]) >= 0]
                cts = tape.pull([y for y, _ in moving], [c for _, c in moving], refs, True) if moving else ()
                present.extend(k for k, c in zip(wanted, cts, strict=False) if c is not None)
                return [c for c in cts if c is not None]

            made = self.traced(pulled, self.specs + tuple(self.out_specs[k] for k in given), "vjp")
            return made, frozenset(present)

        return self.derived(("vjp", wanted, given), make)

    def jvp(self, moving):
        """Of the inputs and tangents of the inputs `moving`: the outputs, then the tangents that are not zero.

        Returns `(Function, places)`, the places of the outputs whose tangents it returns.
        """

        def make():
            places, n = [], len(self.specs)

            def pushed(*values):
                dual, leaves = Dual(), list(values[:n])
                for k, t in zip(moving, values[n:], strict=True):
                    leaves[k] = dual.variable(leaves[k], t)
                outs = self(*leaves)
                dual.closed = True
                pairs = [dual.split(y) for y in outs]
                places.extend(k for k, (_, t) in enumerate(pairs) if t is not None)
                return [y for y, _ in pairs] + [t for _, t in pairs if t is not None]

            return self.traced(pushed, self.specs + tuple(self.specs[k] for k in moving), "jvp"), tuple(places)

        return self.derived(("jvp", moving), make)

    def batched(self, mapped, size):
        """With a leading axis at the inputs `mapped`: (Function, whether each result has it)."""

        def make():
            found = []

            def rows(*values):
                batch = Batch(size)
                outs = self(*[batch.variable(x) if m else x for x, m in zip(values, mapped, strict=True)])
                batch.closed = True
                lowered = [batch.lower(y) for y in outs]
                found.extend(m for _, m in lowered)
                return [y for y, _ in lowered]

            specs = [Spec((size, *s.shape), s.dtype) if m else s for s, m in zip(self.specs, mapped, strict=True)]
            return self.traced(rows, specs, "vmap"), tuple(found)

        return self.derived(("vmap", mapped, size), make)

    # ------------------------------------------------------------------------------------------------ text
    def __len__(self):
        return len(self.ops)

    def __repr__(self):
        return f"{self.name}: {len(self.ops)} op(s)"

    def __str__(self):
        names = {k: f"x{k}" for k in range(len(self.specs))}
        names.update((i, repr(x) if not isinstance(x, np.ndarray) else _array(x)) for i, x in self.constants.items())
        rows = []
        for k, (p, params, ins, outs) in enumerate(self.ops):
            for slot, i in enumerate(outs):
                names[i] = letters(k) if len(outs) == 1 else f"{letters(k)}[{slot}]"
            shown = [names[i] for i in ins] + [f"{key}={v!r}" for key, v in (params or {}).items()]
            rows.append(f"  {letters(k)} = {p.name}({', '.join(shown)})")
        heads = ", ".join(f"{names[k]}: {type_text(s)}" for k, s in enumerate(self.specs))
        return "\n".join([f"{self.name}({heads}):", *rows, f"  return {', '.join([names[i] for i in self.outputs])}"])


def _array(x):
    return repr(x.item()) if x.ndim == 0 else type_text(spec_of(x))


# ------------------------------------------------------------------------------------------------ making them
class Lifting:
    """What bodies close over: Variables and arrays from outside, in the order in which they were found.

    Several bodies (the branches of `cond`, condition and body of a loop) can share one.
    """

    def __init__(self):
        self.values = []
        self._places = {}

    def place(self, a):
        """Its place among the lifted values; a new one at the first time."""
        found = self._places.get(id(a))
        if found is None:
            found = self._places[id(a)] = len(self.values)
            self.values.append(a)
        return found

    def forget(self):
        """Take those that were struck from `values` out of the table, too."""
        self._places = {id(a): k for k, a in enumerate(self.values)}


def trace_body(f, specs, name, lifting=None, constants=False):
    """Run `f` on Variables of these Specs.

    Parameters
    ----------
    f : callable
        ``f(*leaves)`` returns a list of leaves.
    specs : sequence of Spec
    name : str
    lifting : Lifting, optional
        What it closes over: the Function has one further input for each entry, after those of `specs`.
    constants : bool
        Arrays that it closes over are constants of the Function instead of inputs.

    Returns
    -------
    Function, Lifting
    """
    tape, lifting = Tape(tracing=True), Lifting() if lifting is None else lifting
    twins = {}  # place among the lifted -> its Variable here

    def inside(a):
        if type(a) is Variable:
            if a.level is tape:
                return a
            if a.level is None:
                a = a.value
        elif type(a) is not np.ndarray:
            return a
        if type(a) is np.ndarray and (constants or a.ndim == 0):
            return a
        place = lifting.place(a)
        if place not in twins:
            twins[place] = tape.variable(spec_of(a))
        return twins[place]

    def capture(tape, p, args, params):
        return tape.apply_here(p, tuple([inside(a) for a in args]), params)

    variables = [tape.variable(s) for s in specs]
    tape.capture = capture
    outs = [inside(as_array(pack_leaf(y))) for y in f(*variables)]
    outs = [Variable(y) if type(y) is Variable else y for y in outs]  # later writes do not reach us
    tape.closed = True
    inputs = [tape.index_of(v) for v in variables]
    inputs += [tape.index_of(twins[place]) if place in twins else -1 - place for place in range(len(lifting.values))]
    made = _function(tape, name, [*specs, *map(spec_of, lifting.values)], inputs, outs)
    return (made if constants else _remembered(made)), lifting


def _function(tape, name, specs, inputs, outs):
    """The nodes that the outputs need, as a Function."""
    nodes = tape.nodes
    needed = bytearray(len(nodes))
    refs = [(tape.index_of(y), tape.slot_of(y)) if type(y) is Variable else None for y in outs]
    for ref in refs:
        if ref is not None:
            needed[ref[0]] = 1
    for i in range(len(nodes) - 1, -1, -1):  # a node's inputs come before it
        if needed[i] and nodes[i].primitive is not None:
            for source in nodes[i].inputs:
                if source is not None:
                    needed[source[0]] = 1
    where = {i: (k,) for k, i in enumerate(inputs)}
    slots, constants, ops = len(inputs), {}, []

    def constant(value):
        nonlocal slots
        constants[slots] = value
        slots += 1
        return slots - 1

    for i, node in enumerate(nodes):
        if not needed[i] or i in where:
            continue
        ins = tuple(
            [
                constant(a) if source is None else where[source[0]][source[1]]
                for source, a in zip(node.inputs, node.args, strict=True)
            ]
        )
        several = type(node.out) is tuple
        where[i] = tuple(range(slots, slots + (len(node.out) if several else 1)))
        slots += len(where[i])
        ops.append((node.primitive, node.params, ins, where[i]))
    outputs = [constant(y) if ref is None else where[ref[0]][ref[1]] for y, ref in zip(outs, refs, strict=True)]
    return Function(name, specs, constants, ops, outputs, [spec_of(y) for y in outs], slots)


def _remembered(made):
    """The Function that is equal to this one and was made before, with what was derived from it; or this one."""
    try:
        key = (
            made.name,
            made.specs,
            made.outputs,
            tuple(
                (i, type(x), x.dtype, x.shape, x.tobytes()) if isinstance(x, np.ndarray) else (i, type(x), repr(x))
                for i, x in made.constants.items()
            ),
            tuple(
                (p, tuple((k, v, repr(v)) for k, v in (params or {}).items()), ins) for p, params, ins, _ in made.ops
            ),
        )
        hash(key)
    except TypeError:  # a parameter that cannot be hashed: this one is not shared
        return made
    with _lock:
        found = _known.get(key)
        if found is None:
            found = _known[key] = made
            if len(_known) > MOST_KNOWN:
                _known.popitem(last=False)
        else:
            _known.move_to_end(key)
        return found


def zeros(spec):
    """An array of zeros of a Spec."""
    return np.zeros(spec.shape, spec.dtype)


def filled(t, x):
    """A tangent or cotangent that is zero, as an array."""
    return np.zeros(shape_of(x), dtype_of(x)) if t is None else sh.cast(t, dtype_of(x))


def inexact_places(specs):
    """The places of those that can carry a derivative."""
    return tuple(k for k, s in enumerate(specs) if inexact(s))
