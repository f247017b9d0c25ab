"""The two forms of a CSV of searches and clicks, distinguished by the header."""

from collections.abc import Sequence
from dataclasses import dataclass

from findtune.core.errors import InputError
from findtune.ingest.csv_header import Header, refuse_quoted_lines
from findtune.ingest.report import abbreviate

OPTIONAL = ("id", "timestamp", "session", "user")
ALIASES = {
    "time": "timestamp",
    "search_id": "id",
    "query_id": "id",
    "session_id": "session",
    "user_id": "user",
    "position": "rank",
    "picked": "clicked",
}


@dataclass(frozen=True)
class HeaderOfEitherForm(Header):
    """A header whose message for a missing column names both forms."""

    def name_columns(self, cells: Sequence[str], location: str) -> list[str]:
        """Return the name of each column; raise InputError for missing and duplicate columns."""
        if self.is_complete(cells):
            return super().name_columns(cells, location)
        refuse_quoted_lines(self, cells, location)
        names = self.match(cells)
        forms = [self, self.otherwise] if self.otherwise else [self]
        missing = [form.missing(names) for form in forms]
        heads = [
            ",".join(each for each in form.required if each not in form.optional) for form in forms
        ]
        nearest = [", ".join(each) for each in missing if len(each) == min(map(len, missing))]
        raise InputError(
            f"{location}: no column {' or '.join(nearest)}: "
            f"found {abbreviate(', '.join(names)) or 'nothing'}; "
            f"the header must have {' or '.join(heads)}."
        )


ROW_OF_A_SOURCE = Header(
    ("query", "url", "clicked", "rank", "title", "snippet", *OPTIONAL),
    ALIASES,
    optional=frozenset({"rank", "title", "snippet", *OPTIONAL}),
)
ROW_OF_A_SEARCH = HeaderOfEitherForm(
    ("query", "shown", "clicked", *OPTIONAL),
    ALIASES,
    optional=frozenset(OPTIONAL),
    otherwise=ROW_OF_A_SOURCE,
)
