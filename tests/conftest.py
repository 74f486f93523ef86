"""What all tests share: they see the installed package, and hypothesis is quick and, in CI, repeatable."""

import os
import sys
from pathlib import Path

from hypothesis import settings

HERE = Path(__file__).resolve().parent


def leave_source_folder():
    """Take the repository's root out of `sys.path`, so that `import scirs_ad` finds the installed package.

    `python -m pytest` puts the working directory first, and there `scirs_ad/` is source without its compiled modules.
    Where they lie beside the source (an in-place build) the root stays. In an installed copy of the tests there is no
    such root.
    """
    root = HERE.parent
    if not (root / "scirs_ad" / "__init__.py").is_file() or any(root.glob("scirs_ad/_core/core*.so")):
        return
    sys.path[:] = [entry for entry in sys.path if Path(entry or os.curdir).resolve() != root]


leave_source_folder()
sys.path.append(str(HERE))  # the helpers beside the tests: pytest's importlib mode does not look here

settings.register_profile("default", deadline=None, max_examples=25)
settings.register_profile("ci", deadline=None, max_examples=25, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")
