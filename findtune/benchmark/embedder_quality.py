"""One whole epoch of each recipe on the same pairs, and the test scores of the model.

Nothing is selected on dev, and no weights are interpolated: this compares the recipes alone.
"""

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch

from findtune.benchmark.embedder_training import Train, large_batch, train_ours, train_stock
from findtune.benchmark.project import Project
from findtune.benchmark.result import Result
from findtune.benchmark.step_clock import StepClock
from findtune.embedder.evaluation.evaluate import (
    DECISIVE,
    HeldOut,
    ModelResults,
    evaluate_folder,
    read_held_out,
    summarize,
)
from findtune.embedder.training.recipe import Recipe
from findtune.retrieval.encoder import load_encoder

SHOWN = ("pairs_spearman", "guard_spearman")  # beside the ranking of queries and lists


def measure(project: Project, train_model: Train) -> Result:
    """Return the seconds of an epoch and the measures on test; the first step is not timed."""
    torch.set_num_threads(project.section("embedder", Recipe).threads)
    model = load_encoder(project.base("embedder"))
    base_length = model.max_seq_length
    clock = StepClock(model[0], warmup=1, steps=0)
    train_model(model, project, clock)
    model.max_seq_length = base_length
    held_out = read_held_out(project.examples("embedder"))
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder, create_model_card=False)
        results = evaluate_folder(Path(folder), held_out)
    return Result({}, {"seconds": clock.elapsed.seconds, **scores(results, held_out)})


def scores(results: ModelResults, held_out: HeldOut) -> dict[str, float]:
    """Return the means by which models are compared, without those that test can't measure."""
    means = {}
    for name, mask in (("known", held_out.known), ("new variables", ~held_out.known)):
        if mask.any():
            means[f"{DECISIVE}, {name}"] = float(results.per_query[DECISIVE][mask].mean())
    if held_out.lists:
        means[f"{DECISIVE}, feedback"] = float(results.per_list[DECISIVE].mean())
    summary = summarize(results, held_out)
    return means | {name: summary[name] for name in SHOWN}


def ours(project: Project) -> Result:
    """Return the measures of our recipe."""
    return measure(project, train_ours)


def stock(project: Project) -> Result:
    """Return the measures of the plain recipe with our batch size."""
    batch_size = project.section("embedder", Recipe).batch_size
    return measure(project, partial(train_stock, batch_size=batch_size))


def stock_256(project: Project) -> Result:
    """Return the measures of the plain recipe with large batches."""
    return measure(project, partial(train_stock, batch_size=large_batch(project)))


CONTESTANTS: Mapping[str, Callable[[Project], Result]] = {
    "ours": ours,
    "stock": stock,
    "stock_256": stock_256,
}
