"""Feedback files: found by name, read record by record, and cleaned by one function per kind.

A .json file holds its records under one key, a .jsonl file one record per line. A kind may have
several files. Only one record is in memory at a time, and a digest of each earlier one.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from findtune.core.errors import InputError
from findtune.core.records import Record
from findtune.ingest.json_records import JsonRecord, read_records
from findtune.ingest.limits import FeedbackLimits
from findtune.ingest.report import (
    Advance,
    FileReportRow,
    IngestReport,
    RecordError,
    RecordReport,
    UnparsableRecord,
    wrong_type,
)

FOLDER = "training_data"
STEMS = ("reranker_training_data", "query_rewriting_training_data", "training_data", "corpus")
JUDGMENTS = "judgments.json"  # is in the same folder and read by findtune.ingest.judgments
ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True)

Clean = Callable[[Mapping[str, Any], RecordReport], tuple[Record, object]]


class MissingFilesError(InputError):
    """Raised when a kind that must have a file has none."""


@dataclass(frozen=True)
class FeedbackReader:
    """Reads one kind of feedback.

    stem: how the names of its files begin. wrapper: the key of the list of records in a .json
    file. clean: returns the clean record, and an identity that only a duplicate has too.
    required: whether there must be a file.
    """

    stem: str
    wrapper: str
    clean: Clean
    required: bool

    def files(self, data: Path) -> list[Path]:
        """Return the files of the kind, sorted by name; raise MissingFilesError if one is required.

        The error does not name a model, because this module does not know who reads the kind.
        """
        folder = data / FOLDER
        files = record_files(folder, f"{self.stem}*")
        if self.required and not files:
            names = f"{self.stem}*.json or {self.stem}*.jsonl"
            raise MissingFilesError(f"{folder} holds no {names} file; put at least one there.")
        return files

    def read(
        self, data: Path, *, limits: FeedbackLimits, report: IngestReport, advance: Advance
    ) -> Iterator[Record]:
        """Yield the clean records of all files, and report the bad ones."""
        report.counts["records"] = 0
        if self.required:  # once is enough for all kinds
            report.add_notes(unread_files(data / FOLDER))
        first_locations: dict[bytes, str] = {}
        for json_record in read_all(self.files(data), self.wrapper, advance):
            record_report = RecordReport(json_record.file, json_record.number, limits)
            record = self.clean_or_reject(json_record, record_report, first_locations)
            record_report.flag_cleaned_texts()
            report.add(record_report.rows)
            if record is not None:
                report.counts.update(record_report.counts, records=1)
                report.accepted += 1
                yield record

    def clean_or_reject(
        self, json_record: JsonRecord, report: RecordReport, first_locations: dict[bytes, str]
    ) -> Record | None:
        """Return the clean record; None for one that is rejected, and for a duplicate."""
        try:
            record, identity = self.clean(require_fields(json_record.value), report)
        except RecordError as error:
            report.reject(error)
            return None
        first = first_locations.setdefault(digest(identity), report.location)
        if first != report.location:
            reason = f"a duplicate of the record {first}"
            report.drop(RecordError("", "", reason=reason, remedy="deliver it once"))
            return None
        return record


def read_all(paths: Iterable[Path], wrapper: str, advance: Advance) -> Iterator[JsonRecord]:
    """Yield the records of several files."""
    for path in paths:
        yield from read_records(path, wrapper, advance=advance)


def require_fields(value: Any) -> Mapping[str, Any]:
    """Return the fields of a record; raise RecordError if it is no object or was not parsed."""
    if isinstance(value, UnparsableRecord):
        reason = f"line {value.line}, column {value.column}: {value.reason}"
        raise RecordError("", "", reason=reason, remedy=value.remedy)
    if not isinstance(value, dict):
        remedy = "write an object with the fields of a record"
        raise wrong_type("", value, expected="a record", remedy=remedy)
    return value


def digest(identity: object) -> bytes:
    """Return a short hash of a record's identity."""
    return blake2b(ENCODER.encode(identity).encode(), digest_size=16).digest()


def record_files(folder: Path, pattern: str) -> list[Path]:
    """Return the .json and .jsonl files under a folder whose stem matches, sorted by name."""
    return sorted(
        path
        for suffix in (".json", ".jsonl")
        for path in folder.rglob(f"{pattern}{suffix}")
        if not path.is_dir() and not is_hidden(path.relative_to(folder))
    )


def is_hidden(path: Path) -> bool:
    """Return whether a file, or a folder around it, belongs to the system or to an editor."""
    return any(part.startswith(".") for part in path.parts)


def unread_files(folder: Path, stems: Sequence[str] = STEMS) -> list[FileReportRow]:
    """Return a report row for each file of records that no kind reads."""
    remedy = f"begin its name with {', '.join(stems)}, or name it {JUDGMENTS} in {folder}"
    return [
        FileReportRow("dropped", path.as_posix(), 0, "", "", "a file that nothing reads", remedy)
        for path in record_files(folder, "*")
        if not path.name.startswith(tuple(stems)) and path != folder / JUDGMENTS
    ]
