"""The folder of a tuned embedder: the model that ships, and the model to evaluate on test.

FOLDER                  the model that ships
FOLDER/before_refit     only after a refit: the model that was not trained on the held-out texts
"""

from pathlib import Path

from sentence_transformers import SentenceTransformer

BEFORE_REFIT = "before_refit"


def save_models(shipped: SentenceTransformer, evaluated: SentenceTransformer, folder: Path) -> None:
    """Write the model that ships and, if it differs, the model to evaluate on test.

    The library's model card is not written, since it shows training rows.
    """
    shipped.save_pretrained(str(folder), create_model_card=False)
    if evaluated is not shipped:
        evaluated.save_pretrained(str(folder / BEFORE_REFIT), create_model_card=False)


def evaluated_folder(folder: Path) -> Path:
    """Return the folder of the model to evaluate on test."""
    before = folder / BEFORE_REFIT
    return before if before.exists() else folder
