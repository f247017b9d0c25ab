"""How often each kind of data is learned."""

from pathlib import Path
from typing import Any

import pytest
from sentence_transformers import SentenceTransformer

from findtune.embedder.training.objectives import LearnedRecords, build_objective
from findtune.embedder.training.recipe import Recipe

PICKS = [
    {"query": f"question {n}", "positive": f"page {n}", "negatives": [f"other {n}"]}
    for n in range(20)
]
PAIRS = [
    {"dcid": f"dc{n}", "anchor": f"name {n}", "positive": f"wording {n}"}
    | {"negatives": [], "why": "alternative"}
    for n in range(8)
]


@pytest.mark.parametrize("pairs", [PAIRS, []], ids=["beside a small catalog", "alone"])
@pytest.mark.parametrize(("epochs", "min_batches"), [(1, 0), (1, 40), (0.5, 0), (0.5, 40)])
def test_picks_are_learned_as_often_as_feedback_passes_says(
    tiny_base: Path,
    recipe: dict[str, Any],
    pairs: list[dict[str, Any]],
    epochs: float,
    min_batches: int,
) -> None:
    changes = {"epochs": epochs, "min_batches": min_batches, "feedback_batch_size": 2}
    values = Recipe(**recipe | changes | {"feedback_passes": 2})
    model = SentenceTransformer(str(tiny_base))
    objective = build_objective(model, LearnedRecords(pairs, PICKS, []), values, seed=1)
    picks = objective.batch_sampler(objective.datasets["picks"])  # type: ignore[operator]
    assert len(picks) * values.epochs_of(objective.batches) == 2 * len(PICKS) / 2
