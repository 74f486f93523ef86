"""What a solver asks for: values and derivatives at points, each computed once, counted and checked."""

import math
import time
import warnings

import numpy as np

from scirs_ad._core.core import dtype_of, shape_of, value_of
from scirs_ad._transforms.common import name_of, pack
from scirs_ad._transforms.derived import Recording, hessian, weighted_hessian
from scirs_ad._transforms.forward import linearize
from scirs_ad._transforms.reverse import grad, value_and_grad

__all__ = ["ON_NAN", "Evaluations", "Objective", "VectorFunction"]

ON_NAN = ("raise", "inf")
KEPT = 3  # points: a line search or trust region returns to the last one that it accepted


class Evaluations:
    """How often a solver made a function, and its derivatives, be computed.

    Attributes
    ----------
    values, derivatives, hessians, products : int
        Runs of the function, of its gradient (Jacobian), of its Hessian, and products with its Hessian (Jacobian).
    repeated : int
        Requests answered from what was known at the same point.
    seconds : float
        Spent in them.
    """

    def __init__(self):
        self.values = self.derivatives = self.hessians = self.products = self.repeated = 0
        self.seconds = 0.0

    def __repr__(self):
        return "Evaluations(" + ", ".join(f"{name}={value:.6g}" for name, value in self.__dict__.items()) + ")"

    def __eq__(self, other):
        return type(other) is Evaluations and self.__dict__ == other.__dict__

    __hash__ = None


class Function:
    """The function of a solver's vector: what is known at the last points, the count, and messages."""

    def __init__(self, f, args, kwargs, parameters, role):
        if not callable(f):
            raise TypeError(f"{parameters.what}: the {role} must be a function, not {f!r}")
        self.f, self.args, self.kwargs, self.parameters, self.role = f, args, kwargs, parameters, role
        self.label = f"{parameters.what}: the {role} {name_of(f)}"
        self.count = Evaluations()
        self.points = {}

    def at(self, x):
        """What is known at a point: a dictionary to add to."""
        key = x.tobytes()
        known = self.points.get(key)
        if known is None:
            if len(self.points) >= KEPT:
                del self.points[next(iter(self.points))]
            # The solver's array may change after this call.
            known = self.points[key] = {"x": np.array(x, float)}
        return known

    def flat(self, v):
        """The function of the vector."""
        return self.f(self.parameters.unravel(v), *self.args, **self.kwargs)

    def run(self, compute, x):
        """`compute(x)`, timed; what it raises also says where."""
        begin = time.perf_counter()
        try:
            return compute(x)
        except Exception as error:
            error.add_note(self.where(x))
            raise
        finally:
            self.count.seconds += time.perf_counter() - begin

    def where(self, x):
        return f"{self.label}, evaluation {self.count.values}, at {self.parameters.describe(x)}"

    def refuse(self, what, x, remedy=""):
        raise FloatingPointError(
            f"{self.label} {what} at evaluation {self.count.values}, for the parameters "
            f"{self.parameters.describe(x)}{remedy}"
        )


class Objective(Function):
    """A scalar function: value and gradient come from one run."""

    def __init__(self, f, args, parameters, *, differentiate=True, gradient=None, on_nan="raise"):
        super().__init__(f, args, {}, parameters, "objective")
        if on_nan not in ON_NAN:
            raise ValueError(f"{parameters.what}: on_nan must be 'raise' or 'inf', not {on_nan!r}")
        self.differentiate, self.on_nan = differentiate, on_nan
        self.both = value_and_grad(f)
        self.own_gradient = gradient
        self.last = math.nan

    # Each of these hands out its own array: SciPy keeps what it was given, and may write to it.
    def value(self, x):
        known = self.at(x)
        if "value" in known:
            self.count.repeated += 1
        else:
            self._evaluate(x, known)
        self.last = known["value"]
        return known["value"]

    def gradient(self, x):
        known = self.at(x)
        if "gradient" in known:
            self.count.repeated += 1
        elif self.own_gradient is not None:
            self.count.derivatives += 1
            known["gradient"] = self._checked_gradient(self.run(self._own, known["x"].copy()), known, x)
        else:
            self._evaluate(x, known)
        return known["gradient"].copy()

    def value_and_gradient(self, x):
        return self.value(x), self.gradient(x)

    def hessian(self, x):
        known = self.at(x)
        if "hessian" not in known:
            self.count.hessians += 1
            found = self.run(hessian(self.flat), known["x"])
            known["hessian"] = np.asarray(found, float).reshape(self.parameters.size, self.parameters.size)
            self._finite(known["hessian"], "Hessian", x)
        else:
            self.count.repeated += 1
        return known["hessian"].copy()

    def hessp(self, x, p):
        """Product of the Hessian with a vector: the gradient is linearised once per point."""
        known = self.at(x)
        if "push" not in known:
            _, known["push"] = self.run(lambda v: linearize(grad(self.flat), v), known["x"])
        self.count.products += 1
        return np.array(self.run(known["push"], np.array(p, float)), float)

    def _own(self, x):
        return self.parameters.ravel(self.own_gradient(self.parameters.unravel(x), *self.args), "the gradient")

    def _evaluate(self, x, known):
        self.count.values += 1
        if self.differentiate:
            self.count.derivatives += 1
            value, gradient = self.run(self._value_and_gradient, known["x"])
        else:
            value, gradient = self.run(self._value, known["x"].copy()), None
        if not math.isfinite(value) and math.isnan(value):
            if self.on_nan == "raise":
                self.refuse(
                    "is nan", x, ". Keep the search where it is defined by bounds or by writing the function "
                    "otherwise, or take on_nan='inf' with a method that steps back"
                )  # fmt: skip
            value = math.inf
        known["value"] = value
        if gradient is not None:
            known["gradient"] = self._checked_gradient(gradient, known, x)

    def _value(self, x):
        y = value_of(pack(self.flat(x)))
        if y.size != 1:
            raise TypeError(
                f"{self.label} returned an array of shape {y.shape} at evaluation {self.count.values}; a scalar is "
                "needed"
            )
        if y.dtype.kind not in "biuf":
            raise TypeError(f"{self.label} returned dtype {y.dtype}; a real number is needed")
        return float(y.reshape(())[()])

    def _value_and_gradient(self, x):
        value, gradient = self.both(self.parameters.unravel(x), *self.args)
        if type(value) is np.float32 and self.count.values == 1:
            warnings.warn(
                f"{self.label} returns float32: searches stall at its rounding. Convert the data to float64",
                RuntimeWarning,
                stacklevel=2,
            )
        return float(value), self.parameters.ravel(gradient, "the gradient")

    def _checked_gradient(self, gradient, known, x):
        # The sum of squares is finite for nearly all finite gradients, and a tenth of the time of isfinite.
        if not math.isfinite(gradient @ gradient) and math.isfinite(known.get("value", 0.0)):
            self._finite(gradient, "gradient", x)
        return gradient

    def _finite(self, found, what, x):
        bad = np.flatnonzero(~np.isfinite(found).all(axis=tuple(range(1, found.ndim))))
        if bad.size:
            k = int(bad[0])
            self.refuse(
                f"has a {what} that is {found[k].min() if found.ndim > 1 else found[k]} for {self.parameters.name(k)}",
                x,
            )


class VectorFunction(Function):
    """A function with an array of values: residuals, equations, constraints. One run gives value and Jacobian."""

    def __init__(self, f, args, kwargs, parameters, role, *, differentiate=True, steps_back=False):
        super().__init__(f, args, kwargs, parameters, role)
        # Whether the solver takes values that are not finite, and shortens its step.
        self.differentiate, self.steps_back = differentiate, steps_back
        self.length = None

    def packed(self, v):
        """The values as one vector."""
        y = pack(self.flat(v))
        shape, kind = shape_of(y), dtype_of(y).kind
        if kind not in "biuf":
            raise TypeError(f"{self.label} returned dtype {dtype_of(y)}; real numbers are needed")
        y = y.reshape(-1) if len(shape) != 1 else y
        (length,) = shape_of(y)
        if self.length is None:
            self.length = length
        elif length != self.length:
            raise ValueError(
                f"{self.label} returned {length} values (shape {shape}) at evaluation {self.count.values}, and "
                f"{self.length} at those before"
            )
        return y

    def value(self, x):
        known = self.at(x)
        if "value" in known:
            self.count.repeated += 1
        else:
            self.count.values += 1
            if self.differentiate:
                known["recording"] = self.run(self._record, known["x"])
                value = known["recording"].value()
            else:
                value = value_of(self.run(self.packed, known["x"].copy()))
            known["value"] = np.array(value, float)
            if not self.steps_back or self.count.values == 1:
                self._finite(known["value"], "value", x)
        return known["value"].copy()

    def jacobian(self, x):
        known = self.at(x)
        if "jacobian" not in known:
            if "recording" not in known:
                self.count.values += 1
                known["recording"] = self.run(self._record, known["x"])
            self.count.derivatives += 1
            recording = known.pop("recording")  # it is large, and its work is done
            found = self.run(lambda _: recording.jacobian(), known["x"])
            known["jacobian"] = np.asarray(found, float).reshape(-1, self.parameters.size)
            self._finite(known["jacobian"], "Jacobian", x)
        else:
            self.count.repeated += 1
        return known["jacobian"].copy()

    def product(self, x, v):
        """Product of the Jacobian with a vector, without the Jacobian."""
        known = self.at(x)
        if "push" not in known:
            _, known["push"] = self.run(lambda u: linearize(self.packed, u), known["x"])
        self.count.products += 1
        return np.array(self.run(known["push"], np.array(v, float)), float)

    def hessian(self, x, weights):
        """Hessian of the weighted sum of the values."""
        self.count.hessians += 1
        found = self.run(lambda u: weighted_hessian(self.packed)(u, np.array(weights, float)), self.at(x)["x"])
        return np.asarray(found, float).reshape(self.parameters.size, self.parameters.size)

    def _record(self, x):
        return Recording(self.packed, 0, "auto", (x,), {})

    def _finite(self, found, what, x):
        if math.isfinite(np.vdot(found, found)) or np.isfinite(found).all():
            return
        k = [int(i) for i in np.argwhere(~np.isfinite(found))[0]]
        by = f" by {self.parameters.name(k[1])}" if len(k) > 1 else ""
        self.refuse(f"has a {what} that is {found[tuple(k)]} in row {k[0]}{by}", x)
