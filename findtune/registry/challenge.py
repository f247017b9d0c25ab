"""Compare a challenger, the model here, with the champion of a commit, question by question.

Only questions that were held out from both are compared. The stack's are matched by the hash of
their text. A model's only have numbers, so they are compared only if both have the same test set.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from findtune.core.errors import InputError
from findtune.core.files import iter_jsonl, read_json
from findtune.evaluation.significance import compare
from findtune.evaluation.verdict import verdict
from findtune.registry.evidence import artifact_path, decisive_values, shipped_value, writer
from findtune.registry.tags import assignments, live_versions
from findtune.tracking.git import committed_file
from findtune.tracking.lock import LOCK, examples_made_again, parse_lock, read_lock

Array = np.ndarray
Metrics = Mapping[str, Any]
SEED = 13  # of the bootstrap
ROUNDING = 1e-4  # values of questions and their mean in the metrics are both rounded, by half of it
# The kinds of questions that are measured one by one: the first one that test has counts.
KINDS = {"embedder": ("query", "list"), "reranker": ("list",), "rewriter": ("question",)}


class Row(NamedTuple):
    """A question of per_query.csv and its value.

    question: the hash of its text; empty for a model, and in measures of older commits. record:
    where the stack's question comes from, or the number of a model's. group: of the stack.
    """

    question: str
    record: str
    group: str
    value: float

    def key(self, *, by_question: bool) -> tuple[str, ...]:
        """Return what tells this question from others."""
        return (self.question,) if by_question else (self.record, self.group)


@dataclass(frozen=True)
class Champion:
    """What is live in a stage."""

    version: str
    commit: str
    since: datetime


@dataclass(frozen=True)
class Duel:
    """Values of one measure on the common questions.

    records: where the questions come from. asked: how many questions either side has. measured: the
    values of both in their metrics, which may be of other questions, too.
    """

    measure: str
    champion: Array
    challenger: Array
    records: list[str]
    groups: list[str]
    asked: int
    measured: tuple[float, float] | None = None

    @property
    def levels(self) -> tuple[float, float]:
        """The means of both: those in their metrics, unless these are of other questions."""
        means = float(self.champion.mean()), float(self.challenger.mean())
        if self.measured and np.allclose(means, self.measured, rtol=0, atol=ROUNDING):
            return self.measured
        return means

    @property
    def difference(self) -> dict[str, Any]:
        """The difference with its interval, see `significance.compare`."""
        return compare(self.champion, self.challenger, self.measure, SEED, self.groups)

    @property
    def verdict(self) -> str:
        """WIN, INCONCLUSIVE or REGRESSION of the challenger."""
        return verdict(self.difference)

    def most_lost(self, number: int) -> list[int]:
        """Return the rows of the questions that lost most, the worst first."""
        change = self.challenger - self.champion
        rows = np.argsort(change, kind="stable")[:number]
        return [int(row) for row in rows if change[row] < 0]


def champion_of(root: Path, model: str, stage: str) -> Champion | None:
    """Return the version of a model that is live in a stage, or None."""
    live = live_versions([entry for entry in assignments(root, model) if entry.stage == stage])
    return Champion(live[-1].version, live[-1].commit, live[-1].time) if live else None


def refuse_champion_of_other_size(root: Path, champion: Champion, model: str, size: str) -> None:
    """Raise InputError if a champion has another size; its commit may have measures of both."""
    path = artifact_path(root, champion.commit, model)
    if Path(path).name != size:
        raise InputError(
            f"{path} is what is live, so nothing of {size} is compared with it; name its size with "
            "SIZE=, or a commit with BASE=."
        )


def duel(root: Path, commit: str, model: str, size: str) -> Duel:
    """Return the comparison of a model or of the stack; raise InputError where there is none."""
    name = f"metrics/{model}/{size}"
    before, now = committed_metrics(root, commit, f"{name}.json"), here(root, f"{name}.json")
    measures = {decisive_values(metrics)[0] for metrics in (before, now)}
    if len(measures) > 1:
        raise InputError(f"{name}.json is decided by another measure: {', '.join(measures)}.")
    if model != "stack":
        refuse_other_test_set(root, commit, model, size)
    columns = decisive_column(before), decisive_column(now)
    old_rows = read_rows(committed(root, commit, f"{name}.per_query.csv").decode(), columns[0])
    path = root / f"{name}.per_query.csv"
    if not path.exists():
        raise InputError(f"there is no {name}.per_query.csv; `make train SIZE={size}` makes it.")
    new_rows = read_rows(path.read_text(encoding="utf-8"), columns[1])
    groups = {} if model == "stack" else read_groups(root, model, size)
    result = pair(measures.pop(), old_rows, new_rows, groups)
    return replace(result, measured=(shipped_value(before)[1], shipped_value(now)[1]))


def decisive_column(metrics: Metrics) -> str:
    """Return the column of per_query.csv that has the decisive values of what would ship."""
    if "chosen" in metrics:  # of the stack
        return str(metrics["ships"])
    prefix = "decisive_" if "decisive" in metrics else ""
    return f"{prefix}tuned_{decisive_values(metrics)[0]}"


def read_rows(text: str, column: str) -> list[Row]:
    """Return the questions that decide and have a value."""
    rows = list(csv.DictReader(text.splitlines()))
    if rows and column not in rows[0]:
        raise InputError(f"per_query.csv has no column {column}; it has another format.")
    return [to_row(row, column) for row in deciding(rows) if row[column] not in ("", "nan")]


def to_row(fields: Mapping[str, str], column: str) -> Row:
    """Return a question with its value; raise InputError if that is no number."""
    record = fields.get("record", fields["query"])
    try:
        value = float(fields[column])
    except (TypeError, ValueError):
        raise InputError(
            f"per_query.csv has no number for question {record} in column {column}; is it a merge "
            "conflict? Take one side."
        ) from None
    return Row(fields.get("question", ""), record, fields.get("group", record), value)


def deciding(rows: Sequence[Mapping[str, str]]) -> Sequence[Mapping[str, str]]:
    """Return the rows of test that decide: those of variables seen in training, if any."""
    test = [row for row in rows if row.get("split", "test") == "test"]
    return [row for row in test if row.get("known", "True") == "True"] or test


def read_groups(root: Path, model: str, size: str) -> dict[str, str]:
    """Return the groups of a model's questions: number -> group.

    Empty without the examples here: then each question counts by itself.
    """
    path = root / "data" / "examples" / model / size / "test.jsonl"
    for kind in KINDS[model] if path.exists() else ():
        asked = (row for row in iter_jsonl(path) if row["kind"] == kind)
        # A rewriter is not measured on questions without picks.
        numbered = enumerate(row for row in asked if model != "rewriter" or row["picks"])
        groups = {str(number): str(row.get("group", row.get("dcids"))) for number, row in numbered}
        if groups:
            return groups
    return {}


def pair(
    measure: str,
    before: Sequence[Row],
    now: Sequence[Row],
    groups: Mapping[str, str],
) -> Duel:
    """Return the comparison on the common questions; raise InputError if there are none.

    groups: question number -> group, for a model. The stack's groups are those of today: new
    records of a user may link and rename them.
    """
    by_question = all(row.question for row in [*before, *now])
    old = {row.key(by_question=by_question): row.value for row in before}
    new = {row.key(by_question=by_question): row for row in now}
    common = [row for key, row in new.items() if key in old]
    if not common:
        raise InputError("no question is held out from both.")
    return Duel(
        measure,
        np.array([old[row.key(by_question=by_question)] for row in common]),
        np.array([row.value for row in common]),
        records=[row.record for row in common],
        groups=[groups.get(row.group, row.group) for row in common],
        asked=len({*old, *new}),
    )


def refuse_other_test_set(root: Path, commit: str, model: str, size: str) -> None:
    """Raise InputError unless a model was tested on the same examples then and now.

    The examples here must be the same too: they define the groups of questions.
    """
    metrics, examples = f"metrics/{model}/{size}.json", f"data/examples/{model}/{size}"
    then, now = parse_lock(committed(root, commit, str(LOCK)).decode()), read_lock(root / LOCK)
    hashes = [writer(stages, metrics).deps.get(examples) for stages in (then, now)]
    if hashes[0] != hashes[1]:
        raise InputError("its test questions have changed.")
    for path in examples_made_again(now, metrics):
        raise InputError(
            f"{path} was made again since it was measured; `make train SIZE={size}` measures it on "
            "these."
        )


def committed_metrics(root: Path, commit: str, path: str) -> Metrics:
    """Return the metrics of a commit."""
    try:
        metrics: Metrics = json.loads(committed(root, commit, path))
    except ValueError:
        raise InputError(f"{path} of commit {commit[:7]} is not JSON.") from None
    if "difference" not in metrics:
        raise InputError(f"{path} of commit {commit[:7]} has an older format.")
    return metrics


def committed(root: Path, commit: str, path: str) -> bytes:
    """Return a file of a commit; raise InputError if it has none."""
    content = committed_file(root, commit, path)
    if content is None:
        raise InputError(f"commit {commit[:7]} has no {path}.")
    return content


def here(root: Path, path: str) -> Metrics:
    """Return the metrics in the folder; raise InputError if there are none."""
    if not (root / path).exists():
        raise InputError(f"there is no {path}; `make train` makes it.")
    try:
        metrics: Metrics = read_json(root / path)
    except ValueError:
        raise InputError(f"{path} is not JSON; is it a merge conflict? Take one side.") from None
    if "difference" not in metrics:
        raise InputError(f"{path} has another format; `make train` writes it again.")
    return metrics
