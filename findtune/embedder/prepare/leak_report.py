"""The leak report of the embedder's examples: what the splits share, and what was left out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from findtune.core.records import Record
from findtune.core.text import near_duplicate_key, normalize
from findtune.embedder.prepare.leak_removal import Records, pair_key
from findtune.embedder.prepare.variables import Variable
from findtune.examples.splits import SPLITS, leak_report


def build_leak_report(
    records: Records, variables: Mapping[str, Sequence[Variable]], left_out: Mapping[str, int]
) -> Record:
    """Return what the splits share (nothing), what was left out, and the counts by kind.

    Raises InputError when two splits share anything.
    """
    texts = {split: variable_texts(records[split]) for split in SPLITS}
    scored = {split: of_kind(records[split], "scored") for split in SPLITS}
    shared = leak_report(
        {
            "variables": {
                split: {variable.dcid for variable in variables[split]} for split in SPLITS
            },
            "texts": {split: set(map(normalize, texts[split])) for split in SPLITS},
            "near_duplicates": {
                split: set(map(near_duplicate_key, texts[split])) for split in SPLITS
            },
            "scored_pairs": {split: set(map(pair_key, scored[split])) for split in SPLITS},
        }
    )
    counts = {split: dict(Counter(record["kind"] for record in records[split])) for split in SPLITS}
    return {"shared": shared, "left_out": dict(left_out), "records": counts}


def variable_texts(records: Iterable[Record]) -> list[str]:
    """Return the texts of all positive pairs and queries."""
    fields = ("anchor", "positive", "text")
    return [record[field] for record in records for field in fields if field in record]


def of_kind(records: Iterable[Record], kind: str) -> list[Record]:
    """Return the records of one kind."""
    return [record for record in records if record["kind"] == kind]
