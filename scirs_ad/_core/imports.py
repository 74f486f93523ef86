"""What has to be done once another package's module is there: after its import, whenever that is."""

import importlib.util
import sys
import threading

__all__ = ["after_import"]

_waiting = {}  # module -> functions
_searching = threading.local()


class _Finder:
    """Stands first among the finders; of the modules that are waited for, it lets the others find the loader."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in _waiting or getattr(_searching, "name", None) == name:
            return None
        _searching.name = name
        try:
            spec = importlib.util.find_spec(name)
        finally:
            _searching.name = None
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, name)
        return spec


class _Loader:
    """Another loader, and then what was waiting."""

    def __init__(self, loader, name):
        self._loader, self._name = loader, name

    def __getattr__(self, attribute):
        return getattr(self._loader, attribute)

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        for function in _waiting.pop(self._name, ()):
            function(module)
        if not _waiting and _Finder in sys.meta_path:
            sys.meta_path.remove(_Finder)


def after_import(name, function):
    """Call ``function(module)`` as soon as a module is imported: now, if it is already.

    Parameters
    ----------
    name : str
        The module's full name.
    function : callable

    Examples
    --------
    >>> from scirs_ad._core.imports import after_import
    >>> after_import("math", lambda module: print(module.sqrt(4.0)))
    2.0
    """
    if name in sys.modules:
        function(sys.modules[name])
        return
    _waiting.setdefault(name, []).append(function)
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)
