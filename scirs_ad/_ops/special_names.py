"""The functions of scipy.special by their names there, but for those of `softmax`, which load without the others."""

from scirs_ad._ops import softmax, special_composed, special_counts
from scirs_ad._ops.special import PAGES

__all__ = ["NAMES"]

NAMES = {name: page for name, page in PAGES.items() if not page.internal}
for _page in (softmax, special_composed, special_counts):
    NAMES.update({name: getattr(_page, name) for name in _page.__all__})
