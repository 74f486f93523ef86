"""NumPy's functions by name, on Variables and arrays alike.

`import numpy as np` works as well, on Variables; this namespace saves NumPy's dispatch (0.4 us a call), makes arrays
that can be assigned to (`zeros`), and is what `Variable.__array_namespace__` returns.
"""

import importlib
import sys

import numpy as np

from scirs_ad import _ops
from scirs_ad._core.core import install
from scirs_ad._ops.accumulate import *
from scirs_ad._ops.arrange import *
from scirs_ad._ops.bins import *
from scirs_ad._ops.borders import *
from scirs_ad._ops.calculus import *
from scirs_ad._ops.complex import angle, conj, imag, real
from scirs_ad._ops.creation import *
from scirs_ad._ops.diagonals import *
from scirs_ad._ops.dtypes import *
from scirs_ad._ops.einsum import *
from scirs_ad._ops.elementwise import (
    abs,
    acos,
    acosh,
    add,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    bitwise_and,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    cbrt,
    ceil,
    copysign,
    cos,
    cosh,
    deg2rad,
    divide,
    equal,
    exp,
    exp2,
    expm1,
    floor,
    floor_divide,
    fmax,
    fmin,
    fmod,
    greater,
    greater_equal,
    heaviside,
    hypot,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    logaddexp2,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    maximum,
    minimum,
    multiply,
    negative,
    not_equal,
    positive,
    rad2deg,
    reciprocal,
    remainder,
    rint,
    sign,
    signbit,
    sin,
    sinh,
    sqrt,
    square,
    subtract,
    tan,
    tanh,
    trunc,
)  # fmt: skip
from scirs_ad._ops.extrema import *
from scirs_ad._ops.interchange import *
from scirs_ad._ops.join import *
from scirs_ad._ops.join import (
    append,
    array_split,
    block,
    column_stack,
    concat,
    concatenate,
    dsplit,
    dstack,
    hsplit,
    hstack,
    split,
    stack,
    unstack,
    vsplit,
    vstack,
)  # fmt: skip
from scirs_ad._ops.moments import *
from scirs_ad._ops.parts import bitwise_count, divmod, frexp, gcd, lcm, ldexp, modf, spacing
from scirs_ad._ops.polynomial import *
from scirs_ad._ops.products import *
from scirs_ad._ops.protocol import float_power, pow, register_namespace
from scirs_ad._ops.reduce import *
from scirs_ad._ops.select import *
from scirs_ad._ops.sets import *
from scirs_ad._ops.shape import astype, broadcast_to, permute_dims, reshape, sum
from scirs_ad._ops.sorting import *
from scirs_ad._ops.statistics import *
from scirs_ad._ops.views import *
from scirs_ad._ops.write import *

arcsin, arccos, arctan, arctan2, arcsinh, arccosh, arctanh = asin, acos, atan, atan2, asinh, acosh, atanh
power, absolute, fabs, conjugate, mod, true_divide = pow, abs, abs, conj, remainder, divide
degrees, radians, invert, left_shift, right_shift = (
    rad2deg, deg2rad, bitwise_invert, bitwise_left_shift, bitwise_right_shift
)  # fmt: skip
bitwise_not = bitwise_invert

bool = np.bool_
int8, int16, int32, int64 = np.int8, np.int16, np.int32, np.int64
uint8, uint16, uint32, uint64 = np.uint8, np.uint16, np.uint32, np.uint64
float32, float64, complex64, complex128 = np.float32, np.float64, np.complex64, np.complex128
float16 = np.float16  # which the standard does not have, and SciPy uses where a namespace does
e, pi, inf, nan, newaxis = np.e, np.pi, np.inf, np.nan, np.newaxis
dtype = np.dtype
__array_api_version__ = "2024.12"

from scirs_ad.numpy import fft, linalg

register_namespace(np.fft, fft)
register_namespace(np, sys.modules[__name__])
install(namespace=sys.modules[__name__])


def __getattr__(name):
    if name == "special":  # it loads SciPy's, so at first use
        return importlib.import_module("scirs_ad.scipy.special")
    raise AttributeError(f"module 'scirs_ad.numpy' has no attribute {name!r}")
