"""Speed of scirs_ad. `asv run --python=same` measures; `once.py` runs each benchmark once."""
