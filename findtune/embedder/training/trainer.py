"""Running the trainer of sentence-transformers on the training records."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)

from findtune.core.records import read_kind
from findtune.embedder.training.objectives import LearnedRecords, build_objective
from findtune.embedder.training.recipe import Recipe
from findtune.training.arguments import WithoutModelCard, run_trainer
from findtune.training.callback import EvalCallback
from findtune.training.checkpoints import NO_CHECKPOINTS, Checkpoints
from findtune.training.encoding import fast_layers
from findtune.training.ranks import SharedBatches
from findtune.training.resumption import Resumable


class Schedule(NamedTuple):
    """The length of a training, so that a refit can repeat it with other data.

    epochs: to train; planned_epochs: those of the first training before dev cut it short, over
    which the passes over picks are spread; steps: in `epochs`.
    """

    epochs: float
    planned_epochs: float
    steps: int

    def until(self, step: int) -> "Schedule":
        """Return the schedule cut off at a step."""
        return self._replace(epochs=self.epochs * step / self.steps, steps=step)


def learned_records(examples: Path, split: str = "train") -> LearnedRecords:
    """Return the training records of a split, by kind."""
    kinds = ("positive", "pick", "scored")
    return LearnedRecords(*(read_kind(examples / f"{split}.jsonl", kind) for kind in kinds))


def train(
    model: SentenceTransformer,
    learned: LearnedRecords,
    recipe: Recipe,
    settings: Mapping[str, Any],
    *,
    callback: EvalCallback | None = None,
    schedule: Schedule | None = None,
    checkpoints: Checkpoints = NO_CHECKPOINTS,
) -> Schedule:
    """Train a model, and return the planned schedule.

    settings: the trainer arguments that all rooms share; callback: None in the refit, which is not
    evaluated; schedule: of the refit; None for the epochs of the recipe.
    """
    planned = schedule.planned_epochs if schedule else None
    objective = build_objective(model, learned, recipe, settings["seed"], planned)
    epochs = schedule.epochs if schedule else recipe.epochs_of(objective.batches)
    arguments = SentenceTransformerTrainingArguments(
        num_train_epochs=epochs,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        batch_sampler=objective.batch_sampler,
        **settings,
    )
    trainer = QuietTrainer(
        model=model,
        args=arguments,
        train_dataset=objective.datasets,
        loss=objective.losses,
        callbacks=[callback] if callback else [],
    )
    with fast_layers(model):
        phase = checkpoints.phase("tuning" if callback else "refit")
        run_trainer(trainer, model, progress=not arguments.disable_tqdm, checkpoints=phase)
    return Schedule(epochs, planned or epochs, trainer.state.max_steps)


class QuietTrainer(SharedBatches, Resumable, WithoutModelCard, SentenceTransformerTrainer):
    """The trainer of sentence-transformers without its model card."""
