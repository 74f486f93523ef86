"""Modules that are imported at their first use: `import scirs_ad` stays quick and does not load SciPy."""

import importlib

__all__ = ["lazy"]


class lazy:
    """Stands for a module; imports it at the first access to an attribute.

    Parameters
    ----------
    name : str
        The module's full name.

    Examples
    --------
    >>> from scirs_ad._core.lazy import lazy
    >>> special = lazy("scipy.special")
    >>> special.gamma(5.0)
    np.float64(24.0)
    """

    def __init__(self, name):
        self.__dict__["_name"] = name

    def __getattr__(self, attribute):
        found = getattr(importlib.import_module(self._name), attribute)
        self.__dict__[attribute] = found  # the next access finds it without asking
        return found

    def __repr__(self):
        return f"<lazy module {self._name}>"
