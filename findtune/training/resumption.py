"""Resuming a killed training, so that it ends with the same bytes as an uninterrupted one.

A checkpoint holds the weights, the optimizer, the learning rate schedule, the states of all random
generators, and the evaluations on dev so far. The trainer of transformers skips earlier batches.
"""

import json
import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, load_model, save_file, save_model
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from findtune.training import ranks
from findtune.training.callback import EvalCallback
from findtune.training.checkpoints import END, STEP, Checkpoints

MIN_SECONDS = 30.0  # between two checkpoints
MAX_SHARE = 0.02  # of the time at most is spent on writing checkpoints
WEIGHTS, KEPT, OPTIMIZER = (f"{name}.safetensors" for name in ("weights", "kept", "optimizer"))
TRAINER, STATE = "trainer_state.json", "state.json"  # the first name is given by transformers

Values = dict[str, Any]  # JSON values


class Resumable:
    """A mixin for trainers that resume from the checkpoints of `SaveCheckpoints`."""

    def _load_from_checkpoint(self, *_: Any, **__: Any) -> None:
        """Do nothing: the callback restores the weights, whatever the architecture."""


def train_resumably(trainer: Any, checkpoints: Checkpoints) -> None:
    """Train from the last checkpoint of a phase, or from the start; skip a finished phase."""
    latest = common_checkpoint(checkpoints)
    saver = SaveCheckpoints(trainer, checkpoints, latest)
    if latest and latest.name == END:
        checkpoints.say(f"{latest.parent.name}: trained before, going on after its last step")
        saver.restore_end(latest)
        return
    if latest:
        checkpoints.say(f"{latest.parent.name}: going on after {latest.name.replace('-', ' ')}")
    trainer.add_callback(saver)  # runs after the evaluation on dev
    trainer.train(resume_from_checkpoint=str(latest) if latest else None)
    saver.save(END)


def common_checkpoint(checkpoints: Checkpoints) -> Path | None:
    """Return the last checkpoint if every rank can read it, as when machines share the folder."""
    latest = ranks.on_first(checkpoints.latest)
    if latest and not ranks.is_everywhere(latest.is_dir()):
        checkpoints.say(f"{latest} is not on every machine: training from the start")
        return None
    return latest


class SaveCheckpoints(TrainerCallback):
    """Saves checkpoints rarely enough to cost almost no time, and restores the last one."""

    def __init__(self, trainer: Any, checkpoints: Checkpoints, latest: Path | None) -> None:
        """Prepare for one phase; latest: the checkpoint to resume from, if any."""
        callbacks = trainer.callback_handler.callbacks
        self.dev = [callback for callback in callbacks if isinstance(callback, EvalCallback)]
        self.trainer, self.checkpoints, self.latest = trainer, checkpoints, latest
        self.restored: Values = {}  # until the first step
        self.epoch_rng: Values = {}
        self.cost, self.last_save, self.is_broken = 0.0, time.monotonic(), False

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: Any,
    ) -> None:
        """Restore everything but the random generators, which drawing the first batch changes."""
        if self.latest:
            self.restored = self.restore(self.latest)
            restore_optimizer(self.trainer, self.restored, self.latest)
        self.last_save = time.monotonic()

    def on_epoch_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Draw the order of an interrupted epoch again as it was drawn before."""
        if self.restored:
            set_rng_state(self.restored["epoch_rng"] or self.restored["rng"])
            loader = kwargs["train_dataloader"]
            # transformers sets the epoch of the sampler whose batches it skips, not of inner ones
            loader.set_epoch(state.global_step // len(loader))
        self.epoch_rng = rng_state()

    def on_step_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: Any,
    ) -> None:
        """Restore the random generators before the first step, after its batch was drawn."""
        if self.restored and self.restored["epoch_rng"]:
            set_rng_state(self.restored["rng"])
        self.restored = {}

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Save a checkpoint when it is due; after the last step `train_resumably` saves it."""
        steps = len(kwargs["train_dataloader"])
        is_regular = round((state.epoch or 0) * steps) == state.global_step  # no epoch was short
        if is_regular and not control.should_training_stop and ranks.on_first(self.is_due):
            self.save(f"{STEP}{state.global_step}", at_epoch_end=state.global_step % steps == 0)

    def is_due(self) -> bool:
        """Return whether enough time has passed since the last checkpoint."""
        pause = max(MIN_SECONDS, self.cost / MAX_SHARE)
        return time.monotonic() - self.last_save >= pause

    def save(self, name: str, *, at_epoch_end: bool = False) -> None:
        """Write a checkpoint on rank 0; if writing fails, report it once and save no more."""
        states = ranks.gather(rng_state())
        if self.is_broken or not states:
            return
        start = time.monotonic()
        try:
            with self.checkpoints.write(name) as folder:
                epoch_rng = {} if at_epoch_end else self.epoch_rng
                self.write(folder, epoch_rng, states, with_optimizer=name != END)
        except (OSError, SafetensorError) as error:
            self.is_broken = True
            reason = f"no checkpoint can be written ({error})"
            self.checkpoints.say(f"{reason}: training goes on without")
        self.last_save = time.monotonic()
        self.cost = self.last_save - start

    def write(
        self, folder: Path, epoch_rng: Values, states: list[Values], *, with_optimizer: bool
    ) -> None:
        """Write the state of the training.

        epoch_rng: state of the random generators when the epoch began, empty if it has ended;
        states: of the random generators of each rank now.
        """
        trainer, state = self.trainer, self.trainer.state
        values: Values = {"rng": states, "epoch_rng": epoch_rng, "dev": None}
        save_model(trainer.model, str(folder / WEIGHTS))
        state.save_to_json(str(folder / TRAINER))
        if with_optimizer:
            values |= optimizer_values(trainer)
            save_file(optimizer_tensors(trainer), folder / OPTIMIZER)
        for dev in self.dev:
            values["dev"], kept = dev.export()
            if kept and dev.kept_step != state.global_step:
                save_file(with_own_memory(kept), folder / KEPT)
        (folder / STATE).write_text(json.dumps(values), encoding="utf-8")

    def restore(self, folder: Path) -> Values:
        """Restore the weights and the evaluations of a checkpoint; return its values."""
        values: Values = json.loads((folder / STATE).read_text(encoding="utf-8"))
        values["rng"] = values["rng"][ranks.number()]
        load_model(self.trainer.model, str(folder / WEIGHTS))
        for dev in self.dev:
            # on the CPU, like the weights from `snapshot`
            kept = load_file(folder / KEPT) if (folder / KEPT).exists() else {}
            dev.restore(values["dev"], {key: tensor.clone() for key, tensor in kept.items()})
        return values

    def restore_end(self, folder: Path) -> None:
        """Restore trainer and model to their state at the end of the training."""
        values = self.restore(folder)
        self.trainer.state = TrainerState.load_from_json(str(folder / TRAINER))
        self.trainer.accelerator.prepare_model(self.trainer.model)  # adds autocast to `forward`
        set_rng_state(values["rng"])


def with_own_memory(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return weights that share no memory, since safetensors refuses tied ones."""
    own: dict[str, torch.Tensor] = {}
    addresses: set[int] = set()
    for name, weight in weights.items():
        contiguous = weight.contiguous()
        is_tied = contiguous.data_ptr() in addresses
        own[name] = contiguous.clone() if is_tied else contiguous
        addresses.add(contiguous.data_ptr())
    return own


def optimizer_values(trainer: Any) -> Values:
    """Return the state of the optimizer and the learning rate scheduler except tensors."""
    groups = trainer.optimizer.state_dict()["param_groups"]
    return {"param_groups": groups, "scheduler": trainer.lr_scheduler.state_dict()}


def optimizer_tensors(trainer: Any) -> dict[str, torch.Tensor]:
    """Return the tensors of the optimizer; each key is "PARAMETER_NUMBER NAME"."""
    by_parameter = trainer.optimizer.state_dict()["state"]
    return {
        f"{number} {name}": tensor.contiguous()
        for number, tensors in by_parameter.items()
        for name, tensor in tensors.items()
    }


def restore_optimizer(trainer: Any, values: Mapping[str, Any], folder: Path) -> None:
    """Restore the optimizer and the learning rate scheduler."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in load_file(folder / OPTIMIZER).items():
        number, name = key.split(" ")
        state.setdefault(int(number), {})[name] = tensor.clone()
    groups = [{**group, "betas": tuple(group["betas"])} for group in values["param_groups"]]
    trainer.optimizer.load_state_dict({"state": state, "param_groups": groups})
    trainer.lr_scheduler.load_state_dict(values["scheduler"])


def rng_state() -> Values:
    """Return the states of all random generators as JSON values."""
    name, keys, *rest = np.random.get_state(legacy=True)
    return {
        "python": random.getstate(),
        "numpy": [name, np.asarray(keys).tolist(), *rest],
        "torch": torch.get_rng_state().tolist(),
        "cuda": [state.tolist() for state in torch.cuda.get_rng_state_all()],
    }


def set_rng_state(values: Mapping[str, Any]) -> None:
    """Restore the states of all random generators."""
    version, state, gauss = values["python"]
    random.setstate((version, tuple(state), gauss))
    name, keys, *rest = values["numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), *rest))
    torch.set_rng_state(torch.tensor(values["torch"], dtype=torch.uint8))
    states = [torch.tensor(state, dtype=torch.uint8) for state in values["cuda"]]
    torch.cuda.set_rng_state_all(states)
