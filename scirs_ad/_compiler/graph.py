"""The compiler's form of a graph: numbered values, operations in order, nothing hidden in objects.

`record` runs a function on Specs and makes a `FlatGraph` of what it did. Functions of elementwise functions and
functions applied as one primitive (compile in compile, checkpoint, custom rules) are opened on the way; what the
function closes over is lifted to an input.
"""

import warnings
from dataclasses import replace

import numpy as np

from scirs_ad._core.core import Elementwise, Spec, Tape, Variable, as_array, bind, dtype_of, shape_of, spec_of
from scirs_ad._core.tree import flatten
from scirs_ad._ops import shape as sh
from scirs_ad._ops.fused import is_composite
from scirs_ad._transforms.chart import Chart, ChartNode, Drawable, fresh, input_node, operation_node
from scirs_ad._transforms.check import check_ops
from scirs_ad._transforms.checkpoints import saving_call
from scirs_ad._transforms.common import pack_leaf
from scirs_ad._transforms.cost import family_of, flops_of, size_of
from scirs_ad._transforms.custom import checkpoint_call, custom_jvp_call, custom_vjp_call
from scirs_ad._transforms.hold import hold
from scirs_ad._transforms.notation import letters, type_text

__all__ = ["FlatGraph", "Op", "Trace", "chart_of", "opened", "record", "replay", "without_holds"]

# Functions that are one operation because their derivative is another than that of their operations: kept as such for
# derivatives, opened in what is compiled.
CALLS = frozenset([checkpoint_call, custom_jvp_call, custom_vjp_call, saving_call])
# What is opened while tracing, in any case; the compiler's own is entered by body.py.
OPENED = set()

NUMBERS = (bool, int, float, complex)
MANY_BYTES = 1 << 28  # of constants, of which one is told
SMALL_CONSTANT = 4096  # bytes; smaller constants are copied one by one


class Op:
    """One application: `primitive`, `params`, and the numbers of the values that go in and come out."""

    __slots__ = ("inputs", "outputs", "params", "primitive")

    def __init__(self, primitive, params, inputs, outputs):
        self.primitive, self.params, self.inputs, self.outputs = primitive, params, inputs, outputs


class FlatGraph(Drawable):
    """A finished graph over numbered values. It is never changed: each step of the compiler makes a new one.

    It prints, and is shown, counted and checked like a `Graph`.

    Attributes
    ----------
    specs : list of Spec
        Of each value.
    constants : dict
        Values that are known: arrays, and Python numbers (which do not widen a dtype).
    uniform : dict
        Those of them whose elements are all one number, and that number.
    ops : list of Op
        In an order in which they can be run.
    inputs, outputs : tuple of int
    """

    def __init__(self, name, specs, constants, ops, inputs, outputs, uniform=None):
        self.name, self.specs, self.constants = name, specs, constants
        self.ops, self.inputs, self.outputs = ops, inputs, outputs
        self.uniform = uniform or {}

    def __len__(self):
        return len(self.ops)

    def __repr__(self):
        return f"<FlatGraph {self.name}: {len(self.inputs)} input(s), {len(self.ops)} op(s)>"

    def __str__(self):
        names = {v: f"x{k}" for k, v in enumerate(self.inputs)}
        rows = []
        for k, op in enumerate(self.ops):
            name = letters(k)
            for slot, v in enumerate(op.outputs):
                names[v] = name if len(op.outputs) == 1 else f"{name}[{slot}]"
            args = [self.name_of(v, names) for v in op.inputs]
            args += [f"{k}={_param(v)}" for k, v in (op.params or {}).items()]
            rows.append(
                (f"{name} = {op.primitive.name}({', '.join(args)})", ", ".join(self.type_of(v) for v in op.outputs))
            )
        width = max((len(left) for left, _ in rows), default=0)
        heads = ", ".join(f"{names[v]}: {self.type_of(v)}" for v in self.inputs)
        lines = [f"{self.name}({heads}):"]
        lines += [f"  {left:<{width}}  {right}" for left, right in rows]
        lines.append(f"  return {', '.join(self.name_of(v, names) for v in self.outputs)}")
        return "\n".join(lines)

    def chart(self):
        """This graph as plain data: a `Chart`."""
        return chart_of(self, [([op], [], op) for op in self.ops])

    def check(self):
        """GraphError unless it is a computation: order, names, shapes and dtypes."""
        known = {v: self.specs[v] for v in self.inputs}
        known.update({v: x if isinstance(x, NUMBERS) else self.specs[v] for v, x in self.constants.items()})
        ops = [
            (letters(k), op.primitive, op.params, op.inputs, [(v, self.specs[v]) for v in op.outputs])
            for k, op in enumerate(self.ops)
        ]
        check_ops(self.name, known, ops, self.outputs)

    def type_of(self, v):
        """`f64[2,3]`."""
        return type_text(self.specs[v])

    def name_of(self, v, names):
        """The name of a value in the printed graph; of a constant its value, if it is one number."""
        if v in names:
            return names[v]
        value = self.constants[v]
        if isinstance(value, NUMBERS):
            return repr(value)
        if value.size and not any(value.strides):
            first = repr(value.item(0) if value.ndim == 0 else value[(0,) * value.ndim].item())
            return first if value.ndim == 0 else f"{first}:{self.type_of(v)}"
        return self.type_of(v)

    def __call__(self, *args):
        """Run one operation after another: slowly, on anything."""
        return replay(self, args)


def chart_of(graph, steps, seconds=None):
    """The Chart of a graph whose operations run in steps.

    Parameters
    ----------
    graph : FlatGraph
    steps : list of tuple
        ``(ops, outputs, op)``: `op` is the one operation, or None for a region of `ops` that writes `outputs`.
    seconds : list of float, optional
        Of each step.
    """
    names, nodes, taken, where = {}, [], set(), {}
    for k, v in enumerate(graph.inputs):
        names[v] = where[v] = fresh(f"x{k}", taken), 0
        nodes.append(input_node(names[v][0], "input", graph.specs[v]))

    def argument(v):
        if v in where:
            return where[v]
        text = graph.name_of(v, {})
        value = graph.constants[v]
        if isinstance(value, NUMBERS) or graph.specs[v].shape == ():
            return text
        where[v] = fresh(f"c{sum(n.kind == 'constant' for n in nodes)}", taken), 0
        nodes.append(input_node(where[v][0], "constant", graph.specs[v]))
        return where[v]

    for k, (ops, outputs, op) in enumerate(steps):
        name = fresh(letters(k), taken)
        if op is not None:
            args = [argument(v) for v in op.inputs]
            ins, outs = [graph.specs[v] for v in op.inputs], [graph.specs[v] for v in op.outputs]
            made = operation_node(name, op.primitive, op.params, args, ins, outs)
            outputs = op.outputs
        else:
            made = region_node(name, graph, ops, outputs, argument)
        nodes.append(made if seconds is None else replace(made, seconds=seconds[k]))
        where.update((v, (name, slot)) for slot, v in enumerate(outputs))
    return Chart(graph.name, nodes, [argument(v) for v in graph.outputs])


def region_node(name, graph, ops, outputs, argument):
    """The node of a fused region, whose operations are the lines that it consists of."""
    specs, inside, read = graph.specs, {}, {}
    lines, flops = [], 0
    for op in ops:
        shown = []
        for v in op.inputs:
            if v not in inside:
                found = argument(v)
                if type(found) is not str:
                    read[v] = found
                shown.append(found if type(found) is str else found[0] if found[1] == 0 else f"{found[0]}[{found[1]}]")
            else:
                shown.append(inside[v])
        for v in op.outputs:
            inside[v] = f"{name}.{len(inside)}"
        shown += [f"{key}={_param(v)}" for key, v in (op.params or {}).items()]
        written = "".join([f" -> {name}[{outputs.index(v)}]" for v in op.outputs if v in outputs])
        lines.append(f"{inside[op.outputs[0]]} = {op.primitive.name}({', '.join(shown)}){written}")
        flops += flops_of(op.primitive, op.params, [specs[v] for v in op.inputs], [specs[v] for v in op.outputs])
    return ChartNode(
        name,
        "operation",
        f"region of {len(ops)}",
        "elementwise" if any(family_of(op.primitive, op.params) != "reduction" for op in ops) else "reduction",
        {},
        tuple(read.values()),
        tuple((specs[v].shape, specs[v].dtype.name) for v in outputs),
        flops,
        sum(size_of(specs[v]) for v in (*read, *outputs)),
        lines=tuple(lines),
    )


def _param(value):
    return type_text(value) if isinstance(value, np.ndarray) else repr(value)


def replay(graph, args):
    """Apply the operations of a graph to arrays, Variables or Specs; a tuple of results."""
    env = dict(graph.constants)
    env.update(zip(graph.inputs, args, strict=True))
    for op in graph.ops:
        out = bind(op.primitive, tuple([env[v] for v in op.inputs]), op.params)
        if type(out) is tuple:
            env.update(zip(op.outputs, out, strict=True))
        else:
            env[op.outputs[0]] = out
    return tuple([env[v] for v in graph.outputs])


def dependencies(ops):
    """For a topological order: the places of the operations that read each value made in `ops`, and for each operation
    how many such values it waits for."""
    made = {v for op in ops for v in op.outputs}
    users, waiting = {}, [0] * len(ops)
    for k, op in enumerate(ops):
        for v in set(op.inputs):
            if v in made:
                users.setdefault(v, []).append(k)
                waiting[k] += 1
    return users, waiting


def without_holds(graph):
    """The same graph where what a checkpoint runs again may be shared with what ran before."""
    same, ops = {}, []
    for op in graph.ops:
        ins = tuple([same.get(v, v) for v in op.inputs])
        if op.primitive is hold:
            same.update(zip(op.outputs, ins, strict=False))
        else:
            ops.append(Op(op.primitive, op.params, ins, op.outputs))
    outputs = tuple([same.get(v, v) for v in graph.outputs])
    return FlatGraph(graph.name, graph.specs, graph.constants, ops, graph.inputs, outputs, graph.uniform)


def opened(graph):
    """The same graph without CALLS: their operations instead."""
    if not any(op.primitive in CALLS for op in graph.ops):
        return graph
    return record(lambda *leaves: list(replay(graph, leaves)), [graph.specs[v] for v in graph.inputs], graph.name,
                  opens_calls=True).graph  # fmt: skip


class Trace:
    """What `record` found: the graph, the structure of the output, and what was lifted to further inputs."""

    def __init__(self, graph, structure, lifted):
        self.graph, self.structure, self.lifted = graph, structure, lifted


def record(f, specs, name, weak=(), opens_calls=False):
    """Run `f` on Variables of these Specs.

    Parameters
    ----------
    f : callable
        ``f(*leaves)`` returns a container of arrays.
    specs : list of Spec
    name : str
    weak : collection of int
        Positions of inputs that are Python numbers: they adapt to the dtype of the array they meet.
    opens_calls : bool
        Whether CALLS become operations, too.

    Returns
    -------
    Trace
    """
    tape = Tape(tracing=True)
    lifted = {}  # id of a Variable from outside -> (it, its stand-in)
    outer = set()  # the levels of those that were used

    def inside(a):
        if type(a) is not Variable or a.level is None or a.level is tape:
            return a
        outer.add(a.level)
        if id(a) not in lifted:
            twin = tape.variable(spec_of(a))
            lifted[id(a)] = a, twin
            inputs.append(tape.index_of(twin))
        return lifted[id(a)][1]

    weak_refs = set()
    opens = {}  # primitive -> whether it is opened
    copied = [0]  # bytes of constants
    frozen = {}  # id of a constant -> (it, a copy): what is written to it later does not reach us

    def freeze(a):
        if type(a) is not np.ndarray:
            return a
        root = a
        while type(root.base) is np.ndarray:
            root = root.base
        if not (a.flags.writeable or root.flags.writeable):
            return a
        known = frozen.get(id(a))
        if root is not a and a.nbytes > SMALL_CONSTANT and root.nbytes <= 2 * a.nbytes and root.flags.forc:
            copy = freeze(root)
            if known is None or known[2] is not copy:  # views of one array stay views of one copy
                known = frozen[id(a)] = a, _view_of(copy, root, a), copy
        elif known is None or not _same_bits(a, known[1]):
            before = copied[0]
            copied[0] += a.nbytes
            if before < MANY_BYTES <= copied[0]:
                warnings.warn(
                    f"compile of {name}: {copied[0] >> 20} MiB of arrays that are not its arguments are copied into the "
                    f"program, the last of shape {a.shape}; pass them as arguments, or make them read-only "
                    f"(a.flags.writeable = False), which needs no copy",
                    stacklevel=2,
                )
            known = frozen[id(a)] = a, a.copy("K"), None  # in its order, as views of it count on
            known[1].flags.writeable = False
        return known[1]

    def keep(p, args, params):
        """A call as one operation. What it closes over becomes an argument, so the levels of that have to be known."""
        if p is not saving_call:
            before = set(outer)
            outer.clear()
            seen = p.body(*args, **params)
            for level in outer:

                def of_level(a, level=level):
                    return inside(a) if type(a) is Variable and a.level is level else a

                params = {**params, "body": params["body"].lowered(level, of_level)}
            outer.update(before)
            found = tape.apply_here(p, args, params)  # where Python numbers that it closes over have become arrays
            return tuple([y if dtype_of(y) == dtype_of(z) else sh.cast(y, dtype_of(z))
                          for y, z in zip(found, seen, strict=True)])  # fmt: skip
        return tape.apply_here(p, args, params)

    def capture(tape, p, args, params):
        for a in args:
            if type(a) is Variable and a.level is not tape and a.level is not None:
                return bind(p, tuple([inside(a) for a in args]), params)
        opened = opens.get(p)
        if opened is None:
            opened = opens[p] = is_composite(p) or p in OPENED or (opens_calls and p in CALLS)
        if opened:
            return p.body(*args) if params is None else p.body(*args, **params)
        if p in CALLS:
            return keep(p, args, params)
        if weak_refs and isinstance(p, Elementwise):
            args = _adapt(tape, p, args, weak_refs)
        for a in args:
            if type(a) is np.ndarray:
                args = tuple([freeze(a) for a in args])
                break
        return tape.apply_here(p, args, params)

    variables = [tape.variable(s) for s in specs]
    inputs = [tape.index_of(v) for v in variables]  # now: the function may assign to them
    weak_refs.update(tape.ref_of(variables[k]) for k in weak)
    tape.capture = capture
    outs, structure = flatten(f(*variables))
    outs = [_own(inside(pack_leaf(y))) for y in outs]
    tape.closed = True
    frozen.clear()  # `freeze` and what it sees refer to each other
    graph = _flat(tape, name, inputs, outs)
    return Trace(graph, structure, tuple(v for v, _ in lifted.values()))


def _view_of(copy, root, a):
    """What `a` is of `root`, of a copy of that."""
    start = a.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    return np.ndarray(a.shape, a.dtype, copy if copy.flags.c_contiguous else copy.T, start, a.strides)


def _same_bits(a, b):
    """Whether two arrays of one shape and dtype hold the same, bit for bit.

    Of 100,000 numbers in 0.06 ms; `array_equal` takes 1 ms, because it looks for nan.
    """
    if a.flags.c_contiguous and b.flags.c_contiguous and a.dtype.itemsize % 8 == 0 and a.ndim:
        a, b = a.view(np.uint64), b.view(np.uint64)
    return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


def _own(y):
    """An output as it is now: later writes to it do not reach us."""
    return Variable(y) if isinstance(y, Variable) else as_array(y)


def _adapt(tape, p, args, weak_refs):
    """Python numbers take the dtype that NumPy's rules give them beside the other arguments."""
    found = [tape.ref_of(a) in weak_refs if type(a) is Variable else False for a in args]
    if not any(found) or p.name == "cast_to":
        return args
    strong = [
        a if isinstance(a, NUMBERS) else dtype_of(a) for a, is_weak in zip(args, found, strict=True) if not is_weak
    ]
    if not any(isinstance(s, np.dtype) for s in strong):
        return args
    adapted = []
    for a, is_weak in zip(args, found, strict=True):
        if is_weak:
            example = {"i": 1, "f": 1.0, "c": 1j}[dtype_of(a).kind]
            dtype = np.result_type(*[s for s in strong if isinstance(s, np.dtype)], example)
            a = a if dtype == dtype_of(a) else sh.cast(a, dtype)
        adapted.append(a)
    return tuple(adapted)


def _flat(tape, name, inputs, outs):
    """The nodes of a tape as a FlatGraph, as far as the outputs need them."""
    nodes = tape.nodes
    refs = [(tape.index_of(y), tape.slot_of(y)) if tape.index_of(y) >= 0 else None for y in outs]
    needed = bytearray(len(nodes))
    for ref in refs:
        if ref is not None:
            needed[ref[0]] = 1
    sources = [None] * len(nodes)
    for i in range(len(nodes) - 1, -1, -1):  # a node's inputs come before it
        node = nodes[i]
        if needed[i] and node.primitive is not None:
            sources[i] = node.inputs
            for source in sources[i]:
                if source is not None:
                    needed[source[0]] = 1
    specs, constants, known, where, ops = [], {}, {}, {}, []

    def constant(value):
        if isinstance(value, Variable):
            value = value.value
        key = (type(value), repr(value)) if isinstance(value, NUMBERS) else id(value)
        if key not in known:
            known[key] = len(specs)
            constants[len(specs)] = value
            specs.append(spec_of(value))
        return known[key]

    for i in inputs:
        where[i] = (len(specs),)
        specs.append(nodes[i].out)
    for i, node in enumerate(nodes):
        if not needed[i] or i in where:
            continue
        if node.primitive is None:
            where[i] = (constant(node.out),)
            continue
        ins = tuple(
            [
                constant(a) if source is None else where[source[0]][source[1]]
                for source, a in zip(sources[i], node.args, strict=True)
            ]
        )
        out = node.out if type(node.out) is tuple else (node.out,)
        where[i] = tuple(range(len(specs), len(specs) + len(out)))
        specs.extend(out)
        ops.append(Op(node.primitive, node.params, ins, where[i]))
    outputs = tuple(constant(y) if ref is None else where[ref[0]][ref[1]] for y, ref in zip(outs, refs, strict=True))
    return FlatGraph(name, specs, constants, ops, tuple(where[i][0] for i in inputs), outputs)


def spec_text(values):
    """Shapes and dtypes of arguments, for messages."""
    return ", ".join(type_text(Spec(shape_of(v), dtype_of(v))) for v in values)
