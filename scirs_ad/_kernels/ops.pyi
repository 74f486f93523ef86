from typing import Any

from numpy.typing import NDArray

ISA: str
OPCODES: dict[str, int]
ARITY: dict[str, int]

def available_isas() -> tuple[str, ...]: ...
def apply(
    name: str, *arrays: NDArray[Any], isa: str | None = None, out: NDArray[Any] | None = None
) -> NDArray[Any]: ...
