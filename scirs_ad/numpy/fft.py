"""Discrete Fourier transforms with NumPy's names and signatures."""

from scirs_ad._ops.fft import *  # noqa: F403
from scirs_ad._ops.fft import __all__  # noqa: F401
