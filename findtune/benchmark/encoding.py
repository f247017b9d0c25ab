"""Encoding texts with the tuned embedder: ours beside `SentenceTransformer.encode` as shipped."""

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter

import torch
from sentence_transformers import SentenceTransformer

from findtune.benchmark.project import Project
from findtune.benchmark.result import Result
from findtune.core.files import read_jsonl
from findtune.core.records import read_kind
from findtune.embedder.model.encode import encode
from findtune.embedder.training.recipe import Recipe
from findtune.retrieval.encoder import load_encoder

WARMUP, TEXTS = 64, 1024


def texts_of(project: Project) -> list[str]:
    """Return the texts that both contestants encode: some of the whole catalog, or of lists."""
    examples = project.examples("embedder")
    texts = [document["text"] for document in read_jsonl(examples / "corpus.jsonl")]
    if not texts:
        lists = read_kind(examples / "test.jsonl", "list")
        texts = [text for ranked_list in lists for text in ranked_list["documents"]]
    return texts[:: max(1, len(texts) // TEXTS)][:TEXTS]


def encode_as_shipped(model: SentenceTransformer, texts: Sequence[str]) -> object:
    """Encode texts with the library's own settings."""
    return model.encode(list(texts))


def measure(
    project: Project, work: Callable[[SentenceTransformer, Sequence[str]], object]
) -> Result:
    """Return the rate of one contestant; some texts are encoded before the clock starts."""
    torch.set_num_threads(project.section("embedder", Recipe).threads)
    model, texts = load_encoder(project.tuned("embedder")), texts_of(project)
    work(model, texts[:WARMUP])
    start = perf_counter()
    work(model, texts)
    return Result({"texts/s": len(texts) / (perf_counter() - start)}, {})


def ours(project: Project) -> Result:
    """Return the rate of our encoding."""
    return measure(project, encode)


def stock(project: Project) -> Result:
    """Return the rate of the library's encoding."""
    return measure(project, encode_as_shipped)


CONTESTANTS: Mapping[str, Callable[[Project], Result]] = {"ours": ours, "stock": stock}
