"""A corpus that can't be read is one line that says where and why."""

from pathlib import Path

import pytest

from findtune.core.errors import InputError
from findtune.stack.corpus_file import as_corpus, given_documents, read_documents

GOOD = '{"url": "a", "title": "A", "text": "aa", "lang": "en"}\n'


def test_a_file_is_read_and_other_fields_and_empty_lines_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "documents.jsonl"
    path.write_text(GOOD + "\n", encoding="utf-8")
    assert read_documents(path) == [{"url": "a", "title": "A", "text": "aa"}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD + "{oops\n", ":2 is not JSON"),
        (GOOD + '{"url": "b", "title": "B"}\n', ":2 is not a document"),
        ('{"url": "b", "title": "B", "text": 3}\n', ":1 is not a document"),
        ('["a"]\n', ":1 is not a document"),
        (GOOD * 2, ":2 has the URL of an earlier document, a"),
        ("\n", "the corpus is empty"),
        ('{"url": "b", "title": "\\ud83d", "text": ""}\n', ":1 has half a character"),
        ("[" * 100_000 + "\n", ":1 is not JSON that can be read"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "documents.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_documents(path)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "documents.jsonl"
    path.write_text(GOOD, encoding="utf-8-sig")
    assert read_documents(path)[0]["url"] == "a"


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_another_encoding_than_utf_8_is_named(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "documents.jsonl"
    path.write_text(GOOD.replace("aa", "\u00e4"), encoding=encoding)
    with pytest.raises(InputError, match="is not UTF-8; save it as UTF-8"):
        read_documents(path)


def test_a_missing_file_and_a_bad_dictionary_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        read_documents(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="document 1 is not a document"):
        given_documents([{"url": "a"}])


def test_the_title_and_the_text_are_searched_together() -> None:
    rows = [
        {"url": "a", "title": "Bread.", "text": "Price"},
        {"url": "b", "title": "", "text": "x"},
    ]
    assert as_corpus(rows).texts == {"a": "Bread. Price", "b": "x"}
