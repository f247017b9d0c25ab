"""Late picks weigh more, unseen documents less, and without a bias nothing changes."""

from pathlib import Path

import numpy as np
import pytest

from findtune.core.records import Record
from findtune.reranker.model.examination import (
    MAX_WEIGHT,
    NO_BIAS,
    corrected,
    display_ranks,
    inverse_propensity,
    read_examination,
    reading_probabilities,
    write_examination,
)
from findtune.reranker.model.ranked_lists import corrected_picks, decisive_gains, measure_lists

RANKS = [1, 2, 4, 8]


def list_at(ranks: list[int | None], picks: str = "ad", **grades: int) -> Record:
    """Return a list of the documents a, b, c, ..., shown at some ranks."""
    documents = [{"url": url, "rank": rank} for url, rank in zip("abcdef", ranks, strict=False)]
    return {"query": "tea", "documents": documents, "picks": [*picks], "qrels": grades}


def test_a_pick_weighs_the_inverse_of_how_likely_its_rank_was_examined() -> None:
    assert corrected_picks(list_at([*RANKS]), 1.0).tolist() == [1, 0, 0, 8]
    assert corrected_picks(list_at([*RANKS]), 0.5) == pytest.approx([1, 0, 0, 8**0.5])


def test_no_weight_is_above_the_limit() -> None:
    assert inverse_propensity(list_at([1, 2, 100]), 2.0).tolist() == [1, 4, MAX_WEIGHT]


def test_without_a_bias_picks_and_gains_stay_as_they_are() -> None:
    picks, gains = corrected_picks(list_at([*RANKS]), 0.0), np.array([3.0, 0, 0, 2])
    assert (picks.dtype.kind, picks.tolist()) == ("i", [1, 0, 0, 1])
    assert corrected(gains, list_at([*RANKS]), 0.0) is gains


def test_grades_decide_and_are_not_corrected() -> None:
    assert decisive_gains(list_at([*RANKS], d=2), 1.0).tolist() == [0, 0, 0, 2]
    assert decisive_gains(list_at([*RANKS]), 1.0).tolist() == [1, 0, 0, 8]
    assert decisive_gains(list_at([*RANKS])).tolist() == [1, 0, 0, 1]


def test_a_document_without_a_rank_was_shown_after_the_last_one() -> None:
    assert display_ranks(list_at([3, None, 1])).tolist() == [3, 4, 1]
    assert display_ranks(list_at([None, None])).tolist() == [1, 2]


def test_users_have_seen_all_above_their_last_pick_and_less_and_less_below_it() -> None:
    ranked_list, picks = list_at([*RANKS]), np.array([0, 1, 0, 0])
    assert reading_probabilities(ranked_list, picks, 1.0).tolist() == [1, 1, 1 / 2, 1 / 4]
    assert reading_probabilities(ranked_list, picks, 0.0).tolist() == [1, 1, 1, 1]


def test_a_ranking_that_puts_the_late_pick_first_gains_by_the_correction() -> None:
    scores, ranked_list = [np.array([0.0, 1, 2, 3])], list_at([*RANKS])
    logged, right = (
        measure_lists(scores, [corrected_picks(ranked_list, eta)])["ndcg@10"] for eta in (0.0, 0.5)
    )
    fourth, second = np.log2([5, 3])
    assert logged == pytest.approx((1 + 1 / fourth) / (1 + 1 / second))
    late = 2.83  # the square root of 8 in hundredths
    assert right == pytest.approx((late + 1 / fourth) / (late + 1 / second))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    examination = NO_BIAS.model_copy(update={"eta": 0.635, "graded": True, "lists": 7})
    write_examination(tmp_path / "examination.json", examination)
    assert read_examination(tmp_path / "examination.json") == examination
