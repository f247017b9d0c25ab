"""Timing the steps of any trainer from outside, and counting what its model reads.

Neither contestant's code knows of the clock: it listens to the optimizer and to the model.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, NamedTuple

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from findtune.core.errors import InputError

FLOPS_PER_TOKEN = 6  # for each parameter: 2 forward, 4 backward (Kaplan et al. 2020)


class EnoughSteps(Exception):  # noqa: N818  # no error: it ends a training early on purpose
    """Raised within a training when all steps that are timed have run."""


class Tick(NamedTuple):
    """A moment at the end of a step, and what the model has read until then."""

    seconds: float
    rows: int
    tokens: int


@dataclass
class StepClock:
    """Times `steps` steps after `warmup` ones, then ends the training; 0 steps: all of them.

    reader: the first module of a model of sentence-transformers, which reads tokens.
    """

    reader: torch.nn.Module
    warmup: int
    steps: int
    ticks: list[Tick] = field(default_factory=list)
    rows: int = 0
    tokens: int = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Listen while a training runs; a training that was ended by the clock is no error."""
        handles = [
            register_optimizer_step_post_hook(self.end_step),
            self.reader.register_forward_pre_hook(self.count),
        ]
        try:
            yield
        except EnoughSteps:
            pass
        finally:
            for handle in handles:
                handle.remove()

    def count(self, _: torch.nn.Module, inputs: tuple[Mapping[str, Any], ...]) -> None:
        """Count the rows that the model reads, and their tokens without padding."""
        rows, mask = inputs[0]["input_ids"], inputs[0].get("attention_mask")
        self.rows += len(rows)
        self.tokens += rows.numel() if mask is None else int(mask.sum())

    def end_step(self, *_: Any) -> None:
        """Note the end of a step."""
        self.ticks.append(Tick(perf_counter(), self.rows, self.tokens))
        if self.steps and len(self.ticks) == self.warmup + self.steps:
            raise EnoughSteps

    @property
    def timed_steps(self) -> int:
        """The number of steps that were timed; at least one must follow the warm-up."""
        return len(self.ticks) - self.warmup

    @property
    def elapsed(self) -> Tick:
        """The time of the timed steps in seconds, and the rows and tokens read in them.

        Raises InputError when the training had too few steps.
        """
        if self.timed_steps < 1:
            raise InputError(
                f"this training has {len(self.ticks)} steps, of which the first {self.warmup} are "
                "not timed; add data, or lower batch_size in params.yaml."
            )
        (seconds, rows, tokens), last = self.ticks[self.warmup - 1], self.ticks[-1]
        return Tick(last.seconds - seconds, last.rows - rows, last.tokens - tokens)

    def gflops(self) -> float:
        """Return the GFLOP/s of the timed steps: 6 x parameters without embeddings x tokens."""
        operations = FLOPS_PER_TOKEN * parameters_beside_embeddings(self.reader)
        return operations * self.elapsed.tokens / self.elapsed.seconds / 1e9


def parameters_beside_embeddings(network: torch.nn.Module) -> int:
    """Return the number of parameters that are multiplied with every token."""
    embeddings = {
        id(weight)
        for layer in network.modules()
        if isinstance(layer, torch.nn.Embedding)
        for weight in layer.parameters()
    }
    return sum(w.numel() for w in network.parameters() if id(w) not in embeddings)


def best_seconds(work: Callable[[], object], repeats: int) -> float:
    """Return the time of the fastest of some repetitions, in seconds."""
    times = []
    for _ in range(repeats):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return min(times)
