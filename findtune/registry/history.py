"""What was live when, with its measures."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from findtune.registry.promotion import measured_at
from findtune.registry.tags import Assignment, assignments, live_versions

TIME = "%Y-%m-%d %H:%M"


class Period(NamedTuple):
    """A period in which a version was live.

    change: what made it live. back: whether that was a rollback. until: None if it is live now.
    """

    live: Assignment
    change: Assignment
    back: bool
    until: datetime | None


def history_table(root: Path, models: Sequence[str]) -> str:
    """Return a Markdown table: what went live in each stage, the newest first."""
    rows = [row for model in models for row in model_rows(root, model)]
    head = "| model | stage | version | commit | live from | until | measures | by |"
    return "\n".join([head, "|---" * 8 + "|", *(f"| {' | '.join(row)} |" for row in rows)])


def model_rows(root: Path, model: str) -> list[list[str]]:
    """Return the rows of a model, by stage, the newest first."""
    everything = assignments(root, model)
    stages = sorted({assignment.stage for assignment in everything})
    histories = ([entry for entry in everything if entry.stage == stage] for stage in stages)
    return [
        row(root, model, period)
        for history in histories
        for period in reversed([*periods(history)])
    ]


def periods(history: Sequence[Assignment]) -> Iterator[Period]:
    """Yield the periods of one stage, the oldest first."""
    stacks = [live_versions(history[:number]) for number in range(len(history) + 1)]
    names = [stack[-1].version if stack else None for stack in stacks]
    changed = [number for number in range(1, len(names)) if names[number] != names[number - 1]]
    ends = [*(history[number - 1].time for number in changed[1:]), None]
    for number, until in zip(changed, ends, strict=False):  # without changes, `ends` is longer
        if stacks[number]:
            # A rollback leaves fewer versions to go back to; a promotion one more.
            back = len(stacks[number]) <= len(stacks[number - 1])
            yield Period(stacks[number][-1], history[number - 1], back, until)


def row(root: Path, model: str, period: Period) -> list[str]:
    """Return the row of a period."""
    live = period.live
    return [
        model,
        live.stage,
        f"{live.version}{' (rollback)' if period.back else ''}",
        live.commit[:7],
        period.change.time.strftime(TIME),
        period.until.strftime(TIME) if period.until else "now",
        measured_at(root, live.commit, model),
        period.change.author,
    ]
