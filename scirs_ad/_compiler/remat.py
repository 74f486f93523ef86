"""Rematerialise: a program that fits a memory limit, because it computes some values a second time.

What is computed again is chosen where the most memory is needed: of the values that lie there, waiting for a later step,
some are dropped and made again in front of that step. Cheap ones, which elementwise operations make of what is there
anyway; or whole stretches of steps, about as many as there are values in one: of a chain of n steps only the root of n
results stay (Chen, Xu, Zhang and Guestrin 2016). That is repeated at the next peak. A step is repeated
as it was, or the part of a fused pass that makes what is wanted, so results are the same to the last bit.
"""

from scirs_ad._compiler.fuse import MAX_ARGS, MAX_OPS, FusedGraph, Region
from scirs_ad._compiler.graph import FlatGraph, Op
from scirs_ad._transforms.cost import is_view, size_of

__all__ = ["Memory", "fitting", "smallest", "written"]

ROUNDS = 24
WHOLE = ("reshape_core", "permute_core", "hold", "named")  # views of all elements: an output by them is the output


class Memory:
    """How much memory the steps of a graph need, and who needs it when.

    Attributes
    ----------
    root : dict
        Value -> the value in whose memory it lies.
    viewed : set
        Of roots that are also seen through views.
    made, last, size : dict
        Of roots that steps make: when they are made and last read (steps), and bytes; outputs take no memory here.
    live : list of int
        Bytes at each step.
    """

    def __init__(self, fused):
        graph, steps = fused.graph, fused.steps
        self.fused, self.root, self.producer = fused, {}, {}
        self.made, self.last, self.size = {}, {}, {}
        root, specs = self.root, graph.specs
        for k, step in enumerate(steps):
            if not isinstance(step, Region) and is_view(step.primitive, step.params):
                for v, u in zip(step.outputs, step.inputs, strict=False):
                    root[v] = root.get(u, u)
                    self.producer[v] = k
                continue
            for v in results(step):
                root[v] = v
                self.producer[v] = k
                self.made[v] = self.last[v] = k
                self.size[v] = size_of(specs[v])
        for k, step in enumerate(steps):
            for v in step.inputs:
                r = root.get(v)
                if r in self.made:
                    self.last[r] = k
        self.viewed = {r for v, r in root.items() if v != r}
        for v in graph.outputs:
            k, whole = self.producer.get(v), True
            r = root.get(v)
            if r not in self.made:
                continue
            while whole and v != r:
                step = steps[k]
                whole = step.primitive.name in WHOLE
                v = step.inputs[step.outputs.index(v)]
                k = self.producer.get(v)
            if whole and specs[r].shape:
                self.size[r] = 0
            self.last[r] = len(steps)
        change = [0] * (len(steps) + 2)
        for v, k in self.made.items():
            change[k] += self.size[v]
            change[self.last[v] + 1] -= self.size[v]
        self.live, now = [], 0
        for k, step in enumerate(steps):
            now += change[k]
            self.live.append(now - (self._written_over(step, k) if isinstance(step, Region) else 0))

    def _written_over(self, step, k):
        """Bytes of results of a region that are written over what nobody needs after it."""
        specs, root = self.fused.graph.specs, self.root
        dying = []
        for v in step.inputs:
            r = root.get(v)
            if r in self.made and self.last[r] == k and self.size[r] and specs[r].shape == step.shape:
                dying.append((self.size[r], specs[r].dtype))
        total = 0
        for v in step.outputs:
            found = (self.size[v], specs[v].dtype)
            if found in dying:
                dying.remove(found)
                total += found[0]
        return total

    @property
    def peak(self):
        return max(self.live, default=0)

    def waiting(self, p):
        """What lies in memory at a step without being used there, in the order in which it was made."""
        used = {self.root.get(v) for v in self.fused.steps[p].inputs}
        n = len(self.fused.steps)
        return [
            v for v, k in self.made.items() if k < p < self.last[v] < n and self.size[v] and v not in used
        ]  # fmt: skip


def results(step):
    """The values that a step writes."""
    if isinstance(step, Region):
        return [*step.outputs, *[op.outputs[0] for op in [*step.folds, *step.scatters]]]
    return step.outputs


def written(step):
    """All values that a step computes, those inside of a pass too."""
    return [*step.made(), *results(step)] if isinstance(step, Region) else step.outputs


# ------------------------------------------------------------------------------------------------ computing again
class Group:
    """Values that are dropped together, and made again together by the steps after `low` up to `high`."""

    def __init__(self, low, high, values):
        self.low, self.high, self.values = low, high, set(values)
        self.steps = []


class Again:
    """The same graph where groups of values that wait at step `p` are made again when one of them is first needed.

    What the steps of a group read of earlier steps is kept until then: no step runs more than twice.
    """

    def __init__(self, memory, p, groups):
        self.memory, self.p = memory, p
        self.graph = memory.fused.graph
        self.specs = list(self.graph.specs)
        self.now = {}  # value -> the one that was made again
        self.group_of = {}
        kept = set()
        for group in sorted(groups, key=lambda g: -g.high):  # what a later group reads is no longer dropped
            group.values -= kept
            kept |= self._needed(group)
            self.group_of.update((v, group) for v in group.values)

    def _needed(self, group):
        """Fill in the steps of a group; the roots that they read from outside of it."""
        memory, needed, outside = self.memory, set(group.values), set()
        for k in range(group.high, group.low, -1):
            step = memory.fused.steps[k]
            wanted = [v for v in results(step) if v in needed]
            if not wanted:
                continue
            if isinstance(step, Region) and set(wanted).issubset(step.outputs):
                step = part(step, wanted, self.graph.uniform)
            group.steps.append(step)
            for v in step.inputs:
                if memory.producer.get(v, -1) > group.low:
                    needed.add(v)
                else:
                    outside.add(memory.root.get(v, v))
        group.steps.reverse()
        return outside

    def run(self):
        """The FusedGraph."""
        steps, p = self.memory.fused.steps, self.p
        readers = {}  # value -> steps after p that read it
        for t in range(p + 1, len(steps)):
            for v in steps[t].inputs:
                if self.gone(v):
                    readers.setdefault(v, []).append(t)
        found = list(steps[: p + 1])
        for t in range(p + 1, len(steps)):
            step = steps[t]
            wanted = [v for v in step.inputs if self.gone(v)]
            if wanted:
                before = []
                for v in wanted:
                    self.make(v, before)
                step = renamed(step, self.now)
                alone = {v for v in wanted if readers[v] == [t] and v in self.group_of and v not in self.memory.viewed}
                step = self.merged(step, before, alone)
                found += before
            found.append(step)
        return graph_of(self.graph, self.specs, found)

    def gone(self, v):
        """Whether a value lies in memory that is dropped."""
        return self.memory.root.get(v) in self.group_of and self.memory.producer[v] <= self.p

    def make(self, v, before):
        """Steps that make a value again: its group, then the views through which it is seen."""
        memory, views = self.memory, []
        while v not in self.now:
            if v in self.group_of:
                self.repeat(self.group_of[v], before)
                break
            views.append(v)
            op = memory.fused.steps[memory.producer[v]]
            v = op.inputs[op.outputs.index(v)]
        for w in reversed(views):
            op = memory.fused.steps[memory.producer[w]]
            u = op.inputs[op.outputs.index(w)]
            if op.primitive.name in ("hold", "named"):
                self.now[w] = self.now[u]
            else:
                self.now[w] = self.copy(w)
                before.append(Op(op.primitive, op.params, (self.now[u],), (self.now[w],)))

    def copy(self, v):
        """A new value like one that is there."""
        self.specs.append(self.specs[v])
        return len(self.specs) - 1

    def repeat(self, group, before):
        """The steps of a group with new values."""
        new = {}
        for step in group.steps:
            new.update((v, self.copy(v)) for v in dict.fromkeys(written(step)))
            before.append(copied(step, new))
        self.now.update((v, new[v]) for v in group.values)

    def merged(self, step, before, alone):
        """`step` with what is made for it alone as part of the same pass, where that changes no rounding."""
        if not takes_more(step):
            return step
        only = {self.now[v]: v for v in alone}
        for k in range(len(before) - 1, -1, -1):
            s = before[k]
            if not isinstance(s, Region) or s.shape != step.shape or s.folds or s.scatters:
                continue
            read = {v for other in (*before[:k], *before[k + 1 :]) for v in other.inputs}
            if not all(v in only and v not in read for v in s.outputs):
                continue
            both = joined(s, step)
            if both is not None:
                step = both
                del before[k]
        return step


def graph_of(g, specs, steps):
    """The FusedGraph of other steps of a FlatGraph."""
    ops = [op for s in steps for op in ([*s.ops, *s.folds, *s.scatters] if isinstance(s, Region) else [s])]
    return FusedGraph(FlatGraph(g.name, specs, g.constants, ops, g.inputs, g.outputs, g.uniform), steps)


def takes_more(step):
    """Whether a step is a pass that can compute more, or less, without a change in rounding.

    Sums over some of the axes are cut into blocks, whose size depends on how much the pass computes; those over all of
    them are not.
    """
    if not isinstance(step, Region) or step.scatters:
        return False
    return all(len(op.params["axes"]) == len(step.shape) for op in step.folds)


def joined(first, second):
    """One pass for two, of which the first is read by nobody else; None if it would be too large."""
    inputs = tuple(dict.fromkeys([*first.inputs, *[v for v in second.inputs if v not in first.outputs]]))
    if len(inputs) > MAX_ARGS or len(first.ops) + len(second.ops) > MAX_OPS:
        return None
    both = Region([*first.ops, *second.ops], second.folds, second.scatters, second.shape)
    both.inputs, both.outputs = inputs, second.outputs
    return both


class Inside:
    """The same graph where some values are not stored: each pass that reads one computes it."""

    def __init__(self, memory, values):
        self.memory, self.values = memory, frozenset(values)
        self.graph = memory.fused.graph
        self.specs = list(self.graph.specs)

    def run(self):
        """The FusedGraph."""
        found, uniform = [], self.graph.uniform
        for step in self.memory.fused.steps:
            if self.values.intersection(results(step)):
                step = without(step, self.values)
            for v in self.values.intersection(step.inputs):
                source = part(self.memory.fused.steps[self.memory.producer[v]], [v], uniform)
                new = {}
                for w in source.made():
                    new[w] = len(self.specs)
                    self.specs.append(self.specs[w])
                step = joined(copied(source, new), renamed(step, {v: new[v]}))
            if not isinstance(step, Region) or step.ops or step.folds:
                found.append(step)
        return graph_of(self.graph, self.specs, found)


def without(region, values):
    """A pass that does not store some of its results."""
    kept = [v for v in region.outputs if v not in values]
    needed = set(kept).union(*[op.inputs for op in [*region.folds, *region.scatters]])
    ops = []
    for op in reversed(region.ops):
        if op.outputs[0] in needed:
            ops.append(op)
            needed.update(op.inputs)
    ops.reverse()
    found = Region(ops, region.folds, region.scatters, region.shape)
    found.inputs, found.outputs = tuple([v for v in region.inputs if v in needed]), tuple(kept)
    return found


def part(region, group, uniform):
    """The part of a pass that makes some of its results."""
    needed, ops = set(group), []
    for op in reversed(region.ops):
        if op.outputs[0] in needed:
            ops.append(op)
            needed.update(op.inputs)
    ops.reverse()
    made = {op.outputs[0] for op in ops}
    found = Region(ops, [], [], region.shape)
    found.inputs = tuple([v for v in region.inputs if v in needed and v not in made and v not in uniform])
    found.outputs = tuple(group)
    return found


def renamed(step, names):
    """A step that reads other values."""
    return copied(step, {v: names[v] for v in step.inputs if v in names})


def copied(step, names):
    """A step with other names for values."""

    def op_of(op):
        return Op(op.primitive, op.params, _named(op.inputs, names), _named(op.outputs, names))

    if not isinstance(step, Region):
        return op_of(step)
    found = Region([op_of(op) for op in step.ops], [op_of(op) for op in step.folds],
                   [op_of(op) for op in step.scatters], step.shape)  # fmt: skip
    found.inputs, found.outputs = _named(step.inputs, names), _named(step.outputs, names)
    return found


def _named(values, names):
    return tuple([names.get(v, v) for v in values])


# ------------------------------------------------------------------------------------------------ what to drop
def cheap(memory, waiting, needed):
    """Groups of one value each that part of one pass makes of what is kept; the largest first, as far as needed."""
    steps, root = memory.fused.steps, memory.root
    kept, dropped, alive = set(), {}, set(waiting)
    for v in sorted(waiting, key=lambda v: -memory.size[v]):
        k = memory.producer[v]
        step = steps[k]
        if v in kept or not isinstance(step, Region) or v not in step.outputs:
            continue
        reads = {root.get(u, u) for u in part(step, [v], memory.fused.graph.uniform).inputs}
        if all((r in alive or r not in memory.made or not memory.size[r]) and r not in dropped for r in reads):
            dropped[v] = Group(k - 1, k, [v])
            kept |= reads
            needed -= memory.size[v]
            if needed <= 0:
                break
    return list(dropped.values())


def segments(memory, waiting, pieces, needed):
    """Groups of what waits, in pieces of about equal bytes, as many of the first ones as are needed.

    The last piece stays: it is read first.
    """
    length = sum([memory.size[v] for v in waiting]) / pieces
    groups, members, size, low, gone = [], [], 0, -1, 0
    for v, after in zip(waiting, [*waiting[1:], None], strict=True):
        members.append(v)
        size += memory.size[v]
        high = memory.made[v]
        if size >= length and (after is None or memory.made[after] > high):
            groups.append(Group(low, high, members))
            gone += size
            members, size, low = [], 0, high
            if len(groups) >= pieces - 1 or gone - length >= needed:
                break
    return groups


def inside(memory, p, needed):
    """Values in memory at a step that all their readers can compute themselves; the largest first, as far as needed."""
    steps, root, uniform = memory.fused.steps, memory.root, memory.fused.graph.uniform
    kept, found, more = set(), [], {}
    there = [v for v, k in memory.made.items() if k <= p <= memory.last[v] < len(steps) and memory.size[v]]
    readers = {v: [] for v in there}
    for step in steps:
        for v in step.inputs:
            if v in readers:
                readers[v].append(step)
    for v in sorted(there, key=lambda v: -memory.size[v]):
        step = steps[memory.producer[v]]
        if v in kept or v in memory.viewed or not takes_more(step) or v not in step.outputs:
            continue
        if not all(takes_more(s) and s.shape == step.shape for s in readers[v]):
            continue
        source = part(step, [v], uniform)
        if any(root.get(u) in found or u in found for u in source.inputs):
            continue
        larger = {}  # reader -> what it reads and computes then, at most
        for s in readers[v]:
            args, ops = more.get(s, (len(s.inputs), len(s.ops)))
            larger[s] = args + len(source.inputs), ops + len(source.ops)
        if any(args > MAX_ARGS or ops > MAX_OPS for args, ops in larger.values()):
            continue
        more.update(larger)
        kept |= {root.get(u, u) for u in source.inputs}
        found.append(v)
        needed -= memory.size[v]
        if needed <= 0:
            break
    return found


def options(memory, p, limit):
    """Ways to need less at a step, those that cost least first: what makes the graph."""
    needed = memory.live[p] - limit
    values = inside(memory, p, needed)
    if values:
        yield Inside(memory, values)
    for groups in grouped(memory, p, limit, needed):
        if groups:
            yield Again(memory, p, groups)


def grouped(memory, p, limit, needed):
    """Groups to drop at a step."""
    waiting = memory.waiting(p)
    if not waiting:
        return
    least = max([memory.size[v] for v in waiting]) // 16  # small ones are not worth a step
    waiting = [v for v in waiting if memory.size[v] > least]
    yield cheap(memory, waiting, needed)
    root = len(waiting) ** 0.5
    for factor in (4.0, 2.0, 1.4, 1.0, 0.5) if limit else (1.4, 1.0):
        if 2 <= round(factor * root) <= len(waiting):
            yield segments(memory, waiting, round(factor * root), needed)
    if limit or len(waiting) < 10:
        yield segments(memory, waiting, 2, needed)


def fitting(fused, limit):
    """A graph with the same results whose steps need at most `limit` bytes, or as few as are found.

    Parameters
    ----------
    fused : FusedGraph
    limit : int
        Bytes, without those of outputs.

    Returns
    -------
    FusedGraph
    int
        Bytes that its steps need, as far as lifetimes tell.
    """
    memory = Memory(fused)
    for _ in range(ROUNDS):
        if memory.peak <= limit:
            break
        p = memory.live.index(memory.peak)
        best = None
        for way in options(memory, p, limit):
            tried = Memory(way.run())
            if tried.peak <= limit:
                best = tried
                break
            if best is None or tried.peak < best.peak:
                best = tried
        if best is None or best.peak > memory.peak or (best.peak == memory.peak and not _fewer(best, memory)):
            break
        memory = best
    return memory.fused, memory.peak


def _fewer(a, b):
    """Whether the most that is needed is needed at fewer steps."""
    return a.live.count(a.peak) < b.live.count(b.peak)


def smallest(fused):
    """The graph that needs least, of those that are found."""
    best, needed = fitting(fused, 0)
    for _ in range(ROUNDS):  # what is dropped depends on how much is asked for
        tried, found = fitting(fused, needed - needed // 16)
        if found >= needed:
            break
        best, needed = tried, found
    return best
