"""Random negatives: documents of other lists, which the user of this list did not see."""

from collections.abc import Sequence
from itertools import islice
from random import Random

from findtune.core.records import Record
from findtune.reranker.prepare.labelling import example_document


def add_random_negatives(example: Record, candidates: Sequence[Record], number: int) -> Record:
    """Return the example of a list with random negatives below its own documents."""
    negatives = random_negatives(example, candidates, number)
    return example | {"documents": [*example["documents"], *negatives]}


def random_negatives(example: Record, candidates: Sequence[Record], number: int) -> list[Record]:
    """Return up to `number` labelled documents that are not in a list.

    candidates: clean documents of train. The seed is the list's position in the feedback, so that
    a new list changes the candidates but not the draw.
    """
    own = {document["url"] for document in example["documents"]}
    rng = Random(example["record"])
    # enough, even if all of the list's own documents are among them
    sampled = rng.sample(candidates, min(len(candidates), number + len(own)))
    others = islice((document for document in sampled if document["url"] not in own), number)
    label = {"gain": 0.0, "why": "random negative", "shown": False}
    never_shown = {"rank": None, "score": None, "query_used": None}
    return [example_document(document) | never_shown | label for document in others]
