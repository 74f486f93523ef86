"""The grammar of graphs: everything that is read was made before, once, with the shape and dtype of its operation."""

import os

import numpy as np

from scirs_ad._core.core import Spec, bind, spec_of
from scirs_ad._core.errors import GraphError
from scirs_ad._transforms.notation import type_text

__all__ = ["check_ops", "checking"]

NUMBERS = (bool, int, float, complex)


def checking():
    """Whether every graph is to be checked as soon as it is made: SCIRS_AD_CHECK=1 in the environment."""
    return os.environ.get("SCIRS_AD_CHECK", "") not in ("", "0")


def check_ops(name, known, ops, outputs):
    """GraphError unless operations in an order are a computation.

    Parameters
    ----------
    name : str
        Of the graph, for messages.
    known : dict
        Value -> Spec, array or number: the inputs and constants.
    ops : sequence of tuple
        ``(label, primitive, params, arguments, results)``: arguments are values or ``(None, constant)``, results a
        list of ``(value, Spec)``.
    outputs : sequence
        Of values.

    Notes
    -----
    Cost: the shape rule of every operation, once.
    """
    known = {v: x if isinstance(x, NUMBERS) else spec_of(x) for v, x in known.items()}
    makers = {v: label for label, _, _, _, results in ops for v, _ in results}
    for label, p, params, arguments, results in ops:
        who = f"{name}: {label} = {p.name}(...)"
        args = []
        for k, v in enumerate(arguments):
            if type(v) is tuple and v[0] is None:
                args.append(v[1] if isinstance(v[1], NUMBERS) else spec_of(v[1]))
            elif v in known:
                args.append(known[v])
            elif v in makers:
                raise GraphError(
                    f"{who}: argument {k} is the result of {makers[v]}, which comes later; the order is not one in "
                    "which the graph can be run"
                )
            else:
                raise GraphError(f"{who}: argument {k} is value {v!r}, which nothing makes")
        if args and all(isinstance(a, NUMBERS) for a in args):
            args[0] = spec_of(args[0])
        found = _specs(bind(p, tuple(args), params), who)
        if len(found) != len(results):
            raise GraphError(f"{who}: {len(results)} result(s) in the graph, {p.name} has {len(found)}")
        for k, ((v, spec), s) in enumerate(zip(results, found, strict=True)):
            if v in known:
                raise GraphError(f"{who}: result {k} is value {v!r}, which is there already; a value is made once")
            if spec != s:
                which = f"result {k}" if len(found) > 1 else "the result"
                raise GraphError(
                    f"{who}: {which} is {type_text(spec)} in the graph; {p.name} of "
                    f"{', '.join(_shown(a) for a in args)} is {type_text(s)}"
                )
            known[v] = spec
        for key, body in (params or {}).items():
            if hasattr(body, "probe"):
                check_function(f"{name}: {label}.{key}", body)
    for k, v in enumerate(outputs):
        if v not in known:
            raise GraphError(f"{name}: output {k} is value {v!r}, which nothing makes")


def check_function(name, body):
    """The same for the body of a loop or a branch."""
    specs = {}
    body.probe(specs)
    ops = [
        (f"operation {k}", p, params, ins, [(i, specs[i]) for i in outs]) for k, (p, params, ins, outs) in
        enumerate(body.ops)
    ]  # fmt: skip
    check_ops(name, {**dict(enumerate(body.specs)), **body.constants}, ops, body.outputs)
    for k, (i, spec) in enumerate(zip(body.outputs, body.out_specs, strict=True)):
        if specs[i] != spec:
            raise GraphError(f"{name}: output {k} is {type_text(specs[i])}, stated is {type_text(spec)}")


def _specs(out, who):
    """The Specs that a primitive says its results have."""
    found = out if type(out) is tuple else (out,)
    for s in found:
        if not isinstance(s, (Spec, np.ndarray, np.generic)):
            raise GraphError(f"{who}: the shape rule gave a {type(s).__name__}, not a Spec")
    return [spec_of(s) for s in found]


def _shown(a):
    return repr(a) if isinstance(a, NUMBERS) else type_text(a)
