"""A copy is kept only if it loses no more than allowed."""

import math
from typing import Any

import pytest

from findtune.core.errors import InputError


def results(**losses: tuple[int, float]) -> dict[str, Any]:
    """Return the measures of some kinds of questions, by how many there are and what they lose."""
    return {
        kind: {"fp32": {"ndcg@10": 0.75}, "int8": {"ndcg@10": 0.75 - loss}, "queries": queries}
        for kind, (queries, loss) in losses.items()
    }


def test_every_question_counts_once_of_whatever_kind_it_is() -> None:
    from findtune.stack.int8.judge import refuse_loss

    refuse_loss("the tuned embedder", results(known=(90, 0.0), new=(10, 0.04)), 0.005)
    with pytest.raises(
        InputError, match="the tuned embedder loses 0.0080 of ndcg@10 on test .0.75"
    ):
        refuse_loss("the tuned embedder", results(known=(80, 0.0), new=(20, 0.04)), 0.005)


def test_a_loss_that_is_no_number_is_refused() -> None:
    from findtune.stack.int8.judge import refuse_loss

    with pytest.raises(InputError, match="loses nan"):
        refuse_loss("the tuned reranker", results(lists=(9, math.nan)), 0.005)
