"""Reads feedback: JSON files of what users asked, what they were shown and what they picked.

Files are found by name, read record by record, and cleaned by one function per kind. A .json file
holds its records under one key, a .jsonl file one record per line. A kind may have several files.
Only a few records are in memory at a time, with a digest of each earlier one to find duplicates.
"""

import gc
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from findtune.core.processes import grouped, map_stream, number_of_processes
from findtune.core.records import Record
from findtune.ingest.data_files import MissingFilesError, files_with_suffix, unread_rows
from findtune.ingest.documents import UNKNOWN
from findtune.ingest.json_records import JsonRecord, read_records
from findtune.ingest.limits import FeedbackLimits
from findtune.ingest.plain_text import to_one_line
from findtune.ingest.record_ids import with_field_names
from findtune.ingest.report import (
    Advance,
    FileReportRow,
    IngestReport,
    NothingToLearnError,
    RecordError,
    RecordReport,
    UnparsableRecord,
    remark,
    wrong_type,
)
from findtune.ingest.review import REVIEW, ListReview
from findtune.pages.masking import private_parts

FOLDER = "training_data"
SUFFIXES = (".json", ".jsonl", ".ndjson")  # in any case, and packed as .json.gz too
MAX_KEY_CHARS = 40  # of a key that a message repeats
STEMS = ("reranker_training_data", "query_rewriting_training_data", "training_data", "corpus")
JUDGMENTS = "judgments.json"  # is in the same folder and read by findtune.ingest.judgments
SEARCH_GRADES = "search_grades.csv"  # so is this, and read by findtune.ingest.search_grades
ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True)

BATCH = 100  # records that travel to another process together
PLACES = 1 << 40  # more than any file has records

BULK_ACTIONS = frozenset({"index", "create", "update"})  # of Elasticsearch's bulk form
PRIVATE = "private: "  # begins the tallies of e-mail addresses, numbers and keys

Conclude = Callable[[Counter[str]], Iterable[FileReportRow]]
Clean = Callable[[Mapping[str, Any], RecordReport], tuple[Record, object]]


def no_conclusion(_: Counter[str]) -> Iterable[FileReportRow]:
    """Return no report row."""
    return ()


@dataclass(frozen=True)
class FeedbackReader:
    """Reads one kind of feedback.

    stem: how the names of its files begin. wrapper: the key of the list of records in a .json
    file. clean: returns the clean record, and an identity that only duplicates share.
    required: whether there must be a file. conclude: returns report rows on all records together.
    reviewed: whether the decisions of review.csv apply to its picks.
    """

    stem: str
    wrapper: str
    clean: Clean
    required: bool
    conclude: Conclude = no_conclusion
    reviewed: bool = False

    def files(self, data: Path) -> list[Path]:
        """Return the files of the kind, sorted by name; raise MissingFilesError if one is required.

        The error does not name a model, because this module does not know who reads the kind.
        """
        folder = data / FOLDER
        files = record_files(folder, self.stem)
        if self.required and not files:
            names = f"{self.stem}*.json or {self.stem}*.jsonl"
            raise MissingFilesError(f"{folder} holds no {names} file; put at least one there.")
        return files

    def read(
        self, data: Path, *, limits: FeedbackLimits, report: IngestReport, advance: Advance
    ) -> Iterator[Record]:
        """Yield the clean records of all files, and report the bad ones."""
        for line in self.read_lines(data, limits=limits, report=report, advance=advance):
            yield json.loads(line)

    def read_lines(
        self, data: Path, *, limits: FeedbackLimits, report: IngestReport, advance: Advance
    ) -> Iterator[str]:
        """Yield the clean records of all files as JSON, and report the bad ones.

        Several processes clean the records of large files.
        """
        report.counts["records"] = 0
        if self.required:  # once is enough for all kinds
            report.add_notes(unread_files(data / FOLDER))
        duplicates = Duplicates()
        tallies: Counter[str] = Counter()
        review = ListReview(data / FOLDER) if self.reviewed else None
        for cleaned in self.clean_all(self.files(data), limits, advance):
            line = duplicates.drop(cleaned)
            record_report = cleaned.report
            tallies.update(record_report.tallies)
            report.rows_by_file[record_report.file] += 1
            if record_report.nothing_to_learn:
                report.nothing_to_learn[record_report.nothing_to_learn] += 1
            record_report.flag_cleaned_texts()
            report.add(record_report.rows)
            if line is not None and review:
                line = reviewed_line(line, cleaned.query, review)
            if line is not None:
                report.counts.update(record_report.counts)
                report.counts["records"] += 1
                report.accepted += 1
                tallies.update(cleaned.private)
                yield line
        report.add_notes([*self.conclude(tallies), *unknown_keys(tallies)])
        report.add_notes(review.notes() if review else ())
        report.add_notes(private_notes(tallies))

    def clean_all(
        self, paths: Sequence[Path], limits: FeedbackLimits, advance: Advance
    ) -> Iterator["Cleaned"]:
        """Yield the result of cleaning each record of some files, in their order."""
        processes = number_of_processes(sum(path.stat().st_size for path in paths if path.exists()))

        def batches(number: int) -> Iterator[list[JsonRecord]]:
            # Reading is a tenth of the work, so all processes read all records.
            read = advance if number == 0 else lambda _: None
            return grouped(read_all(paths, self.wrapper, read), BATCH if processes > 1 else 1)

        clean = partial(clean_records, clean=self.clean, limits=limits)
        gc.freeze()  # else garbage collection in a forked process copies the memory of all modules
        for batch in map_stream(clean, batches, processes):
            yield from batch


class Cleaned(NamedTuple):
    """The result of cleaning one record, before it is compared with others.

    line: the clean record as JSON; None if it was left out. digest: a hash of its identity.
    private: tallies of the e-mail addresses, numbers and keys in it. query: its question.
    """

    report: RecordReport
    line: str | None = None
    digest: bytes = b""
    private: Sequence[str] = ()
    query: str = ""


def clean_records(
    records: Iterable[JsonRecord], *, clean: Clean, limits: FeedbackLimits
) -> list[Cleaned]:
    """Return the results of cleaning some records."""
    reports = [(row, RecordReport(row.file, row.number, limits)) for row in records]
    return [clean_or_reject(row, report, clean) for row, report in reports]


def clean_or_reject(json_record: JsonRecord, report: RecordReport, clean: Clean) -> Cleaned:
    """Return the result of cleaning a record; report why a bad one is left out."""
    try:
        record, identity = clean(require_fields(json_record.value), report)
        private = [PRIVATE + name for name in private_names(record)]
        query = record.get("query", "")
        return Cleaned(report, ENCODER.encode(record), digest(identity), private, query)
    except NothingToLearnError as error:
        report.drop(error)
        report.nothing_to_learn = error.reason
        return Cleaned(report)
    except RecordError as error:
        report.reject(error)
        return Cleaned(report)
    except (RecursionError, OverflowError) as error:
        report.reject(oversized(error))
        return Cleaned(report)
    finally:
        report.forget_addresses()


def oversized(error: Exception) -> RecordError:
    """Return the error of a record for a value that is too deep or too large to be read."""
    if isinstance(error, RecursionError):
        return RecordError("", "", reason="lists nested too deep", remedy="write plain lists")
    return RecordError("", "", reason="a number too large", remedy="write it as a string")


class Duplicates:
    """Finds duplicate records; it keeps a digest and a number of each record."""

    def __init__(self) -> None:
        self.places: dict[bytes, int] = {}  # digest -> the first record that has it
        self.files: list[str] = []

    def drop(self, cleaned: Cleaned) -> str | None:
        """Return the line of a record; None for a rejected one, and for a duplicate."""
        report = cleaned.report
        if not self.files or self.files[-1] != report.file:
            self.files.append(report.file)
        place = len(self.files) * PLACES + report.number
        if cleaned.line is None or self.places.setdefault(cleaned.digest, place) == place:
            return cleaned.line
        file, number = divmod(self.places[cleaned.digest], PLACES)
        reason = f"a duplicate of the record {self.files[file - 1]}:{number}"
        report.drop(RecordError("", "", reason=reason, remedy="deliver it once"))
        return None


def reviewed_line(line: str, query: str, review: ListReview) -> str | None:
    """Return a clean record with its picks as decided; None if it then teaches nothing."""
    if not review.is_about(query):
        return line
    record = review.apply(json.loads(line))
    return None if record is None else ENCODER.encode(record)


def private_names(record: Record) -> set[str]:
    """Return the kinds of personal data and secrets in what users typed."""
    typed = [record.get("query"), *record.get("history", ())]
    return {name for text in typed if isinstance(text, str) for name in private_parts(text)}


def private_notes(tallies: Counter[str]) -> Iterator[FileReportRow]:
    """Yield a report row for each kind of private part that questions hold."""
    for name, count in sorted(tallies.items()):
        if name.startswith(PRIVATE):
            reason = f"{name.removeprefix(PRIVATE)} is in {count:,} records, as users typed it"
            remedy = "take it out of the log, or no model and no file forgets it; reports mask it"
            yield remark(reason, remedy)


def unknown_keys(tallies: Counter[str]) -> Iterator[FileReportRow]:
    """Yield a report row for each unknown key that documents without a snippet have."""
    for name, count in tallies.items():
        if name.startswith(UNKNOWN):
            key = ascii(to_one_line(name.removeprefix(UNKNOWN))[:MAX_KEY_CHARS])
            reason = f"{count:,} documents have no snippet, but a text under the key {key}"
            yield remark(reason, "call it snippet, if it is the passage that was shown")


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
    if len(value) == 1 and not BULK_ACTIONS.isdisjoint(value):
        raise NothingToLearnError("", "lines that only name the action of a bulk export")
    return with_field_names(value)


def digest(identity: object) -> bytes:
    """Return a short hash of a record's identity."""
    return blake2b(
        ENCODER.encode(identity).encode("utf-8", "surrogatepass"), digest_size=16
    ).digest()


def record_files(folder: Path, stem: str) -> list[Path]:
    """Return the JSON and JSONL files whose names begin with a stem, sorted by name."""
    return [path for path in files_with_suffix(folder, SUFFIXES) if path.name.startswith(stem)]


def judgment_files(folder: Path) -> list[Path]:
    """Return the files of judgments directly in a folder, not in its subfolders."""
    names = (JUDGMENTS, f"{JUDGMENTS}.gz")
    paths = files_with_suffix(folder, SUFFIXES)
    return [path for path in paths if path.parent == folder and path.name.lower() in names]


def unread_files(folder: Path, stems: Sequence[str] = STEMS) -> list[FileReportRow]:
    """Return a report row for each file under a folder that no kind reads."""
    remedy = f"begin its name with {', '.join(stems)}, or name it {JUDGMENTS} in {folder}"
    remedy += f", and end it with {', '.join(SUFFIXES)}"
    read = [path for stem in stems for path in record_files(folder, stem)]
    others = (folder / REVIEW, folder / SEARCH_GRADES)
    return unread_rows(folder, [*read, *judgment_files(folder), *others], remedy)
