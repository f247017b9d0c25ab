"""Leak removal: an example goes when a later split holds the same text, or nearly the same.

Train yields to dev and test, and dev yields to test.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from findtune.core.records import Record
from findtune.core.text import near_duplicate_key
from findtune.embedder.prepare.variables import Variable

Records = dict[str, list[Record]]  # split -> its records
LATER_SPLITS = {"train": ("dev", "test"), "dev": ("test",)}
TEXT_FIELDS = ("anchor", "positive", "text", "sentence_1", "sentence_2")


@dataclass(frozen=True)
class HeldOutKeys:
    """Near-duplicate keys of everything that must stay unseen.

    texts: of all texts of held-out variables, and of guard sentences; queries: of held-out
    queries; pairs: of held-out scored pairs and guard pairs.
    """

    texts: set[str]
    queries: set[str]
    pairs: set[str]


def remove_leaks(
    records: Records, variables: Mapping[str, Sequence[Variable]]
) -> tuple[Records, dict[str, int]]:
    """Return the records that later splits don't share, and how many were left out.

    variables: split -> its variables. A text of a variable must be no near-duplicate of a text of
    a held-out variable, nor of a guard sentence. A scored pair must be no held-out or guard pair,
    and must hold no query. Hard negatives that are a held-out text are dropped from their example.
    """
    kept = dict(records)
    for split, later_splits in LATER_SPLITS.items():
        held_out = held_out_keys(
            records=[record for later in later_splits for record in records[later]],
            variables=[variable for later in later_splits for variable in variables[later]],
        )
        kept[split] = [
            without_leaking_negatives(record, held_out)
            for record in records[split]
            if not leaks(record, held_out)
        ]
    return kept, {split: len(records[split]) - len(kept[split]) for split in LATER_SPLITS}


def held_out_keys(records: Sequence[Record], variables: Iterable[Variable]) -> HeldOutKeys:
    """Return the keys of held-out records and variables."""
    guard = [record for record in records if record["kind"] == "guard"]
    texts = {near_duplicate_key(text.text) for variable in variables for text in variable.texts}
    return HeldOutKeys(
        texts=texts.union(*map(text_keys, guard)),
        queries={
            near_duplicate_key(record["text"]) for record in records if record["kind"] == "query"
        },
        pairs={pair_key(record) for record in records if record["kind"] != "query"},
    )


def leaks(record: Record, held_out: HeldOutKeys) -> bool:
    """Return whether a record would show held-out data."""
    if record["kind"] == "guard":
        return False
    if record["kind"] == "scored":
        holds_query = bool(held_out.queries & text_keys(record))
        return holds_query or pair_key(record) in held_out.pairs
    return bool(held_out.texts & text_keys(record))


def without_leaking_negatives(record: Record, held_out: HeldOutKeys) -> Record:
    """Return a record without the hard negatives that are a held-out text."""
    if "negatives" not in record:
        return record
    negatives = [
        negative
        for negative in record["negatives"]
        if near_duplicate_key(negative["text"]) not in held_out.texts
    ]
    return record | {"negatives": negatives}


def text_keys(record: Record) -> set[str]:
    """Return the near-duplicate keys of a record's own texts, hard negatives excluded."""
    return {near_duplicate_key(record[field]) for field in TEXT_FIELDS if field in record}


def pair_key(record: Record) -> str:
    """Return a key of a pair of sentences that does not depend on their order."""
    return " | ".join(sorted(text_keys(record)))
