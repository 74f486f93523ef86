"""native: a function made again with other globals, so that what does not dispatch keeps derivatives too.

A Python function is its code and the names that it looks up. `native` makes a second function of the same code whose
globals, closure and defaults show stand-ins: of `numpy`, `scipy` and `math`, of the user's own modules, functions,
classes and objects. Neither the function nor its module is changed.

What is swapped where: `_ops.stand_ins` says it for `math`, for types and for what NumPy does not dispatch; all other
functions of NumPy and SciPy go to their namesakes in `scirs_ad.numpy` and `scirs_ad.scipy`; SciPy's remaining Python
functions are made again like the user's.
"""

import abc
import builtins
import dis
import functools
import importlib
import sys
import sysconfig
import threading
import types
import weakref

import numpy as np

from scirs_ad._core.core import Variable, value_of
from scirs_ad._core.tree import flatten, unflatten
from scirs_ad._ops import stand_ins
from scirs_ad._transforms.common import Transform, finish, name_of

__all__ = ["native", "swapped"]

_PLAIN = frozenset({
    Variable, np.ndarray, float, int, bool, str, complex, bytes, type(None), np.float64, np.int64, np.dtype, slice,
    types.EllipsisType, types.BuiltinFunctionType, set, frozenset, stand_ins.Function,
})  # fmt: skip
_INSTALLED = tuple({sysconfig.get_path(name) for name in ("purelib", "platlib")})
_CALLABLES = (types.FunctionType, types.BuiltinFunctionType, functools.partial, np.ufunc, type(np.sum))
_HEAP_TYPE = 1 << 9  # of tp_flags
_MOST = 4096  # functions that are remembered: closures made again and again must not pile up
_TABLES = {"math": stand_ins.MATH, "cmath": stand_ins.CMATH, "numbers": stand_ins.NUMBERS, "numpy": stand_ins.NUMPY}


def _all_codes(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _all_codes(constant)


@functools.lru_cache(maxsize=_MOST)
def _written(code):
    """The globals, and the variables of enclosing functions, that a function (with those inside it) assigns to."""
    own, outer = set(), set()
    for inner in _all_codes(code):
        for instruction in dis.get_instructions(inner):
            if instruction.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
                own.add(instruction.argval)
            elif instruction.opname in ("STORE_DEREF", "DELETE_DEREF"):
                outer.add(instruction.argval)
    return frozenset(own), frozenset(outer & set(code.co_freevars))


class _Globals(dict):
    """The globals of a module with stand-ins, which are kept; other values are looked up in the module each time."""

    def __init__(self, base, swapper):
        super().__init__({k: x for k, x in base.items() if k[:2] == "__" == k[-2:]})
        self["__builtins__"] = swapper.builtins
        self.base, self.swapper = base, swapper
        self.kept = {}  # name -> the original of what is kept

    def __missing__(self, name):
        value = self.base.get(name, self)
        swapped = self["__builtins__"][name] if value is self else self.swapper.swap(value)
        if swapped is not value:
            self.kept[name] = value  # `self` for a builtin
            self[name] = swapped
        return swapped

    def refresh(self):
        """Forget what has another value in the module now."""
        for name, original in list(self.kept.items()):
            if self.base.get(name, self) is not original:
                self.kept.pop(name, None)
                self.pop(name, None)


class _Module(types.ModuleType):
    """Stands for a module: its attributes, swapped."""

    def __init__(self, module, swapper):
        super().__init__(module.__name__, module.__doc__)
        table = _TABLES.get(module.__name__, {})
        vars(self).update(_module=module, _swapper=swapper, _table=table, _steady=_top(module.__name__) in _STEADY)

    def __getattr__(self, name):
        found = self._table.get(name)
        if found is None:
            found = self._swapper.swap(getattr(self._module, name), self._module, name)
        if self._steady:  # libraries do not change their attributes
            vars(self)[name] = found
        return found

    def __setattr__(self, name, value):
        setattr(self._module, name, value)

    def __dir__(self):
        return dir(self._module)

    def __repr__(self):
        return repr(self._module)


_STEADY = frozenset({"numpy", "scipy", "math", "cmath", "numbers"})


def _top(name):
    return name.partition(".")[0]


@functools.cache
def _numpy_table():
    """NumPy's functions -> their stand-ins."""
    table = {}
    for name in ("numpy", "numpy.linalg", "numpy.fft"):
        module, door = importlib.import_module(name), importlib.import_module(f"scirs_ad.{name}")
        for attribute, original in vars(module).items():
            ours = vars(door).get(attribute)
            if callable(original) and not isinstance(original, type):
                if ours is not None and ours is not original:
                    table[original] = stand_ins.Function(original, ours)
                elif isinstance(original, np.ufunc) or type(original) is type(np.sum):
                    table[original] = stand_ins.Function(original, original)
    for name, ours in stand_ins.NUMPY.items():
        original = getattr(np, name)
        if getattr(original, "__hash__", None) is not None:
            table[original] = ours
    return table


# Modules whose Python functions stay as they are, but where namesakes of ours are found.
_SHOWN = frozenset({"scipy.sparse", "scipy.sparse.linalg"})


@functools.cache
def _door(name):
    """The module of ours of the same name as one of SciPy's; None where there is none."""
    try:
        return importlib.import_module(f"scirs_ad.{name}")
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("scirs_ad."):
            raise
        return None


class _Remade(type):
    """The class of remade classes: they answer for the original."""

    def __instancecheck__(cls, x):
        return isinstance(x, cls._original)

    def __subclasscheck__(cls, sub):
        return issubclass(vars(sub).get("_original", sub), cls._original)

    def __eq__(cls, other):
        return other is cls or other is cls._original

    def __hash__(cls):
        return hash(cls._original)


class _RemadeABC(_Remade, abc.ABCMeta):
    """The same, of abstract base classes."""


class Swapper:
    """Makes stand-ins, and remembers them.

    Parameters
    ----------
    packages : frozenset of str
        Installed packages whose Python functions are made again too.
    """

    def __init__(self, packages):
        self.packages = packages
        self.lock = threading.RLock()
        self.functions = weakref.WeakKeyDictionary()  # function -> (what it was, stand-in, cells)
        self.classes = weakref.WeakKeyDictionary()
        self.globals = {}  # id of a module's dict -> _Globals
        self.modules = {}
        self.views = {}  # id of an object -> (weak reference, its view)
        self.builtins = {**vars(builtins), **stand_ins.BUILTINS, "__import__": self._import}
        self.handlers = {
            types.FunctionType: self._function, types.ModuleType: self._module, types.MethodType: self._method,
            functools.partial: self._partial, tuple: self._tuple, list: self._functions_in, dict: self._functions_in,
            np.ufunc: self._of_numpy, type(np.sum): self._of_numpy,
        }  # fmt: skip

    # -------------------------------------------------------------------------------- which
    def includes(self, name):
        """Whether the Python functions of a module are made again: the user's, and SciPy's."""
        top = _top(name)
        if name.startswith(("scipy.sparse", "scipy.fft")):  # compiled below; these dispatch, or refuse
            return False
        if top in ("__main__", "scipy") or top in self.packages or name.startswith("scirs_ad.tests"):
            return True
        if top == "numpy":
            return name.startswith("numpy.polynomial") or name.endswith("_polynomial_impl")
        if top == "scirs_ad" or top in sys.stdlib_module_names:
            return False
        file = getattr(sys.modules.get(top), "__file__", None)
        return file is None or not file.startswith(_INSTALLED)

    def swap(self, value, module=None, name=None):
        """The stand-in of a value; the value itself where it needs none."""
        kind = type(value)
        if kind in _PLAIN:
            if kind is types.BuiltinFunctionType:
                return self._builtin(value, module, name)
            return value
        handler = self.handlers.get(kind)
        if handler is not None:
            return handler(value)
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, types.ModuleType):
            return self._module(value)
        return self._object(value, module, name)

    # -------------------------------------------------------------------------------- libraries
    def _of_numpy(self, value):
        found = _numpy_table().get(value)
        if found is None:
            found = self._of_scipy(value, getattr(value, "__module__", None) or "scipy.special", value.__name__)
        return value if found is None else found

    def _builtin(self, value, module, name):
        owner = value.__module__ if module is None else module.__name__
        if owner in ("math", "cmath"):
            return _TABLES[owner].get(value.__name__, value)
        if _top(owner or "") == "numpy":
            try:
                return _numpy_table().get(value, value)
            except TypeError:
                return value
        return value

    def _of_scipy(self, value, owner, name):
        """Our namesake of something in a public module of SciPy; None where there is none."""
        if _top(owner) != "scipy" or owner.count(".") == 0:
            return None
        package = ".".join(owner.split(".")[: 3 if owner.startswith("scipy.sparse.linalg") else 2])
        if getattr(sys.modules.get(package), name, None) is not value:
            return None
        ours = getattr(_door(package), name, None) if _door(package) is not None else None
        if ours is None or ours is value:
            return None
        return stand_ins.Function(value, ours) if isinstance(value, (types.FunctionType, np.ufunc)) else ours

    def _module(self, value):
        name = value.__name__
        if (
            name in _TABLES
            or (_top(name) == "numpy" and not name.startswith("numpy.random"))
            or self.includes(name)
            or name in _SHOWN
        ):
            with self.lock:
                if name not in self.modules or vars(self.modules[name])["_module"] is not value:
                    self.modules[name] = _Module(value, self)
                return self.modules[name]
        return value

    def _import(self, name, globals=None, locals=None, fromlist=(), level=0):
        return self.swap(builtins.__import__(name, globals, locals, fromlist, level))

    # -------------------------------------------------------------------------------- functions
    def globals_of(self, base):
        """The swapped globals of a module."""
        if isinstance(base, _Globals):
            return base
        with self.lock:
            found = self.globals.get(id(base))
            if found is None or found.base is not base:
                self.globals[id(base)] = found = _Globals(base, self)
            return found

    def refresh(self):
        """Bring what is remembered up to the present state of modules and closures."""
        for found in list(self.globals.values()):
            found.refresh()
        for _, _, cells in list(self.functions.values()):
            for own, cell, last in cells:
                if cell.cell_contents is not last[0]:
                    last[0] = cell.cell_contents
                    own.cell_contents = self.swap(last[0])

    def _function(self, f, always=False):
        if isinstance(f.__globals__, _Globals):
            return f
        found = None if always else self._of_scipy(f, f.__module__ or "", f.__name__)
        if found is not None:
            return found
        if not always and not self.includes(f.__globals__.get("__name__") or "__main__"):
            return _numpy_table().get(f, f)
        own, _ = _written(f.__code__)
        if own:
            if always:
                raise TypeError(
                    f"native: {name_of(f)} assigns to the global {sorted(own)[0]!r}, which would not reach its module; "
                    "return the value, or keep it in an object"
                )
            return f  # as it is: a conversion in it is refused where it happens
        with self.lock:
            remembered = self.functions.get(f)
            state = (f.__code__, f.__defaults__, f.__kwdefaults__)
            if remembered is not None and all(a is b for a, b in zip(remembered[0], state, strict=True)):
                return remembered[1]
            if len(self.functions) > _MOST:
                self.functions.clear()
            return self._remade(f, state)

    def _remade(self, f, state):
        _, outer = _written(f.__code__)
        closure, cells, later = [], [], []
        for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
            if name in outer or not _filled(cell):  # shared: what is assigned has to be seen by all
                closure.append(cell)
                continue
            content = cell.cell_contents
            if type(content) in _PLAIN and type(content) is not types.BuiltinFunctionType:
                closure.append(cell)
                continue
            own = types.CellType()
            later.append((own, content, cell))
            closure.append(own)
        new = types.FunctionType(
            f.__code__, self.globals_of(f.__globals__), f.__name__, None, tuple(closure) if closure else None
        )
        self.functions[f] = (state, new, cells)  # before its closure, which may lead back to it
        for own, content, cell in later:
            own.cell_contents = self.swap(content)
            cells.append((own, cell, [content]))
        if f.__defaults__ is not None:
            new.__defaults__ = tuple(self.swap(x) for x in f.__defaults__)
        if f.__kwdefaults__ is not None:
            new.__kwdefaults__ = {k: self.swap(x) for k, x in f.__kwdefaults__.items()}
        new.__dict__.update(f.__dict__)
        new.__module__, new.__qualname__, new.__doc__ = f.__module__, f.__qualname__, f.__doc__
        if hasattr(f, "__annotate__"):  # Python 3.14 evaluates annotations only when they are asked for
            new.__annotate__ = f.__annotate__
        else:
            new.__annotations__ = dict(f.__annotations__)
        return new

    def _method(self, m):
        if isinstance(m.__func__, types.FunctionType) and isinstance(m.__func__.__globals__, _Globals):
            return m
        owner = self.swap(m.__self__)
        function = self.swap(m.__func__)
        return m if function is m.__func__ and owner is m.__self__ else types.MethodType(function, owner)

    def _partial(self, p):
        function = self.swap(p.func)
        args, keywords = [self.swap(a) for a in p.args], {k: self.swap(x) for k, x in p.keywords.items()}
        return functools.partial(function, *args, **keywords)

    def _tuple(self, value):
        new = tuple([self.swap(x) for x in value])
        return value if all(a is b for a, b in zip(value, new, strict=True)) else new

    def _functions_in(self, value):
        """A table of functions is copied; any other list or dict is the user's own, to be written to."""
        items = list(value.values()) if type(value) is dict else value
        if not items or not all(isinstance(x, _CALLABLES) for x in items):
            return value
        return {k: self.swap(x) for k, x in value.items()} if type(value) is dict else [self.swap(x) for x in value]

    # -------------------------------------------------------------------------------- classes and objects
    def _class(self, cls):
        """The class again, of swapped methods, on swapped bases; itself, where it is not plain Python of the user's."""
        if "_original" in vars(cls):
            return cls
        if cls in stand_ins.BY_TYPE:
            return stand_ins.BY_TYPE[cls]
        with self.lock:
            found = self.classes.get(cls)
            if found is None and self._can_be_remade(cls):
                found = self._remade_class(cls)
            return cls if found is None else found

    def _can_be_remade(self, cls):
        if type(cls) not in (type, abc.ABCMeta) or issubclass(cls, (BaseException, tuple)) or not self._written(cls):
            return False
        return all(b is object or b.__module__ in ("abc", "typing") or self._written(b) for b in cls.__mro__)

    def _written(self, cls):
        """Whether a class is Python code, the user's or SciPy's, with a dict in its objects."""
        return self.includes(cls.__module__) and "__slots__" not in vars(cls) and cls.__flags__ & _HEAP_TYPE

    def _remade_class(self, cls):
        bases = tuple(self._class(base) for base in cls.__bases__)
        kind = _RemadeABC if type(cls) is abc.ABCMeta else _Remade
        namespace = {
            k: x for k, x in vars(cls).items() if k not in ("__dict__", "__weakref__", "__class__", "_abc_impl")
        }
        first = {
            "__module__": cls.__module__, "__qualname__": cls.__qualname__, "_original": cls,
            "__class__": property(lambda self: cls), "__getattribute__": self._attribute(cls),
        }  # fmt: skip
        new = kind.__new__(kind, cls.__name__, bases, first)
        self.classes[cls] = new  # before its methods, which may lead back to it
        for name, value in namespace.items():
            if name not in first:
                setattr(new, name, self._member(value))
        return new

    def _member(self, value):
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, property):
            return property(*[None if g is None else self.swap(g) for g in (value.fget, value.fset, value.fdel)])
        if isinstance(value, (staticmethod, classmethod)):
            return type(value)(self.swap(value.__func__))
        if isinstance(value, functools.cached_property):
            new = functools.cached_property(self.swap(value.func))
            new.__set_name__(None, value.attrname)
            return new
        return value

    def _attribute(self, cls):
        get = cls.__getattribute__ if "__getattribute__" in vars(cls) else object.__getattribute__

        def __getattribute__(view, name):
            if name == "__class__":  # swapped code makes more of the swapped; to others it is what the user wrote
                return type(view) if type(sys._getframe(1).f_globals) is _Globals else cls
            value = get(view, name)
            kind = type(value)
            if kind in _PLAIN or (kind is types.MethodType and value.__self__ is view) or name[:2] == "__":
                return value
            return self.swap(value)

        return __getattribute__

    def _object(self, value, module=None, name=None):
        """An object of the user's: another of the remade class, with the same attributes."""
        cls = type(value)
        if _top(cls.__module__) == "scipy":
            found = self._of_scipy(
                value, cls.__module__ if module is None else module.__name__, name or getattr(value, "name", "")
            )
            if found is not None:
                return found
            if cls.__name__ in ("rv_continuous_frozen", "rv_discrete_frozen", "multivariate_normal_frozen"):
                return self._frozen(value)
        if cls is np.vectorize:
            return stand_ins.NUMPY["vectorize"](
                self.swap(value.pyfunc), value.otypes, excluded=value.excluded, signature=value.signature
            )
        if _top(cls.__module__) == "numpy":
            try:
                return _numpy_table().get(value, value)
            except TypeError:
                return value
        if _top(cls.__module__) == "numba" and isinstance(getattr(value, "py_func", None), types.FunctionType):
            return self._function(value.py_func, always=True)
        new = self._class(cls)
        if new is cls or not hasattr(value, "__dict__"):
            return value
        with self.lock:
            found = self.views.get(id(value))
            if found is not None and found[0]() is value:
                return found[1]
            view = object.__new__(new)
            object.__setattr__(view, "__dict__", vars(value))
            key = id(value)
            self.views[key] = (weakref.ref(value, lambda _: self.views.pop(key, None)), view)
            return view

    def _frozen(self, value):
        """A frozen distribution of ours for one of SciPy's."""
        ours = _door("scipy.stats")
        if hasattr(value, "cov_object"):
            return ours.multivariate_normal(value.mean, value.cov_object.covariance, value.allow_singular)
        dist = getattr(ours, value.dist.name, None)
        theirs = getattr(dist, "_original", None)
        if theirs is None or type(theirs) is not type(value.dist):
            return value
        return dist(*[self.swap(a) for a in value.args], **{k: self.swap(x) for k, x in value.kwds.items()})

    def original(self, x):
        """What the user gets back of a result: an object of the class that he wrote."""
        cls = type(x)
        if "_original" not in vars(cls):
            return x
        original = object.__new__(vars(cls)["_original"])
        original.__dict__ = object.__getattribute__(x, "__dict__")
        return original


def _filled(cell):
    """Whether a variable of an enclosing function has a value yet."""
    return cell != types.CellType()


@functools.cache
def _swapper(packages):
    return Swapper(packages)


def swapped(f, flag):
    """`f`, or `native(f)`: for the transforms' option ``native=True``."""
    return native(f) if flag and not isinstance(f, native) else f


class native(Transform):
    """The same function, where also what NumPy, SciPy and Python convert to numbers keeps derivatives.

    Inside `f`, and inside the user's own functions, classes and modules that it uses, `np.zeros` and its like make
    arrays that derivatives can be assigned to; `np.array` of nested lists, `np.asarray`, `np.vectorize`, `math.*`,
    `float()`, `scipy.linalg.*`, `scipy.stats.norm.logpdf` and other functions that NumPy does not dispatch take
    Variables. The text of `f` stays as it is, and so does its module.

    Parameters
    ----------
    f : callable
        A Python function, lambda, method, `functools.partial`, or object with ``__call__``.
    packages : sequence of str
        Names of installed packages whose Python functions are swapped too, beside the package of `f`, everything that
        is not installed, and SciPy.

    Returns
    -------
    callable
        Like `f`. Use it inside any transform; ``grad(f, native=True)`` is short for ``grad(native(f))``.

    Raises
    ------
    TypeError
        If `f` is not written in Python, or assigns to a global variable.

    Notes
    -----
    Derivative: that of `f`. Cost: some 0.1 us for each global name that is looked up, and some microseconds a call.
    Compiled functions (C, Cython, Fortran) run as they are: one that converts a Variable to a number raises
    DerivativeLostError or TypeError. Of a function compiled by Numba the Python function runs. ``int()``, ``bool()``
    and ``math.floor`` give plain numbers, without derivative. Arrays that are handed in, or that a module holds, are
    never written.

    Examples
    --------
    >>> import math
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> @ad.native
    ... def f(x):
    ...     z = np.zeros(2)
    ...     for i in range(2):
    ...         z[i] = math.exp(x[i])
    ...     return z.sum()
    >>> ad.grad(f)(np.array([0.0, 1.0]))
    array([1.        , 2.71828183])
    """

    def __init__(self, f, packages=()):
        if isinstance(packages, str):
            packages = (packages,)
        while isinstance(f, native):
            f, packages = f.function, (*packages, *f.options["packages"])
        super().__init__(f, packages=tuple(packages))
        home = _top(getattr(f, "__module__", None) or type(f).__module__)
        self.swapper = _swapper(frozenset(packages) | ({home} - {"scirs_ad", "numpy", "scipy", "builtins"}))
        self._entry()

    def _entry(self):
        f = self.function
        if isinstance(f, types.FunctionType):
            return self.swapper._function(f, always=True)
        if isinstance(f, Transform):
            return type(f)(swapped(f.function, True), **f.options)
        entry = self.swapper.swap(f)
        if entry is f and not isinstance(f, types.MethodType):
            raise TypeError(
                f"native: {name_of(f)} is not written in Python, so its conversions cannot be swapped; use its namesake "
                "in scirs_ad.numpy or scirs_ad.scipy, or scirs_ad.custom_vjp"
            )
        return entry

    def __call__(self, *args, **kwargs):
        swapper = self.swapper
        swapper.refresh()
        swap = swapper.swap
        out = self._entry()(*[swap(a) for a in args], **{k: swap(a) for k, a in kwargs.items()})
        if type(out) is Variable:
            return finish(value_of(out)) if out.level is None else out
        if type(out) in _PLAIN:
            return out
        leaves, structure = flatten(out)
        return unflatten(structure, [
            finish(value_of(x)) if type(x) is Variable and x.level is None else swapper.original(x) for x in leaves
        ])  # fmt: skip
