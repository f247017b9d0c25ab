"""The dev split: queries on the hardest part of the catalog, held-out lists, pairs, and guards.

Searching the whole catalog at every evaluation would take longer than training. The texts that
the base model ranks highest for some query, together with all texts of the relevant variables,
give nearly the same ranking.
"""

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from findtune.core.files import read_jsonl
from findtune.core.records import Record, read_kind
from findtune.embedder.model.list_ranking import guard_reciprocal_ranks, measure_lists
from findtune.embedder.model.similarity import random_cosine, spearman
from findtune.embedder.model.variable_ranking import best_per_variable, build_run
from findtune.retrieval.metrics import binary_qrels, evaluate
from findtune.training.callback import DevResult
from findtune.training.selection import bootstrap_error, standard_error

BATCH_SIZE = 128
MIN_TEXTS_FOR_PROGRESS = 1000

Array = np.ndarray


class GuardResults(NamedTuple):
    """A model's results on the guard: cosines, (pairs,), and reciprocal ranks, (queries,).

    Without guard queries in dev, the ranks are empty.
    """

    cosines: Array
    ranks: Array


class EmbedderDevSet:
    """The dev split of a folder of examples, reduced to the hardest part of the corpus."""

    def __init__(
        self,
        base: SentenceTransformer,
        examples: Path,
        dev_documents: int,
        precision: str,
        *,
        progress: bool,
    ) -> None:
        self.bf16, self.progress = precision == "bf16", progress
        queries, self.lists, self.scored, self.guard, self.guard_queries = (
            read_kind(examples / "dev.jsonl", kind)
            for kind in ("query", "list", "scored", "guard", "guard_query")
        )
        self.queries = [query["text"] for query in queries]
        self.relevant = [query["dcids"] for query in queries]
        corpus = read_jsonl(examples / "corpus.jsonl") if queries else []
        hardest = [corpus[row] for row in self.hardest_rows(base, corpus, dev_documents)]
        self.documents = [document["text"] for document in hardest]
        self.owners = [document["dcid"] for document in hardest]

    def hardest_rows(
        self, base: SentenceTransformer, corpus: Sequence[Record], size: int
    ) -> list[int]:
        """Return the rows of about `size` documents: all relevant ones, then the most similar.

        At least half of `size` documents are irrelevant, if the corpus has so many.
        """
        if not corpus:
            return []
        vectors = self.encode(base, [document["text"] for document in corpus])
        nearest = (self.encode(base, self.queries) @ vectors.T).max(axis=0)
        relevant_ids = {dcid for dcids in self.relevant for dcid in dcids}
        is_relevant = np.array([document["dcid"] in relevant_ids for document in corpus])
        order = np.lexsort((-nearest, ~is_relevant))
        return [int(row) for row in sorted(order[: max(size, is_relevant.sum() + size // 2)])]

    def evaluate(self, model: SentenceTransformer) -> DevResult:
        """Return the measures on dev, and the score that selects the weights.

        The score is the mean of ndcg@10 (queries), feedback_ndcg@10 (lists) and pairs_spearman, as
        far as dev has them; without scored pairs, pairs_spearman is 0 and is left out of the mean.
        `error` is the standard error of the ranking measure, clustered by variables or by groups of
        lists; with both measures, the root mean square of their errors. `payload` holds the results
        on the guard.
        """
        measures: dict[str, float] = {}
        errors: list[float] = []
        if self.queries:
            vectors = self.encode(model, self.documents)
            ndcg = self.search(model, vectors)
            measures["ndcg@10"], errors = (
                float(ndcg.mean()),
                [standard_error(ndcg, [*map(tuple, self.relevant)])],
            )
        if self.lists:
            ndcg = measure_lists(self.lists, partial(self.encode, model), ["ndcg@10"])["ndcg@10"]
            measures["feedback_ndcg@10"] = float(ndcg.mean())
            errors.append(standard_error(ndcg, [row["group"] for row in self.lists]))
        if self.scored:
            measures["pairs_spearman"] = spearman(
                self.cosines(model, self.scored), labels_of(self.scored)
            )
        score = sum(measures.values()) / len(measures)
        measures.setdefault("pairs_spearman", 0.0)
        if not self.queries:
            vectors = self.encode(model, [text for row in self.lists for text in row["documents"]])
        guard = self.guard_results(model)
        measures |= self.guard_measures(guard) | {"random_cosine": random_cosine(vectors)}
        error = math.sqrt(sum(value**2 for value in errors) / len(errors))
        return DevResult(measures | {"score": score, "error": error}, score, guard)

    def search(self, model: SentenceTransformer, vectors: Array) -> Array:
        """Return the ndcg@10 of each query of the catalog, (queries,).

        vectors: of the documents, (documents, dimensions).
        """
        scores = self.encode(model, self.queries) @ vectors.T
        run = build_run(*best_per_variable(scores, self.owners), self.relevant)
        return evaluate(binary_qrels(self.relevant), run, ["ndcg@10"])["ndcg@10"]

    def guard_results(self, model: SentenceTransformer) -> GuardResults:
        """Return the results of a model on each guard pair and each guard query."""
        encode, queries = partial(self.encode, model), self.guard_queries
        return GuardResults(
            cosines=self.cosines(model, self.guard) if self.guard else np.zeros(0),
            ranks=guard_reciprocal_ranks(queries, encode) if queries else np.zeros(0),
        )

    def guard_measures(self, guard: GuardResults) -> dict[str, float]:
        """Return the measures of general English that dev can compute."""
        measures = {"guard_spearman": spearman(guard.cosines, labels_of(self.guard))}
        if guard.ranks.size:
            measures["guard_mrr@10"] = float(guard.ranks.mean())
        return measures

    def guard_errors(self, guard: GuardResults, base: GuardResults) -> dict[str, float]:
        """Return the standard error of each guard measure's difference from the base."""

        def difference(labels: Array, tuned: Array, base: Array) -> float:
            return spearman(tuned, labels) - spearman(base, labels)

        samples = (labels_of(self.guard), guard.cosines, base.cosines)
        errors = {"error_guard_spearman": bootstrap_error(difference, *samples)}
        if guard.ranks.size:
            errors["error_guard_mrr@10"] = standard_error(guard.ranks - base.ranks)
        return errors

    def encode(self, model: SentenceTransformer, texts: Sequence[str]) -> Array:
        """Return unit vectors, (texts, dimensions), computed in the precision of training."""
        device = model.device.type
        with torch.autocast(device, dtype=torch.bfloat16, enabled=self.bf16):
            vectors = model.encode(
                list(texts),
                batch_size=BATCH_SIZE,
                convert_to_tensor=True,
                show_progress_bar=self.progress and len(texts) > MIN_TEXTS_FOR_PROGRESS,
            )
        return torch.nn.functional.normalize(vectors.float(), dim=1).cpu().numpy()

    def cosines(self, model: SentenceTransformer, pairs: Sequence[Record]) -> Array:
        """Return the cosine of each pair of sentences, (pairs,)."""
        first = self.encode(model, [pair["sentence_1"] for pair in pairs])
        second = self.encode(model, [pair["sentence_2"] for pair in pairs])
        products: Array = (first * second).sum(axis=1)
        return products


def labels_of(pairs: Sequence[Record]) -> Array:
    """Return the scores that people gave to pairs of sentences, (pairs,)."""
    return np.array([pair["score"] for pair in pairs])
