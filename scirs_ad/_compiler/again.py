"""Again: cheap results that a later pass makes once more, instead of one pass writing them for the other to read.

A result that follows in one cheap operation from a single array that is kept anyway costs 0.15 ns an element to make
and no more to read than itself; to write it costs 0.2 to 0.4 ns where arrays leave the second-level cache.
"""

from scirs_ad._compiler.graph import NUMBERS, FlatGraph, Op
from scirs_ad._kernels.vm import CHEAP

__all__ = ["make_again"]

LEAST_BYTES = 1 << 18  # smaller arrays stay in the second-level cache
MOST_READERS = 2


def make_again(steps, graph):
    """Put such operations into the passes that read their results, too.

    Parameters
    ----------
    steps : list
        Of operations and of regions ``(members, folds, scatters, shape)``, whose members are extended.
    graph : FlatGraph

    Returns
    -------
    FlatGraph
        The same with the values that are made again.
    """
    specs = list(graph.specs)
    home, readers = {}, {}  # value -> the step that makes it, and the steps that read it
    fixed = set(graph.outputs)  # values that must be stored
    for k, step in enumerate(steps):
        if type(step) is not tuple:
            fixed.update(step.inputs)
            continue
        for op in step[0]:
            home[op.outputs[0]] = k
        for op in [*step[0], *step[1], *step[2]]:
            for v in op.inputs:
                readers.setdefault(v, set()).add(k)
        for op in step[2]:
            fixed.update(op.inputs)
    for k, step in enumerate(steps):
        if type(step) is not tuple:
            continue
        for op in list(step[0]):
            v = op.outputs[0]
            later = readers.get(v, set()) - {k}
            if home[v] != k or v in fixed or not 0 < len(later) <= MOST_READERS:
                continue
            spec = specs[v]
            if spec.size * spec.dtype.itemsize < LEAST_BYTES or getattr(op.primitive, "opcode", None) not in CHEAP:
                continue
            if any(steps[j][3] != step[3] for j in later):
                continue
            whole = [u for u in op.inputs if not _small(u, spec, specs, graph)]
            if len(whole) != 1 or specs[whole[0]].dtype.itemsize > spec.dtype.itemsize:
                continue
            u = whole[0]
            if u in home and u not in fixed and not readers[u] - {home[u]}:
                continue
            if k not in readers[v]:
                step[0].remove(op)
            for j in later:
                specs.append(spec)
                again = len(specs) - 1
                home[again], readers[again] = j, {j}
                for part in steps[j][:2]:
                    part[:] = [_renamed(o, v, again) for o in part]
                steps[j][0].insert(0, Op(op.primitive, op.params, op.inputs, (again,)))
            for w in op.inputs:
                readers.setdefault(w, set()).update(later)
            readers[v] -= later
    if len(specs) == len(graph.specs):
        return graph
    return FlatGraph(graph.name, specs, graph.constants, graph.ops, graph.inputs, graph.outputs, graph.uniform)


def _renamed(op, v, to):
    """An operation that reads value `to` instead of `v`."""
    if v not in op.inputs:
        return op
    return Op(op.primitive, op.params, tuple([to if w == v else w for w in op.inputs]), op.outputs)


def _small(v, spec, specs, graph):
    """Whether an operand is nothing to read, beside an array of `spec`."""
    if v in graph.uniform or isinstance(graph.constants.get(v), NUMBERS):
        return True
    return 8 * specs[v].size <= spec.size
