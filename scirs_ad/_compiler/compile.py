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

from scirs_ad._compiler.body import Body, compiled_call
from scirs_ad._compiler.fuse import cost
from scirs_ad._compiler.program import Door
from scirs_ad._compiler.rebuild import LEVELS
from scirs_ad._core.core import Spec, Variable, as_array, bind, spec_of, value_of
from scirs_ad._core.errors import TracingError
from scirs_ad._core.tree import LEAF, Leaf, flatten, unflatten
from scirs_ad._transforms.common import finish, name_of

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
        self._variables = {}  # those of them that were called with Variables and arrays alone, by their Specs
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
                    self._variables.clear()
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
        except TypeError as error:
            # Extension modules ask for an int and then have an error of their own: np.zeros, random generators.
            if isinstance(error, TracingError) or "Variable(traced" in str(error):
                raise _explained(error, self.__name__) from error
            raise

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
        body = self._known(args) if not kwargs else None
        if body is not None:
            outs = bind(compiled_call, args, {"body": body})
            return finish(outs[0]) if body.structure is LEAF else unflatten(body.structure, list(map(finish, outs)))
        out = None
        if "out" in kwargs and not self._takes_out():
            kwargs = dict(kwargs)
            out = kwargs.pop("out")
        leaves, structure, moving, key = self._split(args, kwargs)
        body = self._body(leaves, structure, moving, key)
        values = [as_array(leaves[k]) for k in moving]
        if body.lifted or any(type(x) is Variable or type(x) is Spec for x in values):
            if not body.lifted and not kwargs and all(x is a for x, a in zip(leaves, args, strict=False)):
                short = _short(args) if len(leaves) == len(args) else None
                if short is not None:
                    self._variables[short] = body
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

    def _known(self, args):
        """The body for Variables and arrays, if there is one; to find it by `_split` takes 20 microseconds."""
        if not self._variables or self.static_argnums:
            return None
        short = _short(args)
        return self._variables.get(short) if short is not None else None

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


def _short(args):
    """The Specs of arguments that are Variables or ndarrays, one of them a Variable; None for others."""
    found, some = [], False
    for a in args:
        if type(a) is Variable:
            some = True
        elif type(a) is not np.ndarray or a.dtype.kind not in "biufc" or not a.dtype.isnative:
            return None
        found.append(spec_of(a))
    return tuple(found) if some else None


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
