"""Matrix computations with 80 digits, on NumPy arrays of mpmath numbers: what gradients are compared with.

Simple algorithms: with so many digits none has to be clever. Differences of step 1e-30 of such functions are derivatives
good to about 30 digits, also of matrices whose condition is 1e15.
"""

import functools

import mpmath
import numpy as np

DIGITS = 80
STEP = mpmath.mpf(10) ** -30
_conj = np.frompyfunc(mpmath.conj, 1, 1)
_real = np.frompyfunc(mpmath.re, 1, 1)
_abs = np.frompyfunc(abs, 1, 1)
_sqrt = np.frompyfunc(mpmath.sqrt, 1, 1)


def lifted(x):
    """The same numbers, exactly, in mpmath."""
    x = np.asarray(x)
    kind = mpmath.mpc if x.dtype.kind == "c" else mpmath.mpf
    return np.frompyfunc(kind, 1, 1)(x.astype(complex if x.dtype.kind == "c" else float))


def conj(x):
    return _conj(x)


def real(x):
    return _real(x)


def dagger(x):
    return _conj(x.T)


def eye(n):
    return np.array([[mpmath.mpf(int(i == j)) for j in range(n)] for i in range(n)])


def norm(x):
    return mpmath.sqrt(sum(abs(e) ** 2 for e in x.flat))


def solve(a, b):
    """By elimination with row interchanges."""
    n, column = len(a), b.ndim == 1
    m = np.concatenate([a, b[:, None] if column else b], 1)
    for k in range(n):
        p = k + max(range(n - k), key=lambda i, k=k: abs(m[k + i, k]))
        m[[k, p]] = m[[p, k]]
        m[k] = m[k] / m[k, k]
        for i in range(n):
            if i != k:
                m[i] = m[i] - m[i, k] * m[k]
    return m[:, n] if column else m[:, n:]


def inv(a):
    return solve(a, eye(len(a)))


def lu(a):
    """Without row interchanges."""
    n = len(a)
    lower, upper = eye(n), a.copy()
    for k in range(n):
        for i in range(k + 1, n):
            lower[i, k] = upper[i, k] / upper[k, k]
            upper[i] = upper[i] - lower[i, k] * upper[k]
    return lower, upper


def det(a):
    """By cofactors: also of singular matrices."""
    if len(a) == 1:
        return a[0, 0]
    rest = [np.delete(a[1:], j, 1) for j in range(len(a))]
    return sum((-1) ** j * a[0, j] * det(rest[j]) for j in range(len(a)))


def cholesky(a):
    n = len(a)
    out = 0 * a
    for j in range(n):
        out[j, j] = mpmath.sqrt(mpmath.re(a[j, j] - sum(abs(x) ** 2 for x in out[j, :j])))
        for i in range(j + 1, n):
            out[i, j] = (a[i, j] - sum(x * mpmath.conj(y) for x, y in zip(out[i, :j], out[j, :j], strict=True))) / out[
                j, j
            ]
    return out


def hermitian(a):
    return (a + dagger(a)) / 2


def qr(a):
    """With a positive diagonal of R."""
    r = dagger(cholesky(hermitian(dagger(a) @ a)))
    return a @ inv(r), r


def _matrix(a):
    return mpmath.matrix(a.tolist())


def _array(m):
    return np.array([[m[i, j] for j in range(m.cols)] for i in range(m.rows)])


def eigh(a):
    a = hermitian(a)
    w, v = (mpmath.eighe if any(isinstance(x, mpmath.mpc) for x in a.flat) else mpmath.eigsy)(_matrix(a))
    return np.array(list(w)), _array(v)


def eig(a):
    w, v = mpmath.eig(_matrix(a))
    return np.array(list(w)), _array(v)


def svd(a):
    """The thin one, by the eigenvalues of ``a^H a``: half of the digits are enough. At least as many rows as columns."""
    w, v = eigh(dagger(a) @ a)
    order = list(range(len(w)))[::-1]
    s, v = _sqrt(w[order]), v[:, order]
    return (a @ v) / s, s, dagger(v)


def pinv(a):
    if a.shape[0] < a.shape[1]:
        return dagger(pinv(dagger(a)))
    return solve(dagger(a) @ a, dagger(a))


def function(a, f):
    """By eigenvectors; 1e-25 apart, if equal, so that there are some: half of the digits are enough."""
    n = len(a)
    shift = np.array(
        [[mpmath.mpf(10) ** -40 * (i * i + 1) if i == j else mpmath.mpf(0) for j in range(n)] for i in range(n)]
    )
    w, v = eig(a + shift)
    return (v * np.array([f(x) for x in w])) @ inv(v)


def hermitian_function(a, f):
    w, v = eigh(a)
    return (v * np.array([f(x) for x in w])) @ dagger(v)


def expm(a):
    """Taylor's series of a scaled matrix, squared."""
    k = max(int(mpmath.ceil(mpmath.log(norm(a) + mpmath.mpf(10) ** -30, 2))) + 8, 0)
    a = a / mpmath.mpf(2) ** k
    total = term = eye(len(a))
    for i in range(1, 30):
        term = term @ a / i
        total = total + term
    for _ in range(k):
        total = total @ total
    return total


def kron(a, b):
    return np.block([[x * b for x in row] for row in a])


def sylvester(a, b, c):
    m, n = len(a), len(b)
    return solve(kron(a, eye(n)) + kron(eye(m), b.T), c.reshape(-1)).reshape(m, n)


def discrete_lyapunov(a, q):
    n = len(a)
    return solve(eye(n * n) - kron(a, conj(a)), q.reshape(-1)).reshape(n, n)


def hessenberg(a):
    """By the reflections of LAPACK."""
    n = len(a)
    a, q = a.copy(), eye(n)
    for k in range(n - 1):
        x = a[k + 1 :, k].copy()
        alpha, size = x[0], norm(x)
        if not any(x[1:]) and not mpmath.im(alpha):
            continue
        beta = -size if mpmath.re(alpha) >= 0 else size
        x[0] = alpha - beta
        tau = (beta - alpha) / beta
        v = x / x[0]
        h = eye(n)
        h[k + 1 :, k + 1 :] = h[k + 1 :, k + 1 :] - tau * np.outer(v, conj(v))
        a, q = dagger(h) @ a @ h, q @ h
    return a, q


# ------------------------------------------------------------------------------------------------ derivatives
def contraction(function, xs, ts, cts):
    """``Re <ct, J t>``, by a central difference."""
    up, down = (function(*[x + s * STEP * t for x, t in zip(xs, ts, strict=True)]) for s in (1, -1))
    total = mpmath.mpf(0)
    for y, z, ct in zip(up, down, cts, strict=True):
        for a, b, c in zip(np.ravel(y), np.ravel(z), np.ravel(ct), strict=True):
            total += mpmath.re(mpmath.conj(c) * (a - b))
    return total / (2 * STEP)


def with_digits(run):
    """With 80 digits."""

    @functools.wraps(run)
    def wrapped(*args, **keywords):
        with mpmath.workdps(DIGITS):
            return run(*args, **keywords)

    return wrapped


@with_digits
def reference(function, xs, ts, cts, rng, tied=None, samples=3, sizes=None):
    """``Re <ct, J t>``, and how much it changes if each input changes by a rounding unit of its largest element.

    That is the condition of the derivative, times the unit: what an algorithm that is backward stable in norms, as those
    of LAPACK are, may lose. It is measured, as the largest change among `samples` random ones; `tied` keeps a structure.
    `sizes`: of the inputs, if not their largest elements.
    """
    sizes = [np.max(np.abs(x), initial=0.0) for x in xs] if sizes is None else sizes
    exact = contraction(function, *([lifted(x) for x in group] for group in (xs, ts, cts)))
    change = mpmath.mpf(0)
    for _ in range(samples):
        moved = []
        for x, size in zip(xs, sizes, strict=True):
            noise = rng.uniform(-1, 1, np.shape(x)) + (
                1j * rng.uniform(-1, 1, np.shape(x)) if np.iscomplexobj(x) else 0
            )
            noise = np.asarray(noise if tied is None else tied(noise))
            unit = np.finfo(np.asarray(x).dtype).eps * size
            moved.append(lifted(x) + mpmath.mpf(float(unit)) * lifted(noise))
        change = max(
            change, abs(contraction(function, moved, *([lifted(x) for x in group] for group in (ts, cts))) - exact)
        )
    return float(exact), float(change)
