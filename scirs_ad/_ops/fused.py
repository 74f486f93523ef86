"""Assembles elementwise nodes into one program for the virtual machine.

For eager mode: the value of a composite, and the cotangents and tangents of any elementwise primitive, each as one
fused pass, traced once per primitive and set of tracked arguments. What has no kernel is not fused: then the same
formula runs operation by operation.
"""

import numpy as np

from scirs_ad._core.core import (
    Dual,
    Elementwise,
    Spec,
    Tape,
    dtype_of,
    install,
    shape_of,
)
from scirs_ad._kernels.vm import Program
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh

_CT, _OUT = -1, -2  # codes of program inputs: the cotangent, the result; k >= 0 an argument; -3 - k a tangent


def is_composite(p):
    """Whether `p` is a function of other elementwise functions, with no opcode and no rule."""
    return isinstance(p, Elementwise) and p.opcode is None and p.partials is None and p.differentiable


def _tracing_tape():
    """A tape that records base functions only: composites are opened up as they come."""
    tape = Tape(tracing=True)

    def capture(tape, p, args, params):
        if is_composite(p):
            return p.body(*args)
        return tape.apply_here(p, args, params)

    tape.capture = capture
    return tape


def assemble(tape, inputs, outputs):
    """The nodes that `outputs` need as one Program.

    Parameters
    ----------
    tape : Tape
        A tracing tape of elementwise nodes.
    inputs : list of (code, Variable)
    outputs : list of Variable or number

    Returns
    -------
    program : Program or None
        None if a node has no kernel.
    used : tuple
        Codes of the inputs that are needed, in the order in which the program takes them.
    """
    nodes = tape.nodes
    position = {tape.index_of(v): code for code, v in inputs}
    results = [tape.index_of(y) for y in outputs]
    needed, stack = set(), [i for i in results if i >= 0]
    while stack:
        i = stack.pop()
        if i not in needed:
            needed.add(i)
            stack.extend(source[0] for source in nodes[i].inputs if source is not None)
    used = tuple(code for code, v in inputs if tape.index_of(v) in needed)
    order = sorted(i for i in needed if nodes[i].primitive is not None)
    if any(not isinstance(nodes[i].primitive, Elementwise) or nodes[i].primitive.opcode is None for i in order):
        return None, used
    if any(s is None and _is_complex(x) for i in order for s, x in zip(nodes[i].inputs, nodes[i].args, strict=True)):
        return None, used
    code = [
        (
            nodes[i].primitive.opcode,
            i,
            [float(x) if s is None else s[0] for s, x in zip(nodes[i].inputs, nodes[i].args, strict=True)],
        )
        for i in order
    ]
    position = {code: i for i, code in position.items()}
    ends = [y if y >= 0 else float(outputs[k]) for k, y in enumerate(results)]
    try:
        return build(code, [position[code] for code in used], ends), used
    except ValueError:  # more registers than the machine has
        return None, used


def build(code, inputs, outputs):
    """One Program of a list of elementwise operations.

    Parameters
    ----------
    code : list of (opcode, result, operands)
        Results and operands are ints that name values; an operand that is a float is a constant.
    inputs : list of int
    outputs : list of int or float

    Returns
    -------
    Program

    Raises
    ------
    ValueError
        If there are more inputs, outputs or registers than the machine has.
    """
    last = {x: k for k, (_, _, operands) in enumerate(code) for x in operands if type(x) is int}
    consts = {}
    # Registers by kind; their numbers follow when the number of each kind is known.
    where = {x: ("in", k) for k, x in enumerate(inputs)}
    free, n_temp, steps = [], 0, []
    final = {}
    for k, y in enumerate(outputs):
        if type(y) is int and y not in where and y not in final:
            final[y] = k

    def register(x):
        # By what it prints as: 0.0 and -0.0 are equal, but not the same constant.
        return where[x] if type(x) is int else ("const", consts.setdefault(repr(x), (len(consts), x))[0])

    for k, (opcode, result, operands) in enumerate(code):
        registers = [register(x) for x in operands]
        for x in {x for x in operands if type(x) is int}:
            if last[x] == k and where[x][0] == "temp":
                free.append(where[x])
        if result in final:
            where[result] = ("out", final[result])
        elif free:
            where[result] = free.pop()
        else:
            where[result] = ("temp", n_temp)
            n_temp += 1
        steps.append((opcode, where[result], registers))
    for k, y in enumerate(outputs):
        if type(y) is not int or final.get(y) != k:
            steps.append(("copy", ("out", k), [register(y)]))
    base = {"in": 0, "const": len(inputs), "temp": len(inputs) + len(consts)}
    base["out"] = base["temp"] + n_temp
    flat = [
        (name, base[dst[0]] + dst[1], *(base[r[0]] + r[1] for r in registers), *(0,) * (3 - len(registers)))
        for name, dst, registers in steps
    ]
    return Program(len(inputs), [x for _, x in consts.values()], n_temp, len(outputs), flat)


def _floating(x):
    """`x` as a rule may compute with it: integers have a division of their own, so ``reciprocal(2)`` would be 0."""
    if type(x) is int:
        return float(x)
    if x is None or isinstance(x, (float, bool, complex)) or dtype_of(x).kind not in "iu":
        return x
    return cx.cast(x, np.float64)


def _widened(x, dtype):
    """`x` in the precision of a result of `dtype`, in which NumPy computes: a float32 operand's ``log(x)`` would have 7
    digits beside a float64 one."""
    if x is None or isinstance(x, (bool, int, float, complex)):
        return x
    own = dtype_of(x)
    if own == dtype or own.kind not in "fc" or dtype.kind not in "fc" or np.finfo(own).eps <= np.finfo(dtype).eps:
        return x
    return cx.cast(x, np.result_type(own, np.finfo(dtype).dtype))


def partials_of(p, out, args, mask, dtype=None):
    """The partial derivatives of a base function that `mask` asks for; the others None. `dtype`: of the result."""
    rule = p.partials_rule
    if dtype is not None:
        args = [_widened(x, dtype) for x in args]
    if not p.body.__module__.startswith("scirs_ad._ops.special"):  # there an integer argument is an order: it stays
        args = map(_floating, args)
    known = dict(zip(p.argnames, args, strict=True), out=out)
    args = tuple(known[name] for name in p.argnames)
    with np.errstate(all="ignore"):  # what is infinite or nan is the derivative's value, not an accident
        values = p.partials(**{name: known[name] for name in rule.names})
        if not isinstance(values, tuple):
            values = (values,)
        if len(values) != len(args):
            raise TypeError(f"{p.name}: def_partials returned {len(values)} partial(s) for {len(args)} argument(s)")
        return [
            value() if mask >> k & 1 and callable(value) else value if mask >> k & 1 else None
            for k, value in enumerate(values)
        ]


def _is_one(x):
    return type(x) is float and x == 1.0


def _times(moving, partial):
    """A tangent times a partial derivative: exactly zero where the tangent is, also if the partial is not finite."""
    if _is_one(partial):
        return moving
    if _is_one(moving):
        return partial
    if type(moving) is np.ndarray and type(partial) in (int, float) and moving.size > 1 and not any(moving.strides):
        # The cotangent of a sum is one number: it is multiplied once, and stays a view of one number.
        one = _times(moving[(0,) * moving.ndim], partial)
        return np.broadcast_to(one, moving.shape)
    if type(partial) is float and partial == -1.0:
        return ew.negative(moving)
    return ew.mulz(moving, partial)


def value_program(p):
    """The program of the value; None where there is no kernel."""
    if p.opcode is not None:
        n = len(p.argnames)
        return Program(n, [], 0, 1, [(p.opcode, n, *range(n), *(0,) * (3 - n))])
    if not is_composite(p):
        return None
    tape = _tracing_tape()
    inputs = [(k, tape.variable(Spec())) for k in range(len(p.argnames))]
    program, used = assemble(tape, inputs, [p.body(*(v for _, v in inputs))])
    return program if used == tuple(range(len(inputs))) else None


def plan(p, mask):
    """What `Plan` is made of: one pass for the cotangents of the arguments in `mask`."""
    if p.opcode is None and p.partials is not None:
        # No kernel: its partials, which may need integers, are not traced. The rule's names say what is kept.
        names = p.partials_rule.names
        saves = sum(1 << k for k, name in enumerate(p.argnames) if name in names)
        return saves, "out" in names, None, (), tuple(k for k in range(len(p.argnames)) if mask >> k & 1), ()
    tape = _tracing_tape()
    ct, out = tape.variable(Spec()), tape.variable(Spec())
    args = [tape.variable(Spec()) for _ in p.argnames]
    wanted = [k for k in range(len(args)) if mask >> k & 1]
    if not p.differentiable:
        return 0, False, None, (), (), ()
    if is_composite(p):
        refs = [tape.ref_of(args[k]) for k in wanted]
        found = dict(zip(wanted, tape.pull_here([p.body(*args)], [ct], refs), strict=True))
        passes = ()
    else:
        parts = partials_of(p, out, args, mask)
        passes = tuple(k for k in wanted if _is_one(parts[k]))
        found = {k: _times(ct, parts[k]) for k in wanted if parts[k] is not None and k not in passes}
    outputs = tuple(k for k in found if found[k] is not None)
    inputs = [(_CT, ct), (_OUT, out), *enumerate(args)]
    program, used = assemble(tape, inputs, [found[k] for k in outputs])
    saves = sum(1 << k for k in used if k >= 0)
    if is_composite(p):  # the unfused formula differentiates the body again
        saves = (1 << len(args)) - 1
    return saves, _OUT in used, program if outputs else None, used, outputs, passes


def push_plan(p, mask):
    """Program and inputs for the tangent, in one pass; None where it is not fused."""
    if p.opcode is None and p.partials is not None:
        return None
    tape = _tracing_tape()
    out = tape.variable(Spec())
    args = [tape.variable(Spec()) for _ in p.argnames]
    ts = {k: tape.variable(Spec()) for k in range(len(args)) if mask >> k & 1}
    if not p.differentiable:
        return None
    if is_composite(p):
        refs = [tape.ref_of(args[k]) for k in ts]
        parts = dict(zip(ts, tape.pull_here([p.body(*args)], [1.0], refs), strict=True))
    else:
        parts = partials_of(p, out, args, mask)
    total = None
    for k, t in ts.items():
        if parts[k] is not None:
            term = _times(t, parts[k])
            total = term if total is None else ew.add(total, term)
    if total is None:
        return None
    inputs = [(_OUT, out), *enumerate(args), *((-3 - k, t) for k, t in ts.items())]
    program, used = assemble(tape, inputs, [total])
    return None if program is None else (program, used)


def fit(g, spec):
    """A cotangent summed back to the shape of what it belongs to, and cast to its dtype."""
    if shape_of(g) != spec.shape:
        g = sh.unbroadcast(g, spec.shape)
    if dtype_of(g) != spec.dtype:
        g = cx.cast(g, spec.dtype)
    return g


def _is_complex(*values):
    return any(dtype_of(x).kind == "c" for x in values if x is not None)


def formula(p, ct, out, args, specs, mask):
    """The cotangents of an elementwise primitive in public operations: at any level, in any dtype."""
    result = [None] * len(args)
    if p.vjp_rule is not None and _is_complex(ct, out, *args):
        known = dict(zip(p.argnames, args, strict=True), ct=ct, out=out, specs=specs)
        found = p.vjp_rule.function(**{name: known[name] for name in p.vjp_rule.names})
        found = found if isinstance(found, tuple) else (found,)
    elif is_composite(p):
        tape = Tape()
        places = [k for k in range(len(args)) if mask >> k & 1]
        inner = [tape.variable(a, own=True) if k in places else a for k, a in enumerate(args)]
        refs = [tape.ref_of(inner[k]) for k in places]
        y = p.body(*inner)
        tape.closed = True
        found = [None] * len(args)
        for k, g in zip(places, tape.pull([y], [ct], refs, True), strict=True):
            found[k] = g
    else:
        parts = partials_of(p, out, args, mask, None if type(ct) in (int, float, complex) else dtype_of(ct))
        found = [None if d is None else _times(ct, cx.conj(d) if _is_complex(d) else d) for d in parts]
    for k, g in enumerate(found):
        if g is not None and mask >> k & 1:
            if specs is not None:
                result[k] = fit(g, specs[k])
            else:  # of the result's shape and dtype, which are the cotangent's
                result[k] = g if dtype_of(g) == dtype_of(ct) else cx.cast(g, dtype_of(ct))
    return tuple(result)


def tangent(p, ts, out, args, specs):
    """The tangent of an elementwise primitive in public operations."""
    mask = sum(1 << k for k, t in enumerate(ts) if t is not None)
    if p.jvp_rule is not None and _is_complex(out, *ts, *args):
        known = dict(zip(p.argnames, args, strict=True), t=ts[0] if len(ts) == 1 else ts, out=out)
        total = p.jvp_rule.function(**{name: known[name] for name in p.jvp_rule.names})
    elif is_composite(p):
        dual = Dual()
        y = p.body(*(a if t is None else dual.variable(a, t) for a, t in zip(args, ts, strict=True)))
        dual.closed = True
        total = dual.split(y)[1]
    else:
        like = out if out is not None else specs[-1] if specs is not None else None
        parts = partials_of(p, out, args, mask, None if like is None else dtype_of(like))
        terms = [_times(t, d) for t, d in zip(ts, parts, strict=True) if t is not None and d is not None]
        total = None
        for term in terms:
            total = term if total is None else ew.add(total, term)
    if total is None:
        return None
    like = out if out is not None else specs[-1] if specs is not None else next(t for t in ts if t is not None)
    if like is not None:
        if shape_of(total) != shape_of(like):
            total = sh.broadcast_to(total, shape_of(like))
        if dtype_of(total) != dtype_of(like):
            total = cx.cast(total, dtype_of(like))
    return total


install(
    plan=plan,
    push_plan=push_plan,
    value_program=value_program,
    formula=formula,
    tangent=tangent,
    add=ew.add,
    subtract=ew.subtract,
    multiply=ew.multiply,
    divide=ew.divide,
    negative=ew.negative,
    unbroadcast=sh.unbroadcast,
    cast=cx.cast,
    broadcast_to=sh.broadcast_to,
    reshape=sh.reshape,
)
