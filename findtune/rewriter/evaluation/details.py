"""The values behind the metrics, without any text."""

from typing import Any

from findtune.rewriter.evaluation.habits import length_ratio
from findtune.rewriter.evaluation.held_out import HeldOut
from findtune.rewriter.evaluation.results import Evaluation

Table = tuple[list[str], list[list[Any]]]  # header and rows


def details(evaluation: Evaluation, held_out: HeldOut) -> dict[str, Table]:
    """Return the tables `per_query` and `details`.

    per_query: every measure of every question, numbered among the held-out questions with picks;
    details: each searched rewrite with its model, seed, rank, recall by itself and length ratio.
    """
    return {
        "per_query": per_query_table(evaluation),
        "details": rewrite_table(evaluation, held_out),
    }


def per_query_table(evaluation: Evaluation) -> Table:
    """Return one row for each question, with the measures of every search method.

    Columns for retrievers other than the rewriter's own begin with the retriever's name.
    """
    others = {f"{name}_": measures for name, measures in evaluation.others.items()}
    columns = {
        f"{prefix}{method}_{measure}": values
        for prefix, methods in {"": evaluation.decisive, **others}.items()
        for method, measures in methods.items()
        for measure, values in measures.items()
    }
    rows = enumerate(zip(*columns.values(), strict=True))
    return ["query", *columns], [[number, *values] for number, values in rows]


def rewrite_table(evaluation: Evaluation, held_out: HeldOut) -> Table:
    """Return one row for each searched rewrite."""
    header = ["query", "model", "seed_index", "rank", "recall@10", "length_ratio"]
    queries = held_out.queries
    rows = [
        [number, model, seed_index, rank, recall, length_ratio(queries[number], rewrite)]
        for model, by_seed in evaluation.rewrites.items()
        for seed_index, sample in enumerate(by_seed)
        for number, (texts, recalls) in enumerate(zip(sample.searched, sample.recall, strict=True))
        for rank, (rewrite, recall) in enumerate(zip(texts, recalls, strict=True))
    ]
    return header, rows
