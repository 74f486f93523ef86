"""`compile`: a function as one program per signature, composing with every transform both ways."""

import collections
import contextlib
import functools
import gc
import inspect
import threading
import traceback
from pathlib import Path

import numpy as np

from scirs_ad._compiler.diagonals import diagonals
from scirs_ad._compiler.fuse import cost, fuse
from scirs_ad._compiler.graph import OPENED, record, replay, without_holds
from scirs_ad._compiler.plan import plan
from scirs_ad._compiler.profile import measured
from scirs_ad._compiler.program import Door
from scirs_ad._compiler.rebuild import LEVELS, rebuild
from scirs_ad._compiler.scalars import scalarise
from scirs_ad._core.core import (
    Batch,
    Dual,
    Spec,
    Tape,
    Variable,
    as_array,
    bind,
    inexact,
    spec_of,
    value_of,
)
from scirs_ad._core.define import primitive, sample
from scirs_ad._core.errors import TracingError
from scirs_ad._core.tree import LEAF, Leaf, flatten, unflatten
from scirs_ad._transforms.check import checking
from scirs_ad._transforms.common import finish, name_of
from scirs_ad._transforms.custom import WATCHERS
from scirs_ad._transforms.hold import hold

__all__ = ["compile"]

MOST_SIGNATURES = 256  # programs kept per function; the least recently used goes
HERE = str(Path(__file__).resolve().parents[1])


@contextlib.contextmanager
def uncollected():
    """No cyclic garbage collection meanwhile, and of the new objects alone at the end.

    A full one visits all objects of the process: 10 to 20 ms beside NumPy and SciPy, where compiling takes 2 ms, and
    several of them for a graph of 10,000 operations.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.collect(0)
        gc.enable()


# ------------------------------------------------------------------------------------------------ a compiled body
class Body:
    """A traced function over leaves: its graph, its program, and the bodies derived from it, all made once."""

    def __init__(self, f, specs, name, level="standard", weak=(), donated=(), memory_limit=None):
        self.name, self.level, self.donated, self.memory_limit = name, level, donated, memory_limit
        self.trace = record(f, specs, name, weak)
        self.specs = [self.trace.graph.specs[v] for v in self.trace.graph.inputs]
        self.out_specs = tuple(self.trace.graph.specs[v] for v in self.trace.graph.outputs)
        self.structure, self.lifted = self.trace.structure, self.trace.lifted
        self._steps = self._program = None
        self._derived, self._lock = {}, threading.RLock()

    def steps(self):
        """(rebuilt, report, Plan), made at the first run."""
        with self._lock:
            if self._steps is None:
                rebuilt, report = rebuild(self.trace.graph, self.level)
                rebuilt = diagonals(rebuilt, self.level, report)
                fused = fuse(
                    scalarise(rebuilt, self.level == "aggressive") if LEVELS.index(self.level) >= 2 else rebuilt
                )
                if checking():
                    for graph in (self.trace.graph, rebuilt, fused):
                        graph.check()
                found = plan(fused, self.donated, self.memory_limit)
                if checking() and found.fused is not fused:
                    found.fused.check()
                self._program = found.program
                self._steps = rebuilt, report, found
            return self._steps

    @property
    def program(self):
        return self._program if self._program is not None else self.steps()[2].program

    def profile(self, leaves, repeat):
        """The Profile of runs on arrays."""
        values = self._ready(leaves)
        self.program(*[x.copy() for x in values])
        found = self.steps()[2]
        again, saved = self.checkpoints()
        if found.repeated:
            again += len(found.repeated)
            saved += plan(fuse(self.steps()[0]), self.donated).program.arena_bytes - found.program.arena_bytes
        return measured(
            found, [x.copy() if k in self.donated else x for k, x in enumerate(values)], repeat, again, saved
        )

    def _ready(self, leaves):
        """Arrays as a program takes them."""
        return [
            x if _plain(x, s) else np.asarray(x, s.dtype, order="C") for x, s in zip(leaves, self.specs, strict=True)
        ]

    def run(self, leaves, given=None):
        """The results on arrays; `given`: arrays to write results to, or None."""
        values = self._ready(leaves)
        program = self.program
        for profile in WATCHERS:
            profile.ran(*self.checkpoints())
        if program.overwrites:
            values = [x.copy() if k in self.donated and not x.flags.writeable else x for k, x in enumerate(values)]
        if given is None:
            return program(*values)
        straight = [
            y if y is not None and _plain(y, s) and not any(np.may_share_memory(x, y) for x in values) else None
            for y, s in zip(given, self.out_specs, strict=True)
        ]
        outs = list(program(*values, given=straight))
        for k, y in enumerate(given):
            if y is not None and outs[k] is not y:
                y[...] = outs[k]
                outs[k] = y
        return tuple(outs)

    def checkpoints(self):
        """(functions that a call runs again, bytes by which that makes the arena smaller)."""

        def make():
            graph, _, found = self.steps()
            again = sum(op.primitive is hold for op in graph.ops)
            if not again:
                return 0, 0
            shared = rebuild(without_holds(self.trace.graph), self.level)[0]
            return again, plan(fuse(shared), self.donated).program.arena_bytes - found.program.arena_bytes

        return self.derived("checkpoints", make)

    def derived(self, key, make):
        """A body made from this one, by key."""
        with self._lock:
            found = self._derived.get(key)
            if found is None:
                found = self._derived[key] = make()
            return found

    # -------------------------------------------------------------------------------- derivatives
    def vjp(self, wanted, given):
        """Cotangents of the inputs `wanted` from those of the outputs `given`: (Body, positions of its results)."""

        def make():
            places = []
            n = len(self.specs)

            def pulled(*values):
                tape = Tape()
                leaves = list(values[:n])
                for k in wanted:
                    leaves[k] = tape.variable(leaves[k])
                refs = [tape.ref_of(leaves[k]) for k in wanted]
                outs = replay(self.trace.graph, leaves)
                tape.closed = True
                cts = tape.pull([outs[k] for k in given], list(values[n:]), refs, True)
                places.extend(k for k, c in zip(wanted, cts, strict=True) if c is not None)
                return [c for c in cts if c is not None]

            specs = self.specs + [self.out_specs[k] for k in given]
            body = Body(pulled, specs, f"vjp({self.name})", self.level)
            return body, tuple(places)

        return self.derived(("vjp", wanted, given), make)

    def jvp(self, moving):
        """Tangents of the outputs from those of the inputs `moving`: (Body, positions of its results)."""

        def make():
            places = []
            n = len(self.specs)

            def pushed(*values):
                dual = Dual()
                leaves = list(values[:n])
                for k, t in zip(moving, values[n:], strict=True):
                    leaves[k] = dual.variable(leaves[k], t)
                outs = replay(self.trace.graph, leaves)
                dual.closed = True
                ts = [dual.split(y)[1] for y in outs]
                places.extend(k for k, t in enumerate(ts) if t is not None)
                return [t for t in ts if t is not None]

            specs = self.specs + [self.specs[k] for k in moving]
            body = Body(pushed, specs, f"jvp({self.name})", self.level)
            return body, tuple(places)

        return self.derived(("jvp", moving), make)

    def batched(self, mapped, size):
        """The function with a leading axis at the inputs `mapped`: (Body, whether each result has it)."""

        def make():
            found = []

            def rows(*values):
                batch = Batch(size)
                leaves = [batch.variable(x) if m else x for x, m in zip(values, mapped, strict=True)]
                outs = replay(self.trace.graph, leaves)
                batch.closed = True
                lowered = [batch.lower(y) for y in outs]
                found.extend(m for _, m in lowered)
                return [y for y, _ in lowered]

            specs = [Spec((size, *s.shape), s.dtype) if m else s for s, m in zip(self.specs, mapped, strict=True)]
            body = Body(rows, specs, f"vmap({self.name})", self.level)
            return body, tuple(found)

        return self.derived(("vmap", mapped, size), make)


def _plain(x, spec):
    """Whether a program can take an array as it is."""
    return type(x) is np.ndarray and x.dtype == spec.dtype and x.flags.c_contiguous and x.flags.aligned


# ------------------------------------------------------------------------------------------------ the primitive
@primitive(core=None, n_out=-1, kernel=lambda *leaves, body, wanted=(): body.run(leaves), internal=True)
def compiled_call(*leaves, body, wanted=()):
    """A compiled function as one operation.

    Derivative: that of the function, as another compiled function. Cost: that of the function.
    """
    return replay(body.trace.graph, leaves)


OPENED.add(compiled_call)
compiled_call.def_shape(lambda *specs, body, wanted=(): body.out_specs)


@compiled_call.def_vjp
def _(ct, leaves, body, wanted):
    given = tuple(k for k, c in enumerate(ct) if c is not None)
    pulled, places = body.vjp(wanted, given)
    found = [None] * len(leaves)
    if places:
        cts = tuple(ct[k] for k in given)
        for k, g in zip(places, bind(compiled_call, (*leaves, *cts), {"body": pulled}), strict=True):
            found[k] = g
    return tuple(found)


@compiled_call.def_jvp
def _(t, leaves, body):
    moving = tuple(k for k, s in enumerate(t) if s is not None)
    pushed, places = body.jvp(moving)
    found = [None] * len(body.out_specs)
    if places:
        outs = bind(compiled_call, (*leaves, *(t[k] for k in moving)), {"body": pushed})
        for k, s in zip(places, outs, strict=True):
            found[k] = s
    return tuple(found)


def _on_tape(tape, p, args, params):
    """One node, which knows of which inputs a derivative can be wanted."""
    values = tuple([tape.lower(a) for a in args])
    outs = bind(p, values, params)
    if not inexact(outs):
        return outs
    wanted = tuple(k for k, a in enumerate(args) if tape.ref_of(a) >= 0 and inexact(values[k]))
    return tape.record_here(p, args, {"body": params["body"], "wanted": wanted}, values, outs)


def _on_batch(batch, args, params):
    lowered = [batch.lower(a) for a in args]
    body, rows = params["body"].batched(tuple(m for _, m in lowered), batch.size)
    outs = bind(compiled_call, tuple(y for y, _ in lowered), {"body": body})
    return tuple(batch.variable(y) if m else y for y, m in zip(outs, rows, strict=True))


compiled_call.tape_rule = _on_tape
compiled_call.batch_rule = _on_batch


@compiled_call.def_samples
def _(rng):
    body = Body(lambda x: [np.sin(x) * x, np.sum(x * x)], [Spec((3,))], "sample")
    yield sample(rng.standard_normal(3), body=body)


# ------------------------------------------------------------------------------------------------ public
class Static:
    """A value that is part of the signature: it compares by value and type."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return type(other) is Static and type(other.value) is type(self.value) and other.value == self.value

    def __hash__(self):
        return hash((type(self.value), self.value))


def _is_number(x):
    return type(x) in (float, int, complex)


class compile(Door):
    """A function as one fused program per signature.

    Parameters
    ----------
    f : callable
        Of arrays or containers of arrays. It is run once per signature, on Variables without values.
    static_argnums : int or tuple of int
        Positional arguments that are values for Python: lengths, options. They are part of the signature, so they
        must be hashable. Strings, bools and other hashable objects that are not numbers are static anyway.
    static_argnames : str or tuple of str
        The same for keyword arguments.
    donate_argnums : int or tuple of int
        Positional arguments that the caller does not need any more: a result may be written over them.
    memory_limit : int, optional
        Bytes of intermediate results and outputs that a call may allocate. If more are needed, steps run twice instead
        of keeping what they make; results are the same to the last bit.
    level : {"none", "basic", "standard", "aggressive"}
        How much is rewritten. Up to "standard" results are those of eager mode up to rounding of fused sums and of
        factorisations that are shared; "aggressive" also uses identities that change rounding.

    Returns
    -------
    callable
        The same function; `lower` shows what becomes of it, `profile` what it costs. With ``out=``, arrays in the structure of the result (None
        for those that are not wanted so), results are written there, unless `f` has an argument `out` itself.

    Raises
    ------
    TracingError
        When called, if `f` needs a value, as in ``if x > 0``. The message shows the line and what to do.
    TypeError
        If `f` is not callable, or a static argument is not hashable.
    MemoryError
        Before anything is computed, if more than `memory_limit` is needed; it says how much would do.
    RecursionError
        If `f` calls itself with the same shapes while it is traced.

    Notes
    -----
    Derivative: of any order; ``compile(grad(f))``, ``grad(compile(f))``, ``vmap`` and `compile` inside `compile` all
    work. What `f` closes over is constant from the first call on, but for tracked Variables, whose derivatives flow.
    Side effects happen once per signature. Cost: milliseconds for a signature that is new; then no Python per
    operation.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> f = ad.compile(ad.value_and_grad(lambda x: np.sum(np.sin(x) * x)))
    >>> f(np.array([0.0, np.pi / 2]))
    (np.float64(1.5707963267948966), array([0., 1.]))
    """

    def __new__(
        cls, f=None, *, static_argnums=(), static_argnames=(), donate_argnums=(), memory_limit=None, level="standard"
    ):
        if f is None:  # as a decorator with options
            return functools.partial(
                cls, static_argnums=static_argnums, static_argnames=static_argnames, donate_argnums=donate_argnums,
                memory_limit=memory_limit, level=level,
            )  # fmt: skip
        return super().__new__(cls)

    def __init__(
        self, f=None, *, static_argnums=(), static_argnames=(), donate_argnums=(), memory_limit=None, level="standard"
    ):
        if not callable(f):
            raise TypeError(f"compile: the first argument must be a function, not {f!r}")
        if level not in LEVELS:
            raise ValueError(f"compile: level must be one of {', '.join(map(repr, LEVELS))}, not {level!r}")
        self.function, self.level = f, level
        self.static_argnums = (static_argnums,) if isinstance(static_argnums, int) else tuple(static_argnums)
        self.static_argnames = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
        self.donate_argnums = (donate_argnums,) if isinstance(donate_argnums, int) else tuple(donate_argnums)
        self.memory_limit = memory_limit
        self.__wrapped__ = f
        self.__name__ = name_of(f)
        self.__doc__ = getattr(f, "__doc__", None)
        self._bodies = collections.OrderedDict()
        self._lock = threading.RLock()
        self._tracing = threading.local()

    def __reduce__(self):
        options = "static_argnums", "static_argnames", "donate_argnums", "memory_limit", "level"
        return _restore, (self.function, {name: getattr(self, name) for name in options})

    def __repr__(self):
        return f"<compile({self.__name__})>"

    def __get__(self, instance, owner):
        return self if instance is None else _Method(self, instance)

    # -------------------------------------------------------------------------------- signatures
    def _split(self, args, kwargs):
        """Leaves, their structure, which of them are arrays, and the key of the signature."""
        static = {k + len(args) if -len(args) <= k < 0 else k for k in self.static_argnums}
        for k in static:
            if not 0 <= k < len(args) and not kwargs:
                raise ValueError(
                    f"compile of {self.__name__}: static_argnums {k} for {len(args)} positional argument(s)"
                )
        given = tuple(Static(a) if k in static else a for k, a in enumerate(args))
        named = {k: Static(a) if k in self.static_argnames else a for k, a in kwargs.items()}
        leaves, structure = flatten((given, named))
        moving, key = [], [structure]
        for k, x in enumerate(leaves):
            if _is_number(x):
                moving.append(k)
                key.append(type(x))
            elif isinstance(x, (Variable, np.ndarray, np.generic, Spec)) and not isinstance(x, (bool, np.bool_)):
                moving.append(k)
                if isinstance(x, np.ndarray) and x.dtype.kind not in "biufc":
                    x = leaves[k] = as_array(x)
                    if x.dtype.kind not in "biufc":
                        raise TypeError(
                            f"compile of {self.__name__}: an argument has dtype {x.dtype}; give an array of numbers, "
                            "or make it static (static_argnums, static_argnames)"
                        )
                if isinstance(x, (np.ndarray, np.generic)) and not x.dtype.isnative:
                    x = leaves[k] = x.astype(x.dtype.newbyteorder("="))
                key.append(spec_of(x))
            else:
                if type(x) is not Static:
                    leaves[k] = x = Static(x)
                try:
                    hash(x)
                except TypeError:
                    raise TypeError(
                        f"compile of {self.__name__}: a static argument of type {type(x.value).__name__} cannot be "
                        "hashed, so it cannot be part of the signature; give a tuple instead of a list, or an array "
                        "that is not static"
                    ) from None
                key.append(x)
        return leaves, structure, moving, tuple(key)

    def _body(self, leaves, structure, moving, key):
        """The body for a signature: known, or traced now; and if all is known that it runs on, with its program."""
        with self._lock:
            found = self._bodies.get(key)
            if found is not None:
                self._bodies.move_to_end(key)
                return found
            active = self._tracing.__dict__.setdefault("keys", set())
            if key in active:
                raise RecursionError(
                    f"compile of {self.__name__}: it calls itself with the same shapes while it is traced, which "
                    "never ends, because no value is known that could end it. Use while_loop or fori_loop, make the "
                    "depth a static argument (static_argnums), or call the function that is not compiled"
                )
            active.add(key)
            try:
                with uncollected():
                    body = self._trace(leaves, structure, moving)
                    if not body.lifted and not any(type(leaves[k]) is Variable for k in moving):
                        body.steps()
            finally:
                active.discard(key)
            if not body.lifted:  # tracked Variables from outside are others at the next call
                self._bodies[key] = body
                while len(self._bodies) > MOST_SIGNATURES:
                    self._bodies.popitem(last=False)
            return body

    def _trace(self, leaves, structure, moving):
        known = [x.value if type(x) is Static else x for x in leaves]

        def function(*values):
            filled = list(known)
            for k, x in zip(moving, values, strict=True):
                filled[k] = x
            args, kwargs = unflatten(structure, filled)
            return self.function(*args, **kwargs)

        specs = [spec_of(as_array(leaves[k])) for k in moving]
        weak = [j for j, k in enumerate(moving) if _is_number(leaves[k])]
        donated = self._donated(structure, moving)
        try:
            return Body(function, specs, self.__name__, self.level, weak, donated, self.memory_limit)
        except TracingError as error:
            raise _explained(error, self.__name__) from error

    def _donated(self, structure, moving):
        """Which of the arrays belong to donated arguments."""
        if not self.donate_argnums:
            return frozenset()
        positional = structure.children[0].children
        given, first = [], 0
        for child in positional:
            count = _leaf_count(child)
            given.append(range(first, first + count))
            first += count
        places = {k for a in self.donate_argnums if -len(given) <= a < len(given) for k in given[a]}
        return frozenset(j for j, k in enumerate(moving) if k in places)

    def _takes_out(self):
        """Whether `out` is an argument of the function itself."""
        try:
            return "out" in inspect.signature(self.function).parameters
        except (TypeError, ValueError):
            return False

    # -------------------------------------------------------------------------------- calls
    def slow(self, args, kwargs):
        """A call whose arguments are not plain arrays of the last signature."""
        out = None
        if "out" in kwargs and not self._takes_out():
            kwargs = dict(kwargs)
            out = kwargs.pop("out")
        leaves, structure, moving, key = self._split(args, kwargs)
        body = self._body(leaves, structure, moving, key)
        values = [as_array(leaves[k]) for k in moving]
        if body.lifted or any(type(x) is Variable or type(x) is Spec for x in values):
            outs = bind(compiled_call, (*values, *body.lifted), {"body": body})
            return unflatten(body.structure, [finish(y) for y in outs])
        if out is not None:
            return unflatten(body.structure, list(body.run(values, self._given(out, body))))
        outs = body.run(values)
        if body.program.overwrites:
            return unflatten(body.structure, list(outs))
        if not kwargs and len(values) == len(args) and all(x is a for x, a in zip(values, args, strict=True)):
            one, nested = body.structure is LEAF, _nested(body.structure)
            if one or nested is not None:
                self.remember(body.program, args, one, None if one or nested == tuple(range(len(outs))) else nested)
        return unflatten(body.structure, list(outs))

    def _given(self, out, body):
        """The arrays of ``out=`` by result; ValueError or TypeError if they do not fit."""
        given, structure = flatten(_holes(out))
        if structure != body.structure:
            raise ValueError(f"compile of {self.__name__}: out is {structure}, the result {body.structure}")
        for y, s in zip(given, body.out_specs, strict=True):
            if y is _NOT_WANTED:
                continue
            if not isinstance(y, np.ndarray):
                raise TypeError(f"compile of {self.__name__}: out holds a {type(y).__name__}; give ndarrays")
            if y.shape != s.shape:
                raise ValueError(f"compile of {self.__name__}: out has shape {y.shape}, the result {s.shape}")
            if not np.can_cast(s.dtype, y.dtype, "same_kind"):
                raise TypeError(f"compile of {self.__name__}: out has dtype {y.dtype}, the result {s.dtype}")
        return [None if y is _NOT_WANTED else y for y in given]

    def profile(self, *args, repeat=5, **kwargs):
        """Measure every step of a call.

        Parameters
        ----------
        *args, **kwargs
            As in a call.
        repeat : int
            Runs, of which each step's shortest time counts. The first call is made beforehand.

        Returns
        -------
        Profile
            It prints, with time, work and memory of each step; `save` writes a page, a picture or a Chrome trace.

        Examples
        --------
        >>> import numpy as np
        >>> import scirs_ad as ad
        >>> profile = ad.compile(lambda a, x: np.sin(a @ x)).profile(np.ones((200, 200)), np.ones(200))
        >>> [row.call for row in profile.rows], profile.seconds > 0
        (['matvec_core(x0, x1)', 'region of 1(a)'], True)
        """
        if isinstance(repeat, bool) or not isinstance(repeat, int) or repeat < 1:
            raise ValueError(f"compile: profile takes a positive int for repeat, not {repeat!r}")
        leaves, structure, moving, key = self._split(args, kwargs)
        body = self._body(leaves, structure, moving, key)
        if body.lifted or any(type(value_of(leaves[k])) is Spec for k in moving):
            raise TypeError(f"compile of {self.__name__}: profile needs arrays, not what is tracked or traced")
        return body.profile([as_array(leaves[k]) for k in moving], repeat)

    def lower(self, *args, **kwargs):
        """What becomes of the function for arguments like these (arrays or Specs).

        Returns
        -------
        Lowered
            With `traced`, `rebuilt`, `fused` and `program`, each of which prints.
        """
        return Lowered(self._body(*self._split(args, kwargs)))


def _restore(f, options):
    return compile(f, **options)


_NOT_WANTED = object()


def _holes(out):
    """`out` with a leaf in the place of every None of a tuple or list."""
    if out is None:
        return _NOT_WANTED
    if type(out) in (tuple, list):
        return type(out)(map(_holes, out))
    return {k: _holes(v) for k, v in out.items()} if type(out) is dict else out


def _leaf_count(structure):
    return 1 if type(structure) is Leaf else sum(map(_leaf_count, structure.children))


class _Method:
    """A compiled method of an instance, which is a static argument."""

    def __init__(self, compiled, instance):
        self.compiled, self.instance = compiled, instance

    def __call__(self, *args, **kwargs):
        return self.compiled(self.instance, *args, **kwargs)

    def lower(self, *args, **kwargs):
        return self.compiled.lower(self.instance, *args, **kwargs)

    def profile(self, *args, **kwargs):
        return self.compiled.profile(self.instance, *args, **kwargs)


def _nested(structure):
    """A structure of tuples alone, as nested tuples of the positions of its leaves; None for others."""
    count = iter(range(1 << 30))

    def walk(s):
        if type(s) is Leaf:
            return next(count)
        if s.kind is not tuple:
            raise ValueError
        return tuple([walk(c) for c in s.children])

    try:
        return walk(structure)
    except ValueError:
        return None


def _explained(error, name):
    """A TracingError that shows the user's line and the remedies."""
    line = ""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith((HERE, "scirs_ad")) and frame.line:  # compiled modules have relative names
            line = f'\n  File "{frame.filename}", line {frame.lineno}, in {frame.name}\n    {frame.line}'
            break
    return TracingError(
        f"compile of {name}: {error}{line}\nA compiled function is run once without values. Use where or cond for "
        "a choice, while_loop, fori_loop or scan for a loop, static_argnums or static_argnames for a value that "
        "decides about shapes; or do not compile this part"
    )


class Lowered:
    """A function at each step of the compiler.

    Attributes
    ----------
    traced, rebuilt : FlatGraph
    report : Counter
        What rebuilding changed, by identity.
    fused : FusedGraph
    program : Program
    flops : int
        Operations on numbers, an elementwise function counted as one.
    bytes : int
        Read and written by all steps; what stays inside a region is not.
    plan : Plan
        Where everything lies in memory, and when.
    peak_memory : int
        Bytes that a call allocates at most: the arena, results, and results of kernels of other libraries.
    """

    def __init__(self, body):
        self.traced = body.trace.graph
        self.rebuilt, self.report, self.plan = body.steps()
        self.fused, self.program, self.peak_memory = self.plan.fused, self.plan.program, self.plan.peak
        self.flops, self.bytes = cost(self.fused)

    def __repr__(self):
        return (
            f"<Lowered {self.traced.name}: {len(self.traced)} op(s) traced, {len(self.rebuilt)} rebuilt, "
            f"{len(self.fused)} step(s), {len(self.program.instructions)} instruction(s); {self.flops} flops, "
            f"{self.bytes} bytes moved, {self.peak_memory} bytes of memory>"
        )
