"""What curators edit in CSV files, made clean: the catalog, scored pairs and the guard set."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from findtune.catalog import read_catalog, write_texts
from findtune.files import write_json
from findtune.scored_pairs import read_scored_pairs, write_scored_pairs
from findtune.tables import Limits, Note, refuse_too_many, write_notes

FOLDERS = {"sentence_pairs": "finetuning", "guard": "guard"}


def write_clean(
    *, kind: str, data: Path, limits: Limits, bar: object
) -> tuple[Counter[str], list[Note]]:
    """Write the clean rows of a kind, the notes and the counts; return counts and rejects.

    Raises InputError for a file that can't be read at all, and for too many rejects.
    """
    path = data / "clean" / "embedder" / f"{kind}.csv"
    rows, counts, notes, write = read_clean(kind, data, limits.longest_cell)
    counts.update(note.action for note in notes)
    write_notes(path.with_suffix(".notes.csv"), notes)
    write_json(path.with_suffix(".counts.json"), counts)
    refuse_too_many(notes, rows, limits.max_rejected, path.with_suffix(".notes.csv"))
    write(path)
    return counts, [note for note in notes if note.action == "rejected"]


def read_clean(
    kind: str, data: Path, longest_cell: int
) -> tuple[int, Counter[str], list[Note], Callable[[Path], None]]:
    """Return how many rows are good, what they hold, the notes, and what writes them."""
    if kind == "catalog":
        texts, notes = read_catalog(data, longest_cell)
        counts = Counter(f"{text.catalog} {text.role}" for text in texts)
        rows = len({text.source for text in texts})
        return rows, counts, notes, lambda path: write_texts(path, texts)
    pairs, notes = read_scored_pairs(data / FOLDERS[kind], longest_cell)
    counts = Counter(pairs=len(pairs))
    return len(pairs), counts, notes, lambda path: write_scored_pairs(path, pairs)
