"""Showing training examples to people."""

from collections import defaultdict
from collections.abc import Iterable

from findtune.core.records import Record
from findtune.core.text import hash_fraction

MAX_PREVIEW_CHARS = 90  # of a document's text
REASONS = {"scored": "scored by a curator", "pick": "picked by a user"}


def sample_lines(records: Iterable[Record], number: int) -> list[str]:
    """Return lines that show some examples of each kind of pair, chosen by hash."""
    by_reason: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_reason[record.get("why", REASONS.get(record["kind"], ""))].append(record)
    lines = []
    for reason, examples in by_reason.items():
        lines += ["", f"{reason}: {len(examples)} in train"]
        examples.sort(key=lambda record: hash_fraction(origin(record)))
        lines += [line for record in examples[:number] for line in describe(record)]
    return lines[1:]


def origin(record: Record) -> str:
    """Return where an example comes from."""
    return str(record["record"] if record["kind"] == "pick" else record["sources"])


def shorten(text: str) -> str:
    """Return the start of a text."""
    return text[:MAX_PREVIEW_CHARS]


def describe(record: Record) -> list[str]:
    """Return the lines that show one example."""
    if record["kind"] == "pick":
        lines = [
            f"  {record['query']}  |  {shorten(record['positive'])}",
            f"        {origin(record)}",
        ]
        return lines + [f"     not  {shorten(text)}" for text in record["negatives"]]
    if record["kind"] == "scored":
        return [
            f"  {record['score']:.2f}  {record['sentence_1']}  |  {record['sentence_2']}",
            f"        {record['sources'][0]}",
        ]
    lines = [
        f"  {record['label']:.2f}  {record['anchor']}  |  {record['positive']}",
        f"        {' and '.join(dict.fromkeys(record['sources']))}",
    ]
    for negative in record["negatives"]:
        note = f"a sibling; differs in {negative['differs']}"
        lines.append(f"     not  {negative['text']}  ({note})")
    return lines
