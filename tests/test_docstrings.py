"""Docstrings of what is public: numpydoc's sections, all parameters by their names, examples that run."""

import doctest
import inspect
import re

import numpy as np
import pytest

import scirs_ad as ad
from scirs_ad._core.core import PRIMITIVES

PUBLIC = {name: getattr(ad, name) for name in ad.__all__ if not inspect.ismodule(getattr(ad, name)) and name[0] != "_"}
PUBLIC |= {f"optimize.{name}": getattr(ad.optimize, name) for name in ad.optimize.__all__}
CALLABLE = {name: value for name, value in PUBLIC.items() if callable(value)}
FUNCTIONS = {name: value for name, value in CALLABLE.items() if name.rpartition(".")[2][0].islower()}
PAGES = {name: p for name, p in PRIMITIVES.items() if not p.internal}


def sections(doc):
    """The text of each section by its title; "" for what precedes them."""
    parts = re.split(r"^([A-Z][A-Za-z ]+)\n-{3,}\n", doc, flags=re.MULTILINE)
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


def documented(text):
    """Names of a Parameters section, without stars."""
    lines = [line.partition(" :")[0] for line in text.splitlines() if line and not line.startswith(" ")]
    return {name.strip().lstrip("*") for line in lines for name in line.split(",")}


@pytest.mark.parametrize("name", CALLABLE)
def test_summary(name):
    doc = inspect.getdoc(CALLABLE[name])
    assert doc, f"{name} has no docstring"
    assert re.match(r".*?[.:]\n?(\n|$)", doc, re.DOTALL), f"{name}: the summary is a sentence"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_sections(name):
    value = FUNCTIONS[name]
    found = sections(inspect.getdoc(value))
    parameters = {p.lstrip("*") for p in inspect.signature(value).parameters} - {"self"}
    assert documented(found.get("Parameters", "")) >= parameters
    if parameters:
        assert "Returns" in found or "Yields" in found, f"{name}: what does it return?"
        assert ">>>" in found.get("Examples", ""), f"{name}: no example"


@pytest.mark.parametrize("name", PAGES)
def test_page(name):
    p = PAGES[name]
    doc = inspect.cleandoc(p.__doc__)
    assert doc.splitlines()[0].endswith("."), "the summary is one sentence in one line"
    if p.differentiable:
        assert "Derivative:" in doc
    assert ">>>" in doc, "no example"


@pytest.mark.parametrize("name", [*PUBLIC, *(f"page {name}" for name in PAGES)])
def test_examples(name):
    page = PAGES.get(name.removeprefix("page ")) if name.startswith("page ") else None
    value = page.body if page is not None else PUBLIC[name]
    doc = inspect.getdoc(value) or ""
    scope = dict(vars(inspect.getmodule(value))) if inspect.getmodule(value) is not None else {}
    scope |= {"np": np, "ad": ad, "__name__": "__main__"}  # what an example defines is not a page of ours
    test = doctest.DocTestParser().get_doctest(doc, scope, name, None, 0)
    report = []
    failed, _ = doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    assert not failed, "".join(report)
