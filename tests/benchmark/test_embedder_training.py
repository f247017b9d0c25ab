"""Both recipes learn the same pairs, and the clock times a given number of their steps."""

import math
from typing import Any

import pytest
import torch
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer

from findtune.benchmark import embedder_training
from findtune.benchmark.comparisons import COMPARISONS, QUALITY
from findtune.benchmark.embedder_training import (
    labelled_pairs,
    large_batch,
    shared_pairs,
    steps_of_our_epoch,
    train_ours,
    train_stock,
)
from findtune.benchmark.project import Project
from findtune.benchmark.step_clock import StepClock, parameters_beside_embeddings
from findtune.core.errors import InputError
from findtune.embedder.training.recipe import Recipe
from findtune.retrieval.encoder import load_encoder


@pytest.fixture
def model(project: Project) -> SentenceTransformer:
    return load_encoder(project.base("embedder"))


def learned_texts(monkeypatch: pytest.MonkeyPatch) -> list[set[frozenset[str]]]:
    """Return a list that gets the pairs of every trainer that is made, without training it."""
    seen: list[set[frozenset[str]]] = []

    def look(trainer: SentenceTransformerTrainer, *_: Any) -> None:
        data: Any = trainer.train_dataset
        datasets = data.values() if isinstance(data, dict) else [data]
        columns = [(rows.column_names[:2], rows) for rows in datasets]
        seen.append({frozenset((row[a], row[b])) for (a, b), rows in columns for row in rows})

    monkeypatch.setattr(SentenceTransformerTrainer, "train", look)
    return seen


def test_all_contestants_learn_the_same_pairs_and_no_picks(
    project: Project, model: SentenceTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = learned_texts(monkeypatch)
    train_stock(model, project, StepClock(model[0], 1, 1), batch_size=4)
    run_trainer = "findtune.embedder.training.trainer.run_trainer"
    monkeypatch.setattr(run_trainer, lambda trainer, *_, **__: trainer.train())
    train_ours(model, project, StepClock(model[0], 1, 1))
    plain, ours = seen
    assert plain == ours
    assert len(plain) == 22
    assert not any("p" in pair for pair in plain)


def test_the_plain_recipe_learns_the_label_of_a_pair(project: Project) -> None:
    pairs = labelled_pairs(shared_pairs(project))
    assert {pair["score"] for pair in pairs} == {0.9, 0.1}


def test_the_clock_ends_a_training_after_the_steps_that_it_times(
    project: Project, model: SentenceTransformer
) -> None:
    for train in (train_ours, lambda *given: train_stock(*given, batch_size=4)):
        clock = StepClock(model[0], warmup=1, steps=2)
        train(model, project, clock)
        assert (len(clock.ticks), clock.timed_steps) == (3, 2)
        assert clock.elapsed.tokens > 0
        assert clock.gflops() > 0


def test_a_whole_epoch_has_as_many_steps_as_the_recipes_say(
    project: Project, model: SentenceTransformer
) -> None:
    clock = StepClock(model[0], warmup=1, steps=0)
    train_ours(model, project, clock)
    scored = math.ceil(4 / project.section("embedder", Recipe).cosent_every)
    assert len(clock.ticks) == steps_of_our_epoch(model, project) == 4 + scored
    clock = StepClock(model[0], warmup=1, steps=0)
    train_stock(model, project, clock, batch_size=large_batch(project))
    assert len(clock.ticks) == 5  # 22 pairs in batches of a fourth, rounded down


def test_a_training_of_too_few_steps_is_a_mistake_of_the_data(model: SentenceTransformer) -> None:
    with pytest.raises(InputError, match="0 steps, of which the first 2 are not timed"):
        _ = StepClock(model[0], warmup=2, steps=3).elapsed


def test_padding_is_no_token_and_embeddings_are_no_parameters_that_multiply() -> None:
    network = torch.nn.Sequential(torch.nn.Embedding(10, 4), torch.nn.Linear(4, 3))
    assert parameters_beside_embeddings(network) == 4 * 3 + 3
    clock = StepClock(network, 1, 1)
    clock.count(network, ({"input_ids": torch.ones(2, 3), "attention_mask": torch.eye(2, 3)},))
    clock.count(network, ({"input_ids": torch.ones(1, 5)},))
    assert (clock.rows, clock.tokens) == (3, 7)


def test_every_comparison_has_its_contestants() -> None:
    from importlib import import_module

    for name, comparison in {**COMPARISONS, **QUALITY}.items():
        module = import_module(f"findtune.benchmark.{name}")
        assert list(module.CONTESTANTS) == list(dict.fromkeys(comparison.turns())), name
    assert embedder_training.LARGE_BATCH == 256
