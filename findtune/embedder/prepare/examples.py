"""The embedder's examples: pairs of texts of one variable, and pairs that curators scored.

data/examples/embedder/SIZE/
    train.jsonl  dev.jsonl  test.jsonl   one record per line; `kind` is one of
        positive   dcid, anchor, positive, label, why, sources, negatives     train only
        scored     sentence_1, sentence_2, score, sources; in test also `seen`
        query      dcids (the relevant variables), text, catalog, sources     dev and test only
        guard      sentence_1, sentence_2, score, sources                     dev and test only
    corpus.jsonl        dcid, text: all texts of the catalog except the held-out queries
    leak_report.json    what the splits share (nothing), and what was left out to get there
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field

from findtune.core.errors import InputError
from findtune.core.files import read_jsonl, write_json, write_jsonl
from findtune.core.params import Section
from findtune.core.records import Record
from findtune.core.text import normalize
from findtune.embedder.prepare.held_out_queries import (
    Queries,
    corpus_records,
    hold_out_queries,
    query_records,
)
from findtune.embedder.prepare.leak_removal import Records, remove_leaks
from findtune.embedder.prepare.leak_report import build_leak_report, of_kind
from findtune.embedder.prepare.positives import Labels, positive_records
from findtune.embedder.prepare.preview import sample_lines
from findtune.embedder.prepare.scored_pairs import (
    ScoredPair,
    pair_record,
    read_pairs,
    split_guard_pairs,
    split_scored_pairs,
)
from findtune.embedder.prepare.variables import (
    CatalogText,
    Variable,
    read_catalog,
    split_variables,
)
from findtune.examples.splits import SPLITS, SplitShares

REQUIRED_KINDS = (("train", "positive"), ("dev", "query"), ("test", "query"))
TRAINED_FIELDS = ("anchor", "positive", "sentence_1", "sentence_2")


class PrepareSettings(Section):
    """params.yaml: prepare.embedder.SIZE."""

    catalogs: tuple[Literal["small", "medium"], ...]
    variables: SplitShares
    scored_pairs: SplitShares
    query_share: float = Field(gt=0, le=1)  # of a held-out variable's alternatives
    hard_negatives: int = Field(ge=0)  # per positive pair
    labels: Labels

    def with_fold(self, test: float, fold: int) -> "PrepareSettings":
        """Return the same settings with another test set, for cross-validation."""
        changed = {"test": test, "fold": fold}
        shares = {
            name: getattr(self, name).model_copy(update=changed)
            for name in ("variables", "scored_pairs")
        }
        return self.model_copy(update=shares)


class CleanData(NamedTuple):
    """What ingest has cleaned."""

    texts: Sequence[CatalogText]
    scored_pairs: Sequence[ScoredPair]
    guard_pairs: Sequence[ScoredPair]


@dataclass(frozen=True)
class Splits:
    """The clean data by split, before examples are made of it; queries: of dev and test."""

    texts: Sequence[CatalogText]
    variables: Mapping[str, Sequence[Variable]]
    queries: Queries
    scored_pairs: Mapping[str, Sequence[ScoredPair]]
    guard_pairs: Mapping[str, Sequence[ScoredPair]]


@dataclass(frozen=True)
class Examples:
    """All that is written: the records of each split, the corpus, and the leak report."""

    records: Records
    corpus: list[Record]
    leak_report: Record


def write_examples(clean: Path, out: Path, settings: PrepareSettings) -> dict[str, dict[str, int]]:
    """Write the examples of a folder of clean data; return their number by split and kind.

    Raises InputError as `build_examples` does.
    """
    data = CleanData(
        texts=read_catalog(clean / "catalog.jsonl"),
        scored_pairs=read_pairs(clean / "sentence_pairs.jsonl"),
        guard_pairs=read_pairs(clean / "guard.jsonl"),
    )
    examples = build_examples(data, settings)
    for split in SPLITS:
        write_jsonl(out / f"{split}.jsonl", examples.records[split])
    write_jsonl(out / "corpus.jsonl", examples.corpus)
    write_json(out / "leak_report.json", examples.leak_report)
    counts: dict[str, dict[str, int]] = examples.leak_report["records"]
    return counts


def build_examples(data: CleanData, settings: PrepareSettings) -> Examples:
    """Return the examples of clean data.

    Raises InputError when a split has nothing to train or to test on, or when the splits leak.
    """
    splits = split_data(data, settings)
    drafts = draft_records(splits, settings)
    records, left_out = remove_leaks(drafts, splits.variables)
    refuse_empty_splits(records)
    mark_seen_pairs(records)
    return Examples(
        records=records,
        corpus=corpus_records(splits.variables, splits.queries),
        leak_report=build_leak_report(records, splits.variables, left_out),
    )


def split_data(data: CleanData, settings: PrepareSettings) -> Splits:
    """Assign everything to train, dev or test, and hold out the queries of dev and test."""
    texts = [text for text in data.texts if text.catalog in settings.catalogs]
    variables = split_variables(texts, settings.variables)
    held_out = variables["dev"] + variables["test"]
    return Splits(
        texts=texts,
        variables=variables,
        queries=hold_out_queries(held_out, settings.query_share),
        scored_pairs=split_scored_pairs(data.scored_pairs, settings.scored_pairs),
        guard_pairs=split_guard_pairs(data.guard_pairs),
    )


def draft_records(splits: Splits, settings: PrepareSettings) -> Records:
    """Return the records of each split; later splits may still leak into earlier ones."""
    variables = splits.variables
    records = {
        "train": list(
            positive_records(variables["train"], settings.labels, settings.hard_negatives)
        ),
        "dev": query_records(variables["dev"], splits.queries, splits.texts),
        "test": query_records(variables["test"], splits.queries, splits.texts),
    }
    for split in SPLITS:
        records[split] += [pair_record("scored", pair) for pair in splits.scored_pairs[split]]
        records[split] += [pair_record("guard", pair) for pair in splits.guard_pairs[split]]
    return records


def refuse_empty_splits(records: Mapping[str, Sequence[Record]]) -> None:
    """Raise InputError when there is nothing to train on, or nothing to test with."""
    for split, kind in REQUIRED_KINDS:
        if not of_kind(records[split], kind):
            raise InputError(
                f"data/clean/embedder/catalog.jsonl gives no {kind} for {split}; add variables "
                "with alternatives, or change the shares of dev and test under prepare.embedder "
                "in params.yaml."
            )


def mark_seen_pairs(records: Mapping[str, Sequence[Record]]) -> None:
    """Add to each scored pair of test whether one of its sentences is trained on."""
    trained = {text for record in records["train"] for text in trained_texts(record)}
    for record in of_kind(records["test"], "scored"):
        record["seen"] = bool(trained & trained_texts(record))


def trained_texts(record: Record) -> set[str]:
    """Return the two texts of a positive or scored pair, normalized."""
    return {normalize(record[field]) for field in TRAINED_FIELDS if field in record}


def preview_lines(folder: Path, number: int) -> list[str]:
    """Return lines that show some training examples of each kind, with their sources."""
    return sample_lines(read_jsonl(folder / "train.jsonl"), number)
