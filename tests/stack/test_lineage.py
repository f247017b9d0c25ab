"""A line says what each model learned from, and what is missing."""

from pathlib import Path

from findtune.core.files import write_json
from findtune.stack.lineage import lineage


def test_a_line_names_what_was_learned_what_was_not_and_a_missing_model(tmp_path: Path) -> None:
    counts = {"embedder": {"pick": 1200}, "reranker": {"list": 3, "title": 2}}
    for room, train in counts.items():
        records = {"train": train, "dev": {"list": 1}}
        write_json(tmp_path / room / "leak_report.json", {"records": records})
    assert lineage({room: tmp_path / room for room in counts}) == [
        "- rewriter: missing; a stack without it. `models` in params.yaml adds it.",
        "- embedder: learned from 1,200 picks; no pairs of the catalog, no scored pairs.",
        "- reranker: learned from 3 ranked lists, 2 titles; "
        "once dev had decided, from its 1 lists, too.",
    ]
