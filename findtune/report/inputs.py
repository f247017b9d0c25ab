"""The inputs of a report: the files of all stages, read into plain values."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import NonNegativeInt

from findtune.core.errors import InputError
from findtune.core.files import read_json, read_jsonl, sha256
from findtune.core.params import Section
from findtune.core.records import Record

Row = dict[str, str]  # column -> cell of a CSV file
# Kinds of examples whose questions are measured one by one: the first kind that is in test.
QUESTION_KINDS = {"embedder": ("query", "list"), "reranker": ("list",), "rewriter": ("question",)}
TEST = "test.jsonl"


class ReportSettings(Section):
    """The section `report` of params.yaml.

    examples: the number of texts that each table shows; 0 shows no text of users or curators.
    """

    examples: NonNegativeInt


@dataclass(frozen=True)
class ModelInputs:
    """What was measured of one model.

    per_query, details, history: the rows of these tables. test: the held-out examples. records:
    split -> kind of example -> count. left_out: reason -> number of texts left out of train.
    """

    name: str
    metrics: Record
    per_query: list[Row]
    details: list[Row]
    history: list[Row]
    training: Record
    test: list[Record]
    records: dict[str, dict[str, int]]
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def questions(self) -> list[Record]:
        """The held-out questions in the order in which the evaluation numbers them."""
        of_kinds = (
            [row for row in self.test if row["kind"] == kind] for kind in QUESTION_KINDS[self.name]
        )
        questions = next(filter(None, of_kinds), [])
        if self.name == "rewriter":  # questions without picks are not measured
            return [question for question in questions if question["picks"]]
        return questions

    @property
    def pairs(self) -> list[Record]:
        """The held-out scored pairs."""
        return [row for row in self.test if row["kind"] == "scored"]

    @property
    def measured_pairs(self) -> list[Row]:
        """The rows of `details`, if they are about scored pairs, in the order of `pairs`."""
        return [row for row in self.details if "label" in row]


@dataclass(frozen=True)
class StackInputs:
    """How the models search together. lines: the lines of the summary, the verdict last."""

    metrics: Record
    grid: list[Row]
    per_query: list[Row]
    lines: list[str]


@dataclass(frozen=True)
class KindInputs:
    """One kind of clean data: its counts, what was rejected or changed, and its records."""

    room: str
    name: str
    counts: dict[str, int]
    problems: list[Row]
    records: list[Record]


@dataclass(frozen=True)
class ReportInputs:
    """Everything in a report. missing: a model or "stack" -> why it is not in the report."""

    size: str
    models: list[ModelInputs]
    stack: StackInputs | None
    kinds: list[KindInputs]
    missing: dict[str, str]


def read_inputs(root: Path, models: Sequence[str], size: str) -> ReportInputs:
    """Return the inputs of a report.

    root: the folder with data/, models/ and metrics/. A model or stack that has not been evaluated
    is named in `missing`. Raises InputError if no model has been evaluated, or if the examples of
    one are not those that it was measured on.
    """
    missing = {name: reason for name in models if (reason := missing_file(root, name, size))}
    if len(missing) == len(models):
        raise InputError(
            f"no model of {size} can be reported: {'; '.join(missing.values())}. "
            f"`make train SIZE={size}` makes these files, `make pull` fetches published ones."
        )
    stack = root / "metrics" / "stack" / f"{size}.json"
    if not stack.exists():
        missing["stack"] = f"there is no metrics/stack/{size}.json"
    judged = [name for name in models if name not in missing]
    return ReportInputs(
        size=size,
        models=[read_model(root, name, size) for name in judged],
        stack=read_stack(root, size) if stack.exists() else None,
        kinds=[read_kind(path) for path in sorted(root.glob("data/clean/*/*.counts.json"))],
        missing=missing,
    )


def missing_file(root: Path, model: str, size: str) -> str:
    """Return which of a model's files is missing; "" if all exist."""
    files = (
        Path("metrics", model, f"{size}.json"),
        Path("models", model, size, "history.csv"),
        Path("data", "examples", model, size, TEST),
    )
    return next((f"there is no {path}" for path in files if not (root / path).exists()), "")


def read_model(root: Path, model: str, size: str) -> ModelInputs:
    """Return what was measured of one model; raise InputError if its examples have changed."""
    metrics, tuned = root / "metrics" / model, root / "models" / model / size
    examples = root / "data" / "examples" / model / size
    inputs = ModelInputs(
        name=model,
        metrics=read_json(metrics / f"{size}.json"),
        per_query=read_rows(metrics / f"{size}.per_query.csv"),
        details=read_rows(metrics / f"{size}.details.csv"),
        history=read_rows(tuned / "history.csv"),
        training=read_json(tuned / "training.json"),
        test=read_jsonl(examples / TEST),
        records=read_json(examples / "leak_report.json")["records"],
        left_out=read_left_out(examples / "left_out.json"),
    )
    if reason := why_others(inputs, sha256(examples / TEST)):
        raise InputError(
            f"data/examples/{model}/{size}/{TEST} {reason}, so the measures are of other "
            f"questions; `make train SIZE={size}` measures the {model} on these."
        )
    return inputs


def why_others(model: ModelInputs, digest: str) -> str:
    """Return why the held-out examples are not those that were measured; "" if they are.

    digest: the hash of their file. Measures refer to questions by number, so with other examples
    the numbers would point to other questions.
    """
    if model.training.get("examples", {}).get(TEST, digest) != digest:
        return f"has changed since the {model.name} was trained"
    numbers = [row["query"] for row in model.per_query]
    if numbers != [str(number) for number in range(len(model.questions))]:
        return f"has {len(model.questions)} questions, of which {len(numbers)} were measured"
    pairs, measured = len(model.pairs), len(model.measured_pairs)
    return f"has {pairs} scored pairs, of which {measured} were measured" * (pairs != measured)


def read_left_out(path: Path) -> dict[str, int]:
    """Return how many texts were left out for each reason, the most frequent first.

    Examples from older versions have no such file.
    """
    rows = read_json(path) if path.exists() else {}
    counts = {reason: row["count"] for reason, row in rows.items()}
    return dict(sorted(counts.items(), key=lambda pair: -pair[1]))


def read_stack(root: Path, size: str) -> StackInputs:
    """Return how the models search together."""
    folder = root / "metrics" / "stack"
    return StackInputs(
        metrics=read_json(folder / f"{size}.json"),
        grid=read_rows(folder / f"{size}.grid.csv"),
        per_query=read_rows(folder / f"{size}.per_query.csv"),
        lines=(folder / f"{size}.md").read_text(encoding="utf-8").strip().splitlines(),
    )


def read_kind(counts: Path) -> KindInputs:
    """Return one kind of clean data, given the path of its counts."""
    kind = counts.name.removesuffix(".counts.json")
    return KindInputs(
        room=counts.parent.name,
        name=kind,
        counts=read_json(counts),
        problems=read_rows(counts.with_name(f"{kind}.report.csv")),
        records=read_jsonl(counts.with_name(f"{kind}.jsonl")),
    )


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
