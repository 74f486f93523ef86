"""Threads and build facts, for users."""

import platform
import sys

import numpy as np

from scirs_ad._core.lazy import lazy
from scirs_ad._kernels import ops
from scirs_ad._kernels.threads import get_num_threads, set_num_threads

scipy, threadpoolctl = lazy("scipy"), lazy("threadpoolctl")

__all__ = ["get_num_threads", "set_num_threads", "show_config"]


def show_config(mode="stdout"):
    """Print what this build of scirs_ad runs on: instruction set, threads, BLAS, versions.

    Parameters
    ----------
    mode : {"stdout", "dicts"}
        Print, or return the facts.

    Returns
    -------
    dict or None
        With ``mode="dicts"``: name -> value.

    Raises
    ------
    ValueError
        For another `mode`.

    Examples
    --------
    >>> import scirs_ad as ad
    >>> sorted(ad.show_config("dicts"))[:2]
    ['blas', 'instruction set']
    """
    if mode not in ("stdout", "dicts"):
        raise ValueError(f"show_config: mode must be 'stdout' or 'dicts', not {mode!r}")
    facts = {
        "scirs_ad": sys.modules["scirs_ad"].__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.version.version,
        "machine": platform.machine(),
        "instruction set": f"{ops.ISA} (of {', '.join(ops.available_isas())}; SCIRS_AD_ISA chooses)",
        "threads": f"{get_num_threads()} (SCIRS_AD_NUM_THREADS, OMP_NUM_THREADS or set_num_threads)",
        "blas": "; ".join(
            f"{info['internal_api']} {info.get('version') or ''} ({info.get('architecture') or 'unknown'}), "
            f"{info['num_threads']} thread(s)"
            for info in threadpoolctl.threadpool_info()
            if info["user_api"] == "blas"
        )
        or "not found",
    }
    if mode == "dicts":
        return facts
    width = max(map(len, facts))
    print("\n".join(f"{name:<{width}}  {fact}" for name, fact in facts.items()))
    return None
