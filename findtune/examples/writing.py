"""Writing the examples of all splits in one pass over a file of clean records."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from findtune.core.files import atomic_open
from findtune.core.processes import ordered_map
from findtune.core.records import Record
from findtune.examples.left_out import LeftOut
from findtune.examples.preview import count_kinds
from findtune.examples.questions import Questions, Row, Share
from findtune.examples.splits import SPLITS

# Records hold no cycles, and looking for them takes time.
ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, check_circular=False)

Examples = Callable[[Row, LeftOut], Iterable[Record]]
Texts = dict[str, str]  # split -> lines
Counts = dict[str, Counter[str]]  # split -> kind -> number


def write_splits(
    out: Path,
    questions: Questions,
    examples: Examples,
    left_out: LeftOut,
    last: Mapping[str, Sequence[Record]],
) -> dict[str, dict[str, int]]:
    """Write train.jsonl, dev.jsonl and test.jsonl; return their counts by kind.

    examples: returns the examples of a record, and counts what it leaves out. last: split ->
    records at the end of its file.
    """

    def encode_share(share: Share) -> tuple[Texts, Counts, LeftOut]:
        return encode(questions.rows(share), examples)

    counts: Counts = {split: Counter() for split in SPLITS}
    with ExitStack() as stack:
        files = {
            split: stack.enter_context(atomic_open(out / f"{split}.jsonl")) for split in SPLITS
        }
        for texts, kinds, rest in ordered_map(encode_share, questions.shares, questions.processes):
            left_out.merge(rest)
            for split in SPLITS:
                files[split].write(texts[split])
                counts[split].update(kinds[split])
        for split, records in last.items():
            files[split].write(lines(count_kinds(records, counts[split])))
    return {split: dict(kinds) for split, kinds in counts.items()}


def encode(rows: Iterable[Row], examples: Examples) -> tuple[Texts, Counts, LeftOut]:
    """Return some records' lines and counts by kind for each split, and what was left out."""
    texts: dict[str, list[str]] = {split: [] for split in SPLITS}
    counts: Counts = {split: Counter() for split in SPLITS}
    left_out = LeftOut()
    for row in rows:
        texts[row.split].append(lines(count_kinds(examples(row, left_out), counts[row.split])))
    return {split: "".join(parts) for split, parts in texts.items()}, counts, left_out


def lines(records: Iterable[Record]) -> str:
    """Return records as lines of JSON."""
    return "".join(f"{ENCODER.encode(record)}\n" for record in records)
