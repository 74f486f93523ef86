"""Hypergeometric functions, orthogonal polynomials, Legendre, parabolic cylinder, Mathieu and spheroidal functions.

Formulas: DLMF chapters 12 to 15, 18, 28 and 30. In their argument most of these satisfy a differential equation of
second order, so that a pair (value, slope) has a derivative in closed form.
"""

import math

import numpy as np

from scirs_ad._core.define import sample
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops.special_base import INTEGER, PAGES, RADII, at, numeric, outputs, page, slope, sp, terms
from scirs_ad._ops.special_gamma import to_pole

# ------------------------------------------------------------------------------------------------ hypergeometric


def _lower(k):
    """A denominator parameter: the function has poles at 0, -1 ..."""
    return numeric(lambda *args: np.minimum(0.5, 0.45 * to_pole(args[k])))


UPPER = numeric(0.5)  # entire
hyp0f1 = page(
    "hyp0f1",
    "v z",
    "Confluent hypergeometric limit function 0F1.",
    [_lower(0), lambda v, z: hyp0f1(v + 1.0, z) / v],
    at((0.6, 3), (0.3, 2), z=True),
)
hyp1f1 = page(
    "hyp1f1",
    "a b z",
    "Confluent hypergeometric function 1F1.",
    [UPPER, _lower(1), lambda a, b, z: a * hyp1f1(a + 1.0, b + 1.0, z) / b],
    at((0.6, 3), (0.6, 3), (-2, 2), z=True),
)
hyperu = page(
    "hyperu",
    "a b x",
    "Confluent hypergeometric function U.",
    [numeric(0.25), numeric(0.25), lambda a, b, x: -a * hyperu(a + 1.0, b + 1.0, x)],
    at((0.6, 2), (0.6, 2), (0.5, 3)),
)
hyp2f1 = page(
    "hyp2f1",
    "a b c z",
    "Gauss hypergeometric function 2F1.",
    [UPPER, UPPER, _lower(2), lambda a, b, c, z: a * b * hyp2f1(a + 1.0, b + 1.0, c + 1.0, z) / c],
    at((0.6, 2), (0.6, 2), (0.7, 3), (-0.8, 0.7), z=True),
)
wright_bessel = page(
    "wright_bessel",
    "a b x",
    "Wright's generalized Bessel function.",
    [
        numeric(lambda a, b, x: np.minimum(0.5, 0.45 * a)),
        numeric(lambda a, b, x: np.minimum(0.5, 0.45 * b)),
        lambda a, b, x: wright_bessel(a, a + b, x),
    ],
    at((0.4, 2), (0.4, 2), (0.3, 3)),
)
log_wright_bessel = page(
    "log_wright_bessel",
    "a b x",
    "Logarithm of Wright's generalized Bessel function.",
    [
        lambda out, a, b, x: slope("wright_bessel", 0, a, b, x) * ew.exp(-out),
        lambda out, a, b, x: slope("wright_bessel", 1, a, b, x) * ew.exp(-out),
        lambda out, a, b, x: ew.exp(log_wright_bessel(a, a + b, x) - out),
    ],
    at((0.4, 2), (0.4, 2), (0.3, 3)),
)

# ------------------------------------------------------------------------------------------------ polynomials
DEGREE = "it is the degree"
_NX = at([0, 1, 2, 5], (-0.9, 0.9), z=True, also=[(3, 1.0), (3, -1.0)])


def _of_lower_degree(factor, polynomial):
    """factor * polynomial(n - 1), 0 for degree 0."""

    def derivative(n, x, *rest):
        return ew.where(ew.less(n, 1), 0.0, factor(n) * polynomial(ew.maximum(n - 1, 0), x))

    return derivative


def _jacobi_x(n, alpha, beta, x):
    return ew.where(
        ew.less(n, 1),
        0.0,
        0.5 * (n + alpha + beta + 1.0) * eval_jacobi(ew.maximum(n - 1, 0), alpha + 1.0, beta + 1.0, x),
    )


eval_jacobi = page(
    "eval_jacobi",
    "n alpha beta x",
    "Jacobi polynomial.",
    [DEGREE, UPPER, UPPER, _jacobi_x],
    at([0, 1, 2, 5], (0.1, 2), (0.1, 2), (-0.9, 0.9), z=True),
)
eval_sh_jacobi = page(
    "eval_sh_jacobi",
    "n p q x",
    "Shifted Jacobi polynomial.",
    [
        DEGREE,
        numeric(0.25),
        numeric(0.25),
        lambda n, p, q, x: ew.where(ew.less(n, 1), 0.0, n * eval_sh_jacobi(ew.maximum(n - 1, 0), p + 2.0, q + 1.0, x)),
    ],
    at([0, 1, 2, 5], (2, 4), (0.7, 2), (0.1, 0.9), z=True),
)
eval_gegenbauer = page(
    "eval_gegenbauer",
    "n alpha x",
    "Gegenbauer polynomial.",
    [
        DEGREE,
        UPPER,
        lambda n, alpha, x: ew.where(
            ew.less(n, 1), 0.0, 2.0 * alpha * eval_gegenbauer(ew.maximum(n - 1, 0), alpha + 1.0, x)
        ),
    ],
    at([0, 1, 2, 5], (0.7, 2), (-0.9, 0.9), z=True),
)
eval_genlaguerre = page(
    "eval_genlaguerre",
    "n alpha x",
    "Generalized Laguerre polynomial.",
    [
        DEGREE,
        numeric(0.4),
        lambda n, alpha, x: ew.where(ew.less(n, 1), 0.0, -eval_genlaguerre(ew.maximum(n - 1, 0), alpha + 1.0, x)),
    ],
    at([0, 1, 2, 5], (0.1, 2), (0.1, 3), z=True),
)
eval_legendre = page(
    "eval_legendre",
    "n x",
    "Legendre polynomial.",
    [DEGREE, _of_lower_degree(lambda n: 1.0, lambda n, x: eval_gegenbauer(n, 1.5, x))],
    _NX,
)
eval_chebyt = page(
    "eval_chebyt",
    "n x",
    "Chebyshev polynomial of the first kind.",
    [DEGREE, _of_lower_degree(lambda n: n, lambda n, x: eval_chebyu(n, x))],
    _NX,
)
eval_chebyu = page(
    "eval_chebyu",
    "n x",
    "Chebyshev polynomial of the second kind.",
    [DEGREE, _of_lower_degree(lambda n: 2.0, lambda n, x: eval_gegenbauer(n, 2.0, x))],
    _NX,
)
eval_chebyc = page(
    "eval_chebyc",
    "n x",
    "Chebyshev polynomial of the first kind on [-2, 2].",
    [DEGREE, _of_lower_degree(lambda n: n, lambda n, x: eval_chebyu(n, 0.5 * x))],
    _NX,
)
eval_chebys = page(
    "eval_chebys",
    "n x",
    "Chebyshev polynomial of the second kind on [-2, 2].",
    [DEGREE, _of_lower_degree(lambda n: 1.0, lambda n, x: eval_gegenbauer(n, 2.0, 0.5 * x))],
    _NX,
)
eval_laguerre = page(
    "eval_laguerre",
    "n x",
    "Laguerre polynomial.",
    [DEGREE, _of_lower_degree(lambda n: -1.0, lambda n, x: eval_genlaguerre(n, 1.0, x))],
    _NX,
)
eval_hermite = page(
    "eval_hermite",
    "n x",
    "Physicists' Hermite polynomial.",
    [DEGREE, _of_lower_degree(lambda n: 2 * n, lambda n, x: eval_hermite(n, x))],
    at([0, 1, 2, 5], (-2, 2), single=False),
)
eval_hermitenorm = page(
    "eval_hermitenorm",
    "n x",
    "Probabilists' Hermite polynomial.",
    [DEGREE, _of_lower_degree(lambda n: n, lambda n, x: eval_hermitenorm(n, x))],
    at([0, 1, 2, 5], (-2, 2), single=False),
)
_SHIFTED = at([0, 1, 2, 5], (0.1, 0.9), z=True)
eval_sh_legendre = page(
    "eval_sh_legendre",
    "n x",
    "Legendre polynomial on [0, 1].",
    [DEGREE, _of_lower_degree(lambda n: 2.0, lambda n, x: eval_gegenbauer(n, 1.5, 2.0 * x - 1.0))],
    _SHIFTED,
)
eval_sh_chebyt = page(
    "eval_sh_chebyt",
    "n x",
    "Chebyshev polynomial of the first kind on [0, 1].",
    [DEGREE, _of_lower_degree(lambda n: 2 * n, lambda n, x: eval_chebyu(n, 2.0 * x - 1.0))],
    _SHIFTED,
)
eval_sh_chebyu = page(
    "eval_sh_chebyu",
    "n x",
    "Chebyshev polynomial of the second kind on [0, 1].",
    [DEGREE, _of_lower_degree(lambda n: 4.0, lambda n, x: eval_gegenbauer(n, 2.0, 2.0 * x - 1.0))],
    _SHIFTED,
)


def _lpmv_x(m, v, x):
    """((v + m) P_(v-1) - v x P_v) / (1 - x**2)."""
    return ((v + m) * lpmv(m, v - 1.0, x) - v * x * lpmv(m, v, x)) / ((1.0 - x) * (1.0 + x))


lpmv = page(
    "lpmv",
    "m v x",
    "Associated Legendre function of integer order and real degree.",
    [INTEGER, numeric(0.3), _lpmv_x],
    at([0, 1, 2], (2.2, 4.4), (-0.8, 0.8)),
)


# ------------------------------------------------------------------------------------------------ spherical harmonics
def _harmonic_theta(n, m, theta, phi):
    """Half the difference of the neighbours in m, which is regular at the poles of the sphere."""
    up = ew.sqrt(ew.maximum((n - m) * (n + m + 1.0), 0.0)) * sph_harm_y(n, m + 1, theta, phi) * ew.exp(-1j * phi)
    down = ew.sqrt(ew.maximum((n + m) * (n - m + 1.0), 0.0)) * sph_harm_y(n, m - 1, theta, phi) * ew.exp(1j * phi)
    return 0.5 * (up - down)


def _harmonic(n, m, theta, phi):
    """The harmonic; 0 for |m| > n, which the recurrences reach."""
    beyond = np.abs(m) > n
    found = sp.sph_harm_y(n, np.where(beyond, 0, m), theta, phi)
    return np.where(beyond, found.dtype.type(0), found)


sph_harm_y = page(
    "sph_harm_y",
    "n m theta phi",
    "Spherical harmonic; complex.",
    [INTEGER, INTEGER, _harmonic_theta, lambda out, m: 1j * m * out],
    at([2, 3, 4], [-2, -1, 0, 1, 2], (0.2, 3), (0, 6), also=[(3, 2, 0.0, 1.0), (3, 3, 1.0, 1.0)]),
    body=_harmonic,
)


# ------------------------------------------------------------------------------------------------ pairs
def _pair(name, arguments, summary, second, samples, refused, scale=1.0, interpolated=None):
    """A pair (value, slope) in its last argument x; ``second(value, slope, *args)`` is the second derivative."""
    interpolated = interpolated or {}
    for k, radius in interpolated.items():
        RADII[name, k] = RADII[f"{name}:1", k] = radius

    def tangent(t, out, *args):
        y, dy = out
        first = [(t[k], lambda k=k: slope(name, k, *args)) for k in interpolated]
        other = [(t[k], lambda k=k: slope(f"{name}:1", k, *args)) for k in interpolated]
        return (
            terms((t[-1], lambda: dy * scale), *first),
            terms((t[-1], lambda: second(y, dy, *args) * scale), *other),
        )

    return outputs(name, arguments, 2, summary, tangent, samples, refused=refused)


_CYLINDER = {0: lambda v, x: 0.5}
pbdv = _pair(
    "pbdv",
    "v x",
    "Parabolic cylinder function D and its derivative.",
    lambda y, dy, v, x: (0.25 * ew.square(x) - v - 0.5) * y,
    at((0.3, 2), (0.3, 2)),
    None,
    interpolated=_CYLINDER,
)
pbvv = _pair(
    "pbvv",
    "v x",
    "Parabolic cylinder function V and its derivative.",
    lambda y, dy, v, x: (0.25 * ew.square(x) - v - 0.5) * y,
    at((0.3, 2), (0.3, 2)),
    None,
    interpolated=_CYLINDER,
)
pbwa = _pair(
    "pbwa",
    "a x",
    "Parabolic cylinder function W and its derivative.",
    lambda y, dy, a, x: (a - 0.25 * ew.square(x)) * y,
    at((0.3, 2), (0.3, 2)),
    None,
    interpolated=_CYLINDER,
)

_q_radius = 0.4
mathieu_a = page(
    "mathieu_a",
    "m q",
    "Characteristic value of even Mathieu functions.",
    [INTEGER, numeric(_q_radius)],
    at([0, 1, 2, 4], (0.5, 5)),
)
mathieu_b = page(
    "mathieu_b",
    "m q",
    "Characteristic value of odd Mathieu functions.",
    [INTEGER, numeric(_q_radius)],
    at([1, 2, 4], (0.5, 5)),
)
_RADIAN = math.pi / 180.0


def _mathieu(name, summary, characteristic, modified):
    def second(y, dy, m, q, x):
        a = PAGES[characteristic](m, q)
        if modified:
            return (a - 2.0 * q * ew.cosh(2.0 * x)) * y
        return (2.0 * q * ew.cos((2.0 * _RADIAN) * x) - a) * y

    interpolated = {1: lambda m, q, x: _q_radius}
    span = (0.2, 1.2) if modified else (5, 80)
    return _pair(
        name,
        "m q x",
        summary,
        second,
        at([1, 2, 4], (0.8, 4), span),
        {"m": INTEGER},
        1.0 if modified else _RADIAN,
        interpolated,
    )


mathieu_cem = _mathieu(
    "mathieu_cem", "Even Mathieu function (angle in degrees) and its derivative.", "mathieu_a", False
)
mathieu_sem = _mathieu("mathieu_sem", "Odd Mathieu function (angle in degrees) and its derivative.", "mathieu_b", False)
mathieu_modcem1 = _mathieu(
    "mathieu_modcem1", "Even modified Mathieu function of the first kind and its derivative.", "mathieu_a", True
)
mathieu_modcem2 = _mathieu(
    "mathieu_modcem2", "Even modified Mathieu function of the second kind and its derivative.", "mathieu_a", True
)
mathieu_modsem1 = _mathieu(
    "mathieu_modsem1", "Odd modified Mathieu function of the first kind and its derivative.", "mathieu_b", True
)
mathieu_modsem2 = _mathieu(
    "mathieu_modsem2", "Odd modified Mathieu function of the second kind and its derivative.", "mathieu_b", True
)

# ------------------------------------------------------------------------------------------------ spheroidal
_c_radius = numeric(lambda m, n, c: np.minimum(0.4, 0.45 * c))
pro_cv = page(
    "pro_cv",
    "m n c",
    "Characteristic value of prolate spheroidal functions.",
    [INTEGER, INTEGER, _c_radius],
    at([0, 1], [1, 2, 3], (0.5, 3)),
)
obl_cv = page(
    "obl_cv",
    "m n c",
    "Characteristic value of oblate spheroidal functions.",
    [INTEGER, INTEGER, _c_radius],
    at([0, 1], [1, 2, 3], (0.5, 3)),
)
_GIVEN = "the function is defined only where the characteristic value is that of m, n and c"


def _spheroidal(name, summary, oblate, angular, given):
    def second(y, dy, m, n, c, *rest):
        x = rest[-1]
        cv = rest[0] if given else (obl_cv if oblate else pro_cv)(m, n, c)
        cx2 = ew.square(c * x)
        if angular:
            w = (1.0 - x) * (1.0 + x)
            q = cv - m * m / w + (cx2 if oblate else -cx2)
            return (2.0 * x * dy - q * y) / w
        if oblate:
            w = 1.0 + ew.square(x)
            q = cv - cx2 - m * m / w
        else:
            w = (x - 1.0) * (x + 1.0)
            q = cv - cx2 + m * m / w
        return (q * y - 2.0 * x * dy) / w

    refused = {"m": INTEGER, "n": INTEGER}
    if "rad2" in name:
        refused["x"] = "SciPy's values do not satisfy the differential equation closely enough"
    span = (0.1, 0.8) if angular else (0.2, 2) if oblate else (1.2, 3)
    if given:
        refused |= {"c": _GIVEN, "cv": _GIVEN}
        samples = at([0, 1], [1, 2, 3], (1, 1), (1, 1), span)
        cv = obl_cv if oblate else pro_cv

        def samples(rng):
            for m, n in [(0, 1), (1, 2), (1, 3)]:
                c = np.asarray(rng.uniform(0.5, 3))
                yield sample(
                    m, n, c, np.asarray(cv(m, n, c)), rng.uniform(*span, 3), wrt=() if "rad2" in name else (4,)
                )

        return _pair(name, "m n c cv x", summary, second, samples, refused)
    return _pair(
        name,
        "m n c x",
        summary,
        second,
        at([0, 1], [1, 2, 3], (0.5, 3), span, wrt=(2,) if "rad2" in name else None),
        refused,
        interpolated={2: lambda m, n, c, x: np.minimum(0.4, 0.45 * c)},
    )


for _family, _oblate in (("pro", False), ("obl", True)):
    _kind = "Oblate" if _oblate else "Prolate"
    for _part, _angular in (("ang1", True), ("rad1", False), ("rad2", False)):
        _what = (
            f"{_kind} spheroidal {'angular' if _angular else 'radial'} function of the "
            + ("second" if _part == "rad2" else "first")
            + " kind and its derivative"
        )
        _spheroidal(f"{_family}_{_part}", f"{_what}.", _oblate, _angular, False)
        _spheroidal(f"{_family}_{_part}_cv", f"{_what}, from the characteristic value.", _oblate, _angular, True)
