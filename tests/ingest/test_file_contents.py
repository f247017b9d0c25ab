"""A file that is no text is refused by what it is, and never read as something else."""

import gzip
import json
from typing import Any

import pytest

from findtune.core.errors import InputError
from findtune.ingest.file_contents import is_conflict_mark

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
CONTENTS = {
    "Excel": (b"PK\x03\x04" + b"\0" * 2000, "an Excel workbook; save the sheet as CSV"),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000, "an old Excel workbook"),
    "Parquet": (b"PAR1\x15\x04" * 20, "a Parquet file"),
    "gzip": (gzip.compress(b"a,b\n" * 9), "packed by gzip; end its name with .gz"),
    "pointer": (POINTER, "a pointer of Git LFS; fetch the file with `git lfs pull`"),
    "XML": (b"<?xml version='1.0'?><Error>", "a page of HTML or XML"),
    "HTML": (b"\xef\xbb\xbf\n<!DOCTYPE HTML>\n<html>", "a page of HTML"),
}
FILES = {
    "sentence_pairs": "finetuning/pairs.csv",
    "ranked_lists": "training_data/reranker_training_data.json",
    "searches": "training_data/query_rewriting_training_data.jsonl",
    "judgments": "training_data/judgments.json",
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize(("content", "message"), CONTENTS.values(), ids=CONTENTS)
def test_a_file_that_is_no_text_is_refused_by_name(
    project: Any, kind: str, content: bytes, message: str
) -> None:
    project.write(FILES[kind], content)
    with pytest.raises(InputError, match=f"{FILES[kind]} is .*{message}"):
        project.read(kind)


def test_a_table_is_no_file_of_records(project: Any) -> None:
    project.write(FILES["searches"], "query,url,picked\nq,u,1\n")
    with pytest.raises(InputError, match="is a table of CSV"):
        project.read("searches")


SIDES = '<<<<<<< HEAD\n{"a": 1}\n=======\n{"a": 2}\n>>>>>>> other\n'


def test_the_marks_of_a_merge_conflict_are_named(project: Any) -> None:
    for kind, content in {
        "ranked_lists": f'{{"reranker_data": [\n{SIDES}]}}',
        "judgments": f"{{\n{SIDES}}}",
    }.items():
        project.write(FILES[kind], content)
        with pytest.raises(InputError, match=r"line 2.*a mark of a merge conflict"):
            project.read(kind)
    project.write(FILES["searches"], json.dumps(project.search_record()) + f"\n{SIDES}")
    rows = project.read("searches").rows
    assert [row.reason[-26:] for row in rows if row.line in (2, 4, 6)] == [
        "a mark of a merge conflict"
    ] * 3


def test_the_marks_are_named_in_tables_too_and_rows_like_them_stay(project: Any) -> None:
    row = "=== one,two,0.5\n"
    project.write(FILES["sentence_pairs"], f"sentence_1,sentence_2,score\n<<<<<<< HEAD\n{row}")
    outcome = project.read("sentence_pairs")
    assert [row.reason for row in outcome.rows] == ["a mark of a merge conflict"]
    assert len(outcome.records) == 1
    assert is_conflict_mark("=======\n") and not is_conflict_mark("======= one")
