"""Judge the models as one search pipeline, and save the pipeline that ships.

    python -m stages.stack small

Reads   params.yaml: seed, models, stack.SIZE
        for each of `models` models/MODEL/SIZE/, models/base/MODEL/SIZE/, data/examples/MODEL/SIZE/
        models/base/embedder/SIZE/
        data/clean/stack/                  grades of what searches found, if people gave any
Writes  models/stack/SIZE/                 the pipeline that ships, with its models
        metrics/stack/SIZE.json            headline measures, the difference and the verdict
        metrics/stack/SIZE.grid.csv        every measure of every cell
        metrics/stack/SIZE.per_query.csv   the decisive measure of every question and cell
        metrics/stack/SIZE.md              the tables and the verdict, as people read them
        metrics/stack/SIZE.latency.csv     milliseconds; not a DVC output, since no two runs
                                           take the same time
"""

from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import click

from findtune.core import params
from findtune.core.files import atomic_open, rounded, write_csv, write_json
from findtune.core.manifest import refuse_damaged
from stages.command import TorchStage, reporter

SEARCH_GRADES = Path("data", "clean", "stack", "search_grades.jsonl")


class Inputs(NamedTuple):
    """What a stack is judged with. parts: the models; examples: room -> folder."""

    size: str
    settings: Any
    seed: int
    examples: dict[str, Path]
    held_out: Any
    parts: Any

    @property
    def options(self) -> dict[str, int]:
        """The settings by which a pipeline answers."""
        return {"rerank_depth": self.settings.rerank_depth, "seed": self.seed}


@click.command(cls=TorchStage)
@click.argument("size")
def main(size: str) -> None:
    """Judge the stack of SIZE, and save what ships."""
    inputs = load(size)
    evaluation = evaluate(inputs)
    import_module("findtune.stack.artifact").save(
        evaluation.ships, inputs.parts, Path("models", "stack", size), **inputs.options
    )
    verdict = write_metrics(size, evaluation, inputs.examples, inputs.seed)
    write_latency(inputs, evaluation)
    click.echo(verdict)


def load(size: str) -> Inputs:
    """Return the models of a size and the questions to judge them by; refuse damaged models."""
    # They import torch, so they are loaded after the command line is parsed.
    held_out_module = import_module("findtune.stack.held_out")
    settings_module = import_module("findtune.stack.settings")
    settings = params.read(f"stack.{size}", settings_module.StackSettings)
    models, seed = params.read("models", list[str]), params.read("seed", params.Seed)
    examples = {model: Path("data", "examples", model, size) for model in models}
    held_out = held_out_module.read_held_out(
        examples, settings.max_questions, settings.max_corpus_documents, SEARCH_GRADES
    )
    parts = import_module("findtune.stack.parts").Parts(
        bases={model: Path("models", "base", model, size) for model in ("embedder", *models)},
        tuned={model: Path("models", model, size) for model in models},
        prf=settings.prf,
    )
    for folder in {*parts.bases.values(), *parts.tuned.values()}:
        refuse_damaged(folder)
    return Inputs(size, settings, seed, examples, held_out, parts)


def evaluate(inputs: Inputs) -> Any:
    """Return the measures and the rankings of the stacks that these models make."""
    evaluate_stack = import_module("findtune.stack.evaluate").evaluate_stack
    say = reporter(f"stack {inputs.size}: ")
    return evaluate_stack(inputs.parts, inputs.held_out, inputs.settings, inputs.seed, say)


def write_latency(inputs: Inputs, evaluation: Any) -> None:
    """Write how long the compared cells take to answer some questions of test."""
    latency = import_module("findtune.stack.latency")
    questions = inputs.held_out.test[: inputs.settings.latency_questions]
    reporter(f"stack {inputs.size}: ")(f"answering {len(questions)} questions one by one")
    cells, corpus = [*evaluation.choice[::-1]], inputs.held_out.corpus
    rows = latency.time_cells(cells, inputs.parts, corpus, questions, **inputs.options)
    write_csv(Path("metrics", "stack", f"{inputs.size}.latency.csv"), latency.HEADER, rows)


def write_metrics(size: str, evaluation: Any, examples: dict[str, Path], seed: int) -> str:
    """Write what was measured; return the line with the verdict."""
    evaluated = import_module("findtune.stack.evaluate")
    summary = import_module("findtune.stack.summary")
    lineage = import_module("findtune.stack.lineage")
    out, metrics = Path("metrics", "stack"), evaluated.metrics(evaluation, seed)
    write_json(out / f"{size}.json", metrics)
    for name, (header, rows) in evaluated.tables(evaluation).items():
        write_csv(out / f"{size}.{name}.csv", header, map(rounded, rows))
    text: str = summary.summary(evaluation, metrics, lineage.lineage(examples))
    with atomic_open(out / f"{size}.md") as file:
        file.write(text)
    return text.splitlines()[-1]


if __name__ == "__main__":
    main()
