"""Sampling tokens so that a sample depends only on its own seed.

The other questions of a batch affect only the rounding of the logits.
"""

from collections.abc import Iterable
from hashlib import blake2b

import torch

from findtune.rewriter.model.settings import Generation

MIN_UNIFORM, MAX_UNIFORM = 1e-9, 1 - 1e-7  # so that the noise's two logarithms are finite


class SeededTopKSampler:
    """Samples each row's next token with the row's own random generator.

    Adding Gumbel noise to the logits and taking the largest samples from their softmax. Sources:
    Gumbel 1954; Maddison et al., NeurIPS 2014.
    """

    def __init__(self, seeds: Iterable[int], *, top_k: int, temperature: float) -> None:
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.top_k, self.temperature = top_k, temperature

    def choose(self, scores: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Return the token that each row samples, (rows,).

        scores: (rows, vocabulary); rows: the number of each row, which selects its generator.
        """
        top_k = min(self.top_k, scores.shape[-1])
        top = scores.float().topk(top_k, dim=-1)
        generators = [self.generators[row] for row in rows.tolist()]
        uniform = torch.stack([torch.rand(top_k, generator=each) for each in generators])
        gumbel = -torch.log(-torch.log(uniform.clamp(MIN_UNIFORM, MAX_UNIFORM)))
        sampled = (top.values / self.temperature + gumbel.to(scores.device)).argmax(-1)
        return top.indices.gather(1, sampled[:, None])[:, 0]


def sample_seeds(question: str, seed: int, generation: Generation) -> list[int]:
    """Return one seed for each sample of a question."""
    return [
        int.from_bytes(
            blake2b(f"{seed} {sample} {question}".encode(), digest_size=7).digest(), "big"
        )
        for sample in range(generation.num_return_sequences)
    ]
