"""Five problems of NIST's Statistical Reference Datasets for nonlinear regression, from lower to higher difficulty.

Source of all numbers: NIST/ITL StRD, https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml. They are a work of the
United States government and in the public domain. Certified values have 11 significant digits. A model takes `x` and
then its parameters, as `scipy.optimize.curve_fit` wants it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Problem:
    """A data set, a model of it, two starts (the first is the harder one) and the certified answer."""

    name: str
    about: str
    x_label: str
    y_label: str
    model: Callable
    x: np.ndarray
    y: np.ndarray
    starts: tuple[np.ndarray, np.ndarray]
    certified: np.ndarray
    deviations: np.ndarray
    residual_sum_of_squares: float


def misra1a(x, b1, b2):
    return b1 * (1 - np.exp(-b2 * x))


def thurber(x, b1, b2, b3, b4, b5, b6, b7):
    return (b1 + b2 * x + b3 * x**2 + b4 * x**3) / (1 + b5 * x + b6 * x**2 + b7 * x**3)


def mgh17(x, b1, b2, b3, b4, b5):
    return b1 + b2 * np.exp(-x * b4) + b3 * np.exp(-x * b5)


def eckerle4(x, b1, b2, b3):
    return (b1 / b2) * np.exp(-0.5 * ((x - b3) / b2) ** 2)


def rat43(x, b1, b2, b3, b4):
    return b1 / (1 + np.exp(b2 - b3 * x)) ** (1 / b4)


def _array(*numbers):
    array = np.array(numbers, dtype=float)
    array.setflags(write=False)
    return array


# fmt: off
PROBLEMS = (
    Problem(
        name="Misra1a",
        about="Monomolecular adsorption (dental research); D. Misra, NIST, 1978.",
        x_label="pressure",
        y_label="volume",
        model=misra1a,
        x=_array(77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0),
        y=_array(10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.4, 75.47, 81.78),
        starts=(
            _array(500.0, 0.0001),
            _array(250.0, 0.0005),
        ),
        certified=_array(238.94212918, 0.00055015643181),
        deviations=_array(2.7070075241, 7.2668688436e-06),
        residual_sum_of_squares=0.12455138894,
    ),
    Problem(
        name="Thurber",
        about="Semiconductor electron mobility; R. Thurber, NIST.",
        x_label="log(density)",
        y_label="electron mobility",
        model=thurber,
        x=_array(
            -3.067, -2.981, -2.921, -2.912, -2.84, -2.797, -2.702, -2.699, -2.633, -2.481, -2.363, -2.322,
            -1.501, -1.46, -1.274, -1.212, -1.1, -1.046, -0.915, -0.714, -0.566, -0.545, -0.4, -0.309, -0.109,
            -0.103, 0.01, 0.119, 0.377, 0.79, 0.963, 1.006, 1.115, 1.572, 1.841, 2.047, 2.2,
        ),
        y=_array(
            80.574, 84.248, 87.264, 87.195, 89.076, 89.608, 89.868, 90.101, 92.405, 95.854, 100.696, 101.06,
            401.672, 390.724, 567.534, 635.316, 733.054, 759.087, 894.206, 990.785, 1090.109, 1080.914,
            1122.643, 1178.351, 1260.531, 1273.514, 1288.339, 1327.543, 1353.863, 1414.509, 1425.208, 1421.384,
            1442.962, 1464.35, 1468.705, 1447.894, 1457.628,
        ),
        starts=(
            _array(1000.0, 1000.0, 400.0, 40.0, 0.7, 0.3, 0.03),
            _array(1300.0, 1500.0, 500.0, 75.0, 1.0, 0.4, 0.05),
        ),
        certified=_array(
            1288.13968, 1491.0792535, 583.23836877, 75.416644291, 0.96629502864, 0.39797285797, 0.049727297349,
        ),
        deviations=_array(
            4.6647963344, 39.571156086, 28.698696102, 5.567537027, 0.031333340687, 0.014984928198,
            0.0065842344623,
        ),
        residual_sum_of_squares=5642.7082397,
    ),
    Problem(
        name="MGH17",
        about="Sum of two decays, known to defeat good algorithms; M. R. Osborne, 1972.",
        x_label="x",
        y_label="y",
        model=mgh17,
        x=_array(
            0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0, 110.0, 120.0, 130.0, 140.0, 150.0,
            160.0, 170.0, 180.0, 190.0, 200.0, 210.0, 220.0, 230.0, 240.0, 250.0, 260.0, 270.0, 280.0, 290.0,
            300.0, 310.0, 320.0,
        ),
        y=_array(
            0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.85, 0.818, 0.784, 0.751, 0.718, 0.685, 0.658,
            0.628, 0.603, 0.58, 0.558, 0.538, 0.522, 0.506, 0.49, 0.478, 0.467, 0.457, 0.448, 0.438, 0.431,
            0.424, 0.42, 0.414, 0.411, 0.406,
        ),
        starts=(
            _array(50.0, 150.0, -100.0, 1.0, 2.0),
            _array(0.5, 1.5, -1.0, 0.01, 0.02),
        ),
        certified=_array(0.37541005211, 1.9358469127, -1.4646871366, 0.01286753464, 0.022122699662),
        deviations=_array(0.0020723153551, 0.22031669222, 0.22175707739, 0.00044861358114, 0.00089471996575),
        residual_sum_of_squares=5.4648946975e-05,
    ),
    Problem(
        name="Eckerle4",
        about="Circular interference transmittance; K. Eckerle, NIST.",
        x_label="wavelength",
        y_label="transmittance",
        model=eckerle4,
        x=_array(
            400.0, 405.0, 410.0, 415.0, 420.0, 425.0, 430.0, 435.0, 436.5, 438.0, 439.5, 441.0, 442.5, 444.0,
            445.5, 447.0, 448.5, 450.0, 451.5, 453.0, 454.5, 456.0, 457.5, 459.0, 460.5, 462.0, 463.5, 465.0,
            470.0, 475.0, 480.0, 485.0, 490.0, 495.0, 500.0,
        ),
        y=_array(
            0.0001575, 0.0001699, 0.000235, 0.0003102, 0.0004917, 0.000871, 0.0017418, 0.00464, 0.0065895,
            0.0097302, 0.0149002, 0.023731, 0.0401683, 0.0712559, 0.1264458, 0.2073413, 0.2902366, 0.3445623,
            0.3698049, 0.3668534, 0.3106727, 0.2078154, 0.1164354, 0.0616764, 0.03372, 0.0194023, 0.0117831,
            0.0074357, 0.0022732, 0.00088, 0.0004579, 0.0002345, 0.0001586, 0.0001143, 7.1e-05,
        ),
        starts=(
            _array(1.0, 10.0, 500.0),
            _array(1.5, 5.0, 450.0),
        ),
        certified=_array(1.5543827178, 4.0888321754, 451.54121844),
        deviations=_array(0.015408051163, 0.046803020753, 0.046800518816),
        residual_sum_of_squares=0.0014635887487,
    ),
    Problem(
        name="Rat43",
        about="Sigmoidal growth of onions; D. A. Ratkowsky, 1983.",
        x_label="growing time",
        y_label="onion dry weight",
        model=rat43,
        x=_array(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0),
        y=_array(
            16.08, 33.83, 65.8, 97.2, 191.55, 326.2, 386.87, 520.53, 590.03, 651.92, 724.93, 699.56, 689.96,
            637.56, 717.41,
        ),
        starts=(
            _array(100.0, 10.0, 1.0, 1.0),
            _array(700.0, 5.0, 0.75, 1.3),
        ),
        certified=_array(699.6415127, 5.2771253025, 0.75962938329, 1.2792483859),
        deviations=_array(16.302297817, 2.0828735829, 0.19566123451, 0.68761936385),
        residual_sum_of_squares=8786.404908,
    ),
)
# fmt: on
