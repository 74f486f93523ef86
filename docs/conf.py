"""Sphinx settings. The lists of names are written by `_ext/inventory.py` from the package itself."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# `python -m sphinx` puts the root first, where the sources lie without their compiled modules.
sys.path[:] = [str(HERE / "_ext"), *(entry for entry in sys.path if Path(entry or os.curdir).resolve() != HERE.parent)]

import scirs_ad

project = "scirs_ad"
author = copyright = "the scirs_ad developers"
version = release = scirs_ad.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_copybutton",
    "inventory",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_ext", "_templates"]
default_role = "code"
nitpicky = False

autosummary_generate = True
autosummary_imported_members = False
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_title = "scirs_ad"
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
