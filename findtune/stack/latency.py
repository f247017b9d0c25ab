"""Times each part of a pipeline for one question, with the corpus in memory."""

from collections.abc import Iterable, Sequence

import numpy as np

from findtune.retrieval.corpus import Corpus
from findtune.stack.caches import VectorCache
from findtune.stack.cells import Cell
from findtune.stack.held_out import Question
from findtune.stack.index import Encoder, Index, search_by
from findtune.stack.parts import Parts
from findtune.stack.pipeline import Stack

PERCENTILES = (50, 95)
HEADER = ("cell", "part", "p50_ms", "p95_ms")

Row = tuple[str, str, float, float]


def time_cells(
    cells: Iterable[Cell],
    parts: Parts,
    corpus: Corpus,
    questions: Sequence[Question],
    *,
    rerank_depth: int,
    seed: int,
) -> list[Row]:
    """Return a row for each cell and part: median and 95th percentile, in milliseconds.

    The models are those of the grid, so the vectors of documents that they have read are cached, as
    a service has them in its index.
    """
    rows: list[Row] = []
    for cell in dict.fromkeys(cells):
        stack = Stack(
            cell=cell,
            writer=parts.writer(cell.queries),
            scorer=parts.scorer(cell.reranker),
            encoders=encoders_of(cell, parts),
            rerank_depth=rerank_depth,
            seed=seed,
        )
        for encoder in stack.encoders.values():
            keep_known(encoder.cache, encoder.texts(corpus))
        rows += time_stack(stack, corpus, questions)
    return rows


def encoders_of(cell: Cell, parts: Parts) -> dict[str, Encoder]:
    """Return the encoders with which a cell reads documents."""
    caches: dict[str, VectorCache] = {}
    if cell.encoder:
        caches["embedder"] = parts.encoder(cell.encoder)
    scorer = parts.scorer(cell.reranker)
    caches |= scorer.vector_caches() if scorer else {}
    return {name: Encoder(cache, "", name == "reranker") for name, cache in caches.items()}


def keep_known(cache: VectorCache, texts: Iterable[str]) -> None:
    """Keep the vectors of a corpus's texts that were encoded before; forget all others."""
    known = [text for text in dict.fromkeys(texts) if text in cache.queries]
    if known:
        cache.keep(known, np.array([cache.queries[text] for text in known]))
    cache.forget()


def time_stack(stack: Stack, corpus: Corpus, questions: Sequence[Question]) -> list[Row]:
    """Return the rows of one cell; the first question is also asked once to warm up."""
    documents = {
        url: {"url": url, "title": corpus.titles[url], "text": text}
        for url, text in corpus.texts.items()
    }
    index = Index(documents, corpus, search_by(stack.cell.retriever, corpus, stack.encoders))
    results = [
        stack.search(question.query, index, history=question.history)
        for question in [questions[0], *questions]
    ][1:]
    seconds = {part: [result.seconds[part] for result in results] for part in results[0].seconds}
    seconds["total"] = [sum(result.seconds.values()) for result in results]
    return [(stack.cell.name, part, *milliseconds(values)) for part, values in seconds.items()]


def milliseconds(seconds: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 95th percentile of times, in milliseconds, to a tenth."""
    median, high = np.percentile(seconds, PERCENTILES) * 1000
    return round(float(median), 1), round(float(high), 1)
