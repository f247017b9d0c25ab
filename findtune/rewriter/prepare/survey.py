"""Passes over the clean data: what must be known before the first example is written."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from findtune.core.processes import number_of_processes, ordered_map, pieces, read_piece
from findtune.core.text import hash_64, hash_fraction
from findtune.examples.hashes import HashSet, hash_set
from findtune.examples.questions import Questions, Row
from findtune.rewriter.model.entities import count_capitals, names_among
from findtune.rewriter.prepare.gains import better_searches

Array = np.ndarray


@dataclass(frozen=True)
class Survey:
    """What is known of all records.

    keys: split -> hashes of its questions' near-duplicate keys. picked: URLs that were picked in
    train. corpus: URLs of the documents that are searched. unbeaten: hash fractions of train's
    questions that no search beat.
    """

    keys: Mapping[str, Set[int]]
    picked: HashSet
    corpus: HashSet
    unbeaten: Array


class Part(NamedTuple):
    """What a piece of the log has of train: picked URLs, and fractions of unbeaten questions."""

    picked: HashSet
    unbeaten: Array


def survey_train(questions: Questions, gains: tuple[float, ...]) -> tuple[HashSet, Array]:
    """Return the URLs that were picked in train, and the fractions of its unbeaten questions."""
    parts = [
        *ordered_map(
            lambda share: survey_rows(questions.rows(share), gains),
            questions.shares,
            questions.processes,
        )
    ]
    unbeaten = np.concatenate([np.empty(0), *(part.unbeaten for part in parts)])
    return HashSet.union([part.picked for part in parts]), unbeaten


def survey_rows(rows: Iterable[Row], gains: tuple[float, ...]) -> Part:
    """Return what some records have of train."""
    picked: set[int] = set()
    unbeaten = []
    for record, split, _ in rows:
        if split == "train":
            picked.update(map(hash_64, record["selected"]))
            if not better_searches(record, gains):
                unbeaten.append(hash_fraction(record["query"]))
    return Part(hash_set(picked), np.array(unbeaten))


def corpus_names(corpus: Path) -> frozenset[str]:
    """Return the words that a file of documents uses as names, in lower case."""
    parts = ordered_map(
        lambda piece: count_capitals(document["text"] for document in read_piece(piece)),
        pieces(corpus),
        number_of_processes(corpus.stat().st_size),
    )
    return names_among(parts)
