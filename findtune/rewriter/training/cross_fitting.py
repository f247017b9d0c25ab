"""Cross-fitting: rewrites of train's questions by models that did not learn these questions.

A model knows the answers to the questions that it has learned, so only other questions show how
well it rewrites. Dev has few of them. So train is split in two, and a model trained on each half
rewrites questions of the other half. Source: cross-fitting, as in Chernozhukov et al. 2018 (double
machine learning), section 3.1.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from findtune.core.records import Record
from findtune.rewriter.model.lexicon import Lexicon
from findtune.rewriter.model.rewriter import Rewriter
from findtune.rewriter.training.dev_set import RewriterDevSet
from findtune.rewriter.training.select_model import (
    Checkpoint,
    Comparison,
    measure_candidates,
)
from findtune.rewriter.training.training_data import all_targets, sample_questions
from findtune.training import ranks
from findtune.training.checkpoints import Checkpoints
from findtune.training.folds import fold_numbers
from findtune.training.interpolation import State, snapshot

FOLDS = 2  # each takes a training on the rest of train


class Fold(NamedTuple):
    """A sample of a fold's questions, and the targets of all other folds."""

    questions: list[Record]
    targets: list[Record]


class StopAt(TrainerCallback):
    """Stops a training after a share of its steps: where dev kept the weights."""

    def __init__(self, share: float) -> None:
        self.share = share

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Stop once the share of steps is done."""
        if state.global_step >= math.ceil(self.share * state.max_steps):
            control.should_training_stop = True


def split_train(train_rows: Mapping[str, Sequence[Record]], number: int) -> list[Fold]:
    """Return the folds of train; number: the most questions to sample over all folds.

    Questions of one group share a fold. A fold without questions or targets is left out.
    """
    questions = train_rows["question"]
    numbers = fold_numbers([question["group"] for question in questions], FOLDS)
    fold_of = {
        question["record"]: fold for question, fold in zip(questions, numbers.tolist(), strict=True)
    }
    asked = sample_questions(questions, number)
    targets = all_targets(train_rows)
    folds = [
        Fold(
            [question for question in asked if fold_of[question["record"]] == fold],
            [target for target in targets if fold_of[target["record"]] != fold],
        )
        for fold in range(FOLDS)
    ]
    return [fold for fold in folds if fold.questions and fold.targets]


def cross_fit(
    rewriter: Rewriter,
    folds: Sequence[Fold],
    ask: Callable[[list[Record]], RewriterDevSet],
    base: State,
    learn: Callable[..., object],
    lexicon_of: Callable[[list[Record]], Lexicon],
    checkpoints: Checkpoints,
    shares: Sequence[float],
) -> list[Comparison]:
    """Return the recalls of all candidates on the questions of each fold.

    ask: makes a set of questions; base: the weights before training; learn: trains the rewriter on
    (targets, checkpoints=...); lexicon_of: makes the lexicon of some targets, so that a fold's
    rewrites can't use words that only its own targets have; shares: the interpolations to try;
    without any, nothing is trained. The rewriter's weights change.
    """
    compared = []
    whole = rewriter
    for number, fold in enumerate(folds):
        questions = ask(fold.questions)
        rewriter = replace(whole, lexicon=lexicon_of(fold.targets))  # the same model
        rewriter.model.load_state_dict(base)
        before = after = Checkpoint(base, questions.sample_rewrites(rewriter))
        if shares:
            asked = len(fold.questions)
            checkpoints.say(f"cross-fitting: {len(fold.targets)} examples, for {asked} questions")
            learn(fold.targets, checkpoints=checkpoints.phase(f"fold-{number}"))
            after = Checkpoint(snapshot(rewriter.model), questions.sample_rewrites(rewriter))
        measure = partial(measure_candidates, rewriter, questions, before, after)
        compared.append(ranks.on_first(measure, shares))
    return compared
