"""Lists every kind of record that ingest reads, with its section of params.yaml and its reader."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from findtune.core.records import Record
from findtune.ingest.catalog import CatalogReader
from findtune.ingest.corpus import clean_corpus_document
from findtune.ingest.feedback import FeedbackReader
from findtune.ingest.guard_queries import STEM, GuardQueryReader
from findtune.ingest.judgments import JudgmentReader
from findtune.ingest.preferences import clean_preference
from findtune.ingest.ranked_lists import clean_ranked_list, conclude
from findtune.ingest.report import Advance, IngestReport
from findtune.ingest.scored_pairs import PairReader
from findtune.ingest.search_grades import SearchGradeReader
from findtune.ingest.searches import clean_search_record


class Reader(Protocol):
    """Reads the files of one kind."""

    @property
    def required(self) -> bool:
        """Whether there must be at least one good record."""

    def files(self, data: Path) -> list[Path]:
        """Return the files of the kind under a data folder."""

    def read(
        self, data: Path, *, limits: Any, report: IngestReport, advance: Advance
    ) -> Iterator[Record]:
        """Yield the clean records of all files, and report the bad ones."""


class Kind(NamedTuple):
    """One kind of record: its section of params.yaml, the unit of its counts, and its reader.

    is_learned: whether a model learns from it or is measured by it; if not, a mistake in it must
    not stop the training.
    """

    section: str
    unit: str
    reader: Reader
    is_learned: bool = True

    @property
    def wrapper(self) -> str | None:
        """The key of the list of records in a .json file of feedback; None for other files."""
        return self.reader.wrapper if isinstance(self.reader, FeedbackReader) else None


RANKED_LISTS = FeedbackReader(
    "reranker_training_data",
    "reranker_data",
    clean_ranked_list,
    required=True,
    conclude=conclude,
    reviewed=True,
)
SEARCHES = FeedbackReader(
    "query_rewriting_training_data",
    "query_rewriting_data",
    clean_search_record,
    required=True,
    reviewed=True,
)
CORPUS = FeedbackReader("corpus", "corpus", clean_corpus_document, required=False)
PREFERENCES = FeedbackReader("training_data", "training_data", clean_preference, required=False)

KINDS = {
    "catalog": Kind("ingest", "rows", CatalogReader()),
    "sentence_pairs": Kind("ingest", "rows", PairReader("finetuning", required=False)),
    "guard": Kind("ingest", "rows", PairReader("guard", required=False, other_stem=STEM)),
    "guard_queries": Kind("ingest", "rows", GuardQueryReader("guard")),
    "ranked_lists": Kind("feedback", "records", RANKED_LISTS),
    "searches": Kind("feedback", "records", SEARCHES),
    "corpus": Kind("feedback", "records", CORPUS),
    "preferences": Kind("feedback", "records", PREFERENCES, is_learned=False),
    "judgments": Kind("feedback", "judgments", JudgmentReader()),
    "search_grades": Kind("ingest", "rows", SearchGradeReader()),
}
