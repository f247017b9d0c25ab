"""Reading and writing files. Writes are atomic, and the same values give the same bytes."""

import csv
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from numbers import Integral, Real
from pathlib import Path
from typing import IO, Any


@contextmanager
def atomic_open(path: Path) -> Iterator[IO[str]]:
    """Open a text file for writing; it appears under its name only when it is complete.

    The OSError of a full disk names no file; this file's name is added to it.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
        part.replace(path)
    except OSError as error:
        name_file(error, part, path)
        raise
    finally:
        with suppress(OSError):  # a folder that can't be written holds no part
            part.unlink(missing_ok=True)


def atomic_copy(source: Path, target: Path) -> None:
    """Copy the bytes of a file; the copy appears under its name only when it is complete."""
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, part)
        part.replace(target)
    except OSError as error:
        name_file(error, part, target)
        raise
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def name_file(error: OSError, part: Path, path: Path) -> None:
    """Set the path of an OSError that names no file or only the temporary part."""
    if error.errno and error.filename in (None, str(part)):
        error.filename = str(path)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder to write to; it appears under its name only when it is complete.

    A folder of that name is replaced, or left as it was if writing fails. A link to a folder stays
    a link. If a complete folder can't be renamed, it is kept, and the error names it.
    """
    path = path.resolve() if path.is_symlink() else path
    part, old = (path.with_name(f".{path.name}.{end}") for end in ("part", "old"))
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        yield part
    except BaseException as error:
        if isinstance(error, OSError):
            name_file(error, part, path)
        shutil.rmtree(part, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        path.rename(old)  # in one step; deleting could stop half-way
    part.rename(path)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def locked_folder(path: Path) -> Iterator[None]:
    """Wait for the exclusive lock of a folder, and hold it; it is released if this process dies.

    The lock is on the folder itself, so no lock file is written.
    """
    path.mkdir(parents=True, exist_ok=True)
    folder = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON with sorted keys, numbers rounded to 4 places, and a final newline."""
    with atomic_open(path) as file:
        json.dump(rounded(value), file, indent=2, sort_keys=True, ensure_ascii=False)
        file.write("\n")


def rounded(value: Any, places: int = 4) -> Any:
    """Return a copy of a JSON value with every float rounded."""
    if isinstance(value, Real) and not isinstance(value, Integral):
        return round(float(value), places) + 0.0  # adding zero turns -0.0 into 0.0
    if isinstance(value, Mapping):
        return {key: rounded(item, places) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(item, places) for item in value]
    return value


def write_jsonl(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write one JSON object per line, with sorted keys."""
    with atomic_open(path) as file:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=False, sort_keys=True) + "\n")


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """Return all JSON objects of a file, in its order."""
    return list(iter_jsonl(path))


def iter_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a file one by one, so that a large file needs little memory."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def read_json(path: Path) -> Any:
    """Return the value in a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV file with LF line ends."""
    with atomic_open(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
