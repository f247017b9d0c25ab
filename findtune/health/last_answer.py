"""An answer of DVC, which holds while no file that DVC would look at has changed.

To ask DVC whether the pipeline is current takes a second, most of it to load DVC. So its last
answer is kept with a fingerprint of the project's folder, and given again for this fingerprint
only. A fingerprint is finer than what DVC trusts: it has the time of the last change of a file's
status too, which nobody can set back.
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
    """Return the answer kept for the files that are here; else ask, and keep the answer.

    kept: the file of the answer. It isn't kept when files changed while DVC was asked.
    """
    before = fingerprint(Path())
    with suppress(OSError, ValueError, KeyError, TypeError):
        content = json.loads(kept.read_bytes())
        if content["fingerprint"] == before:
            return list(content["answer"])
    answer = ask()
    if fingerprint(Path()) == before:
        with suppress(OSError):  # a full disk spoils no answer
            write_json(kept, {"fingerprint": before, "answer": answer})
    return answer


def fingerprint(root: Path) -> str:
    """Return a hash of the names, sizes, times and inodes of a project's files.

    DVC's settings are in it. What DVC never reads is not, such as .venv.
    """
    left_out = NEVER_READ | ignored_names(root / ".dvcignore")
    lines = [*describe_files(root, left_out, set())]
    lines += [describe(root / DVC_FOLDER / name) for name in SETTINGS]
    return sha256("\0".join(sorted(lines)).encode("utf-8", "surrogateescape")).hexdigest()


def ignored_names(path: Path) -> set[str]:
    """Return the plain names that a .dvcignore lists: DVC reads nothing that is called so.

    Patterns, and all lines of a file that takes a name back, are left out.
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

    visited: (device, inode) of the folders that were seen, so that links in a circle end.
    """
    with suppress(OSError):  # DVC passes over what can't be read, too
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
    """Return one line that changes with a file."""
    try:
        status = Path(path).stat()
    except OSError:
        return f"{path}: missing"
    times = f"{status.st_mtime_ns} {status.st_ctime_ns}"
    return f"{path}: {status.st_size} {times} {status.st_ino}"
