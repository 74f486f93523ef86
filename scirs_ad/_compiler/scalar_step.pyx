"""Scalar programs as instructions."""

from scirs_ad._compiler.program cimport Native
from scirs_ad._kernels.scalar cimport ScalarCall, scalar_run


cdef class ScalarStep(Native):
    """A ScalarCall whose pointers are those of a program."""

    cdef ScalarCall call

    def __cinit__(self, ScalarCall call):
        self.call = call
        self.run, self.data, self.ns = scalar_run, call.c, call.ns
        self.text = f"scalars: {call.program.n_steps} steps, {max(call.count, 1)} run(s)"

    def __repr__(self):
        return f"<{self.text}>"
