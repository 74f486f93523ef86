"""The matrix exponential and its Frechet derivative ``L(A, E)``; the adjoint of ``L(A, .)`` is ``L(A^H, .)``.

Of any order: ``exp([[A, E], [0, A]]) = [[exp(A), L(A, E)], [0, exp(A)]]`` (R. Mathias, "A chain rule for matrix
functions", SIAM J. Matrix Anal. Appl. 17 (1996), theorem 2.1), so the derivative of `L` is again an `L`, of a block matrix.
"""

import numpy as np

from scirs_ad._core.core import dtype_of, shape_of
from scirs_ad._core.define import primitive, sample
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import arithmetic as ar
from scirs_ad._ops import index as ix
from scirs_ad._ops import join
from scirs_ad._ops import shape as sh
from scirs_ad._ops.linalg import fit, h_, kernels, positive_definite
from scirs_ad._ops.matrix_batch import looped

sp = lazy("scipy.linalg")

PARTS = 9  # matrices that the adjoint reads: powers, LU factors, the first ones that are squared


def block(a, b, c, d):
    """``[[a, b], [c, d]]`` of matrices with equal leading axes."""
    return join.concatenate_core(join.concatenate_core(a, b, axis=-1), join.concatenate_core(c, d, axis=-1), axis=-2)


def same_lead(*matrices):
    lead = np.broadcast_shapes(*[shape_of(x)[:-2] for x in matrices])
    return [sh.broadcast_to(x, lead + shape_of(x)[-2:]) if shape_of(x)[:-2] != lead else x for x in matrices]


def frechet_pull(frechet, ct, a, e, specs):
    """The cotangents of ``frechet(a, e)``: with ``G = L([[a, e], [0, a]]^H, [[0, ct], [0, 0]])``, ``G_11 + G_22`` for `a`
    and ``G_12`` for `e`."""
    n = specs[0].shape[-1]
    a, e, ct = same_lead(a, e, ct)
    zero = np.zeros(shape_of(a), dtype_of(a))
    g = frechet(h_(block(a, e, zero, a)), block(zero, ct, zero, zero))
    top, low = (Ellipsis, slice(0, n), slice(0, n)), (Ellipsis, slice(n, 2 * n), slice(n, 2 * n))
    corner = (Ellipsis, slice(0, n), slice(n, 2 * n))
    return fit(ar.add(ix.getitem(g, top), ix.getitem(g, low)), specs[0]), fit(ix.getitem(g, corner), specs[1])


_frechet = looped("(n,n),(n,n)->(n,n)", lambda a, e: sp.expm_frechet(a, e, compute_expm=False), name="expm_frechet")


@primitive("(n,n),(n,n)->(n,n)", kernel=lambda a, e: kernels.expm_frechet(a, e), internal=True)
def expm_frechet_core(a, e):
    """``L(a, e)``, the Frechet derivative of the exponential.

    Derivative: `frechet_pull`. Cost: about ``44 n^3`` operations.
    """
    return _frechet(a, e)


@expm_frechet_core.def_vjp
def _(ct, a, e, specs):
    return frechet_pull(expm_frechet_core, ct, a, e, specs)


@expm_frechet_core.def_samples
def _(rng):
    a, e = rng.standard_normal((2, 2, 2))
    for scale in (0.01, 0.2, 1.0, 8.0):
        yield sample(scale * a, e, order=1 + (scale == 1.0))
    yield sample(a + 0j, e + 1j * e.T, order=1)
    yield sample(rng.standard_normal((2, 3, 3)), rng.standard_normal((3, 3)), order=1)
    yield sample(np.array([[2.0]]), np.array([[3.0]]), order=1)
    yield sample(np.ones((0, 0)), np.ones((0, 0)))


@primitive(core=lambda a: (2,), n_out=3, differentiable=False, internal=True)
def expm_of(a):
    """The exponential, and as a tool what its derivative shares with it: powers, LU factors, how it was computed.

    `expm_with` takes all of it. Cost: ``16 n^3`` operations and a squaring for each halving of `a`.
    """
    return kernels.expm(a, True)


expm_of.not_differentiable("the derivative of the exponential flows through `expm_with`, from the matrix")


@expm_of.def_shape
def _(a):
    *lead, n, m = a.shape
    if n != m:
        raise np.linalg.LinAlgError(f"expm: square matrices are needed; the shape is {a.shape}")
    return (
        type(a)((*lead, n, n), a.dtype),
        type(a)((*lead, PARTS, n, n), a.dtype),
        type(a)((*lead, n + 2), np.dtype(np.int32)),
    )


def _points(rng):
    yield positive_definite(rng, 3, 3) / 3
    yield np.array([[1.0, 1.0], [0.0, 1.0]])  # defective
    yield positive_definite(rng, 2, 2, 2, complex_too=True) / 2
    yield np.zeros((2, 2))
    yield np.zeros((0, 0))
    yield rng.standard_normal((3, 3))
    yield np.array([[-2.0]])
    for scale in (0.01, 0.2, 0.7, 40.0):  # every order of the approximation, and more squarings than are kept
        yield scale * np.array([[0.5, 1.0], [-1.0, 0.2]])
    yield rng.standard_normal((3, 3)).astype(np.float32)


@expm_of.def_samples
def _(rng):
    for a in _points(rng):
        yield sample(a)


def _given(a, e, parts, how):
    lead = np.broadcast_shapes(a.shape[:-2], e.shape[:-2], parts.shape[:-3], how.shape[:-1])
    return np.broadcast_to(e, lead + e.shape[-2:])


@primitive("(n,n),(n,n),(p,n,n),(q)->(n,n)", kernel=_given, name="expm_core", internal=True)
def expm_with(a, e, parts, how):
    """The exponential of `a`, which is `e`.

    Derivative: `expm_pull`; all of it is accounted to `a`. Cost: none, `expm_of` has done the work.
    """
    return kernels.expm(a)


@expm_with.def_vjp
def _(ct, a, e, parts, how, specs):
    return fit(expm_pull(a, e, parts, how, ct), specs[0]), None, None, None


@expm_with.def_jvp
def _(t, a):
    return None if t[0] is None else expm_frechet_core(a, t[0])


@primitive("(n,n),(n,n),(p,n,n),(q),(n,n)->(n,n)", kernel=lambda *args: kernels.expm_pull(*args), internal=True)
def expm_pull(a, e, parts, how, seed):
    """``L(a^H, seed)``: the adjoint of the exponential, by its steps backward.

    A. H. Al-Mohy, N. J. Higham, SIAM J. Matrix Anal. Appl. 30 (2009), section 4. Derivative: of the Frechet derivative,
    accounted to `a` and `seed`. Cost: ``28 n^3`` operations, and two products for each squaring.
    """
    return _frechet(np.conj(np.swapaxes(a, -1, -2)), seed)


@expm_pull.def_shape  # without the body, which needs SciPy
def _(a, e, parts, how, seed):
    lead = np.broadcast_shapes(*(x.shape[:-2] for x in (a, e, seed)), parts.shape[:-3], how.shape[:-1])
    return type(a)((*lead, *a.shape[-2:]), np.result_type(a.dtype, seed.dtype))


@expm_pull.def_vjp
def _(ct, a, seed, specs):
    to_a, to_seed = frechet_pull(expm_frechet_core, ct, h_(a), seed, (specs[0], specs[4]))
    return h_(to_a), None, None, None, to_seed


def _kept(rng):
    for a in _points(rng):
        yield (a, *kernels.expm(a, True))


@expm_with.def_samples
def _(rng):
    for args in _kept(rng):
        # What is kept stays as it is where the matrix is moved: there is nothing to be tested by differences.
        yield sample(*args, order=0)


@expm_pull.def_samples
def _(rng):
    for args in _kept(rng):
        yield sample(*args, rng.standard_normal(args[0].shape).astype(args[0].dtype), wrt=(4,), order=1)  # linear in it


def exponential(a):
    """The exponential of square matrices."""
    if type(a) is np.ndarray:
        return kernels.expm(a)
    return expm_with(a, *expm_of(a))
