"""Beside: large loops, and large kernels, that do not need each other run side by side."""

import math

from scirs_ad._compiler.check_plan import touched
from scirs_ad._compiler.loop import LoopStep, SideBySide

__all__ = ["kernels_together", "side_by_side"]

LEAST_ELEMENTS = 64 * 64  # of the largest argument of a decomposition: half a millisecond, a new thread is 50 us


def side_by_side(planner):
    """Let loops run together where what lies between them needs neither; the last one's place is that of all."""
    instructions = planner.instructions
    group = []  # of numbers of instructions
    read, written = set(), set()  # the buffers of the group

    def end():
        if len(group) > 1:
            _together(planner, group, read | written)
        group.clear()
        read.clear()
        written.clear()

    for k, d in enumerate(instructions):
        loop = d[0] == "held" and type(d[1]) is LoopStep and not d[1].alone
        if not loop and not group:
            continue
        reads, writes = ({planner.pointers[i][0] for i in pointers} for pointers in touched(d))
        if d[0] == "python" or writes & (read | written) or reads & written:
            end()
        if loop:
            group.append(k)
            read |= reads
            written |= writes
    end()


def _together(planner, group, buffers):
    """One instruction in the place of the last loop; in those of the others stands one that does nothing."""
    last = group[-1]
    steps = [planner.instructions[k] for k in group]
    for k in group[:-1]:
        planner.instructions[k] = ("call", "zero", 8, 0, -1, -1, -1, planner.instructions[k][3][0])
    read, written = ([i for d in steps for i in d[part]] for part in (2, 3))
    planner.instructions[last] = ("held", SideBySide([d[1] for d in steps]), read, written)
    for buffer in buffers:
        buffer.end = max(buffer.end, last)


def kernels_together(planner):
    """Runs of decompositions that do not need each other: number of the first instruction -> how many they are.

    Nothing but the order of the graph has to bring them together: what is not elementwise is taken first (fuse.py).
    """
    found, first, made = {}, 0, set()  # made: the buffers that the run writes
    for k, d in enumerate(planner.instructions):
        if d[0] != "python" or not _is_large(d):
            made = set()
            continue
        if made and made.isdisjoint([planner.pointers[i][0] for i in touched(d)[0]]):
            found[first] = k + 1 - first
        else:
            first, made = k, set()
        made.update([buffer for buffer, _ in d[4]])
    return found


def _is_large(d):
    """Whether a kernel is one of ours, of LAPACK's kind: it gives the GIL back, and has one thread for the most part."""
    _, p, _, args, _ = d
    if p.kernel is None or not p.body.__module__.startswith("scirs_ad._ops."):
        return False
    sizes = [math.prod(a[1]) for a in args if a[0] is not None and len(a[1]) >= 2]
    return max(sizes, default=0) >= LEAST_ELEMENTS
