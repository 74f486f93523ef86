"""scipy.sparse by name, as far as it has derivatives: solvers, in `scirs_ad.scipy.sparse.linalg`."""

from scirs_ad.scipy.sparse import linalg

__all__ = ["linalg"]
