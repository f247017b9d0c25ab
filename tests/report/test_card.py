"""A model card shows measures and lineage to people and to model hubs, and no training text."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from findtune.bases.entry import BaseEntry
from findtune.report.card import CARD_INFOS, model_card

PARTS = yaml.safe_load(Path(__file__).parents[1].joinpath("data", "card.yaml").read_text("utf-8"))


def card(**changes: Any) -> str:
    parts = {**PARTS, **changes}
    return model_card(**parts | {"entry": BaseEntry.model_validate(parts["entry"])})


def front_matter(text: str) -> Any:
    start, front, _ = text.split("---\n", 2)
    assert start == ""
    return yaml.safe_load(front)


@pytest.mark.parametrize("model", CARD_INFOS)
def test_the_front_matter_is_yaml_that_model_hubs_read(model: str) -> None:
    info = CARD_INFOS[model]
    assert front_matter(card(model=model)) == {
        "base_model": "somebody/tiny",
        "library_name": info.library,
        "license": "apache-2.0",
        "pipeline_tag": info.task,
        "tags": ["findtune", info.library, model],
    }


def test_a_base_that_is_on_no_hub_is_called_by_its_name() -> None:
    local = PARTS["entry"] | {"hub": None, "name": "ours: the 2nd"}
    assert front_matter(card(entry=local))["base_model"] == "ours: the 2nd"


def test_a_model_that_tuning_did_not_help_is_not_called_tuned() -> None:
    assert "tiny, tuned. `Sent" in card()
    unchanged = card(training=PARTS["training"] | {"interpolation": 0.0})
    assert "tiny, unchanged, since tuning did not help on dev. `Sent" in unchanged


@pytest.mark.parametrize(
    "row",
    [
        "| learning_rate | 5e-05 |",
        "| tune.epochs | 2 |",
        "| interpolation | 0.5, 1.0 |",
        "| steps | 7 |",
        f"| base weights (sha256) | {'a' * 64} |",
        f"| train.jsonl | {'c' * 64} |",
        "| 0.0 | 0.4123 |",
        "- ndcg@10 +0.1000 [+0.0500, +0.1500]",
        "**WIN** over 7 queries; interpolation 0.5.",
    ],
)
def test_parameters_lineage_data_and_measures_are_in_the_card(row: str) -> None:
    assert row in card().splitlines()


def test_a_recipe_without_candidates_has_no_sweep() -> None:
    assert "None: the plain recipe keeps its last weights.\n" in card(sweep=[])


def test_the_same_model_has_the_same_card() -> None:
    assert card() == card(recipe=dict(reversed(PARTS["recipe"].items())))


def test_a_text_of_params_yaml_does_not_break_the_table() -> None:
    text = card(recipe={"prompt": "Rewrite | as a\nsearch"})
    assert "| prompt | Rewrite \\| as a search |" in text
