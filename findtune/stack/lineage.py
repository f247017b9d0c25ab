"""Says in one line per model what it has learned from."""

from collections.abc import Mapping
from pathlib import Path

from findtune.core.files import read_json
from findtune.stack.cells import ROOMS

# Kind of training example -> its name for a reader.
MEANINGS = {
    "embedder": {"positive": "pairs of the catalog", "scored": "scored pairs", "pick": "picks"},
    "reranker": {"list": "ranked lists", "title": "titles"},
    "rewriter": {"rewrite": "better searches", "title": "titles of picks", "identity": "questions"},
}


def lineage(examples: Mapping[str, Path]) -> list[str]:
    """Return a line for each room: what its model learned from, or that it has none.

    examples: room -> the folder of its examples.
    """
    return [
        learned(room, examples[room])
        if room in examples
        else f"- {room}: missing; a stack without it. `models` in params.yaml adds it."
        for room in ROOMS
    ]


def learned(room: str, folder: Path) -> str:
    """Return the line of a room that has a model."""
    counts = read_json(folder / "leak_report.json")["records"]["train"]
    kinds = MEANINGS[room].items()
    facts = [f"{counts[kind]:,} {meaning}" for kind, meaning in kinds if counts.get(kind)]
    absent = [meaning for kind, meaning in kinds if not counts.get(kind)]
    without = f"; no {', no '.join(absent)}" if absent else ""
    return f"- {room}: learned from {', '.join(facts)}{without}{of_dev(room, folder)}."


def of_dev(room: str, folder: Path) -> str:
    """Return a note if the model that ships also learned dev, after the choice on dev."""
    if room != "reranker":
        return ""
    lists = read_json(folder / "leak_report.json")["records"]["dev"]["list"]
    return f"; once dev had decided, from its {lists:,} lists, too"
