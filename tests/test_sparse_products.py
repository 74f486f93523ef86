"""Sparse matrices and linear operators of SciPy times Variables: every format and flavour, both sides, all modes."""

import operator

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as splinalg

import scirs_ad as ad
import scirs_ad.numpy as anp

FORMATS = ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")
ENTRIES = np.array([[0.5, 0.0, -1.5, 0.0], [0.0, 2.0, 0.0, 0.25], [1.0, 0.0, 0.0, -0.75]])
RNG = np.random.default_rng(3)
LONG, SHORT, TALL, WIDE, FULL = (RNG.uniform(0.5, 2.0, shape) for shape in ((4,), (3,), (4, 2), (2, 3), (3, 4)))


def check(f, reference, x):
    """`f`, with a sparse matrix inside, against the same with a dense one."""
    scale = np.finfo(float).eps * 100 * max(1.0, np.abs(reference(x)).max(initial=0.0) ** 2) * max(x.size, 1)
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=scale)  # noqa: E731
    made = f(ad.Variable(x))
    assert type(made) is ad.Variable
    close(made, reference(x))
    square = lambda g: lambda z: np.sum(g(z) ** 2)  # noqa: E731
    close(ad.grad(square(f))(x), ad.grad(square(reference))(x))
    t = np.cos(np.arange(x.size)).reshape(x.shape)
    close(ad.jvp(f, (x,), (t,))[1], ad.jvp(reference, (x,), (t,))[1])
    close(ad.hvp(square(f))(x, t), ad.hvp(square(reference))(x, t))
    close(ad.vmap(f)(np.stack([x, 2 * x])), np.stack([reference(x), reference(2 * x)]))
    close(ad.trace(f)(x)(x), reference(x))


@pytest.fixture(params=[f"{form}_{kind}" for form in FORMATS for kind in ("array", "matrix")])
def sparse(request):
    return getattr(sp, request.param)(ENTRIES)


def test_products(sparse):
    check(lambda z: sparse @ z, lambda z: ENTRIES @ z, LONG)
    check(lambda z: sparse @ z, lambda z: ENTRIES @ z, TALL)
    check(lambda z: z @ sparse, lambda z: z @ ENTRIES, SHORT)
    check(lambda z: z @ sparse, lambda z: z @ ENTRIES, WIDE)
    check(sparse.dot, lambda z: ENTRIES @ z, LONG)
    check(lambda z: np.dot(sparse, z), lambda z: ENTRIES @ z, TALL)
    check(lambda z: np.matmul(z, sparse), lambda z: z @ ENTRIES, SHORT)
    check(lambda z: anp.matmul(sparse, z), lambda z: ENTRIES @ z, LONG)


def test_star(sparse):
    """The product of matrices for SciPy's older classes, of elements for its arrays."""
    if isinstance(sparse, sp.spmatrix):
        check(lambda z: sparse * z, lambda z: ENTRIES @ z, LONG)
        check(lambda z: z * sparse, lambda z: z @ ENTRIES, SHORT)
    else:
        check(lambda z: sparse * z, lambda z: ENTRIES * z, LONG)
        check(lambda z: z * sparse, lambda z: ENTRIES * z, FULL)
    check(lambda z: sparse * z, lambda z: ENTRIES * z, np.array(1.5))


def test_other_operators(sparse):
    for op in (operator.add, operator.sub):
        check(lambda z: op(sparse, z), lambda z: op(ENTRIES, z), FULL)  # noqa: B023
        check(lambda z: op(z, sparse), lambda z: op(z, ENTRIES), FULL)  # noqa: B023
    check(lambda z: sparse / z, lambda z: ENTRIES / z, FULL)
    for op in (operator.lt, operator.ge, operator.eq, operator.ne):
        np.testing.assert_array_equal(op(sparse, ad.Variable(FULL)), op(ENTRIES, FULL))


def test_refused_by_name(sparse):
    """What SciPy would convert: an error, and no derivative lost."""

    def f(z):
        for call in (
            lambda: sparse.multiply(z),
            lambda: splinalg.spsolve(sp.eye_array(4, format="csc"), z),
            lambda: splinalg.aslinearoperator(sparse) @ z,
        ):
            with pytest.raises(ad.DerivativeLostError, match=r"scirs_ad|numpy\.dot"):
                call()
        return np.sum(z)

    np.testing.assert_array_equal(ad.grad(f)(LONG), np.ones(4))


def test_wrong_shapes(sparse):
    z = ad.Variable(np.ones(5))
    with pytest.raises(ValueError, match=r"matmul: dimension k is 5, expected 4.*\(3, 4\) and \(5,\)"):
        sparse @ z
    with pytest.raises(ValueError, match="matmul: dimension k is 5, expected 3"):
        z @ sparse
    with pytest.raises(ValueError, match="scalar"):
        ad.Variable(2.0) @ sparse


def test_complex():
    """The gradient of a real function of a real vector is real, whatever lies between."""
    entries = ENTRIES * (1.0 - 0.5j)
    sparse = sp.csc_array(entries)
    f, reference = (lambda z, m=m: np.sum(np.abs(m @ z) ** 2) for m in (sparse, entries))
    found = ad.grad(f)(LONG)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, ad.grad(reference)(LONG), rtol=1e-13)
    z = LONG + 1j * LONG[::-1]
    np.testing.assert_allclose(ad.grad(f)(z), ad.grad(reference)(z), rtol=1e-13)


def test_single_precision():
    sparse = sp.csr_array(ENTRIES.astype(np.float32))
    assert ad.grad(lambda z: np.sum(sparse @ z))(LONG.astype(np.float32)).dtype == np.float32


def test_linear_operators():
    known = splinalg.aslinearoperator(ENTRIES)
    check(lambda z: np.dot(known, z), lambda z: ENTRIES @ z, LONG)
    check(lambda z: np.dot(known, z), lambda z: ENTRIES @ z, TALL)
    check(lambda z: z @ known, lambda z: z @ ENTRIES, SHORT)
    check(lambda z: np.dot(z, known), lambda z: z @ ENTRIES, WIDE)
    check(lambda z: anp.matmul(known, z), lambda z: ENTRIES @ z, LONG)
    half = splinalg.LinearOperator((3, 4), matvec=lambda v: ENTRIES @ v, dtype=float)
    np.testing.assert_array_equal(np.dot(half, ad.Variable(LONG)), ENTRIES @ LONG)
    np.testing.assert_array_equal(ad.jvp(lambda z: np.dot(half, z), (LONG,), (LONG,))[1], ENTRIES @ LONG)
    with pytest.raises(ad.NotDifferentiableError, match="rmatvec"):
        ad.grad(lambda z: np.sum(np.dot(half, z)))(LONG)
    with pytest.raises(TypeError, match="no entries"):
        known + ad.Variable(FULL)


def test_two_sparse_factors_stay_scipys():
    found = anp.matmul(sp.csr_array(ENTRIES), sp.csr_array(ENTRIES.T))
    assert sp.issparse(found)


def test_arrays_of_other_rank():
    cube = sp.coo_array(np.ones((2, 3, 4)))
    with pytest.raises(ValueError, match="no matrix"):
        cube @ ad.Variable(LONG)
    line = sp.coo_array(LONG)
    with pytest.raises(ValueError, match="no matrix"):
        line @ ad.Variable(LONG)


def test_in_an_objective():
    """A Poisson problem: the gradient of its energy is the residual."""
    n = 50
    laplace = sp.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n), format="csr")
    b = np.linspace(0.0, 1.0, n)
    energy = lambda u: 0.5 * u @ (laplace @ u) - b @ u  # noqa: E731
    u = np.sin(b)
    np.testing.assert_allclose(ad.grad(energy)(u), laplace @ u - b, rtol=0, atol=1e-14)
