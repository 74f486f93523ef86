"""Fuse: elementwise operations of one shape become regions, each one pass of the virtual machine.

This is list scheduling: an operation is ready when its inputs are known. What is not elementwise is taken first, in
the order of the graph; then one region takes every ready operation of its kind, and what becomes ready by it, until
nothing of the kind is left. So regions are as large as they can be, no cycle can arise, and the time is linear.
Reductions of values of the region, over any axes, belong to it: they are folded block by block.
"""

import heapq

from scirs_ad._compiler.graph import NUMBERS
from scirs_ad._compiler.views import layout_of_terms
from scirs_ad._core.core import Elementwise

__all__ = ["FusedGraph", "Region", "fuse"]

MAX_ARGS = 48  # inputs, or outputs, of one region
MAX_OPS = 400  # a region that is larger is cut

# Opcodes whose result is a truth value: inside a region a number, 0 or 1.
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
    shape, dtype
    """

    def __init__(self, ops, folds, scatters, shape, dtype):
        self.ops, self.folds, self.scatters, self.shape, self.dtype = ops, folds, scatters, shape, dtype
        self.inputs = self.outputs = ()

    def made(self):
        """All values that the region computes."""
        return [op.outputs[0] for op in self.ops]


class FusedGraph:
    """A graph as an ordered list of steps: each a Region, or an Op by itself."""

    def __init__(self, graph, steps):
        self.graph, self.steps = graph, steps

    def __len__(self):
        return len(self.steps)

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


def kind_of(op, graph):
    """(shape, dtype) of the region that an operation can be part of; None for what the machine does not do."""
    p = op.primitive
    if p.name in REDUCTIONS:
        spec = graph.specs[op.inputs[0]]
        same = spec.dtype == graph.specs[op.outputs[0]].dtype and spec.dtype.char in "df"
        return (spec.shape, spec.dtype) if same and 0 not in spec.shape and op.params["axes"] else None
    if not isinstance(p, Elementwise) or p.opcode is None:
        return None
    out = graph.specs[op.outputs[0]]
    if 0 in out.shape:
        return None
    dtype = None if out.dtype.kind == "b" else out.dtype
    wide = False  # whether a whole number makes a float32 a float64
    if dtype is None and p.opcode not in TRUTHS:
        return None
    for v in op.inputs:
        value = graph.constants.get(v)
        if isinstance(value, NUMBERS):
            if isinstance(value, complex) or (isinstance(value, int) and abs(value) > 1 << 53):
                return None
            continue
        found = graph.specs[v].dtype
        if found.kind == "b" or (v in graph.uniform and found.kind in "iu"):
            wide = wide or found.kind != "b"
            continue
        if dtype is None:
            dtype = found
        if found != dtype:
            return None
    if dtype is None or dtype.char not in "df" or (wide and dtype.char != "d"):
        return None
    return out.shape, dtype


def fuse(graph):
    """The operations of a graph in an order of steps, elementwise ones in regions.

    Parameters
    ----------
    graph : FlatGraph

    Returns
    -------
    FusedGraph
    """
    ops = graph.ops
    maker, users = {}, {}
    for k, op in enumerate(ops):
        for v in op.outputs:
            maker[v] = k
    waiting = [0] * len(ops)
    for k, op in enumerate(ops):
        for v in set(op.inputs):
            if v in maker:
                users.setdefault(v, []).append(k)
                waiting[k] += 1
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
    read_by = {}
    for step in steps:
        for op in [*step[0], *step[1], *step[2]] if type(step) is tuple else [step]:
            for v in op.inputs:
                read_by.setdefault(v, set()).add(id(step))
    for v in graph.outputs:
        read_by.setdefault(v, set()).add(0)
    found = []
    for step in steps:
        if type(step) is tuple:
            found.extend(_cut(graph, *step, _outside(step, read_by)))
        else:
            found.append(step)
    return FusedGraph(graph, found)


def _outside(step, read_by):
    """The values of a region that others read."""
    me = id(step)
    return {v for op in step[0] for v in op.outputs if read_by.get(v, set()) - {me}}


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
    region = Region(members, folds, scatters, *kind)
    region.inputs, region.outputs = tuple(inputs), tuple(outputs)
    return [region] if members or folds else []
