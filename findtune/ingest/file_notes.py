"""Collects unusual cells of one file by column and reason, and reports each reason only once.

The report row shows the first such cell, and says how many more there are.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from findtune.ingest.report import IngestReport, ReportRow, abbreviate

MIN_COMMAS, MIN_CELLS = 2, 3


@dataclass
class Note:
    """Something unusual: in how many cells, and the line and the value of the first one."""

    line: int
    value: str
    remedy: str
    cells: int = 0


@dataclass
class ListCells:
    """The cells of a column of lists: all, those with several texts, and those with commas.

    first: the line and the value of the first one with commas.
    """

    cells: int = 0
    several: int = 0
    commas: int = 0
    first: tuple[int, str] = (0, "")

    def add(self, line: int, texts: Sequence[str]) -> None:
        """Count a cell with some texts."""
        self.cells += 1
        self.several += len(texts) > 1
        if len(texts) == 1 and texts[0].count(",") >= MIN_COMMAS:
            self.commas += 1
            self.first = self.first if self.commas > 1 else (line, texts[0])

    def may_have_commas(self) -> bool:
        """Return whether commas seem to separate texts: no cell was split, most have some."""
        return not self.several and self.commas >= MIN_CELLS and 2 * self.commas > self.cells


class FileNotes:
    """Collects what is unusual in the cells of a file, by column and reason."""

    def __init__(self, report: IngestReport, file: str) -> None:
        self.report, self.file = report, file
        self.notes: dict[tuple[str, str], Note] = {}
        self.lists: defaultdict[str, ListCells] = defaultdict(ListCells)

    def add(self, line: int, column: str, *, value: str, reason: str, remedy: str) -> None:
        """Count one cell."""
        note = self.notes.setdefault((column, reason), Note(line, value, remedy))
        note.cells += 1

    def write(self) -> None:
        """Report each kind of note once, as something that stays."""
        for column, lists in self.lists.items():
            if lists.may_have_commas():
                reason = f"no list has a ;, but {lists.commas} hold several commas"
                remedy = "if commas separate its texts, write ;"
                self.add(lists.first[0], column, value=lists.first[1], reason=reason, remedy=remedy)
        for (column, reason), note in self.notes.items():
            more = f", here and in {note.cells - 1:,} more cells" if note.cells > 1 else ""
            place = (self.file, note.line, column, abbreviate(note.value))
            self.report.add([ReportRow("kept", *place, f"{reason}{more}", note.remedy)])
