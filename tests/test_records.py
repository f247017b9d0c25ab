"""Records are counted by what they are, and told by where they are from."""

from collections import Counter

import pytest

from findtune.records import counting, place


def test_records_pass_by_kind_and_those_that_people_judged_are_counted() -> None:
    records = [
        {"kind": "list", "judged": {"a": 1}},
        {"kind": "list", "judged": {}},
        {"kind": "title"},
    ]
    counts: Counter[str] = Counter()
    assert [*counting(records, counts)] == records
    assert counts == {"list": 2, "title": 1, "judged": 1}


def test_that_none_was_judged_is_counted_too() -> None:
    counts: Counter[str] = Counter()
    assert len([*counting([{"kind": "question", "judged": {}}], counts)]) == 1
    assert dict(counts) == {"question": 1, "judged": 0}


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ("data/feedback.json:161", "data/feedback.json, record 161"),
        ("data/feedback.jsonl:161", "data/feedback.jsonl:161"),  # there it is the line
    ],
)
def test_a_record_of_a_json_file_is_not_told_as_a_line(record: str, told: str) -> None:
    assert place(record) == told
