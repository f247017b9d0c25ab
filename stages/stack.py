"""Judge the models as one search pipeline, and save the pipeline that ships.

    python -m stages.stack small

Reads   params.yaml: seed, models, stack.SIZE
        for each of `models` models/MODEL/SIZE/, models/base/MODEL/SIZE/, data/examples/MODEL/SIZE/
        models/base/embedder/SIZE/
Writes  models/stack/SIZE/                 the pipeline that ships, with its models
        metrics/stack/SIZE.json            headline measures, the difference and the verdict
        metrics/stack/SIZE.grid.csv        every measure of every cell
        metrics/stack/SIZE.per_query.csv   the decisive measure of every question and cell
        metrics/stack/SIZE.md              the tables and the verdict, as people read them
        metrics/stack/SIZE.latency.csv     milliseconds; no output for DVC, since no two runs
                                           take the same time
"""

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from findtune.core import params
from findtune.core.files import atomic_open, rounded, write_csv, write_json
from findtune.core.manifest import refuse_damaged
from stages.command import TorchStage, reporter


@click.command(cls=TorchStage)
@click.argument("size")
def main(size: str) -> None:
    """Judge the stack of SIZE, and save what ships."""
    # They import torch, so they are loaded after the command line was read.
    held_out_module = import_module("findtune.stack.held_out")
    settings_module = import_module("findtune.stack.settings")
    settings = params.read(f"stack.{size}", settings_module.StackSettings)
    models, seed = params.read("models", list[str]), params.read("seed", params.Seed)
    examples = {model: Path("data", "examples", model, size) for model in models}
    held_out = held_out_module.read_held_out(
        examples, settings.max_questions, settings.max_corpus_documents
    )
    parts = import_module("findtune.stack.parts").Parts(
        bases={model: Path("models", "base", model, size) for model in ("embedder", *models)},
        tuned={model: Path("models", model, size) for model in models},
        prf=settings.prf,
    )
    for folder in {*parts.bases.values(), *parts.tuned.values()}:
        refuse_damaged(folder)
    say = reporter(f"stack {size}: ")
    evaluate = import_module("findtune.stack.evaluate")
    evaluation = evaluate.evaluate_stack(parts, held_out, settings, seed, say)
    options = {"rerank_depth": settings.rerank_depth, "seed": seed}
    import_module("findtune.stack.artifact").save(
        evaluation.ships, parts, Path("models", "stack", size), **options
    )
    verdict = write_metrics(size, evaluation, examples, seed)
    say(f"answering {settings.latency_questions} questions one by one")
    latency = import_module("findtune.stack.latency")
    questions = held_out.test[: settings.latency_questions]
    rows = latency.time_cells(
        [*evaluation.choice[::-1]], parts, held_out.corpus, questions, **options
    )
    write_csv(Path("metrics", "stack", f"{size}.latency.csv"), latency.HEADER, rows)
    click.echo(verdict)


def write_metrics(size: str, evaluation: Any, examples: dict[str, Path], seed: int) -> str:
    """Write what was measured; return the line with the verdict."""
    evaluate = import_module("findtune.stack.evaluate")
    summary = import_module("findtune.stack.summary")
    lineage = import_module("findtune.stack.lineage")
    out, metrics = Path("metrics", "stack"), evaluate.metrics(evaluation, seed)
    write_json(out / f"{size}.json", metrics)
    for name, (header, rows) in evaluate.tables(evaluation).items():
        write_csv(out / f"{size}.{name}.csv", header, map(rounded, rows))
    text: str = summary.summary(evaluation, metrics, lineage.lineage(examples))
    with atomic_open(out / f"{size}.md") as file:
        file.write(text)
    return text.splitlines()[-1]


if __name__ == "__main__":
    main()
