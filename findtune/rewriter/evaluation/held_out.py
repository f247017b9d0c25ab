"""The held-out questions of a folder of examples."""

from dataclasses import dataclass
from pathlib import Path

from findtune.core.records import Record, read_kind
from findtune.retrieval.corpus import Corpus, read_corpus
from findtune.rewriter.model.qrels import graded_documents


@dataclass(frozen=True)
class HeldOut:
    """The held-out questions, and the corpus to search."""

    questions: list[Record]
    corpus: Corpus

    def first(self, number: int) -> "HeldOut":
        """Return the first questions, with the same corpus."""
        return HeldOut(self.questions[:number], self.corpus)

    @property
    def queries(self) -> list[str]:
        """The text of each question."""
        return [question["query"] for question in self.questions]

    @property
    def histories(self) -> list[list[str]]:
        """The earlier questions of each question's session, oldest first."""
        return [question["history"] for question in self.questions]

    @property
    def groups(self) -> list[str]:
        """A label for each question; the questions of one topic are resampled together."""
        return [question["group"] for question in self.questions]

    @property
    def picks(self) -> list[list[str]]:
        """The documents that users picked for each question."""
        return [question["picks"] for question in self.questions]

    @property
    def graded(self) -> list[list[str]]:
        """The documents that people graded above 0 for each question."""
        return [graded_documents(question) for question in self.questions]


def read_held_out(examples: Path) -> HeldOut:
    """Return the held-out questions that have picks, and the corpus."""
    questions = read_kind(examples / "test.jsonl", "question")
    with_picks = [question for question in questions if question["picks"]]
    return HeldOut(with_picks, read_corpus(examples / "corpus.jsonl"))
