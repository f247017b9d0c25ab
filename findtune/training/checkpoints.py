"""Checkpoints, from which a killed training resumes: their folders, and which can be used.

    FOLDER/KEY/PHASE/step-120/   the state after a step, with its manifest
    FOLDER/KEY/PHASE/end/        the state after the phase's last step

KEY is the SHA-256 of everything that the training reads, so a checkpoint of other inputs is never
used. A folder gets its name only when it is complete, and its bytes are compared with its manifest
before it is read. It holds no pickles.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from findtune.core.files import atomic_folder, sha256
from findtune.core.manifest import listed_files, problems, write_manifest

END = "end"
STEP = "step-"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of a training, or of one of its phases.

    folder: of the checkpoints, or None to save nothing. say: reports which are used and which not.
    """

    folder: Path | None = None
    say: Say = lambda _: None

    def phase(self, name: str) -> "Checkpoints":
        """Return the checkpoints of one phase; each call of a trainer needs its own phase."""
        return replace(self, folder=self.folder / name) if self.folder else self

    def latest(self) -> Path | None:
        """Return the folder of the last intact checkpoint; remove later ones that are damaged."""
        for path in reversed(self.complete()):
            problem = next(problems(path), None)
            if not problem:
                return path
            self.say(f"{problem}: this checkpoint is not used")
            shutil.rmtree(path, ignore_errors=True)
        return None

    def complete(self) -> list[Path]:
        """Return the folders of all complete checkpoints, oldest first."""
        folder = self.folder
        paths = [*folder.iterdir()] if folder and folder.is_dir() else []
        steps = [path for path in paths if path.name.startswith(STEP)]
        ordered = sorted(steps, key=lambda path: int(path.name.removeprefix(STEP)))
        return ordered + [path for path in paths if path.name == END]

    @contextmanager
    def write(self, name: str) -> Iterator[Path]:
        """Yield a folder to write a checkpoint to; once it is complete, the others are removed."""
        assert self.folder, "checkpoints are saved"
        with atomic_folder(self.folder / name) as part:
            yield part
            write_manifest(part)
        for other in self.folder.iterdir():
            if other.name != name:
                shutil.rmtree(other, ignore_errors=True)

    def remove(self) -> None:
        """Remove all checkpoints of a finished training, with the folder that holds its key."""
        if self.folder:
            shutil.rmtree(self.folder.parent, ignore_errors=True)


NO_CHECKPOINTS = Checkpoints()


def open_checkpoints(folder: Path, key: str, say: Say) -> Checkpoints:
    """Return the checkpoints of a training; remove those of another key, and report it."""
    for other in [*folder.iterdir()] if folder.is_dir() else []:
        if other.name != key:
            say(f"{other} is of a training that read something else: removed")
            shutil.rmtree(other, ignore_errors=True)
    return Checkpoints(folder / key, say)


def key_of(paths: Iterable[Path], values: Mapping[str, Any]) -> str:
    """Return the SHA-256 of values, and of the names and bytes of all files at some paths.

    A path is a file or a folder, and may be absent. Files that Python and DVC add to code and data
    folders do not count, and neither does the location of a path.
    """
    files = [
        {name: sha256(path / name) for name in names_in(path) if "__pycache__" not in name}
        for path in paths
    ]
    content = json.dumps([files, values], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def names_in(path: Path) -> list[str]:
    """Return the files of a folder, or an empty name for a path that is a file."""
    return listed_files(path) if path.is_dir() else [""] * path.is_file()
