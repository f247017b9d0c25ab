"""Lock a folder of results, so that two runs never write to the same files."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from findtune.core.errors import InputError

LOCK = ".lock"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Lock a folder, which is made if needed; raise InputError while another run holds the lock.

    The lock ends with its process, also when that is killed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"another run works in {folder}; wait until it has ended, or name another folder "
                "with --out."
            ) from None
        yield
