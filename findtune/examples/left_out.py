"""What preparation leaves out, counted by reason, with examples: nothing is dropped silently.

data/examples/MODEL/SIZE/left_out.json    reason -> {count, examples: [{query, text, record}]}
"""

from pathlib import Path

from findtune.core.files import read_json, write_json
from findtune.examples.preview import record_location

FILE = "left_out.json"
EXAMPLES = 5  # of each reason, the first ones
MAX_TEXT_CHARS = 90  # of a text in a preview


class LeftOut:
    """Counts what is left out, by reason."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.examples: dict[str, list[dict[str, str]]] = {}

    def add(self, reason: str, query: str, *, text: str = "", record: str = "") -> None:
        """Count one text. reason: what it is, and why it is not learned from."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        examples = self.examples.setdefault(reason, [])
        if len(examples) < EXAMPLES:
            examples.append({"query": query, "text": text, "record": record})

    def merge(self, later: "LeftOut") -> None:
        """Add the counts and examples of later records."""
        for reason, count in later.counts.items():
            self.counts[reason] = self.counts.get(reason, 0) + count
            examples = self.examples.setdefault(reason, [])
            examples += later.examples[reason][: EXAMPLES - len(examples)]

    def write(self, folder: Path) -> None:
        """Write the counts and the examples into a folder of examples."""
        rows = {
            reason: {"count": count, "examples": self.examples[reason]}
            for reason, count in sorted(self.counts.items())
        }
        write_json(folder / FILE, rows)


def read_counts(folder: Path) -> dict[str, int]:
    """Return the number of texts left out for each reason, the commonest first."""
    path = folder / FILE
    rows = read_json(path) if path.exists() else {}
    counts = {reason: row["count"] for reason, row in rows.items()}
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def summary_line(folder: Path) -> str:
    """Return one line on what a folder of examples leaves out; empty if nothing."""
    counts = read_counts(folder)
    listed = "; ".join(f"{count} {reason}" for reason, count in counts.items())
    return f"{folder}: left out {listed}" if listed else ""


def left_out_lines(folder: Path, number: int) -> list[str]:
    """Return lines that show some examples of what was left out for each reason."""
    lines = []
    rows = read_json(folder / FILE) if (folder / FILE).exists() else {}
    for reason, count in read_counts(folder).items():
        lines += ["", f"left out: {count} {reason}"]
        for example in rows[reason]["examples"][:number]:
            origin = f"   ({record_location(example['record'])})" if example["record"] else ""
            lines.append(f"  {example['query']}{origin}")
            lines += [f"     not  {example['text'][:MAX_TEXT_CHARS]}"] if example["text"] else []
    return lines
