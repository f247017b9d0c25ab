"""Training is evaluated on dev at fixed steps, keeps the best weights, and stops early."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from transformers import TrainerControl, TrainerState, TrainingArguments

from findtune.training import callback
from findtune.training.callback import DevResult, EvalCallback

Rule = Callable[[DevResult, DevResult], bool]


def larger(result: DevResult, best: DevResult) -> bool:
    return result.score > best.score


def nearly(result: DevResult, best: DevResult) -> bool:
    """Return whether a result is as good, when 0.1 may be noise."""
    return result.score >= best.score - 0.1


class ScriptedTraining:
    """A network whose only weight is the number of steps, and a dev set with known scores."""

    def __init__(self, scores: Sequence[float], patience: int = 99, **options: Any) -> None:
        self.network = torch.nn.Linear(1, 1, bias=False)
        self.network.weight.data.zero_()
        self.scores, self.lines = iter(scores), list[str]()
        recipe = SimpleNamespace(eval_steps=0.0, early_stopping_patience=patience)
        options = {"is_as_good": larger, "reported": ["ndcg"], **options}
        self.watcher = EvalCallback(
            self.network, self.evaluate, recipe, self.lines.append, **options
        )

    def evaluate(self) -> DevResult:
        assert not self.network.training
        score = next(self.scores)
        return DevResult({"ndcg": score, "noise": 7.0}, score, f"payload of {score}")

    def begin(self, *, base_competes: bool = True) -> "ScriptedTraining":
        self.network.eval()
        self.watcher.begin(self.evaluate(), base_competes=base_competes)
        return self

    def train(self, *, steps: int = 6, eval_steps: float = 1 / 6) -> "ScriptedTraining":
        """Train as the trainer of transformers does, until the end or until it is stopped."""
        cast(Any, self.watcher.recipe).eval_steps = eval_steps
        control, state = TrainerControl(), TrainerState(max_steps=steps)
        self.network.train()
        while state.global_step < steps and not control.should_training_stop:
            state.global_step += 1
            self.network.weight.data += 1
            self.watcher.on_step_end(cast(TrainingArguments, None), state, control)
            assert self.network.training
        return self

    @property
    def steps(self) -> list[float]:
        return [row["step"] for row in self.watcher.history]


@pytest.mark.parametrize(
    ("steps", "eval_steps", "expected"),
    [(6, 0.5, [0, 3, 6]), (2, 0.1, [0, 1, 2]), (3, 1.0, [0, 3]), (9, 0.3333, [0, 3, 6, 9])]
    + [(7, 0.5, [0, 4, 7]), (10, 0.3333, [0, 4, 8, 10])],  # ceil(3.5) = 4, and at the end
)
def test_dev_is_evaluated_at_a_ratio_of_all_steps_and_at_the_end(
    steps: int, eval_steps: float, expected: list[int]
) -> None:
    scores = [step / 100 for step in expected]
    training = ScriptedTraining(scores).begin().train(steps=steps, eval_steps=eval_steps)
    rows = [{"step": step, "ndcg": step / 100, "noise": 7.0} for step in expected]
    assert training.watcher.history == rows
    assert training.lines == [f"step {step}: dev ndcg {step / 100:.4f}" for step in expected]


@pytest.mark.parametrize(
    ("scores", "rule", "base_competes", "kept"),
    [
        ([0.1, 0.2, 0.5, 0.3, 0.5, 0.4, 0.5], larger, True, 2),  # of equals the first
        ([0.6, 0.2, 0.5, 0.3, 0.5, 0.4, 0.5], larger, True, 0),
        ([0.6, 0.2, 0.5, 0.3, 0.5, 0.4, 0.5], larger, False, 2),
        ([0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0], larger, False, 1),
        ([0.1, 0.2, 0.5, 0.3, 0.5, 0.45, 0.3], nearly, True, 5),  # of equals the last
        # The reference is the largest score so far, not the score of the kept weights.
        ([0.5, 0.43, 0.36, 0.29, 0.2, 0.1, 0.1], nearly, True, 1),
    ],
)
def test_the_weights_of_the_best_evaluation_are_kept_by_the_given_rule(
    scores: list[float], rule: Rule, base_competes: bool, kept: int
) -> None:
    training = ScriptedTraining(scores, is_as_good=rule).begin(base_competes=base_competes).train()
    watcher = training.watcher
    assert watcher.kept_step == watcher.kept_weights["weight"].item() == kept
    assert watcher.kept is not None
    assert watcher.kept.payload == f"payload of {scores[kept]}"
    assert training.network.weight.item() == 6  # nothing is restored here


@pytest.mark.parametrize(
    ("scores", "patience", "early_stopping", "stopped"),
    [
        ([0.5, 0.4, 0.3, 0.2], 3, True, 3),
        ([0.5, 0.4, 0.6, 0.5, 0.4], 2, True, 4),  # an improvement starts the count again
        ([0.5, 0.4, 0.6, 0.5, 0.7, 0.6, 0.8], 2, True, 6),
        ([0.5] + [0.1] * 6, 1, False, 6),
    ],
)
def test_training_stops_after_evaluations_in_a_row_without_improvement(
    scores: list[float], patience: int, early_stopping: bool, stopped: int
) -> None:
    training = ScriptedTraining(scores, patience, early_stopping=early_stopping).begin().train()
    assert training.steps == [*range(stopped + 1)]
    assert training.network.weight.item() == stopped
    early = f"no better for {patience} evaluations: stopping"
    assert (training.lines[-1] == early) == (stopped < 6)


def test_nothing_is_evaluated_before_the_beginning() -> None:
    training = ScriptedTraining([0.5] + [0.6] * 3).train(steps=5)
    assert (training.steps, training.lines) == ([], [])
    assert training.begin().train(steps=3).steps == [0, 1, 2, 3]


@pytest.mark.parametrize(("phase", "prefix"), [("tune", "tune: "), ("", "")])
def test_the_step_is_reported_once_a_minute(
    monkeypatch: pytest.MonkeyPatch, phase: str, prefix: str
) -> None:
    readings = iter(range(0, 1000, 25))  # seconds
    monkeypatch.setattr(callback, "time", SimpleNamespace(monotonic=lambda: next(readings)))
    training = ScriptedTraining([])
    training.watcher.phase = phase
    # Read at 0 and after each step, at 25, 50, 75 (and at 100, on the report), 125, 150, 175.
    assert training.train().lines == [f"{prefix}step 3 of 6", f"{prefix}step 6 of 6"]
