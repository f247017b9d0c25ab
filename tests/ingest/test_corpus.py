"""The clean corpus has each document once, with its text as the snippet."""

import json
from typing import Any

import pytest


def page(project: Any, name: str, **fields: object) -> dict[str, Any]:
    """Return a document as a corpus has it."""
    texts = {"title": f"Title of {name}", "text": f"All of {name}."}
    return {"url": project.url(name), **texts, **fields}


@pytest.mark.parametrize("name", ["corpus.json", "corpus.jsonl"])
def test_the_text_of_a_document_is_its_snippet_unless_it_has_one(project: Any, name: str) -> None:
    both, empty = page(project, "b", snippet="Cups."), page(project, "c", snippet="")
    file = project.write_feedback(name, page(project, "a"), both, empty, {"url": project.url("d")})
    outcome = project.read("corpus")
    assert outcome.records == [
        project.document("a", record=f"{file}:1"),
        project.document("b", record=f"{file}:2", snippet="Cups."),
        project.document("c", record=f"{file}:3"),
        project.document("d", record=f"{file}:4", title="", snippet=""),
    ]
    assert outcome.counts == {"records": 4, "documents": 4, "documents_without_snippet": 1}


def test_a_bad_line_is_rejected_with_its_number(project: Any) -> None:
    bad = [page(project, "c", url="http://"), page(project, "d", title=3), ["e"]]
    pages = [page(project, "a"), page(project, "b"), *bad, page(project, "f")]
    lines = [json.dumps(entry) for entry in pages]
    lines[1] = lines[1][:-5]
    project.write("training_data/corpus.jsonl", "\n".join(lines))
    outcome = project.read("corpus")
    assert [document["record"][-2:] for document in outcome.records] == [":1", ":6"]
    rejects = [(row.line, row.column) for row in outcome.rows if row.action == "rejected"]
    assert rejects == [(2, ""), (3, "url"), (4, "title"), (5, "")]
    assert "corpus.jsonl, record 2: line 2, column " in str(outcome.first_rejects[0])


def test_a_second_document_of_one_url_is_dropped_and_reported(project: Any) -> None:
    other = page(project, "a", text="Other.")
    outcome = project.clean("corpus", page(project, "a"), page(project, "b"), other)
    assert [document["snippet"] for document in outcome.records] == ["All of a.", "All of b."]
    [row] = outcome.rows
    assert (row.action, row.line) == ("dropped", 3)
    assert row.reason == "a duplicate of the record data/training_data/corpus.json:1"
