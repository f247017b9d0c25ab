"""The embedder's examples say why they are alike, where they are from, and leak nothing."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from findtune.catalog import Text, read_catalog
from findtune.embedder.pairs import FEWEST_SCORED, Choices, divided, pairs
from findtune.errors import InputError
from findtune.records import Record
from findtune.scored_pairs import ScoredPair, read_scored_pairs
from findtune.splits import PARTS, Shares, fold, near, part

CUT = {"dev": 0.15, "test": 0.25, "fold": 0}
CHOICES: dict[str, Any] = {
    "catalogs": ["small", "medium"],
    "variables": CUT,
    "scored_pairs": CUT,
    "queries": 1,
    "negatives": 1,
    "labels": {
        "name_description": 0.9,
        "further_description": 0.8,
        "curated": 0.7,
        "generated": 0.6,
    },
}
SHARES = Shares(**CUT)
Corpus = tuple[list[Text], list[ScoredPair], list[ScoredPair]]


def key_in(name: str, stem: str = "key") -> str:
    """Return the first of stem 0, stem 1, ... whose hash falls into a part."""
    return next(key for at in count() if part(key := f"{stem} {at}", SHARES) == name)


def variable(dcid: str, catalog: str = "small", **texts: str | list[str]) -> list[Text]:
    """Return a variable's texts by role, each from a line of its own."""
    told = [
        (role, text)
        for role, its in texts.items()
        for text in ([its] if isinstance(its, str) else its)
    ]
    return [
        Text(dcid, catalog, role, text, f"data/{dcid}.csv:{line}")
        for line, (role, text) in enumerate(told, start=2)
    ]


MEN, WOMEN = key_in("train", "men"), key_in("train", "women")
SHIPS, TREES = key_in("dev", "ships"), key_in("test", "trees")
TRAIN = [
    *variable(MEN, name="Bread Eaters, Men", description="Men who eat.", generated="lads, crumbs"),
    *variable(WOMEN, name="Bread Eaters, Women", description="Women who eat."),
]
DEV = variable(SHIPS, name="Ships", description="Vessels afloat.", generated="boats at sea")
TEST = variable(TREES, name="Trees", description="Oaks and firs.", generated="woods and groves")


def made(
    texts: Sequence[Text] = (*TRAIN, *DEV, *TEST),
    scored: Sequence[ScoredPair] = (),
    guard: Sequence[ScoredPair] = (),
    **changes: Any,
) -> dict[str, list[Record]]:
    return pairs(texts, scored, guard, Choices(**CHOICES | changes))


def of_kind(kind: str, records: Iterable[Record]) -> list[Record]:
    return [it for it in records if it["kind"] == kind]


def learned(records: dict[str, list[Record]]) -> set[str]:
    """Return the texts that train brings together."""
    return {it[side] for it in of_kind("positive", records["train"]) for side in SIDES}


SIDES = ("anchor", "positive")


@pytest.fixture
def corpus(ten_line_corpus: Path) -> Corpus:
    """The corpus as `ingest` reads it: texts, scored pairs, guard pairs."""
    texts, _ = read_catalog(ten_line_corpus, longest_cell=1000)
    scored, _ = read_scored_pairs(ten_line_corpus / "finetuning", longest_cell=1000)
    guard, _ = read_scored_pairs(ten_line_corpus / "guard", longest_cell=1000)
    return texts, scored, guard


EVERY_ROLE = [
    *variable(
        MEN,
        name="Bread Eaters",
        description=["People who eat.", "Folk at table."],
        override="crusts first",
        curated="crumb lovers",
        generated="who likes loaves?",
    ),
    *DEV,
    *TEST,
]


@pytest.mark.parametrize(
    ("anchor", "positive", "label"),
    [
        ("People who eat.", "Bread Eaters", 0.9),
        ("Folk at table.", "Bread Eaters", 0.8),
        ("crusts first", "People who eat.", 0.7),
        ("crumb lovers", "Bread Eaters", 0.7),
        ("who likes loaves?", "People who eat.", 0.6),
    ],
)
def test_the_query_like_text_is_the_anchor_and_its_kind_gives_the_label(
    anchor: str, positive: str, label: float
) -> None:
    found = {it["anchor"]: it for it in made(EVERY_ROLE)["train"]}
    assert found[anchor]["positive"] == positive
    assert found[anchor]["label"] == label


def test_a_variable_gives_a_pair_for_each_text_but_its_name() -> None:
    assert len(made(EVERY_ROLE)["train"]) == 5


def test_a_text_is_never_paired_with_itself() -> None:
    twice = variable(MEN, name="Bread Eaters", description="bread eaters", generated="crumbs")
    assert [it["anchor"] for it in made([*twice, *DEV, *TEST])["train"]] == ["crumbs"]


def test_a_nameless_variable_is_known_by_its_description() -> None:
    nameless = variable(MEN, description="People who eat.", generated="crumb lovers")
    [found] = made([*nameless, *DEV, *TEST])["train"]
    assert (found["anchor"], found["positive"]) == ("crumb lovers", "People who eat.")


def test_every_record_tells_the_line_it_is_from(corpus: Corpus) -> None:
    texts, scored, guard = corpus
    lines = {(text.text, text.source) for text in texts}
    for name in PARTS:
        for it in pairs(*corpus, Choices(**CHOICES))[name]:
            assert all(re.fullmatch(r".+\.csv:\d+", source) for source in it["sources"])
            told = [it[side] for side in (*SIDES, "text") if side in it]
            assert set(zip(told, it["sources"], strict=False)) <= lines
    sources = {(one, two, source) for one, two, _, source in [*scored, *guard]}
    records = pairs(*corpus, Choices(**CHOICES))
    for it in [it for name in PARTS for it in records[name] if "sentence_1" in it]:
        assert (it["sentence_1"], it["sentence_2"], *it["sources"]) in sources


def test_a_negative_is_the_text_of_a_sibling_that_says_something_else(corpus: Corpus) -> None:
    texts_of = defaultdict(set)
    for text in corpus[0]:
        texts_of[text.dcid].add(text.text)
    records = pairs(*corpus, Choices(**CHOICES))
    found = [
        (it, other) for it in of_kind("positive", records["train"]) for other in it["negatives"]
    ]
    assert found
    for it, other in found:
        assert other["dcid"] != it["dcid"]
        assert other["text"] in texts_of[other["dcid"]]
        assert near(other["text"]) not in {near(text) for text in texts_of[it["dcid"]]}


def test_a_negative_is_in_the_positives_role_and_tells_what_differs() -> None:
    found = {it["anchor"]: it["negatives"] for it in made()["train"]}
    assert found["Men who eat."] == [
        {"dcid": WOMEN, "text": "Bread Eaters, Women", "differs": "men / women"}
    ]
    alternative = variable(MEN, name="Bread Eaters, Men", description="Men eat.", curated="lads")
    women = [text for text in TRAIN if text.dcid == WOMEN]
    found = {
        it["anchor"]: it["negatives"] for it in made([*alternative, *women, *DEV, *TEST])["train"]
    }
    assert [it["text"] for it in found["lads"]] == ["Women who eat."]


def test_a_variable_that_says_the_same_in_other_words_gives_no_negative() -> None:
    men = variable(MEN, name="Bread Eaters, Men", generated="the eaters of bread: women")
    women = variable(WOMEN, name="Bread Eaters, Women", generated="ladies and loaves")
    records = made([*men, *women, *DEV, *TEST])
    assert [it["negatives"] for it in records["train"]] == [[], []]


@pytest.mark.parametrize("name", ["dev", "test"])
def test_only_variables_of_train_give_negatives(name: str) -> None:
    women = key_in(name, "held out women")
    texts = [text._replace(dcid=women) if text.dcid == WOMEN else text for text in TRAIN]
    records = made([*texts, *DEV, *TEST])
    assert records["train"]
    assert all(it["negatives"] == [] for it in records["train"])


def test_no_negatives_are_given_where_none_are_asked_for() -> None:
    assert all(it["negatives"] == [] for it in made(negatives=0)["train"])


@pytest.mark.parametrize("held_out", [DEV, TEST])
@pytest.mark.parametrize("change", ["{}", "The {}!", " of {}  "])
def test_a_text_that_a_held_out_variable_has_too_is_not_learned(
    held_out: list[Text], change: str
) -> None:
    for text in held_out:
        shared = change.format(text.text.rstrip("."))
        leaky = [*TRAIN, *variable(MEN, generated=shared), *DEV, *TEST]
        records = made(leaky)
        assert shared not in learned(records)
        assert records["certificate"][0]["left_out"]["train"] == 1
        assert learned(records) == learned(made())


def test_no_negative_is_a_text_of_a_held_out_variable() -> None:
    trees = [*TEST, *variable(TREES, curated="Women: Bread Eaters")]
    records = made([*TRAIN, *DEV, *trees])
    assert of_kind("positive", records["train"])
    given = {near(other["text"]) for it in records["train"] for other in it["negatives"]}
    assert not given & {near(text.text) for text in trees}


def test_a_query_of_dev_that_test_has_too_is_left_to_test() -> None:
    ships = [*DEV, *variable(SHIPS, curated="Groves and woods")]
    records = made([*TRAIN, *ships, *TEST])
    assert [it["text"] for it in of_kind("query", records["dev"])] == ["boats at sea"]
    assert records["certificate"][0]["left_out"]["dev"] == 1


SCORED = [
    ScoredPair(key_in("test", "a"), key_in("train", "b"), 0.5, "data/pairs.csv:2"),
    ScoredPair(key_in("train", "c"), key_in("train", "d"), 0.5, "data/pairs.csv:3"),
]


@pytest.mark.parametrize("name", PARTS)
def test_the_hash_of_the_first_sentence_decides_a_scored_pairs_part(name: str) -> None:
    pairs = [
        ScoredPair(key_in(name, f"left {at}"), f"right {at}", 0.5, f"data/pairs.csv:{at}")
        for at in range(FEWEST_SCORED)
    ]
    records = made(scored=pairs)
    assert [len(of_kind("scored", records[other])) for other in PARTS] == [
        FEWEST_SCORED * (other == name) for other in PARTS
    ]


def test_scored_pairs_too_few_for_dev_to_judge_by_teach_instead() -> None:
    pair = ScoredPair(key_in("dev", "left"), "right", 0.5, "data/pairs.csv:2")
    records = made(scored=[pair])
    assert [len(of_kind("scored", records[name])) for name in PARTS] == [1, 0, 0]


def test_a_held_out_pair_in_the_other_order_is_not_learned() -> None:
    mirror = ScoredPair(SCORED[0].sentence_2, SCORED[0].sentence_1, 0.5, "data/pairs.csv:4")
    records = made(scored=[*SCORED, mirror])
    assert [it["sources"] for it in of_kind("scored", records["train"])] == [["data/pairs.csv:3"]]
    assert [it["sources"] for it in of_kind("scored", records["test"])] == [["data/pairs.csv:2"]]
    assert records["certificate"][0]["left_out"]["train"] == 1


def test_a_scored_pair_that_holds_a_held_out_query_is_not_learned() -> None:
    telling = ScoredPair(key_in("train", "c"), "The woods and the groves", 1, "data/pairs.csv:4")
    records = made(scored=[*SCORED, telling])
    assert [it["sources"] for it in of_kind("scored", records["train"])] == [["data/pairs.csv:3"]]


def test_a_held_out_pair_tells_whether_a_sentence_of_it_is_learned() -> None:
    other = ScoredPair(SCORED[1].sentence_1, "else", 0.5, "data/pairs.csv:4")
    seen = ScoredPair(key_in("test", "e"), SCORED[1].sentence_2.upper(), 0.5, "data/pairs.csv:5")
    records = made(scored=[*SCORED, other, seen])
    told = {it["sources"][0]: it["seen"] for it in of_kind("scored", records["test"])}
    assert told == {"data/pairs.csv:2": False, "data/pairs.csv:5": True}


def test_held_out_alternatives_are_asked_and_stand_in_no_document(corpus: Corpus) -> None:
    records = pairs(*corpus, Choices(**CHOICES | {"queries": 0.5}))
    asked = {it["text"] for name in ("dev", "test") for it in of_kind("query", records[name])}
    searched = {it["text"] for it in records["documents"]}
    assert asked
    assert not asked & searched
    assert asked | searched == {text.text for text in corpus[0]}


def test_every_variable_stays_in_the_documents(corpus: Corpus) -> None:
    records = pairs(*corpus, Choices(**CHOICES))
    assert {it["dcid"] for it in records["documents"]} == {text.dcid for text in corpus[0]}


def test_a_held_out_variable_asks_one_alternative_at_least() -> None:
    assert len(of_kind("query", made(queries=1e-9)["test"])) == 1


def test_an_alternative_that_repeats_the_name_is_never_asked() -> None:
    trees = [*TEST, *variable(TREES, curated="TREES!")]
    records = made([*TRAIN, *DEV, *trees])
    assert [it["text"] for it in of_kind("query", records["test"])] == ["woods and groves"]


SHARED = [*TRAIN, *DEV, *TEST, *variable(WOMEN, curated="Woods and Groves")]


def test_a_query_that_names_two_variables_lists_both() -> None:
    [query] = of_kind("query", made(SHARED)["test"])
    assert query["dcids"] == sorted([TREES, WOMEN])


def test_a_query_that_names_two_variables_stands_in_no_document() -> None:
    [query] = of_kind("query", made(SHARED)["test"])
    assert fold(query["text"]) not in {fold(it["text"]) for it in made(SHARED)["documents"]}


def test_a_query_asks_for_no_variable_of_a_catalog_that_is_left_out() -> None:
    other = variable(WOMEN, catalog="medium", name="Forest", generated="woods and groves")
    men = [text for text in TRAIN if text.dcid == MEN]
    records = made([*men, *DEV, *TEST, *other], catalogs=["small"])
    assert {it["dcid"] for it in records["documents"]} == {MEN, SHIPS, TREES}
    assert [it["dcids"] for it in of_kind("query", records["test"])] == [[TREES]]


def test_a_query_tells_the_catalog_of_its_variable() -> None:
    trees = [text._replace(catalog="medium") for text in TEST]
    records = made([*TRAIN, *DEV, *trees])
    assert [it["catalog"] for it in of_kind("query", records["dev"])] == ["small"]
    assert [it["catalog"] for it in of_kind("query", records["test"])] == ["medium"]


DOOR = "He shut the door."
GUARD = [ScoredPair(f"{DOOR} {n}", f"Soup {n}", 0.1, f"data/guard.csv:{n + 2}") for n in range(9)]


def test_guard_pairs_are_shared_out_to_dev_and_test_and_never_learned() -> None:
    records = made(guard=GUARD)
    held = {name: of_kind("guard", records[name]) for name in PARTS}
    assert held["train"] == []
    assert held["dev"]
    assert held["test"]
    assert len(held["dev"] + held["test"]) == len(GUARD)


@pytest.mark.parametrize("text", ["he shut the door 3", "He shuts doors 4", "soup, 5"])
def test_a_near_duplicate_of_a_guard_sentence_is_not_learned(text: str) -> None:
    records = made([*TRAIN, *variable(MEN, generated=text), *DEV, *TEST], guard=GUARD)
    assert text not in learned(records)
    assert records["certificate"][0]["left_out"]["train"] == 1


def test_a_guard_pair_that_is_scored_too_is_not_learned() -> None:
    pair = next(pair for pair in GUARD if part(fold(pair.sentence_1), SHARES) == "train")
    records = made(scored=[*SCORED, pair._replace(source="data/pairs.csv:4")], guard=GUARD)
    assert [it["sources"] for it in of_kind("scored", records["train"])] == [["data/pairs.csv:3"]]


@pytest.mark.parametrize(
    ("texts", "missing"),
    [
        ([*DEV, *TEST], "no positive for train"),
        ([*TRAIN, *TEST], "no query for dev"),
        ([*TRAIN, *DEV], "no query for test"),
        ([*TRAIN, *DEV, *variable(TREES, name="Trees")], "no query for test"),
        ([], "no positive for train"),
    ],
)
def test_a_part_with_nothing_in_it_is_told_with_a_remedy(texts: list[Text], missing: str) -> None:
    with pytest.raises(InputError, match=missing) as told:
        made(texts)
    assert "add variables" in str(told.value)


@pytest.mark.parametrize("number", range(4))
def test_no_fold_leaks(corpus: Corpus, number: int) -> None:
    cut = {"dev": 0.25, "test": 0.25, "fold": number}
    choices = Choices(**CHOICES | {"variables": cut, "scored_pairs": cut})
    [certificate] = pairs(*corpus, choices)["certificate"]
    counts = [n for shared in certificate["shared"].values() for n in shared.values()]
    assert counts == [0] * 12


def test_the_folds_ask_of_every_variable_once(corpus: Corpus) -> None:
    tested: list[str] = []
    for number in range(4):
        choices = Choices(**CHOICES | {"variables": CUT | {"fold": number}})
        tested += [one.dcid for one in divided(corpus[0], choices)["test"]]
    assert sorted(tested) == sorted({text.dcid for text in corpus[0]})


VOCABULARY = st.sampled_from(["bread", "breads", "men", "the", "of", "ships", "25"])
WORDS = st.lists(VOCABULARY, min_size=1, max_size=3)
TEXTS = st.lists(
    st.builds(
        lambda dcid, role, words: Text(f"v/{dcid}", "small", role, " ".join(words), "data/v.csv:2"),
        st.integers(0, 30),
        st.sampled_from(["name", "description", "curated", "generated"]),
        WORDS,
    ),
    max_size=60,
)
PAIRS = st.lists(
    st.builds(
        lambda one, two: ScoredPair(" ".join(one), " ".join(two), 0.5, "data/p.csv:2"), WORDS, WORDS
    ),
    max_size=10,
)


@settings(max_examples=150, deadline=None)
@given(texts=TEXTS, scored=PAIRS, guard=PAIRS)
def test_nothing_leaks_however_much_the_texts_repeat_each_other(
    texts: list[Text], scored: list[ScoredPair], guard: list[ScoredPair]
) -> None:
    whole = [*variable(MEN, name="Zebra", generated="stripes"), *DEV, *TEST, *texts]
    try:
        [certificate] = made(whole, scored, guard)["certificate"]
    except InputError as error:
        assert "leaves no" in str(error)  # the random texts may close all that train has
    else:
        assert not any(n for shared in certificate["shared"].values() for n in shared.values())


@settings(max_examples=50, deadline=None)
@given(added=st.integers(0, 10_000))
def test_a_new_variable_moves_no_other_to_another_part(added: int) -> None:
    old = [text for at in range(20) for text in variable(f"old/{at}", name=f"Old {at}")]
    new = variable(f"new/{added}", name="New", generated="newer")
    choices = Choices(**CHOICES)
    before = divided(old, choices)
    after = divided([*new, *old], choices)
    for name in PARTS:
        assert [one for one in after[name] if not one.dcid.startswith("new/")] == before[name]
