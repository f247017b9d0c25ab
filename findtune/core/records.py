"""Records: one JSON object per line; the field `kind` says what a record is."""

from pathlib import Path
from typing import Any

from findtune.core.files import read_jsonl

Record = dict[str, Any]


def read_kind(path: Path, kind: str) -> list[Record]:
    """Return the records of one kind in a JSONL file, in its order."""
    return [record for record in read_jsonl(path) if record["kind"] == kind]
