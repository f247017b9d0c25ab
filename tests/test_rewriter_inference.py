"""A rewriter is judged beside the question alone and beside its base; every number is by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_rewriter_training import SETTINGS, fitted

from findtune.encoders import load as load_encoder
from findtune.files import rounded
from findtune.records import Record
from findtune.rewriter import inference
from findtune.rewriter.inference import (
    DRAWS,
    HeldOut,
    Judged,
    Written,
    details,
    judge,
    metrics,
    read_held_out,
    wrote,
)
from findtune.rewriter.model import Settings, fit_to_search, read
from findtune.rewriter.training import Fitted
from findtune.search import ByVectors, ByWords, Pool, fused

FACTS = {"interpolation": 0.5, "rewrites": 2, "titles": 1}
COMPARED = {"measure", "mean", "ci_low", "ci_high", "p_value", "detectable", "against"}
FOUND = {"recall@10", "mrr@10"}
HABITS = {"exact_copy", "repeat", "drawn_kept", "entity_kept", "length_ratio", "rewrites"}
NAMES = frozenset({"kenya"})
POOL = Pool({"a": "Tea."}, {"a": "Tea"})
WAYS = ("original", "titles", "base", "tuned")


def asked(query: str = "How much tea?", picks: str = "a", **judged: int) -> Record:
    return {"query": query, "picks": [*picks], "judged": judged, "seen": []}


def held_out(number: int = 8) -> HeldOut:
    return HeldOut([asked(f"how much tea {at}?") for at in range(number)], POOL)


def by(queries: int, **recalls: float) -> dict[str, dict[str, np.ndarray]]:
    """Return what each way to search finds of some questions, by default half of it."""
    return {
        name: {it: np.full(queries, recalls.get(name, 0.5)) for it in sorted(FOUND)}
        for name in WAYS
    }


def judged_of(
    queries: int = 8, drawn: list[str] | None = None, graded: int = 0, **recalls: float
) -> Judged:
    """Return what was found; drawn: what the tuned rewriter wrote for each question."""
    mine = ["cups of tea {}", "tea that is drunk {}"] if drawn is None else drawn
    all_drawn = [[one.format(at) for one in mine] for at in range(queries)]
    questions = held_out(queries).questions
    used = [
        fit_to_search(question, its, NAMES)
        for question, its in zip(questions, all_drawn, strict=True)
    ]
    nothing: list[list[str]] = [[] for _ in range(queries)]
    return Judged(
        written={
            "base": [Written(nothing, nothing, [[] for _ in nothing])],
            "tuned": [Written(all_drawn, used, [[0.25] * len(its) for its in used])],
        },
        words=by(queries, **recalls),
        vectors=by(queries, tuned=0.7),
        graded=by(graded, tuned=0.9),
        names=NAMES,
    )


def measured(number: int = 8, **changes: Any) -> Record:
    return metrics(judged_of(number, **changes), held_out(number), FACTS, seed=13)


# What the numbers are


def test_every_way_to_search_is_measured() -> None:
    found = measured(original=0.25, base=0.5, tuned=0.75)
    for name, recall in (("original", 0.25), ("base", 0.5), ("tuned", 0.75)):
        assert {it: found[name][it] for it in FOUND} == dict.fromkeys(FOUND, recall)
    assert set(found["original"]) == FOUND
    assert set(found["base"]) == set(found["tuned"]) == FOUND | HABITS
    assert (found["interpolation"], found["rewrites"], found["queries"]) == (0.5, 2, 8)
    assert found["vectors_tuned"]["recall@10"] == pytest.approx(0.7)
    assert found["vectors_delta"]["mean"] == pytest.approx(0.2)
    assert found["vectors_delta"]["against"] == "original"


@pytest.mark.parametrize("best", ["original", "titles", "base"])
def test_the_difference_is_told_from_the_base_from_the_best_and_from_the_others(best: str) -> None:
    others = {"original": 0.25, "titles": 0.25, "base": 0.25, best: 0.5}
    found = measured(**others, tuned=0.75)
    assert (found["delta"]["against"], found["delta"]["mean"]) == ("base", 0.75 - others["base"])
    assert (found["delta_best"]["against"], found["delta_best"]["mean"]) == (best, 0.25)
    told = {name for name in ("original", "titles") if f"delta_{name}" in found}
    assert told == {"original", "titles"} - {best}
    for name in told:
        assert (found[f"delta_{name}"]["against"], found[f"delta_{name}"]["mean"]) == (name, 0.5)
    assert set(found["delta"]) == set(found["delta_best"]) == COMPARED


def test_the_slices_part_the_questions_by_whether_train_learned_from_a_pick() -> None:
    found = judged_of(base=0.1, tuned=0.75)
    found.words["tuned"]["recall@10"][:2] = 0.5  # the question alone finds half of the picks
    test = held_out()
    for it in test.asked[:2]:
        it["seen"] = ["a"]
    told = metrics(found, test, FACTS, seed=13)
    of = {name: told[f"delta_{name}"] for name in ("seen", "unseen")}
    assert {name: (its["mean"], its["queries"]) for name, its in of.items()} == {
        "seen": (0, 2),
        "unseen": (0.25, 6),
    }
    assert "delta_seen" not in measured()


@pytest.mark.parametrize(
    ("tuned", "verdict"), [(0.6, "WIN"), (0.5, "MARGINAL"), (0.4, "REGRESSION")]
)
@pytest.mark.parametrize("best", ["original", "titles", "base"])
def test_the_verdict_is_against_the_best_that_was_there(
    best: str, tuned: float, verdict: str
) -> None:
    others: dict[str, Any] = {"original": 0.1, "titles": 0.1, "base": 0.1, best: 0.5}
    assert measured(**others, tuned=tuned)["verdict"] == verdict


@pytest.mark.parametrize(
    ("drawn", "verdict"),
    [
        (["how much tea {}?"], "REGRESSION"),
        (["How MUCH tea {}"] * 4 + ["cups of tea {}"], "REGRESSION"),
        (["how much tea {}?"] * 3 + ["cups of tea {}"], "WIN"),
        (["tea tea {}"], "REGRESSION"),
        (["tea tea {}", "cups of tea {}"], "REGRESSION"),
        (["tea tea {}", "cups of tea {}", "pots of tea {}"], "WIN"),
    ],
    ids=["copies", "mostly copies", "some copies", "loops", "half loops", "some loops"],
)
def test_a_rewriter_that_copies_or_loops_has_collapsed_whatever_it_finds(
    drawn: list[str], verdict: str
) -> None:
    assert measured(drawn=drawn, original=0.1, base=0.1, tuned=0.9)["verdict"] == verdict


def test_a_base_that_copies_and_was_kept_is_no_regression_of_tuning() -> None:
    judged = judged_of(4, drawn=["how much tea {}?"], original=0.5, base=0.5, tuned=0.5)
    kept = FACTS | {"interpolation": 0, "rewrites": 0}
    assert metrics(judged, held_out(4), kept, seed=13)["verdict"] == "MARGINAL"


def test_habits_are_counted_over_all_that_was_drawn_and_over_what_is_used() -> None:
    drawn = ["how much tea {}?", "tea tea {}", "cups of tea", "a cup of tea in the sun {}"]
    found = measured(drawn=drawn)["tuned"]
    assert found["exact_copy"] == found["repeat"] == 0.25
    assert found["drawn_kept"] == 0.75  # one lost the number
    assert found["rewrites"] == 1  # of each question: only the last is fit
    assert found["length_ratio"] == 8 / 4
    assert found["entity_kept"] == 1


def test_of_what_is_used_every_rewrite_keeps_the_names() -> None:
    for drawn in ([], ["cups of tea"], ["cups of tea", "tea {} in cups"]):
        assert measured(drawn=drawn)["tuned"]["entity_kept"] == 1


def test_without_judgments_nothing_is_told_of_them() -> None:
    assert not [name for name in measured() if name.startswith("judged")]


def test_judgments_are_told_beside_the_picks() -> None:
    found = measured(graded=3)
    assert found["judged_tuned"]["recall@10"] == pytest.approx(0.9)
    assert found["judged_delta"]["mean"] == pytest.approx(0.4)
    assert (found["judged_queries"], found["queries"]) == (3, 8)
    assert {it for it in found if it.startswith("judged")} == {
        "judged_delta",
        "judged_queries",
        *(f"judged_{name}" for name in WAYS),
    }


def test_the_details_have_a_row_for_every_question_and_every_rewrite_and_no_text() -> None:
    found = details(judged_of(3), held_out(3))
    header, rows = found["queries"]
    assert set(header) == {
        "query",
        *(f"{by}{way}_{it}" for by in ("", "vectors_") for way in WAYS for it in FOUND),
    }
    assert [row[0] for row in rows] == [0, 1, 2]
    assert dict(zip(header, rows[0], strict=True))["vectors_tuned_recall@10"] == 0.7
    header, rows = found["pairs"]
    assert header == ["query", "model", "draw", "place", "recall@10", "length_ratio"]
    each = [[0, 0.25, 4 / 4], [1, 0.25, 5 / 4]]
    assert rows == [[at, "tuned", 0, *its] for at in range(3) for its in each]
    assert "tea" not in json.dumps(found)


# What is searched for


def using(**settings: Any) -> dict[str, Settings]:
    """Return how each way searches: the question alone, and all others by some settings."""
    how = Settings(**SETTINGS | settings)
    alone = how.model_copy(update={"titles": 0})
    return {"original": alone, "titles": how, "base": how, "tuned": how}


TITLES = {"tea": "Tea drunk", "cup": "Cups and pots", "rice": "Rice eaten", "sun": "Sun and tea"}
SOURCES = Pool(
    {
        "tea": "Tea that is drunk",
        "cup": "Cups and pots",
        "rice": "Rice that is eaten",
        "sun": "Sun and tea",
    },
    TITLES,
)


def test_recall_is_that_of_the_question_fused_with_its_rewrites() -> None:
    found = inference.searched(
        ByWords(SOURCES),
        {"original": [[[], []]], "tuned": [[["cups"], ["rice that is eaten"]]]},
        ["tea", "zebra"],
        [["tea", "cup"], ["rice", "sun"]],
        using(constant=10, question=2),
    )
    assert found["original"]["recall@10"].tolist() == [0.5, 0]
    assert found["tuned"]["recall@10"].tolist() == [1, 0.5]
    ranking = fused(ByWords(SOURCES).found(["tea", "cups"]), 10, 2)
    assert set(ranking) == {"tea", "sun", "cup"}
    assert found["tuned"]["mrr@10"].tolist() == [1 / (1 + ranking.index("tea")), 1]


def test_titles_without_a_rewrite_are_compared_with_whatever_dev_chose(tmp_path: Path) -> None:
    chosen = Settings(**SETTINGS | {"titles": 2})
    alone = chosen.model_copy(update={"rewrites": 0, "titles": 0})
    assert inference.ways(tmp_path, chosen) == {
        "original": alone,
        "base": chosen,
        "tuned": chosen,
    }
    titles = alone.model_copy(update={"titles": 5, "constant": 60})
    titles.write(tmp_path / "titles.json")
    assert inference.ways(tmp_path, chosen)["titles"] == titles


def test_titles_are_searched_beside_rewrites_and_by_themselves_but_not_alone() -> None:
    used: dict[str, list[list[list[str]]]] = {
        "original": [[[]]],
        "titles": [[[]]],
        "tuned": [[["rice"]]],
    }
    found = inference.searched(
        ByWords(SOURCES), used, ["sun"], [["sun", "tea", "rice"]], using(titles=1)
    )
    recall = {name: its["recall@10"].tolist() for name, its in found.items()}
    # the title of what stands first, Sun and tea, finds tea
    assert recall == {"original": [1 / 3], "titles": [2 / 3], "tuned": [1]}


def test_a_measure_is_the_mean_over_the_draws() -> None:
    draws = [[["cups"]], [["zebra"]], [[]]]  # only the first finds the second pick
    found = inference.searched(
        ByWords(SOURCES), {"tuned": draws}, ["tea"], [["tea", "cup"]], using(constant=10)
    )
    assert found["tuned"]["recall@10"].tolist() == [pytest.approx((1 + 0.5 + 0.5) / 3)]


def test_a_question_without_an_answer_is_left_out() -> None:
    test = HeldOut([asked(a=3, b=0), asked(), asked(b=0), asked(c=1)], SOURCES)
    assert test.judged == [["a"], [], [], ["c"]]
    used: dict[str, list[list[list[str]]]] = {"original": [[[]] * 4]}
    found = inference.searched(ByWords(SOURCES), used, ["tea"] * 4, test.judged, using())
    assert len(found["original"]["recall@10"]) == 2
    none = inference.searched(ByWords(SOURCES), used, ["tea"] * 4, [[]] * 4, using())
    assert len(none["original"]["recall@10"]) == 0


def test_each_used_rewrite_is_searched_by_itself_too() -> None:
    used = [["tea", "cups"], [], ["zebra"]]
    picks = [["tea", "cup"], ["tea"], ["tea"]]
    assert inference.alone(ByWords(SOURCES), used, picks) == [[0.5, 0.5], [], [0.0]]


# On a model


@pytest.fixture(scope="module")
def bases(tiny_t5: Path, tiny_base: Path) -> dict[str, Path]:
    """An untrained encoder-decoder, and the encoder that searches by vectors."""
    return {"rewriter": tiny_t5, "embedder": tiny_base}


@pytest.fixture(scope="module")
def tuned(tiny_t5: Path, rewriter_pairs: Path) -> Fitted:
    """The tiny encoder-decoder, tuned."""
    return fitted(tiny_t5, rewriter_pairs)


@pytest.fixture(scope="module")
def saved(tuned: Fitted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder."""
    folder = tmp_path_factory.mktemp("saved")
    tuned.save(folder)
    return folder


@pytest.fixture(scope="module")
def test_set(rewriter_pairs: Path) -> HeldOut:
    """The held-out questions of the feedback."""
    return read_held_out(rewriter_pairs)


@pytest.fixture(scope="module")
def seen(bases: dict[str, Path], saved: Path, test_set: HeldOut) -> Judged:
    """What all ways to search do on them."""
    return judge(bases, saved, test_set)


def test_only_held_out_questions_that_somebody_picked_for_are_asked(
    rewriter_pairs: Path, test_set: HeldOut, tmp_path: Path
) -> None:
    assert len(test_set.asked) > 3
    assert all(its and set(its) <= set(test_set.pool.texts) for its in test_set.picks)
    lines = (rewriter_pairs / "test.jsonl").read_text(encoding="utf-8").splitlines()
    without = json.dumps(json.loads(lines[0]) | {"picks": []})
    (tmp_path / "test.jsonl").write_text("\n".join([without, *lines[1:]]), encoding="utf-8")
    (tmp_path / "pool.jsonl").write_bytes((rewriter_pairs / "pool.jsonl").read_bytes())
    assert read_held_out(tmp_path).asked == test_set.asked[1:]


def test_what_is_used_is_what_the_rewriter_says_at_each_seed_of_evaluation(
    seen: Judged, tuned: Fitted, test_set: HeldOut
) -> None:
    assert len(seen.written["tuned"]) == len(DRAWS)
    for seed, written in zip(DRAWS, seen.written["tuned"], strict=True):
        assert written.drawn == tuned.model.candidates(test_set.questions, seed)
        assert written.used == tuned.model.rewrites(test_set.questions, seed)
        assert wrote(tuned.model, test_set, ByWords(test_set.pool), seed) == written


def test_the_base_is_used_as_the_tuned_one_is(
    seen: Judged, tuned: Fitted, test_set: HeldOut, tiny_t5: Path
) -> None:
    base = read(tiny_t5, tuned.model.settings, tuned.model.names)
    search = ByWords(test_set.pool)
    assert seen.written["base"] == [wrote(base, test_set, search, seed) for seed in DRAWS]


def test_vectors_are_those_of_the_embedders_base(
    seen: Judged, tuned: Fitted, saved: Path, test_set: HeldOut, tiny_base: Path
) -> None:
    search = ByVectors(test_set.pool, load_encoder(tiny_base))
    nothing: list[list[str]] = [[] for _ in test_set.asked]
    used = {"original": [nothing], "tuned": [it.used for it in seen.written["tuned"]]}
    hows = inference.ways(saved, tuned.model.settings)
    wanted = inference.searched(search, used, test_set.questions, test_set.picks, hows)
    for name, its in wanted.items():
        assert {it: its[it].tolist() for it in its} == {
            it: seen.vectors[name][it].tolist() for it in its
        }


def test_the_metrics_of_a_model_are_whole_finite_and_the_same_each_time(
    seen: Judged, tuned: Fitted, test_set: HeldOut
) -> None:
    found = metrics(seen, test_set, tuned.facts, seed=13)
    searched = [way for way in WAYS if way != "titles"]  # the settings have none
    ways = [f"{by}{way}" for by in ("", "vectors_", "judged_") for way in searched]
    told = {"delta", "delta_best", "vectors_delta", "judged_delta", "verdict", "queries"}
    assert {*ways, *told, "interpolation", "rewrites"} <= set(found)
    assert found["tuned"]["entity_kept"] == found["base"]["entity_kept"] == 1
    assert found["queries"] == len(test_set.asked)
    assert rounded(metrics(seen, test_set, tuned.facts, seed=13)) == rounded(found)
    numbers = [it for value in found.values() if isinstance(value, dict) for it in value.values()]
    assert all(isinstance(it, str) or np.isfinite(it) for it in numbers)


def test_the_details_of_a_model_are_as_many_as_its_questions_and_rewrites(
    seen: Judged, test_set: HeldOut
) -> None:
    found = details(seen, test_set)
    assert len(found["queries"][1]) == len(test_set.asked)
    every = [written for draws in seen.written.values() for written in draws]
    used = [it for written in every for its in written.used for it in its]
    assert len(found["pairs"][1]) == len(used)
    cells = {
        cell for rows in (found["queries"][1], found["pairs"][1]) for row in rows for cell in row
    }
    assert {cell for cell in cells if isinstance(cell, str)} <= {"base", "tuned"}
