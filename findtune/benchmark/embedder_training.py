"""Training an embedder: our recipe beside the plain one, on the same pairs.

The plain recipe is what a user of sentence-transformers writes by hand: the cosine of every pair
learns to equal its label, in fp32, with the trainer's own batches. Picks are left out, since it
has no use for them. Our recipe repeats the scored pairs beside the catalog's, so its epoch is
longer; `different pairs/s` counts every pair once for each epoch.
"""

import math
import tempfile
from collections.abc import Callable, Mapping
from functools import partial

import torch
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss

from findtune.benchmark.project import Project
from findtune.benchmark.result import Result
from findtune.benchmark.step_clock import StepClock
from findtune.core.records import Record
from findtune.embedder.training.objectives import LearnedRecords, build_objective
from findtune.embedder.training.recipe import Recipe
from findtune.embedder.training.trainer import Schedule, learned_records, train
from findtune.retrieval.encoder import load_encoder
from findtune.training.arguments import trainer_arguments
from findtune.training.precision import supported_precision

WARMUP, TIMED_PAIRS = 2, 768  # steps; pairs
LARGE_BATCH, MIN_STEPS = 256, 4  # steps of an epoch with large batches, where data are few

Train = Callable[[SentenceTransformer, Project, StepClock], None]
StepsOf = Callable[[SentenceTransformer, Project], int]


def shared_pairs(project: Project) -> LearnedRecords:
    """Return the pairs that all contestants learn."""
    learned = learned_records(project.examples("embedder"))
    return LearnedRecords(learned.positives, [], learned.scored)


def labelled_pairs(learned: LearnedRecords) -> list[Record]:
    """Return pairs as the plain recipe takes them: two sentences and the cosine to learn."""
    positives = [
        {"sentence_1": pair["anchor"], "sentence_2": pair["positive"], "score": pair["label"]}
        for pair in learned.positives
    ]
    names = ("sentence_1", "sentence_2", "score")
    return positives + [{name: pair[name] for name in names} for pair in learned.scored]


ONE_EPOCH = Schedule(epochs=1, planned_epochs=1, steps=0)


def train_ours(model: SentenceTransformer, project: Project, clock: StepClock) -> None:
    """Train a model with our recipe for one epoch, or until the clock ends it."""
    recipe = project.section("embedder", Recipe)
    model.max_seq_length = min(recipe.max_seq_length, model.max_seq_length or math.inf)
    settings = trainer_arguments(recipe, precision_of(recipe), project.seed, progress=False)
    with clock.running():
        train(model, shared_pairs(project), recipe, settings, schedule=ONE_EPOCH)


def train_stock(
    model: SentenceTransformer, project: Project, clock: StepClock, *, batch_size: int
) -> None:
    """Train a model with the plain recipe for one epoch, or until the clock ends it."""
    with tempfile.TemporaryDirectory() as folder, clock.running():
        trainer = SentenceTransformerTrainer(
            model=model,
            args=SentenceTransformerTrainingArguments(
                output_dir=folder,
                num_train_epochs=1,
                per_device_train_batch_size=batch_size,
                warmup_steps=10,
                save_strategy="no",
                report_to="none",
                seed=project.seed,
                use_cpu=not torch.cuda.is_available(),
                disable_tqdm=True,
            ),
            train_dataset=Dataset.from_list(labelled_pairs(shared_pairs(project))),
            loss=CosineSimilarityLoss(model),
        )
        trainer.train()


def precision_of(recipe: Recipe) -> str:
    """Return the precision that our training has on this machine."""
    return supported_precision(recipe.precision, lambda _: None)


def steps_of_our_epoch(model: SentenceTransformer, project: Project) -> int:
    """Return how many batches our recipe takes for one epoch; each kind has its own."""
    recipe, learned = project.section("embedder", Recipe), shared_pairs(project)
    batches = build_objective(model, learned, recipe, project.seed).batches
    return batches + (math.ceil(batches / recipe.cosent_every) if learned.scored else 0)


def measure(
    project: Project, train_model: Train, precision: str, batch_size: int, steps_of: StepsOf
) -> Result:
    """Return the rates of one training; steps_of: the number of steps of one epoch."""
    torch.set_num_threads(project.section("embedder", Recipe).threads)
    model = load_encoder(project.base("embedder"))
    clock = StepClock(model[0], WARMUP, max(1, TIMED_PAIRS // batch_size))
    train_model(model, project, clock)
    seconds_per_step = clock.elapsed.seconds / clock.timed_steps
    epoch_seconds = seconds_per_step * steps_of(model, project)
    rates = {
        "pairs/s": batch_size / seconds_per_step,
        "different pairs/s": len(labelled_pairs(shared_pairs(project))) / epoch_seconds,
    }
    return Result(rates, {f"{precision} GFLOP/s": clock.gflops()})


def ours(project: Project) -> Result:
    """Return the rates of our training."""
    recipe = project.section("embedder", Recipe)
    precision = precision_of(recipe)
    return measure(project, train_ours, precision, recipe.batch_size, steps_of_our_epoch)


def stock(project: Project) -> Result:
    """Return the rates of the plain recipe with our batch size."""
    return stock_with(project, project.section("embedder", Recipe).batch_size)


def stock_256(project: Project) -> Result:
    """Return the rates of the plain recipe with large batches."""
    return stock_with(project, large_batch(project))


def large_batch(project: Project) -> int:
    """Return 256, the default of the plain recipe, or less where there are few pairs."""
    return min(LARGE_BATCH, len(labelled_pairs(shared_pairs(project))) // MIN_STEPS)


def stock_with(project: Project, batch_size: int) -> Result:
    """Return the rates of the plain recipe."""
    steps = math.ceil(len(labelled_pairs(shared_pairs(project))) / batch_size)
    train_model = partial(train_stock, batch_size=batch_size)
    return measure(project, train_model, "fp32", batch_size, lambda *_: steps)


CONTESTANTS: Mapping[str, Callable[[Project], Result]] = {
    "ours": ours,
    "stock": stock,
    "stock_256": stock_256,
}
