"""The trainer settings that all rooms share: repeatable, quiet, and offline."""

from typing import Any, Protocol

import torch
from transformers import PrinterCallback, ProgressCallback, Trainer

from findtune.training import ranks
from findtune.training.checkpoints import NO_CHECKPOINTS, Checkpoints
from findtune.training.resumption import train_resumably

# With several ranks. DistributedDataParallel must not wait for a weight that no text uses, such as
# a pooler's. No buffer of our models changes, and ranks call them different numbers of times. The
# libraries would drop the last batch, and say so; `SharedBatches` keeps it.
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
    """Return the training arguments that all rooms share. Nothing is sent anywhere."""
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
    """Train a model with at most a progress bar on the screen; leave it in evaluation mode.

    checkpoints: of this phase, which another trainer must not use; with a folder, the trainer is
    `Resumable`, and goes on from the last one.
    """
    trainer.remove_callback(PrinterCallback)
    if not progress:
        trainer.remove_callback(ProgressCallback)
    # full_determinism also fills each new tensor with NaN, in case an operation reads it unwritten
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if checkpoints.folder:
        train_resumably(trainer, checkpoints)
    else:
        trainer.train()
    model.eval()


class WithoutModelCard:
    """A base class of trainers of sentence-transformers whose model card would show training rows.

    The stage `card` writes a card without training data.
    """

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Do nothing."""
