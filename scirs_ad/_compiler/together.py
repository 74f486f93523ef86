"""Together: several kernels at once, each in a thread of its own."""

import contextvars
import threading

from scirs_ad._core.core import bind
from scirs_ad._core.lazy import lazy
from scirs_ad._kernels import routines
from scirs_ad._kernels.threads import get_num_threads

__all__ = ["run_together"]

_blas = lazy("scirs_ad._kernels.blas", routines.alone)


def run_together(calls):
    """The results of ``bind(*call)`` for every call, with as many threads as kernels may have.

    BLAS has one thread meanwhile: two Python threads that use its own wait for each other.

    Raises
    ------
    BaseException
        What the first call in order raised. All have ended by then: they read memory of the caller.
    """
    threads = min(get_num_threads(), len(calls))
    outs, errors = [None] * len(calls), [None] * len(calls)

    def work(start):
        for k in range(start, len(calls), threads):
            try:
                outs[k] = bind(*calls[k])
            except BaseException as error:  # raised below, in the caller's thread
                errors[k] = error
                return

    others = [threading.Thread(target=contextvars.copy_context().run, args=(work, k)) for k in range(1, threads)]
    with _blas.one_thread():  # with one thread of ours, too: the bits are the same
        for thread in others:
            thread.start()
        work(0)
        _join(others)
    for error in errors:
        if error is not None:
            raise error
    return outs


def _join(threads):
    """Wait for all of them, also when Ctrl-C comes meanwhile."""
    interrupted = None
    for thread in threads:
        while thread.is_alive():
            try:
                thread.join()
            except KeyboardInterrupt as error:
                interrupted = error
    if interrupted is not None:
        raise interrupted
