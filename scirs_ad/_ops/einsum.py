"""Einstein sums of every pattern, as products of two operands in an optimised order.

Labels are ints and belong to trailing axes; leading axes loop. The door takes apart NumPy's notation: what is repeated
in one operand is taken on the diagonal, what appears in one operand only is summed, and the rest is a chain of
products of two, whose derivatives are again such products.
"""

import functools

import numpy as np

from scirs_ad._core.core import Spec, as_array, dtype_of, shape_of
from scirs_ad._core.define import primitive, raises, sample
from scirs_ad._core.lazy import lazy
from scirs_ad._kernels import routines
from scirs_ad._ops import complex as cx
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops import shape as sh
from scirs_ad._ops.accumulate import no_out

__all__ = ["einsum", "einsum_path"]

_linalg = lazy("scirs_ad._kernels.linalg", routines.alone)

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SMALL = 4096  # below so many products one plain C loop is quicker (2 us) than preparing a matrix product (12 us)


def _sublist(labels):
    return [Ellipsis, *labels]


# ------------------------------------------------------------------------------------------------ one operand
@primitive(core=lambda x, *, labels, to: (len(labels),), linear=True, internal=True)
def einsum_one(x, *, labels, to):
    """Diagonals over repeated `labels`, sums over those that `to` lacks, in the order of `to`.

    Derivative: the cotangent broadcast and put on the diagonals. Cost: one pass.
    """
    return np.array(np.einsum(x, _sublist(labels), _sublist(to)))


def _lengths(labels, shape):
    return dict(zip(labels, shape[len(shape) - len(labels) :], strict=True))


@einsum_one.def_shape
def _(x, *, labels, to):
    length = _lengths(labels, x.shape)
    return Spec(x.shape[: x.ndim - len(labels)] + tuple(length[k] for k in to), x.dtype)


@einsum_one.def_vjp
def _(ct, specs, labels, to):
    shape = specs[0].shape
    length = _lengths(labels, shape)
    distinct = tuple(dict.fromkeys(labels))
    order = [k for k in distinct if k in to]
    lead = shape[: len(shape) - len(labels)]
    if tuple(order) != to:
        ct = sh.permute_core(ct, axes=tuple([to.index(k) - len(to) for k in order]))
    if len(order) < len(distinct):
        ct = sh.reshape(ct, lead + tuple([length[k] if k in to else 1 for k in distinct]))
        ct = sh.broadcast_to(ct, lead + tuple([length[k] for k in distinct]))
    return ct if distinct == labels else diagonal_embed(ct, labels=labels)


@primitive(core=lambda x, *, labels: (len(set(labels)),), linear=True, internal=True)
def diagonal_embed(x, *, labels):
    """The axes, one for each distinct label, put on the diagonals of an array with axes `labels`; zeros elsewhere.

    Derivative: the diagonals of the cotangent. Cost: one pass over the result.
    """
    distinct = tuple(dict.fromkeys(labels))
    length = _lengths(distinct, x.shape)
    out = np.zeros(x.shape[: x.ndim - len(distinct)] + tuple(length[k] for k in labels), x.dtype)
    np.einsum(out, _sublist(labels), _sublist(distinct))[...] = x  # a view: no label is summed
    return out


@diagonal_embed.def_shape
def _(x, *, labels):
    distinct = tuple(dict.fromkeys(labels))
    length = _lengths(distinct, x.shape)
    return Spec(x.shape[: x.ndim - len(distinct)] + tuple(length[k] for k in labels), x.dtype)


@diagonal_embed.def_vjp
def _(ct, labels):
    return einsum_one(ct, labels=labels, to=tuple(dict.fromkeys(labels)))


@einsum_one.def_samples
def _(rng):
    yield sample(rng.standard_normal((3, 3)), labels=(0, 0), to=(0,))
    yield sample(rng.standard_normal((3, 3)), labels=(0, 0), to=())
    yield sample(rng.standard_normal((2, 3)), labels=(0, 1), to=(1, 0))
    yield sample(rng.standard_normal((2, 3, 2)), labels=(0, 1, 0), to=(1,))
    yield sample(rng.standard_normal((2, 3, 4)), labels=(0, 1), to=(1,))
    yield sample(rng.standard_normal((2, 2)) + 1j, labels=(0, 0), to=(0,))


@diagonal_embed.def_samples
def _(rng):
    yield sample(rng.standard_normal(3), labels=(0, 0))
    yield sample(rng.standard_normal((2, 3)), labels=(0, 1, 0))
    yield sample(rng.standard_normal((4, 2)), labels=(0, 0, 0))


# ------------------------------------------------------------------------------------------------ two operands
@functools.lru_cache(4096)
def _matrix_plan(left, right, out, lead, shape_a, shape_b):
    """How two operands become stacks of matrices: (order and shape of each, shape and order of the result).

    None where a plain loop is better: little work, nothing to sum, or lengths of one that broadcast.
    """
    length_a, length_b = _lengths(left, shape_a), _lengths(right, shape_b)
    work = 1
    for k in {*left, *right}:
        n, m = length_a.get(k, 1), length_b.get(k, 1)
        if k in length_a and k in length_b and n != m:
            return None
        work *= n if k in length_a else m
    summed = [k for k in left if k in right and k not in out]
    if work <= _SMALL or not summed or lead:
        return None
    both = [k for k in out if k in left and k in right]
    rows = [k for k in out if k in left and k not in right]
    columns = [k for k in out if k in right and k not in left]
    order_a = tuple(left.index(k) for k in both + rows + summed)
    order_b = tuple(right.index(k) for k in both + summed + columns)
    batch = tuple(length_a[k] for k in both)
    m, n, k = (
        int(np.prod([length[i] for i in group], dtype=int))
        for length, group in ((length_a, rows), (length_b, columns), (length_a, summed))
    )
    have = both + rows + columns
    final = batch + tuple(length_a[i] for i in rows) + tuple(length_b[i] for i in columns)
    return order_a, (*batch, m, k), order_b, (*batch, k, n), final, tuple(have.index(i) for i in out)


def _two(a, b, *, left, right, to):
    lead = a.ndim > len(left) or b.ndim > len(right)
    plan = _matrix_plan(left, right, to, lead, a.shape, b.shape)
    if plan is None:
        return np.einsum(a, _sublist(left), b, _sublist(right), _sublist(to))
    order_a, shape_a, order_b, shape_b, final, back = plan
    product = _linalg.matmul(a.transpose(order_a).reshape(shape_a), b.transpose(order_b).reshape(shape_b))
    return product.reshape(final).transpose(back)


@primitive(core=lambda a, b, *, left, right, to: (len(left), len(right)), kernel=_two, internal=True)
def einsum_two(a, b, *, left, right, to):
    """Sum of products over the labels that `to` lacks; every label of one operand is in the other or in `to`.

    Derivative: the product of the cotangent and the other operand. Cost: one product of matrices.
    """
    return np.einsum(a, _sublist(left), b, _sublist(right), _sublist(to))


@einsum_two.def_shape
def _(a, b, *, left, right, to):
    length = {}
    for labels, shape in ((left, a.shape), (right, b.shape)):
        for k, n in _lengths(labels, shape).items():
            have = length.setdefault(k, n)
            if have == 1:
                length[k] = n
            elif n not in (1, have):
                raise ValueError(f"einsum: an index has lengths {have} and {n}; the shapes are {a.shape}, {b.shape}")
    lead = np.broadcast_shapes(a.shape[: a.ndim - len(left)], b.shape[: b.ndim - len(right)])
    return Spec(lead + tuple(length[k] for k in to), np.result_type(a.dtype, b.dtype))


@einsum_two.def_vjp
def _(ct, a, b, specs, left, right, to):
    return (
        lambda: _fit(einsum_two(ct, cx.conj(b), left=to, right=right, to=left), specs[0]),
        lambda: _fit(einsum_two(cx.conj(a), ct, left=left, right=to, to=right), specs[1]),
    )


def _fit(g, spec):
    """A cotangent in the shape and dtype of its operand, which may have been broadcast."""
    have = shape_of(g)
    if have != spec.shape:
        if len(have) >= len(spec.shape) and all(
            n in (1, m) for n, m in zip(spec.shape[::-1], have[::-1], strict=False)
        ):
            g = sh.unbroadcast(g, spec.shape)
        else:  # an axis of length one in both factors that the operand itself is longer along
            g = sh.broadcast_to(g, spec.shape)
    return sh.cast(g, spec.dtype)


@einsum_two.def_jvp
def _(t, a, b, left, right, to):
    ta, tb = t
    first = None if ta is None else einsum_two(ta, b, left=left, right=right, to=to)
    second = None if tb is None else einsum_two(a, tb, left=left, right=right, to=to)
    if first is None or second is None:
        return second if first is None else first
    return ew.add(first, second)


@einsum_two.def_samples
def _(rng):
    x = rng.standard_normal
    yield sample(x((2, 3)), x((3, 4)), left=(0, 1), right=(1, 2), to=(0, 2))
    yield sample(x((2, 3)), x((3, 2)), left=(0, 1), right=(1, 0), to=())
    yield sample(x((2, 3, 4)), x((4, 2)), left=(0, 1, 2), right=(2, 0), to=(1, 0))
    yield sample(x((5, 2)), x((3,)), left=(0,), right=(1,), to=(1, 0), order=1)
    yield sample(x((2, 3)), x((1, 3)), left=(0, 1), right=(0, 1), to=(0,))
    yield sample(x((16, 20)), x((20, 24)), left=(0, 1), right=(1, 2), to=(2, 0), order=1)
    yield sample(x((3, 16, 10)), x((10, 3, 17)), left=(0, 1, 2), right=(2, 0, 3), to=(1, 0, 3), order=1)
    yield sample(x((2, 3)) + 1j * x((2, 3)), x((3, 2)) + 1j * x((3, 2)), left=(0, 1), right=(1, 2), to=(0, 2))
    yield raises(ValueError, x((2, 3)), x((4, 2)), left=(0, 1), right=(1, 2), to=(0, 2))


# ------------------------------------------------------------------------------------------------ notation
def _from_sublists(arguments):
    """Operands and notation of ``einsum(a, [0, 1], b, [1, 2], [0, 2])`` as a subscripts string."""
    arguments = list(arguments)
    out = arguments.pop() if len(arguments) % 2 else None
    operands, lists = arguments[::2], arguments[1::2]

    def text(labels):
        found = []
        for k in labels:
            if k is Ellipsis:
                found.append("...")
                continue
            k = k.__index__()
            if not 0 <= k < len(_LETTERS):
                raise ValueError(f"einsum: index {k} is not in the range 0 to {len(_LETTERS) - 1}")
            found.append(_LETTERS[k])
        return "".join(found)

    subscripts = ",".join(text(labels) for labels in lists)
    return (subscripts if out is None else f"{subscripts}->{text(out)}"), operands


@functools.lru_cache(4096)
def _parse(subscripts, ndims):
    """Labels of each operand and of the result; the axes of an ellipsis get labels of their own, from 52 on.

    The axes that an ellipsis stands for are counted from its end, as in broadcasting.
    """
    text = subscripts.replace(" ", "")
    inputs, arrow, output = text.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(ndims):
        raise ValueError(f"einsum: {subscripts!r} has {len(terms)} operand(s), {len(ndims)} were given")
    dots, parsed = 0, []
    for term, ndim in zip(terms, ndims, strict=True):
        before, ellipsis, after = term.partition("...")
        names = before + after
        if any(c not in _LETTERS for c in names):
            raise ValueError(f"einsum: {term!r} in {subscripts!r} has a character that is not a letter")
        hidden = ndim - len(names)
        if hidden < 0 or (hidden > 0 and not ellipsis):
            raise ValueError(f"einsum: {term!r} in {subscripts!r} names {len(names)} axes; the operand has {ndim}")
        dots = hidden if hidden > dots else dots
        parsed.append((before, hidden if ellipsis else 0, after))
    broad = tuple(range(len(_LETTERS), len(_LETTERS) + dots))
    labels = []
    for before, hidden, after in parsed:
        middle = broad[len(broad) - hidden :]
        labels.append((*map(_LETTERS.index, before), *middle, *map(_LETTERS.index, after)))
    if arrow:
        before, ellipsis, after = output.partition("...")
        if dots and not ellipsis:
            raise ValueError(f"einsum: {subscripts!r} has an ellipsis in an operand but none in the result")
        names = before + after
        if len(set(names)) != len(names) or any(c not in inputs or c not in _LETTERS for c in names):
            raise ValueError(f"einsum: the result {output!r} of {subscripts!r} repeats or invents an index")
        out = (*map(_LETTERS.index, before), *(broad if ellipsis else ()), *map(_LETTERS.index, after))
    else:
        names = inputs.replace(",", "").replace(".", "")
        out = (*broad, *(_LETTERS.index(c) for c in sorted(set(names)) if names.count(c) == 1))
    return tuple(labels), out


@functools.lru_cache(1024)
def _path(labels, out, shapes, optimize):
    """The order of products: pairs of places in the list of operands."""
    if optimize is False or len(labels) <= 2:
        return ((0, 1),) * (len(labels) - 1)
    number = {k: i for i, k in enumerate(dict.fromkeys(k for term in labels for k in term))}
    text = ",".join("".join(_LETTERS[number[k]] for k in term) for term in labels)
    text += "->" + "".join(_LETTERS[number[k]] for k in out)
    stand_ins = [np.broadcast_to(np.float64(0), shape) for shape in shapes]
    path = np.einsum_path(text, *stand_ins, optimize=list(optimize) if isinstance(optimize, tuple) else optimize)[0]
    return _pairs(path[1:])


def _pairs(path):
    """A path whose steps may take several operands, as one of steps of two; a product goes to the end of the list."""
    steps = []
    count = 1 + sum(len(step) - 1 for step in path)
    for step in path:
        step = sorted(step)
        steps.append(tuple(step[-2:]))
        count -= 1
        for k in range(len(step) - 3, -1, -1):  # with the product so far, which is the last of the list
            steps.append((step[k], count - 1))
            count -= 1
    return tuple(steps)


def einsum(*operands, out=None, optimize=True, **kwargs):
    """Einstein sum: sums of products, by naming the axes.

    Parameters
    ----------
    *operands
        ``subscripts, a, b, ...`` as in ``"ij,jk->ik"``, or ``a, [0, 1], b, [1, 2], [0, 2]``. Repeated indices in one
        operand take diagonals; ``...`` stands for axes that broadcast.
    out : None
        Must not be given.
    optimize : bool, str or list
        The order of products for more than two operands, as in `numpy.einsum_path`.
    **kwargs
        ``dtype``, ``order`` and ``casting`` as in NumPy.

    Returns
    -------
    Variable or ndarray

    Raises
    ------
    ValueError
        If the notation cannot be read or does not fit the shapes.

    Notes
    -----
    Derivative: einsums of the cotangent with the other operands. Cost: products of matrices in an optimised order.

    Examples
    --------
    >>> import scirs_ad.numpy as anp
    >>> anp.einsum("ii", [[1.0, 2.0], [3.0, 4.0]])
    array(5.)
    """
    no_out(out, "einsum")
    subscripts, arrays = (operands[0], operands[1:]) if isinstance(operands[0], str) else _from_sublists(operands)
    arrays = [as_array(a) for a in arrays]
    dtype = kwargs.pop("dtype", None)
    for name in kwargs:
        if name not in ("order", "casting"):
            raise TypeError(f"einsum: got an unexpected keyword argument {name!r}")
    if dtype is not None:
        arrays = [sh.astype(a, dtype) for a in arrays]
    shapes = [shape_of(a) for a in arrays]
    labels, wanted = _parse(subscripts, tuple([len(s) for s in shapes]))
    _check_lengths(subscripts, labels, shapes)
    if len(arrays) == 1:
        return _reduce(arrays[0], labels[0], wanted)[0]
    terms = [
        _reduce_unneeded(a, term, [*labels[:i], *labels[i + 1 :]], wanted)
        for i, (a, term) in enumerate(zip(arrays, labels, strict=True))
    ]
    how = tuple(optimize) if isinstance(optimize, list) else True if optimize is None else optimize
    steps = _path(tuple([t[1] for t in terms]), wanted, tuple([shape_of(t[0]) for t in terms]), how)
    for i, j in steps:
        (b, right), (a, left) = terms.pop(j), terms.pop(i)
        needed = {*wanted, *(k for _, term in terms for k in term)}
        if terms:
            kept = tuple([k for k in dict.fromkeys((*left, *right)) if k in needed])
        else:
            kept = wanted
        terms.append(_product(a, left, b, right, kept))
    return terms[0][0]


def _check_lengths(subscripts, labels, shapes):
    length = {}
    for term, shape in zip(labels, shapes, strict=True):
        for k, n in zip(term, shape, strict=True):
            have = length.setdefault(k, n)
            if have == 1:
                length[k] = n
            elif n not in (1, have):
                name = f"index {_LETTERS[k]!r}" if k < len(_LETTERS) else "an axis of the ellipsis"
                raise ValueError(
                    f"einsum: {name} of {subscripts!r} has lengths {have} and {n}; the shapes are "
                    + " ".join(map(str, shapes))
                )


def _reduce(a, term, kept):
    """Diagonals and sums within one operand; lengths of one beside longer ones of the same label first."""
    if term == kept:
        return a, term
    if len(set(term)) == len(term) and len(term) == len(kept):
        return sh.permute_core(a, axes=tuple([term.index(k) - len(term) for k in kept])), kept
    if len(set(term)) < len(term):
        shape = shape_of(a)
        length = {}
        for k, n in zip(term, shape, strict=True):
            length[k] = n if length.get(k, 1) == 1 else length[k]
        a = sh.broadcast_to(a, tuple([length[k] for k in term]))
    number = {k: i for i, k in enumerate(dict.fromkeys(term))}
    return einsum_one(a, labels=tuple([number[k] for k in term]), to=tuple([number[k] for k in kept])), kept


def _reduce_unneeded(a, term, others, wanted):
    needed = {*wanted, *(k for other in others for k in other)}
    kept = tuple([k for k in dict.fromkeys(term) if k in needed])
    return _reduce(a, term, kept)


def _product(a, left, b, right, kept):
    """The product of two operands, summed over what is not kept."""
    a, left = _reduce(a, left, tuple([k for k in left if k in right or k in kept]))
    b, right = _reduce(b, right, tuple([k for k in right if k in left or k in kept]))
    # Labels start from zero, so that einsums of one form share their plans.
    number = {k: i for i, k in enumerate(dict.fromkeys((*left, *right)))}
    left_n, right_n, out_n = (tuple([number[k] for k in group]) for group in (left, right, kept))
    return einsum_two(a, b, left=left_n, right=right_n, to=out_n), kept


def einsum_path(*operands, optimize="greedy", einsum_call=False):
    """The order in which `einsum` would multiply more than two operands.

    Parameters
    ----------
    *operands, optimize, einsum_call
        As in `numpy.einsum_path`; only the shapes matter.

    Returns
    -------
    path : list
    description : str

    Notes
    -----
    Derivative: none. Cost: depends on the number of operands only.

    Examples
    --------
    >>> import numpy as np
    >>> import scirs_ad.numpy as anp
    >>> anp.einsum_path("ij,jk,kl", np.ones((2, 2)), np.ones((2, 2)), np.ones((2, 2)))[0]
    ['einsum_path', (0, 1), (0, 1)]
    """
    stand_ins = [
        x
        if isinstance(x, (str, list, tuple)) and not hasattr(x, "shape")
        else np.broadcast_to(np.zeros((), dtype_of(as_array(x))), shape_of(as_array(x)))
        for x in operands
    ]
    return np.einsum_path(*stand_ins, optimize=optimize, einsum_call=einsum_call)
