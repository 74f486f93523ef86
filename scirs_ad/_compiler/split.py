"""Split: a function and its pullback, compiled as one graph, as two programs: what is known before the cotangents, and the
rest, which gets what the first part saved.

What is saved is what takes longer to make again than to write and read: products, factorisations and sums, and of
elementwise operations the slow ones. What the outputs do not need is computed in the second part. What a checkpoint runs
again depends on the cotangents, by `hold`, so it stays in the second part.
"""

from scirs_ad._compiler.fuse import signature_of
from scirs_ad._compiler.graph import FlatGraph, Op
from scirs_ad._kernels.vm import CHEAP
from scirs_ad._transforms.cost import flops_of, is_view, size_of
from scirs_ad._transforms.hold import hold

__all__ = ["part", "saved", "together"]

# Nanoseconds, measured on a Zen 1 at 2.4 GHz: an array more among the results of a program; a byte that is written
# and read again, half of it for new pages; an element of an elementwise result, by opcode; an operation of a kernel, and
# a call of one. With these a chain of sines and exponentials on 1e6 numbers takes as long as where all is saved (39 ms;
# 45 ms where nothing is), and saves 7 arrays instead of 11.
ARRAY, BYTE, CHEAP_ELEMENT, ELEMENT, FLOP, CALL = 200.0, 0.15, 0.15, 1.2, 0.3, 1000.0
HALF = 0.5  # of the cost of an operation that only the second part needs: what is lost if that never runs


def known_before(graph, late):
    """The operations of a graph that do not depend on the inputs `late`."""
    depends, found = set(late), []
    for op in graph.ops:
        if depends.isdisjoint(op.inputs):
            found.append(op)
        else:
            depends.update(op.outputs)
    return found


def saved(graph, n, shown):
    """Values that the part of a graph that does not depend on the inputs from the `n`-th on has to save for the rest.

    Parameters
    ----------
    graph : FlatGraph
    n : int
    shown : int
        So many outputs belong to the first part, the others to the rest.

    Returns
    -------
    list of int
    """
    specs, early = graph.specs, known_before(graph, graph.inputs[n:])
    given = set(graph.inputs[:n])
    shown_values, outside = set(graph.outputs[:shown]), {v for op in early for v in op.outputs}
    ours = {id(op) for op in early}
    want = {v for op in graph.ops if id(op) not in ours for v in op.inputs if v in outside}
    want.update(v for v in graph.outputs[shown:] if v in outside)
    needed = set(shown_values)  # by the outputs of the first part; what is not is computed once anyway
    for op in reversed(early):
        if not needed.isdisjoint(op.outputs):
            needed.update(op.inputs)
    whole = {}  # value -> what it costs to make it from the inputs
    price = {}  # value -> what it costs to have it in the second part
    again = {}
    for op in early:
        own = again[id(op)] = _cost(op, graph)
        if needed.isdisjoint(op.outputs):
            own, again[id(op)] = 0.0, -HALF * own
        made = own + sum([whole.get(v, 0.0) for v in op.inputs])
        for v in op.outputs:
            whole[v] = made
            price[v] = min(made, 0.0 if v in shown_values else _keep(specs[v]))
    found = []
    for op in reversed(early):
        if want.isdisjoint(op.outputs):
            continue
        kept = [v for v in op.outputs if v in want]
        more = [v for v in set(op.inputs) if v in outside and v not in want and v not in given]
        made = again[id(op)] + sum([price[v] for v in more])
        if made <= sum([0.0 if v in shown_values else _keep(specs[v]) for v in kept]):
            want.update(more)
        else:
            found += kept
    found.reverse()
    return found


def _keep(spec):
    return ARRAY + size_of(spec) * BYTE


def _cost(op, graph):
    """Nanoseconds that an operation takes once more."""
    p, specs = op.primitive, graph.specs
    if p is hold:
        return float("inf")
    if is_view(p, op.params):
        return 0.0
    out = specs[op.outputs[0]]
    if signature_of(op, graph) is not None:
        return out.size * (CHEAP_ELEMENT if (getattr(p, "opcode", None) or p.name) in CHEAP else ELEMENT)
    return CALL + FLOP * flops_of(p, op.params, [specs[v] for v in op.inputs], [specs[v] for v in op.outputs])


def part(graph, name, inputs, outputs):
    """The operations of a graph that `outputs` need when `inputs` are known."""
    known, needed, ops = set(inputs), set(outputs), []
    for op in reversed(graph.ops):
        if any(v in needed and v not in known for v in op.outputs):
            ops.append(op)
            needed.update(op.inputs)
    ops.reverse()
    constants = {v: x for v, x in graph.constants.items() if v in needed}
    return FlatGraph(name, graph.specs, constants, ops, tuple(inputs), tuple(outputs), graph.uniform)


def together(first, outputs, second):
    """A graph of all operations of two, of which the second has more inputs: `outputs` of the first, and its own."""
    moved = dict(zip(second.inputs, first.inputs, strict=False))
    specs = list(first.specs)

    def place(v):
        if v not in moved:
            moved[v] = len(specs)
            specs.append(second.specs[v])
        return moved[v]

    constants = {**first.constants, **{place(v): x for v, x in second.constants.items()}}
    inputs = [place(v) for v in second.inputs]
    ops = first.ops + [
        Op(op.primitive, op.params, tuple(map(place, op.inputs)), tuple(map(place, op.outputs))) for op in second.ops
    ]
    return FlatGraph(second.name, specs, constants, ops, tuple(inputs), (*outputs, *map(place, second.outputs)))
