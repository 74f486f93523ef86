"""Scalar programs: functions that index and loop over small vectors, as a list of operations on single numbers.

`ScalarBuilder` collects operations, each once, and makes a `ScalarProgram` of them. In a program for one run
operations of one kind stand together as far as what they need allows; in a program for many runs, which lie side by
side, they stand as they came, so that few registers are in use.
"""

cimport cython
cimport numpy as cnp
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.math cimport sqrt
from libc.stdint cimport uint16_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset
from scirs_ad._kernels.ops cimport tables
from scirs_ad._kernels.threads cimport parallel_for, threads_for

import numpy as np
from scirs_ad._kernels.ops import ARITY, OPCODES
from scirs_ad._kernels.vm import CHEAP

cnp.import_array()

cdef extern from "scalar.h" nogil:
    enum: AD_SCALAR_PAD
    enum:
        AD_SCALAR_multiply_add
        AD_SCALAR_multiply_subtract
        AD_SCALAR_multiply_rsubtract
        AD_SCALAR_mulz_add
        AD_SCALAR_mulz_subtract
        AD_SCALAR_mulz_rsubtract
        AD_SCALAR_multiply_multiply
        AD_SCALAR_multiply_mulz
        AD_SCALAR_multiply_rmulz
        AD_SCALAR_add_add
        AD_SCALAR_subtract_multiply
        AD_SCALAR_add_multiply
        AD_SCALAR_END
    ctypedef struct ad_scalar_step:
        uint16_t dst, a, b, c
    ctypedef void (*ad_parallel_for)(void (*)(void*, int, int) noexcept nogil, void*, int, int) noexcept nogil
    ctypedef struct ad_scalar_port:
        int arg, is_bool, reg, count
        Py_ssize_t offset, step, stride
    ctypedef struct ad_scalar:
        const ad_scalar_step* steps
        Py_ssize_t n_const, n_reg, itemsize
        const void* consts
        const uint16_t* results
        const void* isa
        ad_parallel_for parallel
    ctypedef struct ad_scalar_call:
        const ad_scalar* program
        const ad_scalar_port* loads
        const ad_scalar_port* stores
        int n_loads, n_stores
        Py_ssize_t count
        int threads
    int ad_scalar_run(const ad_scalar_call* call, char** args)

LANES = AD_SCALAR_PAD

cdef enum:
    MOST_REGISTERS = 65535      # numbers of registers have 16 bits
    CONSTANT = -1
    LOAD = -2
    WINDOW = 512                # how far operations may move to stand beside others of their kind

# Nanoseconds per operation of a program for one run, and for many; a function costs more than arithmetic.
cdef double ONE = 1.2, ONE_FUNCTION = 12.0, LANE = 0.16, LANE_FUNCTION = 1.0

cdef int ADD = OPCODES["add"], SUBTRACT = OPCODES["subtract"], MULTIPLY = OPCODES["multiply"]
cdef int DIVIDE = OPCODES["divide"], MULZ = OPCODES["mulz"], NEGATIVE = OPCODES["negative"]
cdef int SQUARE = OPCODES["square"], SQRT = OPCODES["sqrt"], RECIPROCAL = OPCODES["reciprocal"]
cdef int COPY = OPCODES["copy"], WHERE = OPCODES["where"], EQUAL = OPCODES["equal"]
cdef int NOT_EQUAL = OPCODES["not_equal"]
cdef int ARITIES[256]
cdef bint COSTLY[256]
for _name, _code in OPCODES.items():
    ARITIES[<int> _code] = ARITY[_name]
    COSTLY[<int> _code] = _name not in CHEAP


cdef struct Call:
    ad_scalar_call call
    double ns


cdef int scalar_run(void* call, char** pointers) noexcept nogil:
    cdef ad_scalar_call now
    if (<Call*> call).call.count == 0 or (<Call*> call).call.threads:
        return ad_scalar_run(&(<Call*> call).call, pointers)
    now = (<Call*> call).call
    now.threads = threads_for((<Call*> call).ns)
    return ad_scalar_run(&now, pointers)


cdef inline uint64_t _bits(double x) noexcept:
    cdef uint64_t u
    memcpy(&u, &x, 8)
    return u


cdef void* _resized(void* block, size_t size) except NULL:
    cdef void* found = PyMem_Realloc(block, size)
    if found == NULL:
        raise MemoryError
    return found


# ------------------------------------------------------------------------------------------------ the builder
@cython.final
cdef class ScalarBuilder:
    """Operations on single numbers; equal ones are one.

    Values are numbered in the order in which they are made; value 0 is the constant 0.

    Parameters
    ----------
    dtype : {float64, float32}
    exact : bool
        Whether to use identities that hold for all values, up to the sign of a zero: ``x + 0 -> x``,
        ``mulz(0, x) -> 0`` and others.

    Examples
    --------
    >>> from scirs_ad._kernels.scalar import ScalarBuilder
    >>> b = ScalarBuilder("d", True)
    >>> x, y = b.load(0, 0), b.load(0, 1)
    >>> norm = b.emit("sqrt", b.emit("add", b.emit("multiply", x, x), b.emit("multiply", y, y)))
    >>> b.program([[norm]])([3.0, 4.0])[0]
    array([5.])
    """

    cdef readonly object dtype
    cdef bint exact, single
    cdef int n, room, slots             # values; places for them; of the table of known values
    cdef int* op
    cdef int* operands                  # three each
    cdef double* number
    cdef int* table

    def __cinit__(self, dtype, bint exact):
        self.dtype = np.dtype(dtype)
        if self.dtype.char not in "df":
            raise TypeError(f"ScalarBuilder: dtype must be float64 or float32, not {self.dtype}")
        self.exact, self.single = exact, self.dtype.char == "f"
        self.room, self.slots = 256, 1024
        self.op = <int*> _resized(NULL, self.room * sizeof(int))
        self.operands = <int*> _resized(NULL, 3 * self.room * sizeof(int))
        self.number = <double*> _resized(NULL, self.room * sizeof(double))
        self.table = <int*> _resized(NULL, self.slots * sizeof(int))
        memset(self.table, -1, self.slots * sizeof(int))
        self.constant(0.0)

    def __dealloc__(self):
        PyMem_Free(self.op)
        PyMem_Free(self.operands)
        PyMem_Free(self.number)
        PyMem_Free(self.table)

    def __len__(self):
        return self.n

    cdef int value(self, int op, int a, int b, int c, double number) except -1:
        """The number of a value: of the one that is known, or of a new one."""
        cdef uint64_t h = _bits(number)
        cdef int at, k
        cdef int* of
        h ^= <uint64_t> (op + 3) * 0x9E3779B97F4A7C15u
        h = (h ^ (h >> 29)) * 0xBF58476D1CE4E5B9u + <uint64_t> a
        h = (h ^ (h >> 32)) * 0x94D049BB133111EBu + <uint64_t> b
        h = (h ^ (h >> 31)) * 0x9E3779B97F4A7C15u + <uint64_t> c
        h ^= h >> 33
        at = <int> (h & <uint64_t> (self.slots - 1))
        while self.table[at] >= 0:
            k = self.table[at]
            of = self.operands + 3 * k
            if self.op[k] == op and of[0] == a and of[1] == b and of[2] == c and _bits(self.number[k]) == _bits(number):
                return k
            at = (at + 1) & (self.slots - 1)
        self.table[at] = self.n
        return self._put(op, a, b, c, number)

    cdef int _put(self, int op, int a, int b, int c, double number) except -1:
        cdef int k = self.n, i
        self.op[k], self.number[k] = op, number
        self.operands[3 * k], self.operands[3 * k + 1], self.operands[3 * k + 2] = a, b, c
        self.n += 1
        if self.n == self.room:
            self.room *= 2
            self.op = <int*> _resized(self.op, self.room * sizeof(int))
            self.operands = <int*> _resized(self.operands, 3 * self.room * sizeof(int))
            self.number = <double*> _resized(self.number, self.room * sizeof(double))
            self.table = <int*> _resized(self.table, 4 * self.room * sizeof(int))
            self.slots = 4 * self.room
            memset(self.table, -1, self.slots * sizeof(int))
            self.n = 0
            for i in range(k + 1):      # in the larger table every value has another place
                self.value(self.op[i], self.operands[3 * i], self.operands[3 * i + 1], self.operands[3 * i + 2],
                           self.number[i])
        return k

    cpdef int constant(self, double number) except -1:
        """A number."""
        if self.single:
            number = <float> number
        return self.value(CONSTANT, 0, 0, 0, number)

    cpdef int load(self, int arg, int element) except -1:
        """An element of an input."""
        return self.value(LOAD, arg, element, 0, 0.0)

    cpdef int emit(self, str name, int a, int b=0, int c=0) except -1:
        """The result of an operation of the table of kernels."""
        return self.apply(OPCODES[name], a, b, c)

    cpdef int apply(self, int op, int a, int b=0, int c=0) except -1:
        """The same by number of the operation."""
        cdef int found, arity = ARITIES[op]
        if not (0 <= a < self.n and 0 <= b < self.n and 0 <= c < self.n):
            raise ValueError(f"ScalarBuilder: an operand of {a, b, c} does not exist; there are {self.n}")
        if arity < 3:
            c = 0
        if arity < 2:
            b = 0
        if op == COPY:
            return a
        if op == SQUARE:
            op, b = MULTIPLY, a
        if self.exact:
            found = self._simple(op, a, b, c)
            if found >= 0:
                return found
        if a > b and (op == ADD or op == MULTIPLY or op == EQUAL or op == NOT_EQUAL):
            a, b = b, a
        return self.value(op, a, b, c, 0.0)

    def apply_all(self, int op, list operands, tuple shape):
        """The same, element by element, for arrays of values (int64) of a shape; a single value stands for all."""
        cdef cnp.npy_intp i, n
        cdef int k, count = len(operands)
        cdef cnp.int64_t* data[3]
        cdef int one[3]
        cdef bint single[3]
        cdef cnp.int64_t* to
        if count > 3:
            raise ValueError(f"ScalarBuilder: {count} operands")
        kept = []
        for k in range(3):
            single[k], one[k] = True, 0
        for k in range(count):
            x = operands[k]
            if type(x) is int:
                one[k] = x
                continue
            x = np.ascontiguousarray(x if x.shape == shape else np.broadcast_to(x, shape), np.int64)
            kept.append(x)
            single[k], data[k] = False, <cnp.int64_t*> cnp.PyArray_DATA(<cnp.ndarray> x)
        out = np.empty(shape, np.int64)
        to = <cnp.int64_t*> cnp.PyArray_DATA(<cnp.ndarray> out)
        n = out.size
        for i in range(n):
            for k in range(3):
                if not single[k]:
                    one[k] = <int> data[k][i]
            to[i] = self.apply(op, one[0], one[1], one[2])
        return out

    cdef bint _is(self, int v, double number) noexcept:
        return self.op[v] == CONSTANT and self.number[v] == number

    cdef int _simple(self, int op, int a, int b, int c) except -2:
        """A value that is equal by an exact identity, or -1."""
        cdef int* inner = self.operands
        cdef bint fixed_a = self.op[a] == CONSTANT, fixed_b = self.op[b] == CONSTANT
        cdef double x = self.number[a], y = self.number[b]
        if op == ADD:
            if fixed_a and fixed_b:
                return self.constant(x + y)
            if self._is(a, 0):
                return b
            if self._is(b, 0):
                return a
            if self.op[b] == NEGATIVE:
                return self.apply(SUBTRACT, a, inner[3 * b])
            if self.op[a] == NEGATIVE:
                return self.apply(SUBTRACT, b, inner[3 * a])
        elif op == SUBTRACT:
            if fixed_a and fixed_b:
                return self.constant(x - y)
            if self._is(b, 0):
                return a
            if self.op[b] == NEGATIVE:
                return self.apply(ADD, a, inner[3 * b])
        elif op == MULTIPLY:
            if fixed_a and fixed_b:
                return self.constant(x * y)
            if self._is(a, 1):
                return b
            if self._is(b, 1):
                return a
            if self._is(a, -1):
                return self.apply(NEGATIVE, b)
            if self._is(b, -1):
                return self.apply(NEGATIVE, a)
            if self.op[a] == NEGATIVE:
                if self.op[b] == NEGATIVE:
                    return self.apply(MULTIPLY, inner[3 * a], inner[3 * b])
                if fixed_b:
                    return self.apply(MULTIPLY, inner[3 * a], self.constant(-y))
                return self.apply(NEGATIVE, self.apply(MULTIPLY, inner[3 * a], b))
            if self.op[b] == NEGATIVE:
                if fixed_a:
                    return self.apply(MULTIPLY, self.constant(-x), inner[3 * b])
                return self.apply(NEGATIVE, self.apply(MULTIPLY, a, inner[3 * b]))
        elif op == MULZ:
            if self._is(a, 0):
                return 0
            if self._is(a, 1):
                return b
            if self._is(b, 1):
                return a
            if (fixed_a and x - x == 0) or (fixed_b and y - y == 0 and y != 0):
                return self.apply(MULTIPLY, a, b)   # a finite number that is not zero
            if self.op[a] == NEGATIVE:
                return self.apply(NEGATIVE, self.apply(MULZ, inner[3 * a], b))
            if self.op[b] == NEGATIVE:
                return self.apply(NEGATIVE, self.apply(MULZ, a, inner[3 * b]))
        elif op == DIVIDE:
            if fixed_a and fixed_b:
                return self.constant(x / y)
            if self._is(b, 1):
                return a
            if self._is(a, 1):
                return self.apply(RECIPROCAL, b)
            if self._is(b, -1):
                return self.apply(NEGATIVE, a)
            if self.op[a] == NEGATIVE:
                return self.apply(NEGATIVE, self.apply(DIVIDE, inner[3 * a], b))
        elif op == NEGATIVE:
            if fixed_a:
                return self.constant(-x)
            if self.op[a] == NEGATIVE:
                return inner[3 * a]
        elif op == RECIPROCAL and fixed_a:
            return self.constant(1 / x)
        elif op == SQRT and fixed_a:
            return self.constant(sqrt(x))
        elif op == WHERE:
            if fixed_a:
                return b if x != 0 else c
            if b == c:
                return b
        return -1

    def program(self, outputs, bint lanes=False):
        """A program of what the outputs need.

        Parameters
        ----------
        outputs : sequence of sequence of int
            For every output vector the values of its elements.
        lanes : bool
            Whether it is to be run many times, side by side.

        Returns
        -------
        ScalarProgram
        """
        cdef ScalarProgram made = ScalarProgram.__new__(ScalarProgram)
        _arrange(self, made, tuple([tuple(values) for values in outputs]), lanes)
        return made


cdef int _pair(int outer, int inner, bint left) noexcept:
    """The operation that does two: `inner`, and `outer` on its result (its left operand, or its right) and another."""
    if outer == ADD:
        return (AD_SCALAR_multiply_add if inner == MULTIPLY else AD_SCALAR_mulz_add if inner == MULZ
                else AD_SCALAR_add_add if inner == ADD else 0)
    if outer == SUBTRACT:
        if inner == MULTIPLY:
            return AD_SCALAR_multiply_subtract if left else AD_SCALAR_multiply_rsubtract
        if inner == MULZ:
            return AD_SCALAR_mulz_subtract if left else AD_SCALAR_mulz_rsubtract
    if outer == MULTIPLY:
        return (AD_SCALAR_multiply_multiply if inner == MULTIPLY else AD_SCALAR_subtract_multiply if inner == SUBTRACT
                else AD_SCALAR_add_multiply if inner == ADD else 0)
    if outer == MULZ and inner == MULTIPLY:
        return AD_SCALAR_multiply_mulz if left else AD_SCALAR_multiply_rmulz
    return 0


cdef char* _memory(list memory, Py_ssize_t size) except NULL:
    cdef object block = bytearray(max(size, 1))
    cdef unsigned char[::1] view = block
    memory.append((block, view))
    return <char*> &view[0]


cdef _arrange(ScalarBuilder b, ScalarProgram p, tuple outputs, bint lanes):
    """Choose operations, their order and their registers."""
    cdef int n = b.n, k, i, j, v, code, m, low, admitted, current, best, at, n_const, n_reg, r, head
    cdef list work = []
    cdef int* kind = <int*> _memory(work, n * sizeof(int))          # the operation; 0 operands: dead
    cdef int* from_ = <int*> _memory(work, 3 * n * sizeof(int))     # its operands
    cdef int* arity = <int*> _memory(work, n * sizeof(int))
    cdef int* uses = <int*> _memory(work, n * sizeof(int))
    cdef int* order = <int*> _memory(work, n * sizeof(int))         # live operations
    cdef int* place = <int*> _memory(work, n * sizeof(int))         # and where they are in it
    cdef int* last = <int*> _memory(work, n * sizeof(int))
    cdef int* register = <int*> _memory(work, n * sizeof(int))
    cdef int* users
    cdef int* first_user
    cdef int* waiting
    cdef int* next_
    cdef int* sorted_
    cdef int* o
    cdef int head_of[256]
    cdef int tail_of[256]
    cdef int count_of[256]
    cdef ad_scalar* c
    cdef ad_scalar_step* steps
    cdef uint16_t* results
    cdef char* numbers
    memset(uses, 0, n * sizeof(int))
    for values in outputs:
        for v in values:
            if not 0 <= v < n:
                raise ValueError(f"ScalarProgram: an output is value {v}; there are {n}")
            uses[v] += 2                # an output is never part of another operation
    for k in range(n - 1, -1, -1):
        kind[k] = b.op[k]
        arity[k] = ARITIES[b.op[k]] if b.op[k] >= 0 else 0
        for i in range(3):
            from_[3 * k + i] = b.operands[3 * k + i]
        if uses[k]:
            for i in range(arity[k]):
                uses[from_[3 * k + i]] += 1
    # Two in one.
    for k in range(n):
        if not uses[k] or arity[k] != 2:
            continue
        for i in range(2):
            v = from_[3 * k + i]
            if uses[v] != 1 or arity[v] != 2:
                continue
            code = _pair(kind[k], kind[v], i == 0)
            if code:
                from_[3 * k + 2] = from_[3 * k + 1 - i]
                from_[3 * k], from_[3 * k + 1] = from_[3 * v], from_[3 * v + 1]
                kind[k], arity[k], uses[v] = code, 3, 0
                break
    m = 0
    for k in range(n):
        if uses[k] and b.op[k] >= 0:
            place[k] = m
            order[m] = k
            m += 1
    # Operations of one kind side by side.
    if not lanes and m > 1:
        first_user = <int*> _memory(work, (n + 1) * sizeof(int))
        users = <int*> _memory(work, 3 * m * sizeof(int))
        waiting = <int*> _memory(work, m * sizeof(int))
        next_ = <int*> _memory(work, m * sizeof(int))
        sorted_ = <int*> _memory(work, m * sizeof(int))
        memset(first_user, 0, (n + 1) * sizeof(int))
        memset(waiting, 0, m * sizeof(int))
        for i in range(m):
            k = order[i]
            for j in range(arity[k]):
                v = from_[3 * k + j]
                if b.op[v] >= 0:
                    first_user[v + 1] += 1
                    waiting[i] += 1
        for v in range(n):
            first_user[v + 1] += first_user[v]
        memset(last, 0, n * sizeof(int))
        for i in range(m):
            k = order[i]
            for j in range(arity[k]):
                v = from_[3 * k + j]
                if b.op[v] >= 0:
                    users[first_user[v] + last[v]] = i
                    last[v] += 1
        for i in range(256):
            head_of[i] = tail_of[i] = -1
            count_of[i] = 0
        low = admitted = at = 0
        current = 0
        while at < m:
            while admitted < m and admitted < low + WINDOW:
                if not waiting[admitted]:
                    _queue(admitted, kind[order[admitted]], head_of, tail_of, count_of, next_)
                admitted += 1
            if not count_of[current]:
                best = 0
                for i in range(256):
                    if count_of[i] > best:
                        best, current = count_of[i], i
            i = head_of[current]
            head_of[current] = next_[i]
            count_of[current] -= 1
            waiting[i] = -1
            k = order[i]
            sorted_[at] = k
            at += 1
            for j in range(first_user[k], first_user[k + 1]):
                v = users[j]
                waiting[v] -= 1
                if not waiting[v] and v < admitted:
                    _queue(v, kind[order[v]], head_of, tail_of, count_of, next_)
            while low < m and waiting[low] == -1:
                low += 1
        memcpy(order, sorted_, m * sizeof(int))
    # Registers: constants, what is loaded, temporaries; what is loaded is free after its last use, like them.
    for k in range(n):
        last[k] = -1
    for i in range(m):
        k = order[i]
        for j in range(arity[k]):
            last[from_[3 * k + j]] = i
    for values in outputs:
        for v in values:
            last[v] = m
    n_const = 0
    loaded = []
    for k in range(n):
        if last[k] >= 0 and b.op[k] == CONSTANT:
            register[k] = n_const
            n_const += 1
        elif last[k] >= 0 and b.op[k] == LOAD:
            loaded.append((b.operands[3 * k], b.operands[3 * k + 1], k))
    loaded.sort()
    n_reg = n_const
    for found in loaded:
        register[<int> found[2]] = n_reg
        n_reg += 1
    cdef int* free_ = <int*> _memory(work, (n_reg + m + 1) * sizeof(int))
    cdef int n_free = 0
    for i in range(m):
        k = order[i]
        o = from_ + 3 * k
        for j in range(arity[k]):
            v = o[j]
            if last[v] == i and b.op[v] != CONSTANT:
                free_[n_free] = register[v]
                n_free += 1
                last[v] = -2            # an operand that stands twice is freed once
        if n_free:
            n_free -= 1
            register[k] = free_[n_free]
        else:
            register[k] = n_reg
            n_reg += 1
    if n_reg > MOST_REGISTERS:
        raise ValueError(f"ScalarProgram: {n_reg} registers; the machine takes {MOST_REGISTERS}")
    # The stream.
    p.memory = []
    steps = <ad_scalar_step*> _memory(p.memory, (2 * m + 1) * sizeof(ad_scalar_step))
    at = 0
    p.ns = 0
    i = 0
    while i < m:
        head, code = at, kind[order[i]]
        at += 1
        while i < m and kind[order[i]] == code:
            k = order[i]
            o = from_ + 3 * k
            steps[at].dst, steps[at].a = register[k], register[o[0]]
            steps[at].b = register[o[1]] if arity[k] > 1 else steps[at].a
            steps[at].c = register[o[2]] if arity[k] > 2 else steps[at].a
            p.ns += (LANE_FUNCTION if lanes else ONE_FUNCTION) if COSTLY[code] else LANE if lanes else ONE
            at += 1
            i += 1
        r = at - head - 1
        steps[head].dst, steps[head].a, steps[head].b, steps[head].c = 0, code, r & 0xFFFF, r >> 16
    steps[at].a = AD_SCALAR_END
    numbers = _memory(p.memory, n_const * 8)
    for k in range(n):
        if last[k] != -1 and b.op[k] == CONSTANT:
            if b.single:
                (<float*> numbers)[register[k]] = <float> b.number[k]
            else:
                (<double*> numbers)[register[k]] = b.number[k]
    results = <uint16_t*> _memory(p.memory, 2 * sum([len(values) for values in outputs]))
    i = 0
    for values in outputs:
        for v in values:
            results[i] = register[v]
            i += 1
    c = <ad_scalar*> _memory(p.memory, sizeof(ad_scalar))
    c.steps, c.n_const, c.n_reg, c.itemsize = steps, n_const, n_reg, b.dtype.itemsize
    c.consts, c.results = numbers, results
    c.isa, c.parallel = <const void*> tables, <ad_parallel_for> parallel_for
    p.c = c
    p.loads = tuple([(arg, element) for arg, element, _ in loaded])
    p.out_sizes = tuple([len(values) for values in outputs])
    p.ns += (0.5 if lanes else 0.8) * (len(p.loads) + sum(p.out_sizes))
    p.dtype, p.lanes, p.n_registers, p.n_steps = b.dtype, lanes, n_reg, m


cdef void _queue(int i, int code, int* head, int* tail, int* count, int* next_) noexcept:
    next_[i] = -1
    if count[code]:
        next_[tail[code]] = i
    else:
        head[code] = i
    tail[code] = i
    count[code] += 1


# ------------------------------------------------------------------------------------------------ the program
@cython.final
cdef class ScalarProgram:
    """A list of operations on single numbers.

    Values are numbered: the elements of all inputs, then the constants, then the results of the code.

    Parameters
    ----------
    sizes : sequence of int
        Lengths of the input vectors.
    consts : sequence of float
    code : sequence of tuple
        `(name, operands)`: an operation of the table of kernels, numbers of the operands.
    outputs : sequence of sequence of int
        For every output vector the values of its elements.
    lanes : bool, optional
        Whether it is to be run many times, side by side.
    dtype : {float64, float32}, optional

    Raises
    ------
    KeyError
        If an operation has no kernel.
    ValueError
        If an operand or a result does not exist, or an operation has the wrong number of operands.

    Examples
    --------
    >>> from scirs_ad._kernels.scalar import ScalarProgram
    >>> norm = ScalarProgram([2], [], [("square", (0,)), ("square", (1,)), ("add", (2, 3)), ("sqrt", (4,))], [[5]])
    >>> norm([3.0, 4.0])[0]
    array([5.])
    """

    cdef readonly tuple loads           # (input, element) of what is read, in the order of registers
    cdef readonly tuple out_sizes       # lengths of the output vectors
    cdef readonly object dtype
    cdef readonly int n_registers
    cdef readonly int n_steps           # operations; two in one count once
    cdef readonly double ns             # estimated work of one run, nanoseconds
    cdef readonly bint lanes            # whether it is meant to be run many times, side by side
    cdef tuple description
    cdef list memory
    cdef void* c

    def __init__(self, sizes, consts, code, outputs, lanes=False, dtype=np.float64):
        cdef ScalarBuilder b = ScalarBuilder(dtype, False)
        values = [b.load(k, i) for k, size in enumerate(sizes) for i in range(size)]
        values += [b.constant(x) for x in consts]
        for k, (name, operands) in enumerate(code):
            if name not in OPCODES:
                raise KeyError(f"ScalarProgram: no kernel for {name}")
            if len(operands) != ARITY[name]:
                raise ValueError(f"ScalarProgram: instruction {k}: {name} takes {ARITY[name]} operands, "
                                 f"not {len(operands)}")
            for value in operands:
                if not 0 <= value < len(values):
                    raise ValueError(f"ScalarProgram: instruction {k} ({name}) uses value {value}, "
                                     f"which is not computed before it")
            values.append(b.emit(name, *[values[value] for value in operands]))
        for value in [value for found in outputs for value in found]:
            if not 0 <= value < len(values):
                raise ValueError(f"ScalarProgram: an output is value {value}; there are {len(values)}")
        self.description = (tuple(sizes), tuple(consts), tuple(code), tuple([tuple(found) for found in outputs]), lanes,
                            dtype)
        _arrange(b, self, tuple([tuple([values[value] for value in found]) for found in outputs]), lanes)

    def __reduce__(self):
        if self.description is None:
            raise TypeError("ScalarProgram: only a program that was made from a list of operations can be pickled")
        return ScalarProgram, self.description

    def __repr__(self):
        return (f"<ScalarProgram: {len(self.loads)} numbers in, {sum(self.out_sizes)} out, {self.n_steps} steps, "
                f"{self.n_registers} registers>")

    def __call__(self, *vectors):
        """Run once; a tuple of arrays."""
        return tuple([out[0] for out in self._run(0, [np.asarray(v, self.dtype)[None] for v in vectors], 1)])

    def map(self, Py_ssize_t count, *inputs, int threads=0):
        """Run `count` times, on the rows of the inputs; an input of one dimension is shared by all runs.

        Parameters
        ----------
        count : int
        *inputs : array_like, shape (count, n) or (n,)
        threads : int, optional
            At most; 0 lets the amount of work decide.

        Returns
        -------
        tuple of ndarray, shape (count, m)

        Raises
        ------
        TypeError
            If the number of inputs is wrong.
        ValueError
            If the shape of an input is.
        """
        return self._run(count, inputs, threads)

    def _run(self, count, inputs, threads):
        sizes = self.description[0] if self.description is not None else None
        need = 1 + max([arg for arg, _ in self.loads], default=-1) if sizes is None else len(sizes)
        if len(inputs) < need or (sizes is not None and len(inputs) > need):
            raise TypeError(f"ScalarProgram: {len(inputs)} inputs, expected {need}")
        arrays = [np.ascontiguousarray(x, self.dtype) for x in inputs]
        rows = max(count, 1)
        for k, x in enumerate(arrays):
            size = sizes[k] if sizes is not None else x.shape[x.ndim - 1]
            if x.shape != (rows, size) and x.shape != (size,):
                raise ValueError(f"ScalarProgram: input {k} has shape {x.shape}, "
                                 f"expected ({rows}, {size}) or ({size},)")
        results = [np.empty((rows, size), self.dtype) for size in self.out_sizes]
        item = self.dtype.itemsize
        loads = [(arg, False, 1, element * item, 0, arrays[arg].shape[1] * item if arrays[arg].ndim == 2 else 0)
                 for arg, element in self.loads]
        stores = [(len(arrays) + k, False, size, 0, item, size * item) for k, size in enumerate(self.out_sizes)]
        ScalarCall(self, loads, stores, count, threads).run([*arrays, *results])
        return tuple(results)


# ------------------------------------------------------------------------------------------------ a call
@cython.final
cdef class ScalarCall:
    """A program with the places that it reads and writes.

    Parameters
    ----------
    program : ScalarProgram
    loads, stores : list of (pointer, is_bool, count, offset, step, stride)
        Elements in the order of `program.loads`, and of its outputs: `count` of them, `step` bytes apart, from
        `offset` on; from one run to the next `stride` bytes.
    count : int
        Number of runs side by side; 0: one run.
    threads : int
        At most; 0 lets the amount of work decide.
    """

    def __init__(self, ScalarProgram program, loads, stores, Py_ssize_t count, int threads=0):
        cdef ad_scalar_call* c
        self.memory = []
        self.program, self.count = program, count
        self.c = _memory(self.memory, sizeof(Call))
        c = &(<Call*> self.c).call
        c.program = <const ad_scalar*> program.c
        c.loads = _ports(self.memory, loads, (<ad_scalar*> program.c).n_const)
        c.stores = _ports(self.memory, stores, 0)
        c.n_loads, c.n_stores, c.count = len(loads), len(stores), count
        self.ns = 15 + program.ns * max(count, 1)
        c.threads = max(threads, 0)
        (<Call*> self.c).ns = self.ns

    def run(self, arrays):
        """Run on arrays: each is the memory of one pointer."""
        cdef Py_ssize_t k
        cdef int failed
        cdef char** pointers = <char**> malloc((len(arrays) + 1) * sizeof(char*))
        if pointers == NULL:
            raise MemoryError
        for k in range(len(arrays)):
            pointers[k] = <char*> cnp.PyArray_DATA(<cnp.ndarray> arrays[k])
        with nogil:
            failed = scalar_run(self.c, pointers)
        free(pointers)
        if failed:
            raise MemoryError("out of memory for the registers of a scalar program")


cdef ad_scalar_port* _ports(list memory, ports, int reg) except NULL:
    cdef ad_scalar_port* found = <ad_scalar_port*> _memory(memory, len(ports) * sizeof(ad_scalar_port))
    cdef int k
    for k, (arg, is_bool, count, offset, step, stride) in enumerate(ports):
        found[k].arg, found[k].is_bool, found[k].reg, found[k].count = arg, is_bool, reg, count
        found[k].offset, found[k].step, found[k].stride = offset, step, stride
        reg += count
    return found
