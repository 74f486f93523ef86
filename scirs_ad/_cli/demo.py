"""`scirs-ad demo`: five of NIST's regression problems from the harder start, beside finite differences."""

import dataclasses
import importlib.util
import time
from pathlib import Path

import numpy as np

from scirs_ad._cli import regression
from scirs_ad._data import nist

MOST_DIGITS = 11  # a certified value has no more
DEFAULT_PLOT = "nist_fits.png"
REPEATS = 3  # of which the fastest counts


@dataclasses.dataclass(frozen=True)
class Row:
    """What one problem comes to: ours, and SciPy's search with finite differences."""

    problem: nist.Problem
    fit: regression.Fit
    digits: float
    difference_digits: float
    difference_evaluations: int
    difference_seconds: float


def add_parser(commands):
    parser = commands.add_parser(
        "demo",
        help="fit five NIST problems and compare with the certified values",
        description="Fits five problems of NIST's Statistical Reference Datasets with scipy.optimize.least_squares "
        "(trf, x_scale='jac') from the harder start, with exact Jacobians, and prints how far they agree with the "
        "certified values, beside the same search with finite differences.",
    )
    parser.add_argument(
        "--plot",
        metavar="FILE",
        type=Path,
        help=f"where to save data and fits (default: {DEFAULT_PLOT} if matplotlib is installed)",
    )
    parser.add_argument("--no-plot", action="store_true", help="save no plot")
    parser.set_defaults(run=lambda arguments: run(arguments, parser))


def run(arguments, parser):
    plot = None if arguments.no_plot else _plot_file(arguments.plot, parser)
    rows = [measure(problem) for problem in nist.PROBLEMS]
    print(table(rows))
    if plot is not None:
        try:
            save_plot(rows, plot)
        except (OSError, ValueError) as error:  # ValueError: a suffix that matplotlib does not know
            parser.error(f"--plot {plot}: {error}")
        print(f"\nData and fits: {plot}")
    return 0


def _plot_file(file, parser):
    """Where to plot: a file asked for needs matplotlib, the default one wants it."""
    if importlib.util.find_spec("matplotlib") is not None:
        return file or Path(DEFAULT_PLOT)
    if file is not None:
        parser.error("--plot needs matplotlib: pip install 'scirs-ad[plot]'")
    return None


def residuals_of(problem):
    return lambda b: problem.model(problem.x, *b) - problem.y


def digits(parameters, certified):
    """Certified digits that all `parameters` share: the least of ``-log10(relative error)``."""
    error = np.max(np.abs(parameters - certified) / np.abs(certified))
    return float(np.clip(-np.log10(max(error, 10.0**-MOST_DIGITS)), 0, MOST_DIGITS))


def measure(problem):
    residuals, start = residuals_of(problem), problem.starts[0]
    fits = [regression.fit(residuals, start) for _ in range(REPEATS)]
    calls, seconds = 0, []

    def counted(b):
        nonlocal calls
        calls += 1
        return residuals(b)

    with np.errstate(all="ignore"):
        for _ in range(REPEATS):
            calls, begin = 0, time.perf_counter()
            found = regression.search(counted, start, "2-point")
            seconds.append(time.perf_counter() - begin)
    return Row(
        problem=problem,
        fit=min(fits, key=lambda fit: fit.seconds),
        digits=digits(fits[0].parameters, problem.certified),
        difference_digits=digits(found.x, problem.certified),
        difference_evaluations=calls,
        difference_seconds=min(seconds),
    )


def table(rows):
    """The text that the demo prints."""
    lines = [
        f"NIST StRD nonlinear regression, from the harder start (certified values have {MOST_DIGITS} digits).",
        "least_squares(method='trf', x_scale='jac'); exact gradients then allow a refinement beyond its tolerances.",
        "Evaluations: of all; time: of the search alone.",
        "",
        "          --------- exact Jacobian ----------    ---- finite differences ----",
        "problem   digits   values  Jacobians       ms    digits    values        ms",
    ]
    for row in rows:
        fit = row.fit
        lines.append(
            f"{row.problem.name:8}  {row.digits:6.1f} {fit.function_evaluations:8d} {fit.jacobian_evaluations:10d}"
            f" {1e3 * fit.seconds:8.1f}    {row.difference_digits:6.1f} {row.difference_evaluations:9d}"
            f" {1e3 * row.difference_seconds:9.1f}"
        )
    lines += ["", "problem   parameter     fitted            certified         standard error    certified"]
    for row in rows:
        fit, problem = row.fit, row.problem
        columns = zip(fit.parameters, problem.certified, fit.standard_errors, problem.deviations, strict=True)
        for k, numbers in enumerate(columns, 1):
            name = problem.name if k == 1 else ""
            lines.append(f"{name:8}  b{k:<11}" + " ".join(f"{number:17.10e}" for number in numbers))
    return "\n".join(lines)


def save_plot(rows, file):
    """Data and fitted curves of all problems, one panel each."""
    # Optional, and 0.3 s to import: here and not at the top.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.4 * len(rows), 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, row in zip(np.atleast_1d(figure.subplots(1, len(rows))), rows, strict=True):
        problem = row.problem
        curve = np.linspace(problem.x.min(), problem.x.max(), 400)
        axes.plot(problem.x, problem.y, "o", color="0.5", markersize=3)
        axes.plot(curve, problem.model(curve, *row.fit.parameters), color="C3", linewidth=1.5)
        axes.set(title=f"{problem.name}: {row.digits:.1f} digits", xlabel=problem.x_label, ylabel=problem.y_label)
    figure.savefig(file, dpi=120)
