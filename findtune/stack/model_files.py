"""Copies and hashes the files of models, and detects changed ones."""

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from findtune.bases.safety import SAFE_SUFFIXES
from findtune.core.errors import InputError
from findtune.core.files import sha256

# Written by training for people and for evaluation; not needed to use the model.
NOT_NEEDED = ("training.json", "retriever_features.json", "examination.json", "prf.json")
NOT_NEEDED_FOLDERS = ("before_refit", "train_retriever", "onnx")


def copy_model(source: Path, target: Path) -> None:
    """Copy the files needed to use a model; as hard links where the file system allows it."""
    for path in needed_files(source):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path.resolve(), copy)
        except OSError:  # another file system
            shutil.copyfile(path, copy)


def needed_files(folder: Path) -> list[Path]:
    """Return the files of a model folder that are needed to use it, in order."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix in SAFE_SUFFIXES
        and path.name not in NOT_NEEDED
        and not {*path.relative_to(folder).parts} & {*NOT_NEEDED_FOLDERS}
    ]


def hash_files(folder: Path, paths: Iterable[Path]) -> dict[str, str]:
    """Return the SHA-256 of some files of a folder: path within the folder -> hash."""
    return {path.relative_to(folder).as_posix(): sha256(path) for path in paths}


def content_hash(files: Mapping[str, str]) -> str:
    """Return one hash of a model's files; files: path -> SHA-256."""
    lines = "".join(f"{path} {digest}\n" for path, digest in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def refuse_changed(folder: Path, files: Mapping[str, str], remedy: str) -> None:
    """Raise InputError, which names the file, if a file is missing or has changed.

    files: path within the folder -> SHA-256; remedy: how to get the files again.
    """
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            raise InputError(f"there is no {path}; {remedy}.")
        if sha256(path) != expected:
            raise InputError(f"{path} has changed since it was written; {remedy}.")
