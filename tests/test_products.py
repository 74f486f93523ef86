"""Products: values of NumPy, shapes of NumPy, derivatives of differences."""

import numpy as np
import pytest
from derivatives import check
from hypothesis import given, settings
from hypothesis import strategies as st

import scirs_ad as ad
import scirs_ad.numpy as anp

RNG = np.random.default_rng(0)


def normal(*shape, kind=float):
    x = RNG.standard_normal(shape)
    return x + 1j * RNG.standard_normal(shape) if kind is complex else np.asarray(x)


def same(found, wanted):
    assert np.shape(found) == np.shape(wanted)
    assert np.asarray(found).dtype == np.asarray(wanted).dtype
    np.testing.assert_allclose(np.asarray(found), wanted, rtol=1e-12, atol=1e-13)


PAIRS = {
    "matmul": [
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((3,), (3, 2)),
        ((2, 3), (3, 4)),
        ((5, 2, 3), (3, 4)),
        ((5, 2, 3), (3,)),
        ((3,), (5, 3, 2)),
        ((2, 3), (5, 3, 4)),
        ((5, 1, 2, 3), (4, 3, 2)),
        ((0, 3), (3, 2)),
        ((2, 0), (0, 2)),
    ],
    "dot": [
        ((), (3,)),
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((2, 3), (3, 4)),
        ((2, 2, 3), (3,)),
        ((2, 3), (4, 3, 2)),
        ((2, 2, 3), (3, 4)),
        ((3,), (2, 3, 4)),
    ],
    "inner": [((), (3,)), ((3,), (3,)), ((2, 3), (3,)), ((2, 3), (4, 3)), ((3,), (2, 3)), ((2, 2, 3), (4, 3))],
    "outer": [((3,), (2,)), ((2, 2), (3,)), ((), (2,))],
    "vdot": [((3,), (3,)), ((2, 2), (4,))],
    "kron": [((2,), (3,)), ((2, 3), (3, 2)), ((2,), (3, 2)), ((2, 2, 1), (2, 3)), ((), (3,))],
    "tensordot": [((2, 3, 4), (3, 4, 2)), ((2, 3), (2, 3))],
    "vecdot": [((3,), (3,)), ((2, 3), (3,)), ((2, 1, 3), (4, 3))],
    "matvec": [((2, 3), (3,)), ((5, 2, 3), (3,)), ((2, 3), (5, 3)), ((5, 2, 3), (5, 3))],
    "vecmat": [((3,), (3, 2)), ((5, 3), (3, 2)), ((3,), (5, 3, 2))],
    "cross": [((3,), (3,)), ((2, 3), (3,)), ((2, 1, 3), (4, 3))],
}
# matvec and vecmat are new in NumPy 2.2.
CASES = [(name, a, b) for name, pairs in PAIRS.items() for a, b in pairs if hasattr(np, name)]


@pytest.mark.parametrize(("name", "a", "b"), CASES)
@pytest.mark.parametrize("kind", [float, complex])
def test_values_and_derivatives(name, a, b, kind):
    x, y = normal(*a, kind=kind), normal(*b, kind=kind)
    same(getattr(anp, name)(x, y), getattr(np, name)(x, y))
    check(getattr(np, name), x, y)


@pytest.mark.parametrize(("name", "a", "b"), [c for c in CASES if c[0] in ("matmul", "dot", "kron", "outer", "vecdot")])
def test_float32_stays(name, a, b):
    x, y = normal(*a).astype(np.float32), normal(*b).astype(np.float32)
    g, h = ad.grad(lambda x, y: getattr(np, name)(x, y).sum(), argnums=(0, 1))(x, y)
    assert g.dtype == h.dtype == np.float32
    assert (g.shape, h.shape) == (a, b)


def test_operator_and_mixed_kinds():
    a, b = normal(2, 3), normal(3, kind=complex)
    check(lambda x, y: x @ y, a, b)
    g = ad.grad(lambda x: np.abs(x @ b).sum())(a)
    assert g.dtype == float
    check(lambda x: a @ x, normal(3))
    check(lambda x: x @ a, normal(2))


@pytest.mark.parametrize(("a", "b"), [((3,), (4,)), ((2, 3), (4, 2)), ((), (3,)), ((2, 2, 3), (3, 3, 2))])
def test_shapes_that_do_not_fit(a, b):
    with pytest.raises(ValueError):
        np.matmul(normal(*a), normal(*b))
    with pytest.raises(ValueError):
        anp.matmul(normal(*a), normal(*b))
    with pytest.raises(ValueError):
        ad.grad(lambda x: np.sum(x @ normal(*b)))(normal(*a))


@pytest.mark.parametrize("axes", [0, 1, 2, ([1, 2], [0, 1]), ([2, 1], [1, 0]), (0, 2), ((-1,), (1,))])
def test_tensordot(axes):
    a, b = normal(2, 3, 4), normal(3, 4, 2)
    if axes == 1:
        b = normal(4, 3, 2)
    if axes == 2:
        b = normal(3, 4, 2)
    same(anp.tensordot(a, b, axes), np.tensordot(a, b, axes))
    check(lambda x, y: np.tensordot(x, y, axes), a, b, order=1)


def test_cross_axes():
    a, b = normal(3, 4), normal(3, 4)
    same(anp.cross(a, b, axis=0), np.cross(a, b, axis=0))
    same(anp.cross(a, b.T, axisa=0, axisb=1, axisc=0), np.cross(a, b.T, axisa=0, axisb=1, axisc=0))
    assert anp.cross(np.array([1.0, 2.0]), np.array([3.0, 5.0])) == -1.0
    check(lambda x, y: anp.cross(x, y), normal(2), normal(4, 3))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("m", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_convolution(n, m, mode):
    for kind in (float, complex):
        a, v = normal(n, kind=kind), normal(m, kind=kind)
        same(anp.convolve(a, v, mode), np.convolve(a, v, mode))
        same(anp.correlate(a, v, mode), np.correlate(a, v, mode))
        check(lambda x, y: np.convolve(x, y, mode), a, v, order=1)
        check(lambda x, y: np.correlate(x, y, mode), a, v, order=1)


def test_convolution_of_nothing():
    with pytest.raises(ValueError):
        anp.convolve([], [1.0])
    with pytest.raises(ValueError, match="mode"):
        anp.convolve([1.0], [1.0], "half")


# ------------------------------------------------------------------------------------------------ einsum
EINSUMS = [
    ("ii", [(3, 3)]),
    ("ii->i", [(3, 3)]),
    ("ij->ji", [(2, 3)]),
    ("ij->i", [(2, 3)]),
    ("ij->", [(2, 3)]),
    ("ji", [(2, 3)]),
    ("i,i", [(4,), (4,)]),
    ("i,j", [(2,), (3,)]),
    ("ij,jk", [(2, 3), (3, 4)]),
    ("ij,jk->ki", [(2, 3), (3, 4)]),
    ("bij,bjk->bik", [(5, 2, 3), (5, 3, 4)]),
    ("ij,ij->", [(2, 3), (2, 3)]),
    ("ij,kl->", [(2, 3), (2, 3)]),
    ("iij,jk->ik", [(2, 2, 3), (3, 4)]),
    ("ijij->", [(2, 3, 2, 3)]),
    ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 5)]),
    ("i,ij,j", [(2,), (2, 3), (3,)]),
    (",ij", [(), (2, 3)]),
    ("ij,ik,il->jkl", [(2, 3), (2, 4), (2, 5)]),
    ("ij,jk,k,k->i", [(2, 3), (3, 4), (4,), (4,)]),
    ("abcd,dcba", [(2, 3, 2, 3), (3, 2, 3, 2)]),
    ("ij,j", [(2, 3), (1,)]),
    ("ij,ij->ij", [(2, 3), (1, 3)]),
    ("...ij,...jk->...ik", [(5, 2, 3), (3, 4)]),
    ("...ij,...jk->...ik", [(5, 1, 2, 3), (2, 3, 4)]),
    ("...i->...", [(2, 3)]),
    ("i...", [(2, 3)]),
    ("a...a->...", [(3, 2, 3)]),
    ("i...,i...->...", [(2, 3), (2, 1)]),
    ("bij,bkj->bik", [(3, 20, 30), (3, 25, 30)]),
    ("ij,i->j", [(20, 300), (20,)]),
    ("i,i,i->i", [(3,), (3,), (3,)]),
    ("i , ij -> j", [(2,), (2, 3)]),
    ("ij,jk->ik", [(0, 3), (3, 2)]),
    ("ij,jk->ik", [(2, 0), (0, 2)]),
]


@pytest.mark.parametrize(("subscripts", "shapes"), EINSUMS)
@pytest.mark.parametrize("kind", [float, complex])
def test_einsum(subscripts, shapes, kind):
    xs = [normal(*s, kind=kind) for s in shapes]
    same(anp.einsum(subscripts, *xs), np.einsum(subscripts, *xs))
    order = 1 if sum(x.size for x in xs) > 200 else 2
    check(lambda *zs: np.einsum(subscripts, *zs), *xs, order=order)


@pytest.mark.parametrize(
    "optimize", [True, False, "greedy", "optimal", ["einsum_path", (0, 1), (0, 1)], ["einsum_path", (0, 1, 2)]]
)
def test_einsum_order(optimize):
    xs = [normal(2, 3), normal(3, 4), normal(4, 5)]
    same(anp.einsum("ij,jk,kl->il", *xs, optimize=optimize), np.einsum("ij,jk,kl->il", *xs, optimize=optimize))


def test_einsum_with_lists():
    a, b = normal(2, 3), normal(3, 4)
    same(anp.einsum(a, [0, 1], b, [1, 2], [0, 2]), a @ b)
    same(anp.einsum(a, [0, 1], b, [1, 2]), a @ b)
    same(anp.einsum(a, [..., 1], [1, ...]), a.T)
    assert anp.einsum("ij->", [[1, 2], [3, 4]]) == 10


@pytest.mark.parametrize(
    "subscripts", ["ij,jk->ikk", "ij", "ij,jk,kl", "i?,jk", "ij,kj->ik", "ij,jk->iz", "i,j", "...i,jk->i"]
)
def test_einsum_refuses(subscripts):
    with pytest.raises(ValueError, match="einsum"):
        anp.einsum(subscripts, normal(2, 3), normal(3, 4))


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_einsum_of_two(data):
    length = {"a": 2, "b": 3, "c": 1, "d": 2}
    terms = [data.draw(st.lists(st.sampled_from("abcd"), max_size=4)) for _ in range(2)]
    used = sorted(set(terms[0] + terms[1]))
    out = data.draw(st.permutations(used)) if used else []
    out = out[: data.draw(st.integers(0, len(out)))]
    subscripts = f"{''.join(terms[0])},{''.join(terms[1])}->{''.join(out)}"
    xs = [np.random.default_rng(1).standard_normal([length[k] for k in term]) for term in terms]
    xs = [np.asarray(x) for x in xs]
    same(anp.einsum(subscripts, *xs), np.einsum(subscripts, *xs))
    check(lambda *zs: np.einsum(subscripts, *zs), *xs, order=1)


def test_vmap():
    a, b = normal(5, 2, 3), normal(5, 3)
    np.testing.assert_allclose(ad.vmap(np.matmul)(a, b), np.einsum("...ij,...j->...i", a, b), rtol=1e-13)
    np.testing.assert_allclose(
        ad.vmap(lambda x, y: np.einsum("ij,j->i", x, y))(a, b), np.einsum("...ij,...j->...i", a, b), rtol=1e-13
    )
    np.testing.assert_allclose(ad.vmap(np.convolve, in_axes=(0, None))(b, b[0])[1], np.convolve(b[1], b[0]), rtol=1e-13)
