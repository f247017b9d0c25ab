"""Giving freed memory back to the system.

A stage asks glibc to keep the memory of freed tensors, since new pages cost time; see
`stages/command.py`. Batches differ in size, so gaps remain that no tensor fits into, and the
process grows with every step: by 2 GB in fifty steps of a language model. So pages without
content are returned, but only every few steps.
"""

import ctypes
import gc

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

STEPS = 16  # between two calls of `trim`, which takes about a seventh of a step


def give_back_memory() -> None:
    """Free what refers to itself, such as a finished trainer, and return unused pages."""
    gc.collect()
    trim()


def trim() -> None:
    """Return to the system all pages that hold nothing; only glibc can."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim:
        malloc_trim(0)


class GiveBackMemory(TrainerCallback):
    """Returns unused pages to the system every few steps, so that a training does not grow."""

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Return unused pages when it is due."""
        if state.global_step % STEPS == 0:
            trim()
