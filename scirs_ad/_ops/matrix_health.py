"""How far a solution can be trusted: estimates of the condition, residuals in higher precision."""

import numpy as np

from scirs_ad._core.define import primitive, sample
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops.linalg import fit, h_, matmul_core, well_conditioned
from scirs_ad._ops.matrix_batch import looped

lapack = lazy("scipy.linalg.lapack")


def _reciprocal_one(a):
    getrf, gecon = lapack.get_lapack_funcs(("getrf", "gecon"), (a,))
    lu, _, info = getrf(a)
    if info > 0:
        return 0.0
    return gecon(lu, np.linalg.norm(a, 1), norm="1")[0]


_reciprocal = looped("(n,n)->()", _reciprocal_one, name="rcond",
                     dtypes=lambda common: [np.empty(0, common).real.dtype])  # fmt: skip


@primitive("(n,n)->()", kernel=_reciprocal, differentiable=False, internal=True)
def rcond_core(a):
    """An estimate of the reciprocal condition number in the 1-norm, by xGECON. Cost: ``2/3 n^3`` operations."""
    return _reciprocal(a)


rcond_core.not_differentiable("it is an estimate")


@rcond_core.def_samples
def _(rng):
    yield sample(well_conditioned(rng, 3, 3))
    yield sample(well_conditioned(rng, 2, 2, 2, complex_too=True))
    yield sample(np.zeros((2, 2)))


def _residual(a, x, b):
    kind = np.result_type(a, x, b)
    wide = np.result_type(kind, np.float64 if kind.char in "fF" else np.longdouble)
    return (b - np.matmul(a.astype(wide), x.astype(wide))).astype(kind)


@primitive("(m,n),(n,k),(m,k)->(m,k)", kernel=_residual, internal=True)
def residual_core(a, x, b):
    """``b - a x``, added up in twice the precision (in that of long double for double).

    Derivative: ``-ct x^H`` for `a`, ``-a^H ct`` for `x`, ``ct`` for `b`. Cost: ``2 m n k`` slow operations.
    """
    return _residual(a, x, b)


@residual_core.def_vjp
def _(ct, a, x, specs):
    return (
        lambda: fit(ew.negative(matmul_core(ct, h_(x))), specs[0]),
        lambda: fit(ew.negative(matmul_core(h_(a), ct)), specs[1]),
        fit(ct, specs[2]),
    )


@residual_core.def_samples
def _(rng):
    yield sample(rng.standard_normal((2, 3)), rng.standard_normal((3, 1)), rng.standard_normal((2, 1)))
    yield sample(rng.standard_normal((2, 2, 2)) + 0j, rng.standard_normal((2, 1)) + 1j, np.ones((2, 1)) + 0j, order=1)
