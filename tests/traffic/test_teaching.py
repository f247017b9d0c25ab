"""Questions on which the models disagree come first, each once, and none that is answered."""

from datetime import UTC, datetime

from findtune.traffic.reader import Traffic
from findtune.traffic.records import PickRecord, SearchRecord, ShownSource, now
from findtune.traffic.shuffling import shuffle
from findtune.traffic.teaching import (
    as_key,
    disagreement,
    most_instructive,
    reranker_disagreement,
    rewriter_disagreement,
)


def search(question: str, ranks: list[int], *, by_rewrite: int = 0, hour: int = 0) -> SearchRecord:
    """Return a search of sources with these retrieved ranks, some of which rewrites alone found."""
    sources = [
        ShownSource(
            url=f"{rank}",
            rank=rank,
            retrieved_rank=retrieved,
            found_by=["rewrite"] if rank <= by_rewrite else [question, "rewrite"],
        )
        for rank, retrieved in enumerate(ranks, start=1)
    ]
    time = datetime(2026, 11, 27, hour, tzinfo=UTC)
    values = {"id": f"{question}{hour}", "time": time, "version": "a", "milliseconds": 1}
    return SearchRecord.model_validate({**values, "question": question, "sources": sources})


def test_each_part_disagrees_by_the_share_that_it_changed() -> None:
    assert rewriter_disagreement(search("a", [1, 2, 3, 4], by_rewrite=1)) == 0.25
    assert reranker_disagreement(search("a", [1, 2, 3]).sources) == 0
    assert reranker_disagreement(search("a", [3, 2, 1]).sources) == 1
    assert reranker_disagreement(search("a", [2, 1, 3]).sources) == 1 / 3
    assert disagreement(search("a", [2, 1], by_rewrite=1)) == 0.75
    assert disagreement(search("a", [])) == 0


def test_a_shuffle_is_no_disagreement() -> None:
    shown = [shuffle(search(f"{number}", [1, 2, 3, 4, 5]), 1.0) for number in range(9)]
    assert any(row.is_shuffled for row in shown)
    assert {reranker_disagreement(row.sources) for row in shown} == {0}
    assert reranker_disagreement(shuffle(search("a", [2, 1, 3]), 1.0).sources) == 1 / 3


def test_the_question_of_most_disagreement_comes_first() -> None:
    agreed, turned, rewritten = (
        search("a", [1, 2]),
        search("b", [2, 1]),
        search("c", [1], by_rewrite=1),
    )
    traffic = Traffic([agreed, turned, rewritten], {}, 0)
    assert [row.question for row, _ in most_instructive(traffic, 2)] == ["b", "c"]


def test_a_question_is_the_same_in_composed_and_in_decomposed_letters() -> None:
    # Macs and phones send accents as letters of their own.
    assert as_key("Café prices?") == as_key("cafe\u0301  prices?")
    assert as_key("cafe prices?") != as_key("café prices?")


def test_a_question_comes_once_and_not_after_an_answer() -> None:
    searches = [search("Bread?", [1]), search("bread?", [2, 1], hour=1), search("rice", [1])]
    assert [row.question for row, _ in most_instructive(Traffic(searches, {}, 0), 9)] == [
        "bread?",
        "rice",
    ]
    answer = PickRecord(search="Bread?0", time=now(), picks=[])
    traffic = Traffic(searches, {answer.search: answer}, 0)
    assert [row.question for row, _ in most_instructive(traffic, 9)] == ["rice"]
