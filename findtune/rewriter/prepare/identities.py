"""How many questions that no search beat may be learned as their own rewrite."""

from collections.abc import Sequence


def identity_threshold(fractions: Sequence[float], targets: int, max_share: float) -> float:
    """Return the hash fraction below which unbeaten questions are learned.

    fractions: of each unbeaten question of train, in [0, 1); targets: how many other targets train
    has; max_share: of the unbeaten questions among all targets.
    """
    limit = int(targets * max_share / (1 - max_share))
    ordered = sorted(fractions)
    return 1.0 if len(ordered) <= limit else ordered[limit]
