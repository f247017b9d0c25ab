"""Evaluating a tuned embedder and its base model on the held-out examples of test."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from findtune.core.files import read_jsonl
from findtune.core.records import Record, read_kind
from findtune.embedder.evaluation.correlation import compare_correlation
from findtune.embedder.model.encode import encode
from findtune.embedder.model.similarity import MIN_PAIRS, random_cosine, spearman
from findtune.embedder.model.variable_ranking import build_run, score_variables
from findtune.evaluation.significance import compare, slices
from findtune.evaluation.verdict import verdict
from findtune.retrieval import metrics as ranking_metrics
from findtune.retrieval.encoder import load_encoder

MEASURES = ("ndcg@10", "mrr@10", "recall@1", "recall@10")
DECISIVE = "ndcg@10"

Say = Callable[[str], None]
Array = np.ndarray


@dataclass(frozen=True)
class HeldOut:
    """The held-out examples, and the corpus in which the queries are searched."""

    corpus: list[Record]
    queries: list[Record]
    scored: list[Record]
    guard: list[Record]

    @property
    def relevant(self) -> list[list[str]]:
        """The variables that answer each query."""
        return [query["dcids"] for query in self.queries]


@dataclass(frozen=True)
class ModelResults:
    """The results of one model.

    per_query: measure -> (queries,); scored_cosines, guard_cosines: (pairs,).
    """

    per_query: dict[str, Array]
    scored_cosines: Array
    guard_cosines: Array
    random_cosine: float


@dataclass(frozen=True)
class Evaluation:
    """The results of the base and of the tuned model."""

    base: ModelResults
    tuned: ModelResults


def read_held_out(examples: Path) -> HeldOut:
    """Return the held-out examples of a folder."""
    queries, scored, guard = (
        read_kind(examples / "test.jsonl", kind) for kind in ("query", "scored", "guard")
    )
    return HeldOut(read_jsonl(examples / "corpus.jsonl"), queries, scored, guard)


def evaluate_model(
    bases: Mapping[str, Path], tuned: Path, held_out: HeldOut, say: Say = lambda _: None
) -> Evaluation:
    """Return the results of a tuned model and of its base.

    bases: the folder of each room's base model.
    """
    texts, queries = len(held_out.corpus), len(held_out.queries)
    say(f"encoding {texts} texts and {queries} queries with the base model")
    base_results = evaluate_folder(bases["embedder"], held_out)
    say("encoding them with the tuned model")
    return Evaluation(base_results, evaluate_folder(tuned, held_out))


def evaluate_folder(folder: Path, held_out: HeldOut) -> ModelResults:
    """Return the results of the model in one folder."""
    model = load_encoder(folder)
    texts = encode(model, [document["text"] for document in held_out.corpus])
    queries = encode(model, [query["text"] for query in held_out.queries])
    owners = [document["dcid"] for document in held_out.corpus]
    scores, variables = score_variables(queries, texts, owners)

    def cosines(pairs: Sequence[Record]) -> Array:
        if not pairs:
            return np.zeros(0)
        first = encode(model, [pair["sentence_1"] for pair in pairs])
        second = encode(model, [pair["sentence_2"] for pair in pairs])
        products: Array = (first * second).sum(axis=1)
        return products

    return ModelResults(
        per_query=ranking_metrics.evaluate(
            ranking_metrics.binary_qrels(held_out.relevant),
            build_run(scores, variables, held_out.relevant),
            MEASURES,
        ),
        scored_cosines=cosines(held_out.scored),
        guard_cosines=cosines(held_out.guard),
        random_cosine=random_cosine(texts),
    )


def metrics(
    evaluation: Evaluation, held_out: HeldOut, facts: Mapping[str, Any], seed: int
) -> Record:
    """Return the metrics of a tuned model and its base, their differences, and the verdict.

    `difference_small` and `difference_medium` split the queries by the catalog of their variable.
    Queries about the same variables are resampled together. facts: those of the training.
    """
    base, tuned = (results.per_query[DECISIVE] for results in (evaluation.base, evaluation.tuned))
    groups = [tuple(dcids) for dcids in held_out.relevant]
    difference = compare(base, tuned, DECISIVE, seed, groups)
    catalogs = np.array([query["catalog"] for query in held_out.queries])
    by_catalog = {f"{name}": catalogs == name for name in np.unique(catalogs)}
    return {
        "base": summarize(evaluation.base, held_out),
        "tuned": summarize(evaluation.tuned, held_out),
        "difference": difference,
        "interpolation": facts["interpolation"],
        "queries": len(held_out.queries),
        "scored_pairs": len(held_out.scored),
        "verdict": verdict(difference),
        **pair_differences(evaluation, held_out, seed),
        **slices(by_catalog, base, tuned, DECISIVE, seed, groups),
    }


def summarize(results: ModelResults, held_out: HeldOut) -> dict[str, float]:
    """Return the measures of one model."""
    labels, guard_labels = scores_of(held_out.scored), scores_of(held_out.guard)
    errors = np.abs(results.scored_cosines - labels)
    return {
        **{name: float(values.mean()) for name, values in results.per_query.items()},
        "pairs_spearman": spearman(results.scored_cosines, labels),
        "pairs_mae": float(errors.mean()) if held_out.scored else 0.0,
        "guard_spearman": spearman(results.guard_cosines, guard_labels),
        "random_cosine": results.random_cosine,
    }


def pair_differences(evaluation: Evaluation, held_out: HeldOut, seed: int) -> Record:
    """Return the differences on all scored pairs, and on those without a trained sentence."""
    labels = scores_of(held_out.scored)
    unseen = np.array([not pair["seen"] for pair in held_out.scored], dtype=bool)
    differences = {}
    for name, chosen in (("pairs", np.ones_like(unseen)), ("pairs_unseen", unseen)):
        if chosen.sum() >= MIN_PAIRS:
            base, tuned = (
                results.scored_cosines[chosen] for results in (evaluation.base, evaluation.tuned)
            )
            difference = compare_correlation(labels[chosen], base, tuned, seed)
            differences[f"difference_{name}"] = {**difference, "pairs": int(chosen.sum())}
    return differences


def scores_of(pairs: Sequence[Record]) -> Array:
    """Return the labels of scored pairs, (pairs,)."""
    return np.array([pair["score"] for pair in pairs])


def details(
    evaluation: Evaluation, held_out: HeldOut
) -> dict[str, tuple[list[str], list[list[Any]]]]:
    """Return the values behind the metrics: name -> header and rows.

    per_query: every measure of every query, numbered as in test.jsonl; details: the label of each
    scored pair, and the cosines of both models.
    """
    base, tuned = evaluation.base, evaluation.tuned
    names = [f"{model}_{measure}" for measure in base.per_query for model in ("base", "tuned")]
    columns = [
        results.per_query[measure] for measure in base.per_query for results in (base, tuned)
    ]
    labels = scores_of(held_out.scored).tolist()
    pairs = zip(labels, base.scored_cosines, tuned.scored_cosines, strict=True)
    return {
        "per_query": (
            ["query", *names],
            [[number, *row] for number, row in enumerate(zip(*columns, strict=True))],
        ),
        "details": (["label", "base", "tuned"], [list(pair) for pair in pairs]),
    }
