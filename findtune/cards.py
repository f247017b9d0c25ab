"""Model cards: lineage and measures, in the front matter that model hubs read; no training text."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from findtune.bases import Base
from findtune.files import rounded

WEIGHTS = (".safetensors", ".gguf")


class About(NamedTuple):
    """What hubs call a room's task and the library that loads its models, and how it does."""

    task: str
    library: str
    loading: str


def card(
    *,
    name: tuple[str, str],
    about: About,
    base: Base,
    recipe: Mapping[str, Any],
    facts: Mapping[str, Any],
    data: Mapping[str, str],
    sweep: Sequence[Mapping[str, float]],
) -> str:
    """Return the README.md of a tuned model.

    name: model and size; data: file -> sha256 of the pairs; sweep: the measures on dev of each
    choice there was. The measures on test are in metrics/, since judging comes after.
    """
    model, size = name
    front = {
        "base_model": base.hub.repository if base.hub else base.name,
        "library_name": about.library,
        "license": base.licence.lower(),
        "pipeline_tag": about.task,
        "tags": ["findtune", about.library, model],
    }
    weights = [digest for file, digest in base.files.items() if file.endswith(WEIGHTS)]
    lineage = {**facts, "base weights (sha256)": ", ".join(weights)}
    how = "tuned" if facts["interpolation"] else "as it was before tuning, which did not help"
    sections = [
        f"---\n{yaml.safe_dump(front, sort_keys=True)}---",
        f"# {model} {size}\n\n{base.name}, {how}. {about.loading}",
        f"## Lineage\n\n{table(lineage)}",
        f"## Data (sha256)\n\nTrain is learned, dev decides, test only judges.\n\n{table(data)}",
        f"## Parameters\n\n{table(recipe)}",
        "## Measures on dev\n\n"
        "`interpolation` 0 is the base, 1 the tuned weights; the lineage tells which was kept.\n"
        f"Measures on test, with intervals, are in `metrics/{model}/{size}.json`.\n\n{grid(sweep)}",
    ]
    return "\n\n".join(sections) + "\n"


def table(values: Mapping[str, Any]) -> str:
    """Return a two-column table."""
    rows = [f"| {key} | {plain(value)} |" for key, value in sorted(values.items())]
    return "\n".join(["| | |", "|---|---|", *rows])


def grid(rows: Sequence[Mapping[str, float]]) -> str:
    """Return a table with a column for each key."""
    if not rows:
        return "None: the plain recipe keeps its last weights."
    keys = list(rows[0])
    lines = ["| " + " | ".join(plain(rounded(row[key])) for key in keys) + " |" for row in rows]
    return "\n".join(["| " + " | ".join(keys) + " |", "|---" * len(keys) + "|", *lines])


def plain(value: Any) -> str:
    """Return a value as a cell shows it."""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
