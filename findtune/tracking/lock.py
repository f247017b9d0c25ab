"""dvc.lock: which bytes each stage read and wrote."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from findtune.core.errors import InputError

LOCK = Path("dvc.lock")
FOLDER = ".dir"  # ends the md5 of a folder
CONFLICT = ("<<<<<<< ", ">>>>>>> ")  # at the start of a line
Stages = Mapping[str, "LockedStage"]  # by name


@dataclass(frozen=True)
class LockedStage:
    """The files and folders of a stage's last run: path -> md5, as DVC writes it."""

    deps: Mapping[str, str]
    outs: Mapping[str, str]


def read_lock(path: Path = LOCK) -> Stages:
    """Return what a dvc.lock records; raise InputError where there is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"there is no {path}; `make train` writes it.") from None
    return parse_lock(text, str(path))


def read_pointers(folder: Path) -> Stages:
    """Return what the .dvc files in a folder name, such as the feedback after `make private`.

    Raises InputError for an invalid file.
    """
    return {path.as_posix(): read_pointer(path) for path in sorted(folder.glob("*.dvc"))}


def read_pointer(path: Path) -> LockedStage:
    """Return what a .dvc file names; raise InputError if it isn't one."""
    try:
        outs = yaml.safe_load(path.read_text(encoding="utf-8"))["outs"]
        paths = [{**out, "path": (path.parent / out["path"]).as_posix()} for out in outs]
    except (yaml.YAMLError, KeyError, TypeError):
        remedy = "is it a merge conflict? Take one side"
        raise InputError(f"{path} can't be read; {remedy}.") from None
    return LockedStage({}, hashes(paths))


def parse_lock(text: str, name: str = str(LOCK)) -> Stages:
    """Return what the text of a dvc.lock records; raise InputError if it isn't one."""
    refuse_conflict(text)
    try:
        content = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return {
            stage: LockedStage(hashes(entry.get("deps", [])), hashes(entry.get("outs", [])))
            for stage, entry in content["stages"].items()
        }
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{name} can't be read ({reason}); `git checkout {LOCK}` brings back the committed one."
        ) from None


def refuse_conflict(text: str) -> None:
    """Raise InputError for the text of a dvc.lock with the marks of a merge conflict."""
    if any(line.startswith(CONFLICT) for line in text.splitlines()):
        remedy = f"take one side (`git checkout --ours {LOCK}`), then run this again"
        raise InputError(f"{LOCK} has the marks of a merge conflict; {remedy}.")


def hashes(entries: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return path -> md5 of the entries of a stage; those without an md5 are left out."""
    return {entry["path"]: entry["md5"] for entry in entries if "md5" in entry}


def all_outs(stages: Stages) -> dict[str, str]:
    """Return path -> md5 of everything that the stages wrote."""
    return {path: md5 for stage in stages.values() for path, md5 in stage.outs.items()}


def examples_made_again(stages: Stages, metrics: str) -> Iterator[str]:
    """Yield the folders of examples that were made again since measures were taken on them.

    metrics: the file of the measures.
    """
    made = all_outs(stages)
    for stage in stages.values():
        if metrics in stage.outs:
            for path, digest in stage.deps.items():
                if path.startswith("data/examples/") and digest != made.get(path):
                    yield path


def outdated_inputs(stages: Stages, *last: LockedStage) -> Iterator[str]:
    """Yield what some stages, or those before them, read before it was written again."""
    writers = {path: stage for stage in stages.values() for path in stage.outs}
    waiting, seen = [*last], set()
    while waiting:
        stage = waiting.pop()
        for path, digest in stage.deps.items():
            if path in writers and writers[path].outs[path] != digest:
                yield path
            if path in writers and path not in seen:
                seen.add(path)
                waiting.append(writers[path])
