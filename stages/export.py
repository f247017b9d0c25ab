"""Make int8 copies of one model, judge them on test, and keep them if they lose little.

    python -m stages.export embedder small

`export.models` in params.yaml lists the models that get copies; `make export` adds to it.

Reads   params.yaml: seed, export.max_loss
        models/MODEL/SIZE/, models/base/embedder/SIZE/, data/examples/MODEL/SIZE/
Writes  models/export/MODEL/SIZE/           the copies, with their manifest
        metrics/export/MODEL/SIZE.json      the measures of test in fp32 and int8, and the sizes
        metrics/export/MODEL/SIZE.latency.csv  times on this machine; not a DVC output, since no
                                            two runs take the same time
"""

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from findtune.core import params
from findtune.core.files import write_csv, write_json
from findtune.core.manifest import refuse_damaged
from findtune.core.records import read_kind
from stages.command import TorchStage, reporter

MODELS = ("embedder", "reranker")
QUESTIONS = 50  # timed one by one
TEXTS = 500  # timed together


@click.command(cls=TorchStage)
@click.argument("model", type=click.Choice(MODELS))
@click.argument("size")
def main(model: str, size: str) -> None:
    """Make int8 copies of MODEL at SIZE."""
    base, tuned = (Path("models", *names) for names in (("base", "embedder", size), (model, size)))
    target, examples = Path("models", "export", model, size), Path("data", "examples", model, size)
    for folder in (base, tuned):
        refuse_damaged(folder)
    say = reporter(f"export {model} {size}: ")
    making = import_module("findtune.stack.int8.making")
    limits = {
        "seed": params.read("seed", params.Seed),
        "max_loss": params.read("export.max_loss", float),
        "say": say,
    }
    if model == "embedder":
        measures = making.export_embedder(base, tuned, target, examples, **limits)
    else:
        measures = making.export_reranker(tuned, target, examples, **limits)
    out = Path("metrics", "export", model)
    write_json(out / f"{size}.json", measures)
    say("timing fp32 and int8 in turns")
    header, rows = time_copies(model, tuned, target, examples)
    write_csv(out / f"{size}.latency.csv", header, rows)
    click.echo("\n".join([*measure_lines(measures), *map(latency_line, rows)]))


def time_copies(model: str, tuned: Path, target: Path, examples: Path) -> tuple[Any, list[Any]]:
    """Return the header and the rows of the times of a tuned model and its copies."""
    latency = import_module("findtune.stack.int8.latency")
    lists = read_kind(examples / "test.jsonl", "list")
    if model == "reranker":
        copies = {path.stem: path for path in target.glob("*.onnx")}
        return latency.HEADER, latency.time_reranker(tuned, copies, lists[:QUESTIONS])
    questions = [row["text"] for row in read_kind(examples / "test.jsonl", "query")]
    questions = questions or [ranked_list["query"] for ranked_list in lists]
    texts = [text for ranked_list in lists for text in ranked_list["documents"]] or questions
    rows = latency.time_embedder(tuned, target / "tuned.onnx", questions[:QUESTIONS], texts[:TEXTS])
    return latency.HEADER, rows


def measure_lines(measures: Any) -> list[str]:
    """Return the lines that show what the copies lose."""
    return [
        f"{name}, {kind}: ndcg@10 {result['fp32']['ndcg@10']:.4f} in fp32, "
        f"{result['int8']['ndcg@10']:.4f} in int8, {result['difference']['mean']:+.4f} "
        f"[{result['difference']['ci_low']:+.4f}, {result['difference']['ci_high']:+.4f}]"
        for name, results in measures.items()
        if name != "bytes"
        for kind, result in results.items()
    ]


def latency_line(row: Any) -> str:
    """Return the line that shows one row of times."""
    what, unit, fp32, int8 = row
    return f"{what}, {unit}: {fp32:g} in fp32, {int8:g} in int8"


if __name__ == "__main__":
    main()
