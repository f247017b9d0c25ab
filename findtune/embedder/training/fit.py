"""Fine-tuning an embedder on positive pairs of the catalog, picks of users, and scored pairs.

Training stops early on dev. Afterwards the weights are interpolated with the base's: dev chooses
the interpolation, among those that don't make the guards worse. With `refit`, the base is then
trained again on the whole catalog, for as many epochs as dev chose; the weights from before are
saved beside it, since only they can be evaluated on test.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sentence_transformers import SentenceTransformer

from findtune.core.files import read_jsonl
from findtune.embedder.model.folder import save_models
from findtune.embedder.training.collapse import refuse_collapse
from findtune.embedder.training.dev_set import EmbedderDevSet
from findtune.embedder.training.model_selection import (
    MAX_COSINE_RISE,
    Row,
    is_as_good,
    keeps_general_english,
    select_interpolation,
)
from findtune.embedder.training.recipe import Recipe
from findtune.embedder.training.trainer import Schedule, learned_records, train
from findtune.retrieval.encoder import load_encoder
from findtune.training import ranks
from findtune.training.arguments import trainer_arguments
from findtune.training.callback import DevResult, EvalCallback
from findtune.training.checkpoints import NO_CHECKPOINTS, Checkpoints
from findtune.training.fit_result import FitResult
from findtune.training.interpolation import State, interpolate, snapshot
from findtune.training.precision import supported_precision

__all__ = ["Recipe", "fit"]

NAMES = {  # kind of a record in train or dev -> its name in messages
    "positive": "pairs of the catalog",
    "pick": "picks of the feedback",
    "scored": "scored pairs",
    "guard": "guard pairs",
    "guard_query": "guard queries",
}

Say = Callable[[str], None]


class Base(NamedTuple):
    """The base model before training: its result on dev, and its weights."""

    result: DevResult
    weights: State


def fit(
    bases: Mapping[str, Path],
    examples: Path,
    recipe: Recipe,
    seed: int,
    say: Say,
    *,
    progress: bool,
    checkpoints: Checkpoints = NO_CHECKPOINTS,
) -> FitResult:
    """Return a base model tuned on a folder of examples.

    bases: the folder of each room's base model. Raises CollapseError when training goes wrong,
    UnsafeModelError when the base must not be loaded, InputError when there are too few examples.
    """
    ranks.use_threads(recipe.threads)
    precision = supported_precision(recipe.precision, say)
    model = load_encoder(bases["embedder"])
    base_length = model.max_seq_length
    model.max_seq_length = min(recipe.max_seq_length, base_length or recipe.max_seq_length)
    say(describe_data(examples))
    dev = new_dev(model, examples, recipe.dev_documents, precision, progress=progress)
    base = Base(dev.evaluate(model), snapshot(model))
    callback = build_callback(model, dev=dev, base=base.result, recipe=recipe, say=say)
    settings = trainer_arguments(recipe, precision, seed, progress=progress)
    learn = partial(train, recipe=recipe, settings=settings, checkpoints=checkpoints)
    plan = learn(model, learned_records(examples), callback=callback)
    a, steps, sweep = 1.0, callback.history[-1]["step"], list[Row]()
    facts = {"precision": precision, "steps": steps}
    if recipe.recipe == "joint":  # plain, the baseline recipe, keeps its last weights
        sweep, a = choose_weights(model, dev=dev, base=base, callback=callback, recipe=recipe)
        facts["best_step"] = steps = callback.kept_step
    shipped = model
    if recipe.refit and a > 0:
        train_again = partial(learn, schedule=plan.until(int(steps)))
        rest: dict[str, Any] = {"dev": dev, "recipe": recipe, "a": a, "say": say}
        shipped = refit(model, base, train_again, examples, **rest)
    facts |= {"interpolation": a, "refit": shipped is not model}
    shipped.max_seq_length = model.max_seq_length = base_length  # dev used the shorter length
    return FitResult(shipped, partial(save_models, shipped, model), callback.history, sweep, facts)


def new_dev(*settings: Any, progress: bool) -> EmbedderDevSet:
    """Return the dev split, which only rank 0 encodes; settings: as `EmbedderDevSet` takes them."""
    return ranks.kept_on_first(partial(EmbedderDevSet, *settings, progress=progress))


def build_callback(
    model: SentenceTransformer,
    *,
    dev: EmbedderDevSet,
    base: DevResult,
    recipe: Recipe,
    say: Say,
) -> EvalCallback:
    """Return the callback that evaluates on dev; the base does not compete for the best result."""

    def evaluate() -> DevResult:
        result = dev.evaluate(model)
        refuse_collapse(result.measures, base.measures)
        return result

    callback = EvalCallback(
        model,
        evaluate,
        recipe,
        say,
        is_as_good=is_as_good,
        reported=[name for name in base.measures if name not in ("score", "error")],
        early_stopping=recipe.recipe == "joint",
    )
    callback.begin(base, base_competes=False)
    return callback


def describe_data(examples: Path) -> str:
    """Return a line with the number of training and guard records by kind, and missing kinds."""
    kinds = Counter(
        record["kind"]
        for split in ("train", "dev")
        for record in read_jsonl(examples / f"{split}.jsonl")
    )
    present = [f"{kinds[kind]} {name}" for kind, name in NAMES.items() if kinds[kind]]
    absent = [f"no {name}" for kind, name in NAMES.items() if not kinds[kind]]
    return "; ".join(filter(None, [", ".join(present), ", ".join(absent)]))


def choose_weights(
    model: SentenceTransformer,
    *,
    dev: EmbedderDevSet,
    base: Base,
    callback: EvalCallback,
    recipe: Recipe,
) -> tuple[list[Row], float]:
    """Give the model the weights at the interpolation that dev selects.

    Returns the dev measures at each interpolation, and the selected interpolation.
    """
    sweep = sweep_interpolation(model, dev=dev, base=base, callback=callback, recipe=recipe)
    a = select_interpolation(sweep, recipe.guard_tolerance)["interpolation"]
    if not a and sweep[-1]["random_cosine"] > sweep[0]["random_cosine"] + MAX_COSINE_RISE:
        callback.say("random texts became similar, so the base ships; lower learning_rate")
    model.load_state_dict(interpolate(base.weights, callback.kept_weights, a))
    return sweep, a


def refit(
    evaluated: SentenceTransformer,
    base: Base,
    train_again: Callable[..., Schedule],
    examples: Path,
    *,
    dev: EmbedderDevSet,
    recipe: Recipe,
    a: float,
    say: Say,
) -> SentenceTransformer:
    """Train a copy of the base on the whole catalog and return it, interpolated.

    If it breaks a guard, which is never trained on, the evaluated model is returned. train_again:
    trains for as many epochs as dev chose; a: the interpolation that dev chose.
    """
    say("training again, on the whole catalog")
    model = deepcopy(evaluated)
    model.load_state_dict(base.weights)
    train_again(model, learned_records(examples, "refit"))
    model.load_state_dict(interpolate(base.weights, snapshot(model), a))
    result = dev.evaluate(model)
    row = result.measures | dev.guard_errors(result.payload, base.result.payload)
    if keeps_general_english(row, base.result.measures, recipe.guard_tolerance):
        return model
    say("trained again, it forgets general English: the model from before is shipped")
    return evaluated


def sweep_interpolation(
    model: SentenceTransformer,
    *,
    dev: EmbedderDevSet,
    base: Base,
    callback: EvalCallback,
    recipe: Recipe,
) -> list[Row]:
    """Return the dev measures at each interpolation, including the base (0).

    error_MEASURE is the standard error of a guard measure's difference from the base.
    """
    known = {0.0: base.result, 1.0: callback.kept}
    sweep = []
    for a in sorted({0.0, *recipe.interpolation}):
        model.load_state_dict(interpolate(base.weights, callback.kept_weights, a))
        result = known.get(a) or dev.evaluate(model)
        errors = dev.guard_errors(result.payload, base.result.payload)
        sweep.append({"interpolation": a, **result.measures, **errors})
    return sweep
