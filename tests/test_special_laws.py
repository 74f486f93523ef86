"""The laws of `test_laws`, for the pages of scipy.special, which are loaded at first use.

Where a second derivative is a quadrature of our own, a difference of it takes seconds; `test_special` compares those
with mpmath instead. All else is held to the same laws as every other page.
"""

import numpy as np
import pytest
import test_laws as laws_of
from laws import Case, rng_of

import scirs_ad as ad
from scirs_ad._core.core import PRIMITIVES
from scirs_ad._ops.special import PAGES

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

assert PAGES  # they are loaded
NAMES = [name for name, p in PRIMITIVES.items() if p.__module__.startswith("scirs_ad._ops.special")]


def cases(name):
    p = PRIMITIVES[name]
    found = [Case(p, number, s) for number, s in enumerate(p.samples(rng_of(name)))]
    return [case for case in found if case.error is None]


def by_quadrature(case):
    """Whether the first derivative asks for `special_slope`: the second is then a quadrature, too."""

    def first(*xs):
        return ad.jvp(case.moved, xs, tuple(np.ones(x.shape, x.dtype) for x in xs))[1]

    return "special_slope" in str(ad.trace(first)(*case.point()))


@pytest.mark.parametrize("name", NAMES)
def test_page_obeys(name):
    of_page = cases(name)
    assert of_page
    for case in of_page:
        laws_of.test_kernel_is_body(case)
        laws_of.test_shape_is_rule(case)
    for case in [case for case in of_page if case.arrays][:2]:
        laws_of.test_vmap_is_loop(case)
        laws_of.test_layouts(case)
    for case in [case for case in of_page if case.order >= 1 and case.moving][:1]:
        laws_of.test_vjp_is_adjoint(case)
        laws_of.test_vmap_of_vjp_is_loop(case)
        if case.order >= 2 and not by_quadrature(case):
            laws_of.test_second_order(case)


def test_most_pages_have_second_derivatives_in_closed_form():
    smooth = [[c for c in cases(name) if c.order >= 2 and c.moving][:1] for name in NAMES]
    closed = [case for found in smooth for case in found if not by_quadrature(case)]
    assert len(closed) > len(NAMES) / 3
