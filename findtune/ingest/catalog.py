"""The catalog: reads every text that names or describes a statistical variable.

Read from   autogen_input/{small,medium}/*.csv   dcid,Name,Description,Override_Alternatives,
                                                 Curated_Alternatives; lists separated by `;`,
                                                 or dcid,sentence: the first text is the name
            alternatives/*.csv                   dcid,Alternatives, or dcid,sentence
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from findtune.core.records import Record
from findtune.ingest.csv_rows import (
    CsvRow,
    Header,
    csv_files,
    drop_row,
    find_csv_files,
    flag_row,
    reject_row,
)
from findtune.ingest.data_files import (
    MissingFilesError,
    listed_names,
    printable_path,
    unread_rows,
)
from findtune.ingest.file_notes import FileNotes
from findtune.ingest.limits import IngestLimits
from findtune.ingest.list_numbers import strip_numbers
from findtune.ingest.list_separators import doubtful_mark, split_cell
from findtune.ingest.null_words import is_null_word
from findtune.ingest.plain_text import clean_line
from findtune.ingest.report import Advance, FileReportRow, IngestReport
from findtune.ingest.text_rows import clean_id, read_texts
from findtune.ingest.wordings import wording

CATALOGS = ("small", "medium")
ROLES = {
    "Name": "name",
    "Description": "description",
    "Override_Alternatives": "override",
    "Curated_Alternatives": "curated",
}
# The names that Data Commons gives its columns: Id for dcid, and sentence for texts of any kind.
IDS = {"id": "dcid", "variable": "dcid", "statvar": "dcid", "stat_var": "dcid"}
SENTENCES = {"sentence": "Alternatives", "sentences": "Alternatives"}
# Files with only names leave out the other columns, and call curated texts alternatives.
NAMES_HEADER = Header(
    ("dcid", *ROLES),
    fallbacks={**IDS, "alternatives": "Curated_Alternatives"},
    optional=frozenset(ROLES) - {"Name"},
    closed=True,
)
SENTENCES_HEADER = Header(
    ("dcid", "sentence"), fallbacks={**IDS, "sentences": "sentence"}, otherwise=NAMES_HEADER
)
VARIABLES_HEADER = Header(
    ("dcid", *ROLES), fallbacks=IDS, optional=frozenset({"Name"}), otherwise=SENTENCES_HEADER
)
ALTERNATIVES_HEADER = Header(("dcid", "Alternatives"), fallbacks={**IDS, **SENTENCES})
LIST_COLUMNS = {*ROLES, "Alternatives", "sentence"} - {"Name"}
UNREAD_REMEDY = (
    "put CSV files into data/autogen_input/small, data/autogen_input/medium or data/alternatives"
)


class Text(NamedTuple):
    """One text of one variable.

    `role` is name, description, override, curated or generated; `source` is file:line.
    """

    dcid: str
    catalog: str
    role: str
    text: str
    source: str


class Variable(NamedTuple):
    """A variable: its catalog, its first row, and the texts of all its rows."""

    catalog: str
    row: CsvRow
    texts: list[Text]


Variables = Mapping[str, Variable]  # by dcid


class CatalogReader:
    """Reads the variables of all catalogs, and their generated alternatives."""

    required = True

    def files(self, data: Path) -> list[Path]:
        """Return all files of the catalog.

        Raises MissingFilesError if there is no file at all, and InputError if only `small` has no
        CSV file: then the others would be lost.
        """
        others = [*catalog_files(data, "medium"), *find_csv_files(data / "alternatives")]
        if not others and not listed_names(data / "autogen_input"):
            folder = data / "autogen_input" / "small"
            raise MissingFilesError(f"{folder} holds no *.csv file; put at least one there.")
        return [*catalog_files(data, "small"), *others]

    def read(
        self, data: Path, *, limits: IngestLimits, report: IngestReport, advance: Advance
    ) -> Iterator[Record]:
        """Yield each text of each variable once; report rows that are rejected or unusual."""
        report.add_notes(unread_files(data, self.files(data)))
        variables = read_variables(data, limits=limits, report=report, advance=advance)
        texts = [text for variable in variables.values() for text in variable.texts]
        texts += read_alternatives(data, variables, limits=limits, report=report, advance=advance)
        check_names(texts, variables, report)
        replaced = find_overridden(texts)
        kept = drop_duplicates(text for text in texts if text not in replaced)
        flag_overrides(replaced, texts, variables=variables, report=report)
        flag_shared_texts(kept, report)
        if kept:
            report.accept_rest()
        report.counts.update(f"{text.catalog}_{text.role}" for text in kept)
        yield from (text._asdict() for text in kept)


def catalog_files(data: Path, catalog: str) -> list[Path]:
    """Return the files of a catalog; `medium` may have none, `small` raises InputError."""
    find = csv_files if catalog == "small" else find_csv_files
    return find(data / "autogen_input" / catalog)


def read_variables(
    data: Path, *, limits: IngestLimits, report: IngestReport, advance: Advance
) -> dict[str, Variable]:
    """Return the variables of all catalogs by dcid; the first row of a dcid counts."""
    variables: dict[str, Variable] = {}
    for catalog in CATALOGS:
        for path in catalog_files(data, catalog):
            notes = FileNotes(report, printable_path(path))
            for row in read_lists(path, VARIABLES_HEADER, limits, report, advance):
                if "sentence" in row.cells and "Curated_Alternatives" not in row.cells:
                    add_sentences(row, catalog, variables=variables, report=report, notes=notes)
                elif not reject_bad_dcid(row, variables, report):
                    texts = cell_texts(row, catalog, notes)
                    variables[row.cells["dcid"]] = Variable(catalog, row, texts)
            notes.write()
    return variables


def unread_files(data: Path, read: Sequence[Path]) -> list[FileReportRow]:
    """Return a report row for each file of the catalog's folders that is not read."""
    folders = (data / "autogen_input", data / "alternatives")
    return [row for folder in folders for row in unread_rows(folder, read, UNREAD_REMEDY)]


def read_lists(
    path: Path, header: Header, limits: IngestLimits, report: IngestReport, advance: Advance
) -> Iterator[CsvRow]:
    """Yield the rows of a file of the catalog with clean cells."""
    rows = read_texts(
        path,
        header,
        limits=limits,
        report=report,
        advance=advance,
        lists=LIST_COLUMNS,
        verbatim=("dcid",),
    )
    for row in rows:
        yield row._replace(cells={**row.cells, "dcid": clean_id(row.cells["dcid"])})


def reject_bad_dcid(row: CsvRow, variables: Variables, report: IngestReport) -> bool:
    """Reject a row with an empty dcid, or with one that was read before. Return whether it was.

    A row that is equal to the first one is dropped instead of rejected.
    """
    dcid = row.cells["dcid"]
    if not dcid:
        remedy = "write the variable's own dcid"
        reject_row(report, row, column="dcid", reason="an empty dcid", remedy=remedy)
        return True
    if dcid in variables:
        first = variables[dcid].row
        reason = f"a duplicate of the variable at {first.location}"
        leave_out = drop_row if row.cells == first.cells else reject_row
        leave_out(report, row, column="dcid", reason=reason, remedy="merge the rows")
        return True
    return False


def cell_texts(row: CsvRow, catalog: str, notes: FileNotes) -> list[Text]:
    """Return the texts in the row of a variable."""
    return [
        Text(row.cells["dcid"], catalog, role, text, row.location)
        for column, role in ROLES.items()
        for text in column_texts(row, column, notes)
    ]


def add_sentences(
    row: CsvRow,
    catalog: str,
    *,
    variables: dict[str, Variable],
    report: IngestReport,
    notes: FileNotes,
) -> None:
    """Add the sentences of a row to its variable; the first one names a new variable."""
    dcid = row.cells["dcid"]
    if not dcid:
        reject_bad_dcid(row, variables, report)
        return
    sentences = column_texts(row, "sentence", notes)
    if sentences:
        variable = variables.setdefault(dcid, Variable(catalog, row, []))
        roles = ["curated" if variable.texts else "name", *["curated"] * (len(sentences) - 1)]
        variable.texts.extend(
            Text(dcid, variable.catalog, role, text, row.location)
            for role, text in zip(roles, sentences, strict=True)
        )
        return
    reject_row(report, row, column="sentence", reason="no text", remedy="write one, or delete it")


def column_texts(row: CsvRow, column: str, notes: FileNotes) -> list[str]:
    """Return the texts in a cell without separators, numbers and bullets; note what was unusual."""
    cell = row.cells[column]
    if column not in LIST_COLUMNS:
        return [cell] if cell else []
    split = split_cell(cell, sentences=column == "Description")
    parts = [part for part in map(str.strip, split.texts) if part]
    numbered = strip_numbers(parts)
    if numbered != parts:
        reason = "the number at the start of the list was removed"
        remedy = "if it belongs to the text, write it as a word"
        notes.add(row.line, column, value=cell, reason=reason, remedy=remedy)
    if split.separator:
        reason, remedy = f"texts separated by {split.separator}", "separate them by ;"
        notes.add(row.line, column, value=cell, reason=reason, remedy=remedy)
    if column != "Description" and parts:
        notes.lists[column].add(row.line, parts)
        note_doubtful_marks(row, column, numbered, notes)
    lines = [*filter(None, map(clean_line, numbered))]
    for word in filter(is_null_word, lines):
        reason, remedy = "a word that stands for nothing in a list", "leave it out; it was read so"
        notes.add(row.line, column, value=word, reason=reason, remedy=remedy)
    return [line for line in lines if not is_null_word(line)]


def note_doubtful_marks(row: CsvRow, column: str, texts: Iterable[str], notes: FileNotes) -> None:
    """Note each text of a list in which a mark may separate several texts."""
    for text in texts:
        if mark := doubtful_mark(text):
            reason, remedy = f"one text holds several {mark}", "separate texts by ;"
            notes.add(row.line, column, value=text, reason=reason, remedy=remedy)


def read_alternatives(
    data: Path,
    variables: Variables,
    *,
    limits: IngestLimits,
    report: IngestReport,
    advance: Advance,
) -> Iterator[Text]:
    """Yield the generated alternatives, and reject those of unknown variables."""
    for path in find_csv_files(data / "alternatives"):
        notes = FileNotes(report, printable_path(path))
        for row in read_lists(path, ALTERNATIVES_HEADER, limits, report, advance):
            dcid = row.cells["dcid"]
            if dcid not in variables:
                reason = "no variable in autogen_input has this dcid"
                remedy = "add the variable, or correct the dcid"
                reject_row(report, row, column="dcid", reason=reason, remedy=remedy)
                continue
            for text in column_texts(row, "Alternatives", notes):
                yield Text(dcid, variables[dcid].catalog, "generated", text, row.location)
        notes.write()


def check_names(texts: Iterable[Text], variables: Variables, report: IngestReport) -> None:
    """Reject each variable without any text, then report each without name and description."""
    roles: dict[str, set[str]] = {dcid: set() for dcid in variables}
    for text in texts:
        roles[text.dcid].add(text.role)
    for dcid in [dcid for dcid, its_roles in roles.items() if not its_roles]:
        reason = "a variable without any text"
        row = variables[dcid].row
        reject_row(report, row, column="Name", reason=reason, remedy="give it a name")
    for dcid, its_roles in roles.items():
        if its_roles and not its_roles & {"name", "description"}:
            reason, remedy = "no name and no description", "its alternatives are used instead"
            row = variables[dcid].row
            flag_row(report, row, column="Name", value=dcid, reason=reason, remedy=remedy)


def drop_duplicates(texts: Iterable[Text]) -> list[Text]:
    """Return each text once per variable, in its first role."""
    first: dict[tuple[str, str], Text] = {}
    for text in texts:
        first.setdefault((text.dcid, wording(text.text)), text)
    return [*first.values()]


def find_overridden(texts: Sequence[Text]) -> set[Text]:
    """Return the alternatives of each variable that has override alternatives."""
    overriding = {text.dcid for text in texts if text.role == "override"}
    return {
        text for text in texts if text.dcid in overriding and text.role in ("curated", "generated")
    }


def flag_overrides(
    replaced: Iterable[Text], texts: Iterable[Text], *, variables: Variables, report: IngestReport
) -> None:
    """Report each override that replaces alternatives without repeating them."""
    overrides = {(text.dcid, wording(text.text)) for text in texts if text.role == "override"}
    lost = (text.dcid for text in replaced if (text.dcid, wording(text.text)) not in overrides)
    counts = Counter(lost)
    column = "Override_Alternatives"
    for dcid, variable in variables.items():
        if dcid in counts:
            value = variable.row.cells.get(column, "")
            reason = f"it replaces {counts[dcid]} alternatives of {dcid}"
            remedy = "to use those too, add them to the override"
            flag_row(report, variable.row, column=column, value=value, reason=reason, remedy=remedy)


def flag_shared_texts(texts: Iterable[Text], report: IngestReport) -> None:
    """Report each text that another variable has too."""
    owners: dict[str, Text] = {}
    for text in texts:
        first = owners.setdefault(wording(text.text), text)
        if first.dcid != text.dcid:
            file, _, line = text.source.rpartition(":")
            row = CsvRow(file, int(line), {})
            reason = f"{text.dcid} has the same text as {first.dcid} at {first.source}"
            remedy = "reword one of them"
            flag_row(report, row, column=text.role, value=text.text, reason=reason, remedy=remedy)
