"""Fourier transforms: values and dtypes of NumPy, derivatives of differences."""

import numpy as np
import pytest
from derivatives import check
from hypothesis import given, settings
from hypothesis import strategies as st

import scirs_ad as ad
import scirs_ad.numpy as anp

RNG = np.random.default_rng(0)
REAL = ["rfft", "ihfft"]
ONE = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]
MANY = ["fft2", "ifft2", "fftn", "ifftn", "rfft2", "irfft2", "rfftn", "irfftn"]


def signal(name, *shape):
    x = RNG.standard_normal(shape)
    return x if name.startswith(("rfft", "ihfft")) else x + 1j * RNG.standard_normal(shape)


def same(found, wanted):
    assert np.shape(found) == np.shape(wanted)
    assert np.asarray(found).dtype == np.asarray(wanted).dtype
    np.testing.assert_allclose(np.asarray(found), wanted, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize("n", [None, 1, 2, 3, 4, 5, 8])
def test_one_axis(name, norm, n):
    x = signal(name, 2, 5)
    same(getattr(anp.fft, name)(x, n, norm=norm), getattr(np.fft, name)(x, n, norm=norm))
    check(lambda a: getattr(np.fft, name)(a, n, norm=norm), x, order=1)
    same(getattr(anp.fft, name)(x.T, n, 0, norm), getattr(np.fft, name)(x.T, n, 0, norm))


@pytest.mark.parametrize("name", MANY)
@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize(("s", "axes"), [(None, None), ((3, 5), (0, 2)), ((4, 2), (-1, -2)), ((6, 4), (1, 2))])
def test_many_axes(name, norm, s, axes):
    x = signal(name, 2, 3, 4)
    axes = (-2, -1) if axes is None and "2" in name else axes
    same(getattr(anp.fft, name)(x, s, axes, norm), getattr(np.fft, name)(x, s, axes, norm))
    check(lambda a: getattr(np.fft, name)(a, s, axes, norm), x, order=1)


@pytest.mark.parametrize("name", ONE)
def test_single_precision_stays(name):
    x = signal(name, 6).astype(np.float32 if name in REAL else np.complex64)
    f = getattr(np.fft, name)
    assert getattr(anp.fft, name)(x).dtype == f(x).dtype
    assert ad.grad(lambda a: np.sum(np.abs(f(a)) ** 2))(x).dtype == x.dtype


@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_round_trip_and_parseval(n):
    x = RNG.standard_normal(n)
    np.testing.assert_allclose(
        ad.grad(lambda a: np.sum(np.abs(np.fft.fft(a)) ** 2))(x), 2 * n * x, rtol=1e-12, atol=1e-13
    )
    jacobian = ad.jacobian(lambda a: np.fft.irfft(np.fft.rfft(a), n))(x)
    np.testing.assert_allclose(jacobian, np.eye(n), atol=1e-14)


def test_real_input_of_a_complex_transform():
    x = RNG.standard_normal(5)
    check(np.fft.fft, x)
    check(lambda a: np.fft.irfft(a), x)
    same(anp.fft.fft([1, 2, 3]), np.fft.fft([1, 2, 3]))


@given(n=st.integers(1, 9), m=st.integers(1, 9), seed=st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_any_length(n, m, seed):
    x = np.random.default_rng(seed).standard_normal(n)
    check(lambda a: np.fft.rfft(a, m), x, order=1)
    half = x + 1j * x[::-1]
    check(lambda a: np.fft.irfft(a, m), half, order=1)


def test_shifts_and_frequencies():
    x = RNG.standard_normal((4, 5))
    for axes in (None, 0, (0, 1), -1):
        same(anp.fft.fftshift(x, axes), np.fft.fftshift(x, axes))
        same(anp.fft.ifftshift(x, axes), np.fft.ifftshift(x, axes))
    check(np.fft.fftshift, x)
    for n in (1, 4, 5):
        np.testing.assert_allclose(anp.fft.fftfreq(n, 0.5).value, np.fft.fftfreq(n, 0.5))
        np.testing.assert_allclose(anp.fft.rfftfreq(n, 0.5).value, np.fft.rfftfreq(n, 0.5))
    check(lambda d: anp.fft.fftfreq(4, d) * 1.0, np.array(0.5))


def test_refusals():
    with pytest.raises(ValueError, match="points"):
        anp.fft.fft([1.0], 0)
    with pytest.raises(ValueError, match="norm"):
        anp.fft.fft([1.0], norm="half")
    with pytest.raises(TypeError, match="real"):
        anp.fft.rfft([1j])
    with pytest.raises(np.exceptions.AxisError):
        anp.fft.fft([1.0], axis=1)


def test_vmap():
    x = RNG.standard_normal((3, 8))
    np.testing.assert_allclose(ad.vmap(np.fft.rfft)(x), np.fft.rfft(x), rtol=1e-12, atol=1e-13)
