"""SciPy's own tests of the array API, with `scirs_ad.numpy` as the namespace.

    python tests/conformance/scipy_xp.py                    # all modules, about ten minutes
    python tests/conformance/scipy_xp.py stats fft          # some
    python tests/conformance/scipy_xp.py --strict           # conversions to ndarray raise, as for tracked Variables
    python tests/conformance/scipy_xp.py --shrink           # take what passes now out of the list of known failures

The tests are those that the installed SciPy ships. A failure that is not in the list of known failures
(`scipy_xp_failures.txt`, for the SciPy release that it names) makes the run fail; `--shrink` only removes lines. With
`--strict` an untracked Variable refuses `np.asarray` as a tracked one does, so what passes then is what SciPy computes
by the namespace alone: those functions carry derivatives. The file is also the pytest plugin that each run loads.
"""

import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
LISTS = {False: HERE / "scipy_xp_failures.txt", True: HERE / "scipy_xp_strict_failures.txt"}
NAME = "scirs_ad.numpy"
MODULES = [
    "_lib", "cluster", "constants", "differentiate", "fft", "integrate", "interpolate", "linalg", "ndimage",
    "optimize", "signal", "spatial", "special", "stats",
]  # fmt: skip
# Helpers of the tests that look at values: with --strict they may.
READERS = ("numpy.testing", "scipy._lib._array_api", "pytest", "_pytest")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", default=[], metavar="module", help=", ".join(MODULES))
    parser.add_argument("--strict", action="store_true", help="np.asarray of a Variable raises")
    parser.add_argument("--shrink", action="store_true", help="take what passes out of the list of known failures")
    parser.add_argument(
        "--freeze",
        action="store_true",
        help="take the failures of these modules into the list: for a new release of SciPy, or a module not in it yet",
    )
    parser.add_argument("--reasons", action="store_true", help="show the failures by message, most frequent first")
    parser.add_argument("-k", dest="select", help="as pytest's -k")
    parser.add_argument("--timeout", type=int, default=1800, help="seconds for one module")
    parser.add_argument("--json", type=Path, help="write every outcome to this file")
    options = parser.parse_args(argv)
    unknown = set(options.modules) - set(MODULES)
    if unknown:
        parser.error(f"no such module: {', '.join(sorted(unknown))}; there are {', '.join(MODULES)}")

    outcomes = {}
    counts = {}
    for module in options.modules or MODULES:
        found = run(module, options)
        outcomes.update(found)
        counts[module] = collections.Counter(outcome for outcome, _ in found.values())
        print(f"{module:15s} {show(counts[module])}", flush=True)
    print(f"{'together':15s} {show(sum(counts.values(), collections.Counter()))}")
    if options.json:
        options.json.write_text(json.dumps(outcomes, indent=0, sort_keys=True))
    if options.reasons:
        reasons = collections.Counter(reason for outcome, reason in outcomes.values() if outcome == "failed")
        for reason, n in reasons.most_common(60):
            print(f"{n:6d}  {reason}")
    return compare(outcomes, LISTS[options.strict], options)


def show(counter):
    return "  ".join(f"{name} {counter[name]:6d}" for name in ("passed", "failed", "skipped", "xfailed"))


def run(module, options):
    """Outcome and reason by test, of one module in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.jsonl"
        environment = {
            **os.environ, "SCIPY_ARRAY_API": "1", "SCIRS_AD_CONFORMANCE": str(report), "OMP_NUM_THREADS": "1",
            "SCIRS_AD_STRICT": "1" if options.strict else "",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH", "")])),
        }  # fmt: skip
        command = [
            sys.executable, "-m", "pytest", "--pyargs", f"scipy.{module}", "-q", "-p", "scipy_xp", "-m",
            "array_api_backends", "-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", folder, "--tb=short",
            "--import-mode=prepend", "-c", os.devnull, "-W", "default",
        ]  # fmt: skip
        if options.select:
            command += ["-k", options.select]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                timeout=options.timeout,
                capture_output=True,
                text=True,
                check=False,
            )
        except subprocess.TimeoutExpired:
            sys.exit(f"scipy.{module}: not done after {options.timeout} s; see --timeout")
        if done.returncode not in (0, 1, 5):
            sys.exit(f"scipy.{module}: pytest ended with {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        lines = report.read_text().splitlines() if report.exists() else []
    return {f"{module}/{name}": (outcome, reason) for name, outcome, reason in map(json.loads, lines)}


def compare(outcomes, path, options):
    """Compare with the list of known failures; the exit status.

    The first line of the list names the release of SciPy and the modules that it covers.
    """
    import scipy  # after the command line is read: --help does not need it

    header, *known = path.read_text().splitlines() or [""]
    release, _, covered = header.partition(": ")
    covered = set(covered.split())
    if release != f"# SciPy {scipy.__version__}":
        covered, known = set(), []
        if not options.freeze:
            print(f"{path.name} is not for SciPy {scipy.__version__}: nothing is compared")
            return 0
    ran = {name.partition("/")[0] for name in outcomes}
    failed = {name for name, (outcome, _) in outcomes.items() if outcome == "failed"}
    mended = {name for name in known if outcomes.get(name, ("",))[0] == "passed"}
    new = sorted(name for name in failed - set(known) if name.partition("/")[0] in covered)
    if options.freeze:
        if options.select:
            sys.exit("--freeze needs whole modules")
        known = [name for name in known if name.partition("/")[0] not in ran] + sorted(failed)
        covered |= ran
        new = []
    if mended and options.shrink:
        known = [name for name in known if name not in mended]
    if options.freeze or options.shrink:
        first = f"# SciPy {scipy.__version__}: {' '.join(sorted(covered))}"
        path.write_text("".join(f"{line}\n" for line in [first, *sorted(known)]))
    print(f"{len(new)} new failures; {len(mended)} known failures pass now" + (", see --shrink" if mended else ""))
    if ran - covered:
        print(f"not in the list, so not compared: {', '.join(sorted(ran - covered))}")
    for name in new[:40]:
        print(f"  {name}: {outcomes[name][1]}")
    return bool(new)


# ------------------------------------------------------------------------------------------------ the plugin
def pytest_configure(config):
    """Make ours the only namespace that SciPy's tests run with."""
    if not os.environ.get("SCIRS_AD_CONFORMANCE"):
        return
    import pytest
    import scipy.conftest as theirs

    import scirs_ad.numpy as namespace

    theirs.xp_known_backends.add(NAME)

    @pytest.fixture(params=[pytest.param(namespace, id=NAME, marks=pytest.mark.array_api_backends)])
    def xp(request):
        theirs.skip_or_xfail_xp_backends(request, "skip")
        theirs.skip_or_xfail_xp_backends(request, "xfail")
        with theirs.default_xp(namespace):
            yield namespace

    theirs.xp = xp
    if os.environ.get("SCIRS_AD_STRICT"):
        refuse_conversions()


def refuse_conversions():
    """Let ``np.asarray`` of an untracked Variable raise, but for those who only look at values."""
    from scirs_ad import DerivativeLostError
    from scirs_ad._core.core import install
    from scirs_ad._ops.convert import array

    def strict(variable, dtype, copy):
        caller = sys._getframe(1)
        name = caller.f_globals.get("__name__", "")
        if name.startswith(READERS) or ".tests." in name:
            return array(variable, dtype, copy)
        raise DerivativeLostError(f"np.asarray, called by {name}.{caller.f_code.co_name}, would drop a derivative")

    install(array=strict)


def pytest_runtest_logreport(report):
    path = os.environ.get("SCIRS_AD_CONFORMANCE")
    if not path or (report.when != "call" and report.outcome == "passed"):
        return
    outcome, reason = report.outcome, ""
    if hasattr(report, "wasxfail"):
        outcome = "xfailed"
    elif outcome == "failed":
        reason = first_line(report.longrepr)
    name = report.nodeid.replace("\\", "/")
    name = name[name.index("tests/") :] if "tests/" in name else name
    with open(path, "a", encoding="utf-8") as stream:
        stream.write(json.dumps([name, outcome, reason]) + "\n")


def first_line(longrepr):
    """The first line of the error, without what differs from test to test."""
    crash = getattr(longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(longrepr)
    return re.sub(r"0x[0-9a-f]+|\d+", "#", text.strip().splitlines()[0] if text.strip() else "")[:200]


if __name__ == "__main__":
    sys.exit(main())
