"""Compare the models here with the live ones, on the questions held out from both.

    python -m commands.diff small embedder reranker rewriter
    python -m commands.diff small embedder --base main --details

Without --base, the models here are compared with the version that is live in --stage, or with HEAD
if none is live. Users' questions are printed only if report.examples allows it.

Reads   params.yaml: report
        metrics/MODEL/SIZE.json and .per_query.csv, here and in the commit; dvc.lock; git tags
        data/examples/MODEL/SIZE/test.jsonl, for the texts of the questions
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from commands.table import read_metrics
from findtune.core import params
from findtune.core.errors import InputError
from findtune.core.files import iter_jsonl
from findtune.health.missing import refuse_unknown_size
from findtune.pages.masking import mask
from findtune.registry.challenge import (
    Duel,
    champion_of,
    duel,
    refuse_champion_of_other_size,
)
from findtune.registry.evidence import shipped_value
from findtune.report.inputs import ReportSettings
from findtune.report.markdown import with_interval
from findtune.tracking.git import commit_hash, committed_file
from findtune.tracking.lock import LOCK, examples_made_again, read_lock
from findtune.traffic.wording import counted
from stages.command import Stage

Metrics = Mapping[str, Any]

RULE = "|---" * 7 + "|"
NOTE = "The measures are those of the tuned models, and of the stack that ships."
LOST = 10  # questions to show
MAX_TEXT_CHARS = 80


@click.command(cls=Stage)
@click.argument("size")
@click.argument("models", nargs=-1, required=True)
@click.option("--base", help="Compare with a commit, branch or tag instead of the live version.")
@click.option("--stage", default="prod", show_default=True, help="The champion's stage.")
@click.option("--details", is_flag=True, help="Print a table of measures and verdicts instead.")
def main(size: str, models: tuple[str, ...], base: str | None, stage: str, details: bool) -> None:
    """Compare MODELS at SIZE, and their stack, with the live version or a commit."""
    refuse_unknown_size(size)
    champion = None if base else champion_of(Path(), "stack", stage)
    if champion:
        refuse_champion_of_other_size(Path(), champion, "stack", size)
    base = base or (champion.commit if champion else "HEAD")
    commit = commit_hash(Path(), base)
    name = f"stack {champion.version}, live in {stage}" if champion else base
    if details:
        click.echo("\n".join(details_lines(size, models, name, commit)))
    else:
        click.echo("\n".join(short_lines(size, models, name, commit)))


def short_lines(size: str, models: Sequence[str], name: str, commit: str) -> list[str]:
    """Return a line for each model, the verdict, and the questions that lost most."""
    lines = [f"champion: {name} ({commit[:7]}); challenger: what is here"]
    duels: dict[str, Duel] = {}
    for model in (*models, "stack"):
        try:
            duels[model] = duel(Path(), commit, model, size)
            lines.append(f"{model:9} {duel_text(duels[model])}")
        except InputError as error:
            lines.append(f"{model:9} not compared: {error}")
    if not duels:
        raise InputError(" ".join(" ".join(line.split()) for line in lines[1:]))
    decides = [*duels][-1]  # the stack, if it could be compared
    difference = duels[decides].difference
    effect = f"smallest visible effect {difference['minimum_detectable_effect']:.4f}"
    lines.append(f"VERDICT: {duels[decides].verdict} | {decides} of what is here | {effect}")
    return [*lines, *lost_lines(decides, size, duels[decides]), "More: make diff DETAILS=1"]


def duel_text(result: Duel) -> str:
    """Return the measure of both, the difference with its interval, and the verdict."""
    before, now = result.levels
    return (
        f"{result.measure} {before:.4f} -> {now:.4f}, {with_interval(result.difference)}, "
        f"{len(result.records):,} of {counted(result.asked, 'question')}, {result.verdict}"
    )


def lost_lines(model: str, size: str, result: Duel) -> list[str]:
    """Return a line for each of the questions that lost most, with its text if it may be shown."""
    rows = result.most_lost(LOST)
    if not rows:
        return ["No question lost."]
    texts = question_texts(model, size) if params.read("report", ReportSettings).examples else {}
    lines = ["lost most:"]
    for row in rows:
        record = result.records[row]
        text = mask(texts[record])[:MAX_TEXT_CHARS] if record in texts else f"no. {record}"
        before, now = result.champion[row], result.challenger[row]
        lines.append(f"  {now - before:+.3f}  {before:.3f} -> {now:.3f}  {text}")
    return lines


def question_texts(model: str, size: str) -> dict[str, str]:
    """Return record -> question of the held-out examples here; empty if there are none.

    The questions of a single model have numbers instead of records, and are shown by number. So are
    those whose examples were made again, since a record may now hold another question.
    """
    rooms = ("reranker", "rewriter", "embedder") if model == "stack" else ()
    stages = read_lock() if LOCK.exists() else {}
    others = {*examples_made_again(stages, f"metrics/{model}/{size}.json")}
    folders = [Path("data", "examples", room, size) for room in rooms]
    paths = [folder / "test.jsonl" for folder in folders if folder.as_posix() not in others]
    rows = [row for path in paths if path.exists() for row in iter_jsonl(path)]
    return {row["record"]: row["query"] for row in reversed(rows) if {"record", "query"} <= {*row}}


# Details


def details_lines(size: str, models: Sequence[str], base: str, commit: str) -> list[str]:
    """Return the table of measures, or a line that says that none differs."""
    now = {f"{model}/{size}": read_metrics(f"{model}/{size}") for model in models}
    if Path("metrics", "stack", f"{size}.json").exists():
        now[f"stack/{size}"] = read_metrics(f"stack/{size}")
    before = {name: committed_metrics(commit, name) for name in now}
    if now == before:
        return [f"No measure differs from {base}."]
    return table_lines(base, commit, before, now)


def committed_metrics(commit: str, name: str) -> Metrics | None:
    """Return the metrics of MODEL/SIZE in a commit, or None if it has none in this format."""
    path = f"metrics/{name}.json"
    content = committed_file(Path(), commit, path)
    if content is None:
        return None
    try:
        metrics: Metrics = json.loads(content)
    except ValueError:
        raise InputError(f"{path} of commit {commit[:7]} is not JSON; name another BASE.") from None
    return metrics if "difference" in metrics else None


def table_lines(
    base: str, commit: str, before: Mapping[str, Metrics | None], now: Mapping[str, Metrics]
) -> list[str]:
    """Return a Markdown table of both, with notes and warnings below it."""
    head = f"| model | measure | {base} | now | change | gain by tuning, now | verdict |"
    rows = [row(name, before[name], metrics) for name, metrics in now.items()]
    notes = [note for name in now for note in changed_test(name, before[name], now[name])]
    return [head, RULE, *rows, "", NOTE, *notes, f"All measures: dvc metrics diff {commit[:7]}"]


def row(name: str, before: Metrics | None, now: Metrics) -> str:
    """Return the row of one model."""
    measure, after = shipped_value(now)
    old, change, verdict = "none", "", now["verdict"]
    if before is not None:
        old_measure, value = shipped_value(before)
        same = old_measure == measure
        old = f"{value:.4f}" if same else f"{value:.4f} ({old_measure})"
        change = f"{after - value:+.4f}" if same else ""
        verdict = " -> ".join(dict.fromkeys((before["verdict"], now["verdict"])))
    gain = with_interval(now.get("difference_best", now["difference"]))
    return f"| {name} | {measure} | {old} | {after:.4f} | {change} | {gain} | {verdict} |"


def changed_test(name: str, before: Metrics | None, now: Metrics) -> list[str]:
    """Return a warning if both were not tested on the same number of questions."""
    if before is None or before["queries"] == now["queries"]:
        return []
    counts = f"{before['queries']:,} questions then and {now['queries']:,} now"
    return [f"warning: {name} was tested on {counts}, so its change is of the test, too."]


if __name__ == "__main__":
    main()
