"""A question whose searches were graded counts once each of its rows has a grade."""

from typing import Any

import pytest

FILE = "data/training_data/search_grades.csv"
TEA, RICE = "https://example.org/tea", "https://example.org/rice"


def read(project: Any, *rows: str) -> Any:
    """Return the outcome of a file of search grades, whose rows are query,url,text,grade."""
    text = "\n".join(["query,url,text,grade", *rows]) + "\n"
    project.write("training_data/search_grades.csv", text)
    return project.read("search_grades")


def grades(outcome: Any) -> dict[str, dict[str, int]]:
    return {record["query"]: record["grades"] for record in outcome.records}


def test_the_grades_of_a_question_come_together(project: Any) -> None:
    rows = (f"how much tea?,{TEA},All of tea.,3", f"rice?,{RICE},,1", f"how much tea?,{RICE},,0")
    outcome = read(project, *rows)
    assert grades(outcome) == {"how much tea?": {TEA: 3, RICE: 0}, "rice?": {RICE: 1}}
    assert outcome.rows == []
    assert (outcome.counts["queries"], outcome.counts["grades"]) == (2, 3)


def test_the_file_may_be_missing(project: Any) -> None:
    assert project.read("search_grades").records == []


def test_a_question_with_a_row_that_has_no_grade_waits(project: Any) -> None:
    outcome = read(project, f"rice?,{RICE},,1", f"tea?,{TEA},,3", f"tea?,{RICE},,")
    assert grades(outcome) == {"rice?": {RICE: 1}}
    assert outcome.counts["unfinished_queries"] == 1


def test_two_spellings_of_a_question_wait_for_each_other(project: Any) -> None:
    outcome = read(project, f"rice?,{RICE},,1", f"Tea?,{TEA},,3", f"tea,{RICE},,")
    assert grades(outcome) == {"rice?": {RICE: 1}}
    assert outcome.counts["unfinished_queries"] == 1


@pytest.mark.parametrize("grade", ["-1", "101", "2.5", "good", "1e400"])
def test_a_row_with_a_bad_grade_is_rejected_and_its_question_waits(
    project: Any, grade: str
) -> None:
    outcome = read(project, f"rice?,{RICE},,2.0", f"tea?,{TEA},,{grade}", f"tea?,{RICE},,1")
    assert grades(outcome) == {"rice?": {RICE: 2}}
    [row] = [row for row in outcome.rows if row.action == "rejected"]
    assert (row.file, row.line, row.column) == (FILE, 3, "grade")
    assert row.remedy == "write a whole number from 0, which answers nothing, to 100"


@pytest.mark.parametrize("grade", ["n/a", "NaN", " #N/A ", "TBD", "NULL"])
def test_a_word_for_nothing_in_place_of_a_grade_is_an_empty_cell(project: Any, grade: str) -> None:
    outcome = read(project, f"rice?,{RICE},,1", f"tea?,{TEA},,{grade}", f"tea?,{RICE},,1")
    assert grades(outcome) == {"rice?": {RICE: 1}}
    assert outcome.counts["unfinished_queries"] == 1
    assert not [row for row in outcome.rows if row.action == "rejected"]


@pytest.mark.parametrize("grade", ["'3", '"=""3"""', "３", "3<br>"])
def test_what_programs_put_around_a_grade_is_no_part_of_it(project: Any, grade: str) -> None:
    assert grades(read(project, f"tea?,{TEA},,{grade}")) == {"tea?": {TEA: 3}}


@pytest.mark.parametrize(
    ("cells", "column"), [(f",{TEA},,1", "query"), ("tea?,,,1", "url"), ("tea?,' ,,1", "")]
)
def test_a_row_without_a_question_or_an_address_is_rejected(
    project: Any, cells: str, column: str
) -> None:
    outcome = read(project, f"rice?,{RICE},,1", cells)
    rejected = [row.column for row in outcome.rows if row.action == "rejected"]
    assert rejected == [column] * bool(column)


def test_of_two_grades_of_one_address_the_higher_counts_and_is_reported(project: Any) -> None:
    outcome = read(project, f"tea?,{TEA},,1", f"tea?,{TEA},,3")
    assert grades(outcome) == {"tea?": {TEA: 3}}
    [row] = [row for row in outcome.rows if row.column == "grade"]
    assert row.reason == "the grades 1 and 3 of one address"


def test_questions_and_addresses_are_spelled_as_the_feedback_spells_them(project: Any) -> None:
    project.write_feedback("reranker_training_data.json", project.ranked_list("How much tea?"))
    outcome = read(project, f"'how much tea,{project.url('a')}/,,2")
    assert grades(outcome) == {"How much tea?": {project.url("a"): 2}}


def test_an_apostrophe_against_formulas_is_no_part_of_a_question(project: Any) -> None:
    assert grades(read(project, f"'=tea?,{TEA},,2")) == {"=tea?": {TEA: 2}}


def test_the_file_is_no_unread_file_of_the_feedback(project: Any) -> None:
    project.write_feedback("reranker_training_data.json", project.ranked_list())
    read(project, f"how much tea?,{TEA},,2")
    assert not [row for row in project.read("ranked_lists").rows if "search_grades" in row.file]
