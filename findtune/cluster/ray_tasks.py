"""Work on several machines: pieces of the input are Ray tasks, and results keep their order.

The machines of a cluster need the same Python and the same packages, but no files of the project
and no shared file system. Code is sent as modules, pieces of files as bytes, results as pickles.
Ray runs a task again when its machine is lost. Without RAY_ADDRESS, Ray is started on this machine
and ends with this process.

Ray is an optional package; only `connect` imports it here. Source: https://docs.ray.io
"""

import atexit
import io
import os
import pickle
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import chdir
from pathlib import Path
from types import ModuleType
from typing import IO, Any, NamedTuple, TypeVar

import numpy as np

from findtune.core.errors import InputError
from findtune.core.processes import ENGINE, VARIABLE, WAITING, Piece, submit_few

ADDRESS = "RAY_ADDRESS"  # an environment variable: HOST:PORT of a cluster, or auto
CONNECT_SECONDS = 10
RETRIES = 5  # of a task whose machine or process is lost
CODE = ("findtune", "stages", "commands")  # packages that are sent to the machines
# For the processes of the cluster: what a stage sets, and no nested tasks.
ENVIRONMENT = {
    ENGINE: "local",
    VARIABLE: "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "1000",
    "OPENBLAS_THREAD_TIMEOUT": "4",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
}

Item = TypeVar("Item")
Result = TypeVar("Result")
FUNCTION: dict[str, Callable[[Any], Any]] = {}  # in a worker: its last function, by reference
RECEIVED: list[IO[bytes]] = []  # in a worker: the pieces of the running task


class Needs(NamedTuple):
    """What a task in a folder needs.

    files: a path in the working directory of the task -> the file here. threads: its processors.
    """

    files: Mapping[str, Path]
    threads: int


def connect() -> Any:
    """Return the module ray, connected to the cluster or to a Ray that is started here.

    Raises InputError when Ray is not installed, and when no cluster answers.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # must be set before the import
    try:
        import ray
    except ImportError:
        raise InputError(
            f"{ENGINE} is ray, and Ray is not installed; run .venv/bin/pip install '.[ray]', or "
            f"leave {ENGINE} out."
        ) from None
    if not ray.is_initialized():
        address = os.environ.get(ADDRESS, "")
        options = {"include_dashboard": False, "log_to_driver": False, "logging_level": "error"}
        options["runtime_env"] = {"py_modules": code_folders(), "env_vars": ENVIRONMENT}
        if address in ("", "local"):
            start(ray, options)
        else:
            join(ray, address, options)
    return ray


def code_folders() -> list[str]:
    """Return the folders of the packages that the machines of a cluster need."""
    project = Path(__file__).parents[2]
    return [str(project / name) for name in CODE if (project / name).is_dir()]


def start(ray: ModuleType, options: Mapping[str, Any]) -> None:
    """Start a Ray that no other machine can reach, and that leaves nothing behind."""
    scratch = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # a socket's path must be short

    def stop() -> None:
        ray.shutdown()
        shutil.rmtree(scratch, ignore_errors=True)

    atexit.register(stop)
    # Its own token; otherwise Ray would write one to the user's home.
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    here = {"_temp_dir": scratch, "_node_ip_address": "127.0.0.1", "num_cpus": cpus}
    ray.init(address="local", **here, **options)


def join(ray: ModuleType, address: str, options: Mapping[str, Any]) -> None:
    """Connect to a cluster; raise InputError when there is none."""
    refuse_silent(address, ray.util.get_node_ip_address)
    try:
        ray.init(address=address, **options)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(
            f"{ADDRESS} is {address}, and Ray can't connect to it: {reason.rstrip('.')}. This "
            "machine must be a node of the cluster, and have its token if it asks for one."
        ) from None


def refuse_silent(address: str, own_host: Callable[[], str]) -> None:
    """Raise InputError for an invalid address, and for one where nothing answers.

    own_host: returns the address that Ray uses for this machine, even if localhost is given.
    """
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdecimal():
        raise InputError(
            f"{ADDRESS} is {address!r}; it takes HOST:PORT of a cluster's head, such as "
            "10.0.0.5:6379, or auto for the one that this machine is a node of."
        )
    host = own_host() if host in ("localhost", "127.0.0.1") else host
    try:
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError, UnicodeError) as error:
        raise InputError(
            f"{ADDRESS} is {address}, and nothing answers at {host}:{port} ({error}); start a "
            f"cluster with ray start --head, or leave {ADDRESS} out."
        ) from None


def number_of_processors() -> int:
    """Return the number of processors of all machines of the cluster; raise InputError for none."""
    processors = int(connect().cluster_resources().get("CPU", 0))
    if not processors:
        raise InputError("no machine of Ray's cluster has a processor; add one with ray start.")
    return processors


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], processes: int
) -> Iterator[Result]:
    """Yield the result of each item, in the order of the items.

    processes: how many tasks run at once; at most twice as many are sent. Raises InputError when
    Ray gives up on a task, and whatever the function raises.
    """
    ray = connect()
    task = ray.remote(num_cpus=1, max_retries=RETRIES)(work)
    reference = ray.put(function)

    def submit(item: Item) -> Any:
        return task.remote([reference], pack(item))  # Ray does not resolve a reference in a list

    for handle in submit_few(submit, items, WAITING * processes):
        yield result_of(ray, handle)


def result_of(ray: Any, handle: Any) -> Any:
    """Return the result of a task; raise what its function raised, or InputError."""
    try:
        is_result, value = pickle.loads(ray.get(handle))
    except ray.exceptions.RayTaskError:  # not caused by a lost machine
        raise
    except ray.exceptions.RayError as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(
            f"Ray gave up on a task after {RETRIES} retries: {reason} See the logs of its machines."
        ) from None
    if isinstance(value, ModuleNotFoundError):
        raise InputError(
            f"a machine of Ray's cluster lacks the package {value.name}; install the packages of "
            "requirements.lock on each."
        )
    if not is_result:
        raise value
    return value


def work(function: list[Any], item: bytes) -> bytes:
    """Return the pickled result of a packed item, or the pickled error, in a process of Ray.

    function: a list with only its reference. It may be large, so a process fetches it once.
    """
    import ray

    try:
        result = (True, fetch(function[0])(pickle.loads(item)))
    except Exception as error:
        result = (False, error)
    finally:
        while RECEIVED:
            RECEIVED.pop().close()
    return bytes(ray.cloudpickle.dumps(result))


def fetch(reference: Any) -> Callable[[Any], Any]:
    """Return the function of a reference; the process keeps it for its next tasks."""
    import ray

    if reference.hex() not in FUNCTION:
        FUNCTION.clear()
        FUNCTION[reference.hex()] = ray.get(reference)
    return FUNCTION[reference.hex()]


class PiecePickler(pickle.Pickler):
    """Replaces a piece by its bytes, since other machines may not have the file."""

    def reducer_override(self, value: Any) -> Any:
        """Return how to rebuild a piece; leave other values to pickle."""
        if not isinstance(value, Piece):
            return NotImplemented
        with value.path.open("rb") as file:
            file.seek(value.start)
            return receive_piece, (file.read(value.stop - value.start),)


def pack(item: Any) -> bytes:
    """Return an item as bytes, including those of its pieces."""
    buffer = io.BytesIO()
    PiecePickler(buffer, pickle.HIGHEST_PROTOCOL).dump(item)
    return buffer.getvalue()


def receive_piece(content: bytes) -> Piece:
    """Return a piece with these bytes, in a file that exists until the task ends."""
    file = tempfile.NamedTemporaryFile()  # noqa: SIM115  closed by `work`
    RECEIVED.append(file)
    file.write(content)
    file.flush()
    return Piece(Path(file.name), 0, len(content))


def map_in_folders(
    function: Callable[[Item], Result], items: Iterable[Item], needs_of: Callable[[Item], Needs]
) -> Iterator[tuple[Item, Result]]:
    """Yield each item with its result as soon as it has one, in any order.

    Each task has its own process and folder, and a GPU if the cluster has one. Raises
    InputError as `ordered_map` does, and when no machine has as many processors as a task needs.
    """
    ray = connect()
    gpus = 1 if ray.cluster_resources().get("GPU") else 0
    options = {"num_gpus": gpus, "max_retries": RETRIES, "max_calls": 1}
    task, reference = ray.remote(**options)(work_in_folder), ray.put(function)
    sent: dict[Path, Any] = {}
    running = {}
    for item in items:
        files, threads = needs_of(item)
        refuse_few_processors(ray, threads)
        for path in {*files.values()} - sent.keys():
            sent[path] = ray.put(np.fromfile(path, dtype=np.uint8))
        references = {name: sent[path] for name, path in files.items()}
        submit = task.options(num_cpus=threads).remote
        running[submit([reference], ray.cloudpickle.dumps(item), references)] = item
    while running:
        [handle], _ = ray.wait([*running])
        yield running.pop(handle), result_of(ray, handle)


def work_in_folder(function: list[Any], item: bytes, files: Mapping[str, Any]) -> bytes:
    """Return what `work` returns in a folder with these files: path -> reference."""
    import ray

    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        for name, reference in files.items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            ray.get(reference).tofile(name)
        return work(function, item)


def refuse_few_processors(ray: Any, threads: int) -> None:
    """Raise InputError when no machine has as many processors as a task has threads."""
    nodes = [node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]]
    if max(nodes, default=0) < threads:
        raise InputError(
            f"a training has {threads} threads, and the largest machine of Ray's cluster "
            f"{max(nodes, default=0):g} processors; set `threads` in params.yaml."
        )
