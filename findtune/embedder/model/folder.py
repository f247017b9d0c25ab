"""The folder of a tuned embedder: what ships, and what test may judge.

FOLDER                  the model that ships
FOLDER/before_refit     only after a refit: the model that has not learned the held-out texts
"""

from pathlib import Path

from sentence_transformers import SentenceTransformer

BEFORE_REFIT = "before_refit"


def save_models(shipped: SentenceTransformer, evaluated: SentenceTransformer, folder: Path) -> None:
    """Write the model that ships and, if it is another one, the model that test may judge.

    The library's model card, which shows training rows, is not written.
    """
    shipped.save_pretrained(str(folder), create_model_card=False)
    if evaluated is not shipped:
        evaluated.save_pretrained(str(folder / BEFORE_REFIT), create_model_card=False)


def evaluated_folder(folder: Path) -> Path:
    """Return where the model lies that test may judge."""
    before = folder / BEFORE_REFIT
    return before if before.exists() else folder
