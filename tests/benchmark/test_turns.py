"""Contestants take turns, each in its own process, and a failure is one line."""

import os
from pathlib import Path

import pytest

from findtune.benchmark.comparisons import Comparison
from findtune.benchmark.result import Result
from findtune.benchmark.turns import ContestantError, run_apart, take_turns

WRITES_ITS_PID = """
import json, os, sys
value = {"rates": {"pid": os.getpid()}, "facts": {}, "peak_bytes": 7}
open(sys.argv[3], "w").write(json.dumps(value))
"""


def test_ours_runs_first_last_and_between_the_others() -> None:
    order, lines = [], []

    def run(name: str, contestant: str) -> Result:
        order.append(contestant)
        return Result({"pairs/s": len(order)}, {})

    results = take_turns("t", Comparison("training", {"a": "", "b": ""}), run, lines.append)
    assert order == ["ours", "a", "b", "ours", "a", "b", "ours"]
    assert [run.rates["pairs/s"] for run in results["ours"]] == [1, 4, 7]
    assert lines[1].startswith("training: a, run 2 of 7")


def test_without_an_opponent_there_is_one_run() -> None:
    assert Comparison("one question", {}).turns() == ["ours"]


def test_each_run_has_a_process_of_its_own() -> None:
    results = [run_apart(["-c", WRITES_ITS_PID], "encoding", "ours") for _ in range(2)]
    pids = {run.rates["pid"] for run in results}
    assert len(pids | {os.getpid()}) == 3
    assert results[0].peak_bytes == 7


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise ValueError('no such model')", "ended with 1: ValueError: no such model"),
        ("import os; os.kill(os.getpid(), 9)", "ended with -9: no message"),
        ("pass", "ended with 0: no message"),
    ],
)
def test_a_contestant_that_gives_no_result_is_named_in_one_line(code: str, message: str) -> None:
    with pytest.raises(ContestantError) as error:
        run_apart(["-c", code], "encoding", "stock")
    assert str(error.value) == f"encoding: stock {message}"


def test_the_result_file_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run_apart(["-c", WRITES_ITS_PID], "encoding", "ours")
    assert not list(tmp_path.iterdir())
