"""Where files that people edit quote a question, so that who forgets it can remove it there."""

import csv
from collections.abc import Iterator
from pathlib import Path

from findtune.traffic.teaching import as_key

TRAINING = Path("data", "training_data")
# The tables into which `make stats` and `make grade` write questions that users asked.
TABLES = (TRAINING / "review.csv", TRAINING / "search_grades.csv", Path("review", "picks.csv"))


def quotations(root: Path, question: str) -> Iterator[str]:
    """Yield the file and the line of each row that has a question, in any case and spacing."""
    for table in TABLES:
        if (root / table).exists():
            with (root / table).open(encoding="utf-8-sig", errors="replace", newline="") as file:
                reader = csv.DictReader(file)
                for row in reader:
                    if as_key(row.get("query") or "") == as_key(question):
                        yield f"{table}, line {reader.line_num}"
