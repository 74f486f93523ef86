"""Bad input: the right class, a message with the names and shapes involved, nothing on stdout."""

import dataclasses
import re
import subprocess
import sys

import numpy as np
import pytest

import scirs_ad as ad

X = np.ones(3)


def loss(x):
    return np.sum(x**2)


def outer(x):
    return np.outer(x, x)


def two(x, y):
    return np.sum(x * y)


@ad.custom_vjp
def wrong_shape(x):
    return x**2


@wrong_shape.def_vjp
def _(ct, x):
    return np.ones(7)


@ad.custom_vjp
def wrong_number(x, y):
    return x * y


@wrong_number.def_vjp
def _(ct, x, y):
    return ct, ct, ct


@ad.custom_jvp
def wrong_tangent(x):
    return x**2


@wrong_tangent.def_jvp
def _(t):
    return np.ones(7)


@ad.custom_jvp
def ruleless(x):
    return x**2


@ad.custom_vjp
def ruleless_vjp(x):
    return x**2


@ad.primitive("(n)->(n)")
def page(x):
    return 2.0 * x


@page.def_vjp
def _(ct):
    return np.ones(7)


@ad.primitive("(n)->(n)")
def many(x):
    return 2.0 * x


@many.def_vjp
def _(ct):
    return ct, ct


@ad.primitive("(n)->(n)")
def none(x):
    return 2.0 * x


@ad.primitive("(m,k),(k,n)->(m,n)")
def product(a, b):
    return a @ b


@dataclasses.dataclass
class Point:
    x: object


def unreadable():
    @ad.primitive("n->()")
    def bad(x):
        return x


def badly_named():
    @ad.primitive("(n-1)->()")
    def bad(x):
        return x


def unfitting():
    @ad.primitive("(n),(n)->()")
    def bad(x):
        return x


def unknown_name():
    @ad.primitive("(n)->()")
    def bad(x):
        return np.sum(x)

    @bad.def_vjp
    def _(ct, z):
        return ct


def twice():
    @ad.custom_vjp
    def f(x):
        return x

    @f.def_vjp
    def _(ct, z):
        return ct

    ad.grad(f)(1.0)


CASES = {
    # ------------------------------------------------------------ non-scalar output in grad
    "array out": (lambda: ad.grad(outer)(X), TypeError, [r"grad of outer", r"\(3, 3\)", "scalar"]),
    "array out, value": (lambda: ad.value_and_grad(np.sin)(X), TypeError, ["value_and_grad of sin", r"\(3,\)"]),
    "None out": (lambda: ad.grad(lambda x: None)(X), TypeError, ["None", "scalar"]),
    "tuple out": (lambda: ad.grad(lambda x: (x, x))(1.0), TypeError, ["tuple", "scalar"]),
    "string out": (lambda: ad.grad(lambda x: "a")(1.0), TypeError, ["str", "scalar"]),
    "complex out": (lambda: ad.grad(lambda x: x * 1j)(1.0), TypeError, ["complex", "real"]),
    "no pair": (lambda: ad.grad(loss, has_aux=True)(X), TypeError, ["has_aux", "aux"]),
    "hessian of array": (lambda: ad.hessian(outer)(X), TypeError, ["outer", r"\(3, 3\)"]),
    # ------------------------------------------------------------ inputs without derivative
    "integers": (lambda: ad.grad(loss)(np.arange(3)), TypeError, ["loss", "int64", r"\(3,\)", r"astype\(float\)"]),
    "an int": (lambda: ad.grad(loss)(3), TypeError, ["loss", "int64", r"astype\(float\)"]),
    "booleans": (lambda: ad.grad(loss)(X > 0), TypeError, ["bool", r"astype\(float\)"]),
    "integers in jvp": (lambda: ad.jvp(loss, (np.arange(3),), (X,)), TypeError, ["jvp of loss", "int64"]),
    "integers in vjp": (lambda: ad.vjp(loss, np.arange(3)), TypeError, ["vjp of loss", "int64"]),
    "integers in linearize": (lambda: ad.linearize(loss, np.arange(3)), TypeError, ["linearize of loss", "int64"]),
    "integers in jacobian": (lambda: ad.jacobian(outer)(np.arange(3)), TypeError, ["jacobian of outer", "int64"]),
    "integers in a container": (lambda: ad.grad(lambda d: d["a"])({"a": 1}), TypeError, ["int64"]),
    "objects": (lambda: ad.grad(loss)(np.array([None, 1], object)), TypeError, ["object", "numbers"]),
    "strings": (lambda: ad.grad(loss)("text"), TypeError, ["loss", "<U4", "numbers"]),
    "an object": (lambda: ad.grad(loss)(object()), TypeError, ["loss", "object"]),
    "a string inside": (lambda: ad.grad(lambda x: np.sum(x + np.array(["a"])))(X), TypeError, ["add", "<U1"]),
    "an object inside": (lambda: ad.grad(lambda x: np.sum(x * object()))(X), TypeError, ["object"]),
    "dates": (lambda: ad.Variable(np.array(["2020-01-01"], "M8[D]")), TypeError, ["datetime64"]),
    "a string as Variable": (lambda: ad.Variable("a"), TypeError, ["<U1", "numbers"]),
    "tape of integers": (lambda: ad.Tape().variable(np.arange(3)), TypeError, ["int64", r"astype\(float\)"]),
    # ------------------------------------------------------------ argnums
    "argnums too large": (lambda: ad.grad(loss, argnums=1)(X), ValueError, ["loss", "argnums=1", "1 positional"]),
    "argnums too small": (lambda: ad.grad(loss, argnums=-2)(X), ValueError, ["loss", "argnums=-2"]),
    "argnums in tuple": (lambda: ad.grad(two, argnums=(0, 2))(X, X), ValueError, ["two", "2 positional"]),
    "argnums text": (lambda: ad.grad(loss, argnums="x"), TypeError, ["argnums", "'x'"]),
    "argnums float": (lambda: ad.jacobian(loss, argnums=1.0), TypeError, ["jacobian", "argnums", "1.0"]),
    "argnums bool": (lambda: ad.grad(loss, argnums=True), TypeError, ["argnums", "True"]),
    "argnums empty": (lambda: ad.grad(loss, argnums=()), TypeError, ["argnums"]),
    "no function": (lambda: ad.grad(3.0), TypeError, ["grad", "3.0"]),
    "no function in vmap": (lambda: ad.vmap(None), TypeError, ["vmap", "None"]),
    "no function in trace": (lambda: ad.trace(1), TypeError, ["trace", "1"]),
    "no function in checkpoint": (lambda: ad.checkpoint(1), TypeError, ["checkpoint", "1"]),
    "mode": (lambda: ad.jacobian(loss, mode="both"), ValueError, ["forward", "'both'"]),
    # ------------------------------------------------------------ structures
    "tangent structure": (lambda: ad.jvp(loss, (X,), ((X, X),)), ValueError, ["jvp of loss", r"\(\*, \*\)"]),
    "tangent number": (lambda: ad.jvp(two, (X, X), (X,)), ValueError, ["jvp of two", r"\(\*, \*\)"]),
    "tangent shape": (lambda: ad.jvp(loss, (X,), (np.ones(2),)), ValueError, ["loss", r"\(2,\)", r"\(3,\)"]),
    "tangent complex": (lambda: ad.jvp(loss, (X,), (1j * X,)), TypeError, ["loss", "complex"]),
    "no tuple": (lambda: ad.jvp(loss, X, X), TypeError, ["jvp of loss", "tuples"]),
    "push shape": (lambda: ad.linearize(loss, X)[1](np.ones(2)), ValueError, ["loss", r"\(2,\)", r"\(3,\)"]),
    "cotangent shape": (lambda: ad.vjp(outer, X)[1](X), ValueError, ["outer", r"\(3,\)", r"\(3, 3\)"]),
    "cotangent structure": (lambda: ad.vjp(lambda x: {"a": x}, X)[1](X), ValueError, ["pullback", r"\{'a': \*\}"]),
    "cotangent complex": (lambda: ad.vjp(np.sin, X)[1](1j * X), TypeError, ["complex", "sin"]),
    "hvp shape": (lambda: ad.hvp(loss)(X, np.ones(2)), ValueError, [r"\(2,\)", r"\(3,\)"]),
    "weights": (lambda: ad.weighted_hessian(outer)(X, X), ValueError, ["outer", r"\(3,\)", r"\(3, 3\)"]),
    "dataclass against tuple": (lambda: ad.jvp(lambda p: p.x, (Point(1.0),), ((1.0,),)), ValueError, ["Point"]),
    # ------------------------------------------------------------ vmap
    "sizes": (lambda: ad.vmap(two)(X, np.ones(4)), ValueError, ["two", "3", "4"]),
    "axis": (lambda: ad.vmap(loss, in_axes=2)(X), ValueError, ["loss", "axis 2", r"\(3,\)"]),
    "nothing mapped": (lambda: ad.vmap(loss, in_axes=None)(X), ValueError, ["loss", "None"]),
    "in_axes": (lambda: ad.vmap(two, in_axes=(0,))(X, X), ValueError, ["two", "2 positional"]),
    "in_axes structure": (lambda: ad.vmap(loss, in_axes=({"a": 0},))(X), ValueError, ["in_axes", "'a'"]),
    "out_axes": (lambda: ad.vmap(np.sin, out_axes=None)(X), ValueError, ["out_axes", "depends on the batch"]),
    # ------------------------------------------------------------ shapes
    "broadcast": (lambda: ad.grad(lambda x: np.sum(x + np.ones(4)))(X), ValueError, ["add", r"\(3,\)", r"\(4,\)"]),
    "broadcast, untracked": (lambda: ad.Variable(X) * np.ones(4), ValueError, ["multiply", r"\(3,\)", r"\(4,\)"]),
    "broadcast, traced": (lambda: ad.trace(lambda x: x / np.ones(4))(X), ValueError, ["divide", r"\(3,\)", r"\(4,\)"]),
    "matmul": (lambda: ad.grad(lambda x: np.sum(np.ones((2, 4)) @ x))(X), ValueError, ["matmul", "4", "3"]),
    "signature": (lambda: ad.trace(product)(np.ones((2, 3)), np.ones((4, 5))), ValueError,
                  ["product", "dimension k is 4, expected 3", r"\(m,k\),\(k,n\)->\(m,n\)"]),
    "rank": (lambda: ad.trace(product)(X, np.ones((3, 3))), ValueError, ["product", r"\(3,\)", "2 dimension"]),
    # ------------------------------------------------------------ pages
    "unreadable signature": (unreadable, ValueError, ["bad", "n->", "signature"]),
    "bad dimension": (badly_named, ValueError, ["bad", "n-1", "signature"]),
    "signature against function": (unfitting, ValueError, ["bad", "2 inputs", "1 arguments", "x"]),
    "signature forgotten": (lambda: ad.primitive(loss), TypeError, ["signature", "primitive"]),
    "rule names": (unknown_name, TypeError, ["bad", "'z'", "'ct'", "'x'"]),
    "rule names, custom": (twice, TypeError, ["f", "'z'", "'x'"]),
    "vjp shape": (lambda: ad.grad(lambda x: np.sum(page(x)))(X), ValueError, ["page", r"\(7,\)", r"\(3,\)"]),
    "vjp number": (lambda: ad.grad(lambda x: np.sum(many(x)))(X), TypeError, ["many", "2 cotangent", "1 argument"]),
    "no rule": (lambda: ad.grad(lambda x: np.sum(none(x)))(X), ad.NotDifferentiableError, ["none", "no derivative"]),
    "no rule, forward": (lambda: ad.jvp(none, (X,), (X,)), ad.NotDifferentiableError, ["none", "no derivative"]),
    "custom vjp shape": (lambda: ad.grad(lambda x: np.sum(wrong_shape(x)))(X), ValueError,
                         ["wrong_shape", r"\(7,\)", r"\(3,\)"]),
    "custom vjp number": (lambda: ad.grad(wrong_number)(1.0, 2.0), TypeError, ["wrong_number", "3", "2 argument"]),
    "custom jvp shape": (lambda: ad.jvp(wrong_tangent, (X,), (X,)), ValueError,
                         ["wrong_tangent", r"\(7,\)", r"\(3,\)"]),
    "custom without jvp": (lambda: ad.grad(ruleless)(1.0), TypeError, ["ruleless", "def_jvp"]),
    "custom without vjp": (lambda: ad.jvp(ruleless_vjp, (1.0,), (1.0,)), TypeError, ["ruleless_vjp", "def_vjp"]),
    # ------------------------------------------------------------ values that are not known
    "if of a trace": (lambda: ad.trace(lambda x: x if x > 0 else -x)(1.0), ad.TracingError, ["trac"]),
    "if in a batch": (lambda: ad.vmap(lambda x: x if x > 0 else -x)(X), ad.TracingError, ["vmap"]),
    "float of a trace": (lambda: ad.trace(float)(1.0), ad.TracingError, ["float", "trac"]),
    "float": (lambda: ad.grad(float)(1.0), ad.DerivativeLostError, ["float", "scirs_ad.value"]),
    "asarray": (lambda: ad.grad(lambda x: np.sum(np.asarray(x)))(X), ad.DerivativeLostError,
                ["np.asarray", "test_errors.py", "scirs_ad.value"]),
    # ------------------------------------------------------------ tapes and graphs
    "foreign variable": (lambda: ad.Tape().gradients(ad.Variable(1.0), [ad.Variable(1.0)]), ValueError,
                         ["gradients", "xs", "tape"]),
    "tape cotangents": (lambda: tape_with(lambda t, x: t.gradients([x, x], [x], [1.0])), ValueError, ["1 cot", "2 out"]),
    "tape shape": (lambda: tape_with(lambda t, x: t.gradients(x, [x], np.ones(2))), ValueError, [r"\(2,\)", r"\(3,\)"]),
}  # fmt: skip


def tape_with(use):
    with ad.Tape() as tape:
        x = tape.variable(X)
    return use(tape, x)


@pytest.mark.parametrize("name", CASES)
def test_bad_input(name, capsys):
    call, error, parts = CASES[name]
    with pytest.raises(error) as caught:
        call()
    said = str(caught.value)
    for part in parts:
        assert re.search(part, said), f"{part!r} is not in {said!r}"
    shown = capsys.readouterr()
    assert not shown.out
    assert not shown.err


def test_errors_are_numpys():
    """Each class of ours is one that NumPy users catch."""
    for error, base in [
        (ad.DerivativeLostError, TypeError),
        (ad.NotDifferentiableError, TypeError),
        (ad.TracingError, TypeError),
        (ad.EscapedVariableError, RuntimeError),
    ]:
        assert issubclass(error, base)
    with pytest.raises(np.linalg.LinAlgError):
        ad.grad(lambda x: np.sum(np.linalg.inv(x)))(np.zeros((2, 2)))
    with pytest.raises(IndexError, match="index 5"):
        ad.grad(lambda x: x[5])(X)
    with pytest.raises(KeyError):
        ad.grad(lambda d: d["b"])({"a": 1.0})


def test_after_an_error_all_is_as_before():
    for name in CASES:
        call, error, _ = CASES[name]
        with pytest.raises(error):
            call()
    np.testing.assert_array_equal(ad.grad(loss)(X), 2 * X)


ABUSE = """
import numpy as np, scirs_ad as ad
from scirs_ad._core import core
calls = [
    lambda: core.bind(None, (), None), lambda: core.bind(core.PRIMITIVES["add"], (), None),
    lambda: core.PRIMITIVES["add"](), lambda: core.PRIMITIVES["add"](1.0), lambda: core.PRIMITIVES["add"](1.0, 2.0, 3.0),
    lambda: core.PRIMITIVES["sin"](), lambda: core.PRIMITIVES["sin"](None), lambda: core.PRIMITIVES["sin"](1.0, 2.0),
    lambda: core.Variable(), lambda: core.Variable(None), lambda: core.Variable.__new__(core.Variable) + 1.0,
    lambda: repr(core.Variable.__new__(core.Variable)), lambda: core.Node() and core.Node().args,
    lambda: core.Tape().pull([], [], [0], False), lambda: core.Tape().pull([1.0], [1.0], [5 << 20], True),
    lambda: core.Tape().push([3 << 20], [1.0], []), lambda: core.Tape().gradients(1.0, [2.0]),
    lambda: core.Dual().split(None), lambda: core.Batch().lower(None), lambda: core.Batch(-1).variable(np.ones(2)) + 1.0,
    lambda: core.Batch(2).variable(1.0) + 1.0, lambda: core.Spec(None), lambda: core.Spec((-1,)), lambda: core.Level() and 1,
    lambda: core.Tape().variable(None), lambda: core.Tape().variable(core.Variable.__new__(core.Variable)),
    lambda: ad.grad(lambda x: x)(np.ma.masked_array([1.0], [True])), lambda: ad.grad(lambda x: x[None] * x)(np.matrix([1.0])),
    lambda: ad.grad(lambda x: x.base)(1.0), lambda: ad.grad(lambda x: x.sum(axis=10))(np.ones(2)),
    lambda: ad.vmap(lambda x: x)(np.ones((0, 2))), lambda: ad.grad(lambda x: x.reshape(10**18))(np.ones(2)),
    lambda: ad.grad(lambda x: np.broadcast_to(x, (2**62, 2**62)).sum())(1.0), lambda: ad.Graph().run(None),
    lambda: ad.grad(lambda x: ad.grad(lambda y: x)(x))(float("nan")), lambda: ad.set_num_threads(0),
    lambda: ad.set_num_threads(-1), lambda: ad.set_num_threads("a"), lambda: ad.set_num_threads(10**9),
    lambda: core.Primitive(None), lambda: core.Elementwise(len), lambda: core.install(nothing=1), lambda: ad.Spec(2.5),
    lambda: core.PRIMITIVES["getitem" if "getitem" in core.PRIMITIVES else "index"](np.ones(2), key=None),
    lambda: [p.pull for p in core.PRIMITIVES.values()], lambda: [p(*[None] * 3) for p in core.PRIMITIVES.values()],
]
for p in core.PRIMITIVES.values():
    for args in [(), (None,), (1.0,), ("a",), (np.ones(0),), (object(), object()), (1.0, None), ({},) * 3]:
        calls.append(lambda p=p, args=args: p(*args))
for call in calls:
    try:
        call()
    except Exception as error:
        pass
print("alive")
"""


def test_no_input_crashes_the_interpreter(tmp_path):
    """Not even calls that go round every public door."""
    command = [sys.executable, "-W", "ignore", "-X", "faulthandler", "-c", ABUSE]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False, timeout=60)
    assert done.stdout == "alive\n", done.stderr[-2000:]
    assert done.returncode == 0
