"""A test by user raises few false alarms where a few users give most answers, and sees a change."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy import stats

from findtune.monitoring.by_user import asker, larger_ranks, larger_share, smaller_values
from findtune.traffic.reader import Traffic

Array = np.ndarray
Test = Callable[[Array, Array, Sequence[int]], float]
PLAIN: dict[str, Test] = {
    "share": lambda now, before, _: table_test(now > 0.7, before > 0.7),
    "ranks": lambda now, before, _: float(
        stats.mannwhitneyu(now, before, alternative="greater").pvalue
    ),
    "distribution": lambda now, before, _: (
        stats.ks_2samp(-now, -before, alternative="greater").pvalue
    ),
}
TESTS: dict[str, Test] = {
    "share": lambda now, before, users: larger_share(now > 0.7, before > 0.7, users),
    "ranks": larger_ranks,
    "distribution": lambda now, before, users: smaller_values(-now, -before, users),
}


def answers(
    rng: np.random.Generator, change: float = 0.0, people: int = 20
) -> tuple[Array, Array, Sequence[int]]:
    """Return values of answers now and before, and who gave each.

    Each user has a habit, and in each period other users give most of the answers.
    """
    eagerness = rng.dirichlet(np.full(people, 0.3), size=2)
    habits = rng.normal(size=people)
    users = [
        rng.choice(people, number, p=own) for number, own in zip((120, 240), eagerness, strict=True)
    ]
    now, before = (habits[own] + rng.normal(size=len(own)) for own in users)
    return now + change, before, np.concatenate(users).tolist()


def table_test(now: Array, before: Array) -> float:
    table = np.array([[part.sum(), (~part).sum()] for part in (now, before)])
    return float(stats.fisher_exact(table, alternative="greater").pvalue)


def alarms(test: Test, runs: int) -> float:
    """Return the share of simulated periods in which a test at 5 % sees a change."""
    rng = np.random.default_rng(0)
    return float(np.mean([test(*answers(rng)) < 0.05 for _ in range(runs)]))


@pytest.mark.parametrize("name", TESTS)
def test_users_with_habits_raise_no_more_alarms_than_the_level_allows(name: str) -> None:
    assert alarms(PLAIN[name], 100) >= 0.2  # which takes all answers for independent
    assert alarms(TESTS[name], 100) <= 0.08


@pytest.mark.parametrize("name", TESTS)
def test_a_change_for_all_users_is_seen(name: str) -> None:
    now, before, users = answers(np.random.default_rng(3), 1.5, 100)
    assert TESTS[name](now, before, users) < 0.01


def test_no_change_of_one_user_alone_is_sure() -> None:
    now, before = np.ones(200, bool), np.zeros(200, bool)
    assert larger_share(now, before, ["eager"] * 400) >= 0.5
    others = [f"user {number}" for number in range(50)]
    now[150:] = False
    users = [*["eager"] * 150, *others, *["eager"] * 150, *others]
    assert larger_share(now, before, users) >= 0.4
    # A new user, beside fifty others of before.
    assert larger_share(np.ones(50, bool), np.zeros(50, bool), ["new"] * 50 + others) >= 0.4


def test_answers_of_unknown_users_are_independent_and_never_surer_than_by_fisher() -> None:
    now, before = np.zeros(300, bool), np.zeros(30, bool)
    now[:15] = True
    # Signs alone say 0.0005: no term says that none in thirty is no sure zero.
    assert larger_share(now, before, range(330)) == table_test(now, before) > 0.2


def test_who_asked_is_the_session_or_else_the_search_itself(serve: Callable[..., Traffic]) -> None:
    [known] = serve([["bread"]], [1], session="a").searches
    [unknown] = serve([["bread"]], [1]).searches
    assert (asker(known), asker(unknown)) == ("a", unknown.id)
