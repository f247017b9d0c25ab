"""What an import read, what it could not use and why, and which fields it does not know."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

MAX_PLACES = 3  # that a line on the screen names


class Row(NamedTuple):
    """One record of an export, and the line of the file where it begins."""

    file: str
    line: int
    fields: Mapping[str, Any]


@dataclass
class Tally:
    """Counts of one import.

    rows: name -> how many were read. unused: reason -> the (file, line) of each row that can't be
    used. unknown: name of a field that no rule knows -> how many rows have it. notes: lines that
    say what was learned, and how to learn more.
    """

    rows: Counter[str] = field(default_factory=Counter)
    unused: dict[str, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))
    unknown: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def skip(self, reason: str, file: str, line: int) -> None:
        """Count a row that can't be used, under its reason."""
        self.unused[reason].append((file, line))

    def skip_row(self, reason: str, row: Row) -> None:
        """Count a row that can't be used, under its reason."""
        self.skip(reason, row.file, row.line)

    def note_unknown(self, fields: object, known: Collection[str], prefix: str = "") -> None:
        """Count the fields of an object that are not known."""
        if isinstance(fields, Mapping):
            self.unknown.update(f"{prefix}{name}" for name in fields if name not in known)

    def lines(self) -> Iterator[str]:
        """Yield what a user reads: what was not used, unknown fields, notes."""
        ranked = sorted(self.unused.items(), key=lambda item: (-len(item[1]), item[0]))
        for reason, places in ranked:
            named = ", ".join(f"{file}:{line}" for file, line in places[:MAX_PLACES])
            more = ", ..." if len(places) > MAX_PLACES else ""
            yield f"not used: {len(places):,} {reason} ({named}{more})"
        if self.unknown:
            names = (f"{name} ({count:,})" for name, count in self.unknown.most_common())
            yield f"unknown fields, not read: {', '.join(names)}"
        yield from self.notes

    def table(self) -> Iterator[tuple[str, str, int]]:
        """Yield reason, file and line of every row that was not used."""
        for reason, places in sorted(self.unused.items()):
            for file, line in places:
                yield reason, file, line
