"""Linear algebra against SciPy's and NumPy's own lists: names, signatures, and what each operation can do.

The audit reads their modules. What is left out on purpose stands in one table, with the reason.
"""

import inspect

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse.linalg
from derivatives import check
from linalg_cases import ENTRIES, Maker

import scirs_ad as ad
import scirs_ad.numpy.linalg
import scirs_ad.scipy.linalg as sla
import scirs_ad.scipy.sparse.linalg as ssl
from scirs_ad._core.tree import flatten

PAIRS = {
    "numpy.linalg": (np.linalg, scirs_ad.numpy.linalg),
    "scipy.linalg": (scipy.linalg, sla),
    "scipy.sparse.linalg": (scipy.sparse.linalg, ssl),
}
MODULE = "a module of SciPy's own, without functions of its own"
ACCESS = "access to LAPACK and BLAS; it has no meaning on Variables"
UPDATE = "saves work over a new factorisation of known factors; qr of the changed matrix has the derivative"
PARTIAL = "a part of a spectrum that is not real, by an iteration; eigsh, lobpcg, svds and eig have the derivative"
PLAIN = "no derivative, and nothing to add to SciPy's, which takes the arrays"
OMITTED = {
    "scipy.linalg": {
        **dict.fromkeys(["basic", "decomp", "decomp_cholesky", "decomp_lu", "decomp_qr", "decomp_schur", "decomp_svd",
                         "matfuncs", "misc", "special_matrices"], MODULE),
        **dict.fromkeys(["blas", "lapack", "cython_blas", "cython_lapack", "find_best_blas_type", "get_blas_funcs",
                         "get_lapack_funcs"], ACCESS),
        **dict.fromkeys(["qr_delete", "qr_insert", "qr_update"], UPDATE),
        "LinAlgWarning": "IllConditionedWarning and DegenerateWarning say more",
        "cossin": "four coupled singular value decompositions; svd of the blocks has the derivative",
    },
    "scipy.sparse.linalg": {
        **dict.fromkeys(["dsolve", "eigen", "interface", "isolve", "matfuncs"], MODULE),
        **dict.fromkeys(["ArpackError", "ArpackNoConvergence"], "NotConverged and NotConvergedWarning have the residuals"),
        "eigs": PARTIAL,
        **dict.fromkeys(["LaplacianNd", "is_sptriangular", "spbandwidth", "onenormest", "spilu", "use_solver"], PLAIN),
        "MatrixRankWarning": "a singular matrix is a LinAlgError here",
        **dict.fromkeys(["expm", "inv", "matrix_power", "norm"], "of dense matrices in scipy.linalg and numpy.linalg"),
        "funm_multiply_krylov": "expm_multiply, or funm of the dense matrix, has the derivative",
    },
    "numpy.linalg": {},
}  # fmt: skip
# Parameters of SciPy's with which a call is refused, because there would be nothing to return.
# SciPy 1.18 changed parameters; the places are those of 1.17, and what is new is taken by keyword.
SINCE_1_18 = {("eigvals", "overwrite_b")}
LATER = {"funm_multiply_krylov": (1, 16)}  # since when SciPy has it
SINCE_1_16 = {("eigsh", "rng"), ("svds", "rng"), ("clarkson_woodruff_transform", "rng")}
UNTIL_1_17 = {("logm", "disp"), ("signm", "disp"), ("sqrtm", "disp"), ("sqrtm", "blocksize")}
REFUSED = {("logm", "disp"): False, ("sqrtm", "disp"): False, ("signm", "disp"): False, ("funm", "disp"): False}


def public(module):
    return [name for name in module.__all__ if not name.startswith("_")]


@pytest.mark.parametrize("where", PAIRS)
def test_names(where):
    theirs, ours = PAIRS[where]
    missing = [name for name in public(theirs) if not hasattr(ours, name) and name not in OMITTED[where]]
    assert not missing, f"{where}: neither here nor in the table of omissions: {missing}"
    stale = [name for name in OMITTED[where] if hasattr(ours, name) or name not in (*public(theirs), *LATER)]
    assert not stale, f"{where}: in the table of omissions without need: {stale}"
    assert sorted(ours.__all__) == list(ours.__all__), "names are in order"


def functions(where):
    theirs, ours = PAIRS[where]
    for name in public(theirs):
        if callable(getattr(theirs, name)) and not isinstance(getattr(theirs, name), type) and hasattr(ours, name):
            yield where, name


def same_default(theirs, ours):
    private = type(theirs) is object or type(theirs).__name__ == "_NoValueType"  # "not given", of an argument that goes
    return private or theirs is ours or theirs == ours


@pytest.mark.parametrize(("where", "name"), [f for where in PAIRS for f in functions(where)], ids=str)
def test_signature(where, name):
    """Their parameters, in their order and kind and with their defaults; more of ours only by keyword or after those."""
    theirs, ours = (list(inspect.signature(getattr(m, name)).parameters.values()) for m in PAIRS[where])
    theirs = [parameter for parameter in theirs if (name, parameter.name) not in SINCE_1_18]
    for k, parameter in enumerate(theirs):
        mine = ours[k] if k < len(ours) else None
        assert mine is not None, f"{name}: {parameter} is missing"
        positional = parameter.kind is parameter.POSITIONAL_ONLY  # we may allow the keyword, too
        assert positional or mine.name == parameter.name, f"{name}: {mine} instead of {parameter}"
        allowed = (parameter.kind, mine.POSITIONAL_OR_KEYWORD)
        assert positional or mine.kind in allowed, f"{name}: {mine.name} is {mine.kind}, not {parameter.kind}"
        assert same_default(parameter.default, mine.default), f"{name}: {mine} instead of {parameter}"
    for more in ours[len(theirs) :]:
        assert more.default is not more.empty, f"{name}: {more} is ours, and needed"
        assert (
            more.kind is more.KEYWORD_ONLY or (name, more.name) in UNTIL_1_17 | SINCE_1_16 or where == "numpy.linalg"
        ), f"{name}: {more} is ours, and positional"


@pytest.mark.parametrize(("name", "argument"), REFUSED)
def test_refused_arguments(name, argument):
    more = (np.exp,) if name == "funm" else ()
    with pytest.raises(NotImplementedError, match=argument):
        getattr(sla, name)(np.eye(2), *more, **{argument: REFUSED[name, argument]})


# ------------------------------------------------------------------------------------------------ what each can do
CONSTANT = {"bandwidth", "dft", "expm_cond", "hadamard", "helmert", "hilbert", "invhilbert", "invpascal", "ishermitian",
            "issymmetric", "pascal", "check_matrix_health", "policy", "set_policy", "matrix_rank"}  # fmt: skip


def test_every_operation_has_an_entry():
    """Each name is run below, or is a constant, a diagnosis or a setting."""
    run = {key.split()[0] for key in ENTRIES}
    for module in (sla, ssl, scirs_ad.numpy.linalg):
        for name in module.__all__:
            if not isinstance(getattr(module, name), type):
                assert name in run or name in CONSTANT, f"{name} is not in linalg_cases.ENTRIES"
                assert not (name in run and name in CONSTANT)


def leaves(y):
    return [np.asarray(leaf) for leaf in flatten(y)[0]]


def near(found, expected, dtype, what):
    for x, y in zip(leaves(found), leaves(expected), strict=True):
        assert x.shape == y.shape, what
        size = np.max(np.abs(y), initial=1.0)
        np.testing.assert_allclose(x, y, rtol=0, atol=1e4 * np.finfo(dtype).eps * size, err_msg=what)


def pulled(function, cts):
    """The cotangents of the arguments, for the given cotangents of the outputs."""

    def run(*args):
        out, pull = ad.vjp(function, *args)
        return pull(cts if isinstance(out, tuple) else cts[0])

    return run


def kinds(entry):
    return (float, complex) if entry.complex else (float,)


MATRIX = [(name, kind) for name, entry in ENTRIES.items() for kind in kinds(entry)]


@pytest.mark.parametrize(("name", "kind"), MATRIX, ids=str)
def test_derivatives(name, kind):
    """Forward against differences, reverse against forward, and the same for the gradient."""
    entry = ENTRIES[name]
    check(entry.function, *entry.make(Maker(kind)), order=2, tol=1e-6)


@pytest.mark.parametrize(("name", "kind"), MATRIX, ids=str)
def test_single_precision(name, kind):
    """Results and cotangents stay in single precision, and are those of double precision."""
    entry = ENTRIES[name]
    args = entry.make(Maker(kind))
    short = [np.asarray(a).astype(np.float32 if kind is float else np.complex64) if np.asarray(a).dtype.kind in "fc" else a
             for a in args]  # fmt: skip
    exact, found = entry.function(*args), entry.function(*short)
    for x, y in zip(leaves(found), leaves(exact), strict=True):
        assert x.dtype.kind == y.dtype.kind and x.dtype.char in "fF", f"{name}: {x.dtype} of single precision"
    cts = tuple(np.ones_like(x) for x in leaves(found))
    for x, a in zip(pulled(entry.function, cts)(*short), short, strict=True):
        assert np.asarray(x).dtype == np.asarray(a).dtype, f"{name}: cotangent of {x.dtype}"
    near(found, exact, np.float32, name)


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if entry.lead])
def test_leading_axes(name):
    """Over leading axes each matrix has its own result; the gradient, too; and a batch of none is one of none."""
    entry = ENTRIES[name]
    kind = complex if entry.complex else float
    args = entry.make(Maker(kind, (2,)))
    assert all(np.shape(a)[:1] == (2,) or (np.ndim(a) == 2 and len(a) < 3) for a in args)
    batched = [
        np.shape(a)[:1] == (2,) and np.ndim(a) > np.ndim(b) for a, b in zip(args, entry.make(Maker(kind)), strict=True)
    ]
    found = entry.function(*args)
    cts = tuple(np.ones_like(x) for x in leaves(found))
    grads = pulled(entry.function, cts)(*args)
    for k in range(2):
        one = [a[k] if b else a for a, b in zip(args, batched, strict=True)]
        expected = entry.function(*one)
        near([x[k] for x in leaves(found)], leaves(expected), float, f"{name}, matrix {k}")
        single = pulled(entry.function, tuple(np.ones_like(x) for x in leaves(expected)))(*one)
        for x, y, b in zip(grads, single, batched, strict=True):
            if b:
                near(x[k], y, float, f"{name}, gradient of matrix {k}")
    if not entry.known:
        none = [a[:0] if b else a for a, b in zip(args, batched, strict=True)]
        for x, y in zip(leaves(entry.function(*none)), leaves(found), strict=True):
            assert x.shape == (0, *y.shape[1:]), name
        for x, a in zip(pulled(entry.function, tuple(c[:0] for c in cts))(*none), none, strict=True):
            assert np.shape(x) == np.shape(a), name


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if not entry.known])
def test_vmap_and_compile(name):
    """vmap of value and gradient is a loop; compiled, both are what they are."""
    entry = ENTRIES[name]
    kind = complex if entry.complex else float
    args = entry.make(Maker(kind))
    near_by = [
        np.stack([a, a * (1 + 1e-3)]) if np.asarray(a).dtype.kind in "fc" else np.stack([a, a])
        for a in map(np.asarray, args)
    ]
    value = entry.function(*args)
    gradient = pulled(entry.function, tuple(np.ones_like(x) for x in leaves(value)))
    for what, function in (("value", entry.function), ("gradient", gradient)):
        expected = function(*args)
        mapped = ad.vmap(function)(*near_by)
        for k in range(2):
            near([x[k] for x in leaves(mapped)], leaves(function(*(a[k] for a in near_by))), float, f"vmap of {what}")
        near(ad.compile(function)(*args), expected, float, f"compiled {what}")


# ------------------------------------------------------------------------------------------------ sizes
NEEDS_MORE = {
    "schur real",
    "qz real",
    "companion",
    "leslie",
    "cross",
    "tensorsolve",
    "tensorinv",
    "spsolve",
    "splu",
    "factorized",
    "spsolve_triangular",
    "eigsh",
    "eigsh generalised",
    "lobpcg",
    "svds",
    "diagsvd",
    "randomized_svd",
    "solve_continuous_are",
    "solve_discrete_are",
    "eigh_tridiagonal",
    "eigvalsh_tridiagonal",
}  # by what they are, or by how their entry is written; below
NOT_OF_NOTHING = {"convolution_matrix", "cond", "matrix_norm"}  # as SciPy and NumPy, a ValueError
SIZES = [(name, size) for name in ENTRIES for size in (1, 0)
         if name not in NEEDS_MORE and (size or name not in NOT_OF_NOTHING)]  # fmt: skip


@pytest.mark.parametrize(("name", "size"), SIZES, ids=str)
def test_one_by_one_and_empty(name, size):
    """Derivatives of 1 x 1 matrices, and of matrices without rows and columns, which are empty."""
    entry = ENTRIES[name]
    for kind in kinds(entry):
        args = entry.make(Maker(kind, size=size))
        value = check(entry.function, *args, order=1, tol=1e-6)
        assert size or not any(x.size for x in leaves(value)) or all(np.all(np.isfinite(x)) for x in leaves(value))


@pytest.mark.parametrize("name", sorted(NOT_OF_NOTHING))
def test_of_nothing(name):
    with pytest.raises(ValueError, match=r"zero-size|empty"):
        ENTRIES[name].function(*ENTRIES[name].make(Maker(size=0)))


def test_least_sizes():
    """Of what the entries above cannot make."""
    one = np.ones(1)
    check(sla.eigvalsh_tridiagonal, 3 * one, np.zeros(0), order=1)
    check(lambda d, e: sla.eigh_tridiagonal(d, e)[0], np.zeros(0), np.zeros(0), order=1)
    check(sla.companion, np.array([2.0, 3.0]), order=1)
    check(lambda s: sla.diagsvd(s, 0, 2), np.zeros(0), order=1)
    check(lambda a: sla.randomized_svd(a, 1, rng=0)[1], 2 * np.eye(1), order=1)
    for solver in (sla.solve_continuous_are, sla.solve_discrete_are):
        check(solver, *[x * np.eye(1) for x in (0.5, 2.0, 3.0, 4.0)], order=1)


WIDE = {
    "lu": lambda a: sla.lu(a, permute_l=True), "qr": lambda a: sla.qr(a, mode="economic"), "rq": lambda a: sla.rq(a, mode="economic"),
    "polar": sla.polar, "polar left": lambda a: sla.polar(a, "left"), "svdvals": sla.svdvals, "pinv": sla.pinv,
    "svd": lambda a: (lambda u, s, vh: (u * s) @ (2 * vh))(*sla.svd(a, full_matrices=False)),
    "lstsq": lambda a: sla.lstsq(a, np.arange(float(a.shape[0])))[0], "ridge_inverse": lambda a: sla.ridge_inverse(a, 0.5),
    "orth": lambda a: (lambda q: q @ np.conj(q.T))(sla.orth(a)), "null_space": lambda a: (lambda q: q @ np.conj(q.T))(sla.null_space(a)),
    "qr full": lambda a: (lambda q, r: (q[:, : min(a.shape)], r))(*sla.qr(a)), "norm": lambda a: sla.norm(a, 2), "cond": np.linalg.cond,
}  # fmt: skip


@pytest.mark.parametrize("shape", [(5, 2), (2, 5), (3, 1), (1, 3), (4, 4)], ids=str)
@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("name", WIDE)
def test_wide_and_tall(name, kind, shape):
    check(WIDE[name], Maker(kind).any(*shape), order=1, tol=1e-6)


# ------------------------------------------------------------------------------------------------ reconstruction
def product(*factors):
    total = factors[0]
    for factor in factors[1:]:
        total = total @ factor
    return total


def rebuilt_eig(a):
    w, left, right = sla.eig(a, left=True)
    return (right * w) @ np.linalg.inv(right)


DAGGER = lambda x: np.conj(np.swapaxes(x, -1, -2))  # noqa: E731
RECONSTRUCTIONS = {
    "lu": lambda a: product(*sla.lu(a)), "qr": lambda a: product(*sla.qr(a)), "rq": lambda a: product(*sla.rq(a)),
    "polar": lambda a: product(*sla.polar(a)), "polar left": lambda a: product(*sla.polar(a, "left")[::-1]),
    "svd": lambda a: (lambda u, s, vh: (u * s) @ vh)(*sla.svd(a)),
    "hessenberg": lambda a: (lambda h, q: q @ h @ DAGGER(q))(*sla.hessenberg(a, True)),
    "schur": lambda a: (lambda t, z: z @ t @ DAGGER(z))(*sla.schur(a, "complex")),
    "schur sorted": lambda a: (lambda t, z, n: z @ t @ DAGGER(z))(*sla.schur(a, "complex", sort="rhp")),
    "qz": lambda a: (lambda s, t, q, z: q @ s @ DAGGER(z))(*sla.qz(a, np.eye(3), "complex")),
    "eig": rebuilt_eig, "eigh": lambda a: (lambda w, v: (v * w) @ DAGGER(v))(*np.linalg.eigh(a)),
    "cholesky": lambda a: (lambda c: c @ DAGGER(c))(np.linalg.cholesky(a)),
    "ldl": lambda a: (lambda f, d, p: f @ d @ DAGGER(f))(*sla.ldl(sla.symmetrize(a))),
    "inv": lambda a: sla.inv(sla.inv(a)), "logm": lambda a: sla.expm(sla.logm(a)), "sqrtm": lambda a: (lambda r: r @ r)(sla.sqrtm(a)),
    "fractional_matrix_power": lambda a: (lambda r: r @ r @ r)(sla.fractional_matrix_power(a, 1 / 3)),
    "signm": lambda a: (lambda s: a @ s @ s)(sla.signm(a)), "funm": lambda a: sla.funm(sla.funm(a, np.sqrt), np.square),
    "matrix_balance": lambda a: (lambda b, t: t @ b @ np.linalg.inv(t))(*sla.matrix_balance(a)),
}  # fmt: skip


@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("name", RECONSTRUCTIONS)
def test_reconstruction(name, kind):
    """The factors give the matrix back; so the gradient through them is what it is without them, in both modes."""
    hermitian = name in ("eigh", "cholesky", "ldl")
    a = Maker(kind).definite(3) if hermitian else Maker(kind).square(3)
    t, weight = (Maker(kind, seed=k).any(3, 3) for k in (1, 2))
    found = RECONSTRUCTIONS[name](a)
    near(np.asarray(found), a.astype(np.asarray(found).dtype), float, name)
    moved = ad.jvp(RECONSTRUCTIONS[name], (a,), (t,))[1]
    expected = (t + DAGGER(t)) / 2 if hermitian else t
    near(np.asarray(moved), expected.astype(np.asarray(moved).dtype), float, f"{name}, forward")
    pulled_back = ad.grad(lambda a: np.sum(np.real(np.conj(weight) * RECONSTRUCTIONS[name](a))))(a)
    expected = (weight + DAGGER(weight)) / 2 if hermitian else weight
    near(pulled_back, expected, float, f"{name}, reverse")
