"""scipy.linalg by name, on Variables and arrays alike: what is there so far."""

from scirs_ad._ops.decompositions import eigvals, eigvalsh, svdvals
from scirs_ad._ops.linalg import det, inv
from scirs_ad._ops.norms import norm

__all__ = ["det", "eigvals", "eigvalsh", "inv", "norm", "svdvals"]
