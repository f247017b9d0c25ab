"""Tuning the retriever on picks: a question comes closer to what users picked for it.

In a batch, each question has one picked document and some unpicked ones of the same list, and the
documents of the other questions are negatives too. A sentence encoder learns from few lists what a
cross-encoder with a new head would need thousands for. Source: MultipleNegativesRankingLoss of
sentence-transformers (Henderson et al. 2017) with hard negatives (Karpukhin et al. 2020).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.base.sampler import BatchSamplers
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from findtune.core.errors import CollapseError
from findtune.core.records import Record
from findtune.reranker.model.examination import reading_probabilities
from findtune.reranker.model.ranked_lists import document_texts, picked
from findtune.reranker.training.recipe import RetrieverArguments
from findtune.retrieval.encoder import load_encoder
from findtune.training.arguments import run_trainer

Array = np.ndarray


def load_retriever(folder: Path, arguments: RetrieverArguments) -> SentenceTransformer:
    """Return the untuned retriever; it reads as many tokens as a tuned one."""
    retriever = load_encoder(folder)
    limit = retriever.max_seq_length or arguments.max_seq_length
    retriever.max_seq_length = min(limit, arguments.max_seq_length)
    return retriever


def fit_retriever(
    folder: Path,
    lists: Sequence[Record],
    arguments: RetrieverArguments,
    settings: Mapping[str, Any],
    eta: float = 0.0,
) -> SentenceTransformer:
    """Return the encoder in a folder, tuned on the picks of some lists.

    settings: the trainer settings that all rooms share. eta: of the position bias. Raises
    CollapseError when the weights are no longer finite.
    """
    retriever = load_retriever(folder, arguments)
    training_arguments = SentenceTransformerTrainingArguments(
        num_train_epochs=1,  # the rows hold every epoch, each with other negatives
        per_device_train_batch_size=arguments.batch_size,
        learning_rate=arguments.learning_rate,
        batch_sampler=BatchSamplers.NO_DUPLICATES,
        **settings,
    )
    trainer = TrainerWithoutModelCard(
        model=retriever,
        args=training_arguments,
        train_dataset=Dataset.from_list(pick_rows(lists, arguments, settings["seed"], eta)),
        loss=MultipleNegativesRankingLoss(retriever),
    )
    run_trainer(trainer, retriever, progress=not training_arguments.disable_tqdm)
    if not all(bool(weight.isfinite().all()) for weight in retriever.parameters()):
        raise CollapseError("the retriever's weights are no longer finite; lower learning_rate.")
    return retriever


class TrainerWithoutModelCard(SentenceTransformerTrainer):
    """The trainer of sentence-transformers without its model card, which shows training rows."""

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Do nothing: the stage `card` writes a card without training data."""


def pick_rows(
    lists: Sequence[Record], arguments: RetrieverArguments, seed: int, eta: float = 0.0
) -> list[dict[str, str]]:
    """Return a row for each list and epoch: question, a pick, and unpicked documents.

    The picks of a list take turns, in the order shown. Lists that are too short repeat negatives;
    a list with nothing but picks has no row. With a position bias (eta above 0), unpicked documents
    that the user has probably seen are drawn more often.
    """
    rng = Random(seed)
    rows = []
    for epoch in range(arguments.epochs):
        for ranked_list in lists:
            texts, picks = document_texts(ranked_list), picked(ranked_list)
            positives = np.flatnonzero(picks).tolist()
            unpicked = np.flatnonzero(picks == 0).tolist()
            if not unpicked:
                continue
            seen = reading_probabilities(ranked_list, picks, eta)[unpicked] if eta else None
            negatives = draw(unpicked, arguments.hard_negatives, rng, seen)
            row = {
                "anchor": ranked_list["query"],
                "positive": texts[positives[epoch % len(positives)]],
            }
            for number, position in enumerate(negatives, start=1):
                row[f"negative_{number}"] = texts[position]
            rows.append(row)
    return rows


def draw(
    positions: Sequence[int], number: int, rng: Random, weights: Array | None = None
) -> list[int]:
    """Return so many positions in random order; each comes once before any comes again.

    weights: above 0, (positions,); positions with larger ones come earlier.
    """
    drawn: list[int] = []
    while len(drawn) < number:
        if weights is None:
            drawn += rng.sample(positions, len(positions))
        else:
            drawn += weighted_order(positions, weights, rng)
    return drawn[:number]


def weighted_order(positions: Sequence[int], weights: Array, rng: Random) -> list[int]:
    """Return positions in the order of a weighted draw without replacement.

    Source: Efraimidis & Spirakis (2006): each draws a key, its uniform number to the 1 / weight.
    """
    keys = [rng.random() ** (1 / weight) for weight in weights.tolist()]
    order = sorted(range(len(positions)), key=keys.__getitem__, reverse=True)
    return [positions[row] for row in order]
