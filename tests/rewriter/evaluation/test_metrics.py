"""Metrics, habits, verdict and details, from results whose numbers are known."""

import json
from typing import Any

import numpy as np
import pytest

from findtune.core.records import Record
from findtune.retrieval.corpus import Corpus
from findtune.rewriter.evaluation.details import details
from findtune.rewriter.evaluation.held_out import HeldOut
from findtune.rewriter.evaluation.metrics import metrics
from findtune.rewriter.evaluation.results import Evaluation, MethodMeasures, ModelRewrites
from findtune.rewriter.model.lexicon import build_lexicon
from findtune.rewriter.model.usable_rewrites import usable_rewrites

FACTS = {"interpolation": 0.5, "num_rewrites": 2, "fb_docs": 1}
METHODS = ("original", "prf", "base", "tuned")
MEASURES = {"recall@10", "mrr@10"}
HABITS = {"copy_rate", "repetition_rate", "entity_recall_sampled", "entity_recall_searched"}
HABITS |= {"length_ratio", "num_rewrites", "unknown_word_rate", "rejected_rate"}
LEXICON = build_lexicon(["kenya"], ["how much cups of tea that is drunk pots a in the sun"])


def make_held_out(questions: int = 8) -> HeldOut:
    records: list[Record] = [
        {"query": f"how much tea {number}?", "history": [], "group": f"{number}"}
        | {"picks": ["a"], "qrels": {}, "seen": []}
        for number in range(questions)
    ]
    return HeldOut(records, Corpus({"a": "Tea."}, {"a": "Tea"}))


def make_measures(questions: int, **recalls: float) -> MethodMeasures:
    """Return the same value for every measure and question of a method, by default one half."""
    return {
        method: {name: np.full(questions, recalls.get(method, 0.5)) for name in sorted(MEASURES)}
        for method in METHODS
    }


def make_evaluation(
    questions: int = 8, samples: list[str] | None = None, graded: int = 0, **recalls: float
) -> Evaluation:
    """Return an evaluation; samples: what the tuned model writes, {} is the question's number."""
    templates = ["cups of tea {}", "tea that is drunk {}"] if samples is None else samples
    texts = [[text.format(number) for text in templates] for number in range(questions)]
    queries = make_held_out(questions).queries
    searched = [*map(usable_rewrites, queries, texts, [LEXICON] * questions)]
    nothing = ModelRewrites(*([[] for _ in range(questions)] for _ in range(3)))
    tuned = ModelRewrites(texts, searched, [[0.25] * len(row) for row in searched])
    return Evaluation(
        rewrites={"base": [nothing], "tuned": [tuned]},
        ships="tuned",
        retriever="hybrid",
        by_retriever={
            "bm25": make_measures(questions, tuned=0.6),
            "dense": make_measures(questions, tuned=0.7),
            "hybrid": make_measures(questions, **recalls),
        },
        graded=make_measures(graded, tuned=0.9),
        lexicon=LEXICON,
    )


def measure(questions: int = 8, **changes: Any) -> Record:
    held_out = make_held_out(questions)
    for question in held_out.questions[: changes.get("graded", 0)]:
        question["qrels"] = {"a": 1}
    return metrics(make_evaluation(questions, **changes), held_out, FACTS, seed=13)


def test_every_search_method_has_its_measures() -> None:
    result = measure(original=0.25, base=0.5, tuned=0.75)
    for method, recall in (("original", 0.25), ("base", 0.5), ("tuned", 0.75)):
        assert {result[method][name] for name in MEASURES} == {recall}
    assert set(result["original"]) == set(result["prf"]) == MEASURES
    assert set(result["base"]) == set(result["tuned"]) == MEASURES | HABITS
    assert (FACTS | {"queries": 8}).items() <= result.items()
    assert (result["ships"], result["retriever"]) == ("tuned", "hybrid")
    assert result["bm25_tuned"]["recall@10"] == pytest.approx(0.6)
    assert "hybrid_tuned" not in result  # it has no prefix
    assert result["dense_tuned"]["recall@10"] == pytest.approx(0.7)
    assert result["dense_difference"]["mean"] == pytest.approx(0.2)
    assert result["dense_difference"]["against"] == "original"
    assert not [name for name in result if name.startswith("graded")]
    graded = measure(graded=3)
    assert graded["graded_tuned"]["recall@10"] == pytest.approx(0.9)
    assert graded["graded_difference"]["mean"] == pytest.approx(0.4)
    assert (graded["graded_queries"], graded["queries"]) == (3, 8)


@pytest.mark.parametrize("best", ["original", "prf", "base"])
def test_tuned_is_compared_with_the_question_the_best_baseline_and_the_others(best: str) -> None:
    recalls: dict[str, Any] = dict.fromkeys(("original", "prf", "base"), 0.25) | {best: 0.5}
    result = measure(**recalls, tuned=0.75)
    expected = {"difference": ("original", 0.75 - recalls["original"])}
    expected |= {"difference_best": (best, 0.25)}
    others = {"base", "prf"} - {best}
    expected |= {f"difference_{method}": (method, 0.5) for method in others}
    names = {name for name in result if name.startswith("difference")} - {"difference_unseen"}
    assert {n: (result[n]["against"], result[n]["mean"]) for n in names} == expected
    assert "minimum_detectable_effect" in result["difference"]
    for tuned, verdict in ((0.6, "WIN"), (0.5, "INCONCLUSIVE"), (0.4, "REGRESSION")):
        assert measure(**recalls, tuned=tuned)["verdict"] == verdict


def test_questions_of_one_topic_are_one_observation() -> None:
    evaluation, held_out = make_evaluation(tuned=0.9), make_held_out()
    for question in held_out.questions:
        question["group"] = "tea"
    result = metrics(evaluation, held_out, FACTS, seed=13)
    assert (result["difference_best"]["ci_low"], result["verdict"]) == (-1, "INCONCLUSIVE")


def test_slices_split_questions_by_whether_a_pick_was_picked_in_train() -> None:
    evaluation, held_out = make_evaluation(base=0.1, tuned=0.75), make_held_out()
    evaluation.decisive["tuned"]["recall@10"][:2] = 0.5  # like the original
    for question in held_out.questions[:2]:
        question["seen"] = ["a"]
    result = metrics(evaluation, held_out, FACTS, seed=13)
    seen, unseen = result["difference_seen"], result["difference_unseen"]
    assert (seen["mean"], seen["queries"], seen["against"]) == (0, 2, "original")
    assert (unseen["mean"], unseen["queries"]) == (0.25, 6)
    assert "difference_seen" not in measure()


@pytest.mark.parametrize(
    ("samples", "verdict"),
    [
        (["How MUCH tea {}"] * 4 + ["cups of tea {}"], "REGRESSION"),
        (["how much tea {}?"] * 3 + ["cups of tea {}"], "WIN"),
        (["tea tea {}", "cups of tea {}"], "REGRESSION"),
        (["tea tea {}", "cups of tea {}", "pots of tea {}"], "WIN"),
    ],
)
def test_copying_or_repeating_is_collapse(samples: list[str], verdict: str) -> None:
    assert measure(samples=samples, tuned=0.9)["verdict"] == verdict
    evaluation, base_was_kept = make_evaluation(samples=samples, tuned=0.9), {"interpolation": 0}
    result = metrics(evaluation, make_held_out(), FACTS | base_was_kept, seed=13)
    assert result["verdict"] == "WIN"


def test_habits_count_all_samples_and_the_searched_rewrites() -> None:
    samples = ["how much tea {}?", "tea tea {}", "cups of tea", "a cup of tea in the sun {}"]
    samples += ["teaish cups {}"]
    habits = measure(samples=samples)["tuned"]
    assert {name: habits[name] for name in HABITS} == {
        "copy_rate": 0.2,
        "repetition_rate": 0.2,
        "unknown_word_rate": 0.2,
        "rejected_rate": 0.8,
        "entity_recall_sampled": 0.8,  # one lost the number
        "entity_recall_searched": 1,
        "length_ratio": 8 / 4,
        "num_rewrites": 1,  # only the fourth one is usable
    }
    assert measure(samples=[])["tuned"]["entity_recall_searched"] == 1


def test_the_details_have_a_row_per_question_and_per_rewrite_but_no_text() -> None:
    tables = details(make_evaluation(3), make_held_out(3))
    header, rows = tables["per_query"]
    columns = {
        f"{p}{m}_{name}" for p in ("", "bm25_", "dense_") for m in METHODS for name in MEASURES
    }
    assert set(header) == {"query", *columns}
    assert [row[0] for row in rows] == [0, 1, 2]
    assert dict(zip(header, rows[0], strict=True))["dense_tuned_recall@10"] == 0.7
    header, rows = tables["details"]
    assert header == ["query", "model", "seed_index", "rank", "recall@10", "length_ratio"]
    values = [[0, 0.25, 4 / 4], [1, 0.25, 5 / 4]]
    assert rows == [[number, "tuned", 0, *row] for number in range(3) for row in values]
    assert "tea" not in json.dumps(tables)
