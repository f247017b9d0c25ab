"""The files of what is live, beside those that are in the folders now."""

import subprocess
import sys
from pathlib import Path

from findtune.core.errors import InputError
from findtune.core.files import locked_folder
from findtune.registry.tags import Assignment, assignments, live_versions

FOLDER = Path(".scratch", "live")
COMMIT_DIGITS = 12


def check_out_live(root: Path, model: str, stage: str, size: str) -> Path:
    """Return a folder of models that holds MODEL/SIZE as it is live in a stage.

    The files are taken from DVC's cache, or else from the remote, the first time that a version is
    asked for. Raises InputError when nothing is live there, or when its files are nowhere.
    """
    live = live_versions([row for row in assignments(root, model) if row.stage == stage])
    if not live:
        raise InputError(f"nothing of {model} is live in {stage}; `make promote` makes it so.")
    folder = root / FOLDER / live[-1].commit[:COMMIT_DIGITS]
    target = folder / model / size
    if not target.exists():
        with locked_folder(target.parent):  # two servers that start at once would fetch both
            if not target.exists():
                fetch(root, f"models/{model}/{size}", live[-1], target)
    return folder


def fetch(root: Path, path: str, live: Assignment, target: Path) -> None:
    """Have DVC write a path of a version to a target, which appears only when it is complete."""
    part = target.with_name(f".{target.name}.part")
    command = [sys.executable, "-m", "dvc", "get", str(root), path, "--rev", live.commit]
    result = subprocess.run(
        [*command, "--out", str(part), "--force", "--quiet"], capture_output=True, text=True
    )
    if result.returncode:
        reason = " ".join(result.stderr.split()) or "no reason given"
        raise InputError(f"DVC cannot get {path} of {live.version} ({reason}); try `make pull`.")
    part.rename(target)
