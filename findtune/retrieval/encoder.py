"""Loading a sentence encoder so that nothing in its folder can run code."""

from pathlib import Path

from sentence_transformers import SentenceTransformer
from transformers.utils import logging

from findtune.bases.safety import refuse_unsafe


def load_encoder(folder: Path) -> SentenceTransformer:
    """Return the sentence encoder in a folder, in fp32.

    Raises UnsafeModelError when the folder holds a pickle, code or a broken file.
    """
    refuse_unsafe(folder)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # loading takes 0.1 s
    return SentenceTransformer(
        str(folder),
        local_files_only=True,
        trust_remote_code=False,
        model_kwargs={"use_safetensors": True, "dtype": "float32"},
    )
