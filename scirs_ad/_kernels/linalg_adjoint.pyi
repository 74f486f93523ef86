from numpy import ndarray
from numpy.typing import ArrayLike

def cholesky_pull(l: ArrayLike, ct: ArrayLike) -> ndarray: ...
