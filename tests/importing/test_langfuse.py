"""Langfuse: a source has several names, and rows of several exports are one."""

import json
from pathlib import Path
from typing import Any

import pytest

from findtune.importing.documents import Library
from findtune.importing.named_documents import NamedDocuments
from tests.importing.small_imports import Import, rows_import

Fields = dict[str, Any]
A, B, C = (f"https://x.example/{name}" for name in "abc")


def exported(*sources: Any, answer: str = "", picked: str = "") -> list[Fields]:
    score = {"id": "s1", "traceId": "t1", "name": "opened"}
    pick = {"dataType": "CATEGORICAL", "value": 0, "stringValue": picked}
    thumb = {"dataType": "BOOLEAN", "value": 1, "stringValue": "True"}
    return [
        {"id": "t1", "input": "how many?", "output": answer},
        {"id": "o1", "traceId": "t1", "type": "RETRIEVER", "output": [*sources]},
        score | (pick if picked else thumb),
    ]


def with_metadata(name: str, **metadata: str) -> Fields:
    return {"id": name, "page_content": f"text of {name}", "metadata": metadata}


FORMS: dict[str, list[Fields]] = {
    "source": [with_metadata("8c1f", source=A), with_metadata("9d2a", source=B)],
    "url": [with_metadata("d1", url=A), with_metadata("d2", url=B)],
    "number": [with_metadata("1", link=A), with_metadata("2", link=B)],
    "hit": [{"_id": "d1", "_source": {"url": A}}, {"_id": "d2", "_source": {"url": B}}],
}


@pytest.mark.parametrize("form", FORMS)
def test_an_address_in_the_metadata_is_the_url_of_a_source_with_an_id(
    tmp_path: Path, form: str
) -> None:
    sources = FORMS[form]
    key = sources[1].get("id") or sources[1]["_id"]
    picked = [exported(*sources, picked=name) for name in (B, key, B.replace("https", "http"))]
    cited = [exported(*sources, answer=f"See {B}.")]
    for rows in [*picked, *cited]:
        read = rows_import("langfuse", tmp_path, *rows)
        assert (read.urls("how many?"), read.picks("how many?")) == ([A, B], [B])
        assert read.lists["how many?"]["all_sources"][1]["id"] == key
        assert read.unused() == {}


@pytest.mark.parametrize(
    ("sources", "urls"),
    [
        (["d1", {"id": "d2"}], ["d1", "d2"]),
        ([with_metadata("d1", source="faq"), with_metadata("d2", source="faq")], ["d1", "d2"]),
        ([{"url": "/a", "metadata": {"source": A}}, {"link": B, "id": "d2"}], ["/a", B]),
        ([with_metadata("isbn://1", source=A), with_metadata("d2")], ["isbn://1", "d2"]),
    ],
)
def test_a_source_without_an_address_beside_its_id_keeps_its_url(
    sources: list[Any], urls: list[str]
) -> None:
    assert [document.url for document in NamedDocuments(sources, Library()).documents] == urls


def test_a_pick_of_a_file_picks_all_passages_of_it(tmp_path: Path) -> None:
    names = [("d1", "a.pdf"), ("d2", "b.pdf"), ("d3", "b.pdf")]
    sources = [with_metadata(name, source=file) for name, file in names]
    for rows in (exported(*sources, picked="b.pdf"), exported(*sources, answer="In b.pdf: 3.")):
        assert rows_import("langfuse", tmp_path, *rows).picks("how many?") == ["d2", "d3"]


def test_passages_of_one_page_are_one_source(tmp_path: Path) -> None:
    sources = [with_metadata(name, source=url) for name, url in [("1", A), ("2", B), ("3", B)]]
    read = rows_import("langfuse", tmp_path, *exported(*sources, picked="3"))
    assert (read.urls("how many?"), read.picks("how many?")) == ([A, B], [B])


def test_a_number_beside_an_address_is_no_name_that_a_score_uses(tmp_path: Path) -> None:
    sources = [{"url": A, "id": 1}, {"url": B, "id": 2}]
    read = rows_import("langfuse", tmp_path, *exported(*sources, picked="2"))
    assert read.searches == []


def test_a_source_that_documents_know_by_its_id_has_their_url(tmp_path: Path) -> None:
    documents = tmp_path / "documents.jsonl"
    documents.write_text(json.dumps({"id": "d2", "title": "t", "text": "x"}), encoding="utf-8")
    path = tmp_path / "export.json"
    path.write_text(json.dumps(exported(*FORMS["url"], picked=B)), encoding="utf-8")
    read = Import("langfuse", f"{path}", documents=f"{documents}")
    assert (read.urls("how many?"), read.picks("how many?")) == ([A, "d2"], ["d2"])


EARLY, LATE = {"updatedAt": "2026-11-01T10:00:00Z"}, {"updatedAt": "2026-11-01T11:00:00Z"}
FOUND = exported({"url": A}, {"url": B}, answer=f"See {B}.")


@pytest.mark.parametrize("is_late_first", [True, False])
@pytest.mark.parametrize("part", [0, 1])
def test_of_two_rows_of_a_trace_or_an_observation_the_latest_counts(
    tmp_path: Path, part: int, is_late_first: bool
) -> None:
    rows = FOUND[:part] + FOUND[part + 1 :]
    versions = [FOUND[part] | LATE, FOUND[part] | EARLY | {"output": None}]
    read = rows_import("langfuse", tmp_path, *rows, *versions[:: 1 if is_late_first else -1])
    assert read.picks("how many?") == [B]


@pytest.mark.parametrize("is_late_first", [True, False])
def test_an_observation_that_found_more_later_shows_this_alone(
    tmp_path: Path, is_late_first: bool
) -> None:
    trace, retriever, score = FOUND
    early = retriever | {"output": [{"url": C}, {"url": B}], "endTime": EARLY["updatedAt"]}
    late = retriever | {"endTime": LATE["updatedAt"]}
    inner = [trace | {"observations": [each]} for each in (late, early)]
    for versions in ([late, early], inner):
        rows = versions[:: 1 if is_late_first else -1]
        read = rows_import("langfuse", tmp_path, trace, score, *rows)
        assert read.urls("how many?") == [A, B]


def test_rows_without_a_time_or_an_id_count_as_they_are_read(tmp_path: Path) -> None:
    trace, retriever, score = FOUND
    other = {key: retriever[key] for key in ("traceId", "type")} | {"output": [{"url": C}]}
    rows = [trace | {"output": f"See {A}."}, trace, retriever, other, other, score]
    read = rows_import("langfuse", tmp_path, *rows)
    assert (read.urls("how many?"), read.picks("how many?")) == ([A, B, C], [B])


def test_a_row_of_an_observation_without_its_output_hides_no_other(tmp_path: Path) -> None:
    trace, retriever, score = FOUND
    part = {key: retriever[key] for key in ("id", "traceId", "type")} | {"sessionId": "s", **LATE}
    read = rows_import("langfuse", tmp_path, trace, retriever | EARLY, part, score)
    assert read.picks("how many?") == [B]
    assert read.lists["how many?"]["session"]
