"""The retriever learns the picks: a question comes closer to them than to what was not picked."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from findtune.core.errors import CollapseError, InputError
from findtune.core.records import Record, read_kind
from findtune.reranker.model.ranked_lists import (
    document_texts,
    learned_gains,
    picked,
    without_random_negatives,
)
from findtune.reranker.model.retriever_features import tuned_features
from findtune.reranker.training.recipe import Recipe, RetrieverArguments
from findtune.reranker.training.retriever_training import (
    fit_retriever,
    list_rows,
    load_retriever,
    topics_of,
)
from findtune.training.arguments import trainer_arguments

Tune = Callable[..., SentenceTransformer]


@pytest.fixture(scope="module")
def shown(example_folder: Path) -> list[Record]:
    """The lists of train as users saw them."""
    return without_random_negatives(read_kind(example_folder / "train.jsonl", "list"))


@pytest.fixture(scope="module")
def tune(tiny_base: Path, shown: list[Record], recipe: dict[str, Any]) -> Tune:
    """The function that tunes the tiny base; keywords change the arguments or the seed."""

    def run(seed: int = 13, **changes: Any) -> SentenceTransformer:
        arguments = RetrieverArguments(**recipe["retriever"] | {"epochs": 8} | changes)
        settings = trainer_arguments(Recipe(**recipe), "fp32", seed, progress=False)
        return fit_retriever(tiny_base, shown, arguments, settings)

    return run


def weights_of(model: SentenceTransformer) -> list[bytes]:
    return [weight.numpy().tobytes() for weight in model.state_dict().values()]


def margin(encoder: SentenceTransformer, lists: list[Record]) -> float:
    """Return how much closer the questions are to picked documents than to the others."""
    margins = []
    for row, features in zip(lists, tuned_features(encoder, lists, 0.2), strict=True):
        cosines, picks = features[:, 0], picked(row).astype(bool)
        margins.append(cosines[picks].mean() - cosines[~picks].mean())
    return float(np.mean(margins))


def test_a_question_comes_closer_to_its_picks_the_same_way_for_the_same_seed(
    tune: Tune, tiny_base: Path, recipe: dict[str, Any], shown: list[Record]
) -> None:
    base = load_retriever(tiny_base, RetrieverArguments(**recipe["retriever"]))
    first, again, other = tune(), tune(), tune(seed=14)
    assert margin(first, shown) > margin(base, shown) + 0.05
    assert weights_of(first) == weights_of(again) != weights_of(other)
    assert weights_of(base) != weights_of(first)


def test_weights_that_are_not_finite_are_a_collapse(tune: Tune) -> None:
    with pytest.raises(CollapseError, match="no longer finite"):
        tune(learning_rate=1e30)


def test_the_retriever_reads_no_more_tokens_than_the_recipe_or_its_base_allow(
    tiny_base: Path, recipe: dict[str, Any]
) -> None:
    for limit, expected in ((9, 9), (500, 40)):
        arguments = RetrieverArguments(**recipe["retriever"] | {"max_seq_length": limit})
        assert load_retriever(tiny_base, arguments).max_seq_length == expected


def test_each_list_has_a_row_per_epoch_with_its_own_documents(
    recipe: dict[str, Any], shown: list[Record]
) -> None:
    arguments = RetrieverArguments(**recipe["retriever"] | {"epochs": 2, "documents": 6})
    only_picks = shown[0] | {"picks": [row["url"] for row in shown[0]["documents"]], "qrels": {}}
    rows, topics = list_rows([*shown, only_picks], arguments, seed=1)
    assert [row["question"] for row in rows] == [row["query"] for row in shown] * 2
    assert topics == [row["group"] for row in shown] * 2
    assert rows == list_rows(shown, arguments, seed=1)[0] != list_rows(shown, arguments, seed=2)[0]
    for row, ranked_list in zip(rows, shown * 2, strict=True):
        gains = dict(zip(document_texts(ranked_list), learned_gains(ranked_list), strict=True))
        drawn = [row[f"document_{number}"] for number in range(1, 7)]
        relevant = [gain for text in drawn if (gain := gains[text])]
        assert 1 <= len(relevant) <= arguments.relevant
        assert row["label"] == pytest.approx([gains[text] / sum(relevant) for text in drawn])
        counts = Counter(text for text in drawn if not gains[text])
        assert max(counts.values()) - min(counts.values()) <= 1  # none twice before all once


LEARNED = [
    ({}, {"c": 1.0}),
    ({"a": 3, "b": 1}, {"a": 3 / 8, "b": 1 / 8, "c": 1 / 2}),  # nobody graded the pick
    ({"a": 1, "c": 3}, {"a": 1 / 8, "c": 7 / 8}),
    ({"a": 3, "b": 1, "c": 0}, {"a": 3 / 4, "b": 1 / 4}),
    ({"c": 0}, {"c": 1.0}),  # without a relevant document, grades teach nothing
]


@pytest.mark.parametrize(("grades", "expected"), LEARNED)
def test_grades_and_picks_are_learned_in_equal_parts(
    recipe: dict[str, Any], grades: dict[str, int], expected: dict[str, float]
) -> None:
    documents = [{"url": url, "text": url} for url in "abcd"]
    ranked_list = {"query": "tea", "documents": documents, "picks": ["c"], "group": "tea"}
    arguments = RetrieverArguments(**recipe["retriever"] | {"documents": 4, "relevant": 3})
    [row], _ = list_rows([ranked_list | {"qrels": grades}], arguments, seed=1)
    shares = {row[f"document_{n}"]: share for n, share in enumerate(row["label"], 1)}
    assert shares == pytest.approx(dict.fromkeys("abcd", 0.0) | expected)


def test_a_position_bias_changes_what_picks_teach_but_not_what_grades_teach() -> None:
    documents = [{"url": url, "text": url, "rank": rank} for rank, url in enumerate("abcd", 1)]
    ranked_list = {"documents": documents, "picks": ["a", "d"], "qrels": {"b": 3, "c": 1}}
    assert learned_gains(ranked_list).tolist() == [1 / 2, 3 / 4, 1 / 4, 1 / 2]
    a, b, c, d = learned_gains(ranked_list, eta=1.0).tolist()
    assert (b, c) == (3 / 4, 1 / 4)
    assert a < 1 / 2 < d
    assert a + d == pytest.approx(1)


def test_lists_without_an_irrelevant_document_are_an_error(recipe: dict[str, Any]) -> None:
    ranked_list = {"query": "tea", "documents": [{"url": "a", "text": "a"}], "picks": ["a"]}
    rows = [ranked_list | {"qrels": {}, "group": "tea"}]
    with pytest.raises(InputError, match="all documents are picked"):
        list_rows(rows, RetrieverArguments(**recipe["retriever"]), seed=1)


def test_a_row_has_room_for_an_irrelevant_document(recipe: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="relevant must be below documents"):
        RetrieverArguments(**recipe["retriever"] | {"documents": 3, "relevant": 3})


def test_with_a_position_bias_unpicked_documents_that_users_saw_are_drawn_first(
    recipe: dict[str, Any],
) -> None:
    documents = [{"url": url, "text": url, "rank": rank} for rank, url in enumerate("abcdef", 1)]
    ranked_list = {
        "query": "tea",
        "documents": documents,
        "picks": ["c"],
        "qrels": {},
        "group": "x",
    }
    changes = {"epochs": 2000, "documents": 2, "relevant": 1}
    arguments = RetrieverArguments(**recipe["retriever"] | changes)
    counts = {}
    for eta in (0.0, 3.0):
        rows, _ = list_rows([ranked_list], arguments, seed=1, eta=eta)
        drawn = Counter(row["document_2"] for row in rows)
        counts[eta] = np.array([drawn[url] for url in "abdef"]) / len(rows)
    assert counts[0.0] == pytest.approx([1 / 5] * 5, abs=0.04)
    seen = np.array([1, 1, *(3 / np.array([4, 5, 6])) ** 3])
    assert counts[3.0] == pytest.approx(seen / seen.sum(), abs=0.04)


def test_where_grades_say_what_is_irrelevant_the_position_bias_draws_nothing(
    recipe: dict[str, Any],
) -> None:
    documents = [{"url": url, "text": url, "rank": rank} for rank, url in enumerate("abcdef", 1)]
    ranked_list = {"query": "tea", "documents": documents, "picks": ["c"], "group": "x"}
    graded = ranked_list | {"qrels": {"a": 2}}
    arguments = RetrieverArguments(**recipe["retriever"] | {"documents": 2, "relevant": 1})
    assert list_rows([graded], arguments, 1, eta=3.0) == list_rows([graded], arguments, 1)


def test_the_rows_of_a_busy_user_are_kept_apart_by_their_questions_alone() -> None:
    questions = ["rent in Oslo", "Rents in Oslo?", "births", "deaths", "roads", "ships"]
    rows = [{"question": question} for question in questions]
    groups = ["u1", "u1", "u1", "u1", "u2", "u2"]
    same, again, *others = topics_of(rows, groups, batches=3)
    assert same == again
    assert same not in others
    assert others[-2:] == ["u2", "u2"]
    assert len({*others[:2]}) == 2
    assert topics_of(rows, groups, batches=4) == groups
