"""What the installed releases of NumPy and SciPy are, for tests of what older ones lack."""

import numpy as np
import scipy


def _release(module):
    return tuple(map(int, module.__version__.split(".")[:2]))


NUMPY, SCIPY = _release(np), _release(scipy)
