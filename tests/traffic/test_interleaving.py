"""Interleaving is fair, blind and repeatable, and credits the team that users prefer."""

from collections import Counter
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from findtune.traffic.interleaving import Slot, credit, interleave, merge_searches
from findtune.traffic.records import SearchRecord

RANKINGS = st.lists(st.sampled_from("abcdefgh"), unique=True)


@given(RANKINGS, RANKINGS, st.integers(0, 10))
def test_the_list_is_the_best_of_both_and_each_team_has_its_turn(
    first: list[str], second: list[str], top_k: int
) -> None:
    slots = interleave(first, second, "a search", top_k)
    urls = [slot.url for slot in slots]
    assert len(set(urls)) == len(urls) == min(top_k, len({*first, *second}))
    for team, ranking in (("A", first), ("B", second)):
        own = [slot.url for slot in slots if slot.team == team]
        assert own == [url for url in ranking if url in own]
    # While both have URLs, no team is ever more than one ahead.
    for number in range(min(len(slots), len(first), len(second))):
        teams = Counter(slot.team for slot in slots[: number + 1])
        assert abs(teams["A"] - teams["B"]) <= 1


def test_the_id_of_the_search_tosses_the_coins_and_each_team_is_first_half_of_the_time() -> None:
    lists = [interleave("abc", "cba", f"{number}", 3) for number in range(2000)]
    assert lists == [interleave("abc", "cba", f"{number}", 3) for number in range(2000)]
    firsts = Counter(slots[0] for slots in lists)
    assert {*firsts} == {Slot("a", "A"), Slot("c", "B")}
    assert 900 < firsts[Slot("a", "A")] < 1100


def test_more_picks_win_and_as_many_are_a_tie() -> None:
    teams = dict(interleave("ab", "cd", "x", 4))
    assert credit(teams, ["a", "c", "b"]) == 1
    assert credit(teams, ["c"]) == -1
    assert credit(teams, ["a", "d"]) == credit(teams, []) == credit(teams, ["unknown"]) == 0


def test_two_searches_become_one_that_knows_what_each_pipeline_showed() -> None:
    def search(version: str, urls: str) -> SearchRecord:
        sources = [{"url": url, "rank": rank + 1} for rank, url in enumerate(urls)]
        fields = {"id": f"id of {version}", "time": datetime(2026, 11, 27, tzinfo=UTC)}
        fields |= {"version": version, "question": "bread?", "queries": ["bread?", version]}
        return SearchRecord.model_validate({**fields, "milliseconds": 5.0, "sources": sources})

    merged = merge_searches(search("old", "abc"), search("new", "cda"), 3)
    slots = interleave("abc", "cda", "id of old", 3)
    assert [(row.url, row.team) for row in merged.sources] == slots
    assert [row.rank for row in merged.sources] == [1, 2, 3]
    assert merged.compare == {"A": "old", "B": "new"}
    assert merged.queries == ["bread?", "old", "new"]
    assert (merged.id, merged.version, merged.milliseconds) == ("id of old", "old", 10.0)
