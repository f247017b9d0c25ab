"""The leak report of the embedder's examples: what the splits share, and what was left out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from findtune.core.records import Record
from findtune.core.text import all_keys, normalize
from findtune.embedder.prepare.leak_removal import (
    FEEDBACK,
    Records,
    never_learned,
    pair_keys,
)
from findtune.embedder.prepare.variables import Variable
from findtune.examples.splits import SPLITS, leak_report


def build_leak_report(
    records: Records,
    variables: Mapping[str, Sequence[Variable]],
    corpus: Iterable[Record],
    left_out: Mapping[str, int],
) -> Record:
    """Return what the splits share (nothing), what was left out, and the counts by kind.

    Raises InputError when two splits share anything, or when one holds a query of another.
    """
    texts = {split: variable_texts(records[split]) for split in SPLITS}
    scored = {split: of_kind(records[split], "scored") for split in SPLITS}
    refitted = [record for record in records["refit"] if record["kind"] != "scored"]
    shared = leak_report(
        {
            "variables": {
                split: {variable.dcid for variable in variables[split]} for split in SPLITS
            },
            "texts": {split: set(map(normalize, texts[split])) for split in SPLITS},
            "near_duplicates": {split: keys(texts[split]) for split in SPLITS},
            "questions": {split: keys(questions(records[split])) for split in SPLITS},
            "scored_pairs": {
                split: set[str]().union(*map(pair_keys, scored[split])) for split in SPLITS
            },
            "wordings": wordings(records, corpus),
            "refit": {
                "refit": keys(learned_texts(refitted)),
                "guard or list": keys(never_learned_texts(records)),
            },
        }
    )
    counts = {split: dict(Counter(record["kind"] for record in records[split])) for split in SPLITS}
    return {"shared": shared, "left_out": dict(left_out), "records": counts}


def wordings(records: Records, corpus: Iterable[Record]) -> dict[str, set[str]]:
    """Return the keys of all that is learned or searched, and those of the held-out queries."""
    searched = [document["text"] for document in corpus]
    return {
        "train or corpus": keys([*learned_texts(records["train"]), *searched]),
        "dev": keys(query_texts(records["dev"])),
        "test": keys(query_texts(records["test"])),
    }


def keys(texts: Iterable[str]) -> set[str]:
    """Return the keys of texts, near-duplicate and loose ones."""
    return set[str]().union(*map(all_keys, texts))


def learned_texts(records: Iterable[Record]) -> list[str]:
    """Return the texts of positive pairs, their hard negatives, scored pairs and questions."""
    texts = []
    for record in records:
        fields = ("query",) if record["kind"] in FEEDBACK else ("anchor", "positive")
        texts += [record[field] for field in fields if field in record]
        if record["kind"] == "positive":
            texts += [negative["text"] for negative in record["negatives"]]
        if record["kind"] == "scored":
            texts += [record["sentence_1"], record["sentence_2"]]
    return texts


def never_learned_texts(records: Records) -> list[str]:
    """Return the texts of the guard, and the questions of test's lists."""
    fields = ("query", "text", "sentence_1", "sentence_2")
    return [row[field] for row in never_learned(records) for field in fields if field in row]


def query_texts(records: Iterable[Record]) -> list[str]:
    """Return the held-out queries of the catalog."""
    return [record["text"] for record in of_kind(records, "query")]


def questions(records: Iterable[Record]) -> list[str]:
    """Return the questions of picks and lists."""
    return [record["query"] for record in records if record["kind"] in FEEDBACK]


def variable_texts(records: Iterable[Record]) -> list[str]:
    """Return the texts of all positive pairs and queries."""
    fields = {"positive": ("anchor", "positive"), "query": ("text",)}
    return [record[field] for record in records for field in fields.get(record["kind"], ())]


def of_kind(records: Iterable[Record], kind: str) -> list[Record]:
    """Return the records of one kind."""
    return [record for record in records if record["kind"] == kind]
