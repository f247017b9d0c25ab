"""How messages put numbers."""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as 1 search or 1,200 searches."""
    ending = "es" if noun.endswith(("ch", "s", "x")) else "s"
    return f"{number:,} {noun}{'' if number == 1 else ending}"


def listed(*parts: str) -> str:
    """Return parts of a sentence as one text: a, b and c."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
