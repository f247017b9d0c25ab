"""Records: the examples of a part, one JSON object a line; `kind` tells what each is."""

from pathlib import Path
from typing import Any

from findtune.files import read_jsonl

Record = dict[str, Any]


def read_kind(path: Path, kind: str) -> list[Record]:
    """Return the records of one kind in a file, in its order."""
    return [record for record in read_jsonl(path) if record["kind"] == kind]
