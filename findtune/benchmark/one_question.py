"""How long one question takes: each model alone, and the stack that ships with its corpus."""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from time import perf_counter

import torch

from findtune.benchmark.project import Project
from findtune.benchmark.result import Result
from findtune.core.files import iter_jsonl
from findtune.core.records import Record, read_kind
from findtune.embedder.model.encode import encode
from findtune.reranker.model import reranker as rerankers
from findtune.retrieval.encoder import load_encoder
from findtune.rewriter.model import rewriter as rewriters
from findtune.rewriter.training.recipe import Recipe
from findtune.stack.artifact import load as load_stack
from findtune.stack.held_out import Question
from findtune.stack.latency import milliseconds, time_stack
from findtune.stack.settings import StackSettings

DOCUMENTS = 300  # of the corpus that the stack searches


def ours(project: Project) -> Result:
    """Return the median and the 95th percentile of every part, in milliseconds."""
    torch.set_num_threads(project.section("rewriter", Recipe).threads)
    questions = questions_of(project)
    return Result({}, {**models_alone(project, questions), **whole_stack(project, questions)})


def questions_of(project: Project) -> list[str]:
    """Return the questions that are asked one by one."""
    number = project.section("stack", StackSettings).latency_questions
    records = read_kind(project.examples("rewriter") / "test.jsonl", "question")
    return [record["query"] for record in records[:number]]


def models_alone(project: Project, questions: list[str]) -> dict[str, float]:
    """Return the times of each model alone; a reranker keeps no vectors of documents here."""
    embedder = load_encoder(project.tuned("embedder"))
    facts = times("embed", lambda text: encode(embedder, [text]), questions)
    depth = project.section("stack", StackSettings).rerank_depth
    reranker, documents = rerankers.load(project.tuned("reranker")), long_list(project, depth)
    facts |= times(
        f"rerank {len(documents)}",
        lambda query: reranker.scores([{"query": query, "documents": documents}]),
        questions,
    )
    rewriter = rewriters.load(project.tuned("rewriter"))
    return facts | times("rewrite", lambda query: rewriter.sample([query], project.seed), questions)


def long_list(project: Project, depth: int) -> list[Record]:
    """Return as many documents as the stack reranks, from the lists of test."""
    lists = read_kind(project.examples("reranker") / "test.jsonl", "list")
    return [document for ranked_list in lists for document in ranked_list["documents"]][:depth]


def whole_stack(project: Project, questions: Iterable[str]) -> dict[str, float]:
    """Return the times of each part of the stack that ships, with its index in memory."""
    stack = load_stack(project.tuned("stack"))
    corpus = iter_jsonl(project.examples("rewriter") / "corpus.jsonl")
    index = stack.index(islice(corpus, DOCUMENTS))
    asked = [Question(query, group="", record="") for query in questions]
    facts: dict[str, float] = {}
    for _, part, *percentiles in time_stack(stack, index.corpus, asked):
        facts |= named(f"stack: {part}", percentiles)
    return facts


def times(name: str, work: Callable[[str], object], questions: Iterable[str]) -> dict[str, float]:
    """Return the times of some work for each question; the first one runs once untimed."""
    seconds = []
    for number, question in enumerate(questions):
        if not number:
            work(question)
        start = perf_counter()
        work(question)
        seconds.append(perf_counter() - start)
    return named(name, milliseconds(seconds))


def named(name: str, percentiles: Iterable[float]) -> dict[str, float]:
    """Return the median and the 95th percentile under the names that the table shows."""
    pairs = zip(("p50", "p95"), percentiles, strict=True)
    return {f"{name}, {percentile} ms": value for percentile, value in pairs}


CONTESTANTS: Mapping[str, Callable[[Project], Result]] = {"ours": ours}
