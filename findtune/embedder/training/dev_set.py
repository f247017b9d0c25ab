"""The dev split: queries on the hardest part of the catalog, scored pairs, and guard pairs.

Searching the whole catalog at every evaluation would take longer than training. The texts that
the base model ranks highest for some query, together with all texts of the relevant variables,
give nearly the same ranking.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from findtune.core.files import read_jsonl
from findtune.core.records import Record, read_kind
from findtune.embedder.model.similarity import random_cosine, spearman
from findtune.embedder.model.variable_ranking import best_per_variable, build_run
from findtune.retrieval.metrics import binary_qrels, evaluate
from findtune.training.callback import DevResult
from findtune.training.selection import standard_error

BATCH_SIZE = 128
MIN_TEXTS_FOR_PROGRESS = 1000

Array = np.ndarray


class EmbedderDevSet:
    """The dev split of a folder of examples, reduced to what one evaluation needs."""

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
        queries = read_kind(examples / "dev.jsonl", "query")
        self.queries = [query["text"] for query in queries]
        self.relevant = [query["dcids"] for query in queries]
        self.scored = read_kind(examples / "dev.jsonl", "scored")
        self.guard = read_kind(examples / "dev.jsonl", "guard")
        corpus = read_jsonl(examples / "corpus.jsonl")
        hardest = [corpus[row] for row in self.hardest_rows(base, corpus, dev_documents)]
        self.documents = [document["text"] for document in hardest]
        self.owners = [document["dcid"] for document in hardest]

    def hardest_rows(
        self, base: SentenceTransformer, corpus: Sequence[Record], size: int
    ) -> list[int]:
        """Return the rows of about `size` documents: all relevant ones, then the most similar.

        At least half of the documents are irrelevant.
        """
        vectors = self.encode(base, [document["text"] for document in corpus])
        nearest = (self.encode(base, self.queries) @ vectors.T).max(axis=0)
        relevant_ids = {dcid for dcids in self.relevant for dcid in dcids}
        is_relevant = np.array([document["dcid"] in relevant_ids for document in corpus])
        order = np.lexsort((-nearest, ~is_relevant))
        return [int(row) for row in sorted(order[: max(size, 2 * is_relevant.sum())])]

    def evaluate(self, model: SentenceTransformer) -> DevResult:
        """Return the measures on dev, and the score that training tries to raise.

        The score is ndcg@10, or its mean with pairs_spearman where dev has scored pairs. `error`
        is the standard error of ndcg@10.
        """
        vectors = self.encode(model, self.documents)
        scores = self.encode(model, self.queries) @ vectors.T
        run = build_run(*best_per_variable(scores, self.owners), self.relevant)
        ndcg = evaluate(binary_qrels(self.relevant), run, ["ndcg@10"])["ndcg@10"]
        measures = {
            "ndcg@10": float(ndcg.mean()),
            "pairs_spearman": self.spearman(model, self.scored),
            "guard_spearman": self.spearman(model, self.guard),
            "random_cosine": random_cosine(vectors),
        }
        names = ["ndcg@10", "pairs_spearman"] if self.scored else ["ndcg@10"]
        score = sum(measures[name] for name in names) / len(names)
        return DevResult(measures | {"score": score, "error": standard_error(ndcg)}, score)

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

    def spearman(self, model: SentenceTransformer, pairs: Sequence[Record]) -> float:
        """Return the rank correlation of cosines and labels, 0 without pairs."""
        if not pairs:
            return 0.0
        first = self.encode(model, [pair["sentence_1"] for pair in pairs])
        second = self.encode(model, [pair["sentence_2"] for pair in pairs])
        labels = np.array([pair["score"] for pair in pairs])
        return spearman((first * second).sum(axis=1), labels)
