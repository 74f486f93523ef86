"""Bodies of loops as programs: what runs a step of an eager loop without Python per operation."""

import weakref

import numpy as np

from scirs_ad._compiler.body import Body
from scirs_ad._compiler.loop import Loop, While

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
        self._loops, self._tests = {}, weakref.WeakKeyDictionary()

    def __call__(self, *leaves):
        return tuple(map(np.asarray, self.body.run(leaves)))

    def loop(self, carries, count):
        """The Loop over `count` arrays of rows that hands on the first `carries` inputs."""
        found = self._loops.get((carries, count))
        if found is None:
            made = Loop(self.body.program, carries, count, self.specs, self.body.out_specs)
            found = self._loops.setdefault((carries, count), made)
        return found

    def scan(self, carry, xs, consts, ys, length, reverse):
        """A loop: `ys` are filled with the rows that the steps give; returns the carry."""
        n, m = len(carry), len(carry) + len(xs)
        carry = tuple([_ready(x, s) for x, s in zip(carry, self.specs[:n], strict=True)])
        xs = [_ready(x, s) for x, s in zip(xs, self.specs[n:m], strict=True)]
        consts = [_ready(x, s) for x, s in zip(consts, self.specs[m:], strict=True)]
        return self.loop(n, m - n)(carry, xs, consts, ys, length, reverse)

    def repeat(self, test, carry, consts):
        """A loop for as long as the Step `test` finds a condition to hold; None if that must be asked in Python."""
        n = len(carry)
        loop = self.loop(n, 0)
        until = self._tests.get(test)
        if until is None:
            try:
                until = While(loop, test.body.program)
            except ValueError:
                return None
            until = self._tests.setdefault(test, until)
        carry = tuple([_ready(x, s) for x, s in zip(carry, self.specs[:n], strict=True)])
        consts = [_ready(x, s) for x, s in zip(consts, self.specs[n:], strict=True)]
        return loop(carry, [], consts, [], 0, False, until)


def _ready(x, spec):
    """An array as a program takes it."""
    return np.require(x, spec.dtype, "CA")
