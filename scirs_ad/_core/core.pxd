from cpython.object cimport PyObject
from scirs_ad._kernels.vm cimport Program

cdef class Spec:
    cdef readonly tuple shape
    cdef readonly object dtype

cdef class Level:
    cdef readonly long long number
    cdef public bint closed
    cdef public object capture
    cdef object apply(self, Primitive p, tuple args, dict params)
    cdef tuple shape_of(self, object value)

cdef class View:
    cdef readonly object get, put

cdef class Variable:
    cdef Level _level
    cdef object _value
    cdef object aux
    cdef long long ref
    cdef Variable base
    cdef object base_key
    cdef long long base_version, version
    cdef bint mutable       # if 0-d: an array, that in-place operators write into, not a scalar
    cdef object _refresh(self)
    cdef object _rebind(self, object new)

cdef class Key:
    cdef readonly tuple index
    cdef readonly Py_ssize_t core, taken
    cdef readonly bint advanced, unique
    cdef object hashed
    cdef tuple flat
    cdef tuple _tokens(self)

cdef class Node:
    cdef readonly Primitive primitive
    cdef readonly object params
    cdef readonly object out
    cdef readonly object specs
    cdef int arity
    cdef long long r0, r1, r2
    cdef object a0, a1, a2
    cdef tuple more_args
    cdef tuple more_refs

cdef class Rule:
    cdef readonly object function
    cdef readonly tuple names
    cdef readonly unsigned long long args_needed
    cdef readonly bint needs_out, needs_specs, needs_all
    cdef list codes
    cdef tuple keywords
    cdef object call(self, object moving, object out, tuple args, object specs, dict params)

cdef class Primitive:
    cdef readonly str name
    cdef readonly object body
    cdef public object kernel
    cdef readonly tuple argnames, paramnames
    cdef readonly bint variadic, differentiable, loops_equal, linear, internal
    cdef bint users                   # defined outside of this package
    cdef readonly str signature
    cdef object core
    cdef readonly int n_out
    cdef public object in_dims, out_dims
    cdef public object spec_rule, batch_rule, tape_rule, dual_rule, accumulate
    cdef public Rule vjp_rule, jvp_rule
    cdef public object samples, reason
    cdef readonly unsigned long long saves
    cdef readonly bint saves_out, saves_specs, saves_all
    cdef dict dtype_cache
    cdef dict __dict__
    cdef Rule _rule(self, function, moving)
    cdef _needs(self)
    cdef object compute(self, tuple args, dict params)
    cdef object abstract(self, tuple args, dict params)
    cdef object pull(self, Node node, object ct, tuple args, unsigned long long mask)
    cdef object push(self, object ts, object out, tuple args, object specs, dict params)

cdef class Plan:
    cdef readonly unsigned long long saves
    cdef readonly bint saves_out
    cdef readonly Program program
    cdef readonly tuple inputs        # -1 the cotangent or tangents, -2 the result, k an argument
    cdef readonly tuple outputs       # argument of each output of the program
    cdef readonly tuple passes        # arguments whose cotangent is the result's, unchanged
    cdef int n_inputs, n_outputs, n_passes      # the same three, for the backward sweep
    cdef signed char[16] c_inputs
    cdef signed char[16] c_outputs
    cdef signed char[16] c_passes

cdef class Elementwise(Primitive):
    cdef readonly str opcode
    cdef public object ufunc
    cdef public object partials
    cdef public Rule partials_rule
    cdef public Program program
    cdef public bint built
    cdef list plans
    cdef dict push_plans
    cdef Plan plan(self, unsigned long long mask)

cdef class Tape(Level):
    cdef readonly list nodes
    cdef readonly bint tracing
    cdef public bint forward        # whether it is walked forward, by `push`, alone
    cdef dict kept          # of large arrays that others can write to: (memory, layout) -> (array, copy or digest)
    cpdef object variable(self, object value, bint own=*)
    cdef object keep_large(self, object x)
    cdef object unchanged(self, list ys)
    cdef object record(self, Primitive p, tuple args, dict params, tuple lowered, object out,
                       unsigned long long mask)
    cdef object _apply1(self, Primitive p, Variable v, dict params)
    cpdef long long ref_of(self, object y)
    cpdef object lower(self, object y)
    cpdef list pull(self, list ys, list cts, list refs, bint free)
    cdef int _pull_fused(self, list acc, unsigned char* owned, Node node, object ct, bint ct_owned) except -1
    cdef Py_ssize_t _pull_sweep(self, list acc, unsigned char* owned, unsigned char* wanted,
                                Py_ssize_t start) except -2
    cdef int _pull_few(self, list acc, unsigned char* owned, Node node, object ct, bint ct_owned) except -1
    cdef int _pull_index(self, list acc, unsigned char* owned, Node node, object ct) except -1
    cdef int _pull_put(self, list acc, unsigned char* owned, Node node, object ct, bint ct_owned) except -1
    cdef int _pull_rule(self, list acc, unsigned char* owned, Node node, object ct) except -1
    cdef int _seed(self, list acc, unsigned char* owned, long long ref, object ct) except -1
    cdef int _give(self, list acc, unsigned char* owned, long long ref, object g, bint fresh) except -1
    cpdef list push(self, list refs, list ts, list ys)

cdef class Dual(Level):
    cpdef object variable(self, object value, object tangent)
    cpdef tuple split(self, object y)

cdef class Batch(Level):
    cdef readonly object size
    cpdef object variable(self, object value)
    cpdef object lower(self, object y)

cpdef object bind(Primitive p, tuple args, dict params)
cpdef tuple shape_of(object x)
