"""Sampling rewrites: ours beside `generate` of transformers in fp32, as many samples each."""

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

import torch

from findtune.benchmark.project import Project
from findtune.benchmark.result import Result
from findtune.core.records import read_kind
from findtune.rewriter.model.rewriter import BATCH_SIZE, Rewriter, load, load_as_rewriter
from findtune.rewriter.training.recipe import Recipe

QUESTIONS = 8

Sample = Callable[[Rewriter, Sequence[str], int], int]


def questions_of(project: Project) -> list[str]:
    """Return the questions that both contestants rewrite."""
    records = read_kind(project.examples("rewriter") / "test.jsonl", "question")
    return [record["query"] for record in records[:QUESTIONS]]


def sample_ours(rewriter: Rewriter, questions: Sequence[str], seed: int) -> int:
    """Sample rewrites as the rewriter does; return how many."""
    return sum(map(len, rewriter.sample(questions, seed)))


def sample_stock(rewriter: Rewriter, questions: Sequence[str], seed: int) -> int:
    """Sample rewrites with `generate`, in batches of the same size; return how many."""
    torch.manual_seed(seed)
    starts = range(0, len(questions), BATCH_SIZE)
    return sum(len(generate(rewriter, questions[start : start + BATCH_SIZE])) for start in starts)


@torch.inference_mode()
def generate(rewriter: Rewriter, questions: Sequence[str]) -> list[str]:
    """Return the rewrites of one batch of questions by `generate`, (questions x samples,)."""
    tokenizer, settings, model = rewriter.tokenizer, rewriter.settings, rewriter.model
    tokenizer.padding_side = rewriter.backbone.padding_side
    inputs = [rewriter.backbone.encode_question(question) for question in questions]
    batch = tokenizer.pad({"input_ids": inputs}, return_tensors="pt").to(model.device)
    written: Any = model.generate(  # type: ignore[operator]
        **batch,
        do_sample=True,
        num_return_sequences=settings.num_return_sequences,
        temperature=settings.temperature,
        top_k=settings.top_k,
        max_new_tokens=settings.max_new_tokens,
    )
    prompt = 0 if model.config.is_encoder_decoder else batch["input_ids"].shape[1]
    return list(tokenizer.batch_decode(written[:, prompt:], skip_special_tokens=True))


def measure(project: Project, rewriter: Rewriter, sample: Sample) -> Result:
    """Return the rate of one contestant; its first question is rewritten twice."""
    questions = questions_of(project)
    sample(rewriter, questions[:1], project.seed)
    start = perf_counter()
    samples = sample(rewriter, questions, project.seed)
    return Result({"samples/s": samples / (perf_counter() - start)}, {})


def ours(project: Project) -> Result:
    """Return the rate of the tuned rewriter as it is loaded."""
    torch.set_num_threads(project.section("rewriter", Recipe).threads)
    return measure(project, load(project.tuned("rewriter")), sample_ours)


def stock(project: Project) -> Result:
    """Return the rate of `generate` with the same weights in fp32."""
    torch.set_num_threads(project.section("rewriter", Recipe).threads)
    tuned = load(project.tuned("rewriter"))
    settings, lexicon = tuned.settings, tuned.lexicon
    del tuned  # its weights would count as memory of `generate`
    rewriter = load_as_rewriter(project.tuned("rewriter"), settings, lexicon, torch.float32)
    return measure(project, rewriter, sample_stock)


CONTESTANTS: Mapping[str, Callable[[Project], Result]] = {"ours": ours, "stock": stock}
