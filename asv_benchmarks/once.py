"""Runs every benchmark once in this Python, or those whose name matches a pattern; fails if one of them does.

    python asv_benchmarks/once.py [PATTERN]

asv measures; this says in a minute whether all of them still work. It knows what they use of asv's conventions:
functions and methods called `time_*`, `track_*` or `peakmem_*`, `params`, `setup`, `teardown`.
"""

import importlib
import inspect
import itertools
import re
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
KINDS = "time_", "track_", "peakmem_"


def main(pattern=""):
    """Run what matches `pattern`; 1 if anything failed."""
    # The source folder beside this one has no compiled modules; the installed package is meant.
    sys.path[:] = [str(HERE), *(entry for entry in sys.path if Path(entry or ".").resolve() not in (HERE, HERE.parent))]
    failures = total = 0
    for name, factory, combinations in benchmarks():
        if not re.search(pattern, name):
            continue
        for arguments in combinations:
            label = f"{name}({', '.join(map(str, arguments))})"
            total += 1
            try:
                seconds, result = once(*factory(), arguments)
            except Exception:
                failures += 1
                print(f"{label}: failed\n{traceback.format_exc()}", flush=True)
            else:
                print(f"{label}: {1e3 * seconds:.3f} ms{'' if result is None else f', {result}'}", flush=True)
    print(f"{total} benchmarks, {failures} failed")
    return 1 if failures or not total else 0


def benchmarks():
    """Name, a function that returns (setup, benchmark, teardown), and all combinations of parameters."""
    for path in sorted((HERE / "benchmarks").glob("[!_]*.py")):
        module = importlib.import_module(f"benchmarks.{path.stem}")
        for name, value in vars(module).items():
            if getattr(value, "__module__", None) != module.__name__:
                continue
            if inspect.isclass(value):
                for method in filter(lambda key: key.startswith(KINDS), dir(value)):
                    yield f"{path.stem}.{name}.{method}", bound(value, method), combinations(value)
            elif name.startswith(KINDS):
                yield f"{path.stem}.{name}", lambda value=value: (nothing, value, nothing), combinations(value)


def bound(cls, method):
    def factory():
        instance = cls()
        return getattr(instance, "setup", nothing), getattr(instance, method), getattr(instance, "teardown", nothing)

    return factory


def combinations(holder):
    params = getattr(holder, "params", [])
    if params and not isinstance(params[0], list | tuple):
        params = [params]
    return list(itertools.product(*params))


def nothing(*_):
    """No setup."""


def once(setup, benchmark, teardown, arguments):
    setup(*arguments)
    start = time.perf_counter()
    result = benchmark(*arguments)
    seconds = time.perf_counter() - start
    teardown(*arguments)
    return seconds, result


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
