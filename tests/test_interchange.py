"""Labelled arrays as inputs, pickling, processes, copies."""

import copy
import multiprocessing
import pickle

import numpy as np
import pytest

import scirs_ad as ad
from scirs_ad import optimize as ao

X = np.array([0.5, 1.0, 2.0])


def cost(x, scale=2.0):
    return np.sum(np.sin(x) ** 2) * scale


def rows(x):
    return np.stack([np.sum(x**2), np.prod(x)])


TRANSFORMS = [
    ad.grad(cost), ad.value_and_grad(cost), ad.hessian(cost), ad.jacobian(rows), ad.jacfwd(rows), ad.jacrev(rows),
    ad.value_and_jacobian(rows), ad.derivatives(np.sin, 2), ad.vmap(ad.grad(np.sin)), ad.grad(ad.grad(np.sin)),
    ad.grad(cost, argnums=(0,)), ad.checkpoint(cost),
]  # fmt: skip


@pytest.mark.parametrize("f", TRANSFORMS, ids=repr)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_transforms(f, protocol):
    x = 0.5 if "grad(grad(" in repr(f) else X
    for again in (pickle.loads(pickle.dumps(f, protocol)), copy.copy(f), copy.deepcopy(f)):
        assert type(again) is type(f)
        assert repr(again) == repr(f)
        np.testing.assert_equal(again(x), f(x))


def test_pickle_products():
    v = np.array([1.0, -1.0])
    for f, args in ((ad.hvp(cost), (X, X)), (ad.weighted_hessian(rows), (X, v))):
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(f))(*args), f(*args))
    fit = pickle.loads(pickle.dumps(ao.curve_fit_jac(np.multiply)))
    np.testing.assert_array_equal(fit(X, 2.0), X[:, None])


def test_a_lambda_cannot_be_pickled():
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(ad.grad(lambda x: x))


def test_variables():
    v = ad.Variable(X)
    for again in (pickle.loads(pickle.dumps(v)), copy.copy(v), copy.deepcopy(v)):
        assert type(again) is ad.Variable
        np.testing.assert_array_equal(again.value, X)
        again[0] = 9.0
    np.testing.assert_array_equal(v.value, X)

    def f(x):
        y, z = copy.copy(x), copy.deepcopy({"x": x})["x"]
        y[0] = 0.0  # an array of its own, with the same derivative
        return np.sum(x**2) + np.sum(y * z)

    np.testing.assert_allclose(ad.grad(f)(X), 2 * X + np.array([0.0, 2.0, 4.0]))


def test_tracked_variables_cannot_be_pickled():
    with pytest.raises(ad.DerivativeLostError, match="pickle"):
        ad.grad(lambda x: pickle.dumps(x) and x)(1.0)


def test_processes_that_start_anew():
    """What `multiprocessing` does where it cannot fork."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.map(ad.grad(np.linalg.norm), [X, 2 * X])
    np.testing.assert_allclose(found, [X / np.linalg.norm(X)] * 2)


def test_joblib():
    try:
        from joblib import Parallel, delayed
    except ImportError:
        return  # `test_processes_that_start_anew` is what it does
    gradient = ad.grad(cost)
    found = Parallel(n_jobs=2, prefer="threads")(delayed(gradient)(k * X) for k in range(3))
    np.testing.assert_array_equal(found, [gradient(k * X) for k in range(3)])
    # Also what pickle refuses: joblib pickles functions by their code.
    found = Parallel(n_jobs=2)(delayed(ad.grad(lambda x: np.sum(x**3)))(k * X) for k in range(2))
    np.testing.assert_array_equal(found, [0 * X, 3 * X**2])


# ------------------------------------------------------------------------------------------------ labelled arrays
class Labelled:
    """As much of a labelled array as NumPy asks of one that it is given."""

    def __init__(self, values):
        self.values = np.asarray(values)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)


def frames():
    try:
        import pandas
    except ImportError:
        return []
    return [pandas.Series(X, index=list("abc")), pandas.Index(X)]


def data_arrays():
    try:
        import xarray
    except ImportError:
        return []
    return [xarray.DataArray(X, dims="t", coords={"t": [10, 20, 30]})]


INPUTS = [Labelled(X), *frames(), *data_arrays()]


@pytest.mark.parametrize("data", INPUTS, ids=lambda x: type(x).__name__)
def test_differentiated_inputs_lose_their_labels(data):
    for found, expected in (
        (ad.grad(cost)(data), ad.grad(cost)(X)),
        (ad.jacobian(rows)(data), ad.jacobian(rows)(X)),
        (ad.hessian(cost)(data), ad.hessian(cost)(X)),
        (ad.vjp(cost, data)[1](1.0)[0], ad.grad(cost)(X)),
        (ad.jvp(cost, (data,), (data,))[1], ad.grad(cost)(X) @ X),
        (ad.vmap(ad.grad(np.sin))(data), np.cos(X)),
        (ao.minimize(lambda x: np.sum((x - 1) ** 2), data).x, np.ones(3)),
    ):
        assert isinstance(found, (np.ndarray, np.generic))
        np.testing.assert_allclose(found, expected, atol=1e-7)


OPERATIONS = {
    "v - c": lambda v, c: np.sum((v - c) ** 2),
    "c - v": lambda v, c: np.sum((c - v) ** 2),
    "v * c": lambda v, c: np.sum(v * c),
    "c * v": lambda v, c: np.sum(c * v),
    "c / v": lambda v, c: np.sum(c / v),
    "c ** v": lambda v, c: np.sum(c**v),
    "exp": lambda v, c: np.mean(np.exp(-v * c)),
    "add": lambda v, c: np.sum(np.add(c, v) * np.multiply(v, c)),
    "compare": lambda v, c: np.sum(np.where(c > 0.7, v, 0.0)) + np.sum(v[np.asarray(v < c + 1)]),
    "dot": lambda v, c: np.dot(v, c),
    "concatenate": lambda v, c: np.sum(np.concatenate([v, c]) ** 2),
}


@pytest.mark.parametrize("data", [*frames(), *data_arrays()], ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("name", OPERATIONS)
def test_labelled_data_in_a_function(name, data):
    f = OPERATIONS[name]
    np.testing.assert_allclose(ad.grad(f)(X + 0.1, data), ad.grad(f)(X + 0.1, X), rtol=1e-14)


def test_data_frames():
    try:
        import pandas
    except ImportError:
        return
    frame = pandas.DataFrame({"a": [1.0, 2.0, 3.0], "b": [0.5, -1.0, 4.0]})
    w = np.array([0.3, -0.2])
    values = frame.to_numpy()

    def f(w, data):
        return np.sum((data["a"] * w[0] + w[1] * data["b"] - 1) ** 2)

    np.testing.assert_allclose(ad.grad(f)(w, frame), 2 * values.T @ (values @ w - 1))
    np.testing.assert_allclose(ad.grad(lambda x: np.sum((x - frame) * (frame - x)))(values + 1), np.full((3, 2), -2.0))
    np.testing.assert_allclose(ad.grad(lambda x: np.sum(x @ frame))(np.ones(3)), values.sum(1))
    with pytest.raises(ad.DerivativeLostError, match="frame"):  # pandas converts before it asks; use frame.to_numpy()
        ad.grad(lambda x: np.sum(frame @ x))(w)
    found, _ = ao.curve_fit(lambda d, a, b: a * d["a"] + b * d["b"], frame, frame["a"] * 2 + frame["b"] * 3)
    np.testing.assert_allclose(found, [2.0, 3.0])
