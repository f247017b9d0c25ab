"""Loading a cross-encoder, and predicting its logits for the documents of a list."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import CrossEncoder
from torch.nn import Identity
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging

from findtune.bases.safety import refuse_unsafe
from findtune.core.files import read_json
from findtune.core.records import Record
from findtune.reranker.model.jina.loading import load_cross_encoder
from findtune.reranker.model.ranked_lists import document_texts

BATCH_SIZE = 64

Array = np.ndarray


def load_or_create(folder: Path, max_length: int, seed: int) -> CrossEncoder:
    """Return the cross-encoder in a folder; a plain encoder gets a new head, initialized by seed.

    Raises UnsafeModelError when the folder holds a pickle, code or a broken file.
    """
    refuse_unsafe(folder)
    if has_head(folder):
        return load(folder, max_length)
    torch.manual_seed(seed)
    # transformers would warn about the new head, which is intended
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=1, dtype=torch.float32, use_safetensors=True, local_files_only=True
    )
    logging.set_verbosity_warning()  # type: ignore[no-untyped-call]
    with tempfile.TemporaryDirectory() as scratch:
        model.save_pretrained(scratch)
        AutoTokenizer.from_pretrained(folder, local_files_only=True).save_pretrained(scratch)
        return load(Path(scratch), max_length)


def load(folder: Path, max_length: int) -> CrossEncoder:
    """Return the cross-encoder in a folder; it reads max_length tokens, or fewer if it must."""
    model = load_cross_encoder(folder, max_length)
    positions: int = getattr(model.config, "max_position_embeddings", max_length)
    model.max_seq_length = min(max_length, positions)
    return model


def has_head(folder: Path) -> bool:
    """Return whether the model in a folder is a classifier, according to its config."""
    architectures = read_json(folder / "config.json").get("architectures") or []
    return any(name.endswith("ForSequenceClassification") for name in architectures)


def predict_logits(
    model: CrossEncoder, lists: Sequence[Record], *, progress: bool = False
) -> list[Array]:
    """Return the logits of each list, (documents,)."""
    pairs = [
        (ranked_list["query"], text)
        for ranked_list in lists
        for text in document_texts(ranked_list)
    ]
    if not pairs:
        return [np.zeros(0, dtype=np.float32) for _ in lists]
    logits = model.predict(
        pairs,
        batch_size=BATCH_SIZE,
        activation_fn=Identity(),
        convert_to_numpy=True,
        show_progress_bar=progress,
    ).astype(np.float32)
    sizes = [len(ranked_list["documents"]) for ranked_list in lists]
    return np.split(logits, np.cumsum(sizes)[:-1])
