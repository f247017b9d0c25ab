"""A stored answer of DVC, which is valid until a file that DVC would look at changes.

Asking DVC whether the pipeline is current takes a second, most of it to load DVC. So its last
answer is stored with a fingerprint of the project's folder, and used as long as the fingerprint is
the same. A fingerprint is stricter than DVC's own check: it includes the time of the last change of
a file's status (ctime), which nobody can set back.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from findtune.core.files import write_json

DVC_FOLDER = ".dvc"  # its temporary files change all the time
SETTINGS = ("config", "config.local")
NEVER_READ = {".git", DVC_FOLDER}  # by DVC, whatever .dvcignore says


def recall(kept: Path, ask: Callable[[], list[str]]) -> list[str]:
    """Return the stored answer if no file has changed since; otherwise ask, and store the answer.

    kept: the file of the answer. Nothing is stored if files changed while DVC was asked.
    """
    before = fingerprint(Path())
    with suppress(OSError, ValueError, KeyError, TypeError):
        content = json.loads(kept.read_bytes())
        if content["fingerprint"] == before:
            return list(content["answer"])
    answer = ask()
    if fingerprint(Path()) == before:
        with suppress(OSError):  # on a full disk the answer is just not stored
            write_json(kept, {"fingerprint": before, "answer": answer})
    return answer


def fingerprint(root: Path) -> str:
    """Return a hash of the names, sizes, times and inodes of a project's files.

    It includes DVC's settings, and leaves out what DVC never reads, such as .venv.
    """
    left_out = NEVER_READ | ignored_names(root / ".dvcignore")
    lines = [*describe_files(root, left_out, set())]
    lines += [describe(root / DVC_FOLDER / name) for name in SETTINGS]
    return sha256("\0".join(sorted(lines)).encode("utf-8", "surrogateescape")).hexdigest()


def ignored_names(path: Path) -> set[str]:
    """Return the plain names in a .dvcignore: DVC reads no file or folder with such a name.

    Patterns are left out, and so are all lines if one of them begins with "!".
    """
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    if any(line.startswith("!") for line in lines):
        return set()
    names = {line.rstrip() for line in lines}
    return {name for name in names if name and not set(name) & set("#/*?[\\")}


def describe_files(
    folder: Path | str, left_out: set[str], visited: set[tuple[int, int]]
) -> Iterator[str]:
    """Yield a line about each file and folder below a folder, also below links to folders.

    visited: (device, inode) of the folders that were seen, so that circular links end.
    """
    with suppress(OSError):  # DVC skips what can't be read, too
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in visited:
            return
        visited.add((status.st_dev, status.st_ino))
        for entry in os.scandir(folder):
            if entry.name in left_out:
                continue
            if entry.is_symlink():
                yield f"{entry.path} -> {Path(entry.path).readlink()}"
            if entry.is_dir():
                yield f"{entry.path}/"
                yield from describe_files(entry.path, left_out, visited)
            else:
                yield describe(entry.path)


def describe(path: Path | str) -> str:
    """Return a line that changes whenever a file does."""
    try:
        status = Path(path).stat()
    except OSError:
        return f"{path}: missing"
    times = f"{status.st_mtime_ns} {status.st_ctime_ns}"
    return f"{path}: {status.st_size} {times} {status.st_ino}"
