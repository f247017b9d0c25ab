"""A gain is a WIN only when the queries at hand can show it."""

import json
from typing import Any

import numpy as np
import pytest

from findtune.evaluation import significance
from findtune.evaluation.significance import compare, slices
from findtune.evaluation.verdict import verdict

pytestmark = pytest.mark.filterwarnings("error")

BASE = np.random.default_rng(1).uniform(0.2, 0.6, 80)
NOISE = np.random.default_rng(2).normal(0, 0.1, 80)
NOISE -= NOISE.mean()
ZERO = np.zeros(80)
SAME = np.full(80, 0.25)  # the same gain on every query


def difference(gain: np.ndarray, base: np.ndarray = BASE, seed: int = 13) -> dict[str, Any]:
    return compare(base, base + gain, "ndcg@10", seed)


@pytest.mark.parametrize(
    ("gain", "expected"),
    [
        (0.2 + NOISE, "WIN"),
        (-0.2 - NOISE, "REGRESSION"),
        (NOISE, "INCONCLUSIVE"),
        (ZERO, "INCONCLUSIVE"),
        (SAME, "WIN"),
    ],
    ids=["gain", "loss", "noise", "no difference", "constant gain"],
)
def test_the_verdict_follows_the_interval_and_the_p_value(gain: np.ndarray, expected: str) -> None:
    result = difference(gain, base=np.full(80, 0.5))
    assert verdict(result) == expected
    assert result["mean"] == pytest.approx(gain.mean())
    assert result["ci_low"] <= result["mean"] <= result["ci_high"]
    assert (result["p_value"] < 0.01) == (expected != "INCONCLUSIVE")
    if gain is ZERO or gain is SAME:  # no variation between the queries, so no width
        assert result["ci_low"] == result["ci_high"] == gain[0]


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"ci_low": 0.01, "ci_high": 0.02, "p_value": 0.049}, "WIN"),
        ({"ci_low": 0.01, "ci_high": 0.02, "p_value": 0.05}, "INCONCLUSIVE"),
        ({"ci_low": -0.02, "ci_high": -0.01, "p_value": 0.049}, "REGRESSION"),
        ({"ci_low": -0.02, "ci_high": -0.01, "p_value": 0.05}, "INCONCLUSIVE"),
        ({"ci_low": 0.0, "ci_high": 0.02, "p_value": 0.001}, "INCONCLUSIVE"),
        ({"ci_low": 0.01, "ci_high": 0.02}, "WIN"),  # a correlation has no p-value
    ],
)
def test_a_verdict_needs_both_the_interval_and_the_p_value(
    result: dict[str, float], expected: str
) -> None:
    assert verdict(result) == expected


def test_the_interval_is_the_one_of_the_textbook() -> None:
    result, half = difference(0.2 + NOISE), 1.96 * NOISE.std(ddof=1) / 80**0.5
    assert result["ci_low"] == pytest.approx(0.2 - half, abs=0.005)
    assert result["ci_high"] == pytest.approx(0.2 + half, abs=0.005)


def test_the_same_seed_gives_the_same_numbers() -> None:
    assert difference(0.02 + NOISE, seed=1) == difference(0.02 + NOISE, seed=1)
    assert difference(0.02 + NOISE, seed=1) != difference(0.02 + NOISE, seed=2)


def test_more_queries_can_show_smaller_differences() -> None:
    few = difference(NOISE[:20], base=BASE[:20])["minimum_detectable_effect"]
    many = difference(np.tile(NOISE[:20], 4))["minimum_detectable_effect"]
    assert few == pytest.approx(2.8 * NOISE[:20].std(ddof=1) / 20**0.5)
    assert many == pytest.approx(few / 2, rel=0.05)


@pytest.mark.parametrize("queries", [1, 2, 3, 4, 5])
def test_a_handful_of_queries_gives_finite_numbers_and_no_verdict(queries: int) -> None:
    gain, base = np.linspace(0.05, 0.2, queries), BASE[:queries]
    for sign in (1, -1):
        result = difference(sign * gain, base=base)
        json.dumps(result, allow_nan=False)
        assert result["ci_low"] <= result["mean"] <= result["ci_high"]
        assert verdict(result) == "INCONCLUSIVE"
    many = difference(np.tile(gain, 8), base=BASE[: 8 * queries])
    assert verdict(many) == "WIN"


def test_queries_of_one_group_are_drawn_together() -> None:
    gain, groups = np.repeat(NOISE[:20] + 0.03, 4), [f"v{query // 4}" for query in range(80)]
    alone = difference(gain)
    together = compare(BASE, BASE + gain, "ndcg@10", 13, groups)
    assert together["mean"] == alone["mean"]
    wider = (together["ci_high"] - together["ci_low"]) / (alone["ci_high"] - alone["ci_low"])
    assert wider == pytest.approx(2, rel=0.15)  # four that agree count as one
    effect = alone["minimum_detectable_effect"]
    assert together["minimum_detectable_effect"] == pytest.approx(2 * effect, rel=0.1)
    assert together["p_value"] > alone["p_value"]


def test_groups_of_one_query_change_nothing_and_a_single_group_shows_nothing() -> None:
    alone = difference(0.02 + NOISE)
    grouped = compare(BASE, BASE + 0.02 + NOISE, "ndcg@10", 13, [*range(80)])
    assert grouped == pytest.approx(alone)
    single = compare(BASE, BASE + 0.2, "ndcg@10", 13, ["v"] * 80)
    assert (single["ci_low"], single["ci_high"], single["p_value"]) == (-1, 1, 1)
    assert single["minimum_detectable_effect"] == 1
    assert verdict(single) == "INCONCLUSIVE"


def test_a_slice_is_compared_as_if_there_were_no_other_queries() -> None:
    tuned, first = BASE + NOISE, np.arange(80) < 30
    groups = [f"{query // 2}" for query in range(80)]
    masks = {"first": first, "rest": ~first, "none": first & ~first}
    results = slices(masks, BASE, tuned, "ndcg@10", 13, groups)
    assert {name: result["queries"] for name, result in results.items()} == {
        "difference_first": 30,
        "difference_rest": 50,
    }
    alone = compare(BASE[30:], tuned[30:], "ndcg@10", 13, groups[30:])
    del alone["minimum_detectable_effect"]
    assert results["difference_rest"] == {**alone, "queries": 50, "groups": 25}


def test_resamples_are_drawn_in_batches_without_another_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(5)
    base, tuned = rng.random(60), rng.random(60)
    groups = [str(row // 2) for row in range(60)]
    result = compare(base, tuned, "ndcg@10", 13, groups)
    for batch in (7, significance.RESAMPLES):
        monkeypatch.setattr(significance, "BATCH", batch)
        assert compare(base, tuned, "ndcg@10", 13, groups) == result
