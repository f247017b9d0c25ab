"""The examples say where they come from, and no split leaks into another one."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findtune.core.errors import InputError
from findtune.core.files import read_json, read_jsonl
from findtune.core.text import normalize
from findtune.embedder.prepare.examples import (
    CleanData,
    PrepareSettings,
    preview_lines,
    write_examples,
)
from findtune.embedder.prepare.scored_pairs import MIN_DEV_PAIRS, ScoredPair
from findtune.embedder.prepare.variables import CatalogText
from findtune.examples.splits import SPLITS, assign_split
from tests.embedder.prepare.small_catalog import (
    DEV,
    EATERESSES,
    EATERS,
    GUARD,
    MEN,
    SCORED,
    SHARES,
    SHIPS,
    TEST,
    TRAIN,
    TREES,
    WOMEN,
    Build,
    build_examples,
    key_in,
    leaks,
    of_kind,
    queries,
    sources,
    variable,
)

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
    + ["he shut the door 3", "He shuts doors 4", "soup, 5"]
    + ["wóods and gróvés", "The Böats at Sea", "he shut the dóor 6"],
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
def test_no_fold_leaks(
    settings: dict[str, Any], corpus: CleanData, fold: int, tmp_path: Path
) -> None:
    shares = {"dev": 0.25, "test": 0.2, "fold": 0}
    changed = PrepareSettings(**settings | {"new_variables": shares, "scored_pairs": shares})
    assert not leaks(build_examples(corpus, changed.with_fold(0.25, fold), tmp_path))


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
    examples = build(*corpus[:4], query_share=0.5)
    hidden = {*queries(examples, "dev"), *queries(examples, "test")}
    documents = {document["text"] for document in examples.corpus}
    assert hidden
    assert not hidden & documents
    assert hidden | documents == {text.text for text in corpus.texts}
    all_queries = build(*corpus[:4], query_share=1)
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


def test_another_spelling_of_a_query_is_hidden_from_the_corpus_but_no_name_is(build: Build) -> None:
    known = variable(WOMEN, curated="wóods and groves|Bréad eaters, women")
    examples = build([*TRAIN, *DEV, *TEST, *known])
    texts = {row["text"] for row in examples.corpus}
    assert texts >= {"Bread Eaters, Women", "Bréad eaters, women"}
    assert not texts & {"woods and groves", "wóods and groves"}
    spelled = variable(TREES, curated="Trées")
    assert queries(build([*TRAIN, *DEV, *TEST, *spelled]), "test") == ["woods and groves"]


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
