# The struct is spelled out here (same layout as src/ops.h), so that a module which cimports it
# needs no C include path.
ctypedef void (*ad_op_fn)(Py_ssize_t n, const void *a, const void *b, const void *c, void *out) noexcept nogil

ctypedef struct ad_op:
    const char *name
    int arity
    ad_op_fn f64
    ad_op_fn f32

cdef const ad_op *table
cdef int n_ops
