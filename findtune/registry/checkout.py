"""The files of the live version, checked out beside the current ones."""

import re
import subprocess
import sys
from pathlib import Path

from findtune.core.errors import InputError
from findtune.core.files import locked_folder
from findtune.registry.evidence import artifact_path
from findtune.registry.tags import Assignment, assignments, live_versions
from findtune.tracking.git import folder_in_repository, run_git

FOLDER = Path(".scratch", "live")
COMMIT_DIGITS = 12


def check_out_live(root: Path, model: str, stage: str, size: str) -> Path:
    """Return a folder of models that holds MODEL/SIZE as it is live in a stage.

    The first time that a version is asked for, its files are taken from DVC's cache or from the
    remote. Raises InputError when nothing is live there, when the live version has another size, or
    when its files can't be found.
    """
    live = live_versions([row for row in assignments(root, model) if row.stage == stage])
    if not live:
        raise InputError(f"no {model} is live in {stage}; `make promote` makes one live.")
    path = artifact_path(root, live[-1].commit, model)
    if Path(path).name != size:
        raise InputError(f"{path} is what is live in {stage}; name its size with SIZE=.")
    folder = root / FOLDER / live[-1].commit[:COMMIT_DIGITS]
    target = folder / model / size
    if not target.exists():
        with locked_folder(target.parent):  # two servers that start at once would fetch both
            if not target.exists():
                fetch(root, path, live[-1], target)
    return folder


def fetch(root: Path, path: str, live: Assignment, target: Path) -> None:
    """Have DVC write a path of a version to a target, which appears only when it is complete."""
    part = target.with_name(f".{target.name}.part")
    repository = run_git(root, "rev-parse", "--show-toplevel").stdout.rstrip("\n")
    source = [repository, f"{folder_in_repository(root)}{path}", "--rev", live.commit]
    command = [sys.executable, "-m", "dvc", "get", *source, "--out", str(part), "--force"]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        reason = "; ".join(re.findall(r"^ERROR: (.*\S)", result.stderr, re.MULTILINE))
        # `make pull` would fetch the current version, and DVC has already tried the remote.
        raise InputError(
            f"DVC cannot get {path} of {live.version} ({reason}); `make push` where it was "
            "promoted publishes it."
        )
    part.rename(target)
