"""Times fp32 models and their int8 copies on this machine: one question, and many texts.

Both run in one process, alternately, so that other load on the machine affects both alike.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter

import numpy as np
from sentence_transformers import SentenceTransformer

from findtune.core.records import Record
from findtune.embedder.model.encode import encode
from findtune.reranker.model.ranked_lists import document_texts
from findtune.reranker.model.reranker import Reranker
from findtune.reranker.model.reranker import load as load_reranker
from findtune.retrieval.encoder import load_encoder
from findtune.stack.int8.network import run_on
from findtune.stack.int8.parts import run_reranker
from findtune.stack.latency import milliseconds

CANDIDATES = 20  # documents that a reranker reads for one question
TURNS = 5
HEADER = ("what", "unit", "fp32", "int8")

Row = tuple[str, str, float, float]
Work = Callable[[Sequence[str]], object]


def time_embedder(
    folder: Path, copy: Path, questions: Sequence[str], texts: Sequence[str]
) -> list[Row]:
    """Return rows of HEADER: milliseconds for one question, and texts per second.

    copy: the ONNX file.
    """
    fp32, int8 = load_encoder(folder), load_encoder(folder)
    run_on(int8, copy)
    workers = [encoding(fp32), encoding(int8)]
    return [
        *one_by_one("embed one question", workers, [[question] for question in questions]),
        ("embed", "texts/s", *rates(workers, texts, len(texts))),
    ]


def encoding(encoder: SentenceTransformer) -> Work:
    """Return a function that encodes texts."""
    return lambda texts: encode(encoder, texts)


def time_reranker(folder: Path, copies: Mapping[str, Path], lists: Sequence[Record]) -> list[Row]:
    """Return rows of HEADER: milliseconds for CANDIDATES documents, and documents per second.

    copies: name -> ONNX file; lists: of test; their documents are the candidates. No vector is
    cached between lists, although an index would cache those of its documents.
    """
    fp32 = load_reranker(folder)
    int8 = run_reranker(load_reranker(folder), folder, copies)
    documents = [row for ranked_list in lists for row in ranked_list["documents"]]
    candidates = list(dict.fromkeys(document_texts({"documents": documents})))[:CANDIDATES]
    workers = [reranking(reranker, candidates) for reranker in (fp32, int8)]
    questions = [ranked_list["query"] for ranked_list in lists]
    name = f"rerank {len(candidates)} documents"
    return [
        *one_by_one(name, workers, [[question] for question in questions]),
        ("rerank", "documents/s", *rates(workers, questions, len(questions) * len(candidates))),
    ]


def reranking(reranker: Reranker, texts: Sequence[str]) -> Work:
    """Return a function that scores the same texts against some questions."""
    documents = [{"title": "", "text": text} for text in texts]
    return lambda questions: [
        reranker.scores([{"query": question, "documents": documents}]) for question in questions
    ]


def one_by_one(what: str, workers: Sequence[Work], inputs: Sequence[Sequence[str]]) -> list[Row]:
    """Return the median and the 95th percentile of the time per input, in milliseconds.

    Each input goes to all workers in turn; the first input also warms them up.
    """
    for work in workers:
        work(inputs[0])
    seconds = np.array([[seconds_of(work, texts) for work in workers] for texts in inputs])
    (fp32, fp32_high), (int8, int8_high) = (milliseconds(column) for column in seconds.T.tolist())
    return [(what, "p50 ms", fp32, int8), (what, "p95 ms", fp32_high, int8_high)]


def rates(workers: Sequence[Work], texts: Sequence[str], amount: int) -> tuple[float, float]:
    """Return each worker's amount per second, from the fastest of TURNS turns."""
    seconds = np.array([[seconds_of(work, texts) for work in workers] for _ in range(TURNS)])
    fp32, int8 = (amount / seconds.min(axis=0)).round(1).tolist()
    return fp32, int8


def seconds_of(work: Work, texts: Sequence[str]) -> float:
    """Return the seconds that a call takes."""
    start = perf_counter()
    work(texts)
    return perf_counter() - start
