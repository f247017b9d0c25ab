"""Reranking lists: the whole tuned reranker beside `CrossEncoder.predict` of its cross-encoder.

The reranker does more: retrievers whose features have a weight read every text, too. So the ratio
says what the features cost in addition to the cross-encoder.
"""

from collections.abc import Callable, Mapping
from time import perf_counter

import torch

from findtune.benchmark.project import Project
from findtune.benchmark.result import Result
from findtune.core.records import Record, read_kind
from findtune.reranker.model.ranked_lists import document_texts
from findtune.reranker.model.reranker import Reranker, load
from findtune.reranker.training.recipe import Recipe

WARMUP, LISTS = 1, 20


def lists_of(project: Project) -> list[Record]:
    """Return the lists that both contestants rerank."""
    return read_kind(project.examples("reranker") / "test.jsonl", "list")[:LISTS]


def rerank(reranker: Reranker, ranked_list: Record) -> object:
    """Score a list with the whole reranker."""
    return reranker.scores([ranked_list])


def predict(reranker: Reranker, ranked_list: Record) -> object:
    """Score a list with the cross-encoder alone, with the library's own settings."""
    query = ranked_list["query"]
    return reranker.cross_encoder.predict([(query, text) for text in document_texts(ranked_list)])


def measure(project: Project, work: Callable[[Reranker, Record], object]) -> Result:
    """Return the rate of one contestant, which scores list by list."""
    torch.set_num_threads(project.section("reranker", Recipe).threads)
    reranker, lists = load(project.tuned("reranker")), lists_of(project)
    for ranked_list in lists[:WARMUP]:
        work(reranker, ranked_list)
    start = perf_counter()
    for ranked_list in lists:
        work(reranker, ranked_list)
    documents = sum(len(ranked_list["documents"]) for ranked_list in lists)
    return Result({"documents/s": documents / (perf_counter() - start)}, {})


def ours(project: Project) -> Result:
    """Return the rate of the whole reranker."""
    return measure(project, rerank)


def stock(project: Project) -> Result:
    """Return the rate of the cross-encoder alone."""
    return measure(project, predict)


CONTESTANTS: Mapping[str, Callable[[Project], Result]] = {"ours": ours, "stock": stock}
