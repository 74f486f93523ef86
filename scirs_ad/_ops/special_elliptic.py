"""Elliptic integrals and functions. Formulas: DLMF chapter 19 (Carlson's symmetric forms) and 22."""

import math

import numpy as np

from scirs_ad._core.core import dtype_of
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops.special_base import at, numeric, outputs, page, terms

elliprd = page(
    "elliprd",
    "x y z",
    "Symmetric elliptic integral of the second kind.",
    [
        numeric(lambda x, y, z: 0.4 * np.abs(x)),
        numeric(lambda x, y, z: 0.4 * np.abs(y)),
        numeric(lambda x, y, z: 0.4 * np.abs(z)),
    ],
    at((0.4, 2), (0.4, 2), (0.4, 2), z=True),
)
elliprf = page(
    "elliprf",
    "x y z",
    "Completely symmetric elliptic integral of the first kind.",
    [
        lambda x, y, z: elliprd(y, z, x) / -6.0,
        lambda x, y, z: elliprd(z, x, y) / -6.0,
        lambda x, y, z: elliprd(x, y, z) / -6.0,
    ],
    at((0.4, 2), (0.4, 2), (0.4, 2), z=True),
)


def _elliprc_x(out, x, y):
    """-elliprd(y, y, x) / 6; for negative y, a principal value, (RC - 1 / sqrt(x)) / (2 (y - x))."""
    if dtype_of(x).kind == "c" or dtype_of(y).kind == "c":
        return elliprd(y, y, x) / -6.0
    low = ew.less(y, 0.0)
    up = ew.where(low, 1.0, y)
    return ew.where(low, (out - 1.0 / ew.sqrt(x)) / (2.0 * (ew.where(low, y, -1.0) - x)), elliprd(up, up, x) / -6.0)


def _elliprc_y(out, x, y):
    if dtype_of(x).kind == "c" or dtype_of(y).kind == "c":
        return elliprd(x, y, y) / -3.0
    low = ew.less(y, 0.0)
    up, down = ew.where(low, 1.0, y), ew.where(low, y, -1.0)
    return ew.where(low, (out - ew.sqrt(x) / down) / (2.0 * (x - down)), elliprd(x, up, up) / -3.0)


elliprc = page(
    "elliprc",
    "x y",
    "Degenerate symmetric elliptic integral RF(x, y, y).",
    [_elliprc_x, _elliprc_y],
    at((0.4, 2), (0.4, 2), z=True, also=[(1.5, -0.7), (1.0, 1.0)]),
)
elliprg = page(
    "elliprg",
    "x y z",
    "Completely symmetric elliptic integral of the second kind.",
    [
        numeric(lambda x, y, z: 0.4 * np.abs(x)),
        numeric(lambda x, y, z: 0.4 * np.abs(y)),
        numeric(lambda x, y, z: 0.4 * np.abs(z)),
    ],
    at((0.4, 2), (0.4, 2), (0.4, 2), z=True),
)
elliprj = page(
    "elliprj",
    "x y z p",
    "Symmetric elliptic integral of the third kind.",
    [
        numeric(lambda x, y, z, p: 0.4 * np.abs(x)),
        numeric(lambda x, y, z, p: 0.4 * np.abs(y)),
        numeric(lambda x, y, z, p: 0.4 * np.abs(z)),
        numeric(lambda x, y, z, p: 0.4 * np.abs(p)),
    ],
    at((0.4, 2), (0.4, 2), (0.4, 2), (0.4, 2)),
)

# K' = int sin**2 / (2 Delta**3) = RD(0, 1, 1 - m) / 6 and E' = -int sin**2 / (2 Delta) = -RD(0, 1 - m, 1) / 6:
# unlike (E - (1 - m) K) / (2 m (1 - m)) these do not cancel near m = 0.
ellipk = page(
    "ellipk",
    "m",
    "Complete elliptic integral of the first kind.",
    [lambda m: elliprd(0.0, 1.0, 1.0 - m) / 6.0],
    at((-2, 0.9), also=[(0.0,)]),
)
ellipkm1 = page(
    "ellipkm1",
    "p",
    "Complete elliptic integral of the first kind around m = 1: ellipk(1 - p).",
    [lambda p: elliprd(0.0, 1.0, p) / -6.0],
    at((0.1, 2), also=[(1e-12,)]),
)
ellipe = page(
    "ellipe",
    "m",
    "Complete elliptic integral of the second kind.",
    [lambda m: elliprd(0.0, 1.0 - m, 1.0) / -6.0],
    at((-2, 0.9), also=[(0.0,)]),
)


def _delta2(phi, m):
    return 1.0 - m * ew.square(ew.sin(phi))


def _sin2_integral(phi, m, cubed):
    """Integral of sin**2 / Delta, or of sin**2 / Delta**3, from 0 to phi.

    sin(r)**3 / 3 RD(cos(r)**2, Delta**2, 1), or with the last two arguments exchanged; over every half period phi - r
    the complete integral twice.
    """
    turns = ew.rint(phi / math.pi)
    r = phi - math.pi * turns
    s, c2, d2 = ew.sin(r), ew.square(ew.cos(r)), _delta2(phi, m)
    part = s * ew.square(s) * (elliprd(c2, 1.0, d2) if cubed else elliprd(c2, d2, 1.0)) / 3.0
    # without a whole turn the complete integral is not asked for: at m = 1 it is infinite
    none = ew.equal(turns, 0.0)
    k = ew.where(none, 0.0, m)
    whole = elliprd(0.0, 1.0, 1.0 - k) if cubed else elliprd(0.0, 1.0 - k, 1.0)
    return part + ew.where(none, 0.0, turns * whole * (2.0 / 3.0))


ellipkinc = page(
    "ellipkinc",
    "phi m",
    "Incomplete elliptic integral of the first kind.",
    [lambda phi, m: 1.0 / ew.sqrt(_delta2(phi, m)), lambda phi, m: 0.5 * _sin2_integral(phi, m, True)],
    at((-1.4, 1.4), (-1, 0.9), also=[(4.0, 0.3), (0.7, 0.0)]),
)
ellipeinc = page(
    "ellipeinc",
    "phi m",
    "Incomplete elliptic integral of the second kind.",
    [lambda phi, m: ew.sqrt(_delta2(phi, m)), lambda phi, m: -0.5 * _sin2_integral(phi, m, False)],
    at((-1.4, 1.4), (-1, 0.9), also=[(4.0, 0.3), (0.7, 0.0)]),
)


def _ellipj(t, out, u, m):
    """u = F(ph, m): d ph = dn (du - F_m dm); sn = sin ph, cn = cos ph, dn**2 = 1 - m sn**2."""
    sn, cn, dn, ph = out
    by_m = None
    if t[1] is not None:
        by_m = dn * _sin2_integral(ph, m, True) * -0.5
    turn = terms((t[0], dn), (t[1], by_m))
    dn_t = terms((turn, lambda: -(m * sn * cn / dn)), (t[1], lambda: -0.5 * ew.square(sn) / dn))
    return terms((turn, cn)), terms((turn, lambda: -sn)), dn_t, turn


ellipj = outputs(
    "ellipj", "u m", 4, "Jacobi's elliptic functions sn, cn, dn and the amplitude.", _ellipj, at((-2, 2), (0.1, 0.9))
)


def _agm_a(out, a, b):
    """1 / agm(a, b) = 2 / pi RF(0, a**2, b**2)."""
    return (2.0 / (3.0 * math.pi)) * ew.square(out) * ew.abs(a) * elliprd(0.0, ew.square(b), ew.square(a))


agm = page(
    "agm",
    "a b",
    "Arithmetic-geometric mean.",
    [_agm_a, lambda out, a, b: _agm_a(out, b, a)],
    at((0.4, 3), (0.4, 3), also=[(1.0, 1.0), (-1.0, -2.5)]),
)
