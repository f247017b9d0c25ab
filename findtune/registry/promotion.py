"""Making a version of a model live, and going back to the previous one."""

from pathlib import Path
from typing import NamedTuple

from findtune.core.errors import InputError
from findtune.core.manifest import refuse_damaged
from findtune.registry.evidence import RETRAIN, Evidence, measured, read_evidence
from findtune.registry.tags import (
    Version,
    assign,
    assignments,
    live_versions,
    refuse_stage,
    register,
    versions,
)
from findtune.tracking.git import changed_files, commit_hash, run_git
from findtune.tracking.hashing import path_md5


class Change(NamedTuple):
    """A version that is live now; `before` was live until now.

    tags: those to publish. The last one is new; others may also lack the version's tag.
    """

    version: str
    before: str | None
    tags: tuple[str, ...]
    measured: str


def promote(root: Path, model: str, stage: str, size: str, *, force: bool) -> Change:
    """Make the model of the last commit live in a stage.

    force: even if its verdict is INCONCLUSIVE. Raises InputError with the reason if it may not
    become live, or is live already.
    """
    refuse_shallow(root)
    refuse_stage(root, model, stage)
    refuse_uncommitted(root)
    commit = commit_hash(root)
    evidence = read_evidence(root, commit, model)
    refuse_other_size(evidence, model, size)
    refuse_verdict(evidence, model, force=force)
    refuse_other_bytes(root, evidence)
    line = measured(evidence.metrics)
    message = f"{line}; promoted with FORCE=1" if force else line
    known = same_version(root, model, evidence)
    live = live_versions([a for a in assignments(root, model) if a.stage == stage])
    before = live[-1].version if live else None
    if known and known.name == before:
        raise InputError(f"{model} {known.name} is live in {stage} already; there is no change.")
    version = known or register(root, model, commit, message)
    tag = assign(root, model, version.name, stage, message)
    return Change(version.name, before, (f"{model}@{version.name}", tag), line)


def refuse_shallow(root: Path) -> None:
    """Raise InputError in a clone that may lack the tags of what is live."""
    if run_git(root, "rev-parse", "--is-shallow-repository").stdout.strip() == "true":
        raise InputError(
            "this clone is shallow, so tags of what is live may be missing; run `git fetch "
            "--unshallow --tags` first."
        )


def refuse_uncommitted(root: Path) -> None:
    """Raise InputError if the folder differs from the last commit."""
    if changed := changed_files(root):
        names = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if changed[3:] else "")
        raise InputError(
            f"changed since the last commit: {names}; a version is a commit, so commit that, "
            "or `git stash --include-untracked`."
        )


def refuse_other_size(evidence: Evidence, model: str, size: str) -> None:
    """Raise InputError if the artifact of dvc.yaml is of another size."""
    if Path(evidence.path).name != size:
        raise InputError(
            f"the artifact {model} is {evidence.path}; name its size with SIZE=, or put {size} "
            "first in `sizes` of params.yaml and commit that."
        )


def refuse_verdict(evidence: Evidence, model: str, *, force: bool) -> None:
    """Raise InputError if the verdict is not WIN; with force, INCONCLUSIVE passes too."""
    line = measured(evidence.metrics)
    if evidence.verdict == "REGRESSION":
        raise InputError(f"{model} is worse than no tuning: {line}; keep the old one.")
    if evidence.verdict != "WIN" and not force:
        raise InputError(
            f"{model} is not clearly better: {line}; collect more questions, or set FORCE=1 if "
            "you want it nevertheless."
        )


def refuse_other_bytes(root: Path, evidence: Evidence) -> None:
    """Raise InputError unless the model's folder here has the bytes that were judged."""
    folder = root / evidence.path
    if not folder.exists():
        raise InputError(f"there is no {evidence.path} here; `make pull` fetches it.")
    if path_md5(folder) != evidence.md5:
        raise InputError(
            f"{evidence.path} does not have the bytes that were measured; `make doctor` names the "
            f"file. To promote what is there, {RETRAIN}."
        )
    refuse_damaged(folder)  # finds a byte that flipped before DVC took its md5


def same_version(root: Path, model: str, evidence: Evidence) -> Version | None:
    """Return the last version that has the same bytes and the same measures."""
    for version in reversed(versions(root, model)):
        try:
            if read_evidence(root, version.commit, model) == evidence:
                return version
        except InputError:  # a commit of other tools, or of an older layout
            continue
    return None


def rollback(root: Path, model: str, stage: str) -> Change:
    """Make the version live again that was live in a stage before the current one.

    Raises InputError if there was none.
    """
    refuse_shallow(root)
    refuse_stage(root, model, stage)
    live = live_versions([a for a in assignments(root, model) if a.stage == stage])
    if len(live) < 2:
        current = live[-1].version if live else "nothing"
        raise InputError(f"{current} of {model} is live in {stage}, and no version was before it.")
    before, target = live[-1].version, live[-2].version
    message = f"Roll back from {before}"
    tag = assign(root, model, target, stage, message)
    tags = (f"{model}@{target}", tag)
    return Change(target, before, tags, measured_at(root, live[-2].commit, model))


def measured_at(root: Path, commit: str, model: str) -> str:
    """Return the measures of a model in a commit, or why there are none."""
    try:
        return measured(read_evidence(root, commit, model).metrics)
    except InputError as error:
        return f"no measures: {error}"
