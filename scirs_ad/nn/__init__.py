"""Functions of neural networks, for arrays of NumPy's layout. They compose with everything else."""

from scirs_ad.nn.activations import relu, softplus

__all__ = ["relu", "softplus"]
