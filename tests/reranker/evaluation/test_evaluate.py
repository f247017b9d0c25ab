"""A reranker is compared with the best ranking from before tuning; every number is by hand."""

import json
import shutil
from dataclasses import replace
from math import log2
from pathlib import Path

import numpy as np
import pytest

from findtune.core.files import rounded
from findtune.core.records import Record
from findtune.reranker.evaluation.baselines import bm25_scores
from findtune.reranker.evaluation.calibration import calibration
from findtune.reranker.evaluation.evaluate import (
    BEFORE_TUNING,
    Evaluation,
    HeldOut,
    details,
    evaluate_model,
    metrics,
    read_held_out,
)
from findtune.reranker.model.blending import read_weights
from findtune.reranker.model.cross_encoder import load_or_create, predict_logits
from findtune.reranker.model.examination import read_examination, write_examination
from findtune.reranker.model.ranked_lists import LIST_MEASURES, document_texts
from findtune.training.fit_result import FitResult

FACTS = {"interpolation": 0.5, "cross_encoder_weight": 0.75}  # of the training
RANKINGS = {*BEFORE_TUNING, "tuned_bi_encoder", "retriever_features", "tuned"}
KINDS = ("decisive", "graded", "corrected")  # prefixes of columns
COMPARED = {"measure", "mean", "ci_low", "ci_high", "p_value", "minimum_detectable_effect"}

# Scores of three documents, which rank `b` first, second and third, and the nDCG of `b` there.
UP, MIDDLE, DOWN = np.array([0.0, 2, 1]), np.array([1.0, 0.5, 0]), np.array([3.0, 1, 2])
FIRST, SECOND, THIRD = 1, 1 / log2(3), 1 / log2(4)


def held_out_list(query: str = "how much tea?", picks: str = "b", **qrels: int) -> Record:
    """Return a held-out list of the documents a, b and c."""
    documents = [{"url": name, "text": f"{name} rice", "seen": name == "a"} for name in "abc"]
    shared = {"group": query, "documents": documents}
    return {"query": query, "picks": [*picks], "qrels": qrels, **shared}


def evaluation_of(lists: int, **changes: np.ndarray) -> Evaluation:
    """Return the scores of each ranking; unless changed, all rank `b` second."""
    scores = {name: [changes.get(name, MIDDLE)] * lists for name in sorted(RANKINGS)}
    return Evaluation(scores, [np.array([0.2, 0.9, 0.4])] * lists)


def measure(held_out: HeldOut, **changes: np.ndarray) -> Record:
    return metrics(evaluation_of(len(held_out.lists), **changes), held_out, FACTS, seed=13)


# The metrics


EIGHT = HeldOut([held_out_list(f"how much tea {number}?") for number in range(8)])


def test_every_ranking_is_measured_and_compared_on_the_picks() -> None:
    result = measure(EIGHT, tuned=UP, base=DOWN)
    assert result["tuned"] == dict.fromkeys(LIST_MEASURES, 1)
    assert result["base"]["mrr@10"] == pytest.approx(1 / 3)
    ndcg = {name: result[name]["ndcg@10"] for name in BEFORE_TUNING}
    assert ndcg == pytest.approx(dict.fromkeys(BEFORE_TUNING, SECOND) | {"base": THIRD})
    expected = FACTS | {"queries": 8, "verdict": "WIN"}
    assert result["difference_as_shown"]["mean"] == pytest.approx(FIRST - SECOND)
    assert {name: result[name] for name in expected} == expected
    difference, best = result["difference"], result["difference_best"]
    assert difference["mean"] == pytest.approx(FIRST - THIRD)
    assert best["mean"] == pytest.approx(FIRST - SECOND)
    assert set(difference) == COMPARED == set(best) - {"against"}


@pytest.mark.parametrize("best", BEFORE_TUNING)
def test_the_verdict_is_against_the_best_ranking_from_before_tuning(best: str) -> None:
    others = dict.fromkeys(RANKINGS - {best, "tuned"}, DOWN)
    result = measure(EIGHT, **others, **{best: UP})
    assert result["difference_best"]["against"] == best
    assert result["difference_best"]["mean"] == pytest.approx(SECOND - FIRST)
    assert result["verdict"] == "REGRESSION"
    assert measure(EIGHT)["verdict"] == "INCONCLUSIVE"  # all are equal
    assert best == "base" or result["difference"]["mean"] > 0


def test_the_retriever_features_are_compared_but_have_no_part_in_the_verdict() -> None:
    result = measure(EIGHT, **dict.fromkeys(BEFORE_TUNING, DOWN), retriever_features=UP)
    difference = result["difference_retriever_features"]
    assert difference["against"] == "retriever_features"
    assert difference["mean"] == pytest.approx(SECOND - FIRST)
    assert result["verdict"] == "WIN"


def test_graded_measures_use_the_grades_of_the_lists_that_have_some() -> None:
    graded, useless = held_out_list(a=1, b=3, c=2, z=3), held_out_list(a=0, z=3)
    result = measure(HeldOut([graded, held_out_list(), graded, useless]), tuned=UP, base=DOWN)
    ideal = 3 + 2 * SECOND + 1 * THIRD
    assert result["graded_tuned"] == dict.fromkeys(LIST_MEASURES, pytest.approx(1))
    assert result["graded_base"]["ndcg@10"] == pytest.approx((1 + 2 * SECOND + 3 * THIRD) / ideal)
    names = {f"graded_{name}" for name in (*RANKINGS, "difference", "queries", "groups")}
    assert {name for name in result if name.startswith("graded")} == names
    difference = result["graded_difference"]
    assert difference["against"] == result["difference_best"]["against"]
    assert difference["mean"] == pytest.approx(1 - (1 + 3 * SECOND + 2 * THIRD) / ideal)
    assert (result["graded_queries"], result["queries"]) == (2, 4)
    assert not [name for name in measure(HeldOut([useless] * 4)) if "graded" in name]


def test_grades_decide_about_the_lists_that_have_some() -> None:
    # by the picks tuned is perfect; by the grades the others are
    graded = [held_out_list(f"how much tea {number}?", c=3) for number in range(8)]
    held_out = HeldOut([*graded, held_out_list()])
    scores = dict.fromkeys(RANKINGS, np.array([0.0, 1, 2])) | {"tuned": UP}
    result = measure(held_out, **scores)
    assert result["tuned"]["ndcg@10"] == 1
    expected = (8 * (SECOND - FIRST) + FIRST - SECOND) / 9
    assert result["difference_best"]["mean"] == pytest.approx(expected)
    assert result["verdict"] == "REGRESSION"
    assert result["decisive"]["tuned"] == pytest.approx((8 * SECOND + FIRST) / 9)
    header, rows = details(evaluation_of(9, **scores), held_out)["per_query"]
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    by_grades = [pytest.approx(SECOND)] * 8
    assert [*columns["decisive_tuned_ndcg@10"]] == [*by_grades, 1]
    assert [*columns["graded_tuned_ndcg@10"]] == [*by_grades, pytest.approx(np.nan, nan_ok=True)]
    assert [*columns["tuned_ndcg@10"]] == [1] * 9


def test_picks_are_corrected_by_the_bias_of_the_model_and_decide_where_there_are_no_grades() -> (
    None
):
    lists = [held_out_list(picks="ac"), held_out_list(picks="ac", a=3), held_out_list()]
    by_eta = {}
    for eta in (0.0, 1.0):  # at eta 1 a pick at rank 3 weighs 3
        evaluation = replace(evaluation_of(3, tuned=DOWN, base=UP), eta=eta)
        by_eta[eta] = metrics(evaluation, HeldOut(lists), FACTS, seed=13)
        header, rows = details(evaluation, HeldOut(lists))["per_query"]
    logged, corrected = by_eta[0.0], by_eta[1.0]
    assert (logged["examination_eta"], corrected["examination_eta"]) == (0, 1)
    assert corrected["base"] == logged["base"]
    assert logged["corrected_base"] == {"ndcg@10": logged["base"]["ndcg@10"]}
    # DOWN ranks a, c, b and UP b, c, a
    down, up = ((1 + 3 * SECOND), (3 * SECOND + THIRD))
    ideal = 3 + SECOND
    expected = (2 * down / ideal + THIRD) / 3, (2 * up / ideal + FIRST) / 3
    names = ("corrected_tuned", "corrected_base")
    assert [corrected[name]["ndcg@10"] for name in names] == pytest.approx(expected)
    assert corrected["decisive"]["tuned"] == pytest.approx((down / ideal + FIRST + THIRD) / 3)
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    assert columns["corrected_tuned_ndcg@10"] == pytest.approx([down / ideal] * 2 + [THIRD])
    assert columns["decisive_tuned_ndcg@10"] == pytest.approx([down / ideal, FIRST, THIRD])


def test_lists_of_one_topic_are_resampled_together() -> None:
    lists = [held_out_list(f"tea {row}?", picks="bac"[row % 3]) for row in range(9)]
    apart = measure(HeldOut(lists), tuned=UP)["difference_best"]
    together = HeldOut([row | {"group": "tea"} for row in lists])
    one_topic = measure(together, tuned=UP)["difference_best"]
    assert -1 < apart["ci_low"] < apart["mean"] < apart["ci_high"] < 1
    assert (one_topic["ci_low"], one_topic["ci_high"]) == (-1, 1)  # one topic tells nothing


def test_slices_split_the_lists_by_length_and_by_what_train_shows() -> None:
    long = "how much tea do people drink in winter?"
    picks = [held_out_list(long), held_out_list(long, picks="bc"), held_out_list(picks="ca")]
    result = measure(HeldOut([held_out_list(), *picks]), tuned=UP)
    names = ("short", "long", "seen", "unseen")
    queries = {name: result[f"difference_{name}"]["queries"] for name in names}
    assert queries == {"short": 2, "long": 2, "seen": 1, "unseen": 3}
    expected = COMPARED - {"minimum_detectable_effect"} | {"against", "queries", "groups"}
    assert set(result["difference_short"]) == expected
    assert not {"difference_long", "difference_seen"} & set(measure(EIGHT))  # empty slices


def test_calibration_is_the_distance_of_relevance_from_the_share_of_picks() -> None:
    predicted = [np.array([0.15, 0.11, 0.95]), np.array([0.97])]
    result = calibration(predicted, [np.array([0, 1, 1]), np.array([1])])
    assert result["ece"] == pytest.approx(0.5 * abs(0.13 - 0.5) + 0.5 * abs(0.96 - 1))
    squares = [0.15**2, 0.89**2, 0.05**2, 0.03**2]
    assert result["brier_score"] == pytest.approx(sum(squares) / 4)
    picks = [np.array([0, 1, 0]), np.array([1, 0])]
    perfect = calibration([row.astype(float) for row in picks], picks)
    assert perfect == {"ece": 0, "brier_score": 0}


def test_the_details_have_a_row_for_every_list_and_every_document() -> None:
    tables = details(evaluation_of(8, tuned=UP), EIGHT)
    header, rows = tables["per_query"]
    assert [row[0] for row in rows] == [*range(8)]
    measured = {f"{name}_{which}" for name in RANKINGS for which in LIST_MEASURES}
    measured |= {f"{kind}_{name}_ndcg@10" for name in RANKINGS for kind in KINDS}
    assert (header[0], {*header[1:]}) == ("query", measured)
    first = dict(zip(header, rows[0], strict=True))
    assert (first["tuned_ndcg@10"], first["as_shown_ndcg@3"]) == pytest.approx((1, SECOND))
    expected = [[0, 0.2], [1, 0.9], [0, 0.4]] * 8
    assert tables["details"] == (["picked", "relevance"], expected)


def test_bm25_scores_a_list_among_the_documents_of_all_lists() -> None:
    texts = [["Rice.", "Teas", "tea in a cup"], ["tea in a cup", "rice, rice", "Rice."]]
    lists = [
        {"query": query, "documents": [{"text": text} for text in shown]}
        for query, shown in zip(("cups of tea", "rice"), texts, strict=True)
    ]
    tea, rice = bm25_scores(lists)
    assert np.argsort(-tea).tolist() == [2, 1, 0]
    assert np.flatnonzero(tea).tolist() == [1, 2]
    assert np.flatnonzero(rice).tolist() == [1, 2]
    [alone] = bm25_scores(lists[:1])
    assert alone[1] != tea[1]  # how rare a word is depends on all documents


# A model


@pytest.fixture(scope="module")
def held_out(example_folder: Path) -> HeldOut:
    return read_held_out(example_folder)


@pytest.fixture(scope="module")
def evaluation(bases: dict[str, Path], saved: Path, held_out: HeldOut) -> Evaluation:
    return evaluate_model(bases, saved, held_out)


def values(scores: list[np.ndarray]) -> list[list[float]]:
    return [row.tolist() for row in scores]


def test_each_ranking_scores_every_document_by_its_own_model(
    evaluation: Evaluation, fitted: FitResult, saved: Path, held_out: HeldOut
) -> None:
    lists, scores, reranker = held_out.lists, evaluation.scores, fitted.model
    assert len(lists) > 3
    assert set(scores) == RANKINGS
    for row, as_shown in zip(lists, scores["as_shown"], strict=True):
        assert np.argsort(-as_shown).tolist() == [*range(len(row["documents"]))]
    encoders = {"bi_encoder": reranker.base_retriever, "tuned_bi_encoder": reranker.retriever}
    for name, encoder in encoders.items():
        for row, cosines in zip(lists, scores[name], strict=True):
            expected = encoder.encode(document_texts(row)) @ encoder.encode(row["query"])
            assert cosines == pytest.approx(expected, abs=1e-5)
    assert values(scores["base"]) == values(scores["bi_encoder"])
    assert values(scores["bm25"]) == values(bm25_scores(lists))
    features_only = replace(reranker, weights=read_weights(saved / "retriever_features.json"))
    assert values(scores["retriever_features"]) == values(features_only.scores(lists))
    tuned = reranker.scores(lists)
    assert values(scores["tuned"]) == values(tuned)
    assert values(evaluation.relevance) == [reranker.relevance(row).tolist() for row in tuned]


def test_a_base_with_a_head_scores_by_its_own_logits(
    saved: Path, held_out: HeldOut, converted_jina: Path
) -> None:
    scores = evaluate_model({"reranker": converted_jina}, saved, held_out).scores
    base = load_or_create(converted_jina, 40, seed=0)
    assert values(scores["base"]) == values(predict_logits(base, held_out.lists))


def test_the_position_bias_is_that_which_training_saved(
    bases: dict[str, Path], saved: Path, held_out: HeldOut, evaluation: Evaluation, tmp_path: Path
) -> None:
    assert evaluation.eta == 0
    biased = tmp_path / "biased"
    shutil.copytree(saved, biased)
    examination = read_examination(saved / "examination.json")
    write_examination(biased / "examination.json", examination.model_copy(update={"eta": 0.5}))
    assert evaluate_model(bases, biased, HeldOut(held_out.lists[:1])).eta == 0.5


def test_the_metrics_of_a_model_are_finite_and_repeatable(
    evaluation: Evaluation, fitted: FitResult, held_out: HeldOut
) -> None:
    first, again = (metrics(evaluation, held_out, fitted.facts, seed=13) for _ in "ab")
    assert {*RANKINGS, *(f"graded_{name}" for name in RANKINGS)} <= set(first)
    json.dumps(first, allow_nan=False)
    assert rounded(again) == rounded(first)
    picked, relevance = zip(*details(evaluation, held_out)["details"][1], strict=True)
    assert len(picked) == sum(len(row["documents"]) for row in held_out.lists)
    assert set(picked) == {0, 1}
    assert 0 <= min(relevance) <= max(relevance) <= 1


def test_a_question_asked_often_is_one_question_behind_the_verdict() -> None:
    others = [held_out_list(f"how much tea {number}?") for number in range(5)]
    held_out = HeldOut([*[held_out_list()] * 60, *others])
    scores = evaluation_of(65).scores | {"tuned": [UP] * 60 + [DOWN] * 5}
    result = metrics(Evaluation(scores, [MIDDLE] * 65), held_out, FACTS, seed=13)
    assert (result["queries"], result["groups"]) == (65, 6)
    assert (result["difference_short"]["queries"], result["difference_short"]["groups"]) == (65, 6)
    assert result["difference_best"]["mean"] > 0.3
    assert result["verdict"] == "INCONCLUSIVE"  # five of six questions lose


def test_the_order_shown_has_no_part_in_the_verdict_where_the_picks_always_stand_first() -> None:
    lists = [row | {"order_unknown": True} for row in EIGHT.lists]
    result = measure(HeldOut(lists), as_shown=UP, tuned=UP)
    assert (result["difference_best"]["against"], result["verdict"]) == ("bm25", "WIN")
    assert result["order_unknown"] is True
    assert measure(EIGHT, as_shown=UP, tuned=UP)["difference_best"]["against"] == "as_shown"
    assert "order_unknown" not in measure(EIGHT)
