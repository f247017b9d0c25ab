"""Choosing the weights that are released, on dev.

Dev is small, so scores within one standard error of the best count as equal. Of equal evaluations
during training, the last one is kept; of equal interpolations, the one nearest to the base, which
forgets least.

For the same reason a guard measure is broken only when its loss, on the same pairs or queries as
the base, exceeds the tolerance by more than one standard error. A loss of more than three
tolerances always breaks it.
"""

from collections.abc import Sequence

from findtune.training.callback import DevResult
from findtune.training.selection import is_real_loss

SCORED = ("ndcg@10", "feedback_ndcg@10", "pairs_spearman")  # the score of dev is their mean
MAX_COSINE_RISE = 0.1  # of random_cosine, from the base to the released model

Row = dict[str, float]


def is_as_good(result: DevResult, best: DevResult) -> bool:
    """Return whether a result during training is at most one standard error below the best."""
    return result.score >= best.score - result.measures["error"]


def select_interpolation(sweep: Sequence[Row], guard_tolerance: float) -> Row:
    """Return the best row of the sweep that loses nothing; the base, row 0, always qualifies.

    Of rows within one standard error of the best, it is the one nearest to the base.
    """
    base = next(row for row in sweep if row["interpolation"] == 0)
    safe = [row for row in sweep if loses_nothing(row, base, guard_tolerance)]
    top = max(safe, key=lambda row: row["score"])
    threshold = top["score"] - top["error"]
    as_good = [row for row in safe if row["score"] >= threshold and row["score"] > base["score"]]
    return min(as_good or [base], key=lambda row: row["interpolation"])


def loses_nothing(row: Row, base: Row, guard_tolerance: float) -> bool:
    """Return whether no scored measure is below the base's, and no guard measure is broken.

    Measures that dev can't compute are in neither row.
    """
    return keeps_general_english(row, base, guard_tolerance) and all(
        row[name] >= base[name] for name in SCORED if name in row
    )


def keeps_general_english(row: Row, base: Row, guard_tolerance: float) -> bool:
    """Return whether no guard measure is broken, and random texts have not become similar.

    row: its key error_MEASURE is the standard error of the measure's difference from the base.
    """
    broken = [
        is_real_loss(base[name] - row[name], row[f"error_{name}"], guard_tolerance)
        for name in row
        if name.startswith("guard_")
    ]
    return not any(broken) and row["random_cosine"] <= base["random_cosine"] + MAX_COSINE_RISE
