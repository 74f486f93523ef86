# The struct is spelled out here (same layout as src/ops.h), so that a module which cimports it
# needs no C include path.
ctypedef void (*ad_op_fn)(Py_ssize_t n, const void *a, const void *b, const void *c, void *out) noexcept nogil

ctypedef struct ad_op:
    const char *name
    int arity
    ad_op_fn f64
    ad_op_fn f32

ctypedef void (*ad_fold_fn)(Py_ssize_t n, const void *x, void *out) noexcept nogil

ctypedef void (*ad_fold_rows_fn)(Py_ssize_t rows, Py_ssize_t p, const void *x, void *out) noexcept nogil

ctypedef struct ad_reducer:
    ad_fold_fn units
    ad_fold_fn tree
    ad_fold_fn whole
    ad_op_fn merge
    ad_fold_rows_fn rows
    ad_fold_rows_fn columns

cdef enum:
    DTYPES = 7      # AD_DTYPES of src/ops.h

ctypedef struct ad_super:
    const char *name
    ad_op_fn f64        # with four operands if its name says so: for the machine to call
    ad_op_fn f32

ctypedef struct ad_typed:
    const char *name
    const char *signature
    ad_op_fn fn

ctypedef struct ad_isa:
    const ad_op *ops
    const ad_reducer (*reducers)[DTYPES]
    const ad_super *supers
    int n_supers
    const ad_typed *typed
    int n_typed

cdef const ad_isa *tables
cdef const ad_op *table
cdef int n_ops
