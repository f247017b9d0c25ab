"""Ranked lists as the dataset that the cross-encoder's trainer reads: some documents of each.

Time and memory grow with the documents that are read, so long lists are cut. Source: groups of one
picked and seven other documents (Gao, Dai & Callan 2021).
"""

from collections.abc import Sequence
from random import Random

import numpy as np
from datasets import Dataset

from findtune.core.records import Record
from findtune.reranker.model.ranked_lists import document_texts, gains_of

Array = np.ndarray


def sample_lists(
    lists: Sequence[Record], labels: Sequence[Array], documents: int, seed: int
) -> Dataset:
    """Return the dataset of lists that are cut to a number of documents, up to half of them picked.

    labels: (documents,) for each whole list.
    """
    rng = Random(seed)
    drawn = [draw_documents(gains_of(ranked_list), documents, rng) for ranked_list in lists]
    cut = [
        {**ranked_list, "documents": [ranked_list["documents"][row] for row in rows]}
        for ranked_list, rows in zip(lists, drawn, strict=True)
    ]
    return build_dataset(cut, [each[rows] for each, rows in zip(labels, drawn, strict=True)])


def draw_documents(gains: Array, number: int, rng: Random) -> list[int]:
    """Return the positions of at most `number` documents of a list, in the list's order.

    gains: (documents,). Up to half of the drawn ones are those with the largest gains above 0. The
    others are drawn from those without a gain, and only then from the rest.
    """
    order = rng.sample(range(len(gains)), len(gains))
    relevant = sorted((row for row in order if gains[row] > 0), key=lambda row: -gains[row])
    irrelevant = [row for row in order if gains[row] <= 0]
    half = number // 2
    return sorted([*relevant[:half], *irrelevant, *relevant[half:]][:number])


def build_dataset(lists: Sequence[Record], labels: Sequence[Array]) -> Dataset:
    """Return lists as the dataset that the trainer expects.

    labels: (documents,) for each list, as the loss expects them.
    """
    return Dataset.from_dict(
        {
            "query": [ranked_list["query"] for ranked_list in lists],
            "documents": [document_texts(ranked_list) for ranked_list in lists],
            "labels": [list_labels.astype(float).tolist() for list_labels in labels],
        }
    )
