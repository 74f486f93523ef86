"""Automatic differentiation for NumPy and SciPy code."""

# First, before any other import of ours: what to do where only the sources lie.
try:
    import scirs_ad._core.core  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "scirs_ad._core.core":
        raise
    raise ImportError(
        f"scirs_ad was imported from {__path__[0]}, a source folder without its compiled modules. If scirs_ad is "
        "installed, start Python in another folder (pytest does work here); if not, run `pip install .` first."
    ) from None

__version__ = "0.1.0"
