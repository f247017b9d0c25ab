"""The rooms' trainers repeat themselves, stay quiet, and use arithmetic that the machine has."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from transformers import Trainer, TrainingArguments

from findtune.training.arguments import run_trainer, trainer_arguments
from findtune.training.precision import supported_precision

RECIPE = SimpleNamespace(warmup_ratio=0.1, weight_decay=0.01)


@pytest.mark.parametrize("progress", [True, False])
def test_a_recipe_becomes_repeatable_arguments_that_save_and_send_nothing(
    tmp_path: Path, progress: bool
) -> None:
    settings = trainer_arguments(RECIPE, "fp32", 13, progress=progress)
    settings |= {"output_dir": str(tmp_path), "full_determinism": False}  # global state
    arguments = TrainingArguments(**settings)
    assert arguments.get_warmup_steps(200) == 20
    assert (arguments.weight_decay, arguments.seed, arguments.bf16) == (0.01, 13, False)
    assert arguments.disable_tqdm is not progress
    assert arguments.save_strategy == arguments.logging_strategy == "no"
    assert arguments.report_to == []
    assert trainer_arguments(RECIPE, "fp32", 13, progress=progress)["full_determinism"]
    assert trainer_arguments(RECIPE, "bf16", 13, progress=progress)["bf16"]


@pytest.mark.parametrize(
    ("wanted", "has_bf16", "expected"),
    [("fp32", True, "fp32"), ("bf16", True, "bf16"), ("bf16", False, "fp32")],
)
@pytest.mark.parametrize("cuda", [True, False])
def test_the_precision_is_one_that_the_machine_has(
    monkeypatch: pytest.MonkeyPatch, wanted: str, has_bf16: bool, expected: str, cuda: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: has_bf16 and cuda)
    mkldnn = SimpleNamespace(_is_mkldnn_bf16_supported=lambda: has_bf16 and not cuda)
    monkeypatch.setattr(torch.ops, "mkldnn", mkldnn)
    lines: list[str] = []
    assert supported_precision(wanted, lines.append) == expected
    assert bool(lines) == (wanted != expected)
    assert all("training in fp32" in line for line in lines)


@pytest.mark.parametrize("progress", [True, False])
def test_a_training_is_quiet_without_progress_and_ends_in_evaluation_mode(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], progress: bool
) -> None:
    class Network(torch.nn.Linear):
        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:  # type: ignore[override]
            return {"loss": super().forward(x[:, None]).sum()}

    settings = trainer_arguments(RECIPE, "fp32", 13, progress=progress)
    settings |= {"output_dir": str(tmp_path), "full_determinism": False, "max_steps": 2}
    network = Network(1, 1)
    capfd.readouterr()
    weight = network.weight.item()
    trainer = Trainer(network, TrainingArguments(**settings), train_dataset=[{"x": 1.0}] * 8)
    run_trainer(trainer, network, progress=progress)
    output = capfd.readouterr()
    assert network.weight.item() != weight
    assert not network.training
    assert bool(output.err) == progress
    assert progress or output.out == ""
