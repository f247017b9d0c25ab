"""A catalog of four variables, and what tests ask of the examples that are made from it."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import NamedTuple

from findtune.core.files import read_json, read_jsonl
from findtune.core.records import Record
from findtune.embedder.prepare.examples import CleanData, PrepareSettings, write_data
from findtune.embedder.prepare.scored_pairs import ScoredPair
from findtune.embedder.prepare.variables import CatalogText
from findtune.examples.left_out import read_counts
from findtune.examples.splits import SPLITS, SplitShares, assign_split


class Examples(NamedTuple):
    """What preparation has written."""

    records: dict[str, list[Record]]
    corpus: list[Record]
    leak_report: Record
    left_out: dict[str, int]


Build = Callable[..., Examples]
SHARES = SplitShares(dev=0.15, test=0.25, fold=0)  # as in the fixture `settings`


def key_in(split: str, stem: str = "key") -> str:
    """Return the first of stem 0, stem 1, ... whose hash falls into a split."""
    return next(key for n in count() if assign_split(key := f"{stem} {n}", SHARES) == split)


def variable(dcid: str, catalog: str = "small", **texts: str) -> list[CatalogText]:
    """Return a variable's texts by role; `|` separates several texts of one role."""
    flat = [(role, text) for role, cell in texts.items() for text in cell.split("|")]
    return [CatalogText(dcid, catalog, *pair, f"{dcid}:{n}") for n, pair in enumerate(flat)]


MEN, WOMEN = key_in("train", "men"), key_in("train", "women")
SHIPS, TREES = key_in("dev", "ships"), key_in("test", "trees")
EATERS = variable(MEN, name="Bread Eaters, Men", description="Men who eat.", generated="lads")
EATERESSES = variable(WOMEN, name="Bread Eaters, Women", description="Women who eat.")
TRAIN = [*EATERS, *EATERESSES]
DEV = variable(SHIPS, name="Ships", description="Vessels afloat.", generated="boats at sea")
TEST = variable(TREES, name="Trees", description="Oaks and firs.", generated="woods and groves")
SCORED = [
    ScoredPair(key_in("test", "a"), key_in("train", "b"), 0.5, "pairs.csv:2"),
    ScoredPair(key_in("train", "c"), key_in("train", "d"), 0.5, "pairs.csv:3"),
]
GUARD = [ScoredPair(f"He shut the door. {n}", f"Soup {n}", 0.1, f"guard:{n}") for n in range(9)]


def build_examples(data: CleanData, settings: PrepareSettings, out: Path) -> Examples:
    """Write the examples of clean data into a folder, and return them."""
    write_data(data, out, settings)
    records = {split: read_jsonl(out / f"{split}.jsonl") for split in (*SPLITS, "refit")}
    report = read_json(out / "leak_report.json")
    return Examples(records, read_jsonl(out / "corpus.jsonl"), report, read_counts(out))


def of_kind(kind: str, examples: Examples, split: str) -> list[Record]:
    return [record for record in examples.records[split] if record["kind"] == kind]


def queries(examples: Examples, split: str) -> list[str]:
    return [record["text"] for record in of_kind("query", examples, split)]


def sources(kind: str, examples: Examples, split: str) -> list[str]:
    return [source for record in of_kind(kind, examples, split) for source in record["sources"]]


def leaks(examples: Examples) -> list[int]:
    """Return the numbers of things that two splits share."""
    return [n for shared in examples.leak_report["shared"].values() for n in shared.values() if n]
