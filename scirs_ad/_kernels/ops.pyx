"""Vectorised scalar functions: one table of C loops, chosen at import for this machine.

The environment variable ``SCIRS_AD_ISA`` overrides the choice. Results of one element never depend on its position.
Between instruction sets they may differ in rounding (there is no fused multiply-add before x86-64-v3).
The kernels do not report floating-point warnings: `numpy.errstate` has no effect on them.

Attributes
----------
ISA : str
    The instruction set in use: "v2", "v3" or "v4" (levels of x86-64), or "baseline" elsewhere.
OPCODES : dict
    Operation name to its row in `table`.
ARITY : dict
    Operation name to its number of operands.
"""
import os

cimport numpy as cnp
import numpy as np

cnp.import_array()

cdef extern from "ops.h" nogil:
    int ad_isa_count()
    const char *ad_isa_name(int i)
    int ad_isa_supported(int i)
    const void *ad_isa_tables(int i)
    int AD_OP_COUNT


def available_isas():
    """Names of the instruction sets that this build holds and this machine runs, slowest first.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> from scirs_ad._kernels import ops
    >>> ops.ISA in ops.available_isas()
    True
    """
    return tuple((<bytes> ad_isa_name(i)).decode() for i in range(ad_isa_count()) if ad_isa_supported(i))


cdef const ad_isa *find_tables(str isa) except NULL:
    cdef int i
    for i in range(ad_isa_count()):
        if (<bytes> ad_isa_name(i)).decode() == isa and ad_isa_supported(i):
            return <const ad_isa *> ad_isa_tables(i)
    built = ", ".join((<bytes> ad_isa_name(i)).decode() for i in range(ad_isa_count()))
    raise ValueError(
        f"unknown or unsupported instruction set {isa!r}: this build holds {built}; "
        f"this machine supports {', '.join(available_isas()) or 'none of them'}"
    )


cdef str choose_isa():
    names = available_isas()
    wanted = os.environ.get("SCIRS_AD_ISA")
    if wanted:
        if wanted not in names:
            try:
                find_tables(wanted)
            except ValueError as error:
                raise ImportError(f"SCIRS_AD_ISA: {error}") from None
        return wanted
    if not names:
        raise ImportError("scirs_ad needs an x86-64-v2 processor (SSE4.2) or newer")
    return names[len(names) - 1]


ISA = choose_isa()
tables = find_tables(ISA)
table = tables.ops
n_ops = AD_OP_COUNT
OPCODES = {(<bytes> table[i].name).decode(): i for i in range(n_ops)}
ARITY = {(<bytes> table[i].name).decode(): table[i].arity for i in range(n_ops)}


cdef int check_operand(str name, x, first) except -1:
    if not isinstance(x, np.ndarray) or x.dtype not in (np.float64, np.float32) or x.dtype != first.dtype:
        raise TypeError(f"{name}: operands must be arrays of one dtype, float64 or float32")
    if x.shape != first.shape or not x.flags.c_contiguous or not x.flags.aligned:
        raise ValueError(f"{name}: operands must be contiguous and of one shape")
    return 0


def apply(name, *arrays, isa=None, out=None):
    """Apply one operation to whole arrays: the door for tests and benchmarks.

    Parameters
    ----------
    name : str
        A key of `OPCODES`.
    *arrays : ndarray
        C-contiguous, of one shape and one dtype, float64 or float32.
    isa : str, optional
        One of `available_isas()`; by default the one in use.
    out : ndarray, optional
        Where to write: an array like the operands, perhaps one of them.

    Returns
    -------
    ndarray
        `out`, or a new array of the same shape and dtype. Predicates give 1.0 and 0.0.

    Raises
    ------
    ValueError
        Unknown operation or instruction set, wrong number of operands, shapes that differ or strides.
    TypeError
        A dtype other than float64 or float32, or a mixture of both.

    Examples
    --------
    >>> import numpy as np
    >>> from scirs_ad._kernels import ops
    >>> ops.apply("add", np.ones(2), np.arange(2.0))
    array([1., 2.])
    """
    cdef const ad_op *rows = table if isa is None else find_tables(isa).ops
    if name not in OPCODES:
        raise ValueError(f"unknown operation {name!r}")
    cdef const ad_op *op = &rows[<int> OPCODES[name]]
    if len(arrays) != op.arity:
        raise ValueError(f"{name} takes {op.arity} arrays, got {len(arrays)}")
    first = arrays[0]
    cdef const void *p[3]
    cdef int i
    p[0] = p[1] = p[2] = NULL
    for i, x in enumerate(arrays):
        check_operand(name, x, first)
        p[i] = cnp.PyArray_DATA(<cnp.ndarray> x)
    if out is None:
        out = np.empty_like(first, order="C", subok=False)
    else:
        check_operand(name, out, first)
    cdef Py_ssize_t n = out.size
    cdef void *q = cnp.PyArray_DATA(<cnp.ndarray> out)
    cdef ad_op_fn fn = op.f64 if out.dtype == np.float64 else op.f32
    with nogil:
        fn(n, p[0], p[1], p[2], q)
    return out
