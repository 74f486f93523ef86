"""The grammar of plans: nothing is written over while it is needed."""

from scirs_ad._compiler.fuse import Region
from scirs_ad._core.errors import GraphError

__all__ = ["check_plan", "touched"]


def check_plan(planner):
    """GraphError unless memory is used by one value at a time, and written only where that is allowed.

    Lifetimes are taken from the instructions and the steps anew, not from what the planner noted.
    """
    name = planner.graph.name
    _check_lifetimes(planner, name)
    _check_packing(planner, name)
    last = {}
    for k, step in enumerate(planner.fused.steps):
        for v in _read(step):
            last[v] = k
    for v in planner.graph.outputs:
        last[v] = len(planner.fused.steps)
    for k, v, buffer in planner.overwritten:
        for u in buffer.values[: buffer.values.index(v)]:
            if last.get(u, -1) > k:
                raise GraphError(
                    f"plan of {name}: step {k} writes value {v} over value {u}, which step {last[u]} still reads"
                )


def _read(step):
    """The values that a step reads."""
    if isinstance(step, Region):
        return [v for op in [*step.ops, *step.folds, *step.scatters] for v in op.inputs]
    return step.inputs


def touched(instruction):
    """(pointers read, pointers written) of an instruction, as far as it tells."""
    kind = instruction[0]
    if kind == "call":
        return [k for k in instruction[4:7] if k >= 0], [instruction[7]]
    if kind == "region":
        return list(instruction[2]), list(instruction[3])
    if kind == "copy":
        return [instruction[2]], [instruction[3]]
    if kind == "python":
        return [a[0] for a in instruction[3] if a[0] is not None], []
    return list(instruction[2]), list(instruction[3])


def _check_lifetimes(planner, name):
    """Buffers live while instructions use them; inputs and constants are not written to."""
    for k, instruction in enumerate(planner.instructions):
        read, written = touched(instruction)
        for pointer in (*read, *written):
            buffer, offset = planner.pointers[pointer]
            if not buffer.start <= k <= buffer.end:
                raise GraphError(
                    f"plan of {name}: instruction {k} ({instruction[0]}) uses a buffer that lives from {buffer.start} "
                    f"to {buffer.end}"
                )
            if buffer.kind == "arena" and not 0 <= offset <= max(buffer.size - 1, 0):
                raise GraphError(f"plan of {name}: pointer {pointer} is {offset} bytes into {buffer.size}")
        for pointer in written:
            buffer = planner.pointers[pointer][0]
            if buffer.kind == "constant" or (buffer.kind == "input" and buffer not in planner.given):
                raise GraphError(f"plan of {name}: instruction {k} ({instruction[0]}) writes to a {buffer.kind}")


def _check_packing(planner, name):
    """Buffers of the arena that live at one time do not overlap."""
    buffers = sorted([b for b in planner.buffers if b.kind == "arena"], key=lambda b: b.start)
    alive = []
    for b in buffers:
        if b.offset < 0 or b.offset + b.size > planner.arena:
            raise GraphError(f"plan of {name}: {b.size} bytes at {b.offset} are outside of the arena")
        alive = [a for a in alive if a.end >= b.start]
        for a in alive:
            if a.offset < b.offset + b.size and b.offset < a.offset + a.size:
                raise GraphError(
                    f"plan of {name}: buffers of {a.size} bytes at {a.offset} and {b.size} bytes at {b.offset} overlap "
                    f"while both are needed (instruction {b.start})"
                )
        alive.append(b)
