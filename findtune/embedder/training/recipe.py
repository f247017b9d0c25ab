"""The settings of one training of the embedder."""

from typing import Literal

from pydantic import Field

from findtune.core.params import Section


class Recipe(Section):
    """params.yaml: embedder.SIZE."""

    recipe: Literal["joint", "plain"]
    epochs: float = Field(gt=0)
    min_batches: int = Field(ge=0)  # of pairs, in all epochs; a small catalog gets more epochs
    batch_size: int = Field(gt=1)
    learning_rate: float = Field(gt=0)
    warmup_ratio: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    scale: float = Field(gt=0)
    cosent_every: int = Field(gt=0)
    feedback_batch_size: int = Field(gt=1)
    feedback_passes: int = Field(gt=0)  # in all epochs; at least one batch in each
    max_seq_length: int = Field(gt=0)
    precision: Literal["fp32", "bf16"]
    threads: int = Field(gt=0)
    eval_steps: float = Field(gt=0, le=1)
    early_stopping_patience: int = Field(gt=0)
    dev_documents: int = Field(gt=0)
    interpolation: tuple[float, ...] = Field(min_length=1)
    guard_tolerance: float = Field(ge=0)
    refit: bool

    def epochs_of(self, batches: int) -> float:
        """Return the number of epochs, enough for `min_batches` in all.

        batches: per epoch; 0 if `min_batches` does not apply.
        """
        return max(self.epochs, self.min_batches / batches) if batches else self.epochs
