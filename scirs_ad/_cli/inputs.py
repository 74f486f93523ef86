"""What a user hands to `scirs-ad fit`, read and checked: data, model, start. `InputError` says what is wrong."""

import csv
import dataclasses
import importlib.util
import inspect
import math
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np


class InputError(ValueError):
    """One line for the user."""


@dataclasses.dataclass(frozen=True)
class Table:
    """The cells of a data file, and the line of the file in which each row stands."""

    file: str
    names: list[str]
    rows: list[list[str]]
    lines: list[int]

    def column(self, name):
        """The numbers under `name`."""
        if self.names.count(name) != 1:
            problem = "more than one column" if name in self.names else "no column"
            raise InputError(f"{self.file} has {problem} {name!r}; its columns are {', '.join(self.names)}")
        place = self.names.index(name)
        cells = zip(self.lines, self.rows, strict=True)
        return np.array([_number(row[place], f"{self.file}, line {line}, column {name!r}") for line, row in cells])


@dataclasses.dataclass(frozen=True)
class Model:
    """The user's function of `x` and parameters, and where it came from."""

    function: Callable
    path: Path
    label: str

    def __call__(self, x, parameters):
        try:
            return self.function(x, *parameters)
        except (Exception, SystemExit) as error:
            raise InputError(f"the model {self.label} raised {describe(error, self.path)}") from error


# ------------------------------------------------------------------------------------------------ data
def read_table(file):
    """A file of comma, semicolon or tab separated values.

    The first line holds the names; a file of numbers only has the columns "1", "2", ...
    """
    lines, rows = _read_rows(file)
    if not rows:
        raise InputError(f"{file} holds no data")
    if any(_is_number(cell) for cell in rows[0]):
        names = [str(k) for k in range(1, len(rows[0]) + 1)]
    else:
        names, lines, rows = rows[0], lines[1:], rows[1:]
        if not rows:
            raise InputError(f"{file} holds names and no data")
    for line, row in zip(lines, rows, strict=True):
        if len(row) != len(names):
            raise InputError(f"{file}, line {line}: {len(row)} cells, expected {len(names)}")
    return Table(file, names, rows, lines)


def _read_rows(file):
    """The line number and the cells of each line that is neither empty nor a comment."""
    try:
        text = Path(file).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{file} is not a text file in UTF-8") from None
    content = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    separator = next((mark for mark in ",;\t" if content and mark in content[0]), ",")
    lines, rows = [], []
    reader = csv.reader(text.splitlines(), delimiter=separator, skipinitialspace=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row) and not row[0].lstrip().startswith("#"):
                lines.append(reader.line_num)
                rows.append([cell.strip() for cell in row])
    except csv.Error as error:
        raise InputError(f"{file}, line {reader.line_num}: {error}") from None
    return lines, rows


def _is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _number(cell, place):
    if not cell:
        raise InputError(f"{place}: the cell is empty")
    if not _is_number(cell):
        raise InputError(f"{place}: {cell!r} is not a number")
    value = float(cell)
    if not math.isfinite(value):
        raise InputError(f"{place}: {cell} is not a finite number")
    return value


# ------------------------------------------------------------------------------------------------ model
def load_model(text):
    """The function that FILE.py:NAME names."""
    file, colon, name = text.rpartition(":")
    if not colon or not file or not name:
        raise InputError(f"--model {text}: expected FILE.py:FUNCTION")
    path = Path(file)
    if not path.is_file():
        raise InputError(f"cannot read {file}: no such file")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None:
        raise InputError(f"--model {text}: {file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.resolve().parent))  # a model may import what lies beside it, as a script may
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise InputError(f"{file} raised {describe(error, path)}") from error
    finally:
        sys.path.pop(0)
    functions = [key for key, value in vars(module).items() if inspect.isfunction(value) and not key.startswith("_")]
    if not hasattr(module, name):
        raise InputError(f"{file} has no function {name!r}; it has {', '.join(functions) or 'none'}")
    function = getattr(module, name)
    if not callable(function):
        raise InputError(f"{name} in {file} is not a function but {type(function).__name__}")
    return Model(function, path, text)


def describe(error, path):
    """An exception in one line: its type, its message, and the last line of the user's file on its way."""
    message = " ".join(str(error).split())
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None
    for frame in traceback.extract_tb(error.__traceback__):
        if Path(frame.filename).resolve() == path.resolve():
            line = frame.lineno
    where = f" ({path}, line {line})" if line is not None else ""
    return f"{type(error).__name__}{': ' if message else ''}{message}{where}"


# ------------------------------------------------------------------------------------------------ start
def parameter_names(model, count):
    """Names of `count` parameters by the signature of `model`, which takes `x` first."""
    try:
        parameters = list(inspect.signature(model.function).parameters.values())
    except (TypeError, ValueError):
        return _numbered(count)
    kinds = inspect.Parameter
    required_keywords = [p.name for p in parameters if p.kind is kinds.KEYWORD_ONLY and p.default is kinds.empty]
    if required_keywords:
        raise InputError(f"the model {model.label} has keyword-only parameters: {', '.join(required_keywords)}")
    if any(p.kind is kinds.VAR_POSITIONAL for p in parameters):
        named = [p.name for p in parameters if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)][1:]
        return (named + _numbered(count)[len(named) :])[:count] if count >= len(named) else named
    positional = [p for p in parameters if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
    if not positional:
        raise InputError(f"the model {model.label} takes no arguments; expected x and parameters")
    names = [p.name for p in positional[1:]]
    optional = sum(p.default is not kinds.empty for p in positional[1:])
    return names[: max(count, len(names) - optional)]


def _numbered(count):
    return [f"p{k}" for k in range(1, count + 1)]


def read_start(text, model):
    """Names and values of the parameters in `a=1,b=2` or `1,2`."""
    words = [word.strip() for word in text.split(",")]
    pairs = [[part.strip() for part in word.rpartition("=")[::2]] for word in words]
    given = [name for name, _ in pairs if name]
    if given and len(given) != len(words):
        raise InputError(f"--start {text}: give names to all parameters or to none")
    for word, (_, value) in zip(words, pairs, strict=True):
        if not _is_number(value) or not math.isfinite(float(value)):
            raise InputError(f"--start {text}: {word!r} is not a finite number")
    names = parameter_names(model, len(words))
    if len(given) != len(set(given)):
        twice = next(name for name in given if given.count(name) > 1)
        raise InputError(f"--start {text}: {twice} is given twice")
    if unknown := [name for name in given if name not in names]:
        raise InputError(f"--start {text}: the model has no parameter {unknown[0]!r}; it has {', '.join(names)}")
    if len(words) != len(names):
        what = f"{len(words)} start{'s' if len(words) != 1 else ''} for {len(names)} parameters"
        raise InputError(f"--start {text}: {what} ({', '.join(names)})")
    values = [float(value) for _, value in pairs]
    if given:
        values = [values[given.index(name)] for name in names]
    return names, np.array(values)
