from numpy import ndarray
from numpy.typing import ArrayLike

def matmul(a: ArrayLike, b: ArrayLike) -> ndarray: ...
