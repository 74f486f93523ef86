"""scipy.special by name: every ufunc, and what is built on them.

Each function takes arrays and Variables; its documentation says with respect to which arguments it has a derivative.
A derivative that does not exist raises NotDifferentiableError when it is asked for. Other functions of scipy.special
(zeros, roots, counts) are SciPy's own, for arguments that carry no derivative.
"""

from scirs_ad._core.lazy import lazy
from scirs_ad._ops import special_composed, special_counts
from scirs_ad._ops.special import PAGES
from scirs_ad._ops.special_composed import *  # noqa: F403
from scirs_ad._ops.special_composed import passed as _passed
from scirs_ad._ops.special_counts import *  # noqa: F403

_sp = lazy("scipy.special")  # loaded when something of it is needed

_functions = {*special_composed.__all__, *special_counts.__all__}
__all__ = sorted({name for name, page in PAGES.items() if not page.internal} | _functions)

globals().update({name: PAGES[name] for name in __all__ if name not in _functions})


def __getattr__(name):
    if name.startswith("_") or name not in _sp.__all__:
        raise AttributeError(f"module 'scirs_ad.scipy.special' has no attribute {name!r}")
    globals()[name] = found = _passed(name)
    return found


def __dir__():
    return sorted({*__all__, *_sp.__all__})
