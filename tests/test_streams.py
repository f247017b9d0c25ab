"""A file of JSON is read record by record: whole, or with the line and column where it breaks."""

import json
import re
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from findtune import streams
from findtune.errors import InputError
from findtune.streams import Unread, read_records

KEY = "tea"
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def read(folder: Path, content: str | bytes, chunk: int = 1 << 20, form: str = "json") -> list[Any]:
    """Return the values of the records in a file."""
    path = folder / f"tea.{form}"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [record.value for record in read_records(path, KEY, chunk)]


def told(folder: Path, content: str | bytes, form: str = "json") -> str:
    """Return the message of the error that stops the reading, from the file's name on."""
    with pytest.raises(InputError) as caught:
        read(folder, content, form=form)
    return str(caught.value).removeprefix(folder.as_posix())


def outcome(folder: Path, content: bytes, chunk: int) -> object:
    """Return what was read, or else what was told."""
    try:
        return read(folder, content, chunk)
    except InputError as error:
        return str(error)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the one file that every example of a property writes anew."""
    return tmp_path_factory.mktemp("shared")


def test_a_record_knows_its_file_and_its_number(tmp_path: Path) -> None:
    path = tmp_path / "tea.json"
    path.write_text('{"tea": [{"cup": 1}, "green", 3]}', encoding="utf-8")
    assert list(read_records(path, KEY)) == [
        (path.as_posix(), 1, {"cup": 1}),
        (path.as_posix(), 2, "green"),
        (path.as_posix(), 3, 3),
    ]


def test_a_record_of_a_jsonl_file_is_numbered_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "tea.jsonl"
    path.write_text('\n{"cup": 1}\r\n\n \n{"cup": 2}', encoding="utf-8")
    numbers = [(record.number, record.value) for record in read_records(path, KEY)]
    assert numbers == [(2, {"cup": 1}), (5, {"cup": 2})]


def test_further_keys_are_passed_over_whatever_they_hold(tmp_path: Path) -> None:
    others = '"a": [{"tea": [0]}, []], "b": {"tea": [0]}, "c": NaN, "d": "]}", "e": -1.5e3'
    assert read(tmp_path, f'{{{others}, "tea": [1, 2], {others}}}\n\n') == [1, 2]


def test_an_empty_list_has_no_records(tmp_path: Path) -> None:
    assert read(tmp_path, '{"tea": [ ]}') == []


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_the_mark_of_spreadsheets_is_passed_over(tmp_path: Path, form: str) -> None:
    text = '{"tea": [1]}' if form == "json" else "1\n"
    assert read(tmp_path, b"\xef\xbb\xbf" + text.encode(), form=form) == [1]


@pytest.mark.parametrize("form", ["json", "jsonl"])
@pytest.mark.parametrize("code", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_is_told(tmp_path: Path, form: str, code: str) -> None:
    assert "is UTF-16 or no text at all; save it as UTF-8" in told(
        tmp_path, '{"tea": [1]}'.encode(code), form
    )


@pytest.mark.parametrize("form", ["json", "jsonl"])
@pytest.mark.parametrize("content", [b"", b" \n\t\r\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_told(tmp_path: Path, content: bytes, form: str) -> None:
    assert "is empty; it must hold" in told(tmp_path, content, form)


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    (tmp_path / "tea.json").symlink_to("gone.json")
    with pytest.raises(InputError, match=r"tea\.json can't be read: No such file"):
        list(read_records(tmp_path / "tea.json", KEY))


BROKEN = {
    "a comma too few": ('{"tea": [\n{"a": 1},\n{"a" 2}\n]}', "line 3, column 6: not JSON"),
    "a comma between records": ('{"tea": [\n{"a": 1}\n{"a": 2}]}', "line 3, column 1: not JSON"),
    "a word": ('{"tea": [\n  1,\n  milk]}', "line 3, column 3: not JSON: expecting value"),
    "a key without quotes": ("{\n tea: [1]}", "line 2, column 2: not JSON: expecting a key"),
    "no colon": ('{"tea" [1]}', "line 1, column 8: not JSON: expecting :"),
    "a line break in a string": (
        '{"tea": ["a\nb"]}',
        "line 1, column 12: not JSON: invalid control",
    ),
    "a wrong bracket": ('{"tea": [1}}', "line 1, column 11: not JSON: expecting , or ]"),
    "no bracket": ('{"tea": [1]]', "line 1, column 12: not JSON: expecting , or }"),
    "two objects": ('{"tea": [1]}\n{"tea": [2]}', "line 2, column 1: something follows the end"),
    "a wrong escape": ('{"tea": ["\\x"]}', "line 1, column 11: not JSON"),
}


@pytest.mark.parametrize(("content", "where"), BROKEN.values(), ids=BROKEN)
def test_what_is_not_json_is_told_with_line_and_column(
    tmp_path: Path, content: str, where: str
) -> None:
    message = told(tmp_path, content)
    assert message.startswith(f"/tea.json: {where}")
    assert "records were read before; " in message


def test_columns_are_counted_in_characters_and_not_in_bytes(tmp_path: Path) -> None:
    assert told(tmp_path, '{"tea": ["größe", milk]}').startswith("/tea.json: line 1, column 19")


@pytest.mark.parametrize("trailing", ['{"tea": [1,]}', '{"tea": [1],}'])
def test_a_trailing_comma_is_told(tmp_path: Path, trailing: str) -> None:
    assert "not JSON: " in told(tmp_path, trailing)


def test_a_file_that_breaks_off_is_told_wherever_it_breaks(tmp_path: Path) -> None:
    whole = '{"x": 1, "tea": [\n{"a": "b\\u00e4\\n"}, {"c": [-1.5e+3, true]},\nnull], "y": {}}\n'
    assert len(read(tmp_path, whole)) == 3
    for length in range(1, len(whole) - 1):
        message = told(tmp_path, whole[:length])
        lines = whole[:length].split("\n")
        end = f"line {len(lines)}, column {len(lines[-1]) + 1}"
        assert f"{end}: the file breaks off here" in message, whole[:length]
        assert "fetch it again, whole" in message


def test_a_file_that_breaks_off_tells_how_many_records_were_whole(tmp_path: Path) -> None:
    path = tmp_path / "tea.json"
    path.write_text('{"tea": [{"a": 1}, {"a": 2}, {"a', encoding="utf-8")
    records = read_records(path, KEY)
    assert [next(records).number, next(records).number] == [1, 2]
    with pytest.raises(InputError, match="2 records were read before"):
        next(records)


def test_a_string_that_never_closes_is_told_where_it_opens(tmp_path: Path) -> None:
    assert "inside the string that opens at line 2, column 7;" in told(
        tmp_path, '{"tea": [\n{"a": "b}, {]}'
    )


def test_a_character_that_breaks_off_is_told(tmp_path: Path) -> None:
    assert "column 11: byte 0xc3 is not UTF-8" in told(tmp_path, '{"tea": ["ä'.encode()[:-1])


def test_bytes_that_are_not_utf_8_are_told_with_line_and_column(tmp_path: Path) -> None:
    content = '{"tea": [\n"ä", \n"grün"]}'.encode("latin-1").replace(b"\xe4", "ä".encode())
    message = told(tmp_path, content)
    assert message.startswith("/tea.json: line 3, column 4: byte 0xfc is not UTF-8")
    assert "save the file as UTF-8 (it may be latin-1" in message


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ('{"coffee": [1], "milk": 2}', "no key tea: found the keys 'coffee', 'milk'"),
        ("{}", "no key tea: found the keys none"),
        ('{"a\\ud800": 1}', "found the keys 'a\\ud800'"),
        ('{"cup": 1}\n{"cup": 2}', "name a file with a record a line .jsonl"),
    ],
)
def test_a_missing_wrapper_is_told_with_the_keys_there_are(
    tmp_path: Path, content: str, found: str
) -> None:
    assert found in told(tmp_path, content)


@pytest.mark.parametrize("value", ["null", "{}", '"milk"', "3", '{"cup": [1]}'])
def test_a_wrapper_that_holds_no_list_is_told(tmp_path: Path, value: str) -> None:
    message = told(tmp_path, f'{{"tea": {value}}}')
    assert 'column 9: tea is no list; 0 records were read before; write {"tea": [...]}' in message


@pytest.mark.parametrize("content", ["[1, 2]", '"tea"', "3", "milk", "<html>"])
def test_a_file_that_is_no_object_is_told(tmp_path: Path, content: str) -> None:
    assert "the file is no object" in told(tmp_path, content)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_a_number_that_is_none_costs_one_record(tmp_path: Path, number: str, form: str) -> None:
    bad = f'{{"NaN": ["NaN}}", {number}]}}'
    content = f'{{"tea": [1,\n{bad}\n, 2]}}' if form == "json" else f"1\n{bad}\n2"
    first, unread, last = read(tmp_path, content, form=form)
    assert (first, last) == (1, 2)
    assert unread == Unread(
        2, 18, "NaN and Infinity are not JSON", "write null, or leave the field out"
    )


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("NaN", "NaN and Infinity"),
        ("9" * 5000, "too many digits"),
        (f'{{"a": -{"9" * 5000}}}', "too many digits"),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000 + '"]}"' + "}" * 100_000, "nested too deeply"),
    ],
)
@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_what_python_can_not_read_costs_one_record(
    tmp_path: Path, bad: str, reason: str, form: str
) -> None:
    content = f'{{"tea": [1, {bad}, 2]}}' if form == "json" else f"1\n{bad}\n2"
    first, unread, last = read(tmp_path, content, form=form)
    assert (first, last) == (1, 2)
    assert reason in unread.reason
    assert (unread.line, unread.column) == ((1, 13) if form == "json" else (2, 1))


def test_a_deep_record_that_breaks_off_is_told(tmp_path: Path) -> None:
    assert "breaks off" in told(tmp_path, '{"tea": [1, ' + "[" * 100_000)


BAD_LINES = {
    "no JSON": (b'{"a": milk}', 7, "not JSON: expecting value"),
    "cut off": (b'{"a": [1, ', 10, "not JSON: expecting value"),
    "an open string": (b'{"a": "b', 7, "not JSON: unterminated string"),
    "two records": (b'{"a": 1} {"a": 2}', 10, "not JSON: extra data"),
    "latin-1": ('{"ä": "ü"}'.encode("latin-1"), 3, "byte 0xe4 is not UTF-8"),
    "a wrapper": (b'{"tea": [1, 2]}', 1, "the key tea wraps records in one line"),
}


@pytest.mark.parametrize(("bad", "column", "reason"), BAD_LINES.values(), ids=BAD_LINES)
def test_a_bad_line_of_a_jsonl_file_costs_one_record(
    tmp_path: Path, bad: bytes, column: int, reason: str
) -> None:
    first, unread, last = read(tmp_path, b"1\n" + bad + b"\n2\n", form="jsonl")
    assert (first, last) == (1, 2)
    assert (unread.line, unread.column, unread.reason) == (2, column, reason)
    assert unread.remedy


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_a_record_without_an_end_does_not_fill_the_memory(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LONGEST", 1000)
    content = '{"tea": ["' + "a" * 5000 + '"]}'
    path = tmp_path / f"tea.{form}"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="line 1.*more than 1,000"):
        list(read_records(path, KEY, 100))


def test_only_a_piece_of_a_file_is_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "tea.json"
    path.write_text(json.dumps({"tea": [{"cup": "x" * 1000}] * 3000}), encoding="utf-8")
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_records(path, KEY, 10_000)) == 3000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < path.stat().st_size / 10


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_every_byte_that_was_read_is_told(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"tea.{form}"
    text = '{"tea": [1, 2]}' if form == "json" else "1\n\n2\n"
    path.write_text(text, encoding="utf-8")
    steps: list[int] = []
    list(read_records(path, KEY, 4, steps.append))
    assert sum(steps) == len(text)


@given(st.lists(VALUES, max_size=4), VALUES, st.booleans(), st.integers(1, 40))
@settings(max_examples=150, deadline=None)
def test_what_was_written_is_read_in_pieces_of_any_size(
    shared: Path, records: list[Any], other: Any, plain: bool, chunk: int
) -> None:
    whole = {"other": other, "tea": records, "more": [other]}
    text = json.dumps(whole, ensure_ascii=plain, indent=None if plain else 1)
    content = text.encode("utf-8", "surrogatepass" if plain else "replace")
    assert read(shared, content, chunk) == json.loads(content)["tea"]


EDITS = st.lists(
    st.tuples(st.integers(0, 200), st.sampled_from('{}[],:"\\ \n0-eNaN\xe4\xff')), max_size=3
)


@given(EDITS, st.integers(1, 40))
@settings(max_examples=300, deadline=None)
def test_what_is_read_or_told_does_not_depend_on_the_size_of_the_pieces(
    shared: Path, edits: list[tuple[int, str]], chunk: int
) -> None:
    content = b'{"x": [1e3], "tea": [{"a": "\\u00e4\\n"}, [-1.5], NaN, true,\n "b"], "y": null}'
    for at, sign in edits:
        at = at % len(content)
        content = content[:at] + sign.encode("latin-1") + content[at + at % 2 :]
    assert outcome(shared, content, chunk) == outcome(shared, content, 1 << 20)


@given(st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_bytes_raise_anything_but_an_input_error(shared: Path, content: bytes) -> None:
    outcome(shared, content, 7)
    outcome(shared, b'{"tea": [' + content, 7)


def test_a_file_name_that_is_no_text_is_told_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "tea\udce4.json"
    path.write_text("", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        list(read_records(path, KEY))
    assert re.search(r"tea\?\.json is empty", str(caught.value))
