"""The settings of one training."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from findtune.core.params import Section
from findtune.retrieval.kinds import Retriever
from findtune.rewriter.model.settings import Generation

Positive = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(gt=0, le=1)]
NonNegative = Annotated[int, Field(ge=0)]


class Recipe(Section):
    """params.yaml: rewriter.SIZE. Tuples hold the candidates for model selection."""

    epochs: float = Field(gt=0)
    learning_rate: float = Field(gt=0)
    batch_size: int = Field(gt=0)
    label_smoothing: float = Field(ge=0, lt=1)
    warmup_ratio: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    precision: Literal["fp32", "bf16"]
    threads: int = Field(gt=0)
    eval_steps: float = Field(gt=0, le=1)
    early_stopping_patience: int = Field(gt=0)
    interpolation: tuple[Share, ...] = Field(min_length=1)  # 0, the base, always competes
    retriever: Retriever  # for all comparisons
    train_questions: NonNegative  # for the comparison, in addition to all of dev
    generation: Generation  # stands before num_rewrites, whose validator reads it
    num_rewrites: tuple[Positive, ...] = Field(min_length=1)
    fb_docs: tuple[NonNegative, ...] = Field(min_length=1)
    rank_constant: tuple[float, ...] = Field(min_length=1)
    original_query_weight: tuple[float, ...] = Field(min_length=1)
    query_repeats: tuple[int, ...] = Field(min_length=1)
    eval_seeds: int = Field(gt=0)  # seeds over which results on dev are averaged

    @field_validator("num_rewrites")
    @classmethod
    def refuse_more_than_sampled(
        cls, num_rewrites: tuple[int, ...], info: ValidationInfo
    ) -> tuple[int, ...]:
        """Raise ValueError when more rewrites would be searched than are sampled."""
        generation = info.data.get("generation")
        if generation and max(num_rewrites) > generation.num_return_sequences:
            raise ValueError(
                f"at most {generation.num_return_sequences} rewrites can be searched, since "
                "generation.num_return_sequences samples no more"
            )
        return num_rewrites
