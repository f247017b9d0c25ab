"""Nothing that a writer has finished is lost: not to other writers, a kill, or a full disk."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random

import pytest

from findtune.traffic.log import append_pick, append_search, week_file
from findtune.traffic.reader import read_traffic
from findtune.traffic.records import PickRecord, SearchRecord, ShownSource, now

NEW_YEAR = datetime(2027, 1, 1, 23, 30, tzinfo=UTC)  # which is in the last week of 2026


def search(number: int, **fields: object) -> SearchRecord:
    values = {"id": f"{number:x}", "time": NEW_YEAR, "version": "a1", "question": "bread?"}
    return SearchRecord.model_validate({"milliseconds": 8.0, **values, **fields})


def test_a_search_is_one_line_in_the_file_of_its_week(tmp_path: Path) -> None:
    source = ShownSource(url="u", title="Bread", rank=1, score=0.5, found_by=["bread?"])
    append_search(tmp_path, search(1, queries=["bread?"], sources=[source]))
    [line] = (tmp_path / "2026-W53.jsonl").read_text(encoding="utf-8").splitlines()
    assert line == (
        '{"id":"1","time":"2027-01-01T23:30:00Z","version":"a1","question":"bread?",'
        '"queries":["bread?"],"milliseconds":8.0,"sources":[{"url":"u","title":"Bread",'
        '"snippet":"","rank":1,"score":0.5,"found_by":["bread?"],"retrieved_rank":null,"team":null,'
        '"unshuffled_rank":null,"propensity":null}],'
        '"session":null,"compare":null}'
    )
    assert read_traffic(tmp_path).searches[0].sources == [source]
    assert week_file(datetime.fromisoformat("2026-11-30T00:30:00+01:00")) == "2026-W48.jsonl"


def test_the_last_answer_of_a_search_counts(tmp_path: Path) -> None:
    for number in range(3):
        append_search(tmp_path, search(number))
    for key, picks in (("0", ["a"]), ("0", ["b", "a"]), ("1", []), ("2", ["a"]), ("2", None)):
        append_pick(tmp_path, partial(PickRecord, search=key, time=now(), picks=picks))
    traffic = read_traffic(tmp_path)
    assert [traffic.picks_of(row) for row in traffic.searches] == [["b", "a"], [], None]


def test_a_torn_line_is_skipped_counted_and_ended_by_the_next_writer(tmp_path: Path) -> None:
    append_search(tmp_path, search(1))
    path = tmp_path / week_file(NEW_YEAR)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"id": "2", "ti')
    assert read_traffic(tmp_path).skipped == 1
    append_search(tmp_path, search(3))
    traffic = read_traffic(tmp_path)
    assert ([row.id for row in traffic.searches], traffic.skipped) == (["1", "3"], 1)


def test_a_write_that_fails_leaves_no_part_of_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append_search(tmp_path, search(1))
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, line: write(file, line[:5]))
    with pytest.raises(OSError, match="the disk is full") as raised:
        append_search(tmp_path, search(2))
    assert raised.value.strerror == "the disk is full"  # all that the server logs
    monkeypatch.undo()
    traffic = read_traffic(tmp_path)
    assert ([row.id for row in traffic.searches], traffic.skipped) == (["1"], 0)


WRITER = """
import sys
from pathlib import Path
from findtune.traffic.log import append_pick
from findtune.traffic.records import PickRecord, now

for number in range(int(sys.argv[3])):
    record = PickRecord(search=f"{sys.argv[2]}-{number}", time=now(), picks=["u" * 5000])
    append_pick(Path(sys.argv[1]), lambda: record)
    print(record.search, flush=True)
"""


def start_writer(folder: Path, name: str, lines: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITER, str(folder), name, str(lines)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_writers_that_are_killed_lose_nothing_that_they_had_written(tmp_path: Path) -> None:
    writers = [start_writer(tmp_path, name, 100_000) for name in "abc"]
    chance, written = Random(3), set()
    for writer in writers:
        assert writer.stdout
        written.add(writer.stdout.readline().strip())  # has begun
        time.sleep(chance.random() / 5)
        writer.send_signal(signal.SIGKILL)
        written |= {*writer.communicate()[0].split()}
    traffic = read_traffic(tmp_path)
    assert written <= {*traffic.answers}
    assert traffic.skipped <= len(writers)


@pytest.mark.slow
def test_nothing_is_lost_with_kills_at_fifty_moments(tmp_path: Path) -> None:
    chance, written = Random(7), set()
    for number in range(50):
        writers = [start_writer(tmp_path, f"{number}{name}", 100_000) for name in "ab"]
        for writer in writers:
            assert writer.stdout
            written.add(writer.stdout.readline().strip())
            time.sleep(chance.random() / 20)
            writer.send_signal(signal.SIGKILL)
            written |= {*writer.communicate()[0].split()}
    assert len(written) > 100
    assert written <= {*read_traffic(tmp_path).answers}
