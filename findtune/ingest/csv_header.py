"""The header of a CSV file: finds its separator, and its columns in any order and case."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from findtune.core.errors import InputError
from findtune.ingest.plain_text import to_one_line
from findtune.ingest.report import abbreviate

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
BLANKS = re.compile(r"[\s_-]+")
MIN_SAME_NAMES = 2  # of columns: a row with as many is a header, not data
MAX_NAME_CHARS = 60  # of a column, with blanks around it
SEP_LINE = re.compile(rb"\"?sep=([,;|\t])\"?\s*", re.IGNORECASE)  # a line for spreadsheets


@dataclass(frozen=True)
class Header:
    """The columns that a CSV file must have; others are ignored.

    aliases: other names of a column. fallbacks: names that stand for a column only where it is
    missing. optional: columns that may be missing, and are empty then. closed: beside an unknown
    column, which may be a misspelling, no optional one may be missing either. otherwise: another
    form of header, for files without all columns of this one.
    """

    required: Sequence[str]
    aliases: Mapping[str, str] | None = None
    fallbacks: Mapping[str, str] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    closed: bool = False
    otherwise: "Header | None" = None

    def name_columns(self, cells: Sequence[str], location: str) -> list[str]:
        """Return the name of each column; raise InputError for missing and duplicate columns."""
        names = self.match(cells)
        if missing := self.missing(names):
            if self.otherwise and self.otherwise.is_complete(cells):
                return self.otherwise.name_columns(cells, location)
            refuse_quoted_lines(self, cells, location)
            raise InputError(
                f"{location}: no column {', '.join(missing)}: "
                f"found {abbreviate(', '.join(names)) or 'nothing'}; "
                f"the header must be {','.join(self.required)}."
            )
        if duplicates := sorted({name for name in names if name and names.count(name) > 1}):
            raise InputError(
                f"{location}: duplicate column {', '.join(duplicates)}; keep one of them."
            )
        return names

    def is_complete(self, cells: Sequence[str]) -> bool:
        """Return whether a row has every column of this form, or of the other one."""
        if not self.missing(self.match(cells)):
            return True
        return self.otherwise is not None and self.otherwise.is_complete(cells)

    def form_of(self, names: Sequence[str]) -> "Header":
        """Return the form whose columns are all named; the last form if there is none."""
        if not self.missing(names) or self.otherwise is None:
            return self
        return self.otherwise.form_of(names)

    @property
    def columns(self) -> set[str]:
        """The columns of this form and of the other one."""
        return {*self.required} | (self.otherwise.columns if self.otherwise else set())

    def match(self, cells: Sequence[str]) -> list[str]:
        """Return the names of columns as this header spells them, whatever their case."""
        stripped = [to_one_line(cell) for cell in cells]
        spelled = {fold(name): name for name in self.required}
        spelled |= {fold(name): column for name, column in (self.aliases or {}).items()}
        names = [spelled.get(fold(name), name) for name in stripped]
        for index, name in enumerate(names):
            column = self.fallbacks.get(fold(name))
            if column and column not in names:
                names[index] = column
        return names

    def missing(self, names: Sequence[str]) -> list[str]:
        """Return the columns that are required and missing."""
        lacking = [name for name in self.required if name not in names]
        if self.closed and not all(fold(name) in self.spellings for name in names if name):
            return lacking
        return [name for name in lacking if name not in self.optional]

    @cached_property
    def spellings(self) -> frozenset[str]:
        """All names of columns in all forms: lower case, with underscores, blanks or hyphens."""
        names = {*self.required, *(self.aliases or {}), *self.fallbacks}
        others = self.otherwise.spellings if self.otherwise else frozenset()
        return others.union(fold(name).replace("_", mark) for name in names for mark in "_ -")

    def fits(self, cells: Sequence[str]) -> bool:
        """Return whether a row is a header of any form: it has every column, once."""
        if not self.has_name(cells):  # as in most rows, so this keeps reading fast
            return False
        names = self.match(cells)
        fits = not self.missing(names) and len(set(names) - {""}) == len([*filter(None, names)])
        return fits or (self.otherwise is not None and self.otherwise.fits(cells))

    def has_name(self, cells: Sequence[str]) -> bool:
        """Return whether a cell of a row is the name of a column."""
        return any(
            len(cell) <= MAX_NAME_CHARS and cell.strip("\ufeff \t").casefold() in self.spellings
            for cell in cells
        )


def refuse_other_names(cells: Sequence[str], columns: Sequence[str], location: str) -> None:
    """Raise InputError for a header inside a file that gives some columns other names.

    Unlike a row of data, it has no empty cell, and several cells repeat the name of their column.
    """
    names = [to_one_line(cell) for cell in cells]
    same = [
        name for name, column in zip(names, columns, strict=False) if fold(name) == fold(column)
    ]
    if all(names[: len(columns)]) and len([*filter(None, same)]) >= MIN_SAME_NAMES:
        reason = f"from here on the columns have other names: {abbreviate(', '.join(names))}"
        raise InputError(f"{location}: {reason}; name them alike in both parts, then join them.")


def refuse_quoted_lines(header: Header, cells: Sequence[str], location: str) -> None:
    """Raise InputError for a header that is one quoted cell."""
    if len(cells) == 1 and any(header.fits(split_line(cells[0], mark)) for mark in SEPARATORS):
        reason = "the whole line is one quoted cell"
        raise InputError(f"{location}: {reason}; write each column as a cell of its own.")


def fold(name: str) -> str:
    """Return a column name in lower case, with underscores for blanks and hyphens."""
    return BLANKS.sub("_", name.casefold())


def find_separator(line: bytes, header: Header) -> str:
    """Return the separator of a header line: the first one that yields all columns.

    If none does, return the one that yields most cells, so that the message can list the columns.
    """
    text = line.decode("utf-8", "replace").removeprefix("\ufeff")
    cells = {separator: split_line(text, separator) for separator in SEPARATORS}
    fitting = [separator for separator in SEPARATORS if header.fits(cells[separator])]
    return fitting[0] if fitting else max(SEPARATORS, key=lambda each: len(cells[each]))


def split_line(text: str, separator: str) -> list[str]:
    """Return the cells of a line; none if it is not CSV."""
    try:
        return next(csv.reader([text], delimiter=separator, strict=True), [])
    except csv.Error:
        return []
