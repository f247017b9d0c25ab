"""The report of ingest: which rows and records were rejected or changed, why, and how to fix them.

IngestReport covers a whole kind and writes KIND.report.csv. RecordReport covers one JSON record
while it is cleaned.
"""

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import IO, NamedTuple

from findtune.core.printing import printable, without_formula
from findtune.ingest.addresses import normal_form
from findtune.ingest.limits import FeedbackLimits
from findtune.ingest.plain_text import to_one_line
from findtune.pages.masking import mask

MAX_VALUE_CHARS = 60  # of a bad value that a message repeats
MAX_PRINTED_ROWS = 5  # rejects
MAX_PRINTED_NOTES = 12  # about whole files or kinds
MAX_REASONS = 1000  # whose first reject is kept
DETAIL = re.compile(r"\S*\d\S*|'[^']*'")  # what differs between two rows of one reason
Advance = Callable[[int], object]  # called with the number of bytes that were read

ACTIONS = ("rejected", "dropped", "kept")
JSON_TYPES = {bool: "a boolean", str: "a string", list: "a list", dict: "an object"}


class ReportRow(NamedTuple):
    """One line of KIND.report.csv: where, what was found, and how to fix it.

    `action` is "rejected" for a row or record that is left out, "dropped" for a part of a record,
    a duplicate or a file that is left out, and "kept" for something unusual that stays.
    """

    action: str
    file: str
    line: int
    column: str
    value: str
    reason: str
    remedy: str

    def general_reason(self) -> str:
        """Return the reason without what only this row has: numbers, places and names."""
        return DETAIL.sub("", f"{self.column}: {self.reason}")

    def __str__(self) -> str:
        column = f", column {self.column}" if self.column else ""
        return (
            f"{self.file}:{self.line}{column}: {self.reason} (found {self.value!r}); {self.remedy}."
        )


class RecordReportRow(ReportRow):
    """A report row about a JSON record: `line` is its number, `column` is the field.

    The message leaves out the value, because users typed it and a screen is not private.
    """

    __slots__ = ()

    def __str__(self) -> str:
        field = f", {self.column}" if self.column else ""
        return f"{self.file}, record {self.line}{field}: {self.reason}; {self.remedy}."


class FileReportRow(ReportRow):
    """A report row about a whole file."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}; {self.remedy}."


def remark(reason: str, remedy: str, action: str = "kept") -> FileReportRow:
    """Return a report row about a whole kind of data."""
    return FileReportRow(action, "all files", 0, "", "", reason, remedy)


class UnparsableRecord(NamedTuple):
    """Stands for a record whose JSON can't be parsed; line and column are those in the file."""

    line: int
    column: int
    reason: str
    remedy: str


class RecordError(Exception):
    """Raised for a record, or a part of one, that can't be used."""

    def __init__(self, field: str, value: object, *, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.field, self.value, self.reason, self.remedy = field, value, reason, remedy


class NothingToLearnError(RecordError):
    """Raised for a valid record that teaches nothing, such as one without a pick.

    It is dropped and counted under its reason, and does not count as rejected.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, "", reason=reason, remedy="nothing is to be done")


def wrong_type(field: str, value: object, *, expected: str, remedy: str) -> RecordError:
    """Return the error for a value of the wrong JSON type."""
    reason = f"expected {expected}, found {json_type(value)}"
    return RecordError(field, value, reason=reason, remedy=remedy)


def json_type(value: object) -> str:
    """Return the name of a value's JSON type, with its article."""
    return "nothing" if value is None else JSON_TYPES.get(type(value), "a number")


def abbreviate(text: str) -> str:
    """Return a text short enough to repeat in a message."""
    line = " ".join(text[: MAX_VALUE_CHARS * 2].split())
    return line if len(line) <= MAX_VALUE_CHARS else f"{line[:MAX_VALUE_CHARS]}..."


def describe_value(value: object) -> str:
    """Return a bad JSON value as the report repeats it; a list or an object only by its type."""
    if isinstance(value, str):
        return abbreviate(to_one_line(value[:200]))
    if value is None or isinstance(value, (list, dict)):
        return json_type(value)
    return str(value)[:MAX_VALUE_CHARS]


class RecordReport:
    """The report rows and counts of one JSON record."""

    def __init__(self, file: str, number: int, limits: FeedbackLimits) -> None:
        self.file, self.number, self.limits = file, number, limits
        self.rows: list[ReportRow] = []
        self.counts: defaultdict[str, int] = defaultdict(int)
        self.html_fields: list[str] = []
        self.cut_fields: list[str] = []
        self.encoded_fields: list[str] = []
        self.null_fields: list[str] = []
        self.dropped_urls: dict[str, RecordError] = {}  # why their documents were dropped
        self.spellings: dict[str, str] = {}  # the normal form of an address -> its first spelling
        self.spelled: dict[str, str] = {}  # an address as written -> its first spelling
        self.shown_items: list[object] = []  # the documents of the record, as they are written
        self.addresses_by_id: dict[str, str] | None = None  # of shown_items, once one is needed
        self.nothing_to_learn = ""  # why a valid record teaches nothing
        self.tallies: defaultdict[str, int] = defaultdict(int)  # for notes about the whole kind

    @property
    def location(self) -> str:
        """The file and the number of the record."""
        return f"{self.file}:{self.number}"

    def spell(self, address: str) -> str:
        """Return the first spelling of an address in the record; remember that of a new one."""
        spelling = self.spelled.get(address)
        if spelling is None:
            spelling = self.spellings.setdefault(normal_form(address), address)
            self.spelled[address] = spelling
        return spelling

    def knows(self, address: str) -> bool:
        """Return whether the record has an address, in some spelling."""
        return address in self.spelled or normal_form(address) in self.spellings

    def forget_addresses(self) -> None:
        """Forget what only the cleaning of the record needs, so that the report is small."""
        self.spellings, self.spelled, self.dropped_urls = {}, {}, {}
        self.shown_items, self.addresses_by_id = [], None

    def cause(self, field: str) -> ReportRow | None:
        """Return the row about the first part of a field that was dropped, if there is one."""
        rows = (row for row in self.rows if row.column.startswith(field))
        return next((row for row in rows if row.action == "dropped"), None)

    def reject(self, error: RecordError) -> None:
        """Report that the whole record is left out."""
        self.add("rejected", error)

    def drop(self, error: RecordError) -> None:
        """Report that a part of the record, or a duplicate record, is left out."""
        self.add("dropped", error)

    def flag(self, error: RecordError) -> None:
        """Report something unusual that stays in the record."""
        self.add("kept", error)

    def add(self, action: str, error: RecordError) -> None:
        """Add the row for an error."""
        value = mask(describe_value(error.value))
        place = (self.file, self.number, error.field, value)
        self.rows.append(RecordReportRow(action, *place, error.reason, error.remedy))

    def count_documents(self, documents: Collection[Mapping[str, str]], **others: int) -> None:
        """Count the documents of the record, and other things by name."""
        bare = sum(not document["snippet"] for document in documents)
        self.counts["documents"] += len(documents)
        self.counts["documents_without_snippet"] += bare
        for name, number in others.items():
            self.counts[name] += number

    def flag_cleaned_texts(self) -> None:
        """Report once per record which texts had HTML, an encoding or a null word, or were cut."""
        if self.html_fields:
            reason = f"HTML was removed from {len(self.html_fields)} of its texts"
            self.flag(RecordError(self.html_fields[0], "", reason=reason, remedy="log plain text"))
        if self.encoded_fields:
            reason = f"{len(self.encoded_fields)} of its texts were percent-encoded"
            remedy = "log what was typed"
            self.flag(RecordError(self.encoded_fields[0], "", reason=reason, remedy=remedy))
        if self.null_fields:
            reason = f"{len(self.null_fields)} of its texts are a word for nothing, such as nan"
            remedy = "leave the field out; it was read so"
            self.flag(RecordError(self.null_fields[0], "", reason=reason, remedy=remedy))
        if self.cut_fields:
            limit = f"feedback.max_text_chars = {self.limits.max_text_chars}"
            reason = f"{len(self.cut_fields)} of its texts were cut to {limit}"
            remedy = "log the passage instead of the page"
            self.flag(RecordError(self.cut_fields[0], "", reason=reason, remedy=remedy))


class IngestReport:
    """Counts the rows or records of one kind, and writes its report rows as they come."""

    def __init__(self, file: IO[str]) -> None:
        self.writer = csv.writer(file, lineterminator="\n")
        self.writer.writerow(ReportRow._fields)
        self.counts: Counter[str] = Counter()
        self.accepted = 0  # what was read and not rejected; of records, those that are kept
        self.first_rejects: list[ReportRow] = []
        self.notes: list[ReportRow] = []  # about whole files or kinds, which are printed
        self.rows_by_file: Counter[str] = Counter()  # that were read
        self.rejects_by_file: Counter[str] = Counter()
        self.reason_counts: Counter[str] = Counter()  # of rejects
        self.first_of_reason: dict[str, ReportRow] = {}
        self.nothing_to_learn: Counter[str] = Counter()  # records, by reason
        self.said: list[str] = []  # lines that are printed and not in the report

    @property
    def rejected(self) -> int:
        """The number of rows, records or judgments that are left out."""
        return self.counts["rejected"]

    def accept_rest(self) -> None:
        """Count every row that was read and not rejected as accepted.

        Rows that repeat others or have no value yet are no fault, so the share of rejects is of
        all rows.
        """
        self.accepted = sum(self.rows_by_file.values()) - self.rejected

    def add(self, rows: Iterable[ReportRow]) -> None:
        """Write report rows, count them by action, and remember the first rejects."""
        for row in rows:
            self.writer.writerow([without_formula(printable(f"{cell}")) for cell in row])
            self.counts[row.action] += 1
            if row.action == "rejected":
                self.remember_reject(row)

    def remember_reject(self, row: ReportRow) -> None:
        """Keep the first rejects, and the first of each reason with its count."""
        self.rejects_by_file[row.file] += 1
        if len(self.first_rejects) < MAX_PRINTED_ROWS:
            self.first_rejects.append(row)
        reason = row.general_reason()
        self.reason_counts[reason] += 1
        if self.reason_counts[reason] == 1 and len(self.first_of_reason) < MAX_REASONS:
            self.first_of_reason[reason] = row

    def add_notes(self, rows: Iterable[ReportRow]) -> None:
        """Write rows about whole files or kinds; they are printed after the rejects."""
        rows = [*rows]
        self.add(rows)
        self.notes += rows

    def say(self, line: str) -> None:
        """Add a line to print, but not to report: some optional data is not there."""
        self.said.append(line)

    @property
    def has_rows(self) -> bool:
        """Whether anything was rejected, dropped or flagged."""
        return any(self.counts[action] for action in ACTIONS)

    def rejects_to_print(self) -> list[str]:
        """Return the few rejects that a user sees at once: the commonest reason first."""
        counts = {reason: self.reason_counts[reason] for reason in self.first_of_reason}
        reasons = sorted(counts, key=lambda reason: -counts[reason])[:MAX_PRINTED_ROWS]
        firsts = [self.first_of_reason[reason] for reason in reasons]
        others = [row for row in self.first_rejects if row not in firsts]
        lines = [
            f"{row} ({counts[reason]:,} times)" if counts[reason] > 1 else str(row)
            for reason, row in zip(reasons, firsts, strict=True)
        ]
        return [*lines, *map(str, others)][:MAX_PRINTED_ROWS]

    def lines_to_print(self) -> list[str]:
        """Return what a user sees at once: the first rejects, then the notes."""
        rejects = [f"rejected {line}" for line in self.rejects_to_print()]
        idle = [f"dropped {count:,} {name}" for name, count in self.nothing_to_learn.most_common()]
        notes = [f"{row.action} {row}" for row in self.notes[:MAX_PRINTED_NOTES]]
        more = len(self.notes) - len(notes)
        rest = [f"and {more} more notes, in the report"] if more else []
        return [*rejects, *idle, *notes, *rest, *self.said]
