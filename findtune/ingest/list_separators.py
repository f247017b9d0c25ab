"""Splits a cell that holds a list into its texts, whatever separates them.

The separator is `;`. People and programs also write one text per line, `|`, the semicolons of other
scripts, bullets, and the lists of JSON, Python, NumPy or PostgreSQL.
"""

import ast
import csv
import json
import math
import re
import unicodedata
from typing import NamedTuple

# ASCII, full-width, Greek, Arabic, small and reversed
SEMICOLONS = ";\uff1b\u037e\u061b\ufe54\u204f"
LINE_ENDS = re.compile(r"[\r\n\v\f\x85\u2028\u2029]+")
# A backslash and a letter, as JSON writes it, but not as in C:\new. No pattern here begins with
# blanks, and none looks beyond the next place where it could start, so the time stays linear.
WRITTEN_LINE_ENDS = re.compile(r"(?:\\r)?\\n(?![a-z])")
BULLETS = re.compile(r"(?:\A|(?<=\s))[•‣▪●◦⁃■\uf0b7\uf0a7]\s*")
QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“", "«": "»"}
# ['a' 'b'] of NumPy: Python would join the two texts.
SIDE_BY_SIDE = re.compile(r"(?<=['\"])\s+(?=['\"])")
# What Python, NumPy and pandas write around a list. R writes its texts side by side in c(...).
ARRAY = re.compile(
    r"(?:(?:np\.)?array|Index|Series|list|tuple|set|frozenset)\(([\[({].*[\])}])"
    r"\s*(?:,\s*dtype=[^()\[\]]*)?\)",
    re.DOTALL,
)
VECTOR = re.compile(r"c(\([\"'].*[\"']\))", re.DOTALL)
ITEM = re.compile(r"\s*(?:u?['\"]|\{|(?:None|null|nan|NaN|NA)\s*,)")
MISSING = re.compile(r"(?<=[\[(,])\s*(?:null|nan|NaN|NA)\s*(?=[,\])])")  # beside quoted texts
# "a", "b" without brackets
QUOTED = re.compile(
    r""" "[^"]*"(?:\s*,\s*"[^"]*")++\s*,?|'[^']*'(?:\s*,\s*'[^']*')++\s*,?""".strip()
)
# A string, its closing quote and the comma after it, which the last one may lack.
STRING = re.compile(r'"((?:[^"\\]|\\.)*+)(?:(")\s*(,)?|\\?\Z)', re.DOTALL)
# A list in brackets, whatever follows it.
CLOSED = re.compile(r'\[(?:[^"\]]|"(?:[^"\\]|\\.)*+")*+\]', re.DOTALL)
ENDS = ";,.\uff1b\u3002 \t\r\n"  # what may follow the brackets of a whole cell
TEXT_KEYS = ("text", "name", "value", "label", "sentence", "alternative")
# Marks that may separate texts, but may also belong to one.
DOUBTFUL = ("、", " / ", " ~ ", " · ")
MIN_DOUBTFUL = 2
MIN_TABS = 2  # fewer may stand within a text
SENTENCE_END = re.compile(r"[.!?。！？؟।:;][\"'”’)]*\s*$")
# Numbers of one digit in a text, as models write a list in one line.
NUMBERED = re.compile(r"(?:\A|(?<=\s))([1-9])\.\s+(?=[^\W\d_])")
BRACKETED = re.compile(r"(?:\A|(?<=\s))\(?([1-9])\)\s+(?=[^\W\d_])")
CIRCLED = re.compile(r"([\u2460-\u2468])\s*(?=[^\W\d_])")
MIN_NUMBERS = 3
BARS = re.compile(r"[|｜¦]+")
PARENTHESES = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")


class SplitList(NamedTuple):
    """The texts of a list, and the separators beside the semicolon; "" if there are none."""

    texts: list[str]
    separator: str


def split_cell(cell: str, *, sentences: bool = False) -> SplitList:
    """Return the texts of a cell; sentences: split lines only if each ends like a sentence."""
    items = None if sentences and QUOTED.fullmatch(cell.strip()) else parse_list(cell)
    if items is not None:
        return SplitList(items, "a list in brackets")
    separators = []
    texts = lines(cell, sentences=sentences)
    if len(texts) > 1:
        separators.append("the ends of lines")
    if any(mark in cell for mark in SEMICOLONS[1:]):
        separators.append("a semicolon of another script")
    texts = [part for text in texts for part in re.split(f"[{SEMICOLONS}]", text)]
    texts = without_brackets(texts)
    # Prose has bullets and numbers within its sentences.
    marks = [("bullets", split_bullets), ("numbers", split_numbers)]
    if sentences:
        marks = [("bullets", split_leading_bullets)]
    for name, split in (("|", split_bars), ("tabs", split_tabs), *marks):
        parts = [part for text in texts for part in split(text)]
        separators += [name] if len(parts) > len(texts) else []
        texts = parts
    return SplitList(without_quotes(texts), " and ".join(separators))


def parse_list(cell: str) -> list[str] | None:
    """Return the texts of a list of JSON, Python, NumPy or PostgreSQL; None for any other cell.

    Of a list that breaks off, since spreadsheets cut long cells, the whole texts are returned.
    """
    text = cell.strip().replace("“", '"').replace("”", '"') if cell[:2] in ("[“", "{“") else cell
    if text[:2] == '"[' and isinstance(inner := read_json(text), str):
        text = inner
    if match := ARRAY.fullmatch(text) or VECTOR.fullmatch(text):
        text = match[1]
    if QUOTED.fullmatch(text):
        text = f"[{text}]"
    written = text
    if text[:1] in "[({":
        text = text.rstrip(ENDS)
    if text[:2] == '["' and text[-1:] != "]":
        return whole_strings(written)
    if text[:1] == "{" and text[-1:] == "}":
        return parse_braces(text)
    if not (text[:1] in "[(" and text[-1:] in "])" and ITEM.match(text[1:-1])):
        return None
    return evaluate(text)


def whole_strings(text: str) -> list[str] | None:
    """Return the whole strings of a list that breaks off; None if it does not break off."""
    if CLOSED.match(text):
        return None
    strings = STRING.findall(text)
    if not any(comma for _, _, comma in strings):
        return None
    return [string for string, end, _ in strings if end]


def read_json(text: str) -> object:
    """Return the value that a text holds as JSON; None if it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def evaluate(text: str) -> list[str] | None:
    """Return the texts of a JSON or Python list; None if it is neither."""
    side_by_side = SIDE_BY_SIDE.sub(", ", text)
    # Words for nothing are replaced last, only if all else fails: texts may hold them, too.
    for parse, written in (
        (json.loads, text),
        (ast.literal_eval, side_by_side),
        (ast.literal_eval, MISSING.sub(" None", side_by_side)),
    ):
        try:
            items = parse(written)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(items, (list, tuple)):
            texts = [item_text(item) for item in items if not is_missing(item)]
            return None if None in texts else [text for text in texts if text is not None]
    return None


def is_missing(item: object) -> bool:
    """Return whether an item of a list is None or NaN."""
    return item is None or (isinstance(item, float) and math.isnan(item))


def item_text(item: object) -> str | None:
    """Return the text of an item, which may be an object with a text; None for any other."""
    if isinstance(item, dict):
        return next((item[key] for key in TEXT_KEYS if isinstance(item.get(key), str)), None)
    return item if isinstance(item, str) else None


def parse_braces(text: str) -> list[str] | None:
    """Return the texts of {'a', 'b'} of Python, or {a,"b c"} of PostgreSQL; None for others.

    PostgreSQL quotes only texts with blanks or marks.
    """
    inner = text[1:-1].strip()
    is_bare = "," in inner and not any(mark in inner for mark in "'\":= ")
    is_bare = is_bare and any(map(str.isalpha, inner))  # {1,000} is a number
    if "{" in inner or not (is_bare or inner[:1] in ("'", '"') or inner[-1:] == '"'):
        return None
    if (items := evaluate(f"[{inner}]")) is not None:
        return items
    if inner[:1] == "'":
        return None
    try:
        return next(csv.reader([inner], escapechar="\\", strict=True), None)
    except csv.Error:
        return None


def lines(cell: str, *, sentences: bool) -> list[str]:
    """Return the lines of a cell; the whole cell if they are not separate texts."""
    if "\\n" in cell and len(WRITTEN_LINE_ENDS.findall(cell)) == cell.count("\\n"):
        cell = WRITTEN_LINE_ENDS.sub("\n", cell)
    parts = [part for part in LINE_ENDS.split(cell) if part.strip()]
    if sentences and not all(map(SENTENCE_END.search, parts[:-1])):
        return [cell]
    if len(parts) > MIN_DOUBTFUL and all(part.rstrip().endswith(",") for part in parts[:-1]):
        return [part.rstrip(" ,") for part in parts]
    return parts


def split_bars(text: str) -> list[str]:
    """Return the texts that bars separate, or the text itself."""
    return [part.strip() for part in BARS.split(text)] if has_bars(text) else [text]


def has_bars(text: str) -> bool:
    """Return whether bars separate texts; a bar in parentheses, as in P(A|B), does not."""
    parts = [part for part in BARS.split(PARENTHESES.sub("", text)) if part.strip()]
    return len(parts) > 1 and all(any(map(str.isalpha, part)) for part in parts)


def split_bullets(text: str) -> list[str]:
    """Return the texts that bullets begin or separate; a single one may belong to a text."""
    parts = [part.rstrip() for part in BULLETS.split(text.strip())]
    return [*filter(None, parts)] if len(parts) > 2 else [text]  # noqa: PLR2004


def split_leading_bullets(text: str) -> list[str]:
    """Return the texts that bullets begin: one at the start, and more within."""
    return split_bullets(text) if BULLETS.match(text.strip()) else [text]


def split_tabs(text: str) -> list[str]:
    """Return the texts that tabs separate, as cells that were pasted into one."""
    parts = [part for part in text.split("\t") if part.strip()]
    return parts if text.strip().count("\t") >= MIN_TABS else [text]


def split_numbers(text: str) -> list[str]:
    """Return the texts of 1. tea 2. milk 3. ice, or ①tea②milk; the numbers stay.

    Numbers with a full stop may belong to a text where there are only two: 1. Liga und 2. Liga.
    """
    for pattern, least in ((NUMBERED, MIN_NUMBERS), (BRACKETED, 2), (CIRCLED, 2)):
        starts = [match.start() for match in pattern.finditer(text)]
        numbers = [int(unicodedata.numeric(match[1][0])) for match in pattern.finditer(text)]
        if len(starts) >= least and starts[0] == 0 and numbers == [*range(1, len(starts) + 1)]:
            ends = [*starts[1:], len(text)]
            return [text[start:end].rstrip(" ,") for start, end in zip(starts, ends, strict=True)]
    return [text]


def without_brackets(texts: list[str]) -> list[str]:
    """Return the texts of [a; b], (a; b) or {a; b} without the brackets around all of them."""
    joined = ";".join(texts).strip()
    if len(texts) < 2 or joined[:1] + joined[-1:] not in ("[]", "()", "{}"):  # noqa: PLR2004
        return texts
    inner = joined[1:-1]
    return texts if {joined[0], joined[-1]} & {*inner} else inner.split(";")


def without_quotes(texts: list[str]) -> list[str]:
    """Return texts without quotes, if all of them are quoted."""
    stripped = [text.strip() for text in texts if text.strip()]
    are_quoted = all(len(text) > 1 and QUOTES.get(text[0]) == text[-1] for text in stripped)
    if len(stripped) > 1 and are_quoted and not any(text[0] in text[1:-1] for text in stripped):
        return [text[1:-1] for text in stripped]
    return texts


def doubtful_mark(text: str) -> str:
    """Return a mark that stands in a text several times and may separate texts; "" for none."""
    marks = (mark for mark in DOUBTFUL if text.count(mark) >= MIN_DOUBTFUL)
    return next(marks, "").strip()
