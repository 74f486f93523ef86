"""The array API standard (2024.12): names, inspection, dtypes, devices, and exchange of arrays by DLPack."""

import importlib
import sys

import numpy as np
import pytest

import scirs_ad as ad
import scirs_ad.numpy as anp

# The names of the standard, by section.
NAMES = [
    "__array_namespace_info__",
    "__eq__",
    "abs",
    "acos",
    "acosh",
    "add",
    "all",
    "any",
    "arange",
    "argmax",
    "argmin",
    "argsort",
    "asarray",
    "asin",
    "asinh",
    "astype",
    "atan",
    "atan2",
    "atanh",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "broadcast_arrays",
    "broadcast_to",
    "can_cast",
    "ceil",
    "clip",
    "concat",
    "conj",
    "copysign",
    "cos",
    "cosh",
    "count_nonzero",
    "cumulative_prod",
    "cumulative_sum",
    "diff",
    "divide",
    "e",
    "empty",
    "empty_like",
    "equal",
    "exp",
    "expand_dims",
    "expm1",
    "eye",
    "finfo",
    "flip",
    "floor",
    "floor_divide",
    "from_dlpack",
    "full",
    "full_like",
    "greater",
    "greater_equal",
    "hypot",
    "iinfo",
    "imag",
    "inf",
    "isdtype",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "linspace",
    "log",
    "log10",
    "log1p",
    "log2",
    "logaddexp",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "matmul",
    "matrix_transpose",
    "max",
    "maximum",
    "mean",
    "meshgrid",
    "min",
    "minimum",
    "moveaxis",
    "multiply",
    "nan",
    "negative",
    "newaxis",
    "nextafter",
    "nonzero",
    "not_equal",
    "ones",
    "ones_like",
    "permute_dims",
    "pi",
    "positive",
    "pow",
    "prod",
    "real",
    "reciprocal",
    "remainder",
    "repeat",
    "reshape",
    "result_type",
    "roll",
    "round",
    "searchsorted",
    "sign",
    "signbit",
    "sin",
    "sinh",
    "sort",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "subtract",
    "sum",
    "take",
    "take_along_axis",
    "tan",
    "tanh",
    "tensordot",
    "tile",
    "tril",
    "triu",
    "trunc",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
    "unstack",
    "var",
    "vecdot",
    "where",
    "zeros",
    "zeros_like",
]
FFT = [
    "fft",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfftn",
    "rfft",
    "rfftfreq",
    "rfftn",
]
LINALG = [
    "cholesky",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "inv",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "trace",
    "vecdot",
    "vector_norm",
]
ARRAY = [
    "T",
    "__abs__",
    "__add__",
    "__and__",
    "__array_namespace__",
    "__bool__",
    "__complex__",
    "__dlpack__",
    "__dlpack_device__",
    "__eq__",
    "__float__",
    "__floordiv__",
    "__ge__",
    "__getitem__",
    "__gt__",
    "__index__",
    "__int__",
    "__invert__",
    "__le__",
    "__lshift__",
    "__lt__",
    "__matmul__",
    "__mod__",
    "__mul__",
    "__ne__",
    "__neg__",
    "__or__",
    "__pos__",
    "__pow__",
    "__rshift__",
    "__setitem__",
    "__sub__",
    "__truediv__",
    "__xor__",
    "device",
    "dtype",
    "mT",
    "ndim",
    "shape",
    "size",
    "to_device",
]


@pytest.mark.parametrize(
    ("where", "names"), [(anp, NAMES), (anp.fft, FFT), (anp.linalg, LINALG), (ad.Variable, ARRAY)], ids=str
)
def test_every_name_of_the_standard(where, names):
    assert not [name for name in names if not hasattr(where, name)]


def test_namespace():
    assert anp.ones(2).__array_namespace__() is anp
    assert anp.ones(2).__array_namespace__(api_version="2024.12") is anp
    assert anp.__array_api_version__ == "2024.12"
    with pytest.raises(ValueError, match="1999"):
        anp.ones(2).__array_namespace__(api_version="1999.01")
    seen = []
    ad.grad(lambda x: seen.append(x.__array_namespace__()) or np.sum(x))(np.ones(2))
    assert seen == [anp]
    with pytest.raises(AttributeError, match="no_such_name"):
        anp.no_such_name  # noqa: B018


def test_special_is_an_extension():
    assert anp.special is importlib.import_module("scirs_ad.scipy.special")
    assert float(anp.special.gammaln(anp.asarray(5.0))) == pytest.approx(np.log(24.0))


def test_info():
    info = anp.__array_namespace_info__()
    assert info.default_device() == "cpu"
    assert info.devices() == ["cpu"]
    assert info.capabilities()["boolean indexing"]
    assert info.capabilities()["data-dependent shapes"]
    kinds = ["bool", "signed integer", "unsigned integer", "real floating", "complex floating"]
    everything = info.dtypes()
    assert everything == {name: np.dtype(getattr(anp, name)) for name in everything}
    for kind in [*kinds, "integral", "numeric"]:
        found = info.dtypes(kind=kind, device="cpu")
        assert found == {name: dtype for name, dtype in everything.items() if anp.isdtype(dtype, kind)}
    assert info.dtypes(kind=tuple(kinds)) == everything
    for kind, dtype in info.default_dtypes().items():
        made = {
            "real floating": anp.ones(1), "complex floating": anp.asarray([1j]), "integral": anp.arange(1),
            "indexing": anp.argsort(anp.ones(1)),
        }[kind]  # fmt: skip
        assert made.dtype == dtype
    with pytest.raises(ValueError, match="quaternion"):
        info.dtypes(kind="quaternion")
    with pytest.raises(ValueError, match="gpu"):
        info.default_dtypes(device="gpu")


def test_dtypes_of_variables():
    single, whole = anp.ones(2, dtype=anp.float32), anp.arange(2)
    assert anp.result_type(single, 1.0) == np.float32
    assert anp.result_type(single, whole) == np.float64
    assert anp.result_type(single, anp.int8, 1j) == np.complex64
    assert not anp.can_cast(whole, anp.float32)
    assert anp.can_cast(single, anp.float64)
    assert anp.can_cast(anp.int8, whole.dtype)
    assert anp.finfo(single) == np.finfo(np.float32)
    assert anp.finfo(single * 1j) == np.finfo(np.complex64)
    assert anp.iinfo(whole).dtype == np.intp
    assert anp.isdtype(whole.dtype, ("integral", anp.float32))
    for refused in (lambda: anp.finfo(whole), lambda: anp.iinfo(single)):
        with pytest.raises(ValueError, match="type"):
            refused()
    seen = []
    ad.grad(lambda x: seen.append((np.result_type(x, 1.0), np.can_cast(x, int))) or np.sum(x))(np.ones(2))
    assert seen == [(np.float64, False)]


def test_devices():
    x = anp.ones(2, device="cpu")
    assert x.device == "cpu"
    assert x.to_device("cpu") is x
    for refused in (
        lambda: x.to_device("gpu"), lambda: anp.from_dlpack(np.ones(2), device="gpu"),
        lambda: anp.astype(x, anp.float32, device="gpu"), lambda: anp.fft.fftfreq(4, device="gpu"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="gpu"):
            refused()


def test_astype_copies_unless_told():
    x = anp.ones(2)
    y = anp.astype(x, anp.float64)
    y[0] = 5.0
    assert np.all(x == 1.0)
    assert anp.astype(x, anp.float64, copy=False) is x
    plain = np.ones(2)
    assert anp.astype(plain, float) is not plain
    assert anp.astype(plain, float, copy=False) is plain


def test_reshape_copy():
    x = anp.ones((2, 3))
    y = anp.reshape(x, (3, 2), copy=True)
    y[0, 0] = 5.0
    assert np.all(x == 1.0)
    assert anp.reshape(x, (6,), copy=False).shape == (6,)
    with pytest.raises(ValueError, match="without a copy"):
        anp.reshape(anp.permute_dims(x, (1, 0)), (6,), copy=False)


def test_dtype_of_sums_and_frequencies():
    small = anp.ones(3, dtype=anp.uint8)
    assert anp.sum(small).dtype == np.uint64
    assert anp.sum(small, dtype=anp.uint8).dtype == np.uint8
    assert anp.fft.fftfreq(4, dtype=anp.float32).dtype == np.float32
    assert anp.fft.rfftfreq(4, dtype=anp.float32).dtype == np.float32
    with pytest.raises(ValueError, match="int64"):
        anp.fft.fftfreq(4, dtype=anp.int64)


# ------------------------------------------------------------------------------------------------ DLPack
class Producer:
    """An array of another library: it has DLPack's two methods, and nothing else."""

    def __init__(self, array, tracked=False):
        self.array, self.tracked = array, tracked

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()

    def __dlpack__(self, **more):
        if self.tracked:
            raise BufferError("this tensor requires a gradient")
        return self.array.__dlpack__(**more)


def test_from_dlpack():
    theirs = np.arange(3.0)
    x = anp.from_dlpack(Producer(theirs))
    assert type(x) is ad.Variable
    assert np.shares_memory(x.value, theirs)
    x[0] = 7.0  # is not written into the other library's memory
    assert theirs[0] == 0.0
    assert not np.shares_memory(anp.from_dlpack(Producer(theirs), copy=True).value, theirs)
    with pytest.raises(BufferError, match="requires a gradient"):
        anp.from_dlpack(Producer(theirs, tracked=True))
    with pytest.raises(AttributeError, match="list has no __dlpack__"):
        anp.from_dlpack([1.0])
    np.testing.assert_array_equal(ad.grad(lambda v: np.sum(v * x))(np.ones(3)), [7.0, 1.0, 2.0])


def test_dlpack():
    x = anp.arange(3.0)
    assert x.__dlpack_device__() == (1, 0)
    theirs = np.from_dlpack(x)
    np.testing.assert_array_equal(theirs, [0.0, 1.0, 2.0])
    assert np.shares_memory(theirs, x.value)
    x[0] = 5.0
    assert theirs[0] == 0.0
    assert x[0] == 5.0
    with pytest.raises(BufferError, match="CPU"):
        x.__dlpack__(dl_device=(2, 0))  # a GPU


def test_tracked_variables_are_not_exported():
    def f(x):
        with pytest.raises(BufferError, match=r"drop the derivative.*stop_gradient"):
            np.from_dlpack(x)
        assert anp.from_dlpack(x).level is not None  # of our own nothing is lost
        np.from_dlpack(ad.stop_gradient(x))
        return np.sum(anp.from_dlpack(x) * 2.0)

    np.testing.assert_array_equal(ad.grad(f)(np.ones(2)), [2.0, 2.0])
    with pytest.raises(BufferError, match="no memory yet"):
        ad.trace(lambda x: np.from_dlpack(x))(np.ones(2))


@pytest.mark.parametrize("library", ["torch", "jax.numpy"])
def test_other_libraries(library):
    """Where they are installed: both directions, and as arguments of a transform."""
    if importlib.util.find_spec(library.partition(".")[0]) is None:
        assert library not in sys.modules
        return
    other = importlib.import_module(library)
    theirs = other.asarray(np.arange(3, dtype=np.float32))
    x = anp.from_dlpack(theirs)
    np.testing.assert_array_equal(x, [0.0, 1.0, 2.0])
    assert x.dtype == np.float32
    back = other.from_dlpack(x)
    assert type(back) is type(theirs)
    np.testing.assert_array_equal(np.asarray(back), x)
    np.testing.assert_array_equal(ad.grad(lambda v: np.sum(v**2))(theirs), [0.0, 2.0, 4.0])
