"""Guard queries: everyday queries, each with the text that it looks for.

They are never trained on. They measure whether the model can still search texts that have nothing
to do with the catalog.
"""

from collections.abc import Iterable
from pathlib import Path

from findtune.core.files import iter_jsonl
from findtune.core.records import Record
from findtune.core.text import hash_fraction, normalize
from findtune.examples.splits import SPLITS


def read_guard_queries(path: Path) -> list[Record]:
    """Return the clean guard queries of a file, or none if there is no file."""
    return list(iter_jsonl(path)) if path.exists() else []


def split_guard_queries(rows: Iterable[Record]) -> dict[str, list[Record]]:
    """Return the guard queries of dev and of test, split by the hash of the text."""
    splits: dict[str, list[Record]] = {split: [] for split in SPLITS}
    for row in rows:
        record = {
            "kind": "guard_query",
            "query": row["query"],
            "text": row["text"],
            "sources": [row["source"]],
        }
        in_dev = hash_fraction(normalize(row["text"])) < 0.5
        splits["dev" if in_dev else "test"].append(record)
    return splits
