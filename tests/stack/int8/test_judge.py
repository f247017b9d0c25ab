"""A copy is kept only if it loses no more than allowed."""

import math
from typing import Any

import pytest

from findtune.core.errors import InputError


def results(*losses: float) -> dict[str, Any]:
    """Return the measures of some kinds of questions, by what they lose."""
    return {
        f"kind {number}": {
            "fp32": {"ndcg@10": 0.75},
            "int8": {"ndcg@10": 0.75 - loss},
            "difference": {"mean": -loss},
        }
        for number, loss in enumerate(losses)
    }


def test_a_loss_that_is_allowed_or_a_gain_is_kept() -> None:
    from findtune.stack.int8.judge import refuse_loss

    refuse_loss("the tuned embedder", results(0.005, -0.1), 0.005)


@pytest.mark.parametrize("loss", [0.006, math.nan])
def test_a_loss_on_any_kind_of_question_is_refused(loss: float) -> None:
    from findtune.stack.int8.judge import refuse_loss

    with pytest.raises(InputError, match="the tuned embedder loses .* on test .kind 1: 0.7500"):
        refuse_loss("the tuned embedder", results(0.0, loss), 0.005)
