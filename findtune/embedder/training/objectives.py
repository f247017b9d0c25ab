"""The two recipes: which data an embedder trains on, with which losses, in which batches.

joint   a ranking loss (InfoNCE with in-batch negatives, van den Oord et al. 2018) brings the
        texts of a variable together and pushes other variables of the batch away; beside it,
        CoSENT (Su 2022) learns the order of the scored pairs.
plain   the cosine of every pair learns to equal its label. This is the usual recipe by hand, kept
        for comparison.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from datasets import Dataset, DatasetDict
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import (
    CoSENTLoss,
    CosineSimilarityLoss,
    MultipleNegativesRankingLoss,
)

from findtune.core.errors import InputError
from findtune.core.records import Record
from findtune.embedder.training.in_batch_negatives import InBatchNegativesSampler, positive_pairs
from findtune.embedder.training.recipe import Recipe
from findtune.embedder.training.scored_batches import ScoredPairSampler


class Objective(NamedTuple):
    """What the trainer of sentence-transformers needs: data, losses and batch sampler."""

    datasets: Dataset | DatasetDict
    losses: torch.nn.Module | dict[str, torch.nn.Module]
    batch_sampler: str | Callable[..., Any]


def build_objective(
    model: SentenceTransformer,
    positives: Sequence[Record],
    scored: Sequence[Record],
    recipe: Recipe,
    seed: int,
) -> Objective:
    """Return the objective of a recipe; raise InputError when there are too few positives."""
    if recipe.recipe == "plain":
        return plain_objective(model, positives, scored)
    if len(positives) < recipe.batch_size:
        raise InputError(
            f"{len(positives)} positive pairs are less than a batch of {recipe.batch_size}; "
            "add alternatives, or lower batch_size in params.yaml."
        )
    return joint_objective(model, positives, scored, recipe=recipe, seed=seed)


def joint_objective(
    model: SentenceTransformer,
    positives: Sequence[Record],
    scored: Sequence[Record],
    *,
    recipe: Recipe,
    seed: int,
) -> Objective:
    """Return the objective of the joint recipe."""
    datasets = {"positives": positive_dataset(positives)}
    losses: dict[str, torch.nn.Module] = {
        "positives": MultipleNegativesRankingLoss(
            model,
            scale=recipe.scale,
            directions=("query_to_doc", "doc_to_query"),
            partition_mode="per_direction",
        )
    }
    positive_batches = InBatchNegativesSampler(positive_pairs(positives), recipe.batch_size, seed)
    scored_batches: ScoredPairSampler | None = None
    if scored:
        datasets["scored"] = scored_dataset(scored)
        losses["scored"] = CoSENTLoss(model)
        batches = math.ceil(len(positive_batches) / recipe.cosent_every)
        scored_batches = ScoredPairSampler(
            len(scored), batch_size=recipe.batch_size, batches=batches, seed=seed
        )

    def batch_sampler(dataset: Dataset, **_: Any) -> InBatchNegativesSampler | ScoredPairSampler:
        is_scored = "label" in dataset.column_names
        return scored_batches if scored_batches and is_scored else positive_batches

    return Objective(DatasetDict(datasets), losses, batch_sampler)


def plain_objective(
    model: SentenceTransformer, positives: Sequence[Record], scored: Sequence[Record]
) -> Objective:
    """Return the objective of the plain recipe."""
    labelled = [
        {
            "sentence_1": record["anchor"],
            "sentence_2": record["positive"],
            "score": record["label"],
        }
        for record in positives
    ]
    dataset = scored_dataset([*labelled, *scored])
    return Objective(dataset, CosineSimilarityLoss(model), "batch_sampler")


def positive_dataset(positives: Sequence[Record]) -> Dataset:
    """Return the texts of the positive pairs."""
    columns = ("anchor", "positive")
    return Dataset.from_dict({name: [record[name] for record in positives] for name in columns})


def scored_dataset(scored: Sequence[Record]) -> Dataset:
    """Return pairs of sentences with their scores as labels."""
    return Dataset.from_dict(
        {
            "sentence_1": [record["sentence_1"] for record in scored],
            "sentence_2": [record["sentence_2"] for record in scored],
            "label": [float(record["score"]) for record in scored],
        }
    )
