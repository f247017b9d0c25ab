"""Judgments are read as people wrote them: a bad grade is rejected and never loses a good one."""

import gzip
import json
from typing import Any

import pytest

from findtune.core.errors import InputError
from findtune.core.printing import without_formula
from findtune.core.processes import VARIABLE

FILE = "data/training_data/judgments.json"
TEA, RICE = "https://example.org/tea", "https://example.org/rice"


def read(project: Any, content: object) -> Any:
    """Return the outcome of a file of judgments; its bytes may be given."""
    raw = content if isinstance(content, bytes) else json.dumps(content)
    project.write("training_data/judgments.json", raw)
    return project.read("judgments")


def grades(outcome: Any) -> dict[str, dict[str, int]]:
    return {record["query"]: record["grades"] for record in outcome.records}


def test_good_judgments_stay_as_they_are_in_the_order_of_the_file(project: Any) -> None:
    judgments = {"wie süß?": {TEA: 1}, "how much tea?": {TEA: 3, RICE: 0}}
    outcome = read(project, judgments)
    assert [*grades(outcome).items()] == [*judgments.items()]
    assert outcome.counts == {"queries": 2, "judgments": 3}
    assert outcome.rows == []


def test_judgments_may_be_missing(project: Any) -> None:
    outcome = project.read("judgments")
    assert (outcome.records, outcome.rows) == ([], [])
    assert outcome.counts == {"queries": 0, "judgments": 0}


@pytest.mark.parametrize("grade", [101, 2**40, -1, 2.5, True, "3", None, [3]])
def test_a_grade_that_is_no_whole_number_is_rejected(project: Any, grade: Any) -> None:
    outcome = read(project, {"milk?": {TEA: 1}, "how much tea?": {RICE: grade, TEA: 3}})
    assert grades(outcome) == {"milk?": {TEA: 1}, "how much tea?": {TEA: 3}}
    assert outcome.counts == {"queries": 2, "judgments": 2, "rejected": 1}
    [row] = outcome.rows
    assert row[:5] == ("rejected", FILE, 2, "grade", without_formula(f"{grade!r} of {RICE}"))
    remedy = "write a whole number from 0, which answers nothing, to 100"
    assert str(outcome.first_rejects[0]) == f"{FILE}, record 2, grade: {row.reason}; {remedy}."


@pytest.mark.parametrize(
    ("grade", "shown"),
    [
        ("3", "the string '3'"),
        ("relevant", "the string 'relevant'"),
        ("a text of many words that a user typed", "a string"),
        ("Call Bob Miller", "a string"),
        ("+442079460958", "the string '[number]'"),
        (2.5, "2.5"),
        (True, "a boolean"),
        ([3], "a list"),
    ],
)
def test_the_message_on_a_bad_grade_says_what_it_is_and_where(
    project: Any, grade: Any, shown: str
) -> None:
    outcome = read(project, {"milk?": {TEA: 1}, "how much tea?": {TEA: 3, RICE: grade}})
    message = str(outcome.first_rejects[0])
    fault = f"found {shown} instead of a grade, for document 2 of its question"
    assert message.startswith(f"{FILE}, record 2, grade: {fault}; ")
    assert RICE not in message


@pytest.mark.parametrize(
    "content",
    [{"judgments": {"tea?": {TEA: 3}, "milk?": {RICE: 1}}}, {"tea?": {TEA: {"grade": 3}}}],
)
def test_an_object_in_place_of_a_grade_shows_the_form_without_a_level_too_many(
    project: Any, content: object
) -> None:
    message = str(read(project, content).first_rejects[0])
    assert "found an object instead of a grade, for document 1 of its question; " in message
    assert message.endswith("; write {query: {url: grade}}, with no key around the questions.")


@pytest.mark.parametrize("value", [3, None, [TEA], "\ud800"])
def test_a_query_without_grades_is_rejected(project: Any, value: Any) -> None:
    outcome = read(project, {"milk?": {TEA: 1}, "how much tea?": value})
    assert grades(outcome) == {"milk?": {TEA: 1}}
    [row] = outcome.rows
    assert (row.line, row.column, row.remedy) == (2, "query", "write {url: grade}")
    row.value.encode()


@pytest.mark.parametrize("query", ["  how  much\ttea? ", "how\u00a0much tea?", "how much\x07tea?"])
def test_a_query_is_spelled_as_in_clean_feedback(project: Any, query: str) -> None:
    assert grades(read(project, {query: {f" {TEA} ": 2}})) == {"how much tea?": {TEA: 2}}


@pytest.mark.parametrize("first", ["tea?", "tea? ", "  tea?"])
def test_a_query_that_comes_twice_has_the_grades_of_both(project: Any, first: str) -> None:
    content = f'\ufeff{{"{first}": {{"{TEA}": 1}}, "tea?": {{"{RICE}": 2}}}}'
    assert grades(read(project, content.encode())) == {"tea?": {TEA: 1, RICE: 2}}


BROKEN = {
    "a list": (b"[1]", "holds a list"),
    "truncated": (b'{"tea?": {\n  "a":', "line 2, column 7: not JSON"),
    "empty": (b"", "line 1, column 1: not JSON"),
    "too deep": (b"[" * 100_000, "nested too deeply"),
    "a long number": (b'{"tea?": {"a": 1' + b"0" * 5000 + b"}}", "not JSON that can be read"),
    "latin-1": (b'{"mat\xe9?": {}}', "byte 5 is not UTF-8"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_can_not_be_read_is_refused(project: Any, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=rf"{FILE}.*{message}"):
        read(project, content)


LOGGED, SHOWN = "How much tea?", "https://a.example/Tea"


@pytest.mark.parametrize("query", ["how much tea", "HOW MUCH TEA?", " How much tea ?"])
@pytest.mark.parametrize("url", ["http://a.example/Tea/", f"{SHOWN}#top", SHOWN])
@pytest.mark.parametrize("kind", ["ranked_lists", "searches", "corpus"])
def test_questions_and_addresses_are_spelled_as_in_the_feedback(
    project: Any, query: str, url: str, kind: str
) -> None:
    documents = [{"link": SHOWN}, "doc:1"]
    if kind == "corpus":
        project.write_feedback("corpus.jsonl", {"url": SHOWN, "text": "Tea."}, {"url": "doc:1"})
        documents = ["doc:2"]
    if kind == "searches":
        mapping = {"tea": documents[:1], "cup": {"results": documents[1:]}}
        record = project.search_record(LOGGED, query_source_mapping=mapping)
        project.write_feedback("query_rewriting_training_data.json", record)
    else:
        record = project.ranked_list(LOGGED, all_sources=documents)
        project.write_feedback("reranker_training_data.json", record)
    outcome = read(project, {query: {url: 3, "doc:1": 0}})
    assert grades(outcome) == {LOGGED: {SHOWN: 3, "doc:1": 0}}
    assert outcome.rows == []
    assert outcome.counts == {"queries": 1, "judgments": 2}


@pytest.mark.parametrize("name", ["d-17", "D-17 ", "17"])
@pytest.mark.parametrize("file", ["reranker_training_data.json", "corpus.jsonl"])
def test_a_document_with_an_address_may_be_judged_by_its_id(
    project: Any, file: str, name: str
) -> None:
    document = {"id": 17 if name == "17" else name.strip(), "url": TEA, "title": "Tea"}
    shown = [document, {"id": "d-18", "url": RICE}] if "corpus" not in file else [RICE, "doc:1"]
    project.write_feedback(
        "reranker_training_data.json", project.ranked_list("tea?", all_sources=shown)
    )
    if "corpus" in file:
        project.write_feedback("corpus.jsonl", document, document | {"url": f"{TEA}/"})
    outcome = read(project, {"tea?": {name: 3, RICE: 0}})
    assert grades(outcome) == {"tea?": {TEA: 3, RICE: 0}}
    assert outcome.rows == []


def test_an_id_of_two_documents_names_neither(project: Any) -> None:
    for number, url in enumerate((TEA, RICE)):
        record = project.ranked_list(
            f"tea {number}", all_sources=[{"id": "1", "url": url}, "doc:1"]
        )
        project.write_feedback(f"reranker_training_data_{number}.json", record)
    outcome = read(project, {"tea 0": {"1": 3}})
    assert grades(outcome) == {"tea 0": {"1": 3}}
    assert outcome.counts["judgments_never_shown"] == 1


def test_a_question_that_is_logged_in_two_spellings_has_its_grades_twice(project: Any) -> None:
    project.clean("ranked_lists", project.ranked_list("Tea?"), project.ranked_list("tea"))
    outcome = read(project, {"TEA": {"https://example.org/a": 1}})
    assert grades(outcome) == {name: {"https://example.org/a": 1} for name in ("Tea?", "tea")}


@pytest.mark.parametrize("processes", ["1", "2", "3"])
def test_spellings_are_met_in_the_order_of_the_files_however_many_processes_read_them(
    project: Any, monkeypatch: pytest.MonkeyPatch, processes: str
) -> None:
    monkeypatch.setenv(VARIABLE, processes)
    spellings = {"tea!": f"{TEA}/", "Tea?": f"{TEA}#top", "TEA": f"{TEA}/#top"}
    for number, (query, url) in enumerate(spellings.items()):
        record = project.ranked_list(query, all_sources=[url, f"doc:{number}"])
        file = project.write_feedback(f"reranker_training_data_{number}.json", record)
        file.write_text(file.read_text().removesuffix("]}") + ", {")  # breaks off later
    outcome = read(project, {"tea": {TEA: 3, "doc:2": 1}})
    assert [*grades(outcome)] == [*spellings]
    assert grades(outcome)["TEA"] == {f"{TEA}/": 3, "doc:2": 1}


def test_a_record_of_feedback_that_is_nested_too_deep_has_no_say(project: Any) -> None:
    url: Any = TEA
    for _ in range(240):
        url = {"text": [url]}
    deep = project.ranked_list("TEA", all_sources=[{"url": url}, "doc:1"])
    project.write_feedback("reranker_training_data.json", deep, project.ranked_list("Tea?"))
    assert [*grades(read(project, {"tea": {TEA: 3}}))][-1:] == ["Tea?"]


@pytest.mark.parametrize("query", ["How%20much%20tea%3F", "<b>How</b> much&nbsp;tea?"])
def test_a_judged_question_is_cleaned_as_a_logged_one(project: Any, query: str) -> None:
    project.clean("ranked_lists", project.ranked_list(LOGGED, all_sources=[SHOWN, "doc:1"]))
    assert grades(read(project, {query: {SHOWN: 2.0}})) == {LOGGED: {SHOWN: 2}}


def test_two_grades_of_one_address_are_reported_and_the_higher_counts(project: Any) -> None:
    project.clean("ranked_lists", project.ranked_list("tea?", all_sources=[TEA, "doc:1"]))
    outcome = read(project, {"tea?": {TEA: 1, f"{TEA}/": 3}, "TEA": {TEA: 2}})
    assert grades(outcome) == {"tea?": {TEA: 3}}
    assert [row.reason[:23] for row in outcome.rows] == [
        "the grades 1 and 3 of o",
        "the grades 3 and 2 of o",
    ]


@pytest.mark.parametrize(
    "content",
    [
        '{"tea?": {"URL": 3, "x:1": 0, "URL": 1}}',
        '{"tea?": {"URL": 3, "x:1": 0}, "tea?": {"URL": 1}}',
        '{"tea?": {"URL": 1, "x:1": 0}, "<b>tea?</b>": {"URL": 3}}',
        '{"tea?": {"URL": 1, " URL ": 3, "x:1": 0}}',
        '{"tea?": {"URL": 1, "x:1": 0}, "tea?": "none", "tea?": {"URL": 3}}',
    ],
)
def test_of_two_grades_under_one_key_the_higher_counts_too(project: Any, content: str) -> None:
    outcome = read(project, content.replace("URL", TEA).encode())
    assert grades(outcome) == {"tea?": {TEA: 3, "x:1": 0}}
    assert sum("of one address" in row.reason for row in outcome.rows) == 1


def test_judgments_that_meet_nothing_in_the_feedback_are_counted(project: Any) -> None:
    project.clean("ranked_lists", project.ranked_list("tea?", all_sources=[TEA, "doc:1"]))
    outcome = read(project, {"tea?": {TEA: 1, "doc:2": 3}, "milk?": {RICE: 2, "doc:1": 1}})
    assert len(outcome.records) == 2
    assert [(row.action, row.value, row.reason) for row in outcome.rows] == [
        ("kept", "milk?", "1 of 2 questions are in no log"),
        ("kept", "doc:2", "2 of 4 judgments are of an address never shown"),
    ]
    assert outcome.counts["queries_in_no_log"] == 1
    assert outcome.counts["judgments_never_shown"] == 2


def test_feedback_that_can_not_be_read_has_no_say(project: Any) -> None:
    project.write("training_data/corpus.json", "[{")
    assert grades(read(project, {"tea?": {TEA: 1}})) == {"tea?": {TEA: 1}}


@pytest.mark.parametrize("name", ["judgments.JSON", "Judgments.json", "judgments.json.gz"])
def test_the_file_may_be_spelled_otherwise_or_packed(project: Any, name: str) -> None:
    raw = json.dumps({"tea?": {TEA: 1}}).encode()
    project.write(f"training_data/{name}", gzip.compress(raw) if name.endswith("gz") else raw)
    assert grades(project.read("judgments")) == {"tea?": {TEA: 1}}
