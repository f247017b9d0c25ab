"""The reranker's pairs: nothing of a held-out question is learned, and every gain has a reason."""

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from findtune import params
from findtune.errors import InputError
from findtune.files import read_jsonl, read_lines, write_json, write_jsonl
from findtune.records import Record
from findtune.reranker import pairs as reranker_pairs
from findtune.reranker.pairs import Choices, part_of, shown, write
from findtune.splits import PARTS, Shares, near

CUT = {"dev": 0.2, "test": 0.3, "fold": 0}
CHOICES: dict[str, Any] = {
    "lists": CUT,
    "gains": [3, 2, 1],
    "examined": 1.0,
    "unexamined": 0.5,
    "random_negatives": 2,
    "titles": {"lists": 0, "neighbours": 2},
}


def url(name: object) -> str:
    return f"https://example.org/{name}"


def source(name: str, title: str = "", snippet: str = "") -> dict[str, str]:
    return {"url": url(name), "title": title or f"On {name}.", "snippet": snippet or f"All {name}"}


def asked(query: str, shown: str = "abcdef", picks: str = "c", number: int = 1) -> Record:
    """Return a clean list: a letter is a source."""
    return {
        "query": query,
        "record": f"feedback.json:{number}",
        "sources": [source(name) for name in shown],
        "picks": [url(name) for name in picks],
        "refused": [],
    }


def question_in(part: str, words: str = "question") -> str:
    """Return a question that the split puts into a part."""
    asks = (f"{words} {number}" for number in count())
    return next(ask for ask in asks if part_of({"query": ask}, Shares(**CUT)) == part)


ONE_EACH = [asked(question_in(name), number=at) for at, name in enumerate(PARTS, start=1)]
TRAIN, DEV, TEST = ONE_EACH


def written(
    folder: Path, lists: list[Record], judged: dict[str, dict[str, int]] | None = None, **more: Any
) -> dict[str, list[Record]]:
    """Return the records of each part that are made of clean lists."""
    write_jsonl(folder / "clean" / "reranker.jsonl", lists)
    write_json(folder / "clean" / "judgments.json", judged or {})
    write(folder / "clean", folder / "pairs", Choices(**CHOICES | more))
    return {name: read_jsonl(folder / "pairs" / f"{name}.jsonl") for name in PARTS}


def labels(record: Record) -> list[tuple[str, float, float, str]]:
    """Return what each source of a list is worth, and why."""
    its = record["sources"]
    return [(it["url"][-1], it["gain"], it["weight"], it["why"]) for it in its]


# Which part a list is in


def test_each_list_stands_in_the_part_that_the_hash_of_its_questions_stems_decides(
    tmp_path: Path,
) -> None:
    lists = [asked(f"question {at}", number=at) for at in range(40)]
    found = written(tmp_path, lists)
    for name in PARTS:
        wanted = [it["query"] for it in lists if part_of(it, Shares(**CUT)) == name]
        assert [it["query"] for it in found[name]] == wanted


WORDS = st.lists(st.sampled_from(["tea", "rice", "pay", "men", "2019"]), min_size=1, max_size=4)


@settings(max_examples=100, deadline=None)
@given(words=WORDS, order=st.randoms(use_true_random=False), fold=st.integers(0, 5))
def test_near_same_questions_are_never_on_both_sides(
    words: list[str], order: Any, fold: int
) -> None:
    again = [f"{word}s" if word == "tea" else word.upper() for word in words]
    order.shuffle(again)
    shares = Shares(**CUT | {"fold": fold})
    one, other = " ".join(words), f"  The {' of '.join(again)}?!"
    assert near(one) == near(other)
    assert part_of({"query": one}, shares) == part_of({"query": other}, shares)


def test_the_folds_test_every_question_once() -> None:
    choices = Choices(**CHOICES)
    folds = [choices.cut(0.2, fold).lists for fold in range(5)]
    for at in range(50):
        parts = [part_of({"query": f"question {at}"}, shares) for shares in folds]
        assert parts.count("test") == 1
    assert choices.cut(0.2, 1).gains == choices.gains


@settings(max_examples=20, deadline=None)
@given(added=st.lists(st.integers(100, 999), min_size=1, max_size=5, unique=True))
def test_rows_appended_move_no_old_list(
    tmp_path_factory: pytest.TempPathFactory, added: list[int]
) -> None:
    old = [*ONE_EACH, *(asked(f"old {at}", number=at) for at in range(10, 20))]
    new = [asked(f"new {at}", number=at) for at in added]
    before = written(tmp_path_factory.mktemp("before"), old)
    after = written(tmp_path_factory.mktemp("after"), [*old, *new])
    for name in PARTS:
        queries = [it["query"] for it in after[name] if not it["query"].startswith("new")]
        assert queries == [it["query"] for it in before[name]]
    assert [it for it in after["test"] if it["query"].startswith("old")] == [
        it for it in before["test"] if it["query"].startswith("old")
    ]


def test_the_certificate_counts_nothing_shared_and_all_that_there_is(tmp_path: Path) -> None:
    found = titled(tmp_path, 9, 1)
    certificate = json.loads((tmp_path / "pairs" / "certificate.json").read_bytes())
    assert set(certificate["shared"]["questions"].values()) == {0}
    assert len(certificate["shared"]["questions"]) == 3
    records = certificate["records"]
    assert records["train"] == {"list": 1, "judged": 0, "title": len(found)}
    assert records["dev"] == records["test"] == {"list": 1, "judged": 0}


@pytest.mark.parametrize("name", PARTS)
def test_an_empty_part_is_told_with_a_remedy(tmp_path: Path, name: str) -> None:
    lists = [it for it in ONE_EACH if part_of(it, Shares(**CUT)) != name]
    with pytest.raises(InputError, match=f"leaves no list for {name}; add feedback, or") as told:
        written(tmp_path, lists)
    assert "reranker.jsonl" in str(told.value)
    assert not (tmp_path / "pairs").exists()


def test_the_same_lists_give_the_same_bytes(tmp_path: Path) -> None:
    lists = [asked(f"question {at}", number=at) for at in range(20)]
    outputs = []
    for name in ("one", "two"):
        written(tmp_path / name, lists, titles={"lists": 3, "neighbours": 2})
        paths = sorted((tmp_path / name / "pairs").iterdir())
        outputs.append([(path.name, path.read_bytes()) for path in paths])
    assert outputs[0] == outputs[1]
    assert [name for name, _ in outputs[0]] == [
        "certificate.json",
        *sorted(f"{it}.jsonl" for it in PARTS),
    ]


# What a source is worth


def test_picks_gain_by_their_order_and_the_rest_counts_by_its_place(tmp_path: Path) -> None:
    [found] = written(tmp_path, [TRAIN, DEV, asked(TEST["query"], picks="eb")])["test"]
    assert labels(found) == [
        ("a", 0, 1.0, "passed over"),
        ("b", 2, 1.0, "picked second"),
        ("c", 0, 1.0, "passed over"),
        ("d", 0, 1.0, "passed over"),
        ("e", 3, 1.0, "picked first"),
        ("f", 0, 0.5, "below the last pick"),
    ]


def test_picks_beyond_the_gains_gain_as_the_last_and_are_called_what_they_are(
    tmp_path: Path,
) -> None:
    [found] = written(tmp_path, [TRAIN, DEV, asked(TEST["query"], picks="fdbac")])["test"]
    picked = {name: (gain, why) for name, gain, _, why in labels(found) if gain}
    assert picked == {
        "f": (3, "picked first"),
        "d": (2, "picked second"),
        "b": (1, "picked third"),
        "a": (1, "picked"),
        "c": (1, "picked"),
    }
    lists = [TRAIN, DEV, asked(TEST["query"], picks="fd")]
    [found] = written(tmp_path, lists, gains=[1])["test"]
    assert {why for *_, why in labels(found)} == {"picked first", "picked second", "passed over"}


def test_a_list_keeps_its_order_its_record_and_its_texts(tmp_path: Path) -> None:
    told = asked(TEST["query"], number=7)
    told["sources"][0] = source("a", title="Tea.", snippet="Cups drunk.")
    told["sources"][1] |= {"title": "Bare"} | {"snippet": ""}
    told["sources"][2] |= {"title": ""} | {"snippet": "No title."}
    [found] = written(tmp_path, [TRAIN, DEV, told])["test"]
    assert (found["kind"], found["record"], found["picks"]) == (
        "list",
        "feedback.json:7",
        [url("c")],
    )
    assert [it["url"] for it in found["sources"]] == [url(name) for name in "abcdef"]
    assert [it["title"] for it in found["sources"][:4]] == ["Tea.", "Bare", "", "On d."]
    texts = [it["text"] for it in found["sources"]]
    assert texts == [
        "Tea. Cups drunk.",
        "Bare",
        "No title.",
        "On d. All d",
        "On e. All e",
        "On f. All f",
    ]


def test_a_source_is_seen_where_train_shows_it(tmp_path: Path) -> None:
    found = written(tmp_path, [TRAIN, DEV, asked(TEST["query"], shown="abxy", picks="x")])
    assert [it["seen"] for it in found["test"][0]["sources"]] == [True, True, False, False]
    assert all(it["seen"] for it in found["train"][0]["sources"])


def test_judgments_land_on_the_question_they_are_of(tmp_path: Path) -> None:
    judged = {TEST["query"]: {url("a"): 3, url("c"): 0}, "of nobody": {url("a"): 1}}
    found = written(tmp_path, ONE_EACH, judged)
    assert found["test"][0]["judged"] == judged[TEST["query"]]
    assert found["train"][0]["judged"] == found["dev"][0]["judged"] == {}


@pytest.mark.parametrize(
    ("key", "value"),
    [("gains", []), ("gains", [0]), ("gains", [3, -1]), ("examined", -1), ("random_negatives", -1)],
)
def test_a_choice_that_teaches_nothing_is_refused(tmp_path: Path, key: str, value: Any) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({"pair": {**CHOICES, key: value}}), encoding="utf-8")
    with pytest.raises(InputError, match=rf"pair\.{key}"):
        params.read("pair", Choices, path)


# What only train has


def strange(record: Record) -> list[Record]:
    return [it for it in record["sources"] if it["why"] == "drawn at random"]


MORE = [
    asked(question_in("train", word), shown, number=at)
    for at, (word, shown) in enumerate(
        [("tea", "abc"), ("rice", "cdefg"), ("pay", "hijc"), ("rent", "klmc")], start=11
    )
]
FAR = [asked(question_in(name, "far"), "stuvc", "s", number=20) for name in ("dev", "test")]


def test_random_negatives_are_of_train_and_not_of_the_list(tmp_path: Path) -> None:
    found = written(tmp_path, [*MORE, *FAR])
    learned = {it["url"] for one in MORE for it in one["sources"]}
    for record, one in zip(found["train"], MORE, strict=True):
        drawn = {it["url"] for it in strange(record)}
        assert len(drawn) == len(strange(record)) == 2
        assert drawn <= learned - {it["url"] for it in one["sources"]}
        assert {(it["gain"], it["weight"]) for it in strange(record)} == {(0, 1)}
        shown = [it["url"] for it in record["sources"] if it["shown"]]
        assert shown == [it["url"] for it in one["sources"]]
    assert not [it for name in ("dev", "test") for one in found[name] for it in strange(one)]


@settings(max_examples=50, deadline=None)
@given(shown=st.lists(st.sampled_from("abcdefghc"), min_size=2, max_size=9, unique=True))
def test_a_random_negative_is_never_shown_whatever_the_list(
    tmp_path_factory: pytest.TempPathFactory, shown: list[str]
) -> None:
    lists = [asked(TRAIN["query"], "".join(shown), shown[0], 3), *MORE, DEV, TEST]
    found = written(tmp_path_factory.mktemp("lists"), lists, random_negatives=4)
    drawn = {it["url"] for it in strange(found["train"][0])}
    assert len(drawn) == 4
    assert not drawn & {url(name) for name in shown}


def test_random_negatives_come_from_all_of_a_log_and_not_from_its_first_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reranker_pairs, "POOL", 8)
    shares = Shares(**CHOICES["lists"])
    log = [{"query": f"day {at}", "sources": [{"url": url(f"p{at}")}]} for at in range(200)]
    days = [it for it in log if part_of(it, shares) == "train"]
    kept = reranker_pairs.survey(days, shares).pool
    again = reranker_pairs.survey(days[::-1], shares).pool
    assert len(kept) == 8
    assert kept.keys() == again.keys()
    assert list(kept) == [it["sources"][0]["url"] for it in days if it["sources"][0]["url"] in kept]
    places = [at for at, it in enumerate(days) if it["sources"][0]["url"] in kept]
    assert max(places) > len(days) / 2


def test_random_negatives_are_as_many_as_there_are(tmp_path: Path) -> None:
    found = written(tmp_path, [*MORE, *FAR], random_negatives=99)
    whole = {it["url"] for one in MORE for it in one["sources"]}
    for record, one in zip(found["train"], MORE, strict=True):
        assert {it["url"] for it in record["sources"]} == whole
        assert len(record["sources"]) == len(one["sources"]) + len(strange(record))
    assert all(not strange(it) for it in written(tmp_path, ONE_EACH)["train"])
    assert not any(map(strange, written(tmp_path, [*MORE, *FAR], random_negatives=0)["train"]))


def test_random_negatives_are_the_records_own(tmp_path: Path) -> None:
    def drawn(name: str, lists: list[Record]) -> dict[str, list[str]]:
        found = written(tmp_path / name, [*lists, *FAR])["train"]
        return {it["record"]: [one["url"] for one in strange(it)] for it in found}

    many = [asked(question_in("train", "many"), "abcdefghijklm", "a", number=1)]
    twins = [asked(question_in("train", "twin"), "nop", "n", number=at) for at in range(2, 8)]
    first = drawn("first", [*many, *twins])
    assert drawn("again", [*many, *twins]) == first
    assert drawn("turned", [*many, *twins[::-1]]) == first
    assert len({tuple(its) for its in first.values()}) > 1


TITLES = [
    source("a", "Tea drunk by men", "How many cups of tea men drink."),
    source("b", "Tea drunk by women", "How many cups of tea women drink."),
    source("c", "Tea grown", "How much tea is grown."),
    source("d", "Rent", "What flats cost."),
    source("e", "Bare tea") | {"snippet": ""},
]


def titled(tmp_path: Path, lists: int, neighbours: int) -> list[Record]:
    learned = TRAIN | {"sources": TITLES, "picks": [url("a")]}
    far = [it | {"sources": [source("x", "Tea of dev", "Tea."), *TITLES[:1]]} for it in (DEV, TEST)]
    far = [it | {"picks": [url("x")]} for it in far]
    found = written(tmp_path, [learned, *far], titles={"lists": lists, "neighbours": neighbours})
    assert not [it for name in ("dev", "test") for it in found[name] if it["kind"] != "list"]
    return [it for it in found["train"] if it["kind"] == "title"]


def test_a_title_asks_for_its_own_snippet_among_those_most_like_it(tmp_path: Path) -> None:
    found = {it["query"]: it["sources"] for it in titled(tmp_path, 9, 2)}
    # nothing is like rent, and a source without a snippet has nothing to be found by
    assert set(found) == {"Tea drunk by men", "Tea drunk by women", "Tea grown"}
    for at, name in enumerate(("Tea drunk by men", "Tea drunk by women", "Tea grown")):
        own, *others = found[name]
        assert own["text"] == TITLES[at]["snippet"]
        assert (own["gain"], own["weight"], own["why"]) == (1, 1, "its own snippet")
        assert [(it["gain"], it["why"]) for it in others] == [(0, "a like source's snippet")] * 2
        assert own["url"] not in {it["url"] for it in others}
        assert {it["url"] for it in others} <= {url(name) for name in "abc"}


def test_titles_are_as_many_as_asked_for_and_chosen_by_hash(tmp_path: Path) -> None:
    whole = [it["query"] for it in titled(tmp_path, 9, 2)]
    assert [len(titled(tmp_path, number, 1)) for number in (0, 1)] == [0, 1]
    assert [it["query"] for it in titled(tmp_path, 9, 1)] == whole
    assert {len(it["sources"]) for it in titled(tmp_path, 9, 1)} == {2}


def test_lines_are_read_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "lists.jsonl"
    path.write_text('{"query": "wie süß?"}\nbroken off', encoding="utf-8")
    assert next(read_lines(path)) == {"query": "wie süß?"}
    with pytest.raises(json.JSONDecodeError):
        read_jsonl(path)


def test_shown_tells_file_record_and_why(tmp_path: Path) -> None:
    titled(tmp_path, 9, 2)
    told = "\n".join(shown(tmp_path / "pairs", 1))
    assert "list: 1 in train" in told
    assert f"  {TRAIN['query']}   (feedback.json, record 1)" in told
    assert "gain 3, weight 1: picked first" in told
    assert "gain 0, weight 0.5: below the last pick" in told
    assert "Tea drunk by men. How many cups of tea men drink." in told
    assert "title: 3 in train" in told
    assert "gain 1, weight 1: its own snippet" in told
    assert "gain 0, weight 1: a like source's snippet" in told
    assert told.count("its own snippet") == 1
    assert len("\n".join(shown(tmp_path / "pairs", 3)).split("its own snippet")) == 1 + 3
