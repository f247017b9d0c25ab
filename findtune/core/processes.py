"""Share work among processes, one per processor, with the results and order of a single one.

Large inputs are cut into pieces that are processed independently. Results come back in the order
of the pieces, so the number of processes does not change the bytes written. Processes are forked,
so what a function refers to is not copied; on systems that can't fork safely there is one process.
With FINDTUNE_ENGINE=ray the pieces are Ray tasks instead, on several machines.
"""

import ctypes
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from itertools import chain, cycle, islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import orjson

from findtune.core.errors import InputError
from findtune.core.records import Record

VARIABLE = "FINDTUNE_PROCESSES"  # environment variable: the number of processes
ENGINE = "FINDTUNE_ENGINE"  # environment variable: what runs them
ENGINES = ("local", "ray")
# Loaded only when asked for. It is a dependency of no stage in dvc.yaml: where a piece is processed
# changes no byte of the outputs.
CLUSTER = "findtune.cluster.ray_tasks"
MIN_BYTES = 1 << 25  # of input; less is done before the processes would have started
PIECE_BYTES = 1 << 23
WAITING = 2  # pieces per process, running or queued; more would only take memory
TOGETHER = 8  # items of a stream per Ray task, since a task takes a millisecond to start

Item = TypeVar("Item")
Handle = TypeVar("Handle")
Result = TypeVar("Result")
FUNCTION: dict[str, Callable[[Any], Any]] = {}  # in a worker: its only function


class Piece(NamedTuple):
    """Some whole lines of a file: the bytes from start to stop."""

    path: Path
    start: int
    stop: int


def runs_on_ray() -> bool:
    """Return whether Ray runs the shared work; raise InputError for an unknown engine."""
    name = os.environ.get(ENGINE, "") or "local"
    if name not in ENGINES:
        raise InputError(f"{ENGINE} is {name!r}; it takes {' or '.join(ENGINES)}.")
    return name == "ray"


def number_of_processes(n_bytes: int) -> int:
    """Return how many processes should share an input of some size; one if it is small.

    Raises InputError for an invalid number in the environment, or if Ray is asked for but missing.
    """
    on_ray = runs_on_ray()
    if given := os.environ.get(VARIABLE, ""):
        if not given.isdecimal() or not int(given):
            raise InputError(f"{VARIABLE} is {given!r}; it takes a number of processes, such as 2.")
        return int(given)
    if on_ray and n_bytes >= MIN_BYTES:
        return int(import_module(CLUSTER).number_of_processors())
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" and n_bytes >= MIN_BYTES else 1


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], processes: int
) -> Iterator[Result]:
    """Yield the result of each item, in the order of the items.

    Items and results are pickled; the function is pickled only with Ray. Raises InputError when a
    process was killed, and whatever the function raises.
    """
    if processes > 1 and runs_on_ray():
        yield from import_module(CLUSTER).ordered_map(function, items, processes)
        return
    if processes == 1 or sys.platform != "linux":
        yield from map(function, items)
        return
    pool = ProcessPoolExecutor(processes, get_context("fork"), start_worker, (function,))
    try:
        for future in submit_few(lambda item: pool.submit(call, item), items, WAITING * processes):
            yield future.result()
    except BrokenProcessPool:
        raise killed(processes) from None
    except BaseException:  # nobody needs the work in progress
        for worker in [*(pool._processes or {}).values()]:
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def submit_few(
    submit: Callable[[Item], Handle], items: Iterable[Item], waiting: int
) -> Iterator[Handle]:
    """Submit items and yield their handles in order, running ahead by `waiting` items.

    More items are taken only when a handle is asked for, so memory is bounded.
    """
    pending: deque[Handle] = deque()
    for item in items:
        pending.append(submit(item))
        if len(pending) > waiting:
            yield pending.popleft()
    while pending:
        yield pending.popleft()


def map_stream(
    function: Callable[[Item], Result], read: Callable[[int], Iterable[Item]], processes: int
) -> Iterator[Result]:
    """Return the results of the items that `read` returns, in their order.

    read: called with the number of a process, returns all items. Each process reads all of them and
    works on its share, so items need not be sent. Machines of a cluster may not have the file, so
    with Ray only this process reads. Raises as `ordered_map` does.
    """
    if processes == 1 or sys.platform != "linux":
        return map(function, read(0))
    if runs_on_ray():
        groups = grouped(read(0), TOGETHER)
        return chain.from_iterable(
            ordered_map(lambda group: [*map(function, group)], groups, processes)
        )

    def share(number: int) -> Iterator[Result]:
        return map(function, islice(read(number), number, None, processes))

    return interleave(share, processes)


def grouped(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield items in lists of `size`; the last one may be shorter."""
    iterator = iter(items)
    while group := [*islice(iterator, size)]:
        yield group


def interleave(produce: Callable[[int], Iterable[Result]], processes: int) -> Iterator[Result]:
    """Yield the results of several processes in turn: one of the first, one of the second, ...

    produce: called with the number of a process, returns its share, such as every third result.
    When one share ends, all end. Only results are sent, so what all processes can read, such as a
    file, need not pass through one of them. Raises as `ordered_map` does.
    """
    if processes == 1 or sys.platform != "linux":
        yield from produce(0)
        return
    context, workers, ends = get_context("fork"), [], []
    try:
        for number in range(processes):
            receiver, sender = context.Pipe(duplex=False)
            worker = context.Process(target=send_all, args=(produce, number, sender), daemon=True)
            worker.start()
            sender.close()  # so that the pipe ends with the worker
            workers.append(worker)
            ends.append(receiver)
        yield from receive_in_turn(ends)
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()


def send_all(
    produce: Callable[[int], Iterable[Any]], number: int, sender: "Connection[Any, Any]"
) -> None:
    """Send the results of a worker, then an end mark or the error that ended it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started it ends it
    end_with_parent()
    try:
        for result in produce(number):
            sender.send((True, result))
        sender.send((False, None))
    except Exception as error:
        sender.send((False, error))


def receive_in_turn(ends: "Sequence[Connection[Any, Any]]") -> Iterator[Any]:
    """Yield what workers send, one result of each in turn, until one of them has ended."""
    for receiver in cycle(ends):
        try:
            goes_on, result = receiver.recv()
        except EOFError:
            raise killed(len(ends)) from None
        if isinstance(result, Exception):
            raise result
        if not goes_on:
            return
        yield result


def killed(processes: int) -> InputError:
    """Return the error for a worker that was killed."""
    return InputError(
        f"one of {processes} processes was killed, perhaps for lack of memory; run this again "
        f"with {VARIABLE}=1."
    )


def start_worker(function: Callable[[Any], Any]) -> None:
    """Store the function of a worker, and make the worker end with its parent."""
    FUNCTION["call"] = function
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started it ends it
    end_with_parent()


def call(item: Any) -> Any:
    """Return the result of an item in a worker."""
    return FUNCTION["call"](item)


def end_with_parent() -> None:
    """Ask Linux to end this process when its parent ends. Source: prctl(2), PR_SET_PDEATHSIG."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def pieces(path: Path, piece_bytes: int = PIECE_BYTES) -> list[Piece]:
    """Cut a file into pieces of whole lines; together they are the file."""
    size, edges = path.stat().st_size, [0]
    with path.open("rb") as file:
        while edges[-1] < size:
            file.seek(min(size, edges[-1] + piece_bytes))
            file.readline()
            edges.append(file.tell())
    return [Piece(path, *pair) for pair in zip(edges, edges[1:], strict=False)]


def read_piece(piece: Piece) -> Iterator[Record]:
    """Yield the JSON objects of the lines of a piece."""
    with piece.path.open("rb") as file:
        file.seek(piece.start)
        left = piece.stop - piece.start
        while left > 0:
            line = file.readline()
            left -= len(line)
            yield orjson.loads(line)
