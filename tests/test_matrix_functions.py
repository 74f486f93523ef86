"""Matrix functions and equations beyond the laws: SciPy's values, degenerate matrices, complex results, bad input."""

import warnings

import mpmath
import numpy as np
import pytest
import scipy.linalg
from derivatives import check

import scirs_ad as ad
import scirs_ad.scipy.linalg as sla
from scirs_ad.testing import check_grads

RNG = np.random.default_rng(11)
GENERAL = RNG.standard_normal((3, 3))
POSITIVE = GENERAL @ GENERAL.T + np.eye(3)
FUNCTIONS = ["expm", "logm", "sqrtm", "signm", "sinm", "cosm", "tanm", "sinhm", "coshm", "tanhm"]


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("a", [POSITIVE / 4, 0.3 * GENERAL + 0.2j * POSITIVE], ids=["real", "complex"])
def test_values_are_scipys(name, a):
    expected = getattr(scipy.linalg, name)(a)
    found = getattr(sla, name)(a)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)
    stacked = getattr(sla, name)(np.stack([a, 2 * a]))
    np.testing.assert_allclose(stacked[0], found, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["sinm", "cosm", "tanm", "sinhm", "coshm", "tanhm"])
def test_composites_have_derivatives(name):
    check(getattr(sla, name), 0.3 * GENERAL)
    check(getattr(sla, name), 0.2 * GENERAL + 0.1j * POSITIVE, order=1)


@pytest.mark.parametrize(
    ("name", "func"), [("sinhm", mpmath.sinh), ("tanhm", mpmath.tanh), ("coshm", mpmath.cosh), ("tanm", mpmath.tan)]
)
@pytest.mark.parametrize("size", [1e-12, 1e-6, 1.0, np.pi, 60.0, 300.0])
def test_hyperbolic_functions_of_any_size(name, func, size):
    """To rounding units of the result: small ones by differences of exponentials have few digits, the tangent of large ones
    by the quotient of sine and cosine none."""
    w = size * np.array([-1.0, 0.4, 0.7, 1.0])
    q = np.linalg.qr(np.cos(np.arange(16.0).reshape(4, 4) ** 1.5))[0]
    exact = (q * np.array([float(func(mpmath.mpf(float(x)))) for x in w])) @ q.T
    found = getattr(sla, name)((q * w) @ q.T)
    # The condition is that of the function of numbers, times what rounding `w` by the largest of them changes.
    slope = max(abs(float(mpmath.diff(func, float(x)))) for x in w)
    bound = 20 * np.finfo(float).eps * (np.max(np.abs(exact)) + slope * size)
    np.testing.assert_allclose(found, exact, rtol=0, atol=bound)


def test_hyperbolic_functions_of_extreme_sizes():
    np.testing.assert_array_equal(sla.tanhm(np.diag([1e200, -1e200, 3e100])), np.diag([1.0, -1.0, 1.0]))
    np.testing.assert_array_equal(sla.sinhm(np.diag([1e-200, -1e-300])), np.diag([1e-200, -1e-300]))
    np.testing.assert_allclose(sla.tanm([[np.pi]]), np.tan([[np.pi]]), atol=1e-15)
    with pytest.warns(RuntimeWarning, match="overflow encountered in coshm"):
        assert sla.coshm([[1000.0]]) == np.inf


def test_hyperbolic_functions_of_batches_are_those_of_each_matrix():
    """Matrices that need different numbers of doublings side by side, and none."""
    a = GENERAL * np.array([1e-5, 0.3, 4.0, 50.0])[:, None, None]
    for name in FUNCTIONS[4:]:
        function = getattr(sla, name)
        np.testing.assert_array_equal(function(a), np.stack([function(x) for x in a]))
        np.testing.assert_array_equal(function(a.reshape(2, 2, 3, 3)).reshape(a.shape), function(a))
        assert function(np.zeros((0, 3, 3))).shape == (0, 3, 3)
        assert function(a.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(sla.tanhm(a.astype(np.float32)), sla.tanhm(a), rtol=2e-5)


@pytest.mark.parametrize("name", ["expm", "logm", "sqrtm"])
@pytest.mark.parametrize("a", [2 * np.eye(3), np.diag([1.0, 1.0, 3.0])], ids=["identity", "repeated"])
def test_equal_eigenvalues(name, a):
    """Functions of a matrix are smooth there, whatever the eigenvectors do."""
    check(getattr(sla, name), a, order=1)


def test_funm():
    np.testing.assert_allclose(sla.funm(POSITIVE, np.log), scipy.linalg.logm(POSITIVE), atol=1e-12)
    check_grads(lambda a: sla.funm(a, lambda x: np.sin(x) * x), (POSITIVE,), order=1)
    check_grads(lambda a: sla.funm(a, np.exp), (np.diag([1.0, 1.0, 2.0]),), order=1)
    exact = ad.vjp(sla.expm, POSITIVE)[1](GENERAL)[0]
    np.testing.assert_allclose(ad.vjp(lambda a: sla.funm(a, np.exp), POSITIVE)[1](GENERAL)[0], exact, rtol=1e-9)


DEFECTIVE = {
    "Jordan": np.eye(3) + np.eye(3, k=1),
    "nearly": np.array([[1.0, 1.0, 0.0], [1e-10, 1.0, 0.5], [0.0, 0.0, 3.0]]),
    "two blocks": np.kron(np.diag([1.0, 1.5]), np.eye(2)) + np.eye(4, k=1),
    "chain": np.diag(1 + 0.05 * np.arange(5)) + np.triu(np.arange(25.0).reshape(5, 5) / 25, 1),
}


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("which", DEFECTIVE)
def test_funm_of_defective_matrices(which, kind):
    """As the functions that have their own algorithms, value and derivative of both modes."""
    a = (DEFECTIVE[which] * (1 if kind is float else 1 + 0.2j)).astype(kind)
    e = np.cos(np.arange(a.size)).reshape(a.shape).astype(kind)
    for func, own in ((np.exp, sla.expm), (np.log, sla.logm), (np.sqrt, sla.sqrtm)):

        def of(x, func=func):
            return sla.funm(x, func)

        for found, exact in (
            (of(a), own(a)), (ad.jvp(of, (a,), (e,))[1], ad.jvp(own, (a,), (e,))[1]),
            (ad.vjp(of, a)[1](e)[0], ad.vjp(own, a)[1](e)[0]),
        ):  # fmt: skip
            np.testing.assert_allclose(found, exact, rtol=0, atol=1e-12 * np.max(np.abs(exact)))
    check_grads(lambda x: sla.funm(x, np.exp), (a,), order=2)


def test_funm_of_a_function_that_is_not_real_on_the_real_axis():
    def func(x):
        return np.exp((1 + 2j) * x)

    def exact(x):
        return sla.expm((1 + 2j) * x)

    a, e = GENERAL + 1j * POSITIVE, GENERAL.T + 0.5j
    np.testing.assert_allclose(sla.funm(a, func), exact(a), rtol=1e-10)
    np.testing.assert_allclose(ad.vjp(lambda x: sla.funm(x, func), a)[1](e)[0], ad.vjp(exact, a)[1](e)[0], rtol=1e-9)


def test_funm_where_the_function_is_not_analytic():
    with pytest.warns(sla.IllConditionedWarning, match="funm: .*not analytic"):
        sla.funm(np.array([[0.0, 1.0], [0.0, 0.0]]), np.sqrt)


def test_complex_result_of_a_real_matrix():
    a = np.array([[-1.0, 0.5], [0.0, 2.0]])
    for name in ("logm", "sqrtm"):
        found = getattr(sla, name)(a)
        np.testing.assert_allclose(found, getattr(scipy.linalg, name)(a), atol=1e-12)
    gradient = ad.grad(lambda x: np.sum(np.imag(sla.sqrtm(x))))(a)
    assert gradient.dtype == float
    step = 1e-6
    for place in np.ndindex(2, 2):
        if place == (1, 0):
            continue
        moved = np.zeros((2, 2))
        moved[place] = step
        difference = (np.sum(scipy.linalg.sqrtm(a + moved).imag) - np.sum(scipy.linalg.sqrtm(a - moved).imag)) / (
            2 * step
        )
        np.testing.assert_allclose(gradient[place], difference, rtol=1e-6, atol=1e-8)
    graph = ad.trace(sla.logm)(a)
    with pytest.raises(np.linalg.LinAlgError, match="complex"):
        graph(a)


def test_power():
    np.testing.assert_allclose(sla.fractional_matrix_power(POSITIVE, 0.3),
                               scipy.linalg.fractional_matrix_power(POSITIVE, 0.3), rtol=1e-12)  # fmt: skip
    slope = ad.grad(lambda t: np.sum(sla.fractional_matrix_power(POSITIVE, t)))(0.7)
    expected = np.sum(scipy.linalg.logm(POSITIVE) @ scipy.linalg.fractional_matrix_power(POSITIVE, 0.7))
    np.testing.assert_allclose(slope, expected, rtol=1e-9)


def test_exponential_of_a_nilpotent_matrix_of_large_norm():
    """Scaling and squaring of a non-normal matrix, against 60 digits."""
    a = np.array([[0.5, 80.0, 3.0], [0.0, 0.4, 50.0], [0.0, 0.0, 0.45]])
    with mpmath.workdps(60):
        block = mpmath.zeros(6, 6)
        for i in range(3):
            for j in range(3):
                block[i, j] = block[i + 3, j + 3] = mpmath.mpf(float(a.T[i, j]))
                block[i, j + 3] = mpmath.mpf(1)
        exact = mpmath.expm(block)
        expected = np.array([[float(exact[i, j + 3]) for j in range(3)] for i in range(3)])
    found = ad.grad(lambda x: np.sum(sla.expm(x)))(a)
    assert np.max(np.abs(found - expected)) <= 1e3 * np.finfo(float).eps * np.max(np.abs(expected))


def test_expm_frechet():
    found = sla.expm_frechet(GENERAL, POSITIVE)
    for y, z in zip(found, scipy.linalg.expm_frechet(GENERAL, POSITIVE), strict=True):
        np.testing.assert_allclose(y, z, rtol=1e-12)
    with pytest.raises(ValueError, match="differ"):
        sla.expm_frechet(GENERAL, np.eye(2))
    with pytest.raises(ValueError, match="SPS"):
        sla.expm_frechet(GENERAL, GENERAL, "none")


# ------------------------------------------------------------------------------------------------ equations
def test_sylvester():
    b, q = RNG.standard_normal((2, 2)) + 5 * np.eye(2), RNG.standard_normal((3, 2))
    np.testing.assert_allclose(
        sla.solve_sylvester(POSITIVE, b, q), scipy.linalg.solve_sylvester(POSITIVE, b, q), rtol=1e-10
    )
    check_grads(sla.solve_sylvester, (POSITIVE, b, q))
    check_grads(sla.solve_sylvester, (POSITIVE + 0j, b + 0.5j, q + 1j), order=1)
    with pytest.raises(np.linalg.LinAlgError, match="common"):
        sla.solve_sylvester(np.eye(2), -np.eye(2), np.ones((2, 2)))
    with pytest.raises(ValueError, match="right-hand side"):
        sla.solve_sylvester(np.eye(2), np.eye(2), np.ones((2, 3)))


@pytest.mark.parametrize("method", ["direct", "bilinear"])
def test_lyapunov(method):
    a = 0.3 * GENERAL
    np.testing.assert_allclose(sla.solve_discrete_lyapunov(a, POSITIVE, method),
                               scipy.linalg.solve_discrete_lyapunov(a, POSITIVE, method), rtol=1e-10)  # fmt: skip
    check_grads(lambda a, q: sla.solve_discrete_lyapunov(a, q, method), (a, POSITIVE))
    check_grads(lambda a, q: sla.solve_discrete_lyapunov(a, q, method), (a + 0.1j * POSITIVE, GENERAL + 1j), order=1)
    stable = a - 2 * np.eye(3)
    np.testing.assert_allclose(sla.solve_continuous_lyapunov(stable, POSITIVE),
                               scipy.linalg.solve_continuous_lyapunov(stable, POSITIVE), rtol=1e-10)  # fmt: skip
    check_grads(sla.solve_lyapunov, (stable, POSITIVE))
    stacked = sla.solve_discrete_lyapunov(np.stack([a, -a]), POSITIVE, method)
    np.testing.assert_allclose(stacked[1], sla.solve_discrete_lyapunov(-a, POSITIVE, method), rtol=1e-10)


@pytest.mark.parametrize("name", ["solve_continuous_are", "solve_discrete_are"])
def test_riccati_with_all_arguments(name):
    a, b = 0.4 * GENERAL, RNG.standard_normal((3, 2))
    q, r = POSITIVE, 2 * np.eye(2)
    e, s = np.eye(3) + 0.1 * RNG.standard_normal((3, 3)), 0.1 * RNG.standard_normal((3, 2))
    ours, theirs = getattr(sla, name), getattr(scipy.linalg, name)
    np.testing.assert_allclose(ours(a, b, q, r, None, s), theirs(a, b, q, r, None, s), rtol=1e-8)
    # By the equation itself: what SciPy 1.17.1 gives for the discrete one with `e` leaves a residual of 0.1.
    x = ours(a, b, q, r, e, s)
    if name == "solve_continuous_are":
        left, cross, inner = e.T @ x @ a + a.T @ x @ e, e.T @ x @ b + s, r
    else:
        left, cross, inner = a.T @ x @ a - e.T @ x @ e, a.T @ x @ b + s, r + b.T @ x @ b
    residual = left - cross @ np.linalg.solve(inner, cross.T) + q
    assert np.max(np.abs(residual)) < 1e-11 * np.max(np.abs(x))

    def both(a, b, q, r, e, s):
        return ours(a, b, q @ q.T, r @ r.T, e, s)

    check(both, a, b, q, r, e, s, order=1)
    gradient = ad.grad(lambda q: np.sum(ours(a, b, q, r) * GENERAL))(q)
    np.testing.assert_allclose(gradient, gradient.T, rtol=1e-12)
    with pytest.raises(ValueError, match="symmetric"):
        ours(a, b, GENERAL, r)
    with pytest.raises(ValueError, match="b has shape"):
        ours(a, b.T, q, r)


@pytest.mark.parametrize("name", [*FUNCTIONS, "solve_lyapunov"])
def test_bad_input(name):
    function = getattr(sla, name)
    more = (np.eye(2),) if name == "solve_lyapunov" else ()
    with pytest.raises(ValueError, match="square"):
        function(np.ones((2, 3)), *more)
    with pytest.raises(ValueError, match="infs or NaNs"):
        function(np.array([[np.nan, 0.0], [0.0, 1.0]]), *more)
    assert function(np.zeros((0, 0)), *((np.zeros((0, 0)),) if more else ())).shape == (0, 0)


# ------------------------------------------------------------------------------------------------ exponential
def exact_expm(a):
    """To 50 digits; the series of the scaled matrix, squared."""
    with mpmath.workdps(80):
        found = mpmath.expm(mpmath.matrix(a.tolist()), method="taylor")
        n = len(a)
        return np.array([[complex(found[i, j]) for j in range(n)] for i in range(n)]).astype(a.dtype, copy=False)


def hard_matrices():
    rng = np.random.default_rng(5)
    for n in (2, 5):
        for scale in (1e-3, 0.05, 0.3, 1.0, 3.0, 30.0):
            yield scale * rng.standard_normal((n, n))
    yield rng.standard_normal((4, 4)) + 1j * rng.standard_normal((4, 4))
    yield np.array([[100.0, -100.0], [100.0, -100.0]])  # nilpotent
    yield np.array([[1.0, 1e6], [0.0, -1.0]])  # powers far smaller than those of the norm
    yield np.diag(np.full(5, 10.0), 1) - 3 * np.eye(6)
    yield 4 * scipy.linalg.hadamard(8) / 8**0.5
    yield -30 * np.eye(3) + rng.standard_normal((3, 3))
    v = rng.standard_normal((6, 6))
    yield np.linalg.solve(v, np.diag(np.linspace(-5, 1, 6)) @ v)


@pytest.mark.parametrize("a", list(hard_matrices()), ids=lambda a: f"{len(a)}-{np.abs(a).max():.3g}")
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_exponential_to_its_condition(a):
    """Value and adjoint to 100 eps times their conditions, against 80 digits."""
    n, rng = len(a), np.random.default_rng(6)
    size = np.linalg.norm
    exact = exact_expm(a)

    def block(e):
        return exact_expm(np.block([[a, e], [np.zeros_like(a), a]]))[:n, n:]

    directions = [e / size(e) for e in rng.standard_normal((8, n, n)).astype(a.dtype)]
    slope = max(size(sla.expm_frechet(a, e, compute_expm=False)) for e in directions)
    eps = np.finfo(float).eps
    assert size(sla.expm(a) - exact) <= 100 * eps * (n * slope * size(a) + size(exact))
    e = directions[0]
    wanted = block(e)
    step = eps**0.5 * size(a)  # the size of the second derivative
    bend = max(size(sla.expm_frechet(a + step * d, e, compute_expm=False) - wanted) / step for d in directions)
    allowed = 100 * eps * (n * bend * size(a) + slope)
    assert size(sla.expm_frechet(a, e, compute_expm=False) - wanted) <= allowed
    adjoint = a.conj().T.copy()
    assert size(ad.vjp(sla.expm, adjoint)[1](e)[0] - wanted) <= allowed


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
def test_exponential_of_batches(dtype):
    rng = np.random.default_rng(7)
    a = rng.standard_normal((2, 3, 4, 4)) * np.array([0.01, 1.0, 20.0])[:, None, None]  # one order each
    a = (a + (1j * a[::-1] if dtype[0] == "c" else 0)).astype(dtype)
    ct = rng.standard_normal((4, 4)).astype(dtype)
    for wrap in (lambda f: f, ad.compile):
        found = wrap(sla.expm)(a)
        moved = wrap(lambda x: ad.vjp(sla.expm, x)[1](np.broadcast_to(ct, x.shape).copy())[0])(a)
        mapped = wrap(ad.vmap(ad.vmap(lambda x: ad.vjp(sla.expm, x)[1](ct)[0])))(a)
        assert found.dtype == moved.dtype == a.dtype
        for place in np.ndindex(2, 3):
            eps = 2e3 * np.finfo(dtype).eps
            one = sla.expm(a[place])
            assert np.abs(found[place] - one).max() <= eps * np.abs(one).max()
            one = ad.vjp(sla.expm, a[place])[1](ct)[0]
            assert np.abs(moved[place] - one).max() <= eps * np.abs(one).max()
            assert np.abs(mapped[place] - one).max() <= eps * np.abs(one).max()


def test_exponential_of_layouts_and_nothing():
    rng = np.random.default_rng(8)
    a = rng.standard_normal((4, 4))
    wide = np.repeat(np.repeat(a, 2, 0), 3, 1)[::2, ::3]
    wide.flags.writeable = False
    assert np.array_equal(sla.expm(wide), sla.expm(a))
    assert np.array_equal(sla.expm(a.T.copy().T), sla.expm(a))
    for shape in ((0, 0), (0, 3, 3), (2, 0, 0)):
        assert sla.expm(np.ones(shape)).shape == shape
        assert ad.grad(lambda x: np.sum(sla.expm(x)))(np.ones(shape)).shape == shape
    assert np.array_equal(sla.expm([[1.0]]), [[np.exp(1.0)]])
    assert np.isnan(ad.compile(lambda x: sla.expm(x))(np.full((2, 2), 1e308))).all()


def test_powers_of_singular_matrices():
    """Whole ones are polynomials; others are values alone, if there are any."""
    for a in (np.diag([1.0, 0.0]), np.ones((2, 2)), np.zeros((2, 2)), np.array([[0.0, 1.0], [0.0, 0.0]])):
        for power in (0.0, 1.0, 2.0, 3.0):
            expected = np.linalg.matrix_power(a, int(power))
            np.testing.assert_allclose(sla.fractional_matrix_power(a, power), expected, atol=1e-13)
            check(lambda a, p=power: sla.fractional_matrix_power(a, p), a, order=1)
        for power in (-0.5, -1.0):
            with pytest.raises(np.linalg.LinAlgError, match=r"fractional_matrix_power: .*singular"):
                sla.fractional_matrix_power(a, power)
    np.testing.assert_allclose(sla.fractional_matrix_power(np.diag([4.0, 0.0]), 0.5), np.diag([2.0, 0.0]))
    with pytest.raises(np.linalg.LinAlgError, match="with a derivative"):
        ad.grad(lambda a: np.sum(sla.fractional_matrix_power(a, 0.5)))(np.diag([4.0, 0.0]))
    with pytest.raises(np.linalg.LinAlgError, match="no power"):
        sla.fractional_matrix_power(np.array([[0.0, 1.0], [0.0, 0.0]]), 0.5)


def test_functions_of_real_matrices_are_real_where_they_should_be():
    """By their eigenvalues, not by the size of an imaginary part, which far from normal is rounding and large."""
    far = np.eye(20) + np.diag(np.full(19, 10.0), 1)
    turn = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 2.0]])
    for a, real in (
        (far, True),
        (turn, True),
        (np.diag([1.0, -2.0]), False),
        (np.array([[1.0, 5.0], [0.0, -1e-9]]), False),
    ):
        for function in (sla.logm, lambda a: sla.fractional_matrix_power(a, 0.3)):
            assert (function(a).dtype == float) == real
    found = sla.funm(far, np.exp)
    assert found.dtype == float
    np.testing.assert_allclose(found, scipy.linalg.expm(far), rtol=0, atol=1e-9 * np.max(found))
    with pytest.warns(sla.IllConditionedWarning):
        g = ad.grad(lambda a: np.sum(sla.funm(a, np.exp)))(far)
    exact = ad.grad(lambda a: np.sum(sla.expm(a)))(far)
    np.testing.assert_allclose(g, exact, rtol=0, atol=1e-5 * np.max(np.abs(exact)))
    assert sla.funm(np.array([[1.0, 1.0], [0.0, -2.0]]), np.log).dtype == complex


@pytest.mark.parametrize("n", [20, 40, 60])
def test_large_blocks_of_equal_eigenvalues(n):
    """A series of 32 terms: enough, or a warning with the error."""
    for beside, enough in ((0.1, True), (1.0, True), (3.0, True), (10.0, False)):
        a = np.eye(n) + np.diag(np.full(n - 1, beside), 1)
        exact = scipy.linalg.expm(a)
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            found = sla.funm(a, np.exp)
        error = np.max(np.abs(found - exact)) / np.max(np.abs(exact))
        assert error < 1e-11 if enough else seen or error < 1e-8
