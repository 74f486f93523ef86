from collections.abc import Sequence
from typing import Any

import numpy as np

LANES: int

class ScalarProgram:
    sizes: tuple[int, ...]
    out_sizes: tuple[int, ...]
    n_registers: int
    n_steps: int
    ns: float
    def __init__(
        self,
        sizes: Sequence[int],
        consts: Sequence[float],
        code: Sequence[tuple[str, Sequence[int]]],
        outputs: Sequence[Sequence[int]],
    ) -> None: ...
    def __call__(self, *vectors: Any) -> tuple[np.ndarray, ...]: ...
    def map(self, count: int, *inputs: Any, threads: int = 0) -> tuple[np.ndarray, ...]: ...
