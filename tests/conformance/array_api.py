"""The public array-API test-suite, with `scirs_ad.numpy` as the namespace.

    git clone --recurse-submodules https://github.com/data-apis/array-api-tests
    pip install pytest hypothesis ndindex pytest-json-report
    python tests/conformance/array_api.py path/to/array-api-tests
    python tests/conformance/array_api.py path/to/array-api-tests --shrink

The suite is not on a package index, so a checkout is needed. A failure that is not in `array_api_failures.txt` makes the
run fail; `--shrink` only removes lines. The list says in a comment why each is there.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
KNOWN = HERE / "array_api_failures.txt"
PLUGIN = "array_api"
VARIABLE = "SCIRS_AD_ARRAY_API_REPORT"


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path, help="a checkout of array-api-tests, with its submodule")
    parser.add_argument(
        "tests", nargs="*", default=["array_api_tests"], help="files or node ids; everything by default"
    )
    parser.add_argument("--version", default="2024.12", help="of the standard")
    parser.add_argument("--max-examples", type=int, default=50, help="examples for each test")
    parser.add_argument("--shrink", action="store_true", help="take what passes out of the list of known failures")
    options = parser.parse_args(argv)
    if not (options.checkout / "array_api_tests" / "__init__.py").is_file():
        parser.error(f"{options.checkout} is no checkout of array-api-tests")
    if not any((options.checkout / "array-api").iterdir()):
        parser.error("the submodule array-api is empty: run `git submodule update --init` there")
    outcomes = run(options)
    counts = {name: sum(o == name for o in outcomes.values()) for name in ("passed", "failed", "skipped", "xfailed")}
    print("  ".join(f"{name} {n}" for name, n in counts.items()))
    return compare(outcomes, options)


def run(options):
    """Outcome by test."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.jsonl"
        environment = {
            **os.environ, "ARRAY_API_TESTS_MODULE": "scirs_ad.numpy", "ARRAY_API_TESTS_VERSION": options.version,
            VARIABLE: str(report), "PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]),
        }  # fmt: skip
        command = [
            sys.executable, "-m", "pytest", "-q", "-p", PLUGIN, "-p", "no:cacheprovider", "--tb=line", "-W", "ignore",
            "--max-examples", str(options.max_examples), "--derandomize", "--disable-deadline", *options.tests,
        ]  # fmt: skip
        done = subprocess.run(
            command, cwd=options.checkout, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode not in (0, 1):
            sys.exit(f"pytest ended with {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return dict(map(json.loads, report.read_text().splitlines()))


def compare(outcomes, options):
    """Compare with the list of known failures; the exit status."""
    lines = KNOWN.read_text().splitlines() if KNOWN.exists() else []
    known = {line for line in lines if line and not line.startswith("#")}
    new = sorted(name for name, outcome in outcomes.items() if outcome == "failed" and name not in known)
    mended = {name for name in known if outcomes.get(name) == "passed"}
    if mended and options.shrink:
        KNOWN.write_text("".join(f"{line}\n" for line in lines if line not in mended))
    print(f"{len(new)} new failures; {len(mended)} known failures pass now" + (", see --shrink" if mended else ""))
    for name in new:
        print(f"  {name}")
    return bool(new)


def pytest_runtest_logreport(report):
    """The script is also the plugin that its run loads."""
    path = os.environ.get(VARIABLE)
    if not path or (report.when != "call" and report.outcome == "passed"):
        return
    outcome = "xfailed" if hasattr(report, "wasxfail") else report.outcome
    with open(path, "a", encoding="utf-8") as stream:
        stream.write(json.dumps([report.nodeid, outcome]) + "\n")


if __name__ == "__main__":
    sys.exit(main())
