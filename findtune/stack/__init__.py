"""The three models as one search pipeline: evaluated, saved, and run."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from findtune.stack.pipeline import Stack


def load(folder: Path | str, exports: Path | str | None = None) -> "Stack":
    """Return the stack in a folder; see `findtune.stack.artifact.load`.

    exports: a folder with int8 copies, such as models/export, to run the stack on; see
    `findtune.stack.int8.loading.load_on_exports`.
    """
    # imported here, so that importing the package does not load torch
    if exports is None:
        from findtune.stack.artifact import load as load_artifact

        return load_artifact(folder)
    from findtune.stack.int8.loading import load_on_exports

    return load_on_exports(folder, exports)
