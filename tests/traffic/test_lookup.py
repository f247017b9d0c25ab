"""One search among many is found by its id, and an id can be nothing else."""

from pathlib import Path

import pytest

from findtune.traffic.log import append_pick
from findtune.traffic.lookup import find_answer, find_search
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
    append_pick(served, PickRecord(search=key, time=now(), picks=["w"]))
    with (served / "picks.jsonl").open("a", encoding="utf-8") as file:
        file.write(f'{{"search":"{key}","ti')
    answer = find_answer(served, key)
    assert answer
    assert answer.picks == ["w"]
    assert find_answer(served, f"{2:032x}") is None
