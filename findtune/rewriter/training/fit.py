"""Fine-tuning a rewriter on searches that found more of the picks than their question did.

It also learns titles of picks and, for a few questions, the question itself. Searches are weighted
by how much more they found. Afterwards dev and a part of train decide what is saved: searching the
question alone, with titles, with rewrites of the base, or with rewrites of the tuned model. For
questions of train, rewrites come from cross-fitting.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import Seq2SeqTrainingArguments, TrainerCallback

from findtune.core.errors import CollapseError
from findtune.core.records import Record, read_kind
from findtune.retrieval.corpus import Corpus, read_corpus
from findtune.retrieval.search import Search, open_searches
from findtune.rewriter.model.backbone import Backbone
from findtune.rewriter.model.rewriter import Rewriter, load_as_rewriter
from findtune.rewriter.training.collator import WeightedCollator
from findtune.rewriter.training.cross_fitting import StopAt, cross_fit, split_train
from findtune.rewriter.training.dev_set import RewriterDevSet
from findtune.rewriter.training.recipe import Recipe
from findtune.rewriter.training.select_model import (
    Checkpoint,
    Comparison,
    Selection,
    candidate_settings,
    join,
    measure_candidates,
    select,
    sweep_rows,
)
from findtune.rewriter.training.training_data import (
    all_targets,
    fold_lexicon,
    learn_lexicon,
    read_train,
)
from findtune.rewriter.training.weighted_loss import WeightedTrainer
from findtune.training import ranks
from findtune.training.arguments import run_trainer, trainer_arguments
from findtune.training.callback import DevResult, EvalCallback
from findtune.training.checkpoints import NO_CHECKPOINTS, Checkpoints
from findtune.training.fit_result import FitResult
from findtune.training.interpolation import State, interpolate, snapshot
from findtune.training.memory import give_back_memory
from findtune.training.precision import supported_precision
from findtune.training.selection import within_one_standard_error

__all__ = ["Recipe", "fit"]

REPORTED = ("recall@10", "copy_rate", "repetition_rate", "unknown_word_rate", "usable_rate")
# Files with the settings of the untuned families, which an evaluation compares.
BASELINE_FILES = {"titles": "prf.json", "base": "base.json"}

Array = np.ndarray
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
    """Return a rewriter tuned on a folder of examples.

    bases: the folder of each room's base model. Raises CollapseError when training fails, and
    UnsafeModelError when the base is not safe to load.
    """
    ranks.use_threads(recipe.threads)
    precision = supported_precision(recipe.precision, say)
    corpus, train_rows = read_corpus(examples / "corpus.jsonl"), read_train(examples)
    lexicon = learn_lexicon(examples, corpus, train_rows)
    candidates = candidate_settings(recipe)
    rewriter = load_as_rewriter(bases["rewriter"], candidates[0], lexicon)
    search = None if ranks.number() else open_search(corpus, bases, recipe)
    new_set = partial(new_dev, search=search, candidates=candidates, precision=precision)
    seeds = range(seed, seed + recipe.eval_seeds)
    dev = new_set(read_kind(examples / "dev.jsonl", "question"), seeds=seeds)
    say(f"dev recall@10 of the questions alone: {dev.original_recall.mean():.4f}")
    base, base_result = snapshot(rewriter.model), dev.evaluate(rewriter)
    callback = build_callback(rewriter, dev=dev, base=base_result, recipe=recipe, say=say)
    settings = trainer_arguments(recipe, precision, seed, progress=progress)
    learn = partial(train, rewriter, recipe=recipe, settings=settings)
    targets, words = all_targets(train_rows), partial(fold_lexicon, examples, corpus, train_rows)
    say(f"{len(targets)} examples")
    steps = learn(targets, callbacks=[callback], checkpoints=checkpoints.phase("tuning"))
    before, after = Checkpoint(base, base_result.payload.rewrites), kept_checkpoint(callback)
    shares = sorted(recipe.interpolation) if callback.kept_step else []
    compared = [ranks.on_first(measure_candidates, rewriter, dev, before, after, shares)]
    folds, ask = split_train(train_rows, recipe.train_questions), partial(new_set, seeds=seeds[:1])
    as_far = partial(learn, callbacks=[StopAt(callback.kept_step / steps)])
    compared += cross_fit(rewriter, folds, ask, base, as_far, words, checkpoints, shares)
    return select_model(rewriter, dev, base=base, compared=join(compared), callback=callback)


def open_search(corpus: Corpus, bases: Mapping[str, Path], recipe: Recipe) -> Search:
    """Return the search with which rewrites are compared."""
    return open_searches(corpus, bases["embedder"]).by_name(recipe.retriever)


def new_dev(questions: Sequence[Record], **settings: Any) -> RewriterDevSet:
    """Return a set of questions that only rank 0 searches."""
    return ranks.kept_on_first(partial(RewriterDevSet, questions, **settings))


def build_callback(
    rewriter: Rewriter, *, dev: RewriterDevSet, base: DevResult, recipe: Recipe, say: Say
) -> EvalCallback:
    """Return the callback that keeps the latest weights that are as good as the best on dev."""

    def evaluate() -> DevResult:
        refuse_nonfinite(rewriter.model)
        return dev.evaluate(rewriter)

    def is_as_good(result: DevResult, best: DevResult) -> bool:
        return within_one_standard_error(result.payload.recall, best.payload.recall, dev.groups)

    callback = EvalCallback(
        rewriter.model, evaluate, recipe, say, is_as_good=is_as_good, reported=REPORTED
    )
    callback.begin(base, base_competes=True)
    return callback


def kept_checkpoint(callback: EvalCallback) -> Checkpoint:
    """Return the weights that a callback kept, with their rewrites on dev."""
    assert callback.kept is not None, "EvalCallback.begin was called"
    return Checkpoint(callback.kept_weights, callback.kept.payload.rewrites)


def refuse_nonfinite(model: torch.nn.Module) -> None:
    """Raise CollapseError when a weight is not finite; after the last step, no loss shows that."""
    if not all(torch.isfinite(weight).all() for weight in model.parameters()):
        raise CollapseError("the weights are no longer finite; lower learning_rate, or use fp32.")


def train(
    rewriter: Rewriter,
    targets: Sequence[Record],
    *,
    recipe: Recipe,
    settings: Mapping[str, Any],
    callbacks: Sequence[TrainerCallback] = (),
    checkpoints: Checkpoints = NO_CHECKPOINTS,
) -> int:
    """Train the language model on targets, and return the number of planned steps.

    settings: the trainer settings that all rooms share. checkpoints: of this training alone. Raises
    CollapseError when a loss or a weight is no longer finite.
    """
    backbone, model = rewriter.backbone, rewriter.model
    rewriter.tokenizer.padding_side = backbone.padding_side
    arguments = Seq2SeqTrainingArguments(
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        label_smoothing_factor=recipe.label_smoothing,
        remove_unused_columns=False,
        **settings,
    )
    trainer = WeightedTrainer(
        model=model,
        args=arguments,
        train_dataset=build_dataset(backbone, targets),
        data_collator=WeightedCollator(rewriter.tokenizer),
        callbacks=[*callbacks],
    )
    progress = not arguments.disable_tqdm
    run_trainer(trainer, model, progress=progress, checkpoints=checkpoints)
    refuse_nonfinite(model)
    steps = int(trainer.state.max_steps)
    del trainer
    give_back_memory()
    return steps


def build_dataset(backbone: Backbone, targets: Sequence[Record]) -> Dataset:
    """Return targets as tokens, with weights scaled to a mean of 1 and the question's number."""
    mean_weight = np.mean([record["weight"] for record in targets])
    rows: list[dict[str, Any]] = []
    questions: dict[str, int] = {}
    for record in targets:
        tokens = backbone.encode_example(record["query"], record["target"], record["history"])
        weight = float(record["weight"] / mean_weight)
        question = questions.setdefault(record["query"], len(questions))
        rows.append({**tokens, "weight": weight, "question": question})
    return Dataset.from_list(rows)


def select_model(
    rewriter: Rewriter,
    dev: RewriterDevSet,
    *,
    base: State,
    compared: Comparison,
    callback: EvalCallback,
) -> FitResult:
    """Return the rewriter with the weights and settings that are selected.

    base: the weights before training; compared: recalls on dev, then on a part of train.
    """
    assert callback.kept is not None, "EvalCallback.begin was called"
    selection = select(compared)
    selected = selection.candidate
    weights = interpolate(base, callback.kept_weights, selected.interpolation)
    rewriter.model.load_state_dict(weights)
    saved = replace(rewriter.as_saved(dev.precision), settings=selected.settings)
    counts = callback.kept.payload.counts
    facts = {
        "precision": dev.precision,
        "best_step": callback.kept_step,
        "interpolation": selected.interpolation,
        **selected.settings.model_dump(),
        "dev_recall_original": float(dev.original_recall.mean()),
        "dev_recall_shipped": float(compared.recalls[selected][: len(dev.queries)].mean()),
        **{f"oof_recall_{name}": mean for name, mean in selection.recall_out_of_fold.items()},
        "oof_questions": len(compared.groups),
        **{f"dev_samples_{name}": counts[name] for name in ("usable", "unknown_words")},
        "dev_samples": counts["samples"],
    }
    save = partial(save_model, saved, selection)
    return FitResult(saved, save, callback.history, sweep_rows(compared.recalls), facts)


def save_model(rewriter: Rewriter, selection: Selection, folder: Path) -> None:
    """Write a rewriter and, for comparison, the best settings of the untuned families."""
    rewriter.save(folder)
    for family, candidate in selection.best.items():
        if family in BASELINE_FILES:
            candidate.settings.write(folder / BASELINE_FILES[family])
