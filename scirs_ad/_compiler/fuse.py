"""Fuse: elementwise operations of one shape become regions, each one pass of the virtual machine.

This is list scheduling: an operation is ready when its inputs are known. What is not elementwise is taken first, in
the order of the graph; then one region takes every ready operation of its kind, and what becomes ready by it, until
nothing of the kind is left. So regions are as large as they can be, no cycle can arise, and the time is linear.
Reductions of values of the region, over any axes, belong to it: they are folded block by block.
"""

import heapq

import numpy as np

from scirs_ad._compiler.again import make_again
from scirs_ad._compiler.graph import NUMBERS, FlatGraph, Op, chart_of, dependencies
from scirs_ad._compiler.sink import sink
from scirs_ad._compiler.views import layout_of_terms
from scirs_ad._core.core import PRIMITIVES, Elementwise, Spec
from scirs_ad._core.errors import GraphError
from scirs_ad._kernels.region import has_kernel
from scirs_ad._transforms.chart import Drawable
from scirs_ad._transforms.cost import flops_of, is_view, size_of

__all__ = ["FusedGraph", "Region", "cost", "fuse"]

MAX_ARGS = 48  # inputs, or outputs, of one region
MAX_OPS = 400  # a region that is larger is cut

# Opcodes whose result is a truth value: inside a region a number, 0 or 1.
# Kernels that are not called as their primitive.
NAMES = {
    "cast_to": "cast",
    "real_part": "real",
    "imag_part": "imag",
    "conj_complex": "conjugate",
    "bitwise_invert": "invert",
}
_EXAMPLES = {bool: True, int: 0, float: 0.0, complex: 0j}  # Python numbers, for NumPy's promotion

REDUCTIONS = {"sum_axes": "sum", "max_axes": "max", "min_axes": "min"}
TRUTHS = frozenset(
    ["greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "isnan", "isfinite", "logical_not"]
)


class Region:
    """Elementwise operations over one shape, run as one pass.

    Attributes
    ----------
    ops : list of Op
    folds : list of Op
        Reductions of values over its shape.
    scatters : list of Op
        Arrays that its values are written to and added to in their places, within the same pass.
    inputs, outputs : tuple of int
        Values read and values written; the results of `folds` are written too.
    shape : tuple of int
    """

    def __init__(self, ops, folds, scatters, shape):
        self.ops, self.folds, self.scatters, self.shape = ops, folds, scatters, shape
        self.inputs = self.outputs = ()

    def made(self):
        """All values that the region computes."""
        return [op.outputs[0] for op in self.ops]

    def check(self, who, specs, uniform):
        """GraphError unless all operations are over the shape of the region, and what goes in and out is stated."""
        made = set()
        for op in self.ops:
            made.update(op.outputs)
            if specs[op.outputs[0]].shape != self.shape:
                raise GraphError(f"{who}: {op.primitive.name} is over {specs[op.outputs[0]].shape}, not {self.shape}")
        for op in self.folds:
            if specs[op.inputs[0]].shape != self.shape:
                raise GraphError(f"{who}: {op.primitive.name} folds {specs[op.inputs[0]].shape}, not {self.shape}")
        for v in self.outputs:
            if v not in made:
                raise GraphError(f"{who}: output {v} is not made by it")
        for op in [*self.ops, *self.folds]:
            for v in op.inputs:
                if v not in made and v not in self.inputs and v not in uniform:
                    raise GraphError(f"{who}: {op.primitive.name} reads value {v}, which is not among its inputs")


class FusedGraph(Drawable):
    """A graph as an ordered list of steps: each a Region, or an Op by itself."""

    def __init__(self, graph, steps):
        self.graph, self.steps = graph, steps

    def __len__(self):
        return len(self.steps)

    def chart(self, seconds=None):
        """This graph as plain data, a `Chart`; with the time of each step, if it was measured."""
        steps = [
            ([*s.ops, *s.folds, *s.scatters], [*s.outputs, *(op.outputs[0] for op in [*s.folds, *s.scatters])], None)
            if isinstance(s, Region)
            else ([s], s.outputs, s)
            for s in self.steps
        ]
        return chart_of(self.graph, steps, seconds)

    def check(self):
        """GraphError unless the steps are the operations of a computation, and regions what one pass can do."""
        g, ops, inside = self.graph, [], {}
        for k, step in enumerate(self.steps):
            for v in step.inputs:
                if v in inside:
                    raise GraphError(f"{g.name}: step {k} reads value {v}, which region {inside[v]} does not store")
            if isinstance(step, Region):
                step.check(f"{g.name}: region {k}", g.specs, g.uniform)
                ops += [*step.ops, *step.folds, *step.scatters]
                inside.update((v, k) for v in step.made() if v not in step.outputs)
            else:
                ops.append(step)
        FlatGraph(g.name, g.specs, g.constants, ops, g.inputs, g.outputs, g.uniform).check()

    def __str__(self):
        graph = self.graph
        names = {v: f"x{k}" for k, v in enumerate(graph.inputs)}
        for step in self.steps:
            for op in [*step.ops, *step.folds, *step.scatters] if isinstance(step, Region) else [step]:
                for v in op.outputs:
                    names[v] = f"v{len(names)}"
        lines = [f"{graph.name}({', '.join(f'{names[v]}: {graph.type_of(v)}' for v in graph.inputs)}):"]
        for step in self.steps:
            if isinstance(step, Region):
                made = ", ".join(f"{names[v]}: {graph.type_of(v)}" for v in step.outputs)
                lines.append(
                    f"  region over {step.shape} -> {', '.join(filter(None, [made, *_fold_names(step, names)]))}"
                )
                lines += [f"    {_line(graph, op, names)}" for op in [*step.ops, *step.folds, *step.scatters]]
            else:
                lines.append(f"  {_line(graph, step, names)}")
        lines.append(f"  return {', '.join(graph.name_of(v, names) for v in graph.outputs)}")
        return "\n".join(lines)


def _fold_names(region, names):
    return [names[op.outputs[0]] for op in [*region.folds, *region.scatters]]


def _line(graph, op, names):
    args = [graph.name_of(v, names) for v in op.inputs] + [f"{k}={v!r}" for k, v in (op.params or {}).items()]
    return f"{', '.join(names[v] for v in op.outputs)} = {op.primitive.name}({', '.join(args)})"


_signatures = {}  # (primitive, types of the arguments, dtype of the result) -> what the machine runs, or None


def signature_of(op, graph):
    """(name of the kernel, dtypes of its operands) for an operation; None for what the machine does not do."""
    p = op.primitive
    if not isinstance(p, Elementwise) and p.name not in NAMES:
        return None
    kinds = []
    for v in op.inputs:
        value = graph.constants.get(v)
        if isinstance(value, NUMBERS):
            if isinstance(value, int) and abs(value) > 1 << 53:
                return None
            kinds.append(type(value))
        else:
            kinds.append(graph.specs[v].dtype)
    key = p, tuple(kinds), graph.specs[op.outputs[0]].dtype
    if key not in _signatures:
        if len(_signatures) > 10_000:  # primitives of the user's come and go
            _signatures.clear()
        _signatures[key] = _signature(*key)
    return _signatures[key]


def _signature(p, kinds, result):
    name = NAMES.get(p.name) or p.opcode or p.name
    boolean = np.dtype(bool)
    if name in ("cast", "real", "imag") or (name == "abs" and result.kind == "f" and kinds[0] not in (int, bool)):
        types = [kinds[0]]
    elif name == "where":
        types = [boolean, result, result]
    elif name in ("logical_and", "logical_or", "logical_xor"):
        types = [boolean] * 2
    elif result.kind == "b":
        types = [np.result_type(*[_EXAMPLES.get(k, k) for k in kinds])] * len(kinds)
    else:
        types = [result] * len(kinds)
    if not all(isinstance(t, np.dtype) for t in types) or not has_kernel(name, types, result):
        return None
    for kind, t in zip(kinds, types, strict=True):
        if isinstance(kind, np.dtype) and kind != t and not has_kernel("cast", [kind], t):
            return None
        if kind is complex and t.kind != "c":
            return None
    return name, tuple(types)


def kind_of(op, graph):
    """The shape of the region that an operation can be part of; None for what the machine does not do."""
    p = op.primitive
    if p.name in REDUCTIONS:
        spec = graph.specs[op.inputs[0]]
        same = spec.dtype == graph.specs[op.outputs[0]].dtype and spec.dtype.char in "df"
        return spec.shape if same and 0 not in spec.shape and op.params["axes"] else None
    shape = graph.specs[op.outputs[0]].shape
    return None if 0 in shape or signature_of(op, graph) is None else shape


def outer_products(graph):
    """Products of a column and a row as what they are, elementwise: what is made of them needs no matrix in between.

    Exact up to the sign of a zero: a sum of one product of zeros is +0.
    """
    found, specs = [], graph.specs
    for op in graph.ops:
        name = op.primitive.name
        if name == "outer_last" or (name == "matmul_core" and specs[op.inputs[0]].shape[-1] == 1):
            out, ins = specs[op.outputs[0]], op.inputs
            if out.dtype.char in "df" and all(specs[v].dtype == out.dtype for v in ins):
                if specs is graph.specs:
                    specs = list(specs)
                if name == "outer_last":
                    ends = [(*specs[ins[0]].shape, 1), (*specs[ins[1]].shape[:-1], 1, specs[ins[1]].shape[-1])]
                    for v, to in zip(ins, ends, strict=True):
                        specs.append(Spec(to, out.dtype))
                        params = {"core": len(specs[v].shape), "to": to}
                        found.append(Op(PRIMITIVES["reshape_core"], params, (v,), (len(specs) - 1,)))
                    ins = len(specs) - 2, len(specs) - 1
                op = Op(PRIMITIVES["multiply"], None, ins, op.outputs)
        found.append(op)
    if specs is graph.specs:
        return graph
    return FlatGraph(graph.name, specs, graph.constants, found, graph.inputs, graph.outputs, graph.uniform)


def fuse(graph):
    """The operations of a graph in an order of steps, elementwise ones in regions.

    Parameters
    ----------
    graph : FlatGraph

    Returns
    -------
    FusedGraph
    """
    graph = outer_products(graph)
    ops = graph.ops
    users, waiting = dependencies(ops)
    kinds = [kind_of(op, graph) for op in ops]
    others, ready = [], {}

    def push(k):
        if kinds[k] is None:
            heapq.heappush(others, k)
        else:
            heapq.heappush(ready.setdefault(kinds[k], []), k)

    def done(op, into):
        for v in op.outputs:
            for k in users.get(v, ()):
                waiting[k] -= 1
                if not waiting[k]:
                    into(k)

    for k in range(len(ops)):
        if not waiting[k]:
            push(k)
    steps = []
    while others or ready:
        while others:
            op = ops[heapq.heappop(others)]
            steps.append(op)
            done(op, push)
        if not ready:
            break
        kind = min(ready, key=lambda kind: ready[kind][0])
        heap = ready.pop(kind)
        members, folds, scatters, inside = [], [], [], set()

        def add(k, kind=kind, heap=heap, scatters=scatters, inside=inside):
            if kinds[k] == kind:
                heapq.heappush(heap, k)
            elif (
                ops[k].primitive.name in ("scatter", "scatter_sum")
                and inside.issuperset(ops[k].inputs)
                and layout_of_terms(ops[k], graph.specs) is not None
            ):
                scatters.append(ops[k])
            else:
                push(k)

        while heap:
            op = ops[heapq.heappop(heap)]
            if op.primitive.name in REDUCTIONS:
                folds.append(op)  # known when the pass is over
            else:
                members.append(op)
                inside.update(op.outputs)
                done(op, add)
        for op in [*folds, *scatters]:
            done(op, push)
        steps.append((members, folds, scatters, kind))
    shapes = [step[3] for step in steps if type(step) is tuple]
    if len(set(shapes)) < len(shapes):  # both go from one region to another of its shape
        steps = sink(steps, graph)
        graph = make_again(steps, graph)
    reader = dict.fromkeys(graph.outputs, -1)  # value -> the step that reads it; -1: several, or the caller
    for k, step in enumerate(steps):
        for op in [*step[0], *step[1], *step[2]] if type(step) is tuple else [step]:
            for v in op.inputs:
                if reader.setdefault(v, k) != k:
                    reader[v] = -1
    found = []
    for k, step in enumerate(steps):
        if type(step) is tuple:
            outside = {v for op in step[0] for v in op.outputs if reader.get(v, k) != k}
            found.extend(_cut(graph, *step, outside))
        else:
            found.append(step)
    return FusedGraph(graph, found)


def _cut(graph, members, folds, scatters, kind, outside):
    """One region, or several where the machine's limits ask for it."""
    inputs, made, seen = [], set(), set()
    for op in [*members, *folds]:
        for v in op.inputs:
            if v not in made and v not in seen and v not in graph.uniform:
                seen.add(v)
                inputs.append(v)
        made.update(op.outputs)
    outputs = [v for op in members for v in op.outputs if v in outside]
    written = len(outputs) + len(folds) + sum(len(op.inputs) for op in scatters)
    if len(members) + len(folds) > 1 and (len(inputs) > MAX_ARGS or written > MAX_ARGS or len(members) > MAX_OPS):
        half = (len(members) + 1) // 2
        first, second = members[:half], members[half:]
        early = {v for op in first for v in op.outputs}
        late = {v for op in second for v in op.outputs}
        crossing = {v for op in second for v in op.inputs if v in early}
        apart = [op for op in folds if op.inputs[0] not in early and op.inputs[0] not in late]
        ours = [op for op in folds if op.inputs[0] in early] + apart[::2]
        theirs = [op for op in folds if op.inputs[0] in late] + apart[1::2]
        alone = [op for op in scatters if not (early.issuperset(op.inputs) or late.issuperset(op.inputs))]
        outside = outside.union(*[op.inputs for op in alone])
        return [
            *_cut(graph, first, ours, [op for op in scatters if early.issuperset(op.inputs)], kind,
                  (outside & early) | crossing),
            *_cut(graph, second, theirs, [op for op in scatters if late.issuperset(op.inputs)], kind,
                  outside - early),
            *alone,
        ]  # fmt: skip
    region = Region(members, folds, scatters, kind)
    region.inputs, region.outputs = tuple(inputs), tuple(outputs)
    return [region] if members or folds else []


# ------------------------------------------------------------------------------------------------ cost
def cost(fused):
    """(operations on numbers, bytes read and written by all steps) of a fused graph."""
    specs, constants = fused.graph.specs, fused.graph.constants
    flops = moved = 0
    for step in fused.steps:
        if isinstance(step, Region):
            flops += sum(_flops(op, specs) for op in [*step.ops, *step.folds])
            ends = [*step.inputs, *step.outputs, *(op.outputs[0] for op in [*step.folds, *step.scatters])]
        elif is_view(step.primitive, step.params):
            continue
        else:
            flops += _flops(step, specs)
            ends = [v for v in [*step.inputs, *step.outputs] if not isinstance(constants.get(v), NUMBERS)]
        moved += sum(size_of(specs[v]) for v in ends)
    return flops, moved


def _flops(op, specs):
    return flops_of(op.primitive, op.params, [specs[v] for v in op.inputs], [specs[v] for v in op.outputs])
