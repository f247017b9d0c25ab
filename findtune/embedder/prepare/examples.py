"""The embedder's examples: pairs of texts of one variable, picks of users, and scored pairs.

data/examples/embedder/SIZE/
    train.jsonl  dev.jsonl  test.jsonl   one record per line; `kind` is one of
        positive     dcid, anchor, positive, label, why, sources, negatives   train only
        pick         query, positive, negatives, record                       train only
        scored       sentence_1, sentence_2, score, sources; in test also `seen`
        query        dcids (the relevant variables), text, known, catalog, sources
        list         query, documents, picked, group, record
        guard        sentence_1, sentence_2, score, sources
        guard_query  query, text, sources
        The last four are in dev and test only. A query is `known` when other texts of its
        variable are trained on.
    refit.jsonl         what a refit trains on: positives of the whole catalog, all scored pairs,
                        and the picks of train and dev
    corpus.jsonl        dcid, text: all texts of the catalog except the held-out queries
    left_out.json       what train leaves out: reason -> count, and some examples
    leak_report.json    what the splits share (nothing), and what was left out to get there

Several processes read the ranked lists one at a time and keep only hashes of the questions in
memory. The catalog is kept in memory; docs/scale.md says how much it takes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from findtune.core.errors import InputError
from findtune.core.files import iter_jsonl, read_jsonl, write_json, write_jsonl
from findtune.core.records import Record
from findtune.core.text import normalize
from findtune.embedder.prepare.feedback import ListExamples, write_lists
from findtune.embedder.prepare.guard_queries import read_guard_queries, split_guard_queries
from findtune.embedder.prepare.held_out_queries import (
    Keys,
    corpus_records,
    hold_out_wordings,
    known_queries,
    naming_keys,
    new_variable_queries,
    owners_by_key,
    query_records,
    without_texts,
)
from findtune.embedder.prepare.leak_removal import Records, remove_leaks
from findtune.embedder.prepare.leak_report import build_leak_report, of_kind
from findtune.embedder.prepare.positives import positive_records
from findtune.embedder.prepare.preview import sample_lines
from findtune.embedder.prepare.scored_pairs import (
    ScoredPair,
    pair_record,
    read_pairs,
    split_guard_pairs,
    split_scored_pairs,
)
from findtune.embedder.prepare.settings import PrepareSettings
from findtune.embedder.prepare.variables import (
    CatalogText,
    Variable,
    read_catalog,
    split_variables,
)
from findtune.examples.left_out import LeftOut, left_out_lines
from findtune.examples.questions import Questions, read_questions
from findtune.examples.splits import SPLITS

__all__ = ["PrepareSettings", "preview_lines", "write_data", "write_examples"]

LEARNED = ("positive", "pick")  # from the catalog, and from feedback
ASKED = ("query", "list")
REQUIRED_KINDS = (("train", LEARNED), ("dev", ASKED), ("test", ASKED))
TRAINED_FIELDS = ("anchor", "positive", "sentence_1", "sentence_2")


class CleanData(NamedTuple):
    """The clean data that ingest wrote.

    ranked_lists: the file of lists, which may not fit in memory. qrels: question -> document ->
    grade, used to find questions that ask for the same.
    """

    texts: Sequence[CatalogText]
    scored_pairs: Sequence[ScoredPair]
    guard_pairs: Sequence[ScoredPair]
    guard_queries: Sequence[Record] = ()
    ranked_lists: Path | None = None
    qrels: Mapping[str, Mapping[str, int]] = {}


@dataclass(frozen=True)
class Catalog:
    """The catalog by split: new variables in dev and test, known ones in train.

    wordings: split -> keys of held-out wordings of known variables; queries: split -> records.
    """

    variables: Mapping[str, Sequence[Variable]]
    wordings: Mapping[str, Keys]
    queries: Mapping[str, Sequence[Record]]

    def all_queries(self) -> list[Record]:
        """Return the queries of dev and of test."""
        return [query for queries in self.queries.values() for query in queries]

    def trained(self) -> list[Variable]:
        """Return the known variables without their held-out wordings."""
        return without_texts(self.variables["train"], self.wordings["dev"] | self.wordings["test"])

    def complete(self) -> list[Variable]:
        """Return all variables with all texts."""
        return [variable for split in SPLITS for variable in self.variables[split]]


def write_examples(clean: Path, out: Path, settings: PrepareSettings) -> dict[str, dict[str, int]]:
    """Write the examples of a folder of clean data; return the counts by split and kind.

    Raises InputError as `write_data` does.
    """
    report = write_data(read_clean(clean, settings), out, settings)
    counts: dict[str, dict[str, int]] = report["records"]
    return counts


def write_data(data: CleanData, out: Path, settings: PrepareSettings) -> Record:
    """Write the examples of clean data; return the leak report.

    Raises InputError when a split has nothing to train or to test on, or when the splits leak.
    """
    catalog, left_out = split_catalog(data.texts, settings), LeftOut()
    lists = list_questions(data, settings)
    drafts = draft_records(catalog, data, settings)
    kept = remove_leaks(drafts, catalog.variables, lists.spellings_by_split(), left_out)
    mark_seen_pairs(kept.records)
    examples = ListExamples(lists, settings.feedback_negatives, kept.forbidden)
    written = write_lists(out, kept.records, examples)
    refuse_empty_splits(kept.records, written.counts)
    corpus = corpus_records(catalog.variables, catalog.all_queries())
    write_jsonl(out / "corpus.jsonl", corpus)
    report = build_leak_report(kept, catalog.variables, corpus, written)
    write_json(out / "leak_report.json", report)
    left_out.merge(written.left_out)
    left_out.write(out)
    return report


def read_clean(clean: Path, settings: PrepareSettings) -> CleanData:
    """Return the clean data in a folder; only the sources in `learn_from` are read."""
    from_catalog = "catalog" in settings.learn_from
    from_feedback = "feedback" in settings.learn_from
    judgments = iter_jsonl(clean / "judgments.jsonl") if from_feedback else ()
    return CleanData(
        texts=read_catalog(clean / "catalog.jsonl") if from_catalog else (),
        scored_pairs=read_pairs(clean / "sentence_pairs.jsonl"),
        guard_pairs=read_pairs(clean / "guard.jsonl"),
        guard_queries=read_guard_queries(clean / "guard_queries.jsonl"),
        ranked_lists=clean / "ranked_lists.jsonl" if from_feedback else None,
        qrels={row["query"]: row["grades"] for row in judgments},
    )


def list_questions(data: CleanData, settings: PrepareSettings) -> Questions:
    """Return the questions of the ranked lists; the split is the same as for the reranker."""
    if data.ranked_lists is None:
        return Questions((), settings.lists, 1, {})
    return read_questions(data.ranked_lists, data.qrels, settings.lists)


def split_catalog(texts: Iterable[CatalogText], settings: PrepareSettings) -> Catalog:
    """Hold out new variables, and wordings of all others, as the queries of dev and test."""
    texts = [text for text in texts if text.catalog in settings.catalogs]
    variables = split_variables(texts, settings.new_variables)
    naming = naming_keys(variable for split in SPLITS for variable in variables[split])
    wordings = hold_out_wordings(variables["train"], naming, settings.wordings)
    owners = owners_by_key(texts)
    queries = {
        split: query_records(
            known_queries(variables["train"], wordings[split]),
            new_variable_queries(variables[split], naming, settings.query_share),
            owners,
        )
        for split in ("dev", "test")
    }
    return Catalog(variables, wordings, queries)


def draft_records(catalog: Catalog, data: CleanData, settings: PrepareSettings) -> Records:
    """Return the records of each split without those of lists, before leak removal."""
    scored = split_scored_pairs(data.scored_pairs, settings.scored_pairs)
    guard_pairs = split_guard_pairs(data.guard_pairs)
    guard_queries = split_guard_queries(data.guard_queries)
    records = {
        "train": positives(catalog.trained(), settings),
        "dev": list(catalog.queries["dev"]),
        "test": list(catalog.queries["test"]),
        "refit": positives(catalog.complete(), settings),
    }
    for split in SPLITS:
        pairs = [pair_record("scored", pair) for pair in scored[split]]
        records[split] += pairs
        records["refit"] += [dict(pair) for pair in pairs]
        records[split] += [pair_record("guard", pair) for pair in guard_pairs[split]]
        records[split] += guard_queries[split]
    return records


def positives(variables: Sequence[Variable], settings: PrepareSettings) -> list[Record]:
    """Return the positive pairs of variables."""
    return list(positive_records(variables, settings.labels, settings.hard_negatives))


def refuse_empty_splits(
    records: Mapping[str, Sequence[Record]], from_lists: Mapping[str, int]
) -> None:
    """Raise InputError when train, dev or test has no examples of the required kinds.

    from_lists: split -> number of examples of ranked lists.
    """
    for split, kinds in REQUIRED_KINDS:
        if not from_lists[split] and not of_kind(records[split], kinds[0]):
            raise InputError(
                f"data/clean/embedder gives no {' and no '.join(kinds)} for {split}; add "
                "variables with alternatives or ranked lists, or change learn_from or the shares "
                "of dev and test under prepare.embedder in params.yaml."
            )


def mark_seen_pairs(records: Mapping[str, Sequence[Record]]) -> None:
    """Mark each scored pair of test as seen or not: whether one of its sentences is trained on."""
    trained = {text for record in records["train"] for text in trained_texts(record)}
    for record in of_kind(records["test"], "scored"):
        record["seen"] = bool(trained & trained_texts(record))


def trained_texts(record: Record) -> set[str]:
    """Return the two texts of a positive or scored pair, normalized."""
    return {normalize(record[field]) for field in TRAINED_FIELDS if field in record}


def preview_lines(folder: Path, number: int) -> list[str]:
    """Return lines that show some training examples of each kind, with their sources."""
    lines = sample_lines(read_jsonl(folder / "train.jsonl"), number)
    return [*lines, *left_out_lines(folder, number)]
