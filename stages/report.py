"""Write the report of one size: one HTML file that needs no other file and no network.

    python -m stages.report small

Refuses examples other than those that a model was trained and measured with: measures refer to
questions by number, so with other examples they would be shown beside the wrong questions.

Reads   params.yaml: models, report
        for each of `models` metrics/MODEL/SIZE.json, .per_query.csv and .details.csv,
        models/MODEL/SIZE/history.csv and training.json,
        data/examples/MODEL/SIZE/test.jsonl and leak_report.json
        metrics/stack/SIZE.json, .grid.csv, .per_query.csv and .md, if the stack was judged
        data/clean/
Writes  metrics/report-SIZE.html
"""

from pathlib import Path

import click

from findtune.core import params
from findtune.core.files import atomic_open
from findtune.report.inputs import ReportSettings, read_inputs
from findtune.report.page import render
from stages.command import Stage


@click.command(cls=Stage)
@click.argument("size")
def main(size: str) -> None:
    """Write the report of SIZE."""
    settings = params.read("report", ReportSettings)
    inputs = read_inputs(Path(), params.read("models", list[str]), size)
    out = Path("metrics", f"report-{size}.html")
    with atomic_open(out) as file:
        file.write(render(inputs, settings.examples))
    for name, reason in inputs.missing.items():
        click.echo(f"{name} is not in the report: {reason}", err=True)
    click.echo(out)


if __name__ == "__main__":
    main()
