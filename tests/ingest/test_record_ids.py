"""Whatever the names of ids, sessions and users: two records that differ in one are two."""

from typing import Any

import pytest

from findtune.ingest.record_ids import asker_fields, raw_time, record_ids


@pytest.mark.parametrize(
    "key",
    [
        *("session_id", "sessionId", "session-id", "Session ID", "conversationId", "chat_id"),
        *("message_id", "turn_id", "interaction_id", "account_id", "sid", "uid", "_id", "row_id"),
        *("trace_id", "annotator", "worker_id", "participant_id", "distinct_id", "requestId"),
        *("X-Request-Id", "subject_id", "clickId", "Event UUID", "session.id", "context.hit_id"),
    ],
)
def test_an_id_under_any_name_tells_two_records_apart(project: Any, key: str) -> None:
    records = [project.ranked_list(**{key: value}) for value in ("a1", "b2", "b2")]
    assert len(project.clean("ranked_lists", *records).records) == 2


def test_a_text_under_a_name_like_that_of_an_id_tells_nothing_apart() -> None:
    others = {"message": "a", "chat": ["b"], "log": "c", "query": "d", "paid": 1, "VALID": 2}
    assert record_ids({**others, "batch_id": 3, "exportId": 4, "topic_id": 5}) == []


@pytest.mark.parametrize("container", ["context", "metadata", "properties"])
def test_an_id_one_level_deeper_counts(project: Any, container: str) -> None:
    records = [project.ranked_list(**{container: {"session_id": name}}) for name in "ab"]
    outcome = project.clean("ranked_lists", *records)
    assert len({tuple(record["asked_by"]) for record in outcome.records}) == 2


@pytest.mark.parametrize(
    "key", ["Session ID", "conversation_id", "thread_id", "userName", "customerId", "deviceId"]
)
def test_a_session_or_user_under_any_name_says_who_asked(key: str) -> None:
    assert asker_fields({key: "a1"}) == asker_fields({key: " a1 "})
    assert asker_fields({key: "a1"})["asked_by"] != asker_fields({key: "b2"})["asked_by"]


def test_a_user_as_an_object_is_known_by_its_id() -> None:
    users = [{"id": 12}, {"_id": "12", "name": "x"}, {"id": 12.0}]
    assert len({tuple(asker_fields({"user": user})["asked_by"]) for user in users}) == 1


@pytest.mark.parametrize(
    "name",
    [
        *("00000000-0000-0000-0000-000000000000", "anonymousUser", {"name": "Anonymous User"}),
        *("0", 0, -1, "-1", "Guest", "N/A", "anon_visitor", "***", "unknown user"),
    ],
)
def test_a_name_for_nobody_says_not_who_asked(name: object) -> None:
    assert asker_fields({"user": name, "session_id": name}) == {}


@pytest.mark.parametrize("name", [1, "10", "Anna", "guest1", "0000-0001", "茶"])
def test_a_name_of_somebody_says_who_asked(name: object) -> None:
    assert asker_fields({"user": name}) != {}


@pytest.mark.parametrize("key", ["account", "account_id", "accountId", "customer"])
def test_an_account_or_a_customer_may_be_many_people(key: str) -> None:
    assert asker_fields({key: "Tea Ltd"}) == {}
    assert record_ids({key: "Tea Ltd"}) == [[key, "Tea Ltd"]]


def test_a_client_is_no_person_and_nobody_is_nobody() -> None:
    assert asker_fields({"client_id": "web", "user": {"name": "Anonymous"}, "session": {}}) == {}


def test_the_usual_name_of_a_time_comes_first() -> None:
    record = {"createdAt": 1, "@timestamp": 2, "event_time": 3}
    assert raw_time(record) == 2
    assert raw_time({"context": {"Event-Time": 4}}) == 4
    assert raw_time({**record, "timestamp": 0}) == 0
