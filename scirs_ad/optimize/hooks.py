"""Derivatives in the shapes in which SciPy's `curve_fit` and `solve_bvp` want them."""

import numpy as np

from scirs_ad._core.core import as_array, dtype_of, shape_of
from scirs_ad._ops import shape as sh
from scirs_ad._transforms.batch import vmap
from scirs_ad._transforms.common import Transform, finish, name_of, pack
from scirs_ad._transforms.derived import jacobian
from scirs_ad._transforms.forward import linearize

__all__ = ["bvp_bc_jac", "bvp_fun_jac", "curve_fit_jac"]


class curve_fit_jac(Transform):
    """The Jacobian that `scipy.optimize.curve_fit` takes as `jac`.

    Parameters
    ----------
    f : callable
        The model, ``f(x, a, b, ...)`` with numbers as parameters.

    Returns
    -------
    callable
        ``J(x, a, b, ...)``: an array with a row for each data point and a column for each parameter.

    Raises
    ------
    TypeError
        If a parameter is not a real number, or the model does not return numbers.

    Notes
    -----
    Derivative: of any order. Cost: one forward sweep per parameter, all in one batch.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.optimize import curve_fit
    >>> from scirs_ad.optimize import curve_fit_jac
    >>> def decay(t, a, b):
    ...     return a * np.exp(-b * t)
    >>> curve_fit_jac(decay)(np.array([1.0, 2.0]), 1.0, 0.0)
    array([[ 1., -1.],
           [ 1., -2.]])
    >>> t = np.linspace(0, 2, 9)
    >>> found, covariance = curve_fit(decay, t, decay(t, 2.0, 0.7), jac=curve_fit_jac(decay))
    >>> np.round(found, 6)
    array([2. , 0.7])
    """

    def __init__(self, f):
        super().__init__(f)

    def __call__(self, x, *parameters):
        f, n = self.function, len(parameters)
        if not n:
            raise TypeError(f"curve_fit_jac of {name_of(f)}: no parameters were given; call it with (x, a, b, ...)")

        def values(p):
            return sh.reshape(pack(f(x, *[p[k] for k in range(n)])), (-1,))

        return jacobian(values, mode="forward")(np.array(parameters, float))


class bvp_fun_jac(Transform):
    """The Jacobian that `scipy.integrate.solve_bvp` takes as `fun_jac`.

    Parameters
    ----------
    fun : callable
        The right-hand side, ``fun(x, y)`` or ``fun(x, y, p)`` with `x` of shape ``(m,)`` and `y` of shape ``(n, m)``,
        one column for each mesh node. Each column of the result depends on its own column of `y` only.

    Returns
    -------
    callable
        ``J(x, y)``: the derivative by `y`, of shape ``(n, n, m)``. ``J(x, y, p)`` with `k` unknown parameters: that,
        and the derivative by `p`, of shape ``(n, k, m)``.

    Raises
    ------
    ValueError
        If the result does not have the shape of `y`.

    Notes
    -----
    Derivative: of any order. Cost: one forward sweep per row of `y` (and per parameter), for all nodes at once.

    Examples
    --------
    >>> import numpy as np
    >>> from scirs_ad.optimize import bvp_fun_jac
    >>> J = bvp_fun_jac(lambda x, y: np.vstack([y[1], np.exp(y[0])]))
    >>> J(np.array([0.0, 1.0]), np.zeros((2, 2)))[:, :, 0]
    array([[0., 1.],
           [1., 0.]])
    """

    def __init__(self, fun):
        super().__init__(fun)

    def __call__(self, x, y, p=None):
        fun = self.function
        y = as_array(y)
        n, m = shape_of(y)

        def values(*arguments):
            out = pack(fun(x, *arguments))
            if shape_of(out) != (n, m):
                raise ValueError(
                    f"bvp_fun_jac of {name_of(fun)}: it returned shape {shape_of(out)}, expected that of y, {(n, m)}"
                )
            return out

        units = np.broadcast_to(np.eye(n, dtype=dtype_of(y))[:, :, None], (n, n, m))
        if p is None:
            _, push = linearize(values, y)
            return finish(vmap(push, out_axes=1)(units))
        p = as_array(p)
        _, push = linearize(values, y, p)
        still_y, still_p = np.zeros((n, m), dtype_of(y)), np.zeros(shape_of(p), dtype_of(p))
        by_y = vmap(lambda t: push(t, still_p), out_axes=1)(units)
        by_p = vmap(lambda t: push(still_y, t), out_axes=1)(np.eye(shape_of(p)[0], dtype=dtype_of(p)))
        return finish(by_y), finish(by_p)


class bvp_bc_jac(Transform):
    """The Jacobians that `scipy.integrate.solve_bvp` takes as `bc_jac`.

    Parameters
    ----------
    bc : callable
        The residuals of the boundary conditions, ``bc(ya, yb)`` or ``bc(ya, yb, p)``.

    Returns
    -------
    callable
        ``J(ya, yb)``: the two derivatives; ``J(ya, yb, p)``: the three.

    Notes
    -----
    Derivative: of any order. Cost: one sweep per boundary condition.

    Examples
    --------
    >>> import numpy as np
    >>> from scirs_ad.optimize import bvp_bc_jac
    >>> by_a, by_b = bvp_bc_jac(lambda ya, yb: [ya[0], yb[0] * yb[1]])(np.zeros(2), np.array([1.0, 2.0]))
    >>> by_b
    array([[0., 0.],
           [2., 1.]])
    """

    def __init__(self, bc):
        super().__init__(bc)

    def __call__(self, ya, yb, p=None):
        arguments = (ya, yb) if p is None else (ya, yb, p)
        conditions = self.function

        def values(*arguments):
            return pack(conditions(*arguments))

        return jacobian(values, argnums=tuple(range(len(arguments))))(*arguments)
