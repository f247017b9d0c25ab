"""Clean data, examples and a recipe for the embedder, small enough to train in seconds."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from findtune.embedder.prepare.examples import PrepareSettings, write_examples
from findtune.ingest.clean_files import write_clean
from findtune.ingest.limits import IngestLimits

LABELS = {"name_description": 0.9, "further_description": 0.8, "curated": 0.7, "generated": 0.6}
SHARES = {"dev": 0.15, "test": 0.25, "fold": 0}


@pytest.fixture(scope="session")
def settings() -> dict[str, Any]:
    """The values of PrepareSettings; every alternative of a new variable is a query."""
    shares = dict.fromkeys(("wordings", "new_variables", "scored_pairs", "lists"), SHARES)
    negatives = {"query_share": 1, "hard_negatives": 1, "feedback_negatives": 2}
    sources = {"learn_from": ["catalog", "feedback"], "catalogs": ["small", "medium"]}
    return sources | {"labels": LABELS} | shares | negatives


@pytest.fixture(scope="session")
def recipe() -> dict[str, Any]:
    """The values of Recipe for a short training of the tiny base model."""
    batches = {
        "epochs": 4,
        "min_batches": 0,
        "batch_size": 8,
        "cosent_every": 1,
        "max_seq_length": 64,
    }
    optimizer = {"learning_rate": 1.0e-3, "warmup_ratio": 0.1, "weight_decay": 0.01, "scale": 20.0}
    dev = {"eval_steps": 0.25, "early_stopping_patience": 4, "dev_documents": 3000}
    # the eight guard pairs of a random encoder are noise
    selection = {"interpolation": [0.5, 1.0], "guard_tolerance": 1.0, "refit": False}
    feedback = {"feedback_batch_size": 8, "feedback_passes": 2}
    machine = {"precision": "fp32", "threads": 1}
    return {"recipe": "joint"} | batches | feedback | optimizer | dev | selection | machine


@pytest.fixture(scope="session")
def clean(ten_line_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus as a folder of clean data, without feedback."""
    folder = tmp_path_factory.mktemp("clean")
    limits, bar = IngestLimits(max_row_bytes=9999, max_rejected=0), SimpleNamespace(update=id)
    for kind in ("catalog", "sentence_pairs", "guard"):
        options = {"limits": limits, "progress_bar": lambda size: nullcontext(bar)}
        write_clean(kind, data=ten_line_corpus, out=folder, **options)
    for kind in ("ranked_lists", "judgments"):
        (folder / f"{kind}.jsonl").touch()
    return folder


@pytest.fixture(scope="session")
def example_folder(
    clean: Path, settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of examples that is prepared from the clean data."""
    folder = tmp_path_factory.mktemp("examples")
    write_examples(clean, folder, PrepareSettings(**settings))
    return folder
