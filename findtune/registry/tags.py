"""The registry's git tags: `stack@v1.0.0` is a version, `stack#prod#1` makes it live in a stage.

They follow the convention of GTO, so its commands, `dvc artifacts get` and other tools read them.
Source: https://github.com/iterative/gto.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from findtune.core.errors import InputError
from findtune.tracking.git import NO_REPOSITORY

FIRST_VERSION = "v1.0.0"
NO_IDENTITY = "email must be configured"  # in messages of scmrepo
NO_GIT = "No git repository was found"
SET_IDENTITY = "git config user.name NAME && git config user.email ADDRESS"
MAX_WAIT = 5.0  # seconds to wait for a tag that is dated in the near future


class Version(NamedTuple):
    """A registered version of a model, and the commit that has it."""

    name: str
    commit: str


class Assignment(NamedTuple):
    """A version that became live in a stage, or stopped being live there if `ends`."""

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
    """Return the parsed tags of a model, or of all, with these actions of GTO, the oldest first.

    Tags of the same second are in the order of their counters.
    """
    # Imported here, since they take a while.
    from gto.constants import Action
    from gto.tag import find, parse_name, parse_tag
    from scmrepo.git import Git

    with readable_errors():
        scm: Any = Git(str(root))
    try:
        wanted = frozenset(Action[action] for action in actions)
        matching = find(action=wanted, name=model, scm=scm)
    finally:
        scm.close()
    matching.sort(key=lambda tag: (tag.tag_time, parse_name(tag.name).get("counter", 0)))
    return [parse_tag(tag) for tag in matching]


def live_versions(history: Sequence[Assignment]) -> list[Assignment]:
    """Return the versions that rollbacks would go back to, then the live version.

    A version that goes live again removes all that went live after it. A version that ends removes
    only itself.
    """
    stack: list[Assignment] = []
    for assignment in history:
        if assignment.ends:
            stack = [entry for entry in stack if entry.version != assignment.version]
            continue
        earlier = [entry.version for entry in stack]
        if assignment.version in earlier:
            del stack[earlier.index(assignment.version) :]
        stack.append(assignment)
    return stack


def refuse_stage(root: Path, model: str, stage: str) -> None:
    """Raise InputError if a tag that is written now could not make a version live in a stage.

    That is so if the stage's name is invalid, or if a tag is dated in the future: the newest tag
    decides which version is live.
    """
    from gto.exceptions import GTOException
    from gto.registry import GitRegistry

    with readable_errors(), GitRegistry.from_url(str(root)) as registry:
        try:
            registry.config.assert_stage(stage)
        except GTOException as error:
            raise InputError(f"STAGE: {error}") from None
    times = (entry.time for entry in assignments(root, model) if entry.stage == stage)
    last = max(times, default=None)
    if last and last.timestamp() - time.time() > MAX_WAIT:
        raise InputError(
            f"a tag of {model} is dated {last:%Y-%m-%d %H:%M:%S %z}, which is in the future: "
            "correct the clock here; or, if a wrong clock wrote that tag, delete it here and in "
            "origin (`git tag --list --format='%(taggerdate) %(refname:short)'` names it)."
        )


@contextmanager
def readable_errors() -> Iterator[None]:
    """Turn errors of GTO and git into an InputError."""
    from gto.exceptions import GTOException
    from scmrepo.exceptions import SCMError

    try:
        yield
    except (GTOException, SCMError) as error:
        reason = str(error.__cause__ or error)
        if NO_GIT in reason:
            raise InputError(NO_REPOSITORY) from None
        if NO_IDENTITY in reason:
            raise InputError(f"git does not know who you are; run: {SET_IDENTITY}") from None
        raise InputError(f"git's tags can't be used: {reason}") from None


def register(root: Path, model: str, commit: str, message: str) -> Version:
    """Tag a commit as the next version of a model: v1.0.0, v1.1.0, ..."""
    from gto.api import register as register_tag

    first = not versions(root, model)
    number: Any = {"version": FIRST_VERSION} if first else {"bump_minor": True}
    with readable_errors():
        event = register_tag(str(root), model, commit, message=message, **number)
    return Version(event.version, commit)


def assign(root: Path, model: str, version: str, stage: str, message: str) -> str:
    """Make a version live in a stage; return the name of the tag."""
    from gto.api import assign as assign_tag

    wait_for_next_second([entry for entry in assignments(root, model) if entry.stage == stage])
    # force: the version may have been live before.
    with readable_errors():
        event = assign_tag(str(root), model, stage, version=version, message=message, force=True)
    return str(event.tag)


def wait_for_next_second(history: Sequence[Assignment]) -> None:
    """Wait until a new tag is younger than all others: tags know only whole seconds."""
    last = max((assignment.time.timestamp() for assignment in history), default=0.0)
    time.sleep(min(MAX_WAIT + 1, max(0.0, last + 1 - time.time())))
