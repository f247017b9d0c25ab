"""The questions that the models were trained on, and the held-out ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from pathlib import Path
from typing import NamedTuple, TypeVar

from findtune.core.errors import InputError
from findtune.core.files import iter_jsonl
from findtune.core.text import hash_64, near_duplicate_key
from findtune.traffic.records import SearchRecord

Row = TypeVar("Row")

SPLITS = ("train", "dev", "test")
# Room -> the kinds of its examples whose query is a user's question.
KINDS = {
    "reranker": {"list"},
    "rewriter": {"question", "rewrite", "identity", "title"},
    "embedder": {"pick", "list"},
}


class Known(NamedTuple):
    """A question in a file of examples. group, record: "" if the row has none."""

    room: str
    split: str
    question: str
    group: str
    record: str


@dataclass(frozen=True)
class KnownQuestions:
    """Distinct questions: those that a model was trained on, and those held out from all models.

    groups: question -> the group that it shares with those of its topic, session or user, if known.
    counts: question -> the number of records, that is searches, that ask it; 1 if not known.
    """

    trained: list[str]
    held_out: list[str]
    groups: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)

    def group_of(self, question: str) -> str:
        """Return the group of a question; a question without a group is a group of its own."""
        return self.groups.get(question, question)

    @property
    def records(self) -> list[str]:
        """The question of each record."""
        asked = (repeat(text, self.counts.get(text, 1)) for text in [*self.trained, *self.held_out])
        return [*chain.from_iterable(asked)]

    @property
    def keys(self) -> frozenset[str]:
        """The near-duplicate keys of all questions."""
        return frozenset(map(near_duplicate_key, [*self.trained, *self.held_out]))

    def drawn(self, number: int) -> "KnownQuestions":
        """Return the questions of so many records, drawn by hash; all if there are fewer."""
        records = self.records
        kept = {*draw(records, [f"{row} {text}" for row, text in enumerate(records)], number)}
        trained, held_out = (
            [text for text in texts if text in kept] for texts in (self.trained, self.held_out)
        )
        return replace(self, trained=trained, held_out=held_out)


def draw(rows: Sequence[Row], names: Sequence[str], number: int) -> list[Row]:
    """Return so many rows in their order, drawn by the hashes of their names.

    More searches ask more of the rare questions, so distinct questions can only be compared if they
    come from as many searches on both sides.
    """
    by_hash = sorted(range(len(rows)), key=lambda row: hash_64(f"draw {names[row]}"))
    return [rows[row] for row in sorted(by_hash[:number])]


def read_known_questions(examples: Path, size: str) -> KnownQuestions:
    """Return the questions in a folder of examples; raise InputError if none is for training.

    A question that one room trains on counts as trained, even if another room holds it out. The
    rooms have examples of the same records, so the room with most records of a question counts.
    """
    splits: dict[str, set[str]] = {}
    texts: dict[str, str] = {}
    groups: dict[str, str] = {}
    records: dict[str, dict[str, set[str]]] = {}
    for row in questions_of(examples, size):
        key = near_duplicate_key(row.question)
        own = texts.setdefault(key, row.question)
        splits.setdefault(key, set()).add(row.split)
        records.setdefault(own, {}).setdefault(row.room, set()).add(row.record)
        if row.group:
            groups.setdefault(own, row.group)
    trained = [texts[key] for key, own in splits.items() if "train" in own]
    if not trained:
        raise InputError(
            f"{examples} has no user question of size {size} to compare with; "
            f"`make train SIZE={size}` makes the examples, `make pull` fetches published ones."
        )
    held_out = [texts[key] for key in splits if "train" not in splits[key]]
    counts = {text: max(map(len, rooms.values())) for text, rooms in records.items()}
    return KnownQuestions(trained, held_out, groups, counts)


def questions_of(examples: Path, size: str) -> Iterator[Known]:
    """Yield each question in the files."""
    for room, kinds in KINDS.items():
        for split in SPLITS:
            path = examples / room / size / f"{split}.jsonl"
            if path.exists():
                for row in iter_jsonl(path):
                    if row["kind"] in kinds:
                        origin = row.get("group", ""), row.get("record", "")
                        yield Known(room, split, row["query"], *origin)


def distinct(questions: list[str]) -> list[str]:
    """Return the questions without near-duplicates of earlier ones."""
    return list({near_duplicate_key(text): text for text in reversed(questions)}.values())[::-1]


def first_askers(searches: Sequence[SearchRecord], questions: Sequence[str]) -> list[str]:
    """Return who asked each question first; the question itself if the user is not known."""
    askers = {row.question: row.session or row.question for row in reversed(searches)}
    return [askers[question] for question in questions]
