"""One process starts as ever; more are started by torchrun, and a failure is one line."""

import json
import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
import yaml

from findtune.core import params
from findtune.core.errors import InputError
from findtune.training.launch import (
    Launch,
    RankError,
    raise_first,
    recorded_errors,
    refuse_other_launch,
    torchrun_options,
)

TWO = Launch(processes=2, nodes=1)


@pytest.fixture(autouse=True)
def _outside_of_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.startswith(("PET_", "TORCHELASTIC_", "WORLD_SIZE")):
            monkeypatch.delenv(name)


def failure(exitcode: int, timestamp: int = 0, **recorded: Any) -> SimpleNamespace:
    """Return a failure as torchrun reports it; recorded: what the rank wrote, if it could."""
    message = {"message": "", "extraInfo": recorded} if recorded else "Signal received"
    return SimpleNamespace(exitcode=exitcode, timestamp=timestamp, message=message)


@pytest.mark.parametrize(
    ("launch", "message"),
    [
        ({"processes": 0, "nodes": 1}, "launch.processes is 0: input should be greater than 0"),
        ({"processes": 2}, "launch.nodes is missing"),
        ({"processes": 2, "nodes": 1, "gpus": 2}, "launch.gpus is not a known key"),
    ],
)
def test_a_wrong_launch_is_one_line(tmp_path: Path, launch: object, message: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({"launch": launch}))
    with pytest.raises(InputError, match=message):
        params.read("launch", Launch, path)


def test_torchrun_gets_the_processes_and_on_one_machine_finds_a_free_port() -> None:
    options = torchrun_options(TWO)
    assert options == ["--nnodes", "1", "--nproc-per-node", "2", "--standalone"]


def test_several_machines_need_a_meeting_point(monkeypatch: pytest.MonkeyPatch) -> None:
    four = Launch(processes=2, nodes=2)
    assert four.world_size == 4
    with pytest.raises(InputError, match="asks for 2 machines; set PET_MASTER_ADDR"):
        torchrun_options(four)
    monkeypatch.setenv("PET_MASTER_ADDR", "10.0.0.1")
    assert torchrun_options(four) == ["--nnodes", "2", "--nproc-per-node", "2"]


def test_torchrun_takes_the_options_and_reads_the_meeting_point_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from torch.distributed import run

    monkeypatch.setenv("PET_MASTER_ADDR", "10.0.0.1")
    monkeypatch.setenv("PET_NODE_RANK", "1")
    options = torchrun_options(Launch(processes=2, nodes=3))
    read = run.parse_args([*options, "--module", "stages.train", "embedder", "small"])
    assert (read.nnodes, read.nproc_per_node, read.master_addr) == ("3", "2", "10.0.0.1")
    assert (int(read.node_rank), read.training_script_args) == (1, ["embedder", "small"])


def test_torchrun_that_was_started_by_hand_with_other_processes_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refuse_other_launch(TWO)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "run")
    monkeypatch.setenv("WORLD_SIZE", "2")
    refuse_other_launch(TWO)
    with pytest.raises(InputError, match="started 2 processes, and launch .* asks for 1"):
        refuse_other_launch(Launch(processes=1, nodes=1))


def test_a_kill_is_named_before_what_follows_from_it() -> None:
    lost = failure(1, 0, line="[gloo/pair.cc] Connection closed by peer", is_known=False)
    failures = {0: lost, 1: failure(-signal.SIGKILL, 9), 2: failure(-signal.SIGTERM, 0)}
    with pytest.raises(RankError) as raised:
        raise_first(failures, Launch(processes=3, nodes=1))
    line = str(raised.value)
    assert line.startswith("process 2 of 3 was ended by SIGKILL, perhaps for lack of memory, so")
    assert line.endswith("run this again, and it goes on from its last checkpoint.")
    assert "\n" not in line


def test_an_error_of_the_user_is_its_own_line() -> None:
    known = failure(1, 5, line="too few examples; add some.", is_known=True)
    lost = failure(1, 3, line="NCCL error", is_known=False)
    with pytest.raises(RankError, match=r"^too few examples; add some\.$"):
        raise_first({0: lost, 1: known}, TWO)


def test_an_unexpected_error_shows_the_traceback_of_its_rank() -> None:
    broken = failure(1, 5, line="bad", is_known=False, traceback="Traceback: bad")
    with pytest.raises(RankError, match="process 1 of 2 failed:\nTraceback: bad"):
        raise_first({0: broken}, TWO)


def test_a_lost_connection_alone_points_to_the_other_machines() -> None:
    lost = failure(1, 5, line="Connection reset by peer", is_known=False)
    with pytest.raises(RankError, match="process 1 of 2 lost the connection"):
        raise_first({0: lost}, TWO)


@pytest.mark.parametrize(
    ("error", "is_known"), [(click.ClickException("no text"), True), (ValueError("no text"), False)]
)
def test_a_rank_prints_nothing_and_records_its_error_as_torchrun_reads_it(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    error: Exception,
    is_known: bool,
) -> None:
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

    file = tmp_path / "0" / "error.json"
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(file))
    with pytest.raises(SystemExit) as ended, recorded_errors(click.ClickException):
        raise error
    assert ended.value.code == 1
    assert capfd.readouterr() == ("", "")
    read = ProcessFailure(local_rank=0, pid=1, exitcode=1, error_file=str(file))
    assert json.loads(file.read_text())["message"]["message"] == "no text"
    with pytest.raises(RankError, match="no text" if is_known else "ValueError: no text"):
        raise_first({0: read}, TWO)
