"""Whole derivatives: Jacobians and Hessians, and products with Hessians."""

import numpy as np

from scirs_ad._core.core import Batch, Variable, as_array, dtype_of, shape_of
from scirs_ad._core.tree import LEAF, flatten, unflatten
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._transforms.batch import move_axis
from scirs_ad._transforms.common import Transform, advise, differentiated, finish, name_of, pack, pack_leaf
from scirs_ad._transforms.forward import jvp
from scirs_ad._transforms.native import swapped
from scirs_ad._transforms.reverse import grad, record

__all__ = [
    "derivatives", "hessian", "hvp", "jacfwd", "jacobian", "jacrev", "value_and_jacobian", "weighted_hessian",
]  # fmt: skip


def _size(shape):
    size = 1
    for n in shape:
        size *= n
    return size


def _basis(shape, dtype):
    """All unit arrays of a shape, stacked; read-only, so that a trace need not copy them."""
    n = _size(shape)
    found = np.eye(n, dtype=dtype)
    found.flags.writeable = False
    return found.reshape((n, *shape))


class jacobian(Transform):
    """Jacobian of a function, dense.

    Parameters
    ----------
    f : callable
        Returns an array or a container of arrays.
    argnums : int or tuple of int
        Which positional arguments to differentiate; arrays or containers of arrays.
    mode : {"auto", "forward", "reverse"}
        "auto" takes the one with fewer sweeps: forward if there are no more inputs than outputs.
    native : bool
        Swap what does not dispatch in `f`: ``native=True`` differentiates ``scirs_ad.native(f)``.

    Returns
    -------
    callable
        ``J(*args, **kwargs)``: for an array in and out an array of shape ``out.shape + in.shape``; for containers the
        structure of the output, each leaf of it holding the structure of the input.

    Raises
    ------
    TypeError
        If an input is not floating point; or for complex inputs of a function that is not complex-valued.

    Notes
    -----
    Derivative: of any order. All sweeps run at once, as one batch, over a single recording of `f`. A complex input
    needs a holomorphic `f`; the entries are its complex derivatives. Cost: ``min(in.size, out.size)`` sweeps.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> ad.jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """

    def __init__(self, f, argnums=0, mode="auto", native=False):
        if mode not in ("auto", "forward", "reverse"):
            raise ValueError(f"jacobian: mode must be 'auto', 'forward' or 'reverse', not {mode!r}")
        f = swapped(f, native)
        super().__init__(f, argnums=argnums, mode=mode)

    def __call__(self, *args, **kwargs):
        return self.record(*args, **kwargs).jacobian()

    def record(self, *args, **kwargs):
        """Run the function once; what is kept gives its value and its Jacobian."""
        return Recording(self.function, self.options["argnums"], self.options["mode"], args, kwargs)


class Recording:
    """A function recorded at a point: its value at once, its Jacobian when it is asked for."""

    def __init__(self, f, argnums, mode, args, kwargs):
        leaves, self.structure = flatten(differentiated(f, args, argnums, "jacobian"))
        tape, variables, refs = record(f, leaves, "jacobian")
        inputs = [tape.lower(v) for v in variables]
        inner = unflatten(self.structure, variables) if self.structure is not LEAF else variables[0]
        called = list(args)
        if isinstance(argnums, tuple):
            for k, v in zip(argnums, inner, strict=True):
                called[k] = v
        else:
            called[argnums] = inner
        try:
            out = f(*called, **kwargs)
        except (TypeError, ValueError) as error:
            advise(f, error)
            raise
        outs, self.out_structure = flatten(out)
        outs = [Variable(y) if isinstance(y, Variable) else _number_array(f, y) for y in map(pack_leaf, outs)]
        tape.closed = True
        if mode == "auto":
            in_size = sum(_size(shape_of(x)) for x in inputs)
            mode = "forward" if in_size <= sum(_size(shape_of(y)) for y in outs) else "reverse"
        self.sweep = _forward if mode == "forward" else _reverse
        self.tape, self.refs, self.inputs, self.outs = tape, refs, inputs, outs

    def value(self):
        values = [finish(self.tape.lower(y)) for y in self.outs]
        return unflatten(self.out_structure, values) if self.out_structure is not LEAF else values[0]

    def jacobian(self):
        blocks = self.sweep(self.tape, self.refs, self.inputs, self.outs)
        rows = [unflatten(self.structure, row) if self.structure is not LEAF else row[0] for row in blocks]
        return unflatten(self.out_structure, rows) if self.out_structure is not LEAF else rows[0]


def _number_array(f, y):
    y = as_array(y)
    if dtype_of(y).kind not in "biufc":
        raise TypeError(
            f"jacobian of {name_of(f)}: it returned an object of dtype {dtype_of(y)}; give arrays of numbers"
        )
    return y


def _forward(tape, refs, inputs, outs):
    """Columns: one batch of unit tangents per input leaf."""
    blocks = [[None] * len(inputs) for _ in outs]
    for j, x in enumerate(inputs):
        shape, size = shape_of(x), _size(shape_of(x))
        pushed = [None] * len(outs)
        if size:
            batch = Batch(size)
            pushed = tape.push([refs[j]], [batch.variable(_basis(shape, dtype_of(x)))], outs)
            batch.closed = True
        for i, (y, t) in enumerate(zip(outs, pushed, strict=True)):
            to = shape_of(y) + shape
            if t is None:
                blocks[i][j] = np.zeros(to, dtype_of(y))
                continue
            columns = _rows(batch, t, shape_of(y))
            if type(columns) is np.ndarray:
                # An array of its own: a tangent may be a view, of the tape's values or of one number.
                columns = np.array(columns.reshape(size, -1).T, order="C")
            else:
                columns = move_axis(columns, 0, -1)
            blocks[i][j] = finish(sh.reshape(columns, to))
    return blocks


def _rows(batch, x, shape):
    """What a sweep over a batch gives, the batch axis first."""
    x, batched = batch.lower(x)
    return x if batched else sh.broadcast_to(x, (batch.size, *shape))


def _reverse(tape, refs, inputs, outs):
    """Rows: one batch of unit cotangents per output leaf."""
    blocks = []
    for y in outs:
        shape, dtype, size = shape_of(y), dtype_of(y), _size(shape_of(y))
        pulled = [None] * len(inputs)
        if size and dtype.kind in "fc":
            batch = Batch(size)
            pulled = tape.pull([y], [batch.variable(_basis(shape, dtype))], refs, False)
            batch.closed = True
        found = []
        for x, g in zip(inputs, pulled, strict=True):
            to = shape + shape_of(x)
            if g is None:
                found.append(np.zeros(to, dtype_of(x)))
                continue
            rows = _rows(batch, g, shape_of(x))
            # The pullback is the adjoint: for a complex input it conjugates.
            rows = rows.conj() if dtype_of(x).kind == "c" else rows
            found.append(finish(sh.reshape(np.array(rows, order="C") if type(rows) is np.ndarray else rows, to)))
        blocks.append(found)
    return blocks


class value_and_jacobian(jacobian):
    """Value and Jacobian of a function, by one run of it.

    Parameters
    ----------
    f : callable
        Returns an array or a container of arrays.
    argnums : int or tuple of int
        Which positional arguments to differentiate; arrays or containers of arrays.
    mode : {"auto", "forward", "reverse"}
        As in `jacobian`.
    native : bool
        Swap what does not dispatch in `f`: ``native=True`` differentiates ``scirs_ad.native(f)``.

    Returns
    -------
    callable
        ``g(*args, **kwargs) -> (value, J)``, with `J` as `jacobian` gives it; SciPy's `root` takes it with ``jac=True``.

    Raises
    ------
    TypeError
        As `jacobian`.

    Notes
    -----
    Derivative: of any order. Cost: that of `jacobian`, which runs `f` anyway.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> ad.value_and_jacobian(lambda x: x**2)(np.array([1.0, 3.0]))
    (array([1., 9.]), array([[2., 0.],
           [0., 6.]]))
    """

    def __call__(self, *args, **kwargs):
        found = self.record(*args, **kwargs)
        return found.value(), found.jacobian()


class jacfwd(jacobian):
    """Jacobian by forward mode: `jacobian` with ``mode="forward"``.

    Parameters
    ----------
    f : callable
    argnums : int or tuple of int
    mode : str
        As in `jacobian`.
    native : bool
        As in `jacobian`.

    Returns
    -------
    callable

    Notes
    -----
    Derivative: of any order. Cost: one sweep per input.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> ad.jacfwd(np.sin)(np.array([0.0]))
    array([[1.]])
    """

    def __init__(self, f, argnums=0, mode="forward", native=False):
        super().__init__(f, argnums, mode, native)


class jacrev(jacobian):
    """Jacobian by reverse mode: `jacobian` with ``mode="reverse"``.

    Parameters
    ----------
    f : callable
    argnums : int or tuple of int
    mode : str
        As in `jacobian`.
    native : bool
        As in `jacobian`.

    Returns
    -------
    callable

    Notes
    -----
    Derivative: of any order. Cost: one sweep per output.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> ad.jacrev(np.sin)(np.array([0.0]))
    array([[1.]])
    """

    def __init__(self, f, argnums=0, mode="reverse", native=False):
        super().__init__(f, argnums, mode, native)


class hessian(Transform):
    """Hessian of a scalar function, dense.

    Parameters
    ----------
    f : callable
        Returns a real scalar.
    argnums : int or tuple of int
        Which positional arguments to differentiate; arrays or containers of arrays.
    native : bool
        Swap what does not dispatch in `f`: ``native=True`` differentiates ``scirs_ad.native(f)``.

    Returns
    -------
    callable
        ``H(*args, **kwargs)``: for an array of shape `s` an array of shape ``s + s``, as SciPy's `hess` wants it.

    Raises
    ------
    TypeError
        If the value is not a real scalar.

    Notes
    -----
    Derivative: of any order. Forward over reverse. Cost: one Hessian-vector product per input, all in one batch.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> ad.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """

    def __init__(self, f, argnums=0, native=False):
        f = swapped(f, native)
        super().__init__(f, argnums=argnums)
        self.jacobian = jacobian(grad(f, argnums), argnums, "forward")

    def __call__(self, *args, **kwargs):
        return self.jacobian(*args, **kwargs)


class hvp(Transform):
    """Product of the Hessian of a scalar function with a vector.

    Parameters
    ----------
    f : callable
        Returns a real scalar; differentiated in its first argument.
    native : bool
        Swap what does not dispatch in `f`: ``native=True`` differentiates ``scirs_ad.native(f)``.

    Returns
    -------
    callable
        ``product(x, p, *args, **kwargs)``, SciPy's order for `hessp`: of the structure of `x`.

    Raises
    ------
    ValueError
        If `x` and `p` differ in structure or shape.

    Notes
    -----
    Derivative: of any order. Forward over reverse. Cost: a small multiple of that of `f`; no Hessian is formed.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> ad.hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """

    def __init__(self, f, native=False):
        f = swapped(f, native)
        super().__init__(f)
        self.gradient = grad(f)

    def __call__(self, x, p, *args, **kwargs):
        return jvp(lambda x: self.gradient(x, *args, **kwargs), (x,), (p,))[1]


class weighted_hessian(Transform):
    """Hessian of a weighted sum of the outputs of a vector function.

    Parameters
    ----------
    c : callable
        Returns an array, a number or a list of numbers (a constraint function, say); differentiated in its first
        argument.
    native : bool
        Swap what does not dispatch in `f`: ``native=True`` differentiates ``scirs_ad.native(f)``.

    Returns
    -------
    callable
        ``H(x, v, *args, **kwargs)``: the Hessian of ``sum(v * c(x))``, as SciPy's NonlinearConstraint wants it.

    Raises
    ------
    ValueError
        If `v` does not have the shape of ``c(x)``.

    Notes
    -----
    Derivative: of any order. Cost: one Hessian-vector product per input, all in one batch.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> ad.weighted_hessian(lambda x: x**2)(np.array([1.0, 2.0]), np.array([1.0, 10.0]))
    array([[ 2.,  0.],
           [ 0., 20.]])
    """

    def __init__(self, c, native=False):
        super().__init__(swapped(c, native))

    def __call__(self, x, v, *args, **kwargs):
        c = self.function

        def weighted(x):
            y = pack(c(x, *args, **kwargs))
            if shape_of(y) != shape_of(v) and _size(shape_of(y)) != _size(shape_of(v)):
                raise ValueError(
                    f"weighted_hessian of {name_of(c)}: weights of shape {shape_of(v)} for an output of "
                    f"shape {shape_of(y)}"
                )
            return sh.sum(ew.multiply(y, sh.reshape(as_array(v), shape_of(y))))

        return hessian(weighted)(x)


class derivatives(Transform):
    """Value and derivatives of a function of one number.

    Parameters
    ----------
    f : callable
        Differentiated in its first argument, a number, or an array on each element of which it acts by itself.
    order : int
        Up to which derivative.
    native : bool
        Swap what does not dispatch in `f`: ``native=True`` differentiates ``scirs_ad.native(f)``.

    Returns
    -------
    callable
        ``g(x, *args, **kwargs) -> (f, f', f'', ...)``: ``order + 1`` numbers, or arrays of the shape of `x`. SciPy's
        `root_scalar` takes it with ``fprime=True`` (order 1) and ``fprime2=True`` (order 2).

    Raises
    ------
    TypeError
        If `x` is not floating point, or `order` not an integer.
    ValueError
        If `order` is negative, or the value does not have the shape of `x`.

    Notes
    -----
    Derivative: of any order. Forward mode, nested. Cost: about ``2**order`` times that of `f`.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> ad.derivatives(lambda x: x**3, order=2)(2.0)
    (np.float64(8.0), np.float64(12.0), np.float64(12.0))
    """

    def __init__(self, f, order=1, native=False):
        if not isinstance(order, (int, np.integer)) or isinstance(order, bool):
            raise TypeError(f"derivatives: order must be an int, not {order!r}")
        if order < 0:
            raise ValueError(f"derivatives: order must not be negative, but is {order}")
        super().__init__(swapped(f, native), order=order)

    def __call__(self, x, *args, **kwargs):
        f = self.function
        x = as_array(x)
        one = np.ones(shape_of(x), dtype_of(x))

        def value(x):
            y = pack(f(x, *args, **kwargs))
            if shape_of(y) != shape_of(x):
                raise ValueError(
                    f"derivatives of {name_of(f)}: it makes shape {shape_of(y)} of shape {shape_of(x)}; it has to act "
                    "on each element by itself. For other functions use jacobian or jvp"
                )
            return (y,)

        def next_order(lower):
            def raised(x):
                known, moved = jvp(lower, (x,), (one,))
                return (*known, moved[-1])

            return raised

        for _ in range(self.options["order"]):
            value = next_order(value)
        return tuple(finish(y) for y in value(x))
