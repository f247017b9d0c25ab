"""The three models as one search pipeline: judged, saved, and run."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from findtune.stack.pipeline import Stack


def load(folder: Path | str) -> "Stack":
    """Return the stack in a folder; see `findtune.stack.artifact.load`."""
    from findtune.stack.artifact import load as load_artifact  # torch is loaded only when needed

    return load_artifact(folder)
