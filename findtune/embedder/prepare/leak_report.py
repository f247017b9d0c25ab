"""The leak report of the embedder's examples: what the splits share, and what was left out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from findtune.core.records import Record
from findtune.core.text import all_keys, normalize
from findtune.embedder.prepare.feedback import Written
from findtune.embedder.prepare.leak_removal import Records, WithoutLeaks, never_learned, pair_keys
from findtune.embedder.prepare.variables import Variable
from findtune.examples.hashes import HashSet, hash_texts
from findtune.examples.splits import SPLITS, leak_report


def build_leak_report(
    kept: WithoutLeaks,
    variables: Mapping[str, Sequence[Variable]],
    corpus: Iterable[Record],
    lists: Written,
) -> Record:
    """Return what the splits share (nothing), what was left out, and the counts by kind.

    lists: what was written from the ranked lists. Raises InputError when two splits share
    anything, or when one holds a query of another.
    """
    records, asked = kept.records, lists.questions
    texts = {split: variable_texts(records[split]) for split in SPLITS}
    scored = {split: of_kind(records[split], "scored") for split in SPLITS}
    shared = leak_report(
        {
            "variables": {
                split: {variable.dcid for variable in variables[split]} for split in SPLITS
            },
            "texts": {split: set(map(normalize, texts[split])) for split in SPLITS},
            "near_duplicates": {split: keys(texts[split]) for split in SPLITS},
            "questions": {split: asked[split] for split in SPLITS},
            "scored_pairs": {
                split: set[str]().union(*map(pair_keys, scored[split])) for split in SPLITS
            },
            "wordings": wordings(records, corpus, asked["train"]),
            "refit": refitted(records, asked),
        }
    )
    left_out = {split: count + lists.leaking[split] for split, count in kept.leaking.items()}
    counts = {split: count_kinds(records[split], split, lists) for split in SPLITS}
    return {"shared": shared, "left_out": left_out, "records": counts}


def count_kinds(records: Iterable[Record], split: str, lists: Written) -> dict[str, int]:
    """Return the number of examples of a split by kind."""
    counts = Counter(record["kind"] for record in records)
    if lists.counts[split]:
        counts["pick" if split == "train" else "list"] = lists.counts[split]
    return dict(counts)


def wordings(records: Records, corpus: Iterable[Record], questions: HashSet) -> dict[str, HashSet]:
    """Return the keys of all texts trained on or searched, and those of the held-out queries.

    questions: those of the picks of train.
    """
    searched = [document["text"] for document in corpus]
    learned = hash_texts(keys([*learned_texts(records["train"]), *searched]))
    return {
        "train or corpus": HashSet.union([learned, questions]),
        "dev": hash_texts(keys(query_texts(records["dev"]))),
        "test": hash_texts(keys(query_texts(records["test"]))),
    }


def refitted(records: Records, asked: Mapping[str, HashSet]) -> dict[str, HashSet]:
    """Return the keys of what a refit learns (except scored pairs) and of what it never learns.

    asked: split -> the questions of its picks or lists.
    """
    learned = (record for record in records["refit"] if record["kind"] != "scored")
    guards = never_learned_texts(records)
    return {
        "refit": HashSet.union([hash_texts(keys(learned_texts(learned))), asked["refit"]]),
        "guard or list": HashSet.union([hash_texts(keys(guards)), asked["test"]]),
    }


def keys(texts: Iterable[str]) -> set[str]:
    """Return the near-duplicate keys and the loose keys of texts."""
    return set[str]().union(*map(all_keys, texts))


def learned_texts(records: Iterable[Record]) -> list[str]:
    """Return the texts of positive pairs, their hard negatives, and scored pairs."""
    texts = []
    for record in records:
        texts += [record[field] for field in ("anchor", "positive") if field in record]
        if record["kind"] == "positive":
            texts += [negative["text"] for negative in record["negatives"]]
        if record["kind"] == "scored":
            texts += [record["sentence_1"], record["sentence_2"]]
    return texts


def never_learned_texts(records: Records) -> list[str]:
    """Return the texts of the guard pairs and guard queries."""
    fields = ("query", "text", "sentence_1", "sentence_2")
    return [row[field] for row in never_learned(records) for field in fields if field in row]


def query_texts(records: Iterable[Record]) -> list[str]:
    """Return the held-out queries of the catalog."""
    return [record["text"] for record in of_kind(records, "query")]


def variable_texts(records: Iterable[Record]) -> list[str]:
    """Return the texts of all positive pairs and queries."""
    fields = {"positive": ("anchor", "positive"), "query": ("text",)}
    return [record[field] for record in records for field in fields.get(record["kind"], ())]


def of_kind(records: Iterable[Record], kind: str) -> list[Record]:
    """Return the records of one kind."""
    return [record for record in records if record["kind"] == kind]
