"""A project in which tests write data files, read a kind, and run the stage `ingest`."""

import csv
import json
from collections import Counter
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from findtune.ingest.feedback import FeedbackReader
from findtune.ingest.kinds import KINDS
from findtune.ingest.limits import FeedbackLimits, IngestLimits, Limits
from findtune.ingest.report import IngestReport, ReportRow
from stages.ingest import main

LIMITS: dict[str, Limits] = {
    "ingest": IngestLimits(max_row_bytes=1000, max_rejected=0.5),
    "feedback": FeedbackLimits(max_text_chars=200, max_documents=10, max_rejected=0.5),
}
PARAMS = "models: [embedder, reranker, rewriter]\n" + "\n".join(
    f"{name}: {limits.model_dump_json()}" for name, limits in LIMITS.items()
)
TIME = "2025-01-31T12:00:00Z"
READERS = {name: kind.reader for name, kind in KINDS.items()}
FEEDBACK = {k: reader for k, reader in READERS.items() if isinstance(reader, FeedbackReader)}


@dataclass
class Outcome:
    """What was read of a kind; changes are action, column and value of each report row."""

    records: list[Any]
    rows: list[ReportRow]
    counts: Counter[str]
    first_rejects: list[ReportRow]

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        return [(row.action, row.column, row.value) for row in self.rows]


class Project:
    """The current folder, with params.yaml and a folder of feedback; it makes good records too.

    Fields that are given replace those of a record.
    """

    def url(self, name: object) -> str:
        return f"https://example.org/{name}"

    def document(self, name: object, **fields: object) -> dict[str, Any]:
        texts = {"title": f"Title of {name}", "snippet": f"All of {name}."}
        return {"url": self.url(name), **texts, **fields}

    def ranked_list(self, query: object = "how much tea?", **fields: object) -> dict[str, Any]:
        """Return a ranked list in which b was picked of a, b and c."""
        picks, refused = [self.url("b")], [self.url("a"), self.url("c")]
        lists = {"positive_sources": picks, "negative_sources": refused}
        shown = [*map(self.document, "abc")]
        return {"query": query, "all_sources": shown, **lists, "timestamp": TIME, **fields}

    def search_record(self, query: object = "how much tea?", **fields: object) -> dict[str, Any]:
        """Return a record with a search that returned a and b, and one that returned c."""
        sources = [*map(self.document, "abc")]
        mapping = {
            "tea consumption": {"query": "tea consumption", "rank": 1, "sources": sources[:2]},
            "how much tea?": {"reasoning": "Original user query", "sources": sources[2:]},
        }
        selected = [self.url("b"), self.url("c")]
        lists = {"selected_sources": selected, "query_source_mapping": mapping}
        return {"original_query": query, **lists, "timestamp": TIME, **fields}

    def preference(self, query: object = "how much tea?", **fields: object) -> dict[str, Any]:
        """Return a preference for the second answer."""
        answers = {"response1": "Two cups.", "response2": "Three cups.\n\nOr four."}
        chosen = {"selected_response": "response2", "sources": [self.document("a")]}
        return {"id": "p1", "query": query, **answers, **chosen, "timestamp": TIME, **fields}

    def record(self, kind: str, *query: object, **fields: object) -> dict[str, Any]:
        makers = {"ranked_lists": self.ranked_list, "searches": self.search_record}
        return makers.get(kind, self.preference)(*query, **fields)

    def write(self, path: str, content: str | bytes) -> Path:
        """Write a file under data/."""
        file = Path("data", path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def write_feedback(self, name: str, *records: object) -> Path:
        """Write records into a file of feedback, under the key of their kind or one per line."""
        content = "\n".join(map(json.dumps, records))
        if name.endswith(".json"):
            readers = FEEDBACK.values()
            [key] = [r.wrapper for r in readers if Path(name).name.startswith(r.stem)]
            content = json.dumps({key: records})
        return self.write(f"training_data/{name}", content)

    def read(self, kind: str, limits: Limits | None = None) -> Outcome:
        """Return what the reader of a kind makes of the files."""
        file = StringIO(newline="")
        report, limits = IngestReport(file), limits or LIMITS[KINDS[kind].section]
        reading = READERS[kind].read(Path("data"), limits=limits, report=report, advance=int)
        records = list(reading)
        file.seek(0)
        lines = [*csv.reader(file)][1:]
        rows = [ReportRow(line[0], line[1], int(line[2]), *line[3:]) for line in lines]
        return Outcome(records, rows, report.counts, report.first_rejects)

    def clean(self, kind: str, *records: object, limits: Limits | None = None) -> Outcome:
        """Return what a kind of feedback makes of some records."""
        self.write_feedback(f"{FEEDBACK[kind].stem}.json", *records)
        return self.read(kind, limits)

    def location(self, kind: str, number: int) -> str:
        """Return where a record of the kind's first file is."""
        return f"data/training_data/{FEEDBACK[kind].stem}.json:{number}"

    def clean_one(self, kind: str, **fields: object) -> tuple[dict[str, Any], Outcome]:
        """Return the clean form of a good record in which some fields are replaced."""
        outcome = self.clean(kind, self.record(kind, **fields))
        [record] = outcome.records
        return record, outcome

    def run(self, output: str) -> Result:
        """Return how a run of the stage ended; output: MODEL/KIND."""
        return CliRunner().invoke(main, output.split("/"))

    def stop(self, output: str) -> str:
        """Return the message of a run that a mistake stopped before it wrote clean records."""
        result = self.run(output)
        assert isinstance(result.exception, SystemExit), repr(result.exception)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith("Error: ")
        assert result.stderr.count("Error") == 1
        assert f"{output}.jsonl" not in self.outputs()
        return result.stderr

    def outputs(self) -> dict[str, bytes]:
        """Return the bytes of each file that runs wrote, by its path under data/clean."""
        files = sorted(Path("data/clean").glob("*/*"))
        return {path.relative_to("data/clean").as_posix(): path.read_bytes() for path in files}

    def clean_records(self, output: str) -> list[Any]:
        """Return the clean records that a run wrote."""
        return [json.loads(line) for line in self.outputs()[f"{output}.jsonl"].splitlines()]

    def report_rows(self, output: str) -> list[dict[str, str]]:
        """Return the report rows that a run wrote."""
        text = self.outputs()[f"{output}.report.csv"].decode()
        return list(csv.DictReader(StringIO(text, newline="")))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return an empty project; the current folder is its root."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(PARAMS, encoding="utf-8")
    Path("data/training_data").mkdir(parents=True)
    return Project()
