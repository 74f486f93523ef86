"""The models of all 27 NIST StRD nonlinear regression problems in plain NumPy, and a reader of their files."""

import dataclasses
import re

import numpy as np

from scirs_ad._data import nist


def hyperbola_of_exponential(x, b1, b2, b3):
    return np.exp(-b1 * x) / (b2 + b3 * x)


def three_exponentials(x, b1, b2, b3, b4, b5, b6):
    return b1 * np.exp(-b2 * x) + b3 * np.exp(-b4 * x) + b5 * np.exp(-b6 * x)


def two_gaussians_and_decay(x, b1, b2, b3, b4, b5, b6, b7, b8):
    first = b3 * np.exp(-((x - b4) ** 2) / b5**2)
    second = b6 * np.exp(-((x - b7) ** 2) / b8**2)
    return b1 * np.exp(-b2 * x) + first + second


def bennett5(x, b1, b2, b3):
    return b1 * (b2 + x) ** (-1 / b3)


def danwood(x, b1, b2):
    return b1 * x**b2


def enso(x, b1, b2, b3, b4, b5, b6, b7, b8, b9):
    def wave(cosine, sine, period):
        angle = 2 * np.pi * x / period
        return cosine * np.cos(angle) + sine * np.sin(angle)

    return b1 + wave(b2, b3, 12) + wave(b5, b6, b4) + wave(b8, b9, b7)


def kirby2(x, b1, b2, b3, b4, b5):
    return (b1 + b2 * x + b3 * x**2) / (1 + b4 * x + b5 * x**2)


def mgh09(x, b1, b2, b3, b4):
    return b1 * (x**2 + x * b2) / (x**2 + x * b3 + b4)


def mgh10(x, b1, b2, b3):
    return b1 * np.exp(b2 / (x + b3))


def misra1b(x, b1, b2):
    return b1 * (1 - (1 + b2 * x / 2) ** (-2))


def misra1c(x, b1, b2):
    return b1 * (1 - (1 + 2 * b2 * x) ** (-0.5))


def misra1d(x, b1, b2):
    return b1 * b2 * x * (1 + b2 * x) ** (-1)


def nelson(x, b1, b2, b3):
    """The logarithm of the response; `x` holds two rows, time and temperature."""
    time, temperature = x
    return b1 - b2 * time * np.exp(-b3 * temperature)


def rat42(x, b1, b2, b3):
    return b1 / (1 + np.exp(b2 - b3 * x))


def roszman1(x, b1, b2, b3, b4):
    return b1 - b2 * x - np.arctan(b3 / (x - b4)) / np.pi


MODELS = {
    "Bennett5": bennett5,
    "BoxBOD": nist.misra1a,
    "Chwirut1": hyperbola_of_exponential,
    "Chwirut2": hyperbola_of_exponential,
    "DanWood": danwood,
    "ENSO": enso,
    "Eckerle4": nist.eckerle4,
    "Gauss1": two_gaussians_and_decay,
    "Gauss2": two_gaussians_and_decay,
    "Gauss3": two_gaussians_and_decay,
    "Hahn1": nist.thurber,
    "Kirby2": kirby2,
    "Lanczos1": three_exponentials,
    "Lanczos2": three_exponentials,
    "Lanczos3": three_exponentials,
    "MGH09": mgh09,
    "MGH10": mgh10,
    "MGH17": nist.mgh17,
    "Misra1a": nist.misra1a,
    "Misra1b": misra1b,
    "Misra1c": misra1c,
    "Misra1d": misra1d,
    "Nelson": nelson,
    "Rat42": rat42,
    "Rat43": nist.rat43,
    "Roszman1": roszman1,
    "Thurber": nist.thurber,
}


def read(path):
    """The problem in a file of NIST's, whose header says in which lines the numbers stand."""
    lines = path.read_text().splitlines()
    header = "\n".join(lines[:10])

    def numbers(section):
        first, last = map(int, re.search(rf"{section} +\(lines +(\d+) +to +(\d+)\)", header).groups())
        return lines[first - 1 : last]

    parameters = np.array([line.split("=")[1].split() for line in numbers("Starting Values")], dtype=float)
    data = np.array([line.split() for line in numbers("Data")], dtype=float).T
    residual = next(line for line in lines if line.startswith("Residual Sum of Squares:"))
    name = path.stem
    y, x = data[0], data[1] if len(data) == 2 else data[1:]
    return dataclasses.replace(
        nist.PROBLEMS[0],
        name=name,
        model=MODELS[name],
        x=x,
        y=np.log(y) if name == "Nelson" else y,  # Nelson's model is of the logarithm
        starts=(parameters[:, 0], parameters[:, 1]),
        certified=parameters[:, 2],
        deviations=parameters[:, 3],
        residual_sum_of_squares=float(residual.split(":")[1]),
    )
