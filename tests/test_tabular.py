"""A model's measures, as people read them."""

from typing import Any

import pytest

from findtune.tabular import sentence, table

GAIN = {"measure": "ndcg@10", "mean": 0.1, "ci_low": 0.05, "ci_high": 0.15}
TOLD = "- ndcg@10 +0.1000, 95 % interval [+0.0500, +0.1500]"


@pytest.mark.parametrize(
    ("key", "more", "of"),
    [
        ("delta", {}, ""),
        ("delta_best", {"against": "bi_encoder"}, " (over bi-encoder)"),
        ("delta_small", {"queries": 7}, " (small: 7 queries)"),
        ("delta_seen", {"queries": 7, "against": "base"}, " (over base, seen: 7 queries)"),
        ("delta_pairs", {"pairs": 40}, " (40 pairs)"),
        ("delta_pairs_unseen", {"pairs": 30}, " (unseen: 30 pairs)"),
        ("judged_delta", {"against": "base"}, " (over base, graded)"),
    ],
)
def test_a_gain_is_told_with_its_interval_and_of_what_it_is(
    key: str, more: dict[str, Any], of: str
) -> None:
    assert sentence(key, GAIN | more) == TOLD + of


def test_the_gain_of_a_row_is_over_the_base() -> None:
    measures = {"original": 0.7, "base": 0.2, "tuned": 0.5}
    metrics: dict[str, Any] = {name: {"recall@10": it} for name, it in measures.items()}
    metrics |= {"verdict": "WIN", "queries": 9, "interpolation": 1.0}
    lines = table("rewriter/small", metrics).splitlines()
    assert lines[0] == "| rewriter/small | original | base | tuned | gain | |"
    assert lines[2].startswith("| recall@10 | 0.7000 | 0.2000 | 0.5000 | +0.3000 | share of the")
    assert lines[-1] == "**WIN** over 9 queries; interpolation 1."
    kept = table("rewriter/small", metrics | {"interpolation": 0.0}).splitlines()[-1]
    assert kept == "**WIN** over 9 queries; interpolation 0 (the base's own weights)."
