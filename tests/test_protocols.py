"""Variables as arrays: attributes and methods of ndarray, the protocols' corners, NumPy's own code on Variables."""

import numpy as np
import pytest
from derivatives import check
from numpy_arguments import parameters_of
from releases import NUMPY

import scirs_ad as ad
import scirs_ad.numpy as anp
from scirs_ad import DerivativeLostError, Variable
from scirs_ad._ops import bodies
from scirs_ad.testing import numpy_table

X = (np.arange(1.0, 13.0).reshape(3, 4) + 0.13) / 7
Z = X[:, :3] + 1j * X[:, 1:]

# Until 2.3 NumPy has names of methods that are gone, or are going.
GOING = {"itemset", "newbyteorder", "ptp", "tostring"} if NUMPY < (2, 3) else set()
PUBLIC = [name for name in dir(np.ndarray) if not name.startswith("_") and name not in GOING]
# What shows bytes, and what would change the shape or the flags of an array that others look at.
REFUSED = {"byteswap", "ctypes", "data", "dump", "dumps", "getfield", "resize", "setfield", "tofile"}
ATTRIBUTES = {"base", "device", "dtype", "flags", "flat", "itemsize", "nbytes", "ndim", "shape", "size", "strides"}


def test_every_name_of_ndarray():
    missing = [name for name in PUBLIC if not hasattr(Variable, name)]
    assert missing == []
    operators = [name for name in dir(np.ndarray) if name.startswith("__") and callable(getattr(np.ndarray, name))]
    lacking = {name for name in operators if not hasattr(Variable, name)}
    # subclassing, generic aliases, pickling by state, buffers of a device
    assert lacking <= {
        "__array_finalize__", "__array_wrap__", "__class_getitem__", "__setstate__", "__dlpack__",
        "__dlpack_device__", "__delitem__", "__buffer__",
    }  # fmt: skip


CALLS = {
    "all": (), "any": (1,), "argmax": (0,), "argmin": (), "argpartition": (1,), "argsort": (), "astype": (np.float64,),
    "choose": None, "clip": (0.3, 1.1), "compress": ([True, False, True], 0), "conj": (), "conjugate": (), "copy": (),
    "cumprod": (1,), "cumsum": (0,), "diagonal": (1,), "dot": (X.T,), "fill": (2.0,), "flatten": ("F",),
    "item": None, "max": (0,), "mean": (1,), "min": (1,), "nonzero": (), "partition": (1,), "prod": (0,),
    "put": ([0, 5], [1.0, 2.0]), "ravel": (), "repeat": (2, 1), "reshape": (2, 6), "round": (1,),
    "searchsorted": None, "setflags": (True,), "sort": (0,), "squeeze": (), "std": (1, None, None, 1), "sum": (0,),
    "swapaxes": (0, 1), "take": ([0, 2], 1), "to_device": ("cpu",), "tobytes": None, "tolist": None, "trace": (1,),
    "transpose": (1, 0), "var": (0,), "view": (),
}  # fmt: skip
PROPERTIES = ["T", "mT", "real", "imag"]


def test_the_lists_here_are_complete():
    assert set(CALLS) | set(PROPERTIES) | ATTRIBUTES | REFUSED == set(PUBLIC)


@pytest.mark.parametrize("name", [name for name, args in CALLS.items() if args is not None])
def test_method(name):
    """The method's value is ndarray's, on tracked and on untracked Variables; so is what it leaves in the array."""
    args = CALLS[name]

    def f(x):
        y = np.array(x) if isinstance(x, np.ndarray) else x * 1.0
        out = getattr(y, name)(*args)
        return y * 1.0 if out is None else out

    wanted = f(X)
    found = f(Variable(X))
    for a, b in zip(*((v if isinstance(v, tuple) else (v,)) for v in (found, wanted)), strict=True):
        np.testing.assert_allclose(ad.value(a), b, rtol=1e-14)
        assert np.shape(ad.value(a)) == np.shape(b)
    if not isinstance(wanted, tuple) and np.asarray(wanted).dtype.kind == "f" and name != "round":
        check(f, X, order=1)


@pytest.mark.parametrize("name", PROPERTIES)
def test_property(name):
    check(lambda z: getattr(z, name) * 1.0, Z, order=1)
    check(lambda z: getattr(z, name) * 1.0, X, order=1)


def test_attributes():
    def f(v):
        assert v.shape == (3, 4) and v.ndim == 2 and v.size == 12 and v.dtype == float
        assert v.itemsize == 8 and v.nbytes == 96 and v.strides == (32, 8)
        assert v.base is None and v.device == "cpu" and v.flags.c_contiguous
        assert len(v.flat) == 12 and v.flat[5] == v[1, 1]
        assert v.to_device("cpu") is v
        return v.sum()

    ad.grad(f)(X)
    with pytest.raises(AttributeError):
        Variable(X).shape = (12,)
    with pytest.raises(AttributeError):
        Variable(X).T = X


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_refused_by_name(name):
    v = Variable(X)
    with pytest.raises(TypeError, match=name):
        getattr(v, name)()
    np.testing.assert_array_equal(v.value, X)


def test_out_of_methods():
    def f(x):
        y, row = x * 1.0, np.zeros(4, like=x) if isinstance(x, Variable) else np.zeros(4)
        column = np.zeros(3, like=x) if isinstance(x, Variable) else np.zeros(3)
        y.sum(axis=0, out=row)
        y.max(1, column)
        return row * 1.0, column * y.mean()

    for a, b in zip(check(f, X), f(X), strict=True):
        np.testing.assert_allclose(a, b)


# ------------------------------------------------------------------------------------------------ out=
WITH_OUT = [
    row
    for row in numpy_table()
    if row.method is None and row.kind in ("rule", "body") and row.name.startswith("numpy.") and row.name.count(".") == 1
    and not row.name.endswith(("concatenate", "where")) and "out" in parameters_of(row.function)
]  # fmt: skip
ARGUMENTS = {
    "choose": (np.array([0, 1, 1]), [X[:, 0], X[:, 1]]), "clip": (X, 0.2, 0.9), "compress": ([True, False, True], X, 0),
    "dot": (X, X.T), "outer": (X[0], X[1]), "percentile": (X, 30.0), "quantile": (X, 0.3), "take": (X, [0, 2]),
    "nanpercentile": (X, 30.0), "nanquantile": (X, 0.3), "stack": ([X, X],), "einsum": ("ij->i", X),
    "round": (X, 1), "around": (X, 1), "cumulative_sum": (X[0],), "cumulative_prod": (X[0],),
}  # fmt: skip


@pytest.mark.parametrize("row", WITH_OUT, ids=[row.name for row in WITH_OUT])
def test_out(row):
    """``out=`` takes a Variable, to which the result is written; an ndarray is refused."""
    args = ARGUMENTS.get(row.name.removeprefix("numpy."), (X,))
    wanted = row.function(*args)
    out = Variable(np.zeros(np.shape(wanted)))
    with ad.Tape() as tape:
        given = [tape.variable(a) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in args]
        if row.name in ("numpy.choose", "numpy.stack"):
            k = 1 if row.name == "numpy.choose" else 0
            given[k] = [tape.variable(a) for a in given[k]]
        assert row.function(*given, out=out) is out
        np.testing.assert_allclose(out.value, wanted, rtol=1e-13)
        assert out.level is tape
        with pytest.raises(DerivativeLostError, match="out=ndarray"):
            row.function(*given, out=np.zeros(np.shape(wanted)))


# ------------------------------------------------------------------------------------------------ NumPy's own code
def test_roots_and_back():
    c = np.array([1.0, -6.5, 11.0, -4.0])
    check(lambda c: np.sort(np.roots(c).real), c)
    check(np.poly, np.array([1.0, 2.5, 4.0]))
    np.testing.assert_allclose(ad.jacobian(lambda r: np.roots(np.poly(r)))(np.array([4.0, 2.0])), np.eye(2), atol=1e-12)
    q, r = ad.jacobian(lambda u: np.polydiv(u, np.array([1.0, 2.0])))(c)
    assert q.shape == (3, 4) and r.shape == (1, 4)


def test_complex_where_the_argument_asks_for_it():
    y = np.emath.sqrt(np.array([-4.0, 9.0]))
    np.testing.assert_allclose(ad.vjp(np.emath.sqrt, np.array([-4.0, 9.0]))[0], y)
    np.testing.assert_allclose(ad.vjp(np.emath.sqrt, np.array([4.0, 9.0]))[0], [2.0, 3.0])
    check(lambda x: np.emath.log(x).real * np.emath.arctanh(x).imag, np.array([-0.5, 2.5]))


def test_answers_about_values():
    def f(v):
        assert np.allclose(v, X) and not np.allclose(v, X + 1) and np.array_equal(v, X) and np.array_equiv(v, X)
        assert np.isclose(v, X).all() and type(np.isclose(v, X)) is np.ndarray
        assert np.isreal(v).all() and not np.iscomplexobj(v) and not np.isposinf(v).any()
        assert np.shape(v) == (3, 4) and np.ndim(v) == 2 and np.size(v) == 12 and np.size(v, 0) == 3
        assert np.result_type(v, np.complex64) == np.complex128 and np.can_cast(v.dtype, float)
        assert np.common_type(v) is np.float64
        assert np.array2string(v[0, :2], precision=3) == np.array2string(X[0, :2], precision=3)
        assert not np.shares_memory(v, X) and np.may_share_memory(v, v)
        return v.sum()

    ad.grad(f)(X)
    assert ad.vmap(lambda v: np.where(np.isclose(v, X[0]), v, 0.0))(X).shape == (3, 4)
    with pytest.raises(ad.TracingError):
        ad.vmap(lambda v: v if np.allclose(v, X[0]) else -v)(X)


def test_bodies_see_our_arrays():
    assert (
        isinstance(Variable(X), bodies.ndarray)
        and isinstance(X, bodies.ndarray)
        and not isinstance(1.0, bodies.ndarray)
    )
    assert bodies.has_body(np.roots) and not bodies.has_body(np.concatenate)


def test_like():
    """An array made ``like`` a Variable takes derivatives, also under vmap and while tracing."""

    def f(x):
        z = np.zeros((2, 2), like=x)
        z[0] = x[:2]
        e = np.eye(2, like=x) * x[0]
        a = np.array([x[0], 1.0], like=x) + np.full(2, x[1], like=x)
        b = np.asarray([[x[0]], [x[1]]], like=x) @ np.ones((1, 2), like=x)
        return z @ e + a + b

    def plain(x):
        z = np.zeros((2, 2))
        z[0] = x[:2]
        return z @ (np.eye(2) * x[0]) + np.array([x[0], 1.0]) + x[1] + np.array([[x[0]], [x[1]]]) @ np.ones((1, 2))

    x = np.array([0.5, 1.5])
    check(lambda x: f(x) if isinstance(x, Variable) else plain(x), x)
    np.testing.assert_allclose(ad.vmap(f)(x[None] * [[1.0], [2.0]])[1], plain(2 * x))
    np.testing.assert_allclose(ad.trace(f)(x)(x), plain(x))


def test_unknown_functions_are_named():
    with pytest.raises(TypeError, match=r"numpy.busday_count .*test_protocols.py:\d+\) is for dates"):
        ad.grad(lambda v: np.busday_count(v, v))(X)
    with pytest.raises(TypeError, match="unexpected keyword"):
        np.sin(Variable(X), nonsense=1)
    with pytest.raises(TypeError, match="unexpected keyword"):
        anp.sin(Variable(X), nonsense=1)


def test_keywords_of_our_own_functions():
    v = Variable(X)
    out = anp.zeros((3, 4))
    assert anp.sin(v, out=out) is out
    np.testing.assert_allclose(out.value, np.sin(X))
    np.testing.assert_allclose(anp.exp(v, where=X > 1, out=anp.zeros((3, 4))).value, np.where(X > 1, np.exp(X), 0.0))
    with pytest.raises(ValueError, match="use numpy"):
        np.log(v, where=X > 1)
    with pytest.raises(TypeError, match="boolean"):
        np.log(v, where=X, out=out)
    with pytest.raises(TypeError, match="cast"):
        np.add(v, 1j, dtype=float)
    with pytest.raises(TypeError, match="both"):
        np.add(v, v, dtype=float, signature="dd->d")
    assert np.add(v, v, signature="ff->f", casting="same_kind").dtype == np.float32


def test_where_keeps_derivatives_finite():
    x = np.array([0.0, 4.0])
    g = ad.grad(lambda v: np.sqrt(v, out=np.zeros_like(v), where=v > 0).sum())(x)
    np.testing.assert_array_equal(g, [0.0, 0.25])
    g = ad.grad(lambda v: np.divide(1.0, v, out=np.zeros_like(v), where=v != 0).sum())(x)
    np.testing.assert_array_equal(g, [0.0, -1 / 16])
