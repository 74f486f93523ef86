"""Arguments for the functions of NumPy: generated from the names of their parameters, or given where that cannot work.

`arguments(func)` returns ``(args, kwargs, f)``: arrays of floats in `args` (also in lists) are what is differentiated.
"""

import inspect

import numpy as np

from scirs_ad._ops import protocol

RNG = np.random.default_rng(11)
SQUARE = RNG.standard_normal((3, 3)) + 3.0 * np.eye(3)
OTHER = RNG.standard_normal((3, 3)) + 2.0 * np.eye(3)
SPD = SQUARE @ SQUARE.T
VECTOR, SECOND = RNG.standard_normal(4), RNG.standard_normal(4)
CUBE = RNG.standard_normal((2, 3, 3))

BY_NAME = {
    **dict.fromkeys(["a", "A", "m", "x", "ary", "arr", "array", "filt", "p", "f", "x1", "u", "a1", "y", "object", "z",
                     "input", "ar", "val", "seq_of_zeros", "xp"], SQUARE),
    **dict.fromkeys(["b", "x2", "v", "a2", "B", "fp"], OTHER),
    **{name: [SQUARE, OTHER] for name in ("arrays", "tup", "seq")}, "c": CUBE, "ar1": SQUARE, "ar2": OTHER,
    "axis": 0, "axis1": 0, "axis2": 1, "source": 0, "destination": 1, "n": 2,
    "repeats": 2, "shift": 1, "indices": np.array([0, 2]), "obj": 1, "values": OTHER, "q": 0.4, "kth": 1,
    "indices_or_sections": 3, "condition": np.array([True, False, True]), "shape": (9, 1), "dtype": float,
    "k": np.array([[0], [2], [1]]), "pad_width": 1, "reps": (2, 1), "new_shape": (2, 4), "deg": 2, "window_shape": 2,
    "bins": 3, "s": (3, 3), "axes": (0, 1), "ind": [0, 4], "M": 3,
}  # fmt: skip

CHOICES = [np.array([True, False, True]), np.array([False, True, True])]
HAT = np.array([0.1, 0.9, 0.2, 0.6, 0.4])
WEIGHTS = np.array([1.0, 2.0, 0.5, 1.5, 1.0])
HERMITIAN = SPD + 0j

# In place of what is generated: positional arguments, then keywords.
GIVEN = {
    "numpy.append": (VECTOR, SECOND),
    "numpy.apply_along_axis": (lambda v: v * v.sum(), 0, SQUARE),
    "numpy.apply_over_axes": (np.sum, CUBE, (0, 1)),
    "numpy.average": (SQUARE, 0, np.array([1.0, 2.0, 3.0])),
    "numpy.bincount": (np.array([0, 1, 1, 2]), VECTOR),
    "numpy.block": ([[SQUARE, OTHER], [OTHER, SQUARE]],),
    "numpy.broadcast_arrays": (VECTOR[:3], OTHER),
    "numpy.broadcast_to": (VECTOR, (2, 4)),
    "numpy.choose": (np.array([0, 1, 1]), [SQUARE[0], OTHER[0]]),
    "numpy.clip": (SQUARE, -0.4, OTHER + 1.0),
    "numpy.convolve": (VECTOR, SECOND),
    "numpy.correlate": (VECTOR, SECOND, "full"),
    "numpy.copyto": (SQUARE, OTHER),
    "numpy.cumulative_prod": (VECTOR,),
    "numpy.cumulative_sum": (VECTOR,),
    "numpy.diag": (VECTOR,),
    "numpy.diagflat": (VECTOR,),
    "numpy.dsplit": (CUBE, 3),
    "numpy.einsum": ("ij,jk->ik", SQUARE, OTHER),
    "numpy.extract": (SQUARE > 0, SQUARE),
    "numpy.gradient": (VECTOR, 0.5),
    "numpy.min_scalar_type": (SQUARE,),
    "numpy.geomspace": (SPD[0, :1] + 1.0, SPD[1, 1:2], 4),
    "numpy.histogram": (HAT, 3, None, None, WEIGHTS),
    "numpy.histogram2d": (HAT, HAT[::-1], 2, None, None, WEIGHTS),
    "numpy.histogramdd": (np.stack([HAT, HAT[::-1]], 1), 2, None, None, WEIGHTS),
    "numpy.insert": (VECTOR, 1, 2.5),
    "numpy.interp": (np.array([0.15, 0.55]), np.array([0.0, 0.4, 1.0]), VECTOR[:3]),
    "numpy.lib.stride_tricks.sliding_window_view": (CUBE, (2, 2), (0, 2)),
    "numpy.linalg.cholesky": (SPD,),
    "numpy.linalg.cross": (VECTOR[:3], SECOND[:3]),
    "numpy.linalg.eigh": (SPD,),
    "numpy.linalg.eigvalsh": (SPD,),
    "numpy.linalg.lstsq": (RNG.standard_normal((5, 3)), RNG.standard_normal(5), 1e-10),
    "numpy.linalg.multi_dot": ([SQUARE, OTHER, SQUARE],),
    "numpy.linalg.norm": (SQUARE,),
    "numpy.linalg.outer": (VECTOR, SECOND),
    "numpy.linalg.tensorinv": (RNG.standard_normal((4, 2, 2)) + np.eye(4).reshape(4, 2, 2), 1),
    "numpy.linalg.tensorsolve": (RNG.standard_normal((2, 2, 4)) + np.eye(4).reshape(2, 2, 4), SQUARE[:2, :2]),
    "numpy.linspace": (VECTOR, SECOND, 5),
    "numpy.logspace": (VECTOR, SECOND, 3),
    "numpy.meshgrid": (VECTOR, SECOND),
    "numpy.nan_to_num": (SQUARE,),
    "numpy.pad": (SQUARE, 1, "reflect"),
    "numpy.piecewise": (VECTOR, [VECTOR > 0, VECTOR <= 0], [lambda v: v**3, lambda v: -v]),
    "numpy.place": (SQUARE, SQUARE > 0.5, VECTOR),
    "numpy.poly": (VECTOR,),
    "numpy.polyadd": (VECTOR, SECOND),
    "numpy.polyder": (VECTOR,),
    "numpy.polydiv": (VECTOR, SECOND[:2]),
    "numpy.polyfit": (np.array([0.0, 0.3, 1.0, 2.0]), VECTOR, 2),
    "numpy.polyint": (VECTOR,),
    "numpy.polymul": (VECTOR, SECOND),
    "numpy.polysub": (VECTOR, SECOND),
    "numpy.polyval": (VECTOR, SECOND),
    "numpy.polynomial.polynomial.polygrid2d": (VECTOR, SECOND, OTHER),
    "numpy.polynomial.polynomial.polyval2d": (VECTOR, SECOND, OTHER),
    "numpy.put": (SQUARE, np.array([0, 4]), np.array([5.0, 6.0])),
    "numpy.put_along_axis": (SQUARE, np.array([[0], [2], [1]]), OTHER[:, :1], 1),
    "numpy.putmask": (SQUARE, SQUARE > 0.5, OTHER),
    "numpy.reshape": (SQUARE, (9, 1)),
    "numpy.roots": (VECTOR[:3],),
    "numpy.select": (CHOICES, [SQUARE[0], OTHER[0]], 0.5),
    "numpy.squeeze": (SQUARE[None],),
    "numpy.stack": ([SQUARE, OTHER],),
    "numpy.take_along_axis": (SQUARE, np.array([[0, 2], [1, 1], [2, 0]]), 1),
    "numpy.tensordot": (SQUARE, OTHER, 1),
    "numpy.trim_zeros": (np.array([1.5, 2.5, 0.5]),),
    "numpy.union1d": (VECTOR, SECOND),
    "numpy.unwrap": (np.array([0.1, 3.0, -3.0, 0.2]),),
    "numpy.vander": (VECTOR, 3),
    "numpy.where": (np.array([True, False, True]), SQUARE, OTHER),
    **{f"numpy.fft.{name}": (VECTOR + 1j * SECOND,) for name in ("fft", "ifft", "hfft", "irfft")},
    **{f"numpy.lib.scimath.{name}": (np.array([-0.5, 0.3, 1.7, 2.5]),) for name in (
        "arccos", "arcsin", "arctanh", "log", "log10", "log2", "sqrt")},
    "numpy.lib.scimath.logn": (np.array(2.5), np.array([-0.5, 0.3, 1.7])),
    "numpy.lib.scimath.power": (np.array([-0.5, 0.3, 1.7]), 0.5),
}  # fmt: skip

GIVEN.update({
    "numpy.array2string": (SQUARE,),
    "numpy.busday_count": (),
    "numpy.can_cast": (np.float32, float),
    "numpy.digitize": (SQUARE, np.array([-1.0, 0.0, 1.0])),
    "numpy.einsum_path": ("ij,jk->ik", SQUARE, OTHER),
    "numpy.histogram_bin_edges": (HAT, 3),
    "numpy.isin": (SQUARE, OTHER),
    "numpy.ix_": (np.array([0, 2]), np.array([1, 2])),
    "numpy.lexsort": ((VECTOR, SECOND),),
    "numpy.polynomial.polynomial.polyvalnd": ((VECTOR, SECOND), SQUARE),
    "numpy.packbits": (np.array([1, 0, 1], np.uint8),),
    "numpy.unpackbits": (np.array([3, 5], np.uint8),),
    "numpy.ravel_multi_index": ((np.array([0, 1]), np.array([1, 2])), (3, 3)),
    "numpy.searchsorted": (np.sort(VECTOR), SECOND),
    "numpy.unravel_index": (np.array([1, 5]), (3, 3)),
})  # fmt: skip

# What the functions that write into an array changed, or what of their results is defined up to a sign or a phase.
IN_PLACE = {"copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask"}
FIRST = {"lstsq", "eig", "histogram", "histogram2d", "histogramdd", "unique_all", "unique_counts", "unique_inverse"}


# What the first argument has to be, whatever the direction in which it moves.
PREPARED = {
    **dict.fromkeys(["cholesky", "eigh", "eigvalsh"], lambda a: (a + a.T) / 2),
    "real_if_close": lambda a: a + 0j,
}


def parameters_of(func):
    """The parameters of a function of NumPy; before NumPy 2.4 those in C do not tell, but ours of the same name do."""
    try:
        return inspect.signature(func).parameters
    except ValueError:
        return inspect.signature(protocol.answer_to(func)).parameters


def arguments(func, name):
    """Positional arguments for a function of NumPy."""
    if name in GIVEN:
        return GIVEN[name]
    found = []
    for p in parameters_of(func).values():
        if p.default is not p.empty or p.kind in (p.VAR_KEYWORD, p.KEYWORD_ONLY):
            continue
        if p.kind is p.VAR_POSITIONAL:
            found += [SQUARE, OTHER]
        elif p.name not in BY_NAME:
            raise KeyError(f"{name}: no argument for {p.name!r}")
        else:
            found.append(BY_NAME[p.name])
    return tuple(found)


def split(args):
    """The arrays of floats in nested arguments, and a function that puts others in their places."""
    arrays = []

    def take(x):
        if isinstance(x, (list, tuple)) and any(isinstance(e, (list, np.ndarray)) for e in x):
            return type(x)(take(e) for e in x)
        if isinstance(x, np.ndarray) and x.dtype.kind in "fc":
            arrays.append(x)
            return len(arrays) - 1, take
        return x

    template = take(tuple(args))

    def put(x, values):
        if isinstance(x, tuple) and len(x) == 2 and x[1] is take:
            return values[x[0]]
        return type(x)(put(e, values) for e in x) if isinstance(x, (list, tuple)) else x

    return arrays, lambda values: put(template, values)


def caller(func, name, filled):
    """The function of its arrays alone: a tuple of results, those that carry a derivative."""
    short = name.rpartition(".")[2]

    def f(*arrays):
        args = filled(arrays)
        if short in PREPARED:
            args = (PREPARED[short](args[0]), *args[1:])
        if short in IN_PLACE:
            target = np.copy(args[0]) if isinstance(args[0], np.ndarray) else args[0] * 1.0
            func(target, *args[1:])
            return target
        y = func(*args)
        if short in FIRST:
            y = y[0]
        if isinstance(y, (list, tuple)):
            return tuple(e for e in y if np.result_type(e).kind in "fc")
        return y

    return f


WHOLE = np.arange(1, 10).reshape(3, 3)
OF_WHOLE_NUMBERS = {"bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_count", "invert", "gcd", "lcm", "left_shift",
                    "right_shift"}  # fmt: skip
UNIT = {"arccos", "arcsin", "arctanh", "tan"}


def ufunc_arguments(ufunc):
    """Arguments for a ufunc: of matrices within its domain."""
    name = ufunc.__name__
    if name in OF_WHOLE_NUMBERS:
        return (WHOLE, WHOLE.T % 3)[: ufunc.nin]
    if ufunc.signature is not None:
        return {"matmul": (SQUARE, OTHER), "vecdot": (SQUARE, OTHER), "matvec": (SQUARE, VECTOR[:3]),
                "vecmat": (VECTOR[:3], SQUARE)}[name]  # fmt: skip
    first = RNG2.uniform(0.15, 0.85, (3, 3)) if name in UNIT else RNG2.uniform(1.2, 1.9, (3, 3))
    if name == "ldexp":
        return first, WHOLE % 4
    if name == "clip":
        return first, np.full((3, 3), 1.4), np.full((3, 3), 1.7)
    return (first, RNG2.uniform(0.6, 1.1, (3, 3)))[: ufunc.nin]


RNG2 = np.random.default_rng(12)
