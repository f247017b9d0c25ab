"""The retriever learns the picks: a question comes closer to them than to what was not picked."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from findtune.core.errors import CollapseError
from findtune.core.records import Record, read_kind
from findtune.reranker.model.ranked_lists import document_texts, picked, without_random_negatives
from findtune.reranker.model.retriever_features import tuned_features
from findtune.reranker.training.recipe import Recipe, RetrieverArguments
from findtune.reranker.training.retriever_training import fit_retriever, load_retriever, pick_rows
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


def test_each_list_has_a_row_per_epoch_and_its_picks_take_turns(
    recipe: dict[str, Any], shown: list[Record]
) -> None:
    changes = {"epochs": 2, "hard_negatives": 5}
    arguments = RetrieverArguments(**recipe["retriever"] | changes)
    only_picks = shown[0] | {"picks": [row["url"] for row in shown[0]["documents"]]}
    rows = pick_rows([*shown, only_picks], arguments, seed=1)
    assert [row["anchor"] for row in rows] == [row["query"] for row in shown] * 2
    assert rows == pick_rows(shown, arguments, seed=1) != pick_rows(shown, arguments, seed=2)
    for first, second, ranked_list in zip(rows, rows[len(shown) :], shown, strict=False):
        texts, picks = np.array(document_texts(ranked_list)), picked(ranked_list).astype(bool)
        assert {first["positive"], second["positive"]} == set(texts[picks])
        for row in (first, second):
            drawn = Counter(row[f"negative_{number}"] for number in range(1, 6))
            assert set(drawn) == set(texts[~picks])
            assert max(drawn.values()) - min(drawn.values()) <= 1  # none twice before all once


def test_with_a_position_bias_unpicked_documents_that_users_saw_are_drawn_first(
    recipe: dict[str, Any],
) -> None:
    documents = [{"url": url, "text": url, "rank": rank} for rank, url in enumerate("abcdef", 1)]
    ranked_list = {"query": "tea", "documents": documents, "picks": ["c"]}
    changes = {"epochs": 2000, "hard_negatives": 1}
    arguments = RetrieverArguments(**recipe["retriever"] | changes)
    counts = {}
    for eta in (0.0, 3.0):
        rows = pick_rows([ranked_list], arguments, seed=1, eta=eta)
        drawn = Counter(row["negative_1"] for row in rows)
        counts[eta] = np.array([drawn[url] for url in "abdef"]) / len(rows)
    assert counts[0.0] == pytest.approx([1 / 5] * 5, abs=0.04)
    seen = np.array([1, 1, *(3 / np.array([4, 5, 6])) ** 3])
    assert counts[3.0] == pytest.approx(seen / seen.sum(), abs=0.04)
    plain = pick_rows([ranked_list], arguments, seed=1)
    assert plain == pick_rows([ranked_list], arguments, seed=1, eta=0.0)
