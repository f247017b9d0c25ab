"""The questions that the models learned from, and those that were held out."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from findtune.core.errors import InputError
from findtune.core.files import iter_jsonl
from findtune.core.text import near_duplicate_key

SPLITS = ("train", "dev", "test")
# Room -> the kinds of its examples whose query is a user's question.
KINDS = {
    "reranker": {"list"},
    "rewriter": {"question", "rewrite", "identity", "title"},
    "embedder": {"pick", "list"},
}


@dataclass(frozen=True)
class KnownQuestions:
    """Distinct questions, and those of them that no model learned from."""

    trained: list[str]
    held_out: list[str]


def read_known_questions(examples: Path, size: str) -> KnownQuestions:
    """Return the questions below a folder of examples; raise InputError where there are none.

    A question that one room learned is trained, even where another room held it out.
    """
    splits: dict[str, set[str]] = {}
    texts: dict[str, str] = {}
    for split, question in questions_of(examples, size):
        key = near_duplicate_key(question)
        texts.setdefault(key, question)
        splits.setdefault(key, set()).add(split)
    trained = [texts[key] for key, own in splits.items() if "train" in own]
    if not trained:
        raise InputError(
            f"{examples} has no question of users at {size} to compare with; "
            f"`make train SIZE={size}` makes the examples, `make pull` fetches published ones."
        )
    return KnownQuestions(trained, [texts[key] for key in splits if "train" not in splits[key]])


def questions_of(examples: Path, size: str) -> Iterator[tuple[str, str]]:
    """Yield the split and the text of each question, in the order of the files."""
    for room, kinds in KINDS.items():
        for split in SPLITS:
            path = examples / room / size / f"{split}.jsonl"
            if path.exists():
                for row in iter_jsonl(path):
                    if row["kind"] in kinds:
                        yield split, row["query"]


def distinct(questions: list[str]) -> list[str]:
    """Return the first of all near-duplicate questions."""
    return list({near_duplicate_key(text): text for text in reversed(questions)}.values())[::-1]
