"""`scirs_ad.nn`: activation functions."""

import numpy as np
import pytest

import scirs_ad as ad


@pytest.mark.parametrize("dtype", ["d", "f"])
def test_relu(dtype):
    x = np.array([-np.inf, -2.0, -0.0, 0.0, 3.0, np.inf, np.nan], dtype)
    expected = np.array([0, 0, 0, 0, 3, np.inf, np.nan], dtype)
    slope = np.array([0, 0, 0, 0, 1, 1, 1], dtype)
    for f in (ad.nn.relu, ad.compile(ad.nn.relu)):
        y = f(x)
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, expected)
        gradient = ad.grad(lambda x, f=f: np.sum(f(x)))(x)
        assert gradient.dtype == dtype
        np.testing.assert_array_equal(gradient, slope)
        np.testing.assert_array_equal(ad.jvp(f, (x,), (np.ones_like(x),))[1], slope)
    np.testing.assert_array_equal(ad.nn.relu(np.array([-1, 2])), [0, 2])
    assert ad.nn.relu(-3.0) == 0


def test_softplus():
    x = np.array([-800.0, -3.0, 0.0, 2.0, 800.0])
    np.testing.assert_allclose(ad.nn.softplus(x), np.logaddexp(0, x), rtol=1e-15)
    np.testing.assert_allclose(
        ad.grad(lambda x: np.sum(ad.nn.softplus(x)))(x)[1:4], 1 / (1 + np.exp(-x[1:4])), rtol=1e-14
    )


def test_relu_of_complex_numbers():
    with pytest.raises(TypeError, match="relu: x has dtype complex128"):
        ad.nn.relu(1j * np.ones(2))
