"""`scirs-ad fit`: the user's model and data."""

import contextlib
import json
import math
import sys

import numpy as np

from scirs_ad._cli import regression
from scirs_ad._cli.inputs import InputError, describe, load_model, read_start, read_table
from scirs_ad.optimize import SingularError

METHODS = "trf", "dogbox", "lm"


def add_parser(commands):
    parser = commands.add_parser(
        "fit",
        help="fit a model of your own to data of your own",
        description="Least squares with the exact Jacobian of a model written in plain NumPy: a Python function of x "
        "and the parameters, as scipy.optimize.curve_fit takes it. Exit code 0; 1 if the search did not converge; "
        "2 for bad input.",
        epilog="example: scirs-ad fit --model decay.py:decay --data decay.csv --start a=1,b=0.5",
    )
    parser.add_argument("--model", required=True, metavar="FILE.py:FUNCTION", help="called as FUNCTION(x, a, b, ...)")
    parser.add_argument("--data", required=True, metavar="FILE.csv", help="separated by commas, semicolons or tabs")
    parser.add_argument("--start", required=True, metavar="START", help="a=1,b=2 or 1,2, in the order of the function")
    parser.add_argument(
        "--x", metavar="COLUMN", help="default: the first; several, with commas between, are rows of one array"
    )
    parser.add_argument("--y", metavar="COLUMN", help="default: the last")
    parser.add_argument("--method", choices=METHODS, default="trf", help="of scipy.optimize.least_squares")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=lambda arguments: run(arguments, parser))


def run(arguments, parser):
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what a model prints must not mix with the result
            names, rows, result = solve(arguments)
    except InputError as error:
        parser.error(str(error))
    except regression.NotConvergedError as error:
        parser.exit(1, f"{parser.prog}: error: {error}\n")
    print(as_json(arguments, names, rows, result) if arguments.json else as_text(arguments, names, rows, result))
    return 0


def solve(arguments):
    """Names of the parameters, number of rows, `regression.Fit`."""
    model = load_model(arguments.model)
    x, y, lines = read_data(arguments)
    names, start = read_start(arguments.start, model)
    if len(y) < len(names):
        raise InputError(f"{arguments.data} has {len(y)} rows, too few for {len(names)} parameters")

    def residuals(parameters):
        return model(x, parameters) - y

    check_values(model, x, start, lines, arguments.data)
    try:
        return names, len(y), regression.fit(residuals, start, method=arguments.method)
    except SingularError as error:
        free = ", ".join(names[k] for k in error.parameters)
        raise InputError(f"{error}: the data do not determine {free}, and there is no covariance") from error
    except (InputError, regression.NotConvergedError):
        raise
    except Exception as error:  # what NumPy and SciPy say of a model that cannot be fitted
        raise InputError(f"cannot fit {model.label}: {describe(error, model.path)}") from error


def read_data(arguments):
    """x, y and the line of each row."""
    table = read_table(arguments.data)
    x_names = [name.strip() for name in arguments.x.split(",")] if arguments.x else table.names[:1]
    y_name = arguments.y or table.names[-1]
    if y_name in x_names:
        raise InputError(f"column {y_name!r} of {arguments.data} is both x and y")
    x = [table.column(name) for name in x_names]
    return x[0] if len(x) == 1 else np.stack(x), table.column(y_name), table.lines


def check_values(model, x, start, lines, data):
    """The model at the start: one finite real number for each row."""
    with np.errstate(all="ignore"):
        values = model(x, start)
    try:
        values = np.asarray(values)
    except ValueError:  # ragged
        raise InputError(f"the model {model.label} returned {type(values).__name__}, expected an array") from None
    if values.shape != (len(lines),):
        raise InputError(f"the model {model.label} returned shape {values.shape}, expected ({len(lines)},)")
    if values.dtype.kind not in "fiu":
        raise InputError(f"the model {model.label} returned dtype {values.dtype}, expected real numbers")
    for line, value in zip(lines, values, strict=True):
        if not math.isfinite(value):
            raise InputError(f"the model {model.label} is {value} at the start, for line {line} of {data}")


def as_text(arguments, names, rows, result):
    width = max(9, *map(len, names))
    lines = [
        f"{arguments.model}, {rows} rows of {arguments.data}",
        "",
        f"{'parameter':{width}}  {'value':>17}  {'standard error':>15}",
    ]
    for name, value, error in zip(names, result.parameters, result.standard_errors, strict=True):
        lines.append(f"{name:{width}}  {value:17.10g}  {error:15.6g}")
    lines += ["", "covariance"]
    for name, row in zip(names, result.covariance, strict=True):
        lines.append(f"{name:{width}}  " + " ".join(f"{number:13.6g}" for number in row))
    lines += [
        "",
        f"residual standard deviation {result.residual_deviation:.10g}, {result.degrees_of_freedom} degrees of freedom",
        f"residual sum of squares {result.residual_sum_of_squares:.10g}",
        f"{result.function_evaluations} values, {result.jacobian_evaluations} exact Jacobians ({arguments.method})",
    ]
    return "\n".join(lines)


def as_json(arguments, names, rows, result):
    def known(number):
        return float(number) if math.isfinite(number) else None  # JSON has no NaN

    return json.dumps(
        {
            "model": arguments.model,
            "data": arguments.data,
            "rows": rows,
            "method": arguments.method,
            "parameters": dict(zip(names, map(known, result.parameters), strict=True)),
            "standard_errors": dict(zip(names, map(known, result.standard_errors), strict=True)),
            "covariance": [[known(number) for number in row] for row in result.covariance],
            "residual_standard_deviation": known(result.residual_deviation),
            "degrees_of_freedom": result.degrees_of_freedom,
            "residual_sum_of_squares": known(result.residual_sum_of_squares),
            "function_evaluations": result.function_evaluations,
            "jacobian_evaluations": result.jacobian_evaluations,
        },
        indent=2,
    )
