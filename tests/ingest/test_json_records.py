"""A JSON file is read record by record: all of it, or up to the line and column of a mistake."""

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from findtune.core.errors import InputError
from findtune.ingest import json_records, json_scanner
from findtune.ingest.json_records import JsonRecord, read_records
from findtune.ingest.report import UnparsableRecord

KEY = "tea"
FORMATS = pytest.mark.parametrize("suffix", ["json", "jsonl"])
FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def write(folder: Path, content: str | bytes, suffix: str = "json") -> Path:
    """Write a file and return its path."""
    path = folder / f"tea.{suffix}"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path, chunk_bytes: int = 1 << 20) -> list[JsonRecord]:
    """Return all records of a file; the progress must advance by every byte."""
    steps: list[int] = []
    records = list(read_records(path, KEY, advance=steps.append, chunk_bytes=chunk_bytes))
    assert sum(steps) == path.stat().st_size
    return records


def values(path: Path, chunk_bytes: int = 1 << 20) -> list[Any]:
    """Return the values of the records in a file."""
    return [record.value for record in read(path, chunk_bytes)]


def refuse(path: Path) -> str:
    """Return the error that stops the reading; it must count the records that were read before."""
    records = []
    with pytest.raises(InputError) as caught:
        for record in read_records(path, KEY, advance=int):
            records.append(record)
    message = str(caught.value)
    if "records were read" in message:
        assert f"; {len(records)} records were read before; " in message
    return message.removeprefix(path.parent.as_posix())


def values_or_message(folder: Path, content: bytes, chunk_bytes: int) -> object:
    """Return the values that were read, or the message of the error."""
    try:
        return values(write(folder, content), chunk_bytes)
    except InputError as error:
        return str(error)


@pytest.fixture(scope="module")
def one_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for the one file that every example of a property overwrites."""
    return tmp_path_factory.mktemp("one_folder")


@pytest.mark.parametrize(
    ("suffix", "content", "expected"),
    [
        ("json", '{"tea": [{"cup": 1}, "green", 3]}', [(1, {"cup": 1}), (2, "green"), (3, 3)]),
        ("jsonl", '\n{"cup": 1}\r\n\n \n{"cup": 2}', [(2, {"cup": 1}), (5, {"cup": 2})]),
        ("json", '\ufeff{"tea": [1]}', [(1, 1)]),
        ("jsonl", "\ufeff1\n", [(1, 1)]),
        ("json", '{"tea": [ ]}', []),
    ],
)
def test_a_record_knows_its_file_and_its_number_or_line(
    tmp_path: Path, suffix: str, content: str, expected: list[tuple[int, Any]]
) -> None:
    path = write(tmp_path, content, suffix)
    assert read(path) == [(path.as_posix(), *record) for record in expected]


def test_other_keys_are_skipped_whatever_they_hold(tmp_path: Path) -> None:
    others = '"a": [{"tea": [0]}, []], "b": {"tea": [0]}, "c": NaN, "d": "]}", "e": -1.5e3'
    assert values(write(tmp_path, f'{{{others}, "tea": [1, 2], {others}}}\n\n')) == [1, 2]


def test_only_a_part_of_a_file_is_in_memory(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps({"tea": [{"cup": "x" * 1000}] * 3000}))
    tracemalloc.start()
    try:
        records = read_records(path, KEY, advance=int, chunk_bytes=10_000)
        assert sum(1 for _ in records) == 3000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < path.stat().st_size / 10


@FORMATS
def test_a_file_that_is_utf_16_empty_or_gone_is_refused(tmp_path: Path, suffix: str) -> None:
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        message = refuse(write(tmp_path, '{"tea": [1]}'.encode(encoding), suffix))
        assert message.endswith("is UTF-16 or not text; save it as UTF-8.")
    for content in (b"", b" \n\t\r\n", b"\xef\xbb\xbf"):
        assert "is empty; it must hold" in refuse(write(tmp_path, content, suffix))
    gone = tmp_path / f"tea\udce4.{suffix}"
    gone.symlink_to("gone.json")
    assert f"tea?.{suffix} can't be read: No such file" in refuse(gone)


NO_KEY, NO_LIST, NO_OBJECT = "no key tea: found the keys", "tea is not a list", "is not an object"
CUT = "the file breaks off here inside the string that opens at line"
BROKEN = {
    "no colon in a record": ('{"tea": [\n{"a": 1},\n{"a" 2}\n]}', "3, column 6: not JSON"),
    "no comma between records": ('{"tea": [\n{"a": 1}\n{"a": 2}]}', "3, column 1: not JSON"),
    "a word": ('{"tea": [\n  1,\n  milk]}', "3, column 3: not JSON: expecting value"),
    "a key without quotes": ("{\n tea: [1]}", "2, column 2: not JSON: expecting a key in double"),
    "a line break in a string": ('{"tea": ["a\nb"]}', "1, column 12: not JSON: invalid control"),
    "the wrong bracket": ('{"tea": [1}}', "1, column 11: not JSON: expecting , or ]"),
    "a comma after a record": ('{"tea": [1,]}', "1, column 12: not JSON: "),
    "a wrong escape": ('{"tea": ["\\x"]}', "1, column 11: not JSON"),
    "columns count characters": ('{"tea": ["größe", milk]}', "1, column 19: not JSON"),
    "two objects": ('{"tea": [1]}\n{"tea": [2]}', "2, column 1: something follows the end"),
    "other keys": ('{"coffee": [1], "milk": 2}', f"1, column 27: {NO_KEY} 'coffee', 'milk'"),
    "no keys": ("{}", f"1, column 3: {NO_KEY} none"),
    "a key that is half a character": ('{"a\\ud800": 1}', f"1, column 15: {NO_KEY} 'a\\ud800'"),
    "null for the list": ('{"tea": null}', f"1, column 9: {NO_LIST}"),
    "a text": ('"tea"', f"1, column 1: the file {NO_OBJECT}, it begins with '\"'"),
    "two lists": ("[1]\n[2]", "2, column 1: something follows the end"),
    "a comma in a list": ("[1,]", "1, column 4: not JSON"),
    "an open string": ('{"tea": [\n{"a": "b}, {]}', f"2, column 15: {CUT} 2, column 7; 0 rec"),
    "after two records": ('{"tea": [1, {"a": 2}, {"a', f"1, column 26: {CUT} 1, column 24; 2 rec"),
    "half a character": ('{"tea": ["ä'.encode()[:-1], "1, column 11: byte 0xc3 is not UTF-8"),
    "latin-1": (b'{"tea": [\n"\xc3\xa4", \n"gr\xfcn"]}', "3, column 4: byte 0xfc is not UTF-8"),
    "a deep record that breaks off": ('{"tea": [1, ' + "[" * 100_000, "1, column 100013: the file"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_a_mistake_in_a_json_file_is_reported_with_line_and_column(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    error = refuse(write(tmp_path, content))
    assert error.startswith(f"/tea.json: line {message}")
    assert "records were read before" in error
    assert (NO_KEY in error) == ("one record per line .jsonl" in error)


def test_a_truncated_file_is_reported_wherever_it_ends(tmp_path: Path) -> None:
    whole = '{"x": 1, "tea": [\n{"a": "b\\u00e4\\n"}, {"c": [-1.5e+3, true]},\nnull], "y": {}}\n'
    assert len(read(write(tmp_path, whole))) == 3
    for length in range(1, len(whole) - 1):
        message = refuse(write(tmp_path, whole[:length]))
        lines = whole[:length].split("\n")
        end = f"line {len(lines)}, column {len(lines[-1]) + 1}"
        assert f"{end}: the file breaks off here" in message, whole[:length]
        assert "fetch the whole file again" in message


@FORMATS
def test_an_endless_record_does_not_fill_the_memory(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_scanner, "MAX_VALUE_CHARS", 1000)
    monkeypatch.setattr(json_records, "MAX_LINE_BYTES", 1000)
    path = write(tmp_path, '{"tea": ["' + "a" * 5000 + '"]}', suffix)
    with pytest.raises(InputError, match=r"line 1.*more than 1,000"):
        read(path, chunk_bytes=100)


DIGITS, DEEP = "a number has too many digits", "lists or objects are nested too deeply"
CONSTANT, LINE = "NaN and Infinity are not JSON", "the key tea wraps all records in one line"
# A bad record, the column where it is wrong, and the reason.
UNREADABLE = {
    "NaN": ("NaN", 1, CONSTANT),
    "Infinity": ('{"NaN": ["NaN}", Infinity]}', 18, CONSTANT),
    "-Infinity": ('{"a": [{}, -Infinity]}', 12, CONSTANT),
    "a long number": ("9" * 5000, 1, DIGITS),
    "deep lists": ("[" * 100_000 + "]" * 100_000, 1, DEEP),
    "deep objects": ('{"a":' * 100_000 + '"]}"' + "}" * 100_000, 1, DEEP),
}
BAD_LINES = {
    **UNREADABLE,
    "a word": ('{"a": milk}', 7, "not JSON: expecting value"),
    "an open string": ('{"a": "b', 7, "not JSON: unterminated string"),
    "a record and a word": ('{"a": 1} tea', 10, "not JSON: extra data"),
    "a record and a half": ('{"a": 1}{"a": ', 9, "not JSON: extra data"),
    "latin-1": ('{"\xe4": "\xfc"}', 3, "byte 0xe4 is not UTF-8"),
    "a wrapper": ('{"tea": [1, 2]}', 1, LINE),
}


@pytest.mark.parametrize(("bad", "column", "reason"), BAD_LINES.values(), ids=BAD_LINES)
def test_a_bad_record_is_lost_alone_and_in_json_only_if_its_end_is_known(
    tmp_path: Path, bad: str, column: int, reason: str
) -> None:
    paths = [write(tmp_path, f"1\n{bad}\n2\n".encode("latin-1"), "jsonl")]
    if (bad, column, reason) in UNREADABLE.values():
        paths.append(write(tmp_path, f'{{"tea": [1,\n{bad}\n, 2]}}'))
    for path in paths:
        first, unparsable, last = values(path)
        assert (first, last) == (1, 2)
        assert isinstance(unparsable, UnparsableRecord)
        assert unparsable[:3] == (2, column, reason)
        assert unparsable.remedy


@given(st.lists(VALUES, max_size=4), VALUES, st.booleans(), st.integers(1, 40))
def test_everything_that_was_written_is_read_in_chunks_of_any_size(
    one_folder: Path, records: list[Any], other: Any, ascii_only: bool, chunk_bytes: int
) -> None:
    whole = {"other": other, "tea": records, "more": [other]}
    text = json.dumps(whole, ensure_ascii=ascii_only, indent=None if ascii_only else 1)
    content = text.encode("utf-8", "surrogatepass" if ascii_only else "replace")
    assert values(write(one_folder, content), chunk_bytes) == json.loads(content)["tea"]


WHOLE = b'{"x": [1e3], "tea": [{"a": "\\u00e4\\n"}, [-1.5], NaN, true,\n "b"], "y": null}'
EDITS = st.lists(
    st.tuples(st.integers(0, 200), st.sampled_from('{}[],:"\\ \n0-eNaN\xe4\xff')), max_size=3
)


def edit(edits: list[tuple[int, str]]) -> bytes:
    """Return a file in which some characters are inserted or replaced."""
    content = WHOLE
    for position, character in edits:
        index = position % len(content)
        content = content[:index] + character.encode("latin-1") + content[index + index % 2 :]
    return content


ANY_BYTES = st.binary(max_size=60)


@given(st.builds(edit, EDITS) | ANY_BYTES | ANY_BYTES.map(b'{"tea": ['.__add__), st.integers(1, 40))
@settings(max_examples=400)
def test_the_size_of_the_chunks_never_changes_the_values_or_the_input_error(
    one_folder: Path, content: bytes, chunk_bytes: int
) -> None:
    outcome = values_or_message(one_folder, content, chunk_bytes)
    assert outcome == values_or_message(one_folder, content, 1 << 20)


RECORDS = [{"query": "a", "cups": [1, {}]}, {"query": "b"}, {"query": "c\u2028d"}]
PRETTY = [json.dumps(record, indent=2) for record in RECORDS]
SHORT = [json.dumps(record) for record in RECORDS]
# Forms of a file, and the suffixes under which each is read.
OTHER_FORMS = {
    "a bare list": (json.dumps(RECORDS), "json jsonl ndjson JSON"),
    "a list with one record a line": ("[\n" + ",\n".join(SHORT) + "\n]\n", "json jsonl ndjson"),
    "a list that begins with a record": ("[" + ",\n".join(SHORT) + "]", "jsonl"),
    "records over several lines": ("\n".join(PRETTY), "jsonl ndjson"),
    "pretty records with commas": (",\n".join(PRETTY) + ",", "jsonl"),
    "carriage returns": ("\r".join(SHORT) + "\r", "jsonl"),
    "CR LF": ("\r\n".join(SHORT), "jsonl"),
    "commas at the ends of lines": (",\n".join(SHORT) + ",\n", "jsonl"),
    "record separators": ("".join(f"\x1e{line}\n" for line in SHORT), "jsonl"),
    "a wrapped list over several lines": (json.dumps({KEY: RECORDS}, indent=1), "json jsonl"),
    "lines under the name of an object": ("\n".join(SHORT), "json jsonl JSONL NDJSON"),
    "one line after another": ("".join(SHORT), "json jsonl"),
    "two files, the first without a last line end": (
        f"{SHORT[0]}\n{SHORT[1]}\ufeff{SHORT[2]}\n",
        "json jsonl",
    ),
    "two records in a line that begins with a blank": (
        f" {SHORT[0]} {SHORT[1]}\0\n{SHORT[2]}\n",
        "jsonl",
    ),
    "a byte order mark of a joined file": (
        f"{SHORT[0]}\n\ufeff" + "\n".join(SHORT[1:]),
        "json jsonl",
    ),
    "what a crash or an old system leaves": ("\n".join([*SHORT, "\0\0\x1a"]), "jsonl"),
}


@pytest.mark.parametrize(("content", "suffixes"), OTHER_FORMS.values(), ids=OTHER_FORMS)
def test_a_file_is_read_in_the_form_it_has_and_not_that_of_its_name(
    tmp_path: Path, content: str, suffixes: str
) -> None:
    for suffix in suffixes.split():
        assert values(write(tmp_path, content, suffix)) == RECORDS, suffix


def test_records_that_share_a_line_have_numbers_of_their_own(tmp_path: Path) -> None:
    path = write(tmp_path, f"{SHORT[0]}\n{SHORT[1]}{SHORT[2]}\n{SHORT[0]}\n", "jsonl")
    assert [row.number for row in read_records(path, KEY, advance=int)] == [1, 2, 3, 4]


def test_wrapped_lists_that_share_a_line_are_no_records(tmp_path: Path) -> None:
    wrapped = json.dumps({KEY: RECORDS})
    [row] = read_records(write(tmp_path, f"{SHORT[0]}{wrapped}\n", "jsonl"), KEY, advance=int)
    assert isinstance(row.value, UnparsableRecord)


def test_a_packed_file_is_read_and_one_that_breaks_off_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress("\n".join(SHORT * 1000).encode())
    path = write(tmp_path, packed, "jsonl.gz")
    assert len(list(read_records(path, KEY, advance=int))) == 3000
    for content in (packed[:-30], b"{}", packed[:100] + b"xx" + packed[102:]):
        assert "/tea.jsonl.gz is " in refuse(write(tmp_path, content, "jsonl.gz"))


@pytest.mark.parametrize(
    "content",
    [
        {"0": {"query": "a"}, "1": {"query": "b"}},
        {"query": {"0": "a"}, "url": {"0": "b"}},
        {"columns": ["query"], "index": [0], "data": [["a"]]},
        {"schema": {"fields": []}, "data": [{"query": "a"}]},
    ],
)
def test_the_tables_of_pandas_are_refused_with_the_way_to_write_them(
    tmp_path: Path, content: object
) -> None:
    (tmp_path / "x.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r'to_json\(orient="records"\)'):
        list(read_records(tmp_path / "x.json", "tea", advance=int))


@pytest.mark.parametrize(
    "content", ['{"Tea": [1]}', "[1    ]\0\0", '{"tea": [1]}\n\x1a', "\ufeff[1]\n"]
)
def test_case_and_what_systems_write_at_the_ends_lose_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content)
    records = read_records(tmp_path / "x.json", "tea", advance=int)
    assert [record.value for record in records] == [1]


def test_a_record_that_python_wrote_is_not_to_be_deleted(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("{'query': 'a'}\n")
    [record] = read_records(tmp_path / "x.jsonl", "tea", advance=int)
    assert "json.dumps" in record.value.remedy


def test_the_actions_of_a_bulk_export_are_no_records(project: Any) -> None:
    lines = [{"index": {"_id": "1"}}, project.ranked_list(), {"create": {}}]
    outcome = project.clean("ranked_lists", *lines)
    assert len(outcome.records) == 1
    assert outcome.counts["rejected"] == 0
