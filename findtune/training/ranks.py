"""The processes that train one model together: what each does alone, and what they agree on.

All ranks run the same program with the same weights. Each computes its share of every batch, and
DistributedDataParallel averages the gradients. Whatever decides something is computed on rank 0
alone and sent to the others: evaluations on dev, features, batches. So all decide the same.
"""

import os
import warnings
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, ParamSpec, TypeVar, cast

import torch
import torch.distributed as dist
from accelerate.data_loader import prepare_data_loader  # type: ignore[import-untyped]
from torch.utils.data import DataLoader

from findtune.core.errors import InputError
from findtune.training.launch import Launch

PATIENCE = timedelta(days=7)  # a rank waits while rank 0 evaluates; torchrun notices the end of one
CPU = torch.device("cpu")
ALONE: list[Any] = []  # what rank 0 runs while the others wait

P = ParamSpec("P")
T = TypeVar("T")
Module = TypeVar("Module", bound=torch.nn.Module)


def join(launch: Launch) -> None:
    """Join the other ranks of a training, over gloo between CPUs and over NCCL between GPUs.

    One process has nothing to join. Raises InputError when there are fewer GPUs than processes.
    """
    if launch.world_size == 1:
        return
    if torch.cuda.is_available():
        if torch.cuda.device_count() < launch.processes:
            raise InputError(
                f"launch in params.yaml asks for {launch.processes} processes, and this machine "
                f"has {torch.cuda.device_count()} GPUs; each process needs one."
            )
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    # the libraries' own calls of torch, which nobody here can change
    for module in ("accelerate", "sentence_transformers"):
        warnings.filterwarnings("ignore", category=FutureWarning, module=module)
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, timeout=PATIENCE)


def leave() -> None:
    """End the work with the other ranks, if there are any."""
    if dist.is_initialized():
        dist.destroy_process_group()


def count() -> int:
    """Return the number of ranks, 1 for a training that no torchrun started."""
    return dist.get_world_size() if dist.is_initialized() else 1


def number() -> int:
    """Return the number of this rank, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def use_threads(threads: int) -> None:
    """Compute with so many threads; the ranks of one machine share them, and each has at least one.

    Where there is one process, all of them are its own.
    """
    local = int(os.environ["LOCAL_WORLD_SIZE"]) if count() > 1 else 1
    torch.set_num_threads(max(1, threads // local))


def on_first(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return on all ranks what a function returns on rank 0; raise on all what it raises there.

    The others wait, and do not call it.
    """
    if count() == 1 or ALONE:  # or rank 0 within such a function
        return function(*args, **kwargs)
    answer: list[Any] = [None, None]
    if number() == 0:
        ALONE.append(function)
        try:
            answer[0] = function(*args, **kwargs)
        except Exception as error:
            answer[1] = error
        ALONE.pop()
    dist.broadcast_object_list(answer, src=0, device=CPU)
    if answer[1] is not None:
        raise answer[1]
    return cast(T, answer[0])


def copied(load: Callable[[], Module]) -> Module:
    """Return the model that rank 0 loads, and a copy of it on every other rank's device.

    For what only rank 0 can do: transformers writes no model on the others.
    """
    if count() == 1:
        return load()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return on_first(lambda: load().cpu()).to(device)


def kept_on_first(make: Callable[[], T]) -> T:
    """Return an object that only rank 0 makes; its methods and fields answer to all ranks."""
    if count() == 1:
        return make()
    owned: list[Any] = []
    on_first(lambda: owned.append(make()))
    return cast(T, OnFirst(owned))


class OnFirst:
    """Stands for an object of rank 0. All ranks must use it in the same order."""

    def __init__(self, owned: Sequence[Any]) -> None:
        """Prepare; owned: the object, on rank 0 alone."""
        self.owned = owned

    def __getattr__(self, name: str) -> Any:
        """Return a method that rank 0 runs, or the value of a field there."""
        if on_first(lambda: callable(getattr(self.owned[0], name))):
            return partial(on_first, lambda *args, **kw: getattr(self.owned[0], name)(*args, **kw))
        return on_first(lambda: getattr(self.owned[0], name))


def gather(value: T) -> list[T]:
    """Return the values of all ranks on rank 0, nothing on the others."""
    if count() == 1:
        return [value]
    values: list[Any] = [None] * count()
    dist.gather_object(value, values if number() == 0 else None)
    return values if number() == 0 else []


def is_everywhere(value: bool) -> bool:
    """Return whether something is true on every rank."""
    return on_first(all, gather(value))


def rows_of(size: int) -> list[int]:
    """Return the rows of a batch that are this rank's share: every second one of two ranks.

    A batch smaller than the number of ranks leaves some without a row; these read the first one,
    and `weight_of` gives it no weight.
    """
    return [*range(number(), size, count())] or [0]


def weight_of(size: int) -> float:
    """Return the weight of the mean loss of a share, of which the mean over the ranks is the loss.

    size: rows of the whole batch. With equal shares it is 1.
    """
    return len(range(number(), size, count())) * count() / size


class SharedBatches:
    """A base class of trainers whose ranks read the same batches, each to compute its share."""

    accelerator: Any
    args: Any

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Return whole batches, where accelerate would give whole batches to each rank in turn.

        It can't cut ours: they differ in size, and their texts are negatives of each other.
        """
        if count() > 1:
            self.accelerator.prepare_data_loader = partial(whole_batches, self.accelerator)
            self.args.dataloader_drop_last = False  # as in one process
        loader: DataLoader[Any] = super().get_train_dataloader()  # type: ignore[misc]
        return loader


def whole_batches(accelerator: Any, loader: DataLoader[Any], **_: Any) -> DataLoader[Any]:
    """Return the batches of a loader, in the order that rank 0 draws, on the rank's device."""
    whole: DataLoader[Any] = prepare_data_loader(
        loader,
        accelerator.device,
        num_processes=1,
        process_index=0,
        put_on_device=True,
        rng_types=["torch"],
        use_seedable_sampler=accelerator.use_seedable_sampler,
    )
    return whole
