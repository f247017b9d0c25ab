"""Encoding the texts of a training batch with little padding and no text twice.

The columns of a batch are padded to their longest text. On real lists a quarter of the tokens is
then padding, and a document that two rows share is encoded twice. Here all texts of the batch are
sorted by length and encoded in chunks of similar length. The vectors are the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from sentence_transformers import CrossEncoder, SentenceTransformer
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

CHUNK = 16  # texts

Features = Mapping[str, Tensor]  # input_ids and attention_mask, (rows, tokens)


def encode_columns(model: SentenceTransformer, columns: Sequence[Features]) -> list[Tensor]:
    """Return the vectors of each column of a batch, (rows, dimensions) each, with gradients."""
    texts = [text for column in columns for text in without_padding(column)]
    distinct = list(dict.fromkeys(texts))
    vectors = encode(model, distinct)
    rows = {text: row for row, text in enumerate(distinct)}
    encoded = vectors[[rows[text] for text in texts]]
    return list(torch.split(encoded, [len(column["input_ids"]) for column in columns]))


def without_padding(column: Features) -> list[tuple[int, ...]]:
    """Return the tokens of each text of a column."""
    pairs = zip(column["input_ids"], column["attention_mask"], strict=True)
    return [tuple(tokens[mask.bool()].tolist()) for tokens, mask in pairs]


def encode(model: SentenceTransformer, texts: Sequence[tuple[int, ...]]) -> Tensor:
    """Return the vectors of some texts, given as tokens, (texts, dimensions)."""
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]), reverse=True)
    chunks = [order[start : start + CHUNK] for start in range(0, len(order), CHUNK)]
    vectors = torch.cat([encode_chunk(model, [texts[row] for row in chunk]) for chunk in chunks])
    back = torch.empty(len(order), dtype=torch.long)
    back[order] = torch.arange(len(order))
    return vectors[back]


def encode_chunk(model: SentenceTransformer, texts: Sequence[tuple[int, ...]]) -> Tensor:
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
    """Let a model train without dropout and with plain attention, then put both back.

    A few hundred steps from good weights overfit little without dropout, and drawing its random
    numbers takes a sixth of a step on a CPU. In bf16 the backward pass of fused attention is slower
    there than that of plain matrix products.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, torch.nn.Dropout)]
    shares = [layer.p for layer in layers]
    transformer: Any = model[0].model
    attention = transformer.config._attn_implementation
    for layer in layers:
        layer.p = 0.0
    transformer.set_attn_implementation("eager")
    try:
        yield
    finally:
        for layer, share in zip(layers, shares, strict=True):
            layer.p = share
        transformer.set_attn_implementation(attention)
