"""Discrete cosine and sine transforms: linear and real, the adjoint of each is another one up to weights at the ends."""

import math

import numpy as np

from scirs_ad._core.core import Spec, dtype_of
from scirs_ad._core.define import primitive, raises, sample
from scirs_ad._core.lazy import lazy
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.fft import DUAL, axis_of, length_to, norm_of, number, shape_axes

spfft = lazy("scipy.fft")

__all__ = ["dct", "dctn", "dst", "dstn", "idct", "idctn", "idst", "idstn"]

INVERSE = {1: 1, 2: 3, 3: 2, 4: 4}


@primitive(core=lambda x, *, kind, type, axis, norm, ortho: (-axis,), linear=True, internal=True)
def cosine_axis(x, *, kind, type, axis, norm, ortho):
    """Cosine or sine transform (`kind` is "dct" or "dst") of a type along `axis`.

    Derivative: the transform of the inverse type, with weights at the ends. Cost: ``O(n log n)``.
    """
    transform = getattr(spfft, kind)
    if kind == "dct" and type == 1 and x.shape[axis] < 2:
        raise ValueError(f"dct: type 1 needs at least 2 points, not {x.shape[axis]}")
    if x.dtype.kind == "c":
        parts = [transform(p, type, axis=axis, norm=norm, orthogonalize=ortho) for p in (x.real, x.imag)]
        return parts[0] + 1j * parts[1]
    return transform(x, type, axis=axis, norm=norm, orthogonalize=ortho)


@cosine_axis.def_shape
def _(x, *, kind, type, axis, norm, ortho):
    return Spec(x.shape, np.result_type(x.dtype, np.float32))


def _factors(n, kind, type, norm, ortho):
    """``transform = scale * diag(after) C diag(before)``, where C is neither scaled nor made orthogonal."""
    length = n + {"dct": -1, "dst": 1}[kind] if type == 1 else n
    scale = {"backward": 1.0, "ortho": 1.0 / math.sqrt(2 * length), "forward": 0.5 / length}[norm]
    before, after = np.ones(n), np.ones(n)
    if ortho:
        end = 0 if kind == "dct" else -1
        if type == 1 and kind == "dct":
            before[[0, -1]] = math.sqrt(2.0)
            after[[0, -1]] = math.sqrt(0.5)
        elif type == 2:
            after[end] = math.sqrt(0.5)
        elif type == 3:
            before[end] = math.sqrt(2.0)
    return scale, before, after


def _ends(n, kind, type):
    """``C^T = diag(after) C' diag(before)``, with C' the transform of the inverse type."""
    before, after = np.ones(n), np.ones(n)
    end = 0 if kind == "dct" else -1
    if type == 1 and kind == "dct":
        before[[0, -1]], after[[0, -1]] = 2.0, 0.5
    elif type == 2:
        before[end] = 2.0
    elif type == 3:
        after[end] = 0.5
    return before, after


@cosine_axis.def_vjp
def _(ct, specs, kind, type, axis, norm, ortho):
    n = specs[0].shape[axis]
    if ortho and norm == "ortho":  # an orthogonal matrix
        found = cosine_axis(ct, kind=kind, type=INVERSE[type], axis=axis, norm=norm, ortho=True)
        return sh.cast(found, specs[0].dtype)
    scale, before, after = _factors(n, kind, type, norm, ortho)
    inner, outer = _ends(n, kind, type)
    real = np.zeros((), dtype_of(ct)).real.dtype
    first, last = (w.astype(real).reshape((-1,) + (1,) * (-axis - 1)) for w in (scale * after * inner, outer * before))
    ct = cosine_axis(ew.multiply(ct, first), kind=kind, type=INVERSE[type], axis=axis, norm="backward", ortho=False)
    return sh.cast(ew.multiply(ct, last), specs[0].dtype)


@cosine_axis.def_samples
def _(rng):
    x = rng.standard_normal
    for kind in ("dct", "dst"):
        for type in (1, 2, 3, 4):
            for norm, ortho in (("backward", False), ("ortho", True), ("forward", False), ("ortho", False)):
                yield sample(x(5), kind=kind, type=type, axis=-1, norm=norm, ortho=ortho)
            yield sample(x((3, 2)), kind=kind, type=type, axis=-2, norm="backward", ortho=True)
    yield sample(x((2, 3)).astype(np.float32), kind="dct", type=2, axis=-1, norm="backward", ortho=False)
    yield sample(x(4) + 1j * x(4), kind="dst", type=3, axis=-1, norm="backward", ortho=False)
    yield raises(ValueError, x(1), kind="dct", type=1, axis=-1, norm="backward", ortho=False)


def _check(name, type):
    if type not in INVERSE:
        raise ValueError(f"{name}: type must be 1, 2, 3 or 4, not {type!r}")


def _one(name, kind, x, type, n, axis, norm, orthogonalize, inverse):
    _check(name, type)
    x, norm = number(x, name), norm_of(norm, name)
    axis = axis_of(x, axis, name)
    x = length_to(x, axis, x.shape[axis] if n is None else n.__index__(), name)
    ortho = norm == "ortho" if orthogonalize is None else bool(orthogonalize)
    if inverse:
        type, norm = INVERSE[type], DUAL[norm]
    return cosine_axis(x, kind=kind, type=type, axis=axis, norm=norm, ortho=ortho)


def _many(name, kind, x, type, s, axes, norm, orthogonalize, inverse):
    _check(name, type)
    x, norm = number(x, name), norm_of(norm, name)
    s, axes = ((a,) if isinstance(a, int) else a for a in (s, axes))
    lengths, axes = shape_axes(name, x, s, axes)
    ortho = norm == "ortho" if orthogonalize is None else bool(orthogonalize)
    if inverse:
        type, norm = INVERSE[type], DUAL[norm]
    for n, axis in zip(lengths, axes, strict=True):
        x = length_to(x, axis, n, name)
    for axis in axes:
        x = cosine_axis(x, kind=kind, type=type, axis=axis, norm=norm, ortho=ortho)
    return x


def _along_an_axis(name, kind, inverse, title, example):
    def transform(
        x, type=2, n=None, axis=-1, norm=None, overwrite_x=False, workers=None, plan=None, *, orthogonalize=None
    ):
        no_plan(name, plan)
        return _one(name, kind, x, type, n, axis, norm, orthogonalize, inverse)

    return _documented(transform, name, title, "n : int, optional", "axis : int", example)


def _over_axes(name, kind, inverse, title, example):
    def transform(
        x, type=2, s=None, axes=None, norm=None, overwrite_x=False, workers=None, plan=None, *, orthogonalize=None
    ):
        no_plan(name, plan)
        return _many(name, kind, x, type, s, axes, norm, orthogonalize, inverse)

    return _documented(
        transform, name, title, "s : int or tuple of int, optional", "axes : int or tuple of int, optional", example
    )


def no_plan(name, plan):
    """SciPy keeps the argument for other libraries."""
    if plan is not None:
        raise NotImplementedError(f"{name}: plan must be None")


def _documented(transform, name, title, length, axis, example):
    transform.__name__ = transform.__qualname__ = name
    transform.__doc__ = f"""{title}

    Parameters
    ----------
    x : array_like
    type : {{1, 2, 3, 4}}
        Which of the four transforms.
    {length}
        Length: zeros are added, or the end is cut off.
    {axis}
    norm : {{"backward", "ortho", "forward"}}, optional
        Where to divide by the length.
    overwrite_x, workers : optional
        As in SciPy; without effect.
    plan : None
    orthogonalize : bool, optional
        Make the matrix orthogonal up to a factor; by default if `norm` is "ortho".

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If `type` or `norm` is not known.

    Notes
    -----
    Derivative: linear; the adjoint is a transform of the inverse type. Cost: ``O(n log n)``.

    Examples
    --------
    >>> import scirs_ad as ad
    >>> {example}
    """
    return transform


dct = _along_an_axis("dct", "dct", False, "Discrete cosine transform along an axis.",
                     "ad.scipy.fft.dct([1.0, 1.0])\n    array([4., 0.])")  # fmt: skip
idct = _along_an_axis("idct", "dct", True, "Inverse of the discrete cosine transform along an axis.",
                      "ad.scipy.fft.idct([4.0, 0.0])\n    array([1., 1.])")  # fmt: skip
dst = _along_an_axis("dst", "dst", False, "Discrete sine transform along an axis.",
                     "ad.scipy.fft.dst([0.0, 0.0])\n    array([0., 0.])")  # fmt: skip
idst = _along_an_axis("idst", "dst", True, "Inverse of the discrete sine transform along an axis.",
                      "ad.scipy.fft.idst([0.0, 0.0])\n    array([0., 0.])")  # fmt: skip
dctn = _over_axes("dctn", "dct", False, "Discrete cosine transform over axes.",
                  "ad.scipy.fft.dctn([1.0, 1.0])\n    array([4., 0.])")  # fmt: skip
idctn = _over_axes("idctn", "dct", True, "Inverse of the discrete cosine transform over axes.",
                   "ad.scipy.fft.idctn([4.0, 0.0])\n    array([1., 1.])")  # fmt: skip
dstn = _over_axes("dstn", "dst", False, "Discrete sine transform over axes.",
                  "ad.scipy.fft.dstn([0.0, 0.0])\n    array([0., 0.])")  # fmt: skip
idstn = _over_axes("idstn", "dst", True, "Inverse of the discrete sine transform over axes.",
                   "ad.scipy.fft.idstn([0.0, 0.0])\n    array([0., 0.])")  # fmt: skip
