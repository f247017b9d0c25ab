"""What a pull request must not break: the pipeline is current, and the remote has everything.

Both work in a clone without data and models.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from findtune.core.errors import InputError
from findtune.core.printing import printable
from findtune.health.last_answer import recall
from findtune.health.missing import DATA
from findtune.health.pipeline import is_stale, missing_outs, without_incomplete
from findtune.tracking import recovery
from findtune.tracking.lock import FOLDER, Stages, outdated_inputs, read_lock, read_pointers
from findtune.tracking.repository import open_repo

EXPORT = "export@"  # stages that only `make export` runs
KEPT = recovery.FOLDER / "trained.json"  # the last answer of DVC


def stale_trained_stages() -> list[str]:
    """Return why stages of `make train` would run again, in the DVC repository of this folder.

    DVC is asked only when a file has changed since its last answer. Raises InputError when there
    is no repository or dvc.lock, or when DVC fails.
    """

    def ask() -> list[str]:
        return list(stale_stages(open_repo(), read_lock(), EXPORT))

    with readable_errors():
        return recall(KEPT, ask)


def stale_stages_here() -> list[str]:
    """Return why any stages would run again; raise InputError as `stale_trained_stages`."""
    with readable_errors():
        return list(stale_stages(open_repo(), read_lock()))


@contextmanager
def readable_errors() -> Iterator[None]:
    """Turn errors that keep DVC from answering into an InputError."""
    try:
        yield
    except OSError as error:  # a dangling link, or a file that nobody may read
        raise InputError(f"{error.filename}: {error.strerror}; fix it, then try again.") from None
    except Exception as error:
        # an error of DVC or of ours; DVC takes a second to load, so it is imported only here
        if not isinstance(error, import_module("dvc.exceptions").DvcException):
            raise
        raise InputError(f"`dvc status` fails: {' '.join(str(error).split())}") from None


def stale_stages(repo: Any, stages: Stages, without: str | None = None) -> Iterator[str]:
    """Yield why stages would run again; repo: a dvc.repo.Repo, stages: those of its dvc.lock.

    Missing files are assumed to be as dvc.lock records them, except for measures, which git keeps.
    without: the prefix of the stages to ignore.
    """
    in_git = {out.def_path for out in repo.index.outs if not out.use_cache}
    if without:
        stages = {name: stage for name, stage in stages.items() if not name.startswith(without)}
    for stage, changes in without_incomplete(repo.status(), stages).items():
        if without and stage.startswith(without):
            continue
        if is_stale(changes):
            yield f"{stage} is no longer up to date"
        elif forgotten := in_git.intersection(missing_outs(changes)):
            yield f"{stage} lacks {', '.join(sorted(forgotten))}"
    # In a clone without data, DVC compares none with data/*.dvc.
    writers = {**stages, **read_pointers(DATA)}
    for path in sorted({*outdated_inputs(writers, *stages.values())}):
        yield f"{path} has changed since another stage read it"


def missing_on_remote_here() -> list[str]:
    """Return what dvc.lock names and the remote lacks; raise InputError if it can't be read."""
    repo = open_repo()
    try:
        return list(missing_on_remote(repo))
    except InputError:
        raise
    except Exception as error:  # each kind of remote has errors of its own
        reason = printable(" ".join(str(error).split())) or type(error).__name__
        raise InputError(f"the remote can't be read: {reason}; `make doctor` says more.") from None


def missing_on_remote(repo: Any) -> Iterator[str]:
    """Yield the outputs and files that dvc.lock names and the default remote lacks.

    Raises InputError when no remote is set.
    """
    if not repo.config["core"].get("remote"):
        raise InputError("no DVC remote is set; `make remote URL=...` sets one.")
    remote = repo.cloud.get_remote_odb()
    outs = [
        (out.hash_info.value, out.def_path)
        for out in repo.index.outs
        if out.use_cache and out.hash_info
    ]
    present = set(remote.oids_exist(sorted({md5 for md5, _ in outs})))
    for md5, path in outs:
        if md5 not in present:
            yield path
        elif md5.endswith(FOLDER):
            yield from missing_files(remote, md5, path)


def missing_files(remote: Any, md5: str, folder: str) -> Iterator[str]:
    """Yield the files of a folder's listing that a remote lacks."""
    listing = json.loads(remote.fs.cat_file(remote.oid_to_path(md5)))
    present = set(remote.oids_exist([entry["md5"] for entry in listing]))
    for entry in listing:
        if entry["md5"] not in present:
            yield f"{folder}/{entry['relpath']}"
