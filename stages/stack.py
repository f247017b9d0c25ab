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
        data/pool/SIZE.jsonl               what the pipelines rank first, for people to grade
"""

from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import click

from findtune.core import params
from findtune.core.files import atomic_open, rounded, write_csv, write_json, write_jsonl
from findtune.core.manifest import refuse_damaged
from stages.command import TorchStage, reporter

SEARCH_GRADES = Path("data", "clean", "stack", "search_grades.jsonl")


class Questions(NamedTuple):
    """What a stack is judged by. examples: room -> folder."""

    settings: Any
    examples: dict[str, Path]
    held_out: Any


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
    pooling = import_module("findtune.stack.pooling")
    write_jsonl(pool_path(size), pooling.pool_documents(inputs.held_out, evaluation.rankings))
    write_latency(inputs, evaluation)
    click.echo(verdict)


def load(size: str) -> Inputs:
    """Return the models of a size and the questions to judge them by; refuse damaged models."""
    questions = read_questions(size)
    models, settings = [*questions.examples], questions.settings
    # This imports torch, so it is loaded after the command line is parsed.
    parts = import_module("findtune.stack.parts").Parts(
        bases={model: Path("models", "base", model, size) for model in ("embedder", *models)},
        tuned={model: Path("models", model, size) for model in models},
        prf=settings.prf,
    )
    for folder in {*parts.bases.values(), *parts.tuned.values()}:
        refuse_damaged(folder)
    seed = params.read("seed", params.Seed)
    return Inputs(size, settings, seed, questions.examples, questions.held_out, parts)


def read_questions(size: str) -> Questions:
    """Return the questions and the corpus by which the stack of a size is judged."""
    held_out = import_module("findtune.stack.held_out")
    settings_module = import_module("findtune.stack.settings")
    settings = params.read(f"stack.{size}", settings_module.StackSettings)
    models = params.read("models", list[str])
    examples = {model: Path("data", "examples", model, size) for model in models}
    limits = settings.max_questions, settings.max_corpus_documents
    return Questions(settings, examples, held_out.read_held_out(examples, *limits, SEARCH_GRADES))


def pool_path(size: str) -> Path:
    """Return the file with the documents that the pipelines of a size rank first."""
    return Path("data", "pool", f"{size}.jsonl")


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
