"""The preference is seen soon, equal pipelines stay equal, and nothing else is counted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from findtune.monitoring.preference import (
    MAX_SEARCHES,
    compared_versions,
    credits_of,
    preference,
    repeated_sessions,
    searches_needed,
)
from findtune.traffic.reader import Traffic
from findtune.traffic.records import PickRecord, SearchRecord

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def search(key: str, sources: str, teams: str, compare: Any = None) -> SearchRecord:
    """Return a search that showed some URLs, each of a team."""
    shown = [
        {"url": url, "rank": rank + 1, "team": team}
        for rank, (url, team) in enumerate(zip(sources, teams, strict=True))
    ]
    fields = {"id": key, "time": NOON, "version": "old", "question": "bread?", "session": "s"}
    fields |= {"milliseconds": 1.0, "sources": shown, "compare": compare}
    return SearchRecord.model_validate(fields)


def answered(searches: list[SearchRecord], picks: list[list[str]]) -> Traffic:
    records = [
        PickRecord(search=row.id, time=NOON, picks=own)
        for row, own in zip(searches, picks, strict=True)
    ]
    return Traffic(searches, {record.search: record for record in records}, 0)


def test_a_clear_preference_ends_the_test_and_its_winner_is_right() -> None:
    result = preference([1, 1, 0, 1, -1] * 40)
    assert (result.wins_a, result.wins_b, result.ties) == (120, 40, 40)
    assert result.winner == "A"
    assert 0.5 < result.low < 0.75 < result.high
    assert preference([-1, -1, 0, -1, 1] * 40).winner == "B"


def test_equal_wins_and_no_search_at_all_decide_nothing() -> None:
    assert preference([1, -1] * 500).winner is None
    nothing = preference([])
    assert (nothing.p_value, nothing.low, nothing.high, nothing.winner) == (1.0, 0.0, 1.0, None)


def test_evidence_that_was_enough_once_stays_enough() -> None:
    enough = [1] * 60
    assert preference(enough).winner == "A"
    assert preference([*enough, *[-1, 1] * 300]).p_value == preference(enough).p_value
    assert preference([*enough, *[-1] * 70]).winner == "A"  # who led when it was enough


def test_equal_pipelines_are_seldom_called_different_however_often_one_looks() -> None:
    coins = np.random.default_rng(5).choice([-1, 1], size=(150, 500))
    errors = sum(preference(row).winner is not None for row in coins.tolist())
    assert errors <= 0.05 * len(coins)


@pytest.mark.parametrize("share", [0.55, 0.6, 0.3])
def test_the_searches_needed_are_about_those_that_it_takes(share: float) -> None:
    rng = np.random.default_rng(7)
    needed = searches_needed(share)
    runs = [preference(np.where(rng.random(3 * needed) < share, 1, -1).tolist()) for _ in range(20)]
    assert sum(run.winner is not None for run in runs) >= 19
    short = [preference(np.where(rng.random(needed) < share, 1, -1).tolist()) for _ in range(20)]
    assert 4 <= sum(run.winner is not None for run in short) <= 19


def test_what_is_known_shortens_the_way_and_equal_pipelines_need_forever() -> None:
    assert searches_needed(0.6, 60, 40) < searches_needed(0.6)
    assert searches_needed(0.5) == MAX_SEARCHES
    assert searches_needed(0.9, 500, 10) == 0


def test_a_late_answer_to_an_early_search_takes_no_evidence_back() -> None:
    versions = {"A": "old", "B": "new"}
    searches = [search(str(number), "ab", "AB", versions) for number in range(130)]
    picks = {row.id: ["b"] if number < 70 else ["a"] for number, row in enumerate(searches)}
    # The first 70 users answer a day later than the others.
    times = {
        row.id: NOON + timedelta(days=number < 70, seconds=number)
        for number, row in enumerate(searches)
    }
    order = sorted(picks, key=times.__getitem__)
    answers = {key: PickRecord(search=key, time=times[key], picks=picks[key]) for key in order}
    early = {key: answer for key, answer in answers.items() if answer.time.day == NOON.day}
    before, after = (
        preference(credits_of(Traffic(searches, known, 0), ("old", "new")))
        for known in (early, answers)
    )
    assert before.winner == after.winner == "A"
    assert after.p_value == before.p_value


def test_credits_follow_the_version_whichever_team_it_was() -> None:
    one_way, other_way = {"A": "old", "B": "new"}, {"A": "new", "B": "old"}
    searches = [
        search("1", "ab", "AB", one_way),
        search("2", "ab", "AB", other_way),
        search("3", "ab", "AB", one_way),
        search("4", "ab", "AB", {"A": "old", "B": "third"}),
        search("5", "ab", "AB"),
    ]
    traffic = answered(searches, [["a"], ["a"], [], ["a"], ["a"]])
    assert credits_of(traffic, ("old", "new")) == [1, -1, 0]
    assert credits_of(traffic, ("new", "old")) == [-1, 1, 0]
    assert compared_versions(traffic) == {("old", "new"): 3, ("old", "third"): 1}
    assert repeated_sessions(traffic, ("old", "new")) == {"s": 3}


def test_a_search_that_nobody_answered_is_no_tie() -> None:
    traffic = Traffic([search("1", "ab", "AB", {"A": "old", "B": "new"})], {}, 0)
    assert credits_of(traffic, ("old", "new")) == []
