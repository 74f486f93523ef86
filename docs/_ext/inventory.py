"""Writes the pages of the reference from the package: public names, and the table of primitives.

There is no list of names in the documentation that could grow old.
"""

import inspect
import types
from pathlib import Path

import numpy as np
from numpydoc.docscrape_sphinx import SphinxDocString

import scirs_ad
from scirs_ad._core.core import PRIMITIVES
from scirs_ad.testing import coverage

HEADINGS = "Functions", "Classes", "Exceptions"


def setup(app):
    write(app)  # now: when the builder starts, Sphinx has looked for files already
    return {"parallel_read_safe": True}


def write(app):
    folder = Path(app.srcdir) / "api" / "generated"
    folder.mkdir(parents=True, exist_ok=True)
    for stub in folder.glob("scirs_ad.*.rst"):
        if stub.stem.removeprefix("scirs_ad.") not in scirs_ad.__all__:
            stub.unlink()  # of a name that is gone
    save(folder / "public.rst", public_page())
    pages = {}
    for primitive in PRIMITIVES.values():
        if not primitive.internal:
            pages.setdefault(primitive.__module__.rpartition(".")[2], []).append(primitive)
    for name, primitives in pages.items():
        save(folder / f"operations_{name}.rst", operations_page(name, primitives))
    listed = "\n".join(f"   operations_{name}" for name in sorted(pages))
    save(folder / "operations.rst", f"{title('Operations')}\n{INTRODUCTION}\n.. toctree::\n\n{listed}\n")

    save(folder / "numpy_table.rst", numpy_page())
    save(folder / "rosenbrock.svg", scirs_ad.trace(rosenbrock)(scirs_ad.Spec((1000,))).svg())


def rosenbrock(x):
    """The function of which graphs.rst shows the graph."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


INTRODUCTION = """
Every operation of the table of primitives, by the page on which it is defined. The signature says on which trailing
axes an operation acts; it loops over the axes before them. Public functions with NumPy's names and keywords, as
`scirs_ad.numpy` has them, are made of these.
"""


def save(path, text):
    """Write only what is new: Sphinx reads a page again when its time changes."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def title(text, mark="="):
    return f"{text}\n{mark * len(text)}\n"


def public_page():
    """The names in `scirs_ad.__all__`, by kind."""
    kinds = {heading: [] for heading in HEADINGS}
    for name in scirs_ad.__all__:
        value = getattr(scirs_ad, name)
        if isinstance(value, types.ModuleType) or name.startswith("__"):
            continue
        # Transforms are classes, so that they can be pickled; to the reader they are functions, and are named so.
        if inspect.isclass(value) and not name[0].islower():
            kinds["Exceptions" if issubclass(value, BaseException) else "Classes"].append(name)
        elif callable(value):
            kinds["Functions"].append(name)
    text = title("scirs_ad") + "\n.. currentmodule:: scirs_ad\n"
    for heading, names in kinds.items():
        if names:
            listed = "\n".join(f"   {name}" for name in names)
            text += f"\n{title(heading, '-')}\n.. autosummary::\n   :toctree: .\n\n{listed}\n"
    return text


def operations_page(name, primitives):
    primitives = sorted(primitives, key=lambda p: p.name)
    text = f"{title(name)}\n.. list-table::\n   :header-rows: 1\n   :widths: 20 25 10 45\n\n"
    rows = [("operation", "signature", "derivative", "summary")]
    for p in primitives:
        derivative = "yes" if p.differentiable else "no"
        rows.append((f":ref:`{p.name} <{label(p)}>`", f"``{p.signature or 'by shape rule'}``", derivative, summary(p)))
    for row in rows:
        text += "".join(f"   {'*' if k == 0 else ' '} - {cell}\n" for k, cell in enumerate(row))
    for p in primitives:
        text += (
            f"\n.. _{label(p)}:\n\n{title(p.name, '-')}\n.. py:function:: {p.name}({arguments(p)})\n   :no-index:\n\n"
        )
        body = str(SphinxDocString(inspect.getdoc(p.body) or "")).splitlines()
        text += "".join(f"   {line}".rstrip() + "\n" for line in body)
    return text


def numpy_page():
    """What happens to each function and ufunc of NumPy: from the table that the tests check."""
    rows = coverage.numpy_table()
    text = f"{title('NumPy functions and ufuncs')}\n{NUMPY_INTRODUCTION}\n"
    text += "".join(f"- *{kind}*: {meaning}.\n" for kind, meaning in coverage.KINDS.items())
    for heading, wanted in (
        ("Functions", [row for row in rows if row.method is None]),
        ("Ufuncs", [row for row in rows if row.method == "__call__"]),
        ("Methods of ufuncs", [row for row in rows if row.method not in (None, "__call__")]),
    ):
        text += f"\n{title(heading, '-')}\n.. list-table::\n   :header-rows: 1\n   :widths: 45 20 35\n\n"
        cells = [("name", "kind", "note")]
        cells += list(dict.fromkeys((f"``{row.name}``", row.kind, row.note or "\\") for row in wanted))
        for cell in cells:
            text += "".join(f"   {'*' if k == 0 else ' '} - {part}\n" for k, part in enumerate(cell))
    return text


NUMPY_INTRODUCTION = """
What ``import numpy as np`` does with a Variable, for every function and ufunc that NumPy lets be overridden. The table
is made from the package, and the tests check each line of it: the value against NumPy's, the derivative against finite
differences.
"""


def label(p):
    return f"operation-{p.name.replace('_', '-')}"


def summary(p):
    return (p.__doc__ or "").strip().splitlines()[0]


def arguments(p):
    positional = [f"*{name}" if p.variadic and name == p.argnames[-1] else name for name in p.argnames]
    keywords = [f"{name}=..." for name in p.paramnames]
    separator = ["*"] if keywords and not p.variadic else []
    return ", ".join([*positional, *separator, *keywords])
