"""Whole derivatives: Jacobians and Hessians, and products with Hessians."""

import numpy as np

from scirs_ad._core.core import Batch, Variable, as_array, dtype_of, shape_of
from scirs_ad._core.tree import LEAF, flatten, unflatten
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._transforms.batch import move_axis
from scirs_ad._transforms.common import Transform, advise, differentiated, finish, name_of, pack_leaf
from scirs_ad._transforms.forward import jvp
from scirs_ad._transforms.native import swapped
from scirs_ad._transforms.reverse import grad, record

__all__ = ["hessian", "hvp", "jacfwd", "jacobian", "jacrev", "weighted_hessian"]


def _size(shape):
    size = 1
    for n in shape:
        size *= n
    return size


def _basis(shape, dtype):
    """All unit arrays of a shape, stacked."""
    n = _size(shape)
    return np.eye(n, dtype=dtype).reshape((n, *shape))


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
        f, argnums = self.function, self.options["argnums"]
        what = "jacobian"
        leaves, structure = flatten(differentiated(f, args, argnums, what))
        tape, variables, refs = record(f, leaves, what)
        inputs = [tape.lower(v) for v in variables]
        inner = unflatten(structure, variables) if structure is not LEAF else variables[0]
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
        outs, out_structure = flatten(out)
        outs = [Variable(y) if isinstance(y, Variable) else _number_array(f, y) for y in map(pack_leaf, outs)]
        tape.closed = True
        mode = self.options["mode"]
        in_size = sum(_size(shape_of(x)) for x in inputs)
        out_size = sum(_size(shape_of(y)) for y in outs)
        if mode == "auto":
            mode = "forward" if in_size <= out_size else "reverse"
        blocks = (_forward if mode == "forward" else _reverse)(tape, refs, inputs, outs)
        rows = [unflatten(structure, row) if structure is not LEAF else row[0] for row in blocks]
        return unflatten(out_structure, rows) if out_structure is not LEAF else rows[0]


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
        Returns an array (a constraint function, say); differentiated in its first argument.
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
            y = pack_leaf(c(x, *args, **kwargs))
            if shape_of(y) != shape_of(v) and _size(shape_of(y)) != _size(shape_of(v)):
                raise ValueError(
                    f"weighted_hessian of {name_of(c)}: weights of shape {shape_of(v)} for an output of "
                    f"shape {shape_of(y)}"
                )
            return sh.sum(ew.multiply(y, sh.reshape(as_array(v), shape_of(y))))

        return hessian(weighted)(x)
