"""Users' feedback: read a record at a time, made clean, and told of where it is wrong.

Read from   reranker_training_data*.json          reranker: what was picked from one ranked list
            query_rewriting_training_data*.json   rewriting: what was picked from several searches
            training_data*.json                   preferences: which of two answers was chosen
            corpus*.json                          corpus: what can be searched, shown or not

A .json file holds its records under one key, a .jsonl file one a line; a kind may have several
files. Nothing but one record is in memory at a time, beside a digest of each that was read.
"""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any, NamedTuple

from findtune.choices import Clean, Found, Json, document, preference, ranked_list, rewriting
from findtune.errors import InputError
from findtune.files import replacing, write_json
from findtune.sources import Limits, Sheet, WrongError, wrong
from findtune.streams import Advance, Record, Unread, read_records
from findtune.tables import Note

TOLD = 5  # rejects that a message repeats
JUDGMENTS = "judgments.json"  # stands beside the feedback, and findtune.judgments reads it
JSON = json.JSONEncoder(ensure_ascii=False, sort_keys=True)

Bar = Callable[[int], AbstractContextManager[Any]]


class Kind(NamedTuple):
    """One kind of feedback: its files, the key of its records, and what makes one clean."""

    stem: str
    wrapper: str
    clean: Callable[[Json, Sheet], Found]
    room: str
    needed: bool


KINDS = {
    "reranker": Kind(
        "reranker_training_data", "reranker_data", ranked_list, "reranker", needed=True
    ),
    "rewriting": Kind(
        "query_rewriting_training_data", "query_rewriting_data", rewriting, "rewriter", needed=True
    ),
    "preferences": Kind("training_data", "training_data", preference, "preferences", needed=False),
    "corpus": Kind("corpus", "corpus", document, "rewriter", needed=False),
}


def write_clean(
    *, kind: str, data: Path, limits: Limits, bar: Bar
) -> tuple[Counter[str], list[Note]]:
    """Write the clean records of a kind, notes and counts; return the counts and first rejects.

    Raises InputError for a file that can't be read on, and for too many rejects; the clean
    records don't take their name then.
    """
    folder = data / "training_data"
    paths = feedback_files(kind, folder)
    unread = unread_files(folder) if KINDS[kind].needed else []  # once is enough for all kinds
    path = data / "clean" / KINDS[kind].room / f"{kind}.jsonl"
    notes = path.with_suffix(".notes.csv")
    size = sum(found.stat().st_size for found in paths if found.exists())
    with replacing(path) as file:
        with replacing(notes) as told, bar(size) as progress:
            tally = Tally(told, unread)
            for clean, sheet in cleaned(kind, read_feedback(kind, paths, progress.update), limits):
                tally.add(clean, sheet)
                if clean is not None:
                    file.write(JSON.encode(clean) + "\n")
        write_json(path.with_suffix(".counts.json"), tally.counts)
        refuse_too_many(kind, tally, limits.max_rejected, notes)
    return tally.counts, tally.rejects + unread


def feedback_files(kind: str, folder: Path) -> list[Path]:
    """Return the files of a kind, in the order of their names; hidden ones are passed over.

    Raises InputError when a kind that must be there has no file.
    """
    stem = KINDS[kind].stem
    found = sorted(
        path
        for form in ("json", "jsonl")
        for path in folder.rglob(f"{stem}*.{form}")
        if not path.is_dir() and not hidden(path.relative_to(folder))
    )
    if KINDS[kind].needed and not found:
        wanted = f"{stem}*.json or {stem}*.jsonl"
        raise InputError(
            f"{folder} holds no {wanted} file; put at least one there, or take {KINDS[kind].room} "
            "off `models` in params.yaml."
        )
    return found


class FileNote(Note):
    """A note on a whole file."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}; {self.remedy}."


def unread_files(folder: Path) -> list[Note]:
    """Return a note for each file of records that no kind reads."""
    stems = tuple(it.stem for it in KINDS.values())
    begin = f"let its name begin with {', '.join(stems)}, or be {JUDGMENTS} in {folder}"
    return [
        FileNote("dropped", path.as_posix(), 0, "", "", "a file that nothing reads", begin)
        for path in sorted(folder.rglob("*.json*"))
        if path.suffix in (".json", ".jsonl")
        and not path.name.startswith(stems)
        and path != folder / JUDGMENTS
        and not path.is_dir()
        and not hidden(path.relative_to(folder))
    ]


def hidden(path: Path) -> bool:
    """Return whether a file, or a folder around it, is a system's or an editor's own."""
    return any(part.startswith(".") for part in path.parts)


def read_feedback(kind: str, paths: Iterable[Path], advance: Advance) -> Iterator[Record]:
    """Yield the records in all files of a kind."""
    for path in paths:
        yield from read_records(path, KINDS[kind].wrapper, advance=advance)


def cleaned(
    kind: str, records: Iterable[Record], limits: Limits
) -> Iterator[tuple[Clean | None, Sheet]]:
    """Yield each record made clean, with the sheet that tells of it.

    None stands for a record that is rejected, and for one that was read before.
    """
    first: dict[bytes, str] = {}
    for record in records:
        sheet = Sheet(record, limits)
        clean: Clean | None = None
        try:
            good, identity = KINDS[kind].clean(fields(record.value), sheet)
            before = read_before(identity, sheet.place, first)
            if before:
                sheet.tell("dropped", "", "", f"the record {before} again", "deliver it once")
            else:
                clean = good
        except WrongError as error:
            sheet.tell("rejected", *error.args)
        sheet.tell_of_texts()
        yield clean, sheet


def fields(value: Any) -> Json:
    """Return the fields of a record; raise WrongError if it has none, or can't be read."""
    if isinstance(value, Unread):
        reason = f"line {value.line}, column {value.column}: {value.reason}"
        raise WrongError("", "", reason, value.remedy)
    if not isinstance(value, dict):
        raise wrong("", value, "a record", "write an object with the fields of a record")
    return value


def read_before(identity: object, place: str, first: dict[bytes, str]) -> str | None:
    """Return where a record was read before; remember another one by its digest."""
    digest = blake2b(JSON.encode(identity).encode(), digest_size=16).digest()
    before = first.setdefault(digest, place)
    return None if before is place else before


class Tally:
    """What is counted of all records, and the notes as they go to their file."""

    def __init__(self, file: IO[str], unread: Sequence[Note]) -> None:
        self.notes = csv.writer(file, lineterminator="\n")
        self.notes.writerows([Note._fields, *unread])
        self.counts: Counter[str] = Counter(records=0)
        self.counts.update(note.action for note in unread)
        self.rejects: list[Note] = []

    def add(self, clean: Clean | None, sheet: Sheet) -> None:
        """Count a record and write its notes; what a rejected one holds is not counted."""
        self.notes.writerows(sheet.notes)
        self.counts.update(note.action for note in sheet.notes)
        if clean is not None:
            self.counts.update(sheet.counts, records=1)
        elif len(self.rejects) < TOLD:
            self.rejects += [note for note in sheet.notes if note.action == "rejected"]


def refuse_too_many(kind: str, tally: Tally, most: float, where: Path) -> None:
    """Raise InputError when more than a share of all records was rejected, or none is left."""
    good, bad = tally.counts["records"], tally.counts["rejected"]
    if bad > most * (good + bad):
        first = "\n  ".join(map(str, tally.rejects))
        raise InputError(
            f"{bad} of {good + bad} records were rejected, more than feedback.max_rejected = "
            f"{most:g}.\n  {first}\nAll of them are in {where}."
        )
    if KINDS[kind].needed and not good:
        empty = f"the files hold none (a .json file has them under {KINDS[kind].wrapper})"
        why = f"{where} tells why" if bad else empty
        raise InputError(f"there is no {kind} record to use: {why}.")
