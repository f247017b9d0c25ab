"""Encoding texts as unit vectors; on a CPU, without padding between them.

`SentenceTransformer.encode` pads the texts of a batch to the longest. A list has short titles and
long documents, so half of its tokens would be padding. Here the texts are concatenated. The vectors
are the same, within rounding.
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
from findtune.retrieval.onednn import by_onednn

BATCH_SIZE = 64  # texts, if a model or a device needs padding
MAX_TOKENS = 2048  # in a batch: more do not fit into a processor's cache
MAX_TOKENS_ON_GPU = 16_384  # in a batch: fewer do not keep a GPU busy
TOKENIZED = 4096  # texts whose tokens are in memory at once
MANY = 20_000  # texts: minutes on one processor, so starting a cluster pays

Array = np.ndarray
Features = Mapping[str, Tensor]  # input_ids and attention_mask, (rows, tokens)
Tokens = tuple[int, ...]  # of one text


def encode_texts(
    encoder: SentenceTransformer, texts: Sequence[str], *, progress: bool = False
) -> Array:
    """Return the unit vectors of texts, (texts, dimensions), fp32.

    encoder: or any object with its `encode` method.
    """
    if texts and reads_unpadded(encoder):
        if len(texts) >= MANY and runs_on_ray():
            return encode_on_cluster(encoder, texts)
        return encode_without_padding(encoder, texts, progress=progress)
    return encoder.encode(
        list(texts), batch_size=BATCH_SIZE, normalize_embeddings=True, show_progress_bar=progress
    ).astype(np.float32)


def encode_on_cluster(encoder: SentenceTransformer, texts: Sequence[str]) -> Array:
    """Return the unit vectors of texts, encoded in shards by the machines of a cluster.

    Shards are the same pieces in which one machine tokenizes the texts, so the vectors are the same
    on the same kind of processor. Raises InputError as `ordered_map` does.
    """
    starts = range(0, len(texts), TOKENIZED)
    shards = (list(texts[start : start + TOKENIZED]) for start in starts)
    encode: Callable[[list[str]], Array] = partial(encode_without_padding, encoder)
    return np.concatenate([*ordered_map(encode, shards, number_of_processes(MIN_BYTES))])


def reads_unpadded(encoder: SentenceTransformer) -> bool:
    """Return whether texts can be concatenated; if so, set the encoder's attention for that.

    On a GPU the library encodes, since it has FlashAttention there. The library also encodes if the
    encoder puts a prompt before each text, or truncates its vectors.
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
    """Return the unit vectors of texts, encoded without padding, (texts, dimensions)."""
    encoder.eval()
    vectors: list[Tensor] = []
    with by_onednn(encoder), tqdm(total=len(texts), disable=not progress) as bar:
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
    """Return the largest number of tokens in a batch on a device."""
    return MAX_TOKENS if device.type == "cpu" else MAX_TOKENS_ON_GPU


def batches(texts: Sequence[Tokens], limit: int) -> Iterator[Sequence[Tokens]]:
    """Yield texts in batches of at most `limit` tokens; a longer text is a batch of its own."""
    start, size = 0, 0
    for row, text in enumerate(texts):
        if row > start and size + len(text) > limit:
            yield texts[start:row]
            start, size = row, 0
        size += len(text)
    yield texts[start:]


def encode_unpadded(model: SentenceTransformer, texts: Sequence[Tokens]) -> Tensor:
    """Return the vectors of texts that are concatenated, (texts, dimensions).

    The model's attention must be `unpadded_attention`.
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
        "cu_seq_lens_q": starts.to(model.device),  # bounds of the texts, for pooling
        "blocks": unpadded_attention.cut(lengths, model.device),
    }
    vectors: Tensor = model(features)["sentence_embedding"]
    return vectors


def without_padding(column: Features) -> list[Tokens]:
    """Return the tokens of each text of a column."""
    rows, masks = column["input_ids"].cpu(), column["attention_mask"].cpu().bool()  # one wait each
    return [tuple(tokens[mask].tolist()) for tokens, mask in zip(rows, masks, strict=True)]


def can_be_unpadded(model: object) -> bool:
    """Return whether a model mixes tokens only in attention, and that attention can be replaced.

    Our attention lets each token attend to its whole text. Decoders attend only to earlier tokens,
    some encoders only to a window, some share keys among heads, and MobileBERT joins each token's
    vector with those of its neighbours; for all of these, texts are padded.
    """
    if not isinstance(model, SentenceTransformer):
        return False
    transformer = getattr(model[0], "model", None)
    if not isinstance(transformer, PreTrainedModel):  # such as a model in another runtime
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
