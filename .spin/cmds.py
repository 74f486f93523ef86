"""The developer's commands that `spin` does not bring along: `spin lint`, `spin docs`, `spin bench`."""

import os
import sys

import click
from spin import util


def _in_build(command, **keywords):
    """Run `command` against the package that `spin build` has installed."""
    path = os.pathsep.join([*_site_packages(), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return util.run(command, env={**os.environ, "PYTHONPATH": path}, **keywords)


def _site_packages():
    for folder, names, _ in os.walk("build-install"):
        if "scirs_ad" in names:
            return [os.path.abspath(folder)]
    raise click.ClickException("no build: run `spin build` first")


@click.command()
@click.option("--fix", is_flag=True, help="Mend what can be mended.")
def lint(fix):
    """🔍 ruff, ruff format and cython-lint."""
    util.run(["ruff", "check", *(["--fix"] if fix else []), "."])
    util.run(["ruff", "format", *([] if fix else ["--check"]), "."])
    util.run(["cython-lint", "scirs_ad"])


@click.command()
def docs():
    """📖 The documentation, with warnings as errors, in docs/_build/html."""
    _in_build([sys.executable, "-m", "sphinx", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html"])


@click.command()
@click.argument("pattern", required=False)
def bench(pattern):
    """⏱ Every benchmark once, or those that match PATTERN."""
    _in_build([sys.executable, "asv_benchmarks/once.py", *([pattern] if pattern else [])])
