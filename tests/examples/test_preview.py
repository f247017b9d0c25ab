"""Records are counted by kind, located in their file, and sampled for people."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from findtune.core.files import write_jsonl
from findtune.examples.preview import count_kinds, record_location, sample_lines

QUESTION = {"kind": "question", "qrels": {}}


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (
            [{"kind": "list", "qrels": {"a": 1}}, {"kind": "list", "qrels": {}}, {"kind": "title"}],
            {"list": 2, "title": 1, "with_qrels": 1},
        ),
        ([QUESTION], {"question": 1, "with_qrels": 0}),
        ([{"kind": "rewrite"}], {"rewrite": 1}),
    ],
)
def test_records_are_counted_by_kind_and_by_having_qrels(
    records: list[dict[str, Any]], expected: dict[str, int]
) -> None:
    counts: Counter[str] = Counter()
    assert list(count_kinds(records, counts)) == records
    assert dict(counts) == expected


@pytest.mark.parametrize(
    ("record", "location"),
    [
        ("data/feedback.json:161", "data/feedback.json, record 161"),
        ("data/feedback.jsonl:161", "data/feedback.jsonl:161"),  # here 161 is the line
    ],
)
def test_a_record_of_a_json_file_is_not_located_by_line(record: str, location: str) -> None:
    assert record_location(record) == location


def test_some_records_of_each_kind_are_shown_whatever_their_order(tmp_path: Path) -> None:
    # By hash: foo, b, abc (0.17, 0.24, 0.73).
    records = [{"kind": "query", "query": query} for query in ("abc", "b", "foo")]
    records.append({"kind": "title", "query": "tea"})
    expected = ["query: 3 in dev", "- foo", "- b", "", "title: 1 in dev", "- tea"]
    for order in (records, [*reversed(records[:3]), records[3]]):
        write_jsonl(tmp_path / "dev.jsonl", order)
        lines = sample_lines(tmp_path / "dev.jsonl", 2, lambda record: [f"- {record['query']}"])
        assert lines == expected
