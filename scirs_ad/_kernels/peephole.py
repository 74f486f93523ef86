"""Finds superinstructions: two to four operations that one kernel computes in one pass, and scalar operands.

Exact: a superinstruction rounds after each of its operations, as they do on their own (`src/super.h`).
"""

_INNER = frozenset(["add", "subtract", "multiply", "mulz", "square", "negative"])
_COMMUTATIVE = frozenset(["add", "multiply"])
_REVERSED = {"add": "add", "multiply": "multiply", "subtract": "rsubtract", "mulz": "rmulz"}


def _normal(name, operands, kinds):
    """A scalar operand second, where the order does not matter."""
    if name in _COMMUTATIVE and kinds == "sv":
        return operands[::-1], "vs"
    return operands, kinds


def fuse(code, first, wanted, moving, types, known):
    """What to run for each instruction.

    Parameters
    ----------
    code : list of (name, dtype, operands)
        In single assignment form.
    first : int
        The value that the first instruction computes; the others follow.
    wanted : iterable of int
        Values that are needed besides their uses in the code.
    moving : list of bool
        By value: one number per element; the others are scalars.
    types : list of dtype
    known : set of str
        The names of superinstructions.

    Returns
    -------
    list of (name, operands, kinds) or None
        By instruction. None: computed by another one, or by nobody since nothing uses it. `kinds` has one letter per
        operand, "v" or "s".
    """
    uses = [0] * len(moving)
    for value in wanted:
        uses[value] += 1
    for k in range(len(code) - 1, -1, -1):
        if uses[first + k]:
            for value in code[k][2]:
                uses[value] += 1
    plan = [None] * len(code)
    plain = [False] * len(code)
    pairs = {}  # instructions that are several operations by now: one more may take them in

    def kinds_of(operands):
        return "".join(["v" if moving[x] else "s" for x in operands])

    def inner_of(value, dtype):
        """Operation, operands and kinds of a value that only one instruction uses and that is still on its own."""
        d = value - first
        if d < 0 or uses[value] != 1 or not plain[d] or types[value] != dtype:
            return None
        name, _, operands = code[d]
        return (name, *_normal(name, operands, kinds_of(operands)))

    def pair(name, dtype, operands):
        if len(operands) == 1:
            inner = inner_of(operands[0], dtype)
            if inner and f"{inner[0]}_{inner[2]}_{name}" in known:
                plan[operands[0] - first] = None
                return f"{inner[0]}_{inner[2]}_{name}", inner[1], inner[2]
            return None
        found = [inner_of(x, dtype) for x in operands]
        if all(found):
            (one, ab, left), (other, cd, right) = found
            fused = f"{one}_{left}_{name}_{other}_{right}"
            if fused in known:
                plan[operands[0] - first] = plan[operands[1] - first] = None
                pairs[k] = fused, ab + cd, left + right
                return pairs[k]
        for side in (0, 1):
            inner = found[side]
            if inner is None:
                continue
            other = operands[1 - side]
            outer = name if side == 0 else _REVERSED.get(name)
            kind = kinds_of([other])
            fused = f"{inner[0]}_{inner[2]}_{outer}_{kind}"
            if fused in known:
                plan[operands[side] - first] = None
                pairs[k] = fused, (*inner[1], other), inner[2] + kind
                return pairs[k]
        for side in (0, 1):
            d = operands[side] - first
            if d not in pairs or uses[operands[side]] != 1 or types[operands[side]] != dtype:
                continue
            inner, other = pairs[d], operands[1 - side]
            kind = kinds_of([other])
            fused = f"{inner[0]}_{name if side == 0 else _REVERSED.get(name)}_{kind}"
            if fused in known:
                plan[d] = None
                pairs[k] = fused, (*inner[1], other), inner[2] + kind
                return pairs[k]
        return None

    for k, (name, dtype, operands) in enumerate(code):
        value = first + k
        if not uses[value]:
            continue
        operands = tuple(operands)
        plan[k] = (name, operands, "v" * len(operands))
        if not moving[value]:
            plan[k] = (name, operands, "s" * len(operands))
            continue
        if dtype.kind != "f" or any(types[x] != dtype for x in operands) or len(operands) > 2:
            continue
        fused = pair(name, dtype, operands)
        if fused:
            plan[k] = fused
            continue
        plain[k] = name in _INNER
        operands, kinds = _normal(name, operands, kinds_of(operands))
        if "s" in kinds and f"{name}_{kinds}" in known:
            plan[k] = (f"{name}_{kinds}", operands, kinds)
    return plan


def accumulate(plan, first, values, types, known, sums):
    """Make adding to an output part of the instruction before it; changes `plan`.

    Parameters
    ----------
    plan : list
        As `fuse` makes it.
    first : int
    values : list of int
        By output.
    types, known
        As for `fuse`.
    sums : list of int
        The outputs to whose elements, where they lie, something is added.

    Returns
    -------
    dict
        Position in the code -> output.
    """
    uses, found = {}, {}
    for entry in plan:
        for value in entry[1] if entry else ():
            uses[value] = uses.get(value, 0) + 1
    for k in sums:
        at = values[k] - first
        if at < 0 or values.count(values[k]) > 1 or values[k] in uses or not plan[at]:
            continue
        name, operands, kinds = plan[at]
        if any(types[x] != types[values[k]] for x in operands):
            continue
        for fused in (f"{name}_{kinds}_add_v", f"{name}_add_v"):
            if fused in known:
                plan[at], found[at] = (fused, operands, kinds), k
                break
    return found


def join(plan, fits):
    """Sines and cosines of the same values, and quotients and reciprocals of the same divisors: one instruction for both.

    It stands at the place of the first; a reciprocal that comes before the quotient is left alone.

    Parameters
    ----------
    plan : list
        As `fuse` makes it.
    fits : list of bool
        By instruction: whether it may be joined.

    Returns
    -------
    dict
        Position of the first in the code -> that of the second.
    """
    seen, divided, found = {}, {}, {}
    for k, entry in enumerate(plan):
        if not entry or not fits[k]:
            continue
        if entry[0] in ("sin", "cos"):
            other = seen.setdefault(entry[1], k)
            if plan[other][0] != entry[0] and other not in found:
                found[other] = k
        elif entry[0] == "divide" and entry[2] == "vv":
            divided.setdefault(entry[1][1], k)
        elif entry[0] == "reciprocal" and entry[2] == "v":
            other = divided.pop(entry[1][0], None)
            if other is not None:
                found[other] = k
    return found


def live(plan, first):
    """The most results alive at once."""
    most = now = 0
    last, ends = {}, {}
    for k, entry in enumerate(plan):
        for value in entry[1] if entry else ():
            last[value] = k
    for value, k in last.items():
        ends[k] = ends.get(k, 0) + (value >= first)
    for k in range(len(plan)):
        now += first + k in last
        most = max(most, now)
        now -= ends.get(k, 0)
    return most
