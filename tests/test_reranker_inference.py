"""A reranker is judged beside the best that was there without it, and every number is by hand."""

import shutil
from dataclasses import replace
from math import log2
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_reranker_training import fitted, made

from findtune.files import rounded
from findtune.measures import LIST_MEASURES
from findtune.records import Record
from findtune.reranker import model as rankers
from findtune.reranker.inference import (
    FREE,
    HeldOut,
    Judged,
    by_words,
    details,
    judge,
    metrics,
    read_held_out,
    reliability,
)
from findtune.reranker.training import Fitted

FACTS = {"interpolation": 0.5, "share of the cross-encoder": 0.75}
RANKINGS = {*FREE, "signals", "base", "tuned"}
COMPARED = {"measure", "mean", "ci_low", "ci_high", "p_value", "detectable"}


def listed(query: str = "how much tea?", picks: str = "b", **more: Any) -> Record:
    """Return a held-out list of three sources."""
    sources = [
        {"url": name, "title": name, "text": f"{name} rice", "seen": name == "a"} for name in "abc"
    ]
    return {"query": query, "picks": [*picks], "sources": sources, **more}


UP, MIDDLE, DOWN = np.array([0.0, 2, 1]), np.array([1.0, 0.5, 0]), np.array([3.0, 1, 2])
FIRST, SECOND, THIRD = 1, 1 / log2(3), 1 / log2(4)  # the nDCG of `b` alone at a rank


def judged(lists: int = 4, **changes: np.ndarray) -> Judged:
    """Return what each ranking says of some lists; by default all have `b` at the second rank."""
    scores = {name: [changes.get(name, MIDDLE)] * lists for name in sorted(RANKINGS)}
    return Judged(scores, [np.array([0.2, 0.9, 0.4])] * lists)


def measured(test: HeldOut, **changes: np.ndarray) -> Record:
    return metrics(judged(len(test.lists), **changes), test, FACTS, seed=13)


# What the numbers are


EIGHT = HeldOut([listed(f"how much tea {at}?") for at in range(8)])


def test_every_ranking_is_measured_on_the_picks() -> None:
    found = measured(EIGHT, tuned=UP, base=DOWN)
    assert found["tuned"] == {name: 1 for name in LIST_MEASURES}
    assert found["base"]["ndcg@10"] == pytest.approx(THIRD)
    assert found["base"]["mrr@10"] == pytest.approx(1 / 3)
    for name in FREE:
        assert found[name]["ndcg@10"] == pytest.approx(SECOND)
    assert (found["interpolation"], found["share"], found["queries"]) == (0.5, 0.75, 8)


def test_the_difference_is_told_from_the_base_and_from_the_best() -> None:
    found = measured(EIGHT, tuned=UP, base=DOWN)
    assert found["delta"]["mean"] == pytest.approx(FIRST - THIRD)
    assert found["delta_best"]["mean"] == pytest.approx(FIRST - SECOND)
    assert set(found["delta"]) == COMPARED
    assert set(found["delta_best"]) == COMPARED | {"against"}
    assert found["verdict"] == "WIN"


def test_what_the_cross_encoder_adds_is_told_beside_the_verdict() -> None:
    found = measured(EIGHT, tuned=MIDDLE, base=DOWN, signals=UP, **dict.fromkeys(FREE, DOWN))
    assert found["delta_signals"]["against"] == "signals"
    assert found["delta_signals"]["mean"] == pytest.approx(SECOND - FIRST)
    assert found["verdict"] == "WIN"  # they learned from the picks, so they were not there before


@pytest.mark.parametrize("best", [*FREE, "base"])
def test_the_verdict_is_against_the_best_that_was_there(best: str) -> None:
    others = {name: DOWN for name in RANKINGS - {best, "tuned"}}
    found = measured(EIGHT, **others, **{best: UP}, tuned=MIDDLE)
    assert found["delta_best"]["against"] == best
    assert found["delta_best"]["mean"] == pytest.approx(SECOND - FIRST)
    assert found["verdict"] == "REGRESSION"
    if best != "base":
        assert found["delta"]["mean"] > 0


def test_as_good_as_the_best_is_no_win() -> None:
    assert measured(EIGHT)["verdict"] == "MARGINAL"


def test_without_judgments_nothing_is_told_of_them() -> None:
    assert not [name for name in measured(EIGHT) if name.startswith("judged")]
    zeros = HeldOut([listed(judged={"a": 0, "z": 3})] * 4)
    assert not [name for name in measured(zeros) if name.startswith("judged")]


def test_judgments_are_measured_by_their_grades_against_the_same_best() -> None:
    graded = HeldOut([listed(judged={"a": 1, "b": 3, "c": 2, "z": 3})] * 4)
    found = measured(graded, tuned=UP, base=DOWN)
    ideal = 3 + 2 * SECOND + 1 * THIRD
    assert found["judged_tuned"]["ndcg@10"] == pytest.approx(1)
    assert found["judged_base"]["ndcg@10"] == pytest.approx((1 + 2 * SECOND + 3 * THIRD) / ideal)
    assert {name for name in found if name.startswith("judged")} == {
        "judged_delta",
        "judged_queries",
        *(f"judged_{name}" for name in RANKINGS),
    }
    assert found["judged_delta"]["against"] == found["delta_best"]["against"]
    assert found["judged_delta"]["mean"] == pytest.approx(1 - (1 + 3 * SECOND + 2 * THIRD) / ideal)


def test_a_list_that_nobody_judged_does_not_count_as_a_bad_one() -> None:
    mixed = HeldOut([listed(judged={"b": 3}), listed(), listed(judged={"b": 3}), listed()])
    found = measured(mixed, tuned=UP)
    assert found["judged_tuned"] == {name: 1 for name in LIST_MEASURES}
    assert found["judged_base"]["ndcg@10"] == pytest.approx(SECOND)
    assert found["judged_delta"]["mean"] == pytest.approx(FIRST - SECOND)
    assert (found["judged_queries"], found["queries"]) == (2, 4)


def test_the_slices_part_the_lists_by_length_and_by_what_train_had_seen() -> None:
    long = "how much tea do people drink in winter?"
    lists = [listed(), listed(long), listed(long, picks="bc"), listed(picks="ca")]
    found = measured(HeldOut(lists), tuned=UP)
    told = {name: found[f"delta_{name}"]["queries"] for name in ("short", "long", "seen", "unseen")}
    assert told == {"short": 2, "long": 2, "seen": 1, "unseen": 3}
    assert set(found["delta_short"]) == COMPARED - {"detectable"} | {"against", "queries"}


def test_a_slice_of_nothing_is_not_told() -> None:
    found = measured(EIGHT)
    assert "delta_short" in found
    assert "delta_unseen" in found
    assert not {"delta_long", "delta_seen"} & set(found)


def test_reliability_is_the_distance_of_relevance_from_the_share_that_was_picked() -> None:
    told = [np.array([0.15, 0.11, 0.95]), np.array([0.97])]
    found = reliability(told, [np.array([0, 1, 1]), np.array([1])])
    assert found["calibration_error"] == pytest.approx(0.5 * abs(0.13 - 0.5) + 0.5 * abs(0.96 - 1))
    squares = [0.15**2, 0.89**2, 0.05**2, 0.03**2]
    assert found["brier"] == pytest.approx(sum(squares) / 4)


def test_relevance_that_knows_all_is_perfectly_reliable() -> None:
    picked = [np.array([0, 1, 0]), np.array([1, 0])]
    assert reliability([it.astype(float) for it in picked], picked) == {
        "calibration_error": 0,
        "brier": 0,
    }


def test_the_details_have_a_row_for_every_list_and_for_every_pair() -> None:
    found = details(judged(8, tuned=UP), EIGHT)
    header, rows = found["queries"]
    assert [row[0] for row in rows] == [*range(8)]
    assert header[0] == "query"
    assert set(header[1:]) == {f"{which}_{name}" for which in RANKINGS for name in LIST_MEASURES}
    told = dict(zip(header, rows[0], strict=True))
    assert told["tuned_ndcg@10"] == 1
    assert told["shown_ndcg@10"] == pytest.approx(SECOND)
    header, rows = found["pairs"]
    assert header == ["label", "relevance"]
    assert rows == [[0, 0.2], [1, 0.9], [0, 0.4]] * 8


def test_bm25_scores_each_list_by_its_words_among_the_sources_of_all() -> None:
    lists = [
        {"query": query, "sources": [{"text": text} for text in texts]}
        for query, texts in [
            ("cups of tea", ["Rice.", "Teas", "tea in a cup"]),
            ("rice", ["tea in a cup", "rice, rice", "Rice."]),
        ]
    ]
    one, two = by_words(lists)
    assert np.argsort(-one).tolist() == [2, 1, 0]
    assert np.flatnonzero(one).tolist() == [1, 2]
    assert np.flatnonzero(two).tolist() == [1, 2]
    alone = by_words(lists[:1])[0]
    assert alone[1] != one[1]  # how rare a word is depends on all sources
    assert [it.tolist() for it in by_words(lists[::-1])] == [two.tolist(), one.tolist()]


# On a model


@pytest.fixture(scope="module")
def examples(forty_lists: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of pairs."""
    return made(forty_lists, tmp_path_factory.mktemp("examples"))


@pytest.fixture(scope="module")
def tuned(tiny_base: Path, examples: Path) -> Fitted:
    """A tiny base, tuned."""
    return fitted({"embedder": tiny_base, "reranker": tiny_base}, examples, shares=[0.5])


@pytest.fixture(scope="module")
def saved(tuned: Fitted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tuned ranker's folder."""
    folder = tmp_path_factory.mktemp("saved")
    tuned.save(folder)
    return folder


@pytest.fixture(scope="module")
def test_set(examples: Path) -> HeldOut:
    """The held-out lists of the feedback."""
    return read_held_out(examples)


@pytest.fixture(scope="module")
def seen(tiny_base: Path, saved: Path, test_set: HeldOut) -> Judged:
    """What all rankings do on them."""
    return judge({"embedder": tiny_base, "reranker": tiny_base}, saved, test_set)


def test_every_ranking_scores_every_source_of_every_list(seen: Judged, test_set: HeldOut) -> None:
    sizes = [len(it["sources"]) for it in test_set.lists]
    assert len(sizes) > 3
    assert set(seen.scores) == RANKINGS
    for scores in (*seen.scores.values(), seen.relevance):
        assert [len(it) for it in scores] == sizes
        assert all(np.isfinite(it).all() for it in scores)


def test_shown_ranks_as_the_sources_were_shown(seen: Judged) -> None:
    for scores in seen.scores["shown"]:
        assert np.argsort(-scores).tolist() == [*range(len(scores))]


def test_the_tuned_scores_are_those_of_the_ranker_that_was_fitted(
    seen: Judged, tuned: Fitted, test_set: HeldOut
) -> None:
    wanted = tuned.model.scores(test_set.lists)
    for one, two, told in zip(seen.scores["tuned"], wanted, seen.relevance, strict=True):
        assert one.tolist() == two.tolist()
        assert told.tolist() == tuned.model.relevance(two).tolist()


def test_the_bi_encoder_is_the_retriever_alone(
    seen: Judged, tuned: Fitted, test_set: HeldOut
) -> None:
    for it, scores in zip(test_set.lists, seen.scores["bi_encoder"], strict=True):
        encode = tuned.model.retriever.encode
        cosines = encode(rankers.texts_of(it)) @ encode(it["query"])
        assert scores == pytest.approx(cosines, abs=1e-5)


def test_the_signals_are_the_ranker_without_its_cross_encoder(
    seen: Judged, tuned: Fitted, test_set: HeldOut
) -> None:
    alone = replace(tuned.model, weights=tuned.signals)
    wanted = alone.scores(test_set.lists)
    assert [it.tolist() for it in seen.scores["signals"]] == [it.tolist() for it in wanted]
    assert len({float(score) for it in wanted for score in it}) > len(wanted)


def test_the_base_is_the_one_beside_the_ranker(
    seen: Judged, tuned: Fitted, saved: Path, test_set: HeldOut
) -> None:
    base = rankers.cross_encoder(saved / "base", 40, seed=0)
    wanted = rankers.logits(base, test_set.lists)
    assert [it.tolist() for it in seen.scores["base"]] == [it.tolist() for it in wanted]


def test_where_no_base_stands_beside_the_ranker_it_is_the_one_that_is_given(
    tuned: Fitted, saved: Path, test_set: HeldOut, tmp_path: Path
) -> None:
    shutil.copytree(saved, tmp_path / "tuned")
    (tmp_path / "tuned" / "base").rename(tmp_path / "base")
    found = judge({"reranker": tmp_path / "base"}, tmp_path / "tuned", test_set)
    again = judge({"reranker": tmp_path / "nowhere"}, saved, test_set)
    assert [it.tolist() for it in found.scores["base"]] == [
        it.tolist() for it in again.scores["base"]
    ]


def test_the_metrics_of_a_model_are_whole_finite_and_the_same_each_time(
    seen: Judged, tuned: Fitted, test_set: HeldOut
) -> None:
    found = metrics(seen, test_set, tuned.facts, seed=13)
    assert {
        *RANKINGS,
        *(f"judged_{name}" for name in RANKINGS),
        *("delta", "delta_best", "judged_delta", "verdict", "relevance"),
        *("interpolation", "share", "queries"),
    } <= set(found)
    assert all(np.isfinite(value) for value in numbers(found))
    assert found["queries"] == len(test_set.lists)
    assert found["share"] == 0.5
    assert rounded(metrics(seen, test_set, tuned.facts, seed=13)) == rounded(found)


def numbers(value: Any) -> list[float]:
    """Return every number in a JSON value."""
    if isinstance(value, dict):
        return [number for item in value.values() for number in numbers(item)]
    return [] if isinstance(value, str) else [value]


def test_the_details_of_a_model_are_as_many_as_its_lists_and_pairs(
    seen: Judged, test_set: HeldOut
) -> None:
    found = details(seen, test_set)
    assert len(found["queries"][1]) == len(test_set.lists)
    assert len(found["pairs"][1]) == sum(len(it["sources"]) for it in test_set.lists)
    labels, told = zip(*found["pairs"][1], strict=True)
    assert set(labels) == {0, 1}
    assert 0 <= min(told) <= max(told) <= 1
