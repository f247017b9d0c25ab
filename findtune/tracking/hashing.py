"""The md5 of files and folders, as DVC computes it, but without DVC's stored hashes.

DVC considers a file with the same size and time unchanged. Here every byte is read.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path

Progress = Callable[[int], object]  # called with the number of bytes read


def no_progress(_: int) -> None:
    """Show no progress."""


def file_md5(path: Path, progress: Progress = no_progress) -> str:
    """Return the md5 of a file, in hex."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False))
        progress(file.tell())
    return digest.hexdigest()


def file_hashes(folder: Path, progress: Progress = no_progress) -> dict[str, str]:
    """Return the md5 of every file below a folder: path within the folder -> md5.

    DVC leaves out .gitignore, which it writes itself.
    """
    paths = sorted(
        path for path in folder.rglob("*") if path.is_file() and path.name != ".gitignore"
    )
    return {path.relative_to(folder).as_posix(): file_md5(path, progress) for path in paths}


def folder_md5(files: Mapping[str, str]) -> str:
    """Return the md5 of a folder whose files are given: path within the folder -> md5."""
    tree = import_module("dvc_data.hashfile.tree").Tree.from_list(
        [{"md5": digest, "relpath": path} for path, digest in files.items()], hash_name="md5"
    )
    tree.digest()
    return str(tree.hash_info.value)


def path_md5(path: Path, progress: Progress = no_progress) -> str:
    """Return the md5 of a file or of a folder."""
    return folder_md5(file_hashes(path, progress)) if path.is_dir() else file_md5(path, progress)


def object_path(cache: Path, md5: str) -> Path:
    """Return where the cache keeps the bytes of an md5."""
    return cache / md5[:2] / md5[2:]


def read_listing(path: Path) -> dict[str, str]:
    """Return path -> md5 of the files in a listing that DVC keeps; empty if it can't be read."""
    try:
        return {entry["relpath"]: entry["md5"] for entry in json.loads(path.read_bytes())}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
