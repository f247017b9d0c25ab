"""Appending to the files of searches and picks, safe with many writers and when killed.

A line is one write under a lock, and it is on disk before the call returns. A writer that dies
during a write leaves a torn line; the next writer ends it with a newline, and readers skip it.
"""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from findtune.traffic.records import PickRecord, Record, SearchRecord

SERVED = Path("data", "served")
PICKS = "picks.jsonl"
# Lock files, which are never replaced. With the second, servers can record during `collect`.
LOCK = ".lock"
COLLECTING = ".collecting"


def append_search(folder: Path, record: SearchRecord) -> None:
    """Write a search to the file of its week; raises OSError if that fails."""
    append(folder / week_file(record.time), record)


def append_pick(folder: Path, make: Callable[[], PickRecord]) -> None:
    """Write an answer to the file of picks; `make` makes it while no other server writes.

    Raises OSError if writing fails, and whatever `make` raises.
    """
    with exclusive(folder):
        write_record(folder / PICKS, make())


def week_file(time: datetime) -> str:
    """Return the name of the file of a time's ISO week in UTC, such as 2026-W48.jsonl."""
    year, week, _ = time.astimezone(UTC).isocalendar()
    return f"{year}-W{week:02}.jsonl"


def append(path: Path, record: Record) -> None:
    """Write a record as one line; if that fails, raises OSError and leaves no part of the line."""
    with exclusive(path.parent):
        write_record(path, record)


def write_record(path: Path, record: Record) -> None:
    """Do what `append` does; the caller holds the lock."""
    line = f"{record.model_dump_json()}\n".encode()
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(file).st_size
        torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
        write_whole(file, b"\n" + line if torn else line, size)
    finally:
        os.close(file)


def write_whole(file: int, line: bytes, size: int) -> None:
    """Write a line in one call and wait for the disk. size: bytes of the file before."""
    try:
        if os.write(file, line) != len(line):
            raise OSError(errno.ENOSPC, "the disk is full")
        os.fsync(file)
    except OSError:
        os.ftruncate(file, size)
        raise


@contextmanager
def exclusive(folder: Path, name: str = LOCK) -> Iterator[None]:
    """Hold one of a folder's exclusive locks; the folder is made if needed.

    The lock ends when the process does, even if it is killed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
