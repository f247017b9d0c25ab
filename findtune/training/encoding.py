"""Encoding each distinct text of a training batch once, without padding.

Normally the columns of a batch are padded to their longest text. On real lists a quarter of the
tokens is then padding, and a document that two rows share is encoded twice. Here the distinct texts
of the batch are concatenated. The vectors are the same.

Activations of the forward pass are kept for the backward pass: about 0.4 MB per token in a small
model. Beyond a limit they are recomputed instead (Chen et al. 2016, Training Deep Nets with
Sublinear Memory Cost), so memory does not grow with lists and texts.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from sentence_transformers import CrossEncoder, SentenceTransformer
from sentence_transformers.util import all_gather_with_grad
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.checkpoint import checkpoint

from findtune.retrieval import unpadded_attention
from findtune.retrieval.encoding import (
    Features,
    Tokens,
    batches,
    can_be_unpadded,
    encode_unpadded,
    tokens_together,
    without_padding,
)
from findtune.training import ranks

CHUNK = 16  # texts encoded together if a model needs padding
KEPT_TOKENS = 8192  # of a batch, whose activations are kept; those of others are recomputed
KEPT_TOKENS_ON_GPU = 32_768  # 13 GB in a small model

EncodePart = Callable[[SentenceTransformer, Sequence[Tokens]], Tensor]


class LossOfTexts(torch.nn.Module):
    """A loss of sentence-transformers that gets its vectors from `encode_columns`."""

    def __init__(self, loss: Any) -> None:
        super().__init__()
        self.loss, self.model = loss, loss.model

    def forward(self, columns: Iterable[Features], labels: Tensor) -> Tensor:
        """Return the mean loss of a batch."""
        vectors = encode_columns(self.model, list(columns))
        loss: Tensor = self.loss.compute_loss_from_embeddings(vectors, labels)
        return loss


def encode_columns(model: Any, columns: Sequence[Features]) -> list[Tensor]:
    """Return the vectors of each column of a batch, (rows, dimensions) each, with gradients."""
    texts = [text for column in columns for text in without_padding(column)]
    distinct = sorted(set(texts), key=lambda text: (-len(text), text))
    vectors = encode_in_ranks(model, distinct)
    rows = {text: row for row, text in enumerate(distinct)}
    encoded = vectors[[rows[text] for text in texts]]
    return list(torch.split(encoded, [len(column["input_ids"]) for column in columns]))


def encode_in_ranks(model: Any, texts: Sequence[Tokens]) -> Tensor:
    """Return the vectors of texts, sorted by length; each rank encodes its share of them.

    So all ranks compute the loss of the whole batch, and each gradient flows back to the rank that
    encoded the text. Copies of the last text make the shares equal; their vectors are dropped.
    """
    size = ranks.count()
    if size == 1:
        return encode(model, texts)
    filled = [*texts, *[texts[-1]] * (-len(texts) % size)]
    own = encode(Replica(model), filled[ranks.number() :: size])
    by_rank = all_gather_with_grad(own).view(size, len(own), -1)
    return by_rank.transpose(0, 1).flatten(0, 1)[: len(texts)]


class Replica:
    """A model wrapped by DistributedDataParallel, with the attributes that `encode` needs."""

    def __init__(self, wrapped: Any) -> None:
        self.wrapped, self.model = wrapped, wrapped.module
        self.device, self.tokenizer = self.model.device, self.model.tokenizer

    def __getitem__(self, position: int) -> Any:
        return self.model[position]

    def __call__(self, features: Features) -> Any:
        """Return the model's output through the wrapper, which synchronizes the gradients."""
        return self.wrapped(features)


def encode(model: Any, texts: Sequence[Tokens]) -> Tensor:
    """Return the vectors of texts, given as tokens and sorted by length, (texts, dimensions)."""
    transformer: Any = model[0].model
    if transformer.config._attn_implementation == unpadded_attention.NAME:
        # with several ranks nothing is recomputed, so parts would save no memory
        limit = tokens_together(model.device)
        parts = batches(texts, limit) if ranks.count() == 1 else [texts]
        return encode_parts(encode_unpadded, model, parts)
    chunks = (texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK))
    return encode_parts(encode_padded, model, chunks)


def encode_parts(
    encode_part: EncodePart, model: SentenceTransformer, parts: Iterable[Sequence[Tokens]]
) -> Tensor:
    """Return the vectors of all parts; beyond the kept tokens the backward pass recomputes them."""
    vectors, tokens = [], 0
    kept = KEPT_TOKENS if model.device.type == "cpu" else KEPT_TOKENS_ON_GPU
    for part in parts:
        tokens += len(part) * len(part[0])  # counts padding: the first text is the longest
        if tokens <= kept or ranks.count() > 1:
            vectors.append(encode_part(model, part))
        else:
            vectors.append(checkpoint(encode_part, model, part, use_reentrant=False))
    return torch.cat(vectors)


def encode_padded(model: Any, texts: Sequence[Tokens]) -> Tensor:
    """Return the vectors of texts of similar length, (texts, dimensions)."""
    tokens = [torch.tensor(text, device=model.device) for text in texts]
    features = {
        "input_ids": pad_sequence(
            tokens, batch_first=True, padding_value=model.tokenizer.pad_token_id
        ),
        "attention_mask": pad_sequence(
            [torch.ones_like(text) for text in tokens], batch_first=True
        ),
    }
    vectors: Tensor = model(features)["sentence_embedding"]
    return vectors


@contextmanager
def fast_layers(model: SentenceTransformer | CrossEncoder) -> Iterator[None]:
    """Let a model train without dropout and with fast attention, then put both back.

    Without dropout, a few hundred steps from good weights overfit little, and drawing its random
    numbers takes a sixth of a step on a CPU. In bf16 on a CPU, the backward pass of fused attention
    is slower than that of plain matrix products.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, torch.nn.Dropout)]
    shares = [layer.p for layer in layers]
    transformer: Any = model[0].model
    attention = transformer.config._attn_implementation
    for layer in layers:
        layer.p = 0.0
    transformer.set_attn_implementation(
        unpadded_attention.NAME if can_be_unpadded(model) else "eager"
    )
    try:
        yield
    finally:
        for layer, share in zip(layers, shares, strict=True):
            layer.p = share
        transformer.set_attn_implementation(attention)
