"""What is compared: the contestants of each comparison, ours first.

A contestant is a function in CONTESTANTS of the module that has the name of the comparison.
These modules import torch, so only the process of a contestant loads them.
"""

from typing import NamedTuple

OURS = "ours"


class Comparison(NamedTuple):
    """One workload; opponents: contestant -> its name in the table. Without any, ours runs once.

    rounds: how often each opponent runs, between our runs. rooms: those whose models must exist.
    examples: those whose examples must exist.
    """

    title: str
    opponents: dict[str, str]
    rooms: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    rounds: int = 2

    def turns(self) -> list[str]:
        """Return the contestants in the order of their runs: A B A B A."""
        return [OURS, *self.opponents] * self.rounds + [OURS] if self.opponents else [OURS]


PLAIN = {"stock": "plain recipe", "stock_256": "plain recipe, batches of 256"}

EMBEDDER, RERANKER, REWRITER = ("embedder",), ("reranker",), ("rewriter",)
ALL = (*EMBEDDER, *RERANKER, *REWRITER)

COMPARISONS = {
    "matrix_products": Comparison("matrix products", {}),
    "one_question": Comparison("one question", {}, (*ALL, "stack"), (*RERANKER, *REWRITER)),
    "embedder_training": Comparison("embedder training", PLAIN, examples=EMBEDDER),
    "reranker_training": Comparison(
        "reranker training", {"stock": "CrossEncoderTrainer"}, examples=RERANKER
    ),
    "rewriting": Comparison("rewriting", {"stock": "`generate`"}, REWRITER, REWRITER),
    "encoding": Comparison(
        "encoding", {"stock": "`SentenceTransformer.encode`"}, EMBEDDER, EMBEDDER
    ),
    "reranking": Comparison("reranking", {"stock": "`CrossEncoder.predict`"}, RERANKER, RERANKER),
}
# Trains on everything, which takes long, so it is run only on request; opponents run once.
QUALITY = {
    "embedder_quality": Comparison("embedder, one epoch", PLAIN, examples=EMBEDDER, rounds=1),
}
