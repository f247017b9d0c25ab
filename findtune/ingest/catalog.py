"""The catalog: every text that names or describes a statistical variable.

Read from   autogen_input/{small,medium}/*.csv   dcid,Name,Description,Override_Alternatives,
                                                 Curated_Alternatives; lists separated by `;`
            alternatives/*.csv                   dcid,Alternatives
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from findtune.core.records import Record
from findtune.core.text import normalize
from findtune.ingest.csv_rows import (
    CsvRow,
    Header,
    csv_files,
    find_csv_files,
    flag_row,
    read_rows,
    reject_row,
)
from findtune.ingest.limits import IngestLimits
from findtune.ingest.report import Advance, IngestReport

CATALOGS = ("small", "medium")
ROLES = {
    "Name": "name",
    "Description": "description",
    "Override_Alternatives": "override",
    "Curated_Alternatives": "curated",
}
VARIABLES_HEADER = Header(("dcid", *ROLES))
ALTERNATIVES_HEADER = Header(("dcid", "Alternatives"))
LIST_COLUMNS = {*ROLES, "Alternatives"} - {"Name"}
# Lists by a language model may begin with a number, like "1 Silage production".
LIST_NUMBER = re.compile(r"^1[.)]?\s+(?=[A-Z])")


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
    """A row of a catalog, and the catalog's name."""

    catalog: str
    row: CsvRow


Variables = Mapping[str, Variable]  # by dcid


class CatalogReader:
    """Reads the variables of all catalogs, and their generated alternatives."""

    required = True

    def files(self, data: Path) -> list[Path]:
        """Return all files of the catalog; raise InputError for a folder without one."""
        alternatives = find_csv_files(data / "alternatives")
        return [*catalog_files(data, "small"), *catalog_files(data, "medium"), *alternatives]

    def read(
        self, data: Path, *, limits: IngestLimits, report: IngestReport, advance: Advance
    ) -> Iterator[Record]:
        """Yield each text of each variable once; report rows that are rejected or unusual."""
        variables = read_variables(data, limits=limits, report=report, advance=advance)
        texts = [
            text for dcid, variable in variables.items() for text in cell_texts(dcid, variable)
        ]
        texts += read_alternatives(data, variables, limits=limits, report=report, advance=advance)
        check_names(texts, variables, report)
        replaced = find_overridden(texts)
        kept = drop_duplicates(text for text in texts if text not in replaced)
        flag_overrides(replaced, texts, variables=variables, report=report)
        flag_shared_texts(kept, report)
        report.accepted = len({text.source for text in kept})
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
    size = limits.max_row_bytes
    for catalog in CATALOGS:
        for path in catalog_files(data, catalog):
            for row in read_rows(
                path, VARIABLES_HEADER, max_row_bytes=size, report=report, advance=advance
            ):
                if not reject_bad_dcid(row, variables, report):
                    variables[row.cells["dcid"]] = Variable(catalog, row)
                    flag_list_numbers(row, report)
    return variables


def reject_bad_dcid(row: CsvRow, variables: Variables, report: IngestReport) -> bool:
    """Reject a row with an empty dcid, or with one that was read before. Return whether it was."""
    dcid = row.cells["dcid"]
    if not dcid:
        remedy = "write the variable's own dcid"
        reject_row(report, row, column="dcid", reason="an empty dcid", remedy=remedy)
        return True
    if dcid in variables:
        reason = f"a duplicate of the variable at {variables[dcid].row.location}"
        reject_row(report, row, column="dcid", reason=reason, remedy="merge the rows")
        return True
    return False


def cell_texts(dcid: str, variable: Variable) -> list[Text]:
    """Return the texts in the row of a variable."""
    return [
        Text(dcid, variable.catalog, role, text, variable.row.location)
        for column, role in ROLES.items()
        for text in split_list(variable.row.cells[column], whole=role == "name")
    ]


def split_list(cell: str, *, whole: bool = False) -> list[str]:
    """Return the texts of a list without the number at its start; a whole cell is one text."""
    parts = [cell] if whole else LIST_NUMBER.sub("", cell).split(";")
    lines = (" ".join(part.split()) for part in parts)
    return [line for line in lines if any(map(str.isalnum, line))]


def flag_list_numbers(row: CsvRow, report: IngestReport) -> None:
    """Report each list of a row whose leading number is removed."""
    for column, cell in row.cells.items():
        if column in LIST_COLUMNS and LIST_NUMBER.match(cell):
            reason = "the number at the start of the list was removed"
            remedy = "if it belongs to the text, write it as a word"
            flag_row(report, row, column=column, value=cell, reason=reason, remedy=remedy)


def read_alternatives(
    data: Path,
    variables: Variables,
    *,
    limits: IngestLimits,
    report: IngestReport,
    advance: Advance,
) -> Iterator[Text]:
    """Yield the generated alternatives, and reject those of unknown variables."""
    size = limits.max_row_bytes
    for path in find_csv_files(data / "alternatives"):
        for row in read_rows(
            path, ALTERNATIVES_HEADER, max_row_bytes=size, report=report, advance=advance
        ):
            dcid = row.cells["dcid"]
            if dcid not in variables:
                reason = "no variable in autogen_input has this dcid"
                remedy = "add the variable, or correct the dcid"
                reject_row(report, row, column="dcid", reason=reason, remedy=remedy)
                continue
            flag_list_numbers(row, report)
            for text in split_list(row.cells["Alternatives"]):
                yield Text(dcid, variables[dcid].catalog, "generated", text, row.location)


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
        first.setdefault((text.dcid, normalize(text.text)), text)
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
    """Report each override that replaces alternatives which it does not repeat itself."""
    overrides = {(text.dcid, normalize(text.text)) for text in texts if text.role == "override"}
    lost = (text.dcid for text in replaced if (text.dcid, normalize(text.text)) not in overrides)
    counts = Counter(lost)
    column = "Override_Alternatives"
    for dcid, variable in variables.items():
        if dcid in counts:
            value = variable.row.cells[column]
            reason = f"it replaces {counts[dcid]} alternatives of {dcid}"
            remedy = "to use those too, add them to the override"
            flag_row(report, variable.row, column=column, value=value, reason=reason, remedy=remedy)


def flag_shared_texts(texts: Iterable[Text], report: IngestReport) -> None:
    """Report each text that a second variable has too."""
    owners: dict[str, Text] = {}
    for text in texts:
        first = owners.setdefault(normalize(text.text), text)
        if first.dcid != text.dcid:
            file, _, line = text.source.rpartition(":")
            row = CsvRow(file, int(line), {})
            reason = f"{text.dcid} has the same text as {first.dcid} at {first.source}"
            remedy = "reword one of them"
            flag_row(report, row, column=text.role, value=text.text, reason=reason, remedy=remedy)
