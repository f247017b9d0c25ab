"""Exports that hold a part of a session, or an older state of it, take nothing away."""

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from findtune.core.files import read_jsonl
from findtune.core.records import Record
from findtune.importing.searches import rewriting_records
from findtune.importing.storage import Stored, store
from tests.importing.small_imports import rows_import

Rows = list[dict[str, Any]]
SESSION = [
    ("1", "cheap flights", "ab", ""),
    ("2", "cheap flight tickets", "ef", "e"),
    ("3", "flights london", "cd", "c"),
    ("4", "cheap flights", "gh", "h"),
]


def rows_of(*names: str, session: str = "s", day: int = 1) -> Rows:
    """Return the rows of some searches of the session, and of their clicks."""
    rows: Rows = []
    for name, question, hits, pick in SESSION:
        if name in names:
            own = {"query_id": name, "timestamp": f"2026-11-{day:02}T10:0{name}:00Z"}
            shown = {"query_response_hit_ids": [*hits], "session_id": session}
            rows.append(own | shown | {"user_query": question})
            clicked = {"object": {"object_id": pick}}
            click = own | {"action_name": "click", "event_attributes": clicked}
            rows += [click] if pick else []
    return rows


def imported(tmp_path: Path, rows: Rows) -> list[Stored]:
    read = rows_import("ubi", tmp_path, *rows)
    needs = [*rewriting_records(read.feedback.searches)]
    lists = [*read.lists.values()]
    return [
        store(tmp_path, kind, "ubi", records)
        for kind, records in (("ranked_lists", lists), ("searches", needs))
        if records
    ]


def stored_rows(tmp_path: Path, kind: str) -> list[Record]:
    return [*read_jsonl(tmp_path / "training_data" / f"{kind}_ubi.jsonl")]


def shown(record: Record) -> dict[str, list[str]]:
    mapping = record["query_source_mapping"].items()
    return {name: [source["url"] for source in entry["sources"]] for name, entry in mapping}


FULL = {
    "cheap flights": [*"abgh"],
    "cheap flight tickets": [*"ef"],
    "flights london": [*"cd"],
}


@pytest.mark.parametrize(
    "parts",
    [
        *permutations(["1234", "12", "234"]),
        *permutations(["12", "23", "34"]),
        ("34", "12", "1234"),
        ("1234", "13", "24"),
    ],
)
def test_exports_that_overlap_make_one_record_of_a_need_in_any_order(
    tmp_path: Path, parts: tuple[str, ...]
) -> None:
    for part in parts:
        imported(tmp_path, rows_of(*part))
    [record] = stored_rows(tmp_path, "query_rewriting_training_data")
    assert (record["original_query"], record["timestamp"]) == (
        "cheap flights",
        "2026-11-01T10:01:00Z",
    )
    assert shown(record) == FULL
    assert {*record["selected_sources"]} == {*"ech"}
    ranks = [
        source["rank"] for source in record["query_source_mapping"]["cheap flights"]["sources"]
    ]
    assert ranks == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("whole", "part"),
    [
        *(("123", part) for part in ("1", "12", "23", "13", "3", "123")),
        ("1234", "124"),
        ("1234", "1234"),
    ],
)
def test_a_part_of_what_is_known_changes_nothing(tmp_path: Path, whole: str, part: str) -> None:
    imported(tmp_path, rows_of(*whole))
    folder = tmp_path / "training_data"
    before = {path: path.read_bytes() for path in folder.iterdir()}
    for stored in imported(tmp_path, rows_of(*part)):
        assert (stored.new, stored.changed) == (0, 0)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_list_keeps_its_history_if_a_later_export_lacks_the_earlier_searches(
    tmp_path: Path,
) -> None:
    for part in ("123", "23", "3"):
        imported(tmp_path, rows_of(*part))
        histories = {
            row["query"]: row["history"]
            for row in stored_rows(tmp_path, "reranker_training_data")
            if "history" in row
        }
        assert histories["flights london"] == ["cheap flights", "cheap flight tickets"]


def test_a_list_learns_its_history_from_a_later_export(tmp_path: Path) -> None:
    for part in ("3", "23", "123"):
        imported(tmp_path, rows_of(*part))
    rows = stored_rows(tmp_path, "reranker_training_data")
    [history] = [row["history"] for row in rows if row["query"] == "flights london"]
    assert history == ["cheap flights", "cheap flight tickets"]


def test_a_page_that_an_export_lacks_stays_with_its_pick(tmp_path: Path) -> None:
    page = rows_of("2")[0] | {"query_response_hit_ids": ["x", "y"]}
    click = rows_of("2")[1] | {"event_attributes": {"object": {"object_id": "y"}}}
    imported(tmp_path, [*rows_of(*"12"), page, click])
    imported(tmp_path, rows_of(*"12"))
    [row] = stored_rows(tmp_path, "reranker_training_data")
    assert [source["url"] for source in row["all_sources"]] == [*"efxy"]
    assert {*row["positive_sources"]} == {*"ey"}


def test_ids_that_a_log_gives_again_to_another_session_join_no_needs(tmp_path: Path) -> None:
    imported(tmp_path, rows_of(*"12"))
    imported(tmp_path, rows_of(*"234", session="other", day=2))
    needs = stored_rows(tmp_path, "query_rewriting_training_data")
    first, second = sorted(needs, key=lambda row: row["timestamp"])
    assert {*shown(first)} == {"cheap flights", "cheap flight tickets"}
    assert {*shown(second)} == {"cheap flight tickets", "flights london", "cheap flights"}


def test_a_record_of_an_earlier_version_without_ids_of_searches_loses_nothing(
    tmp_path: Path,
) -> None:
    imported(tmp_path, rows_of(*"1234"))
    [record] = stored_rows(tmp_path, "query_rewriting_training_data")
    for entry in record["query_source_mapping"].values():
        del entry["ids"]
    [path] = (tmp_path / "training_data").glob("query*")
    path.unlink()
    store(tmp_path, "searches", "ubi", [record])
    imported(tmp_path, rows_of(*"12"))
    [record] = stored_rows(tmp_path, "query_rewriting_training_data")
    assert shown(record) == FULL
    assert {*record["selected_sources"]} == {*"ech"}


def test_a_pick_follows_its_source_to_the_address_that_becomes_known(tmp_path: Path) -> None:
    def record(*picks: str, **address: str) -> Record:
        sources = [{"url": "d1", "rank": 1} | address, {"url": "d2", "rank": 2}]
        return {"id": "1", "query": "a", "all_sources": sources, "positive_sources": [*picks]}

    store(tmp_path, "ranked_lists", "ubi", [record("d1")])
    store(tmp_path, "ranked_lists", "ubi", [record("d2", url="https://x.example/1", id="d1")])
    [row] = stored_rows(tmp_path, "reranker_training_data")
    assert row["positive_sources"] == ["https://x.example/1", "d2"]


def test_a_part_keeps_its_searches_when_another_part_gives_the_session(tmp_path: Path) -> None:
    imported(tmp_path, rows_of("2", "3", "4", session="before"))
    imported(tmp_path, rows_of("1", "2", "3", session="after"))
    imported(tmp_path, rows_of("2", "3", session="after"))
    rows = stored_rows(tmp_path, "query_rewriting_training_data")
    urls = {url for row in rows for wording in shown(row).values() for url in wording}
    assert urls == {*"abcdefgh"}


def test_records_that_share_searches_within_one_import_are_stored(tmp_path: Path) -> None:
    def need(*names: str, session: str) -> Record:
        first = rows_of(*names, session=session)
        [row] = rewriting_records(rows_import("ubi", tmp_path, *first).feedback.searches)
        return row

    store(tmp_path, "searches", "ubi", [need("2", "3", "4", session="y")])
    store(tmp_path, "searches", "ubi", [need("1", "2", "3", session="x")])
    both = [need("2", "3", session="x"), need("3", "4", session="y")]
    stored = store(tmp_path, "searches", "ubi", both)
    assert stored.new + stored.changed + stored.known == 2


def test_a_number_that_comes_back_with_another_question_mixes_no_sources(tmp_path: Path) -> None:
    flights = [{**row, "query_response_hit_ids": [*"cde"]} for row in rows_of("3")]
    food = rows_of("3", day=2)
    food[0]["user_query"] = "dog food"
    for rows in (flights, food):
        rows[0].pop("session_id")
        imported(tmp_path, rows)
    [row] = stored_rows(tmp_path, "reranker_training_data")
    assert row["query"] == "dog food"
    assert [source["url"] for source in row["all_sources"]] == ["c", "d"]
