"""What a training returns."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class FitResult:
    """A tuned model, the dev measures during training, and the candidates compared afterwards.

    model: the room's own type. save: writes the model to a folder. history: one row for each
    evaluation on dev. sweep: one row for each candidate that was compared after training.
    facts: what training.json records.
    """

    model: Any
    save: Callable[[Path], None]
    history: list[dict[str, float]]
    sweep: list[dict[str, float]]
    facts: dict[str, Any]
