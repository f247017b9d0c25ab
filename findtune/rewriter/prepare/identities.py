"""How many of the questions that no search beat are learned as their own rewrite."""

from collections.abc import Sequence


def identity_threshold(fractions: Sequence[float], targets: int, max_share: float) -> float:
    """Return the hash fraction below which unbeaten questions are learned.

    fractions: the hash fraction of each unbeaten question of train, in [0, 1); targets: the number
    of train's other targets; max_share: the largest share of unbeaten questions among all targets.
    """
    limit = int(targets * max_share / (1 - max_share))
    ordered = sorted(fractions)
    return 1.0 if len(ordered) <= limit else ordered[limit]
