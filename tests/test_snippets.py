"""Ordinary NumPy and SciPy code differentiates as it stands, or under `native`, or is refused by name; never wrongly."""

import copy
import functools

import numpy as np
import pytest
import snippets_native  # noqa: F401 - registers its part
from snippets import CORPUS

import scirs_ad as ad
from scirs_ad._core.tree import flatten, unflatten
from scirs_ad.testing.differences import finite_difference

PLAIN = [name for name, s in CORPUS.items() if not s.native and s.error is None]
NATIVE = [name for name, s in CORPUS.items() if s.native]
REFUSED = [name for name, s in CORPUS.items() if s.error is not None]


@functools.cache
def wanted(name):
    """The Jacobian as one matrix, by finite differences."""
    f, at = CORPUS[name].f, CORPUS[name].at
    leaves, structure = flatten(at)
    shapes = [np.shape(x) for x in leaves]
    cuts = np.cumsum([int(np.prod(s)) for s in shapes])

    def of_vector(vector):
        pieces = [x.reshape(s) if s else x[0] for x, s in zip(np.split(vector.copy(), cuts[:-1]), shapes, strict=True)]
        return np.concatenate([np.ravel(np.asarray(y, float)) for y in flatten(f(unflatten(structure, pieces)))[0]])

    return finite_difference(of_vector, np.concatenate([np.ravel(x).astype(float) for x in leaves]))


def matrix(blocks, at):
    """Blocks of `jacobian` as one matrix."""
    leaves, _ = flatten(at)
    sizes = [np.size(x) for x in leaves]
    parts = [np.asarray(b) for b in flatten(blocks)[0]]
    rows = []
    for k in range(0, len(parts), len(sizes)):
        rows.append(np.hstack([b.reshape(-1, n) for b, n in zip(parts[k : k + len(sizes)], sizes, strict=True)]))
    return np.vstack(rows)


def check(name, native, capsys):
    f, at = CORPUS[name].f, CORPUS[name].at
    before = [np.array(x) for x in flatten(at)[0]]
    found = matrix(ad.jacobian(f, native=native)(at), at)
    size = 1 + np.max(np.abs(wanted(name)))
    np.testing.assert_allclose(found, wanted(name), rtol=1e-5, atol=1e-7 * size)
    if found.shape[0] == 1:
        value, gradient = ad.value_and_grad(f, native=native)(at)
        np.testing.assert_allclose(value, f(copy.deepcopy(at)), rtol=1e-13)
        np.testing.assert_allclose(matrix(gradient, at), found, rtol=1e-10, atol=1e-13 * size)
    for x, y in zip(before, flatten(at)[0], strict=True):
        np.testing.assert_array_equal(x, y)
    capsys.readouterr()


@pytest.mark.parametrize("name", PLAIN)
def test_as_it_stands(name, capsys):
    check(name, False, capsys)


@pytest.mark.parametrize("name", [*NATIVE, *PLAIN])
def test_under_native(name, capsys):
    check(name, True, capsys)


@pytest.mark.parametrize("name", NATIVE)
def test_native_only_is_refused_as_it_stands(name):
    """Nothing is lost in silence: what needs `native` raises without it."""
    with pytest.raises((TypeError, ValueError)) as caught:
        ad.jacobian(CORPUS[name].f)(CORPUS[name].at)
    error, text = caught.value, ""
    while error is not None:
        text += "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", [])])
        error = error.__cause__ or error.__context__
    assert "scirs_ad" in text, text


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("name", REFUSED)
def test_refused(name, native):
    s = CORPUS[name]
    assert np.all(np.isfinite(wanted(name)))  # NumPy runs it
    with pytest.raises(s.error, match=s.match):
        ad.jacobian(s.f, native=native)(s.at)


def test_the_corpus_is_large():
    assert len(CORPUS) >= 150
