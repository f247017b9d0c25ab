"""What every room tells the trainers of transformers: to repeat themselves, and to be quiet."""

from typing import Any, Protocol

import torch
from transformers import PrinterCallback, ProgressCallback, Trainer


class Common(Protocol):
    """What the recipes of all rooms have."""

    @property
    def warmup(self) -> float: ...

    @property
    def weight_decay(self) -> float: ...


def arguments(recipe: Common, precision: str, seed: int, *, progress: bool) -> dict[str, Any]:
    """Return the training arguments that all rooms share; nothing is saved or sent anywhere."""
    return {
        "output_dir": ".",  # nothing is saved there: save_strategy is "no"
        "warmup_steps": recipe.warmup,
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
    }


def run(trainer: Trainer, model: torch.nn.Module, *, progress: bool) -> None:
    """Train a model, with no more on the screen than a bar; leave it as it is used."""
    trainer.remove_callback(PrinterCallback)
    if not progress:
        trainer.remove_callback(ProgressCallback)
    trainer.train()
    model.eval()
