"""Checkpoints: what reverse mode keeps of a function, and what it computes again."""

import contextlib
import math
from pathlib import Path

import numpy as np

from scirs_ad._core.core import Spec, Tape, Variable, as_array, bind, dtype_of, inexact, shape_of, value_of
from scirs_ad._core.define import primitive, sample
from scirs_ad._core.tree import flatten, unflatten
from scirs_ad._transforms.common import finish, name_of
from scirs_ad._transforms.custom import WATCHERS, Call, checkpoint_call, split_static
from scirs_ad._transforms.functions import Function, inexact_places, trace_body
from scirs_ad._transforms.hold import hold

__all__ = ["checkpoint", "checkpoint_chain", "checkpoint_profile", "name"]


# ------------------------------------------------------------------------------------------------ names
@primitive("()->()", linear=True, internal=True)
def named(x, *, label):
    """`x`, under a name that a checkpoint policy can ask for.

    Derivative: that of the identity. Cost: none.
    """
    return x


named.def_vjp(lambda ct: ct)
named.def_samples(lambda rng: iter([sample(rng.standard_normal(3), label="hidden")]))


def name(x, label):
    """Mark values, so that a checkpoint policy can keep them by name.

    Parameters
    ----------
    x : array_like or container of arrays
    label : str

    Returns
    -------
    array or container of arrays
        The same values.

    Raises
    ------
    TypeError
        If `label` is not a string.

    Notes
    -----
    Derivative: that of the identity. Cost: none.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> f = ad.checkpoint(lambda x: np.sum(ad.name(np.exp(x), "e") ** 2), policy=ad.checkpoint.names("e"))
    >>> ad.grad(f)(np.array([0.0, 0.0]))
    array([2., 2.])
    """
    if not isinstance(label, str):
        raise TypeError(f"name: label must be a str, not {label!r}")
    leaves, structure = flatten(x)
    return unflatten(structure, [finish(bind(named, (as_array(y),), {"label": label})) for y in leaves])


# ------------------------------------------------------------------------------------------------ what can be kept
class Candidate:
    """An intermediate value that a policy may keep.

    Attributes
    ----------
    primitive : str
    label : str or None
        If it was marked by `name`.
    shape, dtype, nbytes
    """

    def __init__(self, primitive, label, spec, place):
        self.primitive, self.label, self.place = primitive, label, place
        self.shape, self.dtype = spec.shape, spec.dtype
        self.nbytes = spec.dtype.itemsize * math.prod(spec.shape)

    def __repr__(self):
        return f"<{self.label or self.primitive}: {self.dtype}{list(self.shape)}, {self.nbytes} bytes>"


class Names:
    """Keeps what was marked by one of these names."""

    def __init__(self, *labels):
        self.labels = frozenset(labels)

    def __call__(self, candidates):
        return [c for c in candidates if c.label in self.labels]


class Smaller:
    """Keeps each value of at most so many bytes."""

    def __init__(self, nbytes):
        self.nbytes = nbytes

    def __call__(self, candidates):
        return [c for c in candidates if c.nbytes <= self.nbytes]


# Views, whose results take no time to make again.
CHEAP = frozenset({"index", "reshape", "permute_dims", "broadcast_to", "named"})


class Every:
    """Keeps every `n`-th value that takes more than a view to make, in the order in which they are made."""

    def __init__(self, n):
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
            raise ValueError(f"checkpoint.every: n must be a positive int, not {n!r}")
        self.n = int(n)

    def __call__(self, candidates):
        return [c for c in candidates if c.primitive not in CHEAP][self.n - 1 :: self.n]


class Budget:
    """Keeps values as long as all of them together have at most so many bytes: results of dense work first."""

    def __init__(self, nbytes):
        self.nbytes = nbytes

    def __call__(self, candidates):
        kept, left = [], self.nbytes
        for c in sorted((c for c in candidates if c.primitive not in CHEAP), key=lambda c: (not c.dense, c.nbytes)):
            if c.nbytes <= left:
                kept.append(c)
                left -= c.nbytes
        return kept


def candidates_of(body):
    """The values inside a Function that can be kept."""

    def make():
        specs = {}
        body.probe(specs)
        found = []
        for k, (p, params, _, outs) in enumerate(body.ops):
            spec = specs[outs[0]]
            if len(outs) == 1 and p.differentiable and p.tape_rule is None and inexact(spec) and p.n_out == 0:
                c = Candidate(p.name, (params or {}).get("label"), spec, k)
                c.dense = p.signature is not None and "->" in p.signature and "," in p.signature.partition("->")[0]
                found.append(c)
        return tuple(found)

    return body.derived("candidates", make)


def _kept_by(policy, body):
    """Places of the operations whose results a policy keeps."""
    candidates = candidates_of(body)
    chosen = list(policy(candidates))
    for c in chosen:
        if not any(c is other for other in candidates):
            raise TypeError(f"checkpoint: a policy returns those of its candidates that are kept, not {c!r}")
    return tuple(sorted({c.place for c in chosen}))


def _keeping(body, kept):
    """The Function that returns also what is kept."""
    more = [body.ops[k][3][0] for k in kept]

    def make():
        specs = {}
        body.probe(specs)
        out_specs = (*body.out_specs, *[specs[i] for i in more])
        return Function(body.name, body.specs, body.constants, body.ops, (*body.outputs, *more), out_specs, body.slots)

    return body.derived(("keeping", kept), make)


def _backward(body, kept, wanted, given):
    """Of the leaves, what was kept and cotangents of the outputs: cotangents of the leaves; and of which."""

    def make():
        present, n = [], len(body.specs)

        def pulled(*values):
            tape, leaves = Tape(), list(values[:n])
            for k in wanted:
                leaves[k] = tape.variable(leaves[k])
            refs = [tape.ref_of(leaves[k]) for k in wanted]
            known = dict(zip(kept, values[n : n + len(kept)], strict=True))
            outs = body.resumed(leaves, known, tape)
            tape.closed = True
            pairs = [(outs[k], c) for k, c in zip(given, values[n + len(kept) :], strict=True)]
            pairs = [(y, c) for y, c in pairs if tape.ref_of(y) >= 0]
            cts = tape.pull([y for y, _ in pairs], [c for _, c in pairs], refs, True) if pairs else ()
            present.extend(k for k, c in zip(wanted, cts, strict=False) if c is not None)
            return [c for c in cts if c is not None]

        specs = [*body.specs, *_keeping(body, kept).out_specs[len(body.out_specs) :]]
        specs += [body.out_specs[k] for k in given]
        return body.traced(pulled, specs, "backward"), tuple(present)

    return body.derived(("resumed", kept, wanted, given), make)


@primitive(core=None, n_out=-1, kernel=lambda *leaves, body, policy, kept=(), wanted=(): body(*leaves), internal=True)
def saving_call(*leaves, body, policy, kept=(), wanted=()):
    """A function of which reverse mode keeps what a policy says.

    Derivative: that of the function. Cost: in reverse mode what is not kept is computed again, as far as it is
    needed.
    """
    return body(*leaves)


saving_call.def_shape(lambda *leaves, body, policy, kept=(), wanted=(): body.out_specs)


def _on_tape(tape, p, args, params):
    body, policy = params["body"], params["policy"]
    values = tuple([tape.lower(a) for a in args])
    if tape.tracing:
        return tape.record_here(p, args, params, values, bind(p, values, params))
    kept = _kept_by(policy, body)
    outs = bind(p, values, {"body": _keeping(body, kept), "policy": policy})
    shown = len(body.out_specs)
    if not inexact(outs):
        return outs[:shown]
    wanted = tuple([k for k, a in enumerate(args) if tape.ref_of(a) >= 0 and inexact(values[k])])
    made = {"body": body, "policy": policy, "kept": kept, "wanted": wanted}
    return tape.record_here(p, args, made, values, outs)[:shown]


def _on_batch(batch, args, params):
    lowered = [batch.lower(a) for a in args]
    body, rows = params["body"].batched(tuple([m for _, m in lowered]), batch.size)
    outs = bind(saving_call, tuple([x for x, _ in lowered]), {"body": body, "policy": params["policy"]})
    return tuple([batch.variable(y) if m else y for y, m in zip(outs, rows, strict=True)])


saving_call.tape_rule = _on_tape
saving_call.dual_rule = lambda dual, p, args, params: params["body"](*args)
saving_call.batch_rule = _on_batch


@saving_call.def_vjp
def _(ct, out, leaves, body, kept, wanted):
    kept, wanted, n = kept or (), wanted or inexact_places(body.specs), len(body.out_specs)
    given = tuple([k for k in range(n) if ct[k] is not None])
    step, present = _backward(body, kept, wanted, given)
    more = out[n:]
    for profile in WATCHERS:
        profile.again(lambda: _whole(body, leaves), leaves, more)
    if any(isinstance(x, Variable) for x in (*leaves, *more)):
        # While tracing: what runs again must not be shared with what ran before, nor run before it is needed.
        held = hold(*leaves, *more, *(ct[k] for k in given), n=len(leaves) + len(more))
        leaves, more = held[: len(leaves)], held[len(leaves) :]
    found = [None] * len(leaves)
    for k, g in zip(present, step(*leaves, *more, *[ct[k] for k in given]), strict=True):
        found[k] = g
    return tuple(found)


def _whole(body, leaves):
    """The tape of a function without checkpoints: what it keeps is what a checkpoint saves."""
    tape = Tape()
    outs = body(*[tape.variable(x) if inexact(x) else x for x in leaves])
    return tape, outs


@saving_call.def_samples
def _(rng):
    body = trace_body(lambda x, w: [np.sum(np.sin(named(x * w, label="a")) ** 2)], [Spec((3,))] * 2, "f")[0]
    for policy in (Names("a"), Smaller(0), Every(2), Budget(24)):
        yield sample(*rng.standard_normal((2, 3)), body=body, policy=policy)


# ------------------------------------------------------------------------------------------------ public
class checkpoint(Call):
    """Keep little of a function on the tape, and run it again in the backward pass.

    Parameters
    ----------
    f : callable
        Of arrays or containers of arrays. What it closes over is an input too.
    policy : callable, optional
        What is kept beside the inputs; nothing unless given. ``checkpoint.names("a", "b")``: what was marked by
        `name`; ``checkpoint.smaller(nbytes)``: each value of at most so many bytes; ``checkpoint.every(n)``: every n-th
        value; ``checkpoint.budget(nbytes)``: as much as fits, results of dense work first. Or a function of your own: of a list of candidates (with
        ``primitive``, ``label``, ``shape``, ``dtype``, ``nbytes``), returning those that are kept.

    Returns
    -------
    callable
        The same function.

    Raises
    ------
    TypeError
        If `f` or `policy` is not callable.
    TracingError
        With a policy, if `f` looks at values, because then there is no graph to choose from.

    Notes
    -----
    Derivative: that of `f`, of any order. Cost: what is not kept is computed once more for each backward pass, as far
    as it is needed.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> ad.grad(ad.checkpoint(lambda x: np.sum(np.sin(x))))(np.array([0.0]))
    array([1.])
    """

    primitive = staticmethod(checkpoint_call)
    names, smaller, every, budget = Names, Smaller, Every, Budget

    def __init__(self, f, policy=None):
        super().__init__(f)
        if policy is not None and not callable(policy):
            raise TypeError(f"checkpoint: policy must be a function of the candidates, not {policy!r}")
        self.policy = policy

    def __reduce__(self):
        return checkpoint, (self.function, self.policy)

    def __call__(self, *args, **kwargs):
        if self.policy is None:
            return super().__call__(*args, **kwargs)
        leaves, structure, dynamic = split_static(args)
        arrays, seen = [as_array(leaves[k]) for k in dynamic], {}

        def function(*moving):
            filled = list(leaves)
            for k, x in zip(dynamic, moving, strict=True):
                filled[k] = x
            outs, seen["structure"] = flatten(self.function(*unflatten(structure, filled), **kwargs))
            return outs

        body, lifting = trace_body(function, [Spec(shape_of(a), dtype_of(a)) for a in arrays], self.__name__)
        outs = bind(saving_call, (*arrays, *lifting.values), {"body": body, "policy": self.policy})
        return unflatten(seen["structure"], [finish(y) for y in outs])


def checkpoint_chain(fs, every=1, policy=None):
    """One function after another, of which reverse mode keeps only every `every`-th result.

    Parameters
    ----------
    fs : sequence of callable
        Each takes what the one before returns.
    every : int
        The length of the pieces that are run again in the backward pass; the root of the number of functions needs
        the least memory.
    policy : callable, optional
        What is kept inside the pieces; see `checkpoint`.

    Returns
    -------
    callable
        ``chain(x) -> fs[-1](... fs[1](fs[0](x)))``.

    Raises
    ------
    TypeError
        If an entry is not a function.
    ValueError
        If `every` is not a positive int.

    Notes
    -----
    Derivative: that of the chain, of any order. Cost: each function once more for each backward pass.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> chain = ad.checkpoint_chain([np.sin] * 9, every=3)
    >>> round(float(ad.grad(chain)(0.0)), 6)
    1.0
    """
    fs = list(fs)
    for f in fs:
        if not callable(f):
            raise TypeError(f"checkpoint_chain: an entry is not a function: {f!r}")
    if isinstance(every, bool) or not isinstance(every, (int, np.integer)) or every < 1:
        raise ValueError(f"checkpoint_chain: every must be a positive int, not {every!r}")

    def piece(part):
        def run(x):
            for f in part:
                x = f(x)
            return x

        run.__name__ = f"{name_of(part[0])}..{name_of(part[-1])}"
        return checkpoint(run, policy)

    pieces = [piece(fs[k : k + every]) for k in range(0, len(fs), every)]

    def chain(x):
        for p in pieces:
            x = p(x)
        return x

    return chain


class Profile:
    """What checkpoints did: filled while the block of `checkpoint_profile` runs.

    Attributes
    ----------
    recomputations : int
        How often a function was run again.
    bytes_saved : int
        Of the arrays that the tapes of those functions would have kept, and did not: measured on the tape of the
        second run. Of a compiled function: by how much its arena is smaller than that of the same program where what
        runs again is shared with what ran before.
    bytes_kept : int
        Of what policies kept.
    largest : int
        Bytes of the largest of these tapes, which is there while its function is differentiated.
    rss_before, rss_peak : int or None
        Memory of the process at the start, and the most that was seen at a recomputation (Linux; else None).
    """

    def __init__(self):
        self.recomputations = self.bytes_saved = self.bytes_kept = self.largest = 0
        self.rss_before = self.rss_peak = _rss()

    def again(self, whole, leaves, kept):
        """One function is run again; `whole()` returns its tape."""
        if any(type(value_of(x)) is Spec for x in leaves):
            return  # while tracing nothing runs
        tape, _ = whole()
        inputs = sum(np.asarray(x).nbytes for x in leaves if isinstance(x, np.ndarray))
        own = sum(x.nbytes for x in kept if isinstance(x, np.ndarray))
        self.recomputations += 1
        self.bytes_kept += own
        self.bytes_saved += max(0, tape.nbytes - inputs - own)
        self.largest = max(self.largest, tape.nbytes)
        self.see()

    def ran(self, recomputations, saved):
        """A program ran in which functions are run again."""
        self.recomputations += recomputations
        self.bytes_saved += saved
        self.see()

    def see(self):
        """Look at the memory of the process."""
        if self.rss_peak is not None:
            self.rss_peak = max(self.rss_peak, _rss())

    def __repr__(self):
        return (
            f"<checkpoints: {self.recomputations} recomputation(s), {self.bytes_saved} bytes saved, {self.bytes_kept} "
            "kept>"
        )


def _rss():
    """Bytes of the process in memory; None where the system does not say."""
    pages = Path("/proc/self/statm")
    return int(pages.read_text().split()[1]) * 4096 if pages.exists() else None


@contextlib.contextmanager
def checkpoint_profile():
    """Measure what checkpoints save.

    Yields
    ------
    Profile
        With `recomputations`, `bytes_saved`, `bytes_kept`, `largest`, `rss_before`, `rss_peak`.

    Notes
    -----
    What is reported is measured: the bytes of the arrays on the tapes of the functions that are run again, and the
    memory of the process; of compiled functions the arenas that are allocated. Cost: functions with a policy are run
    once more, to see their tape.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> f = ad.checkpoint(lambda x: np.sum(np.sin(np.exp(x)) ** 2))
    >>> with ad.checkpoint_profile() as profile:
    ...     g = ad.grad(f)(np.zeros(1000))
    >>> profile.recomputations, profile.bytes_saved >= 16000
    (1, True)
    """
    profile = Profile()
    WATCHERS.append(profile)
    try:
        yield profile
        profile.see()
    finally:
        WATCHERS.remove(profile)
