"""Arrays from and for other libraries, by the DLPack protocol."""

import numpy as np

from scirs_ad._core.core import Spec, Variable, install_methods, shape_of, value_of
from scirs_ad._ops.dtypes import check_device

__all__ = ["from_dlpack"]


def _dlpack(self, *, stream=None, max_version=None, dl_device=None, copy=None):
    """The memory of the array as a DLPack capsule; only without derivative.

    The memory is shared. What is assigned to the Variable later is not seen by the other library.

    Parameters
    ----------
    stream : None
        There is none on a CPU.
    max_version : tuple of int, optional
        The newest version of DLPack that the caller understands.
    dl_device : tuple of int, optional
        ``(1, 0)``: the CPU.
    copy : bool, optional
        True: not shared.

    Returns
    -------
    PyCapsule

    Raises
    ------
    BufferError
        If the Variable is tracked, or another device is asked for.
    """
    value = value_of(self)
    if type(value) is Spec:
        raise BufferError(f"__dlpack__: a traced array of shape {shape_of(self)} has no memory yet")
    if self.level is not None:
        raise BufferError(
            f"__dlpack__ would drop the derivative of a {value.dtype} array of shape {shape_of(self)}; give the other "
            "library scirs_ad.value(x) or scirs_ad.stop_gradient(x) if no derivative is wanted"
        )
    if dl_device not in (None, (1, 0)):
        raise BufferError(f"__dlpack__: the array is in the memory of the CPU, (1, 0), not of device {dl_device}")
    more = {"max_version": max_version, "dl_device": dl_device, "copy": copy}
    return value.__dlpack__(stream=stream, **{name: x for name, x in more.items() if x is not None})


def _dlpack_device(self):
    """Type and number of the device in the words of DLPack: ``(1, 0)``, the CPU."""
    del self
    return 1, 0


def from_dlpack(x, /, *, device=None, copy=None):
    """An array from an object of another library, by the DLPack protocol.

    Parameters
    ----------
    x : object
        With ``__dlpack__``: an array of NumPy, PyTorch, JAX, CuPy (which has to lie on the CPU).
    device : {None, "cpu"}
    copy : bool, optional
        True: always; False: never (an error where it would have to be). By default the memory is shared where it can
        be. What is assigned to the Variable is never written there.

    Returns
    -------
    Variable

    Raises
    ------
    AttributeError
        If the object does not have the protocol.
    BufferError
        If the other library cannot hand out its memory, for instance because the array carries a derivative there.
    ValueError
        If there is no such device.

    Notes
    -----
    Derivative: none; the other library's is not carried over. A Variable stays what it is. Cost: none, or one copy.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.numpy as anp
    >>> anp.from_dlpack(np.ones(2))
    Variable([1., 1.])
    """
    check_device(device, "from_dlpack")
    if isinstance(x, Variable):
        return Variable(x)
    if not hasattr(x, "__dlpack__"):
        raise AttributeError(f"from_dlpack: a {type(x).__name__} has no __dlpack__; use scirs_ad.numpy.asarray")
    found = np.from_dlpack(x) if copy is None else np.from_dlpack(x, copy=copy)
    return Variable(found)


install_methods({"__dlpack__": _dlpack, "__dlpack_device__": _dlpack_device})

# pandas' operators leave those of classes with a higher number to the other operand (a DataFrame has 4000). Ours take
# the numbers and drop the labels; pandas would make an object Series of each element.
install_methods({"__pandas_priority__": 5000})
