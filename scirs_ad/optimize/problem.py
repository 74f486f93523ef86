"""A minimisation problem under the names that cyipopt, nlopt, optimagic and SciPy call."""

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, NonlinearConstraint

from scirs_ad._core.core import as_array
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._transforms.derived import hessian
from scirs_ad.optimize.constraints import constraint
from scirs_ad.optimize.evaluate import Objective, VectorFunction
from scirs_ad.optimize.parameters import Parameters, flat_bounds

__all__ = ["problem"]


class problem:
    """A function to be minimised, its constraints, and all their derivatives, for any solver.

    Parameters
    ----------
    f : callable
        ``f(x, *args)`` returns a real scalar, written in plain NumPy.
    x0 : array_like or container of arrays
        Where to start; see `minimize`.
    args : tuple
        Further arguments of `f`.
    bounds : optional
        See `minimize`.
    constraints : optional
        One or a list of `scirs_ad.optimize.constraint`, `NonlinearConstraint` (whose derivatives are not used) or
        `LinearConstraint`.

    Returns
    -------
    problem
        An object with the members below.

    Attributes
    ----------
    x0, lb, ub, cl, cu : ndarray
        The start, the bounds of the vector of parameters, and the limits of the constraints.
    n, m : int
        How many parameters and constraints there are.

    Raises
    ------
    FloatingPointError
        In a solver, if a value or a derivative is not finite; it names the evaluation and the parameters.

    Notes
    -----
    Members of the vector of parameters:

    - cyipopt: `objective`, `gradient`, `constraints`, `jacobian`, `jacobianstructure`, `hessian`, `hessianstructure`;
      the problem is the `problem_obj` of ``cyipopt.Problem(n, m, problem_obj, lb, ub, cl, cu)``.
    - nlopt: `nlopt`, with the arguments ``(x, grad)``, for ``set_min_objective``; `nlopt_inequality` and
      `nlopt_equality` with ``(result, x, grad)`` for ``add_inequality_mconstraint`` (of the lengths
      `n_inequality`, `n_equality`).
    - SciPy: `objective`, `gradient`, `hess`, `hessp`.

    Members of the container of parameters: `fun`, `jac`, `fun_and_jac`, as optimagic calls them, and `unravel`, which
    turns a solver's vector back into the container.

    Derivative: exact. The Hessian is that of the Lagrangian, in its lower triangle; Jacobian and Hessian are dense.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad as ad
    >>> disc = ad.optimize.constraint(lambda x: np.sum(x**2), ub=2.0)
    >>> p = ad.optimize.problem(lambda x: x[0] * x[1], np.ones(2), constraints=disc)
    >>> p.objective(p.x0), p.gradient(p.x0), p.jacobian(p.x0)
    (1.0, array([1., 1.]), array([2., 2.]))
    >>> p.hessian(p.x0, np.array([1.0]), 1.0)  # the entries (0, 0), (1, 0), (1, 1)
    array([2., 1., 2.])
    """

    def __init__(self, f, x0, args=(), bounds=None, constraints=()):
        self.parameters = Parameters(x0, "problem")
        self.x0 = self.parameters.start
        self.n = self.parameters.size
        args = args if isinstance(args, tuple) else (args,)
        self.lb, self.ub = _limits(flat_bounds(bounds, self.parameters), self.n)
        self.function = Objective(f, args, self.parameters)
        self.parts = [_Part(c, self.parameters) for c in _listed(constraints)]
        self.cl = np.concatenate([np.zeros(0), *[part.lb for part in self.parts]])
        self.cu = np.concatenate([np.zeros(0), *[part.ub for part in self.parts]])
        self.m = self.cl.size
        equal = self.cl == self.cu
        self._equal = np.flatnonzero(equal)
        self._below = np.flatnonzero(~equal & np.isfinite(self.cu))
        self._above = np.flatnonzero(~equal & np.isfinite(self.cl))

    @property
    def evaluations(self):
        """How often the function and its derivatives were computed."""
        return self.function.count

    def unravel(self, x):
        """The container of a vector."""
        return self.parameters.unravel(np.asarray(x, float))

    # -------------------------------------------------------------------------------- of the vector
    def objective(self, x):
        """The value."""
        return self.function.value(np.asarray(x, float))

    def gradient(self, x):
        """The gradient."""
        return self.function.gradient(np.asarray(x, float))

    def hess(self, x):
        """The Hessian of the function."""
        return self.function.hessian(np.asarray(x, float))

    def hessp(self, x, p):
        """The product of the Hessian of the function with a vector."""
        return self.function.hessp(np.asarray(x, float), p)

    def constraints(self, x):
        """The values of the constraints."""
        x = np.asarray(x, float)
        return np.concatenate([np.zeros(0), *[part.value(x) for part in self.parts]])

    def jacobian(self, x):
        """The entries of the constraints' Jacobian at `jacobianstructure`: all, row by row."""
        return self._jacobian(np.asarray(x, float)).ravel()

    def jacobianstructure(self):
        """Rows and columns of the entries of the Jacobian."""
        rows, columns = np.indices((self.m, self.n))
        return rows.ravel(), columns.ravel()

    def hessian(self, x, lagrange, obj_factor):
        """The entries of the Hessian of ``obj_factor * f + lagrange @ c`` at `hessianstructure`."""
        x, lagrange = np.asarray(x, float), np.array(lagrange, float)
        weights = np.split(lagrange, np.cumsum([part.length for part in self.parts])[:-1]) if self.parts else []

        def lagrangian(v):
            total = ew.multiply(as_array(self.function.flat(v)), float(obj_factor))
            for part, w in zip(self.parts, weights, strict=True):
                if part.function is not None:
                    total = ew.add(total, sh.sum(ew.multiply(part.function.packed(v), w)))
            return total

        self.function.count.hessians += 1
        found = self.function.run(hessian(lagrangian), np.array(x))
        return np.asarray(found, float).reshape(self.n, self.n)[np.tril_indices(self.n)]

    def hessianstructure(self):
        """Rows and columns of the entries of the Hessian: the lower triangle."""
        return np.tril_indices(self.n)

    def _jacobian(self, x):
        return np.concatenate([np.zeros((0, self.n)), *[part.jacobian(x) for part in self.parts]])

    # -------------------------------------------------------------------------------- nlopt
    @property
    def n_equality(self):
        """How many constraints are equations."""
        return self._equal.size

    @property
    def n_inequality(self):
        """How many one-sided inequalities there are; a constraint with two limits counts twice."""
        return self._below.size + self._above.size

    def nlopt(self, x, grad):
        """The value; the gradient is written to `grad`, if that has entries."""
        if grad.size:
            grad[:] = self.gradient(x)
        return self.objective(x)

    def nlopt_equality(self, result, x, grad):
        """Writes the equations, ``c - cl``, and their Jacobian."""
        k = self._equal
        result[:] = self.constraints(x)[k] - self.cl[k]
        if grad.size:
            grad[:] = self._jacobian(np.asarray(x, float))[k]

    def nlopt_inequality(self, result, x, grad):
        """Writes ``c - cu`` and ``cl - c``, where there are such limits, and their Jacobian."""
        below, above = self._below, self._above
        c = self.constraints(x)
        result[:] = np.concatenate([c[below] - self.cu[below], self.cl[above] - c[above]])
        if grad.size:
            j = self._jacobian(np.asarray(x, float))
            grad[:] = np.concatenate([j[below], -j[above]])

    # -------------------------------------------------------------------------------- of the container
    def fun(self, params):
        """The value for parameters in their container."""
        return self.objective(self.parameters.ravel(params, "params"))

    def jac(self, params):
        """The gradient, in the container of the parameters."""
        return self.unravel(self.gradient(self.parameters.ravel(params, "params")))

    def fun_and_jac(self, params):
        """Value and gradient."""
        return self.fun(params), self.jac(params)


def _listed(constraints):
    return (
        [constraints] if isinstance(constraints, (NonlinearConstraint, LinearConstraint)) else list(constraints or ())
    )


def _limits(bounds, n):
    """Lower and upper bounds as arrays, of what SciPy takes for a one-dimensional array."""
    if bounds is None:
        return np.full(n, -np.inf), np.full(n, np.inf)
    if isinstance(bounds, Bounds):
        return np.broadcast_to(bounds.lb, n).astype(float), np.broadcast_to(bounds.ub, n).astype(float)
    pairs = list(bounds)
    if len(pairs) != n or any(np.size(pair) != 2 for pair in pairs):
        raise ValueError(f"problem: bounds must be a Bounds or {n} pairs (lower, upper), not {bounds!r}")
    low = np.array([-np.inf if low is None else low for low, _ in pairs], float)
    high = np.array([np.inf if high is None else high for _, high in pairs], float)
    return low, high


class _Part:
    """One of the constraints."""

    def __init__(self, c, parameters):
        if isinstance(c, LinearConstraint):
            a = c.A.toarray() if hasattr(c.A, "toarray") else np.asarray(c.A, float)
            self.function, self.matrix = None, np.atleast_2d(a)
            if self.matrix.shape[1] != parameters.size:
                raise ValueError(
                    f"problem: a LinearConstraint has {self.matrix.shape[1]} columns for {parameters.size} parameters"
                )
            self.length = self.matrix.shape[0]
        elif isinstance(c, NonlinearConstraint):
            self.function = VectorFunction(c.fun, (), {}, parameters, "constraint")
            self.length = self.function.value(parameters.start).size
        else:
            raise TypeError(
                f"problem: a constraint must be a NonlinearConstraint or a LinearConstraint, not {type(c).__name__}; "
                f"scirs_ad.optimize.{constraint.__name__}(c, lb, ub) makes one of a function"
            )
        try:
            self.lb, self.ub = (np.broadcast_to(limit, self.length).astype(float) for limit in (c.lb, c.ub))
        except ValueError:
            raise ValueError(
                f"problem: limits of the shapes {np.shape(c.lb)} and {np.shape(c.ub)} for {self.length} constraints"
            ) from None

    def value(self, x):
        return self.matrix @ x if self.function is None else self.function.value(x)

    def jacobian(self, x):
        return self.matrix if self.function is None else self.function.jacobian(x)
