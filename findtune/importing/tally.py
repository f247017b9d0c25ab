"""What an import read, what it could not use and why, and which fields were unknown."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

MAX_PLACES = 3  # named in one line on the screen


class Row(NamedTuple):
    """One record of an export, and the line of the file where it begins."""

    file: str
    line: int
    fields: Mapping[str, Any]


@dataclass
class Tally:
    """Counts of one import.

    rows: name -> how many were read. unused: reason -> (file, line) of each unusable row. unknown:
    name of an unknown field -> how many rows have it. notes: lines that say what the import gives,
    and how to get more from it.
    """

    rows: Counter[str] = field(default_factory=Counter)
    unused: dict[str, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))
    unknown: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def skip(self, reason: str, file: str, line: int) -> None:
        """Count an unusable row under its reason."""
        self.unused[reason].append((file, line))

    def skip_row(self, reason: str, row: Row) -> None:
        """Count an unusable row under its reason."""
        self.skip(reason, row.file, row.line)

    def note_unknown(self, fields: object, known: Collection[str], prefix: str = "") -> None:
        """Count the fields of an object that are not known."""
        if isinstance(fields, Mapping):
            self.unknown.update(f"{prefix}{name}" for name in fields if name not in known)

    def lines(self) -> Iterator[str]:
        """Yield the lines for the user: unused rows, unknown fields, notes."""
        for reason, places in self.ranked():
            named = ", ".join(f"{file}:{line}" for file, line in places[:MAX_PLACES])
            more = ", ..." if len(places) > MAX_PLACES else ""
            yield f"not used: {len(places):,} {reason} ({named}{more})"
        if self.unknown:
            names = (f"{name} ({count:,})" for name, count in self.unknown.most_common())
            yield f"unknown fields, not read: {', '.join(names)}"
        yield from self.notes

    def ranked(self) -> list[tuple[str, list[tuple[str, int]]]]:
        """Return the reasons and the places of unused rows, the most frequent reason first."""
        return sorted(self.unused.items(), key=lambda item: (-len(item[1]), item[0]))

    def table(self) -> Iterator[tuple[str, str, int]]:
        """Yield reason, file and line of every unused row."""
        for reason, places in sorted(self.unused.items()):
            for file, line in places:
                yield reason, file, line
