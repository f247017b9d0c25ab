"""Train on new feedback, compare with the live version, and promote a WIN.

    python -m commands.loop small prod

If a requirement is not met, one line says what is missing, and nothing is changed. The trained
models are committed even if they are not promoted, since measures belong to a commit. The loop is
safe to run from cron: a second one does not start while one runs, and after a failure the next one
continues.

Reads   data/served/, if searches are recorded; everything that `make train` reads; git tags
Writes  what `make collect`, `make train` and `make readme` write; a commit; git tags of a WIN
"""

import fcntl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from commands.diff import duel_text
from commands.promote import change_lines
from findtune.core.errors import InputError
from findtune.core.files import read_json
from findtune.quality.decisions import take_decisions
from findtune.registry.challenge import champion_of, duel, refuse_champion_of_other_size
from findtune.registry.evidence import measured
from findtune.registry.promotion import promote
from findtune.registry.tags import SET_IDENTITY, refuse_stage
from findtune.tracking.git import changed_files, commit_hash, knows_who_commits, run_git
from findtune.traffic.log import SERVED
from findtune.traffic.reader import search_files
from stages.command import Stage

LOCK = Path(".scratch", "loop.lock")
UNFINISHED = Path(".scratch", "loop.unfinished")  # exists until a loop has trained and promoted
# New feedback changes these, and so does a failed training, which `make train` continues.
EXPECTED = ("data", "dvc.lock", "metrics")
NO_VERDICT = "not compared"
COMMITTED = ("data", "dvc.lock", "metrics", "README.md", "docs", "params.yaml")


@click.command(cls=Stage)
@click.argument("size")
@click.argument("stage")
def main(size: str, stage: str) -> None:
    """Train SIZE again, and make it live in STAGE if the verdict is WIN."""
    with only_loop():
        refuse_stage(Path(), "stack", stage)
        refuse_unknown_identity()
        refuse_unknown_changes()
        if search_files(SERVED):
            run_make("collect")
        for line in take_decisions(Path()):
            click.echo(line)
        if not (UNFINISHED.exists() or changed_files(Path())) and is_current():
            click.echo(
                "no feedback is new and every stage is up to date; there is nothing to train."
            )
            return
        UNFINISHED.touch()
        run_make("train", f"SIZE={size}")
        run_make("readme", f"SIZE={size}")
        verdict, line = judge(size, stage)
        commit(f"Train on new feedback: {verdict}\n\n{line}")
        click.echo(line)
        if reason := why_not_live(verdict, size):
            click.echo(f"not promoted, since the verdict {reason}.")
        else:
            change = promote(Path(), "stack", stage, size, force=False)
            click.echo("\n".join(change_lines("stack", stage, change)))
        UNFINISHED.unlink()  # only now, or a kill before the promotion would lose a WIN


@contextmanager
def only_loop() -> Iterator[None]:
    """Keep other loops out; raise InputError if one is running."""
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError("a loop is running here already; wait until it has ended.") from None
        yield


def refuse_unknown_identity() -> None:
    """Raise InputError if git does not know who would commit."""
    if not knows_who_commits(Path()):
        raise InputError(f"git does not know who you are; run: {SET_IDENTITY}")


def refuse_unknown_changes() -> None:
    """Raise InputError if anything but data and the outputs of a training has changed.

    After a loop that failed, everything that a loop commits is expected.
    """
    commit_hash(Path())
    expected = COMMITTED if UNFINISHED.exists() else EXPECTED
    others = [
        name
        for name in changed_files(Path())
        if name.partition("/")[0] not in expected and not is_of_dvc(name)
    ]
    if others:
        raise InputError(
            f"changed since the last commit: {', '.join(others[:3])}, and the loop commits only "
            "what it trained; commit or stash that first."
        )


def is_of_dvc(name: str) -> bool:
    """Return whether DVC writes a file to hide models from git, as it does for a new size."""
    path = Path(name)
    return path.parts[0] == "models" and path.name == ".gitignore"


def is_current() -> bool:
    """Return whether `make train` would run no stage."""
    command = [sys.executable, "-m", "commands.gate", "trained"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def run_make(*arguments: str) -> None:
    """Run a target of the Makefile, which prints what it does; raise InputError if it fails."""
    code = subprocess.run(["make", *arguments], check=False).returncode
    if code:
        raise InputError(f"`make {' '.join(arguments)}` failed with {code}; see its lines above.")


def judge(size: str, stage: str) -> tuple[str, str]:
    """Return the verdict on the trained stack, and a line with its measures.

    Without a champion, it is the verdict against no tuning. If the champion cannot be compared,
    this is not an error; otherwise the trained models would never be committed, and no loop would
    start again.
    """
    champion = champion_of(Path(), "stack", stage)
    if champion is None:
        metrics = read_json(Path("metrics", "stack", f"{size}.json"))
        return metrics["verdict"], f"against no tuning: {measured(metrics)}"
    against = f"against {champion.version}, live in {stage}"
    try:
        refuse_champion_of_other_size(Path(), champion, "stack", size)
        result = duel(Path(), champion.commit, "stack", size)
    except InputError as error:
        return NO_VERDICT, f"{against}: {error}"
    return result.verdict, f"{against}: {duel_text(result)}"


def why_not_live(verdict: str, size: str) -> str:
    """Return which verdict keeps the trained stack from going live, or an empty text.

    A WIN against a live version is not enough: that version may have been promoted by force.
    """
    if verdict != "WIN":
        return f"is {verdict}"
    against_untuned = read_json(Path("metrics", "stack", f"{size}.json"))["verdict"]
    return "" if against_untuned == "WIN" else f"against no tuning is {against_untuned}"


def commit(message: str) -> None:
    """Commit what was trained, if it differs from the last commit."""
    names = [name for name in COMMITTED if Path(name).exists()]
    names += filter(is_of_dvc, changed_files(Path()))
    for arguments in (("add", "--all", "--", *names), ("commit", "--quiet", "-m", message)):
        result = run_git(Path(), *arguments)
        if result.returncode and changed_files(Path()):
            reason = " ".join((result.stderr or result.stdout).split())
            raise InputError(f"git {arguments[0]} failed: {reason}")


if __name__ == "__main__":
    main()
