from scirs_ad._kernels.scalar import ScalarCall

class ScalarStep:
    ns: float
    text: str
    def __init__(self, call: ScalarCall) -> None: ...
