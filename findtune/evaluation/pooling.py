"""One verdict over all folds of a cross-validation, in which every query is tested once.

The values of a query are averaged over the seeds of the training. Then all queries of all folds
are compared together, so the interval is for the whole data set, not for one fold.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from findtune.evaluation.significance import compare
from findtune.evaluation.verdict import verdict

KEYS = ["fold", "query", "group"]  # together they identify a query


class Rankings(NamedTuple):
    """What a room compares. Its values are in columns named {VARIANT}{RANKING}_{MEASURE}.

    before_tuning: the rankings that `tuned` has to beat, the simplest one first. variants:
    prefixes, such as graded_; the first one that has values decides.
    """

    before_tuning: Sequence[str]
    measure: str
    variants: Sequence[str]

    def column(self, variant: str, ranking: str) -> str:
        """Return the name of the column with the values of a ranking."""
        return f"{variant}{ranking}_{self.measure}"


def average_seeds(values: pd.DataFrame) -> pd.DataFrame:
    """Return each query once, with the mean of its values over the seeds.

    values: one row for each query and seed: seed, the keys, and the measures. A measure that a
    query lacks at one seed is missing from its mean, too.
    """
    by_query = values.drop(columns="seed").groupby(KEYS, sort=True)
    return by_query.mean(skipna=False).reset_index()


def judge(queries: pd.DataFrame, rankings: Rankings, seed: int) -> list[dict[str, Any]]:
    """Return a row for each variant with values; the first one holds the verdict.

    queries: as `average_seeds` returns them. A row is what `compare` returns, with `against`,
    `queries`, `groups`, `decides`, `verdict`, and the mean of each ranking in `means`.
    """
    rows = [
        compare_with_best(queries, rankings, variant, seed)
        for variant in rankings.variants
        if has_values(queries, rankings.column(variant, "tuned"))
    ]
    return [{**row, "decides": number == 0} for number, row in enumerate(rows)]


def has_values(queries: pd.DataFrame, column: str) -> bool:
    return column in queries and bool(queries[column].notna().any())


def compare_with_best(
    queries: pd.DataFrame, rankings: Rankings, variant: str, seed: int
) -> dict[str, Any]:
    """Return the difference between `tuned` and the best ranking that needs no tuning.

    The best one has the highest mean over all queries with a value; the first in a tie.
    Queries of one group are drawn together.
    """
    measured = queries[queries[rankings.column(variant, "tuned")].notna()]
    means = {
        name: float(measured[rankings.column(variant, name)].mean())
        for name in (*rankings.before_tuning, "tuned")
        if has_values(measured, rankings.column(variant, name))
    }
    best = max((name for name in means if name != "tuned"), key=means.__getitem__)
    before, tuned = (
        measured[rankings.column(variant, name)].to_numpy(float) for name in (best, "tuned")
    )
    groups = measured["group"].tolist()
    difference = compare(before, tuned, f"{variant}{rankings.measure}", seed, groups)
    return {
        **difference,
        "against": best,
        "queries": len(measured),
        "groups": len(set(groups)),
        "means": means,
        "verdict": verdict(difference),
    }
