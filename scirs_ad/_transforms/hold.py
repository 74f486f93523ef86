"""The operation that keeps what a checkpoint runs again apart from what ran before."""

from scirs_ad._core.core import bind
from scirs_ad._core.define import primitive, sample

__all__ = ["hold"]


@primitive(core=None, n_out=-1, internal=True)
def hold(*values, n):
    """The first `n` values, not before all of them are known.

    Derivative: the cotangents of the `n` values. Cost: none.
    """
    return values[:n]


hold.def_shape(lambda *values, n: values[:n])
hold.def_vjp(lambda ct, values, n: (*ct, *(None,) * (len(values) - n)))
hold.def_jvp(lambda t, n: t[:n])
hold.def_samples(lambda rng: iter([sample(rng.standard_normal(3), rng.standard_normal(2), n=1)]))


@hold.def_batch
def _(batch, args, params):
    lowered = [batch.lower(a) for a in args]
    outs = bind(hold, tuple(y for y, _ in lowered), params)
    return tuple(batch.variable(y) if m else y for y, (_, m) in zip(outs, lowered, strict=False))
