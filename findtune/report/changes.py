"""What changed for each held-out question and scored pair, with the texts that may be shown."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan

from findtune.core.records import Record
from findtune.pages.masking import mask
from findtune.report.inputs import ModelInputs, Row, StackInputs

MAX_ROWS = 500  # of a table; more make the page slow
BIN_EDGES = (0.0, 0.05, 0.25, 0.5)  # of gains, and of losses that mirror them
MAX_TEXT_CHARS = 400  # of a question or an answer


@dataclass(frozen=True)
class Change:
    """A value before and after tuning. number: of the row. text, answer: empty if not shown."""

    number: int
    before: float
    after: float
    text: str = ""
    answer: str = ""

    @property
    def difference(self) -> float:
        """After minus before."""
        return self.after - self.before


@dataclass(frozen=True)
class Changes:
    """A table of changes: its name, the number of all changes, and the rows that are shown."""

    name: str
    measure: str
    before: str
    after: str
    total: int
    rows: list[Change]
    bins: list[tuple[str, int]]
    lower_is_better: bool = False

    @property
    def shown_texts(self) -> int:
        """The number of rows that show their text."""
        return sum(bool(row.text) for row in self.rows)


Texts = Callable[[int], tuple[str, str]]  # number of a question -> (its text, its answer)


def model_changes(model: ModelInputs, titles: Mapping[str, str], examples: int) -> Changes | None:
    """Return what tuning changed for each question, by the measure that decides the verdict.

    titles: URL -> title, see `read_titles`. examples: how many texts are shown. None if no single
    questions were measured.
    """
    difference: Record = model.metrics.get("difference_best") or model.metrics["difference"]
    against, measure = difference.get("against", "base"), difference["measure"]
    prefix = "decisive_" if "decisive" in model.metrics else ""
    columns = f"{prefix}{against}_{measure}", f"{prefix}tuned_{measure}"
    questions = model.questions

    def texts(number: int) -> tuple[str, str]:
        return question_text(questions[number]), answer_text(questions[number], titles)

    changes = [*read_changes(model.per_query, columns)]
    names = (model.name, measure, against, "tuned")
    return table(names, changes, examples, texts) if changes else None


def stack_changes(
    stack: StackInputs, models: Sequence[ModelInputs], examples: int
) -> Changes | None:
    """Return what the chosen cell changes for each question of test, against the untuned one."""
    rows = [row for row in stack.per_query if row["split"] == "test"]
    columns = stack.metrics["untuned_cell"], stack.metrics["cell"]
    questions = [question for model in models for question in model.test if "record" in question]
    # Only some rooms keep the picks of a record; these come last and win below.
    questions.sort(key=lambda question: "picks" in question)
    by_record = {question["record"]: question for question in questions}
    records = {int(row["query"]): row["record"] for row in rows}
    titles = read_titles(models)

    def texts(number: int) -> tuple[str, str]:
        question = by_record.get(records[number], {})
        return question_text(question), answer_text(question, titles)

    changes = [*read_changes(rows, columns)]
    names = ("stack", stack.metrics["difference"]["measure"], "untuned cell", "chosen cell")
    return table(names, changes, examples, texts) if changes else None


def pair_changes(model: ModelInputs, examples: int) -> Changes | None:
    """Return how far each scored pair is from its label, before and after tuning."""
    if not model.measured_pairs:
        return None
    pairs = model.pairs
    changes = [
        Change(number, distance(row, "base"), distance(row, "tuned"))
        for number, row in enumerate(model.measured_pairs)
    ]

    def texts(number: int) -> tuple[str, str]:
        return pairs[number]["sentence_1"], pairs[number]["sentence_2"]

    names = ("scored pairs", "distance of cosine and label", "base", "tuned")
    return table(names, changes, examples, texts, lower_is_better=True)


def distance(row: Row, model: str) -> float:
    """Return how far a model's cosine of a pair is from the label."""
    return abs(float(row[model]) - float(row["label"]))


def read_changes(rows: Iterable[Row], columns: tuple[str, str]) -> Iterable[Change]:
    """Yield the values of two columns of the rows that have both."""
    for row in rows:
        before, after = (float(row.get(column) or "nan") for column in columns)
        if not isnan(before) and not isnan(after):
            yield Change(int(row["query"]), before, after)


def table(
    names: tuple[str, str, str, str],
    changes: Sequence[Change],
    examples: int,
    texts: Texts,
    *,
    lower_is_better: bool = False,
) -> Changes:
    """Return the rows with the largest changes, the best first, and a histogram of all changes."""
    sign = 1 if lower_is_better else -1
    largest = sorted(changes, key=lambda change: (-abs(change.difference), change.number))
    rows = sorted(largest[:MAX_ROWS], key=lambda change: (sign * change.difference, change.number))
    with_text = rows_with_text(rows, examples)
    shown = [
        with_texts(change, texts(change.number)) if change.number in with_text else change
        for change in rows
    ]
    return Changes(*names, len(changes), shown, histogram(changes), lower_is_better)


def rows_with_text(rows: Sequence[Change], examples: int) -> set[int]:
    """Return the numbers of the rows that show their text: half from the best, half from the worst.

    rows: the best first.
    """
    best = (examples + 1) // 2
    worst = rows[max(len(rows) - examples // 2, best) :]
    return {change.number for change in [*rows[:best], *worst]}


def with_texts(change: Change, texts: tuple[str, str]) -> Change:
    """Return a change with its texts, first masked, then cut."""
    text, answer = (cut(mask(value)) for value in texts)
    return Change(change.number, change.before, change.after, text, answer)


def cut(text: str) -> str:
    """Return a text that fits a cell."""
    return text if len(text) <= MAX_TEXT_CHARS else f"{text[:MAX_TEXT_CHARS]}..."


def question_text(question: Record) -> str:
    """Return a question with the earlier questions of its history."""
    asked: str = question.get("query") or question.get("text", "")
    return " > ".join([*question.get("history", []), asked])


def answer_text(question: Record, titles: Mapping[str, str]) -> str:
    """Return the answer to a question: its variables, or the documents that were picked."""
    if "dcids" in question:
        return ", ".join(question["dcids"])
    if "picked" in question:
        texts = zip(question["documents"], question["picked"], strict=True)
        return "; ".join(text for text, is_picked in texts if is_picked)
    return "; ".join(titles.get(url) or url for url in question.get("picks", []))


def read_titles(models: Sequence[ModelInputs]) -> dict[str, str]:
    """Return the titles of the documents in the held-out lists, URL -> title."""
    lists = [
        row["documents"]
        for model in models
        for row in model.test
        if "picks" in row and "documents" in row
    ]
    return {document["url"]: document["title"] for documents in lists for document in documents}


def histogram(changes: Sequence[Change]) -> list[tuple[str, int]]:
    """Return how many rows changed by how much; each bin is named by its bound nearer to 0."""
    names = ["< -.5", "< -.25", "< -.05", "< 0", "0", "> 0", "> .05", "> .25", "> .5"]
    counts = dict.fromkeys(names, 0)
    for change in changes:
        difference = round(change.difference, 6)  # so that 0.35 - 0.3 is not above 0.05
        bins = sum(abs(difference) > edge for edge in BIN_EDGES)
        counts[names[len(BIN_EDGES) + (bins if difference > 0 else -bins)]] += 1
    return [*counts.items()]
