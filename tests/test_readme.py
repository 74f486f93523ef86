"""The README says what is true: its Python runs, its links lead somewhere, its commands are those of CI."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def namespace():
    """One for all blocks: each may use what an earlier one defined."""
    return {"__name__": "readme"}


@pytest.mark.parametrize("block", re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE))
def test_python(block, namespace):
    line = README[: README.index(block)].count("\n")
    exec(compile("\n" * line + block, ROOT / "README.md", "exec"), namespace)


def test_links():
    for target in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert (ROOT / target).exists(), target


def test_commands():
    install = "python3 -m venv .venv && .venv/bin/pip install -q "
    assert f"\n{install}. && .venv/bin/scirs-ad demo\n" in README
    assert f"\n{install}'.[test]' && .venv/bin/python -m pytest -q\n" in README


@pytest.mark.parametrize("page", ["scipy"])
def test_pages_of_the_documentation(page):
    """The Python of a page, in order."""
    text = (ROOT / "docs" / f"{page}.rst").read_text(encoding="utf-8")
    scope = {"__name__": page}
    for match in re.finditer(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", text, re.MULTILINE):
        lines = [line[3:] for line in match[1].splitlines()]
        start = text[: match.start(1)].count("\n")
        exec(compile("\n" * start + "\n".join(lines), ROOT / "docs" / f"{page}.rst", "exec"), scope)


@pytest.mark.parametrize("page", [p for p in (ROOT / "docs").glob("*.rst") if ">>> " in p.read_text(encoding="utf-8")])
def test_examples_of_the_documentation(page):
    """What pages show as a session of Python is what Python answers."""
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert tried
    assert not failed
