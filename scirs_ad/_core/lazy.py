"""Modules that are imported at their first use: `import scirs_ad` stays quick and does not load SciPy."""

import contextlib
import importlib
import sys

__all__ = ["lazy"]


class lazy:
    """Stands for a module; imports it at the first access to an attribute.

    Parameters
    ----------
    name : str
        The module's full name.
    within : callable
        Makes the context in which it is imported.

    Examples
    --------
    >>> from scirs_ad._core.lazy import lazy
    >>> special = lazy("scipy.special")
    >>> special.gamma(5.0)
    np.float64(24.0)
    """

    def __init__(self, name, within=contextlib.nullcontext):
        self.__dict__.update(_name=name, _within=within)

    def __getattr__(self, attribute):
        with self._within() if self._name not in sys.modules else contextlib.nullcontext():
            module = importlib.import_module(self._name)
        found = getattr(module, attribute)
        self.__dict__[attribute] = found  # the next access finds it without asking
        return found

    def __repr__(self):
        return f"<lazy module {self._name}>"
