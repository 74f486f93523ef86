"""The exceptions of the core. Each is a subclass of what NumPy would raise."""

__all__ = ["DerivativeLostError", "EscapedVariableError", "GraphError", "NotDifferentiableError", "TracingError"]


class EscapedVariableError(RuntimeError):
    """A Variable was used after the transform that made it had ended."""


class TracingError(TypeError):
    """A value was needed that is not known: while tracing, or under vmap."""


class DerivativeLostError(TypeError):
    """A conversion would have dropped a derivative."""


class NotDifferentiableError(TypeError):
    """A derivative was asked for that does not exist."""


class GraphError(ValueError):
    """A graph is not a computation: it reads what nobody makes, or a shape is not what its operation gives."""
