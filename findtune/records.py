"""Records: the examples of a part, one JSON object a line; `kind` tells what each is."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from findtune.files import read_jsonl, read_lines
from findtune.splits import unit

Record = dict[str, Any]


def read_kind(path: Path, kind: str) -> list[Record]:
    """Return the records of one kind in a file, in its order."""
    return [record for record in read_jsonl(path) if record["kind"] == kind]


def counting(records: Iterable[Record], counts: Counter[str]) -> Iterator[Record]:
    """Yield records as they are; count their kinds, and how many of them people judged."""
    for it in records:
        counts[it["kind"]] += 1
        if "judged" in it:
            counts["judged"] += bool(it["judged"])
        yield it


def place(record: str) -> str:
    """Return where a record is from as people read it: an editor would take a number for a line."""
    return re.sub(r"\.json:(\d+)$", r".json, record \1", record)


def samples(path: Path, number: int, said: Callable[[Record], list[str]]) -> list[str]:
    """Return lines that show some records of each kind in a file, chosen by hash of the query.

    said: returns the lines of one record.
    """
    kinds: dict[str, list[tuple[float, Record]]] = {}
    counts: Counter[str] = Counter()
    for it in counting(read_lines(path), counts):
        best = [*kinds.get(it["kind"], []), (unit(it["query"]), it)]
        kinds[it["kind"]] = sorted(best, key=lambda one: one[0])[:number]
    lines: list[str] = []
    for kind, its in kinds.items():
        lines += ["", f"{kind}: {counts[kind]} in {path.stem}"]
        lines += [line for _, it in its for line in said(it)]
    return lines[1:]
