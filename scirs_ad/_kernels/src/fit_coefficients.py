"""Fit every polynomial of the scalar kernels and write coefficients.h (run: python fit_coefficients.py).

Each fit is the best polynomial in the maximum norm (Remez exchange, 50 digits, mpmath) of a function on an interval,
under a weight that turns its error into the relative error of the function computed from it. The header says for each
how large that error is, after the coefficients are rounded. Nothing here runs when the package is built.
"""

import sys
from pathlib import Path

import mpmath as mp
import numpy as np

mp.mp.dps = 50


def chebyshev_grid(lo, hi, n):
    """n points from lo to hi, dense at the ends, as the extrema of a best approximation are."""
    mid, half = (mp.mpf(lo) + hi) / 2, (mp.mpf(hi) - lo) / 2
    return [mid - half * mp.cos(mp.pi * i / (n - 1)) for i in range(n)]


def horner(coefs, x):
    """Value of the polynomial, lowest coefficient first."""
    total = mp.mpf(0)
    for c in reversed(coefs):
        total = total * x + c
    return total


def remez(f, lo, hi, n, weight):
    """Coefficients c (n of them) that minimise max |weight(x) (f(x) - sum c_i x^i)| on [lo, hi]."""
    grid = [x for x in chebyshev_grid(lo, hi, max(400, 30 * n)) if weight(x) != 0]
    values, weights = [f(x) for x in grid], [weight(x) for x in grid]
    mid, half = (mp.mpf(lo) + hi) / 2, (mp.mpf(hi) - lo) / 2
    scaled = [(x - mid) / half for x in grid]
    picks = sorted({round((1 - float(mp.cos(mp.pi * i / n))) / 2 * (len(grid) - 1)) for i in range(n + 1)})
    picks = [round(i * (len(grid) - 1) / n) for i in range(n + 1)] if len(picks) < n + 1 else picks
    for _ in range(40):
        matrix = mp.matrix(n + 1, n + 1)
        right = mp.matrix(n + 1, 1)
        for row, i in enumerate(picks):
            power = mp.mpf(1)
            for col in range(n):
                matrix[row, col] = power
                power *= scaled[i]
            matrix[row, n] = (-1) ** row / weights[i]
            right[row] = values[i]
        solution = mp.lu_solve(matrix, right)
        coefs, level = [solution[i] for i in range(n)], abs(solution[n])
        errors = [w * (v - horner(coefs, s)) for v, w, s in zip(values, weights, scaled, strict=True)]
        # One extremum per run of equal sign; then the best n + 1 neighbours in a row.
        runs = [0]
        for i in range(1, len(errors)):
            if (errors[i] > 0) != (errors[runs[-1]] > 0):
                runs.append(i)
            elif abs(errors[i]) > abs(errors[runs[-1]]):
                runs[-1] = i
        while len(runs) > n + 1:
            runs.pop(0 if abs(errors[runs[0]]) < abs(errors[runs[-1]]) else -1)
        worst = max(abs(e) for e in errors)
        if len(runs) < n + 1 or worst < level * mp.mpf("1.02"):
            break
        picks = runs
    return expand(coefs, mid, half), worst


def expand(coefs, mid, half):
    """Coefficients in x of a polynomial in (x - mid) / half."""
    out = [mp.mpf(0)]
    for c in reversed(coefs):
        shifted = [mp.mpf(0), *(o / half for o in out)]
        for i, o in enumerate(out):
            shifted[i] -= o * mid / half
        shifted[0] += c
        out = shifted
    return out[: len(coefs)]


def rational(f, lo, hi, n, weight, rounds=12, points=160):
    """Coefficients (p, q) of a ratio of two polynomials of n coefficients each, close to the best.

    Linearised least squares: weight (f q - p) / (q of the round before), its weights raised where the error is large
    (Lawson), over Chebyshev polynomials; the best round is kept.
    """
    mid, half = (mp.mpf(lo) + hi) / 2, (mp.mpf(hi) - lo) / 2
    grid = chebyshev_grid(lo, hi, points)
    values, weights = [f(x) for x in grid], [weight(x) for x in grid]
    basis = [[mp.chebyt(j, (x - mid) / half) for j in range(n)] for x in grid]
    denominator, lawson, best = [mp.mpf(1)] * points, [mp.mpf(1)] * points, None
    for turn in range(rounds):
        size = 2 * n - 1
        rows, right = [], []
        for b, v, w, d, share in zip(basis, values, weights, denominator, lawson, strict=True):
            scale = w / d * mp.sqrt(share)
            rows.append([scale * t for t in b] + [-scale * v * t for t in b[1:]])
            right.append(scale * v)
        normal = mp.matrix(size, size)
        for i in range(size):
            for j in range(i, size):
                normal[i, j] = normal[j, i] = mp.fsum(r[i] * r[j] for r in rows)
        side = mp.matrix([mp.fsum(r[i] * t for r, t in zip(rows, right, strict=True)) for i in range(size)])
        solution = mp.lu_solve(normal, side)
        p, q = [solution[i] for i in range(n)], [mp.mpf(1), *(solution[i] for i in range(n, size))]
        denominator = [mp.fdot(q, b) for b in basis]
        errors = [
            abs(w * (v - mp.fdot(p, b) / d)) for w, v, b, d in zip(weights, values, basis, denominator, strict=True)
        ]
        if best is None or max(errors) < best[0]:
            best = max(errors), p, q
        if turn >= 3:
            lawson = [share * (e / max(errors) + mp.mpf("1e-6")) for share, e in zip(lawson, errors, strict=True)]
            lawson = [share / max(lawson) for share in lawson]
    monomials = [expand(chebyshev_monomials(c), mid, half) for c in best[1:]]
    return [[c / monomials[1][0] for c in m] for m in monomials]


def chebyshev_monomials(coefs):
    """Monomial coefficients of a Chebyshev series."""
    old, new = [mp.mpf(1)], [mp.mpf(0), mp.mpf(1)]
    out = [coefs[0], *[mp.mpf(0)] * (len(coefs) - 1)]
    for c in coefs[1:]:
        for i, t in enumerate(new):
            out[i] += c * t
        old, new = new, [a - b for a, b in zip([mp.mpf(0), *(2 * t for t in new)], [*old, 0, 0], strict=True)]
    return out


def rounded(c, dtype):
    """c rounded to dtype, as an mpf."""
    return mp.mpf(float(dtype(float(c)) if dtype is np.float32 else float(c)))


def literal(c, suffix):
    """A C hexadecimal literal."""
    return float.hex(float(c)).replace("0000000p", "p") + ("f" if suffix == "f32" else "")


def power_text(n, suffix, lines):
    """A C expression for x^n; adds the squarings it needs to `lines`."""
    factors, name = [], "x"
    while n:
        if n & 1:
            factors.append(name)
        n >>= 1
        if n:
            square = f"x{2 * int(name[1:] or 1)}"
            lines.append(f"    {suffix} {square} = {name} * {name};")
            name = square
    return " * ".join(factors)


def function_text(name, suffix, coefs, comment, alternating=False):
    """An inline C function: Horner's rule in x^2 over pairs of terms, which halves the chain of dependent operations.

    Where the even and odd terms would cancel, it is the lower and the upper half of the terms instead.
    """
    fma = "FMAF" if suffix == "f32" else "FMA"

    def nested(cs, var):
        text = literal(cs[-1], suffix)
        for c in reversed(cs[:-1]):
            text = f"{fma}({text}, {var}, {literal(c, suffix)})"
        return text

    lines = [f"/* {comment} */", f"AD_INLINE {suffix} {name}_{suffix}({suffix} x)", "{"]
    n = len(coefs)
    if n <= 3:
        lines.append(f"    return {nested(coefs, 'x')};")
    elif alternating:
        lines += [
            f"    {suffix} low = {nested(coefs[: n // 2], 'x')};",
            f"    {suffix} high = {nested(coefs[n // 2 :], 'x')};",
            f"    return {fma}(high, {power_text(n // 2, suffix, lines)}, low);",
        ]
    else:
        pairs = [nested(coefs[k : k + 2], "x") for k in range(0, n, 2)]
        text = pairs.pop()
        while pairs:
            text = f"{fma}({text}, z, {pairs.pop()})"
        lines += [f"    {suffix} z = x * x;", f"    return {text};"]
    return "\n".join([*lines, "}", ""])


def series(numerator, order):
    """Make (f(x) - leading terms) / x^order safe at small x: more digits instead of a series."""

    def at(x):
        with mp.workdps(50 + 40 + 12 * order):
            x = mp.mpf(x) if x else mp.mpf(10) ** -30
            return numerator(x) / x**order

    return at


def odd_part(f, slope=1):
    """(f(t) - slope t) / t^3 as a function of z = t^2."""

    def at(z):
        with mp.workdps(120):
            t = mp.sqrt(mp.mpf(z)) if z else mp.mpf(10) ** -30
            return (f(t) - slope * t) / t**3

    return at


def even_part(f, order):
    """f(t) / t^order as a function of z = t^2 (f without its leading terms)."""

    def at(z):
        with mp.workdps(150):
            t = mp.sqrt(mp.mpf(z)) if z else mp.mpf(10) ** -20
            return f(t) / t**order

    return at


def erfc_ratio(t):
    """(x + 3) exp(x^2) erfc(x), where t = (x - 3)/(x + 3)."""
    x = 3 * (1 + t) / (1 - t)
    return (x + 3) * mp.exp(x * x) * mp.erfc(x)


def erfc_t(x):
    """The variable of `erfc_ratio`."""
    return (mp.mpf(x) - 3) / (mp.mpf(x) + 3)


ERFC_AT_3 = erfc_ratio(mp.mpf(0))


def gammaln_middle(x):
    """log(Gamma(x)) without its zeros at 1 and 2."""
    zeros = (x - 1) * (x - 2)
    return mp.loggamma(x) / zeros if abs(zeros) > mp.mpf(10) ** -15 else gammaln_middle(x + mp.mpf(10) ** -20)


def stirling(z):
    """x (log(Gamma(x)) - (x - 1/2) log(x) + x - log(2 pi)/2), z = 1/x^2."""
    x = 1 / mp.sqrt(z)
    return x * (mp.loggamma(x) - (x - mp.mpf("0.5")) * mp.log(x) + x - mp.log(2 * mp.pi) / 2)


DIGAMMA_ROOT = mp.findroot(mp.digamma, mp.mpf("1.4616"))


def digamma_middle(x):
    """digamma(x) without its zero."""
    x = x if abs(x - DIGAMMA_ROOT) > mp.mpf(10) ** -15 else x + mp.mpf(10) ** -15
    return mp.digamma(x) / (x - DIGAMMA_ROOT)


def digamma_far(z):
    """x^2 (log(x) - 1/(2 x) - digamma(x)), z = 1/x^2."""
    x = 1 / mp.sqrt(z)
    return (mp.log(x) - 1 / (2 * x) - mp.digamma(x)) / z


def trigamma_far(z):
    """x^3 (trigamma(x) - 1/x - 1/(2 x^2)), z = 1/x^2."""
    x = 1 / mp.sqrt(z)
    return (mp.psi(1, x) - 1 / x - z / 2) * x**3


LN2 = mp.log(2)
HALF_LN2 = LN2 / 2 * mp.mpf("1.0005")
QUARTER_PI = mp.pi / 4 * mp.mpf("1.0005")
S_MAX = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) * mp.mpf("1.0005")

# name, what it is, function, interval, weight, number of coefficients for float64 and for float32 (0: not needed)
FITS = [
    (
        "exp_q",
        "exp(x) = 1 + x + x^2 q(x), |x| <= ln(2)/2",
        series(lambda x: mp.expm1(x) - x, 2),
        (-HALF_LN2, HALF_LN2),
        abs,
        10,
        5,
    ),
    (
        "exp2_q",
        "2^x = 1 + x ln 2 + x^2 q(x), |x| <= 1/2",
        series(lambda x: mp.expm1(x * LN2) - x * LN2, 2),
        (mp.mpf("-0.5"), mp.mpf("0.5")),
        abs,
        10,
        5,
    ),
    ("sinh_p", "sinh(x) = x + x^3 p(x^2), |x| <= ln(2)/2", odd_part(mp.sinh), (0, HALF_LN2**2), lambda z: z, 5, 2),
    (
        "cosh_p",
        "cosh(x) = 1 + x^2 (1/2 + x^2 p(x^2)), |x| <= ln(2)/2",
        even_part(lambda t: mp.cosh(t) - 1 - t * t / 2, 4),
        (0, HALF_LN2**2),
        lambda z: z * z,
        5,
        2,
    ),
    (
        "tanh_p",
        "tanh(x) = x + x^3 p(x^2), |x| <= 0.1802",
        odd_part(mp.tanh),
        (0, mp.mpf("0.1802") ** 2),
        lambda z: z,
        6,
        3,
    ),
    (
        "log_p",
        "log((1 + s)/(1 - s)) = s (2 + s^2 p(s^2)), |s| <= (sqrt(2) - 1)/(sqrt(2) + 1)",
        odd_part(lambda s: 2 * mp.atanh(s), 2),
        (0, S_MAX**2),
        lambda z: z,
        7,
        3,
    ),
    (
        "log1p_p",
        "as log_p, |s| <= 1/3",
        odd_part(lambda s: 2 * mp.atanh(s), 2),
        (0, mp.mpf("0.1112")),
        lambda z: z,
        12,
        5,
    ),
    (
        "log_g",
        "as log_p, less its first coefficient 2/3: p(z) = 2/3 + z g(z)",
        even_part(lambda s: 2 * mp.atanh(s) - 2 * s - 2 * s**3 / 3, 5),
        (0, S_MAX**2),
        lambda z: z * z,
        10,
        0,
    ),
    ("sin_p", "sin(x) = x + x^3 p(x^2), |x| <= pi/4", odd_part(mp.sin), (0, QUARTER_PI**2), lambda z: z, 6, 3),
    (
        "cos_p",
        "cos(x) = 1 - x^2/2 + x^4 p(x^2), |x| <= pi/4",
        even_part(lambda t: mp.cos(t) - 1 + t * t / 2, 4),
        (0, QUARTER_PI**2),
        lambda z: z * z,
        6,
        3,
    ),
    (
        "sinpi_p",
        "sin(pi x)/pi = x + x^3 p(x^2), |x| <= 1/2",
        odd_part(lambda t: mp.sin(mp.pi * t) / mp.pi),
        (0, mp.mpf("0.25")),
        lambda z: z,
        9,
        0,
    ),
    ("atan_p", "atan(x) = x + x^3 p(x^2), |x| <= 1", odd_part(mp.atan), (0, 1), lambda z: z, 20, 9),
    ("atan_p32", "atan_p to single precision, in double arithmetic", odd_part(mp.atan), (0, 1), lambda z: z, 9, 0),
    ("asin_p", "asin(x) = x + x^3 p(x^2), |x| <= 1/2", odd_part(mp.asin), (0, mp.mpf("0.25")), lambda z: z, 12, 5),
    ("erf_p", "erf(x) = x + x p(x^2), |x| <= 1", even_part(lambda t: mp.erf(t) - t, 1), (0, 1), lambda z: 1, 13, 7),
    (
        "erf_h",
        "erf(1 + x) = 1 - exp(-h(x)), 0 <= x <= 5",
        lambda x: -mp.log(mp.erfc(x + 1)),
        (0, mp.mpf("4.95")),
        lambda x: mp.erfc(x + 1),
        18,
        9,
    ),
    (
        "erfc_g",
        "(x + 3) exp(x^2) erfc(x) = g0 + t g(t), t = (x - 3)/(x + 3), 0.4 <= x <= 27.3",
        lambda t: (erfc_ratio(t) - ERFC_AT_3) / t if t else mp.diff(erfc_ratio, 0),
        (erfc_t("0.39"), erfc_t("27.3")),
        lambda t: t / erfc_ratio(t),
        21,
        0,
    ),
    (
        "erfc_g",
        "as above, 0.4 <= x <= 10.2",
        lambda t: (erfc_ratio(t) - ERFC_AT_3) / t if t else mp.diff(erfc_ratio, 0),
        (erfc_t("0.39"), erfc_t("10.2")),
        lambda t: t / erfc_ratio(t),
        0,
        10,
    ),
    (
        "erfc_d",
        "derivative of g0 + t g(t), to a few per cent",
        lambda t: mp.diff(erfc_ratio, t),
        (erfc_t("0.39"), erfc_t("27.3")),
        lambda t: 1,
        3,
        3,
    ),
    (
        "stirling_p",
        "log(Gamma(x)) = (x - 1/2) log(x) - x + log(2 pi)/2 + p(1/x^2)/x, x >= 5",
        stirling,
        (mp.mpf(10) ** -8, mp.mpf(1) / 25),
        lambda z: mp.sqrt(z) / mp.loggamma(1 / mp.sqrt(z)),
        7,
        0,
    ),
    (
        "digamma_p",
        "digamma(x) = log(x) - 1/(2 x) - p(1/x^2)/x^2, x >= 4",
        digamma_far,
        (mp.mpf(10) ** -8, mp.mpf(1) / 16),
        lambda z: z / mp.digamma(1 / mp.sqrt(z)),
        9,
        0,
    ),
    (
        "trigamma_p",
        "trigamma(x) = 1/x + 1/(2 x^2) + p(1/x^2)/x^3, x >= 5",
        trigamma_far,
        (mp.mpf(10) ** -8, mp.mpf(1) / 25),
        lambda z: z,
        9,
        0,
    ),
    (
        "cbrt_p",
        "x^(-1/3), 1 <= x <= 2 (a first approximation)",
        lambda x: x ** (mp.mpf(-1) / 3),
        (1, 2),
        lambda x: mp.cbrt(x),
        5,
        0,
    ),
]

# Functions c + num(x) / den(x), float64 only: name, what, function, interval, c, number of coefficients of each.
# The constant, near the middle of the values, leaves less to the ratio and so to its rounding.
RATIOS = [
    (
        "gammaln_r",
        "log(Gamma(x)) / ((x - 1) (x - 2)) - 0.4375, 0.7 <= x <= 5",
        gammaln_middle,
        ("0.7", "5"),
        0.4375,
        10,
    ),
    ("digamma_r", "digamma(x) / (x - its root) - 0.75, 1 <= x <= 4", digamma_middle, ("1", "4"), 0.75, 8),
    ("trigamma_r", "trigamma(x) - 0.25, 1 <= x <= 5", lambda x: mp.psi(1, x), ("1", "5"), 0.25, 8),
]


def main():
    """Write coefficients.h beside this file; with names as arguments, only report those fits."""
    wanted = sys.argv[1:]
    out = [
        "/* Written by fit_coefficients.py: do not edit. */",
        "#ifndef SCIRS_AD_COEFFICIENTS_H\n#define SCIRS_AD_COEFFICIENTS_H\n",
        '#include "base.h"\n',
    ]
    for name, what, f, (lo, hi), weight, *counts in FITS:
        if wanted and name not in wanted:
            continue
        for suffix, dtype, n in (("f64", np.float64, counts[0]), ("f32", np.float32, counts[1])):
            if not n:
                continue
            coefs, _ = remez(f, lo, hi, n, weight)
            coefs = [rounded(c, dtype) for c in coefs]
            error = max(abs(weight(x) * (f(x) - horner(coefs, x))) for x in chebyshev_grid(lo, hi, 301))
            note = f"{what}; error 2^{float(mp.log(error, 2)):.1f}"
            out.append(function_text(name, suffix, coefs, note, alternating=name.startswith(("atan", "erfc_g"))))
            print(f"{name}_{suffix}: {n} coefficients, error 2^{float(mp.log(error, 2)):.1f}")
    for name, what, f, (lo, hi), c, n in RATIOS:
        if wanted and name not in wanted:
            continue
        lo, hi = mp.mpf(lo), mp.mpf(hi)
        p, q = (
            [rounded(c, np.float64) for c in cs]
            for cs in rational(lambda x, f=f, c=c: f(x) - c, lo, hi, n, lambda x, f=f: 1 / f(x))
        )
        error = max(abs(1 - (c + horner(p, x) / horner(q, x)) / f(x)) for x in chebyshev_grid(lo, hi, 301))
        note = f"{what}: {{}}; error 2^{float(mp.log(error, 2)):.1f}"
        out.append(function_text(name + "_num", "f64", p, note.format("numerator")))
        out.append(function_text(name + "_den", "f64", q, note.format("denominator")))
        print(f"{name}: {n}/{n} coefficients, error 2^{float(mp.log(error, 2)):.1f}")
    if not wanted:
        out.append("#endif")
        Path(__file__).with_name("coefficients.h").write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
