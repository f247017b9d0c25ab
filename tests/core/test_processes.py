"""Several processes give what one gives, in the same order, and say so when one is killed."""

import os
import signal
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from findtune.core.errors import InputError
from findtune.core.files import iter_jsonl, write_jsonl
from findtune.core.processes import (
    VARIABLE,
    interleave,
    number_of_processes,
    ordered_map,
    pieces,
    read_piece,
)


@pytest.mark.parametrize("piece_bytes", [1, 30, 10_000])
def test_the_pieces_of_a_file_hold_each_record_once_and_in_its_order(
    tmp_path: Path, piece_bytes: int
) -> None:
    path = tmp_path / "records.jsonl"
    write_jsonl(path, ({"number": number, "text": "ü" * number} for number in range(30)))
    read = [record for piece in pieces(path, piece_bytes) for record in read_piece(piece)]
    assert read == [*iter_jsonl(path)]


def test_results_come_in_the_order_of_the_items_however_many_processes_there_are() -> None:
    results = [[*ordered_map(lambda n: n * n, range(50), processes)] for processes in (1, 2, 3)]
    assert results == [[n * n for n in range(50)]] * 3


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_interleaved_shares_are_the_whole(processes: int) -> None:
    def share(number: int) -> Iterator[int]:
        return islice(range(20), number, None, processes)

    assert [*interleave(share, processes)] == [*range(20)]


def test_an_error_of_a_worker_is_raised_here() -> None:
    def fail(number: int) -> Iterator[int]:
        yield number
        raise InputError("line 3 is no record.")

    with pytest.raises(InputError, match="line 3"):
        [*interleave(fail, 2)]
    with pytest.raises(InputError, match="line 3"):
        [*ordered_map(lambda number: [*fail(number)], range(5), 2)]


def test_a_killed_worker_is_told_in_one_line() -> None:
    def die(number: int) -> Iterator[int]:
        yield number
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(InputError, match="killed"):
        [*interleave(die, 2)]
    with pytest.raises(InputError, match="killed"):
        [*ordered_map(lambda number: [*die(number)], range(5), 2)]


def test_little_input_is_read_by_one_process_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert number_of_processes(1000) == 1
    monkeypatch.setenv(VARIABLE, "3")
    assert number_of_processes(1000) == 3
    monkeypatch.setenv(VARIABLE, "two")
    with pytest.raises(InputError, match=VARIABLE):
        number_of_processes(1000)
