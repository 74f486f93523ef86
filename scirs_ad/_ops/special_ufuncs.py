"""Our pages for the ufuncs of scipy.special, when it is loaded: it takes a quarter of a second, our pages a twentieth."""

import scipy.special as sp
from scipy.special import _ufuncs as _inner

from scirs_ad._ops.protocol import UFUNCS
from scirs_ad._ops.special import PAGES

__all__ = ["PAGES"]

UFUNCS.update({getattr(sp, name): page for name, page in PAGES.items() if hasattr(sp, name)})
# What scipy.special.zeta and lambertw call: ufuncs that SciPy keeps to itself, where they are still there.
for _hidden, _page in (("_zeta", "zeta"), ("_riemann_zeta", "riemann_zeta"), ("_lambertw", "lambertw")):
    if hasattr(_inner, _hidden):
        UFUNCS[getattr(_inner, _hidden)] = PAGES[_page]
