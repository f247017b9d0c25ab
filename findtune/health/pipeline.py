"""Checks of the pipeline: outputs that are missing, and stages that would run again."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from findtune.health.finding import Finding
from findtune.tracking.git import run_git
from findtune.tracking.hashing import file_hashes, folder_md5
from findtune.tracking.lock import Stages, all_outs

Changes = Sequence[str | Mapping[str, Mapping[str, str]]]  # as `dvc status --json` prints them
CHECK = "pipeline"
GONE = ("deleted", "not in cache")


def check_pipeline(repo: Any, stages: Stages) -> list[Finding]:
    """Return what DVC would run or fetch; repo: a dvc.repo.Repo, stages: those of dvc.lock."""
    from dvc.exceptions import DvcException  # type: ignore[import-untyped]  # takes a second

    try:
        return judge_pipeline(without_incomplete(repo.status(), stages))
    except DvcException as error:
        reason = " ".join(str(error).split())
        return [Finding(CHECK, "fail", f"`dvc status` fails: {reason}", "correct what it names")]


def judge_pipeline(status: Mapping[str, Changes]) -> list[Finding]:
    """Return findings about the stages that differ from dvc.lock; status: stage -> changes."""
    missing = [path for changes in status.values() for path in missing_outs(changes)]
    stale = [stage for stage, changes in status.items() if is_stale(changes)]
    findings = []
    if missing:
        text = f"missing: {some(missing)}"
        findings.append(Finding(CHECK, "warn", text, how_to_get()))
    if stale:
        text = f"no longer up to date: {some(stale)}"
        findings.append(Finding(CHECK, "warn", text, "`make train`; `dvc status` says why"))
    return findings or [Finding(CHECK, "ok", "every stage is up to date")]


def how_to_get() -> str:
    """Return how to get what is missing; a second worktree has an empty cache of its own."""
    git = Path(run_git(Path(), "rev-parse", "--git-common-dir").stdout.strip())
    cache = git.parent / ".dvc" / "cache"
    # Only a second worktree has its git folder elsewhere. DVC's configuration must be ASCII.
    if git.is_absolute() and cache.is_dir() and str(cache).isascii():
        return f"`dvc cache dir --local {quote(str(cache))} && dvc checkout`, or else `make train`"
    return "`make pull`, or else `make train`"


def without_incomplete(status: Mapping[str, Changes], stages: Stages) -> dict[str, Changes]:
    """Return a status without the folders that differ only because files of them are missing.

    In a clone without data, such a folder has only what git keeps in it.
    """
    outs, settled = all_outs(stages), dict(status)
    for name, changes in status.items():
        recorded = stages[name].deps if name in stages else {}
        settled[name] = [
            {
                kind: {
                    path: states
                    for path, states in paths.items()
                    if path not in recorded or complete_md5(Path(path), outs) != recorded[path]
                }
                for kind, paths in change.items()
            }
            if isinstance(change, Mapping)
            else change
            for change in changes
        ]
    return settled


def complete_md5(folder: Path, outs: Mapping[str, str]) -> str | None:
    """Return the md5 that a folder would have with all outputs in it; None if it has none.

    outs: path -> md5 of the outputs, as dvc.lock has them.
    """
    inside = {
        Path(path).relative_to(folder).as_posix(): md5
        for path, md5 in outs.items()
        if Path(path).is_relative_to(folder)
    }
    if not folder.is_dir() or not inside:
        return None
    return folder_md5({**file_hashes(folder), **inside})


def missing_outs(changes: Changes) -> list[str]:
    """Return the outputs of a stage that are not there."""
    return [
        path
        for change in changes
        if isinstance(change, Mapping)
        for path, state in change.get("changed outs", {}).items()
        if state in GONE
    ]


def is_stale(changes: Changes) -> bool:
    """Return whether the command, code, data, params or outputs are not those of the last run.

    A missing file, as in a clone without data, does not count.
    """
    for change in changes:
        if not isinstance(change, Mapping):
            return True  # "changed command"
        files = {**change.get("changed deps", {}), **change.get("changed outs", {})}
        if any(not states_gone(states) for states in files.values()):
            return True
    return False


def states_gone(states: str | Mapping[str, str]) -> bool:
    """Return whether a file is only missing; params have a state for each key instead."""
    return isinstance(states, str) and states in GONE


def some(names: Sequence[str], limit: int = 3) -> str:
    """Return the first names, and how many others there are."""
    rest = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + rest
