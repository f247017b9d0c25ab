"""The trainer settings that all rooms share: repeatable, quiet, and offline."""

from typing import Any, Protocol

import torch
from transformers import PrinterCallback, ProgressCallback, Trainer

from findtune.training import ranks
from findtune.training.checkpoints import NO_CHECKPOINTS, Checkpoints
from findtune.training.memory import GiveBackMemory
from findtune.training.resumption import train_resumably

# With several ranks. DistributedDataParallel must not wait for unused weights, such as a pooler's.
# Buffers need no broadcast: those of our models never change, and ranks call their models different
# numbers of times. The libraries would drop the last batch, and say so; `SharedBatches` keeps it.
RANKED = {
    "ddp_find_unused_parameters": True,
    "ddp_broadcast_buffers": False,
    "dataloader_drop_last": True,
}


class TrainerRecipe(Protocol):
    """The settings that every room's recipe has."""

    @property
    def warmup_ratio(self) -> float: ...

    @property
    def weight_decay(self) -> float: ...


def trainer_arguments(
    recipe: TrainerRecipe, precision: str, seed: int, *, progress: bool
) -> dict[str, Any]:
    """Return the training arguments that all rooms share; nothing is reported to a service."""
    return {
        "output_dir": ".",  # unused, since save_strategy is "no"; see resumption.py
        "warmup_steps": recipe.warmup_ratio,  # transformers 5 reads a value below 1 as a ratio
        "weight_decay": recipe.weight_decay,
        "bf16": precision == "bf16",
        "use_cpu": not torch.cuda.is_available(),
        "seed": seed,
        "full_determinism": True,
        "save_strategy": "no",
        "report_to": "none",
        "logging_strategy": "no",
        "logging_nan_inf_filter": False,
        "disable_tqdm": not progress,
        **(RANKED if ranks.count() > 1 else {}),
    }


def run_trainer(
    trainer: Trainer,
    model: torch.nn.Module,
    *,
    progress: bool,
    checkpoints: Checkpoints = NO_CHECKPOINTS,
) -> None:
    """Train a model, printing at most a progress bar; leave the model in evaluation mode.

    checkpoints: of this phase, not shared with another trainer; if they have a folder, the trainer
    must be `Resumable`, and continues from the last checkpoint.
    """
    trainer.remove_callback(PrinterCallback)
    if not progress:
        trainer.remove_callback(ProgressCallback)
    trainer.add_callback(GiveBackMemory())
    # full_determinism also fills each new tensor with NaN, in case an operation reads it unwritten
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if checkpoints.folder:
        train_resumably(trainer, checkpoints)
    else:
        trainer.train()
    model.eval()


class WithoutModelCard:
    """A mixin for trainers of sentence-transformers that suppresses their model card.

    That card would show training rows; the stage `card` writes one without them.
    """

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Do nothing."""
