"""dvc.lock survives a kill: DVC's writes become atomic, and a truncated lock is restored.

DVC loads dvc.lock, opens it for writing, which empties it, and only then turns its content into
YAML (`_dump_data` of dvc.utils.serialize). That takes a tenth of a second or more for forty
stages. A process that is killed within this time leaves an empty file, or only its first 8, 16, 24
... kB.

So there are two defences:

- `atomic_writes` replaces that one function while our own process runs DVC: the YAML goes to
  another file, which is renamed at the end. A kill then leaves the old lock or the new one.
  DVC is pinned to one version, so the function stays where it is. Copies beforehand, or a watcher
  beside DVC, would come too late: the stages that ended since the last copy would be lost.
- `restore` helps those who run `dvc repro` themselves. Every lock that `atomic_writes` wrote or
  `restore` accepted is kept in .dvc/tmp; a truncated lock is replaced by this copy, or by the one
  in git's index, its last commit or a side of a merge. A stage that ran after the copy was made
  does not run again: DVC has its result in the run cache.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from os.path import commonprefix
from pathlib import Path
from typing import IO, Any

from findtune.core.errors import InputError
from findtune.core.files import atomic_open
from findtune.tracking.git import committed_file
from findtune.tracking.lock import LOCK, refuse_conflict

FOLDER = Path(".dvc", "tmp", "findtune")
GOOD = FOLDER / "dvc.lock.good"
BROKEN = FOLDER / "dvc.lock.broken"
# The index, where DVC puts each new lock, the last commit, and both sides of a conflict.
GIT_VERSIONS = ("", "HEAD", ":2", ":3")
Entries = Mapping[str, Mapping[str, Any]]  # stage -> what dvc.lock records of it


class DamageError(Exception):
    """Raised when a dvc.lock is invalid or has lost entries; the message says which."""


@contextmanager
def atomic_writes() -> Iterator[None]:
    """Let DVC, in this process, write YAML atomically, and keep a copy of each dvc.lock."""
    modules = [import_module(f"dvc.utils.serialize.{name}") for name in ("_common", "_yaml")]
    originals = [module._dump_data for module in modules]
    for module in modules:
        module._dump_data = dump_atomically  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module, original in zip(modules, originals, strict=True):
            module._dump_data = original  # type: ignore[attr-defined]


def dump_atomically(
    path: str, data: Any, dumper: Callable[[Any, IO[str]], object], fs: Any = None
) -> None:
    """Write what DVC would write to a local file; it takes the place of `_dump_data`.

    fs: the local file system, the only one that DVC writes YAML to.
    """
    target = Path(path).resolve()  # the target of a symbolic link is replaced, not the link
    with atomic_open(target) as file:
        dumper(data, file)
    if target == LOCK.resolve():
        keep(target.read_text(encoding="utf-8"))


def keep(text: str) -> None:
    """Keep a copy of a good dvc.lock."""
    with atomic_open(GOOD) as file:
        file.write(text)


def restore(declared: Callable[[], set[str]]) -> Iterator[str]:
    """Restore dvc.lock if it was truncated; yield a line that says what was done.

    Call it while DVC's own lock is held: another command may be writing the file.
    declared: returns the names of the stages in dvc.yaml; only asked if entries are missing.
    Raises InputError if the file has the marks of a merge conflict.
    """
    if not LOCK.exists():
        return
    content = LOCK.read_bytes()
    if GOOD.exists() and content == GOOD.read_bytes():
        return
    try:
        check(content, good_entries(), declared)
    except DamageError as damage:
        yield replace(content, str(damage))
    else:
        keep(content.decode())


def check(content: bytes, good: Entries, declared: Callable[[], set[str]]) -> None:
    """Raise DamageError if a dvc.lock is invalid, or lacks what the last good one has.

    A version that git has is accepted, whatever it lacks: somebody went back to it.
    """
    entries = read_entries(content)
    if content in git_versions():
        return
    if not content.endswith(b"\n"):
        raise DamageError("was cut off")
    shorter = [
        name
        for name in good.keys() & entries.keys()
        if good[name]["cmd"] == entries[name]["cmd"] and size(entries[name]) < size(good[name])
    ]
    if (missing := good.keys() - entries.keys()) or shorter:
        lost = sorted({*missing, *shorter} & declared())
        if lost:
            raise DamageError(f"has lost {', '.join(lost[:3])}{' ...' if len(lost) > 3 else ''}")


def size(entry: Mapping[str, Any]) -> int:
    """Return the number of fields of an entry's outputs, which come last and are lost first."""
    return sum(len(out) for out in entry.get("outs", []))


def read_entries(content: bytes) -> Entries:
    """Return the stages of a dvc.lock; raise DamageError if DVC could not read it."""
    if not content.strip():
        raise DamageError("was empty")
    try:
        text = content.decode()
        refuse_conflict(text)
        value = import_module("dvc.utils.serialize").parse_yaml(text, str(LOCK))
        import_module("dvc.schema").COMPILED_LOCKFILE_SCHEMA(value)
        stages: Entries = value["stages"]
        return stages
    except InputError:
        raise
    except Exception:  # each of DVC's parsers raises its own errors
        raise DamageError("could not be read") from None


def good_entries() -> Entries:
    """Return the stages of the copy that was kept, or none."""
    try:
        return read_entries(GOOD.read_bytes())
    except (OSError, DamageError):
        return {}


def git_versions() -> list[bytes]:
    """Return dvc.lock as git has it: in the index, in the last commit, on both sides of a merge."""
    versions = [committed_file(Path(), version, str(LOCK)) for version in GIT_VERSIONS]
    return [content for content in versions if content is not None]


def replace(content: bytes, damage: str) -> str:
    """Replace a broken dvc.lock by the best copy, and return what was done.

    The best copy shares the longest start with the broken file; of several, it has the most lines.
    """
    kept = [("the last good one", GOOD.read_bytes())] if GOOD.exists() else []
    copies = [*kept, *(("the one in git", version) for version in git_versions())]
    readable = [(name, copy) for name, copy in copies if is_readable(copy)]
    BROKEN.parent.mkdir(parents=True, exist_ok=True)
    BROKEN.write_bytes(content)
    if not readable:
        LOCK.unlink()
        return (
            f"{LOCK} {damage}, as after a kill, and there is no copy of it; DVC starts a new one, "
            "with what its run cache has."
        )
    name, best = max(
        readable, key=lambda item: (len(commonprefix([item[1], content])), item[1].count(b"\n"))
    )
    with atomic_open(LOCK) as file:
        file.write(best.decode())
    keep(best.decode())
    return (
        f"{LOCK} {damage}, as after a kill: restored {name}, with {len(read_entries(best))} "
        f"stages. The broken file is in {BROKEN}."
    )


def is_readable(content: bytes) -> bool:
    """Return whether DVC can read a dvc.lock."""
    try:
        return bool(read_entries(content))
    except (DamageError, InputError):
        return False
