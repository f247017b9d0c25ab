"""Fine-tuning a rewriter on searches that found more of the picks than their question did.

It also learns titles of picks and, for a few questions, the question itself. Each target is
weighted by how much it gained. Afterwards dev decides how far the weights go from base to tuned,
and how rewrites and titles are searched.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import Seq2SeqTrainingArguments

from findtune.core.errors import CollapseError
from findtune.core.files import read_json
from findtune.core.records import Record, read_kind
from findtune.retrieval.corpus import read_corpus
from findtune.retrieval.search import BM25Search
from findtune.rewriter.model.backbone import Backbone
from findtune.rewriter.model.rewriter import Rewriter, load_as_rewriter
from findtune.rewriter.model.settings import RewriterSettings
from findtune.rewriter.training.collator import WeightedCollator
from findtune.rewriter.training.dev_set import RewriterDevSet
from findtune.rewriter.training.recipe import Recipe
from findtune.rewriter.training.select_model import (
    Checkpoint,
    candidate_settings,
    measure_candidates,
    select_candidate,
    select_prf_settings,
    sweep_rows,
)
from findtune.rewriter.training.weighted_loss import WeightedTrainer
from findtune.training.arguments import run_trainer, trainer_arguments
from findtune.training.callback import DevResult, EvalCallback
from findtune.training.fit_result import FitResult
from findtune.training.interpolation import interpolate, snapshot
from findtune.training.precision import supported_precision
from findtune.training.selection import within_one_standard_error

__all__ = ["Recipe", "fit"]

TARGET_KINDS = ("rewrite", "identity", "title")
REPORTED = ("recall@10", "copy_rate", "repetition_rate", "usable_rate")

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
    """Return a rewriter tuned on a folder of examples.

    bases: the folder of each room's base model. Raises CollapseError when training goes wrong,
    UnsafeModelError when the base must not be loaded.
    """
    torch.set_num_threads(recipe.threads)
    precision = supported_precision(recipe.precision, say)
    candidates = candidate_settings(recipe)
    names = frozenset(read_json(examples / "names.json"))
    rewriter = load_as_rewriter(bases["rewriter"], candidates[0], names)
    dev = RewriterDevSet(
        read_kind(examples / "dev.jsonl", "question"),
        BM25Search(read_corpus(examples / "corpus.jsonl")),
        candidates=candidates,
        seeds=range(seed, seed + recipe.eval_seeds),
        precision=precision,
    )
    say(f"dev recall@10 of the questions alone {dev.original_recall.mean():.4f}")
    base_weights, base_result = snapshot(rewriter.model), dev.evaluate(rewriter)
    callback = build_callback(rewriter, dev=dev, base=base_result, recipe=recipe, say=say)
    targets = [
        record for kind in TARGET_KINDS for record in read_kind(examples / "train.jsonl", kind)
    ]
    say(f"{len(targets)} examples")
    settings = trainer_arguments(recipe, precision, seed, progress=progress)
    train(rewriter, targets, recipe=recipe, callback=callback, settings=settings)
    base = Checkpoint(base_weights, base_result.payload.rewrites)
    return select_on_dev(rewriter, dev=dev, base=base, callback=callback, recipe=recipe)


def build_callback(
    rewriter: Rewriter, *, dev: RewriterDevSet, base: DevResult, recipe: Recipe, say: Say
) -> EvalCallback:
    """Return the callback that keeps the latest weights that are as good as the best on dev."""

    def evaluate() -> DevResult:
        refuse_nonfinite(rewriter.model)
        return dev.evaluate(rewriter)

    def is_as_good(result: DevResult, best: DevResult) -> bool:
        return within_one_standard_error(result.payload.recall, best.payload.recall)

    callback = EvalCallback(
        rewriter.model, evaluate, recipe, say, is_as_good=is_as_good, reported=REPORTED
    )
    callback.begin(base, base_competes=True)
    return callback


def refuse_nonfinite(model: torch.nn.Module) -> None:
    """Raise CollapseError when a weight is not finite, which no loss shows after the last step."""
    if not all(torch.isfinite(weight).all() for weight in model.parameters()):
        raise CollapseError("the weights are no longer finite; lower learning_rate, or use fp32.")


def train(
    rewriter: Rewriter,
    targets: Sequence[Record],
    *,
    recipe: Recipe,
    callback: EvalCallback,
    settings: Mapping[str, Any],
) -> None:
    """Train the language model on targets; settings: what all rooms share."""
    backbone, model = rewriter.backbone, rewriter.model
    rewriter.tokenizer.padding_side = backbone.padding_side
    arguments = Seq2SeqTrainingArguments(
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        label_smoothing_factor=recipe.label_smoothing,
        remove_unused_columns=False,
        train_sampling_strategy="group_by_length",
        **settings,
    )
    trainer = WeightedTrainer(
        model=model,
        args=arguments,
        train_dataset=build_dataset(backbone, targets),
        data_collator=WeightedCollator(rewriter.tokenizer),
        callbacks=[callback],
    )
    run_trainer(trainer, model, progress=not arguments.disable_tqdm)


def build_dataset(backbone: Backbone, targets: Sequence[Record]) -> Dataset:
    """Return targets as tokens, with their weights scaled to a mean of 1."""
    mean_weight = np.mean([record["weight"] for record in targets])
    rows: list[dict[str, Any]] = []
    for record in targets:
        tokens = backbone.encode_example(record["query"], record["target"])
        weight = float(record["weight"] / mean_weight)
        rows.append({**tokens, "weight": weight, "length": len(tokens["input_ids"])})
    return Dataset.from_list(rows)


def select_on_dev(
    rewriter: Rewriter,
    *,
    dev: RewriterDevSet,
    base: Checkpoint,
    callback: EvalCallback,
    recipe: Recipe,
) -> FitResult:
    """Return the rewriter with the weights and settings that dev selects."""
    assert callback.kept is not None, "EvalCallback.begin was called"
    tuned = Checkpoint(callback.kept_weights, callback.kept.payload.rewrites)
    interpolations = sorted({0.0, *recipe.interpolation}) if callback.kept_step else [0.0]
    recalls = measure_candidates(
        rewriter, dev, base=base, tuned=tuned, interpolations=interpolations
    )
    selected = select_candidate(recalls, dev.original_recall)
    rewriter.model.load_state_dict(interpolate(base.weights, tuned.weights, selected.interpolation))
    saved = replace(rewriter.as_saved(dev.precision), settings=selected.settings)
    facts = {
        "precision": dev.precision,
        "best_step": callback.kept_step,
        "interpolation": selected.interpolation,
        **selected.settings.model_dump(),
        "dev_recall_original": float(dev.original_recall.mean()),
        "dev_recall_fused": float(recalls.get(selected, dev.original_recall).mean()),
    }
    save = partial(save_model, saved, select_prf_settings(recalls))
    return FitResult(saved, save, callback.history, sweep_rows(recalls), facts)


def save_model(rewriter: Rewriter, prf_settings: RewriterSettings | None, folder: Path) -> None:
    """Write a rewriter to a folder, and the best settings without rewrites, for comparison."""
    rewriter.save(folder)
    if prf_settings:
        prf_settings.write(folder / "prf.json")
