"""The dev split: questions that are searched alone, with titles, and with rewrites."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from findtune.core.records import Record
from findtune.retrieval.metrics import binary_qrels, evaluate, run_from_rankings
from findtune.retrieval.search import Search
from findtune.rewriter.model.qrels import graded_documents
from findtune.rewriter.model.queries import search_many_with_rewrites
from findtune.rewriter.model.rewriter import Rewriter
from findtune.rewriter.model.settings import RewriterSettings
from findtune.rewriter.model.usable_rewrites import is_copy, is_repetitive
from findtune.training.callback import DevResult

MEASURE = "recall@10"

Array = np.ndarray
Rewrites = list[list[str]]  # the usable rewrites of each question, sampled with one seed


class DevDetails(NamedTuple):
    """The payload of a DevResult.

    rewrites: one item per seed; recall: of each question, (questions,); counts: of all samples, of
    the usable ones, and of those with each fault.
    """

    rewrites: list[Rewrites]
    recall: Array
    counts: dict[str, int]


class RewriterDevSet:
    """Questions for model selection, and the candidate settings for searching them.

    Recall counts picks and graded documents equally. Users picked from what they saw, part of which
    the question's own search had found, so picks alone would favour that search.
    """

    def __init__(
        self,
        questions: Sequence[Record],
        search: Search,
        *,
        candidates: Sequence[RewriterSettings],
        seeds: Sequence[int],
        precision: str,
    ) -> None:
        """Prepare for evaluations.

        candidates: the settings to try; seeds: each samples all rewrites once.
        """
        self.queries = [question["query"] for question in questions]
        self.histories = [question["history"] for question in questions]
        self.groups = [question["group"] for question in questions]
        picks = [question["picks"] for question in questions]
        graded = [graded_documents(question) or question["picks"] for question in questions]
        self.qrels = (binary_qrels(picks), binary_qrels(graded))
        self.search, self.candidates = search, candidates
        self.seeds, self.precision = seeds, precision
        without_feedback = candidates[0].model_copy(update={"fb_docs": 0})
        no_rewrites: Rewrites = [[] for _ in questions]
        self.original_recall = self.recall([no_rewrites], without_feedback)

    def evaluate(self, rewriter: Rewriter) -> DevResult:
        """Return the recall with the best settings for the rewriter, and its habits."""
        samples = self.sample(rewriter)
        rewrites = [self.usable(rewriter, texts) for texts in samples]
        recall, counts = self.best_recall(rewrites), self.count(rewriter, samples, rewrites)
        score = float(recall.mean())
        measures = {MEASURE: score, **habits(counts)}
        return DevResult(measures, score, DevDetails(rewrites, recall, counts))

    def sample_rewrites(self, rewriter: Rewriter) -> list[Rewrites]:
        """Return the usable rewrites of each question at each seed."""
        return [self.usable(rewriter, texts) for texts in self.sample(rewriter)]

    def sample(self, rewriter: Rewriter) -> list[list[list[str]]]:
        """Return all samples, usable or not, (seeds, questions, samples)."""
        saved = rewriter.as_saved(self.precision)
        return [saved.sample(self.queries, seed, self.histories) for seed in self.seeds]

    def usable(self, rewriter: Rewriter, samples: list[list[str]]) -> Rewrites:
        """Return the usable rewrites among the samples of one seed."""
        return rewriter.usable(self.queries, samples, self.histories)

    def best_recall(self, rewrites: Sequence[Rewrites]) -> Array:
        """Return the recall of each question with the best settings of the tuned family."""
        candidates = (settings for settings in self.candidates if settings.ships == "tuned")
        recalls = (self.recall(rewrites, settings) for settings in candidates)
        return max(recalls, key=np.mean)

    def recall(self, rewrites: Sequence[Rewrites], settings: RewriterSettings) -> Array:
        """Return the recall of each question, averaged over seeds, (questions,)."""
        recalls = []
        for texts in rewrites if settings.num_rewrites else rewrites[:1]:
            first = [row[: settings.num_rewrites] for row in texts]
            rankings = search_many_with_rewrites(self.search, self.queries, first, settings)
            run = run_from_rankings(rankings)
            recalls += [evaluate(qrels, run, [MEASURE])[MEASURE] for qrels in self.qrels]
        mean: Array = np.mean(recalls, axis=0)
        return mean

    def count(
        self,
        rewriter: Rewriter,
        samples: Sequence[list[list[str]]],
        rewrites: Sequence[Rewrites],
    ) -> dict[str, int]:
        """Return the number of all samples, of the usable ones, and of those with each fault."""
        rows = [
            (text, query, history)
            for by_question in samples
            for query, history, texts in zip(self.queries, self.histories, by_question, strict=True)
            for text in texts
        ]

        def number(has_fault: Callable[[str, str, Sequence[str]], bool]) -> int:
            return sum(has_fault(*row) for row in rows)

        return {
            "samples": len(rows),
            "usable": sum(len(texts) for by_question in rewrites for texts in by_question),
            "copies": number(lambda text, query, _: is_copy(query, text)),
            "repetitive": number(lambda text, query, _: is_repetitive(query, text)),
            "unknown_words": number(lambda *row: not rewriter.lexicon.knows(*row)),
        }


def habits(counts: dict[str, int]) -> dict[str, float]:
    """Return the shares of samples that copy, repeat, have unknown words, and are usable."""
    names = {
        "copy_rate": "copies",
        "repetition_rate": "repetitive",
        "unknown_word_rate": "unknown_words",
        "usable_rate": "usable",
    }
    return {name: counts[key] / counts["samples"] for name, key in names.items()}
