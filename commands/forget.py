"""Delete searches that `make serve RECORD=1` recorded, and the feedback collected from them.

    python -m commands.forget --question 'how many people are out of work?'
    python -m commands.forget --user ada@example.org
    python -m commands.forget --before 90d --unanswered

With several options, only searches that match all of them are deleted. Models that have learned
from these searches stay as they are; train again to remove their influence.

Changes data/served/, data/training_data/*.served.jsonl; removes metrics/monitor.html and .json
"""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from findtune.core.errors import InputError
from findtune.health.missing import refuse_unfetched_feedback
from findtune.quality.quotations import quotations
from findtune.traffic.feedback import FOLDER
from findtune.traffic.forgetting import Choice, Forgotten, forget, has_records
from findtune.traffic.log import SERVED
from findtune.traffic.sessions import SALT, hash_session, stored_salt
from findtune.traffic.teaching import as_key
from findtune.traffic.wording import counted, listed
from stages.command import Stage

# Of the searches that are deleted; `make monitor` writes them anew.
OF_MONITOR = (Path("metrics", "monitor.html"), Path("metrics", "monitor.json"))


@click.command(cls=Stage)
@click.option("--question", help="The question, in any case and spacing.")
@click.option("--user", help="The user that the client named.")
@click.option("--session", help="The code of a user, as the page of collected searches shows it.")
@click.option("--before", help="Only before a date such as 2026-08-31, or an age such as 90d.")
@click.option("--unanswered", is_flag=True, help="Only searches that nobody answered.")
def main(
    question: str | None,
    user: str | None,
    session: str | None,
    before: str | None,
    unanswered: bool,
) -> None:
    """Delete recorded searches, their answers, and the feedback collected from them."""
    refuse_empty(question=question, user=user, session=session, before=before)
    if user and session:
        raise InputError("WHO (--user) and CODE (--session) both name a user; give one of them.")
    if user:
        session = session_of(user)
    time = read_time(before, datetime.now(UTC)) if before else None
    choice = Choice(question, session, time, unanswered)
    if choice == Choice():
        raise InputError(
            "say what to forget: make forget Q='...', WHO=USER, CODE=SESSION, BEFORE=90d or "
            "UNANSWERED=1."
        )
    for path in OF_MONITOR:  # they quote questions
        path.unlink(missing_ok=True)
        path.with_name(f".{path.name}.part").unlink(missing_ok=True)  # of a killed `make monitor`
    reason = why_not_fetched()
    gone = forget(SERVED, None if reason else FOLDER, choice)
    click.echo(deleted_line(gone))
    problems = [f"nothing was deleted from {FOLDER}: {reason}"] if reason else []
    problems += name_quotations(question) if question else []
    if problems:
        raise InputError(f"{' '.join(problems)} Then run this again.")


def name_quotations(question: str) -> list[str]:
    """Print where people's tables quote a question; return what kept a table from being read."""
    try:
        for place in quotations(Path(), question, as_key):
            click.echo(f"The question is also in {place}; delete that row, too.")
    except InputError as error:
        return [str(error)]
    return []


def why_not_fetched() -> str:
    """Return why nothing may be written beside the collected records; empty if it may."""
    try:
        refuse_unfetched_feedback()
    except InputError as error:
        return str(error)
    return ""


def session_of(user: str) -> str:
    """Return the hash of a user; raise InputError if the records need a salt that isn't here.

    No salt is made: with a new one, nobody's records could be recognized from then on.
    """
    salt = stored_salt(SERVED)
    if salt is None and has_records(SERVED, FOLDER):
        raise InputError(
            f"{SERVED / SALT} is missing, so users can't be recognized; run this where it is, or "
            "use CODE=."
        )
    return hash_session(salt or b"", user)  # without records, any hash will do


def deleted_line(gone: Forgotten) -> str:
    """Return what was deleted, without what there was none of."""
    numbers = {
        "search": gone.searches,
        "answer": gone.answers,
        "collected record": gone.collected,
        "unreadable line": gone.unreadable,
    }
    parts = [counted(number, noun) for noun, number in numbers.items() if number]
    if not parts:
        return "Nothing recorded matches; nothing was deleted."
    return f"Deleted: {listed(*parts)}."


def refuse_empty(**options: str | None) -> None:
    """Raise InputError for an empty option: ignoring it would delete more than was asked for."""
    for name, value in options.items():
        if value is not None and not value.strip():
            raise InputError(f"--{name} is empty; say which one, or leave it out.")


def read_time(text: str, today: datetime) -> datetime:
    """Return the time that a date or an age stands for; raise InputError for other texts."""
    if re.fullmatch(r"\d{1,5}d", text):
        return today - timedelta(days=int(text[:-1]))
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        message = f"--before is {text!r}; write a date such as 2026-08-31, or an age such as 90d."
        raise InputError(message) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


if __name__ == "__main__":
    main()
