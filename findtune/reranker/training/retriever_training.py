"""Tuning the retriever: moving questions closer to the documents that people found relevant.

A document is relevant if it has a grade above 0, or if it was picked and nobody graded it 0; in a
list without a grade above 0, if it was picked. A sentence encoder learns from a few lists what a
cross-encoder with a new head learns from thousands.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
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

from findtune.core.errors import CollapseError, InputError
from findtune.core.records import Record
from findtune.core.text import near_duplicate_key
from findtune.reranker.model.examination import reading_probabilities
from findtune.reranker.model.ranked_lists import document_texts, grades_of, learned_gains
from findtune.reranker.training.recipe import RetrieverArguments
from findtune.reranker.training.retriever_loss import InBatchListLoss, sample_topics
from findtune.retrieval.encoder import load_encoder
from findtune.training.arguments import WithoutModelCard, run_trainer
from findtune.training.checkpoints import NO_CHECKPOINTS, Checkpoints
from findtune.training.encoding import fast_layers
from findtune.training.ranks import SharedBatches
from findtune.training.resumption import Resumable

Array = np.ndarray
Row = dict[str, Any]  # `question`, `document_1` and so on, `label`


def load_retriever(folder: Path, arguments: RetrieverArguments) -> SentenceTransformer:
    """Return the untuned retriever, which reads as many tokens as a tuned one."""
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
    checkpoints: Checkpoints = NO_CHECKPOINTS,
) -> SentenceTransformer:
    """Return the encoder in a folder, tuned on the grades and picks of some lists.

    settings: the trainer settings that all rooms share. eta: the position bias. Raises
    CollapseError when the weights are no longer finite, and InputError when no list has both a
    relevant and an irrelevant document.
    """
    retriever = load_retriever(folder, arguments)
    rows, topics = list_rows(lists, arguments, settings["seed"], eta)
    training_arguments = SentenceTransformerTrainingArguments(
        num_train_epochs=1,  # the rows hold all epochs, each with a new draw of documents
        per_device_train_batch_size=arguments.batch_size,
        learning_rate=arguments.learning_rate,
        batch_sampler=partial(sample_topics, topics=topics),
        **settings,
    )
    trainer = QuietTrainer(
        model=retriever,
        args=training_arguments,
        train_dataset=Dataset.from_list(rows),
        loss=InBatchListLoss(retriever),
    )
    with fast_layers(retriever):
        progress = not training_arguments.disable_tqdm
        run_trainer(trainer, retriever, progress=progress, checkpoints=checkpoints)
    if not all(bool(weight.isfinite().all()) for weight in retriever.parameters()):
        raise CollapseError("the retriever's weights are no longer finite; lower learning_rate.")
    return retriever


class QuietTrainer(SharedBatches, Resumable, WithoutModelCard, SentenceTransformerTrainer):
    """The trainer of sentence-transformers without its model card."""


def list_rows(
    lists: Sequence[Record], arguments: RetrieverArguments, seed: int, eta: float = 0.0
) -> tuple[list[Row], list[str]]:
    """Return a row for each list and epoch, and the topic of each row.

    A row has the question, some documents, and each document's share as the label. Raises
    InputError when no list gives a row.
    """
    rng = Random(seed)
    rows, groups = [], []
    for _ in range(arguments.epochs):
        for ranked_list in lists:
            row = list_row(ranked_list, arguments, rng, eta)
            if row:
                rows.append(row)
                groups.append(ranked_list["group"])
    if not rows:
        raise InputError("in every list all documents are picked; add lists with others too.")
    return rows, topics_of(rows, groups, len(rows) / arguments.batch_size)


def topics_of(rows: Sequence[Row], groups: Sequence[str], batches: float) -> list[str]:
    """Return the topic of each row: its group, or its question if the group is large.

    A group with more rows than there are batches is a busy user, or many linked ones. Kept apart,
    its rows would fill batches of one row each.
    """
    sizes = Counter(groups)
    return [
        group if sizes[group] <= batches else near_duplicate_key(row["question"])
        for row, group in zip(rows, groups, strict=True)
    ]


def list_row(
    ranked_list: Record, arguments: RetrieverArguments, rng: Random, eta: float
) -> Row | None:
    """Return the row of a list, or None if all of its documents are relevant or none is.

    The label gives each relevant document a share in proportion to its gain, which its grade and
    its pick make, corrected for position bias. Lists that are too short repeat irrelevant ones. In
    a list without grades, if eta is above 0, unpicked documents that the user has probably seen are
    drawn earlier.
    """
    gains = learned_gains(ranked_list, eta).astype(float)
    relevant, irrelevant = (np.flatnonzero(chosen).tolist() for chosen in (gains > 0, gains <= 0))
    if not relevant or not irrelevant:
        return None
    drawn = rng.sample(relevant, min(arguments.relevant, len(relevant)))
    by_picks = eta and not grades_of(ranked_list).any()
    seen = reading_probabilities(ranked_list, gains, eta)[irrelevant] if by_picks else None
    others = draw(irrelevant, arguments.documents - len(drawn), rng, seen)
    texts = document_texts(ranked_list)
    columns = {f"document_{n}": texts[row] for n, row in enumerate([*drawn, *others], start=1)}
    shares = [*(gains[drawn] / gains[drawn].sum()).tolist(), *[0.0] * len(others)]
    return {"question": ranked_list["query"], **columns, "label": shares}


def draw(
    positions: Sequence[int], number: int, rng: Random, weights: Array | None = None
) -> list[int]:
    """Return `number` positions in random order; none is repeated before all were drawn.

    weights: above 0, (positions,); positions with larger weights tend to come earlier.
    """
    drawn: list[int] = []
    while len(drawn) < number:
        if weights is None:
            drawn += rng.sample(positions, len(positions))
        else:
            drawn += weighted_order(positions, weights, rng)
    return drawn[:number]


def weighted_order(positions: Sequence[int], weights: Array, rng: Random) -> list[int]:
    """Return positions in the order of weighted sampling without replacement.

    Source: Efraimidis & Spirakis (2006): sort by the key u ** (1 / weight), where u is uniform.
    """
    keys = [rng.random() ** (1 / weight) for weight in weights.tolist()]
    order = sorted(range(len(positions)), key=keys.__getitem__, reverse=True)
    return [positions[row] for row in order]
