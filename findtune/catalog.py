"""The catalog: every text by which a statistical variable is known, and where it was read.

Read from   autogen_input/{small,medium}/*.csv   dcid,Name,Description,Override_Alternatives,
                                                 Curated_Alternatives; lists separated by `;`
            alternatives/*.csv                   dcid,Alternatives
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from findtune.files import write_csv
from findtune.splits import fold
from findtune.tables import Note, Row, Shape, csv_files, kept, read_rows, rejected

CATALOGS = ("small", "medium")
LISTS = {
    "Name": "name",
    "Description": "description",
    "Override_Alternatives": "override",
    "Curated_Alternatives": "curated",
}
VARIABLES = Shape(required=("dcid", *LISTS))
ALTERNATIVES = Shape(required=("dcid", "Alternatives"))
NUMBERED = {*LISTS, "Alternatives"} - {"Name"}  # columns of lists
# A list that a language model has numbered begins with "1 Silage production": the number goes.
ENUMERATOR = re.compile(r"^1[.)]?\s+(?=[A-Z])")


class Text(NamedTuple):
    """One text of one variable.

    `role` is name, description, override, curated or generated; `source` is file:line.
    """

    dcid: str
    catalog: str
    role: str
    text: str
    source: str


def read_catalog(data: Path, longest_cell: int) -> tuple[list[Text], list[Note]]:
    """Return all texts of all variables under a data folder, and what was odd or rejected.

    Raises InputError when there is no CSV file, or one that can't be read at all.
    """
    texts: list[Text] = []
    notes: list[Note] = []
    known: dict[str, Row] = {}
    catalogs: dict[str, str] = {}
    for name in CATALOGS:
        for path in csv_files(data / "autogen_input" / name):
            rows, bad = read_rows(path, VARIABLES, longest_cell)
            notes += bad
            for row in rows:
                found = variable(row, name, known)
                if isinstance(found, Note):
                    notes.append(found)
                else:
                    texts += found
                    notes += numbered(row)
                    known[row.cells["dcid"]] = row
                    catalogs[row.cells["dcid"]] = name
    generated, bad = read_alternatives(data / "alternatives", catalogs, longest_cell)
    nameless, odd = without_texts(texts + generated, known)
    replaced = overridden(texts + generated)
    every = unique(text for text in texts + generated if text not in replaced)
    told = overriding(replaced, texts, known)
    return every, notes + bad + nameless + odd + told + shared(every)


def variable(row: Row, catalog: str, known: dict[str, Row]) -> list[Text] | Note:
    """Return the texts in a row of the catalog, or why the row is left out."""
    dcid = row.cells["dcid"]
    if not dcid:
        return rejected(row, "dcid", "no dcid", "give the variable an id of its own")
    if dcid in known:
        first = f"{known[dcid].file}:{known[dcid].line}"
        return rejected(row, "dcid", f"this variable stands at {first} already", "merge the rows")
    return [
        Text(dcid, catalog, role, text, f"{row.file}:{row.line}")
        for column, role in LISTS.items()
        for text in listed(row.cells[column], whole=role == "name")
    ]


def listed(cell: str, whole: bool = False) -> list[str]:
    """Return the texts of a cell, without the enumerator that a generator may have left."""
    parts = [cell] if whole else ENUMERATOR.sub("", cell).split(";")
    flat = (" ".join(part.split()) for part in parts)
    return [part for part in flat if any(map(str.isalnum, part))]


def numbered(row: Row) -> list[Note]:
    """Return a note for each list of a row that began with a number, which is left out."""
    reason = "it begins with the number of a list, which is left out"
    remedy = "if the number is part of the text, write it as a word"
    return [
        kept(row, column, cell, reason, remedy)
        for column, cell in row.cells.items()
        if column in NUMBERED and ENUMERATOR.match(cell)
    ]


def read_alternatives(
    folder: Path, catalogs: Mapping[str, str], longest_cell: int
) -> tuple[list[Text], list[Note]]:
    """Return the generated alternatives of known variables; catalogs: dcid -> its catalog."""
    found: list[Text] = []
    notes: list[Note] = []
    for path in csv_files(folder):
        rows, bad = read_rows(path, ALTERNATIVES, longest_cell)
        notes += bad
        for row in rows:
            dcid = row.cells["dcid"]
            if dcid not in catalogs:
                reason = "no variable of this dcid in autogen_input"
                notes.append(rejected(row, "dcid", reason, "add the variable, or mend its dcid"))
                continue
            notes += numbered(row)
            source = f"{row.file}:{row.line}"
            for text in listed(row.cells["Alternatives"]):
                found.append(Text(dcid, catalogs[dcid], "generated", text, source))
    return found, notes


def without_texts(texts: Iterable[Text], known: dict[str, Row]) -> tuple[list[Note], list[Note]]:
    """Return a note for each variable that has no text at all, and for each without a name."""
    roles: dict[str, set[str]] = {dcid: set() for dcid in known}
    for text in texts:
        roles[text.dcid].add(text.role)
    nothing = [
        rejected(known[dcid], "Name", "a variable with no text", "give it a name")
        for dcid, its in roles.items()
        if not its
    ]
    unnamed = [
        kept(known[dcid], "Name", dcid, "no name and no description", "its alternatives stand in")
        for dcid, its in roles.items()
        if its and not its & {"name", "description"}
    ]
    return nothing, unnamed


def unique(texts: Iterable[Text]) -> list[Text]:
    """Return the texts with each standing once under its variable, in its first role."""
    seen: set[tuple[str, str]] = set()
    first = []
    for text in texts:
        key = (text.dcid, fold(text.text))
        if key not in seen:
            seen.add(key)
            first.append(text)
    return first


def overridden(texts: Sequence[Text]) -> set[Text]:
    """Return the alternatives of each variable whose row overrides them."""
    by_row = {text.dcid for text in texts if text.role == "override"}
    return {text for text in texts if text.dcid in by_row and text.role in ("curated", "generated")}


def overriding(
    replaced: Iterable[Text], texts: Iterable[Text], known: Mapping[str, Row]
) -> list[Note]:
    """Return a note for each variable whose override replaces what it does not say itself."""
    said = {(text.dcid, fold(text.text)) for text in texts if text.role == "override"}
    lost = (text.dcid for text in replaced if (text.dcid, fold(text.text)) not in said)
    counts = Counter(lost)
    remedy = "to teach those too, move them into the override"
    return [
        kept(
            row,
            "Override_Alternatives",
            row.cells["Override_Alternatives"],
            f"it replaces {counts[dcid]} alternatives of {dcid}",
            remedy,
        )
        for dcid, row in known.items()
        if dcid in counts
    ]


def shared(texts: Iterable[Text]) -> list[Note]:
    """Return a note for each text that stands under a second variable."""
    owner: dict[str, Text] = {}
    notes = []
    for text in texts:
        first = owner.setdefault(fold(text.text), text)
        if first.dcid != text.dcid:
            file, _, line = text.source.rpartition(":")
            row = Row(file, int(line), {})
            reason = f"the text of {text.dcid} stands under {first.dcid} at {first.source} too"
            notes.append(kept(row, text.role, text.text, reason, "word one of them differently"))
    return notes


def write_texts(path: Path, texts: Iterable[Text]) -> None:
    """Write the clean catalog."""
    write_csv(path, Text._fields, texts)


def read_texts(path: Path) -> list[Text]:
    """Return the clean catalog."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        return [Text(*row) for row in rows]
