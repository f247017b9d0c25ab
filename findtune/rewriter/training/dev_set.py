"""The dev split: questions that are searched by BM25, alone and with rewrites."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from findtune.core.records import Record
from findtune.retrieval.metrics import binary_qrels, evaluate, run_from_rankings
from findtune.retrieval.search import BM25Search, Ranking
from findtune.rewriter.model.qrels import graded_documents
from findtune.rewriter.model.queries import search_with_rewrites
from findtune.rewriter.model.rewriter import Rewriter
from findtune.rewriter.model.settings import RewriterSettings
from findtune.rewriter.model.usable_rewrites import is_copy, is_repetitive, usable_rewrites
from findtune.training.callback import DevResult

MEASURE = "recall@10"

Array = np.ndarray
Rewrites = list[list[str]]  # the usable rewrites of each question, sampled with one seed


class DevDetails(NamedTuple):
    """The payload of a DevResult.

    rewrites: one item per seed; recall: of each question, (questions,).
    """

    rewrites: list[Rewrites]
    recall: Array


class RewriterDevSet:
    """The questions of dev, and the settings with which their rewrites can be searched.

    Recall counts picks and graded documents equally. Users picked from what they saw, which the
    question's own search had found in part, so picks alone would favour that search.
    """

    def __init__(
        self,
        questions: Sequence[Record],
        search: BM25Search,
        *,
        candidates: Sequence[RewriterSettings],
        seeds: Sequence[int],
        precision: str,
    ) -> None:
        """Prepare for evaluations.

        candidates: settings to try; seeds: each samples all rewrites once.
        """
        self.queries = [question["query"] for question in questions]
        picks = [question["picks"] for question in questions]
        graded = [graded_documents(question) or question["picks"] for question in questions]
        self.qrels = (binary_qrels(picks), binary_qrels(graded))
        self.search, self.candidates = search, candidates
        self.seeds, self.precision = seeds, precision
        without_feedback = candidates[0].model_copy(update={"fb_docs": 0})
        no_rewrites: Rewrites = [[] for _ in questions]
        self.original_recall = self.recall([no_rewrites], without_feedback)

    def evaluate(self, rewriter: Rewriter) -> DevResult:
        """Return the recall with the settings that suit the rewriter best, and its habits."""
        samples = self.sample(rewriter)
        rewrites = [self.usable(rewriter, texts) for texts in samples]
        recall = self.best_recall(rewrites)
        score = float(recall.mean())
        measures = {MEASURE: score, **self.habits(samples, rewrites)}
        return DevResult(measures, score, DevDetails(rewrites, recall))

    def sample_rewrites(self, rewriter: Rewriter) -> list[Rewrites]:
        """Return the usable rewrites of each question at each seed."""
        return [self.usable(rewriter, texts) for texts in self.sample(rewriter)]

    def sample(self, rewriter: Rewriter) -> list[list[list[str]]]:
        """Return all samples, usable or not, (seeds, questions, samples)."""
        saved = rewriter.as_saved(self.precision)
        return [saved.sample(self.queries, seed) for seed in self.seeds]

    def usable(self, rewriter: Rewriter, samples: list[list[str]]) -> Rewrites:
        """Return the usable rewrites among the samples of one seed."""
        return [
            usable_rewrites(query, texts, rewriter.names)
            for query, texts in zip(self.queries, samples, strict=True)
        ]

    def best_recall(self, rewrites: Sequence[Rewrites]) -> Array:
        """Return the recall of each question with the best settings that search rewrites."""
        candidates = (settings for settings in self.candidates if settings.num_rewrites)
        recalls = (self.recall(rewrites, settings) for settings in candidates)
        return max(recalls, key=np.mean)

    def recall(self, rewrites: Sequence[Rewrites], settings: RewriterSettings) -> Array:
        """Return the recall of each question, averaged over seeds, (questions,)."""
        runs = [run_from_rankings(self.rank(sample, settings)) for sample in rewrites]
        recalls = [evaluate(qrels, run, [MEASURE])[MEASURE] for run in runs for qrels in self.qrels]
        mean: Array = np.mean(recalls, axis=0)
        return mean

    def rank(self, rewrites: Rewrites, settings: RewriterSettings) -> list[Ranking]:
        """Return the fused ranking of each question and its first rewrites."""
        return [
            search_with_rewrites(self.search, query, texts[: settings.num_rewrites], settings)
            for query, texts in zip(self.queries, rewrites, strict=True)
        ]

    def habits(
        self, samples: Sequence[list[list[str]]], rewrites: Sequence[Rewrites]
    ) -> dict[str, float]:
        """Return the shares of all samples that are copies, repetitive, and usable."""
        pairs = [
            (query, text)
            for by_question in samples
            for query, texts in zip(self.queries, by_question, strict=True)
            for text in texts
        ]
        usable = sum(len(texts) for by_question in rewrites for texts in by_question)
        return {
            "copy_rate": float(np.mean([is_copy(*pair) for pair in pairs])),
            "repetition_rate": float(np.mean([is_repetitive(*pair) for pair in pairs])),
            "usable_rate": usable / len(pairs),
        }
