"""Generating rows of tokens in parallel, and dropping each row when it ends.

`generate` of transformers computes every row until the longest one ends. Half of the rewrites are
half as long as the longest, so dropping them saves a third of the work.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch
from transformers import Cache, DynamicCache, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from findtune.rewriter.model.shared_prompt import SharedPrompts

# Takes scores, (rows, vocabulary), and the rows' numbers, and returns one token each, (rows,).
Choose = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Decoder(Protocol):
    """A model that has read the questions and writes all rows, one token at a time."""

    first_tokens: torch.Tensor  # the token before the first new one, (rows,)

    def score(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the scores of each row's next token, (rows, vocabulary).

        tokens: each row's previous token, (rows,).
        """

    def keep(self, rows: torch.Tensor) -> None:
        """Continue with these rows only; rows: positions among the rows that are left."""


@dataclass
class CausalDecoder:
    """A causal model that has read all tokens of the questions except the last.

    prompts: what it has read; positions: those of the rows' next tokens, (rows,); cache: of the
    tokens that the rows have written.
    """

    model: PreTrainedModel
    first_tokens: torch.Tensor
    prompts: SharedPrompts
    positions: torch.Tensor
    cache: Cache = field(default_factory=DynamicCache)

    def score(self, tokens: torch.Tensor) -> torch.Tensor:
        output = self.model(
            input_ids=tokens[:, None],
            position_ids=self.positions[:, None],
            past_key_values=self.cache,
            use_cache=True,
            prompts=self.prompts,
        )
        self.positions = self.positions + 1
        scores: torch.Tensor = output.logits[:, -1]
        return scores

    def keep(self, rows: torch.Tensor) -> None:
        self.positions = self.positions[rows]
        self.prompts.keep(rows)
        self.cache.batch_select_indices(rows)


@dataclass
class Seq2SeqDecoder:
    """A decoder with the hidden states of its encoder, (rows, tokens, dimensions)."""

    model: PreTrainedModel
    first_tokens: torch.Tensor
    attention_mask: torch.Tensor
    encoded: torch.Tensor
    cache: Cache | None = None

    def score(self, tokens: torch.Tensor) -> torch.Tensor:
        output = self.model(
            encoder_outputs=BaseModelOutput(last_hidden_state=self.encoded),
            attention_mask=self.attention_mask,
            decoder_input_ids=tokens[:, None],
            past_key_values=self.cache,
            use_cache=True,
        )
        self.cache = output.past_key_values
        scores: torch.Tensor = output.logits[:, -1]
        return scores

    def keep(self, rows: torch.Tensor) -> None:
        self.attention_mask, self.encoded = self.attention_mask[rows], self.encoded[rows]
        if self.cache is not None:
            self.cache.batch_select_indices(rows)


def write_rows(
    decoder: Decoder, choose: Choose, end_tokens: torch.Tensor, max_new_tokens: int
) -> list[list[int]]:
    """Return the tokens that each row writes before an end token, at most max_new_tokens."""
    tokens = decoder.first_tokens
    rows = torch.arange(len(tokens), device=tokens.device)
    written: list[list[int]] = [[] for _ in rows]
    for _ in range(max_new_tokens):
        tokens = choose(decoder.score(tokens), rows)
        unfinished = torch.isin(tokens, end_tokens, invert=True).nonzero().flatten()
        if len(unfinished) < len(rows):
            rows, tokens = rows[unfinished], tokens[unfinished]
            decoder.keep(unfinished)
        for row, token in zip(rows.tolist(), tokens.tolist(), strict=True):
            written[row].append(token)
        if not len(rows):
            break
    return written
