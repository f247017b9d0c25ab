"""The processes that train one model together, called ranks: shared work and shared decisions.

All ranks run the same program with the same weights. Each computes its share of every batch, and
DistributedDataParallel averages the gradients. Everything that decisions depend on is computed on
rank 0 alone and sent to the others: evaluations on dev, features, batches. So all ranks agree.
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

PATIENCE = timedelta(days=7)  # ranks wait while rank 0 evaluates; torchrun notices a dead rank
CPU = torch.device("cpu")
ALONE: list[Any] = []  # the functions that rank 0 runs while the others wait

P = ParamSpec("P")
T = TypeVar("T")
Module = TypeVar("Module", bound=torch.nn.Module)


def join(launch: Launch) -> None:
    """Join the other ranks of a training, over gloo between CPUs and over NCCL between GPUs.

    With one process it does nothing. Raises InputError when there are fewer GPUs than processes.
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
    # caused by calls inside the libraries, which we can't change
    for module in ("accelerate", "sentence_transformers"):
        warnings.filterwarnings("ignore", category=FutureWarning, module=module)
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, timeout=PATIENCE)


def leave() -> None:
    """Leave the group of ranks, if there is one."""
    if dist.is_initialized():
        dist.destroy_process_group()


def count() -> int:
    """Return the number of ranks; 1 without torchrun."""
    return dist.get_world_size() if dist.is_initialized() else 1


def number() -> int:
    """Return the number of this rank, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def use_threads(threads: int) -> None:
    """Set the number of threads; the ranks of a machine share them, at least one each."""
    local = int(os.environ["LOCAL_WORLD_SIZE"]) if count() > 1 else 1
    torch.set_num_threads(max(1, threads // local))


def on_first(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function on rank 0 only; return its result, or raise its error, on all ranks.

    The other ranks wait.
    """
    if count() == 1 or ALONE:  # alone, or in a nested call on rank 0
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

    For loading that must run on rank 0, since transformers saves no model on the other ranks.
    """
    if count() == 1:
        return load()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return on_first(lambda: load().cpu()).to(device)


def kept_on_first(make: Callable[[], T]) -> T:
    """Return an object made on rank 0 only; all ranks can use its methods and fields."""
    if count() == 1:
        return make()
    owned: list[Any] = []
    on_first(lambda: owned.append(make()))
    return cast(T, OnFirst(owned))


class OnFirst:
    """A proxy for an object on rank 0. All ranks must use it in the same order."""

    def __init__(self, owned: Sequence[Any]) -> None:
        """Prepare; owned: a list with the object on rank 0, empty on the others."""
        self.owned = owned

    def __getattr__(self, name: str) -> Any:
        """Return a method that rank 0 runs, or the value of a field there."""
        if on_first(lambda: callable(getattr(self.owned[0], name))):
            return partial(on_first, lambda *args, **kw: getattr(self.owned[0], name)(*args, **kw))
        return on_first(lambda: getattr(self.owned[0], name))


def gather(value: T) -> list[T]:
    """Return the values of all ranks on rank 0, and an empty list on the others."""
    if count() == 1:
        return [value]
    values: list[Any] = [None] * count()
    dist.gather_object(value, values if number() == 0 else None)
    return values if number() == 0 else []


def is_everywhere(value: bool) -> bool:
    """Return whether something is true on every rank."""
    return on_first(all, gather(value))


def rows_of(size: int) -> list[int]:
    """Return this rank's share of the rows of a batch: with two ranks, every second row.

    If the batch has fewer rows than there are ranks, a rank without a row reads the first one, and
    `weight_of` gives it weight 0.
    """
    return [*range(number(), size, count())] or [0]


def weight_of(size: int) -> float:
    """Return the weight of this rank's mean loss; the batch's loss is the weighted mean over ranks.

    size: rows of the whole batch. With equal shares the weight is 1.
    """
    return len(range(number(), size, count())) * count() / size


class SharedBatches:
    """A mixin for trainers whose ranks read the same batches and each compute their share."""

    accelerator: Any
    args: Any

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Return every whole batch on every rank; accelerate would deal batches out to the ranks.

        It can't split ours: they differ in size, and their texts are negatives of each other.
        """
        if count() > 1:
            self.accelerator.prepare_data_loader = partial(whole_batches, self.accelerator)
            self.args.dataloader_drop_last = False  # as in one process
        loader: DataLoader[Any] = super().get_train_dataloader()  # type: ignore[misc]
        return loader


def whole_batches(accelerator: Any, loader: DataLoader[Any], **_: Any) -> DataLoader[Any]:
    """Return all batches of a loader, in the order drawn on rank 0, on this rank's device."""
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
