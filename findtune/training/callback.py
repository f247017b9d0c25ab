"""Evaluation on dev during training: keep the best weights, stop early, report progress."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from findtune.training.interpolation import snapshot

Say = Callable[[str], None]
REPORT_SECONDS = 60  # at least this long between two progress lines


@dataclass(frozen=True)
class DevResult:
    """One evaluation on dev.

    measures: the row of history.csv; score: higher is better; payload: what model selection needs
    later, such as per-query values or predictions.
    """

    measures: dict[str, float]
    score: float
    payload: Any = None


class EvalRecipe(Protocol):
    """The settings of evaluation that every room's recipe has."""

    @property
    def eval_steps(self) -> float: ...

    @property
    def early_stopping_patience(self) -> int: ...


IsAsGood = Callable[[DevResult, DevResult], bool]  # (new result, best result so far)


class EvalCallback(TrainerCallback):
    """Evaluates on dev each time a given ratio of all steps is done, and keeps the best weights.

    A result is kept when `is_as_good(result, best)` holds, where `best` is the result with the
    highest score so far; a rule that allows for noise keeps the later of two equal results.
    Nothing is evaluated until `begin` is called. Unless `early_stopping=False`, training stops
    after `early_stopping_patience` evaluations in a row that are not as good.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        evaluate: Callable[[], DevResult],
        recipe: EvalRecipe,
        say: Say,
        *,
        is_as_good: IsAsGood,
        reported: Sequence[str],
        early_stopping: bool = True,
    ) -> None:
        """Prepare for training.

        network: the trained network; evaluate: returns its current result on dev;
        reported: names of the measures that progress lines show.
        """
        self.network, self.evaluate, self.recipe, self.say = network, evaluate, recipe, say
        self.is_as_good, self.reported = is_as_good, reported
        self.early_stopping = early_stopping
        self.phase = ""
        self.history: list[dict[str, float]] = []
        self.best: DevResult | None = None
        self.kept: DevResult | None = None
        self.kept_weights: dict[str, torch.Tensor] = {}
        self.kept_step, self.not_as_good = 0, 0
        self.last_report = time.monotonic()

    def begin(self, base: DevResult, *, base_competes: bool) -> None:
        """Start evaluating, from the base model's result.

        base_competes: whether later results are compared with the base's. If not, the first
        evaluation of training is kept in any case.
        """
        self.record(0, base)
        self.kept, self.kept_weights = base, snapshot(self.network)
        self.best = base if base_competes else None

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Evaluate when it is due; report progress once a minute."""
        every = math.ceil(state.max_steps * self.recipe.eval_steps)
        due = state.global_step % every == 0 or state.global_step == state.max_steps
        if self.kept and due:
            self.evaluate_now(state.global_step)
            if self.early_stopping and self.not_as_good >= self.recipe.early_stopping_patience:
                self.say(f"no better for {self.not_as_good} evaluations: stopping")
                control.should_training_stop = True
        self.report_progress(state)

    def evaluate_now(self, step: int) -> None:
        """Evaluate on dev; keep the weights if they are as good as the best so far."""
        training = self.network.training
        self.network.eval()
        result = self.evaluate()
        self.network.train(training)
        self.record(step, result)
        if self.best is None or self.is_as_good(result, self.best):
            self.kept, self.kept_weights = result, snapshot(self.network)
            self.kept_step, self.not_as_good = step, 0
        else:
            self.not_as_good += 1
        if self.best is None or result.score > self.best.score:
            self.best = result

    def record(self, step: int, result: DevResult) -> None:
        """Add a result to the history and report it."""
        self.history.append({"step": step, **result.measures})
        values = ", ".join(f"{name} {result.measures[name]:.4f}" for name in self.reported)
        self.say(f"step {step}: dev {values}")

    def export(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """Return what a checkpoint needs: JSON values, and the kept weights unless the base's.

        The base's result is not exported, since `begin` receives it again.
        """
        kept = self.kept if self.kept_step else None
        values = {
            "history": self.history,
            "best": self.best and as_json(self.best),
            "kept": kept and as_json(kept),
            "kept_step": self.kept_step,
            "not_as_good": self.not_as_good,
        }
        return values, self.kept_weights if kept else {}

    def restore(self, values: Mapping[str, Any], kept_weights: dict[str, torch.Tensor]) -> None:
        """Continue from exported values; if `begin` is called at all, it must come first.

        kept_weights: empty if they are the network's own, or the base's.
        """
        self.history = values["history"]
        self.kept_step, self.not_as_good = values["kept_step"], values["not_as_good"]
        if self.kept is None:
            return
        base = self.kept.payload
        self.best = from_json(values["best"], base) if values["best"] else None
        if self.kept_step:
            self.kept = from_json(values["kept"], base)
            self.kept_weights = kept_weights or snapshot(self.network)

    def report_progress(self, state: TrainerState) -> None:
        """Report the current step once a minute."""
        if time.monotonic() - self.last_report > REPORT_SECONDS:
            self.last_report = time.monotonic()
            prefix = f"{self.phase}: " if self.phase else ""
            self.say(f"{prefix}step {state.global_step} of {state.max_steps}")


def as_json(result: DevResult) -> dict[str, Any]:
    """Return a result as JSON values; see `from_json`."""
    return {**asdict(result), "payload": without_arrays(result.payload)}


def from_json(values: Mapping[str, Any], like: Any) -> DevResult:
    """Return the result that `as_json` wrote; like: a payload of the same type."""
    return DevResult(values["measures"], values["score"], with_arrays(values["payload"], like))


def without_arrays(payload: Any) -> Any:
    """Return a payload with lists instead of arrays."""
    if isinstance(payload, np.ndarray):
        return payload.tolist()
    return [*map(without_arrays, payload)] if isinstance(payload, (list, tuple)) else payload


def with_arrays(values: Any, like: Any) -> Any:
    """Return values with arrays and named tuples where `like`, of the same type, has them."""
    if isinstance(like, np.ndarray):
        return np.array(values, dtype=like.dtype)
    if isinstance(like, tuple):
        return type(like)(*map(with_arrays, values, like))
    if isinstance(like, list) and like:
        return [with_arrays(value, like[0]) for value in values]
    return values
