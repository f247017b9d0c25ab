"""The examples say where they come from, and no split leaks into another one."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findtune.core.errors import InputError
from findtune.core.files import read_json, read_jsonl, write_jsonl
from findtune.core.records import Record
from findtune.core.text import near_duplicate_key, normalize
from findtune.embedder.prepare.examples import (
    CleanData,
    Examples,
    PrepareSettings,
    build_examples,
    preview_lines,
    write_examples,
)
from findtune.embedder.prepare.scored_pairs import MIN_DEV_PAIRS, ScoredPair, read_pairs
from findtune.embedder.prepare.variables import CatalogText, read_catalog
from findtune.examples.splits import SPLITS, SplitShares, assign_split

Build = Callable[..., Examples]
SHARES = SplitShares(dev=0.15, test=0.25, fold=0)  # as in the fixture `settings`
FEEDS = ("catalog", "feedback")
NONE = {"dev": 0, "test": 1e-9, "fold": 0}  # shares that hold nothing out


def key_in(split: str, stem: str = "key") -> str:
    """Return the first of stem 0, stem 1, ... whose hash falls into a split."""
    return next(key for n in count() if assign_split(key := f"{stem} {n}", SHARES) == split)


def variable(dcid: str, catalog: str = "small", **texts: str) -> list[CatalogText]:
    """Return a variable's texts by role; `|` separates several texts of one role."""
    flat = [(role, text) for role, cell in texts.items() for text in cell.split("|")]
    return [CatalogText(dcid, catalog, *pair, f"{dcid}:{n}") for n, pair in enumerate(flat)]


MEN, WOMEN = key_in("train", "men"), key_in("train", "women")
SHIPS, TREES = key_in("dev", "ships"), key_in("test", "trees")
EATERS = variable(MEN, name="Bread Eaters, Men", description="Men who eat.", generated="lads")
EATERESSES = variable(WOMEN, name="Bread Eaters, Women", description="Women who eat.")
TRAIN = [*EATERS, *EATERESSES]
DEV = variable(SHIPS, name="Ships", description="Vessels afloat.", generated="boats at sea")
TEST = variable(TREES, name="Trees", description="Oaks and firs.", generated="woods and groves")
SCORED = [
    ScoredPair(key_in("test", "a"), key_in("train", "b"), 0.5, "pairs.csv:2"),
    ScoredPair(key_in("train", "c"), key_in("train", "d"), 0.5, "pairs.csv:3"),
]
GUARD = [ScoredPair(f"He shut the door. {n}", f"Soup {n}", 0.1, f"guard:{n}") for n in range(9)]


@pytest.fixture(scope="module")
def build(settings: dict[str, Any]) -> Build:
    """Build examples of texts, pairs and lists; `changes` are settings.

    Unless `wordings` is given, only whole variables are held out.
    """

    def build_from(
        texts: Sequence[CatalogText] = (*TRAIN, *DEV, *TEST),
        scored: Sequence[ScoredPair] = (),
        guard: Sequence[ScoredPair] = (),
        guard_queries: Sequence[Record] = (),
        ranked_lists: Sequence[Record] = (),
        **changes: Any,
    ) -> Examples:
        data = CleanData(texts, scored, guard, guard_queries, ranked_lists)
        values = settings | {"wordings": NONE} | changes
        return build_examples(data, PrepareSettings(**values))

    return build_from


@pytest.fixture(scope="module")
def corpus(clean: Path) -> CleanData:
    pairs, guard = (read_pairs(clean / f"{name}.jsonl") for name in ("sentence_pairs", "guard"))
    return CleanData(read_catalog(clean / "catalog.jsonl"), pairs, guard)


def of_kind(kind: str, examples: Examples, split: str) -> list[Record]:
    return [record for record in examples.records[split] if record["kind"] == kind]


def queries(examples: Examples, split: str) -> list[str]:
    return [record["text"] for record in of_kind("query", examples, split)]


def sources(kind: str, examples: Examples, split: str) -> list[str]:
    return [source for record in of_kind(kind, examples, split) for source in record["sources"]]


def leaks(examples: Examples) -> list[int]:
    """Return the numbers of things that two splits share."""
    return [n for shared in examples.leak_report["shared"].values() for n in shared.values() if n]


# Positive pairs and their hard negatives


def test_each_text_but_the_name_is_the_anchor_of_a_pair_labelled_by_its_role(build: Build) -> None:
    texts = {"override": "crusts first", "curated": "crumb lovers", "generated": "loaves?"}
    eaters = variable(MEN, name="Eaters", description="People who eat.|Folk at table.", **texts)
    train = build([*eaters, *DEV, *TEST]).records["train"]
    pairs = [(row["anchor"], row["positive"], row["label"], row["why"]) for row in train]
    assert pairs[:5] == [
        ("People who eat.", "Eaters", 0.9, "description and name"),
        ("Folk at table.", "Eaters", 0.8, "further description and name"),
        ("crusts first", "People who eat.", 0.7, "override alternative and description"),
        ("crumb lovers", "Eaters", 0.7, "curated alternative and name"),
        ("loaves?", "Eaters", 0.6, "generated alternative and name"),
    ]
    # three alternatives form a ring, in which each is paired with the next
    assert {row[0] for row in pairs[5:]} == {row[1] for row in pairs[5:]} == {*texts.values()}
    assert {row[3] for row in pairs[5:]} == {"two alternatives"}
    assert sorted(row[2] for row in pairs[5:]) == [0.6, 0.6, 0.7]
    lines = {text.text: text.source for text in eaters}
    for row in train:
        assert row["sources"] == [lines[row["anchor"]], lines[row["positive"]]]


def test_a_text_is_not_paired_with_itself_and_a_description_stands_in_for_a_name(
    build: Build,
) -> None:
    same = variable(MEN, name="Eaters", description="eaters", generated="crumbs")
    nameless = variable(WOMEN, description="People who eat.", generated="loaf lovers")
    train = build([*same, *nameless, *DEV, *TEST]).records["train"]
    pairs = {row["anchor"]: normalize(row["positive"]) for row in train}
    assert pairs == {"crumbs": "eaters", "loaf lovers": "people who eat"}


def test_a_hard_negative_has_the_role_of_the_positive_and_says_what_differs(build: Build) -> None:
    men = variable(MEN, name="Bread Eaters, Men", description="Men eat.", curated="lads")
    train = build([*men, *EATERESSES, *DEV, *TEST]).records["train"]
    negatives = {record["anchor"]: record["negatives"] for record in train}
    sibling = {"dcid": WOMEN, "differs": "men / women"}
    assert negatives["Men eat."] == [sibling | {"text": "Bread Eaters, Women"}]
    assert negatives["lads"] == [sibling | {"text": "Women who eat."}]


@pytest.mark.parametrize("case", ["dev", "test", "none wanted", "synonyms"])
def test_where_nothing_may_be_a_hard_negative_there_is_none(build: Build, case: str) -> None:
    women = EATERESSES
    if case in SPLITS:
        women = [text._replace(dcid=key_in(case, "held out women")) for text in EATERESSES]
    if case == "synonyms":
        women = [*EATERESSES, *variable(WOMEN, generated="the men who eat bread")]
    wanted = 0 if case == "none wanted" else 1
    train = build([*EATERS, *women, *DEV, *TEST], hard_negatives=wanted).records["train"]
    assert train
    assert all(record["negatives"] == [] for record in train)


# Leaks


def test_no_hard_negative_is_a_text_of_a_held_out_variable(build: Build) -> None:
    trees = variable(TREES, curated="Women: Bread Eaters")
    train = build([*TRAIN, *DEV, *TEST, *trees]).records["train"]
    texts = [negative["text"] for record in train for negative in record["negatives"]]
    assert train
    assert "Bread Eaters, Women" not in texts


@pytest.mark.parametrize(
    "text",
    [change.format(text.text) for text in (*DEV, *TEST) for change in ("{}", "The {}!", " of {}  ")]
    + ["he shut the door 3", "He shuts doors 4", "soup, 5"],
)
def test_near_duplicates_of_held_out_texts_and_guard_sentences_are_not_trained_on(
    build: Build, text: str
) -> None:
    examples = build([*TRAIN, *variable(MEN, generated=text), *DEV, *TEST], guard=GUARD)
    assert sources("positive", examples, "train") == sources("positive", build(), "train")
    assert examples.leak_report["left_out"]["train"] == 1


def test_a_query_of_both_dev_and_test_stays_in_test_only(build: Build) -> None:
    ships = [*DEV, *variable(SHIPS, curated="Groves and woods")]
    examples = build([*TRAIN, *ships, *TEST])
    assert queries(examples, "dev") == ["boats at sea"]
    assert queries(examples, "test") == ["woods and groves"]
    assert examples.leak_report["left_out"]["dev"] == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(SCORED[0].sentence_2, SCORED[0].sentence_1, id="held-out pair, reversed"),
        pytest.param(SCORED[1].sentence_1, "The woods and the groves", id="held-out query"),
        pytest.param(GUARD[3].sentence_2, GUARD[3].sentence_1, id="guard pair, reversed"),
    ],
)
def test_a_scored_pair_that_leaks_is_not_trained_on(build: Build, first: str, second: str) -> None:
    assert assign_split(normalize(first), SHARES) == "train"
    examples = build(scored=[*SCORED, ScoredPair(first, second, 0.5, "leak")], guard=GUARD)
    assert sources("scored", examples, "train") == ["pairs.csv:3"]
    assert sources("scored", examples, "test") == ["pairs.csv:2"]
    assert examples.leak_report["left_out"]["train"] == 1


@pytest.mark.parametrize("fold", range(4))
def test_no_fold_leaks(settings: dict[str, Any], corpus: CleanData, fold: int) -> None:
    shares = {"dev": 0.25, "test": 0.2, "fold": 0}
    changed = PrepareSettings(**settings | {"new_variables": shares, "scored_pairs": shares})
    assert not leaks(build_examples(corpus, changed.with_fold(0.25, fold)))


VOCABULARY = st.sampled_from(["bread", "breads", "men", "the", "of", "ships", "25"])
WORDS = st.lists(VOCABULARY, min_size=1, max_size=3).map(" ".join)
ROLES = st.sampled_from(["name", "description", "curated", "generated"])
DCIDS = st.integers(0, 30).map("v/{}".format)
TEXT = st.builds(CatalogText, DCIDS, st.just("small"), ROLES, WORDS, st.just("v.csv:2"))
PAIR = st.builds(ScoredPair, WORDS, WORDS, st.just(0.5), st.just("p.csv:2"))


@given(st.lists(TEXT, max_size=60), st.lists(PAIR, max_size=10), st.lists(PAIR, max_size=10))
def test_nothing_leaks_however_often_the_texts_repeat(
    build: Build, texts: list[CatalogText], scored: list[ScoredPair], guard: list[ScoredPair]
) -> None:
    zebra = variable(MEN, name="Zebra", generated="stripes")
    try:
        assert not leaks(build([*zebra, *DEV, *TEST, *texts], scored, guard))
    except InputError as error:
        assert "gives no" in str(error)  # the leak removal may leave nothing to train on


# Scored pairs and guard pairs


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("number", [MIN_DEV_PAIRS - 1, MIN_DEV_PAIRS])
def test_a_scored_pairs_first_sentence_decides_its_split_but_train_gets_too_few_for_dev(
    build: Build, split: str, number: int
) -> None:
    keys = [key_in(split, f"left {n}") for n in range(number)]
    examples = build(scored=[ScoredPair(key, f"right {key}", 0.5, "pairs.csv:2") for key in keys])
    counts = {name: len(of_kind("scored", examples, name)) for name in SPLITS}
    expected = "train" if split == "dev" and number < MIN_DEV_PAIRS else split
    assert counts == dict.fromkeys(SPLITS, 0) | {expected: number}


def test_guard_pairs_are_divided_between_dev_and_test(build: Build) -> None:
    train, dev, test = (sources("guard", build(guard=GUARD), split) for split in SPLITS)
    assert len(train) == 0 < min(len(dev), len(test))
    assert sorted(dev + test) == [pair.source for pair in GUARD]


def test_a_scored_pair_of_test_says_whether_one_of_its_sentences_is_trained_on(
    build: Build,
) -> None:
    seen = ScoredPair(key_in("test", "e"), SCORED[1].sentence_2.upper(), 0.5, "pairs.csv:4")
    pairs = of_kind("scored", build(scored=[*SCORED, seen]), "test")
    assert [pair["seen"] for pair in pairs] == [False, True]


# Queries and the corpus they search


def test_the_corpus_has_every_text_but_the_queries_and_every_variable(
    build: Build, corpus: CleanData
) -> None:
    examples = build(*corpus, query_share=0.5)
    hidden = {*queries(examples, "dev"), *queries(examples, "test")}
    documents = {document["text"] for document in examples.corpus}
    assert hidden
    assert not hidden & documents
    assert hidden | documents == {text.text for text in corpus.texts}
    all_queries = build(*corpus, query_share=1)
    assert {row["dcid"] for row in all_queries.corpus} == {text.dcid for text in corpus.texts}


@pytest.mark.parametrize("share", [1e-9, 1])
def test_a_held_out_variable_has_a_query_at_least_and_its_name_is_none(
    build: Build, share: float
) -> None:
    examples = build([*TRAIN, *DEV, *TEST, *variable(TREES, curated="TREES!")], query_share=share)
    assert queries(examples, "test") == ["woods and groves"]
    assert sources("query", examples, "test") == [TEST[2].source]


def test_a_query_that_names_two_variables_lists_both_and_is_hidden_from_the_corpus(
    build: Build,
) -> None:
    examples = build([*TRAIN, *DEV, *TEST, *variable(WOMEN, curated="Woods and Groves")])
    [query] = of_kind("query", examples, "test")
    assert query["dcids"] == sorted([TREES, WOMEN])
    assert normalize(query["text"]) not in {normalize(row["text"]) for row in examples.corpus}


def test_other_catalogs_are_left_out_and_a_query_has_the_catalog_of_its_variable(
    build: Build,
) -> None:
    forest = variable(WOMEN, catalog="medium", name="Forest", generated="woods and groves")
    examples = build([*EATERS, *DEV, *TEST, *forest], catalogs=["small"])
    [query] = of_kind("query", examples, "test")
    assert query["dcids"] == [TREES]
    assert {document["dcid"] for document in examples.corpus} == {MEN, SHIPS, TREES}
    ships = [text._replace(catalog="medium") for text in DEV]
    [query] = of_kind("query", build([*TRAIN, *ships, *TEST]), "dev")
    assert query["catalog"] == "medium"


@pytest.mark.parametrize(
    ("texts", "missing"),
    [
        ([*DEV, *TEST], "positive and no pick for train"),
        ([*TRAIN, *TEST], "query and no list for dev"),
        ([*TRAIN, *DEV, *variable(TREES, name="Trees")], "query and no list for test"),
        ([], "positive and no pick for train"),
    ],
)
def test_an_empty_split_is_an_error_with_a_remedy(build: Build, texts: Any, missing: str) -> None:
    with pytest.raises(InputError, match=f"embedder gives no {missing}; add variables"):
        build(texts)


# Wordings of known variables

HALF = {"dev": 0.2, "test": 0.3, "fold": 0}
HALVES = SplitShares(**HALF)


def wording_in(split: str, stem: str = "lads") -> str:
    """Return a wording whose near-duplicate key falls into a split of HALVES."""
    keys = (f"{stem} {n}" for n in count())
    return next(key for key in keys if assign_split(near_duplicate_key(key), HALVES) == split)


SPLIT_WORDINGS = {split: wording_in(split) for split in SPLITS}
KNOWN = variable(
    MEN, name="Eaters", description="They eat.", generated="|".join(SPLIT_WORDINGS.values())
)


def test_a_held_out_wording_asks_for_its_known_variable_and_its_other_texts_are_trained_on(
    build: Build,
) -> None:
    examples = build([*KNOWN, *EATERESSES, *DEV, *TEST], wordings=HALF)
    for split in ("dev", "test"):
        asked = {query["text"]: query["known"] for query in of_kind("query", examples, split)}
        assert asked[SPLIT_WORDINGS[split]] is True
        assert sorted(asked.values()) == [False, True]  # and one of a new variable
    anchors = {row["anchor"] for row in of_kind("positive", examples, "train")}
    assert anchors == {"They eat.", "Women who eat.", SPLIT_WORDINGS["train"]}
    corpus = {row["text"] for row in examples.corpus}
    assert not {SPLIT_WORDINGS["dev"], SPLIT_WORDINGS["test"]} & corpus


@pytest.mark.parametrize("owner", [MEN, WOMEN, SHIPS, TREES])
def test_a_near_duplicate_of_a_held_out_wording_is_neither_trained_on_nor_searched(
    build: Build, owner: str
) -> None:
    again = variable(owner, generated=f"The {SPLIT_WORDINGS['test']}!")
    examples = build([*KNOWN, *EATERESSES, *DEV, *TEST, *again], wordings=HALF)
    keys = {near_duplicate_key(row["text"]) for row in examples.corpus}
    keys |= {near_duplicate_key(row["anchor"]) for row in of_kind("positive", examples, "train")}
    assert near_duplicate_key(SPLIT_WORDINGS["test"]) not in keys
    [query] = [row for row in of_kind("query", examples, "test") if row["known"]]
    assert query["dcids"] == sorted({MEN, owner})
    assert not leaks(examples)


def test_a_variable_keeps_two_texts_in_train_and_a_name_is_never_held_out(build: Build) -> None:
    test = SPLIT_WORDINGS["test"]
    other = wording_in("test", "bakers")
    short = variable(MEN, name="Eaters", generated=test)
    nameless = variable(WOMEN, generated=other)
    texts = [*short, *nameless, *DEV, *TEST]
    examples = build(texts, wordings=HALF)
    assert queries(examples, "test") == ["woods and groves"]
    assert [row["anchor"] for row in of_kind("positive", examples, "train")] == [test]
    namesake = variable(key_in("train", "namesake"), name=test, description="Boys.")
    examples = build([*KNOWN, *namesake, *DEV, *TEST], wordings=HALF)
    assert test not in queries(examples, "test")


def test_over_the_folds_each_wording_is_tested_once_but_for_new_variables(
    settings: dict[str, Any], corpus: CleanData
) -> None:
    none = {"dev": 0.1, "test": 1e-9, "fold": 0}
    changed = PrepareSettings(**settings | {"new_variables": none})
    tested: Counter[str] = Counter()
    for fold in range(4):
        examples = build_examples(corpus, changed.with_fold(0.25, fold))
        assert not leaks(examples)
        asked = of_kind("query", examples, "test")
        tested.update(near_duplicate_key(row["text"]) for row in asked if row["known"])
    assert len(tested) > 50
    assert set(tested.values()) == {1}


def test_a_refit_learns_the_whole_catalog_and_all_scored_pairs_but_no_guard(build: Build) -> None:
    texts = [*KNOWN, *EATERESSES, *DEV, *TEST, *variable(MEN, generated=GUARD[0].sentence_1)]
    examples = build(texts, SCORED, GUARD, wordings=HALF)
    refitted = of_kind("positive", examples, "refit")
    learned = {row[side] for row in refitted for side in ("anchor", "positive")}
    assert learned == {text.text for text in texts} - {GUARD[0].sentence_1}
    assert len(of_kind("scored", examples, "refit")) == len(SCORED)
    assert not leaks(examples)


# Feedback


def ranked_list(query: str, picks: str = "b", **fields: Any) -> Record:
    """Return a clean list that shows a, b, c and d."""
    sources = [{"url": url, "title": f"Page {url}.", "snippet": f"All of {url}."} for url in "abcd"]
    record = f"lists.json:{query}"
    return {"query": query, "sources": sources, "picks": [*picks], "record": record, **fields}


def question_in(split: str, stem: str = "crumbs") -> str:
    return next(
        key
        for n in count()
        if assign_split(near_duplicate_key(key := f"{stem} {n}"), SHARES) == split
    )


LISTS = [ranked_list(question_in(split)) for split in SPLITS]


def test_a_pick_has_the_texts_above_and_below_it_as_negatives_and_whole_lists_are_held_out(
    build: Build,
) -> None:
    train = ranked_list(question_in("train"), picks="db")
    examples = build(ranked_lists=[train, *LISTS[1:]])
    text = {url: f"Page {url}. All of {url}." for url in "abcd"}
    picks = of_kind("pick", examples, "train")
    assert [row["positive"] for row in picks] == [text["d"], text["b"]]
    assert [row["negatives"] for row in picks] == [[text["a"], text["c"]]] * 2
    [held_out] = of_kind("list", examples, "test")
    assert held_out["documents"] == [*text.values()]
    assert held_out["picked"] == [False, True, False, False]
    refitted = [row["query"] for row in of_kind("pick", examples, "refit")]
    assert refitted == [train["query"], train["query"], LISTS[1]["query"]]


def test_no_pick_of_a_question_that_is_a_guard_text_is_learned(build: Build) -> None:
    guard = [
        {"query": LISTS[0]["query"], "text": "Bread is cut.", "source": f"q:{n}"} for n in "12"
    ]
    lists = [*LISTS, ranked_list(question_in("train", "other"))]
    examples = build(guard_queries=guard, ranked_lists=lists)
    for split in ("train", "refit"):
        questions = [row["query"] for row in of_kind("pick", examples, split)]
        assert LISTS[0]["query"] not in questions
        assert lists[-1]["query"] in questions


def test_a_topic_keeps_its_questions_in_one_split_and_no_question_is_learned_and_tested(
    build: Build,
) -> None:
    topic, question = question_in("test", "topic"), question_in("train", "other")
    lists = [*LISTS, ranked_list(question, topic=topic), ranked_list(f"The {question}!")]
    examples = build(ranked_lists=lists)
    assert question in [row["query"] for row in of_kind("list", examples, "test")]
    assert [row["query"] for row in of_kind("pick", examples, "train")] == [LISTS[0]["query"]]
    assert examples.leak_report["shared"]["questions"]["train and test"] == 0


def test_a_question_of_test_is_not_trained_on_as_a_text_of_the_catalog(build: Build) -> None:
    texts = [*TRAIN, *DEV, *TEST, *variable(MEN, generated=f"The {LISTS[2]['query']}")]
    examples = build(texts, ranked_lists=LISTS)
    assert sources("positive", examples, "train") == sources("positive", build(), "train")


def test_either_the_catalog_or_the_feedback_is_enough(
    clean: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    copy = copytree(clean, tmp_path / "clean")
    alone = {name: PrepareSettings(**settings | {"learn_from": [name]}) for name in FEEDS}
    write_examples(copy, tmp_path / "before", alone["catalog"])
    with pytest.raises(InputError, match="gives no positive and no pick for train"):
        write_examples(copy, tmp_path / "none", alone["feedback"])
    write_jsonl(copy / "ranked_lists.jsonl", LISTS)
    write_examples(copy, tmp_path / "after", alone["catalog"])
    for path in (tmp_path / "before").iterdir():
        assert path.read_bytes() == (tmp_path / "after" / path.name).read_bytes()
    (copy / "catalog.jsonl").unlink()
    counts = write_examples(copy, tmp_path / "lists", alone["feedback"])
    assert (counts["train"]["pick"], counts["dev"]["list"], counts["test"]["list"]) == (1, 1, 1)
    assert read_jsonl(tmp_path / "lists" / "corpus.jsonl") == []


# Guard queries


def test_guard_queries_are_divided_so_that_dev_and_test_share_no_text(build: Build) -> None:
    rows = [{"query": f"q {n}", "text": f"Text {n % 9}.", "source": f"q:{n}"} for n in range(36)]
    examples = build(guard_queries=rows)
    dev, test = (of_kind("guard_query", examples, split) for split in ("dev", "test"))
    assert len(dev) + len(test) == 36
    assert dev
    assert test
    assert not {row["text"] for row in dev} & {row["text"] for row in test}


# Files


def test_all_files_are_written_and_the_counts_returned(
    clean: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    counts = write_examples(clean, tmp_path, PrepareSettings(**settings))
    assert counts == read_json(tmp_path / "leak_report.json")["records"]
    assert read_jsonl(tmp_path / "corpus.jsonl")
    for split in SPLITS:
        assert sum(counts[split].values()) == len(read_jsonl(tmp_path / f"{split}.jsonl")) > 0


def test_the_preview_shows_some_examples_of_each_reason(example_folder: Path) -> None:
    train = read_jsonl(example_folder / "train.jsonl")
    lines = preview_lines(example_folder, 2)
    headings = {line.partition(":")[0] for line in lines if line and not line.startswith(" ")}
    assert headings == {record.get("why", "scored by a curator") for record in train}
    assert sum("  |  " in line for line in lines) == 2 * len(headings)
    assert any("(a sibling; differs in " in line for line in lines)
