"""What is asked about dtypes, devices and the namespace: the answers of the array API's inspection functions."""

import numpy as np

from scirs_ad._core.core import Variable, dtype_of
from scirs_ad._core.define import elementwise, raises, sample

__all__ = ["__array_namespace_info__", "can_cast", "finfo", "iinfo", "isdtype", "nextafter", "result_type"]

DEVICE = "cpu"
DEFAULT_DTYPES = {
    "real floating": np.dtype(np.float64), "complex floating": np.dtype(np.complex128),
    "integral": np.dtype(np.intp), "indexing": np.dtype(np.intp),
}  # fmt: skip
DTYPES = {
    "bool": ["bool"], "signed integer": ["int8", "int16", "int32", "int64"],
    "unsigned integer": ["uint8", "uint16", "uint32", "uint64"], "real floating": ["float32", "float64"],
    "complex floating": ["complex64", "complex128"],
}  # fmt: skip
KINDS = {
    "integral": ("signed integer", "unsigned integer"),
    "numeric": ("signed integer", "unsigned integer", "real floating", "complex floating"),
}


def check_device(device, name):
    """Raise if something else than the CPU is asked for."""
    if device is not None and device != DEVICE:
        raise ValueError(f"{name}: there is no device {device!r}; the CPU is the only one")


def _dtype(x):
    """`x` itself, or the dtype of an array."""
    return dtype_of(x) if isinstance(x, (Variable, np.ndarray, np.generic)) else x


def result_type(*arrays_and_dtypes):
    """The dtype that arithmetic with the arguments gives.

    Parameters
    ----------
    *arrays_and_dtypes : array_like or dtype
        Python numbers adapt to the others.

    Returns
    -------
    dtype

    Notes
    -----
    Derivative: none. Cost: none.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.numpy as anp
    >>> anp.result_type(anp.ones(3, dtype=np.float32), 1.0)
    dtype('float32')
    """
    return np.result_type(*map(_dtype, arrays_and_dtypes))


def can_cast(from_, to, casting="safe"):
    """Whether a dtype, or that of an array, can be cast to another one.

    Parameters
    ----------
    from_ : dtype or array_like
    to : dtype
    casting : {"no", "equiv", "safe", "same_kind", "unsafe"}

    Returns
    -------
    bool

    Notes
    -----
    Derivative: none. Cost: none.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.can_cast(anp.ones(3), anp.float32)
    False
    """
    return np.can_cast(_dtype(from_), to, casting)


def finfo(type, /):
    """Limits of a floating-point dtype.

    Parameters
    ----------
    type : dtype or array_like
        Of an array its dtype counts; of a complex dtype, that of its parts.

    Returns
    -------
    numpy.finfo

    Raises
    ------
    ValueError
        If the dtype is not a floating-point one.

    Notes
    -----
    Derivative: none. Cost: none.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.finfo(anp.ones(3)).bits
    64
    """
    return np.finfo(_dtype(type))


def iinfo(type, /):
    """Limits of an integer dtype.

    Parameters
    ----------
    type : dtype or array_like
        Of an array its dtype counts.

    Returns
    -------
    numpy.iinfo

    Raises
    ------
    ValueError
        If the dtype is not an integer one.

    Notes
    -----
    Derivative: none. Cost: none.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.iinfo(anp.arange(3)).max
    9223372036854775807
    """
    return np.iinfo(_dtype(type))


def isdtype(dtype, kind):
    """Whether a dtype is of a kind.

    Parameters
    ----------
    dtype : dtype
    kind : dtype, str or tuple of these
        "bool", "signed integer", "unsigned integer", "integral", "real floating", "complex floating", "numeric".

    Returns
    -------
    bool

    Raises
    ------
    TypeError, ValueError
        If the kind is not known.

    Notes
    -----
    Derivative: none. Cost: none.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.isdtype(anp.ones(3).dtype, "real floating")
    True
    """
    return np.isdtype(_dtype(dtype), kind)


class NamespaceInfo:
    """What `scirs_ad.numpy` can do, in the words of the array API."""

    __module__ = "scirs_ad.numpy"

    def capabilities(self):
        """What depends on values: boolean indexing and shapes that depend on values work; so do all ranks to 64."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self):
        """The device where arrays are made."""
        return DEVICE

    def devices(self):
        """All devices."""
        return [DEVICE]

    def default_dtypes(self, *, device=None):
        """The dtypes that arrays have where none is asked for."""
        check_device(device, "default_dtypes")
        return dict(DEFAULT_DTYPES)

    def dtypes(self, *, device=None, kind=None):
        """The dtypes of a kind, by name."""
        check_device(device, "dtypes")
        if kind is None:
            kind = tuple(DTYPES)
        found = {}
        for k in kind if isinstance(kind, tuple) else (kind,):
            if k in DTYPES:
                found.update({name: np.dtype(name) for name in DTYPES[k]})
            elif k in KINDS:
                found.update(self.dtypes(kind=KINDS[k]))
            else:
                raise ValueError(f"dtypes: there is no kind {k!r}; there are {', '.join([*DTYPES, *KINDS])}")
        return found


def __array_namespace_info__():
    """What this namespace can do: dtypes, devices, capabilities.

    Returns
    -------
    NamespaceInfo
        With the methods ``capabilities``, ``default_device``, ``default_dtypes``, ``devices`` and ``dtypes``.

    Notes
    -----
    Derivative: none. Cost: none.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.__array_namespace_info__().devices()
    ['cpu']
    """
    return NamespaceInfo()


@elementwise
def nextafter(x, y):
    """The next floating-point number after `x` towards `y`.

    Derivative: 1 for `x`, 0 for `y`.

    >>> nextafter(1.0, 2.0) - 1.0
    np.float64(2.220446049250313e-16)
    """
    return np.nextafter(x, y)


nextafter.def_partials(lambda: (1.0, None))


@nextafter.def_samples
def _(rng):
    yield sample(rng.uniform(1.0, 2.0, 3), 5.0)
    yield sample(rng.uniform(1.0, 2.0, (2, 1)), rng.uniform(-1.0, 0.0, 3))
    yield sample(rng.uniform(1.0, 2.0, 3).astype(np.float32), np.float32(0.0))
    yield raises(ValueError, np.ones(2), np.ones(3), match="shapes")
