"""The records of served searches and of picks in data/served/."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer


def as_text(time: datetime) -> str:
    """Return a time as ISO 8601 in UTC, such as 2026-11-27T17:00:00Z."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def now() -> datetime:
    """Return the current time in UTC, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


Time = Annotated[AwareDatetime, PlainSerializer(as_text, when_used="json")]


class Record(BaseModel):
    """A line of a file; unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class ShownSource(Record):
    """A source as it was shown.

    rank: from 1. score: the calibrated probability of a pick; the raw score if the reranker was not
    tuned; None without a reranker. found_by: the queries that had it among their first results.
    retrieved_rank: its rank before reranking, from 1. team: which of two compared pipelines put it
    there, A or B. unshuffled_rank, propensity: if some searches are shuffled, its rank before the
    shuffle, and the probability of being shown at its rank.
    """

    url: str
    title: str = ""
    snippet: str = ""
    rank: int = Field(ge=1)
    score: float | None = None
    found_by: list[str] = []
    retrieved_rank: int | None = None
    team: Literal["A", "B"] | None = None
    unshuffled_rank: int | None = None
    propensity: float | None = Field(default=None, gt=0, le=1)


class SearchRecord(Record):
    """A search that was served.

    version: the first 12 digits of the stack's content hash. queries: the searched queries, the
    question first. session: the salted hash of who asked. compare: team -> version, if two
    pipelines were interleaved.
    """

    id: str = Field(min_length=1)
    time: Time
    version: str
    question: str
    queries: list[str] = []
    milliseconds: float
    sources: list[ShownSource] = []
    session: str | None = None
    compare: dict[Literal["A", "B"], str] | None = None

    @property
    def is_shuffled(self) -> bool:
        """Whether a shuffle moved a source, so that the order is not the pipeline's own."""
        return any(row.unshuffled_rank not in (None, row.rank) for row in self.sources)


class PickRecord(Record):
    """What a user picked of a search.

    picks: the URLs, the best first; empty if no source was right, None if the answer was taken
    back. A later record of the same search replaces this one.
    """

    search: str = Field(min_length=1)
    time: Time
    picks: list[str] | None
