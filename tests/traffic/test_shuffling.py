"""A shuffle moves the first sources only, as often as it says, and knows its propensities."""

from collections import Counter

import pytest

from findtune.traffic.records import SearchRecord, now
from findtune.traffic.shuffling import TOP_K, shuffle


def search(key: str, count: int = 7) -> SearchRecord:
    """Return a search that ranked the sources 1, 2, ... in this order."""
    sources = [{"url": f"{rank}", "rank": rank} for rank in range(1, count + 1)]
    fields = {"id": key, "time": now(), "version": "v", "question": "q", "milliseconds": 1.0}
    return SearchRecord.model_validate({**fields, "sources": sources})


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_sources_stand_at_a_rank_as_often_as_their_propensity_says(share: float) -> None:
    number = 2000
    counts: Counter[tuple[str, int]] = Counter()
    propensities = {}
    for key in range(number):
        shown = shuffle(search(f"{key}"), share)
        for row in shown.sources:
            counts[row.url, row.rank] += 1
            propensities[row.url, row.rank] = row.propensity
    assert len(counts) == TOP_K * TOP_K + 2
    for pair, count in counts.items():
        assert count / number == pytest.approx(propensities[pair], abs=0.04), pair


def test_a_search_is_shown_again_in_the_same_order() -> None:
    assert shuffle(search("a"), 1.0) == shuffle(search("a"), 1.0)
    orders = {tuple(row.url for row in shuffle(search(f"{key}"), 1.0).sources) for key in range(20)}
    assert len(orders) > 10


def test_the_rank_before_the_shuffle_is_kept_and_the_rest_stays() -> None:
    shown = shuffle(search("a"), 1.0)
    assert [row.rank for row in shown.sources] == [*range(1, 8)]
    assert [f"{row.unshuffled_rank}" for row in shown.sources] == [row.url for row in shown.sources]
    assert [(row.url, row.propensity) for row in shown.sources[TOP_K:]] == [("6", 1.0), ("7", 1.0)]
    assert shown.is_shuffled
    assert not search("a").is_shuffled


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_short_list_is_shuffled_as_a_whole(count: int) -> None:
    shown = [shuffle(search(f"{key}", count), 1.0) for key in range(20)]
    assert {len(row.sources) for row in shown} == {count}
    assert {row.propensity for each in shown for row in each.sources} <= {1 / max(count, 1)}
