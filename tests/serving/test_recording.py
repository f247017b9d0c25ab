"""What is searched and picked by API is recorded, and names no user."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from findtune.serving import recording
from findtune.serving.recording import Recorder
from findtune.serving.served import ServedModels
from findtune.traffic.forgetting import Choice, forget
from findtune.traffic.lookup import find_search
from findtune.traffic.reader import read_traffic

Make = Callable[..., TestClient]


@pytest.fixture
def client(served: ServedModels, recorder: Recorder, make_client: Make) -> TestClient:
    """Return a client of a server that records."""
    return make_client(served, recorder=recorder)


def test_a_search_is_recorded_with_what_was_shown_and_a_hash_of_who_asked(
    client: TestClient, recorder: Recorder
) -> None:
    bodies = [
        client.post("/v1/search", json={"query": query, "user": "ada@example.org"}).json()
        for query in ("bread", "rice")
    ]
    first, second = read_traffic(recorder.folder).searches
    assert {first.id, second.id} == {body["id"] for body in bodies}
    assert (first.version, first.queries[1:], first.session) == ("s0", ["more"], second.session)
    assert first.sources[0].model_dump() == {
        "url": "u",
        "title": "Bread",
        "snippet": "Price of bread",
        "rank": 1,
        "score": 0.5,
        "found_by": ["more"],
        "retrieved_rank": 3,
        "team": None,
        "unshuffled_rank": None,
        "propensity": None,
    }
    for path in recorder.folder.iterdir():
        assert b"ada@" not in path.read_bytes()


def test_picks_are_kept_replaced_and_taken_back(client: TestClient, recorder: Recorder) -> None:
    key = client.post("/v1/search", json={"query": "bread"}).json()["id"]
    for picks in (["u"], [], None):
        answer = client.post("/v1/picks", json={"search": key, "picks": picks})
        assert (answer.status_code, answer.json()["picks"]) == (200, picks)
        traffic = read_traffic(recorder.folder)
        assert traffic.picks_of(traffic.searches[0]) == picks


@pytest.mark.parametrize(
    ("change", "status"),
    [({"search": "../picks"}, 404), ({"picks": ["v"]}, 422), ({"picks": "u"}, 422)],
)
def test_a_pick_of_nothing_that_was_shown_is_refused(
    client: TestClient, recorder: Recorder, change: dict[str, Any], status: int
) -> None:
    key = client.post("/v1/search", json={"query": "bread"}).json()["id"]
    body = {"search": key, "picks": ["u"], **change}
    assert client.post("/v1/picks", json=body).status_code == status
    assert not read_traffic(recorder.folder).answers


def test_a_search_is_answered_also_when_it_cannot_be_recorded(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(folder: Path, record: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recording, "append_search", fail)
    body = client.post("/v1/search", json={"query": "bread"}).json()
    assert body["documents"]
    assert "id" not in body
    assert "could not be recorded: No space left" in caplog.text


def test_nothing_is_recorded_and_there_is_no_page_unless_asked_for(
    served: ServedModels, make_client: Make
) -> None:
    client = make_client(served)
    assert "id" not in client.post("/v1/search", json={"query": "bread"}).json()
    assert client.post("/v1/picks", json={"search": "a", "picks": []}).status_code == 404
    answer = client.get("/")
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found_error")


def test_a_rival_shows_its_documents_among_those_of_a_recorded_search(
    served: ServedModels, recorder: Recorder, make_client: Make
) -> None:
    from findtune.stack.pipeline import Hit

    rice = Hit("v", "Rice", "Price of rice", 2, 1, None, 0.9)
    rival = replace(served.searches["stack/small"], content_hash="r0", others=[rice])
    client = make_client(replace(served, rival=rival), recorder=recorder)
    body = client.post("/v1/search", json={"query": "bread"}).json()
    [record] = read_traffic(recorder.folder).searches
    assert record.compare == {"A": "r0", "B": "s0"}
    assert [document["url"] for document in body["documents"]] == ["u", "v"]
    assert [document["rank"] for document in body["documents"]] == [1, 2]
    assert [(source.url, source.team) for source in record.sources][1] == ("v", "A")
    assert {document["relevance"] for document in body["documents"]} == {None}
    assert [document["retrieved_rank"] for document in body["documents"]] == [1, 2]
    assert [source.retrieved_rank for source in record.sources] == [3, 1]
    assert "team" not in json.dumps(body)


def test_a_rival_is_asked_nothing_where_nothing_is_recorded(
    served: ServedModels, make_client: Make
) -> None:
    client = make_client(replace(served, rival=served.searches["stack/small"]))
    [document] = client.post("/v1/search", json={"query": "bread"}).json()["documents"]
    assert document["score"] == 0.5


def test_shuffled_searches_are_shown_as_they_are_recorded_without_a_score(
    served: ServedModels, recorder: Recorder, make_client: Make
) -> None:
    from findtune.stack.pipeline import Hit

    more = [Hit(name, name, "", 2, rank, 0.4, 0.2) for rank, name in enumerate("abcdefg", start=4)]
    retrieved = {"u": 3, **{hit.url: hit.retrieved_rank for hit in more}}
    served.searches["stack/small"].others.extend(more)
    client = make_client(served, recorder=recorder, shuffled=0.5)
    orders = set()
    for number in range(20):
        body = {"query": f"bread {number}", "max_num_results": 8}
        answer = client.post("/v1/search", json=body).json()
        record = {row.id: row for row in read_traffic(recorder.folder).searches}[answer["id"]]
        shown = [row["url"] for row in answer["documents"]]
        assert shown == [row.url for row in record.sources]
        for kind in ("rank", "retrieved_rank"):  # no rank tells the order before
            assert [row[kind] for row in answer["documents"]] == [*range(1, 9)]
        assert {row.url: row.retrieved_rank for row in record.sources} == retrieved
        assert {row["score"] for row in answer["documents"]} == {None}
        assert shown[5:] == ["e", "f", "g"]
        assert [row.propensity for row in record.sources[5:]] == [1, 1, 1]
        orders.add(tuple(shown[:5]))
    assert ("u", "a", "b", "c", "d") in orders  # half of the searches are as they were ranked
    assert len(orders) > 4


def test_a_search_is_compared_with_the_rival_that_was_there_when_it_began(
    served: ServedModels, recorder: Recorder, make_client: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = served.searches["stack/small"]
    first, second = (replace(own, content_hash=name) for name in ("r0", "r1"))
    client = make_client(replace(served, rival=first), recorder=recorder)
    service = client.app.state.service  # type: ignore[attr-defined]
    search = own.search

    def reload_and_search(*arguments: Any, **options: Any) -> Any:
        service.served = replace(served, rival=second)
        return search(*arguments, **options)

    monkeypatch.setattr(own, "search", reload_and_search)
    client.post("/v1/search", json={"query": "bread"})
    [record] = read_traffic(recorder.folder).searches
    assert record.compare == {"A": "r0", "B": "s0"}


def test_a_pick_of_a_search_that_is_forgotten_meanwhile_is_not_kept(
    client: TestClient, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing would forget it later, since its search is gone.
    key = client.post("/v1/search", json={"query": "bread"}).json()["id"]
    find = recording.find_search

    def find_and_forget(folder: Path, key: str) -> Any:
        record = find(folder, key)
        monkeypatch.setattr(recording, "find_search", find)
        forget(folder, folder.parent / "training_data", Choice("bread"))
        return record

    monkeypatch.setattr(recording, "find_search", find_and_forget)
    answer = client.post("/v1/picks", json={"search": key, "picks": ["u"]})
    assert answer.status_code == 404
    assert not (recorder.folder / "picks.jsonl").exists()


def test_a_search_that_nobody_forgets_is_looked_for_once(
    client: TestClient, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Looking again would keep all other writers out meanwhile.
    key = client.post("/v1/search", json={"query": "bread"}).json()["id"]
    keys: list[str] = []

    def find(folder: Path, key: str) -> Any:
        keys.append(key)
        return find_search(folder, key)

    monkeypatch.setattr(recording, "find_search", find)
    assert client.post("/v1/picks", json={"search": key, "picks": ["u"]}).status_code == 200
    assert keys == [key]
