"""Starting a training on several processes or machines, with torchrun.

With one process, torchrun is not used. With more, the stage starts torchrun, the launcher of torch,
which starts the same stage once per process. Each process is a rank. When one of them fails or is
killed, torchrun ends the others.
"""

import json
import logging
import os
import signal
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from pydantic import Field

from findtune.core.errors import FindtuneError, InputError
from findtune.core.files import atomic_open
from findtune.core.params import Section

STARTED = "TORCHELASTIC_RUN_ID"  # torchrun sets these in each rank
ERROR_FILE = "TORCHELASTIC_ERROR_FILE"
MEETING_POINTS = ("PET_MASTER_ADDR", "PET_RDZV_ENDPOINT")  # torchrun reads its options from PET_*
LOST = ("gloo", "nccl", "connection closed", "connection reset")  # in errors about another rank


class Launch(Section):
    """params.yaml: launch. How many processes train a model together.

    processes: on each machine; nodes: machines.
    """

    processes: int = Field(gt=0)
    nodes: int = Field(gt=0)

    @property
    def world_size(self) -> int:
        """The number of all processes."""
        return self.processes * self.nodes


class RankError(FindtuneError):
    """Raised when a training on several processes fails; its message is about the first failure."""


def is_rank() -> bool:
    """Return whether torchrun started this process."""
    return STARTED in os.environ


def refuse_other_launch(launch: Launch) -> None:
    """Raise InputError when torchrun was started by hand with another number of processes."""
    started = int(os.environ.get("WORLD_SIZE", "1")) if is_rank() else launch.world_size
    if started != launch.world_size:
        raise InputError(
            f"torchrun started {started} processes, and launch in params.yaml asks for "
            f"{launch.world_size}; run the stage without torchrun, which it starts itself."
        )


def start_ranks(launch: Launch, module: str, arguments: Sequence[str]) -> None:
    """Run a module in all ranks of this machine, and wait for them.

    Raises RankError when a rank fails, and SystemExit when this process gets a signal to end.
    """
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    logging.disable()  # a failure is reported in one line
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    with tempfile.TemporaryDirectory() as logs:
        options = [*torchrun_options(launch), "--log-dir", logs, "--module", module, *arguments]
        try:
            run.run(run.parse_args(options))  # type: ignore[no-untyped-call]
        except ChildFailedError as error:
            raise_first(error.failures, launch)
        except SignalException as error:
            raise SystemExit(128 + int(error.sigval)) from None


def torchrun_options(launch: Launch) -> list[str]:
    """Return torchrun's options; raise InputError when several machines have no meeting point.

    torchrun reads the meeting point and the number of this machine from the environment.
    """
    options = ["--nnodes", str(launch.nodes), "--nproc-per-node", str(launch.processes)]
    if launch.nodes == 1:
        return [*options, "--standalone"]
    if not any(os.environ.get(name) for name in MEETING_POINTS):
        raise InputError(
            f"launch in params.yaml asks for {launch.nodes} machines; set PET_MASTER_ADDR, "
            "PET_MASTER_PORT and PET_NODE_RANK on each, see docs/scale.md."
        )
    return options


def raise_first(failures: Mapping[int, Any], launch: Launch) -> NoReturn:
    """Raise RankError for the rank that failed first.

    failures: rank -> torchrun's record of its failure. A kill comes before an error, and an error
    before those of ranks that lost their connection.
    """
    rank, failure = min(failures.items(), key=lambda item: (severity(item[1]), item[1].timestamp))
    place, message = f"process {rank + 1} of {launch.world_size}", recorded(failure)
    if failure.exitcode < 0:
        name = signal.Signals(-failure.exitcode).name
        why = ", perhaps for lack of memory" if name == "SIGKILL" else ""
        raise RankError(
            f"{place} was ended by {name}{why}, so all were ended; run this again, and it goes on "
            "from its last checkpoint."
        )
    if message.get("is_known"):
        raise RankError(message["line"])
    if severity(failure) == 2:
        raise RankError(f"{place} lost the connection to the others; see the other machines.")
    raise RankError(f"{place} failed:\n{message.get('traceback', 'it left no traceback.')}")


def severity(failure: Any) -> int:
    """Return 0 for a kill, 1 for an error, and 2 for a consequence of another rank's failure."""
    if failure.exitcode < 0:
        return 2 if -failure.exitcode == signal.SIGTERM else 0  # how torchrun ends the others
    line = recorded(failure).get("line", "").lower()
    return 2 if any(word in line for word in LOST) else 1


def recorded(failure: Any) -> dict[str, Any]:
    """Return what a rank recorded about its error; empty if it could not."""
    message = failure.message
    return dict(message["extraInfo"]) if isinstance(message, dict) else {}


@contextmanager
def recorded_errors(known: type[Exception]) -> Iterator[None]:
    """Record the error that ends a rank for the process that started it, and print nothing.

    known: the type of errors that need no traceback.
    """
    try:
        yield
    except Exception as error:
        record(error, known)
        raise SystemExit(1) from None


def record(error: Exception, known: type[Exception]) -> None:
    """Write the error of a rank in the format of torchrun, with keys that `raise_first` reads.

    If the launcher set no error file, the error is raised.
    """
    if ERROR_FILE not in os.environ:
        raise error
    extra = {
        "line": str(error),
        "is_known": isinstance(error, known),
        "traceback": traceback.format_exc(),
        "timestamp": str(int(time.time())),
    }
    with atomic_open(Path(os.environ[ERROR_FILE])) as file:
        json.dump({"message": {"message": str(error), "extraInfo": extra}}, file)
