"""Structured control flow: cond, while_loop, fori_loop, scan.

Where values are known, a choice and a loop that ends by a condition run as plain Python. The body of a loop of known
length is recorded once and then run as a program; if it looks at values, each step runs as plain Python, too. Where
values are not known (while tracing) each is one node.
"""

import operator

import numpy as np

from scirs_ad._core.core import Spec, Variable, as_array, bind, dtype_of, shape_of, spec_of
from scirs_ad._core.errors import TracingError
from scirs_ad._core.tree import LEAF, flatten, unflatten
from scirs_ad._ops import shape as sh
from scirs_ad._ops.choice import where
from scirs_ad._ops.join import stack
from scirs_ad._transforms.checkpoints import checkpoint as checkpointed
from scirs_ad._transforms.common import finish, name_of, pack_leaf
from scirs_ad._transforms.functions import Lifting, trace_body
from scirs_ad._transforms.loops import bottom_of, cond_call, scan_call, steps_while, while_call
from scirs_ad._transforms.notation import type_text

__all__ = ["cond", "fori_loop", "scan", "while_loop"]

POLICIES = ("all", "every-k", "binomial")


# ------------------------------------------------------------------------------------------------ values and checks
def _unknown(leaves):
    """Whether one of the leaves has no value yet."""
    return any(isinstance(bottom_of(x)[0], Spec) for x in leaves if isinstance(x, (Variable, Spec)))


def _callable(f, what, which):
    if not callable(f):
        raise TypeError(f"{what}: {which} must be a function, not {f!r}")


def _leaves(tree, what):
    """`(arrays, weak, structure)`: weak are those that are Python numbers."""
    leaves, structure = flatten(tree)
    arrays = [as_array(pack_leaf(x)) for x in leaves]
    for x, a in zip(leaves, arrays, strict=True):
        if dtype_of(a).kind not in "biufc":
            raise TypeError(
                f"{what} holds {x!r} of dtype {dtype_of(a)}; give numbers, arrays of numbers, or containers of them"
            )
    return arrays, [type(x) in (bool, int, float, complex) for x in leaves], structure


def _truth(pred, what):
    """`pred`, checked: one truth value."""
    pred = pack_leaf(pred)
    if not isinstance(pred, (Variable, np.ndarray, np.generic, bool, Spec)):
        raise TypeError(f"{what} must be a bool, not a {type(pred).__name__} ({pred!r}); compare, as in x > 0")
    if shape_of(pred) != ():
        raise TypeError(
            f"{what} must be one bool, not an array of shape {shape_of(pred)}; use numpy.any or numpy.all, or where for a "
            "choice element by element"
        )
    if dtype_of(pred).kind != "b":
        raise TypeError(f"{what} must be a bool, but its dtype is {dtype_of(pred)}; compare, as in x != 0")
    return pred


def _match(what, got, structure, specs, wanted):
    """Leaves of a result, of the structure, shapes and dtypes that are `wanted`."""
    leaves, found = flatten(got)
    if found != structure:
        raise TypeError(f"{what} returned {found}; {wanted} is {structure}. Return the same structure")
    leaves = [as_array(pack_leaf(y)) for y in leaves]
    for k, (y, spec) in enumerate(zip(leaves, specs, strict=True)):
        if shape_of(y) != spec.shape or dtype_of(y) != spec.dtype:
            where_ = "" if structure is LEAF else f" at leaf {k} of {structure}"
            remedy = (
                "a loop cannot change shapes: pad to the largest, or use a Python loop"
                if shape_of(y) != spec.shape
                else f"convert one of them with astype, as in x.astype({dtype_of(y)})"
            )
            raise TypeError(
                f"{what} returned {type_text(spec_of(y))}{where_}; {wanted} has {type_text(spec)} there; {remedy}"
            )
    return leaves


def _promoted(arrays, weak, outs):
    """The carry, with Python numbers in the dtypes that the body makes of them; None if that changes nothing."""
    if len(outs) != len(arrays):
        return None
    changed = False
    promoted = list(arrays)
    for k, (a, y) in enumerate(zip(arrays, outs, strict=True)):
        dtype = dtype_of(y)
        if weak[k] and dtype != dtype_of(a) and np.result_type(dtype_of(a), dtype) == dtype:
            promoted[k], changed = sh.cast(a, dtype), True
    return promoted if changed else None


def _gathered(structure, leaves):
    return unflatten(structure, [finish(y) for y in leaves])


# ------------------------------------------------------------------------------------------------ cond
def cond(pred, true_f, false_f, *args):
    """One of two functions, chosen by a truth value.

    Parameters
    ----------
    pred : bool
        A truth value: a bool, or a Variable of shape () and dtype bool.
    true_f, false_f : callable
        Of `args`; they return containers of one structure, with the same shapes and dtypes.
    *args
        Arrays or containers of arrays.

    Returns
    -------
    container of arrays
        ``true_f(*args)`` if `pred`, else ``false_f(*args)``.

    Raises
    ------
    TypeError
        If `pred` is not one bool, a branch is not a function, or the branches (where both are run) return different
        structures, shapes or dtypes.

    Notes
    -----
    Derivative: of the branch that is taken, of any order. Where the value of `pred` is known, this is Python's
    ``if``. While tracing it is one node with two graphs, of which one runs. Under vmap of `pred` both run and each
    example gets its own. Cost: that of the branch.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> def f(x):
    ...     return ad.cond(x > 1.0, np.log, lambda x: x - 1.0, x)
    >>> ad.grad(f)(4.0), ad.grad(f)(0.0)
    (np.float64(0.25), np.float64(1.0))
    >>> ad.vmap(f)(np.array([0.0, np.e]))
    array([-1.,  1.])
    """
    _callable(true_f, "cond", "true_f")
    _callable(false_f, "cond", "false_f")
    pred = _truth(pred, "cond: pred")
    bottom, batched = bottom_of(pred)
    if not isinstance(bottom, Spec) and not batched:
        return (true_f if bottom else false_f)(*args)
    arrays, _, structure = _leaves(args, "cond: an argument")
    if not isinstance(bottom, Spec):
        return _both(pred, true_f, false_f, args)
    specs, lifting, seen = [spec_of(a) for a in arrays], Lifting(), []

    def body(f):
        def run(*leaves):
            outs, found = flatten(f(*unflatten(structure, leaves)))
            seen.append((found, [spec_of(as_array(pack_leaf(y))) for y in outs]))
            return outs

        return run

    on_true = trace_body(body(true_f), specs, name_of(true_f), lifting)[0]
    shared = len(lifting.values)
    on_false = trace_body(body(false_f), specs, name_of(false_f), lifting)[0]
    _same_branches(seen)
    on_true = on_true.widened([spec_of(a) for a in lifting.values[shared:]])
    outs = bind(cond_call, (pred, *arrays, *lifting.values), {"on_true": on_true, "on_false": on_false})
    return _gathered(seen[0][0], outs)


def _same_branches(seen):
    """Raise an error if two branches return what does not fit together."""
    (structure, specs), (other, more) = seen
    if structure != other:
        raise TypeError(f"cond: true_f returned {structure}, false_f {other}; return the same structure")
    for k, (a, b) in enumerate(zip(specs, more, strict=True)):
        if a != b:
            raise TypeError(
                f"cond: true_f returned {type_text(a)}, false_f {type_text(b)} at leaf {k} of {structure}; return the "
                "same shapes and dtypes (astype, broadcast_to)"
            )


def _both(pred, true_f, false_f, args):
    """The choice of each example of a batch, whose values are known."""
    seen, results = [], []
    for f in (true_f, false_f):
        outs, structure = flatten(f(*args))
        results.append([as_array(pack_leaf(y)) for y in outs])
        seen.append((structure, [spec_of(y) for y in results[-1]]))
    _same_branches(seen)
    return _gathered(seen[0][0], [where(pred, a, b) for a, b in zip(*results, strict=True)])


# ------------------------------------------------------------------------------------------------ while_loop
def while_loop(cond_f, body_f, init):
    """Steps for as long as a condition holds.

    Parameters
    ----------
    cond_f : callable
        ``cond_f(carry) -> bool``.
    body_f : callable
        ``body_f(carry) -> carry``, of the structure, shapes and dtypes of `init`.
    init : container of arrays
        The first carry.

    Returns
    -------
    container of arrays
        The carry for which the condition does not hold.

    Raises
    ------
    TypeError
        If the condition is not one bool, or the body changes the structure, a shape or a dtype of the carry.
    NotDifferentiableError
        In reverse mode, if the loop was traced: then the number of its steps is not known.

    Notes
    -----
    Derivative: of any order, forward and reverse; in reverse mode every step is kept. Where values are known this is
    Python's ``while``; while tracing one node with two graphs, which has forward mode only. Under vmap it goes on
    until all examples are done; those that are stay as they are. Cost: that of the steps.

    Examples
    --------
    >>> import scirs_ad as ad
    >>> def root(a):
    ...     return ad.while_loop(lambda x: abs(x * x - a) > 1e-12, lambda x: 0.5 * (x + a / x), a)
    >>> round(float(root(2.0)), 6), round(float(ad.grad(root)(4.0)), 6)
    (1.414214, 0.25)
    """
    _callable(cond_f, "while_loop", "cond_f")
    _callable(body_f, "while_loop", "body_f")
    arrays, weak, structure = _leaves(init, "while_loop: init")
    given = f"while_loop: body_f ({name_of(body_f)})"

    def test(carry):
        return _truth(cond_f(unflatten(structure, carry)), "while_loop: what cond_f returned")

    if _unknown([*arrays, test(arrays)]):
        return _traced_while(cond_f, body_f, arrays, weak, structure)

    def step(carry):
        got = body_f(unflatten(structure, carry))
        if any(weak):  # Python numbers take the dtype that the body makes of them
            carry = _promoted(carry, weak, [as_array(pack_leaf(y)) for y in flatten(got)[0]]) or carry
            weak[:] = [False] * len(weak)
        return _match(given, got, structure, list(map(spec_of, carry)), "the carry")

    return _gathered(structure, steps_while(test, step, arrays))


def _traced_while(cond_f, body_f, arrays, weak, structure):
    given = f"while_loop: body_f ({name_of(body_f)})"
    lifting = Lifting()

    def test(*leaves):
        return [_truth(cond_f(unflatten(structure, leaves)), "while_loop: what cond_f returned")]

    body, arrays, _ = _traced_step(
        lambda leaves, rows: (body_f(unflatten(structure, leaves)), None), arrays, weak, structure, [], given, lifting
    )
    shared = len(lifting.values)
    check = trace_body(test, [spec_of(a) for a in arrays], name_of(cond_f), lifting)[0]
    body = body.widened([spec_of(a) for a in lifting.values[shared:]])
    outs = bind(while_call, (*arrays, *lifting.values), {"cond": check, "body": body, "carries": len(arrays)})
    return _gathered(structure, outs)


# ------------------------------------------------------------------------------------------------ scan
def _traced_step(step, arrays, weak, structure, rows, given, lifting):
    """The Function of a step, the carry in the dtypes of the loop, and the structure of the rows that it returns.

    ``step(carry leaves, row leaves) -> (carry, y)``.
    """
    while True:
        specs, seen = [spec_of(a) for a in arrays], {}
        start = len(lifting.values)

        def run(*leaves, arrays=arrays, specs=specs, seen=seen):
            carry, y = step(leaves[: len(specs)], leaves[len(specs) :])
            seen["carry"] = [as_array(pack_leaf(c)) for c in flatten(carry)[0]]
            if _promoted(arrays, weak, seen["carry"]) is not None:
                return []
            outs, seen["rows"] = flatten(y)
            return [*_match(given, carry, structure, specs, "the carry"), *outs]

        body, _ = trace_body(run, specs + rows, given.partition("(")[2].rstrip(")") or "step", lifting)
        if "rows" in seen:
            return body, arrays, seen["rows"]
        del lifting.values[start:]
        lifting.forget()
        arrays = _promoted(arrays, weak, seen["carry"])


def scan(f, init, xs=None, length=None, reverse=False, checkpoint="all", every=None, snapshots=None):
    """A loop that carries a state along the rows of arrays, and stacks what each step gives.

    Parameters
    ----------
    f : callable
        ``f(carry, x) -> (carry, y)``; the carry keeps its structure, shapes and dtypes.
    init : container of arrays
        The first carry.
    xs : container of arrays, optional
        What each step gets a row of (along the first axis). None: steps get None.
    length : int, optional
        The number of steps; needed without `xs`.
    reverse : bool
        From the last row to the first.
    checkpoint : {"all", "every-k", "binomial"}
        What reverse mode keeps: the carry of each step; of each `every`-th step, between which the loop is run
        again; or `snapshots` carries at a time, by the schedule of least work for that memory.
    every : int, optional
        For "every-k"; unless given, the root of the number of steps.
    snapshots : int, optional
        For "binomial"; unless given, the root of the number of steps.

    Returns
    -------
    carry : container of arrays
        After the last step.
    ys : container of arrays
        The rows, stacked.

    Raises
    ------
    TypeError
        If `f` does not return a pair, or changes the structure, a shape or a dtype of the carry.
    ValueError
        If `xs` have different lengths, or there is no length; for an unknown policy.
    TracingError
        With ``checkpoint="binomial"``, if `f` looks at values.

    Notes
    -----
    Derivative: of any order, forward and reverse. `f` is run once on Variables without values, and what it did is
    then run for each row; if it looks at values (``if x > 0``), it is run for each row. Reverse mode keeps the carries
    and runs each step again. Cost: that of the steps; "every-k" runs them once more in reverse mode, "binomial"
    about ``log(length)`` times for few snapshots.

    References
    ----------
    .. [1] A. Griewank and A. Walther, "Algorithm 799: revolve", ACM Trans. Math. Softw. 26 (2000), 19-45.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> def f(a):
    ...     return ad.scan(lambda carry, x: (a * carry + x, carry), 0.0, np.ones(3))
    >>> f(0.5)
    (np.float64(1.75), array([0. , 1. , 1.5]))
    >>> ad.grad(lambda a: f(a)[0])(0.5)
    np.float64(2.0)
    """
    _callable(f, "scan", "f")
    arrays, weak, structure = _leaves(init, "scan: init")
    rows, _, row_structure = _leaves(xs, "scan: xs")
    length = _length(rows, length)
    policy, every, snapshots = _policy("scan", checkpoint, every, snapshots, length)
    given = f"scan: f ({name_of(f)})"

    def step(carry, row):
        pair = f(unflatten(structure, carry), unflatten(row_structure, row))
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError(f"{given} must return a pair (carry, y), not {flatten(pair)[1]}")
        return pair

    carry, ys, y_structure = _loop(
        step, arrays, weak, structure, rows, length, bool(reverse), (policy, every, snapshots), given
    )
    return _gathered(structure, carry), _gathered(y_structure, ys)


def _length(rows, length):
    """The number of steps."""
    if length is not None:
        try:
            length = operator.index(length)
        except TypeError:
            raise TypeError(f"scan: length must be an int, not {length!r}") from None
        if length < 0:
            raise ValueError(f"scan: length is {length}; it cannot be negative")
    for x in rows:
        if not shape_of(x):
            raise ValueError("scan: an entry of xs has shape (), so it has no rows; close over what all steps share")
    sizes = {shape_of(x)[0] for x in rows} | (set() if length is None else {length})
    if len(sizes) > 1:
        raise ValueError(f"scan: the rows of xs (and length) disagree: {', '.join(map(str, sorted(sizes)))}")
    if not sizes:
        raise ValueError("scan: without xs, give the number of steps as length=")
    return sizes.pop()


def _policy(what, policy, every, snapshots, length):
    """The policy and its numbers, checked."""
    if policy not in POLICIES:
        raise ValueError(f"{what}: checkpoint must be one of {', '.join(map(repr, POLICIES))}, not {policy!r}")
    root = max(1, int(np.ceil(np.sqrt(length))))
    numbers = []
    for name, number, own in (("every", every, "every-k"), ("snapshots", snapshots, "binomial")):
        if number is not None and policy != own:
            raise ValueError(f"{what}: {name}={number} belongs to checkpoint={own!r}, not to {policy!r}")
        number = root if number is None else number
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number < 1:
            raise ValueError(f"{what}: {name} must be a positive int, not {number!r}")
        numbers.append(int(number))
    return policy, *numbers


def _loop(step, arrays, weak, structure, rows, length, reverse, policy, given):
    """`(carry leaves, stacked y leaves, structure of y)` of a loop of known length."""
    lifting = Lifting()
    row_specs = [Spec(shape_of(x)[1:], dtype_of(x)) for x in rows]
    try:
        body, arrays, y_structure = _traced_step(step, arrays, weak, structure, row_specs, given, lifting)
    except TracingError:
        if _unknown([*arrays, *rows]):
            raise
        if policy[0] == "binomial":
            raise
        return _python_loop(step, arrays, weak, structure, rows, length, reverse, policy, given)
    outs = _bind_loop(body, arrays, rows, lifting.values, length, reverse, policy)
    return outs[: len(arrays)], outs[len(arrays) :], y_structure


def _bind_loop(body, arrays, rows, consts, length, reverse, policy):
    """The loop as nodes: one; of blocks, if only the carries between blocks are kept."""
    carries, count = len(arrays), len(rows)
    params = {"body": body, "carries": carries, "count": count, "length": length, "reverse": reverse}
    if policy[0] == "binomial" and length > 1:
        params["snapshots"] = policy[2]
    every = policy[1]
    if policy[0] != "every-k" or every >= length or every == 1:
        return bind(scan_call, (*arrays, *rows, *consts), params)
    blocks, rest = divmod(length, every)
    # What does not fill a block is done first, so that it is at the start (at the end, if it goes backwards).
    head = [x[length - rest :] if reverse else x[:rest] for x in rows]
    tail = [sh.reshape(x[: length - rest] if reverse else x[rest:], (blocks, every, *shape_of(x)[1:])) for x in rows]
    first = bind(scan_call, (*arrays, *head, *consts), {**params, "length": rest}) if rest else None
    inner = {**params, "length": every}

    def block(*leaves):
        return list(bind(scan_call, leaves, inner))

    specs = [*body.specs[:carries], *[Spec((every, *s.shape), s.dtype) for s in body.specs[carries : carries + count]]]
    made = body.derived(("block", every, carries, count, reverse), lambda: body.traced(
        block, [*specs, *body.specs[carries + count :]], "block"
    ))  # fmt: skip
    start = arrays if first is None else first[:carries]
    outs = bind(scan_call, (*start, *tail, *consts), {**params, "body": made, "length": blocks})
    ys = [sh.reshape(y, (blocks * every, *shape_of(y)[2:])) for y in outs[carries:]]
    if first is not None:
        pairs = zip(first[carries:], ys, strict=True)
        ys = [np.concatenate((b, a) if reverse else (a, b)) for a, b in pairs]
    return (*outs[:carries], *ys)


def _python_loop(step, arrays, weak, structure, rows, length, reverse, policy, given):
    """Step after step in Python: for bodies that look at values."""
    order = range(length - 1, -1, -1) if reverse else range(length)
    ys, found = [None] * length, [None]

    def run(carry, part):
        outs = []
        for i in part:
            got, y = step(carry, [x[i] for x in rows])
            if i == order[0]:
                carry = _promoted(carry, weak, [as_array(pack_leaf(c)) for c in flatten(got)[0]]) or carry
            carry = _match(given, got, structure, list(map(spec_of, carry)), "the carry")
            leaves, y_structure = flatten(y)
            if found[0] is not None and y_structure != found[0]:
                raise TypeError(f"{given} returned y as {found[0]} at first, as {y_structure} later")
            found[0] = y_structure
            outs.append([as_array(pack_leaf(y)) for y in leaves])
        return carry, outs

    if policy[0] == "all":
        carry, outs = run(arrays, order)
    else:
        carry, outs = arrays, []
        for start in range(0, length, policy[1]):
            carry, more = checkpointed(run)(carry, list(order[start : start + policy[1]]))
            outs += more
    for i, y in zip(order, outs, strict=True):
        ys[i] = y
    stacked = [stack([as_array(y[k]) for y in ys]) for k in range(len(ys[0]))]
    return carry, stacked, found[0]


# ------------------------------------------------------------------------------------------------ fori_loop
def fori_loop(start, stop, body_f, init, checkpoint="all", every=None, snapshots=None):
    """Steps for a range of integers.

    Parameters
    ----------
    start, stop : int
        The range. If they are not known (while tracing, under vmap), the loop is a `while_loop`.
    body_f : callable
        ``body_f(i, carry) -> carry``, of the structure, shapes and dtypes of `init`.
    init : container of arrays
        The first carry.
    checkpoint : {"all", "every-k", "binomial"}
        What reverse mode keeps; see `scan`.
    every : int, optional
        For "every-k".
    snapshots : int, optional
        For "binomial".

    Returns
    -------
    container of arrays
        The carry after the last step; `init` if there is none.

    Raises
    ------
    TypeError
        If `start` or `stop` is not an integer, or the body changes the structure, a shape or a dtype of the carry.
    ValueError
        For an unknown policy.

    Notes
    -----
    Derivative: of any order, forward and reverse, if the range is known. The body is run once on Variables without
    values; if it looks at the value of `i` or of the carry, it is run for each step. Cost: see `scan`.

    Examples
    --------
    >>> import scirs_ad as ad
    >>> def power(x):
    ...     return ad.fori_loop(0, 5, lambda i, y: y * x, 1.0)
    >>> power(2.0), ad.grad(power)(2.0)
    (np.float64(32.0), np.float64(80.0))
    """
    _callable(body_f, "fori_loop", "body_f")
    given = f"fori_loop: body_f ({name_of(body_f)})"
    ends = []
    for name, end in (("start", start), ("stop", stop)):
        if not isinstance(end, (Variable, Spec)):
            try:
                end = operator.index(end)
            except TypeError:
                raise TypeError(f"fori_loop: {name} must be an integer, not {end!r}") from None
        elif shape_of(end) != () or dtype_of(end).kind not in "iu":
            raise TypeError(f"fori_loop: {name} must be one integer, not {type_text(spec_of(end))}")
        else:
            bottom, batched = bottom_of(end)
            end = end if isinstance(bottom, Spec) or batched else int(bottom)
        ends.append(end)
    start, stop = ends
    if isinstance(start, Variable) or isinstance(stop, Variable):
        return while_loop(lambda s: s[0] < stop, lambda s: (s[0] + 1, body_f(s[0], s[1])), (as_array(start), init))[1]
    arrays, weak, structure = _leaves(init, "fori_loop: init")
    length = max(0, stop - start)
    policy = _policy("fori_loop", checkpoint, every, snapshots, length)

    def step(carry, row):
        return body_f(row[0], unflatten(structure, carry)), None

    if not length:
        return _gathered(structure, arrays)
    rows = [np.arange(start, stop)]
    carry, _, _ = _loop(step, arrays, weak, structure, rows, length, False, policy, given)
    return _gathered(structure, carry)
