"""The pages of scipy.special, all of them: imported at first use, so that `import scirs_ad` stays quick."""

from scirs_ad._core.define import seal
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import special_bessel, special_cdf, special_elliptic, special_error, special_gamma, special_hyper
from scirs_ad._ops.special_base import PAGES

__all__ = ["PAGES"]

_FAMILIES = (special_bessel, special_cdf, special_elliptic, special_error, special_gamma, special_hyper)
# Base functions that SciPy has under a name of its own.
PAGES.update(
    cbrt=ew.cbrt, exp2=ew.exp2, expm1=ew.expm1, log1p=ew.log1p, expit=ew.sigmoid, psi=PAGES["digamma"], round=ew.rint
)
seal()
