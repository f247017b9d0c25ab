"""Dev measures recall with rewrites: averaged over seeds, with the settings that suit them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from findtune.core.records import read_kind
from findtune.retrieval.corpus import Corpus, read_corpus
from findtune.retrieval.search import BM25Search
from findtune.rewriter.model.lexicon import Lexicon
from findtune.rewriter.model.rewriter import Rewriter
from findtune.rewriter.training.dev_set import RewriterDevSet, habits
from findtune.rewriter.training.select_model import candidate_settings

MakeDev = Callable[..., RewriterDevSet]


@pytest.fixture(scope="module")
def make_dev(rewriter_examples: Path, make_recipe: Any) -> MakeDev:
    """Return the function that reads dev: (seeds, precision)."""
    search = BM25Search(read_corpus(rewriter_examples / "corpus.jsonl"))
    questions = read_kind(rewriter_examples / "dev.jsonl", "question")
    candidates = candidate_settings(make_recipe())
    return lambda seeds=(13,), precision="fp32": RewriterDevSet(
        questions, search, candidates=candidates, seeds=seeds, precision=precision
    )


def test_recall_counts_the_first_rewrites_and_is_the_mean_over_seeds(
    make_dev: MakeDev, rewriter_examples: Path, make_settings: Any
) -> None:
    texts = read_corpus(rewriter_examples / "corpus.jsonl").texts
    questions = read_kind(rewriter_examples / "dev.jsonl", "question")
    rewrites = [["zebra", texts[question["picks"][0]]] for question in questions]  # one is perfect
    dev = make_dev()
    none, first, both = (dev.recall([rewrites], make_settings(num_rewrites=n)) for n in range(3))
    assert none.tolist() == first.tolist() == dev.original_recall.tolist()
    assert both.mean() > dev.original_recall.mean()
    assert (both > 0).all()
    assert dev.best_recall([rewrites]).tolist() == both.tolist()
    unlucky = [["zebra"] for _ in questions]
    over_seeds = dev.recall([rewrites, unlucky], make_settings(num_rewrites=2))
    assert over_seeds == pytest.approx((both + none) / 2)


def test_graded_documents_count_as_much_as_picks(make_settings: Any) -> None:
    texts = {"a": "boys", "b": "girls", "c": "pupils", "d": "rice"}
    judged = [("a", {"a": 1, "b": 2, "d": 0}), ("ab", {"d": 0}), ("ab", {})]
    session = {"query": "boys", "history": [], "group": "boys"}
    questions = [{**session, "picks": [*picks], "qrels": qrels} for picks, qrels in judged]
    settings, search = make_settings(num_rewrites=1), BM25Search(Corpus(texts, texts))
    dev = RewriterDevSet(questions, search, candidates=[settings], seeds=[13], precision="fp32")
    assert dev.original_recall == pytest.approx([(1 + 1 / 2) / 2, 1 / 2, 1 / 2])
    recall = dev.recall([[["girls"], ["girls"], ["rice"]]], settings)
    assert recall == pytest.approx([1, 1, 1 / 2])


def test_every_seed_samples_anew_in_training_precision(
    make_dev: MakeDev, load_untrained: Callable[..., Rewriter]
) -> None:
    rewriter = load_untrained("causal")
    [alone] = make_dev([13]).evaluate(rewriter).payload.rewrites
    several = make_dev([13, 14, 15]).evaluate(rewriter).payload.rewrites
    assert several[0] == alone
    assert several[0] != several[1] != several[2] != several[0]
    half = make_dev(precision="bf16")
    assert half.sample(rewriter) == [rewriter.as_saved("bf16").sample(half.queries, 13)]


def test_habits_are_shares_of_all_samples(
    make_dev: MakeDev, load_untrained: Callable[..., Rewriter]
) -> None:
    dev, known = make_dev(), Lexicon(frozenset(), frozenset({"tea", "pots"}))
    rewriter = replace(load_untrained("causal"), lexicon=known)
    samples = [[[query, "tea tea", "tea", "pots", "teaish"] for query in dev.queries]]
    counts = dev.count(rewriter, samples, [[["tea", "pots"]] * len(dev.queries)])
    number = len(dev.queries)
    assert counts == {
        "samples": 5 * number,
        "usable": 2 * number,
        "copies": number,
        "repetitive": number,
        "unknown_words": number,
    }
    rates = dict.fromkeys(("copy_rate", "repetition_rate", "unknown_word_rate"), 0.2)
    assert habits(counts) == {**rates, "usable_rate": 0.4}
