"""The settings of one training."""

from typing import Literal, Self

from pydantic import Field, model_validator

from findtune.core.params import Section
from findtune.reranker.training.list_losses import LossName


class PhaseArguments(Section):
    """How long and how fast one phase of training learns; 0 epochs skip it."""

    epochs: float = Field(ge=0)
    learning_rate: float = Field(gt=0)


class RetrieverArguments(Section):
    """How the retriever learns lists, and the number of folds for cross-fitting."""

    epochs: int = Field(gt=0)
    learning_rate: float = Field(gt=0)
    batch_size: int = Field(gt=1)  # lists
    documents: int = Field(gt=1)  # per question, from its own list
    relevant: int = Field(gt=0)  # of these documents, at most
    max_seq_length: int = Field(gt=0)
    folds: int = Field(ge=3)  # dev, and two or more parts of train

    @model_validator(mode="after")
    def leave_room(self) -> Self:
        """Refuse rows that could have only relevant documents: they teach nothing."""
        if self.relevant >= self.documents:
            raise ValueError("relevant must be below documents")
        return self


class Recipe(Section):
    """params.yaml: reranker.SIZE."""

    retriever: RetrieverArguments
    candidates: int = Field(gt=1)  # per question, found by the untuned retriever
    loss: LossName
    distil: PhaseArguments  # from the retriever
    tune: PhaseArguments  # on the picks
    batch_size: int = Field(gt=0)  # lists
    documents: int = Field(gt=1)  # of each list, at most
    warmup_ratio: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    max_length: int = Field(gt=0)
    precision: Literal["fp32", "bf16"]
    threads: int = Field(gt=0)
    eval_steps: float = Field(gt=0, le=1)
    early_stopping_patience: int = Field(gt=0)
    temperature: float = Field(gt=0)  # see BlendWeights
    interpolation: tuple[float, ...] = Field(min_length=1)
    blend_weights: tuple[float, ...] = Field(min_length=1)
