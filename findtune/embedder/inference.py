"""text -> vector, and how good the vectors are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sentence_transformers import SentenceTransformer

from findtune import measures, significance
from findtune.embedder.model import vectors
from findtune.encoders import load
from findtune.files import read_jsonl
from findtune.records import Record, read_kind

Say = Callable[[str], None]
Array = np.ndarray
QUERIES_AT_ONCE = 256  # rows of the score matrix held at a time


def ranks(queries: Array, documents: Array, owners: Sequence[str]) -> tuple[Array, list[str]]:
    """Return the score of each variable for each query, and the variables.

    queries: (queries, dimensions); documents: (texts, dimensions); owners: the variable of each
    text. A variable's best text decides its score.
    """
    found = []
    for start in range(0, len(queries), QUERIES_AT_ONCE):
        scores = queries[start : start + QUERIES_AT_ONCE] @ documents.T
        best, names = measures.best_by_owner(scores, owners)
        found.append(best)
    return np.concatenate(found), names


@dataclass(frozen=True)
class HeldOut:
    """The held-out examples, and the catalog in which the queries are searched."""

    documents: list[Record]
    queries: list[Record]
    scored: list[Record]
    guard: list[Record]

    @property
    def labels(self) -> Array:
        return np.array([it["score"] for it in self.scored])


def read_held_out(pairs: Path) -> HeldOut:
    """Return the held-out examples in a folder of pairs."""
    kinds = (read_kind(pairs / "test.jsonl", kind) for kind in ("query", "scored", "guard"))
    return HeldOut(read_jsonl(pairs / "documents.jsonl"), *kinds)


@dataclass(frozen=True)
class One:
    """What one model does on the held-out examples.

    by_query: measure -> (queries,); scored, guard: cosines of the sentence pairs, (pairs,).
    """

    by_query: dict[str, Array]
    scored: Array
    guard: Array
    random_cosine: float


@dataclass(frozen=True)
class Judged:
    """What the base and the tuned model do."""

    base: One
    tuned: One


def judge(
    bases: Mapping[str, Path], tuned: Path, test: HeldOut, say: Say = lambda _: None
) -> Judged:
    """Return what a tuned model and its base do on the held-out examples.

    bases: the folder of each room's base model.
    """
    say(f"the base reads {len(test.documents)} texts and {len(test.queries)} queries")
    base = judge_one(bases["embedder"], test)
    say("the tuned model reads them")
    return Judged(base, judge_one(tuned, test))


def judge_one(folder: Path, test: HeldOut) -> One:
    model = load(folder)
    catalog = vectors(model, [it["text"] for it in test.documents])
    queries = vectors(model, [it["text"] for it in test.queries])
    scores, names = ranks(queries, catalog, [it["dcid"] for it in test.documents])
    return One(
        by_query=measures.per_query(scores, names, [it["dcids"] for it in test.queries]),
        scored=cosines(model, test.scored),
        guard=cosines(model, test.guard),
        random_cosine=measures.random_cosine(catalog),
    )


def cosines(model: SentenceTransformer, records: Sequence[Record]) -> Array:
    """Return the cosine of the two sentences of each record, (records,)."""
    if not records:
        return np.zeros(0)
    one = vectors(model, [it["sentence_1"] for it in records])
    two = vectors(model, [it["sentence_2"] for it in records])
    found: Array = (one * two).sum(axis=1)
    return found


def metrics(judged: Judged, test: HeldOut, facts: Mapping[str, Any], seed: int) -> Record:
    """Return the metrics of a tuned model beside its base: groups of numbers, and the verdict.

    `small` and `medium` tell apart the queries by the catalog of what they ask for; those of one
    variable hang together. `unseen` are the scored pairs of which no sentence is learned from.
    """
    base, tuned = judged.base, judged.tuned
    asked = [tuple(it["dcids"]) for it in test.queries]
    before, after = (one.by_query["ndcg@10"] for one in (base, tuned))
    delta = significance.compare(before, after, "ndcg@10", seed, asked)
    found: Record = {
        "base": summary(base, test),
        "tuned": summary(tuned, test),
        "delta": delta,
        "interpolation": facts["interpolation"],
        "queries": len(test.queries),
        "scored_pairs": len(test.scored),
        "verdict": significance.verdict(delta),
    }
    unseen = np.array([not it["seen"] for it in test.scored], dtype=bool)
    for name, its in (("pairs", np.ones_like(unseen)), ("pairs_unseen", unseen)):
        if its.sum() >= measures.FEWEST_PAIRS:
            compared = significance.compare_correlation(
                test.labels[its], base.scored[its], tuned.scored[its], seed
            )
            found[f"delta_{name}"] = {**compared, "pairs": int(its.sum())}
    catalogs = np.array([it["catalog"] for it in test.queries])
    parts = {f"{name}": catalogs == name for name in np.unique(catalogs)}
    return found | significance.slices(parts, before, after, "ndcg@10", seed, asked)


def summary(judged: One, test: HeldOut) -> dict[str, float]:
    """Return the measures of one model."""
    guard = np.array([it["score"] for it in test.guard])
    return {
        **{name: float(values.mean()) for name, values in judged.by_query.items()},
        "pairs_spearman": measures.spearman(judged.scored, test.labels),
        "pairs_mae": float(np.abs(judged.scored - test.labels).mean()) if test.scored else 0.0,
        "guard_spearman": measures.spearman(judged.guard, guard),
        "random_cosine": judged.random_cosine,
    }


def details(judged: Judged, test: HeldOut) -> dict[str, tuple[list[str], list[list[Any]]]]:
    """Return the values behind the metrics: name -> header and rows.

    queries: every measure of every query, numbered as in test.jsonl; pairs: each scored pair,
    with its label as a range, to be drawn.
    """
    base, tuned = judged.base, judged.tuned
    header = [
        "query",
        *(f"{which}_{name}" for name in base.by_query for which in ("base", "tuned")),
    ]
    columns = [one.by_query[name] for name in base.by_query for one in (base, tuned)]
    pairs = zip(test.labels.tolist(), base.scored, tuned.scored, strict=True)
    return {
        "queries": (header, [[at, *row] for at, row in enumerate(zip(*columns, strict=True))]),
        "pairs": (["label", "base", "tuned"], [list(pair) for pair in pairs]),
    }
