"""A gain is only told when these queries can show it."""

import json
from typing import Any

import numpy as np
import pytest

from findtune.significance import compare, compare_correlation, slices, verdict

pytestmark = pytest.mark.filterwarnings("error")

BASE = np.random.default_rng(1).uniform(0.2, 0.6, 80)
NOISE = np.random.default_rng(2).normal(0, 0.1, 80)
NOISE -= NOISE.mean()
Delta = dict[str, Any]


def compared(gain: np.ndarray, base: np.ndarray = BASE, seed: int = 13) -> Delta:
    return compare(base, base + gain, "ndcg@10", seed)


def test_a_clear_gain_is_a_win() -> None:
    delta = compared(0.2 + NOISE)
    assert delta["mean"] == pytest.approx(0.2)
    assert 0 < delta["ci_low"] < 0.2 < delta["ci_high"]
    assert delta["p_value"] < 0.01
    assert verdict(delta) == "WIN"


def test_the_mirror_of_a_win_is_a_regression() -> None:
    delta = compared(-0.2 - NOISE)
    assert delta["ci_high"] < 0
    assert delta["p_value"] < 0.01
    assert verdict(delta) == "REGRESSION"


def test_noise_is_marginal() -> None:
    delta = compared(NOISE)
    assert delta["ci_low"] < 0 < delta["ci_high"]
    assert delta["p_value"] > 0.5
    assert verdict(delta) == "MARGINAL"


def test_the_interval_is_the_one_of_the_textbook() -> None:
    delta = compared(0.2 + NOISE)
    half = 1.96 * NOISE.std(ddof=1) / 80**0.5
    assert delta["ci_low"] == pytest.approx(0.2 - half, abs=0.005)
    assert delta["ci_high"] == pytest.approx(0.2 + half, abs=0.005)


def test_the_same_seed_gives_the_same_numbers() -> None:
    assert compared(0.02 + NOISE, seed=1) == compared(0.02 + NOISE, seed=1)
    assert compared(0.02 + NOISE, seed=1) != compared(0.02 + NOISE, seed=2)


def test_identical_systems_are_marginal_with_an_interval_of_zero() -> None:
    delta = compared(np.zeros(80))
    assert (delta["ci_low"], delta["ci_high"], delta["mean"]) == (0, 0, 0)
    assert delta["p_value"] == 1
    assert verdict(delta) == "MARGINAL"


def test_the_same_gain_on_every_query_is_a_win() -> None:
    delta = compared(np.full(80, 0.25), base=np.full(80, 0.5))
    assert (delta["ci_low"], delta["ci_high"]) == (0.25, 0.25)
    assert verdict(delta) == "WIN"


def test_more_queries_show_smaller_differences() -> None:
    few = compared(NOISE[:20], base=BASE[:20])["detectable"]
    many = compared(np.tile(NOISE[:20], 4))["detectable"]
    assert many == pytest.approx(few / 2, rel=0.05)


@pytest.mark.parametrize("queries", [1, 2, 3])
def test_a_handful_of_queries_gives_finite_numbers(queries: int) -> None:
    delta = compared(NOISE[:queries], base=BASE[:queries])
    json.dumps(delta, allow_nan=False)
    assert delta["ci_low"] <= delta["mean"] <= delta["ci_high"]


@pytest.mark.parametrize("queries", [2, 3, 4, 5])
def test_a_handful_of_queries_that_all_gain_is_not_sure_of_it(queries: int) -> None:
    gain = np.linspace(0.05, 0.2, queries)
    assert verdict(compared(gain, base=BASE[:queries])) == "MARGINAL"
    assert verdict(compared(-gain, base=BASE[:queries])) == "MARGINAL"
    assert verdict(compared(np.tile(gain, 4), base=BASE[: 4 * queries])) == "WIN"


def test_queries_of_one_group_are_drawn_together() -> None:
    gain, groups = np.repeat(NOISE[:20] + 0.03, 4), [f"v{at // 4}" for at in range(80)]
    alone = compare(BASE, BASE + gain, "ndcg@10", 13)
    together = compare(BASE, BASE + gain, "ndcg@10", 13, groups)
    assert together["mean"] == alone["mean"]
    wider = (together["ci_high"] - together["ci_low"]) / (alone["ci_high"] - alone["ci_low"])
    assert wider == pytest.approx(2, rel=0.15)  # four that agree are as one
    assert together["detectable"] == pytest.approx(2 * alone["detectable"], rel=0.1)
    assert together["p_value"] > alone["p_value"]


def test_groups_of_one_query_each_change_nothing() -> None:
    alone = compared(0.02 + NOISE)
    groups = [*range(80)]
    assert compare(BASE, BASE + 0.02 + NOISE, "ndcg@10", 13, groups) == pytest.approx(alone)


def test_one_group_shows_nothing_however_large() -> None:
    delta = compare(BASE, BASE + 0.2, "ndcg@10", 13, ["v"] * 80)
    assert (delta["ci_low"], delta["ci_high"]) == (-1, 1)
    assert verdict(delta) == "MARGINAL"


LABELS = np.linspace(0, 1, 60)
SHUFFLED = np.random.default_rng(3).permutation(LABELS)


def test_a_slice_is_compared_as_if_there_were_no_other_query() -> None:
    tuned, first = BASE + NOISE, np.arange(80) < 30
    names = [f"{at // 2}" for at in range(80)]
    parts = {"first": first, "rest": ~first, "none": first & ~first}
    found = slices(parts, BASE, tuned, "ndcg@10", 13, names)
    assert {name: its["queries"] for name, its in found.items()} == {
        "delta_first": 30,
        "delta_rest": 50,
    }
    alone = compare(BASE[30:], tuned[30:], "ndcg@10", 13, names[30:])
    assert found["delta_rest"] == {
        **{key: alone[key] for key in ("measure", "mean", "ci_low", "ci_high", "p_value")},
        "queries": 50,
    }


def test_a_better_order_of_scored_pairs_is_a_win_and_its_mirror_a_regression() -> None:
    delta = compare_correlation(LABELS, SHUFFLED, LABELS, 13)
    assert delta["mean"] > 0.5
    assert verdict(delta) == "WIN"
    assert verdict(compare_correlation(LABELS, LABELS, SHUFFLED, 13)) == "REGRESSION"


def test_the_same_order_of_scored_pairs_is_marginal() -> None:
    delta = compare_correlation(LABELS, SHUFFLED, SHUFFLED, 13)
    assert (delta["ci_low"], delta["mean"], delta["ci_high"]) == (0, 0, 0)
    assert verdict(delta) == "MARGINAL"


@pytest.mark.parametrize(
    ("labels", "base"),
    [
        ([0, 0.2, 0.5, 0.7, 1], [0.3, 0.1, 0.2, 0.5, 0.4]),
        ([0, 0, 0, 0, 0, 1], [0.3, 0.1, 0.2, 0.5, 0.4, 0.6]),
        ([0, 0.2, 0.4, 0.6, 0.8, 1], [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]),
    ],
    ids=["five pairs", "one pair scored otherwise", "a constant model"],
)
def test_a_few_scored_pairs_give_finite_numbers(labels: list[float], base: list[float]) -> None:
    tuned = np.linspace(0.1, 0.9, len(labels))
    delta = compare_correlation(np.array(labels), np.array(base), tuned, 13)
    json.dumps(delta, allow_nan=False)
