"""The verdict on a tuned model: WIN, INCONCLUSIVE or REGRESSION."""

from collections.abc import Mapping
from typing import Any

ALPHA = 0.05  # the largest p-value that a WIN or a REGRESSION may have


def verdict(difference: Mapping[str, Any]) -> str:
    """Return WIN or REGRESSION when the 95 % interval excludes zero, else INCONCLUSIVE.

    difference: as `significance.compare` returns it. Its p-value must agree with the interval,
    since a bootstrap over few queries is overconfident.
    """
    significant = difference.get("p_value", 0.0) < ALPHA
    if significant and difference["ci_low"] > 0:
        return "WIN"
    return "REGRESSION" if significant and difference["ci_high"] < 0 else "INCONCLUSIVE"
