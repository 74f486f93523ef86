"""Every function and ufunc that NumPy lets be overridden: the table of the product, each line checked."""

import functools
import io

import numpy as np
import pytest
from derivatives import check
from numpy.testing import overrides
from numpy_arguments import SQUARE, UNIT, arguments, caller, split, ufunc_arguments

import scirs_ad as ad
from scirs_ad import Variable
from scirs_ad.testing import numpy_table
from scirs_ad.testing.coverage import KINDS

TABLE = numpy_table()
FUNCTIONS = [row for row in TABLE if row.method is None]
UFUNCS = [row for row in TABLE if row.method is not None]
V = Variable(np.array([[1.5, 2.5], [0.5, -1.0]]))


def each(rows, *kinds):
    # in1d: until 2.3, deprecated; isin is tested in its place.
    chosen = [row for row in rows if row.kind in kinds and row.name != "numpy.in1d"]
    return pytest.mark.parametrize("row", chosen, ids=[row.name for row in chosen])


def tracked(y):
    """Whether a result, or what is in it, carries a derivative."""
    if isinstance(y, (list, tuple)):
        return any(tracked(e) for e in y)
    return isinstance(y, Variable) and y.level is not None


def same(found, wanted):
    if isinstance(wanted, (list, tuple)) and not isinstance(wanted, np.ndarray):
        assert len(found) == len(wanted)
        for a, b in zip(found, wanted, strict=True):
            same(a, b)
    elif isinstance(wanted, (np.ndarray, np.generic)):
        np.testing.assert_allclose(ad.value(found), wanted, rtol=1e-13, atol=1e-13)
    else:
        assert found == wanted


def with_tape(f, *arrays):
    """`f` at Variables of an open tape."""
    with ad.Tape() as tape:
        return f(*(tape.variable(x) if x.dtype.kind in "fc" else x for x in arrays))


# ------------------------------------------------------------------------------------------------ the table
def test_the_table_is_complete():
    functions, ufuncs = overrides.get_overridable_numpy_array_functions(), overrides.get_overridable_numpy_ufuncs()
    assert {row.function for row in FUNCTIONS} == functions
    assert {row.function for row in UFUNCS} == {u for u in ufuncs if u.types}  # without loops: internal, never called
    assert all(row.kind in KINDS for row in TABLE)
    assert [row.name for row in TABLE if row.kind == "rejected" and not row.note] == []
    # what is refused takes texts, dates or fields: nothing with numbers is
    assert {row.note for row in TABLE if row.kind == "rejected"} == {
        "is for texts, which have no derivative",
        "is for dates, which have no derivative",
        "is for structured arrays, whose fields have no derivative",
    }


# ------------------------------------------------------------------------------------------------ functions
@each(FUNCTIONS, "rule", "body")
def test_derivative(row):
    """The value is NumPy's, forward mode agrees with differences, and reverse mode with forward mode."""
    arrays, filled = split(arguments(row.function, row.name))
    check(caller(row.function, row.name, filled), *arrays, order=1)


@each(FUNCTIONS, "rule", "body")
def test_vmap(row):
    """Under vmap the value is that of a loop, unless the shape of the result depends on what is in the array."""
    arrays, filled = split(arguments(row.function, row.name))
    f = caller(row.function, row.name, filled)
    batches = [np.stack([x, x * 1.0625]) for x in arrays]
    try:
        found = ad.vmap(f)(*batches)
    except ad.TracingError:
        assert row.name in DATA_DECIDE
        return
    assert row.name not in DATA_DECIDE
    for k in range(2):
        wanted = f(*(b[k] for b in batches))
        same(tuple(y[k] for y in found) if isinstance(found, tuple) else found[k], wanted)


# Functions that look at values: for a shape, a branch or a place.
DATA_DECIDE = {
    *(f"numpy.{name}" for name in (
        "histogram", "histogram2d", "histogramdd", "histogram_bin_edges", "intersect1d", "polydiv", "real_if_close", "roots", "setdiff1d",
        "setxor1d", "trim_zeros", "union1d", "unique", "unique_all", "unique_counts", "unique_inverse",
        "unique_values")),
    *(row.name for row in FUNCTIONS if row.name.startswith("numpy.lib.scimath.")),
}  # fmt: skip


@each(FUNCTIONS, "not differentiable")
@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")
def test_plain(row):
    """The result is NumPy's own, and carries no derivative."""
    if row.name.startswith("numpy.save"):
        return  # see test_files
    args = arguments(row.function, row.name)
    arrays, filled = split(args)
    found = with_tape(lambda *xs: row.function(*filled(xs)), *arrays)
    assert not tracked(found)
    if row.name not in ("numpy.may_share_memory", "numpy.shares_memory"):  # Variables do not show their memory
        same(found, row.function(*args))


def test_files(tmp_path):
    def f(v):
        np.save(tmp_path / "a.npy", v)
        np.savez(tmp_path / "b.npz", v, w=2 * v)
        np.savez_compressed(tmp_path / "c.npz", v=v)
        np.savetxt(tmp_path / "d.txt", v)
        return v.sum()

    x = np.array([1.5, -2.5])
    with_tape(f, x)
    same(np.load(tmp_path / "a.npy"), x)
    same(np.load(tmp_path / "b.npz")["w"], 2 * x)
    same(np.load(tmp_path / "c.npz")["v"], x)
    same(np.loadtxt(tmp_path / "d.txt"), x)
    with pytest.raises(ad.TracingError, match="not known"):
        ad.vmap(f)(x[None])


@each(FUNCTIONS, "rejected")
def test_rejected(row):
    with pytest.raises(TypeError, match=row.function.__name__) as caught:
        with_tape(lambda v: v.__array_function__(row.function, (Variable,), (v,), {}), SQUARE)
    assert row.note in str(caught.value)


CREATED = {
    "numpy.arange": (3.0,),
    "numpy.frombuffer": (np.ones(2).tobytes(),),
    "numpy.fromfunction": (lambda i, j: i + j, (2, 2)),
    "numpy.fromiter": ([1.0, 2.0], float),
    "numpy.fromstring": ("1 2", float, -1, " "),
    "numpy.full": ((2,), 3.0),
    "numpy.full_like": (np.ones(2), 3.0),
    "numpy.genfromtxt": (io.StringIO, "1 2"),
    "numpy.loadtxt": (io.StringIO, "1 2"),
    **dict.fromkeys(["numpy.empty", "numpy.ones", "numpy.zeros"], ((2, 3),)),
    **dict.fromkeys(["numpy.eye", "numpy.identity", "numpy.tri"], (3,)),
}


@each(FUNCTIONS, "creation")
def test_creation(row):
    """What is made can be filled, and then carries derivatives; the values are NumPy's."""
    name = row.name.rpartition(".")[2]
    args = CREATED.get(row.name, (np.ones((2, 3)),))
    public = getattr(np, name)

    def made(v, **more):
        if args[0] is io.StringIO:
            return public(io.StringIO(args[1]), **more)
        return public(*args, **more)

    if name == "fromfile":  # NumPy reads from real files alone
        return
    found = with_tape(lambda v: made(v) if name.endswith("_like") else made(v, like=v), SQUARE)
    if not name.endswith("_like"):
        assert type(found) is Variable
    if name not in ("empty", "empty_like"):
        same(found, made(None))

    def f(v):
        z = public(v, *args[1:]) if name.endswith("_like") else made(v, like=v)
        z = z.astype(float) if z.dtype.kind != "f" else z
        z[0] = v[0, 0] * v[1, 1]
        return np.sum(z)

    g = ad.grad(f)(SQUARE)
    assert g[1, 1] != 0 and g[0, 0] != 0


def test_creation_from_a_file(tmp_path):
    np.arange(3.0).tofile(tmp_path / "x")
    found = with_tape(lambda v: np.fromfile(tmp_path / "x", like=v), SQUARE)
    assert type(found) is Variable
    same(found, np.arange(3.0))


# ------------------------------------------------------------------------------------------------ ufuncs
CALLS = [row for row in UFUNCS if row.method == "__call__"]


@each(CALLS, "rule")
def test_ufunc(row):
    args = ufunc_arguments(row.function)
    arrays, filled = split(args)
    check(lambda *xs: _floats(row.function(*filled(xs))), *arrays, order=1)


def _floats(y):
    return tuple(e for e in y if e.dtype.kind in "fc") if isinstance(y, tuple) else y


@each(CALLS, "rule")
def test_ufunc_keywords(row):
    """``out=``, ``where=``, ``dtype=`` and ``casting=``: derivative and value."""
    u = row.function
    if u.nout > 1 or u.signature is not None:
        return
    arrays, filled = split(ufunc_arguments(u))
    mask = np.array([[True, False, True]])

    def f(*xs):
        z = np.zeros((3, 3), like=xs[0]) if any(isinstance(x, Variable) for x in xs) else np.zeros((3, 3))
        w = xs[0] * 0.5
        a = u(*filled(xs), out=z)
        b = u(*filled(xs), out=w, where=mask)
        assert a is z and b is w
        return a * 1.0, b * 1.0

    check(f, *arrays, order=1)
    if u not in (np.float_power, np.ldexp):  # they have no loop of float32 alone
        found = with_tape(lambda *xs: u(*filled(xs), dtype=np.float32, casting="unsafe"), *arrays)
        wanted = u(*filled(arrays), dtype=np.float32, casting="unsafe")
        assert found.dtype == wanted.dtype
        np.testing.assert_allclose(found.value, wanted, rtol=1e-5)
    with pytest.raises(TypeError, match="cast"):
        with_tape(lambda *xs: u(*filled(xs), out=Variable(np.zeros((3, 3), int))), *arrays)
    with pytest.raises(ad.DerivativeLostError, match="out=ndarray"):
        with_tape(lambda *xs: u(*filled(xs), out=np.zeros((3, 3))), *arrays)
    with pytest.raises(ValueError, match="broadcast"):
        with_tape(lambda *xs: u(*filled(xs), out=Variable(np.zeros(3))), *arrays)


@each(CALLS, "not differentiable")
def test_plain_ufunc(row):
    args = ufunc_arguments(row.function)
    wanted = row.function(*args)
    found = row.function(*(Variable(x) for x in args))
    same(found, wanted)
    if args[0].dtype.kind == "f":
        found = with_tape(row.function, *args)
        assert not tracked(found)
        same(found, wanted)


@each(CALLS, "rejected")
def test_rejected_ufunc(row):
    v = Variable(np.ones(3))
    with pytest.raises(TypeError, match=row.function.__name__):
        v.__array_ufunc__(row.function, "__call__", *[v] * row.function.nin)


METHODS = [row for row in UFUNCS if row.method != "__call__"]


def call_of(row):
    """A call of a method that exercises its keywords: a function of one array."""
    u, other = row.function, ufunc_arguments(row.function)[-1]
    places = np.array([2, 0] if u.__name__ in UNIT or u is np.arccosh else [0, 2, 2, 0])
    reduce = functools.partial(last, u) if u in (np.power, np.arctan2) else u.reduce
    return {
        "reduce": lambda x: (reduce(x), reduce(x, axis=1, keepdims=True), reduce(x, axis=-1, initial=x[0, 0])),
        "accumulate": lambda x: (u.accumulate(x), u.accumulate(x, axis=1)),
        "reduceat": lambda x: (u.reduceat(x, [0, 2, 1]), u.reduceat(x, [1], axis=1)),
        "outer": lambda x: u.outer(x, other[0]),
        "at": lambda x: at(u, x, places, *([other[:1]] if u.nin == 2 else [])),
    }[row.method]


def last(u, x, axis=0, keepdims=False, **initial):
    """``u.reduce``; for arrays by ``u.accumulate``: NumPy 2.5.5 itself leaves elements out in a row of its vector loops."""
    if type(x) is not np.ndarray:
        return u.reduce(x, axis=axis, keepdims=keepdims, **initial)
    if initial:
        x = np.insert(x, 0, initial["initial"], axis=axis)
    z = u.accumulate(x, axis=axis)
    return np.take(z, [-1] if keepdims else -1, axis=axis)


def at(u, x, *args):
    z = np.copy(x)
    u.at(z, *args)
    return z


@each(METHODS, "rule")
def test_method(row):
    x = ufunc_arguments(row.function)[0]
    if row.function is np.ldexp:
        if row.method in ("outer", "at"):
            check(call_of(row), x, order=1)
        return  # its arguments are of different kinds, so NumPy cannot reduce by it
    check(call_of(row), x, order=1)


@each(METHODS, "not differentiable")
def test_plain_method(row):
    x = ufunc_arguments(row.function)[0]
    f = call_of(row)
    if row.method == "at" or (row.function in COMPARISONS and row.method != "outer"):
        return  # into floats; and truth values are not compared further
    try:
        wanted = f(x)
    except TypeError:  # no loop of these dtypes
        with pytest.raises(TypeError):
            f(Variable(x))
        return
    same(f(Variable(x)), wanted)
    assert x.dtype.kind != "f" or not tracked(with_tape(f, x))


COMPARISONS = {np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal}


def test_reductions_as_numpy():
    """Axes, masks, starts and errors of reduce."""
    x = SQUARE[None] * np.array([[[1.0]], [[2.0]]])
    mask = x > 0.3
    for u in (np.add, np.multiply, np.maximum, np.minimum, np.fmax, np.hypot, np.logaddexp):
        for axis in (None, 0, 1, -1, (0, 2), (0, 1, 2)):
            f = lambda v, u=u, axis=axis: u.reduce(v, axis=axis)  # noqa: E731
            same(with_tape(f, x), f(x))
            f = lambda v, u=u, axis=axis: u.reduce(v, axis=axis, initial=0.5, where=mask, keepdims=True)  # noqa: E731
            same(with_tape(f, x), f(x))
    check(lambda v: np.add.reduce(v, axis=None), SQUARE)
    check(lambda v: np.hypot.reduce(v, axis=(0, 1)), SQUARE)
    v = Variable(SQUARE)
    with pytest.raises(ValueError, match="not reorderable"):
        np.subtract.reduce(v, axis=None)
    with pytest.raises(ValueError, match="no identity"):
        np.fmax.reduce(Variable(np.zeros((0, 2))))
    with pytest.raises(ValueError, match="initial"):
        np.fmax.reduce(v, where=SQUARE > 0)
    with pytest.raises(np.exceptions.AxisError):
        np.subtract.reduce(v, axis=5)
    with pytest.raises(ValueError, match="binary"):
        np.sin.reduce(v)
    with pytest.raises(IndexError, match="out-of-bounds"):
        np.add.reduceat(v, [0, 7])
    with pytest.raises(RuntimeError, match="signature"):
        np.matmul.reduce(v)


def test_generalized_ufuncs():
    """``axes=``, ``axis=``, ``keepdims=`` of matmul and its like."""
    a, b = np.arange(24.0).reshape(2, 3, 4), np.arange(24.0).reshape(2, 4, 3) / 7
    for f in (
        lambda x, y: np.matmul(x, y, axes=[(-1, -2), (-1, -2), (-2, -1)]),
        lambda x, y: np.matmul(x, y, axes=[(1, 2), (1, 2), (0, 1)]),
        lambda x, y: np.vecdot(x, x, axis=1),
        lambda x, y: np.vecdot(x, x, axes=[0, 0, ()]),
        lambda x, y: np.matvec(x, y[:, 1], axes=[(-1, -2), (-1,), (0,)]) if hasattr(np, "matvec") else x @ y,
    ):
        check(f, a, b, order=1)
