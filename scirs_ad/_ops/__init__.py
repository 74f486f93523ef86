"""The pages: one place for each operation. Imported from the bottom up."""

from scirs_ad._ops import elementwise  # noqa: F401
from scirs_ad._ops import shape  # noqa: F401
from scirs_ad._ops import complex  # noqa: F401, A004
from scirs_ad._ops import fused  # noqa: F401
from scirs_ad._ops import accumulate  # noqa: F401
from scirs_ad._ops import reduce  # noqa: F401
from scirs_ad._ops import products  # noqa: F401
from scirs_ad._ops import einsum  # noqa: F401
from scirs_ad._ops import gather  # noqa: F401
from scirs_ad._ops import index  # noqa: F401
from scirs_ad._ops import join  # noqa: F401
from scirs_ad._ops import arrange  # noqa: F401
from scirs_ad._ops import borders  # noqa: F401
from scirs_ad._ops import select  # noqa: F401
from scirs_ad._ops import bins  # noqa: F401
from scirs_ad._ops import diagonals  # noqa: F401
from scirs_ad._ops import write  # noqa: F401
from scirs_ad._ops import sorting  # noqa: F401
from scirs_ad._ops import sets  # noqa: F401
from scirs_ad._ops import linalg  # noqa: F401
from scirs_ad._ops import decompositions  # noqa: F401
from scirs_ad._ops import norms  # noqa: F401
from scirs_ad._ops import protocol  # noqa: F401
from scirs_ad._ops import methods  # noqa: F401
