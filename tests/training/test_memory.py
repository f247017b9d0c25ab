"""A training returns unused pages every few steps."""

import ctypes
import gc
import weakref
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from transformers import Trainer, TrainingArguments

from findtune.training import memory
from findtune.training.arguments import run_trainer
from findtune.training.memory import STEPS, give_back_memory


class Loop:
    """Refers to itself, as a trainer does."""

    def __init__(self) -> None:
        self.own = self


def test_every_training_gives_memory_back_every_few_steps(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = torch.nn.Linear(1, 1)
    model.forward = lambda x: {"loss": torch.nn.functional.linear(x, model.weight).sum()}  # type: ignore[method-assign]
    calls: list[int] = []
    arguments = TrainingArguments(
        output_dir=tmp_path,
        max_steps=2 * STEPS + 1,
        per_device_train_batch_size=1,
        use_cpu=True,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
    )
    trainer = Trainer(model, arguments, train_dataset=[{"x": torch.ones(1)}])
    monkeypatch.setattr(memory, "trim", lambda: calls.append(trainer.state.global_step))
    run_trainer(trainer, model, progress=False)
    assert calls == [STEPS, 2 * STEPS]


def test_what_refers_to_itself_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    monkeypatch.setattr(memory, "trim", lambda: order.append("trimmed"))
    gc.disable()
    try:
        weakref.finalize(Loop(), order.append, "freed")
        give_back_memory()
    finally:
        gc.enable()
    assert order == ["freed", "trimmed"]


def test_glibc_returns_all_unused_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(malloc_trim=kept.append))
    memory.trim()
    assert kept == [0]


def test_other_systems_keep_their_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace())
    memory.trim()
