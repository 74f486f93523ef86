"""Automatic differentiation for NumPy and SciPy code."""
