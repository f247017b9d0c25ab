"""The two recipes: which data an embedder trains on, with which losses, in which batches.

joint   a ranking loss (InfoNCE with in-batch negatives, van den Oord et al. 2018) brings the
        texts of a variable together and pushes other variables of the batch away; the same loss
        brings a question close to the documents picked for it and away from the unpicked ones;
        CoSENT (Su 2022) learns the order of the scored pairs.
plain   regression of each pair's cosine on its label. This common baseline is kept for comparison.
"""

import math
from collections.abc import Callable, Sequence
from itertools import chain, cycle, islice
from typing import Any, NamedTuple

import torch
from datasets import Dataset, DatasetDict
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.sampler import DefaultBatchSampler
from sentence_transformers.sentence_transformer.losses import (
    CoSENTLoss,
    CosineSimilarityLoss,
    MultipleNegativesRankingLoss,
)

from findtune.core.errors import InputError
from findtune.core.records import Record
from findtune.embedder.training.in_batch_negatives import (
    InBatchNegativesSampler,
    picked_pairs,
    positive_pairs,
)
from findtune.embedder.training.partners import with_other_partners
from findtune.embedder.training.recipe import Recipe
from findtune.embedder.training.scored_batches import ScoredPairSampler
from findtune.training import ranks
from findtune.training.encoding import LossOfTexts


class LearnedRecords(NamedTuple):
    """The records of train that a recipe learns, by kind."""

    positives: Sequence[Record]
    picks: Sequence[Record]
    scored: Sequence[Record]


class Objective(NamedTuple):
    """What the trainer of sentence-transformers needs: data, losses and batch sampler."""

    datasets: Dataset | DatasetDict
    losses: torch.nn.Module | dict[str, torch.nn.Module]
    batch_sampler: str | Callable[..., Any]
    batches: int = 0  # per epoch, of pairs or of picks if more; 0: `min_batches` is unused


class Part(NamedTuple):
    """One kind of data of the joint recipe."""

    dataset: Dataset
    loss: torch.nn.Module
    batches: DefaultBatchSampler


def build_objective(
    model: SentenceTransformer,
    learned: LearnedRecords,
    recipe: Recipe,
    seed: int,
    epochs: float | None = None,
) -> Objective:
    """Return the objective of a recipe; raise InputError when there are too few examples.

    epochs: over which the `feedback_passes` passes over picks are spread; None for the recipe's.
    """
    if recipe.recipe == "plain":
        return plain_objective(model, learned)
    if 0 < len(learned.positives) < recipe.batch_size:
        raise InputError(
            f"{len(learned.positives)} positive pairs are less than a batch of "
            f"{recipe.batch_size}; add alternatives, or lower batch_size in params.yaml."
        )
    return joint_objective(model, learned, recipe=recipe, seed=seed, epochs=epochs)


def joint_objective(
    model: SentenceTransformer,
    learned: LearnedRecords,
    *,
    recipe: Recipe,
    seed: int,
    epochs: float | None = None,
) -> Objective:
    """Return the objective of the joint recipe: one part for each kind that has records."""
    parts: dict[str, Part] = {}
    batches = 0
    if learned.positives:
        parts["positives"] = positive_part(model, learned.positives, recipe, seed)
        batches = max(len(parts["positives"].batches), pick_batches(learned.picks, recipe, seed))
    if learned.picks:
        in_all = recipe.feedback_passes * pick_batches(learned.picks, recipe, seed)
        number = max(1, round(in_all / (epochs or recipe.epochs_of(batches))))
        parts["picks"] = pick_part(model, learned.picks, recipe, seed, batches=number)
    if learned.scored:
        ranking_batches = max(len(part.batches) for part in parts.values())
        number = math.ceil(ranking_batches / recipe.cosent_every)
        parts["scored"] = scored_part(model, learned.scored, recipe, batches=number, seed=seed)
    samplers = {tuple(part.dataset.column_names): part.batches for part in parts.values()}

    def batch_sampler(dataset: Dataset, **_: Any) -> DefaultBatchSampler:
        return samplers[tuple(dataset.column_names)]

    datasets = DatasetDict({name: part.dataset for name, part in parts.items()})
    losses = {name: part.loss for name, part in parts.items()}
    return Objective(datasets, losses, batch_sampler, batches)


def positive_part(
    model: SentenceTransformer, positives: Sequence[Record], recipe: Recipe, seed: int
) -> Part:
    """Return the positive pairs of the catalog, each with the batch's other texts as negatives.

    With more than one epoch, alternatives change their partners from epoch to epoch.
    """
    loss = MultipleNegativesRankingLoss(
        model,
        scale=recipe.scale,
        directions=("query_to_doc", "doc_to_query"),
        partition_mode="per_direction",
    )
    first = positive_pairs(positives)
    batches_per_epoch = len(InBatchNegativesSampler([first], recipe.batch_size, seed))
    later = [
        with_other_partners(positives, number)
        for number in range(1, math.ceil(recipe.epochs_of(batches_per_epoch)))
    ]
    rounds = [first, *map(positive_pairs, later)]
    batches = InBatchNegativesSampler(rounds, recipe.batch_size, seed)
    return Part(positive_dataset([*positives, *chain(*later)]), LossOfTexts(loss), batches)


def pick_part(
    model: SentenceTransformer,
    picks: Sequence[Record],
    recipe: Recipe,
    seed: int,
    *,
    batches: int,
) -> Part:
    """Return the picks of users, each with unpicked documents of its list as hard negatives.

    batches: per epoch.
    """
    loss = MultipleNegativesRankingLoss(model, scale=recipe.scale)
    sampler = pick_sampler(picks, recipe, seed, batches)
    return Part(pick_dataset(picks), LossOfTexts(loss), sampler)


def pick_batches(picks: Sequence[Record], recipe: Recipe, seed: int) -> int:
    """Return the number of batches in one pass over the picks."""
    return len(pick_sampler(picks, recipe, seed)) if picks else 0


def pick_sampler(
    picks: Sequence[Record], recipe: Recipe, seed: int, batches: int = 0
) -> InBatchNegativesSampler:
    """Return the sampler of picks; batches: per epoch, 0 for one pass over the picks."""
    return InBatchNegativesSampler([picked_pairs(picks)], recipe.feedback_batch_size, seed, batches)


def scored_part(
    model: SentenceTransformer,
    scored: Sequence[Record],
    recipe: Recipe,
    *,
    batches: int,
    seed: int,
) -> Part:
    """Return the pairs that curators scored; batches: per epoch."""
    sampler = ScoredPairSampler(
        len(scored), batch_size=recipe.batch_size, batches=batches, seed=seed
    )
    return Part(scored_dataset(scored), LossOfTexts(CoSENTLoss(model)), sampler)


def plain_objective(model: SentenceTransformer, learned: LearnedRecords) -> Objective:
    """Return the objective of the plain recipe, which ignores picks.

    Raises InputError when there are no positive pairs.
    """
    if not learned.positives:
        raise InputError(
            "`recipe: plain` learns from a catalog and there is none; add one, or write "
            "`recipe: joint` in params.yaml."
        )
    labelled = [
        {
            "sentence_1": record["anchor"],
            "sentence_2": record["positive"],
            "score": record["label"],
        }
        for record in learned.positives
    ]
    dataset = scored_dataset([*labelled, *learned.scored])
    loss = CosineSimilarityLoss(model)
    return Objective(dataset, LossOfTexts(loss) if ranks.count() > 1 else loss, "batch_sampler")


def positive_dataset(positives: Sequence[Record]) -> Dataset:
    """Return the texts of the positive pairs."""
    columns = ("anchor", "positive")
    return Dataset.from_dict({name: [record[name] for record in positives] for name in columns})


def pick_dataset(picks: Sequence[Record]) -> Dataset:
    """Return the question, the picked document and the unpicked documents of each pick.

    All rows have as many unpicked documents as the longest one; shorter rows repeat theirs.
    """
    number = max(len(pick["negatives"]) for pick in picks)
    negatives = [list(islice(cycle(pick["negatives"]), number)) for pick in picks]
    return Dataset.from_dict(
        {
            "query": [pick["query"] for pick in picks],
            "positive": [pick["positive"] for pick in picks],
            **{f"negative_{n + 1}": [texts[n] for texts in negatives] for n in range(number)},
        }
    )


def scored_dataset(scored: Sequence[Record]) -> Dataset:
    """Return pairs of sentences with their scores as labels."""
    return Dataset.from_dict(
        {
            "sentence_1": [record["sentence_1"] for record in scored],
            "sentence_2": [record["sentence_2"] for record in scored],
            "label": [float(record["score"]) for record in scored],
        }
    )
