"""Evaluating a tuned embedder and its base model on the held-out examples of test."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from findtune.core.files import read_jsonl
from findtune.core.records import Record, read_kind
from findtune.embedder.evaluation.correlation import compare_correlation
from findtune.embedder.model.encode import encode
from findtune.embedder.model.folder import evaluated_folder
from findtune.embedder.model.list_ranking import (
    Encode,
    guard_reciprocal_ranks,
    measure_lists,
)
from findtune.embedder.model.similarity import MIN_PAIRS, random_cosine, spearman
from findtune.embedder.model.variable_ranking import build_run, score_variables
from findtune.evaluation.significance import compare, slices
from findtune.evaluation.verdict import verdict
from findtune.retrieval import metrics as ranking_metrics
from findtune.retrieval.encoder import load_encoder

MEASURES = ("ndcg@10", "mrr@10", "recall@1", "recall@10")
LIST_MEASURES = ("ndcg@10", "mrr@10")
DECISIVE = "ndcg@10"
BEFORE_TUNING = ("base",)  # the baseline of a tuned embedder
VARIANTS = ("",)  # prefixes of columns in `details`; the first one with values decides

Say = Callable[[str], None]
Array = np.ndarray
PerQuery = dict[str, Array]  # measure -> (queries,)


@dataclass(frozen=True)
class HeldOut:
    """The held-out examples, and the corpus in which the queries are searched."""

    corpus: list[Record]
    queries: list[Record]
    scored: list[Record]
    guard: list[Record]
    lists: list[Record]
    guard_queries: list[Record]

    @property
    def groups(self) -> list[str]:
        """A label for each query; queries about the same variables are resampled together."""
        return [" ".join(dcids) for dcids in self.relevant]

    @property
    def relevant(self) -> list[list[str]]:
        """The variables that answer each query."""
        return [query["dcids"] for query in self.queries]

    @property
    def known(self) -> Array:
        """Whether each query asks for a variable that is trained on, (queries,)."""
        return np.array([query["known"] for query in self.queries], dtype=bool)


@dataclass(frozen=True)
class ModelResults:
    """The results of one model.

    per_query, per_list: measure -> (queries,) and (lists,); scored_cosines, guard_cosines:
    (pairs,); guard_ranks: reciprocal ranks, (queries,), empty without guard queries.
    """

    per_query: PerQuery
    per_list: PerQuery
    scored_cosines: Array
    guard_cosines: Array
    guard_ranks: Array
    random_cosine: float


@dataclass(frozen=True)
class Evaluation:
    """The results of the base and of the tuned model."""

    base: ModelResults
    tuned: ModelResults


@dataclass(frozen=True)
class Part:
    """One kind of held-out query: the values of both models, and the groups of the queries.

    name: the prefix of its metrics; groups: one label per query; queries of a group are dependent.
    """

    name: str
    base: PerQuery
    tuned: PerQuery
    groups: Sequence[Hashable]

    def difference(self, seed: int) -> Record:
        """Return the difference of the decisive measure."""
        return compare(self.base[DECISIVE], self.tuned[DECISIVE], DECISIVE, seed, self.groups)

    def means(self, model: str) -> dict[str, float]:
        """Return the mean of each measure of one model, base or tuned."""
        values: PerQuery = getattr(self, model)
        return {measure: float(per_query.mean()) for measure, per_query in values.items()}


def read_held_out(examples: Path) -> HeldOut:
    """Return the held-out examples of a folder."""
    queries, scored, guard, lists, guard_queries = (
        read_kind(examples / "test.jsonl", kind)
        for kind in ("query", "scored", "guard", "list", "guard_query")
    )
    corpus = read_jsonl(examples / "corpus.jsonl")
    return HeldOut(corpus, queries, scored, guard, lists, guard_queries)


def evaluate_model(
    bases: Mapping[str, Path], tuned: Path, held_out: HeldOut, say: Say = lambda _: None
) -> Evaluation:
    """Return the results of a tuned model and of its base.

    bases: the folder of each room's base model. After a refit, the model from before the refit is
    evaluated, since the refitted one was trained on the held-out texts.
    """
    texts, queries, lists = len(held_out.corpus), len(held_out.queries), len(held_out.lists)
    say(f"encoding {texts} texts, {queries} queries and {lists} lists with the base model")
    base_results = evaluate_folder(bases["embedder"], held_out)
    say("encoding them with the tuned model")
    return Evaluation(base_results, evaluate_folder(evaluated_folder(tuned), held_out))


def evaluate_folder(folder: Path, held_out: HeldOut) -> ModelResults:
    """Return the results of the model in one folder."""
    model = load_encoder(folder)
    encode_texts = partial(encode, model)
    texts = encode_texts(searched_texts(held_out))
    lists = held_out.lists
    return ModelResults(
        per_query=search_catalog(texts, held_out, encode_texts) if held_out.queries else {},
        per_list=measure_lists(lists, encode_texts, LIST_MEASURES) if lists else {},
        scored_cosines=cosines(held_out.scored, encode_texts),
        guard_cosines=cosines(held_out.guard, encode_texts),
        guard_ranks=guard_ranks(held_out, encode_texts),
        random_cosine=random_cosine(texts),
    )


def searched_texts(held_out: HeldOut) -> list[str]:
    """Return the texts of the corpus or, without a corpus, the documents of the lists."""
    if held_out.corpus:
        return [document["text"] for document in held_out.corpus]
    return [text for ranked_list in held_out.lists for text in ranked_list["documents"]]


def search_catalog(texts: Array, held_out: HeldOut, encode_texts: Encode) -> PerQuery:
    """Return each measure's value for each query of the catalog.

    texts: vectors of the corpus, (texts, dimensions).
    """
    queries = encode_texts([query["text"] for query in held_out.queries])
    owners = [document["dcid"] for document in held_out.corpus]
    scores, variables = score_variables(queries, texts, owners)
    return ranking_metrics.evaluate(
        ranking_metrics.binary_qrels(held_out.relevant),
        build_run(scores, variables, held_out.relevant),
        MEASURES,
    )


def cosines(pairs: Sequence[Record], encode_texts: Encode) -> Array:
    """Return the cosine of each pair of sentences, (pairs,)."""
    if not pairs:
        return np.zeros(0)
    first = encode_texts([pair["sentence_1"] for pair in pairs])
    second = encode_texts([pair["sentence_2"] for pair in pairs])
    products: Array = (first * second).sum(axis=1)
    return products


def guard_ranks(held_out: HeldOut, encode_texts: Encode) -> Array:
    """Return the reciprocal rank of each guard query's text, (queries,)."""
    queries = held_out.guard_queries
    return guard_reciprocal_ranks(queries, encode_texts) if queries else np.zeros(0)


def parts_of(evaluation: Evaluation, held_out: HeldOut) -> list[Part]:
    """Return the kinds of held-out queries that exist; the first decides the verdict.

    Wordings of known variables come first, then new variables, then the lists of the feedback.
    Queries about the same variables, and lists with one question or topic, form a group.
    """
    groups: list[Hashable] = [tuple(dcids) for dcids in held_out.relevant]
    base, tuned = evaluation.base, evaluation.tuned
    parts = [
        Part(
            name,
            {measure: values[mask] for measure, values in base.per_query.items()},
            {measure: values[mask] for measure, values in tuned.per_query.items()},
            [group for group, chosen in zip(groups, mask, strict=True) if chosen],
        )
        for name, mask in (("known", held_out.known), ("new_variables", ~held_out.known))
    ]
    list_groups = [ranked_list["group"] for ranked_list in held_out.lists]
    parts.append(Part("feedback", base.per_list, tuned.per_list, list_groups))
    return [part for part in parts if part.groups]


def metrics(
    evaluation: Evaluation, held_out: HeldOut, facts: Mapping[str, Any], seed: int
) -> Record:
    """Return the metrics of a tuned model and its base, their differences, and the verdict.

    base, tuned, difference and queries are those of the first part, see `parts_of`. Each other
    part adds its own under its name. facts: those of the training. `refit`: whether the model that
    ships was trained again, on the whole catalog, and so is not the model measured here.
    """
    first, *others = parts_of(evaluation, held_out)
    difference = first.difference(seed)
    values = {
        "base": first.means("base") | summarize(evaluation.base, held_out),
        "tuned": first.means("tuned") | summarize(evaluation.tuned, held_out),
        "difference": difference,
        "interpolation": facts["interpolation"],
        "refit": facts.get("refit", False),
        "queries": len(first.groups),
        "groups": len(set(first.groups)),
        "scored_pairs": len(held_out.scored),
        "verdict": verdict(difference),
        **pair_differences(evaluation, held_out, seed),
        **catalog_differences(evaluation, held_out, seed),
    }
    for part in others:
        counts = {"queries": len(part.groups), "groups": len(set(part.groups))}
        values |= {
            f"{part.name}_base": part.means("base"),
            f"{part.name}_tuned": part.means("tuned"),
            f"{part.name}_queries": counts["queries"],
            f"difference_{part.name}": {**part.difference(seed), **counts},
        }
    return values


def catalog_differences(evaluation: Evaluation, held_out: HeldOut, seed: int) -> Record:
    """Return the difference on the known variables of each catalog."""
    if not held_out.known.any():
        return {}
    base, tuned = (results.per_query[DECISIVE] for results in (evaluation.base, evaluation.tuned))
    catalogs = np.array([query["catalog"] for query in held_out.queries])
    masks = {f"{name}": (catalogs == name) & held_out.known for name in np.unique(catalogs)}
    groups = [tuple(dcids) for dcids in held_out.relevant]
    return slices(masks, base, tuned, DECISIVE, seed, groups)


def summarize(results: ModelResults, held_out: HeldOut) -> dict[str, float]:
    """Return the measures of one model on scored pairs and guards, and its random cosine."""
    labels, guard_labels = scores_of(held_out.scored), scores_of(held_out.guard)
    errors = np.abs(results.scored_cosines - labels)
    ranks = results.guard_ranks
    mrr = {"guard_mrr@10": float(ranks.mean())} if ranks.size else {}
    return mrr | {
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

    per_query: every measure of every query of the catalog (without a catalog: of every list),
    numbered in the order of test.jsonl; details: the label of each scored pair, and its cosine by
    each model.
    """
    base, tuned = evaluation.base, evaluation.tuned
    labels = scores_of(held_out.scored).tolist()
    pairs = zip(labels, base.scored_cosines, tuned.scored_cosines, strict=True)
    if held_out.queries:
        names, rows = values_table({"base": base.per_query, "tuned": tuned.per_query})
        known = [[*row, flag] for row, flag in zip(rows, held_out.known, strict=True)]
        table = [*names, "known"], known
    else:
        table = values_table({"base": base.per_list, "tuned": tuned.per_list})
    return {
        "per_query": table,
        "details": (["label", "base", "tuned"], [list(pair) for pair in pairs]),
    }


def values_table(models: Mapping[str, PerQuery]) -> tuple[list[str], list[list[Any]]]:
    """Return the header and the rows of a table with each measure of each model.

    models: name -> measure -> (queries,).
    """
    [measures, *_] = models.values()
    names = [f"{model}_{measure}" for measure in measures for model in models]
    columns = [values[measure] for measure in measures for values in models.values()]
    rows = [[number, *row] for number, row in enumerate(zip(*columns, strict=True))]
    return ["query", *names], rows
