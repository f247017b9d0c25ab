"""Writes the files of one kind: its clean records, the report on bad ones, and the counts.

Raises InputError if so many rows or records were rejected that the export itself must be wrong.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from findtune.core.errors import InputError
from findtune.core.files import atomic_open, write_json
from findtune.ingest.feedback import FeedbackReader
from findtune.ingest.kinds import KINDS
from findtune.ingest.limits import FeedbackLimits, Limits
from findtune.ingest.report import Advance, IngestReport, remark

MAX_REJECTED_OF_FILE = 0.5
MIN_REJECTS = 10  # fewer say nothing about a whole file
ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True)

ProgressBar = Callable[[int], AbstractContextManager[Any]]  # the size in bytes -> a progress bar


def write_clean(
    kind: str,
    *,
    data: Path,
    out: Path,
    limits: Limits,
    progress_bar: ProgressBar,
) -> IngestReport:
    """Write KIND.jsonl, KIND.report.csv and KIND.counts.json into the folder `out`.

    If a kind that no model learns from can't be read, it is empty and a note says why.

    Raises InputError for a file that can't be read, and for too many rejects. KIND.jsonl is not
    written then.
    """
    try:
        return write_files(kind, data=data, out=out, limits=limits, progress_bar=progress_bar)
    except InputError as error:
        if KINDS[kind].is_learned:
            raise
        remedy = "none of it is used, and no model learns from it, so the training goes on"
        return write_empty(kind, out, str(error), remedy)


def write_empty(kind: str, out: Path, why: str, remedy: str) -> IngestReport:
    """Write the files of a kind that can't be read: no record, and the reason as a note."""
    with atomic_open(out / f"{kind}.jsonl"), atomic_open(out / f"{kind}.report.csv") as report_file:
        report = IngestReport(report_file)
        report.add_notes([remark(" ".join(why.split()).removesuffix("."), remedy, "dropped")])
    write_json(out / f"{kind}.counts.json", report.counts)
    return report


def write_files(
    kind: str, *, data: Path, out: Path, limits: Limits, progress_bar: ProgressBar
) -> IngestReport:
    """Write the three files of a kind; raise InputError as `write_clean` does."""
    reader = KINDS[kind].reader
    report_path = out / f"{kind}.report.csv"
    size = sum(path.stat().st_size for path in reader.files(data) if path.exists())
    with atomic_open(out / f"{kind}.jsonl") as clean:
        with atomic_open(report_path) as report_file, progress_bar(size) as bar:
            report = IngestReport(report_file)
            try:
                clean.writelines(
                    f"{line}\n" for line in read_lines(kind, data, limits, report, bar.update)
                )
            except InputError as error:
                raise InputError("\n  ".join([str(error), *map(str, report.notes)])) from None
        write_json(out / f"{kind}.counts.json", report.counts)
        limit = limits.max_rejected
        refuse_too_many_rejects(kind, report, max_rejected=limit, report_path=report_path)
        refuse_nothing_left(kind, report, report_path)
        refuse_bad_files(kind, report, report_path)
    return report


def read_lines(
    kind: str, data: Path, limits: Limits, report: IngestReport, advance: Advance
) -> Iterator[str]:
    """Return the clean records of a kind as JSON; feedback is cleaned by several processes."""
    reader = KINDS[kind].reader
    if isinstance(reader, FeedbackReader) and isinstance(limits, FeedbackLimits):
        return reader.read_lines(data, limits=limits, report=report, advance=advance)
    return map(ENCODER.encode, reader.read(data, limits=limits, report=report, advance=advance))


def refuse_bad_files(kind: str, report: IngestReport, report_path: Path) -> None:
    """Raise InputError for a file whose rows or records were mostly rejected, as by one fault."""
    for file, rejected in report.rejects_by_file.items():
        total = report.rows_by_file[file]
        if rejected >= MIN_REJECTS and rejected > MAX_REJECTED_OF_FILE * total:
            first = next(row for row in report.first_of_reason.values() if row.file == file)
            raise InputError(
                f"{rejected} of {total} {KINDS[kind].unit} of {file} were rejected, first "
                f"{first}\nAll of them are in {report_path}."
            )


def refuse_too_many_rejects(
    kind: str, report: IngestReport, *, max_rejected: float, report_path: Path
) -> None:
    """Raise InputError if more than the allowed share of a kind was rejected."""
    total = report.accepted + report.rejected
    if report.rejected > max_rejected * total:
        first_rows = "\n  ".join(report.rejects_to_print())
        raise InputError(
            f"{report.rejected} of {total} {KINDS[kind].unit} were rejected, more than "
            f"{KINDS[kind].section}.max_rejected = {max_rejected:g}.\n  {first_rows}\n"
            f"All of them are in {report_path}."
        )


def refuse_nothing_left(kind: str, report: IngestReport, report_path: Path) -> None:
    """Raise InputError if a required kind has no usable row or record."""
    if KINDS[kind].reader.required and not report.accepted:
        wrapper = KINDS[kind].wrapper
        where = f" (a .json file holds them under the key {wrapper})" if wrapper else ""
        why = f"the files hold none{where}"
        if report.rejected or report.nothing_to_learn:
            idle = (f"{count:,} {name}" for name, count in report.nothing_to_learn.most_common())
            why = f"{', '.join([*idle, ''])}{report_path} says why"
        raise InputError(f"no {kind} {KINDS[kind].unit} can be used: {why}.")
