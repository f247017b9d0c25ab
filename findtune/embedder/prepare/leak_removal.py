"""Leak removal: an example goes when a later split holds the same text, or nearly the same.

Train yields to dev and test, and dev yields to test. `refit`, what is learned once test has judged,
yields to the guard and to the questions of test, on which other models are judged too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from findtune.core.records import Record
from findtune.core.text import all_keys, loose_key, near_duplicate_key
from findtune.embedder.prepare.variables import Variable
from findtune.examples.left_out import LeftOut

Records = dict[str, list[Record]]  # split -> its records
LATER_SPLITS = {"train": ("dev", "test"), "dev": ("test",)}
TEXT_FIELDS = ("anchor", "positive", "query", "text", "sentence_1", "sentence_2")
GUARDS = ("guard", "guard_query")
FEEDBACK = ("pick", "list")
# Kinds of train: the fields that show an example, and how those that leak are counted.
TEXTS_BY_KIND = {
    "positive": ("anchor", "positive"),
    "scored": ("sentence_1", "sentence_2"),
    "pick": ("query", "positive"),
}
NEARLY_HELD_OUT = {
    "positive": "pairs of texts of a variable, of which one nearly is a text of dev or test",
    "scored": "scored pairs that nearly are one of dev or test",
    "pick": "picks whose question nearly is one of dev or test",
}


@dataclass(frozen=True)
class HeldOutKeys:
    """Keys of everything that must stay unseen, near-duplicate and loose ones.

    texts: of all texts of held-out variables, of held-out queries and questions, and of guard
    texts; queries: of held-out queries and questions; guards: of guard texts; pairs: of held-out
    scored pairs and guard pairs.
    """

    texts: set[str]
    queries: set[str]
    guards: set[str]
    pairs: set[str]


def remove_leaks(
    records: Records, variables: Mapping[str, Sequence[Variable]], left_out: LeftOut
) -> tuple[Records, dict[str, int]]:
    """Return the records that later splits don't share, and how many were left out.

    variables: split -> its variables, those of dev and test being new. A text of a variable must
    be no near-duplicate of a text of a held-out variable, of a held-out query or question, nor of
    a guard text. A scored pair must be no held-out or guard pair, and must hold no query. The
    question of a pick must be no held-out query or question, and no guard text; its documents may
    come back. Hard negatives that are a held-out text are dropped from their example.
    """
    held_out = {
        split: held_out_keys(
            records=[record for later in later_splits for record in records[later]],
            variables=[variable for later in later_splits for variable in variables[later]],
        )
        for split, later_splits in LATER_SPLITS.items()
    }
    held_out["refit"] = held_out_keys(never_learned(records), variables=())
    kept = dict(records)
    for record in records["train"]:
        if leaks(record, held_out["train"]):
            query, text = (record.get(name, "") for name in TEXTS_BY_KIND[record["kind"]])
            place = record["record"] if record["kind"] == "pick" else record["sources"][0]
            left_out.add(NEARLY_HELD_OUT[record["kind"]], query, text=text, record=place)
    for split, keys in held_out.items():
        kept[split] = [
            without_leaking_negatives(record, keys)
            for record in records[split]
            if not leaks(record, keys)
        ]
    return kept, {split: len(records[split]) - len(kept[split]) for split in held_out}


def never_learned(records: Mapping[str, Sequence[Record]]) -> list[Record]:
    """Return what not even a refit learns: the guards of dev and test, and the lists of test."""
    guards = [row for split in ("dev", "test") for row in records[split] if row["kind"] in GUARDS]
    return guards + [row for row in records["test"] if row["kind"] == "list"]


def held_out_keys(records: Sequence[Record], variables: Iterable[Variable]) -> HeldOutKeys:
    """Return the keys of held-out records and variables."""
    guards = set[str]().union(*(text_keys(row) for row in records if row["kind"] in GUARDS))
    texts = {
        key for variable in variables for text in variable.texts for key in all_keys(text.text)
    }
    queries = {
        key
        for record in records
        if record["kind"] in ("query", *FEEDBACK)
        for key in all_keys(record["text" if record["kind"] == "query" else "query"])
    }
    return HeldOutKeys(
        texts=texts | queries | guards,
        queries=queries,
        guards=guards,
        pairs={key for record in records if "sentence_1" in record for key in pair_keys(record)},
    )


def leaks(record: Record, held_out: HeldOutKeys) -> bool:
    """Return whether a record would show held-out data."""
    if record["kind"] in GUARDS:
        return False
    if record["kind"] in FEEDBACK:
        question = all_keys(record["query"])
        learned_guard = record["kind"] == "pick" and bool(question & held_out.guards)
        return learned_guard or bool(question & held_out.queries)
    if record["kind"] == "scored":
        holds_query = bool(held_out.queries & text_keys(record))
        return holds_query or bool(pair_keys(record) & held_out.pairs)
    return bool(held_out.texts & text_keys(record))


def without_leaking_negatives(record: Record, held_out: HeldOutKeys) -> Record:
    """Return a positive pair without the hard negatives that are a held-out text."""
    if record["kind"] != "positive":
        return record
    negatives = [
        negative
        for negative in record["negatives"]
        if not all_keys(negative["text"]) & held_out.texts
    ]
    return record | {"negatives": negatives}


def text_keys(record: Record) -> set[str]:
    """Return the keys of a record's own texts, hard negatives excluded."""
    return {key for field in TEXT_FIELDS if field in record for key in all_keys(record[field])}


def pair_keys(record: Record) -> set[str]:
    """Return the keys of a pair of sentences, which do not depend on their order."""
    texts = [record[field] for field in TEXT_FIELDS if field in record]
    return {
        " | ".join(sorted({key_of(text) for text in texts}))
        for key_of in (near_duplicate_key, loose_key)
    }
