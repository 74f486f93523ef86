class Product:
    ns: float
    text: str
    def __init__(
        self, kind: str, itemsize: int, flags: tuple, sizes: tuple, steps: tuple, pointers: tuple, loops: tuple = ()
    ) -> None: ...
