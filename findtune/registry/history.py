"""What was live when, with its measures."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from findtune.registry.promotion import measured_at
from findtune.registry.tags import Assignment, assignments, live_versions

TIME = "%Y-%m-%d %H:%M"


def history_table(root: Path, models: Sequence[str]) -> str:
    """Return a Markdown table: what went live in each stage, the newest first."""
    rows = [row for model in models for row in model_rows(root, model)]
    head = "| model | stage | version | commit | live from | until | measures | by |"
    return "\n".join([head, "|---" * 8 + "|", *(f"| {' | '.join(row)} |" for row in rows)])


def model_rows(root: Path, model: str) -> list[list[str]]:
    """Return the rows of a model, by stage, the newest first."""
    everything = assignments(root, model)
    rows = []
    for stage in sorted({assignment.stage for assignment in everything}):
        history = [assignment for assignment in everything if assignment.stage == stage]
        ends: list[datetime | None] = [*(entry.time for entry in history[1:]), None]
        rows += [
            row(root, model, history[: number + 1], ends[number])
            for number in reversed(range(len(history)))
            if not history[number].ends
        ]
    return rows


def row(root: Path, model: str, history: Sequence[Assignment], until: datetime | None) -> list[str]:
    """Return the row of the last assignment of a history."""
    last = history[-1]
    # A rollback leaves fewer versions to go back to; a promotion one more.
    back = len(live_versions(history)) <= len(live_versions(history[:-1]))
    return [
        model,
        last.stage,
        f"{last.version}{' (rollback)' if back else ''}",
        last.commit[:7],
        last.time.strftime(TIME),
        until.strftime(TIME) if until else "now",
        measured_at(root, last.commit, model),
        last.author,
    ]
