"""Wordings of known variables are held out, and nothing like them is trained on."""

from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from findtune.core.text import near_duplicate_key
from findtune.embedder.prepare.examples import (
    CleanData,
    PrepareSettings,
)
from findtune.embedder.prepare.held_out_queries import hold_out_wordings, naming_keys
from findtune.embedder.prepare.variables import CatalogText, Variable
from findtune.examples.splits import SPLITS, SplitShares, assign_split
from tests.embedder.prepare.small_catalog import (
    DEV,
    EATERESSES,
    GUARD,
    MEN,
    SCORED,
    SHIPS,
    TEST,
    TREES,
    WOMEN,
    Build,
    build_examples,
    key_in,
    leaks,
    of_kind,
    queries,
    variable,
)

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
    settings: dict[str, Any], corpus: CleanData, tmp_path: Path
) -> None:
    none = {"dev": 0.1, "test": 1e-9, "fold": 0}
    changed = PrepareSettings(**settings | {"new_variables": none})
    tested: Counter[str] = Counter()
    for fold in range(4):
        examples = build_examples(corpus, changed.with_fold(0.25, fold), tmp_path)
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


def texts(dcid: str, **by_role: str) -> Variable:
    """A variable with texts, each given as its role, and separated by a bar."""
    rows = [
        CatalogText(dcid, "small", role, text, "file.csv:2")
        for role, joined in by_role.items()
        for text in joined.split("|")
    ]
    return Variable(dcid, tuple(rows))


def test_a_wording_that_one_of_its_variables_cannot_spare_is_not_held_out() -> None:
    wording = SPLIT_WORDINGS["test"]
    rich = texts("d1", name="Drinkers", generated=f"{wording}|cups|plates")
    poor = texts("d2", name="Eaters", generated=wording)
    naming = naming_keys([rich, poor])
    key = near_duplicate_key(wording)
    assert key in hold_out_wordings([rich], naming, HALVES)["test"]
    for both in ([rich, poor], [poor, rich]):
        held_out = hold_out_wordings(both, naming, HALVES)
        assert key not in held_out["test"] | held_out["dev"]
