"""The questions that the models were trained on, and the held-out ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from findtune.core.errors import InputError
from findtune.core.files import iter_jsonl
from findtune.core.text import near_duplicate_key
from findtune.traffic.records import SearchRecord

SPLITS = ("train", "dev", "test")
# Room -> the kinds of its examples whose query is a user's question.
KINDS = {
    "reranker": {"list"},
    "rewriter": {"question", "rewrite", "identity", "title"},
    "embedder": {"pick", "list"},
}


@dataclass(frozen=True)
class KnownQuestions:
    """Distinct questions: those that a model was trained on, and those held out from all models.

    groups: question -> the group that it shares with those of its topic, session or user, if known.
    """

    trained: list[str]
    held_out: list[str]
    groups: Mapping[str, str] = field(default_factory=dict)

    def group_of(self, question: str) -> str:
        """Return the group of a question; a question without a group is a group of its own."""
        return self.groups.get(question, question)


def read_known_questions(examples: Path, size: str) -> KnownQuestions:
    """Return the questions in a folder of examples; raise InputError if none is for training.

    A question that one room trains on counts as trained, even if another room holds it out.
    """
    splits: dict[str, set[str]] = {}
    texts: dict[str, str] = {}
    groups: dict[str, str] = {}
    for split, question, group in questions_of(examples, size):
        key = near_duplicate_key(question)
        own = texts.setdefault(key, question)
        splits.setdefault(key, set()).add(split)
        if group:
            groups.setdefault(own, group)
    trained = [texts[key] for key, own in splits.items() if "train" in own]
    if not trained:
        raise InputError(
            f"{examples} has no user question of size {size} to compare with; "
            f"`make train SIZE={size}` makes the examples, `make pull` fetches published ones."
        )
    held_out = [texts[key] for key in splits if "train" not in splits[key]]
    return KnownQuestions(trained, held_out, groups)


def questions_of(examples: Path, size: str) -> Iterator[tuple[str, str, str]]:
    """Yield the split, the text and the group (or "") of each question in the files."""
    for room, kinds in KINDS.items():
        for split in SPLITS:
            path = examples / room / size / f"{split}.jsonl"
            if path.exists():
                for row in iter_jsonl(path):
                    if row["kind"] in kinds:
                        yield split, row["query"], row.get("group", "")


def distinct(questions: list[str]) -> list[str]:
    """Return the questions without near-duplicates of earlier ones."""
    return list({near_duplicate_key(text): text for text in reversed(questions)}.values())[::-1]


def first_askers(searches: Sequence[SearchRecord], questions: Sequence[str]) -> list[str]:
    """Return who asked each question first; the question itself if the user is not known."""
    askers = {row.question: row.session or row.question for row in reversed(searches)}
    return [askers[question] for question in questions]
