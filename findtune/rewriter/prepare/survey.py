"""Passes over the log and the corpus: what must be known before examples are written."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import compress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from findtune.core.processes import number_of_processes, ordered_map, pieces, read_piece
from findtune.core.text import hash_64, hash_fraction
from findtune.examples.hashes import HashSet, hash_set, hash_texts
from findtune.examples.left_out import LeftOut
from findtune.examples.questions import Questions, Row
from findtune.rewriter.model.entities import count_capitals, names_among
from findtune.rewriter.prepare.gains import better_searches
from findtune.rewriter.prepare.targets import TargetRules, target_records

Array = np.ndarray


class Survey(NamedTuple):
    """What train has, in the whole log or in a piece of it.

    picked: URLs that were picked. unbeaten: hash fractions of the questions that no search beat.
    targets: how many other texts are learned. held_out: texts that are not learned, since they
    nearly equal a question of dev or test.
    """

    picked: HashSet
    unbeaten: Array
    targets: int
    held_out: HashSet


def survey_train(questions: Questions, rules: TargetRules) -> Survey:
    """Return the survey of train; rules: for its targets."""
    parts = [
        *ordered_map(
            lambda share: survey_rows(questions.rows(share), rules),
            questions.shares,
            questions.processes,
        )
    ]
    return Survey(
        HashSet.union([part.picked for part in parts]),
        np.concatenate([np.empty(0), *(part.unbeaten for part in parts)]),
        sum(part.targets for part in parts),
        HashSet.union([part.held_out for part in parts]),
    )


def survey_rows(rows: Iterable[Row], rules: TargetRules) -> Survey:
    """Return the survey of some records."""
    picked: set[int] = set()
    unbeaten: list[float] = []
    held_out: list[str] = []
    targets = 0

    def are_held_out(texts: Sequence[str]) -> list[bool]:
        flags = rules.are_held_out(texts)
        held_out.extend(compress(texts, flags))
        return flags

    noting = replace(rules, are_held_out=are_held_out)
    for record, split, _ in rows:
        if split == "train":
            picked.update(map(hash_64, record["selected"]))
            better = better_searches(record, rules.settings.gains)
            if not better:
                unbeaten.append(hash_fraction(record["query"]))
            targets += sum(1 for _ in target_records(record, better, noting, LeftOut()))
    return Survey(hash_set(picked), np.array(unbeaten), targets, hash_texts(held_out))


def corpus_names(corpus: Path) -> frozenset[str]:
    """Return the words that a file of documents uses as names, in lower case."""
    parts = ordered_map(
        lambda piece: count_capitals(document["text"] for document in read_piece(piece)),
        pieces(corpus),
        number_of_processes(corpus.stat().st_size),
    )
    return names_among(parts)
