"""How the pages of scirs_ad.scipy.special are made: one call of `page` or `outputs` per function.

A derivative with respect to an argument is given as

- a function of (a selection of) `out` and the arguments, by name, written in public operations: a closed form;
- `of_all(f)`: a closed form ``f(out, args)``;
- `numeric(radius)`: there is no closed form; see `special_slope`;
- a string: there is no derivative, for this reason; asking for it raises NotDifferentiableError;
- None: the derivative is zero.
"""

import functools

import numpy as np

from scirs_ad._core.core import PRIMITIVES, Dual, Elementwise, as_array, dtype_of, shape_of
from scirs_ad._core.define import elementwise, primitive, sample
from scirs_ad._core.errors import NotDifferentiableError
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.fused import partials_of

sp = lazy("scipy.special")

PAGES = {}  # public name -> primitive
# Order of a sample whose second derivatives are numerical: they are good to about 1e-11 of the size of the function, and
# the laws ask for more.
ONCE = 1
INTEGER = "it is a whole number"


class numeric:
    """Marks an argument whose derivative is that of an interpolant.

    `radius(*args)` is the half-width of the interval around the point, within which the function is smooth: about the
    distance over which it changes by a small factor, and at most half the distance to a singularity or to the end of
    the domain.
    """

    def __init__(self, radius):
        self.radius = radius if callable(radius) else lambda *args: radius


class of_all:
    """Marks a derivative that is a function of `(out, args)`, all arguments in a tuple."""

    def __init__(self, function):
        self.function = function


# ------------------------------------------------------------------------------------------------ samples
def at(*ranges, z=False, also=(), wrt=None, order=2, single=True):
    """Samples: arguments drawn from `ranges` (a pair: uniform; a list: one of these integers) in several shapes.

    `z`: also with a complex last argument. `also`: further tuples of arguments. `single`: also in float32.
    """

    def samples(rng):
        def draw(r, shape):
            if isinstance(r, list):
                return np.asarray(rng.choice(r, shape))
            return np.asarray(rng.uniform(*r, shape))

        def several(shape):
            return [draw(r, shape) for r in ranges]

        kind = {"wrt": wrt, "order": order}
        for shape in [(), (4,), (0,)]:
            yield sample(*several(shape), **kind)
        if len(ranges) > 1:
            yield sample(draw(ranges[0], (2, 1)), *(draw(r, (3,)) for r in ranges[1:]), **kind)
        if single:
            yield sample(*(x.astype(np.float32) if x.dtype == float else x for x in several(3)), **kind)
        if z:
            *rest, last = several(3)
            yield sample(*rest, last + 1j * rng.uniform(0.1, 0.8, 3), **kind)
        for args in also:
            yield sample(*(x if isinstance(x, int) else np.asarray(x) for x in args), **kind)

    return samples


# ------------------------------------------------------------------------------------------------ pages
def _refused(name, argument, reason):
    """A partial derivative that is asked for in vain."""

    def partial():
        raise NotDifferentiableError(f"{name} has no derivative with respect to {argument}: {reason}")

    return partial


def _partial(name, k, argument, derivative):
    """`f(out, args) -> thunk or None` for one argument, from what the page states."""
    if derivative is None:
        return lambda out, args: None
    if isinstance(derivative, str):
        refused = _refused(name, argument, derivative)
        return lambda out, args: refused
    if isinstance(derivative, numeric):
        return lambda out, args: lambda: slope(name, k, *args)
    if isinstance(derivative, of_all):
        return lambda out, args: lambda: derivative.function(out, args)
    names = derivative.__code__.co_varnames[: derivative.__code__.co_argcount]

    def partial(out, args):
        known = dict(zip(PAGES[name].argnames, args, strict=True), out=out)
        return lambda: derivative(**{n: known[n] for n in names})

    return partial


def _needed(derivative, argnames):
    """The names that a derivative needs."""
    if isinstance(derivative, numeric):
        return argnames
    if isinstance(derivative, of_all):
        return ("out", *argnames)
    return derivative.__code__.co_varnames[: derivative.__code__.co_argcount] if callable(derivative) else ()


def _text(summary, argnames, derivatives):
    """The documentation of a page."""
    notes = []
    for argument, d in zip(argnames, derivatives, strict=True):
        if d is None:
            how = "0"
        elif isinstance(d, str):
            how = f"none, {d}"
        elif isinstance(d, numeric):
            how = "that of a Chebyshev interpolant, to about 12 digits where the function itself has 15"
        else:
            how = "closed form"
        notes.append(f"in `{argument}` {how}")
    return f"{summary}\n\n    Derivative: {'; '.join(notes)}.\n    "


def _function(argnames, call, extra=""):
    """A function whose arguments have these names, as rules are read by name."""
    return eval(_code(", ".join(argnames), extra), {"call": call})


@functools.cache  # 400 functions have 60 signatures: 18 of the 45 ms that the pages take to load
def _code(names, extra):
    return compile(f"lambda {extra}{names}: call({extra}{names})", __name__, "eval")


RADII = {}  # name, argument -> radius
VALUES = {}  # name -> what is interpolated, f(center, *points), where it is not the function itself


def page(
    name,
    arguments,
    summary,
    derivatives,
    samples,
    *,
    body=None,
    value=None,
    opcode=None,
    internal=False,
    module="scirs_ad._ops.special",
):
    """Define one function of scipy.special.

    Parameters
    ----------
    name : str
        Its name there.
    arguments : str
        Names of its arguments, separated by blanks.
    summary : str
    derivatives : list
        One entry per argument; see the head of the module.
    samples : callable
    body : callable, optional
        Its meaning, if it is not simply the ufunc of that name.
    value : callable, optional
        What to interpolate for a numerical derivative: ``value(center, *points)``.
    opcode : str, optional
        Name of our kernel.
    internal : bool
        Not a public name.

    Returns
    -------
    Elementwise
    """
    argnames = tuple(arguments.split())
    if len(derivatives) != len(argnames):
        raise ValueError(f"{name}: {len(derivatives)} derivative(s) for {len(argnames)} argument(s)")
    call = body or (lambda *args: getattr(sp, name)(*args))
    function = _function(argnames, call)
    function.__name__ = function.__qualname__ = name
    function.__module__ = module
    function.__doc__ = _text(summary, argnames, derivatives)
    made = elementwise(opcode=opcode, name=name, internal=internal)(function)
    parts = [_partial(name, k, a, d) for k, (a, d) in enumerate(zip(argnames, derivatives, strict=True))]
    for k, d in enumerate(derivatives):
        if isinstance(d, numeric):
            RADII[name, k] = d.radius
    if value is not None:
        VALUES[name] = value

    needed = set().union(*(_needed(d, argnames) for d in derivatives))
    keeps = [n for n in ("out", *argnames) if n in needed]

    def rule(*values):
        known = dict(zip(keeps, values, strict=True))
        args = tuple(known.get(n) for n in argnames)
        return tuple(part(known.get("out"), args) for part in parts)

    made.def_partials(_function(keeps, rule))
    made.def_samples(samples)
    PAGES[name] = made
    return made


def constant(name, arguments, summary, reason, samples, *, body=None):
    """A function without any derivative."""
    argnames = tuple(arguments.split())
    function = _function(argnames, body or (lambda *args: getattr(sp, name)(*args)))
    function.__name__ = function.__qualname__ = name
    function.__module__ = "scirs_ad._ops.special"
    function.__doc__ = f"{summary}\n\n    Derivative: none; {reason}.\n    "
    made = elementwise(name=name, differentiable=False)(function)
    made.not_differentiable(reason)
    made.def_samples(samples)
    PAGES[name] = made
    return made


def outputs(name, arguments, n_out, summary, tangent, samples, *, refused=None, body=None):
    """Define a function of scipy.special with several results, or one that is not holomorphic.

    Parameters
    ----------
    name, arguments, summary, samples, body
        As for `page`.
    n_out : int
        Number of results.
    tangent : callable
        ``tangent(ts, out, *args)`` returns the tangents of the results; entries of `ts` may be None.
    refused : dict, optional
        Argument name -> the reason why there is no derivative with respect to it.

    Returns
    -------
    Primitive
    """
    argnames = tuple(arguments.split())
    call = body or (lambda *args: getattr(sp, name)(*args))

    def function(*args):
        return call(*args)

    function.__name__ = function.__qualname__ = name
    function.__module__ = "scirs_ad._ops.special"
    notes = [f"    Derivative with respect to {a}: none; {r}." for a, r in (refused or {}).items()]
    function.__doc__ = "\n".join(
        [summary, "", "    Derivative: by the differential equation or in closed form.", *notes, "    "]
    )
    made = primitive(",".join(["()"] * len(argnames)) + "->" + ",".join(["()"] * n_out), name=name)(function)
    made.def_samples(samples)

    @made.def_jvp
    def _(t, out, args):
        for argument, moving in zip(argnames, t, strict=True):
            if moving is not None and refused and argument in refused:
                _refused(name, argument, refused[argument])()
        with np.errstate(all="ignore"):
            found = tangent(t, out, *args)
        if n_out == 1:
            return _like(found, out)
        return tuple(_like(f, o) for f, o in zip(found, out, strict=True))

    PAGES[name] = made
    return made


def _like(tangent, out):
    """A tangent in the shape and dtype of the result it belongs to."""
    if tangent is None:
        return None
    if shape_of(tangent) != shape_of(out):
        tangent = sh.broadcast_to(tangent, shape_of(out))
    return tangent if dtype_of(tangent) == dtype_of(out) else cx.cast(tangent, dtype_of(out))


def terms(*pairs):
    """Sum of tangent times partial over the pairs whose tangent is not None; partials are thunks or values."""
    total = None
    for t, d in pairs:
        if t is None:
            continue
        term = ew.mulz(t, d() if callable(d) and not hasattr(d, "shape") else d)
        total = term if total is None else total + term
    return total


# ------------------------------------------------------------------------------------------------ numerical derivatives
POINTS = 20
MOST = 4  # highest order of a numerical derivative: each order costs one to two digits


@functools.cache
def _weights(order):
    """Nodes x in (-1, 1) and weights w with f^(order)(0) = sum w f(x) for polynomials of degree < POINTS.

    The interpolant in Chebyshev polynomials has the coefficients c_m = 2/n sum_j f(x_j) T_m(x_j) (half for m = 0); the
    derivatives of T_m at 0 follow from the recurrence T_{m+1} = 2 x T_m - T_{m-1}, exactly.
    """
    angles = np.pi * (np.arange(POINTS) + 0.5) / POINTS
    at_zero = [[1] + [0] * order, [0, 1] + [0] * (order - 1)]  # derivatives 0..order of T_0 and T_1
    while len(at_zero) < POINTS:
        a, b = at_zero[-1], at_zero[-2]
        at_zero.append([2 * k * (a[k - 1] if k else 0) - b[k] for k in range(order + 1)])
    scale = np.array([row[order] for row in at_zero], float) * 2.0 / POINTS
    scale[0] /= 2
    weights = scale @ np.cos(np.outer(np.arange(POINTS), angles))
    return np.cos(angles), weights


@primitive(core=lambda *args, name, orders: (0,) * len(args), internal=True, name="special_slope")
def special_slope(*args, name, orders):
    """Mixed partial derivative of order `orders` (one entry per argument) of the function `name` of scipy.special.

    The function is interpolated at 20 Chebyshev points in an interval around the point, and the interpolant
    differentiated. For a function that is analytic at distance R and an interval of half-width R / 2 the error of the
    interpolant is below 1e-11 (and far below for entire functions); the error of rounding is about 20 eps f / radius.

    Derivative: the same of one order more, up to order four; closed forms where the page has them.
    """
    page, output = _page_of(name)
    with np.errstate(all="ignore"):
        return _slope_value(page, output, name, args, orders)


def _page_of(name):
    """The primitive, and which of its results, that a name like 'pbdv' or 'pbdv:1' stands for."""
    base, _, output = name.partition(":")
    return PRIMITIVES[base], int(output or 0)


def _slope_value(page, output, name, args, orders):
    center = [np.asarray(a) for a in args]
    moved = [k for k, n in enumerate(orders) if n]
    center = [
        a.astype(np.promote_types(a.dtype, float)) if k in moved or a.dtype.kind in "fc" else a
        for k, a in enumerate(center)
    ]
    shape = np.broadcast_shapes(*(a.shape for a in center))
    points = list(center)
    divisor = 1.0
    for i, k in enumerate(moved):
        nodes, _ = _weights(orders[k])
        radius = np.asarray(RADII[name, k](*center), float)
        lead = (1,) * i + (POINTS,) + (1,) * (len(moved) - 1 - i)
        points[k] = center[k] + np.broadcast_to(radius, np.broadcast_shapes(radius.shape, center[k].shape)) * (
            nodes.reshape(lead + (1,) * len(shape))
        )
        divisor = divisor * radius ** orders[k]
    points = [
        p if k in moved or p.ndim == 0 else p.reshape((1,) * len(moved) + (1,) * (len(shape) - p.ndim) + p.shape)
        for k, p in enumerate(points)
    ]
    value = VALUES.get(name)
    if value is not None:
        found = value(center, *points)
    else:
        found = page.body(*points)
        found = found[output] if isinstance(found, tuple) else found
    found = np.broadcast_to(found, (POINTS,) * len(moved) + shape)
    for k in moved:  # point by point: the same sum for every element, whatever the shape and the library below
        weights = _weights(orders[k])[1]
        total = weights[0] * found[0]
        for weight, f in zip(weights[1:], found[1:], strict=True):
            total = total + weight * f
        found = total
    return np.asarray(found / divisor).astype(page.dtypes_of(args, None)[output], copy=False)


@special_slope.def_shape
def _(*args, name, orders):
    page, output = _page_of(name)
    found = page(*args)
    return found[output] if isinstance(found, tuple) else found


@special_slope.def_jvp
def _(t, args, name, orders):
    return terms(*((moving, functools.partial(_next, args, name, orders, k)) for k, moving in enumerate(t)))


def _next(args, name, orders, k):
    """The derivative of a numerical derivative with respect to argument `k`."""
    page, output = _page_of(name)
    if (name, k) in RADII:
        if sum(orders) >= MOST:
            raise NotDifferentiableError(
                f"{name}: the numerical derivative with respect to argument {k} is good to order {MOST} only"
            )
        return special_slope(*args, name=name, orders=tuple(n + (i == k) for i, n in enumerate(orders)))

    def value(*args):
        found = page(*args)
        return found[output] if isinstance(found, tuple) else found

    def partial(*args):
        if not isinstance(page, Elementwise):
            return _along(value, k)(*args)
        found = partials_of(page, page(*args), args, 1 << k)[k]
        return 0.0 if found is None else found

    for i, n in enumerate(orders):
        for _ in range(n):
            partial = _along(partial, i)
    return partial(*args)


def _along(function, k):
    """The derivative of an elementwise function with respect to argument `k`."""

    def derived(*args):
        dual = Dual()
        x = as_array(args[k])
        moving = dual.variable(x, np.ones(shape_of(x), dtype_of(x)))
        y = function(*args[:k], moving, *args[k + 1 :])
        dual.closed = True
        _, tangent = dual.split(y)
        return 0.0 if tangent is None else tangent

    return derived


def slope(name, k, *args):
    """The derivative of the function `name` with respect to argument `k`, numerically."""
    orders = tuple(int(i == k) for i in range(len(args)))
    return special_slope(*args, name=name, orders=orders)


@special_slope.def_samples
def _(rng):
    yield sample(rng.uniform(0.5, 3, 4), rng.uniform(0.5, 4, 4), name="gammainc", orders=(1, 0), order=1)
    yield sample(rng.uniform(0.5, 3, (2, 1)), rng.uniform(0.5, 4, 3), name="jv", orders=(1, 0), order=1)
    yield sample(np.array(2.5), np.array(1.5), name="kv", orders=(2, 0), order=1)
