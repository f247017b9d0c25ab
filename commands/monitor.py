"""Write a page and a JSON file on what was served, and say whether to train again.

    python -m commands.monitor small

The page shows users' questions if report.examples allows it, so neither file is in git.

Reads   params.yaml: monitor, report
        data/served/
        data/examples/MODEL/SIZE/   the questions of training
Writes  metrics/monitor.html, metrics/monitor.json
"""

from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from findtune.core import params
from findtune.core.errors import InputError
from findtune.core.files import atomic_open, write_json
from findtune.health.missing import refuse_unknown_size
from findtune.report.inputs import ReportSettings
from findtune.traffic.log import SERVED
from findtune.traffic.reader import Traffic, read_traffic
from findtune.traffic.records import now
from findtune.traffic.wording import counted
from stages.command import Stage

PAGE, NUMBERS = Path("metrics", "monitor.html"), Path("metrics", "monitor.json")


@click.command(cls=Stage)
@click.argument("size")
def main(size: str) -> None:
    """Monitor what the pipeline of SIZE has served."""
    refuse_unknown_size(size)
    everything = read_traffic(SERVED)
    traffic = everything.until(now() + timedelta(days=1))
    if not traffic.searches:
        raise InputError(f"{SERVED} has no search; docs/serving.md says how `make serve` records.")
    if late := len(everything.searches) - len(traffic.searches):
        # The newest search decides which version is judged, and since when.
        left_out = counted(late, "search")
        click.echo(f"left out: {left_out} that a wrong clock dated in the future.", err=True)
    inputs = monitor(traffic, size)
    with atomic_open(PAGE) as file:
        file.write(import_module("findtune.monitoring.page").render(inputs))
    verdict = vars(inputs.verdict)
    write_json(NUMBERS, {**verdict, "weeks": inputs.rows, "skipped_lines": inputs.skipped})
    click.echo(f"retrain: {inputs.verdict.retrain}, because {'; '.join(inputs.verdict.because)}")
    click.echo(f"{PAGE} and {NUMBERS}")


def monitor(traffic: Traffic, size: str) -> Any:
    """Return what the page shows."""
    # Imported here, since scikit-learn takes a second to load.
    from findtune.monitoring.drift import Novelty
    from findtune.monitoring.page import MonitorInputs, unlike_texts
    from findtune.monitoring.questions import read_known_questions
    from findtune.monitoring.retraining import MonitorSettings, judge
    from findtune.monitoring.weekly import week_of, weekly_rows

    settings = params.read("monitor", MonitorSettings)
    examples = params.read("report", ReportSettings).examples
    known = read_known_questions(Path("data", "examples"), size)
    novelty = Novelty.of(known)
    verdict = judge(traffic, known, novelty, settings)
    recent = [row for row in traffic.searches if week_of(row.time) >= verdict.since]
    return MonitorInputs(
        size=size,
        verdict=verdict,
        rows=weekly_rows(traffic, novelty),
        skipped=traffic.skipped,
        texts=unlike_texts(recent, novelty, examples),
    )


if __name__ == "__main__":
    main()
