"""Finds and opens the data files under a folder, and reports those that nothing reads."""

import gzip
import stat
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, cast

from findtune.core.errors import InputError
from findtune.core.printing import printable
from findtune.ingest.report import FileReportRow

PACKED = ".gz"
# Texts about the data, and what DVC and git keep beside it.
ABOUT_DATA = ("readme", "license", "licence", "changelog", "notice")
ABOUT_SUFFIXES = (".md", ".dvc", ".rst")
MAX_NAMES = 3  # of files in a message


class MissingFilesError(InputError):
    """Raised when a kind that must have a file has none."""


def walk_files(folder: Path) -> list[Path]:
    """Return all files under a folder, sorted by name, also those behind links to folders.

    Names that begin with a dot belong to the system or to an editor, so they are left out.
    """
    return sorted(walk(folder, {folder.resolve()}))


def walk(folder: Path, entered: set[Path]) -> Iterator[Path]:
    """Yield the files under a folder; entered: resolved folders, so that none is walked twice."""
    for path in folder.iterdir() if folder.is_dir() else []:
        if path.name.startswith("."):
            continue
        if not path.is_dir():
            yield path
        elif path.resolve() not in entered:
            entered.add(path.resolve())
            yield from walk(path, entered)


def suffix(path: Path) -> str:
    """Return the suffix of a file in lower case, without the .gz of a packed one."""
    name = path.name.lower().removesuffix(PACKED)
    return Path(name).suffix


def files_with_suffix(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Return the files under a folder with one of some suffixes, also packed, sorted by name."""
    return [path for path in walk_files(folder) if suffix(path) in suffixes and is_plain(path)]


def is_plain(path: Path) -> bool:
    """Return whether a path is a regular file or a broken link; a pipe might never end."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True


def open_packed(path: Path) -> IO[bytes]:
    """Open a file for reading as bytes; a .gz file is unpacked. Raises InputError."""
    file = printable_path(path)
    try:
        if path.suffix.lower() != PACKED:
            return path.open("rb")
        packed = gzip.open(path, "rb")  # noqa: SIM115 - the caller closes it
        packed.peek(1)
        return cast(IO[bytes], packed)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise InputError(f"{file} is no gzip file; unpack it, or fetch it again.") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{file} can't be read: {reason}; restore or remove it.") from None


def printable_path(path: Path) -> str:
    """Return a path as messages and records write it; bytes that are not UTF-8 become ?."""
    return printable(path.as_posix().encode("utf-8", "replace").decode()).replace("\n", "\\n")


def listed_names(folder: Path) -> str:
    """Return the names of the data files under a folder as a message lists them; "" for none."""
    names = [
        printable_path(path.relative_to(folder))
        for path in walk_files(folder)
        if not is_about_data(path)
    ]
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more


def unread_rows(folder: Path, read: Collection[Path], remedy: str) -> list[FileReportRow]:
    """Return a report row for each data file under a folder that is not in `read`."""
    return [
        unread_row(path, remedy)
        for path in walk_files(folder)
        if path not in read and not is_about_data(path)
    ]


def unread_row(path: Path, remedy: str) -> FileReportRow:
    """Return the report row of a file that nothing reads."""
    reason = "a file that nothing reads"
    return FileReportRow("dropped", printable_path(path), 0, "", "", reason, remedy)


def is_about_data(path: Path) -> bool:
    """Return whether a file only describes the data, such as a README or what DVC writes."""
    name = path.name.lower()
    return name.startswith(ABOUT_DATA) or name.endswith(ABOUT_SUFFIXES)
