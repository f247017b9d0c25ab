"""Finds the picks of a record that lacks their field: under another name, or as flags of sources.

Only clear evidence counts: a name of picking, with the URLs of some sources or a flag for each.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from findtune.ingest.documents import shown_address, url_as_written, urls_as_written
from findtune.ingest.plain_text import to_one_line
from findtune.ingest.record_ids import PLAIN_FIELDS, plain_name
from findtune.ingest.report import RecordError, RecordReport
from findtune.ingest.written_lists import read_list

# How logs name what a user chose; names such as unselected and irrelevant do not match.
CHOICE = re.compile(
    r"(?<!un)(?<!ir)(?<!dis)(?<!not)(?<!not_)(?<!non)(?<!non_)"
    r"(?:select|pick|click|chos|choice|positive|relevant|liked|accepted|opened|thumbs?_?up)",
    re.IGNORECASE,
)
# Whole words that name it too.
WORDS = frozenset(
    ("pos", "gold", "golden", "truth", "visited", "upvoted", "helpful", "useful", "correct")
    + ("answer", "answers", "label", "labels", "relevance", "feedback")
)
# Words with which a name means something else, such as no_click, click_rate or relevance_score.
OTHERS = frozenset(
    ("no", "not", "non", "neg", "negative", "score", "scores", "rank", "rate", "ctr", "count")
    + ("prob", "probability")
)
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
FLAGS = {"true": True, "false": False, "1": True, "0": False}
MAX_KEY_CHARS = 40  # of a key that a message repeats


@lru_cache(4096)
def names_choice(name: str) -> bool:
    """Return whether the name of a field may be that of picks."""
    words = {word.lower() for word in WORD.findall(name)}
    if words & OTHERS or any(word.endswith("able") for word in words):  # clickable
        return False
    return bool(CHOICE.search(name) or words & WORDS)


def refuse_picks_elsewhere(
    record: Mapping[str, Any], field: str, shown: Collection[str], report: RecordReport
) -> None:
    """Raise RecordError if a record lacks the field of the picks, and may have them elsewhere.

    What marks all documents of a list is no choice; but searches may have returned only what was
    picked.
    """
    if record.get(field) is not None:
        return
    for name, urls, are_flags in candidates(record, report):
        picks = urls.intersection(shown)
        if picks and (picks < set(shown) or field == "selected_sources"):
            raise picks_under(name, field, number=len(picks) * are_flags, of=len(shown))


def picks_under(name: str, field: str, *, number: int, of: int) -> RecordError:
    """Return the error for picks under another name; number: how many flags mark, 0 for URLs."""
    name = to_one_line(name)[:MAX_KEY_CHARS]
    reason = f"missing, and {name} names documents that were shown"
    remedy = f"rename {name} to {field}"
    if number:
        reason = f"missing, but {name} marks {number} of {of} sources"
        remedy = f"write the URLs of the marked sources as {field}"
    remedy = f'{remedy}, if these are the picks; else write "{field}": []'
    return RecordError(field, "", reason=reason, remedy=remedy)


def candidates(
    record: Mapping[str, Any], report: RecordReport
) -> Iterator[tuple[str, set[str], bool]]:
    """Yield each name that may be that of picks, its URLs, and whether flags mark these."""
    sources = [item if isinstance(item, dict) else {} for item in report.shown_items]
    fields = [*named_values(record)]
    flags = [*filter(names_choice, dict.fromkeys(chain.from_iterable(sources)))]
    if not fields and not flags:  # as in most logs
        return
    addresses = [report.spell(url_as_written(item)) for item in report.shown_items]
    for path, value in fields:
        if isinstance(value, str) and value.strip().isdigit() and not CHOICE.search(path):
            continue  # as a grade of an answer; it may be an id only by chance
        value = read_list(value) if isinstance(value, str) else value
        if isinstance(value, dict) and are_flags(path, [*value.values()]):
            yield path, marked([*map(report.spell, value)], [*value.values()]), True
        elif isinstance(value, list) and len(value) == len(addresses) and are_flags(path, value):
            yield path, marked(addresses, value), True
        else:
            names = (shown_address(name, report) for name in urls_as_written(value))
            yield path, {*map(report.spell, names)}, False
    for name in flags:
        values = [source.get(name) for source in sources]
        if are_flags(name, values):
            yield name, marked(addresses, values), True


def named_values(record: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Yield the fields that are named like picks, also those in an object of another name."""
    for key, value in record.items():
        if names_choice(key):
            yield key, value
        if isinstance(value, dict) and plain_name(key) not in PLAIN_FIELDS:
            yield from ((f"{key}.{name}", value[name]) for name in value if names_choice(name))


def are_flags(path: str, values: Sequence[object]) -> bool:
    """Return whether values that may be missing only mark something: true and false, or 1 and 0.

    The score of an engine may be 1.0 or 0.0 too, and a place in a list may be 0 or 1.
    """
    name = path.rpartition(".")[2]
    kinds: tuple[type, ...] = (bool, int, str)
    if CHOICE.search(name):
        kinds = (*kinds, float)
    if plain_name(name) == "pos":
        kinds = (bool,)
    written = [value for value in values if value is not None]
    return all(type(value) in kinds and flag(value) is not None for value in written)


def flag(value: object) -> bool | None:
    """Return what a flag says, or None for anything else."""
    if isinstance(value, (bool, int, float)):
        return bool(value) if value in (0, 1) else None
    return FLAGS.get(value.strip().lower()) if isinstance(value, str) else None


def marked(addresses: Sequence[str], values: Sequence[object]) -> set[str]:
    """Return the addresses whose flag is true."""
    return {url for url, value in zip(addresses, values, strict=True) if flag(value)}
