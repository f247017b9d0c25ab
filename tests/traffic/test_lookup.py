"""One search among many is found by its id, and an id can be nothing else."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from findtune.traffic import lookup, reader
from findtune.traffic.log import append_pick
from findtune.traffic.lookup import find_answer, find_search
from findtune.traffic.reader import search_files
from findtune.traffic.records import PickRecord, now


def test_a_search_is_found_by_its_id_in_any_week(served: Path) -> None:
    for number, question in enumerate(("Bread?", "Rice?", "Tea?")):
        record = find_search(served, f"{number:032x}")
        assert record
        assert record.question == question
    assert find_search(served, "f" * 32) is None


@pytest.mark.parametrize("key", ["../picks", "", "0", "A" * 32, f"{0:032x}\n", "0" * 31 + '"'])
def test_what_can_be_no_id_finds_nothing(served: Path, key: str) -> None:
    assert find_search(served, key) is None


def test_the_last_answer_is_found_also_behind_a_torn_line(served: Path) -> None:
    key = f"{0:032x}"
    append_pick(served, partial(PickRecord, search=key, time=now(), picks=["w"]))
    with (served / "picks.jsonl").open("a", encoding="utf-8") as file:
        file.write(f'{{"search":"{key}","ti')
    answer = find_answer(served, key)
    assert answer
    assert answer.picks == ["w"]
    assert find_answer(served, f"{2:032x}") is None


def test_a_file_that_is_forgotten_meanwhile_holds_nothing(
    served: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed_before(folder: Path) -> list[Path]:
        return [*search_files(folder), folder / "2026-W52.jsonl"]

    for module in (lookup, reader):
        monkeypatch.setattr(module, "search_files", listed_before)
    (served / "picks.jsonl").unlink()
    monkeypatch.setattr(Path, "exists", lambda path: True)  # just before it is deleted
    record = find_search(served, f"{0:032x}")
    assert record
    assert record.question == "Bread?"
    assert find_answer(served, record.id) is None
    assert len(reader.read_traffic(served).searches) == 3


CUT = """
import os, sys
from pathlib import Path
from findtune.traffic.lookup import records_with
from findtune.traffic.records import SearchRecord

path = Path(sys.argv[1])
for record in records_with(path, sys.argv[2], SearchRecord):
    os.truncate(path, 10)
    print(record.question)
"""


def test_a_file_that_a_full_disk_cuts_meanwhile_ends_no_reader(
    served: Path,
) -> None:
    # A writer whose line the disk did not take cuts the file to its length before.
    path = served / "2026-W46.jsonl"
    line, padding = path.read_bytes(), b" " * 100_000 + b"\n"
    path.write_bytes(line + padding + line)
    result = subprocess.run(
        [sys.executable, "-c", CUT, path, f"{0:032x}"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[0] == "Bread?"


def test_a_record_is_found_across_the_blocks_in_which_a_file_is_read(
    served: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for size in (1, 7, 100, 1000):
        monkeypatch.setattr(lookup, "BLOCK", size)
        record = find_search(served, f"{1:032x}")
        assert record
        assert record.question == "Rice?"
        answer = find_answer(served, f"{0:032x}")
        assert answer
        assert answer.picks == ["v", "u"]
