"""Fitting a reranker: first what the retriever knows, then what users picked.

A cross-encoder that starts from an encoder has a new head and knows nothing. So it is distilled
first: it learns to rank lists and titles as the retriever's signals do (Hinton et al. 2015, on
lists as in Cao et al., ICML 2007). What comes out is the base that tuning must beat. Then it
learns the picks; at last dev decides how far the weights go from base to tuned, and how much the
cross-encoder counts beside the retriever.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from datasets import Dataset
from pydantic import Field
from scipy.optimize import minimize
from scipy.special import log_softmax
from sentence_transformers import CrossEncoder, SentenceTransformer
from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
from transformers import (
    PreTrainedModel,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from findtune import jina, measures, trainers
from findtune.encoders import load as load_encoder
from findtune.errors import CollapseError
from findtune.exports import export
from findtune.interpolation import between, snapshot
from findtune.list_losses import Distilling, ListLoss, Picking
from findtune.params import Section
from findtune.precision import precision_here
from findtune.records import Record, read_kind
from findtune.reranker.model import (
    SIGNALS,
    Ranker,
    Weights,
    blended,
    cross_encoder,
    has_head,
    logits,
    picked,
    signals,
    write_weights,
)

Say = Callable[[str], None]
Array = np.ndarray
FEWEST_SPREAD = 1e-4  # standard deviation of a list's scores below which they are one score
PLACES = 6  # of a fitted weight; what comes after them hangs on how a processor rounds
RIDGE = 1e-4  # keeps the retriever's weights finite where they separate the picks
START = Weights(
    cross_encoder=1,
    retriever=0,
    company=0,
    title_company=0,
    sharpness=1,
    temperature=1,
    threshold=0,
    max_length=1,
)


class Course(Section):
    """One course of training: how long, and how fast."""

    epochs: float = Field(ge=0)
    learning_rate: float = Field(gt=0)


class Recipe(Section):
    """params.yaml: reranker.SIZE."""

    loss: Literal["softmax", "lambda", "bce"]
    distil: Course  # from the retriever
    tune: Course  # on the picks
    lists_per_batch: int = Field(gt=0)
    warmup: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    max_length: int = Field(gt=0)
    precision: Literal["fp32", "bf16"]
    threads: int = Field(gt=0)
    evaluations: int = Field(gt=0)
    patience: int = Field(gt=0)
    sharpness: float = Field(gt=0)
    interpolation: tuple[float, ...] = Field(min_length=1)
    shares: tuple[float, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Fitted:
    """A tuned ranker, what it started from, dev along the way, and what was decided."""

    model: Ranker
    signals: Weights
    base: dict[str, torch.Tensor]
    history: list[dict[str, float]]
    sweep: list[dict[str, float]]
    facts: dict[str, Any]

    def save(self, folder: Path) -> None:
        """Write the ranker, and beside it what it is judged against.

        That is the base, which had not seen a pick, and the weights of the retriever's signals.
        """
        self.model.save(folder)
        write_weights(folder / "signals.json", self.signals)
        tuned = snapshot(self.model.cross_encoder)
        self.model.cross_encoder.load_state_dict(self.base)
        self.model.cross_encoder.save_pretrained(str(folder / "base"), create_model_card=False)
        self.model.cross_encoder.load_state_dict(tuned)
        model = cast(PreTrainedModel, self.model.cross_encoder.model)
        if model.config.model_type == jina.JinaConfig.model_type:
            export(model, self.model.cross_encoder.tokenizer, folder)


def fit(
    bases: Mapping[str, Path],
    pairs: Path,
    recipe: Recipe,
    seed: int,
    say: Say,
    *,
    progress: bool,
) -> Fitted:
    """Return a ranker tuned on pairs.

    bases: the folder of each room's base model; the embedder's is the retriever. Raises
    CollapseError when training goes wrong, UnsafeModelError when a base may not be loaded.
    """
    torch.set_num_threads(recipe.threads)
    precision = precision_here(recipe.precision, say)
    base, encoder = bases["reranker"], load_encoder(bases["embedder"])
    model = cross_encoder(base, recipe.max_length, seed)
    lists = {name: read_kind(pairs / "train.jsonl", name) for name in ("list", "title")}
    lists |= {"dev": read_kind(pairs / "dev.jsonl", "list"), "shown": shown(lists["list"])}
    say(f"the retriever reads {len(lists['list'])} lists and {len(lists['title'])} titles")
    near = grouped(encoder, lists, recipe.sharpness, progress=progress)
    weights = retriever_weights(lists["shown"], near["shown"], recipe.sharpness)
    prior = {name: priors(its, weights) for name, its in near.items()}
    dev = Dev(lists["dev"], near["dev"], precision)
    watch = Watch(model, dev, recipe, say, progress=progress)
    run = Run(model, recipe, precision, seed, watch)
    if not has_head(base):
        taught = lists["list"] + lists["title"]
        teacher = prior["list"] + prior["title"]
        run.course(recipe.distil, examples(taught, teacher), Distilling(model), "distilling")
    start = snapshot(model)
    watch.begin()
    run.course(recipe.tune, examples(lists["list"]), Picking(model, recipe.loss), "tuning")
    return decided(model, encoder, weights, start, watch, recipe, precision)


def shown(lists: Sequence[Record]) -> list[Record]:
    """Return lists without the sources that pairing added: what a user chose from."""
    return [
        it | {"sources": [source for source in it["sources"] if source["shown"]]} for it in lists
    ]


def grouped(
    encoder: SentenceTransformer,
    lists: Mapping[str, Sequence[Record]],
    sharpness: float,
    *,
    progress: bool,
) -> dict[str, list[Array]]:
    """Return the retriever's signals of each group of lists; no text is read twice."""
    every = [it for its in lists.values() for it in its]
    found = iter(signals(encoder, every, sharpness, progress=progress))
    return {name: list(islice(found, len(its))) for name, its in lists.items()}


def retriever_weights(lists: Sequence[Record], near: Sequence[Array], sharpness: float) -> Weights:
    """Return the weights of the retriever's signals that make the picks likeliest.

    A softmax over each list (Plackett-Luce with one draw): three numbers, which few lists suffice
    for.
    """
    wanted = [gains(it) / gains(it).sum() for it in lists]

    def loss(weights: Array) -> tuple[float, Array]:
        """Return the loss and its gradient; differences instead would make much of rounding."""
        each, slope = [], []
        for x, share in zip(near, wanted, strict=True):
            chances = log_softmax(x @ weights)
            each.append(-(share * chances).sum())
            slope.append((np.exp(chances) - share) @ x)
        ridge = RIDGE * (weights**2).sum()
        return float(np.mean(each) + ridge), np.mean(slope, axis=0) + 2 * RIDGE * weights

    bounds = [(0, None)] * len(SIGNALS)
    found = minimize(loss, np.ones(len(SIGNALS)), method="L-BFGS-B", jac=True, bounds=bounds).x
    fitted = {name: round(float(value), PLACES) for name, value in zip(SIGNALS, found, strict=True)}
    return START.model_copy(update={"cross_encoder": 0.0, "sharpness": sharpness, **fitted})


def gains(it: Record) -> Array:
    """Return what each source of a list is worth, (sources,)."""
    return np.array([source["gain"] for source in it["sources"]])


def priors(near: Sequence[Array], weights: Weights) -> list[Array]:
    """Return what the retriever alone would score, in the scale of logits."""
    return blended([np.zeros(len(one)) for one in near], near, weights)


def examples(lists: Sequence[Record], teacher: Sequence[Array] | None = None) -> Dataset:
    """Return lists as the trainer takes them: of each source its gain or score, and its weight."""
    wanted: Sequence[Any] = teacher or [gains(it) for it in lists]
    return Dataset.from_dict(
        {
            "query": [it["query"] for it in lists],
            "documents": [[source["text"] for source in it["sources"]] for it in lists],
            "labels": [
                [
                    [float(value), float(source["weight"])]
                    for value, source in zip(values, it["sources"], strict=True)
                ]
                for it, values in zip(lists, wanted, strict=True)
            ],
        }
    )


class Trainer(CrossEncoderTrainer):
    """The trainer of sentence-transformers, less the card that shows training rows."""

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Leave the library's card out: findtune.cards writes one that prints no row."""


@dataclass(frozen=True)
class Run:
    """What the courses of one training have in common."""

    model: CrossEncoder
    recipe: Recipe
    precision: str
    seed: int
    watch: "Watch"

    def course(self, course: Course, lists: Dataset, loss: ListLoss, name: str) -> None:
        """Train for one course; the watch sees every step."""
        if not course.epochs:
            return
        self.watch.name = name
        arguments = CrossEncoderTrainingArguments(
            num_train_epochs=course.epochs,
            per_device_train_batch_size=self.recipe.lists_per_batch,
            learning_rate=course.learning_rate,
            **trainers.arguments(
                self.recipe, self.precision, self.seed, progress=self.watch.progress
            ),
        )
        trainer = Trainer(
            model=self.model,
            args=arguments,
            train_dataset=lists,
            loss=loss,
            callbacks=[self.watch],
        )
        trainers.run(trainer, self.model, progress=self.watch.progress)


class Dev:
    """The lists of dev, and what the retriever says of them."""

    def __init__(self, lists: Sequence[Record], near: Sequence[Array], precision: str) -> None:
        self.lists, self.near, self.bf16 = lists, near, precision == "bf16"
        self.gains = [picked(it) for it in lists]

    def read(self, model: CrossEncoder) -> list[Array]:
        """Return the cross-encoder's logits, in the precision of training."""
        with torch.autocast(model.device.type, dtype=torch.bfloat16, enabled=self.bf16):
            return logits(model, self.lists)

    def judge(self, read: Sequence[Array], weights: Weights) -> dict[str, float]:
        """Return the measures of blended scores on dev."""
        scores = blended(read, self.near, weights)
        found = measures.per_list(scores, self.gains)
        return {name: float(values.mean()) for name, values in found.items()}


class Watch(TrainerCallback):
    """Judges on dev along the way, keeps the best weights, stops early, and sees collapse."""

    def __init__(
        self, model: CrossEncoder, dev: Dev, recipe: Recipe, say: Say, *, progress: bool
    ) -> None:
        self.model, self.dev, self.recipe, self.say = model, dev, recipe, say
        self.progress, self.name, self.tuning = progress, "", False
        self.history: list[dict[str, float]] = []
        self.best, self.best_weights, self.best_step = -math.inf, snapshot(model), 0
        self.first_read: list[Array] = []
        self.best_read: list[Array] = []
        self.worse, self.told = 0, time.monotonic()

    def begin(self) -> None:
        """Judge the base; from here on dev decides when to stop."""
        self.tuning = True
        self.judge(0)
        self.first_read = self.best_read

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Judge at every evaluation of tuning; say a line a minute."""
        every = math.ceil(state.max_steps / self.recipe.evaluations)
        last = state.global_step == state.max_steps
        if self.tuning and (state.global_step % every == 0 or last):
            self.judge(state.global_step)
            if self.worse >= self.recipe.patience:
                self.say(f"no better for {self.worse} evaluations: stopping")
                control.should_training_stop = True
        if time.monotonic() - self.told > 60:
            self.told = time.monotonic()
            self.say(f"{self.name}: step {state.global_step} of {state.max_steps}")

    def judge(self, step: int) -> None:
        training = self.model.training
        self.model.eval()
        read = self.dev.read(self.model)
        self.model.train(training)
        refuse_collapse(read)
        found = self.dev.judge(read, START)
        self.history.append({"step": step, **found})
        self.say(f"step {step}: dev " + ", ".join(f"{k} {v:.4f}" for k, v in found.items()))
        if found["ndcg@10"] > self.best:
            self.best, self.best_weights = found["ndcg@10"], snapshot(self.model)
            self.best_read, self.best_step, self.worse = read, step, 0
        else:
            self.worse += 1


def refuse_collapse(read: Sequence[Array]) -> None:
    """Raise CollapseError when scores are no numbers, or all of a list are one."""
    if not all(np.isfinite(scores).all() for scores in read):
        raise CollapseError("scores are no longer finite; lower learning_rate, or use fp32.")
    spread = float(np.median([scores.std() for scores in read]))
    if spread < FEWEST_SPREAD:
        raise CollapseError(
            f"the sources of a list differ by {spread:.1g} in score: the reranker says the same of "
            "all. The usual causes are a learning_rate far too high or too low, or too few steps."
        )


def decided(
    model: CrossEncoder,
    encoder: SentenceTransformer,
    weights: Weights,
    start: Mapping[str, torch.Tensor],
    watch: Watch,
    recipe: Recipe,
    precision: str,
) -> Fitted:
    """Return the ranker that dev likes best: how far from the base, and with how much retriever.

    Share 1 is the cross-encoder alone, share 0 the retriever's signals alone.
    """
    sweep, reads = [], {0.0: watch.first_read, 1.0: watch.best_read}
    for a in sorted({0.0, *recipe.interpolation}) if watch.best_step else [0.0]:
        if a not in reads:
            model.load_state_dict(between(start, watch.best_weights, a))
            reads[a] = watch.dev.read(model)
        for share in sorted(recipe.shares):
            judged = watch.dev.judge(reads[a], shared(weights, share))
            sweep.append({"interpolation": a, "share": share, **judged})
    best = max(sweep, key=lambda it: (it["ndcg@10"], it["map"], -it["interpolation"]))
    a, share = best["interpolation"], best["share"]
    model.load_state_dict(between(start, watch.best_weights, a))
    blend = shared(weights, share)
    sigmoid = calibrated(blended(reads[a], watch.dev.near, blend), watch.dev.gains)
    blend = blend.model_copy(update={"max_length": recipe.max_length, **sigmoid})
    ranker = Ranker(model, encoder, blend)
    facts = {
        "precision": precision,
        "best_step": watch.best_step,
        "interpolation": a,
        "share of the cross-encoder": share,
        **ranker.weights.model_dump(),
    }
    return Fitted(ranker, weights, dict(start), watch.history, sweep, facts)


def shared(weights: Weights, share: float) -> Weights:
    """Return a share of the cross-encoder, and the rest of the retriever's signals."""
    rest = {name: (1 - share) * getattr(weights, name) for name in SIGNALS}
    return weights.model_copy(update={"cross_encoder": share, **rest})


def calibrated(scores: Sequence[Array], gains: Sequence[Array]) -> dict[str, float]:
    """Return the temperature and the threshold whose sigmoid fits the picks best.

    Source: Platt scaling (Platt 1999) with a temperature above zero, so that no order changes.
    His targets, a little inside 0 and 1, keep it above zero where scores tell all picks apart.
    """
    every, chosen = np.concatenate(scores).astype(np.float64), np.concatenate(gains) > 0
    most, least = (chosen.sum() + 1) / (chosen.sum() + 2), 1 / ((~chosen).sum() + 2)
    wanted = np.where(chosen, most, least)

    def loss(at: Array) -> float:
        away = (every - at[1]) / math.exp(at[0])
        return float(np.mean(np.logaddexp(0, away) - wanted * away))

    found = minimize(loss, np.array([0.0, float(every.mean())]), method="Nelder-Mead").x
    return {"temperature": float(math.exp(found[0])), "threshold": float(found[1])}
