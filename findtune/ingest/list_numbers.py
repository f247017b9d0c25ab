"""Removes the numbering of a list, such as 1. 2. 3. or a) b) c), from its texts.

A number is removed only on evidence that it numbers the list: 1 Bedroom Flats is a text, and so is
2 of a series. Marks with which a text itself may begin, as in A. Smith or 1.Liga, need more.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from findtune.core.text import ascii_digits

# 1. text, 2) text, (3) text, a) text, B. text, [1] text, 1: text, 1 - text, ii. text, 1.text, and
# 1.- text of Spanish
MARKED = re.compile(
    r"[(\[]?(?P<mark>[1-9]\d{0,2}|[a-zA-Zа-я]|[ivx]{1,4}|[IVX]{1,4})"
    r"(?:(?:[.)\]]|\)\.|[.)]-)\s+(?=\S)|(?::| [-–])\s+(?=[^\W\d_])|[.)](?=[^\W\d_]{2}))"
)
ROMAN_NUMBERS = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
ROMAN = {name: place for place, name in enumerate(ROMAN_NUMBERS, start=1)}
# Digits in circles, full-width digits and stops, 1、 of Chinese, and the digits of
# other scripts, such as Arabic, Hindi and Thai.
ODD_MARK = re.compile(
    r"[\u2460-\u2473]|[\u2474-\u249b]|[\uff10-\uff19]+(?:\uff0e(?!\d)|\uff09)"
    r"|[1-9]\d{0,2}(?:、(?!\d)|\uff0e(?!\d)|\uff09)|(?:(?![0-9])\d){1,3}[.)-]\s+"
)
BARE = re.compile(r"(?P<mark>[1-9]\d{0,2})\s+(?=[^\W\d_])")
DOTTED = re.compile(r"\A\(?(?P<mark>[1-9]\d?)[.)]\s+(?=[^\W\d_])")
INLINE = re.compile(r"\A\(?1[.)]\s.*\s\(?2[.)]\s", re.DOTALL)
FIRST = re.compile(r"\A\(?1[.)]\s+(?=\S)")
BULLET = re.compile(r"[•‣▪●◦∙·⁃■□◆▶✓✔➤►▸→\uf0b7\uf0a7]\s*|[-*–—]\s+")
MINUS = re.compile(r"[-–—]\s+\d")  # - 5 degrees: a bullet only where there are more items
FIRST_MARKS = ("1", "a", "A", "i", "I", "а")
MIN_BARE = 3  # fewer numbers without a mark may be in order by chance


def strip_numbers(texts: Sequence[str]) -> list[str]:
    """Return the texts of a list without its numbers or bullets; other numbers stay."""
    bare = [BARE.sub("", text, count=1) for text in texts]
    if len(texts) >= MIN_BARE and in_order(texts, BARE, first=("1",)) and differ(bare):
        return bare
    plain = strip_marks(texts)
    if not texts or plain != [*texts] or are_numbered([*map(with_plain_mark, texts)]):
        return plain
    without = [DOTTED.sub("", text, count=1) for text in texts]
    marks = [int(match["mark"]) for match in map(DOTTED.match, texts) if match]
    if len(marks) == len(texts) >= MIN_BARE:
        # a number is missing; 1. Mai;1. Juni is no list, nor is 1. Klasse;3. Person;2. Sitz
        rise = marks[0] == 1 and marks == sorted({*marks})
        return without if rise and differ(without) else plain
    if INLINE.search(texts[0]):  # one text with a whole numbered list is neither split nor cut
        return plain
    # generators number a list but write one item, or forget the other numbers
    return [FIRST.sub("", texts[0], count=1), *texts[1:]]


def strip_marks(texts: Sequence[str], first: Sequence[str] = ()) -> list[str]:
    """Return the texts of a list without its bullets, or numbers with a mark such as 1. or a).

    The number of a single text stays, as in 1. FC Köln. first: as in `in_order`.
    """
    is_minus = len(texts) == 1 and MINUS.match(texts[0])
    if texts and all(map(BULLET.match, texts)) and not is_minus:
        return [BULLET.sub("", text, count=1) for text in texts]
    plain = [*map(with_plain_mark, texts)]
    if not are_numbered(plain, first):
        return [*texts]
    without = [MARKED.sub("", text, count=1) for text in plain]
    return without if are_marks(plain, without) else [*texts]


def are_numbered(texts: Sequence[str], first: Sequence[str] = ()) -> bool:
    """Return whether several texts have marks that follow each other."""
    return len(texts) > 1 and in_order(texts, MARKED, first)


def with_plain_mark(text: str) -> str:
    """Return a text whose number is written in ASCII: ① tea becomes 1. tea."""
    match = ODD_MARK.match(text)
    if not match:
        return text
    number = ascii_digits(match[0]).strip("().、- ")
    return f"{number}. {text[match.end() :].lstrip()}"


def in_order(texts: Sequence[str], pattern: re.Pattern[str], first: Sequence[str] = ()) -> bool:
    """Return whether each text has a mark, and each mark follows the one before.

    first: the marks with which the list may begin; any mark, if empty.
    """
    matches = [pattern.match(text) for text in texts]
    marks = [match["mark"] for match in matches if match]
    if len(marks) < len(texts) or (first and marks[0] not in first):
        return False
    romans = [ROMAN.get(mark.lower(), 0) for mark in marks]
    if len(marks) > 1 and all(romans) and marks[0] in ("i", "I"):
        return romans == [*range(1, len(marks) + 1)]
    if not all(mark.isdigit() or len(mark) == 1 for mark in marks):
        return False
    if marks and marks[0].isupper() and marks[0] not in FIRST_MARKS:  # C. elegans;D. melanogaster
        return False
    places = [int(mark) if mark.isdigit() else -ord(mark) for mark in marks]
    return all(abs(after) - abs(before) == 1 for before, after in pairwise(places))


def are_marks(texts: Sequence[str], without: Sequence[str]) -> bool:
    """Return whether marks in order number a list; without: its texts without them.

    They do not in 1. Liga;2. Liga, nor in A. Smith;B. Jones.
    """
    marks = [match for match in map(MARKED.match, texts) if match]
    if not any(map(may_begin_text, marks)):
        return len(set(without)) == len(without)
    return len(texts) >= MIN_BARE and marks[0]["mark"] in FIRST_MARKS and differ(without)


def may_begin_text(match: re.Match[str]) -> bool:
    """Return whether a mark may belong to its text: an initial, 1.Liga, 1: text or 1 - text."""
    is_initial = match["mark"].isupper() and match[0].rstrip().endswith(".")
    return is_initial or not match[0][-1].isspace() or match[0].rstrip(" -")[-1] not in ".)]"


def differ(texts: Sequence[str]) -> bool:
    """Return whether the words after the numbers all differ; in 1 Child;2 Children they do not."""
    words = [text.casefold().split()[0] for text in texts]
    return len({word[:4] for word in words}) == len(words)
