"""Sink: operations that a region took only because they were ready go to the pass that needs them.

Fuse takes what is ready, so of 20 layers whose derivatives need a reciprocal of what the layers computed one region makes
all 20 at once, where the backward pass begins, and each lies in memory until its layer's turn. Nothing is read or written
less by that: what shares no array with the rest of its region may as well be computed later.
"""

import bisect
import math

from scirs_ad._compiler.graph import NUMBERS
from scirs_ad._transforms.cost import size_of

__all__ = ["sink"]


def sink(steps, graph):
    """Move independent parts of regions to the last region of the same shape in front of, or at, their first reader.

    Only where what they read would not take more memory in the meantime than what they make.

    Parameters
    ----------
    steps : list
        Of operations and of regions ``(members, folds, scatters, shape)``, whose members are moved.
    graph : FlatGraph

    Returns
    -------
    list
        The steps without regions that became empty.
    """
    first = dict.fromkeys(graph.outputs, -1)  # value -> the first and the last step that read it
    last = dict.fromkeys([*graph.inputs, *graph.constants, *graph.outputs], len(steps))
    moved = {}  # step -> parts that go to it
    regions = {}  # shape -> minus the steps of its regions that have been passed, in ascending order
    for k in range(len(steps) - 1, -1, -1):
        step = steps[k]
        if type(step) is not tuple:
            _read([step], k, first, last)
            continue
        later = regions.setdefault(step[3], [])
        if later:
            for part in _parts(step, graph):
                target = _target(part, k, later, first, last, graph)
                if target is not None:
                    members = set(map(id, part))
                    step[0][:] = [op for op in step[0] if id(op) not in members]
                    moved.setdefault(target, []).append(part)
                    _read(part, target, first, last)
        if step[0] or step[1]:
            later.append(-k)
        _read([*step[0], *step[1], *step[2]], k, first, last)
    for k, parts in moved.items():  # those of earlier regions first: others may read what they make
        steps[k][0][:0] = [op for part in reversed(parts) for op in part]
    return [step for step in steps if type(step) is not tuple or step[0] or step[1]]


def _read(ops, k, first, last):
    for op in ops:
        for v in op.inputs:
            first[v] = min(first.get(v, k), k)
            last[v] = max(last.get(v, k), k)


def _parts(step, graph):
    """The members of a region that share no array with one another or with its folds, as lists; none if all do."""
    members, folds, scatters, shape = step
    size, parent = math.prod(shape), {}

    def find(v):
        while parent.setdefault(v, v) != v:
            parent[v] = v = parent[parent[v]]
        return v

    made = {op.outputs[0] for op in members}
    for op in members:
        for v in op.inputs:
            alone = v in graph.uniform or isinstance(graph.constants.get(v), NUMBERS)
            if v in made or not (alone or 8 * graph.specs[v].size <= size):
                parent[find(v)] = find(op.outputs[0])
    fixed = {find(v) for op in [*folds, *scatters] for v in op.inputs}
    parts = {}
    for op in members:
        r = find(op.outputs[0])
        if r not in fixed:
            parts.setdefault(r, []).append(op)
    if len(parts) == 1 and not fixed:
        return []
    return list(parts.values())


def _target(part, k, later, first, last, graph):
    """The step to which a part of region `k` goes; None if it stays."""
    made = {op.outputs[0] for op in part}
    stored = [v for v in made if v in first]
    needed = min([first[v] for v in stored], default=k)
    at = bisect.bisect_left(later, -needed)
    if at == len(later):
        return None
    target, specs = -later[at], graph.specs
    kept = {v for op in part for v in op.inputs if v not in made and last.get(v, k) < target and v not in graph.uniform}
    if sum([size_of(specs[v]) for v in kept]) > sum([size_of(specs[v]) for v in stored]):
        return None
    return target
