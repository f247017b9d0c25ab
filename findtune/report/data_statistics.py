"""Statistics of the data: counts, lengths, labels, and rejected or changed rows with reasons."""

from collections import Counter
from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

from findtune.core.text import CLUSTER, UNSPACED
from findtune.report.inputs import KindInputs, ModelInputs

TEXT_FIELDS = (
    "query",
    "text",
    "title",
    "snippet",
    "sentence_1",
    "sentence_2",
    "response1",
    "response2",
)
NOTHING = "nothing"  # the first word of the lesson of a kind that no model learns from
# What a kind of training example teaches.
LESSONS = {
    "embedder": {
        "positive": "two texts of one variable are close, and texts of its siblings are not",
        "scored": "two sentences are as similar as a curator says",
        "pick": "a question is close to what users picked, and far from what they passed over",
    },
    "reranker": {
        "list": "what people graded higher and what users picked comes first",
        "title": "the document of a title comes first when the title is searched",
        "with_qrels": "nothing by itself: the lists with judged documents",
    },
    "rewriter": {
        "rewrite": "a question is asked in words that retrieve what was picked",
        "title": "a question is asked in the words of a title that was picked",
        "identity": "a question that already retrieves its picks stays as it is",
        "question": "nothing by itself: ways to search are compared on it",
        "with_qrels": "nothing by itself: the questions with judged documents",
    },
}


class Problem(NamedTuple):
    """Why rows of one kind were rejected, dropped or kept with a note, and how to fix them."""

    kind: str
    action: str
    reason: str
    remedy: str
    rows: int


class Length(NamedTuple):
    """How long the texts of one field are, in words; see `length_in_words`."""

    kind: str
    field: str
    texts: int
    empty: int
    median: int
    percentile_95: int
    longest: int


class Lesson(NamedTuple):
    """A kind of training example: what it teaches, and how many there are in each split."""

    room: str
    kind: str
    lesson: str
    train: int
    dev: int
    test: int


class Omission(NamedTuple):
    """A reason why texts were left out of training, and how many."""

    room: str
    reason: str
    texts: int


class Labels(NamedTuple):
    """How often each label or score occurs in one kind."""

    kind: str
    name: str
    counts: list[tuple[str, int]]


def full_name(kind: KindInputs) -> str:
    """Return the name of a kind of data with the room that reads it."""
    return f"{kind.room}/{kind.name}"


def problems(kinds: Sequence[KindInputs]) -> list[Problem]:
    """Return the problems of all kinds, the most frequent of each kind first."""
    rows = []
    for kind in kinds:
        fields = ("action", "reason", "remedy")
        counts = Counter(tuple(row[field] for field in fields) for row in kind.problems)
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        rows += [
            Problem(full_name(kind), action, reason, remedy, count)
            for (action, reason, remedy), count in ranked
        ]
    return rows


def lengths(kinds: Sequence[KindInputs]) -> list[Length]:
    """Return how long the texts of each kind are; rooms that read the same data share a row."""
    rows: list[Length] = []
    for kind in kinds:
        for name in TEXT_FIELDS:
            texts = [record[name] for record in kind.records if isinstance(record.get(name), str)]
            words = sorted(map(length_in_words, texts))
            if words:
                numbers = (quantile(words, 0.5), quantile(words, 0.95), words[-1])
                rows.append(Length(kind.name, name, len(words), words.count(0), *numbers))
    return list(dict.fromkeys(rows))


def length_in_words(text: str) -> int:
    """Return the number of words of a text; in scripts without spaces, each letter is one."""
    if text.isascii() or not UNSPACED.search(text):
        return len(text.split())
    letters = sum(len(CLUSTER.findall(run)) for run in UNSPACED.findall(text))
    others = UNSPACED.sub(" ", text).split()
    return letters + sum(any(map(str.isalnum, word)) for word in others)


def quantile(values: Sequence[int], share: float) -> int:
    """Return the smallest of sorted values that is at least as large as a share of them."""
    return values[max(ceil(share * len(values)) - 1, 0)]


def labels(kinds: Sequence[KindInputs]) -> list[Labels]:
    """Return the scores of pairs, the grades of documents, and the picks of each list.

    Rooms that read the same data share a row.
    """
    tables: list[Labels] = []
    for kind in kinds:
        records = kind.records
        scores = Counter(
            f"{min(int(record['score'] * 5), 4) / 5:.1f}+"
            for record in records
            if "score" in record
        )
        grades = Counter(
            f"{grade:g}" for record in records for grade in record.get("grades", {}).values()
        )
        picks = Counter(f"{len(record['picks'])}" for record in records if "picks" in record)
        named = {"score of a pair": scores, "grade of a document": grades, "picks in a list": picks}
        for name, counts in named.items():
            if counts:
                ranked = sorted(counts.items(), key=lambda item: float(item[0].rstrip("+")))
                row = Labels(kind.name, name, shorten(ranked))
                tables += [] if row in tables else [row]
    return tables


def omissions(models: Sequence[ModelInputs]) -> list[Omission]:
    """Return what `prepare` left out for each model, the most frequent reason first."""
    return [
        Omission(model.name, reason, count)
        for model in models
        for reason, count in model.left_out.items()
    ]


def shorten(counts: list[tuple[str, int]], limit: int = 10) -> list[tuple[str, int]]:
    """Return the first labels, with the rest combined into one."""
    rest = counts[limit - 1 :]
    if len(rest) <= 1:
        return counts
    return [*counts[: limit - 1], (f"{rest[0][0]}+", sum(count for _, count in rest))]


def lessons(models: Sequence[ModelInputs]) -> list[Lesson]:
    """Return what each kind of training example teaches."""
    rows = []
    for model in models:
        splits = [Counter(model.records.get(split, {})) for split in ("train", "dev", "test")]
        for kind in sorted(set().union(*splits)):
            lesson = LESSONS[model.name].get(kind, "nothing: it is only measured")
            if not splits[0][kind]:
                lesson = f"{NOTHING}: it is only measured"
            rows.append(Lesson(model.name, kind, lesson, *(split[kind] for split in splits)))
    return rows
