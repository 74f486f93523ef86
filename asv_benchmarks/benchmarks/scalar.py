"""Scalar code: functions that index and loop over small vectors, alone and mapped over many residuals.

The functions take the namespace of their arrays, so that `scalar_peers.py` runs the same text on other libraries.
"""

import numpy as np

import scirs_ad as ad

RESIDUALS = 10_000


def residual(xp, camera, point, seen):
    """A point in the picture of a camera: Rodrigues' rotation, translation, focal length, two radial terms."""
    w = camera
    angle = xp.sqrt(w[0] * w[0] + w[1] * w[1] + w[2] * w[2])
    c, s = xp.cos(angle), xp.sin(angle)
    k = [w[i] / angle for i in range(3)]
    x = [point[i] for i in range(3)]
    dot = (k[0] * x[0] + k[1] * x[1] + k[2] * x[2]) * (1.0 - c)
    cross = [k[1] * x[2] - k[2] * x[1], k[2] * x[0] - k[0] * x[2], k[0] * x[1] - k[1] * x[0]]
    p = [x[i] * c + cross[i] * s + k[i] * dot + camera[3 + i] for i in range(3)]
    u, v = -p[0] / p[2], -p[1] / p[2]
    r = u * u + v * v
    scale = camera[6] * (1.0 + camera[7] * r + camera[8] * r * r)
    return xp.stack([scale * u - seen[0], scale * v - seen[1]])


def squares(xp, camera, point, seen):
    r = residual(xp, camera, point, seen)
    return r[0] * r[0] + r[1] * r[1]


def determinant(xp, a):
    """By minors of the first row."""

    def minor(row, columns):
        if len(columns) == 1:
            return a[row, columns[0]]
        total, sign = 0.0, 1.0
        for k, c in enumerate(columns):
            total = total + sign * a[row, c] * minor(row + 1, columns[:k] + columns[k + 1 :])
            sign = -sign
        return total

    return minor(0, tuple(range(a.shape[0])))


def turns(xp, angles):
    """A chain of rotations as quaternions, about the three axes in turn."""
    q = [1.0, 0.0, 0.0, 0.0]
    for i in range(angles.shape[0]):
        c, s = xp.cos(0.5 * angles[i]), xp.sin(0.5 * angles[i])
        p = [c, 0.0, 0.0, 0.0]
        p[1 + i % 3] = s
        q = [
            q[0] * p[0] - q[1] * p[1] - q[2] * p[2] - q[3] * p[3],
            q[0] * p[1] + q[1] * p[0] + q[2] * p[3] - q[3] * p[2],
            q[0] * p[2] - q[1] * p[3] + q[2] * p[0] + q[3] * p[1],
            q[0] * p[3] + q[1] * p[2] - q[2] * p[1] + q[3] * p[0],
        ]
    return q[1] * q[1] + 2.0 * q[2] * q[2] + q[3] * q[0]


def bodies(xp, y):
    """Right-hand side of three bodies in space."""
    out = [y[9 + k] for k in range(9)]
    for i in range(3):
        total = [0.0] * 3
        for j in range(3):
            if i != j:
                d = [y[3 * j + k] - y[3 * i + k] for k in range(3)]
                r = d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
                total = [t + (j + 1.0) * e / (r * xp.sqrt(r)) for t, e in zip(total, d, strict=True)]
        out += total
    return xp.stack(out)


def predators(xp, y):
    """Lotka and Volterra's right-hand side."""
    return xp.stack([1.1 * y[0] - 0.4 * y[0] * y[1], 0.1 * y[0] * y[1] - 0.4 * y[1]])


# Name: (function, shapes of its arguments, how many are differentiated, what is computed).
CASES = {
    "residual": (residual, ((9,), (3,), (2,)), 2, "value"),
    "residual, value and gradient": (squares, ((9,), (3,), (2,)), 2, "both"),
    "residual, Jacobian": (residual, ((9,), (3,), (2,)), 2, "jacobian"),
    "determinant 6 x 6": (determinant, ((6, 6),), 1, "value"),
    "determinant 6 x 6, gradient": (determinant, ((6, 6),), 1, "gradient"),
    "50 rotations, gradient": (turns, ((50,),), 1, "gradient"),
    "3 bodies": (bodies, ((18,),), 1, "value"),
    "3 bodies, Jacobian": (bodies, ((18,),), 1, "jacobian"),
    "Lotka-Volterra, Jacobian": (predators, ((2,),), 1, "jacobian"),
}
MAPPED = ("residual, value and gradient", "residual, Jacobian")


def transformed(name):
    """What a case computes, as a function of its arguments."""
    f, _, moving, kind = CASES[name]

    def plain(*args):
        return f(np, *args)

    argnums = tuple(range(moving)) if moving > 1 else 0
    if kind == "value":
        return plain
    transform = {"both": ad.value_and_grad, "gradient": ad.grad, "jacobian": ad.jacobian}[kind]
    return transform(plain, argnums=argnums)


def arguments(name, *lead):
    rng = np.random.default_rng(0)
    found = [rng.standard_normal((*lead, *shape)) for shape in CASES[name][1]]
    if CASES[name][0] in (residual, squares):
        found[1][..., 2] += 9.0  # in front of the camera
    return found


class Alone:
    """One call."""

    params = list(CASES)

    def setup(self, name):
        self.args = arguments(name)
        self.f = ad.compile(transformed(name))
        self.f(*self.args)

    def time_call(self, name):
        self.f(*self.args)


class Mapped:
    """Ten thousand residuals."""

    params = list(MAPPED)

    def setup(self, name):
        self.args = arguments(name, RESIDUALS)
        self.f = ad.compile(ad.vmap(transformed(name)))
        self.f(*self.args)

    def time_call(self, name):
        self.f(*self.args)


class Compiling:
    """The first call: tracing thousands of nodes, and the program."""

    params = list(CASES)

    def setup(self, name):
        self.args = arguments(name)

    def time_first_call(self, name):
        ad.compile(transformed(name))(*self.args)
