"""Ranking catalog variables for queries: a variable has the score of its best text."""

from collections.abc import Sequence

import numpy as np

from findtune.retrieval.metrics import Run

DEPTH = 100  # variables in a ranking
QUERIES_AT_ONCE = 256  # rows of the score matrix in memory

Array = np.ndarray


def score_variables(queries: Array, texts: Array, owners: Sequence[str]) -> tuple[Array, list[str]]:
    """Return the score of each variable for each query, (queries, variables), and the variables.

    queries: (queries, dimensions); texts: (texts, dimensions); owners: the variable of each text.
    """
    blocks = []
    for start in range(0, len(queries), QUERIES_AT_ONCE):
        scores = queries[start : start + QUERIES_AT_ONCE] @ texts.T
        block, variables = best_per_variable(scores, owners)
        blocks.append(block)
    return np.concatenate(blocks), variables


def best_per_variable(scores: Array, owners: Sequence[str]) -> tuple[Array, list[str]]:
    """Return the best score of each variable, (queries, variables), and the variables, sorted.

    scores: (queries, texts); owners: the variable of each text.
    """
    order = np.argsort(np.asarray(owners), kind="stable")
    variables, starts = np.unique(np.asarray(owners)[order], return_index=True)
    return np.maximum.reduceat(scores[:, order], starts, axis=1), variables.tolist()


def build_run(scores: Array, variables: Sequence[str], relevant: Sequence[Sequence[str]]) -> Run:
    """Return the best variables of each query as a run; query ids count from "0".

    scores: (queries, variables); relevant: the variables that answer each query. Ties are broken
    against the model: of two equal scores, the relevant variable ranks second.
    """
    return {
        f"{row}": top_variables(query_scores, variables, set(answers))
        for row, (query_scores, answers) in enumerate(zip(scores, relevant, strict=True))
    }


def top_variables(scores: Array, variables: Sequence[str], relevant: set[str]) -> dict[str, float]:
    """Return the best variables of one query, with distinct scores."""
    size = min(DEPTH, len(variables))
    threshold = np.partition(scores, -size)[-size]
    candidates = [int(column) for column in np.flatnonzero(scores >= threshold)]
    candidates.sort(
        key=lambda column: (-scores[column], variables[column] in relevant, variables[column])
    )
    return {variables[column]: float(size - rank) for rank, column in enumerate(candidates[:size])}
