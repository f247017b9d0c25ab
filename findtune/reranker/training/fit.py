"""Fine-tuning a reranker: first on what the retriever knows, then on what users picked.

A cross-encoder that was made from an encoder has a new head and knows nothing. It is distilled
first: it learns to rank as the retriever's features do. The result is the base that tuning has to
beat. Then it learns the picks. Afterwards dev decides how far the weights move from base to tuned,
and how much the cross-encoder weighs beside the retriever.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch
from sentence_transformers import CrossEncoder

from findtune.reranker.model.cross_encoder import has_head, load_or_create
from findtune.reranker.model.ranked_lists import LIST_MEASURES
from findtune.reranker.model.reranker import Reranker
from findtune.reranker.training.blend_weight import Base, select_blend
from findtune.reranker.training.dev_set import RerankerDevSet
from findtune.reranker.training.list_losses import distillation_loss, pick_loss
from findtune.reranker.training.phases import Phase, run_phase
from findtune.reranker.training.recipe import Recipe
from findtune.reranker.training.saving import save_model
from findtune.reranker.training.training_data import TrainingData, read_training_data
from findtune.retrieval.encoder import load_encoder
from findtune.training.arguments import trainer_arguments
from findtune.training.callback import DevResult, EvalCallback
from findtune.training.fit_result import FitResult
from findtune.training.interpolation import snapshot
from findtune.training.precision import supported_precision

__all__ = ["Recipe", "fit"]

Say = Callable[[str], None]


def fit(
    bases: Mapping[str, Path],
    examples: Path,
    recipe: Recipe,
    seed: int,
    say: Say,
    *,
    progress: bool,
) -> FitResult:
    """Return a reranker tuned on a folder of examples.

    bases: the folder of each room's base model; the embedder's is the retriever. Raises
    CollapseError when training goes wrong, UnsafeModelError when a base must not be loaded.
    """
    torch.set_num_threads(recipe.threads)
    precision = supported_precision(recipe.precision, say)
    retriever = load_encoder(bases["embedder"])
    model = load_or_create(bases["reranker"], recipe.max_length, seed)
    data = read_training_data(examples, retriever, recipe.temperature, say, progress=progress)
    dev = RerankerDevSet(data.lists["dev"], data.features["dev"], precision)
    callback = build_callback(model, dev=dev, recipe=recipe, say=say)
    settings = trainer_arguments(recipe, precision, seed, progress=progress)
    run = partial(run_phase, model=model, callback=callback, settings=settings)
    if not has_head(bases["reranker"]):
        run(distillation_phase(model, data, recipe))
    base = Base(dev.evaluate(model.eval()), snapshot(model))
    callback.begin(base.result, base_competes=True)
    run(tuning_phase(model, data, recipe))
    selection = select_blend(
        model, data.feature_weights, dev=dev, base=base, callback=callback, recipe=recipe
    )
    reranker = Reranker(model, retriever, selection.weights)
    save = partial(save_model, reranker, base.weights, data.feature_weights)
    facts = {"precision": precision, "best_step": callback.kept_step, **selection.facts}
    return FitResult(reranker, save, callback.history, selection.sweep, facts)


def build_callback(
    model: CrossEncoder, *, dev: RerankerDevSet, recipe: Recipe, say: Say
) -> EvalCallback:
    """Return the callback that evaluates the cross-encoder alone on dev."""
    return EvalCallback(
        model,
        lambda: dev.evaluate(model),
        recipe,
        say,
        is_as_good=is_better,
        reported=LIST_MEASURES,
    )


def is_better(result: DevResult, best: DevResult) -> bool:
    """Return whether a result is strictly better than the best one so far, the base's included."""
    return result.score > best.score


def distillation_phase(model: CrossEncoder, data: TrainingData, recipe: Recipe) -> Phase:
    """Return the phase in which a new head learns to rank as the retriever's features do."""
    return Phase(
        name="distilling",
        dataset=data.distillation_dataset(),
        loss=distillation_loss(model),
        arguments=recipe.distil,
        batch_size=recipe.batch_size,
    )


def tuning_phase(model: CrossEncoder, data: TrainingData, recipe: Recipe) -> Phase:
    """Return the phase in which the cross-encoder learns the picks."""
    return Phase(
        name="tuning",
        dataset=data.tuning_dataset(recipe.loss),
        loss=pick_loss(model, recipe.loss),
        arguments=recipe.tune,
        batch_size=recipe.batch_size,
    )
