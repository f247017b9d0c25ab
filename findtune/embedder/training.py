"""Fitting an embedder: one run over pairs of one variable and over pairs that people scored.

The ranking loss (InfoNCE with in-batch negatives, van den Oord et al. 2018) brings a variable's
texts together and pushes every other variable of the batch away; CoSENT asks of the scored pairs
nothing but their order. Training stops early on dev; then the weights go back towards the base's
as far as dev likes it and the guard set demands. Dev is small: what differs by less than a standard
error is the same to it, and then the weights that learned more are kept.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from datasets import Dataset, DatasetDict
from pydantic import Field
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import (
    CoSENTLoss,
    CosineSimilarityLoss,
    MultipleNegativesRankingLoss,
)
from transformers import (
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from findtune import measures, trainers
from findtune.batches import Examples, ScoredBatches, VariableBatches
from findtune.encoders import load
from findtune.errors import CollapseError, InputError
from findtune.files import read_jsonl
from findtune.interpolation import between, snapshot
from findtune.params import Section
from findtune.precision import precision_here
from findtune.records import Record, read_kind
from findtune.splits import fold

Say = Callable[[str], None]
MOST_COLLAPSED = 0.2  # rise of the random-pair cosine at which a model has collapsed
MOST_SPREAD_LOST = 0.1  # the rise that a released model may have
MANY = 1000  # texts, above which encoding shows its progress


TOLD = ("ndcg@10", "pairs_spearman", "guard_spearman", "random_cosine")


class Recipe(Section):
    """params.yaml: embedder.SIZE."""

    recipe: Literal["joint", "plain"]
    epochs: float = Field(gt=0)
    batch_size: int = Field(gt=1)
    learning_rate: float = Field(gt=0)
    warmup: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    scale: float = Field(gt=0)
    order_every: int = Field(gt=0)
    max_length: int = Field(gt=0)
    precision: Literal["fp32", "bf16"]
    threads: int = Field(gt=0)
    evaluations: int = Field(gt=0)
    patience: int = Field(gt=0)
    dev_documents: int = Field(gt=0)
    interpolation: tuple[float, ...] = Field(min_length=1)
    guard_tolerance: float = Field(ge=0)


@dataclass(frozen=True)
class Fitted:
    """A tuned model, the measures on dev along the way, and what was decided."""

    model: SentenceTransformer
    history: list[dict[str, float]]
    sweep: list[dict[str, float]]
    facts: dict[str, Any]

    def save(self, folder: Path) -> None:
        """Write the tuned model to a folder."""
        self.model.save_pretrained(str(folder), create_model_card=False)


def fit(
    bases: Mapping[str, Path],
    pairs: Path,
    recipe: Recipe,
    seed: int,
    say: Say,
    *,
    progress: bool,
) -> Fitted:
    """Return a base model tuned on pairs.

    bases: the folder of each room's base model. Raises CollapseError when training goes wrong,
    UnsafeModelError when the base may not be loaded, InputError when there is too little to learn
    from.
    """
    torch.set_num_threads(recipe.threads)
    precision = precision_here(recipe.precision, say)
    model = load(bases["embedder"])
    longest = model.max_seq_length
    model.max_seq_length = min(recipe.max_length, longest or recipe.max_length)
    say("the base ranks the catalog for dev's queries")
    dev = Dev(model, pairs, recipe, precision, progress=progress)
    start, first = snapshot(model), dev.judge(model)
    watch = Watch(model, dev, first, recipe, say, progress=progress)
    train(model, pairs, recipe, precision, seed, watch)
    facts: dict[str, Any] = {"precision": precision, "steps": watch.history[-1]["step"]}
    if recipe.recipe == "plain":  # what people do by hand: the last weights, whatever they are
        model.max_seq_length = longest
        return Fitted(model, watch.history, [], facts | {"interpolation": 1.0})
    sweep = []
    for a in sorted({0.0, *recipe.interpolation}):
        model.load_state_dict(between(start, watch.best_weights, a))
        judged = {0.0: first, 1.0: watch.best}.get(a) or dev.judge(model)
        sweep.append({"interpolation": a, **judged})
    best = chosen(sweep, recipe.guard_tolerance)
    model.load_state_dict(between(start, watch.best_weights, best["interpolation"]))
    model.max_seq_length = longest  # not before: every step of the sweep is judged alike
    facts |= {"interpolation": best["interpolation"], "best_step": watch.best_step}
    return Fitted(model, watch.history, sweep, facts)


def train(
    model: SentenceTransformer,
    pairs: Path,
    recipe: Recipe,
    precision: str,
    seed: int,
    watch: "Watch",
) -> None:
    """Run the trainer of sentence-transformers; the watch sees every step."""
    positives = read_kind(pairs / "train.jsonl", "positive")
    scored = read_kind(pairs / "train.jsonl", "scored")
    build = plain if recipe.recipe == "plain" else joint
    datasets, losses, sampler = build(model, positives, scored, recipe, seed)
    arguments = SentenceTransformerTrainingArguments(
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        batch_sampler=sampler,
        **trainers.arguments(recipe, precision, seed, progress=watch.progress),
    )
    trainer = Trainer(
        model=model, args=arguments, train_dataset=datasets, loss=losses, callbacks=[watch]
    )
    trainers.run(trainer, model, progress=watch.progress)


class Trainer(SentenceTransformerTrainer):
    """The trainer of sentence-transformers, less the card that shows training rows."""

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Leave the library's card out: findtune.cards writes one that prints no row."""


def joint(
    model: SentenceTransformer,
    positives: Sequence[Record],
    scored: Sequence[Record],
    recipe: Recipe,
    seed: int,
) -> tuple[DatasetDict, dict[str, torch.nn.Module], Callable[..., Any]]:
    """Return the data, the losses and the batches of the joint recipe."""
    if len(positives) < recipe.batch_size:
        raise InputError(
            f"{len(positives)} pairs to learn from are less than a batch of {recipe.batch_size}; "
            "add alternatives, or lower batch_size in params.yaml."
        )
    ranked = {
        "anchor": [it["anchor"] for it in positives],
        "positive": [it["positive"] for it in positives],
    }
    datasets = {"positives": Dataset.from_dict(ranked)}
    losses: dict[str, torch.nn.Module] = {
        "positives": MultipleNegativesRankingLoss(
            model,
            scale=recipe.scale,
            directions=("query_to_doc", "doc_to_query"),
            partition_mode="per_direction",
        )
    }
    batches = VariableBatches(examples(positives), recipe.batch_size, seed)
    ordered: ScoredBatches | None = None
    if scored:
        datasets["scored"] = scored_dataset(scored)
        losses["scored"] = CoSENTLoss(model)
        rounds = math.ceil(len(batches) / recipe.order_every)
        ordered = ScoredBatches(len(scored), recipe.batch_size, rounds, seed)

    def sampler(dataset: Dataset, **_: Any) -> VariableBatches | ScoredBatches:
        return ordered if ordered and "label" in dataset.column_names else batches

    return DatasetDict(datasets), losses, sampler


def examples(positives: Sequence[Record]) -> Examples:
    """Return what decides which positives may share a batch."""
    return Examples(
        variables=[it["dcid"] for it in positives],
        texts=[frozenset((fold(it["anchor"]), fold(it["positive"]))) for it in positives],
        siblings=[[other["dcid"] for other in it["negatives"]] for it in positives],
        lengths=[len(it["anchor"]) + len(it["positive"]) for it in positives],
    )


def scored_dataset(scored: Sequence[Record]) -> Dataset:
    return Dataset.from_dict(
        {
            "sentence_1": [it["sentence_1"] for it in scored],
            "sentence_2": [it["sentence_2"] for it in scored],
            "label": [float(it["score"]) for it in scored],
        }
    )


def plain(
    model: SentenceTransformer,
    positives: Sequence[Record],
    scored: Sequence[Record],
    recipe: Recipe,
    seed: int,
) -> tuple[Dataset, torch.nn.Module, str]:
    """Return the data and the loss of the plain recipe: every pair's cosine is its label."""
    pairs = [
        {"sentence_1": it["anchor"], "sentence_2": it["positive"], "score": it["label"]}
        for it in positives
    ]
    return scored_dataset([*pairs, *scored]), CosineSimilarityLoss(model), "batch_sampler"


class Dev:
    """The dev part: queries over the hardest of the catalog, scored pairs, the guard's dev half.

    Searching the whole catalog each time would cost more than training. The texts that the base
    ranks first for some query, and all texts of the variables asked for, rank nearly the same.
    """

    def __init__(
        self,
        model: SentenceTransformer,
        pairs: Path,
        recipe: Recipe,
        precision: str,
        *,
        progress: bool,
    ) -> None:
        self.bf16, self.progress = precision == "bf16", progress
        queries = read_kind(pairs / "dev.jsonl", "query")
        self.queries = [it["text"] for it in queries]
        self.relevant = [it["dcids"] for it in queries]
        self.scored = read_kind(pairs / "dev.jsonl", "scored")
        self.guard = read_kind(pairs / "dev.jsonl", "guard")
        documents = read_jsonl(pairs / "documents.jsonl")
        chosen = self.hardest(model, documents, recipe.dev_documents)
        self.documents = [documents[at]["text"] for at in chosen]
        self.owners = [documents[at]["dcid"] for at in chosen]

    def hardest(
        self, model: SentenceTransformer, documents: Sequence[Record], most: int
    ) -> list[int]:
        """Return the numbers of the documents to search, about so many.

        Beside all that is asked for stand as many others at least.
        """
        catalog = self.vectors(model, [it["text"] for it in documents])
        nearest = (self.vectors(model, self.queries) @ catalog.T).max(axis=0)
        asked = {dcid for its in self.relevant for dcid in its}
        wanted = np.array([it["dcid"] in asked for it in documents])
        order = np.lexsort((-nearest, ~wanted))
        return [int(at) for at in sorted(order[: max(most, 2 * wanted.sum())])]

    def judge(self, model: SentenceTransformer) -> dict[str, float]:
        """Return the measures on dev; `score` is what training and interpolation try to raise."""
        catalog = self.vectors(model, self.documents)
        scores = self.vectors(model, self.queries) @ catalog.T
        best, names = measures.best_by_owner(scores, self.owners)
        ndcg = measures.per_query(best, names, self.relevant)["ndcg@10"]
        found = {
            "ndcg@10": float(ndcg.mean()),
            "pairs_spearman": self.spearman(model, self.scored),
            "guard_spearman": self.spearman(model, self.guard),
            "random_cosine": measures.random_cosine(catalog),
        }
        counted = ["ndcg@10"] + ["pairs_spearman"] * bool(self.scored)
        score = sum(found[name] for name in counted) / len(counted)
        return found | {"score": score, "error": measures.standard_error(ndcg)}

    def vectors(self, model: SentenceTransformer, texts: Sequence[str]) -> np.ndarray:
        """Return unit vectors, (texts, dimensions), in the precision of training."""
        device = model.device.type
        with torch.autocast(device, dtype=torch.bfloat16, enabled=self.bf16):
            found = model.encode(
                list(texts),
                batch_size=128,
                convert_to_tensor=True,
                show_progress_bar=self.progress and len(texts) > MANY,
            )
        return torch.nn.functional.normalize(found.float(), dim=1).cpu().numpy()

    def spearman(self, model: SentenceTransformer, records: Sequence[Record]) -> float:
        if not records:
            return 0.0
        one = self.vectors(model, [it["sentence_1"] for it in records])
        two = self.vectors(model, [it["sentence_2"] for it in records])
        labels = np.array([it["score"] for it in records])
        return measures.spearman((one * two).sum(axis=1), labels)


class Watch(TrainerCallback):
    """Judges on dev along the way, keeps the best weights, stops early, and sees collapse."""

    def __init__(
        self,
        model: SentenceTransformer,
        dev: Dev,
        first: dict[str, float],
        recipe: Recipe,
        say: Say,
        *,
        progress: bool,
    ) -> None:
        self.model, self.dev, self.first, self.recipe, self.say = model, dev, first, recipe, say
        self.progress = progress
        self.history = [{"step": 0, **first}]
        self.best, self.best_weights, self.best_step = first, snapshot(model), 0
        self.top = -math.inf
        self.worse, self.told = 0, time.monotonic()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Judge at every evaluation; say a line a minute."""
        every = math.ceil(state.max_steps / self.recipe.evaluations)
        if state.global_step % every == 0 or state.global_step == state.max_steps:
            self.judge(state.global_step, control)
        if time.monotonic() - self.told > 60:
            self.told = time.monotonic()
            self.say(f"step {state.global_step} of {state.max_steps}")

    def judge(self, step: int, control: TrainerControl) -> None:
        training = self.model.training
        self.model.eval()
        found = self.dev.judge(self.model)
        self.model.train(training)
        self.history.append({"step": step, **found})
        told = ", ".join(f"{name} {found[name]:.4f}" for name in TOLD)
        self.say(f"step {step}: dev {told}")
        refuse_collapse(found, self.first)
        self.top = max(self.top, found["score"])
        if found["score"] >= self.top - found["error"]:
            self.best, self.best_weights = found, snapshot(self.model)
            self.best_step, self.worse = step, 0
        else:
            self.worse += 1
        if self.recipe.recipe == "joint" and self.worse >= self.recipe.patience:
            self.say(f"no better for {self.worse} evaluations: stopping at step {step}")
            control.should_training_stop = True


def refuse_collapse(found: dict[str, float], first: dict[str, float]) -> None:
    """Raise CollapseError when vectors are no numbers, or all alike."""
    if not all(math.isfinite(value) for value in found.values()):
        raise CollapseError("the vectors are no longer finite; lower learning_rate, or use fp32.")
    rise = found["random_cosine"] - first["random_cosine"]
    if rise > MOST_COLLAPSED:
        raise CollapseError(
            f"random texts have cosine {found['random_cosine']:.2f}, {rise:.2f} more than in the "
            "base: the model is collapsing. The usual cause is positives without negatives "
            "(recipe: plain), or too high a learning_rate."
        )


def chosen(sweep: Sequence[dict[str, float]], tolerance: float) -> dict[str, float]:
    """Return the best step of the sweep that loses nothing: a = 0 always qualifies.

    Of steps that dev's standard error can't tell apart, the one that learned most.
    """
    base = next(it for it in sweep if it["interpolation"] == 0)
    fair = [
        it
        for it in sweep
        if it["guard_spearman"] >= base["guard_spearman"] - tolerance
        and it["ndcg@10"] >= base["ndcg@10"]
        and it["pairs_spearman"] >= base["pairs_spearman"]
        and it["random_cosine"] <= base["random_cosine"] + MOST_SPREAD_LOST
    ]
    top = max(fair, key=lambda it: it["score"])
    least = top["score"] - top["error"]
    as_good = [it for it in fair if it["score"] >= least and it["score"] > base["score"]]
    return max(as_good or [base], key=lambda it: it["interpolation"])
