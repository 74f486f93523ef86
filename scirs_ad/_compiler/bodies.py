"""Bodies of loops as programs: what runs a step of an eager loop without Python per operation."""

import numpy as np

from scirs_ad._compiler.compile import Body

__all__ = ["Step"]


class Step:
    """A Function as a program.

    Parameters
    ----------
    function : scirs_ad._transforms.functions.Function
    """

    def __init__(self, function):
        self.body = Body(function, list(function.specs), function.name)
        self.specs = tuple(self.body.specs)

    def __call__(self, *leaves):
        return tuple(map(np.asarray, self.body.run(leaves)))

    def scan(self, carry, xs, consts, ys, length, reverse):
        """A loop: `ys` are filled with the rows that the steps give; returns the carry."""
        program, specs = self.body.program, self.specs
        n, m = len(carry), len(carry) + len(xs)
        carry = tuple(_ready(x, s) for x, s in zip(carry, specs[:n], strict=True))
        consts = [_ready(x, s) for x, s in zip(consts, specs[m:], strict=True)]
        rows = [_rows(x, s) for x, s in zip(xs, specs[n:m], strict=True)]
        scalar = [k for k, s in enumerate(specs[:n]) if not s.shape]
        order = range(length - 1, -1, -1) if reverse else range(length)
        for i in order:
            outs = program(*carry, *[x[i] for x in rows], *consts)
            carry = outs[:n]
            if scalar:
                carry = list(carry)
                for k in scalar:
                    carry[k] = np.asarray(carry[k])
            for y, row in zip(ys, outs[n:], strict=True):
                y[i] = row
        return tuple(map(np.asarray, carry))


def _ready(x, spec):
    """An array as a program takes it."""
    return np.require(x, spec.dtype, "CA")


def _rows(x, spec):
    """The rows of an array, each as a program takes it; of a vector as a list of arrays of no dimension."""
    x = _ready(x, spec)
    return x if spec.shape else [row.reshape(()) for row in x.reshape(-1, 1)]
