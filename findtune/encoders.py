"""Loading a sentence encoder so that nothing in its folder can run."""

from pathlib import Path

from sentence_transformers import SentenceTransformer
from transformers.utils import logging

from findtune.bases import refuse_unsafe


def load(folder: Path) -> SentenceTransformer:
    """Return the model in a folder, in fp32, with nothing loaded that could run.

    Raises UnsafeModelError when the folder holds a pickle, code or a broken file.
    """
    refuse_unsafe(folder)
    # a tenth of a second of reading needs no bar
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    return SentenceTransformer(
        str(folder),
        local_files_only=True,
        trust_remote_code=False,
        model_kwargs={"use_safetensors": True, "dtype": "float32"},
    )
