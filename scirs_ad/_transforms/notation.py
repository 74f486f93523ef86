"""How names, types, amounts and times are written in graphs."""

__all__ = ["amount", "duration", "letters", "type_text"]


def letters(n):
    """a, b, ..., z, ba, bb, ..."""
    text = ""
    while True:
        n, digit = divmod(n, 26)
        text = chr(ord("a") + digit) + text
        if n == 0:
            return text


def type_text(spec):
    """`f64[2,3]`."""
    return f"{spec.dtype.kind}{8 * spec.dtype.itemsize}[{','.join(map(str, spec.shape))}]"


def amount(number, unit=""):
    """`12.3 kB`, `4.56 Mflop`: three digits are enough to compare."""
    for scale, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= scale:
            return f"{number / scale:.3g} {letter}{unit}"
    return f"{number:.3g} {unit}".rstrip()


def duration(seconds):
    """`12.3 us`."""
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"
