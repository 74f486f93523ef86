"""Checkpoints: every policy gives the same derivatives, and saves what it says, measured."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import scirs_ad as ad
import scirs_ad.numpy as anp

EPS = np.finfo(float).eps
ELSEWHERE = Path(sys.executable).parent  # not where the sources lie: they are not what is tested


def network(x, w):
    h = ad.name(np.tanh(x @ w), "hidden")
    return np.sum(ad.name(np.exp(np.sin(h)), "late") ** 2)


POLICIES = [
    None,
    ad.checkpoint.names("hidden"),
    ad.checkpoint.names("hidden", "late"),
    ad.checkpoint.names("nothing"),
    ad.checkpoint.smaller(0),
    ad.checkpoint.smaller(10_000),
    ad.checkpoint.every(2),
    ad.checkpoint.budget(200),
    lambda candidates: candidates[:2],
]


def close(found, expected):
    assert found.shape == expected.shape
    assert np.max(np.abs(found - expected)) <= 256 * EPS * np.max(np.abs(expected))


@pytest.fixture
def inputs():
    rng = np.random.default_rng(8)
    return rng.standard_normal((4, 3)), rng.standard_normal((3, 5))


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_gives_the_same(inputs, policy):
    f = ad.checkpoint(network, policy)
    assert f(*inputs) == network(*inputs)
    for k in (0, 1):
        close(ad.grad(f, k)(*inputs), ad.grad(network, k)(*inputs))
        close(ad.jacfwd(f, k)(*inputs), ad.grad(network, k)(*inputs))
        close(ad.hessian(f, k)(*inputs), ad.hessian(network, k)(*inputs))
        close(ad.compile(ad.grad(f, k))(*inputs), ad.grad(network, k)(*inputs))
    xs = np.stack([inputs[0], -inputs[0]])
    close(ad.vmap(ad.grad(f), (0, None))(xs, inputs[1]), np.stack([ad.grad(network)(x, inputs[1]) for x in xs]))
    total = ad.grad(lambda w: np.sum(ad.vmap(f, (0, None))(xs, w)))(inputs[1])
    close(total, sum(ad.grad(network, 1)(x, inputs[1]) for x in xs))


@pytest.mark.parametrize("policy", POLICIES)
def test_what_is_closed_over_is_an_input(inputs, policy):
    x, w = inputs
    close(ad.grad(lambda w: ad.checkpoint(lambda x: network(x, w), policy)(x))(w), ad.grad(network, 1)(x, w))


def test_names_are_kept_and_the_rest_is_not(inputs):
    with ad.checkpoint_profile() as none:
        ad.grad(ad.checkpoint(network))(*inputs)
    with ad.checkpoint_profile() as hidden:
        ad.grad(ad.checkpoint(network, ad.checkpoint.names("hidden")))(*inputs)
    assert none.recomputations == hidden.recomputations == 1
    assert none.bytes_kept == 0
    assert hidden.bytes_kept == 4 * 5 * 8
    assert hidden.bytes_saved + hidden.bytes_kept == none.bytes_saved > 0


def test_budget_keeps_no_more(inputs):
    for nbytes in (0, 100, 160, 321, 10_000):
        with ad.checkpoint_profile() as profile:
            ad.grad(ad.checkpoint(network, ad.checkpoint.budget(nbytes)))(*inputs)
        assert profile.bytes_kept <= nbytes
    assert profile.bytes_kept > 0


@pytest.mark.parametrize("n", [1, 2, 3])
def test_every_nth_value_is_kept(inputs, n):
    seen = []

    def policy(candidates):
        kept = ad.checkpoint.every(n)(candidates)
        seen.append(([c for c in candidates if c.label is None], kept))
        return kept

    with ad.checkpoint_profile() as profile:
        ad.grad(ad.checkpoint(network, policy))(*inputs)
    ((made, kept),) = seen
    assert [c.place for c in kept] == [c.place for c in made][n - 1 :: n]
    assert profile.bytes_kept == sum(c.nbytes for c in kept)


@pytest.mark.parametrize(
    ("policy", "least", "most"),
    [
        (None, 6, 12),
        (ad.checkpoint.names("nothing"), 6, 12),
        (ad.checkpoint.smaller(0), 6, 12),
        (ad.checkpoint.names("hidden"), 3, 6),
        (ad.checkpoint.every(6), 3, 6),  # three operations a layer
        (ad.checkpoint.names("hidden", "late"), -1, 1),
        (ad.checkpoint.every(3), -1, 1),
    ],
)
def test_compiled_programs_keep_what_the_policy_says(policy, least, most):
    """What is not kept is run again, not shared with what ran before; both figures are those of real arenas."""
    fs = [lambda x, k=k: ad.name(np.tanh(np.cumsum(x) * 0.1), "hidden" if k % 2 else "late") for k in range(12)]
    x = np.linspace(0.1, 1.0, 1000)

    def plain(x):
        for f in fs:
            x = f(x)
        return np.sum(x)

    chain = ad.checkpoint_chain(fs, every=4, policy=policy)
    saving, everything = ad.compile(ad.grad(lambda x: np.sum(chain(x)))), ad.compile(ad.grad(plain))
    close(saving(x), everything(x))
    with ad.checkpoint_profile() as profile:
        for _ in range(3):
            saving(x)
    assert profile.recomputations == 3 * 3
    saved = everything.lower(x).program.arena_bytes - saving.lower(x).program.arena_bytes
    assert profile.bytes_saved == 3 * saved
    assert least * x.nbytes <= saved <= most * x.nbytes


def test_marks_cost_nothing_in_a_program():
    for level in ("none", "standard"):
        f = ad.compile(lambda x: np.sin(ad.name(np.cos(x), "c")), level=level)
        text = str(f.lower(np.ones(10_000)).program)
        assert "named" not in text
        assert "copy" not in text


@pytest.mark.parametrize("every", [1, 3, 4, 20])
def test_chain(every):
    x = np.linspace(0.1, 1.0, 5)
    fs = [np.sin, np.exp, np.tanh, lambda x: x * x + 0.1] * 3
    chain = ad.checkpoint_chain(fs, every=every)

    def plain(x):
        for f in fs:
            x = f(x)
        return x

    with ad.checkpoint_profile() as profile:
        found = ad.grad(lambda x: np.sum(chain(x)))(x)
    assert profile.recomputations == -(-len(fs) // every)
    close(found, ad.grad(lambda x: np.sum(plain(x)))(x))
    close(ad.hessian(lambda x: np.sum(chain(x)))(x), ad.hessian(lambda x: np.sum(plain(x)))(x))


def layers(width, count):
    rng = np.random.default_rng(2)
    weights = [rng.standard_normal((width, width)) / np.sqrt(width) for _ in range(count)]
    return [lambda x, w=w: np.tanh(x @ w) for w in weights]


def test_fifty_layers_on_the_tape():
    """Of the bytes that the tape of a chain of 50 layers keeps, checkpoints save at least 60 %."""
    fs, x = layers(16, 50), np.ones((64, 16))

    def plain(x):
        for f in fs:
            x = f(x)
        return x

    with ad.checkpoint_profile() as profile:
        ad.grad(lambda x: np.sum(ad.checkpoint_chain(fs, every=7)(x)))(x)
    with ad.Tape() as tape:
        plain(tape.variable(x))
    with ad.Tape() as sparse:
        ad.checkpoint_chain(fs, every=7)(sparse.variable(x))
    weights = 50 * 16 * 16 * 8
    everything = tape.nbytes - weights
    # At one time there are what the tape keeps and the tape of one piece, of which 7 layers' weights are no activation.
    assert sparse.nbytes + profile.largest - 7 * 16 * 16 * 8 <= 0.4 * everything


# The most memory that a process had; unlike ru_maxrss it does not start with that of its parent.
PEAK = """
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
"""
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/status")

SCRIPT = """
import sys
import numpy as np
import scirs_ad as ad
rng = np.random.default_rng(2)
weights = [rng.standard_normal((64, 64)) / 8 for _ in range(50)]
fs = [lambda x, w=w: np.tanh(x @ w) for w in weights]
chain = ad.checkpoint_chain(fs, every=7 if sys.argv[1] == "sparse" else 50)
def plain(x):
    for f in fs:
        x = f(x)
    return x
f = chain if sys.argv[1] == "sparse" else plain
g = ad.grad(lambda x: np.sum(f(x)))
if sys.argv[2] == "compiled":
    g = ad.compile(g)
g(np.ones((600, 64)))  # with what products of this size import
x = np.ones((6000, 64))
before = peak()
g(x)
print(peak() - before)
"""


@linux
@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_fifty_layers_in_the_memory_of_the_process(mode):
    def grown(kind):
        done = subprocess.run(
            [sys.executable, "-c", PEAK + SCRIPT, kind, mode], check=True, capture_output=True, text=True, cwd=ELSEWHERE
        )
        return int(done.stdout)

    assert grown("sparse") <= 0.4 * grown("plain")


def peak_of_scan(policy):
    """KiB that a gradient of a long loop with a large carry adds to the memory of a new process."""
    script = f"""{PEAK}
import numpy as np
import scirs_ad as ad
def f(x, n):
    return np.sum(ad.scan(lambda c, _: (np.sin(c) * 1.01, None), x, length=n, **{policy!r})[0])
ad.grad(f)(np.ones(8), 64)
before = peak()
ad.grad(f)(np.ones(50_000), 200)
print(peak() - before)
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ELSEWHERE)
    return int(done.stdout)


@linux
def test_binomial_checkpoints_bound_memory():
    carry = 50_000 * 8 / 1024
    everything = peak_of_scan({})
    assert everything >= 190 * carry
    assert peak_of_scan({"checkpoint": "binomial", "snapshots": 6}) <= (6 + 12) * carry
    assert peak_of_scan({"checkpoint": "every-k"}) <= 60 * carry


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: ad.checkpoint(3), TypeError, "function"),
        (lambda: ad.checkpoint(np.sin, policy="all"), TypeError, "policy.*'all'"),
        (lambda: ad.checkpoint_chain([np.sin, 3]), TypeError, "3"),
        (lambda: ad.checkpoint_chain([np.sin], every=0), ValueError, "every.*0"),
        (lambda: ad.checkpoint.every(0), ValueError, "every.*0"),
        (lambda: ad.name(1.0, 2), TypeError, "label"),
        (lambda: ad.grad(ad.checkpoint(anp.sin, policy=lambda c: [1]))(1.0), TypeError, "candidates"),
        (lambda: ad.checkpoint(lambda x: x if x > 0 else -x, ad.checkpoint.budget(8))(1.0), ad.TracingError, "bool"),
    ],
)
def test_errors(call, error, match):
    with pytest.raises(error, match=match):
        call()
