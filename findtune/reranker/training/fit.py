"""Fine-tuning a reranker: first its retriever, then its cross-encoder.

The retriever learns grades and picks. Its features, BM25 and the order shown get weights, which are
judged by cross-fitting against rankings that need no training; lists that a search finds get
weights of their own. Then the cross-encoder learns. If it was made from a plain encoder, it has a
new head that knows nothing, so it is distilled first: it learns to rank as the features do. Finally
dev decides how far its weights move, and whether it adds anything to the features.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from sentence_transformers import CrossEncoder

from findtune.reranker.model.cross_encoder import has_head, load_or_create
from findtune.reranker.model.ranked_lists import LIST_MEASURES
from findtune.reranker.model.reranker import Reranker
from findtune.reranker.training.blend_weight import Base, Selection, select_blend
from findtune.reranker.training.collapse import COLLAPSED, has_collapsed
from findtune.reranker.training.dev_set import RerankerDevSet
from findtune.reranker.training.feature_weights import FUSED, Ranking
from findtune.reranker.training.list_losses import distillation_loss, pick_loss
from findtune.reranker.training.phases import Phase, run_phase
from findtune.reranker.training.recipe import Recipe
from findtune.reranker.training.saving import save_model
from findtune.reranker.training.search_weights import select_search_weights
from findtune.reranker.training.training_data import TrainingData, read_training_data
from findtune.training import ranks
from findtune.training.arguments import trainer_arguments
from findtune.training.callback import DevResult, EvalCallback
from findtune.training.checkpoints import NO_CHECKPOINTS, Checkpoints
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
    checkpoints: Checkpoints = NO_CHECKPOINTS,
) -> FitResult:
    """Return a reranker tuned on a folder of examples.

    bases: the folder of each room's base model; the retriever is the embedder's. Raises
    CollapseError when training fails, and UnsafeModelError when a base is not safe to load.
    """
    ranks.use_threads(recipe.threads)
    precision = supported_precision(recipe.precision, say)
    settings = trainer_arguments(recipe, precision, seed, progress=progress)
    data = read_training_data(examples, bases["embedder"], recipe, settings, say, checkpoints)
    model = ranks.copied(partial(load_or_create, bases["reranker"], recipe.max_length, seed))
    dev = RerankerDevSet(data.lists["dev"], data.features["dev"], precision, data.examination.eta)
    callback = build_callback(model, dev=dev, recipe=recipe, say=say)
    learn = partial(run_phase, settings=settings, checkpoints=checkpoints)
    run = partial(learn, model=model, callback=callback)
    if not has_head(bases["reranker"]):
        run(distillation_phase(model, data, recipe, seed))
    base = Base(callback.evaluate(), snapshot(model))
    callback.begin(base.result, base_competes=True)
    run(tuning_phase(model, data, recipe, seed))
    best = data.rankings[0]
    select = partial(select_blend, dev=dev, base=base, callback=callback, recipe=recipe)
    selection = ranks.on_first(select, model, best.weights)
    select_search = partial(select_search_weights, data=data, recipe=recipe, precision=precision)
    weights = selection.weights, ranks.on_first(select_search, model, selection.weights)
    reranker = Reranker(model, data.retriever, data.base_retriever, *weights)
    save = partial(save_model, reranker, data.train_retriever, best.weights, data.examination)
    facts = {"precision": precision, "best_step": callback.kept_step}
    facts |= selection.facts | ranking_facts(data)
    facts["interpolation"] = shipped_share(selection, best)
    return FitResult(reranker, save, callback.history, selection.sweep, facts)


def ranking_facts(data: TrainingData) -> dict[str, Any]:
    """Return what training.json records about the rankings by features."""
    return {
        "features_ranking": data.rankings[0].name,
        "search_features_ranking": data.search_rankings[0].name,
        "examination_eta": data.examination.eta,
    }


def shipped_share(selection: Selection, features_ranking: Ranking) -> float:
    """Return how much of what ships was tuned: 0 for nothing, 1 for everything.

    If the cross-encoder ships, it is the interpolation of its weights; else 1 for the fused ranking
    and 0 for a ranking that needs no training.
    """
    if selection.weights.cross_encoder:
        return selection.interpolation
    return float(features_ranking.name == FUSED)


def build_callback(
    model: CrossEncoder, *, dev: RerankerDevSet, recipe: Recipe, say: Say
) -> EvalCallback:
    """Return the callback that evaluates the cross-encoder alone on dev."""

    def evaluate() -> DevResult:
        result = ranks.on_first(dev.evaluate, model.eval())
        if has_collapsed(result.payload):
            say(COLLAPSED)
        return result

    return EvalCallback(
        model,
        evaluate,
        recipe,
        say,
        is_as_good=is_better,
        reported=LIST_MEASURES,
    )


def is_better(result: DevResult, best: DevResult) -> bool:
    """Return whether a result is strictly better than the best so far, including the base's."""
    return result.score > best.score


def distillation_phase(model: CrossEncoder, data: TrainingData, recipe: Recipe, seed: int) -> Phase:
    """Return the phase in which a new head learns to rank as the retriever's features do."""
    return Phase(
        name="distilling",
        dataset=data.distillation_dataset(recipe.documents, seed),
        loss=distillation_loss(model),
        arguments=recipe.distil,
        batch_size=recipe.batch_size,
    )


def tuning_phase(model: CrossEncoder, data: TrainingData, recipe: Recipe, seed: int) -> Phase:
    """Return the phase in which the cross-encoder learns the picks."""
    return Phase(
        name="tuning",
        dataset=data.tuning_dataset(recipe.loss, recipe.documents, seed + 1),
        loss=pick_loss(model, recipe.loss),
        arguments=recipe.tune,
        batch_size=recipe.batch_size,
    )
