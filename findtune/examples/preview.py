"""Counting examples, and showing some of them to people."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from findtune.core.files import iter_jsonl
from findtune.core.records import Record
from findtune.core.text import hash_fraction


def count_kinds(records: Iterable[Record], counts: Counter[str]) -> Iterator[Record]:
    """Yield records unchanged; count them by kind, and those that have graded judgments."""
    for record in records:
        counts[record["kind"]] += 1
        if "qrels" in record:
            counts["with_qrels"] += has_judged_document(record)
        yield record


def has_judged_document(record: Record) -> bool:
    """Return whether a record has a judged document; a list counts only its own documents."""
    urls = [document["url"] for document in record.get("documents", ())]
    return any(url in record["qrels"] for url in urls) if urls else bool(record["qrels"])


def record_location(record: str) -> str:
    """Return where a record comes from, such as "feedback.json, record 3".

    A bare "feedback.json:3" would read as line 3 of the file.
    """
    return re.sub(r"\.json:(\d+)$", r".json, record \1", record)


def sample_lines(path: Path, number: int, describe: Callable[[Record], list[str]]) -> list[str]:
    """Return lines that show some records of each kind in a file, chosen by hash of the query.

    describe: returns the lines for one record.
    """
    samples: dict[str, list[tuple[float, Record]]] = {}
    counts: Counter[str] = Counter()
    for record in count_kinds(iter_jsonl(path), counts):
        candidates = [*samples.get(record["kind"], []), (hash_fraction(record["query"]), record)]
        samples[record["kind"]] = sorted(candidates, key=lambda pair: pair[0])[:number]
    lines: list[str] = []
    for kind, records in samples.items():
        lines += ["", f"{kind}: {counts[kind]} in {path.stem}"]
        lines += [line for _, record in records for line in describe(record)]
    return lines[1:]
