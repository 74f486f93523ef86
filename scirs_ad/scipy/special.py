"""scipy.special by name: every ufunc, and what is built on them.

Each function takes arrays and Variables; its documentation says with respect to which arguments it has a derivative.
A derivative that does not exist raises NotDifferentiableError when it is asked for. Other functions of scipy.special
(zeros, roots, counts) are SciPy's own, for arguments that carry no derivative.
"""

from scirs_ad._core.lazy import lazy
from scirs_ad._ops.softmax import log_softmax as log_softmax
from scirs_ad._ops.softmax import logsumexp as logsumexp
from scirs_ad._ops.softmax import softmax as softmax
from scirs_ad._ops.softmax import softplus as softplus

_pages = lazy("scirs_ad._ops.special_names")  # 9 ms, and SciPy's own ten times that: when something of it is needed
_composed = lazy("scirs_ad._ops.special_composed")
_sp = lazy("scipy.special")


def __getattr__(name):
    if name == "__all__":
        found = sorted(_pages.NAMES)
    elif name.startswith("_"):
        raise AttributeError(f"module 'scirs_ad.scipy.special' has no attribute {name!r}")
    elif name in _pages.NAMES:
        found = _pages.NAMES[name]
    elif name in _sp.__all__:
        found = _composed.passed(name)
    else:
        raise AttributeError(f"module 'scirs_ad.scipy.special' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__():
    return sorted({*_pages.NAMES, *_sp.__all__})
