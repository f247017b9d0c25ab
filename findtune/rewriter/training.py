"""Fitting a rewriter: first the searches that found more, then its own rewrites that do.

It learns, each weighed by what it is worth: searches that brought more of the picks than their
question, titles of picks, and now and then the question itself. Then, where the recipe says so, it
draws rewrites of train's questions, searches for them, and learns those that bring more (best-of-n,
or rejection sampling, as in RAFT, Dong et al., TMLR 2023). At last dev decides how far the weights
go from base to tuned, how many rewrites are searched beside the question, alone or after its words,
and how many titles of what it finds; none is a choice too. Dev is small: it judges the mean of
several draws, what differs by less than a standard error is the same to it, and then what learned
more is kept.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from pydantic import Field, ValidationInfo, field_validator
from transformers import (
    PreTrainedModel,
    Seq2SeqTrainingArguments,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from findtune import measures, trainers
from findtune.errors import CollapseError
from findtune.files import read_json
from findtune.interpolation import between, snapshot
from findtune.params import Section
from findtune.precision import precision_here
from findtune.records import Record, read_kind
from findtune.rewriter.model import (
    Drawing,
    Rewriter,
    Settings,
    copies,
    find,
    fit_to_search,
    graded,
    loops,
    read,
)
from findtune.search import ByWords, Ranking, read_pool
from findtune.weighted_loss import Batches, WeightedTrainer

Say = Callable[[str], None]
Array = np.ndarray
LEARNED = ("rewrite", "identity", "title")
Choice = tuple[float, Settings]  # interpolation, and how rewrites are used
Positive = Annotated[int, Field(gt=0)]
Natural = Annotated[int, Field(ge=0)]
Draw = list[list[str]]  # of each question its rewrites that are fit to be searched
DEEP = 10  # sources of a search that a user looks at
TOLD = ("recall@10", "exact_copy", "repeat", "fit")
SWEPT = ("rewrites", "titles", "constant", "question", "joined")


class Adapter(Section):
    """LoRA (Hu et al., ICLR 2022) on every linear layer; merged when training is over."""

    rank: int = Field(gt=0)
    alpha: int = Field(gt=0)


class BestOf(Section):
    """The second course: what the rewriter drew itself, and what came of it."""

    epochs: float = Field(ge=0)
    learning_rate: float = Field(gt=0)
    kept: int = Field(gt=0)  # of one question, the best


class Recipe(Section):
    """params.yaml: rewriter.SIZE."""

    adapter: Adapter | None
    epochs: float = Field(gt=0)
    learning_rate: float = Field(gt=0)
    best_of: BestOf
    batch_size: int = Field(gt=0)
    label_smoothing: float = Field(ge=0, lt=1)
    warmup: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    precision: Literal["fp32", "bf16"]
    threads: int = Field(gt=0)
    evaluations: int = Field(gt=0)
    patience: int = Field(gt=0)
    interpolation: tuple[float, ...] = Field(min_length=1)
    drawing: Drawing
    counts: tuple[Positive, ...] = Field(min_length=1)  # of rewrites searched too, tried on dev
    titles: tuple[Natural, ...] = Field(min_length=1)  # of first sources searched too, tried on dev
    constants: tuple[float, ...] = Field(min_length=1)  # of fusion, tried on dev
    questions: tuple[float, ...] = Field(min_length=1)  # what the question counts, tried on dev
    joins: tuple[int, ...] = Field(min_length=1)  # questions before a rewrite, tried on dev
    draws: int = Field(gt=0)  # of dev's rewrites, over which its recall is the mean

    @field_validator("counts")
    @classmethod
    def enough(cls, counts: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        """Refuse to search more rewrites than are drawn."""
        drawn = info.data["drawing"].candidates if "drawing" in info.data else max(counts)
        if max(counts) > drawn:
            raise ValueError(f"of {drawn} candidates at most {drawn} can be searched")
        return counts


@dataclass(frozen=True)
class Fitted:
    """A tuned rewriter, dev along the way, and what was decided.

    titles: the way to search titles without a rewrite that dev liked best, if it was asked.
    """

    model: Rewriter
    titles: Settings | None
    history: list[dict[str, float]]
    sweep: list[dict[str, float]]
    facts: dict[str, Any]

    def save(self, folder: Path) -> None:
        """Write the rewriter to a folder, and beside it what needs none to compare with."""
        self.model.save(folder)
        if self.titles:
            self.titles.write(folder / "titles.json")


def fit(
    bases: Mapping[str, Path],
    pairs: Path,
    recipe: Recipe,
    seed: int,
    say: Say,
    *,
    progress: bool,
) -> Fitted:
    """Return a rewriter tuned on pairs.

    bases: the folder of each room's base model. Raises CollapseError when training goes wrong,
    UnsafeModelError when the base may not be loaded.
    """
    torch.set_num_threads(recipe.threads)
    precision = precision_here(recipe.precision, say)
    names = frozenset(read_json(pairs / "names.json"))
    rewriter = read(bases["rewriter"], fusions(recipe)[0], names)
    pool = ByWords(read_pool(pairs / "pool.jsonl"))
    asked = read_kind(pairs / "dev.jsonl", "question")
    dev = Dev(asked, pool, recipe, precision, seed)
    start = snapshot(rewriter.model)
    watch = Watch(rewriter, dev, recipe, say, progress=progress)
    run = Run(rewriter, recipe, precision, seed, watch)
    taught = [it for kind in LEARNED for it in read_kind(pairs / "train.jsonl", kind)]
    say(f"{len(taught)} examples")
    run.course(taught, recipe.epochs, recipe.learning_rate, "learning searches")
    if recipe.best_of.epochs:
        say("drawing rewrites of train's questions")
        asked = read_kind(pairs / "train.jsonl", "question")
        drawn = best_of(rewriter, asked, pool, recipe, precision, seed)
        say(f"{len(drawn)} of its own rewrites found more than their question")
        own = recipe.best_of
        run.course(taught + drawn, own.epochs, own.learning_rate, "learning its own rewrites")
    return decided(rewriter, start, watch, recipe, precision)


def best_of(
    rewriter: Rewriter,
    asked: Sequence[Record],
    pool: ByWords,
    recipe: Recipe,
    precision: str,
    seed: int,
) -> list[Record]:
    """Return the drawn rewrites of questions whose search brings more picks than the question."""
    drawn = as_saved(rewriter, precision).candidates([it["query"] for it in asked], seed)
    found = []
    for it, candidates in zip(asked, drawn, strict=True):
        good = fit_to_search(it["query"], candidates, rewriter.names)
        if good and it["picks"]:
            margins = brought(pool, good, it["picks"]) - brought(pool, [it["query"]], it["picks"])
            for at in np.argsort(-margins, kind="stable")[: recipe.best_of.kept]:
                if margins[at] > 0:
                    found.append(
                        {"query": it["query"], "target": good[at], "weight": float(margins[at])}
                    )
    return found


def brought(pool: ByWords, queries: Sequence[str], picks: Sequence[str]) -> Array:
    """Return the share of the picks that each query brings, (queries,)."""
    return np.array([len({*its[:DEEP]} & {*picks}) / len(picks) for its in pool.found(queries)])


@dataclass(frozen=True)
class Run:
    """What the courses of one training have in common."""

    rewriter: Rewriter
    recipe: Recipe
    precision: str
    seed: int
    watch: "Watch"

    def course(self, taught: Sequence[Record], epochs: float, rate: float, name: str) -> None:
        """Learn some examples; the watch sees every step, and keeps the best weights."""
        torch.manual_seed(self.seed)  # an adapter begins with numbers of chance
        ours, watch = self.rewriter.model, self.watch
        model = adapted(ours, self.recipe.adapter)
        watch.name, watch.worse, watch.best_weights = name, 0, snapshot(ours)
        arguments = Seq2SeqTrainingArguments(
            num_train_epochs=epochs,
            per_device_train_batch_size=self.recipe.batch_size,
            learning_rate=rate,
            label_smoothing_factor=self.recipe.label_smoothing,
            remove_unused_columns=False,
            train_sampling_strategy="group_by_length",
            **trainers.arguments(self.recipe, self.precision, self.seed, progress=watch.progress),
        )
        trainer = WeightedTrainer(
            model=model,
            args=arguments,
            train_dataset=self.examples(taught),
            data_collator=self.batches(),
            callbacks=[watch],
        )
        trainers.run(trainer, model, progress=watch.progress)
        ours.load_state_dict(watch.best_weights)
        if isinstance(model, PeftModel):
            model.merge_and_unload()
            watch.best_weights = snapshot(ours)
            watch.best_drawn, _ = watch.dev.draw(self.rewriter)  # merging rounds

    def examples(self, taught: Sequence[Record]) -> Dataset:
        """Return examples as tokens, with their weights, whose mean over all of them is 1."""
        kind, mean = self.rewriter.kind, np.mean([it["weight"] for it in taught])
        rows: list[dict[str, Any]] = [
            {**kind.example(it["query"], it["target"]), "weight": float(it["weight"] / mean)}
            for it in taught
        ]
        return Dataset.from_list([{**row, "length": len(row["input_ids"])} for row in rows])

    def batches(self) -> Batches:
        return Batches(self.rewriter.tokenizer.pad_token_id, self.rewriter.kind.side == "left")


def adapted(model: PreTrainedModel, adapter: Adapter | None) -> torch.nn.Module:
    """Return a model that learns by an adapter, or the model itself."""
    if adapter is None:
        return model
    encodes = model.config.is_encoder_decoder
    return get_peft_model(
        model,
        LoraConfig(
            r=adapter.rank,
            lora_alpha=adapter.alpha,
            target_modules="all-linear",
            task_type=TaskType.SEQ_2_SEQ_LM if encodes else TaskType.CAUSAL_LM,
        ),
    )


class Dev:
    """The questions of dev, searched by words alone and with rewrites.

    Their recall is that of the picks; where people judged, what they graded counts as much. Picks
    are of what was shown, which the question's own search had found in part, so they favour it.
    """

    def __init__(
        self, asked: Sequence[Record], pool: ByWords, recipe: Recipe, precision: str, seed: int
    ) -> None:
        self.questions = [it["query"] for it in asked]
        picks = [it["picks"] for it in asked]
        self.answers = (picks, [graded(it) or its for it, its in zip(asked, picks, strict=True)])
        self.pool, self.precision = pool, precision
        self.seeds = range(seed, seed + recipe.draws)
        self.ways = fusions(recipe)
        without = self.ways[0].model_copy(update={"titles": 0})
        self.alone = self.judge([[[] for _ in asked]], without)

    def draw(self, rewriter: Rewriter) -> tuple[list[Draw], dict[str, float]]:
        """Return the rewrites of each question at each draw, and the habits of all draws."""
        saved = as_saved(rewriter, self.precision)
        written = [
            [*zip(self.questions, saved.candidates(self.questions, seed), strict=True)]
            for seed in self.seeds
        ]
        good = [[fit_to_search(*one, rewriter.names) for one in draw] for draw in written]
        return good, self.habits([one for draw in written for one in draw], good)

    def judge(self, drawn: Sequence[Draw], how: Settings) -> Array:
        """Return recall@10 of each question, fused with its first rewrites, (questions,).

        It is the mean over the draws.
        """
        found = [self.found(one, how) for one in drawn]
        each = [measures.of_rankings(its, wanted) for its in found for wanted in self.answers]
        recall: Array = np.mean([one["recall@10"] for one in each], axis=0)
        return recall

    def found(self, draw: Draw, how: Settings) -> list[Ranking]:
        """Return what each question and its rewrites of one draw bring."""
        return [
            find(self.pool, question, its[: how.rewrites], how)
            for question, its in zip(self.questions, draw, strict=True)
        ]

    def best(self, drawn: Sequence[Draw]) -> Array:
        """Return recall@10 of each question by the way of using rewrites that finds most."""
        ways = (how for how in self.ways if how.rewrites)
        return max((self.judge(drawn, how) for how in ways), key=np.mean)

    def habits(
        self, drawn: Sequence[tuple[str, list[str]]], good: Sequence[Draw]
    ) -> dict[str, float]:
        """Return the shares of what was drawn that copy, loop, and are fit to be searched."""
        each = [(question, it) for question, its in drawn for it in its]
        return {
            "exact_copy": float(np.mean([copies(*one) for one in each])),
            "repeat": float(np.mean([loops(*one) for one in each])),
            "fit": sum(len(its) for draw in good for its in draw) / len(each),
        }


class Watch(TrainerCallback):
    """Judges on dev along the way, keeps the best weights, and stops early."""

    def __init__(
        self, rewriter: Rewriter, dev: Dev, recipe: Recipe, say: Say, *, progress: bool
    ) -> None:
        self.rewriter, self.dev, self.recipe, self.say = rewriter, dev, recipe, say
        self.progress, self.name = progress, ""
        self.history: list[dict[str, float]] = []
        self.steps, self.worse, self.told = 0, 0, time.monotonic()
        self.first, habits = dev.draw(rewriter)
        self.best_drawn, self.best_weights = self.first, snapshot(rewriter.model)
        self.top, self.best_step = dev.best(self.first), 0
        self.note(0, habits, self.top)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Judge at every evaluation; say a line a minute."""
        self.steps += 1
        every = math.ceil(state.max_steps / self.recipe.evaluations)
        if state.global_step % every == 0 or state.global_step == state.max_steps:
            self.judge()
            if self.worse >= self.recipe.patience:
                self.say(f"no better for {self.worse} evaluations: stopping")
                control.should_training_stop = True
        if time.monotonic() - self.told > 60:
            self.told = time.monotonic()
            self.say(f"{self.name}: step {state.global_step} of {state.max_steps}")

    def judge(self) -> None:
        """Keep the weights unless dev is sure that earlier ones were better."""
        model = self.rewriter.model
        refuse_broken(model)
        training = model.training
        model.train(False)
        drawn, habits = self.dev.draw(self.rewriter)
        model.train(training)
        recall = self.dev.best(drawn)
        self.note(self.steps, habits, recall)
        if close(recall, self.top):
            self.best_drawn, self.best_weights = drawn, snapshot(model)
            self.best_step, self.worse = self.steps, 0
        else:
            self.worse += 1
        if recall.mean() > self.top.mean():
            self.top = recall

    def note(self, step: int, habits: dict[str, float], recall: Array) -> None:
        found = {"recall@10": float(recall.mean()), **habits}
        self.history.append({"step": step, **found})
        alone = f" (alone {self.dev.alone.mean():.4f})"
        told = ", ".join(f"{name} {found[name]:.4f}" for name in TOLD)
        self.say(f"step {step}: dev {told}{alone}")


def refuse_broken(model: torch.nn.Module) -> None:
    """Raise CollapseError when a weight is no number: after the last step no loss would tell."""
    if not all(torch.isfinite(weight).all() for weight in model.parameters()):
        raise CollapseError("the weights are no longer finite; lower learning_rate, or use fp32.")


def decided(
    rewriter: Rewriter,
    start: Mapping[str, torch.Tensor],
    watch: Watch,
    recipe: Recipe,
    precision: str,
) -> Fitted:
    """Return the rewriter that dev likes best: how far from the base, and how many rewrites.

    Where dev can't tell two apart by a standard error, the weights that learned more are kept. A
    count of 0 leaves every question alone; it is chosen when no other one finds more on dev.
    """
    dev, sweep = watch.dev, []
    recalls: dict[Choice, Array] = {}
    for a in sorted({0.0, *recipe.interpolation}) if watch.best_step else [0.0]:
        drawn = {0.0: watch.first, 1.0: watch.best_drawn}.get(a)
        if drawn is None:
            rewriter.model.load_state_dict(between(start, watch.best_weights, a))
            drawn, _ = dev.draw(rewriter)
        for how in (it for it in dev.ways if it.rewrites or a == 0):
            found = recalls[a, how] = dev.judge(drawn, how)
            used = how.model_dump(include={*SWEPT})
            sweep.append({"interpolation": a, **used, "recall@10": float(found.mean())})
    free = [it for it in recalls if not it[1].rewrites]
    titles = max(free, key=lambda it: recalls[it].mean())[1] if free else None
    a, how = chosen(recalls, dev.alone)
    rewriter.model.load_state_dict(between(start, watch.best_weights, a))
    facts = {
        "precision": precision,
        "best_step": watch.best_step,
        "interpolation": a,
        **how.model_dump(),
        "recall@10 on dev, alone": float(dev.alone.mean()),
        "recall@10 on dev, fused": float(recalls.get((a, how), dev.alone).mean()),
    }
    saved = as_saved(rewriter, precision)
    return Fitted(replace(saved, settings=how), titles, watch.history, sweep, facts)


def as_saved(rewriter: Rewriter, precision: str) -> Rewriter:
    """Return a rewriter as it is saved and used: a copy in bf16 when it was trained in that."""
    if precision == "fp32":
        return rewriter
    model = deepcopy(rewriter.model)
    for weight in model.parameters():  # not the buffers: a loaded model's places are in fp32
        weight.data = weight.data.bfloat16()
    return replace(rewriter, model=model)


def fusions(recipe: Recipe) -> list[Settings]:
    """Return every way of using rewrites that dev is asked about; titles alone are one too."""
    tried = (recipe.titles, recipe.constants, recipe.questions)
    ways = [*product(sorted(recipe.counts), *map(sorted, tried), sorted(recipe.joins))]
    ways += [(0, *way, 0) for way in product(*map(sorted, tried)) if way[0]]
    return [
        Settings.model_validate(recipe.drawing.model_dump() | dict(zip(SWEPT, way, strict=True)))
        for way in ways
    ]


def chosen(recalls: Mapping[Choice, Array], alone: Array) -> Choice:
    """Return the interpolation and the settings to keep.

    recalls: of each of them the recall of every question of dev; alone: that of the questions
    alone. When none finds more, neither a rewrite nor a title is used.
    """
    best = max(recalls, key=lambda it: recalls[it].mean())
    top = recalls[best]
    if top.mean() <= alone.mean():
        return 0.0, best[1].model_copy(update={"rewrites": 0, "titles": 0})
    better = [it for it, found in recalls.items() if found.mean() > alone.mean()]
    learned = max(a for a, how in better if close(recalls[a, how], top))
    return max((it for it in better if it[0] == learned), key=lambda it: recalls[it].mean())


def close(one: Array, top: Array) -> bool:
    """Return whether dev can't tell a recall from the best by a standard error, both (questions,).

    One question can't tell any two apart.
    """
    return bool(one.mean() >= top.mean() - measures.standard_error(one - top))
