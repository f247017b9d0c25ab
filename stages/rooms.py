"""The three models, and the module of each that a stage calls."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

MODELS = ("embedder", "reranker", "rewriter")
# What is loaded from findtune/MODEL/. The modules of a model import torch, so a stage loads
# only the one it needs, and only after the command line is parsed.
CELLS = {
    "prepare": "prepare.examples",
    "training": "training.fit",
    "evaluation": "evaluation.evaluate",
}


def load(model: str, cell: str) -> ModuleType:
    """Return a model's module with the functions of one cell."""
    return import_module(f"findtune.{model}.{CELLS[cell]}")


def base_folders(model: str, size: str) -> dict[str, Path]:
    """Return the folders of the base models that a model is trained and compared with."""
    return {name: Path("models", "base", name, size) for name in ("embedder", model)}
