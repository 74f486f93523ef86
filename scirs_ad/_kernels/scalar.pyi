from collections.abc import Sequence
from typing import Any

import numpy as np

LANES: int

class ScalarBuilder:
    dtype: np.dtype
    def __init__(self, dtype: Any, exact: bool) -> None: ...
    def __len__(self) -> int: ...
    def constant(self, number: float) -> int: ...
    def load(self, arg: int, element: int) -> int: ...
    def emit(self, name: str, a: int, b: int = 0, c: int = 0) -> int: ...
    def apply(self, op: int, a: int, b: int = 0, c: int = 0) -> int: ...
    def apply_all(self, op: int, operands: list[Any], shape: tuple[int, ...]) -> np.ndarray: ...
    def program(self, outputs: Sequence[Sequence[int]], lanes: bool = False) -> ScalarProgram: ...

class ScalarProgram:
    loads: tuple[tuple[int, int], ...]
    out_sizes: tuple[int, ...]
    dtype: np.dtype
    n_registers: int
    n_steps: int
    ns: float
    lanes: bool
    def __init__(
        self,
        sizes: Sequence[int],
        consts: Sequence[float],
        code: Sequence[tuple[str, Sequence[int]]],
        outputs: Sequence[Sequence[int]],
        lanes: bool = False,
        dtype: Any = ...,
    ) -> None: ...
    def __call__(self, *vectors: Any) -> tuple[np.ndarray, ...]: ...
    def map(self, count: int, *inputs: Any, threads: int = 0) -> tuple[np.ndarray, ...]: ...

class ScalarCall:
    program: ScalarProgram
    count: int
    ns: float
    def __init__(
        self,
        program: ScalarProgram,
        loads: Sequence[tuple[int, bool, int, int, int, int]],
        stores: Sequence[tuple[int, bool, int, int, int, int]],
        count: int,
        threads: int = 0,
    ) -> None: ...
    def run(self, arrays: Sequence[np.ndarray]) -> None: ...
