"""Each row samples from the softmax of its top tokens, with its own seed."""

from collections import Counter

import pytest
import torch

from findtune.rewriter.model.sampler import SeededTopKSampler


@pytest.mark.parametrize(
    ("scores", "top_k", "shares"),
    [
        ([1.0, 0.0, 2.0, -9.0, 1.5], 3, {0: 0.090, 2: 0.665, 4: 0.245}),  # softmax of twice these
        ([0.0, float("-inf"), 0.0], 50, {0: 0.5, 2: 0.5}),
        ([1.0, 1.1, 0.9], 1, {1: 1}),
    ],
)
def test_tokens_are_sampled_from_the_softmax_of_the_top_k(
    scores: list[float], top_k: int, shares: dict[int, float]
) -> None:
    sampler = SeededTopKSampler(range(200), top_k=top_k, temperature=0.5)
    counts: Counter[int] = Counter()
    for _ in range(100):
        counts.update(sampler.choose(torch.tensor([scores] * 200), torch.arange(200)).tolist())
    sampled = {token: count / 20_000 for token, count in counts.items()}
    assert sampled == pytest.approx(shares, abs=0.02)
