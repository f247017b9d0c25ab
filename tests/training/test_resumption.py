"""A training that is killed at any step ends with the bytes of one that is not."""

import errno
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import Trainer, TrainingArguments

from findtune.training import resumption
from findtune.training.arguments import run_trainer, trainer_arguments
from findtune.training.callback import DevResult, EvalCallback, as_json, from_json
from findtune.training.checkpoints import NO_CHECKPOINTS, Checkpoints
from findtune.training.resumption import Resumable, SaveCheckpoints

RECIPE = SimpleNamespace(
    warmup_ratio=0.1, weight_decay=0.01, eval_steps=0.2, early_stopping_patience=9
)


class Details(NamedTuple):
    """A payload with everything that payloads of the rooms hold."""

    weights: np.ndarray
    texts: list[list[list[str]]]
    counts: dict[str, int]
    ragged: list[np.ndarray]


class Network(torch.nn.Module):
    """Draws random numbers in its layers, and two of its weights are one."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.tied = torch.nn.Linear(1, 4), torch.nn.Linear(1, 4)
        self.tied.weight = self.layer.weight
        self.dropout = torch.nn.Dropout(0.5)

    def forward(self, x: torch.Tensor, length: object = None) -> dict[str, torch.Tensor]:
        noise = torch.rand(1) + float(np.random.rand())
        hidden = self.dropout(self.tied(self.layer(x[:, None]).sum(1, keepdim=True)))
        return {"loss": (hidden * noise).pow(2).mean()}


class TinyTrainer(Resumable, Trainer):
    """The trainer of transformers, with checkpoints."""


class Result(NamedTuple):
    weights: dict[str, Any]
    history: list[dict[str, float]]
    kept: dict[str, Any]
    kept_weights: dict[str, Any]
    steps: int


def train(checkpoints: Checkpoints = NO_CHECKPOINTS, epochs: float = 2.4, **options: Any) -> Result:
    """Train the network on ten batches an epoch, in a new order each; every second is good."""
    network = Network()

    def evaluate() -> DevResult:
        weight = network.layer.weight.detach().numpy().copy()
        score = len(callback.history) % 2 + float(abs(weight).sum()) / 1e3
        payload = Details(weight, [[["a", "é"]], []], {"samples": 2}, [weight[0], weight[:2, 0]])
        return DevResult({"score": score}, score, payload)

    callback = EvalCallback(
        network, evaluate, RECIPE, lambda _: None, is_as_good=lambda a, b: a.score >= b.score,
        reported=["score"],
    )  # fmt: skip
    callback.begin(evaluate(), base_competes=True)
    settings = trainer_arguments(RECIPE, "fp32", 13, progress=False)
    settings |= {"full_determinism": False, "num_train_epochs": epochs, "use_cpu": True}
    arguments = TrainingArguments(per_device_train_batch_size=2, **settings | options)
    rows = Dataset.from_list([{"x": number / 20, "length": number} for number in range(20)])
    trainer = TinyTrainer(network, arguments, train_dataset=rows, callbacks=[callback])
    run_trainer(trainer, network, progress=False, checkpoints=checkpoints)
    assert callback.kept
    return Result(
        {name: weight.tolist() for name, weight in network.state_dict().items()},
        callback.history,
        as_json(callback.kept),
        {name: weight.tolist() for name, weight in callback.kept_weights.items()},
        trainer.state.global_step,
    )


SLOW_KILLS = [(1, 1), (2, 1), (11, 1), (5, 5), (7, 5), (10, 5)]


@pytest.mark.parametrize(
    ("steps", "saved_every"),
    [
        (7, 1),  # killed within epochs
        pytest.param(10, 1, marks=pytest.mark.slow),  # and at their ends
        *(pytest.param(*kills, marks=pytest.mark.slow) for kills in SLOW_KILLS),
    ],
)
def test_kills_at_any_step_change_no_byte(
    train_in_lives: Callable[..., Any], steps: int, saved_every: int
) -> None:
    again, lines = train_in_lives(train, steps, saved_every)
    assert again == train()
    assert lines[0].startswith("key: going on after step ")


def test_kills_change_no_byte_where_the_order_is_drawn_by_the_common_generator(
    train_in_lives: Callable[..., Any],
) -> None:
    by_length = {"train_sampling_strategy": "group_by_length"}
    again, _ = train_in_lives(lambda checkpoints: train(checkpoints, **by_length), 13)
    assert again == train(**by_length)
    assert again != train()


def test_a_phase_that_has_ended_is_not_trained_again(tmp_path: Path) -> None:
    lines: list[str] = []
    checkpoints = Checkpoints(tmp_path / "tuning", lines.append)
    first = train(checkpoints)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patch:
        patch.setattr(Trainer, "train", None)
        assert train(checkpoints) == first
    assert lines == ["tuning: trained before, going on after its last step"]
    assert not torch.equal(torch.get_rng_state(), state)  # it is that of the phase's end


def test_a_full_disk_is_one_line_and_the_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(resumption, "save_model", fill)
    monkeypatch.setattr(SaveCheckpoints, "is_due", lambda _: True)
    lines: list[str] = []
    assert train(Checkpoints(tmp_path / "tuning", lines.append)) == train()
    [line] = lines
    assert line.startswith("no checkpoint can be written ([Errno 28] No space left on device")
    assert line.endswith(": training goes on without")
    assert [*(tmp_path / "tuning").iterdir()] == []


def test_checkpoints_take_a_small_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(monotonic=lambda: clock.now, now=0.0)
    monkeypatch.setattr(resumption, "time", clock)
    trainer = SimpleNamespace(callback_handler=SimpleNamespace(callbacks=[]))
    saver = SaveCheckpoints(trainer, NO_CHECKPOINTS, None)

    def due_after(cost: float) -> list[bool]:
        saver.cost, due = cost, []
        for clock.now in (29, 30, 99, 100):
            due.append(saver.is_due())
        return due

    assert due_after(0.1) == [False, True, True, True]
    assert due_after(2.0) == [False, False, False, True]  # 2 % of 100 seconds


def test_a_result_and_its_payload_are_read_as_they_were_written() -> None:
    arrays = [np.array([0.1], np.float32), np.zeros(0, np.float32)]
    payload = Details(np.array([[0.1], [1 / 3]], np.float32), [[["a"]]], {"n": 1}, arrays)
    result = DevResult({"ndcg": 0.1 + 0.2}, 1 / 3, payload)
    again = from_json(as_json(result), payload)
    assert (again.measures, again.score) == (result.measures, result.score)
    assert type(again.payload) is Details
    assert again.payload.texts == payload.texts
    assert again.payload.counts == payload.counts
    for left, right in zip(
        [again.payload.weights, *again.payload.ragged], [payload.weights, *arrays], strict=True
    ):
        assert left.dtype == right.dtype
        assert left.tobytes() == right.tobytes()
