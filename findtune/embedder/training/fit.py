"""Fine-tuning an embedder on positive pairs of the catalog, picks of users, and scored pairs.

Training stops early on dev. Afterwards the weights are interpolated with the base's: dev decides
how far they go, as long as the guards don't get worse. With `refit`, the base is then trained
again, on train and dev, as many steps as dev chose.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)

from findtune.core.files import read_jsonl
from findtune.core.records import read_kind
from findtune.embedder.training.collapse import refuse_collapse
from findtune.embedder.training.dev_set import EmbedderDevSet
from findtune.embedder.training.model_selection import Row, is_as_good, select_interpolation
from findtune.embedder.training.objectives import LearnedRecords, Objective, build_objective
from findtune.embedder.training.recipe import Recipe
from findtune.retrieval.encoder import load_encoder
from findtune.training.arguments import run_trainer, trainer_arguments
from findtune.training.callback import DevResult, EvalCallback
from findtune.training.fit_result import FitResult
from findtune.training.interpolation import State, interpolate, snapshot
from findtune.training.precision import supported_precision

__all__ = ["Recipe", "fit"]

NAMES = {  # kind of a record in train or dev -> how it is called
    "positive": "pairs of the catalog",
    "pick": "picks of the feedback",
    "scored": "scored pairs",
    "guard": "guard pairs",
    "guard_query": "guard queries",
}

Say = Callable[[str], None]


class Base(NamedTuple):
    """The base model before training: its result on dev, and its weights."""

    result: DevResult
    weights: State


def fit(
    bases: Mapping[str, Path],
    examples: Path,
    recipe: Recipe,
    seed: int,
    say: Say,
    *,
    progress: bool,
) -> FitResult:
    """Return a base model tuned on a folder of examples.

    bases: the folder of each room's base model. Raises CollapseError when training goes wrong,
    UnsafeModelError when the base must not be loaded, InputError when there are too few examples.
    """
    torch.set_num_threads(recipe.threads)
    precision = supported_precision(recipe.precision, say)
    model = load_encoder(bases["embedder"])
    base_length = model.max_seq_length
    model.max_seq_length = min(recipe.max_seq_length, base_length or recipe.max_seq_length)
    say(describe_data(examples))
    dev = EmbedderDevSet(model, examples, recipe.dev_documents, precision, progress=progress)
    base = Base(dev.evaluate(model), snapshot(model))
    callback = build_callback(model, dev=dev, base=base.result, recipe=recipe, say=say)
    settings = trainer_arguments(recipe, precision, seed, progress=progress)
    train(model, learned_records(examples, "train"), recipe, callback, settings)
    sweep: list[Row] = []
    facts = {"precision": precision, "steps": callback.history[-1]["step"]}
    if recipe.recipe == "plain":  # the usual recipe by hand keeps its last weights
        facts["interpolation"] = 1.0
    else:
        sweep = sweep_interpolation(model, dev=dev, base=base, callback=callback, recipe=recipe)
        a = select_interpolation(sweep, recipe.guard_tolerance)["interpolation"]
        facts |= {"interpolation": a, "best_step": callback.kept_step}
        steps = {**settings, "max_steps": callback.kept_step}
        again = recipe.refit and a > 0
        tuned = refit(model, base, examples, recipe, steps) if again else callback.kept_weights
        model.load_state_dict(interpolate(base.weights, tuned, a))
    model.max_seq_length = base_length  # after the sweep, whose rows must be comparable
    return FitResult(model, partial(save_model, model), callback.history, sweep, facts)


def build_callback(
    model: SentenceTransformer,
    *,
    dev: EmbedderDevSet,
    base: DevResult,
    recipe: Recipe,
    say: Say,
) -> EvalCallback:
    """Return the callback that evaluates on dev; the base's own result does not compete."""

    def evaluate() -> DevResult:
        result = dev.evaluate(model)
        refuse_collapse(result.measures, base.measures)
        return result

    callback = EvalCallback(
        model,
        evaluate,
        recipe,
        say,
        is_as_good=is_as_good,
        reported=[name for name in base.measures if name not in ("score", "error")],
        early_stopping=recipe.recipe == "joint",
    )
    callback.begin(base, base_competes=False)
    return callback


def describe_data(examples: Path) -> str:
    """Return a line that says what is learned and what guards it, and what is absent."""
    kinds = Counter(
        record["kind"]
        for split in ("train", "dev")
        for record in read_jsonl(examples / f"{split}.jsonl")
    )
    present = [f"{kinds[kind]} {name}" for kind, name in NAMES.items() if kinds[kind]]
    absent = [f"no {name}" for kind, name in NAMES.items() if not kinds[kind]]
    return "; ".join(filter(None, [", ".join(present), ", ".join(absent)]))


def learned_records(examples: Path, *splits: str) -> LearnedRecords:
    """Return the records of some splits that are learned."""
    kinds = ("positive", "pick", "scored")
    return LearnedRecords(
        *(
            [row for split in splits for row in read_kind(examples / f"{split}.jsonl", kind)]
            for kind in kinds
        )
    )


def train(
    model: SentenceTransformer,
    learned: LearnedRecords,
    recipe: Recipe,
    callback: EvalCallback | None,
    settings: Mapping[str, Any],
) -> None:
    """Run the trainer of sentence-transformers; settings: what all rooms share."""
    objective = build_objective(model, learned, recipe, settings["seed"])
    arguments = SentenceTransformerTrainingArguments(
        num_train_epochs=epochs(objective, recipe),
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        batch_sampler=objective.batch_sampler,
        **settings,
    )
    trainer = TrainerWithoutModelCard(
        model=model,
        args=arguments,
        train_dataset=objective.datasets,
        loss=objective.losses,
        callbacks=[callback] if callback else [],
    )
    run_trainer(trainer, model, progress=not arguments.disable_tqdm)


def epochs(objective: Objective, recipe: Recipe) -> float:
    """Return how often the data are learned: at least as often as gives `min_batches`."""
    if not objective.batches:
        return recipe.epochs
    return max(recipe.epochs, recipe.min_batches / objective.batches)


def refit(
    model: SentenceTransformer,
    base: Base,
    examples: Path,
    recipe: Recipe,
    settings: Mapping[str, Any],
) -> State:
    """Train the base on train and dev, and return the weights; settings hold `max_steps`.

    The learning rate ends at 0 after these steps, as in a complete training.
    """
    model.load_state_dict(base.weights)
    train(model, learned_records(examples, "train", "refit"), recipe, None, settings)
    return snapshot(model)


class TrainerWithoutModelCard(SentenceTransformerTrainer):
    """The trainer of sentence-transformers without its model card, which shows training rows."""

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Do nothing: the stage `card` writes a card without training data."""


def sweep_interpolation(
    model: SentenceTransformer,
    *,
    dev: EmbedderDevSet,
    base: Base,
    callback: EvalCallback,
    recipe: Recipe,
) -> list[Row]:
    """Return what dev measures at each interpolation, the base (0) included."""
    known = {0.0: base.result, 1.0: callback.kept}
    sweep = []
    for a in sorted({0.0, *recipe.interpolation}):
        model.load_state_dict(interpolate(base.weights, callback.kept_weights, a))
        result = known.get(a) or dev.evaluate(model)
        sweep.append({"interpolation": a, **result.measures})
    return sweep


def save_model(model: SentenceTransformer, folder: Path) -> None:
    """Write a model to a folder, without the library's model card."""
    model.save_pretrained(str(folder), create_model_card=False)
