"""The texts of a cell that holds a list, whatever separates them.

The separator is `;`. People and programs also write one text a line, `|`, the semicolons of other
scripts, and lists of JSON or Python.
"""

import ast
import json
import re
from typing import NamedTuple

# ASCII, full-width, Greek, Arabic, small and reversed
SEMICOLONS = ";\uff1b\u037e\u061b\ufe54\u204f"
LINE_ENDS = re.compile(r"[\r\n\v\f\x85\u2028\u2029]+")
SENTENCE_END = re.compile(r"[.!?。！？؟।:;][\"'”’)]*\s*$")
BARS = re.compile(r"\s*[|｜¦]+\s*")
PARENTHESES = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")


class SplitList(NamedTuple):
    """The texts of a list, and what separates them where it is not the semicolon alone."""

    texts: list[str]
    separator: str


def split_cell(cell: str, *, sentences: bool = False) -> SplitList:
    """Return the texts of a cell; sentences: lines are texts only where each ends as a sentence."""
    items = parse_list(cell)
    if items is not None:
        return SplitList(items, "a list in brackets")
    separators = []
    texts = lines(cell, sentences=sentences)
    if len(texts) > 1:
        separators.append("the ends of lines")
    if any(mark in cell for mark in SEMICOLONS[1:]):
        separators.append("a semicolon of another script")
    texts = [part for text in texts for part in re.split(f"[{SEMICOLONS}]", text)]
    if any(map(has_bars, texts)):
        separators.append("|")
        texts = [
            part for text in texts for part in (BARS.split(text) if has_bars(text) else [text])
        ]
    return SplitList(texts, " and ".join(separators))


def parse_list(cell: str) -> list[str] | None:
    """Return the texts of a JSON or Python list; None for a cell that is none."""
    if not (cell[:1] in "[(" and cell[-1:] in "])" and cell[1:-1].strip()[:1] in ("'", '"')):
        return None
    for parse in (json.loads, ast.literal_eval):
        try:
            items = parse(cell)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(items, (list, tuple)) and all(isinstance(item, str) for item in items):
            return [*items]
    return None


def lines(cell: str, *, sentences: bool) -> list[str]:
    """Return the lines of a cell that are texts of their own."""
    parts = [part for part in LINE_ENDS.split(cell) if part.strip()]
    if sentences and not all(map(SENTENCE_END.search, parts[:-1])):
        return [cell]
    return parts


def split_bars(text: str) -> list[str]:
    """Return the texts that bars separate, or the text itself."""
    return BARS.split(text) if has_bars(text) else [text]


def has_bars(text: str) -> bool:
    """Return whether bars separate texts; a bar in parentheses, as in P(A|B), does not."""
    parts = [part for part in BARS.split(PARENTHESES.sub("", text).strip()) if part]
    return len(parts) > 1 and all(any(map(str.isalpha, part)) for part in parts)
