"""grade lists what nobody judged, and keeps every row that a person may have filled in."""

import csv
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from commands import grade
from commands.grade import PATH
from findtune.core.files import write_jsonl
from findtune.retrieval.corpus import Corpus
from findtune.stack.held_out import HeldOut, Question
from stages import stack

TEXTS = {"tea": "All of tea.", "=rice": "=Rice", "jobs": "Out of work."}


@pytest.fixture
def searches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Enter a project whose searches find these documents: (query, url)."""
    pairs: list[tuple[str, str]] = []

    def read_questions(_: str) -> SimpleNamespace:
        by_query: dict[str, list[str]] = {}
        for query, url in pairs:
            by_query.setdefault(query, []).append(url)
        rows = [{"query": query, "urls": urls} for query, urls in by_query.items()]
        write_jsonl(stack.pool_path("small"), rows)
        questions = [Question(query, query, "lists.json:1") for query in by_query]
        return SimpleNamespace(held_out=HeldOut(questions, [], Corpus(TEXTS, {})))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stack, "read_questions", read_questions)
    PATH.parent.mkdir(parents=True)
    return pairs


def run() -> Result:
    return CliRunner().invoke(grade.main, ["small"])


def listed() -> list[dict[str, str]]:
    with PATH.open(encoding="utf-8", newline="") as file:
        return [*csv.DictReader(file)]


def test_each_document_gets_a_row_without_a_grade(searches: list[tuple[str, str]]) -> None:
    searches += [("=sum?", "tea"), ("=sum?", "=rice"), ("no work", "jobs")]
    result = run()
    assert result.exit_code == 0, result.output
    assert "wait for a grade: 3 of 2 questions, 3 of them new." in result.stdout
    rows = [(row["query"], row["url"], row["text"], row["grade"]) for row in listed()]
    assert sorted(rows) == [  # no spreadsheet computes them
        ("'=sum?", "'=rice", "'=Rice", ""),
        ("'=sum?", "tea", "All of tea.", ""),
        ("no work", "jobs", "Out of work.", ""),
    ]


def test_a_second_run_adds_what_is_new_and_keeps_grades_and_columns_of_a_person(
    searches: list[tuple[str, str]],
) -> None:
    PATH.write_text(
        "grade,who,query,history,url,text\n2,Ada,No work?,,jobs,shortened\n", encoding="utf-8-sig"
    )
    searches += [("no work", "jobs"), ("no work", "tea")]
    assert "wait for a grade: 1 of 1 questions, 1 of them new." in run().stdout
    first, second = listed()
    assert first == {
        "grade": "2",
        "who": "Ada",
        "query": "No work?",
        "history": "",
        "url": "jobs",
        "text": "shortened",
    }
    assert (second["url"], second["grade"], second["who"]) == ("tea", "", "")


def test_a_run_that_finds_nothing_new_changes_no_byte(searches: list[tuple[str, str]]) -> None:
    text = "query,history,url,text,grade\nno work,,jobs,text,1\n"
    PATH.write_text(text, encoding="utf-8")
    searches.append(("no work", "jobs"))
    assert "nothing waits for a grade" in run().stdout
    assert PATH.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"query,url,note\n", "no column grade; keep the header"),
        (b"query,history,url,text,grade\n\xff\n", "can't be read"),
    ],
)
def test_a_file_that_can_not_be_read_is_kept_and_named(
    searches: list[tuple[str, str]], content: bytes, message: str
) -> None:
    PATH.write_bytes(content)
    searches.append(("no work", "jobs"))
    result = run()
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {PATH}")
    assert message in result.stderr
    assert PATH.read_bytes() == content


def test_grades_of_a_person_without_the_columns_that_help_to_read_stay(
    searches: list[tuple[str, str]],
) -> None:
    PATH.write_text("query,url,grade\nno work,jobs,2\n", encoding="utf-8")
    searches += [("no work", "jobs"), ("no work", "tea")]
    result = run()
    assert result.exit_code == 0, result.output
    rows = [(row["query"], row["url"], row["grade"], row["text"]) for row in listed()]
    assert rows == [("no work", "jobs", "2", ""), ("no work", "tea", "", "All of tea.")]


@pytest.mark.parametrize("url", ["url", "URL"])
def test_a_file_that_a_spreadsheet_saved_with_semicolons_is_gone_on_with(
    searches: list[tuple[str, str]], url: str
) -> None:
    text = f'"query";"history";"{url}";"text";"grade"\nno work;;jobs;"Jobs; and more";2\n'
    PATH.write_text(text, encoding="utf-8-sig")
    searches += [("no work", "jobs"), ("no work", "tea")]
    result = run()
    assert result.exit_code == 0, result.output
    rows = [(row["query"], row["url"], row["grade"], row["text"]) for row in listed()]
    assert rows == [
        ("no work", "jobs", "2", "Jobs; and more"),
        ("no work", "tea", "", "All of tea."),
    ]


def test_a_question_that_no_search_has_answered_is_counted_and_no_model_is_loaded(
    searches: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [Question(query, query, "lists.json:1") for query in ("no work", "new")]
    held_out = HeldOut(asked[:1], asked[1:], Corpus(TEXTS, {}))
    questions = SimpleNamespace(held_out=held_out)
    monkeypatch.setattr(stack, "read_questions", lambda _: questions)
    monkeypatch.delattr(stack, "load")
    # since the searches, one document has left the corpus
    write_jsonl(stack.pool_path("small"), [{"query": "no work", "urls": ["gone", "jobs"]}])
    result = run()
    assert "held-out questions that were not searched yet: 1; run `make train`." in result.stdout
    assert [row["url"] for row in listed()] == ["jobs"]


def test_before_the_stack_was_evaluated_the_command_says_what_to_run(
    searches: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = SimpleNamespace(held_out=HeldOut([], [], Corpus({}, {})))
    monkeypatch.setattr(stack, "read_questions", lambda _: questions)
    result = run()
    assert result.exit_code == 1
    assert "there is no data/pool/small.jsonl; `make train` runs" in result.stderr


def test_the_list_is_made_without_torch() -> None:
    modules = ("commands.grade", "findtune.stack.held_out", "findtune.stack.pooling")
    code = (
        f"import sys, {', '.join(modules)}, findtune.stack.settings; print('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "False"


@pytest.mark.parametrize(
    "header",
    [
        "QUERY,HISTORY,URL,TEXT,GRADE",
        "Query, History ,url,Text,Grade",
        "query,HISTORY,url,text,grade",
    ],
)
def test_a_header_in_another_case_gets_no_second_column(
    searches: list[tuple[str, str]], header: str
) -> None:
    PATH.write_text(f"{header},Who\nno work,first,jobs,Jobs,2,Ada\n", encoding="utf-8")
    searches += [("no work", "jobs"), ("no work", "tea")]
    result = run()
    assert result.exit_code == 0, result.output
    first, second = listed()
    assert [*first] == ["query", "history", "url", "text", "grade", "Who"]
    assert [*first.values()] == ["no work", "first", "jobs", "Jobs", "2", "Ada"]
    assert (second["url"], second["text"], second["Who"]) == ("tea", "All of tea.", "")


@pytest.mark.parametrize(
    ("end", "cells", "notes"),
    [
        (",", ",mine", {"column 6": "mine"}),
        (",,", ",mine,", {"column 6": "mine"}),
        (",,", ",,mine", {"column 7": "mine"}),
        (", ,,Who", ",a,b,Ada", {"column 6": "a", "column 7": "b", "Who": "Ada"}),
        (",,", ",,", {}),
        (",Who", "", {"Who": ""}),
    ],
)
def test_a_note_in_a_column_without_a_name_stays(
    searches: list[tuple[str, str]], end: str, cells: str, notes: dict[str, str]
) -> None:
    text = f"query,history,url,text,grade{end}\nno work,,jobs,Jobs,2{cells}\n"
    PATH.write_text(text, encoding="utf-8")
    for url in ("tea", "=rice"):  # the file is read as a person saved it, then as it was written
        searches.append(("no work", url))
        assert run().exit_code == 0
        row = listed()[0]
        assert {name: row[name] for name in [*row][5:]} == notes
        assert [*row.values()][:5] == ["no work", "", "jobs", "Jobs", "2"]


@pytest.mark.parametrize("cells", ["2,mine", "a, b,2", ",,mine"])
def test_a_cell_beyond_the_header_is_named_and_the_file_stays(
    searches: list[tuple[str, str]], cells: str
) -> None:
    text = f"query,history,url,text,grade\noat,,tea,Tea,1,,\nno work,,jobs,Jobs,{cells}\n"
    PATH.write_text(text, encoding="utf-8")
    searches.append(("no work", "tea"))
    result = run()
    assert result.exit_code == 1
    assert f"{PATH}:3: {5 + cells.count(',')} cells where the header has 5; " in result.stderr
    assert PATH.read_text(encoding="utf-8") == text


def test_a_column_that_comes_twice_is_refused_and_the_file_stays(
    searches: list[tuple[str, str]],
) -> None:
    text = "query,History,history,url,text,grade\nno work,a,b,jobs,Jobs,2\n"
    PATH.write_text(text, encoding="utf-8")
    searches.append(("no work", "tea"))
    result = run()
    assert result.exit_code == 1
    assert "duplicate column history; keep one of them" in result.stderr
    assert PATH.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("cell", ["sehr gut", "2.5", "-1", "101", "2/3", "1e9", "?"])
def test_a_grade_that_ingest_rejects_waits_and_is_shown(
    searches: list[tuple[str, str]], cell: str
) -> None:
    rows = f"no work,,jobs,Jobs,{cell}\nno work,,tea,Tea,2\nno work,,=rice,Rice,1.0\n"
    PATH.write_text(f"query,history,url,text,grade\n{rows}", encoding="utf-8")
    searches.append(("no work", "jobs"))
    output = run().stdout
    assert "wait for a grade: 1 of 1 questions, 0 of them new." in output
    assert output.endswith(
        f" These are not grades: {cell!r}; write a whole number from 0, which answers nothing, "
        "to 100.\n"
    )


def test_empty_rows_and_words_for_nothing_wait_as_an_ingest_reads_them(
    searches: list[tuple[str, str]],
) -> None:
    rows = 'no work,,jobs,Jobs,n/a\n,,,,\n"","","","",""\n'
    PATH.write_text(f"query,history,url,text,grade\n{rows}", encoding="utf-8")
    searches.append(("no work", "jobs"))
    assert "wait for a grade: 1 of 1 questions, 0 of them new." in run().stdout
