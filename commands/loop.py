"""Train on new feedback, compare with what is live, and promote a WIN.

    python -m commands.loop small prod

One line says what is missing, and then nothing was changed. What was trained is committed, also
where it is not promoted, since measures belong to a commit. It is safe to run from cron: a second
loop does not start while one runs, and one that failed half-way is gone on with by the next.

Reads   data/served/, if searches are recorded; all that `make train` reads; git tags
Writes  all that `make collect`, `make train` and `make readme` write; a commit; git tags of a WIN
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
from findtune.registry.tags import refuse_stage
from findtune.tracking.git import changed_files, commit_hash, run_git
from findtune.traffic.log import SERVED
from findtune.traffic.reader import search_files
from stages.command import Stage

LOCK = Path(".scratch", "loop.lock")
UNFINISHED = Path(".scratch", "loop.unfinished")  # there until a loop has trained and promoted
# Where new feedback is no surprise, nor what a training that failed has left: `make train` goes on.
EXPECTED = ("data", "dvc.lock", "metrics")
NO_VERDICT = "not compared"
COMMITTED = ("data", "dvc.lock", "metrics", "README.md", "docs", "params.yaml")


@click.command(cls=Stage)
@click.argument("size")
@click.argument("stage")
def main(size: str, stage: str) -> None:
    """Train SIZE again, and make it live in STAGE if it is surely better."""
    with only_loop():
        refuse_stage(Path(), "stack", stage)
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
        UNFINISHED.unlink()  # not before a WIN is live, or a kill in between would lose it


@contextmanager
def only_loop() -> Iterator[None]:
    """Keep other loops out; raise InputError where one runs."""
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError("a loop is running here already; wait until it has ended.") from None
        yield


def refuse_unknown_changes() -> None:
    """Raise InputError if anything but data, and what a training writes, was changed.

    What a loop that failed has written is expected too.
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
    """Return whether DVC writes a file to hide models from git, as for a size that is new."""
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
    """Return the verdict on what was trained, and a line with its measures.

    Without a champion, the verdict is that against what needs no tuning. A champion that cannot be
    compared gives no verdict; else what was trained would never be committed, and no loop would
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
    """Return which verdict keeps what was trained from going live, or nothing.

    What wins against a live version that was forced may win against nothing else.
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
