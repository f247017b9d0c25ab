"""SHA256SUMS: the manifest of a model folder, with the SHA-256 of every other file in it.

`sha256sum --check SHA256SUMS` reads it. DVC takes a file of the same size and time for unchanged,
and trusts its cache; only reading every byte reveals one that flipped.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from findtune.core.errors import InputError
from findtune.core.files import atomic_open, sha256

MANIFEST = "SHA256SUMS"
# Files that desktops, network disks and DVC add to folders.
FOREIGN = re.compile(r"\.DS_Store|\._.*|Thumbs\.db|desktop\.ini|\.nfs.*|\.gitignore")
LINE = re.compile(r"([0-9a-f]{64})  (.+)")
STAND_IN = "NOT_TRAINED"  # marks a folder that the stage `skip` wrote in place of a model
REMEDY = "`make doctor` says how to get the folder again"


def write_manifest(folder: Path) -> None:
    """Write the manifest of a complete model folder; call it last, before the folder is named."""
    with atomic_open(folder / MANIFEST) as file:
        for name in listed_files(folder):
            file.write(f"{sha256(folder / name)}  {name}\n")


def is_model(folder: Path) -> bool:
    """Return whether a model folder exists and is not a placeholder."""
    return folder.exists() and not (folder / STAND_IN).exists()


def listed_files(folder: Path) -> list[str]:
    """Return the sorted relative paths of a folder's own files, without the manifest."""
    paths = (
        path for path in folder.rglob("*") if path.is_file() and not FOREIGN.fullmatch(path.name)
    )
    names = (path.relative_to(folder).as_posix() for path in paths)
    return sorted(name for name in names if name not in (MANIFEST, f".{MANIFEST}.part"))


def refuse_damaged(folder: Path) -> None:
    """Raise InputError with the first problem unless a folder matches its manifest."""
    for problem in problems(folder):
        raise InputError(f"{problem}; {REMEDY}.")


def problems(folder: Path) -> Iterator[str]:
    """Yield a message for each file that is missing, unlisted or changed, or for a bad manifest."""
    manifest = folder / MANIFEST
    if not manifest.is_file():
        yield f"there is no {manifest}, which lists the bytes of every file beside it"
        return
    expected = read_manifest(manifest)
    if not expected:
        yield f"{manifest} is broken"
        return
    present = listed_files(folder)
    for name in sorted({*expected, *present}):
        if name not in present:
            yield f"there is no {folder / name}"
        elif name not in expected:
            yield f"{folder / name} is not in {MANIFEST}"
        elif sha256(folder / name) != expected[name]:
            yield f"{folder / name} has changed since it was written"


def read_manifest(path: Path) -> dict[str, str]:
    """Return path -> SHA-256 from a manifest; empty if any line is malformed."""
    lines = path.read_bytes().decode("utf-8", "replace").splitlines()
    matches = [LINE.fullmatch(line) for line in lines]
    return {match[2]: match[1] for match in matches if match} if all(matches) else {}
