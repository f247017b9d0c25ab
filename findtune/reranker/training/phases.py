"""The phases of training: distillation from the retriever, then tuning on the picks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from datasets import Dataset
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments

from findtune.reranker.training.recipe import PhaseArguments
from findtune.training.arguments import WithoutModelCard, run_trainer
from findtune.training.callback import EvalCallback
from findtune.training.checkpoints import NO_CHECKPOINTS, Checkpoints
from findtune.training.encoding import fast_layers
from findtune.training.ranks import SharedBatches
from findtune.training.resumption import Resumable


@dataclass(frozen=True)
class Phase:
    """What one phase learns, and how.

    name: shown in progress lines. dataset: as `list_dataset.build_dataset` returns it.
    """

    name: str
    dataset: Dataset
    loss: torch.nn.Module
    arguments: PhaseArguments
    batch_size: int  # lists


def run_phase(
    phase: Phase,
    model: CrossEncoder,
    *,
    callback: EvalCallback,
    settings: Mapping[str, Any],
    checkpoints: Checkpoints = NO_CHECKPOINTS,
) -> None:
    """Train a model for one phase; settings: the trainer settings that all rooms share."""
    if not phase.arguments.epochs:
        return
    callback.phase = phase.name
    arguments = CrossEncoderTrainingArguments(
        num_train_epochs=phase.arguments.epochs,
        per_device_train_batch_size=phase.batch_size,
        learning_rate=phase.arguments.learning_rate,
        **settings,
    )
    trainer = QuietTrainer(
        model=model,
        args=arguments,
        train_dataset=phase.dataset,
        loss=phase.loss,
        callbacks=[callback],
    )
    with fast_layers(model):
        progress = not arguments.disable_tqdm
        run_trainer(trainer, model, progress=progress, checkpoints=checkpoints.phase(phase.name))


class QuietTrainer(SharedBatches, Resumable, WithoutModelCard, CrossEncoderTrainer):
    """The trainer of sentence-transformers without its model card."""
