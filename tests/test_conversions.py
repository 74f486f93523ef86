"""Conversions to what NumPy and Python know: the derivative survives, or an error names who, where and what to do."""

import copy
import fractions
import math
import pickle

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.stats
from derivatives import check

import scirs_ad as ad
import scirs_ad.numpy as anp
from scirs_ad import DerivativeLostError, TracingError, Variable

X = np.array([0.5, 1.5, 2.5])


# ------------------------------------------------------------------------------------------------ refused
def filled(v):
    z = np.zeros(3)
    z[0] = v[0]
    return z.sum()


def filled_by_slice(v):
    z = np.zeros(3)
    z[:2] = v[:2]
    return z.sum()


# name -> (function, what the message has to say)
REFUSED = {
    "asarray": (lambda v: np.asarray(v).sum(), ["np.asarray(v)"]),
    "array": (lambda v: np.array(v).sum(), ["np.array(v)"]),
    "float dtype": (lambda v: np.asarray(v, float).sum(), ["np.asarray(v, float)"]),
    "scalar of a dtype": (lambda v: np.array(v[0], dtype=float), ["np.array(v[0], dtype=float)"]),
    "ascontiguousarray": (lambda v: np.ascontiguousarray(v).sum(), ["np.ascontiguousarray(v)"]),
    "float": (lambda v: float(v[0]), ["float(v[0])"]),
    "complex": (lambda v: abs(complex(v[0])), ["complex(v[0])"]),
    "math": (lambda v: math.sin(v[0]), ["math.sin(v[0])", "calls float of it"]),
    "item": (lambda v: v[0].item(), ["item()"]),
    "tobytes": (lambda v: v.tobytes(), ["tobytes()"]),
    "random": (lambda v: np.random.default_rng(0).normal(v).sum(), ["np.random.default_rng(0).normal(v)"]),
    "ndarray.dot": (lambda v: np.ones(3).dot(v), ["np.ones(3).dot(v)"]),
    "assignment": (filled, ["z[0]", "zeros_like", "like=x", "scirs_ad.numpy.zeros"]),
    "assignment of a slice": (filled_by_slice, ["z[:2]", "zeros_like"]),
    "masked array": (lambda v: np.ma.masked_array(v, [True, False, False]).sum(), ["numpy.ma.core.MaskedArray"]),
    "scipy.linalg": (lambda v: scipy.linalg.solve(np.eye(3), v).sum(),
                     ["scipy.linalg.solve", "Use scirs_ad.scipy.linalg.solve"]),
    "scipy.stats": (lambda v: scipy.stats.norm.logpdf(v).sum(), ["scipy.stats", "logpdf"]),
    "scipy.integrate": (lambda v: scipy.integrate.quad(lambda t: t * v[0], 0.0, 1.0)[0], ["scipy.integrate.quad"]),
    "pickle": (lambda v: pickle.dumps(v), ["pickle"]),
    "Polynomial": (lambda v: np.polynomial.Polynomial(v)(2.0), ["numpy.polynomial"]),
    "mean of objects": (lambda v: np.mean(np.array([v[0], v[1]])), ["numpy.mean"]),
    "list of arrays": (lambda v: np.sum([v, v], axis=0).sum(), ["numpy.sum"]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    f, said = REFUSED[name]
    for transformed in (ad.grad(f), lambda x: ad.jvp(f, (x,), (x,))):
        with pytest.raises(DerivativeLostError) as caught:
            transformed(X)
        message = str(caught.value)
        for part in said:
            assert part in message, message
        if name not in ("item", "tobytes", "pickle"):
            assert "test_conversions.py:" in message
            assert "scirs_ad.stop_gradient(x) or scirs_ad.value(x)" in message
            assert "float64 array of shape" in message


def test_the_line_is_the_users():
    line = filled.__code__.co_firstlineno + 2
    with pytest.raises(DerivativeLostError, match=f"test_conversions.py:{line}"):
        ad.grad(filled)(X)


def test_without_values():
    """While tracing and under vmap there is no value to give."""
    with pytest.raises(TracingError, match="test_conversions"):
        ad.trace(lambda v: np.asarray(v))(X)
    with pytest.raises(TracingError, match="float"):
        ad.vmap(lambda v: float(v))(X)
    with pytest.raises(TracingError, match="int"):
        ad.vmap(lambda v: int(v))(X)
    with pytest.raises(TracingError, match="cond"):
        ad.vmap(lambda v: v if v > 1 else -v)(X)


# ------------------------------------------------------------------------------------------------ allowed
def test_numbers_that_carry_no_derivative():
    def f(v):
        assert int(v[1]) == 1
        assert bool(v[0]) and not bool(v[0] * 0)
        assert f"{v[0]:.3f}" == "0.500"
        assert format(v[0], "8.2e") == "5.00e-01"
        assert repr(v).startswith("Variable([0.5, 1.5, 2.5], level=")
        assert str(v) == "[0.5 1.5 2.5]"
        assert math.floor(v.value[2]) == 2 and round(v.value[2]) == 2
        assert list(range(int(v[2]))) == [0, 1]
        assert [10, 20, 30][np.argmax(v)] == 30
        assert hash(v) == hash(v) and v in [v]
        assert len(v) == 3 and 1.5 in v and next(reversed(v)) == v[2]
        assert v.tolist()[1] == v[1]
        assert max(v) == v[2] and sorted(v)[0] == v[0]
        return sum(v) * math.prod(v)

    np.testing.assert_allclose(ad.grad(f)(X), 1.875 + 4.5 * 1.875 / X)


def test_index_needs_a_whole_number():
    with pytest.raises(TypeError):
        ad.grad(lambda v: [1, 2, 3][v[0]] * v[0])(X)
    with pytest.raises(IndexError):
        ad.grad(lambda v: X[v[0]] * v[0])(X)


def test_numpy_testing_compares_values():
    def f(v):
        np.testing.assert_allclose(v, X)
        np.testing.assert_allclose(X, v * 1.0, rtol=1e-12)
        np.testing.assert_array_equal(v, X)
        np.testing.assert_array_almost_equal(v, X)
        np.testing.assert_equal(v, X)
        np.testing.assert_array_less(v, v + 1)
        with pytest.raises(AssertionError):
            np.testing.assert_allclose(v, X + 1)
        return v.sum()

    np.testing.assert_allclose(ad.grad(f)(X), 1.0)


def test_untracked_variables_convert():
    v = Variable(X.copy())
    for made in (np.asarray(v), np.array(v), np.asarray(v, float)):
        assert type(made) is np.ndarray
        made[0] = 9.0
        assert v.value[0] == 0.5
    assert np.asarray(v, np.float32).dtype == np.float32
    assert float(v[0]) == 0.5 and complex(v[0]) == 0.5 and math.sin(v[0]) == math.sin(0.5)
    assert v[0].item() == 0.5 and v.tolist() == X.tolist() and v.tobytes() == X.tobytes()
    z = np.zeros(3)
    z[:] = v
    z[0] = v[1]
    assert z.tolist() == [1.5, 1.5, 2.5]
    assert np.asarray(pickle.loads(pickle.dumps(v))).tolist() == X.tolist()
    assert scipy.linalg.norm(v) == np.linalg.norm(X)


def test_copies():
    def f(v):
        w = copy.copy(v)
        w[0] = 5.0 * v[1]
        u = copy.deepcopy({"v": v})["v"]
        u *= 2
        return v.sum() + 10 * w.sum() + 100 * u.sum()

    np.testing.assert_allclose(ad.grad(f)(X), [1 + 200, 1 + 60 + 200, 1 + 10 + 200])


# ------------------------------------------------------------------------------------------------ gathered
GATHERED = {
    "list": lambda v: np.array([v[0] ** 2, 2 * v[1]]) * 1.0,
    "nested": lambda v: np.array([[v[0], 1.0], [v[1] * v[2], v[2]]]) * np.ones((2, 2)),
    "matrix product": lambda v: np.array([[v[0], v[1]], [-v[1], v[0]]]) @ v[:2],
    "with numbers": lambda v: np.array([v[0], 2.0, 3]) * v,
    "sum": lambda v: np.array([v[0], v[1]]).sum() * np.array(v[2]),
    "sum of objects": lambda v: np.sum(np.array([v[0], v[1] * v[1]])),
    "dot": lambda v: np.dot(np.array([v[0], v[1]]), np.array([v[2], v[1]])),
    "ufunc": lambda v: np.sin(np.array([v[0], v[1]])) * v[2],
    "another ufunc": lambda v: np.exp(np.sqrt(np.array([[v[0]], [v[1]]]))) + np.log(np.array([v[2]])),
    "comparison": lambda v: np.where(np.array([v[0], v[1]]) > 1.0, v[:2], 3 * v[:2]),
    "concatenate": lambda v: np.concatenate([[v[0]], v, [1.0]]) ** 2,
    "stack": lambda v: np.stack([v, np.array([v[0], v[1], 1.0])]) * 1.0,
    "hstack": lambda v: np.hstack([v[0], v]) ** 2,
    "r_": lambda v: np.r_[v[0] * 2, v[1:], 1.0, 0.0:2.0] * 1.0,
    "c_": lambda v: np.c_[v, v**2, X] * 1.0,
    "solve": lambda v: np.linalg.solve(np.array([[2.0, v[0]], [v[1], 3.0]]), v[:2]),
    "list in a function": lambda v: np.linalg.norm([v[0], v[1], v[2]]),
    "tuple": lambda v: np.prod((v[0], v[1], 2.0)),
    "list operand": lambda v: v * [v[0], 1.0, 2.0] + [1, 2, 3],
    "comprehension": lambda v: np.array([v[i] * v[-i] for i in range(3)]) * 1.0,
    "filled objects": lambda v: _objects(v) * 1.0,
    "vectorize": lambda v: np.vectorize(lambda a, b: a * b if a > 1 else b)(v, v[0]) * 1.0,
    "frompyfunc": lambda v: np.frompyfunc(lambda a: a * a if a > 1 else a, 1, 1)(v) * 1.0,
    "apply_along_axis": lambda v: np.apply_along_axis(lambda r: r * r.sum(), 0, v),
    "fromiter": lambda v: np.fromiter((e for e in v), dtype=object) * 1.0,
    "block": lambda v: np.block([[v[:2].reshape(2, 1), np.eye(2)], [1.0, v[1:].reshape(1, 2)]]),
    "interp": lambda v: np.interp(v[1], [0.0, 1.0, v[2]], [v[0], 2.0, 4.0]),
}  # fmt: skip


def _objects(v):
    z = np.empty(3, object)
    for k in range(3):
        z[k] = v[k] * v[0]
    return z


@pytest.mark.parametrize("name", GATHERED)
def test_gathered(name):
    def f(v):
        y = GATHERED[name](v)
        return y if isinstance(v, Variable) else np.asarray(y, float)

    y, _ = ad.vjp(GATHERED[name], X)
    np.testing.assert_allclose(y, f(X), rtol=1e-13)
    for mode in (ad.jacfwd, ad.jacrev):
        found = mode(GATHERED[name])(X)
        step = 1e-6
        wanted = np.stack([(f(X + step * e) - f(X - step * e)) / (2 * step) for e in np.eye(3)], -1)
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-7)


def test_object_arrays_are_returned_packed():
    y, pullback = ad.vjp(lambda v: np.array([v[0] * 2, v[1] * v[2]]), X)
    assert y.dtype == float
    (g,) = pullback(np.array([1.0, 10.0]))
    np.testing.assert_allclose(g, [2.0, 25.0, 15.0])
    np.testing.assert_allclose(ad.jacobian(lambda v: np.array([[v[0], v[1]]]))(X).shape, (1, 2, 3))


def test_roll_of_objects():
    """A peer gives a wrong gradient here, without an error."""
    np.testing.assert_allclose(ad.grad(lambda v: (np.roll(v, 1) * v).sum())(np.array([1.0, 2.0, 3.0])), [5.0, 4.0, 3.0])
    check(lambda v: np.roll(np.array([v[0], v[1], v[2]]), 1) * v, X)


# ------------------------------------------------------------------------------------------------ bad input
class Foreign:
    """An array class of another library, which handles NumPy itself and knows nothing of us."""

    __array_priority__ = 11

    def __init__(self, x):
        self.x = np.asarray(x)
        self.shape, self.dtype = self.x.shape, self.x.dtype

    def __array__(self, dtype=None, copy=None):
        return self.x

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if any(isinstance(x, Variable) for x in inputs):
            return NotImplemented
        return Foreign(getattr(ufunc, method)(*(x.x if isinstance(x, Foreign) else x for x in inputs), **kwargs))

    def __array_function__(self, func, types, args, kwargs):
        return NotImplemented


class Friendly(Foreign):
    """One that does know what to do."""

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return getattr(ufunc, method)(*(x.x if isinstance(x, Foreign) else x for x in inputs), **kwargs)


def test_foreign_arrays():
    y = Foreign(X)
    for f in (
        lambda v: v * y,
        lambda v: np.add(v, y),
        lambda v: np.add(y, v),
        lambda v: np.concatenate([v, y]),
        lambda v: np.dot(v, y),
        lambda v: np.add(v, 1.0, out=y),
    ):
        with pytest.raises(TypeError, match=r"Variable|Foreign"):
            ad.grad(lambda v, f=f: f(v).sum())(X)
    np.testing.assert_allclose(ad.grad(lambda v: np.multiply(v, Friendly(X)).sum())(X), X)
    np.testing.assert_array_equal(y.x, X)


def test_masked_arrays_and_matrices():
    masked = np.ma.masked_array(X, [True, False, False])
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.matrix(np.eye(3))
    for f in (
        lambda v: (v * masked).sum(),
        lambda v: (masked * v).sum(),
        lambda v: np.add(masked, v).sum(),
        lambda v: np.concatenate([v, masked]).sum(),
        lambda v: (v * matrix).sum(),
        lambda v: (matrix * v).sum(),
        lambda v: np.dot(v, matrix).sum(),
        lambda v: (v @ matrix).sum(),
    ):
        with pytest.raises(TypeError, match=r"MaskedArray|matrix"):
            ad.grad(f)(X)
    np.testing.assert_allclose(ad.grad(lambda v: (v * masked.filled(0.0)).sum())(X), [0.0, 1.5, 2.5])
    with pytest.raises(TypeError, match="MaskedArray"):
        anp.asarray(masked)


def test_what_is_no_array_of_numbers():
    for bad in (["a", "b", "c"], np.array(["a", None, 1.0], object), np.array(["a", "b", "c"]),
                np.array([fractions.Fraction(1, 2), None, 1], object)):  # fmt: skip
        for f in (lambda v, bad=bad: v * bad, lambda v, bad=bad: np.add(bad, v), lambda v, bad=bad: np.dot(v, bad)):
            with pytest.raises((TypeError, ValueError)):
                ad.grad(lambda v, f=f: f(v).sum())(X)
    for ragged in ([[1.0, 2.0], [1.0]], [np.ones(2), np.ones(3)]):
        with pytest.raises(ValueError, match=r"inhomogeneous|shape"):
            ad.grad(lambda v, r=ragged: (v[:2] * r).sum())(X)
    for f in (lambda v: v * [v, v[:2]], lambda v: anp.array([[v[0]], [v[0], v[1]]]), lambda v: np.stack([v, v[0]])):
        with pytest.raises(ValueError, match="shape"):
            ad.grad(f)(X)


def test_mixed_levels():
    kept = []

    def f(v):
        kept.append(v)
        return v.sum()

    ad.grad(f)(X)
    for use in (lambda: np.sin(kept[0]), lambda: kept[0] + 1, lambda: np.array([kept[0][0], 1.0]) * 2,
                lambda: ad.grad(lambda v: (v * kept[0]).sum())(X)):  # fmt: skip
        with pytest.raises(ad.EscapedVariableError):
            use()
    # of an outer transform it is a constant of the inner one, with its own derivative
    g = ad.grad(lambda v: ad.grad(lambda w: np.sum(np.array([w[0] * v[1], v[0] * w[1] ** 2]) * 1.0))(v)[1])(X)
    np.testing.assert_allclose(g, [2 * X[1], 2 * X[0], 0.0])
    out = anp.zeros(3)
    ad.grad(lambda v: np.multiply(v, 2.0, out=out).sum())(X)
    with pytest.raises(ad.EscapedVariableError):
        out + 1
