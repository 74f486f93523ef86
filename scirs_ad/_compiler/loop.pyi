from scirs_ad._compiler.program import Program

class Loop:
    program: Program
    native: bool
    buffer_bytes: int
    def __init__(self, program: Program, carries: int, count: int, specs: tuple, out_specs: tuple) -> None: ...
    def __call__(
        self, carry: tuple, xs: list, consts: list, ys: list, length: int, reverse: bool, until: While | None = None
    ) -> tuple: ...

class LoopStep:
    alone: bool
    ns: float
    text: str
    def __init__(self, loop: Loop, leaves: list, outs: list, buffer: int, length: int, reverse: bool) -> None: ...

class SideBySide:
    ns: float
    text: str
    def __init__(self, steps: list) -> None: ...

class While:
    loop: Loop
    def __init__(self, loop: Loop, test: Program) -> None: ...

class WhileStep:
    ns: float
    text: str
    def __init__(self, loop: While, step: LoopStep) -> None: ...

class Branch:
    ns: float
    text: str
    def __init__(self, truth: int, on_true: LoopStep, on_false: LoopStep) -> None: ...
