"""What is unusual in many cells of one file, told once: how often, and where it is first."""

from dataclasses import dataclass

from findtune.ingest.report import IngestReport, ReportRow, abbreviate


@dataclass
class Note:
    """Something unusual: in how many cells, and the line and the value of the first one."""

    line: int
    value: str
    remedy: str
    cells: int = 0


class FileNotes:
    """Collects what is unusual in the cells of a file, by column and reason."""

    def __init__(self, report: IngestReport, file: str) -> None:
        self.report, self.file = report, file
        self.notes: dict[tuple[str, str], Note] = {}

    def add(self, line: int, column: str, *, value: str, reason: str, remedy: str) -> None:
        """Count one cell."""
        note = self.notes.setdefault((column, reason), Note(line, value, remedy))
        note.cells += 1

    def write(self) -> None:
        """Report each kind of note once, as something that stays."""
        for (column, reason), note in self.notes.items():
            more = f", here and in {note.cells - 1:,} more cells" if note.cells > 1 else ""
            place = (self.file, note.line, column, abbreviate(note.value))
            self.report.add([ReportRow("kept", *place, f"{reason}{more}", note.remedy)])
