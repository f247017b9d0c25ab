"""The registry's git tags: `stack@v1.0.0` is a version, `stack#prod#1` makes it live in a stage.

They follow the convention of GTO, so its commands, `dvc artifacts get` and other tools read them.
Source: https://github.com/iterative/gto.
"""

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from findtune.core.errors import InputError

FIRST_VERSION = "v1.0.0"
MAX_WAIT = 2.0  # seconds


class Version(NamedTuple):
    """A registered version of a model, and the commit that has it."""

    name: str
    commit: str


class Assignment(NamedTuple):
    """A version that became live in a stage, or ended there if `ends`."""

    stage: str
    version: str
    commit: str
    time: datetime
    author: str
    message: str
    ends: bool


def versions(root: Path, model: str) -> list[Version]:
    """Return the versions of a model, the oldest first."""
    return [Version(tag.version, tag.tag.target) for tag in tags(root, model, "REGISTER")]


def assignments(root: Path, model: str) -> list[Assignment]:
    """Return which version of a model went live in which stage, the oldest first."""
    names = {version.commit: version.name for version in versions(root, model)}
    return [
        Assignment(
            stage=tag.stage,
            version=names.get(tag.tag.target, tag.tag.target[:7]),
            commit=tag.tag.target,
            time=tag.created_at,
            author=tag.tag.tagger_name,
            message=tag.tag.message.strip(),
            ends=tag.action.name == "UNASSIGN",
        )
        for tag in tags(root, model, "ASSIGN", "UNASSIGN")
    ]


def models(root: Path) -> list[str]:
    """Return the models that have a version."""
    return sorted({tag.name for tag in tags(root, None, "REGISTER")})


def tags(root: Path, model: str | None, *actions: str) -> list[Any]:
    """Return the parsed tags of a model, or of all, with some of GTO's actions, the oldest first.

    Tags of the same second are in the order of their counters.
    """
    # Imported here, since they take a while.
    from gto.constants import Action
    from gto.tag import find, parse_name, parse_tag
    from scmrepo.git import Git

    scm: Any = Git(str(root))
    try:
        wanted = frozenset(Action[action] for action in actions)
        matching = find(action=wanted, name=model, scm=scm)
    finally:
        scm.close()
    matching.sort(key=lambda tag: (tag.tag_time, parse_name(tag.name).get("counter", 0)))
    return [parse_tag(tag) for tag in matching]


def live_versions(history: Sequence[Assignment]) -> list[Assignment]:
    """Return what would be live after each rollback, the live version last.

    A version that goes live again takes back all that went live after it.
    """
    stack: list[Assignment] = []
    for assignment in history:
        earlier = [entry.version for entry in stack]
        if assignment.version in earlier:
            del stack[earlier.index(assignment.version) :]
        if not assignment.ends:
            stack.append(assignment)
    return stack


def register(root: Path, model: str, commit: str, message: str) -> Version:
    """Tag a commit as the next version of a model: v1.0.0, v1.1.0, ..."""
    from gto.api import register as register_tag

    first = not versions(root, model)
    number: Any = {"version": FIRST_VERSION} if first else {"bump_minor": True}
    event = register_tag(str(root), model, commit, message=message, **number)
    return Version(event.version, commit)


def assign(root: Path, model: str, version: str, stage: str, message: str) -> str:
    """Make a version live in a stage; return the name of the tag."""
    from gto.api import assign as assign_tag

    wait_for_next_second(assignments(root, model))
    # force: the version may have been live before.
    event = assign_tag(str(root), model, stage, version=version, message=message, force=True)
    return str(event.tag)


def wait_for_next_second(history: Sequence[Assignment]) -> None:
    """Wait until a new tag is younger than all others: tags know only whole seconds.

    Raises InputError where one is of the future: the new tag would count as older, and its version
    would not be live.
    """
    last = max((assignment.time.timestamp() for assignment in history), default=0.0)
    wait = last + 1 - time.time()
    if wait > MAX_WAIT:
        raise InputError(
            f"the last tag of this model is of the future, by {wait:,.0f} seconds, and a new one "
            "would count as older; set the clock right, or delete that tag and its copies."
        )
    time.sleep(max(0.0, wait))
