"""The questions that the models learned from, and those that were held out."""

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
    """Distinct questions, and those of them that no model learned from.

    groups: question -> what it shares with those of the same topic, session or user, if known.
    """

    trained: list[str]
    held_out: list[str]
    groups: Mapping[str, str] = field(default_factory=dict)

    def group_of(self, question: str) -> str:
        """Return the group of a question; alone, it is one by itself."""
        return self.groups.get(question, question)


def read_known_questions(examples: Path, size: str) -> KnownQuestions:
    """Return the questions below a folder of examples; raise InputError where there are none.

    A question that one room learned is trained, even where another room held it out.
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
            f"{examples} has no question of users at {size} to compare with; "
            f"`make train SIZE={size}` makes the examples, `make pull` fetches published ones."
        )
    held_out = [texts[key] for key in splits if "train" not in splits[key]]
    return KnownQuestions(trained, held_out, groups)


def questions_of(examples: Path, size: str) -> Iterator[tuple[str, str, str]]:
    """Yield the split, the text and the group, if any, of each question, as the files have them."""
    for room, kinds in KINDS.items():
        for split in SPLITS:
            path = examples / room / size / f"{split}.jsonl"
            if path.exists():
                for row in iter_jsonl(path):
                    if row["kind"] in kinds:
                        yield split, row["query"], row.get("group", "")


def distinct(questions: list[str]) -> list[str]:
    """Return the first of all near-duplicate questions."""
    return list({near_duplicate_key(text): text for text in reversed(questions)}.values())[::-1]


def first_askers(searches: Sequence[SearchRecord], questions: Sequence[str]) -> list[str]:
    """Return who asked each question first; where nobody is known, the question stands for one."""
    askers = {row.question: row.session or row.question for row in reversed(searches)}
    return [askers[question] for question in questions]
