from collections.abc import Sequence
from typing import Any

class Region:
    n_ins: int
    n_outs: int
    ns: float
    description: tuple[Any, ...]
    listing: list[str]
    def __init__(
        self,
        shape: Sequence[int],
        inputs: Sequence[tuple[Any, ...]],
        consts: Sequence[tuple[Any, ...]],
        code: Sequence[tuple[str, Any, Sequence[int]]],
        outputs: Sequence[tuple[Any, ...]],
    ) -> None: ...
    def run(self, ins: Sequence[Any], outs: Sequence[Any], threads: int = 1) -> None: ...

def has_kernel(name: str, types: Sequence[Any], dtype: Any) -> bool: ...
def kernels() -> tuple[list[str], list[tuple[str, str]]]: ...
