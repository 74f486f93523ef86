class Product:
    shared: bool
    ns: float
    text: str
    def __init__(
        self, kind: str, itemsize: int, flags: tuple, sizes: tuple, steps: tuple, pointers: tuple, loops: tuple = ()
    ) -> None: ...

class Products:
    ns: float
    text: str
    def __init__(self, product: Product) -> None: ...
