"""Parses the scores of pairs, and finds files whose scores are not on the scale of 0 to 1.

A score of 1 is the best of 0 to 1 and the worst of 1 to 5, so a single row does not show its scale:
only the scores of the whole file do.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping

NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?")
# How far outside 0 to 1 a slip or a rounding error lies; a score beyond it has another scale.
SLIP = 0.15
MAX_GRADE = 10  # of a scale of whole numbers
# The scales that people use, the narrowest first: lowest and highest score, and the formula to 0-1.
SCALES = {
    (-1.0, 1.0): "(score + 1) / 2",
    (1.0, 5.0): "(score - 1) / 4",
    (0.0, 5.0): "score / 5",
    (0.0, 10.0): "score / 10",
    (0.0, 100.0): "score / 100",
}


def parse_score(text: str) -> float | None:
    """Return the number in a cell, which may have a decimal comma; None if it is no number.

    Spreadsheets write an apostrophe before a number that is a text.
    """
    plain = unicodedata.normalize("NFKC", text).strip().removeprefix("'")
    plain = plain.replace("\u066b", ".").replace("\u2212", "-")
    if plain.count(",") == 1 and "." not in plain:
        plain = plain.replace(",", ".")
    return float(plain) if NUMBER.fullmatch(plain) else None


def other_scale(scores: Mapping[int, float]) -> str:
    """Return why the scores of a file, by line, are not from 0 to 1; "" if they are.

    Scores that are just outside may be slips: their rows are bad, and the file is not.
    """
    line = next((line for line, score in scores.items() if not -SLIP <= score <= 1 + SLIP), None)
    if line is None:
        return ""
    low, high = min(scores.values()), max(scores.values())
    scales = [(scale, way) for scale, way in SCALES.items() if scale[0] <= low and high <= scale[1]]
    own = own_scale(scores.values()) if (low, high) not in SCALES else []
    advice = [f"{way} if they are {a:g} to {b:g}" for (a, b), way in [*own, *scales][:2]]
    found = f"scores from {low:g} to {high:g}, the first beyond 0 to 1 in line {line}"
    return f"{found}; write all of them from 0 to 1: {', or '.join(advice) or 'divide by the best'}"


def own_scale(scores: Collection[float]) -> list[tuple[tuple[float, float], str]]:
    """Return the scale of a few whole numbers, such as 0 to 3, and its formula; else nothing.

    A scale that begins below -1 is taken to be symmetric around 0.
    """
    low, high = min(scores), max(scores)
    if low < -1:
        end = max(-low, high)
        return [((-end, end), f"(score + {end:g}) / {2 * end:g}")]
    if high > MAX_GRADE or low not in (0, 1) or not all(map(float.is_integer, scores)):
        return []
    return [((low, high), f"(score - 1) / {high - 1:g}" if low else f"score / {high:g}")]
