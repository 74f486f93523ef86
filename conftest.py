"""Tests see the installed package, and not the source folder of the same name beside this file.

`python -m pytest` puts the working directory first in `sys.path`. There `scirs_ad/` holds sources without compiled
modules, so the root is taken out, unless the modules lie beside the sources (an in-place build). This file is not in
`tests/`, so that it also counts for `python -m pytest --pyargs scirs_ad`.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent

if not any(ROOT.glob("scirs_ad/_core/core*.so")):
    sys.path[:] = [entry for entry in sys.path if Path(entry or os.curdir).resolve() != ROOT]
