"""Answered searches become feedback that ingest reads, again and again the same."""

from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from findtune.core.errors import InputError
from findtune.core.files import read_jsonl
from findtune.ingest.kinds import KINDS
from findtune.ingest.limits import FeedbackLimits
from findtune.ingest.report import IngestReport
from findtune.traffic.feedback import RANKED_LISTS, SEARCHES, Collected, collect
from findtune.traffic.log import PICKS, append_pick, append_search
from findtune.traffic.records import PickRecord, now
from tests.traffic.conftest import search_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of the users' feedback."""
    return tmp_path / "data" / "training_data"


def read_as_ingest(kind: str, folder: Path) -> list[dict[str, Any]]:
    limits = FeedbackLimits(max_text_chars=200, max_documents=10, max_rejected=0.5)
    report = IngestReport(StringIO())
    reading = KINDS[kind].reader.read(folder.parent, limits=limits, report=report, advance=int)
    records: list[dict[str, Any]] = list(reading)
    assert report.rejected == 0
    return records


def test_ingest_reads_picks_ranks_and_searches(served: Path, folder: Path) -> None:
    collect(served, folder)
    [ranked] = read_as_ingest("ranked_lists", folder)  # that none is right teaches nothing yet
    assert (ranked["query"], ranked["picks"], ranked["refused"]) == ("Bread?", ["v", "u"], ["w"])
    assert [(row["url"], row["rank"], row["score"]) for row in ranked["sources"]] == [
        ("u", 1, 0.9),
        ("v", 2, None),
        ("w", 3, None),
    ]
    [question] = read_as_ingest("searches", folder)
    assert question["selected"] == ["v", "u"]
    searches = {row["query"]: [s["url"] for s in row["sources"]] for row in question["searches"]}
    assert searches == {"Bread?": ["u"], "other": ["v", "w"]}
    [first, second] = read_jsonl(folder / RANKED_LISTS)
    assert {row["version"] for row in first["all_sources"]} == {"0123456789ab"}
    assert (second["query"], second["positive_sources"]) == ("Rice?", [])


def test_collecting_again_gives_the_same_bytes(served: Path, folder: Path) -> None:
    assert collect(served, folder)[1] == Collected(2, 2, 0, 0)
    before = [(folder / name).read_bytes() for name in (RANKED_LISTS, SEARCHES)]
    assert collect(served, folder)[1] == Collected(2, 0, 0, 0)
    assert [(folder / name).read_bytes() for name in (RANKED_LISTS, SEARCHES)] == before


def test_an_answer_that_changes_replaces_its_record_and_one_taken_back_removes_it(
    served: Path, folder: Path
) -> None:
    collect(served, folder)
    append_pick(served, partial(PickRecord, search=f"{0:032x}", time=now(), picks=["w"]))
    append_pick(served, partial(PickRecord, search=f"{1:032x}", time=now(), picks=None))
    assert collect(served, folder)[1] == Collected(1, 0, 1, 1)
    [row] = read_jsonl(folder / RANKED_LISTS)
    assert row["positive_sources"] == ["w"]


def test_a_late_answer_moves_no_record_to_another_line(served: Path, folder: Path) -> None:
    # Comparisons with what is live match held-out questions by their lines.
    collect(served, folder)
    append_search(served, search_of(-1, "Salt?", "s3").model_copy(update={"id": "e" * 32}))
    append_pick(served, partial(PickRecord, search="e" * 32, time=now(), picks=["u"]))
    assert collect(served, folder)[1] == Collected(3, 1, 0, 0)
    for name, field in ((RANKED_LISTS, "query"), (SEARCHES, "original_query")):
        assert [row[field] for row in read_jsonl(folder / name)] == ["Bread?", "Rice?", "Salt?"]


def test_records_stay_when_the_files_of_searches_are_moved_away(served: Path, folder: Path) -> None:
    collect(served, folder)
    for path in served.glob("*.jsonl"):
        path.unlink()
    assert collect(served, folder)[1] == Collected(2, 0, 0, 0)


def test_a_record_stays_when_the_line_of_its_answer_is_gone(served: Path, folder: Path) -> None:
    # The file was moved away, or a part of it was lost; nobody has taken these answers back.
    collect(served, folder)
    before = (folder / RANKED_LISTS).read_bytes()
    (served / PICKS).unlink()
    assert collect(served, folder)[1] == Collected(2, 0, 0, 0)
    append_pick(served, partial(PickRecord, search=f"{2:032x}", time=now(), picks=["u"]))
    assert collect(served, folder)[1] == Collected(3, 1, 0, 0)
    assert (folder / RANKED_LISTS).read_bytes().startswith(before)


def test_a_source_of_an_interleaved_search_has_the_version_of_its_team(
    served: Path, folder: Path
) -> None:
    search = search_of(0, "Bread?", "s1")
    teams = [
        row.model_copy(update={"team": t}) for row, t in zip(search.sources, "ABA", strict=True)
    ]
    compare = {"A": search.version, "B": "rival"}
    append_search(served, search.model_copy(update={"sources": teams, "compare": compare}))
    collect(served, folder)
    versions = [row["version"] for row in read_jsonl(folder / RANKED_LISTS)[0]["all_sources"]]
    assert versions == [search.version, "rival", search.version]


@pytest.mark.parametrize("line", ["{", "{}", "[]"])
def test_a_line_that_is_no_record_is_named(served: Path, folder: Path, line: str) -> None:
    collect(served, folder)
    with (folder / RANKED_LISTS).open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    with pytest.raises(InputError, match="has a line that is not a search record"):
        collect(served, folder)


def test_an_answer_to_a_search_that_found_nothing_is_no_record(served: Path, folder: Path) -> None:
    # Ingest rejects such a record, and many of them would stop `make train`.
    nothing = search_of(2, "Tea?", "s1").model_copy(update={"sources": []})
    append_search(served, nothing)
    append_pick(served, partial(PickRecord, search=nothing.id, time=now(), picks=[]))
    assert collect(served, folder)[1] == Collected(2, 2, 0, 0)
    assert len(read_as_ingest("ranked_lists", folder)) == 1
    # One that was collected before goes.
    for name in (RANKED_LISTS, SEARCHES):
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(f'{{"id":"{nothing.id}"}}\n')
    assert collect(served, folder)[1] == Collected(2, 0, 0, 1)
