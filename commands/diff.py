"""Compare the decisive measures of now with those of a commit, one row for each model.

    python -m commands.diff small embedder reranker rewriter
    python -m commands.diff small embedder --base main

Reads   metrics/MODEL/SIZE.json and metrics/stack/SIZE.json, here and in the commit
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from commands.table import read_metrics
from findtune.core.errors import InputError
from findtune.registry.evidence import decisive_values
from findtune.report.markdown import with_interval
from findtune.tracking.git import commit_hash, committed_file
from stages.command import Stage

Metrics = Mapping[str, Any]

RULE = "|---" * 7 + "|"
NOTE = "The measures are those of the tuned models, and of the stack that ships."


@click.command(cls=Stage)
@click.argument("size")
@click.argument("models", nargs=-1, required=True)
@click.option("--base", default="HEAD", show_default=True, help="A commit, a branch or a tag.")
def main(size: str, models: tuple[str, ...], base: str) -> None:
    """Compare the measures of MODELS at SIZE, and of their stack, with those of a commit."""
    commit = commit_hash(Path(), base)
    now = {f"{model}/{size}": read_metrics(f"{model}/{size}") for model in models}
    if Path("metrics", "stack", f"{size}.json").exists():
        now[f"stack/{size}"] = read_metrics(f"stack/{size}")
    before = {name: committed_metrics(commit, name) for name in now}
    if now == before:
        click.echo(f"No measure differs from {base}.")
        return
    click.echo("\n".join(table_lines(base, before, now)))


def committed_metrics(commit: str, name: str) -> Metrics | None:
    """Return the metrics of MODEL/SIZE in a commit, or None if it has none, or of an older form."""
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
    base: str, before: Mapping[str, Metrics | None], now: Mapping[str, Metrics]
) -> list[str]:
    """Return a Markdown table of both, and below it what the reader should know."""
    head = f"| model | measure | {base} | now | change | gain by tuning, now | verdict |"
    rows = [row(name, before[name], metrics) for name, metrics in now.items()]
    notes = [note for name in now for note in changed_test(name, before[name], now[name])]
    return [head, RULE, *rows, "", NOTE, *notes, f"All measures: dvc metrics diff {base}"]


def row(name: str, before: Metrics | None, now: Metrics) -> str:
    """Return the row of one model."""
    measure, _, after = decisive_values(now)
    old, change, verdict = "none", "", now["verdict"]
    if before is not None:
        old_measure, _, value = decisive_values(before)
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
    counts = f"{before['queries']} questions then and {now['queries']} now"
    return [f"warning: {name} was tested on {counts}, so its change is of the test, too."]


if __name__ == "__main__":
    main()
