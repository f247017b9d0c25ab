"""A model card tells a model's lineage to people and to hubs, and shows no row of its data."""

from typing import Any

import pytest
import yaml

from findtune.bases import Base, Hub
from findtune.cards import About, card

HUB = Hub(repository="somebody/tiny", revision="0" * 40)
BASE = Base(
    name="tiny",
    licence="Apache-2.0",
    architecture="BertModel",
    path=None,
    wheel=None,
    hub=HUB,
    files={"model.safetensors": "a" * 64, "config.json": "b" * 64},
)
RECIPE = {"learning_rate": 5.0e-5, "order_weight": 0.123456789, "interpolation": (0.5, 1.0)}
FACTS = {"steps": 7, "interpolation": 0.5}
SWEEP = [
    {"interpolation": 0.0, "ndcg@10": 0.412345},
    {"interpolation": 0.5, "ndcg@10": 0.5},
]


def told(**changes: Any) -> str:
    parts: dict[str, Any] = {
        "name": ("embedder", "small"),
        "about": About("sentence-similarity", "sentence-transformers", "Load it so."),
        "base": BASE,
        "recipe": RECIPE,
        "facts": FACTS,
        "data": {"train.jsonl": "c" * 64},
        "sweep": SWEEP,
    }
    return card(**parts | changes)


def front_matter(text: str) -> Any:
    start, front, _ = text.split("---\n", 2)
    assert start == ""
    return yaml.safe_load(front)


def test_the_front_matter_is_yaml_that_hubs_understand() -> None:
    assert front_matter(told()) == {
        "base_model": "somebody/tiny",
        "library_name": "sentence-transformers",
        "license": "apache-2.0",
        "pipeline_tag": "sentence-similarity",
        "tags": ["findtune", "sentence-transformers", "embedder"],
    }


def test_a_model_that_tuning_did_not_help_is_not_called_tuned() -> None:
    assert "tiny, tuned. Load it so." in told()
    kept = told(facts=FACTS | {"interpolation": 0.0})
    assert "tiny, as it was before tuning, which did not help. Load it so." in kept


def test_a_base_that_is_on_no_hub_is_called_by_its_name() -> None:
    local = BASE.model_copy(update={"hub": None, "name": "ours: the 2nd"})
    assert front_matter(told(base=local))["base_model"] == "ours: the 2nd"


@pytest.mark.parametrize(
    "row",
    [
        "| learning_rate | 5e-05 |",
        "| order_weight | 0.123456789 |",
        "| interpolation | 0.5, 1.0 |",
    ],
)
def test_parameters_are_told_unrounded(row: str) -> None:
    assert row in told().splitlines()


def test_a_room_says_which_library_loads_its_models() -> None:
    found = front_matter(told(about=About("text-generation", "transformers", "Load it so.")))
    assert found["library_name"] == "transformers"
    assert found["tags"] == ["findtune", "transformers", "embedder"]


def test_the_lineage_names_the_packed_bytes_that_it_began_with() -> None:
    packed = BASE.model_copy(update={"files": {"tiny.gguf": "d" * 64, "config.json": "e" * 64}})
    assert f"| base weights (sha256) | {'d' * 64} |" in told(base=packed).splitlines()


def test_the_lineage_names_the_bytes_that_it_began_with() -> None:
    assert f"| base weights (sha256) | {'a' * 64} |" in told().splitlines()
    assert "| steps | 7 |" in told().splitlines()


def test_data_is_told_by_its_hash_alone() -> None:
    section = told().split("test only judges.\n\n")[1].split("\n\n")[0]
    assert section.splitlines() == ["| | |", "|---|---|", f"| train.jsonl | {'c' * 64} |"]


def test_measures_on_dev_are_a_table() -> None:
    assert told().endswith(
        "| interpolation | ndcg@10 |\n|---|---|\n| 0.0 | 0.4123 |\n| 0.5 | 0.5 |\n"
    )


def test_a_plain_recipe_has_no_sweep_to_tell_of() -> None:
    assert told(sweep=[]).endswith("None: the plain recipe keeps its last weights.\n")


def test_the_same_model_has_the_same_card() -> None:
    assert told() == told(recipe=dict(reversed(RECIPE.items())))
