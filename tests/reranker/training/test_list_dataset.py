"""Lists as the dataset of a trainer: which documents are drawn, and that labels stay theirs."""

from random import Random

import numpy as np
import pytest

from findtune.core.records import Record
from findtune.reranker.training.list_dataset import draw_documents, sample_lists


def list_of(number: int, picks: tuple[int, ...] = ()) -> Record:
    """A list of documents, of which some were picked, the first pick first."""
    documents = [
        {"url": f"{row}", "text": f"text {row}", "gain": 0, "random": False}
        for row in range(number)
    ]
    for gain, row in zip((3, 2, 1), picks, strict=False):
        documents[row]["gain"] = gain
    return {"query": "question", "documents": documents, "picks": [f"{row}" for row in picks]}


def gains(number: int, picks: tuple[int, ...] = ()) -> np.ndarray:
    """The gains of a list."""
    values = np.zeros(number)
    values[list(picks)] = [3, 2, 1][: len(picks)]
    return values


def test_a_short_list_keeps_all_documents_in_their_order() -> None:
    assert draw_documents(gains(5, (3, 1)), 8, Random(13)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("seed", range(20))
def test_a_long_list_keeps_its_picks_and_other_documents_at_random(seed: int) -> None:
    drawn = draw_documents(gains(100, (70, 20, 30)), 8, Random(seed))
    assert {70, 20, 30} < set(drawn)
    assert len(set(drawn)) == 8
    assert drawn == sorted(drawn)


def test_other_seeds_draw_other_documents() -> None:
    first, same, other = (draw_documents(gains(100, (7,)), 8, Random(seed)) for seed in (1, 1, 2))
    assert first == same != other


@pytest.mark.parametrize("seed", range(20))
def test_where_more_was_picked_than_half_the_best_picks_stay_and_the_others_are_not_picked(
    seed: int,
) -> None:
    drawn = {*draw_documents(gains(50, (9, 8, 7)), 4, Random(seed))}
    assert {9, 8} < drawn
    assert 7 not in drawn


@pytest.mark.parametrize("seed", range(20))
def test_every_list_with_a_document_that_was_not_picked_keeps_some(seed: int) -> None:
    drawn = draw_documents(np.array([1.0] * 15 + [0.0] * 5), 8, Random(seed))
    assert len(drawn) == 8
    assert sum(row >= 15 for row in drawn) == 4


def test_a_list_where_everything_was_picked_is_cut_all_the_same() -> None:
    drawn = draw_documents(np.arange(1.0, 21.0), 8, Random(13))
    assert len(drawn) == 8
    assert {16, 17, 18, 19} < set(drawn)


def test_each_document_keeps_its_label() -> None:
    lists = [list_of(40, (5, 6, 7)), list_of(3, (2,)), list_of(12)]
    labels = [np.arange(len(each["documents"])) * 10.0 for each in lists]
    dataset = sample_lists(lists, labels, documents=6, seed=13)
    assert [len(texts) for texts in dataset["documents"]] == [6, 3, 6]
    for row in dataset:
        assert row["query"] == "question"
        numbers = [int(text.removeprefix("text ")) for text in row["documents"]]
        assert row["labels"] == [number * 10.0 for number in numbers]
