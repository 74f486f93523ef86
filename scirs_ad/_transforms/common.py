"""What the transforms share: names for messages, arguments, results."""

import numpy as np

from scirs_ad._core.core import Variable, as_array

__all__ = ["Transform", "advise", "differentiated", "finish", "name_of", "pack", "pack_leaf"]


class Transform:
    """A function made from a function: picklable, with the name and documentation of the original."""

    def __init__(self, f, **options):
        if not callable(f):
            raise TypeError(f"{type(self).__name__}: the first argument must be a function, not {f!r}")
        self.function = f
        self.options = options
        self.__wrapped__ = f
        self.__name__ = f"{type(self).__name__}({name_of(f)})"
        self.__doc__ = getattr(f, "__doc__", None)
        argnums = options.get("argnums", 0)
        if isinstance(argnums, list):
            argnums = tuple(argnums)
        if not _is_argnum(argnums) and not (
            isinstance(argnums, tuple) and argnums and all(_is_argnum(k) for k in argnums)
        ):
            raise TypeError(f"{type(self).__name__}: argnums must be an int or a tuple of ints, not {argnums!r}")
        if "argnums" in options:
            options["argnums"] = tuple(map(int, argnums)) if isinstance(argnums, tuple) else int(argnums)

    def __reduce__(self):
        return _remake, (type(self), self.function, self.options)

    def __repr__(self):
        return f"<{self.__name__}>"

    def __get__(self, instance, owner):
        # A decorated method stays a method: self is the first argument, so argnums count from there.
        if instance is None:
            return self
        return _Bound(self, instance)


class _Bound:
    """A transform as a bound method."""

    def __init__(self, transform, instance):
        self.transform, self.instance = transform, instance

    def __call__(self, *args, **kwargs):
        return self.transform(self.instance, *args, **kwargs)


def _remake(cls, function, options):
    return cls(function, **options)


def _is_argnum(k):
    return isinstance(k, (int, np.integer)) and not isinstance(k, bool)


def name_of(f):
    """The name of a function, for messages."""
    return getattr(f, "__name__", None) or type(f).__name__


def advise(f, error):
    """Say what an error is about that NumPy raises for an object array, or for an array that it does not know."""
    text = str(error)
    if "scirs_ad" not in text and any(word in text for word in ("object", "ufunc", "dtype('O')")):
        error.add_note(
            f"scirs_ad: while {name_of(f)} was differentiated, an array of Variables came to a function that does not "
            "take them. Use NumPy functions that do, or those of scirs_ad.numpy and scirs_ad.scipy; or swap all of them "
            "by native=True (see scirs_ad.native)"
        )


def differentiated(f, args, argnums, what):
    """The arguments at `argnums`."""
    for k in (argnums,) if not isinstance(argnums, tuple) else argnums:
        if not -len(args) <= k < len(args):
            raise ValueError(
                f"{what} of {name_of(f)}: argnums={argnums} does not fit {len(args)} positional argument(s)"
            )
    return tuple(args[k] for k in argnums) if isinstance(argnums, tuple) else args[argnums]


def finish(x):
    """A result as users get it: an ndarray, for a scalar a NumPy scalar; a Variable where a level is still open."""
    if type(x) is np.ndarray and x.ndim == 0:
        return x[()]
    return x


def pack_leaf(y):
    """A leaf of an output: an object array of Variables, or a labelled array that holds one, becomes a Variable."""
    if type(y) is Variable:
        return y
    if isinstance(y, np.ndarray):
        return as_array(y) if y.dtype.kind == "O" else y
    held = getattr(y, "data", None)  # xarray's arrays hold ours as they are
    return held if type(held) is Variable else y


def pack(y):
    """An output as one array: what SciPy makes an array of (lists of numbers, of rows) becomes one."""
    return as_array(pack_leaf(y))
