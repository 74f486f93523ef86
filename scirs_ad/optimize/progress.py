"""A progress bar for searches."""

import numpy as np

__all__ = ["progress"]


class progress:
    """A callback that shows a tqdm progress bar: iterations, and the value where the solver tells it.

    Parameters
    ----------
    total : int, optional
        The largest number of iterations.
    desc : str, optional
        What stands before the bar.
    **options
        Further arguments of `tqdm`.

    Returns
    -------
    callable
        To be given as `callback` to SciPy's solvers or to those of this module; `close` ends the bar, and it is a
        context manager.

    Raises
    ------
    ImportError
        If tqdm is not installed.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> from scipy.optimize import minimize
    >>> with ad.optimize.progress(desc="fit", file=io.StringIO()) as bar:
    ...     found = minimize(ad.value_and_grad(lambda x: np.sum(x**4)), np.ones(3), jac=True, callback=bar)
    >>> bar.count == found.nit
    True
    """

    def __init__(self, total=None, desc=None, **options):
        try:
            import tqdm
        except ImportError as error:
            raise ImportError("progress needs tqdm, which is optional: pip install 'scirs-ad[progress]'") from error
        self.bar = tqdm.tqdm(total=total, desc=desc, unit="it", **options)
        self.count = 0

    # SciPy looks at the name of the argument: this one makes it hand over an OptimizeResult where it can.
    def __call__(self, intermediate_result):
        value = None if isinstance(intermediate_result, np.ndarray) else intermediate_result.get("fun")
        self.step(value)

    def step(self, value=None):
        """One iteration more; `value` is shown."""
        self.count += 1
        if value is not None and np.ndim(value) == 0:
            self.bar.set_postfix_str(f"value {float(value):.6g}", refresh=False)
        self.bar.update()

    def close(self):
        self.bar.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()
