"""Scalar code beside CasADi and JAX, where they are installed: ``python asv_benchmarks/scalar_peers.py [PATTERN]``.

CasADi's functions are called through its buffers, which is its shortest way; all libraries run on one thread. Times are
the least of many, in microseconds; the first call of JAX of a function of thousands of nodes can take minutes.
"""

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE), *(p for p in sys.path if Path(p or ".").resolve() not in (HERE, HERE.parent))]

import numpy as np  # noqa: E402
from benchmarks.scalar import CASES, MAPPED, RESIDUALS, arguments, transformed  # noqa: E402

import scirs_ad as ad  # noqa: E402

try:
    import casadi
except ImportError:
    casadi = None
try:
    import jax
except ImportError:
    jax = None
else:
    jax.config.update("jax_enable_x64", True)


def least(f, seconds=0.5):
    """The least time of a call, in microseconds."""
    start = time.perf_counter()
    f()
    inner = max(1, int(2e-4 / max(time.perf_counter() - start, 1e-7)))
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(inner):
            f()
        best = min(best, (time.perf_counter() - start) / inner)
    return 1e6 * best


class Symbols:
    """The namespace of CasADi's scalars."""

    @staticmethod
    def stack(parts):
        return casadi.vertcat(*parts)

    def __getattr__(self, name):
        return getattr(casadi, name)


def by_casadi(name, args, count):
    f, shapes, moving, kind = CASES[name]
    xs = [casadi.SX.sym(f"x{k}", *shape) for k, shape in enumerate(shapes)]
    y = f(Symbols(), *xs)
    outs = [] if kind in ("gradient", "jacobian") else [y]
    if kind in ("both", "gradient"):
        outs += [casadi.gradient(y, x) for x in xs[:moving]]
    elif kind == "jacobian":
        outs += [casadi.densify(casadi.jacobian(y, x)) for x in xs[:moving]]
    function = casadi.Function("f", xs, outs)
    if count:
        function = function.map(count)
    buffers, run = function.buffer()
    kept = [np.ascontiguousarray(x.T if not count and x.ndim == 2 else x).reshape(-1) for x in args]
    kept_out = [np.zeros(function.nnz_out(k)) for k in range(function.n_out())]
    for k, x in enumerate(kept):
        buffers.set_arg(k, memoryview(x))
    for k, x in enumerate(kept_out):
        buffers.set_res(k, memoryview(x))
    run.kept = kept, kept_out, buffers, function
    return run


def by_jax(name, args, count):
    f, _, moving, kind = CASES[name]
    argnums = tuple(range(moving)) if moving > 1 else 0
    transform = {"both": jax.value_and_grad, "gradient": jax.grad, "jacobian": jax.jacrev}.get(kind)

    def plain(*args):
        return f(jax.numpy, *args)

    g = plain if transform is None else transform(plain, argnums=argnums)
    g = jax.jit(jax.vmap(g) if count else g)
    return lambda: jax.block_until_ready(g(*args))


def main(pattern=""):
    ad.set_num_threads(1)
    print(f"{'':40}{'scirs_ad':>10}{'no scalars':>12}{'CasADi':>10}{'JAX':>10}   us")
    for name, count in [(name, 0) for name in CASES] + [(name, RESIDUALS) for name in MAPPED]:
        if pattern not in name:
            continue
        args = arguments(name, count) if count else arguments(name)
        f = transformed(name)
        f = ad.vmap(f) if count else f
        times = []
        for level in ("standard", "basic"):
            g = ad.compile(f, level=level)
            g(*args)
            times.append(least(lambda g=g, args=args: g(*args)))
        for library, by in ((casadi, by_casadi), (jax, by_jax)):
            times.append(least(by(name, args, count)) if library else float("nan"))
        label = f"{name}, {count} times" if count else name
        print(f"{label:40}{times[0]:10.2f}{times[1]:12.2f}{times[2]:10.2f}{times[3]:10.2f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
