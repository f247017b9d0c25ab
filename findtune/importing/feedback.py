"""What one export gives: searches with picks, and ratings of answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from findtune.importing.documents import Library
from findtune.importing.pseudonyms import Pseudonyms
from findtune.importing.ratings import Rating
from findtune.importing.searches import Search
from findtune.importing.tally import Tally


@dataclass
class Feedback:
    """What a source module returns. `findtune.importing.ratings` makes records of ratings.

    replaced: ids of ranked lists that an earlier export may have given, and this one contradicts.
    """

    searches: list[Search] = field(default_factory=list)
    ratings: list[Rating] = field(default_factory=list)
    replaced: set[str] = field(default_factory=set)


class Source(Protocol):
    """The function of a source module that reads its exports."""

    def __call__(
        self, paths: Sequence[Path], people: Pseudonyms, library: Library, tally: Tally
    ) -> Feedback:
        """Return the feedback in some files; count unusable rows in the tally.

        Raises InputError for a file that can't be read.
        """
