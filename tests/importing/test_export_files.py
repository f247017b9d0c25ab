"""Exports: every form is read with its lines, and a broken one is named."""

import gzip
import json
from pathlib import Path

import pytest

from findtune.core.errors import InputError
from findtune.importing.export_files import read_rows
from findtune.importing.tally import Tally

RECORDS = [{"a": 1}, {"a": 2}]
HITS = {"hits": {"hits": [{"_id": "x", "_source": record} for record in RECORDS]}}


def read(path: Path, content: str, tally: Tally | None = None) -> list[tuple[int, object]]:
    path.write_text(content, encoding="utf-8")
    return [(row.line, row.fields["a"]) for row in read_rows(path, tally or Tally())]


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("\n".join(map(json.dumps, RECORDS)), [1, 2]),
        (json.dumps(RECORDS, indent=1), [2, 5]),
        (json.dumps(HITS), [1, 1]),
        ("\n".join(map(json.dumps, HITS["hits"]["hits"])), [1, 2]),
        ('{"index": {"_id": "1"}}\n{"a": 1}\n{"create": {}}\n{"a": 2}\n', [2, 4]),
        ('{"index": {"routing": "r"}}\n{"a": 1}\n{"create": {"if_seq_no": 1}}\n{"a": 2}', [2, 4]),
        ('{"data": [{"a": 1}, {"a": 2}], "meta": {}}', [1, 1]),
        ('{\n"a": 1}\n\n{\n"a": 2}', [1, 4]),
    ],
)
def test_a_record_has_the_line_where_it_begins(
    content: str, lines: list[int], tmp_path: Path
) -> None:
    rows = read(tmp_path / "export.json", f"\ufeff{content}")
    assert rows == [(lines[0], 1), (lines[1], 2)]


def test_a_packed_export_is_read(tmp_path: Path) -> None:
    path = tmp_path / "export.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}'))
    assert [row.fields for row in read_rows(path, Tally())] == [{"a": 1}]


def test_a_bad_line_costs_one_record_and_a_text_is_no_record(tmp_path: Path) -> None:
    tally = Tally()
    rows = read(tmp_path / "export.jsonl", '{"a": 1}\n{"a": \n"text"\n{"a": 2}', tally)
    assert rows == [(1, 1), (4, 2)]
    places = {reason: [line for _, line in rows] for reason, rows in tally.unused.items()}
    assert places == {"lines that are not JSON": [2], "records that are not objects": [3]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b'[{"a": 1},\n{"a": 2}', ":2: the list breaks off"),
        (b'[{"a": 1},\n{"a" 2}]', ":2: not JSON"),
        ("é".encode("latin-1"), "not UTF-8"),
        (None, "can't be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    content: bytes | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "export.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        [*read_rows(path, Tally())]
    assert str(path) in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


LONG = {"b": [True, None, -1.5e10], "hits": {"hits": [{"_id": "\u00e9", "_source": RECORDS[0]}]}}
EVENTS = [{"a": 1}, {"a": 2, "b": "x", "c": [True, -1.5, {"d": None}]}, {"a": 3}]


@pytest.mark.parametrize("indent", [0, 2, "\t"])
@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("before", ["", '{"a": 1}\n'])
def test_an_object_that_breaks_off_after_its_first_line_is_refused(
    indent: int | str, end: str, before: str, tmp_path: Path
) -> None:
    text = json.dumps(LONG, indent=indent)
    line = before.count("\n") + 1
    for length in range(3, len(text)):
        if text[:length].strip() != "{":
            with pytest.raises(InputError, match=f":{line}: the object that begins here breaks"):
                read(tmp_path / "export.json", before + text[:length] + end)


@pytest.mark.parametrize("torn", [0, 1, 2])
def test_a_torn_line_among_lines_costs_one_record(torn: int, tmp_path: Path) -> None:
    lines = [json.dumps(event) for event in EVENTS]
    for length in range(1, len(lines[torn])):
        path = tmp_path / "export.jsonl"
        path.write_text("\n".join([*lines[:torn], lines[torn][:length], *lines[torn + 1 :]]))
        rows = [row.fields for row in read_rows(path, Tally())]
        assert rows == EVENTS[:torn] + EVENTS[torn + 1 :]


@pytest.mark.parametrize("end", ['"b": 2 "c": 3\n}', '"b": x\n}', "]"])
def test_an_object_with_a_fault_within_costs_one_line_each(end: str, tmp_path: Path) -> None:
    tally = Tally()
    assert read(tmp_path / "export.json", f'{{"a": 1}}\n{{\n{end}', tally) == [(1, 1)]
    assert tally.unused["lines that are not JSON"][0][1] == 2


def test_a_file_of_commas_and_a_number_of_absurd_length_are_no_records(tmp_path: Path) -> None:
    tally = Tally()
    assert read(tmp_path / "export.json", ",", tally) == []
    text = f'{{"a": {"9" * 5000}}}\n{{"a": 1}}'
    assert read(tmp_path / "export.jsonl", text, tally) == [(2, 1)]
    assert len(tally.unused["lines that are not JSON"]) == 1


def test_half_a_character_is_written_as_unknown(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(r'[{"a\ud800": ["b\udc00", {"c": "\ud83c\udf75"}]}]', encoding="utf-8")
    [row] = read_rows(path, Tally())
    assert row.fields == {"a\ufffd": ["b\ufffd", {"c": "\U0001f375"}]}


def test_lists_that_stand_behind_each_other_are_all_read(tmp_path: Path) -> None:
    # as pages of an API are, each appended to the file
    tally = Tally()
    rows = read(tmp_path / "export.json", '[{"a": 1}]\n[{"a": 2},\n{"a": 3}]{"a": 4}\nend', tally)
    assert rows == [(1, 1), (2, 2), (3, 3), (3, 4)]
    assert [*tally.unused] == ["lines that are not JSON"]


DOCUMENT = {"id": "d1", "title": "Tea", "text": "Tea is a drink."}


@pytest.mark.parametrize("name", ["items", "data"])
@pytest.mark.parametrize("items", [[], ["green", "black"], [1, 2], [{"sku": 1}]])
@pytest.mark.parametrize("names", [{}, {"id": "_id", "text": "content"}, {"text": "page_content"}])
def test_a_document_with_a_list_of_its_own_is_one_record(
    name: str, items: list[object], names: dict[str, str], tmp_path: Path
) -> None:
    document = {names.get(key, key): value for key, value in DOCUMENT.items()} | {name: items}
    path = tmp_path / "documents.jsonl"
    path.write_text(json.dumps(document))
    assert [row.fields for row in read_rows(path, Tally())] == [document]


@pytest.mark.parametrize("name", ["items", "data"])
@pytest.mark.parametrize(
    "others",
    [
        {"meta": {"page": 1, "totalItems": 2}},
        {"id": "export-1", "name": "Export of May", "object": "list", "has_more": False},
        {"description": "Export of May", "total": 2},
    ],
)
def test_a_response_that_wraps_records_is_unwrapped(
    name: str, others: dict[str, object], tmp_path: Path
) -> None:
    rows = read(tmp_path / "export.json", json.dumps({name: RECORDS, **others}))
    assert rows == [(1, 1), (1, 2)]
