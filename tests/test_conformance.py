"""The conformance scripts: a small part of SciPy's tests runs through, and the lists of known failures only shrink."""

import argparse
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import scipy
from releases import SCIPY

FOLDER = Path(__file__).resolve().parent / "conformance"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return lambda name: importlib.import_module(name)


def run(*arguments):
    command = [sys.executable, "-P", str(FOLDER / "scipy_xp.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.skipif(SCIPY < (1, 17), reason="its tests take no further backend")
def test_some_of_scipys_tests(tmp_path):
    report = tmp_path / "report.json"
    done = run("constants", "linalg", "--json", str(report))
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = json.loads(report.read_text())
    assert len(outcomes) >= 20
    assert {outcome for outcome, _ in outcomes.values()} == {"passed"}
    assert all("scirs_ad.numpy" in name for name in outcomes)


def test_unknown_module():
    done = run("no_such_module")
    assert done.returncode == 2
    assert "no such module: no_such_module" in done.stderr


def options(**more):
    return argparse.Namespace(shrink=False, freeze=False, modules=[], select=None, **more)


def test_new_failures_are_found_and_lists_shrink(script, tmp_path, capsys):
    compare = script("scipy_xp").compare
    known = tmp_path / "failures.txt"
    header = f"# SciPy {scipy.__version__}: m"
    known.write_text(f"{header}\nm/a\nm/b\n")
    assert compare({"m/a": ("failed", ""), "m/b": ("passed", "")}, known, options()) == 0
    assert "1 known failures pass now" in capsys.readouterr().out
    assert compare({"m/a": ("failed", ""), "m/c": ("failed", "because")}, known, options()) == 1
    assert "m/c: because" in capsys.readouterr().out
    shrinking = options()
    shrinking.shrink = True
    assert compare({"m/a": ("failed", ""), "m/b": ("passed", ""), "m/c": ("failed", "")}, known, shrinking) == 1
    assert known.read_text() == f"{header}\nm/a\n"  # less, and nothing more
    known.write_text("# SciPy 0.1: m\nm/a\n")
    assert compare({"m/c": ("failed", "")}, known, options()) == 0
    assert "nothing is compared" in capsys.readouterr().out


def test_array_api_lists_shrink(script, tmp_path, capsys, monkeypatch):
    module = script("array_api")
    monkeypatch.setattr(module, "KNOWN", tmp_path / "failures.txt")
    module.KNOWN.write_text("# why\na\n# why not\nb\n")
    assert module.compare({"a": "failed", "b": "passed"}, argparse.Namespace(shrink=True)) == 0
    assert module.KNOWN.read_text() == "# why\na\n# why not\n"
    assert module.compare({"b": "failed"}, argparse.Namespace(shrink=True)) == 1
    assert module.KNOWN.read_text() == "# why\na\n# why not\n"


def test_lists_are_sorted_and_named():
    for name in ("scipy_xp_failures.txt", "scipy_xp_strict_failures.txt"):
        header, *lines = (FOLDER / name).read_text().splitlines()
        assert header.startswith("# SciPy ")
        assert lines == sorted(set(lines))
        assert all("scirs_ad.numpy" in line for line in lines)
