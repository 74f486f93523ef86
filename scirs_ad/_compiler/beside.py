"""Beside: large loops that do not need each other run side by side."""

from scirs_ad._compiler.check_plan import touched
from scirs_ad._compiler.loop import LoopStep, SideBySide

__all__ = ["side_by_side"]


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
