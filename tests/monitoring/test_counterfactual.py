"""On simulated users whose taste is known, the estimate is right where the naive one is wrong."""

from random import Random

import numpy as np
import pytest

from findtune.evaluation.significance import compare
from findtune.evaluation.verdict import verdict
from findtune.monitoring.counterfactual import (
    DISCOUNTS,
    FEW,
    effective_searches,
    estimate,
    groups_of,
    is_usable,
    order_before,
    order_by,
    share_of,
    values,
    weights_and_picks,
)
from findtune.traffic.records import SearchRecord, now
from findtune.traffic.shuffling import shuffle

Array = np.ndarray

EXAMINED = np.array([1.0, 0.6, 0.36, 0.22, 0.13])  # the probability that a user looks at a rank
ATTRACTION = {"a": 0.3, "b": 0.35, "c": 0.4, "d": 0.45, "e": 0.5}  # of a pick, once looked at
LOGGED, BETTER = "abcde", "edcba"


def ranked(key: str, order: str = LOGGED, **fields: object) -> SearchRecord:
    sources = [{"url": url, "rank": rank} for rank, url in enumerate(order, start=1)]
    values = {"id": key, "time": now(), "version": "v", "question": key, "milliseconds": 1.0}
    return SearchRecord.model_validate({**values, "sources": sources, **fields})


def simulate(number: int, share: float, seed: int) -> tuple[list[SearchRecord], list[list[str]]]:
    """Return searches that were shuffled, and the picks of users who know their taste."""
    chance = Random(seed)
    searches = [shuffle(ranked(f"{seed} {key}"), share) for key in range(number)]
    picks = [
        [
            row.url
            for row, examined in zip(search.sources, EXAMINED, strict=True)
            if chance.random() < examined * ATTRACTION[row.url]
        ]
        for search in searches
    ]
    return searches, picks


def truth(order: str) -> float:
    """Return the dcg@5 of the picks that users would make of an order."""
    return float(DISCOUNTS @ (EXAMINED * np.array([ATTRACTION[url] for url in order])))


def naive(picks: list[list[str]], order: str) -> float:
    """Return the dcg@5 of an order where all that was picked counts, wherever it stood."""
    return float(np.mean([sum(DISCOUNTS[order.index(url)] for url in own) for own in picks]))


def simulate_values(orders: list[Array], share: float, seed: int, number: int) -> list[Array]:
    """Return the values of some orders, (searches, ranks) or (ranks,), on a log of the same users.

    Sources have numbers: 0 is a, 4 is e, and the log ranked them 0, 1, 2, 3, 4.
    """
    rng = np.random.default_rng(seed)
    logged, taste = np.arange(5), np.array([*ATTRACTION.values()])
    drawn = np.argsort(rng.random((number, 5)), axis=1)
    shown = np.where(rng.random((number, 1)) < share, drawn, logged)
    hits = (rng.random((number, 5)) < EXAMINED * taste[shown]).astype(float)
    return [
        values((shown == order) / (share / 5 + (1 - share) * (order == logged)), hits)
        for order in orders
    ]


def test_the_estimate_is_right_where_the_naive_one_prefers_what_was_shown_first() -> None:
    searches, picks = simulate(2000, 0.5, 1)
    result = estimate(searches, picks, [LOGGED] * 2000, [BETTER] * 2000)
    gain = truth(BETTER) - truth(LOGGED)
    assert result.difference["ci_low"] < gain < result.difference["ci_high"]
    assert result.first == pytest.approx(truth(LOGGED), rel=0.1)
    assert result.verdict == "WIN"
    assert naive(picks, BETTER) < naive(picks, LOGGED)
    assert gain > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.2, 0.5, 1.0])
def test_the_interval_has_the_truth_as_often_as_it_says(share: float) -> None:
    gain = truth(BETTER) - truth(LOGGED)
    orders = [np.arange(5), np.arange(5)[::-1]]
    results = [
        compare(*simulate_values(orders, share, seed, 1000), "dcg@5", seed) for seed in range(200)
    ]
    covered = sum(row["ci_low"] < gain < row["ci_high"] for row in results)
    assert covered >= 182  # 190 are expected; 182 is 2.6 standard deviations fewer
    means = [row["mean"] for row in results]
    assert np.mean(means) == pytest.approx(gain, abs=3 * np.std(means) / np.sqrt(200))


@pytest.mark.slow
def test_equally_good_orders_are_called_different_in_a_twentieth_of_the_logs() -> None:
    rng = np.random.default_rng(0)
    wrong = 0
    for seed in range(200):
        orders = [np.argsort(rng.random((500, 5)), axis=1) for _ in range(2)]
        wrong += verdict(compare(*simulate_values(orders, 1.0, seed, 500), "dcg@5", seed)) != (
            "INCONCLUSIVE"
        )
    assert wrong <= 18  # 10 are expected


def test_the_same_order_has_no_difference() -> None:
    searches, picks = simulate(50, 0.5, 3)
    result = estimate(searches, picks, [LOGGED] * 50, [LOGGED] * 50)
    assert (result.difference["mean"], result.verdict) == (0.0, "INCONCLUSIVE")


def test_the_mean_of_the_values_is_the_self_normalised_estimate() -> None:
    searches, picks = simulate(300, 0.4, 5)
    weights, hits = weights_and_picks(searches, picks, [BETTER] * 300)
    rates = (weights * hits).sum(0) / weights.sum(0)
    assert values(weights, hits).mean() == pytest.approx(float(DISCOUNTS @ rates))


def test_weights_are_inverse_propensities_also_where_they_are_large() -> None:
    shown = shuffle(ranked("1"), 0.001)
    weights, hits = weights_and_picks([shown], [["b"]], [LOGGED])
    assert weights[0] == pytest.approx([1 / (0.999 + 0.0002)] * 5)
    assert [*hits[0]] == [0, 1, 0, 0, 0]
    moved = [shuffle(ranked(f"{key}"), 0.01) for key in range(1000)]
    [first] = [row for row in moved if row.is_shuffled][:1]
    order = [row.url for row in first.sources]
    assert weights_and_picks([first], [[]], [order])[0].max() == pytest.approx(500)


def halves(number: int, share: float, seed: int) -> tuple[list[SearchRecord], list[list[str]]]:
    """Return searches whose sources are all as good as each other, and their picks.

    Those with an even number are easy: more of their sources are picked.
    """
    chance = Random(seed)
    searches = [shuffle(ranked(f"{seed} {key}"), share) for key in range(number)]
    picks = [
        [
            row.url
            for row, examined in zip(search.sources, EXAMINED, strict=True)
            if chance.random() < examined * (0.1 if key % 2 else 0.6)
        ]
        for key, search in enumerate(searches)
    ]
    return searches, picks


def test_an_order_that_changes_only_hard_questions_does_not_win_by_their_absence() -> None:
    orders = [BETTER if key % 2 else LOGGED for key in range(200)]
    for seed in range(10):
        searches, picks = halves(200, 0.01, seed)
        result = estimate(searches, picks, [LOGGED] * 200, orders)
        assert result.verdict == "INCONCLUSIVE"
        assert result.effective < 1  # two searches or none say anything about the hard questions


@pytest.mark.slow
def test_such_an_order_is_called_different_in_a_twentieth_of_larger_logs() -> None:
    orders = [BETTER if key % 2 else LOGGED for key in range(1000)]
    wrong = 0
    for seed in range(100):
        searches, picks = halves(1000, 0.1, seed)
        result = estimate(searches, picks, [LOGGED] * 1000, orders)
        assert result.effective > FEW
        wrong += result.verdict != "INCONCLUSIVE"
    assert wrong <= 11  # 5 are expected; 11 is 2.8 standard deviations more


def test_few_searches_with_equal_picks_give_no_verdict() -> None:
    searches = [shuffle(ranked(f"{key}"), 1.0) for key in range(7)]
    result = estimate(searches, [["a"]] * 7, [LOGGED] * 7, [BETTER] * 7)
    assert (result.verdict, round(result.effective, 1)) == ("INCONCLUSIVE", 1.4)


def test_an_order_of_which_a_rank_was_never_shown_has_no_value() -> None:
    searches = [row for row in simulate(600, 0.2, 1)[0] if not row.is_shuffled]
    result = estimate(
        searches, [["a"]] * len(searches), *[[order] * len(searches) for order in (LOGGED, BETTER)]
    )
    assert (result.first, result.second, result.verdict) == (1.0, None, "INCONCLUSIVE")


@pytest.mark.parametrize("share", [0.01, 0.3, 1.0])
def test_the_share_of_a_log_is_read_from_its_propensities(share: float) -> None:
    for key in range(20):
        assert share_of(shuffle(ranked(f"{key}", "abcdefg"), share)) == pytest.approx(share)
        assert share_of(shuffle(ranked(f"{key}", "ab"), share)) == pytest.approx(share)


def test_effective_searches_are_fewer_where_chance_seldom_shows_the_order() -> None:
    searches = [shuffle(ranked(f"{key}"), 0.2) for key in range(100)]
    assert effective_searches(searches, [LOGGED] * 100) == pytest.approx(84)
    assert effective_searches(searches, [BETTER] * 100) == pytest.approx(4)
    half = [LOGGED, BETTER] * 50
    assert effective_searches(searches, half) == pytest.approx(100**2 / (50 / 0.84 + 50 / 0.04))
    short = [shuffle(ranked(f"{key}", "ab"), 1.0) for key in range(100)]
    assert effective_searches(short, ["ba"] * 100) == pytest.approx(50)  # all is known of rank 3


def test_another_ranking_orders_what_was_shown_and_unknown_sources_come_last() -> None:
    shown = shuffle(ranked("1"), 1.0)
    assert order_before(shown) == [*LOGGED]
    assert order_by(shown, ["x", "d", "y", "b"]) == ["d", "b", "a", "c", "e"]
    assert is_usable(shown)
    assert not is_usable(ranked("1"))
    assert not is_usable(shuffle(ranked("1", "a"), 1.0))


def test_searches_of_one_user_or_one_question_are_one_group() -> None:
    rows = [ranked("1", session="ann"), ranked("2", session="ann"), ranked("3", session="ben")]
    rows += [ranked("4", question="3 "), ranked("5")]
    rows += [ranked(f"other {number}") for number in range(40)]
    first, second, third, fourth, fifth, *_ = groups_of(rows)
    assert first == second
    assert third == fourth
    assert len({first, third, fifth}) == 3
