"""Showing training examples to people."""

from collections import defaultdict
from collections.abc import Iterable

from findtune.core.records import Record
from findtune.core.text import hash_fraction


def sample_lines(records: Iterable[Record], number: int) -> list[str]:
    """Return lines that show some examples for each reason to learn from them, chosen by hash."""
    by_reason: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_reason[record.get("why", "scored by a curator")].append(record)
    lines = []
    for reason, examples in by_reason.items():
        lines += ["", f"{reason}: {len(examples)} in train"]
        examples.sort(key=lambda record: hash_fraction(str(record["sources"])))
        lines += [line for record in examples[:number] for line in describe(record)]
    return lines[1:]


def describe(record: Record) -> list[str]:
    """Return the lines that show one example."""
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
