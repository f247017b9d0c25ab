"""Records of one topic, session or user form a group; a chain of them does not tie a whole log."""

from findtune.core.records import Record
from findtune.examples.groups import Asked, asked_records, find_groups


def grouped(*rows: tuple[str, *tuple[str, ...]]) -> list[int]:
    """Return the number of each record's group; a row is a topic and who asked it."""
    asked = [Asked(f"r{number}", row[0], row[1:]) for number, row in enumerate(rows)]
    groups = find_groups(asked)
    names = [groups.group_of(row.record, row.topic) for row in asked]
    first = list(dict.fromkeys(names))
    return [first.index(name) for name in names]


def test_the_records_of_one_session_or_user_are_one_group() -> None:
    assert grouped(("tea", "s1"), ("milk", "s1"), ("bread", "s2")) == [0, 0, 1]
    assert grouped(("tea", "s1", "u1"), ("milk", "s2", "u1"), ("rice", "s3", "u2")) == [0, 0, 1]


def test_the_questions_of_one_topic_stay_one_group_whoever_asks() -> None:
    assert grouped(("tea", "s1"), ("tea", "s2"), ("milk", "s2"), ("rice", "s3")) == [0, 0, 0, 1]


def test_three_hundred_records_of_one_user_are_one_group_in_a_small_log() -> None:
    rows = [(f"topic {number}", "user") for number in range(300)]
    assert (
        len(set(grouped(*rows, *[(f"other {number}", f"u{number}") for number in range(20)]))) == 21
    )


def test_a_chain_through_all_records_is_cut_where_nothing_is_common_to_most() -> None:
    chain = [(f"topic {number // 2}", f"user {(number + 1) // 2}") for number in range(100)]
    groups = grouped(*chain)
    assert 20 <= len(set(groups)) <= 60


def test_a_record_without_a_session_belongs_to_the_group_of_its_topic() -> None:
    records: list[Record] = [
        {"record": "1", "query": "tea", "asked_by": ["s1"]},
        {"record": "2", "query": "milk", "asked_by": ["s1"]},
        {"record": "3", "query": "milk"},
        {"record": "4", "query": "rice"},
    ]
    groups = find_groups(asked_records(records, lambda record: str(record["query"])))
    names = [groups.group_of(record["record"], record["query"]) for record in records]
    assert names == ["milk", "milk", "milk", "rice"]


def test_a_user_of_many_records_in_train_outweighs_no_held_out_topic() -> None:
    users, topics = 200, 500
    asked = [
        Asked(f"{topic} {time}", f"t{topic}", (f"u{(7 * topic + time) % users}",), topic < 50)
        for topic in range(topics)
        for time in range(20)
    ]
    groups = find_groups(asked)
    held_out = {groups.group_of(row.record, row.topic) for row in asked if row.is_held_out}
    assert len(held_out) == 50


def test_a_question_of_train_has_one_group_whoever_asks_it_in_a_cut_chain() -> None:
    asked = [
        Asked(f"{user} {question}", f"t{question}", (f"u{user}",), question % 40 > 30)
        for user in range(40)
        for question in range(user, user + 12)
    ]
    groups = find_groups(asked)
    names: dict[str, set[str]] = {}
    for row in asked:
        if not row.is_held_out:
            names.setdefault(row.topic, set()).add(groups.group_of(row.record, row.topic))
    assert {len(own) for own in names.values()} == {1}
    assert len({*map(frozenset, names.values())}) == len(names)  # so the chain was cut
