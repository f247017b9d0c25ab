"""Tasks of Ray keep the order of the pieces, in bounded memory, and mistakes are one line.

A stand-in takes the place of Ray here, which is optional; tests/stages/test_two_nodes.py needs it.
"""

import ast
import pickle
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from findtune.cluster import ray_tasks
from findtune.cluster.ray_tasks import ADDRESS, Needs, connect, map_in_folders
from findtune.core import processes
from findtune.core.errors import InputError
from findtune.core.files import iter_jsonl, write_jsonl
from findtune.core.processes import (
    ENGINE,
    MIN_BYTES,
    VARIABLE,
    WAITING,
    map_stream,
    number_of_processes,
    ordered_map,
    pieces,
    read_piece,
    runs_on_ray,
)
from stages.command import TorchStage


class Reference(str):
    """Names an object of the stand-in, or a task that has not run."""

    def hex(self) -> str:
        return str(self)


class RayError(Exception):
    """What Ray raises when it loses a task."""


class RayTaskError(RayError):
    """What Ray raises for a fault of the code."""


class StandIn:
    """Runs each task when its result is asked for, the last submitted first where any will do."""

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)
    cloudpickle = pickle
    util = SimpleNamespace(get_node_ip_address=lambda: "127.0.0.1")

    def __init__(self, cpus: int = 4, gpus: int = 0) -> None:
        self.resources = {"CPU": cpus, "GPU": gpus}
        self.objects: dict[str, Any] = {}
        self.waiting = self.most_waiting = 0
        self.options: Mapping[str, Any] = {}
        self.lost = False

    def is_initialized(self) -> bool:
        return True

    def cluster_resources(self) -> Mapping[str, int]:
        return self.resources

    def nodes(self) -> list[Mapping[str, Any]]:
        return [{"Alive": True, "Resources": self.resources}]

    def put(self, value: object) -> Reference:
        reference = Reference(uuid4())
        self.objects[reference] = value
        return reference

    def remote(self, **options: Any) -> Callable[[Callable[..., bytes]], Any]:
        self.options = options

        def task(function: Callable[..., bytes], **more: Any) -> Any:
            self.options = {**self.options, **more}
            remote = partial(self.submit, function)
            return SimpleNamespace(remote=remote, options=partial(task, function))

        return task

    def submit(self, function: Callable[..., bytes], *arguments: object) -> Reference:
        self.waiting += 1
        self.most_waiting = max(self.waiting, self.most_waiting)
        return self.put(partial(function, *arguments))

    def get(self, reference: Reference) -> Any:
        value = self.objects[reference]
        if not isinstance(value, partial) or value.func not in (
            ray_tasks.work,
            ray_tasks.work_in_folder,
        ):
            return value
        self.waiting -= 1
        if self.lost:
            raise RayError("The node died.\nIts logs are elsewhere.")
        return value()

    def wait(self, handles: list[Reference]) -> tuple[list[Reference], list[Reference]]:
        return handles[-1:], handles[:-1]


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Put a stand-in in the place of Ray, and choose it."""
    stand_in = StandIn()
    monkeypatch.setitem(sys.modules, "ray", stand_in)
    monkeypatch.setenv(ENGINE, "ray")
    monkeypatch.delenv(VARIABLE, raising=False)
    return stand_in


def test_results_of_tasks_come_in_the_order_of_the_items(ray: StandIn) -> None:
    assert [*ordered_map(lambda n: n * n, range(50), 3)] == [n * n for n in range(50)]
    assert ray.options == {"num_cpus": 1, "max_retries": ray_tasks.RETRIES}


def test_few_items_are_under_way_however_many_there_are(ray: StandIn) -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            read.append(number)
            yield number

    for number, result in enumerate(ordered_map(str, items(), 3)):
        assert result == str(number)
        assert len(read) <= number + 1 + 3 * WAITING
    assert ray.most_waiting == 3 * WAITING + 1


def test_a_task_gets_the_bytes_of_its_piece_and_no_path_of_this_machine(
    ray: StandIn, tmp_path: Path
) -> None:
    path = tmp_path / "records.jsonl"
    write_jsonl(path, ({"number": number, "text": "ü" * number} for number in range(30)))
    used: list[Path] = []

    def read(item: tuple[int, processes.Piece]) -> list[Any]:
        used.append(item[1].path)
        return [*read_piece(item[1])]

    numbered = enumerate(pieces(path, 200))
    records = [row for part in ordered_map(read, numbered, 2) for row in part]
    assert records == [*iter_jsonl(path)]
    assert len(used) > 3 and path not in used
    assert not any(copy.exists() for copy in used)  # nothing stays behind


def test_a_stream_is_read_once_and_here(ray: StandIn) -> None:
    readers: list[int] = []

    def read(number: int) -> Iterator[int]:
        readers.append(number)
        return iter(range(20))

    assert [*map_stream(abs, read, 3)] == [*range(20)]
    assert readers == [0]
    assert len(ray.objects) == 1 + 3  # the function, and tasks of eight items


def test_an_error_of_a_task_is_raised_here(ray: StandIn) -> None:
    def fail(number: int) -> int:
        raise InputError("line 3 is no record.")

    with pytest.raises(InputError, match=r"^line 3 is no record\.$"):
        [*ordered_map(fail, range(5), 2)]


def test_a_package_that_a_machine_lacks_is_named_in_one_line(ray: StandIn) -> None:
    def fail(number: int) -> None:
        raise ModuleNotFoundError("No module named 'orjson'", name="orjson")

    with pytest.raises(InputError, match="lacks the package orjson; install"):
        [*ordered_map(fail, range(5), 2)]


def test_a_task_that_ray_gives_up_is_told_in_one_line(ray: StandIn) -> None:
    ray.lost = True
    with pytest.raises(InputError, match=r"^Ray gave up on a task after 5 .*: The node died\. See"):
        [*ordered_map(abs, range(5), 2)]


def test_large_input_is_shared_by_all_processors_of_the_cluster_unless_a_number_is_given(
    ray: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert number_of_processes(MIN_BYTES - 1) == 1
    assert number_of_processes(MIN_BYTES) == 4
    monkeypatch.setenv(VARIABLE, "3")
    assert number_of_processes(1000) == 3
    monkeypatch.delenv(VARIABLE)
    ray.resources = {}
    with pytest.raises(InputError, match="no machine of Ray's cluster has a processor"):
        number_of_processes(MIN_BYTES)


def test_one_process_needs_no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # importing it fails
    monkeypatch.setenv(ENGINE, "ray")
    assert number_of_processes(1000) == 1
    assert [*ordered_map(abs, range(3), 1)] == [0, 1, 2]


@pytest.mark.parametrize(("name", "on_ray"), [("", False), ("local", False), ("ray", True)])
def test_work_stays_on_this_machine_unless_ray_is_chosen(
    monkeypatch: pytest.MonkeyPatch, name: str, on_ray: bool
) -> None:
    monkeypatch.setenv(ENGINE, name)
    assert runs_on_ray() == on_ray


def test_an_unknown_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENGINE, "Ray")
    with pytest.raises(InputError, match="FINDTUNE_ENGINE is 'Ray'; it takes local or ray"):
        number_of_processes(1000)


def test_a_missing_ray_is_told_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"Ray is not installed; run .*install '\.\[ray\]'"):
        connect()


@pytest.mark.parametrize("address", ["ray://10.0.0.5:10001", "10.0.0.5", ":6379", "host:port"])
def test_an_address_that_is_none_is_refused(
    ray: StandIn, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setenv(ADDRESS, address)
    with pytest.raises(InputError, match="it takes HOST:PORT of a cluster's head"):
        connect()


def test_an_address_where_nothing_answers_is_told_in_one_line(
    ray: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # and no listen
        monkeypatch.setenv(ADDRESS, f"127.0.0.1:{free.getsockname()[1]}")
        with pytest.raises(InputError, match=r"nothing answers at 127.* ray start --head") as error:
            connect()
    assert "\n" not in str(error.value)


def test_a_task_in_a_folder_finds_the_files_that_it_needs_and_no_others(
    ray: StandIn, tmp_path: Path
) -> None:
    for name in ("one", "two", "empty"):
        (tmp_path / name).write_text("" if name == "empty" else f"text of {name}")

    def needs_of(name: str) -> Needs:
        return Needs({"params.yaml": tmp_path / "empty", f"data/{name}.txt": tmp_path / name}, 2)

    results = dict(map_in_folders(content_of_folder, ["one", "two"], needs_of))
    for name in ("one", "two"):
        assert results[name] == {"params.yaml": "", f"data/{name}.txt": f"text of {name}"}
    sent = [value for value in ray.objects.values() if isinstance(value, np.ndarray)]
    assert len(sent) == 3  # a file that two tasks need travels once
    assert ray.options["num_cpus"] == 2 and ray.options["num_gpus"] == 0


def content_of_folder(name: str) -> dict[str, str]:
    paths = sorted(path for path in Path().rglob("*") if path.is_file())
    return {str(path): path.read_text() for path in paths}


def test_a_training_with_more_threads_than_a_machine_has_processors_is_refused(
    ray: StandIn,
) -> None:
    with pytest.raises(InputError, match="a training has 8 threads, and the largest .* 4 proc"):
        next(map_in_folders(abs, [1], lambda _: Needs({}, 8)))


def test_a_training_takes_a_gpu_where_there_are_some(ray: StandIn) -> None:
    ray.resources["GPU"] = 2
    assert [*map_in_folders(abs, [-1], lambda _: Needs({}, 2))] == [(-1, 1)]
    assert ray.options["num_gpus"] == 1


def test_tasks_have_the_environment_of_a_stage_that_loads_models() -> None:
    assert TorchStage.environment.items() <= ray_tasks.ENVIRONMENT.items()


def test_no_module_imports_ray_when_it_is_loaded() -> None:
    loaded = {
        alias.name
        for top in ("findtune", "stages", "commands")
        for path in Path(top).rglob("*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert "os" in loaded and "ray" not in loaded


def test_a_host_that_can_be_none_is_one_line() -> None:
    with pytest.raises(InputError, match=r"RAY_ADDRESS is a\.\.b:6379, and nothing answers"):
        ray_tasks.refuse_silent("a..b:6379", lambda: "127.0.0.1")
