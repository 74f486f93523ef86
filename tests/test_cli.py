"""The console command: results, and one clear line for every bad input."""

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest

import scirs_ad as ad
from scirs_ad.__main__ import main
from scirs_ad._data import nist

MODEL = """\
import math

import numpy as np


def decay(x, a, b):
    return a * np.exp(-b * x)


def line(x, slope, offset=1.0):
    return slope * x + offset


def polynomial(x, *c):
    return sum(c_k * x**k for k, c_k in enumerate(c))


def plane(x, a, b):
    u, v = x
    return a * u + b * v


def talks(x, a, b):
    print("so much to say")
    return decay(x, a, b)


def breaks(x, a, b):
    if a != 100:
        return a * x / 0 if isinstance(x, int) else {}["missing"]
    return a * x


CALLS = []


def breaks_later(x, a, b):
    CALLS.append(1)
    if len(CALLS) > 3:
        raise RuntimeError("out of\\nrange")
    return a * np.exp(-b * x)


def by_math(x, a, b):
    return np.array([a * math.exp(-b * t) for t in x])


def leaves(x, a, b):
    raise SystemExit(3)


def short(x, a, b):
    return a * x[1:]


def single(x, a, b):
    return a + b


def words(x, a, b):
    return np.array(["a"] * len(x))


def pole(x, a, b):
    return a / (x - x[2]) + b


def twice(x, a, b):
    return (a + b) * x


def unused(x, a, b):
    return 0 * x + a


def nothing():
    return 1


def keyword(x, a, *, b):
    return a * x


number = 3
"""

X = np.linspace(0, 2, 9)
Y = 3 * np.exp(-1.5 * X) + 0.01 * np.cos(7 * X)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a model and data, as the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.py").write_text(MODEL)
    write(tmp_path / "d.csv", "x,y", X, Y)
    return tmp_path


def write(path, header, *columns):
    rows = [",".join(map(repr, map(float, row))) for row in zip(*columns, strict=True)]
    path.write_text("\n".join([header, *rows]) + "\n")


def fit(capsys, *arguments, model="m.py:decay", data="d.csv", start="1,1"):
    code = main(["fit", "--model", model, "--data", data, "--start", start, *arguments])
    assert code == 0
    return capsys.readouterr().out


def fails(capsys, *arguments, code=2, **keywords):
    """The one line on stderr of a call that fails."""
    with pytest.raises(SystemExit) as caught:
        fit(capsys, *arguments, **keywords)
    out, err = capsys.readouterr()
    assert caught.value.code == code
    assert out == ""
    assert err.startswith("scirs-ad fit: error: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    return err


# ------------------------------------------------------------------------------------------------ what works
@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_fit_of_a_packaged_problem(folder, capsys, method):
    problem = nist.PROBLEMS[0]
    (folder / "misra.py").write_text("import numpy as np\ndef f(x, b1, b2):\n    return b1 * (1 - np.exp(-b2 * x))\n")
    write(folder / "misra.csv", "volume, pressure", problem.y, problem.x)
    options = "--x", "pressure", "--y", "volume", "--json", "--method", method
    result = json.loads(fit(capsys, *options, model="misra.py:f", data="misra.csv", start="b2=0.0005, b1=250"))
    assert list(result["parameters"]) == ["b1", "b2"]
    np.testing.assert_allclose(list(result["parameters"].values()), problem.certified, rtol=1e-9)
    np.testing.assert_allclose(list(result["standard_errors"].values()), problem.deviations, rtol=1e-9)
    np.testing.assert_allclose(np.sqrt(np.diag(result["covariance"])), problem.deviations, rtol=1e-9)
    assert result["degrees_of_freedom"] == 12
    np.testing.assert_allclose(result["residual_standard_deviation"], 1.0187876330e-01, rtol=1e-9)


def test_text(folder, capsys):
    out = fit(capsys)
    for words in "standard error", "covariance", "residual standard deviation", "7 degrees of freedom":
        assert words in out


def test_linear_model_has_the_textbook_covariance(folder, capsys):
    result = json.loads(fit(capsys, "--json", model="m.py:line"))
    design = np.stack([X, np.ones_like(X)], 1)
    coefficients, (squares,), *_ = np.linalg.lstsq(design, Y)
    covariance = squares / (len(X) - 2) * np.linalg.inv(design.T @ design)
    np.testing.assert_allclose(list(result["parameters"].values()), coefficients, rtol=1e-12)
    np.testing.assert_allclose(result["covariance"], covariance, rtol=1e-10)


def test_optional_parameters_and_any_number_of_them(folder, capsys):
    assert list(json.loads(fit(capsys, "--json", model="m.py:line", start="1"))["parameters"]) == ["slope"]
    result = json.loads(fit(capsys, "--json", model="m.py:polynomial", start="0,0,0,0"))
    expected = np.polynomial.polynomial.polyfit(X, Y, 3)
    np.testing.assert_allclose(list(result["parameters"].values()), expected, rtol=1e-9)


def test_several_x(folder, capsys):
    write(folder / "d3.csv", "u,v,w", X, X**2, 2 * X - 5 * X**2)
    result = json.loads(fit(capsys, "--json", "--x", "u,v", model="m.py:plane", data="d3.csv"))
    np.testing.assert_allclose(list(result["parameters"].values()), [2, -5], rtol=1e-12)


def test_negative_start(folder, capsys):
    assert "slope" in fit(capsys, model="m.py:line", start="-1,2")


def test_data_dialects(folder, capsys):
    expected = fit(capsys, "--json")
    rows = [f"{x!r};{y!r}" for x, y in zip(X.tolist(), Y.tolist(), strict=True)]
    body = "\n".join(rows)
    for text in "# a comment\n\nx;y\n" + body, body, "\ufeffx\ty\n" + body.replace(";", "\t"):
        (folder / "other.csv").write_text(text, encoding="utf-8")
        assert json.loads(fit(capsys, "--json", data="other.csv")) == json.loads(expected) | {"data": "other.csv"}


def test_other_columns_need_not_be_numbers(folder, capsys):
    (folder / "named.csv").write_text("who,x,y\nA,1,2\nB,2,4\nC,3,6.5\n")
    assert "slope" in fit(capsys, "--x", "x", data="named.csv", model="m.py:line")


def test_no_degrees_of_freedom(folder, capsys):
    (folder / "two.csv").write_text("x,y\n0,1\n1,3\n")
    result = json.loads(fit(capsys, "--json", model="m.py:line", data="two.csv"))
    np.testing.assert_allclose(list(result["parameters"].values()), [2, 1])
    assert result["standard_errors"] == {"slope": None, "offset": None}
    assert result["residual_standard_deviation"] is None
    assert "nan, 0 degrees of freedom" in fit(capsys, model="m.py:line", data="two.csv")


def test_what_a_model_prints_is_not_the_result(folder, capsys):
    assert json.loads(fit(capsys, "--json", model="m.py:talks"))["rows"] == 9


# ------------------------------------------------------------------------------------------------ bad input
DATA = {
    "missing cell": ("x,y\n1,2\n3,\n", "line 3, column 'y': the cell is empty"),
    "words": ("x,y\n1,2\n3,four\n", "line 3, column 'y': 'four' is not a number"),
    "nan": ("x,y\n1,2\n\nnan,4\n", "line 4, column 'x': nan is not a finite number"),
    "inf": ("x,y\n1,2\n3,-inf\n", "line 3, column 'y': -inf is not a finite number"),
    "ragged": ("x,y\n1,2\n3,4,5\n", "line 3: 3 cells, expected 2"),
    "empty": ("\n# nothing\n", "holds no data"),
    "names only": ("x,y\n", "holds names and no data"),
    "one column": ("y\n1\n2\n", "column 'y' of bad.csv is both x and y"),
    "twice": ("x,x,y\n1,2,3\n", "more than one column 'x'"),
    "too few": ("x,y\n1,2\n", "bad.csv has 1 rows, too few for 2 parameters"),
}


@pytest.mark.parametrize(("text", "message"), DATA.values(), ids=DATA)
def test_bad_data(folder, capsys, text, message):
    (folder / "bad.csv").write_text(text)
    assert message in fails(capsys, data="bad.csv")


def test_bad_files(folder, capsys):
    assert "cannot read none.csv: No such file or directory" in fails(capsys, data="none.csv")
    assert "cannot read" in fails(capsys, data=".")
    (folder / "binary.csv").write_bytes(b"\xff\xfe\x00x")
    assert "not a text file" in fails(capsys, data="binary.csv")


def test_missing_columns(folder, capsys):
    assert "d.csv has no column 'z'; its columns are x, y" in fails(capsys, "--x", "z")
    assert "no column 'z'" in fails(capsys, "--y", "z")
    assert "both x and y" in fails(capsys, "--y", "x")


STARTS = {
    "1": "1 start for 2 parameters (a, b)",
    "1,2,3": "3 starts for 2 parameters (a, b)",
    "a=1": "1 start for 2 parameters (a, b)",
    "a=1,c=2": "no parameter 'c'; it has a, b",
    "a=1,a=2": "a is given twice",
    "a=1,2": "names to all parameters or to none",
    "a=1,b=one": "'b=one' is not a finite number",
    "1,nan": "'nan' is not a finite number",
    "": "'' is not a finite number",
}


@pytest.mark.parametrize("start", STARTS)
def test_bad_start(folder, capsys, start):
    assert STARTS[start] in fails(capsys, start=start)


MODELS = {
    "m.py": "expected FILE.py:FUNCTION",
    "none.py:f": "cannot read none.py: no such file",
    "d.csv:f": "d.csv is not a Python file",
    "m.py:f": "m.py has no function 'f'; it has decay, line, polynomial",
    "m.py:number": "number in m.py is not a function but int",
    "m.py:breaks": "the model m.py:breaks raised KeyError: 'missing' (m.py, line 30)",
    "m.py:breaks_later": "the model m.py:breaks_later raised RuntimeError: out of range (m.py, line 40)",
    "m.py:by_math": "the model m.py:by_math raised ",
    "m.py:leaves": "the model m.py:leaves raised SystemExit: 3",
    "m.py:short": "returned shape (8,), expected (9,)",
    "m.py:single": "returned shape (), expected (9,)",
    "m.py:words": "returned dtype <U1, expected real numbers",
    "m.py:pole": "at the start, for line 4 of d.csv",
    "m.py:twice": "the Jacobian at the solution has rank 1, not 2: the data do not determine a, b",
    "m.py:unused": "has rank 1, not 2: the data do not determine b, and",
    "m.py:nothing": "takes no arguments",
    "m.py:keyword": "has keyword-only parameters: b",
}


@pytest.mark.parametrize("model", MODELS)
def test_bad_model(folder, capsys, model):
    assert MODELS[model] in fails(capsys, model=model)


@pytest.mark.parametrize(
    ("text", "message"),
    [("def f(x, a:\n", "raised SyntaxError"), ("x = 1 / 0\n", "ZeroDivisionError: division by zero")],
)
def test_model_file_that_does_not_load(folder, capsys, text, message):
    (folder / "broken.py").write_text(text)
    line = fails(capsys, model="broken.py:f")
    assert message in line
    assert "line 1)" in line


def test_no_convergence(folder, capsys, monkeypatch):
    monkeypatch.setattr("scirs_ad._cli.regression.MAX_EVALUATIONS", 2)
    assert "no convergence in 2 evaluations; the parameters were" in fails(capsys, code=1)


def test_bad_command_line(capsys):
    for arguments in [], ["fly"], ["fit"], ["fit", "--model", "m.py:f"], ["demo", "--speed"]:
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
        err = capsys.readouterr().err
        assert err.startswith("scirs-ad")
        assert err.count("\n") == 1


# ------------------------------------------------------------------------------------------------ demo, help, version
def test_demo(folder, capsys):
    assert main(["demo", "--no-plot"]) == 0
    out = capsys.readouterr().out
    for problem in nist.PROBLEMS:
        digits = float(next(line for line in out.splitlines() if line.startswith(problem.name)).split()[1])
        assert digits >= 9
    assert not list(folder.glob("*.png"))


def test_demo_plot(folder, capsys):
    if importlib.util.find_spec("matplotlib") is None:
        with pytest.raises(SystemExit) as caught:
            main(["demo", "--plot", "fits.png"])
        assert caught.value.code == 2
        assert "needs matplotlib" in capsys.readouterr().err
        assert main(["demo"]) == 0
        assert "Data and fits" not in capsys.readouterr().out
        return
    assert main(["demo", "--plot", "fits.png"]) == 0
    assert (folder / "fits.png").read_bytes().startswith(b"\x89PNG")
    assert main(["demo"]) == 0
    assert (folder / "nist_fits.png").is_file()
    with pytest.raises(SystemExit) as caught:
        main(["demo", "--plot", "none/fits.png"])
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("scirs-ad demo: error: --plot none")


@pytest.mark.parametrize("arguments", [["--help"], ["demo", "--help"], ["fit", "--help"], ["--version"]])
def test_help_and_version(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert out == f"scirs-ad {ad.__version__}\n" if "--version" in arguments else out.startswith("usage: scirs-ad")


def test_as_a_process(folder):
    def run(*arguments):
        command = [sys.executable, "-m", "scirs_ad", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    good = run("fit", "--model", "m.py:decay", "--data", "d.csv", "--start", "1,1", "--json")
    assert (good.returncode, good.stderr) == (0, "")
    assert json.loads(good.stdout)["parameters"].keys() == {"a", "b"}
    bad = run("fit", "--model", "m.py:breaks", "--data", "d.csv", "--start", "1,1")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr.count("\n") == 1
