"""What a source module reads of some files, for the tests of all sources."""

import json
from pathlib import Path
from typing import Any

from findtune.importing.documents import Library
from findtune.importing.feedback import Feedback
from findtune.importing.pseudonyms import Pseudonyms
from findtune.importing.ratings import cited_searches, preferences
from findtune.importing.searches import Search, ranked_lists
from findtune.importing.sources import SOURCES
from findtune.importing.tally import Tally

EXPORTS = Path(__file__).parents[1] / "data" / "exports"


class Import:
    """What a source module reads of some files of tests/data/exports."""

    def __init__(self, source: str, *names: str, documents: str = "") -> None:
        self.tally = Tally()
        library = Library()
        if documents:
            library.read(EXPORTS / documents, self.tally)
        paths = [EXPORTS / name for name in names]
        people = Pseudonyms(b"key")
        self.feedback: Feedback = SOURCES[source](paths, people, library, self.tally)
        self.searches: list[Search] = [
            *self.feedback.searches,
            *cited_searches(self.feedback.ratings),
        ]
        self.lists = {record["query"]: record for record in ranked_lists(self.searches, self.tally)}
        self.preferences = preferences(source, self.feedback.ratings)

    def urls(self, query: str) -> list[str]:
        return [source["url"] for source in self.lists[query]["all_sources"]]

    def picks(self, query: str) -> Any:
        return self.lists[query]["positive_sources"]

    def unused(self) -> dict[str, list[int]]:
        places = self.tally.unused.items()
        return {reason: [line for _, line in rows] for reason, rows in places}


def csv_import(tmp_path: Path, *lines: str) -> Import:
    path = tmp_path / "clicks.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return Import("csv", f"{path}")


def rows_import(source: str, tmp_path: Path, *rows: dict[str, Any]) -> Import:
    path = tmp_path / "export.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return Import(source, f"{path}")
