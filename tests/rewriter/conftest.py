"""Fixtures of the rewriter's tests: settings, recipes, and untrained and tuned models."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from findtune.rewriter.model.lexicon import Lexicon
from findtune.rewriter.model.rewriter import Rewriter, load_as_rewriter
from findtune.rewriter.model.settings import RewriterSettings
from findtune.rewriter.training.fit import Recipe, fit
from findtune.training.checkpoints import NO_CHECKPOINTS, Checkpoints
from findtune.training.fit_result import FitResult

GENERATION = {"prompt": "Rewrite the question.", "num_return_sequences": 4, "temperature": 0.8}
GENERATION |= {"top_k": 50, "max_input_tokens": 32, "max_new_tokens": 10}
SETTINGS = GENERATION | {"num_rewrites": 2, "fb_docs": 0, "query_repeats": 0}
SETTINGS |= {"rank_constant": 10, "original_query_weight": 2, "ships": "tuned", "retriever": "bm25"}
RECIPE = (
    {"epochs": 2, "learning_rate": 3e-3, "batch_size": 8, "label_smoothing": 0.0}
    | {"warmup_ratio": 0.1, "weight_decay": 0.01, "precision": "fp32", "threads": 1}
    | {"eval_steps": 0.5, "early_stopping_patience": 2, "interpolation": [0.5, 1.0]}
    | {
        "retriever": "bm25",
        "train_questions": 4,
        "num_rewrites": [1, 2],
        "fb_docs": [0],
        "rank_constant": [10],
        "query_repeats": [0, 1],
    }
    | {"original_query_weight": [1, 2], "eval_seeds": 1, "generation": GENERATION}
)
LONGER = {"epochs": 20, "learning_rate": 1e-2, "eval_steps": 0.1}  # the causal model learns slowly

EVERY_WORD = Lexicon(frozenset(), frozenset())  # no name is known, and every word is

Bases = dict[str, Path]
MakeSettings = Callable[..., RewriterSettings]


@pytest.fixture(scope="session")
def make_settings() -> MakeSettings:
    """Return the function that makes settings: (**changes)."""
    return lambda **changes: RewriterSettings.model_validate(SETTINGS | changes)


@pytest.fixture(scope="session")
def make_recipe() -> Callable[..., Recipe]:
    """Return the function that makes a recipe: (**changes)."""
    return lambda **changes: Recipe.model_validate(RECIPE | changes)


@pytest.fixture(scope="session")
def bases(tiny_causal: Path, tiny_t5: Path) -> Bases:
    """Return an untrained base of each type."""
    return {"causal": tiny_causal, "t5": tiny_t5}


@pytest.fixture(scope="session")
def load_untrained(bases: Bases, make_settings: MakeSettings) -> Callable[..., Rewriter]:
    """Return the function that loads a base as a rewriter: (kind, **settings)."""
    return lambda kind, **changes: load_as_rewriter(
        bases[kind], make_settings(**changes), EVERY_WORD
    )


@pytest.fixture(params=["causal", "t5"], scope="session")
def kind(request: pytest.FixtureRequest) -> str:
    """Return the name of each base in turn."""
    return str(request.param)


@pytest.fixture
def untrained(kind: str, load_untrained: Callable[..., Rewriter]) -> Rewriter:
    """Return each base in turn as a rewriter."""
    return load_untrained(kind)


@pytest.fixture(scope="session")
def fit_tiny(
    bases: Bases, tiny_base: Path, rewriter_examples: Path, make_recipe: Callable[..., Recipe]
) -> Callable[..., FitResult]:
    """Return the function that tunes a base: (kind, **changes of the recipe)."""

    def fit_kind(kind: str, checkpoints: Checkpoints = NO_CHECKPOINTS, **changes: Any) -> FitResult:
        recipe = make_recipe(**(LONGER if kind == "causal" else {}) | changes)
        bases_of_rooms = {"rewriter": bases[kind], "embedder": tiny_base}
        options = {"progress": False, "checkpoints": checkpoints}
        return fit(bases_of_rooms, rewriter_examples, recipe, 13, lambda _: None, **options)

    return fit_kind


@pytest.fixture(scope="session")
def tuned(fit_tiny: Callable[..., FitResult]) -> dict[str, FitResult]:
    """Return the result of tuning each base once."""
    return {kind: fit_tiny(kind) for kind in ("causal", "t5")}
