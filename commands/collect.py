"""Turn recorded searches and what users picked into feedback that ingest reads.

    python -m commands.collect

Run it at any time, as often as you like: the same answers give the same files.

Reads   data/served/
Writes  data/training_data/reranker_training_data.served.jsonl
        data/training_data/query_rewriting_training_data.served.jsonl
"""

import click

from findtune.core.errors import InputError
from findtune.health.missing import refuse_unfetched_feedback
from findtune.traffic.feedback import FOLDER, collect
from findtune.traffic.log import SERVED
from findtune.traffic.reader import search_files
from findtune.traffic.wording import counted
from stages.command import Stage


@click.command(cls=Stage)
def main() -> None:
    """Collect what users picked on the pages of `make serve RECORD=1`."""
    if not search_files(SERVED):
        raise InputError(f"there is no search in {SERVED}; `make serve RECORD=1` records them.")
    refuse_unfetched_feedback()
    traffic, counts = collect(SERVED, FOLDER)
    answered = sum(search.id in traffic.answers for search in traffic.searches)
    click.echo(
        f"{counted(len(traffic.searches), 'search')}, {answered} answered. Collected: "
        f"{counts.records} ({counts.new} new, {counts.changed} changed, {counts.removed} removed)."
    )
    if traffic.skipped:
        click.echo(f"{counted(traffic.skipped, 'line')} could not be read; skipped.", err=True)


if __name__ == "__main__":
    main()
