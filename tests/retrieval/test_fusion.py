"""Several rankings become one by the sum of the reciprocals of their ranks."""

from typing import Any

import pytest

from findtune.retrieval.fusion import reciprocal_rank_fusion

WEIGHTED = ["a", "b", "ba"]  # with constant 10, a: weight/11 + 1/12, b: 1/11 + 1/11


@pytest.mark.parametrize(
    ("rankings", "rank_constant", "weight", "expected"),
    [
        # a: 1/61 + 1/63 = 0.0323, b: 1/62 + 1/61 = 0.0325, c: 1/63 = 0.0159, d: 1/62 = 0.0161
        (["abc", "bda"], 60, 1, "badc"),
        (["ab", "cb"], 60, 1, "bac"),  # in two rankings beats first in one
        (["abx", "cdx"], 0, 1, "acxbd"),  # not so with a small constant
        (["ba", "dc", "f"], 10, 1, "bdfac"),  # equal sums: the earlier ranking first
        (["ba", "ab"], 10, 1, "ba"),
        (["abc", "cab", "bca"], 2, 1, "abc"),  # equal sums in any order of their terms
        (WEIGHTED, 10, 1, "ba"),
        (WEIGHTED, 10, 2, "ab"),
        (["a", "b"], 10, 0.5, "ba"),
        (["", "a"], 60, 1, "a"),
        ([], 60, 1, ""),
    ],
)
def test_documents_are_ranked_by_the_sum_of_reciprocal_ranks(
    rankings: Any, rank_constant: int, weight: float, expected: str
) -> None:
    assert reciprocal_rank_fusion(rankings, rank_constant, weight) == [*expected]
