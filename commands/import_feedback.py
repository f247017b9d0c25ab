"""Turn exports of other programs into the project's feedback files.

    python -m commands.import_feedback ubi queries.ndjson events.ndjson --documents documents.jsonl

Importing an export twice adds nothing. No user id is written: sessions get pseudonyms.

Reads   FILES; --documents: titles and texts of documents, if the export has only their ids
        data/training_data/: known titles and texts, for documents that lack them in both
        data/.import_key, the key of the pseudonyms
Writes  data/training_data/reranker_training_data_SOURCE.jsonl          searches with picks
        data/training_data/query_rewriting_training_data_SOURCE.jsonl   needs asked in other words
        data/training_data/training_data_SOURCE.jsonl                   preferences between answers
        .scratch/import-SOURCE.csv          reason, file and line of each row that was not used
        data/.import_key                    made at the first import; neither git nor DVC tracks it
"""

from pathlib import Path

import click

from findtune.core.errors import InputError
from findtune.core.files import write_csv
from findtune.health.missing import refuse_unfetched_feedback
from findtune.importing.documents import Library
from findtune.importing.known_documents import learn_missing
from findtune.importing.pseudonyms import load_pseudonyms
from findtune.importing.ratings import cited_searches, note_lessons, preferences
from findtune.importing.searches import note_bare_sources, ranked_lists, rewriting_records
from findtune.importing.sources import CONTENTS, SOURCES
from findtune.importing.storage import Stored, store
from findtune.importing.tally import Tally
from stages.command import Stage

DATA = Path("data")
KEY = DATA / ".import_key"
FILE = click.Path(path_type=Path)


@click.command(cls=Stage)
@click.argument("source", type=click.Choice([*SOURCES]))
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--documents", multiple=True, type=FILE, help="Titles and texts of documents.")
def main(source: str, files: tuple[Path, ...], documents: tuple[Path, ...]) -> None:
    """Import the feedback in FILES, which the program SOURCE exported."""
    refuse_unfetched_feedback()
    tally = Tally()
    library = Library()
    for path in documents:
        library.read(path, tally)
    stored = import_files(source, files, library, tally)
    counts = [f"{count:,} {name}" for name, count in tally.rows.items()]
    click.echo(f"{source}: {', '.join(counts) or 'nothing'} read")
    for each in stored:
        click.echo(f"  {each}")
    for line in tally.lines():
        click.echo(f"  {line}", err=True)
    if tally.unused:
        out = Path(".scratch", f"import-{source}.csv")
        write_csv(out, ("reason", "file", "line"), tally.table())
        click.echo(f"  all rows that were not used: {out}", err=True)


def import_files(
    source: str, files: tuple[Path, ...], library: Library, tally: Tally
) -> list[Stored]:
    """Write the records of some exports; return what was stored of each kind.

    Raises InputError for a file that can't be read, and if the files hold no record of the source.
    """
    people = load_pseudonyms(KEY)
    SOURCES[source](files, people, library, Tally())  # notes what the exports lack
    if library.missing:
        learn_missing(library, DATA)
    feedback = SOURCES[source](files, people, library, tally)
    name = source.replace("-", "_")
    refuse_other_exports(source, files, tally)
    if not (feedback.searches or feedback.ratings or tally.unused):
        tally.notes.append(f"the files hold neither a search nor a rating; {needed(source)}")
    pairs = preferences(name, feedback.ratings)
    searches = [*feedback.searches, *cited_searches(feedback.ratings)]
    lists = [*ranked_lists(searches, tally)]
    note_bare_sources(searches, tally)
    note_lessons(feedback.ratings, len(pairs), tally)
    kinds = {
        "ranked_lists": lists,
        "searches": [*rewriting_records(feedback.searches)],
        "preferences": pairs,
    }
    replaced = {"ranked_lists": feedback.replaced}
    stored = (
        store(DATA, kind, name, records, replaced.get(kind, ()))
        for kind, records in kinds.items()
        if records or replaced.get(kind)
    )
    # A rating that is taken back before its first import has no file.
    return [each for each in stored if each.changed or each.path.exists()]


def refuse_other_exports(source: str, files: tuple[Path, ...], tally: Tally) -> None:
    """Raise InputError if the files hold no record of the source."""
    if not tally.rows.keys() - {"documents"}:
        listed = ", ".join(map(str, files))
        others = [f", but {len(places):,} {reason}" for reason, places in tally.ranked()[:1]]
        raise InputError(f"{listed}: no record of {source}{''.join(others)}; {needed(source)}.")


def needed(source: str) -> str:
    """Return what an export of a source must hold."""
    return f"needed: {CONTENTS[source]} (docs/importing.md)"


if __name__ == "__main__":
    main()
