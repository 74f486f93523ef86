"""Matrix functions and matrix equations under the names and signatures of scipy.linalg, over leading axes."""

import numpy as np

from scirs_ad._core.core import dtype_of, shape_of
from scirs_ad._ops import arithmetic as ar
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import extrema
from scirs_ad._ops import linalg as la
from scirs_ad._ops import matrix_equations as eq
from scirs_ad._ops import matrix_functions as mf
from scirs_ad._ops import shape as sh
from scirs_ad._ops.linalg_policy import refused
from scirs_ad._ops.matrix_exponential import expm_frechet_core, exponential
from scirs_ad._ops.matrix_trigonometric import trigonometric_core
from scirs_ad._ops.products import kron, matmul
from scirs_ad.scipy._spectra import checked

__all__ = [
    "coshm", "cosm", "expm", "expm_frechet", "fractional_matrix_power", "funm", "logm", "signm", "sinhm", "sinm",
    "solve_continuous_are", "solve_continuous_lyapunov", "solve_discrete_are", "solve_discrete_lyapunov",
    "solve_lyapunov", "solve_sylvester", "sqrtm", "tanhm", "tanm",
]  # fmt: skip


def _matrix(name, a):
    return checked(name, a, True, square=True)


def _complex(a):
    kind = np.result_type(dtype_of(a), np.complex64)
    return a if dtype_of(a) == kind else sh.astype(a, kind)


def _real_first(function, a):
    """A real result of a real matrix where there is one, else a complex one (SciPy's convention)."""
    try:
        return function(a)
    except mf.NoRealResult:
        return function(_complex(a))


def _numpydoc(summary, notes, example, a="array_like, shape (..., n, n)", more="", returns="(..., n, n)", raises=""):
    return f"""{summary}

    Parameters
    ----------
    A : {a}
        Integers are computed as float64.{more}

    Returns
    -------
    Variable or ndarray, shape {returns}

    Raises
    ------
    ValueError
        If the last two axes differ, or an element is not finite.{raises}

    Notes
    -----
    {notes}

    Examples
    --------
{example}
    """


def expm(A):
    return exponential(_matrix("expm", A))


expm.__doc__ = _numpydoc(
    "Matrix exponential.",
    "Derivative: the Frechet derivative at the adjoint (A. H. Al-Mohy, N. J. Higham, SIAM J. Matrix Anal. Appl. 30 "
    "(2009)).\n    Of any order. Cost: about ``25 n^3`` operations, three times that for a derivative.",
    "    >>> import scirs_ad.scipy.linalg as sla\n    >>> sla.expm([[0.0, 0.0], [0.0, 0.0]])\n"
    "    array([[1., 0.],\n           [0., 1.]])",
)


def expm_frechet(A, E, method=None, compute_expm=True, check_finite=True):
    """Frechet derivative of the matrix exponential at `A` in the direction `E`.

    Parameters
    ----------
    A, E : array_like, shape (..., n, n)
    method : str, optional
        Without effect: always "SPS".
    compute_expm : bool
        Whether the exponential is returned too.
    check_finite : bool

    Returns
    -------
    expm_A : Variable or ndarray, shape (..., n, n)
        Only with `compute_expm`.
    expm_frechet_AE : Variable or ndarray, shape (..., n, n)

    Raises
    ------
    ValueError
        If a shape is not square, the shapes do not fit, or `method` is not known.

    Notes
    -----
    Derivative: of any order, in both. Cost: about ``75 n^3`` operations (Al-Mohy and Higham, 2009).

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.expm_frechet([[0.0]], [[2.0]], compute_expm=False)
    array([[2.]])
    """
    if method not in (None, "SPS", "blockEnlarge"):
        raise ValueError(f"expm_frechet: only implemented for methods 'SPS' and 'blockEnlarge', not {method!r}")
    A = checked("expm_frechet", A, check_finite, square=True)
    E = checked("expm_frechet", E, check_finite, square=True)
    if shape_of(A)[-1] != shape_of(E)[-1]:
        raise ValueError(f"expm_frechet: A of shape {shape_of(A)} and E of shape {shape_of(E)} differ")
    moved = expm_frechet_core(A, E)
    return (expm(A), moved) if compute_expm else moved


def _only_displayed(name, disp):
    """SciPy's estimate of the error as a second result is on its way out there, and has no place here."""
    if not disp:
        raise NotImplementedError(
            f"{name}: disp=False, with an estimate of the error as second result, is not supported"
        )


def logm(A, disp=True):
    _only_displayed("logm", disp)
    return _real_first(lambda a: mf.function_core(a, name="logm", power=None), _matrix("logm", A))


logm.__doc__ = _numpydoc(
    "Principal logarithm of matrices.",
    "Derivative: the Frechet derivative at the adjoint, by the steps of the logarithm (A. H. Al-Mohy, N. J. Higham,\n"
    "    S. D. Relton, 2013); of any order. Real where the logarithm is; a real matrix with negative eigenvalues gives a\n"
    "    complex one, and while tracing a LinAlgError. Cost: about ``60 n^3`` operations, twice that for a derivative.",
    "    >>> import scirs_ad.scipy.linalg as sla\n    >>> sla.logm([[1.0, 1.0], [0.0, 1.0]])\n"
    "    array([[0., 1.],\n           [0., 0.]])",
    more="\n    disp : True",
    raises="\n    numpy.linalg.LinAlgError\n        If a matrix is singular.",
)


def sqrtm(A, disp=True, blocksize=64):
    _only_displayed("sqrtm", disp)
    del blocksize
    return _real_first(mf.sqrtm_core, _matrix("sqrtm", A))


sqrtm.__doc__ = _numpydoc(
    "Principal square root of matrices.",
    "Derivative: a Sylvester equation of the root (N. J. Higham, 2008, section 6.1): never singular while no eigenvalue\n"
    "    is zero, equal ones included. Real where the root is. Cost: about ``28 n^3`` operations.",
    "    >>> import scirs_ad.scipy.linalg as sla\n    >>> sla.sqrtm([[4.0, 0.0], [0.0, 9.0]])\n"
    "    array([[2., 0.],\n           [0., 3.]])",
    more="\n    disp : True\n    blocksize\n        Without effect.",
)


def fractional_matrix_power(A, t):
    A = _matrix("fractional_matrix_power", A)
    if not isinstance(t, (int, float, np.integer, np.floating)):  # a power that moves: exp(t log A)
        return expm(ar.multiply(t, logm(A)))
    return _real_first(lambda a: mf.function_core(a, name="power", power=float(t)), A)


fractional_matrix_power.__doc__ = _numpydoc(
    "Fractional power of matrices.",
    "Derivative: the Frechet derivative at the adjoint, by the steps of the power (N. J. Higham, L. Lin, 2013),\n"
    "    differentiated; of any order; in `t` by ``exp(t log(A))``. Real where the power is. Cost: about ``60 n^3`` operations,\n"
    "    twice that for a derivative.",
    "    >>> import scirs_ad.scipy.linalg as sla\n"
    "    >>> sla.fractional_matrix_power([[4.0, 0.0], [0.0, 9.0]], 0.5).round(12)\n"
    "    array([[2., 0.],\n           [0., 3.]])",
    more="\n    t : float or Variable\n        The power.",
)


def signm(A, disp=True):
    _only_displayed("signm", disp)
    return mf.signm_core(_matrix("signm", A))


signm.__doc__ = _numpydoc(
    "Matrix sign function: the sign of the real part of each eigenvalue.",
    "Derivative: a Sylvester equation (N. J. Higham, 2008, theorem 5.3), never singular; of any order. Cost: about ten\n"
    "    inversions, by Newton's iteration.",
    "    >>> import scirs_ad.scipy.linalg as sla\n    >>> sla.signm([[2.0, 0.0], [0.0, -3.0]])\n"
    "    array([[ 1.,  0.],\n           [ 0., -1.]])",
    more="\n    disp : True",
    raises="\n    numpy.linalg.LinAlgError\n        If an eigenvalue is imaginary.",
)


def cosm(A):
    return trigonometric_core(_matrix("cosm", A), name="cosm")


def sinm(A):
    return trigonometric_core(_matrix("sinm", A), name="sinm")


def tanm(A):
    return trigonometric_core(_matrix("tanm", A), name="tanm")


def coshm(A):
    return trigonometric_core(_matrix("coshm", A), name="coshm")


def sinhm(A):
    return trigonometric_core(_matrix("sinhm", A), name="sinhm")


def tanhm(A):
    return trigonometric_core(_matrix("tanhm", A), name="tanhm")


for _function, _word, _start in (
    (cosm, "cosine", 1.0), (sinm, "sine", 0.0), (tanm, "tangent", 0.0), (coshm, "hyperbolic cosine", 1.0),
    (sinhm, "hyperbolic sine", 0.0), (tanhm, "hyperbolic tangent", 0.0),
):  # fmt: skip
    _function.__doc__ = _numpydoc(
        f"Matrix {_word}.",
        "Derivative: the Frechet derivative, of any order, of the same steps. Cost: ``16 n^3`` operations and ``6 n^3`` for\n"
        "    each doubling, of which there are ``log2(norm)``. Small matrices, and tangents of large ones, keep all digits.\n\n"
        "    Source: scaling and doubling, A. H. Al-Mohy, N. J. Higham, S. D. Relton, SIAM J. Sci. Comput. 37 (2015).",
        f"    >>> import scirs_ad.scipy.linalg as sla\n    >>> sla.{_function.__name__}([[0.0]])\n    array([[{_start:.0f}.]])",
    )


def funm(A, func, disp=True):
    """A function of matrices, given as a function of numbers.

    Parameters
    ----------
    A : array_like, shape (..., n, n)
    func : callable
        A holomorphic function of an array, element by element, in NumPy or scirs_ad functions.
    disp : True

    Returns
    -------
    Variable or ndarray, shape (..., n, n)

    Raises
    ------
    ValueError
        If the last two axes differ, or an element is not finite.

    Notes
    -----
    Derivative: the Frechet derivative at the adjoint (Mathias, 1996), exact at equal eigenvalues and of defective
    matrices; of any order. The derivative calls `func` with scirs_ad's Variables. Cost: about ``30 n^3`` operations,
    four times for a derivative. Hermitian matrices are decomposed into eigenvectors, others into a Schur form in blocks
    of eigenvalues that are near to each other (P. I. Davies, N. J. Higham, 2003), of which the function is a Taylor
    series from values on circles: an `IllConditionedWarning` says so if it is not analytic around such a block.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.funm([[4.0, 0.0], [0.0, 9.0]], np.sqrt)
    array([[2., 0.],
           [0., 3.]])
    """
    _only_displayed("funm", disp)
    if not callable(func):
        raise TypeError(f"funm: func must be a function, not {func!r}")
    return _real_first(lambda a: mf.funm_core(a, func=func), _matrix("funm", A))


# ------------------------------------------------------------------------------------------------ equations
def _fit_shapes(name, a, b, q):
    if shape_of(q)[-2:] != (shape_of(a)[-1], shape_of(b)[-1]):
        raise ValueError(
            f"{name}: the right-hand side has shape {shape_of(q)}, expected (..., {shape_of(a)[-1]}, {shape_of(b)[-1]})"
        )


def solve_sylvester(a, b, q):
    """Solve the Sylvester equation ``a x + x b = q``.

    Parameters
    ----------
    a : array_like, shape (..., m, m)
    b : array_like, shape (..., n, n)
    q : array_like, shape (..., m, n)

    Returns
    -------
    Variable or ndarray, shape (..., m, n)

    Raises
    ------
    numpy.linalg.LinAlgError
        If `a` and ``-b`` share an eigenvalue.
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Derivative: one more such equation with the adjoints, by the same Schur factors. Cost: about
    ``25 (m^3 + n^3) + 5/2 (m^2 n + m n^2)`` operations (R. H. Bartels, G. W. Stewart, 1972).

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.solve_sylvester([[1.0]], [[3.0]], [[8.0]])
    array([[2.]])
    """
    a, b = _matrix("solve_sylvester", a), _matrix("solve_sylvester", b)
    q = checked("solve_sylvester", q, True)
    _fit_shapes("solve_sylvester", a, b, q)
    return eq.sylvester_core(a, b, q)


def solve_continuous_lyapunov(a, q):
    """Solve the continuous Lyapunov equation ``a x + x a^H = q``.

    Parameters
    ----------
    a, q : array_like, shape (..., n, n)

    Returns
    -------
    Variable or ndarray, shape (..., n, n)

    Raises
    ------
    numpy.linalg.LinAlgError
        If the equation is singular.
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Derivative: one more such equation with the adjoint. Cost: about ``55 n^3`` operations.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.solve_continuous_lyapunov([[2.0]], [[8.0]])
    array([[2.]])
    """
    a, q = _matrix("solve_continuous_lyapunov", a), _matrix("solve_continuous_lyapunov", q)
    _fit_shapes("solve_continuous_lyapunov", a, a, q)
    return eq.lyapunov_core(a, q)


solve_lyapunov = solve_continuous_lyapunov


def solve_discrete_lyapunov(a, q, method=None):
    """Solve the discrete Lyapunov equation ``a x a^H - x + q = 0``.

    Parameters
    ----------
    a, q : array_like, shape (..., n, n)
    method : {None, "direct", "bilinear"}
        "direct" solves the ``n^2`` equations (the choice for n < 10), "bilinear" transforms to a continuous equation.

    Returns
    -------
    Variable or ndarray, shape (..., n, n)

    Raises
    ------
    numpy.linalg.LinAlgError
        If the equation is singular.
    ValueError
        If the shapes do not fit, or `method` is not known.

    Notes
    -----
    Derivative: one more such equation with the adjoint. Cost: about ``60 n^3`` operations, ``2/3 n^6`` if direct.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.solve_discrete_lyapunov([[0.5]], [[3.0]])
    array([[4.]])
    """
    name = "solve_discrete_lyapunov"
    a, q = _matrix(name, a), _matrix(name, q)
    _fit_shapes(name, a, a, q)
    if method not in (None, "direct", "bilinear"):
        raise ValueError(f"{name}: method must be None, 'direct' or 'bilinear', not {method!r}")
    n = shape_of(a)[-1]
    if method == "bilinear" or (method is None and n >= 10):
        return eq.discrete_lyapunov_core(a, q)
    if len(shape_of(a)) > 2:
        left = sh.reshape(a, (*shape_of(a)[:-2], n, 1, n, 1))
        right = sh.reshape(cx.conj(a), (*shape_of(a)[:-2], 1, n, 1, n))
        system = sh.reshape(ar.multiply(left, right), (*shape_of(a)[:-2], n * n, n * n))
    else:
        system = kron(a, cx.conj(a))
    system = ar.subtract(np.eye(n * n, dtype=dtype_of(a)), system)
    lead = shape_of(q)[:-2]
    x = la.solve_core(system, sh.reshape(q, (*lead, n * n, 1)))
    return sh.reshape(x, (*shape_of(x)[:-2], n, n))


def _hermitian(name, what, x):
    """`x`; ValueError if it is not Hermitian but for rounding."""
    limit = 100 * np.finfo(dtype_of(x)).eps
    largest = extrema.max(ew.abs(x), axis=(-2, -1), keepdims=True, initial=0.0)
    bad = ew.greater(ew.abs(ew.subtract(x, la.h_(x))), ew.multiply(limit, largest))
    return refused(x, bad, name=name, why=f"{what} must be symmetric or Hermitian", error=ValueError)


def _riccati(name, core, a, b, q, r, e, s):
    a, q, r = _matrix(name, a), _matrix(name, q), _matrix(name, r)
    b = checked(name, b, True)
    n, m = shape_of(a)[-1], shape_of(r)[-1]
    for what, x, shape in (("b", b, (n, m)), ("q", q, (n, n)), ("r", r, (m, m))):
        if shape_of(x)[-2:] != shape:
            raise ValueError(f"{name}: {what} has shape {shape_of(x)}, expected (..., {shape[0]}, {shape[1]})")
    q, r = _hermitian(name, "q", q), _hermitian(name, "r", r)
    if e is not None:
        inverse = la.inv_core(_matrix(name, e))
        a, q = matmul(a, inverse), matmul(matmul(la.h_(inverse), q), inverse)
    if s is not None:
        s = checked(name, s, True)
        s = s if e is None else matmul(la.h_(inverse), s)
        gain = la.solve_core(r, la.h_(s))
        a, q = ar.subtract(a, matmul(b, gain)), ar.subtract(q, matmul(s, gain))
        q = ar.multiply(0.5, ar.add(q, la.h_(q)))
    kind = np.result_type(np.float32, *[dtype_of(x) for x in (a, b, q, r)])
    return core(*[x if dtype_of(x) == kind else sh.astype(x, kind) for x in (a, b, q, r)])


def solve_continuous_are(a, b, q, r, e=None, s=None, balanced=True):
    """Solve the continuous algebraic Riccati equation ``e^H x a + a^H x e - (e^H x b + s) r^-1 (..)^H + q = 0``.

    Parameters
    ----------
    a : array_like, shape (..., n, n)
    b : array_like, shape (..., n, m)
    q : array_like, shape (..., n, n)
        Hermitian.
    r : array_like, shape (..., m, m)
        Hermitian, not singular.
    e : array_like, shape (..., n, n), optional
        Not singular; the identity unless given.
    s : array_like, shape (..., n, m), optional
        Zero unless given.
    balanced : bool
        Without effect.

    Returns
    -------
    Variable or ndarray, shape (..., n, n)
        The stabilising solution.

    Raises
    ------
    numpy.linalg.LinAlgError
        If there is no stabilising solution.
    ValueError
        If the shapes do not fit, or `q` or `r` is not Hermitian.

    Notes
    -----
    Derivative: a Lyapunov equation of the closed loop (implicit function theorem); symmetric in `q` and `r`. Cost: an
    ordered Schur form of order ``2 n + m``.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.solve_continuous_are([[0.0]], [[1.0]], [[4.0]], [[1.0]]).round(12)
    array([[2.]])
    """
    del balanced
    return _riccati("solve_continuous_are", eq.continuous_are_core, a, b, q, r, e, s)


def solve_discrete_are(a, b, q, r, e=None, s=None, balanced=True):
    """Solve the discrete algebraic Riccati equation.

    ``a^H x a - e^H x e - (a^H x b + s) (r + b^H x b)^-1 (b^H x a + s^H) + q = 0``.

    Parameters
    ----------
    a : array_like, shape (..., n, n)
    b : array_like, shape (..., n, m)
    q : array_like, shape (..., n, n)
        Hermitian.
    r : array_like, shape (..., m, m)
        Hermitian, not singular.
    e : array_like, shape (..., n, n), optional
        Not singular; the identity unless given.
    s : array_like, shape (..., n, m), optional
        Zero unless given.
    balanced : bool
        Without effect.

    Returns
    -------
    Variable or ndarray, shape (..., n, n)
        The stabilising solution.

    Raises
    ------
    numpy.linalg.LinAlgError
        If there is no stabilising solution.
    ValueError
        If the shapes do not fit, or `q` or `r` is not Hermitian.

    Notes
    -----
    Derivative: a discrete Lyapunov equation of the closed loop (implicit function theorem); symmetric in `q` and `r`.
    Cost: an ordered Schur form of order ``2 n + m``.

    Examples
    --------
    >>> import scirs_ad.scipy.linalg as sla
    >>> sla.solve_discrete_are([[0.0]], [[1.0]], [[4.0]], [[1.0]]).round(12)
    array([[4.]])
    """
    del balanced
    return _riccati("solve_discrete_are", eq.discrete_are_core, a, b, q, r, e, s)
