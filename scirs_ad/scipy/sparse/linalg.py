"""scipy.sparse.linalg by name: solvers with implicit derivatives.

The matrix of an iterative solver is dense (derivatives flow to it), a scipy.sparse matrix or SciPy LinearOperator (a
constant), or a `LinearOperator` of this module (derivatives flow to its `args`).
"""

import itertools

import numpy as np

from scirs_ad._core.core import dtype_of, shape_of
from scirs_ad._core.define import seal
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import join
from scirs_ad._ops import linalg as la
from scirs_ad._ops import matrix_functions as mf
from scirs_ad._ops import shape as sh
from scirs_ad.scipy._spectra import checked
from scirs_ad.scipy.sparse._direct import SparseMatrix, SuperLU, factorized, splu, spsolve, spsolve_triangular
from scirs_ad.scipy.sparse._krylov import LinearOperator, NotConverged, NotConvergedWarning, aslinearoperator, solved
from scirs_ad.scipy.sparse._least import lsmr, lsqr
from scirs_ad.scipy.sparse._partial import eigsh, lobpcg, svds

sparse = lazy("scipy.sparse")

__all__ = [
    "LinearOperator", "NotConverged", "NotConvergedWarning", "SparseMatrix", "SuperLU", "aslinearoperator", "bicg",
    "bicgstab", "cg", "cgs", "eigsh", "expm_multiply", "factorized", "gcrotmk", "gmres", "lgmres", "lobpcg", "lsmr", "lsqr", "minres", "qmr", "splu",
    "spsolve", "spsolve_triangular", "svds", "tfqmr",
]  # fmt: skip


_ONE = """    M : array_like, scipy.sparse matrix or LinearOperator, optional
        Preconditioner, an approximation of the inverse; a constant.
"""
_TWO = """    M1, M2 : array_like, scipy.sparse matrix or LinearOperator, optional
        Left and right preconditioner, approximations of inverses; constants.
"""


def _describe(summary, more_parameters, notes, matrix="[[2.0, 0.0], [0.0, 4.0]]", preconditioner=_ONE):
    def decorate(function):
        function.__doc__ = f"""{summary}

    Parameters
    ----------
    A : array_like, scipy.sparse matrix or LinearOperator, shape (n, n)
    b : array_like, shape (n,) or (n, 1)
    x0 : array_like, shape (n,), optional
        Where to begin; nothing is differentiated through it.
    rtol, atol : float
        The residual is to be at most ``max(rtol * norm(b), atol)``; the same holds of the solves for derivatives, so
        these are no better.
    maxiter : int, optional
{preconditioner}    callback : callable, optional
        As SciPy's; not called in the solves for derivatives.{more_parameters}
    on_failure : {{"warn", "raise"}}
        What to do if the iteration does not converge: a `NotConvergedWarning` or a `NotConverged`, with the norms of the
        residuals as ``.history``.

    Returns
    -------
    x : Variable or ndarray, of the shape of `b`
    info : int
        As SciPy's: 0 if converged (also where it has not run yet, as while tracing).

    Raises
    ------
    ValueError
        If the shapes do not fit, or something is not finite.
    NotConverged
        If it does not converge, with ``on_failure="raise"``.

    Notes
    -----
    {notes} Derivative: implicit, one adjoint solve by the same method; never through the iterations. Cost: a product
    with `A` for each iteration.

    Examples
    --------
    >>> from scirs_ad.scipy.sparse.linalg import {function.__name__}
    >>> x, info = {function.__name__}({matrix}, [2.0, 4.0])
    >>> x.round(6), info
    (array([1., 1.]), 0)
    """
        return function

    return decorate


def _options(x0, rtol, atol, maxiter, **more):
    return {"x0": x0, "rtol": rtol, "atol": atol, "maxiter": maxiter, **more}


@_describe("Conjugate gradients: solve ``A x = b`` for a Hermitian positive definite matrix.", "",
           "M. R. Hestenes, E. Stiefel (1952).")  # fmt: skip
def cg(A, b, x0=None, *, rtol=1e-5, atol=0.0, maxiter=None, M=None, callback=None, on_failure="warn"):
    return solved("cg", A, b, _options(x0, rtol, atol, maxiter), M, callback, on_failure, True)


@_describe(
    "Stabilised biconjugate gradients: solve ``A x = b`` for a general matrix.", "", "H. A. van der Vorst (1992)."
)
def bicgstab(A, b, x0=None, *, rtol=1e-5, atol=0.0, maxiter=None, M=None, callback=None, on_failure="warn"):
    return solved("bicgstab", A, b, _options(x0, rtol, atol, maxiter), M, callback, on_failure, False)


@_describe("Biconjugate gradients: solve ``A x = b`` for a general matrix.", "", "R. Fletcher (1976).")
def bicg(A, b, x0=None, *, rtol=1e-5, atol=0.0, maxiter=None, M=None, callback=None, on_failure="warn"):
    return solved("bicg", A, b, _options(x0, rtol, atol, maxiter), M, callback, on_failure, False)


@_describe("Conjugate gradients squared: solve ``A x = b`` for a general matrix.", "", "P. Sonneveld (1989).")
def cgs(A, b, x0=None, *, rtol=1e-5, atol=0.0, maxiter=None, M=None, callback=None, on_failure="warn"):
    return solved("cgs", A, b, _options(x0, rtol, atol, maxiter), M, callback, on_failure, False)


@_describe(
    "Quasi-minimal residuals: solve ``A x = b`` for a general matrix.", "", "R. W. Freund, N. M. Nachtigal (1991).",
    preconditioner=_TWO,
)  # fmt: skip
def qmr(A, b, x0=None, *, rtol=1e-5, atol=0.0, maxiter=None, M1=None, M2=None, callback=None, on_failure="warn"):
    return solved("qmr", A, b, _options(x0, rtol, atol, maxiter), {"M1": M1, "M2": M2}, callback, on_failure, False)


@_describe(
    "Quasi-minimal residuals without the adjoint: solve ``A x = b`` for a general matrix.",
    "\n    show : bool\n        As SciPy's.", "R. W. Freund (1993).",
)  # fmt: skip
def tfqmr(A, b, x0=None, *, rtol=1e-5, atol=0.0, maxiter=None, M=None, callback=None, show=False, on_failure="warn"):
    return solved("tfqmr", A, b, _options(x0, rtol, atol, maxiter, show=show), M, callback, on_failure, False)


@_describe(
    "Loose generalised minimal residuals: solve ``A x = b`` for a general matrix.",
    "\n    inner_m, outer_k, outer_v, store_outer_Av, prepend_outer_v\n        As SciPy's; not kept in the solves for "
    "derivatives.",
    "A. H. Baker, E. R. Jessup, T. Manteuffel (2005).",
)  # fmt: skip
def lgmres(
    A, b, x0=None, *, rtol=1e-5, atol=0.0, maxiter=1000, M=None, callback=None, inner_m=30, outer_k=3, outer_v=None,
    store_outer_Av=True, prepend_outer_v=False, on_failure="warn",
):  # fmt: skip
    options = _options(x0, rtol, atol, maxiter, inner_m=inner_m, outer_k=outer_k, outer_v=outer_v,
                       store_outer_Av=store_outer_Av, prepend_outer_v=prepend_outer_v)  # fmt: skip
    return solved("lgmres", A, b, options, M, callback, on_failure, False)


@_describe(
    "Generalised conjugate residuals with inner orthogonalisation: solve ``A x = b`` for a general matrix.",
    "\n    m, k, CU, discard_C, truncate\n        As SciPy's; not kept in the solves for derivatives.",
    "E. de Sturler (1999).",
)  # fmt: skip
def gcrotmk(
    A, b, x0=None, *, rtol=1e-5, atol=0.0, maxiter=1000, M=None, callback=None, m=20, k=None, CU=None, discard_C=False,
    truncate="oldest", on_failure="warn",
):  # fmt: skip
    options = _options(x0, rtol, atol, maxiter, m=m, k=k, CU=CU, discard_C=discard_C, truncate=truncate)
    return solved("gcrotmk", A, b, options, M, callback, on_failure, False)


@_describe(
    "Generalised minimal residuals: solve ``A x = b`` for a general matrix.",
    "\n    restart : int, optional\n        Iterations between restarts.\n    callback_type : str, optional\n        As SciPy's.",
    "Y. Saad, M. H. Schultz (1986).",
)  # fmt: skip
def gmres(
    A, b, x0=None, *, rtol=1e-5, atol=0.0, restart=None, maxiter=None, M=None, callback=None, callback_type=None,
    on_failure="warn",
):  # fmt: skip
    options = _options(x0, rtol, atol, maxiter, restart=restart, callback_type=callback_type or "legacy")
    return solved("gmres", A, b, options, M, callback, on_failure, False)


@_describe(
    "Minimal residuals: solve ``(A - shift I) x = b`` for a Hermitian, perhaps indefinite, matrix.",
    "\n    shift : float\n    show, check : bool\n        As SciPy's.",
    "C. C. Paige, M. A. Saunders (1975).",
)  # fmt: skip
def minres(
    A, b, x0=None, *, rtol=1e-5, shift=0.0, maxiter=None, M=None, callback=None, show=False, check=False, on_failure="warn"
):  # fmt: skip
    options = {"x0": x0, "rtol": rtol, "maxiter": maxiter, "shift": shift, "show": show, "check": check}
    return solved("minres", A, b, options, M, callback, on_failure, True)


def expm_multiply(A, B, start=None, stop=None, num=None, endpoint=None, traceA=None):
    """``expm(A) @ B`` without the exponential, or ``expm(t A) @ B`` at equally spaced times t.

    Parameters
    ----------
    A : array_like, shape (..., n, n)
    B : array_like, shape (n,) or (..., n, k)
    start, stop : float, optional
        The first and the last time; both or none.
    num : int, optional
        Number of times; 50 unless given.
    endpoint : bool, optional
        Whether `stop` is one of them; it is unless given.
    traceA : scalar, optional
        Without effect.

    Returns
    -------
    Variable or ndarray, of the shape of `B`
        With times (num, n) or (..., num, n, k).

    Raises
    ------
    ValueError
        If the shapes do not fit, or only one of `start` and `stop` is given.

    Notes
    -----
    A. H. Al-Mohy, N. J. Higham (2011). Derivative: ``expm(A^H) ct`` for `B`; a Frechet derivative for `A`, for each of
    the times. Cost: some products with `A`, in proportion to its norm; of times each begins at the one before.

    Examples
    --------
    >>> from scirs_ad.scipy.sparse.linalg import expm_multiply
    >>> expm_multiply([[0.0, 1.0], [0.0, 0.0]], [1.0, 1.0])
    array([2., 1.])
    >>> expm_multiply([[0.0, 1.0], [0.0, 0.0]], [1.0, 1.0], start=0.0, stop=1.0, num=2)
    array([[1., 1.],
           [2., 1.]])
    """
    del traceA
    if sparse.issparse(A):
        A = A.toarray()
    A, B = checked("expm_multiply", A, True, square=True), checked("expm_multiply", B, True)
    shape = shape_of(B)
    if not shape or shape[0 if len(shape) == 1 else -2] != shape_of(A)[-1]:
        raise ValueError(f"expm_multiply: shapes of matrices A {shape_of(A)} and B {shape} are incompatible")
    kind = np.result_type(dtype_of(A), dtype_of(B))
    A, B = sh.cast(A, kind), sh.cast(B, kind)
    column = len(shape) == 1
    B = la.column(B) if column else B
    if start is stop is num is endpoint is None:
        found = mf.expm_multiply_core(A, B)
        return la.vector(found) if column else found
    if start is None or stop is None:
        raise ValueError(f"expm_multiply: start and stop are needed for times; they are {start!r} and {stop!r}")
    times = np.linspace(start, stop, 50 if num is None else num, endpoint=True if endpoint is None else endpoint)
    if not len(times):
        raise ValueError("expm_multiply: at least one time is needed; num is 0")

    def after(time, x):
        return mf.expm_multiply_core(ew.multiply(A, np.asarray(time, np.empty(0, kind).real.dtype)), x) if time else x

    steps = [
        after(
            times[0], sh.broadcast_to(B, (*np.broadcast_shapes(shape_of(A)[:-2], shape_of(B)[:-2]), *shape_of(B)[-2:]))
        )
    ]
    for before, time in itertools.pairwise(times):
        steps.append(after(time - before, steps[-1]))
    found = join.stack(steps, axis=-3)
    return la.vector(found) if column else found


seal()
