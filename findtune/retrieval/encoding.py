"""Encoding texts as unit vectors, on a CPU without padding between them.

`SentenceTransformer.encode` pads the texts of a batch to the longest. A list has short titles and
long documents, so half of its tokens would be padding. Here the texts lie one behind the other.
The vectors are the same, within rounding.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor
from torch.nn.functional import normalize
from tqdm import tqdm  # type: ignore[import-untyped]
from transformers import PreTrainedModel

from findtune.core.processes import MIN_BYTES, number_of_processes, ordered_map, runs_on_ray
from findtune.retrieval import unpadded_attention

BATCH_SIZE = 64  # texts, where a model or a device needs padding
MAX_TOKENS = 2048  # read together: more of them no longer fit a processor's cache
MAX_TOKENS_ON_GPU = 16_384  # fewer do not fill it
TOKENIZED = 4096  # texts whose tokens are in memory at once
MANY = 20_000  # texts, which take a processor minutes, so that a cluster is worth its start

Array = np.ndarray
Features = Mapping[str, Tensor]  # input_ids and attention_mask, (rows, tokens)
Tokens = tuple[int, ...]  # of one text


def encode_texts(
    encoder: SentenceTransformer, texts: Sequence[str], *, progress: bool = False
) -> Array:
    """Return the unit vectors of texts, (texts, dimensions), fp32.

    encoder: or what stands in for one, of which only `encode` is called.
    """
    if texts and reads_unpadded(encoder):
        if len(texts) >= MANY and runs_on_ray():
            return encode_on_cluster(encoder, texts)
        return encode_without_padding(encoder, texts, progress=progress)
    return encoder.encode(
        list(texts), batch_size=BATCH_SIZE, normalize_embeddings=True, show_progress_bar=progress
    ).astype(np.float32)


def encode_on_cluster(encoder: SentenceTransformer, texts: Sequence[str]) -> Array:
    """Return the unit vectors of texts, of which the machines of a cluster encode shards.

    A shard has the texts whose tokens are in memory at once here too, so the vectors are the same
    on the same kind of processor. Raises InputError as `ordered_map` does.
    """
    starts = range(0, len(texts), TOKENIZED)
    shards = (list(texts[start : start + TOKENIZED]) for start in starts)
    encode: Callable[[list[str]], Array] = partial(encode_without_padding, encoder)
    return np.concatenate([*ordered_map(encode, shards, number_of_processes(MIN_BYTES))])


def reads_unpadded(encoder: SentenceTransformer) -> bool:
    """Return whether texts may lie one behind the other; the encoder's attention is set for that.

    A GPU pads, since the library has FlashAttention for it. An encoder that puts a prompt before
    each text, or cuts its vectors, is left to the library, too.
    """
    if not isinstance(encoder, SentenceTransformer) or encoder.device.type != "cpu":
        return False
    if encoder.default_prompt_name or encoder.truncate_dim or not can_be_unpadded(encoder):
        return False
    transformer: Any = cast(Any, encoder[0]).model
    if transformer.config._attn_implementation != unpadded_attention.NAME:
        transformer.set_attn_implementation(unpadded_attention.NAME)  # the same for padded texts
    return True


@torch.inference_mode()
def encode_without_padding(
    encoder: SentenceTransformer, texts: Sequence[str], *, progress: bool = False
) -> Array:
    """Return the unit vectors of texts that lie one behind the other, (texts, dimensions)."""
    encoder.eval()
    vectors: list[Tensor] = []
    with tqdm(total=len(texts), disable=not progress) as bar:
        for start in range(0, len(texts), TOKENIZED):
            features = encoder.preprocess(list(texts[start : start + TOKENIZED]))
            tokens = without_padding(features)
            order = sorted(range(len(tokens)), key=lambda row: len(tokens[row]))
            encoded = []
            for batch in batches([tokens[row] for row in order], MAX_TOKENS):
                encoded.append(encode_unpadded(encoder, batch))
                bar.update(len(batch))
            vectors.append(torch.cat(encoded)[np.argsort(order)])
    unit: Array = normalize(torch.cat(vectors).float(), dim=1).numpy()
    return unit


def tokens_together(device: torch.device) -> int:
    """Return how many tokens a device reads together, at most."""
    return MAX_TOKENS if device.type == "cpu" else MAX_TOKENS_ON_GPU


def batches(texts: Sequence[Tokens], limit: int) -> Iterator[Sequence[Tokens]]:
    """Yield texts in batches of at most `limit` tokens, or of one text."""
    start, size = 0, 0
    for row, text in enumerate(texts):
        if row > start and size + len(text) > limit:
            yield texts[start:row]
            start, size = row, 0
        size += len(text)
    yield texts[start:]


def encode_unpadded(model: SentenceTransformer, texts: Sequence[Tokens]) -> Tensor:
    """Return the vectors of texts that lie one behind the other, (texts, dimensions).

    The model's attention must be the unpadded one.
    """
    lengths = [len(text) for text in texts]
    reader: Any = model[0]
    first_position = reader._infer_flatten_position_offset()
    positions = torch.cat([torch.arange(length) for length in lengths]) + first_position
    tokens = torch.tensor([token for text in texts for token in text])
    starts = torch.tensor([0, *lengths]).cumsum(0)
    features: dict[str, Any] = {
        "input_ids": tokens.unsqueeze(0).to(model.device),
        "position_ids": positions.unsqueeze(0).to(model.device),
        "cu_seq_lens_q": starts.to(model.device),  # by which the vectors are pooled
        "blocks": unpadded_attention.cut(lengths, model.device),
    }
    vectors: Tensor = model(features)["sentence_embedding"]
    return vectors


def without_padding(column: Features) -> list[Tokens]:
    """Return the tokens of each text of a column."""
    rows, masks = column["input_ids"].cpu(), column["attention_mask"].cpu().bool()  # one wait each
    return [tuple(tokens[mask].tolist()) for tokens, mask in zip(rows, masks, strict=True)]


def can_be_unpadded(model: object) -> bool:
    """Return whether a model reads single tokens except in attention that can be replaced.

    Here each token attends to all of its text. A decoder sees only what stands before, some
    encoders only a window, some share keys among heads, and MobileBERT puts each token's vector
    beside those of its neighbours; those are padded as before.
    """
    if not isinstance(model, SentenceTransformer):
        return False
    transformer = getattr(model[0], "model", None)
    if not isinstance(transformer, PreTrainedModel):  # such as one that another runtime computes
        return False
    config: Any = transformer.config.get_text_config()
    heads = config.num_attention_heads
    sees_all = not (
        any(getattr(layer, "is_causal", False) for layer in transformer.modules())
        or getattr(config, "sliding_window", None)
        or getattr(config, "trigram_input", False)
        or "sliding_attention" in (getattr(config, "layer_types", None) or ())
        or (getattr(config, "num_key_value_heads", None) or heads) != heads
    )
    return sees_all and bool(cast(Any, transformer).is_backend_compatible())
