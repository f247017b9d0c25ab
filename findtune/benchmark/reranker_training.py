"""Training a cross-encoder on ranked lists: ours beside the trainer as shipped.

Both learn the picks of the same lists with ListNet, in the same batches and order, from the same
weights, and read as many tokens of a text. What is timed is the phase that learns the picks.
"""

import tempfile
from collections.abc import Callable, Mapping

import torch
from datasets import Dataset
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
from sentence_transformers.cross_encoder.losses import ListNetLoss

from findtune.benchmark.project import Project
from findtune.benchmark.result import Result
from findtune.benchmark.step_clock import StepClock
from findtune.core.records import read_kind
from findtune.reranker.model.cross_encoder import load_or_create
from findtune.reranker.model.ranked_lists import gains_of
from findtune.reranker.training.list_dataset import build_dataset
from findtune.reranker.training.list_losses import pick_labels, pick_loss
from findtune.reranker.training.phases import Phase, run_phase
from findtune.reranker.training.recipe import Recipe
from findtune.training.arguments import trainer_arguments
from findtune.training.callback import DevResult, EvalCallback
from findtune.training.precision import supported_precision

WARMUP, STEPS = 2, 8  # batches of lists

Train = Callable[[CrossEncoder, Project, StepClock], None]


def shared_lists(project: Project) -> Dataset:
    """Return the lists that both contestants learn, whole, with labels as ListNet takes them."""
    lists = read_kind(project.examples("reranker") / "train.jsonl", "list")
    labels = [pick_labels(gains_of(ranked_list), "listnet") for ranked_list in lists]
    return build_dataset(lists, labels)


def train_ours(model: CrossEncoder, project: Project, clock: StepClock) -> None:
    """Train a model as our phases do, until the clock ends it."""
    recipe = project.section("reranker", Recipe)
    phase = Phase(
        name="tuning",
        dataset=shared_lists(project),
        loss=pick_loss(model, "listnet"),
        arguments=recipe.tune,
        batch_size=recipe.batch_size,
    )
    settings = trainer_arguments(recipe, precision_of(recipe), project.seed, progress=False)
    with clock.running():
        run_phase(phase, model, callback=without_dev(model, recipe), settings=settings)


def without_dev(model: CrossEncoder, recipe: Recipe) -> EvalCallback:
    """Return a callback that never evaluates."""

    def evaluate() -> DevResult:
        raise AssertionError("nothing is evaluated while a benchmark runs")

    return EvalCallback(
        model, evaluate, recipe, lambda _: None, is_as_good=lambda *_: False, reported=[]
    )


def train_stock(model: CrossEncoder, project: Project, clock: StepClock) -> None:
    """Train a model with the trainer's own settings, until the clock ends it."""
    with tempfile.TemporaryDirectory() as folder, clock.running():
        trainer = CrossEncoderTrainer(
            model=model,
            args=CrossEncoderTrainingArguments(
                output_dir=folder,
                num_train_epochs=1,
                per_device_train_batch_size=project.section("reranker", Recipe).batch_size,
                save_strategy="no",
                report_to="none",
                seed=project.seed,
                use_cpu=not torch.cuda.is_available(),
                disable_tqdm=True,
            ),
            train_dataset=shared_lists(project),
            loss=ListNetLoss(model),
        )
        trainer.train()


def precision_of(recipe: Recipe) -> str:
    """Return the precision that our training has on this machine."""
    return supported_precision(recipe.precision, lambda _: None)


def measure(project: Project, train_model: Train, precision: str) -> Result:
    """Return the rate of one training; a pair is a query and a document of its list."""
    recipe = project.section("reranker", Recipe)
    torch.set_num_threads(recipe.threads)
    model = load_or_create(project.base("reranker"), recipe.max_length, project.seed)
    clock = StepClock(model[0], WARMUP, STEPS)
    train_model(model, project, clock)
    rates = {"pairs/s": clock.elapsed.rows / clock.elapsed.seconds}
    return Result(rates, {f"{precision} GFLOP/s": clock.gflops()})


def ours(project: Project) -> Result:
    """Return the rate of our training."""
    return measure(project, train_ours, precision_of(project.section("reranker", Recipe)))


def stock(project: Project) -> Result:
    """Return the rate of the trainer as shipped."""
    return measure(project, train_stock, "fp32")


CONTESTANTS: Mapping[str, Callable[[Project], Result]] = {"ours": ours, "stock": stock}
