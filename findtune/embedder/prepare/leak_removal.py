"""Leak removal: an example is dropped when a later split holds the same or nearly the same text.

Train yields to dev and test, and dev yields to test. `refit` trains a model that is not evaluated
on test, so it yields only to the guard and to the questions of test, which other models share.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from findtune.core.records import Record
from findtune.core.text import all_keys, loose_key, near_duplicate_key
from findtune.embedder.prepare.variables import Variable
from findtune.examples.hashes import HashSet, hash_texts
from findtune.examples.left_out import LeftOut

Records = dict[str, list[Record]]  # split -> its records
LATER_SPLITS = {"train": ("dev", "test"), "dev": ("test",)}
RESTRICTED = (*LATER_SPLITS, "refit")  # splits from which leaks are removed
TEXT_FIELDS = ("anchor", "positive", "query", "text", "sentence_1", "sentence_2")
GUARDS = ("guard", "guard_query")
# For each kind in train: the fields that are reported, and the reason under which leaks count.
TEXTS_BY_KIND = {"positive": ("anchor", "positive"), "scored": ("sentence_1", "sentence_2")}
NEARLY_HELD_OUT = {
    "positive": "pairs of texts of a variable, of which one nearly is a text of dev or test",
    "scored": "scored pairs that nearly are one of dev or test",
    "pick": "picks whose question nearly is one of dev or test",
}


@dataclass(frozen=True)
class HeldOutKeys:
    """Near-duplicate and loose keys of everything that must stay unseen.

    texts: of all texts of held-out variables, of held-out queries and questions, and of guard
    texts; queries: of held-out queries, and of those questions of held-out lists that train, dev or
    refit also holds; guards: of guard texts; pairs: of held-out scored and guard pairs.
    """

    texts: set[str]
    queries: set[str]
    guards: set[str]
    pairs: set[str]


class WithoutLeaks(NamedTuple):
    """The records without leaks, and how many each split left out.

    forbidden: split -> the questions that its picks and lists must not have.
    """

    records: Records
    leaking: dict[str, int]
    forbidden: dict[str, HashSet]


def remove_leaks(
    records: Records,
    variables: Mapping[str, Sequence[Variable]],
    asked: Mapping[str, HashSet],
    left_out: LeftOut,
) -> WithoutLeaks:
    """Return the records without those that leak held-out data.

    records: of the catalog, the scored pairs and the guard. variables: split -> its variables;
    those of dev and test are new. asked: split -> both keys of the questions of its lists.

    A text of a variable must not be a near-duplicate of a text of a held-out variable, of a
    held-out query or question, or of a guard text. A scored pair must not be a held-out or guard
    pair, and must not hold a query. The question of a pick must not be a held-out query or
    question, or a guard text; its documents may occur in other splits. Hard negatives that are a
    held-out text are dropped from their example.
    """
    lists = later_questions(asked)
    held_out = held_out_by_split(records, variables, lists)
    count_leaks(records["train"], held_out["train"], left_out)
    kept = dict(records)
    for split, keys in held_out.items():
        kept[split] = [
            without_leaking_negatives(record, keys)
            for record in records[split]
            if not leaks(record, keys)
        ]
    leaking = {split: len(records[split]) - len(kept[split]) for split in held_out}
    forbidden = {
        split: HashSet.union([hash_texts(forbidden_keys(split, keys)), lists[split]])
        for split, keys in held_out.items()
    }
    return WithoutLeaks(kept, leaking, forbidden)


def held_out_by_split(
    records: Records, variables: Mapping[str, Sequence[Variable]], lists: Mapping[str, HashSet]
) -> dict[str, HeldOutKeys]:
    """Return the keys that each split must not have; lists: split -> forbidden questions."""
    texts = {key for split in RESTRICTED for row in records[split] for key in shown_keys(row)}
    held_out = {
        split: held_out_keys(
            records=[record for later in later_splits for record in records[later]],
            variables=[variable for later in later_splits for variable in variables[later]],
            asked=members(texts, lists[split]),
        )
        for split, later_splits in LATER_SPLITS.items()
    }
    refit = members(texts, lists["refit"])
    held_out["refit"] = held_out_keys(never_learned(records), variables=(), asked=refit)
    return held_out


def later_questions(asked: Mapping[str, HashSet]) -> dict[str, HashSet]:
    """Return for each split the questions of lists that it must not have."""
    held_out = HashSet.union([asked["dev"], asked["test"]])
    return {"train": held_out, "dev": asked["test"], "refit": asked["test"]}


def members(keys: set[str], hashes: HashSet) -> set[str]:
    """Return the keys whose hash is in a set."""
    texts = [*keys] if len(hashes) else []
    return {key for key, known in zip(texts, hashes.contains(texts), strict=True) if known}


def forbidden_keys(split: str, held_out: HeldOutKeys) -> set[str]:
    """Return the keys that no question of a split's lists may have.

    The lists of dev are not trained on, so their questions may be guard texts.
    """
    return held_out.queries if split == "dev" else held_out.queries | held_out.guards


def count_leaks(train: Iterable[Record], held_out: HeldOutKeys, left_out: LeftOut) -> None:
    """Count the examples of train that are left out, by reason."""
    for record in train:
        if leaks(record, held_out):
            query, text = (record[name] for name in TEXTS_BY_KIND[record["kind"]])
            reason = NEARLY_HELD_OUT[record["kind"]]
            left_out.add(reason, query, text=text, record=record["sources"][0])


def never_learned(records: Mapping[str, Sequence[Record]]) -> list[Record]:
    """Return the records that even a refit never learns: the guards of dev and test."""
    return [row for split in ("dev", "test") for row in records[split] if row["kind"] in GUARDS]


def held_out_keys(
    records: Sequence[Record], variables: Iterable[Variable], asked: set[str]
) -> HeldOutKeys:
    """Return the keys of held-out records and variables; asked: keys of questions of lists."""
    guards = set[str]().union(*(text_keys(row) for row in records if row["kind"] in GUARDS))
    texts = {
        key for variable in variables for text in variable.texts for key in all_keys(text.text)
    }
    queries = asked.union(
        *(all_keys(record["text"]) for record in records if record["kind"] == "query")
    )
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
    if record["kind"] == "scored":
        holds_query = bool(held_out.queries & text_keys(record))
        return holds_query or bool(pair_keys(record) & held_out.pairs)
    return bool(held_out.texts & text_keys(record))


def without_leaking_negatives(record: Record, held_out: HeldOutKeys) -> Record:
    """Return a record without hard negatives that are held-out texts."""
    if record["kind"] != "positive":
        return record
    negatives = [
        negative
        for negative in record["negatives"]
        if not all_keys(negative["text"]) & held_out.texts
    ]
    return record | {"negatives": negatives}


def shown_keys(record: Record) -> set[str]:
    """Return the keys of a record's own texts and of its hard negatives."""
    negatives = (negative["text"] for negative in record.get("negatives", ()))
    return text_keys(record).union(*map(all_keys, negatives))


def text_keys(record: Record) -> set[str]:
    """Return the keys of a record's own texts, hard negatives excluded."""
    return {key for field in TEXT_FIELDS if field in record for key in all_keys(record[field])}


def pair_keys(record: Record) -> set[str]:
    """Return the keys of a pair of sentences, the same in either order."""
    texts = [record[field] for field in TEXT_FIELDS if field in record]
    return {
        " | ".join(sorted({key_of(text) for text in texts}))
        for key_of in (near_duplicate_key, loose_key)
    }
