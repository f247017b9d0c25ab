"""The three models as one search pipeline: judged, saved, and run."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from findtune.stack.pipeline import Stack


def load(folder: Path | str, exports: Path | str | None = None) -> "Stack":
    """Return the stack in a folder; see `findtune.stack.artifact.load`.

    exports: a folder with int8 copies, such as models/export, on which it then runs; see
    `findtune.stack.int8.loading.load_on_exports`.
    """
    # torch is loaded only when needed
    if exports is None:
        from findtune.stack.artifact import load as load_artifact

        return load_artifact(folder)
    from findtune.stack.int8.loading import load_on_exports

    return load_on_exports(folder, exports)
